"""Every rule of `dmvpn lint` finds its mistake, at its line, before anything else, and is silent without it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import LintFinding, Severity
from dmvpn.base.placeholder import BLANKS
from dmvpn.ios import ConfigSession
from dmvpn.network.lines import after
from dmvpn.tools.lint import RULES, lint
from support import lint_cases
from support.full_language import LANGUAGE
from support.lint_cases import CASES, CLEAR, Case, bad, edited, fixed

if TYPE_CHECKING:
    from collections.abc import Iterable

_CLEAN = (
    "CLEAR",
    "SEALED",
    "OSPF",
    "RIP",
    "ELECTED",
    "PHASE1",
    "PHASE2",
    "TWO_TUNNELS",
    "SIGNED",
    "TRANSLATING",
    "FILTERED",
    "DUAL",
    "BGP",
)
ROUTE_MAP = "route-map-undefined"


def _names(case: Case) -> str:
    return case.rule


@cache
def _found(number: int) -> tuple[LintFinding, ...]:
    """What lint finds in the mistake of a case: several tests ask."""
    return tuple(lint(CASES[number].bad, CASES[number].sites))


def _in(case: Case) -> tuple[LintFinding, ...]:
    return _found(CASES.index(case))


@pytest.mark.parametrize("case", CASES, ids=_names)
def test_a_mistake_is_found_at_its_line(case: Case) -> None:
    found = [one for one in _in(case) if one.rule == case.rule]
    router, line = case.at
    places = [(one.file, case.bad[one.file].split("\n")[one.line - 1]) for one in found]
    nothing = "nothing: does src/dmvpn/tools/lint/engine.py call the `check` that yields this rule?"
    assert any(file == router and text.startswith(line) for file, text in places), places or nothing


@pytest.mark.parametrize("case", CASES, ids=_names)
def test_nothing_is_found_once_it_is_fixed(case: Case) -> None:
    sites = case.sites if case.good_sites is None else case.good_sites
    assert [one for one in lint(case.good, sites) if one.rule == case.rule] == []


@pytest.mark.parametrize("case", [case for case in CASES if case.first], ids=_names)
def test_nothing_is_named_before_the_cause(case: Case) -> None:
    assert _in(case)[0].rule == case.rule


@pytest.mark.parametrize("name", _CLEAN)
def test_the_networks_of_the_cases_are_clean(name: str) -> None:
    network: lint_cases.Network = getattr(lint_cases, name)
    assert [(one.file, one.rule, one.what) for one in lint(network) if one.severity is not Severity.ADVICE] == []


def test_every_rule_has_a_case() -> None:
    cases, rules = {case.rule for case in CASES}, {rule.id for rule in RULES}
    assert rules - cases == set(), "write the smallest mistake of it into tests/support/lint_cases.txt"
    assert cases - rules == set(), "no rule has this name; RULES are listed in src/dmvpn/tools/lint/engine.py"


@pytest.mark.parametrize("process", ["router rip", "router eigrp 1"])
def test_a_route_map_of_redistribution_that_nobody_defined_is_named(process: str) -> None:
    told = [one for one in lint({"R.cfg": f"{process}\n redistribute static route-map M\n"}) if one.rule == ROUTE_MAP]
    assert [(one.line, one.what.partition(" names ")[2]) for one in told] == [
        (1, "the route map M, which is not configured")
    ]


def test_lists_of_paths_and_communities_that_nobody_defined_are_named() -> None:
    text = (
        "router bgp 65001\n neighbor 10.0.0.1 remote-as 65000\n neighbor 10.0.0.1 filter-list 3 out\n"
        "route-map M permit 10\n match as-path 4\n match community C\nip as-path access-list 4 permit ^$\n"
    )
    told = {one.what for one in lint({"R.cfg": text}) if one.rule == "list-undefined"}
    assert told == {
        "router bgp 65001 names the as path access list 3, which is not configured",
        "route-map M permit 10 names the community list C, which is not configured",
    }


@pytest.mark.parametrize(
    ("lines", "line", "what"),
    [
        ("router eigrp 1\n distribute-list 7 in\n", 1, "router eigrp names the access list 7"),
        ("router ospf 1\n distribute-list prefix P in\n", 1, "router ospf 1 names the prefix list P"),
        ("router rip\n distribute-list gateway G in\n", 1, "router rip names the prefix list G"),
        ("line vty 0 4\n access-class 23 in\n", 2, "line vty 0 4 names the access list 23"),
    ],
)
def test_lists_of_routing_processes_and_of_logins_that_nobody_defined_are_named(
    lines: str, line: int, what: str
) -> None:
    """A router with such an access class lets no station log in, and lint had nothing to say."""
    told = [one for one in lint({"R.cfg": lines}) if one.rule == "list-undefined"]
    assert [(one.line, one.what) for one in told] == [(line, f"{what}, which is not configured")]


def _errors(findings: Iterable[LintFinding]) -> set[tuple[str, str]]:
    return {(one.rule, one.file) for one in findings if one.severity is Severity.ERROR}


@pytest.mark.parametrize("case", CASES, ids=_names)
def test_a_fix_that_is_entered_heals(case: Case) -> None:
    """Some fixes left their own finding, and some brought an error of another rule."""
    network = fixed(case, _in(case))
    if network is not None:
        found = lint(network, case.sites)
        assert [one.what for one in found if one.rule == case.rule] == []
        assert _errors(found) - _errors(_in(case)) == set()


@pytest.mark.parametrize("case", CASES, ids=_names)
def test_a_fix_with_a_blank_does_no_harm_as_it_is(case: Case) -> None:
    """Pasted as it was, `ip nhrp authentication THE-SAME-AS-THERE` set that password."""
    for one in (one for one in _in(case) if any(blank in one.fix for blank in BLANKS)):
        session = ConfigSession(LANGUAGE, LANGUAGE.parse_text(case.bad[one.file]).tree)
        for line in one.fix.split("\n"):
            result, blank = session.enter(line), min((at for at in map(line.find, BLANKS) if at >= 0), default=None)
            assert result.refused is (blank is not None), line
            if blank is not None:
                assert result.output_lines[0].index("^") <= blank
        assert not any(blank in line for line in session.tree.render() for blank in BLANKS)


def test_the_nbma_address_of_a_server_moves_in_its_own_line() -> None:
    """The fix added a second `ip nhrp nhs` line, without multicast, and the finding stayed."""
    wrong = " ip nhrp nhs 10.0.0.1 nbma 198.51.100.77 priority 2"
    network = edited(
        CLEAR,
        SPOKE1=[
            (" ip nhrp map 10.0.0.1 198.51.100.1\n ip nhrp map multicast 198.51.100.1\n", ""),
            (" ip nhrp nhs 10.0.0.1\n", f"{wrong.replace(' priority', ' multicast priority')}\n"),
        ],
    )
    (finding,) = (one for one in lint(network) if one.severity is Severity.ERROR)
    assert (finding.rule, finding.fix.split("\n")) == (
        "nhrp-map-wrong",
        [
            "interface Tunnel0",
            " no ip nhrp nhs 10.0.0.1 nbma 198.51.100.77",
            " ip nhrp nhs 10.0.0.1 nbma 198.51.100.1 multicast priority 2",
        ],
    )
    network["SPOKE1"] = after(network["SPOKE1"], finding.fix.split("\n"))
    assert bad(network) == []


def test_a_peer_that_is_called_like_its_file_gets_a_name_of_one_word() -> None:
    """Files whose names have blanks: the fix was `peer my HUB`, which no router takes."""
    (case,) = (case for case in CASES if case.rule == "ike-key-missing")
    files = {f"my {name}": text.replace(f"hostname {name}\n", "") for name, text in case.bad.items()}
    fixes = [one.fix for one in lint(files) if one.rule == case.rule]
    assert any(" peer my-HUB\n" in fix for fix in fixes), fixes
