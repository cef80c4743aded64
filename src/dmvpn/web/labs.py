"""Labs as resources: the scenarios that can be brought up, up and down, orders to running labs, and lessons in them.

    PUT /api/v1/labs/LAB             -> brings up the configurations in its body, as `dmvpn lab up FOLDER` does
    GET /api/v1/labs/LAB/saved       -> what `dmvpn lab save` writes, as one ZIP file: configurations, `lab.yaml`
                                        with the present impairments, and `NOTES.txt` about unsaved parts
    GET /api/v1/labs/LAB/texts       -> the same files as `PUT` takes them, without the lines that have keys
    GET /api/v1/class                -> all labs: their students, faults, grades, and use of the machine
    GET /api/v1/class/results        -> the grades as CSV
    POST /api/v1/class/message       -> a line of the teacher, which the pages of all students show
    GET /api/v1/labs/LAB/lesson      -> the complaint of a trouble, the hints so far, the tasks of an exercise

What takes long is a job (`jobs`): up, clock, break, hint, grade. The other orders are done when they are answered.
Files that a client sends are in a folder of their own until the job has ended; its notes name the lines that were
left out. Configurations have keys and passwords, so to take them home needs the role configure, and is in the audit.
"""

from __future__ import annotations

import asyncio
import io
import re
import shutil
import tempfile
import time
import zipfile
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dmvpn.base.errors import UserError
from dmvpn.base.values import project
from dmvpn.ios.errors import without_keys
from dmvpn.ios.filters import Plain
from dmvpn.labs import orders
from dmvpn.labs.catalog import running_scenarios
from dmvpn.labs.classes import Desk, as_csv, overview
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.lab.places import LabFolder
from dmvpn.shells.lab.sockets import SERVICE
from dmvpn.web import jobs
from dmvpn.web.bodies import Problem, body_of, body_or_nothing
from dmvpn.web.bounds import ALL, TABLE, Taken, Workers
from dmvpn.web.document import (
    NUMBER,
    TEXT,
    TEXTS,
    WHOLE,
    YES_OR_NO,
    list_operation,
    listed,
    members,
    operation,
    or_null,
)
from dmvpn.web.fleet import Fleet
from dmvpn.web.jobs import Jobs
from dmvpn.web.permission import Caller, Role, resource

T = TypeVar("T")

SCENARIOS: Final = "/api/v1/scenarios"
LABS: Final = "/api/v1/labs"
LAB: Final = f"{LABS}/{{lab}}"
#: Seconds that the clock of a simulated lab may be set forward at a time.
_LONGEST_STEP: Final = 30 * 86_400.0
_UP: Final = (
    '{"scenario": NAME}, with "simulated": true for a lab without namespaces, "name": NAME for another name of the lab'
)
#: A name of a lab, as its folder has it; a dash in front would be an option.
_LAB_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", re.ASCII)
_CLOCK: Final = '{"seconds": NUMBER}, more than 0 and at most 30 days'
_WIRE: Final = '{"link": "ROUTER:INTERFACE"}, with delay, loss, rate, mtu (numbers), cut, one_way (true), block (words)'
_RESET: Final = '{}, or {"undo": true} to bring back what the last reset took away'
_BREAK: Final = '{}, or {"name": TROUBLE} or {"seed": NUMBER}'
_TROUBLE: Final = re.compile(r"(?:[a-z][a-z0-9-]{0,80})?", re.ASCII)
_AMOUNTS: Final = ("delay", "loss", "rate", "mtu")
#: No number of an order is as large.
_LARGEST_NUMBER: Final = 1e12
_SCENARIO: Final = members(
    {"name": TEXT, "title": TEXT, "topic": TEXT, "up": YES_OR_NO, "simulated_only": YES_OR_NO, "lacks": TEXTS}
)
_WIRE_BODY: Final = members(
    {"link": TEXT}, {**dict.fromkeys(_AMOUNTS, NUMBER), "cut": YES_OR_NO, "one_way": YES_OR_NO, "block": TEXTS}
)
_UP_BODY: Final = members({"scenario": TEXT}, {"simulated": YES_OR_NO, "name": TEXT})
_MISSING: Final = members({"missing": TEXTS})
_NOTHING: Final = members({})
_ROUTER: Final = f"{LAB}/routers/{{router}}"

