"""`dir`, `more`, `verify`, `copy`, `delete`: what a terminal shows, and what there is afterwards."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dmvpn.base import shell as bounds
from dmvpn.base.events import Remembered
from dmvpn.base.shell import is_file_name
from dmvpn.face.context import new_session
from dmvpn.face.session import ConsoleSession
from dmvpn.shells.flash import FolderFlash
from dmvpn.shells.runtime.state import planned_state_folder, state_folder
from dmvpn.shells.storage import LARGEST, STARTUP, ConfigurationFile, FolderStorage
from support.fake_router import Terminal
from support.texts import is_golden
from support.work import Breaths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RUNS = "! Written by dmvpn\nversion 17.9\n!\nhostname R1\n!\nend\n"


def terminal(text: str = "hostname R1\n", **files: str) -> Terminal:
    found = Terminal(text)
    found.router.flash.kept = {name.replace("_", "."): kept.encode() for name, kept in files.items()}
    return found


def answer(found: Terminal, typed: str) -> list[str]:
    """The lines that a command shows, without its echo and the prompt."""
    return found.type(f"{typed}\r").split("\r\n")[1:-1]


def test_dir_lists_files_as_tools_read_them() -> None:
    is_golden(answer(terminal(a_cfg="hello\n"), "dir"), "face_files/dir_lists_files_as_tools_read_them")


@pytest.mark.parametrize("name", ["flash:/a.cfg", "flash:a.cfg", "bootflash:a.cfg", "disk0:/a.cfg", "FLASH:a.cfg"])
def test_a_file_has_several_names(name: str) -> None:
    found = terminal(a_cfg="hello\n", b_cfg="other")
    assert answer(found, f"dir {name}")[2].split() == [
        *("11", "-rw-", "6", "Jan", "01", "2026", "12:00:00", "+00:00", "a.cfg")
    ]
    assert answer(found, f"more {name}") == ["hello"]


def test_a_missing_file_is_named() -> None:
    missing = ["%Error opening flash:/x (No such file or directory)"]
    assert answer(terminal(), "dir flash:/x") == missing
    assert answer(terminal(), "more flash:/x") == missing
    assert answer(terminal(), "verify /md5 flash:/x") == ["%Error verifying flash:/x (No such file or directory)"]


@pytest.mark.parametrize("name", ["flash:a/b", "flash:../x", "tftp:x", "ftp://u:p@h/x", "nvram:other", "x"])
def test_no_other_place_is_a_file(name: str) -> None:
    assert "% Invalid input detected at '^' marker." in answer(terminal(), f"more {name}")


def test_verify_says_what_tools_compare() -> None:
    found = terminal(a_cfg="hello\n")
    assert answer(found, "verify /md5 flash:/a.cfg") == [
        "...MD5 of flash:/a.cfg Done!",
        "verify /md5 (flash:/a.cfg) = b1946ac92492d2347c6235b4d2611184",
    ]


def test_the_two_configurations_are_files() -> None:
    found = terminal()
    answer(found, "write memory")
    assert answer(found, "more system:running-config") == RUNS.splitlines()
    assert answer(found, "more nvram:startup-config") == RUNS.splitlines()


def test_the_running_configuration_is_copied_into_a_file_after_asking_for_its_name() -> None:
    found = terminal()
    assert found.type("copy running-config flash:\r").endswith("Destination filename [running-config]? ")
    assert found.type("backup.cfg\r").endswith(" bytes copied in 0.001 secs (52000 bytes/sec)\r\nR1#")
    assert found.router.flash.kept == {"backup.cfg": RUNS.encode()}


def test_a_file_that_exists_is_written_over_only_after_asking() -> None:
    found = terminal(a_cfg="old")
    found.type("copy run flash:a.cfg\r")
    assert found.type("\r").endswith(
        "%Warning:There is a file already existing with this name \r\nDo you want to over write? [confirm]"
    )
    found.type("n")
    assert found.router.flash.kept == {"a.cfg": b"old"}


def test_quiet_prompts_ask_nothing() -> None:
    found = terminal("hostname R1\nfile prompt quiet\n", a_cfg="old")
    assert answer(found, "copy running-config flash:/a.cfg")[-1].startswith("72 bytes copied in")
    assert answer(found, "copy null: flash:/a.cfg") == ["0 bytes copied in 0.001 secs (0 bytes/sec)"]
    assert found.router.flash.kept == {"a.cfg": b""}
    assert answer(found, "delete flash:/a.cfg") == []
    assert found.router.flash.kept == {}
    assert answer(found, "show running-config | include prompt") == ["file prompt quiet"]


def test_a_file_is_merged_into_what_runs_and_its_bad_lines_are_reported() -> None:
    merged = "interface Tunnel0\n ip mtu 1400\n ip mtuu 1300\nend\n"
    found = terminal("hostname R1\nfile prompt quiet\n", new_cfg=merged)
    shown = answer(found, "copy flash:new.cfg running-config")
    assert any("% Invalid input detected" in line for line in shown)
    assert shown[-1].startswith(f"{len(merged)} bytes copied")
    assert " ip mtu 1400" in found.router.running.render()


def test_a_file_becomes_what_the_router_starts_with() -> None:
    found = terminal("hostname R1\nfile prompt quiet\n", new_cfg=RUNS)
    assert answer(found, "copy flash:new.cfg startup-config")[0] == "[OK]"
    assert found.router.startup_text == RUNS


def test_delete_asks_twice() -> None:
    found = terminal(a_cfg="x")
    assert found.type("delete flash:a.cfg\r").endswith("Delete filename [a.cfg]? ")
    assert found.type("\r").endswith("Delete flash:a.cfg? [confirm]")
    found.type("\r")
    assert found.router.flash.kept == {}
    assert answer(found, "delete /force flash:a.cfg") == ["%Error deleting flash:a.cfg (No such file or directory)"]


def test_a_full_flash_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = terminal("hostname R1\nfile prompt quiet\n")

    def refuse(name: str, octets: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(found.router.flash, "write", refuse)
    assert answer(found, "copy run flash:a") == ["%Error writing flash:a (No space left on device)"]


def test_users_see_no_files() -> None:
    found = terminal(a_cfg="enable secret 0 word\n")
    found.type("disable\r")
    for typed in ("dir", "more flash:a.cfg", "copy run flash:x", "delete flash:a.cfg", "verify /md5 flash:a.cfg"):
        assert any(line.startswith(("% Invalid", "% Unknown")) for line in answer(found, typed))


@pytest.mark.parametrize("command", ["verify /md5 flash:a.cfg", "more flash:a.cfg"])
def test_a_file_is_read_where_the_router_does_not_wait_for_it(command: str) -> None:
    router = terminal(a_cfg="hello\n").router
    session = ConsoleSession(router, new_session())
    session.start()
    with Breaths() as breaths:
        session.feed(f"{command}\r".encode())
    assert breaths.asides
    shown = session.take_output()
    assert b"hello" in shown or b"b1946ac92492d2347c6235b4d2611184" in shown
    assert shown.endswith(b"R1#")


@pytest.mark.parametrize(
    ("text", "lines"), [("", []), ("a", ["a"]), ("a\r\n\nb\rc", ["a", "", "b", "c"]), ("\n\n", ["", ""])]
)
def test_more_shows_the_lines_of_a_file_whoever_ended_them(text: str, lines: list[str]) -> None:
    assert answer(terminal(a_cfg=text), "more flash:a.cfg") == lines


def test_a_level_that_may_not_configure_arms_no_way_back() -> None:
    text = "hostname R1\narchive\n path flash:bak\nprivilege exec all level 7 configure\n"
    found = terminal(text)
    session = ConsoleSession(found.router, new_session(), privilege=7)
    session.start()
    session.feed(b"configure terminal revert timer 5\r")
    assert b"needs privilege level 15" in session.take_output()
    assert found.router.flash.kept == {}


@pytest.mark.parametrize(
    "typed",
    [
        *("configure replace flash:a.cfg force", "configure revert now", "configure confirm", "configure"),
        *("copy flash:a.cfg running-config", "copy flash:a.cfg startup-config", "copy null: nvram:startup-config"),
    ],
)
def test_no_command_of_a_lower_level_puts_a_file_into_effect(typed: str) -> None:
    """Whoever was given `copy` or `configure` at a lower level could replace the configuration, users included."""
    text = "hostname R1\nfile prompt quiet\nprivilege exec all level 7 configure\nprivilege exec all level 7 copy\n"
    router = terminal(text, a_cfg="hostname MINE\nusername me privilege 15 secret 0 mine\n").router
    before, saved = router.running.render(), router.startup_text
    session = ConsoleSession(router, new_session(), privilege=7)
    session.start()
    session.feed(f"{typed}\r".encode())
    assert b"needs privilege level 15" in session.take_output()
    assert (router.running.render(), router.startup_text) == (before, saved)
    session.feed(b"copy running-config startup-config\r")
    assert b"[OK]" in session.take_output()


def test_secrets_of_a_merged_file_are_hashed_where_the_router_does_not_wait_for_it() -> None:
    router = terminal("hostname R1\nfile prompt quiet\n", a_cfg="username bob secret S3cret99\nend\n").router
    session = ConsoleSession(router, new_session())
    session.start()
    with Breaths() as breaths:
        session.feed(b"copy flash:a.cfg running-config\r")
    assert breaths.asides == 2  # the file, and the password in it
    assert b"bytes copied" in session.take_output()
    (user,) = (line for line in router.running.render() if line.startswith("username"))
    assert user.startswith("username bob secret 9 $9$")


@pytest.mark.parametrize(
    "command",
    [
        "copy flash:huge.cfg running-config",
        "configure replace flash:huge.cfg force",
        "show archive config differences flash:huge.cfg",
        "show archive config incremental-diffs flash:huge.cfg",
    ],
)
def test_a_file_that_is_too_large_for_a_configuration_is_not_read(command: str) -> None:
    found = terminal("hostname R1\nfile prompt quiet\n", huge_cfg="!" + "x" * (2 << 20))
    said = "\n".join(answer(found, command))
    assert "2097153 octets; a configuration has at most 2097152" in said
    assert found.router.running.hostname == "R1"


# The files of a router: what is in its folder, what is not, and what stays outside whatever it is called.


@pytest.fixture
def flash(tmp_path: Path) -> FolderFlash:
    return FolderFlash(tmp_path / "flash")


def test_a_router_without_files_has_an_empty_list(flash: FolderFlash) -> None:
    assert flash.files() == ()


def test_what_is_written_is_listed_read_and_removed(flash: FolderFlash) -> None:
    flash.write("b.cfg", b"two")
    flash.write("a.cfg", b"first")
    assert [(one.name, one.size) for one in flash.files()] == [("a.cfg", 5), ("b.cfg", 3)]
    assert flash.read_file("b.cfg") == b"two"
    flash.remove("b.cfg")
    assert [one.name for one in flash.files()] == ["a.cfg"]


def test_a_file_is_for_its_owner_alone(flash: FolderFlash) -> None:
    flash.write("a.cfg", b"secret")
    assert (flash.path / "a.cfg").stat().st_mode & 0o777 == 0o600
    assert flash.path.stat().st_mode & 0o777 == 0o700


def test_a_file_that_is_written_again_has_the_new_octets(flash: FolderFlash) -> None:
    flash.write("a.cfg", b"old and long")
    flash.write("a.cfg", b"new")
    assert flash.read_file("a.cfg") == b"new"


def test_what_was_begun_and_not_finished_is_no_file(flash: FolderFlash) -> None:
    flash.write("a.cfg", b"whole")
    (flash.path / ".unfinished").write_bytes(b"hal")
    assert [one.name for one in flash.files()] == ["a.cfg"]
    flash.write("b.cfg", b"next")
    assert flash.read_file("b.cfg") == b"next"


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
    assert (flash.read_file("a.cfg"), flash.read_file("b.cfg")) == (b"first", b"second")


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
        flash.read_file(name)


def test_a_planted_link_leads_nowhere(flash: FolderFlash, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"not yours")
    flash.write("a.cfg", b"mine")
    (flash.path / "link").symlink_to(outside)
    assert [one.name for one in flash.files()] == ["a.cfg"]
    with pytest.raises(FileNotFoundError):
        flash.read_file("link")
    flash.write("link", b"replaced")
    assert outside.read_bytes() == b"not yours"
    assert flash.read_file("link") == b"replaced"


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
        flash.read_file("pipe")


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


# What a router stores is there in its next life; what is damaged or lost is as if it had never been.


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


# `show ... | redirect`, `tee`, `append`: lines of a show in a file of flash.

NAMED = "hostname R1\n"


def kept(found: Terminal) -> dict[str, str]:
    return {name: octets.decode() for name, octets in found.router.flash.kept.items()}


@pytest.fixture
def found() -> Terminal:
    return Terminal(NAMED)


def test_redirect_writes_the_lines_and_shows_none(found: Terminal) -> None:
    """It was: % Error: "redirect" is not possible here."""
    assert answer(found, "show privilege | redirect flash:level.txt") == []
    assert kept(found) == {"level.txt": "Current privilege level is 15\n"}
    assert answer(found, "more flash:level.txt") == ["Current privilege level is 15"]


def test_tee_writes_the_lines_and_shows_them(found: Terminal) -> None:
    assert answer(found, "show privilege | t bootflash:/level.txt") == ["Current privilege level is 15"]
    assert kept(found) == {"level.txt": "Current privilege level is 15\n"}


def test_append_puts_them_behind_what_is_there_and_redirect_in_its_place(found: Terminal) -> None:
    for _ in range(2):
        answer(found, "show privilege | append flash:a")
    assert kept(found)["a"] == "Current privilege level is 15\n" * 2
    answer(found, "show privilege | redirect flash:a")
    assert kept(found)["a"] == "Current privilege level is 15\n"


def test_other_filters_come_before(found: Terminal) -> None:
    answer(found, "show running-config | include hostname | redirect flash:a")
    assert kept(found)["a"] == "hostname R1\n"
    answer(found, "show privilege | json | redirect flash:b")
    assert '"level": 15' in kept(found)["b"]
    refused = answer(found, "show privilege | redirect flash:c | include x")
    assert "% Invalid input detected at '^' marker." in refused
    assert "c" not in kept(found)


def test_it_works_in_configuration_mode_behind_do(found: Terminal) -> None:
    answer(found, "configure terminal")
    answer(found, "do show privilege | redirect flash:a")
    assert kept(found)["a"] == "Current privilege level is 15\n"


@pytest.mark.parametrize(
    "file",
    ["tftp://192.0.2.1/x", "flash:", "flash:a/b", "flash:../x", "x", "nvram:startup-config", "system:running-config"],
)
@pytest.mark.parametrize("word", ["redirect", "tee", "append"])
def test_no_other_place_is_written(found: Terminal, word: str, file: str) -> None:
    (line,) = answer(found, f"show privilege | {word} {file}")
    assert line == f"%Error opening {file} (lines of shows go into flash:NAME alone)"
    assert kept(found) == {}


@pytest.mark.parametrize("line", ["redirect", "redirect flash:a b", "tee "])
def test_a_file_is_one_word(found: Terminal, line: str) -> None:
    assert any(text.startswith("% In") for text in answer(found, f"show privilege | {line}"))
    assert kept(found) == {}


def test_who_has_a_lower_level_writes_nothing(found: Terminal) -> None:
    answer(found, "disable")
    assert answer(found, "show privilege | redirect flash:a") == ['% Error: "redirect" is not possible here']
    assert kept(found) == {}
    assert "redirect" not in found.type("show privilege | ?")


def test_the_question_mark_tells_of_files(found: Terminal) -> None:
    shown = found.type("show privilege | ?")
    assert {"redirect", "tee", "append"} <= set(shown.split())
    assert "URL" in found.type("redirect ?")


def test_a_file_that_flash_has_no_room_for_is_not_begun(found: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dmvpn.face.filing.CAPACITY", 10)
    assert answer(found, "show privilege | redirect flash:a") == ["%Error writing flash:a (No space left on device)"]
    assert kept(found) == {}
