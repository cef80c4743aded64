"""`dmvpn simulate --campaign N --prove doctor|lint`: the same seeds give the same lines on any number of processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.base.findings import LintFinding, Severity
from dmvpn.labs.proofs import linting
from dmvpn.labs.proofs.case import Harm
from dmvpn.labs.proofs.linting import lint_broken, lint_well
from dmvpn.labs.proofs.networks import FEW

if TYPE_CHECKING:
    from pathlib import Path

#: A seed whose networks are small.
SEED = 108
#: A draw of lint's proof, in a small network.
PASSIVE = "lint/10"
ERROR = LintFinding(rule="a", severity=Severity.ERROR, file="R11", line=1, router="R11", what="b", why="c")


def _prove(path: Path, seed: int, seeds: int, jobs: int, proven: str = "doctor") -> int:
    words = ["--seed", str(seed), "--jobs", str(jobs), "--results", str(path)]
    return main(["simulate", "--campaign", str(seeds), "--prove", proven, *words])


def _hash(said: str) -> str:
    return next(line for line in said.splitlines() if line.startswith("hash of all draws: "))


@pytest.mark.lengthy
def test_a_proof_that_was_cut_off_goes_on_and_comes_to_the_same_hash(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert _prove(whole, SEED, 1, jobs=1) == 0
    said = capsys.readouterr().out
    lines = whole.read_text().splitlines(keepends=True)
    assert len(lines) == 2
    cut.write_text(lines[1] + lines[0][: len(lines[0]) // 2])
    assert _prove(cut, SEED, 1, jobs=2) == 0
    again = capsys.readouterr().out
    assert f"{cut} has 1 of these draws" in again
    assert _hash(again) == _hash(said)
    assert sorted(cut.read_text().splitlines(keepends=True)) == sorted(lines)


@pytest.mark.lengthy
def test_lint_finds_a_passive_interface_and_is_wrong_if_it_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault of this draw is a spoke whose tunnel became passive."""
    seen = lint_broken(PASSIVE, FEW)
    assert seen.harm is Harm.NOW
    assert seen.found[0].startswith("error routing-one-sided, R41: Tunnel100 is a passive interface of EIGRP 100")
    assert not seen.missed
    monkeypatch.setattr(linting, "lint", lambda *_: [])
    assert lint_broken(PASSIVE, FEW).missed


@pytest.mark.lengthy
def test_a_tunnel_that_leads_into_itself_harms_when_the_other_hub_dies() -> None:
    """What is lost at the death of a hub is compared with the well network's loss, not with that of the broken one."""
    assert lint_broken("lint/226", FEW).harm is Harm.LATENT


@pytest.mark.lengthy
def test_a_well_network_that_lint_accuses_is_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not lint_well(PASSIVE, FEW).missed
    monkeypatch.setattr(linting, "lint", lambda *_: [ERROR])
    assert lint_well(PASSIVE, FEW).missed


@pytest.mark.slow
@pytest.mark.timeout(600)  # forty draws, of some seconds each
def test_the_same_seeds_give_the_same_lines_on_any_number_of_processes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    assert _prove(alone, 100, 10, jobs=1) == 0
    said = capsys.readouterr().out
    assert _prove(shared, 100, 10, jobs=3) == 0
    assert _hash(capsys.readouterr().out) == _hash(said)
    assert sorted(shared.read_text().splitlines()) == sorted(alone.read_text().splitlines())
