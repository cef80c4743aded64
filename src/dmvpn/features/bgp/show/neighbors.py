"""`show ip bgp neighbors [A.B.C.D [advertised-routes | received-routes | routes]]`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.bgp.nlri import in_order, number_of, prefix_of
from dmvpn.features.bgp.paths import Path, PathOrigin
from dmvpn.features.bgp.show.common import NOT_ACTIVE, active, spelled
from dmvpn.features.bgp.show.table import EMPTY, PathLine, ShowTable, path_line, render_table, status, table_of
from dmvpn.features.bgp.show.wording import in_words
from dmvpn.features.bgp.teller import advertised, queued
from dmvpn.ios import Args, ShowContext, age

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.bgp.attributes import Attributes
    from dmvpn.features.bgp.machine import BgpMachine
    from dmvpn.features.bgp.nlri import Nlri
    from dmvpn.features.bgp.peer import Peer
    from dmvpn.features.bgp.restart import Restart


@dataclass(frozen=True, slots=True)
class MessageLine:
    """How often a kind of message was sent and received."""

    kind: str
    sent: int
    received: int


@dataclass(frozen=True, slots=True)
class NeighborDetail:
    """Everything about a neighbor.

    since: how long it has been in its state.
    best, multiple: how many of its paths are the best ones, and in use beside a better one.
    reason: why there is no session.
    local, local_port, foreign_port: the ends of the connection, "" and 0: there is none.
    hops: that it may be away, 0: it is internal.
    lines: what holds for its routes, in words.
    update_group: 0: it is in none.
    has_way: there is a route to it.
    helped: its routes are kept if it restarts. restart_time, restart_families: as it says in its OPEN, None: nothing.
    send_hold_time: seconds for which it may take nothing of what is sent; stuck: that are left of them, None: it takes.
    stale: prefixes that it has not told again, of which the routes are kept for `awaited` more seconds, None: it does
    not restart.
    """

    address: str
    autonomous_system: int
    local_as: int
    internal: bool
    confederate: bool
    description: str
    group: str
    dynamic: bool
    identifier: str
    state: str
    since: str
    hold_time: int
    keepalive: int
    send_hold_time: int
    stuck: int | None
    last_read: str
    last_write: str
    capabilities: tuple[str, ...]
    messages: tuple[MessageLine, ...]
    sent: int
    received: int
    best: int
    multiple: int
    denied: int
    interval: int
    established: int
    dropped: int
    last_reset: str
    reason: str
    local: str
    local_port: int
    foreign_port: int
    minimum_ttl: int
    ttl: int
    hops: int
    version: int
    update_group: int
    lines: tuple[str, ...]
    queued: int
    has_way: bool
    helped: bool
    own_restart_time: int
    stale_time: int
    restart_time: int | None
    restart_families: str
    stale: int
    awaited: int | None


@dataclass(frozen=True, slots=True)
class ShowNeighbors:
    """The answer. is_active: BGP is configured. asked: the neighbor that was asked for and is not there."""

    is_active: bool = True
    asked: str = ""
    neighbors: tuple[NeighborDetail, ...] = ()


@dataclass(frozen=True, slots=True)
class ShowRoutes:
    """Routes of one neighbor. unkept: the neighbor of which nobody wants to know what filters refuse."""

    is_active: bool = True
    asked: str = ""
    unkept: str = ""
    table: ShowTable = EMPTY


def query_neighbors(ctx: ShowContext, args: Args) -> ShowNeighbors:
    """Return all neighbors, or one."""
    machine = active(ctx)
    if machine is None:
        return ShowNeighbors(is_active=False)
    address = args.address("address", None)
    peers = [peer for _, peer in sorted(machine.peers.items()) if address in (None, peer.address)]
    if address is not None and not peers:
        return ShowNeighbors(asked=str(address))
    best, multiple = _used(machine)
    return ShowNeighbors(
        neighbors=tuple(_detail(ctx, machine, peer, (best[peer.address], multiple[peer.address])) for peer in peers)
    )


def _used(machine: BgpMachine) -> tuple[Counter[IPv4Address], Counter[IPv4Address]]:
    """Return how many best paths there are of each neighbor, and how many in use beside a better one."""
    best: Counter[IPv4Address] = Counter()
    multiple: Counter[IPv4Address] = Counter()
    for found in machine.routes.table.destinations.values():
        if found.best:
            best[found.best[0].peer] += 1
            multiple.update(path.peer for path in found.best[1:])
    return best, multiple


def query_routes(ctx: ShowContext, args: Args) -> ShowRoutes:
    """Return what a neighbor told, or was told."""
    machine = active(ctx)
    if machine is None:
        return ShowRoutes(is_active=False)
    address = args.address("address")
    peer = machine.peers.get(address)
    if peer is None:
        return ShowRoutes(asked=str(address))
    if "routes" in args:
        lines = [
            path_line(prefix_of(nlri), path, status(machine, prefix_of(nlri), path))
            for nlri in sorted(peer.received, key=in_order)
            if (path := _taken(machine, peer, nlri)) is not None
        ]
        return ShowRoutes(table=table_of(machine, lines))
    if "received-routes" in args and not peer.settings.lines.soft_reconfiguration:
        return ShowRoutes(unkept=str(address))
    told = dict(advertised(peer)) if "advertised-routes" in args else peer.received
    mark = ">" if "advertised-routes" in args else " "
    names = sorted(told, key=in_order)
    return ShowRoutes(table=table_of(machine, [_route(peer, prefix_of(one), told[one], mark) for one in names]))


def _taken(machine: BgpMachine, peer: Peer, nlri: Nlri) -> Path | None:
    """Return the path that was made of what a neighbor told."""
    source = PathOrigin.PEER, peer.address, number_of(nlri)
    return machine.routes.table.known(prefix_of(nlri), source)


def render_neighbors(answer: ShowNeighbors) -> Iterator[str]:
    """Yield a block for each."""
    if not answer.is_active:
        yield NOT_ACTIVE
    elif answer.asked:
        yield f"% No such neighbor {answer.asked}"
    for one in answer.neighbors:
        yield from _block(one)


def render_routes(answer: ShowRoutes) -> Iterator[str]:
    """Yield a line for each."""
    if not answer.is_active:
        yield NOT_ACTIVE
        return
    if answer.asked:
        yield f"% No such neighbor {answer.asked}"
        return
    if answer.unkept:
        yield f"% Inbound soft reconfiguration not enabled on {answer.unkept}"
        return
    yield from render_table(answer.table)
    yield ""
    yield f"Total number of prefixes {len(answer.table.paths)} "


def _block(one: NeighborDetail) -> Iterator[str]:
    kind = "internal" if one.internal else "external"
    star = "*" if one.dynamic else ""
    yield f"BGP neighbor is {star}{one.address},  remote AS {one.autonomous_system}, {kind} link"
    if one.confederate:
        yield "  Neighbor under common administration"
    if one.description:
        yield f" Description: {one.description}"
    if one.group:
        yield f" Member of peer-group {one.group} for session parameters"
    yield f"  BGP version 4, remote router ID {one.identifier}"
    what = f", up for {one.since}" if one.state == "Established" else ""
    yield f"  BGP state = {one.state}{what}"
    if one.state == "Established":
        yield (
            f"  Last read {one.last_read}, last write {one.last_write}, hold time is {one.hold_time}, "
            f"keepalive interval is {one.keepalive} seconds"
        )
        left = f", {one.stuck} left: it takes nothing" if one.stuck is not None else ""
        yield f"  Send hold time is {one.send_hold_time} seconds{left}"
        yield "  Neighbor sessions:"
        yield "    1 active, is not multisession capable (disabled)"
        yield "  Neighbor capabilities:"
        yield from (f"    {name}: advertised and received" for name in one.capabilities)
        if one.restart_time is not None:
            yield "    Graceful Restart Capability: advertised and received"
            yield f"      Remote Restart timer is {one.restart_time} seconds"
            yield "      Address families advertised by peer:"
            yield f"        {one.restart_families or 'none'}"
    elif one.reason:
        yield f"  No session: {one.reason}"
    yield "  Message statistics:"
    yield "    InQ depth is 0"
    yield f"    OutQ depth is {one.queued}"
    yield "    "
    yield "                         Sent       Rcvd"
    for line in one.messages:
        yield f"    {line.kind + ':':<15}{line.sent:>10}{line.received:>11}"
    yield f"    {'Total:':<15}{sum(m.sent for m in one.messages):>10}{sum(m.received for m in one.messages):>11}"
    yield f"  Default minimum time between advertisement runs is {one.interval} seconds"
    yield ""
    yield " For address family: IPv4 Unicast"
    if one.state == "Established":
        yield f"  Session: {one.address}"
    yield f"  BGP table version {one.version}, neighbor version {one.version}/0"
    yield f"  Output queue size : {one.queued}"
    if one.update_group:
        yield f"  Index {one.update_group}, Advertise bit 0"
        yield f"  {one.update_group} update-group member"
    if one.group:
        yield f"  {one.group} peer-group member"
    yield from (f"  {line}" for line in one.lines)
    yield "                                 Sent       Rcvd"
    yield "  Prefix activity:               ----       ----"
    yield f"    Prefixes Current:      {one.sent:>10}{one.received:>11} (Consumes {one.received * 136} bytes)"
    yield f"    Used as bestpath:      {'n/a':>10}{one.best:>11}"
    yield f"    Used as multipath:     {'n/a':>10}{one.multiple:>11}"
    yield ""
    yield "                                   Outbound    Inbound"
    yield "  Local Policy Denied Prefixes:    --------    -------"
    yield f"    Total:                         {0:>8}{one.denied:>11}"
    yield ""
    yield f"  Address tracking is enabled, the RIB does{'' if one.has_way else ' not'} have a route to {one.address}"
    yield f"  Connections established {one.established}; dropped {one.dropped}"
    yield f"  Last reset {one.last_reset or 'never'}"
    if one.hops > 1:
        yield f"  External BGP neighbor may be up to {one.hops} hops away."
    yield from _restarts(one)
    if one.local:
        yield "Connection state is ESTAB, I/O status: 1, unread input bytes: 0"
        yield f"Connection is ECN Disabled, Mininum incoming TTL {one.minimum_ttl}, Outgoing TTL {one.ttl}"
        yield f"Local host: {one.local}, Local port: {one.local_port}"
        yield f"Foreign host: {one.address}, Foreign port: {one.foreign_port}"
    yield ""


def _restarts(one: NeighborDetail) -> Iterator[str]:
    """Yield what becomes of its routes if it restarts."""
    if not one.helped:
        yield "  Graceful-Restart is disabled"
        return
    yield (
        f"  Graceful-Restart is enabled, restart-time {one.own_restart_time} seconds, "
        f"stalepath-time {one.stale_time} seconds"
    )
    if one.awaited is not None:
        yield f"  Stale routes: {one.stale}, removed in {one.awaited} seconds"


def _detail(ctx: ShowContext, machine: BgpMachine, peer: Peer, used: tuple[int, int]) -> NeighborDetail:
    session, lines, counts = peer.session, peer.settings.lines, peer.counts
    up = session.up if session is not None else None
    heard = session.heard if session is not None else None
    restart = session.restart if session is not None else None
    deadline = machine.restarts.deadline(peer.address)
    capabilities = ["Route refresh"] if session is not None and session.refreshes else []
    if session is not None and session.wide:
        capabilities.append("Four-octets ASN Capability")
    if session is not None and session.marks_refreshes:
        capabilities.append("Enhanced Refresh Capability")
    if session is not None and session.additional.sends:
        capabilities.append("Additional paths Send")
    if session is not None and session.additional.receives:
        capabilities.append("Additional paths Receive")
    if session is not None:
        capabilities.append("Address family IPv4 Unicast")
    kinds = {
        "Opens": counts.opens,
        "Notifications": counts.notifications,
        "Updates": counts.updates,
        "Keepalives": counts.keepalives,
        "Route Refresh": counts.refreshes,
    }
    return NeighborDetail(
        address=str(peer.address),
        autonomous_system=peer.settings.remote_as,
        local_as=peer.settings.local_as,
        internal=peer.settings.internal,
        confederate=peer.settings.confederate,
        description=lines.description,
        group=lines.group,
        dynamic=peer.dynamic,
        identifier=str(heard.identifier) if heard is not None else "0.0.0.0",  # noqa: S104
        state=peer.state,
        since="never" if peer.changed is None else age(ctx.now - peer.changed),
        hold_time=session.hold_time if session is not None else peer.settings.hold_time,
        keepalive=session.keepalive if session is not None else peer.settings.keepalive,
        send_hold_time=round(session.send_hold_time) if session is not None else 0,
        stuck=_left(session.timers.when("send hold"), ctx.now) if session is not None else None,
        last_read=age(ctx.now - session.last_read) if session is not None else "never",
        last_write=age(ctx.now - session.last_write) if session is not None else "never",
        capabilities=tuple(capabilities),
        messages=tuple(MessageLine(kind, sent, received) for kind, (sent, received) in kinds.items()),
        sent=peer.group.count(peer.address) if peer.group is not None else 0,
        received=peer.accepted,
        best=used[0],
        multiple=used[1],
        denied=peer.denied,
        interval=round(peer.settings.advertisement_interval),
        established=peer.established,
        dropped=peer.dropped,
        last_reset=f"{age(ctx.now - (peer.changed or 0))}, due to {peer.last_reset}" if peer.last_reset else "",
        reason=str(peer.reason or ""),
        local=str(up.local) if up is not None else "",
        local_port=up.local_port if up is not None else 0,
        foreign_port=up.remote_port if up is not None else 0,
        minimum_ttl=peer.settings.minimum_ttl,
        ttl=peer.settings.ttl,
        hops=0 if peer.settings.internal else lines.security_hops or peer.settings.ttl,
        version=machine.routes.table.version if session is not None else 1,
        update_group=peer.group.number if peer.group is not None else 0,
        lines=tuple(in_words(lines)),
        queued=queued(peer),
        has_way=ctx.ports.rib.lookup_without_nhrp(peer.address) is not None,
        helped=peer.settings.helps,
        own_restart_time=machine.config.restart_time,
        stale_time=machine.config.stale_time,
        restart_time=restart.seconds if restart is not None else None,
        restart_families=_families(restart),
        stale=len(peer.stale),
        awaited=_left(deadline, ctx.now),
    )


def _left(deadline: float | None, now: float) -> int | None:
    return max(0, round(deadline - now)) if deadline is not None else None


def _families(restart: Restart | None) -> str:
    if restart is None or not restart.keeps:
        return ""
    return f"IPv4 Unicast{' (was preserved)' if restart.kept else ''}"


def _route(peer: Peer, prefix: Prefix, attributes: Attributes, mark: str) -> PathLine:
    internal = peer.settings.internal
    path = Path(origin=PathOrigin.PEER, attributes=attributes, peer=peer.address, internal=internal)
    return path_line(prefix, path, f"*{mark}{'i' if internal else ' '}")


COMMANDS: Final = (
    *spelled("neighbors [ {address:address} ]", {}, query_neighbors, render_neighbors),
    *spelled(
        "neighbors {address:address} ( advertised-routes | received-routes | routes )",
        {
            "advertised-routes": "What it was told",
            "received-routes": "What it told, before filters",
            "routes": "What it told, and was taken",
        },
        query_routes,
        render_routes,
    ),
)
