"""IPv6 over an IPv4 underlay, phase 3: what a user sees at the prompts, and what is on the wires."""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.effects import SendIp
from dmvpn.features.nhrp.packet import PurgeRequest, RegistrationReply, RegistrationRequest, ResolutionRequest
from dmvpn.features.nhrp.packet import TrafficIndication as Redirect
from dmvpn.net import icmp, ip
from support.texts import file_text
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

HUB, SPOKE3, SPOKE4 = "172.16.11.1", "172.16.31.1", "172.16.41.1"
H4 = "2001:db8:4::100"


NETWORK = "ipv6-phase3"


@pytest.fixture
def direct(world: World) -> World:
    """After some packets between the LANs of both spokes."""
    world.stream("H3", H4, seconds=3, rate=5)
    return world


def test_one_registration_makes_two_entries_and_names_the_hub_twice() -> None:
    world = World("ipv6-phase3")
    wire = world.watch("R31", "GigabitEthernet0/1")
    world.converge()
    (_, request), *_ = wire.nhrp(RegistrationRequest)
    assert [str(request.source_protocol), str(request.destination_protocol)] == ["2001:db8:100::31", "2001:db8:100::11"]
    assert [str(cie.protocol) for cie in request.cies] == ["fe80::31"]
    (_, reply), *_ = wire.nhrp(RegistrationReply)
    assert [str(cie.protocol) for cie in reply.cies] == ["fe80::31", "fe80::11"]
    world.run_for(10)
    assert world.show("R11", "ipv6 nhrp").splitlines()[:1] == ["2001:DB8:100::31/128 via 2001:DB8:100::31"]
    assert "FE80::31/128 via 2001:DB8:100::31" in world.lines("R11", "ipv6 nhrp")
    assert world.show("R31", "ipv6 nhrp") == (
        "2001:DB8:100::11/128 via 2001:DB8:100::11\n"
        "   Tunnel100 created 00:00:10, never expire \n"
        "   Type: static, Flags: \n"
        "   NBMA address: 172.16.11.1 \n"
        "FE80::11/128 via FE80::11\n"
        "   Tunnel100 created 00:00:10, never expire \n"
        "   Type: static, Flags: \n"
        "   NBMA address: 172.16.11.1 \n"
    )


def test_a_map_with_the_length_of_the_tunnels_network_says_where_its_server_is() -> None:
    """`ipv6 nhrp map 2001:DB8:100::11/64`, as many people write it, left the spoke without a way to its server."""

    def change(name: str, text: str) -> str:
        line = " ipv6 nhrp nhs 2001:DB8:100::11"
        written = f" ipv6 nhrp map 2001:DB8:100::11/64 {HUB}\n ipv6 nhrp map multicast {HUB}\n{line}\n"
        return text.replace(f"{line} nbma {HUB} multicast\n", written)

    world = World(NETWORK, change=change)
    world.converge()
    assert "2001:DB8:100::31/128 via 2001:DB8:100::31" in world.show("R11", "ipv6 nhrp")
    assert world.stream("H3", H4, seconds=3, rate=5) == len(world.replies("H3"))
    assert "2001:DB8:100::41/128 via 2001:DB8:100::41" in world.show("R31", "ipv6 nhrp")


def test_a_redirect_leads_to_the_direct_path_and_to_routes_of_nhrp(world: World) -> None:
    wire = world.watch("R31", "GigabitEthernet0/1")
    world.stream("H3", H4, seconds=3, rate=5)
    assert world.replies("H3") == list(range(15))
    ((indication, redirect),) = wire.nhrp(Redirect)
    assert indication.way == (HUB, SPOKE3)
    assert len(redirect.packet) == 48, "the header and 8 octets"
    (_, request), *_ = wire.nhrp(ResolutionRequest)
    assert str(request.destination_protocol) == H4
    ways = [found.way for found, packet in wire.pings6() if str(packet.destination) == H4]
    assert ways[0] == (SPOKE3, HUB)
    assert set(ways[3:]) == {(SPOKE3, SPOKE4)}
    assert "H   2001:DB8:4::/64 [250/255]\n     via 2001:DB8:100::41, Tunnel100\n" in world.show("R31", "ipv6 route")
    assert world.show("R31", "ipv6 route nhrp").count("H   ") == 2


