"""The resources: what a URL means. Each one asks the fleet in a thread, and answers with JSON."""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import Final, cast
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dmvpn.base.errors import UserError
from dmvpn.web.bodies import Problem
from dmvpn.web.bounds import Bounds, OneThread, Workers
from dmvpn.web.captures import Links
from dmvpn.web.configuration import Commands, Configurations, Errands
from dmvpn.web.document import ANY_OBJECT, list_operation, listed, openapi_text, operation
from dmvpn.web.entrance import Audit, Entrance
from dmvpn.web.events import Events
from dmvpn.web.fleet import Fleet
from dmvpn.web.guard import HEALTH, Guard, Names
from dmvpn.web.jobs import Examination, Hosts, Jobs
from dmvpn.web.lab_events import LabEvents
from dmvpn.web.labs import LAB, LABS, Labs, Saved, Teaching, Uploads
from dmvpn.web.metrics import Watched
from dmvpn.web.pages import Login, Pages
from dmvpn.web.permission import hold_roles, resource, routes_of
from dmvpn.web.terminals import Terminals

#: Parts of the raw path in front of the words of a show: "", api, v1, labs, LAB, routers, ROUTER, show.
_BEFORE: Final = 8


def application(
    fleet: Fleet, entrance: Entrance, audit: Audit, names: Names, bounds: Bounds, here: OneThread | None = None
) -> Guard:
    """Return the whole application, behind its guard.

    here: does the work of a process with one thread; None: jobs are processes, and what waits has threads.
    """
    begun = Jobs(here)
    found = routes(fleet, entrance, bounds, begun, here)
    handlers = {Problem: _refused, UserError: _refused, HTTPException: _refused, Exception: _fault}
    hold_roles(found)
    app = Starlette(routes=found, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return Guard(app, entrance, audit, names, bounds, begun.break_off_of)


def routes(
    fleet: Fleet, entrance: Entrance, bounds: Bounds, begun: Jobs | None = None, here: OneThread | None = None
) -> list[Route]:
    """Return all resources. here: as of `Workers`."""
    workers = Workers(bounds, here)
    door, errands = _Door(fleet, workers), Errands(fleet, workers)
    begun = begun or Jobs()
    return routes_of(
        door,
        Login(entrance, fleet.lab),
        Commands(errands),
        Configurations(fleet, errands, workers),
        Terminals(errands, bounds),
        Pages(fleet, workers),
        Events(fleet, bounds, workers),
        LabEvents(fleet, bounds, workers),
        begun,
        Labs(fleet, begun, workers),
        Examination(fleet, begun, workers),
        Hosts(fleet, begun, workers),
        Teaching(fleet, workers),
        Saved(fleet, workers),
        Links(fleet, bounds, workers),
        Uploads(fleet, begun, workers),
        Watched(fleet, workers),
    )


class _Door:
    """The resources as methods."""

    def __init__(self, fleet: Fleet, workers: Workers) -> None:
        self._fleet = fleet
        self._workers = workers
        self._description = ""
        self._describing = threading.Lock()

    @resource("GET", HEALTH, operation("Whether this process answers", ANY_OBJECT))
    async def health(self, _: Request) -> Response:
        """Say that this process answers."""
        return _answer({"status": "ok"})

    @resource("GET", "/api/v1/openapi.json", operation("This document", ANY_OBJECT), apart=True)
    async def openapi(self, request: Request) -> Response:
        """Describe all resources."""
        return _text(await self._workers.run_read(request.scope["caller"], lambda: self._described(request.app.routes)))

    def _described(self, found: list[Route]) -> str:
        """Return the description. It is made once: to read all types twice at a time fails, and takes a second."""
        with self._describing:
            self._description = self._description or openapi_text(found)
            return self._description

    @resource("GET", LABS, list_operation("The labs and services that run", ANY_OBJECT), apart=True)
    async def labs(self, request: Request) -> Response:
        """List what runs."""
        caller = request.scope["caller"]
        labs = await self._workers.run_read(caller, self._fleet.labs)
        return listed(request, [lab for lab in labs if caller.may_see(str(lab["name"]))])

    @resource("GET", LAB, operation("The state of a lab", ANY_OBJECT))
    async def lab(self, request: Request) -> Response:
        """Say how a lab is."""
        name, caller = request.path_params["lab"], request.scope["caller"]
        return _answer(await self._workers.run(name, caller, lambda: self._fleet.status(name)))

    @resource("GET", f"{LAB}/routers", list_operation("The routers of a lab", ANY_OBJECT))
    async def routers(self, request: Request) -> Response:
        """List the routers of a lab."""
        name, caller = request.path_params["lab"], request.scope["caller"]
        return listed(request, await self._workers.run_read(caller, lambda: self._fleet.routers(name)))

    @resource("GET", f"{LAB}/routers/{{router}}/show/{{words:path}}")
    async def show(self, request: Request) -> Response:
        """Give the value of a show."""
        # In the raw path a slash of a word, as in 10.0.0.0%2F8, differs from one between two words.
        raw = request.scope["raw_path"].decode("ascii", "replace").split("/")[_BEFORE:]
        line = " ".join(["show", *(unquote(word) for word in raw if word)])
        lab, router = request.path_params["lab"], request.path_params["router"]
        caller = request.scope["caller"]
        return _text(await self._workers.run(lab, caller, lambda: self._fleet.show(lab, router, line, caller)))


def _answer(value: object) -> Response:
    return JSONResponse(value)


def _text(text: str) -> Response:
    return Response(text, media_type="application/json")


async def _refused(request: Request, error: Exception) -> Response:
    """Turn an error, or what Starlette refuses (such as an unknown path), into the one answer."""
    if isinstance(error, Problem):
        return error.response()
    if isinstance(error, UserError):
        return Problem(HTTPStatus.BAD_GATEWAY, str(error)).response()
    status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    headers = {"Allow": _allowed(request)} if status is HTTPStatus.METHOD_NOT_ALLOWED else None
    return Problem(status, "there is no such resource, or not with this method", headers).response()


def _allowed(request: Request) -> str:
    """Return the methods of a resource, of all routes with its path."""
    path, found = request.url.path, cast("list[Route]", request.app.routes)
    methods = {method for route in found if route.path_regex.match(path) for method in route.methods or ()}
    return ", ".join(sorted(methods))


async def _fault(_: Request, __: Exception) -> Response:
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error: see the log of the server").response()
