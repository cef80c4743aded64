"""The room `labs`: what a page or a command gets of labs, without anything printed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml

import dmvpn
from dmvpn.app.main import main
from dmvpn.app.web import token_file
from dmvpn.base.addresses import Prefix
from dmvpn.base.barriers import Gap, RouteEnd
from dmvpn.base.errors import UserError
from dmvpn.face.archiving import Copies, render_archive
from dmvpn.labs import bringing_up, catalog, copied, orders, prompts
from dmvpn.labs.bringing_up import Wanted, bring_up
from dmvpn.labs.orders import LabStatus
from dmvpn.labs.proofs.networks import drawn
from dmvpn.labs.unsupported_lines import Note
from dmvpn.shells.exercises import built_in_names
from dmvpn.shells.lab import control
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.lab.places import LabFolder
from dmvpn.shells.lab_model import INSIDE, OUTSIDE, LinkSpec
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.tools.elsewhere import FORMATS, KINDS, Elsewhere, written
from dmvpn.tools.saving import save
from dmvpn.web.permission import Role
from support.cases import one_in
from support.diagnoses import PLAIN
from support.services import short_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.barriers import Barrier
    from dmvpn.shells.lab.control import Json
    from dmvpn.tools.elsewhere.files import Format

#: What `dmvpn lab down` and the like must not wait for: features, the simulator, models of facts, sessions.
_HEAVY = re.compile(r"pydantic|yaml|cryptography|dmvpn\.(features|router|ios|face|tools|judge|shells\.simulator)\b")


def test_quick_orders_import_little() -> None:
    program = "import sys, dmvpn.app.lab, dmvpn.labs.orders, dmvpn.labs.captures; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert [name for name in loaded.split() if _HEAVY.match(name)] == []


def test_labs_print_nothing() -> None:
    """They print only in a lab's own process, whose output is its log."""
    labs = Path(dmvpn.__file__).parent / "labs"
    printing = {path.name for path in labs.glob("*.py") if re.search(r"\bprint\(|sys\.std(out|err)", path.read_text())}
    assert printing == {"bringing_up.py"}
    assert all(
        "print(error)" in line for line in (labs / "bringing_up.py").read_text().splitlines() if "print(" in line
    )


def test_a_status_is_what_the_lab_answered() -> None:
    answer: dict[str, Json] = {
        "scenario": "notes-phase3",
        "simulated": True,
        "since": 12.5,
        "engine": "simulated",
        "routers": {"R31": True, "R41": False},
        "providers": ["ISP"],
        "hosts": {"H3": "10.4.3.100/24"},
        "hosts6": {"H3": "2001:db8:3::100/64"},
        "gateways": {},
        "links": ["R31:GigabitEthernet0/1 ISP:GigabitEthernet0/1"],
        "impaired": {
            "R31:GigabitEthernet0/1 ISP:GigabitEthernet0/1": {"delay": 0.0, "loss": 5.0, "rate": 0.0, "cut": 0.0}
        },
    }
    status = LabStatus.read(answer)
    assert [*status.impaired.values()] == [Badness(loss=5.0)]
    assert [*status.plain.items()] == [*answer.items()]


def test_a_status_without_parts_has_them_empty() -> None:
    status = LabStatus.read({"scenario": "old", "routers": ["R31"], "links": None})
    assert (status.scenario, status.routers, status.links, status.simulated) == ("old", {}, (), False)


def test_an_answer_that_is_no_status_is_refused() -> None:
    with pytest.raises(UserError, match="the lab has no status"):
        LabStatus.read(["R31"])


def test_the_catalog_names_every_scenario_with_its_topic(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    entries = {entry.name: entry for entry in catalog.scenarios({})}
    assert (entries["notes-phase3"].topic, entries["notes-phase3"].is_up) == ("phases", False)
    assert entries["ipv6-phase3"].topic == "IPv6"
    assert next(each.name for each in catalog.exercises({})) == "exercise-01"
    assert catalog.others({}).own == ()


def test_lines_that_are_left_out_are_notes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "R1.cfg").write_text(
        "hostname R1\nfly to the moon\ninterface Gi0/1\n ip address 10.0.0.1 255.255.255.0\nend\n"
    )
    steps = bring_up(Wanted(scenario=str(tmp_path), simulated=True))
    first = next(steps)
    assert isinstance(first, Note)
    steps.close()


