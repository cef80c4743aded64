"""IKEv1: numbers in its messages (RFC 2407, RFC 2408, RFC 2409, RFC 3706, RFC 3947), what shows print, and debugs.

Debugs have steps of main mode and quick mode, offers, and what became of them.
"""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.base.protection import IkePhase
from dmvpn.features.ike.v1 import numbers

#: Words that may precede a number, whatever it numbers.
_RFC: Final = "ikev1 isakmp code"

_EXCHANGE_TYPES = words(WordKind.CODE, numbers.ExchangeType, names=f"{_RFC} exchange")("""
    ## exchanges of IKEv1 :: debug crypto isakmp [RFC 2408 §3.1] next: debug crypto isakmp
    BASE :: Keys and proofs in four messages, without hiding the identities; rarely used.
    MAIN :: Main mode: six messages that make the ISAKMP SA (phase 1); identities are encrypted.
    AUTHENTICATION_ONLY :: Proof of identity without keys; rarely used.
    AGGRESSIVE :: Phase 1 in three messages, with a hash in clear that can be attacked offline: refused.
    INFORMATIONAL :: A notification or a delete, without an answer.
    TRANSACTION :: Addresses and logins for remote access (mode config, XAUTH); DMVPN needs none.
    QUICK :: Quick mode: three messages under the ISAKMP SA that make a pair of IPsec SAs (phase 2).
    NEW_GROUP :: Negotiates a Diffie-Hellman group of one's own; rarely used.
    """)
_FLAGS = words(WordKind.CODE, numbers.Flag, names=f"{_RFC} flag")("""
    ## flags of IKEv1 :: debug crypto isakmp [RFC 2408 §3.1] next: debug crypto isakmp
    ENCRYPTION :: All payloads behind the header are encrypted.
    COMMIT :: The SAs may be used only after a notification CONNECTED.
    AUTHENTICATION :: The message is authenticated and not encrypted.
    """)
_PAYLOAD_TYPES = words(WordKind.CODE, numbers.PayloadType, names=f"{_RFC} payload")("""
    ## payloads of IKEv1 :: debug crypto isakmp [RFC 2408 §3.1] next: debug crypto isakmp
    NONE :: No further payload follows.
    SA :: Security association: proposals, and in the answer the chosen one.
    PROPOSAL :: A protocol with its SPI and transforms, inside a payload SA.
    TRANSFORM :: One set of algorithms and lifetimes, inside a proposal.
    KE :: Key exchange: a Diffie-Hellman public value.
    ID :: Identity of an end, or in quick mode the packets to protect.
    CERT :: A certificate.
    CERTREQ :: The authorities whose certificates are accepted.
    HASH :: Proof of the sender and of the message.
    SIG :: Proof by a signature.
    NONCE :: Random octets, which make all keys fresh.
    NOTIFY :: An error, or a piece of information.
    DELETE :: The sender has deleted these SAs.
    VENDOR_ID :: An ability of the sender's software.
    ATTRIBUTES :: Addresses and logins for remote access.
    NAT_D :: NAT detection: hash of an address and a port (RFC 3947 §3.2).
    NAT_OA :: Original address of an end behind a NAT (RFC 3947 §5.2).
    NAT_D_DRAFT :: NAT detection, with the number of the drafts before RFC 3947.
    NAT_OA_DRAFT :: Original address, with the number of the drafts before RFC 3947.
    FRAGMENT :: A fragment of a large message, as Cisco and strongSwan send them.
    """)
