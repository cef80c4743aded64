"""Entries of access lists that decide on nothing: alone or together with others, in short and in very long lists."""

from __future__ import annotations

import random
import time
from datetime import datetime
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.effects import Effect, SetFilters
from dmvpn.base.entropy import SeededEntropy, below
from dmvpn.base.events import ConfigurationEntered, EnteredLine, LinesEntered
from dmvpn.base.filters import ESTABLISHED, Condition, FilterEntry, FilterList, Flags, Packet, TcpFlag
from dmvpn.base.pages import Groups, Merged, Pages
from dmvpn.base.translation import TCP, UDP, Addresses
from dmvpn.features.policy.config.tree import ListEntry, Numbered
from dmvpn.features.policy.model import AccessEntry, AddressRange
from dmvpn.features.policy.packets import FilterLists
from dmvpn.judge.drawn_lists import LIST_TUNNEL, Header, NetworkLists, passes
from dmvpn.judge.drawn_lists import PORTS as DRAWN_PORTS
from dmvpn.judge.variants import vary
from dmvpn.network.device import Device
from dmvpn.network.overlay import Network
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.router.router import Router
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.lint import lint
from dmvpn.tools.lint.rules import access_lists

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dmvpn.base.addresses import IPAddress

RULE = "list-entry-shadowed"


def numbers(*entries: str, more: str = "") -> list[str]:
    """The numbers of the entries that are named."""
    text = "\n ".join(("ip access-list extended L", *entries)) + f"\n{more}"
    return [one.what.split()[1] for one in lint({"R.cfg": text}) if one.rule == RULE]


@pytest.mark.parametrize(
    ("entries", "shadowed"),
    [
        (("permit ip any any", "deny tcp any any eq 23"), ["20"]),
        (("permit tcp any any", "deny udp any any", "permit udp host 10.0.0.1 any eq 53"), ["30"]),
        (("deny tcp any any range 20 25", "permit tcp any any eq 22", "permit tcp any any eq 80"), ["20"]),
        # Two halves are the whole.
        (
            (
                "deny ip 10.0.0.0 0.127.255.255 any",
                "deny ip 10.128.0.0 0.127.255.255 any",
                "permit ip 10.0.0.0 0.255.255.255 any",
            ),
            ["30"],
        ),
        (("permit tcp any any lt 100", "permit tcp any any gt 99", "deny tcp any any eq 99"), ["30"]),
        (
            (
                "permit tcp any any lt 100",
                "permit tcp any any gt 100",
                "deny tcp any any eq 99",
                "deny tcp any any eq 100",
            ),
            ["30"],
        ),
        # Without the header behind IP a denial denies nothing, and a permit permits.
        (("deny tcp any any eq 80", "permit tcp any any fragments"), []),
        (("permit tcp any any eq 80", "deny tcp any any fragments"), ["20"]),
        (("permit tcp any any eq 80", "deny tcp any any eq 80"), ["20"]),
        # Other masks than those of networks.
        (
            ("permit ip 10.0.0.0 0.255.0.255 any", "deny ip 10.7.0.9 0.0.0.0 any", "deny ip 10.7.1.9 0.0.0.0 any"),
            ["20"],
        ),
        (("permit tcp any any established", "deny tcp any any ack", "deny tcp any any syn"), ["20"]),
        (("permit icmp any any echo", "deny icmp any any echo", "deny icmp any any echo-reply"), ["20"]),
        (("permit ip any any dscp ef", "deny udp any any dscp ef", "deny udp any any dscp af11"), ["20"]),
        (("permit ip any any option any-options", "deny ip any any option record-route"), ["20"]),
        (("permit ip any any option record-route", "deny ip any any option any-options"), []),
        (("permit tcp any any eq 22 log", "permit tcp any any eq 22"), ["20"]),
        # At some times only.
        (("permit ip any any time-range T", "deny ip any any"), []),
        (("permit ip any any", "deny ip any any time-range T"), ["20"]),
    ],
)
def test_an_entry_that_decides_on_nothing_is_named(entries: tuple[str, ...], shadowed: list[str]) -> None:
    assert numbers(*entries, more="time-range T\n periodic daily 8:00 to 9:00\n") == shadowed


