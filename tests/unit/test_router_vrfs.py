"""A router with VRFs: what reaches the machines of which VRF, and what a VRF costs that has no part in an event."""

from __future__ import annotations

import subprocess
import sys
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base import events
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import InVrf, RouteKind, SendIp, SetRoute, SetVrfs
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.notices import Route, RouteOffered, RouteSource
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.features.eigrp.machine import EigrpMachine
from dmvpn.features.ike.machine import IkeMachine
from dmvpn.features.nat.machine import NatMachine
from dmvpn.features.ospf.machine import OspfMachine
from dmvpn.features.rip.machine import RipMachine
from dmvpn.ios import Match
from dmvpn.router.facts import router_facts
from dmvpn.router.features import FEATURES
from dmvpn.router.prompt import exec_parser
from dmvpn.router.router import Router
from support.work import calls

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect

PORT = "GigabitEthernet1"
EIGRP = 88
OTHERS_ADDRESS = IPv4Address("10.0.0.2")
RED = ("vrf definition RED", " address-family ipv4", " exit-address-family")
RED_PORT = (f"interface {PORT}", " vrf forwarding RED", " ip address 10.0.0.1 255.255.255.0")
RED_EIGRP = ("router eigrp OF-RED", " address-family ipv4 unicast vrf RED autonomous-system 1", "  network 10.0.0.0")


def started(*lines: str) -> Router:
    """A router with these lines, whose port has a carrier."""
    router = Router(SeededEntropy(1))
    router.handle(events.PlaneAnnounced(ipv6=True), 0.0)
    router.handle(events.ConfigurationEntered("\n".join(lines)), 0.0)
    router.handle(events.LinkChanged(PORT, up=True), 1.0)
    return router


def entered(router: Router, *lines: str, now: float = 10.0) -> list[Effect]:
    """What follows from these lines, each with the sections around it before a `/`."""
    split = [line.split("/") for line in lines]
    return router.handle(events.LinesEntered(tuple(events.EnteredLine(tuple(one[:-1]), one[-1]) for one in split)), now)


def run(router: Router, until: float) -> list[Effect]:
    """All effects until this time."""
    effects: list[Effect] = []
    while (when := router.next_deadline()) is not None and when <= until:
        effects += router.handle(events.Tick(), when)
    return effects


def sent_by_eigrp(effects: list[Effect]) -> list[SendIp]:
    """The packets of EIGRP, of whatever table."""
    inner = [effect.effect if isinstance(effect, InVrf) else effect for effect in effects]
    return [effect for effect in inner if isinstance(effect, SendIp) and effect.protocol == EIGRP]


def test_a_route_of_a_new_vrf_follows_an_object_that_was_up_before() -> None:
    """The route came only when the object had gone down and up again: the new VRF heard of changes alone."""
    router = started(
        "track 1 interface Loopback0 line-protocol", "interface Loopback0", " ip address 10.9.9.9 255.255.255.255"
    )
    run(router, 5.0)

    effects = entered(router, "vrf definition RED", "vrf definition RED/address-family ipv4")
    effects += entered(router, "ip route vrf RED 172.16.0.0 255.240.0.0 Null0 track 1", now=11.0)

    inside = [effect.effect for effect in effects if isinstance(effect, InVrf)]
    assert [route.prefix for route in inside if isinstance(route, SetRoute)] == [Prefix.parse("172.16.0.0/12")]


def test_keys_of_a_vrf_are_used_as_soon_as_the_clock_is_right() -> None:
    """EIGRP in a VRF sent nothing for the decades that the key still lay ahead by the old clock."""
    router = started(
        *RED,
        "key chain KEYS",
        " key 1",
        "  key-string secret",
        "  accept-lifetime 00:00:00 Jan 1 2026 infinite",
        "  send-lifetime 00:00:00 Jan 1 2026 infinite",
        *RED_PORT,
        *RED_EIGRP,
        f"  af-interface {PORT}",
        "   authentication mode md5",
        "   authentication key-chain KEYS",
    )
    assert sent_by_eigrp(run(router, 20.0)) == []

    router.handle(events.ClockSet(1_780_000_000.0), 20.0)

    assert sent_by_eigrp(run(router, 30.0)) != []


