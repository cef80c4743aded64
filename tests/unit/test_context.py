"""A machine's context: effects leave in order and with their event, and crowds of timers fire in slices."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.chores import PAUSE
from dmvpn.base.context import Context, Timer
from dmvpn.base.notices import DebugOutput
from support.fakes import fake_ports

if TYPE_CHECKING:
    from collections.abc import Iterator


def lines(context: Context) -> list[str]:
    """What the event at hand prints."""
    return [line for result in context.take() if isinstance(result, DebugOutput) for line in result.lines]


def test_what_an_event_leaves_that_raised_an_error_does_not_leave_with_the_next_one() -> None:
    context = Context(fake_ports())
    context.begin(1.0)
    context.debug("half of an adjacency")
    context.begin(2.0)  # the machine raised an error, and nobody took what it had emitted
    context.debug("whole")
    assert lines(context) == ["whole"]


def test_a_timer_that_an_earlier_one_stops_does_not_fire() -> None:
    context, fired = Context(fake_ports()), list[str]()
    late = Timer("some timer", lambda: fired.append("late"))

    def stop_the_other() -> None:
        fired.append("early")
        context.stop(late)

    context.start(Timer("some timer", stop_the_other), 1.0)
    context.start(late, 1.0)
    context.begin(1.0)
    context.fire(8)
    assert fired == ["early"]


def test_a_timer_that_sets_itself_again_at_once_leaves_the_others_their_turn() -> None:
    context, fired = Context(fake_ports()), list[str]()

    def again() -> None:
        fired.append("eager")
        context.start(eager, 0.0)

    eager = Timer("some timer", again)
    context.start(eager, 1.0)
    context.start(Timer("some timer", lambda: fired.append("other")), 1.0)
    context.begin(1.0)
    context.fire(8)
    assert fired == ["eager", "other"]
    assert context.next_deadline() == 1.0 + PAUSE


def test_timers_that_cost_more_are_fewer_in_one_event() -> None:
    context, fired = Context(fake_ports()), list[int]()
    for number in range(8):
        context.start(Timer("some timer", lambda number=number: fired.append(number), cost=16), 1.0)  # type: ignore[misc]
    context.begin(1.0)
    context.fire(32)
    assert fired == [0, 1]
    context.begin(1.0 + PAUSE)
    context.fire(32)
    assert fired == [0, 1, 2, 3]


def test_long_work_is_done_in_pieces_of_as_many_steps_as_the_machine_says() -> None:
    context, done = Context(fake_ports(), steps=3), list[int]()

    def work() -> Iterator[None]:
        for number in range(8):
            done.append(number)
            yield

    context.begin(1.0)
    context.work(work())
    pieces = [len(done)]
    while (due := context.next_deadline()) is not None:
        context.begin(due)
        context.fire(8)
        pieces.append(len(done))
    assert pieces == [3, 6, 8]


def test_long_work_that_raises_an_error_holds_up_no_other() -> None:
    context, done = Context(fake_ports()), list[str]()

    def work(name: str, pieces: int) -> Iterator[None]:
        for _ in range(pieces):
            yield
        done.append(name)
        raise ZeroDivisionError

    context.begin(1.0)
    for name, pieces in (("early", 0), ("late", 2), ("last", 0)):
        with suppress(ZeroDivisionError):
            context.work(work(name, pieces))
    while (due := context.next_deadline()) is not None:
        context.begin(due)
        with suppress(ZeroDivisionError):
            context.fire(8)
    assert done == ["early", "late", "last"]


def test_work_of_one_owner_is_dropped_and_that_of_others_goes_on() -> None:
    context, done = Context(fake_ports(), steps=1), list[str]()

    def steps(name: str) -> Iterator[None]:
        for _ in range(2):
            done.append(name)
            yield

    first, second = object(), object()
    context.begin(1.0)
    context.work(steps("first"), first)
    context.work(steps("second"), second)
    context.drop_work(first)
    assert context.waiting == 1
    for number in range(4):
        context.begin(2.0 + number)
        context.fire(8)
    assert done == ["first", "second", "second"]
    assert context.next_deadline() is None


def test_work_may_drop_itself() -> None:
    context = Context(fake_ports(), steps=8)

    def ends() -> Iterator[None]:
        context.drop_work(context)
        yield

    context.begin(1.0)
    context.work(ends(), context)
    assert context.waiting == 0


def test_a_queue_that_is_due_is_not_put_off_by_events_that_come_faster_than_the_pause() -> None:
    context, fired = Context(fake_ports()), list[float]()
    timer = Timer("some timer", lambda: fired.append(context.now))
    context.begin(1.0)
    context.arm(timer, 2.0)
    assert context.next_deadline() == 2.0
    for now in (2.0, 2.0 + PAUSE / 2):  # packets, before the clock's turn comes
        context.begin(now)
        context.arm(timer, 2.0)
        assert context.next_deadline() == 2.0
    context.begin(2.0 + PAUSE)
    context.fire(8)
    for now in (2.0 + PAUSE, 2.0 + 1.5 * PAUSE):
        context.begin(now)
        context.arm(timer, 2.0)  # the rest of the crowd
        assert context.next_deadline() == 2.0 + PAUSE + PAUSE
    context.arm(timer, None)
    assert context.next_deadline() is None
    assert fired == [2.0 + PAUSE]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 20)), max_size=12), st.integers(1, 40))
def test_every_timer_fires_once_and_in_order_whatever_the_budget(timers: list[tuple[int, int]], budget: int) -> None:
    context, fired = Context(fake_ports()), list[tuple[int, int]]()
    for number, (when, cost) in enumerate(timers):
        at = when, number
        context.start(Timer("some timer", lambda at=at: fired.append(at), cost=cost), float(when))  # type: ignore[misc]
    while (due := context.next_deadline()) is not None:
        context.begin(due)
        context.fire(budget)
    assert fired == sorted((when, number) for number, (when, _) in enumerate(timers))


def test_long_work_is_not_put_off_by_more_of_it_that_comes_faster_than_the_pause() -> None:
    context, done = Context(fake_ports()), list[int]()

    def steps() -> Iterator[None]:
        for number in range(3):
            done.append(number)
            yield

    context.begin(1.0)
    context.work(steps())
    for number in range(1, 21):
        now = 1.0 + number * PAUSE / 2
        due = context.next_deadline()
        if due is not None and due <= now:
            context.begin(now)
            context.fire(8)
        context.begin(now)
        context.work(iter(()))
    assert done == [0, 1, 2]
