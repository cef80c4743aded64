"""A simulated lab by the wall clock: `lab up --simulated`. One process, no namespaces, the same prompts and commands.

The simulation's time runs with the machine's (`FollowedClock`); `lab clock +2h` lets two hours of it pass at once.

The simulation follows a clock of the machine, and falls behind where the machine is too slow. A flood of pings can be
more than a processor simulates in real time. A simulation that caught up whatever it takes would have ever more to
catch up, and keys and requests would wait for all of it.

`lab capture` makes a pcap file for every port and tunnel of the chosen nodes. Simulated wires have no link layer, so
the files hold IP packets (link type RAW). Their times are those of the simulation: a leap of its clock is a gap. A
packet that a bad wire loses is in the file of its sender alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from contextvars import copy_context
from math import inf
from typing import TYPE_CHECKING, Final, Protocol, cast

from dmvpn.base.breath import at_home
from dmvpn.base.effects import Effect, ReportKey
from dmvpn.base.errors import UserError
from dmvpn.base.events import Event, KeysWanted
from dmvpn.net.pcap import LinkType
from dmvpn.shells import storage
from dmvpn.shells.capture_files import Capture, Captures
from dmvpn.shells.collecting import set_aside, uncollected
from dmvpn.shells.descriptors import Shortage
from dmvpn.shells.facts import known_setups, plain_setups
from dmvpn.shells.files import open_private
from dmvpn.shells.flash import FLASH, FolderFlash
from dmvpn.shells.handle import Handle, MakeServer, SessionServer
from dmvpn.shells.lab import control
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.lab.forked import end_by_signal, gives_way, left_by_signal
from dmvpn.shells.lab.rebinding import wanted_kind, wanted_public
from dmvpn.shells.lab.sockets import LABS_IN_MEMORY
from dmvpn.shells.lab.wiring import inward_of
from dmvpn.shells.monitor import OpenTap, Take, Tap
from dmvpn.shells.scenario import Scenario, described
from dmvpn.shells.simulator.network import Impairment
from dmvpn.shells.simulator.programs.running import Programs
from dmvpn.shells.simulator.simulator import Simulator
from dmvpn.shells.storage import STARTUP, FolderStorage

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from pathlib import Path

    from dmvpn.base.shell import CaptureDirection
    from dmvpn.shells.lab.control import Json
    from dmvpn.shells.lab.places import LabFolder
    from dmvpn.shells.simulator.node import NatNode, RouterNode


# ------------------------------------------------------------------------------------------------ time


#: Seconds of the machine for which the simulation runs at a time.
LONGEST: Final = 0.01
#: Seconds of the machine for one slice of a leap.
SLICE: Final = 0.02
#: Seconds that the simulation may be behind and still catches up; the rest it never catches up.
MOST_BEHIND: Final = 1.0
#: Turns of the loop for clients, such as one that types, before a simulation that is behind, or makes a leap, goes on.
_TURNS: Final = 8


class World(Protocol):
    """The simulation (`Simulator`)."""

    @property
    def now(self) -> float:
        """The time of the simulation, seconds."""

    def run_until(self, time: float, is_enough: Callable[[], bool] | None = None) -> None:
        """Let time pass. is_enough: whether to stop behind an action."""

    def next_event(self) -> float | None:
        """Return when something happens next, or None."""


class FollowedClock:
    """See the module's docstring. clock: of the machine, seconds monotonic. leaps: a leap is made."""

    def __init__(self, world: World, clock: Callable[[], float]) -> None:
        self._world = world
        self._clock = clock
        #: What the machine's clock shows when the simulation's shows 0.
        self._zero = clock() - world.now
        self.leaps = False

    def catch_up(self) -> None:
        """Let the simulation go on until it is at the machine's time, but not for long."""
        if self.leaps:
            return
        self._go_on(self._clock() - self._zero, self._clock() + LONGEST)
        behind = self._clock() - self._zero - self._world.now
        self._zero += max(0.0, behind - MOST_BEHIND)

    def leap(self, seconds: float, within: float = inf) -> Generator[float]:
        """Let time pass at once, however long the simulation takes for it. within: seconds of the machine at most.

        Yields the share that has passed, again and again; closed earlier, the leap ends there.
        """
        world = self._world
        begun, end, latest = world.now, world.now + seconds, self._clock() + within
        self.leaps = True
        try:
            while world.now < end and self._clock() < latest:
                self._go_on(end, self._clock() + SLICE)
                yield (world.now - begun) / seconds
        finally:
            self.leaps = False
            self._zero = self._clock() - world.now

    def _go_on(self, wanted: float, ends: float) -> None:
        """Let the simulation go on to a time of its own, until a time of the machine."""
        clock = self._clock
        self._world.run_until(wanted, lambda: clock() >= ends)  # hundreds of routers may act in one moment

    def due(self) -> float | None:
        """Return when something happens next, by the machine's clock; None for nothing, or while a leap is made."""
        due = None if self.leaps else self._world.next_event()
        return None if due is None else self._zero + due


