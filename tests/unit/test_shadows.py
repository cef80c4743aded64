"""Entries of access lists that decide on nothing: alone or together with others, in short and in very long lists."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from dmvpn.network.device import Device
from dmvpn.network.overlay import Network
from dmvpn.tools.lint import lint
from dmvpn.tools.lint.rules import access_lists

if TYPE_CHECKING:
    from collections.abc import Callable

RULE = "list-entry-shadowed"


def numbers(*entries: str, more: str = "") -> list[str]:
    """The numbers of the entries that are named."""
    text = "\n ".join(("ip access-list extended L", *entries)) + f"\n{more}"
    return [one.what.split()[1] for one in lint({"R.cfg": text}) if one.rule == RULE]


@pytest.mark.parametrize(
    ("entries", "shadowed"),
    [
        (("permit ip any any", "deny tcp any any eq 23"), ["20"]),
        (("permit tcp any any", "deny udp any any", "permit udp host 10.0.0.1 any eq 53"), ["30"]),
        (("deny tcp any any range 20 25", "permit tcp any any eq 22", "permit tcp any any eq 80"), ["20"]),
        # Two halves are the whole.
        (
            (
                "deny ip 10.0.0.0 0.127.255.255 any",
                "deny ip 10.128.0.0 0.127.255.255 any",
                "permit ip 10.0.0.0 0.255.255.255 any",
            ),
            ["30"],
        ),
        (("permit tcp any any lt 100", "permit tcp any any gt 99", "deny tcp any any eq 99"), ["30"]),
        (
            (
                "permit tcp any any lt 100",
                "permit tcp any any gt 100",
                "deny tcp any any eq 99",
                "deny tcp any any eq 100",
            ),
            ["30"],
        ),
        # Without the header behind IP a denial denies nothing, and a permit permits.
        (("deny tcp any any eq 80", "permit tcp any any fragments"), []),
        (("permit tcp any any eq 80", "deny tcp any any fragments"), ["20"]),
        (("permit tcp any any eq 80", "deny tcp any any eq 80"), ["20"]),
        # Other masks than those of networks.
        (
            ("permit ip 10.0.0.0 0.255.0.255 any", "deny ip 10.7.0.9 0.0.0.0 any", "deny ip 10.7.1.9 0.0.0.0 any"),
            ["20"],
        ),
        (("permit tcp any any established", "deny tcp any any ack", "deny tcp any any syn"), ["20"]),
        (("permit icmp any any echo", "deny icmp any any echo", "deny icmp any any echo-reply"), ["20"]),
        (("permit ip any any dscp ef", "deny udp any any dscp ef", "deny udp any any dscp af11"), ["20"]),
        (("permit ip any any option any-options", "deny ip any any option record-route"), ["20"]),
        (("permit ip any any option record-route", "deny ip any any option any-options"), []),
        (("permit tcp any any eq 22 log", "permit tcp any any eq 22"), ["20"]),
        # At some times only.
        (("permit ip any any time-range T", "deny ip any any"), []),
        (("permit ip any any", "deny ip any any time-range T"), ["20"]),
    ],
)
def test_an_entry_that_decides_on_nothing_is_named(entries: tuple[str, ...], shadowed: list[str]) -> None:
    assert numbers(*entries, more="time-range T\n periodic daily 8:00 to 9:00\n") == shadowed


def test_the_entries_that_take_its_packets_are_named_and_others_are_not() -> None:
    text = (
        "ip access-list extended L\n permit udp any any\n deny tcp any any lt 1000\n permit tcp any any gt 999\n"
        " permit tcp host 10.0.0.1 any\n"
    )
    (finding,) = (one for one in lint({"R.cfg": text}) if one.rule == RULE)
    assert (finding.line, finding.severity.value) == (5, "warning")
    assert finding.what == (
        "entry 40 (permit tcp host 10.0.0.1 any) of L decides on nothing: entry 20 (deny tcp any any lt 1000) and "
        "entry 30 (permit tcp any any gt 999) before it fit all of its packets"
    )


def test_a_permit_that_is_left_with_later_fragments_is_named_as_that() -> None:
    text = "access-list 101 deny tcp any any range 20 25\naccess-list 101 permit tcp any any eq 22\n"
    (finding,) = (one for one in lint({"R.cfg": text}) if one.rule == RULE)
    assert "entry 20 (permit tcp any any eq 22) of 101 permits later fragments alone: entry 10" in finding.what


def test_entries_of_numbered_lists_are_found_beside_lines_that_the_router_does_not_keep() -> None:
    """The third line of the file was the third entry, also where the router keeps two of these lines."""
    text = (
        "access-list 101 permit ip any any\nno access-list 101\n"
        "access-list 101 permit tcp any any eq 22\naccess-list 101 permit tcp any any eq 22\n"
        "access-list 101 deny udp any any\naccess-list 101 permit tcp any any\n"
        "access-list 101 deny tcp any any\naccess-list 101 deny tcp any any log\n"
    )
    findings = [one for one in lint({"R.cfg": text}) if one.rule == RULE]
    assert [one.line for one in findings] == [7, 8]
    assert findings[0].what == (
        "entry 40 (deny tcp any any) of 101 decides on nothing: entry 10 (permit tcp any any eq 22) and entry 30 ("
        "permit tcp any any) before it fit all of its packets"
    )


def test_an_entry_that_says_the_same_as_those_before_it_is_advice() -> None:
    text = "access-list 101 permit ip any any\naccess-list 101 permit tcp any any eq 22\n"
    (finding,) = (one for one in lint({"R.cfg": text}) if one.rule == RULE)
    assert (finding.line, finding.severity.value) == (2, "advice")
    assert "entry 20 (permit tcp any any eq 22) of 101" in finding.what


def test_groups_of_addresses_and_services_are_compared_member_by_member() -> None:
    groups = (
        "object-group network HOSTS\n host 10.0.0.1\n 10.0.1.0 255.255.255.0\n"
        "object-group network MORE\n group-object HOSTS\n host 10.9.9.9\n"
        "object-group service WEB\n tcp eq 80\n tcp eq 443\n"
    )
    assert numbers("permit tcp object-group MORE any", "deny object-group WEB object-group HOSTS any", more=groups) == [
        "20"
    ]
    assert (
        numbers("permit object-group WEB object-group HOSTS any", "deny tcp object-group MORE any", more=groups) == []
    )
    assert numbers("deny ip object-group NOBODY any", "permit ip any any") == []


def test_at_most_twenty_entries_of_a_list_are_named() -> None:
    assert len(numbers("permit ip any any", *(f"permit tcp any any eq {port}" for port in range(1, 100)))) == 20


def _hosts(count: int) -> list[str]:
    return [
        f"permit tcp host 10.{one >> 8}.{one & 255}.1 host 172.16.{one & 255}.{one >> 8} eq {1 + one}"
        for one in range(count)
    ]


def _ports(count: int) -> list[str]:
    return [f"permit tcp any any eq {1 + one}" for one in range(count)]


def _ranges(count: int) -> list[str]:
    chance = random.Random(1)
    found = []
    for _ in range(count):
        first = chance.randrange(1, 60_000)
        found.append(f"deny udp 10.0.0.0 0.0.255.255 any range {first} {first + chance.randrange(1, 900)}")
    return found


def _masks(count: int) -> list[str]:
    chance = random.Random(2)
    masks = [f"{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}.0" for _ in range(200)]
    return [
        f"permit ip {chance.randrange(256)}.{chance.randrange(256)}.7.1 {chance.choice(masks)} any"
        for _ in range(count)
    ]


@pytest.mark.lengthy
@pytest.mark.parametrize(
    "make",
    [_hosts, pytest.param(_ports, marks=pytest.mark.slow), pytest.param(_ranges, marks=pytest.mark.slow), _masks],
    ids=lambda make: make.__name__,
)
def test_a_list_of_ten_thousand_entries_is_judged_within_seconds(make: Callable[[int], list[str]]) -> None:
    text = "\n ".join(("ip access-list extended L", *make(10_000), "deny ip any any"))
    device = Device.read("R.cfg", text)
    entries = len(device.policy.access_lists["L", True])
    began = time.process_time()
    list(access_lists.check(Network([device])))
    assert entries > 9_900, "the reader leaves out what is said twice"
    assert time.process_time() - began < 10
