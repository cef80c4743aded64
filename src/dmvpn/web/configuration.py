"""What changes a router: commands of its prompt, and its running configuration as a resource.

    GET   .../configuration            the text, with its `ETag`
    POST  .../configuration            lines on top of it, or the whole: all of them take effect, or none
    POST  .../configuration/confirm    what `configure confirm` and `configure revert` do
    POST  .../configuration/revert

`If-Match` names the configuration that the writer saw; if another one runs by now, nothing changes. The router
itself reads, compares and changes in one step (`face/transaction.py`). A router of another release may answer
anything, so its answer is checked: `NaN` is no JSON (RFC 8259 §6), so it cannot be passed on. Members that this
release does not know are passed on.

Commands of the exec prompt are `clear`, `ping` and the like for the role operate, any for configure. They run at level
15, as the user and from the address of the caller, on a vty line of the router. A role below configure writes the first
word in full: no abbreviation can mean another command.

Each change is an errand, done for a caller, a bounded number at a time (`bounds`). The first errand of a user is
reported to the router as a login, so `login on-success log` logs it.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from itertools import takewhile
from pathlib import Path
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dmvpn.base.errors import UserError
from dmvpn.face.calling import MAX_LINE
from dmvpn.face.client import REFUSED, RefusedError, answer_text, report, run
from dmvpn.face.messages import MAX_MINUTES, AskConfiguration, Configure, Execute, Report
from dmvpn.face.protocol import is_typed
from dmvpn.ios import CliError
from dmvpn.ios.errors import without_keys
from dmvpn.ios.filters import Plain
from dmvpn.web.bodies import Problem, body_of, body_or_nothing
from dmvpn.web.bounds import Workers
from dmvpn.web.document import NUMBER, TEXT, TEXTS, WHOLE, YES_OR_NO, members, operation, or_null, parameter
from dmvpn.web.fleet import Fleet, silent
from dmvpn.web.permission import ORDERS, Caller, Role, resource

T = TypeVar("T")

#: Logins that were reported: router, user and address.
_REMEMBERED: Final = 1024

#: Members of a running configuration, and their types in JSON.
RUNNING: Final = {"tag": str, "text": str}
#: Members of what became of a change (`face/transaction.py`).
CHANGE: Final = {"tag": str, "result": str, "refused": list, "said": list, "differences": list, "noted": list}
_TEXTS: Final = ("said", "differences", "noted")

RUN: Final = "/api/v1/labs/{lab}/routers/{router}/run"
#: Seconds and octets of output of a command; characters of a line.
SECONDS: Final = 60.0
MOST: Final = 1 << 20
_LONGEST: Final = 1000
LEVEL: Final = 15
_RAN: Final = members({"accepted": YES_OR_NO, "output": TEXT})
_COMMAND: Final = '{"command": LINE}, one line of printable characters, without a filter'

CONFIGURATION: Final = "/api/v1/labs/{lab}/routers/{router}/configuration"
CONFIRM: Final = f"{CONFIGURATION}/confirm"
REVERT: Final = f"{CONFIGURATION}/revert"
_TAG: Final = re.compile(r'"([0-9a-f]{32})"', re.ASCII)
#: A list of tags, weak or not, and each of them (RFC 9110 §8.8.3).
_TAGS: Final = re.compile(r'\s*(?:(?:W/)?"[^"]*"\s*(?:,\s*|$))+')
_ONE_TAG: Final = re.compile(r'"[^"]*"')
#: Octets for the other fields of an order.
_OTHERS: Final = 4096
#: Matches no configuration: the hash of none.
_NO_TAG: Final = "0" * 32
_BODY: Final = (
    '{"lines": [LINE, ...]}, with "replace": true if these are the whole configuration, "dry_run": true to change '
    f'nothing, "confirm_within": MINUTES (1 to {MAX_MINUTES})'
)
_LATER: Final = f'{{}}, or {{"within": MINUTES}} (1 to {MAX_MINUTES})'
_OVERWRITES: Final = (
    "a whole configuration needs If-Match: the ETag of the configuration that it replaces, or * for any"
)
#: Fields of the router's answer that are for others than the caller.
_INTERNAL: Final = ("result", "tag", "noted")

_ROLLBACK: Final = or_null(members({"minutes": WHOLE, "left": NUMBER, "by": TEXT, "where": TEXT}))
_REFUSED: Final = members({"number": WHOLE, "text": TEXT, "said": TEXTS})
_CHANGE: Final = members(
    {
        "applied": YES_OR_NO,
        "refused": {"type": "array", "items": _REFUSED},
        "said": TEXTS,
        "differences": TEXTS,
        "rollback": _ROLLBACK,
    }
)
_MINUTES: Final[Plain] = {"type": "integer", "minimum": 1, "maximum": MAX_MINUTES}
_ORDER: Final = members({"lines": TEXTS}, {"replace": YES_OR_NO, "dry_run": YES_OR_NO, "confirm_within": _MINUTES})
_SAID: Final = members({"said": TEXTS})


# ------------------------------------------------------------------------------------------------ errands


class Errands:
    """See the module's docstring."""

    def __init__(self, fleet: Fleet, workers: Workers) -> None:
        self._fleet = fleet
        self._workers = workers
        self._known: dict[tuple[Path, str, str], None] = {}
        self._noting = threading.Lock()

    async def run(self, request: Request, order: Callable[[Path], T]) -> T:
        """Carry an order out at the router that a request names. Raises Problem; RefusedError if it refuses."""
        names, caller = request.path_params, request.scope["caller"]
        lab, router, port = names["lab"], names["router"], request.scope["server"][1]
        return await self._workers.run(lab, caller, lambda: self._run(lab, router, caller, port, order))

    async def introduce(self, request: Request) -> Path:
        """Report the caller to the router that a request names. Returns its management socket. Raises Problem."""
        return await self.run(request, lambda path: path)

    def _run(self, lab: str, router: str, caller: Caller, port: int, order: Callable[[Path], T]) -> T:
        path = self._fleet.socket(lab, router)
        try:
            self._introduce(path, caller, port)
            return order(path)
        except RefusedError as error:
            if error.status == REFUSED:
                raise
            detail = f"{path.stem} cannot take this now: {error}"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "5"}) from error
        except UserError as error:
            raise silent(path, error) from error

    def _introduce(self, path: Path, caller: Caller, port: int) -> None:
        who = (path, caller.name, caller.place)
        if who in self._known:
            return
        report(path, Report(caller.name, caller.place, port, accepted=True))
        with self._noting:
            self._known[who] = None
            if len(self._known) > _REMEMBERED:
                del self._known[next(iter(self._known))]


