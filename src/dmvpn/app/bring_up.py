"""`dmvpn lab up` and `dmvpn lab list`: scenarios. They need the whole program, so only they import this."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import sys
import time
from collections import defaultdict
from typing import TYPE_CHECKING

from dmvpn.app.catalog import HINTS, in_order
from dmvpn.app.config import check_scenario, not_built
from dmvpn.app.engines import choose
from dmvpn.app.picture import addresses, main_address, picture
from dmvpn.app.progress import Progress
from dmvpn.app.sessions import make_server
from dmvpn.base.errors import UserError
from dmvpn.dataplane.problems import HostProblem
from dmvpn.network.device import Device
from dmvpn.network.routing import election_time
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.shells.convergence import cannot, unfinished
from dmvpn.shells.exercises import places
from dmvpn.shells.facts import LabFacts
from dmvpn.shells.flapping import changing, flapping
from dmvpn.shells.lab import control, namespaces
from dmvpn.shells.lab.forked import end_with, fork, importing
from dmvpn.shells.lab.places import LabFolder, running_labs, running_services
from dmvpn.shells.lab.supervisor import Supervisor
from dmvpn.shells.scenario import Scenario, built_in_names, from_description
from dmvpn.tools.enrollment import enroll
from dmvpn.tools.naming import name_servers

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from dmvpn.app.told import Told

#: Seconds in which a lab must be ready: so many, and more for each router. With IPsec 252 take 26 s on two cores.
PATIENCE = 20.0
PATIENCE_EACH = 0.3
#: Seconds between two looks; and between the two looks that must see the same neighbors and routes.
_LOOKS = 0.05
_SETTLED = 0.3


def list_labs(told: Told) -> int:
    """List scenarios by topic, with a mark at each running one."""
    running = {folder.name for folder in running_labs()}
    shown: list[control.Json] = []
    for topic, names in in_order(built_in_names()):
        told.say(_heading(topic, HINTS.get(topic, "")))
        for name in names:
            scenario = Scenario.load(name)
            lacks = f" (not in this release: needs {', '.join(scenario.lacks)})" if scenario.lacks else ""
            only = " (simulated only)" if scenario.simulated_only else ""
            told.say(_row(name, f"{scenario.lab.title}{lacks}{only}", is_up=name in running))
            shown.append(
                {
                    "name": name,
                    "topic": topic,
                    "title": scenario.lab.title,
                    "up": name in running,
                    "simulated_only": scenario.simulated_only,
                    "lacks": list(scenario.lacks),
                }
            )
    from dmvpn.app import exercise  # only here and where one comes up: other labs shall not wait for its import

    learnt = {place.name for place in places() if place.name in running and runs(LabFolder.of(place.name)).is_exercise}
    exercises = list(exercise.listed())
    told.say(_heading("exercises", "in this order; 'dmvpn lab grade' says what is left to do"))
    for name, title in exercises:
        told.say(_row(name, title, is_up=name in learnt))
    services, own = running_services(), sorted(running - {*built_in_names(), *learnt})
    if services or own:
        told.say(_heading("yours"))
    for name, what in [
        *((each.name, "a service") for each in services),
        *((name, "a folder of yours") for name in own),
    ]:
        told.say(_row(name, f"({what})", is_up=True))
    told.put(
        scenarios=shown,
        exercises=[{"name": name, "title": title, "up": name in learnt} for name, title in exercises],
        services=[service.name for service in services],
        own=list(own),
    )
    return 0


def _heading(topic: str, hint: str = "") -> str:
    return f"{topic}{f' ({hint})' if hint else ''}:"


def _row(name: str, title: str, *, is_up: bool) -> str:
    return f"  {name:<24} {'up' if is_up else '':<3} {title}"


def runs(folder: LabFolder) -> Scenario:
    """Return the scenario of a lab that is up. Raises UserError."""
    return from_description(control.order(folder.control, do="scenario"))


def up(arguments: argparse.Namespace, told: Told) -> int:
    """Bring a scenario up. Returns 0 when it is ready; 1 if it is not ready in time, and then prints what it lacks."""
    scenario = Scenario.load(arguments.scenario, strict=arguments.strict)
    as_found = arguments.strict or scenario.is_exercise
    made = [] if as_found else [note for note in (enroll(scenario), name_servers(scenario)) if note]
    for note in (*scenario.notes, *made):
        print(f"note: {note}", file=sys.stderr)
    _refuse_what_cannot_come_up(scenario, simulated=arguments.simulated)
    for reason, routers in _what_does_not_run(scenario).items():
        print(f"note: {', '.join(routers)}: {reason}", file=sys.stderr)
    never = check_scenario(scenario, strict=arguments.strict)
    folder = LabFolder.of(scenario.name)
    if folder.alive():
        return _up_again(scenario, folder, arguments, told)
    folder.make(scenario.configurations)
    began = time.monotonic()
    lab: int | None = None
    try:
        start = _start_simulated if arguments.simulated else _start_real
        lab = start(scenario, folder, arguments)
        with Progress.of(arguments, beats=False) as progress:
            lacks = never + _wait(scenario, folder, lab, began + patience(scenario), progress)
    except HostProblem as problem:
        folder.remove()
        raise UserError(f"{problem}; or without namespaces: dmvpn lab up {arguments.scenario} --simulated") from problem
    except BaseException:  # Ctrl-C, too: a lab without its folder cannot be found again, so end it
        if lab is not None:
            _end_at_once(lab)
        folder.remove()
        raise
    told.put(
        lab=scenario.name,
        simulated=arguments.simulated,
        already=False,
        seconds=round(time.monotonic() - began, 3),
        missing=list(lacks),
    )
    if lacks:
        print(f"lab {scenario.name} is up, but:", file=sys.stderr)
        print("\n".join(f"  {text}" for text in lacks), file=sys.stderr)
        print(f"It stays up for you to look: 'dmvpn doctor' says more; its log is {folder.log}", file=sys.stderr)
        return 1
    kind = "simulated" if arguments.simulated else "real packets"
    _describe(told, scenario, f"up and converged in {time.monotonic() - began:.1f} s ({kind})")
    return 0


def patience(scenario: Scenario) -> float:
    """Return seconds in which this lab must be ready, the wait before an OSPF election of a DR included."""
    with_ospf = [Device.read(name, text) for name, text in scenario.configurations.items() if "ospf" in text]
    return PATIENCE + PATIENCE_EACH * len(scenario.configurations) + election_time(with_ospf)


def _up_again(scenario: Scenario, folder: LabFolder, arguments: argparse.Namespace, told: Told) -> int:
    """Show a lab that is up already. Raises UserError if another kind of lab was asked for."""
    if runs(folder).is_exercise != scenario.is_exercise:
        raise UserError(f"another lab is called {folder.name}, too, and is up; 'dmvpn lab down {folder.name}' ends it")
    status = control.order(folder.control, do="status")
    simulated = isinstance(status, dict) and bool(status.get("simulated"))
    if simulated != arguments.simulated or arguments.record or arguments.engine != "auto":
        raise UserError(f"lab {folder.name} is up already; 'dmvpn lab down {folder.name}' ends it")
    told.put(lab=folder.name, simulated=simulated, already=True, seconds=0.0)
    told.put(missing=control.order(folder.control, do="missing"))
    _describe(told, scenario, f"up already ('dmvpn lab down {folder.name}' ends it)")
    return 0


def _refuse_what_cannot_come_up(scenario: Scenario, *, simulated: bool) -> None:
    """Raise UserError if this release lacks a feature of the scenario: name it, and the routers that need it."""
    if scenario.simulated_only and not simulated:
        raise UserError(
            f"{scenario.name} needs IPv6, which only the data plane of a simulated lab carries as yet: "
            f"'dmvpn lab up {scenario.name} --simulated'"
        )
    if not scenario.lacks:
        return
    reasons = [f"  {', '.join(routers)}: {reason}" for reason, routers in _what_does_not_run(scenario).items()]
    needs = " and ".join(scenario.lacks)
    raise UserError("\n".join([f"{scenario.name} needs {needs}, which this release does not have:", *reasons]))


def _what_does_not_run(scenario: Scenario) -> dict[str, list[str]]:
    """Return the routers with parts that this release does not have, by the message about the part."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, text in scenario.configurations.items():
        for reason in not_built(configurator(FEATURES).parse_text(text).tree):
            found[reason].append(name)
    return found


