"""What happens at a router, as server-sent events (HTML Living Standard §9.2): its history and its log.

    router -> News -> `id`, `event: news`, `data`: an object
           -> gone -> `event: gone`, and the stream goes on when the router is back

Nothing waits here for a slow reader: the router is read no faster than the reader reads, and the connection holds a
piece of what comes next. It keeps nothing for it, and its next news say how many lines were `missed`. A reader that
comes back with `Last-Event-ID` gets what came after.
"""

from __future__ import annotations

import asyncio
import json
import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dmvpn.face.calling import PROTOCOL
from dmvpn.face.messages import WATCH_TOPICS, Hello, Message, News, Watch
from dmvpn.face.protocol import Decoder, ProtocolError, encode, message_to_plain
from dmvpn.ios.filters import Plain
from dmvpn.shells.lab.sockets import open_streams
from dmvpn.web.bodies import Problem
from dmvpn.web.bounds import Bounds, Workers
from dmvpn.web.document import TEXT, operation, parameter
from dmvpn.web.fleet import Fleet
from dmvpn.web.permission import resource

#: Sends text to a reader, and waits until there is room for more.
Put = Callable[[bytes], Awaitable[None]]

#: Seconds of silence after which a comment shows that the stream lives; and between two tries to reach a dead router.
HEARTBEAT: Final = 15.0
RETRY: Final = 0.5
COMMENT: Final = b":\n\n"
_HEADERS: Final = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no"))
#: Seconds for which a router may take for its first line.
_PATIENCE: Final = 5.0
#: Octets that are read at a time.
_PIECE: Final = 1 << 16
#: What breaks when a router goes.
_GONE: Final = (OSError, EOFError, ProtocolError)

EVENTS: Final = "/api/v1/labs/{lab}/routers/{router}/events"
_ID: Final = re.compile(r"[0-9a-f]{8}(\.\d{1,18}){2}", re.ASCII)


# -------------------------------------------------------------------------------------------- a router that is followed


class OtherVersionError(Problem):
    """A router that answers, and cannot be followed."""


class Following:
    """A connection to a router that watches it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = Decoder()
        self._messages: deque[Message] = deque()

    @classmethod
    async def begin(cls, path: Path, wish: Watch) -> Following:
        """Connect to a router and ask for its news. Raises Problem."""
        try:
            async with asyncio.timeout(_PATIENCE):
                made = cls(*await open_streams(path, _PIECE))
                try:
                    hello = await made._message()
                    if not isinstance(hello, Hello) or hello.protocol != PROTOCOL:
                        detail = f"{path.stem} runs another version of this program"
                        raise OtherVersionError(HTTPStatus.BAD_GATEWAY, detail)
                    made._writer.write(encode(wish))
                except BaseException:
                    made.close()
                    raise
        except (OSError, EOFError, TimeoutError, ProtocolError) as error:
            raise Problem(HTTPStatus.BAD_GATEWAY, f"{path.stem} does not answer") from error
        return made

    async def next(self) -> News | None:
        """Return what comes next; None: the router has gone."""
        try:
            message = await self._message()
        except _GONE:
            return None
        return message if isinstance(message, News) else None

    def close(self) -> None:
        """Disconnect."""
        self._writer.close()

    async def _message(self) -> Message:
        while not self._messages:
            data = await self._reader.read(_PIECE)
            if not data:
                raise EOFError
            self._messages += self._decoder.feed(data)
        return self._messages.popleft()


class Stream(Response, ABC):
    """An answer that grows, such as one with events. It ends when its reader leaves, or when `follow` does.

    ended: called then. head: its headers. opening: its first octets.
    """

    head: tuple[tuple[bytes, bytes], ...] = _HEADERS
    opening = COMMENT

    def __init__(self, ended: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def put(text: bytes) -> None:
            await send({"type": "http.response.body", "body": text, "more_body": True})

        async def answer() -> None:
            await send({"type": "http.response.start", "status": HTTPStatus.OK.value, "headers": [*self.head]})
            if scope["method"] != "HEAD":
                await put(self.opening)
                await self.follow(put)
            await send({"type": "http.response.body", "body": b""})

        leaves, answers = asyncio.ensure_future(_left(receive)), asyncio.ensure_future(answer())
        try:
            await asyncio.wait((leaves, answers), return_when=asyncio.FIRST_COMPLETED)
            if answers.done():
                answers.result()
        finally:
            self.ended()
            for task in (leaves, answers):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(leaves, answers, return_exceptions=True)
            await self.leave()

    @abstractmethod
    async def follow(self, put: Put) -> None:
        """Send what there is until there is no more."""

    @abstractmethod
    async def leave(self) -> None:
        """Give back what `follow` holds."""


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def plain_news(news: News) -> dict[str, object]:
    """Return the data of an event."""
    return {name: value for name, value in message_to_plain(news).items() if name not in ("type", "id")}


def event_text(kind: str, data: Mapping[str, object], number: str = "") -> bytes:
    """Return an event as it is sent. number: its id."""
    head = f"id: {number}\n" if number else ""
    return f"{head}event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


def stream(summary: str, *more: str) -> dict[str, Plain]:
    """Return the description of a stream of events. more: topics that it alone has."""
    given = [
        parameter("query", "topics", ", ".join((*WATCH_TOPICS, *more))),
        parameter("header", "Last-Event-ID", "Go on behind this event"),
    ]
    return operation(summary, TEXT, given=given, media=["text/event-stream"], refused=[HTTPStatus.BAD_REQUEST])


def topics_of(request: Request, more: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the topics that a request names. more: topics that a request without any does not get. Raises Problem."""
    given = request.query_params.get("topics")
    if given is None:
        return WATCH_TOPICS
    topics = tuple(dict.fromkeys(given.split(",")))
    known = (*WATCH_TOPICS, *more)
    if not all(topic in known for topic in topics):
        raise Problem(HTTPStatus.BAD_REQUEST, f"topics is a list of {', '.join(known)}, with commas")
    return topics