# ------------------------------------------------------------------------------------------------ what a router answers


def answered(text: str, router: str, members: Mapping[str, type]) -> dict[str, Plain]:
    """Return the object in an answer. Raises Problem (502) if it is no JSON, or has no such members."""
    try:
        found = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise _problem(router) from error
    if not isinstance(found, dict) or not all(isinstance(found.get(name), kind) for name, kind in members.items()):
        raise _problem(router)
    lists = (found[name] for name in _TEXTS if name in members)
    if not all(isinstance(line, str) for lines in lists for line in lines):
        raise _problem(router)
    return found


def _problem(router: str) -> Problem:
    return Problem(HTTPStatus.BAD_GATEWAY, f"{router} gives an answer that cannot be read: is it of another release?")


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


# ----------------------------------------------------------------------------------------------- commands of the prompt


class Commands:
    """The resource as a method."""

    def __init__(self, errands: Errands) -> None:
        self._errands = errands

    @resource(
        "POST",
        RUN,
        operation("Run a command of the exec prompt", _RAN, body=members({"command": TEXT})),
        role=Role.OPERATE,
    )
    async def run(self, request: Request) -> Response:
        """Run one command. The answer has its output, and whether the router accepted the line."""
        given = await body_of(request, _COMMAND)
        line = given.get("command")
        if len(given) != 1 or not isinstance(line, str) or not line.strip() or len(line) > _LONGEST:
            raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_COMMAND}")
        if not line.isprintable() or "|" in line:
            raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_COMMAND}")
        line, caller = line.strip(), request.scope["caller"]
        request.scope["details"] = {"command": noted(line)}  # for the audit
        if not caller.role.includes(Role.CONFIGURE) and line.split()[0].lower() not in ORDERS:
            detail = f"the role {caller.role.value} may use {', '.join(ORDERS)}, written in full"
            raise Problem(HTTPStatus.FORBIDDEN, detail)
        order = order_of(line, caller)
        status, output = await self._errands.run(request, lambda path: run(path, order, seconds=SECONDS, most=MOST))
        return JSONResponse({"accepted": status == 0, "output": output})


