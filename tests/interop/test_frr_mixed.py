"""Routers of ours and FRR's in one cloud."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from interop.evidence import (
    BY_HUB,
    DIRECT,
    HOLDING_TIME,
    HOST,
    INDICATION,
    INSIDE,
    LAN,
    NBMA,
    PURGE_REPLY,
    PURGE_REQUEST,
    QUERY,
    REGISTRATION_REPLY,
    REGISTRATION_REQUEST,
    RESOLUTION_REPLY,
    RESOLUTION_REQUEST,
    TUNNEL,
)

if TYPE_CHECKING:
    from interop.evidence import Run


# Routers of ours and FRR's as spokes of one hub, ours or FRR's: direct both ways, and what happens when one dies.
#
# See uml/scen/mixed-our-hub.sh and mixed-frr-hub.sh. Hosts behind the spokes ping each other all the time.

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(180, func_only=True)]

SPOKES = ("spoke1", "spoke2")
#: Seconds that a router of ours or FRR's takes to start in here, and to register, at most: the machine may be slow.
START = 20.0
#: Pings, of ten a second, that the death of a daemon may cost.
FEW = 5


def frr_goes_direct(run: Run, label: str) -> bool:
    """FRR's spoke2 has the whole LAN behind our spoke1, by spoke1."""
    shortcuts = {row["prefix"]: row.get("via") for row in run.frr_shortcuts(label, "spoke2")}
    peers = {row["protocol"]: row["nbma"] for row in run.frr_cache(label, "spoke2")}
    return shortcuts.get(LAN["spoke1"]) == TUNNEL["spoke1"] and peers.get(TUNNEL["spoke1"]) == NBMA["spoke1"]


def clients(run: Run, label: str) -> dict[str, str]:
    """NBMA addresses by tunnel address, of the clients that our hub has."""
    entries = run.entries(label, "hub").values()
    return {entry["next_hop"]: entry["nbma"] for entry in entries if "registered" in entry["flags"]}


def ours_goes_direct(run: Run, label: str) -> bool:
    """Our spoke1 has the whole LAN behind FRR's spoke2, by spoke2, and in its routing table."""
    entry = run.entries(label, "spoke1").get(LAN["spoke2"])
    return (
        entry is not None
        and (entry["next_hop"], entry["nbma"]) == (TUNNEL["spoke2"], NBMA["spoke2"])
        and LAN["spoke2"] in run.routes(label, "spoke1")
    )


def lost(run: Run, since: float, until: float) -> int:
    """How many pings were not answered, in the worse direction."""
    return max(run.pings(spoke).lost(since, until) for spoke in SPOKES)


# ------------------------------------------------------------------------------------------ direct, with either hub


def test_our_hub_has_a_spoke_of_ours_and_one_of_frr(our_hub: Run) -> None:
    assert clients(our_hub, "direct") == {TUNNEL[spoke]: NBMA[spoke] for spoke in SPOKES}


def test_an_frr_hub_has_a_spoke_of_ours_and_one_of_frr(frr_hub: Run) -> None:
    known = {row["protocol"]: row["nbma"] for row in frr_hub.frr_cache("direct", "hub") if row["type"] == "dynamic"}
    assert known == {TUNNEL[spoke]: NBMA[spoke] for spoke in SPOKES}


@pytest.mark.parametrize("run", ["our_hub", "frr_hub"], indirect=True)
@pytest.mark.story("mixed-direct")
def test_a_spoke_of_ours_and_one_of_frr_go_directly_in_both_directions(run: Run) -> None:
    assert ours_goes_direct(run, "direct")
    assert frr_goes_direct(run, "direct")
    since, until = run.mark("direct"), run.mark("seen direct")
    for spoke, other in (SPOKES, SPOKES[::-1]):
        # FRR's shortcut may expire just now; the hub redirects it again then.
        assert NBMA[other] in run.carriers(spoke, HOST[spoke], HOST[other], since=since, until=until)
        assert DIRECT in run.pings(spoke).between(since, until)


@pytest.mark.parametrize("run", ["our_hub", "frr_hub"], indirect=True)
@pytest.mark.story("mixed-direct")
def test_nothing_is_lost_or_doubled_on_the_way_to_the_direct_path(run: Run) -> None:
    first = run.mark("kill FRR spoke2" if "hub" in run.ours else "kill FRR hub")
    assert lost(run, 0, run.mark("direct")) == 0
    # Later FRR's shortcut may expire and be made again: its kernel may drop one packet, which never leaves FRR's spoke.
    assert lost(run, 0, first - 1) <= 1
    assert [run.pings(spoke).duplicates for spoke in SPOKES] == [0, 0]


