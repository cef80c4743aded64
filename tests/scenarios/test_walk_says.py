"""What `dmvpn walk` says of broken networks, and that packets end there; how it reads."""

from __future__ import annotations

import json
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.shells.inference import infer
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.walk import Act, Walk, WalkOutcome, as_json, as_text, walk
from support.walking import Ears, echo, errors, try_it
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.shells.facts import LabFacts

H3_H4 = ("H3", "H4")


def now(world: World, source: str = "H3", destination: str = "H4", start: str = "") -> Walk:
    """A walk as of now."""
    return walk(world.sim.facts(world.scenario), source, destination, start=start)


def warm(name: str = "notes-phase3") -> tuple[World, Ears]:
    """A world whose shortcut between H3 and H4 is in use."""
    world = World(name).converge()
    for _ in range(5):
        world.ping("H3", "10.4.4.100")
        world.run_for(0.5)
    return world, Ears(world)


def says(told: Walk) -> str:
    """All that is printed, as one line."""
    return " ".join(" ".join(as_text(told)).split())


# ------------------------------------------------------------------------------------------------ the decisions


def test_before_the_shortcut_the_hub_sends_it_back_and_says_so() -> None:
    told = now(World("notes-phase3").converge())
    assert [step.where for step in told.forth.steps if step.act is Act.REDIRECT] == ["R11"]
    assert "goes back into NHRP network 100: a redirect goes to 172.16.31.1" in says(told)


def test_a_shortcut_beside_the_route_is_named_as_what_it_is() -> None:
    world, _ = warm()
    told = now(world)
    assert "NHRP's next hop instead (%): via 192.168.100.41, Tunnel100 (dynamic, router" in says(told)
    assert "used" not in says(told)  # that changes with every packet
    assert told.forth.nodes == ("H3", "R31", "TRANSPORT", "R41", "H4")


def test_the_entry_that_overrides_a_route_is_the_one_of_its_prefix() -> None:
    """Seen: that of the next hop, which is before it where the tunnel's network is the lower one."""
    world = World("intro-phase3").converge()
    for _ in range(2):
        world.do("SPOKE10", "ping 192.168.20.1 source 192.168.10.1")
        world.run_for(2)
    told = now(world, "192.168.10.1", "192.168.20.1")
    (why,) = [step.because for step in told.forth.steps if step.act is Act.OVERRIDE]
    assert why == "dynamic, router rib nho"
    assert "NHRP: 10.0.0.20 is at 203.0.113.20 (dynamic, router nhop rib)" in says(told)


def test_a_shortcut_that_is_a_route_of_its_own_is_named_as_one() -> None:
    world, ears = warm("phase3-default")
    told = try_it(world, ears, H3_H4, 100)
    assert "route 10.4.4.0/24: nhrp [250/" in says(told)


def test_a_next_hop_that_nobody_has_resolved_goes_by_the_server_meanwhile() -> None:
    world = World("phase2-eigrp").converge()
    told = try_it(world, Ears(world), ("H1", "H2"), 100)
    assert "the first packets go by" in says(told)
    assert "HUB" in told.forth.nodes


def test_the_longest_match_says_what_it_is_longer_than_and_what_it_beats() -> None:
    world = World("notes-phase3").converge()
    world.configure("R31", "ip route 10.4.4.0 255.255.255.0 192.168.100.11 200")
    assert "(beats static [200/0], 0.0.0.0/0)" in says(now(world))


def test_two_directions_that_differ_are_told_apart() -> None:
    """R41 makes no shortcuts: it goes by the hub when R31 has long gone straight."""

    def change(name: str, text: str) -> str:
        text = text.replace(" ip tcp adjust-mss 1360\n", " ip tcp adjust-mss 1300\n") if name == "R11" else text
        return text.replace(" ip nhrp shortcut\n", "") if name == "R41" else text

    world = World("notes-phase3", change=change).converge()
    ears = Ears(world)
    for _ in range(5):
        world.ping("H3", "10.4.4.100")
        world.run_for(0.5)
    told = try_it(world, ears, H3_H4, 100)
    assert told.differs == "forth by H3 > R31 > R41 > H4; back by H4 > R41 > R11 > R31 > H3"
    assert told.budget.mss == 1300  # what the answer passes clamps the greeting, too
    try_it(world, ears, ("H4", "H3"), 100)


