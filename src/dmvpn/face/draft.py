"""The lines that a user enters in configuration mode, on their way to the router.

Each line is applied at once to a copy of the running configuration, so that errors appear before the next prompt. The
router gets the lines when the user waits for their effect, and a paste in small groups: to process a configuration
change costs a router almost the same for one line and for a few, and it must not be busy for long.

A group has the same effect as its lines one by one. So a group never holds two lines that undo each other: `shutdown`
and `no shutdown`, pasted one after the other, do shut the interface down.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.events import EnteredLine, LinesEntered
from dmvpn.ios import ConfigSession
from dmvpn.ios.ranges import interfaces_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from dmvpn.face.handle import RouterHandle
    from dmvpn.ios import ConfigLine, ConfigTree, ExecParser, LineResult, Touch

#: Most lines that wait for the router: it processes so many in a millisecond.
MOST_WAITING: Final = 8
#: Of no tree.
_NONE: Final = -1


#: What the prompt says below `interface range`.
_RANGE_PROMPT: Final = "config-if-range"
_NEGATED: Final = re.compile(r"\s*(no|def(?:a(?:u(?:lt?)?)?)?)\s+", re.IGNORECASE)


def _range_of(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the interfaces that `interface range` names, and before them `no` or `default` if it begins so."""
    negated = _NEGATED.match(text)
    names = interfaces_of(text[negated.end() :] if negated else text)
    return (negated[1] if negated and names else ""), names


def _together(results: Sequence[LineResult]) -> LineResult:
    """Return the result of one line that was carried out several times: each message once."""
    said = dict.fromkeys(line for result in results for line in result.output_lines)
    return replace(results[-1], output_lines=tuple(said), refused=any(result.refused for result in results))


class Draft:
    """The lines of one stay in configuration mode.

    session: its number.
    by: the user.
    """

    def __init__(self, handle: RouterHandle, parser: ExecParser, session: int, by: str) -> None:
        self._handle = handle
        self._session = session
        self._by = by
        self._waiting: list[EnteredLine] = []
        self._range: tuple[str, ...] = ()  # the interfaces that lines are for, of which the first is open
        #: Keys of the entries that they change, by section and command; None: any entry.
        self._touched: dict[tuple[tuple[str, ...], ConfigLine], set[Hashable | None]] = {}
        self._base = self._running()
        self._revision = self._base.revision
        self.session = ConfigSession(handle.configurator, self._base.copy(), parser)

    @property
    def hostname(self) -> str:
        """The name that the next prompt shows."""
        return self.session.tree.hostname

    @property
    def prompt_mode(self) -> str:
        """The word of the mode that the next prompt shows."""
        return _RANGE_PROMPT if self._range else self.session.prompt_mode

    def enter(self, text: str, prompt_width: int) -> LineResult:
        """Carry out a line, below `interface range` for each of its interfaces."""
        negation, names = _range_of(text)
        if negation:
            self._range = ()
            return _together([self._enter(f"{negation} interface {name}", prompt_width) for name in names])
        if names:
            results = [self._enter(f"interface {name}", prompt_width) for name in (*names, names[0])]
            self._range = names
            return _together(results)
        result = self._enter(text, prompt_width)
        if not self._range or result.error is not None or result.exec_line is not None:
            return result
        if self.session.header != f"interface {self._range[0]}":
            self._range = ()
            return result
        results = [result]
        for name in self._range[1:]:
            self._enter(f"interface {name}", prompt_width)
            results.append(self._enter(text, prompt_width))
        self._enter(f"interface {self._range[0]}", prompt_width)
        return _together(results)

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