def test_the_entries_that_take_its_packets_are_named_and_others_are_not() -> None:
    text = (
        "ip access-list extended L\n permit udp any any\n deny tcp any any lt 1000\n permit tcp any any gt 999\n"
        " permit tcp host 10.0.0.1 any\n"
    )
    (finding,) = (one for one in lint({"R.cfg": text}) if one.rule == RULE)
    assert (finding.line, finding.severity.value) == (5, "warning")
    assert finding.what == (
        "entry 40 (permit tcp host 10.0.0.1 any) of L decides on nothing: entry 20 (deny tcp any any lt 1000) and "
        "entry 30 (permit tcp any any gt 999) before it fit all of its packets"
    )


def test_a_permit_that_is_left_with_later_fragments_is_named_as_that() -> None:
    text = "access-list 101 deny tcp any any range 20 25\naccess-list 101 permit tcp any any eq 22\n"
    (finding,) = (one for one in lint({"R.cfg": text}) if one.rule == RULE)
    assert "entry 20 (permit tcp any any eq 22) of 101 permits later fragments alone: entry 10" in finding.what


def test_entries_of_numbered_lists_are_found_beside_lines_that_the_router_does_not_keep() -> None:
    """The third line of the file was the third entry, also where the router keeps two of these lines."""
    text = (
        "access-list 101 permit ip any any\nno access-list 101\n"
        "access-list 101 permit tcp any any eq 22\naccess-list 101 permit tcp any any eq 22\n"
        "access-list 101 deny udp any any\naccess-list 101 permit tcp any any\n"
        "access-list 101 deny tcp any any\naccess-list 101 deny tcp any any log\n"
    )
    findings = [one for one in lint({"R.cfg": text}) if one.rule == RULE]
    assert [one.line for one in findings] == [7, 8]
    assert findings[0].what == (
        "entry 40 (deny tcp any any) of 101 decides on nothing: entry 10 (permit tcp any any eq 22) and entry 30 ("
        "permit tcp any any) before it fit all of its packets"
    )


def test_an_entry_that_says_the_same_as_those_before_it_is_advice() -> None:
    text = "access-list 101 permit ip any any\naccess-list 101 permit tcp any any eq 22\n"
    (finding,) = (one for one in lint({"R.cfg": text}) if one.rule == RULE)
    assert (finding.line, finding.severity.value) == (2, "advice")
    assert "entry 20 (permit tcp any any eq 22) of 101" in finding.what


def test_groups_of_addresses_and_services_are_compared_member_by_member() -> None:
    groups = (
        "object-group network HOSTS\n host 10.0.0.1\n 10.0.1.0 255.255.255.0\n"
        "object-group network MORE\n group-object HOSTS\n host 10.9.9.9\n"
        "object-group service WEB\n tcp eq 80\n tcp eq 443\n"
    )
    assert numbers("permit tcp object-group MORE any", "deny object-group WEB object-group HOSTS any", more=groups) == [
        "20"
    ]
    assert (
        numbers("permit object-group WEB object-group HOSTS any", "deny tcp object-group MORE any", more=groups) == []
    )
    assert numbers("deny ip object-group NOBODY any", "permit ip any any") == []


def test_at_most_twenty_entries_of_a_list_are_named() -> None:
    assert len(numbers("permit ip any any", *(f"permit tcp any any eq {port}" for port in range(1, 100)))) == 20


def _hosts(count: int) -> list[str]:
    return [
        f"permit tcp host 10.{one >> 8}.{one & 255}.1 host 172.16.{one & 255}.{one >> 8} eq {1 + one}"
        for one in range(count)
    ]


