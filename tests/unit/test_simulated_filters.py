"""What the simulated plane's filters see of a packet, count and forget."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop, RouteKind, SetFilters, SetRoute
from dmvpn.base.filters import Condition, FilterCount, FilterEntry, FilterList, PortFilters, ReversePath
from dmvpn.base.translation import TCP, UDP, Addresses
from dmvpn.dataplane.packets import packet_of
from dmvpn.dataplane.simulated.chassis import RouterFilters
from dmvpn.dataplane.simulated.forwarding import ForwardingTable
from dmvpn.net.ipv4 import Ipv4Packet

if TYPE_CHECKING:
    from dmvpn.base.events import Event

EVERY = Addresses(IPv4Address(0), IPv4Address("255.255.255.255"))
PORT = "GigabitEthernet0/1"


def data(**fields: object) -> bytes:
    known = {"protocol": UDP, "source": IPv4Address("10.0.0.1"), "destination": IPv4Address("10.0.0.2")}
    return Ipv4Packet(**{"payload": bytes.fromhex("0035 0045 0008 0000"), **known, **fields}).serialize()  # type: ignore[arg-type]


def entry(sequence: int, *, permit: bool = True, protocol: int | None = None, log: bool = False) -> FilterEntry:
    return FilterEntry(sequence, permit, Condition(source=EVERY, destination=EVERY, protocol=protocol), log)


def listed(*entries: FilterEntry) -> SetFilters:
    return SetFilters(PORT, PortFilters(FilterList("L", entries)))


def test_a_packet_is_read_with_its_options_and_a_later_fragment_without_ports() -> None:
    packet = packet_of(data(options=bytes.fromhex("01 94040000 000000"), tos=184, ttl=9))
    assert packet is not None
    assert (packet.source_port, packet.destination_port) == (53, 69)
    assert (packet.options, packet.service, packet.ttl) == ((1, 148, 0), 184, 9)
    later = packet_of(data(fragment_offset=3))
    assert later is not None
    assert (later.source_port, later.is_later_fragment) == (0, True)


@pytest.mark.parametrize("octets", ["", "45", "4f" + "00" * 20, "40" + "00" * 30])
def test_what_has_no_whole_header_is_no_packet(octets: str) -> None:
    assert packet_of(bytes.fromhex(octets)) is None


def test_entries_that_stay_keep_their_counts_and_changed_ones_begin_again() -> None:
    events: list[Event] = []
    filters, table = RouterFilters(events.append), ForwardingTable()
    filters.set(listed(entry(10, protocol=TCP), entry(20, log=True)))
    assert filters.admits(PORT, data(), table, 1.0)
    filters.set(listed(entry(5, permit=False, protocol=TCP), entry(20, log=True)))
    assert filters.admits(PORT, data(), table, 1.0)
    assert filters.admits(PORT, data(protocol=TCP, payload=bytes(20)), table, 1.0) is False
    assert set(filters.counts()) == {FilterCount(PORT, True, 20, 2), FilterCount(PORT, True, 5, 1)}
    assert len(events) == 2
    filters.set(SetFilters(PORT, PortFilters()))
    assert filters.counts() == ()
    assert filters.admits(PORT, data(), table, 1.0)


@pytest.mark.parametrize(
    ("asked", "source", "expected"),
    [
        (ReversePath(strict=True), "10.0.0.1", True),
        (ReversePath(strict=True), "10.2.0.1", None),
        (ReversePath(strict=False), "10.2.0.1", True),
        (ReversePath(strict=False), "10.3.0.1", None),
        (ReversePath(strict=False), "192.0.2.1", None),
        (ReversePath(strict=False, allow_default=True), "192.0.2.1", True),
        (ReversePath(strict=True, allow_default=True), "192.0.2.1", None),
    ],
)
def test_a_sender_must_be_reachable(asked: ReversePath, source: str, expected: bool | None) -> None:
    filters, table = RouterFilters(lambda event: None), ForwardingTable()
    ways = {"10.0.0.0/16": PORT, "10.2.0.0/16": "Tunnel0", "0.0.0.0/0": "Tunnel0"}
    for prefix, port in ways.items():
        table.set_route(SetRoute(Prefix.parse(prefix), (NextHop(port),)))
    table.set_route(SetRoute(Prefix.parse("10.3.0.0/16"), (), RouteKind.DISCARD))
    filters.set(SetFilters(PORT, PortFilters(reverse_path=asked)))
    assert filters.admits(PORT, data(source=IPv4Address(source)), table, 1.0) is expected


def test_senders_of_denied_packets_are_told_twice_a_second_at_most() -> None:
    filters = RouterFilters(lambda event: None)
    assert [filters.may_prohibit(now / 10) for now in range(12)].count(True) == 3
