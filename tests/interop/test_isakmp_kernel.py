"""IKEv1 with packets: FRR nhrpd and strongSwan or libreswan with the ESP of their kernel, as spokes and as hub.

See uml/scen/isakmp-*.sh and libreswan-isakmp-*.sh. Hosts ping each other ten times a second while both ends replace
their pairs and ISAKMP SAs.
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

CBC = "ESP:AES_CBC-256/HMAC_SHA2_256_128"
MODES = {"isakmp_hub": f"TRANSPORT, {CBC}", "isakmp_nat": f"TRANSPORT-in-UDP, {CBC}"}


@pytest.fixture(params=list(MODES))
def run(request: pytest.FixtureRequest, boots: Boots) -> tuple[Run, str]:
    """A boot, and how charon describes its pairs there."""
    return boots.run_of(request.param, request.node), MODES[request.param]


@pytest.mark.story("charon-ikev1-kernel", "charon-ikev1-kernel-nat")
def test_the_spoke_registers_over_pairs_of_transport_mode(run: tuple[Run, str]) -> None:
    boot, mode = run
    assert {row["tunnel"] for row in boot.peers("registered", "hub").values()} == {
        TUNNEL[spoke] for spoke in ("spoke1", "spoke2")
    }
    assert boot.child_sas("registered", "spoke1") == {"hub": [mode]}
    said = boot.text("registered.hub.crypto.txt")
    assert said.count("IKEv1 SA: local") == 2
    assert "Phase1_id: spoke1.example" in said
    assert boot.carried("spoke1") == {"udp" if "UDP" in mode else "esp"}


@pytest.mark.story("charon-ikev1-kernel", "charon-ikev1-kernel-nat")
def test_both_spokes_go_directly_over_a_pair_of_their_own(run: tuple[Run, str]) -> None:
    boot, mode = run
    assert LAN["spoke1"] in boot.routes("direct", "spoke2")
    assert boot.child_sas("direct", "spoke1") == {"hub": [mode], "spoke2": [mode]}
    assert set(boot.pings("spoke1").between(boot.mark("direct") + 1, boot.mark("direct") + 2)) == {DIRECT}


@pytest.mark.story("charon-ikev1-kernel", "charon-ikev1-kernel-nat")
def test_both_ends_replace_pairs_and_isakmp_sas_under_traffic_and_nothing_is_lost(run: tuple[Run, str]) -> None:
    boot, _ = run
    for spoke in ("spoke1", "spoke2"):
        pings = boot.pings(spoke)
        assert pings.lost(boot.mark("direct"), boot.mark("crypto rekeyed-ours")) == 0
        assert pings.duplicates == 0
    kept = [boot.sent_on(label, "spoke1") for label in ("direct", "rekeyed-child", "rekeyed-ours")]
    for before, after in pairwise(kept):
        assert after - before
    assert boot.refused("rekeyed-ours", "spoke1") == 0


@pytest.mark.story("charon-ikev1-kernel", "charon-ikev1-kernel-nat")
def test_after_clear_crypto_session_both_spokes_come_back(run: tuple[Run, str]) -> None:
    boot, _ = run
    assert boot.mark("back") - boot.mark("clear crypto session on hub") < 30
    assert boot.pings("back").received == 20


@pytest.mark.story("charon-ikev1-kernel", "charon-ikev1-kernel-nat")
def test_gre_is_never_in_clear(run: tuple[Run, str]) -> None:
    boot, _ = run
    for node in ("hub", "spoke2"):
        assert boot.seen_in_clear(node, sender=NBMA[node]) == []
        assert boot.complaints(node) == []


# ------------------------------------------------------------------------------------------- our spoke, charon's hub

OUR_SPOKE = {"isakmp_foreign_hub": f"TRANSPORT, {CBC}", "isakmp_nat_ours": f"TRANSPORT-in-UDP, {CBC}"}


@pytest.fixture(params=list(OUR_SPOKE))
def our_spoke(request: pytest.FixtureRequest, boots: Boots) -> tuple[Run, str]:
    """A boot in which spoke1 is ours, and how charon describes its pairs there."""
    return boots.run_of(request.param, request.node), OUR_SPOKE[request.param]


@pytest.mark.story("charon-ikev1-kernel-hub", "charon-ikev1-kernel-nat-ours")
def test_our_spoke_registers_and_goes_directly_to_a_foreign_spoke(our_spoke: tuple[Run, str]) -> None:
    boot, mode = our_spoke
    assert set(boot.child_sas("registered", "hub")["spoke1"]) == {mode}, "two if both began at once"
    assert set(boot.child_sas("direct", "spoke2")["spoke1"]) == {mode}
    assert LAN["spoke2"] in boot.routes("direct", "spoke1")
    assert set(boot.pings("spoke1").between(boot.mark("direct") + 1, boot.mark("direct") + 2)) == {DIRECT}
    assert boot.carried("spoke1") == {"udp" if "UDP" in mode else "esp"}


@pytest.mark.story("charon-ikev1-kernel-hub", "charon-ikev1-kernel-nat-ours")
def test_all_replace_their_keys_in_turn_and_our_spoke_loses_nothing(our_spoke: tuple[Run, str]) -> None:
    boot, _ = our_spoke
    for spoke in ("spoke1", "spoke2"):
        pings = boot.pings(spoke)
        assert pings.lost(boot.mark("direct"), boot.mark("crypto rekeyed")) == 0
        assert pings.duplicates == 0
    for node in ("hub", "spoke2"):
        assert len(boot.sent_on("rekeyed-1", node) - boot.sent_on("direct", node)) >= 2  # ours, and charon's
        assert boot.refused("rekeyed", node) == 0


@pytest.mark.story("charon-ikev1-kernel-hub", "charon-ikev1-kernel-nat-ours")
def test_after_clear_crypto_session_our_spoke_is_back_and_nothing_was_ever_in_clear(our_spoke: tuple[Run, str]) -> None:
    boot, _ = our_spoke
    assert boot.mark("back") - boot.mark("clear crypto session on spoke1") < 20
    assert boot.pings("back").received == 20
    assert boot.seen_in_clear("spoke1") == []
    assert boot.complaints("spoke1") == []


# --------------------------------------------------------------------------------------------------------- libreswan


@pytest.fixture(params=["libreswan_isakmp_our_hub", "libreswan_isakmp_our_spoke"])
def with_pluto(request: pytest.FixtureRequest, boots: Boots) -> tuple[Run, str, str]:
    """A boot with libreswan, our node, and the foreign one."""
    boot = boots.run_of(request.param, request.node)
    ours = boot.ours[0]
    return boot, ours, "spoke1" if ours == "hub" else "hub"


@pytest.mark.story("libreswan-ikev1-kernel")
def test_hosts_talk_through_pairs_with_pluto(with_pluto: tuple[Run, str, str]) -> None:
    boot, ours, theirs = with_pluto
    said = boot.text(f"registered.{ours}.crypto.txt")
    assert f"Phase1_id: {theirs}.example" in said
    assert "IKEv1 SA: local" in said
    assert "esp-256-aes esp-sha256-hmac" in said
    assert boot.carried(theirs) == {"esp"}
    assert boot.seen_in_clear(ours, sender=NBMA[ours]) == []


@pytest.mark.story("libreswan-ikev1-kernel")
def test_pluto_replaces_both_phases_when_they_are_old_then_we_do_and_nothing_is_lost(
    with_pluto: tuple[Run, str, str],
) -> None:
    boot, ours, theirs = with_pluto
    pings = boot.pings("spoke1")
    assert pings.sent - 1 <= pings.received <= pings.sent, "the last one may have been on its way"
    assert pings.duplicates == 0
    kept = [boot.spis(stage, theirs, NBMA[ours]) for stage in ("registered", "rekeyed-theirs", "rekeyed-ours")]
    for before, after in pairwise(kept):
        assert after - before
    assert not kept[0] & kept[1]
    assert boot.refused("rekeyed-ours", theirs) == 0


@pytest.mark.story("libreswan-ikev1-kernel")
def test_after_clear_crypto_session_pluto_and_we_have_pairs_again(with_pluto: tuple[Run, str, str]) -> None:
    boot, ours, _ = with_pluto
    assert boot.mark("back") - boot.mark(f"clear crypto session on {ours}") < 20
    assert boot.pings("back").received == 20


@pytest.mark.story("libreswan-ikev1-kernel")
@pytest.mark.parametrize("with_pluto", ["libreswan_isakmp_our_hub"], indirect=True)
def test_a_spoke_with_pluto_and_ours_go_directly(with_pluto: tuple[Run, str, str]) -> None:
    boot, _, _ = with_pluto
    assert LAN["spoke1"] in boot.routes("direct", "spoke2")
    assert set(boot.pings("direct").between(boot.mark("direct") + 2, boot.mark("direct") + 3)) == {DIRECT}
