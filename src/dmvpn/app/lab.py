"""`dmvpn lab ...`: bring labs up and down, and act on the one that runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import select
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.app.config import not_built, tree_of
from dmvpn.app.engines import choose
from dmvpn.app.picture import addresses, picture
from dmvpn.app.sessions import make_server
from dmvpn.base.errors import UserError
from dmvpn.shells.lab import control, namespaces
from dmvpn.shells.lab.check import check as check_machine
from dmvpn.shells.lab.forked import end_with, fork
from dmvpn.shells.lab.places import LabFolder, find_lab, running_labs
from dmvpn.shells.lab.supervisor import Supervisor
from dmvpn.shells.scenario import Scenario, built_in_names

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

#: Seconds in which a lab must be ready.
PATIENCE = 20.0
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def list_labs(arguments: argparse.Namespace) -> int:
    """Scenarios, with a mark at those that run."""
    running = {folder.name for folder in running_labs()}
    for name in built_in_names():
        mark = "up" if name in running else ""
        scenario = Scenario.load(name)
        lacks = f" (not in this release: needs {', '.join(scenario.lacks)})" if scenario.lacks else ""
        print(f"{name:<24} {mark:<3} {scenario.lab.title}{lacks}")
    for name in sorted(running - set(built_in_names())):
        print(f"{name:<24} up  (a folder of yours)")
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Print what a lab needs and whether it is there; 1 if something is missing."""
    findings = check_machine()
    for finding in findings:
        print(f"{'ok  ' if finding.ok else 'NO  '}{finding.what}: {finding.evidence}")
        if finding.fix:
            print(f"    run: {finding.fix}")
    if all(finding.ok for finding in findings):
        return 0
    print("Labs still work with --simulated: the same prompts, no privileges.")
    return 1


def up(arguments: argparse.Namespace) -> int:
    """Bring a scenario up; returns when it is ready, or 1 after 20 seconds with what is missing."""
    scenario = Scenario.load(arguments.scenario)
    _refuse_what_cannot_come_up(scenario)
    for name, text in scenario.configurations.items():
        tree_of(f"{name}.cfg", text)
    folder = LabFolder.of(scenario.name)
    folder.make(scenario.configurations)
    began = time.monotonic()
    lab: int | None = None
    try:
        start = _start_simulated if arguments.simulated else _start_real
        lab = start(scenario, folder, arguments)
        lacks = _wait(folder, lab, began + PATIENCE)
    except BaseException:  # Ctrl-C, too: what nobody can find any more must not go on
        if lab is not None:
            _end_at_once(lab)
        folder.remove()
        raise
    if lacks:
        print(f"lab {scenario.name} is up, but after {PATIENCE:.0f} s this is missing:", file=sys.stderr)
        print("\n".join(f"  {text}" for text in lacks), file=sys.stderr)
        print(f"It stays up for you to look; its log is {folder.log}", file=sys.stderr)
        return 1
    _describe(scenario, time.monotonic() - began, simulated=arguments.simulated)
    return 0


def _refuse_what_cannot_come_up(scenario: Scenario) -> None:
    """Say what is missing, and what each router would keep down for it. Raises UserError."""
    if not scenario.lacks:
        return
    configured = scenario.configurations.items()
    reasons = [f"  {name}: {reason}" for name, text in configured for reason in not_built(text)]
    needs = " and ".join(scenario.lacks)
    raise UserError("\n".join([f"{scenario.name} needs {needs}, which this release does not have:", *reasons]))


def _start_real(scenario: Scenario, folder: LabFolder, arguments: argparse.Namespace) -> int:
    """Start the supervisor as process 1 of new namespaces; a descriptor that is readable when it has ended."""
    import dmvpn.face.server  # noqa: F401 - once for all routers: what is there before they are forked, they share

    engine = choose(arguments.engine)

    def supervise() -> int:
        _log_to(folder.log)
        return Supervisor(scenario, folder, engine, make_server, arguments.record).run()

    return namespaces.start(supervise, detached=True).fileno()


def _start_simulated(scenario: Scenario, folder: LabFolder, arguments: argparse.Namespace) -> int:
    from dmvpn.shells.simulator.wallclock import SimulatedLab

    pid = fork()
    if pid == 0:

        def simulate() -> int:
            os.setsid()
            _log_to(folder.log)
            asyncio.run(SimulatedLab(scenario, folder, make_server).run())
            return 0

        end_with(simulate)
    return os.pidfd_open(pid)


def _end_at_once(lab: int) -> None:
    """Kill a lab by the descriptor of its first process; the kernel takes the others."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(lab, signal.SIGKILL)


def _log_to(path: Path) -> None:
    """Nobody reads the terminal of a lab: what it prints goes to its log."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)


def _wait(folder: LabFolder, lab: int, end: float) -> list[str]:
    """Wait until nothing is missing, or until `end`. Raises UserError if the lab ended."""
    lacks = ["its supervisor has not started"]
    while lacks and time.monotonic() < end:
        if select.select([lab], [], [], 0.05)[0]:
            tail = folder.log.read_text().splitlines()[-12:] if folder.log.exists() else []
            raise UserError("\n".join([f"lab {folder.name} ended while it was starting:", *tail]))
        if folder.control.exists():
            answer = control.order(folder.control, do="missing")
            lacks = [str(text) for text in answer] if isinstance(answer, list) else []
    return lacks


def _describe(scenario: Scenario, seconds: float, *, simulated: bool) -> None:
    print(f"{scenario.name}: {scenario.lab.title}")
    print()
    print("\n".join(picture(scenario)))
    print()
    kind = "simulated" if simulated else "real packets"
    print(f"up and converged in {seconds:.1f} s ({kind}). Next:")
    for line in _next_commands(scenario):
        print(f"  {line}")


