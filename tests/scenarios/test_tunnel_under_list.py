"""A tunnel whose router has an inbound list on the WAN: what IOS accepts costs nothing, and what cuts it is named.

Two of our routers prefer UDP port 4500 for ESP. A list that was written for ESP and UDP port 500 denies it.
"""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.base.effects import SendIp
from dmvpn.net import gre, ipv4
from dmvpn.net.ip import UdpDatagram
from support.cases import every_day_but
from support.networks import CLOUDS, by_udp
from support.secured import at, said, spis, states
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.networks import Cloud

SEEDS: Final = pytest.mark.parametrize("seed", every_day_but((2, 3), (1, 2, 3)))
BOTH: Final = pytest.mark.parametrize("version", [1, 2])
#: The hub's tunnel address.
HUB: Final = "10.0.0.1"
#: A list that IOS accepts: nothing there uses UDP port 4500 without NAT.
PLAIN: Final = ("10 permit udp any any eq isakmp", "20 permit esp any any", "30 permit icmp any any")


def listed(world: World, router: str, port: str, *entries: str) -> None:
    """Put a list on a port, whole and new."""
    world.configure(
        router,
        "no ip access-list extended WAN-IN",
        "ip access-list extended WAN-IN",
        *entries,
        f"interface {port}",
        "ip access-group WAN-IN in",
    )


def outer(world: World, cloud: Cloud) -> list[bytes]:
    """Return what is sent on the spoke's wire from now on, as octets of IP packets."""
    seen: list[bytes] = []
    world.sim.segment_of(cloud.spoke, cloud.interface).gate = lambda _from, _to, packet: not seen.append(packet)  # type: ignore[func-returns-value]
    return seen


def is_up(world: World, cloud: Cloud) -> bool:
    """Return whether the hub's line at the spoke says so."""
    return states(world, cloud.spoke).get(cloud.hub) == "UP"


def lost_while(world: World, cloud: Cloud, change: Callable[[], None], destination: str = HUB) -> list[int]:
    """Change something, and return which of twenty pings a second are lost, from a fifth of a second on: a list that is
    entered line by line is whole in the data plane after a tenth, and then packets of the peer are on their way.
    """
    first = len(world.replies(cloud.pinger)) + 1
    change()
    world.run_for(0.2)
    sent = range(first, first + 400)
    for number in sent:
        world.ping(cloud.pinger, destination, number)
        world.run_for(0.05)
    world.run_for(2)
    came = world.replies(cloud.pinger)
    return [number for number in sent if number not in came]


@SEEDS
@BOTH
@pytest.mark.parametrize(("end", "other"), [("spoke", "spoke"), ("spoke", "hub"), ("hub", "hub")])
def test_a_list_for_esp_and_udp_500_costs_no_ping_of_a_tunnel_that_is_up(
    version: int, seed: int, end: str, other: str
) -> None:
    cloud = CLOUDS[version]
    world = cloud.world(seed)
    destination = HUB if other == "hub" else cloud.host
    world.ping(cloud.pinger, destination)
    world.run_for(5)
    router, port = (cloud.spoke, cloud.interface) if end == "spoke" else ("HUB", cloud.hub_interface)
    seen = outer(world, cloud)
    before = spis(world, cloud.spoke, cloud.hub)
    assert lost_while(world, cloud, lambda: listed(world, router, port, *PLAIN), destination) == []
    assert spis(world, cloud.spoke, cloud.hub) == before
    assert said(world, router, "DENIED_BY_LIST") == []
    assert not [packet for packet in seen if packet[9] == 47], "nothing goes in clear"
    seen.clear()
    world.stream(cloud.pinger, destination, seconds=5, rate=5)
    assert [packet for packet in seen if packet[9] == 50]
    listing = IPv4Address(cloud.address if end == "spoke" else cloud.hub).packed
    assert not [packet for packet in seen if by_udp(packet, 4500) and listing in (packet[12:16], packet[16:20])]


@SEEDS
@BOTH
@pytest.mark.parametrize("end", ["spoke", "hub"])
def test_a_tunnel_that_comes_up_under_such_a_list_is_there_as_soon_as_without(
    version: int, seed: int, end: str
) -> None:
    cloud = CLOUDS[version]
    router, port = (cloud.spoke, cloud.interface) if end == "spoke" else ("HUB", cloud.hub_interface)
    there = f"interface {port}\n"
    lines = "\n ".join(("ip access-list extended WAN-IN", *PLAIN))
    change = at(router, (there, f"{lines}\n!\n{there} ip access-group WAN-IN in\n"))
    free, world = World(cloud.scenario, seed=seed), World(cloud.scenario, seed=seed, change=change)
    for one in (free, world):
        assert one.wait_until(partial(is_up, one, cloud), limit=60)
    assert world.now <= free.now + 0.1