def order_of(line: str, caller: Caller) -> Execute:
    """Return the order to carry a line out for a caller."""
    return Execute((line,), caller.name, LEVEL, vty=True, location=caller.place)


def noted(line: str) -> str:
    """Return a command for the audit, with `*` for its password, or for its first wrong word, and for all behind that.

    A wrong word may be a mistyped password.
    """
    from dmvpn.face.language import exec_parser  # the whole language: a process that only shows does not need it
    from dmvpn.router.features import FEATURES

    found, known = exec_parser(FEATURES).match(line), line
    if isinstance(found, CliError) and found.column < len(line):
        known = line[: line.rfind(" ", 0, found.column) + 1]
    words = [*takewhile(lambda word: word.strip("*"), without_keys(known).split())]
    return " ".join(words if len(words) == len(line.split()) else (*words, "*"))


# ------------------------------------------------------------------------------------------------ the configuration


class Configurations:
    """The resources as methods."""

    def __init__(self, fleet: Fleet, errands: Errands, workers: Workers) -> None:
        self._fleet = fleet
        self._errands = errands
        self._workers = workers

    @resource(
        "GET",
        CONFIGURATION,
        operation(
            "The running configuration",
            members({"text": TEXT, "rollback": _ROLLBACK}),
            given=[parameter("header", "If-None-Match", "Answer 304 if it still has one of these ETags; *: always")],
            tagged=True,
        ),
    )
    async def show(self, request: Request) -> Response:
        """Give the running configuration, as far as the router shows it at the level of the caller."""
        lab, router, caller = request.path_params["lab"], request.path_params["router"], request.scope["caller"]
        text = await self._workers.run(lab, caller, lambda: self._read(lab, router, caller))
        found = answered(text, router, RUNNING)
        tag = quoted(str(found.pop("tag")))
        if is_known(request, tag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED.value, headers={"ETag": tag})
        return JSONResponse(found, headers={"ETag": tag})

    def _read(self, lab: str, router: str, caller: Caller) -> str:
        path = self._fleet.socket(lab, router)
        try:
            return answer_text(
                path, AskConfiguration(caller.name, caller.role.privilege, caller.place), patience=SECONDS
            )
        except RefusedError as error:
            detail = f"{router} does not show its configuration at level {caller.role.privilege}: {error}"
            status = HTTPStatus.FORBIDDEN if error.status == REFUSED else HTTPStatus.BAD_GATEWAY
            raise Problem(status, detail) from error
        except UserError as error:
            raise silent(path, error) from error

    @resource(
        "POST",
        CONFIGURATION,
        operation(
            "Change the running configuration by all of these lines, or by none",
            _CHANGE,
            body=_ORDER,
            given=[parameter("header", "If-Match", "Change nothing if it has another ETag by now; *: whatever it has")],
            tagged=True,
            refused=[HTTPStatus.PRECONDITION_FAILED, HTTPStatus.PRECONDITION_REQUIRED],
        ),
        role=Role.CONFIGURE,
    )
    async def change(self, request: Request) -> Response:
        """Carry out all lines, or none."""
        order = await _order(request)
        # What the audit says of an order: its lines may have keys
        words = {"replace": order.whole, "dry_run": order.dry, f"confirm_within {order.minutes}": order.minutes}
        said = request.scope["details"] = {
            "lines": str(len(order.lines)),
            "how": ", ".join(word for word, is_so in words.items() if is_so),
        }  # for the audit
        try:
            text = await self._errands.run(request, lambda path: answer_text(path, order, patience=SECONDS))
        except RefusedError as error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error
        change = answered(text, request.path_params["router"], CHANGE)
        said |= {"result": str(change["result"]), "differences": "; ".join(map(str.strip, _texts(change["noted"])))}
        headers = {"ETag": quoted(str(change["tag"]))}
        result, refused = change["result"], change["refused"]
        if result == "outdated":
            detail = "another configuration runs by now: nothing was changed"
            raise Problem(HTTPStatus.PRECONDITION_FAILED, detail, headers)
        if result == "unarmed":
            raise Problem(HTTPStatus.CONFLICT, " ".join(_texts(change["said"])), headers)
        if result == "refused" and not order.dry:
            detail = "the router refuses a line, so nothing was changed"
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, headers, {"refused": refused})
        shown = {name: value for name, value in change.items() if name not in _INTERNAL}
        return JSONResponse({"applied": result == "applied", **shown}, headers=headers)

    @resource("POST", CONFIRM, operation("Keep the change that waits for this", _SAID), role=Role.CONFIGURE)
    async def confirm(self, request: Request) -> Response:
        """Keep the change that waits for this."""
        return await self._later(request, "configure confirm")

    @resource(
        "POST",
        REVERT,
        operation("Take the change back that waits for this", _SAID, body=members({}, {"within": _MINUTES})),
        role=Role.CONFIGURE,
    )
    async def revert(self, request: Request) -> Response:
        """Take the change back that waits for a confirmation, now or after so many minutes from now."""
        given = await body_or_nothing(request, _LATER)
        if given.keys() - {"within"}:  # it would revert at once what was meant for later
            raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_LATER}")
        minutes = _minutes(given, "within", _LATER)
        return await self._later(request, f"configure revert timer {minutes}" if minutes else "configure revert now")

    async def _later(self, request: Request, line: str) -> Response:
        request.scope["details"] = {"command": line}
        order = order_of(line, request.scope["caller"])

        def carry_out(path: Path) -> tuple[int, str]:
            return run(path, order, seconds=SECONDS, most=MOST)

        status, output = await self._errands.run(request, carry_out)
        if status:
            raise Problem(HTTPStatus.CONFLICT, output.strip())
        return JSONResponse({"said": output.split("\n")[:-1]})


