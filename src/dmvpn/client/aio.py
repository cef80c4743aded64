"""The front for asyncio: what `sync.py` does, with `await`."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Self, TypeVar, cast

import httpx2

from dmvpn.client import configuring, operations, orders
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
from dmvpn.client.following import of_lab, of_router
from dmvpn.client.frames import frame
from dmvpn.client.settings import Settings

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Sequence
    from types import TracebackType

    import pandas

    from dmvpn.client.following import Event, Following, LabEvent, N
    from dmvpn.client.samples import Metrics
    from dmvpn.client.typed import AsyncShow
    from dmvpn.client.values import (
        Caller,
        Change,
        Configuration,
        Gone,
        Job,
        Lab,
        Ran,
        RouterState,
        Scenario,
    )
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

    def lab(self, name: str) -> RunningLab:
        """Return a lab, for its events and for orders to it."""
        return RunningLab(self, name)

    async def scenarios(self) -> tuple[Scenario, ...]:
        """List the scenarios and exercises that can be brought up."""
        return await self.do(orders.scenarios())

    async def up(self, scenario: str, *, name: str = "", simulated: bool = False) -> Job:
        """Begin to bring a lab up. name: of the lab, "": that of the scenario. simulated: without namespaces."""
        return await self.do(orders.up(scenario, name, simulated=simulated))

    async def jobs(self) -> tuple[Job, ...]:
        """List the jobs that run, and the last ones that ended."""
        return await self.do(orders.jobs())

    async def wait(self, job: Job, *, patience: float = 1000.0, check: bool = True) -> Job:
        """Return a job as it is at its end. Raises JobError if it failed, unless `check` is false.

        patience: seconds until JobError says that it still runs; the server gives a job 900.
        """
        return await self.do(orders.wait(job, patience, check=check))

    async def cancel(self, job: Job) -> Job:
        """Break a job off: a lab that was coming up is ended."""
        return await self.do(orders.cancel(job))

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
        if request.after:
            await asyncio.sleep(request.after)
        with reaching(self._settings):
            async with self._http.stream(**arguments(request)) as response:
                return await _whole(response)

    async def follow(self, following: Following[N]) -> AsyncIterator[N | Gone]:
        """Yield events, over several connections if need be."""
        timeout = httpx2.Timeout(self._settings.timeout, read=STREAM_SILENCE)
        while not following.ended:
            try:
                with reaching(self._settings):
                    async with self._http.stream(**arguments(following.request()), timeout=timeout) as response:
                        if response.status_code != httpx2.codes.OK:
                            await _whole(response)
                        following.connected()
                        async for one in httpx2.EventSource(response, LARGEST_EVENT):
                            event = following.take(one)
                            if event is not None:
                                yield event
                if not following.ended:
                    raise NotReachedError(f"{self.url}: the stream broke off")
            except (NotReachedError, ProblemError) as error:
                await asyncio.sleep(following.lost(error, time.monotonic()))


class RunningLab:
    """A lab as a whole. All methods raise ClientError; orders that the lab refuses are a ConflictError."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._orders = orders.Orders(name)

    async def down(self) -> None:
        """End the lab."""
        await self._client.do(self._orders.down())

    async def reset(self) -> tuple[str, ...]:
        """Let the lab begin again: configurations, wires, translators. Returns the missing things after that."""
        return await self._client.do(self._orders.reset())

    async def clock(self, seconds: float) -> Job:
        """Begin to let time pass in a simulated lab."""
        return await self._client.do(self._orders.clock(seconds))

    async def impair(
        self,
        link: str,
        *,
        delay: float = 0.0,
        loss: float = 0.0,
        rate: float = 0.0,
        mtu: int = 0,
        cut: bool = False,
        one_way: bool = False,
        block: str | Sequence[str] = (),
    ) -> None:
        """Make a wire bad; without further arguments it is good again. link: "ROUTER:INTERFACE".

        delay: ms one way. loss: percent. rate: kbit/s. mtu: octets. cut: nothing passes.
        one_way: only what this end sends. block: "gre", "esp", "udp-500", "udp-4500", "fragments", "icmp".
        """
        amounts = {"delay": delay, "loss": loss, "rate": rate, "mtu": mtu}
        await self._client.do(self._orders.impair(link, amounts, cut=cut, one_way=one_way, block=block))

    async def kill(self, router: str) -> None:
        """End a router, as a power failure does."""
        await self._client.do(self._orders.router(router, "kill"))

    async def start(self, router: str) -> None:
        """Start a killed router again."""
        await self._client.do(self._orders.router(router, "start"))

    async def break_(self, name: str = "", *, seed: int | None = None) -> Job:
        """Begin to break something: the trouble of this name, or a random trouble of this seed."""
        return await self._client.do(self._orders.break_(name, seed))

    async def hint(self) -> Job:
        """Begin to give the next hint about the trouble."""
        return await self._client.do(self._orders.hint())

    async def grade(self) -> Job:
        """Begin to judge whether the trouble is over: the job fails while it is not."""
        return await self._client.do(self._orders.grade())

    async def events(self, *topics: str, since: str = "", patience: float = 60.0) -> AsyncIterator[LabEvent]:
        """Yield what all routers remember, then what happens, until the lab ends. topics: "history", "log".

        since: the `LabNews.id` after which to begin. patience: seconds without any connection before it raises.
        """
        async for event in self._client.follow(of_lab(self._orders.path, topics, since, patience)):
            yield event


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

    async def configuration(self) -> Configuration:
        """Return the running configuration, as the role of the token may see it."""
        return await self._client.do(configuring.configuration(self._place))

    async def configure(
        self,
        lines: str | Sequence[str],
        *,
        replace: bool = False,
        dry_run: bool = False,
        confirm_within: int = 0,
        tag: str = "",
    ) -> Change:
        """Enter all of these lines, or none; the router refuses lines by an InvalidError, which has them.

        replace: the lines are the whole configuration. dry_run: change nothing.
        confirm_within: minutes after which the change is rolled back unless it is confirmed; needs `archive`.
        tag: of a Configuration or a Change: if another one runs by now, OutdatedError. "*": any, for `replace`.
        """
        steps = configuring.configure(
            self._place, lines, replace=replace, dry_run=dry_run, confirm_within=confirm_within, tag=tag
        )
        return await self._client.do(steps)

    async def confirm(self) -> tuple[str, ...]:
        """Keep the change that waits for this; returns what the router says. ConflictError: no change waits."""
        return await self._client.do(configuring.confirm(self._place))

    async def revert(self, within: int = 0) -> tuple[str, ...]:
        """Take the change back that waits for a confirmation. within: minutes from now, 0: at once."""
        return await self._client.do(configuring.revert(self._place, within))

    async def metrics(self, *, peers: int | None = None) -> Metrics:
        """Return what this router counts. peers: rows of tables of peers."""
        return await self._client.do(self._place.metrics(peers))

    async def events(self, *topics: str, since: str = "", patience: float = 60.0) -> AsyncIterator[Event]:
        """Yield what the router remembers, then what happens, until its lab ends. topics: "history", "log".

        since: the `News.id` after which to begin. patience: seconds without any connection before it raises.
        """
        base = await self._client.do(self._place.path())
        async for event in self._client.follow(of_router(base, topics, since, patience)):
            yield event


async def _whole(response: httpx2.Response) -> Reply:
    intake = Intake(response)
    async for octets in response.aiter_raw():
        intake.take(octets)
    return intake.reply()
