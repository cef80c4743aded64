"""The kernel and `FilterList.decides` decide equally, packet by packet: all fields, options and fragments."""

from __future__ import annotations

import random
import socket
import struct
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.base.filters import END_OF_LIST, ESTABLISHED, Condition, FilterEntry, FilterList, Flags, PortFilters
from dmvpn.base.translation import ICMP, TCP, UDP, Addresses
from dmvpn.dataplane import netlink
from dmvpn.dataplane.host import put_all
from dmvpn.dataplane.netlink import nftables
from dmvpn.dataplane.netlink.nfsocket import CopiedPackets, Family, NetfilterSocket
from dmvpn.dataplane.netlink.sets import elements_there
from dmvpn.dataplane.packets import packet_of
from dmvpn.dataplane.userspace import filter_ranks, filter_rules
from dmvpn.dataplane.userspace.filter_matches import Rules
from dmvpn.dataplane.userspace.filter_rules import DENIED, add_list
from dmvpn.net.ipv4 import checksum
from dmvpn.shells.lab.namespaces import inside_network, new_network, run_in_lab
from support.namespaces import wait_readable

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.filters import Ranges

pytestmark = pytest.mark.lab

TABLE: Final = "filters"
PACKETS: Final = 250
ADDRESSES: Final = [IPv4Address(f"10.{a}.{b}.{c}") for a in (0, 1) for b in (0, 1) for c in (1, 2)]
#: All of the addresses, and those of groups.
AROUND: Final = Addresses(IPv4Address("10.0.0.0"), IPv4Address("0.255.255.255"))
PORTS: Final = (0, 1, 22, 80, 81, 443, 1023, 1024, 65535)
PROTOCOLS: Final = (TCP, UDP, ICMP, 47, 89, 0, 255)
OPTIONS: Final = (0, 1, 7, 68, 131, 148, 200)


def some_addresses(draw: random.Random) -> Addresses:
    wildcard = draw.choice((0, 0, 255, 65535, 0x00FF00FF, 0x100, 0xFFFFFFFF, 0xFFFFFFFF))
    return Addresses(draw.choice(ADDRESSES), IPv4Address(wildcard))


def some_ranges(draw: random.Random, numbers: tuple[int, ...]) -> Ranges:
    drawn = (sorted((draw.choice(numbers), draw.choice(numbers))) for _ in range(draw.choice((0, 1, 1, 1, 2))))
    return tuple((first, last) for first, last in drawn)


def some_entry(draw: random.Random, sequence: int) -> FilterEntry:
    protocol = draw.choice((None, TCP, TCP, UDP, UDP, ICMP, 47))

    def seldom() -> bool:
        return draw.random() < 0.12

    ports = protocol in (TCP, UDP)
    flags = draw.choice(
        (ESTABLISHED, *(Flags(draw.getrandbits(6), draw.getrandbits(6), bool(draw.getrandbits(1))) for _ in range(3)))
    )
    condition = Condition(
        source=some_addresses(draw),
        destination=some_addresses(draw),
        protocol=protocol,
        source_ports=some_ranges(draw, PORTS) if ports and draw.random() < 0.3 else None,
        destination_ports=some_ranges(draw, PORTS) if ports and draw.random() < 0.6 else None,
        icmp=(draw.choice((0, 3, 8)), draw.choice((None, 0, 1, 13)))
        if protocol == ICMP and draw.random() < 0.6
        else None,
        flags=flags if protocol == TCP and draw.random() < 0.3 else None,
        service=draw.choice(((184, 252), (160, 224), (8, 30))) if seldom() else None,
        ttl=some_ranges(draw, (0, 1, 2, 64, 254, 255)) if seldom() else None,
        option=draw.choice((-1, *OPTIONS)) if seldom() else None,
        fragments=seldom(),
    )
    return FilterEntry(sequence, draw.random() < 0.5, condition)


