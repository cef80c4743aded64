"""The front that waits: for scripts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self, TypeVar, cast

import httpx2

from dmvpn.client import exchange
from dmvpn.client.operations import Configurable, Orders, Server, Waiting
from dmvpn.client.values import Gone, NotReachedError, ProblemError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.client.exchange import Following, N, Settings
    from dmvpn.client.typed import Show

T = TypeVar("T")


class Client(Server, Waiting):
    """A `dmvpn web`. Close it, or use it in a `with` statement. All methods raise ClientError."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._http = httpx2.Client(**exchange.options(settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections."""
        self._http.close()

    def router(self, name: str, lab: str | None = None) -> Router:
        """Return a router, which is looked for at its first use. lab: needed where several labs have such a router."""
        return Router(name, lab).through(self)

    def lab(self, name: str) -> RunningLab:
        """Return a lab, for its events and for orders to it."""
        return RunningLab(name).through(self)

    def do(self, steps: exchange.Steps[T]) -> T:
        """Carry out an operation."""
        try:
            request = next(steps)
            while True:
                request = steps.send(self._fetch(request))
        except StopIteration as done:
            result: T = done.value
            return result

    def _fetch(self, request: exchange.Request) -> exchange.Reply:
        time.sleep(request.after)
        with exchange.reaching(self._settings), self._http.stream(**exchange.arguments(request)) as response:
            return _whole(response)

    def follow(self, steps: exchange.Steps[Following[N]]) -> Iterator[N | Gone]:
        """Yield events, over several connections if need be."""
        following = self.do(steps)
        timeout = httpx2.Timeout(self._settings.timeout, read=exchange.STREAM_SILENCE)
        while not following.ended:
            try:
                with (
                    exchange.reaching(self._settings),
                    self._http.stream(**exchange.arguments(following.request()), timeout=timeout) as response,
                ):
                    if response.status_code != httpx2.codes.OK:
                        _whole(response)
                    following.connected()
                    for one in httpx2.EventSource(response, exchange.LARGEST_EVENT):
                        event = following.take(one)
                        if event is not None:
                            yield event
                if not following.ended:
                    raise NotReachedError(f"{self.url}: the stream broke off")
            except (NotReachedError, ProblemError) as error:
                time.sleep(following.lost(error, time.monotonic()))


class RunningLab(Orders, Waiting):
    """A lab as a whole. All methods raise ClientError; orders that the lab refuses are a ConflictError."""


class Router(Configurable, Waiting):
    """A router. All methods raise ClientError."""

    @property
    def show(self) -> Show:
        """Return the dataclass of a show: `show("ip route 10.0.0.0/8")`. A type checker knows it by its words."""
        return cast("Show", self._show)


def _whole(response: httpx2.Response) -> exchange.Reply:
    reader = exchange.ReplyReader(response)
    for octets in response.iter_raw():
        reader.take(octets)
    return reader.reply()


connect = Client.connect
