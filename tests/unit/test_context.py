"""What users do, in slices: nothing holds the loop for longer than one, and nothing is lost when somebody goes."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.breath import BrokenOff, aside, at_home, breathe, breathing, gulping, in_one_go
from dmvpn.base.context import PAUSE, Context, Deadlines, Machine, Retries, Timer, TimerQueue
from dmvpn.base.errors import surely
from dmvpn.base.events import Tick
from dmvpn.base.notices import DebugOutput, Route, RouteChanged, RouteOffered, RouteSource
from dmvpn.base.reasons import Reason, ReasonCode
from dmvpn.features.bgp.machine import ECHO, BgpMachine
from dmvpn.router.dispatch import Dispatch
from dmvpn.router.features import FEATURES
from dmvpn.shells.slices import Slices
from support.fakes import fake_ports
from support.routing import Caller, hub, p
from support.work import Breaths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event
    from dmvpn.base.notices import Notice


class Loop:
    """Counts the rounds of the loop."""

    def __init__(self) -> None:
        self.rounds = 0
        self._task = asyncio.ensure_future(self._count())

    async def _count(self) -> None:
        while True:
            self.rounds += 1
            await asyncio.sleep(0)

    def stop(self) -> None:
        self._task.cancel()


def test_the_loop_goes_on_between_two_breaths_of_work() -> None:
    async def main() -> None:
        loop, slices, seen = Loop(), Slices(length=0.0), list[int]()

        def work() -> str:
            for _ in breathing(range(50)):
                seen.append(loop.rounds)
            return "done"

        assert await slices.run(work) == "done"
        assert seen == sorted(set(seen))
        slices.close()
        loop.stop()

    asyncio.run(main())


def test_between_two_slices_what_there_is_can_be_sent() -> None:
    async def main() -> None:
        made, sent, slices = list[int](), list[int](), Slices(length=0.0)

        async def send() -> None:
            sent.append(len(made))

        await slices.run(lambda: made.extend(breathing(range(5))), send)
        assert sent == [1, 2, 3, 4, 5, 5]
        slices.close()

    asyncio.run(main())


def test_users_take_turns_slice_by_slice() -> None:
    async def main() -> None:
        order: list[str] = []

        def of(name: str) -> None:
            for _ in range(10):
                order.append(name)
                breathe()

        users = [Slices(length=0.0) for _ in range(3)]
        await asyncio.gather(*(user.run(partial(of, name)) for user, name in zip(users, "abc", strict=True)))
        assert "".join(order) == "abc" * 10
        for user in users:
            user.close()

    asyncio.run(main())


def test_only_the_thread_of_the_loop_does_what_is_done_at_home() -> None:
    async def main() -> None:
        slices = Slices()
        here = threading.get_ident()
        assert await slices.run(lambda: (at_home(threading.get_ident), threading.get_ident() != here)) == (here, True)
        with pytest.raises(ZeroDivisionError):
            await slices.run(lambda: at_home(lambda: 1 // 0))
        slices.close()

    asyncio.run(main())


def test_what_is_done_in_one_go_does_at_home_what_belongs_there() -> None:
    """A file merged while others kept configuring was handed to the router by a thread that has no loop."""

    async def main() -> None:
        loop, slices = Loop(), Slices(length=0.0)

        def work() -> tuple[bool, int]:
            began = loop.rounds
            breathe()
            where = at_home(threading.get_ident)
            assert [*breathing(range(5))] == [*range(5)]
            return where == aside(lambda: here), loop.rounds - began

        here = threading.get_ident()
        assert await slices.run(lambda: in_one_go(work)) == (True, 0)
        slices.close()
        loop.stop()

    asyncio.run(main())


def test_the_loop_goes_on_while_something_is_done_aside() -> None:
    async def main() -> None:
        slices, wanted = Slices(), threading.Event()

        running = asyncio.ensure_future(slices.run(lambda: aside(lambda: wanted.wait(30.0))))
        await asyncio.sleep(0)
        wanted.set()
        assert await running
        slices.close()

    asyncio.run(main())


def test_what_is_done_aside_may_breathe() -> None:
    async def main() -> None:
        slices = Slices(length=0.0)
        assert await slices.run(lambda: aside(lambda: [*breathing(range(50))])) == [*range(50)]
        slices.close()

    asyncio.run(main())


def test_work_that_is_broken_off_ends_at_its_next_breath() -> None:
    async def main() -> None:
        slices, made = Slices(length=0.0), list[int]()

        async def break_off() -> None:
            if len(made) == 3:
                slices.break_off()

        with pytest.raises(BrokenOff):
            await slices.run(lambda: made.extend(breathing(range(100))), break_off)
        assert made == [0, 1, 2]
        assert await slices.run(lambda: [*breathing(range(3))]) == [0, 1, 2]
        slices.close()

    asyncio.run(main())


@pytest.mark.parametrize("is_aside", [False, True])
def test_work_that_nobody_waits_for_any_more_ends_and_its_thread_too(*, is_aside: bool) -> None:
    async def main() -> None:
        slices, threads, go = Slices(length=0.0), list[threading.Thread](), threading.Event()

        def work() -> None:
            threads.append(threading.current_thread())
            while True:
                aside(lambda: go.wait(30.0)) if is_aside else breathe()

        running = asyncio.ensure_future(slices.run(work))
        for _ in range(5):
            await asyncio.sleep(0)
        running.cancel()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.to_thread(threads[0].join, 30.0)
        assert not threads[0].is_alive()

    asyncio.run(main())


def test_what_work_raises_is_raised_where_somebody_waits() -> None:
    async def main() -> None:
        slices = Slices()
        with pytest.raises(ZeroDivisionError):
            await slices.run(lambda: 1 // 0)
        slices.close()

    asyncio.run(main())


def test_where_nobody_waits_breathing_does_nothing() -> None:
    breathe()
    assert list(breathing(range(3))) == [0, 1, 2]
    assert aside(lambda: 1) == at_home(lambda: 1) == 1


def test_breaths_come_between_the_steps() -> None:
    with Breaths() as breaths:
        assert list(breathing(range(3))) == [0, 1, 2]
    assert breaths.count == 3


def test_quick_items_share_a_breath_and_none_is_lost() -> None:
    with Breaths() as breaths:
        assert list(gulping(range(100))) == list(range(100))
    assert breaths.count == 7
    assert list(gulping(iter(range(40)))) == list(range(40))
    with Breaths(last=2), pytest.raises(BrokenOff):
        list(gulping(range(100)))


# A machine's context: effects leave in order and with their event, and crowds of timers fire in slices.


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


def test_a_timer_that_is_set_again_leaves_the_timers_of_other_machines_alone() -> None:
    one, other = Deadlines[str](), Deadlines[str]()
    one.set("a", 1.0)
    one.set("a", 2.0)
    assert other.next() is None
    other.set("b", 3.0)
    assert (one.pop_due(5.0), other.pop_due(5.0)) == (["a"], ["b"])


# Deadlines and failed orders by name under one timer of a context: nothing is due early, late or twice.


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
    retries.forget_order("adjacency")
    run(context)
    assert ordered == ["route"]


def test_orders_that_failed_together_are_given_again_in_slices() -> None:
    context, ordered = Context(fake_ports()), list[int]()
    retries = Retries[int](context, "expire", ordered.append, most=3)
    for name in range(8):
        retries.failed(name, Reason(Wrong.BUSY, since=0.0))
    assert run(context, until=10.0) == [1.0, 1.0 + PAUSE, 1.0 + PAUSE + PAUSE]
    assert ordered == [*range(8)]


# All machines are one kind: one way through an event, one rule for timers, and nothing left of a failed event.

#: EIGRP notes a repeated Hello before it begins an event; NHRP adds what changed for the chronicle behind an event; the
#: chronicle keeps a line of NHRP, which sets no timer, without beginning an event.
AROUND: Final = ("ChronicleMachine.handle", "EigrpMachine.handle", "NhrpMachine.handle")

MACHINES: Final = {
    feature.name: type(feature.machine(fake_ports())) for feature in FEATURES if feature.machine is not None
}


def test_each_machine_goes_one_way_through_an_event() -> None:
    assert [name for name, kind in MACHINES.items() if not issubclass(kind, Machine)] == []


def test_no_machine_has_another_rule_for_events_and_timers() -> None:
    kinds = dict.fromkeys(each for kind in MACHINES.values() for each in kind.__mro__ if each is not Machine)
    ours = [kind for kind in kinds if issubclass(kind, Machine)]
    found = [f"{kind.__name__}.{name}" for kind in ours for name in ("handle", "next_deadline") if name in vars(kind)]
    assert sorted(found) == sorted(AROUND)


_HALF: Final = DebugOutput(("half of what the event does",))


def fail(self: Machine, event: Event | Notice) -> None:
    self._context.emit(_HALF)
    raise ZeroDivisionError


@pytest.mark.parametrize("name", MACHINES)
def test_effects_of_an_event_that_raised_do_not_leave_with_the_next_one(name: str) -> None:
    machine: Machine = type("Failing", (MACHINES[name],), {"dispatch": fail})(fake_ports())
    with pytest.raises(ZeroDivisionError):
        machine.handle(_HALF, 1.0)
    assert _HALF not in machine.handle(Tick(), 2.0)


def test_routes_of_an_update_are_installed_at_once_behind_a_route_that_raised_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """BGP took the update for an echo of its own routes in the routing table, and put the routes off."""

    def fail_to_look(*_: object) -> None:
        raise ZeroDivisionError

    bench = hub()
    caller = Caller(bench, 2).is_up()
    machine = bench.machine(BgpMachine)
    static = Route(prefix=p("10.9.0.0/24"), source=RouteSource.STATIC, distance=1)
    with monkeypatch.context() as failing:
        failing.setattr(machine.ipv4.routes, "route_changed", fail_to_look)
        with pytest.raises(ZeroDivisionError):
            machine.handle(RouteChanged(static.prefix, None, static), bench.now)
    caller.announces(*(f"20.0.{number}.0/24" for number in range(2 * ECHO)))
    assert len([notice for notice in bench.notices if isinstance(notice, RouteOffered)]) == 2 * ECHO


class _Taker(Machine):
    """Notes how it was handed routes."""

    subscriptions = (RouteChanged,)

    def __init__(self, *, in_crowds: bool) -> None:
        super().__init__(Context(fake_ports()))
        self.crowds = (RouteChanged,) if in_crowds else ()  # type: ignore[misc]
        self.handed: list[int] = []

    def handle_crowd(self, notices: Iterable[Notice], now: float) -> list[Effect | Notice]:
        self.handed.append(len(list(notices)))
        return []

    def dispatch(self, event: Event | Notice) -> None:
        self.handed.append(1)


@pytest.mark.parametrize(("all_in_crowds", "handed"), [(True, [3]), (False, [1, 1, 1])])
def test_notices_come_in_a_crowd_only_if_all_takers_allow_it(all_in_crowds: bool, handed: list[int]) -> None:
    """Otherwise the effects of one machine would overtake those of another one about an earlier notice."""
    takers = {"one": _Taker(in_crowds=True), "two": _Taker(in_crowds=all_in_crowds)}
    dispatch = Dispatch(takers, takers)
    route = Route(prefix=p("10.9.0.0/24"), source=RouteSource.STATIC, distance=1)
    notices: deque[Notice] = deque(RouteChanged(route.prefix, None, route) for _ in range(3))
    dispatch.settle([], notices, 1.0)
    assert [taker.handed for taker in takers.values()] == [handed, handed]