def test_the_tables_of_a_spoke_with_a_shortcut(direct: World) -> None:
    assert direct.show("R31", "dmvpn ipv6").split("=\n\n")[1] == (file_text("ipv6_phase3_tables.txt"))
    assert direct.lines("R31", "ipv6 nhrp nhs") == [
        "Legend: E=Expecting replies, R=Responding, W=Waiting, D=Dynamic",
        "Tunnel100:",
        "2001:DB8:100::11  RE  NBMA Address: 172.16.11.1 priority = 0 cluster = 0",
    ]
    assert direct.lines("R31", "ipv6 interface brief Tunnel100") == [
        "Tunnel100              [up/up]",
        "    FE80::31",
        "    2001:DB8:100::31",
    ]
    assert direct.lines("R31", "ipv6 cef 2001:db8:4::1") == [
        "2001:DB8:4::/64",
        "  nexthop 2001:DB8:100::41 Tunnel100",
    ]
    cef = direct.lines("R31", "ipv6 cef")
    assert (cef[:4], cef[-4:]) == (
        ["::/0", "  no route", "::/127", "  discard"],
        ["FE80::/10", "  receive for Null0", "FF00::/8", "  multicast"],
    )
    path = direct.do("R31", "show ipv6 cef exact-route 2001:db8:3::1 2001:db8:4::1")
    assert "=>IPV6 midchain out of Tunnel100, addr 2001:DB8:100::41" in path
    brief = direct.show("R31", "ipv6 nhrp brief")
    assert "FE80" not in brief
    assert "Tu100    2001:DB8:100::41                                   172.16.41.1" in brief


def test_traceroute_goes_by_the_hub_first_and_directly_then(world: World) -> None:
    first = world.do("R31", f"traceroute {H4} source GigabitEthernet0/2 probe 1")
    world.stream("H3", H4, seconds=3, rate=5)
    then = world.do("R31", f"traceroute {H4} source GigabitEthernet0/2 probe 1")
    assert [line.split()[1] for line in first.splitlines()[3:]] == [
        "2001:DB8:100::11",
        "2001:DB8:100::41",
        "2001:DB8:4::100",
    ]
    assert [line.split()[1] for line in then.splitlines()[3:]] == ["2001:DB8:100::41", "2001:DB8:4::100"]


def test_the_link_local_address_of_another_spoke_is_resolved_by_itself(world: World) -> None:
    wire = world.watch("R31", "GigabitEthernet0/1")
    assert "Success rate is 100" in world.do("R31", "ping fe80::41 source Tunnel100")
    assert wire.nhrp(Redirect) == [], "there is nothing to be told: the address is a next hop, and is being resolved"
    world.run_for(2)
    sources = {str(packet.source) for _, packet in wire.pings6() if str(packet.destination) == "fe80::41"}
    assert sources == {"fe80::31"}, "the echoes by which NHRP proves the path, too"
    assert "FE80::41/128 via FE80::41" in world.lines("R31", "ipv6 nhrp")
    wire = world.watch("R41", "GigabitEthernet0/1")
    assert "Success rate is 100" in world.do("R31", "ping fe80::41 source Tunnel100")
    assert {found.way for found, packet in wire.pings6() if str(packet.destination) == "fe80::41"} == {(SPOKE3, SPOKE4)}
    assert "FE80" not in world.show("R31", "ipv6 route"), "a link-local address is no destination of a table"


def test_errors_come_back_to_link_local_addresses_too(world: World) -> None:
    """A router that looked for their way in its routing table said nothing: traceroute showed stars, ping dots."""
    trace = world.do("R31", "traceroute fe80::41 source Tunnel100 probe 1")
    assert [line.split()[1] for line in trace.splitlines()[3:]] == ["FE80::11", "FE80::41"]
    assert "MMM" in world.do("R31", "ping fe80::41 source Tunnel100 size 1500 df-bit repeat 3")
    assert "UUU" in world.do("R31", "ping fe80::99 source Tunnel100 repeat 3")
    assert "FE80" not in world.show("R31", "ipv6 route"), "not even as unreachable"


