"""Groups of neighbors: `show ip bgp update-group` and `peer-group`; and the progress of the process: `show ip bgp
replication`, `pending-prefixes` and `nexthops`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import spelled
from dmvpn.base.values import Value
from dmvpn.features.bgp.settings import advertisement_interval
from dmvpn.features.bgp.show.common import active, by_version, spellings
from dmvpn.features.bgp.show.neighbors import ShowSummary, query_summary, render_summary
from dmvpn.features.bgp.show.settings import in_words
from dmvpn.features.bgp.show.table import ShowTable, chosen_table, render_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.bgp.groups import UpdateGroup
    from dmvpn.features.bgp.model import NeighborLines
    from dmvpn.features.bgp.tables import Table
    from dmvpn.ios import Args, ShowContext

#: Addresses per line.
_A_LINE: Final = 4


class UpdateGroupEntry(Value):
    """Neighbors that receive the same UPDATEs. prefixes: advertised to them. queued: not yet sent to all of them."""

    number: int
    internal: bool
    lines: tuple[str, ...]
    version: int
    prefixes: int
    queued: int
    interval: int
    members: tuple[str, ...]


class ShowUpdateGroups(Value):
    """All update groups, or the selected ones. family: its title."""

    is_active: bool = True
    family: str = ""
    groups: tuple[UpdateGroupEntry, ...] = ()


class PeerGroup(Value):
    """A configured peer group. autonomous_system: 0: not configured in the group. ranges: its listen ranges."""

    name: str
    autonomous_system: int
    internal: bool
    interval: int
    lines: tuple[str, ...]
    members: tuple[str, ...]
    ranges: tuple[str, ...]


class ShowPeerGroups(Value):
    """All peer groups, or the selected one. family: its title."""

    is_active: bool = True
    family: str = ""
    groups: tuple[PeerGroup, ...] = ()


def query_update_groups(ctx: ShowContext, args: Args) -> ShowUpdateGroups:
    """Return all update groups, one by number, or that of a neighbor."""
    machine = active(ctx, args)
    if machine is None:
        return ShowUpdateGroups(is_active=False)
    number, address = args.integer("number", 0), args.any_address("address", None)
    return ShowUpdateGroups(
        family=machine.family.title,
        groups=tuple(
            UpdateGroupEntry(
                group.number,
                group.audience.internal,
                tuple(in_words(group.audience.lines)),
                machine.routes.table.version,
                len(group.adj_rib_out),
                sum(queue.length for queue in group.queues.values()) + len(group.pending) + len(group.waiting),
                round(group.audience.interval),
                tuple(f"{'*' if machine.peers[one].neighbor.dynamic else ''}{spelled(one)}" for one in group.members),
            )
            for group in machine.groups
            if number in (0, group.number) and (address is None or address in group.members)
        ),
    )


def query_peer_groups(ctx: ShowContext, args: Args) -> ShowPeerGroups:
    """Return all peer groups, or one by name."""
    machine = active(ctx, args)
    if machine is None:
        return ShowPeerGroups(is_active=False)
    config, asked = machine.config, args.text("name", "")
    groups = [one for one in config.neighbors if one.is_group and asked in ("", one.peer)]
    return ShowPeerGroups(family=machine.family.title, groups=tuple(_peer_group(machine, one) for one in groups))


def _peer_group(machine: Table, lines: NeighborLines) -> PeerGroup:
    members = [
        peer
        for _, peer in sorted(machine.peers.items(), key=lambda one: by_version(one[0]))
        if peer.settings.lines.group == lines.peer
    ]
    number = lines.remote_as or 0
    internal = number == machine.config.local_as
    return PeerGroup(
        str(lines.peer),
        number,
        internal,
        advertisement_interval(lines, internal=internal, in_vrf=machine.config.in_vrf),
        tuple(in_words(lines)),
        tuple(f"{'*' if peer.neighbor.dynamic else ''}{spelled(peer.address)}" for peer in members),
        tuple(spelled(one.prefix) for one in machine.config.listen_ranges if one.group == lines.peer),
    )


def query_group_summary(ctx: ShowContext, args: Args) -> ShowSummary:
    """Return the summary, restricted to the members of a group."""
    machine = active(ctx, args)
    summary = query_summary(ctx, args)
    if machine is None:
        return summary
    name = args.text("name")
    members = {spelled(peer.address) for peer in machine.peers.values() if peer.settings.lines.group == name}
    kept = tuple(line for line in summary.neighbors if line.neighbor.lstrip("*") in members)
    ranges = tuple(one for one in summary.ranges if one[0] == name)
    return replace(summary, neighbors=kept, ranges=ranges)


def render_update_groups(answer: ShowUpdateGroups) -> Iterator[str]:
    """Yield a block for each group."""
    for one in answer.groups:
        kind = "internal" if one.internal else "external"
        yield f"BGP version 4 update-group {one.number}, {kind}, Address Family: {answer.family}"
        yield f"  BGP Update version : {one.version}/0, messages {one.queued}"
        yield from (f"  {line}" for line in one.lines)
        yield f"  Number of NLRIs in the Adj-RIB-Out: {one.prefixes}"
        yield f"  Minimum time between advertisement runs is {one.interval} seconds"
        yield f"  Has {len(one.members)} member{'' if len(one.members) == 1 else 's'}:"
        for at in range(0, len(one.members), _A_LINE):
            yield "   " + " ".join(f"{member:<15}" for member in one.members[at : at + _A_LINE]).rstrip()
        yield ""


def render_update_group_summary(answer: ShowUpdateGroups) -> Iterator[str]:
    """Yield a line for each group."""
    yield f"Summary for Update-groups, Address Family {answer.family}"
    yield ""
    yield "Group    Type      Members   Prefixes     Queued"
    for one in answer.groups:
        kind = "internal" if one.internal else "external"
        yield f"{one.number:<8} {kind:<9}{len(one.members):>8}{one.prefixes:>11}{one.queued:>11}"


def render_peer_groups(answer: ShowPeerGroups) -> Iterator[str]:
    """Yield a block for each group."""
    for one in answer.groups:
        system = f",  remote AS {one.autonomous_system}" if one.autonomous_system else ""
        yield f"BGP peer-group is {one.name}{system}"
        if one.ranges:
            yield f"  BGP peergroup {one.name} listen range group members: "
            yield from (f"    {prefix} " for prefix in one.ranges)
        yield "  BGP version 4"
        yield f"  Default minimum time between advertisement runs is {one.interval} seconds"
        yield ""
        yield f" For address family: {answer.family}"
        kind = "internal" if one.internal else "external"
        yield f"  BGP neighbor is {one.name}, peer-group {kind}, members:"
        for at in range(0, len(one.members), _A_LINE):
            yield "  " + " ".join(one.members[at : at + _A_LINE])
        yield from (f"  {line}" for line in one.lines)
        yield ""


class Replication(Value, kw_only=True):
    """An update group. leader: the member named for the group. formatted: UPDATEs sent to it; replicated: UPDATEs sent
    to the other members. pending: prefixes to be processed. queued: prefixes still to be sent to members.
    """

    number: int
    internal: bool
    members: int
    leader: str
    formatted: int
    replicated: int
    pending: int
    queued: int


class ShowReplication(Value):
    """All groups, or the selected one."""

    is_active: bool = True
    groups: tuple[Replication, ...] = ()


class Hop(Value):
    """A next hop. metric: of the route to it; None: no route. paths, prefixes: how many use it."""

    address: str
    metric: int | None
    paths: int
    prefixes: int


class ShowHops(Value):
    """All next hops."""

    is_active: bool = True
    hops: tuple[Hop, ...] = ()


def query_replication(ctx: ShowContext, args: Args) -> ShowReplication:
    """Return how often encoded UPDATEs were sent."""
    machine = active(ctx, args)
    if machine is None:
        return ShowReplication(is_active=False)
    number, address = args.integer("number", 0), args.any_address("address", None)
    return ShowReplication(
        groups=tuple(
            _replication(machine, group)
            for group in machine.groups
            if number in (0, group.number) and (address is None or address in group.members)
        )
    )


def _replication(machine: Table, group: UpdateGroup) -> Replication:
    members = group.members
    sent = [machine.peers[one].neighbor.counts.updates[False] for one in members]
    return Replication(
        number=group.number,
        internal=group.audience.internal,
        members=len(members),
        leader=spelled(members[0]) if members else "",
        formatted=sum(sent[:1]),
        replicated=sum(sent[1:]),
        pending=len(group.pending) + len(group.waiting),
        queued=sum(queue.length for queue in group.queues.values()),
    )


def query_pending(ctx: ShowContext, args: Args) -> ShowTable:
    """Return the paths to prefixes that are still to be processed."""
    machine = active(ctx, args)
    if machine is None:
        return ShowTable()
    pending = machine.routes.pending
    return chosen_table(machine, lambda prefix, _: prefix in pending)


def query_hops(ctx: ShowContext, args: Args) -> ShowHops:
    """Return the next hops of all paths."""
    machine = active(ctx, args)
    if machine is None:
        return ShowHops(is_active=False)
    table = machine.routes.table
    return ShowHops(
        hops=tuple(
            Hop(spelled(hop), table.metric_to(hop), sum(prefixes.values()), len(prefixes))
            for hop, prefixes in sorted(table.hops.items(), key=lambda one: by_version(one[0]))
            if int(hop)
        )
    )


def render_replication(answer: ShowReplication) -> Iterator[str]:
    """Yield a line for each group in the format of IOS."""
    formatted, queued = sum(one.formatted for one in answer.groups), sum(one.queued for one in answer.groups)
    yield f"BGP Total Messages Formatted/Enqueued : {formatted}/{queued}"
    yield ""
    yield "Index     Type  Members          Leader   MsgFmt  MsgRepl  Csize  Qsize"
    for one in answer.groups:
        kind = "internal" if one.internal else "external"
        yield (
            f"{one.number:>5} {kind:>8}{one.members:>9} {one.leader:>15}{one.formatted:>9}{one.replicated:>9}"
            f"{one.pending:>7}{one.queued:>7}"
        )


def render_hops(answer: ShowHops) -> Iterator[str]:
    """Yield a line for each next hop."""
    yield "Next Hop             Metric    Paths Prefixes"
    for one in answer.hops:
        metric = "inaccessible" if one.metric is None else str(one.metric)
        yield f"{one.address:<15}{metric:>12}{one.paths:>9}{one.prefixes:>9}"


COMMANDS: Final = (
    *spellings(
        "update-group [ {number:1-4294967295} | {address:family} ]",
        {"update-group": "Neighbors that hear the same", "number": "One of them", "address": "That of a neighbor"},
        query_update_groups,
        render_update_groups,
    ),
    *spellings(
        "update-group summary",
        {"update-group": "Neighbors that hear the same", "summary": "One line a group"},
        query_update_groups,
        render_update_group_summary,
    ),
    *spellings(
        "peer-group [ {name:word} ]",
        {"peer-group": "Groups of the configuration", "name": "One of them"},
        query_peer_groups,
        render_peer_groups,
    ),
    *spellings(
        "peer-group {name:word} summary",
        {"peer-group": "Groups of the configuration", "name": "One of them"},
        query_group_summary,
        render_summary,
    ),
    *spellings(
        "replication [ {number:1-4294967295} | {address:family} ]",
        {
            "replication": "How often each message was sent",
            "number": "Of an update group",
            "address": "Of that of a neighbor",
        },
        query_replication,
        render_replication,
    ),
    *spellings(
        "pending-prefixes",
        {"pending-prefixes": "Prefixes that are still to be looked at"},
        query_pending,
        render_table,
        gap=True,
    ),
    *spellings("nexthops", {"nexthops": "Next hops, and how far they are"}, query_hops, render_hops),
)
