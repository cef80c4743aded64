"""Files of a feature that call each other in both directions are few, and do not become more."""

from __future__ import annotations

import re

import pytest

from support.knots import LIVES, PAGE, CallTracer, traced

ROW = re.compile(r"\| (?P<feature>\w+) \| \d+ \| (?P<pairs>\d+) \| (?P<knot>\d+) \|")


def test_files_that_call_each_other_over_a_third_one_are_one_knot() -> None:
    tracer = CallTracer()
    for calling, called in (("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "e"), ("e", "d")):
        tracer.count("some", calling, called)
    found = tracer.knots("some")
    assert found.largest == ("a", "b", "c")
    assert found.pairs == (("d", "e"),)


@pytest.mark.parametrize("feature", LIVES)
def test_no_more_files_of_a_feature_are_knotted_together_than_the_page_says(feature: str) -> None:
    page = {row["feature"]: row for row in ROW.finditer(PAGE.read_text("utf-8"))}
    found = traced(feature)
    assert len(found.pairs) <= int(page[feature]["pairs"]), found.pairs
    assert len(found.largest) <= int(page[feature]["knot"]), found.largest
