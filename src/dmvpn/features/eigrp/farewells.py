"""Notices of the end of an adjacency, RFC 7868 §6.7.7: a goodbye to all neighbors, or a peer termination to some.

Both are multicast, as FRR sends them. A neighbor that we no longer hear may still hear us: a path can be dead in one
direction. A unicast packet would take our route *to its address*, which may lead elsewhere by then (for example, to the
server that took over for it), where its TTL ends.

A hub that lost its own connection gives up a thousand neighbors within seconds, and each multicast goes to all of them:
after a few individual packets, the neighbors are named together, once a second.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer
from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.hello import greeting, parameters
from dmvpn.features.eigrp.sender import ALL_ROUTERS, Sender
from dmvpn.features.eigrp.tlv import Parameters, PeerTermination, Tlv

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.state import State

#: Cost of each packet in seconds, and how many seconds of credit may be spent at once.
_INTERVAL: Final = 1.0
_CREDIT: Final = 6.0
#: Maximum addresses in one packet; the rest is named in the next one.
LARGEST_LIST: Final = 128


@dataclass(slots=True)
class _Pending:
    """The queue of one interface.

    paid: the time up to which packets are paid for, seconds.
    waiting: the neighbors to be named, in order.
    """

    timer: Timer
    paid: float = float("-inf")
    waiting: dict[IPv4Address, None] = field(default_factory=dict)


class Farewells:
    """Sends these notices for one process."""

    def __init__(self, state: State, sender: Sender) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self._pending: dict[EigrpInterface, _Pending] = {}

    def to_all(self, interface: EigrpInterface) -> None:
        """Announce to all neighbors on the interface that we leave."""
        self._send(interface, Parameters.goodbye(interface.settings.hold_time))

    def to_one(self, interface: EigrpInterface, address: IPv4Address) -> None:
        """Announce to a neighbor that we gave it up, at once or together with further ones in a moment."""
        pending = self._pending.get(interface)
        if pending is None:
            pending = self._pending[interface] = _Pending(
                Timer("Goodbyes that wait", lambda: self._name_waiting(interface), interface.name)
            )
        pending.waiting[address] = None
        if self._context.is_running(pending.timer):
            return
        due = pending.paid - _CREDIT
        if due > self._context.now:
            self._context.start(pending.timer, due - self._context.now)
        else:
            self._name_waiting(interface)

    def withdraw(self, interface: EigrpInterface, address: IPv4Address) -> None:
        """Cancel the pending notice to a neighbor that has returned: it would end the new adjacency."""
        pending = self._pending.get(interface)
        if pending is not None:
            pending.waiting.pop(address, None)

    def forget(self, interface: EigrpInterface) -> None:
        """Forget an interface that EIGRP no longer runs on."""
        pending = self._pending.pop(interface, None)
        if pending is not None:
            self._context.retire(pending.timer)

    def _name_waiting(self, interface: EigrpInterface) -> None:
        pending = self._pending[interface]
        named = tuple(pending.waiting)[:LARGEST_LIST]
        if not named:
            return
        for address in named:
            del pending.waiting[address]
        pending.paid = max(pending.paid, self._context.now) + _INTERVAL
        if pending.waiting:
            self._context.start(pending.timer, _INTERVAL)
        termination = PeerTermination(addresses=named)
        self._send(interface, parameters(self._state.settings, interface), termination)

    def _send(self, interface: EigrpInterface, *tlvs: Tlv) -> None:
        self._sender.send(interface, ALL_ROUTERS, greeting(self._state.settings, *tlvs))
