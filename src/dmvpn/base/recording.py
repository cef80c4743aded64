"""A router's life as lines of JSON, for a replay: its events, its random draws, and its effects.

    {"router": "R31", "begins": true}                                            a life begins (again, after a restart)
    {"router": "R31", "t": 4.921, "event": "IpReceived", "fields": {...}}        an event, before it is handled
    {"router": "R31", "drew": "9f02...", "did": "5c1d..."}                       how it was handled (`RecordedOutcome`)

Values that JSON does not know are written as an object with one key that begins with "$": addresses, prefixes, octets,
tuples, enums and nested dataclasses. Every frozen dataclass that derives from `Event`, or is a value in one, can be
written; only classes of this program are read back.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final, cast

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import Effect, HistoryGrew, NextHop, TunnelSpec
from dmvpn.base.entropy import Entropy
from dmvpn.base.errors import UserError
from dmvpn.base.events import EnteredLine, Event, GreDrops, InterfaceCount, PeerUsage
from dmvpn.base.filters import Condition, FilterCount, FilterEntry, FilterList, Flags, Packet, PortFilters, ReversePath
from dmvpn.base.protection import EspSa, EspTransform, SaCount
from dmvpn.base.streams import StreamPeer
from dmvpn.base.switching import Box, Designated, EthernetPort, TreePort, VlanTree
from dmvpn.base.translation import Addresses, Clause, FlowFilter, PacketRule, SourceRule, StaticRule
from dmvpn.base.values import Value

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Begin(Value):
    """A recorded life begins: the router starts without state."""

    router: str


class RecordedEvent(Value):
    """One event in the life of one router. time: seconds, monotonic."""

    time: float
    router: str
    event: Event


class RecordedOutcome(Value):
    """How the event before it was handled.

    drew: octets of entropy.
    did: a fingerprint of the effects.
    """

    router: str
    drew: bytes
    did: str


Line = Begin | RecordedEvent | RecordedOutcome

#: Seconds: a time, and the offset of a clock, are shorter; together they are a date of the calendar.
LONGEST_TIME: Final = 3e10

#: What replaces the effects of an event whose handling failed.
FAULT = "fault"


class Recorder:
    """Records the lives of one router. It is also the entropy that the router draws from."""

    def __init__(self, router: str, write: Callable[[str], object]) -> None:
        """write: takes text, line ends included."""
        self._router = router
        self._write = write
        self._source: Entropy | None = None
        self._drawn = bytearray()

    def begin(self, source: Entropy) -> Entropy:
        """Begin a life, and record what it draws from `source`. Returns the entropy for the router."""
        self._source = source
        self._line({"begins": True})
        return self

    def octets(self, count: int) -> bytes:
        """Return `count` unpredictable octets, and remember them."""
        if self._source is None:
            raise AssertionError("nothing lives yet")
        drawn = self._source.octets(count)
        self._drawn += drawn
        return drawn

    def event(self, event: Event, now: float) -> None:
        """Record an event that is about to be handled."""
        self._line({"t": now, "event": type(event).__name__, "fields": _fields(event)})

    def outcome(self, effects: Iterable[Effect]) -> None:
        """Record the effects of the event that was handled."""
        self._line({"drew": self._drawn.hex(), "did": fingerprint(effects)})
        self._drawn.clear()

    def fault(self) -> None:
        """Record that handling failed: that is our own fault, and will happen again in a replay."""
        self._line({"drew": self._drawn.hex(), "did": FAULT})
        self._drawn.clear()

    def _line(self, fields: dict[str, Json]) -> None:
        self._write(json.dumps({"router": self._router, **fields}, separators=(",", ":")) + "\n")


class RecordedEntropy:
    """Replays the random octets of a recorded life."""

    def __init__(self) -> None:
        self._left = bytearray()

    def feed(self, drawn: bytes) -> None:
        """Take in further octets, which will be drawn."""
        self._left += drawn

    def octets(self, count: int) -> bytes:
        """Return the next octets. Raises UserError if this life draws more than the recorded one."""
        if len(self._left) < count:
            raise UserError("more random numbers are drawn than when it was recorded: this life takes another course")
        drawn = bytes(self._left[:count])
        del self._left[:count]
        return drawn


def fingerprint(effects: Iterable[Effect]) -> str:
    """Return a number that is equal for equal effects in the same order."""
    digest = hashlib.sha256()
    for effect in effects:
        if isinstance(effect, HistoryGrew):  # a life is the same whether a chronicle is kept or not
            continue
        digest.update(json.dumps(plain(effect), separators=(",", ":")).encode())
    return digest.hexdigest()[:16]


def load(line: str) -> Line:
    """Read one line. Raises UserError if it is not a recording's.

    Fields of an event may have other types than its class says: `tools/replaying` checks these.
    """
    try:
        raw = json.loads(line)
        router = _text(raw["router"])
        if "begins" in raw:
            return Begin(router)
        if "did" in raw:
            return RecordedOutcome(router, bytes.fromhex(raw["drew"]), _text(raw["did"]))
        kind = _class(raw["event"])
        event = kind(**{name: decode(value) for name, value in raw["fields"].items()})
        if not isinstance(event, Event):
            raise TypeError(f"{raw['event']} is no event")
        return RecordedEvent(_seconds(raw["t"]), router, event)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise UserError(f"not a line of a recording: {error}: {line[:80]!r}") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def _seconds(value: object) -> float:
    if type(value) not in (int, float) or not abs(found := float(cast("float", value))) <= LONGEST_TIME:
        raise TypeError(f"{value!r:.40} is no time")
    return found


def plain(value: object) -> Json:
    """Return a value as JSON: for recordings, and for hashing a state."""
    match value:
        case enum.Enum():
            return {"$enum": f"{type(value).__name__}.{value.name}"}
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return {"$hex": value.hex()}
        case Prefix():
            return {"$prefix": str(value)}
        case IPv4Address() | IPv6Address():
            return {"$ip": str(value)}
        case tuple() | list():
            return {"$tuple": [plain(item) for item in value]}
        case _ if is_dataclass(value):
            return {"$" + type(value).__name__: _fields(value)}
        case _:
            raise TypeError(f"a recording cannot hold {type(value).__name__}")


def _fields(value: object) -> dict[str, Json]:
    """Return the fields. Fields that name no VRF are left out: older recordings have none of them."""
    named = ((field.name, getattr(value, field.name)) for field in fields(value))  # type: ignore[arg-type]
    return {name: plain(content) for name, content in named if name not in _OF_VRFS or content not in ("", False)}


def decode(value: Json) -> object:
    """Return the value that `plain` wrote. Raises ValueError, LookupError, TypeError for anything else."""
    if not isinstance(value, dict):
        return value
    ((tag, body),) = value.items()
    match tag, body:
        case "$hex", str():
            return bytes.fromhex(body)
        case "$ip", str():
            return IPv6Address(body) if ":" in body else IPv4Address(body)
        case "$prefix", str():
            return Prefix.parse(body)
        case "$tuple", list():
            return tuple(decode(item) for item in body)
        case "$enum", str():
            name, _, member = body.partition(".")
            kind = _enum(name)
            return kind[member] if issubclass(kind, enum.Enum) else None
        case _, dict():
            return _class(tag[1:])(**{name: decode(item) for name, item in body.items()})
        case _:
            raise ValueError(f"unknown value {tag}")


_OF_VRFS: Final = frozenset(("vrf", "front", "leaks"))

#: What events, and effects that failed, are made of.
_PARTS = (
    *(EnteredLine, PeerUsage, InterfaceCount, GreDrops, SaCount, EspSa, EspTransform),
    *(SourceRule, StaticRule, FlowFilter, Clause, PacketRule, Addresses, StreamPeer),
    *(NextHop, TunnelSpec, Box, EthernetPort, VlanTree, TreePort, Designated),
    *(PortFilters, FilterList, FilterEntry, Condition, Flags, ReversePath, Packet, FilterCount),
)


@cache
def _class(name: str) -> type[object]:
    """Return the class of this name. Raises KeyError."""
    return (named(Event) | named(Effect) | {kind.__name__: kind for kind in _PARTS})[name]


@cache
def _enum(name: str) -> type[object]:
    """Return the enum of this name. Raises KeyError."""
    return named(enum.Enum)[name]


def named(root: type[object]) -> dict[str, type[object]]:
    """Return our classes that derive from one, by name."""
    return {kind.__name__: kind for kind in _subclasses(root) if kind.__module__.startswith("dmvpn.")}


def _subclasses(root: type[object]) -> Iterator[type[object]]:
    for kind in root.__subclasses__():
        yield kind
        yield from _subclasses(kind)
