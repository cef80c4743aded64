"""`ping`: echo requests, one at a time, and a mark for the result of each.

    !  reply    .  nothing in time    U  unreachable    M  too big and may not be cut    Q  source quench
    &  time to live used up           ?  another ICMP error

The next request leaves as soon as the fate of the one before is known, as with IOS. Marks go to the session one by one,
70 on a line; the statistics are printed when all are done or the user has had enough.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from dmvpn.base.addresses import spelled
from dmvpn.base.effects import Effect, JobOutput, SendIp
from dmvpn.base.values import dataclass
from dmvpn.features.system.packet import QuotedEcho, echo_request, quoted_echo
from dmvpn.net import icmp
from dmvpn.net.ip import ICMP

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import EffectFailed, IpReceived
    from dmvpn.features.system.events import StartPing

MARKS_A_LINE = 70
#: The least time between two requests when the user wants no timeout at all: the router has other work too.
SHORTEST_TIMEOUT = 0.01
#: Seconds until the next request where the fate of one is known in the instant in which it leaves: our own address
#: answers, or the router itself has no way.
AT_ONCE = 0.001

_SOURCE_QUENCH = 4  # RFC 792; obsolete since RFC 6633, but IOS has a mark for it
_ESCAPE_HINT = "Type escape sequence to abort.\n"


@dataclass(slots=True)
class Ping:
    """One run of `ping`.

    deadline: when the request in flight is given up, or the next one leaves; None once all is over.
    link: the interface to send by, if the destination is known on one link only.
    """

    request: StartPing
    destination: IPAddress
    source: IPAddress | None
    identifier: int
    link: str | None = None
    deadline: float | None = None
    _is_in_flight: bool = False
    _sent_at: float = 0.0
    _sequence: int = 0
    _replies: int = 0
    _shortest: float = 0.0
    _longest: float = 0.0
    _total: float = 0.0

    def start(self, now: float) -> list[Effect]:
        """Return the heading and the first request."""
        ask = self.request
        plural = "" if ask.repeat == 1 else "s"
        heading = (
            f"{_ESCAPE_HINT}Sending {ask.repeat}, {ask.size}-byte ICMP Echo{plural} to {spelled(self.destination)}, "
            f"timeout is {ask.timeout:g} seconds:\n"
        )
        if ask.source is not None:
            heading += f"Packet sent with a source address of {spelled(self.source)} \n"
        if ask.df:
            heading += "Packet sent with the DF bit set\n"
        return [self._say(heading), self._send(now)]

    def receive(self, packet: IpReceived, message: icmp.IcmpMessage, now: float) -> list[Effect]:
        """Take an ICMP message: perhaps the fate of the request in flight."""
        match message:
            case icmp.EchoReply():
                # A broadcast address answers from others than itself; the identifier is proof enough.
                if (message.identifier, message.sequence) != (self.identifier, self._sequence & 0xFFFF):
                    return []
                self._count(now - self._sent_at)
                return self._next("!", now)
            case icmp.DestinationUnreachable() if self._is_mine(message.quoted):
                too_big = message.code == icmp.UnreachableCode.FRAGMENTATION_NEEDED
                return self._next("M" if too_big else "U", now)
            case icmp.TimeExceeded() if self._is_mine(message.quoted):
                return self._next("&", now)
            case icmp.OtherMessage(type=kind) if kind in (_SOURCE_QUENCH, icmp.IcmpType.PARAMETER_PROBLEM):
                # Both have four octets of their own before the quotation.
                if self._is_mine(message.rest[4:]):
                    return self._next("Q" if kind == _SOURCE_QUENCH else "?", now)
        return []

    def fail(self, event: EffectFailed, now: float) -> list[Effect]:
        """Note that the shell could not send. A packet that is too big is known at once; everything else looks like
        silence.
        """
        if event.effect == self._packet() and event.errno == errno.EMSGSIZE:
            return self._next("M", now)
        return []

    def tick(self, now: float) -> list[Effect]:
        """Go on when no answer came in time, or when the next request is due."""
        return self._next(".", now) if self._is_in_flight else [self._send(now)]

    def abort(self) -> list[Effect]:
        """End because the user wants it; the request in flight does not count."""
        return [self._finish(self._sequence)]

    def _next(self, mark: str, now: float) -> list[Effect]:
        self._sequence += 1
        end_of_line = "\n" if self._sequence % MARKS_A_LINE == 0 else ""
        effects: list[Effect] = [self._say(mark + end_of_line)]
        self._is_in_flight = False
        if self._sequence == self.request.repeat:
            effects.append(self._finish(self._sequence))
        elif now > self._sent_at:
            effects.append(self._send(now))
        else:
            self.deadline = now + AT_ONCE
        return effects

    def _send(self, now: float) -> SendIp:
        self._sent_at, self._is_in_flight = now, True
        self.deadline = now + max(self.request.timeout, SHORTEST_TIMEOUT)
        return self._packet()

    def _packet(self) -> SendIp:
        ask, version = self.request, self.destination.version
        payload = echo_request(self.identifier, self._sequence, ask.size, ask.pattern, version)
        return SendIp(self.link, self.source, self.destination, ICMP[version], payload, df=ask.df)

    def _is_mine(self, quoted: bytes) -> bool:
        return quoted_echo(quoted) == QuotedEcho(self.identifier, self._sequence & 0xFFFF)

    def _count(self, seconds: float) -> None:
        self._shortest = min(self._shortest, seconds) if self._replies else seconds
        self._longest = max(self._longest, seconds)
        self._total += seconds
        self._replies += 1

    def _finish(self, sent: int) -> JobOutput:
        self.deadline = None
        percent = self._replies * 100 // sent if sent else 0
        text = "\n" if sent % MARKS_A_LINE else ""
        text += f"Success rate is {percent} percent ({self._replies}/{sent})"
        if self._replies:
            average = self._total / self._replies
            times = "/".join(str(_milliseconds(time)) for time in (self._shortest, average, self._longest))
            text += f", round-trip min/avg/max = {times} ms"
        return self._say(f"{text}\n")

    def _say(self, text: str) -> JobOutput:
        return JobOutput(self.request.session, text)


def _milliseconds(seconds: float) -> int:
    """Return whole milliseconds, 1 at least, as IOS has it."""
    return max(1, round(seconds * 1000))
