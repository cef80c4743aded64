"""Folders of configurations: which one is meant, and what is said of those that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.shells.scenario import Scenario, described, from_description

if TYPE_CHECKING:
    from pathlib import Path

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
        (("R1.bak", "R2.old"), r"in this folder, but R1.bak, R2.old: rename what is one to NAME.cfg$"),
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