def _ports(count: int) -> list[str]:
    return [f"permit tcp any any eq {1 + one}" for one in range(count)]


def _ranges(count: int) -> list[str]:
    chance = random.Random(1)
    found = []
    for _ in range(count):
        first = chance.randrange(1, 60_000)
        found.append(f"deny udp 10.0.0.0 0.0.255.255 any range {first} {first + chance.randrange(1, 900)}")
    return found


def _masks(count: int) -> list[str]:
    chance = random.Random(2)
    masks = [f"{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}.0" for _ in range(200)]
    return [
        f"permit ip {chance.randrange(256)}.{chance.randrange(256)}.7.1 {chance.choice(masks)} any"
        for _ in range(count)
    ]


@pytest.mark.lengthy
@pytest.mark.parametrize(
    "make",
    [_hosts, pytest.param(_ports, marks=pytest.mark.slow), pytest.param(_ranges, marks=pytest.mark.slow), _masks],
    ids=lambda make: make.__name__,
)
def test_a_list_of_ten_thousand_entries_is_judged_within_seconds(make: Callable[[int], list[str]]) -> None:
    text = "\n ".join(("ip access-list extended L", *make(10_000), "deny ip any any"))
    device = Device.read("R.cfg", text)
    entries = len(device.policy.access_lists["L", True])
    began = time.process_time()
    list(access_lists.check(Network([device])))
    assert entries > 9_900, "the reader leaves out what is said twice"
    assert time.process_time() - began < 10


# Object groups in packet filters: what an entry with groups means, and that it grows by their members only.

CLIENTS, SERVERS, SERVICES = 300, 200, 50
GROUPS: Final = "\n".join(
    (
        "object-group network CLIENTS",
        *(f" host 10.1.{number // 250}.{number % 250}" for number in range(CLIENTS)),
        "object-group network SERVERS",
        *(f" 10.2.{number}.0 255.255.255.0" for number in range(SERVERS)),
        "object-group service SERVICES",
        *(f" tcp eq {port}" for port in range(1000, 1000 + SERVICES)),
        "",
    )
)
LIST: Final = """\
ip access-list extended L
 10 permit object-group SERVICES object-group CLIENTS object-group SERVERS
 20 deny tcp object-group CLIENTS any
 30 permit ip any any
"""
PORTS: Final = "".join(f"interface GigabitEthernet0/{port}\n ip access-group {{}} in\n" for port in (1, 2))


def lists(effects: list[Effect]) -> dict[str, FilterList]:
    """The lists that ports get."""
    found = {effect.interface: effect.filters.inward for effect in effects if isinstance(effect, SetFilters)}
    return {name: listed for name, listed in found.items() if listed is not None}


def started(text: str) -> tuple[Router, dict[str, FilterList]]:
    router = Router(SeededEntropy(1))
    return router, lists(router.handle(ConfigurationEntered(text), 0.0))


def packet(source: str, destination: str, port: int, protocol: int = TCP) -> Packet:
    return Packet(
        protocol=protocol,
        source=IPv4Address(source),
        destination=IPv4Address(destination),
        source_port=40000,
        destination_port=port,
    )


def test_an_entry_with_three_large_groups_is_as_long_as_its_services_and_not_as_all_their_combinations() -> None:
    """It was three million entries: the router took minutes, and gigabytes."""
    _, found = started(GROUPS + LIST + PORTS.format("L", "L"))
    listed = found["GigabitEthernet0/1"]
    assert len(listed.entries) == SERVICES + 2
    assert set(listed.by_sequence()) == {10, 20, 30}


