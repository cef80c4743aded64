"""Sockets in memory: a simulated lab and its clients in one process with one thread, as in a tab of a browser.

    loop = HostedLoop()                   of the lab; the loop that runs here lets it go on
    loop.pump()                           whatever is due
    listener = await listen(connected, path)      a management socket; `sockets.IN_MEMORY` has it
    end = sockets.IN_MEMORY[path].open()          a client that waits
    reader, writer = await sockets.open_streams(path)
    found = await Aside(look, loop).begin(work)   work that may take long, while the loop goes on

The two loops share the thread. A client that waits lets the lab go on; where the lab has nothing to do before its next
timer, its clock jumps there. So what waits for the lab's time takes none of the machine's. The lab never waits for a
client, so it never runs inside itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeVar, TypeVarTuple, cast

from dmvpn.base.breath import BREATH
from dmvpn.shells.lab import control
from dmvpn.shells.lab.sockets import IN_MEMORY, LABS_IN_MEMORY

if TYPE_CHECKING:
    import socket
    from contextvars import Context
    from pathlib import Path

    from dmvpn.shells.facts import LabFacts

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class Server(Protocol):
    """What listens: as much of `asyncio.Server` as is needed."""

    def close(self) -> None:
        """Take no more clients."""

    async def wait_closed(self) -> None:
        """Wait until it has ended."""


#: What a server does with a client.
Connected: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]
#: Begins to listen at a path.
Listen: TypeAlias = "Callable[[Connected, Path], Awaitable[Server]]"

#: Seconds of the machine that one `pump` may take, and its fewest turns: a key needs several. Seconds of the lab for
#: which a client waits at most.
LONGEST_PUMP, _FEWEST = 0.02, 8
_PATIENCE: Final = 600.0
#: Octets that wait for a reader before the writer has to wait.
_MOST: Final = 1 << 16
#: Seconds between two looks for what came in, and where none is possible; pieces of work that run inside each other.
_PACE, _DEAF_PACE, _DEEPEST = 0.03, 1.0, 4


# ------------------------------------------------------------------------------------------------ the loop


class _NoSelector:
    """A selector of no descriptor."""

    def select(self, timeout: float | None) -> list[Any]:
        return []

    def close(self) -> None:
        pass


class HostedLoop(asyncio.BaseEventLoop):
    """A loop, such as that of a lab, which the loop that runs when it is made pumps."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _NoSelector()
        self._host = asyncio.get_running_loop()
        #: Seconds that its clock is ahead of the machine's.
        self._ahead = 0.0
        #: The next pump of the host, and when it comes: not every host's handles say so.
        self._turn: asyncio.TimerHandle | None = None
        self._turn_at = 0.0
        #: What else is to be done while a client waits: it may end the wait by an exception.
        self.between: Callable[[], object] = lambda: None

    def time(self) -> float:
        """Return seconds of the lab's clock."""
        return time.monotonic() + self._ahead

    def call_soon(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Call at the next pump, which comes."""
        handle = super().call_soon(callback, *args, context=context)
        self._arm()
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call then."""
        handle = super().call_at(when, callback, *args, context=context)
        self._arm()
        return handle

    def pump(self) -> None:
        """Run due callbacks, but not for long, from any loop of this thread."""
        outer = asyncio._get_running_loop()
        task = None if outer is None else asyncio.current_task(outer)
        if outer is not None and task is not None:
            asyncio.tasks._leave_task(outer, task)
        asyncio._set_running_loop(None)
        ends = time.monotonic() + LONGEST_PUMP
        try:
            for turn in count(1):
                self.stop()
                self.run_forever()
                if not self.is_due or (turn >= _FEWEST and time.monotonic() >= ends):
                    break
        finally:
            asyncio._set_running_loop(outer)
            if outer is not None and task is not None:
                asyncio.tasks._enter_task(outer, task)
        self._arm()

    def wait(self, done: Callable[[], object], patience: float | None = None) -> None:
        """Let the lab go on until something is done. patience: seconds of the lab. Raises TimeoutError."""
        ends = self.time() + (_PATIENCE if patience is None else patience)
        while not done():
            if self.time() >= ends:
                raise TimeoutError
            self._ahead += max(0.0, min(self._due(), ends) - self.time())
            self.pump()
            self.between()

    def end_tasks(self) -> None:
        """End what runs in it: its clients see that the lab has gone."""
        for task in asyncio.all_tasks(self):
            task.cancel()
        self.pump()

    def close(self) -> None:
        """End it."""
        if self._turn is not None:
            self._turn.cancel()
        IN_MEMORY.clear()
        LABS_IN_MEMORY.clear()
        super().close()

    @property
    def is_due(self) -> bool:
        """Whether something is to be done now."""
        return self._due() <= self.time()

    def _due(self) -> float:
        """Return when something is to be done."""
        if self._ready:  # type: ignore[attr-defined]
            return self.time()
        waiting = self._scheduled  # type: ignore[attr-defined]
        return cast("float", waiting[0].when()) if waiting else float("inf")

    def _arm(self) -> None:
        """Let the host pump when something is due."""
        if self.is_running():
            return
        rest = max(0.0, self._due() - self.time())
        due = self._host.time() + rest
        if self._turn is not None:
            if self._turn_at <= due:
                return
            self._turn.cancel()
        self._turn_at = due
        self._turn = None if rest == float("inf") else self._host.call_later(rest, self._take_turn)

    def _take_turn(self) -> None:
        self._turn = None
        self.pump()

    def _process_events(self, events: list[Any]) -> None:
        """Do nothing: there is no descriptor."""


# ------------------------------------------------------------------------------------------------ connections


class _Side(asyncio.Transport):
    """The side of a connection that a loop has."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.StreamReaderProtocol) -> None:
        super().__init__()
        self.peer: _Side | End
        self._loop = loop
        self._protocol = protocol
        self._held = bytearray()
        self._reads, self._waits = True, False
        self._is_at_end = self._is_closing = False

    def take(self, data: bytes) -> None:
        """Take octets of the peer."""
        self._held += data
        self._loop.call_soon(self._hand_on)
        if len(self._held) > _MOST:
            self.peer.hold(wait=True)

    def take_end(self) -> None:
        """Note that the peer sends no more."""
        self._is_at_end = True
        self._loop.call_soon(self._hand_on)

    def hold(self, *, wait: bool) -> None:
        """Let our writer wait, or no longer."""
        if wait is not self._waits:
            self._waits = wait
            self._loop.call_soon(self._protocol.pause_writing if wait else self._protocol.resume_writing)

    def _hand_on(self) -> None:
        if not self._reads or self._is_closing:
            return
        if self._held:
            data = bytes(self._held)
            self._held.clear()
            self.peer.hold(wait=False)
            self._protocol.data_received(data)
        if self._is_at_end and not self._held:
            self._protocol.eof_received()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send octets; to a peer that has gone, none any more."""
        if self.peer.is_closing():
            self.close()
        elif not self._is_closing:
            self.peer.take(bytes(data))

    def can_write_eof(self) -> bool:
        """Return True: one direction may end."""
        return True

    def write_eof(self) -> None:
        """Send no more."""
        self.peer.take_end()

    def is_closing(self) -> bool:
        """Return whether the connection has ended here."""
        return self._is_closing

    def close(self) -> None:
        """End the connection."""
        if not self._is_closing:
            self._is_closing = True
            self._loop.call_soon(self._protocol.connection_lost, None)
            self.peer.take_end()

    abort = close

    def pause_reading(self) -> None:
        """Keep what comes."""
        self._reads = False

    def resume_reading(self) -> None:
        """Hand on the octets that were kept."""
        self._reads = True
        self._loop.call_soon(self._hand_on)


class End:
    """The end of a client that waits: as much of a socket as clients use."""

    def __init__(self, loop: HostedLoop) -> None:
        self.peer: _Side
        self._loop = loop
        self._held = bytearray()
        self._is_at_end = self._is_closing = False
        self._patience: float | None = None

    def __enter__(self) -> End:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self, path: str) -> None:
        """Do nothing: it is connected."""

    def settimeout(self, seconds: float | None) -> None:
        """Wait for so many seconds of the lab's clock at most."""
        self._patience = seconds

    def sendall(self, data: bytes) -> None:
        """Send octets."""
        self.peer.take(data)

    def recv(self, most: int) -> bytes:
        """Receive octets, b"" at the end. Raises TimeoutError."""
        self._loop.wait(lambda: self._held or self._is_at_end, self._patience)
        data = bytes(self._held[:most])
        del self._held[:most]
        if data and not self._held:
            self.peer.hold(wait=False)
        return data

    def fileno(self) -> int:
        """Return that it is no descriptor."""
        return -1

    def close(self) -> None:
        """End the connection."""
        self._is_closing = True
        self.peer.take_end()

    def is_closing(self) -> bool:
        """Return whether the client has left."""
        return self._is_closing

    def take(self, data: bytes) -> None:
        """Take octets of the peer."""
        self._held += data
        if len(self._held) > _MOST:
            self.peer.hold(wait=True)

    def take_end(self) -> None:
        """Note that the peer sends no more."""
        self._is_at_end = True

    def hold(self, *, wait: bool) -> None:
        """Do nothing: the client sends little."""


