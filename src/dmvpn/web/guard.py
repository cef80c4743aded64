"""Who may come in: the guard judges each request before any resource sees it.

- Every resource but `OPEN` and the files of the page needs a token, `Authorization: Bearer TOKEN` (RFC 6750), or a
  session: a cookie and the header `X-Session-Key`. A token in an address is refused: addresses are written to logs.
- A request that two programs could read in two ways is refused: two lengths, `%2F` in front of a show.
- Bodies and answers are bounded in size and time (`bodies`).
- A request that runs ends when its token is revoked or expires, and a job of a student when the token is revoked.

`Host` must be a name of this server: else a page of a stranger, whose name was made to point here, could read answers
(DNS rebinding). An address as `Host` must be the destination of the connection. The port is not compared, so a tunnel
of SSH works; `Origin`, which browsers send, must equal scheme, name and port of the request.

Behind a reverse proxy the client's address, `Host` and scheme are what `X-Forwarded-For` (its last address),
`X-Forwarded-Host` and `X-Forwarded-Proto` say. Only the proxy's own address is believed, and it must send all three.
"""

from __future__ import annotations

import asyncio
import fnmatch
import ipaddress
import logging
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import parse_qsl, unquote_to_bytes

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from dmvpn.base.values import Value
from dmvpn.web.bodies import CLOSE, LARGEST_BODY, SMALL_BODY, TOO_LARGE, Bounded, Problem, TimedSend, drain
from dmvpn.web.bounds import Bounds
from dmvpn.web.entrance import Attempts, Audit, Entrance
from dmvpn.web.permission import READING, SECRET, Caller, Role

_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?)(:\d{1,5})?")
_LOCAL: Final = "localhost"
_LONGEST: Final = 300

MOST_HEADERS: Final = 1 << 15
_SECRET_WORDS: Final = ("token", "access_token", "code", "session_key", "authorization")
#: Parts of a path in front of the words of a show, where a slash is one between two parts.
_STRUCTURE: Final = 8

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


# ---------------------------------------------------------------------------------------------- the origin of a request


class Names(Value):
    """What this server may be called. names: of the certificate and of the user, small letters, `*.` allowed.

    proxies: the addresses of reverse proxies.
    """

    names: frozenset[str] = frozenset()
    proxies: frozenset[str] = frozenset()


class Origin(Value):
    """A request's origin. place: the client's address; host: as the client named this server; secure: TLS."""

    place: str
    host: str
    secure: bool


def origin_of(scope: Scope, headers: Headers, names: Names) -> Origin:
    """Return from where a request comes. Raises Problem."""
    place = _plain(scope["client"][0]) if scope.get("client") else ""
    if place in names.proxies:
        found = _behind_proxy(headers)
        local = ""
    else:
        found = Origin(place, _only(headers, "host").lower(), scope["scheme"] == "https")
        local = _plain(scope["server"][0]) if scope.get("server") else ""
    matched = _HOST.fullmatch(found.host)
    if matched is None or not _is_ours(matched[1], local, names):
        raise Problem(HTTPStatus.MISDIRECTED_REQUEST, "the Host of the request is not this server")
    # A browser says which page asks. A port of the same host is another server, and `null` is one, too. Where the port
    # is the usual one, browsers leave it out in both.
    ours = f"{'https' if found.secure else 'http'}://{found.host}"
    site = headers.get("sec-fetch-site", "none")
    is_visit = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    is_ours = site in ("same-origin", "none") or is_visit
    if not is_ours or any(one.lower() != ours for one in headers.getlist("origin")):
        raise Problem(HTTPStatus.FORBIDDEN, "the request comes from a page of another server")
    return found


def _behind_proxy(headers: Headers) -> Origin:
    place = headers.getlist("x-forwarded-for")[-1:]
    address = _plain(place[0].rpartition(",")[2].strip()) if place else ""
    host, scheme = _only(headers, "x-forwarded-host").lower(), _only(headers, "x-forwarded-proto").lower()
    if not address or not host or not scheme:
        what = "X-Forwarded-For, X-Forwarded-Host and X-Forwarded-Proto, each once"
        raise Problem(HTTPStatus.BAD_REQUEST, f"the proxy must send {what}")
    if scheme != "https":
        raise Problem(HTTPStatus.FORBIDDEN, "the client reached the proxy without TLS")
    return Origin(address, host, secure=True)


def _only(headers: Headers, name: str) -> str:
    """Return a header that may come once; "" where it is missing or comes again."""
    found = headers.getlist(name)
    return found[0].strip() if len(found) == 1 and len(found[0]) <= _LONGEST else ""