def _start_real(scenario: Scenario, folder: LabFolder, arguments: argparse.Namespace) -> int:
    """Start the supervisor as process 1 of new namespaces; a descriptor that is readable when it has ended."""
    with importing():
        import dmvpn.face.server  # noqa: F401 - once for all routers: modules imported before the fork are shared
    for text in scenario.configurations.values():
        addresses(text)  # the description needs them; now, because it imports the protocols that the routers run
    engine = choose(arguments.engine)

    def supervise() -> int:
        _log_to(folder.log)
        try:
            return Supervisor(scenario, folder, engine, make_server, arguments.record).run()
        except UserError as error:  # what this machine cannot do, and what helps: `lab up` shows it
            print(error)
            return 1

    return namespaces.start(supervise, detached=True).fileno()


def _start_simulated(scenario: Scenario, folder: LabFolder, arguments: argparse.Namespace) -> int:
    from dmvpn.shells.simulator.wallclock import SimulatedLab

    pid = fork()
    if pid == 0:

        def simulate() -> int:
            os.setsid()
            _log_to(folder.log)
            try:
                asyncio.run(SimulatedLab(scenario, folder, make_server, arguments.record).run())
            except (UserError, OSError) as error:  # what this machine cannot do: `lab up` shows it
                print(error)
                return 1
            return 0

        end_with(simulate)
    return os.pidfd_open(pid)