# ------------------------------------------------------------------------------------------------ captures


def ends_of(world: Simulator) -> dict[str, list[tuple[str, str]]]:
    """Return the ends of each wire, by its name."""
    return {one.name: [(station.name, port) for station, port in one.ends] for one in world.segments}


class SimulatedCapture(Captures):
    """The captures in a simulation."""

    def __init__(self, world: Simulator) -> None:
        super().__init__()
        self._world = world

    def _nodes(self) -> tuple[str, ...]:
        return (*self._world.routers, *self._world.hosts, *self._world.gateways)

    def _wires(self) -> dict[str, list[tuple[str, str]]]:
        return ends_of(self._world)

    def _keys_changed(self) -> None:
        for name in self._world.routers:
            self.begin(name, wanted=self.keys is not None)

    def begin(self, router: str, *, wanted: bool = True) -> None:
        """Start at a router that has (re)started: while keys are written, it must report its own."""
        if wanted is (self.keys is not None) and self._world.routers[router].alive:
            self._world.post(router, KeysWanted(wanted))

    def report(self, effect: Effect) -> None:
        """Write the key in an effect that a router carried out."""
        if isinstance(effect, ReportKey) and self.keys is not None:
            try:
                storage.write(self.keys, effect)
            except OSError:
                self.keys = None  # the folder is gone, or the disk is full: the packets are captured all the same

    def _begin(self, capture: Capture) -> None:
        tunnels = {name: node.plane.tunnels for name, node in self._world.routers.items()}
        ends = [end for ends in self._wires().values() for end in ends]
        for node, port in (*ends, *((node, tunnel) for node, all_ in tunnels.items() for tunnel in all_)):
            if capture.wants(node, port):
                capture.open(node, port, LinkType.RAW)
        if self._take not in self._world.captures:
            self._world.captures.append(self._take)

    def _end(self, capture: Capture) -> None:
        if not self.running and self._take in self._world.captures:
            self._world.captures.remove(self._take)

    def _take(self, node: str, interface: str, packet: bytes, _: CaptureDirection) -> None:
        for capture in [*self.running.values()]:
            file = capture.files.get((node, interface))
            if file is None and capture.wants(node, interface):  # a tunnel that was configured later
                with contextlib.suppress(OSError):
                    file = capture.open(node, interface, LinkType.RAW)
            if file is not None and capture.is_over:
                self.stop(capture.folder)
            elif file is not None:
                file.write(packet, round((self._world.epoch + self._world.now) * 1e9))


def world_taps(world: Simulator, router: str) -> OpenTap:
    """Return a function that opens interfaces of a router (`monitor capture`)."""

    def open_tap(interface: str, take: Take) -> Tap:
        def heard(node: str, port: str, packet: bytes, direction: CaptureDirection) -> None:
            if (node, port) == (router, interface):
                take(packet, round((world.epoch + world.now) * 1e9), direction)

        world.captures.append(heard)
        return Tap(LinkType.RAW, lambda: world.captures.remove(heard))

    return open_tap


# ------------------------------------------------------------------------------------------------ the lab


#: Seconds that may pass at once when the clock is set forward.
LARGEST_LEAP = 31 * 86400.0


