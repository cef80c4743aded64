"""The topology table: the paths to each destination, and their sources. RFC 7868 §3.3.

    PathSource     the source of a path: a neighbor, or this router itself (connected, summary, redistributed)
    Report         a source's own metric of a destination
    Path           a report with the link to the source added: our distance by this path
    Destination    all paths to one prefix, and its state: `dual.py` drives its transitions
    Unusable       reports of destinations that a neighbor can reach and we cannot reach through it
    Advert         the information about a prefix for all neighbors on an interface

Reports and paths are immutable; a new one replaces the old one. So the path that a destination had when it became
active can be kept as it was (neighbors were sent its metric), whatever arrives meanwhile.

A report is unusable if our distance would be infinite, there are too many hops, or a list denies it. A neighbor does
not repeat its reports, RFC 7868 §5.3. So these reports are kept: when the link to the neighbor costs less, more hops
are allowed, or the list changes, they become paths.

Neighbors with TLV version 2.0 in their Hello get adverts in wide TLVs (0x060x), older ones in classic TLVs (0x010x),
RFC 7868 §6.7.4. Delay and bandwidth are preserved in either form: exactly in a wide TLV, to the precision of the
classic fields in a classic one.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import field
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix
from dmvpn.base.values import Mutable, Value
from dmvpn.features.eigrp import packet
from dmvpn.features.eigrp.metric import INFINITY, Vector
from dmvpn.features.eigrp.packet import ExternalData
from dmvpn.features.eigrp.tlv import Tlv

# ------------------------------------------------------------------------------------------------ the topology table


class Origin(enum.IntEnum):
    """The origin of a path; the order in which equal ones are preferred."""

    CONNECTED = 0
    SUMMARY = 1
    REDISTRIBUTED = 2
    NEIGHBOR = 3


class PathSource(Mutable, eq=False):
    """A source of paths. Compared by identity: a neighbor that returns is a new source.

    interface: where it is ("" for sources that belong to no interface).
    link: the cost of the link to it; None for ourselves.
    absolute: its path wins regardless of the metric, because the routing table would not accept another one either.
    prefixes: destinations for which it has a path, in order of arrival.
    """

    origin: Origin
    interface: str = ""
    address: IPAddress = UNSPECIFIED
    link: Vector | None = None
    absolute: bool = False
    prefixes: dict[Prefix, None] = field(default_factory=dict)

    def relink(self, link: Vector) -> None:
        """Set the cost of the link to it."""
        self.link = link

    @property
    def preference(self) -> int:
        """Paths with a smaller number win, regardless of their metrics."""
        return self.origin if self.absolute else Origin.NEIGHBOR

    @property
    def rank(self) -> tuple[int, str, int]:
        """The order among sources of equally good paths."""
        return (self.origin, self.interface, int(self.address))

    @property
    def is_local(self) -> bool:
        """Whether this is a source of our own paths."""
        return self.origin is not Origin.NEIGHBOR


class Report(Value):
    """A source's report of a destination.

    metric: the source's own; None: unreachable for it.
    next_hop: where to send packets; unspecified for our own paths.
    originator: router ID of the router that the destination belongs to.
    external: origin of a redistributed destination.
    """

    metric: Vector | None
    next_hop: IPAddress = UNSPECIFIED
    originator: IPv4Address = UNSPECIFIED
    external: ExternalData | None = None


UNREACHABLE = Report(None)


class Path(Value):
    """One path to a destination.

    distance: our distance by this path.
    reported_distance: the source's own distance (RD); 0 for our own paths.
    """

    source: PathSource
    report: Report
    metric: Vector
    distance: int
    reported_distance: int

    def is_feasible(self, limit: int) -> bool:
        """Return whether the feasibility condition holds, RFC 7868 §3.2: the source is nearer than `limit` (our FD), or
        is ourselves.
        """
        return self.reported_distance < limit or self.source.is_local


class DestinationState(enum.Enum):
    """The states of a destination, RFC 7868 §3.5. The value is the query origin flag oij of the active states."""

    PASSIVE = None
    INCREASED = 0  # our own query; the distance by the successor grew meanwhile
    ASKED = 1  # our own query, because the path was lost
    SUCCESSOR_INCREASED = 2  # as 3, or 1; the successor sent a query or its distance grew meanwhile
    SUCCESSOR_ASKED = 3  # query of the successor; we have no feasible path


class Event(enum.Enum):
    """Events that may change the state of a destination; the numbers are the arcs in RFC 7868 §3.5, figure 1."""

    FEASIBLE = "the best path is feasible, or there is none and was none"  # 1, 2
    SUCCESSOR_ASKS = "the successor asks, and the best path is not feasible"  # 3
    LOST = "the best path is not feasible after any other change"  # 4
    SUCCESSOR_ASKS_AGAIN = "the successor asks while replies are awaited"  # 5
    SUCCESSOR_INCREASES = "the distance by the successor grew while replies are awaited"  # 9, 10
    REPLIES_NOT_FEASIBLE = "the last reply came, and the best path is not feasible"  # 11, 12
    REPLIES = "the last reply came, and the best path may be taken"  # 13, 14, 15, 16


#: Every legal transition of a destination. A missing pair (KeyError) is our bug, never a neighbor's.
MOVES: Final[dict[tuple[DestinationState, Event], DestinationState]] = {
    (DestinationState.PASSIVE, Event.FEASIBLE): DestinationState.PASSIVE,
    (DestinationState.PASSIVE, Event.SUCCESSOR_ASKS): DestinationState.SUCCESSOR_ASKED,
    (DestinationState.PASSIVE, Event.LOST): DestinationState.ASKED,
    (DestinationState.INCREASED, Event.SUCCESSOR_ASKS_AGAIN): DestinationState.SUCCESSOR_INCREASED,
    (DestinationState.ASKED, Event.SUCCESSOR_ASKS_AGAIN): DestinationState.SUCCESSOR_INCREASED,
    (DestinationState.SUCCESSOR_INCREASED, Event.SUCCESSOR_ASKS_AGAIN): DestinationState.SUCCESSOR_INCREASED,
    (DestinationState.SUCCESSOR_ASKED, Event.SUCCESSOR_ASKS_AGAIN): DestinationState.SUCCESSOR_INCREASED,
    (DestinationState.INCREASED, Event.SUCCESSOR_INCREASES): DestinationState.INCREASED,
    (DestinationState.ASKED, Event.SUCCESSOR_INCREASES): DestinationState.INCREASED,
    (DestinationState.SUCCESSOR_INCREASED, Event.SUCCESSOR_INCREASES): DestinationState.SUCCESSOR_INCREASED,
    (DestinationState.SUCCESSOR_ASKED, Event.SUCCESSOR_INCREASES): DestinationState.SUCCESSOR_INCREASED,
    (DestinationState.INCREASED, Event.REPLIES_NOT_FEASIBLE): DestinationState.ASKED,
    (DestinationState.SUCCESSOR_INCREASED, Event.REPLIES_NOT_FEASIBLE): DestinationState.SUCCESSOR_ASKED,
    (DestinationState.INCREASED, Event.REPLIES): DestinationState.PASSIVE,
    (DestinationState.ASKED, Event.REPLIES): DestinationState.PASSIVE,
    (DestinationState.SUCCESSOR_INCREASED, Event.REPLIES): DestinationState.PASSIVE,
    (DestinationState.SUCCESSOR_ASKED, Event.REPLIES): DestinationState.PASSIVE,
}


class Destination(Mutable, eq=False):
    """A prefix of the topology table. Its transitions are `MOVES`, and only its methods change its fields.

    current: the path that we use and advertise; frozen while active; None: there is none.
    feasible_distance: the smallest distance since the destination last became passive (FD).
    is_cut_off: the successor lost the destination, so we do not use it until we are passive again.
    awaiting: the neighbors that owe us a reply.
    querier: the successor that waits for our reply.
    active_since: seconds, monotonic.
    serial: counts the changes of `current`.
    """

    prefix: Prefix
    paths: dict[PathSource, Path] = field(default_factory=dict)
    state: DestinationState = DestinationState.PASSIVE
    current: Path | None = None
    feasible_distance: int = INFINITY
    successor: PathSource | None = None
    is_cut_off: bool = False
    awaiting: dict[PathSource, None] = field(default_factory=dict)
    querier: PathSource | None = None
    active_since: float = 0.0
    serial: int = 0

    @property
    def is_active(self) -> bool:
        """Whether replies are awaited."""
        return self.state is not DestinationState.PASSIVE

    @property
    def distance(self) -> int:
        """The distance that we advertise."""
        return self.current.distance if self.current else INFINITY

    def learn(self, path: Path) -> None:
        """Store a path in place of its source's previous one."""
        self.paths[path.source] = path
        path.source.prefixes[self.prefix] = None

    def lose(self, source: PathSource) -> None:
        """Remove the path of a source."""
        self.is_cut_off = self.is_cut_off or source is self.successor
        self.paths.pop(source, None)
        source.prefixes.pop(self.prefix, None)

    def remove_source(self, source: PathSource) -> None:
        """Remove a lost source, which no longer waits for our reply either."""
        self.lose(source)
        if self.querier is source:
            self.querier = None

    def move(self, event: Event, now: float, querier: PathSource | None = None) -> DestinationState:
        """Apply an event; returns the state before. querier: the successor, if its query is the event.

        FD may grow only after a diffusing computation during which the distance by the successor did not grow.
        """
        old, self.state = self.state, MOVES[self.state, event]
        if old is DestinationState.PASSIVE is not self.state:
            self.active_since = now
        elif event is Event.REPLIES and old in (DestinationState.ASKED, DestinationState.SUCCESSOR_ASKED):
            self.feasible_distance = INFINITY
        if querier is not None:
            self.querier = querier
        return old

    def freeze(self, serial: int) -> None:
        """Fix the advertised distance to that of the old successor, as it is now, while we are active."""
        self._report(self._kept(), serial)
        self.feasible_distance = self.distance

    def ask(self, audience: list[PathSource]) -> None:
        """Await the replies of all these neighbors, except the successor that waits for ours."""
        self.awaiting = {source: None for source in audience if source is not self.querier}

    def replied(self, source: PathSource) -> bool:
        """Record a reply; returns whether it was the last one."""
        self.awaiting.pop(source, None)
        return not self.awaiting

    def adopt(self, best: Path | None, serial: int) -> PathSource | None:
        """Use this path while passive; returns the successor that waited for our reply, or None."""
        self.successor, self.is_cut_off = best.source if best else None, False
        self._report(best, serial)
        self.feasible_distance = min(self.feasible_distance, self.distance) if best else INFINITY
        querier, self.querier = self.querier, None
        return querier

    def _report(self, path: Path | None, serial: int) -> None:
        """Set the path that we advertise from now on."""
        if path != self.current:
            self.serial = serial
        self.current = path

    def best(self) -> Path | None:
        """Return the path with the smallest distance; of equal ones a feasible one, the present successor first."""
        paths = self.paths
        if len(paths) < 2:
            return next(iter(paths.values()), None)
        limit, successor = self.feasible_distance, self.successor
        return min(
            paths.values(),
            key=lambda path: (
                path.source.preference,
                path.distance,
                not path.is_feasible(limit),
                path.source is not successor,
                path.source.rank,
            ),
        )

    def feasible_successors(self) -> list[Path]:
        """Return the paths whose source is nearer than we ever were (RD < FD), successors first. RFC 7868 §3.2."""
        if len(self.paths) == 1:
            return [path for path in self.paths.values() if path.is_feasible(self.feasible_distance)]
        best = min((path.source.preference for path in self.paths.values()), default=Origin.NEIGHBOR)
        feasible = [
            path
            for path in self.paths.values()
            if path.source.preference == best and path.is_feasible(self.feasible_distance)
        ]
        return sorted(feasible, key=lambda path: (path.distance, path.source.rank))

    def usable(self) -> list[Path]:
        """Return the paths that packets may take, best first: while active, only by the frozen successor, until it
        loses its path.
        """
        if self.state is DestinationState.PASSIVE:
            return self.feasible_successors()
        path = self._kept()
        return [path] if path else []

    def _kept(self) -> Path | None:
        """Return the path that we keep while active, by the successor from before.

        A successor that lost the destination may get it back from a router that uses an old report of ours, because our
        query is still on its way there. So its new path has to wait until all have replied.
        """
        return self.paths.get(self.successor) if self.successor and not self.is_cut_off else None

    @property
    def successors(self) -> list[Path]:
        """The feasible paths with the smallest distance."""
        feasible = self.feasible_successors()
        return [path for path in feasible if path.distance == feasible[0].distance]


