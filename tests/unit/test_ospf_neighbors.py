"""Neighbors that restart gracefully are helped, RFC 3623 §3; opaque advertisements, by which they say so: RFC 5250."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base import events
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import SendIp
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import WireError
from dmvpn.features.ospf import FEATURE as OSPF
from dmvpn.features.ospf.adjacency import Grace
from dmvpn.features.ospf.interface import Neighbor, OspfInterface
from dmvpn.features.ospf.lsa import MAX_AGE, ExternalBody, Lsa, LsaKey, LsaType, UnknownBody
from dmvpn.features.ospf.machine import OspfMachine
from dmvpn.features.ospf.output import PROTOCOL
from dmvpn.features.ospf.packet import Description, DescriptionFlag, LinkStateUpdate, OspfPacket
from dmvpn.features.ospf.spf import SLICE, Slices
from dmvpn.router.router import Router
from support.ospf_net import OspfNet
from support.routing import GI1, make
from support.texts import file_text
from support.work import alive, uncollected
from support.workbench import Workbench, of_type

PERIOD, REASON = bytes.fromhex("00010004 0000003c"), bytes.fromhex("00020001 01000000")
TWO = IPv4Address("10.0.0.2")


def line(more: str = "") -> OspfNet:
    """1 - 2 - 3, wires between them; router 1 has more lines."""
    net = OspfNet(3, [(1, 2), (2, 3)])
    net.run_for(10)
    if more:
        net.enter(1, f"router ospf 1\n{more}")
    return net


def tells(net: OspfNet, lsa: Lsa) -> None:
    """Router 2 tells router 1 something."""
    packet = OspfPacket(router=TWO, area=IPv4Address(0), content=LinkStateUpdate((lsa,))).serialize()
    event = events.IpReceived("Ethernet0/2", IPv4Address("10.1.2.2"), IPv4Address("224.0.0.5"), PROTOCOL, packet, 1)
    net.deliver(1, event)


def grace(*, age: int = 0, sequence: int = 1, tlvs: bytes = PERIOD + REASON, identifier: str = "3.0.0.0") -> Lsa:
    key = LsaKey(LsaType.OPAQUE_LINK, IPv4Address(identifier), TWO)
    return Lsa.make(key, UnknownBody(tlvs), sequence=sequence, options=0x42, age=age)


def silence(net: OspfNet, seconds: float) -> None:
    """Router 2 is not heard by router 1."""
    net.cut.add((1, 2))
    net.run_for(seconds)


def is_there(net: OspfNet) -> bool:
    """Does router 1 lead packets to router 3 by router 2?"""
    return 3 in net.found(1)


@pytest.mark.conforms("ospf:3623-a")
@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        ("00010004 0000003c 00020001 01000000 00030004 0a010202", Grace(60, 1, IPv4Address("10.1.2.2"))),
        ("00010004 0000003c", Grace(60)),
        ("00020001 03000000 7fff0003 01020300 00010004 00000708", Grace(1800, 3)),
    ],
)
def test_what_a_grace_lsa_says(octets: str, expected: Grace) -> None:
    assert Grace.parse(bytes.fromhex(octets)) == expected


@pytest.mark.parametrize("octets", ["", "0001", "00010004 0000", "00010002 003c0000", "00020001 01000000"])
def test_a_grace_lsa_without_a_period_says_nothing(octets: str) -> None:
    with pytest.raises(WireError):
        Grace.parse(bytes.fromhex(octets))


@pytest.mark.conforms("ospf:3623-3.1-helps")
def test_a_neighbor_that_restarts_gracefully_may_be_silent_for_its_grace_period() -> None:
    net = line()
    tells(net, grace())
    silence(net, 50)
    assert is_there(net)
    assert "    It restarts gracefully, and is helped for 10 more seconds" in net.routers[1].show(
        "show ip ospf neighbor detail"
    )
    net.run_for(12)
    assert not is_there(net)
    logs = [each for each in net.routers[1].logs if "NSFHELPER" in each]
    head = "%OSPF-5-NSFHELPER: Process 1, Nbr 10.0.0.2 on Ethernet0/2"
    assert logs == [
        f"{head} restarts gracefully, and is helped for 60 seconds",
        f"{head} is helped no longer: its time is over",
    ]


@pytest.mark.conforms("ospf:3623-3.2-back")
def test_when_it_takes_its_grace_lsa_back_it_is_a_neighbor_like_others() -> None:
    net = line()
    tells(net, grace())
    tells(net, grace(age=MAX_AGE))
    assert is_there(net)
    silence(net, 10)
    assert not is_there(net)
    assert any("is helped no longer: it is back" in each for each in net.routers[1].logs)


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("lsa", "lines"),
    [
        (grace(), " nsf ietf helper disable\n"),
        (grace(age=60), ""),
        (grace(tlvs=REASON), ""),
        (grace(identifier="4.0.0.0"), ""),
        (grace(tlvs=PERIOD + bytes.fromhex("00030004 0a010203")), ""),
    ],
    ids=["not configured", "late", "no period", "another opaque type", "another address"],
)
def test_who_is_not_helped_is_lost_when_it_is_silent(lsa: Lsa, lines: str) -> None:
    net = line(lines)
    tells(net, lsa)
    silence(net, 10)
    assert not is_there(net)


@pytest.mark.lengthy
@pytest.mark.conforms("ospf:3623-3.2-topology")
@pytest.mark.parametrize(("lines", "stays"), [("", True), (" nsf ietf helper strict-lsa-checking\n", False)])
def test_a_change_of_the_network_ends_it_where_that_is_configured(lines: str, stays: bool) -> None:
    net = OspfNet(4, [(1, 2), (2, 3), (1, 4)])
    net.run_for(10)
    net.enter(1, f"router ospf 1\n{lines}")
    tells(net, grace())
    silence(net, 10)
    assert is_there(net)
    net.enter(4, "interface Loopback0\n ip ospf cost 9\n")
    net.run_for(5)
    assert is_there(net) is stays


def test_a_neighbor_that_never_was_full_is_not_helped() -> None:
    net = OspfNet(3, [(1, 2), (2, 3)])
    tells(net, grace())
    net.run_for(10)
    assert not any("NSFHELPER" in each for each in net.routers[1].logs)


@pytest.mark.lengthy
@pytest.mark.conforms("ospf:5250-flooding")
@pytest.mark.parametrize("kind", [LsaType.OPAQUE_AREA, LsaType.OPAQUE_AS])
def test_opaque_advertisements_of_areas_and_of_all_of_ospf_are_told_on(kind: LsaType) -> None:
    net = OspfNet(3, [(1, 2), (1, 3)])
    net.run_for(10)
    key = LsaKey(kind, IPv4Address("77.0.0.1"), IPv4Address("10.0.0.9"))
    tells(net, Lsa.make(key, UnknownBody(b"abcd"), sequence=1, options=0x42))
    net.run_for(5)
    for number in (1, 3):
        process = net.routers[number].machine(OspfMachine).processes[1]
        assert key in process.state.database(process.areas[0], kind).entries
    of_area = kind is LsaType.OPAQUE_AREA
    shown = net.routers[3].show("show ip ospf database")
    at = next(at for at, line in enumerate(shown) if f"Type-{kind:d} Opaque Link {'Area' if of_area else 'AS'}" in line)
    assert shown[at + 2].endswith("Checksum Opaque ID")
    assert shown[at + 3].split()[:2] + shown[at + 3].split()[-1:] == ["77.0.0.1", "10.0.0.9", "1"]
    whole = net.routers[3].show(f"show ip ospf database {'opaque-area' if of_area else 'opaque-as'}")
    assert [line for line in whole if line.startswith("  Opaque")] == ["  Opaque Type: 77", "  Opaque ID: 1"]
    assert whole[-1] == "    61626364"
    assert net.routers[3].show("show ip ospf database opaque-link") == []


def test_what_a_neighbor_does_not_acknowledge_is_repeated_and_a_debug_says_so() -> None:
    net = OspfNet(3, [(1, 2), (1, 3)])
    net.run_for(10)
    net.routers[1].debugging.flags = {"ip ospf retransmission"}
    net.cut.add((1, 2))
    net.set_cost(1, 3, 7)
    net.run_for(12)
    lines = [line for line in net.routers[1].debug_lines if "RXMT" in line]
    assert lines
    assert set(lines) == {"OSPF-1 RXMT : Retransmit 1 advertisements to 10.0.0.2 on Ethernet0/2"}


@pytest.mark.conforms("ospf:5250-link")
def test_those_of_a_link_stay_there() -> None:
    net = OspfNet(3, [(1, 2), (1, 3)])
    net.run_for(10)
    tells(net, grace())
    net.run_for(5)
    shown = "\n".join(net.routers[1].show("show ip ospf database database-summary"))
    assert "3.0.0.0" not in shown
    assert not any("NSFHELPER" in each for each in net.routers[3].logs)


# Lines of an interface that change while its neighbors have not finished their exchange, or wait for something.

PORT_OF = {1: "Ethernet0/2", 2: "Ethernet0/1"}


def enter(net: OspfNet, number: int, line: str) -> None:
    net.enter(number, f"interface {PORT_OF[number]}\n {line}\n")


def states(net: OspfNet) -> list[str]:
    """How router 1 sees router 2, and the reverse."""
    shown = [bench.show("show ip ospf neighbor") for bench in net.routers.values()]
    return [next((line.split()[2].rstrip("/") for line in lines if "10.0.0." in line), "none") for lines in shown]


def mismatches(net: OspfNet, number: int) -> list[str]:
    return [line for line in net.routers[number].logs if "MTUMISMATCH" in line]


def _is_answer(packet: OspfPacket) -> bool:
    return isinstance(packet.content, Description) and not packet.content.has(DescriptionFlag.MASTER)


def _is_further(packet: OspfPacket) -> bool:
    content = packet.content
    leads = isinstance(content, Description) and content.has(DescriptionFlag.MASTER)
    return isinstance(content, Description) and leads and not content.has(DescriptionFlag.INIT)


@pytest.fixture
def net() -> OspfNet:
    """Router 1 in EXCHANGE, which router 2 refuses: its MTU is the smaller one, and it leads."""
    net = OspfNet(2, [(1, 2)])
    enter(net, 2, "ip mtu 1400")
    net.run_for(10)
    assert states(net) == ["EXCHANGE", "EXSTART"]
    return net


def test_a_smaller_mtu_reaches_a_neighbor_that_has_our_description_of_before(net: OspfNet) -> None:
    """Router 1 repeated its description with its old MTU, router 2 refused it, and that never ended."""
    enter(net, 1, "ip mtu 1400")
    net.run_for(3)
    assert states(net) == ["FULL", "FULL"]


def test_a_larger_mtu_at_the_other_end_lets_the_exchange_go_on_as_well(net: OspfNet) -> None:
    enter(net, 2, "ip mtu 1500")
    net.run_for(3)
    assert states(net) == ["FULL", "FULL"]


def test_both_ends_log_that_the_mtus_differ_once_a_minute(net: OspfNet) -> None:
    net.run_for(20)
    head = "%OSPF-4-MTUMISMATCH: Process 1, Nbr"
    assert mismatches(net, 2) == [
        f"{head} 10.0.0.1 on Ethernet0/1 has MTU 1500, ours is 1400: we do not take its descriptions"
    ]
    assert mismatches(net, 1) == [
        f"{head} 10.0.0.2 on Ethernet0/2 has MTU 1400, ours is 1500: it may not take our descriptions"
    ]


def test_an_end_that_ignores_mtus_says_nothing_about_them() -> None:
    net = OspfNet(2, [(1, 2)])
    enter(net, 2, "ip mtu 1400")
    for number in (1, 2):
        enter(net, number, "ip ospf mtu-ignore")
    net.run_for(10)
    assert states(net) == ["FULL", "FULL"]
    assert [*mismatches(net, 1), *mismatches(net, 2)] == []


def test_an_exchange_whose_leader_does_not_go_on_begins_again() -> None:
    """Router 1 stayed in EXCHANGE: its answer got lost, and router 2 did not ask again."""
    net = OspfNet(2, [(1, 2)])
    enter(net, 2, "ip ospf retransmit-interval 3600")
    net.cut = {(1, 2)}
    net.run_for(6)
    net.cut = set()
    net.loses = _is_answer
    net.run_for(3)
    net.loses = lambda _packet: False
    net.run_for(40)
    assert states(net) == ["EXCHANGE", "EXSTART"]
    net.run_for(30)
    assert any("from EXCHANGE to DOWN, Neighbor Down: Too many retransmissions" in line for line in net.routers[1].logs)
    assert states(net) == ["FULL", "FULL"]


def test_a_shorter_retransmit_interval_holds_for_what_was_sent_before() -> None:
    net = OspfNet(2, [(1, 2)])
    for number in (1, 2):
        enter(net, number, "ip ospf retransmit-interval 3600")
    net.loses = _is_further
    net.run_for(3)
    assert states(net) == ["EXCHANGE", "EXCHANGE"]
    for number in (1, 2):
        enter(net, number, "ip ospf retransmit-interval 2")
    net.loses = lambda _packet: False
    net.run_for(3)
    assert states(net) == ["FULL", "FULL"]


@pytest.mark.parametrize(("before", "after", "still"), [(40, 4, False), (4, 40, True)])
def test_another_dead_interval_holds_for_the_silence_that_has_begun(before: int, after: int, still: bool) -> None:
    net = OspfNet(2, [(1, 2)])
    for number in (1, 2):
        enter(net, number, f"ip ospf dead-interval {before}")
    net.run_for(10)
    net.cut = {(1, 2)}
    enter(net, 1, f"ip ospf dead-interval {after}")
    net.run_for(6)
    assert states(net)[0] == ("FULL" if still else "none")


# A default route that OSPF tells while a route map permits some route of the routing table.

CONFIGURATION = file_text("ospf_neighbors_configuration.cfg")


def _enter(router: Router, line: str, now: float) -> None:
    router.handle(events.LinesEntered((events.EnteredLine((), line),)), now)
    end = now + 9.0
    while (due := router.next_deadline()) is not None and due <= end:
        now = max(now, due)
        router.handle(events.Tick(), now)


def _metric(router: Router) -> int | None:
    for entry in router.machine(OspfMachine).processes[1].externals.entries.values():
        body = entry.lsa.body
        if isinstance(body, ExternalBody) and entry.lsa.header.id == Prefix.parse("0.0.0.0/0").address:
            return body.metric
    return None


def test_the_default_route_follows_the_first_route_that_the_map_permits(monkeypatch: pytest.MonkeyPatch) -> None:
    router = Router(SeededEntropy(1))
    router.handle(events.ClockSet(1.8e9), 0.0)
    router.handle(events.ConfigurationEntered(CONFIGURATION, by="startup", saved=True), 0.0)
    router.handle(events.LinkChanged("GigabitEthernet0/0", up=True), 0.0)
    steps = (
        ("ip route 20.0.2.0 255.255.255.0 Null0", 22),
        ("ip route 20.0.9.0 255.255.255.0 Null0", 22),
        ("ip route 20.0.0.0 255.255.255.0 Null0", 22),
        ("ip route 20.0.1.0 255.255.255.0 Null0", 11),
        ("no ip route 20.0.2.0 255.255.255.0 Null0", 11),
        ("no ip route 20.0.1.0 255.255.255.0 Null0", None),
        ("ip prefix-list B permit 20.0.9.0/24", 22),
        ("no ip route 20.0.9.0 255.255.255.0 Null0", None),
        ("ip route 20.0.1.0 255.255.255.0 Null0", 11),
    )
    for number, (line, metric) in enumerate(steps, 1):
        _enter(router, line, 10.0 * number)
        assert _metric(router) == metric, line

    def all_of_them() -> tuple[()]:
        raise AssertionError("the whole table is looked through for a route that decides nothing")

    monkeypatch.setattr(router.ports.rib, "routes", all_of_them)
    _enter(router, "ip route 20.0.7.0 255.255.255.0 Null0", 200.0)
    assert _metric(router) == 11


def test_a_route_of_ipv6_is_no_reason_to_tell_the_default_route() -> None:
    router = Router(SeededEntropy(1))
    router.handle(events.ClockSet(1.8e9), 0.0)
    router.handle(events.PlaneAnnounced(ipv6=True), 0.0)
    tagged = CONFIGURATION.replace("match ip address prefix-list A", "match tag 7")
    router.handle(events.ConfigurationEntered(f"{tagged}ipv6 unicast-routing\n", by="startup", saved=True), 0.0)
    router.handle(events.LinkChanged("GigabitEthernet0/0", up=True), 0.0)
    for number, (line, metric) in enumerate(
        (
            ("ipv6 route 2001:db8:9::/64 Null0 tag 7", None),
            ("ip route 20.0.9.0 255.255.255.0 Null0 tag 7", 11),
            ("no ip route 20.0.9.0 255.255.255.0 Null0 tag 7", None),
        ),
        1,
    ):
        _enter(router, line, 10.0 * number)
        assert _metric(router) == metric, line


# What is gone from OSPF is free at once: a hub of thousands of neighbors that come and go does not grow meanwhile.


@pytest.fixture
def three_routers() -> OspfNet:
    net = OspfNet(3, [(1, 2), (1, 3)])
    net.run_for(10)
    return net


def test_a_neighbor_that_is_silent_for_too_long_is_free(three_routers: OspfNet) -> None:
    with uncollected():
        before = alive(Neighbor)
        three_routers.cut.add((1, 2))
        three_routers.run_for(10)
        assert alive(Neighbor) == before - 2


def test_a_neighbor_that_was_helped_through_a_restart_is_free(three_routers: OspfNet) -> None:
    with uncollected():
        before = alive(Neighbor)
        tells(three_routers, grace())
        three_routers.cut.add((1, 2))
        three_routers.run_for(70)
        assert alive(Neighbor) == before - 2


def test_an_interface_that_is_down_is_free_with_its_neighbors(three_routers: OspfNet) -> None:
    with uncollected():
        before = [alive(kind) for kind in (Neighbor, OspfInterface, Slices)]
        three_routers.set_wire((1, 2), up=False)
        three_routers.run_for(10)
        assert [alive(kind) for kind in (Neighbor, OspfInterface, Slices)] == [each - 2 for each in before]


def test_a_neighbor_that_did_not_acknowledge_what_came_back_meanwhile_is_free(three_routers: OspfNet) -> None:
    route = "ip route 10.77.0.0 255.255.0.0 Null0\n"
    three_routers.enter(1, f"router ospf 1\n redistribute static subnets\n{route}")
    three_routers.run_for(10)
    with uncollected():
        before = alive(Neighbor)
        three_routers.cut.add((1, 2))
        three_routers.enter(1, f"no {route}")
        three_routers.run_for(1)
        three_routers.enter(1, route)
        three_routers.run_for(10)
        assert alive(Neighbor) == before - 2


# Hellos to neighbors that no multicast reaches.

CROWD = 500


@pytest.mark.lengthy
@pytest.mark.parametrize("kind", ["non-broadcast", "point-to-multipoint non-broadcast"])
def test_a_crowd_of_configured_neighbors_is_greeted_in_slices(kind: str) -> None:
    bench = Workbench(*make().features, OSPF)
    called = [f"10.1.{1 + number // 250}.{1 + number % 250}" for number in range(CROWD)]
    bench.configure(
        f"interface {GI1}\n ip address 10.1.0.1 255.255.0.0\n ip ospf network {kind}\n ip ospf hello-interval 30\n"
        "router ospf 1\n router-id 9.9.9.9\n network 10.1.0.0 0.0.255.255 area 0\n"
        + "".join(f" neighbor {address}\n" for address in called)
    )
    greeted = [[str(each.destination) for each in of_type(bench.handle(events.LinkChanged(GI1, up=True)), SendIp)]]
    while (due := bench.next_deadline()) is not None and due <= 31:
        bench.now = due
        greeted.append([str(each.destination) for each in of_type(bench.advance(0.0), SendIp)])
    assert max(map(len, greeted)) <= SLICE
    everybody = [address for event in greeted for address in event]
    assert everybody == [*called, *called], "at the start, and once more after 30 seconds"
