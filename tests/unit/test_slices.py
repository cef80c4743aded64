"""What users do, in slices: nothing holds the loop for longer than one, and nothing is lost when somebody goes."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from dmvpn.base.breath import BrokenOff, aside, at_home, breathe, breathing, gulping, in_one_go
from dmvpn.shells.slices import Slices
from support.breaths import Breaths


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
