"""The value of one show, as JSON text in pieces: what `Ask` wants. Its host calls `step` in slices, until it gives "".

Only the session's own interpreter is needed: the same privilege levels, rules and hidden keys as at a prompt apply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathing
from dmvpn.ios import json_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.face.interpreter import Interpreter

#: Characters of one piece. JSON is ASCII, and each quotation mark in it takes another octet on the wire.
PIECE: Final = 1 << 15


class Asking:
    """See the module's docstring."""

    def __init__(self, interpreter: Interpreter, show: str) -> None:
        self._interpreter = interpreter
        self._show = show
        self._parts: Iterator[str] | None = None

    def step(self) -> str:
        """Return the next piece, "" at the end. Raises UserError if the line is no show that this user may see."""
        if self._parts is None:
            self._parts = breathing(json_text(self._interpreter.ask(self._show)))
        piece: list[str] = []
        length = 0
        for part in self._parts:
            piece.append(part)
            length += len(part)
            if length >= PIECE:
                break
        return "".join(piece)
