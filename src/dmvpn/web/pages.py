"""The page that shows a lab: its files, which have no secrets, and the network that it draws.

GET /                        -> goes to the page of a class or to the login; for programs: where things are
GET /labs/LAB                -> the page; it asks the resources of the API, as any client
GET /class                   -> the page of a class, for its teacher
GET /page/FILE               -> its parts; those of xterm.js: /page/vendor/FILE
GET /api/v1/labs/LAB/stage   -> nodes, wires, and tunnels to next hop servers
GET /api/v1/meanings         -> what messages and their fields mean
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse, RedirectResponse, Response

from dmvpn.tools.explain.lookup import in_messages
from dmvpn.tools.picture import as_stage
from dmvpn.web.bodies import Problem
from dmvpn.web.document import ANY_OBJECT, TEXT, members, operation
from dmvpn.web.exported import FOLDER
from dmvpn.web.guard import COOKIE, LOGIN, OVERVIEW, PAGE, PARTS, ROOT, SECURE_COOKIE
from dmvpn.web.permission import resource

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from dmvpn.ios.filters import Plain
    from dmvpn.web.bounds import Workers
    from dmvpn.web.fleet import Fleet

STAGE: Final = "/api/v1/labs/{lab}/stage"
VENDORED: Final = f"{PARTS}vendor/{{name}}"
MEANINGS: Final = "/api/v1/meanings"
_PLACES: Final = {"api": "/api/v1/", "description": "/api/v1/openapi.json", "login": LOGIN, "page": OVERVIEW}
_SOME: Final[Plain] = {"type": "array", "items": ANY_OBJECT}
_STAGE: Final = members({"title": TEXT, "about": TEXT, "nodes": _SOME, "wires": _SOME, "tunnels": _SOME})
_TYPES: Final = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


class Pages:
    """The resources as methods."""

    def __init__(self, fleet: Fleet, workers: Workers) -> None:
        self._fleet = fleet
        self._workers = workers
        self._files = {path.name: path for path in FOLDER.iterdir() if path.suffix in _TYPES}
        self._vendored = {path.name: path for path in (FOLDER / "vendor").iterdir() if path.suffix in _TYPES}

    @resource(
        "GET",
        ROOT,
        operation(
            "Where things are; a browser goes to the page", members(dict.fromkeys(_PLACES, TEXT)), redirects=True
        ),
    )
    async def root(self, request: Request) -> Response:
        """Send a browser to the page of a class, or to the login without a session; a program gets the paths."""
        accepted = request.headers.get("accept", "")
        if "application/json" in accepted and "text/html" not in accepted:
            return JSONResponse(_PLACES)
        has_session = COOKIE in request.cookies or SECURE_COOKIE in request.cookies
        return RedirectResponse(OVERVIEW if has_session else LOGIN, HTTPStatus.SEE_OTHER.value)

    @resource("GET", f"{PAGE}{{lab}}")
    async def page(self, _: Request) -> Response:
        """Give the page, which is the same for all labs."""
        return self._file(self._files, "index.html")

    @resource("GET", OVERVIEW)
    async def overview(self, _: Request) -> Response:
        """Give the page of a class."""
        return self._file(self._files, "class.html")

    @resource("GET", f"{PARTS}{{name}}")
    async def part(self, request: Request) -> Response:
        """Give a part of the page."""
        return self._file(self._files, request.path_params["name"])

    @resource("GET", VENDORED)
    async def vendored(self, request: Request) -> Response:
        """Give a part of the page that others wrote."""
        return self._file(self._vendored, request.path_params["name"])

    @resource("GET", STAGE, operation("The network of a lab as its page draws it", _STAGE))
    async def stage(self, request: Request) -> Response:
        """Describe the network of a lab."""
        lab, caller = request.path_params["lab"], request.scope["caller"]
        picture = await self._workers.run(lab, caller, lambda: self._fleet.picture(lab))
        return JSONResponse(as_stage(picture))

    @resource(
        "GET", MEANINGS, operation("What messages and their fields mean, by protocol and word", ANY_OBJECT), apart=True
    )
    async def meanings(self, request: Request) -> Response:
        """Explain messages and their fields."""
        return JSONResponse(await self._workers.run_read(request.scope["caller"], _meanings))

    @staticmethod
    def _file(files: dict[str, Path], name: str) -> Response:
        path = files.get(name)
        if path is None:
            raise Problem(HTTPStatus.NOT_FOUND, "the page has no such part")
        headers = {"Content-Security-Policy": _POLICY}
        return Response(path.read_bytes(), media_type=_TYPES[path.suffix], headers=headers)


def _meanings() -> dict[str, dict[str, str]]:
    from dmvpn.router.features import FEATURES  # the whole program: a server that nobody asks does not need it

    return in_messages(FEATURES)
