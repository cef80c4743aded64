"""A table that remembers: what it was at any time is what it was, or it says that it has forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.journal import Journal

CHANGES = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.none() | st.integers(0, 2)), min_size=1, max_size=40
)


def lived(changes: list[tuple[int, str, int | None]], limit: int) -> tuple[Journal[str, int], list[dict[str, int]]]:
    """A journal of these changes (seconds since the last one, key, value), and the table after each second."""
    journal: Journal[str, int] = Journal(limit)
    tables: list[dict[str, int]] = [{}]
    for pause, key, value in changes:
        tables += [dict(tables[-1]) for _ in range(pause)]
        journal.note(key, value, float(len(tables) - 1))
        if value is None:
            tables[-1].pop(key, None)
        else:
            tables[-1][key] = value
    return journal, tables


@given(CHANGES)
def test_every_earlier_state_is_found_again(changes: list[tuple[int, str, int | None]]) -> None:
    journal, tables = lived(changes, limit=100)
    assert journal.oldest is None
    assert [journal.at(time + 0.5) for time in range(len(tables))] == tables


@given(CHANGES, st.integers(1, 10))
def test_what_is_forgotten_is_said_and_nothing_else_is(changes: list[tuple[int, str, int | None]], limit: int) -> None:
    journal, tables = lived(changes, limit)
    for time, table in enumerate(tables):
        if journal.oldest is None or time >= journal.oldest:
            assert journal.at(time) == table


def test_the_number_of_changes_is_bounded() -> None:
    journal: Journal[str, int] = Journal(3)
    for time in range(10):
        journal.note("a", time, float(time))
    assert journal.oldest == 6.0
    assert [journal.at(time) for time in (6.0, 7.5, 9.0)] == [{"a": 6}, {"a": 7}, {"a": 9}]


def test_an_entry_that_is_what_it_was_is_no_change() -> None:
    journal: Journal[str, int] = Journal(1)
    assert journal.note("a", 1, 1.0) is None
    assert journal.note("a", 1, 2.0) == 1
    assert journal.note("a", 2, 3.0) == 1
    assert journal.oldest == 1.0


def test_a_correction_holds_for_as_long_as_the_entry_is_what_it_is() -> None:
    journal: Journal[str, int] = Journal()
    journal.note("a", 1, 1.0)
    journal.correct("a", 5)
    journal.note("a", 2, 3.0)
    assert [journal.at(time).get("a") for time in (0.5, 1.5, 3.5)] == [None, 5, 2]
