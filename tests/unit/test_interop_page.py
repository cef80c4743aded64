"""The interoperability page says what the tests show: nothing on it is old, unshown or made up."""

from __future__ import annotations

from collections import Counter

from support.interop_page import PAGE, RESULTS, WORKS, page, shown, stories, tables


def test_the_interoperability_page_is_the_one_that_the_tests_make() -> None:
    """If this fails: `python -m support.interop_page` in the folder tests."""
    assert PAGE.read_text() == page()


def test_every_story_has_a_test_unless_it_follows_from_another() -> None:
    told = {name for proof in shown() for name in proof.ids}
    assert [row.id for row in stories().values() if (row.id in told) is row.untested] == []


def test_every_mark_names_a_story() -> None:
    known = stories()
    assert {name: proof.name for proof in shown() for name in proof.ids if name not in known} == {}


def test_every_story_is_told_once_and_one_that_does_not_end_well_says_why() -> None:
    rows = [row for table in tables() for row in table.rows]
    assert [name for name, count in Counter(row.id for row in rows).items() if count > 1] == []
    for row in rows:
        assert row.result in RESULTS, row.id
        assert row.why or row.result == WORKS, row.id
        assert "|" not in row.peer + row.ours + row.what + row.why, row.id
