"""`make test`: its two halves run side by side, nothing fails unseen, and Ctrl-C ends both."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from support.halves import PYTEST, ROOT, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE = 60.0
#: Says where it is, and waits to be interrupted.
SLEEPS = """
import pathlib, sys, time
place = pathlib.Path(sys.argv[1])
place.write_text("begun")
try:
    time.sleep(600)
except KeyboardInterrupt:
    place.write_text("interrupted")
"""
RUNS = """
import json, signal, sys
from support import halves
signal.signal(signal.SIGTERM, halves._terminated)
halves.run(*map(json.loads, sys.argv[1:]), [sys.executable, "-c", ""])
"""
#: Fails, and does not end before it is allowed to.
FAILS = """
import pathlib, time

def test_that_fails():
    raise AssertionError

def test_that_waits():
    while not pathlib.Path({end!r}).exists():
        time.sleep(0.01)
"""


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def prints(text: str, status: int = 0) -> list[str]:
    return python(f"import sys; print({text!r}, flush=True); sys.exit({status})")


def test_what_computes_is_printed_after_what_waits_even_if_it_ends_first(capfd: pytest.CaptureFixture[str]) -> None:
    late = python("import time; time.sleep(0.5); print('waited')")
    assert run(prints("computed"), late, prints("alone"))
    lines = [line for line in capfd.readouterr().out.splitlines() if not line.startswith("make test: ")]
    assert lines == ["waited", "computed"]


@pytest.mark.parametrize(
    ("computing", "waiting", "alone", "is_well"),
    [(0, 0, 1, True), (1, 0, 0, False), (0, 1, 0, True), (0, 1, 1, False), (1, 1, 0, False)],
)
def test_a_failure_of_either_half_is_one_unless_the_second_try_alone_succeeds(
    computing: int, waiting: int, alone: int, is_well: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(prints("", computing), prints("", waiting), prints("once more", alone)) is is_well
    assert ("once more" in capfd.readouterr().out.splitlines()) is bool(waiting)


@pytest.mark.parametrize("program", ["import sys; sys.exit(3)", "import os; os.kill(os.getpid(), 9)"])
def test_a_half_that_did_not_come_to_its_end_is_a_failure_whatever_failed_before(
    program: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The second try took what had failed in an earlier run; that succeeded, and so did `make test`."""
    assert not run(prints(""), python(program), prints("once more"))
    assert not run(python(program), prints(""), prints("once more"))
    said = capfd.readouterr().out
    assert "once more" not in said.splitlines()
    why = "status 3" if "exit" in program else "SIGKILL"
    assert [line for line in said.splitlines() if why in line] == [
        f"make test: the tests in real time did not come to their end: {why}",
        f"make test: the tests that compute did not come to their end: {why}",
    ]


def test_what_computes_has_a_lower_priority_and_what_waits_our_own(capfd: pytest.CaptureFixture[str]) -> None:
    run(python("import os; print(os.nice(0))"), python("import os; print(os.nice(0))"), [])
    assert capfd.readouterr().out.split("\n")[1::2] == [str(os.nice(0)), str(min(19, os.nice(0) + 10))]


@pytest.mark.lengthy
def test_a_test_that_fails_is_named_when_it_fails_and_once_in_either_half(tmp_path: Path) -> None:
    """Whoever ran `make test` saw an F after minutes, and its name after all other tests."""
    end, commands = tmp_path / "end", []
    for name, options in (("computing", ["-n", "1"]), ("waiting", [])):
        file = tmp_path / f"test_{name}.py"
        file.write_text(FAILS.format(end=str(end)))
        commands.append([*PYTEST, *options, "-p", "no:cacheprovider", str(file)])
    with both(*commands) as halves:
        assert halves.stderr is not None
        named = sorted(halves.stderr.readline() + halves.stderr.readline() for _ in commands)
        end.touch()
        assert halves.stderr.read() == ""
    assert named == [f"\nmake test: failed: test_{name}.py::test_that_fails\n" for name in ("computing", "waiting")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_the_end_of_make_end_both(number: signal.Signals, tmp_path: Path) -> None:
    places = [tmp_path / "computing", tmp_path / "waiting"]
    with both(*([*python(SLEEPS), str(place)] for place in places)) as halves:
        until(lambda: all(place.exists() and place.read_text() == "begun" for place in places))
        halves.send_signal(number)
        assert halves.wait(PATIENCE) != 0
    assert [place.read_text() for place in places] == ["interrupted"] * 2


def both(computing: list[str], waiting: list[str]) -> subprocess.Popen[str]:
    """Start two halves in a process of their own, which is no worker of the tests that run now."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.Popen(
        [*python(RUNS), json.dumps(computing), json.dumps(waiting)],
        env={**environment, "PYTHONPATH": os.pathsep.join((str(ROOT / "tests"), str(ROOT / "src")))},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(happens: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.01)
