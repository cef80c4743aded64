"""Faults of routes, addresses, keys and routing protocols: the doctor names each, and the lines that heal it."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import Cause
from dmvpn.labs.copied import CopiedLab
from dmvpn.labs.proofs.networks import FEW, Case, Harm, drawn, well_rows
from dmvpn.labs.proofs.verdicts import LATER, broken_case
from dmvpn.network.device import Device
from dmvpn.network.terms.preshared_keys import half_key
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor.report import as_text
from dmvpn.tools.doctor.verdicts import Finding
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.remedies.trial import attempt
from dmvpn.tools.troubles.plans import CERTIFICATES
from support.bench import WorldBench
from support.cases import every_day_but
from support.diagnoses import PLAIN, ill_of, judged_of
from support.doctors import ExaminedWorld, no_advice
from support.further import judge_proof, sealed_network
from support.list_faults import CLOUDS, cloud
from support.routing import with_rip
from support.typed import Typed, read
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.tools.doctor.verdicts import Diagnosis

_RIP = "notes-phase3 with RIP"
FAULTS = read("routes")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_the_reason_for_a_missing_route_is_named_at_its_router_with_lines_that_bring_it(fault: Typed) -> None:
    world = World("notes-phase3", change=with_rip) if fault.network == _RIP else World(fault.network)
    bench = WorldBench(world.converge())
    for router, lines in fault.lines.items():
        bench.configure(router, lines)
    cleared = [(name, f"clear ip {what}") for name in world.sim.routers for what in ("route *", "bgp *")]
    bench.ask(cleared)
    world.run_for(300)
    first = no_advice(world)[0]
    router, cause, words = fault.found
    assert (first.router, first.cause) == (router, cause), first
    assert words in first.what
    if first.fix:
        for one in no_advice(world):
            bench.configure(one.router, one.fix)
        bench.ask(cleared)
        world.run_for(300)
        assert no_advice(world) == []


# What the doctor says that a router should have for its own: addresses that fit, instead of words to fill in.

WAN = "interface GigabitEthernet0/1"


TYPED = read("addressing")


def first(network: str, router: str, *lines: str) -> Finding:
    """What is broken after somebody typed this."""
    world = World(network).converge()
    world.run_for(20)
    WorldBench(world).configure(router, lines)
    world.run_for(120)
    return next(one for one in visit(ExaminedWorld(world)).findings if not one.advice)


@pytest.mark.parametrize("what", TYPED)
def test_the_lines_to_enter_are_whole(what: str) -> None:
    ((router, lines),) = TYPED[what].lines.items()
    found = first(TYPED[what].network, router, *lines)
    assert (found.router, found.cause, " / ".join(found.fix)) == TYPED[what].found, found
    assert found.is_complete


def test_a_key_for_one_direction_alone_is_found_in_a_configuration_with_several_lines() -> None:
    """The lines of a peer were looked at before they were read, so none was ever found."""
    ring = ("crypto ikev2 keyring K", " peer HUB", "  address 198.51.100.1", "  pre-shared-key local <removed>", "!")
    assert half_key(Device.read("R", "\n".join(ring))) == (
        "crypto ikev2 keyring K",
        "peer HUB",
        "pre-shared-key remote <secret>",
    )
    remote = (*ring[:4], "  pre-shared-key remote <removed>")
    assert half_key(Device.read("R", "\n".join(remote))) == ()


# What routers prove themselves with: certificates, clocks, keys of routing protocols with lifetimes; and timers.

CLOUD = replace(PLAIN, sealed=True)
CERTIFIED = replace(CLOUD, protection=CERTIFICATES)


def test_a_spoke_with_the_wrong_trustpoint_gets_the_lines_that_lead_to_the_right_one() -> None:
    case = ill_of(drawn(CERTIFIED), "certificate-expired@S1,S2,HUB1")
    (found,) = (one for one in visit(case.examined).findings if not one.advice)
    assert found.fix == ("crypto ikev2 profile CLOUD", "no pki trustpoint EXPIRED", "pki trustpoint CLOUD")
    assert "expired at " in found.what


def test_a_spoke_without_the_password_that_a_hub_has_for_all_is_named_and_not_the_hub() -> None:
    """The hub was blamed, and broken for all its spokes, though other hubs served this one."""
    case = ill_of(drawn(replace(CLOUD, hubs=2, routing="ibgp")), "bgp-password-gone@S1,S2,HUB2")
    found = [one for one in visit(case.examined).findings if one.cause is Cause.BGP_PASSWORD]
    assert [one.router for one in found] == ["S1"]
    assert found[0].fix == ("router bgp 65000", "neighbor 10.99.0.2 password <secret>")


def test_a_clock_that_nobody_feels_is_advice_with_the_command_that_sets_it() -> None:
    case = Case(drawn(replace(CLOUD, sealed=False)), 1)
    well_rows(case)
    case.bench.ask([("S1", "clock set 12:00:00 Jan 1 2019")])
    case.wait(LATER)
    diagnosis = visit(case.examined)
    assert diagnosis.healthy
    (found,) = (one for one in diagnosis.findings if one.cause is Cause.CLOCK)
    assert found.router == "S1"
    case.bench.ask([("S1", found.order)])
    assert not [one for one in visit(case.examined).findings if one.cause is Cause.CLOCK]


@pytest.mark.parametrize("number", every_day_but((1, 4, 5), range(6)))
def test_what_is_drawn_of_proofs_is_named_first_and_never_a_wrong_one_as_certain(number: int) -> None:
    """Hundreds of such draws are measured for docs/reference/doctor.md; every day the small networks are tried."""
    found = judge_proof(f"proofs/{number}", FEW)
    assert not found.wrong, found
    assert found.rank == 1 or found.harm is not Harm.NOW, found


@pytest.mark.parametrize("number", every_day_but((0, 1), range(3)))
def test_a_cloud_whose_routers_prove_themselves_is_not_accused(number: int) -> None:
    case = Case(sealed_network(f"proofs/well/{number}"), 1)
    well_rows(case)
    case.wait(LATER)
    case.rows()
    assert visit(case.examined).healthy


# Remedies of the doctor for tunnels of IPv6 replace the lines that are there, in the form of IPv6.

NHS, MAP = "ipv6 nhrp nhs 2001:DB8:100::11", "ipv6 nhrp map 2001:DB8:100::11/128"


@pytest.mark.parametrize(
    ("lines", "cause", "fix"),
    [
        (
            (NHS, f"{MAP} 172.16.41.1"),
            Cause.NHS_NBMA,
            (f"{MAP} 172.16.11.1",),
        ),
        (
            ("ipv6 nhrp nhs 2001:DB8:100::12", "ipv6 nhrp map 2001:DB8:100::12/128 172.16.11.1"),
            Cause.NHS_ADDRESS,
            (
                "no ipv6 nhrp nhs 2001:DB8:100::12",
                "no ipv6 nhrp map 2001:DB8:100::12/128 172.16.11.1",
                NHS,
                f"{MAP} 172.16.11.1",
            ),
        ),
    ],
)
def test_a_wrong_server_that_is_mapped_gets_other_lines(
    lines: tuple[str, ...], cause: Cause, fix: tuple[str, ...]
) -> None:
    """The doctor did not find the map line, and added a line of the server to those that were wrong."""
    world = World("ipv6-phase3").converge()
    bench = WorldBench(world)
    bench.configure("R31", ("interface Tunnel100", f"no {NHS} nbma 172.16.11.1 multicast", *lines))
    world.run_for(60)
    (found, *_) = [each for each in visit(ExaminedWorld(world)).findings if each.router == "R31"]
    assert (found.cause, found.fix) == (cause, ("interface Tunnel100", *fix))


# Static routes to Null0: one behind all others is what lint asks for, and one in the way of packets is a fault.

NOTES = ("router eigrp GRE-OVERLAY", "address-family ipv4 unicast autonomous-system 100")
R41 = ip_address("10.4.4.100")
LAST = "ip route 10.0.0.0 255.0.0.0 Null0 254"


def after_static_routes(*lines: str) -> ExaminedWorld:
    """notes-phase3 some time after R31 got these lines."""
    world = World("notes-phase3").converge()
    WorldBench(world).configure("R31", lines)
    world.run_for(90)
    return ExaminedWorld(world)


@pytest.mark.parametrize("address", [None, R41], ids=["nowhere", "to R41"])
def test_from_one_end_the_route_behind_all_others_that_lint_asks_for_is_well(address: object) -> None:
    """It was certain: "to fix: no ip route 10.0.0.0 255.0.0.0 Null0", and the exit code was 1."""
    target = R41 if address is not None else None
    diagnosis = visit(after_static_routes(LAST), "R31", target, one_end=True)
    assert diagnosis.healthy
    assert all(one.mild and one.cause is not Cause.BLACK_HOLE for one in diagnosis.hypotheses)
    assert target is not None or diagnosis.hypotheses == ()


def test_where_all_other_routes_have_gone_the_last_one_is_not_the_cause() -> None:
    examined = after_static_routes(LAST, *NOTES, "af-interface Tunnel100", "passive-interface")
    assert [one.cause for one in visit(examined).findings] == [Cause.PASSIVE_INTERFACE]
    first = visit(examined, "R31", R41, one_end=True).hypotheses[0]
    assert first.cause is Cause.PASSIVE_INTERFACE


def test_an_address_that_only_the_last_route_fits_has_no_route() -> None:
    examined = after_static_routes(LAST)
    nobody = ip_address("10.99.1.1")
    assert visit(examined, "R31", nobody).findings[0].cause is Cause.NO_ROUTE_THERE
    found = visit(examined, "R31", nobody, one_end=True).hypotheses
    assert found[0].cause is Cause.SPLIT_HORIZON
    assert all(one.cause is not Cause.BLACK_HOLE for one in found)


@pytest.mark.parametrize("distance", ["", " 80"])
def test_a_route_into_nothing_in_the_way_of_a_site_is_certain_from_one_end(distance: str) -> None:
    line = f"ip route 10.4.4.0 255.255.255.0 Null0{distance}"
    examined = after_static_routes(line)
    for address in (None, R41):
        first = visit(examined, "R31", address, one_end=True).hypotheses[0]
        assert (first.cause, first.mild) == (Cause.BLACK_HOLE, False)
        assert first.decide.endswith(f"to fix: no {line}")
    assert visit(examined).findings[0].fix == (f"no {line}",)


def test_a_route_into_nothing_that_is_in_nobodys_way_may_be_meant_so_and_hides_nothing() -> None:
    examined = after_static_routes("ip route 10.77.0.0 255.255.0.0 Null0", "interface Tunnel100", "no ip nhrp shortcut")
    diagnosis = visit(examined, "R31", R41, one_end=True)
    assert diagnosis.healthy
    assert [one.cause for one in diagnosis.hypotheses][:2] == [Cause.BLACK_HOLE, Cause.SHORTCUT]
    assert all(one.mild for one in diagnosis.hypotheses[2:])
    ahead = after_static_routes("ip route 10.77.0.0 255.255.0.0 Null0", "interface Tunnel100", "ip mtu 1500")
    causes = [one.cause for one in visit(ahead, "R31", R41, one_end=True).hypotheses]
    assert causes[-1] is Cause.BLACK_HOLE
    assert causes[0] is not Cause.BLACK_HOLE


# Where RIP runs on the tunnels, the doctor looks at RIP: who runs it, who hears whom, and who is told of what.

TUNNEL = "interface Tunnel100"


RIP = read("rip")


def after(*changes: tuple[str, tuple[str, ...]]) -> World:
    """notes-phase3 with RIP, some minutes after these lines were entered."""
    world = World("notes-phase3", change=with_rip).converge()
    for router, lines in changes:
        WorldBench(world).configure(router, lines)
    WorldBench(world).ask([(name, "clear ip route *") for name in ("R11", "R31", "R41")])
    world.run_for(300)
    return world


def test_where_all_is_well_it_says_who_hears_whom() -> None:
    world = after()
    diagnosis = visit(ExaminedWorld(world))
    assert diagnosis.findings == ()
    fine = [one.what for one in diagnosis.fine]
    assert "R31 and R11 are RIP neighbors" in fine
    assert "R31 and R11 copy multicasts to each other" in fine
    for router in ("R11", "R31"):
        for address in (None, ip_address("10.4.4.100")):
            alone = visit(ExaminedWorld(world), router, address, one_end=True)
            assert alone.healthy, router
            assert all(one.mild for one in alone.hypotheses), router
            assert address is not None or alone.hypotheses == (), router


@pytest.mark.parametrize("what", RIP)
def test_what_keeps_rip_from_telling_is_named_with_the_line_that_mends_it(what: str) -> None:
    """The hub was blamed, which "has no route", and there was no line to enter."""
    at, cause, words = RIP[what].found
    world, fix = after(*RIP[what].lines.items()), tuple(words.split(" / "))
    first = no_advice(world)[0]
    assert (first.cause, first.router, first.fix) == (cause, at, fix), first
    if "<secret>" not in fix[-1]:
        WorldBench(world).configure(at, fix)
        world.run_for(300)
        assert no_advice(world) == []


def test_from_one_end_it_says_neighbor_only_of_one() -> None:
    """It offered "hub is an EIGRP stub" on a router without EIGRP."""
    world = after(("R11", (TUNNEL, "ip split-horizon")))
    diagnosis = visit(ExaminedWorld(world), "R31", ip_address("10.4.4.100"), one_end=True)
    assert [one.cause for one in diagnosis.hypotheses] == [Cause.SPLIT_HORIZON, Cause.NETWORK_STATEMENT]
    assert not re.search("neighbor|EIGRP", "\n".join(as_text(diagnosis)))


def test_from_one_end_without_any_routing_protocol_no_neighbor_is_spoken_of() -> None:
    world = after(("R31", ("no router rip",)))
    diagnosis = visit(ExaminedWorld(world), "R31", ip_address("10.4.4.100"), one_end=True)
    assert [one.cause for one in diagnosis.hypotheses] == [Cause.NO_ROUTE_THERE]
    assert "neighbor" not in "\n".join(as_text(diagnosis))


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        ((TUNNEL, "no ip nhrp nhs 192.168.100.11", "ip nhrp nhs 192.168.100.11 nbma 172.16.11.1"), "SPOKE_MULTICAST"),
        (("router rip", "passive-interface Tunnel100"), "PASSIVE_INTERFACE"),
        (("router rip", "no network 192.168.100.0"), "NETWORK_STATEMENT"),
        (("router rip", "no network 10.0.0.0"), "NETWORK_STATEMENT"),
        (("router rip", "no version 2"), "RIP_BLOCKED"),
    ],
)
def test_from_one_end_its_own_mistakes_in_rip_come_first(lines: tuple[str, ...], cause: str) -> None:
    found = visit(ExaminedWorld(after(("R31", lines))), "R31", one_end=True).hypotheses
    assert found[0].cause is Cause[cause]


def test_from_one_end_a_silent_server_is_suspected() -> None:
    world = after(("R11", ("router rip", "passive-interface Tunnel100")))
    found = visit(ExaminedWorld(world), "R31", one_end=True).hypotheses
    assert [one.cause for one in found][:3] == [Cause.HUB_MULTICAST, Cause.NETWORK_STATEMENT, Cause.PASSIVE_INTERFACE]


# What goes wrong with OSPF, BGP, RIP and filters is named, and the lines to enter make it well again.

_ONE_HUB = replace(PLAIN, spokes=3, routing="ospf")


def network(routing: str, phase: int = 3, hubs: int = 1) -> Scenario:
    """Three spokes that learn each other's LANs in this way; for this test alone, which may change their lines."""
    shared = drawn(replace(_ONE_HUB, routing=routing, phase=phase, hubs=hubs))
    return Scenario(shared.name, shared.lab, dict(shared.configurations))


