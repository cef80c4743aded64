"""IPsec in words that tunnels, NHRP, IPsec, IKE and the data planes share.

Which part asks which, when a tunnel is protected:

    tunnel, nhrp --ProtectionWanted(tunnel, peers)-> ipsec --NegotiationWanted(policy, remote)--> ikev2
    tunnel, nhrp <--ProtectionChanged------------- ipsec <--SaNegotiated, ConnectionChanged----- ikev2
                                                   ipsec --InstallSa, UseSa, RemoveSa--> data plane

A *connection* is a peer as IKE knows it: our address and the peer's, the front door in which both are, and the identity
that the peer proved. Two peers with equal addresses in two front doors are two connections. The number of a connection
survives rekeys, new IKE SAs and moves of the peer, so that whatever is bound to the number need not follow them.
Several spokes behind one NAT address are several connections. The number 0 means none: in clear, or the newest with
that address.
"""

from __future__ import annotations

import enum
from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Ends, IPAddress, OuterAddress
from dmvpn.base.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.reasons import Reason


class EspCipher(enum.Enum):
    """What encrypts."""

    AES_CBC = "aes-cbc"
    AES_GCM = "aes-gcm"


class EspHash(enum.Enum):
    """What authenticates, if the cipher does not."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


class EspTransform(Value):
    """One choice of algorithms.

    bits: of the key.
    hash: None with AES-GCM.
    """

    cipher: EspCipher
    bits: int
    hash: EspHash | None = None


class Encapsulation(enum.Enum):
    """`crypto ipsec encapsulation udp`: when ESP and IKE go in UDP port 4500.

    AUTO: between two of ours, and where NAT is; else ports 500 and protocol 50, also where 4500 is blocked.
    """

    AUTO = "auto"
    FORCE = "force"
    NEVER = "never"


class ProtectionPolicy(Value, kw_only=True):
    """How packets between `local` and any peer are protected.

    name: of the IPsec profile.
    ikev2_profile: "": any.
    transforms: the best first.
    pfs_group: Diffie-Hellman group of later child SAs, 0: none.
    may_tunnel: tunnel mode is accepted from a peer that insists.
    seconds, kilobytes: lifetime of a child SA.
    replay_window: packets.
    remotes: the only peers that it is for; empty: all that no other policy of the same `outer` is for.
    front: the VRF of the packets that it protects, "": the global table.
    """

    name: str
    local: IPAddress
    ikev2_profile: str
    transforms: tuple[EspTransform, ...]
    transport: bool = True
    may_tunnel: bool = False
    pfs_group: int = 0
    seconds: float = 3600.0
    kilobytes: int = 4_608_000
    replay_window: int = 1024
    responder_only: bool = False
    isakmp_profile: str = ""
    encapsulation: Encapsulation = Encapsulation.AUTO
    nat_traversal: bool = True
    esn: bool = False
    remotes: tuple[IPAddress, ...] = ()
    front: str = ""

    @property
    def outer(self) -> OuterAddress:
        """Our address in its front door."""
        return OuterAddress(self.local, self.front)


def policies_at(policies: Iterable[ProtectionPolicy], outer: OuterAddress) -> list[ProtectionPolicy]:
    """Return the policies for one of our addresses in its front door."""
    return [policy for policy in policies if (policy.local, policy.front) == outer]


def policies_for(policies: Iterable[ProtectionPolicy], ends: Ends) -> tuple[ProtectionPolicy, ...]:
    """Return the policies for this pair of addresses."""
    outer, remote = ends
    ours = policies_at(policies, outer)
    special = [policy for policy in ours if remote in policy.remotes]
    return tuple(special or [policy for policy in ours if not policy.remotes])


# ------------------------------------------------------------------------------------------------ connections


class Proved(Value):
    """The identity of a peer, for comparisons: its text alone may equal that of another kind of name, or of another
    key.

    kind, value: of its identity (RFC 7296 §3.5).
    entry: of the keyring, whose key it has; "" with a certificate.
    """

    kind: int
    value: bytes
    entry: str = ""


class Connection(Value, kw_only=True):
    """A peer that proved its identity.

    profile: the IPsec profile's name.
    ike_profile: the name of the ikev2 or isakmp profile; "": the keys of `crypto isakmp key`, which have none.
    identity: as text, for people.
    proved: the same, to be compared.
    unproved: by which entry its key was found, where that does not prove its name.
    local_port, remote_port: UDP ports of ESP, 0: protocol 50.
    nat: a NAT translates between us.
    behind_nat: the peer is the one behind it.
    initiator: we began.
    since: seconds monotonic.
    front: the VRF of both addresses, "": the global table.
    """

    number: int
    local: IPAddress
    remote: IPAddress
    identity: str
    profile: str
    ike_profile: str = ""
    local_port: int = 0
    remote_port: int = 0
    nat: bool = False
    behind_nat: bool = False
    initiator: bool = False
    since: float = 0.0
    proved: Proved | None = None
    unproved: str = ""
    front: str = ""

    @property
    def ends(self) -> Ends:
        """Both addresses, with the front door."""
        return OuterAddress(self.local, self.front), self.remote


class ProtectionPhase(enum.IntEnum):
    """How far the protection of a pair of addresses is; the names are those of `show dmvpn`.

    INTF: nothing is there (the tunnel itself cannot).
    IKE: its SA is being negotiated.
    IPSEC: the peer has proved its identity, but there is no pair of SAs yet.
    SECURED: packets may go.
    """

    INTF = 0
    IKE = 1
    IPSEC = 2
    SECURED = 3


class Protected(Value, kw_only=True):
    """What there is between a tunnel and an NBMA address.

    connection: the newest, 0 without.
    reason: why not.
    """

    phase: ProtectionPhase
    connection: int = 0
    reason: Reason | None = None
    since: float = 0.0


class ProtectedPair(Value, kw_only=True):
    """A tunnel and an NBMA address that should be protected, or are because the peer began; for shows.

    local, front: the tunnel's source, and the VRF that it is in.
    profile: the IPsec profile's name.
    state: as `Protection.between` says.
    remote_port: of one peer, if several share the address, 0: all.
    """

    tunnel: str
    local: IPAddress
    remote: IPAddress
    profile: str
    state: Protected
    remote_port: int = 0
    front: str = ""

    @property
    def ends(self) -> Ends:
        """Both addresses, with the front door."""
        return OuterAddress(self.local, self.front), self.remote


# ------------------------------------------------------------------------------------------------ SAs


class EspSa(Value, kw_only=True):
    """A pair of SAs as a data plane needs it (RFC 4301 §4.4.2).

    spi_in: we chose it; it names the pair here.
    key_in, key_out: of the cipher, an AEAD's salt at the end; hash_key_*: empty for an AEAD.
    local_port, remote_port: of UDP, 0: protocol 50.
    window: packets, 0: no replay protection.
    soft_octets: after which `SaWorn` is reported, in either direction, and hard_octets: after which nothing goes any
        more; 0: no limit.
    tunnel_mode: GRE has an IP header of its own inside, between `inner_local` and `inner_remote` (what the selectors
        say; None: as outside).
    front: the VRF that ESP is sent and received in, "": the global table.
    """

    connection: int
    spi_in: int
    spi_out: int
    transform: EspTransform
    key_in: bytes = field(repr=False)
    key_out: bytes = field(repr=False)
    hash_key_in: bytes = field(default=b"", repr=False)
    hash_key_out: bytes = field(default=b"", repr=False)
    local: IPAddress
    remote: IPAddress
    local_port: int = 0
    remote_port: int = 0
    esn: bool = False
    window: int = 1024
    tunnel_mode: bool = False
    soft_octets: int = 0
    hard_octets: int = 0
    inner_local: IPAddress | None = None
    inner_remote: IPAddress | None = None
    front: str = ""


class SaCount(Value, kw_only=True):
    """What one pair of SAs carried; octets are of the payload, before padding.

    replayed: too old, or seen before.
    broken: they did not open.
    unsent: refused by limit or host.
    """

    spi_in: int
    sent: int = 0
    sent_octets: int = 0
    received: int = 0
    received_octets: int = 0
    replayed: int = 0
    broken: int = 0
    unsent: int = 0


class SaView(Value, kw_only=True):
    """A pair of SAs, for shows. It has no keys.

    since, expires, rekey_at: seconds.
    used: we send on it.
    local_selector, remote_selector: "203.0.113.1/255.255.255.255/47/0".
    count: None until the plane was asked.
    before: what its predecessors on the same connection carried, so that the counters of a flow outlive a rekey.
    """

    connection: Connection
    spi_in: int
    spi_out: int
    transform: EspTransform
    transport: bool
    esn: bool
    window: int
    pfs_group: int
    since: float
    expires: float
    rekey_at: float
    kilobytes: int
    used: bool
    local_selector: str
    remote_selector: str
    count: SaCount | None = None
    before: SaCount | None = None


class IkeVersion(enum.IntEnum):
    """Which version of IKE: RFC 2409, or RFC 7296."""

    V1 = 1
    V2 = 2


class IkePhase(enum.Enum):
    """Where an IKE SA is, in the words of `show crypto ikev2 sa`; of IKEv1 in those of `show crypto isakmp sa`."""

    INIT = "IN-NEG"
    READY = "READY"
    DELETED = "DELETE"
    MM_NO_STATE = "MM_NO_STATE"
    MM_SA_SETUP = "MM_SA_SETUP"
    MM_KEY_EXCH = "MM_KEY_EXCH"
    MM_KEY_AUTH = "MM_KEY_AUTH"
    QM_IDLE = "QM_IDLE"

    @property
    def is_ready(self) -> bool:
        """Whether both sides have proved who they are, and the SA stays."""
        return self in (IkePhase.READY, IkePhase.QM_IDLE)


#: IOS numbers ISAKMP SAs from here on.
_FIRST_CONN_ID: Final = 1000


def conn_id(number: int) -> int:
    """Return the number of an ISAKMP SA (IKEv1) as IOS writes it; 0: it has no number yet."""
    return _FIRST_CONN_ID + number if number else 0


class IkeSaState(Value, kw_only=True):
    """An IKE SA as shows print it.

    number: of the session ("Tunnel-id").
    local_spi, remote_spi: 8 octets.
    encryption, prf, integrity: as IOS writes them ("AES-CBC", "SHA512").
    bits: of the key, 0: nothing is negotiated.
    group: Diffie-Hellman.
    local_auth, remote_auth: "PSK", "RSA", "ECDSA".
    lifetime: seconds.
    front: the VRF of both addresses, "": the global table.
    next_request, next_answer: message identifiers.
    local_window, remote_window: requests that we may have on their way, and that the peer may.
    dpd, dpd_retry: seconds, 0: off.
    """

    number: int
    local: IPAddress
    local_port: int
    remote: IPAddress
    remote_port: int
    local_spi: bytes
    remote_spi: bytes
    initiator: bool
    encryption: str = ""
    bits: int = 0
    prf: str = ""
    integrity: str = ""
    group: int = 0
    local_auth: str = ""
    remote_auth: str = ""
    local_identity: str = ""
    remote_identity: str = ""
    lifetime: int = 86_400
    dpd: int = 0
    dpd_retry: int = 0
    fragmentation: bool = False
    nat_inside: bool = False
    nat_outside: bool = False
    next_request: int = 0
    next_answer: int = 0
    local_window: int = 1
    remote_window: int = 1
    front: str = ""


class IkeView(IkeSaState, Value, kw_only=True):
    """What all may know of an IKE SA.

    since, heard: seconds monotonic.
    ikev2_profile, isakmp_profile: one of them at most.
    """

    version: IkeVersion = IkeVersion.V2
    phase: IkePhase
    connection: Connection | None
    since: float = 0.0
    heard: float = 0.0
    ikev2_profile: str = ""
    isakmp_profile: str = ""

    @property
    def ends(self) -> Ends:
        """Both addresses, with the front door."""
        return OuterAddress(self.local, self.front), self.remote


class IkeStats(Value, kw_only=True):
    """What IKE counted since the router started or `clear crypto ikev2 stats`, for `show crypto ikev2 stats`.

    incoming_*: IKE_SA_INIT requests of peers; outgoing_*: ours (repetitions not counted). accepted: an IKE SA came of
    it; rejected: refused by us (incoming) or not answered, or refused by the peer (outgoing).

    refused_by_limit: incoming requests that `crypto ikev2 limit` refused, a part of `incoming_rejected`.
    dropped: datagrams that fit no SA and were no request.
    challenged: cookies asked for.
    cookies_accepted, cookies_rejected: returned cookies.
    """

    incoming: int = 0
    incoming_accepted: int = 0
    incoming_rejected: int = 0
    outgoing: int = 0
    outgoing_accepted: int = 0
    outgoing_rejected: int = 0
    refused_by_limit: int = 0
    dropped: int = 0
    challenged: int = 0
    cookies_accepted: int = 0
    cookies_rejected: int = 0


# ------------------------------------------------------------------------------------------------ certificates


class Credentials(Value, kw_only=True):
    """What a trustpoint gives.

    chain: our certificate and its issuers.
    key: PKCS #8; both empty if we have none.
    anchors: the trusted authorities.
    intermediates: authorities below them.
    crls: what they revoked. All in DER.
    revocation: without a current CRL no peer is trusted.
    any_use: what a peer's certificate is for does not matter.
    """

    trustpoint: str
    chain: tuple[bytes, ...] = ()
    key: bytes = field(default=b"", repr=False)
    anchors: tuple[bytes, ...] = ()
    intermediates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    revocation: bool = False
    any_use: bool = False