@SEEDS
@BOTH
def test_a_list_that_changes_from_esp_to_udp_4500_moves_the_tunnel_there_and_back(version: int, seed: int) -> None:
    cloud = CLOUDS[version]
    world = cloud.world(seed)
    listed(world, cloud.spoke, cloud.interface, *PLAIN)
    world.run_for(5)
    in_udp = ("10 permit udp any any eq isakmp", "20 permit udp any any eq non500-isakmp")
    seen = outer(world, cloud)
    change = partial(listed, world, cloud.spoke, cloud.interface)
    assert lost_while(world, cloud, partial(change, *in_udp)) == []
    assert any(by_udp(packet, 4500) for packet in seen)
    assert lost_while(world, cloud, partial(change, *PLAIN)) == []


@SEEDS
@BOTH
def test_a_list_without_esp_cuts_the_tunnel_and_log_and_session_name_its_entry(version: int, seed: int) -> None:
    cloud = CLOUDS[version]
    world = cloud.world(seed)
    denying = ("10 permit udp any any eq isakmp", "20 deny udp any any eq non500-isakmp", "30 deny esp any any")
    listed(world, cloud.spoke, cloud.interface, *denying)
    world.run_for(20)
    world.stream(cloud.pinger, cloud.host, seconds=5, rate=5)
    assert world.replies(cloud.pinger) == []
    where = f"inbound on {cloud.interface}, denies"
    (line,) = said(world, cloud.spoke, "%CRYPTO-4-DENIED_BY_LIST")
    assert line.endswith(f"Access list WAN-IN, entry 30, {where} ESP from {cloud.hub}: the tunnel is cut")
    shown = world.show(cloud.spoke, "crypto session detail")
    assert f"Crypto tunnel is cut: access list WAN-IN, entry 30, {where} ESP from {cloud.hub}" in shown
    listed(world, cloud.spoke, cloud.interface, *PLAIN)
    assert world.wait_until(lambda: world.lacks() == [], limit=30), world.lacks()
    assert "is cut" not in world.show(cloud.spoke, "crypto session detail")


@SEEDS
@BOTH
def test_a_list_without_udp_500_is_named_before_ike_gives_up(version: int, seed: int) -> None:
    cloud = CLOUDS[version]
    world = World(cloud.scenario, seed=seed)
    listed(world, cloud.spoke, cloud.interface, "10 permit esp any any", "20 permit icmp any any")
    world.run_for(20)
    place = f"access list WAN-IN, the implicit deny at its end, inbound on {cloud.interface}, denies"
    why = f"{place} IKE (UDP port 500) from {cloud.hub}"
    assert len(said(world, cloud.spoke, f"DENIED_BY_LIST: A{why[1:]}: the tunnel is cut")) == 1
    shown = world.show(cloud.spoke, "crypto session detail")
    assert f"Crypto tunnel is down: {why}" in shown
    world.run_for(40)
    assert f"; {why}" in world.show(cloud.spoke, "crypto session detail")
    listed(world, cloud.spoke, cloud.interface, *PLAIN)
    assert world.wait_until(partial(is_up, world, cloud), limit=40)


def test_a_list_that_flaps_a_hundred_times_lets_nothing_out_in_clear_and_the_tunnel_is_there_after_it() -> None:
    cloud = CLOUDS[2]
    world = cloud.world(1)
    seen = outer(world, cloud)
    shut = ("10 permit udp any any eq isakmp", "20 deny esp any any", "30 deny udp any any eq non500-isakmp")
    for turn in range(100):
        listed(world, cloud.spoke, cloud.interface, *((PLAIN, shut, ("10 permit ip any any",))[turn % 3]))
        world.ping(cloud.pinger, cloud.host, 1000 + turn)
        world.run_for(0.1)
    listed(world, cloud.spoke, cloud.interface, *PLAIN)
    assert world.wait_until(lambda: world.lacks() == [], limit=30), world.lacks()
    assert not [packet for packet in seen if packet[9] == 47]
    assert len(said(world, cloud.spoke, "DENIED_BY_LIST")) <= 2


def test_a_hub_with_many_peers_moves_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dmvpn.features.ike.recovery._AT_ONCE", 1)
    cloud = CLOUDS[2]
    world = cloud.world(1)
    seen = outer(world, cloud)
    listed(world, "HUB", cloud.hub_interface, *PLAIN)
    world.run_for(2)
    seen.clear()
    assert world.do("HUB", "ping 192.168.10.1").count("Success rate is 100") == 1
    assert world.do("HUB", "ping 192.168.20.1").count("Success rate is 100") == 1
    assert not [packet for packet in seen if by_udp(packet, 4500)]
    shown = world.show("HUB", "crypto ikev2 sa")
    assert shown.count("198.51.100.1/500 ") == 2
    assert "/4500" not in shown


