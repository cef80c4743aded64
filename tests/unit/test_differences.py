"""Changes that a search by trial may try: they come from the configurations of a network alone."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import UserError
from dmvpn.base.findings import Cause
from dmvpn.base.placeholder import BLANKS, Blank
from dmvpn.ios import ConfigLine, ConfigSession, ConfigTree, Placeholder
from dmvpn.ios.differences import commands, contextual, differences
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.diff.behavior import LanPair, Talk
from dmvpn.tools.diff.measuring import Rows
from dmvpn.tools.doctor.report import as_text
from dmvpn.tools.doctor.verdicts import Copied, Diagnosis, Finding, Step, View
from dmvpn.tools.remedies.affected_pairs import AffectedPairs, Harm, KeptApart, hunks, in_order
from dmvpn.tools.remedies.changes import ChangedLine, Names, Proposals, RouterChange, lines_of, switches, with_changes
from dmvpn.tools.remedies.search import Search, SearchResult
from dmvpn.tools.remedies.unforeseen import is_unexplained, searched
from support.full_language import LANGUAGE
from support.texts import is_golden

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

TUNNEL = "interface Tunnel0"


def proposals(name: str = "bgp-ebgp-phase2", **more: str) -> Proposals:
    """Of a built-in network. more: lines at the end of a router's configuration."""
    one = Scenario.load(name)
    texts = {
        router: text.replace("\nend", f"\n{more.get(router, '')}\nend") for router, text in one.configurations.items()
    }
    return Proposals(texts, Names(Scenario(one.name, one.lab, texts)))


def typed(changes: Sequence[RouterChange]) -> list[tuple[str, ...]]:
    """What is typed for each."""
    return [change.lines for change in changes]


def test_lines_of_two_spokes_that_say_the_same_of_each_are_alike() -> None:
    assert proposals().odd("SPOKE1") == []


def test_a_line_that_one_spoke_alone_has_is_odd() -> None:
    found = proposals(SPOKE1=f"{TUNNEL}\n ip nhrp interest none").odd("SPOKE1")
    assert typed(found) == [(TUNNEL, "no ip nhrp interest none")]


def test_a_line_that_another_spoke_has_is_proposed_with_the_addresses_of_the_one_that_lacks_it() -> None:
    known = proposals(SPOKE2="router bgp 65012\n network 10.1.2.0 mask 255.255.255.0 route-map X")
    assert ("router bgp 65011", "network 10.1.1.0 mask 255.255.255.0 route-map X") in typed(known.missing("SPOKE1"))


def test_what_a_hub_says_to_one_spoke_is_proposed_for_the_other_one() -> None:
    known = proposals(HUB="router bgp 65000\n neighbor 10.255.0.11 next-hop-self")
    assert ("router bgp 65000", "neighbor 10.255.0.12 next-hop-self") in typed(known.missing("HUB"))


@pytest.mark.parametrize(
    ("section", "line"),
    [
        (("router bgp 65011", "address-family ipv4 vrf RED"), "redistribute connected"),
        (("router rip", "address-family ipv4 vrf RED"), "no auto-summary"),
        (("router eigrp 1", "address-family ipv4 vrf RED autonomous-system 3"), "eigrp stub"),
        (("router eigrp CUSTOMERS", "address-family ipv4 unicast vrf RED autonomous-system 3"), "eigrp stub"),
        (("router ospf 1 vrf RED",), "redistribute connected"),
    ],
)
def test_switches_of_a_process_in_a_vrf_are_those_of_its_section(section: tuple[str, ...], line: str) -> None:
    """Lines of EIGRP in named mode were tried in the VRFs of RIP and of `router eigrp NUMBER`."""
    found = [text for path, text in switches([(section, "network 10.0.0.0")]) if path == section]
    assert line in found
    texts = "\n".join(["vrf definition RED", *section, *found])
    refused = configurator(FEATURES).parse_text(texts).problems
    assert [one.text for one in refused if not one.is_warning] == []


def test_switches_of_the_language_are_proposed_for_each_neighbor() -> None:
    found = typed(proposals().switched("SPOKE1"))
    assert ("router bgp 65011", "neighbor 10.255.0.1 allowas-in") in found
    assert not [lines for lines in found if "shutdown" in lines[-1] or "password" in lines[-1]]