def some_list(draw: random.Random, length: int) -> FilterList:
    return FilterList("100", tuple(some_entry(draw, 10 * number) for number in range(1, length + 1)))


def long_list(draw: random.Random, length: int) -> FilterList:
    """A list as people write them: hosts and ports, each once, and then all."""
    entries = []
    for number in range(1, length + 1):
        protocol, port = draw.choice((None, TCP, UDP)), draw.choice(PORTS)
        host, other = draw.choice(ADDRESSES), draw.choice(ADDRESSES)
        condition = Condition(
            source=Addresses(host, IPv4Address(0)),
            destination=Addresses(other, IPv4Address(0)),
            protocol=protocol,
            destination_ports=None if protocol is None else ((port, port),),
        )
        entries.append(FilterEntry(number, draw.random() < 0.5, condition))
    every = Addresses(IPv4Address(0), IPv4Address("255.255.255.255"))
    return FilterList("101", (*entries, FilterEntry(length + 1, True, Condition(source=every, destination=every))))


def some_group(draw: random.Random) -> tuple[Addresses, ...]:
    """A large group of networks, some of which overlap."""
    members = [Addresses(IPv4Address(f"10.7.{number}.0"), IPv4Address(255)) for number in range(40)]
    some = [Addresses(draw.choice(ADDRESSES), IPv4Address(draw.choice((0, 0, 3)))) for _ in range(3)]
    return (*members, *some, Addresses(IPv4Address("10.7.9.0"), IPv4Address(0)))


def mixed_list(draw: random.Random, length: int) -> FilterList:
    """A list of all conditions but certain options, with groups: it has ranks if that is wanted."""
    groups = [some_group(draw) for _ in range(3)]
    entries = []
    for number in range(1, length + 1):
        entry = some_entry(draw, 10 * number)
        condition = replace(entry.condition, option=draw.choice((None, None, None, -1)))
        if draw.random() < 0.15:
            condition = replace(condition, source=AROUND, sources=draw.choice(groups))
        if draw.random() < 0.15:
            condition = replace(condition, destination=AROUND, destinations=draw.choice(groups))
        entries.append(replace(entry, condition=condition))
    return FilterList("102", tuple(entries))


def alternating_list(draw: random.Random, length: int) -> FilterList:
    """Entries about sources, destinations, ports, ranges and flags take turns, so each shares packets with many."""
    every = Addresses(IPv4Address(0), IPv4Address("255.255.255.255"))
    entries = []
    for number in range(1, length + 1):
        host = Addresses(IPv4Address(0x0A000000 | draw.randrange(1 << 18)), IPv4Address(0))
        if draw.random() < 0.1:
            host = Addresses(draw.choice(ADDRESSES), IPv4Address(0))
        port = draw.choice(PORTS)
        first, last = sorted((draw.choice(PORTS), draw.choice(PORTS)))
        condition = (
            Condition(source=host, destination=every),
            Condition(source=every, destination=host),
            Condition(source=every, destination=host, protocol=UDP, destination_ports=((port, port),)),
            Condition(source=host, destination=every, protocol=TCP, source_ports=((first, last),)),
            Condition(source=every, destination=host, protocol=TCP, flags=ESTABLISHED),
            Condition(source=host, destination=every, protocol=ICMP, icmp=(8, None)),
        )[number % 6]
        entries.append(FilterEntry(number, draw.random() < 0.5, condition))
    return FilterList("103", tuple(entries))


def ranged_list(draw: random.Random, length: int) -> FilterList:
    """Ranges of ports of many hosts, which a set of boxes finds."""
    every = Addresses(IPv4Address(0), IPv4Address("255.255.255.255"))
    entries = []
    for number in range(1, length + 1):
        host = ADDRESSES[number - 1] if number <= len(ADDRESSES) else IPv4Address(0x0A050000 + number)
        first, last = sorted((draw.choice(PORTS), draw.choice(PORTS)))
        condition = Condition(
            source=Addresses(host, IPv4Address(0)),
            destination=every,
            protocol=draw.choice((TCP, UDP)),
            destination_ports=((first, last),),
        )
        entries.append(FilterEntry(number, draw.random() < 0.5, condition))
    return FilterList("105", (*entries, FilterEntry(length + 1, True, Condition(source=every, destination=every))))


