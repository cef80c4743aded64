"""What Prometheus asks for: `/metrics`, and the list of its targets (HTTP service discovery).

A scrape asks all routers that are meant, some at a time, and makes one text of what they count. A router that does not
run, or does not answer in time, has `dmvpn_up` 0 and nothing else: a part of its numbers would look like all of them.
All of this blocks: it is called in threads.

The text has the format of Prometheus (0.0.4) or OpenMetrics (1.0.0). They differ in little: OpenMetrics names a counter
without its `_total` where it says what it is, knows units and `info`, and ends in `# EOF`. All numbers of one name must
be together, so lines are kept by name until the end.
"""

from __future__ import annotations

import enum
import os
import re
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dmvpn.base.errors import UserError
from dmvpn.base.metrics import Family, Kind, families
from dmvpn.base.values import Value
from dmvpn.face.client import measures
from dmvpn.face.messages import Counts
from dmvpn.ios.filters import Plain
from dmvpn.web.bodies import Problem
from dmvpn.web.bounds import Workers
from dmvpn.web.document import ANY_OBJECT, TEXT, operation, parameter
from dmvpn.web.fleet import Fleet, Running
from dmvpn.web.permission import resource

_TOTAL, _INFO = "_total", "_info"
_UNITS: Final = ("bytes", "seconds")
#: In values of labels; no other character that cannot be printed is passed on.
_ESCAPES: Final = {"\\": r"\\", '"': r"\"", "\n": r"\n"}
_UNKNOWN: Final = "\ufffd"
_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*").fullmatch

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

METRICS: Final = "/metrics"
TARGETS: Final = "/api/v1/targets"
_PRIVATE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_TARGETS: Final[Plain] = {"type": "array", "items": ANY_OBJECT}
_MEANINGS: Final = {
    "lab": "This lab alone",
    "router": "This router alone",
    "peers": "How many rows a table has that has one for each peer",
}


# ------------------------------------------------------------------------------------------------ metrics as text


class Format(enum.Enum):
    """The two formats; the value is the media type of each."""

    PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    @classmethod
    def accepted(cls, accept: str) -> Format:
        """Return what a client wants, by its `Accept` (RFC 9110 §12.5.1); without a wish that of Prometheus."""
        weights = dict.fromkeys(cls, 0.0)
        for wish in accept.lower().split(","):
            kind, *parameters = (part.strip() for part in wish.split(";"))
            found = {"application/openmetrics-text": cls.OPENMETRICS, "text/plain": cls.PROMETHEUS}.get(kind)
            if found is not None:
                weights[found] = max(weights[found], _weight(parameters))
        return cls.OPENMETRICS if weights[cls.OPENMETRICS] > weights[cls.PROMETHEUS] else cls.PROMETHEUS


def _weight(parameters: list[str]) -> float:
    """Return the quality of a media type; it is 1 if it is not given, and 0 if it cannot be read."""
    given = next((word[2:] for word in parameters if word.startswith("q=")), "1")
    try:
        return min(max(float(given), 0.0), 1.0)
    except ValueError:
        return 0.0


class Exposition:
    """The text, while tables are put in."""

    def __init__(self, form: Format) -> None:
        self._form = form
        self._heads: dict[str, str] = {}
        self._lines: dict[str, list[str]] = {}

    def put(self, table: Counts, common: str) -> None:
        """Put in rows. common: labels of all of them, as `labels_of` writes them.

        Raises ValueError for names that no metric or label may have: the router may be another program's.
        """
        names, metrics = table.columns[: table.labels], table.columns[table.labels :]
        if not all(map(_NAME, (*names, *metrics))):
            raise ValueError(f"the table {table.topic} has an impossible name")
        for name, (kind, meaning) in zip(metrics, table.families, strict=False):
            self._declare(name, kind, meaning)
        form = ",".join([*([common] if common else []), *(f'{name}="%s"' for name in names)]) + "} "
        many = table.labels
        texts: list[tuple[str, ...]] = [row[:many] for row in table.rows]  # type: ignore[misc]
        joined = "".join(map("".join, texts))
        if not joined.isprintable() or "\\" in joined or '"' in joined:
            texts = [tuple(map(escaped, each)) for each in texts]
        labels = [form % each for each in texts]
        for place, name in enumerate(metrics, many):
            head = f"{name}{{"
            self._lines.setdefault(name, []).extend(
                [f"{head}{text}{row[place]}\n" for text, row in zip(labels, table.rows, strict=True)]
            )

    def put_one(self, family: Family, common: str, number: float) -> None:
        """Put in one number."""
        self._declare(family.name, family.kind.value, family.meaning)
        self._lines.setdefault(family.name, []).append(f"{family.name}{{{common.replace('%%', '%')}}} {number}\n")

    def add(self, other: Exposition) -> None:
        """Put in all that another text of the same format has."""
        for name, head in other._heads.items():
            self._heads.setdefault(name, head)
        for name, lines in other._lines.items():
            self._lines.setdefault(name, []).extend(lines)

    def text(self) -> str:
        """Return the whole text."""
        return "".join(self._parts())

    def _parts(self) -> Iterator[str]:
        for name, lines in self._lines.items():
            yield self._heads.get(name, "")
            yield from lines
        if self._form is Format.OPENMETRICS:
            yield "# EOF\n"

    def _declare(self, name: str, kind: str, meaning: str) -> None:
        if name in self._heads:
            return
        kind = Kind(kind).value
        meaning = meaning.replace("\\", r"\\").replace("\n", r"\n")
        if self._form is Format.PROMETHEUS:
            kind = Kind.GAUGE.value if kind == Kind.INFO.value else kind
            self._heads[name] = f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n"
            return
        family = name.removesuffix({Kind.COUNTER.value: _TOTAL, Kind.INFO.value: _INFO}.get(kind, "\0"))
        unit = next((f"# UNIT {family} {unit}\n" for unit in _UNITS if family.endswith(f"_{unit}")), "")
        meaning = meaning.replace('"', r"\"")
        self._heads[name] = f"# TYPE {family} {kind}\n{unit}# HELP {family} {meaning}\n"