def test_a_change_is_made_likewise_at_the_other_spoke() -> None:
    section = ("router bgp 65011",)
    change = RouterChange("SPOKE1", new=(ChangedLine(section, "neighbor 10.255.0.1 allowas-in"),))
    assert RouterChange(
        "SPOKE2", new=(ChangedLine(("router bgp 65012",), "neighbor 10.255.0.1 allowas-in"),)
    ) in proposals().likewise(change)


def test_lines_are_typed_with_those_that_lead_to_their_section() -> None:
    text = "router eigrp X\n address-family ipv4 unicast autonomous-system 1\n  network 10.0.0.0\n"
    (line,) = [one for one in lines_of(text) if one.text.startswith("network")]
    change = RouterChange("R1", gone=(line,), new=(ChangedLine(line.path, "network 10.1.0.0 0.0.255.255"),))
    assert change.lines == (*line.path, "no network 10.0.0.0", "network 10.1.0.0 0.0.255.255")
    assert "network 10.1.0.0 0.0.255.255" in with_changes({"R1": text}, [change])["R1"]


def test_a_change_that_changes_nothing_is_none() -> None:
    with pytest.raises(UserError, match="has that already"):
        with_changes(
            {"R1": "interface Tunnel0\n"}, [RouterChange("R1", gone=(ChangedLine((TUNNEL,), "ip nhrp redirect"),))]
        )


class Ready(Search):
    """A search that has come to its end."""

    def __init__(self, found: SearchResult) -> None:
        self._found = found

    def run(self, about: Sequence[str] = (), *, strict: bool, deep: bool = True) -> SearchResult:
        """What it came to."""
        return self._found


def test_a_route_that_came_in_the_place_of_another_one_goes_back_with_it() -> None:
    """The earlier one alone restored what was measured, and half of all packets still went astray."""
    now, good = ({"R1": f"ip route 10.1.2.0 255.255.255.0 10.0.0.{hop}\n"} for hop in (12, 11))
    route = "ip route 10.1.2.0 255.255.255.0 10.0.0."
    assert typed(hunks(now, good)) == [(f"no {route}12", f"{route}11")]


def test_entries_without_numbers_are_typed_again_in_their_order() -> None:
    """An entry that was lost came back behind the one that denies all."""
    entries = [f"ip as-path access-list 1 {each}" for each in ("permit ^65011_", "permit ^65012_", "deny .*")]
    now, good = {"R1": "\n".join(entries[1:])}, {"R1": "\n".join(entries)}
    known = hunks(now, good)
    assert typed(known) == [(entries[0],)]
    assert typed([*in_order(now, good, known)]) == [(*(f"no {each}" for each in entries[1:]), *entries)]
    assert [*in_order(good, good, [])] == []
    turned = {"R1": "\n".join(entries[::-1])}
    assert hunks(turned, good) == []
    assert typed([*in_order(turned, good, [])])[0][-3:] == tuple(entries)


def _found(*changes: RouterChange) -> SearchResult:
    """A search that these changes end: they restore the one pair."""
    pair = LanPair("A", "B")
    return SearchResult(
        AffectedPairs({pair: Harm.CUT_OFF}),
        changes,
        before=Rows({pair: Talk(sent=8, lost=8)}, ()),
        after=Rows({pair: Talk(way=("A", "B"), sent=8)}, ()),
        tried=5,
    )


def finding_of(*changes: RouterChange) -> Finding:
    """What the doctor says where these changes restore the one pair."""
    return searched(Diagnosis(view=View.WHOLE, routers=("A", "B")), Ready(_found(*changes))).findings[0]


@pytest.mark.parametrize(
    ("gone", "new", "opens"),
    [
        (("ip access-group JAIL in",), (), True),
        (("ip access-group JAIL in",), ("ip access-group JALI in",), True),
        (("neighbor 10.0.0.1 prefix-list HUB in",), (), True),
        (("vrf forwarding JAIL",), (), True),
        ((), ("no shutdown",), True),
        (("ip nhrp interest none",), (), False),
        ((), ("network 10.1.0.0 0.0.0.255",), False),
        (("tunnel key 7",), ("tunnel key 8",), False),
    ],
)
def test_a_change_that_takes_a_filter_or_isolation_away_opens_something(
    gone: tuple[str, ...], new: tuple[str, ...], opens: bool
) -> None:
    before, after = (tuple(ChangedLine((TUNNEL,), text) for text in some) for some in (gone, new))
    assert RouterChange("A", before, after).opens is opens


