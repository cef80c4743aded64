"""What `make cost` says about two trees: nothing becomes dearer, new or vanishes without a word."""

from __future__ import annotations

import pytest

from support.cost import ROOT, CostError, Measured, Terms, judge

BASE, LATER = "1" * 40, "2" * 40
TERMS = f"""
base = "{BASE}"
older = "{LATER}"
limit = 1.05
[bases]
lowered = "{LATER}"
[[exceptions]]
figure = "removed"
reason = "the feature that it measured is gone"
[[exceptions]]
figure = "dearer"
most = 1.5
reason = "one more field for a show"
"""
BASES = {
    BASE: Measured({"calls": 100.0, "lowered": 100.0, "removed": 3.0, "dearer": 100.0}, {"lines": 7.0}),
    LATER: Measured({"calls": 1.0, "lowered": 50.0}, {}),
}
#: A tree that costs what it may.
GOOD = {"calls": 105.0, "lowered": 52.5, "dearer": 150.0}


def verdicts(**figures: float) -> dict[str, tuple[str, bool]]:
    rows = judge(Terms.read(TERMS), BASES, Measured(figures, {"lines": 9000.0}))
    return {row.figure: (row.verdict, row.is_bad) for row in rows}


def test_a_tree_within_its_limits_is_taken() -> None:
    assert not any(is_bad for _, is_bad in verdicts(**GOOD).values())


@pytest.mark.parametrize(("figure", "value"), [("calls", 105.1), ("lowered", 52.6), ("dearer", 150.1)])
def test_a_figure_over_its_limit_fails_the_landing(figure: str, value: float) -> None:
    """Each change made the program a little dearer, and nobody noticed: a hub took 8,445 registrations, once 14,130."""
    found = verdicts(**GOOD | {figure: value})
    assert [name for name, (_, is_bad) in found.items() if is_bad] == [figure]
    assert found[figure][0].startswith("MORE than")


def test_a_figure_that_vanishes_fails_the_landing_unless_somebody_says_why() -> None:
    found = verdicts(**{name: value for name, value in GOOD.items() if name != "calls"})
    assert found["calls"] == ("GONE, without an exception in cost.toml", True)
    assert found["removed"] == ("gone", False)


def test_a_figure_that_has_become_lower_or_is_new_asks_for_a_base_of_its_own() -> None:
    found = verdicts(**GOOD | {"calls": 50.0, "more": 1.0})
    assert found["calls"] == ("less: move its base", False)
    assert found["more"] == ("new: name a base for it in cost.toml", False)


def test_an_exception_that_nothing_needs_is_said() -> None:
    assert verdicts(**GOOD | {"dearer": 104.0})["dearer"] == ("the exception can go", False)


def test_what_is_only_printed_may_grow() -> None:
    assert verdicts(**GOOD)["lines"] == ("only printed", False)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("limit = 1.05", "'base'"),
        (TERMS.replace(BASE, "52d6e3ce"), "52d6e3ce is no commit with all its 40 digits"),
        (TERMS.replace(LATER, "main"), "main is no commit"),
        (TERMS.replace("one more field for a show", "because"), "the exception of dearer needs a reason"),
        (TERMS.replace("most = 1.5", "might = 1.5"), "might"),
    ],
)
def test_terms_that_nobody_can_follow_are_refused(text: str, problem: str) -> None:
    with pytest.raises(CostError, match=problem):
        Terms.read(text)


def test_the_terms_of_this_tree_can_be_followed() -> None:
    assert Terms.read((ROOT / "tests" / "bench" / "cost.toml").read_text()).limit == 1.05