def test_the_outer_header_has_a_ttl_of_its_own() -> None:
    world = World("notes-phase3").converge()
    assert "TRANSPORT in by GigabitEthernet0/2, TTL 255" in says(now(world))
    world.configure("R31", "interface Tunnel100", "tunnel ttl 7")
    world.run_for(0.1)
    assert "TRANSPORT in by GigabitEthernet0/2, TTL 7" in says(now(world))


def test_a_route_leak_delivers_to_an_address_of_the_router_itself() -> None:
    """Seen: the walk went into the tunnel that has the address, and said that nobody had registered it."""
    world = World("shared-services").converge()
    told = now(world, "WEB", "10.255.1.1")
    world.ping("WEB", "10.255.1.1")
    world.run_for(1)
    assert (told.forth.end.outcome, len(world.replies("WEB"))) == (WalkOutcome.DELIVERED, 1)


# ------------------------------------------------------------------------------------------------ what is broken


def dead_and_back(world: World) -> None:
    world.sim.kill("R41")
    world.sim.boot("R41", world.scenario.configurations["R41"])
    world.run_for(0.01)


def cut(world: World) -> None:
    world.cut("R41", "GigabitEthernet0/1")


def other_key(world: World) -> None:
    world.configure("R41", "interface Tunnel100", "tunnel key 101")


def tunnel_shut(world: World) -> None:
    world.configure("R41", "interface Tunnel100", "shutdown")


def no_way_to_the_peer(world: World) -> None:
    world.configure("R31", "ip route 172.16.41.1 255.255.255.255 Null0")


def recursion(world: World) -> None:
    world.configure("R31", "ip route 172.16.41.1 255.255.255.255 192.168.100.11")


def provider_dead(world: World) -> None:
    world.sim.kill("TRANSPORT")


def null_route(world: World) -> None:
    world.configure("R41", "ip route 10.4.4.100 255.255.255.255 Null0")


@pytest.mark.parametrize(
    ("scenario", "fault", "where", "words"),
    [
        ("notes-phase3", cut, "R31", "R41:GigabitEthernet0/1 -- TRANSPORT:GigabitEthernet0/3: cut, nothing passes"),
        ("notes-phase3", other_key, "R41", "no tunnel of R41 has key 100: Tunnel100 has key 101"),
        ("notes-phase3", tunnel_shut, "R41", "no tunnel of R41 takes it"),
        ("notes-phase3", no_way_to_the_peer, "R31", "the route to 172.16.41.1/32 leads nowhere"),
        ("notes-phase3", recursion, "R31", "the route to 172.16.41.1 leads into a tunnel: recursive routing"),
        ("notes-phase3", null_route, "R41", "the route to 10.4.4.100/32 leads nowhere"),
        ("spoke-behind-nat", provider_dead, "NAT1", "no station on the wire has 172.16.31.2: TRANSPORT does not run"),
        ("ipsec-spoke-behind-nat", dead_and_back, "R41", "R41 has no SA with SPI 0x"),
    ],
)
def test_a_packet_ends_where_the_walk_says_and_why(
    scenario: str, fault: Callable[[World], None], where: str, words: str
) -> None:
    world, ears = warm(scenario)
    fault(world)
    told = try_it(world, ears, H3_H4, 100)
    end = told.forth.end
    assert (end.outcome, words in end.why) == (WalkOutcome.DROPPED, True), end
    assert end.where == ("TRANSPORT" if fault is cut else where)
    assert end.refusal is None
    assert f"DROPPED at {end.where}: " in says(told)
    assert told.back is None


