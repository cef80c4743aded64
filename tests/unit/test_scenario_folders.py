"""Folders of configurations: which one is meant, and what is said of those that are none."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from ipaddress import IPv4Address, ip_interface
from pathlib import Path
from typing import get_args

import pytest

import dmvpn.shells
from dmvpn.app import lab, listing
from dmvpn.app.bring_up import fitting, next_commands, picture
from dmvpn.app.lab_words import Printer
from dmvpn.app.main import argument_parser
from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import UserError
from dmvpn.labs.bringing_up import patience
from dmvpn.labs.catalog import TOPICS
from dmvpn.router.features import FEATURES
from dmvpn.router.router import addresses
from dmvpn.shells import scenario as shells_scenario
from dmvpn.shells.documents import read_text
from dmvpn.shells.exercises import built_in_names
from dmvpn.shells.lab.rebinding import wanted_public
from dmvpn.shells.lab.wiring import Gateway, gre_flow
from dmvpn.shells.lab_model import GatewaySpec, Need, schema
from dmvpn.shells.scenario import Scenario, described, from_description
from dmvpn.shells.simulator.topologies import phase3
from support.texts import file_text, is_golden
from support.world import World

ROUTER = "hostname {}\n!\ninterface GigabitEthernet0/1\n ip address 10.1.1.{} 255.255.255.0\n!\nend\n"


def write(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names, 1):
        (folder / name).write_text(ROUTER.format(f"R{number}", number))
    return folder


def test_a_folder_with_a_blank_in_its_name_is_one(tmp_path: Path) -> None:
    """It was "neither a folder nor a built-in one"."""
    folder = write(tmp_path / "my configs", "R1.cfg")
    assert Scenario.load(str(folder)).name == "my configs"


@pytest.mark.parametrize("name", ["", "no such", "no\nsuch", "no-such"])
def test_what_is_nowhere_is_said_to_be(name: str) -> None:
    with pytest.raises(UserError, match=r"no scenario .*: neither a folder nor a built-in one"):
        Scenario.load(name)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), r"in this folder$"),
        (("R1.bak", "R2.old"), r"in this folder, but R1.bak, R2.old: rename configurations to NAME.cfg$"),
        (tuple(f"R{number}.bak" for number in range(9)), r"but R0.bak, R1.bak, R2.bak, R3.bak and 5 more: rename"),
    ],
)
def test_a_folder_without_configurations_says_what_it_has_instead(
    names: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=said):
        Scenario.load(str(write(tmp_path, *names)))


def test_beside_a_lab_yaml_a_file_that_is_left_out_for_its_capital_letters_is_said(tmp_path: Path) -> None:
    folder = write(tmp_path, "R1.cfg", "R2.CFG", "notes.txt")
    (folder / "lab.yaml").write_text("title: ours\n")
    said = "R2.CFG is left out: beside a lab.yaml the files of routers end with .cfg, in small letters"
    assert Scenario.load(str(folder)).notes == (said,)


def test_files_beside_cfg_files_are_read_too_or_are_said_to_be_left_out(tmp_path: Path) -> None:
    """A hub in `hub.cfg` came up alone; its spokes, in `.txt`, were left out in silence."""
    write(tmp_path, "R1.cfg", "R2.CFG", "R3.txt")
    (tmp_path / "R1 before.txt").write_text(ROUTER.format("R1", 9))
    (tmp_path / "excerpt.txt").write_text("interface Tunnel0\n ip address 10.0.0.1 255.255.255.0\n")
    (tmp_path / "notes.txt").write_text("R1 is the hub\n")
    scenario = Scenario.load(str(tmp_path))
    assert list(scenario.configurations) == ["R1", "R2", "R3"]
    assert {name: path.name for name, path in scenario.files.items()} == {
        "R1": "R1.cfg",
        "R2": "R2.CFG",
        "R3": "R3.txt",
    }
    assert scenario.notes[:2] == (
        "R1 before.txt is left out: R1.cfg has the configuration of R1",
        "excerpt.txt is left out: it may be a configuration, but has no hostname; "
        "if it is one of this network, rename it to NAME.cfg",
    )


def test_a_network_in_sub_folders_is_read_as_one(tmp_path: Path) -> None:
    """`configs/hubs` and `configs/spokes`, or a folder for each router: it was "no router configuration"."""
    write(tmp_path / "hubs", "R1.txt")
    (tmp_path / "spokes").mkdir()
    for number in (2, 3):
        folder = tmp_path / "spokes" / f"R{number}"
        folder.mkdir()
        (folder / "readme.md").write_text(f"# A spoke\n```\n{ROUTER.format(f'R{number}', number)}```\n")
    (tmp_path / "README.md").write_text("# My lab\n```\nhostname R1\n```\n")
    scenario = Scenario.load(str(tmp_path))
    assert list(scenario.configurations) == ["R1", "R2", "R3"]
    assert scenario.notes[-1] == "read from the sub-folders hubs, spokes as one network"


def test_several_networks_in_sub_folders_are_named_with_the_command_for_each(tmp_path: Path) -> None:
    for phase in ("Phase 1", "Phase 2"):
        write(tmp_path / phase, "R1.txt", "R2.txt")
    with pytest.raises(UserError) as error:
        Scenario.load(str(tmp_path))
    assert str(error.value).splitlines() == [
        f"{tmp_path}: 2 networks are in it (R1 is in more than one); bring up one:",
        f"  dmvpn lab up '{tmp_path}/Phase 1'",
        f"  dmvpn lab up '{tmp_path}/Phase 2'",
    ]


def test_several_networks_in_files_are_named_with_the_command_for_each(tmp_path: Path) -> None:
    """Two pages of a course, each with all its routers: "there are two configurations of R1"."""
    for phase in (1, 2):
        (tmp_path / f"phase{phase}.txt").write_text("".join(ROUTER.format(f"R{n}", n) for n in (1, 2)))
    with pytest.raises(UserError) as error:
        Scenario.load(str(tmp_path))
    commands = [f"  dmvpn lab up {tmp_path}/phase{phase}.txt" for phase in (1, 2)]
    assert str(error.value).splitlines()[1:] == commands
    assert list(Scenario.load(f"{tmp_path}/phase2.txt").configurations) == ["R1", "R2"]


def test_an_exercise_is_meant_by_its_name_and_a_folder_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of that name in the current one was taken for the exercise, and the exercise could not be had."""
    write(tmp_path / "exercise-05", "R1.cfg")
    monkeypatch.chdir(tmp_path)
    learnt, own = Scenario.load("exercise-05"), Scenario.load("./exercise-05")
    assert (learnt.name, learnt.is_exercise, "R31" in learnt.configurations) == ("exercise-05", True, True)
    assert (own.name, own.is_exercise, list(own.configurations)) == ("exercise-05", False, ["R1"])
    assert [from_description(described(one)).is_exercise for one in (learnt, own)] == [True, False]


