"""What the configuration says about one peer, in the terms of the protocol; and `PeerSettings`, which an IKE SA asks.

The machines below know no configuration line. They ask `PeerSettings`: which suites for this path? under which profile
do we talk to a peer with this name, and how must it prove the name? The answers are values; a refusal is its reason.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, Self

from dmvpn.base.addresses import Ends, IPAddress, OuterAddress
from dmvpn.base.protection import IkeVersion
from dmvpn.base.values import Value

if TYPE_CHECKING:
    from dmvpn.base.reasons import Reason
    from dmvpn.features.ike.chain import EspSpis, TrafficSelector
    from dmvpn.features.ike.crypto.certificates import PrivateKey, PublicKey
    from dmvpn.features.ike.crypto.material import KeyLog
    from dmvpn.features.ike.identity import Identification
    from dmvpn.features.ike.suites import Suite

#: UDP ports, RFC 7296 §2 and RFC 3948.
IKE_PORT: Final = 500
NAT_PORT: Final = 4500


class Endpoint(NamedTuple):
    """One end of a path: address and UDP port."""

    address: IPAddress
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


class DatagramPath(NamedTuple):
    """Where our datagrams come from and go to: a tuple, because it is looked up several times for each of them.

    front: the VRF in which both ends are, "": the global table.
    """

    local: Endpoint
    remote: Endpoint
    front: str = ""

    def __str__(self) -> str:
        return f"{self.local} - {self.remote}"

    @classmethod
    def between(cls, ends: Ends, local_port: int, remote_port: int) -> Self:
        """Return the path between two addresses, by these ports."""
        outer, remote = ends
        return cls(Endpoint(outer.address, local_port), Endpoint(remote, remote_port), outer.front)

    @property
    def outer(self) -> OuterAddress:
        """Our address in its front door."""
        return OuterAddress(self.local.address, self.front)

    @property
    def ends(self) -> Ends:
        """Both addresses, with the front door."""
        return self.outer, self.remote.address


class UdpUse(Value):
    """When UDP port 4500 is used at a local address.

    detects: NAT is looked for at all (RFC 7296 §2.23).
    prefers: between two of ours always, if it gets through.
    forces: we pretend that our address is translated.
    """

    detects: bool = True
    prefers: bool = False
    forces: bool = False


class Opening(Value):
    """How IKE_SA_INIT is spoken at a local address, where the peer is not known yet.

    suites: the best first.
    authorities: a responder's CERTREQ: hashes of the keys that it believes (§3.7), if any.
    """

    suites: tuple[Suite, ...]
    udp: UdpUse
    authorities: tuple[bytes, ...] = ()


class IsakmpTransform(Value):
    """What an ISAKMP SA may be (IKEv1).

    suite: its hash is `prf`; it has no `integ`.
    lifetime: seconds.
    signs: both ends prove themselves by RSA signatures, else by a pre-shared key.
    priority: of the policy, for people.
    """

    suite: Suite
    lifetime: float
    signs: bool = False
    priority: int = field(default=0, compare=False)


class MainModeOpening(Value):
    """How main mode is spoken over a path (IKEv1).

    The peer says who it is only after keys are made. Those of a pre-shared key need it, so both ends find it by the
    address of the other (RFC 2409 §5.4).

    transforms: the best first; empty: IKEv1 is not spoken there.
    secrets: of the entries for the peer's address, the first is ours to begin with; empty: there is none.
    unsigned: why we cannot sign; None: we can.
    authorities: whose certificates we believe: their names in DER.
    fragment: octets of the largest packet to a peer that takes fragments.
    keyless: why there are no secrets, if it is more than that no line has any.
    """

    transforms: tuple[IsakmpTransform, ...]
    udp: UdpUse
    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    unsigned: Reason | None = None
    authorities: tuple[bytes, ...] = ()
    fragment: int = 1280
    keyless: Reason | None = None


class ChildTerms(Value, kw_only=True):
    """What a child SA should be.

    local, remote: which packets.
    transport: else tunnel mode.
    first_suites: for IKE_AUTH, without groups.
    suites: for later ones (with PFS).
    seconds: until it is replaced.
    may_tunnel: a peer that insists on tunnel mode is taken.
    octets: until it ends, 0: any.
    window: of replay protection.
    responder_only: the peer begins, with new SAs too.
    front: the VRF of the packets outside, "": the global table.
    weak: a peer may add group 2 or 5.
    """

    profile: str
    local: TrafficSelector
    remote: TrafficSelector
    first_suites: tuple[Suite, ...]
    suites: tuple[Suite, ...]
    transport: bool = True
    may_tunnel: bool = False
    seconds: float = 3600.0
    octets: int = 0
    window: int = 1024
    responder_only: bool = False
    front: str = ""
    weak: bool = False


class Terms(Value, kw_only=True):
    """How we talk to a peer. Secret or key proves our identity; in IKEv1 both may, and the negotiated method decides.

    identity: who we say we are.
    chain: our certificate and those of its issuers, in DER.
    authorities: whom we believe, as a CERTREQ of the version names them: hashes of keys, or in IKEv1 names.
    fragment: octets of the largest datagram if the peer can fragment too (RFC 7383), None: we do not offer fragments.
    dpd: seconds of silence before we ask, 0: never.
    dpd_retry: seconds between two questions, 0: as with any request.
    on_demand: ask only while we send and hear nothing.
    lifetime: seconds.
    initial_contact: we have no other SA with the peer.
    force_udp: make both sides use UDP port 4500, whether there is a NAT or not.
    nat_keepalive: seconds, if we are behind one.
    sole: a new SA of the peer ends its older ones.
    """

    version: IkeVersion = IkeVersion.V2
    profile: str
    identity: Identification
    child: ChildTerms
    secret: bytes | None = field(default=None, repr=False)
    key: PrivateKey | None = field(default=None, repr=False)
    chain: tuple[bytes, ...] = ()
    authorities: tuple[bytes, ...] = ()
    fragment: int | None = None
    lifetime: float = 86_400.0
    dpd: float = 0.0
    dpd_retry: float = 0.0
    on_demand: bool = False
    initial_contact: bool = True
    force_udp: bool = False
    nat_keepalive: float = 20.0
    sole: bool = False


class Expectation(Value):
    """With what a peer must prove its identity: a secret, or the key of a certificate that we believe.

    entry: where the configuration has the secret.
    named: for this very identity, and not for any peer at an address.
    """

    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    certificates: bool = False
    entry: str = ""
    named: bool = True


class PeerSettings(Protocol):
    """The configuration, as an IKE SA asks it. A `Reason` is a refusal: for the log, never for the peer."""

    key_log: KeyLog
    esp_spis: EspSpis

    def suites(self, path: DatagramPath) -> tuple[Suite, ...]:
        """Return the suites of an IKE SA over this path, the best first."""

    def opening(self, path: DatagramPath) -> Opening:
        """Return how IKE_SA_INIT is spoken over this path."""

    def obstacle(self, path: DatagramPath) -> Reason | None:
        """Return why nothing can reach the peer, if that is known here."""

    def has_key(self, path: DatagramPath) -> bool:
        """Return whether any line has a key for the peer's address."""

    def main_mode(self, path: DatagramPath) -> MainModeOpening:
        """Return how main mode of IKEv1 is spoken over this path."""

    def terms(
        self,
        path: DatagramPath,
        theirs: Identification,
        ours: Identification | None,
        chain: tuple[bytes, ...] = (),
        version: IkeVersion = IkeVersion.V2,
    ) -> Terms | Reason:
        """Return how a responder talks to a peer with the identity `theirs`. In IKEv2 nothing is proved yet.

        ours: the identity that the peer wants to talk to, if it says so.
        chain: certificates that the peer sent (DER).
        """

    def child(self, terms: ChildTerms) -> ChildTerms:
        """Return the terms of a child SA's successor, as the configuration says now."""

    def expectation(self, terms: Terms, path: DatagramPath, theirs: Identification) -> Expectation | Reason:
        """Return how the peer with this identity must prove it."""

    def believe(self, terms: Terms, theirs: Identification, chain: tuple[bytes, ...], now: float) -> PublicKey | Reason:
        """Return the public key of the first certificate of a chain (DER), if we believe it for this identity."""
