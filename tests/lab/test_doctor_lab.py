"""The doctor in a lab with real packets: what it says first, and that its lines fix what is broken."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from support.labs import Labs, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("runs_labs")]


@pytest.fixture(scope="module")
def notes() -> Iterator[Labs]:
    """notes-phase3, one lab for all."""
    with Labs() as labs:
        labs.up("notes-phase3")
        yield labs


def is_well(labs: Labs) -> bool:
    """By states alone: pings that nobody answers take their time."""
    return labs.run("doctor", "--no-probes").stdout.startswith("4 routers: nothing is broken\n")


@pytest.mark.parametrize(
    ("fault", "title", "evidence"),
    [
        pytest.param(
            "provider-port-shutdown",
            "underlay (interface shut down), at TRANSPORT",
            "is administratively down",
            marks=pytest.mark.slow,
        ),
        ("tunnel-key", "GRE (tunnel key), at R31", "GRE packets for no tunnel of its own"),
        pytest.param(
            "gre-blocked",
            "GRE (GRE (protocol 47) blocked), at R31",
            "from R31 to R11: 10 of 10 came back",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_fault_is_named_first_with_its_evidence_and_gone_when_it_is_fixed(
    notes: Labs, fault: str, title: str, evidence: str
) -> None:
    assert eventually(lambda: is_well(notes), 60), notes.run("doctor").stdout
    notes.say("lab", "break", fault)

    def finds() -> bool:
        found = notes.run("doctor")
        first = found.stdout.partition("\n\nchecked, and fine:")[0]
        return first.startswith(f"4 routers: broken at {title}\n") and evidence in first and found.returncode == 1

    assert eventually(finds, 90), notes.run("doctor").stdout
    notes.say("lab", "reset")


@pytest.mark.parametrize(
    ("theft", "back"),
    [
        ("route add 10.4.4.0/24 via 172.16.31.2 metric 10", "route del 10.4.4.0/24 metric 10"),
        ("route add blackhole 10.4.4.0/25", "route del blackhole 10.4.4.0/25"),
        ("rule add to 10.4.4.0/24 blackhole pref 100", "rule del pref 100"),
    ],
)
def test_another_programs_route_or_rule_that_packets_take_is_named(notes: Labs, theft: str, back: str) -> None:
    assert eventually(lambda: is_well(notes), 60), notes.run("doctor").stdout
    notes.say("lab", "exec", "R31", "ip", *theft.split())
    found = notes.run("doctor", "--no-probes", "--no-trial").stdout
    notes.say("lab", "exec", "R31", "ip", *back.split())
    assert found.startswith("4 routers: broken at underlay (kernel tables changed by others), at R31\n")
    assert "route 10.4.4.0/24 via 192.168.100.11, Tunnel100: packets to 10.4.4.1 " in found


#: What `iptables -P FORWARD DROP` makes, without any such program.
_SHUT = """
from dmvpn.dataplane.netlink.nftables import *
from dmvpn.dataplane.netlink.nfsocket import *
from dmvpn.dataplane.netlink.wire import attribute
kind, flags, body = base_chain("filter", "FORWARD", "filter", Hook.FORWARD, 0)
parts = [new_table("filter"), (kind, flags, body + attribute(5, bytes(4)))]
"""
_ACCEPTS = 'parts.append(rule("filter", "FORWARD", verdict(NetfilterVerdict.ACCEPT)))\n'
_DO = "NetfilterSocket().transact(parts)\n"


def test_a_packet_filter_that_passes_nothing_on_is_named_and_one_with_rules_is_advice(notes: Labs) -> None:
    """Seen: Docker had set the policy, no host reached another one, and nothing was broken."""
    assert eventually(lambda: is_well(notes), 60), notes.run("doctor").stdout
    python = ("lab", "exec", "R31", sys.executable, "-c")
    notes.say(*python, _SHUT + _DO)
    shut = notes.run("doctor", "--no-probes", "--no-trial").stdout
    notes.say(*python, _SHUT + _ACCEPTS + _DO)
    accepts = notes.run("doctor", "--no-probes", "--no-trial")
    notes.say(*python, _SHUT + 'parts = [delete_table("filter")]\n' + _DO)
    assert shut.startswith("4 routers: broken at underlay (packet filter of the host), at R31\n")
    assert "chain FORWARD of table ip filter at hook forward: policy drop, no rules" in shut
    assert "on R31: iptables -P FORWARD ACCEPT" in shut
    assert (accepts.returncode, accepts.stdout.splitlines()[0]) == (0, "4 routers: nothing is broken")
    assert "ping from a host" in accepts.stdout.partition("advice:")[2]
    assert is_well(notes)


@pytest.mark.parametrize(
    "theft", ["route del 10.4.4.0/24", "route flush table main", "addr flush dev Gi0-1", "neigh flush nud permanent"]
)
def test_what_another_program_takes_away_comes_back(notes: Labs, theft: str) -> None:
    assert eventually(lambda: is_well(notes), 60), notes.run("doctor").stdout
    before = notes.say("lab", "exec", "R31", "ip", "route")
    # `ip addr flush` complains if the router is so quick that there is something to flush ten times.
    taken = notes.run("lab", "exec", "R31", "ip", *theft.split())
    assert not taken.returncode or "incomplete after 10 rounds" in taken.stderr, taken
    assert eventually(lambda: notes.say("lab", "exec", "R31", "ip", "route") == before, 30)
    assert eventually(lambda: is_well(notes), 60), notes.run("doctor").stdout