@pytest.mark.parametrize(
    "line",
    [
        "router_ospf_1/network_10.20.11.0_0.0.0.255_area_0",
        "interface_Tunnel0/ip_nhrp_nhs_10.99.0.1_nbma_203.0.113.5_multicast",
    ],
)
def test_a_line_that_is_gone_is_named_first(line: str) -> None:
    found = judged_of("", network("ospf"), f"line-gone/{line}@S1,S2,HUB1")
    assert found.harm is Harm.NONE or found.rank == 1, found
    assert found.found, found


def test_a_hub_that_reflects_nothing_is_named() -> None:
    case = Case(network("ibgp"), 1)
    well_rows(case)
    case.bench.configure(
        "HUB1",
        [
            line
            for spoke in (1, 2, 3)
            for line in ("router bgp 65000", f"no neighbor 10.99.0.1{spoke} route-reflector-client")
        ],
    )
    case.wait(180)
    first = next(one for one in visit(case.examined).findings if not one.advice)
    assert (first.router, first.cause.value) == ("HUB1", "routes of BGP are not reflected")


@pytest.mark.parametrize("routing", ["ospf", "rip", "ibgp", "ebgp"])
@pytest.mark.parametrize("hubs", [1, 3])
def test_where_all_is_well_nobody_is_accused(routing: str, hubs: int) -> None:
    scenario = network(routing, 2, hubs)
    case = Case(scenario, 1)
    well_rows(case)
    assert [one for one in visit(case.examined).findings if not one.advice] == []


