"""`show ip nhrp` in its forms: the cache, entry by entry.

show ip nhrp [A.B.C.D | P/L] [dynamic|static|incomplete|local|self|shortcut|remote] [TunnelN] [detail|brief]
show ip nhrp [A.B.C.D | P/L] [dynamic|static|incomplete|local|shortcut|remote] [TunnelN] [brief] at TIME

Commands that exist for each IP version: `show ipv6 nhrp ...` is `show ip nhrp ...` in other words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local, spelled
from dmvpn.base.breath import breathing
from dmvpn.base.values import Value, project
from dmvpn.features.nhrp.cache import NO_FLAGS, Entry, EntryType, Flag, RouteState
from dmvpn.features.nhrp.history import ROUTE_FLAGS, Record, record_of
from dmvpn.features.nhrp.tunnel import Tunnel
from dmvpn.ios import Args, ExecCommand, ShowContext, Unknown, age, answered, moment_of, short_interface

if TYPE_CHECKING:
    from dmvpn.features.nhrp.machine import NhrpMachine

_OTHER_WORDS = (
    ("show ip ", "show ipv6 "),
    ("clear ip ", "clear ipv6 "),
    ("{target:prefix}", "{target:prefix6}"),
    ("{server:address}", "{server:address6}"),
)
_IPV6_HELP = {"ipv6": "Internet Protocol, version 6"}


def machine_of(ctx: ShowContext) -> NhrpMachine:
    """Return the machine. Its modules are imported only when it is configured, or a show is run."""
    from dmvpn.features.nhrp.machine import NhrpMachine

    return ctx.machine(NhrpMachine)


def tunnels_of(ctx: ShowContext, args: Args) -> list[Tunnel]:
    """Return the tunnels of the command's IP version, or the tunnel that it names."""
    tunnels = machine_of(ctx).of_version(args.version)
    wanted, vrf = args.interface("interface", None), args.text("vrf", "") if "vrf" in args else None
    return [tunnel for tunnel in tunnels if wanted in (None, tunnel.name) and vrf in (None, tunnel.config.vrf)]


def of_both(*commands: ExecCommand) -> tuple[ExecCommand, ...]:
    """Return the commands, and their IPv6 forms."""
    return (*commands, *map(_twin, commands))


def _twin(command: ExecCommand) -> ExecCommand:
    syntax = command.syntax
    for old, new in _OTHER_WORDS:
        syntax = syntax.replace(old, new)
    return ExecCommand(
        syntax,
        {**_IPV6_HELP, **command.help} if not isinstance(command.help, str) else command.help,
        query=command.query,
        render=command.render,
        action=command.action,
        privilege=command.privilege,
    )


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


class CacheLine(Value, kw_only=True):
    """One entry. created: seconds ago. expires: seconds from now, None: never. nbma None: not known yet.

    requesters: stations that resolved a prefix of ours; None: not recorded.
    """

    target: Prefix
    next_hop: IPAddress
    tunnel: str
    nbma: IPAddress | None
    claimed: IPAddress | None
    group: str
    preference: int
    hits: int
    created: float
    expires: float | None
    type: str
    flags: tuple[str, ...]
    no_socket: bool
    requesters: tuple[tuple[IPAddress, int], ...] | None
    reason: str

    @property
    def is_incomplete(self) -> bool:
        """Whether there is no mapping."""
        return self.type == EntryType.INCOMPLETE.value


class ShowCache(Value):
    """The answer to `show ip nhrp ...`."""

    entries: tuple[CacheLine, ...]


def effective_flags(tunnel: Tunnel, entry: Entry, now: float) -> Flag:
    """Return the stored flags with the flags that follow from traffic and routes."""
    flags = entry.flags | ROUTE_FLAGS.get(entry.route, NO_FLAGS)
    if (entry.is_next_hop or entry.type is EntryType.STATIC) and tunnel.used(entry, now):
        flags |= Flag.USED
    return flags


@lru_cache(maxsize=256)
def flag_names(flags: Flag) -> tuple[str, ...]:
    """Return the words of flags, in the order in which IOS prints them."""
    return tuple(str(flag.name).lower() for flag in Flag if flag in flags)


def cache(ctx: ShowContext, args: Args) -> ShowCache:
    """Return the entries that pass the filters, by tunnel and ascending target."""
    known = ((tunnel, entry) for tunnel in tunnels_of(ctx, args) for entry in breathing(tunnel.cache.entries()))
    records = ((tunnel, entry, record_of(tunnel, entry)) for tunnel, entry in known)
    chosen = (one for one in records if _is_chosen(one[2], args))
    return ShowCache(tuple(_line(tunnel, entry, record, ctx.now) for tunnel, entry, record in chosen))


def past_cache(ctx: ShowContext, args: Args) -> ShowCache | Unknown:
    """Return the same at an earlier moment. Requesters of our own prefixes are not recorded."""
    history, version = machine_of(ctx).history, args.version
    time = moment_of(ctx, args, history.oldest(version) if history is not None else None)
    if isinstance(time, Unknown):
        return time
    wanted = args.interface("interface", None)
    found = history.at(version, time) if history is not None else []
    return ShowCache(
        tuple(
            _record_line(record, time, used=used)
            for record, used in breathing(found)
            if wanted in (None, record.tunnel) and _is_chosen(record, args)
        )
    )


