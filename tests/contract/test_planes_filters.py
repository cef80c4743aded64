"""Packet filters on planes: passed packets, counters, reports, and answers to senders."""

from __future__ import annotations

import struct
from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from contract.test_planes import contract, hub_and_spokes, on_kernels
from contract.test_planes_translation import datagram, echo, left, translate
from contract.worlds import LAN, UNDERLAY, RealWorld, host, nbma
from dmvpn.base import filters
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop, SendIp, SetFilters, SetInterface, SetRoute
from dmvpn.base.events import PacketsFiltered
from dmvpn.base.translation import TCP, UDP, Addresses
from dmvpn.dataplane.contract import EffectError
from dmvpn.net import icmp
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol, Ipv4Flag, Ipv4Packet
from dmvpn.shells.lab.namespaces import run_in_lab

if TYPE_CHECKING:
    from contract.worlds import World

ANY = Addresses(IPv4Address(0), IPv4Address("255.255.255.255"))
NOTHING = filters.PortFilters()
ALL = filters.Condition(source=ANY, destination=ANY)


def port(number: int) -> filters.Condition:
    """UDP to this port."""
    return filters.Condition(source=ANY, destination=ANY, protocol=UDP, destination_ports=((number, number),))


def listed(*entries: filters.FilterEntry) -> filters.FilterList:
    return filters.FilterList("100", entries)


def deny(sequence: int, condition: filters.Condition, *, log: bool = False) -> filters.FilterEntry:
    return filters.FilterEntry(sequence, False, condition, log)


def permit(sequence: int, condition: filters.Condition, *, log: bool = False) -> filters.FilterEntry:
    return filters.FilterEntry(sequence, True, condition, log)


NO_5000 = listed(deny(10, port(5000)), permit(20, ALL))


def inward(filtered: filters.FilterList | None, interface: str = LAN) -> SetFilters:
    return SetFilters(interface, filters.PortFilters(inward=filtered))


def outward(filtered: filters.FilterList | None, interface: str = UNDERLAY) -> SetFilters:
    return SetFilters(interface, filters.PortFilters(outward=filtered))


def ports_left(world: World) -> list[int]:
    """The destination ports of what the provider got from A's host."""
    sent = [packet for packet in left(world, IpProtocol.UDP) if packet.destination == nbma("C")]
    return [int.from_bytes(packet.payload[2:4], "big") for packet in sent if not packet.fragment_offset]


def passing(world: World, *ports: int) -> list[int]:
    """Which of these datagrams of A's host reach the provider."""
    world.wire.clear()
    for number in ports:
        world.send("A", datagram("A", nbma("C"), 4000, number))
    world.run(0.1)
    return ports_left(world)


def counts(world: World) -> dict[tuple[str, bool, int], int]:
    found = world.counting("A").filtered()
    return {(one.interface, one.inward, one.sequence): one.packets for one in found if one.packets}


def errors(world: World) -> list[icmp.DestinationUnreachable]:
    """What the host of A heard from its router."""
    heard = [icmp.parse(packet.payload) for packet in world.received["A"] if packet.protocol == IpProtocol.ICMP]
    return [one for one in heard if isinstance(one, icmp.DestinationUnreachable)]


@contract
def test_the_first_entry_that_fits_decides_in_both_directions_and_is_counted(world: World) -> None:
    for order, way in ((inward(NO_5000), (LAN, True)), (outward(NO_5000), (UNDERLAY, False))):
        world.execute("A", order)
        assert passing(world, 5000, 5001, 5002, 5000) == [5001, 5002]
        assert counts(world) == {(*way, 10): 2, (*way, 20): 2}
        world.execute("A", SetFilters(order.interface, NOTHING))
        assert passing(world, 5000) == [5000]
        assert counts(world) == {}


@contract
def test_what_no_entry_fits_is_denied(world: World) -> None:
    world.execute("A", inward(listed(permit(10, port(5001)))))
    assert passing(world, 5000, 5001) == [5001]
    assert counts(world) == {(LAN, True, 10): 1, (LAN, True, filters.END_OF_LIST): 1}


