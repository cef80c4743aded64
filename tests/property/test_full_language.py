"""The whole language, as all features make it: what is shown reads back as the same, and every line is within reach."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dmvpn.ios import CliError, ConfigLine, ConfigSession, ConfigTree, Match, compile_syntax
from dmvpn.ios.config_line import FREE, Command, Verb
from dmvpn.ios.editor import Complete, CtrlZ, Help, Interrupt, KeyPressed, LineEditor, LineEnded, Write
from dmvpn.ios.filters import Pattern, PatternError
from dmvpn.ios.pager import Pager
from support import full_language
from support import small_language as small
from support.cases import few_examples
from support.ios_strategies import INTERFACE_LINES, RUBBISH, words_of
from support.ios_strategies import LINES as SMALL_LINES
from support.ios_strategies import line_of as small_line_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from dmvpn.ios.editor import EditorEvent


@pytest.mark.lengthy
@given(full_language.TEXTS)
@example("version 17.9\nend")
def test_the_running_configuration_reads_back_as_the_same(text: str) -> None:
    tree = full_language.LANGUAGE.parse_text(text).tree
    shown = tree.render()
    again = full_language.LANGUAGE.parse_text(
        "\n".join((*shown, "end"))
    )  # as a router shows it: one with a version ends so
    assert [problem for problem in again.problems if not problem.is_warning] == []
    assert again.tree.render() == shown
    assert full_language.models(again.tree) == full_language.models(tree)


@pytest.mark.lengthy
@pytest.mark.hypothesis
def test_every_line_is_understood_in_its_mode_and_may_be_taken_back() -> None:
    for line in full_language.LINES:
        _try_line(line)


def _try_line(line: ConfigLine) -> None:
    @few_examples(2)
    @given(full_language.line_of(line))
    def however_it_is_typed(text: str) -> None:
        _is_understood(line, text)

    however_it_is_typed()


@pytest.mark.hypothesis
def test_every_line_is_written_of_what_it_says() -> None:
    for line in full_language.LINES:
        _write_line(line)
    for line in full_language.FREE_LINES:
        _is_written(line, f"{line.syntax.removesuffix(FREE)} x1", is_shown=True)


@pytest.mark.parametrize(
    ("mode", "typed", "written"),
    [
        ("access-list-extended", "permit tcp any any ack established", "permit tcp any any established ack"),
        ("track", "delay down 180 up 180", "delay up 180 down 180"),
    ],
)
def test_words_of_any_order_are_written_in_the_order_of_the_syntax(mode: str, typed: str, written: str) -> None:
    found = full_language.LANGUAGE.interpret(mode, typed)
    assert isinstance(found, Command)
    assert [target.line.line(**target.args) for target in found.targets] == [written]


def _write_line(line: ConfigLine) -> None:
    @few_examples(2)
    @given(full_language.line_of(line), full_language.written_of(line))
    def however_it_is_typed(text: str, as_shown: str) -> None:
        _is_written(line, text)
        _is_written(line, as_shown, is_shown=True)

    however_it_is_typed()


def _is_written(line: ConfigLine, text: str, *, is_shown: bool = False) -> None:
    """What is written reads as the same, and is what `show running-config` shows.

    is_shown: the text is spelled as the configuration shows it. Words that may have any order (`ack established`) are
    shown as typed and written in the order of the syntax.
    """
    found = full_language.LANGUAGE.interpret(line.mode, text)
    if set(text.split()) & full_language.KEYWORDS_AS_NAMES or text.count(" shared") > 1:
        return
    assert isinstance(found, Command), text
    (target,) = found.targets
    written = target.line.line(**target.args)
    again = full_language.LANGUAGE.interpret(line.mode, written)
    assert isinstance(again, Command), written
    if target.line.show is None:
        assert again.targets == found.targets
    if is_shown or target.line.show is not None:
        assert sorted(written.split()) == sorted(target.line.text(target.args).split())


@pytest.mark.lengthy
@pytest.mark.hypothesis
def test_a_name_that_is_a_word_of_some_line_is_written_as_it_reads_or_refused() -> None:
    """A process of EIGRP with the name `7` was written as `router eigrp 7`, which is the process of that number."""
    for line in full_language.LINES:
        if line.group is None:
            _try_names(line)


def _try_names(line: ConfigLine) -> None:
    @few_examples(2)
    @given(full_language.named_of(line))
    def whatever_is_called_so(text: str) -> None:
        found = full_language.LANGUAGE.interpret(line.mode, text)
        assert isinstance(found, Command), text
        words = text.split(" ")
        for index, (mark, _, name) in enumerate(word.partition(":") for word in words):
            for rival in full_language.rivals_of(line.mode, " ".join(words[:index])) if mark == "x" else ():
                _is_read_or_refused(line, {**found.targets[0].args, name: rival}, name)

    whatever_is_called_so()


def _is_read_or_refused(line: ConfigLine, values: Mapping[str, Hashable], name: str) -> None:
    try:
        written = line.line(**values)
    except ValueError:
        return
    again = full_language.LANGUAGE.interpret(line.mode, written)
    assert isinstance(again, Command), written
    (target,) = again.targets
    assert (target.line, target.args.get(name)) == (line, values[name]), written


@given(st.sampled_from(full_language.LINES).flatmap(lambda line: st.tuples(st.just(line), full_language.line_of(line))))
def test_a_line_is_understood_however_it_is_typed(typed: tuple[ConfigLine, str]) -> None:
    _is_understood(*typed)


def _is_understood(line: ConfigLine, text: str) -> None:
    if set(text.split()) & full_language.KEYWORDS_AS_NAMES:
        return
    command = full_language.LANGUAGE.interpret(line.mode, text)
    assert isinstance(command, Command), text
    assert [(target.line.mode, target.line.syntax) for target in command.targets] == [(line.mode, line.syntax)]
    taken_back = full_language.LANGUAGE.interpret(line.mode, f"no {text}")
    assert isinstance(taken_back, Command), text
    assert taken_back.verb is Verb.NO


@pytest.mark.lengthy
@few_examples(10)
@given(full_language.TEXTS, full_language.TEXTS)
def test_a_copy_is_independent_and_a_text_on_top_of_it_says_truly_what_it_changed(first: str, second: str) -> None:
    tree = full_language.LANGUAGE.parse_text(first).tree
    before = tree.render()
    session = ConfigSession(full_language.LANGUAGE, tree.copy())
    changed = [session.enter(line).changed for line in second.splitlines()]
    assert tree.render() == before
    if not any(changed):
        assert session.tree == tree


_CLOUD_LINES = (
    "tunnel mode gre multipoint", "no tunnel mode", "ip nhrp network-id 1", "no ip nhrp network-id", "ip nhrp shortcut",
    "no ip nhrp shortcut", "default ip nhrp shortcut", "ip nhrp map multicast dynamic", "description version 17.9",
    "no ip nhrp map multicast dynamic", "ip nhrp map multicast 192.0.2.1", "! Written by nobody", "shutdown", "!",
)  # fmt: skip


@given(
    st.sampled_from(["12.4", "15.6", "15.7", "16.2", "16.3", "16.12", "17.15"]),
    st.lists(st.sampled_from([*_CLOUD_LINES, "interface Tunnel0", "interface Tunnel1", "no interface Tunnel1"])),
)
def test_what_a_release_had_on_is_shown_and_means_the_same_when_it_is_read_back(version: str, lines: list[str]) -> None:
    body = "\n".join(["interface Tunnel0", *lines])
    tree = full_language.LANGUAGE.parse_text(f"version {version}\n{body}").tree
    again = full_language.LANGUAGE.parse_text("\n".join(tree.render()))
    assert again.put_in == ()
    assert again.tree.render() == tree.render()
    assert full_language.models(again.tree) == full_language.models(tree)


# Nothing that is typed, pasted or piped may crash the language, and its answers keep their form.

SMALL_LANGUAGE = small.configurator()
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
    session = ConfigSession(SMALL_LANGUAGE, ConfigTree(), PARSER)
    for line in lines:
        session.help(line)
        session.complete(line)
        result = session.enter(line)
        assert not result.refused or result.output_lines
    session.tree.render()


@given(st.text())
def test_any_file_is_read(text: str) -> None:
    for problem in SMALL_LANGUAGE.parse_text(text).problems:
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


# Whatever is configured is shown in a form that loads back unchanged; `no` takes back; cut words mean the same.


def entered(lines: list[str]) -> ConfigSession:
    session = ConfigSession(SMALL_LANGUAGE, ConfigTree())
    for line in lines:
        session.enter(line)
    return session


@given(st.lists(SMALL_LINES, max_size=40))
def test_the_running_configuration_loads_back_unchanged(lines: list[str]) -> None:
    tree = entered(lines).tree
    shown = tree.render()
    result = SMALL_LANGUAGE.parse_text("\n".join(shown))
    assert [problem for problem in result.problems if not problem.is_warning] == []
    assert result.tree == tree
    assert result.tree.render() == shown


@given(st.lists(SMALL_LINES, max_size=20))
def test_loading_on_top_of_itself_changes_nothing(lines: list[str]) -> None:
    tree = entered(lines).tree
    assert SMALL_LANGUAGE.parse_text("\n".join(tree.render()), tree).tree == tree


@given(st.lists(SMALL_LINES, max_size=20), SMALL_LINES)
def test_a_line_says_truly_whether_it_changed_something(lines: list[str], line: str) -> None:
    session = entered(lines)
    before = session.tree.copy()
    result = session.enter(line)
    assert result.changed == (session.tree != before)
    assert not (result.refused and result.changed)


@given(st.lists(st.one_of(SMALL_LINES, RUBBISH), max_size=20))
def test_a_copy_is_equal_and_independent(lines: list[str]) -> None:
    session = entered(lines)
    copy = session.tree.copy()
    assert copy == session.tree
    assert copy.render() == session.tree.render()
    session.enter("end")
    session.enter("interface Tunnel4711")
    assert copy != session.tree


@given(INTERFACE_LINES.flatmap(small_line_of))
def test_no_takes_back_what_the_line_did(line: str) -> None:
    session = entered(["interface Tunnel9", line])
    session.enter(f"no {line}")
    session.enter(line)
    once = session.tree.copy()
    session.enter(f"default {line}")
    assert session.section.is_empty()
    session.enter(line)
    assert session.tree == once


@given(st.sampled_from(small.COMMANDS).flatmap(lambda command: words_of(compile_syntax(command.syntax))))
def test_every_line_of_the_grammar_is_understood(words: list[str]) -> None:
    assert isinstance(PARSER.match(" ".join(words)), Match)


@given(st.sampled_from([["show", "ip", "nhrp", "nhs", "detail"], ["show", "running-config", "all"]]), st.data())
def test_a_cut_line_means_the_same_or_is_ambiguous_never_something_else(words: list[str], data: st.DataObject) -> None:
    cut = [word[: data.draw(st.integers(1, len(word)))] for word in words]
    whole, match = PARSER.match(" ".join(words)), PARSER.match(" ".join(cut))
    assert isinstance(match, CliError) or match == whole
