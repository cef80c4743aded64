"""`dmvpn lab watch`: the ladder diagram of a lab in the terminal as events happen, and as a story in a file.

The ladder is shown on a terminal, or in a file or pipe in its place. Ctrl-C, SIGTERM and SIGHUP are an orderly end,
since the command has something to save:

    with Interruption() as interruption:
        ...                                 code that waits also waits for `interruption.descriptor`
        with interruption.may_tear():       code that may block forever, and may be left in the middle
            print(...)                      Interrupted

Everywhere else a signal is only noted, so that no step is left half done. Ignored signals stay ignored, as `nohup`
intends.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import shutil
import signal
import sys
import time
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Final, Self

from dmvpn.base.errors import UserError
from dmvpn.base.moments import read_span
from dmvpn.face.watcher import Watcher
from dmvpn.labs import orders
from dmvpn.labs.films import lab_picture
from dmvpn.labs.watching import Ear, StoryRecord, follow, network_of
from dmvpn.shells.lab import control
from dmvpn.shells.lab.places import find_lab
from dmvpn.tools.picture import Picture, as_moving
from dmvpn.tools.watch import Ladder, Look, Note, Step, story
from dmvpn.tools.watch.ladder import room_for

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from types import FrameType

    from dmvpn.app.lab_words import Printer
    from dmvpn.labs.orders import LabStatus

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

#: Seconds that a line waits for its reader after an interruption.
_MOMENT: Final = 1.0
#: Lines after which the header is repeated.
_PAGE: Final = 30
#: The errors of writing without a reader: a closed pipe, a terminal that hung up.
_NOBODY: Final = (errno.EPIPE, errno.EIO)

#: Up to this many routers of a lab, all are heard even if few are chosen: then the far end of an arrow has a name.
_LARGEST_CIRCLE: Final = 64


# ------------------------------------------------------------------------------------------------ an orderly end


class Interrupted(Exception):
    """A signal arrived inside `may_tear`."""


class Interruption:
    """See the module's docstring. asked: a signal has come. descriptor: can be read from then on."""

    def __init__(self) -> None:
        self.asked = False
        self._tears = False
        self.descriptor, self._word = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._restore = contextlib.ExitStack()

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN:
                signal.signal(number, self._take)
                self._restore.callback(signal.signal, number, signal.SIG_DFL if before is None else before)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore.close()
        os.close(self.descriptor)
        os.close(self._word)

    @contextlib.contextmanager
    def may_tear(self) -> Iterator[None]:
        """Allow Ctrl-C to raise Interrupted at any point of the block."""
        self._tears = True
        try:
            yield
        finally:
            self._tears = False

    def _take(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        with contextlib.suppress(BlockingIOError):  # so many have come that the pipe is full
            os.write(self._word, b"!")
        if self._tears:
            raise Interrupted


# ------------------------------------------------------------------------------------------------ the screen


def width() -> int | None:
    """Return columns that a line may have.

    None: no limit, since the output is not a terminal and COLUMNS is not set.
    """
    said = os.environ.get("COLUMNS", "")
    if sys.stdout.isatty() or (said.isdecimal() and int(said)):
        return shutil.get_terminal_size().columns
    return None


def zone() -> tzinfo:
    """Return the time zone of the user."""
    return datetime.now().astimezone().tzinfo or UTC


class Paper:
    """Standard output, line by line, as long as it has a reader.

    needed: without a reader, writing raises OSError, as there is no use in going on; otherwise it prints nothing more.
    An interruption while a line waits for the reader ends the output as well; after one, no line waits for long.
    """

    def __init__(self, interruption: Interruption, *, needed: bool) -> None:
        self._interruption = interruption
        self._needed = needed
        self._silent = self._has_another_way = False

    def say(self, text: str) -> None:
        """Print one line at once."""
        if self._silent:
            return
        if self._interruption.asked and not _has_room():
            self._fall_silent()
            return
        try:
            with self._interruption.may_tear():
                print(text, flush=True)
        except Interrupted:
            self._fall_silent()
        except OSError as error:
            if self._needed or error.errno not in _NOBODY:
                raise
            self._fall_silent()
            self.report("the output is closed; recording goes on")

    def report(self, text: str) -> None:
        """Print one line for the user at the terminal: on standard error if standard output has lost its reader."""
        if not self._silent:
            self.say(text)
            return
        if self._has_another_way:
            with contextlib.suppress(OSError):
                print(text, file=sys.stderr, flush=True)

    def _fall_silent(self) -> None:
        """Stop printing, and discard the text in Python's own buffer as well."""
        self._silent = True
        with contextlib.suppress(OSError):  # with `2>&1` the same reader does not read that either
            self._has_another_way = not os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _has_room() -> bool:
    """Return whether standard output takes more text within a moment: no signal ends the wait for its reader."""
    poll = select.poll()
    poll.register(sys.stdout, select.POLLOUT)
    return bool(poll.poll(_MOMENT * 1000))


class Screen:
    """The ladder diagram on standard output."""

    def __init__(self, routers: tuple[str, ...], paper: Paper, *, ascii_only: bool) -> None:
        self._routers = routers
        self._paper = paper
        unicode = not ascii_only and (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        color = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._look = Look(width(), color, unicode, zone())
        self._ladder = Ladder(routers, self._look)
        self._lines = 0

    def begin(self) -> None:
        """Print the legend and a header."""
        for line in (*self._ladder.legend(), self._ladder.header()):
            self._paper.say(line)

    def lines(self, steps: Iterable[Step]) -> list[tuple[Step, str]]:
        """Return the steps to show here, each with its line, for the current width of the window."""
        now = width()
        if now != self._look.width:
            self._look = replace(self._look, width=now)
            self._ladder, self._lines = Ladder(self._routers, self._look), _PAGE
        lines = ((step, self._ladder.line(step)) for step in steps)
        return [(step, line) for step, line in lines if line is not None]

    def show(self, line: str) -> None:
        """Show one of these lines; once a page, and after the window has changed, the header again."""
        if self._lines >= _PAGE:
            self._lines = 0
            self._paper.say(self._ladder.header())
        self._lines += 1
        self._paper.say(line)


class Rows(Screen):
    """The same steps for programs: one JSON object a line, and no other text."""

    def begin(self) -> None:
        """Do nothing: rows for programs have no heading."""

    def lines(self, steps: Iterable[Step]) -> list[tuple[Step, str]]:
        """Return the steps to show here, each as an object."""
        return [(step, _row(step)) for step, _ in super().lines(steps)]

    def show(self, line: str) -> None:
        """Print one row."""
        self._paper.say(line)


def _row(step: Step) -> str:
    facts = {**asdict(step), "time": round(step.time, 6)}
    if isinstance(step, Note):
        facts["sign"] = step.sign.value
    return json.dumps({"step": "note" if isinstance(step, Note) else "message", **facts})


# ------------------------------------------------------------------------------------------------ the verb


def watch(arguments: argparse.Namespace, printer: Printer) -> int:
    """Show events until Ctrl-C or the end of the lab. Raises UserError."""
    folder = find_lab(arguments.lab, "dmvpn lab watch {}".format)
    since = 0 if arguments.since is None else read_span(arguments.since)
    if since is None:
        raise UserError(f"{arguments.since}: not a time span such as 30s, 5m or 1h")
    status = orders.status(folder)
    network = network_of(folder.name, status)
    heard = network.routers
    network = replace(
        network, routers=_chosen(arguments.only, network.routers, status, width() if not printer.for_programs else None)
    )
    if len(heard) > _LARGEST_CIRCLE:
        heard = network.routers
    picture: Picture | None = None
    if arguments.save is not None:
        _check(arguments.save)
        picture = lab_picture(folder) if arguments.save.suffix == ".svg" else None
    ear, record = Ear(since, routes=arguments.routes), StoryRecord()
    sockets = {router: folder.management(router) for router in (*network.routers, *heard)}
    end = None if arguments.seconds is None else time.monotonic() + arguments.seconds
    with Interruption() as interruption:
        paper = Paper(interruption, needed=arguments.save is None)
        kind = Rows if printer.for_programs else Screen
        screen = kind(network.routers, paper, ascii_only=arguments.ascii)
        try:
            screen.begin()
            with Watcher(sockets, control.end_of(folder.control), interruption.descriptor) as watcher:
                for fresh in follow(watcher, ear, end):
                    _show(fresh, screen, record)
            _show(ear.ripe(float("inf")), screen, record)
            if printer.for_programs:
                pass
            elif interruption.asked:
                paper.say("")
            elif not watcher.lives:
                paper.say(f"lab {folder.name} has ended")
            if ear.missed and not printer.for_programs:
                paper.say(f"{ear.missed} lines were lost: more happened than could be shown")
        finally:  # however this ended: a user who asked for a story gets the steps until then
            record.add([step for step, _ in screen.lines(ear.ripe(float("inf")))])
            if arguments.save is not None:
                if picture is None:
                    text = story(network, record.steps, zone(), ear.missed, record.omitted)
                else:
                    with suppress(UserError):  # of a lab that has ended there is the picture of the beginning
                        picture = lab_picture(folder)
                    text = as_moving(picture, record.steps)
                _save(arguments.save, text, record, None if printer.for_programs else paper)
    return 0


def _show(fresh: Sequence[Step], screen: Screen, record: StoryRecord) -> None:
    """Record steps, then show them: if showing them fails, they are recorded."""
    shown = screen.lines(fresh)
    record.add([step for step, _ in shown])
    for _, line in shown:
        screen.show(line)


def _save(path: Path, text: str, record: StoryRecord, paper: Paper | None) -> None:
    path.write_text(text, encoding="utf-8")
    if paper is None:
        return
    if record.omitted:
        paper.report(f"{record.omitted} steps are not in the story: it has the first {len(record.steps)}")
    paper.report(f"the story was saved in {path}")


def _chosen(only: str | None, speakers: tuple[str, ...], status: LabStatus, columns: int | None) -> tuple[str, ...]:
    """Return the routers that get a column. Raises UserError if one is unknown, or there are too many."""
    names = list(status.routers)
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
