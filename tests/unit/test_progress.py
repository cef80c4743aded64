"""How far it is: only where somebody looks, only of what takes long, and nothing is left of it."""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from dmvpn.app import progress
from dmvpn.app.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines come at once."""
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    monkeypatch.setattr(progress, "_PACE", 0.0)
    monkeypatch.setattr(progress, "_SLOW_PACE", 0.0)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Standard error is a terminal; gives what it shows."""
    stream = _Terminal()
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=stream))
    monkeypatch.setenv("TERM", "xterm")
    return stream.getvalue


def test_on_a_terminal_there_is_a_line_and_at_the_end_none(terminal: Callable[[], str]) -> None:
    with Progress(beats=False) as line:
        line.tell("1 of 2")
        line.tell("2 of 2")
    said = terminal()
    assert "1 of 2 (0 s)" in said
    assert said.endswith("2 of 2 (0 s)\r\x1b[K"), "the cursor is where it was, and nothing is left"


def test_in_a_pipe_there_is_nothing_unless_somebody_asks(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(beats=False) as line:
        line.tell("1 of 2")
    assert capsys.readouterr() == ("", "")
    with Progress(beats=False, wanted=True) as line:
        line.tell("1 of 2")
    assert capsys.readouterr() == ("", "1 of 2 (0 s)\n")


def test_beside_json_there_is_nothing_even_if_somebody_asks(terminal: Callable[[], str]) -> None:
    with Progress.of(argparse.Namespace(json=True, progress=True), beats=False) as line:
        line.tell("1 of 2")
    assert terminal() == ""


def test_what_is_printed_between_is_on_a_line_of_its_own(
    terminal: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress(beats=False) as line:
        line.tell("working")
        line.say("found something")
    assert capsys.readouterr().out == "found something\n"
    assert terminal().endswith("working (0 s)\r\x1b[K")


def test_what_is_quick_says_nothing(terminal: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_PATIENCE", 1000.0)
    with Progress(beats=False) as line:
        line.tell("1 of 2")
    assert terminal() == ""


def test_the_thread_that_writes_ends_with_the_work(terminal: Callable[[], str]) -> None:
    before = threading.active_count()
    with Progress() as line:
        line.tell("computing")
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    assert terminal() == "" or terminal().endswith("\x1b[K")


@pytest.mark.lengthy
def test_a_simulation_in_a_pipe_has_no_word_of_progress() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "dmvpn", "simulate", "notes-phase3"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert ran.stderr == ""
    assert "\x1b" not in ran.stdout
