"""The pings and traceroutes that run: from the user's words to a destination, and who gets which ICMP message.

A session runs one at a time. A destination that is a name is first looked up (`Resolve`, `NameResolved`); a source is
checked against our interfaces. Then the probe lives until it says it is over, and its session gets `JobDone`.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.deadlines import Deadlines
from dmvpn.base.effects import Effect, JobDone, JobOutput, Resolve
from dmvpn.base.entropy import below
from dmvpn.base.errors import WireError
from dmvpn.features.system.events import StartPing, StartTraceroute
from dmvpn.features.system.names import UNKNOWN_NAME, NamesConfig
from dmvpn.features.system.ping import Ping
from dmvpn.features.system.traceroute import Traceroute
from dmvpn.net import icmp
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from dmvpn.base.events import EffectFailed, IpReceived, JobAborted, NameResolved
    from dmvpn.base.ports import Ports

Request = StartPing | StartTraceroute
Probe = Ping | Traceroute

_FOREIGN_SOURCE = "% Invalid source address- IP address not on any of our up interfaces\n"
_DEAD_SOURCE = "% Invalid source interface - IP not enabled or interface is down\n"
#: RFC 6335 §6: ports that belong to nobody. Traceroute sends from one of them.
_FIRST_DYNAMIC_PORT = 49152


class _BadSource(Exception):
    """The source is none of ours; the text is for the user."""


class Probes:
    """All jobs of this feature, by session."""

    __slots__ = ("_deadlines", "_ports", "_running", "_waiting", "names")

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._running: dict[int, Probe] = {}
        self._waiting: dict[int, tuple[Request, str]] = {}
        self._deadlines: Deadlines[int] = Deadlines()
        self.names = NamesConfig()

    def start(self, request: Request, now: float) -> list[Effect]:
        """Begin, look the name up, or say what is wrong."""
        session = request.session
        self._forget(session)
        address = self.names.known(request.destination)
        if address is not None:
            return self._launch(request, address, now)
        if not self.names.lookup:
            return [JobOutput(session, UNKNOWN_NAME), JobDone(session)]
        name = self.names.qualified(request.destination)
        self._waiting[session] = (request, name)
        return [JobOutput(session, f'Translating "{request.destination}"...'), Resolve(name)]

    def resolved(self, event: NameResolved, now: float) -> list[Effect]:
        """The name service answered those who wait for this name."""
        effects: list[Effect] = []
        answered = [session for session, (_, name) in self._waiting.items() if name == event.name]
        address = next((found for found in event.addresses if isinstance(found, IPv4Address)), None)
        for session in answered:
            request, _ = self._waiting.pop(session)
            if address is None:
                effects += [JobOutput(session, f"\n{UNKNOWN_NAME}"), JobDone(session)]
            else:
                effects += [JobOutput(session, " [OK]\n"), *self._launch(request, address, now)]
        return effects

    def abort(self, event: JobAborted) -> list[Effect]:
        """The user has had enough."""
        session = event.session
        probe = self._running.get(session)
        if probe is None and session not in self._waiting:
            return []
        effects: list[Effect] = list(probe.abort()) if probe else [JobOutput(session, "\n")]
        self._forget(session)
        return [*effects, JobDone(session)]

    def receive(self, packet: IpReceived, now: float) -> list[Effect]:
        """An ICMP message for this router: each probe looks whether it is an answer to its own."""
        if packet.protocol != IpProtocol.ICMP or not self._running:
            return []
        try:
            message = icmp.parse(packet.payload)
        except WireError:
            return []
        effects: list[Effect] = []
        for session, probe in list(self._running.items()):
            effects += self._settle(session, probe.receive(packet, message, now))
        return effects

    def fail(self, event: EffectFailed, now: float) -> list[Effect]:
        """Something could not be sent: perhaps a probe."""
        effects: list[Effect] = []
        for session, probe in list(self._running.items()):
            effects += self._settle(session, probe.fail(event, now))
        return effects

    def tick(self, now: float) -> list[Effect]:
        """Give up what got no answer in time."""
        effects: list[Effect] = []
        for session in self._deadlines.pop_due(now):
            effects += self._settle(session, self._running[session].tick(now))
        return effects

    def next_deadline(self) -> float | None:
        """When the first probe in flight is given up."""
        return self._deadlines.next()

    def _launch(self, request: Request, destination: IPv4Address, now: float) -> list[Effect]:
        session = request.session
        try:
            source = self._source(request.source)
        except _BadSource as error:
            return [JobOutput(session, str(error)), JobDone(session)]
        if destination.is_multicast or destination.is_unspecified:
            return [JobOutput(session, UNKNOWN_NAME), JobDone(session)]
        probe = self._probe(request, destination, source)
        self._running[session] = probe
        return self._settle(session, probe.start(now))

    def _probe(self, request: Request, destination: IPv4Address, source: IPv4Address | None) -> Probe:
        entropy = self._ports.entropy
        if isinstance(request, StartPing):
            return Ping(request, destination, source, identifier=below(entropy, 0x10000))
        port = _FIRST_DYNAMIC_PORT + below(entropy, 0x10000 - _FIRST_DYNAMIC_PORT)
        return Traceroute(request, destination, source, source_port=port)

    def _source(self, source: IPv4Address | str | None) -> IPv4Address | None:
        """The address to send from; None: as the plane likes. Raises _BadSource."""
        if source is None:
            return None
        interfaces = self._ports.interfaces
        if isinstance(source, IPv4Address):
            owner = interfaces.owner(source)
            if owner is None or not owner.line:
                raise _BadSource(_FOREIGN_SOURCE)
            return source
        interface = interfaces.get(source)
        if interface is None or not interface.line or not isinstance(interface.address, IPv4Address):
            raise _BadSource(_DEAD_SOURCE)
        return interface.address

    def _settle(self, session: int, effects: list[Effect]) -> list[Effect]:
        """After a probe moved: its new deadline, or its end."""
        if not effects:
            return []
        deadline = self._running[session].deadline
        if deadline is not None:
            self._deadlines.set(session, deadline)
            return effects
        self._forget(session)
        return [*effects, JobDone(session)]

    def _forget(self, session: int) -> None:
        self._running.pop(session, None)
        self._waiting.pop(session, None)
        self._deadlines.cancel(session)
