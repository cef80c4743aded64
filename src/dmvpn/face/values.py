"""What programs ask a router for: values of shows, counters, metrics.

    Asking            one value, such as that of a show, as JSON text in pieces; its host calls `step` in slices
    counted           the counters of the data plane as rows of numbers; nothing is kept between two questions
    router_metrics    the tables of all features and of the process: what `Count` of `metrics` wants

A table is sent as `Counts` of at most `LARGEST_BATCH` rows; the first of them says what its numbers mean. A table
without rows is not sent. Tables of features of which each VRF has machines of its own begin with the label `vrf`.

Metrics of the process are processor, memory, files, version, and how late its loop is. All routers of a simulated lab
share one process, and so these numbers. The lateness of the loop is measured while metrics are asked for, and a while
longer: a timer of `_BEAT` seconds is called late when something held the loop.
"""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from dmvpn import __version__
from dmvpn.base.breath import aside, at_home, breathing
from dmvpn.base.events import GreDrops, PacketCounts
from dmvpn.base.metrics import MOST_ENTRIES, Bound, MetricRow
from dmvpn.base.protection import SaCount
from dmvpn.base.shell import Counting, by_address
from dmvpn.base.values import collected
from dmvpn.face.context import RouterHandle
from dmvpn.face.messages import Counts
from dmvpn.ios import Measured, Scope, ShowContext, json_text
from dmvpn.ios.measured import measured

# ------------------------------------------------------------------------------------------------ values of shows


#: Characters of one piece. JSON is ASCII, and each quotation mark in it takes another octet on the wire.
PIECE: Final = 1 << 15


class Asking:
    """See the module's docstring. value: makes it; raises UserError if this user may not have it."""

    def __init__(self, value: Callable[[], object]) -> None:
        self._value = value
        self._parts: Iterator[str] | None = None

    def step(self) -> str:
        """Return the next piece, "" at the end. Raises UserError."""
        if self._parts is None:
            self._parts = breathing(json_text(self._value()))
        piece: list[str] = []
        length = 0
        for part in self._parts:
            piece.append(part)
            length += len(part)
            if length >= PIECE:
                break
        return "".join(piece)


# ------------------------------------------------------------------------------------------------ counters


#: Rows of one message.
LARGEST_BATCH: Final = 256
_Row = tuple[str | int | float, ...]

#: The numbers of each topic, in the order of their columns.
_OF_INTERFACE: Final = tuple(each.name for each in fields(PacketCounts))
_OF_DROPS: Final = tuple(each.name for each in fields(GreDrops))
_OF_SA: Final = tuple(each.name for each in fields(SaCount) if each.name != "spi_in")
#: Of each topic: its labels, and its numbers.
COLUMNS: Final = {
    "interfaces": (("interface",), _OF_INTERFACE),
    "drops": ((), _OF_DROPS),
    "sas": (("peer", "spi_in"), _OF_SA),
    "peers": (("interface", "nbma"), ("packets_out", "packets_in", "octets_out", "octets_in")),
}


def counted(handle: RouterHandle, topic: str) -> Iterator[Counts]:
    """Yield the counters of a topic, `LARGEST_BATCH` rows at a time; it breathes between two rows."""
    context = handle.context(0)
    labels, numbers = COLUMNS[topic]
    now = context.ports.clock.wall(context.now).timestamp()
    for batch in batches(breathing(_rows(context, topic))):
        yield Counts(topic, now, len(labels), (*labels, *numbers), batch)


def batches(rows: Iterable[_Row]) -> Iterator[tuple[_Row, ...]]:
    """Yield rows, `LARGEST_BATCH` at a time. What makes the rows breathes."""
    batch: list[_Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == LARGEST_BATCH:
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)


def _rows(context: ShowContext, topic: str) -> Iterator[_Row]:
    if topic == "sas":
        yield from _sas(context)
        return
    if topic == "peers":
        yield from rows_of_peers(context.counting)
        return
    found = context.counting.interfaces_counted()
    if found is None:
        return
    if topic == "drops":
        yield _numbers(found.drops, _OF_DROPS)
        return
    for count in found.counts:
        yield (count.interface, *_numbers(count, _OF_INTERFACE))


def _sas(context: ShowContext) -> Iterator[_Row]:
    """Yield a row for each pair of SAs that the plane counts, with the NBMA address of its peer."""
    found = context.counting.sas_counted()
    if found is None:
        return
    peers = {view.spi_in: view.connection.remote for view in breathing(context.ports.protection.sas())}
    for count in found.counts:
        peer = peers.get(count.spi_in)
        if peer is not None:  # the pair has been replaced since
            yield (str(peer), f"0x{count.spi_in:08X}", *_numbers(count, _OF_SA))


def rows_of_peers(counting: Counting) -> Iterator[_Row]:
    """Yield the rows of `peers`: one for each tunnel and NBMA address. Peers behind one address share a row."""
    found = counting.interfaces_counted()
    for interface in () if found is None else tuple(count.interface for count in found.counts):
        usage = counting.usage(interface)  # empty for an interface that is no tunnel
        for peer in by_address(breathing(usage)).values():
            yield (interface, str(peer.nbma), peer.sent, peer.received, peer.sent_octets, peer.received_octets)


