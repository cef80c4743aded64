"""Labs as files of containerlab, CML and GNS3: written, judged by the rules of their schemas, and read back.

The rules are a part of containerlab's `schemas/clab.schema.json` (BSD 3-Clause) and of what GNS3's
`schemas/topology.py` asks for; the whole schemas were satisfied when this was written.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml

from dmvpn.base.errors import UserError
from dmvpn.shells.lab_model import INSIDE, OUTSIDE, LinkSpec
from dmvpn.shells.scenario import Scenario, built_in_names
from dmvpn.tools.elsewhere import FORMATS, KINDS, Elsewhere, written
from dmvpn.tools.saving import save
from support.cases import one_in

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.tools.elsewhere.kinds import Format

_UUID = {"type": "string", "pattern": "^[a-f0-9]{8}(-[a-f0-9]{4}){3}-[a-f0-9]{12}$"}
CONTAINERLAB = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "topology"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-zA-Z0-9][a-zA-Z0-9-._]*$"},
        "topology": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "nodes": {
                    "patternProperties": {
                        "^[a-zA-Z0-9][a-zA-Z0-9-._|]*$": {
                            "type": "object",
                            "additionalProperties": False,
                            "properties": {
                                "kind": {"enum": ["linux", "cisco_vios", "cisco_iol", "cisco_c8000v"]},
                                "image": {"type": "string"},
                                "startup-config": {"type": "string"},
                                "binds": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                                "exec": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                                "env": {"type": "object", "additionalProperties": {"type": "string"}},
                            },
                        }
                    },
                    "additionalProperties": False,
                },
                "links": {
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["endpoints"],
                        "properties": {
                            "endpoints": {
                                "minItems": 2,
                                "maxItems": 2,
                                "uniqueItems": True,
                                "items": {"type": "string", "pattern": r"^\S+:\S+$"},
                            }
                        },
                    }
                },
            },
        },
    },
}
GNS3 = {
    "type": "object",
    "required": ["project_id", "type", "revision", "version", "name", "topology"],
    "properties": {
        "project_id": _UUID,
        "type": {"enum": ["topology"]},
        "revision": {"enum": [9]},
        "topology": {
            "required": ["nodes", "links", "drawings", "computes"],
            "additionalProperties": False,
            "properties": {
                "drawings": {"type": "array"},
                "computes": {"type": "array"},
                "nodes": {
                    "items": {
                        "required": ["name", "node_type", "compute_id"],
                        "properties": {
                            "node_id": _UUID,
                            "node_type": {"enum": ["docker", "qemu", "iou", "vpcs", "ethernet_switch"]},
                            "console_type": {"enum": ["telnet"]},
                        },
                    }
                },
                "links": {
                    "items": {
                        "additionalProperties": False,
                        "properties": {
                            "link_id": _UUID,
                            "filters": {"type": "object"},
                            "nodes": {
                                "minItems": 2,
                                "maxItems": 2,
                                "items": {
                                    "required": ["node_id", "adapter_number", "port_number"],
                                    "properties": {"node_id": _UUID, "label": {"required": ["text"]}},
                                },
                            },
                        },
                    }
                },
            },
        },
    },
}
NODES = [(program, kind.name) for program in FORMATS for kind in KINDS[program]]
#: The kinds of node that call the ports of most scenarios as they do.
SAME = [("containerlab", "dmvpn"), ("cml", "iosv"), ("gns3", "dmvpn")]
STATUS: dict[str, list[str] | dict[str, str]] = {"links": [], "impaired": {}}
Ends = frozenset[tuple[str, str]]


def exported(scenario: Scenario, folder: Path, program: Format, node: str | None = None) -> list[str]:
    return save(scenario, scenario.configurations, STATUS, folder, Elsewhere(program, node))  # type: ignore[arg-type]


def wires(scenario: Scenario) -> set[Ends]:
    """The ends of each wire at routers, and at what stands for a translator."""
    ports = {OUTSIDE: "GigabitEthernet0/1", INSIDE: "GigabitEthernet0/2"}
    routers = (*scenario.configurations, *scenario.lab.gateways)
    every = (
        frozenset((node, ports.get(port, port)) for node, port in ends if node in routers)
        for ends, _ in scenario.segments()
    )
    return {wire for wire in every if len(wire) > 1}


def all_wired(name: str) -> Scenario:
    """A scenario whose wires are all in the status of its lab."""
    scenario = Scenario.load(name)
    STATUS["links"] = [f"wire {number}" for number in range(len(scenario.lab.links))]
    return scenario


@pytest.mark.lengthy
@pytest.mark.parametrize(("program", "node"), SAME)
@pytest.mark.parametrize("name", one_in(6, built_in_names()))
def test_a_lab_comes_back_from_another_program_as_it_went(
    name: str, program: Format, node: str, tmp_path: Path
) -> None:
    scenario = all_wired(name)
    notes = exported(scenario, tmp_path / "lab", program, node)
    back = Scenario.load(str(tmp_path / "lab"), strict=True)
    assert set(back.configurations) == {*scenario.configurations, *scenario.lab.gateways}
    if not any("Ethernet" in note for note in notes):  # no port has another name there
        found = {router: back.configurations[router].strip() for router in scenario.configurations}
        assert found == {router: text.strip() for router, text in scenario.configurations.items()}
        assert wires(back) == wires(scenario)


@pytest.mark.parametrize(("program", "node"), NODES)
@pytest.mark.parametrize("name", ["guide-phase2", "two-spokes-one-nat", "dual-stack"])
def test_the_files_satisfy_the_schema_of_their_program(name: str, program: Format, node: str) -> None:
    scenario = Scenario.load(name)
    files, _ = written(scenario, scenario.configurations, Elsewhere(program, node))
    text = next(text for name, text in files.items() if name.endswith((".clab.yml", ".cml.yaml", ".gns3")))
    match program:
        case "containerlab":
            jsonschema.validate(yaml.safe_load(text), CONTAINERLAB)
        case "gns3":
            jsonschema.validate(json.loads(text), GNS3)
        case "cml":
            drawn = yaml.safe_load(text)
            ports = {(node["id"], port["id"]) for node in drawn["nodes"] for port in node["interfaces"]}
            ends = [(link[f"n{side}"], link[f"i{side}"]) for link in drawn["links"] for side in (1, 2)]
            assert set(ends) <= ports
            assert len(set(ends)) == len(ends)
            assert {"title", "description", "notes", "version"} == set(drawn["lab"])


def test_ports_that_a_device_calls_otherwise_have_new_names_in_the_configuration_too(tmp_path: Path) -> None:
    scenario = all_wired("notes-phase3")
    notes = exported(scenario, tmp_path / "lab", "containerlab", "iol")
    assert "R31: GigabitEthernet0/2 is Ethernet0/2 there" in notes
    back = Scenario.load(str(tmp_path / "lab"), strict=True)
    assert "tunnel source Ethernet0/1\n" in back.configurations["R31"]
    assert "GigabitEthernet" not in "".join(back.configurations.values())
    new = {frozenset((node, port.replace("Gigabit", "")) for node, port in wire) for wire in wires(scenario)}
    assert wires(back) == new


def test_a_wire_with_three_ends_is_a_switch(tmp_path: Path) -> None:
    exported(all_wired("two-spokes-one-nat"), tmp_path / "lab", "containerlab")
    drawn = yaml.safe_load((tmp_path / "lab/two-spokes-one-nat.clab.yml").read_text())
    assert drawn["topology"]["nodes"]["SW1"]["exec"][:2] == [
        "ip link add br0 type bridge",
        "ip link set eth1 master br0",
    ]
    plugged = {end for link in drawn["topology"]["links"] for end in link["endpoints"] if end.startswith("SW1")}
    assert plugged == {"SW1:eth1", "SW1:eth2", "SW1:eth3"}


def test_hosts_have_their_addresses_and_gateways() -> None:
    scenario = Scenario.load("notes-phase3")
    files, _ = written(scenario, scenario.configurations, Elsewhere("containerlab"))
    host = yaml.safe_load(files["notes-phase3.clab.yml"])["topology"]["nodes"]["H3"]
    assert host["exec"] == [
        "ip address add 10.3.3.100/24 dev eth1",
        "ip route replace default via 10.3.3.1 dev eth1",
    ]
    files, _ = written(scenario, scenario.configurations, Elsewhere("gns3"))
    assert any("ip 10.3.3.100/24 10.3.3.1\n" in text for name, text in files.items() if name.endswith(".vpc"))


def test_a_bad_wire_is_bad_there_or_a_note_says_how_to_make_it_bad() -> None:
    scenario = Scenario.load("notes-phase3")
    links = [LinkSpec(ends=scenario.lab.links[0].ends, delay=40, loss=2), *scenario.lab.links[1:]]
    bad = Scenario("bad", scenario.lab.model_copy(update={"links": links}), scenario.configurations)
    files, _ = written(bad, bad.configurations, Elsewhere("cml"))
    assert yaml.safe_load(files["bad.cml.yaml"])["links"][0]["conditioning"]["latency"] == 40
    files, _ = written(bad, bad.configurations, Elsewhere("gns3"))
    assert json.loads(files["bad.gns3"])["topology"]["links"][0]["filters"] == {"delay": [40, 0], "packet_loss": [2]}
    _, notes = written(bad, bad.configurations, Elsewhere("containerlab"))
    assert any("netem set -n clab-bad-R11 -i eth1 --delay 40ms --loss 2" in note for note in notes)


def test_only_the_owner_may_read_the_files(tmp_path: Path) -> None:
    exported(all_wired("notes-phase3"), tmp_path / "lab", "gns3")
    every = [tmp_path / "lab", *(path for path in (tmp_path / "lab").rglob("*") if path.is_file())]
    assert {path.stat().st_mode & 0o077 for path in every} == {0}


def test_a_kind_of_node_that_nobody_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cml has no node 'nxos' here; there are iosv, iol, cat8000v"):
        exported(all_wired("notes-phase3"), tmp_path / "lab", "cml", "nxos")
    assert not (tmp_path / "lab").exists()


def test_the_identities_of_a_project_stay_the_same() -> None:
    scenario = Scenario.load("notes-phase3")
    one, other = (written(scenario, scenario.configurations, Elsewhere("gns3"))[0] for _ in range(2))
    assert one == other
    assert uuid.UUID(json.loads(one["notes-phase3.gns3"])["project_id"]).version == 5
