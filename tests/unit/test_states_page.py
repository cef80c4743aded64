"""The pictures of the state machines are those of their tables, and the tables leave no state out."""

from __future__ import annotations

import pytest

from support.states_page import MACHINES, PAGE, Machine, page


def test_the_page_is_as_the_tables_say() -> None:
    assert PAGE.read_text("utf-8") == page(), "run in tests/: python -m support.states_page"


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.title)
def test_every_state_is_reached_from_the_first_one(machine: Machine) -> None:
    reached = {machine.begin}
    while True:
        after = {state for (before, _), state in machine.moves.items() if before in reached} | reached
        if after == reached:
            break
        reached = after
    assert reached == set(type(machine.begin).__members__.values())


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.title)
def test_every_move_can_happen_in_some_state(machine: Machine) -> None:
    (kind,) = {type(move) for _, move in machine.moves}
    assert {move for _, move in machine.moves} == set(kind.__members__.values())
