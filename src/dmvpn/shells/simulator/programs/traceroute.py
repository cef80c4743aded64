"""`traceroute` as Linux has it: datagrams with TTL 1, 2, 3 ..., sixteen at a time, a line for each hop.

    -n   addresses alone       -q N   probes a hop (3)     -m N   hops at most (30)   -f N   first hop
    -w S seconds to wait (5)   -N N   at a time (16)       -s A   from this address   -p N   first port
    -I   echo requests         -F     Don't Fragment       -t N   type of service     HOST [OCTETS]

The wait for a probe is shorter where other probes of its hop were answered: a second, or thrice their time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.deadlines import earliest
from dmvpn.base.effects import SendIp
from dmvpn.base.values import dataclass
from dmvpn.features.system.packet import echo_request, quoted_datagram, quoted_echo, udp_datagram
from dmvpn.net.icmp import DestinationUnreachable, EchoReply, IcmpMessage, TimeExceeded, UnreachableCode
from dmvpn.net.ip import HEADER_LENGTH as IP_HEADER_LENGTH
from dmvpn.net.ip import ICMP, UDP_HEADER_LENGTH
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.shells.simulator.programs.program import LARGEST, Options, Program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import IpReceived

_LETTERS: Final = "nq:m:f:w:N:s:i:p:IFt:46"
_SPELLED: Final = {
    "queries": "q",
    "max-hops": "m",
    "first": "f",
    "wait": "w",
    "sim-queries": "N",
    "source": "s",
    "port": "p",
    "icmp": "I",
    "dont-fragment": "F",
}
_PORT: Final = 33434
_MOST_PORTS: Final = 0xFFFF
#: Octets of data without a length on the command line.
_DATA: Final = 40
_PATTERN: Final = 0x4041
#: Minimum wait for a probe in seconds when other probes of its hop were answered, and the factor of their time.
_LEAST: Final = 1.0
_AS_LONG: Final = 3.0
_MARKS: Final[dict[int, str]] = {
    UnreachableCode.NETWORK: "!N",
    UnreachableCode.HOST: "!H",
    UnreachableCode.PROTOCOL: "!P",
    UnreachableCode.SOURCE_ROUTE_FAILED: "!S",
    UnreachableCode.NETWORK_UNKNOWN: "!N",
    UnreachableCode.HOST_UNKNOWN: "!H",
    UnreachableCode.ADMINISTRATIVELY_PROHIBITED: "!X",
}


@dataclass(slots=True)
class _Probe:
    """by: the router that answered; None: no answer in time. mark: why the path ends there, "" if it does not."""

    ttl: int
    sent_at: float
    done: bool = False
    by: IPAddress | None = None
    took: float = 0.0
    mark: str = ""


class Traceroute(Program):
    """One run of `traceroute`."""

    def __init__(self, words: Sequence[str], own: Sequence[IPAddress], identifier: int) -> None:
        """own: the addresses of the host. identifier: separates this run from other ones. Raises UserError."""
        super().__init__()
        options = Options("traceroute", words, _LETTERS, _SPELLED)
        self._to = options.destination(most=2)
        self._least = IP_HEADER_LENGTH[self._to.version] + UDP_HEADER_LENGTH
        default = IP_HEADER_LENGTH[self._to.version] + _DATA
        text = options.rest[1] if len(options.rest) > 1 else str(default)
        self._length = max(self._least, int(options.amount("packetlen", text, 0, LARGEST)))
        self._from = options.source("s", own, self._to.version)
        options.source("i", own, self._to.version)
        self._queries = int(options.number("q", 3, 1, 10))
        self._last = int(options.number("m", 30, 1, 255))
        self._first = int(options.number("f", 1, 1, self._last))
        self._at_a_time = int(options.number("N", 16, 1, 100))
        self._wait = options.amount("-w", (options.text("w") or "5").partition(",")[0], 0.01, 3600)
        self._port = int(options.number("p", _PORT, 1, _MOST_PORTS))
        self._tos = int(options.number("t", 0, 0, 255))
        self._echo, self._numeric, self._df = "I" in options, "n" in options, "F" in options
        #: The source port of datagrams, or the identifier of echo requests.
        self._identifier = identifier
        self._probes: list[_Probe] = []
        self._end_ttl = self._last
        self._printed = self._first - 1

    def start(self, now: float) -> list[SendIp]:
        """Return the heading and the first probes."""
        self.lines.append(f"traceroute to {self._to} ({self._to}), {self._last} hops max, {self._length} byte packets")
        return self._go_on(now)

    def receive(self, packet: IpReceived, message: IcmpMessage, now: float) -> list[SendIp]:
        """Process the possible answer to a probe."""
        number = self._number_of(message)
        if number is None or not 0 <= number < len(self._probes) or self._probes[number].done:
            return []
        probe = self._probes[number]
        probe.done, probe.by, probe.took = True, packet.source, now - probe.sent_at
        if isinstance(message, DestinationUnreachable):
            probe.mark = self._mark(message)
        if not isinstance(message, TimeExceeded):
            self._end_ttl = min(self._end_ttl, probe.ttl)
        return self._go_on(now)

    def tick(self, now: float) -> list[SendIp]:
        """Continue after some probes timed out."""
        for probe in self._probes:
            if not probe.done and self._expires(probe) <= now:
                probe.done = True
        return self._go_on(now)

    def interrupt(self, now: float) -> None:
        """Print the known part of an incomplete hop."""
        if any(probe.done for probe in self._of(self._printed + 1)):
            self._print_hop(self._printed + 1)
        self.end(130)

    def _mark(self, message: DestinationUnreachable) -> str:
        if message.code == UnreachableCode.FRAGMENTATION_NEEDED:
            return f"!F-{message.next_hop_mtu}"
        if message.code == UnreachableCode.PORT:
            return ""
        return _MARKS.get(message.code, f"!<{message.code}>")

    def _number_of(self, message: IcmpMessage) -> int | None:
        """Return the number of the probe that a message answers."""
        match message:
            case EchoReply() if self._echo and message.identifier == self._identifier:
                return message.sequence - 1
            case DestinationUnreachable() | TimeExceeded():
                if self._echo:
                    echo = quoted_echo(message.quoted)
                    return echo.sequence - 1 if echo and echo.identifier == self._identifier else None
                datagram = quoted_datagram(message.quoted)
                if datagram is not None and datagram.source_port == self._identifier:
                    return (datagram.destination_port - self._port) % (_MOST_PORTS + 1)
        return None

    def _go_on(self, now: float) -> list[SendIp]:
        """Print complete hops; send as many probes as may be in flight."""
        while self._printed < self._end_ttl:
            hop = self._of(self._printed + 1)
            if len(hop) < self._queries or not all(probe.done for probe in hop):
                break
            self._printed += 1
            self._print_hop(self._printed)
        if self._printed >= self._end_ttl:
            self.end(0)
            return []
        waiting = [probe for probe in self._probes if not probe.done and probe.ttl <= self._end_ttl]
        packets = []
        while len(waiting) < self._at_a_time:
            ttl = self._first + len(self._probes) // self._queries
            if ttl > self._end_ttl:
                break
            probe = _Probe(ttl, now)
            packets.append(self._packet(ttl, len(self._probes)))
            self._probes.append(probe)
            waiting.append(probe)
        self.deadline = earliest(*map(self._expires, waiting))
        return packets

    def _packet(self, ttl: int, number: int) -> SendIp:
        version = self._to.version
        if self._echo:
            payload = echo_request(self._identifier, number + 1, self._length, _PATTERN, version)
        else:
            ports = self._identifier, (self._port + number) & _MOST_PORTS
            payload = udp_datagram(ports, b"@" * (self._length - self._least), self._from, self._to)
        protocol = ICMP[version] if self._echo else IpProtocol.UDP
        return SendIp(None, self._from, self._to, protocol, payload, ttl=ttl, tos=self._tos, df=self._df)

    def _expires(self, probe: _Probe) -> float:
        """Return when the wait for its answer ends."""
        took = [other.took for other in self._of(probe.ttl) if other.by is not None]
        return probe.sent_at + (min(self._wait, max(_LEAST, _AS_LONG * max(took))) if took else self._wait)

    def _of(self, ttl: int) -> list[_Probe]:
        start = (ttl - self._first) * self._queries
        return self._probes[start : start + self._queries]

    def _print_hop(self, ttl: int) -> None:
        line, last = f"{ttl:2} ", None
        for probe in self._of(ttl):
            if probe.by is None:
                line += " *"
                continue
            if probe.by != last:
                line += f" {probe.by}" if self._numeric else f" {probe.by} ({probe.by})"
                last = probe.by
            line += f"  {probe.took * 1000:.3f} ms" + (f" {probe.mark}" if probe.mark else "")
        self.lines.append(line)