def test_a_dead_hub_is_named_by_the_last_one_who_had_the_packet() -> None:
    world = World("notes-phase3").converge()
    world.sim.kill("R11")
    told = try_it(world, Ears(world), H3_H4, 100)
    assert (told.forth.end.where, told.forth.end.why) == (
        "TRANSPORT",
        "no station on the wire has 172.16.11.1: R11 does not run",
    )


@pytest.mark.parametrize(
    ("interface", "destination", "where", "why"),
    [
        ("GigabitEthernet0/1", "H4", "TRANSPORT", "no station on the wire has 172.16.41.1"),
        ("GigabitEthernet0/2", "10.4.4.1", "TRANSPORT", "no route to 10.4.4.1"),
    ],
)
def test_addresses_of_an_interface_that_is_shut_are_nobodys(
    interface: str, destination: str, where: str, why: str
) -> None:
    world, ears = warm()
    world.configure("R41", f"interface {interface}", "shutdown")
    told = try_it(world, ears, ("H3", destination), 100)
    assert (told.forth.end.where, told.forth.end.why) == (where, why)


def test_a_refusal_names_its_clause_and_its_mtu() -> None:
    world = World("notes-phase3").converge()
    told = try_it(world, Ears(world), H3_H4, 1401, df=True)
    assert "(R31 sends 10.3.3.100: fragmentation needed, next-hop MTU 1400; RFC 1191 §4)" in says(told)


def test_a_next_hop_that_never_registered_has_nobody_to_ask_at_the_hub() -> None:
    world = World("notes-phase3").converge()
    world.configure("R11", "ip route 10.9.9.0 255.255.255.0 192.168.100.99")
    told = now(world, "H1", "10.9.9.9")
    assert "192.168.100.99 has not registered" in told.forth.end.why
    echo(world, "H1", "10.9.9.9", 100, df=False)
    world.run_for(3)
    assert len(errors(world, "H1")) == 1


def test_packets_that_go_round_are_said_to_go_round() -> None:
    world = World("notes-phase3").converge()
    world.configure("R31", "ip route 10.9.9.0 255.255.255.0 192.168.100.11")
    world.configure("R11", "ip route 10.9.9.0 255.255.255.0 192.168.100.31")
    told = now(world, "H3", "10.9.9.9")
    end = told.forth.end
    assert end.outcome is WalkOutcome.LOOP
    assert "R31 > TRANSPORT > R11 > TRANSPORT > R31" in end.why
    assert not any(step.act is Act.REDIRECT for step in told.forth.steps)  # back to where it came from: no detour
    assert "A LOOP at R31" in says(told)
    echo(world, "H3", "10.9.9.9", 100, df=False)
    world.run_for(1)
    assert len(errors(world, "H3")) == 1  # time exceeded


def test_what_its_own_sender_cannot_hear_is_not_said_to_be_told() -> None:
    """The provider has no route to private addresses, and so none for its answer."""
    world = World("notes-phase3").converge()
    told = try_it(world, Ears(world), ("H3", "H4"), 100)
    assert told.forth.end.outcome is WalkOutcome.DELIVERED
    stranger = now(world, "H3", "192.0.2.1")
    assert stranger.forth.end.refusal is None
    assert "no error is sent: TRANSPORT has no route to 10.3.3.100" in says(stranger)
    echo(world, "H3", "192.0.2.1", 100, df=False)
    world.run_for(1)
    assert errors(world, "H3") == []


def test_of_two_spokes_behind_one_address_the_second_has_no_flow_of_gre() -> None:
    world = World("two-spokes-one-nat").converge()
    ends = [now(world, router, "R11").forth.end for router in ("R31", "R32")]
    ((outcome, where, why),) = [(it.outcome, it.where, it.why) for it in ends if it.where != "R11"]
    assert (outcome, where) == (WalkOutcome.DROPPED, "NAT1")
    assert "has the only GRE flow from 172.16.31.1 to 172.16.11.1: GRE has no ports" in why


