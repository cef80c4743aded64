"""A campaign whose processes are killed, by hand or for lack of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.app import judge
from dmvpn.app.main import main
from dmvpn.judge import campaigns
from dmvpn.judge.campaigns import Lost, Order, OrderOutcome, campaign
from support.dying_runs import carried_out

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "carry_out", carried_out)


def _orders(deaths: dict[int, Path]) -> list[Order]:
    for path in deaths.values():
        path.touch()
    return [Order(scenario="notes-phase3", seed=n, seconds=1.0, why=str(deaths.get(n, ""))) for n in range(1, 7)]


@pytest.mark.lengthy
def test_a_killed_process_costs_its_own_run_alone_and_that_is_tried_once_more(tmp_path: Path) -> None:
    """One process that was killed ended the campaign with a traceback, and all results were gone."""
    chosen = _orders({2: tmp_path / "once", 5: tmp_path / "always"})
    came = list(campaign(chosen, 2))
    lost = [(one.order.seed, one.is_tried_again) for one in came if isinstance(one, Lost)]
    assert sorted(lost) == [(2, True), (5, False), (5, True)]
    assert sorted(one.order.seed for one in came if isinstance(one, OrderOutcome)) == [1, 2, 3, 4, 6]


@pytest.mark.lengthy
def test_a_lost_run_is_named_with_its_seed_and_the_others_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = _orders({5: tmp_path / "always"})
    monkeypatch.setattr(judge, "orders", lambda *_: chosen)
    assert main(["simulate", "--campaign", "1", "--jobs", "2"]) == 1
    said = capsys.readouterr().out
    assert said.count("notes-phase3 seed 5: the process of this run died") == 2
    assert "5 router-hours, 0 faults, 5 runs" in said
    assert said.rstrip().endswith("LOST: 1 of 6 runs (notes-phase3 --seed 5)")
