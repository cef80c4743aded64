"""The pings and traceroutes that run: from the user's words to a destination, and which probe gets which ICMP message.

A session runs one at a time. A destination that is a name is first looked up (`Resolve`, `NameResolved`); a source is
checked against our interfaces. Then the probe lives until it says it is over, and its session gets `JobDone`.

Names of hosts are in the table of `ip host`, and in the name service where `ip domain lookup` is on. Lookup is off by
default, unlike on IOS: a mistyped command would hang while the router asks the world for it.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from ipaddress import IPv4Address, ip_address
from typing import Final

from dmvpn.base.addresses import IPAddress, is_link_local, is_one_station
from dmvpn.base.context import Context, TimerQueue
from dmvpn.base.effects import Effect, JobDone, JobOutput, Resolve, SendIp, in_table
from dmvpn.base.entropy import below
from dmvpn.base.errors import WireError
from dmvpn.base.events import EffectFailed, IpReceived, JobAborted, NameResolved
from dmvpn.base.pages import NONE, Pages
from dmvpn.base.ports import Interfaces
from dmvpn.base.values import Value
from dmvpn.features.system.events import StartPing, StartTraceroute
from dmvpn.features.system.ping import Ping, Traceroute
from dmvpn.net import icmp, ip
from dmvpn.net.ipv6 import LEAST_MTU

# ------------------------------------------------------------------------------------------------ names of hosts


UNKNOWN_NAME = "% Unrecognized host or address, or protocol not running.\n"


class NamesConfig(Value, kw_only=True):
    """`ip host`, `ip domain name`, `ip domain lookup`. vrf_hosts: VRFs, names and addresses of `ip host vrf`."""

    lookup: bool = False
    domain: str = ""
    hosts: Pages[tuple[str, IPv4Address]] = NONE
    vrf_hosts: Pages[tuple[str, str, IPv4Address]] = NONE

    def known(self, name: str, vrf: str = "") -> IPAddress | None:
        """Return the address that `name` is, or has in the table of a VRF, or of all; None: unknown."""
        if "%" not in name:  # Python would read a zone (RFC 4007 §11), which here is `source INTERFACE`
            with suppress(ValueError):
                return ip_address(name)
        wanted = {name.lower(), f"{name}.{self.domain}".lower()}
        if vrf:
            own = (address for table, host, address in self.vrf_hosts if table == vrf and host.lower() in wanted)
            if (found := next(own, None)) is not None:
                return found
        return next((address for host, address in self.hosts if host.lower() in wanted), None)

    def qualified(self, name: str) -> str:
        """Return the name to ask the name service for."""
        return f"{name}.{self.domain}" if self.domain and "." not in name else name


# ------------------------------------------------------------------------------------------------ probes


Request = StartPing | StartTraceroute
Probe = Ping | Traceroute

_FOREIGN_SOURCE = "% Invalid source address- IP address not on any of our up interfaces\n"
_OTHER_SOURCE = "% Invalid source. Must use same IP version as the destination\n"
_NO_LINK = "% A link-local address is on one link only: say `source INTERFACE`\n"
_DEAD_SOURCE = {
    4: "% Invalid source interface - IP not enabled or interface is down\n",
    6: "% Invalid source interface - IPv6 not enabled or interface is down\n",
}
#: RFC 6335 §6: ports that are assigned to no service. Traceroute sends from one of them.
_FIRST_DYNAMIC_PORT = 49152
#: How many jobs give up waiting in one event.
_SLICE: Final = 32


#: Seconds for which a path MTU counts (RFC 8201 §5.3, as with Linux), and destinations that are stored.
PATH_MTU_AGE: Final = 600.0
_MOST: Final = 256


class _BadSource(Exception):
    """The source is none of ours; the text is for the user."""


class Probes:
    """All jobs of this feature, by session.

    path_mtus: of packets of our own over IPv6, for people: by VRF and destination, octets, when and by whom reported.
    """

    __slots__ = ("_context", "_deadlines", "_names", "_running", "_waiting", "path_mtus")

    def __init__(self, context: Context) -> None:
        self._context = context
        self.path_mtus: dict[tuple[str, IPAddress], tuple[int, float, IPAddress]] = {}
        self._running: dict[int, Probe] = {}
        self._waiting: dict[int, tuple[Request, str]] = {}
        self._deadlines: TimerQueue[int] = TimerQueue(context, "give up a probe", self._give_up, most=_SLICE)
        self._names = NamesConfig()

    def configure(self, names: NamesConfig) -> None:
        """Take over a new configuration."""
        self._names = names

    def start(self, request: Request) -> None:
        """Begin, resolve the name, or report an error."""
        session = request.session
        self._forget(session)
        if self._interfaces(request.vrf) is None:
            self._end(session, f"% VRF {request.vrf} does not exist\n")
            return
        address = self._names.known(request.destination, request.vrf)
        if address is not None:
            self._launch(request, address)
        elif not self._names.lookup:
            self._end(session, UNKNOWN_NAME)
        else:
            name = self._names.qualified(request.destination)
            self._waiting[session] = (request, name)
            self._context.emit(JobOutput(session, f'Translating "{request.destination}"...'), Resolve(name))

    def resolved(self, event: NameResolved) -> None:
        """Take the answer of the name service for the jobs that wait for this name."""
        answered = [session for session, (_, name) in self._waiting.items() if name == event.name]
        for session in answered:
            request, _ = self._waiting.pop(session)
            possible = [found for found in event.addresses if request.version in (None, found.version)]
            address = min(possible, key=lambda found: found.version, default=None)
            if address is None:
                self._end(session, f"\n{UNKNOWN_NAME}")
            else:
                self._context.emit(JobOutput(session, " [OK]\n"))
                self._launch(request, address)

    def abort(self, event: JobAborted) -> None:
        """End the probe of a session whose user has had enough."""
        session = event.session
        probe = self._running.get(session)
        if probe is None and session not in self._waiting:
            return
        self._context.emit(*(probe.abort() if probe else [JobOutput(session, "\n")]), JobDone(session))
        self._forget(session)

    def receive(self, packet: IpReceived) -> None:
        """Take an ICMP message for this router: each probe looks whether it is an answer to its own."""
        is_report = packet.source.version == 6 and packet.payload[:1] == bytes((icmp.Icmpv6Type.PACKET_TOO_BIG,))
        if not (self._running or is_report) or not ip.is_icmp(packet.protocol, packet.source):
            return
        try:
            message = ip.parse_icmp(packet.payload, packet.source, packet.destination)
            if is_report and isinstance(message, icmp.DestinationUnreachable) and packet.source != packet.destination:
                self._learn(packet, message)
        except WireError:
            return
        for session, probe in list(self._running.items()):
            if probe.request.vrf == packet.vrf:
                self._settle(session, probe.receive(packet, message, self._context.now))

    def _learn(self, packet: IpReceived, message: icmp.DestinationUnreachable) -> None:
        """Note a path MTU if a packet from the address that got the report is in it. None rises by a report (RFC 8201
        §4). Raises WireError.
        """
        source, destination = ip.peek_addresses(message.quoted)
        key, now, octets = (packet.vrf, destination), self._context.now, message.next_hop_mtu
        known, since, _ = self.path_mtus.get(key, (0, now - PATH_MTU_AGE, destination))
        if source == packet.destination and octets >= LEAST_MTU and (octets < known or now - since >= PATH_MTU_AGE):
            self.path_mtus.pop(key, None)
            self.path_mtus[key] = octets, now, packet.source
            if len(self.path_mtus) > _MOST:  # the oldest of the router that reported most: it displaces its own alone
                [(most, _)] = Counter(by for *_, by in self.path_mtus.values()).most_common(1)
                del self.path_mtus[next(key for key, (*_, by) in self.path_mtus.items() if by == most)]

    def fail(self, event: EffectFailed) -> None:
        """Note that something could not be sent: perhaps a probe."""
        for session, probe in list(self._running.items()):
            self._settle(session, probe.fail(event, self._context.now))

    def _give_up(self, session: int) -> None:
        """Give up probes without an answer in time."""
        self._settle(session, self._running[session].tick(self._context.now))

    def _launch(self, request: Request, destination: IPAddress) -> None:
        session = request.session
        interfaces = self._interfaces(request.vrf)
        is_wanted = request.version in (None, destination.version)
        if interfaces is None or not (is_wanted and _is_host(destination) and _runs(interfaces, destination.version)):
            self._end(session, UNKNOWN_NAME)
            return
        try:
            source = _source(interfaces, request.source, destination)
        except _BadSource as error:
            self._end(session, str(error))
            return
        link = str(request.source) if is_link_local(destination) else None
        probe = self._probe(request, destination, source, link)
        self._running[session] = probe
        self._settle(session, probe.start(self._context.now))

    def _end(self, session: int, text: str) -> None:
        """End a job that has not begun, with these words for its user."""
        self._context.emit(JobOutput(session, text), JobDone(session))

    def _probe(self, request: Request, destination: IPAddress, source: IPAddress | None, link: str | None) -> Probe:
        entropy = self._context.ports.entropy
        if isinstance(request, StartPing):
            return Ping(request, destination, source, link=link, identifier=below(entropy, 0x10000))
        port = _FIRST_DYNAMIC_PORT + below(entropy, 0x10000 - _FIRST_DYNAMIC_PORT)
        return Traceroute(request, destination, source, link=link, source_port=port)

    def _interfaces(self, vrf: str) -> Interfaces | None:
        """Return the interfaces of a VRF, None: there is no such VRF."""
        ports = self._context.ports
        return ports.interfaces_of(vrf) or (None if vrf else ports.interfaces)

    def _settle(self, session: int, effects: list[Effect]) -> None:
        """Settle a probe that moved: its new deadline, or its end."""
        if not effects:
            return
        vrf = self._running[session].request.vrf
        self._context.emit(*(in_table(vrf, one) if isinstance(one, SendIp) else one for one in effects))
        deadline = self._running[session].deadline
        if deadline is not None:
            self._deadlines.set(session, deadline)
        else:
            self._forget(session)
            self._context.emit(JobDone(session))

    def _forget(self, session: int) -> None:
        self._running.pop(session, None)
        self._waiting.pop(session, None)
        self._deadlines.cancel(session)


def _is_host(address: IPAddress) -> bool:
    """Return whether the address may belong to a host. Over IPv4, a broadcast address may be asked, too."""
    if address.version == 6:
        return is_one_station(address)
    return not (address.is_multicast or address.is_unspecified)


def _runs(interfaces: Interfaces, version: int) -> bool:
    """Return whether there is an interface with this IP version. IPv4 needs no line in the configuration."""
    return version == 4 or any(state.runs(version) for state in interfaces.all())


def _source(interfaces: Interfaces, source: IPAddress | str | None, destination: IPAddress) -> IPAddress | None:
    """Return the address to send from; None: as the plane likes. Raises _BadSource."""
    if is_link_local(destination) and not isinstance(source, str):
        raise _BadSource(_NO_LINK)
    if source is None:
        return None
    version = destination.version
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
