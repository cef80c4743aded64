"""`show ip bgp summary` and `show ip bgp neighbors [A.B.C.D [advertised-routes | received-routes | routes]]`.

`show bgp all summary` adds a header with the address family.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import IPAddress, Prefix, spelled
from dmvpn.base.errors import surely
from dmvpn.base.rows import Source, table
from dmvpn.base.values import Value, project
from dmvpn.features.bgp.families import FAMILIES
from dmvpn.features.bgp.packet import Nlri, in_order, number_of, prefix_of
from dmvpn.features.bgp.paths import Path, PathOrigin, peer_source
from dmvpn.features.bgp.show.common import NOT_ACTIVE, active, by_version, spellings
from dmvpn.features.bgp.show.settings import in_words
from dmvpn.features.bgp.show.table import EMPTY, PathLine, ShowTable, path_line, render_table, status, table_of
from dmvpn.ios import Args, ShowContext, age

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.bgp.attributes import Attributes
    from dmvpn.features.bgp.neighbor import Peer
    from dmvpn.features.bgp.session import Session
    from dmvpn.features.bgp.tables import Table

#: Octets that IOS counts for a network, a path and a set of attributes.
_NETWORK: Final = 248
_PATH: Final = 136
_ATTRIBUTES: Final = 288
#: Columns of an address.
_ADDRESS: Final = 15
_peer: Final[Source[Peer, tuple[int, float]]] = Source()


def _state_of(peer: Peer) -> str:
    if peer.session is not None:
        return str(peer.accepted)
    return "NoNeg" if peer.neighbor.session is not None else peer.neighbor.state


class NeighborEntry(Value, kw_only=True):
    """A neighbor. state: its state, or the number of prefixes received from it."""

    neighbor: str = _peer.column(
        "Neighbor        V", "{:<15} 4", of=_peer(lambda it: ("*" if it.neighbor.dynamic else "") + spelled(it.address))
    )
    autonomous_system: int = _peer.column("           AS", "{:>13}", of=_peer(lambda it: it.settings.remote_as))
    received: int = _peer.column(
        " MsgRcvd",
        " {:>7}",
        "MsgRcvd :: Messages received from the neighbor.",
        _peer(lambda it: it.neighbor.counts.total(received=True)),
    )
    sent: int = _peer.column(
        " MsgSent",
        " {:>7}",
        "MsgSent :: Messages sent to the neighbor.",
        _peer(lambda it: it.neighbor.counts.total(received=False)),
    )
    version: int = _peer.column(
        "   TblVer",
        " {:>8}",
        "TblVer :: The table version last sent to the neighbor.",
        _peer.at(lambda it, beside: beside[0] if it.session is not None else 1),
    )
    queued: int = _peer.column(
        "  InQ OutQ",
        "    0 {:>4}",
        "InQ | OutQ | InQ depth | OutQ depth :: Messages that wait; received messages never wait here.",
        _peer(lambda it: it.queued),
    )
    up_down: str = _peer.column(
        " Up/Down ",
        " {:>8}",
        "Up/Down | Up | Down :: How long the neighbor has been in this state.",
        _peer.at(lambda it, beside: "never" if it.neighbor.changed is None else age(beside[1] - it.neighbor.changed)),
    )
    state: str = _peer.column(
        " State/PfxRcd",
        " {:>8}",
        "State/PfxRcd | PfxRcd | NoNeg :: The state of a neighbor, or how many prefixes came from it; NoNeg: its "
        "session does not carry this address family.",
        _peer(_state_of),
    )


class ShowSummary(Value):
    """The answer; router_id "": BGP is not configured. dynamic, limit: dynamic neighbors, at most."""

    router_id: str = ""
    local_as: int = 0
    version: int = 1
    networks: int = 0
    paths: int = 0
    best: int = 0
    attributes: int = 0
    neighbors: tuple[NeighborEntry, ...] = ()
    dynamic: int = 0
    limit: int = 0
    ranges: tuple[tuple[str, str], ...] = ()


def query_summary(ctx: ShowContext, args: Args) -> ShowSummary:
    """Return the counts, and a line for each neighbor."""
    machine = active(ctx, args)
    if machine is None:
        return ShowSummary()
    destinations = machine.routes.table.destinations.values()
    paths = [path for found in destinations for path in found.paths.values()]
    peers = [peer for _, peer in sorted(machine.peers.items(), key=lambda one: by_version(one[0]))]
    return ShowSummary(
        str(machine.router_id or "0.0.0.0"),  # noqa: S104
        machine.config.local_as,
        machine.routes.table.version,
        len(destinations),
        len(paths),
        sum(bool(found.best) for found in destinations),
        len({path.attributes for path in paths}),
        tuple(_peer.row(NeighborEntry, peer, (machine.routes.table.version, ctx.now)) for peer in peers),
        sum(peer.neighbor.dynamic for peer in peers),
        machine.config.listen_limit,
        tuple((one.group, spelled(one.prefix)) for one in machine.config.listen_ranges),
    )


def render_summary(answer: ShowSummary) -> Iterator[str]:
    """Yield the lines in the format of IOS."""
    if not answer.router_id:
        yield NOT_ACTIVE
        return
    sizes = answer.networks * _NETWORK, answer.paths * _PATH, answer.attributes * _ATTRIBUTES
    yield f"BGP router identifier {answer.router_id}, local AS number {answer.local_as}"
    yield f"BGP table version is {answer.version}, main routing table version {answer.version}"
    if answer.networks:
        yield f"{answer.networks} network entries using {sizes[0]} bytes of memory"
        yield f"{answer.paths} path entries using {sizes[1]} bytes of memory"
        counts = f"{answer.attributes}/{answer.attributes}"
        yield f"{counts} BGP path/bestpath attribute entries using {sizes[2]} bytes of memory"
        yield "0 BGP route-map cache entries using 0 bytes of memory"
        yield "0 BGP filter-list cache entries using 0 bytes of memory"
        yield f"BGP using {sum(sizes)} total bytes of memory"
        yield f"BGP activity {answer.networks}/0 prefixes, {answer.paths}/0 paths, scan interval 60 secs"
    if answer.neighbors:
        yield ""
        # Yield the lines of a summary: an address that is longer than its column has a line of its own, as on IOS.
        lines = table(NeighborEntry, answer.neighbors)
        for line in lines:
            address = line.split(" ", 1)[0]
            if len(address) > _ADDRESS:
                yield address
            yield " " * _ADDRESS + line[len(address) :] if len(address) > _ADDRESS else line
    if answer.ranges:
        yield "* Dynamically created based on a listen range command"
        yield f"Dynamically created neighbors: {answer.dynamic}, Subnet ranges: {len(answer.ranges)}"
        yield ""
        for group, prefix in answer.ranges:
            yield f"BGP peergroup {group} listen range group members: "
            yield f"  {prefix} "
        yield ""
        total = f"Total dynamically created neighbors: {answer.dynamic}/({answer.limit} max)"
        yield f"{total}, Subnet ranges: {len(answer.ranges)}"


def render_summaries(answers: tuple[ShowSummary, ...]) -> Iterator[str]:
    """Yield one summary of all VRFs: their counts together, and the neighbors of each."""
    if answers:
        yield from render_summary(
            replace(
                answers[0],
                version=max(one.version for one in answers),
                networks=sum(one.networks for one in answers),
                paths=sum(one.paths for one in answers),
                best=sum(one.best for one in answers),
                attributes=sum(one.attributes for one in answers),
                neighbors=tuple(neighbor for one in answers for neighbor in one.neighbors),
            )
        )


class MessageLine(Value):
    """How many messages of a type were sent and received."""

    kind: str
    sent: int
    received: int


class NeighborDetail(Value, kw_only=True):
    """All details of a neighbor.

    since: time in its state.
    best, multiple: how many of its paths are best paths, and how many are used beside a better one (multipath).
    reason: why there is no session.
    local, local_port, foreign_port: the ends of the connection; "" and 0: there is none.
    hops: the maximum hop count to it; 0: it is internal.
    lines: settings for its routes, in words.
    update_group: 0: it is in none.
    has_way: there is a route to it.
    helped: its routes are kept if it restarts. restart_time, restart_families: from its OPEN; None: capability not
    sent.
    send_hold_time: seconds for which it may read nothing; stuck: seconds left of them; None: it reads.
    stale: prefixes that it has not sent again, whose routes are kept for `awaited` more seconds; None: it does not
    restart.
    """

    address: str
    family: str
    autonomous_system: int
    local_as: int
    internal: bool
    confederate: bool
    description: str
    group: str
    dynamic: bool
    identifier: str = "0.0.0.0"  # noqa: S104
    state: str
    since: str
    hold_time: int
    keepalive: int
    send_hold_time: int = 0
    stuck: int | None = None
    last_read: str = "never"
    last_write: str = "never"
    capabilities: tuple[str, ...] = ()
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
    local: str = ""
    local_port: int = 0
    foreign_port: int = 0
    minimum_ttl: int
    ttl: int
    hops: int
    version: int = 1
    update_group: int
    lines: tuple[str, ...]
    queued: int
    has_way: bool
    helped: bool
    own_restart_time: int
    stale_time: int
    restart_time: int | None = None
    restart_families: str = ""
    stale: int
    awaited: int | None


def _head(one: NeighborDetail) -> Iterator[str]:
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
        yield from _session(one)
    elif one.reason:
        yield f"  No session: {one.reason}"


def _session(one: NeighborDetail) -> Iterator[str]:
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


def _messages(one: NeighborDetail) -> Iterator[str]:
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


def _family(one: NeighborDetail) -> Iterator[str]:
    yield f" For address family: {one.family}"
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


def _restarts(one: NeighborDetail) -> Iterator[str]:
    """Yield the lines about graceful restart."""
    if not one.helped:
        yield "  Graceful-Restart is disabled"
        return
    yield (
        f"  Graceful-Restart is enabled, restart-time {one.own_restart_time} seconds, "
        f"stalepath-time {one.stale_time} seconds"
    )
    if one.awaited is not None:
        yield f"  Stale routes: {one.stale}, removed in {one.awaited} seconds"


def neighbor_detail(ctx: ShowContext, machine: Table, peer: Peer, used: tuple[int, int]) -> NeighborDetail:
    """Return all details of a neighbor. used: how many of its paths are best paths, and used beside a better one."""
    lines, settings = peer.settings.lines, peer.settings
    kinds = {
        "Opens": peer.neighbor.counts.opens,
        "Notifications": peer.neighbor.counts.notifications,
        "Updates": peer.neighbor.counts.updates,
        "Keepalives": peer.neighbor.counts.keepalives,
        "Route Refresh": peer.neighbor.counts.refreshes,
    }
    detail = project(
        NeighborDetail,
        settings,
        address=spelled(peer.address),
        family=machine.family.title,
        autonomous_system=settings.remote_as,
        description=lines.description,
        group=lines.group,
        dynamic=peer.neighbor.dynamic,
        state=peer.neighbor.state,
        since="never" if peer.neighbor.changed is None else age(ctx.now - peer.neighbor.changed),
        messages=tuple(MessageLine(kind, sent, received) for kind, (sent, received) in kinds.items()),
        sent=peer.group.count(peer.address) if peer.group is not None else 0,
        received=peer.accepted,
        best=used[0],
        multiple=used[1],
        denied=peer.denied,
        interval=round(settings.advertisement_interval),
        established=peer.neighbor.established,
        dropped=peer.neighbor.dropped,
        last_reset=f"{age(ctx.now - (peer.neighbor.changed or 0))}, due to {peer.neighbor.last_reset}"
        if peer.neighbor.last_reset
        else "",
        reason=str(peer.neighbor.reason or ""),
        hops=0 if settings.internal else lines.security_hops or settings.ttl,
        update_group=peer.group.number if peer.group is not None else 0,
        lines=tuple(in_words(lines)),
        queued=peer.queued,
        has_way=ctx.ports.rib.lookup_without_nhrp(peer.address) is not None,
        helped=settings.helps,
        own_restart_time=machine.config.restart_time,
        stale_time=machine.config.stale_time,
        stale=len(peer.stale),
        awaited=_left(machine.restarts.deadline(peer), ctx.now),
    )
    session = peer.neighbor.session  # which may have other families alone
    return detail if session is None else _with_session(detail, session, machine, ctx.now)


def _with_session(detail: NeighborDetail, session: Session, machine: Table, now: float) -> NeighborDetail:
    """Return the details with those of an established session."""
    restart, up = session.restart, surely(session.up)
    kept, keeps = (restart.kept, restart.keeps) if restart is not None else ((), ())
    families = [f"{FAMILIES[key].title}{' (was preserved)' * (key in kept)}" for key in keeps if key in FAMILIES]
    return replace(
        detail,
        identifier=str(surely(session.peer_open).identifier),
        hold_time=session.hold_time,
        keepalive=session.keepalive,
        send_hold_time=round(session.send_hold_time),
        stuck=_left(session.stuck_until, now),
        last_read=age(now - session.last_read),
        last_write=age(now - session.last_write),
        capabilities=tuple(name for name, is_agreed in _capabilities(session).items() if is_agreed),
        local=spelled(up.local),
        local_port=up.local_port,
        foreign_port=up.remote_port,
        version=machine.routes.table.version,
        restart_time=restart.seconds if restart is not None else None,
        restart_families=", ".join(families),
    )


def _capabilities(session: Session) -> dict[str, bool]:
    return {
        "Route refresh": session.refreshes,
        "Four-octets ASN Capability": session.wide,
        "Enhanced Refresh Capability": session.marks_refreshes,
        "Extended Next Hop Capability": session.is_extended,
        "Additional paths Send": any(one.sends for one in session.families.values()),
        "Additional paths Receive": any(one.receives for one in session.families.values()),
        **{f"Address family {FAMILIES[key].title}": True for key in session.families},
    }


def _left(deadline: float | None, now: float) -> int | None:
    return max(0, round(deadline - now)) if deadline is not None else None


class ShowNeighbors(Value):
    """The answer. is_active: BGP is configured. asked: the requested neighbor, if it does not exist."""

    is_active: bool = True
    asked: str = ""
    neighbors: tuple[NeighborDetail, ...] = ()


class ShowRoutes(Value):
    """Routes of one neighbor. unkept: the neighbor, if it lacks `soft-reconfiguration inbound`."""

    is_active: bool = True
    asked: str = ""
    unkept: str = ""
    table: ShowTable = EMPTY


def query_neighbors(ctx: ShowContext, args: Args) -> ShowNeighbors:
    """Return all neighbors, or one."""
    machine = active(ctx, args)
    if machine is None:
        return ShowNeighbors(is_active=False)
    address = args.any_address("address", None)
    peers = [
        peer
        for _, peer in sorted(machine.peers.items(), key=lambda one: by_version(one[0]))
        if address in (None, peer.address)
    ]
    if address is not None and not peers:
        return ShowNeighbors(asked=spelled(address))
    # how many best paths each neighbor has, and how many paths used beside a better one
    best, multiple = Counter[IPAddress](), Counter[IPAddress]()
    for found in machine.routes.table.destinations.values():
        if found.best:
            best[found.best[0].peer] += 1
            multiple.update(path.peer for path in found.best[1:])
    return ShowNeighbors(
        neighbors=tuple(
            neighbor_detail(ctx, machine, peer, (best[peer.address], multiple[peer.address])) for peer in peers
        )
    )


def query_routes(ctx: ShowContext, args: Args) -> ShowRoutes:
    """Return the routes received from a neighbor, or advertised to it."""
    machine = active(ctx, args)
    if machine is None:
        return ShowRoutes(is_active=False)
    address = args.any_address("address")
    peer = machine.peers.get(address)
    if peer is None:
        return ShowRoutes(asked=spelled(address))
    if "routes" in args:
        lines = [
            path_line(prefix_of(nlri), path, status(machine, prefix_of(nlri), path))
            for nlri in sorted(peer.received, key=in_order)
            if (path := _taken(machine, peer, nlri)) is not None
        ]
        return ShowRoutes(table=table_of(machine, lines))
    if "received-routes" in args and not peer.settings.lines.soft_reconfiguration:
        return ShowRoutes(unkept=spelled(address))
    from dmvpn.features.bgp.advertiser import advertised  # as the machine: imported on first use

    routes = dict(advertised(peer)) if "advertised-routes" in args else peer.received
    mark = ">" if "advertised-routes" in args else " "
    names = sorted(routes, key=in_order)
    return ShowRoutes(table=table_of(machine, [_route(peer, prefix_of(one), routes[one], mark) for one in names]))


def _taken(machine: Table, peer: Peer, nlri: Nlri) -> Path | None:
    """Return the path made from a received route."""
    source = peer_source(peer.address, number_of(nlri))
    return machine.routes.table.known(prefix_of(nlri), source)


def render_neighbors(answer: ShowNeighbors) -> Iterator[str]:
    """Yield a block for each neighbor."""
    if answer.asked:
        yield f"% No such neighbor {answer.asked}"
    for one in answer.neighbors:
        yield from _head(one)
        yield from _messages(one)
        yield from _family(one)
        yield ""
        negation = "" if one.has_way else " not"
        yield f"  Address tracking is enabled, the RIB does{negation} have a route to {one.address}"
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


def render_routes(answer: ShowRoutes) -> Iterator[str]:
    """Yield a line for each route."""
    if answer.asked:
        yield f"% No such neighbor {answer.asked}"
        return
    if answer.unkept:
        yield f"% Inbound soft reconfiguration not enabled on {answer.unkept}"
        return
    yield from render_table(answer.table)
    yield ""
    yield f"Total number of prefixes {len(answer.table.paths)} "


def _route(peer: Peer, prefix: Prefix, attributes: Attributes, mark: str) -> PathLine:
    internal = peer.settings.internal
    path = Path(origin=PathOrigin.PEER, attributes=attributes, peer=peer.address, internal=internal)
    return path_line(prefix, path, f"*{mark}{'i' if internal else ' '}")


COMMANDS: Final = (
    *spellings("summary", {}, query_summary, render_summary, join=render_summaries),
    *spellings("neighbors [ {address:family} ]", {}, query_neighbors, render_neighbors),
    *spellings(
        "neighbors {address:family} ( advertised-routes | received-routes | routes )",
        {
            "advertised-routes": "Routes sent to it",
            "received-routes": "Routes from it, before filters",
            "routes": "Routes from it, after filters",
        },
        query_routes,
        render_routes,
    ),
)
