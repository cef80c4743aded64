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

from dmvpn.base.chores import PAUSE
from dmvpn.base.context import Context, Timer
from dmvpn.base.deadlines import Deadlines
from dmvpn.base.queues import TimerQueue
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


class OneAtATime:
    """Asks for the next timer that is due, until the budget is used up."""

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

    def fire(self, now: float) -> None:
        self._now, left = now, BUDGET
        while left > 0 and (due := next(self._timers.take_due(now, 1), None)) is not None:
            self._firing.fire(self, due, now)
            left -= self._firing.plans[due].cost
        following = self._timers.next()
        if following is not None and following <= now:
            self._resting = now + PAUSE


class InBatches:
    """Fires as many of the timers that are due as the budget has, whatever they cost, and rests if it were so many."""

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

    def fire(self, now: float) -> None:
        self._now, count = now, 0
        for due in self._timers.take_due(now, BUDGET):
            self._firing.fire(self, due, now)
            count += 1
        if count == BUDGET:
            self._resting = now + PAUSE


class OfQueues:
    """The rule of a context whose timers are names in two queues, the even and the odd ones."""

    def __init__(self, firing: Firing) -> None:
        self._context = Context(PORTS)
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

    def next_deadline(self) -> float | None:
        return self._context.next_deadline()

    def fire(self, now: float) -> None:
        self._context.begin(now)
        self._context.fire(BUDGET)


class OfContext:
    """The rule of a context."""

    def __init__(self, firing: Firing) -> None:
        self._context = Context(PORTS)
        self._timers = [
            Timer("some timer", lambda at=at: firing.fire(self, at, self._context.now), at, plan.cost)  # type: ignore[misc]
            for at, plan in enumerate(firing.plans)
        ]

    def start(self, number: int, seconds: float) -> None:
        self._context.start(self._timers[number], seconds)

    def stop(self, number: int) -> None:
        self._context.stop(self._timers[number])

    def next_deadline(self) -> float | None:
        return self._context.next_deadline()

    def fire(self, now: float) -> None:
        self._context.begin(now)
        self._context.fire(BUDGET)


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