def test_a_prefix_that_goes_is_purged_where_it_was_resolved(direct: World) -> None:
    wire = direct.watch("R31", "GigabitEthernet0/1")
    direct.configure("R41", "interface GigabitEthernet0/2", "shutdown")
    direct.run_for(2)
    (_, purge), *_ = wire.nhrp(PurgeRequest)
    assert [(str(cie.protocol), cie.prefix_length) for cie in purge.cies] == [("2001:db8:4::", 64)]
    assert "2001:DB8:4::/64" not in direct.show("R31", "ipv6 nhrp")
    assert "2001:DB8:4::/64" not in direct.show("R31", "ipv6 route")


def test_traffic_between_spokes_outlives_the_hub(direct: World) -> None:
    before = len(direct.replies("H3"))
    direct.sim.kill("R11")
    sent = direct.stream("H3", H4, seconds=60, rate=2)
    assert len(direct.replies("H3")) - before == sent


def test_a_direct_path_that_dies_is_left_within_three_seconds(direct: World) -> None:
    """The probe is an ICMPv6 echo: without it packets would go into the hole until the holding time ends."""
    direct.stream("H3", H4, seconds=5, rate=5)
    _block(direct, SPOKE3, SPOKE4)
    direct.stream("H3", H4, seconds=3, rate=5)
    wire = direct.watch("R31", "GigabitEthernet0/1")
    before = len(direct.replies("H3"))
    assert direct.stream("H3", H4, seconds=2, rate=5) == len(direct.replies("H3")) - before
    ways = {found.way for found, packet in wire.pings6() if str(packet.destination) == H4}
    assert ways == {(SPOKE3, HUB)}


def _block(world: World, *nbmas: str) -> None:
    """The provider drops packets between these two."""
    provider = world.sim.routers["TRANSPORT"]
    deliver: Callable[[str, bytes, float], None] = provider.arrive

    def arrive(interface: str, packet: bytes, now: float) -> None:
        if {str(address) for address in ip.peek_addresses(packet)} != set(nbmas):
            deliver(interface, packet, now)

    provider.arrive = arrive  # type: ignore[method-assign]


def test_a_dead_hub_is_noticed_by_traffic_and_registered_with_again_when_it_returns(world: World) -> None:
    world.sim.kill("R11")
    world.stream("H3", "2001:db8:1::100", seconds=10, rate=5)
    assert "2001:DB8:100::11   E" in world.show("R31", "ipv6 nhrp nhs")
    world.sim.boot("R11", world.scenario.configurations["R11"])
    assert world.wait_until(lambda: "FE80::31/128" in world.show("R11", "ipv6 nhrp"), 64)
    world.run_for(1)
    before = len(world.replies("H3"))
    assert world.stream("H3", "2001:db8:1::100", seconds=2, rate=5) == len(world.replies("H3")) - before


def test_the_same_link_local_address_twice_is_refused() -> None:
    """Both entries of a registration are kept, or none: unique means the link-local address, too."""
    world = World("ipv6-phase3", change=lambda _, text: text.replace("FE80::41", "FE80::31"))
    world.run_for(20)
    refused = [router for router in ("R31", "R41") if any("(14)" in line for line in world.messages(router))]
    assert len(refused) == 1, "who came second"
    assert world.lines("R11", "ipv6 nhrp").count("   Type: dynamic, Flags: unique registered nhop ") == 2


def test_a_too_large_packet_is_answered_with_the_mtu_of_the_tunnel(world: World) -> None:
    request = icmp.EchoRequest(identifier=9, sequence=0, payload=bytes(1400))
    host = world.sim.hosts["H3"]
    world.send("H3", SendIp(None, None, IPv6Address(H4), ip.ICMP[6], ip.serialize_icmp(request, 6), ttl=64))
    world.run_for(1)
    messages = [ip.parse_icmp(packet.payload, packet.source, packet.destination) for packet in host.received]
    (too_big,) = [message for message in messages if isinstance(message, icmp.DestinationUnreachable)]
    assert too_big.next_hop_mtu == 1400