def test_entries_of_a_list_open_something_if_they_permit_more() -> None:
    entry = ChangedLine(("ip access-list extended JAIL",), "deny ip any any")
    assert RouterChange("A", gone=(entry,)).opens
    assert not RouterChange("A", new=(entry,)).opens


def test_a_line_that_lets_routes_in_is_a_question_and_not_proposed() -> None:
    """A filter may be meant: that routes pass without it proves nothing."""
    line = ChangedLine(("router bgp 65000",), "neighbor 10.99.0.1 filter-list 1 out")
    found = finding_of(RouterChange("A", gone=(line,)))
    assert found.what.startswith("without 'neighbor 10.99.0.1 filter-list 1 out' at A, ")
    assert (found.fix, found.trial, found.mild, found.apart) == ((), None, True, True)
    assert found.decide == "are A and B to be kept apart?"


def test_a_list_that_came_since_it_worked_is_a_question_where_nothing_else_is_broken() -> None:
    """A list that keeps guests out was an error, with the line that lets them in."""
    port = ("interface GigabitEthernet0/3",)
    typed = (*port, "no ip access-group GUESTS-IN in")
    change = RouterChange("A", gone=(ChangedLine(port, "ip access-group GUESTS-IN in"),), typed=typed, shown=typed)
    apart = KeptApart("A", "list GUESTS-IN denies it", (LanPair("A", "B"),))
    ready = Ready(replace(_found(change), apart=(apart,)))
    (found,) = searched(Diagnosis(view=View.WHOLE, routers=("A", "B")), ready).findings
    assert (found.cause, found.fix, found.mild) == (Cause.PACKET_FILTER, (), True)


def test_lines_that_take_protection_away_are_named_and_not_shown_to_be_typed() -> None:
    found = finding_of(RouterChange("A", gone=(ChangedLine((TUNNEL,), "tunnel protection ipsec profile X"),)))
    assert (found.cause, found.router, found.fix) == (Cause.BY_TRIAL, "A", ())
    assert "tunnel protection" in found.what
    assert found.order


def test_a_password_is_neither_printed_nor_typed() -> None:
    wrong, right = (ChangedLine((TUNNEL,), f"ip nhrp authentication {word}") for word in ("Wrong", "Right"))
    found = finding_of(RouterChange("A", gone=(wrong,), new=(right,)))
    assert found.fix == ()
    assert not [text for text in (found.what, *found.evidence, found.order) if "Wrong" in text or "Right" in text]


def test_two_cures_of_one_size_are_said_and_neither_is_certain() -> None:
    one, other = (RouterChange(name, gone=(ChangedLine((TUNNEL,), "ip nhrp interest none"),)) for name in "AB")
    felt = Finding(step=Step.ROUTING, cause=Cause.UNDECIDED, router="A", what="A and B do not hear each other")
    ill = Diagnosis(view=View.WHOLE, routers=("A", "B"), findings=(felt,))
    assert searched(ill, Ready(_found(one))).findings[0].certain
    found = searched(ill, Ready(replace(_found(one), alternatives=(other,)))).findings[0]
    assert found.decide == f"'B: {TUNNEL} / no ip nhrp interest none' restores as much: which of the two is right?"


def test_a_certain_fault_without_a_remedy_does_not_end_the_search() -> None:
    bare = Finding(step=Step.IKE, cause=Cause.CERTIFICATE, router="A", what="A does not believe B", evidence=("x",))
    wire = replace(bare, cause=Cause.LINK_CUT)
    for one, searches in ((bare, True), (wire, False), (replace(bare, order="enroll A again"), False)):
        assert is_unexplained(Diagnosis(view=View.WHOLE, routers=("A", "B"), findings=(one,))) is searches


