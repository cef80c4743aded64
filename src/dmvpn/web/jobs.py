"""Jobs: commands about labs that take long, each in a process of its own, as resources with a state.

    POST .../labs -> 202, `Location: /api/v1/jobs/ID` -> GET: running, then done or failed; DELETE breaks it off

A job that examines a lab is done when it has its result, and `healthy` says whether all is well.

A lab is a fork of the process that brings it up, which must have no other thread: so no request brings one up itself.
A job goes on when `dmvpn web` ends. What a job says at its end is its `result`, what it says meanwhile `notes`.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from dataclasses import field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar

from starlette.responses import Response

from dmvpn.base.values import dataclass
from dmvpn.shells.lab.forked import bound_memory, give_way
from dmvpn.web.bounds import TABLE, Taken
from dmvpn.web.described import ANY_OBJECT, NUMBER, TEXT, TEXTS, YES_OR_NO, members, operation, or_null
from dmvpn.web.lists import list_operation, listed
from dmvpn.web.permission import resource
from dmvpn.web.problems import Problem
from dmvpn.web.roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.requests import Request

    from dmvpn.ios.filters import Plain
    from dmvpn.web.entrance import Caller

_T = TypeVar("_T")

JOBS: Final = "/api/v1/jobs"
JOB: Final = f"{JOBS}/{{job}}"
#: Jobs that are remembered.
REMEMBERED: Final = 100
#: Seconds that a job may take, and until it is killed after it was broken off.
_LONGEST: Final = 900.0
GRACE: Final = 10.0
#: Notes of a job, and characters of each.
_MOST_NOTES, _LONGEST_NOTE = 100, 500
#: Characters of a result.
_LONGEST_RESULT: Final = 4 << 20
#: What examines a lab, with the exit codes of an answer: not all is well; nothing is broken, and something is cut off
#: that may be meant to be.
_NOT_WELL, _APART = 1, 3
_ANSWERS: Final = (0, _NOT_WELL)
_EXAMINATIONS: Final = {"doctor": (*_ANSWERS, _APART), "exec": _ANSWERS, "grade": _ANSWERS, "walk": _ANSWERS}
#: `python -P` puts no folder of the caller before the program's own.
PROGRAM: Final = (sys.executable, "-P", "-m", "dmvpn")

_JOB: Final = members(
    {
        "id": TEXT,
        "what": TEXT,
        "lab": TEXT,
        "by": TEXT,
        "state": {"enum": ["running", "done", "failed"]},
        "healthy": or_null(YES_OR_NO),
        "begun": NUMBER,
        "ended": or_null(NUMBER),
        "notes": TEXTS,
        "result": or_null(ANY_OBJECT),
    }
)


def begun(summary: str, body: Plain = None) -> dict[str, Plain]:
    """Return the description of a resource that begins a job. body: the schema of what it takes."""
    return operation(summary, _JOB, body=body, status=HTTPStatus.ACCEPTED)


@dataclass(slots=True)
class Job:
    """One job. what: the verb of `dmvpn lab`, or the command; begun, ended: seconds since 1970; last: kills it.

    healthy: whether all that it examined is well; None: it examines nothing, or has no result. result: as JSON text.
    """

    number: str
    what: str
    lab: str
    caller: Caller
    begun: float
    state: str = "running"
    healthy: bool | None = None
    ended: float | None = None
    notes: deque[str] = field(default_factory=lambda: deque(maxlen=_MOST_NOTES))
    result: str = "null"
    process: subprocess.Popen[str] | None = None
    is_broken_off: bool = False
    last: threading.Timer | None = None

    def begun_as(self, process: subprocess.Popen[str]) -> None:
        """Note the process, and bound it as the labs of its user. The server and the jobs of a teacher have priority
        over those of pupils.
        """
        self.process = process
        if self.caller.labs:
            give_way(process.pid)
        if self.caller.memory:
            bound_memory(process.pid, self.caller.memory << 20)
        if self.is_broken_off:
            self._end(process)

    def break_off(self) -> None:
        """End the process."""
        if not self.is_broken_off and self.process is not None and self.ended is None:
            self._end(self.process)
        self.is_broken_off = True

    def _end(self, process: subprocess.Popen[str]) -> None:
        """End a process as Ctrl-C does, and kill it if it does not end."""
        process.send_signal(signal.SIGINT)
        self.last = _later(GRACE, self._kill, process)

    def _kill(self, process: subprocess.Popen[str]) -> None:
        """Kill the process, unless the job ended while it was broken off: its number may be that of another one."""
        if self.ended is None:
            _kill(process)

    @property
    def octets(self) -> int:
        """How long its result is, or may be."""
        return len(self.result) if self.ended is not None else _LONGEST_RESULT

    def answer(self, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Response:
        """Return the whole job. Its result is text already: it may be long, and other requests wait meanwhile."""
        text = f'{json.dumps(self.plain)[:-1]}, "result": {self.result}}}'
        return Response(text, status.value, headers, "application/json")

    @property
    def plain(self) -> dict[str, Plain]:
        """The job as JSON, without its result."""
        return {
            "id": self.number,
            "what": self.what,
            "lab": self.lab,
            "by": self.caller.name,
            "state": self.state,
            "healthy": self.healthy,
            "begun": self.begun,
            "ended": self.ended,
            "notes": [*self.notes],
        }


class Jobs:
    """All jobs of this process, and their resources."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    @resource("GET", JOBS, list_operation("The jobs that run, and the last ones that ended", _JOB), apart=True)
    async def list(self, request: Request) -> Response:
        """List all jobs, the newest last, without their results, which may be long."""
        caller = request.scope["caller"]
        seen = [{**job.plain, "result": None} for job in self._jobs.values() if caller.may_see(job.lab)]
        return listed(request, seen)

    @resource("GET", JOB, operation("The state of a job", _JOB), apart=True)
    async def show(self, request: Request) -> Response:
        """Give the state of a job."""
        return self._job(request).answer()

    @resource(
        "DELETE",
        JOB,
        operation("Break a job off: a lab that was coming up is ended", _JOB),
        role=Role.OPERATE,
        apart=True,
    )
    async def break_off(self, request: Request) -> Response:
        """Break a job off, of the caller or, with the role configure, of any user."""
        job, caller = self._job(request), request.scope["caller"]
        if job.caller.name != caller.name and not caller.role.includes(Role.CONFIGURE):
            raise Problem(HTTPStatus.FORBIDDEN, f"the job is of {job.caller.name}: this needs the role configure")
        job.break_off()
        return job.answer()

    def break_off_of(self, name: str) -> None:
        """Break the jobs of a pupil off whose token was revoked: a lab that came up would have no owner."""
        for job in self._jobs.values():
            if job.caller.name == name and job.caller.labs:
                job.break_off()

    def begin(
        self, request: Request, lab: str, words: Sequence[str], ended: Callable[[], None] = lambda: None
    ) -> Response:
        """Begin a job, and answer with its state. Raises Problem.

        words: of `dmvpn`, without `--json`. ended: called in the end, in the job's thread.
        """
        caller, guard = request.scope["caller"], request.scope["guard"]
        self._check_room(lab, caller)
        what = words[1] if words[0] == "lab" else words[0]
        job = Job(secrets.token_hex(8), what, lab, caller, time.time())
        self._jobs[job.number] = job
        self._forget_old(caller)
        request.scope["details"] = {"job": job.number, "command": " ".join(words)}

        def note() -> None:
            ended()
            found = {} if job.healthy is None else {"healthy": job.healthy}
            guard.note("job", caller, job=job.number, state=job.state, **found)

        threading.Thread(target=_carry_out, args=(job, words, note), daemon=True, name=f"job {job.what}").start()
        return job.answer(HTTPStatus.ACCEPTED, {"Location": f"{JOBS}/{job.number}"})

    def _check_room(self, lab: str, caller: Caller) -> None:
        """Refuse one more job of a lab. Raises Problem.

        A lab has one at a time: two that break something would make a fault that no grade knows.
        """
        running = [job for job in self._jobs.values() if job.ended is None]
        busy = next((job for job in running if job.lab == lab), None)
        if busy is not None:
            detail = f"lab {lab} is busy: {busy.what}, {JOBS}/{busy.number}"
            raise Problem(HTTPStatus.CONFLICT, detail, {"Retry-After": "5"})
        own = sum(job.caller.name == caller.name for job in running)
        TABLE["jobs"].check(caller, Taken(own, sum(bool(job.caller.labs) for job in running), len(running)))

    def _forget_old(self, caller: Caller) -> None:
        """Forget the oldest jobs of the user that has most: one user must not displace the jobs of another user.

        If the results of all jobs may be too long, the user whose results are longest; a pupil displaces no teacher.
        """
        while ended := [job for job in self._jobs.values() if job.ended is not None]:
            if len(self._jobs) > REMEMBERED:
                count = Counter(job.caller.name for job in ended)
            elif TABLE["results"].refusal(caller, self._results(caller), 0):
                ended = [job for job in ended if job.caller.labs or not caller.labs]
                count = Counter({job.caller.name: self._results(job.caller).own for job in ended})
            else:
                return
            if not ended:
                return
            crowded = max(count, key=lambda name: count[name])
            del self._jobs[next(job.number for job in ended if job.caller.name == crowded)]

    def _results(self, caller: Caller) -> Taken:
        """Return the octets of all results."""
        jobs = self._jobs.values()
        own = sum(job.octets for job in jobs if job.caller.name == caller.name)
        return Taken(own, sum(job.octets for job in jobs if job.caller.labs), sum(job.octets for job in jobs))

    def _job(self, request: Request) -> Job:
        found = self._jobs.get(request.path_params["job"])
        if found is None or not request.scope["caller"].may_see(found.lab):
            raise Problem(HTTPStatus.NOT_FOUND, "there is no such job, or it ended long ago")
        return found


