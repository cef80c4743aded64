"""`dir`, `more`, `verify`, `copy`, `delete`: what a terminal shows, and what there is afterwards."""

from __future__ import annotations

import pytest

from dmvpn.face.handle import new_session
from dmvpn.face.session import ConsoleSession
from support.breaths import Breaths
from support.typing_at import Terminal

RUNS = "! Written by dmvpn\nversion 17.9\n!\nhostname R1\n!\nend\n"


def terminal(text: str = "hostname R1\n", **files: str) -> Terminal:
    found = Terminal(text)
    found.router.flash.kept = {name.replace("_", "."): kept.encode() for name, kept in files.items()}
    return found


def answer(found: Terminal, typed: str) -> list[str]:
    """The lines that a command shows, without its echo and the prompt."""
    return found.type(f"{typed}\r").split("\r\n")[1:-1]


def test_dir_lists_files_as_tools_read_them() -> None:
    assert answer(terminal(a_cfg="hello\n"), "dir") == [
        "Directory of bootflash:/",
        "",
        "   11  -rw-               6  Jan 01 2026 12:00:00 +00:00  a.cfg",
        "",
        "67108864 bytes total (67108858 bytes free)",
    ]


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
    assert b"privilege level 15 only" in session.take_output()
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
    assert b"privilege level 15 only" in session.take_output()
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
