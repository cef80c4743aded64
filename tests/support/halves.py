"""`make test`: the tests that compute and the tests in real time, side by side.

    python -m support.halves --jobs 2 --computing FOLDER... --waiting FOLDER...     (PYTHONPATH: the folder tests)

A test in real time waits for its packets most of the time, so three times as many of them run at once, and the time
that they leave to the processors is for the tests that compute. Those have a low priority: what waits for a packet must
have a processor when it comes. The output of those that compute follows that of the others, but the name of each test
that fails is printed at once, on the standard error: both halves load this module as a plugin of pytest.

A test in real time that failed is tried once more, alone: did it fail because it is wrong, or because the machine was
busy?
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

ROOT: Final = Path(__file__).parents[2]
PYTEST: Final = (sys.executable, "-m", "pytest", "-p", "support.halves", "-m", "not slow")
#: Those that compute wait until the others leave them a processor.
_PATIENCE: Final = "--timeout=300"
#: Each half notes what failed in a place of its own: both end at any time.
_FAILED: Final = "cache_dir=.pytest_cache/waiting"
#: Seconds in which interrupted tests end.
_GRACE: Final = 30.0
#: Not the lowest priority: beside other programs that compute, tests would never end.
_LOW: Final = 10
#: Exit code of pytest if all tests ran, and some failed.
_SOME_FAILED: Final = 1


class Half:
    """Tests, or any command, in a session of its own: Ctrl-C reaches all its processes once, by way of us."""

    def __init__(self, command: Sequence[str], *, aside: bool = False) -> None:
        """aside: at a low priority, and its standard output is kept for `show`."""
        self._output = tempfile.NamedTemporaryFile(prefix="dmvpn-tests-") if aside else None  # noqa: SIM115 - close
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


def run(computing: Sequence[str], waiting: Sequence[str], alone: Sequence[str]) -> bool:
    """Run the two commands side by side, and `alone` after them if `waiting` failed. Returns whether all is well."""
    with contextlib.ExitStack() as halves:

        def begin(command: Sequence[str], *, aside: bool = False) -> Half:
            half = Half(command, aside=aside)
            halves.callback(half.end)
            return half

        _say("the tests in real time; those that compute run beside them, and their output follows")
        other = begin(computing, aside=True)
        status = begin(waiting).wait()
        _say_unless_ended("the tests in real time", status)
        _say("the tests that compute")
        computed = other.show()
        _say_unless_ended("the tests that compute", computed)
        if status == _SOME_FAILED:  # else nothing says which ones, but the notes of an earlier run
            _say("those in real time that failed, once more, alone")
            status = begin(alone).wait()
    return status == 0 and computed == 0


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Print the name of a test that failed, on a line of its own among the dots; the workers of xdist report to us."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
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
    waiting = [*PYTEST, "-o", _FAILED]
    try:
        is_well = run(
            [*PYTEST, *color, _PATIENCE, "-n", str(asked.jobs), *asked.computing],
            [*waiting, "-n", str(3 * asked.jobs), "--dist", "worksteal", *asked.waiting],
            [*waiting, "--last-failed", "--last-failed-no-failures", "none", *asked.waiting],
        )
    except KeyboardInterrupt:
        return 130
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
