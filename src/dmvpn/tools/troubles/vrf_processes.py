"""The routing protocol of a VRF as lines: moved into another table, or without some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.network.vrf_processes import Process, moved, process_of

if TYPE_CHECKING:
    from dmvpn.tools.troubles.stage import Actor


def moved_process(actor: Actor, vrf: str) -> tuple[str, ...]:
    """Return the lines that move the protocol of the inside VRF. vrf: "": into the global table. Raises UserError."""
    inside = actor.words.get("inside", "")
    routes = actor.lines.headers(f"ip route vrf {inside} ") if inside else ()
    if not routes:
        return moved(_process(actor), inside, vrf)
    table = f"ip route vrf {vrf} " if vrf else "ip route "
    pairs = ((f"no {one}", one.replace(f"ip route vrf {inside} ", table, 1)) for one in routes)
    return tuple(line for pair in pairs for line in pair)


def process_without(actor: Actor, beginnings: tuple[str, ...]) -> tuple[str, ...]:
    """Return the lines that remove those with one of these beginnings. Raises UserError."""
    process = _process(actor)
    gone = [line for line in process.body if line.startswith(beginnings)]
    if not gone:
        raise UserError(f"the routing protocol of {actor.name} has no line {' or '.join(beginnings)}")
    return process.header, *((process.family,) if process.family else ()), *(f"no {line}" for line in gone)


def _process(actor: Actor) -> Process:
    inside = actor.words.get("inside", "")
    found = process_of(actor.lines, "router ", inside) if inside else None
    if found is None:
        raise UserError(f"{actor.name} has no routing protocol in a VRF")
    return found