class SimulatedLab:
    """A simulation, driven by the wall clock, with the sockets of a lab."""

    def __init__(
        self,
        scenario: Scenario,
        folder: LabFolder,
        make_server: MakeServer,
        recording: Path | None = None,
        *,
        seed: int | None = None,
        epoch: float | None = None,
    ) -> None:
        """recording: a file for the events of all routers. seed, epoch: of the simulation, None: the machine's time."""
        self.scenario = scenario
        self.folder = folder
        self._recording = open_private(recording) if recording else None
        record = self._recording.write if self._recording else None
        with uncollected():
            self.world = Simulator.of(
                scenario,
                seed=int(time.time()) if seed is None else seed,
                epoch=time.time() if epoch is None else epoch,
                record=record,
                remembers=True,
            )
        self.programs = Programs(self.world)
        self._capture = SimulatedCapture(self.world)
        self._began = time.time()
        self._make_server = make_server
        self._servers: dict[str, SessionServer] = {}
        self._handles: dict[str, Handle] = {}
        #: Servers of living routers. Dead ones do not answer.
        self._serving: dict[str, None] = {}
        self._tending = asyncio.Lock()
        #: The tasks that tend what the current request has started or ended.
        self._tended: list[asyncio.Task[None]] = []
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._timer: asyncio.Handle | None = None
        #: Whether the simulation has not caught up with the clock.
        self._is_behind = False
        self._hidden: dict[str, None] = {}
        self._ended = asyncio.Event()
        #: The leap that the current request asked for: its end, in seconds of the simulation, and its longest work.
        self._leap: tuple[float, float] | None = None

    def run(self) -> None:
        """Serve until a signal or a request ends the lab."""
        runner = asyncio.Runner()  # never closed: that would wait for tasks that compute, and this process ends
        try:
            with left_by_signal(), set_aside():
                runner.run(self._serve())
        finally:
            self._capture.close()
            if self._recording is not None:
                self._recording.close()
        self.folder.remove()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        Shortage(loop)
        end_by_signal(lambda: loop.call_soon_threadsafe(self._ended.set))
        await self._begin_to_serve()
        listener = control.listen(self.folder.control)
        loop.add_reader(listener.fileno(), lambda: control.serve(listener, self._obey, self._when_done))
        await self._ended.wait()
        for task in self._tasks:
            task.cancel()
        for name in list(self._serving):
            await self._servers[name].stop()

    async def _begin_to_serve(self) -> None:
        self._time = FollowedClock(self.world, asyncio.get_running_loop().time)
        self._context = copy_context()
        for name in self.world.routers:
            self.folder.storage(name)  # it identifies a dead router
            self._servers[name] = self._make_server(self._handle(name), self.folder.management(name))
            await self._tend(name)
        self._advance()

    async def serve_in_memory(self) -> None:
        """Begin to serve clients in this process (`shells/lab/memory.py`)."""
        from dmvpn.shells.lab.memory import Desk

        await self._begin_to_serve()
        LABS_IN_MEMORY[str(self.folder.control)] = Desk(
            self._obey, self._when_done, lambda: self.world.facts(self.scenario)
        )

    # ------------------------------------------------------------------------------------------------ time

    def _advance(self, turns: int = 0) -> None:
        """Let the simulation catch up with the clock, and schedule the next call. turns: of the loop, until then."""
        loop = asyncio.get_running_loop()
        if turns:
            self._timer = loop.call_soon(self._advance, turns - 1, context=self._context)
            return
        self.programs.prune(loop.time())
        try:
            self._time.catch_up()
        finally:  # a fault of ours in one router is logged by the loop; the other routers go on
            if self._timer is not None:
                self._timer.cancel()
            due = self._time.due()
            self._is_behind = due is not None and due < loop.time()
            if due is not None:
                # Not in the context of the command that set it: its breath would end time with the command.
                turns = _TURNS if self._is_behind else 0
                self._timer = loop.call_at(due, self._advance, turns, context=self._context)

    def _keep_up(self) -> None:
        """Let the simulation catch up for a client, unless it is behind: then it goes on in its turn."""
        if not self._is_behind:
            self._advance()

    def _handle(self, name: str) -> Handle:
        def post(event: Event) -> None:
            self._keep_up()
            self.world.post(name, event)
            self._keep_up()

        def now() -> float:
            at_home(self._keep_up)
            return self.world.now

        def store(key: str, octets: bytes) -> None:
            FolderStorage(self.folder.storage(name)).store(key, octets)

        flash = FolderFlash(self.folder.storage(name) / FLASH)
        taps = world_taps(self.world, name)
        handle = Handle(lambda: self._node(name).router, now, post, store, flash, open_tap=taps)
        self._handles[name] = handle

        def tell(effect: Effect) -> None:
            self._capture.report(effect)
            handle.tell(effect)

        self._node(name).outside = tell
        return handle

    def _node(self, name: str) -> RouterNode:
        return self.world.routers[name]

    async def _tend(self, name: str) -> None:
        """Let a router answer at its socket if it lives, and only then."""
        async with self._tending:
            alive = self._node(name).alive
            if alive and name not in self._serving:
                self._serving[name] = None
                await self._servers[name].start()
            elif not alive and self._serving.pop(name, name) is None:
                await self._servers[name].stop()

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)
        return task

    def _when_done(self, answer: control.Answer) -> None:
        """Answer a request when its leap is made, and the routers that it started or ended answer or no longer do."""
        leap, self._leap = self._leap, None
        tended, self._tended = self._tended, []

        async def settle() -> None:
            if leap is not None:
                with answer.failing():
                    await self._make(*leap, answer)
            if tended:
                await asyncio.wait(tended)
            control.deliver(answer)

        if leap is None and not tended:
            control.deliver(answer)
        else:
            self._begin(settle())

    async def _make(self, end: float, within: float, answer: control.Answer) -> None:
        """Make a leap, and serve other requests between its slices. It ends where its client leaves.

        The time that passes meanwhile for the leap of another command counts. A lab that gives way to other programs
        uses half of each second for a leap that may take any time.
        """
        pause = SLICE if gives_way() and within == inf else 0.0
        while self._time.leaps and self.world.now < end and answer.is_awaited():
            answer.note("its clock is set for another command")
            await asyncio.sleep(SLICE)
        try:
            if not self._time.leaps:
                with contextlib.closing(self._time.leap(end - self.world.now, within)) as leap:
                    while answer.is_awaited() and (share := next(leap, None)) is not None:
                        answer.note(f"its clock is set, {share:.0%}")
                        for _ in range(_TURNS):
                            await asyncio.sleep(pause / _TURNS)
        finally:  # a fault of ours in one router: the others go on
            self._advance()
        answer.change(self.world.now)

    # ------------------------------------------------------------------------------------------------ requests

    def _obey(self, request: dict[str, Json]) -> Json:
        """Carry out an order: the method of its name."""
        what = str(request.get("do"))
        order: Callable[[dict[str, Json]], Json] | None = getattr(self, f"_order_{what}", None)
        if order is None:
            raise UserError(f"a simulated lab has no {what}; that is for labs with real packets")
        self._keep_up()
        answer = order(request)
        self._keep_up()
        return answer

    def _order_status(self, request: dict[str, Json]) -> Json:
        return {
            "scenario": self.scenario.name,
            "simulated": True,
            "since": self._began,
            "engine": "simulated",
            "routers": {name: node.alive for name, node in self.world.routers.items()},
            "providers": [name for name in self.scenario.configurations if self.scenario.role(name) == "provider"],
            "hosts": {name: host.address for name, host in self.world.hosts_of(self.scenario).items()},
            "hosts6": {
                name: host.address6 for name, host in self.world.hosts_of(self.scenario).items() if host.address6
            },
            "gateways": {name: describe(node) for name, node in self.world.gateways.items()},
            "links": [segment.name for segment in self.world.segments],
            "impaired": {
                segment.name: segment.impairment.filters.described()
                for segment in self.world.segments
                if not segment.impairment.filters.harmless and segment.name not in self._hidden
            },
        }

    def _order_missing(self, request: dict[str, Json]) -> Json:
        waits = {name: host.leased for name, host in self.world.hosts_of(self.scenario).items()}
        return [*self.world.missing(self.scenario), *self.scenario.unleased(waits)]

    def _order_down(self, request: dict[str, Json]) -> Json:
        self._ended.set()
        return None

    def _order_kill(self, request: dict[str, Json]) -> Json:
        name = self._router(request)
        if not self._node(name).alive:
            raise UserError(f"{name} is not running")
        self.world.kill(name)
        self._handles[name].captures.order(None)
        self._tended.append(self._begin(self._tend(name)))
        return None

    def _order_start(self, request: dict[str, Json]) -> Json:
        name = self._router(request)
        if self._node(name).alive:
            raise UserError(f"{name} is running; 'dmvpn lab kill {name}' ends it")
        stored = self.folder.storage(name) / STARTUP
        for one in FolderStorage(stored.parent).remembered():
            self._node(name).stored[one.name] = one.octets
        self.world.boot(name, stored.read_text() if stored.exists() else self.scenario.configurations[name])
        self._capture.begin(name)
        self._tended.append(self._begin(self._tend(name)))
        return None

    def _order_reset(self, request: dict[str, Json]) -> Json:
        self._hidden.clear()
        for segment, (_, link) in zip(self.world.segments, self.scenario.segments(), strict=False):
            segment.impairment = Impairment.of(Badness(delay=link.delay, loss=link.loss, rate=link.rate))
        for gateway in self.world.gateways.values():
            gateway.change_kind(gateway.spec.kind)
            gateway.rebind(gateway.spec.public.ip)
        for name, text in self.scenario.configurations.items():
            FolderStorage(self.folder.storage(name)).clear()
            self.world.kill(name)
            self._handles[name].captures.order(None)
            self.world.delete_files(name)
            self.world.boot(name, text)
            self._capture.begin(name)
            self._tended.append(self._begin(self._tend(name)))
        return None

    def _order_wired(self, request: dict[str, Json]) -> Json:
        """Return wires and translators as they are, hidden changes included: what a reset takes away."""
        links = {
            segment.name: {**segment.impairment.filters.described(), "hidden": segment.name in self._hidden}
            for segment in self.world.segments
        }
        gateways = {
            name: {"public": str(node.public), "kind": node.flows.kind, "sign": node.sign}
            for name, node in self.world.gateways.items()
        }
        return cast("Json", {"links": links, "gateways": gateways})

    def _order_impair(self, request: dict[str, Json]) -> Json:
        wire = Scenario.find_wire(str(request.get("link")), ends_of(self.world))
        segment = self.world.segment_of(*wire[1])
        badness = Badness.read(request)
        if badness.sender and badness.sender not in [station.name for station, _ in segment.ends]:
            raise UserError(f"{badness.sender} is at no end of {segment.name}")
        self._hidden.pop(segment.name, None)
        if request.get("hidden"):
            self._hidden[segment.name] = None
        segment.impairment = Impairment.of(badness)
        return self._order_status(request)

    def _order_rebind(self, request: dict[str, Json]) -> Json:
        name = str(request.get("gateway"))
        if name not in self.world.gateways:
            known = ", ".join(self.world.gateways) or "none"
            raise UserError(f"there is no gateway {name} in this lab; it has {known}")
        node = self.world.gateways[name]
        public, kind = wanted_public(request, node.spec), wanted_kind(request)
        if kind is not None:
            node.change_kind(kind, hidden=bool(request.get("hidden")))
        node.rebind(public)
        return describe(node)

    def _order_scenario(self, request: dict[str, Json]) -> Json:
        return described(self.scenario)

    def _order_facts(self, request: dict[str, Json]) -> Json:
        if (known := known_setups(request)) is not None:
            return plain_setups(self.world.setups(known))
        return cast("Json", self.world.facts(self.scenario).model_dump(mode="json"))

    def _order_clock(self, request: dict[str, Json]) -> Json:
        seconds = float(str(request.get("seconds", 0)))
        if not 0 <= seconds <= LARGEST_LEAP:
            raise UserError("the clock goes forward only, at most 31 days at once")
        within = request.get("within")
        self._leap = self.world.now + seconds, inf if within is None else float(str(within))
        return None

    def _order_exec(self, request: dict[str, Json]) -> Json:
        """Start a program at a host; the answer is its number, for `job`."""
        node, words = str(request.get("node")), request.get("program")
        hosts = ", ".join(self.world.hosts) or "none"
        if node in self.world.routers:
            raise UserError(
                f"{node} is a router: 'dmvpn -r {node} ping ADDRESS' is for those; hosts of this lab: {hosts}"
            )
        if node not in self.world.hosts:
            raise UserError(f"there is no host {node} in this lab; it has {hosts}")
        texts = [str(word) for word in words] if isinstance(words, list) else []
        return {"job": self.programs.start(node, texts, asyncio.get_running_loop().time())}

    def _order_job(self, request: dict[str, Json]) -> Json:
        """Return a program's output since the last request; code: its exit code, null while it runs."""
        number = int(str(request.get("job", 0)))
        if request.get("interrupt"):
            self.programs.interrupt(number)
        lines, code = self.programs.output(number, asyncio.get_running_loop().time())
        return {"lines": list(lines), "code": code}

    def _order_capture(self, request: dict[str, Json]) -> Json:
        return self._capture.obey(request)

    def _router(self, request: dict[str, Json]) -> str:
        name = str(request.get("router"))
        if name not in self.world.routers:
            raise UserError(f"there is no {name} in this lab; it has {', '.join(self.world.routers)}")
        return name


def describe(node: NatNode) -> str:
    """Return a translator in one line."""
    return f"NAT {node.spec.private.ip} -> {node.public}, {node.sign}{inward_of(node.inward)}"
