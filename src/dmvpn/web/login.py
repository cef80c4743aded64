"""Coming in: the code for a token, and the code or a token for a session of a browser.

The code is in the fragment of the printed address: browsers send no fragment, so no log and no `Referer` has it. The
front door (`page/home.js`) takes it out of the address bar at once, and keeps the key of the session where only pages
of this very server find it (`localStorage`).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse, Response

from dmvpn.web.bodies import Problem, body_of
from dmvpn.web.document import ANY_OBJECT, TEXT, members, operation
from dmvpn.web.entrance import SESSION_LIFE, Entrance
from dmvpn.web.guard import COOKIE, EXCHANGE, SECURE_COOKIE, SESSION
from dmvpn.web.permission import NAMELESS, Role, resource

if TYPE_CHECKING:
    from starlette.requests import Request


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
