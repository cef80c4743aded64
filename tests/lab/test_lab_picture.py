"""`dmvpn lab picture`: of a lab that runs, a scenario, a folder, a recording; and what it refuses."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from dmvpn.shells.exercises import BUILT_IN
from support.labs import Labs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def labs() -> Iterator[Labs]:
    with Labs() as labs:
        yield labs


def test_a_lab_its_recording_and_its_scenario_have_pictures(labs: Labs, tmp_path: Path) -> None:
    recording = tmp_path / "life.rec"
    labs.up("notes-phase3", "--simulated", "--record", recording)
    labs.say("lab", "exec", "H3", "ping", "-c", "3", "10.4.4.100")
    for name, ending, direct in (
        ("live", "svg", "direct tunnel"),
        ("live", "dot", "direct, "),
        ("live", "mermaid", "direct, "),
    ):
        said = json.loads(labs.say("lab", "picture", "--json", "--output", tmp_path / f"{name}.{ending}"))
        assert said["summary"] == "3 routers, 1 provider, 3 hosts, 2 tunnels, 1 direct tunnel"
        assert direct in (tmp_path / f"{name}.{ending}").read_text()
    labs.say("lab", "down", "notes-phase3")
    assert "as it runs" in (tmp_path / "live.svg").read_text()
    drawn = labs.say("lab", "picture", recording, "--output", "-")
    assert "R31 to R41: direct tunnel" in drawn
    assert "R31 to R11: tunnel, up" in drawn
    drawn = labs.say("lab", "picture", "notes-phase3", "--output", "-")
    assert "scenario notes-phase3" in drawn
    assert "direct tunnel" not in drawn
    assert "R31 to R11: tunnel, configured" in drawn


def test_a_folder_of_configurations_has_a_picture_with_inferred_wires(labs: Labs, tmp_path: Path) -> None:
    for router in ("R11", "R31", "R41"):
        shutil.copy(BUILT_IN / "notes-phase3" / f"{router}.cfg", tmp_path)
    drawn = labs.say("lab", "picture", tmp_path, "--output", "-")
    assert "192.168.100.31/24" in drawn
    assert "R31 to R11: tunnel, configured" in drawn


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("notes-phase3", "--output", "picture.png"), "ends with .svg, .dot, .mermaid"),
        (("notes-phase3", "--json", "--output", "-"), "cannot both be on standard output"),
        (("no-such-thing", "--output", "-"), "no scenario 'no-such-thing'"),
        (("notes-phase3", "--output", "/no/such/folder/x.svg"), "No such file or directory"),
        (("--output", "x.svg"), "no lab is up"),
    ],
)
def test_a_picture_that_cannot_be_drawn_is_one_line(labs: Labs, words: tuple[str, ...], complaint: str) -> None:
    answer = labs.run("lab", "picture", *words)
    assert answer.returncode == 1
    assert complaint in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_a_broken_recording_is_refused(labs: Labs, tmp_path: Path) -> None:
    (tmp_path / "x.rec").write_text('{"no": "recording"}\n')
    answer = labs.run("lab", "picture", tmp_path / "x.rec", "--output", "-")
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