def test_a_vrf_that_is_made_later_has_ipv6_routes_where_the_plane_carries_them() -> None:
    """Shortcuts over IPv6 inside a VRF stayed in the routing table and reached no plane."""
    router = started(*RED, " address-family ipv6")
    target = Prefix.parse("2001:db8::/32")
    route = Route(prefix=target, source=RouteSource.NHRP, distance=250, kind=RouteKind.UNREACHABLE)

    results = router.vrfs["RED"].machines["rib"].handle(RouteOffered(route), 2.0)

    assert SetRoute(target, (), RouteKind.UNREACHABLE) in results


@pytest.mark.parametrize("others", [(), ("vrf definition BLUE", " address-family ipv4")])
def test_a_late_packet_of_a_removed_vrf_is_nothing_to_the_global_table(others: tuple[str, ...]) -> None:
    """The global table's EIGRP greeted the neighbor, where the removed VRF had been the last one."""
    router = started(*RED, *others, *RED_PORT, "router eigrp 1", " network 10.0.0.0")
    gone = ("no vrf definition RED", f"interface {PORT}/ip address 10.0.0.1 255.255.255.0")
    hello = sent_by_eigrp([*entered(router, *gone), *run(router, 20.0)])[0]
    received = events.IpReceived(PORT, OTHERS_ADDRESS, hello.destination, EIGRP, hello.payload, ttl=1, vrf="RED")

    assert sent_by_eigrp(router.handle(received, 20.0)) == []


def test_a_removed_vrf_says_goodbye_before_its_place_is_gone() -> None:
    """Neighbors in a removed VRF waited for their holding time: nothing told them."""
    router = started(*RED, *RED_PORT, *RED_EIGRP)
    hello = sent_by_eigrp(run(router, 10.0))[0]
    router.handle(
        events.IpReceived(PORT, OTHERS_ADDRESS, hello.destination, EIGRP, hello.payload, ttl=1, vrf="RED"), 10.0
    )
    logged: list[str] = []
    router.logged = lambda log: logged.append(log.text)

    effects = entered(router, "no vrf definition RED", now=11.0)

    assert sent_by_eigrp(effects[: effects.index(SetVrfs(()))]) != []
    assert any("10.0.0.2" in line and "down" in line for line in logged), logged


def test_an_event_costs_the_same_beside_hundreds_of_other_vrfs() -> None:
    """Each packet, timer and route asked every VRF whether it had something to do."""
    assert steps(400) < 1.1 * steps(10)


def steps(count: int) -> int:
    """Functions that are called for packets, timers and routes of one VRF beside so many."""
    others = [line for number in range(count) for line in (f"vrf definition V{number:03}", " address-family ipv4")]
    router = started(*RED, *others, *RED_PORT, *RED_EIGRP)
    hello = sent_by_eigrp(run(router, 10.0))[0]

    def work() -> None:
        for second in range(3):
            source = OTHERS_ADDRESS + second
            received = events.IpReceived(PORT, source, hello.destination, EIGRP, hello.payload, ttl=1, vrf="RED")
            router.handle(received, 10.0 + second)
        run(router, 20.0)
        router.handle(events.LinkChanged(PORT, up=False), 20.0)

    return calls(work)


def test_a_typed_route_costs_no_look_at_the_routes_of_other_vrfs() -> None:
    """A line held a router with 400 VRFs for two seconds: each VRF read the routes of all."""
    assert line_steps(240) < 5 * line_steps(60)


def line_steps(count: int) -> int:
    """Functions that are called for a typed route where so many VRFs have one each."""
    names = [f"V{number:03}" for number in range(count)]
    defined = [line for name in names for line in (f"vrf definition {name}", " address-family ipv4")]
    router = started(*defined, *(f"ip route vrf {name} 172.16.0.0 255.240.0.0 Null0" for name in names))
    entered(router, "ip route vrf V001 10.0.0.0 255.0.0.0 Null0")
    return calls(lambda: entered(router, "ip route vrf V000 10.0.0.0 255.0.0.0 Null0"))


# Protocols of which a configuration says nothing: a router runs without them, and has them when they are wanted.

PLAIN = "hostname R1\ninterface Ethernet0/0\n ip address 192.0.2.1 255.255.255.0\n"
SLEEPERS = (BgpMachine, EigrpMachine, IkeMachine, NatMachine, OspfMachine, RipMachine)


