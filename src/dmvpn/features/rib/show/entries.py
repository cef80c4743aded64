"""What the route commands show, as values: queries on the machine, without a word of layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix, classful_length
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.notices import RouteSource
from dmvpn.features.rib.machine import RibMachine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.features.rib.offers import Node, Offer
    from dmvpn.ios import ShowContext

_LETTERS = {
    RouteSource.CONNECTED: "C",
    RouteSource.LOCAL: "L",
    RouteSource.STATIC: "S",
    RouteSource.RIP: "R",
    RouteSource.EIGRP: "D",
    RouteSource.OSPF: "O",
    RouteSource.BGP: "B",
    RouteSource.NHRP: "H",
}

#: Sources whose process has a name that people know ("eigrp 100").
_NUMBERED = (RouteSource.EIGRP, RouteSource.OSPF, RouteSource.BGP)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteEntry:
    """One prefix of the table. letter, subcode: as in the legend. age, override_age: seconds.

    next_hops: as the protocol gave them, those that can be used; a static route may have no interface. override: NHRP's
    next hop, if it is used. failure: why the host does not have the route, or "".
    """

    prefix: Prefix
    letter: str
    subcode: str
    source: str
    process: str
    distance: int
    metric: int
    tag: int
    discard: bool
    next_hops: tuple[NextHop, ...]
    age: float
    override: NextHop | None
    override_age: float
    details: tuple[str, ...]
    failure: str

    @property
    def known_via(self) -> str:
        """The protocol, with its process where it has one: "eigrp 100"."""
        return f"{self.source} {self.process}" if self.process else self.source


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway of last resort."""

    next_hop: IPAddress | None
    network: Prefix


@dataclass(frozen=True, slots=True)
class Major:
    """How IOS groups routes: a classful network with the number of its subnets and of their different masks.

    subnet_length: the length of all subnets if there is only one. lone: nothing but the network itself is known.
    """

    network: Prefix
    subnets: int
    masks: int
    subnet_length: int
    lone: bool


def all_entries(ctx: ShowContext, version: int = 4) -> list[RouteEntry]:
    """Every best route of an IP version, sorted by prefix."""
    machine = ctx.machine(RibMachine)
    nodes = [node for prefix, node in machine.nodes.items() if prefix.address.version == version]
    return [make_entry(machine, node, node.best, ctx.now) for node in nodes if node.best is not None]


def make_entry(machine: RibMachine, node: Node, offer: Offer, now: float) -> RouteEntry:
    """The entry of one prefix."""
    route = offer.route
    failure = machine.failure(node.prefix)
    overridden = machine.overridden(node)
    return RouteEntry(
        prefix=node.prefix,
        letter=_LETTERS[route.source],
        subcode="EX" if route.source is RouteSource.EIGRP and route.external else "",
        source=route.source.value,
        process=route.process if route.source in _NUMBERED else "",
        distance=route.distance,
        metric=route.metric,
        tag=route.tag,
        discard=route.kind is not RouteKind.FORWARD,
        next_hops=route.next_hops if route.kind is not RouteKind.FORWARD else machine.leading(node.prefix, offer),
        age=max(0.0, now - offer.since),
        override=node.override if overridden else None,
        override_age=max(0.0, now - node.override_since) if overridden else 0.0,
        details=route.details,
        failure=str(failure) if failure else "",
    )


def find_gateway(entries: Iterable[RouteEntry]) -> Gateway | None:
    """The default route's next hop, if there is a default route."""
    for entry in entries:
        if entry.prefix.is_default:
            hop = entry.next_hops[0].address if entry.next_hops and not entry.discard else None
            return Gateway(hop, entry.prefix)
    return None


def major_of(prefix: Prefix) -> Prefix | None:
    """The classful network that a prefix belongs to; None for the default route and supernets."""
    length = classful_length(prefix.address) if prefix.address.version == 4 else 0
    return Prefix.of(prefix.address, length) if 0 < length <= prefix.length and not prefix.is_default else None


def majors(entries: Iterable[RouteEntry]) -> dict[Prefix, Major]:
    """The classful networks of these entries."""
    lengths: dict[Prefix, list[int]] = {}
    for entry in entries:
        network = major_of(entry.prefix)
        if network is not None:
            lengths.setdefault(network, []).append(entry.prefix.length)
    return {
        network: Major(network, len(known), len(set(known)), known[0], lone=known == [network.length])
        for network, known in lengths.items()
    }
