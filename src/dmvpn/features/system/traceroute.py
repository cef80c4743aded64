"""`traceroute`: UDP datagrams to closed ports, with a time to live of 1, 2, 3 ...

The router at which a datagram's time ends answers with ICMP time exceeded, and so names itself; the destination answers
port unreachable, and that ends the way. A DMVPN router sends this last answer from its tunnel address, not from the
address probed (so does IOS): the address that answers is printed, whichever it is.

      1 192.168.100.11 5 msec 1 msec 0 msec          three answers of one router
      2 192.168.100.41 5 msec *  1 msec              a datagram without answer
      3 172.16.0.1 4 msec                            two routers share the hop:
        172.16.0.5 5 msec 4 msec                     a line for each change
      4 172.16.0.9 !H  *  !H                         the way ends: !N network, !H host, !P protocol unreachable,
                                                     !A administratively prohibited, ? another reason
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import spelled
from dmvpn.base.effects import Effect, JobOutput, SendIp
from dmvpn.base.values import dataclass
from dmvpn.features.system.packet import QuotedDatagram, quoted_datagram, udp_datagram
from dmvpn.net.icmp import DestinationUnreachable, IcmpMessage, TimeExceeded, UnreachableCode
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import EffectFailed, IpReceived
    from dmvpn.features.system.events import StartTraceroute

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
#: The least time between two datagrams when the user wants no timeout at all: the router has other work too.
SHORTEST_TIMEOUT = 0.01


@dataclass(slots=True)
class Traceroute:
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
