"""What `debug ip rip` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.rip.packet import INFINITY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.rip.packet import RipEntry

#: The name of the debug flag.
RIP = "ip rip"


def sending(kind: str, destination: IPAddress, interface: str, source: IPAddress) -> str:
    """Return the line of an update or a request that goes out."""
    return f"RIP: sending v2 {kind} to {destination} via {interface} ({source})"


def built(entries: Iterable[RipEntry]) -> list[str]:
    """Return the entries of an update that goes out."""
    lines = (f"\t{entry.prefix} via {entry.next_hop}, metric {entry.metric}, tag {entry.tag}" for entry in entries)
    return ["RIP: build update entries", *lines]


def received(source: IPAddress, interface: str, entries: Iterable[RipEntry]) -> list[str]:
    """Return the lines of an update that came in."""
    lines = [f"RIP: received v2 update from {source} on {interface}"]
    for entry in entries:
        distance = "inaccessible" if entry.metric >= INFINITY else f"in {entry.metric} hops"
        lines.append(f"     {entry.prefix} via {entry.next_hop} {distance}")
    return lines


def ignored(source: IPAddress, interface: str, why: str) -> str:
    """Return the line of a packet that was not taken."""
    return f"RIP: ignored packet from {source} on {interface} ({why})"
