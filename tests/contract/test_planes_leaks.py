"""Route leaks with real packets: from VRF to VRF without another hop, and NAT between VRFs."""

from __future__ import annotations

import errno
import struct
from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from contract.test_planes import contract, on_kernels, only_udp, udp
from contract.test_planes_published import from_outside
from contract.test_planes_translation import datagram, echo, translate
from contract.test_planes_vrfs import WAN, provider, wan_in_a_vrf
from contract.worlds import DEFAULT, LAN, UNDERLAY, RealWorld, World, host, nbma
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import ClearRoute, InVrf, NextHop, SendIp, SetInterface, SetRoute, SetTranslation, SetVrfs
from dmvpn.base.events import EffectFailed, IpReceived
from dmvpn.base.translation import StaticRule
from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink.nfsocket import NetfilterSocket
from dmvpn.dataplane.netlink.nftables import delete_table
from dmvpn.dataplane.userspace.leak_ends import DEVICE
from dmvpn.net import icmp
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet

if TYPE_CHECKING:
    from dmvpn.base.translation import SourceRule

LAN_NETWORK = Prefix.parse("192.168.1.0/24")


def leak(name: str, prefix: Prefix = DEFAULT) -> SetRoute:
    """A route of the global table out of the front door."""
    return SetRoute(prefix, (NextHop(UNDERLAY, provider(name), leaks=True),))


def back(name: str) -> InVrf:
    """The route of the front door to the LAN of a router."""
    number = "ABC".index(name) + 1
    prefix = Prefix.parse(f"192.168.{number}.0/24")
    return InVrf(WAN, SetRoute(prefix, (NextHop(LAN, None, leaks=True),)))


def breakout(*, vrf: str = "") -> SetTranslation:
    """LAN inside, the front door outside."""
    order = translate()
    rules: tuple[SourceRule, ...] = tuple(replace(one, vrf=vrf) for one in order.rules)
    return replace(order, rules=rules)


def senders(world: World) -> set[IPv4Address]:
    """Whose packets the provider got, besides those of router C."""
    return {packet.source for packet in world.wire} - {nbma("C")}


def pairs(world: World, name: str, vrf: str = "") -> list[str]:
    """The ends of pairs in a namespace of a router."""
    assert isinstance(world, RealWorld)
    there = LAN if not vrf else UNDERLAY
    with world.inside(name), world.plane(name).on_backend_of(there), netlink.NetlinkSocket() as kernel:
        return sorted(link.name for link in kernel.links() if link.name.startswith(DEVICE))


def answered(world: World, packet: Ipv4Packet) -> Ipv4Packet:
    """Send a packet of host A, and return what comes back."""
    world.received["A"].clear()
    world.send("A", packet)
    world.until(lambda: bool(world.received["A"]))
    return world.received["A"][0]


@on_kernels
def test_a_leak_carries_packets_and_costs_no_hop(world: World) -> None:
    wan_in_a_vrf(world, "A")
    world.execute("A", leak("A"), back("A"))
    for ttl in (2, 3, 64, 128, 129, 254, 255):
        world.wire.clear()
        world.send("A", udp("A", nbma("C"), ttl=ttl))
        world.until(lambda: bool(only_udp(world.wire)))
        assert only_udp(world.wire)[0].ttl == ttl - 1


@on_kernels
def test_a_packet_with_the_last_ttl_is_answered_in_its_own_table(world: World) -> None:
    wan_in_a_vrf(world, "A")
    world.execute("A", leak("A"))
    answer = answered(world, udp("A", nbma("C"), ttl=1))
    assert answer.source == IPv4Address("192.168.1.1")
    assert answer.payload[0] == icmp.IcmpType.TIME_EXCEEDED
    assert not world.wire


@on_kernels
def test_a_packet_too_big_for_the_other_table_is_answered_in_its_own(world: World) -> None:
    wan_in_a_vrf(world, "A")
    world.execute("A", leak("A"))
    world.execute("A", SetInterface(UNDERLAY, True, ((nbma("A"), 24),), mtu=1000, vrf=WAN))
    world.run(0.1)
    answer = answered(world, udp("A", nbma("C"), size=1200, df=True))
    assert answer.source == IPv4Address("192.168.1.1")
    assert (answer.payload[0], answer.payload[1]) == (3, 4)
    assert struct.unpack("!H", answer.payload[6:8]) == (1000,)
    assert not only_udp(world.wire)