def _next_commands(scenario: Scenario) -> list[str]:
    spokes = [name for name in scenario.configurations if scenario.role(name) == "spoke"]
    if len(spokes) < 2:
        first = next(name for name in scenario.configurations if scenario.role(name) != "provider")
        return [f"dmvpn -r {first} show ip route", f"dmvpn shell {first}", f"dmvpn lab down {scenario.name}"]
    here, there = (_lan_address(scenario, name) for name in spokes[:2])
    return [
        f"dmvpn -r {spokes[0]} traceroute {there} source {here}",
        f"dmvpn -r {spokes[0]} show dmvpn detail",
        f"dmvpn shell {spokes[0]}",
    ]


def _lan_address(scenario: Scenario, router: str) -> str:
    lans = [scenario.end(host.link) for host in scenario.lab.hosts.values()]
    states = addresses(scenario.configurations[router])
    return next((str(state.address) for state in states if (router, state.name) in lans), str(states[-1].address))


def down(arguments: argparse.Namespace) -> int:
    """End a lab, or all if none is named and only one runs."""
    folder = find_lab(arguments.lab)
    control.order(folder.control, do="down")
    end = time.monotonic() + 5.0
    while folder.path.exists() and time.monotonic() < end:
        time.sleep(0.02)
    if folder.path.exists():
        raise UserError(f"lab {folder.name} does not end; its log is {folder.log}")
    print(f"lab {folder.name} is down")
    return 0


def status(arguments: argparse.Namespace) -> int:
    """What runs."""
    answer = control.order(find_lab(arguments.lab).control, do="status")
    if isinstance(answer, dict):
        routers = answer.get("routers")
        kind = "simulated" if answer.get("simulated") else f"real packets, {answer.get('engine')}"
        print(f"{answer.get('scenario')} ({kind})")
        for name, alive in routers.items() if isinstance(routers, dict) else ():
            print(f"  {name:<16} {'running' if alive else 'DEAD'}")
        hosts = answer.get("hosts")
        for name, address in hosts.items() if isinstance(hosts, dict) else ():
            print(f"  {name:<16} host {address}")
        links = answer.get("links")
        impaired = answer.get("impaired")
        for link in links if isinstance(links, list) else ():
            bad = impaired.get(str(link)) if isinstance(impaired, dict) else None
            print(f"  {link}" + (f"  {json.dumps(bad)}" if bad else ""))
    return 0


def reset(arguments: argparse.Namespace) -> int:
    """Begin again: configurations of the scenario, no impairments."""
    folder = find_lab(arguments.lab)
    control.order(folder.control, do="reset")
    print(f"lab {folder.name} begins again")
    return 0


def _router_order(what: str, said: str) -> Callable[[argparse.Namespace], int]:
    def give(arguments: argparse.Namespace) -> int:
        lab, slash, router = arguments.router.rpartition("/")
        control.order(find_lab(lab if slash else None).control, do=what, router=router)
        print(f"{router} {said}")
        return 0

    return give


def execute(arguments: argparse.Namespace) -> int:
    """Run a program in the network of a node, as a process of the lab. Its exit code."""
    if not arguments.program:
        raise UserError("exec needs a program: dmvpn lab exec H3 ping 10.4.4.100")
    lab, slash, node = arguments.node.rpartition("/")
    descriptor, pid = control.borrow_namespace(find_lab(lab if slash else None).control, node)
    directory = Path.cwd()
    namespaces.enter_process(pid)
    namespaces.enter_network(descriptor)
    os.chdir(directory)
    return namespaces.run_program(arguments.program)


def impair(arguments: argparse.Namespace) -> int:
    """Make a link bad, or good again."""
    settings = {"delay": arguments.delay, "loss": arguments.loss, "rate": arguments.rate}
    wanted: dict[str, control.Json] = {name: value for name, value in settings.items() if value}
    if arguments.cut:
        wanted["cut"] = 1.0
    control.order(find_lab(arguments.lab).control, do="impair", link=arguments.link, **wanted)
    print(f"{arguments.link}: " + (", ".join(f"{name} {value}" for name, value in wanted.items()) or "good again"))
    return 0


def capture(arguments: argparse.Namespace) -> int:
    """Capture for some seconds, or until Ctrl-C; or only end a capture whose command was killed."""
    if not (arguments.nodes or arguments.all or arguments.stop):
        raise UserError("capture needs nodes, or --all")
    socket = find_lab(arguments.lab).control
    if not arguments.stop:
        control.order(socket, do="capture", nodes=arguments.nodes, output=str(arguments.output.resolve()))
        try:
            time.sleep(arguments.seconds if arguments.seconds is not None else 86400.0)
        except KeyboardInterrupt:
            print()
    counts = control.order(socket, do="capture", stop=True)
    for path, packets in counts.items() if isinstance(counts, dict) else ():
        print(f"{packets:>8} packets  {path}")
    return 0


def clock(arguments: argparse.Namespace) -> int:
    """Let time pass in a simulated lab."""
    match = re.fullmatch(r"\+(\d+(?:\.\d+)?)([smhd]?)", arguments.step)
    if match is None:
        raise UserError(f"{arguments.step}: a step is +SECONDS, or +2h, +30m, +1d")
    seconds = float(match[1]) * _UNITS[match[2]]
    control.order(find_lab(arguments.lab).control, do="clock", seconds=seconds)
    return 0


VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": list_labs,
    "check": check,
    "up": up,
    "down": down,
    "status": status,
    "reset": reset,
    "kill": _router_order("kill", "is dead"),
    "start": _router_order("start", "starts"),
    "exec": execute,
    "impair": impair,
    "capture": capture,
    "clock": clock,
}
