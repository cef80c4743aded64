"""Scenario folders: their lab files fit their configurations, the schema is current, and what cannot run says so."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

import dmvpn.shells
from dmvpn.app import bring_up, lab
from dmvpn.app.main import argument_parser
from dmvpn.app.told import Told
from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import UserError
from dmvpn.labs.addresses import addresses
from dmvpn.labs.topics import TOPICS
from dmvpn.labs.waiting import patience
from dmvpn.router.features import FEATURES
from dmvpn.shells import scenario as shells_scenario
from dmvpn.shells.lab_model import Need, schema
from dmvpn.shells.scenario import Scenario, built_in_names
from dmvpn.shells.simulator.topologies import phase3

NAMES = built_in_names()


def test_the_published_schema_is_current() -> None:
    """If not: write `dmvpn.shells.lab_model.schema()` to the file."""
    published = Path(dmvpn.shells.__file__).parent / "lab.schema.json"
    assert json.loads(published.read_text()) == json.loads(schema())


def test_every_folder_of_configurations_is_a_scenario() -> None:
    folders = {"guide-phase2", "guide-phase2-broadcast", "intro-phase3", "notes-gre", "notes-phase1", "notes-phase3"}
    assert folders <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_links_and_hosts_fit_the_configurations(name: str) -> None:
    scenario = Scenario.load(name)
    configured = {
        (router, state.name): state
        for router, text in scenario.configurations.items()
        for state in addresses(text)
        if not state.name.startswith(("Tunnel", "Loopback"))
    }
    wired: set[tuple[str, str]] = set()
    for ends, _ in scenario.segments():
        prefixes = {configured[end].prefix for end in ends if end[0] in scenario.configurations}
        assert len(prefixes) == 1, ends
        wired.update(end for end in ends if end[0] in scenario.configurations)
    lans = {scenario.end(host.link) for host in scenario.lab.hosts.values()}
    assert wired == set(configured), "every configured interface has a wire"
    for host in scenario.lab.hosts.values():
        router = configured[scenario.end(host.link)]
        for interface, gateway in ((host.interface, host.gateway), (host.interface6, host.gateway6)):
            if interface is not None:
                (own,) = router.routed(interface.version)
                assert own[0] == gateway
                assert interface.ip in Prefix.of(*own)
    assert lans <= wired


def test_what_a_scenario_may_need_is_a_part_of_the_program() -> None:
    assert set(get_args(Need)) <= {feature.name for feature in FEATURES} | {"ipv6"}


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_with_ipv6_says_that_it_needs_it(name: str) -> None:
    scenario = Scenario.load(name)
    speaks = any("ipv6 address" in text for text in scenario.configurations.values())
    assert scenario.simulated_only == speaks == ("ipv6" in scenario.lab.needs)


def test_ipv6_in_a_real_lab_is_refused_in_one_sentence_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(UserError) as refused:
        lab.up(argument_parser().parse_args(["lab", "up", "ipv6-phase3"]), Told(for_programs=False))
    assert str(refused.value) == (
        "ipv6-phase3 needs IPv6, which only the data plane of a simulated lab carries as yet: "
        "'dmvpn lab up ipv6-phase3 --simulated'"
    )
    assert not list(tmp_path.rglob("ipv6-phase3"))


def without(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A release that lacks this feature."""
    lesser = tuple(replace(feature, kept_only=feature.kept_only or feature.name == name) for feature in FEATURES)
    monkeypatch.setattr(shells_scenario, "FEATURES", lesser)


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_names_every_kept_feature_that_it_configures(name: str) -> None:
    scenario = Scenario.load(name)
    text = "\n".join(scenario.configurations.values())
    words = {"ipsec": "tunnel protection", "ospf": "router ospf", "bgp": "router bgp"}
    asks = [feature.name for feature in FEATURES if feature.kept_only and words.get(feature.name, "\0") in text]
    assert sorted(asks) == sorted(scenario.lacks)


def test_a_scenario_that_cannot_come_up_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    without(monkeypatch, "ospf")
    with pytest.raises(UserError) as refused:
        lab.up(argument_parser().parse_args(["lab", "up", "guide-phase2", "--simulated"]), Told(for_programs=False))
    text = str(refused.value)
    assert text.splitlines()[0] == "guide-phase2 needs ospf, which this release does not have:"
    assert not list(tmp_path.rglob("guide-phase2"))


@pytest.mark.lengthy
def test_the_list_says_what_cannot_come_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    without(monkeypatch, "ospf")
    bring_up.list_labs(argparse.Namespace(), Told(for_programs=False))
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["guide-phase2"].endswith("(not in this release: needs ospf)")
    assert "not in this release" not in lines["notes-phase3"]


def test_an_unknown_need_is_a_mistake_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "R1.cfg").write_text("hostname R1\n")
    (tmp_path / "lab.yaml").write_text("needs: [teleport]\n")
    with pytest.raises(UserError, match="needs"):
        Scenario.load(str(tmp_path))


def test_the_patience_of_lab_up_grows_with_the_lab() -> None:
    """252 encrypted routers were up after 26 s, and `lab up` had given up after 20."""
    assert patience(Scenario.load("notes-phase3")) < 25
    assert patience(phase3(250)) > 3 * 26


@pytest.mark.lengthy
def test_every_built_in_scenario_is_listed_under_one_topic_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    listed = [name for names in TOPICS.values() for name in names]
    assert sorted(listed) == built_in_names()
    bring_up.list_labs(argparse.Namespace(), Told(for_programs=False))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0].rstrip(":") for line in lines if not line.startswith(" ")] == [*TOPICS, "exercises"]
    assert [line.split()[0] for line in lines if line.startswith(" ")][: len(listed)] == listed
    assert max(map(len, lines)) < 145