_NOTIFY_TYPES = words(WordKind.CODE, numbers.NotifyType, names=f"{_RFC} notify notification")("""
    ## notifications of IKEv1 :: debug crypto isakmp [RFC 2408 §3.14.1] next: debug crypto isakmp
    INVALID_PAYLOAD_TYPE :: A payload is unknown to the receiver.
    DOI_NOT_SUPPORTED :: The domain of interpretation is not IPsec.
    SITUATION_NOT_SUPPORTED :: Labels of secrecy or integrity were demanded.
    INVALID_COOKIE :: No ISAKMP SA has these cookies: one end has lost it.
    INVALID_MAJOR_VERSION :: The receiver does not speak this version.
    INVALID_MINOR_VERSION :: The receiver does not speak this minor version.
    INVALID_EXCHANGE_TYPE :: The exchange is unknown to the receiver, or refused.
    INVALID_FLAGS :: The header has flags that do not fit.
    INVALID_MESSAGE_ID :: No exchange has this message ID.
    INVALID_PROTOCOL_ID :: A proposal is for an unknown protocol.
    INVALID_SPI :: No IPsec SA has this SPI: one end has lost it.
    INVALID_TRANSFORM_ID :: A transform is unknown to the receiver.
    ATTRIBUTES_NOT_SUPPORTED :: A transform has an attribute that the receiver does not support.
    NO_PROPOSAL_CHOSEN :: No proposal is acceptable: compare `crypto isakmp policy` or the transform sets.
    BAD_PROPOSAL_SYNTAX :: A proposal cannot be read.
    PAYLOAD_MALFORMED :: A payload cannot be read; often the pre-shared keys differ.
    INVALID_KEY_INFORMATION :: The public value does not fit the group.
    INVALID_ID_INFORMATION :: The identity, or the packets to protect, do not fit the configuration.
    INVALID_CERT_ENCODING :: The certificate is in an unknown encoding.
    INVALID_CERTIFICATE :: The certificate is not valid.
    CERT_TYPE_UNSUPPORTED :: Certificates of this kind are not supported.
    INVALID_CERT_AUTHORITY :: The authority of the certificate is not trusted.
    INVALID_HASH_INFORMATION :: The hash is wrong: the pre-shared keys differ.
    AUTHENTICATION_FAILED :: The proof of identity is wrong.
    INVALID_SIGNATURE :: The signature is wrong.
    ADDRESS_NOTIFICATION :: A notification about an address; rarely used.
    NOTIFY_SA_LIFETIME :: A notification about a lifetime; RESPONDER_LIFETIME took its place.
    CERTIFICATE_UNAVAILABLE :: The sender has no certificate as requested.
    UNSUPPORTED_EXCHANGE_TYPE :: The exchange is not supported.
    UNEQUAL_PAYLOAD_LENGTHS :: Lengths in the message contradict each other.
    CONNECTED :: The SAs may be used now: the answer to the flag COMMIT.
    RESPONDER_LIFETIME :: The responder ends the SA earlier than the initiator proposed (RFC 2407 §4.6.3.1).
    REPLAY_STATUS :: The sender checks for replayed packets, or not (RFC 2407 §4.6.3.2).
    INITIAL_CONTACT :: The sender has no other SA with the receiver (RFC 2407 §4.6.3.3).
    R_U_THERE :: Dead peer detection asks whether the peer lives (RFC 3706 §5.3).
    R_U_THERE_ACK :: Dead peer detection: the peer lives (RFC 3706 §5.3).
    """)
_DOIS = words(WordKind.CODE, numbers.Doi, names=f"{_RFC} doi")("""
    ## domains of interpretation of IKEv1 :: debug crypto isakmp [RFC 2408 §3.4] next: debug crypto isakmp
    ISAKMP :: Any domain: ISAKMP itself.
    IPSEC :: IPsec, the only one in use.
    """)
_SITUATIONS = words(WordKind.CODE, numbers.Situation, names=f"{_RFC} situation")("""
    ## situations of IKEv1 :: debug crypto isakmp [RFC 2407 §4.2] next: debug crypto isakmp
    IDENTITY_ONLY :: The identities alone distinguish SAs: the only situation in use.
    SECRECY :: Labels of secrecy; this router has none.
    INTEGRITY :: Labels of integrity; this router has none.
    """)
