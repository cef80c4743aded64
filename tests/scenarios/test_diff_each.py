"""`dmvpn diff --each`: one network, many candidates, a table of verdicts."""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from dmvpn.app import diff_each
from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.shells.scenario import BUILT_IN, Scenario
from dmvpn.tools.diff.each import FORM, CandidateResult, CandidateRow, CandidateTask, candidate_task, try_candidate
from dmvpn.tools.pool.local import LocalPool
from dmvpn.tools.pool.results import ResultFile

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
        try_candidate(CandidateTask(name=task.name, inputs=task.inputs, version="1+other", octets=b"no pickle"))


# ------------------------------------------------------------------------------------------------ a file of results

TASKS = [CandidateTask(name=f"c{number}", inputs=f"{number}" * 16, version="1+a") for number in range(1, 4)]
RESULTS = [
    CandidateResult(TASKS[0], CandidateRow(name="c1", worse=1, outage=2.5, why="reachability: A to B: gone")),
    CandidateResult(TASKS[1], CandidateRow(name="c2", untried=True, why="cannot be")),
    CandidateResult(TASKS[2], CandidateRow(name="c3")),
]


def test_a_file_gives_back_the_rows_that_were_added(tmp_path: Path) -> None:
    with ResultFile(tmp_path / "rows", FORM) as file:
        assert list(file.read(TASKS)) == []
        for result in RESULTS:
            file.add(result)
    with ResultFile(tmp_path / "rows", FORM) as file:
        assert list(file.read(TASKS)) == RESULTS


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("hello", r"rows:2: not a result of diff --each"),
        ('{"task": {"network": "x"}}', r"rows:2: not a result of diff --each: a row: not an object"),
        (RESULTS[1].to_json().replace('"worse": 0', '"worse": true'), r"rows:2: .*worse: True is not int"),
        (RESULTS[1].to_json().replace("2222", "3333"), r"rows:2: candidate c2 .*was another one: use another file"),
        (RESULTS[1].to_json().replace('"c2"', '"c9"'), r"rows:2: candidate c9 is not here"),
        (RESULTS[1].to_json().replace("1+a", "2+b"), r"rows:2: .*of dmvpn 2\+b, and this program is 1\+a"),
        (RESULTS[0].to_json(), r"rows:2: candidate c1 is in line 1, too"),
    ],
)
def test_a_foreign_row_is_an_error_of_its_line_and_the_file_stays(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "rows"
    path.write_text(f"{RESULTS[0].to_json()}\n{line}\n")
    before = path.read_bytes()
    with ResultFile(path, FORM) as file, pytest.raises(UserError, match=problem):
        list(file.read(TASKS))
    assert path.read_bytes() == before


def test_a_fingerprint_is_of_contents_and_settings_and_not_of_places(tmp_path: Path) -> None:
    def inputs(folder: Path, *, seed: int = 1, order: str | None = "together", longest: float | None = None) -> str:
        before, after = Scenario.load(NETWORK), Scenario.load(str(folder))
        return candidate_task("x", before, after, seed=seed, order=order, max_outage=longest).inputs

    for name in ("one", "two", "other"):
        shutil.copytree(BUILT_IN / NETWORK, tmp_path / name)
    _change(tmp_path / "other", lambda text: text + "!\n")
    first = inputs(tmp_path / "one")
    assert inputs(tmp_path / "two") == first
    different = {
        inputs(tmp_path / "other"),
        inputs(tmp_path / "one", seed=2),
        inputs(tmp_path / "one", order=None),
        inputs(tmp_path / "one", longest=1.0),
    }
    assert len(different - {first}) == 4


def test_a_result_goes_back_without_the_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **_settings: object) -> None:
        raise UserError("cannot be compared")

    monkeypatch.setattr("dmvpn.tools.diff.each.compare_networks", refuse)
    network = Scenario.load(NETWORK)
    task = candidate_task("x", network, network, seed=1, order=None, max_outage=None)
    result = try_candidate(task)
    assert result == CandidateResult(task, CandidateRow(name="x", why="cannot be compared", untried=True))
    assert result.task.octets == b""


@pytest.mark.lengthy
def test_a_comparison_that_was_cut_off_goes_on_and_prints_the_same_table(
    candidates: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows"
    words = ["diff", "--before", NETWORK, "--each", str(candidates), "--order", "none", "--results", str(path)]
    assert main(words) == 2
    whole = capsys.readouterr().out
    lines = path.read_text().splitlines(keepends=True)
    assert [json.loads(line)["task"]["candidate"] for line in lines] == ["1-same", "2-cut"]
    path.write_text(lines[1] + lines[0][:40])
    assert main([*words, "--jobs", "2"]) == 2
    again = capsys.readouterr()
    assert again.out == whole
    assert f"{path} has 1 of these candidates" in again.err
    assert sorted(path.read_text().splitlines(keepends=True)) == sorted(lines)
    _change(candidates / "2-cut", lambda text: text + "!\n")
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{path}:1: candidate 2-cut " in said.err
    assert "use another file" in said.err


def test_a_file_of_results_without_candidates_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "--before", NETWORK, "--after", NETWORK, "--results", "x"]) == 2
    assert "go with --each" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------ odd folders


def test_a_folder_whose_name_is_no_utf8_has_a_row_that_can_be_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A terminal that takes nothing but UTF-8 got a traceback in place of the table."""
    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    words = ["diff", "--before", NETWORK, "--each", str(tmp_path), "--order", "none"]
    assert main(words) == 2
    said = capsys.readouterr().out
    assert said.encode()  # raises UnicodeEncodeError for octets that are no UTF-8
    assert "caf\\xe9    not tried" in said
    assert main([*words, "--json"]) == 2
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == ["caf\\xe9"]


def test_a_bad_file_of_results_is_refused_before_any_network_is_read(
    candidates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", "--before", "nowhere", "--each", str(candidates), "--results", "/"]) == 2
    assert "/: Is a directory; --results wants a file" in capsys.readouterr().err


def test_a_candidate_that_changes_while_the_command_runs_ends_it(
    candidates: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row belongs to the contents that were there at the beginning."""

    def opened_late(*_: object) -> LocalPool:
        _change(candidates / "1-same", lambda text: re.sub(r"(?m)^ tunnel source .*$", " shutdown", text))
        return LocalPool(1)

    monkeypatch.setattr(diff_each, "chosen_pool", lambda _: opened_late)
    assert main(["diff", "--before", NETWORK, "--each", str(candidates), "--order", "none"]) == 2
    assert "1-same: changed while this command ran" in capsys.readouterr().err
