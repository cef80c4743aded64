r"""The line editor: a teletype. Bytes in, events out; no clock, no socket, no escape sequences.

    LineEditor.start(prompt)      show the prompt and read a line
    LineEditor.read_key(prompt)   read one key (`--More--`, `[confirm]`)
    LineEditor.feed(data)         bytes that arrived

Each returns events in order: `Write` (send these bytes), `LineEnded` (a line was entered), `Help` (`?` was pressed),
and so on. After any event but `Write` the editor waits: what arrives meanwhile is kept (type-ahead) and echoed only
when the session calls `start`, `read_key`, `show_help`, `show_completion` or `resume`. So the echo of a pasted
configuration follows the prompts, exactly once, as automation tools expect.

All drawing is one operation: compare what the terminal shows with what it should show, go to the first difference with
backspaces, write the rest. Typing at the end of a line thus echoes the bare character, and rubbing out sends `\b \b`.

Keys: Ctrl-A/E begin and end, Ctrl-B/F and arrows, Ctrl-P/N and arrows for the history, Ctrl-D delete, Ctrl-H and DEL
rub out, Ctrl-K to the end, Ctrl-U the line, Ctrl-X to the begin, Ctrl-W a word, Ctrl-Y the last cut text, Ctrl-T swap,
Ctrl-L/R redraw, Ctrl-V takes the next key literally, Esc-B/F/D words, Ctrl-C drops the line, Ctrl-Z ends configuration
mode, Ctrl-Shift-6 (0x1e) breaks off a running command.

The line that is being typed: text, cursor, and what editing keys do to them. It does not deal with terminals.
"""

from __future__ import annotations

import codecs
import enum
import re
from collections.abc import Callable, Iterable, Sequence

from dmvpn.base.values import Value
from dmvpn.ios.values import common_prefix

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


#: More type-ahead than this is refused with a bell.
MAX_AHEAD = 1 << 20
#: From this width on a line never scrolls: automation sets 511 or 512 to be left alone. So does 0.
UNLIMITED_WIDTH = 500
#: Columns by which a long line scrolls.
SCROLL = 10


class Write(Value):
    """Send these bytes to the terminal."""

    data: bytes


class LineEnded(Value):
    """Return was pressed."""

    text: str


class CtrlZ(Value):
    """Ctrl-Z was pressed behind `text`."""

    text: str


class Help(Value):
    """`?` was pressed behind `text`; answer with `show_help`."""

    text: str


class Complete(Value):
    """Tab was pressed behind `text`; answer with `show_completion`."""

    text: str


class KeyPressed(Value):
    """One key, after `read_key`."""

    char: str


class Interrupt(Value):
    """Ctrl-C dropped the line (or was pressed instead of a key)."""


class Abort(Value):
    """Ctrl-Shift-6 or Ctrl-C while a command was running; type-ahead is gone."""


EditorEvent = Write | LineEnded | CtrlZ | Help | Complete | KeyPressed | Interrupt | Abort


class _Reading(enum.Enum):
    """What the editor does with the next character."""

    NOTHING = "a command is running"
    LINE = "editing"
    KEY = "waiting for one key"


_PLAIN = re.compile(r"[^\x00-\x1f\x7f?]+")
_SEQUENCE_END = re.compile(r"[@-~]")
_MAX_SEQUENCE = 16