def test_a_phase_2_network_whose_release_follows_redirects_unseen_is_well() -> None:
    """Its spokes ask for each other as next hops; the hub was told to send redirects."""
    scenario = network("eigrp", phase=2)
    for name, text in scenario.configurations.items():
        scenario.configurations[name] = text.replace("tunnel mode gre", "ip nhrp shortcut\n tunnel mode gre")
    lab = CopiedLab(scenario)
    lab.wait(60)
    diagnosis = visit(lab)
    assert diagnosis.healthy, as_text(diagnosis)


def test_a_hub_that_reaches_all_others_needs_no_shortcuts() -> None:
    """The ways between its spokes, which have no shortcuts before they talk, were held against a hub of two."""
    scenario = network("eigrp", hubs=2)
    for name, text in scenario.configurations.items():
        scenario.configurations[name] = text.replace(" ip nhrp shortcut", " ip nhrp shortcut\n ip nhrp redirect")
    other = " ip nhrp nhs 10.99.0.2 nbma 203.0.113.9 multicast\n ip nhrp network-id"
    scenario.configurations["HUB1"] = scenario.configurations["HUB1"].replace(" ip nhrp network-id", other)
    lab = CopiedLab(scenario)
    lab.wait(60)
    diagnosis = visit(lab)
    assert diagnosis.healthy, as_text(diagnosis)