@on_kernels
def test_a_next_hop_that_does_not_answer_is_reported_to_the_sender_alone(world: World) -> None:
    """The table of the interface does not know the sender: its error took the provider's default route."""
    wan_in_a_vrf(world, "A")
    world.execute("A", SetRoute(DEFAULT, (NextHop(UNDERLAY, nbma("A") + 7, leaks=True),)))
    world.received["A"].clear()
    world.send("A", udp("A", nbma("C")))
    world.until(lambda: bool(world.received["A"]), 6)
    assert (world.received["A"][0].payload[0], world.received["A"][0].payload[1]) == (3, 1)
    assert not senders(world)


@on_kernels
def test_replies_to_translated_packets_find_back_without_a_route(world: World) -> None:
    wan_in_a_vrf(world, "A")
    world.execute("A", breakout(), leak("A"))
    answer = answered(world, echo("A", nbma("C")))
    assert answer.source == nbma("C")
    assert senders(world) == {nbma("A")}


@on_kernels
def test_a_trace_through_a_breakout_shows_no_hop_more(world: World) -> None:
    wan_in_a_vrf(world, "A")
    world.execute("A", breakout(), leak("A"))
    assert answered(world, echo("A", nbma("C"), ttl=1)).source == IPv4Address("192.168.1.1")
    assert answered(world, echo("A", nbma("C"), ttl=2)).source == provider("A")
    assert answered(world, echo("A", nbma("C"), ttl=3)).source == nbma("C")


@on_kernels
def test_stations_in_a_vrf_break_out_by_the_rule_of_their_vrf(world: World) -> None:
    wan_in_a_vrf(world, "A")
    guests = SetInterface(LAN, True, ((IPv4Address("192.168.1.1"), 24),), vrf="GUESTS")
    world.execute("A", SetVrfs((WAN, "GUESTS")), guests, InVrf("GUESTS", leak("A")), breakout(vrf="GUESTS"))
    world.run(0.1)
    assert answered(world, echo("A", nbma("C"))).source == nbma("C")
    assert senders(world) == {nbma("A")}
    assert [flow.vrf for flow in world.counting("A").translations().flows] == ["GUESTS"]


@on_kernels
def test_an_interface_beside_the_inside_sends_nothing_past_the_translation(world: World) -> None:
    wan_in_a_vrf(world, "A")
    world.execute("A", leak("A"), replace(breakout(), inside=("GigabitEthernet0/9",)))
    world.send("A", datagram("A", nbma("C"), 6000))
    world.run(0.3)
    assert not world.wire


@on_kernels
def test_the_translation_is_in_force_before_the_first_packet_takes_the_leak(world: World) -> None:
    """Under a stream, the leak comes and goes, and so does the front door."""
    wan_in_a_vrf(world, "A")
    world.execute("A", breakout())
    for _ in range(3):
        world.execute("A", leak("A"))
        world.send("A", datagram("A", nbma("C"), 6001))
        world.execute("A", ClearRoute(DEFAULT))
        world.send("A", datagram("A", nbma("C"), 6001))
    world.execute("A", leak("A"), SetVrfs(()))
    world.send("A", datagram("A", nbma("C"), 6001))
    wan_in_a_vrf(world, "A")
    world.send("A", datagram("A", nbma("C"), 6001))
    world.until(lambda: any(packet.protocol == IpProtocol.UDP for packet in world.wire))
    assert senders(world) == {nbma("A")}


@on_kernels
def test_a_ping_of_the_router_takes_the_leak_and_comes_back(world: World) -> None:
    """It names no source: the address of the interface is used, and the answer needs no route back."""
    wan_in_a_vrf(world, "A")
    world.execute("A", leak("A"))
    request = icmp.EchoRequest(identifier=1, sequence=1, payload=b"ping").serialize()
    world.execute("A", SendIp(None, None, nbma("C"), IpProtocol.ICMP, request))
    world.until(lambda: bool(world.of("A", IpReceived)))
    (heard,) = world.of("A", IpReceived)
    assert (heard.source, heard.vrf) == (nbma("C"), "")
    assert senders(world) == {nbma("A")}