@pytest.mark.story("frr-hub-redirect", "frr-spoke-redirect")
def test_our_hub_tells_frr_in_the_way_of_ios_and_an_frr_hub_tells_ours_in_its_own(our_hub: Run, frr_hub: Run) -> None:
    """Hop count and quotation of a Traffic Indication differ; each side follows the other's."""
    ours = [packet for packet in our_hub.nhrp("hub", INDICATION) if packet.receiver == NBMA["spoke2"]]
    assert ours
    assert {packet.hop_count for packet in ours} == {255}
    assert all(packet.extensions for packet in ours)
    theirs = [packet for packet in frr_hub.nhrp("hub", INDICATION) if packet.receiver == NBMA["spoke1"]]
    assert theirs
    assert {(packet.hop_count, packet.extensions) for packet in theirs} == {(1, 0)}
    # 20 octets of header, 20 of addresses, then what was quoted: a whole ping, not 28 octets of it.
    assert {packet.size for packet in theirs} == {20 + 20 + 84}
    asked = [p for p in our_hub.nhrp("spoke2", RESOLUTION_REQUEST) if p.source == TUNNEL["spoke2"]]
    assert 0 <= asked[0].at - ours[0].at < 1
    asked = [p for p in frr_hub.nhrp("spoke1", RESOLUTION_REQUEST) if p.source == TUNNEL["spoke1"]]
    assert any(0 <= request.at - theirs[0].at < 1 for request in asked)


# ------------------------------------------------------------------------------------------ phase 2


@pytest.mark.story("phase2-ours")
def test_a_phase_2_route_of_ours_to_an_frr_spoke_is_resolved_and_loses_nothing(frr_hub: Run) -> None:
    """The next hop of the route is the FRR spoke itself; until it is known packets go by the hub."""
    pings = frr_hub.pings("phase2-ours")
    assert (pings.received, pings.duplicates) == (pings.sent, 0)
    since, until = frr_hub.mark("flow phase2-ours"), frr_hub.mark("seen phase2")
    asked = [p for p in frr_hub.nhrp("spoke1", RESOLUTION_REQUEST) if p.destination == TUNNEL["spoke2"]]
    assert since < asked[0].at < until
    assert asked[0].receiver == NBMA["hub"]
    ways = frr_hub.carriers("spoke1", HOST["spoke1"], "192.168.23.1", since=since, until=until)
    assert (ways[0], ways[-1]) == (NBMA["hub"], NBMA["spoke2"])
    assert frr_hub.entries("phase2")[f"{TUNNEL['spoke2']}/32"]["nbma"] == NBMA["spoke2"]


@pytest.mark.story("phase2-frr")
def test_frr_asks_nobody_for_the_next_hop_of_a_phase_2_route(limited_hub: Run) -> None:
    """nhrpd 8.4 sends Resolution Requests for redirects only: such a route is of no use there, whoever the hub is."""
    assert limited_hub.pings("phase2-frr").received == 0
    assert "Destination Host Unreachable" in limited_hub.text("ping.phase2-frr.txt")
    until = limited_hub.mark("flow phase2-ours")
    assert [p for p in limited_hub.nhrp("spoke2", RESOLUTION_REQUEST) if p.at < until] == []


# ------------------------------------------------------------------------------------------ death and return


@pytest.mark.story("restart-frr-spoke")
def test_an_frr_spoke_that_dies_is_reached_by_the_hub_and_directly_again_when_it_is_back(our_hub: Run) -> None:
    """Its kernel still decapsulates: packets get through all the time."""
    killed, back = our_hub.mark("kill FRR spoke2"), our_hub.mark("direct after FRR")
    assert lost(our_hub, killed, back) <= FEW
    assert BY_HUB in our_hub.pings("spoke1").between(killed, back)
    # The hub redirects a pair of addresses at most once in eight seconds.
    assert back - our_hub.mark("start FRR spoke2") < START + 8
    assert frr_goes_direct(our_hub, "after-frr")
    assert ours_goes_direct(our_hub, "after-frr")