def test_what_only_a_copy_shows_is_likely_and_says_what_would_decide() -> None:
    found = finding_of(RouterChange("A", gone=(ChangedLine((TUNNEL,), "ip nhrp interest none"),)))
    assert not found.certain
    assert "A to B cut off" in found.decide


def test_where_the_remedy_is_a_secret_no_copies_are_searched() -> None:
    """A trial named the hub instead, and to leave its password away, before the right finding."""
    likely = Finding(
        step=Step.ROUTING,
        cause=Cause.OSPF_AUTHENTICATION,
        router="A",
        what="A and B have different keys",
        fix=(TUNNEL, "ip ospf message-digest-key 1 md5 <secret>"),
        decide="is the key of A the same as that of B?",
    )
    assert not is_unexplained(Diagnosis(view=View.WHOLE, routers=("A", "B"), findings=(likely,), copied=Copied.ALIKE))


def test_a_copy_in_which_no_rule_finds_anything_is_searched_all_the_same() -> None:
    """Its packets may suffer though each step looks well, as where NHRP may send no second packet for hours."""
    felt = Finding(step=Step.ROUTING, cause=Cause.UNDECIDED, router="A", what="A and B do not hear each other")
    ill = Diagnosis(view=View.WHOLE, routers=("A", "B"), findings=(felt,), copied=Copied.WELL)
    assert is_unexplained(ill)
    found = searched(
        ill, Ready(_found(RouterChange("A", gone=(ChangedLine((TUNNEL,), "ip nhrp max-send 1 every 65535"),))))
    )
    assert [one.cause for one in found.findings] == [Cause.BY_TRIAL]
    assert not any("is well in the simulator" in text for text in as_text(found))


# How two configurations differ, as IOS prints it, and the lines that make the one of the other.

BEFORE = """\
hostname R1
interface Loopback0
 ip address 10.0.0.1 255.255.255.255
interface Tunnel0
 ip address 10.1.1.1 255.255.255.0
 ip mtu 1400
router eigrp 1
 network 10.0.0.0
"""
AFTER = """\
hostname R2
interface Loopback1
 ip address 10.0.0.2 255.255.255.255
interface Tunnel0
 ip address 10.1.1.1 255.255.255.0
 ip mtu 1380
 ip nhrp network-id 1
router eigrp 1
"""


def tree(text: str) -> ConfigTree:
    return configurator(FEATURES).parse_text(text).tree


def test_what_came_is_first_and_what_went_behind_it() -> None:
    is_golden(
        list(contextual(list(differences(tree(BEFORE), tree(AFTER))))),
        "differences/what_came_is_first_and_what_went_behind_it",
    )


def test_commands_take_back_only_what_has_no_successor() -> None:
    is_golden(
        list(commands(differences(tree(BEFORE), tree(AFTER)))),
        "differences/commands_take_back_only_what_has_no_successor",
    )


def test_the_line_that_says_who_wrote_it_is_no_difference() -> None:
    assert list(differences(tree(BEFORE), tree(f"! Written by dmvpn\nversion 17.9\n{BEFORE}"))) == []


def test_options_in_another_order_are_no_difference() -> None:
    """`configure replace` entered the line again each time, and the difference stayed."""
    one = tree("router ospf 1\n redistribute static metric 3 subnets route-map M")
    other = tree("router ospf 1\n redistribute static route-map M metric 3 subnets")
    assert list(differences(one, other)) == []


def test_an_entry_of_an_access_list_goes_before_another_takes_its_number() -> None:
    """The commands of `configure replace` were refused: `% Duplicate sequence number`."""
    before = "ip access-list extended A\n 10 permit ip any any\n 20 deny ip any any"
    after = "ip access-list extended A\n 20 permit ip any any"
    is_golden(
        list(commands(differences(tree(before), tree(after)))),
        "differences/an_entry_of_an_access_list_goes_before_another_takes_its_number",
    )


def test_a_section_with_another_first_line_is_entered_without_the_lines_that_went() -> None:
    """What an entry of a route map matched before stayed in it when `permit` became `deny`."""
    before, after = tree("route-map M permit 10\n match tag 1"), tree("route-map M deny 10\n set tag 2")
    made = configurator(FEATURES).parse_text("\n".join(commands(differences(before, after))), before)
    assert made.tree.render() == after.render()


