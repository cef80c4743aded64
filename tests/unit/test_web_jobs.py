"""Jobs of `dmvpn web`: how many there are, and what is remembered of them."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from starlette.requests import Request

from dmvpn.web import jobs
from dmvpn.web.bounds import Bounds
from dmvpn.web.fleet import Fleet
from dmvpn.web.jobs import REMEMBERED, Job, Jobs
from dmvpn.web.labs import Labs
from dmvpn.web.problems import Problem
from dmvpn.web.turns import Turns
from support.callers import pupil, user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def going(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Jobs without processes: each one waits until this is set."""
    held = threading.Event()

    def run(*_: object) -> tuple[int, None]:
        held.wait()
        return 0, None

    monkeypatch.setattr(jobs, "run", run)
    yield held
    held.set()


def request() -> Request:
    """A request of a user who may do all."""
    guard = SimpleNamespace(note=lambda *_, **__: None)
    return Request({"type": "http", "query_string": b"", "raw_path": b"/", "caller": user("anna"), "guard": guard})


def begin(begun: Jobs, lab: str) -> str:
    """Begin a job; returns its number."""
    answer = begun.begin(request(), lab, ("lab", "clock", "+1"))
    return str(json.loads(bytes(answer.body))["id"])


def listed(begun: Jobs) -> list[dict[str, object]]:
    answer = asyncio.run(begun.list(request()))
    found: list[dict[str, object]] = json.loads(bytes(answer.body))
    return found


def settle(begun: Jobs) -> None:
    """Wait until no job runs."""
    while any(job["state"] == "running" for job in listed(begun)):
        time.sleep(0.001)


def test_the_last_hundred_jobs_are_remembered_and_no_fewer(going: threading.Event) -> None:
    """Of sixty jobs, the first twenty were forgotten: a client that asked for one of them got status 404."""
    begun = Jobs()
    going.set()
    numbers = []
    for _ in range(REMEMBERED + 5):
        numbers.append(begin(begun, "a"))
        assert [job["id"] for job in listed(begun)] == numbers[-REMEMBERED:]
        settle(begun)


#: Computes, with a child, whatever Ctrl-C says.
_STUBBORN = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("ready", file=sys.stderr, flush=True)
os.fork()
while True:
    signal.pause()
"""


def test_a_job_that_takes_no_ctrl_c_ends_with_its_children_when_it_is_broken_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It ran on, and nobody could begin another job of that lab."""
    monkeypatch.setattr(jobs, "PROGRAM", (sys.executable, "-c", _STUBBORN))
    monkeypatch.setattr(jobs, "GRACE", 0.01)
    begun = Jobs()
    number = begin(begun, "a")
    while "ready" not in str(listed(begun)[0]["notes"]):
        time.sleep(0.001)
    asked = request()
    asked.scope["path_params"] = {"job": number}
    asyncio.run(begun.break_off(asked))
    settle(begun)
    assert [(job["state"], job["notes"]) for job in listed(begun)] == [("failed", ["broken off"])]


def test_a_job_that_ends_while_it_is_broken_off_kills_no_other_group_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds later its number may be that of another group."""
    later: list[Callable[[], None]] = []
    timer = SimpleNamespace(start=lambda: None, cancel=lambda: None)
    killed: list[int] = []

    def note(_: float, work: Callable[[object], None], arguments: tuple[object]) -> SimpleNamespace:
        later.append(lambda: work(*arguments))
        return timer

    monkeypatch.setattr(threading, "Timer", note)
    monkeypatch.setattr("os.killpg", lambda group, _: killed.append(group))
    for ended in (None, 2.0):
        job = Job("1", "clock", "a", user("anna"), 1.0)
        process = SimpleNamespace(pid=7 if ended is None else 8, send_signal=lambda _: None)
        job.begun_as(cast("subprocess.Popen[str]", process))
        job.break_off()
        job.ended = ended
        later[-1]()
    assert killed == [7]


def test_jobs_of_a_pupil_are_broken_off_when_the_token_is_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab that had no folder yet when `dmvpn class end` looked for labs came up afterwards, and nobody had it."""
    held = threading.Event()
    monkeypatch.setattr(jobs, "run", lambda *_: (int(held.wait()), None))
    begun = Jobs()
    for caller, lab in ((pupil("anna"), "anna-a"), (pupil("bert"), "bert-a"), (user("teacher"), "t")):
        asked = request()
        asked.scope["caller"] = caller
        begun.begin(asked, lab, ("lab", "up", "x"))
    for name in ("anna", "teacher"):
        begun.break_off_of(name)
    held.set()
    settle(begun)
    assert [(job["by"], job["notes"]) for job in listed(begun)] == [
        ("anna", ["broken off"]),
        ("bert", []),
        ("teacher", []),
    ]


