"""`dmvpn diff --each`: one network, many candidates, a table of verdicts."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.shells.scenario import BUILT_IN, Scenario
from dmvpn.tools.diff.each import CandidateTask, candidate_task, try_candidate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NETWORK = "intro-phase3"


@pytest.fixture
def candidates(tmp_path: Path) -> Path:
    """A folder with a candidate that changes nothing, one that cuts a spoke off, and one with a line that is wrong."""
    folder = tmp_path / "candidates"
    for name in ("1-same", "2-cut", "3-typo"):
        shutil.copytree(BUILT_IN / NETWORK, folder / name)
    _change(folder / "2-cut", lambda text: re.sub(r"(?m)^ tunnel source .*$", " shutdown", text))
    _change(folder / "3-typo", lambda text: text + "intreface Tunnel9\n")
    return folder


def _change(folder: Path, change: Callable[[str], str]) -> None:
    """Change the configuration of the last router with a tunnel."""
    path = [path for path in sorted(folder.glob("*.cfg")) if "interface Tunnel" in path.read_text()][-1]
    before = path.read_text()
    assert change(before) != before
    path.write_text(change(before))


@pytest.mark.lengthy
def test_each_candidate_gets_its_row_and_one_that_cannot_be_read_does_not_end_the_rest(
    candidates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["diff", "--before", NETWORK, "--each", str(candidates), "--order", "none"]
    assert main([*words, "--jobs", "2"]) == 2
    head, same, cut, typo = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["candidate", "verdict"]
    assert same.split()[:5] == ["1-same", "ok", "0", "0", "0"]
    assert cut.split()[:2] == ["2-cut", "worse"]
    assert "reachability: " in cut
    assert typo.startswith("3-typo     not tried")
    assert "intreface" in typo
    shutil.rmtree(candidates / "3-typo")
    assert main([*words, "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [(row["name"], row["verdict"]) for row in rows] == [("1-same", "ok"), ("2-cut", "worse")]


def test_a_folder_without_candidates_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "--before", NETWORK, "--each", str(tmp_path)]) == 2
    assert "no folder in it" in capsys.readouterr().err


def test_workers_without_candidates_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "--before", NETWORK, "--after", NETWORK, "--jobs", "2"]) == 2
    assert "go with --each" in capsys.readouterr().err


def test_a_worker_with_another_version_reads_no_network() -> None:
    network = Scenario.load(NETWORK)
    task = candidate_task("x", network, network, seed=1, order=None, max_outage=None)
    with pytest.raises(UserError, match=r"dmvpn 1\+other, and the worker has dmvpn"):
        try_candidate(CandidateTask(name=task.name, version="1+other", octets=b"no pickle"))
