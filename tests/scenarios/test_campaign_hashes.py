"""Rebuilding changes no packet: short runs with faults come to the hashes that they always came to."""

from __future__ import annotations

import pytest

from support.campaign_hashes import digest_of, kept, names

WRITE_AGAIN = "changed on purpose? Then run in tests/: python -m support.campaign_hashes"


def test_each_judged_network_has_a_hash() -> None:
    assert list(kept()) == names(), WRITE_AGAIN


@pytest.mark.parametrize("name", [name for name in names() if "+" not in name])
def test_a_network_lives_as_before(name: str) -> None:
    assert digest_of(name) == kept()[name], WRITE_AGAIN


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in names() if "+" in name])
def test_a_variant_of_a_network_lives_as_before(name: str) -> None:
    assert digest_of(name) == kept()[name], WRITE_AGAIN
