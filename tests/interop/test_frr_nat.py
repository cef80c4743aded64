"""A spoke behind a NAT, FRR's on our hub and ours on FRR's: both addresses known, direct both ways.

See uml/scen/nat-frr.sh and nat-ours.sh. The translator is Linux's masquerade without a firewall: the worst one, because
a stray packet from outside takes the place of a flow from inside. Plain GRE, one spoke behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from interop.evidence import HOST, INSIDE, LAN, NBMA, REGISTRATION_REPLY, REGISTRATION_REQUEST, RESOLUTION_REPLY, TUNNEL

if TYPE_CHECKING:
    from interop.evidence import Run

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(180, func_only=True)]

SPOKES = ("spoke1", "spoke2")


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
