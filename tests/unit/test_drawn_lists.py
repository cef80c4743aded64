"""The judge's own answer about packets and lists is that of the routers, for lists and packets that are drawn."""

from __future__ import annotations

from datetime import datetime
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.entropy import SeededEntropy, below
from dmvpn.base.filters import Packet
from dmvpn.features.policy.packets import FilterLists
from dmvpn.judge.drawn_lists import LIST_TUNNEL, PORTS, Header, NetworkLists, passes
from dmvpn.judge.variants import vary
from dmvpn.network.device import Device
from dmvpn.shells.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.base.addresses import IPAddress

_NOW = datetime(2026, 1, 1)


@pytest.mark.parametrize("name", ["notes-phase3", "dual-hub", "several-lans"])
def test_the_judge_lets_the_packets_pass_that_the_routers_let_pass(name: str) -> None:
    plain = Scenario.load(name)
    lists, scenario = NetworkLists.of(plain), vary(plain, ["filtered"])
    entropy = SeededEntropy(f"{name}/packets")
    addresses = [host.interface.ip for host in plain.lab.hosts.values()]
    decided = {True: 0, False: 0}
    for (router, port), site in lists.ports.items():
        device = Device.read(router, scenario.configurations[router])
        filters = FilterLists(device.policy)
        own = device.filters.ports[port]
        for listed, rules in ((own.inward, site.inward), (own.outward, site.outward)):
            known = filters.get(listed, _NOW)
            assert known is not None
            for _ in range(300):
                header = _header(addresses, entropy)
                entry = known.decides(_packet(header))
                passed = entry is not None and entry.permit
                decided[passed] += 1
                assert passed is (_is_of_flows(header) or passes(rules, header)), header
    assert min(decided.values()) > 100


def test_tunnels_have_the_drawn_list_behind_what_routing_needs() -> None:
    scenario = vary(Scenario.load("notes-phase3"), ["filtered"])
    device = Device.read("R31", scenario.configurations["R31"])
    known = FilterLists(device.policy).get(LIST_TUNNEL, _NOW)
    assert known is not None
    assert known.entries[0].condition.protocol == 88


def _is_of_flows(header: Header) -> bool:
    return header.protocol == 17 and header.ports == (7, 7)


def _header(addresses: Sequence[IPAddress], entropy: SeededEntropy) -> Header:
    source, destination = (int(addresses[below(entropy, len(addresses))]) for _ in range(2))
    protocol = (1, 6, 17)[below(entropy, 3)]
    if protocol == 1:
        return Header(1, source, destination, ((8, 0)[below(entropy, 2)], 0))
    ports = (50_000, PORTS[below(entropy, len(PORTS))])
    if below(entropy, 2):
        ports = ports[::-1]
    return Header(protocol, source, destination, ports, (2, 18)[below(entropy, 2)] if protocol == 6 else 0)


def _packet(header: Header) -> Packet:
    is_icmp = header.protocol == 1
    return Packet(
        protocol=header.protocol,
        source=IPv4Address(header.source),
        destination=IPv4Address(header.destination),
        source_port=0 if is_icmp else header.ports[0],
        destination_port=0 if is_icmp else header.ports[1],
        icmp=(header.ports[0], 0) if is_icmp else (0, 0),
        flags=header.flags,
    )
