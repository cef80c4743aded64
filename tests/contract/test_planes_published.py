"""NAT beyond overload on every plane: published servers, pools, hairpin, and what nobody asked for."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from contract.test_planes import contract, on_kernels
from contract.test_planes_translation import datagram, echo, flows, left, permit
from contract.worlds import LAN, UNDERLAY, host, nbma
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import ForgetTranslations, NextHop, SendIp, SetInterface, SetRoute, SetTranslation
from dmvpn.base.events import IpReceived
from dmvpn.base.translation import ICMP, UDP, Clause, FlowFilter, SourceRule, StaticRule
from dmvpn.dataplane import netlink
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.netlink import nftables
from dmvpn.dataplane.userspace import translation_rules
from dmvpn.net import icmp
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet

if TYPE_CHECKING:
    from contract.worlds import World

#: On the wire to the provider, and not of the router.
PUBLIC = IPv4Address("10.0.1.50")
LAST = IPv4Address("10.0.1.52")
NEIGHBOR = IPv4Address("192.168.1.77")


def from_outside(
    destination: IPv4Address, port: int, source_port: int = 3000, source: IPv4Address | None = None
) -> Ipv4Packet:
    """A UDP packet of a stranger."""
    sender = source or nbma("B")
    payload = UdpDatagram(source_port=source_port, destination_port=port, payload=b"hello")
    return Ipv4Packet(
        source=sender, destination=destination, protocol=UDP, payload=payload.serialize(sender, destination)
    )


def answer(world: World, port: int, to: int, destination: IPv4Address | None = None) -> None:
    """The host answers from its port."""
    world.send("A", datagram("A", destination or nbma("B"), port, to))


def ports(packet: Ipv4Packet) -> tuple[int, int]:
    return int.from_bytes(packet.payload[:2], "big"), int.from_bytes(packet.payload[2:4], "big")


def echoes(world: World, kind: icmp.IcmpType) -> list[Ipv4Packet]:
    return [one for one in left(world, ICMP) if one.payload[0] == kind]


def published(
    *statics: StaticRule, rules: tuple[SourceRule, ...] = (), aliases: tuple[Prefix, ...] = (Prefix.host(PUBLIC),)
) -> SetTranslation:
    return SetTranslation((LAN,), rules, (UNDERLAY,), statics, aliases)


def pool(last: IPv4Address = LAST, *, overload: bool) -> SetTranslation:
    rule = SourceRule(UNDERLAY, (Clause(True, ((permit(),),)),), pool=((PUBLIC, last),), overload=overload)
    return published(rules=(rule,), aliases=(Prefix.host(PUBLIC), Prefix.of(IPv4Address("10.0.1.51"), 32)))


@contract
def test_the_router_may_be_the_published_station_and_its_ping_has_that_address(world: World) -> None:
    inside = IPv4Address("192.168.1.1")
    world.execute("A", replace(published(StaticRule(inside, PUBLIC)), own=(inside,)))
    message = icmp.EchoRequest(identifier=8, sequence=1, payload=b"own").serialize()
    world.execute("A", SendIp(None, inside, nbma("B"), IpProtocol.ICMP, message))
    world.until(lambda: bool(world.of("A", IpReceived)))
    (heard,) = world.of("A", IpReceived)
    assert (heard.source, heard.destination) == (nbma("B"), inside)
    assert [one.source for one in echoes(world, icmp.IcmpType.ECHO_REQUEST)] == [PUBLIC]


@contract
def test_a_published_station_is_reached_at_its_address_and_speaks_from_it(world: World) -> None:
    world.execute("A", published(StaticRule(host("A"), PUBLIC)))
    world.inject("A", from_outside(PUBLIC, 53))
    world.until(lambda: len(world.received["A"]) == 1)
    (request,) = world.received["A"]
    assert (request.source, request.destination, ports(request)) == (nbma("B"), host("A"), (3000, 53))
    answer(world, 53, 3000)
    world.until(lambda: len(left(world, UDP)) == 1)
    (reply,) = left(world, UDP)
    assert (reply.source, reply.destination, ports(reply)) == (PUBLIC, nbma("B"), (53, 3000))
    world.send("A", echo("A", nbma("B")))
    world.until(lambda: any(one.payload[0] == icmp.IcmpType.ECHO_REPLY for one in world.received["A"]))
    assert [one.source for one in echoes(world, icmp.IcmpType.ECHO_REQUEST)] == [PUBLIC]
    found = {(one.protocol, one.inside_local[0], one.inside_global[0], one.outside[0]) for one in flows(world)}
    assert found == {(UDP, host("A"), PUBLIC, nbma("B")), (ICMP, host("A"), PUBLIC, nbma("B"))}


@contract
def test_one_port_is_published_at_another_and_the_rest_of_the_address_is_silent(world: World) -> None:
    """The router's own services answered at the address, because it is a local one of the kernel."""
    world.execute("A", published(StaticRule(host("A"), PUBLIC, 32, UDP, 80, 8080)))
    message = icmp.EchoRequest(identifier=9, sequence=1, payload=b"").serialize()
    world.inject("A", from_outside(PUBLIC, 80))
    world.inject("A", Ipv4Packet(source=nbma("B"), destination=PUBLIC, protocol=IpProtocol.ICMP, payload=message))
    world.inject("A", from_outside(PUBLIC, 8080))
    world.until(lambda: len(world.received["A"]) == 1)
    assert ports(world.received["A"][0]) == (3000, 80)
    answer(world, 80, 3000)
    world.until(lambda: len(left(world, UDP)) == 1)
    assert ports(left(world, UDP)[0]) == (8080, 3000)
    assert not echoes(world, icmp.IcmpType.ECHO_REPLY)


