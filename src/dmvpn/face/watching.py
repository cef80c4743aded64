"""A client that follows the chronicle of a router, from some line on, for as long as the client reads.

Nothing is buffered for it. When it is ready for more it gets the lines after its last one; lines that the chronicle has
dropped meanwhile are counted and reported. So a slow client misses lines, and uses no memory of the router.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.chronicle import line_to_plain
from dmvpn.face.protocol import News
from dmvpn.features.chronicle import ChronicleMachine

if TYPE_CHECKING:
    from dmvpn.base.chronicle import ChronicleLine
    from dmvpn.face.handle import RouterHandle

#: Lines in one message.
LARGEST_BATCH: Final = 256


class Watching:
    """How far one client is."""

    def __init__(self, handle: RouterHandle) -> None:
        self._handle = handle
        self._chronicle: ChronicleMachine | None = None
        self._last = 0
        self._began_at = 0
        self._addresses: tuple[str, ...] = ()

    def news(self) -> News | None:
        """Return the next lines for the client, `LARGEST_BATCH` at most; None if there are none, except at first."""
        context = self._handle.context(0)
        chronicle = context.machine(ChronicleMachine)
        begins = chronicle is not self._chronicle
        if begins:  # the router, or our watching it, has just begun
            self._chronicle, self._last, self._began_at = chronicle, 0, chronicle.last
        lines = chronicle.after(self._last)[:LARGEST_BATCH]
        if not lines and not begins:
            return None
        missed = self._missed(lines)
        self._last = lines[-1].number if lines else self._last
        wall = context.ports.clock.wall
        return News(
            lines=tuple({**line_to_plain(line), "time": wall(line.time).timestamp()} for line in lines),
            missed=missed,
            begins=begins,
            now=wall(context.now).timestamp(),
            addresses=self._own_addresses(),
        )

    def _missed(self, lines: list[ChronicleLine]) -> int:
        """Return how many lines are missing before and among these; lines from before the start do not count."""
        later = [line.number for line in lines if line.number > self._began_at]
        return later[-1] - max(self._last, self._began_at) - len(later) if later else 0

    def _own_addresses(self) -> tuple[str, ...]:
        """Return the addresses of the router if they have changed; () otherwise."""
        interfaces = self._handle.context(0).ports.interfaces.all()
        addresses = tuple(str(address) for state in interfaces for address, _ in state.addresses)
        if addresses == self._addresses:
            return ()
        self._addresses = addresses
        return addresses
