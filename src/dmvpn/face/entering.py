"""The lines that a user enters in configuration mode, on their way to the router.

Each line is applied at once to a copy of the running configuration, so that errors appear before the next prompt. The
router gets the lines when the user waits for their effect, and a paste in small groups: to process a configuration
change costs a router almost the same for one line and for a few, and it must not be busy for long.

A group has the same effect as its lines one by one. So a group never holds two lines that undo each other: `shutdown`
and `no shutdown`, pasted one after the other, do shut the interface down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.events import EnteredLine, LinesEntered
from dmvpn.face.typed import TypedLines

if TYPE_CHECKING:
    from collections.abc import Hashable

    from dmvpn.face.handle import RouterHandle
    from dmvpn.ios import ConfigLine, ConfigTree, ExecParser, LineResult, Touch

#: Most lines that wait for the router: it processes so many in a millisecond.
MOST_WAITING: Final = 8
#: Of no tree.
_NONE: Final = -1


class Draft(TypedLines):
    """The lines of one stay in configuration mode.

    session: its number.
    by: the user.
    """

    def __init__(self, handle: RouterHandle, parser: ExecParser, session: int, by: str) -> None:
        self._handle = handle
        self._session = session
        self._by = by
        self._waiting: list[EnteredLine] = []
        #: Keys of the entries that they change, by section and command; None: any entry.
        self._touched: dict[tuple[tuple[str, ...], ConfigLine], set[Hashable | None]] = {}
        self._base = self._running()
        self._revision = self._base.revision
        super().__init__(handle.configurator, self._base.copy(), parser)

    def _enter(self, text: str, prompt_width: int) -> LineResult:
        self._catch_up()
        try:
            result = self.session.enter(text, prompt_width)
        except Exception:
            self._revision = _NONE  # a fault of ours: the copy may have a part of the line
            raise
        if result.changed:
            self._hold(self.session.entry, self.session.touch)
        return result

    def settle(self) -> None:
        """Give the router the lines that still wait."""
        if not self._waiting:
            return
        lines, self._waiting = tuple(self._waiting), []
        self._touched.clear()
        self._handle.post(LinesEntered(lines, by=self._by))
        running = self._running()
        if running is self._base and running.revision == self.session.tree.revision:
            self._revision = running.revision

    def _hold(self, entry: EnteredLine, touch: Touch) -> None:
        if touch.is_wide or self._undoes(touch):
            self.settle()
        self._waiting.append(entry)
        for line in touch.lines:
            self._touched.setdefault((touch.where, line), set()).add(touch.key)
        if touch.is_wide or len(self._waiting) == MOST_WAITING:
            self.settle()

    def _undoes(self, touch: Touch) -> bool:
        """Return whether it is about an entry that a waiting line changes."""
        for line in touch.lines:
            keys = self._touched.get((touch.where, line))
            if keys and (touch.key is None or None in keys or touch.key in keys):
                return True
        return False

    def _running(self) -> ConfigTree:
        return self._handle.context(self._session).running

    def _catch_up(self) -> None:
        """Update the copy: other sessions may have changed the running configuration since the last line."""
        running = self._running()
        if running is self._base and running.revision == self._revision:
            return
        self.settle()
        self._base = self._running()
        self._revision = self._base.revision
        self.session.tree = self._base.copy()
