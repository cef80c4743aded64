"""The front for asyncio: what `sync.py` does, with `await`."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Self, TypeVar, cast

import httpx2

from dmvpn.client import exchange
from dmvpn.client.operations import Awaited, Configurable, Orders, Server
from dmvpn.client.values import Gone, NotReachedError, ProblemError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dmvpn.client.exchange import Following, N, Settings
    from dmvpn.client.typed import AsyncShow

T = TypeVar("T")


class Client(Server, Awaited):
    """A `dmvpn web`. Close it, or use it in an `async with` statement. All methods raise ClientError."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._http = httpx2.AsyncClient(**exchange.options(settings))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End all connections."""
        await self._http.aclose()

    def router(self, name: str, lab: str | None = None) -> Router:
        """Return a router, which is looked for at its first use. lab: needed where several labs have such a router."""
        return Router(name, lab).through(self)

    def lab(self, name: str) -> RunningLab:
        """Return a lab, for its events and for orders to it."""
        return RunningLab(name).through(self)

    async def do(self, steps: exchange.Steps[T]) -> T:
        """Carry out an operation."""
        try:
            request = next(steps)
            while True:
                request = steps.send(await self._fetch(request))
        except StopIteration as done:
            result: T = done.value
            return result

    async def _fetch(self, request: exchange.Request) -> exchange.Reply:
        if request.after:
            await asyncio.sleep(request.after)
        with exchange.reaching(self._settings):
            async with self._http.stream(**exchange.arguments(request)) as response:
                return await _whole(response)

    async def follow(self, steps: exchange.Steps[Following[N]]) -> AsyncIterator[N | Gone]:
        """Yield events, over several connections if need be."""
        following = await self.do(steps)
        timeout = httpx2.Timeout(self._settings.timeout, read=exchange.STREAM_SILENCE)
        while not following.ended:
            try:
                with exchange.reaching(self._settings):
                    async with self._http.stream(
                        **exchange.arguments(following.request()), timeout=timeout
                    ) as response:
                        if response.status_code != httpx2.codes.OK:
                            await _whole(response)
                        following.connected()
                        async for one in httpx2.EventSource(response, exchange.LARGEST_EVENT):
                            event = following.take(one)
                            if event is not None:
                                yield event
                if not following.ended:
                    raise NotReachedError(f"{self.url}: the stream broke off")
            except (NotReachedError, ProblemError) as error:
                await asyncio.sleep(following.lost(error, time.monotonic()))


class RunningLab(Orders, Awaited):
    """A lab as a whole. All methods raise ClientError; orders that the lab refuses are a ConflictError."""


class Router(Configurable, Awaited):
    """A router. All methods raise ClientError."""

    @property
    def show(self) -> AsyncShow:
        """Return the dataclass of a show: `show("ip route 10.0.0.0/8")`. A type checker knows it by its words."""
        return cast("AsyncShow", self._show)


async def _whole(response: httpx2.Response) -> exchange.Reply:
    reader = exchange.ReplyReader(response)
    async for octets in response.aiter_raw():
        reader.take(octets)
    return reader.reply()


connect = Client.connect
