"""The traffic of a lab: rates between two answers of a router, and the dots that the page makes of rates."""

from __future__ import annotations

import pytest

from dmvpn.web.traffic import MOST_ASKED, Counted, Traffic, rows
from support.films import NODE, dots

PEER = ("Tunnel0", "192.0.2.1")
with_node = pytest.mark.skipif(NODE is None, reason="no node")


def test_a_rate_is_what_passed_between_two_answers_for_each_second() -> None:
    before, after = Counted(10.0, {PEER: (100, 40)}), Counted(12.0, {PEER: (120, 41)})
    assert rows("R1", before, after) == [
        {"router": "R1", "interface": "Tunnel0", "nbma": "192.0.2.1", "out": 10.0, "in": 0.5}
    ]


def test_a_peer_without_packets_has_no_row() -> None:
    assert rows("R1", Counted(10.0, {PEER: (100, 40)}), Counted(11.0, {PEER: (100, 40)})) == []


def test_counters_of_a_tunnel_that_was_made_again_begin_at_zero() -> None:
    (row,) = rows("R1", Counted(10.0, {PEER: (100, 40)}), Counted(11.0, {PEER: (7, 3)}))
    assert (row["out"], row["in"]) == (7.0, 3.0)


def test_a_router_of_a_large_lab_has_its_turn_after_all_others() -> None:
    assert Traffic([f"R{number}" for number in range(MOST_ASKED)]).turns == 1
    assert Traffic([f"R{number}" for number in range(MOST_ASKED + 1)]).turns == 2


@with_node
def test_more_packets_are_more_and_faster_dots() -> None:
    found = dots([{"from": "A", "to": "B", "rate": 1}, {"from": "C", "to": "D", "rate": 1000}])
    assert found["ways"]["A B"] < found["ways"]["C D"]
    assert found["far"]["A B"] < found["far"]["C D"]


@with_node
def test_a_map_of_thousands_of_routers_has_a_bounded_number_of_dots() -> None:
    found = dots([{"from": f"R{number}", "to": "HUB", "rate": 10_000} for number in range(4000)])
    assert found["count"] <= 1500
