"""What a teacher and a pupil look at: the labs of a class, and the lesson or exercise of a lab.

GET /api/v1/class                -> all labs: their pupils, their troubles, what they use
GET /api/v1/labs/LAB/lesson      -> the complaint of a trouble, the hints so far, the tasks of an exercise
"""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse

from dmvpn.base.errors import UserError
from dmvpn.labs.classes import overview
from dmvpn.web.described import NUMBER, TEXT, TEXTS, WHOLE, YES_OR_NO, members, operation, or_null
from dmvpn.web.lists import list_operation, listed
from dmvpn.web.permission import resource
from dmvpn.web.problems import Problem
from dmvpn.web.turns import ALL

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from dmvpn.ios.filters import Plain
    from dmvpn.shells.lab.places import LabFolder
    from dmvpn.web.entrance import Caller
    from dmvpn.web.fleet import Fleet
    from dmvpn.web.turns import Turns

CLASS: Final = "/api/v1/class"
LESSON: Final = "/api/v1/labs/{lab}/lesson"
_DESK: Final = members(
    {
        "lab": TEXT,
        "pupil": TEXT,
        "scenario": TEXT,
        "simulated": YES_OR_NO,
        "silent": YES_OR_NO,
        "running": WHOLE,
        "routers": WHOLE,
        "complaint": TEXT,
        "hints": WHOLE,
        "fixed": WHOLE,
        "memory": WHOLE,
        "processor": NUMBER,
    }
)
_EXERCISE: Final = members({"title": TEXT, "minutes": WHOLE, "tasks": TEXTS})
_LESSON: Final = members({"complaint": TEXT, "hints": TEXTS, "of": WHOLE, "exercise": or_null(_EXERCISE)})


class Teaching:
    """The resources as methods."""

    def __init__(self, fleet: Fleet, turns: Turns) -> None:
        self._fleet = fleet
        self._turns = turns

    @resource(
        "GET",
        CLASS,
        list_operation("All labs as a teacher sees them: memory in octets, processor in seconds", _DESK),
        apart=True,
    )
    async def labs(self, request: Request) -> Response:
        """List the labs of the caller."""
        caller = request.scope["caller"]
        return listed(request, await self._turns.take(ALL, caller, lambda: _labs(self._fleet, caller)))

    @resource("GET", LESSON, operation("The trouble in a lab, its hints so far, and the tasks of an exercise", _LESSON))
    async def lesson(self, request: Request) -> Response:
        """Give the lesson of a lab."""
        caller = request.scope["caller"]
        folder = await self._turns.lab_for_orders(request, self._fleet)
        return JSONResponse(await self._turns.take(folder.name, caller, lambda: _lesson(folder)))


def _labs(fleet: Fleet, caller: Caller) -> list[dict[str, Plain]]:
    if fleet.router is not None:
        raise Problem(HTTPStatus.FORBIDDEN, "this server has one router only")
    return [asdict(desk) for desk in overview(lambda lab: fleet.lab in (None, lab) and caller.may_see(lab))]


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
