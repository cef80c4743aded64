"""`make test`: the tests that compute and the tests in real time, side by side.

    python -m support.halves --jobs 2 --computing FOLDER... --waiting FOLDER...     (PYTHONPATH: the folder tests)

A test in real time waits for its packets most of the time, so three times as many of them run at once, and the time
that they leave to the processors is for the tests that compute. Those have a low priority: what waits for a packet must
have a processor when it comes. Each process has files of its own, and reads no others: to read all of them takes longer
than to run many, and a network that tests of a file share is made once. The output of one process that waits comes
first, that of the others follows, but the name of each test that fails is printed at once, on the standard error: all
load this module as a plugin of pytest.

Tests in real time that failed are tried once more, alone: did they fail because they are wrong, or because the machine
was busy?
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from dmvpn.shells.lab.syscalls import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    Command = Sequence[str]

ROOT: Final = Path(__file__).parents[2]
PYTEST: Final = (sys.executable, "-m", "pytest", "-p", "support.halves", "-m", "not slow")
#: Those that compute wait until the others leave them a processor.
_PATIENCE: Final = "--timeout=300"
#: Each process notes what failed in a place of its own: they end at any time.
_FAILED: Final = "cache_dir=.pytest_cache/{}"
#: Seconds in which interrupted tests end.
_GRACE: Final = 30.0
#: Not the lowest priority: beside other programs that compute, tests would never end.
_LOW: Final = 10
#: Exit code of pytest if all tests ran, and some failed.
_SOME_FAILED: Final = 1


class Share:
    """Tests, or any command, in a session of its own: Ctrl-C reaches all its processes once, by way of us."""

    def __init__(self, command: Sequence[str], *, aside: bool = False, kept: bool = True) -> None:
        """aside: at a low priority. kept: its standard output is for `show`."""
        self._output = tempfile.NamedTemporaryFile(prefix="dmvpn-tests-") if kept else None  # noqa: SIM115 - close
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            start_new_session=True,
            preexec_fn=_begin_aside if aside else die_with_parent,
        )

    def wait(self) -> int:
        """Return at its end its exit code, negative for a signal."""
        return self._process.wait()

    def show(self) -> int:
        """Print what it has printed, and go on until its end. Returns the same."""
        assert self._output is not None
        with open(self._output.name, "rb") as printed:
            is_over = False
            while not is_over:
                is_over = self._process.poll() is not None  # what it printed before is in the file now
                for octets in iter(lambda: printed.read(1 << 16), b""):
                    sys.stdout.buffer.write(octets)
                sys.stdout.flush()
                time.sleep(0 if is_over else 0.2)
        return self._process.wait()

    def end(self) -> None:
        """Interrupt it, unless it has ended."""
        for number in (signal.SIGINT, signal.SIGKILL):
            if self._process.poll() is None:
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE)
        if self._output is not None:
            self._output.close()


def _begin_aside() -> None:
    """Take a low priority, in the child.

    Where the kernel shares the processors among sessions first, that of the session counts, and not that of a process.
    """
    die_with_parent()
    os.nice(_LOW)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(_LOW))


def run(computing: Sequence[Command], waiting: Sequence[Command], alone: Sequence[Command]) -> bool:
    """Run all of them side by side, then those of `alone` whose command of `waiting` failed. Returns if all is well."""
    with contextlib.ExitStack() as shares:

        def begin(command: Command, *, aside: bool = False, kept: bool = True) -> Share:
            share = Share(command, aside=aside, kept=kept)
            shares.callback(share.end)
            return share

        _say("the tests in real time; those that compute run beside them, and their output follows")
        others = [begin(command, aside=True) for command in computing]
        first, *rest = (begin(command, kept=number > 0) for number, command in enumerate(waiting))
        statuses = [first.wait(), *(share.show() for share in rest)]
        for status in statuses:
            _say_unless_ended("the tests in real time", status)
        _say("the tests that compute")
        computed = [share.show() for share in others]
        for status in computed:
            _say_unless_ended("the tests that compute", status)
        for number, status in enumerate(statuses):
            if status == _SOME_FAILED:  # else nothing says which ones, but the notes of an earlier run
                _say("those in real time that failed, once more, alone")
                statuses[number] = begin(alone[number], kept=False).wait()
    return not any((*statuses, *computed))


def shares(folders: Sequence[str], count: int) -> list[list[str]]:
    """Return the files of tests in so many parts of about one size."""
    files = {path: path.stat().st_size for folder in folders for path in (ROOT / folder).rglob("test_*.py")}
    parts: list[list[Path]] = [[] for _ in range(count)]
    for path in sorted(files, key=lambda path: (-files[path], path)):
        min(parts, key=lambda part: sum(map(files.__getitem__, part))).append(path)
    return [[str(path.relative_to(ROOT)) for path in sorted(part)] for part in parts if part]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Print the name of a test that failed, on a line of its own among the dots."""
    if report.failed:
        print(f"\nmake test: failed: {report.nodeid}", file=sys.stderr, flush=True)


def _say_unless_ended(tests: str, status: int) -> None:
    if status not in (0, _SOME_FAILED):
        why = signal.Signals(-status).name if status < 0 else f"status {status}"
        _say(f"{tests} did not come to their end: {why}")


def _say(text: str) -> None:
    print(f"make test: {text}", flush=True)


def _terminated(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


def main() -> int:
    """Run the halves. Returns the exit code."""
    parser = argparse.ArgumentParser(description="The tests that compute, and the tests in real time beside them.")
    parser.add_argument("--jobs", type=int, required=True, help="processors")
    parser.add_argument("--computing", nargs="+", required=True)
    parser.add_argument("--waiting", nargs="+", required=True)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, _terminated)
    color = ["--color=yes"] if sys.stdout.isatty() else []
    computing = [[*PYTEST, *color, _PATIENCE, *files] for files in shares(asked.computing, asked.jobs)]
    waiting = [
        [*PYTEST, *color, "-o", _FAILED.format(number), *files]
        for number, files in enumerate(shares(asked.waiting, 3 * asked.jobs))
    ]
    try:
        is_well = run(
            computing, waiting, [[*each, "--last-failed", "--last-failed-no-failures", "none"] for each in waiting]
        )
    except KeyboardInterrupt:
        return 130
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
