"""Interface names, long, short, typed and sorted; ages and uptimes."""

from __future__ import annotations

import pytest

from dmvpn.ios import age, interface_sort_key, is_logical, normalize_interface, short_interface, uptime
from dmvpn.ios.interfaces import KINDS, split_interface


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Gi0/1", "GigabitEthernet0/1"),
        ("gi 0/1", "GigabitEthernet0/1"),
        ("g0/0/0", "GigabitEthernet0/0/0"),
        ("GigabitEthernet1", "GigabitEthernet1"),
        ("gig0/1.100", "GigabitEthernet0/1.100"),
        ("tunnel 100", "Tunnel100"),
        ("tu007", "Tunnel7"),
        ("t0", "Tunnel0"),
        ("lo0", "Loopback0"),
        ("te1/1/1", "TenGigabitEthernet1/1/1"),
        ("e0/0", "Ethernet0/0"),
        ("null0", "Null0"),
        ("Po1", "Port-channel1"),
        ("port-channel 1", "Port-channel1"),
        ("se0/0/0:15", "Serial0/0/0:15"),
    ],
)
def test_every_spelling_names_one_interface(typed: str, name: str) -> None:
    assert normalize_interface(typed) == name


@pytest.mark.parametrize("typed", ["", "tunnel", "0", "100", "eth0x", "xyz1", "gi0/", "gi/1", "tu-1", "tu 1 2", "tu٣"])
def test_what_is_no_interface_is_none(typed: str) -> None:
    assert normalize_interface(typed) is None


def test_names_become_short_and_long_again() -> None:
    for kind in KINDS:
        assert short_interface(f"{kind.name}0/1") == f"{kind.short}0/1"
        assert normalize_interface(f"{kind.name}7") == f"{kind.name}7"
    assert short_interface("strange0") == "strange0"
    assert split_interface("GigabitEthernet0/1") == ("GigabitEthernet", "0/1")


def test_interfaces_sort_by_kind_and_by_number() -> None:
    names = ["GigabitEthernet0/10", "odd0", "GigabitEthernet0/2", "Tunnel10", "Tunnel9", "Loopback0"]
    assert sorted(names, key=interface_sort_key) == [
        "Loopback0", "Tunnel9", "Tunnel10", "GigabitEthernet0/2", "GigabitEthernet0/10", "odd0",
    ]  # fmt: skip


def test_tunnels_are_logical_and_ethernets_are_not() -> None:
    assert is_logical("Tunnel0")
    assert not is_logical("GigabitEthernet0/1")
    assert not is_logical("odd0")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "never"),
        (0, "00:00:00"),
        (104.9, "00:01:44"),
        (86_399, "23:59:59"),
        (86_400, "1d00h"),
        (97_200, "1d03h"),
        (604_799, "6d23h"),
        (604_800 + 2 * 86_400, "1w2d"),
        (365 * 86_400 + 8 * 604_800, "1y08w"),
    ],
)
def test_ages_fit_eight_characters(seconds: float | None, text: str) -> None:
    assert age(seconds) == text
    assert len(text) <= 8


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 minutes"),
        (61, "1 minute"),
        (604_800 + 2 * 86_400 + 3 * 3_600 + 4 * 60, "1 week, 2 days, 3 hours, 4 minutes"),
        (365 * 86_400, "1 year, 0 minutes"),
    ],
)
def test_uptime_is_told_in_words(seconds: float, text: str) -> None:
    assert uptime(seconds) == text