def test_no_lab_is_called_as_a_service() -> None:
    with pytest.raises(UserError, match="run-HUB: a name that begins with run- is that of a service"):
        next(bring_up(Wanted(scenario="notes-gre", simulated=True, name="run-HUB")))


def test_a_lab_that_hangs_keeps_no_doctor_that_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It took three Ctrl-C, because threads waited for the answers of routers."""
    hangs = threading.Event()
    monkeypatch.setattr(prompts, "answer", lambda management, line: str(hangs.wait() or line))
    bench = prompts.Prompts(LabFolder(tmp_path))
    monkeypatch.setattr(prompts.Prompts, "is_simulated", True)

    def interrupt(_: LabFolder, seconds: float, *, simulated: bool) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(orders, "let_pass", interrupt)
    with pytest.raises(KeyboardInterrupt):
        bench.ask([("R1", "show clock")])
    hangs.set()


def test_answers_come_in_the_order_of_the_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = threading.Event()

    def answer(management: Path, line: str) -> str:
        if management.stem == "R1":
            first.wait()
        else:
            first.set()
        return f"{management.stem} {line}"

    monkeypatch.setattr(prompts, "answer", answer)
    bench = prompts.Prompts(LabFolder(tmp_path))
    assert bench.ask([("R1", "show clock"), ("R2", "show version")]) == ["R1 show clock", "R2 show version"]


def test_copies_of_archives_may_have_been_good_the_newest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two routers have an archive, of two copies and of one; the third one has none."""
    given = Scenario.load("notes-gre")
    names = {"R11": ("flash:CFG-Jan-01-00-00-01.000-0", "flash:CFG-Jan-02-00-00-01.000-1"), "R31": ("flash:A-B-0",)}

    def answer(management: Path, line: str) -> str:
        router = management.name.partition(".")[0]
        if line == "show archive":
            return "\n".join(render_archive(Copies("CFG", 10, names[router], 2) if router in names else Copies("")))
        return "" if line.startswith("show startup") else f"version 17.9\nhostname {line.rpartition(':')[2]}\n"

    monkeypatch.setattr(prompts, "answer", answer)
    monkeypatch.setattr(prompts.Prompts, "is_simulated", False)
    monkeypatch.setattr(orders, "scenario", lambda _: given)
    nothing, newest, oldest, first = prompts.Prompts(LabFolder(tmp_path)).earlier()
    assert nothing == {}
    assert "hostname CFG-Jan-02-00-00-01.000-1\n" in newest["R11"]
    assert "hostname CFG-Jan-01-00-00-01.000-0\n" in oldest["R11"]
    assert newest["R31"] == oldest["R31"]
    assert first == given.configurations


