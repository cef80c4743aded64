"""What IPsec prints, explained for `dmvpn explain` and `| explain`. Imported on first use."""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.base.protection import Encapsulation, EspCipher, EspHash, ProtectionPhase
from dmvpn.base.sessions import SessionStatus
from dmvpn.features.ipsec import messages
from dmvpn.features.ipsec.associations import SaStanding
from dmvpn.features.ipsec.reasons import IpsecReason

# ------------------------------------------------------------------------------------- states, reasons and log messages


_STATUS = words(
    WordKind.STATE,
    SessionStatus,
    rank=10,
    sighting=r"(?:Session status: |Crypto Session Status: |, Status:)([A-Z-]+)",
    mark=r"^Crypto session current status",
)("""
    ## Session status :: show crypto session, show dmvpn detail, show crypto ikev2 session
        next: show crypto session detail
    UP_ACTIVE :: There is an IKE SA with the peer and a pair of IPsec SAs: packets go, protected. [RFC 7296 §1.2]
        when: The healthy state.
        next: show crypto ipsec sa
    UP_IDLE :: There is an IKE SA and no pair of IPsec SAs: the peer is known, and nothing is protected (yet).
        [RFC 7296 §1.3]
        when: Between the proof and the first child SA, or when a child SA was refused: transforms, mode, selectors.
        next: show crypto ikev2 sa detailed
    UP_NO_IKE :: The IPsec SAs live on and the IKE SA is gone: packets go until the SAs' lifetime ends.
        when: For a moment when IKE is renewed or cleared.
        next: show crypto ikev2 sa
    DOWN_NEGOTIATING :: IKE is talking to the peer, or trying to.
        when: At the start; if it stays, the peer does not answer or refuses.
        next: show crypto ikev2 sa, show logging
    DOWN :: Nothing is there and nothing is tried at the moment. The detail says why.
        when: After a refusal, while the next attempt is awaited, or when the tunnel is down.
    """)
_ABILITIES = words(WordKind.FLAG, rank=30, sighting=r"Capabilities:([A-Z]+) connid", cell=r"(D?N?F?)", joined=True)("""
    ## Capabilities :: show crypto session detail, show dmvpn detail next: show crypto ikev2 sa detailed
    C | IKE Configuration mode :: IKE configuration mode: addresses from a pool. Not in this router.
    D | Dead Peer Detection :: Dead Peer Detection: an empty message asks whether the peer lives. [RFC 7296 §2.4]
    K | Keepalives :: Keepalives of IKEv1. Not in this router.
    N | NAT-traversal :: NAT traversal: a translator is between, so ESP goes in UDP port 4500. Two of our routers use
        that port without NAT, too, and have no N then. [RFC 3948]
    T | cTCP encapsulation :: cTCP: ESP in TCP. Not in this router.
    X | IKE Extended Authentication :: Extended authentication, a login of IKEv1. Not in this router.
    F | IKE Fragmentation :: IKE fragmentation: both ends can send large messages in pieces of IKE's own. [RFC 7383]
    R | IKE Auto Reconnect :: IKE auto reconnect, for remote access. Not in this router.
    U | IKE Dynamic Route Update :: IKE dynamic route update: routes in IKE messages. Not in this router.
    S | SIP VPN :: SIP VPN. Not in this router.
    """)
_BRIEF = words(
    WordKind.STATE,
    rank=31,
    sighting=r"^[0-9a-f.:]+ .* ([AUDISNK]{1,2})$",
    mark=r"^Status: A- Active",
    cell=r"(U[AIK]|DN)",
    joined=True,
)("""
    ## column Status :: show crypto session brief next: show crypto session detail
    A | Active :: Active: there are IPsec SAs.
    U | Up :: Up: there is an IKE SA, or IPsec SAs that outlive it.
    D | Down :: Down: the session carries nothing.
    I | Idle :: Idle: an IKE SA without IPsec SAs.
    S | Standby :: Standby: of a pair of redundant routers. Not in this router.
    N | Negotiating :: Negotiating: IKE is under way.
    K | No IKE :: No IKE: IPsec SAs are up, and their IKE SA is gone.
    """)
