"""Lines that are entered one by one, in pieces or by several users come to the configuration that they say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.events import Event, LinesEntered
from dmvpn.face.draft import Draft
from dmvpn.ios import EVERYTHING, ConfigSession, ConfigTree, reading
from dmvpn.router.features import FEATURES
from support.full_language import LANGUAGE, TEXTS

if TYPE_CHECKING:
    from dmvpn.face.handle import RouterHandle
    from dmvpn.ios import ConfigLine, ExecParser

NO_PARSER = cast("ExecParser", None)


@dataclass
class Bench:
    """The part of a router that holds the configuration."""

    running: ConfigTree
    configurator = LANGUAGE
    posted: list[LinesEntered] = field(default_factory=list)

    def context(self, _: int) -> Bench:
        return self

    def post(self, event: Event) -> None:
        assert isinstance(event, LinesEntered)
        self.posted.append(event)
        session = ConfigSession(LANGUAGE, self.running)
        for line in event.lines:
            session.enter_again(line)

    def draft(self) -> Draft:
        return Draft(cast("RouterHandle", self), NO_PARSER, 0, "console")


def entered(first: str, second: str) -> ConfigTree:
    """A session that nobody disturbs."""
    tree = LANGUAGE.parse_text(first).tree
    session = ConfigSession(LANGUAGE, tree)
    for line in second.splitlines():
        session.enter(line)
    return tree


@pytest.mark.lengthy
@given(TEXTS, TEXTS, st.sets(st.integers(0, 60)))
def test_a_router_gets_in_pieces_what_was_entered_line_by_line(first: str, second: str, pauses: set[int]) -> None:
    bench = Bench(LANGUAGE.parse_text(first).tree)
    draft = bench.draft()
    for number, line in enumerate(second.splitlines()):
        draft.enter(line, 0)
        if number in pauses:
            draft.settle()
            assert bench.running.render() == draft.session.tree.render()
    draft.settle()
    assert bench.running.render() == entered(first, second).render()


@pytest.mark.lengthy
@given(TEXTS, TEXTS, st.lists(st.booleans(), max_size=60))
def test_no_line_of_two_users_is_lost_between_them(first: str, second: str, turns: list[bool]) -> None:
    bench = Bench(ConfigTree())
    drafts = (bench.draft(), bench.draft())
    lines = (first.splitlines(), second.splitlines())
    for turn in turns:
        if lines[turn]:
            drafts[turn].enter(lines[turn].pop(0), 0)
            drafts[turn].settle()
            assert drafts[turn].session.tree.render() == bench.running.render()


@pytest.mark.lengthy
@given(TEXTS, TEXTS)
def test_a_model_is_as_before_unless_a_line_changed_that_it_was_made_of(first: str, second: str) -> None:
    tree = LANGUAGE.parse_text(first).tree
    session = ConfigSession(LANGUAGE, tree)
    known: dict[str, tuple[object, set[ConfigLine]]] = {}
    for line in ("", *second.splitlines()):
        tree.take_touched()
        session.enter(line)
        touched = tree.take_touched()
        for feature in FEATURES:
            if feature.model is None:
                continue
            model, read = known.get(feature.name, (None, {EVERYTHING}))
            with reading() as lines:
                now = feature.model(tree)
            assert now == model or EVERYTHING in read or touched & read, (line, feature.name)
            known[feature.name] = now, lines
