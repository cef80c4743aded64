"""Lines and commands that tools send to every router, and that nothing acts upon here: taken back without a trace."""

from __future__ import annotations

import pytest

from support.pki import Console


@pytest.mark.parametrize(
    "line",
    [
        *("ip domain list example.net", "ip domain lookup source-interface GigabitEthernet0/1"),
        "logging host 192.0.2.1 transport tls port 6514",
        "logging host ipv6 2001:db8::1",
    ],
)
def test_a_line_that_a_tool_sends_is_kept_and_taken_back(line: str) -> None:
    console = Console("hostname R1\nip vrf RED\n")
    before = console.running
    status, said = console.type("configure terminal", line, "end")
    assert (status, "Invalid" in said) == (0, False)
    assert line in console.running
    assert console.type("configure terminal", f"no {line}", "end")[0] == 0
    assert console.running == before


def test_who_types_tclsh_is_told_where_loops_are() -> None:
    """It was an unknown command, and perhaps the name of a host."""
    status, said = Console("hostname R1").type("tclsh")
    assert status == 1
    assert said.startswith("% Error: there is no Tcl here; loop outside:")


def test_all_route_maps_is_not_the_name_of_one() -> None:
    """`show route-map all` said that it was not found, which Ansible takes for a failure."""
    console = Console("route-map A permit 10\nroute-map B deny 20\n")
    assert console.type("show route-map all") == console.type("show route-map")
    assert "route-map B, deny, sequence 20" in console.type("show route-map all")[1]
