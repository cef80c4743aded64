"""IKEv1 with packets: FRR nhrpd and strongSwan with the ESP of their kernel as a spoke of our hub, also behind NAT.

See uml/scen/isakmp-our-hub.sh and isakmp-nat.sh. Hosts behind both spokes ping each other ten times a second while both
ends replace their pairs and ISAKMP SAs.
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
