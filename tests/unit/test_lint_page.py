"""The page about lint is the one that the rules make, and every rule says what a reader needs."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import dmvpn
from dmvpn.base.findings import Rule
from dmvpn.base.placeholder import BLANKS
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.tools.lint import GROUPS, RULES
from support.lint_page import PAGE, page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SOURCES = Path(dmvpn.__file__).parent


def test_the_page_about_lint_is_the_one_that_the_rules_make() -> None:
    old = "docs/reference/lint.md is old: python -m support.lint_page (from the folder tests)"
    assert PAGE.read_text() == page(), old


def test_every_rule_is_in_one_group() -> None:
    assert [rule.id for _, rules in GROUPS for rule in rules] == [rule.id for rule in RULES]
    assert len({rule.id for rule in RULES}) == len(RULES)


def _modules() -> Iterator[ModuleType]:
    """Import whatever makes rules: `lint.py` of each feature, and the modules of `tools/lint`."""
    tools = SOURCES / "tools" / "lint"
    others = (tools / "engine.py", SOURCES / "network" / "references.py")
    for path in (*SOURCES.glob("features/*/lint.py"), *tools.glob("rules/*.py"), *others):
        yield import_module(".".join(path.relative_to(SOURCES.parent).with_suffix("").parts))


def _in_no_group(modules: Iterable[ModuleType]) -> list[str]:
    """Return the rules that these modules make and that `dmvpn lint` does not know."""
    return [
        f"{module.__name__}.{name}"
        for module in modules
        for name, rule in vars(module).items()
        if isinstance(rule, Rule) and rule not in RULES
    ]


def test_every_rule_that_a_module_makes_is_in_a_group() -> None:
    """A rule in no group is on no page, and nothing asks for a case of it."""
    where = "name it in RULES of its module, and that RULES in GROUPS of src/dmvpn/tools/lint/engine.py"
    assert _in_no_group(_modules()) == [], where


def test_a_rule_in_no_group_would_be_found() -> None:
    module = ModuleType("lint")
    vars(module).update(KNOWN=RULES[0], FORGOTTEN=replace(RULES[0], id="rule-without-group"))
    assert _in_no_group([module]) == ["lint.FORGOTTEN"]


def test_a_rule_has_a_name_a_reason_and_an_example() -> None:
    for rule in RULES:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", rule.id)
        assert rule.title[0].isupper() or rule.title[0] == "`", rule.id
        assert not rule.title.endswith("."), rule.id
        assert rule.why.endswith("."), rule.id
        assert rule.bad, rule.id


def test_the_examples_are_lines_that_routers_read() -> None:
    for rule, text in ((each, text) for each in RULES if each.id != "line-refused" for text in (each.bad, each.fix)):
        if not text.startswith("(sites)"):
            problems = [one.text for one in configurator(FEATURES).parse_text(text).problems if not one.is_warning]
            assert [line for line in problems if not any(blank in line for blank in BLANKS)] == [], rule.id
