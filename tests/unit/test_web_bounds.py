"""Bounds of `dmvpn web`: whatever one user takes, others have room, and after all students a teacher has."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from starlette.requests import Request

from dmvpn.base.errors import UserError
from dmvpn.face.ssh.link import SshLink
from dmvpn.labs import orders
from dmvpn.shells.lab.places import labs_folder
from dmvpn.web import bodies, bounds, jobs, metrics
from dmvpn.web.bodies import Problem, body_of
from dmvpn.web.bounds import ALL, TABLE, Bound, Bounds, Taken, Workers
from dmvpn.web.connections import Crowd, Visitor
from dmvpn.web.entrance import Audit, Entrance
from dmvpn.web.fleet import Fleet, Running
from dmvpn.web.guard import Names
from dmvpn.web.jobs import REMEMBERED, Job, Jobs
from dmvpn.web.labs import Labs
from dmvpn.web.permission import Role, TokenFile
from dmvpn.web.resources import application
from dmvpn.web.terminals import Terminals
from support.bounds_page import PAGE, page
from support.callers import asked, every_request, student, user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.web.configuration import Errands
    from dmvpn.web.permission import Caller

STUDENTS = [student(f"student{number}") for number in range(8)]


@pytest.fixture
def going(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Jobs without processes: each one waits until this is set."""
    held = threading.Event()
    monkeypatch.setattr(jobs, "run", lambda *_: (held.wait(), None))
    yield held
    held.set()


def test_the_page_about_bounds_is_the_one_that_the_table_makes() -> None:
    old = "docs/reference/web-bounds.md is old: python -m support.bounds_page (from the folder tests)"
    assert PAGE.read_text() == page(), old


def any_bound(name: str) -> Callable[[Caller], bool]:
    """Take a unit of a bound that is counted where it is taken."""
    taken = Bounds()

    def take(caller: Caller) -> bool:
        try:
            taken.claim(name, caller, TABLE[name].unit)
        except Problem:
            return False
        return True

    return take


def connection() -> Callable[[Caller], bool]:
    crowd = Crowd()
    ended: list[Visitor] = []

    def take(caller: Caller) -> bool:
        visitor = Visitor("192.0.2.1")
        visitor.end = lambda: ended.append(visitor)
        crowd.admit(visitor)
        found = crowd.prove(visitor, caller) and not ended
        ended.clear()
        return found

    return take


def job() -> Callable[[Caller], bool]:
    begun, number = Jobs(), count()
    return lambda caller: began(begun, caller, f"lab{next(number)}")


def request(caller: Caller) -> Request:
    guard = SimpleNamespace(note=lambda *_, **__: None)
    return Request({"type": "http", "query_string": b"", "raw_path": b"/", "caller": caller, "guard": guard})


def began(begun: Jobs, caller: Caller, lab: str) -> bool:
    """Begin a job; False: it is refused."""
    try:
        begun.begin(request(caller), lab, ("lab", "clock", "+1"))
    except Problem:
        return False
    return True


@pytest.mark.parametrize("name", [name for name in TABLE if name != "sessions"])
@pytest.mark.usefixtures("going")
def test_one_user_has_a_share_of_each_bound_and_all_students_leave_room_for_a_teacher(name: str) -> None:
    """One student followed its own router 500 times, and no other one and no teacher could follow any lab."""
    bound = TABLE[name]
    take = {"connections": connection, "jobs": job}.get(name, lambda: any_bound(name))()

    def taken(caller: Caller) -> int:
        return next(number for number in count() if not take(caller))

    assert bound.share <= bound.most // 4
    assert taken(STUDENTS[0]) == bound.share // bound.unit
    of_others = sum(map(taken, STUDENTS[1:]))
    assert of_others == (bound.most - bound.kept - bound.share) // bound.unit
    teacher = user("teacher")
    assert taken(teacher) == min(bound.trusted, bound.kept) // bound.unit > 0


def test_sessions_of_one_user_end_none_of_another_one(tmp_path: Path) -> None:
    """A student that logged in 256 times ended the sessions of everybody."""
    file = TokenFile(tmp_path / "web")
    entrance = Entrance(Role.VIEW, file)
    (anna, _), (bob, _) = (file.create(name, Role.VIEW, 1) for name in ("anna", "bob"))
    first = entrance.open_session(bob)
    assert first is not None
    assert all(entrance.open_session(anna) for _ in range(TABLE["sessions"].most))
    assert entrance.by_session(first.cookie, first.key, "::1") is not None
    students = [file.create(f"student{number}", Role.VIEW, 1, f"student{number}-*")[0] for number in range(6)]
    assert all(entrance.open_session(one) for one in students for _ in range(TABLE["sessions"].share))
    assert entrance.by_session(first.cookie, first.key, "::1") is not None  # students end sessions of students


