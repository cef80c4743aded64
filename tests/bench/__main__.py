"""Run the benchmarks: `make bench`, or `make bench BENCH="--quick --only simulation"`.

    --quick         fewer and shorter runs: does it all work, and roughly how fast?
    --only A,B      these alone
    --out FILE      where the figures go as JSON; without it they are only printed
    --page FILE     put them into this page too, between its two markers

File and page are one run of one commit, so neither is written with --only or --quick, or with uncommitted changes.

Each benchmark is a process of its own, with a time after which it is ended and a folder for labs of its own, so a hang
costs its limit and leaves nothing behind. What cannot run here is skipped with the reason. Exit code 1: one failed,
or, in runs of full length, a figure is below its floor. A missed goal is printed and is no failure: a machine may be
slow.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bench import (
    beside_charon,
    bfd,
    bgp,
    branch,
    dearest,
    direct,
    doctor,
    eigrp,
    events,
    failover,
    filters,
    hub,
    ike,
    kernel,
    machine,
    metrics,
    micro,
    nhrpd,
    ospf,
    page,
    paste,
    pool,
    quiet,
    returns,
    routes,
    simulation,
    ssh,
    start,
    throughput,
    two_hubs,
    versions,
    vrfs,
    web,
)
from bench.figures import Figure, Json, Skipped, goals, table
from bench.labs import DMVPN
from dmvpn.shells.lab.forked import end_with, fork

if TYPE_CHECKING:
    from collections.abc import Sequence

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
_SECTION = "### "
#: The heading of what all benchmarks reached.
GOALS = "Today, floor and goal"


class Measure(Protocol):
    """A benchmark. Raises Skipped."""

    def __call__(self, *, quick: bool) -> list[Figure]: ...


@dataclass(frozen=True, slots=True)
class Bench:
    """title: a heading. limit: seconds after which it is ended; with --quick a quarter of that."""

    name: str
    title: str
    limit: float
    measure: Measure


BENCHES = (
    Bench("dataplane", "Packets through a tunnel", 400, throughput.measure),
    Bench("wireguard", "ESP beside WireGuard in user space", 400, throughput.beside_wireguard),
    Bench("direct", "From the first packet to the direct path", 180, direct.measure),
    Bench("failover", "The death of a hub, and its return", 400, failover.measure),
    Bench("bfd", "A dead neighbor, detected by BFD", 400, bfd.measure),
    Bench("kernel", "Entries that other programs remove from the kernel", 120, kernel.measure),
    Bench("vrfs", "One VRF and a hundred", 400, vrfs.measure),
    Bench("branch", "Leases and translations of a branch", 300, branch.measure),
    Bench("filters", "Packets through packet filters", 300, filters.measure),
    Bench("start", "Start and memory", 120, start.measure),
    Bench("simulation", "A network in virtual time", 300, simulation.measure),
    Bench("quiet", "A quiet network of thousands of spokes", 600, quiet.measure),
    Bench("two-hubs", "Two hubs and sixty spokes", 240, two_hubs.measure),
    Bench("hub", "A hub and ten thousand spokes", 240, hub.measure),
    Bench("nhrpd", "A hub beside FRR's nhrpd", 600, nhrpd.measure),
    Bench("ospf", "OSPF: a hub and five hundred spokes", 400, ospf.measure),
    Bench("bgp", "BGP: a hub and two thousand neighbors", 400, bgp.measure),
    Bench("routes", "Routes on their way into the kernel", 400, routes.measure),
    Bench("eigrp", "EIGRP: a hub and five thousand neighbors", 120, eigrp.measure),
    Bench("versions", "Routing protocols: IPv6 beside IPv4", 300, versions.measure),
    Bench("events", "What happens to all of many at one moment", 900, events.measure),
    Bench("dearest", "The dearest packets", 300, dearest.measure),
    Bench("ike", "Handshakes of IKE", 300, ike.measure),
    Bench("charon", "A responder of IKEv1 beside charon", 300, beside_charon.measure),
    Bench("returns", "All spokes return to a hub that has restarted", 400, returns.measure),
    Bench("micro", "Single events", 120, micro.measure),
    Bench("doctor", "The doctor in small and large networks", 300, doctor.measure),
    Bench("paste", "Lines at a prompt", 900, paste.measure),
    Bench("ssh", "SSH to a router", 400, ssh.measure),
    Bench("metrics", "Prometheus and a hub with ten thousand peers", 120, metrics.measure),
    Bench("web", "Programs and streams at the web API", 180, web.measure),
    Bench("pool", "Campaigns on a cluster", 600, pool.measure),
    Bench("page", "The page of a lab in a browser", 400, page.measure),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a benchmark. problem: why there are no figures; skipped: it could not run here, else it failed."""

    bench: Bench
    figures: list[Figure]
    seconds: float
    load: float
    problem: str = ""
    skipped: bool = False

    def is_bad(self, *, quick: bool) -> bool:
        """It failed, or a figure is below its floor. A quick run has too few and too short measurements for floors."""
        is_slow = not quick and any(figure.is_below_floor for figure in self.figures)
        return is_slow or bool(self.problem and not self.skipped)

    def plain(self) -> dict[str, Json]:
        """As JSON."""
        return {
            "figures": [figure.plain() for figure in self.figures],
            "seconds": round(self.seconds, 1),
            "load": self.load,
            "problem": self.problem,
        }

    def markdown(self) -> list[str]:
        """As a section of a page."""
        head = [f"{_SECTION}{self.bench.title}", ""]
        body = table(self.figures) if self.figures else [f"Not measured: {self.problem}."]
        return [*head, *body, "", f"Load of the machine meanwhile: {self.load}.", ""]


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="measure, and say how")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    parser.add_argument("--only", metavar="NAMES", help=f"of {', '.join(bench.name for bench in BENCHES)}")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the figures here as JSON")
    parser.add_argument("--page", type=Path, metavar="FILE", help="put the figures into this page")
    arguments = parser.parse_args(argv)
    names = arguments.only.split(",") if arguments.only else [bench.name for bench in BENCHES]
    if unknown := set(names) - {bench.name for bench in BENCHES}:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}")
    writes = arguments.out is not None or arguments.page is not None
    if writes and (arguments.only or arguments.quick):
        parser.error("--out and --page are of a whole run: without --only and --quick")
    if writes and machine.is_changed():
        parser.error("--out and --page are of a commit: commit what is changed here")
    if arguments.page is not None:
        _split(arguments.page)
    with contextlib.suppress(OSError):
        os.nice(-20)  # other work on the machine disturbs less; not everybody may
    here = machine.describe()
    print(machine.sentence(here))
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="dmvpn-bench-") as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        for bench in BENCHES:
            if bench.name in names:
                outcomes.append(outcome := run_one(bench, quick=arguments.quick))
                print("\n".join(["", *outcome.markdown()]), flush=True)
    print("\n".join(("", *_goals(outcomes))))
    if arguments.out is not None:
        report = {"machine": here, "benchmarks": {outcome.bench.name: outcome.plain() for outcome in outcomes}}
        arguments.out.write_text(json.dumps(report, indent=1) + "\n")
    if arguments.page is not None:
        write_page(arguments.page, here, outcomes)
    return int(any(outcome.is_bad(quick=arguments.quick) for outcome in outcomes))


