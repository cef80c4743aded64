"""Events as lines of JSON and back: a router's life on disk, to be replayed.

A line is `{"t": seconds, "router": "R31", "event": "IpReceived", "fields": {...}}`. Values that JSON does not know
stand as an object with one key that begins with "$": addresses, prefixes, octets, tuples, enums and nested
dataclasses. Every frozen dataclass that derives from `Event` or stands in one can be written; only classes of this
program are read back.
"""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass, fields, is_dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import Effect
from dmvpn.base.errors import UserError
from dmvpn.base.events import Event, InterfaceCount, PeerUsage

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One event in the life of one router. time: seconds, monotonic."""

    time: float
    router: str
    event: Event


def dump(entry: Entry) -> str:
    """One line, without its end."""
    return json.dumps(
        {
            "t": entry.time,
            "router": entry.router,
            "event": type(entry.event).__name__,
            "fields": _fields(entry.event),
        },
        separators=(",", ":"),
    )


def load(line: str) -> Entry:
    """Read one line. Raises UserError if it is not a recording's."""
    try:
        raw = json.loads(line)
        kind = _classes()[raw["event"]]
        event = kind(**{name: _decode(value) for name, value in raw["fields"].items()})
        if not isinstance(event, Event):
            raise TypeError(f"{raw['event']} is no event")
        return Entry(float(raw["t"]), str(raw["router"]), event)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"not a line of a recording: {error}: {line[:80]!r}") from error


def plain(value: object) -> Json:
    """A value as JSON: for recordings, and for hashing a state."""
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
    return {field.name: plain(getattr(value, field.name)) for field in fields(value)}  # type: ignore[arg-type]


def _decode(value: Json) -> object:
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
            return tuple(_decode(item) for item in body)
        case "$enum", str():
            name, _, member = body.partition(".")
            return getattr(_named(enum.Enum)[name], member)
        case _, dict():
            return _classes()[tag[1:]](**{name: _decode(item) for name, item in body.items()})
        case _:
            raise ValueError(f"unknown value {tag}")


def _classes() -> dict[str, type[object]]:
    return _named(Event) | _named(Effect) | {kind.__name__: kind for kind in (PeerUsage, InterfaceCount)}


def _named(root: type[object]) -> dict[str, type[object]]:
    return {kind.__name__: kind for kind in _subclasses(root) if _ours(kind)}


def _ours(kind: type[object]) -> bool:
    return kind.__module__.startswith("dmvpn.")


def _subclasses(root: type[object]) -> Iterator[type[object]]:
    for kind in root.__subclasses__():
        yield kind
        yield from _subclasses(kind)