def test_jobs_of_one_user_are_forgotten_before_those_of_another_one(going: threading.Event) -> None:
    """A student that began a hundred jobs made the server forget how the job of another one ended."""
    going.set()
    begun = Jobs()
    assert began(begun, student("bob"), "bob")
    for number in range(REMEMBERED + 5):
        while not began(begun, student("anna"), f"anna{number}"):
            time.sleep(0.001)
    answer = asyncio.run(begun.list(request(user("teacher"))))
    assert json.loads(bytes(answer.body))[0]["by"] == "bob"


def test_long_results_of_one_user_are_forgotten_before_those_of_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred results of 4 MiB stayed in memory, and as objects they are several times as large."""
    monkeypatch.setattr(jobs, "run", lambda *_: (0, "x" * ((4 << 20) - 2)))
    begun = Jobs()
    assert began(begun, student("bob"), "bob")
    for number in range(8):
        while not began(begun, student("anna"), f"anna{number}"):
            time.sleep(0.001)
    answer = asyncio.run(begun.list(request(user("teacher"))))
    users = [job["by"] for job in json.loads(bytes(answer.body))]
    assert users == ["bob", *["anna"] * (TABLE["results"].share >> 22)]


def test_deaf_labs_of_one_user_leave_threads_to_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirteen labs that did not answer took all threads, and for 20 s no lab of anybody could be asked."""
    monkeypatch.setattr(bounds, "PATIENCE", 0.05)
    goes_on = threading.Event()

    async def ask() -> list[object]:
        workers = Workers(Bounds())
        anna, labs = student("anna"), range(2 * TABLE["threads"].most // TABLE["turns"].share)
        hung = [
            asyncio.ensure_future(workers.run(f"anna-{lab}", anna, goes_on.wait))
            for lab in labs
            for _ in range(TABLE["turns"].share)
        ]
        try:
            for caller in (student("bob"), user("teacher")):
                assert await workers.run("bob-1", caller, lambda: "answer") == "answer"
            assert await workers.run("anna-0", user("teacher"), lambda: "answer") == "answer"
            while sum(one.done() for one in hung) < len(hung) - TABLE["threads"].share:
                await asyncio.wait(hung, timeout=0.01)
        finally:
            goes_on.set()
        answers: list[object] = [*await asyncio.gather(*hung, return_exceptions=True)]
        assert await workers.run("anna-0", anna, lambda: "again") == "again"
        return answers

    answers = asyncio.run(ask())
    assert answers.count(True) == TABLE["threads"].share
    assert {problem.status for problem in answers if isinstance(problem, Problem)} == {503}


@pytest.mark.lengthy
def test_whatever_opens_the_socket_of_a_lab_has_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """One student asked 80 times for a busy lab as a file, and everybody's list of labs waited for 29 s."""
    monkeypatch.setattr(jobs, "run", lambda *_: (True, {}))
    monkeypatch.setattr(orders, "LONGEST_END", 0.0)
    taken, opened = Bounds(), dict[str, bool]()
    entrance = Entrance(Role.CONFIGURE)
    token = entrance.exchange(entrance.code)
    place, connect = "", socket.socket.connect

    def note(self: socket.socket, address: str) -> None:
        if not self.getblocking():  # whether somebody listens there, which never waits
            return connect(self, address)
        has_turn = taken.taken("turns", user("web"), "deaf").own or taken.taken("turns", user("web"), ALL).own
        opened[place] = bool(has_turn or any(taken.taken(name, user("web")).own for name in ("ends", "scrapes")))
        raise ConnectionRefusedError

    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        lab = labs_folder() / "deaf"
        lab.mkdir(mode=0o700)
        (lab / "R1.sock").touch()
        listener.bind(str(lab / "supervisor.sock"))
        listener.listen(1)
        monkeypatch.setattr(socket.socket, "connect", note)
        guard = application(Fleet(), entrance, Audit(), Names(), taken)
        for method, path, body in every_request(lab="deaf", router="R1", host="H1"):
            place = f"{method} {path}"
            asyncio.run(asked(guard, method, path, token or "", body))
    assert {"saved", "lesson", "lint", "stage", "clock", "ping", "configuration", "class"} <= {
        path.rpartition("/")[2] for path in opened
    }
    assert [place for place, has_turn in opened.items() if not has_turn] == []


def test_many_who_ask_for_the_description_at_first_make_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two requests at a time one had status 500, because two threads read all types, and each took a second."""
    made, again = [], threading.Event()

    def make(_: object) -> str:
        made.append("")
        if len(made) > 1:
            again.set()
        again.wait(0.1)
        return "{}"

    monkeypatch.setattr("dmvpn.web.resources.openapi_text", make)
    entrance = Entrance(Role.CONFIGURE)
    token = entrance.exchange(entrance.code) or ""

    async def ask_all() -> None:
        guard = application(Fleet(), entrance, Audit(), Names(), Bounds())
        await asyncio.gather(*(asked(guard, "GET", "/api/v1/openapi.json", token) for _ in range(10)))

    asyncio.run(ask_all())
    assert made == [""]


def test_labs_that_do_not_answer_hide_no_router_of_another_lab_from_prometheus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight routers of labs that were stopped took all the time of a scrape: every other router had `dmvpn_up` 0."""

    def answer(path: Path, _: int, *, patience: float) -> tuple[()]:
        if path.parent.name != "well":
            goes_on.wait(patience)
            raise UserError("silent")
        return ()

    goes_on = threading.Event()
    monkeypatch.setattr(metrics, "measures", answer)
    labs = ("a", "b", "c", "well")
    routers = [Running(lab, f"R{number}", True, Path(lab, f"R{number}")) for lab in labs for number in range(10)]
    text = metrics.scrape(SimpleNamespace(running=lambda: routers), metrics.Wish(patience=0.3))
    assert text.count('dmvpn_up{lab="well"') == text.count("} 1\n") == 10
    assert text.count("dmvpn_up{") == len(routers)


@pytest.mark.parametrize("pause", [0, 10**6])
def test_large_bodies_of_one_user_keep_no_other_user_waiting(pause: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty requests with a body of 1 MiB of one student let each request of all others wait for a second."""
    monkeypatch.setattr(bodies, "PAUSE", pause)
    taken, anna, bob = Bounds(), student("anna"), student("bob")
    large = json.dumps({"lines": ["x" * 50] * 1000}).encode()

    def read(caller: Caller, octets: bytes) -> asyncio.Task[dict[str, object]]:
        async def body() -> bytes:
            return octets

        one = cast("Request", SimpleNamespace(body=body, scope={"bounds": taken, "caller": caller}))
        return asyncio.ensure_future(body_of(one, "an object"))

    async def try_it() -> None:
        assert await read(anna, large)
        second = read(anna, large)
        assert await read(bob, large)
        assert await read(anna, b"{}") == {}
        if pause:
            assert not second.done()
            second.cancel()
        else:
            assert await second

    asyncio.run(try_it())


def test_a_request_that_ends_while_it_waits_keeps_no_place() -> None:
    taken = Bounds({"turns": Bound("turns", 1, share=1)})
    anna, bob = user("anna"), user("bob")

    async def have(caller: Caller) -> None:
        async with taken.turn("turns", caller):
            await asyncio.sleep(0)

    async def try_it() -> None:
        for steps in range(4):
            taken.claim("turns", anna)
            waits = asyncio.ensure_future(have(bob))
            await asyncio.sleep(0)
            taken.release("turns", anna)
            for _ in range(steps):
                await asyncio.sleep(0)
            waits.cancel()
            await asyncio.gather(waits, return_exceptions=True)
            assert taken.taken("turns", bob) == Taken()

    asyncio.run(try_it())


def test_a_terminal_whose_user_leaves_while_it_begins_holds_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its link stayed open until the garbage was collected, and the router counted a session."""
    closed: list[str] = []

    class Slow:
        async def send(self, _: object) -> None:
            """Wait for a router that does not read."""
            begun.set()
            await asyncio.Event().wait()

        def close(self) -> None:
            closed.append("link")

    async def open_slow(_: Path) -> Slow:
        return Slow()

    async def introduce(_: Request) -> Path:
        return Path("x")

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b'{"rows": 24, "columns": 80}', "more_body": False}

    monkeypatch.setattr(SshLink, "open", open_slow)
    taken, anna = Bounds(), student("anna")
    begun = asyncio.Event()

    async def try_it() -> None:
        one = Request({**request(anna).scope, "method": "POST", "headers": [], "path_params": {}}, receive)
        opening = asyncio.ensure_future(
            Terminals(cast("Errands", SimpleNamespace(introduce=introduce)), taken).open(one)
        )
        await begun.wait()
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)

    asyncio.run(try_it())
    assert closed == ["link"]
    assert taken.taken("terminals", anna) == Taken()


