"""What lessons and exercises read in the answers of routers, and in those that nobody gave."""

from __future__ import annotations

import json

import pytest

from dmvpn.tools import answers


def _neighbor(**values: str) -> str:
    row = {"address": "10.0.0.1", "interface": "Tunnel0", "uptime": "00:01:05", "state": "up", **values}
    return json.dumps({"tables": [{"neighbors": [row, None]}, 7]})


def test_a_neighbor_has_its_age_in_seconds() -> None:
    (found,) = answers.neighbors(_neighbor())
    assert found == answers.NeighborRow("10.0.0.1", "Tunnel0", is_up=True, age=65.0)


@pytest.mark.parametrize(
    ("uptime", "steady"), [("00:00:12", False), ("00:00:13", True), ("1d02h", True), ("never", True), ("", True)]
)
def test_who_has_been_there_for_longer_than_a_clock_shows_is_steady(uptime: str, steady: bool) -> None:
    (found,) = answers.neighbors(_neighbor(uptime=uptime))
    assert found.is_steady is steady


@pytest.mark.parametrize("answer", ["", "% Invalid input", "[]", "3", '{"tables": 3, "tunnels": {}}', "null"])
def test_an_answer_that_is_no_table_has_no_rows(answer: str) -> None:
    assert list(answers.neighbors(answer)) == []
    assert list(answers.servers(answer)) == []


def test_a_server_is_registered_with_or_says_why_not() -> None:
    rows = [{"address": "10.0.0.1", "letters": "RE"}, {"address": "10.0.0.2", "letters": "E", "reason": "no reply"}]
    found = answers.servers(json.dumps({"tunnels": [{"tunnel": "Tunnel0", "servers": rows}]}))
    assert [(one.address, one.is_registered, one.reason) for one in found] == [
        ("10.0.0.1", True, ""),
        ("10.0.0.2", False, "no reply"),
    ]


def test_packets_are_counted_as_the_router_prints_them() -> None:
    assert answers.rate("!!.!!\nSuccess rate is 80 percent (4/5), round-trip ...") == 80
    assert answers.rate("") == 0
    assert answers.hops("Tracing\n  1 10.0.0.1 0 msec\n  2 *\n 10 10.4.4.100 1 msec\n") == [
        "10.0.0.1",
        "*",
        "10.4.4.100",
    ]
    assert answers.ping("10.1.1.1", "10.2.2.2") == "ping 10.1.1.1 source 10.2.2.2"