def many_kinds(draw: random.Random, length: int) -> FilterList:
    """Prefixes of all lengths as sources and as destinations, by turns: the entries are of fifty kinds."""
    every = Addresses(IPv4Address(0), IPv4Address("255.255.255.255"))
    entries = []
    for number in range(1, length + 1):
        wildcard = IPv4Address((1 << draw.randrange(25)) - 1)
        near = Addresses(IPv4Address(int(draw.choice(ADDRESSES)) ^ 1 << draw.randrange(32)), wildcard)
        source, destination = (near, every) if number % 2 else (every, near)
        condition = Condition(source=source, destination=destination)
        entries.append(FilterEntry(number, draw.random() < 0.5, condition))
    return FilterList("104", tuple(entries))


def some_options(draw: random.Random) -> bytes:
    """Options of every length, sound and unsound."""
    octets = bytearray()
    length = 4 * draw.randint(1, 10)
    while len(octets) < length:
        kind = draw.choice(OPTIONS)
        octets.append(kind)
        if kind > 1 or (kind == 0 and draw.random() < 0.5):
            size = draw.choice((0, 1, 2, 3, 3, 4, 7, 11, 40, 255))
            octets += bytes((size,)) + bytes(draw.choice(OPTIONS) for _ in range(max(0, min(size, 40) - 2)))
    return bytes(octets[:length])


def some_packet(draw: random.Random, number: int) -> bytes:
    protocol = draw.choice(PROTOCOLS)
    options = some_options(draw) if draw.random() < 0.3 else b""
    if protocol == ICMP:
        behind = bytes((draw.choice((0, 3, 8, 11)), draw.choice((0, 1, 13)))) + bytes(6)
    else:
        behind = struct.pack("!HH", draw.choice(PORTS), draw.choice(PORTS)) + bytes(9)
        behind += bytes((draw.getrandbits(8),)) + bytes(8)
    if draw.random() < 0.15:
        behind = behind[: draw.randint(0, len(behind))]
    fragment = draw.choice((0, 0, 0, 0x4000, 0x2000, 0x2001, 1, 2, 0x1FFF, 0x8000))
    header = struct.pack(
        "!BBHHHBBH4s4s",
        0x45 + len(options) // 4,
        draw.choice((0, 184, 160, 8, 255)),
        20 + len(options) + len(behind),
        number,
        fragment,
        draw.choice((0, 1, 2, 64, 255)),
        protocol,
        0,
        draw.choice(ADDRESSES).packed,
        draw.choice(ADDRESSES).packed,
    )
    header += options
    header = header[:10] + checksum(header).to_bytes(2, "big") + header[12:]
    return header + behind


def some_echo(draw: random.Random, number: int) -> bytes:
    """What proves a direct path, or differs from that in one field or two."""

    def usual(value: int, *others: int) -> int:
        return draw.choice((value,) * 6 + others)

    options = bytes(4 * usual(0, 1, 2))
    behind = bytes((draw.choice((0, 8, 8, 10, 13, 16)), usual(0, 1))) + bytes(usual(6, 5, 0))
    header = struct.pack(
        "!BBHHHBBH4s4s",
        0x45 + len(options) // 4,
        usual(0xC0, 0, 0xC1, 0x40, 0xE0),
        20 + len(options) + len(behind),
        number,
        usual(draw.choice((0, 0x4000)), 0x2000, 1, 0x8000),
        draw.choice((1, 64, 255)),
        usual(ICMP, UDP, 58),
        0,
        draw.choice(ADDRESSES).packed,
        draw.choice(ADDRESSES).packed,
    )
    header += options
    return header[:10] + checksum(header).to_bytes(2, "big") + header[12:] + behind