def _carry_out(job: Job, words: Sequence[str], note: Callable[[], None]) -> None:
    """Run the command of a job to its end, in a thread of its own."""
    is_good = False
    try:
        code, result = run(words, job.notes, job.begun_as)
        job.result, is_good = json.dumps(result), code == 0
        if code in _EXAMINATIONS.get(job.what, ()) and isinstance(result, dict):
            is_good, job.healthy = True, code != _NOT_WELL
    except OSError as error:
        job.notes.append(f"the job did not begin: {error.strerror}")
    except RecursionError:
        job.notes.append("the result is nested too deeply")
    if job.last is not None:
        job.last.cancel()
    if job.is_broken_off and not is_good:
        job.notes.clear()  # where Ctrl-C was in the code tells a client nothing
        job.notes.append("broken off")
    job.state, job.ended = "done" if is_good else "failed", time.time()
    note()


def run(
    words: Sequence[str], notes: deque[str], begun: Callable[[subprocess.Popen[str]], None] = lambda _: None
) -> tuple[int, Plain]:
    """Run `dmvpn WORDS --json`; returns its exit code and its object. notes: gets its other lines.

    Raises OSError; RecursionError: the object is nested too deeply.
    """
    # In front of the rest: what follows the host of `lab exec` is the program and its arguments.
    verbs = 2 if words[0] == "lab" else 1
    command, rest = words[:verbs], words[verbs:]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(  # noqa: S603 - names that exist, and numbers
            [*PROGRAM, *command, "--json", *rest],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            cwd="/",
            text=True,
            errors="replace",
            start_new_session=True,
        )
        begun(process)
        timers = [_later(_LONGEST, process.send_signal, signal.SIGINT), _later(_LONGEST + GRACE, _kill, process)]
        try:
            with process:
                for line in process.stderr or ():
                    notes.append(line.rstrip("\n").removeprefix("dmvpn: ")[:_LONGEST_NOTE])
        finally:
            for timer in timers:
                timer.cancel()
        output.seek(0)
        text = output.read(_LONGEST_RESULT + 1)
        if len(text) > _LONGEST_RESULT:
            notes.append(f"the result is longer than {_LONGEST_RESULT >> 20} MiB")
            return process.returncode or _NOT_WELL, None
        with contextlib.suppress(ValueError):
            result: Plain = json.loads(text)
            return process.returncode, result
        return process.returncode or _NOT_WELL, None


def _later(seconds: float, work: Callable[[_T], object], argument: _T) -> threading.Timer:
    """Do work after so many seconds, unless the timer is canceled."""
    timer = threading.Timer(seconds, work, (argument,))
    timer.daemon = True
    timer.start()
    return timer


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill a job that still runs, and its children: they would compute on, and hold its output open."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
