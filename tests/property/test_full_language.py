"""The whole language, as all features make it: what is shown reads back as the same, and every line is within reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dmvpn.ios import ConfigLine, ConfigSession
from dmvpn.ios.config_line import FREE, Command, Verb
from support.cases import few_examples
from support.full_language import (
    FREE_LINES,
    KEYWORDS_AS_NAMES,
    LANGUAGE,
    LINES,
    TEXTS,
    line_of,
    models,
    named_of,
    rivals_of,
    written_of,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping


@pytest.mark.lengthy
@given(TEXTS)
@example("version 17.9\nend")
def test_the_running_configuration_reads_back_as_the_same(text: str) -> None:
    tree = LANGUAGE.parse_text(text).tree
    shown = tree.render()
    again = LANGUAGE.parse_text("\n".join((*shown, "end")))  # as a router shows it: one with a version ends so
    assert [problem for problem in again.problems if not problem.is_warning] == []
    assert again.tree.render() == shown
    assert models(again.tree) == models(tree)


@pytest.mark.lengthy
@pytest.mark.hypothesis
def test_every_line_is_understood_in_its_mode_and_may_be_taken_back() -> None:
    for line in LINES:
        _try_line(line)


def _try_line(line: ConfigLine) -> None:
    @few_examples(2)
    @given(line_of(line))
    def however_it_is_typed(text: str) -> None:
        _is_understood(line, text)

    however_it_is_typed()


@pytest.mark.hypothesis
def test_every_line_is_written_of_what_it_says() -> None:
    for line in LINES:
        _write_line(line)
    for line in FREE_LINES:
        _is_written(line, f"{line.syntax.removesuffix(FREE)} x1", is_shown=True)


@pytest.mark.parametrize(
    ("mode", "typed", "written"),
    [
        ("access-list-extended", "permit tcp any any ack established", "permit tcp any any established ack"),
        ("track", "delay down 180 up 180", "delay up 180 down 180"),
    ],
)
def test_words_of_any_order_are_written_in_the_order_of_the_syntax(mode: str, typed: str, written: str) -> None:
    found = LANGUAGE.interpret(mode, typed)
    assert isinstance(found, Command)
    assert [target.line.of(**target.args) for target in found.targets] == [written]


def _write_line(line: ConfigLine) -> None:
    @few_examples(2)
    @given(line_of(line), written_of(line))
    def however_it_is_typed(text: str, as_shown: str) -> None:
        _is_written(line, text)
        _is_written(line, as_shown, is_shown=True)

    however_it_is_typed()


def _is_written(line: ConfigLine, text: str, *, is_shown: bool = False) -> None:
    """What is written reads as the same, and is what `show running-config` shows.

    is_shown: the text is spelled as the configuration shows it. Words that may have any order (`ack established`) are
    shown as typed and written in the order of the syntax.
    """
    found = LANGUAGE.interpret(line.mode, text)
    if set(text.split()) & KEYWORDS_AS_NAMES or text.count(" shared") > 1:
        return
    assert isinstance(found, Command), text
    (target,) = found.targets
    written = target.line.of(**target.args)
    again = LANGUAGE.interpret(line.mode, written)
    assert isinstance(again, Command), written
    if target.line.show is None:
        assert again.targets == found.targets
    if is_shown or target.line.show is not None:
        assert sorted(written.split()) == sorted(target.line.text(target.args).split())


@pytest.mark.lengthy
@pytest.mark.hypothesis
def test_a_name_that_is_a_word_of_some_line_is_written_as_it_reads_or_refused() -> None:
    """A process of EIGRP with the name `7` was written as `router eigrp 7`, which is the process of that number."""
    for line in LINES:
        if line.group is None:
            _try_names(line)


def _try_names(line: ConfigLine) -> None:
    @few_examples(2)
    @given(named_of(line))
    def whatever_is_called_so(text: str) -> None:
        found = LANGUAGE.interpret(line.mode, text)
        assert isinstance(found, Command), text
        words = text.split(" ")
        for index, (mark, _, name) in enumerate(word.partition(":") for word in words):
            for rival in rivals_of(line.mode, " ".join(words[:index])) if mark == "x" else ():
                _is_read_or_refused(line, {**found.targets[0].args, name: rival}, name)

    whatever_is_called_so()


def _is_read_or_refused(line: ConfigLine, values: Mapping[str, Hashable], name: str) -> None:
    try:
        written = line.of(**values)
    except ValueError:
        return
    again = LANGUAGE.interpret(line.mode, written)
    assert isinstance(again, Command), written
    (target,) = again.targets
    assert (target.line, target.args.get(name)) == (line, values[name]), written


@given(st.sampled_from(LINES).flatmap(lambda line: st.tuples(st.just(line), line_of(line))))
def test_a_line_is_understood_however_it_is_typed(typed: tuple[ConfigLine, str]) -> None:
    _is_understood(*typed)


def _is_understood(line: ConfigLine, text: str) -> None:
    if set(text.split()) & KEYWORDS_AS_NAMES:
        return
    command = LANGUAGE.interpret(line.mode, text)
    assert isinstance(command, Command), text
    assert [(target.line.mode, target.line.syntax) for target in command.targets] == [(line.mode, line.syntax)]
    taken_back = LANGUAGE.interpret(line.mode, f"no {text}")
    assert isinstance(taken_back, Command), text
    assert taken_back.verb is Verb.NO


@pytest.mark.lengthy
@few_examples(10)
@given(TEXTS, TEXTS)
def test_a_copy_is_independent_and_a_text_on_top_of_it_says_truly_what_it_changed(first: str, second: str) -> None:
    tree = LANGUAGE.parse_text(first).tree
    before = tree.render()
    session = ConfigSession(LANGUAGE, tree.copy())
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
    tree = LANGUAGE.parse_text(f"version {version}\n{body}").tree
    again = LANGUAGE.parse_text("\n".join(tree.render()))
    assert again.put_in == ()
    assert again.tree.render() == tree.render()
    assert models(again.tree) == models(tree)
