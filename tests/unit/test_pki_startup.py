"""Certificates beside a configuration: a lab has them with two commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.features.pki import PkiMachine
from dmvpn.shells.certificates import NOTHING, certificates_of
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.simulator import Simulator
from support.pki import authority, issue

if TYPE_CHECKING:
    from pathlib import Path

TRUSTPOINT = "hostname {name}\ncrypto pki trustpoint LAB\n enrollment terminal\n"


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    for name in ("R1", "R2"):
        (tmp_path / f"{name}.cfg").write_text(TRUSTPOINT.format(name=name))
    (tmp_path / "lab.yaml").write_text("links:\n- ends: [R1:GigabitEthernet0/1, R2:GigabitEthernet0/1]\n")
    made = authority(tmp_path / "pki" / "LAB")
    issue(made, "R1")
    return tmp_path


def test_a_router_of_a_lab_has_what_is_beside_its_configuration(scenario: Path) -> None:
    world = Simulator.of(Scenario.load(str(scenario)))
    one, two = (world.routers[name].router.machine(PkiMachine) for name in ("R1", "R2"))
    given = one.credentials("LAB")
    assert given is not None
    assert given.key
    assert given.crls
    other = two.credentials("LAB")  # nothing was issued for it: it believes, and is nobody
    assert other is not None
    assert (other.key, other.chain, other.anchors) == (b"", (), given.anchors)


def test_it_is_there_again_after_a_restart(scenario: Path) -> None:
    loaded = Scenario.load(str(scenario))
    world = Simulator.of(loaded)
    before = world.routers["R1"].router.machine(PkiMachine).credentials("LAB")
    world.kill("R1")
    world.boot("R1", loaded.configurations["R1"])
    assert world.routers["R1"].router.machine(PkiMachine).credentials("LAB") == before


def test_the_running_configuration_has_certificates_and_no_key(scenario: Path) -> None:
    world = Simulator.of(Scenario.load(str(scenario)))
    running = "\n".join(world.routers["R1"].router.running.render())
    assert running.count("\n certificate ") == 2
    key = "".join((scenario / "pki" / "LAB" / "R1.key").read_text().splitlines()[1:-1])
    assert key[40:80] not in running


def test_a_trustpoint_that_is_not_configured_gets_nothing(scenario: Path) -> None:
    assert certificates_of(scenario, "R1", "crypto pki trustpoint OTHER\n") is not NOTHING
    assert certificates_of(scenario, "R1", "crypto pki trustpoint OTHER\n") == NOTHING
    assert certificates_of(scenario, "R1", "crypto pki trustpoint ../pki/LAB\n") == certificates_of(scenario, "R1", "")


def test_a_key_that_does_not_fit_is_said_with_the_folder(scenario: Path) -> None:
    folder = scenario / "pki" / "LAB"
    (folder / "R1.key").write_bytes((folder / "ca.key").read_bytes())
    with pytest.raises(UserError, match=r"LAB: R1: .* fits the private key"):
        Scenario.load(str(scenario))


def test_a_certificate_without_its_key_is_said(scenario: Path) -> None:
    (scenario / "pki" / "LAB" / "R1.key").unlink()
    with pytest.raises(UserError, match=r"R1.key: No such file"):
        Scenario.load(str(scenario))
