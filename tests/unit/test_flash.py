"""The files of a router: what is in its folder, what is not, and what stays outside whatever it is called."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dmvpn.base import flash as bounds
from dmvpn.base.flash import is_file_name
from dmvpn.shells.flash import FolderFlash
from dmvpn.shells.storage import FolderStorage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def flash(tmp_path: Path) -> FolderFlash:
    return FolderFlash(tmp_path / "flash")


def test_a_router_without_files_has_an_empty_list(flash: FolderFlash) -> None:
    assert flash.files() == ()


def test_what_is_written_is_listed_read_and_removed(flash: FolderFlash) -> None:
    flash.write("b.cfg", b"two")
    flash.write("a.cfg", b"first")
    assert [(one.name, one.size) for one in flash.files()] == [("a.cfg", 5), ("b.cfg", 3)]
    assert flash.read("b.cfg") == b"two"
    flash.remove("b.cfg")
    assert [one.name for one in flash.files()] == ["a.cfg"]


def test_a_file_is_for_its_owner_alone(flash: FolderFlash) -> None:
    flash.write("a.cfg", b"secret")
    assert (flash.path / "a.cfg").stat().st_mode & 0o777 == 0o600
    assert flash.path.stat().st_mode & 0o777 == 0o700


def test_a_file_that_is_written_again_has_the_new_octets(flash: FolderFlash) -> None:
    flash.write("a.cfg", b"old and long")
    flash.write("a.cfg", b"new")
    assert flash.read("a.cfg") == b"new"


def test_what_was_begun_and_not_finished_is_no_file(flash: FolderFlash) -> None:
    flash.write("a.cfg", b"whole")
    (flash.path / ".unfinished").write_bytes(b"hal")
    assert [one.name for one in flash.files()] == ["a.cfg"]
    flash.write("b.cfg", b"next")
    assert flash.read("b.cfg") == b"next"


def _while_writing(monkeypatch: pytest.MonkeyPatch, do: Callable[[], None]) -> None:
    """Do something once, when the octets of the first file are there and its name is not."""
    waiting, fsync = [do], os.fsync

    def meanwhile(descriptor: int) -> None:
        fsync(descriptor)
        if waiting:
            waiting.pop()()

    monkeypatch.setattr(os, "fsync", meanwhile)


def test_two_who_write_at_once_have_each_their_own_octets(flash: FolderFlash, monkeypatch: pytest.MonkeyPatch) -> None:
    other = FolderFlash(flash.path)
    _while_writing(monkeypatch, lambda: other.write("b.cfg", b"second"))
    flash.write("a.cfg", b"first")
    assert (flash.read("a.cfg"), flash.read("b.cfg")) == (b"first", b"second")


def test_two_who_write_at_once_have_no_more_room_than_one(flash: FolderFlash, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dmvpn.shells.flash.CAPACITY", 10)
    _while_writing(monkeypatch, lambda: FolderFlash(flash.path).write("b.cfg", b"123456"))
    with pytest.raises(OSError, match="No space left"):
        flash.write("a.cfg", b"123456")
    assert [path.name for path in flash.path.iterdir()] == ["b.cfg"]


def test_what_nobody_finishes_any_more_is_swept_away(flash: FolderFlash) -> None:
    flash.write("a.cfg", b"whole")
    for name in (".unfinished", ".unfinished.0123456789abcdef"):
        (flash.path / name).write_bytes(b"hal")
        os.utime(flash.path / name, (1.0, 1.0))
    (flash.path / ".unfinished.now").write_bytes(b"hal")
    flash.write("b.cfg", b"next")
    assert sorted(path.name for path in flash.path.iterdir()) == [".unfinished.now", "a.cfg", "b.cfg"]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", ".hidden", "a\0b", "x" * 200, "ä", "a\nb", "/etc/passwd"]
)
def test_names_with_folders_and_other_odd_names_are_refused(flash: FolderFlash, name: str) -> None:
    assert not is_file_name(name)
    with pytest.raises(OSError, match=r"Invalid file name|No such file"):
        flash.write(name, b"x")
    with pytest.raises(OSError, match=r"Invalid file name|No such file"):
        flash.read(name)


def test_a_planted_link_leads_nowhere(flash: FolderFlash, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"not yours")
    flash.write("a.cfg", b"mine")
    (flash.path / "link").symlink_to(outside)
    assert [one.name for one in flash.files()] == ["a.cfg"]
    with pytest.raises(FileNotFoundError):
        flash.read("link")
    flash.write("link", b"replaced")
    assert outside.read_bytes() == b"not yours"
    assert flash.read("link") == b"replaced"


def test_a_link_where_a_file_is_begun_is_not_followed(flash: FolderFlash, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"not yours")
    flash.write("a.cfg", b"mine")
    (flash.path / ".unfinished").symlink_to(outside)
    flash.write("b.cfg", b"mine, too")
    assert outside.read_bytes() == b"not yours"


def test_a_folder_that_is_a_link_is_no_flash(flash: FolderFlash, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    flash.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"directory|links"):
        flash.write("a.cfg", b"x")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_pipe_is_no_file_and_keeps_nobody_waiting(flash: FolderFlash) -> None:
    flash.write("a.cfg", b"x")
    os.mkfifo(flash.path / "pipe")
    assert [one.name for one in flash.files()] == ["a.cfg"]
    with pytest.raises(FileNotFoundError):
        flash.read("pipe")


def test_too_many_files_and_too_many_octets_are_refused(flash: FolderFlash, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dmvpn.shells.flash.MOST_FILES", 2)
    monkeypatch.setattr("dmvpn.shells.flash.CAPACITY", 10)
    flash.write("a", b"12345")
    with pytest.raises(OSError, match="No space left"):
        flash.write("b", b"123456")
    flash.write("b", b"12345")
    with pytest.raises(OSError, match="No space left"):
        flash.write("c", b"")
    flash.write("b", b"1234")
    assert bounds.CAPACITY == 64 << 20


def test_a_router_that_forgets_everything_forgets_its_files(tmp_path: Path) -> None:
    flash = FolderFlash(tmp_path / "flash")
    flash.write("a.cfg", b"x")
    storage = FolderStorage(tmp_path)
    storage.store("startup-config", b"hostname R1\n")
    assert [one.name for one in storage.remembered()] == []
    storage.clear()
    assert flash.files() == ()
    assert not (tmp_path / "startup-config").exists()
