"""Shows lines screen by screen: ` --More-- `. Bytes out, keys in.

    pager = Pager(lines, length=24)
    send(pager.start())
    while not pager.done:
        send(pager.key(next key))

Blank: the next screen. Return: the next line. `/text` Return: on to the next line that contains the text.
Any other key ends it. The word is wiped with backspaces. Lines are taken from their iterator only when shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MORE = " --More-- "
#: Longer texts cannot be looked for.
MAX_SEARCH = 60


class Pager:
    """One output on its way to a terminal of `length` lines (0 = no pages) and `width` columns (0 = no limit)."""

    def __init__(self, lines: Iterable[str], *, length: int, width: int = 80) -> None:
        self._lines: Iterator[str] = iter(lines)
        self._next = next(self._lines, None)
        self._length = length
        self._width = width
        self._search: str | None = None

    @property
    def done(self) -> bool:
        """Has everything been shown, or did the user stop?"""
        return self._next is None

    def start(self) -> bytes:
        """Return the first screen."""
        return self._show(self._length - 1 if self._length else 0)

    def key(self, char: str) -> bytes:
        """Return what the terminal gets for a key. Meaningless when `done`."""
        if self._search is not None:
            return self._search_key(self._search, char)
        if char == " ":
            return self._wipe(MORE) + self._show(max(1, self._length - 1))
        if char in ("\r", "\n"):
            return self._wipe(MORE) + self._show(1)
        if char == "/":
            self._search = ""
            return self._wipe(MORE) + b"/"
        self._next = None
        return self._wipe(MORE)

    def _show(self, rows: int) -> bytes:
        """Return lines for `rows` rows (0 = all), then the word if there are more."""
        output: list[str] = []
        used = 0
        while self._next is not None and (not rows or used < rows):
            output.append(self._next + "\r\n")
            used += self._rows_of(self._next)
            self._next = next(self._lines, None)
        if self._next is not None:
            output.append(MORE)
        return "".join(output).encode()

    def _rows_of(self, line: str) -> int:
        return max(1, -(-len(line) // self._width)) if self._width else 1

    def _search_key(self, text: str, char: str) -> bytes:
        """A key while the text to look for is typed."""
        if char in ("\x08", "\x7f"):
            self._search = text[:-1]
            return b"\b \b" if text else b""
        if char not in ("\r", "\n"):
            if not char.isprintable() or len(text) >= MAX_SEARCH:
                return b""
            self._search = text + char
            return char.encode()
        self._search = None
        while self._next is not None and text not in self._next:
            self._next = next(self._lines, None)
        return self._wipe("/" + text) + self._show(max(1, self._length - 1))

    @staticmethod
    def _wipe(text: str) -> bytes:
        return ("\b" * len(text) + " " * len(text) + "\b" * len(text)).encode()
