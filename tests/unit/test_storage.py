"""What a router stores is there in its next life; what is damaged or lost is as if it had never been."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.events import Remembered
from dmvpn.shells.runtime.state import planned_state_folder, state_folder
from dmvpn.shells.storage import LARGEST, STARTUP, ConfigurationFile, FolderStorage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_what_is_stored_is_remembered_but_not_the_configuration(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    storage.store("b", b"2")
    storage.store("a", b"0")
    storage.store("a", b"1")
    storage.store(STARTUP, b"hostname R1\n")
    assert storage.remembered() == [Remembered("a", b"1"), Remembered("b", b"2")]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    storage.clear()
    assert storage.remembered() == []


def test_half_written_huge_and_strange_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.new").write_bytes(b"1")
    (tmp_path / "b").write_bytes(bytes(LARGEST + 1))
    (tmp_path / "c").mkdir()
    os.mkfifo(tmp_path / "d")
    (tmp_path / "e").symlink_to(tmp_path / "nowhere")
    assert FolderStorage(tmp_path).remembered() == []
    assert FolderStorage(tmp_path / "nowhere").remembered() == []


def test_a_write_that_was_broken_off_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "a.new").write_bytes(b"half")
    FolderStorage(tmp_path).store("a", b"whole")
    assert FolderStorage(tmp_path).remembered() == [Remembered("a", b"whole")]


def test_the_state_folder_is_where_the_environment_says(tmp_path: Path) -> None:
    given, home = tmp_path / "given", tmp_path / "xdg"
    environment = {"STATE_DIRECTORY": str(given), "XDG_STATE_HOME": str(home)}
    assert state_folder("R1", environment) == given / "R1"
    assert state_folder("R1", {"XDG_STATE_HOME": str(home)}) == home / "dmvpn" / "R1"
    assert (given / "R1").stat().st_mode & 0o777 == 0o700


def test_a_place_that_cannot_be_used_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    blocked = {"STATE_DIRECTORY": str(tmp_path / "file"), "HOME": str(tmp_path)}
    assert state_folder("R1", blocked) == tmp_path / ".local/state/dmvpn/R1"
    assert state_folder("R1", {"XDG_STATE_HOME": str(tmp_path / "file")}) is None


def test_a_plan_passes_over_a_place_below_a_folder_that_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As /root is for the user of a service who kept HOME. To root itself nothing is closed: so it is told."""
    closed = tmp_path / "closed"
    closed.mkdir()

    def refuse(look: Callable[..., object]) -> Callable[..., object]:
        def refused(path: str | Path, *more: object, **named: object) -> object:
            if str(path).startswith(f"{closed}/"):
                raise PermissionError(13, "Permission denied")
            return look(path, *more, **named)

        return refused

    allowed = os.access
    monkeypatch.setattr(os, "stat", refuse(os.stat))
    monkeypatch.setattr(os, "lstat", refuse(os.lstat))
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).startswith(str(closed)) and allowed(path, mode))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    environment = {"STATE_DIRECTORY": f"{closed}/state", "HOME": str(tmp_path)}
    assert planned_state_folder("R1", environment) == tmp_path / ".local/state/dmvpn/R1"
    assert planned_state_folder("R1", {"HOME": str(closed)}) is None


# ------------------------------------------------------------------------------------------------ `dmvpn run FILE`


def test_write_memory_writes_the_file_that_the_router_was_started_with(tmp_path: Path) -> None:
    file, link, state = tmp_path / "r1.cfg", tmp_path / "link.cfg", tmp_path / "state"
    state.mkdir()
    file.write_text("! by hand\nhostname R1\n")
    file.chmod(0o640)
    link.symlink_to(file)
    storage = FolderStorage(state, ConfigurationFile(link))
    storage.store("nhrp-request-id", b"1024\n")
    storage.store(STARTUP, b"hostname R2\n")
    assert file.read_text() == "hostname R2\n"
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in state.iterdir()] == ["nhrp-request-id"]


def test_what_another_hand_wrote_is_kept_beside_it_however_often_we_write(tmp_path: Path) -> None:
    file, kept = tmp_path / "r1.cfg", tmp_path / "r1.cfg~"
    file.write_text("! by hand\nhostname R1\n")
    configuration = ConfigurationFile(file)
    for number in (2, 3):
        configuration.store(b"hostname R%d\n" % number)
        assert kept.read_text() == "! by hand\nhostname R1\n"
    file.write_text("! by hand, later\n")
    configuration.store(b"hostname R4\n")
    assert kept.read_text() == "! by hand, later\n"


def test_a_configuration_that_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "r1.cfg"
    file.write_text("hostname R1\n")
    (tmp_path / "r1.cfg.new").mkdir()
    with pytest.raises(OSError, match=r"r1\.cfg\.new"):
        ConfigurationFile(file).store(b"hostname R2\n")
    assert file.read_text() == "hostname R1\n"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no file that could be written"):
        ConfigurationFile(tmp_path / "pipe").store(b"")