def test_a_router_shows_the_path_mtu_that_the_hub_has_reported() -> None:
    world = World("ipv6-phase3")
    world.converge()
    world.configure("R11", "interface Tunnel100", "ipv6 mtu 1300")
    world.run_for(1)
    assert "M" in world.do("R31", "ping 2001:db8:4::1 source 2001:db8:3::1 size 1350 repeat 1")
    world.run_for(20)
    (heading, row) = world.lines("R31", "ipv6 mtu")
    assert (heading, row.split()[0], row.split()[2]) == (
        "MTU     Since     Destination Address",
        "1300",
        "2001:DB8:4::1",
    )


def test_two_runs_of_a_seed_are_the_same_to_the_octet() -> None:
    digests = set()
    for _ in range(2):
        world = World("ipv6-phase3", seed=5).converge()
        world.stream("H3", H4, seconds=2, rate=5)
        digests.add(world.sim.digest)
    assert len(digests) == 1


def test_a_point_to_point_spoke_goes_by_the_hub() -> None:
    def change(router: str, text: str) -> str:
        point_to_point = text.replace(" tunnel mode gre multipoint\n", " tunnel destination 172.16.11.1\n")
        return point_to_point if router == "R31" else text

    world = World("ipv6-phase3", change=change).converge()
    assert world.stream("H3", H4, seconds=2, rate=5) == len(world.replies("H3"))
    assert "FE80::31/128 via 2001:DB8:100::31" in world.lines("R11", "ipv6 nhrp")
    assert "2001:DB8:4::/64" not in world.show("R31", "ipv6 nhrp")


def test_a_spoke_behind_nat_goes_direct_with_ipv6_as_with_ipv4() -> None:
    """The underlay is IPv4, so a translator changes the same: both entries name the real and the claimed address."""
    numbers = {"R11": (11, 1), "R31": (31, 3), "R41": (41, 4)}

    def change(router: str, text: str) -> str:
        if router not in numbers:
            return text
        host, lan = numbers[router]
        tunnel = [f"address FE80::{host} link-local", f"address 2001:DB8:100::{host}/64", "nhrp network-id 6"]
        routes = ["2001:DB8::/32 2001:DB8:100::11"]
        if router == "R11":
            tunnel.append("nhrp redirect")
            routes = ["2001:DB8:3::/64 2001:DB8:100::31", "2001:DB8:4::/64 2001:DB8:100::41"]
        else:
            tunnel += ["nhrp nhs 2001:DB8:100::11 nbma 172.16.11.1", "nhrp shortcut"]
        text = text.replace(" tunnel source", "".join(f" ipv6 {line}\n" for line in tunnel) + " tunnel source", 1)
        ends = f"interface Loopback6\n ipv6 address 2001:DB8:{lan}::1/64\n"
        return "ipv6 unicast-routing\n" + text.replace(
            "\nend\n", "\n" + ends + "".join(f"ipv6 route {r}\n" for r in routes)
        )

    world = World("spoke-behind-nat", change=change)
    world.run_for(10)
    assert world.show("R11", "ipv6 nhrp").count("     (Claimed NBMA address: 192.168.31.10) ") == 2
    assert "Success rate is 100" in world.do("R31", "ping 2001:db8:4::1 source Loopback6 repeat 20")
    world.run_for(2)
    way = world.do("R31", "traceroute 2001:db8:4::1 source Loopback6 probe 1")
    assert [line.split()[1] for line in way.splitlines()[3:]] == ["2001:DB8:100::41"]
    assert "     (Claimed NBMA address: 192.168.31.10) " in world.lines("R41", "ipv6 nhrp")


def test_a_narrow_port_below_a_tunnel_leaves_it_the_least_mtu_of_ipv6() -> None:
    """The MTU was 972 octets: every packet of the router that was larger, and each piece of one, was refused."""
    world = World("dual-stack").converge()
    world.configure("R31", "interface Tunnel100", "no ipv6 mtu", "interface GigabitEthernet0/1", "mtu 1000")
    world.run_for(1)
    assert "  MTU is 1280 bytes" in world.lines("R31", "ipv6 interface Tunnel100")
    for size in (1100, 1280, 3000):
        assert "Success rate is 100" in world.do("R31", f"ping ipv6 2001:db8:100::11 size {size}")
