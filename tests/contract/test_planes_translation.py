"""NAT overload on every plane: what leaves translated and what does not, and that answers find back."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from contract.test_planes import TUNNEL, contract, hub_and_spokes, udp
from contract.worlds import LAN, UNDERLAY, host, nbma
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import ClearRoute, ForgetTranslations, NextHop, SendIp, SetInterface, SetRoute, SetTranslation
from dmvpn.base.events import IpReceived
from dmvpn.base.translation import ESP, GRE, ICMP, UDP, Addresses, Clause, PacketRule, SourceRule
from dmvpn.net import icmp
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet

if TYPE_CHECKING:
    from contract.worlds import World
    from dmvpn.base.translation import TranslatedFlow

_ANY = Addresses(IPv4Address(0), IPv4Address("255.255.255.255"))


def permit(
    *, protocol: int | None = None, to_port: int | None = None, source: Addresses = _ANY, deny: bool = False
) -> PacketRule:
    """An entry of an access list."""
    ports = None if to_port is None else (to_port, to_port)
    return PacketRule(not deny, source, _ANY, protocol=protocol, destination_ports=ports)


def translate(*rules: PacketRule, refused: tuple[int, ...] = ()) -> SetTranslation:
    """LAN inside, underlay outside."""
    return SetTranslation((LAN,), (SourceRule(UNDERLAY, (Clause(True, (rules or (permit(),),)),), refused),))


def echo(router: str, destination: IPv4Address, identifier: int = 7, *, ttl: int = 64, size: int = 8) -> Ipv4Packet:
    """An echo request of the host behind a router."""
    message = icmp.EchoRequest(identifier=identifier, sequence=1, payload=bytes(size)).serialize()
    return Ipv4Packet(
        source=host(router),
        destination=destination,
        protocol=IpProtocol.ICMP,
        payload=message,
        ttl=ttl,
        identification=9,
    )


def datagram(router: str, destination: IPv4Address, source_port: int, port: int = 5000) -> Ipv4Packet:
    """A UDP packet of the host behind a router."""
    payload = UdpDatagram(source_port=source_port, destination_port=port, payload=b"hello")
    return Ipv4Packet(
        source=host(router),
        destination=destination,
        protocol=IpProtocol.UDP,
        payload=payload.serialize(host(router), destination),
    )


def left(world: World, protocol: int) -> list[Ipv4Packet]:
    """What of a protocol the provider got."""
    return [packet for packet in world.wire if packet.protocol == protocol]


def ports_left(world: World) -> list[int]:
    return [int.from_bytes(packet.payload[:2], "big") for packet in left(world, IpProtocol.UDP)]


def flows(world: World, router: str = "A") -> list[TranslatedFlow]:
    return list(world.counting(router).translations().flows)


@contract
def test_a_host_inside_speaks_from_the_routers_address_and_hears_the_answer(world: World) -> None:
    world.execute("A", translate())
    world.send("A", echo("A", nbma("B")))
    world.until(lambda: bool(world.received["A"]))
    (request,) = [packet for packet in left(world, IpProtocol.ICMP) if packet.source != nbma("B")]
    assert (request.source, request.destination, request.ttl) == (nbma("A"), nbma("B"), 63)
    (reply,) = world.received["A"]
    assert (reply.source, reply.destination) == (nbma("B"), host("A"))
    assert icmp.parse(reply.payload) == icmp.EchoReply(identifier=7, sequence=1, payload=bytes(8))
    (flow,) = flows(world)
    assert (flow.protocol, flow.inside_local, flow.inside_global[0]) == (ICMP, (host("A"), 7), nbma("A"))
    assert flow.outside[0] == nbma("B")
    assert flow.answered


@contract
def test_udp_keeps_its_port_but_never_one_of_the_routers_ike(world: World) -> None:
    world.execute("A", translate())
    for number, port in enumerate((4000, 500, 4500, 53), 1):
        world.send("A", datagram("A", nbma("B"), port))
        world.until(lambda number=number: len(left(world, IpProtocol.UDP)) == number)  # type: ignore[misc]
    ports = ports_left(world)
    assert ports[0] == 4000
    assert all(port > 1023 and port != 4500 for port in ports)
    assert len(set(ports)) == 4
    assert {packet.source for packet in left(world, IpProtocol.UDP)} == {nbma("A")}


@contract
def test_an_error_about_a_translated_packet_reaches_its_sender_and_quotes_what_that_sent(world: World) -> None:
    world.execute("A", translate())
    world.send("A", datagram("A", nbma("B"), 500))
    world.until(lambda: bool(world.received["A"]))
    (packet,) = world.received["A"]
    message = icmp.parse(packet.payload)
    assert isinstance(message, icmp.DestinationUnreachable)
    quoted = message.quoted
    assert IPv4Address(quoted[12:16]) == host("A")
    assert int.from_bytes(quoted[20:22], "big") == 500


@contract
def test_what_the_list_does_not_permit_leaves_as_it_is(world: World) -> None:
    world.execute("A", translate(permit(protocol=UDP, to_port=5001, deny=True), permit(protocol=UDP)))
    world.send("A", datagram("A", nbma("B"), 4000, 5001))
    world.send("A", echo("A", nbma("B")))
    world.send("A", datagram("A", nbma("B"), 4000, 5002))

    def echoes() -> list[Ipv4Packet]:
        return [packet for packet in left(world, IpProtocol.ICMP) if packet.payload[0] == icmp.IcmpType.ECHO_REQUEST]

    world.until(lambda: len(left(world, IpProtocol.UDP)) == 2 and bool(echoes()))
    assert [packet.source for packet in left(world, IpProtocol.UDP)] == [host("A"), nbma("A")]
    assert echoes()[0].source == host("A")


@contract
def test_a_list_of_addresses_means_these_alone(world: World) -> None:
    lan = Addresses(IPv4Address("192.168.1.64"), IPv4Address("0.0.0.63"))
    other = Addresses(IPv4Address("192.168.1.0"), IPv4Address("0.0.0.63"))
    for count, (source, expected) in enumerate(((other, host("A")), (lan, nbma("A"))), 1):
        world.execute("A", translate(permit(source=source)))
        world.send("A", datagram("A", nbma("B"), 4000 + count))
        world.until(lambda count=count: len(left(world, IpProtocol.UDP)) == count)  # type: ignore[misc]
        assert left(world, IpProtocol.UDP)[-1].source == expected


@contract
def test_a_clause_that_denies_leaves_its_packets_alone(world: World) -> None:
    clauses = (Clause(False, ((permit(protocol=UDP, to_port=5001),),)), Clause(True))
    world.execute("A", SetTranslation((LAN,), (SourceRule(UNDERLAY, clauses),)))
    world.send("A", datagram("A", nbma("B"), 4000, 5001))
    world.until(lambda: len(left(world, IpProtocol.UDP)) == 1)
    world.send("A", datagram("A", nbma("B"), 4000, 5002))
    world.until(lambda: len(left(world, IpProtocol.UDP)) == 2)
    assert [packet.source for packet in left(world, IpProtocol.UDP)] == [host("A"), nbma("A")]


@contract
def test_gre_and_esp_from_inside_do_not_leave_where_the_router_has_its_own(world: World) -> None:
    world.execute("A", translate(refused=(GRE, ESP)))
    for protocol in (GRE, ESP):
        packet = Ipv4Packet(source=host("A"), destination=nbma("B"), protocol=protocol, payload=bytes(16))
        world.send("A", packet)
    world.send("A", datagram("A", nbma("B"), 4000))
    world.until(lambda: len(left(world, IpProtocol.UDP)) == 1)
    assert not left(world, GRE)
    assert not left(world, ESP)


@contract
def test_gre_of_the_routers_peer_is_its_own_though_a_host_spoke_to_the_peer_before(world: World) -> None:
    world.execute("A", translate())
    world.send("A", Ipv4Packet(source=host("A"), destination=nbma("B"), protocol=GRE, payload=bytes(16)))
    world.until(lambda: bool(left(world, GRE)))
    assert left(world, GRE)[0].source == nbma("A")
    world.execute("A", translate(refused=(GRE, ESP)))
    world.inject("A", Ipv4Packet(source=nbma("B"), destination=nbma("A"), protocol=GRE, payload=bytes(16)))
    world.send("A", echo("A", nbma("B")))
    world.until(lambda: any(packet.protocol == IpProtocol.ICMP for packet in world.received["A"]))
    assert not [packet for packet in world.received["A"] if packet.protocol == GRE]
    assert [flow.protocol for flow in flows(world)] == [ICMP]


@contract
def test_what_goes_through_a_tunnel_is_never_translated(world: World) -> None:
    hub_and_spokes(world)
    for name in TUNNEL:
        world.execute(name, translate(refused=(GRE, ESP)))
    world.send("B", udp("B", host("C")))
    world.until(lambda: bool(world.received["C"]))
    assert world.received["C"][0].source == host("B")
    world.send("B", echo("B", nbma("C")))
    world.until(lambda: bool(world.received["B"]))
    assert [flow.protocol for flow in flows(world, "B")] == [ICMP]
    assert not flows(world, "C")


@contract
def test_the_routers_own_packets_are_not_translated_and_their_answers_stay_its_own(world: World) -> None:
    world.execute("A", translate())
    world.send("A", echo("A", nbma("B"), 7))
    world.until(lambda: len(world.received["A"]) == 1)
    message = icmp.EchoRequest(identifier=8, sequence=1, payload=b"own").serialize()
    world.execute("A", SendIp(None, None, nbma("B"), IpProtocol.ICMP, message))
    world.until(lambda: bool(world.of("A", IpReceived)))
    assert len(world.received["A"]) == 1
    assert [flow.inside_local for flow in flows(world)] == [(host("A"), 7)]


@contract
def test_a_ping_and_a_probe_from_the_routers_address_inside_are_translated_and_their_answers_are_its_own(
    world: World,
) -> None:
    """`ping 8.8.8.8 source LAN`, by which translation is tried at its prompt, left with the private address."""
    inside = IPv4Address("192.168.1.1")
    world.execute("A", replace(translate(), own=(inside,)))
    message = icmp.EchoRequest(identifier=8, sequence=1, payload=b"own").serialize()
    world.execute("A", SendIp(None, inside, nbma("B"), IpProtocol.ICMP, message))
    world.until(lambda: bool(world.of("A", IpReceived)))
    (heard,) = world.of("A", IpReceived)
    assert (heard.source, heard.destination) == (nbma("B"), inside)
    assert icmp.parse(heard.payload) == icmp.EchoReply(identifier=8, sequence=1, payload=b"own")
    probe = UdpDatagram(source_port=40000, destination_port=33434, payload=b"").serialize(inside, nbma("B"))
    world.execute("A", SendIp(None, inside, nbma("B"), IpProtocol.UDP, probe, ttl=1))
    world.until(lambda: len(world.of("A", IpReceived)) == 2)
    error = icmp.parse(world.of("A", IpReceived)[-1].payload)
    assert isinstance(error, icmp.TimeExceeded)
    assert IPv4Address(error.quoted[12:16]) == inside
    for sent in (*left(world, IpProtocol.ICMP), *left(world, IpProtocol.UDP)):
        assert inside not in (sent.source, sent.destination)
    world.execute("A", SendIp(None, inside, nbma("B"), IpProtocol.UDP, b"\x00\xb3\x00\xb3\x00\x08\x00\x00"))
    world.until(lambda: inside in [packet.source for packet in left(world, IpProtocol.UDP)])


@contract
def test_what_comes_unasked_is_for_the_router_itself(world: World) -> None:
    world.execute("A", translate())
    message = icmp.EchoRequest(identifier=9, sequence=1, payload=b"").serialize()
    asked = Ipv4Packet(source=nbma("B"), destination=nbma("A"), protocol=IpProtocol.ICMP, payload=message)
    world.inject("A", asked)
    world.until(lambda: any(packet.source == nbma("A") for packet in left(world, IpProtocol.ICMP)))
    assert not world.received["A"]


@contract
def test_pieces_are_put_together_before_they_are_translated(world: World) -> None:
    world.execute("A", translate())
    for piece in echo("A", nbma("B"), size=2000).fragments(1000):
        world.send("A", piece)
    world.until(lambda: sum(len(packet.payload) for packet in world.received["A"]) >= 2008)
    assert {packet.source for packet in left(world, IpProtocol.ICMP)} <= {nbma("A"), nbma("B")}


@contract
def test_flows_that_are_forgotten_are_gone_and_the_next_packet_makes_another(world: World) -> None:
    world.execute("A", translate())
    world.send("A", echo("A", nbma("B")))
    world.until(lambda: len(world.received["A"]) == 1)
    assert len(flows(world)) == 1
    world.execute("A", ForgetTranslations())
    assert not flows(world)
    world.send("A", echo("A", nbma("B")))
    world.until(lambda: len(world.received["A"]) == 2)
    assert len(flows(world)) == 1


@contract
def test_packets_that_make_a_flow_and_others_are_counted(world: World) -> None:
    world.execute("A", translate())
    for count in (1, 2, 3):
        world.send("A", echo("A", nbma("B")))
        world.until(lambda count=count: len(world.received["A"]) == count)  # type: ignore[misc]
    counted = world.counting("A").translations()
    assert (counted.misses, counted.hits) == (1, 5)


@contract
def test_with_another_address_outside_packets_leave_from_that_in_a_moment(world: World) -> None:
    """The kernel ends the flows of an address that went when it has time, which may be after the next packet."""
    world.execute("A", translate())
    world.send("A", datagram("A", nbma("B"), 4000))
    world.until(lambda: len(left(world, IpProtocol.UDP)) == 1)
    other = IPv4Address("10.0.1.3")
    world.execute("A", SetInterface(UNDERLAY, True, ((other, 24),)))

    def leaves_from_there() -> bool:
        world.send("A", datagram("A", nbma("B"), 4000))
        return left(world, IpProtocol.UDP)[-1].source == other

    world.until(leaves_from_there, seconds=20)
    assert {packet.source for packet in left(world, IpProtocol.UDP)} == {nbma("A"), other}
    assert {flow.inside_global[0] for flow in flows(world)} == {other}


@contract
def test_a_packet_too_big_for_the_outside_is_refused_in_the_stations_own_words(world: World) -> None:
    """The sender hears of its own packet, not of what that became."""
    world.execute("A", translate(), SetInterface(UNDERLAY, True, ((nbma("A"), 24),), mtu=1000))
    world.send("A", udp("A", nbma("B"), size=1200, df=True))
    world.until(lambda: bool(world.received["A"]))
    message = icmp.parse(world.received["A"][0].payload)
    assert isinstance(message, icmp.DestinationUnreachable)
    assert (message.code, message.next_hop_mtu) == (icmp.UnreachableCode.FRAGMENTATION_NEEDED, 1000)
    assert IPv4Address(message.quoted[12:16]) == host("A")
    assert not left(world, IpProtocol.UDP)


@contract
def test_without_the_order_nothing_is_translated_any_more(world: World) -> None:
    world.execute("A", translate())
    world.execute("A", SetTranslation())
    world.send("A", datagram("A", nbma("B"), 4000))
    world.until(lambda: bool(left(world, IpProtocol.UDP)))
    assert left(world, IpProtocol.UDP)[0].source == host("A")
    assert not flows(world)


@contract
def test_an_interface_that_is_outside_no_more_translates_nothing_though_another_one_is(world: World) -> None:
    order = translate()
    (rule,) = order.rules
    other = SourceRule(LAN, rule.clauses)
    world.execute("A", SetTranslation((LAN,), (rule, other)))
    for count, (given, source) in enumerate(((None, nbma("A")), (other, host("A")), (rule, nbma("A"))), 1):
        if given is not None:
            world.execute("A", SetTranslation((LAN,), (given,)))
        world.send("A", datagram("A", nbma("B"), 4000))
        world.until(lambda count=count: len(left(world, IpProtocol.UDP)) == count)  # type: ignore[misc]
        assert left(world, IpProtocol.UDP)[-1].source == source


@contract
def test_an_interface_that_is_inside_no_more_is_not_translated_though_another_one_is(world: World) -> None:
    for count, inside in enumerate(((LAN, UNDERLAY), (UNDERLAY,)), 1):
        world.execute("A", SetTranslation(inside, translate().rules))
        world.send("A", datagram("A", nbma("B"), 4000))
        world.until(lambda count=count: len(left(world, IpProtocol.UDP)) == count)  # type: ignore[misc]
    assert [packet.source for packet in left(world, IpProtocol.UDP)] == [nbma("A"), host("A")]


@contract
def test_what_went_through_a_tunnel_is_translated_once_its_way_is_by_the_outside(world: World) -> None:
    """No packet after that has the address of a station inside, also of a flow that has never been silent."""
    hub_and_spokes(world)
    world.execute("B", translate(refused=(GRE, ESP)))
    away = Prefix.host(nbma("C"))
    world.execute("B", SetRoute(away, (NextHop("Tunnel0", TUNNEL["A"]),)))
    world.send("B", datagram("B", nbma("C"), 4000))
    world.until(lambda: [packet.source for packet in left(world, IpProtocol.UDP)] == [host("B")])
    world.execute("B", ClearRoute(away))

    def leaves_translated() -> bool:
        world.send("B", datagram("B", nbma("C"), 4000))
        return nbma("B") in [packet.source for packet in left(world, IpProtocol.UDP)]

    world.until(leaves_translated, seconds=20)


@contract
def test_an_answer_whose_way_is_by_the_outside_now_is_translated_though_its_question_came_by_a_tunnel(
    world: World,
) -> None:
    hub_and_spokes(world)
    world.execute("B", translate(refused=(GRE, ESP)))
    asked = UdpDatagram(source_port=5000, destination_port=4000, payload=b"?").serialize(nbma("C"), host("B"))
    way = Prefix.host(nbma("C"))
    world.execute("B", SetRoute(way, (NextHop("Tunnel0", TUNNEL["A"]),)))
    question = Ipv4Packet(source=nbma("C"), destination=host("B"), protocol=IpProtocol.UDP, payload=asked)
    world.send("A", question)
    world.until(lambda: question.payload in [packet.payload for packet in world.received["B"]])
    world.send("B", datagram("B", nbma("C"), 4000))
    world.execute("B", ClearRoute(way))

    def leaves_translated() -> bool:
        world.send("B", datagram("B", nbma("C"), 4000))
        return nbma("B") in [packet.source for packet in left(world, IpProtocol.UDP)]

    world.until(leaves_translated, seconds=20)


@contract
def test_with_another_address_of_a_loopback_packets_of_old_flows_leave_from_that(world: World) -> None:
    for count, number in enumerate((7, 8), 1):
        loopback = IPv4Address(f"198.51.100.{number}")
        rule = SourceRule(UNDERLAY, (Clause(True, ((permit(),),)),), address=loopback)
        world.execute("A", SetTranslation((LAN,), (rule,)))
        world.send("A", datagram("A", nbma("B"), 4000))
        world.until(lambda count=count: len(left(world, IpProtocol.UDP)) == count)  # type: ignore[misc]
        assert left(world, IpProtocol.UDP)[-1].source == loopback
    assert [flow.inside_global[0] for flow in flows(world)] == [IPv4Address("198.51.100.8")]


@contract
def test_gre_of_a_loopback_that_becomes_a_tunnel_source_is_the_routers_own(world: World) -> None:
    """Flows of stations with the address of the loopback stayed."""
    gre = Ipv4Packet(
        source=host("A"), destination=nbma("B"), protocol=IpProtocol.GRE, payload=b"\0\0\x08\0" + bytes(20)
    )
    for count, refused in enumerate(((), (GRE, ESP)), 1):
        address = IPv4Address("198.51.100.7")
        rule = SourceRule(UNDERLAY, (Clause(True, ((permit(),),)),), refused, address=address)
        world.execute("A", SetTranslation((LAN,), (rule,)))
        world.send("A", gre)
        world.send("A", datagram("A", nbma("B"), 4000))
        world.until(lambda count=count: len(left(world, IpProtocol.UDP)) == count)  # type: ignore[misc]
        assert [packet.source for packet in left(world, IpProtocol.GRE)] == [address]
    assert [flow.protocol for flow in flows(world)] == [UDP]
