"""What happens at a router, as server-sent events (HTML Living Standard §9.2): its history and its log.

    router -> News -> `id`, `event: news`, `data`: an object
           -> gone -> `event: gone`, and the stream goes on when the router is back

Nothing waits here for a slow reader: the router is read no faster than the reader reads, keeps nothing for it, and its
next news say how many lines were `missed`. A reader that comes back with `Last-Event-ID` gets what came after.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import ExitStack
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dmvpn.face.messages import Watch
from dmvpn.web.following import COMMENT, HEARTBEAT, RETRY, Following, Stream, event_text, plain_news, stream, topics_of
from dmvpn.web.permission import resource
from dmvpn.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from dmvpn.web.bounds import Bounds
    from dmvpn.web.fleet import Fleet
    from dmvpn.web.following import Put
    from dmvpn.web.turns import Turns

EVENTS: Final = "/api/v1/labs/{lab}/routers/{router}/events"
_ID: Final = re.compile(r"[0-9a-f]{8}(\.\d{1,18}){2}", re.ASCII)


class Events:
    """The resource as a method."""

    def __init__(self, fleet: Fleet, bounds: Bounds, turns: Turns) -> None:
        self._fleet = fleet
        self._bounds = bounds
        self._turns = turns

    @resource("GET", EVENTS, stream("The history and the log of a router, as server-sent events"))
    async def follow(self, request: Request) -> Response:
        """Follow a router."""
        lab, router, caller = request.path_params["lab"], request.path_params["router"], request.scope["caller"]
        wish = Watch(_since(request.headers.get("last-event-id", "")), topics_of(request))

        async def place() -> Path:
            return await self._turns.read(caller, lambda: self._fleet.socket(lab, router))

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


def _since(given: str) -> str:
    """Return the id of the last event that a reader has. Raises Problem."""
    if given and not _ID.fullmatch(given):
        raise Problem(HTTPStatus.BAD_REQUEST, "Last-Event-ID is no id of an event of this server")
    return given
