"""Our router beside FRR nhrpd, as its spoke and as its hub: registration, redirect, resolution, shortcut both ways.

Two boots of user-mode Linux, about a minute long, do what uml/scen/smoke-spoke.sh and smoke-hub.sh say; these tests
look at what they left (tests/interop/uml/out). The neighbors' words count: FRR's own tables, pings and traces of
hosts, captures read by tshark.
"""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import pytest

from interop.evidence import (
    BY_HUB,
    DIRECT,
    HOLDING_TIME,
    INDICATION,
    LAN,
    NBMA,
    REGISTRATION_REPLY,
    REGISTRATION_REQUEST,
    RESOLUTION_REPLY,
    RESOLUTION_REQUEST,
    TUNNEL,
    Pings,
)

if TYPE_CHECKING:
    from interop.evidence import Nhrp, Run

# The first test waits for the boots.
pytestmark = [pytest.mark.interop, pytest.mark.timeout(180, func_only=True)]


def registered(run: Run, label: str, node: str) -> dict[str, str]:
    """NBMA addresses by tunnel address, of the clients that an FRR hub has."""
    return {row["protocol"]: row["nbma"] for row in run.frr_cache(label, node) if row["type"] == "dynamic"}


def requests_of(run: Run, node: str, *, since: float, until: float) -> list[Nhrp]:
    sent = run.nhrp(node, REGISTRATION_REQUEST)
    return [packet for packet in sent if packet.sender == NBMA[node] and since <= packet.at <= until]


def assert_switched_without_loss(pings: Pings, *, hub_first: bool) -> None:
    """Every ping was answered once; the answers came by the hub up to some moment, and directly from then on."""
    assert (pings.received, pings.duplicates) == (pings.sent, 0)
    ways = [ttl for ttl, _ in groupby(pings.ttls)]
    assert ways == [BY_HUB, DIRECT] or (not hub_first and ways == [DIRECT]), ways


# ---------------------------------------------------------------------------------------- our spoke, FRR hub and spoke


@pytest.mark.story("frr-hub-register")
def test_an_frr_hub_registers_our_spoke_and_both_know_it(spoke: Run) -> None:
    assert registered(spoke, "registered", "hub")[TUNNEL["spoke1"]] == NBMA["spoke1"]
    (server,) = spoke.servers("registered")
    assert (server["address"], server["nbma"], server["letters"]) == (TUNNEL["hub"], NBMA["hub"], "RE")


@pytest.mark.story("frr-hub-register")
def test_our_spoke_renews_its_registration_after_a_third_of_the_holding_time(spoke: Run) -> None:
    sent = requests_of(spoke, "spoke1", since=spoke.mark("start spoke1"), until=spoke.mark("KILL spoke1"))
    # One that waited for FRR to start is repeated under its number.
    first = {packet.request_id: packet.at for packet in reversed(sent)}
    gaps = [after - before for before, after in pairwise(sorted(first.values()))]
    assert len(gaps) >= 3
    # The guests share two processors with whatever else runs: one may be late, but not all of them, nor by a third.
    assert min(gaps) == pytest.approx(HOLDING_TIME / 3, abs=0.5)
    assert max(gaps) < HOLDING_TIME * 2 / 3
    answered = {reply.request_id for reply in spoke.nhrp("spoke1", REGISTRATION_REPLY) if set(reply.codes) == {0}}
    assert {packet.request_id for packet in sent} <= answered


@pytest.mark.story("frr-hub-redirect")
def test_a_redirect_of_an_frr_hub_makes_our_spoke_ask_and_take_the_answer_whichever_way_it_comes(spoke: Run) -> None:
    assert NBMA["hub"] in {packet.sender for packet in spoke.nhrp("spoke1", INDICATION)}
    asked = [packet for packet in spoke.nhrp("spoke1", RESOLUTION_REQUEST) if packet.source == TUNNEL["spoke1"]]
    assert asked[0].receiver == NBMA["hub"]
    answers = [p for p in spoke.nhrp("spoke1", RESOLUTION_REPLY) if p.source == TUNNEL["spoke1"]]
    assert answers[0].request_id == asked[0].request_id
    # nhrpd sends it as it routes to us: by the hub, unless it has resolved us first and knows the direct way.
    assert answers[0].sender in (NBMA["hub"], NBMA["spoke2"])
    assert answers[0].prefix_lengths[0] == 24


def test_our_spoke_goes_directly_to_the_lan_behind_an_frr_spoke(spoke: Run) -> None:
    entry = spoke.entries("shortcut")[LAN["spoke2"]]
    assert (entry["next_hop"], entry["nbma"]) == (TUNNEL["spoke2"], NBMA["spoke2"])
    assert "rib" in entry["flags"]
    assert LAN["spoke2"] in spoke.routes("shortcut")


