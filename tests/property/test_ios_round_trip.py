"""Whatever is configured is shown in a form that loads back unchanged; `no` takes back; cut words mean the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.ios import CliError, ConfigSession, ConfigTree, Match, compile_syntax
from support import small_language as small
from support.ios_strategies import INTERFACE_LINES, LINES, RUBBISH, line_of, words_of

LANGUAGE = small.configurator()
PARSER = small.exec_parser()


def entered(lines: list[str]) -> ConfigSession:
    session = ConfigSession(LANGUAGE, ConfigTree())
    for line in lines:
        session.enter(line)
    return session


@given(st.lists(LINES, max_size=40))
def test_the_running_configuration_loads_back_unchanged(lines: list[str]) -> None:
    tree = entered(lines).tree
    shown = tree.render()
    result = LANGUAGE.parse_text("\n".join(shown))
    assert [problem for problem in result.problems if not problem.is_warning] == []
    assert result.tree == tree
    assert result.tree.render() == shown


@given(st.lists(LINES, max_size=20))
def test_loading_on_top_of_itself_changes_nothing(lines: list[str]) -> None:
    tree = entered(lines).tree
    assert LANGUAGE.parse_text("\n".join(tree.render()), tree).tree == tree


@given(st.lists(LINES, max_size=20), LINES)
def test_a_line_says_truly_whether_it_changed_something(lines: list[str], line: str) -> None:
    session = entered(lines)
    before = session.tree.copy()
    result = session.enter(line)
    assert result.changed == (session.tree != before)
    assert not (result.refused and result.changed)


@given(st.lists(st.one_of(LINES, RUBBISH), max_size=20))
def test_a_copy_is_equal_and_independent(lines: list[str]) -> None:
    session = entered(lines)
    copy = session.tree.copy()
    assert copy == session.tree
    assert copy.render() == session.tree.render()
    session.enter("end")
    session.enter("interface Tunnel4711")
    assert copy != session.tree


@given(INTERFACE_LINES.flatmap(line_of))
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
