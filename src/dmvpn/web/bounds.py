"""Bounds of `dmvpn web`: one table, how much of each bound its users have, and the threads and connections so bounded.

A user is the name of a token. Each bound has a share for each user, and a part that is kept for tokens of all labs: so
neither one student nor all students together keep a teacher out. `docs/reference/web-bounds.md` is made from the table.

    with bounds.take(name, caller): ...         takes a place, or raises Problem (503) at once
    async with bounds.turn(name, caller): ...   waits for a place, at most `PATIENCE` seconds

Whatever waits for a lab or a disk does so in a thread: a lab that does not answer holds up no other lab, and a user
whose labs do not answer holds up no other user.

A connection is a stranger's until a request on it had a valid token. There are at most `STRANGERS` of these, with those
in a TLS handshake; the next one ends the oldest of the address that has most, so a flood displaces itself.
With a token there are as many as the table says; the next one ends the oldest of the user that has most, or gets status
503 if that is its own user, or if its user has its share.

A TLS handshake has 5 seconds. A request has 10 seconds, from the connection or the answer before it to the end of its
headers, which have at most 32 KiB; `guard` bounds bodies. An answer of which the client takes nothing for 30 seconds
ends its connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections import Counter
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar

import h11
from anyio import CapacityLimiter, to_thread
from uvicorn.protocols.http.h11_impl import H11Protocol

from dmvpn.base.values import dataclass
from dmvpn.shells.descriptors import Shortage
from dmvpn.web.bodies import Problem

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping

    from starlette.requests import Request
    from uvicorn import Config
    from uvicorn.server import ServerState

    from dmvpn.shells.lab.places import LabFolder
    from dmvpn.web.fleet import Fleet
    from dmvpn.web.permission import Caller

#: Seconds for which a request waits for its turn.
PATIENCE: Final = 20.0
#: A share is a fifth of a bound, and a tenth is kept for tokens of all labs.
_SHARES, _KEPT = 5, 10
_MIB: Final = 1 << 20
_WAITS: Final = f"waits {PATIENCE:.0f} seconds, then 503"
#: In the place of a user, who has no such name: all users with tokens for some labs.
_STUDENTS: Final = "*"

T = TypeVar("T")

#: In the place of a lab's name, for work that asks several labs.
ALL: Final = "*"

STRANGERS: Final = 200
HANDSHAKE: Final = 5.0
HEADERS: Final = 10.0
STALLED: Final = 30.0
SWEEP: Final = 5.0


# ------------------------------------------------------------------------------------------------ the table


class User(Protocol):
    """Who takes something: the caller of a request. name: of the token; labs: as of a token, "": all."""

    @property
    def name(self) -> str: ...

    @property
    def labs(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Bound:
    """One bound. what: the things that are bounded, in the plural. most: of all users; unit: octets of one.

    share: of one user, 0: a fifth; trusted: of one user with a token of all labs, 0: the same. kept: for tokens of all
    labs, 0: a tenth. then: what happens beyond it, for the page.
    """

    what: str
    most: int
    then: str = "503"
    unit: int = 1
    share: int = 0
    trusted: int = 0
    kept: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "share", self.share or self.most // _SHARES)
        object.__setattr__(self, "trusted", self.trusted or self.share)
        object.__setattr__(self, "kept", self.kept or self.most // _KEPT)

    def share_of(self, caller: User) -> int:
        """Return how much this caller may have."""
        return self.share if caller.labs else self.trusted

    def refusal(self, caller: User, taken: Taken, count: int = 1) -> str:
        """Return why a caller does not get so much more, "": the caller gets it."""
        share = self.share_of(caller)
        if taken.own + count > share:
            return f"too many {self.what}: one user has at most {share // self.unit}"
        if taken.all + count > self.most or (caller.labs and taken.students + count > self.most - self.kept):
            return f"too many {self.what}"
        return ""

    def check(self, caller: User, taken: Taken, count: int = 1) -> None:
        """Raise Problem if a caller does not get so much more."""
        if detail := self.refusal(caller, taken, count):
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "5"})


class Taken(NamedTuple):
    """The parts of a bound that are in use: by the caller, by all users with tokens for some labs, and by all users."""

    own: int = 0
    students: int = 0
    all: int = 0


TABLE: Final[dict[str, Bound]] = {
    "connections": Bound(
        "connections with a token", 1000, "ends the oldest of the user that has most; 503 if that is its own user"
    ),
    "bodies": Bound("MiB of bodies that are being read", 80 * _MIB, unit=_MIB),
    "parses": Bound("bodies of more than 16 KiB whose JSON is read", 5, _WAITS, share=1, kept=1),
    "turns": Bound("requests that one lab answers at a time", 20, _WAITS),
    "threads": Bound("requests that labs answer at a time", 200, _WAITS),
    "reads": Bound("requests that read folders at a time", 10, _WAITS),
    "ends": Bound("labs that end at a time", 20, _WAITS),
    "streams": Bound("streams of events", 500),
    "followed": Bound("routers that streams follow", 10_000),
    "terminals": Bound("terminals", 60),
    "captures": Bound("captures of wires", 4, share=1, trusted=3, kept=1),
    "labs": Bound("labs", 250, trusted=250),
    "jobs": Bound("jobs", 4, share=1, trusted=3, kept=1),
    "results": Bound(
        "MiB of results of jobs", 80 * _MIB, "forgets the oldest job of the user whose results are longest", unit=_MIB
    ),
    "sessions": Bound("sessions of browsers", 250, "ends the oldest of this user, or of the user that has most"),
    "scrapes": Bound("scrapes of metrics at a time", 5, kept=1, then=_WAITS),
}


class Bounds:
    """Counts the use of the bounds in a table. part: a lab, for a bound that each lab has."""

    def __init__(self, table: Mapping[str, Bound] = TABLE) -> None:
        self.table = table
        #: By bound, part and user; "": all users, `_STUDENTS`: all whose tokens are for some labs.
        self._taken: Counter[tuple[str, str, str]] = Counter()
        #: For the bound and part, and by which caller.
        self._waiting: dict[asyncio.Future[None], tuple[tuple[str, str], User]] = {}

    def taken(self, name: str, caller: User, part: str = "") -> Taken:
        """Return how much of a bound is in use."""
        return Taken(*(self._taken[name, part, user] for user in (caller.name, _STUDENTS, "")))

    def claim(self, name: str, caller: User, count: int = 1, part: str = "") -> None:
        """Take so much of a bound until `release`. Raises Problem."""
        self.table[name].check(caller, self.taken(name, caller, part), count)
        self._add(name, caller, count, part)

    def release(self, name: str, caller: User, count: int = 1, part: str = "") -> None:
        """Give it back: requests that wait for it get it, in their order."""
        self._add(name, caller, -count, part)
        for future, (place, other) in [*self._waiting.items()]:
            if place != (name, part) or future.done():  # done: it waits no longer, and notes that soon
                continue
            if not self.table[name].refusal(other, self.taken(name, other, part)):
                del self._waiting[future]
                self._add(name, other, 1, part)
                future.set_result(None)

    @contextmanager
    def take(self, name: str, caller: User, count: int = 1, part: str = "") -> Iterator[None]:
        """Have so much of a bound for a while. Raises Problem."""
        self.claim(name, caller, count, part)
        try:
            yield
        finally:
            self.release(name, caller, count, part)

    @asynccontextmanager
    async def turn(self, name: str, caller: User, part: str = "") -> AsyncIterator[None]:
        """Wait for a place, and have it for a while. Raises Problem if none is free in time."""
        await self.await_turn(name, caller, part)
        try:
            yield
        finally:
            self.release(name, caller, part=part)

    async def await_turn(self, name: str, caller: User, part: str = "") -> None:
        """Wait for a place, and have it until `release`. Raises Problem if none is free in time."""
        try:
            self.claim(name, caller, part=part)
        except Problem as problem:
            await self._wait(name, caller, part, problem)

    async def _wait(self, name: str, caller: User, part: str, problem: Problem) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting[future] = (name, part), caller
        try:
            async with asyncio.timeout(PATIENCE):
                await future
        except BaseException as error:
            if future not in self._waiting:  # it got its place when it stopped waiting
                self.release(name, caller, part=part)
            if isinstance(error, TimeoutError):
                raise problem from None
            raise
        finally:
            self._waiting.pop(future, None)

    def _add(self, name: str, caller: User, count: int, part: str) -> None:
        for user in (caller.name, "", *([_STUDENTS] if caller.labs else [])):
            self._taken[name, part, user] += count
            if not self._taken[name, part, user]:
                del self._taken[name, part, user]


# ------------------------------------------------------------------------------------------------ threads


class Workers:
    """Threads for work that waits for a lab or a disk: see the module's docstring."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._threads = CapacityLimiter(
            sum(bounds.table[name].most for name in ("threads", "reads", "ends", "scrapes"))
        )

    async def run(self, lab: str, caller: Caller, work: Callable[[], T]) -> T:
        """Do work that waits for a lab. lab: its name. Raises Problem, and what `work` does."""
        async with self._bounds.turn("turns", caller, lab), self._bounds.turn("threads", caller):
            return await self._in_thread(work)

    async def run_read(self, caller: Caller, work: Callable[[], T], name: str = "reads") -> T:
        """Do work that has a bound of its own: what waits for the disk alone. Raises Problem, and what `work` does."""
        async with self._bounds.turn(name, caller):
            return await self._in_thread(work)

    async def lab_for_orders(self, request: Request, fleet: Fleet, *, starting: bool = False) -> LabFolder:
        """Return the lab that a request names, as `fleet` has it. Raises Problem."""
        name = request.path_params["lab"]
        return await self.run_read(request.scope["caller"], lambda: fleet.lab_for_orders(name, starting=starting))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work, limiter=self._threads)


