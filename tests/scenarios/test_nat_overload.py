"""Scenario nat-overload: LANs speak to the Internet from their spoke's own address, and to each other by the tunnel."""

from __future__ import annotations

import json
from ipaddress import IPv4Address

from dmvpn.base.effects import SendIp
from dmvpn.net import icmp
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.router.facts import router_facts
from dmvpn.shells.facts import lab_facts
from dmvpn.tools.walk import as_text, walk
from support.world import World

WEB, H3, H4 = "198.51.100.80", "10.3.3.100", "10.4.4.100"
WAN = {"R31": "172.16.31.1", "R41": "172.16.41.1"}


NETWORK = "nat-overload"


class Wire:
    """Everything that passes one wire."""

    def __init__(self, world: World, router: str, interface: str = "GigabitEthernet0/1") -> None:
        self._tap = world.watch(router, interface)

    def of(self, protocol: int) -> list[Ipv4Packet]:
        packets = [Ipv4Packet.parse(octets) for _, octets in self._tap.packets]
        return [packet for packet in packets if packet.protocol == protocol]

    def clear(self) -> None:
        self._tap.packets.clear()


def test_a_host_reaches_the_internet_from_its_spokes_address(world: World) -> None:
    wire = Wire(world, "R31")
    world.ping("H3", WEB, 5)
    world.run_for(1)
    assert world.replies("H3") == [5]
    assert {(str(packet.source), str(packet.destination)) for packet in wire.of(IpProtocol.ICMP)} == {
        (WAN["R31"], WEB),
        (WEB, WAN["R31"]),
    }


def test_both_kinds_of_rules_translate(world: World) -> None:
    for host, router in (("H3", "R31"), ("H4", "R41")):
        wire = Wire(world, router)
        world.ping(host, WEB, 1)
        world.run_for(1)
        assert world.replies(host) == [1]
        assert {str(packet.source) for packet in wire.of(IpProtocol.ICMP)} == {WAN[router], WEB}


def test_what_goes_to_another_site_leaves_sealed_and_is_not_translated(world: World) -> None:
    wire, lan = Wire(world, "R31"), Wire(world, "R41", "GigabitEthernet0/2")
    for sequence in range(4):
        world.ping("H3", H4, sequence)
        world.run_for(1)
    assert world.replies("H3") == [0, 1, 2, 3]
    assert wire.of(IpProtocol.UDP), "ESP in UDP"
    assert not wire.of(IpProtocol.ICMP)
    assert {str(packet.source) for packet in lan.of(IpProtocol.ICMP)} == {H3, H4}
    assert "Total number of translations: 0" in world.show("R31", "ip nat translations")
    world.do("R31", "clear ip nat statistics")
    assert "Hits: 0  Misses: 0" in world.show("R31", "ip nat statistics")
    world.ping("H3", WEB, 5)
    world.run_for(1)
    assert "Hits: 1  Misses: 1" in world.show("R31", "ip nat statistics")


def test_while_the_tunnel_is_down_nothing_for_another_site_leaves_translated_in_clear(world: World) -> None:
    wire = Wire(world, "R31")
    world.configure("R31", "interface Tunnel100", "shutdown")
    world.run_for(20)
    wire.clear()
    world.ping("H3", H4, 1)
    world.ping("H3", WEB, 2)
    world.run_for(2)
    assert {str(packet.destination) for packet in wire.of(IpProtocol.ICMP)} == {WEB, WAN["R31"]}
    assert world.replies("H3") == [2]


def test_ike_of_a_host_inside_does_not_disturb_that_of_the_router(world: World) -> None:
    wire = Wire(world, "R31")
    hub = IPv4Address("172.16.11.1")
    for port in (500, 4500):
        payload = UdpDatagram(source_port=port, destination_port=port, payload=b"not ike").serialize(
            IPv4Address(H3), hub
        )
        world.send("H3", SendIp(None, IPv4Address(H3), hub, IpProtocol.UDP, payload))
    world.run_for(1)
    sent = [packet for packet in wire.of(IpProtocol.UDP) if packet.payload[8:] == b"not ike"]
    ports = [int.from_bytes(packet.payload[:2], "big") for packet in sent]
    assert len(ports) == 2
    assert all(port > 1023 and port != 4500 for port in ports)
    world.run_for(60)
    assert "Session status: UP-ACTIVE" in world.show("R31", "crypto session")


def test_gre_of_a_host_inside_does_not_leave(world: World) -> None:
    wire = Wire(world, "R31")
    gre = SendIp(None, IPv4Address(H3), IPv4Address("172.16.11.1"), IpProtocol.GRE, bytes(24))
    world.send("H3", gre)
    world.run_for(1)
    assert not wire.of(IpProtocol.GRE)