@contract
def test_a_port_of_the_routers_own_address_is_a_stations_and_the_others_stay_its_own(world: World) -> None:
    world.execute("A", published(StaticRule(host("A"), nbma("A"), 32, UDP, 80, 8080), aliases=()))
    message = icmp.EchoRequest(identifier=9, sequence=1, payload=b"").serialize()
    asked = Ipv4Packet(source=nbma("B"), destination=nbma("A"), protocol=IpProtocol.ICMP, payload=message)
    world.inject("A", from_outside(nbma("A"), 8080))
    world.inject("A", asked)
    world.until(lambda: bool(world.received["A"]) and bool(left(world, IpProtocol.ICMP)))
    assert [ports(one) for one in world.received["A"]] == [(3000, 80)]
    assert left(world, IpProtocol.ICMP)[0].source == nbma("A")


@contract
def test_a_network_keeps_its_hosts_numbers(world: World) -> None:
    rule = StaticRule(IPv4Address("192.168.1.96"), IPv4Address("10.0.1.96"), 27)
    world.execute("A", published(rule, aliases=(rule.published,)))
    world.inject("A", from_outside(IPv4Address("10.0.1.100"), 53))
    world.until(lambda: len(world.received["A"]) == 1)
    assert world.received["A"][0].destination == host("A")
    answer(world, 53, 3000)
    world.until(lambda: len(left(world, UDP)) == 1)
    assert left(world, UDP)[0].source == IPv4Address("10.0.1.100")


@contract
def test_a_station_inside_reaches_the_published_server_at_its_public_address(world: World) -> None:
    """The server is on the same wire, and would answer directly, from an address that nobody asked."""
    world.execute("A", published(StaticRule(host("A"), PUBLIC, 32, UDP, 80, 8080)))
    world.send("A", from_outside(PUBLIC, 8080, source=NEIGHBOR))
    world.until(lambda: len(world.received["A"]) == 1)
    (request,) = world.received["A"]
    assert (request.source, request.destination, ports(request)[1]) == (PUBLIC, host("A"), 80)
    payload = UdpDatagram(source_port=80, destination_port=ports(request)[0], payload=b"hi").serialize(
        host("A"), PUBLIC
    )
    world.send("A", Ipv4Packet(source=host("A"), destination=PUBLIC, protocol=UDP, payload=payload))
    world.until(lambda: len(flows(world)) >= 1 and any(one.answered for one in flows(world)))
    assert not left(world, UDP)