_IKE_ATTRIBUTES = words(WordKind.CODE, numbers.IkeAttribute, names=f"{_RFC} attribute")("""
    ## attributes of phase 1 of IKEv1 :: debug crypto isakmp [RFC 2409 appendix A] next: debug crypto isakmp
    ENCRYPTION :: The cipher: `encryption` of `crypto isakmp policy`.
    HASH :: The hash: `hash` of `crypto isakmp policy`.
    AUTHENTICATION :: The proof of identity: `authentication` of `crypto isakmp policy`.
    GROUP :: The Diffie-Hellman group: `group` of `crypto isakmp policy`.
    GROUP_TYPE :: Kind of a group of one's own; rarely used.
    GROUP_PRIME :: Prime or polynomial of a group of one's own; rarely used.
    GENERATOR_ONE :: Generator of a group of one's own; rarely used.
    GENERATOR_TWO :: Second generator of a group of one's own; rarely used.
    CURVE_A :: Coefficient of a curve of one's own; rarely used.
    CURVE_B :: Second coefficient of a curve of one's own; rarely used.
    LIFE_TYPE :: Whether the lifetime of the ISAKMP SA counts seconds or kilobytes.
    LIFE_DURATION :: The lifetime: `lifetime` of `crypto isakmp policy`.
    PRF :: A pseudo-random function besides HMAC of the hash; none is defined.
    KEY_LENGTH :: Bits of the key of the ISAKMP SA's cipher.
    FIELD_SIZE :: Bits of the field of a curve of one's own; rarely used.
    GROUP_ORDER :: Order of a group of one's own; rarely used.
    """)
_ESP_ATTRIBUTES = words(WordKind.CODE, numbers.EspAttribute, names=f"{_RFC} attribute")("""
    ## attributes of phase 2 of IKEv1 :: debug crypto isakmp [RFC 2407 §4.5] next: debug crypto isakmp
    LIFE_TYPE :: Whether the lifetime of the IPsec SAs counts seconds or kilobytes.
    LIFE_DURATION :: The lifetime: `set security-association lifetime`.
    GROUP :: The group of perfect forward secrecy: `set pfs`.
    ENCAPSULATION :: Tunnel or transport mode, perhaps in UDP.
    AUTHENTICATION :: The integrity algorithm of ESP.
    KEY_LENGTH :: Bits of the key of ESP's cipher.
    KEY_ROUNDS :: Rounds of a cipher; rarely used.
    DICTIONARY_SIZE :: Size of a dictionary for compression; rarely used.
    COMPRESSION :: A private algorithm for compression; rarely used.
    ECN_TUNNEL :: Treatment of congestion marks in tunnel mode.
    SEQUENCE_NUMBERS :: Sequence numbers of 64 bits (RFC 4304).
    """)
_ENCRYPTIONS = words(WordKind.CODE, numbers.Encryption, names=f"{_RFC} encryption cipher")("""
    ## ciphers of phase 1 of IKEv1 :: debug crypto isakmp [RFC 2409 appendix A] next: debug crypto isakmp
    DES_CBC :: DES: broken, refused.
    IDEA_CBC :: IDEA; not in this router.
    BLOWFISH_CBC :: Blowfish; not in this router.
    RC5_CBC :: RC5; not in this router.
    TRIPLE_DES_CBC :: Triple DES: weak.
    CAST_CBC :: CAST; not in this router.
    AES_CBC :: AES in CBC mode, with the attribute KEY_LENGTH.
    CAMELLIA_CBC :: Camellia; not in this router.
    AES_CTR :: AES in counter mode; not in this router.
    """)
_HASH_ALGORITHMS = words(WordKind.CODE, numbers.HashAlgorithm, names=f"{_RFC} hash")("""
    ## hashes of phase 1 of IKEv1 :: debug crypto isakmp [RFC 2409 appendix A] next: debug crypto isakmp
    MD5 :: MD5: weak.
    SHA1 :: SHA-1: `hash sha`.
    TIGER :: Tiger; not in this router.
    SHA2_256 :: SHA-256: `hash sha256`.
    SHA2_384 :: SHA-384: `hash sha384`.
    SHA2_512 :: SHA-512: `hash sha512`.
    """)
