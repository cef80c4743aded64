"""Virtual links: links of the backbone through another area, to a border router of it. RFC 2328 §15.

A virtual link is an interface of the backbone that comes up when the calculation of its area reaches the router at the
other end, and goes when it reaches it no more. Its cost, both addresses and the next hops are those of the way there.
Packets travel by unicast, through other routers if need be; what comes is told by its area and its sender's identifier.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.features.ospf.interface import FarEnd
from dmvpn.features.ospf.lsa import LAST_RESORT, RouterFlag
from dmvpn.features.ospf.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from ipaddress import IPv4Address
    from typing import Protocol

    from dmvpn.base.keychains import KeyChain
    from dmvpn.base.notices import InterfaceState as IpInterface
    from dmvpn.base.pages import Pages
    from dmvpn.features.ospf.area import RunningArea
    from dmvpn.features.ospf.interface import OspfInterface
    from dmvpn.features.ospf.model import Process as ProcessSettings
    from dmvpn.features.ospf.model import VirtualLink
    from dmvpn.features.ospf.settings import Settings
    from dmvpn.features.ospf.spf import Graph, Hops, Reached, Tree

    class Linking(Protocol):
        """The part that makes and removes interfaces."""

        def begin(self, state: IpInterface, settings: Settings, far_end: FarEnd | None, cost: int | None) -> None:
            """Begin on an interface."""

        def end(self, name: str, why: str) -> None:
            """End on an interface, where OSPF does not run any more."""

    class Carrying(Protocol):
        """A process, as far as it has virtual links."""

        settings: ProcessSettings
        key_chains: Pages[KeyChain]
        interfaces: dict[str, OspfInterface]

        @property
        def links(self) -> Linking:
            """Makes and removes interfaces."""
            ...

        def describe(self, area: RunningArea) -> None:
            """Say of ourselves in an area what holds now."""


#: Why the neighbor at the other end is lost, for the log.
UNREACHABLE = "Neighbor Down: Interface down or detached"


class VirtualLinks:
    """The virtual links of one process. An interface is there while the other end is reached."""

    def __init__(self, process: Carrying) -> None:
        self._process = process

    def running(self) -> Iterator[tuple[OspfInterface, FarEnd]]:
        """Yield those that are up, with their other ends."""
        for interface in self._process.interfaces.values():
            if interface.far_end is not None:
                yield interface, interface.far_end

    def to(self, area: int, router: IPv4Address) -> OspfInterface | None:
        """Return the link through an area to a router; None: it is not configured, or not up."""
        ends = self.running()
        return next((interface for interface, end in ends if (end.area, end.router) == (area, router)), None)

    def lead_through(self, area: RunningArea) -> RouterFlag:
        """Return flag V of what we say of ourselves in an area: whether a neighbor is full to which a link leads
        through it.
        """
        through = any(end.area == area.number and interface.full for interface, end in self.running())
        return RouterFlag.VIRTUAL if through else RouterFlag(0)

    def hops(self) -> Mapping[tuple[IPv4Address, IPv4Address], Hops]:
        """Return the ways to the other ends, by our address and the router there."""
        return {(interface.address, end.router): end.hops for interface, end in self.running()}

    def reconfigure(self) -> bool:
        """Apply other lines: a link whose lines are gone or changed goes, and comes with a calculation.

        Returns whether one went, so that a calculation is needed.
        """
        went = False
        wanted = {link.lines.name: self._settings(link) for link in self._process.settings.virtual_links}
        ends = {link.lines.name: (link.area, link.router) for link in self._process.settings.virtual_links}
        for interface, end in list(self.running()):
            is_same = ends.get(interface.name) == (end.area, end.router)
            if not is_same or wanted[interface.name] != interface.settings:
                self._process.links.end(interface.name, UNREACHABLE)
                went = True
        return went

    def drop_area(self, number: int) -> None:
        """Drop an area without interfaces: no link leads through it."""
        for interface, end in list(self.running()):
            if end.area == number:
                self._process.links.end(interface.name, UNREACHABLE)

    def follow(self, area: RunningArea, graph: Graph) -> None:
        """Follow the shortest ways within an area, which are others now, for the links through it."""
        for link in self._process.settings.virtual_links:
            if link.area == area.number and area.number and area.tree is not None:
                self._follow(link, area.tree, graph if area.takes_externals else None)

    def _follow(self, link: VirtualLink, tree: Tree, graph: Graph | None) -> None:
        """Follow the ways of one area; graph: None: nothing leads through the area, which is a stub or an NSSA."""
        reached, interface = tree.routers.get(link.router), self._process.interfaces.get(link.lines.name)
        address = graph.address_of(link.router, tree) if graph is not None and reached is not None else None
        out = self._way_out(reached, interface) if reached is not None else None
        if reached is None or address is None or out is None or reached.cost >= LAST_RESORT:
            if interface is not None:
                self._process.links.end(interface.name, UNREACHABLE)
            return
        far_end = FarEnd(link.router, address, link.area, reached.hops)
        if interface is None:
            state = replace(out.state, name=link.lines.name)
            self._process.links.begin(state, self._settings(link), far_end, reached.cost)
        elif interface.lead_by(replace(out.state, name=interface.name), out.address, far_end, reached.cost):
            self._process.describe(interface.area)

    def _way_out(self, reached: Reached, interface: OspfInterface | None) -> OspfInterface | None:
        """Return the interface on the way there: of several the one with the address that the link has."""
        there = self._process.interfaces  # one that a hop leads over may have gone since the calculation began
        found = [there[hop.interface] for hop in reached.hops if hop.interface in there]
        kept = (each for each in found if interface is not None and each.address == interface.address)
        return next(kept, found[0] if found else None)

    def _settings(self, link: VirtualLink) -> Settings:
        """Return what holds on a link: it is a part of the backbone, whatever the process says of interfaces."""
        process = self._process
        made = settings_of(process.settings, link.lines, 0, process.key_chains)
        return replace(made, passive=False, suppress_prefixes=False, bfd=False, least_ttl=0)