@pytest.mark.parametrize(
    "names",
    [
        ("r1-confg", "r2-confg"),
        ("R1", "R2"),
        ("R 1.", "R2.CFG"),
        ("R1.md", "R2.text"),
        ("show-run R1.log", "show-run R2.log"),
    ],
)
def test_files_of_strangers_are_read_whatever_they_are_called(names: tuple[str, ...], tmp_path: Path) -> None:
    write(tmp_path, *names)
    (tmp_path / "README.md").write_text("hostname is the first line of each file\n")
    (tmp_path / "topology.png").write_bytes(bytes(range(256)))
    (tmp_path / "notes.txt").write_text("The interface is down.\n")
    assert list(Scenario.load(str(tmp_path)).configurations) == ["R1", "R2"]


def test_a_file_without_a_host_name_is_called_as_the_file_is(tmp_path: Path) -> None:
    for number, name in enumerate(("1. hub (old).txt", "BRANCH A"), 1):
        (tmp_path / name).write_text(ROUTER.format("X", number).replace("hostname X", ""))
    assert list(Scenario.load(str(tmp_path)).configurations) == ["R1.-hub-old", "BRANCH-A"]


def test_a_page_with_the_configurations_in_it_is_a_network(tmp_path: Path) -> None:
    blocks = [f"## Router {n}\n```\n{ROUTER.format(f'R{n}', n)}```\n" for n in (1, 2)]
    more = "### And on R1\n```\nhostname R1\ninterface Loopback0\n ip address 10.9.9.9 255.255.255.255\n```\n"
    (tmp_path / "README.md").write_text("# My lab\nsome text\n" + "".join(blocks) + more + "```\nping 10.1.1.2\n```\n")
    scenario = Scenario.load(str(tmp_path))
    assert list(scenario.configurations) == ["R1", "R2"]
    assert "Loopback0" in scenario.configurations["R1"]


