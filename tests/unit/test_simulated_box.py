"""The simulated box on its own: what waits in it is bounded, and given up in time."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.effects import SendIp, SetCarrier, SetInterface, SetTunnel, TunnelSpec
from dmvpn.base.events import Unresolved
from dmvpn.dataplane.contract import RESOLUTION_TIMEOUT, UNRESOLVED_NEXT_HOPS
from dmvpn.dataplane.simulated import SimulatedPlane

if TYPE_CHECKING:
    from dmvpn.base.events import Event

NET = 0x0A000000


def _box(events: list[Event]) -> SimulatedPlane:
    """A box with a multipoint tunnel 10.0.0.1/16 and nobody resolved."""
    box = SimulatedPlane(events.append, lambda interface, next_hop, data: True)
    tunnel = TunnelSpec(name="Tunnel0", source=IPv4Address("192.0.2.1"), destination=None, key=None, mtu=1400)
    address = ((IPv4Address(NET + 1), 16),)
    for effect in (SetTunnel(tunnel), SetInterface("Tunnel0", True, address), SetCarrier("Tunnel0", True)):
        box.execute(effect)
    return box


def _scan(box: SimulatedPlane, start: int, count: int) -> None:
    for number in range(start, start + count):
        box.execute(SendIp(None, None, IPv4Address(NET + number), 17, bytes(8)))


def test_a_scan_of_the_overlay_leaves_only_so_many_next_hops_unresolved() -> None:
    events: list[Event] = []
    _scan(_box(events), 2, UNRESOLVED_NEXT_HOPS + 10)
    assert sum(isinstance(event, Unresolved) for event in events) == UNRESOLVED_NEXT_HOPS


def test_next_hops_that_nobody_resolved_make_room_for_others() -> None:
    events: list[Event] = []
    box = _box(events)
    _scan(box, 2, UNRESOLVED_NEXT_HOPS)
    box.now = RESOLUTION_TIMEOUT
    box.tick()
    _scan(box, 2 + UNRESOLVED_NEXT_HOPS, 1)
    assert events[-1] == Unresolved("Tunnel0", IPv4Address(NET + 2 + UNRESOLVED_NEXT_HOPS))
