"""Crypto maps, which nothing here carries out: the tunnels that would be in clear without one.

    in_clear(lines, header)     tunnels that a map on this interface may protect, and nothing else does

The older way to encrypt GRE is a crypto map on the interface that the tunnel leaves by, or on the tunnel as well. Such
a tunnel names no IPsec profile, so it would come up, and in clear.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dmvpn.ios.entries import Entry

_INTERFACE: Final = "interface "
_TUNNEL: Final = "interface Tunnel"


@dataclass(slots=True)
class _Port:
    """An interface of a rendered configuration. is_safe: it is shut down, or names its own protection."""

    address: str = ""
    source: str = ""
    is_safe: bool = False


def maps_on_interfaces(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The lines of these that put a crypto map on an interface."""
    for entry in entries:
        if "map" in entry.text and entry.path and entry.path[0].startswith(_INTERFACE) and is_crypto_map(entry.text):
            yield entry


def is_crypto_map(line: str) -> bool:
    """Does it name a crypto map? Abbreviations count."""
    return re.match(r"cry\w*\s+map\s", line.strip().lower()) is not None


def in_clear(lines: Sequence[str], header: str) -> list[str]:
    """The headers of tunnels that are up without protection, and leave by the interface `header`, or are it.

    lines: as the configuration is shown.
    """
    ports = _ports(lines)
    way = ports.get(header, _Port())
    sources = {header.removeprefix(_INTERFACE), way.address} - {""}
    return [
        name
        for name, port in ports.items()
        if name.startswith(_TUNNEL) and not port.is_safe and (name == header or port.source in sources)
    ]


def _ports(lines: Sequence[str]) -> dict[str, _Port]:
    ports: dict[str, _Port] = {}
    port = _Port()
    for line in lines:
        if not line.startswith(" "):
            port = ports.setdefault(line, _Port()) if line.startswith(_INTERFACE) else _Port()
            continue
        words = line.split()
        match words:
            case ["ip", "address", address, _]:
                port.address = address
            case ["tunnel", "source", source]:
                port.source = source
            case ["shutdown"] | ["tunnel", "protection", "ipsec", "profile", *_]:
                port.is_safe = True
            case _:
                pass
    return ports