def test_a_page_beside_configurations_is_about_them(tmp_path: Path) -> None:
    """Its excerpts, and what a PC was asked, became a router that had tunnels and no ports."""
    write(tmp_path, "R1", "R2")
    page = "# IPSec\n```cfg\nPC1> ping 10.1.1.2\n```\n```cfg\ninterface Tunnel9\n tunnel destination 192.0.2.9\n```\n"
    (tmp_path / "lab.md").write_text(page)
    scenario = Scenario.load(str(tmp_path))
    assert list(scenario.configurations) == ["R1", "R2"]
    assert "lab.md is left out: it is a page about the others" in scenario.notes


def test_a_page_above_folders_of_configurations_is_about_them(tmp_path: Path) -> None:
    """A course's workbook with excerpts was read in the place of the routers in `solutions`."""
    (tmp_path / "workbook.md").write_text("# Lab\n```\ninterface Tunnel0\n ip nhrp network-id 1\n```\n")
    for stage in ("initial-configs", "solutions"):
        (tmp_path / stage).mkdir()
        for number, name in enumerate(("R1", "R2"), 1):
            port = f"interface GigabitEthernet0/0\n ip address 192.0.2.{number} 255.255.255.0\n"
            (tmp_path / stage / f"{name}.cfg").write_text(f"hostname {name}\n{port}" * (stage == "solutions"))
    scenario = Scenario.load(str(tmp_path))
    assert list(scenario.configurations) == ["R1", "R2"]
    assert "workbook.md is left out: it is a page about the files in sub-folders" in scenario.notes


@pytest.mark.parametrize("copy", ["R2.recovered.txt", "R2 - Copy.txt", "R2 (1).txt", "r2_old2.txt"])
def test_a_copy_beside_a_file_is_left_out_and_said(copy: str, tmp_path: Path) -> None:
    for number, name in enumerate(("R1.txt", "R2.txt", copy), 1):
        host = "R1" if number == 1 else "R2"
        port = f"interface GigabitEthernet0/0\n ip address 192.0.2.{min(number, 2)} 255.255.255.0\n"
        (tmp_path / name).write_text(f"hostname {host}\n{port}")
    scenario = Scenario.load(str(tmp_path))
    assert list(scenario.configurations) == ["R1", "R2"]
    assert f"{copy} is left out: R2 is the same, complete" in scenario.notes


# What is wrong in a `lab.yaml`: file, line and column, all of it at once, with what to write instead.


def wrong(folder: Path, text: str) -> list[str]:
    """The lines of the complaint, without the folder."""
    for name in ("R1", "R2"):
        (folder / f"{name}.cfg").write_text(f"hostname {name}\n")
    (folder / "lab.yaml").write_text(text)
    with pytest.raises(UserError) as refused:
        Scenario.load(str(folder))
    return [line.strip().replace(f"{folder}/", "") for line in str(refused.value).splitlines()]


MANY = file_text("scenario_folders_many.yaml")


def test_every_mistake_is_told_with_its_line_its_column_and_what_to_write(tmp_path: Path) -> None:
    """A file with nine mistakes was corrected in nine runs, and none of them said where."""
    is_golden(
        wrong(tmp_path, MANY), "scenario_folders/every_mistake_is_told_with_its_line_its_column_and_what_to_write"
    )


