"""`show ipv6 route [protocol]` and `show ipv6 route X:X:X:X::X`, each with `at TIME`, too.

The same entries as IPv4's, in the layout that IOS has for this version: the prefix on a line, its next hops below it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import spelled
from dmvpn.base.effects import NextHop
from dmvpn.base.values import dataclass
from dmvpn.features.rib.show.entries import RouteEntry, all_entries, holding, past_entries, past_holding, past_of
from dmvpn.ios import Args, ExecCommand, ShowContext, Unknown, age, answered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import Prefix

LEGEND: Final = (
    "Codes: C - Connected, L - Local, S - Static, U - Per-user Static route",
    "       B - BGP, R - RIP, H - NHRP, D - EIGRP, EX - EIGRP external",
    "       O - OSPF Intra, OI - OSPF Inter, OE1 - OSPF ext 1, OE2 - OSPF ext 2",
    "       % - next hop override",
)
_SELECTIONS = {"connected": "C", "local": "L", "static": "S", "nhrp": "H"}


@dataclass(frozen=True, slots=True)
class ShowIpv6Route:
    """The table.

    total: entries of all sources.
    vrf: the VRF of the table, "": the global table.
    multicast: the route of every IPv6 router for multicasts is shown.
    """

    total: int
    entries: tuple[RouteEntry, ...]
    multicast: bool
    vrf: str = ""


@dataclass(frozen=True, slots=True)
class ShowIpv6RoutePrefix:
    """One entry, or None."""

    prefix: Prefix
    entry: RouteEntry | None


def query_routes(ctx: ShowContext, args: Args) -> ShowIpv6Route:
    """Return the whole table, or the routes of one source."""
    receives = any(state.runs(6) for state in ctx.ports.interfaces.all())
    return replace(_selected(all_entries(ctx, 6), args, receives=receives), vrf=ctx.ports.vrf)


def query_past_routes(ctx: ShowContext, args: Args) -> ShowIpv6Route | Unknown:
    """Query the routes of an earlier moment."""
    found = past_of(ctx, args)
    if isinstance(found, Unknown):
        return found
    past, time = found
    return replace(_selected(past_entries(past, time, 6), args, receives=past.ran_ipv6(time)), vrf=ctx.ports.vrf)


def _selected(entries: list[RouteEntry], args: Args, *, receives: bool) -> ShowIpv6Route:
    letters = next((letters for word, letters in _SELECTIONS.items() if word in args), None)
    selected = tuple(entry for entry in entries if letters is None or entry.letter in letters)
    return ShowIpv6Route(len(entries) + receives, selected, receives and letters in (None, "L"))


def query_prefix(ctx: ShowContext, args: Args) -> ShowIpv6RoutePrefix:
    """Return an address: the longest match; a prefix: exactly that one."""
    prefix = args.prefix("prefix")
    return _chosen(prefix, holding(ctx, prefix.address))


def query_past_prefix(ctx: ShowContext, args: Args) -> ShowIpv6RoutePrefix | Unknown:
    """Query the route of an earlier moment."""
    found, prefix = past_of(ctx, args), args.prefix("prefix")
    if isinstance(found, Unknown):
        return found
    return _chosen(prefix, past_holding(past_entries(*found, 6), prefix.address))


def _chosen(prefix: Prefix, entries: list[RouteEntry]) -> ShowIpv6RoutePrefix:
    fits = (entry for entry in entries if prefix.is_host or entry.prefix == prefix)
    return ShowIpv6RoutePrefix(prefix, next(fits, None))


def render_routes(answer: ShowIpv6Route) -> Iterator[str]:
    """Yield legend, then two lines or more for each route."""
    yield f"IPv6 Routing Table - {answer.vrf or 'default'} - {answer.total} entries"
    yield from LEGEND
    for entry in answer.entries:
        code = f"{entry.letter}{entry.subcode}{'%' if entry.override else ''}"
        yield f"{code:<3} {spelled(entry.prefix)} [{entry.distance}/{entry.metric}]"
        for hop in _hops(entry):
            yield f"     via {_hop(entry, hop)}"
    if answer.multicast:
        yield "L   FF00::/8 [0/0]"
        yield "     via Null0, receive"


def render_prefix(answer: ShowIpv6RoutePrefix) -> Iterator[str]:
    """Yield the particulars of one route."""
    entry = answer.entry
    if entry is None:
        yield "% Route not found"
        return
    yield f"Routing entry for {spelled(entry.prefix)}"
    yield f'  Known via "{entry.known_via}", distance {entry.distance}, metric {entry.metric}'
    if entry.tag:
        yield f"  Tag {entry.tag}"
    if entry.failure:
        yield f"  Not in the forwarding table: {entry.failure}"
    hops = _hops(entry)
    yield f"  Route count is {len(hops)}/{len(hops)}, share count 0"
    yield "  Routing paths:"
    for hop in hops:
        yield f"    {_hop(entry, hop)}"
        since = entry.override_age if entry.override else entry.age
        yield f"      Last updated {age(since)} ago"


def _hops(entry: RouteEntry) -> tuple[NextHop, ...]:
    if entry.override is not None:
        return (entry.override,)
    return (NextHop("Null0"),) if entry.discard else entry.next_hops


def _hop(entry: RouteEntry, hop: NextHop) -> str:
    if hop.address is not None:
        return ", ".join(part for part in (spelled(hop.address), hop.interface) if part)
    words = {"L": "receive", "C": "receive" if entry.prefix.is_host else "directly connected"}
    return f"{hop.interface}, {words.get(entry.letter, 'directly connected')}"


_HELP: Final = {
    "ipv6": "Internet Protocol, version 6",
    "route": "The routing table",
    "prefix": "An address, or a prefix",
    "connected": "Connected routes",
    "local": "Our own addresses",
    "static": "Static routes",
    "nhrp": "Routes of NHRP",
    "at": "As it was at an earlier moment",
    "when": "A time, perhaps with its date; or how long ago",
}
_ROUTES: Final = "show ipv6 route [ connected | local | static | nhrp ]"
_PREFIX: Final = "show ipv6 route {prefix:prefix6}"
_AT: Final = "at {when:moment}"
COMMANDS: Final = (
    ExecCommand(_ROUTES, _HELP, query=query_routes, render=render_routes),
    ExecCommand(f"{_ROUTES} {_AT}", _HELP, query=query_past_routes, render=answered(render_routes)),
    ExecCommand(_PREFIX, _HELP, query=query_prefix, render=render_prefix),
    ExecCommand(f"{_PREFIX} {_AT}", _HELP, query=query_past_prefix, render=answered(render_prefix)),
)
