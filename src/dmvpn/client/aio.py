"""The front for asyncio: what `sync.py` does, with `await`."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Self, TypeVar, cast

import httpx2

from dmvpn.client import operations
from dmvpn.client.errors import NotReachedError, ProblemError
from dmvpn.client.exchange import (
    LARGEST_EVENT,
    STREAM_SILENCE,
    Intake,
    Reply,
    Request,
    Steps,
    arguments,
    options,
    reaching,
)
from dmvpn.client.following import Following
from dmvpn.client.frames import frame
from dmvpn.client.settings import Settings

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator
    from types import TracebackType

    import pandas

    from dmvpn.client.following import Event
    from dmvpn.client.samples import Metrics
    from dmvpn.client.typed import AsyncShow
    from dmvpn.client.values import Caller, Lab, Ran, RouterState
    from dmvpn.ios.filters import Plain

T = TypeVar("T")


def connect(
    url: str | None = None,
    *,
    token: str | None = None,
    token_file: str | os.PathLike[str] | None = None,
    authority: str | os.PathLike[str] | None = None,
    timeout: float = 90.0,
) -> Client:
    """Return a client of a `dmvpn web`. Nothing is sent yet. Raises UsageError.

    authority: a file of certificates (PEM) to trust instead of the system's.
    timeout: seconds of silence after which an answer is given up; a command may run 60.
    The environment has the values of arguments that are left out (`settings.py`).
    """
    return Client(Settings.of(url, token, token_file, authority, timeout))


class Client:
    """A `dmvpn web`. Close it, or use it in an `async with` statement. All methods raise ClientError."""

    def __init__(self, settings: Settings) -> None:
        self.url = settings.url
        self._settings = settings
        self._http = httpx2.AsyncClient(**options(settings))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End all connections."""
        await self._http.aclose()

    async def labs(self) -> tuple[Lab, ...]:
        """List the labs and services that run."""
        return await self.do(operations.labs())

    async def routers(self, lab: str | None = None) -> tuple[RouterState, ...]:
        """List the routers of a lab, or of all labs."""
        return await self.do(operations.routers(lab))

    async def state(self, lab: str) -> Plain:
        """Return the state of a lab, as plain data."""
        return await self.do(operations.state(lab))

    async def caller(self) -> Caller:
        """Return the user and the role of the token."""
        return await self.do(operations.caller())

    async def metrics(self, lab: str | None = None, *, peers: int | None = None) -> Metrics:
        """Return what the routers of a lab count, or those of all labs. peers: rows of tables of peers."""
        return await self.do(operations.metrics(lab, None, peers))

    def router(self, name: str, lab: str | None = None) -> Router:
        """Return a router, which is looked for at its first use. lab: needed where several labs have such a router."""
        return Router(self, operations.Place(name, lab))

    async def do(self, steps: Steps[T]) -> T:
        """Carry out an operation."""
        try:
            request = next(steps)
            while True:
                request = steps.send(await self._fetch(request))
        except StopIteration as done:
            result: T = done.value
            return result

    async def _fetch(self, request: Request) -> Reply:
        with reaching(self._settings):
            async with self._http.stream(**arguments(request)) as response:
                return await _whole(response)

    async def follow(self, following: Following) -> AsyncIterator[Event]:
        """Yield events, over several connections if need be."""
        timeout = httpx2.Timeout(self._settings.timeout, read=STREAM_SILENCE)
        while not following.ended:
            try:
                with reaching(self._settings):
                    async with self._http.stream(**arguments(following.request()), timeout=timeout) as response:
                        if response.status_code != httpx2.codes.OK:
                            await _whole(response)
                        async for one in httpx2.EventSource(response, LARGEST_EVENT):
                            event = following.take(one)
                            if event is not None:
                                yield event
                if not following.ended:
                    raise NotReachedError(f"{self.url}: the stream broke off")
            except (NotReachedError, ProblemError) as error:
                await asyncio.sleep(following.lost(error, time.monotonic()))


class Router:
    """A router. All methods raise ClientError."""

    def __init__(self, client: Client, place: operations.Place) -> None:
        self._client = client
        self._place = place

    @property
    def show(self) -> AsyncShow:
        """Return the dataclass of a show: `show("ip route 10.0.0.0/8")`. A type checker knows it by its words."""
        return cast("AsyncShow", self._show)

    async def _show(self, words: str) -> object:
        return await self._client.do(self._place.show(words))

    async def plain(self, words: str) -> Plain:
        """Return the value of a show as plain data, also of a show that only the router knows."""
        return await self._client.do(self._place.plain(words))

    async def frame(self, words: str, table: str = "") -> pandas.DataFrame:
        """Return a table of a show as a DataFrame: `frame("dmvpn", "tunnels.peers")`."""
        return frame(await self.show(words), table)

    async def run(self, command: str) -> Ran:
        """Run a command of the exec prompt: `run("clear ip nhrp")`."""
        return await self._client.do(self._place.run(command))

    async def metrics(self, *, peers: int | None = None) -> Metrics:
        """Return what this router counts. peers: rows of tables of peers."""
        return await self._client.do(self._place.metrics(peers))

    async def events(self, *topics: str, since: str = "", patience: float = 60.0) -> AsyncIterator[Event]:
        """Yield what the router remembers, then what happens, until its lab ends. topics: "history", "log".

        since: the `News.id` after which to begin. patience: seconds without a connection before it raises.
        """
        base = await self._client.do(self._place.path())
        async for event in self._client.follow(Following(base, topics, since, patience)):
            yield event


async def _whole(response: httpx2.Response) -> Reply:
    intake = Intake(response)
    async for octets in response.aiter_raw():
        intake.take(octets)
    return intake.reply()
