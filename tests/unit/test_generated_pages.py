"""Pages of the documentation, and other generated files, say what the code says: nothing on them is old or left out."""

from __future__ import annotations

import argparse
import base64
import re
import runpy
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import argument_parser
from dmvpn.face.language import exec_parser
from dmvpn.ios import ConfigSession, ConfigTree
from dmvpn.ios.exec_parser import Match
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.web.exported import as_comparison, as_page
from support import client_types, interop_page, releases_page, states_page
from support.commands_page import config_lines, example, exec_commands
from support.conformance import DONE, STANDARDS, STATUSES, UNPROVED, Standard, page, proofs, requirements, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

    from support.states_page import Machine


@pytest.mark.parametrize(
    "made", [client_types, interop_page, releases_page, states_page], ids=lambda module: module.__name__
)
def test_a_page_is_the_one_that_its_source_makes(made: ModuleType) -> None:
    assert made.PAGE.read_text("utf-8") == made.page(), f"it is old: python -m {made.__name__} (from the folder tests)"


# The page about IKE and IPsec names every line and every command of theirs.

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "crypto.md"
#: What an argument, a choice or an option begins with.
_ARGUMENT = re.compile(r" ?[\[({].*")


def lines() -> set[str]:
    """The keywords with which each configuration line begins, behind a blank for each mode that it stands in."""
    found: set[str] = set()
    for feature in FEATURES:
        if feature.name in ("ike", "ipsec", "pki"):
            found |= {_ARGUMENT.sub("", line.syntax) for line in feature.config}
    return found - {""}


def test_every_configuration_line_is_on_the_page() -> None:
    page = PAGE.read_text()
    assert sorted(line for line in lines() if not re.search(rf"` *{re.escape(line)}\b", page)) == []


@pytest.mark.parametrize(
    "typed",
    [
        "crypto ikev2 window 10",
        "crypto ikev2 keyring RING\n peer A\n  hostname a.example.net",
    ],
)
def test_a_line_that_changes_nothing_is_kept_and_says_so(typed: str) -> None:
    result = configurator(FEATURES).parse_text(typed)
    assert [(problem.is_warning, "without effect" in problem.message_lines[0]) for problem in result.problems] == [
        (True, True)
    ]
    assert [line for line in result.tree.render() if line.strip() != "!"] == typed.split("\n")


def test_every_command_is_on_the_page() -> None:
    page = PAGE.read_text().replace("\\|", "|")
    commands = {_ARGUMENT.sub("", str(command.syntax)) for command in exec_parser(FEATURES).commands}
    ours = [command for command in commands if re.match(r"(show|clear) crypto (?!pki)", command)]
    assert len(ours) > 12
    for command in ours:
        *before, last = command.split()
        start = re.escape(" ".join(before))
        assert re.search(rf"`{start}[^`]*\b{re.escape(last)}\b", page), command


def test_lines_of_real_routers_that_mean_nothing_here_are_kept_as_typed() -> None:
    text = (
        "crypto keyring RING\n description of old\n!\n"
        "crypto ikev2 profile P\n no config-exchange request\n!\n"
        "no crypto ikev2 http-url cert\n"
        "crypto isakmp aggressive-mode disable\n!\n"
        "crypto ipsec profile P\n set mixed-mode\n!\n"
    )
    result = configurator(FEATURES).parse_text(text)
    assert result.problems == ()
    assert result.tree.render() == text.splitlines()


# The page about the outer commands names every command and every option, and no other; dmvpn(1) has the commands.

ROOT = Path(__file__).parents[2]
OUTER_PAGE = ROOT / "docs" / "reference" / "outer-commands.md"
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+")


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The command itself and what is below it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from commands(below)


def options(parser: argparse.ArgumentParser) -> set[str]:
    return {word for action in parser._actions for word in action.option_strings if word.startswith("--")}


def test_every_outer_command_is_on_its_page() -> None:
    page = OUTER_PAGE.read_text()
    last = [command for command in commands(argument_parser()) if command._subparsers is None]
    assert [command.prog for command in last if f"`{command.prog}" not in page] == []


def test_every_option_is_on_the_page_and_no_other() -> None:
    known = {option for command in commands(argument_parser()) for option in options(command)}
    assert set(OPTION.findall(OUTER_PAGE.read_text())) == known


def test_the_man_page_is_made_and_has_every_command() -> None:
    """The package for Debian could not be built: nothing else made its man page."""
    page = "\n".join(runpy.run_path(str(ROOT / "scripts" / "man-page.py"))["lines"]()).replace("\\-", "-")
    assert [command.prog for command in commands(argument_parser()) if f".B {command.prog}" not in page] == []


# The conformance pages say what the tests say: nothing on them is old, unproved or made up.


@pytest.mark.lengthy
@pytest.mark.parametrize("standard", STANDARDS, ids=lambda standard: standard.title)
def test_the_conformance_page_is_the_one_that_the_tests_make(standard: Standard) -> None:
    """If this fails: `python -m support.conformance` in the folder tests."""
    assert standard.page.read_text() == page(standard)


