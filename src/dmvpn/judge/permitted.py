"""Which conversations the access lists of a network permit: the judge demands no packet that a list denies.

Of a user's own network the lists are what they are; drawn lists (`drawn_lists`) permit all flows of the judge.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.filters import FilterList, Packet, PortFilters
from dmvpn.base.translation import UDP
from dmvpn.features.filter.machine import FilterMachine

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.shells.simulator.simulator import Simulator

#: Both ports of the packets that the judge's flows send.
FLOW_PORT: Final = 7
_NOTHING: Final = PortFilters()


class Place(NamedTuple):
    """Where a host is: its router and the port of it, and the host's address."""

    router: str
    port: str
    address: IPAddress


def may_talk(world: Simulator, one: Place, other: Place) -> bool:
    """Return whether the lists of both routers permit the packets of a flow, forth and back."""
    return passes(world, one, other) and passes(world, other, one)


def passes(world: Simulator, source: Place, destination: Place) -> bool:
    """Return whether the lists of both routers permit the packets of a flow to its destination."""
    here, there = source.address, destination.address
    if not isinstance(here, IPv4Address) or not isinstance(there, IPv4Address):
        return True
    packet = Packet(protocol=UDP, source=here, destination=there, source_port=FLOW_PORT, destination_port=FLOW_PORT)
    at_ends = (
        _filters(world, source.router, source.port).inward,
        _filters(world, destination.router, destination.port).outward,
    )
    if any(listed is not None and listed.denies(packet) is not None for listed in at_ends):
        return False
    leaving = [_filters(world, source.router, tunnel).outward for tunnel in _tunnels(world, source.router)]
    router = destination.router
    coming = [_filters(world, router, tunnel).inward for tunnel in _tunnels(world, router)]
    return not _all_deny(leaving, packet) and not _all_deny(coming, packet)


def _all_deny(lists: list[FilterList | None], packet: Packet) -> bool:
    """Return whether each tunnel denies it: by which it goes is not known."""
    return bool(lists) and all(listed is not None and listed.denies(packet) is not None for listed in lists)


def _filters(world: Simulator, router: str, port: str) -> PortFilters:
    return world.routers[router].router.machine(FilterMachine).ordered.get(port, _NOTHING)


def _tunnels(world: Simulator, router: str) -> list[str]:
    return [tunnel.name for tunnel in world.routers[router].router.ports.tunnels.all()]
