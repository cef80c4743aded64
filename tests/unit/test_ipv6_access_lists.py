"""Access lists of IPv6: their lines, what a filter sees of a packet with extension headers, and which packets pass."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered, PacketsFiltered
from dmvpn.base.filters import FilterList, Packet, TcpFlag
from dmvpn.base.packetsets import EVERYTHING, Bits, PacketSet, meanings, split
from dmvpn.dataplane.packets import MOST_EXTENSIONS, packet_of
from dmvpn.features.policy.config import model
from dmvpn.features.policy.machine import filter_list
from dmvpn.features.system.machine import SystemMachine
from dmvpn.net.ipv6 import Ipv6Packet
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.router.router import Router
from dmvpn.tools.lint import lint

PORT = "GigabitEthernet0/1"
HERE, THERE = IPv6Address("2001:db8:1::1"), IPv6Address("2001:db8:2::2")
TCP, UDP, ICMP = 6, 17, 58


def shown(*lines: str) -> tuple[list[str], list[str]]:
    """Return the list as the running configuration has it, and what the prompt says of its lines."""
    result = configurator(FEATURES).parse_text("\n ".join(("ipv6 access-list L", *lines)))
    text = list(result.tree.render())
    return text[text.index("ipv6 access-list L") + 1 : -1], [
        " ".join(problem.message_lines) for problem in result.problems
    ]


def listed(*entries: str) -> FilterList:
    """Return the filter of a list of these entries."""
    result = configurator(FEATURES).parse_text("\n ".join(("ipv6 access-list L", *entries)))
    config = model(result.tree)
    assert config is not None
    assert filter_list(config, "L") is None  # no list of IPv4 has this name
    found = filter_list(config, "L", version=6)
    assert found is not None
    return found


def test_entries_have_their_numbers_first_wherever_they_were_typed() -> None:
    lines, said = shown(
        "remark SSH of the sequence 9 network",
        "permit tcp 2001:db8:9::7/48 any eq 22 sequence 35 log",
        "sequence 5 deny ipv6 host fe80::1 any",
        "permit udp any any eq domain",
    )
    assert said == []
    assert lines == [
        " sequence 5 deny ipv6 host FE80::1 any",
        " sequence 10 remark SSH of the sequence 9 network",
        " sequence 35 permit tcp 2001:DB8:9::/48 any eq 22 log",
        " sequence 40 permit udp any any eq domain",
    ]
    again, said = shown(*lines, "no sequence 5", "no permit udp any any eq domain", "no sequence 35")
    assert (again, said) == (lines[1:2], [])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("permit tcp any any eq 22 fragments", "Fragments have no ports"),
        ("permit tcp any any hbh routing", "one extension header"),
        ("permit 43 any any hbh", "one extension header"),
        ("permit tcp any any reflect R", "Reflexive lists"),
        ("permit igmp any any", "Invalid input"),
        ("permit icmp any any host-unknown", "Invalid input"),
        ("permit ipv6 10.0.0.0 0.0.0.255 any", "Invalid input"),
    ],
)
def test_what_no_list_of_ipv6_can_ask_for_is_refused(line: str, why: str) -> None:
    lines, said = shown("permit ipv6 any any", line)
    assert len(lines) == 1
    assert why in " ".join(said)


@pytest.mark.parametrize("first", ["ip access-list extended L\n permit ip any any", "ipv6 access-list L"])
def test_lists_of_both_versions_share_their_names(first: str) -> None:
    second = "ipv6 access-list L" if first.startswith("ip ") else "ip access-list standard L"
    result = configurator(FEATURES).parse_text(f"{first}\n{second}\nipv6 access-list 7L")
    said = [" ".join(problem.message_lines) for problem in result.problems]
    assert ["conflicts" in said[0], "Invalid access list name" in said[1]] == [True, True]


def packet(**fields: object) -> Packet:
    return Packet(**{"protocol": TCP, "source": HERE, "destination": THERE, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entry", "fits", "fits_not"),
    [
        ("tcp any any established", packet(flags=TcpFlag.ACK), packet(flags=TcpFlag.SYN)),
        (
            "udp 2001:db8:1::/48 host 2001:db8:2::2 eq 53",
            packet(protocol=UDP, destination_port=53),
            packet(protocol=UDP),
        ),
        ("icmp any any echo-request", packet(protocol=ICMP, icmp=(128, 0)), packet(protocol=ICMP, icmp=(8, 0))),
        ("icmp any any no-route", packet(protocol=ICMP, icmp=(1, 0)), packet(protocol=ICMP, icmp=(1, 4))),
        ("ipv6 any any dscp ef", packet(service=46 << 2 | 1), packet(service=45 << 2)),
        ("tcp any any routing", packet(options=(60, 43)), packet(options=(60,))),
        ("hbh any any", packet(options=(0,), protocol=UDP), packet()),
        ("ahp any any", packet(options=(51,)), packet(protocol=51)),
        ("44 any any", packet(options=(44,)), packet()),
        ("132 any any", packet(protocol=132), packet(protocol=131)),
        ("ipv6 any any fragments", packet(is_later_fragment=True), packet(has_more=True)),
        ("tcp any any eq 22", packet(is_later_fragment=True), packet(destination_port=23)),
    ],
)
def test_an_entry_decides_on_what_it_names(entry: str, fits: Packet, fits_not: Packet) -> None:
    permitted = listed(f"permit {entry}")
    assert permitted.denies(fits) is None
    assert permitted.denies(fits_not) == 0
    if not fits.is_later_fragment or "fragments" in entry:
        assert listed(f"deny {entry}", "permit ipv6 any any").denies(fits) == 10


def test_neighbors_are_found_through_a_list_that_does_not_mention_them() -> None:
    solicitation, advertisement = (packet(protocol=ICMP, icmp=(kind, 0)) for kind in (135, 136))
    plain, all_denied = listed("permit tcp any any"), listed("permit tcp any any", "deny ipv6 any any")
    assert [plain.denies(one) for one in (solicitation, advertisement, packet(protocol=ICMP))] == [None, None, 0]
    assert [all_denied.denies(one) for one in (solicitation, advertisement)] == [20, 20]
    assert plain.denies(packet(protocol=ICMP, is_later_fragment=True)) == 0  # RFC 6980
    assert listed("deny ipv6 any any undetermined-transport", "permit ipv6 any any").denies(packet()) is None
    assert listed("permit ipv6 any any flow-label 5").denies(packet()) == 0


# ------------------------------------------------------------------------------------------------ extension headers


def octets(next_header: int, payload: str) -> bytes:
    """Return a packet whose payload is given as hex."""
    body = bytes.fromhex(payload)
    return Ipv6Packet(next_header=next_header, source=HERE, destination=THERE, payload=body, hop_limit=9).serialize()


_UDP = "0035 0045 0008 0000"
_TCP = "0016 d431 00000000 00000000 5002"


@pytest.mark.parametrize(
    ("next_header", "payload", "seen"),
    [
        (UDP, _UDP, (UDP, 53, 69, (), False)),
        (0, "1100 0104 00000000" + _UDP, (UDP, 53, 69, (0,), False)),
        (60, "2b01" + "00" * 14 + "0600 0000 00000000" + _TCP, (TCP, 22, 54321, (60, 43), False)),
        (51, "1104" + "00" * 22 + _UDP, (51, 0, 0, (51,), False)),  # no list looks behind it
        (44, "1100 0001 00000007" + _UDP, (UDP, 53, 69, (44,), False)),
        (44, "1100 0000 00000007" + _UDP, (UDP, 53, 69, (44,), False)),  # atomic, RFC 6946
        (44, "1100 0011 00000007" + _UDP, (UDP, 0, 0, (44,), True)),
        (59, "", (59, 0, 0, (), False)),
        (50, "00000001 00000001", (50, 0, 0, (), False)),
    ],
)
def test_headers_are_followed_to_the_protocol(
    next_header: int, payload: str, seen: tuple[int, int, int, tuple[int, ...], bool]
) -> None:
    found = packet_of(octets(next_header, payload))
    assert found is not None
    ports = found.source_port, found.destination_port
    assert (found.protocol, *ports, found.options, found.is_later_fragment) == seen
    assert (found.source, found.destination, found.ttl) == (HERE, THERE, 9)


@pytest.mark.parametrize(
    ("next_header", "payload"),
    [
        (UDP, "0035 0045"),
        (TCP, _TCP[:-2]),
        (0, "1100"),
        (0, "1101 0104 00000000"),  # longer than the packet
        (60, "0000 0104 00000000" + "1100 0104 00000000" + _UDP),  # options for every hop come first
        (44, "0600 0001 00000007" + "0016 d431"),  # RFC 7112
        (44, "3c00 0001 00000007"),
        (44, "3c00 0011 00000007" + _UDP),  # a later fragment of such a packet
        (44, "0600 0009 00000007" + _TCP),  # would overwrite the flags
        (44, "2c00 0001 00000007" + "1100 0001 00000007" + _UDP),
        (60, "3c00 0104 00000000" * MOST_EXTENSIONS + "1100 0104 00000000" + _UDP),
    ],
)
def test_what_cannot_be_followed_is_hidden_from_lists(next_header: int, payload: str) -> None:
    assert packet_of(octets(next_header, payload)) is None


@given(st.integers(0, 255), st.binary(max_size=90), st.integers(0, 200))
@example(0, b"\x00" * 8, 40)
@example(44, b"\x2c\x00\x00\x01" + b"\x00" * 4, 48)
def test_no_octets_break_the_reading(next_header: int, payload: bytes, length: int) -> None:
    whole = octets(next_header, payload.hex())
    for data in (whole, whole[:length], whole[:4] + length.to_bytes(2, "big") + whole[6:]):
        found = packet_of(data)
        assert found is None or len(found.options) <= MOST_EXTENSIONS


# ------------------------------------------------------------------------------------------------ sets of packets

_ENDS = st.sampled_from(["any", "2000::/3", "8000::/1"])
_ENTRIES = st.builds(
    lambda verdict, what, source, destination, more: f"{verdict} {what} {source} {destination} {more}",
    st.sampled_from(["permit", "deny"]),
    st.sampled_from(["ipv6", "tcp", "udp", "icmp", "hbh", "58", "43"]),
    _ENDS,
    _ENDS,
    st.sampled_from(["", "", "dscp ef", "fragments", "log"]),
)
_PACKETS = st.builds(
    lambda protocol, source, destination, icmp, service, later: packet(
        protocol=protocol,
        source=IPv6Address(source),
        destination=IPv6Address(destination),
        icmp=icmp if protocol == ICMP and not later else (0, 0),
        service=service,
        is_later_fragment=later,
    ),
    st.sampled_from([TCP, UDP, ICMP, 89]),
    *(st.sampled_from(["2001:db8:1::1", "fe80::5", "2002::1", "::"]) for _ in range(2)),
    st.sampled_from([(128, 0), (135, 0), (136, 0), (2, 0)]),
    st.sampled_from([0, 184]),
    st.booleans(),
)


@given(st.lists(_ENTRIES, min_size=1, max_size=2), st.lists(_PACKETS, min_size=1, max_size=8))
def test_sets_of_packets_say_what_the_list_says_of_each_packet(entries: list[str], packets: list[Packet]) -> None:
    found = listed(*entries)
    known = meanings(found, most=1000)
    assert known is not None
    parts = split(known, [EVERYTHING], most=10_000)
    assert parts is not None
    for one in packets:
        (sure,) = [part.entry for part in parts if part.packets.holds(_alone(one))]
        assert sure == found.decides(one)
        if sure is not None:
            seen = next(part.packets for part in parts if part.entry is sure).example(IPv6Address)
            assert found.decides(seen) is sure or seen.is_later_fragment


def _alone(one: Packet) -> PacketSet:
    """Return the set of this packet alone."""
    every = (1 << 128) - 1
    return PacketSet(
        source=Bits(int(one.source), every),
        destination=Bits(int(one.destination), every),
        service=Bits(one.service, 255),
        protocol=((one.protocol, one.protocol),),
        source_ports=((0, 0),),
        destination_ports=((0, 0),),
        icmp=((one.icmp[0] << 8 | one.icmp[1],) * 2,),
        flags=((0, 0),),
        ttl=((255, 255),),
        later=((int(one.is_later_fragment),) * 2,),
    )


# ------------------------------------------------------------------------------------------------ log


@pytest.mark.parametrize(
    ("entry", "seen", "line"),
    [
        (
            "tcp any any",
            packet(source_port=40000, destination_port=22),
            "%IPV6_ACL-6-ACCESSLOGP: list L/10 denied tcp 2001:DB8:1::1(40000) -> 2001:DB8:2::2(22), 1 packet",
        ),
        (
            "icmp any any",
            packet(protocol=ICMP, icmp=(128, 0)),
            "%IPV6_ACL-6-ACCESSLOGDP: list L/10 denied icmpv6 2001:DB8:1::1 -> 2001:DB8:2::2 (128/0), 1 packet",
        ),
        (
            "ipv6 any any",
            packet(protocol=89),
            "%IPV6_ACL-6-ACCESSLOGNP: list L/10 denied 89 2001:DB8:1::1 -> 2001:DB8:2::2, 1 packet",
        ),
    ],
)
def test_an_entry_with_log_says_which_packets_it_decided_on(entry: str, seen: Packet, line: str) -> None:
    router = Router(SeededEntropy(1))
    text = f"ipv6 access-list L\n deny {entry} log\ninterface {PORT}\n ipv6 traffic-filter L out\n"
    router.handle(ConfigurationEntered(text), 0.0)
    router.handle(PacketsFiltered(PORT, False, 10, seen), 1.0)
    assert line in "\n".join(router.machine(SystemMachine).syslog.lines)


# ------------------------------------------------------------------------------------------------ lint and walk


def test_lint_names_lists_that_do_not_exist_that_nothing_names_or_that_keep_neighbors_out() -> None:
    text = (
        "ipv6 access-list A\n permit tcp any any\n deny tcp 2001:db8::/32 any eq 23\n deny ipv6 any any\n"
        f"ipv6 access-list B\n permit udp any any\ninterface {PORT}\n ip address 10.0.0.1 255.255.255.0\n"
        " ipv6 address 2001:db8::1/64\n ip access-group B in\n ipv6 traffic-filter A in\n ipv6 traffic-filter C out\n"
        "line vty 0 4\n ipv6 access-class D in\n"
    )
    said = {(one.rule, one.what): one.fix for one in lint({"R.cfg": text})}
    expected = {
        ("list-denies-protocol", f"entry 30 of A denies neighbor discovery on {PORT}"),
        (
            "access-group-undefined",
            f"{PORT} filters packets in by the access list B, which is not configured: all of them pass",
        ),
        (
            "access-group-undefined",
            f"{PORT} filters packets out of IPv6 by the access list C, which is not configured: all of them pass",
        ),
        ("list-undefined", "line vty 0 4 names the IPv6 access list D, which is not configured"),
    }
    assert expected <= said.keys()
    assert any(rule == "list-entry-shadowed" and what.startswith("entry 20") for rule, what in said)
    fix = said["list-denies-protocol", f"entry 30 of A denies neighbor discovery on {PORT}"]
    again = text.replace(
        " deny ipv6 any any\n", " deny ipv6 any any\n" + "".join(f"{one}\n" for one in fix.splitlines()[1:])
    )
    assert not [one for one in lint({"R.cfg": again}) if one.rule == "list-denies-protocol"]