def test_an_frr_spoke_goes_directly_to_the_lan_behind_ours_with_its_whole_prefix(spoke: Run) -> None:
    shortcuts = {row["prefix"]: row.get("via") for row in spoke.frr_shortcuts("shortcut", "spoke2")}
    assert shortcuts[LAN["spoke1"]] == TUNNEL["spoke1"]
    peers = {row["protocol"]: row["nbma"] for row in spoke.frr_cache("shortcut", "spoke2")}
    assert peers[TUNNEL["spoke1"]] == NBMA["spoke1"]


@pytest.mark.parametrize("host", ["spoke1", "spoke2"])
@pytest.mark.story("mixed-direct")
def test_no_ping_is_lost_or_doubled_when_our_spoke_and_an_frr_one_leave_the_hub(spoke: Run, host: str) -> None:
    assert_switched_without_loss(spoke.pings(host), hub_first=True)


def test_the_second_traceroute_over_our_spoke_goes_direct(spoke: Run) -> None:
    assert spoke.trace("by-hub") == ["192.168.1.1", TUNNEL["hub"], "192.168.22.1"]
    assert spoke.trace("direct") == ["192.168.1.1", "192.168.22.1"]
    assert spoke.trace("back") == ["192.168.2.1", TUNNEL["spoke1"], "192.168.1.10"]


@pytest.mark.story("expiry-ours")
def test_an_frr_hub_forgets_our_spoke_a_holding_time_after_kill_9(spoke: Run) -> None:
    killed, expired = spoke.mark("KILL spoke1"), spoke.mark("expired")
    last = requests_of(spoke, "spoke1", since=0, until=killed)[-1].at
    # The guests share two processors with whatever else runs: FRR may be late, not early.
    assert HOLDING_TIME - 0.5 < expired - last < 2 * HOLDING_TIME
    assert spoke.statuses()[0] == 128 + 9


@pytest.mark.story("frr-hub-as-frr")
def test_our_spoke_registers_as_frr_does_with_a_host_mask_at_its_own_address(spoke: Run) -> None:
    assert registered(spoke, "again", "hub")[TUNNEL["spoke1"]] == NBMA["spoke1"]
    sent = requests_of(spoke, "spoke1", since=spoke.mark("start spoke1", 1), until=spoke.mark("TERM spoke1"))
    assert sent[0].destination == TUNNEL["spoke1"]
    (server,) = spoke.servers("again")
    assert (server["address"], server["letters"]) == (TUNNEL["hub"], "RED")
    assert LAN["spoke2"] in spoke.routes("again")
    assert (spoke.pings("again").received, spoke.pings("again").duplicates) == (10, 0)


@pytest.mark.story("frr-hub-register")
def test_our_registrations_are_unique_unless_no_unique_says_otherwise(spoke: Run) -> None:
    restarted = spoke.mark("start spoke1", 1)
    unique = {packet.unique for packet in requests_of(spoke, "spoke1", since=0, until=restarted)}
    no_unique = {packet.unique for packet in requests_of(spoke, "spoke1", since=restarted, until=restarted + 100)}
    assert (unique, no_unique) == ({True}, {False})


# ---------------------------------------------------------------------------------------- our hub, FRR spokes


@pytest.mark.story("frr-spoke-register")
def test_our_hub_registers_frr_spokes_that_do_not_know_its_address_and_tells_it(hub: Run) -> None:
    asked = hub.nhrp("hub", REGISTRATION_REQUEST)
    assert {packet.source for packet in asked} == {TUNNEL["spoke1"], TUNNEL["spoke2"]}
    assert all(packet.destination == packet.source for packet in asked), "to its own address: `nhs dynamic`"
    assert {packet.destination for packet in hub.nhrp("hub", REGISTRATION_REPLY)} == {TUNNEL["hub"]}
    for node in ("spoke1", "spoke2"):
        servers = {row["protocol"]: row["nbma"] for row in hub.frr_cache("registered", node) if row["type"] == "nhs"}
        assert servers == {TUNNEL["hub"]: NBMA["hub"]}


@pytest.mark.story("frr-spoke-register")
def test_our_hub_keeps_the_unique_flag_of_the_spoke_that_sent_it(hub: Run) -> None:
    entries = hub.entries("registered")
    first, second = entries[f"{TUNNEL['spoke1']}/32"], entries[f"{TUNNEL['spoke2']}/32"]
    assert (first["nbma"], second["nbma"]) == (NBMA["spoke1"], NBMA["spoke2"])
    assert {"unique", "registered"} <= set(first["flags"])
    assert "registered" in second["flags"]
    assert "unique" not in second["flags"]


