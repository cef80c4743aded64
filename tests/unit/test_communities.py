"""Communities of BGP: how they are typed, shown and changed."""

from __future__ import annotations

import pytest

from dmvpn.base.communities import (
    ORIGIN,
    TARGET,
    CommunityChange,
    ExtendedChange,
    extended,
    extended_text,
    extended_value,
    large_text,
    large_value,
)


def target(text: str) -> int:
    value = extended_value(text)
    assert value is not None
    return extended(TARGET, value)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("65100:5", "0002fe4c00000005"),
        ("65100:4294967295", "0002fe4cffffffff"),
        ("192.0.2.1:7", "0102c00002010007"),
        ("4200000000:9", "0202fa56ea000009"),
    ],
)
def test_a_route_target_is_the_octets_that_its_administrator_asks_for_and_is_shown_as_it_was_typed(
    text: str, octets: str
) -> None:
    """RFC 4360 §4, RFC 5668 §2."""
    assert target(text).to_bytes(8, "big").hex() == octets
    assert extended_text([target(text)]) == f"RT:{text}"


@pytest.mark.parametrize(
    "text", ["", "5", "65100:", ":5", "65536:65536", "4294967296:1", "1.2.3.4:65536", "1.2.3:4", "a:b", "1:4294967296"]
)
def test_what_is_no_extended_community_is_refused(text: str) -> None:
    assert extended_value(text) is None


def test_an_extended_community_of_another_kind_is_shown_as_numbers() -> None:
    assert extended_text([int("4004fe4c49742400", 16)]) == "0x4004:65100:1232348160"


@pytest.mark.parametrize("text", ["", "1:2", "1:2:3:4", "1:2:4294967296", "1::3", "-1:2:3"])
def test_what_is_no_large_community_is_refused(text: str) -> None:
    assert large_value(text) is None


def test_a_large_community_is_three_numbers() -> None:
    value = large_value("4200000000:3:4")
    assert value is not None
    assert value.to_bytes(12, "big").hex() == "fa56ea000000000300000004"
    assert large_text([value]) == "4200000000:3:4"


def test_route_targets_take_the_place_of_others_and_leave_the_site_and_other_kinds() -> None:
    site, bandwidth = extended(ORIGIN, extended_value("1:1") or 0), int("4004fe4c49742400", 16)
    there = (target("1:1"), site, bandwidth)
    assert ExtendedChange((target("2:2"),)).applied(there) == (target("2:2"), site, bandwidth)
    assert ExtendedChange((target("2:2"),), additive=True).applied(there) == (
        target("1:1"),
        target("2:2"),
        site,
        bandwidth,
    )
    other = extended(ORIGIN, extended_value("3:3") or 0)
    assert ExtendedChange(origin=other).applied(there) == (target("1:1"), other, bandwidth)


def test_an_opaque_community_is_no_route_target_whatever_its_subtype_is() -> None:
    """`set extcommunity rt` removed it: RFC 4360 §3.3 gives these a space of subtypes of their own."""
    opaque = 0x03 << 56 | TARGET << 48 | 7
    assert ExtendedChange((target("2:2"),)).applied((target("1:1"), opaque)) == (target("2:2"), opaque)


def test_changes_of_two_entries_are_made_one_after_the_other() -> None:
    first, second = ExtendedChange((target("1:1"),)), ExtendedChange((target("2:2"),), additive=True)
    assert first.then(second).applied((target("9:9"),)) == (target("1:1"), target("2:2"))
    assert second.then(first).applied((target("9:9"),)) == (target("1:1"),)
    plain = CommunityChange((1,)).then(CommunityChange((2,), additive=True))
    assert plain.applied((9,)) == (1, 2)
