"""`dmvpn render --lab`: everybody has a name and a wire of their own, and keeps them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml

from dmvpn.app.main import main
from dmvpn.shells.scenario import Scenario
from support.sites import with_line

if TYPE_CHECKING:
    from pathlib import Path


_NAT = "{{nbma: 192.168.{0}.2/24, gateway: 192.168.{0}.1, nat: {{outside: 1.2.{0}.1/30, gateway: 1.2.{0}.2}}}}"


def _lab(table: Path) -> Scenario:
    assert main(["render", str(table), "--lab"]) == 0
    return Scenario.load(str(table.parent / "net"))


def _wires(scenario: Scenario) -> set[frozenset[str]]:
    return {frozenset(link.ends) for link in scenario.lab.links}


def test_two_sites_with_names_that_begin_alike_have_a_host_each(table: Path) -> None:
    """Names of hosts were cut at 31 characters, and the second host took the place of the first."""
    names = ["branch-office-of-north-paris-01", "branch-office-of-north-paris-02"]
    scenario = _lab(with_line(table, "  A: {}\n  B: {}", "".join(f"  {name}: {{}}\n" for name in names)))
    assert {host.link.partition(":")[0] for host in scenario.lab.hosts.values()} == {"HUB", *names}
    assert set(scenario.lab.hosts) == {"H-HUB", "H-11", "H-12"}


def test_hosts_and_nat_boxes_leave_the_names_of_sites_alone(table: Path) -> None:
    boxed = f"  BERN: {_NAT.format(1)}\n  NAT-1.2.1.1: {{}}\n  H-BERN: {{}}\n  H-11: {{}}"
    scenario = _lab(with_line(table, "  A: {}\n  B: {}", boxed))
    assert set(scenario.lab.gateways) == {"NAT-BERN"}
    assert set(scenario.lab.hosts) == {"H-HUB", "H-11-2", "H-NAT-1.2.1.1", "H-H-BERN", "H-H-11"}


@pytest.mark.lengthy
def test_a_site_that_comes_first_or_goes_leaves_all_other_wires_where_they_are(table: Path) -> None:
    """Ports of the provider and NAT boxes were numbered as they came, so `dmvpn diff` could not try such a change."""
    with_line(table, "  A: {}", f"  A: {_NAT.format(1)}")
    before = _lab(table)
    with_line(table, "spokes:", f"spokes:\n  C: {_NAT.format(2)}\n  D: {{}}")
    after = _lab(table)
    assert _wires(before) < _wires(after)
    assert set(before.lab.gateways) < set(after.lab.gateways)
    with_line(table, f"  C: {_NAT.format(2)}\n  D: {{}}\n", "")
    again = _lab(table)
    assert _wires(again) == _wires(before)
    assert again.configurations == before.configurations


@pytest.mark.lengthy
def test_ports_of_a_network_with_several_sites_stay_when_the_first_one_goes(table: Path) -> None:
    shared = "  A: {nbma: 1.2.3.1/29, gateway: 1.2.3.6}\n"
    with_line(table, "  A: {}\n", shared)
    with_line(table, "  B: {}", "  B: {nbma: 1.2.3.2/29, gateway: 1.2.3.6}\n  C: {}")
    before = _lab(table)
    after = _lab(with_line(table, shared, ""))
    assert all(any(wire <= old for old in _wires(before)) for wire in _wires(after))


def test_a_bundle_of_ports_may_be_plugged_in(table: Path) -> None:
    scenario = _lab(with_line(table, "  A: {}", "  A: {wan: po1}"))
    assert ("A", "Port-channel1") in [Scenario.end(end) for link in scenario.lab.links for end in link.ends]


def test_two_networks_with_one_port_in_the_lock_are_an_error_with_its_line(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _lab(table)
    lock = table.parent / "sites.lock.yaml"
    ports = yaml.safe_load(lock.read_text())["ports"]
    assert ports == {"100.64.0.0/30": 1, "100.64.0.4/30": 2, "100.64.0.8/30": 3}
    lock.write_text(lock.read_text().replace("100.64.0.4/30: 2", "100.64.0.4/30: 1"))
    assert main(["render", str(table)]) == 2
    assert re.search(
        r"sites\.lock\.yaml:\d+: ports\.100\.64\.0\.4/30: 100\.64\.0\.0/30 has 1, too", capsys.readouterr().err
    )
    lock.write_text(lock.read_text().replace("100.64.0.4/30: 1", "100.64.0.4/30: 0"))
    assert main(["render", str(table)]) == 2
    assert "ports.100.64.0.4/30: Input should be greater than or equal to 1" in capsys.readouterr().err
