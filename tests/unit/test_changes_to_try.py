"""Changes that a search by trial may try: they come from the configurations of a network alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.causes import Cause
from dmvpn.base.errors import UserError
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.diff.behavior import LanPair, Talk
from dmvpn.tools.diff.rows import Rows
from dmvpn.tools.doctor import Copied, Diagnosis, Finding, Step, View, as_text
from dmvpn.tools.remedies.changes import ChangedLine, Proposals, RouterChange, lines_of, with_changes
from dmvpn.tools.remedies.names import Names
from dmvpn.tools.remedies.search import Search, SearchResult
from dmvpn.tools.remedies.since import hunks, in_order
from dmvpn.tools.remedies.suffering import Harm, KeptApart, Suffering
from dmvpn.tools.remedies.switches import switches
from dmvpn.tools.remedies.unforeseen import is_unexplained, searched

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        Suffering({pair: Harm.CUT_OFF}),
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