def test_with_nat_on_the_way_a_list_without_udp_4500_cuts_the_tunnel_and_names_it() -> None:
    world = World("ipsec-spoke-behind-nat").converge()
    world.run_for(10)
    listed(world, "R31", "GigabitEthernet0/1", *PLAIN)
    world.run_for(5)
    assert "Success rate is 0 percent" in world.do("R31", "ping 192.168.100.11 repeat 2")
    (line,) = said(world, "R31", "DENIED_BY_LIST")
    assert "the implicit deny at its end, inbound on GigabitEthernet0/1, denies UDP port 4500 from 172.16." in line
    listed(world, "R31", "GigabitEthernet0/1", *PLAIN, "40 permit udp any any eq non500-isakmp")
    assert world.wait_until(lambda: world.lacks() == [], limit=60), world.lacks()


def test_a_peer_that_never_uses_udp_4500_is_named_where_its_esp_is_denied_and_no_endless_negotiation_follows() -> None:
    """A list without ESP, and a hub like those of other vendors: the spoke tries once by a new IKE SA, and says so."""
    cloud = CLOUDS[2]
    old = "crypto ipsec profile"
    world = World(cloud.scenario, change=at("HUB", (old, f"crypto ipsec encapsulation udp never\n!\n{old}"))).converge()
    world.run_for(20)
    listed(world, cloud.spoke, cloud.interface, "10 permit udp any any", "20 permit icmp any any")
    world.run_for(120)
    assert len(said(world, cloud.spoke, "DENIED_BY_LIST")) <= 2
    assert "entry" not in said(world, cloud.spoke, "DENIED_BY_LIST")[0]
    assert len([line for line in world.lines("HUB", "crypto ikev2 sa") if f" {cloud.address}/" in line]) == 1


# Lists on all tunnels that deny ICMP: direct paths are proved and used nevertheless, and nobody's ping passes.

#: What one writes for IOS: the routing protocol, and what users do.
_LIST = ("ip access-list extended INSIDE", "10 permit eigrp any any", "20 permit tcp any any", "30 permit udp any any")


def filtered(scenario: str, port: str, *ways: str) -> World:
    """Return a network with the list at the tunnels of all routers that have one of this name."""
    world = World(scenario).converge()
    for name, runtime in world.sim.routers.items():
        if f"interface {port}" in world.do(name, "show running-config").splitlines():
            assert runtime is not None
            world.configure(name, *_LIST, f"interface {port}", *(f"ip access-group INSIDE {way}" for way in ways))
    return world


def ways(world: World, host: str, ends: tuple[str, str], router: str, port: str) -> list[str]:
    """Return the NBMA addresses that a router sends a host's datagrams to, one a second for half a minute."""
    source, destination = (IPv4Address(end) for end in ends)
    tap = world.watch(router, port)
    datagram = UdpDatagram(source_port=1000, destination_port=2000, payload=b"").serialize(source, destination)
    for _ in range(30):
        world.send(host, SendIp(None, source, destination, ipv4.IpProtocol.UDP, datagram))
        world.run_for(1)
    sent = [(one, ipv4.Ipv4Packet.parse(one.payload)) for one in tap.tunnelled(gre.ProtocolType.IPV4)]
    return [one.way[1] for one, inner in sent if (inner.protocol, inner.source) == (ipv4.IpProtocol.UDP, source)]


@pytest.mark.parametrize("directions", [("in",), ("in", "out")], ids=" ".join)
@pytest.mark.parametrize(
    ("scenario", "tunnel", "routers", "host", "ends", "there", "nbma"),
    [
        (
            *("notes-phase3", "Tunnel100", ("R31", "R41"), "H3", ("10.3.3.100", "10.4.4.100")),
            *("192.168.100.41", ("172.16.11.1", "172.16.41.1")),
        ),
        (
            *("phase2-eigrp", "Tunnel0", ("SPOKE1", "SPOKE2"), "H1", ("10.1.1.100", "10.1.2.100")),
            *("10.255.0.12", ("203.0.113.1", "198.51.100.5")),
        ),
    ],
    ids=["phase3", "phase2"],
)
def test_lists_on_all_tunnels_that_deny_icmp_leave_packets_the_direct_path(
    *,
    scenario: str,
    tunnel: str,
    routers: tuple[str, str],
    host: str,
    ends: tuple[str, str],
    there: str,
    nbma: tuple[str, str],
    directions: tuple[str, ...],
) -> None:
    """IOS proves no path: the list costs nothing there but pings. Here packets stayed at the hub."""
    world = filtered(scenario, tunnel, *directions)
    first, second = routers
    hub, peer = nbma
    taken = ways(world, host, ends, first, "GigabitEthernet0/1")
    assert (taken[0], taken[-10:]) == (hub, [peer] * 10)
    for name, other in ((first, there), (first, ends[1]), (second, ends[0])):
        assert "Success rate is 0 percent" in world.do(name, f"ping {other} repeat 2 timeout 1")
