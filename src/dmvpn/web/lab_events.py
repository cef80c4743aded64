"""What happens at all routers of a lab, as one stream of server-sent events.

    GET .../labs/LAB/events -> `news` and `gone` of a router, as in the stream of the router alone, with its name; news
                               say whether there are `more` lines of the past, which follow at once
                            -> `traffic`: rates of the last second, only for a request that names this topic
                            -> `ended`: the lab has ended

The id of an event says how far the reader is at each router: with it the stream goes on where it was, also at another
process. Each router is read no faster than the reader reads.

    id = base64url of: 8 octets of a hash of the names; for each router, by name: 4 octets of its life, and the
         numbers of the last event and of the last log line, each in groups of 7 bits (LEB128)

Traffic is packets and bits each second of each tunnel and NBMA address, while a client watches. Each second some
routers are asked for their counters, at most `MOST_ASKED`, in turn, so a lab of many routers costs no more than a small
one. Rates of a router hold until its next turn. Without a client the server asks no router.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from dmvpn.base.values import Value
from dmvpn.face.calling import PROTOCOL
from dmvpn.face.messages import Count, Counts, Done, Hello, Message, Watch
from dmvpn.face.protocol import Decoder, ProtocolError, encode
from dmvpn.face.values import COLUMNS
from dmvpn.face.watching import LARGEST_BATCH, LENGTH
from dmvpn.shells.lab.sockets import open_streams
from dmvpn.web import events
from dmvpn.web.bodies import Problem
from dmvpn.web.bounds import Bounds, Workers
from dmvpn.web.fleet import Fleet
from dmvpn.web.permission import resource

#: Routers that are asked each second for one stream.
MOST_ASKED: Final = 32
#: Routers that are asked at the same time: where one thread does all, as in a tab, keys wait for their answers.
_AT_ONCE: Final = 4
#: Seconds for which a router may take for its answer.
_PATIENCE: Final = 2.0
#: What rows have.
_COLUMNS: Final = sum(COLUMNS["peers"], ())
#: Octets that are read at a time.
_PIECE: Final = 1 << 16

LAB_EVENTS: Final = "/api/v1/labs/{lab}/events"
#: A topic of this stream alone.
TRAFFIC: Final = "traffic"
#: The history without the changes of routes from before: these are most of the past of a large network.
RECENT: Final = "recent"
#: Seconds between two questions for traffic.
_SECOND: Final = 1.0
#: Events without rates after the last rates of all routers.
_QUIET: Final = 2
#: Octets of the hash of the names; groups of a number.
_HASH: Final = 8
_GROUPS: Final = 9
_NUMBERS: Final = 10**18
_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_NO_ID: Final = "Last-Event-ID is no id of an event of this server"


# ------------------------------------------------------------------------------------------------ traffic


class Passed(NamedTuple):
    """What passed in one direction. octets: of the packets inside GRE."""

    packets: int = 0
    octets: int = 0

    def since(self, before: Passed) -> Passed:
        """Return what passed since then. Counters that went back are those of a new tunnel: they began at 0."""
        if self.packets < before.packets or self.octets < before.octets:
            return self
        return Passed(self.packets - before.packets, self.octets - before.octets)


#: What was sent and received, by tunnel interface and NBMA address.
Peers = dict[tuple[str, str], tuple[Passed, Passed]]


class Counted(Value):
    """What a router has counted. now: seconds since 1970."""

    now: float
    peers: Peers


class Traffic:
    """The rates of the routers of a lab, from one turn of each router to its next."""

    def __init__(self, routers: Sequence[str]) -> None:
        self._routers = list(routers)
        self._next = 0
        self._before: dict[str, Counted] = {}

    @property
    def period(self) -> int:
        """Seconds from one turn of a router to its next."""
        return max(1, -(-len(self._routers) // MOST_ASKED))

    async def rates(self, sockets: Mapping[str, Path]) -> list[dict[str, object]]:
        """Ask the routers whose turn it is. Returns a row for each peer with traffic; a dead router has none."""
        size = min(MOST_ASKED, len(self._routers))
        names = [self._routers[(self._next + place) % len(self._routers)] for place in range(size)]
        self._next = (self._next + size) % max(1, len(self._routers))
        living = [name for name in names if name in sockets]
        turns = asyncio.Semaphore(_AT_ONCE)
        answers = await asyncio.gather(*(_asked(sockets[name], turns) for name in living))
        found: list[dict[str, object]] = []
        for name, counted in zip(living, answers, strict=True):
            if counted is None:
                continue  # it is busy: its next answer is compared with its last one
            before, self._before[name] = self._before.get(name), counted
            if before is not None:
                found += rows(name, before, counted)
        for name in names:
            if name not in sockets:
                self._before.pop(name, None)
        return found


def rows(router: str, before: Counted, after: Counted) -> list[dict[str, object]]:
    """Return packets and bits each second between two answers of a router, for each peer that had any."""
    seconds = after.now - before.now
    found: list[dict[str, object]] = []
    for (interface, nbma), (sent, received) in after.peers.items():
        sent_before, received_before = before.peers.get((interface, nbma), (Passed(), Passed()))
        out, came = sent.since(sent_before), received.since(received_before)
        if seconds > 0 and (out.packets or came.packets):
            found.append(
                {
                    "router": router,
                    "interface": interface,
                    "nbma": nbma,
                    "out": round(out.packets / seconds, 2),
                    "in": round(came.packets / seconds, 2),
                    "bits_out": round(8 * out.octets / seconds),
                    "bits_in": round(8 * came.octets / seconds),
                }
            )
    return found


async def _asked(path: Path, turns: asyncio.Semaphore) -> Counted | None:
    """Return what a router has counted; None: it does not answer."""
    with suppress(OSError, EOFError, TimeoutError, ProtocolError):
        async with turns, asyncio.timeout(_PATIENCE):
            reader, writer = await open_streams(path, _PIECE)
            try:
                writer.write(encode(Count(("peers",))))
                return await _read(reader)
            finally:
                writer.close()
    return None


async def _read(reader: asyncio.StreamReader) -> Counted | None:
    decoder, found, now = Decoder(), Peers(), 0.0
    while data := await reader.read(_PIECE):
        messages: Sequence[Message] = decoder.feed(data)
        for message in messages:
            match message:
                case Hello(protocol=protocol) if protocol != PROTOCOL:
                    return None
                case Counts(columns=columns) if columns != _COLUMNS:
                    return None
                case Counts(now=now, rows=some):
                    for interface, nbma, *numbers in some:
                        sent, received, octets_sent, octets_received = map(int, numbers)
                        ways = Passed(sent, octets_sent), Passed(received, octets_received)
                        found[str(interface), str(nbma)] = ways
                case Done(status=status):
                    # A router without any peer has no message with its time: nothing can be compared with it.
                    return Counted(now, found) if status == 0 and now else None
    return None


# ------------------------------------------------------------------------------------------------ the stream


class LabEvents:
    """The resource as a method."""

    def __init__(self, fleet: Fleet, bounds: Bounds, workers: Workers) -> None:
        self._fleet = fleet
        self._bounds = bounds
        self._workers = workers

    @resource(
        "GET",
        LAB_EVENTS,
        events.stream("The history and the log of all routers of a lab, as server-sent events", TRAFFIC, RECENT),
    )
    async def follow(self, request: Request) -> Response:
        """Follow all routers of a lab."""
        lab, caller = request.path_params["lab"], request.scope["caller"]

        def sockets() -> Awaitable[dict[str, Path | None]]:
            return self._workers.run_read(caller, lambda: self._fleet.sockets(lab))

        topics, given = events.topics_of(request, (TRAFFIC, RECENT)), request.headers.get("last-event-id", "")
        routers = await sockets()
        since = positions_of(given, routers)
        with ExitStack() as held:
            held.enter_context(self._bounds.take("streams", caller))
            held.enter_context(self._bounds.take("followed", caller, len(routers)))
            return _LabStream(lab, sockets, since, topics, held.pop_all().close)


class _LabStream(events.Stream):
    """The events of a lab. sockets: asks for those of its routers; since: the id of the last news of each router."""

    def __init__(
        self,
        lab: str,
        sockets: Callable[[], Awaitable[dict[str, Path | None]]],
        since: dict[str, str],
        topics: tuple[str, ...],
        ended: Callable[[], None],
    ) -> None:
        super().__init__(ended)
        self._lab = lab
        self._sockets = sockets
        self._since = since
        self._hash = _hash_of(since)
        #: Of the id, by the name of the router: it is joined again for each event.
        self._parts = _parts_of(since)
        self._past_routes = RECENT not in topics
        watched = ("history" if topic == RECENT else topic for topic in topics if topic != TRAFFIC)
        self._topics = tuple(dict.fromkeys(watched))
        self._traffic = Traffic(sorted(since)) if TRAFFIC in topics else None
        self._counting: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._followed: dict[str, asyncio.Task[None]] = {}
        #: Routers that are known to the reader as dead.
        self._absent: set[str] = set()
        self._last = 0.0
        self._send: events.Put

    @resource(
        "GET",
        LAB_EVENTS,
        events.stream("The history and the log of all routers of a lab, as server-sent events", TRAFFIC, RECENT),
    )
    async def follow(self, put: events.Put) -> None:
        """Give the news of all routers until the lab ends."""
        self._send = put
        loop = asyncio.get_running_loop()
        self._last = loop.time()
        if self._traffic is not None:
            self._counting = asyncio.create_task(self._count(self._traffic))
        while await self._reach():
            await asyncio.sleep(events.RETRY)
            if loop.time() - self._last >= events.HEARTBEAT and not self._turn.locked():
                await self._put(events.COMMENT)
        await self._put(events.event_text("ended", {"lab": self._lab}))

    async def leave(self) -> None:
        """Follow no router any more."""
        tasks = [*self._followed.values(), *([self._counting] if self._counting else [])]
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _count(self, traffic: Traffic) -> None:
        """Give the rates of the routers, each second; after the last ones, nothing until the reader knows that."""
        loop = asyncio.get_running_loop()
        due, silent = loop.time(), traffic.period + _QUIET  # a lab without traffic has no events
        while True:
            with suppress(Problem):  # the lab has ended, or its turn does not come
                sockets = await self._sockets()
                rates = await traffic.rates({name: path for name, path in sockets.items() if path is not None})
                silent = 0 if rates else silent + 1
                if silent <= traffic.period + _QUIET:
                    data = {"holds": traffic.period * _SECOND, "rates": rates}
                    await self._put(events.event_text("traffic", data))
            # A reader or a machine that is slow makes us ask less often, never more often afterwards.
            due = max(due + _SECOND, loop.time() + _SECOND / 2)
            await asyncio.sleep(due - loop.time())

    async def _put(self, text: bytes) -> None:
        """Send text, and wait until the reader has room for more."""
        async with self._turn:
            await self._put_now(text)

    async def _put_now(self, text: bytes) -> None:
        await self._send(text)
        self._last = asyncio.get_running_loop().time()

    async def _reach(self) -> bool:
        """Follow the routers that live and are not followed yet, if news are wanted. False: the lab has ended."""
        for task in self._followed.values():
            if task.done():
                task.result()  # it failed: the reader takes nothing
        missing = [name for name in self._since if name not in self._followed]
        if not missing:
            return True
        try:
            sockets = await self._sockets()
        except Problem as problem:
            return problem.status is not HTTPStatus.NOT_FOUND
        for name in missing:
            path = sockets.get(name)
            if path is None:
                await self._put_gone(name)
            elif self._topics:
                self._followed[name] = asyncio.create_task(self._follow(name, path))
            else:
                self._absent.discard(name)  # a reader of traffic alone gets no news
        return True

    async def _follow(self, router: str, path: Path) -> None:
        """Give the news of a router until it goes."""
        try:
            following = await events.Following.begin(path, Watch(self._since[router], self._topics, self._past_routes))
        except Problem as problem:  # it is tried again; a router that is only busy is not gone
            if isinstance(problem, events.OtherVersionError):
                await self._put_gone(router, "runs another version of this program")
            del self._followed[router]
            return
        self._absent.discard(router)
        try:
            while (news := await following.next()) is not None:
                async with self._turn:  # the id of an event counts no news that are not sent yet
                    self._since[router] = news.id
                    self._parts[router] = _part(news.id)
                    data = {"router": router, **events.plain_news(news), "more": len(news.lines) >= LARGEST_BATCH}
                    await self._put_now(events.event_text("news", data, _joined(self._hash, self._parts)))
        finally:
            following.close()
        await self._put_gone(router)
        del self._followed[router]

    async def _put_gone(self, router: str, why: str = "") -> None:
        if router not in self._absent:
            self._absent.add(router)
            await self._put(events.event_text("gone", {"router": router, **({"why": why} if why else {})}))


def id_of(since: Mapping[str, str]) -> str:
    """Return the id for the ids of the last news of all routers, "": there are none of a router yet."""
    return _joined(_hash_of(since), _parts_of(since))


def _parts_of(since: Mapping[str, str]) -> dict[str, bytes]:
    return {name: _part(since[name]) for name in sorted(since)}


def _part(since: str) -> bytes:
    """Return the part of an id that is about one router."""
    life, _, numbers = since.partition(".")
    octets = bytes.fromhex(life) if life else bytes(LENGTH)
    return octets + b"".join(_packed(int(number)) for number in (numbers.split(".") if life else ("0", "0")))


def _joined(names: bytes, parts: Mapping[str, bytes]) -> str:
    return base64.urlsafe_b64encode(names + b"".join(parts.values())).decode().rstrip("=")


def positions_of(given: str, routers: Iterable[str]) -> dict[str, str]:
    """Return the ids of the last news of all routers, by name: none for an id of other routers. Raises Problem."""
    names = sorted(routers)
    since = dict.fromkeys(names, "")
    if not given:
        return since
    try:
        if not _ALPHABET.fullmatch(given):
            raise ValueError
        octets = iter(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)))
        if _taken(octets, _HASH) != _hash_of(names):
            return since
        for name in names:
            life = _taken(octets, LENGTH).hex()
            numbers = _unpacked(octets), _unpacked(octets)
            since[name] = f"{life}.{numbers[0]}.{numbers[1]}" if life.strip("0") else ""
    except (ValueError, binascii.Error) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, _NO_ID) from error
    if next(octets, None) is not None:
        raise Problem(HTTPStatus.BAD_REQUEST, _NO_ID)
    return since


def _hash_of(names: Iterable[str]) -> bytes:
    return hashlib.sha256("\n".join(sorted(names)).encode()).digest()[:_HASH]


def _taken(octets: Iterator[int], count: int) -> bytes:
    taken = bytes(octet for _, octet in zip(range(count), octets, strict=False))
    if len(taken) < count:
        raise ValueError
    return taken


def _packed(number: int) -> bytes:
    octets = bytearray()
    while number > 127:
        octets.append(number & 127 | 128)
        number >>= 7
    return bytes((*octets, number))


def _unpacked(octets: Iterator[int]) -> int:
    number = 0
    for group in range(_GROUPS):
        octet = next(octets, None)
        if octet is None:
            raise ValueError
        number |= (octet & 127) << 7 * group
        if octet < 128 and number < _NUMBERS:
            return number
    raise ValueError
