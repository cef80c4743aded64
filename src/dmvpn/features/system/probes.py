"""The pings and traceroutes that run: from the user's words to a destination, and which probe gets which ICMP message.

A session runs one at a time. A destination that is a name is first looked up (`Resolve`, `NameResolved`); a source is
checked against our interfaces. Then the probe lives until it says it is over, and its session gets `JobDone`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, is_link_local, is_one_station
from dmvpn.base.deadlines import Deadlines
from dmvpn.base.effects import Effect, JobDone, JobOutput, Resolve
from dmvpn.base.entropy import below
from dmvpn.base.errors import WireError
from dmvpn.features.system.events import StartPing, StartTraceroute
from dmvpn.features.system.names import UNKNOWN_NAME, NamesConfig
from dmvpn.features.system.ping import Ping
from dmvpn.features.system.traceroute import Traceroute
from dmvpn.net import ip

if TYPE_CHECKING:
    from dmvpn.base.events import EffectFailed, IpReceived, JobAborted, NameResolved
    from dmvpn.base.ports import Ports

Request = StartPing | StartTraceroute
Probe = Ping | Traceroute

_FOREIGN_SOURCE = "% Invalid source address- IP address not on any of our up interfaces\n"
_OTHER_SOURCE = "% Invalid source. Must use same IP version as the destination\n"
_NO_LINK = "% A link-local address is on one link only: say `source INTERFACE`\n"
_DEAD_SOURCE = {
    4: "% Invalid source interface - IP not enabled or interface is down\n",
    6: "% Invalid source interface - IPv6 not enabled or interface is down\n",
}
#: RFC 6335 §6: ports that belong to nobody. Traceroute sends from one of them.
_FIRST_DYNAMIC_PORT = 49152


class _BadSource(Exception):
    """The source is none of ours; the text is for the user."""


class Probes:
    """All jobs of this feature, by session."""

    __slots__ = ("_deadlines", "_names", "_ports", "_running", "_waiting")

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._running: dict[int, Probe] = {}
        self._waiting: dict[int, tuple[Request, str]] = {}
        self._deadlines: Deadlines[int] = Deadlines()
        self._names = NamesConfig()

    def configure(self, names: NamesConfig) -> None:
        """Take over a new configuration."""
        self._names = names

    def start(self, request: Request, now: float) -> list[Effect]:
        """Begin, look the name up, or say what is wrong."""
        session = request.session
        self._forget(session)
        address = self._names.known(request.destination)
        if address is not None:
            return self._launch(request, address, now)
        if not self._names.lookup:
            return [JobOutput(session, UNKNOWN_NAME), JobDone(session)]
        name = self._names.qualified(request.destination)
        self._waiting[session] = (request, name)
        return [JobOutput(session, f'Translating "{request.destination}"...'), Resolve(name)]

    def resolved(self, event: NameResolved, now: float) -> list[Effect]:
        """Take the answer of the name service for those who wait for this name."""
        effects: list[Effect] = []
        answered = [session for session, (_, name) in self._waiting.items() if name == event.name]
        for session in answered:
            request, _ = self._waiting.pop(session)
            possible = [found for found in event.addresses if request.version in (None, found.version)]
            address = min(possible, key=lambda found: found.version, default=None)
            if address is None:
                effects += [JobOutput(session, f"\n{UNKNOWN_NAME}"), JobDone(session)]
            else:
                effects += [JobOutput(session, " [OK]\n"), *self._launch(request, address, now)]
        return effects

    def abort(self, event: JobAborted) -> list[Effect]:
        """End the probe of a session whose user has had enough."""
        session = event.session
        probe = self._running.get(session)
        if probe is None and session not in self._waiting:
            return []
        effects: list[Effect] = list(probe.abort()) if probe else [JobOutput(session, "\n")]
        self._forget(session)
        return [*effects, JobDone(session)]

    def receive(self, packet: IpReceived, now: float) -> list[Effect]:
        """Take an ICMP message for this router: each probe looks whether it is an answer to its own."""
        if not self._running or not ip.is_icmp(packet.protocol, packet.source):
            return []
        try:
            message = ip.parse_icmp(packet.payload, packet.source, packet.destination)
        except WireError:
            return []
        effects: list[Effect] = []
        for session, probe in list(self._running.items()):
            effects += self._settle(session, probe.receive(packet, message, now))
        return effects

    def fail(self, event: EffectFailed, now: float) -> list[Effect]:
        """Note that something could not be sent: perhaps a probe."""
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
        """Return when the first probe in flight is given up."""
        return self._deadlines.next()

    def _launch(self, request: Request, destination: IPAddress, now: float) -> list[Effect]:
        session = request.session
        is_wanted = request.version in (None, destination.version)
        if not (is_wanted and _is_host(destination) and self._runs(destination.version)):
            return [JobOutput(session, UNKNOWN_NAME), JobDone(session)]
        try:
            source = self._source(request.source, destination)
        except _BadSource as error:
            return [JobOutput(session, str(error)), JobDone(session)]
        link = str(request.source) if is_link_local(destination) else None
        probe = self._probe(request, destination, source, link)
        self._running[session] = probe
        return self._settle(session, probe.start(now))

    def _probe(self, request: Request, destination: IPAddress, source: IPAddress | None, link: str | None) -> Probe:
        entropy = self._ports.entropy
        if isinstance(request, StartPing):
            return Ping(request, destination, source, link=link, identifier=below(entropy, 0x10000))
        port = _FIRST_DYNAMIC_PORT + below(entropy, 0x10000 - _FIRST_DYNAMIC_PORT)
        return Traceroute(request, destination, source, link=link, source_port=port)

    def _runs(self, version: int) -> bool:
        """Return whether there is an interface with this IP version. IPv4 needs no line in the configuration."""
        return version == 4 or any(state.runs(version) for state in self._ports.interfaces.all())

    def _source(self, source: IPAddress | str | None, destination: IPAddress) -> IPAddress | None:
        """Return the address to send from; None: as the plane likes. Raises _BadSource."""
        if is_link_local(destination) and not isinstance(source, str):
            raise _BadSource(_NO_LINK)
        if source is None:
            return None
        interfaces, version = self._ports.interfaces, destination.version
        if not isinstance(source, str):
            if source.version != version:
                raise _BadSource(_OTHER_SOURCE)
            owner = interfaces.owner(source)
            if owner is None or not owner.line:
                raise _BadSource(_FOREIGN_SOURCE)
            return source
        interface = interfaces.get(source)
        if interface is None or not interface.line:
            raise _BadSource(_DEAD_SOURCE[version])
        address = interface.link_local(version) if is_link_local(destination) else interface.primary(version)
        if address is None:
            raise _BadSource(_DEAD_SOURCE[version])
        return address

    def _settle(self, session: int, effects: list[Effect]) -> list[Effect]:
        """Settle a probe that moved: its new deadline, or its end."""
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


def _is_host(address: IPAddress) -> bool:
    """Return whether somebody may have it. Over IPv4 one may ask a broadcast address, too."""
    if address.version == 6:
        return is_one_station(address)
    return not (address.is_multicast or address.is_unspecified)
