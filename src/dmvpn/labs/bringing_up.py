"""Bring a lab up, real or simulated: a generator of its steps, from the notes about its configurations to `Up`.

    for step in bring_up(Wanted(scenario="notes-phase3")):
        match step:
            case Note(): ...       a line that is read otherwise than it was written, a part that does not run
            case Missing(): ...    what the lab still waits for, several times a second
            case Up(): ...         the last step: it is up; `missing` is empty if it is ready, too

Closing the generator early ends a lab that has not come up yet. A lab needs the whole program, so only commands that
bring one up import this. The lab is a fork of the calling process, which must have no other thread and no event loop.

`wait` returns what a lab lacks at each look, until it lacks nothing or the time is over.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import defaultdict
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.dataplane.engines import choose
from dmvpn.dataplane.host import HostProblem
from dmvpn.face.serving import make_server
from dmvpn.features.bgp.settings import configured_peers
from dmvpn.labs import orders
from dmvpn.labs.unsupported_lines import Note, StaysDown, left_out, not_built
from dmvpn.network.device import Device
from dmvpn.network.routing import election_time
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.router.router import addresses
from dmvpn.shells.convergence import cannot, changing, flapping, unfinished
from dmvpn.shells.descriptors import allow_descriptors, is_readable
from dmvpn.shells.facts import LabFacts
from dmvpn.shells.lab import control, forked, namespaces
from dmvpn.shells.lab.places import LabFolder
from dmvpn.shells.lab.sockets import SERVICE
from dmvpn.shells.lab.supervisor import Supervisor
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.enrollment import enroll
from dmvpn.tools.naming import name_servers

#: Seconds in which a lab must be ready: so many, and more for each router. With IPsec 252 take 26 s on two cores.
PATIENCE = 20.0
PATIENCE_EACH = 0.3
#: Seconds between two looks; and between the two looks that must see the same neighbors and routes.
_LOOKS: Final = 0.05
_SETTLED: Final = 0.15
#: Seconds that pass at most between two looks at a simulated lab; and seconds of the machine, so that the user sees how
#: far it is.
_LONGEST_LEAP: Final = 4.0
_LONGEST_WORK: Final = 1.0
#: Lines at the end of a lab's log that say why it ended.
_TAIL: Final = 12


# ------------------------------------------------------------------------------------------------ the wait


def patience(scenario: Scenario) -> float:
    """Return seconds in which this lab must be ready.

    The wait before an OSPF election of a DR is included, and that of BGP between two announcements.
    """
    texts = scenario.configurations.items()
    waiting = [Device.read(name, text) for name, text in texts if "ospf" in text or "router bgp" in text]
    pauses = [peer.advertisement_interval for one in waiting for peer in configured_peers(one.bgp).values()]
    return PATIENCE + PATIENCE_EACH * len(texts) + election_time(waiting) + max(pauses, default=0.0)


def wait(scenario: Scenario, folder: LabFolder, lab: int, *, simulated: bool) -> Iterator[list[str]]:
    """Wait until nothing is missing, or for the patience with this lab; there is no wait for parts that this release
    lacks.

    Yields what the lab lacks, before each look and at the end. lab: a descriptor that can be read when the lab has
    ended. simulated: the wait is in the lab's own time, which passes at once, however long the machine takes for it.
    Raises UserError if the lab ended.
    """
    lacks, pause = ["its supervisor has not started"], _LOOKS
    began, passed, most = time.monotonic(), 0.0, patience(scenario)
    looks = _Looks(scenario, folder)
    while lacks and passed < most:
        yield lacks
        leaps = simulated and folder.control.exists()
        if is_readable(lab, 0.0 if leaps else pause):
            tail = folder.log.read_text().splitlines()[-_TAIL:] if folder.log.exists() else []
            below = f" {tail[0]}" if len(tail) == 1 else "".join(f"\n{line}" for line in tail)
            raise UserError(f"lab {folder.name} ended while it was starting:{below}")
        try:
            if leaps:
                passed = orders.clock(folder, pause, within=_LONGEST_WORK)
                pause = min(_LONGEST_LEAP, 2 * pause)
            if folder.control.exists():
                lacks = list(orders.missing(folder))
                if not lacks and not scenario.is_exercise:  # where those begin, something is wrong by intention
                    asked = time.monotonic()
                    lacks = looks.lacks()
                    # Of a large lab they take a while.
                    pause = max(_SETTLED, pause if leaps else 4 * (time.monotonic() - asked))
        except control.SilentError:
            lacks = ["it does not answer yet"]
            passed += control.PATIENCE
        if not simulated:
            passed = time.monotonic() - began
    if scenario.is_exercise or not folder.control.exists():
        yield lacks
    else:
        yield looks.at_end(lacks)


class _Looks:
    """Looks at the facts of a lab, one after the other."""

    def __init__(self, scenario: Scenario, folder: LabFolder) -> None:
        self._scenario = scenario
        self._folder = folder
        self._last: LabFacts | None = None
        self._flaps: list[str] = []  # what flapped at the last look: while a tunnel is down, nothing shows why

    def lacks(self) -> list[str]:
        """Look once more, and return what the lab lacks. Two looks must see the same neighbors and routes."""
        before, self._last = self._last, _facts(self._folder)
        missing = _unfinished(self._scenario, self._last)
        self._flaps = self._scenario.still_missing(flapping(self._last)) or (self._flaps if missing else [])
        if missing or self._flaps:
            return missing or self._flaps
        if before is None:
            return ["a second look at its routes"]
        return [f"{name}: its neighbors and routes still change" for name in changing(before, self._last)]

    def at_end(self, lacks: list[str]) -> list[str]:
        """Return what the lab lacks at the end of the wait. lacks: what it lacked at the last look."""
        facts = self._last
        if lacks or facts is None:
            facts = _facts(self._folder)
            lacks = [*_unfinished(self._scenario, facts), *self._flaps] or lacks
        return [*lacks, *self._scenario.still_missing(cannot(facts, self._scenario.lab.ready.either))]


def _unfinished(scenario: Scenario, facts: LabFacts) -> list[str]:
    lacks = scenario.still_missing(unfinished(facts, scenario.lab.ready.either, scenario.lab.ready.routes))
    return [*lacks, *scenario.unleased({name: host.waits for name, host in facts.hosts.items()})]


def _facts(folder: LabFolder) -> LabFacts:
    return LabFacts.model_validate(control.order(folder.control, do="facts", own=True))


# ------------------------------------------------------------------------------------------------ bringing up


class Wanted(Value, kw_only=True):
    """The lab that is wanted.

    scenario: a built-in name, or a folder or file of configurations.
    name: of the lab; without it the scenario's.
    simulated: no namespaces, no privileges.
    strict: refuse lines that would otherwise be left out.
    engine: "auto", "rust" or "python".
    record: a file for the events of all routers.
    memory: octets of data that each process of the lab may have; 0: as many as it wants.
    """

    scenario: str
    name: str = ""
    simulated: bool = False
    strict: bool = False
    engine: str = "auto"
    record: Path | None = None
    memory: int = 0


class Missing(Value):
    """The lab is not ready. sentences: what it waits for; at least one."""

    sentences: tuple[str, ...]


class Up(Value, kw_only=True):
    """The lab is up.

    already: it was up before.
    seconds: that it took.
    missing: sentences about what does not work; empty if the lab is ready.
    """

    folder: LabFolder
    scenario: Scenario
    simulated: bool
    already: bool = False
    seconds: float = 0.0
    missing: tuple[str, ...] = ()


def bring_up(wanted: Wanted) -> Generator[Note | Missing | Up]:
    """Bring a lab up. Raises UserError; then no lab is left behind."""
    if wanted.name.startswith(SERVICE):
        raise UserError(f"{wanted.name}: a name that begins with {SERVICE} is that of a service of 'dmvpn run'")
    scenario = Scenario.load(wanted.scenario, strict=wanted.strict)
    as_found = wanted.strict or scenario.is_exercise
    made = [] if as_found else [note for note in (enroll(scenario), name_servers(scenario)) if note]
    yield from (Note(f"note: {text}") for text in (*scenario.notes, *made))
    if scenario.lacks:
        reasons = [f"  {', '.join(routers)}: {reason}" for reason, routers in _what_does_not_run(scenario).items()]
        needs = " and ".join(scenario.lacks)
        raise UserError("\n".join([f"{scenario.name} needs {needs}, which this release does not have:", *reasons]))
    for reason, routers in _what_does_not_run(scenario).items():
        yield Note(f"note: {', '.join(routers)}: {reason}")
    never: list[str] = []
    for found in left_out(scenario, strict=wanted.strict):
        if isinstance(found, StaysDown):
            never.append(found.text)
        else:
            yield found
    folder = LabFolder.of(wanted.name or scenario.name)
    if folder.alive():
        running = orders.scenario(folder)
        if (running.name, running.is_exercise) != (scenario.name, scenario.is_exercise):
            raise UserError(
                f"another lab is called {folder.name}, too, and is up; 'dmvpn lab down {folder.name}' ends it"
            )
        simulated = orders.status(folder).simulated
        if simulated != wanted.simulated or wanted.record or wanted.engine != "auto":
            raise UserError(f"lab {folder.name} is up already; 'dmvpn lab down {folder.name}' ends it")
        missing = orders.missing(folder)
        yield Up(folder=folder, scenario=scenario, simulated=simulated, already=True, missing=missing)
    else:
        yield from _started(scenario, folder, wanted, never)


def _started(scenario: Scenario, folder: LabFolder, wanted: Wanted, never: list[str]) -> Iterator[Missing | Up]:
    """Start the lab and wait for it. never: sentences about what will not come up."""
    began = time.monotonic()
    lacks: list[str] = []
    try:
        with contextlib.ExitStack() as undo:  # at Ctrl-C, too: a lab without its folder cannot be found again
            with forked.interrupts_put_off():
                folder.make(scenario.configurations)
                undo.callback(folder.remove)
                process = (_start_simulated if wanted.simulated else _start_real)(scenario, folder, wanted)
                try:
                    folder.note_process(process)
                except OSError:  # no room on the disk: nothing else would find the lab to end it
                    _kill(process)
                    raise
                undo.callback(orders.end, folder, hard=True)
            lab = os.pidfd_open(process)
            for lacks in wait(scenario, folder, lab, simulated=wanted.simulated):
                if lacks:
                    yield Missing(tuple(lacks))
            undo.pop_all()
    except HostProblem as problem:
        raise UserError(f"{problem}; or without namespaces: dmvpn lab up {wanted.scenario} --simulated") from problem
    yield Up(
        folder=folder,
        scenario=scenario,
        simulated=wanted.simulated,
        seconds=time.monotonic() - began,
        missing=(*never, *lacks),
    )


def _what_does_not_run(scenario: Scenario) -> dict[str, list[str]]:
    """Return the routers with parts that this release does not have, by the message about the part."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, text in scenario.configurations.items():
        for reason in not_built(configurator(FEATURES).parse_text(text).tree):
            found[reason].append(name)
    return found