def _numbers(count: object, names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(getattr(count, name) for name in names)


# ----------------------------------------------------------------------------------------------- metrics of the process


#: Seconds between two looks at the loop; for how long the largest lateness counts; for how long looking goes on.
_BEAT: Final = 0.25
_MEMORY: Final = 60.0
_INTEREST: Final = 600.0


class LoopWatch:
    """Measures how late the loop is. late: seconds in all."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.late = 0.0
        self._loop = loop
        self._worst: deque[tuple[float, float]] = deque()
        self._due = self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def wanted(self) -> None:
        """Look for a while from now on."""
        self._until = self._loop.time() + _INTEREST
        if self._timer is None:
            self._arm()

    @property
    def lag(self) -> float:
        """The largest lateness of the last minute, seconds."""
        since = self._loop.time() - _MEMORY
        return max((late for when, late in self._worst if when >= since), default=0.0)

    def _arm(self) -> None:
        self._due = self._loop.time() + _BEAT
        self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        late = max(0.0, now - self._due)
        self.late += late
        while self._worst and (self._worst[-1][1] <= late or self._worst[0][0] < now - _MEMORY):
            self._worst.pop() if self._worst[-1][1] <= late else self._worst.popleft()
        self._worst.append((now, late))
        self._timer = None
        if now < self._until:
            self._arm()


_WATCHES: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, LoopWatch]] = WeakKeyDictionary()


def be_observed() -> LoopWatch | None:
    """Let the loop of the router be watched for a while. Returns None where no loop runs."""
    return at_home(_watch)


def _watch() -> LoopWatch | None:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    watch = _WATCHES.setdefault(loop, LoopWatch(loop))
    watch.wanted()
    return watch


@measured("build", "version", "python")("""
    info dmvpn_build_info :: The version of this program and of Python.
    """)
def _versions(_: ShowContext) -> Iterator[MetricRow]:
    yield (__version__, platform.python_version(), 1)


@measured("process")("""
    counter dmvpn_process_cpu_seconds_total :: Processor time of the process in which the router runs.
    gauge dmvpn_process_resident_memory_bytes :: Memory of the process in which the router runs.
    gauge dmvpn_process_start_time_seconds :: When the process in which the router runs was started.
    gauge dmvpn_process_open_fds :: Open files and sockets of the process in which the router runs.
    gauge dmvpn_process_threads :: Threads of the process in which the router runs.
    """)
def _process(_: ShowContext) -> Iterator[MetricRow]:
    words = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    threads, begun, pages = int(words[17]), int(words[19]) / os.sysconf("SC_CLK_TCK"), int(words[21])
    start = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + begun
    memory = pages * os.sysconf("SC_PAGE_SIZE")
    yield (time.process_time(), memory, round(start, 2), len(os.listdir("/proc/self/fd")), threads)


@measured("loop")("""
    gauge dmvpn_loop_lag_seconds :: The longest time for which the router's loop was held in the last minute.
    counter dmvpn_loop_late_seconds_total :: For how long in all the router's loop was late.
    """)
def _loop(_: ShowContext) -> Iterator[MetricRow]:
    watch = be_observed()
    if watch is not None:
        yield (watch.lag, watch.late)


METRICS: Final = collected(Measured, vars())


# ------------------------------------------------------------------------------------------------ metrics


def router_metrics(handle: RouterHandle, peers: int) -> Iterator[Counts]:
    """Yield all tables; it breathes between two rows. peers: rows of tables with a row for each peer."""
    context = handle.context(0)
    be_observed()
    for measure in METRICS:
        yield from _table(context, measure, peers, None)
    for measure in _measures(context, Scope.ROUTER):
        yield from _table(context, measure, peers, None)
    for vrf in sorted(context.ports.tables):
        view = context.in_vrf(vrf) if vrf else context
        if view is not None:
            for measure in _measures(view, Scope.VRF):
                yield from _table(view, measure, peers, vrf)


def _measures(context: ShowContext, scope: Scope) -> list[Measured]:
    """Return what the features count whose machines are there. Their modules are imported while the router goes on."""
    awake = [feature for feature in context.awake if feature.scope is scope]
    return aside(lambda: [measure for feature in awake for measure in feature.metrics])


def _table(context: ShowContext, measure: Measured, peers: int, vrf: str | None) -> Iterator[Counts]:
    table = measure.table
    most = {Bound.PEERS: peers, Bound.ENTRIES: MOST_ENTRIES, Bound.FEW: None}[table.bound]
    if most == 0:
        return
    now = context.ports.clock.wall(context.now).timestamp()
    rows = iter(measure.rows(context))
    labels = table.labels if vrf is None else ("vrf", *table.labels)
    columns = (*labels, *(family.name for family in table.families))
    meanings = tuple((family.kind.value, family.meaning) for family in table.families)
    some: Iterable[MetricRow] = rows if most is None else islice(rows, most)
    if vrf is not None:
        some = ((vrf, *row) for row in some)
    last: Counts | None = None
    for batch in batches(some):
        if last is not None:
            yield last
        last = Counts(table.name, now, len(labels), columns, batch, meanings)
        meanings = ()
    if last is not None:
        cut = most is not None and next(rows, None) is not None
        yield replace(last, cut=cut)
