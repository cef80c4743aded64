"""The runtime: an effect that fails comes back to the router, and a fault of ours does not end it."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from typing import TYPE_CHECKING, cast

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import ClearRoute, Effect, SetRoute
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ClockSet, EffectFailed, Event, Tick
from dmvpn.dataplane.contract import EffectError
from dmvpn.shells.runtime import runtime as module
from dmvpn.shells.runtime.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from dmvpn.dataplane.userspace.plane import MakeEngine
    from dmvpn.router.router import Router

ORDER = ClearRoute(Prefix.parse("10.0.0.0/8"))


class RefusingPlane:
    """A plane that can do nothing."""

    def __init__(self, *arguments: object, **settings: object) -> None:
        pass

    def execute(self, effect: Effect) -> None:
        raise EffectError(effect, 1, "not permitted")

    def together(self) -> nullcontext[None]:
        return nullcontext()

    def execute_routes(self, orders: list[SetRoute | ClearRoute]) -> list[EffectError]:
        return [EffectError(order, 1, "not permitted") for order in orders]

    def close(self) -> None:
        pass


class Life:
    """A router that does as the test says, and remembers what it was told."""

    def __init__(self, course: Callable[[Event], list[Effect]]) -> None:
        self.course = course
        self.told: list[Event] = []

    def handle(self, event: Event, now: float) -> list[Effect]:
        self.told.append(event)
        return self.course(event)

    def next_deadline(self) -> float | None:
        return None


def live(
    monkeypatch: pytest.MonkeyPatch, folder: Path, course: Callable[[Event], list[Effect]], *events: Event
) -> list[Event]:
    """What a router of this course is told when these events are posted."""
    monkeypatch.setattr(module, "UserspacePlane", RefusingPlane)
    life = Life(course)

    async def run() -> None:
        runtime = Runtime(
            "R1",
            SeededEntropy(1),
            cast("MakeEngine", None),
            interfaces={},
            manage=True,
            storage=folder,
            recording=folder / "life.jsonl",
        )
        runtime.router = cast("Router", life)
        for event in events:
            runtime.post(event)
        runtime.close()

    asyncio.run(run())
    return life.told


def test_a_recording_whose_router_was_killed_goes_on_with_the_next_life(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The half line of the dead router and the first line of the next one were one line, which no reader understood."""
    recording = tmp_path / "life.jsonl"
    live(monkeypatch, tmp_path, lambda _: [], ClockSet(0.0))
    whole = recording.read_text()
    recording.write_text(whole + '{"router": "R')
    live(monkeypatch, tmp_path, lambda _: [], ClockSet(0.0))
    lines = recording.read_text().splitlines()
    assert len(lines) == 2 * len(whole.splitlines())
    assert all(json.loads(line) for line in lines)


def test_an_effect_that_fails_comes_back_with_its_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def course(event: Event) -> list[Effect]:
        return [ORDER] if isinstance(event, ClockSet) else []

    assert live(monkeypatch, tmp_path, course, ClockSet(0.0)) == [
        ClockSet(0.0),
        EffectFailed(ORDER, 1, "not permitted"),
    ]


def test_after_a_fault_of_ours_the_router_goes_on_and_the_record_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def course(event: Event) -> list[Effect]:
        if isinstance(event, ClockSet):
            raise RuntimeError("our own")
        return []

    assert live(monkeypatch, tmp_path, course, ClockSet(0.0), Tick()) == [ClockSet(0.0), Tick()]
    event = "ClockSet(offset=0.0, authoritative=False)"
    assert f"internal fault while handling {event}: RuntimeError: our own; report it" in caplog.text
    lines = [json.loads(line) for line in (tmp_path / "life.jsonl").read_text().splitlines()]
    assert [line.get("did", line.get("event")) for line in lines][1:4] == ["ClockSet", "fault", "Tick"]