@contract
def test_an_inward_list_holds_for_packets_to_the_router_and_an_outward_one_not_for_its_own(world: World) -> None:
    nothing = listed(deny(10, ALL))
    world.execute("A", inward(nothing), outward(nothing))
    world.send("A", echo("A", IPv4Address("192.168.1.1")))
    message = icmp.EchoRequest(identifier=7, sequence=1, payload=b"own").serialize()
    world.execute("A", SendIp(None, nbma("A"), nbma("C"), IpProtocol.ICMP, message))
    world.until(lambda: bool(left(world, IpProtocol.ICMP)))
    world.run(0.1)
    assert not [one for one in world.received["A"] if one.payload[:1] == b"\0"], "an echo reply"


@contract
def test_a_later_fragment_is_permitted_by_its_addresses_and_not_denied_for_ports(world: World) -> None:
    whole = replace(
        datagram("A", nbma("C"), 4000, 5001), payload=datagram("A", nbma("C"), 4000, 5001).payload + bytes(99)
    )
    later = replace(whole, fragment_offset=4, payload=bytes(40), identification=8)
    first = replace(whole, flags=Ipv4Flag.MORE_FRAGMENTS, payload=whole.payload[:32], identification=8)
    world.execute("A", inward(listed(permit(10, port(5001)))))
    world.send("A", later)
    world.until(lambda: counts(world) == {(LAN, True, 10): 1})
    world.execute("A", inward(listed(deny(10, port(5001)), permit(20, ALL))))
    for fragment in (first, later):
        world.send("A", fragment)
    world.until(lambda: counts(world) == {(LAN, True, 10): 1, (LAN, True, 20): 1})


@contract
def test_a_packet_too_short_for_ports_is_not_permitted_by_an_entry_behind_the_one_it_avoids(world: World) -> None:
    world.execute("A", inward(NO_5000))
    world.send("A", replace(datagram("A", nbma("C"), 4000), payload=b"\x0f\xa0\x13\x88"))
    assert passing(world, 5001) == [5001]
    assert len(left(world, IpProtocol.UDP)) == 1


@contract
def test_a_packet_too_short_for_its_header_passes_no_port_with_a_list_and_gets_no_answer(world: World) -> None:
    """The simulated router let it pass by an entry that permits all packets, and no kernel does."""
    short = replace(datagram("A", nbma("C"), 4000), payload=b"\x0f\xa0\x13\x89")
    for order in (inward(listed(permit(10, ALL))), outward(listed(permit(10, ALL)))):
        world.execute("A", order)
        world.wire.clear()
        world.send("A", short)
        world.run(0.1)
        assert (left(world, IpProtocol.UDP), counts(world), errors(world)) == ([], {}, [])
        world.execute("A", SetFilters(order.interface, NOTHING))


@contract
def test_fragments_that_would_overwrite_the_flags_of_the_first_one_do_not_pass(world: World) -> None:
    """RFC 1858, RFC 3128: the list permits answers of TCP only, and a connection is asked for in two fragments."""
    answers = filters.Condition(source=ANY, destination=ANY, protocol=TCP, flags=filters.ESTABLISHED)
    world.execute("A", inward(listed(permit(10, answers), permit(20, replace(ALL, protocol=UDP)))))
    syn = struct.pack("!HHIIBBHHH", 4000, 22, 1, 0, 0x50, filters.TcpFlag.SYN, 1000, 0, 0)
    ack = syn[:13] + bytes((filters.TcpFlag.ACK,)) + syn[14:]
    whole = Ipv4Packet(source=host("A"), destination=nbma("C"), protocol=TCP, identification=9, payload=ack + bytes(12))
    more = Ipv4Flag.MORE_FRAGMENTS
    tiny = replace(whole, flags=more, payload=syn[:8])
    overlapping = replace(whole, fragment_offset=1, payload=syn[8:])
    for packet in (
        tiny,
        overlapping,
        replace(overlapping, flags=more),
        replace(whole, flags=more, payload=syn + bytes(4)),
    ):
        world.send("A", packet)
    assert passing(world, 5001) == [5001]
    assert left(world, TCP) == []
    assert counts(world) == {(LAN, True, 20): 1, (LAN, True, filters.END_OF_LIST): 1}
    for packet in (
        replace(whole, flags=more, payload=whole.payload[:24]),
        replace(whole, fragment_offset=3, payload=bytes(8)),
    ):
        world.send("A", packet)
    world.until(lambda: counts(world).get((LAN, True, 10)) == 2)


