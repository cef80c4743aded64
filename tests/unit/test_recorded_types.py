"""A recording whose fields have wrong types is refused with its line; it was a traceback."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from dmvpn.base import recording
from dmvpn.base.errors import UserError
from dmvpn.base.events import Event
from dmvpn.base.recording import RecordedEvent, load
from dmvpn.ios.shapes import hints_of
from dmvpn.tools import replaying
from dmvpn.tools.recorded_types import check_types, checks_of
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.recording import Json

#: Values of every type that JSON has, and of the objects that stand for others.
WRONG: Any = (
    *(None, True, -1, 1e300, float("nan"), 10**400, "", "\ud800", [], [1], {}, {"$": 1}),
    *(
        {"$ip": "x"},
        {"$ip": "::1"},
        {"$hex": "zz"},
        {"$hex": "00"},
        {"$prefix": "1.1.1.1/99"},
        {"$prefix": "::/0"},
        {"$tuple": [None]},
        {"$tuple": 1},
    ),
    *({"$enum": "Flag.NONE"}, {"$enum": "Enum.x"}, {"$Tick": {}}, {"$Tick": 1}, {"$EnteredLine": {"text": 1}}),
    *({"$Event": {}, "$Tick": {}}, {"$tuple": [{"$tuple": [[]]}]}),
)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """One line for each kind of event in the life of a network, and the two other kinds of lines."""
    found: dict[str, str] = {}
    for name in ("isakmp-phase3", "nat-overload"):
        written: list[str] = []
        world = World(name, seed=3, record=written.append).converge()
        world.configure(next(iter(world.scenario.configurations)), "ip nhrp holdtime 600", "end")
        for line in "".join(written).splitlines():
            loaded = load(line)
            if isinstance(loaded, RecordedEvent):
                check_types(loaded.event)  # every line of a real recording has its types
            found.setdefault(json.loads(line).get("event", type(loaded).__name__), line)
    assert len(found) > 12
    return list(found.values())


def mutants(value: Json) -> Iterator[Json]:
    """Every value with one thing in it replaced by something else, or taken away."""
    yield from WRONG
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {other: one for other, one in value.items() if other != key}
            yield {("x" if other == key else other): one for other, one in value.items()}
            for mutant in mutants(inner):
                yield {**value, key: mutant}
    elif isinstance(value, list):
        for place, inner in enumerate(value[:3]):
            yield value[:place] + value[place + 1 :]
            for mutant in mutants(inner):
                changed = copy.copy(value)
                changed[place] = mutant
                yield changed


@pytest.mark.lengthy
def test_nothing_but_an_error_with_its_line_leaves_the_decoder(lines: list[str]) -> None:
    refused: list[str] = []
    for line in lines:
        for mutant in mutants(json.loads(line)):
            try:
                replaying.loaded(json.dumps(mutant), "FILE:7")
            except UserError as error:
                refused.append(str(error))
    assert len(refused) > 1000
    assert all(text.startswith("FILE:7: ") and "\n" not in text for text in refused)


def test_a_field_of_a_wrong_type_is_named_with_its_line(lines: list[str]) -> None:
    chosen = next(json.loads(line) for line in lines if '"IpReceived"' in line)
    chosen["fields"]["ttl"] = "64"
    text = [json.dumps({"router": chosen["router"], "begins": True}), json.dumps(chosen)]
    with pytest.raises(UserError, match=r"^file:2: IpReceived: ttl cannot be '64'$"):
        replaying.live_again(text, name="file")


@pytest.mark.parametrize("offset", ["1e300", "1e999", "9" * 400, "NaN"])
def test_no_clock_is_set_beyond_the_calendar(offset: str) -> None:
    """The film and the replay of such a recording ended in a traceback."""
    line = '{"router":"R1","t":1,"event":"ClockSet","fields":{"offset":OFFSET}}'.replace("OFFSET", offset)
    with pytest.raises(UserError, match="ClockSet: offset cannot be"):
        replaying.loaded(line, "FILE:7")


@pytest.mark.parametrize("kind", sorted(recording.named(Event).values(), key=str))
def test_the_fields_of_every_event_have_types_that_are_checked(kind: type) -> None:
    assert len(checks_of(kind)) == len(hints_of(kind))


@pytest.mark.parametrize("time", ["true", "NaN", '"1"', "1e999", "1e300", "9" * 400, "null"])
def test_a_time_is_a_number_of_seconds(time: str) -> None:
    with pytest.raises(UserError, match="not a line of a recording"):
        load('{"router":"R1","t":TIME,"event":"Tick","fields":{}}'.replace("TIME", time))