class Wire:
    """A cable into a network namespace with one list, and what passes that."""

    def __init__(self, version: int = 4) -> None:
        self._version = version
        self._far, behind = new_network(), new_network()
        with netlink.NetlinkSocket() as kernel:
            kernel.call(
                netlink.create_veth(
                    netlink.VethEnd(name="out", namespace=self._far), netlink.VethEnd(name="in", namespace=behind)
                )
            )
        self._behind = behind
        with inside_network(behind), netlink.NetlinkSocket() as kernel:
            kernel.call(netlink.set_up("in"))
            found = kernel.find_link("in")
            assert found is not None
            assert found.address is not None
            self._address = bytes(found.address)
            self._kernel = NetfilterSocket(Family.IP if version == 4 else Family.IP6)
            self._copies = CopiedPackets(20)
        with inside_network(self._far), netlink.NetlinkSocket() as kernel:
            put_all({"net/ipv6/conf/all/disable_ipv6": 1})  # it says nothing itself
            kernel.call(netlink.set_up("out"))
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self._socket.bind(("out", 0))
            kernel.find_link("out")

    def put(self, listed: FilterList, subnets: tuple[Addresses, ...] = ()) -> Rules:
        rules = Rules(TABLE, "one", self._version)
        first = add_list(rules, listed, lambda entry: (), subnets)
        bases = [
            nftables.base_chain(TABLE, "arriving", "filter", nftables.Hook.PREROUTING, -450),
            nftables.rule(TABLE, "arriving", nftables.verdict(nftables.NetfilterVerdict.JUMP, first)),
            nftables.rule(TABLE, "arriving", nftables.copied(self._copies.group, "", 20)),
            nftables.rule(TABLE, "arriving", nftables.verdict(nftables.NetfilterVerdict.DROP)),
        ]
        denied = [
            nftables.chain(TABLE, DENIED),
            nftables.rule(TABLE, DENIED, nftables.verdict(nftables.NetfilterVerdict.DROP)),
        ]
        before = [nftables.new_table(TABLE), nftables.delete_table(TABLE), nftables.new_table(TABLE)]
        self._kernel.transact([*before, *denied, *rules.parts, *bases])
        return rules

    def passes(self, packets: list[bytes]) -> set[int]:
        """The identifications of the packets that pass; over IPv6 it is in the flow label."""
        found: set[int] = set()
        kind, where = (b"\x08\x00", slice(4, 6)) if self._version == 4 else (b"\x86\xdd", slice(2, 4))
        for start in range(0, len(packets), 50):
            for packet in packets[start : start + 50]:
                self._socket.send(self._address + bytes(6) + kind + packet)
            while wait_readable(self._copies.fileno(), 0.03):
                found |= {int.from_bytes(copy.data[where], "big") for copy in self._copies.read_packets()}
        return found

    def counts(self, rules: Rules) -> dict[int, int]:
        """The packets that each entry decided on, by its number."""
        found: dict[int, int] = {}
        for one in self._kernel.rules(TABLE):
            if one.mark is not None:
                found[one.mark] = found.get(one.mark, 0) + (one.packets or 0)
        for name in rules.counted:
            for element in elements_there(self._kernel, TABLE, name):
                if element.mark is not None:
                    found[element.mark] = found.get(element.mark, 0) + element.packets
        return {mark: count for mark, count in found.items() if count}


#: Of IPv6; the extension headers of a packet are some of these, none of them twice.
ADDRESSES6: Final = [IPv6Address(f"2001:db8:{a}:{b}::{c}") for a in (0, 1) for b in (0, 1) for c in (1, 2)]
HEADERS: Final = (0, 43, 60, 51, 44)
ICMP6: Final = 58


