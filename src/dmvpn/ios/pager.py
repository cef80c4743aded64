"""Shows lines screen by screen: ` --More-- `. Bytes out, keys in.

    pager = Pager(lines, length=24)
    for piece in pager.start():
        send(piece)
    while not pager.done:
        for piece in pager.key(next key):
            send(piece)

Blank: the next screen. Return: the next line. `/text` Return: on to the next line that contains the text.
Any other key ends it. The word is wiped with backspaces. Lines are taken from their iterator only when shown, and
without pages a long text comes in pieces, made when they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MORE = " --More-- "
#: Longer texts cannot be looked for.
MAX_SEARCH = 60
#: Lines of one piece.
PIECE = 64


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
        """Whether everything was shown, or the user stopped."""
        return self._next is None

    def start(self) -> Iterator[bytes]:
        """Return the first screen."""
        return self._show(self._length - 1 if self._length else 0)

    def key(self, char: str) -> Iterator[bytes]:
        """Yield what the terminal gets for a key. Meaningless when `done`."""
        if self._search is not None:
            yield from self._search_key(self._search, char)
            return
        yield self._wipe(MORE)
        if char == " ":
            yield from self._show(max(1, self._length - 1))
        elif char in ("\r", "\n"):
            yield from self._show(1)
        elif char == "/":
            self._search = ""
            yield b"/"
        else:
            self._next = None

    def _show(self, rows: int) -> Iterator[bytes]:
        """Yield lines for `rows` rows (0 = all), then the word if there are more."""
        output: list[str] = []
        used = 0
        while self._next is not None and (not rows or used < rows):
            output.append(self._next + "\r\n")
            used += max(1, -(-len(self._next) // self._width)) if self._width else 1
            self._next = next(self._lines, None)
            if len(output) == PIECE:
                yield "".join(output).encode()
                output.clear()
        if self._next is not None:
            output.append(MORE)
        yield "".join(output).encode()

    def _search_key(self, text: str, char: str) -> Iterator[bytes]:
        """Answer a key while the text to look for is typed."""
        if char in ("\x08", "\x7f"):
            self._search = text[:-1]
            yield b"\b \b" if text else b""
            return
        if char not in ("\r", "\n"):
            if char.isprintable() and len(text) < MAX_SEARCH:
                self._search = text + char
                yield char.encode()
            return
        self._search = None
        while self._next is not None and text not in self._next:
            self._next = next(self._lines, None)
        yield self._wipe("/" + text)
        yield from self._show(max(1, self._length - 1))

    @staticmethod
    def _wipe(text: str) -> bytes:
        return ("\b" * len(text) + " " * len(text) + "\b" * len(text)).encode()
