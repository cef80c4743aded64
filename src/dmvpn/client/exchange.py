"""Requests and answers as values, and events over several connections: what the two fronts send and receive.

an operation (`operations.py`) yields a Request, gets its Reply, and returns the result: it is a generator
a front (`sync.py`, `aio.py`) carries the requests out, each in its own way

Of the events of a router or a lab, the fronts connect and wait; the rest is here.

    request() -> connected() -> a stream of server-sent events -> take(event) -> news, Gone, or nothing
                 it breaks -> lost(error) -> the seconds until the next request, or the error itself

The patience is for the time without a connection, so it starts again with each connection, whether events come or not:
a proxy that closes idle connections ends no stream of a quiet router. Tries become rarer until an event comes, so a
server that accepts connections and breaks them at once is not flooded.

Each request names the last event that came (`Last-Event-ID`), so no event is lost or repeated as long as the router
remembers it; `News.missed` counts what it forgot.

`Settings` say which server, with which token, and which authorities are trusted. Whatever a call does not give comes
from the environment:

    DMVPN_WEB_URL          the address; without it http://127.0.0.1:8080
    DMVPN_WEB_TOKEN        the token
    DMVPN_WEB_TOKEN_FILE   a file of this user that has the token alone, which other users cannot read
    DMVPN_WEB_AUTHORITY    a file with the certificates of the authorities to trust, PEM, instead of the system's

The token leaves this process in the header of a request to this server, over TLS or on loopback, and in no other way:
redirections are not followed, proxies of the environment are not used, and no text of this package has it.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import json
import os
import re
import ssl
import stat
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, cast
from urllib.parse import urlencode, urlsplit

import httpx2

from dmvpn.base.values import Value
from dmvpn.client import values
from dmvpn.client.values import (
    AnswerError,
    Gone,
    NotReachedError,
    ProblemError,
    RefusedLine,
    RouterError,
    UnavailableError,
    UsageError,
)
from dmvpn.face.messages import News
from dmvpn.ios.filters import Plain
from dmvpn.ios.from_plain import MisfitError, reader_of_type

URL, TOKEN, TOKEN_FILE, AUTHORITY = (f"DMVPN_WEB_{name}" for name in ("URL", "TOKEN", "TOKEN_FILE", "AUTHORITY"))
_USUAL: Final = "http://127.0.0.1:8080"
#: What `dmvpn web` prints behind its address.
_PRINTED: Final = "/api/v1"
_SECRET: Final = re.compile(r"[\x21-\x7e]{1,4096}")
_LARGEST: Final = 4097
#: Mode of a file that others may read or write.
_OF_OTHERS: Final = 0o077
#: A pipe would block until its other end is opened.
_CAREFULLY: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class Settings(Value, kw_only=True):
    """A server. url: without a slash at its end. context: of TLS. timeout: seconds of silence."""

    url: str
    token: str = field(repr=False)
    context: ssl.SSLContext
    timeout: float

    @classmethod
    def of(
        cls,
        url: str | None,
        token: str | None,
        token_file: str | os.PathLike[str] | None,
        authority: str | os.PathLike[str] | None,
        timeout: float,
        environment: Mapping[str, str] = os.environ,
    ) -> Settings:
        """Return the settings of a call and the environment. Raises UsageError."""
        address, is_secure = _address(url or environment.get(URL) or _USUAL)
        if not token and not token_file:
            token, token_file = environment.get(TOKEN), environment.get(TOKEN_FILE)
        authority = authority or environment.get(AUTHORITY)
        if authority and not is_secure:
            raise UsageError(f"{address} has no TLS, so there is no certificate to check: use https://")
        if not token and token_file:
            token = _read(Path(token_file))
        if not token:
            raise UsageError(f"no token: give token=, token_file=, or set {TOKEN} or {TOKEN_FILE}")
        if not _SECRET.fullmatch(token):
            raise UsageError("the token has characters that no token has")
        return cls(url=address, token=token, context=_context(authority), timeout=timeout)


def _address(url: str) -> tuple[str, bool]:
    """Return the address of a server, and whether it has TLS. Raises UsageError."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"{url!r} is no address of a server: {error}") from error
    path = parts.path.rstrip("/").removesuffix(_PRINTED)
    if (
        parts.scheme not in ("http", "https")
        or not host
        or path
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise UsageError("the address of a server is http://HOST:PORT or https://HOST:PORT, and nothing else")
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if parts.scheme == "http" and not is_loopback:
        raise UsageError(f"a token goes over TLS to other machines: https://{parts.netloc}")
    return f"{parts.scheme}://{parts.netloc}", parts.scheme == "https"


def _read(path: Path) -> str:
    """Return what a file has, opened in a way that neither blocks nor follows a link. Raises UsageError."""
    try:
        with open(path, "rb", opener=lambda name, _: os.open(name, _CAREFULLY)) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise UsageError(f"{path}: no regular file")
            if found.st_uid != os.geteuid():
                raise UsageError(f"{path}: another user owns it")
            if found.st_mode & _OF_OTHERS:
                raise UsageError(f"{path}: other users may read or write it: chmod 600")
            return file.read(_LARGEST).decode("ascii", "replace").strip()
    except OSError as error:
        reason = "a link, not the file itself" if error.errno == errno.ELOOP else error.strerror
        raise UsageError(f"{path}: {reason}") from error


def _context(authority: str | os.PathLike[str] | None) -> ssl.SSLContext:
    """Return what trusts an authority alone, or those of the system. Raises UsageError."""
    try:
        return ssl.create_default_context(cafile=authority)
    except ssl.SSLError as error:
        raise UsageError(f"{authority}: no certificates in PEM form") from error
    except OSError as error:
        raise UsageError(f"{authority}: {error.strerror}") from error


T = TypeVar("T")

#: Octets of an answer. A show of 100,000 routes has 30 MB.
LARGEST: Final = 256 << 20
#: Octets of an event: a line of the management socket has 1 MiB at most, and less blanks.
LARGEST_EVENT: Final = 4 << 20
#: Seconds between two signs of life of a stream: the server sends one every 15.
STREAM_SILENCE: Final = 45.0
_PROBLEM: Final = "application/problem+json"
_TAG: Final = re.compile(r'"([\x21\x23-\x7e]{1,200})"')
_GOOD: Final = (HTTPStatus.OK, HTTPStatus.ACCEPTED)

#: The news of a stream.
N = TypeVar("N")

#: Seconds until the first new try, and at most between two.
_FIRST, _LONGEST = 0.5, 15.0
#: Errors that may pass.
_PASSING: Final = (NotReachedError, UnavailableError, RouterError)


# ------------------------------------------------------------------------------------------------ requests and answers


class Request(Value):
    """A request. path: encoded, with the query. body: plain data, sent as JSON, or None.

    after: seconds that the front waits before it sends the request.
    """

    path: str
    method: str = "GET"
    body: Mapping[str, object] | None = None
    headers: tuple[tuple[str, str], ...] = ()
    after: float = 0.0


class Reply(Value):
    """An answer, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Plain:
        """Return what a good answer says. Raises AnswerError."""
        try:
            return cast("Plain", json.loads(self.body, parse_constant=_no_json))
        except (ValueError, RecursionError) as error:
            raise values.AnswerError("the answer is no JSON, or is cut off") from error

    @property
    def tag(self) -> str:
        """Which version of the resource it is (`ETag`), "" if it does not say."""
        found = _TAG.fullmatch(self.headers.get("etag", ""))
        return found[1] if found else ""


#: An operation that returns T.
Steps = Generator[Request, Reply, T]


class ReplyReader:
    """Collects an answer, up to a size."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self._body = bytearray()
        if response.headers.get("content-encoding", "identity") != "identity":
            raise values.AnswerError("the answer is compressed, against the request")

    def take(self, octets: bytes) -> None:
        """Take a part. Raises AnswerError."""
        self._body += octets
        if len(self._body) > LARGEST:
            raise values.AnswerError(f"the answer has more than {LARGEST} octets")

    def reply(self) -> Reply:
        """Return a good answer. Raises ProblemError, AnswerError."""
        response = self._response
        reply = Reply(response.status_code, response.headers, bytes(self._body))
        if reply.status >= HTTPStatus.BAD_REQUEST:
            raise problem(reply)
        if reply.status not in _GOOD:
            raise values.AnswerError(f"status {reply.status}: the address is not that of dmvpn web")
        return reply


def made(kind: type[T], plain: Plain) -> T:
    """Return plain data as a value of a type. Raises AnswerError."""
    try:
        return cast("T", reader_of_type(kind)(plain))
    except MisfitError as error:
        raise values.AnswerError(f"another version of dmvpn answers? {error}") from error


def problem(reply: Reply) -> values.ProblemError:
    """Return the error that an answer is."""
    found: Plain = None
    if reply.headers.get("content-type", "").partition(";")[0].strip() == _PROBLEM:
        with contextlib.suppress(values.AnswerError):
            found = reply.json()
    members = found if isinstance(found, dict) else {}
    known = {one.value: one.phrase for one in HTTPStatus}
    title, detail, kind = (members.get(name) for name in ("title", "detail", "type"))
    error = values.OF_STATUS.get(reply.status, values.ProblemError)(
        reply.status,
        title if isinstance(title, str) else known.get(reply.status, "Unknown"),
        detail if isinstance(detail, str) else "",
        type=kind if isinstance(kind, str) else "about:blank",
        retry_after=_seconds(reply.headers.get("retry-after", "")),
    )
    if isinstance(error, values.OutdatedError):
        error.tag = reply.tag
    if isinstance(error, values.InvalidError):
        error.refused = _refused(members.get("refused", []))
    return error


def _refused(plain: Plain) -> tuple[RefusedLine, ...]:
    """Return the lines that the router refuses; () if the server says it in another way."""
    with contextlib.suppress(MisfitError):
        return cast("tuple[RefusedLine, ...]", reader_of_type(tuple[RefusedLine, ...])(plain))
    return ()


def _seconds(text: str) -> float | None:
    """Return the seconds of `Retry-After`; a date is not read."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _no_json(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def options(settings: Settings) -> dict[str, Any]:
    """Return the options of the client of HTTP, which are the same for both fronts."""
    return {
        "base_url": settings.url,
        "headers": {"Authorization": f"Bearer {settings.token}", "Accept-Encoding": "identity"},
        "verify": settings.context,
        "trust_env": False,
        "follow_redirects": False,
        "timeout": httpx2.Timeout(settings.timeout),
    }


def arguments(request: Request) -> dict[str, Any]:
    """Return the arguments of the client's `stream`, likewise. Raises UsageError."""
    headers, content = dict(request.headers), None
    if request.body is not None:
        try:
            content = json.dumps(request.body, allow_nan=False).encode("ascii")
        except (TypeError, ValueError) as error:
            raise values.UsageError(f"this cannot be sent as JSON: {error}") from error
        headers["Content-Type"] = "application/json"
    return {"method": request.method, "url": request.path, "content": content, "headers": headers}


@contextlib.contextmanager
def reaching(settings: Settings) -> Iterator[None]:
    """Turn errors of the connection into ours. Raises NotReachedError, AnswerError."""
    try:
        yield
    except httpx2.SSEError as error:
        raise values.AnswerError(f"{settings.url}: no stream of events: {error}") from error
    except httpx2.TimeoutException as error:
        raise values.NotReachedError(f"{settings.url}: nothing came for too long") from error
    except (httpx2.HTTPError, httpx2.StreamError) as error:
        raise values.NotReachedError(f"{settings.url}: {error or type(error).__name__}") from error


# ------------------------------------------------------------------------------------------------ events


class Following(Generic[N]):
    """See the module's docstring. patience: seconds without a connection after which it gives up.

    read: makes of news, and of all data of their event, what the caller gets.
    """

    def __init__(
        self, base: str, topics: Sequence[str], since: str, patience: float, read: Callable[[News, dict[str, Plain]], N]
    ) -> None:
        self.ended = False
        self.since = since
        query = f"?{urlencode({'topics': ','.join(topics)})}" if topics else ""
        self._path = f"{base}/events{query}"
        self._patience = patience
        self._read = read
        self._was_there = False
        self._wait = _FIRST
        self._lost_at: float | None = None

    def request(self) -> Request:
        """Return the next request."""
        headers = [("Accept", "text/event-stream"), *([("Last-Event-ID", self.since)] if self.since else [])]
        return Request(self._path, headers=tuple(headers))

    def connected(self) -> None:
        """Note that the server gives a stream."""
        self._was_there, self._lost_at = True, None

    def take(self, event: httpx2.ServerSentEvent) -> N | Gone | None:
        """Return what an event says, None: nothing. Raises AnswerError."""
        self.connected()
        self._wait = _FIRST
        if event.event == "ended":
            self.ended = True
        if event.event not in ("news", "gone"):
            return None  # of a newer server
        try:
            data = json.loads(event.data)
        except (ValueError, RecursionError) as error:
            raise AnswerError("an event has no JSON") from error
        if event.event == "gone":
            return made(Gone, data)
        if not isinstance(data, dict):
            raise AnswerError("an event is no object")
        news = made(News, {**data, "id": event.id})
        found = self._read(news, data)
        self.since = news.id
        return found

    def lost(self, error: NotReachedError | ProblemError, now: float) -> float:
        """Return the seconds to wait before the next request. now: monotonic. Raises the error if there is none."""
        self._lost_at = now if self._lost_at is None else self._lost_at
        if not (self._was_there and isinstance(error, _PASSING)) or now - self._lost_at >= self._patience:
            raise error
        wait = getattr(error, "retry_after", None) or self._wait
        self._wait = min(self._wait * 2, _LONGEST)
        return min(wait, _LONGEST)
