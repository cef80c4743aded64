"""The whole language, as all features make it: what is shown reads back as the same, and every line is within reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import assume, given
from hypothesis import strategies as st

from dmvpn.ios import ConfigLine, ConfigSession
from dmvpn.ios.command import Command, Verb
from dmvpn.router.features import FEATURES
from support.full_language import KEYWORDS_AS_NAMES, LANGUAGE, LINES, TEXTS, line_of

if TYPE_CHECKING:
    from dmvpn.ios import ConfigTree


def models(tree: ConfigTree) -> dict[str, object]:
    return {feature.name: feature.model(tree) for feature in FEATURES if feature.model is not None}


@given(TEXTS)
def test_the_running_configuration_reads_back_as_the_same(text: str) -> None:
    tree = LANGUAGE.parse_text(text).tree
    shown = tree.render()
    again = LANGUAGE.parse_text("\n".join(shown))
    assert [problem for problem in again.problems if not problem.is_warning] == []
    assert again.tree.render() == shown
    assert models(again.tree) == models(tree)


@given(st.sampled_from(LINES), st.data())
def test_every_line_is_understood_in_its_mode_and_may_be_taken_back(line: ConfigLine, data: st.DataObject) -> None:
    text = data.draw(line_of(line))
    assume(not set(text.split()) & KEYWORDS_AS_NAMES)
    command = LANGUAGE.interpret(line.mode, text)
    assert isinstance(command, Command)
    assert [(target.line.mode, target.line.syntax) for target in command.targets] == [(line.mode, line.syntax)]
    taken_back = LANGUAGE.interpret(line.mode, f"no {text}")
    assert isinstance(taken_back, Command)
    assert taken_back.verb is Verb.NO


@given(TEXTS, TEXTS)
def test_a_copy_is_independent_and_a_text_on_top_of_it_says_truly_what_it_changed(first: str, second: str) -> None:
    tree = LANGUAGE.parse_text(first).tree
    before = tree.render()
    session = ConfigSession(LANGUAGE, tree.copy())
    changed = [session.enter(line).changed for line in second.splitlines()]
    assert tree.render() == before
    if not any(changed):
        assert session.tree == tree
