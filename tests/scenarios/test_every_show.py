"""Every show that people and tools ask of a DMVPN router exists, says what is so on that router, and has JSON.

The JSON fulfills the schema that is made from the types of the show (`ios/shapes.py`), and becomes the same value
again (`ios/from_plain.py`).
"""

from __future__ import annotations

import json
from dataclasses import is_dataclass
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from dmvpn.face.language import exec_parser
from dmvpn.ios.exec_parser import Match
from dmvpn.ios.filters import Plain, to_plain
from dmvpn.ios.from_plain import reader_of
from dmvpn.ios.shapes import schema_of
from dmvpn.router.features import FEATURES
from support.shows_page import REFUSED, ROUTERS, Router
from support.world import World

if TYPE_CHECKING:
    from dmvpn.ios import ExecCommand


def _world(router: Router) -> World:
    """The scenario, when traffic has gone the direct way."""
    world = World(router.scenario).converge()
    if router.scenario == "notes-phase3":
        world.stream("H4", "10.3.3.100", seconds=2, rate=10)
    return world


@pytest.mark.parametrize("router", ROUTERS, ids=lambda router: f"{router.scenario}-{router.name}")
def test_each_says_what_is_so_in_text_and_as_data(router: Router) -> None:
    world = _world(router)
    wrong = []
    for command, says in router.shows:
        shown = world.do(router.name, command)
        if says not in shown or "% Invalid" in shown or "% Incomplete" in shown:
            wrong.append((command, says, shown))
        data = world.do(router.name, f"{command} | json")
        value = _read(data)
        if not isinstance(value, dict):
            wrong.append((command, "JSON", data))
            continue
        wrong += [(command, "schema", text) for text in _unlike_its_schema(command, value)]
        if to_plain(_read_again(command, value)) != value:
            wrong.append((command, "read again", data))
    assert wrong == []


def test_what_a_router_has_not_is_refused_in_the_words_that_tools_know() -> None:
    world = World("bgp-phase3").converge()
    for command, _ in REFUSED:
        assert "% Invalid input detected" in world.do("SPOKE1", command), command


def _read(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_no_json)
    except ValueError:
        return None


def _no_json(text: str) -> object:
    raise ValueError(f"{text} is Python, not JSON")


def _command(line: str) -> ExecCommand:
    match = exec_parser(FEATURES).match(line)
    assert isinstance(match, Match)
    return match.command


def _read_again(line: str, value: dict[str, Plain]) -> object:
    """The dataclass that a client has of the JSON."""
    again = reader_of(_command(line))(value)
    assert is_dataclass(again)
    return again


def _unlike_its_schema(line: str, value: object) -> list[str]:
    """What the value of a show has that its schema does not allow."""
    validator = Draft202012Validator(schema_of(_command(line)))
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]
