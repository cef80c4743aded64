"""Netlink as octets. Vectors: requests as ip(8) 6.1.0 sends them, notifications as Linux 6.18 sent them."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.errors import WireError
from dmvpn.dataplane.netlink import (
    EVERYWHERE,
    AddressEvent,
    AddressFlag,
    InetConf,
    InterfaceAddress,
    KernelEvent,
    KernelNeighbor,
    KernelNeighborState,
    KernelNextHop,
    KernelRequest,
    KernelRoute,
    LinkEvent,
    LinkFlag,
    LinkSettings,
    NeighborEvent,
    NeighborFlag,
    NeighborParameters,
    ObjectChange,
    RouteEvent,
    RouteForm,
    RouteType,
    Rule,
    RuleEvent,
    VethEnd,
    add_address,
    add_missing_address,
    add_rule,
    create_gre_collector,
    create_veth,
    delete_neighbor,
    delete_route,
    link,
    netfilter,
    replace_route,
    set_down,
    set_link,
    set_neighbor,
    set_neighbor_parameters,
    set_up,
    wire,
)
from dmvpn.dataplane.netlink.monitor import parse_event
from dmvpn.dataplane.netlink.netfilter import Ends
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from collections.abc import Callable

TUNNEL = 2
PEER_MAC = bytes.fromhex("020000000005")
VIA_41 = KernelNextHop(TUNNEL, ip_address("192.168.100.41"))
VIA_42 = KernelNextHop(TUNNEL, ip_address("192.168.100.42"), weight=3)


def single(octets: str) -> wire.KernelMessage:
    (message,) = wire.parse_messages(memoryview(bytes.fromhex(octets)))
    return message


# ------------------------------------------------------------------------------------------------------ requests

#: Size of the fixed structure, and where attributes hold attributes (paths of types), by message type.
LAYOUT: dict[int, tuple[int, set[tuple[int, ...]]]] = {
    16: (16, {(18,), (18, 2), (26,), (26, 10)}),
    20: (8, set()),
    24: (12, set()),
    25: (12, set()),
    28: (12, set()),
    29: (12, set()),
    67: (4, {(6,)}),
}
Tree = dict[int, "bytes | Tree"]


def tree(data: memoryview, nests: set[tuple[int, ...]], path: tuple[int, ...] = ()) -> Tree:
    """Attributes without their order, which means nothing."""
    return {
        kind: tree(value, nests, (*path, kind)) if (*path, kind) in nests else bytes(value)
        for kind, value in wire.parse_attributes(data).items()
    }


def meaning(octets: bytes) -> tuple[int, int, bytes, Tree]:
    (message,) = wire.parse_messages(memoryview(octets))
    size, nests = LAYOUT[message.kind]
    return message.kind, message.flags, bytes(message.body[:size]), tree(message.body[size:], nests)


ACK = 0x04


@pytest.mark.parametrize(
    ("request_made", "ip_sends"),
    [
        pytest.param(
            set_neighbor(KernelNeighbor(TUNNEL, ip_address("192.168.100.41"), PEER_MAC)),
            "300000001c0005055605006b0000000002000000020000008000000008000100c0a864290a0002000200000000050000",
            id="ip neigh replace 192.168.100.41 lladdr 02:00:00:00:00:05 dev 2 nud permanent",
        ),
        pytest.param(
            delete_neighbor(KernelNeighbor(TUNNEL, ip_address("192.168.100.41"))),
            "240000001d0005005605006b0000000002000000020000008000000008000100c0a86429",
            id="ip neigh del 192.168.100.41 dev 2",
        ),
        pytest.param(
            replace_route(KernelRoute(Prefix.parse("10.4.4.0/24"), (VIA_41,))),
            "3c000000180005055505006b0000000002180000fe36000100000000080001000a040400"
            "08000500c0a8642908000600040100000800040002000000",
            id="ip route replace 10.4.4.0/24 via 192.168.100.41 dev 2 proto 54 metric 260",
        ),
        pytest.param(
            replace_route(KernelRoute(Prefix.parse("10.4.4.0/24"), (KernelNextHop(TUNNEL),))),
            "34000000180005055505006b0000000002180000fe36fd0100000000080001000a04040008000600040100000800040002000000",
            id="ip route replace 10.4.4.0/24 dev 2 proto 54 metric 260",
        ),
        pytest.param(
            replace_route(KernelRoute(Prefix.parse("10.5.0.0/16"), (VIA_41, VIA_42))),
            "50000000180005055505006b0000000002100000fe36000100000000080001000a0500000800060004010000"
            "24000900100000000200000008000500c0a86429100000020200000008000500c0a8642a",
            id="ip route replace 10.5.0.0/16 proto 54 metric 260 nexthop via .41 dev 2 nexthop via .42 dev 2 weight 3",
        ),
        pytest.param(
            replace_route(KernelRoute(Prefix.parse("192.168.100.99"), kind=RouteType.UNREACHABLE)),
            "2c000000180005055505006b0000000002200000fe3600070000000008000100c0a864630800060004010000",
            id="ip route replace unreachable 192.168.100.99/32 proto 54 metric 260",
        ),
        pytest.param(
            replace_route(KernelRoute(Prefix.parse("0.0.0.0/0"), kind=RouteType.BLACKHOLE, table=1000)),
            "2c000000180005055505006b00000000020000000036000600000000080006000401000008000f00e8030000",
            id="ip route replace blackhole default proto 54 metric 260 table 1000",
        ),
        pytest.param(
            delete_route(KernelRoute(Prefix.parse("10.4.4.0/24"), (VIA_41,))),
            "2c000000190005005505006b0000000002180000fe36ff0000000000080001000a0404000800060004010000",
            id="ip route del 10.4.4.0/24 proto 54 metric 260",
        ),
        pytest.param(
            add_address(InterfaceAddress(TUNNEL, ip_address("10.1.1.1"), 24, AddressFlag.NOPREFIXROUTE)),
            "38000000140005055505006b000000000218000002000000080002000a01010108000400"
            "0a0101ff0800080000020000080001000a010101",
            id="ip addr replace 10.1.1.1/24 broadcast 10.1.1.255 dev 2 noprefixroute",
        ),
        pytest.param(
            create_veth(VethEnd(name="e0"), VethEnd(name="e1")),
            "54000000100005065505006b000000000000000000000000000000000000000007000300653000002c0012000800010076657468"
            "200002001c000100000000000000000000000000000000000700030065310000",
            id="ip link add name e0 type veth peer name e1",
        ),
        pytest.param(
            create_gre_collector("dmvpn-gre"),
            "44000000100005065505006b0000000000000000000000000000000000000000"
            "0e000300646d76706e2d677265000000140012000700010067726500080002000400" + "1200",
            id="ip link add name dmvpn-gre type gre external",
        ),
    ],
)
def test_a_request_means_what_ip_8_sends(request_made: KernelRequest, ip_sends: str) -> None:
    assert meaning(request_made.serialize(1, ACK)) == meaning(bytes.fromhex(ip_sends))


def test_neighbor_parameters_are_set_with_the_attributes_that_ip_ntable_sends() -> None:
    parameters = NeighborParameters(link=TUNNEL, app_probes=1, unicast_probes=0, multicast_probes=0, retransmit_ms=1000)
    # ip ntable change name arp_cache dev 2 app_probes 1 ucast_probes 0 mcast_probes 0 retrans 1000
    sent = bytes.fromhex(
        "54000000430005015605006b00000000000000000e0001006172705f6361636865000000300006000800010002000000"
        "080009000100000008000a000000000008000b00000000000c000500e803000000000000"
    )
    ours, theirs = meaning(set_neighbor_parameters(parameters).serialize(1)), meaning(sent)
    assert (ours[0], ours[3]) == (theirs[0], theirs[3])


@pytest.mark.parametrize(
    ("request_made", "ip_sends"),
    [
        (set_down(TUNNEL), "0000000002000000000000000100" + "0000"),
        (set_up(TUNNEL), "0000000002000000010000000100" + "0000"),
        (set_link(TUNNEL, LinkSettings(mtu=1400)), "00000000020000000000000000000000" + "0800040078050000"),
        (
            set_link(TUNNEL, LinkSettings(silent_ipv6=True)),
            # as ip(8) sends it, with the "nested" bit that newer kernels ask for
            "00000000020000000000000000000000" + "10001a800c000a800500080001000000",
        ),
    ],
)
def test_a_change_of_an_interface_has_exactly_one_encoding(request_made: KernelRequest, ip_sends: str) -> None:
    assert request_made.body.hex() == ip_sends.ljust(32, "0")


def test_settings_of_forwarding_go_below_af_spec_and_af_inet() -> None:
    request = set_link(TUNNEL, LinkSettings(inet=InetConf(forwarding=1, rp_filter=0)))
    words = wire.nest(1, wire.attribute(1, bytes((1, 0, 0, 0))), wire.attribute(8, bytes(4)))
    assert request.body[16:] == wire.nest(26, wire.nest(2, words))


def test_an_interface_may_be_named_instead_of_numbered() -> None:
    assert set_up("Tunnel100").body[16:] == wire.attribute(3, b"Tunnel100\0")


@pytest.mark.parametrize("name", ["GigabitEthernet0", "Gi0/1", "", ".", "a b", "ä" * 8])
def test_a_name_that_linux_refuses_is_refused_before_the_kernel_sees_it(name: str) -> None:
    with pytest.raises(ValueError, match="no Linux interface name"):
        set_up(name)


def test_metric_zero_is_refused_because_it_would_replace_a_connected_route() -> None:
    with pytest.raises(ValueError, match="connected"):
        replace_route(KernelRoute(Prefix.parse("10.3.3.0/24"), (VIA_41,), metric=0))


def test_a_veth_does_not_leave_open_where_its_peer_goes() -> None:
    with pytest.raises(ValueError, match="both ends"):
        create_veth(VethEnd(name="e0", namespace=9), VethEnd(name="e1"))


def test_an_ipv4_route_may_lead_to_an_ipv6_gateway() -> None:
    route = KernelRoute(
        Prefix.parse("10.6.0.0/16"), (KernelNextHop(TUNNEL, ip_address("2001:db8::41"), onlink=True),), table=1000
    )
    event = parse_event(wire.KernelMessage(24, 0, 0, 0, memoryview(replace_route(route).body)))
    assert event == RouteEvent(ObjectChange.SET, route)


# -------------------------------------------------------------------------------------------------- notifications


@pytest.mark.parametrize(
    ("octets", "event"),
    [
        pytest.param(
            "54000000140000004505006bdb3e0000021880000200000008000100c0a8641f08000200c0a8641f0e00030054756e6e656c3130"
            "30000000080008008000000014000600ffffffffffffffffa67d0200a67d0200",
            AddressEvent(
                ObjectChange.SET, InterfaceAddress(TUNNEL, ip_address("192.168.100.31"), 24, AddressFlag.PERMANENT)
            ),
            id="IPv4 address added",
        ),
        pytest.param(
            "480000001400000000000000000000000a408200020000001400010020010db800000000000000000000003114000600ffffffff"
            "ffffffffa97d0200a97d02000800080082020000",
            AddressEvent(
                ObjectChange.SET,
                InterfaceAddress(
                    TUNNEL,
                    ip_address("2001:db8::31"),
                    64,
                    AddressFlag.PERMANENT | AddressFlag.NODAD | AddressFlag.NOPREFIXROUTE,
                ),
            ),
            id="IPv6 address added with nodad and noprefixroute",
        ),
        pytest.param(
            "3c00000018000006000000000000000002180000fe02fd011000000008000f00fe00000008000100c0a8640008000700c0a8641f"
            "0800040002000000",
            RouteEvent(
                ObjectChange.SET,
                KernelRoute(
                    Prefix.parse("192.168.100.0/24"),
                    (KernelNextHop(TUNNEL),),
                    metric=0,
                    protocol=2,
                    source=ip_address("192.168.100.31"),
                ),
            ),
            id="connected route, linkdown",
        ),
        pytest.param(
            "44000000180000064505006bdf3e000002180000fe3600011000000008000f00fe000000080001000a0404000800060004010000"
            "08000500c0a864290800040002000000",
            RouteEvent(ObjectChange.SET, KernelRoute(Prefix.parse("10.4.4.0/24"), (VIA_41,))),
            id="our route",
        ),
        pytest.param(
            "58000000180000064505006be13e000002100000fe3600011000000008000f00fe000000080001000a0500000800060004010000"
            "24000900100010000200000008000500c0a86429100010020200000008000500c0a8642a",
            RouteEvent(ObjectChange.SET, KernelRoute(Prefix.parse("10.5.0.0/16"), (VIA_41, VIA_42))),
            id="two next hops with weights",
        ),
        pytest.param(
            "34000000180000064505006be33e000002200000fe3600070000000008000f00fe00000008000100c0a864630800060004010000",
            RouteEvent(ObjectChange.SET, KernelRoute(Prefix.parse("192.168.100.99"), kind=RouteType.UNREACHABLE)),
            id="unreachable host",
        ),
        pytest.param(
            "74000000180000064505006be53e00000a300000fe3600060000000008000f00fe0000001400010020010db80009000000000000"
            "000000000800060004010000080004000100000024000c0000000000000000000000000000000000000000000000000000000000"
            "000000000500140000000000",
            RouteEvent(ObjectChange.SET, KernelRoute(Prefix.parse("2001:db8:9::/48"), kind=RouteType.BLACKHOLE)),
            id="IPv6 blackhole, which the kernel reports on lo",
        ),
        pytest.param(
            "54000000180000064505006be73e000002100000fc3600010400000008000f00e8030000080001000a0600000800060004010000"
            "160012000a0020010db800000000000000000000004100000800040002000000",
            RouteEvent(
                ObjectChange.SET,
                KernelRoute(
                    Prefix.parse("10.6.0.0/16"),
                    (KernelNextHop(TUNNEL, ip_address("2001:db8::41"), onlink=True),),
                    table=1000,
                ),
            ),
            id="on-link IPv6 gateway in table 1000",
        ),
        pytest.param(
            "4c0000001c00000000000000e93e000002000000020000008000000108000100c0a864290a000200020000000005000008000400"
            "000000001400030000000000000000000000000001000000",
            NeighborEvent(ObjectChange.SET, KernelNeighbor(TUNNEL, ip_address("192.168.100.41"), PEER_MAC)),
            id="permanent neighbor",
        ),
        pytest.param(
            "580000001c00000000000000eb3e00000a00000002000000040010011400010020010db80000000000000000000000410a000200"
            "020000000005000008000400000000001400030070170000000000000000000001000000",
            NeighborEvent(
                ObjectChange.SET,
                KernelNeighbor(
                    TUNNEL,
                    ip_address("2001:db8::41"),
                    PEER_MAC,
                    KernelNeighborState.STALE,
                    NeighborFlag.EXTERNALLY_LEARNED,
                ),
            ),
            id="IPv6 neighbor, stale and externally learned",
        ),
        pytest.param(
            "400000001d000000000000000000000002000000020000002000000108000100c0a8642908000400000000001400030006000000"
            "060000000600000000000000",
            NeighborEvent(
                ObjectChange.GONE,
                KernelNeighbor(TUNNEL, ip_address("192.168.100.41"), state=KernelNeighborState.FAILED),
            ),
            id="neighbor deleted",
        ),
        pytest.param(
            "400000001e000000000000000000000002000000020000000100000108000100c0a8642a08000400000000001400030006000000"
            "060000000600000000000000",
            NeighborEvent(
                ObjectChange.ASKED,
                KernelNeighbor(TUNNEL, ip_address("192.168.100.42"), state=KernelNeighborState.INCOMPLETE),
            ),
            id="the kernel asks for an unknown neighbor",
        ),
    ],
)
def test_a_notification_is_the_event_it_stands_for(octets: str, event: KernelEvent) -> None:
    assert parse_event(single(octets)) == event


def test_an_interface_is_read_with_its_alias_kind_and_ipv4_settings() -> None:
    inet = b"".join(value.to_bytes(4, "little") for value in (1, 0, 0, 1, 1, 1, 1, 2))
    body = (
        bytes.fromhex("000001000200000043100100ffffffff")
        + wire.attribute(3, b"Tunnel100\0")
        + wire.attribute(4, (1400).to_bytes(4, "little"))
        + wire.attribute(1, PEER_MAC)
        + wire.attribute(20, b"IOS name\0")
        + wire.nest(18, wire.attribute(1, b"tun\0"))
        + wire.nest(26, wire.nest(2, wire.attribute(1, inet)))
    )
    event = parse_event(wire.KernelMessage(16, 0, 0, 0, memoryview(body)))
    assert isinstance(event, LinkEvent)
    link = event.link
    assert (link.index, link.name, link.mtu, link.address) == (2, "Tunnel100", 1400, PEER_MAC)
    assert (link.alias, link.kind, link.up, link.carrier) == ("IOS name", "tun", True, True)
    assert LinkFlag.MULTICAST in link.flags
    assert link.inet == InetConf(forwarding=1, rp_filter=2, send_redirects=1, accept_redirects=1)


def test_a_vrf_device_is_read_with_its_table_and_a_port_with_its_device() -> None:
    asked = link.create_vrf("INTERNET", 5500)
    made = link.parse_link(memoryview(asked.body))
    assert made is not None
    assert (made.name, made.kind, made.table, made.master) == ("INTERNET", "vrf", 5500, 0)
    port = link.parse_link(memoryview(asked.body + set_link(7, LinkSettings(master=9)).body[16:]))
    assert port is not None
    assert port.master == 9


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (24, "801800000000000000000000"),  # a multicast route (RTNL_FAMILY_IPMR)
        (24, "0a800000fe000001000200000800040002000000"),  # a cached IPv6 route
        (28, "070000000200000002000000"),  # a bridge's forwarding entry
        (16, "07000100020000000000000000000000"),  # a bridge port
        (20, "0c00000002000000"),  # some other protocol's address
        (99, ""),
    ],
)
def test_what_is_not_ours_to_follow_is_passed_over(kind: int, body: str) -> None:
    assert parse_event(wire.KernelMessage(kind, 0, 0, 0, memoryview(bytes.fromhex(body)))) is None


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        ("0f000000100000000000000000000000", "message of 15 octets"),
        ("14000000100000000000000000000000", "message of 20 octets"),
    ],
)
def test_a_message_with_a_wrong_length_is_refused(octets: str, what: str) -> None:
    with pytest.raises(WireError, match=what):
        list(wire.parse_messages(memoryview(bytes.fromhex(octets))))


@pytest.mark.parametrize(
    ("kind", "body", "what"),
    [
        (24, "0218", "rtmsg cut short"),
        (24, "02180000fe360001000000000300010000000000", "attribute 1 of 3 octets"),
        (24, "02180000fe36000100000000080001000a04", "attribute 1 of 8 octets"),
        (24, "02180000fe36000c00000000", "route type 12"),
        (24, "02210000fe36000100000000", "destination not of its family"),
        (28, "020000000200000080000000", "neighbor without address"),
        (28, "0a000000020000008000000008000100c0a86429", "neighbor address not of its family"),
        (20, "0218800002000000", "address missing"),
    ],
)
def test_a_damaged_body_is_refused_with_what_is_wrong(kind: int, body: str, what: str) -> None:
    with pytest.raises(WireError, match=what):
        parse_event(wire.KernelMessage(kind, 0, 0, 0, memoryview(bytes.fromhex(body))))


# ------------------------------------------------------------------------------------------------------- verdicts


def test_the_kernels_own_explanation_is_read_from_a_refusal() -> None:
    quoted = bytes.fromhex("44000000180005050700000000000000")
    text = wire.attribute(1, b"Nexthop has invalid gateway\0")
    message = wire.KernelMessage(2, 0x300, 7, 1, memoryview((-22).to_bytes(4, "little", signed=True) + quoted + text))
    verdict = wire.parse_acknowledgement(message)
    assert (verdict.sequence, verdict.errno, verdict.text) == (7, 22, "Nexthop has invalid gateway")


def test_a_refusal_that_quotes_the_whole_request_is_read_too() -> None:
    quoted = bytes.fromhex("14000000180005050700000000000000") + bytes(4)
    message = wire.KernelMessage(
        2, 0x200, 7, 1, memoryview((-3).to_bytes(4, "little", signed=True) + quoted + wire.attribute(1, b"x\0"))
    )
    assert wire.parse_acknowledgement(message).text == "x"


def test_the_end_of_a_dump_may_carry_an_error() -> None:
    assert wire.parse_done(wire.KernelMessage(3, 0, 0, 0, memoryview((-4).to_bytes(4, "little", signed=True)))) == 4
    assert wire.parse_done(wire.KernelMessage(3, 0, 0, 0, memoryview(b""))) == 0


# ----------------------------------------------------------------------------------------------------- properties

addresses = st.ip_addresses()
prefixes = st.builds(lambda a, n: Prefix.of(a, n % (a.max_prefixlen + 1)), addresses, st.integers(0, 128))
hops = st.builds(
    KernelNextHop,
    link=st.integers(1, 2**31 - 1),
    gateway=st.none() | addresses,
    onlink=st.booleans(),
    weight=st.integers(1, 256),
)


@given(prefixes, st.lists(hops, min_size=2, max_size=4), st.integers(1, 2**32 - 1), st.integers(1, 2**32 - 1))
def test_every_route_that_can_be_written_is_read_back(
    prefix: Prefix, next_hops: list[KernelNextHop], metric: int, table: int
) -> None:
    route = KernelRoute(prefix, tuple(next_hops), metric=metric, table=table)
    event = parse_event(wire.KernelMessage(24, 0, 0, 0, memoryview(replace_route(route).body)))
    assert event == RouteEvent(ObjectChange.SET, route)


@given(prefixes, st.lists(hops, max_size=3), st.integers(1, 2**32 - 1), st.sampled_from((replace_route, delete_route)))
def test_a_route_of_a_form_is_the_one_that_a_request_of_its_own_is_about(
    prefix: Prefix, next_hops: list[KernelNextHop], table: int, make: Callable[[KernelRoute], KernelRequest]
) -> None:
    form = RouteForm(KernelRoute(EVERYWHERE, tuple(next_hops), table=table), make)

    def read(octets: bytes) -> tuple[int, int, int, KernelEvent | None]:
        (message,) = wire.parse_messages(memoryview(octets))
        return message.kind, message.flags, message.sequence, parse_event(message)

    for _ in range(2):  # what the first one made is there for the second one
        alone = form.request(prefix).serialize(7, wire.NLM_F_ACK)
        assert read(form.serialize(prefix, 7, wire.NLM_F_ACK)) == read(alone)


@given(st.integers(1, 2**31 - 1), addresses, st.binary(min_size=1, max_size=32), st.sampled_from(KernelNeighborState))
def test_every_neighbor_that_can_be_written_is_read_back(
    link: int, address: IPAddress, lladdr: bytes, state: KernelNeighborState
) -> None:
    neighbor = KernelNeighbor(link, address, lladdr, state)
    event = parse_event(wire.KernelMessage(28, 0, 0, 0, memoryview(set_neighbor(neighbor).body)))
    assert event == NeighborEvent(ObjectChange.SET, neighbor)


@given(st.integers(0, 2**32 - 1), st.integers(1, 2**32 - 1), st.none() | st.integers(0, 128), st.sampled_from((4, 6)))
def test_every_rule_that_can_be_written_is_read_back(
    priority: int, table: int, suppress: int | None, version: int
) -> None:
    rule = Rule(priority, table, suppress, version)
    event = parse_event(wire.KernelMessage(32, 0, 0, 0, memoryview(add_rule(rule).body)))
    assert event == RuleEvent(ObjectChange.SET, rule)


def test_a_rule_that_does_not_lead_to_a_table_is_none_of_ours() -> None:
    unreachable = bytes.fromhex("020000000000000700000000")
    assert parse_event(wire.KernelMessage(32, 0, 0, 0, memoryview(unreachable))) is None


def test_an_address_that_may_be_there_is_added_without_replacing_it() -> None:
    """A replacement would be told to everybody, ourselves included, and said again without end."""
    address = InterfaceAddress(TUNNEL, ip_address("192.168.100.41"), 24)
    assert add_missing_address(address).body == add_address(address).body
    assert add_missing_address(address).flags == 0x600


def offset_of_refusal(parse: Callable[[], object]) -> int:
    """Where the decoder found the fault; 0 if it found none."""
    try:
        parse()
    except WireError as error:
        return error.offset
    return 0


@given(st.binary(max_size=96))
def test_any_octets_are_messages_or_refused_never_a_crash(octets: bytes) -> None:
    offset = offset_of_refusal(lambda: [parse_event(message) for message in wire.parse_messages(memoryview(octets))])
    assert 0 <= offset <= len(octets)


HEADERS = [
    "02180000fe36000100000000",
    "0a000000020000008000000100",
    "0218800002000000",
    "020000000000000100000000",
    "00000100" + "00" * 12,
]


@given(
    st.sampled_from([2, 3, 16, 17, 20, 21, 24, 25, 28, 29, 30, 32, 33, 64]),
    st.sampled_from(HEADERS),
    st.binary(max_size=64),
)
def test_any_body_behind_a_true_header_is_an_event_or_refused(kind: int, head: str, rest: bytes) -> None:
    message = wire.KernelMessage(kind, 0x200, 0, 0, memoryview(bytes.fromhex(head) + rest))
    for parse in (parse_event, wire.parse_acknowledgement, wire.parse_done):
        assert 0 <= offset_of_refusal(partial(parse, message)) <= len(message.body)


# What the kernel says of a flow, as octets of CTNETLINK.

INSIDE, OWN, WEB = (IPv4Address(text) for text in ("10.3.3.100", "172.16.31.1", "198.51.100.80"))
#: TCP of a station inside, masqueraded and answered, laid out as in linux/netfilter/nfnetlink_conntrack.h.
FLOW = bytes.fromhex(
    "340001801400018008000100"
    "0a030364"
    "08000200"
    "c6336450"
    "1c0002800500010006000000"
    "060002000bb80000"
    "0600030000500000"
    "340002801400018008000100"
    "c6336450"
    "08000200"
    "ac101f01"
    "1c0002800500010006000000"
    "0600020000500000"
    "060003000bb80000"
    "08000300"
    "0000019e"
    "08000700"
    "00069780"
)


def test_a_flow_is_read_with_both_directions_and_how_long_it_lasts() -> None:
    flow = netfilter.parse(memoryview(FLOW))
    assert flow is not None
    assert flow.protocol == IpProtocol.TCP
    assert flow.original == Ends(INSIDE, 3000, WEB, 80)
    assert flow.reply == Ends(WEB, 80, OWN, 3000)
    assert flow.is_source_translated
    assert flow.answered
    assert flow.expires == 432000
    assert flow.key == FLOW[:52]


def test_what_is_not_about_ipv4_is_none_of_ours() -> None:
    assert netfilter.parse(memoryview(FLOW[52:104])) is None
    assert netfilter.parse(memoryview(b"")) is None


@pytest.mark.parametrize("end", range(1, len(FLOW)))
def test_a_flow_that_is_cut_short_is_refused_or_passed_over(end: int) -> None:
    with suppress(WireError):
        netfilter.parse(memoryview(FLOW[:end]))