def test_a_job_has_the_memory_of_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labs were bounded by `--memory`, and the doctor of a pupil took as much as it wanted."""
    found = []

    def run(_words: object, _notes: object, begun_as: Callable[[subprocess.Popen[str]], None]) -> tuple[int, None]:
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True) as process:
            begun_as(process)
            found.append(resource.prlimit(process.pid, resource.RLIMIT_DATA))
            process.communicate("\n")
        return 0, None

    monkeypatch.setattr(jobs, "run", run)
    begun, asked = Jobs(), request()
    asked.scope["caller"] = replace(user("carl", "carl-*"), memory=512)
    begun.begin(asked, "carl-1", ("doctor", "carl-1"))
    settle(begun)
    assert found == [(512 << 20, 512 << 20)]


def test_a_result_that_is_nested_too_deeply_leaves_the_lab_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its job never ended, and blocked all later jobs of that lab."""
    monkeypatch.setattr(jobs, "PROGRAM", (sys.executable, "-c", "print('[' * 100_000)"))
    begun = Jobs()
    for _ in range(2):
        begin(begun, "a")
        settle(begun)
    assert [(job["state"], job["notes"]) for job in listed(begun)] == [
        ("failed", ["the result is nested too deeply"])
    ] * 2


def test_a_lab_has_one_job_at_a_time(going: threading.Event) -> None:
    """A double click broke two things at once, and the grade knew only one of them."""
    begun = Jobs()
    number = begin(begun, "a")
    with pytest.raises(Problem, match=number) as caught:
        begin(begun, "a")
    assert caught.value.status == 409
    begin(begun, "b")
    going.set()
    settle(begun)
    begin(begun, "a")


@pytest.mark.parametrize(
    ("words", "code", "result", "state", "healthy"),
    [
        (("doctor",), 0, {"healthy": True}, "done", True),
        (("doctor",), 1, {"healthy": False}, "done", False),
        (("doctor",), 3, {"healthy": True}, "done", True),
        (("lab", "exec"), 3, {"exit_code": 3}, "failed", None),
        (("lab", "grade"), 1, {"done": False}, "done", False),
        (("lab", "grade"), 1, None, "failed", None),
        (("doctor",), 2, None, "failed", None),
        (("walk",), 1, {"paths": []}, "done", False),
        (("lab", "exec"), 1, {"exit_code": 1}, "done", False),
        (("lab", "exec"), 2, {"exit_code": 2}, "failed", None),
        (("lab", "up"), 0, {}, "done", None),
        (("lab", "up"), 1, {"ready": False}, "failed", None),
    ],
)
def test_an_examination_that_finds_something_is_done(
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: int,
    result: dict[str, object] | None,
    state: str,
    healthy: bool | None,
) -> None:
    """A doctor that found a fault had failed, as one that could not begin."""
    monkeypatch.setattr(jobs, "run", lambda *_: (code, result))
    begun = Jobs()
    begun.begin(request(), "a", words)
    settle(begun)
    (job,) = listed(begun)
    assert (job["state"], job["healthy"], job["result"]) == (state, healthy, None)  # results may be long: not in lists
    one = request()
    one.scope["path_params"] = {"job": job["id"]}
    assert json.loads(bytes(asyncio.run(begun.show(one)).body)) == {**job, "result": result}


def test_many_who_ask_for_the_scenarios_at_first_start_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty requests at once started forty processes that each read all scenarios."""
    asked = []
    again = threading.Event()

    def run(*words: object) -> tuple[int, dict[str, object]]:
        asked.append(words)
        if len(asked) > 1:
            again.set()
        again.wait(0.1)
        return 0, {"scenarios": [{"name": "notes-gre"}], "exercises": []}

    monkeypatch.setattr(jobs, "run", run)
    monkeypatch.setattr("dmvpn.web.labs.running_scenarios", lambda _: {})

    async def ask() -> list[bytes]:
        labs = Labs(Fleet(), Jobs(), Turns(Bounds()))
        answers = await asyncio.gather(*(labs.scenarios(request()) for _ in range(20)))
        return [bytes(answer.body) for answer in answers]

    assert all(b"notes-gre" in answer for answer in asyncio.run(ask()))
    assert len(asked) == 1
