"""Two overlays on one tunnel: each has its own network, servers and cache; the underlay and its traffic they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.effects import ClearAdjacency, SetAdjacency, SetHairpin, SetInterface, SetMulticast, SetRoute
from dmvpn.base.events import PlaneAnnounced
from dmvpn.features.track.show import query_track
from dmvpn.ios import Args
from dmvpn.shells.simulator import Simulator
from support.world import World

if TYPE_CHECKING:
    import pytest

    from dmvpn.base.events import Event

V4, V6 = "10.4.4.100", "2001:db8:4::100"


NETWORK = "dual-stack"


def test_both_go_direct_and_neither_knows_the_other(world: World) -> None:
    world.stream("H3", V4, seconds=2, rate=5)
    assert "10.4.4.0/24" in world.show("R31", "ip nhrp")
    assert "2001:DB8:4::/64" not in world.show("R31", "ipv6 nhrp")
    world.stream("H3", V6, seconds=2, rate=5)
    assert len(world.replies("H3")) == 20
    assert "H        10.4.4.0/24" in world.show("R31", "ip route")
    assert "H   2001:DB8:4::/64" in world.show("R31", "ipv6 route")
    shown = world.show("R31", "dmvpn")
    assert shown.index("IPv4 NHRP Details") < shown.index("IPv6 NHRP Details")


def test_ipv6_can_be_taken_off_a_tunnel_and_put_back_while_ipv4_runs(world: World) -> None:
    world.stream("H3", V4, seconds=2, rate=5)
    before = world.show("R31", "running-config interface Tunnel100")
    lines = [line for line in before.splitlines() if line.startswith(" ipv6")]
    world.configure("R31", "interface Tunnel100", *(f"no{line}" for line in lines))
    assert "ipv6" not in world.show("R31", "running-config interface Tunnel100")
    assert world.show("R31", "ipv6 nhrp") == ""
    received = len(world.replies("H3"))
    assert world.stream("H3", V4, seconds=2, rate=5) == len(world.replies("H3")) - received
    world.configure("R31", "interface Tunnel100", *lines)
    assert world.show("R31", "running-config interface Tunnel100") == before
    world.run_for(5)
    received = len(world.replies("H3"))
    assert world.stream("H3", V6, seconds=2, rate=5) == len(world.replies("H3")) - received


def test_tracks_follow_echoes_routes_and_addresses_of_ipv6(world: World) -> None:
    lines = (
        "ip sla 1",
        "icmp-echo 2001:DB8:100::11 source-ip 2001:DB8:100::31",
        "frequency 5",
        "ip sla schedule 1 life forever start-time now",
        "track 1 ip sla 1 reachability",
        "track 2 ipv6 route 2001:DB8::/32 reachability",
        "track 3 interface GigabitEthernet0/2 ipv6 routing",
    )
    world.configure("R31", *lines, "ipv6 route 2001:db8:9::/64 Null0 track 1")
    world.configure("R31", "track 4 ip route 10.0.0.0 255.0.0.0 reachability")
    world.run_for(10)
    shown = world.show("R31", "running-config").splitlines()
    assert {line.strip() for line in shown} >= set(lines)
    assert [line.split()[-2] for line in world.lines("R31", "track brief")[1:]] == ["Up"] * 4
    assert "  IPv6 route 2001:DB8::/32 reachability" in world.lines("R31", "track 2")
    assert "  IP route 10.0.0.0 255.0.0.0 reachability" in world.lines("R31", "track 4")
    routes = [entry.route for entry in query_track(world.handle("R31").context(0), Args()).objects]
    assert routes == ["", "2001:DB8::/32", "", "10.0.0.0 255.0.0.0"], "data, not words"
    assert "2001:DB8:9::/64" in world.show("R31", "ipv6 route static")
    world.configure(
        "R31", "no ipv6 route 2001:db8::/32 2001:db8:100::11", "interface Gi0/2", "no ipv6 address 2001:db8:3::1/64"
    )
    world.cut("R31", "GigabitEthernet0/1")
    world.run_for(15)
    down = [line.split()[0] for line in world.lines("R31", "track brief")[1:] if " Down " in line]
    assert down == ["1", "2", "3"]
    assert "2001:DB8:9::/64" not in world.show("R31", "ipv6 route static")


def test_idle_shortcuts_of_both_expire_in_silence() -> None:
    """Requests, replies and echoes of one overlay are no use of the other's entries: else both would live forever."""
    short = {
        "ip nhrp network-id 100\n": " ip nhrp holdtime 60\n",
        "ipv6 nhrp network-id 600\n": " ipv6 nhrp holdtime 60\n",
    }

    def change(_: str, text: str) -> str:
        for line, more in short.items():
            text = text.replace(line, line + more)
        return text

    world = World("dual-stack", change=change).converge()
    world.stream("H3", V4, seconds=2, rate=5)
    world.stream("H3", V6, seconds=2, rate=5)
    world.run_for(300)
    assert "10.4.4.0/24" not in world.show("R31", "ip nhrp")
    assert "2001:DB8:4::/64" not in world.show("R31", "ipv6 nhrp")
    assert "10.3.3.0/24" not in world.show("R41", "ip nhrp")
    assert "2001:DB8:3::/64" not in world.show("R41", "ipv6 nhrp")


def test_a_plane_without_ipv6_keeps_ipv6_down_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """So it is where /proc/sys is read-only: IPv4 runs as if nothing else were configured."""
    post = Simulator.post

    def without_ipv6(here: Simulator, router: str, event: Event) -> None:
        post(here, router, PlaneAnnounced(ipv6=False) if isinstance(event, PlaneAnnounced) else event)

    monkeypatch.setattr(Simulator, "post", without_ipv6)
    world = World("dual-stack")
    world.run_for(10)
    world.stream("H3", V4, seconds=3, rate=5)
    assert len(world.replies("H3")) == 15
    assert "H        10.4.4.0/24" in world.show("R31", "ip route")
    log = world.show("R31", "logging")
    for interface in ("Tunnel100", "GigabitEthernet0/2"):
        text = f"%IPV6-4-NOTRUNNING: IPv6 on Interface {interface} stays down: this data plane carries IPv4 only\n"
        assert log.count(text) == 1
    assert world.lines("R31", "ipv6 interface brief Tunnel100")[-1] == (
        "    not running: this data plane carries IPv4 only"
    )
    assert "H   " not in world.show("R31", "ipv6 route")
    assert world.lines("R31", "dmvpn ipv6 detail")[9:11] == [
        'Interface Tunnel100 is up/up, Addr. is unassigned, VRF "" ',
        "   IPv6 is not running: this data plane carries IPv4 only",
    ]
    assert "protocol not running" in world.do("R31", "ping 2001:db8:4::1")
    world.configure("R31", "interface Tunnel100", "no ipv6 nhrp nhs 2001:DB8:100::11 nbma 172.16.11.1", "shutdown")
    world.configure("R31", "interface Tunnel100", "no shutdown")
    world.run_for(5)
    kinds = SetAdjacency | ClearAdjacency | SetHairpin | SetInterface | SetMulticast | SetRoute
    told = [str(effect) for _, effect in world.effects["R31"] if isinstance(effect, kinds)]
    assert told
    assert not [text for text in told if "IPv6Address" in text or "version=6" in text]
    assert world.lacks() == ["R11: no route to 2001:db8:3::/64", "R11: no route to 2001:db8:4::/64"] + [
        f"{spoke}: no route to 2001:db8::/32" for spoke in ("R31", "R41")
    ], "registrations that cannot be are not waited for"
