"""Named timers are due as a plain table of names and times says, whatever is set, moved, canceled and taken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.deadlines import Deadlines, earliest

names = st.sampled_from("abcde")
times = st.integers(0, 9).map(float)
steps = st.one_of(
    st.tuples(st.just("set"), names, times),
    st.tuples(st.just("cancel"), names, st.just(0.0)),
    st.tuples(st.just("take"), st.just(""), times),
)


@given(st.lists(steps, max_size=120))
def test_timers_are_due_as_a_plain_table_says(orders: list[tuple[str, str, float]]) -> None:
    deadlines: Deadlines[str] = Deadlines()
    table: dict[str, tuple[float, int]] = {}
    for serial, (order, name, time) in enumerate(orders):
        if order == "set":
            deadlines.set(name, time)
            table[name] = (time, serial)
        elif order == "cancel":
            deadlines.cancel(name)
            table.pop(name, None)
        else:
            due = sorted((name for name in table if table[name][0] <= time), key=lambda name: table[name])
            assert deadlines.pop_due(time) == due
            for name in due:
                del table[name]
        assert deadlines.next() == min((when for when, _ in table.values()), default=None)
        assert [deadlines.when(name) for name in "abcde"] == [table.get(name, (None,))[0] for name in "abcde"]


@given(st.lists(st.tuples(names, times), max_size=20), st.lists(st.tuples(names, st.booleans()), max_size=9))
def test_what_is_canceled_or_moved_before_its_turn_is_not_taken(
    timers: list[tuple[str, float]], changes: list[tuple[str, bool]]
) -> None:
    deadlines: Deadlines[str] = Deadlines()
    for name, time in timers:
        deadlines.set(name, time)
    left, wanted = dict.fromkeys("abcde"), list(changes)
    for name in deadlines.take_due(9.0, 3):
        assert left.pop(name, name) is None, "it was taken, canceled or moved"
        if wanted:
            other, is_moved = wanted.pop()
            left.pop(other, None)
            deadlines.cancel(other)
            if is_moved:
                deadlines.set(other, 20.0)
    assert all(deadlines.when(name) != 20.0 for name in left)
    for name in deadlines.pop_due(30.0):
        assert deadlines.when(name) is None
    assert deadlines.next() is None


@given(st.lists(st.none() | times, max_size=4))
def test_the_earliest_of_several_times_is_never_only_if_all_are(several: list[float | None]) -> None:
    assert earliest(*several) == min((when for when in several if when is not None), default=None)