@contract
def test_options_of_no_length_hide_a_packet_from_its_entry(world: World) -> None:
    world.execute("A", inward(NO_5000))
    for octets in range(4, 44, 4):
        for options in (b"\1" * octets, bytes((130, octets)) + bytes(octets - 2), b"\1" * (octets - 1) + b"\0"):
            for number in (5000, 5001):
                world.send("A", replace(datagram("A", nbma("C"), 4000, number), options=options))
    world.until(lambda: counts(world) == {(LAN, True, 10): 30, (LAN, True, 20): 30})
    world.run(0.1)
    assert set(ports_left(world)) <= {5001}


@contract
def test_counts_of_entries_that_stay_go_on_and_others_begin_at_zero(world: World) -> None:
    world.execute("A", inward(NO_5000))
    passing(world, 5000, 5001)
    world.execute("A", inward(listed(deny(10, port(5000)), permit(15, port(5001)), permit(20, port(5001)))))
    assert counts(world) == {(LAN, True, 10): 1}
    passing(world, 5000, 5001)
    assert counts(world) == {(LAN, True, 10): 2, (LAN, True, 15): 1}


@contract
def test_another_list_with_equal_entries_begins_at_zero(world: World) -> None:
    world.execute("A", inward(NO_5000))
    passing(world, 5000)
    world.execute("A", inward(replace(NO_5000, name="OTHER")))
    assert counts(world) == {}
    passing(world, 5000)
    assert counts(world) == {(LAN, True, 10): 1}


@contract
def test_the_sender_of_a_denied_packet_hears_that_it_is_prohibited_and_not_more_often_than_that(world: World) -> None:
    world.execute("A", inward(NO_5000))
    passing(world, *[5000] * 20)
    world.until(lambda: bool(errors(world)))
    world.run(0.2)
    (error,) = errors(world)
    assert error.code == icmp.UnreachableCode.ADMINISTRATIVELY_PROHIBITED
    assert Ipv4Packet.parse(error.quoted + bytes(5)).destination == nbma("C")
    assert {one.source for one in world.received["A"]} == {IPv4Address("192.168.1.1")}


@contract
def test_a_port_without_unreachables_tells_nobody(world: World) -> None:
    world.execute("A", SetFilters(LAN, filters.PortFilters(inward=NO_5000, unreachables=False)))
    assert passing(world, 5000, 5001) == [5001]
    world.run(0.6)
    assert errors(world) == []
    world.execute("A", inward(NO_5000))
    passing(world, 5000)
    world.until(lambda: bool(errors(world)))


@on_kernels
def test_packets_of_an_entry_with_log_are_reported_the_first_one_at_once(world: World) -> None:
    world.execute("A", inward(listed(deny(10, port(5000), log=True), permit(20, ALL, log=True))))
    passing(world, *[5000] * 5, 5001)
    world.until(lambda: sum(one.count for one in world.of("A", PacketsFiltered)) == 6)
    first = world.of("A", PacketsFiltered)[0]
    assert (first.interface, first.inward, first.sequence, first.count) == (LAN, True, 10, 1)
    assert (first.packet.source, first.packet.destination) == (host("A"), nbma("C"))
    assert (first.packet.source_port, first.packet.destination_port) == (4000, 5000)
    assert len(world.of("A", PacketsFiltered)) <= 3


@contract
def test_an_outward_list_sees_packets_after_translation(world: World) -> None:
    own = filters.Condition(source=Addresses(nbma("A"), IPv4Address(0)), destination=ANY)
    world.execute("A", translate(), outward(listed(deny(10, own), permit(20, ALL))))
    assert passing(world, 5000) == []
    assert counts(world) == {(UNDERLAY, False, 10): 1}


