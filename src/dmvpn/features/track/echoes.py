"""Operations of IP SLA: an echo request each `frequency` seconds, and the result of the last one.

A request that is too large to send, or has no source or route, counts as one without an answer. A request is given up
after `timeout`, or when the next one leaves. What an ICMP error says makes no difference: there was no answer.
"""

from __future__ import annotations

import enum
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer
from dmvpn.base.effects import SendIp, in_table
from dmvpn.base.entropy import below
from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.net import ip
from dmvpn.net.icmp import EchoReply, EchoRequest
from dmvpn.net.ip import ICMP

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.context import Context
    from dmvpn.base.events import IpReceived
    from dmvpn.base.ports import Interfaces
    from dmvpn.features.track.model import Operation

_PATTERN: Final = b"\xab\xcd"


class Code(enum.Enum):
    """The result of the last request: the words of `show ip sla statistics`."""

    UNKNOWN = "Unknown"
    OK = "OK"
    OVER = "Over threshold"
    TIMEOUT = "Timeout"


@dataclass(slots=True, eq=False)
class Echo:
    """One operation.

    identifier, sequence: of the outstanding request. sent_at: the time of sending, None if none is outstanding.
    code: of the latest finished request. rtt: seconds, None without an answer.
    started_at: when the last one left, seconds monotonic, None: none has. ends_at: when its life is over.
    """

    settings: Operation
    identifier: int
    next_timer: Timer
    timeout_timer: Timer
    sequence: int = 0
    sent_at: float | None = None
    started_at: float | None = None
    ends_at: float | None = None
    is_running: bool = False
    code: Code = Code.UNKNOWN
    rtt: float | None = None
    successes: int = 0
    failures: int = 0


def _measured(settings: Operation | None) -> Operation | None:
    """Return what an operation measures; names for people make no other one of it."""
    return None if settings is None else replace(settings, tag="", owner="")


class Echoes:
    """All operations of a router. changed: called with the number of each operation whose code changed."""

    def __init__(self, context: Context, changed: Callable[[int], None]) -> None:
        self.running: dict[int, Echo] = {}
        self._context = context
        self._changed = changed

    def configure(self, operations: tuple[Operation, ...]) -> None:
        """Apply other lines: an operation that measures something else begins again."""
        wanted = {each.number: each for each in operations}
        for number, echo in list(self.running.items()):
            if _measured(wanted.get(number)) == _measured(echo.settings):
                echo.settings = wanted[number]
                continue
            self._stop(echo)
            del self.running[number]
        for number, settings in wanted.items():
            if number not in self.running:
                self.running[number] = self._begin(settings)
        self.running = dict(sorted(self.running.items()))

    def _begin(self, settings: Operation) -> Echo:
        echo = Echo(
            settings,
            below(self._context.ports.entropy, 0x10000),
            Timer("send the next request", lambda: self._send(echo), settings.number),
            Timer("an answer is late", lambda: self._end(echo, Code.TIMEOUT), settings.number),
        )
        if settings.after is not None:
            echo.is_running = True
            begins = self._context.now + settings.after
            echo.ends_at = None if settings.life is None else begins + settings.life
            self._context.start(echo.next_timer, settings.after)
        return echo

    def _stop(self, echo: Echo) -> None:
        self._context.stop(echo.next_timer)
        self._context.stop(echo.timeout_timer)

    def _send(self, echo: Echo) -> None:
        settings, now = echo.settings, self._context.now
        if echo.ends_at is not None and now >= echo.ends_at:
            self._retire(echo)
            return
        if echo.sent_at is not None:
            self._end(echo, Code.TIMEOUT)
        left = settings.frequency if echo.ends_at is None else echo.ends_at - now
        self._context.start(echo.next_timer, min(settings.frequency, left))
        echo.sequence = (echo.sequence + 1) & 0xFFFF
        echo.sent_at = echo.started_at = now
        interfaces = self._context.ports.interfaces_of(settings.vrf)
        source = None if interfaces is None else _source(interfaces, settings)
        if interfaces is None or (source is None and (settings.interface or settings.source)):
            self._end(echo, Code.TIMEOUT)
            return
        filling = (_PATTERN * (settings.size // 2 + 1))[: settings.size]
        request = EchoRequest(identifier=echo.identifier, sequence=echo.sequence, payload=filling)
        payload = ip.serialize_icmp(request, 4)
        order = SendIp(None, source, settings.destination, ICMP[4], payload, tos=settings.tos)
        self._context.start(echo.timeout_timer, settings.timeout)
        self._context.emit(in_table(settings.vrf, order))

    def _retire(self, echo: Echo) -> None:
        """End the life of an operation: its result is discarded, and objects that follow it go down."""
        self._context.stop(echo.timeout_timer)
        echo.is_running, echo.sent_at = False, None
        if echo.code is not Code.UNKNOWN:
            echo.code = Code.UNKNOWN
            self._changed(echo.settings.number)

    def receive(self, packet: IpReceived) -> None:
        """Take an ICMP message for this router: perhaps an answer."""
        if not any(echo.sent_at is not None for echo in self.running.values()):
            return
        try:
            message = ip.parse_icmp(packet.payload, packet.source, packet.destination)
        except WireError:
            return
        if not isinstance(message, EchoReply):
            return
        for echo in self.running.values():
            mine = (echo.identifier, echo.sequence) == (message.identifier, message.sequence)
            is_there = (packet.vrf, packet.source) == (echo.settings.vrf, echo.settings.destination)
            if mine and echo.sent_at is not None and is_there:
                took = self._context.now - echo.sent_at
                self._end(echo, Code.OK if took <= echo.settings.threshold else Code.OVER, took)
                return

    def _end(self, echo: Echo, code: Code, rtt: float | None = None) -> None:
        self._context.stop(echo.timeout_timer)
        echo.sent_at, echo.rtt = None, rtt
        if rtt is None:
            echo.failures += 1
        else:
            echo.successes += 1
        if code is not echo.code:
            echo.code = code
            self._changed(echo.settings.number)


def _source(interfaces: Interfaces, settings: Operation) -> IPAddress | None:
    """Return the address to send from; None: there is none, or none is wanted."""
    if settings.interface:
        state = interfaces.get(settings.interface)
        return state.address if state is not None and state.line else None
    if settings.source is None:
        return None
    owner = interfaces.owner(settings.source)
    return settings.source if owner is not None and owner.line else None