def test_names_that_stand_for_nothing_are_told_together(tmp_path: Path) -> None:
    text = """\
routers:
  R9: {role: hub}
links:
  - ends: [R1:Gi0/1, R7:Gi0/1]
  - ends: [R1:Gi0/1, R2:Foo0/1]
gateways:
  NAT1: {outside: 192.0.2.1/30, gateway: 192.0.2.2, inside: 10.0.0.1/24}
ready: {routes: {R8: [10.0.0.0/8]}}
"""
    is_golden(wrong(tmp_path, text), "scenario_folders/names_that_stand_for_nothing_are_told_together")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hosts: [a, b]\n", "lab.yaml:1:1: hosts: it should be a valid dictionary"),
        ("- a\n", "lab.yaml:1:1: it should be a valid dictionary or instance of Lab: here are lines of KEY: VALUE"),
        ("title: a: b\n", "lab.yaml:1:9: no YAML: mapping values are not allowed here: put a text with a colon into"),
        ("routers:\n\tR1: {}\n", "lab.yaml:2:1: no YAML: found character '\\t' that cannot start any token: lines beg"),
        ("routers: {R1: {}, R1: {}}\n", "lab.yaml:1:19: R1 is there twice: leave one"),
        ("routers: {R1: &a {}, R2: *a}\n", "lab.yaml:1:15: no YAML: anchors and aliases (& and *) are not taken"),
        ("routers: " + "[" * 40, "lab.yaml:1:41: no YAML: deeper than 32 levels"),
        ('title: "\\U00110000"\n', "lab.yaml:1:11: no YAML: found invalid Unicode character escape code"),
        (
            "title: 1\t# a tab\nrouters: a: b\n",
            "lab.yaml:2:11: no YAML: mapping values are not allowed in this context",
        ),
        ("routers: {R1: {}\n", "lab.yaml:2:1: no YAML: expected ',' or '}', but got '<stream end>'"),
        ("routers: {1R: {}}\n", "lab.yaml:1:11: routers.1R: a name is a letter, then letters, digits"),
        ("links: [{ends: ['R1:Gi0/1', 'R2;Gi0/1']}]\n", "lab.yaml:1:29: links.0.ends.1: String should match pattern"),
        (
            "gateways: {N: {outside: 192.0.2.1/30, gateway: 192.0.2.9, inside: 10.0.0.1/24}}\n",
            "lab.yaml:1:12: gateways.N: its gateway 192.0.2.9 is not on its outside link 192.0.2.0/30",
        ),
    ],
)
def test_one_mistake_is_one_line(tmp_path: Path, text: str, expected: str) -> None:
    lines = wrong(tmp_path, text)
    assert len(lines) == 1
    assert lines[0].startswith(expected), lines[0]


def test_of_a_file_with_a_thousand_mistakes_some_are_told(tmp_path: Path) -> None:
    text = "routers:\n" + "".join(f"  X{number}: {{}}\n" for number in range(1000))
    lines = wrong(tmp_path, text)
    assert lines[0] == "lab.yaml: 1000 mistakes"
    assert len(lines) == 22
    assert lines[-1] == "and 980 more"


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "a: " * 50_000,
        "\n".join(f"{' ' * depth}a:" for depth in range(900)),
        "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n",
        "title: " + "x" * (1 << 20),
        "\x00\x01",
        "%YAML 9.9\n---\n",
        "a: !!python/object/apply:os.system [ls]\n",
    ],
    ids=["flow", "keys", "depth", "anchors", "size", "control", "version", "object"],
)
def test_a_hostile_file_is_refused_with_one_line(tmp_path: Path, text: str) -> None:
    lines = wrong(tmp_path, text)
    assert len(lines) == 1
    assert lines[0].startswith("lab.yaml")


def test_a_lab_file_without_an_end_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "R1.cfg").write_text("hostname R1\n")
    os.mkfifo(tmp_path / "lab.yaml")
    with pytest.raises(UserError, match=r"lab\.yaml: no regular file"):
        Scenario.load(str(tmp_path))


def test_no_more_is_read_than_a_file_may_have(tmp_path: Path) -> None:
    with (tmp_path / "lab.yaml").open("wb") as holes:
        holes.truncate(1 << 40)
    with pytest.raises(UserError, match=r"lab\.yaml: larger than 1 MiB"):
        read_text(tmp_path / "lab.yaml", 1 << 20)


@pytest.mark.lengthy
def test_the_built_in_scenarios_have_no_mistake() -> None:
    for name in built_in_names():
        Scenario.load(name)