def _split(page: Path) -> tuple[str, str]:
    """What is before and behind the figures. Ends the program if the page has no place for them."""
    before, begin, rest = (page.read_text() if page.exists() else "").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{page} has no place for figures: it needs the lines {BEGIN} and {END}")
    return before, after


def _goals(outcomes: list[Outcome]) -> list[str]:
    """All that has a floor and a goal, as a section of a page."""
    figures = [figure for outcome in outcomes for figure in outcome.figures]
    return [f"{_SECTION}{GOALS}", "", *goals(figures), ""]


def write_page(page: Path, here: dict[str, Json], outcomes: list[Outcome]) -> None:
    """Put the figures of a whole run into a page."""
    before, after = _split(page)
    sections = ["\n".join(outcome.markdown()) for outcome in outcomes]
    head = [BEGIN, "", f"{machine.sentence(here)}.", "", *_goals(outcomes)]
    page.write_text(before + "\n".join([*head, *sections, END]) + after)


# ------------------------------------------------------------------------------------------------ one benchmark


def run_one(bench: Bench, *, quick: bool) -> Outcome:
    """Run it in a child, and end that if it takes too long."""
    limit = bench.limit / 4 if quick else bench.limit
    begun = time.monotonic()
    reader, writer = os.pipe()
    child = fork()
    if child == 0:
        os.close(reader)
        end_with(lambda: _measure(bench, writer, quick=quick))
    os.close(writer)
    answer, is_late = _read(reader, child, begun + limit)
    os.waitpid(child, 0)
    _end_labs()
    seconds, load = time.monotonic() - begun, machine.load()
    if is_late or not answer:
        problem = f"it took longer than {limit:.0f} s" if is_late else "it died"
        return Outcome(bench, [], seconds, load, problem)
    said = json.loads(answer)
    if "problem" in said:
        return Outcome(bench, [], seconds, load, said["problem"], said["skipped"])
    fields = (figure | {"values": tuple(figure["values"]), "baseline": tuple(figure["baseline"])} for figure in said)
    return Outcome(bench, [Figure(**{name: f[name] for name in Figure.__slots__}) for f in fields], seconds, load)


def _measure(bench: Bench, writer: int, *, quick: bool) -> int:
    """In the child: measure, and write the figures into the pipe, or why there are none."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # so that labs are brought down
    said: Json
    try:
        said = [figure.plain() for figure in bench.measure(quick=quick)]
    except Skipped as reason:
        said = {"problem": str(reason), "skipped": True}
    except Exception as error:
        traceback.print_exc()
        said = {"problem": f"{type(error).__name__}: {error}".strip().splitlines()[-1], "skipped": False}
    with os.fdopen(writer, "w") as pipe:
        json.dump(said, pipe)
    return 0


def _read(reader: int, child: int, end: float) -> tuple[bytes, bool]:
    """What the child writes until it ends; whether it had to be ended."""
    octets, is_late = b"", False
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        while True:
            if not select.select([pipe], [], [], max(0.0, end - time.monotonic()))[0]:
                os.kill(child, signal.SIGKILL if is_late else signal.SIGTERM)
                is_late, end = True, time.monotonic() + 10.0
                continue
            piece = pipe.read(1 << 16)
            if not piece:
                return octets, is_late
            octets += piece


def _end_labs() -> None:
    """A benchmark that was killed could not bring its lab down."""
    for _ in range(3):
        run = subprocess.run([*DMVPN, "lab", "down"], capture_output=True, check=False, timeout=30)
        if run.returncode:
            return


if __name__ == "__main__":
    sys.exit(main())