def test_a_line_that_adds_loses_the_options_that_went_and_keeps_its_keys() -> None:
    key = " area 1 virtual-link 10.9.0.2 message-digest-key 1 md5 k"
    before = f"router ospf 1\n area 1 virtual-link 10.9.0.2 hello-interval 1 dead-interval 4\n{key}"
    after = f"router ospf 1\n area 1 virtual-link 10.9.0.2 dead-interval 5\n{key}"
    assert list(commands(differences(tree(before), tree(after)))) == [
        "router ospf 1",
        " no area 1 virtual-link 10.9.0.2 hello-interval 1 dead-interval 4",
        " area 1 virtual-link 10.9.0.2 dead-interval 5",
    ]


LINES = [
    "hostname R1",
    "hostname R2",
    "no ip domain lookup",
    "interface Loopback0\n ip address 10.0.0.1 255.255.255.255",
    "interface Loopback0\n ip address 10.0.0.2 255.255.255.255\n description two",
    "interface Tunnel0\n ip mtu 1400\n ip nhrp network-id 1",
    "interface Tunnel0\n ip mtu 1380\n no ip nhrp shortcut\n ip nhrp map 10.1.1.1 192.0.2.1",
    "router eigrp 1\n network 10.0.0.0\n network 172.16.0.0",
    "router eigrp 1\n network 10.0.0.0",
    "router bgp 65000\n neighbor 10.1.1.1 remote-as 65000\n address-family ipv4\n  neighbor 10.1.1.1 activate",
    "router bgp 65000\n neighbor 10.1.1.1 remote-as 65001",
    "ip route 10.9.0.0 255.255.0.0 10.1.1.1",
    "ip access-list extended A\n 10 permit ip any any\n 20 deny ip any any",
    "ip access-list extended A\n 20 permit ip any any",
    "ip access-list extended A\n 10 deny ip any any\n 20 permit ip any any\n 25 remark nothing else",
    "ip access-list standard B\n 10 permit 10.0.0.1\n 20 deny any",
    "ip access-list standard B\n 5 remark nobody else\n 20 permit 10.0.0.1",
    "ip prefix-list P seq 5 permit 10.0.0.0/8\nip prefix-list P seq 10 deny 11.0.0.0/8",
    "ip prefix-list P seq 10 permit 10.0.0.0/8",
    "route-map M permit 10\n match tag 1\nroute-map M deny 20",
    "route-map M deny 10\n set tag 2",
    "router ospf 1\n area 1 virtual-link 10.9.0.2 hello-interval 1 dead-interval 4",
    "router ospf 1\n area 1 virtual-link 10.9.0.2 message-digest-key 1 md5 k",
    "router ospf 1\n area 1 virtual-link 10.9.0.2 dead-interval 5 authentication null",
    "router ospf 1\n redistribute static subnets route-map M\n redistribute eigrp 1",
    "router ospf 1\n redistribute static metric 9\n redistribute bgp 1 subnets",
    "router rip\n redistribute connected metric 3",
    "router rip\n redistribute connected route-map M",
    "crypto isakmp key one address 192.0.2.1",
    "crypto isakmp key two address 192.0.2.1",
    "ntp server 192.0.2.9",
]


@given(st.lists(st.sampled_from(LINES)), st.lists(st.sampled_from(LINES)))
def test_the_commands_make_the_one_configuration_of_the_other(one: list[str], other: list[str]) -> None:
    before, after = tree("\n".join(one)), tree("\n".join(other))
    entered = "\n".join(commands(differences(before, after)))
    made = configurator(FEATURES).parse_text(entered, before)
    assert [problem for problem in made.problems if not problem.is_warning] == []
    assert made.tree.render() == after.render()


@pytest.mark.parametrize("text", [BEFORE, AFTER, ""])
def test_a_configuration_does_not_differ_from_itself(text: str) -> None:
    assert list(differences(tree(text), tree(text))) == []


# Lines are written of values; whatever they cannot say is an error that names the line and the word.