def _is_chosen(record: Record, args: Args) -> bool:
    target = args.prefix("target", None)
    if not (target is None or record.target in target or (target.is_host and target.address in record.target)):
        return False
    return all(test(record) for word, test in _FILTERS.items() if word in args)


def own_entries(ctx: ShowContext, args: Args) -> ShowCache:
    """Return this router's own mapping in each network, which needs no entry in the cache."""
    chosen = [(tunnel, _own_entry(tunnel)) for tunnel in tunnels_of(ctx, args)]
    known = ((tunnel, entry) for tunnel, entry in chosen if entry is not None)
    return ShowCache(tuple(_line(tunnel, entry, record_of(tunnel, entry), ctx.now) for tunnel, entry in known))


def _own_entry(tunnel: Tunnel) -> Entry | None:
    """Return an entry for this station itself. The cache has none, because packets to it need no look-up."""
    if not tunnel.running or tunnel.address is None or tunnel.interface is None:
        return None
    return Entry(
        target=Prefix.host(tunnel.address),
        next_hop=tunnel.address,
        nbma=tunnel.nbma,
        type=EntryType.STATIC,
        created=tunnel.interface.since,
        flags=Flag.ROUTER | Flag.UNIQUE | Flag.LOCAL,
    )


_FILTERS: dict[str, Callable[[Record], bool]] = {
    "dynamic": lambda record: record.type is EntryType.DYNAMIC,
    "static": lambda record: record.type is EntryType.STATIC,
    "incomplete": lambda record: record.type is EntryType.INCOMPLETE,
    "local": lambda record: Flag.LOCAL in record.flags,
    "remote": lambda record: Flag.LOCAL not in record.flags,
    "shortcut": lambda record: (
        record.route in (RouteState.INSTALLED, RouteState.OVERRIDE)
        and not (record.target.is_host and record.target.address == record.next_hop)
    ),
}


def _line(tunnel: Tunnel, entry: Entry, record: Record, now: float) -> CacheLine:
    used = bool(effective_flags(tunnel, entry, now) & Flag.USED)
    requesters = tuple((address, known.request_id) for address, known in (entry.requesters or {}).items())
    return _record_line(record, now, used=used, requesters=requesters)


def _record_line(
    record: Record, now: float, *, used: bool, requesters: tuple[tuple[IPAddress, int], ...] | None = None
) -> CacheLine:
    return project(
        CacheLine,
        record,
        created=now - record.created,
        expires=None if record.expires is None else record.expires - now,
        type=record.type.value,
        flags=flag_names(record.flags | Flag.USED if used else record.flags),
        no_socket=Flag.LOCAL in record.flags,
        requesters=requesters,
        reason=str(record.reason) if record.reason else "",
    )


# -------------------------------------------------------------------------------------------------------- renderers


def render_cache(answer: ShowCache) -> Iterator[str]:
    """Yield the lines of `show ip nhrp`."""
    for line in answer.entries:
        yield from _entry_lines(line, detail=False)


def render_detail(answer: ShowCache) -> Iterator[str]:
    """Yield the lines of `show ip nhrp detail`."""
    for line in answer.entries:
        yield from _entry_lines(line, detail=True)


def render_brief(answer: ShowCache) -> Iterator[str]:
    """Yield the lines of `show ip nhrp brief`."""
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
        for requester, request_id in line.requesters or ():
            yield f"  Requester: {spelled(requester)} Request ID: {request_id} "


_FILTER_WORDS = "dynamic | static | incomplete | local | shortcut | remote | {interface:interface}"
_IN_VRF = f"{_FILTER_WORDS} | vrf ( default | {{vrf:word}} )"
_HELP: Final = {
    "nhrp": "Next Hop Resolution Protocol: the cache",
    "target": "An address, or a prefix and what lies in it",
    "vrf": "In one VRF: that of the packets inside; or its name",
    "default": "In the global table",
    "dynamic": "Learned",
    "static": "Configured",
    "incomplete": "Asked for and not answered",
    "local": "Sent to other stations by us",
    "self": "This router itself",
    "shortcut": "Prefixes with a direct way",
    "remote": "All but our own",
    "interface": "Of one tunnel",
    "detail": "With preferences and requesters",
    "brief": "Two lines an entry",
    "at": "As it was at an earlier moment",
    "when": "A time, perhaps with its date; or how long ago",
}

COMMANDS: Final = of_both(
    ExecCommand(f"show ip nhrp [ {{target:prefix}} ] [* {_IN_VRF} ]", _HELP, query=cache, render=render_cache),
    ExecCommand(f"show ip nhrp [ {{target:prefix}} ] [* {_IN_VRF} ] detail", _HELP, query=cache, render=render_detail),
    ExecCommand(f"show ip nhrp [ {{target:prefix}} ] [* {_IN_VRF} ] brief", _HELP, query=cache, render=render_brief),
    ExecCommand(
        f"show ip nhrp [ {{target:prefix}} ] [* {_FILTER_WORDS} ] at {{when:moment}}",
        _HELP,
        query=past_cache,
        render=answered(render_cache),
    ),
    ExecCommand(
        f"show ip nhrp [ {{target:prefix}} ] [* {_FILTER_WORDS} ] brief at {{when:moment}}",
        _HELP,
        query=past_cache,
        render=answered(render_brief),
    ),
    ExecCommand("show ip nhrp self [ {interface:interface} ]", _HELP, query=own_entries, render=render_cache),
    ExecCommand("show ip nhrp self [ {interface:interface} ] detail", _HELP, query=own_entries, render=render_detail),
)