_AUTH_METHODS = words(WordKind.CODE, numbers.AuthMethod, names=f"{_RFC} authentication auth method")("""
    ## authentication methods of IKEv1 :: debug crypto isakmp [RFC 2409 appendix A] next: debug crypto isakmp
    PRE_SHARED_KEY :: A pre-shared key: `authentication pre-share`.
    DSS_SIGNATURE :: A DSS signature; not in this router.
    RSA_SIGNATURE :: An RSA signature: `authentication rsa-sig`.
    RSA_ENCRYPTION :: Encryption with an RSA key: `authentication rsa-encr`; not in this router.
    REVISED_RSA_ENCRYPTION :: Encryption with an RSA key, revised; not in this router.
    ECDSA_SHA256_P256 :: An ECDSA signature on P-256.
    ECDSA_SHA384_P384 :: An ECDSA signature on P-384.
    ECDSA_SHA512_P521 :: An ECDSA signature on P-521.
    XAUTH_INIT_PRE_SHARED :: A pre-shared key, then a name and a password; not in this router.
    XAUTH_RESP_PRE_SHARED :: A pre-shared key, then a name of the responder; not in this router.
    XAUTH_INIT_RSA :: An RSA signature, then a name and a password; not in this router.
    XAUTH_RESP_RSA :: An RSA signature, then a name of the responder; not in this router.
    """)
_LIFE_TYPES = words(WordKind.CODE, numbers.LifeType, names=f"{_RFC} lifetime life")("""
    ## units of a lifetime of IKEv1 :: debug crypto isakmp [RFC 2409 appendix A] next: debug crypto isakmp
    SECONDS :: The lifetime is in seconds.
    KILOBYTES :: The lifetime is in kilobytes.
    """)
_ENCAPSULATION_MODES = words(WordKind.CODE, numbers.EncapsulationMode, names=f"{_RFC} encapsulation mode")("""
    ## encapsulation modes of IKEv1 :: debug crypto isakmp [RFC 2407 §4.5] next: debug crypto isakmp
    TUNNEL :: Tunnel mode: a whole IP packet is inside.
    TRANSPORT :: Transport mode: GRE is inside, as `mode transport` says.
    UDP_TUNNEL :: Tunnel mode in UDP, because of a NAT (RFC 3947 §5.1).
    UDP_TRANSPORT :: Transport mode in UDP, because of a NAT (RFC 3947 §5.1).
    UDP_TUNNEL_DRAFT :: Tunnel mode in UDP, with the number of the drafts before RFC 3947.
    UDP_TRANSPORT_DRAFT :: Transport mode in UDP, with the number of the drafts.
    """)
_ESP_AUTHS = words(WordKind.CODE, numbers.EspAuth, names=f"{_RFC} integrity")("""
    ## integrity of ESP of IKEv1 :: debug crypto isakmp [RFC 2407 §4.5] next: debug crypto isakmp
    NONE :: No integrity of its own, as with AES-GCM.
    HMAC_MD5 :: HMAC with MD5: refused.
    HMAC_SHA1 :: HMAC with SHA-1: `esp-sha-hmac`.
    DES_MAC :: DES-MAC; not in this router.
    KPDK :: Keyed MD5; not in this router.
    HMAC_SHA2_256 :: HMAC with SHA-256: `esp-sha256-hmac`.
    HMAC_SHA2_384 :: HMAC with SHA-384: `esp-sha384-hmac`.
    HMAC_SHA2_512 :: HMAC with SHA-512: `esp-sha512-hmac`.
    """)
_ADDRESS_ID_TYPES = words(WordKind.CODE, numbers.AddressIdType, names=f"{_RFC} id identity")("""
    ## identities of several addresses of IKEv1 :: debug crypto isakmp [RFC 2407 §4.6.2] next: debug crypto isakmp
    IPV4_SUBNET :: A network of IPv4.
    IPV6_SUBNET :: A network of IPv6.
    IPV4_RANGE :: A range of IPv4 addresses.
    IPV6_RANGE :: A range of IPv6 addresses.
    """)
