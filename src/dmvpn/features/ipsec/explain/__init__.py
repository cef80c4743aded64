"""What IPsec prints, explained for `dmvpn explain` and `| explain`. Imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.base.protection import Encapsulation, EspCipher, EspHash, ProtectionPhase
from dmvpn.base.sessions import SessionStatus
from dmvpn.features.ipsec import messages
from dmvpn.features.ipsec.associations import SaStanding
from dmvpn.features.ipsec.explain import labels
from dmvpn.features.ipsec.reasons import IpsecReason

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
    %Warning: <algorithms> cannot protect anything; kept, and refused when a tunnel needs it :: Broken algorithms stay
        in the configuration, and a tunnel that has no others stays down. [RFC 8221]
    %Warning: without authentication anybody can change what passes; add esp-sha256-hmac :: CBC without a check value
        hides the packets and does not guard them. [RFC 8221 §4]
    """)

GROUPS: Final = (*groups(vars()), *labels.GROUPS)