def test_a_router_without_their_lines_runs_without_six_protocols() -> None:
    router = Router(SeededEntropy(1))
    router.handle(events.ConfigurationEntered(PLAIN), 0.0)
    assert not {"bgp", "eigrp", "ike", "nat", "ospf", "rip"} & router.machines.keys()


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        (("router ospf 1", "network 192.0.2.0 0.0.0.255 area 0"), OspfMachine),
        (("router eigrp 1", "network 192.0.2.0"), EigrpMachine),
        (("router rip", "network 192.0.2.0"), RipMachine),
        (("router bgp 65000", "neighbor 192.0.2.2 remote-as 65000"), BgpMachine),
    ],
)
def test_a_protocol_begins_with_its_first_lines(lines: tuple[str, str], kind: type[object]) -> None:
    typed, read = Router(SeededEntropy(1)), Router(SeededEntropy(1))
    typed.handle(events.ConfigurationEntered(PLAIN), 0.0)
    first, second = lines
    typed.handle(events.LinesEntered((events.EnteredLine((), first), events.EnteredLine((first,), second))), 1.0)
    read.handle(events.ConfigurationEntered("\n".join((PLAIN, *lines))), 1.0)
    assert typed.machine(kind).config == read.machine(kind).config  # type: ignore[attr-defined]
    said = [router_facts(router, 2.0).model_dump(include={"eigrp", "ospf", "rip", "bgp"}) for router in (typed, read)]
    assert said[0] == said[1]


def test_a_router_publishes_the_same_whether_its_idle_protocols_sleep() -> None:
    router = Router(SeededEntropy(1))
    router.handle(events.ConfigurationEntered(PLAIN), 0.0)
    asleep = router_facts(router, 1.0)
    for kind in SLEEPERS:
        router.machine(kind)
    assert len(router.machines) >= len(SLEEPERS)
    assert router_facts(router, 1.0) == asleep


@pytest.mark.parametrize("wakes", ["a protected tunnel", "a capture that wants keys"])
def test_ike_begins_without_a_line_of_its_own(wakes: str) -> None:
    """The defaults of IKEv2 need no line, and a capture says that it has keys before there are any."""
    router = started(f"interface {PORT}", " ip address 192.0.2.1 255.255.255.0")
    if wakes == "a protected tunnel":
        entered(
            router,
            "crypto ipsec transform-set T esp-gcm 256",
            "crypto ipsec profile P/set transform-set T",
            "interface Tunnel0/ip address 10.0.0.1 255.255.255.0",
            f"interface Tunnel0/tunnel source {PORT}",
            "interface Tunnel0/tunnel destination 192.0.2.2",
            "interface Tunnel0/tunnel protection ipsec profile P",
        )
        run(router, 40.0)
        assert [str(one.nbma) for one in router_facts(router, 40.0).refused] == ["192.0.2.2"]
    else:
        router.handle(events.KeysWanted(wanted=True), 10.0)
    assert "ike" in router.machines


@pytest.mark.parametrize("line", ["show ip protocols", "show ip protocols summary", "show tcp brief"])
def test_a_show_of_all_protocols_wakes_none(line: str) -> None:
    router = Router(SeededEntropy(1))
    router.handle(events.ConfigurationEntered(PLAIN), 0.0)
    match = exec_parser(FEATURES).match(line)
    assert isinstance(match, Match)
    assert list(match.lines(router.context(1.0)))
    assert not any(isinstance(machine, SLEEPERS) for machine in router.machines.values())


@pytest.mark.lengthy
def test_a_router_that_runs_no_ospf_and_no_bgp_does_not_import_them() -> None:
    """The machines of both were a tenth of what a router imported before its first packet."""
    code = (
        "import sys; from dmvpn.router.facts import router_facts; from dmvpn.shells.runtime.runtime import Runtime; "
        "from dmvpn.router.features import FEATURES; from dmvpn.router.prompt import exec_parser; "
        "exec_parser(FEATURES).match('show ip ospf'); "
        "kinds = ('ospf', 'bgp', 'rip', 'eigrp', 'ike'); "
        "sys.exit(any(f'dmvpn.features.{name}.machine' in sys.modules for name in kinds))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