@on_kernels
def test_a_pair_is_there_while_a_route_takes_it(world: World) -> None:
    wan_in_a_vrf(world, "A")
    assert pairs(world, "A") == []
    other = Prefix.parse("10.9.0.0/16")
    world.execute("A", leak("A"), leak("A", other))
    assert len(pairs(world, "A")) == len(pairs(world, "A", WAN)) == 1
    world.execute("A", ClearRoute(other))
    assert len(pairs(world, "A")) == 1
    world.execute("A", ClearRoute(DEFAULT))
    assert pairs(world, "A") == pairs(world, "A", WAN) == []
    assert isinstance(world, RealWorld)
    with world.inside("A"):
        assert world.plane("A").differences() == []


@on_kernels
def test_a_kernel_that_loses_nf_tables_lets_nothing_pass_between_vrfs(world: World) -> None:
    """Without the rules packets passed beside the translation, and the log said nothing."""

    def refuse(self: object, parts: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    wan_in_a_vrf(world, "A")
    world.execute("A", leak("A"), back("A"))
    assert isinstance(world, RealWorld)
    with world.inside("A"), NetfilterSocket() as kernel:
        kernel.transact([delete_table("dmvpn-leak")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NetfilterSocket, "transact", refuse)
        world.until(lambda: len(world.of("A", EffectFailed)) == 2)
        assert {failed.effect for failed in world.of("A", EffectFailed)} == {leak("A"), back("A")}
        assert all("the rules for packets between VRFs" in failed.text for failed in world.of("A", EffectFailed))
        world.send("A", udp("A", nbma("C")))
        world.run(0.1)
        assert only_udp(world.wire) == []
    world.execute("A", leak("A"), back("A"))
    world.send("A", udp("A", nbma("C")))
    world.until(lambda: bool(only_udp(world.wire)))


@on_kernels
def test_what_came_by_a_leak_leaves_by_none(world: World) -> None:
    """The LAN is down when replies come: they took the default route of its table, back to the provider."""
    wan_in_a_vrf(world, "A")
    world.execute("A", breakout(), leak("A"))
    answered(world, echo("A", nbma("C")))
    world.execute("A", SetInterface(LAN, False, ((IPv4Address("192.168.1.1"), 24),)))
    world.wire.clear()
    reply = icmp.EchoReply(identifier=7, sequence=1, payload=bytes(8)).serialize()
    world.inject("A", Ipv4Packet(source=nbma("C"), destination=nbma("A"), protocol=1, payload=reply))
    world.run(0.3)
    assert not [packet for packet in world.wire if packet.destination == host("A")]


@on_kernels
def test_a_route_whose_next_hop_another_table_finds_takes_that_tables_route(world: World) -> None:
    """An imported route to a connected network names only the VRF."""
    wan_in_a_vrf(world, "A")
    world.execute("A", SetRoute(DEFAULT, (NextHop("", vrf=WAN),)), back("A"))
    world.send("A", udp("A", nbma("C"), ttl=9))
    world.until(lambda: bool(only_udp(world.wire)))
    assert only_udp(world.wire)[0].ttl == 8
    assert answered(world, echo("A", nbma("A"))).source == nbma("A")


@contract
def test_a_station_is_published_out_of_a_front_door_that_has_no_route_to_it(world: World) -> None:
    wan_in_a_vrf(world, "A")
    public = IPv4Address("10.0.1.50")
    static = StaticRule(host("A"), public)
    order = SetTranslation((LAN,), (), (UNDERLAY,), (static,), (Prefix.host(public),))
    world.execute("A", leak("A"), order)
    world.inject("A", from_outside(public, 53))
    world.until(lambda: bool(world.received["A"]))
    assert (world.received["A"][0].source, world.received["A"][0].destination) == (nbma("B"), host("A"))
    world.send("A", datagram("A", nbma("B"), 53, 3000))
    world.until(lambda: public in senders(world))
    (flow,) = world.counting("A").translations().flows
    assert (flow.inside_local, flow.inside_global, flow.vrf) == ((host("A"), 53), (public, 53), "")
    world.inject("A", from_outside(public, 53))
    world.until(lambda: len(world.received["A"]) >= 2)
