"""Address families of BGP (RFC 4760): a family is a value, and whatever the parts of BGP do, they do it for each."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.notices import Configured
from dmvpn.features.bgp import packet
from dmvpn.features.bgp.attributes import Attributes, Segment, SegmentKind, write
from dmvpn.features.bgp.families import EXTENDED, FAMILIES, IPV4, IPV6, Family, parts
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.shells.scenario import Scenario
from support.routing import Caller, a, hub, p
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress
    from support.workbench import Workbench


# ------------------------------------------------------------------------------------------------ a third family


class Opaque(Prefix):
    """A route that is some octets, of which nobody here knows the meaning."""

    __slots__ = ()

    @property
    def covered(self) -> bytes:
        return self.number.to_bytes(self.length, "big")

    def __str__(self) -> str:
        return f"[{self.covered.hex()}]"


def opaque(octets: bytes) -> Opaque:
    return tuple.__new__(Opaque, (0, int.from_bytes(octets, "big"), len(octets)))


def read_opaque(data: bytes, at: int, end: int, numbered: bool) -> Iterator[packet.Nlri]:
    while at < end:
        number, at = (int.from_bytes(data[at : at + 4], "big"), at + 4) if numbered else (None, at)
        route = opaque(data[at + 1 : at + 1 + data[at]])
        yield route if number is None else packet.NumberedPrefix(route, number)
        at += 1 + data[at]


OPAQUE = Family(
    key=b"\x40\x04\x47",
    title="Opaque",
    words="opaque",
    number=9,
    version=4,
    largest=60,
    in_table=False,
    decode=read_opaque,
)


def reach(family: Family, hop: bytes, routes: bytes) -> packet.Attribute:
    return packet.Attribute(0x80, 14, family.key + bytes((len(hop),)) + hop + b"\0" + routes)


PATH = (Segment(SegmentKind.SEQUENCE, (65001,)),)
SOME = tuple(one for one in write(Attributes(path=PATH, next_hop=a("172.16.31.2")), wide=True) if one.code != 3)
FIRST, SECOND = b"\x03abc", b"\x05defgh"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Workbench:
    monkeypatch.setitem(FAMILIES, OPAQUE.key, OPAQUE)
    bench = hub()
    config = bench.machines["bgp"].config  # type: ignore[attr-defined]
    assert isinstance(bench.machines["bgp"], BgpMachine)
    bench.handle(Configured("bgp", replace(config, others=(replace(config, family=OPAQUE.key),))))
    return bench


def caller(bench: Workbench, number: int, *more: packet.CapabilityValue) -> Caller:
    return Caller(bench, number, more=(OPAQUE.capability, *more)).is_up()


def told(one: Caller) -> list[tuple[int, bytes]]:
    """The attributes that have routes of a family, of the UPDATEs that a neighbor was sent."""
    one.waits(1)
    return [(each.code, each.value) for update in one.updates for each in update.attributes if each.code in (14, 15)]


def test_routes_of_which_nothing_is_known_are_passed_on_as_they_came_and_repeated_and_withdrawn(
    bench: Workbench,
) -> None:
    """A family that this file adds: prefixes beside it are not touched, and a neighbor without it hears nothing."""
    first, second, plain = caller(bench, 2), caller(bench, 3, packet.CapabilityValue(2)), Caller(bench, 4).is_up()
    first.announces("10.9.0.0/16")
    first.says(packet.Update(attributes=(reach(OPAQUE, first.address.packed, FIRST + SECOND), *SOME)))
    sent = OPAQUE.key + b"\x04" + first.address.packed + b"\0" + FIRST + SECOND
    effects = bench.advance(1)
    for one in (second, plain):
        one.hears(effects)
        assert [update.announced for update in one.updates if update.announced] == [(p("10.9.0.0/16"),)]
    assert (told(second), told(plain)) == ([(14, sent)], [])
    second.says(OPAQUE.refresh())
    second.waits(10)
    assert told(second) == [(14, sent)] * 2
    first.says(packet.Update(attributes=(packet.Attribute(0x80, 15, OPAQUE.key + FIRST),)))
    assert told(second)[2:] == [(15, OPAQUE.key + FIRST)]
    assert not any(isinstance(one, packet.Notification) for one in (*first.heard, *second.heard))


def test_a_neighbor_that_loses_a_family_begins_again_and_its_routes_go(bench: Workbench) -> None:
    first, second = caller(bench, 2), caller(bench, 3)
    first.says(packet.Update(attributes=(reach(OPAQUE, first.address.packed, FIRST), *SOME)))
    assert len(told(second)) == 1
    machine = bench.machines["bgp"]
    assert isinstance(machine, BgpMachine)
    second.hears(bench.handle(Configured("bgp", replace(machine.config, others=()))))
    second.waits(1)
    assert second.heard[-1] == packet.Notification(6, packet.Cease.CONFIGURATION_CHANGE)
    assert not machine.tables[OPAQUE.key].routes.table.destinations


@pytest.mark.parametrize(
    ("attributes", "subcode"),
    [
        pytest.param((reach(OPAQUE, b"\1\2\3", FIRST),), 9, id="a next hop of three octets"),
        pytest.param((packet.Attribute(0x80, 14, OPAQUE.key + b"\x20\1"),), 9, id="a next hop that does not fit"),
        pytest.param((packet.Attribute(0x80, 15, b"\0"),), 9, id="no family"),
        pytest.param((reach(OPAQUE, a("10.0.0.1").packed, FIRST),) * 2, 1, id="the attribute twice"),
    ],
)
def test_routes_that_cannot_be_delimited_end_the_session(
    attributes: tuple[packet.Attribute, ...], subcode: int
) -> None:
    """RFC 7606 §3 (g), §5.3: there is no telling which routes would have to be withdrawn."""
    families = {OPAQUE.key: False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FAMILIES, OPAQUE.key, OPAQUE)
        with pytest.raises(packet.MessageError) as error:
            list(parts(packet.Update(attributes=attributes), families))
    assert error.value.subcode == subcode


# ------------------------------------------------------------------------------------------------ RFC 8950


HOP, BESIDE = ip_address("2001:db8::9"), ip_address("fe80::9")


@pytest.mark.parametrize(
    ("octets", "hops"),
    [(a("10.0.0.9").packed, (a("10.0.0.9"),)), (HOP.packed, (HOP,)), (HOP.packed + BESIDE.packed, (HOP, BESIDE))],
)
def test_a_route_of_ipv4_may_have_a_next_hop_of_either_version_once_that_is_agreed(
    octets: bytes, hops: tuple[IPAddress, ...]
) -> None:
    update = packet.Update(attributes=(reach(IPV4, octets, b"\x08\x0a"), *SOME))
    (part,) = parts(update, {IPV4.key: False}, extended=True)
    assert (part.announced, part.hops, part.damage) == ((p("10.0.0.0/8"),), hops, "")


@pytest.mark.parametrize(("length", "extended"), [(0, True), (8, True), (24, True), (48, True), (16, False)])
def test_a_next_hop_of_another_length_than_agreed_ends_the_session(length: int, extended: bool) -> None:
    """RFC 7606 §7.11."""
    update = packet.Update(attributes=(reach(IPV4, bytes(length), b"\x08\x0a"), *SOME))
    with pytest.raises(packet.MessageError) as error:
        list(parts(update, {IPV4.key: False}, extended=extended))
    assert error.value.subcode == packet.UpdateError.BAD_OPTIONAL


@pytest.mark.parametrize("hop", [BESIDE, ip_address("::ffff:192.0.2.1"), ip_address("::")])
def test_a_route_of_ipv4_by_way_of_no_router_counts_as_withdrawn(hop: IPAddress) -> None:
    update = packet.Update(attributes=(reach(IPV4, hop.packed, b"\x08\x0a"), *SOME))
    (part,) = parts(update, {IPV4.key: False}, extended=True)
    assert part.damage.endswith("is not a valid next hop")


def test_the_capability_names_ipv4_unicast_and_next_hops_of_ipv6() -> None:
    assert EXTENDED.serialize() == bytes.fromhex("05 06 0001 0001 0002")


def by_ipv6(*more: str, without: str = "") -> World:
    """A hub that reflects routes of IPv4 over sessions of IPv6, all with the capability except one router."""
    world = World("dual-stack").converge()
    for name, peers in (("R31", [11]), ("R41", [11]), ("R11", [31, 41])):
        lines = ["interface Loopback7", f"ip address 10.77.{name[1:]}.1 255.255.255.0"]
        lines += ["router bgp 65000", "no bgp default ipv4-unicast"]
        for peer in (f"2001:db8:100::{number}" for number in peers):
            lines += [f"neighbor {peer} remote-as 65000"]
            lines += [f"neighbor {peer} capability extended-nexthop"] if name != without else []
            lines += ["address-family ipv4", f"neighbor {peer} activate", *(f"neighbor {peer} {one}" for one in more)]
            lines += [f"neighbor {peer} route-reflector-client"] if name == "R11" else []
            lines += [f"network 10.77.{name[1:]}.0 mask 255.255.255.0", "exit-address-family"]
        world.configure(name, *lines)
    world.run_for(30)
    return world


def test_packets_of_ipv4_take_the_direct_path_to_a_next_hop_of_ipv6() -> None:
    world = by_ipv6()
    bgp = world.lines("R31", "ip bgp")
    assert " *>i  10.77.41.0/24    2001:DB8:100::41" in bgp
    assert "B        10.77.41.0/24 [200/0] via 2001:DB8:100::41, 00:00:29" in world.lines("R31", "ip route bgp")
    assert "Success rate is 100" in world.do("R31", "ping 10.77.41.1 source Loopback7")
    way = world.do("R31", "traceroute 10.77.41.1 source 10.77.31.1 probe 1")
    assert [line.split()[1] for line in way.splitlines()[3:]] == ["192.168.100.41"]
    assert "Success rate is 100" in world.do("R31", "ping 10.77.41.1 source Loopback7 size 3000")
    extended = "    Extended Next Hop Capability: advertised and received"
    assert extended in world.lines("R31", "ip bgp neighbors 2001:db8:100::11")


def test_shows_and_debugs_of_ipv4_spell_such_a_next_hop_as_those_of_ipv6_do() -> None:
    world = by_ipv6()
    assert "10.77.41.0/24        2001:DB8:100::41     Tunnel100" in world.lines("R31", "ip cef")
    world.do("R31", "debug ip routing")
    world.configure("R11", "router bgp 65000", "address-family ipv4", "neighbor 2001:db8:100::31 default-originate")
    world.configure("R31", "ip route 172.16.0.0 255.255.0.0 172.16.31.2", "no ip route 0.0.0.0 0.0.0.0 172.16.31.2")
    world.run_for(30)
    assert "Gateway of last resort is 2001:DB8:100::11 to network 0.0.0.0" in world.lines("R31", "ip route")
    added = "RT: add 0.0.0.0/0 via 2001:DB8:100::11, bgp metric [200/0]"
    assert any(line.endswith(added) for line in world.console["R31"])


def test_paths_with_next_hops_of_both_versions_are_used_at_once_and_marked_as_such() -> None:
    world = by_ipv6()
    for name, peer in (("R31", "192.168.100.41"), ("R41", "192.168.100.31")):
        lines = f"neighbor {peer} remote-as 65000", "address-family ipv4", f"neighbor {peer} activate"
        world.configure(name, "router bgp 65000", *lines, "maximum-paths ibgp 2")
    world.run_for(40)
    table = [line.rstrip() for line in world.lines("R31", "ip bgp")]
    first = table.index(" *>i  10.77.41.0/24    192.168.100.41           0    100      0 i")
    assert table[first + 1] == " *mi                   2001:DB8:100::41"
    hops = [line.split(" via ")[-1].partition(",")[0] for line in world.lines("R31", "ip route bgp") if " via " in line]
    assert hops[-2:] == ["192.168.100.41", "2001:DB8:100::41"]
    assert "Success rate is 100" in world.do("R31", "ping 10.77.41.1 source Loopback7")


def test_packets_of_ipv4_go_by_the_hub_that_is_their_next_hop_of_ipv6() -> None:
    world = by_ipv6("next-hop-self all")
    for _ in range(2):
        assert "Success rate is 100" in world.do("R31", "ping 10.77.41.1 source Loopback7")
        world.run_for(5)


def test_a_neighbor_without_the_capability_gets_no_route_by_way_of_ipv6_and_the_session_stays() -> None:
    world = by_ipv6(without="R41")
    assert "2001:DB8" not in world.show("R41", "ip bgp")
    assert " *>i  10.77.31.0/24    2001:DB8:100::31" in world.lines("R11", "ip bgp")
    assert "Connections established 1; dropped 0" in world.show("R41", "ip bgp neighbors")


# ------------------------------------------------------------------------------------------------ IPv6 unicast


@pytest.mark.parametrize("hop", ["fe80::9", "::ffff:192.0.2.1", "::1", "ff02::1", "::"])
def test_routes_whose_next_hop_no_table_can_look_up_count_as_withdrawn_though_a_default_route_is_there(
    hop: str,
) -> None:
    """The default route matched a link-local next hop, and packets left by it."""
    attribute = reach(IPV6, ip_address(hop).packed, b"\x20\x20\x01\x0d\xb8")
    (part,) = parts(packet.Update(attributes=(attribute, *SOME)), {IPV6.key: False})
    assert part.damage.endswith("is not a valid next hop")
    assert part.announced == (p("2001:db8::/32"),)


def cloud(**more: str) -> World:
    """A hub that reflects routes of IPv6 to spokes that call it over IPv6, in phase 3, without IPv4 in the overlay."""
    scenario = Scenario.load("ipv6-phase3")
    lines = {
        "R11": [
            *("bgp listen range 2001:DB8:100::/64 peer-group SPOKES", "no bgp default ipv4-unicast"),
            *("neighbor SPOKES peer-group", "neighbor SPOKES remote-as 65000", "neighbor SPOKES password secret"),
            *("address-family ipv6", " neighbor SPOKES activate", " neighbor SPOKES route-reflector-client"),
            " network 2001:DB8:1::/64",
        ],
        **{
            router: [
                *(f"bgp router-id {number}.{number}.{number}.{number}", "neighbor 2001:DB8:100::11 remote-as 65000"),
                *("neighbor 2001:DB8:100::11 password secret", "address-family ipv6 unicast"),
                *(" redistribute connected route-map LAN", " neighbor 2001:db8:100::11 activate"),
            ]
            for router, number in (("R31", 3), ("R41", 4))
        },
    }
    for router, said in lines.items():
        text = scenario.configurations[router].rpartition("end")[0]
        kept = [line for line in text.splitlines() if not line.startswith("ipv6 route")]
        kept += ["router bgp 65000", *(f" {one}" for one in said), "!", *more.get(router, "").splitlines()]
        if router != "R11":
            kept += ["route-map LAN permit 10", " match interface GigabitEthernet0/2"]
        scenario.configurations[router] = "\n".join([*kept, "end", ""])
    scenario.configurations["R11"] = scenario.configurations["R11"].replace(
        "router bgp 65000\n", "router bgp 65000\n bgp router-id 1.1.1.1\n"
    )
    world = World.of(scenario)
    world.run_for(60)
    return world


@pytest.fixture(scope="module")
def running() -> World:
    return cloud()


def test_routes_of_ipv6_come_over_the_hub_and_keep_their_next_hop_and_packets_take_the_direct_path(
    running: World,
) -> None:
    assert running.lines("R31", "bgp ipv6 unicast | begin Network") == [
        "     Network          Next Hop            Metric LocPrf Weight Path",
        " *>i  2001:DB8:1::/64  2001:DB8:100::11",
        "                                                0    100      0 i",
        " *>   2001:DB8:3::/64  ::                       0         32768 ?",
        " *>i  2001:DB8:4::/64  2001:DB8:100::41",
        "                                                0    100      0 ?",
    ]
    assert "B   2001:DB8:4::/64 [200/0]\n     via 2001:DB8:100::41" in running.show("R31", "ipv6 route bgp")
    for _ in range(2):
        trace = running.do("R31", "traceroute 2001:db8:4::1 source 2001:db8:3::1 probe 1")
    assert "2001:DB8:100::11" not in trace
    assert "% BGP not active" not in running.show("R31", "ip bgp summary")
    assert "2001:DB8:100::11" not in running.show("R31", "ip bgp summary")
    assert running.show("R31", "bgp ipv6 unicast summary").splitlines()[-2:] == [
        "2001:DB8:100::11",
        "                4        65000       4       3        4    0    0 00:00:59        2",
    ]
    assert "For address family: IPv6 Unicast" in running.show("R31", "bgp all summary")


def test_lines_of_ipv6_are_printed_as_ios_prints_them(running: World) -> None:
    assert running.show("R31", "running-config | section router bgp") == "\n".join(
        [
            "router bgp 65000",
            " bgp router-id 3.3.3.3",
            " neighbor 2001:DB8:100::11 remote-as 65000",
            " neighbor 2001:DB8:100::11 password secret",
            " !",
            " address-family ipv6",
            "  redistribute connected route-map LAN",
            "  neighbor 2001:DB8:100::11 activate",
            " exit-address-family",
            "",
        ]
    )


def test_a_session_that_has_not_the_family_is_shown_with_what_it_has() -> None:
    """The neighbor had no router ID and no capabilities, and its row said Established where IOS says NoNeg."""
    world = World("dual-stack")
    world.converge()
    for name, other, family in (("R11", "31", ()), ("R31", "11", ("no bgp default ipv4-unicast",))):
        session = f"neighbor 192.168.100.{other}"
        lines = (*family, f"{session} remote-as 65001", "address-family ipv6", f"{session} activate")
        world.configure(name, "router bgp 65001", *lines)
    assert world.wait_until(lambda: "Established" in world.show("R11", "ip bgp neighbors"), 60)
    shown = world.show("R11", "ip bgp neighbors")
    assert "remote router ID 172.16.31.1" in shown or "remote router ID 192.168.100.31" in shown
    assert "Address family IPv6 Unicast: advertised and received" in shown
    assert world.lines("R11", "ip bgp summary")[-1].split()[-1] == "NoNeg"
    assert world.lines("R11", "bgp ipv6 unicast summary")[-1].split()[-1] == "0"


def test_clearing_all_families_clears_that_of_ipv6_and_its_debugs_are_printed_as_ios_prints_them() -> None:
    world = cloud()
    world.do("R31", "debug ip bgp updates")

    def said() -> list[str]:
        return [line.partition("BGP(1): ")[2] for line in world.lines("R31", "logging | include BGP.1.:")]

    world.do("R31", "clear bgp all * soft")
    world.run_for(2)
    assert "2001:DB8:100::11 rcvd 2001:DB8:4::/64" in said()
    assert any(line.startswith("2001:DB8:100::11 rcvd UPDATE w/ attr: nexthop 2001:DB8:100::41, ") for line in said())
    world.do("R31", "clear ip bgp *")
    assert world.messages("R31")[-1] == "%BGP-5-ADJCHANGE: neighbor 2001:DB8:100::11 Up", "its session stays"
    world.do("R31", "clear bgp all *")
    assert world.messages("R31")[-1] == "%BGP-5-ADJCHANGE: neighbor 2001:DB8:100::11 Down User reset"
    world.run_for(60)
    sent = "(base) 2001:DB8:100::11 send UPDATE (format) 2001:DB8:3::/64, next "
    assert any(line.startswith(sent) for line in said())


def test_what_lists_and_lines_of_the_family_say_holds_for_it() -> None:
    """A prefix list of IPv6, a limit, an aggregate, a default route, our own next hop; then the family goes."""
    world = cloud()
    world.configure(
        "R11",
        "ipv6 prefix-list LANS description LANs of the branches",
        *("ipv6 prefix-list LANS seq 5 permit 2001:DB8::/32 ge 48 le 64", "ipv6 prefix-list LANS deny 2001:db8:4::/64"),
        *("no ipv6 prefix-list LANS seq 10 deny 2001:DB8:4::/64", "ipv6 prefix-list LANS seq 1 deny 2001:db8:4::/64"),
        *("router bgp 65000", "address-family ipv6", "neighbor SPOKES prefix-list LANS out"),
        *("neighbor SPOKES next-hop-self all", "neighbor SPOKES default-originate", "neighbor SPOKES maximum-prefix 1"),
        *("aggregate-address 2001:db8::/46", "aggregate-address 2001:DB8::/48"),
    )
    maps = "route-map IN permit 10", "match ipv6 address prefix-list LANS", "set ipv6 next-hop 2001:DB8:100::41"
    world.configure("R31", *maps, "set local-preference 300", "ipv6 prefix-list LANS permit 2001:DB8:1::/64")
    world.configure("R31", "route-map IN permit 20", "match ipv6 address prefix-list ALL")
    world.configure("R31", "router bgp 65000", "address-family ipv6", "neighbor 2001:db8:100::11 route-map IN in")
    assert "    ipv6 address prefix-lists: LANS" in world.lines("R31", "route-map IN")
    assert "    ipv6 next-hop 2001:DB8:100::41" in world.lines("R31", "route-map IN")
    assert world.lines("R11", "running-config | include ^ipv6 prefix-list") == [
        "ipv6 prefix-list LANS description LANs of the branches",
        "ipv6 prefix-list LANS seq 1 deny 2001:DB8:4::/64",
        "ipv6 prefix-list LANS seq 5 permit 2001:DB8::/32 ge 48 le 64",
    ]
    world.do("R11", "clear bgp ipv6 unicast *")
    world.run_for(90)
    assert world.lines("R31", "ipv6 route bgp | include /") == [
        "B   ::/0 [200/0]",
        "B   2001:DB8:1::/64 [200/0]",
    ]
    assert world.lines("R31", "ipv6 route bgp | include via") == [
        "     via 2001:DB8:100::11",
        "     via 2001:DB8:100::41",
    ]
    assert any("from 2001:DB8:100::31 (afi 1) reaches 1, max 1" in line for line in world.messages("R11"))
    world.configure("R31", "router bgp 65000", "no address-family ipv6")
    world.run_for(10)
    assert world.lines("R31", "ipv6 route bgp | include /") == []
    assert "% BGP not active" in world.do("R31", "show bgp ipv6 unicast summary")