def test_a_protected_packet_goes_to_where_its_connection_is_and_not_where_nhrp_saw_the_peer() -> None:
    world = World("ipsec-spoke-behind-nat").converge()
    facts = world.sim.facts(world.scenario)
    r11 = facts.routers["R11"]
    assert r11 is not None
    old = IPv4Address("172.16.31.99")
    tunnel = r11.tunnels[0]
    moved = tuple((hop, old, connection) for hop, _, connection in tunnel.adjacencies)
    elsewhere = r11.model_copy(update={"tunnels": (tunnel.model_copy(update={"adjacencies": moved}),)})
    told = walk(facts.model_copy(update={"routers": {**facts.routers, "R11": elsewhere}}), "H1", "H3")
    assert told.forth.end.outcome is WalkOutcome.DELIVERED
    assert old not in [crossing.destination for crossing in told.forth.crossings]


def test_a_server_that_is_itself_unknown_is_not_asked_for_itself() -> None:
    world = World("notes-phase3").converge()
    facts = world.sim.facts(world.scenario)
    r31 = facts.routers["R31"]
    assert r31 is not None
    forgetful = r31.model_copy(
        update={"tunnels": (r31.tunnels[0].model_copy(update={"adjacencies": (), "mappings": ()}),)}
    )
    told = walk(facts.model_copy(update={"routers": {**facts.routers, "R31": forgetful}}), "H3", "H1")
    assert (told.forth.end.where, "there is no next hop server to ask" in told.forth.end.why) == ("R31", True)


def test_a_server_of_the_other_ip_version_is_not_asked() -> None:
    world = World("dual-stack").converge()
    facts = world.sim.facts(world.scenario)
    r31 = facts.routers["R31"]
    assert r31 is not None
    forgetful = r31.model_copy(
        update={"tunnels": (r31.tunnels[0].model_copy(update={"adjacencies": (), "mappings": ()}),)}
    )
    told = walk(facts.model_copy(update={"routers": {**facts.routers, "R31": forgetful}}), "2001:db8:3::100", "H4")
    assert told.forth.end.why == "2001:db8:100::11 has not registered, and there is no next hop server to ask"


def test_the_entry_of_an_ipv6_list_that_drops_a_packet_is_named_with_its_line() -> None:
    world = World("dual-stack").converge()
    lines = ("ipv6 access-list L", "permit tcp any any", "deny udp any any log", "interface GigabitEthernet0/2")
    world.configure("R31", *lines, "ipv6 traffic-filter L in")
    told = walk(world.sim.facts(world.scenario), "2001:db8:3::100", "2001:db8:4::100", service=(17, 5000))
    assert told.forth.end.why == "GigabitEthernet0/2, list L in: entry 20 denies it (deny udp any any log)"


def test_what_comes_in_clear_to_a_protected_tunnel_ends_there() -> None:
    """R31's tunnel is taken for one without protection; its packets are not sent, for nobody may see them."""
    lab = World("ipsec-spoke-behind-nat").converge()
    facts = lab.sim.facts(lab.scenario)
    r41 = facts.routers["R41"]
    assert r41 is not None
    naked = r41.model_copy(update={"tunnels": (r41.tunnels[0].model_copy(update={"protection": ""}),)})
    told = walk(facts.model_copy(update={"routers": {**facts.routers, "R41": naked}}), "H4", "H1")
    assert (told.forth.end.where, told.forth.end.why) == (
        "R11",
        "it came in clear, and its tunnel takes only ESP (Tunnel100)",
    )


# ------------------------------------------------------------------------------------------------ ends


