"""A router for tests of sessions: the real system feature, interfaces that only exist, a clock that does not move."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, TypeVar

from dmvpn.base.effects import ConsoleLine, Effect, SendIp
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ClockSet, ConfigurationEntered, Event, IpReceived, LinesEntered, Tick
from dmvpn.base.notices import Configured, Notice
from dmvpn.base.shell import NO_CAPTURES, NO_PLANE, NoPlane
from dmvpn.face.context import TerminalLine, new_session
from dmvpn.face.server import ManagementServer
from dmvpn.face.session import ConsoleSession
from dmvpn.features.archive.machine import ArchiveMachine
from dmvpn.features.system import FEATURE as SYSTEM
from dmvpn.features.system import SystemMachine
from dmvpn.features.system.config import model
from dmvpn.ios import (
    INTERFACE,
    INTERFACE_MODE,
    Args,
    ConfigLine,
    ConfigSession,
    ConfigTree,
    Configurator,
    Confirm,
    DebugFlag,
    ExecCommand,
    Feature,
    ShowContext,
    known_commands,
)
from dmvpn.net import icmp
from support.fakes import MemoryFlash, fake_ports, log, up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dmvpn.base.notices import Log
    from dmvpn.base.ports import Ports
    from dmvpn.base.shell import Captures
    from dmvpn.face.context import RouterHandle

SIX_O_CLOCK = 1795154400.0
#: Seconds until an echo request is answered.
ROUND_TRIP = 0.001
M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class CountersCleared(Event):
    """What the demonstration feature asks to be confirmed."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What `show numbers` shows."""

    count: int


def _show_numbers(_: ShowContext, args: Args) -> Numbers:
    return Numbers(args.integer("count", 3))


def _render_numbers(numbers: Numbers) -> Iterator[str]:
    return (f"line {number}" for number in range(1, numbers.count + 1))


def _fail(_: ShowContext, __: Args) -> Numbers:
    raise AssertionError("a fault of ours")


def _clear_counters(_: ShowContext, __: Args) -> Confirm:
    return Confirm('Clear "show interface" counters on all interfaces [confirm]', CountersCleared())


DEMO = Feature(
    name="demo",
    modes=(INTERFACE_MODE,),
    config=(
        INTERFACE,
        ConfigLine("interface", "ip mtu {octets:68-17940}", {"mtu": "Largest packet", "octets": "Octets"}, order=50),
        ConfigLine("interface", "shutdown", "Switch the interface off", order=86),
    ),
    commands=(
        ExecCommand("show numbers [ {count:1-9999999} ]", "Many lines", query=_show_numbers, render=_render_numbers),
        ExecCommand("show fault", "Fails", query=_fail, render=_render_numbers),
        ExecCommand("clear counters", "Counters of interfaces", action=_clear_counters, privilege=15),
    ),
    debugs=(DebugFlag("nhrp", "nhrp", "NHRP", "NHRP", "NHRP protocol"),),
)


@dataclass(frozen=True)
class View:
    """The `ShowContext` of one command."""

    router: FakeRouter
    session: int
    counting: NoPlane = NO_PLANE
    hides: bool = False

    @property
    def ports(self) -> Ports:
        return self.router.ports

    @property
    def now(self) -> float:
        return self.router.now

    @property
    def hostname(self) -> str:
        return self.router.running.hostname

    @property
    def running(self) -> ConfigTree:
        return self.router.running

    @property
    def features(self) -> tuple[Feature, ...]:
        return self.router.features

    @property
    def awake(self) -> tuple[Feature, ...]:
        return self.features

    def in_vrf(self, vrf: str) -> View | None:
        return None

    def machine(self, kind: type[M]) -> M:
        return next(machine for machine in (self.router.system, self.router.archive) if isinstance(machine, kind))


