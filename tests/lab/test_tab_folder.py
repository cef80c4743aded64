"""The folder that `make tab` builds, in Node: networks live there as they do here."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator

#: The folder's parts may have to be fetched.
pytestmark = pytest.mark.timeout(400)

ROOT = Path(__file__).parents[2]
EPOCH = 1_790_000_000.0


def make_tab(folder: Path, *wheels: Path, parts: Path | None = None) -> subprocess.CompletedProcess[str]:
    words = ["node", "scripts/make-tab.mjs", str(folder), *map(str, wheels)]
    environment = {**os.environ, **({} if parts is None else {"TAB_PARTS": str(parts)})}
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node or npm is missing. Run: apt-get install nodejs npm")
    folder = tmp_path_factory.mktemp("tab") / "tab"
    made = make_tab(folder)
    if "cannot be fetched" in made.stderr:
        pytest.skip(made.stderr)
    assert made.returncode == 0, made.stderr
    index = (folder / "index.html").read_text()
    (found,) = [path for path in folder.iterdir() if path.is_dir()]
    assert f"{found.name}/page/tab.js" in index
    assert "BUILD/" not in index
    return found


def in_node(build: Path, lab: str, *requests: dict[str, Any]) -> dict[str, Any]:
    asked = {
        "boot": {"lab": lab, "seed": 7, "epoch": EPOCH},
        "requests": [{**request, "path": f"/api/v1/labs/{lab}{request['path']}"} for request in requests],
    }
    words = ["node", str(ROOT / "tests/support/tab_worker.mjs"), str(build), json.dumps(asked)]
    answered = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300)
    found = json.loads(answered.stdout)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("lab", ["notes-phase3", "ospf-phase3", "dual-hub"])
def test_a_network_lives_there_as_here(build: Path, lab: str) -> None:
    found = in_node(build, lab, {"path": "/stage"})
    assert found["boots"][-1]["ready"], found["boots"]
    assert found["answers"][0]["status"] == 200
    scenario = Scenario.load(lab)
    world = Simulator.of(scenario, seed=7, epoch=EPOCH, remembers=True)
    world.run_until(found["boots"][-1]["lived"])
    assert world.digest == found["boots"][-1]["digest"]


def test_a_lab_and_a_doctor_need_less_than_150_mb(build: Path) -> None:
    """To read a file of a few lines took room for 64 MiB, and memory of WebAssembly never shrinks."""
    doctor = {"method": "POST", "path": "/doctor", "body": {}, "job": True}
    broken = {"method": "POST", "path": "/break", "body": {"seed": 3}, "job": True}
    found = in_node(build, "notes-phase3", doctor, broken, doctor)
    assert [json.loads(answer["text"])["healthy"] for answer in found["answers"]] == [True, None, False]
    assert found["memory"] < 150


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cryptography-50.0.2-cp311-abi3-linux.whl", "is no wheel of Pyodide"),
        ("cryptography-47.0.0-cp314-abi3-pyemscripten_2026_0_wasm32.whl", "is not the wheel that Pyodide"),
    ],
)
def test_a_foreign_wheel_is_not_packed(build: Path, tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_bytes(b"PK")
    made = make_tab(tmp_path / "tab", tmp_path / name)
    assert (made.returncode, said in made.stderr) == (1, True), made.stderr
    assert not (tmp_path / "tab").exists()


def test_a_scenario_that_needs_cryptography_is_listed_with_its_reason(build: Path) -> None:
    listed = json.loads((build / "scenarios.json").read_text())
    reasons = {one["name"]: one["reason"] for one in listed["scenarios"]}
    assert reasons["notes-phase3"] == ""
    assert "needs cryptography" in reasons["intro-phase3"]
    assert next(one["name"] for one in listed["exercises"] if not one["reason"]) == "exercise-01"


#: What stands in for the wheels of Pyodide, which no registry has: the package says that it was imported.
STAND_IN = 'raise RuntimeError("the stand-in of {} was imported")\n'


@pytest.fixture
def stand_ins(build: Path, tmp_path: Path) -> tuple[Path, dict[str, Path]]:
    """The parts of a tab whose Pyodide has these wheels, and the wheels."""
    parts, pyodide = tmp_path / "parts", "pyodide-314.0.7"
    shutil.copytree(ROOT / "build" / "tab-parts" / pyodide, parts / pyodide)
    (parts / "wheels").symlink_to(ROOT / "build" / "tab-parts" / "wheels")
    lock = parts / pyodide / "package" / "pyodide-lock.json"
    known = json.loads(lock.read_text())
    found = {}
    for name in ("cryptography", "cffi", "pycparser", "six"):
        entry = known["packages"][name]
        found[name] = tmp_path / entry["file_name"]
        with zipfile.ZipFile(found[name], "w") as wheel:
            wheel.writestr(f"{name}/__init__.py", STAND_IN.format(name))
            wheel.writestr(f"{name}/_rust.abi3.so", os.urandom(1_000_000))  # what is compiled is large
        entry["sha256"] = hashlib.sha256(found[name].read_bytes()).hexdigest()
    lock.write_text(json.dumps(known))
    return parts, found


def test_wheels_of_its_pyodide_are_packed_and_protected_scenarios_can_be_chosen(
    stand_ins: tuple[Path, dict[str, Path]], tmp_path: Path
) -> None:
    parts, wheels = stand_ins
    incomplete = make_tab(tmp_path / "tab", wheels["cryptography"], wheels["six"], wheels["pycparser"], parts=parts)
    assert "these wheels also need cffi-" in incomplete.stderr
    made = make_tab(tmp_path / "tab", *wheels.values(), parts=parts)
    assert made.returncode == 0, made.stderr
    (built,) = [path for path in (tmp_path / "tab").iterdir() if path.is_dir()]
    listed = json.loads((built / "scenarios.json").read_text())
    assert {one["reason"] for one in [*listed["scenarios"], *listed["exercises"]]} == {""}
    assert any(one["protected"] for one in listed["scenarios"])
    assert "the stand-in of cryptography was imported" in in_node(built, "intro-phase3")["boots"][-1]["error"]
    assert in_node(built, "notes-phase3")["boots"][-1]["ready"]
