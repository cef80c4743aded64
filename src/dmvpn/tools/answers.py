"""The commands that lessons, exercises and the doctor send to routers, and the parsers of the answers.

Any user can type these commands at a prompt. Tables come as JSON; a ping or a trace prints its lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from dmvpn.base.values import Value

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Row: TypeAlias = "dict[str, Json]"

NEIGHBORS: Final = "show ip eigrp neighbors | json"
SERVERS: Final = "show ip nhrp nhs | json"
CONFIGURATION: Final = "show running-config"
#: Seconds after which a neighbor counts as stable. A flapping neighbor is up for a shorter time.
STEADY: Final = 13
#: Seconds that a shortcut may take to come up, and tries.
SHORTCUT: Final = 1.5
TRIES: Final = 3
#: Octets of the IPv4 and TCP headers without options.
TCP_HEADERS: Final = 40
_RATE: Final = re.compile(r"Success rate is (\d+) percent")
_HOP: Final = re.compile(r"(?m)^ *\d+ +(\S+)")


def of_version(line: str, address: str) -> str:
    """Return a command of IPv4, or its twin if an address is one of IPv6."""
    return line.replace("show ip ", "show ipv6 ") if ":" in address else line


def ping(to: str, source: str, how: str = "") -> str:
    """Return the command. how: "repeat 5 timeout 1"."""
    return f"ping {to} source {source} {how}".rstrip()


def trace(to: str, source: str) -> str:
    """Return the command, quick: a shortcut comes up or it does not."""
    return f"traceroute {to} source {source} numeric probe 1 timeout 1"


def rate(answer: str) -> int:
    """Return the percentage of a ping's packets that were answered; 0 if the answer has none."""
    found = _RATE.search(answer)
    return int(found[1]) if found else 0


def hops(answer: str) -> list[str]:
    """Return who answered a trace, and its end if that was reached."""
    return [hop.lower() for hop in _HOP.findall(answer)]


def read(answer: str) -> Json:
    """Return the value that a command answered as JSON; None for any other answer, or none."""
    try:
        value: Json = json.loads(answer)
    except ValueError:
        return None
    return value


def rows(value: Json, key: str) -> list[Row]:
    """Return the rows of a table in an answer, or of one inside; none where there is no such table."""
    found = value.get(key) if isinstance(value, dict) else None
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def text(row: Row, key: str) -> str:
    """Return a value of a row in words; "" if there is none."""
    value = row.get(key)
    return "" if value is None else str(value)


class NeighborRow(Value):
    """A neighbor of EIGRP. age: seconds for which it has been there; infinite where that is more than a day."""

    address: str
    interface: str
    is_up: bool
    age: float

    @property
    def is_steady(self) -> bool:
        """True if it has been up long enough to count as stable."""
        return self.age >= STEADY


def neighbors(answer: str) -> Iterator[NeighborRow]:
    """Yield the neighbors in the answer to `NEIGHBORS`."""
    for table in rows(read(answer), "tables"):
        for row in rows(table, "neighbors"):
            is_up = text(row, "state") == "up"
            yield NeighborRow(
                text(row, "address").lower(), text(row, "interface"), is_up, _seconds(text(row, "uptime"))
            )


class ServerRow(Value):
    """A next hop server of a router. reason: why the router is not registered with it, if it says so."""

    tunnel: str
    address: str
    is_registered: bool
    reason: str


def servers(answer: str) -> Iterator[ServerRow]:
    """Yield the next-hop servers in the answer to `SERVERS`."""
    for tunnel in rows(read(answer), "tunnels"):
        for row in rows(tunnel, "servers"):
            is_registered = "R" in text(row, "letters")
            yield ServerRow(text(tunnel, "tunnel"), text(row, "address"), is_registered, text(row, "reason"))


def _seconds(uptime: str) -> float:
    """Return the seconds of "00:01:05"; infinity for any other form, as of an age over a day."""
    parts = uptime.split(":")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return float("inf")
    return float(int(parts[0]) * 3600 + int(parts[1]) * 60 + int(parts[2]))
