"""`show route-map`: what each entry looks for, and what it sets; `clear` of how often entries of maps and lists fitted.

`show key chain`: the keys that routing protocols authenticate with. `show ip policy`: which route maps route packets.
None does here, so there is no more than IOS's heading.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from dmvpn.base.addresses import IPAddress, spelled
from dmvpn.base.communities import CommunityKind, communities_text, extended_text, large_text
from dmvpn.base.credentials import Lifetime
from dmvpn.base.routemaps import IPV6_LIST, Changes, Counted, HopWord, MapRule
from dmvpn.base.values import Value
from dmvpn.features.policy.machine import ClearHits, PolicyMachine
from dmvpn.ios import Args, ExecCommand, ShowContext
from dmvpn.ios.common import KEY, KEY_ACCEPT, KEY_CHAIN, KEY_SEND, KEY_STRING
from dmvpn.ios.grammar import HIDDEN
from dmvpn.ios.routing import lifetime

_ALWAYS: Final = "lifetime (always valid) - (always valid) [valid now]"


class KeyLine(Value):
    """One key.

    text: None while it has none; then it is of no use.
    accept, send: lifetimes in words.
    """

    number: int
    text: str | None
    accept: str
    send: str


class ChainLines(Value):
    """A key chain with its keys, in the order of their numbers."""

    name: str
    keys: tuple[KeyLine, ...]


class ShowKeyChain(Value):
    """The answer to `show key chain`."""

    chains: tuple[ChainLines, ...]


def query_keys(ctx: ShowContext, args: Args) -> ShowKeyChain:
    """Return all key chains, or one."""
    wanted = args.text("name", "")
    chains = []
    for named, section in ctx.running.sections(KEY_CHAIN):
        if wanted not in ("", named.text("name")):
            continue
        keys = []
        for number, key in section.sections(KEY):
            string = key.get(KEY_STRING)
            text = None if string is None else HIDDEN if ctx.hides else string.text("secret")
            accept, send = (_words(lifetime(key, line), ctx) for line in (KEY_ACCEPT, KEY_SEND))
            keys.append(KeyLine(number.integer("number"), text, accept, send))
        chains.append(ChainLines(named.text("name"), tuple(sorted(keys, key=lambda key: key.number))))
    return ShowKeyChain(tuple(chains))


def render_keys(answer: ShowKeyChain) -> Iterator[str]:
    """Yield a paragraph for each chain."""
    for chain in answer.chains:
        yield f"Key-chain {chain.name}:"
        for key in chain.keys:
            yield f"    key {key.number} -- text " + (f'"{key.text}"' if key.text is not None else "(unset)")
            yield f"        accept {key.accept}"
            yield f"        send {key.send}"


def _words(life: Lifetime | None, ctx: ShowContext) -> str:
    """Return a lifetime as IOS has it; those in the router's own time zone have no zone behind them."""
    if life is None:
        return _ALWAYS
    ends = [f"({_moment(one, life)})" if one is not None else "(infinite)" for one in (life.start, life.end)]
    valid = " [valid now]" if life.holds(ctx.ports.clock, ctx.now) else ""
    return f"lifetime {ends[0]} - {ends[1]}{valid}"


def _moment(moment: datetime, lifetime: Lifetime) -> str:
    zone = "" if lifetime.local else " UTC"
    return f"{moment:%H:%M:%S}{zone} {moment:%b} {moment.day} {moment.year}"


class MapEntryLines(Value):
    """One entry. go_on: the entry that goes on (`continue`), 0: the next one, None: none does.

    hits: how often it fitted a route.
    """

    name: str
    permit: bool
    sequence: int
    matches: tuple[str, ...]
    go_on: int | None
    sets: tuple[str, ...]
    hits: int


class ShowRouteMap(Value):
    """The answer. asked: the map that was asked for and is not there."""

    entries: tuple[MapEntryLines, ...]
    asked: str = ""


_LABELS: Final = {
    CommunityKind.PLAIN: "community (community-list filter)",
    CommunityKind.EXTENDED: "extcommunity (extcommunity-list filter)",
    CommunityKind.LARGE: "large-community (large-community-list filter)",
}


def query(ctx: ShowContext, args: Args) -> ShowRouteMap:
    """Return all maps, or one."""
    wanted = args.text("name", "")
    machine = ctx.machine(PolicyMachine)
    known = machine.config.route_maps
    maps = [name for name in sorted(known) if wanted in ("", name)]
    entries = tuple(
        MapEntryLines(
            name,
            entry.permit,
            entry.sequence,
            tuple(f"{label}{' '.join(map(str, values))}" for label, values in _matches(entry) if values),
            entry.go_on,
            (*((f"comm-list {entry.deletes} delete",) if entry.deletes else ()), *_sets(entry.changes)),
            machine.hits.get((Counted.ROUTE_MAP, name, entry.sequence), 0),
        )
        for name in maps
        for entry in known[name]
    )
    return ShowRouteMap(entries, "" if maps else wanted)