# Jobs of `dmvpn web`: how many there are, and what is remembered of them.


@pytest.fixture
def jobs_go_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Jobs without processes: each one waits until this is set."""
    held = threading.Event()

    def run(*_: object) -> tuple[int, None]:
        held.wait()
        return 0, None

    monkeypatch.setattr(jobs, "run", run)
    yield held
    held.set()


def any_request() -> Request:
    """A request of a user who may do all."""
    guard = SimpleNamespace(note=lambda *_, **__: None)
    return Request({"type": "http", "query_string": b"", "raw_path": b"/", "caller": user("anna"), "guard": guard})


def begin(begun: Jobs, lab: str) -> str:
    """Begin a job; returns its number."""
    answer = begun.begin(any_request(), lab, ("lab", "clock", "+1"))
    return str(json.loads(bytes(answer.body))["id"])


def listed(begun: Jobs) -> list[dict[str, object]]:
    answer = asyncio.run(begun.list(any_request()))
    found: list[dict[str, object]] = json.loads(bytes(answer.body))
    return found


def settle(begun: Jobs) -> None:
    """Wait until no job runs."""
    while any(job["state"] == "running" for job in listed(begun)):
        time.sleep(0.001)


def test_the_last_hundred_jobs_are_remembered_and_no_fewer(jobs_go_on: threading.Event) -> None:
    """Of sixty jobs, the first twenty were forgotten: a client that asked for one of them got status 404."""
    begun = Jobs()
    jobs_go_on.set()
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
    asked = any_request()
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


def test_a_job_whose_process_ends_at_once_is_already_said_to_be_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process was so young that Ctrl-C ended it in an instant: the job had failed, and no note said why."""
    monkeypatch.setattr(jobs, "_later", lambda *_: None)
    job = Job("1", "up", "a", user("anna"), 1.0)
    seen: list[bool] = []
    process = SimpleNamespace(pid=7, send_signal=lambda _: seen.append(job.is_broken_off))
    job.begun_as(cast("subprocess.Popen[str]", process))
    job.break_off()
    job.break_off()
    assert seen == [True]


