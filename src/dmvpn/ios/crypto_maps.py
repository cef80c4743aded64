"""Crypto maps, which nothing here carries out.

The older way to encrypt GRE is a crypto map on the interface that the tunnel leaves by, or on the tunnel as well. Such
a tunnel names no IPsec profile, so it would come up, and in clear.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.ios.entries import LineReport

_INTERFACE: Final = "interface "


def maps_on_interfaces(entries: Iterable[LineReport]) -> Iterator[LineReport]:
    """Yield the lines of these that put a crypto map on an interface."""
    for entry in entries:
        if "map" in entry.text and entry.path and entry.path[0].startswith(_INTERFACE) and is_crypto_map(entry.text):
            yield entry


def is_crypto_map(line: str) -> bool:
    """Return whether it names a crypto map. Abbreviations count."""
    return re.match(r"cry\w*\s+map\s", line.strip().lower()) is not None
