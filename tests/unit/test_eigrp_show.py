"""What the EIGRP commands print, column by column, in the network of the phase 1 notes."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import IPv4Address
from typing import cast

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop
from dmvpn.base.events import Tick
from dmvpn.base.notices import Route, RouteChanged, RouteSource
from dmvpn.features.eigrp import FEATURE
from dmvpn.features.eigrp.machine import ClearEvents
from dmvpn.features.eigrp.metric import MetricScale
from dmvpn.features.eigrp.model import (
    AuthenticationMode,
    EigrpConfig,
    InterfaceSettings,
    NetworkLine,
    ProcessSettings,
    Redistribution,
    Summary,
)
from dmvpn.features.eigrp.show import ip_protocols
from dmvpn.features.eigrp.tlv import StubFlag
from dmvpn.ios import CliError, ExecParser, ShowContext, json_lines
from support.eigrp_net import EVERYTHING, EigrpNet, View, ethernet, tunnel
from support.texts import is_golden

CLASSIC = ProcessSettings(autonomous_system=100, networks=(EVERYTHING,))
NAMED = replace(CLASSIC, name="GRE-OVERLAY", scale=MetricScale(wide=True))


def phase1(process: ProcessSettings) -> EigrpNet:
    """R11 is the hub without split horizon; R31 is a router like others, R41 a stub."""
    net = EigrpNet()
    own = InterfaceSettings(split_horizon=False)
    net.router("R11", replace(process, interfaces=(("Tunnel100", own),)))
    net.plug("tunnel", "R11", tunnel("192.168.100.11"))
    net.wires["tunnel"].between = lambda sender, receiver: "R11" in (sender, receiver)
    net.plug("", "R11", ethernet("GigabitEthernet0/2", "10.1.1.1"))
    for number, stub in ((3, None), (4, StubFlag.CONNECTED | StubFlag.SUMMARY)):
        net.router(f"R{number}1", replace(process, stub=stub))
        net.plug("tunnel", f"R{number}1", tunnel(f"192.168.100.{number}1"))
        net.plug("", f"R{number}1", ethernet("GigabitEthernet0/2", f"10.{number}.{number}.1", delay=1000))
    net.run(62)
    return net


@pytest.fixture(scope="module")
def named() -> EigrpNet:
    return phase1(NAMED)


@pytest.fixture(scope="module")
def classic() -> EigrpNet:
    return phase1(CLASSIC)


def show(net: EigrpNet, router: str, line: str) -> str:
    return "\n".join(net.routers[router].show(line, net.now)) + "\n"


def test_neighbors(classic: EigrpNet, named: EigrpNet) -> None:
    is_golden(show(classic, "R11", "show ip eigrp neighbors"), "eigrp_show/neighbors")
    heading = "EIGRP-IPv4 VR(GRE-OVERLAY) Address-Family Neighbors for AS(100)\n"
    assert show(named, "R11", "show ip eigrp neighbors").startswith(heading)
    assert show(named, "R11", "show eigrp address-family ipv4 neighbors").startswith(heading)
    assert show(named, "R11", "show ip eigrp 200 neighbors") == "\n"


def test_neighbors_detail_tells_versions_and_stubs(classic: EigrpNet) -> None:
    is_golden(
        show(classic, "R11", "show ip eigrp neighbors detail"), "eigrp_show/neighbors_detail_tells_versions_and_stubs"
    )


def test_a_neighbor_that_does_not_answer_is_seen_by_its_queue() -> None:
    net = EigrpNet()
    for name, address in (("R11", "192.168.100.11"), ("R31", "192.168.100.31")):
        net.router(name)
        net.plug("tunnel", name, tunnel(address))
    net.wires["tunnel"].drops = lambda sender, order: not order.destination.is_multicast
    net.run(30)
    (row,) = net.routers["R11"].show("show ip eigrp neighbors", net.now)[3:]
    assert row == "0   192.168.100.31          Tu100                    12 00:00:29    0  5000  1  0"


def test_topology(classic: EigrpNet) -> None:
    is_golden(show(classic, "R31", "show ip eigrp topology"), "eigrp_show/topology")


def test_all_links_has_paths_that_are_not_feasible_too(named: EigrpNet) -> None:
    lines = show(named, "R31", "show ip eigrp topology all-links").splitlines()
    assert lines[0] == "EIGRP-IPv4 VR(GRE-OVERLAY) Topology Table for AS(100)/ID(192.168.100.31)"
    is_golden(lines[-4:], "eigrp_show/all_links_has_paths_that_are_not_feasible_too")


def test_detail_links_has_the_serial_numbers_of_the_feasible_paths(named: EigrpNet) -> None:
    lines = show(named, "R31", "show ip eigrp topology detail-links").splitlines()
    assert [line.split()[-2] for line in lines if line.startswith("P ")] == ["serno"] * 4


def test_what_holds_for_each_process_is_the_part_of_show_ip_protocols_and_counts(named: EigrpNet) -> None:
    lines = show(named, "R31", "show eigrp protocols").splitlines()
    assert lines[0] == "EIGRP-IPv4 VR(GRE-OVERLAY) Address-Family Protocol for AS(100)"
    assert lines[1] == "  Metric weight K1=1, K2=0, K3=1, K4=0, K5=0 K6=0"
    assert "    Total Prefix Count: 4" in lines
    assert "    Total Redist Count: 0" in lines


def test_a_part_of_the_events_keeps_its_numbers(named: EigrpNet) -> None:
    every = show(named, "R31", "show ip eigrp events").splitlines()
    assert show(named, "R31", "show ip eigrp events 2 3").splitlines() == [every[0], *every[2:4]]


@pytest.mark.parametrize("argument", ["10.4.4.0/24", "10.4.4.0 255.255.255.0", "10.4.4.7"])
def test_one_destination_of_a_named_process_with_its_wide_metric(named: EigrpNet, argument: str) -> None:
    is_golden(
        show(named, "R31", f"show ip eigrp topology {argument}"),
        "eigrp_show/one_destination_of_a_named_process_with_its_wide_metric",
    )


def test_what_is_not_in_the_table_is_said_to_be_absent(named: EigrpNet) -> None:
    assert show(named, "R31", "show ip eigrp topology 10.9.9.0/24").splitlines() == [
        "EIGRP-IPv4 VR(GRE-OVERLAY) Topology Entry for AS(100)/ID(192.168.100.31)",
        "%Entry 10.9.9.0/24 not in topology table",
    ]


def test_an_active_destination_names_those_who_owe_a_reply() -> None:
    net = phase1(CLASSIC)
    net.routers["R11"].process.advertiser.reply = lambda neighbor, prefix: None  # type: ignore[method-assign]
    net.line("R31", "GigabitEthernet0/2", up=False).run(7)
    active = show(net, "R31", "show ip eigrp topology active")
    assert show(net, "R31", "show ip eigrp topology pending") == active
    is_golden(active, "eigrp_show/an_active_destination_names_those_who_owe_a_reply")


def test_a_destination_is_pending_while_a_neighbor_is_still_to_be_told() -> None:
    net = phase1(CLASSIC)
    assert " successors" not in show(net, "R31", "show ip eigrp topology pending")
    net.routers["R31"].process.neighbors()[0].backlog.tell({Prefix.parse("10.3.3.0/24"): True})
    assert "P 10.3.3.0/24, 1 successors" in show(net, "R31", "show ip eigrp topology pending")


def test_a_route_of_the_host_is_never_redistributed() -> None:
    net = EigrpNet()
    rules = (Redistribution(source=RouteSource.STATIC), Redistribution(source=RouteSource.CONNECTED))
    net.router("R11", replace(CLASSIC, redistributions=rules))
    net.plug("", "R11", ethernet("GigabitEthernet0/2", "10.1.1.1"))
    hop = NextHop("GigabitEthernet0/2", IPv4Address("10.1.1.2"))
    route = Route(prefix=Prefix.parse("10.7.0.0/16"), source=RouteSource.HOST, distance=254, next_hops=(hop,))
    net.event("R11", RouteChanged(route.prefix, None, route))
    assert "10.7.0.0/16" not in show(net, "R11", "show ip eigrp topology")


def test_summaries_and_redistributed_routes_in_the_table() -> None:
    net = EigrpNet()
    summary = InterfaceSettings(summaries=(Summary(Prefix.parse("10.0.0.0/8")),))
    rules = (Redistribution(source=RouteSource.STATIC),)
    net.router("R11", replace(CLASSIC, interfaces=(("Tunnel100", summary),), redistributions=rules))
    net.plug("", "R11", tunnel("192.168.100.11"))
    net.plug("", "R11", ethernet("GigabitEthernet0/2", "10.1.1.1"))
    hop = NextHop("GigabitEthernet0/2")
    route = Route(prefix=Prefix.parse("10.7.0.0/16"), source=RouteSource.STATIC, distance=1, next_hops=(hop,), tag=7)
    net.event("R11", RouteChanged(route.prefix, None, route))
    is_golden(
        show(net, "R11", "show ip eigrp topology").splitlines()[4:-1],
        "eigrp_show/summaries_and_redistributed_routes_in_the_table",
    )
    is_golden(
        show(net, "R11", "show ip eigrp topology 10.7.0.0/16").splitlines()[-4:],
        "eigrp_show/summaries_and_redistributed_routes_in_the_table-2",
    )


def test_interfaces(classic: EigrpNet) -> None:
    is_golden(show(classic, "R11", "show ip eigrp interfaces"), "eigrp_show/interfaces")


def test_interfaces_detail_tells_settings_and_why_an_interface_is_silent() -> None:
    net = EigrpNet()
    own = InterfaceSettings(
        hello_interval=20, hold_time=60, split_horizon=False, next_hop_self=False, authentication=AuthenticationMode.MD5
    )
    net.router("R11", replace(CLASSIC, interfaces=(("Tunnel100", own),)))
    net.plug("", "R11", tunnel("192.168.100.11"))
    is_golden(
        show(net, "R11", "show ip eigrp interfaces detail Tunnel100").splitlines()[4:],
        "eigrp_show/interfaces_detail_tells_settings_and_why_an_interface_is_silent",
    )


def test_traffic(classic: EigrpNet) -> None:
    is_golden(show(classic, "R31", "show ip eigrp traffic"), "eigrp_show/traffic")


def test_the_block_of_show_ip_protocols() -> None:
    net = phase1(NAMED)
    lan = NetworkLine(EVERYTHING.address, EVERYTHING.wildcard)
    summary = InterfaceSettings(summaries=(Summary(Prefix.parse("10.0.0.0/8")),))
    passive = ("GigabitEthernet0/2", InterfaceSettings(passive=True))
    settings = replace(
        NAMED,
        networks=(lan, NetworkLine(Prefix.parse("10.1.1.0/24").address, Prefix.parse("10.1.1.0/24").wildcard)),  # type: ignore[arg-type]
        interfaces=(passive, ("Tunnel100", summary)),
        redistributions=(Redistribution(source=RouteSource.STATIC),),
        stub=StubFlag.CONNECTED,
    )
    net.configure("R11", EigrpConfig((settings,))).run(10)
    block = "\n".join(ip_protocols(cast("ShowContext", View(net.routers["R11"], net.now)))) + "\n"
    is_golden(block, "eigrp_show/the_block_of_show_ip_protocols")


def test_answers_are_data_first(named: EigrpNet) -> None:
    match = ExecParser(FEATURE.commands).match("show ip eigrp neighbors")
    assert not isinstance(match, CliError)
    command = match.command
    assert command.query is not None
    answer = command.query(View(named.routers["R11"], named.now), match.args)
    assert '"address": "192.168.100.31"' in "\n".join(json_lines(answer))


# ------------------------------------------------------------------------------------------------ debugs


def test_debugs_say_what_is_sent_decided_and_who_comes() -> None:
    net = phase1(CLASSIC)
    hub = net.routers["R11"]
    hub.debugging.flags = {"eigrp packets", "eigrp fsm", "eigrp neighbors", "ip eigrp"}
    net.event("R11", Tick())
    net.line("R31", "GigabitEthernet0/2", up=False).run(1)
    assert "DUAL: rcvquery: 10.3.3.0/24 via 192.168.100.31 metric Infinity/Infinity" in hub.debugs
    assert "EIGRP-IPv4(100): Int 10.3.3.0/24 unreachable from 192.168.100.31" in hub.debugs
    assert any(line.startswith("DUAL: 10.3.3.0/24 from PASSIVE to SUCCESSOR_ASKED") for line in hub.debugs)
    received = hub.debugs.index("EIGRP: Received QUERY on Tunnel100 - paklen 64 nbr 192.168.100.31")
    assert hub.debugs[received + 1].startswith("  AS 100, Flags 0x0:(NULL), Seq 3/0 ")
    net.line("R31", "Tunnel100", up=False).run(20)
    assert "EIGRP: Neighbor 192.168.100.31 went down on Tunnel100: holding time expired" in hub.debugs


# `show ip eigrp timers` and `events`, and the debugs of single kinds of packets.

SETTINGS = ProcessSettings(autonomous_system=100, networks=(EVERYTHING,))


def pair(settings: ProcessSettings = SETTINGS) -> EigrpNet:
    """R1 and R2 on a tunnel; R2 has a LAN, 10.2.2.0/24."""
    net = EigrpNet()
    for number in (1, 2):
        net.router(f"R{number}", settings)
        net.plug("tunnel", f"R{number}", tunnel(f"192.168.100.{number}"))
    net.plug("", "R2", ethernet("GigabitEthernet0/2", "10.2.2.1")).run(20)
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
    is_golden(
        [re.sub(r"\d+\.\d{3}", "N", line).split("N  ")[1] for line in times],
        "eigrp_show/timers_are_a_tree_whose_parents_have_the_first_time",
    )
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
    net.plug("", "R2", ethernet("GigabitEthernet0/3", "10.3.3.1")).run(10)
    lines = [line for line in net.routers["R2"].debugs if line.startswith("EIGRP: ")]
    assert lines
    assert {line.split()[2] for line in lines} == {"UPDATE"}
