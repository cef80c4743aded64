"""Files of programs that draw networks: configurations in them, files that they name, and their wires."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.shells.folders import configurations_in
from dmvpn.shells.router_files import read_routers
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.topologies import topology_in

if TYPE_CHECKING:
    from pathlib import Path


def router(name: str, wan: str, port: str = "GigabitEthernet0/0") -> str:
    return f"hostname {name}\ninterface {port}\n ip address {wan} 255.255.255.252\n no shutdown\n"


#: Two pairs of routers, each with the same subnet between them.
ADDRESSES = {"A": "10.0.0.1", "B": "10.0.0.2", "C": "10.0.0.1", "D": "10.0.0.2"}
TEXTS = {name: router(name, address) for name, address in ADDRESSES.items()}
PAIRS = (("A", "D"), ("C", "B"))


def cml(texts: dict[str, str], *, as_files: bool = False) -> str:
    lines = ["lab:", "  title: made up", "nodes:"]
    for number, (name, text) in enumerate(texts.items()):
        lines += [f"  - id: n{number}", f"    label: {name}", "    node_definition: iosv"]
        if as_files:
            lines += ["    configuration:", "      - name: ios_config.txt", "        content: |-"]
            lines += [f"          {line}" for line in text.splitlines()]
        else:
            lines += ["    configuration: |-", *(f"      {line}" for line in text.splitlines())]
        lines += [
            "    interfaces:",
            "      - {id: i0, label: Loopback0}",
            "      - {id: i1, label: GigabitEthernet0/0}",
        ]
    numbers = {name: number for number, name in enumerate(texts)}
    lines += ["links:"]
    lines += [f"  - {{id: l, n1: n{numbers[one]}, i1: i1, n2: n{numbers[two]}, i2: i1}}" for one, two in PAIRS]
    return "\n".join(lines) + "\n"


def eve(texts: dict[str, str]) -> str:
    nodes = "".join(
        f'<node id="{number}" name="{name}" type="qemu"><interface id="0" name="Gi0/0" type="ethernet" '
        f'network_id="{next(place for place, pair in enumerate(PAIRS, 1) if name in pair)}"/></node>'
        for number, name in enumerate(texts, 1)
    )
    configs = "".join(
        f'<config id="{number}">{base64.b64encode(text.encode()).decode()}</config>'
        for number, text in enumerate(texts.values(), 1)
    )
    return (
        f'<?xml version="1.0"?><lab name="x"><topology><nodes>{nodes}</nodes></topology>'
        f"<objects><configs>{configs}</configs></objects></lab>"
    )


def gns3(files: dict[str, str]) -> str:
    nodes = [
        {"node_id": f"id-{name}", "name": name, "node_type": "qemu", "properties": {"startup_config": file}}
        for name, file in files.items()
    ]
    links = [
        {"nodes": [{"node_id": f"id-{name}", "adapter_number": 0, "port_number": 0} for name in pair]} for pair in PAIRS
    ]
    return json.dumps({"topology": {"nodes": nodes, "links": links}})


CONTAINERLAB = """name: made-up
topology:
  kinds:
    cisco_vios: {startup-config: "configs/__clabNodeName__.partial"}
  nodes:
    A: {kind: cisco_vios}
    B: {kind: cisco_vios}
    C: {kind: cisco_vios}
    D: {kind: cisco_vios, startup-config: configs/d.txt}
  links:
    - endpoints: ["A:eth1", "D:eth1"]
    - endpoints: ["C:Gi0/1", "B:GigabitEthernet0/1"]