def test_the_flows_are_shown_and_can_be_cleared(world: World) -> None:
    world.ping("H3", WEB, 5)
    world.run_for(1)
    (line,) = [line for line in world.lines("R31", "ip nat translations") if line.startswith("icmp")]
    assert line.split()[1].startswith(f"{WAN['R31']}:")
    assert line.split()[2].startswith(f"{H3}:")
    statistics = world.show("R31", "ip nat statistics")
    assert "[Id: 1] access-list LAN interface GigabitEthernet0/1 refcount 1" in statistics
    assert "Hits: 1  Misses: 1" in statistics
    answer = json.loads(world.show("R31", "ip nat translations | json"))
    assert len(answer["lines"]) == 1
    world.do("R31", "clear ip nat translation *")
    assert "Total number of translations: 0" in world.show("R31", "ip nat translations")


def test_without_the_rule_packets_leave_with_their_own_address_and_nobody_answers(world: World) -> None:
    wire = Wire(world, "R31")
    world.configure("R31", "no ip nat inside source list LAN interface GigabitEthernet0/1 overload")
    world.ping("H3", WEB, 5)
    world.run_for(1)
    assert {str(packet.source) for packet in wire.of(IpProtocol.ICMP)} == {H3}
    assert world.replies("H3") == []


def test_what_a_route_map_denies_leaves_with_its_own_address(world: World) -> None:
    wire = Wire(world, "R41")
    telnet = (3000).to_bytes(2, "big") + (23).to_bytes(2, "big") + bytes(16)
    web = (3000).to_bytes(2, "big") + (80).to_bytes(2, "big") + bytes(16)
    for segment in (telnet, web):
        world.send("H4", SendIp(None, IPv4Address(H4), IPv4Address(WEB), IpProtocol.TCP, segment))
    world.run_for(1)
    assert [str(packet.source) for packet in wire.of(IpProtocol.TCP)] == [H4, WAN["R41"]]


def test_a_traceroute_from_inside_shows_every_hop(world: World) -> None:
    """The provider's time exceeded is about a translated packet, and finds its way back."""
    message = icmp.EchoRequest(identifier=77, sequence=1).serialize()
    world.send("H3", SendIp(None, IPv4Address(H3), IPv4Address(WEB), IpProtocol.ICMP, message, ttl=2))
    world.run_for(1)
    (heard,) = [event for event in world.sim.hosts["H3"].received if event.protocol == IpProtocol.ICMP]
    told = icmp.parse(heard.payload)
    assert isinstance(told, icmp.TimeExceeded)
    assert str(heard.source) == "172.16.31.2"
    assert IPv4Address(told.quoted[12:16]) == IPv4Address(H3)


def test_a_hub_lets_other_sites_into_the_internet_if_its_tunnel_is_inside() -> None:
    edits = {
        "R31": (("\nip route 10.0.0.0", "\nip route 198.51.100.0 255.255.255.0 192.168.100.11\nip route 10.0.0.0"),),
        "R11": (
            ("\ninterface Tunnel100\n", "\ninterface Tunnel100\n ip nat inside\n"),
            (" ip address 172.16.11.1 255.255.255.252\n", " ip address 172.16.11.1 255.255.255.252\n ip nat outside\n"),
            (
                "\nip route 0.0.0.0",
                "\naccess-list 1 permit 10.0.0.0 0.255.255.255\n"
                "ip nat inside source list 1 interface GigabitEthernet0/1 overload\nip route 0.0.0.0",
            ),
        ),
    }

    def change(router: str, text: str) -> str:
        for old, new in edits.get(router, ()):
            text = text.replace(old, new)
        return text

    world = World("nat-overload", change=change).converge()
    hub, spoke = Wire(world, "R11"), Wire(world, "R31")
    world.ping("H3", WEB, 3)
    world.run_for(1)
    assert world.replies("H3") == [3]
    assert {str(packet.source) for packet in hub.of(IpProtocol.ICMP)} == {"172.16.11.1", WEB}
    assert not spoke.of(IpProtocol.ICMP)


def test_walk_tells_the_translation_there_and_back(world: World) -> None:
    facts = lab_facts(
        world.scenario, {name: router_facts(node.router, world.now) for name, node in world.sim.routers.items()}, {}, ()
    )
    told = "\n".join(as_text(walk(facts, H3, WEB)))
    assert f"NAT: source {H3} becomes {WAN['R31']}" in told
    assert f"NAT: destination {WAN['R31']} becomes {H3}" in told
    assert "NAT" not in "\n".join(as_text(walk(facts, H3, H4)))