# ------------------------------------------------------------------------------------------------ connections


class Visitor:
    """One connection, from its first packet on. end: breaks it off."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.end: Callable[[], object] = lambda: None


class Crowd:
    """All connections."""

    def __init__(self, strangers: int = STRANGERS, bound: Bound = TABLE["connections"]) -> None:
        self._most_strangers, self._bound = strangers, bound
        self._strangers: dict[Visitor, None] = {}
        self._guests: dict[Visitor, Caller] = {}

    def admit(self, visitor: Visitor) -> None:
        """Take a new one; the oldest of the address with most strangers may have to go."""
        if len(self._strangers) >= self._most_strangers:
            self._displace(_most(self._strangers, lambda one: one.place))
        self._strangers[visitor] = None

    def _displace(self, oldest: Visitor) -> None:
        self.leave(oldest)
        oldest.end()

    def leave(self, visitor: Visitor) -> None:
        """Forget a connection."""
        self._strangers.pop(visitor, None)
        self._guests.pop(visitor, None)

    def prove(self, visitor: Visitor, caller: Caller) -> bool:
        """Note that a visitor has a token. Returns whether there is a place for it."""
        if visitor in self._guests:
            return True
        if len(self._guests) >= self._bound.share:  # below, there is room for any user
            own = sum(one.name == caller.name for one in self._guests.values())
            students = [visitor for visitor, one in self._guests.items() if one.labs]
            if own >= self._bound.share_of(caller):
                return False
            if self._bound.refusal(caller, Taken(own, len(students), len(self._guests))):
                oldest = _most(students if caller.labs else self._guests, lambda one: self._guests[one].name)
                if self._guests[oldest].name == caller.name:
                    return False
                self._displace(oldest)
        if visitor in self._strangers:
            del self._strangers[visitor]
            self._guests[visitor] = caller
        return True

    def doubt(self, visitor: Visitor) -> None:
        """Note that one has no token, or no longer."""
        if visitor in self._guests:
            del self._guests[visitor]
            self.admit(visitor)


def _most(visitors: Collection[Visitor], kind: Callable[[Visitor], str]) -> Visitor:
    """Return the oldest visitor of the kind that has most of them."""
    count = Counter(map(kind, visitors))
    crowded = max(count, key=lambda one: count[one])
    return next(one for one in visitors if kind(one) == crowded)


class Connection(H11Protocol):
    """HTTP on one connection, in bounded time."""

    def __init__(self, config: Config, server_state: ServerState, crowd: Crowd, visitor: Visitor) -> None:
        super().__init__(config, server_state, {"connection": self})
        self._crowd = crowd
        self._visitor = visitor
        self._deadline: asyncio.TimerHandle | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._stalled, self._left = 0.0, 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(transport)
        self._visitor.end = self.abort
        self._watch()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._crowd.leave(self._visitor)
        for timer in (self._deadline, self._sweep):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take octets."""
        try:
            super().data_received(data)
        except h11.LocalProtocolError:  # there is an answer already, and what came behind its request is no HTTP
            self.abort()
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that is no HTTP, or has too long headers.

        Raises h11.LocalProtocolError in the middle of an answer.
        """
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # its body is no HTTP: what the resource says goes nowhere
            self.cycle.message_event.set()
        body = json.dumps(Problem(HTTPStatus.BAD_REQUEST, "no HTTP request, or more than 32 KiB of headers").body)
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            (b"connection", b"close"),
        ]
        answer = (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=body.encode()),
            h11.EndOfMessage(),
        )
        for event in answer:
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    # ------------------------------------------------------------------------------------------------ what `guard` says

    def prove(self, caller: Caller) -> bool:
        """Note that the caller has a token. Returns whether there is a place for the connection."""
        return self._crowd.prove(self._visitor, caller)

    def doubt(self) -> None:
        """Note that the caller has no token."""
        self._crowd.doubt(self._visitor)

    def abort(self) -> None:
        """End it at once."""
        if self.transport is not None:
            self.transport.abort()

    # ------------------------------------------------------------------------------------------------ time

    def _watch(self) -> None:
        """Let time run while no request is being answered; octets that arrive do not stop it."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        elif not is_answering and self._deadline is None:
            self._deadline = self.loop.call_later(HEADERS, self._give_up)

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def _look(self) -> None:
        """Check regularly whether the client reads the answer."""
        self._sweep = self.loop.call_later(SWEEP, self._look)
        left = self.transport.get_write_buffer_size()
        self._stalled = self._stalled + SWEEP if left and left == self._left else 0.0
        self._left = left
        if self._stalled >= STALLED:
            self.abort()