# Scenario folders: their lab files fit their configurations, the schema is current, and what cannot run says so.

NAMES = built_in_names()


def test_the_published_schema_is_current() -> None:
    """If not: write `dmvpn.shells.lab_model.schema()` to the file."""
    published = Path(dmvpn.shells.__file__).parent / "lab.schema.json"
    assert json.loads(published.read_text()) == json.loads(schema())


def test_every_folder_of_configurations_is_a_scenario() -> None:
    folders = {"guide-phase2", "guide-phase2-broadcast", "intro-phase3", "notes-gre", "notes-phase1", "notes-phase3"}
    assert folders <= set(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "branch-vlans"])  # its ports have no addresses
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
    assert speaks == ("ipv6" in scenario.lab.needs)


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
        lab.up(argument_parser().parse_args(["lab", "up", "guide-phase2", "--simulated"]), Printer(for_programs=False))
    text = str(refused.value)
    assert text.splitlines()[0] == "guide-phase2 needs ospf, which this release does not have:"
    assert not list(tmp_path.rglob("guide-phase2"))


@pytest.mark.lengthy
def test_the_list_says_what_cannot_come_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    without(monkeypatch, "ospf")
    monkeypatch.setattr(listing, "remembered", lambda _, make: make())
    listing.list_labs(argparse.Namespace(), Printer(for_programs=False))
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
def test_every_built_in_scenario_is_listed_under_one_topic_and_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # labs that are up are listed, too
    listed = [name for names in TOPICS.values() for name in names]
    assert sorted(listed) == built_in_names()
    listing.list_labs(argparse.Namespace(), Printer(for_programs=False))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0].rstrip(":") for line in lines if not line.startswith(" ")] == [*TOPICS, "exercises"]
    assert [line.split()[0] for line in lines if line.startswith(" ")][: len(listed)] == listed
    assert max(map(len, lines)) < 145


# The `gateways` of a lab file: what is taken, and what is refused with the reason.

GOOD = """
gateways:
  NAT1: {outside: 203.0.113.1/24, gateway: 203.0.113.2, inside: 192.168.1.1/24}
links:
  - ends: ["NAT1:inside", "R1:Gi0/1"]
  - ends: ["NAT1:outside", "P:Gi0/1"]
"""


def load(folder: Path, lab: str) -> Scenario:
    for name in ("R1", "P"):
        (folder / f"{name}.cfg").write_text(f"hostname {name}\n")
    (folder / "lab.yaml").write_text(lab)
    return Scenario.load(str(folder))


