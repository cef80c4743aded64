"""The tests that `make test` leaves out because they take long: they are listed in `tests/slow_tests.txt`.

    TEST_TIMES=FOLDER make test             each test writes what it took
    python -m support.slow_tests FOLDER     makes the list of it (in `tests`); what is listed and was not measured stays

A test that computes is slow if it takes a processor for longer than `PROCESSOR` seconds, a test in real time if it
takes longer than `WAITING` seconds, or its processes take the processors for longer than `BESIDE` seconds: both kinds
run side by side. Where all cases of a test are slow, or all tests of a file, the quickest one stays a test of every
day; so does, of a test of data planes, the quickest with real packets.

The processes of a lab are no children of its test, so each process of the tests gets a control group where that is
possible (as root), which counts for all of them (cgroup v2, `cpu.stat`).
"""

from __future__ import annotations

import atexit
import contextlib
import os
import resource
import sys
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Seconds of a processor; seconds; seconds of a processor.
PROCESSOR: Final = 0.06
WAITING: Final = 6.0
BESIDE: Final = 0.1
#: Tests of every day whatever they take: the README is true, a change that should not affect behavior shows in the
#: hashes if it does, and one that breaks the structure of the program is noticed before it is a habit.
_EVERY_DAY: Final = (
    "tests/lab/test_documentation.py::test_a_page_shows_what_its_commands_print[README.md]",
    *(
        f"tests/scenarios/test_campaign_hashes.py::test_a_network_lives_as_before[{network}]"
        for network in ("intro-phase3", "ospf-phase3", "isakmp-phase3", "dual-hub")
    ),
    "tests/unit/test_doors.py::",
    "tests/unit/test_plain_english.py::",
    "tests/unit/test_structure.py::",
)
LIST: Final = Path(__file__).parents[1] / "slow_tests.txt"
_IN_REAL_TIME: Final = ("tests/contract/", "tests/lab/")
#: How the cases of data planes with real packets begin.
_REAL_PLANES: Final = ("python", "rust")
_HEADING: Final = "# Made by python -m support.slow_tests, see there.\n"


def slow_tests() -> frozenset[str]:
    """Return the identifiers of the listed tests."""
    return frozenset(line for line in LIST.read_text("utf-8").splitlines() if not line.startswith("#"))


@contextmanager
def measured(test: str) -> Iterator[None]:
    """Note what a test takes, if TEST_TIMES names a folder."""
    folder = os.environ.get("TEST_TIMES")
    if folder is None:
        yield
        return
    processor, begun = _processor(), time.monotonic()
    yield
    with (Path(folder) / str(os.getpid())).open("a", encoding="utf-8") as file:
        file.write(f"{_processor() - processor:.2f}\t{time.monotonic() - begun:.2f}\t{test}\n")


@cache
def _group() -> Path | None:
    """Return a control group that this process has entered; None if it may not make one."""
    with contextlib.suppress(OSError, StopIteration):
        mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
        root = next(place for _, place, kind, *_ in mounts if kind == "cgroup2")
        own = next(line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
        group = Path(root + own) / f"dmvpn-tests-{os.getpid()}"
        group.mkdir()
        (group / "cgroup.procs").write_text(str(os.getpid()))
        atexit.register(_leave, group)
        return group
    return None


def _leave(group: Path) -> None:
    with contextlib.suppress(OSError):
        (group.parent / "cgroup.procs").write_text(str(os.getpid()))
        group.rmdir()


def _processor() -> float:
    """Return the processor seconds of this process and of all that it started, if they are counted.

    Otherwise its own, and those of its children that have ended.
    """
    if (group := _group()) is not None:
        return int((group / "cpu.stat").read_text().split()[1]) / 1e6  # "usage_usec" is the first one
    used = [resource.getrusage(which) for which in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def chosen(times: Mapping[str, float]) -> set[str]:
    """Return the slow ones. times: what each test took, as parts of what it may take."""
    groups: dict[object, list[str]] = {}
    for test in times:
        function, _, case = test.partition("[")
        groups.setdefault(test.partition("::")[0], []).append(test)
        groups.setdefault((function, case.startswith(_REAL_PLANES)), []).append(test)
    every_day = {min(tests, key=times.__getitem__) for tests in groups.values() if len(tests) > 1}
    return {test for test, part in times.items() if part > 1} - every_day


def main() -> None:
    """Write the list."""
    folder = Path(sys.argv[1])
    times: dict[str, float] = {}
    for path in sorted(folder.iterdir()):
        for line in path.read_text("utf-8").splitlines():
            processor, seconds, test = line.split("\t", 2)
            part = float(processor) / PROCESSOR
            if test.startswith(_IN_REAL_TIME):
                part = max(float(seconds) / WAITING, float(processor) / BESIDE)
            times[test] = min(part, times.get(test, part))
    slow = sorted(chosen(times) | (slow_tests() - times.keys()))
    LIST.write_text(_HEADING + "".join(f"{test}\n" for test in slow if not test.startswith(_EVERY_DAY)), "utf-8")


if __name__ == "__main__":
    main()
