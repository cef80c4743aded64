"""The value of a show in pieces: the same JSON as `| json`, and the router goes on between two rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.breath import BREATH
from dmvpn.base.values import dataclass
from dmvpn.face.asking import PIECE, Asking
from dmvpn.face.handle import new_session
from dmvpn.face.interpreter import Interpreter
from dmvpn.face.messages import MAX_LINE, Answer
from dmvpn.face.protocol import encode
from dmvpn.ios import Args, ExecCommand, Feature, ShowContext, json_lines, json_text
from support.fake_router import FakeRouter

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
ROWS = 5000


@dataclass(frozen=True, slots=True)
class Row:
    """A row with a text that JSON has to escape."""

    number: int
    text: str
    inner: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A long table."""

    rows: tuple[Row, ...]


def table(_: ShowContext, __: Args) -> Table:
    """Return it."""
    return Table(tuple(Row(number, '"\\ä' * 20) for number in range(ROWS)))


TABLES = Feature(name="tables", commands=(ExecCommand("show table", "A long table", query=table),))


class Counter:
    """A breath that counts."""

    def __init__(self) -> None:
        self.pauses = 0

    def pause(self) -> None:
        self.pauses += 1

    def aside(self, work: Callable[[], T]) -> T:
        return work()

    def at_home(self, work: Callable[[], T]) -> T:
        return work()


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        1.5,
        'a\n"b',
        [],
        {},
        (),
        ((),),
        {"a": {"b": []}},
        Row(1, "ä"),
        Row(1, "", (1, 2)),
        Table((Row(1, "a"), Row(2, "b", (3,)))),
        Table(()),
        {Prefix.parse("10.0.0.0/8"): (b"\x00", {1, 2})},
    ],
)
def test_it_is_the_json_of_the_show(value: object) -> None:
    assert json.loads("".join(json_text(value))) == json.loads("\n".join(json_lines(value)))


def test_a_long_table_comes_in_pieces_that_fit_a_message() -> None:
    router = FakeRouter()
    router.features = (*router.features, TABLES)
    asking = Asking(lambda: Interpreter(router, new_session()).ask("show table"))
    pieces = list(iter(asking.step, ""))
    assert len(json.loads("".join(pieces))["rows"]) == ROWS
    assert len(pieces) > 1
    assert max(map(len, pieces)) < 2 * PIECE
    assert all(len(encode(Answer(piece))) < MAX_LINE for piece in pieces)
    assert asking.step() == ""


def test_the_router_goes_on_between_two_rows() -> None:
    router = FakeRouter()
    router.features = (*router.features, TABLES)
    asking = Asking(lambda: Interpreter(router, new_session()).ask("show table"))
    breath = Counter()
    token = BREATH.set(breath)
    try:
        for _ in iter(asking.step, ""):
            pass
    finally:
        BREATH.reset(token)
    assert breath.pauses >= ROWS