@pytest.mark.parametrize(
    ("tried", "sequence"),
    [
        (packet("10.1.0.7", "10.2.9.9", 1000), 10),
        (packet("10.1.1.49", "10.2.199.255", 1049), 10),
        (packet("10.1.1.49", "10.2.199.255", 1050), 20),
        (packet("10.1.1.50", "10.2.9.9", 1000), 30),
        (packet("10.1.0.7", "10.2.200.0", 1000), 20),
        (packet("10.1.0.7", "10.2.9.9", 1000, UDP), 30),
    ],
)
def test_large_groups_mean_their_members_and_nothing_between_them(tried: Packet, sequence: int) -> None:
    _, found = started(GROUPS + LIST + PORTS.format("L", "L"))
    decided = found["GigabitEthernet0/1"].decides(tried)
    assert decided is not None
    assert decided.sequence == sequence


def test_a_member_more_changes_the_lists_that_refer_to_its_group_and_no_others() -> None:
    others = "ip access-list extended M\n 10 permit tcp any object-group SERVERS\n"
    router, found = started(GROUPS + LIST + others + PORTS.format("L", "M"))
    line = EnteredLine(("object-group network CLIENTS",), "host 10.1.1.50")
    changed = lists(router.handle(LinesEntered((line,)), 1.0))
    assert list(changed) == ["GigabitEthernet0/1"]
    decided = changed["GigabitEthernet0/1"].decides(packet("10.1.1.50", "10.2.9.9", 1000))
    assert decided is not None
    assert decided.sequence == 10
    kept = {
        entry.sequence
        for entry in changed["GigabitEthernet0/1"].entries
        if entry in found["GigabitEthernet0/1"].entries
    }
    assert kept == {30}


def test_a_group_that_shrinks_means_its_pairs_again() -> None:
    router, _ = started(GROUPS + LIST + PORTS.format("L", "L"))
    gone = [
        EnteredLine(("object-group network CLIENTS",), f"no host 10.1.{number // 250}.{number % 250}")
        for number in range(1, CLIENTS)
    ]
    gone += [
        EnteredLine(("object-group network SERVERS",), f"no 10.2.{number}.0 255.255.255.0")
        for number in range(1, SERVERS)
    ]
    changed = lists(router.handle(LinesEntered(tuple(gone)), 1.0))["GigabitEthernet0/1"]
    for tried, sequence in ((packet("10.1.0.0", "10.2.0.1", 1000), 10), (packet("10.1.0.1", "10.2.0.1", 1000), 30)):
        decided = changed.decides(tried)
        assert decided is not None
        assert decided.sequence == sequence


# `access-list N` and `ip access-list extended N` are one list, in the order in which its entries were entered.


def shown(*lines: str, refused: int = 0) -> list[str]:
    """The lines of lists that a router shows after these were entered, which must be the same after a restart."""
    result = configurator(FEATURES).parse_text("\n".join(lines))
    assert len(result.problems) == refused, result.problems
    text = result.tree.render()
    assert configurator(FEATURES).parse_text("\n".join(text)).tree.render() == text
    return [line for line in text if "hostname" not in line and line.strip("! ")]


def test_an_entry_added_in_the_mode_of_a_numbered_list_comes_behind_the_entries_that_were_there() -> None:
    """`permit ip any any` came first, and let all pass that `access-list 101 deny` denied before."""
    found = shown("access-list 101 deny tcp any any eq telnet", "ip access-list extended 101", " permit ip any any")
    assert found == [
        "ip access-list extended 101",
        " 10 deny tcp any any eq telnet",
        " 20 permit ip any any",
    ]


def test_an_entry_of_a_numbered_list_is_taken_back_by_its_number_and_by_its_words() -> None:
    """Both did nothing, without a word."""
    lists = ("access-list 101 permit tcp any any", "access-list 101 permit udp any any", "access-list 101 remark last")
    found = shown(*lists, "access-list 101 deny ip any any", "ip access-list extended 101", " no 10", " no 40")
    assert found == ["ip access-list extended 101", " 20 permit udp any any", " 30 remark last"]
    found = shown(*lists, "ip access-list extended 101", " no permit udp any any")
    assert found == ["ip access-list extended 101", " 10 permit tcp any any", " 30 remark last"]


