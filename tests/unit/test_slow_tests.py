"""The list of slow tests: what it names exists, and each file keeps a test of every day."""

from __future__ import annotations

import re

import pytest

from support.slow_tests import LIST, chosen, slow_tests


@pytest.mark.parametrize("test", sorted({test.partition("[")[0] for test in slow_tests()}))
def test_each_listed_test_exists(test: str) -> None:
    file, name = test.rsplit("::", 1)
    assert re.search(rf"^ *(async )?def {name}\(", (LIST.parents[1] / file).read_text("utf-8"), re.MULTILINE)


def test_what_takes_longer_than_it_may_is_slow_but_the_quickest_of_a_file_is_of_every_day() -> None:
    assert chosen({"a::one": 0.2, "a::two": 1.5, "b::one": 3.0, "b::two": 2.0}) == {"a::two", "b::one"}