def _plain(place: str) -> str:
    """Return an address as it is written usually; "" for none. A socket of both families has IPv4 inside of IPv6."""
    try:
        address = ipaddress.ip_address(place.partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _is_ours(name: str, local: str, names: Names) -> bool:
    literal = _plain(name.strip("[]"))
    if literal:
        return literal == local or literal in names.names
    if name == _LOCAL and local and ipaddress.ip_address(local).is_loopback:
        return True
    return any(fits(name, pattern) for pattern in names.names)


def fits(name: str, pattern: str) -> bool:
    """Return whether a name is the one of a certificate; `*` is one whole label, the first (RFC 9525 §6.3)."""
    if not pattern.startswith("*."):
        return name == pattern
    return name.partition(".")[2] == pattern[2:] and fnmatch.fnmatchcase(name, "?*.*")


# ------------------------------------------------------------------------------------------------ its form


def check_path(scope: Scope) -> None:
    """Refuse a path or query that two programs could read in two ways, or that has a secret in it. Raises Problem."""
    raw: bytes = scope["raw_path"]
    parts = raw.split(b"/")
    if not raw.startswith(b"/") or b"\\" in raw or any(part in (b".", b"..") for part in parts):
        raise Problem(HTTPStatus.BAD_REQUEST, "no path of this server")
    if any(b"%2f" in part.lower() for part in parts[:_STRUCTURE]):
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such resource: %2F is for the words of a show")
    names = [name.lower() for name, _ in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)]
    address = unquote_to_bytes(raw + b"?" + scope["query_string"])
    if any(name in _SECRET_WORDS for name in names) or SECRET.search(address):
        detail = "a token or code never belongs in an address, which logs keep: revoke it, if it was one"
        raise Problem(HTTPStatus.BAD_REQUEST, detail)


# ------------------------------------------------------------------------------------------------ the guard


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
        answering = TimedSend(send)
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
            now = time.monotonic()
            if now >= self._next_fault:  # seldom: a client may repeat its request
                self._next_fault = now + _SELDOM
                _log.exception("a request failed: %s", f"{scope['method']} {scope['path'][:200]!r}")
            if not answering.is_whole:
                _abort(visit)
        finally:
            if visit is not None and answering.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS):
                visit.doubt()

    async def _answer(self, scope: Scope, receive: Receive, answering: TimedSend, visit: Visit | None) -> None:
        caller = self._judge(scope, visit)
        if caller is None:
            await self._app(scope, Bounded(receive, SMALL_BODY), answering)
        else:
            body = Bounded(receive, LARGEST_BODY, lambda octets: self._bounds.claim("bodies", caller, octets))
            try:
                await self._serve(caller, scope, body, answering)
            finally:
                self._bounds.release("bodies", caller, body.octets)

    # ------------------------------------------------------------------------------------------------ judging

    def _judge(self, scope: Scope, visit: Visit | None) -> Caller | None:
        """Return the caller; None where no token is needed. Raises Problem."""
        headers = Headers(scope=scope)
        # Refuse a body whose end two programs could see in two places (RFC 9112 §6.1), and long headers: h11 bounds
        # those alone that arrive in pieces.
        octets = sum(len(name) + len(value) + 4 for name, value in headers.raw)
        if octets + len(scope["raw_path"]) + len(scope["query_string"]) > MOST_HEADERS:
            raise Problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers have at most 32 KiB", CLOSE)
        if "transfer-encoding" in headers and ("content-length" in headers or scope["http_version"] == "1.0"):
            raise Problem(HTTPStatus.BAD_REQUEST, "a body has either a length or chunks", CLOSE)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE, CLOSE)
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
            detail = "a valid token is needed: Authorization: Bearer TOKEN"
            if "cookie" in headers and "authorization" not in headers:
                detail += f"; a session needs its cookie and the header {SESSION_KEY}"
            challenge = Problem(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": 'Bearer realm="dmvpn"'})
            has_one = "authorization" in headers or SESSION_KEY in headers
            raise self.refused("wrong token" if has_one else "", origin.place, challenge)
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

    async def _serve(self, caller: Caller, scope: Scope, receive: Receive, answering: TimedSend) -> None:
        task = asyncio.current_task()
        if (caller.name, caller.place) not in self._seen:
            self.note_login(caller.name, caller.role, caller.place, by="token")
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


def _cookies(headers: Headers, name: str) -> list[str]:
    """Return all cookies of a name. A second one may have been planted."""
    pairs = [pair.strip().partition("=") for line in headers.getlist("cookie") for pair in line.split(";")]
    return [value for known, _, value in pairs if known == name]


def _abort(visit: Visit | None) -> None:
    if visit is not None:
        visit.abort()