def test_an_entry_is_put_between_those_of_a_numbered_list() -> None:
    found = shown(
        "access-list 10 permit 10.0.0.1", "access-list 10 permit any", "ip access-list standard 10", " 15 deny 10.2.2.2"
    )
    assert found == ["ip access-list standard 10", " 10 permit 10.0.0.1", " 15 deny 10.2.2.2", " 20 permit any"]


def test_lines_of_a_numbered_list_behind_its_mode_are_entries_of_it() -> None:
    found = shown(
        "ip access-list extended 101", " 5 deny tcp any any", "access-list 101 permit ip any any",
        "access-list 101 permit ip any any", "access-list 101 remark *** end ***"
    )  # fmt: skip
    assert found == [
        "ip access-list extended 101",
        " 5 deny tcp any any",
        " 10 permit ip any any",
        " 20 remark *** end ***",
    ]


@pytest.mark.parametrize("no", ["no access-list 101", "no ip access-list extended 101", "default access-list 101"])
def test_either_form_takes_back_the_whole_list(no: str) -> None:
    """The entries of the other form stayed, and a list that a person had begun again was a mixture."""
    assert shown("access-list 101 permit ip any any", no) == []
    assert shown("ip access-list extended 101", " permit ip any any", "exit", no) == []
    assert (
        shown("access-list 101 permit ip any any", "ip access-list extended 101", " deny tcp any any", "exit", no) == []
    )


def test_one_line_of_a_numbered_list_is_taken_back_in_its_mode() -> None:
    lines = ("ip access-list extended 101", " permit tcp any any", " permit ip any any", "exit")
    assert shown(*lines, "no access-list 101 permit tcp any any") == [
        "ip access-list extended 101",
        " 20 permit ip any any",
    ]


def test_a_numbered_list_is_numbered_again() -> None:
    """`% There is no named access list 101`."""
    lines = (
        "access-list 101 deny tcp any any",
        "access-list 101 permit ip any any",
        "ip access-list resequence 101 100 5",
    )
    assert shown(*lines) == ["ip access-list extended 101", " 100 deny tcp any any", " 105 permit ip any any"]


@pytest.mark.parametrize(
    ("kind", "number"), [("extended", 10), ("extended", 1999), ("standard", 101), ("standard", 2000)]
)
def test_the_mode_of_a_list_refuses_a_number_of_the_other_kind(kind: str, number: int) -> None:
    """There were two lists of one number, and a port asked one of them."""
    assert shown(f"ip access-list {kind} {number}", refused=1) == []


def test_a_name_is_that_of_one_list() -> None:
    found = shown("ip access-list standard LAN", " permit any", "ip access-list extended LAN", refused=1)
    assert found == ["ip access-list standard LAN", " 10 permit any"]


# The judge's own answer about packets and lists is that of the routers, for lists and packets that are drawn.

_NOW = datetime(2026, 1, 1)


@pytest.mark.parametrize("name", ["notes-phase3", "dual-hub", "several-lans"])
def test_the_judge_lets_the_packets_pass_that_the_routers_let_pass(name: str) -> None:
    plain = Scenario.load(name)
    lists, scenario = NetworkLists.of(plain), vary(plain, ["filtered"])
    entropy = SeededEntropy(f"{name}/packets")
    addresses = [host.interface.ip for host in plain.lab.hosts.values()]
    decided = {True: 0, False: 0}
    for (router, port), site in lists.ports.items():
        device = Device.read(router, scenario.configurations[router])
        filters = FilterLists(device.policy)
        own = device.filters.ports[port]
        for listed, rules in ((own.inward, site.inward), (own.outward, site.outward)):
            known = filters.get(listed, _NOW)
            assert known is not None
            for _ in range(300):
                header = _header(addresses, entropy)
                entry = known.decides(_packet(header))
                passed = entry is not None and entry.permit
                decided[passed] += 1
                assert passed is ((header.protocol == 17 and header.ports == (7, 7)) or passes(rules, header)), header
    assert min(decided.values()) > 100


