"""From nothing to a lab that carries packets: time, processor time, memory.

    command given ── imports ── supervisor ── namespaces, wires ── routers forked ── registered ── converged ── prompt
    |<--------------------------------------- the whole command -------------------------------------------------->|
                                              |<------------- fork to registered ---->|
                                              each router: its start to its registration reply

Ages come from the routers themselves (`show version`, `show dmvpn`), asked by the management socket as soon as the
lab is up; how much processor time and memory its processes took comes from /proc. What Linux counts as resident (RSS)
includes what router processes share with the supervisor that they were forked from; the proportional set (PSS)
divides that.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figures import Figure
from bench.labs import DMVPN, lab, need_namespaces

if TYPE_CHECKING:
    from bench.labs import Lab

SCENARIO = "notes-phase3"
SPOKES = ("R31", "R41")
#: Commands that no router answers, and their seconds.
COMMANDS = (
    (("lab", "list"), 0.06),
    (("explain", "NHRP"), 0.06),
    (("--complete", "lab", "up", "intro"), 0.06),
)
_TICK = os.sysconf("SC_CLK_TCK")


def measure(*, quick: bool) -> list[Figure]:
    """Bring the lab up several times. Raises Skipped."""
    need_namespaces()
    runs = [_one_run() for _ in range(3 if quick else 9)]
    python = _wall([sys.executable, "-c", "pass"], 5)
    bare = (_bare_memory(),)
    columns = {name: tuple(run[name] for run in runs) for name in runs[0]}
    with lab(SCENARIO) as running:
        memory = _memory(running)
        shown = _wall([*DMVPN, "-r", "R31", "show", "clock"], 3 if quick else 9)
    return [
        Figure(name="a router's start to its registration", unit="s", values=columns["router"], goal=0.4),
        Figure(name="fork of the lab to all registered", unit="s", values=columns["registered"], goal=0.4),
        Figure(
            name="`lab up` until it returns",
            unit="s",
            values=columns["whole"],
            goal=0.6,
            floor=1.0,
            baseline=python,
            against="an empty Python",
        ),
        Figure(name="processor time of the lab until then, its 4 routers", unit="s", values=columns["processor"]),
        Figure(
            name="`dmvpn -r R31 show clock`",
            unit="s",
            values=shown,
            goal=2.5,
            floor=4.0,
            relative=True,
            baseline=python,
            against="an empty Python",
        ),
        *(
            Figure(name=f"`dmvpn {' '.join(words)}`", unit="s", values=_wall([*DMVPN, *words], 5), goal=goal)
            for words, goal in COMMANDS
        ),
        Figure(
            name="memory of a router, RSS",
            unit="MB",
            values=memory["Rss"],
            goal=42,
            baseline=bare,
            against="an empty Python",
        ),
        Figure(name="memory of a router, PSS", unit="MB", values=memory["Pss"]),
        Figure(name="memory of a router, written by itself", unit="MB", values=memory["Private_Dirty"], goal=12),
    ]


def _one_run() -> dict[str, float]:
    with lab(SCENARIO) as running:
        # Seconds, of the supervisor and its routers, in user and kernel mode
        supervisor, routers = running.pids()
        processor = sum(_processor_time_of(pid) for pid in (supervisor, *routers))
        since = running.status()["since"]
        assert isinstance(since, float)
        ages = [_ages(running, spoke) for spoke in SPOKES]
        return {
            "router": max(uptime - registered for uptime, registered, _ in ages),
            "registered": max(asked - registered for _, registered, asked in ages) - since,
            "whole": running.returned - running.began,
            "processor": processor,
        }


def _ages(running: Lab, spoke: str) -> tuple[float, float, float]:
    """Seconds since the router started, and since it is registered; and the wall time of the second answer."""
    uptime = running.ask(spoke, "show version")["uptime"]
    before = time.time()
    tunnels = running.ask(spoke, "show dmvpn")["tunnels"]
    asked = (before + time.time()) / 2
    assert isinstance(uptime, float)
    assert isinstance(tunnels, list)
    (tunnel,) = tunnels
    assert isinstance(tunnel, dict)
    (groups,) = (tunnel["peers"],)
    assert isinstance(groups, list)
    peers = [peer for group in groups if isinstance(group, list) for peer in group]
    ages = [peer["seconds"] for peer in peers if isinstance(peer, dict) and peer["state"] == "UP"]
    age = ages[0]
    assert isinstance(age, float), "the hub is not registered with"
    return uptime + (asked - before), age, asked


def _processor_time_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _memory(running: Lab) -> dict[str, tuple[float, ...]]:
    """Of each router after a direct path was made, in MB."""
    running.do("R31", "traceroute 10.4.4.1 source 10.3.3.1")
    rollups = [_rollup(pid) for pid in running.pids()[1]]
    return {kind: tuple(rollup[kind] for rollup in rollups) for kind in ("Rss", "Pss", "Private_Dirty")}


def _rollup(pid: int) -> dict[str, float]:
    """The memory of a process by kind, MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    pairs = (line.split(":") for line in lines)
    return {name: int(value.split()[0]) / 1024 for name, value in pairs}


def _bare_memory() -> float:
    with subprocess.Popen([sys.executable, "-c", "print(flush=True); input()"], stdin=-1, stdout=-1) as python:
        assert python.stdout is not None
        python.stdout.readline()
        resident = _rollup(python.pid)["Rss"]
        python.kill()
    return resident


def _wall(command: list[str] | tuple[str, ...], runs: int) -> tuple[float, ...]:
    """Seconds of each run of a command."""
    times = []
    for _ in range(runs):
        begun = time.monotonic()
        subprocess.run(command, capture_output=True, check=True, timeout=30)
        times.append(time.monotonic() - begun)
    return tuple(times)