@pytest.mark.story("restart-ours-spoke")
def test_a_spoke_of_ours_that_is_killed_is_registered_and_direct_soon_after_its_start(our_hub: Run) -> None:
    """FRR asks once: if our spoke is away just then, FRR's direction is the hub's for the next 30 s."""
    back = our_hub.mark("direct after ours")
    assert back - our_hub.mark("start spoke1", 1) < START
    assert lost(our_hub, back + 1, our_hub.mark("KILL hub") - 1) == 0
    assert ours_goes_direct(our_hub, "after-ours")


@pytest.mark.story("restart-ours-hub")
def test_while_our_hub_is_away_what_our_spoke_sends_stays_on_the_direct_path(our_hub: Run) -> None:
    killed = our_hub.mark("KILL hub")
    ways = our_hub.carriers("spoke1", HOST["spoke1"], HOST["spoke2"], since=killed, until=killed + 4)
    assert len(ways) > 20
    assert set(ways) == {NBMA["spoke2"]}


@pytest.mark.story("restart-ours-hub")
def test_our_hub_has_all_its_spokes_back_soon_after_its_start(our_hub: Run) -> None:
    """FRR asks again after 1, 2, 4 and 8 s."""
    assert our_hub.mark("registered again") - our_hub.mark("start hub", 1) < START + 8
    assert ours_goes_direct(our_hub, "after-hub")


@pytest.mark.story("restart-frr-hub")
def test_an_frr_hub_that_dies_has_our_spoke_back_at_its_next_registration(frr_hub: Run) -> None:
    killed, started, back = (frr_hub.mark(m) for m in ("kill FRR hub", "start FRR hub", "registered again"))
    assert back - started < HOLDING_TIME / 3 + START
    sent = [p for p in frr_hub.nhrp("spoke1", REGISTRATION_REQUEST) if killed <= p.at <= back]
    answered = {p.request_id for p in frr_hub.nhrp("spoke1", REGISTRATION_REPLY) if started <= p.at and p.codes[0] == 0}
    assert answered & {p.request_id for p in sent}
    assert lost(frr_hub, killed, back) <= FEW
    (server,) = frr_hub.servers("after-hub")
    assert server["letters"] == "RE"


@pytest.mark.story("cut-path")
def test_a_direct_path_to_frr_that_is_cut_is_left_by_our_spoke_within_three_seconds(our_hub: Run) -> None:
    """FRR has nothing to notice it by: its own packets are lost until its shortcut expires."""
    cut, fixed = our_hub.mark("cut"), our_hub.mark("fix")
    ways = our_hub.carriers("spoke1", HOST["spoke1"], HOST["spoke2"], since=cut + 3, until=fixed)
    assert ways
    assert set(ways) == {NBMA["hub"]}


# ------------------------------------------------------------------------------------------ somebody stops


@pytest.mark.story("withdraw-our-hub")
def test_our_hub_takes_the_withdrawal_of_our_spoke_and_leaves_frrs_registration_alone(our_hub: Run) -> None:
    stopped, gone = our_hub.mark("TERM spoke1"), our_hub.mark("withdrawn")
    assert gone - stopped < 5
    (asked,) = [p for p in our_hub.nhrp("hub", PURGE_REQUEST) if p.at > stopped and p.sender == NBMA["spoke1"]]
    assert asked.request_id in {p.request_id for p in our_hub.nhrp("hub", PURGE_REPLY)}
    assert clients(our_hub, "withdrawn") == {TUNNEL["spoke2"]: NBMA["spoke2"]}


@pytest.mark.story("withdraw-frr-hub")
def test_an_frr_hub_that_understands_no_purge_keeps_nobody_from_stopping_in_good_order(frr_hub: Run) -> None:
    stopped, ended = frr_hub.mark("TERM spoke1"), frr_hub.mark("ended spoke1 0")
    assert ended - stopped < 2
    asked = [p for p in frr_hub.nhrp("hub", PURGE_REQUEST) if p.sender == NBMA["spoke1"]]
    assert asked
    assert frr_hub.nhrp("hub", PURGE_REPLY) == []
    # It is up, has its other spoke, and forgets ours when the holding time ends.
    known = {row["protocol"] for row in frr_hub.frr_cache("withdrawn", "hub") if row["type"] == "dynamic"}
    assert TUNNEL["spoke2"] in known


