"""The file of results of a campaign: one that was cut off goes on, and no foreign file is taken or harmed."""

from __future__ import annotations

import json
import os
import resource
import signal
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from dmvpn.app import campaign
from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.judge.campaigns import Order
from dmvpn.judge.work import Result, Task, run, version
from dmvpn.tools.campaign import FORM, Summary, as_svg
from dmvpn.tools.pool.results import ResultFile
from support.dying_runs import FOLDER, run_text, verdict_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TASKS = [Task(network="notes-phase3", seed=seed, hours=0.1, version="1+a") for seed in range(1, 5)]
RESULTS = [Result(task, verdict_of(task)) for task in TASKS]


def _file(path: Path, results: list[Result], rest: str = "") -> Path:
    path.write_text("".join(result.to_json() + "\n" for result in results) + rest)
    return path


def _read(path: Path, tasks: list[Task] = TASKS) -> list[Result]:
    with ResultFile(path, FORM) as file:
        return list(file.read(tasks))


def test_a_file_gives_back_what_was_added(tmp_path: Path) -> None:
    path = tmp_path / "results"
    with ResultFile(path, FORM) as file:
        assert list(file.read(TASKS)) == []
        for result in RESULTS[2:]:
            file.add(result)
    assert _read(path) == RESULTS[2:]


def test_a_line_that_was_cut_off_is_dropped_and_the_file_goes_on_behind_the_last_whole_one(tmp_path: Path) -> None:
    cut = RESULTS[1].to_json()
    for length in (1, 10, len(cut) // 2, len(cut)):
        path = _file(tmp_path / "results", RESULTS[:1], cut[:length])
        with ResultFile(path, FORM) as file:
            assert list(file.read(TASKS)) == RESULTS[:1]
            file.add(RESULTS[3])
        assert _read(path) == [RESULTS[0], RESULTS[3]]


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        ("hello\n", ":2: not a result of a campaign"),
        ("shopping list: milk", ":2: not a result of a campaign"),
        ("\n", ":2: not a result of a campaign"),
        ("[" * 100_000 + "\n", ":2: not a result of a campaign"),
        ("{}\n", ":2: not a result of a campaign: a task: not an object"),
        ('{"task": {"network": 1}}\n', ":2: not a result of a campaign: Task needs variant"),
        (RESULTS[1].to_json()[:40] + "\n", ":2: not a result of a campaign"),
        (RESULTS[1].to_json().replace('"sent": 1', '"sent": NaN') + "\n", ":2: not a result of a campaign: NaN"),
        (RESULTS[1].to_json().replace("0.1", "1e999") + "\n", ":2: not a result of a campaign: 1e999 is too large"),
        (RESULTS[1].to_json().replace("0.1", "9" * 400) + "\n", ":2: not a result of a campaign"),
        (RESULTS[1].to_json().replace('"faults": []', '"faults": [{"kind": "x"}]') + "\n", ":2: .*not a fault"),
        (RESULTS[0].to_json() + "\n", ":2: notes-phase3 seed 1 of 0.1 h is in line 1, too"),
        (RESULTS[1].to_json().replace("0.1", "0.2") + "\n", ":2: .* 0.2 h is not part of this campaign"),
        (RESULTS[1].to_json().replace("1+a", "2+b") + "\n", r":2: .*of dmvpn 2\+b, and this program is 1\+a"),
    ],
)
def test_a_foreign_line_is_one_error_that_names_it_and_the_file_stays(tmp_path: Path, rest: str, problem: str) -> None:
    path = _file(tmp_path / "results", RESULTS[:1], rest)
    before = path.read_bytes()
    with pytest.raises(UserError, match=problem):
        _read(path)
    assert path.read_bytes() == before


def test_octets_that_are_no_text_are_an_error_of_their_line(tmp_path: Path) -> None:
    path = tmp_path / "results"
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(UserError, match=r":1: not a result of a campaign"):
        _read(path)


def test_a_second_campaign_does_not_write_into_the_file_of_a_running_one(tmp_path: Path) -> None:
    path = tmp_path / "results"
    with ResultFile(path, FORM), pytest.raises(UserError, match="another command writes to it"):
        ResultFile(path, FORM)


def test_no_folder_and_no_device_is_a_file_of_results(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        ResultFile(tmp_path, FORM)
    (tmp_path / "link").symlink_to("/dev/null")
    with pytest.raises(UserError, match="no regular file"):
        ResultFile(tmp_path / "link", FORM)


def test_a_pipe_is_no_file_of_results_and_nobody_waits_for_its_other_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match=r"pipe: no regular file; --results wants a file"):
        ResultFile(tmp_path / "pipe", FORM)