#: Files of one lab. All of them together fit into the body of a request.
_MOST: Final = 500
#: A name, behind at most three folders; none begins with a dot or a dash.
_PATH: Final = re.compile(r"(?:[\w][\w. ()+-]{0,99}/){0,3}[\w][\w. ()+-]{0,99}")
_FILES: Final = '{"files": {NAME: TEXT, ...}}, with "simulated": true for a lab without namespaces'
SAVED: Final = "/api/v1/labs/{lab}/saved"
_FILES_OF_LAB: Final[dict[str, Plain]] = {"files": {"type": "object", "additionalProperties": TEXT}}
_BODY: Final = members(_FILES_OF_LAB, {"simulated": YES_OR_NO})
_SHARED: Final = members({**_FILES_OF_LAB, "left_out": TEXTS})
ZIP: Final = "application/zip"
FILE: Final[Plain] = {"type": "string", "format": "binary"}

CLASS: Final = "/api/v1/class"
RESULTS: Final = f"{CLASS}/results"
MESSAGE: Final = f"{CLASS}/message"
_CSV: Final = "text/csv"
_LONGEST_MESSAGE: Final = 500
_SAID: Final = f'{{"text": LINE}}, of at most {_LONGEST_MESSAGE} characters, "" takes the last one back'
LESSON: Final = "/api/v1/labs/{lab}/lesson"
_DESK: Final = members(
    {
        "lab": TEXT,
        "student": TEXT,
        "pupil": TEXT,
        "scenario": TEXT,
        "simulated": YES_OR_NO,
        "silent": YES_OR_NO,
        "running": WHOLE,
        "routers": WHOLE,
        "complaint": TEXT,
        "hints": WHOLE,
        "fixed": WHOLE,
        "graded": NUMBER,
        "checks": WHOLE,
        "left": TEXTS,
        "memory": WHOLE,
        "processor": NUMBER,
    }
)
_MESSAGE: Final = members({"text": TEXT, "at": NUMBER})
_EXERCISE: Final = members({"title": TEXT, "minutes": WHOLE, "tasks": TEXTS})
_LESSON: Final = members({"complaint": TEXT, "hints": TEXTS, "of": WHOLE, "exercise": or_null(_EXERCISE)})


# ------------------------------------------------------------------------------------------------ labs


