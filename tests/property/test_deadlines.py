"""The rule of firing of a context, compared with a rule that asks for the next timer that is due until its budget is
used up: BGP had that one.

Both fire the same timers in the same order. They differ in timers that a firing timer sets for now: the other rule
fires them in the same event while its budget lasts, a context in the next event, a `PAUSE` later.

NHRP had a third rule: up to so many of those that are due, and a rest whenever it were so many. A timer that a firing
timer sets for now had an event of its own, without a `PAUSE`. NHRP's names are in a `TimerQueue` now: those of one
queue fire together when the first of them has its turn.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.chronicle import Journal
from dmvpn.base.context import PAUSE, Context, Deadlines, Timer, TimerQueue, earliest
from support.fakes import fake_ports

BUDGET = 4
PORTS = fake_ports()


class Plan(NamedTuple):
    """A timer: when it is due, its cost, which timers it stops, and which it sets after how many seconds."""

    when: int
    cost: int
    stops: tuple[int, ...]
    sets: tuple[tuple[int, int], ...]


class Rule(Protocol):
    """A way to fire timers."""

    def start(self, number: int, seconds: float) -> None: ...
    def stop(self, number: int) -> None: ...
    def next_deadline(self) -> float | None: ...
    def fire(self, now: float) -> None: ...


class Firing:
    """What a firing timer does, and a record of which fired when."""

    def __init__(self, plans: list[Plan]) -> None:
        self.plans = plans
        self.fired: list[tuple[int, float]] = []
        self._sets = [list(plan.sets) for plan in plans]

    def fire(self, rule: Rule, number: int, now: float) -> None:
        self.fired.append((number, now))
        for other in self.plans[number].stops:
            rule.stop(other)
        sets, self._sets[number] = self._sets[number], []  # once: timers that set each other would never end
        for other, seconds in sets:
            rule.start(other, seconds)


class Resting:
    """Timers of one kind; after a budget of them it rests."""

    def __init__(self, firing: Firing) -> None:
        self._firing = firing
        self._timers: Deadlines[int] = Deadlines()
        self._now = self._resting = 0.0

    def start(self, number: int, seconds: float) -> None:
        self._timers.set(number, self._now + seconds)

    def stop(self, number: int) -> None:
        self._timers.cancel(number)

    def next_deadline(self) -> float | None:
        due = self._timers.next()
        return None if due is None else max(due, self._resting)


class OneAtATime(Resting):
    """Asks for the next timer that is due, until the budget is used up."""

    def fire(self, now: float) -> None:
        self._now, left = now, BUDGET
        while left > 0 and (due := next(self._timers.take_due(now, 1), None)) is not None:
            self._firing.fire(self, due, now)
            left -= self._firing.plans[due].cost
        following = self._timers.next()
        if following is not None and following <= now:
            self._resting = now + PAUSE


class InBatches(Resting):
    """Fires as many of the timers that are due as the budget has, whatever they cost, and rests if it were so many."""

    def fire(self, now: float) -> None:
        self._now, count = now, 0
        for due in self._timers.take_due(now, BUDGET):
            self._firing.fire(self, due, now)
            count += 1
        if count == BUDGET:
            self._resting = now + PAUSE


class OfContexts:
    """A context with timers."""

    def __init__(self) -> None:
        self._context = Context(PORTS)

    def next_deadline(self) -> float | None:
        return self._context.next_deadline()

    def fire(self, now: float) -> None:
        self._context.begin(now)
        self._context.fire(BUDGET)


class OfQueues(OfContexts):
    """The rule of a context whose timers are names in two queues, the even and the odd ones."""

    def __init__(self, firing: Firing) -> None:
        super().__init__()
        self._queues = [
            TimerQueue[int](
                self._context, "some timer", lambda at: firing.fire(self, at, self._context.now), most=BUDGET
            )
            for _ in range(2)
        ]

    def start(self, number: int, seconds: float) -> None:
        self._queues[number % 2].set(number, self._context.now + seconds)

    def stop(self, number: int) -> None:
        self._queues[number % 2].cancel(number)


class OfContext(OfContexts):
    """The rule of a context."""

    def __init__(self, firing: Firing) -> None:
        super().__init__()
        self._timers = [
            Timer("some timer", lambda at=at: firing.fire(self, at, self._context.now), at, plan.cost)  # type: ignore[misc]
            for at, plan in enumerate(firing.plans)
        ]

    def start(self, number: int, seconds: float) -> None:
        self._context.start(self._timers[number], seconds)

    def stop(self, number: int) -> None:
        self._context.stop(self._timers[number])


def fired(plans: list[Plan], rule: type[OneAtATime | InBatches | OfQueues | OfContext]) -> list[tuple[int, float]]:
    """Which timers fire, in order, and when."""
    firing = Firing(plans)
    timers: Rule = rule(firing)
    for number, plan in enumerate(plans):
        timers.start(number, float(plan.when))
    while (due := timers.next_deadline()) is not None:
        timers.fire(due)
    return firing.fired


_MOST = 8
numbers = st.integers(0, _MOST - 1)


def crowds(least_pause: int) -> st.SearchStrategy[list[Plan]]:
    """Timers of which many are due at once, and which stop and set each other."""
    sets = st.tuples(numbers, st.integers(least_pause, 2))
    plans = st.builds(
        Plan,
        when=st.integers(0, 2),
        cost=st.integers(1, 3),
        stops=st.lists(numbers, max_size=2).map(tuple),
        sets=st.lists(sets, max_size=2).map(tuple),
    )
    return st.lists(plans, min_size=_MOST, max_size=_MOST)


@given(crowds(least_pause=1))
def test_coincident_timers_fire_alike_by_both_rules_if_none_is_set_for_now(plans: list[Plan]) -> None:
    assert fired(plans, OfContext) == fired(plans, OneAtATime)


def leaves(plans: list[Plan]) -> list[Plan]:
    """The same timers; each sets for now, if at all, some of as many others that do nothing and are not stopped."""
    count = len(plans)
    acting = [
        plan._replace(sets=tuple((at if pause else at + count, pause) for at, pause in plan.sets)) for plan in plans
    ]
    return [*acting, *(Plan(100, 1, (), ()) for _ in plans)]


@given(crowds(least_pause=0).map(leaves))
def test_a_timer_that_is_set_for_now_fires_in_the_same_order_and_a_pause_later(plans: list[Plan]) -> None:
    mine, other = fired(plans, OfContext), fired(plans, OneAtATime)
    assert [number for number, _ in mine] == [number for number, _ in other]
    assert all(before <= now <= before + 2 * PAUSE for (_, now), (_, before) in zip(mine, other, strict=True))


def test_a_timer_that_is_set_for_now_waits_for_the_next_event() -> None:
    plans = [Plan(1, 1, (), ((1, 0),)), Plan(5, 1, (), ())]
    assert fired(plans, OneAtATime) == [(0, 1.0), (1, 1.0)]
    assert fired(plans, OfContext) == [(0, 1.0), (1, 1.0 + PAUSE)]


def of_one_cost(plans: list[Plan]) -> list[Plan]:
    """The same timers, as those of NHRP are."""
    return [plan._replace(cost=1) for plan in plans]


@given(crowds(least_pause=1).map(of_one_cost))
def test_coincident_timers_fire_alike_in_batches_if_none_is_set_for_now(plans: list[Plan]) -> None:
    assert fired(plans, OfContext) == fired(plans, InBatches)


@given(crowds(least_pause=0).map(of_one_cost).map(leaves))
def test_of_batches_a_timer_that_is_set_for_now_fires_up_to_two_pauses_later(plans: list[Plan]) -> None:
    mine, other = dict(fired(plans, OfContext)), dict(fired(plans, InBatches))
    assert mine.keys() == other.keys()
    assert all(abs(mine[number] - other[number]) <= 3 * PAUSE for number in mine)


def test_of_batches_a_timer_that_is_set_for_now_fires_at_the_same_moment() -> None:
    plans = [Plan(1, 1, (), ((1, 0),)), Plan(5, 1, (), ())]
    assert fired(plans, InBatches) == [(0, 1.0), (1, 1.0)]
    assert fired(plans, OfContext) == [(0, 1.0), (1, 1.0 + PAUSE)]


@given(st.lists(st.integers(0, 3), max_size=3 * BUDGET))
def test_names_of_a_queue_fire_in_their_order_and_all_names_of_a_crowd_in_as_many_events(times: list[int]) -> None:
    plans = [Plan(when, 1, (), ()) for when in times]
    mine, other = fired(plans, OfQueues), fired(plans, InBatches)
    for parity in range(2):
        assert [at for at, _ in mine if at % 2 == parity] == [at for at, _ in other if at % 2 == parity]
    assert all(abs(now - dict(mine)[at]) <= 3 * PAUSE for at, now in other)


# A table that remembers: what it was at any time is what it was, or it says that it has forgotten.

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


# Named timers are due as a plain table of names and times says, whatever is set, moved, canceled and taken.

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