@pytest.mark.story("expiry-frr")
def test_our_hub_forgets_an_frr_spoke_that_stopped_without_a_word_when_the_holding_time_ends(our_hub: Run) -> None:
    stopped = our_hub.mark("stop FRR spoke2")
    asked = [p for p in our_hub.nhrp("hub", REGISTRATION_REQUEST) if p.sender == NBMA["spoke2"]]
    last = max(packet.at for packet in asked)
    assert last < stopped + 1
    assert [p for p in our_hub.nhrp("hub", PURGE_REQUEST) if p.sender == NBMA["spoke2"]] == []
    assert HOLDING_TIME - 0.5 < our_hub.mark("expired") - last < HOLDING_TIME + 3
    assert clients(our_hub, "expired") == {}


@pytest.mark.story("expiry-frr")
def test_our_spoke_lets_a_silent_frr_spoke_go_and_finds_it_again(frr_hub: Run) -> None:
    stopped, started = frr_hub.mark("stop FRR spoke2"), frr_hub.mark("start FRR spoke2")
    assert LAN["spoke2"] not in frr_hub.routes("frr-stopped")
    asked = [
        p
        for p in frr_hub.nhrp("spoke1", RESOLUTION_REQUEST)
        if p.source == TUNNEL["spoke1"] and stopped < p.at < started
    ]
    requests = {packet.request_id for packet in asked}
    assert all(sum(p.request_id == each for p in asked) <= 7 for each in requests), "it backs off and gives up"
    # FRR's hub redirects four times a minute (hashlimit in uml/lib.sh): the second time is certain to find both.
    assert frr_hub.mark("direct after FRR") - started < START + 2 * 15


# ------------------------------------------------------------------------------------------ all


@pytest.mark.parametrize("node", NBMA)
@pytest.mark.story("clean-packets")
def test_tshark_finds_nothing_wrong_in_any_packet_of_mixed_clouds(our_hub: Run, frr_hub: Run, node: str) -> None:
    assert our_hub.complaints(node) == []
    assert frr_hub.complaints(node) == []


def test_every_answer_repeats_the_question_and_no_router_refuses_anything(our_hub: Run, frr_hub: Run) -> None:
    for run in (our_hub, frr_hub):
        asked = {(p.source, p.destination, p.request_id) for p in run.nhrp("spoke1", RESOLUTION_REQUEST)}
        answers = run.nhrp("spoke1", RESOLUTION_REPLY)
        assert {(p.source, p.destination, p.request_id) for p in answers} <= asked
        # Right after its start our hub does not know FRR's spoke yet: it says so.
        assert {p.codes[0] for p in answers} <= ({0, 12} if run is our_hub else {0})


def test_our_routers_end_as_they_are_told(our_hub: Run, frr_hub: Run) -> None:
    assert [our_hub.statuses(node) for node in our_hub.ours] == [[128 + 9, 0], [128 + 9, 0]]
    assert frr_hub.statuses() == [0]
    for run in (our_hub, frr_hub):
        assert run.interfaces("TERM", run.ours[-1]) == run.interfaces("before", run.ours[-1])


# A spoke behind a NAT, FRR's on our hub and ours on FRR's: both addresses known, direct both ways.
#
# See uml/scen/nat-frr.sh and nat-ours.sh. The translator is Linux's masquerade without a firewall: the worst one,
# because a stray packet from outside takes the place of a flow from inside. Plain GRE, one spoke behind it.


def assert_flows_lost_nothing(run: Run) -> None:
    for spoke in SPOKES:
        pings = run.pings(spoke)
        # The last one may have been on its way when the flow ended.
        assert pings.sent - 1 <= pings.received <= pings.sent
        assert pings.duplicates == 0


# ------------------------------------------------------------------------------------------ FRR inside, ours outside


@pytest.mark.story("nat-frr")
def test_our_hub_knows_both_addresses_of_an_frr_spoke_behind_nat(frr_behind_nat: Run) -> None:
    run = frr_behind_nat
    asked = [p for p in run.nhrp("hub", REGISTRATION_REQUEST) if p.source == TUNNEL["spoke1"]]
    assert {(p.sender, p.claimed) for p in asked} == {(NBMA["spoke1"], INSIDE)}
    entry = run.entries("registered", "hub")[f"{TUNNEL['spoke1']}/32"]
    assert (entry["nbma"], entry["claimed"]) == (NBMA["spoke1"], INSIDE)
    assert "N" in run.peers("registered", "hub")[f"{TUNNEL['spoke1']}/32"]["attributes"]
    assert f"(Claimed NBMA address: {INSIDE})" in run.text("registered.hub.txt")