def test_routers_are_ends_too_and_names_stand_for_their_tunnel_addresses() -> None:
    world = World("notes-phase3").converge()
    told = now(world, "R31", "R41")
    asked = told.forth.question
    assert (str(asked.source), str(asked.destination), asked.start) == ("192.168.100.31", "192.168.100.41", "R31")
    assert told.forth.end.outcome is WalkOutcome.DELIVERED
    assert told.forth.end.ttl == 254  # nobody forwards it between the two: the hub does
    assert now(world, "R31", "R31").back is None  # nobody answers himself


def test_an_address_of_a_network_begins_at_its_router() -> None:
    told = now(World("notes-phase3").converge(), "10.3.3.7", "10.4.4.1")
    assert (told.forth.question.start, told.forth.end.where) == ("R31", "R41")


def test_a_walk_may_begin_anywhere() -> None:
    told = now(World("notes-phase3").converge(), "10.3.3.7", "H4", start="R11")
    assert told.forth.question.passes
    assert told.forth.nodes == ("R11", "TRANSPORT", "R41", "H4")


@pytest.mark.parametrize(
    ("source", "destination", "words"),
    [
        ("H9", "H4", "H9: neither an address nor a name; this lab has H1, H3, H4, R11"),
        ("H3", "224.0.0.10", "224.0.0.10 is not the address of one station"),
        ("H3", "2001:db8::1", "H3 has no IPv6 address"),
        ("198.51.100.1", "H4", "no host or router in view has 198.51.100.1, or a network with it: add --from"),
    ],
)
def test_a_walk_that_cannot_be_gone_is_refused_with_what_to_do(source: str, destination: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        now(World("notes-phase3"), source, destination)
    assert words in str(error.value)


def test_one_router_alone_is_walked_as_far_as_it_knows() -> None:
    """As `dmvpn run` has it: no wires, no hosts, nobody else."""
    world = World("notes-phase3").converge()
    lab = world.sim.facts(world.scenario)
    alone = lab.model_copy(update={"routers": {"R31": lab.routers["R31"]}, "links": (), "hosts": {}})
    told = walk(alone, "10.3.3.100", "10.4.4.100")
    assert told.forth.end.outcome is WalkOutcome.UNSEEN
    assert "it leaves by GigabitEthernet0/1 to 172.16.31.2; its other end cannot be seen from here" in says(told)
    assert told.budget.whole == 1400
    assert walk(alone, "198.51.100.7", "10.3.3.100").forth.question.start == "R31"  # where else?
    assert says(walk(alone, "10.3.3.100", "10.3.3.1")).endswith("take the same way, as far as it can be seen")


# ------------------------------------------------------------------------------------------------ reading it


@pytest.mark.parametrize("scenario", ["notes-phase3", "ipsec-both-behind-nat", "ipv6-phase3"])
def test_every_line_fits_a_terminal_of_100_columns(scenario: str) -> None:
    told = now(World(scenario).converge())
    assert max(map(len, as_text(told))) <= 100


def test_the_octets_that_are_left_are_at_the_right_of_the_step_that_takes_them() -> None:
    told = now(World("notes-phase3").converge())
    (line,) = [text for text in as_text(told) if "GRE, key 100" in text][:1]
    assert line.split()[-2:] == ["108", "1372"]
    (quiet,) = [text for text in as_text(told) if "in by GigabitEthernet0/2, TTL 64" in text and "R31" in text]
    assert quiet.endswith("TTL 64")  # the packet is as it was a line before
    ((gre, outer),) = [
        (step, told.forth.steps[number + 1])
        for number, step in enumerate(told.forth.steps)
        if step.act is Act.GRE and step.where == "R31"
    ]
    assert (gre.octets, gre.left, outer.octets, outer.left) == (108, 1372, 128, 1372)


@pytest.mark.parametrize(
    ("scenario", "source"), [("notes-phase3", "H3"), ("ipsec-dual-hub", "H2"), ("ipsec-spoke-behind-nat", "H3")]
)
def test_what_is_left_within_the_tunnel_is_what_a_packet_can_grow_by_until_it_is_sealed(
    scenario: str, source: str
) -> None:
    """Seen: GRE had 72 octets left, and ESP around it 8."""

    def roomy(_: str, text: str) -> str:
        return text.replace(" ip mtu 1400\n", " ip mtu 1500\n")

    lab = (world := World(scenario, change=roomy).converge()).sim.facts(world.scenario)

    def left(size: int, act: Act) -> int:
        steps = walk(lab, source, "H1", size=size).forth.steps
        return next(step.left for step in steps if step.act is act and step.left is not None)

    grows = left(1300, Act.GRE)
    assert left(1300 + grows, Act.GRE) == 0
    assert left(1300 + grows, Act.OUTER) >= 0
    assert left(1300 + grows + 1, Act.OUTER) < 0


def test_tcp_is_told_what_fits() -> None:
    told = now(World("notes-phase3").converge())
    assert told.budget.mss == 1360
    assert "TCP: segments of 1360, because of Tunnel100 of R31" in says(told)
    unclamped = World("notes-phase3", change=lambda _, text: text.replace(" ip tcp adjust-mss 1360\n", ""))
    assert "TCP: segments of 1460; no router clamps them" in says(now(unclamped.converge()))


def test_programs_get_the_same_as_json() -> None:
    told = now(World("ipsec-spoke-behind-nat").converge())
    read = json.loads(as_json(told))
    assert read["forth"]["end"]["outcome"] == "delivered"
    assert read["budget"]["whole"] == 1400
    assert {crossing["protocol"] for crossing in read["forth"]["crossings"]} >= {"IP", "UDP 4500"}
    assert [step["what"] for step in read["forth"]["steps"]] == [step.what for step in told.forth.steps]


def test_no_key_is_in_a_walk() -> None:
    world = World("ipsec-spoke-behind-nat").converge()
    assert "Demo-Key-1" not in as_json(now(world)) + says(now(world))


def customers() -> LabFacts:
    """Two customers with equal addresses, each in a VRF."""
    world = World("two-customers").converge()
    return world.sim.facts(world.scenario)


def test_hosts_with_equal_addresses_in_different_vrfs_are_told_apart_by_their_names() -> None:
    """A walk from BLUE1 began at RED1, which has the same address."""
    facts = customers()
    found = walk(facts, "BLUE1", "BLUE2")
    assert (found.forth.nodes[0], found.forth.nodes[-1]) == ("BLUE1", "BLUE2")
    assert found.back is not None
    assert found.back.nodes[-1] == "BLUE1"
    astray = walk(facts, "RED1", "BLUE2").forth
    assert astray.nodes[-1] == "RED2"
    assert astray.steps[-1].what.startswith("has 10.0.2.100 (BLUE2, which has the same address, is not reached)")
    with pytest.raises(UserError, match=r"10\.0\.1\.100 is the address of RED1 and of BLUE1: say which"):
        walk(facts, "10.0.1.100", "BLUE2")


def test_a_host_that_waits_for_a_lease_says_so() -> None:
    """The walk said that it has no gateway for destinations off its wire."""
    found = infer(
        {
            "R1": "hostname R1\nip dhcp pool LAN\n network 10.0.1.0 255.255.255.0\ninterface Ethernet0/0\n"
            " ip address 10.0.1.1 255.255.255.0\nno service dhcp\n"
        }
    )
    world = World.of(Scenario("unleased", found.lab, found.configurations))
    world.run_for(10.0)
    steps = walk(world.sim.facts(world.scenario), "H1", "192.0.2.1").forth.steps
    assert steps[-1].what == "dropped: H1 has no IPv4 address: no DHCP server has leased it one; dmvpn doctor says why"


def test_a_router_asks_for_a_host_in_the_vrf_of_the_host() -> None:
    """It sent by its global table, to the provider."""
    found = walk(customers(), "SPOKE1", "RED2").forth
    assert (str(found.question.source), found.nodes[-1]) == ("10.255.0.11", "RED2")
