"""Who may come in: it judges each request before any resource sees it.

- `Host`, `Origin` and the headers of a proxy: `origin`.
- Every resource but `OPEN` and the files of the page needs a token, `Authorization: Bearer TOKEN` (RFC 6750), or a
  session: a cookie and the header `X-Session-Key`. A token in an address is refused: addresses are written to logs.
- A request that two programs could read in two ways is refused: two lengths, `%2F` in front of a show (`framing`).
- Bodies and answers are bounded in size and time: `bounded`.
- A request that runs ends when its token is revoked or expires, and a job of a pupil when the token is revoked.
"""

from __future__ import annotations

import asyncio
import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from dmvpn.web.attempts import Attempts
from dmvpn.web.bounded import LARGEST_BODY, SMALL_BODY, Bounded, Patient, drain
from dmvpn.web.framing import check_framing, check_path
from dmvpn.web.origin import Names, origin_of
from dmvpn.web.problems import CLOSE, Problem
from dmvpn.web.roles import READING

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from dmvpn.web.audit import Audit
    from dmvpn.web.bounds import Bounds
    from dmvpn.web.entrance import Caller, Entrance
    from dmvpn.web.origin import Origin
    from dmvpn.web.roles import Role

EXCHANGE: Final = "/api/v1/tokens"
SESSION: Final = "/api/v1/session"
LOGIN: Final = "/login"
HEALTH: Final = "/healthz"
ROOT: Final = "/"
#: The page of a lab, and its parts: files without secrets.
PAGE: Final = "/labs/"
OVERVIEW: Final = "/class"
PARTS: Final = "/page/"
#: What needs no token: resource and method.
OPEN: Final = frozenset(
    (path, method)
    for path, methods in (
        (EXCHANGE, ("POST",)),
        (SESSION, ("POST",)),
        (LOGIN, READING),
        (OVERVIEW, READING),
        (HEALTH, READING),
        (ROOT, READING),
    )
    for method in methods
)
#: With TLS, browsers take a cookie of this name from the server itself alone.
COOKIE: Final = "dmvpn_session"
SECURE_COOKIE: Final = "__Host-dmvpn_session"
SESSION_KEY: Final = "x-session-key"
_SCHEME: Final = "bearer "
#: Users and addresses whose login was noted.
_REMEMBERED: Final = 1024
#: Seconds between two faults of ours that are logged.
_SELDOM: Final = 30.0

_log = logging.getLogger("dmvpn.web")


class Visit(Protocol):
    """The connection on which a request came."""

    def prove(self, caller: Caller) -> bool:
        """Note that the caller has a token; False: there are too many connections."""

    def doubt(self) -> None:
        """Note that the caller has none."""

    def abort(self) -> None:
        """End it at once."""


