"""What IKE prints, explained for `dmvpn explain` and `| explain`. Imported on first use, never by a machine.

Here are headings and labels of shows, the lines of log and debugs, and the fields of a message that a user opens in the
page of a lab.

numbers      exchanges, payloads, notifications; states of an IKE SA; transforms, groups, kinds of proofs and identities
isakmp       numbers, shows and debugs of IKEv1
failures     why something came to nothing
"""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.ike import messages
from dmvpn.features.ike.explain import failures, isakmp, numbers

_FIELDS = words(WordKind.LABEL)("""
    ## fields of an IKEv2 message :: the page of a lab [RFC 7296 §3.1] next: debug crypto ikev2 packet
    Initiator SPI :: The number that the initiator chose for the IKE SA.
    Responder SPI :: The number that the responder chose; zero in the first message.
    Exchange Type :: What the pair of messages is for. [RFC 7296 §1.2 and §1.3]
    Header Flags :: Who sent the message, and whether it is a request or a response.
    Message ID :: The number of the exchange: a response has that of its request. [RFC 7296 §2.2]
    Payloads :: The parts of the message, in their order. The contents of SK are encrypted: only the two ends can read
        them. [RFC 7296 §3.2]
    Notifications :: Errors and news that are not encrypted, by their types. [RFC 7296 §3.10]
    Message Length :: The octets of the message, header included.

    ## fields of an IKEv1 message :: the page of a lab [RFC 2408 §3.1] next: debug crypto isakmp
    Initiator Cookie :: The number that the initiator chose for the ISAKMP SA.
    Responder Cookie :: The responder's number for the ISAKMP SA; zero in the first message.
    Mode :: The exchange that the message belongs to. [RFC 2409 §5]
    Phase 2 Identifier :: The number of the quick mode or of the notification; 0 in phase 1.
    Message Length :: The octets of the ISAKMP message, header included.
    Encrypted :: Whether the payloads are encrypted: from message 5 of main mode on they are.
    """)
_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of IKE :: the prompt next: show crypto ikev2 profile
    % There is a local authentication method already; remove it first :: A profile proves itself in one way: say `no
        authentication local ...` before another one.
    %Warning: kept without effect: <why> :: The line is legal and has no effect in this router; it is shown back as
        it was written.
    % Invalid hex key: pairs of hexadecimal digits are expected :: A key with `hex` was given that is no string of
        octets.
    %Warning: kept; a key of type <number> can be read by the router that wrote it only, so tunnels that need it stay
        down; enter the key in clear :: Type 6 keys are sealed with a secret of the router that made them, so a copy is
        worthless.
    """)
_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of IKE :: show logging next: show logging
    %CRYPTO-6-ISAKMP_ON_OFF :: At the first `tunnel protection`, and when the last is taken away.
        next: show crypto sockets
    %CRYPTO-5-IKEV2_SESSION_STATUS :: At each end of a session's life. next: show crypto session
    %CRYPTO-5-SESSION_STATUS :: At each end of a session's life. next: show crypto session
    %IKEV2-3-NEG_ABORT :: On the end that refused, or that was refused. Read the log of both: one of them knows.
        [RFC 7296 §2.21]
        next: show crypto ikev2 proposal, show crypto ikev2 profile
    %CRYPTO-4-NO_ESP :: When packets have gone to a peer for ten seconds and more, and it answers the question whether
        it lives. [RFC 7296 §2.4]
        next: show crypto ipsec sa
    %CRYPTO-4-DENIED_BY_LIST :: When the router begins with the peer, when SAs are made, and when the list changes.
        next: show ip access-lists interface (the interface) in
    %CRYPTO-6-IKMP_MODE_FAILURE :: On the end that refused, or that was refused. Read the log of both: one of them
        knows. [RFC 2409 §5]
        next: show crypto isakmp policy, show crypto isakmp key, debug crypto isakmp
    %CRYPTO-4-IKMP_BAD_MESSAGE :: Of IKEv2: whatever cannot be read and may be of a peer. Of IKEv1: on the end that
        answers main mode, when message 5 comes with other keys; the other end hears nothing, and says so.
        [RFC 2409 §5.4]
        next: show crypto isakmp key
    %CRYPTO-5-IKMP_AG_MODE_DISABLED :: When a peer is configured for aggressive mode, or an attacker collects hashes of
        pre-shared keys. [RFC 2409 §5]
        next: debug crypto isakmp
    %CRYPTO-4-IKE_CONFIG :: When the configuration is read. next: show running-config
    %CRYPTO-4-KEYS_WRITTEN :: In labs, with `dmvpn lab capture --keys`.
    """)