@pytest.mark.story("frr-spoke-register")
def test_every_registration_of_an_frr_spoke_is_answered_in_its_turn(hub: Run) -> None:
    for node in ("spoke1", "spoke2"):
        begin, end = hub.mark("registered"), hub.mark("KILL hub")
        sent = [packet.request_id for packet in requests_of(hub, node, since=begin, until=end)]
        replies = [reply for reply in hub.nhrp(node, REGISTRATION_REPLY) if reply.request_id in sent]
        assert len(sent) >= 2, "a renewal belongs to it"
        assert [reply.request_id for reply in replies] == sent
        assert all(set(reply.codes) == {0} for reply in replies)


@pytest.mark.story("frr-spoke-redirect", "frr-spokes-direct")
def test_our_hub_redirects_both_directions_and_both_frr_spokes_go_direct(hub: Run) -> None:
    assert {packet.receiver for packet in hub.nhrp("hub", INDICATION)} == {NBMA["spoke1"], NBMA["spoke2"]}
    for node, other in (("spoke1", "spoke2"), ("spoke2", "spoke1")):
        shortcuts = {row["prefix"]: row.get("via") for row in hub.frr_shortcuts("shortcut", node)}
        assert shortcuts[LAN[other]] == TUNNEL[other]


@pytest.mark.parametrize("host", ["spoke1", "spoke2"])
@pytest.mark.story("frr-spokes-direct")
def test_no_ping_is_lost_or_doubled_when_frr_spokes_leave_our_hub(hub: Run, host: str) -> None:
    # FRR's switch is over in some milliseconds: one direction may find the shortcut there already.
    assert_switched_without_loss(hub.pings(host), hub_first=False)
    assert BY_HUB in hub.pings("spoke1").ttls + hub.pings("spoke2").ttls


def test_the_second_traceroute_beside_our_hub_goes_direct(hub: Run) -> None:
    assert hub.trace("by-hub") == ["192.168.1.1", TUNNEL["hub"], "192.168.22.1"]
    assert hub.trace("direct") == ["192.168.1.1", "192.168.22.1"]
    assert hub.trace("to-hub") == ["192.168.1.1", TUNNEL["hub"], "192.168.0.10"]


@pytest.mark.story("restart-ours-hub")
def test_a_hub_of_ours_that_starts_again_has_its_frr_spokes_back_within_seconds(hub: Run) -> None:
    """FRR asks again after 1, 2, 4, 8 and 16 s; the machine may be slow."""
    assert hub.mark("registered again") - hub.mark("start hub", 1) < 35


@pytest.mark.story("expiry-frr")
def test_our_hub_forgets_an_frr_spoke_that_fell_silent_and_keeps_the_other(hub: Run) -> None:
    last = requests_of(hub, "spoke2", since=0, until=hub.mark("silence") + 1)[-1].at
    assert HOLDING_TIME - 0.5 < hub.mark("expired") - last < HOLDING_TIME + 2
    assert list(hub.entries("expired")) == [f"{TUNNEL['spoke1']}/32"]


# ---------------------------------------------------------------------------------------- both


@pytest.mark.parametrize("node", NBMA)
@pytest.mark.story("clean-packets")
def test_tshark_finds_nothing_wrong_in_any_packet(spoke: Run, hub: Run, node: str) -> None:
    assert spoke.complaints(node) == []
    assert hub.complaints(node) == []


@pytest.mark.story("kernel-gre")
def test_the_gre_of_the_kernel_stays_quiet_while_we_run_and_is_given_back(spoke: Run) -> None:
    assert spoke.kernel_answers() == []
    assert [spoke.interfaces(label)["gre0"] for label in ("before", "shortcut", "cleanup")] == [False, True, False]
    assert spoke.interfaces("TERM")["gre0"] is False


@pytest.mark.story("kernel-gre")
def test_the_gre_of_the_kernel_stays_quiet_where_it_has_no_gre0_either(hub: Run) -> None:
    assert "gre0" not in hub.interfaces("before")
    assert hub.interfaces("shortcut")["dmvpn-gre"] is True
    answers = hub.kernel_answers()
    killed, back, ended = hub.mark("KILL hub"), hub.mark("registered again"), hub.mark("TERM hub")
    assert [at for at in answers if at < killed or back < at < ended] == []
    assert [at for at in answers if killed < at < back], "it does answer when nobody keeps it from doing so"


@pytest.mark.parametrize("run", ["spoke", "hub"], indirect=True)
def test_our_router_ends_in_good_order_and_leaves_nothing(run: Run) -> None:
    assert run.statuses() == [128 + 9, 0]
    assert run.interfaces("TERM") == run.interfaces("before") == run.interfaces("cleanup")
    assert run.routes("TERM") == []
