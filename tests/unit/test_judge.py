"""Faults as values and as text, and the schedules that a seed makes of them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import UserError, fault_text, named
from dmvpn.base.protection import EspCipher, EspSa, EspTransform
from dmvpn.dataplane.esp.table import SaTable
from dmvpn.judge import faults
from dmvpn.judge.anatomy import Anatomy, ClearWatch, OspfTimes, protected_keys
from dmvpn.judge.bounds import table
from dmvpn.judge.campaigns import Order, orders
from dmvpn.judge.faults import Fault, dumps, from_json, random_faults, to_json
from dmvpn.judge.injector import Injector
from dmvpn.judge.judge import GRACE, Judge
from dmvpn.judge.traffic import Mark, SealedMarks, Traffic
from dmvpn.judge.variants import fitting, vary
from dmvpn.net import gre, ip
from dmvpn.net import ip as udp
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol, Ipv4Flag, Ipv4Packet
from dmvpn.net.ipv6 import Ipv6Packet
from dmvpn.network.lines import after
from dmvpn.network.overlay import TunnelSeat, customers
from dmvpn.shells.lab.badness import FILTERS, Badness, ip_packet
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.tools.render.table import parse
from dmvpn.tools.troubles import TROUBLES, trouble
from dmvpn.tools.troubles.faults import draw, draw_story, places
from dmvpn.tools.troubles.faults import fault as fault_of
from dmvpn.tools.troubles.faults import faults as troubles_of
from dmvpn.tools.troubles.model import Role
from dmvpn.tools.troubles.orders import Type
from dmvpn.tools.troubles.plans import table_of
from dmvpn.tools.troubles.stage import Stage
from support.texts import file_text

if TYPE_CHECKING:
    from dmvpn.shells.lab.control import Json

EXAMPLES: list[Fault] = [
    faults.Kill(at=1.0, seconds=2.0, router="R11"),
    faults.Restart(at=1.0, seconds=2.0, router="R11"),
    faults.LinkDown(at=1.0, seconds=2.0, router="R31"),
    faults.Cut(at=1.0, seconds=2.0, router="R31"),
    faults.Partition(at=1.0, seconds=2.0, one="R31", other="R41", one_way=True),
    faults.Impair(at=1.0, seconds=2.0, router="R31", loss=0.3, duplicate=0.1, jitter=0.02),
    faults.Renumber(at=1.0, router="R31", network=7),
    faults.Rebind(at=1.0, router="R31"),
    faults.ClockStep(at=1.0, router="R31", step=-3600.0),
    faults.Clear(at=1.0, router="R31", what="session static"),
    faults.Purges(at=1.0, router="R11", pretended="R31", count=4),
    faults.Malformed(at=1.0, router="R11", pretended="R31", count=4),
]


@pytest.mark.parametrize("fault", EXAMPLES, ids=lambda fault: fault.KIND)
def test_every_kind_of_fault_survives_the_way_through_its_text(fault: Fault) -> None:
    assert from_json(to_json(fault)) == fault


def test_there_is_an_example_of_every_kind() -> None:
    assert {fault.KIND for fault in EXAMPLES} == set(faults.KINDS)


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ({"kind": "flood", "at": 1.0}, "its kind is one of kill"),
        ({"kind": "kill", "at": 1.0}, "router"),
        ({"kind": "kill", "at": "soon", "router": "R11"}, "at cannot be 'soon'"),
        ({"kind": "kill", "at": -1.0, "router": "R11"}, "not negative"),
        ({"kind": "kill", "at": 1.0, "router": "R11", "loss": 0.5}, "no 'loss'"),
        ("kill", "not a fault"),
    ],
)
def test_a_fault_that_cannot_be_read_says_why(raw: object, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        from_json(raw)


def test_an_order_survives_the_way_through_its_text() -> None:
    order = Order(scenario="notes-phase3", variants=("static",), seed=7, seconds=60.0, faults=tuple(EXAMPLES), why="so")
    assert Order.from_json(order.to_json()) == order


def schedule(seed: int, seconds: float = 3600.0) -> tuple[Fault, ...]:
    scenario = Scenario.load("notes-phase3")
    world = Simulator.of(scenario)
    anatomy = Anatomy.of(world, scenario)
    injector = Injector(world, scenario, anatomy, SeededEntropy(1))
    return random_faults(anatomy, injector.abilities(), SeededEntropy(seed), seconds)


def test_the_same_seed_is_the_same_misfortune_and_another_one_is_another() -> None:
    assert dumps(schedule(1)) == dumps(schedule(1)) != dumps(schedule(2))


def test_random_faults_are_over_in_time_and_a_router_has_one_at_a_time() -> None:
    found = schedule(3, 7200.0)
    assert len(found) > 20
    assert max(fault.end for fault in found) < 7200.0
    for fault in found:
        later = [other for other in found if other.at > fault.at and set(other.places) & set(fault.places)]
        assert all(other.at >= fault.end for other in later)


def test_a_spoke_is_the_edge_and_a_hub_the_way_between_two() -> None:
    scenario = Scenario.load("notes-phase3")
    anatomy = Anatomy.of(Simulator.of(scenario), scenario)
    assert (anatomy.hubs, anatomy.spokes) == (("R11",), ("R31", "R41"))
    assert anatomy.connected("R31", "R41", frozenset(), frozenset())
    assert not anatomy.connected("R31", "R41", frozenset({"R11"}), frozenset())
    assert not anatomy.connected("R31", "R41", frozenset(), frozenset({("R11", "R31")}))


def test_a_dual_hub_network_has_a_way_when_one_hub_is_dead() -> None:
    scenario = Scenario.load("dual-hub")
    anatomy = Anatomy.of(Simulator.of(scenario), scenario)
    assert anatomy.connected("SPOKE1", "CORE", frozenset({"HUB1"}), frozenset())
    assert not anatomy.connected("SPOKE1", "CORE", frozenset({"HUB1", "HUB2"}), frozenset())


def test_the_judge_grants_the_timers_of_routing_in_ipv6_too() -> None:
    scenario = Scenario.load("ipv6-only")
    assert Anatomy.of(Simulator.of(scenario), scenario).igp
    texts = {
        name: after(text, ["interface Tunnel100", "ipv6 ospf 1 area 0", "ipv6 ospf hello-interval 7"])
        if scenario.role(name) != "provider"
        else text
        for name, text in scenario.configurations.items()
    }
    scenario = Scenario("ospf", scenario.lab, texts)
    assert Anatomy.of(Simulator.of(scenario), scenario).ospf == OspfTimes(hello=7, dead=28, election=0)


@pytest.mark.parametrize("name", ["notes-phase1", "notes-phase3"])
def test_variants_change_what_they_say(name: str) -> None:
    scenario = Scenario.load(name)
    assert fitting(scenario) == ("static", "no-unique", "short", "if-state", "protected", "protected-v1", "filtered")
    texts = vary(scenario, ("static", "no-unique", "short", "if-state")).configurations
    assert all("router eigrp" not in text for text in texts.values())
    assert " ip nhrp registration no-unique\n" in texts["R31"]
    assert " ip nhrp holdtime 90\n" in texts["R11"]
    assert " if-state nhrp\n" in texts["R31"]
    assert "ip route 10.3.3.0 255.255.255.0 192.168.100.31\n" in texts["R11"]
    assert "ip route 10.4.4.0 255.255.255.0 192.168.100.11\n" in texts["R31"]
    for variant, key in (("protected", "crypto ikev2 keyring"), ("protected-v1", "crypto isakmp key")):
        protected = vary(scenario, (variant,)).configurations["R31"]
        assert key in protected
        assert " tunnel protection ipsec profile " in protected
    assert " ip access-group " in vary(scenario, ("filtered",)).configurations["R31"]


def test_a_variant_that_does_not_exist_or_fit_is_refused() -> None:
    with pytest.raises(UserError, match="no variant 'fast'"):
        vary(Scenario.load("notes-phase3"), ("fast",))
    with pytest.raises(UserError, match="does not fit"):
        vary(Scenario.load("dual-hub"), ("static",))


@pytest.mark.lengthy
def test_a_campaign_plans_as_many_router_hours_as_it_was_asked_for_with_a_seed_for_each_run() -> None:
    chosen = orders(30.0, 1.0, seed=100)
    assert [order.seed for order in chosen] == list(range(100, 100 + len(chosen)))
    assert 30.0 <= sum(len(Scenario.load(order.scenario).configurations) - 1 for order in chosen) < 40.0


def test_the_bounds_in_the_documentation_are_those_that_the_judge_has() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "bounds.md"
    assert table() in page.read_text()


# Nothing in clear: what the watcher of the simulated wires complains of, and what it leaves alone.

HERE, THERE = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")
CONFIGURATION = file_text("judge_configuration.cfg")


def outer(protocol: int, payload: bytes) -> bytes:
    return ip.build(source=HERE, destination=THERE, protocol=protocol, payload=payload)


def greeting(key: int | None) -> bytes:
    return gre.header_of(gre.ProtocolType.NHRP, key).serialize(bytes(20))


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (CONFIGURATION, [100]),
        (CONFIGURATION.replace(" tunnel key 100\n", ""), [None]),
        (CONFIGURATION.replace("profile DMVPN", "profile DMVPN shared"), [100]),
        (CONFIGURATION.replace(" tunnel protection ipsec profile DMVPN\n", ""), []),
    ],
)
def test_what_a_configuration_protects_is_known_by_the_key_of_its_gre_packets(text: str, keys: list[int]) -> None:
    assert list(protected_keys(text)) == keys


@pytest.mark.parametrize(
    ("sender", "packet", "wrong"),
    [
        ("R1", outer(IpProtocol.GRE, greeting(100)), True),
        ("R1", outer(IpProtocol.GRE, greeting(200)), False),
        ("R1", outer(IpProtocol.ESP, greeting(100)), False),
        ("R1", outer(IpProtocol.UDP, udp.without_checksum(4500, 4500, greeting(100))), False),
        ("TRANSPORT", outer(IpProtocol.GRE, greeting(100)), False),  # it was seen when it left R1
    ],
)
def test_only_gre_of_a_protected_tunnel_is_complained_of(sender: str, packet: bytes, wrong: bool) -> None:
    watch = ClearWatch({"R1": CONFIGURATION, "TRANSPORT": "hostname TRANSPORT\n"})
    complaint = watch.complaint(sender, "GigabitEthernet0/1", packet)
    assert (complaint is not None) == wrong
    if complaint is not None:
        assert "from 192.0.2.1 to 192.0.2.2" in complaint


TWO_DOORS = file_text("judge_two_doors.cfg")


def test_a_tunnel_in_clear_may_have_the_key_of_a_protected_one_in_another_front_door() -> None:
    watch = ClearWatch({"R1": TWO_DOORS})
    wrong = {port: watch.complaint("R1", f"GigabitEthernet0/{port}", outer(47, greeting(7))) for port in (1, 2, 3)}
    assert [port for port, complaint in wrong.items() if complaint is not None] == [1, 3]


@pytest.mark.parametrize("port", [0, 4500, 1025])
def test_the_judge_knows_a_packet_of_a_flow_inside_esp_by_what_the_plane_said(port: int) -> None:
    sa = EspSa(
        connection=1,
        spi_in=0x1000,
        spi_out=0x2000,
        transform=EspTransform(EspCipher.AES_GCM, 128),
        key_in=bytes(20),
        key_out=bytes(20),
        local=HERE,
        remote=THERE,
    )
    table = SaTable()
    table.install(sa, eager=True)
    link = table.between(table.doors.number(HERE, ""), THERE.packed)
    assert link is not None
    flow = outer(IpProtocol.UDP, b"\x00\x07\x00\x07\x00\x12\x00\x00" + b"\x1ddMv\x00\x03\x00\x00\x00\x09")
    message = gre.header_of(gre.ProtocolType.IPV4, 100).serialize(flow)
    sealed = link.current.seal(message, IpProtocol.GRE)
    assert sealed is not None
    marks = SealedMarks()
    packet = outer(IpProtocol.UDP, udp.without_checksum(4500, port, sealed)) if port else outer(IpProtocol.ESP, sealed)
    assert marks.mark_of(packet) is None
    marks.note(message, sealed, 1.0)
    assert marks.mark_of(packet) == Mark(3, 9)
    assert marks.mark_of(outer(IpProtocol.GRE, message)) == Mark(3, 9), "one in clear is known, too"


# What a filter on a wire takes away, packet by packet; and what an order for it says.

NEAR, FAR = IPv4Address("192.0.2.1"), IPv4Address("198.51.100.1")


def packet(protocol: int, payload: bytes = bytes(64)) -> Ipv4Packet:
    return Ipv4Packet(source=NEAR, destination=FAR, protocol=protocol, payload=payload)


def udp_of(source: int, destination: int, length: int = 64) -> Ipv4Packet:
    datagram = UdpDatagram(source_port=source, destination_port=destination, payload=bytes(length))
    return packet(IpProtocol.UDP, datagram.serialize(NEAR, FAR))


PIECES = [piece.serialize() for piece in udp_of(4500, 4500, length=3000).fragments(1500)]
PACKETS = {
    "GRE": packet(IpProtocol.GRE).serialize(),
    "ESP": packet(IpProtocol.ESP).serialize(),
    "ICMP": packet(IpProtocol.ICMP).serialize(),
    "TCP": packet(IpProtocol.TCP).serialize(),
    "IKE": udp_of(500, 500).serialize(),
    "IKE from a translated port": udp_of(30_000, 500).serialize(),
    "an answer to a translated port": udp_of(500, 30_000).serialize(),
    "ESP in UDP": udp_of(4500, 4500).serialize(),
    "UDP else": udp_of(5000, 45_000).serialize(),
    "the first piece": PIECES[0],
    "a later piece": PIECES[1],
    "the last piece": PIECES[-1],
    "nothing": b"",
    "IPv6": bytes([0x60]) + bytes(60),
}
BLOCKED = {
    "gre": ["GRE"],
    "esp": ["ESP"],
    "icmp": ["ICMP"],
    "udp-500": ["IKE", "IKE from a translated port", "an answer to a translated port"],
    "udp-4500": ["ESP in UDP", "the first piece"],
    "fragments": ["the first piece", "a later piece", "the last piece"],
}


def test_there_are_three_pieces() -> None:
    assert len(PIECES) == 3


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_takes_its_kind_and_nothing_else(name: str) -> None:
    badness = Badness(block=(name,))
    assert [what for what, octets in PACKETS.items() if badness.blocks(octets)] == BLOCKED[name]


def test_a_packet_that_must_not_be_cut_is_no_piece() -> None:
    whole = Ipv4Packet(
        source=NEAR, destination=FAR, protocol=IpProtocol.GRE, payload=bytes(8), flags=Ipv4Flag.DONT_FRAGMENT
    )
    assert not Badness(block=("fragments",)).blocks(whole.serialize())


def test_ports_are_found_behind_options() -> None:
    datagram = UdpDatagram(source_port=500, destination_port=500, payload=b"").serialize(NEAR, FAR)
    long = Ipv4Packet(
        source=NEAR, destination=FAR, protocol=IpProtocol.UDP, payload=datagram, options=b"\x01\x01\x01\x00"
    )
    assert Badness(block=("udp-500",)).blocks(long.serialize())


def test_several_kinds_may_be_blocked_at_once() -> None:
    badness = Badness(block=("esp", "udp-4500"))
    assert [what for what, octets in PACKETS.items() if badness.blocks(octets)] == [
        "ESP",
        "ESP in UDP",
        "the first piece",
    ]


def packet6(next_header: int, payload: bytes = bytes(64)) -> Ipv6Packet:
    near, far = IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2")
    return Ipv6Packet(source=near, destination=far, next_header=next_header, payload=payload)


PIECES6 = [piece.serialize() for piece in packet6(IpProtocol.UDP, b"\x11\x94" * 2 + bytes(3000)).fragments(1500, 7)]
PACKETS6 = {
    "GRE": packet6(IpProtocol.GRE).serialize(),
    "ESP": packet6(IpProtocol.ESP).serialize(),
    "TCP": packet6(IpProtocol.TCP).serialize(),
    "ICMP, an echo": packet6(IpProtocol.ICMPV6, b"\x80" + bytes(7)).serialize(),
    "ICMP, packet too big": packet6(IpProtocol.ICMPV6, b"\x02" + bytes(7)).serialize(),
    "ICMP, a neighbor's address": packet6(IpProtocol.ICMPV6, b"\x87" + bytes(23)).serialize(),
    "IKE": packet6(IpProtocol.UDP, b"\x01\xf4" * 2 + bytes(4)).serialize(),
    "the first piece": PIECES6[0],
    "a later piece": PIECES6[1],
    "cut short": packet6(IpProtocol.ICMPV6, b"\x80").serialize()[:39],
}


@pytest.mark.parametrize(
    ("name", "blocked"),
    [
        ("gre", ["GRE"]),
        ("esp", ["ESP"]),
        ("icmp", ["ICMP, an echo", "ICMP, packet too big"]),  # neighbors are found without ARP, which no filter takes
        ("udp-500", ["IKE"]),
        ("udp-4500", ["the first piece"]),
        ("fragments", ["the first piece", "a later piece"]),
    ],
)
def test_a_filter_takes_its_kind_of_ipv6_too(name: str, blocked: list[str]) -> None:
    """Seen: a wire of a LAN with IPv6 was to drop ICMP, and pings passed."""
    badness = Badness(block=(name,))
    assert [what for what, octets in PACKETS6.items() if badness.blocks(octets)] == blocked
    assert [what for what, octets in PACKETS6.items() if badness.blocks(memoryview(octets))] == blocked


BEFORE6 = {
    "options for each hop": (0, b""),
    "routing": (43, b""),
    "options for the destination": (60, b""),
    "options for each hop and a fragment": (0, bytes((44, 0, 1, 4, 0, 0, 0, 0))),
    "a fragment and options for the destination": (44, bytes((60, 0, 0, 1, 0, 0, 0, 7))),
}


@pytest.mark.parametrize("before", BEFORE6)
@pytest.mark.parametrize(
    ("name", "protocol", "payload", "is_blocked"),
    [
        ("gre", IpProtocol.GRE, bytes(64), True),
        ("esp", IpProtocol.ESP, bytes(64), True),
        ("udp-500", IpProtocol.UDP, b"\x01\xf4" * 2 + bytes(4), True),
        ("udp-4500", IpProtocol.UDP, b"\x01\xf4" * 2 + bytes(4), False),
        ("icmp", IpProtocol.ICMPV6, b"\x80" + bytes(7), True),
        ("icmp", IpProtocol.ICMPV6, b"\x8f" + bytes(7), False),  # groups serve the link
    ],
)
def test_a_filter_looks_behind_the_headers_before_the_one_that_it_is_about(
    before: str, name: str, protocol: int, payload: bytes, is_blocked: bool
) -> None:
    """RFC 8200 §4.1. A packet that is cut anywhere harms nothing."""
    first, more = BEFORE6[before]
    octets = packet6(first, more + bytes((protocol, 0, 0, 1, 0, 0, 0, 7)) + payload).serialize()
    assert Badness(block=(name,)).blocks(octets) == is_blocked
    assert Badness(block=("fragments",)).blocks(octets) == ("fragment" in before)
    for length in range(len(octets)):
        Badness(block=(name,)).blocks(octets[:length])


@pytest.mark.parametrize(
    ("frame", "is_ip"),
    [
        (bytes(12) + b"\x08\x00", True),
        (bytes(12) + b"\x86\xdd", True),
        (bytes(12) + b"\x08\x06", False),
        (b"", False),
    ],
)
def test_only_frames_of_ip_have_something_to_look_at(frame: bytes, is_ip: bool) -> None:
    assert bool(ip_packet(frame + PACKETS["GRE"])) == is_ip


def test_an_order_says_what_a_wire_is_like_and_is_read_as_it_was_meant() -> None:
    badness = Badness(delay=5.0, loss=2.0, block=("esp", "fragments"), sender="R31")
    assert Badness.read({"do": "impair", "link": "R31:Gi0/1", "hidden": True, **badness.request()}) == badness
    assert badness.particulars == (
        "delay 5 from R31",
        "loss 2 from R31",
        "block esp from R31",
        "block fragments from R31",
    )


def test_one_way_concerns_the_named_sender_alone() -> None:
    assert [Badness(sender="R31").concerns(name) for name in ("R31", "R11")] == [True, False]
    assert Badness().concerns("R11")
    assert Badness(sender="R31").harmless
    assert not Badness(sender="R31", loss=1.0).harmless


@pytest.mark.parametrize("block", ["esp", ["ospf"], [1]])
def test_what_cannot_be_blocked_is_refused_with_what_can(block: Json) -> None:
    with pytest.raises(UserError, match="gre, esp, udp-500, udp-4500, fragments, icmp"):
        Badness.read({"do": "impair", "block": block})


# Faults: troubles at all places of a network, lines that nobody listed, networks from a seed.

DUAL = Stage.of(Scenario.load("dual-hub"))


def test_every_spoke_and_every_hub_has_its_turn() -> None:
    found = list(troubles_of([trouble("tunnel-key")], DUAL))
    assert {one.stage.parts[Role.SPOKE] for one in found} == {"SPOKE1", "SPOKE2", "HUB1", "HUB2"}
    assert [order.router for one in found for order in one.orders if isinstance(order, Type)] == [
        one.stage.parts[Role.SPOKE] for one in found
    ]


def test_a_hub_does_not_play_the_spoke_where_another_router_is_meant() -> None:
    assert fault_of(trouble("nhs-nbma"), list(places(DUAL))[-1]) is None


def test_the_second_server_is_the_one_of_the_place() -> None:
    second = DUAL.cast("HUB2", "SPOKE2", "SPOKE1")
    (order,) = fault_of(trouble("second-server-missing"), second).orders  # type: ignore[union-attr]
    assert order.router == "SPOKE2"  # type: ignore[union-attr]
    assert any("10.255.0.2" in line for line in order.lines)  # type: ignore[union-attr]


def test_a_seed_draws_the_same_fault_again_and_others_draw_others() -> None:
    drawn = [draw(TROUBLES, DUAL, SeededEntropy(seed)).id for seed in range(40)]
    assert drawn == [draw(TROUBLES, DUAL, SeededEntropy(seed)).id for seed in range(40)]
    assert len(set(drawn)) > 30
    assert any(name.startswith("line-") for name in drawn)


def test_what_is_told_happens_to_a_spoke_and_is_noticed() -> None:
    for seed in range(40):
        found = draw_story(TROUBLES, DUAL, SeededEntropy(seed))
        assert found.trouble.noticed
        assert found.stage.parts[Role.SPOKE] in DUAL.spokes


@pytest.mark.parametrize("seed", range(60))
def test_a_network_from_a_seed_is_a_table_that_can_be_read(seed: int) -> None:
    table, _ = parse(table_of(SeededEntropy(seed), 8), "sites.yaml")
    assert len(table.spokes) >= 2
    assert len(table.hubs) + len(table.spokes) <= 8


# How long a spoke may need to register again: that depends on how long its own server was away.

AWAY = faults.Partition(at=0.0, seconds=210.0, one="SPOKE1", other="HUB2")
LATE = faults.Kill(at=200.0, seconds=400.0, router="HUB1")
SHORT = faults.Kill(at=200.0, seconds=5.0, router="HUB1")
#: HUB2 dies while SPOKE1 cannot reach it, and is back when it can.
DEAD_TOO = faults.Kill(at=200.0, seconds=12.0, router="HUB2")
#: SPOKE2 has waited for HUB2 for ten seconds, whatever SPOKE1 has.
ANOTHER = faults.Partition(at=200.0, seconds=10.0, one="SPOKE2", other="HUB2")


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("happens", "spoke", "back", "after", "broken"),
    [
        pytest.param((AWAY, LATE), "SPOKE1", 210.0, 80.0, set[str](), id="the other hub dies late"),
        pytest.param((AWAY, LATE), "SPOKE1", 210.0, 90.0, {"black hole"}, id="and it takes too long"),
        pytest.param((AWAY, SHORT), "SPOKE1", 205.0, 15.0, set[str](), id="the other hub dies for a moment"),
        pytest.param((AWAY, SHORT), "SPOKE1", 205.0, 40.0, {"black hole"}, id="and that takes too long"),
        pytest.param((AWAY, DEAD_TOO), "SPOKE1", 212.0, 84.0, set[str](), id="the hub that is away dies, too"),
        pytest.param((AWAY, DEAD_TOO), "SPOKE1", 212.0, 90.0, {"black hole"}, id="and it takes too long then"),
        pytest.param((AWAY, ANOTHER), "SPOKE2", 210.0, 40.0, {"black hole"}, id="another spoke has waited longer"),
    ],
)
def test_a_registration_may_take_as_long_as_its_own_server_was_away(
    happens: tuple[faults.Fault, ...], spoke: str, back: float, after: float, broken: set[str]
) -> None:
    scenario = Scenario.load("dual-hub")
    world = Simulator.of(scenario)
    anatomy = Anatomy.of(world, scenario)
    traffic = Traffic(world, scenario, anatomy, SeededEntropy("1"))
    judge = Judge(world, anatomy, traffic, 0.0)
    flow = next(one for one in traffic.flows if set(one.sites) == {spoke, "CORE"})
    moments = [(one.at, judge.begins, one) for one in happens] + [(one.end, judge.ends, one) for one in happens]
    for at, act, fault in sorted(moments, key=lambda moment: moment[0]):
        if at <= back:
            world.run_for(at - world.now)
            act(fault)
    world.run_for(back + after - world.now)
    flow.sent[10_000] = world.now
    world.run_for(GRACE + 1.0)
    judge.review()
    assert {violation.rule for violation in judge.violations} == broken


# Which tables are of one customer: their LANs should reach each other.

ONE, TWO = ip_network("10.255.1.0/24"), ip_network("10.255.2.0/24")


def test_global_tables_of_customers_own_routers_are_of_the_customers_whose_clouds_they_are_in() -> None:
    """The doctor missed packets between two customers, each with routers of its own."""
    seats = [
        TunnelSeat(("HUB", "RED"), ONE, 1),
        TunnelSeat(("HUB", "BLUE"), TWO, 2),
        *(TunnelSeat((name, ""), ONE, 1) for name in ("RED1", "RED2")),
        *(TunnelSeat((name, ""), TWO, 2) for name in ("BLUE1", "BLUE2")),
    ]
    found = customers([seat.table for seat in seats], seats)
    assert [name for (name, _), customer in found.items() if customer == "RED"] == ["HUB", "RED1", "RED2"]
    assert [name for (name, _), customer in found.items() if customer == "BLUE"] == ["HUB", "BLUE1", "BLUE2"]


def test_global_tables_of_one_network_stay_together_where_one_router_has_the_cloud_in_a_vrf() -> None:
    seats = [TunnelSeat(("HUB", "INSIDE"), ONE, 1), TunnelSeat(("S1", ""), ONE, 1), TunnelSeat(("S2", ""), ONE, 1)]
    found = customers([*(seat.table for seat in seats), ("CORE", "")], seats)
    assert {found["S1", ""], found["S2", ""], found["CORE", ""]} == {""}


def test_a_router_whose_global_table_is_in_the_clouds_of_two_customers_is_of_neither() -> None:
    seats = [
        TunnelSeat(("HUB", "RED"), ONE, 1),
        TunnelSeat(("HUB", "BLUE"), TWO, 2),
        TunnelSeat(("RED1", ""), ONE, 1),
        TunnelSeat(("BLUE1", ""), TWO, 2),
        TunnelSeat(("NOC", ""), ONE, 1),
        TunnelSeat(("NOC", ""), TWO, 2),
    ]
    found = customers([seat.table for seat in seats], seats)
    assert (found["RED1", ""], found["BLUE1", ""], found["NOC", ""]) == ("RED", "BLUE", "")


# Who talks directly must lose nothing when a hub dies; who was silent, and only did so before, is owed no more.


@pytest.mark.parametrize(("silent_before", "broken"), [(False, {"direct path"}), (True, set[str]())])
def test_a_conversation_that_was_silent_is_direct_only_when_its_packets_are_again(
    silent_before: bool, broken: set[str]
) -> None:
    scenario = Scenario.load("notes-phase3")
    world = Simulator.of(scenario)
    anatomy = Anatomy.of(world, scenario)
    traffic = Traffic(world, scenario, anatomy, SeededEntropy("1"))
    judge = Judge(world, anatomy, traffic, 0.0)
    spokes = [flow for flow in traffic.flows if set(flow.sites) == {"R31", "R41"}]
    world.run_for(30.0)
    for flow in spokes:
        flow.talking_since, flow.direct = world.now, 5
        if silent_before:
            traffic.started(flow)
    judge.begins(faults.Kill(at=30.0, seconds=60.0, router="R11"))
    for flow in spokes:
        flow.sent[10_000] = world.now
    world.run_for(GRACE + 1.0)
    judge.review()
    assert {violation.rule for violation in judge.violations} == broken


# What a line about a fault of ours says.


def test_a_fault_is_named_by_the_type_and_message_of_its_exception_and_says_what_to_do() -> None:
    """`internal fault while handling ConfigurationEntered(...)` was all that `dmvpn run --plan` said."""
    assert fault_text(FileNotFoundError(2, "No such file or directory", "/x"), "handling Tick()") == (
        "internal fault while handling Tick(): FileNotFoundError: [Errno 2] No such file or directory: '/x'; "
        "report it with the traceback that the log of this program has"
    )
    assert fault_text(AssertionError(), "waiting").startswith("internal fault while waiting: AssertionError; report it")


def test_a_message_of_many_lines_with_control_characters_becomes_one_short_line_of_text() -> None:
    said = named(ValueError("first\n\tsecond \x1b[31m" + "x" * 10_000))
    assert said.startswith("ValueError: first second ?[31mxxx")
    assert said.isprintable()
    assert len(said) < 500
