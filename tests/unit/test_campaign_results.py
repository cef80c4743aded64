"""The file of results of a campaign: one that was cut off goes on, and no foreign file is taken or harmed."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from dmvpn.app import campaign
from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.judge.campaigns import Order, Result, Task, run_task, version
from dmvpn.tools.campaign import FORM, Summary, as_svg
from dmvpn.tools.pool.addresses import checked, is_closed
from dmvpn.tools.pool.local import LocalPool, Lost
from dmvpn.tools.pool.results import ResultFile
from support.dying_runs import FOLDER, refused, run_text, verdict_of

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
        return list(file.read_results(tasks))


def test_a_file_gives_back_what_was_added(tmp_path: Path) -> None:
    path = tmp_path / "results"
    with ResultFile(path, FORM) as file:
        assert list(file.read_results(TASKS)) == []
        for result in RESULTS[2:]:
            file.add(result)
    assert _read(path) == RESULTS[2:]


def test_a_line_that_was_cut_off_is_dropped_and_the_file_goes_on_behind_the_last_whole_one(tmp_path: Path) -> None:
    cut = RESULTS[1].to_json()
    for length in (1, 10, len(cut) // 2, len(cut)):
        path = _file(tmp_path / "results", RESULTS[:1], cut[:length])
        with ResultFile(path, FORM) as file:
            assert list(file.read_results(TASKS)) == RESULTS[:1]
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
            assert list(file.read_results(TASKS)) == []
            file.add(RESULTS[0])
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, hard))
            with pytest.raises(UserError, match=r"results: File too large; it keeps what came so far"):
                file.add(RESULTS[1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_text() == RESULTS[0].to_json() + "\n"
    with ResultFile(path, FORM) as file:
        assert list(file.read_results(TASKS)) == RESULTS[:1]
        file.add(RESULTS[1])
    assert _read(path) == RESULTS[:2]


def test_another_version_of_the_program_refuses_a_task_and_names_both() -> None:
    with pytest.raises(UserError) as refused:
        run_task(TASKS[0])
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


# Which clusters a campaign may use: Dask lets in every caller, so only this machine, or TLS.

CAMPAIGN = ["simulate", "--campaign", "1", "--hours", "0.1"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp://127.0.0.1:8786", "tcp://127.0.0.1:8786"),
        ("127.0.0.2:1", "tcp://127.0.0.2:1"),
        ("localhost:8786", "tcp://localhost:8786"),
        ("tcp://[::1]:8786", "tcp://[::1]:8786"),
        ("tls://cluster.example:8786", "tls://cluster.example:8786"),
        ("tls://10.0.0.1:8786", "tls://10.0.0.1:8786"),
    ],
)
def test_loopback_and_tls_are_taken(text: str, address: str) -> None:
    assert checked(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "tcp://10.0.0.1:8786",
        "10.0.0.1:8786",
        "0.0.0.0:8786",
        "tcp://[2001:db8::1]:8786",
        "tcp://[::]:8786",
        "tcp://cluster.example:8786",
        "tcp://localhost.example:8786",
        "tcp://127.0.0.1.example:8786",
    ],
)
def test_an_address_that_other_machines_reach_is_refused_without_tls(text: str) -> None:
    with pytest.raises(UserError, match="use tls://"):
        checked(text)
    assert not is_closed(text if "//" in text else f"tcp://{text}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8786",
        "127.0.0.1",
        "127.0.0.1:0",
        "127.0.0.1:99999",
        "ws://127.0.0.1:8786",
        "inproc://1",
        "tcp://a@127.0.0.1:1",
    ],
)
def test_anything_else_is_no_address(text: str) -> None:
    with pytest.raises(UserError):
        checked(text)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--on", "tcp://192.0.2.1:8786"], "use tls://"),
        (["--on", "127.0.0.1:8786", "--jobs", "2"], "choose one"),
        (["--tls-ca", "ca.pem"], "go with --on tls://"),
        (["--on", "tls://192.0.2.1:8786", "--tls-ca", "ca.pem"], "go together"),
        (["--jobs", "0"], "--jobs must be a positive number"),
    ],
)
def test_the_command_refuses_options_that_contradict(
    more: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*CAMPAIGN, *more]) == 1
    assert problem in capsys.readouterr().err


def test_without_the_extra_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "dmvpn.tools.pool.on_dask", raising=False)
    assert main([*CAMPAIGN, "--on", "127.0.0.1:8786"]) == 1
    assert "pip install 'dmvpn[pool]'" in capsys.readouterr().err


# A campaign whose processes are killed, by hand or for lack of memory.


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