_VENDORS = words(WordKind.CODE, rank=51)(f"""
    ## vendor IDs of IKEv1 :: debug crypto isakmp [RFC 2408 §3.16] next: debug crypto isakmp
    {numbers.Vendor.NAT_T.name} :: The sender knows NAT traversal. [RFC 3947]
    {numbers.Vendor.NAT_T_07.name} :: The sender knows NAT traversal, as draft 07 has it.
    {numbers.Vendor.NAT_T_03.name} :: The sender knows NAT traversal, as draft 03 has it.
    {numbers.Vendor.NAT_T_02.name} :: The sender knows NAT traversal, as draft 02 has it.
    {numbers.Vendor.DPD.name} :: The sender answers dead peer detection. [RFC 3706]
    {numbers.Vendor.FRAGMENTATION.name} :: The sender takes messages in Cisco's fragments.
    {numbers.Vendor.UNITY.name} :: The sender knows Cisco's extensions for remote access.
    {numbers.Vendor.XAUTH.name} :: The sender knows a login after phase 1; DMVPN needs none.
    """)
_STATES = words(WordKind.STATE, rank=30, sighting=r" (QM_IDLE|MM_[A-Z_]+) +\d", mark=r"^IPv[46] Crypto ISAKMP SA")(f"""
    ## columns state and status :: show crypto isakmp sa next: show crypto ikev2 sa
    {IkePhase.QM_IDLE.value} :: Both sides have proved who they are, and nothing is being negotiated. The healthy state.
        [RFC 2409 §5.5]
    {IkePhase.MM_KEY_AUTH.value} :: The keys are made, and our identity and its proof are on their way. If it stays, the
        pre-shared keys of both ends differ. [RFC 2409 §5.4]
    {IkePhase.MM_KEY_EXCH.value} :: Public values of Diffie-Hellman are exchanged. [RFC 2409 §5.4]
    {IkePhase.MM_SA_SETUP.value} :: Both sides agree on algorithms; public values of Diffie-Hellman are not exchanged
        yet. [RFC 2409 §5.4]
    {IkePhase.MM_NO_STATE.value} :: The first message is not answered, or the SA is over. [RFC 2409 §5.4]
    ACTIVE :: The SA counts.
    ACTIVE (deleted) :: The SA is being deleted.
    """)
