"""The machine of this feature: hands each event to the part that it concerns.

    clock       ClockSet                                     answers ports.clock
    switches    SetDebug, ClearDebug, SetDebugCondition      answers ports.debugging
    syslog      Log, DebugOutput, ClearLogging               ConsoleLine, SendIp
    log_hosts   StreamUp, StreamWritable, StreamDown         StreamOpen, StreamSend, StreamClose
    logins      LoginSucceeded, LoginFailed                  log messages
    probes      StartPing, StartTraceroute, IpReceived ...   SendIp, JobOutput, JobDone

It also keeps state for shows: since when the router runs, and which user changed the configuration last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dmvpn.base.context import Context
from dmvpn.base.effects import JobDone, JobOutput
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
from dmvpn.base.machine import Machine
from dmvpn.base.notices import Configured, DebugOutput, Log, Notice, PacketsHandled
from dmvpn.base.streams import StreamDown, StreamUp, StreamWritable
from dmvpn.base.values import dataclass
from dmvpn.features.system import events, messages, packets
from dmvpn.features.system.clock import WallClock
from dmvpn.features.system.debugging import DebugSwitches
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
        self._note_start()
        match event:
            case Log():
                self.syslog.log(event)
            case DebugOutput():
                self.syslog.debug(event)
            case IpReceived():
                self.probes.receive(event)
            case PacketsHandled():
                lines = packets.lines(event, self.switches)
                if lines:
                    self.syslog.debug(DebugOutput(lines))
            case events.LoginSucceeded():
                self.logins.succeeded(event)
            case events.LoginFailed():
                self.logins.failed(event)
            case ConfigurationEntered() | LinesEntered():
                self._configuration_entered(event)
            case events.ConfigurationLeft():
                self._context.emit(messages.Configured.by(event.user, event.line))
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

    def _note_start(self) -> None:
        if self.started is None:
            self.started = self.syslog.started = self._context.now

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

    def _configuration_entered(self, event: ConfigurationEntered | LinesEntered) -> None:
        if self.last_change is None:
            self._context.emit(messages.Restarted.now())
        self.last_change = LastChange(self._context.now, event.by)

    def _configure(self, model: SystemConfig) -> None:
        self.config = model
        self.syslog.configure(model.logging, model.zone)
        self.probes.configure(model.names)
        self.logins.configure(model)
        self.log_hosts.configure(model.logging.hosts, model.logging.source_interfaces)


def _reloaded(event: events.ConfigurationReloaded) -> list[Notice]:
    if event.refused:
        return [messages.ReloadRefused.because(event.path, why) for why in event.refused]
    return [messages.Reloaded.of(event.path), *(messages.UnsavedLost.of(event.path, line) for line in event.lost)]
