"""The runner of the benchmarks: it says what was measured and how well, and no benchmark can hold it up."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

import pytest

from bench import __main__ as runner
from bench import machine
from bench.figures import Figure, Skipped, number, table
from support.conformance import ROOT

if TYPE_CHECKING:
    from pathlib import Path

REFERENCE: Final = ROOT / "docs" / "reference"


def run(monkeypatch: pytest.MonkeyPatch, labs: Path, measure: runner.Measure, limit: float = 20.0) -> runner.Outcome:
    """Run one benchmark; its folder for labs is empty."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(labs))
    return runner.run_one(runner.Bench("one", "One thing", limit, measure), quick=False)


def test_a_goal_is_for_the_median_and_a_ratio_for_the_medians_of_one_run() -> None:
    slow = Figure(name="start", unit="s", values=(0.1, 0.3, 9.0), goal=0.4, baseline=(0.1, 0.1), against="Python")
    assert (slow.median, slow.verdict) == (0.3, "met")
    assert slow.ratio == pytest.approx(3.0)
    assert Figure(name="pairs", unit="", values=(499.0,), goal=500, more=True).verdict == "missed"
    assert Figure(name="free", unit="", values=(1.0,)).verdict == ""
    assert table([slow])[-1] == "| start | 0.30 s | 0.10 to 9 | 3 | ≤ 0.40: met | 3.00 x Python |"


def test_below_its_floor_a_figure_fails_the_run() -> None:
    bench = runner.BENCHES[0]
    low, enough = (Figure(name="rate", unit="/s", values=(v,), goal=10, floor=3, more=True) for v in (2.9, 3.0))
    assert (low.verdict, enough.verdict) == ("below the floor", "missed")
    late = Figure(name="path", unit="ms", values=(51.0,), goal=12, floor=50)
    assert late.verdict == "below the floor"
    assert runner.Outcome(bench, [enough, low], 1.0, 0.0).is_bad
    assert not runner.Outcome(bench, [enough], 1.0, 0.0).is_bad


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.0351, "0.035"), (3.716, "3.72"), (12.34, "12.3"), (350_296.2, "350,296")]
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.lengthy
def test_the_benchmarks_begin_without_the_engine() -> None:
    """In a clone on a machine without cargo `make bench` ended before its first benchmark."""
    program = "import sys; sys.modules['dmvpn_engine'] = None; import bench.__main__"
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "tests")})


@pytest.mark.lengthy
def test_figures_come_back_from_the_benchmarks_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    figure = Figure(name="a", unit="s", values=(1.5, 2.5), goal=3.0, baseline=(1.0,), against="b")
    outcome = run(monkeypatch, tmp_path, lambda *, quick: [figure])
    assert (outcome.figures, outcome.problem) == ([figure], "")


@pytest.mark.lengthy
def test_what_cannot_run_here_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def measure(*, quick: bool) -> list[Figure]:
        raise Skipped("no /dev/net/tun")

    outcome = run(monkeypatch, tmp_path, measure)
    assert outcome.skipped
    assert "Not measured: no /dev/net/tun." in outcome.markdown()


@pytest.mark.lengthy
def test_a_benchmark_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def measure(*, quick: bool) -> list[Figure]:
        time.sleep(60)
        return []

    outcome = run(monkeypatch, tmp_path, measure, limit=0.4)
    assert (outcome.problem, outcome.skipped) == ("it took longer than 0 s", False)


def outcome_of(bench: runner.Bench, value: float) -> runner.Outcome:
    return runner.Outcome(bench, [Figure(name=bench.name, unit="s", values=(value,))], 1.0, 0.5)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{runner.BEGIN}\nlast time\n{runner.END}\nafter\n")
    return page


def test_a_page_keeps_what_is_around_the_figures(page: Path) -> None:
    runner.write_page(page, machine.describe(), [outcome_of(runner.BENCHES[0], 1.5)])
    text = page.read_text()
    assert text.startswith(f"before\n{runner.BEGIN}\n")
    assert text.endswith(f"{runner.END}\nafter\n")
    assert f"| {runner.BENCHES[0].name} | 1.50 s |" in text
    assert "last time" not in text


@pytest.mark.parametrize("words", [["--only", "micro"], ["--quick"]])
def test_a_part_of_a_run_writes_neither_page_nor_file(
    words: list[str], page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page had figures of eighteen commits, and of the oldest the best."""
    for option in (["--page", str(page)], ["--out", str(tmp_path / "figures.json")]):
        with pytest.raises(SystemExit):
            runner.main([*words, *option])
        assert "are of a whole run" in capsys.readouterr().err
    assert "last time" in page.read_text()
    assert not (tmp_path / "figures.json").exists()


def test_the_page_of_figures_is_one_run_of_one_commit() -> None:
    page = (REFERENCE / "performance.md").read_text()
    report = json.loads((REFERENCE / "performance.json").read_text())
    assert list(report["benchmarks"]) == [bench.name for bench in runner.BENCHES]
    stamps = re.findall(r"dmvpn \d[\w.]* \(\w+\)", page.partition(runner.BEGIN)[2])
    assert stamps == [f"dmvpn {report['machine']['dmvpn']}"]
    assert f"{machine.sentence(report['machine'])}." in page
    titles = re.findall(r"^### (.+)$", page.partition(runner.BEGIN)[2].partition(runner.END)[0], re.MULTILINE)
    assert titles == [bench.title for bench in runner.BENCHES]
