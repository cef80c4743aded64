"""What the access lists of a port, and its check of senders, do with a packet (`ip access-group`, `ip verify`)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base import filters
from dmvpn.base.facts import NO_REASON
from dmvpn.base.filters import TcpFlag
from dmvpn.base.translation import ICMP, TCP
from dmvpn.base.values import dataclass
from dmvpn.features.filter.reasons import FilterReason
from dmvpn.network.access_entries import entry_line
from dmvpn.tools.walk.view import Match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.base.filters import FilterList, ReversePath
    from dmvpn.features.filter.facts import FilterFacts
    from dmvpn.router.facts import RouterFacts
    from dmvpn.tools.walk.packet import Packet
    from dmvpn.tools.walk.view import View

#: What the sender of a denied packet hears.
PROHIBITED: Final = "administratively prohibited, at most twice a second"
_CHECK: Final = "ip verify unicast source"
CLAUSE: Final = "RFC 1812 §5.2.7.1"


@dataclass(frozen=True, slots=True)
class FilterAnswer:
    """What a list, or a check, says of a packet: in words. answered: its sender hears of it, if it does not pass.

    listed: a list says it.
    """

    passes: bool
    what: str
    answered: bool = False
    listed: bool = False


def answers(view: View, router: str, port: str, packet: Packet, *, inward: bool) -> Iterator[FilterAnswer]:
    """Yield what the filters of a port say of a packet, up to the first that does not let it pass."""
    facts = view.router(router)
    found = next((one for one in facts.packet_filters if one.interface == port), None) if facts is not None else None
    if facts is None or found is None or packet.destination.version != 4:
        return
    listed = found.filters.inward if inward else found.filters.outward
    path = found.filters.reverse_path if inward else None
    if listed is not None:
        answer = _of_list(view, router, facts, found, listed, packet, inward=inward)
        yield replace(answer, listed=True)
        if not answer.passes:
            return
    if path is not None and found.reason != NO_REASON:
        yield _refused(f"{port}, {_CHECK}", found)
    elif path is not None:
        why = unreachable(facts, port, packet.source, path)
        match = view.match(router, packet.source, view.vrf_of(router, packet.source, port))
        how = why or f"{packet.source} is reachable by {match.route.prefix if match is not None else ''}"
        yield FilterAnswer(not why, f"{port}, {_CHECK}: {how}")


def _refused(name: str, found: FilterFacts) -> FilterAnswer:
    is_open = found.reason.is_one(FilterReason.UNFILTERED)
    passes = "all packets pass" if is_open else "the port lets nothing pass it"
    return FilterAnswer(is_open, f"{name}: {passes}, because {found.reason.text}")


def _of_list(
    view: View, router: str, facts: RouterFacts, found: FilterFacts, listed: FilterList, packet: Packet, *, inward: bool
) -> FilterAnswer:
    name = f"{found.interface}, list {listed.name} {'in' if inward else 'out'}"
    if found.reason != NO_REASON:
        return _refused(name, found)
    for each in _pieces(packet):
        entry = listed.decides(each)
        if entry is None:
            what = f"{name}: no entry permits{_which(each)}, so it is denied"
            return FilterAnswer(False, what, _hears(view, router, packet))
        if not entry.permit:
            line = entry_line(facts.configuration, listed.name, entry.sequence)
            what = f"{name}: entry {entry.sequence} denies{_which(each)}{f' ({line})' if line else ''}"
            return FilterAnswer(False, what, _hears(view, router, packet))
    entry = listed.decides(next(_pieces(packet)))
    number = entry.sequence if entry is not None else 0
    line = entry_line(facts.configuration, listed.name, number)
    return FilterAnswer(True, f"{name}: entry {number} permits it{f' ({line})' if line else ''}")


def _which(packet: filters.Packet) -> str:
    return " its later fragments" if packet.is_later_fragment else " it"


def _pieces(packet: Packet) -> Iterator[filters.Packet]:
    """Yield a packet as lists look at it: whole, or its first fragment, and if it is cut a later one."""
    source, destination = packet.source, packet.destination
    if not isinstance(source, IPv4Address) or not isinstance(destination, IPv4Address):
        return
    for is_later in (False, True) if packet.is_cut else (False,):
        yield filters.Packet(
            protocol=packet.protocol,
            source=source,
            destination=destination,
            source_port=0 if is_later else packet.ports[0],
            destination_port=0 if is_later else packet.ports[1],
            icmp=(0 if packet.answers else 8, 0) if packet.protocol == ICMP else (0, 0),
            flags=_flags(packet) if packet.protocol == TCP and not is_later else 0,
            ttl=packet.ttl,
            is_later_fragment=is_later,
        )


def _flags(packet: Packet) -> int:
    """Return the flags of the first packet of a connection, or of the answer to it."""
    return TcpFlag.SYN | TcpFlag.ACK if packet.answers else TcpFlag.SYN


def _hears(view: View, router: str, packet: Packet) -> bool:
    """Return whether a message to the sender may leave: not by a port with `no ip unreachables`."""
    facts, match = view.router(router), view.match(router, packet.source, view.vrf_of(router, packet.destination))
    if facts is None or match is None:
        return True  # without a route nobody hears of it, which is said
    silent = {one.interface for one in facts.packet_filters if not one.filters.unreachables}
    return not any(hop.interface in silent for hop in match.hops)


def unreachable(facts: RouterFacts, port: str, source: Address, asked: ReversePath) -> str:
    """Return why a port that verifies senders drops a packet from this one, "": it lets it in."""
    vrf = next((one.vrf for one in facts.interfaces if one.name == port), "")
    if any(own.ip == source for one in facts.interfaces if one.enabled and one.vrf == vrf for own in one.addresses):
        return f"{source} is an address of the router itself"
    routes = facts.routes_to(source, vrf)
    hops = Match(routes[0], ()).hops if routes and not routes[0].drops else ()
    if not hops:
        return f"no route to the sender {source}"
    if not routes[0].prefix.prefixlen and not asked.allow_default:
        return f"only the default route leads to {source}, without allow-default"
    if asked.strict and all(hop.interface != port for hop in hops):
        return f"the route to {source} leads out of {' and '.join(hop.interface for hop in hops)}"
    return ""