def _end_at_once(lab: int) -> None:
    """Kill a lab by the descriptor of its first process; the kernel kills the other processes."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(lab, signal.SIGKILL)


def _log_to(path: Path) -> None:
    """Redirect the output of a lab to its log: it has no terminal."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)


def _wait(scenario: Scenario, folder: LabFolder, lab: int, end: float, progress: Progress) -> list[str]:
    """Wait until nothing is missing, or until `end`; there is no wait for parts that this release lacks.

    Raises UserError if the lab ended.
    """
    lacks, pause = ["its supervisor has not started"], _LOOKS
    looks = _Looks(scenario, folder)
    while lacks and time.monotonic() < end:
        progress.tell(f"{len(lacks)} missing, such as {lacks[0]}")
        if select.select([lab], [], [], pause)[0]:
            tail = folder.log.read_text().splitlines()[-12:] if folder.log.exists() else []
            raise UserError(f"lab {folder.name} ended while it was starting:" + _indented(tail))
        if folder.control.exists():
            answer = control.order(folder.control, do="missing")
            lacks = [str(text) for text in answer] if isinstance(answer, list) else []
            if not lacks and not scenario.is_exercise:  # where those begin, something is wrong by intention
                asked = time.monotonic()
                lacks = looks.lacks()
                pause = max(_SETTLED, 4 * (time.monotonic() - asked))  # of a large lab they take a while
    if scenario.is_exercise or not folder.control.exists():
        return lacks
    return looks.at_end(lacks)


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


def _indented(lines: list[str]) -> str:
    """Return a single line on the same line as its heading, several lines below it."""
    return f" {lines[0]}" if len(lines) == 1 else "".join(f"\n{line}" for line in lines)


def _unfinished(scenario: Scenario, facts: LabFacts) -> list[str]:
    return scenario.still_missing(unfinished(facts, scenario.lab.ready.either, scenario.lab.ready.routes))


def _facts(folder: LabFolder) -> LabFacts:
    return LabFacts.model_validate(control.order(folder.control, do="facts", own=True))


def _describe(told: Told, scenario: Scenario, how: str) -> None:
    told.say(f"{scenario.name}: {scenario.lab.title}")
    told.say()
    told.say("\n".join(picture(scenario)))
    told.say()
    if scenario.is_exercise:
        from dmvpn.app import exercise

        told.say("\n".join([*exercise.tasks(scenario.name), ""]))
    told.say(f"{how}. Next:")
    lab = f"{scenario.name}/" if len(running_labs()) > 1 else ""
    for line in _next_commands(scenario, lab):
        told.say(f"  {line}")


def _next_commands(scenario: Scenario, lab: str) -> list[str]:
    """Return the first commands for the user; `lab` precedes the name of a router if there is more than one lab."""
    if scenario.is_exercise:
        return ["dmvpn lab grade" + (f" {scenario.name}" if lab else "")]
    either = scenario.lab.ready.either
    if either:  # the lab is about why only one of them comes up
        asked = [f"dmvpn doctor {lab}{name}" for name in either]
        return [*asked, f"dmvpn -r {lab}{either[0]} show dmvpn detail", f"dmvpn shell {lab}{either[0]}"]
    spokes = [name for name in scenario.configurations if scenario.role(name) == "spoke"]
    if len(spokes) < 2:
        first = next(name for name in scenario.configurations if scenario.role(name) != "provider")
        return [f"dmvpn -r {lab}{first} show ip route", f"dmvpn shell {lab}{first}", f"dmvpn lab down {scenario.name}"]
    (here, vrf), (there, _) = (_lan_address(scenario, name) for name in spokes[:2])
    return [
        f"dmvpn -r {lab}{spokes[0]} traceroute {f'vrf {vrf} ' if vrf else ''}{there} source {here}",
        f"dmvpn -r {lab}{spokes[0]} show dmvpn detail",
        f"dmvpn shell {lab}{spokes[0]}",
    ]


def _lan_address(scenario: Scenario, router: str) -> tuple[str, str]:
    """Return the address of a router on its LAN, and the VRF of the LAN."""
    lans = [scenario.end(host.link) for host in scenario.lab.hosts.values()]
    states = addresses(scenario.configurations[router])
    behind = [state for state in states if (router, state.name) in lans] or states[-1:]
    return str(main_address(behind[0])[0]), behind[0].vrf