MAP = ConfigLine(
    "interface",
    "ip nhrp nhs {nhs:address} [ nbma ( {nbma:address} | {name:word} ) ] [* multicast | priority {priority:0-255} ]",
    "",
)
LIST = ConfigLine("router", "distribute-list {list:word} ( in | out ) [ {interface:interface} ]", "")
ADDRESS = ConfigLine("interface", "ip address ( {address:address} {mask:mask} | dhcp )", "")
KEY = ConfigLine("key", "key-string {key:secret}", "")
TEXT = ConfigLine("interface", "description {text:line}", "")
PREFIX = ConfigLine("interface", "ipv6 address ( {prefix:host6} | {local:address6} link-local )", "")
PASSWORD = ConfigLine("interface", "ip ospf authentication-key [ 0 | 6 | 7 ] {key:secret}", "")
NAMED = ConfigLine("global", "router eigrp {name:word}", "", beside=("router eigrp {number:1-65535}",))
NETWORK = ConfigLine("interface", "ip ospf network ( broadcast | point-to-multipoint [ non-broadcast ] )", "")
MTU = ConfigLine("interface", "ip mtu {octets:68-17940}", "")
UNIQUE = ConfigLine("interface", "ip nhrp registration [ no-unique | timeout {seconds:1-65535} ]", "")
#: An entry of an access list may have all of its options; no time is there for each of their 16,777,216 subsets.
OPTIONS = {f"option-{number}": number for number in range(24)}
MANY = ConfigLine("list", f"permit [* {' | '.join(f'{name} {{{name}:0-99}}' for name in OPTIONS)} ]", "")

#: Lines that take any word.
TEMPLATES = (
    "ip nhrp authentication {}",
    "tunnel protection ipsec profile {}",
    "hostname {}",
    "crypto ikev2 keyring {}",
)


@pytest.mark.parametrize(
    ("line", "values", "text"),
    [
        (MAP, {"nhs": IPv4Address("10.0.0.1")}, "ip nhrp nhs 10.0.0.1"),
        (MAP, {"nhs": "10.0.0.1", "nbma": None, "multicast": False}, "ip nhrp nhs 10.0.0.1"),
        (MAP, {"priority": 7, "multicast": True, "nhs": "10.0.0.1"}, "ip nhrp nhs 10.0.0.1 multicast priority 7"),
        (MAP, {"nhs": "10.0.0.1", "name": "hub"}, "ip nhrp nhs 10.0.0.1 nbma hub"),
        (LIST, {"list": "A", "in": True, "interface": "tu 0"}, "distribute-list A in Tunnel0"),
        (ADDRESS, {"dhcp": True}, "ip address dhcp"),
        (ADDRESS, {"address": Placeholder("ADDRESS"), "mask": Placeholder("MASK")}, "ip address ADDRESS MASK"),
        (PREFIX, {"local": IPv6Address("fe80::1")}, "ipv6 address FE80::1 link-local"),
        (UNIQUE, {"no_unique": True}, "ip nhrp registration no-unique"),
        (LIST, {"list": "in", "in": True}, "distribute-list in in"),
        (PASSWORD, {"key": "7", "0": True}, "ip ospf authentication-key 0 7"),
        (PASSWORD, {"key": "70"}, "ip ospf authentication-key 70"),
        (PASSWORD, {"key": Placeholder("7")}, "ip ospf authentication-key 7"),
        (NAMED, {"name": "70000"}, "router eigrp 70000"),
        (MANY, OPTIONS, " ".join(("permit", *(f"{name} {value}" for name, value in OPTIONS.items())))),
    ],
)
def test_a_line_says_its_values_and_nothing_besides(line: ConfigLine, values: dict[str, Hashable], text: str) -> None:
    assert line.line(**values) == text


