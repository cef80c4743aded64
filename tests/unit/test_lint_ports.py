"""Lint of BGP between the ends of a tunnel: what real networks write in other words is not called wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import LintFinding, Severity
from dmvpn.network.lines import after
from dmvpn.tools.lint import lint
from support.lint_cases import (
    BGP,
    CLEAR,
    DUAL,
    ELECTED,
    PHASE1,
    PHASE2,
    RIP,
    Network,
    bad,
    below,
    edited,
    everywhere,
    found,
)
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Callable

_CALL = " neighbor 10.0.0.1 remote-as 65000"
_LINE = " neighbor 10.0.0.10 remote-as 65010"
_BOTH = f"{_LINE}\n neighbor 10.0.0.20 remote-as 65020\n"
_LOOPBACK = "interface Loopback0\n ip address 192.0.2.1 255.255.255.255\n!\nrouter bgp"
_FROM_LOOPBACK = (" update-source Loopback0", " ebgp-multihop 2")
_RANGE = " bgp listen range 10.0.0.0/24 peer-group S\n neighbor S peer-group\n neighbor S remote-as 65010\n"
_RANGES = _RANGE.replace("remote-as 65010", "remote-as 65010 alternate-as 65020")


def said(network: Network) -> list[tuple[str, str, str]]:
    """Return what the rules of BGP say: the router, the rule, the sentence."""
    return [(one.file, one.rule, one.what) for one in lint(network) if one.rule.startswith("bgp-")]


def fix_of(network: Network) -> tuple[str, str]:
    """Return the line and the fix of the only finding about BGP."""
    (one,) = (one for one in lint(network) if one.rule.startswith("bgp-"))
    return network[one.file].split("\n")[one.line - 1], one.fix


def with_passwords(hub: str, spoke: str) -> Network:
    return edited(
        BGP,
        HUB=[below(_LINE, f" neighbor 10.0.0.10 password {hub}")],
        SPOKE1=[below(_CALL, f" neighbor 10.0.0.1 password {spoke}")],
    )


@pytest.mark.parametrize(
    ("hub", "spoke"),
    [
        ("in-clear-of-tests", "7 094F471A1A0A"),
        ("7 121A0C041104", "7 094F471A1A0A"),
        ("6 XRTQMgVWJ[KgPZAAB", "6 ZCiVbPKdS[XOGQAAB"),
        ("in-clear-of-tests", "****"),
        ("in-clear-of-tests", "<removed>"),
        ("0 the-same-of-tests", "the-same-of-tests"),
    ],
)
def test_passwords_that_nobody_can_read_differ_from_none(hub: str, spoke: str) -> None:
    assert said(with_passwords(hub, spoke)) == []


def test_a_password_that_nobody_can_read_differs_from_no_password() -> None:
    network = edited(BGP, SPOKE1=[below(_CALL, " neighbor 10.0.0.1 password 7 094F471A1A0A")])
    assert [rule for _, rule, _ in said(network)] == ["bgp-password-differs"]


@pytest.mark.parametrize(
    "line",
    [
        " neighbor 10.0.0.1 local-as 64999 no-prepend replace-as dual-as",
        " neighbor 10.0.0.1 local-as <removed>",
    ],
)
def test_a_session_of_which_a_line_is_not_understood_is_not_judged(line: str) -> None:
    network = edited(BGP, HUB=[("remote-as 65010", "remote-as 64999")], SPOKE1=[below(_CALL, line)])
    assert said(network) == []


@pytest.mark.parametrize("system", ["<removed>", "external"])
def test_an_as_number_that_is_not_understood_is_no_missing_line(system: str) -> None:
    assert said(edited(BGP, HUB=[("remote-as 65010", f"remote-as {system}")])) == []


def test_a_neighbor_that_is_shut_down_needs_no_line_at_its_end() -> None:
    network = edited(BGP, HUB=[below(_LINE, " neighbor 10.0.0.10 shutdown")], SPOKE1=[(f"{_CALL}\n", "")])
    assert said(network) == []


def test_a_neighbor_of_another_address_family_needs_no_ipv4() -> None:
    family = " address-family vpnv4\n  neighbor {} activate\n exit-address-family\n"
    hub = " no bgp default ipv4-unicast\n" + _BOTH + family.format("10.0.0.10") + family.format("10.0.0.20")
    spoke = f"{_CALL}\n" + family.format("10.0.0.1")
    network = edited(BGP, HUB=[(_BOTH, hub)], SPOKE1=[(f"{_CALL}\n", spoke)], SPOKE2=[(f"{_CALL}\n", spoke)])
    assert said(network) == []


def test_the_hub_may_call_from_its_loopback_which_the_spokes_have_as_neighbor() -> None:
    hub = [f" neighbor 10.0.0.{number}{line}" for number in (10, 20) for line in _FROM_LOOPBACK]
    spoke = (_CALL.replace("10.0.0.1", "192.0.2.1"), " neighbor 192.0.2.1 ebgp-multihop 2")
    network = edited(
        BGP,
        HUB=[("router bgp", _LOOPBACK), below(" neighbor 10.0.0.20 remote-as 65020", *hub)],
        SPOKE1=[(_CALL, "\n".join(spoke))],
        SPOKE2=[(_CALL, "\n".join(spoke))],
    )
    assert said(network) == []
    wrong = edited(network, SPOKE1=[("192.0.2.1 remote-as 65000", "192.0.2.1 remote-as 64999")])
    assert [(file, rule) for file, rule, _ in said(wrong)] == [("SPOKE1", "bgp-as-differs")]


def test_a_range_may_be_that_of_the_loopbacks_from_which_spokes_call() -> None:
    network = edited(
        BGP,
        HUB=[(_BOTH, _RANGES.replace("10.0.0.0/24", "192.0.2.0/24"))],
        SPOKE1=[("router bgp", _LOOPBACK), below(_CALL, *(f" neighbor 10.0.0.1{line}" for line in _FROM_LOOPBACK))],
        SPOKE2=[
            ("router bgp", _LOOPBACK.replace("192.0.2.1", "192.0.2.2")),
            below(_CALL, *(f" neighbor 10.0.0.1{line}" for line in _FROM_LOOPBACK)),
        ],
    )
    assert said(network) == []


def test_a_spoke_that_has_the_loopback_of_the_hub_as_neighbor_is_not_waited_for_on_the_tunnel() -> None:
    network = edited(
        BGP, HUB=[("router bgp", _LOOPBACK), (_BOTH, _RANGES)], SPOKE2=[(_CALL, _CALL.replace("10.0.0.1", "192.0.2.1"))]
    )
    assert said(network) == []


def test_the_narrowest_range_decides_on_a_spoke() -> None:
    own = " bgp listen range 10.0.0.20/32 peer-group T\n neighbor T peer-group\n neighbor T remote-as 65020\n"
    assert said(edited(BGP, HUB=[(_BOTH, _RANGE + own)])) == []


def _two_hubs(*spokes: str) -> Network:
    """Return two hubs that wait for all spokes. spokes: the hubs that each has as neighbors, "1", "2" or "12"."""
    number = {"HUB": 1, "HUB2": 2, "SPOKE1": 10, "SPOKE2": 20, "SPOKE3": 30}
    calls = dict(zip(("SPOKE1", "SPOKE2", "SPOKE3"), spokes, strict=True))
    network = edited(
        DUAL, HUB=[(" no ip split-horizon eigrp 100\n", "")], HUB2=[(" no ip split-horizon eigrp 100\n", "")]
    )
    for name, text in network.items():
        said = "".join(f" neighbor 10.0.0.{hub} remote-as 65000\n" for hub in calls.get(name, ""))
        lan = f" network 192.168.{number[name]}.1 0.0.0.255\n"
        router = f"router bgp {65010 if name in calls else 65000}\n{said or _RANGE} network 192.168.{number[name]}.0\n"
        network = edited(network, **{name: [(f"router eigrp 100\n network 10.0.0.0 0.0.0.255\n{lan}", router)]})
        assert text != network[name]
    return network


def test_spokes_may_share_the_hubs_among_them() -> None:
    assert said(_two_hubs("1", "1", "2")) == []


def test_a_spoke_that_lacks_one_of_two_hubs_which_all_others_have_is_found() -> None:
    assert said(_two_hubs("12", "12", "2")) == [
        (
            "SPOKE3",
            "bgp-neighbor-one-sided",
            "BGP of SPOKE3 has no line for 10.0.0.1 (HUB), which waits for its call",
        )
    ]


def test_a_spoke_that_lacks_activation_is_told_so_even_if_its_group_has_the_as_number() -> None:
    group = " no bgp default ipv4-unicast\n neighbor S peer-group\n neighbor S remote-as 65010\n"
    member = " neighbor 10.0.0.10 peer-group S\n neighbor 10.0.0.20 remote-as 65020\n"
    active = " address-family ipv4\n  neighbor 10.0.0.20 activate\n exit-address-family\n"
    network = edited(BGP, HUB=[(_BOTH, group + member + active)])
    ((_, rule, what),) = said(network)
    assert rule == "bgp-neighbor-one-sided"
    assert what == "BGP of HUB has lines for 10.0.0.10 (SPOKE1), and it is not activated for IPv4"


def test_a_member_of_a_group_without_an_as_number_is_called_so() -> None:
    network = edited(BGP, HUB=[(_LINE, " neighbor S peer-group\n neighbor 10.0.0.10 peer-group S")])
    ((_, rule, what),) = said(network)
    assert rule == "bgp-neighbor-one-sided"
    assert what == "BGP of HUB has lines for 10.0.0.10 (SPOKE1), and none of them has its AS number"


def test_the_line_that_is_missing_is_proposed_with_its_activation_where_ipv4_is_not_the_default() -> None:
    others = " no bgp default ipv4-unicast\n neighbor 10.0.0.20 remote-as 65020\n"
    active = " address-family ipv4\n  neighbor 10.0.0.20 activate\n exit-address-family\n"
    assert fix_of(edited(BGP, HUB=[(_BOTH, others + active)]))[1] == "\n".join(
        (
            "router bgp 65000",
            " neighbor 10.0.0.10 remote-as 65010",
            " address-family ipv4",
            "  neighbor 10.0.0.10 activate",
        )
    )


def test_a_session_is_opened_where_it_was_shut_down() -> None:
    group = "neighbor S peer-group\n neighbor S remote-as 65010\n neighbor S shutdown\n"
    member = f" {group} neighbor 10.0.0.10 peer-group S"
    assert fix_of(edited(BGP, HUB=[(_LINE, member)])) == (
        " neighbor S shutdown",
        "router bgp 65000\n no neighbor S shutdown",
    )
    template = " template peer-session T\n  remote-as 65010\n  shutdown\n exit-peer-session\n"
    heir = " neighbor 10.0.0.10 inherit peer-session T"
    assert fix_of(edited(BGP, HUB=[(_LINE, template + heir)])) == (heir, "")


def test_an_as_number_of_a_group_is_not_set_at_its_member() -> None:
    group = " neighbor S peer-group\n neighbor S remote-as 64999\n neighbor 10.0.0.10 peer-group S"
    line, fix = fix_of(edited(BGP, HUB=[(_LINE, group)]))
    assert (line, fix) == (" neighbor 10.0.0.10 peer-group S", "")


def test_a_confederation_that_one_end_does_not_know_is_not_mended_by_another_as_number() -> None:
    inside = " bgp confederation identifier 64999\n"
    network = edited(
        BGP,
        HUB=[(_BOTH, inside + _BOTH)],
        SPOKE1=[(_CALL, f"{inside} bgp confederation peers 65000\n{_CALL}")],
        SPOKE2=[(_CALL, _CALL.replace("65000", "64999"))],
    )
    assert fix_of(network)[1] == ""
    known = edited(network, HUB=[(inside, f"{inside} bgp confederation peers 65010\n")])
    assert said(known) == []


def test_a_tunnel_in_a_vrf_is_left_to_the_sessions_of_that_vrf() -> None:
    family = " address-family ipv4 vrf RED\n  neighbor 10.0.0.1 remote-as 65000\n exit-address-family\n"
    inside = "vrf definition RED\n address-family ipv4\n!\ninterface Tunnel0\n vrf forwarding RED\n"
    network = edited(BGP, SPOKE1=[(f"{_CALL}\n", family), ("interface Tunnel0\n", inside)])
    assert said(network) == []


def test_ends_of_phase_1_are_compared_like_others() -> None:
    eigrp = "router eigrp 100\n network 10.0.0.0 0.0.0.255\n network 192.168.{0}.1 0.0.0.255\n"
    network = edited(
        PHASE1,
        HUB=[(eigrp.format(1), f"router bgp 65000\n{_BOTH}"), (" no ip split-horizon eigrp 100\n", "")],
        SPOKE1=[(eigrp.format(10), f"router bgp 65010\n{_CALL}\n")],
        SPOKE2=[(eigrp.format(20), f"router bgp 65021\n{_CALL}\n")],
    )
    assert [(file, rule) for file, rule, _ in said(network)] == [("HUB", "bgp-as-differs")]


def test_sessions_that_agree_are_clean() -> None:
    assert [one for one in lint(BGP) if one.severity is not Severity.ADVICE] == []


def test_a_range_that_covers_a_part_of_the_tunnel_network_is_widened() -> None:
    network = edited(BGP, HUB=[(_BOTH, _RANGES.replace("10.0.0.0/24", "10.0.0.0/28"))])
    assert fix_of(network)[1] == (
        "router bgp 65000\n no bgp listen range 10.0.0.0/28 peer-group S\n bgp listen range 10.0.0.0/24 peer-group S"
    )


def test_a_password_that_only_a_spoke_has_is_given_to_the_hub_only_where_no_other_spoke_shows_that_it_is_odd() -> None:
    network = edited(BGP, SPOKE1=[below(_CALL, " neighbor 10.0.0.1 password bgp-password-of-tests")])
    alone = {name: text for name, text in network.items() if name != "SPOKE2"}
    assert fix_of(network)[1] == "router bgp 65010\n no neighbor 10.0.0.1 password"
    assert fix_of(alone)[1] == "router bgp 65000\n neighbor 10.0.0.10 password <secret>"


# Lint of access lists on ports: which protocols they deny, and where it says nothing because something may pass.

_TUNNEL = """\
interface Tunnel0
 ip address 10.0.0.10 255.255.255.0
 ip access-group L in