@contract
def test_a_list_on_a_tunnel_sees_inner_packets_and_one_on_the_port_outer_ones(world: World) -> None:
    hub_and_spokes(world)
    inner = filters.Condition(source=Addresses(host("B"), IPv4Address(0)), destination=ANY)
    world.execute("A", inward(listed(deny(10, inner), permit(20, ALL)), "Tunnel0"))
    world.execute("A", inward(listed(permit(10, replace(ALL, protocol=IpProtocol.GRE))), UNDERLAY))
    payload = UdpDatagram(source_port=1, destination_port=5000, payload=b"").serialize(host("B"), host("A"))
    world.send("B", Ipv4Packet(source=host("B"), destination=host("A"), protocol=UDP, payload=payload))
    world.until(lambda: counts(world).get(("Tunnel0", True, 10)) == 1)
    assert counts(world)[UNDERLAY, True, 10] >= 1
    assert not [one for one in world.received["A"] if one.protocol == UDP]


def spoofed(world: World, source: str) -> bool:
    """Whether a packet that comes from the provider with this source reaches the host of A."""
    world.received["A"].clear()
    payload = UdpDatagram(source_port=1, destination_port=5000, payload=b"").serialize(IPv4Address(source), host("A"))
    world.inject("A", Ipv4Packet(source=IPv4Address(source), destination=host("A"), protocol=UDP, payload=payload))
    world.run(0.1)
    return bool(world.received["A"])


@pytest.mark.parametrize(
    ("path", "passed"),
    [
        (filters.ReversePath(strict=True), {"10.0.1.2", "172.31.0.1"}),
        (filters.ReversePath(strict=True, allow_default=True), {"10.0.1.2", "172.31.0.1", "203.0.113.1"}),
        (filters.ReversePath(strict=False), {"10.0.1.2", "172.31.0.1", "192.168.1.77"}),
        (
            filters.ReversePath(strict=False, allow_default=True),
            {"10.0.1.2", "172.31.0.1", "192.168.1.77", "203.0.113.1"},
        ),
    ],
)
@pytest.mark.lab
def test_a_sender_must_be_reachable(path: filters.ReversePath, passed: set[str]) -> None:
    def test() -> None:
        world = RealWorld()
        try:
            way = NextHop(UNDERLAY, IPv4Address("10.0.1.2"))
            world.execute("A", SetRoute(Prefix.parse("172.31.0.0/16"), (way,)))
            world.execute("A", SetFilters(UNDERLAY, filters.PortFilters(reverse_path=path)))
            tried = ("10.0.1.2", "172.31.0.1", "192.168.1.77", "203.0.113.1")
            assert {source for source in tried if spoofed(world, source)} == passed
            assert counts(world).get((UNDERLAY, True, filters.UNREACHABLE_SENDER), 0) == len(tried) - len(passed)
            assert world.planes["A"].differences() == []
        finally:
            world.close()

    run_in_lab(test)


@on_kernels
def test_a_list_that_cannot_be_set_keeps_its_direction_shut_and_says_which_entry(world: World) -> None:
    impossible = replace(ALL, destination_ports=((1, 1),))
    with pytest.raises(EffectError, match="entry 10"):
        world.execute("A", inward(listed(permit(10, impossible), permit(20, ALL))))
    assert passing(world, 5000, 5001) == []
    world.execute("A", inward(NO_5000))
    assert passing(world, 5000, 5001) == [5001]


@contract
def test_a_port_that_comes_up_later_is_filtered_from_its_first_packet_on(world: World) -> None:
    world.execute("A", SetInterface(LAN, False, ()), inward(NO_5000))
    world.execute("A", SetInterface(LAN, True, ((IPv4Address("192.168.1.1"), 24),)))
    world.until(lambda: passing(world, 5000, 5001) == [5001])


@contract
def test_a_list_of_ten_thousand_entries_decides_and_is_changed(world: World) -> None:
    def long(first: int) -> filters.FilterList:
        entries = (deny(number, port(first + number)) for number in range(1, 10_000))
        return listed(*entries, permit(10_000, ALL))

    for first in (5000, 20_000):
        world.execute("A", inward(long(first)))
        assert passing(world, first + 1, first + 9_999, first + 10_000) == [first + 10_000]
