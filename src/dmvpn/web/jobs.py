"""Jobs: commands about labs that take long, each in a process of its own, as resources with a state.

    POST .../labs -> 202, `Location: /api/v1/jobs/ID` -> GET: running, then done or failed; DELETE breaks it off

    POST /api/v1/labs/LAB/doctor                -> what `dmvpn doctor --json` finds, as a job
    POST /api/v1/labs/LAB/walk                  -> the way of a packet and of its answer, as `dmvpn walk --json` has it
    GET  /api/v1/labs/LAB/lint                  -> what `dmvpn lint --format json` finds; it is quick, and no job
    POST /api/v1/labs/LAB/hosts/HOST/ping       -> what `dmvpn lab exec HOST ping ... --json` prints
    POST /api/v1/labs/LAB/hosts/HOST/traceroute

A job that examines a lab is done when it has its result, and `healthy` says whether all is well.

A lab is a fork of the process that brings it up, which must have no other thread: so no request brings one up itself.
A job goes on when `dmvpn web` ends. What a job says at its end is its `result`, what it says meanwhile `notes`.

The programs of hosts are those of Linux. A lab of real packets runs the programs of this machine, so their options are
given here, and never by the caller. The doctor's lines and the linter's are of running configurations, so both need the
role configure.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from dmvpn.base.errors import UserError
from dmvpn.base.values import Mutable
from dmvpn.ios.filters import Plain
from dmvpn.shells.lab.forked import bound_memory, give_way
from dmvpn.shells.lab.places import LabFolder
from dmvpn.web import document
from dmvpn.web.bodies import Problem, body_of, body_or_nothing
from dmvpn.web.bounds import TABLE, OneThread, Taken, Workers
from dmvpn.web.fleet import Fleet
from dmvpn.web.permission import Caller, Role, resource

#: Runs `dmvpn WORDS --json`, as `run` does.
Run = Callable[[Sequence[str], deque[str], Callable[[subprocess.Popen[str]], None]], tuple[int, Plain]]


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
#: The hint of a check in the result of a grade.
_HINT: Final = re.compile(r'("hint": )"(?:[^"\\]|\\.)*"')
#: `python -P` puts no folder of the caller before the program's own.
PROGRAM: Final = (sys.executable, "-P", "-m", "dmvpn")

_JOB: Final = document.members(
    {
        "id": document.TEXT,
        "what": document.TEXT,
        "lab": document.TEXT,
        "by": document.TEXT,
        "state": {"enum": ["running", "done", "failed"]},
        "healthy": document.or_null(document.YES_OR_NO),
        "begun": document.NUMBER,
        "ended": document.or_null(document.NUMBER),
        "notes": document.TEXTS,
        "result": document.or_null(document.ANY_OBJECT),
    }
)

_HOST: Final = "/api/v1/labs/{lab}/hosts/{host}"
#: Five packets in a second, and a second for each answer; for traceroute names of routers would be asked of a server.
_PING: Final = ("ping", "-c", "5", "-i", "0.2", "-W", "1")
_TRACEROUTE: Final = ("traceroute", "-n", "-q", "1", "-w", "1", "-m", "15")
_BODY: Final = '{"target": ADDRESS}, of IPv4 or IPv6'
_TO: Final = document.members({"target": document.TEXT})

_LAB: Final = "/api/v1/labs/{lab}"
#: A router, a host or an address; a dash in front would be an option.
_NODE: Final = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9_.:-]{0,62}", re.ASCII)
_SMALLEST, _LARGEST = 28, 65_535
_DOCTOR: Final = '{}, or {"router": NAME}, with "address": ADDRESS that a user there wants to reach'
_WALK: Final = (
    '{"source": NODE, "destination": NODE}, names or addresses, with "size": OCTETS (28 to 65535), "df": true for a '
    "packet that must not be cut"
)
_PLACE: Final = {"file": document.TEXT, "line": document.WHOLE}
_FINDING: Final = document.members(
    {
        "rule": document.TEXT,
        "severity": {"enum": ["error", "warning", "advice"]},
        **_PLACE,
        "router": document.TEXT,
        "what": document.TEXT,
        "why": document.TEXT,
        "fix": document.TEXT,
        "related": {"type": "array", "items": document.members(_PLACE)},
    }
)
_COUNTS: Final = document.members({"error": document.WHOLE, "warning": document.WHOLE, "advice": document.WHOLE})
_COMPLAINT: Final = document.members({}, {"router": document.TEXT, "address": document.TEXT})
_PACKET: Final = document.members(
    {"source": document.TEXT, "destination": document.TEXT}, {"size": document.WHOLE, "df": document.YES_OR_NO}
)


# ------------------------------------------------------------------------------------------------ jobs


def begun(summary: str, body: Plain = None) -> dict[str, Plain]:
    """Return the description of a resource that begins a job. body: the schema of what it takes."""
    return document.operation(summary, _JOB, body=body, status=HTTPStatus.ACCEPTED)


class Job(Mutable):
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
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begun_as(self, process: subprocess.Popen[str]) -> None:
        """Note the process, and bound it as the labs of its user. The server and the jobs of a teacher have priority
        over those of students.
        """
        if self.caller.labs:
            give_way(process.pid)
        if self.caller.memory:
            bound_memory(process.pid, self.caller.memory << 20)
        with self.lock:
            self.process = process
            if self.is_broken_off:
                self._end(process)

    def break_off(self) -> None:
        """End the process, now or as soon as it has begun. The thread of the job sees this before the process ends."""
        with self.lock:
            is_first, self.is_broken_off = not self.is_broken_off, True
            if is_first and self.process is not None and self.ended is None:
                self._end(self.process)

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

    def is_seen_by(self, caller: Caller) -> bool:
        """Return whether a caller may know of it."""
        return caller.may_see(self.lab) and self.what not in caller.without

    def answer(
        self, caller: Caller, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Return the whole job. Its result is text already: it may be long, and other requests wait meanwhile."""
        result = _HINT.sub(r'\1""', self.result) if "hint" in caller.without else self.result
        text = f'{json.dumps(self.plain)[:-1]}, "result": {result}}}'
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

    def __init__(self, here: OneThread | None = None) -> None:
        """here: does the work where a process has one thread; None: a job is a process of its own."""
        self._jobs: dict[str, Job] = {}
        self._here = here
        self.run = run if here is None else here.run

    @resource("GET", JOBS, document.list_operation("The jobs that run, and the last ones that ended", _JOB), apart=True)
    async def list(self, request: Request) -> Response:
        """List all jobs, the newest last, without their results, which may be long."""
        caller = request.scope["caller"]
        seen = [{**job.plain, "result": None} for job in self._jobs.values() if job.is_seen_by(caller)]
        return document.listed(request, seen)

    @resource("GET", JOB, document.operation("The state of a job", _JOB), apart=True)
    async def show(self, request: Request) -> Response:
        """Give the state of a job."""
        return self._job(request).answer(request.scope["caller"])

    @resource(
        "DELETE",
        JOB,
        document.operation("Break a job off: a lab that was coming up is ended", _JOB),
        role=Role.OPERATE,
        apart=True,
    )
    async def break_off(self, request: Request) -> Response:
        """Break a job off, of the caller or, with the role configure, of any user."""
        job, caller = self._job(request), request.scope["caller"]
        if job.caller.name != caller.name and not caller.role.includes(Role.CONFIGURE):
            raise Problem(HTTPStatus.FORBIDDEN, f"the job is of {job.caller.name}: this needs the role configure")
        job.break_off()
        return job.answer(caller)

    def break_off_of(self, name: str) -> None:
        """Break the jobs of a student off whose token was revoked: a lab that came up would have no owner."""
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
        # Refuse one more job of a lab. A lab has one at a time: two that break something would make a fault that no
        # grade knows
        running = [job for job in self._jobs.values() if job.ended is None]
        busy = next((job for job in running if job.lab == lab), None)
        if busy is not None:
            detail = f"lab {lab} is busy: {busy.what}, {JOBS}/{busy.number}"
            raise Problem(HTTPStatus.CONFLICT, detail, {"Retry-After": "5"})
        own = sum(job.caller.name == caller.name for job in running)
        TABLE["jobs"].check(caller, Taken(own, sum(bool(job.caller.labs) for job in running), len(running)))
        what = words[1] if words[0] == "lab" else words[0]
        job = Job(secrets.token_hex(8), what, lab, caller, time.time())
        self._jobs[job.number] = job
        self._forget_old(caller)
        request.scope["details"] = {"job": job.number, "command": " ".join(words)}

        def note() -> None:
            ended()
            found = {} if job.healthy is None else {"healthy": job.healthy}
            guard.note("job", caller, job=job.number, state=job.state, **found)

        work = functools.partial(_carry_out, job, words, note, self.run)
        if self._here is None:
            threading.Thread(target=work, daemon=True, name=f"job {job.what}").start()
        else:
            self._here.begin(work, lambda: job.is_broken_off)
        return job.answer(caller, HTTPStatus.ACCEPTED, {"Location": f"{JOBS}/{job.number}"})

    def _forget_old(self, caller: Caller) -> None:
        """Forget the oldest jobs of the user that has most: one user must not displace the jobs of another user.

        If the results of all jobs may be too long, the user whose results are longest; a student displaces no teacher.
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
        if found is None or not found.is_seen_by(request.scope["caller"]):
            raise Problem(HTTPStatus.NOT_FOUND, "there is no such job, or it ended long ago")
        return found


def _carry_out(job: Job, words: Sequence[str], note: Callable[[], None], carry_out: Run) -> None:
    """Run the command of a job to its end, in a thread of its own."""
    is_good = False
    try:
        code, result = carry_out(words, job.notes, job.begun_as)
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
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(  # noqa: S603 - names that exist, and numbers
            [*PROGRAM, *as_json(words)],
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
                    notes.append(noted(line))
        finally:
            for timer in timers:
                timer.cancel()
        output.seek(0)
        return outcome(process.returncode, output.read(_LONGEST_RESULT + 1), notes)


def as_json(words: Sequence[str]) -> list[str]:
    """Return the words of a command that prints its result as JSON."""
    # In front of the rest: what follows the host of `lab exec` is the program and its arguments.
    verbs = 2 if words[0] == "lab" else 1
    return [*words[:verbs], "--json", *words[verbs:]]


def noted(line: str) -> str:
    """Return a line of a command as the note of a job."""
    return line.rstrip("\n").removeprefix("dmvpn: ")[:_LONGEST_NOTE]


def outcome(code: int, text: str, notes: deque[str]) -> tuple[int, Plain]:
    """Return the exit code and the object that a command printed; a code of an error if it is no object."""
    if len(text) > _LONGEST_RESULT:
        notes.append(f"the result is longer than {_LONGEST_RESULT >> 20} MiB")
        return code or _NOT_WELL, None
    with contextlib.suppress(ValueError):
        result: Plain = json.loads(text)
        return code, result
    return code or _NOT_WELL, None


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


# ------------------------------------------------------------------------------------------------ hosts of a lab


class Hosts:
    """The resources as methods."""

    def __init__(self, fleet: Fleet, begun: Jobs, workers: Workers) -> None:
        self._fleet = fleet
        self._jobs = begun
        self._workers = workers

    @resource("POST", f"{_HOST}/ping", begun("Send five pings from a host", _TO), role=Role.OPERATE)
    async def ping(self, request: Request) -> Response:
        """Ping an address from a host."""
        return await self._begin(request, _PING)

    @resource("POST", f"{_HOST}/traceroute", begun("Trace the way from a host", _TO), role=Role.OPERATE)
    async def traceroute(self, request: Request) -> Response:
        """Trace the way to an address from a host."""
        return await self._begin(request, _TRACEROUTE)

    async def _begin(self, request: Request, program: tuple[str, ...]) -> Response:
        target = await _target(request)
        lab, host = request.path_params["lab"], request.path_params["host"]
        if host not in await self._workers.run(lab, request.scope["caller"], lambda: self._fleet.hosts(lab)):
            raise Problem(HTTPStatus.NOT_FOUND, f"{lab} has no such host")
        return self._jobs.begin(request, lab, ("lab", "exec", f"{lab}/{host}", *program, target))


async def _target(request: Request) -> str:
    """Return the address in the body, as this program writes it. Raises Problem."""
    given = await body_of(request, _BODY)
    target = given.get("target")
    try:
        if len(given) == 1 and isinstance(target, str):
            address = ip_address(target)
            if not getattr(address, "scope_id", None):
                return str(address)
    except ValueError:
        pass
    raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_BODY}")


# --------------------------------------------------------------------------------- doctor, lint and the way of a packet


class Examination:
    """The resources as methods."""

    def __init__(self, fleet: Fleet, begun: Jobs, workers: Workers) -> None:
        self._fleet = fleet
        self._jobs = begun
        self._workers = workers

    @resource(
        "POST",
        f"{_LAB}/doctor",
        begun("Find the faults, and the lines that heal them", _COMPLAINT),
        role=Role.CONFIGURE,
        aid="doctor",
    )
    async def doctor(self, request: Request) -> Response:
        """Find the faults."""
        given = await body_or_nothing(request, _DOCTOR)
        names = [given[name] for name in ("router", "address") if name in given]
        if given.keys() - {"router", "address"} or ("address" in given and "router" not in given):
            raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_DOCTOR}")
        return await self._begin(request, ("doctor",), _nodes(names, _DOCTOR))

    @resource(
        "GET",
        f"{_LAB}/lint",
        document.operation(
            "What the linter finds in the running configurations; file: the router, line: of its configuration",
            document.members({"findings": {"type": "array", "items": _FINDING}, "counts": _COUNTS}),
        ),
        role=Role.CONFIGURE,
        aid="lint",
    )
    async def lint(self, request: Request) -> Response:
        """Lint the running configurations."""
        folder = await self._workers.lab_for_orders(request, self._fleet)
        found = await self._workers.run(folder.name, request.scope["caller"], lambda: _linted(folder))
        return Response(found, media_type="application/json")

    @resource(
        "POST",
        f"{_LAB}/walk",
        begun("Follow a packet and its answer, hop by hop", _PACKET),
        role=Role.OPERATE,
        aid="walk",
    )
    async def walk(self, request: Request) -> Response:
        """Follow a packet."""
        given = await body_of(request, _WALK)
        size, df = given.get("size", 100), given.get("df", False)
        is_known = given.keys() <= {"source", "destination", "size", "df"}
        is_packet = type(size) is int and _SMALLEST <= size <= _LARGEST and isinstance(df, bool)
        if not is_known or not is_packet:
            raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_WALK}")
        nodes = _nodes([given.get("source"), given.get("destination")], _WALK)
        return await self._begin(request, ("walk", "--size", str(size), *(["--df"] if df else [])), nodes)

    async def _begin(self, request: Request, words: tuple[str, ...], nodes: list[str]) -> Response:
        folder = await self._workers.lab_for_orders(request, self._fleet)
        return self._jobs.begin(request, folder.name, (*words, "--lab", folder.name, *nodes))


def _linted(folder: LabFolder) -> str:
    """Return the findings as JSON. Raises Problem."""
    from dmvpn.labs.lessons import LessonLab  # imports the whole program, which few servers need
    from dmvpn.tools.lint import lint, sites_of
    from dmvpn.tools.lint.report import as_json

    try:
        lab = LessonLab(folder)
        return as_json(lint(lab.running(), sites_of(lab.scenario)))
    except UserError as error:
        raise Problem(HTTPStatus.BAD_GATEWAY, str(error)) from error


def _nodes(given: list[object], meaning: str) -> list[str]:
    """Return names of nodes. Raises Problem."""
    found = [name for name in given if isinstance(name, str) and _NODE.fullmatch(name)]
    if len(found) != len(given):
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {meaning}")
    return found
