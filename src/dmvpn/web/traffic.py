"""The traffic of a lab that a client watches: packets and bits each second of each tunnel and NBMA address.

Each second some routers are asked for their counters, at most `MOST_ASKED`, in turn, so a lab of many routers costs no
more than a small one. Rates of a router hold until its next turn. Without a client the server asks no router.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.values import dataclass
from dmvpn.face.calling import PROTOCOL
from dmvpn.face.messages import Count, Counts, Done, Hello
from dmvpn.face.protocol import Decoder, ProtocolError, encode
from dmvpn.face.values import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dmvpn.face.messages import Message

#: Routers that are asked each second for one stream.
MOST_ASKED: Final = 32
#: Seconds for which a router may take for its answer.
_PATIENCE: Final = 2.0
#: What rows have.
_COLUMNS: Final = sum(COLUMNS["peers"], ())
#: Octets that are read at a time.
_PIECE: Final = 1 << 16


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


@dataclass(frozen=True, slots=True)
class Counted:
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
    def turns(self) -> int:
        """Seconds from one turn of a router to its next."""
        return max(1, -(-len(self._routers) // MOST_ASKED))

    async def rates(self, sockets: Mapping[str, Path]) -> list[dict[str, object]]:
        """Ask the routers whose turn it is. Returns a row for each peer with traffic; a dead router has none."""
        size = min(MOST_ASKED, len(self._routers))
        names = [self._routers[(self._next + place) % len(self._routers)] for place in range(size)]
        self._next = (self._next + size) % max(1, len(self._routers))
        living = [name for name in names if name in sockets]
        answers = await asyncio.gather(*(_asked(sockets[name]) for name in living))
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


async def _asked(path: Path) -> Counted | None:
    """Return what a router has counted; None: it does not answer."""
    with suppress(OSError, EOFError, TimeoutError, ProtocolError):
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_unix_connection(path, limit=_PIECE)
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
