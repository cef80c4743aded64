"""Virtual links: links of the backbone through another area, to a border router of it. RFC 2328 §15.

A virtual link is an interface of the backbone. It comes up when the calculation of its transit area reaches the router
at the other end, and goes down when that router is unreachable. Its cost, both addresses and the next hops are those of
the path through the area. Packets travel by unicast, over several hops if necessary; the area and the sender's router
ID identify the virtual link of a received packet.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.features.ospf.interface import FarEnd
from dmvpn.features.ospf.links import UNREACHABLE
from dmvpn.features.ospf.lsa import LAST_RESORT
from dmvpn.features.ospf.settings import settings_of

if TYPE_CHECKING:
    from dmvpn.features.ospf.interface import OspfInterface
    from dmvpn.features.ospf.links import Links
    from dmvpn.features.ospf.model import VirtualLink
    from dmvpn.features.ospf.own_lsas import Topology
    from dmvpn.features.ospf.settings import Settings
    from dmvpn.features.ospf.spf import Graph, Reached, RunningArea, Tree
    from dmvpn.features.ospf.state import State


class VirtualLinks:
    """The virtual links of one process. An interface is there while the other end is reached."""

    def __init__(self, state: State, topology: Topology, links: Links) -> None:
        self._state = state
        self._topology = topology
        self._links = links

    def reconfigure(self) -> bool:
        """Apply other lines: a link whose lines are gone or changed is removed, and comes back with a calculation.

        Returns whether one went, so that a calculation is needed.
        """
        went = False
        wanted = {link.lines.name: self._settings(link) for link in self._state.settings.virtual_links}
        ends = {link.lines.name: (link.area, link.router) for link in self._state.settings.virtual_links}
        for interface, end in list(self._state.virtual_links()):
            is_same = ends.get(interface.name) == (end.area, end.router)
            if not is_same or wanted[interface.name] != interface.settings:
                self._links.end(interface.name, UNREACHABLE)
                went = True
        return went

    def follow(self, area: RunningArea, graph: Graph) -> None:
        """Follow the new shortest paths within an area for the links through it."""
        for link in self._state.settings.virtual_links:
            if link.area == area.number and area.number and area.tree is not None:
                self._follow(link, area.tree, graph if area.takes_externals else None)

    def _follow(self, link: VirtualLink, tree: Tree, graph: Graph | None) -> None:
        """Follow the paths of one area; graph: None: no link leads through the area, which is a stub or an NSSA."""
        reached, interface = tree.routers.get(link.router), self._state.interfaces.get(link.lines.name)
        address = graph.address_of(link.router, tree) if graph is not None and reached is not None else None
        out = self._way_out(reached, interface) if reached is not None else None
        if reached is None or address is None or out is None or reached.cost >= LAST_RESORT:
            if interface is not None:
                self._links.end(interface.name, UNREACHABLE)
            return
        far_end = FarEnd(link.router, address, link.area, reached.hops)
        if interface is None:
            state = replace(out.state, name=link.lines.name)
            self._links.begin(state, self._settings(link), far_end, reached.cost)
        elif interface.lead_by(replace(out.state, name=interface.name), out.address, far_end, reached.cost):
            self._topology.describe(interface.area)

    def _way_out(self, reached: Reached, interface: OspfInterface | None) -> OspfInterface | None:
        """Return the interface on the path: of several the one with the address that the link has."""
        there = self._state.interfaces  # a hop's interface may be gone since the calculation began
        found = [there[hop.interface] for hop in reached.hops if hop.interface in there]
        kept = (each for each in found if interface is not None and each.address == interface.address)
        return next(kept, found[0] if found else None)

    def _settings(self, link: VirtualLink) -> Settings:
        """Return the settings of a link: it is a part of the backbone, whatever the process says of interfaces."""
        made = settings_of(self._state.settings, link.lines, 0, self._state.key_chains)
        return replace(made, passive=False, suppress_prefixes=False, bfd=False, least_ttl=0)