class FakeRouter:
    """A `RouterHandle` on one system machine. `answers`: echo requests are answered soon."""

    features: tuple[Feature, ...] = (SYSTEM, DEMO)
    configurator = Configurator([*SYSTEM.config, *DEMO.config], [*SYSTEM.modes, *DEMO.modes], known_commands())

    def __init__(self, text: str = "hostname R1\n", *, answers: bool = True) -> None:
        self.ports = fake_ports(up("GigabitEthernet0/1", "10.3.3.1"))
        self.system = SystemMachine(self.ports)
        self.archive = ArchiveMachine(self.ports)
        self.now = 0.0
        self.running = ConfigTree()
        self.startup_text = ""
        self.flash = MemoryFlash()
        self.captures: Captures = NO_CAPTURES
        self.entropy = SeededEntropy(1)
        self.answers = answers
        self.is_frozen = False
        self.posted: list[Event] = []
        self._listeners: list[Callable[[Effect], None]] = []
        self._queue: deque[Event | Notice] = deque()
        self.post(ClockSet(SIX_O_CLOCK))
        self.post(ConfigurationEntered(text, by="startup", saved=True))
        self.posted.clear()

    def context(self, session: int, *, hides: bool = False) -> View:
        return View(self, session, hides=hides)

    def prepare(self, text: str) -> None:
        pass

    def post(self, event: Event) -> None:
        self.posted.append(event)
        if isinstance(event, ConfigurationEntered):
            self.running = self.configurator.parse_text(event.text).tree
            if event.saved:
                self.startup_text = event.text
            self._queue.append(Configured("system", model(self.running)))
        if isinstance(event, LinesEntered):
            session = ConfigSession(self.configurator, self.running)
            for line in event.lines:
                session.enter_again(line)
            self._queue.append(Configured("system", model(self.running)))
        self._queue.append(event)
        while self._queue:
            next_event = self._queue.popleft()
            if isinstance(next_event, IpReceived):
                self.now += ROUND_TRIP
            for effect in self.system.handle(next_event, self.now):
                self.carry_out(effect)

    def save(self, text: str) -> None:
        self.startup_text = text

    def subscribe(self, listener: Callable[[Effect], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def pass_time(self) -> None:
        """Let the next deadline come."""
        deadline = self.system.next_deadline()
        assert deadline is not None
        self.now = deadline
        self.post(Tick())

    def carry_out(self, effect: Effect | Notice) -> None:
        """Queue a notice; tell the listeners of an effect."""
        if isinstance(effect, Notice):
            self._queue.append(effect)
            return
        for listener in list(self._listeners):
            listener(effect)
        if isinstance(effect, SendIp) and self.answers and isinstance(effect.destination, IPv4Address):
            echo = icmp.parse(effect.payload)
            assert isinstance(echo, icmp.EchoRequest)
            reply = echo.reply().serialize()
            self._queue.append(IpReceived("Tunnel0", effect.destination, IPv4Address("10.3.3.1"), 1, reply))


# Routers with a real management socket, for tests of those who come in by it.

#: Seconds that a message may take.
PATIENCE = 5.0


class Served:
    """A router behind a real socket, on a loop in a thread of its own."""

    def __init__(self, path: Path, router: RouterHandle) -> None:
        self.path = path
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.server = ManagementServer(router, path)
        asyncio.run_coroutine_threadsafe(self.server.start(), self._loop).result(PATIENCE)

    def call(self, function: Callable[[], object]) -> None:
        """Run something where the router lives."""

        async def run() -> None:
            function()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(PATIENCE)

    def stop_serving(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.stop(), self._loop).result(PATIENCE)

    def close(self) -> None:
        self.stop_serving()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()


class Live(Served):
    """The same of a fake router."""

    def __init__(self, path: Path, router: FakeRouter) -> None:
        self.router = router
        super().__init__(path, router)


# A session on a fake router, and somebody who types.

UPDOWN = log("LINEPROTO-5-UPDOWN", "Line protocol on Interface Tunnel0, changed state to up")


class Terminal:
    """A session on a fake router, and everything that its screen showed."""

    def __init__(self, text: str = "hostname R1\n", *, line: TerminalLine | None = None, answers: bool = True) -> None:
        self.router = FakeRouter(text, answers=answers)
        self.number = new_session()
        self.session = ConsoleSession(self.router, self.number, line=line or TerminalLine())
        self.router.subscribe(self.session.effect)
        self.session.start()
        self.screen = self.session.take_output().decode()

    def type(self, text: str) -> str:
        """Type; returns what the screen shows in answer."""
        self.session.feed(text.encode())
        return self._shown()

    def happen(self, log: Log = UPDOWN) -> str:
        """Let the router log something; returns what the screen shows."""
        for effect in self.router.system.handle(log, self.router.now):
            assert isinstance(effect, ConsoleLine)
            self.session.effect(effect)
        self.session.pump()
        return self._shown()

    def pass_time(self) -> str:
        self.router.pass_time()
        self.session.pump()
        return self._shown()

    def _shown(self) -> str:
        shown = self.session.take_output().decode()
        self.screen += shown
        return shown
