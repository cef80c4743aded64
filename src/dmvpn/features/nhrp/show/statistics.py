"""`show ip nhrp traffic`, `show ip nhrp summary` and `show nhrp stats`: counters.

The table of `show nhrp stats` is IOS's: orders of NHRP to the rest of the router, and events that it received, tunnel
by tunnel. Its rows about subjects that do not exist here (MPLS, BFD, BGP, service policies) are always zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from dmvpn.base.breath import breathing
from dmvpn.base.values import Value
from dmvpn.features.nhrp.cache import Entry, EntryType, RouteState
from dmvpn.features.nhrp.messages import PACKET_NAMES
from dmvpn.features.nhrp.packet import PacketType
from dmvpn.features.nhrp.show.entries import machine_of, of_both, tunnels_of
from dmvpn.features.nhrp.tunnel import Happening, Tunnel
from dmvpn.ios import Args, ExecCommand, ShowContext

#: The size of an entry according to IOS.
_ENTRY_OCTETS = 784


class TunnelTraffic(Value, kw_only=True):
    """Packets of one tunnel by the name of their type. refused: by the reason. limit: packets and seconds."""

    tunnel: str
    limit: tuple[int, int]
    usage: int
    sent: dict[str, int]
    received: dict[str, int]
    forwarded: dict[str, int]
    refused: dict[str, int]
    redirects_suppressed: int


class ShowTraffic(Value):
    """The answer to `show ip nhrp traffic`."""

    tunnels: tuple[TunnelTraffic, ...]


class Kinds(Value):
    """Numbers of entries by type."""

    static: int
    dynamic: int
    incomplete: int

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Kinds:
        """Count these entries."""
        types = [entry.type for entry in entries]
        return cls(*(types.count(kind) for kind in EntryType))


class ShowSummary(Value):
    """The answer to `show ip nhrp summary`. installed: routes of our own; overrides: of other protocols' next hops."""

    version: int
    all: Kinds
    remote: Kinds
    local: Kinds
    next_hops: int
    routes: int
    installed: int
    overrides: int
    temporary: int


def traffic(ctx: ShowContext, args: Args) -> ShowTraffic:
    """Return counters of all tunnels, or of one."""
    return ShowTraffic(
        tuple(
            TunnelTraffic(
                tunnel=tunnel.name,
                limit=tunnel.config.max_send,
                usage=tunnel.limit.usage(ctx.now),
                sent=_by_name(tunnel.counters.sent),
                received=_by_name(tunnel.counters.received),
                forwarded=_by_name(tunnel.counters.forwarded),
                refused={why.value: count for why, count in tunnel.counters.refused.items()},
                redirects_suppressed=tunnel.counters.redirects_suppressed,
            )
            for tunnel in tunnels_of(ctx, args)
        )
    )


def summary(ctx: ShowContext, args: Args) -> ShowSummary:
    """Return the cache in numbers."""
    entries = [entry for tunnel in tunnels_of(ctx, args) for entry in breathing(tunnel.cache.entries())]
    remote = [entry for entry in entries if not entry.is_local]
    installed = sum(entry.route is RouteState.INSTALLED for entry in breathing(remote))
    overrides = sum(entry.route is RouteState.OVERRIDE for entry in breathing(remote))
    next_hops = sum(entry.is_next_hop and entry.nbma is not None for entry in breathing(remote))
    return ShowSummary(
        version=args.version,
        all=Kinds.of(entries),
        remote=Kinds.of(remote),
        local=Kinds.of(entry for entry in breathing(entries) if entry.is_local),
        next_hops=next_hops,
        routes=sum(not entry.is_next_hop and entry.nbma is not None for entry in breathing(remote)),
        installed=installed,
        overrides=overrides,
        temporary=sum("TEMPORARY" in str(entry.flags) for entry in breathing(remote)),
    )


def _by_name(counters: Mapping[PacketType, int]) -> dict[str, int]:
    return {PACKET_NAMES[kind]: counters.get(kind, 0) for kind in PacketType}


# -------------------------------------------------------------------------------------------------------- renderers


def render_traffic(answer: ShowTraffic) -> Iterator[str]:
    """Yield the lines of `show ip nhrp traffic`."""
    for tunnel in answer.tunnels:
        yield _limit_line(tunnel)
        yield from _group("Sent", tunnel.sent, 0)
        yield from _group("Rcvd", tunnel.received, 0)


