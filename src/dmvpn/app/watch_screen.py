"""Where `dmvpn lab watch` shows its ladder: a terminal, or a file or pipe in its place."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import shutil
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from dmvpn.app.interruption import Interrupted
from dmvpn.tools.watch import Ladder, Look, Note

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from dmvpn.app.interruption import Interruption
    from dmvpn.tools.watch import Step

#: Seconds that a line waits for its reader after an interruption.
_MOMENT: Final = 1.0
#: Lines after which the header is repeated.
_PAGE: Final = 30
#: The errors of writing without a reader: a closed pipe, a terminal that hung up.
_NOBODY: Final = (errno.EPIPE, errno.EIO)


def width() -> int | None:
    """Return columns that a line may have.

    None: no limit, since the output is not a terminal and COLUMNS is not set.
    """
    said = os.environ.get("COLUMNS", "")
    if sys.stdout.isatty() or (said.isdecimal() and int(said)):
        return shutil.get_terminal_size().columns
    return None


def zone() -> tzinfo:
    """Return the screen of the watching user."""
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
            self.report("nobody reads any more; the story goes on")

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
        told = ((step, self._ladder.line(step)) for step in steps)
        return [(step, line) for step, line in told if line is not None]

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
