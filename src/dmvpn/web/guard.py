"""Who may come in: it judges each request before any resource sees it.

- `Host`, `Origin` and the headers of a proxy: `origin`.
- Every resource but `OPEN` and the files of the page needs a token, `Authorization: Bearer TOKEN` (RFC 6750), or a
  session: a cookie and the header `X-Session-Key`. A token in an address is refused: addresses are written to logs.
- A request that two programs could read in two ways is refused: two lengths, two tokens, `%2F` in front of a show.
- A body has at most 1 MiB, that of a login 4 KiB, and 30 s. A reader that takes nothing for 30 s loses its connection.
- A request that runs ends when its token is revoked or expires.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect

from dmvpn.web.attempts import Attempts
from dmvpn.web.origin import Names, origin_of
from dmvpn.web.problems import Problem
from dmvpn.web.roles import READING
from dmvpn.web.tokens import SECRET

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from dmvpn.web.audit import Audit
    from dmvpn.web.entrance import Caller, Entrance
    from dmvpn.web.origin import Origin
    from dmvpn.web.roles import Role

EXCHANGE: Final = "/api/v1/tokens"
SESSION: Final = "/api/v1/session"
LOGIN: Final = "/login"
HEALTH: Final = "/healthz"
#: The page of a lab, and its parts: files without secrets.
PAGE: Final = "/labs/"
PARTS: Final = "/page/"
#: What needs no token: resource and method.
OPEN: Final = frozenset(
    (path, method)
    for path, methods in ((EXCHANGE, ("POST",)), (SESSION, ("POST",)), (LOGIN, READING), (HEALTH, READING))
    for method in methods
)
#: Octets of a body, with a token and without one.
LARGEST_BODY: Final = 1 << 20
SMALL_BODY: Final = 1 << 12
MOST_HEADERS: Final = 1 << 14
PATIENCE: Final = 30.0
#: With TLS, browsers take a cookie of this name from the server itself alone.
COOKIE: Final = "dmvpn_session"
SECURE_COOKIE: Final = "__Host-dmvpn_session"
SESSION_KEY: Final = "x-session-key"
#: Seconds for which the rest of a body that is too large is taken, and octets of it.
_DRAINING: Final = 2.0
_MOST_DRAINED: Final = 8 << 20
_SCHEME: Final = "bearer "
_SECRET_WORDS: Final = ("token", "access_token", "code", "session_key", "authorization")
#: Parts of a path in front of the words of a show, where a slash is one between two parts.
_STRUCTURE: Final = 8
_SAFE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
#: Users and addresses whose login was noted.
_REMEMBERED: Final = 1024
_CLOSE: Final = {"Connection": "close"}
_TOO_LARGE: Final = "a body has at most 1 MiB, and that of a login 4 KiB"

_log = logging.getLogger("dmvpn.web")


class Visit(Protocol):
    """The connection on which a request came."""

    def prove(self, user: str) -> bool:
        """Note that the caller has a token of a user; False: there are too many connections."""

    def doubt(self) -> None:
        """Note that the caller has none."""

    def abort(self) -> None:
        """End it at once."""


class Guard:
    """See the module's docstring."""

    def __init__(self, app: ASGIApp, entrance: Entrance, audit: Audit, names: Names) -> None:
        self._app = app
        self._entrance = entrance
        self._audit = audit
        self._names = names
        self._attempts = Attempts()
        self._next_fault = 0.0
        self._open: dict[asyncio.Task[None], Caller] = {}
        self._seen: dict[tuple[str, str], None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            return
        visit: Visit | None = scope.get("state", {}).get("connection")
        answering = _Patient(send)
        try:
            try:
                await self._answer(scope, receive, answering, visit)
            except Problem as problem:
                if answering.status is not None:
                    raise  # in the middle of an answer there is no way to say more
                if problem.status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                    await _drain(scope, receive)
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

    async def _answer(self, scope: Scope, receive: Receive, answering: _Patient, visit: Visit | None) -> None:
        caller = self._judge(scope, visit)
        if caller is None:
            await self._app(scope, _Bounded(receive, SMALL_BODY), answering)
        else:
            await self._serve(caller, scope, _Bounded(receive, LARGEST_BODY), answering)

    def _log_fault(self, what: str) -> None:
        """Log a fault of ours with its traceback, seldom: a client may repeat its request."""
        now = time.monotonic()
        if now >= self._next_fault:
            self._next_fault = now + PATIENCE
            _log.exception("a request failed: %s", what)

    # ------------------------------------------------------------------------------------------------ judging

    def _judge(self, scope: Scope, visit: Visit | None) -> Caller | None:
        """Return the caller; None where no token is needed. Raises Problem."""
        headers = Headers(scope=scope)
        _check_framing(scope, headers)
        _check_path(scope)
        scope["guard"] = self
        if scope["path"] == HEALTH and scope["method"] in READING:
            return None  # a monitor may know this process by any name
        origin = scope["origin"] = origin_of(scope, headers, self._names)
        if _is_open(scope["path"], scope["method"]):
            return None
        caller = self._caller(headers, origin)
        if caller is None:
            has_one = "authorization" in headers or SESSION_KEY in headers
            raise self.refused("wrong token" if has_one else "", origin.place, _challenge(headers))
        if visit is not None and not visit.prove(caller.name):
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections", {"Retry-After": "5", **_CLOSE})
        scope["caller"], scope["role"] = caller, caller.role
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
        return Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": f"{wait:.0f}", **_CLOSE})

    # ------------------------------------------------------------------------------------------------ serving

    async def _serve(self, caller: Caller, scope: Scope, receive: Receive, answering: _Patient) -> None:
        task = asyncio.current_task()
        self._note_first(caller)
        if task is not None:
            self._open[task] = caller
        try:
            await self._app(scope, receive, answering)
        finally:
            self._open.pop(task, None)  # type: ignore[arg-type]
            if scope["method"] not in READING and scope["path"] != SESSION:
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


def _is_open(path: str, method: str) -> bool:
    return (path, method) in OPEN or (method in READING and path.startswith((PAGE, PARTS)))


def _challenge(headers: Headers) -> Problem:
    detail = "a valid token is needed: Authorization: Bearer TOKEN"
    if "cookie" in headers and "authorization" not in headers:
        detail += f"; a session needs its cookie and the header {SESSION_KEY}"
    return Problem(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": 'Bearer realm="dmvpn"'})


def _check_framing(scope: Scope, headers: Headers) -> None:
    """Refuse a body whose end two programs could see in two places (RFC 9112 §6.1), and long headers. Raises Problem.

    h11 bounds headers that arrive in pieces alone.
    """
    octets = sum(len(name) + len(value) + 4 for name, value in headers.raw)
    if octets + len(scope["raw_path"]) + len(scope["query_string"]) > MOST_HEADERS:
        raise Problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers have at most 16 KiB", _CLOSE)
    if "transfer-encoding" in headers and ("content-length" in headers or scope["http_version"] == "1.0"):
        raise Problem(HTTPStatus.BAD_REQUEST, "a body has either a length or chunks", _CLOSE)
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > LARGEST_BODY:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE, _CLOSE)


def _check_path(scope: Scope) -> None:
    """Refuse a path or query that two programs could read in two ways, or that has a secret in it. Raises Problem."""
    raw: bytes = scope["raw_path"]
    parts = raw.split(b"/")
    if not raw.startswith(b"/") or b"\\" in raw or any(part in (b".", b"..") for part in parts):
        raise Problem(HTTPStatus.BAD_REQUEST, "no path of this server")
    if any(b"%2f" in part.lower() for part in parts[:_STRUCTURE]):
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such resource: %2F is for the words of a show")
    names = [name.lower() for name, _ in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)]
    if any(name in _SECRET_WORDS for name in names) or SECRET.search(raw + b"?" + scope["query_string"]):
        detail = "a token or code never belongs in an address, which logs keep: revoke it, if it was one"
        raise Problem(HTTPStatus.BAD_REQUEST, detail)