_IKE_LINE = words(WordKind.STATE, rank=40, sighting=r"IKEv[12] SA: local \S+ remote \S+ (Active|Inactive)")("""
    ## state of an IKE SA in a session :: show crypto session, show dmvpn detail next: show crypto ikev2 sa
    Active :: The IKE SA is up.
    Inactive :: The IKE SA is being negotiated, or is not there.
    """)
_SOCKETS = words(
    WordKind.STATE, rank=41, sighting=r"Socket State: (\w+)", mark=r"^Number of Crypto Socket connections"
)("""
    ## Socket State :: show crypto sockets, show dmvpn detail next: show crypto session detail
    Open :: What the tunnel asked to be protected is protected: packets may go.
    Opening :: The tunnel asked for protection with this peer, and it is not there yet.
    Closed :: The tunnel cannot send to this peer: there are no SAs.
    """)
_STANDINGS = words(WordKind.STATE, rank=42, sighting=r"Status: (ACTIVE\(ACTIVE\))")(f"""
    ## standing of a pair of SAs :: show crypto ipsec sa, dmvpn doctor next: show crypto ipsec sa detail
    active (SA) | active | ACTIVE(ACTIVE) :: Packets are sent with it, and received.
    {SaStanding.LINGERING.value} :: It was replaced, and still receives late packets.
    {SaStanding.REFUSED.value} :: The host did not take it; another one is negotiated. next: show logging
    """)
_PHASES = words(WordKind.STATE, rank=43)(f"""
    ## how far the protection of a peer is :: dmvpn doctor next: show crypto session detail
    {ProtectionPhase.INTF.name} :: Nothing is there: the tunnel itself cannot be protected. next: show interfaces
    {ProtectionPhase.IKE.name} :: The IKE SA is being negotiated. next: show crypto ikev2 sa
    {ProtectionPhase.IPSEC.name} :: The peer proved who it is; the pair of SAs is missing. next: show crypto ipsec sa
    {ProtectionPhase.SECURED.name} :: Packets to the peer may go; `show dmvpn` goes on to NHRP and UP.
    """)
_ALGORITHMS = words(WordKind.CODE, rank=52, sighting=r"transform: (.*\S) ,$")(f"""
    ## algorithms of ESP :: show crypto ipsec sa, show crypto ipsec transform-set, show crypto ikev2 session detailed
        [RFC 8221 §5]
        next: show crypto ipsec transform-set
    {EspCipher.AES_CBC.value} | esp-aes | esp-256-aes | esp-192-aes :: AES in CBC mode with a separate check value: what
        every router has.
    {EspCipher.AES_GCM.value} | esp-gcm :: AES-GCM: encryption and check value in one, and the fastest. [RFC 4106]
    {EspHash.SHA1.value} | esp-sha-hmac :: HMAC-SHA-1, cut to 96 bits: still sound, for old routers. [RFC 2404]
    {EspHash.SHA256.value} | esp-sha256-hmac :: HMAC-SHA-256, cut to 128 bits: the usual choice beside CBC. [RFC 4868]
    {EspHash.SHA384.value} | esp-sha384-hmac :: HMAC-SHA-384, cut to 192 bits. [RFC 4868]
    {EspHash.SHA512.value} | esp-sha512-hmac :: HMAC-SHA-512, cut to 256 bits. [RFC 4868]
    """)
_ENCAPSULATIONS = words(WordKind.STATE, Encapsulation, rank=53)("""
    ## when ESP goes in UDP :: crypto ipsec encapsulation udp [RFC 3948] next: show crypto ipsec sa
    AUTO :: UDP port 4500 behind NAT and between two of ours; protocol 50 otherwise.
    FORCE :: Always UDP port 4500, which passes where protocol 50 is filtered.
    NEVER :: Always protocol 50; fails behind NAT.
    """)