def test_a_gateway_is_port_restricted_and_remembers_for_three_minutes_unless_it_says_otherwise(tmp_path: Path) -> None:
    spec = load(tmp_path, GOOD).lab.gateways["NAT1"]
    assert (spec.kind, spec.timeout) == ("port-restricted", 180)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("NAT1:inside", "NAT2:inside", "link end 'NAT2:inside' names no router interface, gateway port or host"),
        ("R1:Gi0/1", "R1:inside", "link end 'R1:inside' names no router interface, gateway port or host"),
        ("NAT1:outside", "NAT1:Gi0/1", "link end 'NAT1:Gi0/1' names no router interface, gateway port or host"),
        ('  - ends: ["NAT1:outside", "P:Gi0/1"]\n', "", "nothing is plugged into NAT1:outside"),
        ("203.0.113.2", "203.0.114.2", "203.0.114.2 is not on its outside link"),
        ("192.168.1.1/24", "203.0.113.9/24", "the same addresses inside and outside"),
        ("192.168.1.1/24", "192.168.1.300/24", "gateways.NAT1.inside"),
        ("{outside", "{kind: magic, outside", "gateways.NAT1.kind"),
        (
            "{outside",
            "{inward: {203.0.113.2: 192.168.1.5}, outside",
            "203.0.113.2 is no free address of 203.0.113.0/24",
        ),
        ("{outside", "{inward: {203.0.113.3: 10.0.0.5}, outside", "10.0.0.5 is no free address of 192.168.1.0/24"),
        (
            "{outside",
            "{inward: {203.0.113.3: 192.168.1.5, 203.0.113.4: 192.168.1.5}, outside",
            "two public addresses for one station",
        ),
        ("  NAT1:", "  R1:", "R1 is a router and a gateway"),
        ("links:", "ready: {either: [R9]}\nlinks:", "there is no router R9"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(UserError) as refused:
        load(tmp_path, GOOD.replace(old, new))
    assert words in str(refused.value)


def test_of_routers_of_which_one_suffices_the_others_are_not_waited_for() -> None:
    scenario = Scenario.load("two-spokes-one-nat")
    silent = ["Tunnel100 is not registered"]
    assert scenario.still_missing({"R31": [], "R32": silent, "R41": []}) == []
    assert scenario.still_missing({"R31": silent, "R32": [], "R41": silent}) == ["R41: Tunnel100 is not registered"]
    assert len(scenario.still_missing({"R31": silent, "R32": silent})) == 2


def test_hosts_are_waited_for_until_they_have_their_lease() -> None:
    """A lab was up and converged, and its hosts reached nothing for another minute."""
    scenario = Scenario.load("branch-vlans")
    ((host, waiting), *_) = [one for one in scenario.lab.hosts.items() if one[1].leased]
    assert scenario.unleased({host: waiting.leased}) == [f"{host}: no DHCP server has leased it an address"]
    assert scenario.unleased({host: waiting.with_leases([(ip_interface("10.1.1.9/24"), None)]).leased}) == []
    both = waiting.model_copy(update={"address6": "dhcp"})
    assert scenario.unleased({host: both.leased})[1:] == [f"{host}: no DHCP server has leased it an address of IPv6"]


def test_the_picture_has_the_translator_before_its_spoke() -> None:
    lines = picture(Scenario.load("spoke-behind-nat"))
    box = next(number for number, line in enumerate(lines) if "[ NAT1 172.16.31.1 ]" in line)
    assert "TRANSPORT" in lines[box - 2]
    assert "192.168.31.10/24" in lines[box + 2]
    assert "172.16.41.1/24" in lines[box + 2], "the other spoke is on the same height"


def spec(kind: str) -> GatewaySpec:
    return GatewaySpec.model_validate(
        {"kind": kind, "outside": "203.0.113.1/24", "gateway": "203.0.113.2", "inside": "192.168.1.1/24"}
    )


def test_a_lab_says_which_kind_linux_really_is() -> None:
    cone, symmetric = (Gateway(spec(kind), spec(kind).public) for kind in ("cone", "symmetric"))
    assert symmetric.describe() == "NAT 192.168.1.1 -> 203.0.113.1, symmetric"
    assert cone.describe().endswith("port-restricted (a cone is asked for; Linux cannot be one)")


@pytest.mark.parametrize("text", ["203.0.113.2", "203.0.113.0", "203.0.113.255", "10.1.1.1", "nonsense", ""])
def test_a_public_address_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        wanted_public({"public": text}, spec("cone"))


def test_a_free_address_of_the_link_is_taken() -> None:
    assert wanted_public({"public": "203.0.113.9"}, spec("cone")) == IPv4Address("203.0.113.9")
    assert wanted_public({}, spec("cone")) is None


def test_the_kernels_table_is_read() -> None:
    line = (
        "ipv4     2 gre      47 179 timeout=30, stream_timeout=180 src=192.168.31.10 dst=172.16.11.1 srckey=0x0 "
        "dstkey=0x0 src=172.16.11.1 dst=172.16.31.1 srckey=0x0 dstkey=0x0 [ASSURED] mark=0 zone=0 use=2"
    )
    flow = gre_flow(line)
    assert flow is not None
    assert (str(flow.inside), str(flow.remote)) == ("192.168.31.10", "172.16.11.1")
    assert gre_flow(line.replace("gre", "udp")) is None
    assert gre_flow(line.replace("ipv4     2", "ipv6     10")) is None
    assert gre_flow("") is None


# What a lab waits for, and what it looks like when there are routers behind the hubs.


def test_a_route_may_be_waited_for_with_its_next_hop() -> None:
    world = World("dual-hub").converge()
    world.sim.kill("HUB1")
    world.run_for(16)
    assert "SPOKE1: no route to 10.1.10.0/24 via 10.255.0.1" in world.lacks()
    assert "10.1.10.0/24" in world.show("SPOKE1", "ip route"), "it is there, but by HUB2"


@pytest.mark.parametrize("route", ["10.0.0.0", "10.0.0.0/8 via", "10.0.0.0/8 by 10.0.0.1", "default"])
def test_a_route_that_is_none_is_a_mistake_in_the_file(route: str, tmp_path: Path) -> None:
    (tmp_path / "R1.cfg").write_text("hostname R1\n")
    (tmp_path / "lab.yaml").write_text(f'ready: {{routes: {{R1: ["{route}"]}}}}\n')
    with pytest.raises(UserError, match=r"ready\.routes\.R1\.0"):
        Scenario.load(str(tmp_path))


def test_every_scenario_is_on_the_page_about_scenarios() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "scenarios.md").read_text()
    assert [name for name in built_in_names() if f"`{name}`" not in page] == []


