"""`make test`: its two halves run side by side, nothing fails unseen, and Ctrl-C ends both."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

import pytest

from bench import __main__ as runner
from bench import machine
from bench.figures import Figure, Skipped, goals, number, table
from support.cost import CostError, Measured, Terms, judge
from support.halves import PYTEST, ROOT, run, shares

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE = 60.0
#: Says where it is, and waits to be interrupted.
SLEEPS = """
import pathlib, sys, time
place = pathlib.Path(sys.argv[1])
place.write_text("begun")
try:
    time.sleep(600)
except KeyboardInterrupt:
    place.write_text("interrupted")
"""
RUNS = """
import json, signal, sys
from support import halves
signal.signal(signal.SIGTERM, halves._terminated)
halves.run(*([json.loads(command)] for command in sys.argv[1:]), [[sys.executable, "-c", ""]])
"""
#: Fails, and does not end before it is allowed to.
FAILS = """
import pathlib, time

def test_that_fails():
    raise AssertionError

def test_that_waits():
    while not pathlib.Path({end!r}).exists():
        time.sleep(0.01)
"""


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def prints(text: str, status: int = 0) -> list[str]:
    return python(f"import sys; print({text!r}, flush=True); sys.exit({status})")


def test_what_computes_is_printed_after_what_waits_even_if_it_ends_first(capfd: pytest.CaptureFixture[str]) -> None:
    late = python("import time; time.sleep(0.5); print('waited')")
    assert run([prints("computed")], [late, prints("waited too")], [])
    lines = [line for line in capfd.readouterr().out.splitlines() if not line.startswith("make test: ")]
    assert lines == ["waited", "waited too", "computed"]


@pytest.mark.parametrize(
    ("computing", "waiting", "alone", "is_well"),
    [(0, 0, 1, True), (1, 0, 0, False), (0, 1, 0, True), (0, 1, 1, False), (1, 1, 0, False)],
)
def test_a_failure_of_either_half_is_one_unless_the_second_try_alone_succeeds(
    computing: int, waiting: int, alone: int, is_well: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run([prints("", computing)], [prints(""), prints("", waiting)], [[], prints("once more", alone)]) is is_well
    assert ("once more" in capfd.readouterr().out.splitlines()) is bool(waiting)


@pytest.mark.parametrize("program", ["import sys; sys.exit(3)", "import os; os.kill(os.getpid(), 9)"])
def test_a_half_that_did_not_come_to_its_end_is_a_failure_whatever_failed_before(
    program: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The second try took what had failed in an earlier run; that succeeded, and so did `make test`."""
    assert not run([prints("")], [python(program)], [prints("once more")])
    assert not run([python(program)], [prints("")], [prints("once more")])
    said = capfd.readouterr().out
    assert "once more" not in said.splitlines()
    why = "status 3" if "exit" in program else "SIGKILL"
    assert [line for line in said.splitlines() if why in line] == [
        f"make test: the tests in real time did not come to their end: {why}",
        f"make test: the tests that compute did not come to their end: {why}",
    ]


def test_what_computes_has_a_lower_priority_and_what_waits_our_own(capfd: pytest.CaptureFixture[str]) -> None:
    nice = python("import os; print(os.nice(0))")
    run([nice], [nice], [])
    assert capfd.readouterr().out.split("\n")[1::2] == [str(os.nice(0)), str(min(19, os.nice(0) + 10))]


@pytest.mark.lengthy
def test_a_test_that_fails_is_named_when_it_fails_and_once_in_either_half(tmp_path: Path) -> None:
    """Whoever ran `make test` saw an F after minutes, and its name after all other tests."""
    end, commands = tmp_path / "end", []
    for name in ("computing", "waiting"):
        file = tmp_path / f"test_{name}.py"
        file.write_text(FAILS.format(end=str(end)))
        commands.append([*PYTEST, "-p", "no:cacheprovider", str(file)])
    with both(*commands) as halves:
        assert halves.stderr is not None
        named = sorted(halves.stderr.readline() + halves.stderr.readline() for _ in commands)
        end.touch()
        assert halves.stderr.read() == ""
    assert named == [f"\nmake test: failed: test_{name}.py::test_that_fails\n" for name in ("computing", "waiting")]