@pytest.mark.parametrize(
    ("line", "values", "message"),
    [
        (MAP, {}, "ip nhrp nhs: needs nhs"),
        (MAP, {"nhs": "10.0.0"}, "ip nhrp nhs: nhs '10.0.0' is no A.B.C.D"),
        (MAP, {"nhs": "10.0.0.1 multicast"}, "ip nhrp nhs: nhs '10.0.0.1 multicast' is no A.B.C.D"),
        (MAP, {"nhs": "10.0.0.1", "priority": 256}, "ip nhrp nhs: priority '256' is no <0-255>"),
        (MAP, {"nhs": "10.0.0.1", "cluster": 1}, "ip nhrp nhs: has no cluster"),
        (MAP, {"nhs": "10.0.0.1", "multicast": 1}, "ip nhrp nhs: multicast is a keyword and takes no value"),
        (ADDRESS, {"address": "10.0.0.1", "dhcp": True}, "ip address: address and dhcp do not go together"),
        (LIST, {"list": "A"}, "distribute-list: needs one of in, out"),
        (KEY, {"key": "two words"}, "key-string: key <removed> is no WORD"),
        (KEY, {"key": "one\nshutdown"}, "key-string: key <removed> is no WORD"),
        (TEXT, {"text": "one\rshutdown"}, "description: text 'one\\rshutdown' is no LINE"),
        (TEXT, {"text": "one\u2028shutdown"}, "description: text 'one\\u2028shutdown' is no LINE"),
        (PREFIX, {"prefix": ("fe80::1", 64)}, "ipv6 address: prefix \"('fe80::1', 64)\" is no X:X:X:X::X/<0-128>"),
        (PASSWORD, {"key": "7"}, "ip ospf authentication-key: key <removed> would be read as something else"),
        (MAP, {"nhs": "10.0.0.1", "name": "10.0.0.2"}, "ip nhrp nhs: name '10.0.0.2' would be read as something else"),
        (NAMED, {"name": "7"}, "router eigrp: name '7' would be read as something else"),
        (MTU, {"octets": 65535}, "ip mtu: octets '65535' is no <68-17940>"),
        (NETWORK, {"point-to-anything": True}, "ip ospf network: has no point-to-anything"),
    ],
)
def test_what_a_line_cannot_say_is_an_error_that_names_it(
    line: ConfigLine, values: dict[str, Hashable], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        line.line(**values)


@pytest.mark.parametrize(
    ("line", "values", "text"),
    [
        (ADDRESS, {}, "no ip address"),
        (ADDRESS, {"address": "10.0.0.1"}, "no ip address 10.0.0.1"),
        (MAP, {"nhs": "10.0.0.1", "multicast": True}, "no ip nhrp nhs 10.0.0.1 multicast"),
        (KEY, {}, "no key-string"),
        (LIST, {"list": "A"}, "no distribute-list A"),
    ],
)
def test_what_takes_a_line_back_ends_where_values_end(line: ConfigLine, values: dict[str, Hashable], text: str) -> None:
    assert line.no(**values) == text


@pytest.mark.parametrize("line", [*TEMPLATES, *(f"no {line}" for line in TEMPLATES)])
@pytest.mark.parametrize("blank", sorted(BLANKS))
def test_no_line_takes_a_blank_for_a_value(line: str, blank: str) -> None:
    """Pasted as it was, a line of the doctor set `<secret>` as a password."""
    session = ConfigSession(LANGUAGE, ConfigTree())
    session.enter("interface Tunnel0")
    result = session.enter(line.format(blank))
    assert result.refused
    assert result.output_lines[0].index("^") == line.index("{}")
    assert blank not in "\n".join(session.tree.render())


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("interface Tunnel0", "description <name>"),
        ("interface Tunnel0", "desc link to <name>"),
        ("interface Tunnel0", "no description <name>"),
        ("ip access-list extended GUESTS", "10 remark <network>"),
        ("ip access-list extended GUESTS", "rem from <network>"),
        ("router bgp 65000", "neighbor 10.0.0.1 description <name>"),
        ("hostname R1", "access-list 10 remark <name>"),
        ("hostname R1", "ip prefix-list LANS description <name>"),
        ("hostname R1", "snmp-server contact <name>"),
        ("hostname R1", "ban motd ^C <name> ^C"),
        ("hostname R1", "do show running-config | include <secret>"),
    ],
)
def test_a_text_may_have_the_word_of_a_blank(section: str, line: str) -> None:
    """Saved configurations with such texts were refused."""
    session = ConfigSession(LANGUAGE, ConfigTree())
    session.enter(section)
    assert not session.enter(line).refused


def test_a_blank_that_a_line_would_take_cannot_be_made() -> None:
    assert Blank("next-hop") == "<next-hop>"
    with pytest.raises(ValueError, match="no configuration line refuses <password>"):
        Blank("password")
