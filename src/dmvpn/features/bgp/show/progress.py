"""Progress of the process: `show ip bgp replication`, `pending-prefixes` and `nexthops`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.bgp.show.common import active, spelled
from dmvpn.features.bgp.show.table import ShowTable, chosen_table, render_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.bgp.groups import UpdateGroup
    from dmvpn.features.bgp.machine import BgpMachine
    from dmvpn.ios import Args, ShowContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Replication:
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


@dataclass(frozen=True, slots=True)
class ShowReplication:
    """All groups, or the selected one."""

    is_active: bool = True
    groups: tuple[Replication, ...] = ()


@dataclass(frozen=True, slots=True)
class Hop:
    """A next hop. metric: of the route to it; None: no route. paths, prefixes: how many use it."""

    address: str
    metric: int | None
    paths: int
    prefixes: int


@dataclass(frozen=True, slots=True)
class ShowHops:
    """All next hops."""

    is_active: bool = True
    hops: tuple[Hop, ...] = ()


def query_replication(ctx: ShowContext, args: Args) -> ShowReplication:
    """Return how often encoded UPDATEs were sent."""
    machine = active(ctx)
    if machine is None:
        return ShowReplication(is_active=False)
    number, address = args.integer("number", 0), args.address("address", None)
    return ShowReplication(
        groups=tuple(
            _replication(machine, group)
            for group in machine.groups
            if number in (0, group.number) and (address is None or address in group.members)
        )
    )


def _replication(machine: BgpMachine, group: UpdateGroup) -> Replication:
    members = group.members
    sent = [machine.peers[one].counts.updates[False] for one in members]
    return Replication(
        number=group.number,
        internal=group.audience.internal,
        members=len(members),
        leader=str(members[0]) if members else "",
        formatted=sum(sent[:1]),
        replicated=sum(sent[1:]),
        pending=len(group.pending) + len(group.waiting),
        queued=sum(feed.length for feed in group.feeds.values()),
    )


def query_pending(ctx: ShowContext, args: Args) -> ShowTable:
    """Return the paths to prefixes that are still to be processed."""
    machine = active(ctx)
    if machine is None:
        return ShowTable()
    pending = machine.routes.pending
    return chosen_table(machine, lambda prefix, _: prefix in pending)


def query_hops(ctx: ShowContext, args: Args) -> ShowHops:
    """Return the next hops of all paths."""
    machine = active(ctx)
    if machine is None:
        return ShowHops(is_active=False)
    table = machine.routes.table
    return ShowHops(
        hops=tuple(
            Hop(str(hop), table.metric_to(hop), sum(prefixes.values()), len(prefixes))
            for hop, prefixes in sorted(table.hops.items())
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
            f"{one.number:>5} {kind:>8}{one.members:>9}{one.leader:>16}{one.formatted:>9}{one.replicated:>9}"
            f"{one.pending:>7}{one.queued:>7}"
        )


def render_hops(answer: ShowHops) -> Iterator[str]:
    """Yield a line for each next hop."""
    yield "Next Hop             Metric    Paths Prefixes"
    for one in answer.hops:
        metric = "inaccessible" if one.metric is None else str(one.metric)
        yield f"{one.address:<15}{metric:>12}{one.paths:>9}{one.prefixes:>9}"


COMMANDS: Final = (
    *spelled(
        "replication [ {number:1-4294967295} | {address:address} ]",
        {
            "replication": "How often each message was sent",
            "number": "Of an update group",
            "address": "Of that of a neighbor",
        },
        query_replication,
        render_replication,
    ),
    *spelled(
        "pending-prefixes",
        {"pending-prefixes": "Prefixes that are still to be looked at"},
        query_pending,
        render_table,
        gap=True,
    ),
    *spelled("nexthops", {"nexthops": "Next hops, and how far they are"}, query_hops, render_hops),
)
