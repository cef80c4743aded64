"""Workbenches on a wire: packets that one sends on an interface reach the others on the same segment.

A segment is a set of (router, interface) pairs. Time is virtual: `run` goes from deadline to packet to deadline. A
packet takes a millisecond; one to an address that nobody on the segment has is lost.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from dmvpn.base.effects import SendIp
from dmvpn.base.events import IpReceived, LinkChanged

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from support.workbench import Workbench

DELAY = 0.001


@dataclass
class Segments:
    """Routers by name, and what connects them. sent: every packet with the time, for the test to look at."""

    routers: dict[str, Workbench] = field(default_factory=dict)
    segments: list[list[tuple[str, str]]] = field(default_factory=list)
    now: float = 0.0
    sent: list[tuple[float, str, SendIp]] = field(default_factory=list)
    _flying: list[tuple[float, int, str, IpReceived]] = field(default_factory=list)
    _serial: itertools.count[int] = field(default_factory=itertools.count)

    def add(self, name: str, router: Workbench, text: str) -> Workbench:
        """Return a router with this configuration."""
        self.routers[name] = router
        router.now = self.now
        self._carry(name, router.configure(text))
        return router

    def connect(self, *ends: tuple[str, str]) -> None:
        """Put interfaces on one segment and give those that need one a link."""
        self.segments.append(list(ends))
        for name, interface in ends:
            self.link(name, interface, up=True)

    def link(self, name: str, interface: str, *, up: bool) -> Self:
        """A link comes or goes. Logical interfaces have none."""
        if not interface.startswith(("Tunnel", "Loopback")):
            self._carry(name, self.routers[name].handle(LinkChanged(interface, up=up)))
        return self

    def configure(self, name: str, text: str) -> Self:
        """Somebody types."""
        self._carry(name, self.routers[name].configure(text))
        return self

    def run(self, seconds: float) -> Self:
        """Let time pass for everybody."""
        end = self.now + seconds
        while True:
            due = [
                (when, name) for name, router in self.routers.items() if (when := router.next_deadline()) is not None
            ]
            deadline, who = min(due, default=(float("inf"), ""))
            arrival = self._flying[0][0] if self._flying else float("inf")
            if min(deadline, arrival) > end:
                break
            self._set_time(max(self.now, min(deadline, arrival)))
            if arrival <= deadline:
                _, _, who, packet = heapq.heappop(self._flying)
                self._carry(who, self.routers[who].handle(packet))
            else:
                self._carry(who, self.routers[who].advance(0.0))
        self._set_time(end)
        return self

    def _set_time(self, now: float) -> None:
        self.now = now
        for router in self.routers.values():
            router.now = now

    def _carry(self, name: str, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, SendIp):
                self.sent.append((self.now, name, effect))
                self._send(name, effect)

    def _send(self, name: str, order: SendIp) -> None:
        assert order.interface is not None
        assert order.source is not None
        for segment in self.segments:
            if (name, order.interface) not in segment:
                continue
            for other, interface in segment:
                state = self.routers[other].ports.interfaces.get(interface)
                mine = [address for address, _ in state.addresses] if state is not None and state.line else []
                if other == name or not mine or not (order.destination.is_multicast or order.destination in mine):
                    continue
                packet = IpReceived(
                    interface, order.source, order.destination, order.protocol, order.payload, order.ttl, order.tos
                )
                heapq.heappush(self._flying, (self.now + DELAY, next(self._serial), other, packet))
