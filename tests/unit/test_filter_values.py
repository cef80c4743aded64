"""What an entry of a packet filter decides about a packet."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Final

import pytest

from dmvpn.base.filters import ESTABLISHED, Condition, FilterEntry, FilterList, Flags, Packet, TcpFlag
from dmvpn.base.translation import Addresses

ANY: Final = Addresses(IPv4Address("0.0.0.0"), IPv4Address("255.255.255.255"))
TCP: Final = 6
SYN: Final = Packet(
    protocol=TCP,
    source=IPv4Address("192.0.2.1"),
    destination=IPv4Address("198.51.100.1"),
    destination_port=80,
    flags=TcpFlag.SYN,
    service=184,
    ttl=64,
)
LATER: Final = Packet(protocol=TCP, source=SYN.source, destination=SYN.destination, is_later_fragment=True)
WEB: Final = Condition(source=ANY, destination=ANY, protocol=TCP, destination_ports=((80, 80),))


def test_the_first_entry_that_fits_decides_and_none_means_denied() -> None:
    deny, permit = FilterEntry(10, False, WEB), FilterEntry(20, True, WEB)
    assert FilterList("100", (deny, permit)).decides(SYN) == deny
    assert (
        FilterList("100", (FilterEntry(10, True, Condition(source=ANY, destination=ANY, protocol=17)),)).decides(SYN)
        is None
    )


@pytest.mark.parametrize(
    ("flags", "is_meant"), [(TcpFlag.SYN, False), (TcpFlag.ACK, True), (TcpFlag.RST, True), (TcpFlag.FIN, False)]
)
def test_established_means_ack_or_rst(flags: int, is_meant: bool) -> None:
    assert ESTABLISHED.fit(flags) is is_meant


def test_all_flags_are_asked_for_by_match_all_and_one_by_match_any() -> None:
    assert Flags(set=TcpFlag.SYN, clear=TcpFlag.ACK).fit(TcpFlag.SYN)
    assert not Flags(set=TcpFlag.SYN, clear=TcpFlag.ACK).fit(TcpFlag.SYN | TcpFlag.ACK)
    assert Flags(set=TcpFlag.FIN, clear=TcpFlag.ACK, is_any=True).fit(TcpFlag.SYN)


def test_a_later_fragment_is_permitted_by_its_addresses_and_not_denied_for_ports_it_does_not_carry() -> None:
    assert FilterEntry(10, True, WEB).fits(LATER)
    assert not FilterEntry(10, False, WEB).fits(LATER)


def test_fragments_means_later_fragments_alone() -> None:
    entry = FilterEntry(10, False, Condition(source=ANY, destination=ANY, fragments=True))
    assert entry.fits(LATER)
    assert not entry.fits(SYN)


@pytest.mark.parametrize(
    ("condition", "is_meant"),
    [
        (Condition(source=ANY, destination=ANY, service=(184, 252)), True),
        (Condition(source=ANY, destination=ANY, service=(160, 224)), True),
        (Condition(source=ANY, destination=ANY, service=(0, 252)), False),
        (Condition(source=ANY, destination=ANY, ttl=((0, 63),)), False),
        (Condition(source=ANY, destination=ANY, ttl=((0, 63), (64, 255))), True),
        (Condition(source=ANY, destination=ANY, option=-1), False),
        (Condition(source=ANY, destination=ANY, destination_ports=()), False),
    ],
)
def test_each_part_of_a_condition_is_asked_for(condition: Condition, is_meant: bool) -> None:
    assert FilterEntry(10, True, condition).fits(SYN) is is_meant
