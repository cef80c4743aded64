"""The machine of this feature: hands each event to the part that it concerns.

    clock       ClockSet                                     answers ports.clock
    switches    SetDebug, ClearDebug, SetDebugCondition      answers ports.debugging
    syslog      Log, DebugOutput, ClearLogging               ConsoleLine, SendIp
    log_hosts   StreamUp, StreamWritable, StreamDown         StreamOpen, StreamSend, StreamClose
    logins      LoginSucceeded, LoginFailed                  log messages
    probes      StartPing, StartTraceroute, IpReceived ...   SendIp, JobOutput, JobDone

Besides it remembers what shows want to know: since when the router runs, and which user changed the configuration last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.effects import Effect, JobDone, JobOutput
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
    Tick,
)
from dmvpn.base.notices import Configured, DebugOutput, Log, Notice
from dmvpn.base.streams import StreamDown, StreamUp, StreamWritable
from dmvpn.base.values import dataclass
from dmvpn.features.system import messages
from dmvpn.features.system.clock import WallClock
from dmvpn.features.system.debugging import DebugSwitches
from dmvpn.features.system.events import (
    ClearDebug,
    ClearLogging,
    ConfigurationLeft,
    ConfigurationReloaded,
    HostDescribed,
    LoginFailed,
    LoginSucceeded,
    SetDebug,
    SetDebugCondition,
    StartPing,
    StartTraceroute,
)
from dmvpn.features.system.log_hosts import LogHosts
from dmvpn.features.system.logins import Logins
from dmvpn.features.system.model import SystemConfig
from dmvpn.features.system.probes import Probes
from dmvpn.features.system.syslog import Syslog
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from datetime import datetime

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.ports import Ports


@dataclass(frozen=True, slots=True)
class LastChange:
    """When the running configuration was changed last (monotonic seconds), and by whom."""

    when: float
    by: str


class SystemMachine:
    """The router as a computer: its clock, its log, its debugs, its pings."""

    subscriptions: tuple[type[Event] | type[Notice] | Packets, ...] = (
        ClearDebug,
        ClearLogging,
        ClockSet,
        ConfigurationEntered,
        ConfigurationLeft,
        ConfigurationReloaded,
        Configured,
        DebugOutput,
        EffectFailed,
        HostDescribed,
        Packets(IpProtocol.ICMP),
        Packets(IpProtocol.ICMPV6),
        JobAborted,
        LinesEntered,
        LoginFailed,
        LoginSucceeded,
        Log,
        NameResolved,
        SetDebug,
        SetDebugCondition,
        StartPing,
        StartTraceroute,
        StreamDown,
        StreamUp,
        StreamWritable,
    )

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.clock = WallClock()
        self.switches = DebugSwitches()
        self.log_hosts = LogHosts(ports)
        self.syslog = Syslog(self.clock, self.log_hosts)
        self.probes = Probes(ports)
        self.logins = Logins(ports)
        self.config = SystemConfig()
        self.host = HostDescribed()
        self.started: float | None = None
        self.last_change: LastChange | None = None

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event or notice."""
        if self.started is None:
            self.started = self.syslog.started = now
        match event:
            case Log():
                return list(self.syslog.log(event, now))
            case DebugOutput():
                return list(self.syslog.debug(event, now))
            case IpReceived():
                return list(self.probes.receive(event, now))
            case Tick():
                return [*self.probes.tick(now), *self.logins.tick(now), *self.log_hosts.tick(now)]
            case LoginSucceeded():
                return list(self.logins.succeeded(event, now))
            case LoginFailed():
                return list(self.logins.failed(event, now))
            case ConfigurationEntered() | LinesEntered():
                return self._configuration_entered(event, now)
            case ConfigurationLeft():
                return [messages.Configured.by(event.user, event.line)]
            case ConfigurationReloaded():
                return _reloaded(event)
            case Configured(model=SystemConfig() as model):
                return self._configure(model, now)
            case ClockSet():
                self.clock.set(event)
            case HostDescribed():
                self.host = event
            case StreamUp() | StreamWritable() | StreamDown():
                return self._stream(event, now)
            case ClearLogging():
                self.syslog.clear()
            case _:
                return list(self._job(event, now))
        return []

    def next_deadline(self) -> float | None:
        """Return when a ping or traceroute gives up waiting, logins are possible again, or a log host is called."""
        waits = (self.probes.next_deadline(), self.logins.next_deadline(), self.log_hosts.next_deadline())
        return min((due for due in waits if due is not None), default=None)

    # -------------------------------------------------------------------------------------------- ports

    @property
    def anything(self) -> bool:
        """`ports.debugging`: is any debug on?"""
        return self.switches.anything

    def on(
        self,
        flag: str,
        nbma: IPAddress | None = None,
        *,
        address: IPAddress | None = None,
        interface: str | None = None,
    ) -> bool:
        """Return whether this debug is on for this peer (`ports.debugging`)."""
        return self.switches.on(flag, nbma, address=address, interface=interface)

    def wall(self, now: float) -> datetime:
        """Return the wall time at monotonic `now`, UTC (`ports.clock`)."""
        return self.clock.wall(now)

    def local(self, now: float) -> datetime:
        """Return the same in the configured time zone (`ports.clock`)."""
        return self.config.zone.local(self.clock.wall(now))

    # -------------------------------------------------------------------------------------------- parts

    def _job(self, event: Event | Notice, now: float) -> list[Effect]:
        match event:
            case StartPing() | StartTraceroute():
                return self.probes.start(event, now)
            case JobAborted():
                return self.probes.abort(event)
            case NameResolved():
                return self.probes.resolved(event, now)
            case EffectFailed():
                return self.probes.fail(event, now)
            case SetDebug():
                return _answer(event, self.switches.set(event))
            case ClearDebug():
                return _answer(event, self.switches.clear(event))
            case SetDebugCondition():
                return _answer(event, self.switches.set_condition(event))
        return []

    def _configuration_entered(self, event: ConfigurationEntered | LinesEntered, now: float) -> list[Effect | Notice]:
        first = self.last_change is None
        self.last_change = LastChange(now, event.by)
        return [messages.Restarted.now()] if first else []

    def _stream(self, event: StreamUp | StreamWritable | StreamDown, now: float) -> list[Effect | Notice]:
        match event:
            case StreamUp():
                return self.log_hosts.connected(event)
            case StreamWritable():
                return list(self.log_hosts.writable(event.stream))
            case StreamDown():
                return list(self.log_hosts.disconnected(event.stream, now))

    def _configure(self, model: SystemConfig, now: float) -> list[Effect | Notice]:
        self.config = model
        self.syslog.configure(model.logging, model.zone)
        self.probes.configure(model.names)
        self.logins.configure(model)
        return list(self.log_hosts.configure(model.logging.hosts, model.logging.source_interface, now))


def _reloaded(event: ConfigurationReloaded) -> list[Effect | Notice]:
    if event.refused:
        return [messages.ReloadRefused.because(event.path, why) for why in event.refused]
    return [messages.Reloaded.of(event.path), *(messages.UnsavedLost.of(event.path, line) for line in event.lost)]


def _answer(job: Job, text: str) -> list[Effect]:
    """Return a job that is over at once, with these words for its user."""
    said: list[Effect] = [JobOutput(job.session, text)] if text else []
    return [*said, JobDone(job.session)]
