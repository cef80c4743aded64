"""The resources: what a URL means. Each one asks the fleet in a thread, and answers with JSON."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dmvpn.web.document import openapi_text
from dmvpn.web.guard import EXCHANGE, HEALTH, Guard
from dmvpn.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from dmvpn.web.fleet import Fleet
    from dmvpn.web.tokens import Tokens

_PRIVATE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
#: Parts of the raw path in front of the words of a show: "", api, v1, labs, LAB, routers, ROUTER, show.
_BEFORE: Final = 8


def application(fleet: Fleet, tokens: Tokens, hosts: Collection[str]) -> ASGIApp:
    """Return the whole application, behind its guard. hosts: what `Host` may be."""
    door = _Door(fleet, tokens)
    lab = "/api/v1/labs/{lab}"
    routes = [
        Route(HEALTH, door.health),
        Route(EXCHANGE, door.exchange, methods=["POST"]),
        Route("/api/v1/openapi.json", door.openapi),
        Route("/api/v1/labs", door.labs),
        Route(lab, door.lab),
        Route(f"{lab}/routers", door.routers),
        Route(f"{lab}/routers/{{router}}/show/{{words:path}}", door.show),
    ]
    handlers = {Problem: _refused, HTTPException: _refused, Exception: _fault}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), tokens, hosts)


class _Door:
    """The resources as methods."""

    def __init__(self, fleet: Fleet, tokens: Tokens) -> None:
        self._fleet = fleet
        self._tokens = tokens

    async def health(self, _: Request) -> Response:
        """Say that this process answers."""
        return _answer({"status": "ok"})

    async def exchange(self, request: Request) -> Response:
        """Give a token for the code."""
        try:
            given = json.loads(await request.body())
        except (ValueError, RecursionError):
            given = None
        code = given.get("code") if isinstance(given, dict) else None
        if not isinstance(code, str):
            raise Problem(HTTPStatus.BAD_REQUEST, 'the body is {"code": "CODE"}')
        token = self._tokens.exchange(code)
        if token is None:
            raise Problem(HTTPStatus.FORBIDDEN, "the code is wrong, or was used already")
        return _answer({"token": token, "role": self._tokens.role.value})

    async def openapi(self, _: Request) -> Response:
        """Describe all resources."""
        return _text(await run_in_threadpool(openapi_text))

    async def labs(self, _: Request) -> Response:
        """List what runs."""
        return _answer(await run_in_threadpool(self._fleet.labs))

    async def lab(self, request: Request) -> Response:
        """Say how a lab is."""
        return _answer(await run_in_threadpool(self._fleet.status, request.path_params["lab"]))

    async def routers(self, request: Request) -> Response:
        """List the routers of a lab."""
        return _answer(await run_in_threadpool(self._fleet.routers, request.path_params["lab"]))

    async def show(self, request: Request) -> Response:
        """Give the value of a show."""
        # In the raw path a slash of a word, as in 10.0.0.0%2F8, differs from one between two words.
        raw = request.scope["raw_path"].decode("ascii", "replace").split("/")[_BEFORE:]
        line = " ".join(["show", *(unquote(word) for word in raw if word)])
        names = request.path_params
        place = request.client.host if request.client else ""
        privilege = request.scope["role"].privilege
        return _text(await run_in_threadpool(self._fleet.show, names["lab"], names["router"], line, privilege, place))


def _answer(value: object) -> Response:
    return JSONResponse(value, headers=_PRIVATE)


def _text(text: str) -> Response:
    return Response(text, media_type="application/json", headers=_PRIVATE)


async def _refused(_: Request, error: Exception) -> Response:
    """Turn an error, or what Starlette refuses (such as an unknown path), into the one answer."""
    if isinstance(error, Problem):
        return error.response()
    status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    headers = error.headers if isinstance(error, HTTPException) else None
    return Problem(status, "there is no such resource, or not with this method", headers).response()


async def _fault(_: Request, __: Exception) -> Response:
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of this program; its log says more").response()