def test_tunnels_have_the_drawn_list_behind_what_routing_needs() -> None:
    scenario = vary(Scenario.load("notes-phase3"), ["filtered"])
    device = Device.read("R31", scenario.configurations["R31"])
    known = FilterLists(device.policy).get(LIST_TUNNEL, _NOW)
    assert known is not None
    assert known.entries[0].condition.protocol == 88


def _header(addresses: Sequence[IPAddress], entropy: SeededEntropy) -> Header:
    source, destination = (int(addresses[below(entropy, len(addresses))]) for _ in range(2))
    protocol = (1, 6, 17)[below(entropy, 3)]
    if protocol == 1:
        return Header(1, source, destination, ((8, 0)[below(entropy, 2)], 0))
    ports = (50_000, DRAWN_PORTS[below(entropy, len(DRAWN_PORTS))])
    if below(entropy, 2):
        ports = ports[::-1]
    return Header(protocol, source, destination, ports, (2, 18)[below(entropy, 2)] if protocol == 6 else 0)


def _packet(header: Header) -> Packet:
    is_icmp = header.protocol == 1
    return Packet(
        protocol=header.protocol,
        source=IPv4Address(header.source),
        destination=IPv4Address(header.destination),
        source_port=0 if is_icmp else header.ports[0],
        destination_port=0 if is_icmp else header.ports[1],
        icmp=(header.ports[0], 0) if is_icmp else (0, 0),
        flags=header.flags,
    )


# What an entry of a packet filter decides about a packet.

ANY: Final = Addresses(IPv4Address("0.0.0.0"), IPv4Address("255.255.255.255"))
SYN: Final = Packet(
    protocol=TCP,
    source=IPv4Address("192.0.2.1"),
    destination=IPv4Address("198.51.100.1"),
    destination_port=80,
    flags=TcpFlag.SYN,
    service=184,
    ttl=64,
)
LATER: Final = Packet(protocol=TCP, source=SYN.source, destination=SYN.destination, is_later_fragment=True)
WEB: Final = Condition(source=ANY, destination=ANY, protocol=TCP, destination_ports=((80, 80),))


def test_the_first_entry_that_fits_decides_and_none_means_denied() -> None:
    deny, permit = FilterEntry(10, False, WEB), FilterEntry(20, True, WEB)
    assert FilterList("100", (deny, permit)).decides(SYN) == deny
    assert (
        FilterList("100", (FilterEntry(10, True, Condition(source=ANY, destination=ANY, protocol=17)),)).decides(SYN)
        is None
    )


@pytest.mark.parametrize(
    ("flags", "is_meant"), [(TcpFlag.SYN, False), (TcpFlag.ACK, True), (TcpFlag.RST, True), (TcpFlag.FIN, False)]
)
def test_established_means_ack_or_rst(flags: int, is_meant: bool) -> None:
    assert ESTABLISHED.fit(flags) is is_meant


def test_all_flags_are_asked_for_by_match_all_and_one_by_match_any() -> None:
    assert Flags(set=TcpFlag.SYN, clear=TcpFlag.ACK).fit(TcpFlag.SYN)
    assert not Flags(set=TcpFlag.SYN, clear=TcpFlag.ACK).fit(TcpFlag.SYN | TcpFlag.ACK)
    assert Flags(set=TcpFlag.FIN, clear=TcpFlag.ACK, is_any=True).fit(TcpFlag.SYN)


def test_a_later_fragment_is_permitted_by_its_addresses_and_not_denied_for_ports_it_does_not_carry() -> None:
    assert FilterEntry(10, True, WEB).fits(LATER)
    assert not FilterEntry(10, False, WEB).fits(LATER)


