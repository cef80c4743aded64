"""Log messages of RIP, and the lines of `debug ip rip`.

`MESSAGES` lists the log messages; the docstring of each is its explanation for `dmvpn explain`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.notices import log_kind, log_messages
from dmvpn.features.rip.packet import INFINITY, RipEntry, RipPacket

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.rip.database import LearnedRoute

#: Names of debug flags: packets with their routes; packets only; triggered RIP; changes of routes.
RIP = "ip rip"
EVENTS = "ip rip events"
TRIGGER = "ip rip trigger"
DATABASE = "ip rip database"


@log_kind("RIP-4-AUTHMISMATCH")
def authentication_mismatch(neighbor: IPAddress, interface: str, theirs: str, ours: str) -> str:
    """A packet is not sealed as our interface wants it, so its routes are not taken: what both sides have (one message
    a minute for each sender).
    """
    # theirs, ours: the authentication of each side.
    known = f"{theirs}, made with another key" if theirs == ours else f"{theirs}, ours is {ours}"
    return f"Neighbor {neighbor} ({interface}) is refused: theirs is {known}"


@log_kind("RIP-4-TOO_MANY")
def too_many_prefixes(gateway: IPAddress, interface: str) -> str:
    """A gateway advertises more prefixes than there is room for: 50,000 of one gateway, 250,000 of all. Further ones
    are not learned (one message a minute for each gateway).
    """
    return f"Neighbor {gateway} ({interface}) advertises more prefixes than there is room for"


MESSAGES: Final = log_messages(vars())


def sending(kind: str, destination: IPAddress, interface: str, source: IPAddress) -> str:
    """Return the line of an update or request that is sent."""
    return f"RIP: sending v2 {kind} to {destination} via {interface} ({source})"


def built(entries: Iterable[RipEntry]) -> list[str]:
    """Return the lines for the entries of an update that is sent."""
    lines = (f"\t{entry.prefix} via {entry.next_hop}, metric {entry.metric}, tag {entry.tag}" for entry in entries)
    return ["RIP: build update entries", *lines]


def received(source: IPAddress, interface: str, entries: Iterable[RipEntry]) -> list[str]:
    """Return the lines of a received update."""
    lines = [f"RIP: received v2 update from {source} on {interface}"]
    for entry in entries:
        distance = "inaccessible" if entry.metric >= INFINITY else f"in {entry.metric} hops"
        lines.append(f"     {entry.prefix} via {entry.next_hop} {distance}")
    return lines


def contains(count: int) -> str:
    """Return the line with the number of routes in a packet, for debugs that do not list them."""
    return f"RIP: Update contains {count} routes"


def stored(route: LearnedRoute) -> str:
    """Return the line of a changed learned route."""
    if not route.reachable:
        return f"RIP-DB: {route.prefix} is possibly down"
    ways = ", ".join(f"{path.next_hop} on {path.interface}" for path in route.announcements)
    return f"RIP-DB: {route.prefix} (metric {route.metric}) via {ways}"


def triggered_request(destination: IPAddress, interface: str) -> str:
    """Return the line of a triggered RIP request that is sent."""
    return f"RIP: sending triggered request on {interface} to {destination}"


def triggered_update(peer: IPAddress, interface: str, packet: RipPacket) -> list[str]:
    """Return the lines of a triggered RIP response that is sent."""
    flush = "flush update" if packet.update is not None and packet.update.flush else "update"
    number = packet.update.sequence if packet.update is not None else 0
    return [f"RIP: send v2 triggered {flush} to {peer} on {interface} seq# {number}", *built(packet.entries)]


def triggered_received(kind: str, source: IPAddress, interface: str, sequence: int) -> str:
    """Return the line of a received triggered RIP packet. kind: "request", "update" or "ack"."""
    return f"RIP: received v2 triggered {kind} from {source} on {interface} seq# {sequence}"


def ignored(source: IPAddress, interface: str, why: str) -> str:
    """Return the line of a packet that was not accepted."""
    return f"RIP: ignored packet from {source} on {interface} ({why})"
