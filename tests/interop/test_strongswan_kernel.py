"""A whole foreign site beside ours: FRR nhrpd, the kernel's GRE, the kernel's ESP, strongSwan's charon.

See uml/scen/ipsec-our-hub.sh and ipsec-foreign-hub.sh. Hosts behind the spokes ping each other ten times a second while
both ends replace their keys. What the kernel counts in its SAs says whether it took what we sealed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from interop.evidence import DIRECT, IKE_SA_INIT, INFORMATIONAL, LAN, NBMA, TUNNEL

if TYPE_CHECKING:
    from interop.evidence import Run

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(180, func_only=True)]

#: Seconds in which strongSwan may do what INVALID_SPI tells it, before it is begun with.
MEETS_AGAIN = 5.0
GCM = "TRANSPORT, ESP:AES_GCM_16-256"


def assert_nothing_was_in_clear(run: Run) -> None:
    for node in ("hub", "spoke1", "spoke2"):
        assert run.complaints(node) == []
        assert run.seen_in_clear(node) == []


# ---------------------------------------------------------------------------------------------- our hub


@pytest.mark.story("charon-kernel-spoke")
def test_an_frr_spoke_behind_strongswan_registers_at_our_hub(our_protected_hub: Run) -> None:
    peers = our_protected_hub.peers("registered", "hub")
    assert {row["tunnel"]: row["nbma"] for row in peers.values()} == {
        TUNNEL[spoke]: NBMA[spoke] for spoke in ("spoke1", "spoke2")
    }
    said = our_protected_hub.text("registered.hub.crypto.txt")
    assert "Phase1_id: spoke1.example" in said
    assert "transform: esp-gcm 256" in said
    assert our_protected_hub.child_sas("registered", "spoke1") == {"hub": [GCM]}


@pytest.mark.story("charon-kernel-spoke")
def test_it_and_our_spoke_go_directly_over_esp(our_protected_hub: Run) -> None:
    run = our_protected_hub
    assert LAN["spoke1"] in run.routes("direct", "spoke2")
    assert {row["prefix"]: row.get("via") for row in run.frr_shortcuts("direct", "spoke1")}[LAN["spoke2"]] == (
        TUNNEL["spoke2"]
    )
    assert run.child_sas("direct", "spoke1") == {"hub": [GCM], "spoke2": [GCM]}
    assert set(run.pings("spoke1").between(run.mark("direct") + 1, run.mark("direct") + 2)) == {DIRECT}


@pytest.mark.story("charon-kernel-rekey")
def test_both_ends_replace_their_keys_under_traffic_and_nothing_is_lost(our_protected_hub: Run) -> None:
    run = our_protected_hub
    assert run.text("rekey.txt").count("completed successfully") == 3
    for spoke in ("spoke1", "spoke2"):
        pings = run.pings(spoke)
        assert pings.lost(run.mark("direct"), run.mark("crypto rekeyed-ours")) == 0
        assert pings.duplicates == 0
    for label in ("rekeyed-child", "rekeyed-ike", "rekeyed-ours"):
        assert run.child_sas(label, "spoke1") == {"hub": [GCM], "spoke2": [GCM]}, "one pair is left, whoever began"
    stages = [run.sent_on(label, "spoke1") for label in ("direct", "rekeyed-child", "rekeyed-ours")]
    assert not stages[0] & stages[1]
    assert not stages[1] & stages[2]
    assert run.refused("rekeyed-ours", "spoke1") == 0


@pytest.mark.story("charon-kernel-restart")
def test_our_hub_is_killed_and_starts_again_and_strongswan_is_back_without_dpd(our_protected_hub: Run) -> None:
    """It ignores INVALID_SPI, so the hub begins with it, as configured; FRR registers when its own time comes."""
    run = our_protected_hub
    back, again = run.mark("start hub", 1), run.mark("registered again")
    told = [at for at in run.ike("hub", INFORMATIONAL, by=NBMA["hub"]) if at > back]
    begun = [at for at in run.ike("hub", IKE_SA_INIT, by=NBMA["hub"]) if at > back]
    assert told[0] < begun[0] < told[0] + MEETS_AGAIN
    assert run.pings("again").lost(again + 3, run.mark("flow end again")) == 0
    assert run.pings("again").between(again + 3, run.mark("flow end again"))


def test_no_gre_was_ever_in_clear_at_our_hub(our_protected_hub: Run) -> None:
    assert_nothing_was_in_clear(our_protected_hub)


# ---------------------------------------------------------------------------------------------- a foreign hub


@pytest.mark.story("charon-kernel-hub")
def test_our_spoke_registers_at_an_frr_hub_behind_strongswan(foreign_protected_hub: Run) -> None:
    run = foreign_protected_hub
    assert {row["protocol"]: row["nbma"] for row in run.frr_cache("registered", "hub")}[TUNNEL["spoke1"]] == NBMA[
        "spoke1"
    ]
    assert "Phase1_id: hub.example" in run.text("registered.spoke1.crypto.txt")


@pytest.mark.story("charon-kernel-hub")
def test_our_spoke_and_an_frr_spoke_go_directly_over_esp(foreign_protected_hub: Run) -> None:
    run = foreign_protected_hub
    assert LAN["spoke2"] in run.routes("direct", "spoke1")
    assert run.child_sas("direct", "spoke2") == {"hub": [GCM], "spoke1": [GCM]}
    during = run.pings("spoke1").between(run.mark("direct") + 1, run.mark("direct") + 2)
    assert set(during) == {DIRECT}


@pytest.mark.story("charon-kernel-rekey")
def test_a_foreign_hub_and_spoke_replace_their_keys_and_nothing_is_lost(foreign_protected_hub: Run) -> None:
    run = foreign_protected_hub
    assert run.text("rekey.txt").count("completed successfully") == 4
    for spoke in ("spoke1", "spoke2"):
        assert run.pings(spoke).lost(run.mark("direct"), run.mark("crypto rekeyed-ike")) == 0


def test_after_clear_crypto_session_everything_comes_back(foreign_protected_hub: Run) -> None:
    run = foreign_protected_hub
    assert run.mark("back") - run.mark("clear crypto session on spoke1") < 20
    assert len(run.pings("back").answers) == 20
    assert run.child_sas("cleared", "hub") == {"spoke1": [GCM], "spoke2": [GCM]}


@pytest.mark.story("charon-kernel-cut")
def test_a_direct_path_that_carries_nothing_any_more_is_left_for_the_hub(foreign_protected_hub: Run) -> None:
    run = foreign_protected_hub
    assert run.mark("by the hub") - run.mark("cut") < 15
    assert LAN["spoke2"] not in run.routes("cut", "spoke1")
    assert set(run.peers("cut", "spoke1")) >= {f"{TUNNEL['hub']}/32"}


def test_no_gre_was_ever_in_clear_beside_a_foreign_hub(foreign_protected_hub: Run) -> None:
    assert_nothing_was_in_clear(foreign_protected_hub)