@pytest.mark.parametrize(("address", "is_well"), [("10.20.1.201", True), ("10.20.1.101", False)])
def test_a_network_that_is_carved_out_of_a_lan_harms_the_hosts_in_it(address: str, is_well: bool) -> None:
    """The longer prefix leads there, and all other hosts of the LAN are found: the network was called broken."""
    scenario = network("eigrp")
    carved = f"interface Loopback9\n ip address {address} 255.255.255.252\nend"
    scenario.configurations["S1"] = scenario.configurations["S1"].replace("\nend", f"\n{carved}")
    lab = CopiedLab(scenario)
    lab.wait(60)
    diagnosis = visit(lab)
    assert diagnosis.healthy is is_well, as_text(diagnosis)


_PORT = "hostname {0}\ninterface GigabitEthernet1\n ip address 192.0.2.{1} 255.255.255.0\n"
_PEERS = "router bgp {}\n neighbor 10.9.0.{} remote-as {}\n"
_BESIDE = {
    "HUB": "interface Tunnel0\n ip address 10.0.0.1 255.255.255.0\n ip nhrp network-id 1\n tunnel source "
    "GigabitEthernet1\n tunnel mode gre multipoint\n tunnel key 1\ninterface Tunnel9\n ip address 10.9.0.1 "
    f"255.255.255.0\n tunnel source GigabitEthernet1\n tunnel destination 192.0.2.9\n{_PEERS.format(65001, 2, 65009)}",
    **{
        name: f"interface Tunnel0\n ip address 10.0.0.{number} 255.255.255.0\n ip nhrp network-id 1\n ip nhrp nhs "
        "10.0.0.1 nbma 192.0.2.1\n tunnel source GigabitEthernet1\n tunnel mode gre multipoint\n tunnel key 1\n"
        f"interface GigabitEthernet2\n ip address 10.1.{number}.1 255.255.255.0\n"
        for name, number in (("S2", 2), ("S3", 3))
    },
    "PEER": "interface Tunnel9\n ip address 10.9.0.2 255.255.255.0\n tunnel source GigabitEthernet1\n tunnel "
    f"destination 192.0.2.1\n{_PEERS.format(65009, 1, 65001)}",
}


