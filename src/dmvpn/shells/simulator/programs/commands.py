"""Programs of a simulated host: their interface and option parser, `ping` and `traceroute`.

`ping` as iputils has it: a request each second, a line for each answer, statistics at the end.

    -c N   so many          -s N   octets of data (56)      -t N   TTL            -M do|want|dont   Don't Fragment
    -i S   seconds between  -W S   seconds for the last     -w S   seconds in all -I ADDRESS        from this one
    -q     no lines         -n     no effect: names are never looked up           -Q N              type of service

Path MTUs are stored for one run: with `want`, the default, larger packets are sent without DF from then on.

`traceroute` as Linux has it: datagrams with TTL 1, 2, 3 ..., sixteen at a time, a line for each hop.

    -n   addresses alone       -q N   probes a hop (3)     -m N   hops at most (30)   -f N   first hop
    -w S seconds to wait (5)   -N N   at a time (16)       -s A   from this address   -p N   first port
    -I   echo requests         -F     Don't Fragment       -t N   type of service     HOST [OCTETS]

The wait for a probe is shorter where other probes of its hop were answered: a second, or thrice their time.
"""

from __future__ import annotations

import getopt
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from math import sqrt
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.context import earliest
from dmvpn.base.effects import SendIp
from dmvpn.base.errors import UserError
from dmvpn.base.events import IpReceived
from dmvpn.base.values import Mutable, Value
from dmvpn.features.system.ping import echo_request, quoted_datagram, quoted_echo, udp_datagram
from dmvpn.net import icmp
from dmvpn.net.ip import HEADER_LENGTH as IP_HEADER_LENGTH
from dmvpn.net.ip import ICMP, UDP_HEADER_LENGTH
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.shells.simulator.node import HOST_TTL

# ------------------------------------------------------------------------------------------------ programs


#: The MTU of a host's wire.
HOST_MTU: Final = 1500
#: Octets of the largest IP packet.
LARGEST: Final = 0xFFFF


class Program(ABC):
    """One run. Its output is added to `lines`; code: its exit code, None while it runs.

    Its owner calls the methods one at a time, sends the packets that they return, and calls `tick` at `deadline`. Times
    are seconds on the clock of the simulation.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.code: int | None = None
        self.deadline: float | None = None

    @abstractmethod
    def start(self, now: float) -> list[SendIp]:
        """Start."""

    @abstractmethod
    def receive(self, packet: IpReceived, message: icmp.IcmpMessage, now: float) -> list[SendIp]:
        """Process an ICMP message that the host received, for this program or for another one."""

    @abstractmethod
    def tick(self, now: float) -> list[SendIp]:
        """Continue at the deadline."""

    @abstractmethod
    def interrupt(self, now: float) -> None:
        """Handle Ctrl-C."""

    def fail(self, text: str) -> None:
        """Record that a packet could not be sent: the host has no route for it."""
        self.lines.append(text)
        self.end(2)

    def end(self, code: int) -> None:
        """End the run."""
        self.code, self.deadline = code, None


class Options:
    """The arguments of a program. Raises UserError for unknown ones."""

    def __init__(self, program: str, words: Sequence[str], letters: str, spelled: Mapping[str, str]) -> None:
        """letters: as for getopt. spelled: long names, with their letters."""
        self._program = program
        long = [f"{name}=" if f"{letter}:" in letters else name for name, letter in spelled.items()]
        try:
            found, self.rest = getopt.gnu_getopt(list(words), letters, long)
        except getopt.GetoptError as error:
            known = " ".join(f"-{letter}" for letter in letters if letter != ":")
            raise UserError(f"{program}: {error}; at a simulated host it has {known}") from None
        self._values = {f"-{spelled[name[2:]]}" if name.startswith("--") else name: text for name, text in found}

    def __contains__(self, letter: str) -> bool:
        return f"-{letter}" in self._values

    def text(self, letter: str) -> str:
        """Return the value of an option; "" if it is not given."""
        return self._values.get(f"-{letter}", "")

    def number(self, letter: str, default: float, least: float, most: float) -> float:
        """Return the number of an option. Raises UserError."""
        return self.amount(f"-{letter}", self.text(letter) or str(default), least, most)

    def amount(self, name: str, text: str, least: float, most: float) -> float:
        """Return a number in these bounds. Raises UserError."""
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise UserError(f"{self._program}: {name} {text}: a number from {least:g} to {most:g}")
        return value

    def destination(self, most: int = 1) -> IPAddress:
        """Return the destination address; `most`: number of arguments at most. Raises UserError."""
        if not self.rest:
            raise UserError(f"{self._program}: which address?")
        if len(self.rest) > most:
            raise UserError(f"{self._program}: {' '.join(self.rest[most:])}: unexpected arguments")
        version = {"4": 4, "6": 6}.get(next((letter for letter in "46" if letter in self), ""))
        try:
            address = ip_address(self.rest[0])
        except ValueError:
            raise UserError(f"{self._program}: {self.rest[0]}: hosts of a simulated lab know no names") from None
        if version not in (None, address.version):
            raise UserError(f"{self._program}: {address} is no IPv{version} address")
        if address.is_loopback:
            raise UserError(f"{self._program}: {address} is the host itself: nothing of that is seen in the lab")
        if address.is_multicast or address.is_unspecified or int(address) == 0xFFFFFFFF:
            raise UserError(f"{self._program}: {address} is the address of no single station")
        return address

    def source(self, letter: str, own: Sequence[IPAddress], version: int) -> IPAddress | None:
        """Return an own address of an option, or the interface's; None if it is not given. Raises UserError."""
        text = self.text(letter)
        if text in ("", "eth0"):
            return None
        for address in own:
            if str(address) == text and address.version == version:
                return address
        raise UserError(f"{self._program}: {text} is no address of this host; it has {', '.join(map(str, own))}")