class Labs:
    """The resources as methods."""

    def __init__(self, fleet: Fleet, begun: Jobs, workers: Workers) -> None:
        self._fleet = fleet
        self._jobs = begun
        self._workers = workers
        self._scenarios: list[dict[str, Plain]] = []
        self._reading = asyncio.Lock()

    # ------------------------------------------------------------------------------------------------ life of a lab

    @resource(
        "GET", SCENARIOS, list_operation("The scenarios and exercises that can be brought up", _SCENARIO), apart=True
    )
    async def scenarios(self, request: Request) -> Response:
        """List what can be brought up, and which of it is up among the labs of the caller."""
        caller = request.scope["caller"]
        labs = await self._workers.run(ALL, caller, lambda: running_scenarios(caller.may_see))
        running, known = {*labs.values()}, await self._known(caller)
        return listed(request, [{**one, "up": one["name"] in running} for one in known])

    async def _known(self, caller: Caller) -> list[dict[str, Plain]]:
        """Return all built-in scenarios and exercises.

        To read them takes a process seconds, and they never change: one process reads for all who ask meanwhile.
        """
        async with self._reading:
            self._scenarios = self._scenarios or await self._workers.run_read(caller, lambda: _built_in(self._jobs.run))
        return self._scenarios

    @resource("POST", LABS, jobs.begun("Bring a lab up", _UP_BODY), role=Role.CONFIGURE, apart=True, aid="up")
    async def up(self, request: Request) -> Response:
        """Bring up a built-in scenario or an exercise: no file of this machine."""
        given = await body_of(request, _UP)
        scenario, simulated = given.get("scenario"), given.get("simulated", False)
        name = given.get("name", scenario)
        is_known = given.keys() <= {"scenario", "simulated", "name"} and isinstance(simulated, bool)
        if not is_known or not isinstance(scenario, str) or not isinstance(name, str):
            raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_UP}")
        caller = request.scope["caller"]
        if not caller.may_see(name):
            raise Problem(HTTPStatus.FORBIDDEN, f"the token is for {caller.labs} alone: give the lab such a name")
        if scenario not in {str(one["name"]) for one in await self._known(caller)}:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"there is no scenario of this name: GET {SCENARIOS}")
        await self._workers.run_read(caller, lambda: check_new(self._fleet, name, caller))
        return self._jobs.begin(request, name, up_words(scenario, name, caller, simulated=bool(simulated)))

    @resource("DELETE", LAB, operation("End a lab", _NOTHING), role=Role.CONFIGURE)
    async def down(self, request: Request) -> Response:
        """End a lab, also while it comes up. It has a turn of its own: other requests may wait for the lab's answer."""
        folder = await self._workers.lab_for_orders(request, self._fleet, starting=True)
        try:
            await self._workers.run_read(request.scope["caller"], lambda: orders.end(folder), "ends")
        except UserError as error:
            raise Problem(HTTPStatus.CONFLICT, str(error)) from error
        return JSONResponse({})

    # ------------------------------------------------------------------------------------------------ orders

    @resource(
        "POST",
        f"{LAB}/reset",
        operation(
            "Reset configurations, wires and NAT boxes to those of the scenario; undo: the last reset",
            _MISSING,
            body=members({}, {"undo": YES_OR_NO}),
        ),
        role=Role.CONFIGURE,
        aid="reset",
    )
    async def reset(self, request: Request) -> Response:
        """Reset a lab, or undo that."""
        from dmvpn.labs import undoing  # much of the program: a server that nobody asks does not need it

        given = await body_or_nothing(request, _RESET)
        undo = given.get("undo", False)
        if given.keys() - {"undo"} or not isinstance(undo, bool):
            raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_RESET}")
        missing = await self._carry_out(request, undoing.undo if undo else undoing.reset)
        return JSONResponse({"missing": list(missing)})

    @resource(
        "POST",
        f"{LAB}/clock",
        jobs.begun("Let time pass in a simulated lab", members({"seconds": NUMBER})),
        role=Role.OPERATE,
    )
    async def clock(self, request: Request) -> Response:
        """Let time pass."""
        given = await body_of(request, _CLOCK)
        seconds = _number(given.get("seconds"), _CLOCK)
        if not 0 < seconds <= _LONGEST_STEP or len(given) > 1:
            raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_CLOCK}")
        return await self._job(request, "clock", f"+{seconds:f}", "--lab")

    @resource(
        "POST",
        f"{LAB}/wires",
        operation("Impair a wire, or restore it", _NOTHING, body=_WIRE_BODY),
        role=Role.OPERATE,
    )
    async def impair(self, request: Request) -> Response:
        """Impair a wire, or restore it."""
        link, badness = _badness(await body_of(request, _WIRE))
        request.scope["details"] = {"link": link, "impairment": ", ".join(badness.particulars)}
        return await self._order(request, lambda folder: orders.impair(folder, link, badness))

    @resource(
        "POST", f"{_ROUTER}/kill", operation("End a router, as a power failure does", _NOTHING), role=Role.OPERATE
    )
    async def kill(self, request: Request) -> Response:
        """End a router."""
        router = await self._router(request)
        return await self._order(request, lambda folder: orders.kill(folder, router))

    @resource("POST", f"{_ROUTER}/start", operation("Start a killed router again", _NOTHING), role=Role.OPERATE)
    async def start(self, request: Request) -> Response:
        """Start a router again."""
        router = await self._router(request)
        return await self._order(request, lambda folder: orders.start(folder, router))

    # ------------------------------------------------------------------------------------------------ lessons

    @resource(
        "POST",
        f"{LAB}/break",
        jobs.begun("Break something", members({}, {"name": TEXT, "seed": WHOLE})),
        role=Role.OPERATE,
    )
    async def break_(self, request: Request) -> Response:
        """Break something."""
        given = await body_or_nothing(request, _BREAK)
        name, seed = given.get("name", ""), given.get("seed", 0)
        is_known = given.keys() <= {"name", "seed"} and type(seed) is int
        if not is_known or not isinstance(name, str) or not _TROUBLE.fullmatch(name):
            raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_BREAK}")
        words = [*([name] if name else []), *(["--seed", str(seed)] if "seed" in given else [])]
        return await self._job(request, "break", *words, "--lab")

    @resource("POST", f"{LAB}/hint", jobs.begun("The next hint about the fault"), role=Role.OPERATE, aid="hint")
    async def hint(self, request: Request) -> Response:
        """Give the next hint."""
        return await self._job(request, "hint")

    @resource("POST", f"{LAB}/grade", jobs.begun("Grade the repair, or the exercise"), role=Role.OPERATE, aid="grade")
    async def grade(self, request: Request) -> Response:
        """Grade the repair."""
        return await self._job(request, "grade")

    async def _job(self, request: Request, *words: str) -> Response:
        folder = await self._workers.lab_for_orders(request, self._fleet)
        return self._jobs.begin(request, folder.name, ("lab", *words, folder.name))

    # ------------------------------------------------------------------------------------------------ helpers

    async def _router(self, request: Request) -> str:
        """Return the router that a request names. Raises Problem."""
        caller, names = request.scope["caller"], request.path_params
        if names["router"] not in await self._workers.run_read(caller, lambda: self._fleet.sockets(names["lab"])):
            raise Problem(HTTPStatus.NOT_FOUND, f"{names['lab']} has no such router")
        return str(names["router"])

    async def _order(self, request: Request, order: Callable[[LabFolder], object]) -> Response:
        await self._carry_out(request, order)
        return JSONResponse({})

    async def _carry_out(self, request: Request, order: Callable[[LabFolder], T]) -> T:
        """Give an order to the lab that a request names. Raises Problem if it refuses."""
        folder = await self._workers.lab_for_orders(request, self._fleet)
        try:
            return await self._workers.run(folder.name, request.scope["caller"], lambda: order(folder))
        except UserError as error:
            raise Problem(HTTPStatus.CONFLICT, str(error)) from error


