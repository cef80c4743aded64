"""What `dmvpn lab watch` makes of what routers say: when they went, and when they began again."""

from __future__ import annotations

import time

import pytest

from dmvpn.base.chronicle import ChronicleLine, Sign, StateChanged, Topic, line_to_plain
from dmvpn.base.errors import UserError
from dmvpn.face.messages import News
from dmvpn.face.watcher import Heard
from dmvpn.labs.watching import Ear, StoryRecord
from dmvpn.tools.watch import Note, Step

MAPPING = StateChanged(topic=Topic.MAPPING, sign=Sign.CAME, subject="10.4.4.0/24")
ROUTE = StateChanged(topic=Topic.ROUTE, sign=Sign.CAME, subject="10.4.4.0/24")


def news(now: float, *lines: ChronicleLine, begins: bool = False) -> Heard:
    """R41 says something at this time."""
    return Heard("R41", News(lines=tuple(map(line_to_plain, lines)), now=now, begins=begins))


def told(*heard: Heard, since: int = 0, routes: bool = False) -> list[Step]:
    """The steps."""
    ear = Ear(since, routes=routes)
    for one in heard:
        ear.hear(one)
    return ear.ripe(float("inf"))


def test_a_router_goes_by_the_clock_of_its_lab() -> None:
    """Seen: after `dmvpn lab clock +2h` a router that was killed had gone two hours ago."""
    (gone,) = told(news(time.time() + 7200, begins=True), Heard("R41", None))
    assert isinstance(gone, Note)
    assert (gone.sign, gone.text) == (Sign.WENT, "gone")
    assert gone.time > time.time() + 7000


def test_a_router_begins_again_before_it_does_anything() -> None:
    """Seen: the restart came after all that the router had done since."""
    steps = told(news(100.0, begins=True), news(200.5, ChronicleLine(1, 200.0, MAPPING), begins=True))
    assert [(step.time, step.kind, step.text) for step in steps if isinstance(step, Note)] == [
        (200.0, "router", "restarted"),
        (200.0, "mapping", ""),
    ]


def test_what_was_before_is_told_as_far_as_it_is_wanted() -> None:
    heard = news(
        100.0,
        ChronicleLine(1, 50.0, MAPPING),
        ChronicleLine(2, 95.0, MAPPING),
        ChronicleLine(3, 96.0, ROUTE),
        begins=True,
    )
    assert [step.time for step in told(heard)] == []
    assert [step.time for step in told(heard, since=10)] == [95.0]
    assert [step.time for step in told(heard, since=60, routes=True)] == [50.0, 95.0, 96.0]


def test_a_story_counts_what_it_has_no_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dmvpn.labs.watching.LARGEST_STORY", 3)
    steps = told(
        news(200.0, *(ChronicleLine(number, 100.0 + number, MAPPING) for number in range(5)), begins=True), since=200
    )
    record = StoryRecord()
    for one in (steps[:2], steps[2:4], steps[4:]):
        record.add(one)
    assert (record.steps, record.omitted) == (steps[:3], 2)


def test_a_router_of_another_version_is_no_riddle() -> None:
    with pytest.raises(UserError, match=r"R41 sends lines that cannot be read .*: restart the lab"):
        told(Heard("R41", News(lines=({"number": 1},), now=1.0)))
