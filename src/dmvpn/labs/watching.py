"""What routers of a lab say to each other, as the steps of a ladder: from the news of their chronicles.

with Watcher(...) as watcher:                 (face/watcher)
    for steps in follow(watcher, ear, end): ...
rest = ear.ripe(float("inf"))
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Final

from dmvpn.base.chronicle import ChronicleLine, Sign, StateChanged, Topic, line_from_plain
from dmvpn.base.errors import UserError
from dmvpn.base.values import Mutable
from dmvpn.face.watcher import Heard, Watcher
from dmvpn.labs.orders import LabStatus
from dmvpn.tools.watch import Assembler, Note, Step, StoryNetwork
from dmvpn.tools.watch.steps import HOLD

#: Seconds between two looks for lines that have waited long enough.
_TURN: Final = 0.1
#: Seconds to wait while no line waits: the next line ends the wait.
_LONG: Final = 3600.0
#: Steps that a story remembers.
LARGEST_STORY: Final = 20_000
_ROUTER: Final = "router"


def network_of(lab: str, status: LabStatus) -> StoryNetwork:
    """Return what a story says about its lab: all routers, except providers."""
    kind = "simulated" if status.simulated else "of real packets"
    return StoryNetwork(
        lab=lab,
        kind=f"{kind}, scenario {status.scenario}",
        routers=tuple(name for name in status.routers if name not in status.providers),
        hosts=dict(status.hosts),
        links=status.links,
    )


def follow(watcher: Watcher, ear: Ear, end: float | None) -> Iterator[list[Step]]:
    """Yield the steps that are complete, until all routers have ended, the watcher is stopped, or the time is over.

    end: on the monotonic clock; None: no end. A list of steps may be empty. Raises UserError.
    """
    while watcher.lives and not watcher.stopped and (end is None or time.monotonic() < end):
        # With nothing waiting, the next line wakes us; otherwise the time at which the oldest waiting line is ripe.
        patience = _TURN if ear.waits else _LONG
        rest = patience if end is None else min(patience, end - time.monotonic())
        for news in watcher.wait(max(0.0, rest)):
            ear.hear(news)
        yield ear.ripe(time.monotonic() - HOLD)
    if not watcher.lives:
        ear.lab_ended()


class StoryRecord(Mutable):
    """The steps of a story, up to a bound. omitted: the number of later steps."""

    steps: list[Step] = field(default_factory=list)
    omitted: int = 0

    def add(self, fresh: Sequence[Step]) -> None:
        """Add what happened next."""
        room = LARGEST_STORY - len(self.steps)
        self.steps += fresh[:room]
        self.omitted += max(0, len(fresh) - room)


class Ear(Mutable):
    """Collects the news of routers. since: seconds before the start that are shown, too. missed: lines that were lost.

    ahead: seconds by which the lab's clock is ahead of this machine's (`dmvpn lab clock`).
    """

    since: int
    routes: bool
    missed: int = 0
    _ahead: float = 0.0
    _assembler: Assembler = field(default_factory=Assembler)
    _earliest: dict[str, float] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """True while lines wait."""
        return self._assembler.waits

    def hear(self, heard: Heard) -> None:
        """Hear news of a router, or its end."""
        news, arrived = heard.news, time.monotonic()
        if news is None:
            self._about(heard.router, Sign.WENT, "gone", time.time() + self._ahead, arrived)
            return
        self._ahead = news.now - time.time()
        self.missed += news.missed
        if news.addresses:
            self._assembler.knows(heard.router, news.addresses)
        lines = [_line(heard.router, plain) for plain in news.lines]
        if heard.router not in self._earliest:
            self._earliest[heard.router] = news.now - self.since
        elif news.begins:
            began = min([news.now, *(line.time for line in lines)])
            self._about(heard.router, Sign.CAME, "restarted", began, arrived)
        for line in lines:
            if line.time >= self._earliest[heard.router] and self._is_wanted(line.what):
                self._assembler.add(heard.router, line, arrived)

    def ripe(self, arrived_before: float) -> list[Step]:
        """Return the steps that are complete and can be shown."""
        return self._assembler.take(arrived_before)

    def lab_ended(self) -> None:
        """Note that the lab ends: that all routers went is no news then."""
        self._assembler.drop_notes(_ROUTER)

    def _about(self, router: str, sign: Sign, text: str, when: float, arrived: float) -> None:
        note = Note(time=when, router=router, sign=sign, kind=_ROUTER, subject=router, text=text)
        self._assembler.add_note(note, arrived)

    def _is_wanted(self, what: object) -> bool:
        if not isinstance(what, StateChanged):
            return True
        configured = what.topic is Topic.CONFIGURATION or (what.topic is Topic.INTERFACE and what.sign is Sign.CAME)
        return not configured and (self.routes or what.topic is not Topic.ROUTE)


def _line(router: str, plain: Mapping[str, object]) -> ChronicleLine:
    try:
        return line_from_plain(plain)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{router} sends lines that cannot be read ({error}): restart the lab") from error
