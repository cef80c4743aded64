"""`ping` and `traceroute`: one run of each, and their packets.

`ping` sends echo requests, one at a time, and a mark for the result of each.

    !  reply    .  nothing in time    U  unreachable    M  too big and may not be cut    Q  source quench
    &  time to live used up           ?  another ICMP error

The next request leaves as soon as the fate of the one before is known, as with IOS. Marks go to the session one by one,
70 on a line; the statistics are printed when all are done or the user has had enough.

`traceroute` sends UDP datagrams to closed ports, with a time to live of 1, 2, 3 ...

The router at which a datagram's time ends answers with ICMP time exceeded, and so names itself; the destination answers
port unreachable, and that ends the way. A DMVPN router sends this last answer from its tunnel address, not from the
address probed (so does IOS): the address that answers is printed, whichever it is.

      1 192.168.100.11 5 msec 1 msec 0 msec          three answers of one router
      2 192.168.100.41 5 msec *  1 msec              a datagram without answer
      3 172.16.0.1 4 msec                            two routers share the hop:
        172.16.0.5 5 msec 4 msec                     a line for each change
      4 172.16.0.9 !H  *  !H                         the way ends: !N network, !H host, !P protocol unreachable,
                                                     !A administratively prohibited, ? another reason

An ICMP error quotes the packet that caused it (RFC 792, RFC 1812 §4.3.2.3): its IP header and at least 8 octets behind
it. For an echo request these hold identifier and sequence number, for a UDP datagram both ports: enough to recognize
our probes, which is all that this file looks at.
"""

from __future__ import annotations

import errno
import struct

from dmvpn.base.addresses import IPAddress, spelled
from dmvpn.base.effects import Effect, JobOutput, SendIp
from dmvpn.base.errors import WireError
from dmvpn.base.events import EffectFailed, IpReceived
from dmvpn.base.values import Mutable, Value
from dmvpn.features.system.events import StartPing, StartTraceroute
from dmvpn.net import icmp, ip
from dmvpn.net.icmp import HEADER_LENGTH as ICMP_HEADER_LENGTH
from dmvpn.net.icmp import DestinationUnreachable, EchoRequest, IcmpMessage, TimeExceeded, UnreachableCode
from dmvpn.net.ip import ICMP, UdpDatagram
from dmvpn.net.ipv4 import IpProtocol

# ------------------------------------------------------------------------------------------------ packets


SYSLOG_PORT = 514  # RFC 3164 §2

_UDP_HEADER = struct.Struct("!HHHH")
_IDENTIFIER_AND_SEQUENCE = struct.Struct("!HH")


class QuotedEcho(Value):
    """An echo request of ours, as an error quotes it."""

    identifier: int
    sequence: int


class QuotedDatagram(Value):
    """A UDP datagram of ours, as an error quotes it."""

    source_port: int
    destination_port: int