class LineEditor:
    """One terminal's editor. `width` in columns (0 = no limit) and `history_size` may be changed at any time."""

    def __init__(self, *, width: int = 80, history_size: int = 10) -> None:
        self.width = width
        self.history_size = history_size
        self.history: list[str] = []
        self._history_place = 0
        self._set_aside = ""
        self._line = EditBuffer()
        self._prompt = ""
        self._echo = True
        self._reading = _Reading.NOTHING
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._ahead = ""
        self._after_return = False
        self._escape = ""
        self._literal = False
        self._shown = ("", 0)
        self._scroll = 0
        self._events: list[EditorEvent] = []

    # What the session calls --------------------------------------------------------------------------------------

    def start(self, prompt: str, *, echo: bool = True) -> list[EditorEvent]:
        """Show the prompt and read a line. Without echo (passwords) nothing is shown, completed or remembered."""
        self._prompt, self._echo = prompt, echo
        self._line.set("")
        self._history_place, self._set_aside = len(self.history), ""
        self._scroll = 0
        self._write(prompt)
        return self._begin(_Reading.LINE)

    def read_key(self, prompt: str = "") -> list[EditorEvent]:
        """Show the prompt and read one key."""
        self._write(prompt)
        return self._begin(_Reading.KEY)

    def feed(self, data: bytes) -> list[EditorEvent]:
        """Take bytes that arrived."""
        if self.keep(data):
            self._events.append(Abort())
        return self._run()

    def keep(self, data: bytes) -> bool:
        """Keep bytes that arrived for later. True if a key among them breaks off a running command."""
        self._ahead += self._decoder.decode(data)
        breaks_off = False
        if self._reading is _Reading.NOTHING:
            place = max(self._ahead.rfind("\x1e"), self._ahead.rfind("\x03"))
            self._ahead = self._ahead[place + 1 :]
            breaks_off = place >= 0
        if len(self._ahead) > MAX_AHEAD:
            self._ahead = self._ahead[:MAX_AHEAD]
            self._write("\a")
        return breaks_off

    def show_help(self, rows: Iterable[str]) -> list[EditorEvent]:
        """Answer `Help`: show the rows, then the line again."""
        self._write("".join(f"{row}\r\n" for row in rows))
        return self.resume()

    def show_completion(self, text: str | None) -> list[EditorEvent]:
        """Answer `Complete`: the line as it is now, on a new line; or None, and nothing happens."""
        if text is None:
            return self._begin(_Reading.LINE, self._shown)
        self._line.set(text)
        return self.resume()

    def resume(self) -> list[EditorEvent]:
        """Show prompt and line on a new line and go on reading."""
        self._write("\r\n" + self._prompt)
        return self._begin(_Reading.LINE)

    def interject(self, rows: Sequence[str], *, redraw: bool = False) -> list[EditorEvent]:
        """Show log lines while the user types; with `redraw` the interrupted line again (`logging synchronous`)."""
        self._write("".join(f"\r\n{row}" for row in rows) + "\r\n")
        if redraw and self._reading is _Reading.LINE:
            self._write(self._prompt)
            self._shown = ("", 0)
            self._draw()
        return self._taken_events()

    # Reading -----------------------------------------------------------------------------------------------------

    def _begin(self, reading: _Reading, shown: tuple[str, int] = ("", 0)) -> list[EditorEvent]:
        self._reading = reading
        self._shown = shown
        return self._run()

    def _run(self) -> list[EditorEvent]:
        """Process the input that has arrived, as long as it is wanted."""
        place = 0
        while place < len(self._ahead) and self._reading is not _Reading.NOTHING:
            plain = None
            if self._reading is _Reading.LINE and not self._escape and not self._literal:
                plain = _PLAIN.match(self._ahead, place)
            if plain is not None:
                place = plain.end()
                self._after_return = False
                self._insert(plain[0])
            else:
                self._take(self._ahead[place])
                place += 1
            self._scroll_to_cursor()  # at each key: the screen must not show in which pieces they came
        self._ahead = self._ahead[place:]
        if self._reading is _Reading.LINE:
            self._draw()
        return self._taken_events()

    def _take(self, char: str) -> None:
        after_return, self._after_return = self._after_return, char == "\r"
        if char == "\0" or (char == "\n" and after_return):
            return  # the second half of CR LF or (telnet) CR NUL
        if self._reading is _Reading.KEY:
            self._stop(Interrupt() if char == "\x03" else KeyPressed("\r" if char == "\n" else char))
        elif self._escape:
            # Collect `ESC x`, `ESC [ ... letter` and `ESC O letter`; what no key sends is forgotten.
            if self._escape == "\x1b" and char in "[O":
                self._escape = "\x1b["
            elif self._escape != "\x1b" and not _SEQUENCE_END.match(char):
                self._escape = self._escape + char if len(self._escape) < _MAX_SEQUENCE else ""
            else:
                sequence, self._escape = self._escape, ""
                self._press(sequence + (char if len(sequence) > 1 else char.lower()))
        elif self._literal:
            self._literal = False
            self._insert(char)
        elif char == "\x1b":
            self._escape = char
        elif char == "?" and not self._echo:
            self._insert(char)
        else:
            self._press(char)

    def _press(self, key: str) -> None:
        edit = EDIT_KEYS.get(key)
        if edit is not None:
            edit(self._line)
        elif key in _KEYS:
            _KEYS[key](self)

    def _insert(self, text: str) -> None:
        if not text.isprintable():  # controls beyond ASCII; U+009B would start an escape sequence
            text = "".join(filter(str.isprintable, text))
        if not self._line.insert(text):
            self._write("\a")

    def _stop(self, event: EditorEvent, echo: str = "") -> None:
        """Give an event to the session and wait for it."""
        if self._reading is _Reading.LINE:
            self._draw()
        self._reading = _Reading.NOTHING
        self._write(echo)
        self._events.append(event)

    def _taken_events(self) -> list[EditorEvent]:
        """Return the events so far, neighboring writes joined."""
        events, self._events = self._events, []
        joined: list[EditorEvent] = []
        for event in events:
            last = joined[-1] if joined else None
            if isinstance(event, Write) and isinstance(last, Write):
                joined[-1] = Write(last.data + event.data)
            else:
                joined.append(event)
        return joined

    # Drawing -----------------------------------------------------------------------------------------------------

    def _write(self, text: str) -> None:
        if text:
            self._events.append(Write(text.encode()))

    def _draw(self) -> None:
        """Bring the terminal from what it shows to what it should show."""
        if not self._echo:
            return
        old, column = self._shown
        new, target = self._visible()
        output = ""
        if old != new:
            same = common_prefix(old, new)
            output += "\b" * (column - same) + old[column:same] + new[same:]
            output += " " * (len(old) - len(new))
            column = max(len(old), len(new))
        output += "\b" * (column - target) + new[column:target]
        self._shown = (new, target)
        self._write(output)

    def _visible(self) -> tuple[str, int]:
        """Return the part of the line that fits behind the prompt, with `$` where it goes on, and the cursor's
        column.
        """
        text, cursor = self._line.text, self._line.cursor
        self._scroll_to_cursor()
        room = self._room
        if room is None:
            return text, cursor
        shown = text[self._scroll : self._scroll + room]
        if self._scroll:
            shown = "$" + shown[1:]
        if self._scroll + room < len(text) and cursor - self._scroll < room:
            shown = shown[:-1] + "$"
        return shown, cursor - self._scroll

    @property
    def _room(self) -> int | None:
        """Characters behind the prompt; None: lines are not scrolled."""
        room = self.width - len(self._prompt) - 1
        is_whole = self.width == 0 or self.width >= UNLIMITED_WIDTH or room < 2 * SCROLL
        return None if is_whole else room

    def _scroll_to_cursor(self) -> None:
        text, cursor, room = self._line.text, self._line.cursor, self._room
        if room is None:
            return
        if len(text) <= room:
            self._scroll = 0
        while cursor - self._scroll > room:
            self._scroll += SCROLL
        while self._scroll and cursor - self._scroll < 1:
            self._scroll = max(0, self._scroll - SCROLL)

    # Keys that are more than editing -----------------------------------------------------------------------------

    def _return(self) -> None:
        text = self._line.text
        if self._echo and text.strip() and (not self.history or self.history[-1] != text):
            self.history.append(text)
        del self.history[: max(0, len(self.history) - self.history_size)]
        self._stop(LineEnded(text), "\r\n")

    def _end_mode(self) -> None:
        self._stop(CtrlZ(self._line.text), "^Z\r\n")

    def _interrupt(self) -> None:
        self._stop(Interrupt(), "\r\n")

    def _help(self) -> None:
        self._stop(Help(self._line.text[: self._line.cursor]), "?\r\n")

    def _complete(self) -> None:
        if self._echo and self._line.at_end:
            self._stop(Complete(self._line.text))

    def _redraw(self) -> None:
        if self._echo:
            self._write("\r\n" + self._prompt)
            self._shown = ("", 0)

    def _next_is_literal(self) -> None:
        self._literal = True

    def _older(self) -> None:
        self._go_in_history(-1)

    def _newer(self) -> None:
        self._go_in_history(1)

    def _go_in_history(self, step: int) -> None:
        place = self._history_place + step
        if not self._echo or not 0 <= place <= len(self.history):
            return
        if self._history_place == len(self.history):
            self._set_aside = self._line.text
        self._history_place = place
        self._line.set(self._set_aside if place == len(self.history) else self.history[place])


_KEYS: dict[str, Callable[[LineEditor], None]] = {
    "\x03": LineEditor._interrupt,
    "\t": LineEditor._complete,
    "\n": LineEditor._return,
    "\r": LineEditor._return,
    "\x0c": LineEditor._redraw,
    "\x0e": LineEditor._newer,
    "\x10": LineEditor._older,
    "\x12": LineEditor._redraw,
    "\x16": LineEditor._next_is_literal,
    "\x1a": LineEditor._end_mode,
    "\x1b[A": LineEditor._older,
    "\x1b[B": LineEditor._newer,
    "?": LineEditor._help,
}