def some_packet6(draw: random.Random, number: int) -> bytes:
    """With a chain of headers, whole or cut short; some prove a direct path."""
    protocol, service = draw.choice((TCP, UDP, ICMP6, 47, 59, 89)), draw.choice((0, 184, 160, 8, 255))
    behind = struct.pack("!HH", draw.choice(PORTS), draw.choice(PORTS)) + bytes(9) + bytes((draw.getrandbits(8),)) * 9
    if protocol == ICMP6:
        service = draw.choice((service, 0xC0))
        behind = bytes((draw.choice((1, 128, 128, 129, 135)), draw.choice((0, 0, 1)))) + bytes(8)
    behind = behind[: draw.randint(0, len(behind))] if draw.random() < 0.15 else behind
    headers = draw.sample(HEADERS, draw.choice((0, 0, 0, 1, 1, 2, 3)))
    if draw.random() < 0.8:
        headers.sort(key=lambda one: one != 0)
    for header in reversed(headers):
        padding = b"\1\4\0\0\0\0" if header in (0, 60) else bytes(6)
        length = 0
        if header == 44:
            padding = (draw.choice((0, 0, 0, 1, 2, 5)) << 3 | draw.getrandbits(1)).to_bytes(2, "big") + bytes(4)
        if header == 51:  # in words of four octets, less two
            length, padding = 2, bytes(14)
        behind, protocol = bytes((protocol, length)) + padding + behind, header
    if headers and 59 not in behind[:1] and draw.random() < 0.1:
        behind = behind[: draw.randint(0, 7)]
    first = 6 << 28 | service << 20 | number
    ends = draw.choice(ADDRESSES6).packed + draw.choice(ADDRESSES6).packed
    return struct.pack("!IHBB", first, len(behind), protocol, draw.choice((1, 64, 255))) + ends + behind


def compare6(seed: int, length: int) -> None:
    draw = random.Random(seed)
    subnets = (Addresses(ADDRESSES6[0], IPv6Address((1 << 64) - 1)),)

    def addresses() -> Addresses:
        free = draw.choice((0, 0, 64, 80, 112, 128, 128))
        return Addresses(draw.choice(ADDRESSES6), IPv6Address((1 << free) - 1))

    entries = []
    for entry in some_list(draw, length).entries:
        one = replace(entry.condition, source=addresses(), destination=addresses(), ttl=None)
        if one.protocol == ICMP:
            icmp = (draw.choice((1, 128, 135)), draw.choice((None, 0, 1))) if one.icmp is not None else None
            one = replace(one, protocol=ICMP6, icmp=icmp)
        option = None if one.option is None else draw.choice((0, 43, 60, 51, 44, 135))
        entries.append(replace(entry, condition=replace(one, option=option)))
    listed = FilterList("6", tuple(entries))
    wire = Wire(6)
    compare_packets(wire, PortFilters(listed, echo_subnets=subnets), [some_packet6(draw, one) for one in range(600)])


def compare(
    seed: int, length: int, make: Callable[[random.Random, int], FilterList], *, has_sets: bool | None = None
) -> None:
    draw = random.Random(seed)
    wire = Wire()
    listed = make(draw, length)
    rules = wire.put(listed)
    assert has_sets in (None, any(name.endswith("-ranks") for name in rules.sets))
    _compare(wire, rules, PortFilters(listed), [some_packet(draw, number) for number in range(PACKETS)])


def compare_packets(wire: Wire, filters: PortFilters, sent: list[bytes]) -> int:
    """Returns how many of them prove a direct path."""
    assert filters.inward is not None
    return _compare(wire, wire.put(filters.inward, filters.echo_subnets), filters, sent)


