"""The page that shows a lab: its files, which have no secrets, and the network that it draws.

GET /, GET /login            -> the front door: login, running labs, and new ones; for programs: where things are
GET /labs/LAB                -> the page; it asks the resources of the API, as any client
GET /class                   -> the page of a class, for its teacher
GET /page/FILE               -> its parts; those of xterm.js: /page/vendor/FILE
GET /api/v1/labs/LAB/stage   -> nodes, wires, and tunnels to next hop servers
GET /api/v1/meanings         -> what messages and their fields mean

Coming in: the code for a token, and the code or a token for a session of a browser.

The code is in the fragment of the printed address: browsers send no fragment, so no log and no `Referer` has it. The
front door (`page/home.js`) takes it out of the address bar at once, and keeps the key of the session where only pages
of this very server find it (`localStorage`).
"""

from __future__ import annotations

import gzip
import re
from collections import OrderedDict
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dmvpn.ios.filters import Plain
from dmvpn.labs.films import LabStages, lab_sketch, tag_of
from dmvpn.tools.explain.lookup import in_messages
from dmvpn.web.bodies import Problem, body_of
from dmvpn.web.bounds import Workers
from dmvpn.web.configuration import is_known, quoted
from dmvpn.web.document import ANY_OBJECT, TEXT, members, operation, parameter
from dmvpn.web.entrance import SESSION_LIFE, Entrance
from dmvpn.web.exported import FOLDER, preloading
from dmvpn.web.fleet import Fleet
from dmvpn.web.guard import COOKIE, EXCHANGE, LOGIN, OVERVIEW, PAGE, PARTS, ROOT, SECURE_COOKIE, SESSION
from dmvpn.web.permission import NAMELESS, Role, resource

STAGE: Final = "/api/v1/labs/{lab}/stage"
VENDORED: Final = f"{PARTS}vendor/{{name}}"
MEANINGS: Final = "/api/v1/meanings"
_PLACES: Final = {"api": "/api/v1/", "description": "/api/v1/openapi.json", "login": LOGIN, "page": OVERVIEW}
_FRONT_DOOR: Final = "home.html"
_SOME: Final[Plain] = {"type": "array", "items": ANY_OBJECT}
_STAGE: Final = members({"title": TEXT, "about": TEXT, "nodes": _SOME, "wires": _SOME, "tunnels": _SOME})
#: Octets that are sent as they are; texts that are kept compressed; how a client says that it takes them.
_SMALL: Final = 1000
_MOST_COMPRESSED: Final = 128
#: By tag, the latest last. Only the event loop's thread uses it.
_COMPRESSED: Final[OrderedDict[str, bytes]] = OrderedDict()
_GZIP: Final = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")
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
        self._stages = LabStages()
        self._files = {path.name: path for path in FOLDER.iterdir() if path.suffix in _TYPES}
        self._vendored = {path.name: path for path in (FOLDER / "vendor").iterdir() if path.suffix in _TYPES}

    @resource(
        "GET",
        ROOT,
        operation(
            "Where things are; a browser gets the front door",
            members(dict.fromkeys(_PLACES, TEXT)),
            media=["application/json", _TYPES[".html"]],
        ),
    )
    async def root(self, request: Request) -> Response:
        """Give a browser the front door, and a program the paths."""
        accepted = request.headers.get("accept", "")
        if "application/json" in accepted and "text/html" not in accepted:
            return JSONResponse(_PLACES)
        return self._file(request, self._files, _FRONT_DOOR)

    @resource("GET", LOGIN)
    async def login(self, request: Request) -> Response:
        """Give the front door, which takes the code of the address."""
        return self._file(request, self._files, _FRONT_DOOR)

    @resource("GET", f"{PAGE}{{lab}}")
    async def page(self, request: Request) -> Response:
        """Give the page, which is the same for all labs."""
        return self._file(request, self._files, "index.html")

    @resource("GET", OVERVIEW)
    async def overview(self, request: Request) -> Response:
        """Give the page of a class."""
        return self._file(request, self._files, "class.html")

    @resource("GET", f"{PARTS}{{name}}")
    async def part(self, request: Request) -> Response:
        """Give a part of the page."""
        return self._file(request, self._files, request.path_params["name"])

    @resource("GET", VENDORED)
    async def vendored(self, request: Request) -> Response:
        """Give a part of the page that others wrote."""
        return self._file(request, self._vendored, request.path_params["name"])

    @resource(
        "GET",
        STAGE,
        operation(
            "The network of a lab as its page draws it",
            _STAGE,
            given=[
                parameter("query", "of", "file: before a router has answered, without tunnels and addresses"),
                parameter("header", "If-None-Match", "Answer 304 if it still has one of these ETags; *: always"),
            ],
            tagged=True,
            refused=[HTTPStatus.BAD_REQUEST],
        ),
    )
    async def stage(self, request: Request) -> Response:
        """Describe the network of a lab."""
        lab, caller, of = request.path_params["lab"], request.scope["caller"], request.query_params.get("of")
        if of not in (None, "file"):
            raise Problem(HTTPStatus.BAD_REQUEST, "of is 'file', or is left out")
        draw = self._stages.stage if of is None else lab_sketch
        tag, octets = await self._workers.run(lab, caller, lambda: self._fleet.drawn(lab, draw))
        return packed(request, octets, quoted(tag), "application/json")

    @resource(
        "GET", MEANINGS, operation("What messages and their fields mean, by protocol and word", ANY_OBJECT), apart=True
    )
    async def meanings(self, request: Request) -> Response:
        """Explain messages and their fields."""
        return JSONResponse(await self._workers.run_read(request.scope["caller"], _meanings))

    @staticmethod
    def _file(request: Request, files: dict[str, Path], name: str) -> Response:
        path = files.get(name)
        if path is None:
            raise Problem(HTTPStatus.NOT_FOUND, "the page has no such file")
        octets = path.read_bytes()
        if path.suffix == ".html":
            octets = preloading(octets.decode()).encode()
        # A browser asks each time whether it still has the right one, so that no page is made of two releases.
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
        return packed(request, octets, quoted(tag_of(octets)), _TYPES[path.suffix], headers)


