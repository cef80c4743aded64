"""Request identifiers, which go on where an earlier life of this router ended (RFC 2332 §5.2.0.1, §5.2.3).

One 32-bit counter serves requests of all types, as on IOS. If it began again with every start, a late reply to a
request of the life before could answer one of this life. So it is stored, but not for each request: what is stored is a
ceiling, the last identifier that may be given out before the next one is stored. A router that starts again goes on
behind the ceiling and skips what the life before had not used.

Without a stored ceiling, or with one that cannot be read, the counter begins at 0: that costs the guard, nothing else.
"""

from __future__ import annotations

from typing import Final

from dmvpn.base.effects import Store

#: The name under which the ceiling is stored.
NAME: Final = "nhrp-request-id"
#: Identifiers between two ceilings: a spoke writes once a year, a hub of a very large network once in some minutes.
STEP: Final = 1024
_LARGEST: Final = 0xFFFFFFFF


class RequestIds:
    """The counter, and the ceiling that is stored."""

    __slots__ = ("_ceiling", "_last")

    def __init__(self) -> None:
        self._last = 0
        self._ceiling = 0

    def remember(self, octets: bytes) -> None:
        """Go on behind what was stored. What is no ceiling, or comes when identifiers are in use, is ignored."""
        text = octets.strip()
        if self._last == 0 and text.isdigit() and len(text) <= len(str(_LARGEST)) and int(text) <= _LARGEST:
            self._last = self._ceiling = int(text)

    def next(self) -> tuple[int, Store | None]:
        """A new identifier, and what must be stored before it is used."""
        store = None
        if self._last == self._ceiling:
            self._ceiling = _after(self._ceiling, STEP)
            store = self.stored
        self._last = _after(self._last, 1)
        return self._last, store

    @property
    def stored(self) -> Store:
        """What ought to be stored now."""
        return Store(NAME, b"%d\n" % self._ceiling)


def _after(identifier: int, steps: int) -> int:
    """`steps` further on. The counter goes from the largest number to 1: a 0 looks like none."""
    return (identifier + steps - 1) % _LARGEST + 1