# ------------------------------------------------------------------------------------------------ unusable reports


class Unusable:
    """Reports that are no paths: too far, in DUAL, or denied by a list, in `Intake`."""

    def __init__(self) -> None:
        self._reports: dict[PathSource, dict[Prefix, Report]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def reports(self, source: PathSource) -> Mapping[Prefix, Report]:
        """Return the reports of one source."""
        return self._reports.get(source, {})

    def keep(self, source: PathSource, prefix: Prefix, report: Report) -> None:
        """Keep a report in place of the source's previous one."""
        reports = self._reports.setdefault(source, {})
        self._count += prefix not in reports
        reports[prefix] = report

    def drop(self, source: PathSource, prefix: Prefix) -> None:
        """Drop the report of a destination that has become a path, or was withdrawn."""
        reports = self._reports.get(source)
        if reports is not None and reports.pop(prefix, None) is not None:
            self._count -= 1
            if not reports:
                del self._reports[source]

    def drop_source(self, source: PathSource) -> None:
        """Drop all reports of a lost source."""
        self._count -= len(self._reports.pop(source, ()))


# ----------------------------------------------------------------------------------------------- between table and wire


#: A classic delay unit is 1/256 of ten microseconds; a classic bandwidth is 256 times 10^7 divided by kbit/s.

_CLASSIC_SCALE = 256
_TEN_MICROSECONDS = 10_000_000  # picoseconds
_REFERENCE_BANDWIDTH = 10_000_000  # kbit/s
NO_FLAGS: Final = packet.RouteFlag(0)
#: Values for the other fields of an unreachable destination.
_NO_METRIC = Vector(0, 1, 0)


class Advert(NamedTuple):
    """The information about a prefix that neighbors receive.

    metric: None: unreachable.
    next_hop: unspecified: ourselves.
    """

    metric: Vector | None
    next_hop: IPAddress = UNSPECIFIED
    originator: IPv4Address = UNSPECIFIED
    external: packet.ExternalData | None = None


#: For a prefix that is unknown, filtered, or withheld by split horizon.
WITHDRAWN = Advert(None)


def to_tlv(prefix: Prefix, advert: Advert, *, wide: bool, flags: packet.RouteFlag = NO_FLAGS) -> Tlv:
    """Return the route TLV for this destination."""
    destinations = (prefix,)
    if wide:
        vector = advert.metric or _NO_METRIC
        metric = packet.WideMetric(
            delay=min(vector.delay, packet.UNREACHABLE_WIDE - 1) if advert.metric else packet.UNREACHABLE_WIDE,
            bandwidth=vector.bandwidth,
            mtu=vector.mtu,
            hop_count=vector.hop_count,
            reliability=vector.reliability,
            load=vector.load,
            flags=flags,
        )
        if advert.external is None:
            return packet.WideInternal(
                router_id=advert.originator, metric=metric, next_hop=advert.next_hop, destinations=destinations
            )
        return packet.WideExternal(
            router_id=advert.originator,
            metric=metric,
            next_hop=advert.next_hop,
            external=advert.external,
            destinations=destinations,
        )
    classic = _classic(advert.metric, flags)
    if advert.external is None:
        return packet.ClassicInternal(next_hop=advert.next_hop, metric=classic, destinations=destinations)
    return packet.ClassicExternal(
        next_hop=advert.next_hop, external=advert.external, metric=classic, destinations=destinations
    )


def from_tlv(tlv: Tlv) -> tuple[Advert, tuple[Prefix, ...]] | None:
    """Return the advert of a route TLV, and its destinations.

    None for any other TLV, and for topologies other than base.
    """
    match tlv:
        case packet.WideInternal(topology=0):
            advert = Advert(_from_wide(tlv.metric), tlv.next_hop, tlv.router_id)
        case packet.WideExternal(topology=0):
            advert = Advert(_from_wide(tlv.metric), tlv.next_hop, tlv.router_id, tlv.external)
        case packet.ClassicInternal():
            advert = Advert(_from_classic(tlv.metric), tlv.next_hop)
        case packet.ClassicExternal():
            advert = Advert(_from_classic(tlv.metric), tlv.next_hop, tlv.external.originator, tlv.external)
        case _:
            return None
    return advert, tlv.destinations


def _classic(metric: Vector | None, flags: packet.RouteFlag) -> packet.ClassicMetric:
    vector = metric or _NO_METRIC
    delay = vector.delay * _CLASSIC_SCALE // _TEN_MICROSECONDS
    return packet.ClassicMetric(
        delay=min(delay, packet.UNREACHABLE - 1) if metric else packet.UNREACHABLE,
        bandwidth=_REFERENCE_BANDWIDTH
        // vector.bandwidth
        * _CLASSIC_SCALE,  # the quotient is truncated first, RFC 7868 §5.6.1.1
        mtu=vector.mtu,
        hop_count=vector.hop_count,
        reliability=vector.reliability,
        load=vector.load,
        flags=flags,
    )


def _from_wide(metric: packet.WideMetric) -> Vector | None:
    if metric.is_unreachable:
        return None
    bandwidth = max(metric.bandwidth, 1)
    return Vector(metric.delay, bandwidth, metric.mtu, metric.hop_count, metric.reliability, metric.load)


def _from_classic(metric: packet.ClassicMetric) -> Vector | None:
    if metric.is_unreachable:
        return None
    # Rounded up, so that the same value results when it is advertised again.
    delay = -(-metric.delay * _TEN_MICROSECONDS // _CLASSIC_SCALE)
    bandwidth = max(_REFERENCE_BANDWIDTH * _CLASSIC_SCALE // max(metric.bandwidth, 1), 1)
    return Vector(delay, bandwidth, metric.mtu, metric.hop_count, metric.reliability, metric.load)