def test_fragments_means_later_fragments_alone() -> None:
    entry = FilterEntry(10, False, Condition(source=ANY, destination=ANY, fragments=True))
    assert entry.fits(LATER)
    assert not entry.fits(SYN)


@pytest.mark.parametrize(
    ("condition", "is_meant"),
    [
        (Condition(source=ANY, destination=ANY, service=(184, 252)), True),
        (Condition(source=ANY, destination=ANY, service=(160, 224)), True),
        (Condition(source=ANY, destination=ANY, service=(0, 252)), False),
        (Condition(source=ANY, destination=ANY, ttl=((0, 63),)), False),
        (Condition(source=ANY, destination=ANY, ttl=((0, 63), (64, 255))), True),
        (Condition(source=ANY, destination=ANY, option=-1), False),
        (Condition(source=ANY, destination=ANY, destination_ports=()), False),
    ],
)
def test_each_part_of_a_condition_is_asked_for(condition: Condition, is_meant: bool) -> None:
    assert FilterEntry(10, True, condition).fits(SYN) is is_meant


# Entries of long lists by what they are about, and what is made of each group.

#: An entry: what it is about, and what it says.
Entry = tuple[str, int]

LISTS = st.lists(st.dictionaries(st.integers(0, 600), st.tuples(st.sampled_from("abc"), st.integers(0, 3))), max_size=3)


def about(entry: Entry) -> str:
    return entry[0]


def listed(entries: dict[int, Entry]) -> Pages[Entry]:
    empty: Pages[Entry] = Pages()
    return empty.turned(entries)


@given(st.lists(LISTS, min_size=1, max_size=4), st.booleans())
def test_what_is_merged_of_lists_that_change_is_what_is_merged_of_the_last_lists_alone(
    versions: list[list[dict[int, Entry]]], at_last: bool
) -> None:
    merged: Merged[str, Entry, list[Entry]] = Merged(about, list, at_last=at_last)
    for lists in versions:
        for place in range(3):
            merged.show(listed(lists[place]) if place < len(lists) else Pages(), place)
        entries = [entry for one in lists for _, entry in sorted(one.items())]
        firsts = [entry[0] for entry in (reversed(entries) if at_last else entries)]
        names = list(dict.fromkeys(firsts))
        expected = [[entry for entry in entries if entry[0] == name] for name in names]
        assert list(merged.merged()) == (expected[::-1] if at_last else expected)


def test_a_change_is_told_by_what_it_is_about() -> None:
    groups: Groups[str, Entry] = Groups(about)
    first = Pages([("a", 1), ("b", 2), ("a", 3)])
    assert list(groups.show(first)) == ["a", "b"]
    assert list(groups.show(first.turned({0: ("c", 1)}))) == ["a", "c"]
    assert list(groups.group("a").values()) == [("a", 3)]
    assert groups.group("d") == {}


# Access lists in one line for each entry: what becomes of them while entries come and go.


def host(last: int) -> AddressRange:
    return AddressRange(IPv4Address(f"10.0.0.{last}"), IPv4Address(0))


def entry(last: int) -> ListEntry[AccessEntry | None]:
    return ListEntry("10", None, AccessEntry(sequence=0, permit=True, source=host(last)))


def read(lists: Numbered) -> list[tuple[int, str]]:
    """The numbers of the entries of list 10, and their sources."""
    return [(one.sequence, str(one.source.address)) for one in lists.lists["10"]]


def test_an_entry_that_comes_later_with_a_lower_place_is_in_its_place() -> None:
    lists = Numbered()
    lists.follow({}, {1: entry(1), 5: entry(5)})
    lists.follow({}, {3: entry(3)})
    assert read(lists) == [(10, "10.0.0.1"), (20, "10.0.0.3"), (30, "10.0.0.5")]
    lists.follow({}, {7: entry(7)})
    assert read(lists)[-1] == (40, "10.0.0.7")
