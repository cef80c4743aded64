"""The machine of this feature: hands each event to the part that it concerns.

    clock       ClockSet                                     answers ports.clock
    switches    SetDebug, ClearDebug, SetDebugCondition      answers ports.debugging
    syslog      Log, DebugOutput, ClearLogging               ConsoleLine, SendIp
                StreamUp, StreamWritable, StreamDown         StreamOpen, StreamSend, StreamClose
    logins      LoginSucceeded, LoginFailed                  log messages
    probes      StartPing, StartTraceroute, IpReceived ...   SendIp, JobOutput, JobDone

It also keeps state for shows: since when the router runs, and which user changed the configuration last.

`DebugSwitches` has the active debugs and their conditions: the answers to `ports.debugging.on`. Features name their
flags ("nhrp packet") and ask before they format anything. This file knows no flag by name; the command that switches a
flag provides name, title and group.

Conditions narrow the debugs of a family, the first word of the flags' names. While a family has conditions, lines pass
that fit one of them, and lines about unknown peers do not pass (as with IOS, unless `unmatched`).

`debug ip packet` and `debug ip icmp` print IP packets of the router itself. Packets that the data plane forwards, and
the echo requests that it answers, do not pass here: `monitor capture` has these.

`Logins` counts successful and failed logins, and blocks logins for a while (`login block-for`). A front end asks before
it accepts a login, and reports the result. While logins are blocked, only addresses of `login quiet-mode access-class`
may log in. Wrong passwords are counted over all addresses, as on IOS.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime
from functools import cached_property
from ipaddress import ip_address
from typing import ClassVar, Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.context import Context, Machine, Timer
from dmvpn.base.effects import JobDone, JobOutput, SendIp
from dmvpn.base.errors import WireError
from dmvpn.base.events import (
    ClockSet,
    ConfigurationEntered,
    EffectFailed,
    Event,
    IpReceived,
    Job,
    JobAborted,
    LinesEntered,
    NameResolved,
    Packets,
)
from dmvpn.base.filters import Packet, TcpFlag
from dmvpn.base.notices import Configured, DebugOutput, Log, Notice, PacketsHandled
from dmvpn.base.ports import Ports
from dmvpn.base.streams import StreamDown, StreamUp, StreamWritable
from dmvpn.base.values import Value, dataclass
from dmvpn.features.system import events, messages
from dmvpn.features.system.clock import WallClock
from dmvpn.features.system.events import (
    ClearDebug,
    ConditionKind,
    LoginFailed,
    LoginSucceeded,
    SetDebug,
    SetDebugCondition,
)
from dmvpn.features.system.model import SystemConfig
from dmvpn.features.system.probes import Probes
from dmvpn.features.system.syslog import LogHosts, Syslog
from dmvpn.net import icmp
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol

# ------------------------------------------------------------------------------------------------ debugs


@dataclass(frozen=True, slots=True, order=True)
class ActiveDebug:
    """A debug as people know it.

    name: what machines ask for.
    listed: what `show debugging` calls it.
    """

    group: str
    title: str
    name: str
    listed: str


class Condition(Value):
    """The condition of a debug. value: an address or the name of an interface."""

    kind: ConditionKind
    value: str

    def __str__(self) -> str:
        return f"{self.kind.value} {self.value}"


class DebugSwitches:
    """Flags and conditions of one router."""

    __slots__ = ("_active", "_conditions", "anything")

    def __init__(self) -> None:
        #: Whether any flag is on.
        self.anything = False
        self._active: dict[str, ActiveDebug] = {}
        self._conditions: dict[str, dict[Condition, None]] = {}

    def on(
        self,
        flag: str,
        nbma: IPAddress | None = None,
        *,
        address: IPAddress | None = None,
        interface: str | None = None,
    ) -> bool:
        """Return whether the flag is on, and a condition of its family, if it has any, fits."""
        if flag not in self._active:
            return False
        conditions = self._conditions.get(flag.partition(" ")[0])
        if not conditions:
            return True
        known = (
            (ConditionKind.NBMA, str(nbma)),
            (ConditionKind.ADDRESS, str(address)),
            (ConditionKind.INTERFACE, interface),
        )
        return any((condition.kind, condition.value) in known for condition in conditions)

    def set(self, event: SetDebug) -> str:
        """Switch flags; the text is what the user reads."""
        lines: list[str] = []
        for debug in (ActiveDebug(*fields) for fields in event.debugs):
            if event.on:
                self._active[debug.name] = debug
            else:
                self._active.pop(debug.name, None)
            lines.append(f"{debug.title} debugging is {'on' if event.on else 'off'}\n")
        self.anything = bool(self._active)
        return "".join(lines)

    def clear(self, _: ClearDebug) -> str:
        """Switch everything off. A condition that stayed would silence the next debug for no visible reason."""
        self._active.clear()
        self._conditions.clear()
        self.anything = False
        return "All possible debugging has been turned off\n"

    def set_condition(self, event: SetDebugCondition) -> str:
        """Add or take away a condition; the text is what the user reads."""
        of_family = self._conditions.setdefault(event.family, {})
        if event.kind is None:
            of_family.clear()
            return ""
        condition = Condition(event.kind, event.value)
        if not event.on:
            if condition not in of_family:
                return "% Condition was not set\n"
            del of_family[condition]
        elif condition not in of_family:
            of_family[condition] = None
            return f"Condition {len(of_family)} set\n"
        return ""

    @property
    def active(self) -> tuple[ActiveDebug, ...]:
        """The active flags, sorted by group and title."""
        return tuple(sorted(self._active.values()))

    def conditions_of(self, family: str) -> tuple[Condition, ...]:
        """Return those of one family, in the order in which they were set."""
        return tuple(self._conditions.get(family, ()))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions, in the order in which they were set, family by family."""
        return tuple(condition for family in sorted(self._conditions) for condition in self._conditions[family])