def _built_in(run: jobs.Run) -> list[dict[str, Plain]]:
    """Read all built-in scenarios and exercises. Raises Problem."""
    notes: deque[str] = deque(maxlen=1)
    _, found = run(("lab", "list"), notes, lambda process: None)
    if not isinstance(found, dict):
        raise Problem(HTTPStatus.INTERNAL_SERVER_ERROR, " ".join(notes) or "the scenarios cannot be listed")
    usual: dict[str, Plain] = {"topic": "exercises", "simulated_only": False, "lacks": []}
    parts = [part for part in (found.get("scenarios"), found.get("exercises")) if isinstance(part, list)]
    return [{**usual, **one} for part in parts for one in part if isinstance(one, dict)]


def up_words(scenario: str, name: str, caller: Caller, *, simulated: bool) -> tuple[str, ...]:
    """Return the words of `dmvpn` that bring a lab up, in the bounds of the caller's token."""
    bound = ("--memory", str(caller.memory)) if caller.memory else ()
    return ("lab", "up", scenario, "--name", name, *(("--simulated",) if simulated else ()), *bound)


def check_new(fleet: Fleet, name: str, caller: Caller) -> None:
    """Refuse a name that a new lab cannot have, and one lab more than the caller may have. Raises Problem."""
    if fleet.router is not None or fleet.lab not in (None, name):
        raise Problem(HTTPStatus.FORBIDDEN, "this server has another lab only")
    if not _LAB_NAME.fullmatch(name) or name.startswith(SERVICE):
        detail = f"a lab is called by letters, digits, '_', '.' and '-', and not {SERVICE}... as a service is"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
    names = {str(lab["name"]) for lab in fleet.labs() if not lab["service"]}
    if name in names:
        raise Problem(HTTPStatus.CONFLICT, f"lab {name} is up already")
    own = sum(map(caller.may_see, names))
    if caller.most_labs and own >= caller.most_labs:
        detail = f"{own} labs are up, and the token is for {caller.most_labs} at a time: end one of them"
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail)
    TABLE["labs"].check(caller, Taken(own, len(names), len(names)))


def _number(value: object, meaning: str) -> float:
    """Return a finite number. Raises Problem."""
    # In Python a whole number may be larger than any float.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST_NUMBER:
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {meaning}")
    return float(value)


def _badness(given: dict[str, object]) -> tuple[str, Badness]:
    """Return a wire, and how bad it is to be. Raises Problem."""
    link, block = given.get("link"), given.get("block", [])
    flags = [given.get(name, False) for name in ("cut", "one_way")]
    known = {"link", "block", "cut", "one_way", *_AMOUNTS}
    is_wrong = given.keys() - known or not isinstance(link, str) or not isinstance(block, list)
    if is_wrong or not all(isinstance(flag, bool) for flag in flags) or not isinstance(link, str):
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_WIRE}")
    wanted: dict[str, Plain] = {name: _number(given[name], _WIRE) for name in _AMOUNTS if name in given}
    if flags[0]:
        wanted["cut"] = 1.0
    if isinstance(block, list) and block:
        wanted["block"] = [str(word) for word in block]
    if flags[1] and wanted:
        wanted["sender"] = link.partition(":")[0]
    try:
        return link, Badness.read(wanted)
    except UserError as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error


