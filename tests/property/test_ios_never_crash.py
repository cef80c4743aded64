"""Nothing that is typed, pasted or piped may crash the language, and its answers keep their form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hypothesis import example, given
from hypothesis import strategies as st

from dmvpn.ios import CliError, ConfigSession, ConfigTree
from dmvpn.ios.editor import Complete, CtrlZ, Help, Interrupt, KeyPressed, LineEditor, LineEnded, Write
from dmvpn.ios.filters import Pattern, PatternError
from dmvpn.ios.pager import Pager
from support import small_language as small
from support.ios_strategies import RUBBISH

if TYPE_CHECKING:
    from dmvpn.ios.editor import EditorEvent

LANGUAGE = small.configurator()
PARSER = small.exec_parser()
TYPED = st.one_of(RUBBISH, st.text(max_size=40))


@given(TYPED)
def test_any_exec_line_is_understood_or_refused(line: str) -> None:
    match = PARSER.match(line)
    if isinstance(match, CliError):
        assert 0 <= match.column <= len(line)
        assert all("\n" not in row for row in match.lines(3))
    assert all(len(row) <= 120 for row in PARSER.help_lines(line))
    completed = PARSER.complete(line)
    assert completed is None or completed.startswith(line[: max(0, line.rfind(" "))])


@given(st.lists(TYPED, max_size=10))
def test_any_configuration_line_is_taken_or_refused(lines: list[str]) -> None:
    session = ConfigSession(LANGUAGE, ConfigTree(), PARSER)
    for line in lines:
        session.help(line)
        session.complete(line)
        result = session.enter(line)
        assert not result.refused or result.output_lines
    session.tree.render()


@given(st.text())
def test_any_file_is_read(text: str) -> None:
    for problem in LANGUAGE.parse_text(text).problems:
        assert 1 <= problem.line_number <= 1 + len(re.findall(r"\r\n|\n|\r", text))


#: Keys in the proportions in which they make trouble.
KEYS = st.lists(
    st.one_of(
        st.sampled_from([bytes([key]) for key in range(32)]),
        st.sampled_from(
            [b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D", b"\x1b[3~", b"\x1bb", b"\x1bf", b"\x1bd", b"\x7f"]
        ),
        st.sampled_from([b"show ip", b" ", b"x" * 30, b"?", "é".encode()]),
        st.binary(max_size=3),
    ),
    max_size=40,
).map(b"".join)


class Terminal:
    """A session without a router: answers every event, and keeps what a screen would show."""

    def __init__(self, editor: LineEditor) -> None:
        self.editor = editor
        self.row, self.column = "", 0
        self.entered: list[str] = []
        self.handle(editor.start("R1#"))

    def feed(self, data: bytes) -> None:
        self.handle(self.editor.feed(data))

    def handle(self, events: list[EditorEvent]) -> None:
        for event in events:
            match event:
                case Write():
                    self.show(event.data.decode())
                case Help():
                    self.handle(self.editor.show_help(["  row"]))
                case Complete():
                    self.handle(self.editor.show_completion(event.text + "X" if event.text.endswith("p") else None))
                case LineEnded() | CtrlZ():
                    self.entered.append(event.text)
                    self.handle(self.editor.start("R1#"))
                case Interrupt() | KeyPressed():
                    self.handle(self.editor.start("R1#"))

    def show(self, text: str) -> None:
        for char in text:
            if char == "\b":
                assert self.column > 0
                self.column -= 1
            elif char == "\n":
                self.row, self.column = "", 0
            elif char not in "\r\a":
                assert char.isprintable(), f"{char!r} is no teletype"
                self.row = self.row[: self.column] + char + self.row[self.column + 1 :]
                self.column += 1


@given(KEYS, st.sampled_from([0, 40, 80]))
def test_the_screen_always_shows_prompt_and_line_with_the_cursor_in_its_place(keys: bytes, width: int) -> None:
    terminal = Terminal(LineEditor(width=width))
    terminal.feed(keys)
    visible, cursor = terminal.editor._visible()
    assert terminal.row.rstrip() == ("R1#" + visible).rstrip()
    assert terminal.column == 3 + cursor
    assert not width or terminal.column < width


@given(KEYS)
@example(b"x" * 77 + b"\x02")  # a line that just scrolls, and back: the screen showed whether both came at once
def test_it_does_not_matter_in_which_pieces_keys_arrive(keys: bytes) -> None:
    whole, pieces = Terminal(LineEditor()), Terminal(LineEditor())
    whole.feed(keys)
    for place in range(len(keys)):
        pieces.feed(keys[place : place + 1])
    assert whole.entered == pieces.entered
    assert whole.row.rstrip() == pieces.row.rstrip()


@given(st.binary(max_size=60))
def test_a_password_never_appears(keys: bytes) -> None:
    editor = LineEditor()
    events = editor.start("", echo=False) + editor.feed(keys)
    shown = b"".join(event.data for event in events if isinstance(event, Write))
    assert shown.strip(b"\r\n\a") in (b"", b"^Z", b"?")


@given(st.lists(st.text(max_size=100), max_size=50), st.integers(0, 30), st.text(max_size=20))
def test_any_keys_page_through_any_output(lines: list[str], length: int, keys: str) -> None:
    pager = Pager(lines, length=length)
    output = b"".join(pager.start())
    for key in keys:
        if pager.done:
            break
        output += b"".join(pager.key(key))
    output.decode()


#: Patterns that mean the same to IOS and to Python.
PATTERNS = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "^", "$", "x"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        inner.map(lambda text: f"({text})*"),
        inner.map(lambda text: f"({text})?"),
        inner.map(lambda text: f"({text})+"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})"),
    ),
    max_leaves=6,
)


@given(PATTERNS, st.text(alphabet="abx", max_size=8))
def test_our_matcher_agrees_with_pythons(pattern: str, line: str) -> None:
    # "^" twice in a row matches nothing here, the anchors being symbols; Python sees no difference.
    if not re.search(r"\^.*\^|\$.*\$|[*+?].*\^|\$.*[*+?(]|\^\)[*+?]|\$\)[*+?]", pattern):
        assert Pattern(pattern).search(line) == (re.search(pattern, line) is not None)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_pattern_is_compiled_or_refused(pattern: str, line: str) -> None:
    try:
        compiled = Pattern(pattern)
    except PatternError:
        return
    compiled.search(line)
