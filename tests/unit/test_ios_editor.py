"""The line editor: every key, the echo to the byte, type-ahead, scrolling, passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.ios.editor import (
    MAX_LINE,
    Abort,
    Complete,
    CtrlZ,
    EditorEvent,
    Help,
    Interrupt,
    KeyPressed,
    LineEditor,
    LineEnded,
    Write,
)
from dmvpn.ios.pager import PIECE, Pager

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LEFT, RIGHT, UP, DOWN = b"\x1b[D", b"\x1b[C", b"\x1b[A", b"\x1b[B"


def editor(width: int = 80) -> LineEditor:
    """An editor at the prompt `R1#`."""
    started = LineEditor(width=width)
    assert started.start("R1#") == [Write(b"R1#")]
    return started


def written(events: list[EditorEvent]) -> bytes:
    """All bytes that go to the terminal."""
    return b"".join(event.data for event in events if isinstance(event, Write))


def line_after(keys: bytes, width: int = 80) -> str:
    """What a line with these keys becomes."""
    (line,) = (event.text for event in editor(width).feed(keys + b"\r") if isinstance(event, LineEnded))
    return line


class Screen:
    """A terminal of one endless row: understands characters, backspace, CR and LF, and refuses everything else."""

    def __init__(self) -> None:
        self.row, self.column = "", 0

    def show(self, data: bytes) -> None:
        for char in data.decode():
            if char == "\b":
                assert self.column > 0, "backspace at the left edge"
                self.column -= 1
            elif char == "\n":
                self.row, self.column = "", 0
            elif char not in "\r\a":
                assert char.isprintable(), f"{char!r} is no teletype"
                self.row = self.row[: self.column] + char + self.row[self.column + 1 :]
                self.column += 1


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (b"show dmvpn", "show dmvpn"),
        (b"shoo\x08w", "show"),
        (b"shoo\x7fw", "show"),
        (b"\x7f\x7fa", "a"),
        (b"how\x01s", "show"),
        (b"how\x01s\x05 ip", "show ip"),
        (b"shw\x02o", "show"),
        (b"shw" + LEFT + b"o" + RIGHT + b"!", "show!"),
        (b"shw\x1bODo\x1bOC!", "show!"),
        (b"w\x02\x02\x02\x06\x06\x06!", "w!"),
        (b"xshow\x01\x04", "show"),
        (b"xshow\x1b[H\x1b[3~\x1b[F!", "show!"),
        (b"show ip route\x17nhrp", "show ip nhrp"),
        (b"show ip  \x17nhrp", "show nhrp"),
        (b"garbage\x15show", "show"),
        (b"abc def\x02\x02\x02\x15x", "x"),
        (b"abc def\x02\x02\x02\x18x", "xdef"),
        (b"show garbage\x01\x06\x06\x06\x06\x0b", "show"),
        (b"show\x17\x19\x19", "showshow"),
        (b"sohw\x02\x14\x05", "sowh"),
        (b"shwo\x14", "show"),
        (b"a\x14", "a"),
        (b"show ip nhrp\x1bb\x1bbx", "show xip nhrp"),
        (b"show ip nhrp\x01\x1bf\x1bfx", "show ipx nhrp"),
        (b"show ip nhrp\x01\x1bd", " ip nhrp"),
        (b"show\x1b\x7fx", "x"),
        (b"what\x16?", "what?"),
        (b"a\x16\x07b", "ab"),
        (b"\x1b[200~show\x1b[201~", "show"),
        (b"a\x1b[1;5Cb", "ab"),
        (b"a\x1bzb", "ab"),
        (b"a\x1b[" + b"1" * 50 + b"b", "a" + "1" * 35 + "b"),
        (b"\x00s\x00how", "show"),
        ("nämé".encode(), "nämé"),
        (b"a\xffb", "a\ufffdb"),
        (b"a\x1eb", "ab"),
    ],
)
def test_keys_edit_the_line(keys: bytes, line: str) -> None:
    assert line_after(keys) == line


@pytest.mark.parametrize(
    ("keys", "echo"),
    [
        ([b"s", b"h"], [b"s", b"h"]),
        ([b"show dmvpn"], [b"show dmvpn"]),
        ([b"a\x08b"], [b"b"]),
        ([b"a", b"\x08"], [b"a", b"\b \b"]),
        ([b"abc", b"\x01"], [b"abc", b"\b\b\b"]),
        ([b"abc", b"\x01", b"x"], [b"abc", b"\b\b\b", b"xabc\b\b\b"]),
        ([b"abc", b"\x02", b"\x04"], [b"abc", b"\b", b" \b"]),
        ([b"abc", b"\x15"], [b"abc", b"\b\b\b   \b\b\b"]),
        ([b"abc", b"\x01", b"\x05"], [b"abc", b"\b\b\b", b"abc"]),
        ([b"abc", b"\x08" * 4], [b"abc", b"\b\b\b   \b\b\b"]),
        ([b"\x08"], [b""]),
        ([b"ab", b"\r"], [b"ab", b"\r\n"]),
        ([b"ab", b"\x12"], [b"ab", b"\r\nR1#ab"]),
        ([b"ab", b"\x0c"], [b"ab", b"\r\nR1#ab"]),
        ([b"ab", b"\x03"], [b"ab", b"\r\n"]),
        ([b"ab", b"\x1a"], [b"ab", b"^Z\r\n"]),
        ([b"ab", b"?"], [b"ab", b"?\r\n"]),
        ([b"ab", b"\t"], [b"ab", b""]),
    ],
)
def test_the_echo_is_exact(keys: list[bytes], echo: list[bytes]) -> None:
    started = editor()
    assert [written(started.feed(key)) for key in keys] == echo


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\0"])
def test_every_kind_of_return_is_one(end: bytes) -> None:
    started = editor()
    assert started.feed(b"a" + end) == [Write(b"a\r\n"), LineEnded("a")]
    assert started.start("R1#") == [Write(b"R1#")]
    assert started.feed(b"b" + end) == [Write(b"b\r\n"), LineEnded("b")]


def test_the_halves_of_crlf_may_come_apart() -> None:
    started = editor()
    assert started.feed(b"a\r") == [Write(b"a\r\n"), LineEnded("a")]
    started.start("R1#")
    assert started.feed(b"\n") == []
    assert started.feed(b"b\n") == [Write(b"b\r\n"), LineEnded("b")]


def test_an_empty_line_gives_the_prompt_again() -> None:
    started = editor()
    assert started.feed(b"\r") == [Write(b"\r\n"), LineEnded("")]


def test_type_ahead_is_echoed_once_behind_its_own_prompt() -> None:
    started = editor()
    assert started.feed(b"conf t\rint tu0\rshut") == [Write(b"conf t\r\n"), LineEnded("conf t")]
    assert started.feed(b"down\r") == []
    assert started.start("R1(config)#") == [Write(b"R1(config)#int tu0\r\n"), LineEnded("int tu0")]
    assert started.start("R1(config-if)#") == [Write(b"R1(config-if)#shutdown\r\n"), LineEnded("shutdown")]
    assert started.start("R1(config-if)#") == [Write(b"R1(config-if)#")]


def test_help_shows_rows_and_the_line_again() -> None:
    started = editor()
    assert started.feed(b"show ?") == [Write(b"show ?\r\n"), Help("show ")]
    assert started.show_help(["  dmvpn", "  ip"]) == [Write(b"  dmvpn\r\n  ip\r\n\r\nR1#show ")]
    assert started.feed(b"ip\r") == [Write(b"ip\r\n"), LineEnded("show ip")]


def test_help_is_about_what_is_before_the_cursor() -> None:
    assert editor().feed(b"show ip\x02\x02?")[-1] == Help("show ")


def test_tab_writes_the_completed_line_on_a_new_line() -> None:
    started = editor()
    assert started.feed(b"sh\t") == [Write(b"sh"), Complete("sh")]
    assert started.show_completion("show ") == [Write(b"\r\nR1#show ")]
    assert started.feed(b"ip\r")[-1] == LineEnded("show ip")


def test_tab_that_fits_nothing_does_nothing() -> None:
    started = editor()
    started.feed(b"s\t")
    assert started.show_completion(None) == []
    assert started.feed(b"h\r") == [Write(b"h\r\n"), LineEnded("sh")]


def test_tab_inside_the_line_does_nothing() -> None:
    assert editor().feed(b"ab\x02\t") == [Write(b"ab\b")]


def test_ctrl_c_drops_the_line_and_ctrl_z_hands_it_over() -> None:
    assert editor().feed(b"abc\x03")[-1] == Interrupt()
    assert editor().feed(b"shut\x1a")[-1] == CtrlZ("shut")


@pytest.mark.parametrize("key", [b"\x1e", b"\x03"])
def test_a_running_command_is_broken_off_and_the_type_ahead_with_it(key: bytes) -> None:
    started = editor()
    started.feed(b"ping x\r")
    assert started.feed(b"forget this\r" + key + b"show") == [Abort()]
    assert started.start("R1#") == [Write(b"R1#show")]


def test_history_goes_back_and_forth_and_keeps_the_unfinished_line() -> None:
    started = editor()
    for command in (b"one", b"two", b"two", b"  ", b"three"):
        started.feed(command + b"\r")
        started.start("R1#")
    assert started.history == ["one", "two", "three"]
    started.feed(b"unfinished")
    assert written(started.feed(UP)) == b"\b" * 10 + b"three" + b" " * 5 + b"\b" * 5
    assert written(started.feed(b"\x10")) == b"\b" * 4 + b"wo" + b"  " + b"\b\b"
    started.feed(b"\x10\x10\x10")
    assert written(started.feed(b"\x0c")) == b"\r\nR1#one"
    started.feed(DOWN + DOWN + DOWN + DOWN + DOWN)
    assert started.feed(b"\r")[-1] == LineEnded("unfinished")


def test_history_forgets_the_oldest() -> None:
    started = LineEditor(history_size=2)
    for command in (b"one", b"two", b"three"):
        started.start("#")
        started.feed(command + b"\r")
    assert started.history == ["two", "three"]


def test_a_password_is_neither_shown_nor_remembered_nor_completed() -> None:
    started = LineEditor()
    assert started.start("Password: ", echo=False) == [Write(b"Password: ")]
    assert started.feed(b"se?cre\tt\x7fT" + UP) == []
    assert started.feed(b"\r") == [Write(b"\r\n"), LineEnded("se?creT")]
    assert started.history == []


@pytest.mark.parametrize(
    ("data", "event"),
    [
        (b" ", KeyPressed(" ")),
        (b"\r", KeyPressed("\r")),
        (b"\n", KeyPressed("\r")),
        (b"q", KeyPressed("q")),
        (b"?", KeyPressed("?")),
        (b"\x03", Interrupt()),
    ],
)
def test_a_single_key_is_read_without_echo(data: bytes, event: EditorEvent) -> None:
    started = LineEditor()
    assert started.read_key("[confirm]") == [Write(b"[confirm]")]
    assert started.feed(data) == [event]


def test_a_key_that_was_typed_ahead_counts() -> None:
    started = editor()
    started.feed(b"clear counters\ry")
    assert started.read_key("Clear? [confirm]") == [Write(b"Clear? [confirm]"), KeyPressed("y")]


def test_a_log_line_interrupts_and_the_line_is_repeated_only_if_wanted() -> None:
    started = editor()
    started.feed(b"show i")
    assert started.interject(["*%X-5-Y: text"]) == [Write(b"\r\n*%X-5-Y: text\r\n")]
    assert started.interject(["*%X-5-Y: text"], redraw=True) == [Write(b"\r\n*%X-5-Y: text\r\nR1#show i")]
    assert started.feed(b"p\r") == [Write(b"p\r\n"), LineEnded("show ip")]


def test_a_long_line_scrolls_with_a_dollar_at_the_edge() -> None:
    started, screen = editor(width=40), Screen()
    screen.show(b"R1#")
    screen.show(written(started.feed(b"x" * 36)))
    assert screen.row == "R1#" + "x" * 36
    screen.show(written(started.feed(b"y")))
    assert screen.row.rstrip() == "R1#$" + "x" * 25 + "y"
    screen.show(written(started.feed(b"\x01")))
    assert screen.row.rstrip() == "R1#" + "x" * 35 + "$"
    assert screen.column == 3
    assert started.feed(b"\r")[-1] == LineEnded("x" * 36 + "y")


@pytest.mark.parametrize("width", [0, 511, 512])
def test_for_automation_a_long_line_is_echoed_in_one_piece(width: int) -> None:
    command = b"show " + b"x" * 700
    assert editor(width).feed(command + b"\r") == [Write(command + b"\r\n"), LineEnded(command.decode())]


def test_a_line_without_end_is_cut_with_a_bell() -> None:
    started = editor(width=0)
    events = started.feed(b"x" * (MAX_LINE + 5) + b"\r")
    assert events[-1] == LineEnded("x" * MAX_LINE)
    assert b"\a" in written(events)


def test_a_character_in_two_pieces_is_one_character() -> None:
    started = editor()
    assert started.feed("é".encode()[:1]) == []
    assert started.feed("é".encode()[1:]) == [Write("é".encode())]


# ` --More-- `: screens, lines, the end, the search.


class Paged:
    """A pager whose pieces are put together."""

    def __init__(self, lines: Iterable[str], *, length: int, width: int = 80) -> None:
        self.pager = Pager(lines, length=length, width=width)

    @property
    def done(self) -> bool:
        return self.pager.done

    def start(self) -> bytes:
        return b"".join(self.pager.start())

    def key(self, char: str) -> bytes:
        return b"".join(self.pager.key(char))


WIPE = b"\b" * 10 + b" " * 10 + b"\b" * 10


def pager(count: int, length: int = 4, width: int = 80) -> Paged:
    return Paged((f"line {number}" for number in range(1, count + 1)), length=length, width=width)


def shown(*numbers: int) -> bytes:
    return b"".join(b"line %d\r\n" % number for number in numbers)


def test_what_fits_is_shown_without_a_word() -> None:
    started = pager(3)
    assert started.start() == shown(1, 2, 3)
    assert started.done


def test_nothing_is_shown_as_nothing() -> None:
    started = pager(0)
    assert started.start() == b""
    assert started.done


def test_a_blank_gives_a_screen_and_return_a_line() -> None:
    started = pager(9)
    assert started.start() == shown(1, 2, 3) + b" --More-- "
    assert started.key("\r") == WIPE + shown(4) + b" --More-- "
    assert started.key("\n") == WIPE + shown(5) + b" --More-- "
    assert started.key(" ") == WIPE + shown(6, 7, 8) + b" --More-- "
    assert not started.done
    assert started.key(" ") == WIPE + shown(9)
    assert started.done


@pytest.mark.parametrize("key", ["q", "x", "\x03", "Q"])
def test_any_other_key_ends_it(key: str) -> None:
    started = pager(9)
    started.start()
    assert started.key(key) == WIPE
    assert started.done


def test_length_zero_shows_everything() -> None:
    started = pager(100, length=0)
    assert started.start() == shown(*range(1, 101))
    assert started.done


def test_a_wide_line_takes_several_rows() -> None:
    started = Paged(["x" * 25, "second", "third"], length=4, width=10)
    assert started.start() == b"x" * 25 + b"\r\n --More-- "


def test_a_slash_searches_for_text() -> None:
    started = pager(50)
    started.start()
    assert started.key("/") == WIPE + b"/"
    assert [started.key(char) for char in "lXine 42"] == [char.encode() for char in "lXine 42"]
    for _ in range(7):
        assert started.key("\x7f") == b"\b \b"
    assert [started.key(char) for char in "ine 42"] == [char.encode() for char in "ine 42"]
    assert started.key("\x07") == b""
    assert started.key("\r") == b"\b" * 8 + b" " * 8 + b"\b" * 8 + shown(42, 43, 44) + b" --More-- "


def test_a_search_that_finds_nothing_ends_the_output() -> None:
    started = pager(9)
    started.start()
    for char in "/zz":
        started.key(char)
    started.key("\r")
    assert started.done


def test_lines_are_taken_only_when_they_are_shown() -> None:
    taken: list[int] = []

    def lines() -> Iterator[str]:
        for number in range(1000):
            taken.append(number)
            yield str(number)

    Paged(lines(), length=24).start()
    assert len(taken) == 24


def test_a_long_text_without_pages_is_made_piece_by_piece_as_it_is_sent() -> None:
    made = 0

    def lines() -> Iterator[str]:
        nonlocal made
        for made in range(1, 10_001):
            yield f"line {made}"

    pieces = Pager(lines(), length=0).start()
    next(pieces)
    assert made < 200
    assert len(b"".join(pieces).splitlines()) == 10_000 - PIECE
