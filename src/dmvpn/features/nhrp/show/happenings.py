"""`show nhrp stats`: what NHRP ordered of the rest of the router, and what it was told, tunnel by tunnel.

The table is IOS's. Its rows about subjects that do not exist here (MPLS, BFD, BGP, service policies) are always zero.

The orders that begin again are here, too: `clear ip nhrp`, `clear dmvpn session` and `clear dmvpn statistics`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.nhrp.model import ClearCache, ClearCounters, ClearSessions, ClearStatistics
from dmvpn.features.nhrp.show.entries import of_both, version_of
from dmvpn.features.nhrp.tunnel import Happening
from dmvpn.ios import Args, Change, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.nhrp.tunnel import Tunnel

_H = Happening
_PACKETS: Final = "[R]Packets received"

#: Groups and their rows. `None` begins what only `detail` shows.
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


@dataclass(frozen=True, slots=True)
class HappeningLine:
    """One number. failed: how many of them the host refused."""

    name: str
    count: int
    failed: int


@dataclass(frozen=True, slots=True)
class HappeningGroup:
    """Lines under one heading."""

    title: str
    lines: tuple[HappeningLine, ...]


@dataclass(frozen=True, slots=True)
class TunnelHappenings:
    """What happened on one tunnel."""

    tunnel: str
    groups: tuple[HappeningGroup, ...]


@dataclass(frozen=True, slots=True)
class ShowHappenings:
    """The answer to `show nhrp stats`. alone: one tunnel was asked for."""

    tunnels: tuple[TunnelHappenings, ...]
    alone: bool


def happenings(ctx: ShowContext, args: Args) -> ShowHappenings:
    """Return all tunnels, or one; of both IP versions together."""
    wanted = args.interface("interface", None)
    by_name: dict[str, list[Tunnel]] = {}
    for tunnel in ctx.machine(NhrpMachine).tunnels:
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


_HELP: Final = {
    "nhrp": "Next Hop Resolution Protocol",
    "stats": "What it ordered and was told",
    "interface": "Of one tunnel",
    "detail": "With more of it",
}


def clear_cache(_: ShowContext, args: Args) -> ClearCache:
    """Forget entries (`clear ip nhrp [A.B.C.D [MASK]]`)."""
    prefix: Prefix | None = args.prefix("target", None)
    return ClearCache(prefix, version_of(args))


def clear_counters(_: ShowContext, args: Args) -> ClearCounters:
    """Clear the counters (`clear ip nhrp [A.B.C.D] counters [interface X]`)."""
    server = args.any_address("server", None)
    return ClearCounters(version_of(args), args.interface("interface", None), server)


def clear_statistics(_: ShowContext, args: Args) -> ClearStatistics:
    """Clear the statistics (`clear ip nhrp stats [X]`)."""
    return ClearStatistics(args.interface("interface", None))


def clear_sessions(_: ShowContext, args: Args) -> ClearSessions:
    """Clear the sessions (`clear dmvpn session`)."""
    return ClearSessions(
        interface=args.interface("interface", None),
        nbma=args.address("nbma", None),
        tunnel=args.any_address("tunnel", None),
        static="static" in args,
    )


def clear_numbers(ctx: ShowContext, args: Args) -> Change:
    """Clear the numbers (`clear dmvpn statistics [interface X] [peer]`): with a peer, what was counted of that
    server.
    """
    interface, nbma = args.interface("interface", None), args.address("nbma", None)
    peer = args.any_address("tunnel", None)
    if nbma is None and peer is None:
        both = tuple(ClearCounters(version, interface) for version in (4, 6))
        return Change(events=(*both, ClearStatistics(interface)))
    servers = [
        (tunnel, client.nhs)
        for tunnel in ctx.machine(NhrpMachine).tunnels
        for client in tunnel.clients.values()
        if interface in (None, tunnel.name) and (client.nhs == peer if nbma is None else client.nbma == nbma)
    ]
    return Change(events=tuple(ClearCounters(nhs.version, tunnel.name, nhs) for tunnel, nhs in servers))


_CLEAR_HELP: Final = {
    "nhrp": "Next Hop Resolution Protocol: the cache",
    "target": "An address, or a prefix and what lies in it",
    "server": "A next hop server: its numbers alone",
    "counters": "The numbers of packets, in all and server by server",
    "stats": "The numbers of `show nhrp stats`",
    "dmvpn": "DMVPN",
    "statistics": "The numbers of `show ip nhrp traffic`, `nhs detail` and `show nhrp stats`",
    "session": "Peers: forget them and begin again",
    "interface": "Of one tunnel",
    "peer": "One peer",
    "nbma": "By its NBMA address",
    "tunnel": "By its tunnel address",
    "static": "Next hop servers too",
}
_ORDERS: Final = (
    *of_both(
        ExecCommand("clear ip nhrp [ {target:prefix} ]", _CLEAR_HELP, action=clear_cache, privilege=15),
        ExecCommand(
            "clear ip nhrp [ {server:address} ] counters [ interface {interface:interface} ]",
            _CLEAR_HELP,
            action=clear_counters,
            privilege=15,
        ),
        ExecCommand(
            "clear ip nhrp stats [ {interface:interface} ]", _CLEAR_HELP, action=clear_statistics, privilege=15
        ),
    ),
    ExecCommand(
        "clear dmvpn session [* interface {interface:interface} | "
        "peer ( nbma {nbma:address} | tunnel ( {tunnel:address} | {tunnel:address6} ) ) | static ]",
        _CLEAR_HELP,
        action=clear_sessions,
        privilege=15,
    ),
    ExecCommand(
        "clear dmvpn statistics [* interface {interface:interface} | "
        "peer ( nbma {nbma:address} | tunnel ( {tunnel:address} | {tunnel:address6} ) ) ]",
        _CLEAR_HELP,
        action=clear_numbers,
        privilege=15,
    ),
)
_STATISTICS: Final = tuple(
    ExecCommand(
        f"{words} stats [ {{interface:interface}} ] [ detail ]", _HELP, query=happenings, render=render_happenings
    )
    for words in ("show nhrp", "show ip nhrp")
)
COMMANDS: Final = (*_STATISTICS, *_ORDERS)