def render_traffic_detail(answer: ShowTraffic) -> Iterator[str]:
    """Yield the lines of `show ip nhrp traffic detail`: totals first, then forwarded and refused packets."""
    yield "Global statistics:"
    yield " Packet Queue size: 0[0](1)"
    yield from _group("Sent", _total(tunnel.sent for tunnel in answer.tunnels), 0)
    yield from _group("Rcvd", _total(tunnel.received for tunnel in answer.tunnels), 0)
    for tunnel in answer.tunnels:
        yield _limit_line(tunnel)
        yield from _group("Sent", tunnel.sent, tunnel.redirects_suppressed)
        yield from _group("Rcvd", tunnel.received, 0)
        yield from _group("Fwd", tunnel.forwarded, 0)
        for why, count in tunnel.refused.items():
            yield f"   Refused: {count} {why}"


def render_summary(answer: ShowSummary) -> Iterator[str]:
    """Yield the lines of `show ip nhrp summary`."""
    total = sum((answer.all.static, answer.all.dynamic, answer.all.incomplete))
    remote = sum((answer.remote.static, answer.remote.dynamic, answer.remote.incomplete))
    local = sum((answer.local.static, answer.local.dynamic, answer.local.incomplete))
    yield f"{'IPv6' if answer.version == 6 else 'IP'} NHRP cache {total} entries, {total * _ENTRY_OCTETS} bytes"
    yield _kinds(answer.all)
    yield f"{remote} Remote"
    yield _kinds(answer.remote)
    yield f"    {answer.next_hops} nhop     0 bfd"
    yield f"    0 default  {answer.temporary} temporary"
    yield f"    {answer.routes} route"
    yield f"        {answer.installed + answer.overrides} rib ({answer.installed} H    {answer.overrides} nho)"
    yield "        0 bgp"
    yield "    0 lfib"
    yield f"{local} Local"
    yield _kinds(answer.local)
    yield "    0 lfib"


def _limit_line(tunnel: TunnelTraffic) -> str:
    packets, seconds = tunnel.limit
    return f"{tunnel.tunnel}: Max-send limit:{packets}Pkts/{seconds}Sec, Usage:{tunnel.usage}%"


def _group(title: str, counts: Mapping[str, int], suppressed: int) -> Iterator[str]:
    numbers = [f"{counts.get(PACKET_NAMES[kind], 0)} {PACKET_NAMES[kind]}" for kind in PacketType]
    numbers.append(f"{suppressed} Redirect Suppress")
    yield f"   {title}: Total {sum(counts.values())}"
    for start in range(0, len(numbers), 3):
        yield "         " + "  ".join(numbers[start : start + 3])


