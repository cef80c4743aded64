"""libreswan and OpenIKED, each with FRR nhrpd and the kernel's ESP: as a spoke of our hub, and as the hub of our spoke.

See uml/scen/_others.inc. Under pings from host to host the other one replaces its keys, then we do; then everything is
deleted and comes back. OpenIKED talks to the kernel by PF_KEY, which has no AES-GCM.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from interop.evidence import DIRECT, LAN, NBMA, TUNNEL

if TYPE_CHECKING:
    from interop.conftest import Boots
    from interop.evidence import Run

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(180, func_only=True)]

#: As `show crypto ipsec sa` says it.
SUITES = {"libreswan": "esp-gcm 256", "openiked": "esp-256-aes esp-sha512-hmac"}
STAGES = ("registered", "rekeyed-theirs", "rekeyed-ours", "back")


@pytest.fixture(params=["libreswan_our_hub", "libreswan_our_spoke", "openiked_our_hub", "openiked_our_spoke"])
def run(request: pytest.FixtureRequest, boots: Boots) -> Run:
    """A boot with one of them."""
    return boots.run_of(request.param, request.node)


def ours_and_theirs(run: Run) -> tuple[str, str]:
    """The node of ours that meets it, and its own."""
    ours = run.ours[0]
    return ours, "spoke1" if ours == "hub" else "hub"


@pytest.mark.story("libreswan-hub", "libreswan-spoke", "openiked-hub", "openiked-spoke")
def test_it_registers_or_we_do_and_hosts_talk_over_esp(run: Run) -> None:
    ours, theirs = ours_and_theirs(run)
    said = run.text(f"registered.{ours}.crypto.txt")
    assert f"Phase1_id: {theirs}.example" in said
    assert SUITES[run.folder.name.partition("-")[0]] in said
    assert run.peers("registered", ours)[f"{TUNNEL[theirs]}/32"]["nbma"] == NBMA[theirs]
    assert run.carried(theirs) == {"esp"}


@pytest.mark.story("libreswan-rekey", "openiked-rekey")
def test_it_replaces_its_keys_and_so_do_we_and_nothing_is_lost(run: Run) -> None:
    ours, theirs = ours_and_theirs(run)
    pings = run.pings("spoke1")
    assert pings.sent - 1 <= pings.received <= pings.sent, "the last one may have been on its way"
    assert pings.duplicates == 0
    kept = [run.spis(stage, theirs, NBMA[ours]) for stage in STAGES]
    for before, after in pairwise(kept):
        assert before
        assert not before & after
    assert run.refused("rekeyed-ours", theirs) == 0


@pytest.mark.story("libreswan-rekey", "openiked-rekey")
def test_it_replaced_its_ike_sa(run: Run) -> None:
    ours, theirs = ours_and_theirs(run)
    before, after = (run.ike_spis(stage, ours, NBMA[theirs]) for stage in ("registered", "rekeyed-theirs"))
    assert len(before) == len(after) == 2
    assert not before & after


@pytest.mark.story("libreswan-clear", "openiked-clear")
def test_after_clear_crypto_session_it_comes_back(run: Run) -> None:
    ours, _ = ours_and_theirs(run)
    assert run.mark("back") - run.mark(f"clear crypto session on {ours}") < 20
    assert run.pings("back").received == 20


@pytest.mark.story("libreswan-direct", "openiked-direct")
@pytest.mark.parametrize("run", ["libreswan_our_hub", "openiked_our_hub"], indirect=True)
def test_its_spoke_and_ours_go_directly_over_esp(run: Run) -> None:
    assert LAN["spoke1"] in run.routes("direct", "spoke2")
    assert SUITES[run.folder.name.partition("-")[0]] in run.text("direct.spoke2.crypto.txt")
    assert set(run.pings("direct").between(run.mark("direct") + 2, run.mark("direct") + 3)) == {DIRECT}


@pytest.mark.story("libreswan-clear-gre", "openiked-clear-gre")
def test_we_never_send_gre_in_clear_whatever_it_does_itself(run: Run) -> None:
    """Both let registrations of FRR out that come before their SA, although libreswan was told to hold them."""
    ours, _ = ours_and_theirs(run)
    assert run.seen_in_clear(ours, sender=NBMA[ours]) == []
    assert run.complaints(ours) == []
