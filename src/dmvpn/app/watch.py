"""`dmvpn lab watch`: the ladder diagram of a lab in the terminal as events happen, and as a story in a file."""

from __future__ import annotations

import time
from dataclasses import field, replace
from typing import TYPE_CHECKING, Final

from dmvpn.app.interruption import Interruption
from dmvpn.app.watch_screen import Paper, Rows, Screen, width, zone
from dmvpn.base.chronicle import Sign, StateChanged, Topic, line_from_plain
from dmvpn.base.errors import UserError
from dmvpn.base.moments import read_span
from dmvpn.base.values import dataclass
from dmvpn.face.watcher import Watcher
from dmvpn.shells.lab import control
from dmvpn.shells.lab.finding import find_lab
from dmvpn.tools.watch import Assembler, Note, Step, StoryNetwork, story
from dmvpn.tools.watch.ladder import room_for
from dmvpn.tools.watch.steps import HOLD

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from dmvpn.app.told import Told
    from dmvpn.base.chronicle import ChronicleLine
    from dmvpn.face.watcher import Heard

#: Seconds between two looks for lines that have waited long enough.
_TURN: Final = 0.1
#: Up to this many routers of a lab, all are heard even if few are chosen: then the far end of an arrow has a name.
_LARGEST_CIRCLE: Final = 64
#: Steps that a story remembers.
LARGEST_STORY: Final = 20_000
_ROUTER: Final = "router"


def watch(arguments: argparse.Namespace, told: Told) -> int:
    """Show events until Ctrl-C or the end of the lab. Raises UserError."""
    folder = find_lab(arguments.lab, "dmvpn lab watch {}".format)
    since = 0 if arguments.since is None else read_span(arguments.since)
    if since is None:
        raise UserError(f"{arguments.since}: since when? 30s, 5m, 1h")
    status = control.order(folder.control, do="status")
    network = _network(folder.name, status if isinstance(status, dict) else {})
    heard = network.routers
    network = replace(
        network, routers=_chosen(arguments.only, network.routers, status, width() if not told.for_programs else None)
    )
    if len(heard) > _LARGEST_CIRCLE:
        heard = network.routers
    if arguments.save is not None:
        _check(arguments.save)
    ear, record = Ear(since, routes=arguments.routes), StoryRecord()
    sockets = {router: folder.management(router) for router in (*network.routers, *heard)}
    end = None if arguments.seconds is None else time.monotonic() + arguments.seconds
    with Interruption() as interruption:
        paper = Paper(interruption, needed=arguments.save is None)
        kind = Rows if told.for_programs else Screen
        screen = kind(network.routers, paper, ascii_only=arguments.ascii)
        try:
            screen.begin()
            with Watcher(sockets, control.end_of(folder.control), interruption.descriptor) as watcher:
                _follow(watcher, ear, end, lambda fresh: _tell(fresh, screen, record))
            _tell(ear.ripe(float("inf")), screen, record)
            if told.for_programs:
                pass
            elif interruption.asked:
                paper.say("")
            elif not watcher.lives:
                paper.say(f"lab {folder.name} has ended")
            if ear.missed and not told.for_programs:
                paper.say(f"{ear.missed} lines were missed: more happened than could be shown")
        finally:  # however this ended: a user who asked for a story gets the steps until then
            record.add([step for step, _ in screen.lines(ear.ripe(float("inf")))])
            if arguments.save is not None:
                _save(
                    arguments.save,
                    story(network, record.steps, zone(), ear.missed, record.omitted),
                    record,
                    None if told.for_programs else paper,
                )
    return 0


def _follow(watcher: Watcher, ear: Ear, end: float | None, tell: Callable[[Sequence[Step]], None]) -> None:
    """Follow until the end, of whichever kind."""
    while watcher.lives and not watcher.stopped and (end is None or time.monotonic() < end):
        # With nothing waiting, the next line wakes us; otherwise the time at which the oldest waiting line is ripe.
        patience = _TURN if ear.waits else 3600.0
        rest = patience if end is None else min(patience, end - time.monotonic())
        for news in watcher.wait(max(0.0, rest)):
            ear.hear(news)
        tell(ear.ripe(time.monotonic() - HOLD))
    if not watcher.lives:
        ear.lab_ended()


def _tell(fresh: Sequence[Step], screen: Screen, record: StoryRecord) -> None:
    """Record steps, then show them: if showing them fails, they are recorded."""
    told = screen.lines(fresh)
    record.add([step for step, _ in told])
    for _, line in told:
        screen.show(line)


def _save(path: Path, text: str, record: StoryRecord, paper: Paper | None) -> None:
    path.write_text(text, encoding="utf-8")
    if paper is None:
        return
    if record.omitted:
        paper.report(f"{record.omitted} steps are not in the story: it has the first {len(record.steps)}")
    paper.report(f"the story is in {path}")


@dataclass(slots=True)
class StoryRecord:
    """The steps of a story, up to a bound. omitted: the number of later steps."""

    steps: list[Step] = field(default_factory=list)
    omitted: int = 0

    def add(self, fresh: Sequence[Step]) -> None:
        """Add what happened next."""
        room = LARGEST_STORY - len(self.steps)
        self.steps += fresh[:room]
        self.omitted += max(0, len(fresh) - room)


def _network(lab: str, status: dict[str, control.Json]) -> StoryNetwork:
    routers, hosts, links = (status.get(name) for name in ("routers", "hosts", "links"))
    providers = status.get("providers")
    known = list(routers) if isinstance(routers, dict) else []
    kind = "simulated" if status.get("simulated") else "of real packets"
    return StoryNetwork(
        lab=lab,
        kind=f"{kind}, scenario {status.get('scenario')}",
        routers=tuple(name for name in known if not isinstance(providers, list) or name not in providers),
        hosts={name: str(address) for name, address in hosts.items()} if isinstance(hosts, dict) else {},
        links=tuple(str(link) for link in links) if isinstance(links, list) else (),
    )


def _chosen(only: str | None, speakers: tuple[str, ...], status: control.Json, columns: int | None) -> tuple[str, ...]:
    """Return the routers that get a column. Raises UserError if one is unknown, or there are too many."""
    known = status.get("routers") if isinstance(status, dict) else None
    names = list(known) if isinstance(known, dict) else list(speakers)
    chosen = speakers
    if only is not None:
        chosen = tuple(dict.fromkeys(name.strip() for name in only.split(",") if name.strip()))
        unknown = [name for name in chosen if name not in names]
        if unknown or not chosen:
            raise UserError(f"there is no {', '.join(unknown) or 'router'} in this lab; it has {', '.join(names)}")
    if columns is None:
        return chosen
    room = room_for(columns, max(map(len, chosen), default=1))
    if not room:
        raise UserError(f"{columns} columns are too few for a ladder: make the terminal wider")
    if len(chosen) > room:
        raise UserError(
            f"{len(chosen)} routers do not fit into {columns} columns, {room} would: choose with "
            f"--only {','.join(chosen[:room])}, or make the terminal wider"
        )
    return chosen


def _check(path: Path) -> None:
    """Check that the file can be written, before the user watches for an hour. Raises OSError."""
    with path.open("a"):
        pass


@dataclass(slots=True)
class Ear:
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
            self._about(heard.router, Sign.CAME, "begins again", began, arrived)
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
        raise UserError(f"{router} tells what nobody understands ({error}): restart the lab") from error
