"""The latest changes of an Adj-RIB-Out, in order, for neighbors that fell behind.

Each change has a number. Only the last change of a prefix is kept, so the log is as long as the table, and a withdrawn
prefix stays in it until every neighbor has received the withdrawal. Prefixes are stored in pages of consecutive
numbers, oldest first, so that no operation visits all of them.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dmvpn.features.bgp.packet import Nlri

#: Change numbers in a page.
PAGE: Final = 512
#: Withdrawn prefixes that are removed in one call.
AT_ONCE: Final = 1600


class ChangeLog:
    """latest: the number of the last change; 0: there was none."""

    def __init__(self) -> None:
        self.latest = 0
        self._last: dict[Nlri, int] = {}
        self._withdrawn: dict[Nlri, int] = {}  # oldest first
        self._pages: dict[int, dict[Nlri, None]] = {}  # no page is empty
        self._order: list[int] = []  # page numbers, ascending

    def __len__(self) -> int:
        return len(self._last)

    @property
    def withdrawn(self) -> int:
        """Return how many prefixes are kept only because they were withdrawn."""
        return len(self._withdrawn)

    def note(self, prefix: Nlri, *, is_withdrawn: bool) -> None:
        """Record a change of a prefix."""
        self._forget(prefix)
        self.latest += 1
        number = self._last[prefix] = self.latest
        if is_withdrawn:
            self._withdrawn[prefix] = number
        page = self._pages.get(number // PAGE)
        if page is None:
            page = self._pages[number // PAGE] = {}
            self._order.append(number // PAGE)
        page[prefix] = None

    def after(self, number: int, most: int) -> tuple[list[Nlri], int]:
        """Return up to `most` prefixes that changed after this number, oldest first, and the number up to which they
        reach.
        """
        found: list[Nlri] = []
        for place in range(bisect_left(self._order, number // PAGE), len(self._order)):
            for prefix in self._pages[self._order[place]]:
                if self._last[prefix] <= number:
                    continue
                if len(found) == most:
                    return found, self._last[found[-1]]
                found.append(prefix)
        return found, self.latest

    def tidy(self, heard: int) -> None:
        """Remove some of the withdrawn prefixes up to a number that all neighbors have received."""
        for prefix, number in list(islice(self._withdrawn.items(), AT_ONCE)):
            if number > heard:
                break
            self._forget(prefix)

    def oldest_of(self, last: int) -> int:
        """Return the number of the oldest entry among the last `last` ones; 0: there are fewer."""
        for place in reversed(self._order):
            page = self._pages[place]
            if len(page) >= last:
                return self._last[next(islice(page, len(page) - last, None))]
            last -= len(page)
        return 0

    def _forget(self, prefix: Nlri) -> None:
        number = self._last.pop(prefix, None)
        if number is None:
            return
        self._withdrawn.pop(prefix, None)
        place = number // PAGE
        page = self._pages[place]
        del page[prefix]
        if not page:
            del self._pages[place], self._order[bisect_left(self._order, place)]