_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of IPsec :: show logging next: show logging
    %CRYPTO-4-CANNOT_PROTECT :: When the profile or its transform set is missing or not in this build, or two tunnels
        are in conflict.
        next: show crypto ipsec profile
    %CRYPTO-3-SA_REFUSED :: The kernel, or the engine, could not take it: an algorithm or permission is missing.
        next: show crypto ipsec sa
    %CRYPTO-4-RECVD_PKT_NOT_IPSEC :: On the end with `tunnel protection`, while the other end sends without.
        [RFC 4301 §5.2]
        next: show crypto ipsec sa (on both ends)
    %CRYPTO-4-RECVD_PKT_INV_SPI :: After a restart of this router, until the peer notices (DPD, invalid SPI recovery).
        [RFC 4303 §3.4.2]
        next: show crypto ipsec sa
    %CRYPTO-4-PKT_REPLAY_ERR :: A few come from a network that reorders (a larger `replay window-size` helps); many are
        an attack. [RFC 4303 §3.4.3]
        next: show crypto ipsec sa detail
    %CRYPTO-4-RECVD_PKT_MAC_ERR :: Rare; if all packets fail, the two ends do not have the same keys. [RFC 4303 §3.4.4]
        next: show crypto ipsec sa detail
    """)
_DEBUGS = words(WordKind.DEBUG)("""
    ## lines of debug crypto ipsec :: debug crypto ipsec, show logging next: show crypto ipsec sa
    IPSEC(crypto_ipsec_sa_released): peer <address> is wanted no more :: No tunnel needs protection with this peer any
        more: its SAs may go.
    IPSEC(sa_request): , :: A tunnel needs protection with a peer, and IKE is asked for it; lines follow.
    (key eng. msg.) OUTBOUND local= <address:port>, remote= <address:port>, :: Between which NBMA addresses the SAs are
        to be.
    local_proxy= <selector> :: Which packets of ours: GRE (protocol 47) from our address.
    remote_proxy= <selector>, profile= <name> :: To which packets of the peer's, and by which `crypto ipsec profile`.
    IPSEC(create_sa): sa created, <sa> :: One direction of a pair of SAs is there; sa_dest is who receives on it, and
        sa_trans its algorithms. [RFC 4301 §4.4.2]
    IPSEC(delete_sa): deleting SA, <sa> (<why>) :: One direction of a pair of SAs is gone, and why.
    IPSEC(update_current_outbound_sa): updated peer <address> current outbound sa to SPI <spi> :: Packets to the peer
        leave by this, newer SA; the older one still receives for a while. [RFC 7296 §2.8]
    """)
_REASONS = words(WordKind.REASON, IpsecReason)("""
    ## reasons of IPsec :: show dmvpn detail, show crypto session detail, show interfaces
        next: show crypto session detail
    NO_PROFILE :: `tunnel protection ipsec profile` names a profile that is not configured. The tunnel stays down.
        next: show crypto ipsec profile
    NO_TRANSFORM :: None of the profile's sets has algorithms that this build can do; each one's trouble is beside it.
        next: show crypto ipsec transform-set
    OTHER_PROFILE :: Two tunnels have one source address in one VRF, so a packet's SA does not identify its tunnel: they
        need one profile.
        when: With two mGRE tunnels on one interface (dual cloud), or two tunnels with the same destination.
        next: show running-config
    PEER_OF_ANOTHER :: The address is the destination of a point-to-point tunnel with the same source, and SAs with it
        are made as its profile says. The multipoint tunnel sends nothing there and takes nothing from there.
        when: When a mapping or a registration of the multipoint tunnel names the far end of the other tunnel.
        next: show running-config
    NOT_SERVED :: UDP ports 500 and 4500 or protocol 50 are taken by another program, or forbidden to us.
        next: show logging
    SA_REFUSED :: The kernel or the engine did not take the pair of SAs. next: show logging
    SA_GONE :: The pair of SAs ended, and no other has taken its place yet.
        when: After a lifetime, a Delete of the peer, or DPD.
        next: show crypto ikev2 sa
    """)
_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of IPsec :: the prompt next: show crypto ipsec transform-set
    % there is no ISAKMP SA with the number <number> :: `clear crypto isakmp NUMBER` wants a conn-id of `show crypto
        isakmp sa`; the SA may be over already.
        next: show crypto isakmp sa
    % The window size is 64, 128, 256, 512 or 1024 :: No other size of a replay window can be configured.
    % Invalid transform proposal: a cipher is missing (esp-null if none is wanted) :: A transform set needs something
        that encrypts, not a check value alone.
    % Invalid transform proposal: <cipher> authenticates by itself :: AES-GCM has a check value of its own; a second one
        beside it is no valid proposal. [RFC 4106]
    %Warning: <algorithms> cannot protect anything; kept, but refused for a tunnel :: Broken algorithms stay
        in the configuration, and a tunnel that has no others stays down. [RFC 8221]
    %Warning: without authentication packets can be changed on the way; add esp-sha256-hmac :: CBC without a check value
        hides the packets and does not guard them. [RFC 8221 §4]
    """)