_LABELS = words(WordKind.LABEL, sighted=True)("""
    ## columns and labels of ISAKMP SAs :: show crypto isakmp sa, show crypto isakmp sa count, show crypto isakmp peers
        next: show crypto isakmp sa detail
    dst :: The address of the end that answered.
    src :: The address of the end that began.
    state :: How far the SA is.
    conn-id | conn-id status | C-id :: The number of the ISAKMP SA; 0 until the peer has proved itself.
    Crypto ISAKMP SA :: The ISAKMP SAs of IKEv1 (phase 1), IPv4 and IPv6 apart.
    Active ISAKMP SA's :: ISAKMP SAs in which both sides have proved who they are.
    Standby ISAKMP SA's :: Always 0: no other router stands by with copies of them.
    Currently being negotiated ISAKMP SA's :: ISAKMP SAs in which a side has not proved who it is.
    Dead ISAKMP SA's :: ISAKMP SAs that are over, and shown for a moment.
    Local :: Our address.
    Remote :: The peer's address.
    I-VRF :: The VRF of the packets inside of the tunnel; empty: the global table.
    Status :: ACTIVE: the SA counts.
    Encr :: The cipher of the ISAKMP SA.
    Hash :: The hash of the ISAKMP SA, from which its keys are made. [RFC 2409 §5]
    Auth | psk | rsig | renc | RSA :: How both ends prove themselves.
    Preshared key | RSA signature | RSA encryption :: Both ends have the same secret.
    DH :: The Diffie-Hellman group of main mode.
    Lifetime :: The time until the ISAKMP SA is replaced.
    Cap. | Codes | Dead Peer Detection | Keepalives | NAT-traversal :: Letters for abilities: D, the peer is asked
        whether it lives; N, a NAT is between the ends.
    IKE configuration mode | cTCP encapsulation | IKE Extended Authentication :: Abilities for remote access and
        firewalls, which this router does not have.
    Engine-id:Conn-id | Engine-id | Conn-id :: A number of IOS's crypto engine.
    Peer | Port :: A peer that has an ISAKMP SA.
    Phase1 id | Phase1 :: The identity that the peer proved in main mode. [RFC 2407 §4.6.2]

    ## labels of isakmp policies, keys and profiles :: show crypto isakmp policy, show crypto isakmp key, show crypto
        isakmp profile
        next: show crypto isakmp profile
    Default IKE policy :: No `crypto isakmp policy` is configured: these are offered.
    Default protection suite of priority :: One of the policies that are offered instead.
    encryption algorithm :: The cipher of the policy.
    hash algorithm :: The hash of the policy, for keys and proofs.
    authentication method :: How both ends prove who they are.
    Diffie-Hellman group | bit | subgroup :: By its number, and its size.
    lifetime | no volume limit | seconds :: Seconds that an ISAKMP SA of the policy lives.
    Global IKE policy :: The suites of `crypto isakmp policy`, the preferred one first.
    Protection suite of priority :: One `crypto isakmp policy`; the smaller number is tried first.
    AES - Advanced Encryption Standard | bit keys :: The usual cipher, with the length of its key.
    Three key triple DES | DES - Data Encryption Standard :: An old cipher; refused without `crypto engine compliance
        shield disable`, and DES always. [RFC 8247 §2.1]
    Secure Hash Standard | Secure Hash Standard 2 :: SHA-1, or with a 2 behind it SHA-2 of so many bits.
    Message Digest 5 :: MD5, an old hash; refused without `crypto engine compliance shield disable`. [RFC 8247 §2.3]
    Pre-Shared Key :: Both ends have one secret.
    Rivest-Shamir-Adleman Signature :: Both ends have certificates. next: show crypto pki certificates
    Keyring | keyring :: The `crypto keyring` of a key; default: a key of `crypto isakmp key`.
    Hostname/Address :: The peer, or the range of peers, that the key is for.
    Preshared Key :: The key itself is never shown. next: show running-config
    IKEv1 PROFILE :: A `crypto isakmp profile`. next: show running-config
    Ref Count :: How many SAs the profile has made.
    Identities matched are | ip-address | fqdn | fqdn-domain :: The identities of peers that the profile is for.
    Certificate maps matched are :: The rules about certificates that the profile goes by.
    Identity presented is :: The identity that we send. [RFC 2407 §4.6.2]
    trustpoint(s) | trustpoint :: Whose certificates the profile uses.
    """)
