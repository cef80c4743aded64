"""The list of slow tests: what it names exists, and each file keeps a test of every day."""

from __future__ import annotations

import re

from support.slow_tests import LIST, chosen, slow_tests


def test_each_listed_test_exists() -> None:
    named: dict[str, set[str]] = {}
    for test in slow_tests():
        file, name = test.partition("[")[0].rsplit("::", 1)
        named.setdefault(file, set()).add(name)
    for file, names in sorted(named.items()):
        text = (LIST.parents[1] / file).read_text("utf-8")
        assert names <= set(re.findall(r"^ *(?:async )?def (\w+)\(", text, re.MULTILINE)), file


def test_what_takes_longer_than_it_may_is_slow_but_the_quickest_of_a_file_is_of_every_day() -> None:
    assert chosen({"a::one": 0.2, "a::two": 1.5, "b::one": 3.0, "b::two": 2.0}) == {"a::two", "b::one"}
