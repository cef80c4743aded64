"""`ping` as iputils has it: a request each second, a line for each answer, statistics at the end.

    -c N   so many          -s N   octets of data (56)      -t N   TTL            -M do|want|dont   Don't Fragment
    -i S   seconds between  -W S   seconds for the last     -w S   seconds in all -I ADDRESS        from this one
    -q     no lines         -n     no effect: names are never looked up           -Q N              type of service

Path MTUs are stored for one run: with `want`, the default, larger packets are sent without DF from then on.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Final

from dmvpn.base.deadlines import earliest
from dmvpn.base.effects import SendIp
from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.features.system.packet import echo_request, quoted_echo
from dmvpn.net.icmp import (
    HEADER_LENGTH,
    DestinationUnreachable,
    EchoReply,
    IcmpMessage,
    TimeExceeded,
    TimeExceededCode,
    UnreachableCode,
)
from dmvpn.net.ip import HEADER_LENGTH as IP_HEADER_LENGTH
from dmvpn.net.ip import ICMP
from dmvpn.shells.simulator.node import HOST_TTL
from dmvpn.shells.simulator.programs.program import HOST_MTU, LARGEST, Options, Program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import IpReceived

_LETTERS: Final = "c:s:t:M:i:W:w:I:Q:qn46"
_SPELLED: Final = {"count": "c", "size": "s", "ttl": "t", "interval": "i", "timeout": "W", "deadline": "w"}
_PATTERN: Final = 0x1011
#: Octets of data that ping needs to write the time into its packets.
_TIMED: Final = 16
#: Requests that are kept until their answers.
_REMEMBERED: Final = 1024
_MOST: Final = 1_000_000
_LONGEST_WAIT: Final = 3600.0

_UNREACHABLE: Final[dict[int, str]] = {
    UnreachableCode.NETWORK: "Destination Net Unreachable",
    UnreachableCode.HOST: "Destination Host Unreachable",
    UnreachableCode.PROTOCOL: "Destination Protocol Unreachable",
    UnreachableCode.PORT: "Destination Port Unreachable",
    UnreachableCode.NETWORK_UNKNOWN: "Destination Net Unknown",
    UnreachableCode.HOST_UNKNOWN: "Destination Host Unknown",
    9: "Destination Net Prohibited",
    10: "Destination Host Prohibited",
    UnreachableCode.ADMINISTRATIVELY_PROHIBITED: "Packet filtered",
}
_UNREACHABLE6: Final[dict[int, str]] = {
    UnreachableCode.NETWORK: "Destination unreachable: No route",
    UnreachableCode.HOST: "Destination unreachable: Address unreachable",
    UnreachableCode.PORT: "Destination unreachable: Port unreachable",
    UnreachableCode.ADMINISTRATIVELY_PROHIBITED: "Destination unreachable: Administratively prohibited",
}


@dataclass(frozen=True, slots=True)
class _Wanted:
    destination: IPAddress
    source: IPAddress | None
    count: int | None
    size: int
    interval: float
    ttl: int
    tos: int
    patience: float
    until: float | None
    discovery: str
    quiet: bool

    @property
    def length(self) -> int:
        """Octets of the IP packet."""
        return self.size + HEADER_LENGTH + IP_HEADER_LENGTH[self.destination.version]


def _read(words: Sequence[str], own: Sequence[IPAddress]) -> _Wanted:
    options = Options("ping", words, _LETTERS, _SPELLED)
    destination = options.destination()
    discovery = options.text("M") or "want"
    if discovery not in ("do", "want", "dont"):
        raise UserError(f"ping: -M {discovery}: do, want or dont")
    overhead = HEADER_LENGTH + IP_HEADER_LENGTH[destination.version]
    return _Wanted(
        destination=destination,
        source=options.source("I", own, destination.version),
        count=int(options.number("c", 1, 1, _MOST)) if "c" in options else None,
        size=int(options.number("s", 56, 0, LARGEST - overhead)),
        interval=options.number("i", 1.0, 0.002, _LONGEST_WAIT),
        ttl=int(options.number("t", HOST_TTL, 1, 255)),
        tos=int(options.number("Q", 0, 0, 255)),
        patience=options.number("W", 10.0, 0.01, _LONGEST_WAIT),
        until=options.number("w", 0, 0.01, _LONGEST_WAIT) if "w" in options else None,
        discovery=discovery,
        quiet="q" in options,
    )


class Ping(Program):
    """One run of `ping`."""

    def __init__(self, words: Sequence[str], own: Sequence[IPAddress], identifier: int) -> None:
        """own: the addresses of the host. identifier: separates this run from other ones. Raises UserError."""
        super().__init__()
        self._ask = _read(words, own)
        self._identifier = identifier
        self._path_mtu = HOST_MTU
        self._sent_at: dict[int, float] = {}
        self._sent = 0
        self._received = 0
        self._errors = 0
        self._repeated = 0
        self._times: list[float] = []
        self._began = self._last = 0.0
        self._sum = self._squares = self._largest = 0.0
        self._smallest = float("inf")

    def start(self, now: float) -> list[SendIp]:
        """Return the heading and the first request."""
        ask = self._ask
        to = ask.destination
        if to.version == 4:
            self.lines.append(f"PING {to} ({to}) {ask.size}({ask.length}) bytes of data.")
        else:
            self.lines.append(f"PING {to} ({to}) {ask.size} data bytes")
        self._began = now
        return self._send(now)

    def receive(self, packet: IpReceived, message: IcmpMessage, now: float) -> list[SendIp]:
        """Process an answer, or an error about a request."""
        match message:
            case EchoReply() if message.identifier == self._identifier:
                self._answered(packet, message, now)
            case DestinationUnreachable() | TimeExceeded():
                quoted = quoted_echo(message.quoted)
                if quoted is not None and quoted.identifier == self._identifier:
                    self._refused(packet.source, quoted.sequence, message)
        if self.code is None and self._ask.count == self._sent and self._received + self._errors >= self._sent:
            self._finish()
        return []

    def tick(self, now: float) -> list[SendIp]:
        """Send the next request, or end."""
        until = self._ask.until
        if self._ask.count == self._sent or (until is not None and now >= self._began + until):
            self._finish()
            return []
        return self._send(now)

    def interrupt(self, now: float) -> None:
        """Print statistics, and end."""
        self._last = now
        self._finish()

    def _send(self, now: float) -> list[SendIp]:
        ask = self._ask
        self._sent += 1
        self._last = now
        until = None if ask.until is None else self._began + ask.until
        if ask.count == self._sent:
            answered = max(2 * self._largest, ask.interval) if self._received else ask.patience
            self.deadline = earliest(now + answered, until)
        else:
            self.deadline = earliest(now + ask.interval, until)
        if ask.discovery == "do" and ask.length > self._path_mtu:
            self._errors += 1
            self.lines.append(f"ping: local error: message too long, mtu={self._path_mtu}")
            if ask.count == self._sent and self._received + self._errors >= self._sent:
                self._finish()
            return []
        self._sent_at[self._sent & 0xFFFF] = now
        if len(self._sent_at) > _REMEMBERED:
            del self._sent_at[next(iter(self._sent_at))]
        version = ask.destination.version
        payload = echo_request(self._identifier, self._sent, ask.length, _PATTERN, version)
        df = ask.discovery != "dont" and ask.length <= self._path_mtu
        return [SendIp(None, ask.source, ask.destination, ICMP[version], payload, ttl=ask.ttl, tos=ask.tos, df=df)]

    def _answered(self, packet: IpReceived, message: EchoReply, now: float) -> None:
        sent = self._sent_at.pop(message.sequence, None)
        line = f"{len(message.payload) + HEADER_LENGTH} bytes from {packet.source}: icmp_seq={message.sequence}"
        line += f" ttl={packet.ttl}"
        if sent is None:
            self._repeated += 1
            self._print(f"{line} (DUP!)")
            return
        self._received += 1
        if self._ask.size >= _TIMED:
            time = now - sent
            self._sum, self._squares = self._sum + time, self._squares + time * time
            self._smallest, self._largest = min(self._smallest, time), max(self._largest, time)
            line += f" time={_milliseconds(time)} ms"
        self._print(line)

    def _refused(self, by: IPAddress, sequence: int, message: DestinationUnreachable | TimeExceeded) -> None:
        self._errors += 1
        if isinstance(message, DestinationUnreachable) and message.code == UnreachableCode.FRAGMENTATION_NEEDED:
            self._path_mtu = min(self._path_mtu, message.next_hop_mtu or self._path_mtu)
        self._print(f"From {by} icmp_seq={sequence} {_reason(message, by.version)}")

    def _print(self, line: str) -> None:
        if not self._ask.quiet:
            self.lines.append(line)

    def _finish(self) -> None:
        sent, received = self._sent, self._received
        counts = f"{sent} packets transmitted, {received} received"
        if self._repeated:
            counts += f", +{self._repeated} duplicates"
        if self._errors:
            counts += f", +{self._errors} errors"
        loss = (sent - received) * 100 / sent
        took = round((self._last - self._began) * 1000)
        self.lines += [
            "",
            f"--- {self._ask.destination} ping statistics ---",
            f"{counts}, {loss:.6g}% packet loss, time {took}ms",
        ]
        if received and self._ask.size >= _TIMED:
            mean = self._sum / received
            spread = sqrt(max(0.0, self._squares / received - mean * mean))
            times = "/".join(f"{time * 1000:.3f}" for time in (self._smallest, mean, self._largest, spread))
            self.lines.append(f"rtt min/avg/max/mdev = {times} ms")
        else:
            self.lines.append("")
        in_time = self._ask.until is None or self._ask.count is None or received >= self._ask.count
        self.end(int(not (received and in_time)))


def _reason(message: DestinationUnreachable | TimeExceeded, version: int) -> str:
    """Return the error in the words of iputils."""
    if isinstance(message, TimeExceeded):
        if version == 6:
            return "Time exceeded: Hop limit"
        is_piece = message.code == TimeExceededCode.REASSEMBLY
        return "Frag reassembly time exceeded" if is_piece else "Time to live exceeded"
    if message.code == UnreachableCode.FRAGMENTATION_NEEDED:
        mtu = message.next_hop_mtu
        return f"Packet too big: mtu={mtu}" if version == 6 else f"Frag needed and DF set (mtu = {mtu})"
    words = _UNREACHABLE6 if version == 6 else _UNREACHABLE
    return words.get(message.code, f"Destination unreachable, code {message.code}")


def _milliseconds(seconds: float) -> str:
    """Return three significant digits, as far as there are so many."""
    time = seconds * 1000
    return f"{time:.0f}" if time >= 99.95 else f"{time:.1f}" if time >= 9.995 else f"{time:.{2 if time >= 1 else 3}f}"
