"""Thousands of routers on the page: what a small map draws as one symbol, and what the states of a film share."""

from __future__ import annotations

import pytest

from support.films import NODE, clustered, state_and_copy

pytestmark = pytest.mark.skipif(not NODE, reason="no node: scripts/debian-packages interop")


def test_routers_that_would_cover_each_other_become_one_symbol_and_their_hub_stays() -> None:
    found = clustered(2000, 0.08)
    assert found is not None
    assert len(found["clusters"]) < 100
    assert len(found["members"]) == len(set(found["members"])) > 1990
    assert "HUB" not in found["members"]
    assert found["nearest"] > 30, "pixels between two symbols"
    assert found["clicked"], "a click on a symbol finds it"


def test_clusters_follow_their_routers_when_the_window_has_another_shape() -> None:
    """Rings are as wide as the window: symbols stayed where they had been until something happened."""
    found = clustered(200, 0.08)
    assert found is not None
    assert found["isMoved"]


def test_tunnels_of_a_cluster_are_one_line_that_counts_them() -> None:
    found = clustered(2000, 0.08)
    assert found is not None
    assert sum(bundle["count"] for bundle in found["bundles"]) == 2000
    assert len(found["bundles"]) <= len(found["clusters"]) + 2000 - len(found["members"])


def test_a_cluster_has_its_worst_condition_and_how_many_are_in_it() -> None:
    found = clustered(2000, 0.08, broken=3)
    assert found is not None
    bad = [cluster for cluster in found["clusters"] if cluster["worst"] == "broken"]
    assert sum(cluster["count"] for cluster in bad) == 3
    assert all({"S1", "S2", "S3"} & set(cluster["members"]) for cluster in bad)
    broken = [bundle for bundle in found["bundles"] if bundle["condition"] == "broken"]
    assert sum(bundle["count"] for bundle in broken) == 3, "they have a line of their own"


def test_the_chosen_router_stays_by_itself() -> None:
    found = clustered(2000, 0.08, alone=7)
    assert found is not None
    assert "S7" not in found["members"]
    assert "S8" in found["members"]


@pytest.mark.parametrize(("spokes", "scale"), [(2000, 0.2), (30, 0.08)])
def test_a_map_with_room_for_all_has_no_clusters(spokes: int, scale: float) -> None:
    assert clustered(spokes, scale) is None


def test_a_state_and_its_copy_change_apart() -> None:
    first, second = state_and_copy()
    assert first == {"mapping": ["before", "first"], "alive": True, "owners": ["10.0.0.1"]}
    assert second == {"mapping": ["before", "second"], "alive": False, "owners": ["10.0.0.2"]}