def _compare(wire: Wire, rules: Rules, filters: PortFilters, sent: list[bytes]) -> int:
    passed, proving = wire.passes(sent), 0
    expected: dict[int, int] = {}
    assert filters.inward is not None
    for number, octets in enumerate(sent):
        packet = packet_of(octets)
        if packet is not None and filters.is_path_echo(packet):
            proving += 1
            assert number in passed, (number, packet)
            continue
        decided = None if packet is None else filters.inward.decides(packet)
        assert (number in passed) == (decided is not None and decided.permit), (number, octets.hex(), packet, decided)
        if packet is not None:
            sequence = END_OF_LIST if decided is None else decided.sequence
            expected[sequence] = expected.get(sequence, 0) + 1
    assert wire.counts(rules) == expected
    return proving


@pytest.mark.parametrize("length", [1, 10, 40, 200])
@pytest.mark.parametrize("worth", [1, filter_ranks.WORTH_A_SET])
def test_the_kernel_decides_as_the_value_on_packets_of_ipv6(
    length: int, worth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chains of extension headers, fragments, and echoes that a list is not asked about."""
    monkeypatch.setattr(filter_ranks, "WORTH_A_SET", worth)
    run_in_lab(lambda: compare6(length, length))


@pytest.mark.parametrize("length", [1, 3, 10, 40, 200])
@pytest.mark.parametrize("seed", range(3))
def test_the_kernel_decides_as_the_value_on_each_packet_and_counts_it_at_the_same_entry(seed: int, length: int) -> None:
    run_in_lab(lambda: compare(1000 * length + seed, length, some_list))


@pytest.mark.parametrize("length", [100, 1000])
def test_the_kernel_finds_the_entry_in_sets_of_a_long_list_as_the_value_does(length: int) -> None:
    run_in_lab(lambda: compare(length, length, long_list))


@pytest.mark.parametrize("length", [1, 10, 40, 200])
@pytest.mark.parametrize("seed", range(3))
def test_a_list_by_ranks_decides_as_the_value_on_each_packet_and_counts_it_at_the_same_entry(
    seed: int, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filter_ranks, "WORTH_A_SET", 1)
    run_in_lab(lambda: compare(2000 * length + seed, length, mixed_list, has_sets=length > 1 or None))


def compare_echoes(seed: int) -> None:
    draw = random.Random(seed)
    wire = Wire()
    subnets = Addresses(ADDRESSES[0], IPv4Address("0.0.0.255")), Addresses(ADDRESSES[-1], IPv4Address("0.0.255.255"))
    filters = PortFilters(inward=some_list(draw, 20), echo_subnets=subnets)
    assert compare_packets(wire, filters, [some_echo(draw, number) for number in range(2 * PACKETS)]) > 5


@pytest.mark.parametrize("seed", range(3))
def test_the_kernel_asks_a_list_about_no_echo_that_the_value_leaves_out(seed: int) -> None:
    run_in_lab(lambda: compare_echoes(seed))


def test_a_list_by_ranks_is_not_asked_about_them_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filter_ranks, "WORTH_A_SET", 1)
    run_in_lab(lambda: compare_echoes(9))


@pytest.mark.parametrize("length", [3, 60])
def test_a_list_by_single_rules_finds_members_of_large_groups_as_the_value_does(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filter_rules, "MOST", 0)
    run_in_lab(lambda: compare(length, length, mixed_list, has_sets=False))


@pytest.mark.parametrize("seed", range(3))
def test_the_kernel_finds_ranges_of_ports_of_many_hosts_as_the_value_does(seed: int) -> None:
    run_in_lab(lambda: compare(seed, 400, ranged_list, has_sets=True))


@pytest.mark.parametrize("length", [200, 1000])
def test_a_list_whose_entries_alternate_has_sets_and_decides_as_the_value(length: int) -> None:
    run_in_lab(lambda: compare(length, length, alternating_list, has_sets=True))


@pytest.mark.parametrize("seed", range(2))
def test_a_list_of_fifty_kinds_of_entries_is_put_and_decides_as_the_value(seed: int) -> None:
    """The kernel refused it: it follows a packet through sixteen chains and no more. The port was shut."""
    run_in_lab(lambda: compare(seed, 1500, many_kinds, has_sets=True))
