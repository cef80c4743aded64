"""Lint of what hub and spokes must agree on for a phase: who tells whom of what, and fixes that break nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import LintFinding, Severity
from dmvpn.network.lines import after
from dmvpn.tools.lint import lint
from support.lint_cases import CLEAR, ELECTED, PHASE2, RIP, Network, bad, below, edited, everywhere, found

if TYPE_CHECKING:
    from collections.abc import Callable


# ------------------------------------------------------------------------------------------------ OSPF in phase 2


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
