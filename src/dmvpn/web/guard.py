"""Who may come in: it judges each request before any resource sees it.

- `Host` must be an address of this server: a page of a stranger whose name was made to point here has another one.
- `Origin`, which browsers send for pages of other servers, must be this server.
- Every resource but `/healthz` and the exchange of the code needs a token: `Authorization: Bearer TOKEN` (RFC 6750).
- A body has at most 1 MiB. A reader that takes nothing for 30 s loses its connection.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

from dmvpn.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from dmvpn.web.tokens import Role, Tokens

EXCHANGE: Final = "/api/v1/tokens"
HEALTH: Final = "/healthz"
_OPEN: Final = (EXCHANGE, HEALTH)
LARGEST_BODY: Final = 1 << 20
_PATIENCE: Final = 30.0
_SCHEME: Final = "bearer "


class Guard:
    """See the module's docstring. hosts: what `Host` may be."""

    def __init__(self, app: ASGIApp, tokens: Tokens, hosts: Collection[str]) -> None:
        self._app = app
        self._tokens = tokens
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            return
        try:
            scope["role"] = self._judge(scope["path"], Headers(scope=scope))
            await self._app(scope, _Bounded(receive), _Patient(send))
        except Problem as problem:
            await problem.response()(scope, receive, _Patient(send))

    def _judge(self, path: str, headers: Headers) -> Role | None:
        """Return the role of who asks; None where none is needed. Raises Problem."""
        if headers.get("host", "").lower() not in self._hosts:
            raise Problem(HTTPStatus.MISDIRECTED_REQUEST, "the Host of the request is not this server")
        origin = headers.get("origin")
        if origin is not None and origin.lower().partition("://")[2] not in self._hosts:
            raise Problem(HTTPStatus.FORBIDDEN, "the request comes from a page of another server")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE, {"Connection": "close"})
        if path in _OPEN:
            return None
        given = headers.get("authorization", "")
        known = given[: len(_SCHEME)].lower() == _SCHEME
        role = self._tokens.role_of(given[len(_SCHEME) :].strip()) if known else None
        if role is None:
            challenge = {"WWW-Authenticate": 'Bearer realm="dmvpn"'}
            raise Problem(HTTPStatus.UNAUTHORIZED, "a valid token is needed: Authorization: Bearer TOKEN", challenge)
        return role


_TOO_LARGE: Final = "a body has at most 1 MiB"


class _Bounded:
    """Receives a body, up to the bound: a body in chunks has no length in front."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._octets = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._octets += len(message.get("body", b""))
        if self._octets > LARGEST_BODY:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE, {"Connection": "close"})
        return message


class _Patient:
    """Sends, as long as the reader takes something now and then."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def __call__(self, message: Message) -> None:
        async with asyncio.timeout(_PATIENCE):
            await self._send(message)
