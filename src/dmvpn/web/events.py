"""What happens at a router, as server-sent events (HTML Living Standard §9.2): its history and its log.

    router -> News -> `id`, `event: news`, `data`: an object
           -> gone -> `event: gone`, and the stream goes on when the router is back

Nothing waits here for a slow reader: the router is read no faster than the reader reads, keeps nothing for it, and its
next news say how many lines were `missed`. A reader that comes back with `Last-Event-ID` gets what came after.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from dmvpn.face.protocol import (
    MAX_LINE,
    PROTOCOL,
    WATCH_TOPICS,
    Decoder,
    Done,
    Hello,
    News,
    ProtocolError,
    Watch,
    encode,
)
from dmvpn.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from dmvpn.face.protocol import Message
    from dmvpn.ios.filters import Plain
    from dmvpn.web.fleet import Fleet

EVENTS: Final = "/api/v1/labs/{lab}/routers/{router}/events"
#: Streams at a time.
MOST: Final = 500
#: Seconds of silence after which a comment shows that the stream lives.
HEARTBEAT: Final = 15.0
#: Seconds for which a router may take for its first line, and between two tries to reach a dead one.
_PATIENCE, _RETRY = 5.0, 0.5
_ID: Final = re.compile(r"[0-9a-f]{16}(\.\d{1,18}){2}", re.ASCII)
_HEADERS: Final = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no"))
_COMMENT: Final = b":\n\n"


class Events:
    """The resource as a method."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._count = 0

    @property
    def routes(self) -> list[Route]:
        """The resource."""
        return [Route(EVENTS, self.follow)]

    async def follow(self, request: Request) -> Response:
        """Follow a router."""
        lab, router = request.path_params["lab"], request.path_params["router"]
        wish = Watch(_since(request.headers.get("last-event-id", "")), _topics(request.query_params.get("topics")))

        async def place() -> Path:
            return await run_in_threadpool(self._fleet.socket, lab, router)

        if self._count >= MOST:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST} streams are open", {"Retry-After": "5"})
        self._count += 1
        try:
            first = await _Following.begin(await place(), wish)
        except BaseException:
            self._count -= 1
            raise
        return _Stream(router, place, wish, first, self._ended)

    def _ended(self) -> None:
        self._count -= 1


class _Following:
    """A connection to a router that watches it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def begin(cls, path: Path, wish: Watch) -> _Following:
        """Connect to a router and ask for its news. Raises Problem."""
        try:
            async with asyncio.timeout(_PATIENCE):
                made = cls(*await asyncio.open_unix_connection(path, limit=MAX_LINE))
                try:
                    hello = await made._message()
                    if not isinstance(hello, Hello) or hello.protocol != PROTOCOL:
                        detail = f"{path.stem} runs another version of this program"
                        raise Problem(HTTPStatus.BAD_GATEWAY, detail)
                    made._writer.write(encode(wish))
                except BaseException:
                    made.close()
                    raise
        except (OSError, EOFError, TimeoutError, ProtocolError) as error:
            raise Problem(HTTPStatus.BAD_GATEWAY, f"{path.stem} does not answer") from error
        return made

    async def news(self) -> News:
        """Return what comes next. Raises OSError, EOFError, ProtocolError: the router has gone."""
        message = await self._message()
        if not isinstance(message, News):
            raise ProtocolError(message.reason if isinstance(message, Done) else "no news")
        return message

    def close(self) -> None:
        """Disconnect."""
        self._writer.close()

    async def _message(self) -> Message:
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            raise ProtocolError(str(error)) from error
        (message,) = Decoder().feed(line)
        return message


class _Stream(Response):
    """The answer. It ends when the reader leaves, or the lab of the router ends."""

    def __init__(
        self,
        router: str,
        place: Callable[[], Awaitable[Path]],
        wish: Watch,
        first: _Following,
        ended: Callable[[], None],
    ) -> None:
        super().__init__()
        self._router = router
        self._place = place
        self._wish = wish
        self._following: _Following | None = first
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        leaves = asyncio.ensure_future(_left(receive))
        tells = asyncio.ensure_future(self._tell(send))
        try:
            await asyncio.wait((leaves, tells), return_when=asyncio.FIRST_COMPLETED)
            if tells.done():
                tells.result()
        finally:
            self._ended()
            for task in (leaves, tells):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(leaves, tells, return_exceptions=True)
            self._close()

    async def _tell(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": HTTPStatus.OK.value, "headers": [*_HEADERS]})

        async def put(text: bytes) -> None:
            await send({"type": "http.response.body", "body": text, "more_body": True})

        await put(_COMMENT)
        while (following := await self._reached(put)) is not None:
            with suppress(OSError, EOFError, ProtocolError):
                await self._follow(following, put)
            self._close()
            await put(_event("gone", {"router": self._router}))
        await put(_event("ended", {"router": self._router}))
        await send({"type": "http.response.body", "body": b""})

    async def _follow(self, following: _Following, put: Callable[[bytes], Awaitable[None]]) -> None:
        """Give the news of the router until it goes. Raises OSError, EOFError, ProtocolError then."""
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    news = await following.news()
            except TimeoutError:
                await put(_COMMENT)
                continue
            self._wish = Watch(news.id, self._wish.topics)
            await put(_event("news", _plain(news), news.id))

    async def _reached(self, put: Callable[[bytes], Awaitable[None]]) -> _Following | None:
        """Return a connection as soon as the router answers; None: it never will, for its lab has ended."""
        quiet = 0.0
        while self._following is None:
            await asyncio.sleep(_RETRY)
            quiet += _RETRY
            if quiet >= HEARTBEAT:
                await put(_COMMENT)
                quiet = 0.0
            try:
                self._following = await _Following.begin(await self._place(), self._wish)
            except Problem as problem:
                if problem.status is HTTPStatus.NOT_FOUND:
                    return None
        return self._following

    def _close(self) -> None:
        if self._following is not None:
            self._following.close()
            self._following = None


async def _left(receive: Receive) -> None:
    """Wait until the reader leaves."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _plain(news: News) -> dict[str, Plain]:
    plain: dict[str, Plain] = json.loads(encode(news))
    return {name: value for name, value in plain.items() if name not in ("type", "id")}


def _event(kind: str, data: dict[str, Plain], number: str = "") -> bytes:
    head = f"id: {number}\n" if number else ""
    return f"{head}event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


def _since(given: str) -> str:
    """Return the id of the last event that a reader has. Raises Problem."""
    if given and not _ID.fullmatch(given):
        raise Problem(HTTPStatus.BAD_REQUEST, "Last-Event-ID is no id of an event of this server")
    return given


def _topics(given: str | None) -> tuple[str, ...]:
    """Return the topics. Raises Problem."""
    if given is None:
        return WATCH_TOPICS
    topics = tuple(dict.fromkeys(given.split(",")))
    if not all(topic in WATCH_TOPICS for topic in topics):
        raise Problem(HTTPStatus.BAD_REQUEST, f"topics is a list of {', '.join(WATCH_TOPICS)}, with commas")
    return topics