_DEBUGS = words(WordKind.DEBUG)("""
    ## lines of debug crypto ikev2 :: debug crypto ikev2, show logging next: show crypto ikev2 sa detailed
    IKEv2:(SESSION ID = <number>,SA ID = <number>):Session with IKE ID <identity> authenticated, <algorithms> :: The
        peer's proof was good; the algorithms that both agreed on follow. [RFC 7296 §1.2]
    IKEv2:(SESSION ID = <number>,SA ID = <number>):IKE SA rekeyed :: A new IKE SA took the place of one whose lifetime
        ends; child SAs moved over to it. [RFC 7296 §2.8]
    IKEv2:(SESSION ID = <number>,SA ID = <number>):Deleting SA: <reason> :: The IKE SA ends, and all its IPsec SAs with
        it. [RFC 7296 §1.4.1]
    IKEv2:(SESSION ID = <number>,SA ID = <number>):IPSec SA created: in <spi>, out <spi> :: A pair of IPsec SAs was
        agreed on; these are the SPIs of both directions. [RFC 7296 §1.3.1]
        next: show crypto ipsec sa
    IKEv2:(SESSION ID = <number>,SA ID = <number>):IPSec SA <spi> deleted: <reason> :: A pair of IPsec SAs ends; the IKE
        SA stays. [RFC 7296 §1.4.1]
        next: show crypto ipsec sa
    IKEv2:(SESSION ID = <number>,SA ID = <number>):Peer moved from <address:port> to <address:port> :: The peer's
        packets come from another address: its translator gave it a new one. We follow. [RFC 7296 §2.23]
    IKEv2:(SESSION ID = <number>,SA ID = <number>):<what> :: Something went wrong in this SA; the text says what.
        next: show logging
    IKEv2:<address:port>: <why> :: A message of a stranger, or of a peer that may not begin, was turned away (`debug
        crypto ikev2 error`).
        next: show crypto ikev2 stats
    """)
_SAS = words(WordKind.LABEL, mark=r"^ IPv[46] Crypto IKEv2 ", sighted=True)("""
    ## columns and labels of the IKE SAs :: show crypto ikev2 sa, show crypto ikev2 session
        next: show crypto ikev2 sa detailed
    Tunnel-id :: The number of the IKE SA; no number of a tunnel interface.
    Local :: Our address and UDP port.
    Remote :: The peer's address and UDP port.
    fvrf/ivrf | none/none :: The VRFs outside and inside of the tunnel; none: the global table.
    Session-id :: The number of the session that the SA belongs to. next: show crypto session detail
    IKE count :: How many IKE SAs the session has; two while one replaces the other.
    CHILD count :: How many pairs of IPsec SAs the session has. next: show crypto ipsec sa
    Encr :: The cipher of IKE itself, or below a child SA that of ESP.
    keysize :: Bits of the cipher's key.
    PRF :: The function that keys are derived with. [RFC 7296 §2.13]
    Hash :: The algorithm of the check value.
    DH Grp | Group | DH Group | Diffie-Hellman group :: The Diffie-Hellman group of the first exchange.
    Auth sign :: How this router proves itself. [RFC 7296 §2.15]
    Auth verify :: How the peer proves itself.
    Life/Active Time :: Seconds that the SA may live, and has lived. [RFC 7296 §2.8]
    CE id :: A number of IOS's crypto engine; 0 here.
    Status Description :: The present activity of the SA.
    Local spi :: Our number for the IKE SA. [RFC 7296 §3.1]
    Remote spi :: The peer's number for the IKE SA.
    Local id :: The identity that we prove. [RFC 7296 §3.5]
    Remote id :: The identity that the peer proved.
    req msg id :: The identifier of the last request. [RFC 7296 §2.2]
    next msg id :: The identifier of the next request.
    req queued :: The newest request that was accepted for sending.
    Local window :: How many requests of the peer we take at once. [RFC 7296 §2.3]
    Remote window :: How many requests the peer takes at once.
    DPD configured | DPD | retry :: Seconds of silence until the first probe, and seconds between further probes.
        [RFC 7296 §2.4]
    Fragmentation | IETF Std Fragmentation :: Whether large messages go in pieces of IKE's own; both ends have to want
        it. [RFC 7383]
    Dynamic Route Update :: Routes in IKE messages; not in this router.
    Extended Authentication :: A login besides the proof; not in this router.
    NAT-T is detected | NAT-T is not detected | inside | outside :: A translator is on the named side: ESP goes in UDP
        port 4500. [RFC 7296 §2.23]
    Cisco Trust Security SGT :: Tags of security groups; not in this router.
    Initiator of SA :: Whether this end began. [RFC 7296 §1.2]
    Child sa :: A pair of IPsec SAs, one for each direction; its labels follow. next: show crypto ipsec sa
    local selector :: The packets of ours that the pair is for. [RFC 7296 §2.9]
    remote selector :: The packets of the peer's that the pair is for.
    ESP spi in/out :: The SPIs that we receive and send with.
    AH spi in/out :: The same of AH, which is not used.
    CPI in/out | comp | IPCOMP_NONE :: The same of compression, which is not used.
    esp_hmac :: The check value of ESP; None with AES-GCM, which has its own.
    ah_hmac :: The check value of AH; there is none.
    mode transport | mode | transport :: The pair protects GRE without another IP header. [RFC 7296 §1.3.1]
    mode tunnel | tunnel :: The pair has an IP header of its own around each packet.
    Crypto IKEv2 SA | Crypto IKEv2  SA | IKEv2  SA | IKEv2 SA :: The IKE SAs, IPv4 and IPv6 apart.
    Crypto IKEv2 Session | IKEv2 Session :: The IKE SAs with their pairs of IPsec SAs.
    """)
