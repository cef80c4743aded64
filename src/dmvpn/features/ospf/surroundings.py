"""A process as its parts see it: what it has, what it finds in that, and what it is told.

The parts import this and those below them, never the process, which is made of them. What a part needs of those above
it is a protocol of its own, beside the part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.base.context import Context
    from dmvpn.features.ospf.area import RunningArea
    from dmvpn.features.ospf.complaints import Complaints
    from dmvpn.features.ospf.database import Database
    from dmvpn.features.ospf.interface import Neighbor, OspfInterface
    from dmvpn.features.ospf.lsa import Lsa
    from dmvpn.features.ospf.model import Process as ProcessSettings
    from dmvpn.features.ospf.ranges import Active
    from dmvpn.features.ospf.retransmission import Retransmission
    from dmvpn.features.ospf.sender import Sender
    from dmvpn.features.ospf.spf import Reached


class Found(Protocol):
    """What a calculation has found so far.

    borders: routers at the borders of areas and of OSPF, with the area of the way there. active: ranges that hold a
    network.
    """

    borders: dict[IPv4Address, tuple[int, Reached]]
    active: Active


class Surroundings(Protocol):
    """What all parts of a process share."""

    settings: ProcessSettings
    context: Context
    router_id: IPv4Address
    areas: dict[int, RunningArea]
    interfaces: dict[str, OspfInterface]
    externals: Database

    @property
    def number(self) -> int:
        """Its number."""
        ...

    @property
    def sender(self) -> Sender:
        """Seals and sends."""
        ...

    @property
    def complaints(self) -> Complaints:
        """Counts and logs what is not taken."""
        ...

    @property
    def retransmission(self) -> Retransmission:
        """Sends again."""
        ...

    @property
    def is_border(self) -> bool:
        """Does it join other areas to the backbone?"""
        ...

    @property
    def is_exchanging(self) -> bool:
        """Is a neighbor in the middle of an exchange?"""
        ...

    def neighbors(self) -> Iterator[Neighbor]:
        """Yield the neighbors on all interfaces."""

    def database(self, area: RunningArea, kind: int) -> Database:
        """Return where advertisements of a type live that come by this area."""

    def databases(self, interface: OspfInterface) -> Iterator[Database]:
        """Return all that neighbors on an interface are to know."""

    def scopes(self) -> Iterator[tuple[RunningArea | None, Database]]:
        """Return all databases, with their areas."""

    def flooded(self, area: RunningArea, kind: int) -> list[OspfInterface]:
        """Return the interfaces by which an advertisement of this type goes on."""

    def has_address(self, address: IPv4Address) -> bool:
        """Return whether this is an address of an interface of ours."""

    def adjacency_changed(self, neighbor: Neighbor) -> None:
        """Note that a neighbor became full, or is not full any more."""

    def network_changed(self, interface: OspfInterface) -> None:
        """Note that what we say of this interface may be another thing now."""

    def database_changed(self, area: RunningArea, lsa: Lsa) -> None:
        """Note that the database says another thing than before."""
