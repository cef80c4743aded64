"""The configuration as data: sections that hold statements, the global one on top.

A tree holds exactly what the running configuration shows: a setting that equals its default is not stored, so `render`
and reading back give an equal tree. It may be changed (by the configurator); a caller that wants to keep a state takes
a `copy`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from dmvpn.base.breath import in_one_go
from dmvpn.ios.common import HOSTNAME
from dmvpn.ios.config_line import GLOBAL
from dmvpn.ios.render import render_tree
from dmvpn.ios.section import Section, shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dmvpn.ios.config_line import ConfigLine
    from dmvpn.ios.section import Statement

T = TypeVar("T")

#: Reads that another user may disturb before all other users wait.
_TRIES: Final = 3


class ConfigTree(Section):
    """A whole configuration: its global section."""

    __slots__ = ("_mentioned", "_touched", "revision")

    def __init__(self) -> None:
        super().__init__(GLOBAL)
        #: Counts the changes, so that an earlier reader can check whether the tree is still the same.
        self.revision = 0
        self._touched: set[ConfigLine] = set()
        #: Answers of `mentions`, each with the revision for which it holds.
        self._mentioned: dict[frozenset[ConfigLine], tuple[int, bool]] = {}

    def mentions(self, lines: Iterable[ConfigLine]) -> bool:
        """See `Section`. A protocol asks once for each VRF, and the search looks into all sections."""
        wanted, revision = shared(frozenset(lines)), self.revision
        known = self._mentioned.get(wanted)
        if known is None or known[0] != revision:
            known = self._mentioned[wanted] = revision, super().mentions(wanted)
        else:
            self._note(*wanted)
        return known[1]

    def touch(self, statement: Statement) -> None:
        """Note it, and everything inside it."""
        self.revision += 1
        self._touched.add(statement.line)
        if statement.section is not None:
            for entry in statement.section.held():
                self.touch(entry)

    def take_touched(self) -> set[ConfigLine]:
        """Return the commands of which an entry changed since this was asked last."""
        touched, self._touched = self._touched, set()
        return touched

    @property
    def hostname(self) -> str:
        """The configured name, "Router" without one."""
        args = self.get(HOSTNAME)
        return args.text("name") if args else "Router"

    def copy(self) -> ConfigTree:
        """Return an independent tree with the same content."""

        def copied() -> ConfigTree:
            copy = ConfigTree()
            copy.fill_from(self)
            copy.revision = self.revision
            return copy

        return self._whole(copied)

    def render(self, *, hide: bool = False) -> list[str]:
        """Return the body of the running configuration: everything between its header and `end`.

        hide: keys and passwords are left out.
        """
        return self._whole(lambda: render_tree(self, hide=hide))

    def render_known(self) -> list[str]:
        """Return the same without unknown lines, which a foreign file may have any number of."""
        return self._whole(lambda: render_tree(self, known=True))

    def render_for_others(self) -> list[str]:
        """Return the same without keys and passwords."""
        return self.render(hide=True)

    def _whole(self, read: Callable[[], T]) -> T:
        """Return the result of reading one consistent state, though other users may change it while this breathes."""
        for _ in range(_TRIES):
            revision = self.revision
            result = read()
            if self.revision == revision:
                return result
        return in_one_go(read)