def echo_request(identifier: int, sequence: int, size: int, pattern: int, version: int = 4) -> bytes:
    """Return an echo request that makes an IP packet of `size` octets, filled with the two octets of `pattern`."""
    room = max(0, size - ip.HEADER_LENGTH[version] - ICMP_HEADER_LENGTH)
    filling = (pattern.to_bytes(2, "big") * (room // 2 + 1))[:room]
    request = EchoRequest(identifier=identifier, sequence=sequence & 0xFFFF, payload=filling)
    return ip.serialize_icmp(request, version)


def udp_datagram(ports: tuple[int, int], payload: bytes, source: IPAddress | None, destination: IPAddress) -> bytes:
    """Return a datagram from the first to the second port.

    A sender that lets the plane choose the source address cannot sum it: such a datagram goes without checksum (RFC
    768), which over IPv6, where there must be one, the plane fills in.
    """
    if source is None:
        return _UDP_HEADER.pack(*ports, _UDP_HEADER.size + len(payload), 0) + payload
    datagram = UdpDatagram(source_port=ports[0], destination_port=ports[1], payload=payload)
    return datagram.serialize(source, destination)


def quoted_echo(quoted: bytes) -> QuotedEcho | None:
    """Return the echo request in this quotation, or None if it is something else or cut too short."""
    version = quoted[0] >> 4 if quoted else 0
    start = _payload(quoted, ip.ICMP[version]) if version in ip.ICMP else None
    if start is None or len(quoted) < start + ICMP_HEADER_LENGTH or not ip.is_echo_request(quoted[start:], version):
        return None
    return QuotedEcho(*_IDENTIFIER_AND_SEQUENCE.unpack_from(quoted, start + 4))


def quoted_datagram(quoted: bytes) -> QuotedDatagram | None:
    """Return the UDP datagram in this quotation, or None if it is something else or cut too short."""
    if _payload(quoted, IpProtocol.UDP) is None:
        return None
    flow = ip.peek_flow(quoted)
    return QuotedDatagram(flow.source_port, flow.destination_port)


def _payload(quoted: bytes, protocol: IpProtocol) -> int | None:
    """Return where a message of this protocol begins in a quoted packet; None if there is none."""
    try:
        found, start = ip.peek_payload(quoted)
    except WireError:
        return None
    return start if found == protocol else None


# ------------------------------------------------------------------------------------------------ ping


MARKS_A_LINE = 70
#: The least time between two requests when the user wants no timeout at all: the router has other work too.
SHORTEST_TIMEOUT = 0.01
#: Seconds until the next request where the fate of one is known in the instant in which it leaves: our own address
#: answers, or the router itself has no way.
AT_ONCE = 0.001

_SOURCE_QUENCH = 4  # RFC 792; obsolete since RFC 6633, but IOS has a mark for it
_ESCAPE_HINT = "Type escape sequence to abort.\n"


class Ping(Mutable):
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
                seconds = now - self._sent_at
                self._shortest = min(self._shortest, seconds) if self._replies else seconds
                self._longest = max(self._longest, seconds)
                self._total += seconds
                self._replies += 1
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

    def _finish(self, sent: int) -> JobOutput:
        self.deadline = None
        percent = self._replies * 100 // sent if sent else 0
        text = "\n" if sent % MARKS_A_LINE else ""
        text += f"Success rate is {percent} percent ({self._replies}/{sent})"
        if self._replies:
            average = self._total / self._replies
            # whole milliseconds, 1 at least, as IOS has it
            times = "/".join(str(max(1, round(time * 1000))) for time in (self._shortest, average, self._longest))
            text += f", round-trip min/avg/max = {times} ms"
        return self._say(f"{text}\n")

    def _say(self, text: str) -> JobOutput:
        return JobOutput(self.request.session, text)


# ------------------------------------------------------------------------------------------------ traceroute


#: What IOS puts for a datagram that came back undeliverable. 9 and 10: RFC 1122 §3.2.2.1.
_MARKS: dict[int, str] = {
    UnreachableCode.NETWORK: "!N",
    UnreachableCode.HOST: "!H",
    UnreachableCode.PROTOCOL: "!P",
    UnreachableCode.NETWORK_UNKNOWN: "!N",
    UnreachableCode.HOST_UNKNOWN: "!H",
    9: "!A",
    10: "!A",
    UnreachableCode.ADMINISTRATIVELY_PROHIBITED: "!A",
}
_HIGHEST_PORT = 0xFFFF


class Traceroute(Mutable):
    """One run of `traceroute`.

    deadline: when the datagram in flight is given up, None once all is over.
    link: the interface to send by, if the destination is known on one link only.
    """

    request: StartTraceroute
    destination: IPAddress
    source: IPAddress | None
    source_port: int
    link: str | None = None
    deadline: float | None = None
    _ttl: int = 0
    _sent_at: float = 0.0
    _sent: int = 0
    _probes_left: int = 0
    _responder: IPAddress | None = None
    _arrived: bool = False

    def start(self, now: float) -> list[Effect]:
        """Return the heading and the first datagram."""
        self._ttl = max(1, self.request.first_ttl)
        self._probes_left = self.request.probes
        vrf = "VRF info: (vrf in name/id, vrf out name/id)" if self.destination.version == 4 else ""
        heading = f"Type escape sequence to abort.\nTracing the route to {spelled(self.destination)}\n{vrf}\n"
        return [self._say(f"{heading}{self._ttl:3}"), self._send(now)]

    def receive(self, packet: IpReceived, message: IcmpMessage, now: float) -> list[Effect]:
        """Take an ICMP message: perhaps the fate of the datagram in flight."""
        if not isinstance(message, DestinationUnreachable | TimeExceeded):
            return []
        if quoted_datagram(message.quoted) != QuotedDatagram(self.source_port, self._port):
            return []
        text = self._name(packet.source)
        if isinstance(message, TimeExceeded):
            return self._next(text + self._time(now), now)
        self._arrived = True
        if message.code == UnreachableCode.PORT:
            return self._next(text + self._time(now), now)
        return self._next(f"{text} {_MARKS.get(message.code, '?')} ", now)

    def fail(self, event: EffectFailed, now: float) -> list[Effect]:
        """Note that the shell could not send: for the user that is silence."""
        return []

    def tick(self, now: float) -> list[Effect]:
        """Go on when no answer came in time."""
        return self._next(" * ", now)

    def abort(self) -> list[Effect]:
        """End because the user wants it."""
        self.deadline = None
        return [self._say("\n")]

    def _next(self, text: str, now: float) -> list[Effect]:
        """Print the result of a datagram; then the next one, the next hop, or the end."""
        self._sent += 1
        self._probes_left -= 1
        if self._probes_left == 0:
            text += "\n"
            if self._arrived or self._ttl >= self.request.last_ttl:
                self.deadline = None
                return [self._say(text)]
            self._ttl += 1
            self._probes_left = self.request.probes
            self._responder = None
            text += f"{self._ttl:3}"
        return [self._say(text), self._send(now)]

    def _name(self, responder: IPAddress) -> str:
        """Return the address if it is not the one printed last; a second one of the same hop begins a line."""
        if responder == self._responder:
            return ""
        first = self._responder is None
        self._responder = responder
        return f" {spelled(responder)}" if first else f"\n    {spelled(responder)}"

    def _time(self, now: float) -> str:
        return f" {round((now - self._sent_at) * 1000)} msec"

    def _send(self, now: float) -> SendIp:
        self._sent_at = now
        self.deadline = now + max(self.request.timeout, SHORTEST_TIMEOUT)
        ports = (self.source_port, self._port)
        payload = udp_datagram(ports, bytes(4), self.source, self.destination)
        return SendIp(self.link, self.source, self.destination, IpProtocol.UDP, payload, ttl=self._ttl)

    @property
    def _port(self) -> int:
        """Each datagram has a port of its own: the answers identify the datagram by it."""
        return self.request.port + self._sent % (_HIGHEST_PORT + 1 - self.request.port)

    def _say(self, text: str) -> JobOutput:
        return JobOutput(self.request.session, text)
