"""Notices of protection between tunnels, NHRP, IPsec, IKE and PKI (`protection.py` draws it)."""

from __future__ import annotations

from dmvpn.base.addresses import Ends, IPAddress, OuterAddress
from dmvpn.base.effects import DfBit
from dmvpn.base.notices import Notice
from dmvpn.base.protection import Connection, EspSa, Protected, ProtectionPhase, ProtectionPolicy, SaView
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value


class ProtectionDecided(Notice, Value):
    """IPsec can protect this tunnel (reason None), or why it cannot: then the tunnel stays down. To the tunnel.

    overhead: octets that ESP adds to a GRE packet at most, its padding and the outer IP header of the tunnel not
        counted; with padding, the GRE packet, the octets sealed before it (inside: the IP header of tunnel mode) and 2
        octets of trailer fill whole blocks (RFC 4303 §2.4).
    df: of the outer header; COPY: of that which the GRE packet would have without ESP.
    barred: NBMA addresses with which other tunnels of this source have SAs, by other profiles.
    """

    tunnel: str
    reason: Reason | None
    overhead: int = 0
    block: int = 1
    df: DfBit = DfBit.COPY
    inside: int = 0
    barred: tuple[IPAddress, ...] = ()


class ProtectionWanted(Notice, Value):
    """The peers that packets of a protected tunnel are to go to: exactly these. To IPsec, which keeps the book.

    by: who says so ("tunnel", "nhrp4", "nhrp6"): a peer is released when no part of the router wants it.
    peers: NBMA address, and the UDP port by which its NAT shows it, as a server says; 0: nothing is known of one.
    at: it is about this NBMA address alone; None: about all of them.
    """

    tunnel: str
    by: str
    peers: tuple[tuple[IPAddress, int], ...]
    at: IPAddress | None = None


class ProtectionChanged(Notice, Value):
    """The protection between a tunnel and an NBMA address has changed, whichever end began. To tunnels and NHRP.

    remote_port: of the one peer there that is wanted by this port, as `ProtectionWanted` has it; 0: of the address.
    """

    tunnel: str
    nbma: IPAddress
    state: Protected
    remote_port: int = 0


class PoliciesChanged(Notice, Value):
    """All that IKE may negotiate (the whole list each time). From IPsec to IKE."""

    policies: tuple[ProtectionPolicy, ...]


class RevocationsChanged(Notice, Value):
    """The revocation lists have changed: some connected peers may have to go. From PKI to IKE."""


class NegotiationWanted(Notice, Value):
    """A pair of SAs with this address is wanted, and kept up, or (wanted False) let go. From IPsec to IKE.

    policy: the IPsec profile's name; with our end it names one of `PoliciesChanged`.
    remote_port: the UDP port that a NAT shows for the peer's port 4500, as learned from a router that reaches the peer;
        0: nothing is known of one. Peers behind one address differ by it: each is wanted, and let go, by itself.
    front: the VRF of both addresses, "": the global table.
    """

    policy: str
    local: IPAddress
    remote: IPAddress
    wanted: bool
    remote_port: int = 0
    front: str = ""

    @property
    def ends(self) -> Ends:
        """Both addresses, with the front door."""
        return OuterAddress(self.local, self.front), self.remote


class NegotiationChanged(Notice, Value):
    """How far IKE is with an address that it has no SAs with. From IKE to IPsec.

    reason: why the last try failed.
    remote_port, front: as in `NegotiationWanted`.
    """

    local: IPAddress
    remote: IPAddress
    phase: ProtectionPhase
    reason: Reason | None = None
    remote_port: int = 0
    front: str = ""

    @property
    def ends(self) -> Ends:
        """Both addresses, with the front door."""
        return OuterAddress(self.local, self.front), self.remote


class ConnectionChanged(Notice, Value):
    """A connection appeared (old is None), moved or changed otherwise, or has no SAs any more (new is None).

    returned: its peer had lost its SAs, and has proved itself again; state that we sent to it earlier may be lost
    there.
    """

    old: Connection | None
    new: Connection | None
    reason: Reason | str = ""
    returned: bool = False


class SaNegotiated(Notice, Value, kw_only=True):
    """IKE has a pair of SAs. From IKE to IPsec. replaces: the spi_in of the pair that it replaces."""

    connection: Connection
    sa: EspSa
    view: SaView
    eager: bool
    replaces: int | None = None


class SaClosed(Notice, Value):
    """A pair was deleted: nothing may be sent on it. If `lingers` it still receives, until this is said once more."""

    spi_in: int
    reason: Reason | str
    lingers: bool


class SaRenewalWanted(Notice, Value):
    """This pair of SAs is worn out: replace it. From IPsec to IKE.

    of_all: the newest pair of each other IKE SA of its connection, too: both ends may have begun at once.
    """

    spi_in: int
    of_all: bool = False


class ConnectionSilent(Notice, Value):
    """Nothing has passed over this connection for a long time: ask its peer whether it is alive. From IPsec to IKE."""

    connection: int


class ConnectionUnwanted(Notice, Value):
    """This connection was idle for a long time, or a user cleared it: delete its SAs. From IPsec to IKE."""

    connection: int
    reason: str