def test_every_requirement_has_a_test_unless_it_is_not_done_or_does_not_apply() -> None:
    proved = {name for proof in proofs() for name in proof.ids}
    missing = [row.id for row in requirements().values() if row.status not in UNPROVED and row.id not in proved]
    assert missing == []


def test_every_mark_names_a_requirement_and_none_that_does_not_apply() -> None:
    known = requirements()
    unknown = {name: proof.name for proof in proofs() for name in proof.ids if name not in known}
    assert unknown == {}
    assert [n for proof in proofs() for n in proof.ids if known[n].status in UNPROVED] == []


def test_every_requirement_is_listed_once_and_a_difference_says_why() -> None:
    assert [name for name, count in Counter(row.id for row in rows()).items() if count > 1] == []
    for row in rows():
        assert row.status in STATUSES, row.id
        assert bool(row.why) == (row.status != DONE), row.id
        assert "|" not in row.what + row.why, row.id


def test_what_carries_a_mark_is_a_test() -> None:
    """A mark on a helper, or on a story that is only the begin of others, proves nothing: nobody runs it."""
    named = {proof.name: "(" if proof.path.endswith(".txt") else "test_" for proof in proofs()}
    assert [name for name, begin in named.items() if name.startswith(begin) != (begin == "test_")] == []


def test_no_test_is_marked_twice_for_the_same() -> None:
    assert [proof.name for proof in proofs() if len(set(proof.ids)) != len(proof.ids)] == []


# The reference of all commands is made from the grammar, and each of its examples is what it says.

_PRIVILEGED = 15


def test_every_example_of_the_prompt_is_understood() -> None:
    parser = exec_parser(FEATURES)
    wrong = [
        text
        for text in map(example, (one.syntax for one in exec_commands()))
        if not isinstance(parser.match(text, _PRIVILEGED), Match)
    ]
    assert wrong == []


@pytest.mark.parametrize("mode", config_lines())
def test_every_example_of_a_mode_is_understood(mode: str) -> None:
    openers = {line.opens: line for lines in config_lines().values() for line in lines if line.opens is not None}
    wrong = []
    for line in config_lines()[mode]:
        way: list[str] = []
        at = mode
        while at != "global":
            way.insert(0, example(openers[at].syntax))
            at = openers[at].mode
        session = ConfigSession(configurator(FEATURES), ConfigTree())
        # Address families of routing protocols are of a VRF that there is.
        is_routing = bool(way) and way[0].startswith("router ")
        for one in (*(("vrf definition NAME", "address-family ipv4") if is_routing else ()), *way):
            assert not session.enter(one).refused, way
        result = session.enter(example(line.syntax))
        if any("Invalid input" in said or "Incomplete" in said for said in result.output_lines):
            wrong.append((way, example(line.syntax), result.output_lines))
    assert wrong == []


# Pages in one file: they have all their modules inside.


@pytest.mark.parametrize("made", [as_page, as_comparison])
def test_a_page_in_a_file_imports_nothing_from_a_server(made: Callable[[Mapping[str, object]], str]) -> None:
    """A module with an underscore in its name was left out, and no film began."""
    found = re.findall(r"data:text/javascript;base64,([\w+/=]+)", made({}))
    modules = [base64.b64decode(text).decode() for text in found]
    assert len(modules) > 5
    assert not [module for module in modules if re.search(r'^import [^(]*"\./', module, re.MULTILINE)]


# The tables of the state machines leave no state out.


@pytest.mark.parametrize("machine", states_page.MACHINES, ids=lambda machine: machine.title)
def test_every_state_is_reached_from_the_first_one(machine: Machine) -> None:
    reached = {machine.begin}
    while True:
        after = {state for (before, _), state in machine.moves.items() if before in reached} | reached
        if after == reached:
            break
        reached = after
    assert reached == set(type(machine.begin).__members__.values())


@pytest.mark.parametrize("machine", states_page.MACHINES, ids=lambda machine: machine.title)
def test_every_move_can_happen_in_some_state(machine: Machine) -> None:
    (kind,) = {type(move) for _, move in machine.moves}
    assert {move for _, move in machine.moves} == set(kind.__members__.values())


# The interoperability page: nothing on it is unshown or made up.


def test_every_story_has_a_test_unless_it_follows_from_another() -> None:
    told = {name for proof in interop_page.shown() for name in proof.ids}
    assert [row.id for row in interop_page.stories().values() if (row.id in told) is row.untested] == []


def test_every_mark_names_a_story() -> None:
    known = interop_page.stories()
    assert {name: proof.name for proof in interop_page.shown() for name in proof.ids if name not in known} == {}


def test_every_story_is_told_once_and_one_that_does_not_end_well_says_why() -> None:
    rows = [row for table in interop_page.tables() for row in table.rows]
    assert [name for name, count in Counter(row.id for row in rows).items() if count > 1] == []
    for row in rows:
        assert row.result in interop_page.RESULTS, row.id
        assert row.why or row.result == interop_page.WORKS, row.id
        assert "|" not in row.peer + row.ours + row.what + row.why, row.id
