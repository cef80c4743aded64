"""The page about lint is the one that the rules make, and every rule says what a reader needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.tools.lint import GROUPS, RULES
from support.lint_page import PAGE, page

if TYPE_CHECKING:
    from dmvpn.base.findings import Rule


def test_the_page_about_lint_is_the_one_that_the_rules_make() -> None:
    """If this fails: `python -m support.lint_page` in the folder tests."""
    assert PAGE.read_text() == page()


def test_every_rule_is_in_one_group() -> None:
    assert [rule.id for _, rules in GROUPS for rule in rules] == [rule.id for rule in RULES]
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_has_a_name_a_reason_and_an_example(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", rule.id)
    assert rule.title[0].isupper() or rule.title[0] == "`"
    assert not rule.title.endswith(".")
    assert rule.why.endswith(".")
    assert rule.bad


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.id != "line-refused"], ids=lambda rule: rule.id)
def test_the_examples_are_lines_that_routers_read(rule: Rule) -> None:
    for text in (rule.bad, rule.fix):
        if not text.startswith("(sites)"):
            problems = configurator(FEATURES).parse_text(text).problems
            assert [problem.text for problem in problems if not problem.is_warning] == []