def test_what_a_hub_speaks_by_another_tunnel_is_not_asked_of_its_spokes(tmp_path: Path) -> None:
    """A spoke without a routing protocol was told that the hub speaks BGP with its other clients."""
    for (name, lines), number in zip(_BESIDE.items(), (1, 2, 3, 9), strict=True):
        (tmp_path / f"{name}.cfg").write_text(f"{_PORT.format(name, number)}{lines}end\n")
    lab = CopiedLab(Scenario.load(str(tmp_path)))
    lab.wait(60)
    assert not any(one.what.startswith("BGP") for one in visit(lab).findings)


# Two faults at once: what spoils large packets, or the next rekeying, hides nothing of what stops the tunnel.

UNCLAMPED = (TUNNEL, "no ip tcp adjust-mss")
PASSWORD = (TUNNEL, "ip nhrp authentication NOTOURS", "shutdown", "no shutdown")
PASSIVE = (*NOTES, "af-interface Tunnel100", "passive-interface")


def examined(network: str, *changes: tuple[str, tuple[str, ...]], badness: Badness | None = None) -> Diagnosis:
    """What the doctor says some time after these lines were entered."""
    world = World(network).converge()
    world.run_for(20)
    bench = WorldBench(world)
    for router, lines in changes:
        bench.configure(router, lines)
    if badness is not None:
        bench.impair("R31:GigabitEthernet0/1", badness)
    world.run_for(120)
    return visit(ExaminedWorld(world))