# ------------------------------------------------------------------------------------------------ ping


_PING_LETTERS: Final = "c:s:t:M:i:W:w:I:Q:qn46"
_PING_SPELLED: Final = {"count": "c", "size": "s", "ttl": "t", "interval": "i", "timeout": "W", "deadline": "w"}
_PING_PATTERN: Final = 0x1011
#: Octets of data that ping needs to write the time into its packets.
_TIMED: Final = 16
#: Requests that are kept until their answers.
_REMEMBERED: Final = 1024
_MOST: Final = 1_000_000
_LONGEST_WAIT: Final = 3600.0

_UNREACHABLE: Final[dict[int, str]] = {
    icmp.UnreachableCode.NETWORK: "Destination Net Unreachable",
    icmp.UnreachableCode.HOST: "Destination Host Unreachable",
    icmp.UnreachableCode.PROTOCOL: "Destination Protocol Unreachable",
    icmp.UnreachableCode.PORT: "Destination Port Unreachable",
    icmp.UnreachableCode.NETWORK_UNKNOWN: "Destination Net Unknown",
    icmp.UnreachableCode.HOST_UNKNOWN: "Destination Host Unknown",
    9: "Destination Net Prohibited",
    10: "Destination Host Prohibited",
    icmp.UnreachableCode.ADMINISTRATIVELY_PROHIBITED: "Packet filtered",
}
_UNREACHABLE6: Final[dict[int, str]] = {
    icmp.UnreachableCode.NETWORK: "Destination unreachable: No route",
    icmp.UnreachableCode.HOST: "Destination unreachable: Address unreachable",
    icmp.UnreachableCode.PORT: "Destination unreachable: Port unreachable",
    icmp.UnreachableCode.ADMINISTRATIVELY_PROHIBITED: "Destination unreachable: Administratively prohibited",
}


class _Wanted(Value):
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
        return self.size + icmp.HEADER_LENGTH + IP_HEADER_LENGTH[self.destination.version]


