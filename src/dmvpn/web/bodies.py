"""Bodies of requests and answers: objects of JSON, problems (RFC 9457), and their bounds in size and time.

A body has at most 1 MiB, that of a login 4 KiB, and 30 s. A reader that takes nothing for 30 s loses its connection. To
read a large object keeps all other requests waiting, so one user has a tenth of the time for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from dmvpn.ios.filters import Plain

_LONGEST: Final = 1000
NO_LAB: Final = "no lab of this name runs"
#: Of an answer behind which nothing on the connection can be believed.
CLOSE: Final = {"Connection": "close"}

#: Octets of a body that is read at once. The pause after a larger one, as a multiple of the time that it took.
_SMALL: Final = 1 << 14
PAUSE: Final = 9

#: Octets of a body, with a token and without one.
LARGEST_BODY: Final = 1 << 20
SMALL_BODY: Final = 1 << 12
PATIENCE: Final = 30.0
TOO_LARGE: Final = "a body has at most 1 MiB, and that of a login 4 KiB"
#: Seconds for which the rest of a body that is too large is taken, and octets of it.
_DRAINING: Final = 2.0
_MOST_DRAINED: Final = 8 << 20
_SAFE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


# ------------------------------------------------------------------------------------------------ problems


class Problem(Exception):
    """A request that fails. detail: a sentence for the user; headers: of the answer; more: members of its object."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Plain] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    @property
    def body(self) -> dict[str, Plain]:
        """The object. Its type is `about:blank`: the status says what kind of error it is (RFC 9457 §4.2.1)."""
        return {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail[:_LONGEST].encode(errors="replace").decode(),  # of a file it may have any octets
            **self.more,
        }

    def response(self) -> JSONResponse:
        """Return the answer."""
        headers = {**self.headers, "Cache-Control": "no-store"}
        return JSONResponse(self.body, self.status.value, headers, media_type="application/problem+json")


# ------------------------------------------------------------------------------------------------ objects of JSON


async def body_of(request: Request, meaning: str) -> dict[str, object]:
    """Return the object in the body. meaning: what it is to be, for the problem. Raises Problem."""
    octets = await request.body()
    if len(octets) <= _SMALL:
        return _object(octets, meaning)
    bounds, caller, loop = request.scope["bounds"], request.scope["caller"], asyncio.get_running_loop()
    await bounds.await_turn("parses", caller)
    began = loop.time()
    try:
        return _object(octets, meaning)
    finally:
        loop.call_later(PAUSE * (loop.time() - began), bounds.release, "parses", caller)


def _object(octets: bytes, meaning: str) -> dict[str, object]:
    try:
        given = json.loads(octets)
        # JSON can write half of a character (RFC 8259 §8.2), which no answer and no file could have.
        json.dumps(given, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {meaning}")
    return given


async def body_or_nothing(request: Request, meaning: str) -> dict[str, object]:
    """Return the object in the body; an empty one if there is no body. Raises Problem."""
    return await body_of(request, meaning) if await request.body() else {}


# ------------------------------------------------------------------------------------------------ size and time


class Bounded:
    """Receives a body, up to the bounds of size and time: a body in chunks has no length in front.

    claim: takes octets of the bound of all bodies; octets: received until now.
    """

    def __init__(self, receive: Receive, most: int, claim: Callable[[int], None] = lambda _: None) -> None:
        self._receive = receive
        self._most = most
        self._claim = claim
        self.octets = 0
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
            raise Problem(HTTPStatus.REQUEST_TIMEOUT, detail, CLOSE) from None
        self._is_whole = not message.get("more_body", False)
        octets = len(message.get("body", b""))
        self._claim(octets)
        self.octets += octets
        if self.octets > self._most:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE, CLOSE)
        return message


class TimedSend:
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


async def drain(scope: Scope, receive: Receive) -> None:
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