# -------------------------------------------------------------------------------------------- a lab from configurations


class Uploads:
    """The resource as a method."""

    def __init__(self, fleet: Fleet, begun: Jobs, workers: Workers) -> None:
        self._fleet = fleet
        self._jobs = begun
        self._workers = workers

    @resource("PUT", LAB, jobs.begun("Bring a lab up from configurations", _BODY), role=Role.CONFIGURE, aid="up")
    async def up(self, request: Request) -> Response:
        """Bring a lab up from the files in the body."""
        given = await body_of(request, _FILES)
        files, simulated = given.get("files"), given.get("simulated", False)
        if given.keys() - {"files", "simulated"} or not isinstance(files, dict) or not isinstance(simulated, bool):
            raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_FILES}")
        _check(files)
        name, caller = request.path_params["lab"], request.scope["caller"]
        await self._workers.run_read(caller, lambda: check_new(self._fleet, name, caller))
        place = Path(tempfile.mkdtemp(prefix="dmvpn-upload-"))
        try:
            await self._workers.run_read(caller, lambda: _write(place / name, files))
            words = up_words(str(place / name), name, caller, simulated=simulated)
            return self._jobs.begin(request, name, words, lambda: shutil.rmtree(place, ignore_errors=True))
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise


def _check(files: dict[str, object]) -> None:
    """Refuse files that could leave their folder, or are no text. Raises Problem."""
    for name, text in files.items():
        if not _PATH.fullmatch(name) or not isinstance(text, str):
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name!r} is no name of a file, or the file is no text")
    if not 0 < len(files) <= _MOST:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"a lab has from 1 to {_MOST} files")


def _write(folder: Path, files: dict[str, str]) -> None:
    """Write the files. Raises Problem where one has the name of another one's folder."""
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        detail = f"the files cannot be in one folder: {error.strerror}"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail) from error


# ------------------------------------------------------------------------------------------------ a lab to take home


class Saved:
    """The resource as a method."""

    def __init__(self, fleet: Fleet, workers: Workers) -> None:
        self._fleet = fleet
        self._workers = workers

    @resource("GET", SAVED, operation("A lab as a ZIP file for `dmvpn lab up`", FILE, media=[ZIP]), role=Role.CONFIGURE)
    async def saved(self, request: Request) -> Response:
        """Give a lab as a file."""
        name, packed = await self._saved(request, zipped)
        headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
        return Response(packed, media_type=ZIP, headers=headers)

    @resource(
        "GET", f"{LAB}/texts", operation("The files of a lab, without lines with keys", _SHARED), role=Role.CONFIGURE
    )
    async def texts(self, request: Request) -> Response:
        """Give a lab as texts for a link."""
        _, shared = await self._saved(request, _shared)
        return JSONResponse(shared)

    async def _saved(self, request: Request, take: Callable[[Path, str], T]) -> tuple[str, T]:
        """Return the name of a lab, and the value that `take` makes of the folder of its saved files."""
        caller = request.scope["caller"]
        folder = await self._workers.lab_for_orders(request, self._fleet)
        taken = await self._workers.run(folder.name, caller, lambda: _taken(folder, take))
        request.scope["guard"].note("saved", caller, lab=folder.name)
        return folder.name, taken


def _taken(lab: LabFolder, take: Callable[[Path, str], T]) -> T:
    """Save a lab, and return the part of it that `take` makes. Raises Problem."""
    from dmvpn.labs.lessons import LessonLab, save  # much of the program: a server that nobody asks does not need it

    try:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / lab.name
            if notes := save(LessonLab(lab), folder):
                (folder / "NOTES.txt").write_text("".join(f"Not saved: {note}\n" for note in notes), encoding="utf-8")
            return take(folder, lab.name)
    except (UserError, OSError) as error:
        raise Problem(HTTPStatus.BAD_GATEWAY, str(error)) from error


