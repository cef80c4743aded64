"""The labs that `dmvpn web` serves: a request about one of them wakes no other lab, and none comes up for nothing."""

from __future__ import annotations

import socket
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.labs import classes
from dmvpn.shells.lab.places import labs_folder
from dmvpn.web.fleet import Fleet
from dmvpn.web.labs import check_new, up_words
from dmvpn.web.problems import Problem
from support.callers import user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def listeners(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, socket.socket]]:
    """Three labs of one router each: the sockets of their supervisors."""
    with ExitStack() as stack:
        monkeypatch.setenv("XDG_RUNTIME_DIR", stack.enter_context(tempfile.TemporaryDirectory()))
        found: dict[str, socket.socket] = {}
        for name in ("one", "two", "three"):
            folder = labs_folder() / name
            folder.mkdir(mode=0o700)
            (folder / "R1.sock").touch()
            found[name] = stack.enter_context(socket.socket(socket.AF_UNIX))
            found[name].bind(str(folder / "supervisor.sock"))
            found[name].listen(1)
            found[name].setblocking(False)
        yield found


def was_asked(listener: socket.socket) -> bool:
    """Whether somebody connected since the last time."""
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@pytest.mark.parametrize(
    "ask",
    [
        lambda fleet: fleet.socket("two", "R1"),
        lambda fleet: fleet.sockets("two"),
        lambda fleet: fleet.routers("two"),
        lambda fleet: fleet.lab_for_orders("two"),
    ],
)
def test_a_request_about_one_lab_asks_no_other_lab(
    listeners: dict[str, socket.socket], ask: Callable[[Fleet], object]
) -> None:
    assert ask(Fleet())
    assert {name: was_asked(one) for name, one in listeners.items()} == {"one": False, "two": True, "three": False}


def test_a_teacher_sees_a_lab_that_does_not_answer(
    listeners: dict[str, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lab that hung was left out, and the class looked as if it had never been up."""
    monkeypatch.setattr(classes, "PATIENCE", 0.01)
    listeners["three"].close()
    seen = classes.overview()
    assert [(one.lab, one.silent, one.running, one.routers) for one in seen] == [
        ("one", True, 1, 1),
        ("two", True, 1, 1),
    ]


@pytest.mark.parametrize("name", ["none", "", ".", "..", "../labs/two", "two/", "two\x00"])
def test_only_a_name_that_exists_finds_a_lab(listeners: dict[str, socket.socket], name: str) -> None:
    with pytest.raises(Problem) as caught:
        Fleet().sockets(name)
    assert caught.value.status is HTTPStatus.NOT_FOUND
    assert not any(map(was_asked, listeners.values()))


def test_a_server_of_one_lab_finds_no_other_one_and_a_dead_lab_is_none(listeners: dict[str, socket.socket]) -> None:
    with pytest.raises(Problem):
        Fleet(lab="one").sockets("two")
    assert [one["name"] for one in Fleet(lab="one").labs()] == ["one"]
    listeners["two"].close()
    with pytest.raises(Problem):
        Fleet().sockets("two")
    assert [one["name"] for one in Fleet().labs()] == ["one", "three"]


def test_a_token_has_as_many_labs_as_its_teacher_allows(listeners: dict[str, socket.socket]) -> None:
    """The bounds of a class held for the labs that the teacher made, and a pupil brought up as many as it liked."""
    check_new(Fleet(), "t4", replace(user("t", "t*"), most_labs=3))
    with pytest.raises(Problem, match="2 at a time"):
        check_new(Fleet(), "t4", replace(user("t", "t*"), most_labs=2))
    check_new(Fleet(), "one4", replace(user("o", "one*"), most_labs=2))
    words = up_words("notes-phase1", "t4", replace(user("t", "t*"), memory=256), simulated=True)
    assert words == ("lab", "up", "notes-phase1", "--name", "t4", "--simulated", "--memory", "256")


@pytest.mark.timeout(20)
def test_a_lab_that_is_stopped_lets_nobody_wait(listeners: dict[str, socket.socket]) -> None:
    """Its socket takes no more connections, and each command and each request waited for it."""
    place = str(labs_folder() / "two" / "supervisor.sock")
    with ExitStack() as waiting:
        try:
            while True:
                caller = waiting.enter_context(socket.socket(socket.AF_UNIX))
                caller.setblocking(False)
                caller.connect(place)
        except BlockingIOError:
            pass
        assert [one["name"] for one in Fleet().labs()] == ["one", "three", "two"]


def test_a_lab_whose_page_cannot_be_served_does_not_come_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lab came up first, and then the command failed: it had to be found and brought down."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    tokens = tmp_path / "state" / "dmvpn" / ".web" / "tokens.json"
    tokens.parent.mkdir(mode=0o700, parents=True)
    tokens.touch()
    tokens.chmod(0o666)
    assert main(["lab", "up", "notes-phase1", "--simulated", "--web"]) == 1
    assert "tokens.json: others may read or write it" in capsys.readouterr().err
    assert list(labs_folder().glob("*")) == []