# ------------------------------------------------------------------------------------------------ shows


_SAS = words(WordKind.LABEL, mark=r"^ +Crypto map tag: ", sighted=True)("""
    ## labels of the SAs :: show crypto ipsec sa next: show crypto ipsec sa detail
    local ident | local  ident | ident | addr/mask/prot/port :: Which packets of ours the SA is for: address, mask,
        protocol (47 is GRE) and port. [RFC 4301 §4.4.1]
    remote ident :: To which packets of the peer's the SA is for. [RFC 4301 §4.4.1]
    current_peer | port :: The peer's address, and the UDP port of its IKE: 4500 behind NAT, and without any between two
        of our routers.
        next: explain UDP 4500
    UDP 4500 | 4500 | port 4500 | UDP port 4500 | ESP in UDP :: IKE and ESP go in UDP port 4500: because a translator is
        between, or because both ends are our routers and prefer it. [RFC 7296 §2.23]
        when: Networks pass UDP where they drop IP protocol 50, so two of our routers do not wait for NAT (`crypto ipsec
        encapsulation udp auto`). With `never` ESP is protocol 50 unless there is NAT.
        next: show crypto ikev2 sa detailed (NAT-T is detected, or not)
    #pkts encaps :: Packets put into ESP: what we sent to the peer. next: show crypto ipsec sa (again: do they grow?)
    #pkts encrypt :: Packets encrypted; as many as encaps.
    #pkts digest :: Packets that got a check value; as many as encaps.
    #pkts decaps :: Packets taken out of ESP: what came from the peer.
        when: If encaps grow and decaps do not, the peer does not answer, or ESP is filtered on the way back.
    #pkts decrypt :: Packets decrypted; as many as decaps.
    #pkts verify :: Packets whose check value was right; as many as decaps. [RFC 4303 §3.4.4]
    #send errors :: Packets of ours that could not be sealed or sent.
    #recv errors :: Packets that came and were dropped.
    local crypto endpt. :: Where our ESP leaves: the outer source.
    remote crypto endpt. :: Where our ESP goes: the outer destination.
    plaintext mtu :: The largest packet that fits into ESP on this path. next: show interfaces Tunnel
    path mtu :: The largest outer packet on the way to the peer. [RFC 4301 §8.2]
    ip mtu :: The MTU of the interface that ESP leaves by.
    current outbound spi :: The SPI of the SA that packets leave with. [RFC 4301 §4.1]
    PFS (Y/N) | PFS :: Whether new keys are made by a Diffie-Hellman exchange of their own. [RFC 7296 §1.3.1]
    DH group | group :: The group of that exchange.
    spi :: The number in each ESP packet by which the receiver finds the SA. [RFC 4303 §2.1]
    transform :: The algorithms of the SA. next: show crypto ipsec transform-set
    in use settings :: The mode of the SA, and whether ESP goes in UDP.
    Transport :: Transport mode: ESP protects GRE without another IP header. [RFC 4303 §3.1.1]
    Tunnel :: Tunnel mode: ESP puts an IP header of its own around the packet. [RFC 4303 §3.1.2]
    UDP-Encaps :: ESP goes in UDP port 4500: there is NAT on the way, or both ends are our routers and prefer it.
        [RFC 3948]
        next: show crypto ikev2 sa detailed; explain UDP 4500
    remaining key lifetime | k/sec | remaining key lifetime (k/sec) | remaining key lifetime (sec) :: Kilobytes and
        seconds until the SA ends; before that it is replaced.
    replay detection support :: Whether packets that come twice are dropped. [RFC 4303 §3.4.3]
    replay window size :: How far a late packet may be behind the newest one. [RFC 4303 §3.4.3]
    """)
