"""What goes wrong with OSPF, BGP, RIP and filters is named, and the lines to enter make it well again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.labs.copied import CopiedLab
from dmvpn.labs.proofs.case import Case, Harm, well_rows
from dmvpn.labs.proofs.networks import drawn
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor import as_text, visit
from support.diagnoses import PLAIN, judged_of

if TYPE_CHECKING:
    from pathlib import Path

_ONE_HUB = replace(PLAIN, spokes=3, routing="ospf")


def network(routing: str, phase: int = 3, hubs: int = 1) -> Scenario:
    """Three spokes that learn each other's LANs in this way; for this test alone, which may change their lines."""
    shared = drawn(replace(_ONE_HUB, routing=routing, phase=phase, hubs=hubs))
    return Scenario(shared.name, shared.lab, dict(shared.configurations))


@pytest.mark.parametrize(
    "line",
    [
        "router_ospf_1/network_10.20.11.0_0.0.0.255_area_0",
        "interface_Tunnel0/ip_nhrp_nhs_10.99.0.1_nbma_203.0.113.5_multicast",
    ],
)
def test_a_line_that_is_gone_is_named_first(line: str) -> None:
    found = judged_of("", network("ospf"), f"line-gone/{line}@S1,S2,HUB1")
    assert found.harm is Harm.NONE or found.rank == 1, found
    assert found.found, found


def test_a_hub_that_reflects_nothing_is_named() -> None:
    case = Case(network("ibgp"), 1)
    well_rows(case)
    case.bench.configure("HUB1", [line for spoke in (1, 2, 3) for line in _unreflected(spoke)])
    case.wait(180)
    first = next(one for one in visit(case.examined).findings if not one.advice)
    assert (first.router, first.cause.value) == ("HUB1", "routes of BGP are not reflected")


def _unreflected(spoke: int) -> tuple[str, str]:
    return "router bgp 65000", f"no neighbor 10.99.0.1{spoke} route-reflector-client"


@pytest.mark.parametrize("routing", ["ospf", "rip", "ibgp", "ebgp"])
@pytest.mark.parametrize("hubs", [1, 3])
def test_where_all_is_well_nobody_is_accused(routing: str, hubs: int) -> None:
    scenario = network(routing, 2, hubs)
    case = Case(scenario, 1)
    well_rows(case)
    assert [one for one in visit(case.examined).findings if not one.advice] == []


def test_a_phase_2_network_whose_release_follows_redirects_unseen_is_well() -> None:
    """Its spokes ask for each other as next hops; the hub was told to send redirects."""
    scenario = network("eigrp", phase=2)
    for name, text in scenario.configurations.items():
        scenario.configurations[name] = text.replace("tunnel mode gre", "ip nhrp shortcut\n tunnel mode gre")
    lab = CopiedLab(scenario)
    lab.wait(60)
    diagnosis = visit(lab)
    assert diagnosis.healthy, as_text(diagnosis)


def test_a_hub_that_reaches_all_others_needs_no_shortcuts() -> None:
    """The ways between its spokes, which have no shortcuts before they talk, were held against a hub of two."""
    scenario = network("eigrp", hubs=2)
    for name, text in scenario.configurations.items():
        scenario.configurations[name] = text.replace(" ip nhrp shortcut", " ip nhrp shortcut\n ip nhrp redirect")
    other = " ip nhrp nhs 10.99.0.2 nbma 203.0.113.9 multicast\n ip nhrp network-id"
    scenario.configurations["HUB1"] = scenario.configurations["HUB1"].replace(" ip nhrp network-id", other)
    lab = CopiedLab(scenario)
    lab.wait(60)
    diagnosis = visit(lab)
    assert diagnosis.healthy, as_text(diagnosis)


@pytest.mark.parametrize(("address", "is_well"), [("10.20.1.201", True), ("10.20.1.101", False)])
def test_a_network_that_is_carved_out_of_a_lan_harms_the_hosts_in_it(address: str, is_well: bool) -> None:
    """The longer prefix leads there, and all other hosts of the LAN are found: the network was called broken."""
    scenario = network("eigrp")
    carved = f"interface Loopback9\n ip address {address} 255.255.255.252\nend"
    scenario.configurations["S1"] = scenario.configurations["S1"].replace("\nend", f"\n{carved}")
    lab = CopiedLab(scenario)
    lab.wait(60)
    diagnosis = visit(lab)
    assert diagnosis.healthy is is_well, as_text(diagnosis)


_PORT = "hostname {0}\ninterface GigabitEthernet1\n ip address 192.0.2.{1} 255.255.255.0\n"
_PEERS = "router bgp {}\n neighbor 10.9.0.{} remote-as {}\n"
_BESIDE = {
    "HUB": "interface Tunnel0\n ip address 10.0.0.1 255.255.255.0\n ip nhrp network-id 1\n tunnel source "
    "GigabitEthernet1\n tunnel mode gre multipoint\n tunnel key 1\ninterface Tunnel9\n ip address 10.9.0.1 "
    f"255.255.255.0\n tunnel source GigabitEthernet1\n tunnel destination 192.0.2.9\n{_PEERS.format(65001, 2, 65009)}",
    **{
        name: f"interface Tunnel0\n ip address 10.0.0.{number} 255.255.255.0\n ip nhrp network-id 1\n ip nhrp nhs "
        "10.0.0.1 nbma 192.0.2.1\n tunnel source GigabitEthernet1\n tunnel mode gre multipoint\n tunnel key 1\n"
        f"interface GigabitEthernet2\n ip address 10.1.{number}.1 255.255.255.0\n"
        for name, number in (("S2", 2), ("S3", 3))
    },
    "PEER": "interface Tunnel9\n ip address 10.9.0.2 255.255.255.0\n tunnel source GigabitEthernet1\n tunnel "
    f"destination 192.0.2.1\n{_PEERS.format(65009, 1, 65001)}",
}


def test_what_a_hub_speaks_by_another_tunnel_is_not_asked_of_its_spokes(tmp_path: Path) -> None:
    """A spoke without a routing protocol was told that the hub speaks BGP with its other clients."""
    for (name, lines), number in zip(_BESIDE.items(), (1, 2, 3, 9), strict=True):
        (tmp_path / f"{name}.cfg").write_text(f"{_PORT.format(name, number)}{lines}end\n")
    lab = CopiedLab(Scenario.load(str(tmp_path)))
    lab.wait(60)
    assert not any(one.what.startswith("BGP") for one in visit(lab).findings)
