"""Examples that failed once: they are tried every day, and none is lost without a word."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz import kept as octets
from support import fresh, kept

if TYPE_CHECKING:
    from pathlib import Path

    from hypothesis.strategies import SearchStrategy

#: The choice of the one number that is drawn: 5.
FIVE = "AEEF"


def item(strategy: SearchStrategy[int], tried: list[int]) -> pytest.Item:
    """A property that records what it is tried with, and does not hold for 5."""

    @given(strategy)
    def holds(number: int) -> None:
        tried.append(number)
        assert number != 5

    made = SimpleNamespace(nodeid="holds", obj=holds, runtest=holds)
    return cast("pytest.Item", made)


def test_every_example_that_is_kept_names_a_test_that_is_there() -> None:
    for entry in kept.read():
        path, _, name = entry["test"].partition("::")
        assert f"def {name.partition('[')[0]}(" in (kept.TESTS.parent / path).read_text(), entry["test"]
        assert entry["drawn"], entry["test"]


def test_a_property_is_tried_with_an_example_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    monkeypatch.setitem(kept.KEPT, "holds", [{"test": "holds", "blob": FIVE, "drawn": "of 5"}])
    with pytest.raises(AssertionError) as raised:
        kept.try_kept(item(st.integers(0, 9), tried))
    assert tried == [5]
    assert FIVE in raised.value.__notes__[0]


def test_an_example_that_means_something_else_by_now_is_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(kept.KEPT, "holds", [{"test": "holds", "blob": FIVE, "drawn": "of 5"}])
    with pytest.raises(kept.Outdated, match="write its values as"):
        kept.try_kept(item(st.integers(0, 9).map(lambda number: number + 1), []))


def test_octets_of_a_finding_become_a_file_of_its_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(octets, "FOLDER", tmp_path)
    said = f"E   Draw 1: 7\nE   {octets.told('ike-peer', b'abc')}\nE   @reproduce_failure('6.170.15', b'AAEF')"
    assert [path.name for path in octets.keep_told(said)] == ["ike-peer-ba7816bf"]
    assert octets.kept("ike-peer") == [b"abc"]
    assert octets.kept("ike") == []


def test_every_file_with_a_property_gets_new_examples() -> None:
    assert {"tests/unit/test_rip_packet.py", "tests/property/test_ipsec_life.py"} <= set(fresh.properties())