def test_a_full_disk_costs_no_whole_line_and_the_file_goes_on(tmp_path: Path) -> None:
    """The limit on the size of a file is met in the middle of a line, as the end of a disk is."""
    path, (soft, hard) = tmp_path / "results", resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with ResultFile(path, FORM) as file:
            assert list(file.read(TASKS)) == []
            file.add(RESULTS[0])
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, hard))
            with pytest.raises(UserError, match=r"results: File too large; it keeps what came so far"):
                file.add(RESULTS[1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_text() == RESULTS[0].to_json() + "\n"
    with ResultFile(path, FORM) as file:
        assert list(file.read(TASKS)) == RESULTS[:1]
        file.add(RESULTS[1])
    assert _read(path) == RESULTS[:2]


def test_another_version_of_the_program_refuses_a_task_and_names_both() -> None:
    with pytest.raises(UserError) as refused:
        run(TASKS[0])
    assert "dmvpn 1+a" in str(refused.value)
    assert f"dmvpn {version()}" in str(refused.value)


# ------------------------------------------------------------------------------------------------ the command


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run a campaign of eight short runs, with the file `results`."""
    monkeypatch.setenv(FOLDER, str(tmp_path / "deaths"))
    monkeypatch.setattr(campaign, "run_text", run_text)
    planned = [Order(scenario="notes-phase3", seed=seed, seconds=360.0) for seed in range(1, 9)]
    monkeypatch.setattr(campaign, "orders", lambda *_: planned)
    words = ["simulate", "--campaign", "8", "--hours", "0.1", "--results", str(tmp_path / "results")]
    return lambda *more: main([*words, *more])


def _hash(text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith("hash of all runs: "))


@pytest.mark.lengthy
def test_a_campaign_that_was_cut_off_goes_on_and_comes_to_the_same_on_any_number_of_processes(
    tmp_path: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("--jobs", "1") == 0
    whole = capsys.readouterr().out
    lines = (tmp_path / "results").read_text().splitlines(keepends=True)
    (tmp_path / "results").write_text("".join(lines[:3]) + lines[3][:50])
    assert command("--jobs", "2", "--histogram", str(tmp_path / "picture.svg")) == 0
    again = capsys.readouterr().out
    assert "has 3 of these runs" in again
    assert sorted((tmp_path / "results").read_text().splitlines(keepends=True)) == sorted(lines)
    assert _hash(again) == _hash(whole)
    assert "8 runs" in again.splitlines()[-1]
    picture = ET.parse(tmp_path / "picture.svg").getroot()  # noqa: S314 # we wrote it
    assert "kill: 8 runs, longest 2.0 s" in "".join(picture.itertext())
    assert command() == 0
    assert _hash(capsys.readouterr().out) == _hash(whole)


def test_a_file_of_another_version_ends_the_command_with_both_versions(
    tmp_path: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    other = json.loads(RESULTS[0].to_json())
    (tmp_path / "results").write_text(json.dumps(other) + "\n")
    assert command() == 1
    said = capsys.readouterr().err
    assert f"{tmp_path / 'results'}:1: " in said
    assert "dmvpn 1+a" in said
    assert version() in said


def test_a_picture_that_cannot_be_written_is_refused_before_the_first_run(
    tmp_path: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Hours of runs ended with the error."""
    assert command("--histogram", str(tmp_path / "none" / "picture.svg")) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "picture.svg: No such file or directory" in said.err


@pytest.mark.parametrize("words", [("1e30",), ("1", "--hours", "1e-9")])
def test_a_campaign_without_end_is_refused(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """It filled the memory with a list of its runs, without a word."""
    assert main(["simulate", "--campaign", *words]) == 1
    assert "N is at most 10,000,000 times H" in capsys.readouterr().err


def test_options_of_a_campaign_without_one_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "notes-phase3", "--results", "x"]) == 1
    assert "go with --campaign" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------ what it comes to


def test_the_order_of_results_changes_no_number() -> None:
    one, other = Summary(), Summary()
    for result in RESULTS:
        one.add(result)
    for result in reversed(RESULTS):
        other.add(result)
    assert list(one.table()) == list(other.table())
    assert one.digest == other.digest
    assert as_svg(one, "x") == as_svg(other, "x")
    row = next(line for line in one.table() if line.startswith("kill"))
    assert row.split() == ["kill", "4", "0.5", "s", "1.0", "s", "1.0", "s"]


def test_a_different_hash_of_one_run_is_a_different_hash_of_all() -> None:
    one, other = Summary(), Summary()
    one.add(RESULTS[0])
    other.add(Result(TASKS[0], verdict_of(TASKS[1])))
    assert one.digest != other.digest