class Guard:
    """See the module's docstring."""

    def __init__(
        self,
        app: ASGIApp,
        entrance: Entrance,
        audit: Audit,
        names: Names,
        bounds: Bounds,
        when_revoked: Callable[[str], object] = lambda name: None,
    ) -> None:
        """when_revoked: is called with the name of a token that was revoked."""
        self._app = app
        self._when_revoked = when_revoked
        self._entrance = entrance
        self._audit = audit
        self._names = names
        self._bounds = bounds
        self._attempts = Attempts()
        self._next_fault = 0.0
        self._open: dict[asyncio.Task[None], Caller] = {}
        self._seen: dict[tuple[str, str], None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            return
        visit: Visit | None = scope.get("state", {}).get("connection")
        answering = Patient(send)
        try:
            try:
                await self._answer(scope, receive, answering, visit)
            except Problem as problem:
                if answering.status is not None:
                    raise  # in the middle of an answer there is no way to say more
                if problem.status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                    await drain(scope, receive)
                await problem.response()(scope, receive, answering)
        except (Problem, TimeoutError, ClientDisconnect):
            _abort(visit)
        except asyncio.CancelledError:
            if scope.get("caller") is None or self._entrance.is_valid(scope["caller"]):
                raise
            _abort(visit)  # the token was revoked
        except Exception:
            self._log_fault(f"{scope['method']} {scope['path'][:200]!r}")
            if not answering.is_whole:
                _abort(visit)
        finally:
            if visit is not None and answering.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS):
                visit.doubt()

    async def _answer(self, scope: Scope, receive: Receive, answering: Patient, visit: Visit | None) -> None:
        caller = self._judge(scope, visit)
        if caller is None:
            await self._app(scope, Bounded(receive, SMALL_BODY), answering)
        else:
            body = Bounded(receive, LARGEST_BODY, lambda octets: self._bounds.claim("bodies", caller, octets))
            try:
                await self._serve(caller, scope, body, answering)
            finally:
                self._bounds.release("bodies", caller, body.octets)

    def _log_fault(self, what: str) -> None:
        """Log a fault of ours with its traceback, seldom: a client may repeat its request."""
        now = time.monotonic()
        if now >= self._next_fault:
            self._next_fault = now + _SELDOM
            _log.exception("a request failed: %s", what)

    # ------------------------------------------------------------------------------------------------ judging

    def _judge(self, scope: Scope, visit: Visit | None) -> Caller | None:
        """Return the caller; None where no token is needed. Raises Problem."""
        headers = Headers(scope=scope)
        check_framing(scope, headers)
        check_path(scope)
        scope["guard"] = self
        if scope["path"] == HEALTH and scope["method"] in READING:
            return None  # a monitor may know this process by any name
        origin = scope["origin"] = origin_of(scope, headers, self._names)
        path, method = scope["path"], scope["method"]
        if (path, method) in OPEN or (method in READING and path.startswith((PAGE, PARTS))):
            return None
        caller = self._caller(headers, origin)
        if caller is None:
            has_one = "authorization" in headers or SESSION_KEY in headers
            raise self.refused("wrong token" if has_one else "", origin.place, _challenge(headers))
        if visit is not None and not visit.prove(caller):
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections", {"Retry-After": "5", **CLOSE})
        scope["caller"], scope["role"], scope["bounds"] = caller, caller.role, self._bounds
        return caller

    def _caller(self, headers: Headers, origin: Origin) -> Caller | None:
        given = headers.getlist("authorization")
        if len(given) > 1:
            raise Problem(HTTPStatus.BAD_REQUEST, "two Authorization headers")
        if given:
            known = given[0][: len(_SCHEME)].lower() == _SCHEME
            return self._entrance.by_token(given[0][len(_SCHEME) :].strip(), origin.place) if known else None
        key = headers.getlist(SESSION_KEY)
        cookie = _cookies(headers, SECURE_COOKIE if origin.secure else COOKIE)
        if len(key) != 1 or len(cookie) != 1:
            return None
        return self._entrance.by_session(cookie[0], key[0], origin.place)

    def refused(self, what: str, place: str, problem: Problem) -> Problem:
        """Count a refusal. what: the wrong thing, "": there was no token. Returns the problem for the answer."""
        wait = self._attempts.wrong(place, time.monotonic())
        if not wait:
            self._audit.refusal(what or "no token", **{"from": place})
        if not wait or not what:
            return problem
        detail = f"too many wrong tokens or codes from this address: wait {wait:.0f} s. A right one is taken at once"
        return Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": f"{wait:.0f}", **CLOSE})

    # ------------------------------------------------------------------------------------------------ serving

    async def _serve(self, caller: Caller, scope: Scope, receive: Receive, answering: Patient) -> None:
        task = asyncio.current_task()
        self._note_first(caller)
        if task is not None:
            self._open[task] = caller
        try:
            await self._app(scope, receive, answering)
        finally:
            self._open.pop(task, None)  # type: ignore[arg-type]
            if scope["method"] not in READING and scope["path"] != SESSION and not scope.get("unnoted", False):
                status = answering.status or 0
                details: dict[str, str] = scope.get("details", {})
                self.note("change", caller, method=scope["method"], path=scope["path"], status=status, **details)

    def end_revoked(self) -> None:
        """End the requests of callers whose token is no longer valid."""
        self._entrance.refresh()
        for task, caller in [*self._open.items()]:
            if not self._entrance.is_valid(caller):
                task.cancel()
        for name in self._entrance.take_revoked():
            self._audit.note("revoked", user=name)
            self._when_revoked(name)

    def note(self, event: str, caller: Caller, **details: str | int) -> None:
        """Write a line of the audit about a caller."""
        self._audit.note(event, user=caller.name, role=caller.role.value, **{"from": caller.place}, **details)

    def note_login(self, user: str, role: Role, place: str, **details: str) -> None:
        """Write a line of the audit about a login."""
        self._seen[user, place] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._audit.note("login", user=user, role=role.value, **{"from": place}, **details)

    def _note_first(self, caller: Caller) -> None:
        """Note that a token is used from an address for the first time."""
        if (caller.name, caller.place) not in self._seen:
            self.note_login(caller.name, caller.role, caller.place, by="token")


def _challenge(headers: Headers) -> Problem:
    detail = "a valid token is needed: Authorization: Bearer TOKEN"
    if "cookie" in headers and "authorization" not in headers:
        detail += f"; a session needs its cookie and the header {SESSION_KEY}"
    return Problem(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": 'Bearer realm="dmvpn"'})


def _cookies(headers: Headers, name: str) -> list[str]:
    """Return all cookies of a name. A second one may have been planted."""
    pairs = [pair.strip().partition("=") for line in headers.getlist("cookie") for pair in line.split(";")]
    return [value for known, _, value in pairs if known == name]


def _abort(visit: Visit | None) -> None:
    if visit is not None:
        visit.abort()
