"""Access lists in one line for each entry: what becomes of them while entries come and go."""

from __future__ import annotations

from ipaddress import IPv4Address

from dmvpn.features.policy.config.lists import ListEntry, Numbered
from dmvpn.features.policy.model import AccessEntry, AddressRange


def host(last: int) -> AddressRange:
    return AddressRange(IPv4Address(f"10.0.0.{last}"), IPv4Address(0))


def entry(last: int) -> ListEntry[AccessEntry | None]:
    return ListEntry("10", None, AccessEntry(sequence=0, permit=True, source=host(last)))


def read(lists: Numbered) -> list[tuple[int, str]]:
    """The numbers of the entries of list 10, and their sources."""
    return [(one.sequence, str(one.source.address)) for one in lists.lists["10"]]


def test_an_entry_that_comes_later_with_a_lower_place_is_in_its_place() -> None:
    lists = Numbered()
    lists.follow({}, {1: entry(1), 5: entry(5)})
    lists.follow({}, {3: entry(3)})
    assert read(lists) == [(10, "10.0.0.1"), (20, "10.0.0.3"), (30, "10.0.0.5")]
    lists.follow({}, {7: entry(7)})
    assert read(lists)[-1] == (40, "10.0.0.7")