def _matches(entry: MapRule) -> Iterator[tuple[str, Iterable[object]]]:
    for version in ("ip", "ipv6"):
        is_six = version == "ipv6"
        for label, names in (
            ("address (access-lists)", entry.access_lists),
            ("address prefix-lists", entry.prefix_lists),
            ("next-hop (access-lists)", entry.next_hop_access_lists),
            ("next-hop prefix-lists", entry.next_hop_prefix_lists),
            ("route-source (access-lists)", entry.source_access_lists),
            ("route-source prefix-lists", entry.source_prefix_lists),
        ):
            own = [name.removeprefix(IPV6_LIST) for name in names if name.startswith(IPV6_LIST) is is_six]
            yield f"{version} {label}: ", own
    yield "source-protocol ", [f"{source.value} {process}".rstrip() for source, process in entry.owners]
    yield "interface ", entry.interfaces
    yield "as-path (as-path filter): ", entry.as_paths
    for kind, label in _LABELS.items():
        named = [one for one in entry.communities if one.kind is kind]
        yield f"{label}{' exact-match' if any(one.exactly for one in named) else ''}: ", [one.name for one in named]
    yield "metric ", [*entry.metrics, *(f"{middle} +- {most}" for middle, most in entry.deviations)]
    yield "tag ", entry.tags
    yield "local-preference ", entry.local_preferences
    yield "route-type ", [" ".join(words) for words in entry.kinds]


def _sets(changes: Changes) -> Iterator[str]:
    values = {
        "metric": " ".join(map(str, changes.vector)) or (f"{changes.step:+}" if changes.step else changes.metric),
        "metric-type": changes.metric_type or None,
        "tag": changes.tag,
        "ip next-hop": _hop(changes.next_hop),
        "ipv6 next-hop": _hop(changes.next_hop6),
        "local-preference": changes.local_preference,
        "weight": changes.weight,
        "origin": changes.origin or None,
        "as-path prepend": " ".join(map(str, changes.prepend)) or None,
        "as-path prepend last-as": changes.repeat or None,
    }
    yield from (f"{label} {value}" for label, value in values.items() if value is not None)
    change = changes.communities
    if change is not None:
        added = " additive" if change.additive else ""
        yield f"community {communities_text(change.communities) or 'none'}{added}"
    if changes.extended is not None:
        added = " additive" if changes.extended.additive else ""
        if changes.extended.targets:
            yield f"extended community {extended_text(changes.extended.targets)}{added}"
        if changes.extended.origin is not None:
            yield f"extended community {extended_text([changes.extended.origin])}"
    if changes.large is not None:
        added = " additive" if changes.large.additive else ""
        yield f"large-community {large_text(changes.large.communities) or 'none'}{added}"


def _hop(hop: IPAddress | HopWord | None) -> str | None:
    return hop.value if isinstance(hop, HopWord) else None if hop is None else spelled(hop)


def render(answer: ShowRouteMap) -> Iterator[str]:
    """Yield a paragraph for each entry."""
    if answer.asked:
        yield f"route-map {answer.asked} not found"
    for one in answer.entries:
        yield f"route-map {one.name}, {'permit' if one.permit else 'deny'}, sequence {one.sequence}"
        yield "  Match clauses:"
        yield from (f"    {line}" for line in one.matches)
        if one.go_on is not None:
            yield f"  Continue: {f'sequence {one.go_on}' if one.go_on else 'to next entry'}"
        yield "  Set clauses:"
        yield from (f"    {line}" for line in one.sets)
        yield "  Policy routing matches: 0 packets, 0 bytes"
        yield f"  Route matches: {one.hits}"


def clear_lists(ctx: ShowContext, args: Args) -> ClearHits:
    """Clear the counts of prefix lists."""
    return ClearHits(Counted.PREFIX_LIST, args.text("name", ""))


def clear_maps(ctx: ShowContext, args: Args) -> ClearHits:
    """Clear the counts of route maps."""
    return ClearHits(Counted.ROUTE_MAP, args.text("name", ""))


class ShowIpPolicy(Value):
    """The answer. maps: by interface."""

    maps: tuple[tuple[str, str], ...] = ()


def query_policy(ctx: ShowContext, args: Args) -> ShowIpPolicy:
    """Return the route maps that route packets."""
    return ShowIpPolicy()


def render_policy(answer: ShowIpPolicy) -> list[str]:
    """Return the table."""
    return ["Interface      Route map", *(f"{name:<15}{route_map}" for name, route_map in answer.maps)]


_HELP: Final = {
    "key": "Keys of routing protocols",
    "chain": "Lists of keys",
    "name": "One list",
    "route-map": "Route maps",
    "all": "The same: there are no others",
    "prefix-list": "Hit counts of prefix lists",
    "counters": "How often entries fitted",
    "policy": "Route maps that route packets",
}
COMMANDS: Final = (
    ExecCommand("show key chain [ {name:word} ]", _HELP, query=query_keys, render=render_keys, privilege=15),
    ExecCommand("show route-map [ all | {name:word} ]", {**_HELP, "name": "One map"}, query=query, render=render),
    ExecCommand(
        "clear ip prefix-list [ {name:word} ]", {**_HELP, "name": "Of one list"}, action=clear_lists, privilege=15
    ),
    ExecCommand(
        "clear route-map counters [ {name:word} ]", {**_HELP, "name": "Of one map"}, action=clear_maps, privilege=15
    ),
    ExecCommand("show ip policy", _HELP, query=query_policy, render=render_policy),
)
