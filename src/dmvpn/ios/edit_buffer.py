"""The line that is being typed: text, cursor, and what editing keys do to them. It does not deal with terminals."""

from __future__ import annotations

import re

#: Longer lines are cut.
MAX_LINE = 4_096

_WORD_BEFORE = re.compile(r"\S+\s*\Z")
_WORD_AFTER = re.compile(r"\s*\S+")


class EditBuffer:
    """A line and the place in it where the next character goes. `killed` is the text that was cut last."""

    __slots__ = ("cursor", "killed", "text")

    def __init__(self) -> None:
        self.text = ""
        self.cursor = 0
        self.killed = ""

    def set(self, text: str) -> None:
        """Replace the line; the cursor goes to its end."""
        self.text = text[:MAX_LINE]
        self.cursor = len(self.text)

    def insert(self, text: str) -> bool:
        """Put text in at the cursor. False if the line was too long for all of it."""
        fitting = text[: MAX_LINE - len(self.text)]
        self.text = self.text[: self.cursor] + fitting + self.text[self.cursor :]
        self.cursor += len(fitting)
        return fitting == text

    @property
    def at_end(self) -> bool:
        """Whether the cursor is behind the last character."""
        return self.cursor == len(self.text)

    def to_begin(self) -> None:
        self.cursor = 0

    def to_end(self) -> None:
        self.cursor = len(self.text)

    def back(self) -> None:
        self.cursor = max(0, self.cursor - 1)

    def forward(self) -> None:
        self.cursor = min(len(self.text), self.cursor + 1)

    def back_word(self) -> None:
        self.cursor = self._word_start()

    def forward_word(self) -> None:
        self.cursor = self._word_end()

    def rub_out(self) -> None:
        """Delete the character before the cursor."""
        if self.cursor:
            self._remove(self.cursor - 1, self.cursor)

    def delete(self) -> None:
        """Delete the character at the cursor."""
        self._remove(self.cursor, min(len(self.text), self.cursor + 1))

    def cut_line(self) -> None:
        self._cut(0, len(self.text))

    def cut_to_begin(self) -> None:
        self._cut(0, self.cursor)

    def cut_to_end(self) -> None:
        self._cut(self.cursor, len(self.text))

    def cut_word_before(self) -> None:
        self._cut(self._word_start(), self.cursor)

    def cut_word_after(self) -> None:
        self._cut(self.cursor, self._word_end())

    def yank(self) -> None:
        """Insert the text that was cut last."""
        self.insert(self.killed)

    def swap(self) -> None:
        """Exchange the characters before and at the cursor (at the end of the line: the last two)."""
        place = min(self.cursor, len(self.text) - 1)
        if place > 0:
            before, at = self.text[place - 1], self.text[place]
            self.text = self.text[: place - 1] + at + before + self.text[place + 1 :]
            self.cursor = place + 1

    def _cut(self, start: int, end: int) -> None:
        if end > start:
            self.killed = self.text[start:end]
        self._remove(start, end)

    def _remove(self, start: int, end: int) -> None:
        self.text = self.text[:start] + self.text[end:]
        self.cursor = start

    def _word_start(self) -> int:
        match = _WORD_BEFORE.search(self.text[: self.cursor])
        return match.start() if match else 0

    def _word_end(self) -> int:
        match = _WORD_AFTER.match(self.text, self.cursor)
        return match.end() if match else len(self.text)


#: What a key does to the line. Sequences of arrow and editing keys begin with ESC.
EDIT_KEYS = {
    "\x01": EditBuffer.to_begin,
    "\x02": EditBuffer.back,
    "\x04": EditBuffer.delete,
    "\x05": EditBuffer.to_end,
    "\x06": EditBuffer.forward,
    "\x08": EditBuffer.rub_out,
    "\x7f": EditBuffer.rub_out,
    "\x0b": EditBuffer.cut_to_end,
    "\x14": EditBuffer.swap,
    "\x15": EditBuffer.cut_line,
    "\x17": EditBuffer.cut_word_before,
    "\x18": EditBuffer.cut_to_begin,
    "\x19": EditBuffer.yank,
    "\x1bb": EditBuffer.back_word,
    "\x1bf": EditBuffer.forward_word,
    "\x1bd": EditBuffer.cut_word_after,
    "\x1b\x7f": EditBuffer.cut_word_before,
    "\x1b[C": EditBuffer.forward,
    "\x1b[D": EditBuffer.back,
    "\x1b[H": EditBuffer.to_begin,
    "\x1b[F": EditBuffer.to_end,
    "\x1b[1~": EditBuffer.to_begin,
    "\x1b[3~": EditBuffer.delete,
    "\x1b[4~": EditBuffer.to_end,
}
