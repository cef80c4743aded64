"""What looks at a whole lab and changes nothing: the doctor, the linter, and the way of one packet.

POST /api/v1/labs/LAB/doctor      -> what `dmvpn doctor --json` finds, as a job (`jobs`)
POST /api/v1/labs/LAB/walk        -> the way of a packet and of its answer, as `dmvpn walk --json` has it, as a job
GET  /api/v1/labs/LAB/lint        -> what `dmvpn lint --format json` finds in the running configurations

The doctor's lines and the linter's are of running configurations, so both need the role configure.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from dmvpn.base.errors import UserError
from dmvpn.web import jobs
from dmvpn.web.bodies import body_of, body_or_nothing
from dmvpn.web.described import TEXT, WHOLE, YES_OR_NO, members, operation
from dmvpn.web.permission import resource
from dmvpn.web.problems import Problem
from dmvpn.web.roles import Role

if TYPE_CHECKING:
    from starlette.requests import Request

    from dmvpn.shells.lab.places import LabFolder
    from dmvpn.web.fleet import Fleet
    from dmvpn.web.jobs import Jobs
    from dmvpn.web.turns import Turns

_LAB: Final = "/api/v1/labs/{lab}"
#: A router, a host or an address; a dash in front would be an option.
_NODE: Final = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9_.:-]{0,62}", re.ASCII)
_SMALLEST, _LARGEST = 28, 65_535
_DOCTOR: Final = '{}, or {"router": NAME}, with "address": ADDRESS that a user there wants to reach'
_WALK: Final = (
    '{"source": NODE, "destination": NODE}, names or addresses, with "size": OCTETS (28 to 65535), "df": true for a '
    "packet that must not be cut"
)
_PLACE: Final = {"file": TEXT, "line": WHOLE}
_FINDING: Final = members(
    {
        "rule": TEXT,
        "severity": {"enum": ["error", "warning", "advice"]},
        **_PLACE,
        "router": TEXT,
        "what": TEXT,
        "why": TEXT,
        "fix": TEXT,
        "related": {"type": "array", "items": members(_PLACE)},
    }
)
_COUNTS: Final = members({"error": WHOLE, "warning": WHOLE, "advice": WHOLE})
_COMPLAINT: Final = members({}, {"router": TEXT, "address": TEXT})
_PACKET: Final = members({"source": TEXT, "destination": TEXT}, {"size": WHOLE, "df": YES_OR_NO})


class Examination:
    """The resources as methods."""

    def __init__(self, fleet: Fleet, begun: Jobs, turns: Turns) -> None:
        self._fleet = fleet
        self._jobs = begun
        self._turns = turns

    @resource(
        "POST",
        f"{_LAB}/doctor",
        jobs.begun("Find the faults, and the lines that heal them", _COMPLAINT),
        role=Role.CONFIGURE,
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
        operation(
            "What the linter finds in the running configurations; file: the router, line: of its configuration",
            members({"findings": {"type": "array", "items": _FINDING}, "counts": _COUNTS}),
        ),
        role=Role.CONFIGURE,
    )
    async def lint(self, request: Request) -> Response:
        """Lint the running configurations."""
        folder = await self._turns.lab_for_orders(request, self._fleet)
        found = await self._turns.take(folder.name, request.scope["caller"], lambda: _linted(folder))
        return Response(found, media_type="application/json")

    @resource(
        "POST", f"{_LAB}/walk", jobs.begun("Follow a packet and its answer, hop by hop", _PACKET), role=Role.OPERATE
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
        folder = await self._turns.lab_for_orders(request, self._fleet)
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