"""


def write(folder: Path, kind: str) -> None:
    (folder / "configs").mkdir()
    match kind:
        case "cml":
            (folder / "lab.yaml.yml").write_text(cml(TEXTS))
        case "cml-files":
            (folder / "Made up.yaml").write_text(cml(TEXTS, as_files=True))
        case "eve":
            (folder / "lab.unl").write_text(eve(TEXTS))
        case "gns3":
            files = {name: f"configs/i{number}_startup-config.cfg" for number, name in enumerate(TEXTS, 1)}
            (folder / "project.gns3").write_text(gns3(files))
            for name, file in files.items():
                (folder / file).write_text(TEXTS[name].replace(f"hostname {name}\n", ""))
        case "gns3-numbers":
            text = (
                gns3(dict.fromkeys(TEXTS, ""))
                .replace("qemu", "dynamips")
                .replace('"port_number": 0', '"label": {"text": "g0/0"}')
            )
            for number, name in enumerate(TEXTS, 1):
                text = text.replace('"startup_config": ""', f'"dynamips_id": {number}', 1)
                (folder / f"configs/i{number}_startup-config.cfg").write_text(TEXTS[name])
                (folder / f"configs/i{number}_private-config.cfg").write_text("hostname A\n")
            (folder / "project.gns3").write_text(text)
        case "containerlab":
            (folder / "x.clab.yml").write_text(CONTAINERLAB)
            for name, address in ADDRESSES.items():
                file = "d.txt" if name == "D" else f"{name}.partial"
                (folder / "configs" / file).write_text(router(name, address, "GigabitEthernet0/1"))


@pytest.mark.parametrize("kind", ["cml", "cml-files", "eve", "gns3", "gns3-numbers", "containerlab"])
def test_a_lab_comes_out_of_its_topology_with_the_wires_that_were_drawn(tmp_path: Path, kind: str) -> None:
    """The subnet of one link is that of another one as well; addresses alone made one wire of both."""
    write(tmp_path, kind)
    scenario = Scenario.load(str(tmp_path))
    ends = sorted(sorted(end.split(":")[0] for end in link.ends) for link in scenario.lab.links)
    assert ends == [["A", "D"], ["B", "C"]]
    assert any("says what is plugged into what" in note for note in scenario.notes)


def test_of_configurations_beside_it_a_topology_says_the_wires_alone(tmp_path: Path) -> None:
    (tmp_path / "lab.unl").write_text(eve(dict.fromkeys(TEXTS, "")))
    for name, text in TEXTS.items():
        (tmp_path / f"{name}.cfg").write_text(text)
    links = Scenario.load(str(tmp_path)).lab.links
    assert sorted(sorted(end[0] for end in link.ends) for link in links) == [["A", "D"], ["B", "C"]]


def test_messages_name_the_lines_of_the_topology(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(cml(TEXTS))
    part = read_routers(path)[1]
    number = path.read_text().splitlines().index("      hostname B")
    assert (part.name, part.text.splitlines()[number]) == ("B", "hostname B")


def test_what_is_plugged_into_a_switch_is_told_apart_by_addresses(tmp_path: Path) -> None:
    text = eve({name: TEXTS[name] for name in ("A", "D")}).replace('network_id="1"', 'network_id="7"', 1)
    switch = (
        '<node id="9" name="SW"><interface id="0" name="e0" network_id="7"/><interface id="1" network_id="1"/></node>'
    )
    (tmp_path / "lab.unl").write_text(text.replace("</nodes>", f"{switch}</nodes>"))
    (link,) = Scenario.load(str(tmp_path)).lab.links
    assert sorted(end[0] for end in link.ends) == ["A", "D"]


def test_a_switch_that_has_a_configuration_joins_what_is_plugged_into_it(tmp_path: Path) -> None:
    """The providers at both sides of it were not plugged into each other, and no tunnel came up."""
    text = eve({name: TEXTS[name] for name in ("A", "D")}).replace('network_id="1"', 'network_id="7"', 1)
    lines = (
        "hostname SW\ninterface Vlan1\n ip address 10.9.9.9 255.255.255.0\ninterface Gi0/0\n switchport mode access\n"
    )
    node = (
        '<node id="9" name="SW"><interface id="0" name="Gi0/0" network_id="7"/>'
        '<interface id="1" name="Gi0/1" network_id="1"/></node>'
    )
    config = f'<config id="9">{base64.b64encode(lines.encode()).decode()}</config>'
    text = text.replace("</nodes>", f"{node}</nodes>").replace("</configs>", f"{config}</configs>")
    (tmp_path / "lab.unl").write_text(text)
    links = Scenario.load(str(tmp_path)).lab.links
    assert ["A", "D"] in [sorted(end[0] for end in link.ends) for link in links]


def test_a_topology_reads_nothing_outside_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.cfg").write_text(TEXTS["A"])
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "x.gns3").write_text(gns3({"A": "../secret.cfg", "B": str(tmp_path / "secret.cfg")}))
    with pytest.raises(UserError, match="no router configuration"):
        configurations_in(inside)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.unl", '<!DOCTYPE x [<!ENTITY a "aaaa">]><lab>&a;</lab>'),
        ("x.unl", "<lab"),
        ("x.gns3", "[" * 100_000),
        ("x.gns3", '{"topology": {"nodes": [1, null, {"node_id": []}], "links": {"a": 1}}}'),
        ("x.yaml", "nodes:\n  - node_definition: x\n" + "  - " + "[" * 100_000),
        ("x.yaml", "nodes:\n  - node_definition: x\n    label: [1]\nlinks:\n  - 5\n  - {n1: n0}\n"),
        ("x.yml", "topology:\n  nodes:\n    A:\n  links:\n    - endpoints: [A, 'B:', {node: A}]\n"),
        ("x.yaml", "services:\n  nodes: 1\n"),
    ],
)
def test_a_broken_topology_is_none_or_empty(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    topology = topology_in(tmp_path / name)
    assert topology is None or not any(node.text or node.file for node in topology.nodes)


def test_the_complete_stage_of_a_course_counts(tmp_path: Path) -> None:
    """A folder with both was refused: each router was in it twice."""
    for name in ("A", "B"):
        (tmp_path / f"{name}_init.cfg").write_text(f"hostname {name}\n")
        (tmp_path / f"{name}_final.cfg").write_text(TEXTS[name])
    found = configurations_in(tmp_path)
    assert found.texts == {"A_final": TEXTS["A"], "B_final": TEXTS["B"]}
    assert "A_init.cfg is left out: A_final is the same, complete" in found.notes


def test_the_complete_folder_of_a_course_counts(tmp_path: Path) -> None:
    for stage in ("initial-configs", "final-configs"):
        (tmp_path / stage).mkdir()
        for name in ("A", "B"):
            (tmp_path / stage / f"{name}.cfg").write_text(
                TEXTS[name].replace("10.0", "10.9" if stage[0] == "i" else "10.0")
            )
    found = configurations_in(tmp_path)
    assert found.texts == {"A": TEXTS["A"], "B": TEXTS["B"]}
    assert "initial-configs is left out: final-configs is the same, complete" in found.notes
