"""One scrape: it asks all routers that are meant, some at a time, and makes one text of what they count.

A router that does not run, or does not answer in time, has `dmvpn_up` 0 and nothing else: a part of its numbers would
look like all of them. Everything here blocks: it is called in threads.
"""

from __future__ import annotations

import os
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.base.errors import UserError
from dmvpn.base.metrics import families
from dmvpn.base.values import dataclass
from dmvpn.face.client import measures
from dmvpn.web.exposition import Exposition, Format, labels_of
from dmvpn.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.web.fleet import Running

#: Routers that are asked at a time, of one lab and of all labs.
_OF_A_LAB: Final = 8
_AT_ONCE: Final = 64
#: Rows of tables with a row for each peer: without a wish, and at most.
PEERS, MOST_PEERS = 1000, 100_000
#: Seconds that a scrape may take: without a wish, and at most; and how much earlier than the scraper it gives up.
_PATIENCE, _MOST_PATIENCE, _MARGIN = 9.0, 60.0, 0.5

UP, DURATION, CUT = families("""
    gauge dmvpn_up :: 1 if the router answered this scrape.
    gauge dmvpn_scrape_duration_seconds :: How long the router took to answer this scrape.
    gauge dmvpn_scrape_cut :: 1 for a table that has more rows than are shown.
    """)
#: Of the process of `dmvpn web` itself, by the names that all programs use.
OWN: Final = families("""
    counter process_cpu_seconds_total :: Processor time of dmvpn web.
    gauge process_resident_memory_bytes :: Memory of dmvpn web.
    gauge process_open_fds :: Open files and sockets of dmvpn web.
    """)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a scraper asks for. lab, router: these alone, "": all. peers: rows per table. patience: seconds."""

    lab: str = ""
    router: str = ""
    peers: int = PEERS
    form: Format = Format.PROMETHEUS
    patience: float = _PATIENCE

    @classmethod
    def of(cls, query: Mapping[str, str], headers: Mapping[str, str]) -> Wish:
        """Return what a request asks for. Raises Problem."""
        unknown = [name for name in query if name not in ("lab", "router", "peers")]
        if unknown:
            raise Problem(HTTPStatus.BAD_REQUEST, "metrics take lab, router and peers")
        peers = query.get("peers", str(PEERS))
        if not peers.isascii() or not peers.isdigit() or len(peers) > 6 or int(peers) > MOST_PEERS:
            raise Problem(HTTPStatus.BAD_REQUEST, f"peers is a number from 0 to {MOST_PEERS}")
        return cls(
            lab=query.get("lab", ""),
            router=query.get("router", ""),
            peers=int(peers),
            form=Format.accepted(headers.get("accept", "")),
            patience=_patience(headers.get("x-prometheus-scrape-timeout-seconds", "")),
        )


def _patience(given: str) -> float:
    """Return the seconds that a scraper waits, which Prometheus names in a header."""
    try:
        wished = float(given)
    except ValueError:
        return _PATIENCE
    return min(max(wished - _MARGIN, wished / 2), _MOST_PATIENCE) if wished > 0 else _PATIENCE


class Routers(Protocol):
    """All routers that a scrape may ask: the fleet."""

    def running(self) -> list[Running]:
        """Return all routers, by lab and name."""
        ...


def scrape(fleet: Routers, wish: Wish) -> str:
    """Return the text. Raises Problem if there is no such router."""
    chosen = [one for one in fleet.running() if wish.lab in ("", one.lab) and wish.router in ("", one.router)]
    if not chosen and (wish.lab or wish.router):
        raise Problem(HTTPStatus.NOT_FOUND, "no router of this name runs here")
    text = Exposition(wish.form)
    end = time.monotonic() + wish.patience
    parts: dict[Running, Exposition] = {}
    waiting: dict[str, deque[Running]] = {}
    for one in chosen:
        waiting.setdefault(one.lab, deque()).append(one)

    def ask(routers: deque[Running]) -> None:
        with suppress(IndexError):  # no router of the lab is left
            while True:
                one = routers.popleft()
                parts[one] = _part(one, wish, end)

    with ThreadPoolExecutor(_AT_ONCE, "scrape") as pool:
        # Each lab gets its first thread before any lab gets a second one: a lab that does not answer holds up no other.
        for _ in pool.map(ask, [each for _ in range(_OF_A_LAB) for each in waiting.values()]):
            pass
    for one in chosen:
        text.add(parts[one])
    for family, number in zip(OWN, _own(), strict=True):
        text.put_one(family, "", number)
    return text.text()


def _part(one: Running, wish: Wish, end: float) -> Exposition:
    """Return the text of one router. end: when it must be there, on the monotonic clock."""
    begun = time.monotonic()
    common = labels_of(lab=one.lab, router=one.router)
    numbers = _ask(one, wish, end, common) if one.alive else None
    part = Exposition(wish.form)
    part.put_one(UP, common, int(numbers is not None))
    part.put_one(DURATION, common, round(time.monotonic() - begun, 6))
    if numbers is not None:
        part.add(numbers)
    return part


def _ask(one: Running, wish: Wish, end: float, common: str) -> Exposition | None:
    """Return what a router counts; None: it does not answer, or not in time."""
    numbers, left = Exposition(wish.form), end - time.monotonic()
    try:
        for table in measures(one.socket, wish.peers, patience=left) if left > 0 else ():
            numbers.put(table, common)  # at once: rows would keep the garbage collector busy
            if table.cut:
                numbers.put_one(CUT, f"{common},{labels_of(table=table.topic)}", 1)
            if time.monotonic() >= end:
                return None
    except (UserError, ValueError):
        return None
    return numbers if left > 0 else None


def _own() -> tuple[float, int, int]:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return time.process_time(), pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir("/proc/self/fd"))