# ------------------------------------------------------------------------------------------------ debug ip packet


#: The flags.
PACKET: Final = "ip packet"
ICMP: Final = "ip icmp"
#: The UDP port of log hosts, RFC 5426 §3.3.
_SYSLOG: Final = 514


def packet_lines(packets: PacketsHandled, switches: DebugSwitches) -> tuple[str, ...]:
    """Return the lines of the debugs that are on, in the order of the packets. IPv4 has these debugs.

    An ICMP error about a line that went to a log host has no line: that line would cause the next error.
    """
    received = packets.received
    if received is not None and (received.source.version != 4 or _is_about_log(received)):
        received = None
    sent = [packet for packet in packets.sent if packet.destination.version == 4]
    found: list[str] = []
    if switches.on(PACKET):
        found += [received_line(received)] if received is not None else []
        found += [sent_line(packet) for packet in sent]
    if switches.on(ICMP):
        found += [icmp_line(received)] if received is not None and received.protocol == IpProtocol.ICMP else []
        found += [echo_line(packet) for packet in sent if packet.protocol == IpProtocol.ICMP]
    return tuple(found)


def _is_about_log(packet: IpReceived) -> bool:
    """Return whether it is an ICMP error about a datagram to a log host."""
    try:
        message = icmp.parse(packet.payload) if packet.protocol == IpProtocol.ICMP else None
    except WireError:
        return False
    if not isinstance(message, icmp.DestinationUnreachable | icmp.TimeExceeded) or not message.quoted:
        return False
    ports = message.quoted[4 * (message.quoted[0] & 0xF) :][:4]
    return message.quoted[9:10] == bytes((IpProtocol.UDP,)) and ports[2:] == _SYSLOG.to_bytes(2, "big")


def received_line(packet: IpReceived) -> str:
    """Return the line about a packet for us."""
    length = len(packet.payload) + HEADER_LENGTH
    ends = f"s={packet.source} ({packet.interface}), d={packet.destination}"
    return f"IP: {ends}, len {length}, rcvd, proto={packet.protocol}"


def sent_line(packet: SendIp) -> str:
    """Return the line about one of our packets. Without an interface the forwarding table chooses it."""
    length = len(packet.payload) + HEADER_LENGTH
    ends = f"s={packet.source or '0.0.0.0'} (local), d={packet.destination} ({packet.interface or 'routed'})"  # noqa: S104 - printed
    return f"IP: {ends}, len {length}, sending, proto={packet.protocol}"


def icmp_line(packet: IpReceived) -> str:
    """Return the line about an ICMP message for us."""
    what = _message(packet.payload)
    return f"ICMP: {what} rcvd, src {packet.source}, dst {packet.destination}, dscp {packet.tos >> 2}"


def echo_line(packet: SendIp) -> str:
    """Return the line about one of our ICMP messages."""
    what = _message(packet.payload)
    source = packet.source or "0.0.0.0"  # noqa: S104 - printed
    return f"ICMP: {what} sent, src {source}, dst {packet.destination}, dscp {packet.tos >> 2}"