def test_our_hub_tells_an_frr_spoke_behind_nat_its_address_outside(frr_behind_nat: Run) -> None:
    answers = frr_behind_nat.nhrp("spoke1", REGISTRATION_REPLY)
    assert answers
    assert all(NBMA["spoke1"] in packet.clients for packet in answers)


@pytest.mark.story("nat-frr")
def test_our_spoke_goes_to_the_outside_address_of_an_frr_spoke_behind_nat(frr_behind_nat: Run) -> None:
    run = frr_behind_nat
    entry = run.entries("direct", "spoke2")[f"{TUNNEL['spoke1']}/32"]
    assert (entry["nbma"], entry["claimed"]) == (NBMA["spoke1"], INSIDE)
    assert run.peers("direct", "spoke2")[f"{TUNNEL['spoke1']}/32"]["attributes"] == "DNT1"
    assert LAN["spoke1"] in run.routes("direct", "spoke2")
    shortcuts = {row["prefix"]: row.get("via") for row in run.frr_shortcuts("direct", "spoke1")}
    assert shortcuts[LAN["spoke2"]] == TUNNEL["spoke2"]


@pytest.mark.story("nat-frr")
def test_an_frr_spoke_behind_nat_and_ours_outside_go_directly_and_lose_nothing(frr_behind_nat: Run) -> None:
    """A single stray echo from outside before its first packet made a hole of a holding time here."""
    run = frr_behind_nat
    assert_flows_lost_nothing(run)
    since, until = run.mark("direct"), run.mark("direct") + 1
    assert set(run.carriers("spoke1", HOST["spoke1"], HOST["spoke2"], since=since, until=until)) == {NBMA["spoke2"]}
    assert set(run.carriers("spoke2", HOST["spoke2"], HOST["spoke1"], since=since, until=until)) == {NBMA["spoke1"]}


# ------------------------------------------------------------------------------------------ ours inside, FRR outside


@pytest.mark.story("nat-ours")
def test_an_frr_hub_knows_both_addresses_of_our_spoke_behind_nat(ours_behind_nat: Run) -> None:
    run = ours_behind_nat
    (row,) = [row for row in run.frr_cache("registered", "hub") if row["protocol"] == TUNNEL["spoke1"]]
    assert (row["nbma"], row["claimed_nbma"]) == (NBMA["spoke1"], INSIDE)
    (server,) = run.servers("registered")
    assert server["letters"] == "RE"


def test_our_spoke_behind_nat_says_its_address_outside_to_those_who_resolve_it(ours_behind_nat: Run) -> None:
    answers = [p for p in ours_behind_nat.nhrp("spoke2", RESOLUTION_REPLY) if p.source == TUNNEL["spoke2"]]
    assert answers
    assert NBMA["spoke1"] in answers[0].clients
    assert answers[0].claimed == NBMA["spoke2"], "the header of a reply names who asked"


@pytest.mark.story("nat-ours")
def test_an_frr_spoke_goes_to_the_outside_address_of_our_spoke_behind_nat(ours_behind_nat: Run) -> None:
    run = ours_behind_nat
    (row,) = [row for row in run.frr_cache("direct", "spoke2") if row["protocol"] == TUNNEL["spoke1"]]
    assert (row["nbma"], row["claimed_nbma"]) == (NBMA["spoke1"], INSIDE)
    shortcuts = {row["prefix"]: row.get("via") for row in run.frr_shortcuts("direct", "spoke2")}
    assert shortcuts[LAN["spoke1"]] == TUNNEL["spoke1"]
    assert LAN["spoke2"] in run.routes("direct", "spoke1")


@pytest.mark.story("nat-ours")
def test_our_spoke_behind_nat_and_an_frr_spoke_outside_go_directly_and_lose_nothing(ours_behind_nat: Run) -> None:
    run = ours_behind_nat
    assert_flows_lost_nothing(run)
    since, until = run.mark("direct"), run.mark("direct") + 1
    assert set(run.carriers("spoke1", HOST["spoke1"], HOST["spoke2"], since=since, until=until)) == {NBMA["spoke2"]}
    assert set(run.carriers("spoke2", HOST["spoke2"], HOST["spoke1"], since=since, until=until)) == {NBMA["spoke1"]}