# ------------------------------------------------------------------------------------------------ its events


class Events:
    """The resource as a method."""

    def __init__(self, fleet: Fleet, bounds: Bounds, workers: Workers) -> None:
        self._fleet = fleet
        self._bounds = bounds
        self._workers = workers

    @resource("GET", EVENTS, stream("The history and the log of a router, as server-sent events"))
    async def follow(self, request: Request) -> Response:
        """Follow a router."""
        lab, router, caller = request.path_params["lab"], request.path_params["router"], request.scope["caller"]
        given = request.headers.get("last-event-id", "")
        if given and not _ID.fullmatch(given):
            raise Problem(HTTPStatus.BAD_REQUEST, "Last-Event-ID is no id of an event of this server")
        wish = Watch(given, topics_of(request))

        async def place() -> Path:
            return await self._workers.run_read(caller, lambda: self._fleet.socket(lab, router))

        with ExitStack() as held:
            held.enter_context(self._bounds.take("streams", caller))
            held.enter_context(self._bounds.take("followed", caller))
            first = await Following.begin(await place(), wish)
            return _RouterStream(router, place, wish, first, held.pop_all().close)


class _RouterStream(Stream):
    """The events of a router. They end with its lab."""

    def __init__(
        self,
        router: str,
        place: Callable[[], Awaitable[Path]],
        wish: Watch,
        first: Following,
        ended: Callable[[], None],
    ) -> None:
        super().__init__(ended)
        self._router = router
        self._place = place
        self._wish = wish
        self._following: Following | None = first

    @resource("GET", EVENTS, stream("The history and the log of a router, as server-sent events"))
    async def follow(self, put: Put) -> None:
        """Give the news of the router in all its lives."""
        while (following := await self._reached(put)) is not None:
            await self._follow(following, put)
            self._close()
            await put(event_text("gone", {"router": self._router}))
        await put(event_text("ended", {"router": self._router}))

    async def leave(self) -> None:
        """Disconnect from the router."""
        self._close()

    async def _follow(self, following: Following, put: Put) -> None:
        """Give the news of the router until it goes."""
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    news = await following.next()
            except TimeoutError:
                await put(COMMENT)
                continue
            if news is None:
                return
            self._wish = Watch(news.id, self._wish.topics)
            await put(event_text("news", plain_news(news), news.id))

    async def _reached(self, put: Put) -> Following | None:
        """Return a connection as soon as the router answers; None: it never will, for its lab has ended."""
        quiet = 0.0
        while self._following is None:
            await asyncio.sleep(RETRY)
            quiet += RETRY
            if quiet >= HEARTBEAT:
                await put(COMMENT)
                quiet = 0.0
            try:
                self._following = await Following.begin(await self._place(), self._wish)
            except Problem as problem:
                if problem.status is HTTPStatus.NOT_FOUND:
                    return None
        return self._following

    def _close(self) -> None:
        if self._following is not None:
            self._following.close()
            self._following = None