def test_each_file_of_tests_is_in_one_share_and_no_share_is_much_larger_than_another() -> None:
    parts = shares(["tests/unit", "tests/property"], 2)
    files = [file for part in parts for file in part]
    assert (
        len(files)
        == len(set(files))
        == len([*(ROOT / "tests").glob("unit/test_*.py"), *(ROOT / "tests").glob("property/test_*.py")])
    )
    sizes = [sum((ROOT / file).stat().st_size for file in part) for part in parts]
    assert max(sizes) < 1.1 * min(sizes)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_the_end_of_make_end_both(number: signal.Signals, tmp_path: Path) -> None:
    places = [tmp_path / "computing", tmp_path / "waiting"]
    with both(*([*python(SLEEPS), str(place)] for place in places)) as halves:
        until(lambda: all(place.exists() and place.read_text() == "begun" for place in places))
        halves.send_signal(number)
        assert halves.wait(PATIENCE) != 0
    assert [place.read_text() for place in places] == ["interrupted"] * 2


def both(computing: list[str], waiting: list[str]) -> subprocess.Popen[str]:
    """Start two halves in a process of their own, which is no worker of the tests that run now."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.Popen(
        [*python(RUNS), json.dumps(computing), json.dumps(waiting)],
        env={**environment, "PYTHONPATH": os.pathsep.join((str(ROOT / "tests"), str(ROOT / "src")))},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(happens: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.01)


# The runner of the benchmarks: it says what was measured and how well, and no benchmark can hold it up.

REFERENCE: Final = ROOT / "docs" / "reference"


def run_benchmark(
    monkeypatch: pytest.MonkeyPatch, labs: Path, measure: runner.Measure, limit: float = 20.0
) -> runner.Outcome:
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
    assert runner.Outcome(bench, [enough, low], 1.0, 0.0).is_bad(quick=False)
    assert not runner.Outcome(bench, [enough, low], 1.0, 0.0).is_bad(quick=True)
    assert not runner.Outcome(bench, [enough], 1.0, 0.0).is_bad(quick=False)


def test_a_goal_may_be_for_the_ratio_and_all_with_a_floor_are_one_table() -> None:
    shown = Figure(
        name="show", unit="s", values=(0.1,), goal=2.5, floor=4, relative=True, baseline=(0.02,), against="Python"
    )
    rate = Figure(name="rate", unit="/s", values=(900.0,), goal=14_000, floor=12_000, more=True)
    assert (shown.verdict, rate.verdict) == ("below the floor", "below the floor")
    assert goals([shown, Figure(name="aim", unit="s", values=(1.0,), goal=2), rate])[2:] == [
        "| show | 5 x Python | ≤ 4 x | ≤ 2.50 x | below the floor |",
        "| rate | 900 /s | ≥ 12,000 | ≥ 14,000 | below the floor |",
    ]


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
    outcome = run_benchmark(monkeypatch, tmp_path, lambda *, quick: [figure])
    assert (outcome.figures, outcome.problem) == ([figure], "")


@pytest.mark.lengthy
def test_what_cannot_run_here_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def measure(*, quick: bool) -> list[Figure]:
        raise Skipped("no /dev/net/tun")

    outcome = run_benchmark(monkeypatch, tmp_path, measure)
    assert outcome.skipped
    assert "Not measured: no /dev/net/tun." in outcome.markdown()


@pytest.mark.lengthy
def test_a_benchmark_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def measure(*, quick: bool) -> list[Figure]:
        time.sleep(60)
        return []

    outcome = run_benchmark(monkeypatch, tmp_path, measure, limit=0.4)
    assert (outcome.problem, outcome.skipped) == ("it took longer than 0 s", False)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{runner.BEGIN}\nlast time\n{runner.END}\nafter\n")
    return page


def test_a_page_keeps_what_is_around_the_figures(page: Path) -> None:
    bench = runner.BENCHES[0]
    runner.write_page(
        page, machine.describe(), [runner.Outcome(bench, [Figure(name=bench.name, unit="s", values=(1.5,))], 1.0, 0.5)]
    )
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
    # A benchmark that is newer than the page has no figures there yet.
    measured = [bench for bench in runner.BENCHES if bench.name in report["benchmarks"]]
    assert list(report["benchmarks"]) == [bench.name for bench in measured]
    stamps = re.findall(r"dmvpn \d[\w.]* \(\w+\)", page.partition(runner.BEGIN)[2])
    assert stamps == [f"dmvpn {report['machine']['dmvpn']}"]
    assert f"{machine.sentence(report['machine'])}." in page
    titles = re.findall(r"^### (.+)$", page.partition(runner.BEGIN)[2].partition(runner.END)[0], re.MULTILINE)
    assert [title for title in titles if title != runner.GOALS] == [bench.title for bench in measured]


# What `make cost` says about two trees: nothing becomes dearer, new or vanishes without a word.

BASE, LATER = "1" * 40, "2" * 40
TERMS = f"""
base = "{BASE}"
older = "{LATER}"
limit = 1.05
[bases]
lowered = "{LATER}"
[[exceptions]]
figure = "removed"
reason = "the feature that it measured is gone"
[[exceptions]]
figure = "dearer"
most = 1.5
reason = "one more field for a show"
"""
BASES = {
    BASE: Measured({"calls": 100.0, "lowered": 100.0, "removed": 3.0, "dearer": 100.0}, {"lines": 7.0}),
    LATER: Measured({"calls": 1.0, "lowered": 50.0}, {}),
}
#: A tree that costs what it may.
GOOD = {"calls": 105.0, "lowered": 52.5, "dearer": 150.0}


def verdicts(**figures: float) -> dict[str, tuple[str, bool]]:
    rows = judge(Terms.read(TERMS), BASES, Measured(figures, {"lines": 9000.0}))
    return {row.figure: (row.verdict, row.is_bad) for row in rows}


def test_a_tree_within_its_limits_is_taken() -> None:
    assert not any(is_bad for _, is_bad in verdicts(**GOOD).values())


@pytest.mark.parametrize(("figure", "value"), [("calls", 105.1), ("lowered", 52.6), ("dearer", 150.1)])
def test_a_figure_over_its_limit_fails_the_landing(figure: str, value: float) -> None:
    """Each change made the program a little dearer, and nobody noticed: a hub took 8,445 registrations, once 14,130."""
    found = verdicts(**GOOD | {figure: value})
    assert [name for name, (_, is_bad) in found.items() if is_bad] == [figure]
    assert found[figure][0].startswith("MORE than")


def test_a_figure_that_vanishes_fails_the_landing_unless_somebody_says_why() -> None:
    found = verdicts(**{name: value for name, value in GOOD.items() if name != "calls"})
    assert found["calls"] == ("GONE, without an exception in cost.toml", True)
    assert found["removed"] == ("gone", False)


def test_a_figure_that_has_become_lower_or_is_new_asks_for_a_base_of_its_own() -> None:
    found = verdicts(**GOOD | {"calls": 50.0, "more": 1.0})
    assert found["calls"] == ("less: move its base", False)
    assert found["more"] == ("new: name a base for it in cost.toml", False)


def test_an_exception_that_nothing_needs_is_said() -> None:
    assert verdicts(**GOOD | {"dearer": 104.0})["dearer"] == ("the exception can go", False)


def test_what_is_only_printed_may_grow() -> None:
    assert verdicts(**GOOD)["lines"] == ("only printed", False)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("limit = 1.05", "'base'"),
        (TERMS.replace(BASE, "52d6e3ce"), "52d6e3ce is no commit with all its 40 digits"),
        (TERMS.replace(LATER, "main"), "main is no commit"),
        (TERMS.replace("one more field for a show", "because"), "the exception of dearer needs a reason"),
        (TERMS.replace("most = 1.5", "might = 1.5"), "might"),
    ],
)
def test_terms_that_nobody_can_follow_are_refused(text: str, problem: str) -> None:
    with pytest.raises(CostError, match=problem):
        Terms.read(text)


def test_the_terms_of_this_tree_can_be_followed() -> None:
    assert Terms.read((ROOT / "tests" / "bench" / "cost.toml").read_text()).limit == 1.05
