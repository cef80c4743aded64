"""How neighbors learn that an adjacency ends, RFC 7868 §6.7.7: a goodbye to all, or a peer termination to some.

Both are multicast, as FRR sends them. A neighbor that we hear no more may hear us all the same: a way can be dead in
one direction. But what is unicast to it goes by our way *to its address*, and that may lead elsewhere by then (for
example, to the server that took over for it), where its TTL ends.

A hub whose own way was cut gives up a thousand neighbors within seconds, and each multicast goes to all of them: after
a few at once they are named together, once a second.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer
from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode
from dmvpn.features.eigrp.sender import ALL_ROUTERS, Sender
from dmvpn.features.eigrp.tlv import Parameters, PeerTermination, Tlv

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Address

    from dmvpn.base.context import Context
    from dmvpn.features.eigrp.interface import EigrpInterface

#: Seconds that each packet costs, and seconds' worth of them that may follow each other at once.
_INTERVAL: Final = 1.0
_CREDIT: Final = 6.0
#: Addresses in one packet: the rest is named in the next one.
LARGEST_LIST: Final = 128


@dataclass(slots=True)
class _Pending:
    """Of one interface.

    paid: until when packets are paid for, seconds.
    waiting: the neighbors to be named, in order.
    """

    timer: Timer
    paid: float = float("-inf")
    waiting: dict[IPv4Address, None] = field(default_factory=dict)


class Farewells:
    """Sends them for one process. hello_tlvs: what a Hello says on an interface."""

    def __init__(
        self, context: Context, sender: Sender, hello_tlvs: Callable[[EigrpInterface], tuple[Tlv, ...]]
    ) -> None:
        self._context = context
        self._sender = sender
        self._hello_tlvs = hello_tlvs
        self._pending: dict[EigrpInterface, _Pending] = {}

    def to_all(self, interface: EigrpInterface) -> None:
        """Tell everybody on the interface that we go."""
        self._send(interface, (Parameters.goodbye(interface.settings.hold_time),))

    def to_one(self, interface: EigrpInterface, address: IPv4Address) -> None:
        """Tell one neighbor that we have given it up, now or with others in a moment."""
        pending = self._pending.get(interface)
        if pending is None:
            pending = self._pending[interface] = _Pending(Timer(lambda: self._name_waiting(interface)))
        pending.waiting[address] = None
        if self._context.is_running(pending.timer):
            return
        due = pending.paid - _CREDIT
        if due > self._context.now:
            self._context.start(pending.timer, due - self._context.now)
        else:
            self._name_waiting(interface)

    def withdraw(self, interface: EigrpInterface, address: IPv4Address) -> None:
        """Withdraw what still waits to be said to a neighbor that is one again: it would end the new adjacency."""
        pending = self._pending.get(interface)
        if pending is not None:
            pending.waiting.pop(address, None)

    def forget(self, interface: EigrpInterface) -> None:
        """Forget an interface that we do not run on any more."""
        pending = self._pending.pop(interface, None)
        if pending is not None:
            self._context.stop(pending.timer)

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
        parameters, *_ = self._hello_tlvs(interface)
        self._send(interface, (parameters, PeerTermination(addresses=named)))

    def _send(self, interface: EigrpInterface, tlvs: tuple[Tlv, ...]) -> None:
        number = self._sender.autonomous_system
        packet = EigrpPacket(opcode=Opcode.HELLO, autonomous_system=number, tlvs=tlvs)
        self._sender.send(interface, ALL_ROUTERS, packet)