_SA_MORE = words(WordKind.LABEL)("""
    ## further labels of the SAs :: show crypto ipsec sa next: show crypto ipsec sa detail
    interface :: The tunnel whose packets are protected.
    Crypto map tag :: The name of the map that tunnel protection made of the profile. next: show crypto map
    local addr :: The source of the tunnel: our NBMA address.
    protected vrf :: The VRF of the protected packets; (none): the global table.
    PERMIT :: Packets like these are protected; others of the tunnel there are none.
    origin_is_acl :: The selectors come from a line like that of an access list.
    #pkts compressed | #pkts decompressed :: Packets made smaller by IPComp, which DMVPN does not use.
    #pkts not compressed | #pkts not decompressed :: Packets that IPComp left as they were.
    #pkts compr. failed | #pkts decompress failed :: Packets that IPComp could not make smaller.
    ip mtu idb :: The interface that ESP leaves by.
    esp sas | inbound esp sas | outbound esp sas | inbound | outbound :: The SAs of ESP, one direction.
    ah sas | inbound ah sas | outbound ah sas :: SAs of AH, which authenticates alone; none here.
    pcp sas | inbound pcp sas | outbound pcp sas :: SAs of payload compression; none here.
    conn id :: The number of the SA inside of this router.
    flow_id | SW :: Who does the work: SW is software, with its number.
    sibling_flags :: IOS's inner flags of the SA, as it prints them.
    sa timing :: The remaining lifetime. [RFC 7296 §2.8]
    Kilobyte Volume Rekey :: No limit of kilobytes is configured: time alone ends the SA.
    IV size :: Octets of the initialization vector in each packet. [RFC 4303 §2.3]
    """)
_FAILURES = words(WordKind.LABEL, sighted=True)("""
    ## failures of an SA :: show crypto ipsec sa detail next: show crypto ipsec sa
    #pkts no sa (send) | #pkts no sa :: Packets for which no SA was there.
    #pkts invalid sa (rcv) | #pkts invalid sa :: Packets that came for an SA that is not good any more.
    #pkts encaps failed (send) | #pkts encaps failed :: Packets that could not be sealed.
    #pkts decaps failed (rcv) | #pkts decaps failed :: Packets that could not be opened.
    #pkts invalid prot (recv) | #pkts invalid prot :: Packets with something else inside than the SA is for.
    #pkts verify failed :: Packets whose check value was wrong. [RFC 4303 §3.4.4] next: show logging
    #pkts invalid identity (recv) | #pkts invalid identity :: Packets with other addresses than the selectors allow.
        [RFC 4301 §5.2]
    #pkts invalid len (rcv) | #pkts invalid len :: Packets too short to be ESP.
    #pkts replay rollover (send) | #pkts replay rollover | #pkts replay rollover (rcv) :: Sequence numbers of ours that
        were used up. [RFC 4303 §3.3.3]
    ##pkts replay failed (rcv) | #pkts replay failed | ##pkts replay failed :: Packets that came twice, or too late.
        [RFC 4303 §3.4.3]
        next: show logging
    #pkts tagged (send) | #pkts tagged | #pkts untagged | #pkts untagged (rcv) | #pkts not tagged | #pkts not untagged
        :: Packets with a security group tag; this router has none.
    #pkts internal err (send) | #pkts internal err | #pkts internal err (recv) :: Packets lost by a fault of the data
        plane itself.
    """)