class Listening:
    """A management socket in memory. Its empty file shows that it is there."""

    def __init__(self, connected: Connected, path: Path) -> None:
        self._loop = cast("HostedLoop", asyncio.get_running_loop())
        self._connected = connected
        self._path = str(path)
        path.touch()
        IN_MEMORY[self._path] = self

    def close(self) -> None:
        """Take no more clients."""
        IN_MEMORY.pop(self._path, None)

    async def wait_closed(self) -> None:
        """Do nothing: each client is a task of its server's."""

    def open(self) -> End:
        """Connect a client that waits."""
        end = End(self._loop)
        self._serve(end)
        return end

    def open_streams(self, limit: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect a client of the running loop."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit, loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        side = _Side(loop, protocol)
        self._serve(side)
        protocol.connection_made(side)
        return reader, asyncio.StreamWriter(side, protocol, reader, loop)

    def _serve(self, client: _Side | End) -> None:
        reader = asyncio.StreamReader(loop=self._loop)
        protocol = asyncio.StreamReaderProtocol(reader, self._connected, self._loop)
        client.peer = _Side(self._loop, protocol)
        client.peer.peer = client
        self._loop.call_soon(protocol.connection_made, client.peer)


async def listen(connected: Connected, path: Path) -> Server:
    """Listen at a path in memory."""
    return Listening(connected, path)


# ------------------------------------------------------------------------------------------------ work


class Aside:
    """Work outside of hosted loops: they go on at each breath that is due, and so does work that begins meanwhile.

    Later work ends before earlier work goes on, because Python keeps the state of nested calls nowhere else. look:
    takes the messages that have come in meanwhile; False: it cannot. Results are for the last loop. The `Breath` of the
    work.
    """

    def __init__(self, look: Callable[[], bool], *loops: HostedLoop) -> None:
        self.is_deaf = False
        self._loops = loops
        self._look = look
        self._host = asyncio.get_running_loop()
        self._waiting: deque[Callable[[], None]] = deque()
        #: Whether each piece of work that runs is unwanted by now.
        self._running: list[Callable[[], bool]] = []
        self._next = 0.0

    def begin(self, work: Callable[[], _T], is_unwanted: Callable[[], bool] = lambda: False) -> asyncio.Future[_T]:
        """Do work soon. is_unwanted: whether it is to end by a KeyboardInterrupt."""
        done: asyncio.Future[_T] = self._loops[-1].create_future()

        def carry_out() -> None:
            self._running.append(is_unwanted)
            token = BREATH.set(self)
            try:
                result = work()
            except BaseException as error:
                if not done.done():
                    done.set_exception(error)
            else:
                if not done.done():
                    done.set_result(result)
            finally:
                BREATH.reset(token)
                self._running.pop()

        self._waiting.append(carry_out)
        self._host.call_soon(self._go_on)
        return done

    def _go_on(self) -> None:
        while self._waiting and len(self._running) < _DEEPEST:
            self._next = time.monotonic() + _PACE
            self._waiting.popleft()()

    @property
    def is_busy(self) -> bool:
        """Whether work is under way."""
        return bool(self._running)

    def pause(self) -> None:
        """Let the loops go on if it is time. Raises KeyboardInterrupt where the work is unwanted."""
        now = time.monotonic()
        if now < self._next or not self._running or any(loop.is_running() for loop in self._loops):
            return
        self.is_deaf = not self._look()
        while any(loop.is_due for loop in self._loops) and time.monotonic() < now + LONGEST_PUMP:
            for loop in self._loops:
                loop.pump()
            self._go_on()
        self._next = time.monotonic() + (_DEAF_PACE if self.is_deaf else _PACE)
        if self._running[-1]():
            raise KeyboardInterrupt

    def aside(self, work: Callable[[], _T]) -> _T:
        """Do work."""
        return work()

    at_home = aside


# ------------------------------------------------------------------------------------------------ orders


class _Answer(control.Answer):
    """An answer for a client that waits in this thread."""

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__(cast("socket.socket", None), b"")
        self._note = note
        self.is_there = False

    def send(self) -> bool:
        """Give it."""
        self.is_there = True
        return True

    def is_awaited(self) -> bool:
        """Return True: its client waits."""
        return True

    def note(self, text: str) -> None:
        """Let the client know how far the work is."""
        self._note(text)


class Desk:
    """The control socket of a lab in memory. obey, give: as `control.serve` takes them. facts: gives the lab's."""

    def __init__(
        self,
        obey: Callable[[dict[str, control.Json]], control.Json | control.Lent],
        give: Callable[[control.Answer], object],
        facts: Callable[[], LabFacts],
    ) -> None:
        self._loop = cast("HostedLoop", asyncio.get_running_loop())
        self._obey = obey
        self._give = give
        self.facts = facts

    def ask(self, request: bytes, note: Callable[[str], None]) -> bytes:
        """Return the answer to a request."""
        answer = _Answer(note)

        def begin() -> None:
            answer.octets, _ = control.carried_out(request, self._obey, is_owner=True)
            self._give(answer)

        self._loop.call_soon(begin)
        self._loop.wait(lambda: answer.is_there)
        return bytes(answer.octets)
