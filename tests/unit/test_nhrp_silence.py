"""What a spoke may suspect of a server that does not answer."""

from __future__ import annotations

import pytest

from dmvpn.features.nhrp.reasons import Evidence, Suspicion, suspicions
from support.cloud import HUB_NBMA, ready, tunnel_of

S = Suspicion


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (Evidence(), (S.SERVER_DOWN, S.WRONG_ADDRESS, S.GRE_FILTERED, S.KEY, S.SAME_NAT)),
        (Evidence(public=True), (S.SERVER_DOWN, S.WRONG_ADDRESS, S.GRE_FILTERED, S.KEY)),
        (Evidence(protected=True), (S.KEY, S.NHRP_BEHIND_IKE, S.ESP_FILTERED)),
        (Evidence(answered=True), (S.SERVER_DOWN, S.GRE_FILTERED)),
        (Evidence(answered=True, translated=True), (S.SERVER_DOWN, S.OLD_BINDING, S.SAME_NAT, S.GRE_FILTERED)),
        (Evidence(answered=True, protected=True), (S.SERVER_DOWN,)),
        (Evidence(heard=True), (S.NHRP_MISSING,)),
    ],
)
def test_what_was_seen_before_narrows_it_down(evidence: Evidence, expected: tuple[Suspicion, ...]) -> None:
    assert suspicions(evidence) == expected


def test_what_was_heard_before_a_server_fell_silent_does_not_say_that_it_lives() -> None:
    overlay = ready(3)
    spoke = overlay.members["R31"]
    spoke.count(HUB_NBMA, received=20)
    overlay.run(10)
    overlay.cut("R31", "R11")
    for _ in range(60):
        spoke.count(HUB_NBMA, sent=3)  # a routing protocol goes on asking
        overlay.run(1)
    (client,) = tunnel_of(overlay).clients.values()
    before = client.suspicions
    for _ in range(70):
        spoke.count(HUB_NBMA, sent=3, received=1)  # GRE comes through again, NHRP does not
        overlay.run(1)
    assert (before, client.suspicions) == ((S.SERVER_DOWN, S.GRE_FILTERED), (S.NHRP_MISSING,))
