"""The conformance pages say what the tests say: nothing on them is old, unproved or made up."""

from __future__ import annotations

from collections import Counter

import pytest

from support.conformance import DONE, STANDARDS, STATUSES, UNPROVED, Standard, page, proofs, requirements, rows


@pytest.mark.lengthy
@pytest.mark.parametrize("standard", STANDARDS, ids=lambda standard: standard.title)
def test_the_conformance_page_is_the_one_that_the_tests_make(standard: Standard) -> None:
    """If this fails: `python -m support.conformance` in the folder tests."""
    assert standard.page.read_text() == page(standard)


def test_every_requirement_has_a_test_unless_it_is_not_done_or_does_not_apply() -> None:
    proved = {name for proof in proofs() for name in proof.ids}
    missing = [row.id for row in requirements().values() if row.status not in UNPROVED and row.id not in proved]
    assert missing == []


def test_every_mark_names_a_requirement_and_none_that_does_not_apply() -> None:
    known = requirements()
    unknown = {name: proof.name for proof in proofs() for name in proof.ids if name not in known}
    assert unknown == {}
    assert [n for proof in proofs() for n in proof.ids if known[n].status in UNPROVED] == []


def test_every_requirement_is_listed_once_and_a_difference_says_why() -> None:
    assert [name for name, count in Counter(row.id for row in rows()).items() if count > 1] == []
    for row in rows():
        assert row.status in STATUSES, row.id
        assert bool(row.why) == (row.status != DONE), row.id
        assert "|" not in row.what + row.why, row.id


def test_what_carries_a_mark_is_a_test() -> None:
    """A mark on a helper proves nothing: nobody runs it."""
    assert [proof.name for proof in proofs() if not proof.name.startswith("test_")] == []


def test_no_test_is_marked_twice_for_the_same() -> None:
    assert [proof.name for proof in proofs() if len(set(proof.ids)) != len(proof.ids)] == []
