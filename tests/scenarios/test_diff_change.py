"""`dmvpn diff` and the change itself: on which network it is entered, and what is said when it cannot be tried."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.shells.lab_model import GatewaySpec, LinkSpec, RouterSpec
from dmvpn.shells.scenario import BUILT_IN, Scenario
from dmvpn.tools.diff.migration import migrate
from dmvpn.tools.diff.union import unite

if TYPE_CHECKING:
    from pathlib import Path


def _site(text: str, number: int) -> str:
    """The configuration of R31 of the notes for the site R<number>1: with other addresses everywhere."""
    text = text.replace("R31", f"R{number}1").replace("10.3.3.", f"10.{number}.{number}.")
    return text.replace("192.168.100.31", f"192.168.100.{number}1").replace(".31.", f".{number}1.")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """The routers of notes-phase3 without `lab.yaml`; and the same with R21, before R31 and R41 in every order."""
    before, after = tmp_path / "before", tmp_path / "after"
    for folder in (before, after):
        folder.mkdir()
        for name in ("R11", "R31", "R41"):
            (folder / f"{name}.cfg").write_text((BUILT_IN / "notes-phase3" / f"{name}.cfg").read_text())
    (after / "R21.cfg").write_text(_site((after / "R31.cfg").read_text(), 2))
    return before, after


def _ports(scenario: Scenario) -> dict[str, list[str]]:
    """By port of the provider: who is there."""
    return {
        next(end for end in link.ends if end.startswith("PROVIDER")): [
            end for end in link.ends if not end.startswith("PROVIDER")
        ]
        for link in scenario.lab.links
    }


def test_a_site_in_the_middle_moves_the_providers_ports_and_the_change_is_tried(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """It was "not tried", and exit code 0 with a limit that nobody had looked at."""
    before, after = map(str, folders)
    assert _ports(Scenario.load(before)) != _ports(Scenario.load(after)), "else this proves nothing"
    assert main(["diff", "--before", before, "--after", after, "--max-outage", "0"]) == 0
    assert "no pair loses a packet" in capsys.readouterr().out
    assert main(["diff", "--before", after, "--after", before, "--max-outage", "0"]) == 0
    assert "no pair loses a packet" in capsys.readouterr().out


def test_both_sides_together_have_each_site_where_it_was_and_the_new_one_besides(folders: tuple[Path, Path]) -> None:
    before, after = (Scenario.load(str(folder)) for folder in folders)
    world, alike = unite(before, after)
    was, now = _ports(before), _ports(world)
    assert {port: now[port] for port in was} == was
    (new,) = now.keys() - was.keys()
    assert now[new] == ["R21:GigabitEthernet0/1"]
    assert re.search(rf"interface {re.escape(new.partition(':')[2])}\n ip address 172.16.21.2 ", _provider(alike))
    assert _provider(world) == _provider(before), "it begins as it was"


def _provider(scenario: Scenario) -> str:
    return scenario.configurations["PROVIDER"]


def test_a_site_that_gets_another_address_stays_where_it_is_plugged_in(folders: tuple[Path, Path]) -> None:
    before, _ = folders
    text = (before / "R31.cfg").read_text()
    text = text.replace(" ip nhrp shortcut", " ip nhrp registration no-unique\n ip nhrp shortcut")
    (before / "R31.cfg").write_text(text)
    old = Scenario.load(str(before))
    (before / "R31.cfg").write_text(text.replace("172.16.31.", "172.16.77."))
    migration = migrate(old, Scenario.load(str(before)), 1, "together")
    assert not migration.untried
    assert {name for outage in migration.outages for name in outage.pair} == {"R11", "R31", "R41"}
    assert all("R31" in outage.pair and outage.back for outage in migration.outages)


def test_a_provider_of_another_name_is_still_the_provider(folders: tuple[Path, Path]) -> None:
    """A folder without `lab.yaml` calls it PROVIDER, the built-in scenario TRANSPORT."""
    before, _ = folders
    assert not migrate(Scenario.load("notes-phase3"), Scenario.load(str(before)), 1, "together").untried


def _with_a_second_translator() -> tuple[Scenario, Scenario]:
    """spoke-behind-nat, and the same with R21 behind a box of its own, which is called NAT1 from then on."""
    before = Scenario.load("spoke-behind-nat")
    texts = {"R21": _site(before.configurations["R31"], 2), **before.configurations}
    texts["TRANSPORT"] += "interface GigabitEthernet0/4\n ip address 172.16.21.2 255.255.255.252\n no shutdown\n"
    old = before.lab.gateways["NAT1"]
    at = IPv4Address("172.16.21.2")
    new = GatewaySpec(kind=old.kind, outside="172.16.21.1/30", gateway=at, inside="192.168.21.1/24")
    links = [
        link.model_copy(update={"ends": [end.replace("NAT1", "NAT2") for end in link.ends]})
        for link in before.lab.links
    ]
    more = [["NAT1:outside", "TRANSPORT:GigabitEthernet0/4"], ["R21:GigabitEthernet0/1", "NAT1:inside"]]
    lab = before.lab.model_copy(
        update={
            "routers": {**before.lab.routers, "R21": RouterSpec(role="spoke")},
            "gateways": {"NAT1": new, "NAT2": old},
            "links": [*links, *(LinkSpec(ends=ends) for ends in more)],
        }
    )
    return before, Scenario("after", lab, texts)


def test_a_new_site_behind_a_translator_is_tried_whatever_its_number() -> None:
    """Translators had to be the same on both sides."""
    before, after = _with_a_second_translator()
    world, _ = unite(before, after)
    assert {name: spec.outside for name, spec in world.lab.gateways.items()} == {
        "NAT1": "172.16.31.1/30",
        "NAT3": "172.16.21.1/30",
    }
    for one, other in ((before, after), (after, before)):
        migration = migrate(one, other, 1, "together")
        assert (migration.untried, migration.outages) == ("", ())


def test_a_translator_of_another_kind_cannot_be_put_there_while_all_runs() -> None:
    before, after = _with_a_second_translator()
    kinds = {name: spec.model_copy(update={"kind": "symmetric"}) for name, spec in after.lab.gateways.items()}
    changed = Scenario("after", after.lab.model_copy(update={"gateways": kinds}), after.configurations)
    assert migrate(before, changed, 1, "together").untried == "the translator NAT1 is another one afterwards"


def _plugged(*ends: list[str]) -> Scenario:
    scenario = Scenario.load("notes-phase3")
    lab = scenario.lab.model_copy(update={"links": [LinkSpec(ends=wire) for wire in ends], "hosts": {}})
    return Scenario("plugged", lab, scenario.configurations)


def test_cables_that_would_have_to_be_plugged_over_are_named() -> None:
    together = _plugged(["R11:Gi0/1", "R31:Gi0/1", "R41:Gi0/1"])
    apart = _plugged(["R11:Gi0/1", "R31:Gi0/1"], ["R41:Gi0/1", "TRANSPORT:Gi0/3"])
    with pytest.raises(UserError, match=r"R11:Gig.*0/1 and R41:.*0/1 are on two wires afterwards, and on one before"):
        unite(together, apart)
    with pytest.raises(UserError, match=r"R11:Gig.*0/1 and R41:.*0/1 are on one wire afterwards, and on two before"):
        unite(apart, together)


def test_a_limit_that_could_not_be_tried_ends_with_2(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """It ended with 0, so a pipeline took the change for proved."""
    before, after = folders
    ends = '["R11:GigabitEthernet0/1", "R31:GigabitEthernet0/1", "R41:GigabitEthernet0/1"]'
    (after / "R21.cfg").unlink()
    (after / "lab.yaml").write_text(f"links:\n- ends: {ends}\n")
    asked = ["diff", "--before", str(before), "--after", str(after), "--max-outage", "30"]
    assert main(asked) == 2
    assert re.search(r"--max-outage 30 is not proved: R11:.* are on one wire afterwards", capsys.readouterr().err)
    assert main([*asked, "--order", "none"]) == 2
    assert "--order none does not try" in capsys.readouterr().err


def test_a_change_that_nobody_talks_through_is_not_tried(folders: tuple[Path, Path]) -> None:
    """It was "no pair loses a packet": there was no pair."""
    before, _ = folders
    for name in ("R31", "R41"):
        (before / f"{name}.cfg").unlink()
    alone = Scenario.load(str(before))
    assert migrate(alone, alone, 1, "together").untried.startswith("no two LANs reach each other")


def test_what_was_decided_about_either_folder_is_said(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = map(str, folders)
    main(["diff", "--before", before, "--after", after, "--order", "none"])
    added = "the lab adds a router for that, PROVIDER"
    assert capsys.readouterr().err.splitlines() == [
        f"note: before: no configuration has 172.16.11.2, 172.16.31.2, 172.16.41.2: {added}",
        f"note: after: no configuration has 172.16.11.2, 172.16.21.2, 172.16.31.2, 172.16.41.2: {added}",
    ]