async def _order(request: Request) -> Configure:
    """Return the order in a request. Raises Problem."""
    given, caller = await body_of(request, _BODY), request.scope["caller"]
    lines = given.get("lines")
    is_whole, is_dry = given.get("replace", False), given.get("dry_run", False)
    unknown = given.keys() - {"lines", "replace", "dry_run", "confirm_within"}
    if unknown or not isinstance(lines, list) or not isinstance(is_whole, bool) or not isinstance(is_dry, bool):
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_BODY}")
    minutes = _minutes(given, "confirm_within", _BODY)
    for number, line in enumerate(lines, 1):
        if not isinstance(line, str) or not is_typed(line):
            raise Problem(HTTPStatus.BAD_REQUEST, f"line {number} is no text of one line that could be typed")
    if len(json.dumps(lines)) > MAX_LINE - _OTHERS:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the lines have at most 1 MiB as JSON of ASCII characters")
    tag = _tag(request)
    if is_whole and not is_dry and tag is None:
        raise Problem(HTTPStatus.PRECONDITION_REQUIRED, _OVERWRITES)
    return Configure(
        tuple(lines), is_whole, is_dry, tag or "", minutes, caller.name, LEVEL, vty=True, location=caller.place
    )


def _minutes(given: dict[str, object], name: str, meaning: str) -> int:
    """Return minutes, 0: none are given. Raises Problem."""
    if name not in given:
        return 0
    minutes = given[name]
    if type(minutes) is not int or not 1 <= minutes <= MAX_MINUTES:
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {meaning}")
    return minutes


def _tag(request: Request) -> str | None:
    """Return the tag that the running configuration must have, "": any; None: the request does not say. Raises Problem.

    Weak ETags and those of other servers match nothing (RFC 9110 §13.1.1).
    """
    given = request.headers.getlist("if-match")
    if not given:
        return None
    if len(given) > 1 or "," in given[0]:
        raise Problem(HTTPStatus.BAD_REQUEST, "If-Match is one ETag, or *")
    wanted = given[0].strip()
    found = _TAG.fullmatch(wanted)
    return "" if wanted == "*" else found[1] if found else _NO_TAG


def is_known(request: Request, tag: str) -> bool:
    """Return whether the caller has the text with this quoted tag, or wants it only if there is none ("*").

    Tags are compared weakly (RFC 9110 §13.1.2, §8.8.3.2).
    """
    given = ",".join(request.headers.getlist("if-none-match")).strip()
    return given == "*" or (bool(_TAGS.fullmatch(given)) and tag in _ONE_TAG.findall(given))


def quoted(tag: str) -> str:
    """Return a tag as an ETag (RFC 9110 §8.8.3)."""
    return f'"{tag}"'


def _texts(lines: Plain) -> list[str]:
    return [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