_DEBUGS = words(WordKind.DEBUG)("""
    ## lines of debug crypto isakmp :: debug crypto isakmp, show logging next: show crypto isakmp sa
    ISAKMP:(<number>): sending packet to <address> my_port <port> peer_port <port> <state> :: A message goes. First the
        number of the ISAKMP SA, 0 until the peer has proved itself; (I): this end began; (R): the peer did; then the
        state of `show crypto isakmp sa`. [RFC 2408 §3.1]
    ISAKMP (<number>): received packet from <address> dport <port> sport <port> <state> :: A message came. (N) NEW SA:
        it belongs to no ISAKMP SA yet. [RFC 2408 §3.1]
    ISAKMP:(<number>):Input = <cause>, <event> :: Why the next step is taken: a message of the peer (FROM_PEER), a
        packet that needs protection (FROM_IPSEC), or this router's own doing (INTERNAL).
    ISAKMP:(<number>):Node <number>, Input = <cause>, <event> :: The same in quick mode; the node is its message ID.
        [RFC 2409 §5.5]
    ISAKMP:(<number>):Old State = <state>  New State = <state> :: A step: IKE_I_MM1 to 6 are the messages of main mode
        at the end that began, IKE_R_MM1 to 5 those at the other; IKE_QM_... is quick mode. [RFC 2409 §5.4]
    ISAKMP:(<number>): beginning Main Mode exchange :: This end begins phase 1. [RFC 2409 §5.4]
    ISAKMP:(<number>):beginning Quick Mode exchange, M-ID of <number> :: This end asks for a pair of IPsec SAs.
        [RFC 2409 §5.5]
    ISAKMP:(<number>):QM Initiator gets spi :: This end has drawn the SPI of its new inbound SA.
    ISAKMP:(<number>): retransmitting phase <number> <state> :: The peer has not answered, or has repeated its own
        message; the last message goes again. [RFC 2408 §5.1]
    ISAKMP:(<number>): phase <number> packet is a duplicate of a previous packet. :: The peer's last message came again:
        the answer to it was lost, or is late. [RFC 2408 §5.1]
    ISAKMP:(<number>): processing <payload> payload. message ID = <number> :: A part of the message that came; the
        message ID is 0 in main mode. [RFC 2408 §3.2]
    ISAKMP:(<number>): processing vendor id payload :: The peer names its program, or something that it can do; the next
        line says what. [RFC 2408 §3.16]
    ISAKMP:(<number>): vendor ID is <name> :: An ability of the peer. [RFC 2408 §3.16]
    ISAKMP:(<number>): processing NOTIFY <name> protocol <number>, message ID = <number> :: The peer says something
        about an SA: an error, or that it lives (R_U_THERE). [RFC 2408 §3.14]
    ISAKMP:(<number>): processing DELETE payload. message ID = <number>: <number> <kind> :: The peer has deleted so many
        SAs. [RFC 2408 §3.15]
    ISAKMP:(<number>):Notify has no hash. Rejected. :: A notification in clear, which an attacker may have sent: nothing
        follows from it. [RFC 2409 §5.7]
        next: show logging
    ISAKMP:(<number>):found peer pre-shared key matching <address> :: There is a key for the peer's address.
        next: show crypto isakmp key
    ISAKMP:(<number>): local preshared key found :: The same key proves this end.
    ISAKMP:(<number>):No pre-shared key with <address>! :: No `crypto isakmp key` is for the peer's address: main mode
        ends here.
        next: show crypto isakmp key
    ISAKMP:(<number>):Checking ISAKMP transform <number> against priority <number> policy :: A suite of algorithms that
        the peer offers, or has chosen, is compared with a `crypto isakmp policy`; its attributes follow. [RFC 2409 §5]
        next: show crypto isakmp policy
    ISAKMP:      encryption <cipher> :: The cipher of the transform. [RFC 2409 appendix A]
    ISAKMP:      keylength of <number> :: Bits of the cipher's key, for AES.
    ISAKMP:      hash <name> :: The hash of the transform. [RFC 2409 appendix A]
    ISAKMP:      default group <number> :: The Diffie-Hellman group. [RFC 2409 §6]
    ISAKMP:      auth <method> :: By which method both ends prove themselves. [RFC 2409 appendix A]
    ISAKMP:      life type in <unit> :: The unit of the lifetime of the ISAKMP SA, which follows.
    ISAKMP:      life duration <number> :: How long the ISAKMP SA may live; VPI: in octets, the highest first.
    ISAKMP:      attribute <number> is <number> :: An attribute for which this router has no name.
    ISAKMP:(<number>):atts are acceptable. Next payload is <number> :: The transform fits the policy, and is taken.
    ISAKMP:(<number>):atts are not acceptable. Next payload is <number> :: The transform does not fit; the line before
        says why. 3: another transform follows, 0: none.
        next: show crypto isakmp policy
    ISAKMP:(<number>):<algorithm> offered does not match policy! | ISAKMP:(<number>):Proposed key length does not match
        policy | ISAKMP:(<number>):Attributes offered are not known! :: Why a transform does not fit.
        next: show crypto isakmp policy
    ISAKMP:(<number>):no offers accepted! :: No transform of the peer fits any policy: main mode ends here.
        next: show crypto isakmp policy
    ISAKMP (<number>): NAT found, both nodes inside NAT :: Both addresses are translated on the way: UDP port 4500 is
        used. [RFC 3947 §3.2]
    ISAKMP (<number>): NAT found, node inside NAT :: Our address is translated on the way: UDP port 4500 is used.
        [RFC 3947 §3.2]
    ISAKMP (<number>): His hash no match - this node outside NAT :: The peer's address is translated on the way: UDP
        port 4500 is used. [RFC 3947 §3.2]
    ISAKMP (<number>): No NAT Found for self or peer :: Both addresses came as they were sent. [RFC 3947 §3.2]
    ISAKMP:(<number>):Checking IPSec proposal <number> :: A proposal of quick mode is compared with the IPsec profile;
        its transforms follow. [RFC 2407 §4.5]
        next: show crypto ipsec profile
    ISAKMP: transform <number>, <cipher> :: A suite for ESP: its cipher.
    ISAKMP:   attributes in transform: :: The attributes of the transform follow.
    ISAKMP:      encaps is <number> (<mode>) :: Tunnel or transport mode, in UDP or not; both ends must have the same.
        [RFC 3947 §5.1]
        next: show crypto ipsec transform-set
    ISAKMP:      SA life type in <unit> :: The unit of the lifetime of the pair, which follows.
    ISAKMP:      SA life duration <number> :: How long the pair may live; VPI: in octets, the highest first.
    ISAKMP:      authenticator is <name> :: The check value of ESP. [RFC 2407 §4.5]
    ISAKMP:      key length is <number> :: The size of the cipher's key, for AES.
    ISAKMP:      group is <number> :: The Diffie-Hellman group of perfect forward secrecy.
    ISAKMP:(<number>):atts are acceptable. :: The transform fits the IPsec profile.
    ISAKMP:(<number>):atts are not acceptable. :: The transform does not fit the IPsec profile: cipher, check value,
        mode or group.
        next: show crypto ipsec transform-set
    ISAKMP:(<number>):SA authentication status: authenticated :: The peer's proof was good. [RFC 2409 §5.4]
    ISAKMP:(<number>):SA has been authenticated with <address> :: Main mode is over: phase 1 is up. [RFC 2409 §5.4]
    ISAKMP:(<number>):Session with IKE ID <identity> authenticated, <algorithms> :: The identity that the peer proved,
        and the algorithms that both agreed on. [RFC 2409 §5.4]
    ISAKMP:(<number>):IKE SA rekeyed: the IPSec SAs of <number> move to it :: A new ISAKMP SA took the place of one
        whose lifetime ends. [RFC 2408 §4.6]
    ISAKMP:(<number>):deleting SA reason "<reason>" state <state> (peer <address>) :: The ISAKMP SA ends; its IPsec SAs
        end with it, or another ISAKMP SA has them. [RFC 2408 §3.15]
    ISAKMP:(<number>): Creating IPSec SAs :: Quick mode is over: a pair of IPsec SAs; their addresses, SPIs and
        lifetimes follow. [RFC 2409 §5.5]
        next: show crypto ipsec sa
    inbound SA from <address> to <address>, has spi <spi> :: The SA for what comes. next: show crypto ipsec sa
    outbound SA from <address> to <address>, has spi <spi> :: The SA for what goes. next: show crypto ipsec sa
    lifetime of <number> seconds :: How long the pair may live. next: show crypto ipsec sa
    lifetime of <number> kilobytes :: How much the pair may carry. next: show crypto ipsec sa
    ISAKMP: <name> exchange, message ID = <number> :: An exchange that belongs to no ISAKMP SA, or that this router does
        not speak. [RFC 2408 §3.1]
    ISAKMP: a message from <address:port> cannot be read: <error> :: It is no message of IKEv1, and is dropped.
        [RFC 2408 §5.1]
    ISAKMP:(<number>):IPSec SA <spi> deleted: <reason> :: A pair of IPsec SAs ends; the ISAKMP SA stays.
        [RFC 2408 §3.15]
        next: show crypto ipsec sa
    ISAKMP:(<number>):Peer moved from <address:port> to <address:port> :: The peer's packets come from another address
        or port: its translator gave it a new one. We follow. [RFC 3947 §4]
    ISAKMP:(<number>):<what> :: Something went wrong in this ISAKMP SA; the text says what. next: show logging
    ISAKMP:<address:port>: <why> :: A message of a stranger, or of a peer that may not begin, was turned away.
        next: show logging
    """)

GROUPS: Final = groups(vars())