def test_a_copy_in_which_routes_are_asked_about_has_few_routers_of_many_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lab of 200 was copied as a whole, however long that took."""
    built: list[list[str]] = []
    scenario = drawn(replace(PLAIN, spokes=60))
    facts = Simulator.of(scenario, 1).facts(scenario)

    class Copy:
        def __init__(self, scenario: Scenario) -> None:
            built.append(list(scenario.configurations))
            self.simulator = SimpleNamespace(routers=scenario.configurations)

        def why(self, gap: Gap) -> Barrier | None:
            return None

    monkeypatch.setattr(copied, "brought_up", Copy)
    monkeypatch.setattr(prompts.Prompts, "scenario", lambda _: scenario)
    monkeypatch.setattr(prompts.Prompts, "facts", lambda _: facts)
    bench = prompts.Prompts(LabFolder(tmp_path))
    nobody = ip_address("0.0.0.0")

    def ask(sender: str, receiver: str) -> None:
        ends = [RouteEnd(name, "", nobody) for name in (sender, receiver)]
        assert bench.why(Gap(Prefix.parse("10.20.13.0/24"), *ends)) is None

    ask("S9", "HUB1")
    ask("HUB1", "S9")
    assert len(built) == 1
    assert {"S9", "HUB1", "S3"} <= {*built[0]}
    assert len(built[0]) < 10
    monkeypatch.setattr(prompts, "LONGEST", 0.0)
    ask("S7", "HUB1")
    assert len(built) == 1


class SlowLab:
    """A simulated lab whose OSPF waits for 42 s of its own time, on a machine that is at a halt."""

    def __init__(self) -> None:
        self.age = 0.0
        self.silent = 2  # times

    def clock(self, _: LabFolder, seconds: float, *, within: float) -> float:
        if self.silent:
            self.silent -= 1
            raise control.SilentError("the lab does not answer: timed out")
        self.age += min(seconds, within)
        return self.age

    def missing(self, _: LabFolder) -> tuple[str, ...]:
        return () if self.age >= 42.0 else (f"a neighbor after {self.age:g} s",)


@pytest.mark.parametrize(("longest", "ready"), [(61.0, True), (30.0, False)])
def test_a_simulated_lab_is_waited_for_in_its_own_time(
    longest: float, ready: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took 42 s of the machine's time, and a lab of two hundred was given up while it made progress."""
    lab, folder = SlowLab(), LabFolder(tmp_path)
    folder.control.touch()
    monkeypatch.setattr(orders, "clock", lab.clock)
    monkeypatch.setattr(orders, "missing", lab.missing)
    monkeypatch.setattr(bringing_up, "patience", lambda scenario: longest)
    never, _ = os.pipe()
    exercise = Scenario.load("exercise-01")
    steps = [*bringing_up.wait(exercise, folder, never, simulated=True)]
    assert ["it does not answer yet"] in steps
    assert len(steps) < 60
    assert (steps[-1] == []) == ready
    assert (lab.age >= 42.0) == ready


@pytest.fixture
def sockets() -> Iterator[Path]:
    """Return a folder for sockets."""
    with short_folder() as folder:
        yield folder


def test_the_end_of_a_class_revokes_every_token_first_and_goes_on_behind_a_lab_that_does_not_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sockets: Path
) -> None:
    """A lab that did not answer stopped it before that student's token was revoked."""
    for variable in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(sockets))
    tokens = token_file()
    for student in ("anna", "ben"):
        tokens.create(student, Role.CONFIGURE, 7, f"{student}-*")
    ended: list[str] = []

    def end(folder: LabFolder) -> None:
        assert tokens.tokens() == ()
        ended.append(folder.name)
        if folder.name == "anna-deaf":
            raise UserError("lab anna-deaf does not end")

    monkeypatch.setattr(orders, "end", end)
    with contextlib.ExitStack() as held:
        for name in ("anna-deaf", "ben-one", "carla-one"):
            LabFolder.of(name).path.mkdir()
            held.enter_context(control.listen(LabFolder.of(name).control))
        assert main(["class", "end"]) == 1
        assert ended == ["anna-deaf", "ben-one"]
        assert "anna-deaf does not end" in capsys.readouterr().err
        assert main(["class", "end", "anna", "carla"]) == 1, "her lab is found without her token"
        assert ended[2:] == ["anna-deaf", "carla-one"]
        assert main(["class", "end", "dora"]) == 1
        assert "no student dora" in capsys.readouterr().err


def test_a_lab_that_hangs_does_not_hold_up_the_list_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them held up who asked for the scenarios for half a minute."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(catalog, "PATIENCE", 0.01)
    lab = LabFolder.of("hung")
    lab.make(["R1"])
    with socket.socket(socket.AF_UNIX) as supervisor:
        supervisor.bind(str(lab.control))
        supervisor.listen()
        began = time.monotonic()
        assert catalog.running_scenarios() == {"hung": "hung"}
        assert time.monotonic() - began < control.PATIENCE / 2


# Labs as files of containerlab, CML and GNS3: written, judged by the rules of their schemas, and read back.
#
# The rules are a part of containerlab's `schemas/clab.schema.json` (BSD 3-Clause) and of what GNS3's
# `schemas/topology.py` asks for; the whole schemas were satisfied when this was written.

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