@contract
def test_a_pool_that_is_shared_gives_its_first_address(world: World) -> None:
    world.execute("A", pool(overload=True))
    world.send("A", datagram("A", nbma("B"), 4000))
    world.send("A", datagram("A", nbma("B"), 500))
    world.until(lambda: len(left(world, UDP)) == 2)
    assert {one.source for one in left(world, UDP)} == {PUBLIC}
    assert ports(left(world, UDP)[0])[0] == 4000
    assert ports(left(world, UDP)[1])[0] > 1023
    world.inject("A", from_outside(PUBLIC, 4000, 5000))
    world.until(lambda: any(one.protocol == UDP for one in world.received["A"]))
    assert world.received["A"][-1].destination == host("A")


@contract
def test_a_pool_that_is_an_address_of_the_router_gives_that_address(world: World) -> None:
    """Stations got the first address of the interface, to which no provider had a route."""
    world.execute("A", SetInterface(UNDERLAY, True, ((nbma("A"), 24), (PUBLIC, 24))))
    rule = SourceRule(UNDERLAY, (Clause(True, ((permit(),),)),), address=PUBLIC)
    world.execute("A", published(rules=(rule,), aliases=()))
    world.send("A", datagram("A", nbma("B"), 4000))
    world.until(lambda: bool(left(world, UDP)))
    assert left(world, UDP)[0].source == PUBLIC
    world.inject("A", from_outside(PUBLIC, ports(left(world, UDP)[0])[0], ports(left(world, UDP)[0])[1]))
    world.until(lambda: any(one.protocol == UDP for one in world.received["A"]))
    world.inject("A", echo("B", PUBLIC))
    world.until(lambda: bool(echoes(world, icmp.IcmpType.ECHO_REPLY)))


@contract
def test_each_station_has_an_address_of_the_pool_for_itself_and_the_last_one_gets_none(world: World) -> None:
    world.execute("A", pool(IPv4Address("10.0.1.51"), overload=False))
    for number in (77, 78, 77, 79):
        world.send("A", from_outside(nbma("B"), 5000, 400, source=IPv4Address(f"192.168.1.{number}")))
        world.run(0.05)
    world.until(lambda: len(left(world, UDP)) == 3)
    world.run(0.1)
    assert [str(one.source) for one in left(world, UDP)] == ["10.0.1.50", "10.0.1.51", "10.0.1.50"]
    assert {ports(one)[0] for one in left(world, UDP)} == {400}


@contract
def test_a_static_rule_comes_before_what_a_list_permits(world: World) -> None:
    rule = SourceRule(UNDERLAY, (Clause(True, ((permit(),),)),))
    world.execute("A", published(StaticRule(host("A"), PUBLIC), rules=(rule,)))
    world.send("A", datagram("A", nbma("B"), 4000))
    world.send("A", from_outside(nbma("B"), 5000, 4001, source=NEIGHBOR))
    world.until(lambda: len(left(world, UDP)) == 2)
    assert {ports(one)[0]: one.source for one in left(world, UDP)} == {4000: PUBLIC, 4001: nbma("A")}


@contract
def test_one_flow_is_cleared_and_the_other_lives(world: World) -> None:
    world.execute("A", pool(overload=True))
    for port in (4000, 4001):
        world.send("A", datagram("A", nbma("B"), port))
    world.until(lambda: len(flows(world)) == 2)
    world.execute("A", ForgetTranslations(FlowFilter(UDP, inside_local=(host("A"), 4000))))
    assert [one.inside_local[1] for one in flows(world)] == [4001]


@contract
def test_a_rule_that_is_gone_takes_its_flows_and_its_address_with_it(world: World) -> None:
    world.execute("A", published(StaticRule(host("A"), PUBLIC)))
    world.inject("A", from_outside(PUBLIC, 53))
    world.until(lambda: len(world.received["A"]) == 1)
    world.execute("A", SetTranslation())
    assert not flows(world)
    world.inject("A", from_outside(PUBLIC, 53))
    world.send("A", datagram("A", nbma("B"), 4000))
    world.until(lambda: host("A") in [one.source for one in left(world, UDP)])
    assert len([one for one in world.received["A"] if one.protocol == UDP]) == 1