def _start_real(scenario: Scenario, folder: LabFolder, wanted: Wanted) -> int:
    """Start the supervisor as process 1 of new namespaces. Returns its number out here."""
    with forked.importing():
        import dmvpn.face.server

        if any("crypto" in text for text in scenario.configurations.values()):
            import dmvpn.dataplane.esp.ciphers
            import dmvpn.features.ike.crypto.curves  # noqa: F401
    for text in scenario.configurations.values():
        addresses(text)  # a description needs them; now, because it imports the protocols that the routers run
    engine = choose(wanted.engine)

    def supervise() -> int:
        _log_to(folder.log)
        _limit(wanted.memory)
        allow_descriptors()
        try:
            return Supervisor(scenario, folder, engine, make_server, wanted.record).run()
        except UserError as error:  # what this machine cannot do, and what helps: `lab up` shows it
            print(error)
            return 1

    return namespaces.start(supervise, detached=True).pid


def _start_simulated(scenario: Scenario, folder: LabFolder, wanted: Wanted) -> int:
    from dmvpn.shells.simulator.wallclock import SimulatedLab

    pid = forked.fork()
    if pid == 0:

        def simulate() -> int:
            os.setsid()
            _log_to(folder.log)
            _limit(wanted.memory)
            signal.signal(signal.SIGTERM, forked.leave)
            allow_descriptors()
            try:
                SimulatedLab(scenario, folder, make_server, wanted.record).run()
            except (UserError, OSError) as error:  # what this machine cannot do: `lab up` shows it
                print(error)
                return 1
            return 0

        forked.end_with(simulate)
    return pid


def _kill(process: int) -> None:
    """Kill the first process of a lab before its folder is removed. In namespaces, the kernel kills the rest."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):  # one in namespaces is no child of ours
        os.waitpid(process, 0)


def _limit(memory: int) -> None:
    """Limit the data of this process and of its children. memory: octets.

    A lab that gives way to other programs does so in its own session, too.
    """
    if memory:
        forked.bound_memory(os.getpid(), memory)
    if forked.gives_way():
        forked.give_way(os.getpid())


def _log_to(path: Path) -> None:
    """Redirect the output of a lab to its log: it has no terminal."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