def _message(octets: bytes) -> str:
    """Return the meaning of a message, in the words of RFC 792."""
    try:
        message = icmp.parse(octets)
    except WireError as error:
        return f"malformed message ({error})"
    match message:
        case icmp.EchoRequest():
            return "echo"
        case icmp.EchoReply():
            return "echo reply"
        case _:
            return type(message).__name__


# ------------------------------------------------------------------------------------------------ logins


#: Wrong passwords that are remembered.
_MOST: Final = 1_000


class Logins:
    """The doors of one router."""

    def __init__(self, context: Context) -> None:
        self._config = SystemConfig()
        self._context = context
        self._reopen = Timer("let users log in again, after too many wrong passwords", self._let_in)

    @cached_property
    def _failures(self) -> deque[float]:
        """When wrong passwords were given, as far as they count; most routers never get one."""
        return deque(maxlen=_MOST)

    def configure(self, config: SystemConfig) -> None:
        """Take over a new configuration."""
        self._config = config

    def is_quiet(self, now: float) -> bool:
        """Return whether the door is closed."""
        until = self._context.timers.when(self._reopen)
        return until is not None and now < until

    def refuses(self, location: str, now: float, vrf: str = "") -> str:
        """Return why a login from this address in a VRF ("": in the global table) is refused in advance; "" if they
        may.
        """
        if self._is_denied(location, vrf):
            return "the access class of no line has this address"
        quiet_list = self._config.ssh.quiet_list
        if self.is_quiet(now) and not (quiet_list and self.permits(quiet_list, location)):
            return "too many wrong passwords: logins are refused for a while"
        return ""

    def _is_denied(self, location: str, vrf: str) -> bool:
        """Return whether all lines for SSH have an access class, and none of these has the address in this VRF."""
        lines = [line for line in self._config.lines if line.kind == "vty" and line.ssh]
        version = 6 if ":" in location else 4
        lists = [line.list_for(vrf, version) for line in lines]
        return bool(lines) and not any(name is not None and self.permits(name, location) for name in lists)

    def permits(self, name: str, location: str) -> bool:
        """Return whether an access list lets this address in. A missing access list permits none."""
        if not name:
            return True
        try:
            address = ip_address(location)
        except ValueError:
            return False
        found = self._context.ports.policies.filter_list(name, address.version)
        if found is None:
            return False
        anywhere = type(address)(0)
        packet = Packet(
            protocol=IpProtocol.TCP, source=address, destination=anywhere, destination_port=22, flags=TcpFlag.SYN
        )
        entry = found.decides(packet)
        return entry is not None and entry.permit

    def succeeded(self, event: LoginSucceeded) -> None:
        """Log a successful login."""
        if self._config.ssh.log.success:
            self._context.emit(messages.login_success(event.user, event.location, event.port, self._at()))

    def failed(self, event: LoginFailed) -> None:
        """Log a failed login: too many of them block logins, unless the address is denied anyway."""
        now, at, block = self._context.now, self._at(), self._config.ssh.block
        if self._config.ssh.log.failure:
            self._context.emit(messages.login_refused(event.user, event.location, event.port, at))
        if block is None or self.is_quiet(now) or self._is_denied(event.location, event.through):
            return
        self._failures.append(now)
        while self._failures[0] < now - block.within:
            self._failures.popleft()
        if len(self._failures) >= block.attempts:
            self._failures.clear()
            self._context.start(self._reopen, block.seconds)
            quiet_list = self._config.ssh.quiet_list
            self._context.emit(messages.quiet_mode_on(event.user, event.location, event.port, quiet_list, at))

    def _let_in(self) -> None:
        """Open the door again."""
        self._context.emit(messages.quiet_mode_off(self._at()))

    def _at(self) -> str:
        moment = self._context.ports.clock.local(self._context.now)
        zone = self._config.zone.name
        return f"{moment:%H:%M:%S} {zone} {moment:%a %b} {moment.day} {moment.year}"


# ------------------------------------------------------------------------------------------------ the machine


class LastChange(Value):
    """When the running configuration was changed last (monotonic seconds), and by whom."""

    when: float
    by: str


