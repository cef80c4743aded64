"""The page about IKE and IPsec names every line and every command of theirs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dmvpn.face.language import exec_parser
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

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
    assert [(problem.is_warning, "not acted upon" in problem.message_lines[0]) for problem in result.problems] == [
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
