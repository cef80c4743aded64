"""Deadlines and failed orders by name under one timer of a context: nothing is due early, late or twice."""

from __future__ import annotations

import weakref

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.chores import PAUSE
from dmvpn.base.context import Context, Timer
from dmvpn.base.errors import surely
from dmvpn.base.queues import TimerQueue
from dmvpn.base.reasons import Reason, ReasonCode
from dmvpn.base.retries import Retries
from support.fakes import fake_ports


class Wrong(ReasonCode):
    BUSY = "the host is busy"


class _Order:
    """An order of its own."""


def event(context: Context, now: float) -> None:
    context.begin(now)
    context.fire(64)


def run(context: Context, until: float = 1e6) -> list[float]:
    """Let time pass; the moments at which a timer fired."""
    moments = []
    while (due := context.next_deadline()) is not None and due <= until:
        event(context, due)
        moments.append(due)
    return moments


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcde"), st.integers(1, 9).map(float)), max_size=40))
def test_each_name_is_due_at_the_time_that_was_set_last(orders: list[tuple[bool, str, float]]) -> None:
    context, due, wanted = Context(fake_ports()), list[tuple[float, str]](), dict[str, float]()
    queue = TimerQueue[str](context, "expire", lambda name: due.append((context.now, name)), most=8)
    context.begin(0.0)
    for is_set, name, when in orders:
        if is_set:
            queue.set(name, when)
            wanted[name] = when
        else:
            queue.cancel(name)
            wanted.pop(name, None)
    assert context.next_deadline() == min(wanted.values(), default=None)
    run(context)
    assert sorted(due) == sorted((when, name) for name, when in wanted.items())
    assert [when for when, _ in due] == sorted(wanted.values())


def test_a_crowd_is_due_in_slices_with_a_pause_in_between() -> None:
    context, due = Context(fake_ports()), list[int]()
    queue = TimerQueue[int](context, "expire", due.append, most=3)
    for name in range(8):
        queue.set(name, 1.0)
    assert run(context) == [1.0, 1.0 + PAUSE, 1.0 + PAUSE + PAUSE]
    assert due == [*range(8)]


def test_two_crowds_share_the_budget_of_an_event() -> None:
    context, due = Context(fake_ports()), list[str]()
    for kind in "ab":
        queue = TimerQueue[int](context, "expire", lambda _, kind=kind: due.append(kind), most=64)  # type: ignore[misc]
        for name in range(64):
            queue.set(name, 1.0)
    event(context, 1.0)
    assert due == ["a"] * 64


def test_what_an_earlier_name_cancels_is_not_due() -> None:
    context, due = Context(fake_ports()), list[str]()

    def expire(name: str) -> None:
        due.append(name)
        queue.cancel("behind")

    queue = TimerQueue[str](context, "expire", expire, most=8)
    queue.set("peer", 1.0)
    queue.set("behind", 1.0)
    queue.set("other", 1.0)
    run(context)
    assert due == ["peer", "other"]


def test_a_name_that_is_set_for_now_is_due_in_the_next_event() -> None:
    context, due = Context(fake_ports()), list[str]()
    queue = TimerQueue[str](context, "expire", due.append, most=8)
    context.begin(1.0)
    queue.set("peer", 1.0)
    assert run(context) == [1.0]
    assert due == ["peer"]


def test_a_name_that_its_own_turn_sets_for_a_time_that_is_past_leaves_the_others_their_turn() -> None:
    context, due = Context(fake_ports()), list[str]()

    def act(name: str) -> None:
        due.append(name)
        if name == "late":
            queue.set("late", 0.5)

    queue = TimerQueue[str](context, "expire", act, most=8)
    other = Timer("expire", lambda: due.append("timer"))
    queue.set("late", 0.5)
    queue.set("other", 1.0)
    context.start(other, 1.0)
    event(context, 1.0)
    assert due == ["late", "other", "timer"]
    event(context, 1.0 + PAUSE)
    assert due == ["late", "other", "timer", "late"]


def test_an_order_that_fails_is_given_again_ever_more_rarely() -> None:
    context, given_at = Context(fake_ports()), list[float]()

    def again(name: str) -> None:
        given_at.append(context.now)
        if len(given_at) < 4:
            retries.failed(name, Reason(Wrong.BUSY, since=context.now))

    retries = Retries[str](context, "expire", again, most=8)
    context.begin(0.0)
    retries.failed("adjacency", Reason(Wrong.BUSY, since=0.0))
    assert retries.reason("adjacency") is not None
    run(context)
    assert given_at == [1.0, 3.0, 7.0, 15.0]
    assert retries.reason("adjacency") is None, "it has not failed again"


def test_an_order_that_succeeded_leaves_nothing_behind() -> None:
    """Each adjacency that the host had refused once stayed in memory for as long as the router ran."""
    context = Context(fake_ports())
    retries = Retries[_Order](context, "expire", lambda _: None, most=8)
    context.begin(0.0)
    left: list[weakref.ref[_Order]] = []
    for _ in range(20):
        order: _Order | None = _Order()
        left.append(weakref.ref(surely(order)))
        retries.failed(surely(order), Reason(Wrong.BUSY, since=0.0))
    order = None
    run(context)
    assert [each for each in left if each() is not None] == []


def test_an_order_that_fails_long_after_it_succeeded_is_given_again_soon() -> None:
    context, given_at = Context(fake_ports()), list[float]()
    retries = Retries[str](context, "expire", lambda _: given_at.append(context.now), most=8)
    for moment in (0.0, 1000.0):
        context.begin(moment)
        retries.failed("adjacency", Reason(Wrong.BUSY, since=moment))
        run(context, moment + 900.0)
    assert given_at == [1.0, 1001.0]


def test_an_order_that_was_replaced_is_not_given_again() -> None:
    context, ordered = Context(fake_ports()), list[str]()
    retries = Retries[str](context, "expire", ordered.append, most=8)
    for name in ("adjacency", "route"):
        retries.failed(name, Reason(Wrong.BUSY, since=0.0))
    retries.forget("adjacency")
    run(context)
    assert ordered == ["route"]


def test_orders_that_failed_together_are_given_again_in_slices() -> None:
    context, ordered = Context(fake_ports()), list[int]()
    retries = Retries[int](context, "expire", ordered.append, most=3)
    for name in range(8):
        retries.failed(name, Reason(Wrong.BUSY, since=0.0))
    assert run(context, until=10.0) == [1.0, 1.0 + PAUSE, 1.0 + PAUSE + PAUSE]
    assert ordered == [*range(8)]
