"""Lint of BGP between the ends of a tunnel: what real networks write in other words is not called wrong."""

from __future__ import annotations

import pytest

from dmvpn.base.findings import Severity
from dmvpn.tools.lint import lint
from support.lint_cases import BGP, DUAL, PHASE1, Network, below, edited

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
