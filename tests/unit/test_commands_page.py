"""The reference of all commands is made from the grammar, and each of its examples is what it says."""

from __future__ import annotations

import pytest

from dmvpn.face.language import exec_parser
from dmvpn.ios import ConfigSession, ConfigTree
from dmvpn.ios.exec_parser import Match
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from support.commands_page import config_lines, example, exec_commands

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
