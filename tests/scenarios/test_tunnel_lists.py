"""Lists on all tunnels that deny ICMP: direct paths are proved and used nevertheless, and nobody's ping passes."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base.effects import SendIp
from dmvpn.net import gre, ipv4
from dmvpn.net.ip import UdpDatagram
from support.world import World

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
