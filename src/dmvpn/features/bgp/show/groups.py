"""Groups of neighbors: `show ip bgp update-group` and `show ip bgp peer-group`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.bgp.settings import advertisement_interval
from dmvpn.features.bgp.show.common import active, spelled
from dmvpn.features.bgp.show.neighbors import ShowSummary, query_summary, render_summary
from dmvpn.features.bgp.show.settings import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.bgp.groups import UpdateGroup
    from dmvpn.features.bgp.machine import BgpMachine
    from dmvpn.features.bgp.model import NeighborLines
    from dmvpn.ios import Args, ShowContext

#: Addresses per line.
_A_LINE: Final = 4


@dataclass(frozen=True, slots=True)
class UpdateGroupEntry:
    """Neighbors that receive the same UPDATEs. prefixes: advertised to them. queued: not yet sent to all of them."""

    number: int
    internal: bool
    lines: tuple[str, ...]
    version: int
    prefixes: int
    queued: int
    interval: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShowUpdateGroups:
    """All update groups, or the selected ones."""

    is_active: bool = True
    groups: tuple[UpdateGroupEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class PeerGroup:
    """A configured peer group. autonomous_system: 0: not configured in the group. ranges: its listen ranges."""

    name: str
    autonomous_system: int
    internal: bool
    interval: int
    lines: tuple[str, ...]
    members: tuple[str, ...]
    ranges: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShowPeerGroups:
    """All peer groups, or the selected one."""

    is_active: bool = True
    groups: tuple[PeerGroup, ...] = ()


def query_update_groups(ctx: ShowContext, args: Args) -> ShowUpdateGroups:
    """Return all update groups, one by number, or that of a neighbor."""
    machine = active(ctx)
    if machine is None:
        return ShowUpdateGroups(is_active=False)
    number, address = args.integer("number", 0), args.address("address", None)
    return ShowUpdateGroups(
        groups=tuple(
            _update_group(machine, group)
            for group in machine.groups
            if number in (0, group.number) and (address is None or address in group.members)
        )
    )


def _update_group(machine: BgpMachine, group: UpdateGroup) -> UpdateGroupEntry:
    audience = group.audience
    return UpdateGroupEntry(
        group.number,
        audience.internal,
        tuple(in_words(audience.lines)),
        machine.routes.table.version,
        len(group.told),
        sum(feed.length for feed in group.feeds.values()) + len(group.pending) + len(group.waiting),
        round(audience.interval),
        tuple(f"{'*' if machine.peers[one].dynamic else ''}{one}" for one in group.members),
    )


def query_peer_groups(ctx: ShowContext, args: Args) -> ShowPeerGroups:
    """Return all peer groups, or one by name."""
    machine = active(ctx)
    if machine is None:
        return ShowPeerGroups(is_active=False)
    config, asked = machine.config, args.text("name", "")
    groups = [one for one in config.neighbors if one.is_group and asked in ("", one.peer)]
    return ShowPeerGroups(groups=tuple(_peer_group(machine, one) for one in groups))


def _peer_group(machine: BgpMachine, lines: NeighborLines) -> PeerGroup:
    members = [peer for _, peer in sorted(machine.peers.items()) if peer.settings.lines.group == lines.peer]
    number = lines.remote_as or 0
    internal = number == machine.config.local_as
    return PeerGroup(
        str(lines.peer),
        number,
        internal,
        advertisement_interval(lines, internal=internal, in_vrf=machine.config.in_vrf),
        tuple(in_words(lines)),
        tuple(f"{'*' if peer.dynamic else ''}{peer.address}" for peer in members),
        tuple(str(one.prefix) for one in machine.config.listen_ranges if one.group == lines.peer),
    )


def query_group_summary(ctx: ShowContext, args: Args) -> ShowSummary:
    """Return the summary, restricted to the members of a group."""
    machine = active(ctx)
    summary = query_summary(ctx, args)
    if machine is None:
        return summary
    name = args.text("name")
    members = {str(peer.address) for peer in machine.peers.values() if peer.settings.lines.group == name}
    kept = tuple(line for line in summary.neighbors if line.neighbor.lstrip("*") in members)
    ranges = tuple(one for one in summary.ranges if one[0] == name)
    return replace(summary, neighbors=kept, ranges=ranges)


def render_update_groups(answer: ShowUpdateGroups) -> Iterator[str]:
    """Yield a block for each group."""
    for one in answer.groups:
        kind = "internal" if one.internal else "external"
        yield f"BGP version 4 update-group {one.number}, {kind}, Address Family: IPv4 Unicast"
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
    yield "Summary for Update-groups, Address Family IPv4 Unicast"
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
        yield " For address family: IPv4 Unicast"
        kind = "internal" if one.internal else "external"
        yield f"  BGP neighbor is {one.name}, peer-group {kind}, members:"
        for at in range(0, len(one.members), _A_LINE):
            yield "  " + " ".join(one.members[at : at + _A_LINE])
        yield from (f"  {line}" for line in one.lines)
        yield ""


COMMANDS: Final = (
    *spelled(
        "update-group [ {number:1-4294967295} | {address:address} ]",
        {"update-group": "Neighbors that hear the same", "number": "One of them", "address": "That of a neighbor"},
        query_update_groups,
        render_update_groups,
    ),
    *spelled(
        "update-group summary",
        {"update-group": "Neighbors that hear the same", "summary": "One line a group"},
        query_update_groups,
        render_update_group_summary,
    ),
    *spelled(
        "peer-group [ {name:word} ]",
        {"peer-group": "Groups of the configuration", "name": "One of them"},
        query_peer_groups,
        render_peer_groups,
    ),
    *spelled(
        "peer-group {name:word} summary",
        {"peer-group": "Groups of the configuration", "name": "One of them"},
        query_group_summary,
        render_summary,
    ),
)
