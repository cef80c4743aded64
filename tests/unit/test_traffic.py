"""The traffic of a lab: rates between two answers of a router, and the dots that the page makes of rates."""

from __future__ import annotations

import pytest

from dmvpn.web.traffic import MOST_ASKED, Counted, Passed, Traffic, rows
from support.films import NODE, dots, flows

PEER = ("Tunnel0", "192.0.2.1")
with_node = pytest.mark.skipif(NODE is None, reason="no node")


def answer(now: float, sent: tuple[int, int], received: tuple[int, int]) -> Counted:
    """What a router has counted of one peer: packets and octets."""
    return Counted(now, {PEER: (Passed(*sent), Passed(*received))})


def test_a_rate_is_what_passed_between_two_answers_for_each_second() -> None:
    before, after = answer(10.0, (100, 9000), (40, 4000)), answer(12.0, (120, 14000), (41, 4100))
    assert rows("R1", before, after) == [
        {
            "router": "R1",
            "interface": "Tunnel0",
            "nbma": "192.0.2.1",
            "out": 10.0,
            "in": 0.5,
            "bits_out": 20_000,
            "bits_in": 400,
        }
    ]


def test_a_peer_without_packets_has_no_row() -> None:
    assert rows("R1", answer(10.0, (100, 9000), (40, 4000)), answer(11.0, (100, 9000), (40, 4000))) == []


def test_counters_of_a_tunnel_that_was_made_again_begin_at_zero() -> None:
    (row,) = rows("R1", answer(10.0, (100, 9000), (40, 4000)), answer(11.0, (7, 700), (3, 300)))
    assert (row["out"], row["in"], row["bits_out"], row["bits_in"]) == (7.0, 3.0, 5600, 2400)


def test_packets_of_a_new_tunnel_that_are_larger_than_the_old_ones_begin_at_zero_as_well() -> None:
    (row,) = rows("R1", answer(10.0, (100, 9000), (0, 0)), answer(11.0, (7, 9800), (0, 0)))
    assert (row["out"], row["bits_out"]) == (7.0, 78_400)


def test_a_router_of_a_large_lab_has_its_turn_after_all_others() -> None:
    assert Traffic([f"R{number}" for number in range(MOST_ASKED)]).turns == 1
    assert Traffic([f"R{number}" for number in range(MOST_ASKED + 1)]).turns == 2


@with_node
def test_both_ends_count_a_flow_and_the_larger_numbers_are_shown() -> None:
    rates = [
        {"router": "A", "nbma": "192.0.2.2", "out": 9, "in": 0, "bits_out": 7200, "bits_in": 0},
        {"router": "B", "nbma": "192.0.2.1", "out": 0, "in": 10, "bits_out": 0, "bits_in": 8000},
    ]
    found = flows(rates, {"192.0.2.1": "A", "192.0.2.2": "B"})
    assert found == [{"from": "A", "to": "B", "rate": 10, "bits": 8000, "kbit": "8.0"}]


@with_node
def test_more_packets_are_more_and_faster_dots() -> None:
    found = dots([{"from": "A", "to": "B", "rate": 1}, {"from": "C", "to": "D", "rate": 1000}])
    assert found["ways"]["A B"] < found["ways"]["C D"]
    assert found["far"]["A B"] < found["far"]["C D"]


@with_node
def test_a_map_of_thousands_of_routers_has_a_bounded_number_of_dots() -> None:
    found = dots([{"from": f"R{number}", "to": "HUB", "rate": 10_000} for number in range(4000)])
    assert found["count"] <= 1500
