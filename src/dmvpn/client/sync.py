"""The front that waits: for scripts."""

from __future__ import annotations

import time
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, Generic, ParamSpec, Self, TypeVar, cast

import httpx2

from dmvpn.client import configuring, exchange
from dmvpn.client.errors import NotReachedError, ProblemError
from dmvpn.client.following import of_lab, of_router
from dmvpn.client.frames import frame
from dmvpn.client.operations import Place, Server
from dmvpn.client.orders import Orders
from dmvpn.client.settings import Settings

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from types import TracebackType

    import pandas

    from dmvpn.client.following import Event, Following, LabEvent, N
    from dmvpn.client.typed import Show
    from dmvpn.client.values import Gone

P = ParamSpec("P")
S = TypeVar("S")
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


class Asking(Generic[S]):
    """What methods are made for from operations. steps: what the operations are of."""

    def __init__(self, client: Client, steps: S) -> None:
        self._client = client
        self._steps = steps

    def do(self, steps: exchange.Steps[T]) -> T:
        """Carry out an operation."""
        return self._client.do(steps)


def _asked(operation: Callable[Concatenate[S, P], exchange.Steps[T]]) -> Callable[Concatenate[Asking[S], P], T]:
    """Return the method that carries an operation out, with its arguments and description."""

    @wraps(operation)
    def method(asking: Asking[S], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return asking.do(operation(asking._steps, *args, **kwargs))

    return method


class Client(Asking[Server]):
    """A `dmvpn web`. Close it, or use it in a `with` statement. All methods raise ClientError."""

    def __init__(self, settings: Settings) -> None:
        self._steps = Server()
        self.url = settings.url
        self._settings = settings
        self._http = httpx2.Client(**exchange.options(settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all connections."""
        self._http.close()

    def router(self, name: str, lab: str | None = None) -> Router:
        """Return a router, which is looked for at its first use. lab: needed where several labs have such a router."""
        return Router(self, Place(name, lab))

    def lab(self, name: str) -> RunningLab:
        """Return a lab, for its events and for orders to it."""
        return RunningLab(self, Orders(name))

    labs = _asked(Server.labs)
    routers = _asked(Server.routers)
    state = _asked(Server.state)
    caller = _asked(Server.caller)
    metrics = _asked(Server.metrics)
    scenarios = _asked(Server.scenarios)
    up = _asked(Server.up)
    jobs = _asked(Server.jobs)
    wait = _asked(Server.wait)
    cancel = _asked(Server.cancel)

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

    def follow(self, following: Following[N]) -> Iterator[N | Gone]:
        """Yield events, over several connections if need be."""
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


class RunningLab(Asking[Orders]):
    """A lab as a whole. All methods raise ClientError; orders that the lab refuses are a ConflictError."""

    down = _asked(Orders.down)
    reset = _asked(Orders.reset)
    clock = _asked(Orders.clock)
    impair = _asked(Orders.impair)
    kill = _asked(Orders.kill)
    start = _asked(Orders.start)
    break_ = _asked(Orders.break_)
    hint = _asked(Orders.hint)
    grade = _asked(Orders.grade)

    def events(self, *topics: str, since: str = "", patience: float = 60.0) -> Iterator[LabEvent]:
        """Yield what all routers remember, then what happens, until the lab ends. topics: "history", "log".

        since: the `LabNews.id` after which to begin. patience: seconds without any connection before it raises.
        """
        return self._client.follow(of_lab(self._steps.path, topics, since, patience))


class Router(Asking[Place]):
    """A router. All methods raise ClientError."""

    plain = _asked(Place.plain)
    run = _asked(Place.run)
    metrics = _asked(Place.metrics)
    configuration = _asked(configuring.configuration)
    configure = _asked(configuring.configure)
    confirm = _asked(configuring.confirm)
    revert = _asked(configuring.revert)
    _show = _asked(Place.show)

    @property
    def show(self) -> Show:
        """Return the dataclass of a show: `show("ip route 10.0.0.0/8")`. A type checker knows it by its words."""
        return cast("Show", self._show)

    def frame(self, words: str, table: str = "") -> pandas.DataFrame:
        """Return a table of a show as a DataFrame: `frame("dmvpn", "tunnels.peers")`."""
        return frame(self.show(words), table)

    def events(self, *topics: str, since: str = "", patience: float = 60.0) -> Iterator[Event]:
        """Yield what the router remembers, then what happens, until its lab ends. topics: "history", "log".

        since: the `News.id` after which to begin. patience: seconds without any connection before it raises.
        """
        base = self.do(self._steps.path())
        return self._client.follow(of_router(base, topics, since, patience))


def _whole(response: httpx2.Response) -> exchange.Reply:
    intake = exchange.Intake(response)
    for octets in response.iter_raw():
        intake.take(octets)
    return intake.reply()
