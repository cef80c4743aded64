"""Entries of long lists by what they are about, and what is made of each group."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.groups import Groups, Merged
from dmvpn.base.pages import Pages

#: An entry: what it is about, and what it says.
Entry = tuple[str, int]

LISTS = st.lists(st.dictionaries(st.integers(0, 600), st.tuples(st.sampled_from("abc"), st.integers(0, 3))), max_size=3)


def about(entry: Entry) -> str:
    return entry[0]


def listed(entries: dict[int, Entry]) -> Pages[Entry]:
    empty: Pages[Entry] = Pages()
    return empty.turned(entries)


@given(st.lists(LISTS, min_size=1, max_size=4), st.booleans())
def test_what_is_merged_of_lists_that_change_is_what_is_merged_of_the_last_lists_alone(
    versions: list[list[dict[int, Entry]]], at_last: bool
) -> None:
    merged: Merged[str, Entry, list[Entry]] = Merged(about, list, at_last=at_last)
    for lists in versions:
        for place in range(3):
            merged.show(listed(lists[place]) if place < len(lists) else Pages(), place)
        entries = [entry for one in lists for _, entry in sorted(one.items())]
        firsts = [entry[0] for entry in (reversed(entries) if at_last else entries)]
        names = list(dict.fromkeys(firsts))
        expected = [[entry for entry in entries if entry[0] == name] for name in names]
        assert list(merged.merged()) == (expected[::-1] if at_last else expected)


def test_a_change_is_told_by_what_it_is_about() -> None:
    groups: Groups[str, Entry] = Groups(about)
    first = Pages([("a", 1), ("b", 2), ("a", 3)])
    assert list(groups.show(first)) == ["a", "b"]
    assert list(groups.show(first.turned({0: ("c", 1)}))) == ["a", "c"]
    assert list(groups.of("a").values()) == [("a", 3)]
    assert groups.of("d") == {}