_SESSIONS = words(WordKind.LABEL)("""
    ## labels of a session :: show crypto session, show dmvpn detail next: show crypto session detail
    Session status :: Whether there is an IKE SA, and a pair of IPsec SAs, with the peer.
    Session ID :: The number of the session; `clear crypto session` and logs name it.
    IPSEC FLOW :: The packets that the SAs are for, like a line of an access list: GRE (47) between two addresses.
        [RFC 4301 §4.4.1]
    Active SAs :: How many SAs carry the flow, one for each direction; 0 is a fault. next: show crypto ipsec sa
    origin | crypto map :: Who asked for the flow: the map of the tunnel.
    Uptime :: For how long the session has been up.
    fvrf | ivrf :: The VRF of the packets outside of the tunnel; behind `ivrf`: of those inside. (none): the global
        table.
    Phase1_id | Phase1 | Phase1_id | Group/Phase1_id :: The identity that the peer proved to IKE. [RFC 7296 §3.5]
    Crypto name not proved :: The peer's pre-shared key was found by its address in a keyring, or is the profile's own:
        any peer that has the key may claim this name, unless a keyring entry has the name. The line names the owner of
        the key. [RFC 7296 §2.15]
        next: show crypto ikev2 profile
    Desc :: A description of the peer; this router has none.
    Username :: The name of a remote access user; none here.
    I/F :: The tunnel interface, in short.
    Peer :: The address of the far end, outside of the tunnel.
    Profile :: The IKEv2 profile that the peer fits. next: show crypto ikev2 profile
    Crypto tunnel is down :: Why there is no protection, in the words that follow.
    Crypto tunnel is cut :: Which entry of an inbound access list of this router keeps out what the tunnel needs from
        the peer.
        next: show ip access-lists interface (the interface) in
    connid :: The number of the IKE SA. next: show crypto ikev2 sa
    lifetime :: The remaining lifetime of the IKE SA.
    #pkts dec'ed :: Packets of the peer that were opened. next: show crypto ipsec sa
    #pkts enc'ed :: Packets to the peer that were sealed. next: show crypto ipsec sa
    drop :: Packets that were lost for a fault of their SA. next: show crypto ipsec sa detail
    life (KB/Sec) | life | KB/Sec :: Kilobytes and seconds that are left of the SAs.
    Inbound :: What came from the peer.
    Outbound :: What went to the peer.
    Code :: The letters of the capabilities, explained.
    Crypto session current status :: The heading: the lines below show the present state.
    """)
_MAPS = words(WordKind.LABEL, sighted=True)("""
    ## labels of maps, sockets and profiles :: show crypto map, show crypto sockets, show crypto ipsec profile, show
        crypto ipsec transform-set
        next: show crypto map
    Crypto Map :: What tunnel protection makes of its profile, once for the tunnel and once for each peer.
    ipsec-isakmp :: Keys come from IKE, not from the configuration.
    Interfaces using crypto map :: The tunnels that the map belongs to.
    Profile name | IPSec Profile | IPSEC profile :: The `crypto ipsec profile` that the map was made of.
    IKEv2 Profile :: The profile that says who the peers are. next: show crypto ikev2 profile
    ISAKMP Profile :: The `crypto isakmp profile` of peers, in IKEv1. next: show crypto isakmp profile
    Dualstack :: Whether one map serves IPv4 and IPv6 at once.
    Responder-Only :: Whether this end waits for the peer to begin.
    Mixed-mode :: Whether selectors may be of another IP version than the peers.
    Transform sets | Transform set | Transform sets= :: The algorithms, the preferred ones first.
    will negotiate | require :: The mode that is asked for; `require` takes no other.
    Security association lifetime | unlimited :: After so many kilobytes or seconds SAs are replaced. [RFC 7296 §2.8]
    Map is a PROFILE INSTANCE :: This part of the map was made for one peer.
    Access-List SS dynamic :: Whether the list of packets changes by itself.
    Extended IP access list | access-list :: The packets that are protected, as a list.
    Current peer :: The peer that SAs are made with.
    Number of Crypto Socket connections :: How many peers tunnels asked protection for.
    Crypto Sockets in Listen state :: The tunnels that accept IKE from any peer with the right key.
    Peers (local/remote) | Peers | local/remote :: Both outer addresses of the protection.
    Local Ident | addr/mask/port/prot :: The packets of ours that a tunnel wants protected.
    Remote Ident :: To which packets of the peer's that is.
    Socket State :: How far the protection of this peer is.
    Client | TUNNEL SEC | Client State :: Who asked for protection: the tunnels.
    Map-name :: The map that the socket uses.
    """)
_ENGINE = words(WordKind.LABEL)("""
    ## connections of the crypto engine :: show crypto engine connections active next: show crypto ipsec sa
    Crypto Engine Connections :: Encrypted and decrypted packets: a row for each direction of each SA.
    ID :: A number of the direction; the two of a pair follow each other.
    Algorithm | Type :: The cipher with the bits of its key, and the hash.
    Encrypt | Decrypt :: Packets that were encrypted with this SA.
    LastSeqN :: The ESP sequence number of the last packet. [RFC 4303 §2.2]
    IP-Address :: Our own outer address.
    """)


GROUPS: Final = groups(vars())