def causes(diagnosis: Diagnosis) -> list[Cause]:
    """What it finds, the first one first."""
    return [one.cause for one in diagnosis.findings if not one.advice]


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        (PASSWORD, Cause.AUTHENTICATION),
        (PASSIVE, Cause.PASSIVE_INTERFACE),
        ((*NOTES, "no network 10.0.0.0"), Cause.NETWORK_STATEMENT),
        ((TUNNEL, "no ip nhrp shortcut"), Cause.SHORTCUT),
    ],
)
def test_a_missing_clamp_of_tcp_does_not_hide_what_stops_the_pair(lines: tuple[str, ...], cause: Cause) -> None:
    """`no ip tcp adjust-mss` and a wrong NHRP password: the doctor spoke of TCP alone, and the spoke was away."""
    diagnosis = examined("notes-phase3", ("R31", UNCLAMPED), ("R31", lines))
    assert [one.cause for one in diagnosis.findings] == [cause, Cause.MSS]
    text = "\n".join(as_text(diagnosis))
    assert "besides:" in text or "advice:" in text
    assert "because of that" not in text


def test_a_filter_of_fragments_does_not_hide_a_wrong_password() -> None:
    lines = (TUNNEL, "ip mtu 1500")
    changes = [("R11", lines), ("R31", lines), ("R31", PASSWORD)]
    found = causes(examined("notes-phase3", *changes, badness=Badness(block=("fragments",))))
    assert found[0] is Cause.AUTHENTICATION
    assert Cause.FRAGMENTS_BLOCKED in found


def test_the_mode_of_ipsec_does_not_hide_a_passive_interface() -> None:
    mode = ("crypto ipsec transform-set TS esp-aes 256 esp-sha256-hmac", "mode tunnel")
    silent = ("router eigrp 100", "passive-interface Tunnel0")
    diagnosis = examined("intro-phase3", ("SPOKE10", mode), ("SPOKE10", silent))
    assert causes(diagnosis) == [Cause.PASSIVE_INTERFACE, Cause.MODE]


def test_what_nobody_can_explain_comes_before_a_missing_clamp_of_tcp() -> None:
    """A missing clamp explains no silence, so it is no reason not to speak of it."""
    world = World("notes-phase3").converge()
    world.run_for(20)
    WorldBench(world).configure("R31", UNCLAMPED)
    world.sim.segment_of("R31", "GigabitEthernet0/1").gate = lambda _from, _to, packet: packet[9] != 47
    world.run_for(60)
    assert causes(visit(ExaminedWorld(world), probing=False)) == [Cause.UNDECIDED, Cause.MSS]


