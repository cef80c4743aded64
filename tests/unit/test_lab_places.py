"""Folders of labs: one lab of a name at a time, dead ones are cleared away, impossible names and paths are refused."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.dataplane import private
from dmvpn.labs import orders
from dmvpn.shells.lab import control, forked, sockets
from dmvpn.shells.lab.forked import end_by_signal, end_with, left_by_signal
from dmvpn.shells.lab.places import LabFolder, find_lab, find_router, labs_folder, running_lab, running_labs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory of our own, with a path that is short enough for sockets."""
    short = tmp_path / "r"
    short.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    return short


def _hold(name: str) -> tuple[int, int]:
    """Bring a lab up in a child, as far as its folder; the child's pid and a descriptor that is its life line."""
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        LabFolder.of(name).make(["R1"])
        os.write(told, b".")
        signal.pause()
    os.close(told)
    assert os.read(ready, 1) == b"."
    return child, ready


def _kill(child: int, ready: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready)


def test_a_lab_that_is_just_being_brought_up_is_not_taken_over() -> None:
    child, ready = _hold("one")
    try:
        with pytest.raises(UserError, match="up already"):
            LabFolder.of("one").make(["R1"])
        assert running_labs() == []
        assert LabFolder.of("one").path.exists()
    finally:
        _kill(child, ready)


def test_what_a_killed_lab_left_is_cleared_away_by_whoever_looks() -> None:
    _kill(*_hold("one"))
    (LabFolder.of("one").path / "R1").mkdir()
    assert running_labs() == []
    assert not LabFolder.of("one").path.exists()


def test_a_lab_that_takes_no_more_connections_is_alive() -> None:
    """A lab that had stopped, and that a hundred clients had asked, held up everybody who looked which labs run."""
    lab = LabFolder.of("one")
    lab.make(["R1"])
    with contextlib.ExitStack() as held:
        supervisor = held.enter_context(socket.socket(socket.AF_UNIX))
        supervisor.bind(str(lab.control))
        supervisor.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                client = held.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                client.connect(str(lab.control))
        found: list[bool] = []
        look = threading.Thread(target=lambda: found.append(lab.alive()), daemon=True)
        look.start()
        look.join(5)
        assert found == [True]


def test_the_name_of_a_killed_lab_is_free_and_its_folder_empty() -> None:
    _kill(*_hold("one"))
    folder = LabFolder.of("one")
    (folder.path / "R1").mkdir()
    (folder.path / "R1" / "startup-config").write_text("hostname Old\n")
    (folder.path / "R1.sock").touch()
    folder.make(["R1"])
    assert list(folder.path.iterdir()) == []


def _deaf(name: str, *, to_signals: bool) -> int:
    """Bring a lab up that answers nobody, because it only computes. Returns its process, whose number is noted."""
    reader, ready = os.pipe()
    child = os.fork()
    if child == 0:

        def compute() -> int:
            if to_signals:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            else:
                end_by_signal(lambda: None)
            with left_by_signal(), control.listen(folder.control):
                os.write(ready, b".")
                while True:
                    pass
            folder.remove()
            return 0

        folder = LabFolder.of(name)
        folder.make(["R1"])
        end_with(compute)
    os.close(ready)
    assert os.read(reader, 1) == b"."
    os.close(reader)
    LabFolder.of(name).note_process(child)
    return child


