"""Bodies and answers in bounded size and time: what arrives too slowly or is too large, and readers that take nothing.

A body has at most 1 MiB, that of a login 4 KiB, and 30 s. A reader that takes nothing for 30 s loses its connection.
"""

from __future__ import annotations

import asyncio
import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders

from dmvpn.web.problems import CLOSE, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Receive, Scope, Send

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


class Patient:
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
