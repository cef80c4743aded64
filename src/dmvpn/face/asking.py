"""One value, such as that of a show, as JSON text in pieces. Its host calls `step` in slices, until it gives ""."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathing
from dmvpn.ios import json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Characters of one piece. JSON is ASCII, and each quotation mark in it takes another octet on the wire.
PIECE: Final = 1 << 15


class Asking:
    """See the module's docstring. value: makes it; raises UserError if this user may not have it."""

    def __init__(self, value: Callable[[], object]) -> None:
        self._value = value
        self._parts: Iterator[str] | None = None

    def step(self) -> str:
        """Return the next piece, "" at the end. Raises UserError."""
        if self._parts is None:
            self._parts = breathing(json_text(self._value()))
        piece: list[str] = []
        length = 0
        for part in self._parts:
            piece.append(part)
            length += len(part)
            if length >= PIECE:
                break
        return "".join(piece)