# ------------------------------------------------------------------------------------------ both


@pytest.mark.parametrize("node", [*NBMA, "nat"])
@pytest.mark.story("clean-packets")
def test_tshark_finds_nothing_wrong_in_any_packet_on_either_side_of_the_nat(
    frr_behind_nat: Run, ours_behind_nat: Run, node: str
) -> None:
    assert frr_behind_nat.complaints(node) == []
    assert ours_behind_nat.complaints(node) == []


# EIGRP over the tunnel with FRR's eigrpd: our hub between a spoke of ours and one of FRR.
#
# See uml/scen/eigrp-mixed.sh. eigrpd wants a connected subnet on the tunnel, nhrpd registers only a /32, and an FRR hub
# cannot switch split horizon off: so FRR is a spoke here, mapped by hand, and spokes reach each other by the hub.

#: Seconds, as configured on our hub.
HOLD_TIME = 15


@pytest.mark.story("eigrp-routes")
def test_our_hub_and_eigrpd_are_neighbors_and_have_acknowledged_everything(eigrp: Run) -> None:
    ours = eigrp.text("routes.hub.eigrp.txt")
    (line,) = [line for line in ours.splitlines() if re.match(rf"\d +{re.escape(TUNNEL['spoke2'])} ", line)]
    assert line.split()[-2] == "0", "nothing waits in the queue to it"
    assert re.search(rf"^\d +{re.escape(TUNNEL['hub'])} +gre1 ", eigrp.text("routes.spoke2.eigrp-neighbors.txt"), re.M)


@pytest.mark.story("eigrp-routes")
def test_routes_of_ours_and_of_frr_pass_over_our_hub(eigrp: Run) -> None:
    theirs = eigrp.text("routes.spoke2.eigrp-topology.txt")
    assert f"P  {LAN['spoke1']}, 1 successors" in theirs or f"{LAN['spoke1']} nhid" in eigrp.text("routes.kernel.txt")
    assert LAN["spoke2"] in eigrp.routes("routes", "spoke1")
    assert re.search(
        rf"^D +{re.escape(LAN['spoke2'])} \[90/\d+\] via {re.escape(TUNNEL['hub'])}, ",
        eigrp.text("routes.spoke1.eigrp.txt"),
        re.M,
    )


@pytest.mark.story("eigrp-by-hub")
def test_hosts_behind_both_reach_each_other_by_the_hub(eigrp: Run) -> None:
    until = eigrp.mark("LAN down")
    for spoke in ("spoke1", "spoke2"):
        pings = eigrp.pings(spoke)
        assert set(pings.between(0, until)) == {BY_HUB}
        assert pings.lost(0, [answer.at for answer in pings.answers if answer.at < until][-2]) == 0


@pytest.mark.story("eigrp-query")
def test_a_query_ends_eigrpd_and_our_hub_lets_its_neighbor_go_with_the_hold_time(limited_eigrp: Run) -> None:
    """eigrpd 8.4.4 aborts at any Query for a route that it has; nothing that we could send instead would tell it."""
    queries = [at for at, source in limited_eigrp.eigrp("spoke2", QUERY) if source == TUNNEL["hub"]]
    assert limited_eigrp.mark("LAN down") < queries[0]
    assert "eigrp_fsm_event_q_fcn(): assertion (successors) failed" in limited_eigrp.text("spoke2.eigrpd.log")
    assert limited_eigrp.mark("neighbor lost") - queries[0] < HOLD_TIME + 5
    assert LAN["spoke2"] not in limited_eigrp.routes("lost", "spoke1")


@pytest.mark.story("eigrp-return")
def test_eigrpd_that_starts_again_is_a_neighbor_again_and_has_all_routes(eigrp: Run) -> None:
    assert eigrp.mark("routes again") - eigrp.mark("start eigrpd") < 20
    assert BY_HUB in eigrp.pings("spoke1").between(eigrp.mark("routes again"), eigrp.mark("flow end spoke1"))


@pytest.mark.parametrize("node", TUNNEL)
@pytest.mark.story("clean-packets")
def test_tshark_finds_nothing_wrong_in_any_packet_with_eigrp(eigrp: Run, node: str) -> None:
    assert eigrp.complaints(node) == []