_LABELS = words(WordKind.LABEL, sighted=True)("""
    ## labels of proposals, policies and profiles :: show crypto ikev2 proposal, show crypto ikev2 policy, show crypto
        ikev2 profile
        next: show crypto ikev2 profile
    IKEv2 proposal :: Algorithms that are offered and accepted. [RFC 7296 §2.7]
    Encryption | encryption algorithm :: The ciphers, the preferred one first.
    Integrity | hash algorithm :: The check values of messages; none with AES-GCM.
    DH_GROUP | DH_GROUP_768_MODP | MODP | ECP | bit | subgroup :: A Diffie-Hellman group by its size and kind: MODP
        counts modulo a prime, ECP is a curve.
    IKEv2 policy :: Which proposals are used for which of our addresses. next: show crypto ikev2 policy
    Match fvrf | Fvrf | global | any :: The outer routing table for which it holds.
    Match address local :: Our addresses for which it holds.
    Proposal :: The proposals of the policy.
    IKEv2 profile :: Who peers may be, and how both ends prove themselves.
    Match criteria :: A peer that fits these gets this profile.
    Ref Count :: How many others name this profile.
    Shutdown :: Whether the profile is switched off.
    Local address/interface :: The profile holds for this address of ours alone.
    Identities :: The identities that peers may prove. [RFC 7296 §3.5]
    Certificate maps :: Rules that the certificate of a peer has to meet. next: show crypto pki certificates
    Local identity :: The identity that is sent; none: our address.
    Remote identity :: A single identity that is wanted.
    Local authentication method | authentication method :: How we prove ourselves.
    Remote authentication method :: How peers have to prove themselves.
    EAP options :: Proof by an outer server; not in this router.
    Keyring :: Where the pre-shared keys are. next: show running-config
    Trustpoint :: Whose certificates are used. next: show crypto pki trustpoints
    Lifetime | no volume limit | seconds :: Seconds until the IKE SA is replaced. [RFC 7296 §2.8]
    retry-interval | interval :: Seconds between questions that are not answered.
    on-demand | periodic :: A peer is asked only if packets go to it and none come.
    NAT-keepalive :: Seconds between packets that keep a translator from forgetting. [RFC 3948 §2.3]
    Ivrf :: The inner routing table; none of its own here.
    Virtual-template | mode auto :: Interfaces made for single peers; not in this router.
    AAA authentication mlist | AAA AnyConnect EAP authentication mlist | AAA EAP authentication mlist | AAA Accounting |
        AAA group authorization | AAA user authorization :: Names of lists for outer servers; not in this router.

    ## labels of the statistics of IKE :: show crypto ikev2 stats next: show crypto ikev2 stats
    Crypto IKEv2 SA Statistics :: Counters of IKE since the start.
    System Resource Limit :: A limit of the whole system; 0 is none.
    Max IKEv2 SAs :: How many IKE SAs may be had; 0 is without limit.
    Max in nego(in/out) | Max in nego | in/out :: How many may be negotiated at once.
    incoming IKEv2 SA Count | incoming | IKEv2 SA Count | Total incoming :: IKE SAs that peers began.
    outgoing IKEv2 SA Count | outgoing | Total outgoing :: IKE SAs that this router began.
    active :: IKE SAs that are up.
    negotiating :: IKE SAs that are on their way.
    IKEv2 Requests | Incoming | Outgoing :: Attempts to make an IKE SA.
    accepted :: Attempts that led to an SA.
    rejected :: Attempts that were refused. next: show logging
    Rejected IKEv2 Requests :: All refused attempts, and below them why.
    rsrc low :: Refused for want of memory.
    SA limit :: Refused because of the largest number of SAs.
    IKEv2 packets dropped at dispatch :: Messages that belong to no SA and begin none.
    Incoming Requests dropped as LOW Q limit reached :: Requests lost because a queue was full; there is none here.
    Incoming IKEV2 Cookie Challenged Requests :: Strangers that had to show that their address is real. [RFC 7296 §2.6]
    rejected no cookie :: Requests that did not return with the cookie.
    Total Deleted sessions of Cert Revoked Peers :: Sessions ended because a certificate was revoked.
        next: show crypto pki crls
    """)

GROUPS: Final = (*numbers.GROUPS, *isakmp.GROUPS, *failures.GROUPS, *groups(vars()))
