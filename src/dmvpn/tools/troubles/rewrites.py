"""Lines that no template can say: a routing process gets another number or table, or loses some of its lines."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.network.lines import Process, moved, process_of

if TYPE_CHECKING:
    from dmvpn.tools.troubles.stage import Actor


def process_header(actor: Actor) -> tuple[str, ...]:
    """Return the section headers above the IPv4 lines of an EIGRP process."""
    return (f"router eigrp {actor.eigrp}", *((actor.family,) if actor.is_named else ()))


def renumbered(actor: Actor, *, number: int) -> tuple[str, ...]:
    """Return the lines of the same EIGRP process in another autonomous system."""
    header = f"router eigrp {actor.eigrp}"
    body = actor.lines.section(header).lines
    if not actor.is_named:
        return (f"no {header}", f"router eigrp {number}", *body)
    other = actor.family.replace(f"autonomous-system {actor.number}", f"autonomous-system {number}")
    return (f"no {header}", header, *(line.replace(actor.family, other) for line in body if line.strip() != "!"))


def without_networks(actor: Actor, *, word: str) -> tuple[str, ...]:
    """Return the lines that remove the network statements of EIGRP for an address. word: the word of this address."""
    address = actor.words.get(word)
    gone = actor.networks(IPv4Address(address)) if address is not None else ()
    return (*process_header(actor), *(f"no {line}" for line in gone))


def moved_process(actor: Actor, *, vrf: str = "") -> tuple[str, ...]:
    """Return the lines that move the protocol of the inside VRF. vrf: the word of another one, "": the global table.

    Raises UserError.
    """
    inside, other = actor.words.get("inside", ""), actor.words.get(vrf, "")
    routes = actor.lines.headers(f"ip route vrf {inside} ") if inside else ()
    if not routes:
        return moved(_process(actor), inside, other)
    table = f"ip route vrf {other} " if other else "ip route "
    pairs = ((f"no {one}", one.replace(f"ip route vrf {inside} ", table, 1)) for one in routes)
    return tuple(line for pair in pairs for line in pair)


def process_without(actor: Actor, *, beginning: str) -> tuple[str, ...]:
    """Return the lines that remove those of the inside VRF's protocol that begin like this. Raises UserError."""
    process = _process(actor)
    gone = [line for line in process.body if line.startswith(beginning)]
    if not gone:
        raise UserError(f"the routing protocol of {actor.name} has no line {beginning}")
    return process.header, *((process.family,) if process.family else ()), *(f"no {line}" for line in gone)


def _process(actor: Actor) -> Process:
    inside = actor.words.get("inside", "")
    found = process_of(actor.lines, "router ", inside) if inside else None
    if found is None:
        raise UserError(f"{actor.name} has no routing protocol in a VRF")
    return found