def _total(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for name, count in part.items():
            total[name] = total.get(name, 0) + count
    return total


def _kinds(kinds: Kinds) -> str:
    return f"    {kinds.static} static   {kinds.dynamic} dynamic    {kinds.incomplete} incomplete"


# ------------------------------------------------------------------------------------------------ show nhrp stats


_H = Happening
_PACKETS: Final = "[R]Packets received"

#: Groups and their rows. `None` begins the rows that only `detail` shows.
_GROUPS: Final[tuple[tuple[str, tuple[Happening | str | None, ...]], ...]] = (
    (
        "Interface State Event",
        (_H.UP, _H.DOWN, "[R]Deleted", None, "[R]Admin Down", _H.ADDRESS_CHANGED, "[R]VRF Changed", _PACKETS),
    ),
    ("Tunnel", (_H.END_POINT_ADDED, _H.END_POINT_DELETED)),
    (
        "Tunnel Protection",
        (
            *("[S]Create TP socket", "[S]Del TP socket", "[S]Create VA", "[S]Del VA"),
            *("[R]UP", "[R]Down", "[S]Reset Socket"),
        ),
    ),
    ("Tunnel QoS", ("[S]QoS APPLY", "[S]QoS Remove")),
    (
        "RIB Events",
        (
            *(_H.ROUTE_ADDED, _H.ROUTE_DELETED, _H.OVERRIDE_ADDED, _H.OVERRIDE_DELETED),
            *("[S]Rwatch w/o route", "[R]Route Evicted"),
        ),
    ),
    ("MPLS", ("[S]Label Alloc", "[S]Label Release", "[S]MPLS IP Key Bind", "[S]MPLS VPN Key Bind")),
    ("BFD", ("[S]Client Create", "[S]Client Destroy", "[R]Session Down", "[R]Session Up")),
    ("BGP", ("[S]Route Export", "[S]Route Withdrawal", "[S]Route Import", "[R]Imported Route Changed")),
)


class HappeningLine(Value):
    """One number. failed: how many of them the host refused."""

    name: str
    count: int
    failed: int


class HappeningGroup(Value):
    """Lines under one heading."""

    title: str
    lines: tuple[HappeningLine, ...]


class TunnelHappenings(Value):
    """What happened on one tunnel."""

    tunnel: str
    groups: tuple[HappeningGroup, ...]


class ShowHappenings(Value):
    """The answer to `show nhrp stats`. alone: the command named one tunnel."""

    tunnels: tuple[TunnelHappenings, ...]
    alone: bool


def happenings(ctx: ShowContext, args: Args) -> ShowHappenings:
    """Return the counters of all tunnels, or of one; for both IP versions together."""
    wanted = args.interface("interface", None)
    by_name: dict[str, list[Tunnel]] = {}
    for tunnel in machine_of(ctx).tunnels:
        if wanted in (None, tunnel.name):
            by_name.setdefault(tunnel.name, []).append(tunnel)
    tunnels = (TunnelHappenings(name, _groups(of_it, "detail" in args)) for name, of_it in by_name.items())
    return ShowHappenings(tuple(tunnels), wanted is not None)


def _groups(tunnels: list[Tunnel], in_detail: bool) -> tuple[HappeningGroup, ...]:
    groups = []
    for title, rows in _GROUPS:
        shown = [row for row in rows if row is not None] if in_detail or None not in rows else rows[: rows.index(None)]
        groups.append(HappeningGroup(title, tuple(_line(row, tunnels) for row in shown if row is not None)))
    return tuple(groups)


def _line(row: Happening | str, tunnels: list[Tunnel]) -> HappeningLine:
    counters = [tunnel.counters for tunnel in tunnels]
    if isinstance(row, Happening):
        done, failed = (sum(c.happened.get(row, 0) for c in counters), sum(c.failed.get(row, 0) for c in counters))
        return HappeningLine(row.value, done, failed)
    return HappeningLine(row, sum(c.heard for c in counters) if row == _PACKETS else 0, 0)


def render_happenings(answer: ShowHappenings) -> Iterator[str]:
    """Yield the lines of `show nhrp stats`."""
    yield "Codes: T - Transport, O - Overlay, EP - End Point"
    yield "       TP - Tunnel Protection, VA - Virtual Access"
    yield "       [S] - Sent from NHRP, [R] - Received by NHRP"
    yield "       [number] - Error associated with an event"
    for tunnel in answer.tunnels:
        if not answer.alone:
            yield tunnel.tunnel
        yield ""
        for group in tunnel.groups:
            yield f" {group.title} Stats:"
            cells = [f"{line.name:<30}: {f'{line.count}[{line.failed}]':<8}" for line in group.lines]
            for start in range(0, len(cells), 2):
                yield (8 * " " + "".join(cells[start : start + 2])).rstrip()
            yield ""


_STATISTICS_HELP: Final = {
    "nhrp": "Next Hop Resolution Protocol",
    "stats": "Its orders and events",
    "interface": "Of one tunnel",
    "detail": "With more of it",
}


_STATISTICS: Final = tuple(
    ExecCommand(
        f"{words} stats [ {{interface:interface}} ] [ detail ]",
        _STATISTICS_HELP,
        query=happenings,
        render=render_happenings,
    )
    for words in ("show nhrp", "show ip nhrp")
)

_HELP: Final = {
    "traffic": "Packets by type",
    "interface": "Of one tunnel",
    "detail": "With forwarded and refused ones",
    "summary": "The cache in numbers",
}
_OF_BOTH: Final = of_both(
    ExecCommand(
        "show ip nhrp traffic [ interface {interface:interface} ]", _HELP, query=traffic, render=render_traffic
    ),
    ExecCommand(
        "show ip nhrp traffic [ interface {interface:interface} ] detail",
        _HELP,
        query=traffic,
        render=render_traffic_detail,
    ),
    ExecCommand("show ip nhrp summary", _HELP, query=summary, render=render_summary),
)
COMMANDS: Final = (*_OF_BOTH, *_STATISTICS)