class Reception:
    """Accepts connections. It is one of the servers of uvicorn, which accepts none itself."""

    def __init__(self, listening: socket.socket, context: ssl.SSLContext | None, config: Config) -> None:
        self.crowd = Crowd()
        self._listening = listening
        self._context = context
        self._config = config
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, state: ServerState) -> None:
        """Accept connections from now on."""
        self._listening.setblocking(False)
        self._keep(self._accept(state))

    def close(self) -> None:
        """Accept no more."""
        for task in self._tasks:
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait for the end."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _keep(self, work: object) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(self, state: ServerState) -> None:
        loop = asyncio.get_running_loop()
        shortage = Shortage(loop)
        while True:
            try:
                accepted, address = await loop.sock_accept(self._listening)
            except OSError as error:  # no descriptor is left, or the client is gone already
                shortage.is_met(error)
                await asyncio.sleep(0.1)
                continue
            visitor = Visitor(address[0])
            self.crowd.admit(visitor)
            task = self._keep(self._receive(accepted, visitor, state))
            visitor.end = task.cancel
            await asyncio.sleep(0)  # an accept that need not wait does not let others work

    async def _receive(self, accepted: socket.socket, visitor: Visitor, state: ServerState) -> None:
        seconds = None if self._context is None else HANDSHAKE
        try:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio does so for its own sockets alone
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: Connection(self._config, state, self.crowd, visitor),
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=seconds,
                ssl_shutdown_timeout=seconds,
            )
        except (OSError, asyncio.CancelledError):
            self.crowd.leave(visitor)
            with contextlib.suppress(OSError):
                accepted.close()