"""
_LIST = "ip access-list extended L\n"


def told(rule: str, text: str) -> list[str]:
    return [one.what for one in lint({"R.cfg": text}) if one.rule == rule]


def denied(protocol: str, *entries: str) -> list[str]:
    return told("list-denies-protocol", _TUNNEL + protocol + _LIST + "".join(f" {one}\n" for one in entries))


_EIGRP = "router eigrp 1\n network 10.0.0.0 0.0.0.255\n"
_OSPF = "router ospf 1\n network 10.0.0.0 0.0.0.255 area 0\n"
_RIP = "router rip\n version 2\n network 10.0.0.0\n"
_BGP = "router bgp 1\n neighbor 10.0.0.1 remote-as 1\n"


@pytest.mark.parametrize(
    ("protocol", "entries", "expected"),
    [
        (_EIGRP, ("permit tcp any any",), "the end of L denies what neighbors of EIGRP 1 send on Tunnel0"),
        (_EIGRP, ("deny eigrp any any", "permit ip any any"), "entry 10 of L denies what neighbors of EIGRP 1"),
        (_OSPF, ("permit icmp any any", "deny ip 10.0.0.0 0.255.255.255 any", "permit ip any any"), "entry 20 of L"),
        (_RIP, ("permit udp any any eq bootps",), "the end of L denies what neighbors of RIP send"),
        (_BGP, ("permit icmp any any",), "the end of L denies the connection to the BGP neighbor 10.0.0.1 on Tunnel0"),
    ],
)
def test_a_list_that_denies_all_that_neighbors_send_is_named_with_the_entry(
    protocol: str, entries: tuple[str, ...], expected: str
) -> None:
    (what,) = denied(protocol, *entries)
    assert what.startswith(expected)


@pytest.mark.parametrize(
    ("protocol", "entries"),
    [
        (_EIGRP, ("permit eigrp any any",)),
        (_EIGRP, ("permit eigrp host 10.0.0.1 any",)),
        (_EIGRP, ("deny eigrp host 10.0.0.1 any", "permit ip any any")),
        (
            f"{_EIGRP}time-range T\n periodic daily 8:00 to 9:00\n",
            ("deny eigrp any any time-range T", "permit ip any any"),
        ),
        (_EIGRP + " passive-interface Tunnel0\n", ("permit tcp any any",)),
        (_OSPF, ("permit ospf any host 224.0.0.5",)),
        (_RIP, ("permit udp any eq rip any",)),
        (_BGP, ("permit tcp any any established",)),
        (_BGP, ("permit tcp host 10.0.0.1 any eq bgp",)),
        (_BGP.replace("10.0.0.1", "172.16.0.1"), ("permit icmp any any",)),
    ],
)
def test_nothing_is_said_if_some_neighbor_may_be_heard(protocol: str, entries: tuple[str, ...]) -> None:
    assert denied(protocol, *entries) == []


@pytest.mark.parametrize(
    "process",
    [
        "router eigrp 1\n address-family ipv4 vrf RED autonomous-system 1\n  network 10.0.0.0\n",
        "router eigrp X\n address-family ipv4 unicast vrf RED autonomous-system 1\n  network 10.0.0.0\n",
        "router ospf 1 vrf RED\n network 10.0.0.0 0.0.0.255 area 0\n",
        "router rip\n address-family ipv4 vrf RED\n  network 10.0.0.0\n",
        "router bgp 1\n address-family ipv4 vrf RED\n  neighbor 10.0.0.1 remote-as 1\n",
    ],
)
def test_a_list_in_a_vrf_that_denies_the_protocol_of_its_vrf_is_named(process: str) -> None:
    """Nothing was said, and the tunnel had no neighbor."""
    vrf = "vrf definition RED\n rd 1:1\n address-family ipv4\n"
    tunnel = _TUNNEL.replace("Tunnel0\n", "Tunnel0\n vrf forwarding RED\n")
    assert len(told("list-denies-protocol", f"{vrf}{tunnel}{process}{_LIST} permit icmp any any\n")) == 1
    elsewhere = process.replace("RED", "BLUE")
    assert told("list-denies-protocol", f"{vrf}{tunnel}{elsewhere}{_LIST} permit icmp any any\n") == []


def test_the_fix_comes_before_the_entry_that_denies() -> None:
    text = _TUNNEL + _BGP + _LIST + " permit icmp any any\n deny tcp any any\n permit ip any any\n"
    (finding,) = (one for one in lint({"R.cfg": text}) if one.rule == "list-denies-protocol")
    assert finding.fix == (
        "ip access-list extended L\n 15 permit tcp host 10.0.0.1 any eq bgp\n 16 permit tcp host 10.0.0.1 eq bgp any"
    )
    fixed = text + finding.fix + "\n"
    assert told("list-denies-protocol", fixed) == []


def test_bfd_is_a_protocol_of_the_port() -> None:
    tunnel = _TUNNEL + " bfd interval 1000 min_rx 1000 multiplier 5\n"
    text = tunnel + _EIGRP + " bfd all-interfaces\n" + _LIST + " permit eigrp any any\n"
    (what,) = told("list-denies-protocol", text)
    assert what == "the end of L denies the packets of BFD on Tunnel0"
    assert told("list-denies-protocol", text + " permit udp any any eq 3784\n") == []


# ------------------------------------------------------------------------------------------------ other rules

_WAN = file_text("lint_ports_wan.cfg")
_VERIFY = "ip verify unicast source reachable-via "
_BY_1, _BY_2 = "ip route 0.0.0.0 0.0.0.0 192.0.2.1\n", "ip route 0.0.0.0 0.0.0.0 198.51.100.1\n"


@pytest.mark.parametrize(
    ("words", "routes", "why"),
    [
        ("rx", _BY_1, "only the default route leads to it"),
        ("any", _BY_1, "only the default route leads to it"),
        ("rx allow-default", _BY_1, ""),
        ("any allow-default", _BY_2, ""),
        ("rx allow-default", _BY_2, "the route to it leads out of GigabitEthernet2"),
        ("rx", _BY_2 + "ip route 203.0.113.0 255.255.255.0 192.0.2.1\n", ""),
        ("any", "", "no route leads to it"),
        ("rx", _BY_1 + "router ospf 1\n network 192.0.2.0 0.0.0.255 area 0\n", ""),
    ],
)
def test_a_check_of_senders_that_drops_the_server_is_named(words: str, routes: str, why: str) -> None:
    found = told("verify-source-drops-peers", _WAN.format(line=_VERIFY + words) + routes)
    assert [what.partition(": ")[2].partition(",")[0] for what in found] == ([why] if why else [])


def test_a_list_without_entries_is_named_as_one_that_lets_all_pass() -> None:
    text = "interface GigabitEthernet1\n ip access-group L in\n ip access-group M out\nip access-list extended L\n"
    assert told("access-group-undefined", text) == [
        "GigabitEthernet1 filters packets in by the access list L, which has no entry: all of them pass",
        "GigabitEthernet1 filters packets out by the access list M, which is not configured: all of them pass",
    ]


@pytest.mark.parametrize(
    ("entries", "count"),
    [
        (("permit esp any any", "permit udp any any eq isakmp", "permit icmp any any"), 1),
        (("permit icmp any any",), 0),
        (("permit esp any any", "permit udp any any"), 0),
        (("permit gre any any", "permit eigrp any any"), 0),
        (("deny esp any any", "permit ip any any"), 0),
    ],
)
def test_a_list_for_the_port_of_the_provider_is_noticed_on_a_tunnel(entries: tuple[str, ...], count: int) -> None:
    assert len(told("list-other-side", _TUNNEL + _LIST + "".join(f" {one}\n" for one in entries))) == count


_PORT = "interface GigabitEthernet1\n ip address 192.0.2.2 255.255.255.0\n ip access-group 101 {}\n"


@pytest.mark.parametrize(
    ("direction", "entry", "count"),
    [
        ("out", "permit esp any host 192.0.2.2", 1),
        ("out", "permit ip host 192.0.2.2 any", 0),  # after NAT
        ("in", "permit ip host 192.0.2.2 any", 1),
        ("in", "deny ip host 192.0.2.2 any", 0),  # forged senders
        ("in", "permit esp any host 192.0.2.2", 0),
        ("out", "permit esp any host 192.0.2.3", 0),
    ],
)
def test_an_entry_about_the_ports_own_address_in_the_wrong_direction_is_noticed(
    direction: str, entry: str, count: int
) -> None:
    assert len(told("list-other-direction", f"{_PORT.format(direction)}access-list 101 {entry}\n")) == count


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        (
            "access-list 10 permit 192.168.1.0 255.255.255.0",
            "ip access-list standard 10\n no 10\n 10 permit 192.168.1.0 0.0.0.255",
        ),
        (
            "access-list 101 permit ip any 10.0.0.0 255.0.0.0",
            "ip access-list extended 101\n no 10\n 10 permit ip any 10.0.0.0 0.255.255.255",
        ),
        ("access-list 10 permit 0.0.0.1 255.255.255.0", ""),
        ("access-list 10 permit 0.0.0.0 255.255.255.0", ""),
        ("access-list 10 permit 10.0.0.0 0.255.0.255", ""),
        ("access-list 101 permit ip 0.0.0.0 255.255.255.255 any", ""),
    ],
)
def test_a_mask_behind_a_network_is_noticed_and_other_wildcards_are_not(line: str, fix: str) -> None:
    assert [one.fix for one in lint({"R.cfg": f"{line}\n"}) if one.rule == "list-mask-not-wildcard"] == [fix] * bool(
        fix
    )


def test_a_list_that_any_line_names_counts_as_used() -> None:
    """`snmp-server` is a line upon which nothing here acts, and it uses the list."""
    port = "interface GigabitEthernet1\n ip address 192.0.2.2 255.255.255.0\n"
    lists = (
        "ip access-list standard NMS\n permit 192.0.2.1\nobject-group network G\n host 192.0.2.1\n"
        "time-range T\n absolute start 08:00 1 January 2026\n"
    )
    assert told("list-unused", f"{port}{lists}") == [
        "no line names the access list NMS",
        "no line names the object group G",
        "no line names the time range T",
    ]
    used = "snmp-server community c RO NMS\nip access-list extended X\n permit ip object-group G any time-range T\n"
    assert told("list-unused", f"{port}{lists}{used}") == ["no line names the access list X"]
    assert told("list-unused", lists) == [], "an excerpt"
    groups = "".join(f"object-group network G{number}\n host 192.0.2.1\n" for number in range(7))
    assert told("list-unused", port + groups) == ["no line names the object groups G0, G1, G2, G3, G4 and 2 more"]


# Lint of what hub and spokes must agree on for a phase: who tells whom of what, and fixes that break nothing else.


def judged(network: dict[str, str]) -> list[LintFinding]:
    """What is found."""
    return lint(network)


def test_the_fix_for_ospf_in_phase_2_keeps_the_adjacencies_and_leads_to_phase_3() -> None:
    """It said `ip ospf network broadcast` for the hub alone, and then no spoke had a neighbor."""
    network = everywhere(ELECTED, ("network broadcast", "network point-to-multipoint"))
    (finding,) = found(network, "phase2-ospf-point-to-multipoint")
    section, line = finding.fix.split("\n")
    assert (finding.file, section) == ("HUB", "interface Tunnel0")
    network = edited(network, HUB=[below(" ip mtu 1400", line)])
    told = judged(network)
    assert [(one.file, one.rule) for one in told] == [
        ("SPOKE1", "phase3-shortcut-missing"),
        ("SPOKE2", "phase3-shortcut-missing"),
    ]
    for one in told:
        network = edited(network, **{one.file: [below(" ip mtu 1400", one.fix.split("\n")[1])]})
    assert judged(network) == []


# ------------------------------------------------------------------------------------------------ split horizon

_NO_DEFAULT = ("ip route 0.0.0.0 0.0.0.0 203.0.113.254", "ip route 198.51.100.0 255.255.255.0 203.0.113.254")
_OTHER_SITES = ("ip route 0.0.0.0", "ip route 192.168.0.0 255.255.0.0 Null0 254\nip route 0.0.0.0")


def _eigrp(*lines: str, summary: str = "") -> Network:
    """Split horizon is on at the hub, and it tells what these lines say."""
    edits = [(" no ip split-horizon eigrp 100\n", ""), below("router eigrp 100", *lines)]
    return edited(
        CLEAR, HUB=[*edits, *([below(" ip mtu 1400", f" ip summary-address eigrp 100 {summary}")] * bool(summary))]
    )


def _rip(*lines: str, summary: str = "") -> Network:
    edits = [(" no ip split-horizon\n", ""), below("router rip", *lines)]
    return edited(RIP, HUB=[*edits, *([below(" ip mtu 1400", f" ip summary-address rip {summary}")] * bool(summary))])


@pytest.mark.parametrize(("made", "rule"), [(_eigrp, "eigrp-split-horizon"), (_rip, "rip-split-horizon")])
class TestSplitHorizon:
    """Of the two protocols that have it. Both are judged alike."""

    def test_a_summary_is_another_way_out_if_the_lans_of_the_spokes_are_in_it(
        self, made: Callable[..., Network], rule: str
    ) -> None:
        assert bad(made(summary="192.168.0.0 255.255.0.0")) == []
        assert bad(made(summary="192.168.1.0 255.255.255.0")) == [("HUB", rule)]
        assert bad(made(summary="192.168.10.0 255.255.255.0")) == [("HUB", rule)]

    def test_the_lans_that_no_summary_holds_are_named(self, made: Callable[..., Network], rule: str) -> None:
        (finding,) = found(made(summary="192.168.10.0 255.255.255.0"), rule)
        assert "192.168.20.0/24" in finding.what
        assert "192.168.10.0/24" not in finding.what

    def test_a_default_route_is_one_for_spokes_that_have_none_of_their_own(
        self, made: Callable[..., Network], rule: str
    ) -> None:
        network = made(" redistribute static metric 1" + " 1 1 1 1" * (rule[0] == "e"))
        assert bad(network) == [("HUB", rule)]
        assert bad(edited(network, SPOKE1=[_NO_DEFAULT])) == [("HUB", rule)]
        assert bad(edited(network, SPOKE1=[_NO_DEFAULT], SPOKE2=[_NO_DEFAULT])) == []
        behind = ("ip route 0.0.0.0 0.0.0.0 203.0.113.254", "ip route 0.0.0.0 0.0.0.0 203.0.113.254 250")
        assert bad(edited(network, SPOKE1=[behind], SPOKE2=[behind])) == []

    def test_a_static_route_that_is_brought_in_is_one_for_what_it_holds(
        self, made: Callable[..., Network], rule: str
    ) -> None:
        network = made(" redistribute static metric 1" + " 1 1 1 1" * (rule[0] == "e"))
        assert bad(edited(network, HUB=[_OTHER_SITES])) == []
        assert bad(edited(made(), HUB=[_OTHER_SITES])) == [("HUB", rule)]

    def test_of_a_hub_alone_nobody_can_say_what_its_summary_leaves_out(
        self, made: Callable[..., Network], rule: str
    ) -> None:
        (finding,) = found({"HUB": made()["HUB"]}, rule)
        assert finding.severity is Severity.WARNING
        assert found({"HUB": made(summary="192.168.1.0 255.255.255.0")["HUB"]}, rule) == []

    def test_a_hub_of_one_spoke_has_nothing_to_pass_on(self, made: Callable[..., Network], rule: str) -> None:
        assert found({name: made()[name] for name in ("HUB", "SPOKE1")}, rule) == []


def test_a_default_summary_hides_what_split_horizon_would_let_out() -> None:
    network = _eigrp(summary="0.0.0.0 0.0.0.0")
    (finding,) = found(network, "eigrp-split-horizon")
    assert finding.fix.split("\n") == [
        "interface Tunnel0",
        " no ip split-horizon eigrp 100",
        " no ip summary-address eigrp 100 0.0.0.0 0.0.0.0",
    ]
    assert bad(edited(network, SPOKE1=[_NO_DEFAULT], SPOKE2=[_NO_DEFAULT])) == []


def test_rip_tells_a_default_route_when_it_is_told_to() -> None:
    network = _rip(" default-information originate")
    assert bad(network) == [("HUB", "rip-split-horizon")]
    assert bad(edited(network, SPOKE1=[_NO_DEFAULT], SPOKE2=[_NO_DEFAULT])) == []


def test_the_lans_that_nobody_is_told_of_need_no_summary() -> None:
    guests = "interface GigabitEthernet9\n ip address 172.20.0.1 255.255.255.0\ninterface Tunnel0"
    network = edited(_eigrp(summary="192.168.0.0 255.255.0.0"), SPOKE1=[("interface Tunnel0", guests)])
    assert found(network, "eigrp-split-horizon") == []
    told = edited(network, SPOKE1=[below("router eigrp 100", " network 172.20.0.0")])
    assert len(found(told, "eigrp-split-horizon")) == 1


def test_a_summary_of_the_hub_own_networks_hides_no_spoke() -> None:
    """In phase 2 the summary of a data center was to go."""
    network = edited(PHASE2, HUB=[below(" ip mtu 1400", " ip summary-address eigrp 100 172.20.0.0 255.255.0.0")])
    assert found(network, "phase3-summary-without-redirect") == []


def test_all_summaries_that_hide_spokes_go_at_once() -> None:
    lines = [f" ip summary-address eigrp 100 192.168.{number}.0 255.255.255.0" for number in (10, 20)]
    network = edited(PHASE2, HUB=[below(" ip mtu 1400", *lines)])
    (finding,) = found(network, "phase3-summary-without-redirect")
    assert finding.fix.split("\n") == ["interface Tunnel0", *(f" no{line}" for line in lines)]
    network["HUB"] = after(network["HUB"], finding.fix.split("\n"))
    assert found(network, "phase3-summary-without-redirect") == []
