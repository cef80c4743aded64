"""Connections of `dmvpn web`: how many there are at most, and how long each may take.

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
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from dmvpn.shells.descriptors import Shortage
from dmvpn.web.bodies import Problem
from dmvpn.web.bounds import TABLE, Bound, Taken

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Collection

    from uvicorn import Config
    from uvicorn.server import ServerState

    from dmvpn.web.permission import Caller

STRANGERS: Final = 200
HANDSHAKE: Final = 5.0
HEADERS: Final = 10.0
STALLED: Final = 30.0
SWEEP: Final = 5.0


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