def labels_of(**labels: str) -> str:
    """Return labels for `Exposition.put`, where `%` is written twice."""
    return ",".join(f'{name}="{escaped(text)}"' for name, text in labels.items()).replace("%", "%%")


def escaped(text: str) -> str:
    """Return the value of a label as both formats write it."""
    return "".join(_ESCAPES.get(one) or (one if one.isprintable() else _UNKNOWN) for one in text)


# ------------------------------------------------------------------------------------------------ a scrape


class Wish(Value, kw_only=True):
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
                # The text of one router. end: when it must be there, on the monotonic clock
                begun = time.monotonic()
                common = labels_of(lab=one.lab, router=one.router)
                numbers = _ask(one, wish, end, common) if one.alive else None
                part = Exposition(wish.form)
                part.put_one(UP, common, int(numbers is not None))
                part.put_one(DURATION, common, round(time.monotonic() - begun, 6))
                if numbers is not None:
                    part.add(numbers)
                parts[one] = part

    with ThreadPoolExecutor(_AT_ONCE, "scrape") as pool:
        # Each lab gets its first thread before any lab gets a second one: a lab that does not answer holds up no other.
        for _ in pool.map(ask, [each for _ in range(_OF_A_LAB) for each in waiting.values()]):
            pass
    for one in chosen:
        text.add(parts[one])
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    for family, number in zip(
        OWN, (time.process_time(), pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir("/proc/self/fd"))), strict=True
    ):
        text.put_one(family, "", number)
    return text.text()


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


# ------------------------------------------------------------------------------------------------ resources


class Watched:
    """The resources as methods."""

    def __init__(self, fleet: Fleet, workers: Workers) -> None:
        self._fleet = fleet
        self._workers = workers

    @resource(
        "GET",
        METRICS,
        operation(
            "What all routers count, as text of Prometheus or OpenMetrics",
            TEXT,
            given=[parameter("query", name, meaning) for name, meaning in _MEANINGS.items()],
            media=[form.value.partition(";")[0] for form in Format],
        ),
    )
    async def metrics(self, request: Request) -> Response:
        """Give what routers count, as text."""
        wish = Wish.of(request.query_params, request.headers)
        text = await self._workers.run_read(request.scope["caller"], lambda: scrape(self._fleet, wish), "scrapes")
        return Response(
            text.encode("utf-8", "replace"), media_type=None, headers={**_PRIVATE, "Content-Type": wish.form.value}
        )

    @resource("GET", TARGETS, operation("A target for each router, for the service discovery of Prometheus", _TARGETS))
    async def targets(self, request: Request) -> Response:
        """Give a target for each router, as Prometheus's `http_sd_configs` reads them."""
        origin = request.scope["origin"]
        found = await self._workers.run_read(request.scope["caller"], self._fleet.running)
        return JSONResponse(
            [
                {
                    "targets": [origin.host],
                    "labels": {
                        "__scheme__": "https" if origin.secure else "http",
                        "__metrics_path__": METRICS,
                        "__param_lab": one.lab,
                        "__param_router": one.router,
                        "instance": f"{one.lab}/{one.router}",
                    },
                }
                for one in found
            ],
            headers=_PRIVATE,
        )