def test_a_router_behind_the_hubs_is_above_them() -> None:
    lines = picture(Scenario.load("dual-hub"))
    rows = [next(number for number, line in enumerate(lines) if word in line) for word in ("CORE", "HUB1", "SPOKE1")]
    provider = next(number for number, line in enumerate(lines) if "[ TRANSPORT ]" in line)
    assert rows[0] < rows[1] < provider < rows[2]
    assert "SERVER 10.1.10.100/24" in lines[0]


def test_a_drawing_that_the_terminal_would_fold_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred routers were ten pages of pieces of boxes."""
    scenario = Scenario.load("hierarchical")
    width = max(map(len, picture(scenario)))
    monkeypatch.setenv("COLUMNS", str(width))
    assert fitting(scenario, "mine") == picture(scenario)
    monkeypatch.setenv("COLUMNS", str(width - 1))
    assert fitting(scenario, "mine") == [
        f"(a drawing of {width} columns; as a picture: dmvpn lab picture mine --output mine.svg)"
    ]


def test_a_hubs_port_to_the_inside_is_above_it_and_its_loopback_with_the_wire() -> None:
    lines = picture(Scenario.load("dual-hub"))
    inside, box = (
        next(number for number, line in enumerate(lines) if word in line) for word in ("10.1.0.1/30", "HUB1")
    )
    assert inside < box
    lines = picture(Scenario.load("hierarchical"))
    loopback, box = (next(n for n, line in enumerate(lines) if word in line) for word in ("203.0.113.101/32", "HUB-A"))
    assert box < loopback


def test_a_drawing_has_the_addresses_of_both_versions_and_is_not_wider() -> None:
    scenario = Scenario.load("dual-stack")
    lines = picture(scenario)
    assert max(map(len, lines)) == max(map(len, picture(Scenario.load("notes-phase3"))))
    for above, below in (
        ("H1 10.1.1.100/24", "2001:db8:1::100/64"),
        ("Tunnel100 192.168.100.11/24 |", "2001:DB8:100::11/64"),
        ("Tunnel100 192.168.100.41/24 |", "2001:DB8:100::41/64"),
        ("H4 10.4.4.100/24", "2001:db8:4::100/64"),
    ):
        row = next(number for number, line in enumerate(lines) if above in line)
        assert below in lines[row + 1]


@pytest.mark.parametrize(
    ("name", "tried"),
    [
        ("notes-phase3", ["10.4.4.1 source 10.3.3.1"]),
        ("dual-stack", ["10.4.4.1 source 10.3.3.1", "2001:db8:4::1 source 2001:db8:3::1"]),
        ("ipv6-only", ["2001:db8:4::1 source 2001:db8:3::1"]),
    ],
)
def test_the_first_commands_of_a_lab_try_the_path_between_two_spokes_in_each_version(
    name: str, tried: list[str]
) -> None:
    commands = next_commands(Scenario.load(name), name, is_alone=True)
    traced = [f"dmvpn -r R31 traceroute {ends}" for ends in tried]
    assert commands == [*traced, "dmvpn -r R31 show dmvpn detail", "dmvpn shell R31"]
    beside = next_commands(Scenario.load(name), name, is_alone=False)
    assert beside[0] == f"dmvpn -r {name}/R31 traceroute {tried[0]}"
