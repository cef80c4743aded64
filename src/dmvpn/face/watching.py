"""A client that follows the chronicle and the log of a router, from some line on, for as long as the client reads.

Nothing is buffered for it. When it is ready for more it gets the lines after its last one; lines that the router has
forgotten meanwhile are counted and reported. So a slow client misses lines, and uses no memory of the router. Each
message has an id, LIFE.EVENT.LOG: with it a client that lost its connection goes on where it was, in the same life. A
router has another life (`life_of`) after each start.
"""

from __future__ import annotations

import secrets
from itertools import islice
from typing import Final
from weakref import WeakKeyDictionary

from dmvpn.base.chronicle import ChronicleLine, addresses_in_news, line_to_plain
from dmvpn.base.context import Machine
from dmvpn.face.context import RouterHandle
from dmvpn.face.messages import News, PlainLine, Watch
from dmvpn.features.chronicle import ChronicleMachine
from dmvpn.features.system import SystemMachine
from dmvpn.ios import ShowContext

#: Octets of the word, which is random: a router does not know how many lives it had before. The id of an event of a lab
#: has the words of all its routers.
LENGTH: Final = 4

_LIVES: Final[WeakKeyDictionary[Machine, str]] = WeakKeyDictionary()


def life_of(machine: Machine) -> str:
    """Return the word for the life that a machine belongs to: each start makes new machines."""
    return _LIVES.setdefault(machine, secrets.token_hex(LENGTH))


#: Events in one message.
LARGEST_BATCH: Final = 256
#: Log lines in one message, and characters of one: a certificate in a debug may be long. A character takes six octets
#: of JSON at most.
LARGEST_LOG_BATCH: Final = 64
LONGEST_TEXT: Final = 1024


class Watching:
    """How far one client is."""

    def __init__(self, handle: RouterHandle, order: Watch | None = None) -> None:
        self._handle = handle
        self._order = order if order is not None else Watch()
        self._chronicle: ChronicleMachine | None = None
        self._is_first = True
        self._last = self._last_logged = 0
        #: Lines up to these are not missed: they were before this client began.
        self._began_at = self._log_began_at = 0
        self._addresses: tuple[str, ...] = ()

    @property
    def wants_log(self) -> bool:
        """True if the client watches the log, which does not report every line."""
        return "log" in self._order.topics

    def news(self) -> News | None:
        """Return the next lines for the client, `LARGEST_BATCH` at most; None if there are none, except at first."""
        context = self._handle.context(0)
        chronicle = context.machine(ChronicleMachine)
        begins = chronicle is not self._chronicle and not self._resumes(context, chronicle)
        if begins:  # the router, or our watching it, has just begun
            self._last = self._last_logged = 0
            self._began_at, self._log_began_at = chronicle.last, _logged(context)
        self._chronicle = chronicle
        is_new = self._last < self._began_at
        wanted = "history" in self._order.topics
        routes_after = 0 if self._order.past_routes else self._began_at
        lines = chronicle.after(self._last, LARGEST_BATCH, settled=is_new, routes_after=routes_after) if wanted else []
        first_logged, log = self._logged(context)
        if not (lines or log or begins or self._is_first):
            return None
        self._is_first = False
        missed = self._missed(lines) + max(0, first_logged - 1 - max(self._last_logged, self._log_began_at))
        self._last = lines[-1].number if lines else self._last
        self._last_logged = first_logged + len(log) - 1 if log else self._last_logged
        own = addresses_in_news(context.ports.interfaces.all())
        is_other, self._addresses = own != self._addresses, own
        wall = context.ports.clock.wall
        return News(
            lines=tuple({**line_to_plain(line), "time": wall(line.time).timestamp()} for line in lines),
            missed=missed,
            begins=begins,
            now=wall(context.now).timestamp(),
            addresses=own if is_other else (),
            id=f"{life_of(chronicle)}.{self._last}.{self._last_logged}",
            log=log,
        )

    def _resumes(self, context: ShowContext, chronicle: ChronicleMachine) -> bool:
        """Go on behind the client's last lines if it has been here before, in this life."""
        life, _, numbers = self._order.since.partition(".")
        if not self._is_first or life != life_of(chronicle):
            return False
        event, _, logged = numbers.partition(".")
        if int(event) > chronicle.last or int(logged) > _logged(context):
            return False
        self._last = self._began_at = int(event)
        self._last_logged = self._log_began_at = int(logged)
        return True

    def _missed(self, lines: list[ChronicleLine]) -> int:
        """Return how many lines are missing before and among these; lines from before the start do not count."""
        later = [line.number for line in lines if line.number > self._began_at]
        return later[-1] - max(self._last, self._began_at) - len(later) if later else 0

    def _logged(self, context: ShowContext) -> tuple[int, tuple[PlainLine, ...]]:
        """Return the next lines of the log's buffer, and the number of the first one, 0 without any.

        The log numbers no lines, but counts the lines that its buffer took.
        """
        last = _logged(context)
        if not self.wants_log or last <= self._last_logged:
            return 0, ()
        kept = context.machine(SystemMachine).syslog.log_lines
        first = max(self._last_logged, last - len(kept)) + 1
        wall = context.ports.clock.wall
        lines = islice(kept, len(kept) - (last - first + 1), None)
        found: tuple[PlainLine, ...] = tuple(
            {
                "number": number,
                "time": wall(line.time).timestamp(),
                "text": line.text[:LONGEST_TEXT],
                "name": line.message.name if line.message is not None else "",
            }
            for number, line in enumerate(islice(lines, LARGEST_LOG_BATCH), first)
        )
        return (first, found) if found else (0, ())


def _logged(context: ShowContext) -> int:
    """Return the number of the last line that the buffer of the log took."""
    return context.machine(SystemMachine).syslog.counters.buffered