def _cookies(headers: Headers, name: str) -> list[str]:
    """Return all cookies of a name. A second one may have been planted."""
    pairs = [pair.strip().partition("=") for line in headers.getlist("cookie") for pair in line.split(";")]
    return [value for known, _, value in pairs if known == name]


async def _drain(scope: Scope, receive: Receive) -> None:
    """Take a part of a body that is too large: a client that still sends loses the answer (RFC 9112 §9.6)."""
    headers = Headers(scope=scope)
    length = headers.get("content-length", "0")
    if "expect" in headers or not length.isdecimal() or len(length) > len(str(_MOST_DRAINED)):
        return  # it waits for an answer, and sends nothing yet; or it would send too much
    octets = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAINING):
            while octets < _MOST_DRAINED:
                message = await receive()
                octets += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def _abort(visit: Visit | None) -> None:
    if visit is not None:
        visit.abort()


class _Bounded:
    """Receives a body, up to the bounds of size and time: a body in chunks has no length in front."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = most
        self._octets = 0
        self._ends = asyncio.get_running_loop().time() + PATIENCE
        self._is_whole = False

    async def __call__(self) -> Message:
        if self._is_whole:
            return await self._receive()  # that the client leaves
        try:
            async with asyncio.timeout_at(self._ends):
                message = await self._receive()
        except TimeoutError:
            detail = f"the body did not arrive within {PATIENCE:.0f} s"
            raise Problem(HTTPStatus.REQUEST_TIMEOUT, detail, _CLOSE) from None
        self._is_whole = not message.get("more_body", False)
        self._octets += len(message.get("body", b""))
        if self._octets > self._most:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE, _CLOSE)
        return message


class _Patient:
    """Sends, as long as the reader takes something now and then.

    status: of the answer, None: none yet. is_whole: all of it was sent.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None
        self.is_whole = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _SAFE_HEADERS.items():
                headers.setdefault(name, value)
        async with asyncio.timeout(PATIENCE):
            await self._send(message)
        self.is_whole = message["type"] == "http.response.body" and not message.get("more_body", False)
