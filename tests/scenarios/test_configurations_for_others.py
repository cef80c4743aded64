"""Who has a level below 15 reads configurations without keys and passwords, whatever `privilege exec` allows."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.face.context import new_session
from dmvpn.face.interpreter import OneShot
from dmvpn.router.features import FEATURES
from support.commands_page import example, exec_commands
from support.texts import file_text
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.ios import ConfigLine
    from dmvpn.ios.section import Section

TYPE_9 = "$9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6"
#: Every line that holds a secret, in each of its forms, and lines that nothing here acts on.
PLANTED = file_text("planted_secrets.cfg").format(TYPE_9=TYPE_9)
#: Entered behind that, and not saved.
ENTERED = ("username zoe password Plant30", "key chain SECRETS", "key 2", "key-string Plant31", "no username ann")
RULES = tuple(
    f"privilege exec all level 1 {word}" for word in ("show", "more", "verify", "dir", "copy", "archive", "write")
)
ARCHIVE = ("file prompt quiet", "archive", "path flash:bak", "log config", "logging enable")
CONFIGURATIONS = (
    "show running-config",
    "show running-config all",
    "show running-config interface Tunnel100",
    "show startup-config",
    "show configuration",
    "more system:running-config",
    "more nvram:startup-config",
    "show archive config differences",
    "show archive config differences system:running-config nvram:startup-config",
    "show archive config incremental-diffs nvram:startup-config",
    "show key chain",
)
#: These have none for anybody.
WITHOUT = ("show tech-support", "show archive log config all", "show archive log config all provisioning")
FILTERS = ("", "json", "include Plant|secret 9", "exclude ^x", "begin key", "section crypto|key|bgp", "count Plant")


@pytest.fixture(scope="module")
def world() -> World:
    found = World("notes-phase3", change=lambda router, text: text + (PLANTED if router == "R31" else ""))
    found.configure("R31", *RULES, *ARCHIVE)
    found.do("R31", "write memory")
    found.configure("R31", *ENTERED)
    found.do("R31", "copy running-config flash:kept.cfg")
    return found


def typed(world: World, line: str, level: int) -> str:
    """What a user of this level is shown."""
    shot = OneShot(world.handle("R31"), new_session(), [line], privilege=level)
    shown = ""
    while not shot.done:
        shown += shot.step()
    return shown


def secrets(shown: str) -> list[str]:
    return re.findall(r"Plant\d\d|of two words|lFhcKv", shown)


def lines_with_a_secret(section: Section) -> Iterator[ConfigLine]:
    for statement in section.statements():
        if statement.text != statement.text_for_others:
            yield statement.line
        if statement.section is not None:
            yield from lines_with_a_secret(statement.section)


def test_here_is_a_secret_of_every_kind(world: World) -> None:
    kinds = [
        line
        for feature in FEATURES
        for line in feature.config
        if re.search(r"\{(key|password|secret):(?!\d)", line.syntax)
    ]
    there = list(lines_with_a_secret(world.handle("R31").context(0).running))
    assert [f"{line.mode}: {line.syntax}" for line in kinds if line not in there] == []
    running = typed(world, "show running-config", 15)
    planted = {f"Plant{number:02}" for number in (*range(1, 29), 30, 31)} - {"Plant02"}
    assert planted <= set(secrets(running)) <= planted | {"of two words", "lFhcKv"}


@pytest.mark.parametrize("command", [*CONFIGURATIONS, *WITHOUT])
@pytest.mark.parametrize("level", [1, 7, 14])
def test_below_level_15_no_filter_brings_a_secret_to_light(world: World, command: str, level: int) -> None:
    for chosen in FILTERS:
        line = f"{command} | {chosen}" if chosen else command
        shown = typed(world, line, level)
        assert "% Invalid input" not in shown, line
        assert secrets(shown.replace(line, "")) == [], line
        if chosen == "count Plant":
            assert "= 0" in shown


@pytest.mark.parametrize("command", CONFIGURATIONS)
def test_level_15_sees_all_of_it(world: World, command: str) -> None:
    assert secrets(typed(world, command, 15))
    assert "<removed>" not in typed(world, command, 15)


@pytest.mark.parametrize("command", ["show running-config", "show startup-config", "more nvram:startup-config"])
def test_below_level_15_the_other_lines_are_as_they_are(world: World, command: str) -> None:
    whole, shown = typed(world, command, 15).splitlines(), typed(world, command, 7).splitlines()
    differing = [(one, other) for one, other in zip(whole, shown, strict=True) if one != other]
    heads = [pair for pair in differing if not secrets(pair[0])]
    assert [re.sub(r"\d+", "N", one) == re.sub(r"\d+", "N", other) for one, other in heads] in ([], [True])
    assert len(differing) > 20


def test_the_data_of_a_show_has_no_secrets_either(world: World) -> None:
    lines = json.loads(typed(world, "show running-config | json", 7))["lines"]
    assert "username zoe password <removed>" in lines
    assert "tacacs-server key *******" in lines


def test_what_differs_is_found_by_the_secrets_and_shown_without_them(world: World) -> None:
    assert typed(world, "show archive config differences", 7).splitlines() == [
        "!Contextual Config Diffs:",
        "+username ann privilege 15 password 0 <removed>",
        "-username zoe password <removed>",
        "key chain SECRETS",
        " -key 2",
        "  -key-string <removed>",
        "",
    ]


@pytest.mark.parametrize(
    ("command", "doing"),
    [
        ("more flash:kept.cfg", "opening"),
        ("verify /md5 flash:kept.cfg", "verifying"),
        ("show archive config differences flash:kept.cfg", "opening"),
        ("show archive config incremental-diffs flash:kept.cfg", "opening"),
    ],
)
def test_a_file_in_flash_is_read_at_level_15_alone(world: World, command: str, doing: str) -> None:
    """It may be a configuration, or a private key."""
    assert typed(world, command, 7) == f"%Error {doing} flash:kept.cfg (Permission denied)\n"
    assert "Permission denied" not in typed(world, command, 15)


def test_a_digest_and_a_size_are_those_of_what_may_be_seen(world: World) -> None:
    for command in ("verify /md5 system:running-config", "dir nvram:startup-config"):
        assert typed(world, command, 7) != typed(world, command, 15)


#: What `clear` answers nobody sees below level 15.
SHOWS = [example(one.syntax) for one in exec_commands() if one.query is not None and not one.syntax.startswith("clear")]


def test_no_command_that_shows_something_shows_a_secret_below_level_15(world: World) -> None:
    """A new command that shows keys must ask who reads it, too."""
    for command in SHOWS:
        shown = typed(world, command, 1)
        assert "% Invalid input" not in shown, command
        assert secrets(shown) == [], command


def test_a_user_of_a_lower_level_who_rises_to_15_sees_the_keys(world: World) -> None:
    shot = OneShot(world.handle("R31"), new_session(), ["enable", "show running-config"], privilege=7)
    shown = ""
    while not shot.done:
        shown += shot.step()
    assert secrets(shown)