def packed(request: Request, octets: bytes, tag: str, media: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer, compressed for a client that takes that; 304 if the client has it. tag: quoted."""
    more = {**(headers or {}), "ETag": tag, "Vary": "Accept-Encoding"}
    if is_known(request, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED.value, headers=more)
    if len(octets) > _SMALL and _GZIP.search(request.headers.get("accept-encoding", "")):
        found = _COMPRESSED.pop(tag, None) or gzip.compress(octets, mtime=0)
        _COMPRESSED[tag] = found
        if len(_COMPRESSED) > _MOST_COMPRESSED:
            _COMPRESSED.popitem(last=False)
        octets, more["Content-Encoding"] = found, "gzip"
    return Response(octets, media_type=media, headers=more)


def _meanings() -> dict[str, dict[str, str]]:
    from dmvpn.router.features import FEATURES  # the whole program: a server that nobody asks does not need it

    return in_messages(FEATURES)


_BODY: Final = '{"code": "CODE"}'


class Login:
    """The resources as methods."""

    def __init__(self, entrance: Entrance, lab: str | None) -> None:
        """lab: the only lab of this server; None: it serves all labs."""
        self._entrance = entrance
        self._lab = lab

    @resource("POST", EXCHANGE, operation("A token for the printed code", ANY_OBJECT, body=members({"code": TEXT})))
    async def exchange(self, request: Request) -> Response:
        """Give a token for the code."""
        token = self._entrance.exchange(await _secret(request, ("code",)))
        if token is None:
            raise self._wrong(request)
        self._note(request, NAMELESS, self._entrance.role, "token")
        return JSONResponse({"token": token, "role": self._entrance.role.value})

    @resource(
        "POST",
        SESSION,
        operation(
            "A session for the printed code or a token", ANY_OBJECT, body=members({}, {"code": TEXT, "token": TEXT})
        ),
        apart=True,
    )
    async def open(self, request: Request) -> Response:
        """Give a session for the code or a token."""
        made = self._entrance.open_session(await _secret(request, ("code", "token")))
        if made is None:
            raise self._wrong(request)
        self._note(request, made.name, made.role, "session")
        answer = JSONResponse({"key": made.key, "user": made.name, "role": made.role.value})
        secure: bool = request.scope["origin"].secure
        answer.set_cookie(
            SECURE_COOKIE if secure else COOKIE,
            made.cookie,
            max_age=int(SESSION_LIFE),
            path="/",
            secure=secure,
            httponly=True,
            samesite="strict",
        )
        return answer

    @resource("GET", SESSION, operation("Who asks", ANY_OBJECT), apart=True)
    async def state(self, request: Request) -> Response:
        """Say who asks."""
        caller = request.scope["caller"]
        who = {"user": caller.name, "role": caller.role.value, "labs": caller.labs, "serves": self._lab or ""}
        return JSONResponse({**who, "without": caller.without, "closes": caller.closes})

    @resource(
        "DELETE",
        SESSION,
        operation("End the session, or the token of the code", ANY_OBJECT),
        role=Role.VIEW,
        apart=True,
    )
    async def close(self, request: Request) -> Response:
        """End the session, or the token of the code."""
        self._entrance.close(request.scope["caller"])
        request.scope["guard"].note("logout", request.scope["caller"])
        answer = JSONResponse({})
        secure: bool = request.scope["origin"].secure
        name = SECURE_COOKIE if secure else COOKIE
        answer.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="strict")
        return answer

    @staticmethod
    def _wrong(request: Request) -> Problem:
        problem = Problem(HTTPStatus.FORBIDDEN, "the code is wrong, expired or already used")
        wrong: Problem = request.scope["guard"].refused("wrong code", request.scope["origin"].place, problem)
        return wrong

    @staticmethod
    def _note(request: Request, user: str, role: Role, into: str) -> None:
        by = "code" if user == NAMELESS else "token"
        request.scope["guard"].note_login(user, role, request.scope["origin"].place, by=by, into=into)


async def _secret(request: Request, names: tuple[str, ...]) -> str:
    """Return the code or token in the body. Raises Problem."""
    given = await body_of(request, _BODY)
    found = [given[name] for name in names if name in given]
    if len(found) != 1 or not isinstance(found[0], str):
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_BODY}")
    return found[0]