class Ping(Program):
    """One run of `ping`."""

    def __init__(self, words: Sequence[str], own: Sequence[IPAddress], identifier: int) -> None:
        """own: the addresses of the host. identifier: separates this run from other ones. Raises UserError."""
        super().__init__()
        options = Options("ping", words, _PING_LETTERS, _PING_SPELLED)
        destination = options.destination()
        discovery = options.text("M") or "want"
        if discovery not in ("do", "want", "dont"):
            raise UserError(f"ping: -M {discovery}: do, want or dont")
        overhead = icmp.HEADER_LENGTH + IP_HEADER_LENGTH[destination.version]
        self._ask = _Wanted(
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

    def receive(self, packet: IpReceived, message: icmp.IcmpMessage, now: float) -> list[SendIp]:
        """Process an answer, or an error about a request."""
        match message:
            case icmp.EchoReply() if message.identifier == self._identifier:
                self._answered(packet, message, now)
            case icmp.DestinationUnreachable() | icmp.TimeExceeded():
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
        payload = echo_request(self._identifier, self._sent, ask.length, _PING_PATTERN, version)
        df = ask.discovery != "dont" and ask.length <= self._path_mtu
        return [SendIp(None, ask.source, ask.destination, ICMP[version], payload, ttl=ask.ttl, tos=ask.tos, df=df)]

    def _answered(self, packet: IpReceived, message: icmp.EchoReply, now: float) -> None:
        sent = self._sent_at.pop(message.sequence, None)
        line = f"{len(message.payload) + icmp.HEADER_LENGTH} bytes from {packet.source}: icmp_seq={message.sequence}"
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

    def _refused(self, by: IPAddress, sequence: int, message: icmp.DestinationUnreachable | icmp.TimeExceeded) -> None:
        self._errors += 1
        if (
            isinstance(message, icmp.DestinationUnreachable)
            and message.code == icmp.UnreachableCode.FRAGMENTATION_NEEDED
        ):
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


def _reason(message: icmp.DestinationUnreachable | icmp.TimeExceeded, version: int) -> str:
    """Return the error in the words of iputils."""
    if isinstance(message, icmp.TimeExceeded):
        if version == 6:
            return "Time exceeded: Hop limit"
        is_piece = message.code == icmp.TimeExceededCode.REASSEMBLY
        return "Frag reassembly time exceeded" if is_piece else "Time to live exceeded"
    if message.code == icmp.UnreachableCode.FRAGMENTATION_NEEDED:
        mtu = message.next_hop_mtu
        return f"Packet too big: mtu={mtu}" if version == 6 else f"Frag needed and DF set (mtu = {mtu})"
    words = _UNREACHABLE6 if version == 6 else _UNREACHABLE
    return words.get(message.code, f"Destination unreachable, code {message.code}")


def _milliseconds(seconds: float) -> str:
    """Return three significant digits, as far as there are so many."""
    time = seconds * 1000
    return f"{time:.0f}" if time >= 99.95 else f"{time:.1f}" if time >= 9.995 else f"{time:.{2 if time >= 1 else 3}f}"


# ------------------------------------------------------------------------------------------------ traceroute


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
    icmp.UnreachableCode.NETWORK: "!N",
    icmp.UnreachableCode.HOST: "!H",
    icmp.UnreachableCode.PROTOCOL: "!P",
    icmp.UnreachableCode.SOURCE_ROUTE_FAILED: "!S",
    icmp.UnreachableCode.NETWORK_UNKNOWN: "!N",
    icmp.UnreachableCode.HOST_UNKNOWN: "!H",
    icmp.UnreachableCode.ADMINISTRATIVELY_PROHIBITED: "!X",
}


class _Probe(Mutable):
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

    def receive(self, packet: IpReceived, message: icmp.IcmpMessage, now: float) -> list[SendIp]:
        """Process the possible answer to a probe."""
        number = self._number_of(message)
        if number is None or not 0 <= number < len(self._probes) or self._probes[number].done:
            return []
        probe = self._probes[number]
        probe.done, probe.by, probe.took = True, packet.source, now - probe.sent_at
        if isinstance(message, icmp.DestinationUnreachable):
            probe.mark = self._mark(message)
        if not isinstance(message, icmp.TimeExceeded):
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

    def _mark(self, message: icmp.DestinationUnreachable) -> str:
        if message.code == icmp.UnreachableCode.FRAGMENTATION_NEEDED:
            return f"!F-{message.next_hop_mtu}"
        if message.code == icmp.UnreachableCode.PORT:
            return ""
        return _MARKS.get(message.code, f"!<{message.code}>")

    def _number_of(self, message: icmp.IcmpMessage) -> int | None:
        """Return the number of the probe that a message answers."""
        match message:
            case icmp.EchoReply() if self._echo and message.identifier == self._identifier:
                return message.sequence - 1
            case icmp.DestinationUnreachable() | icmp.TimeExceeded():
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
