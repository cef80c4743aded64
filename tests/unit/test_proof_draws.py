"""The draws of the proofs of doctor and lint: lines of a file, misses, and the last line of the command."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.judge.campaigns import version
from dmvpn.labs.proofs.draws import FORM, Draw, Kind, Proof, Proven, digest, prove
from dmvpn.labs.proofs.linting import CLAIMED, Linted
from dmvpn.labs.proofs.networks import Harm
from dmvpn.labs.proofs.verdicts import DoctorVerdict

if TYPE_CHECKING:
    from pathlib import Path

FAULT = Draw(proven=Proven.DOCTOR, seed=7, kind=Kind.FAULT, version=version())
WELL = Draw(proven=Proven.DOCTOR, seed=7, kind=Kind.WELL, version=version())
NAMED = DoctorVerdict(
    name="doctor/7",
    network="a cloud",
    what="psk@S1,S2,HUB1",
    harm=Harm.NOW,
    mechanism="psk",
    traits=("phase 3", "IPsec"),
    bad=("S1 to S2 reachability",),
    rank=1,
    found=("pre-shared key, S1: another key",),
    left=(),
)
QUIET = DoctorVerdict(name="doctor/well/7", network="a cloud", what="restarted", harm=Harm.NONE)
GOOD = [Proof(draw=FAULT, judged=NAMED), Proof(draw=WELL, judged=QUIET)]
LEAK = Proof(draw=FAULT, judged=None, failure="in clear: S1")
FOUND = Linted(
    name="lint/7",
    network="a cloud",
    what="psk@S1,S2,HUB1",
    harm=Harm.NOW,
    mechanism="psk",
    bad=("S1 to S2 reachability",),
    found=("error ike-psk-differs, S1: another key",),
    named=True,
)
CLEAN = Linted(name="lint/well/7", network="a cloud", what="descriptions", harm=Harm.NONE)
LINT = [
    Proof(draw=replace(FAULT, proven=Proven.LINT), judged=FOUND),
    Proof(draw=replace(WELL, proven=Proven.LINT), judged=CLEAN),
]
LINT_BAD = {
    "a fault that a rule is about, without a finding": replace(FOUND, found=(), named=False),
    "a fault that a rule is about, found at another router": replace(FOUND, named=False),
    "an error in lines that harm nobody": replace(FOUND, harm=Harm.NONE, accused=True),
    "an error in a well network": replace(CLEAN, found=("error x, S1: y",), accused=True),
}
BAD = {
    "not named first": replace(NAMED, rank=2),
    "a wrong cause as certain": replace(NAMED, rank=0, wrong="the moon"),
    "lines that work in a copy and not in the network": replace(NAMED, left=("S1 to S2 reachability",)),
    "a fault that harms nobody is accused": replace(NAMED, harm=Harm.NONE, accused=True),
}


@pytest.mark.parametrize(
    "proof",
    [
        *GOOD,
        *LINT,
        Proof(draw=FAULT, judged=None, failure="in clear: S1"),
        Proof(draw=FAULT, judged=BAD["not named first"]),
    ],
)
def test_a_line_gives_back_the_result(proof: Proof) -> None:
    line = proof.to_json()
    assert line.encode().startswith(FORM.begin)
    assert Proof.from_json(line) == proof
    assert Proof.from_json(line).to_json() == line


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{}",
        "[]",
        '{"task": {"proof": "doctor", "seed": 7, "kind": "odd"}}',
        LINT[0].to_json().replace('"lint"', '"moon"'),
        LINT[0].to_json().replace('"lint"', '"doctor"'),
        LINT[0].to_json().replace("a cloud", "a cloud \\ud800"),
        LINT[0].to_json().replace('"lint/7"', '"lint/8"'),
        LINT[0].to_json().replace('"judged": {', '"judged": null, "foreign": {'),
        GOOD[0].to_json().replace('"judged": {', '"foreign": {'),
        LEAK.to_json().replace("in clear: S1", ""),
    ],
)
def test_a_foreign_line_is_refused(line: str) -> None:
    with pytest.raises(UserError, match="not a result of a proof"):
        Proof.from_json(line)


@pytest.mark.parametrize("what", BAD)
def test_what_the_doctor_gets_wrong_is_a_miss(what: str) -> None:
    assert Proof(draw=FAULT, judged=BAD[what]).failed


@pytest.mark.parametrize("what", LINT_BAD)
def test_what_lint_gets_wrong_is_a_miss(what: str) -> None:
    assert Proof(draw=LINT[0].draw, judged=LINT_BAD[what]).failed


def test_a_fault_that_no_rule_is_about_may_stay_unseen() -> None:
    unseen = replace(FOUND, mechanism="line-gone", found=(), named=False)
    assert unseen.mechanism not in CLAIMED
    assert not Proof(draw=LINT[0].draw, judged=unseen).failed


def test_a_leak_is_a_miss_and_a_good_verdict_is_none() -> None:
    assert LEAK.failed
    assert not any(proof.failed for proof in (*GOOD, *LINT))


def test_the_hash_does_not_depend_on_the_order_in_which_results_come() -> None:
    assert digest(GOOD) == digest(GOOD[::-1])
    assert digest(GOOD) != digest([replace(GOOD[0], judged=BAD["not named first"]), GOOD[1]])


def test_a_worker_with_another_version_refuses() -> None:
    with pytest.raises(UserError, match="install the same on both"):
        prove(replace(FAULT, version="1+other"))


def _file(path: Path, *proofs: Proof) -> str:
    path.write_text("".join(f"{proof.to_json()}\n" for proof in proofs))
    return str(path)


def _run(*words: str, prove: str = "doctor") -> int:
    return main(["simulate", "--campaign", "1", "--prove", prove, "--seed", "7", *words])


def test_results_of_a_file_are_tables_and_a_verdict_in_the_last_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("--results", _file(tmp_path / "r", *GOOD)) == 0
    said = capsys.readouterr().out
    assert f"hash of all draws: {digest(GOOD)}" in said
    assert "cause named first               1 of 1" in said
    assert said.splitlines()[-1].endswith(": ok")


def test_results_of_lint_are_tables_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--results", _file(tmp_path / "r", *LINT), prove="lint") == 0
    said = capsys.readouterr().out
    assert "found at its router             1 of 1" in said
    assert "mechanism  harm now  found  at its router" in said
    assert said.splitlines()[-1].startswith("proof of lint: 2 draws")
    assert said.splitlines()[-1].endswith(": ok")


def test_results_of_the_doctor_are_refused_by_the_proof_of_lint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("--results", _file(tmp_path / "r", *GOOD), prove="lint") == 1
    assert "r:1: draw doctor/7 is not of this proof and these seeds: use another file" in capsys.readouterr().err


def test_a_miss_is_printed_with_the_command_that_shows_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missed = replace(GOOD[0], judged=BAD["a wrong cause as certain"])
    assert _run("--results", _file(tmp_path / "r", missed, GOOD[1])) == 1
    said = capsys.readouterr().out
    assert "psk@S1,S2,HUB1: not named WRONG" in said
    assert "to see it again: dmvpn simulate --campaign 1 --prove doctor --seed 7" in said
    assert said.splitlines()[-1].endswith("MISSED: 1 of 2 draws (doctor/7)")


def test_results_of_other_seeds_are_refused_and_the_file_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r"
    other = Proof(draw=replace(FAULT, seed=8), judged=replace(NAMED, name="doctor/8"))
    _file(path, *GOOD, other)
    before = path.read_bytes()
    assert _run("--results", str(path)) == 1
    assert f"{path}:3: draw doctor/8 is not of this proof and these seeds: use another file" in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--campaign", "1.5"), "N is a whole number"),
        (("--campaign", "0"), "N is a whole number"),
        (("--hours", "2"), "leave --hours out"),
        (("notes-phase3",), "leave the scenario out"),
        (("--results", "/"), "/: Is a directory"),
        (("--results", "/nowhere/r"), "/nowhere/r: No such file or directory"),
        (("--on", "tcp://10.0.0.1:8786"), "Dask authenticates no caller"),
    ],
)
def test_a_wrong_order_is_refused_at_once(
    words: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(*words) == 1
    said = capsys.readouterr()
    assert problem in said.err
    assert said.out == ""


def test_a_proof_without_a_campaign_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "notes-phase3", "--prove", "doctor"]) == 1
    assert "--prove go with --campaign" in capsys.readouterr().err
