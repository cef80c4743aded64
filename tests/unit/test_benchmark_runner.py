"""The runner of the benchmarks: it says what was measured and how well, and no benchmark can hold it up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from bench import __main__ as runner
from bench import machine
from bench.figures import Figure, Skipped, number, table
from support.conformance import ROOT

if TYPE_CHECKING:
    from pathlib import Path


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
    assert "Not measured: no /dev/net/tun." in outcome.markdown(machine.describe())


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
    runner.write_page(page, machine.describe(), [outcome_of(runner.BENCHES[0], 1.5)], keep=False)
    text = page.read_text()
    assert text.startswith(f"before\n{runner.BEGIN}\n")
    assert text.endswith(f"{runner.END}\nafter\n")
    assert f"| {runner.BENCHES[0].name} | 1.50 s |" in text
    assert "last time" not in text


def test_what_is_measured_again_takes_its_place_beside_what_is_kept(page: Path) -> None:
    here, (first, second, *_) = machine.describe(), runner.BENCHES
    runner.write_page(page, here, [outcome_of(first, 1.5), outcome_of(second, 2.5)], keep=False)
    runner.write_page(page, here, [outcome_of(first, 3.5)], keep=True)
    text = page.read_text()
    assert "1.50 s" not in text
    assert text.index("3.50 s") < text.index("2.50 s")
    assert text.count(f"### {first.title}") == text.count(runner.END) == 1
    assert "\n\n\n" not in text
    runner.write_page(page, here, [outcome_of(second, 4.5)], keep=False)
    assert "3.50 s" not in page.read_text()