@pytest.mark.parametrize(("to_signals", "signal_of_end"), [(False, 0), (True, signal.SIGKILL)])
def test_a_lab_that_only_computes_is_ended_in_order_and_killed_when_it_takes_no_signal(
    to_signals: bool, signal_of_end: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`lab down` said "the lab does not answer", and the lab computed on."""
    monkeypatch.setattr(orders, "ASKED", 0.01)
    monkeypatch.setattr(orders, "TERMINATED", 0.01 if to_signals else 60.0)
    monkeypatch.setattr(forked, "ORDERLY", 0.01)
    child = _deaf("one", to_signals=to_signals)
    orders.end(LabFolder.of("one"))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal_of_end
    assert not LabFolder.of("one").path.exists()


def test_a_lab_that_answers_nobody_yet_can_be_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    child, ready = _hold("one")
    folder = LabFolder.of("one")
    folder.note_process(child)
    assert running_labs() == []
    assert running_labs(starting=True) == [folder] == [running_lab("one", starting=True)]
    monkeypatch.setattr(orders, "ASKED", 0.01)
    orders.end(find_lab("one", starting=True))
    os.waitpid(child, 0)
    os.close(ready)
    assert not folder.path.exists()


def test_no_other_process_that_got_the_number_of_a_dead_lab_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    child, ready = _hold("one")
    folder = LabFolder.of("one")
    folder.note_process(child)
    number, started = (folder.path / "lab.pid").read_text().split()
    (folder.path / "lab.pid").write_text(f"{number} {int(started) - 1}\n")
    for name in ("ASKED", "TERMINATED", "LONGEST_END"):
        monkeypatch.setattr(orders, name, 0.01)
    with pytest.raises(UserError, match="does not end"):
        orders.end(folder)
    assert os.waitpid(child, os.WNOHANG) == (0, 0)
    _kill(child, ready)


def test_two_labs_do_not_collide() -> None:
    one, other = _hold("one"), _hold("two")
    try:
        assert sorted(path.name for path in labs_folder().iterdir()) == ["one", "two"]
    finally:
        _kill(*one)
        _kill(*other)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "-x", "a b", "a\n"])
def test_what_could_leave_the_folder_of_labs_is_no_name(name: str) -> None:
    with pytest.raises(UserError, match="not a valid lab name"):
        LabFolder.of(name)


def test_a_path_that_no_socket_can_have_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    folder = LabFolder.of("one")
    with pytest.raises(UserError, match=r"too long for a socket.*XDG_RUNTIME_DIR"):
        folder.make(["R1"])
    assert not folder.path.exists()


def test_the_socket_of_the_lab_is_no_router() -> None:
    folder = LabFolder.of("one")
    folder.make(["R1"])
    with control.listen(folder.control), pytest.raises(UserError, match="no router supervisor"):
        find_router("one/supervisor", str)


def test_a_folder_that_others_may_read_is_refused(runtime: Path) -> None:
    (runtime / "dmvpn").mkdir(mode=0o755)
    with pytest.raises(UserError, match="belongs to another user"):
        labs_folder()


def test_only_this_user_may_give_a_lab_orders() -> None:
    folder = LabFolder.of("one")
    folder.make(["R1"])
    with control.listen(folder.control):
        assert folder.control.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("table", "number"),
    [("0 0 4294967295", 0), ("0 1000 1", 1000), ("0 1000 1\n1 100000 65536", 1000), ("5 100000 10", 0), ("", 0)],
)
def test_whoever_is_root_in_a_lab_alone_has_the_folder_that_he_has_outside(
    table: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lab of an ordinary user left /tmp/dmvpn-0 behind: root's labs were refused, it "belongs to another user"."""
    path = tmp_path / "uid_map"
    path.write_text(table)
    monkeypatch.setattr(private, "_MAP", path)
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert private.folder().name == f"dmvpn-{number}"


@pytest.fixture
def without_runtime(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Root of a machine without a runtime directory; its places are below this folder."""
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr(private, "is_root_outside", lambda: True)
    monkeypatch.setattr(private, "folder", lambda: runtime / "tmp")
    monkeypatch.setattr(sockets, "ROOT", str(runtime / "root"))
    return runtime


def test_a_folder_that_somebody_made_in_tmp_keeps_root_from_nothing(without_runtime: Path) -> None:
    (without_runtime / "tmp").mkdir()
    (without_runtime / "tmp").chmod(0o777)
    assert labs_folder() == without_runtime / "root" / "labs"
    assert running_labs() == []


def test_a_lab_of_root_that_an_earlier_version_brought_up_is_found(without_runtime: Path) -> None:
    earlier = without_runtime / "tmp" / "labs" / "one"
    earlier.mkdir(parents=True)
    (without_runtime / "tmp").chmod(0o700)
    with control.listen(LabFolder(earlier).control):
        assert [folder.path for folder in running_labs()] == [earlier]


def test_root_has_its_labs_in_tmp_where_run_is_read_only(
    without_runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert labs_folder() == without_runtime / "tmp" / "labs"