def test_jobs_of_a_student_are_broken_off_when_the_token_is_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab that had no folder yet when `dmvpn class end` looked for labs came up afterwards, and nobody had it."""
    held = threading.Event()
    monkeypatch.setattr(jobs, "run", lambda *_: (int(held.wait()), None))
    begun = Jobs()
    for caller, lab in ((student("anna"), "anna-a"), (student("bert"), "bert-a"), (user("teacher"), "t")):
        asked = any_request()
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


def test_a_grade_has_no_hints_for_a_student_of_an_exam_without_them() -> None:
    job = Job("1", "grade", "anna-a", student("anna"), 1.0)
    checks = [{"title": '"hint": x', "good": False, "hint": 'look at "Tunnel0\\"'}, {"good": True, "hint": ""}]
    job.result = json.dumps({"checks": checks})
    seen = json.loads(bytes(job.answer(replace(student("anna"), without=("hint",))).body))["result"]
    assert seen["checks"] == [{**check, "hint": ""} for check in checks]
    assert json.loads(bytes(job.answer(user("teacher")).body))["result"]["checks"] == checks


def test_a_job_has_the_memory_of_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labs were bounded by `--memory`, and the doctor of a student took as much as it wanted."""
    found = []

    def run(_words: object, _notes: object, begun_as: Callable[[subprocess.Popen[str]], None]) -> tuple[int, None]:
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True) as process:
            begun_as(process)
            found.append(resource.prlimit(process.pid, resource.RLIMIT_DATA))
            process.communicate("\n")
        return 0, None

    monkeypatch.setattr(jobs, "run", run)
    begun, asked = Jobs(), any_request()
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


def test_a_lab_has_one_job_at_a_time(jobs_go_on: threading.Event) -> None:
    """A double click broke two things at once, and the grade knew only one of them."""
    begun = Jobs()
    number = begin(begun, "a")
    with pytest.raises(Problem, match=number) as caught:
        begin(begun, "a")
    assert caught.value.status == 409
    begin(begun, "b")
    jobs_go_on.set()
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
    begun.begin(any_request(), "a", words)
    settle(begun)
    (job,) = listed(begun)
    assert (job["state"], job["healthy"], job["result"]) == (state, healthy, None)  # results may be long: not in lists
    one = any_request()
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
        labs = Labs(Fleet(), Jobs(), Workers(Bounds()))
        answers = await asyncio.gather(*(labs.scenarios(any_request()) for _ in range(20)))
        return [bytes(answer.body) for answer in answers]

    assert all(b"notes-gre" in answer for answer in asyncio.run(ask()))
    assert len(asked) == 1
