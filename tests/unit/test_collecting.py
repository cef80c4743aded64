"""The garbage collector of a router: short collections, and nothing is lost for good."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.events import EnteredLine, LinesEntered
from dmvpn.shells.runtime import collecting
from dmvpn.shells.runtime.collecting import in_pieces
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from support.work import circles, uncollected

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Nothing of this stays for other tests."""
    yield
    gc.unfreeze()


@pytest.mark.lengthy
def test_no_collection_looks_at_more_than_came_since_the_last_one() -> None:
    """A router with 100,000 routes was deaf for 0.3 s whenever everything was looked through."""
    looked_at: list[int] = []

    def watch(phase: str, what: dict[str, int]) -> None:
        if phase == "start":
            looked_at.append(sum(len(gc.get_objects(one)) for one in range(what["generation"] + 1)))

    async def run() -> list[list[int]]:
        with in_pieces():
            gc.callbacks.append(watch)
            try:
                return [[number] for number in range(400_000)]
            finally:
                gc.callbacks.remove(watch)

    kept = asyncio.run(run())
    first, second, third = collecting.THRESHOLDS
    assert len(kept) == 400_000
    assert len(looked_at) > 100
    assert max(looked_at) < 2 * first * (second + 1) * (third + 2)


def _is_over(child: int) -> bool:
    """Return whether a child of ours has ended; whoever waits for it finds it still."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _grown_beside(garbage: int, monkeypatch: pytest.MonkeyPatch) -> tuple[bool, list[int]]:
    """Grow beside so much garbage that was set aside, for as long as a copy of the process may look at it.

    Returns whether the garbage is gone, and how many objects each collection of the process itself looked at.
    """

    class Watched:
        gone = False

        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            Watched.gone = True

    looked_at: list[int] = []
    copies: list[int] = []
    fork = os.fork

    def forked() -> int:
        child = fork()
        copies.append(child)
        return child

    async def run() -> None:
        with in_pieces():
            one = Watched()
            circles: list[list[object]] = [[] for _ in range(garbage)]
            for circle in circles:
                circle.append(circle)
            gc.collect()
            del one, circle, circles
            kept: list[list[int]] = []
            gc.callbacks.append(lambda phase, what: looked_at.append(what["collected"]) if phase == "stop" else None)
            while not (copies and _is_over(copies[0])):
                kept += [[number] for number in range(0 if copies else 10_000)]
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.01)  # it was heard before
            kept += [[number] for number in range(100_000)]
            gc.callbacks.pop()

    monkeypatch.setattr(collecting, "SLACK", 10_000)
    monkeypatch.setattr(collecting, "WORTH", 1_000)
    monkeypatch.setattr(os, "fork", forked)
    asyncio.run(run())
    return Watched.gone, looked_at


@pytest.mark.lengthy
def test_circles_that_were_set_aside_are_found_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    is_gone, collected = _grown_beside(2_000, monkeypatch)
    assert is_gone
    assert max(collected) >= 2_000


@pytest.mark.lengthy
def test_a_router_that_grows_looks_at_everything_only_if_a_copy_of_it_found_much_garbage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With 100,000 routes from two neighbors a router was deaf for 0.8 s, and there was nothing to collect."""
    is_gone, _ = _grown_beside(10, monkeypatch)
    assert not is_gone


@pytest.mark.lengthy
def test_what_a_router_closes_while_a_copy_of_it_looks_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy had all sockets of the router, so neighbors of BGP heard of an end only when it had looked through all."""
    router = os.getpid()
    copies: list[int] = []
    fork = os.fork

    class Slow:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            while os.getpid() != router:
                signal.pause()

    def forked() -> int:
        copies.append(fork())
        return copies[-1]

    async def run() -> bytes:
        ours, theirs = socket.socketpair()
        with theirs, in_pieces():
            slow = Slow()
            gc.collect()
            del slow
            kept: list[list[int]] = []
            while not copies:
                kept += [[number] for number in range(10_000)]
                await asyncio.sleep(0)
            ours.close()
            theirs.settimeout(10.0)
            return theirs.recv(1)

    monkeypatch.setattr(collecting, "SLACK", 10_000)
    monkeypatch.setattr(os, "fork", forked)
    assert asyncio.run(run()) == b""


@pytest.mark.lengthy
def test_machines_leave_nothing_to_the_collector() -> None:
    """Neighbors that come and go leave no circles of references: they would be kept for a long time."""
    network = Simulator.of(Scenario.load("bgp-phase3"))
    network.run_for(60.0)
    with uncollected():
        for line in ("shutdown", "no shutdown") * 2:
            network.post("HUB", LinesEntered((EnteredLine(("interface Tunnel0",), line),)))
            network.run_for(100.0)
        assert circles() == []