@contract
def test_the_router_itself_goes_on_from_its_own_address(world: World) -> None:
    world.execute("A", published(StaticRule(host("A"), PUBLIC)))
    message = icmp.EchoRequest(identifier=8, sequence=1, payload=b"own").serialize()
    world.execute("A", SendIp(None, None, nbma("B"), IpProtocol.ICMP, message))
    world.until(lambda: bool(world.of("A", IpReceived)))
    assert {one.source for one in left(world, IpProtocol.ICMP) if one.source != nbma("B")} == {nbma("A")}
    assert not world.received["A"]


@contract
def test_an_address_of_a_pool_that_another_router_has_is_reached_there(world: World) -> None:
    """Two routers of a site had a pool of both loopbacks: their session of BGP ended in the kernel of each."""
    route = SetRoute(Prefix.host(PUBLIC), (NextHop(UNDERLAY, IPv4Address("10.0.1.2")),))
    world.execute("A", pool(overload=False), route)
    message = icmp.EchoRequest(identifier=8, sequence=1, payload=b"own").serialize()
    world.execute("A", SendIp(None, nbma("A"), PUBLIC, IpProtocol.ICMP, message))
    world.until(lambda: any(one.destination == PUBLIC for one in left(world, ICMP)))


@on_kernels
def test_a_rule_that_the_kernel_does_not_take_shuts_the_way_out(world: World) -> None:
    """Packets left with the addresses of their senders until the kernel took the rule."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(translation_rules, "replaced", lambda *_, **__: (nftables.expression("no-such", b""),))
        with pytest.raises(EffectError, match="cannot translate"):
            world.execute("A", pool(overload=True))
    world.send("A", datagram("A", nbma("B"), 4000))
    world.run(0.2)
    assert not left(world, UDP)
    world.execute("A", pool(overload=True))
    world.send("A", datagram("A", nbma("B"), 4000))
    world.until(lambda: bool(left(world, UDP)))
    assert left(world, UDP)[0].source == PUBLIC


@on_kernels
def test_one_station_does_not_take_the_whole_table(world: World) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(translation_rules, "SHARE", 2)
        world.execute("A", pool(overload=True))
    for port in range(4000, 4005):
        world.send("A", datagram("A", nbma("B"), port))
    world.send("A", from_outside(nbma("B"), 5000, 4100, source=NEIGHBOR))
    world.until(lambda: 4100 in [ports(one)[0] for one in left(world, UDP)])
    assert [ports(one)[0] for one in left(world, UDP)][:-1] == [4000, 4001]
    assert world.counting("A").translations().refused == 3


@on_kernels
def test_a_published_station_does_not_take_the_whole_table_and_strangers_do_not_fill_it_through_it(
    world: World,
) -> None:
    """Only stations of other rules had a share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(translation_rules, "SHARE", 2)
        world.execute("A", published(StaticRule(host("A"), PUBLIC)))
    for port in range(4000, 4005):
        world.send("A", datagram("A", nbma("B"), port))
    for port in range(5000, 5005):
        world.inject("A", from_outside(PUBLIC, 80, port))
    world.run(0.5)
    assert [ports(one)[0] for one in left(world, UDP) if one.source == PUBLIC] == [4000, 4001]
    assert [ports(one)[0] for one in world.received["A"] if one.protocol == UDP] == [5000, 5001]
    assert world.counting("A").translations().refused == 6


@on_kernels
def test_a_way_that_is_shut_stays_shut_where_the_kernel_keeps_the_public_address(world: World) -> None:
    """The route that would not go left the table as it was: packets went out with the addresses of their senders."""

    def refused(_: object) -> None:
        raise OSError("no room for the request")

    world.execute("A", published(StaticRule(host("A"), PUBLIC)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(translation_rules, "replaced", lambda *_, **__: (nftables.expression("no-such", b""),))
        patch.setattr(netlink, "delete_route", refused)
        with pytest.raises(EffectError, match="cannot translate"):
            world.execute("A", pool(overload=True))
    world.send("A", datagram("A", nbma("B"), 4000))
    world.inject("A", from_outside(PUBLIC, 500))
    world.run(0.2)
    assert not left(world, UDP)
    assert not left(world, ICMP), "the router's own services are silent there"
