"""`show ip eigrp timers` and `events`, and the debugs of single kinds of packets."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from dmvpn.features.eigrp.events import ClearEvents
from dmvpn.features.eigrp.model import ProcessSettings
from support.eigrp_net import EVERYTHING, EigrpNet, ethernet, tunnel
from unit.test_eigrp_show import show

SETTINGS = ProcessSettings(autonomous_system=100, networks=(EVERYTHING,))


def pair(settings: ProcessSettings = SETTINGS) -> EigrpNet:
    """R1 and R2 on a tunnel; R2 has a LAN, 10.2.2.0/24."""
    net = EigrpNet()
    for number in (1, 2):
        net.router(f"R{number}", settings)
        net.plug("tunnel", f"R{number}", tunnel(f"192.168.100.{number}"))
    net.plug("", "R2", ethernet("GigabitEthernet0/2", "10.2.2.1"))
    net.run(20)
    return net


def events(net: EigrpNet) -> list[str]:
    """The events of R1 without their numbers and times."""
    lines = show(net, "R1", "show ip eigrp events").splitlines()
    assert lines[0] == "Event information for AS 100:"
    found = [re.fullmatch(r"(\d+) +\d\d:\d\d:\d\d\.\d{3} (.*)", line) for line in lines[1:]]
    assert [int(one[1]) for one in found if one] == list(range(1, len(lines)))
    return [one[2] for one in found if one]


def test_timers_are_a_tree_whose_parents_have_the_first_time() -> None:
    lines = show(pair(), "R1", "show ip eigrp timers").splitlines()
    assert lines[:3] == ["EIGRP-IPv4 Timers for AS(100)", "  Hello Process", "    Expiration    Type"]
    times = [line for line in lines if re.match(r" *\| +\d+\.\d{3}  ", line)]
    assert [re.sub(r"\d+\.\d{3}", "N", line).split("N  ")[1] for line in times] == [
        "(parent)",
        "Hello (Tu100)",
        "(parent)",
        "(parent)",
        "Peer holding",
        "(parent)",
    ]
    hello, holding = (float(times[at].split()[1]) for at in (1, 4))
    assert 0 < hello <= 5
    assert 5 <= holding <= 15
    assert times[0].split()[1] == times[1].split()[1]
    assert lines[-3:] == ["  SIA Process", "    Expiration    Type", "|           0.000  (parent)"]


def test_events_say_what_became_of_neighbors_and_destinations_the_newest_first() -> None:
    net = pair()
    assert events(net)[-1] == "Metric set: 192.168.100.0/24 1920000"
    assert "Peer up: 192.168.100.2 Tunnel100" in events(net)
    assert any(line.startswith("Metric set: 10.2.2.0/24 ") for line in events(net))
    net.wires["tunnel"].loss = 1.0
    net.run(20)
    assert events(net)[0] == "NDB delete: 10.2.2.0/24"
    assert events(net)[1] == "Peer down: 192.168.100.2 Tunnel100"


def test_events_can_be_cleared_and_no_more_are_kept_than_configured() -> None:
    net = pair(replace(SETTINGS, event_log_size=2))
    assert len(events(net)) == 2
    net.routers["R1"].machine.handle(ClearEvents(90), net.now)
    assert len(events(net)) == 2
    net.routers["R1"].machine.handle(ClearEvents(), net.now)
    assert show(net, "R1", "show ip eigrp events").splitlines()[1:] == ["Event log is empty."]


@pytest.mark.parametrize(
    ("word", "seen"),
    [
        ("", {"HELLO", "UPDATE", "ACK"}),
        (" verbose", {"HELLO", "UPDATE", "ACK"}),
        (" terse", {"UPDATE", "ACK"}),
        (" hello", {"HELLO"}),
        (" update", {"UPDATE"}),
        (" ack", {"ACK"}),
        (" query", set()),
        (" retry", set()),
        (" stub", set()),
    ],
)
def test_debugs_of_packets_print_the_kinds_that_were_asked_for(word: str, seen: set[str]) -> None:
    net = EigrpNet()
    for number in (1, 2):
        net.router(f"R{number}", SETTINGS)
        net.routers[f"R{number}"].debugging.flags.add(f"eigrp packets{word}")
        net.plug("tunnel", f"R{number}", tunnel(f"192.168.100.{number}"))
    net.run(20)
    assert {line.split()[2] for line in net.routers["R1"].debugs if line.startswith("EIGRP: ")} == seen


def test_what_is_sent_again_is_printed_by_the_debug_of_that_alone() -> None:
    net = pair()
    net.routers["R2"].debugging.flags.add("eigrp packets retry")
    net.wires["tunnel"].drops = lambda sender, order: sender == "R1"  # acknowledgments are lost
    net.plug("", "R2", ethernet("GigabitEthernet0/3", "10.3.3.1"))
    net.run(10)
    lines = [line for line in net.routers["R2"].debugs if line.startswith("EIGRP: ")]
    assert lines
    assert {line.split()[2] for line in lines} == {"UPDATE"}
