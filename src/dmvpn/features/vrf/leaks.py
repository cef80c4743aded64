"""Where the route leaks of static routes lead: next hops in another routing table than the route's.

    ip route vrf A 10.0.0.0 255.0.0.0 192.0.2.1 global                  the global table finds the next hop
    ip route vrf A 10.0.0.0 255.0.0.0 GigabitEthernet1 192.0.2.1        the interface is in another table

A leak leads to an interface with a next hop there, so a packet is looked up once, and no two leaks can send it round
between tables. `global` names no interface: the way to its next hop is that of the global table without NHRP's routes,
as for every next hop (`rib.recursion`); a route of the global table that is a leak itself has its interface already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.notices import LeaksFound, RouteSource

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.context import Context
    from dmvpn.base.notices import LeaksFollowed

#: Routes that no next hop may be found by: those of the router itself, and those of the host.
_UNFIT: Final = (RouteSource.LOCAL, RouteSource.HOST)


class Leaks:
    """The next hops that static routes announced, by VRF, and where they lead."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._followed: dict[str, tuple[NextHop, ...]] = {}
        self._found: dict[str, tuple[tuple[NextHop, tuple[NextHop, ...]], ...]] = {}

    def follow(self, event: LeaksFollowed) -> None:
        """Follow the next hops of a VRF in place of those before."""
        self._followed[event.vrf] = event.next_hops
        self._find(event.vrf)
        if not event.next_hops:
            del self._followed[event.vrf]
            self._found.pop(event.vrf, None)

    def route_changed(self, prefix: Prefix) -> None:
        """Look again where the global table may have another way to a next hop."""
        for vrf, hops in self._followed.items():
            if any(not hop.interface and hop.address is not None and hop.address in prefix for hop in hops):
                self._find(vrf)

    def interface_changed(self, name: str) -> None:
        """Look again at the next hops out of this interface: its line or its VRF may have changed."""
        for vrf, hops in self._followed.items():
            if any(hop.interface == name for hop in hops):
                self._find(vrf)

    def _find(self, vrf: str) -> None:
        ways = ((hop, self._way(hop, vrf)) for hop in self._followed[vrf])
        found = tuple((hop, way) for hop, way in ways if way)
        if found != self._found.get(vrf, ()):
            self._found[vrf] = found
            self._context.emit(LeaksFound(found, vrf))

    def _way(self, hop: NextHop, vrf: str) -> tuple[NextHop, ...]:
        if not hop.interface:
            return self._global_way(hop.address, vrf) if hop.address is not None else ()
        state = self._context.ports.interfaces.get(hop.interface)
        if state is None or state.vrf == vrf or not state.runs(4):
            return ()
        return (NextHop(hop.interface, hop.address, leaks=True),)

    def _global_way(self, address: IPAddress, vrf: str) -> tuple[NextHop, ...]:
        rib = self._context.ports.rib_of("")
        route = rib.lookup_without_nhrp(address) if rib is not None else None
        if route is None or route.kind is not RouteKind.FORWARD or route.source in _UNFIT:
            return ()
        return tuple(self._leak(hop, address, vrf) for hop in route.next_hops)

    def _leak(self, hop: NextHop, address: IPAddress, vrf: str) -> NextHop:
        """Return a next hop of the global table as a VRF has it, where it may be at home."""
        state = self._context.ports.interfaces.get(hop.interface)
        is_away = state is None or state.vrf != vrf
        return NextHop(hop.interface, hop.address or address, leaks=is_away)