def zipped(folder: Path, name: str) -> bytes:
    """Return a ZIP file of the files in and below a folder. name: of the folder in it. Raises OSError."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            archive.write(path, f"{name}/{path.relative_to(folder)}")
    return packed.getvalue()


def _shared(folder: Path, _: str) -> dict[str, Plain]:
    """Return the files of a saved lab and the lines that are left out, with stars for keys. Raises OSError."""
    files: dict[str, Plain] = {}
    left_out: list[Plain] = []
    for path in sorted(one for one in folder.rglob("*") if one.suffix in (".cfg", ".yaml")):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        hidden = {line: without_keys(line) for line in lines} if path.suffix == ".cfg" else {}
        secret = [line for line in lines if hidden.get(line, line) != line]
        left_out += [f"{path.stem}: {hidden[line].strip()}" for line in secret]
        files[str(path.relative_to(folder))] = "".join(line for line in lines if line not in secret)
    return {"files": files, "left_out": left_out}


# ------------------------------------------------------------------------------------------------ classes and lessons


class Teaching:
    """The resources as methods."""

    def __init__(self, fleet: Fleet, workers: Workers) -> None:
        self._fleet = fleet
        self._workers = workers
        self._message: dict[str, Plain] = {"text": "", "at": 0.0}

    @resource(
        "GET",
        CLASS,
        list_operation("All labs as a teacher sees them: memory in octets, processor in seconds", _DESK),
        apart=True,
    )
    async def labs(self, request: Request) -> Response:
        """List the labs of the caller."""
        # `pupil` is the older name of `student`: it goes with 0.4.
        return listed(request, [{**asdict(desk), "pupil": desk.student} for desk in await self._desks(request)])

    @resource("GET", RESULTS, operation("The last grades of the caller's labs as CSV", TEXT, media=[_CSV]), apart=True)
    async def results(self, request: Request) -> Response:
        """Give the grades for a spreadsheet."""
        headers = {"Content-Disposition": 'attachment; filename="class.csv"'}
        return Response(as_csv(await self._desks(request)), media_type=_CSV, headers=headers)

    async def _desks(self, request: Request) -> list[Desk]:
        caller, fleet = request.scope["caller"], self._fleet
        if fleet.router is not None:
            raise Problem(HTTPStatus.FORBIDDEN, "this server has one router only")

        def is_wanted(lab: str) -> bool:
            return fleet.lab in (None, lab) and bool(caller.may_see(lab))

        desks = await self._workers.run(ALL, caller, lambda: overview(is_wanted))
        hidden = {"graded": 0.0, "checks": 0, "left": ()} if "grade" in caller.without else {}
        return [project(Desk, desk, **hidden) for desk in desks]

    @resource(
        "GET", MESSAGE, operation("The last message to all students; at: seconds since 1970", _MESSAGE), apart=True
    )
    async def message(self, _: Request) -> Response:
        """Give the last message."""
        return JSONResponse(self._message)

    @resource("POST", MESSAGE, operation("A message to all students", _MESSAGE, body=members({"text": TEXT})))
    async def say(self, request: Request) -> Response:
        """Take a message."""
        text = (await body_of(request, _SAID)).get("text")
        if not isinstance(text, str) or not text.isprintable() or len(text) > _LONGEST_MESSAGE:
            raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_SAID}")
        self._message = {"text": text, "at": time.time()}
        return JSONResponse(self._message)

    @resource("GET", LESSON, operation("The complaint about a fault, the hints, and the tasks of an exercise", _LESSON))
    async def lesson(self, request: Request) -> Response:
        """Give the lesson of a lab."""
        caller = request.scope["caller"]
        folder = await self._workers.lab_for_orders(request, self._fleet)
        return JSONResponse(await self._workers.run(folder.name, caller, lambda: _lesson(folder)))


def _lesson(folder: LabFolder) -> dict[str, Plain]:
    """Return the lesson of a lab. Raises Problem."""
    from dmvpn.labs.lessons import LessonLab, hints  # imports the whole program, which few servers need

    try:
        lab = LessonLab(folder)
        lesson, exercise = lab.lesson, lab.exercise
        given = hints(lab) if lesson else ()
        tasks: dict[str, Plain] | None = None
        if exercise is not None:
            tasks = {
                "title": lab.scenario.lab.title,
                "minutes": exercise.minutes,
                "tasks": [task.title for task in exercise.tasks],
            }
        return {
            "complaint": lesson.complaint if lesson else "",
            "hints": [hint.text for hint in given],
            "of": len(lesson.trouble.hints) if lesson else 0,
            "exercise": tasks,
        }
    except UserError as error:
        raise Problem(HTTPStatus.BAD_GATEWAY, str(error)) from error