# Packet filters that are meant so are not accused; what is said of each mechanism is in the oracle (`lists.txt`).


@pytest.mark.parametrize("name", CLOUDS)
def test_a_cloud_with_lists_that_is_well_is_not_accused(name: str) -> None:
    case, _ = broken_case(cloud(name))
    assert visit(case.examined).findings == ()


def test_a_finding_says_which_router_port_side_list_and_entry_drop_packets() -> None:
    case = ill_of(cloud("eigrp"), "entry-too-early@S1,S2,HUB1")
    first = visit(case.examined).findings[0]
    assert (first.router, first.cause) == ("S1", Cause.PACKET_FILTER)
    assert "list LAN-OUT (out, GigabitEthernet0/2) of S1 drops UDP" in first.what
    assert "entry `5 deny udp any any` denies it" in first.what


def test_lines_for_a_list_about_tcp_are_tried_in_a_copy_although_rows_are_about_udp() -> None:
    case = ill_of(cloud("eigrp"), "answers-forgotten@S1,S2,HUB1")
    first = attempt(visit(case.examined), CopiedLab(case.as_it_runs())).findings[0]
    assert first.trial is not None
    assert first.trial.works
    assert first.certain


def test_sites_that_all_lists_keep_apart_are_a_question_and_no_fault() -> None:
    """Both spokes deny each other, so nothing says that it is a mistake."""
    case, _ = broken_case(cloud("bare"))
    for name, other in (("S1", "10.20.12.0"), ("S2", "10.20.11.0")):
        case.bench.configure(name, ["ip access-list extended APART", f"deny ip {other} 0.0.0.255 any"])
        case.bench.configure(name, ["ip access-list extended APART", "permit ip any any"])
        case.bench.configure(name, ["interface GigabitEthernet0/2", "ip access-group APART out"])
    case.wait(60)
    diagnosis = visit(case.examined)
    assert diagnosis.healthy
    assert [one.mild for one in diagnosis.findings if one.cause is Cause.PACKET_FILTER] == [True, True]


def test_one_service_that_a_list_denies_is_no_fault() -> None:
    case, _ = broken_case(cloud("bare"))
    case.bench.configure("S1", ["ip access-list extended L", "deny tcp any any eq 23", "permit ip any any"])
    case.bench.configure("S1", ["interface GigabitEthernet0/2", "ip access-group L out"])
    case.wait(60)
    assert visit(case.examined).findings == ()


def test_the_lines_for_one_sender_do_not_take_the_default_route_away_from_all_others() -> None:
    """The other spokes are reached by the default route alone: a check without it would drop their packets."""
    case, _ = broken_case(cloud("bare"))
    check = "ip verify unicast source reachable-via"
    case.bench.configure("S1", ["interface GigabitEthernet0/1", f"{check} rx allow-default"])
    case.bench.configure("S1", ["ip route 203.0.113.5 255.255.255.255 10.20.11.250"])
    case.wait(60)
    found = [one for one in visit(case.examined).findings if one.cause is Cause.REVERSE_PATH]
    assert [one.fix for one in found] == [("interface GigabitEthernet0/1", f"{check} any allow-default")]


@pytest.mark.parametrize("others", [(), ("ip verify unicast source reachable-via any allow-default",)])
def test_a_list_on_a_tunnel_that_forgot_the_routing_protocol_gets_an_entry_and_stays_on_its_side(
    others: tuple[str, ...],
) -> None:
    """Nothing says that the list is on the wrong side: at its other side it would protect nothing that it protected."""
    case, _ = broken_case(cloud("bare"))
    entries = (f"permit {protocol} any any" for protocol in ("icmp", "tcp", "udp"))
    case.bench.configure("S1", ["ip access-list extended INSIDE", *entries])
    case.bench.configure("S1", ["interface Tunnel0", "ip access-group INSIDE in"])
    case.bench.configure("S2", ["interface Tunnel0", *others])
    case.wait(60)
    found = [one.fix for one in visit(case.examined).findings if one.cause is Cause.PACKET_FILTER]
    assert found == [("ip access-list extended INSIDE", "40 permit eigrp 10.99.0.0 0.0.0.255 any")]