class SystemMachine(Machine):
    """The router as a computer: its clock, its log, its debugs, its pings."""

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = (
        events.ClearDebug,
        events.ClearLogging,
        ClockSet,
        ConfigurationEntered,
        events.ConfigurationLeft,
        events.ConfigurationReloaded,
        Configured,
        DebugOutput,
        EffectFailed,
        events.HostDescribed,
        Packets(IpProtocol.ICMP),
        Packets(IpProtocol.ICMPV6),
        JobAborted,
        LinesEntered,
        events.LoginFailed,
        events.LoginSucceeded,
        Log,
        NameResolved,
        PacketsHandled,
        events.SetDebug,
        events.SetDebugCondition,
        events.StartPing,
        events.StartTraceroute,
        StreamDown,
        StreamUp,
        StreamWritable,
    )

    def __init__(self, ports: Ports) -> None:
        context = Context(ports)
        super().__init__(context)
        self.ports = ports
        self.clock = WallClock()
        self.switches = DebugSwitches()
        self.log_hosts = LogHosts(context)
        self.syslog = Syslog(context, self.clock, self.log_hosts)
        self.probes = Probes(context)
        self.logins = Logins(context)
        self.config = SystemConfig()
        self.host = events.HostDescribed()
        self.started: float | None = None
        self.last_change: LastChange | None = None

    def dispatch(self, event: Event | Notice) -> None:
        """Hand an event or a notice to the part that it concerns."""
        if self.started is None:
            self.started = self.syslog.started = self._context.now
        match event:
            case Log():
                self.syslog.log(event)
            case DebugOutput():
                self.syslog.debug(event)
            case IpReceived():
                self.probes.receive(event)
            case PacketsHandled():
                lines = packet_lines(event, self.switches)
                if lines:
                    self.syslog.debug(DebugOutput(lines))
            case events.LoginSucceeded():
                self.logins.succeeded(event)
            case events.LoginFailed():
                self.logins.failed(event)
            case ConfigurationEntered() | LinesEntered():
                if self.last_change is None:
                    self._context.emit(messages.restarted())
                self.last_change = LastChange(self._context.now, event.by)
            case events.ConfigurationLeft():
                self._context.emit(messages.configured(event.user, event.line))
            case events.ConfigurationReloaded():
                self._context.emit(*_reloaded(event))
            case Configured(model=SystemConfig() as model):
                self._configure(model)
            case ClockSet():
                self.clock.set(event)
            case events.HostDescribed():
                self.host = event
            case StreamUp():
                self.log_hosts.connected(event)
            case StreamWritable():
                self.log_hosts.writable(event.stream)
            case StreamDown():
                self.log_hosts.disconnected(event.stream)
            case events.ClearLogging():
                self.syslog.clear()
            case _:
                self._take_job(event)

    # -------------------------------------------------------------------------------------------- ports

    def wall(self, now: float) -> datetime:
        """Return the wall time at monotonic `now`, UTC (`ports.clock`)."""
        return self.clock.wall(now)

    def local(self, now: float) -> datetime:
        """Return the same in the configured time zone (`ports.clock`)."""
        return self.config.zone.local(self.clock.wall(now))

    # -------------------------------------------------------------------------------------------- parts

    def _take_job(self, event: Event | Notice) -> None:
        match event:
            case events.StartPing() | events.StartTraceroute():
                self.probes.start(event)
            case JobAborted():
                self.probes.abort(event)
            case NameResolved():
                self.probes.resolved(event)
            case EffectFailed():
                self.probes.fail(event)
            case events.SetDebug():
                self._answer(event, self.switches.set(event))
            case events.ClearDebug():
                self._answer(event, self.switches.clear(event))
            case events.SetDebugCondition():
                self._answer(event, self.switches.set_condition(event))

    def _answer(self, job: Job, text: str) -> None:
        """End a job that is over at once, with these words for its user."""
        if text:
            self._context.emit(JobOutput(job.session, text))
        self._context.emit(JobDone(job.session))

    def _configure(self, model: SystemConfig) -> None:
        self.config = model
        self.syslog.configure(model.logging, model.zone)
        self.probes.configure(model.names)
        self.logins.configure(model)
        self.log_hosts.configure(model.logging.hosts, model.logging.source_interfaces)


def _reloaded(event: events.ConfigurationReloaded) -> list[Notice]:
    if event.refused:
        return [messages.reload_refused(event.path, why) for why in event.refused]
    return [messages.reloaded(event.path), *(messages.unsaved_lost(event.path, line) for line in event.lost)]
