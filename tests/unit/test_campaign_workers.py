"""A campaign whose processes are killed, by hand or for lack of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.app import campaign
from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.judge.work import Result, Task, version
from dmvpn.tools.pool.contract import Lost
from dmvpn.tools.pool.local import LocalPool
from support.dying_runs import FOLDER, refused, run_text

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def deaths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose files kill processes."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setattr(campaign, "run_text", run_text)
    return tmp_path


def _tasks(seeds: range = range(1, 7)) -> list[Task]:
    return [Task(network="notes-phase3", seed=seed, hours=0.1, version=version()) for seed in seeds]


@pytest.mark.lengthy
def test_a_killed_process_costs_its_own_run_alone_and_that_is_tried_once_more(deaths: Path) -> None:
    """One process that was killed ended the campaign with a traceback, and all results were gone."""
    (deaths / "once-2").touch()
    (deaths / "always-5").touch()
    with LocalPool(2) as pool:
        came = list(pool.submit(run_text, [task.to_json() for task in _tasks()]))
    lost = [(Task.from_json(one.task).seed, one.is_tried_again) for one in came if isinstance(one, Lost)]
    assert sorted(lost) == [(2, True), (5, False), (5, True)]
    assert sorted(Result.from_json(one).task.seed for one in came if isinstance(one, str)) == [1, 2, 3, 4, 6]


@pytest.mark.lengthy
def test_a_lost_run_is_named_with_its_seed_and_the_others_count(
    deaths: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (deaths / "always-5").touch()
    monkeypatch.setattr(campaign, "orders", lambda *_: [task.order for task in _tasks()])
    assert main(["simulate", "--campaign", "1", "--hours", "0.1", "--jobs", "2"]) == 1
    said = capsys.readouterr().out
    assert said.count("notes-phase3 seed 5 of 0.1 h: its process died") == 2
    assert "5 router-hours, 0 faults, 5 runs" in said
    assert said.rstrip().endswith("LOST: 1 of 6 runs (notes-phase3 --seed 5)")


@pytest.mark.lengthy
def test_an_error_of_a_task_is_raised_where_its_results_are_read() -> None:
    with LocalPool(1) as pool, pytest.raises(UserError, match="cannot do this"):
        list(pool.submit(refused, ["this"]))
