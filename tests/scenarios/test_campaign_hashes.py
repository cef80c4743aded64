"""Rebuilding changes no packet: short runs with faults come to the hashes that they always came to."""

from __future__ import annotations

import pytest

from support.campaign_hashes import digest_of, kept, names
from support.cases import every_day_but

WRITE_AGAIN = "changed on purpose? Then run in tests/: python -m support.campaign_hashes"

#: Networks of whose protocols and translators each is in another one, too.
RARE = (
    "bgp-ebgp-phase2",
    "course-lab",
    "dual-hub-two-clouds",
    "guide-phase2-broadcast",
    "hub-behind-nat",
    "ipsec-both-behind-nat",
    "ipsec-symmetric-nat",
    "ipsec-two-spokes-one-nat",
    "ipv6-only",
    "ipv6-phase3",
    "nat-published",
    "network-ids",
    "phase3-default",
    "several-lans",
    "two-tunnels",
)


def test_each_judged_network_has_a_hash() -> None:
    assert list(kept()) == names(), WRITE_AGAIN


def test_the_judge_has_nothing_to_say_of_any_of_them() -> None:
    assert [name for name, digest in kept().items() if "FAILED" in digest] == []


@pytest.mark.parametrize("name", every_day_but(RARE, [name for name in kept() if "+" not in name]))
def test_a_network_lives_as_before(name: str) -> None:
    assert digest_of(name) == kept()[name], WRITE_AGAIN


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in kept() if "+" in name])
def test_a_variant_of_a_network_lives_as_before(name: str) -> None:
    assert digest_of(name) == kept()[name], WRITE_AGAIN
