"""`show ip nhrp` in its forms: the cache, entry by entry.

show ip nhrp [A.B.C.D | P/L] [dynamic|static|incomplete|local|self|shortcut|remote] [TunnelN] [detail|brief]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import is_link_local, spelled
from dmvpn.features.nhrp.cache import ROUTE_FLAGS, EntryType, Flag, RouteState
from dmvpn.features.nhrp.show.families import of_both, tunnels_of
from dmvpn.ios import Args, ExecCommand, ShowContext, age, short_interface

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.features.nhrp.cache import Entry
    from dmvpn.features.nhrp.tunnel import Tunnel

_STARS = "*" * 76
_EQUALS = "=" * 76
_BRIEF_HEADER = (
    _STARS,
    "    NOTE: Link-Local, No-socket and Incomplete entries are not displayed    ",
    _STARS,
    "Legend: Type --> S - Static, D - Dynamic",
    "        Flags --> u - unique, r - registered, e - temporary, c - claimed",
    "        a - authoritative, t - route",
    _EQUALS,
    "",
    "Intf     NextHop Address                                    NBMA Address",
    "         Target Network                              T/Flag",
    "-------- ------------------------------------------- ------ ----------------",
)
_BRIEF_FLAGS = (
    (Flag.UNIQUE, "u"),
    (Flag.REGISTERED, "r"),
    (Flag.TEMPORARY, "e"),
    (Flag.NAT, "c"),
    (Flag.AUTHORITATIVE, "a"),
    (Flag.RIB, "t"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLine:
    """One entry. created: seconds ago. expires: seconds from now, None: never. nbma None: not known yet."""

    target: Prefix
    next_hop: IPAddress
    tunnel: str
    created: float
    expires: float | None
    type: str
    flags: tuple[str, ...]
    nbma: IPAddress | None
    claimed: IPAddress | None
    group: str
    no_socket: bool
    preference: int
    hits: int
    requesters: tuple[tuple[IPAddress, int], ...]
    reason: str

    @property
    def is_incomplete(self) -> bool:
        """There is no mapping."""
        return self.type == EntryType.INCOMPLETE.value


@dataclass(frozen=True, slots=True)
class ShowCache:
    """The answer to `show ip nhrp ...`."""

    entries: tuple[CacheLine, ...]


def effective_flags(tunnel: Tunnel, entry: Entry, now: float) -> Flag:
    """The stored flags, and those that follow from traffic and routes."""
    flags = entry.flags | ROUTE_FLAGS[entry.route]
    if (entry.is_next_hop or entry.type is EntryType.STATIC) and tunnel.used(entry, now):
        flags |= Flag.USED
    return flags


def flag_names(flags: Flag) -> tuple[str, ...]:
    """The words of flags, in the order in which IOS prints them."""
    return tuple(str(flag.name).lower() for flag in Flag if flag in flags)


def cache(ctx: ShowContext, args: Args) -> ShowCache:
    """The entries that the filters let through, by tunnel and ascending target."""
    now = ctx.now
    target = args.prefix("target", None)
    chosen = [(tunnel, entry) for tunnel in tunnels_of(ctx, args) for entry in tunnel.cache.entries()]
    lines = (
        _line(tunnel, entry, now)
        for tunnel, entry in chosen
        if (target is None or entry.target in target or (target.is_host and target.address in entry.target))
        and all(test(entry) for word, test in _FILTERS.items() if word in args)
    )
    return ShowCache(tuple(lines))


def own_entries(ctx: ShowContext, args: Args) -> ShowCache:
    """What this router itself is in each network: it needs no entry in the cache for that."""
    chosen = [(tunnel, tunnel.own_entry) for tunnel in tunnels_of(ctx, args)]
    return ShowCache(tuple(_line(tunnel, entry, ctx.now) for tunnel, entry in chosen if entry is not None))


_FILTERS: dict[str, Callable[[Entry], bool]] = {
    "dynamic": lambda entry: entry.type is EntryType.DYNAMIC,
    "static": lambda entry: entry.type is EntryType.STATIC,
    "incomplete": lambda entry: entry.type is EntryType.INCOMPLETE,
    "local": lambda entry: entry.is_local,
    "remote": lambda entry: not entry.is_local,
    "shortcut": lambda entry: entry.route in (RouteState.INSTALLED, RouteState.OVERRIDE) and not entry.is_next_hop,
}


def _line(tunnel: Tunnel, entry: Entry, now: float) -> CacheLine:
    requesters = tuple((address, known.request_id) for address, known in (entry.requesters or {}).items())
    return CacheLine(
        target=entry.target,
        next_hop=entry.next_hop,
        tunnel=tunnel.name,
        created=now - entry.created,
        expires=None if entry.expires is None else entry.expires - now,
        type=entry.type.value,
        flags=flag_names(effective_flags(tunnel, entry, now)),
        nbma=entry.nbma,
        claimed=entry.claimed,
        group=entry.group,
        no_socket=entry.is_local,
        preference=entry.preference,
        hits=entry.hits,
        requesters=requesters,
        reason=str(entry.reason) if entry.reason else "",
    )


# -------------------------------------------------------------------------------------------------------- renderers


def render_cache(answer: ShowCache) -> Iterator[str]:
    """The lines of `show ip nhrp`."""
    for line in answer.entries:
        yield from _entry_lines(line, detail=False)


def render_detail(answer: ShowCache) -> Iterator[str]:
    """The lines of `show ip nhrp detail`."""
    for line in answer.entries:
        yield from _entry_lines(line, detail=True)


def render_brief(answer: ShowCache) -> Iterator[str]:
    """The lines of `show ip nhrp brief`."""
    yield from _BRIEF_HEADER
    for line in answer.entries:
        if line.is_incomplete or line.no_socket or is_link_local(line.target.address):
            continue
        letters = "".join(letter for flag, letter in _BRIEF_FLAGS if str(flag.name).lower() in line.flags)
        yield f"{short_interface(line.tunnel):<8} {spelled(line.next_hop):<43}        {line.nbma}"
        yield f"         {spelled(line.target):<43} {line.type[0].upper() + '/' + letters:<6} "


def _entry_lines(line: CacheLine, *, detail: bool) -> Iterator[str]:
    expiry = "never expire " if line.expires is None else f"expire {age(line.expires)}"
    flags = "".join(f"{flag} " for flag in line.flags)
    if line.is_incomplete:
        yield f"{spelled(line.target)}, {line.tunnel} created {age(line.created)}, {expiry}"
        yield f"   Type: {line.type}, Flags: {flags}"
        yield f"   Cache hits: {line.hits} "
        return
    yield f"{spelled(line.target)} via {spelled(line.next_hop)}"
    yield f"   {line.tunnel} created {age(line.created)}, {expiry}"
    yield f"   Type: {line.type}, Flags: {flags}"
    yield f"   NBMA address: {line.nbma} "
    if line.claimed is not None:
        yield f"     (Claimed NBMA address: {line.claimed}) "
    if detail:
        yield f"   Preference: {line.preference} "
    if line.group:
        yield f"   Group: {line.group} "
    if line.no_socket:
        yield "    (no-socket) "
    if detail:
        for requester, request_id in line.requesters:
            yield f"  Requester: {spelled(requester)} Request ID: {request_id} "


_FILTER_WORDS = "dynamic | static | incomplete | local | shortcut | remote | {interface:interface}"
_HELP: Final = {
    "nhrp": "Next Hop Resolution Protocol: the cache",
    "target": "An address, or a prefix and what lies in it",
    "dynamic": "Learned",
    "static": "Configured",
    "incomplete": "Asked for and not answered",
    "local": "Given to others by us",
    "self": "This router itself",
    "shortcut": "Prefixes with a direct way",
    "remote": "All but our own",
    "interface": "Of one tunnel",
    "detail": "With preferences and requesters",
    "brief": "Two lines an entry",
}

COMMANDS: Final = of_both(
    ExecCommand(f"show ip nhrp [ {{target:prefix}} ] [* {_FILTER_WORDS} ]", _HELP, query=cache, render=render_cache),
    ExecCommand(
        f"show ip nhrp [ {{target:prefix}} ] [* {_FILTER_WORDS} ] detail", _HELP, query=cache, render=render_detail
    ),
    ExecCommand(
        f"show ip nhrp [ {{target:prefix}} ] [* {_FILTER_WORDS} ] brief", _HELP, query=cache, render=render_brief
    ),
    ExecCommand("show ip nhrp self [ {interface:interface} ]", _HELP, query=own_entries, render=render_cache),
    ExecCommand("show ip nhrp self [ {interface:interface} ] detail", _HELP, query=own_entries, render=render_detail),
)
