"""`show ip bgp summary`, in all spellings; `show bgp all summary` adds a header with the address family."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.rows import Source, table
from dmvpn.base.values import dataclass
from dmvpn.features.bgp.show.common import NOT_ACTIVE, active, spelled
from dmvpn.ios import Args, ShowContext, age

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.bgp.neighbor import Peer

#: Octets that IOS counts for a network, a path and a set of attributes.
_NETWORK: Final = 248
_PATH: Final = 136
_ATTRIBUTES: Final = 288
_peer: Final[Source[Peer, tuple[int, float]]] = Source()


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighborEntry:
    """A neighbor. state: its state, or the number of prefixes received from it."""

    neighbor: str = _peer.column(
        "Neighbor        V", "{:<15} 4", of=_peer(lambda it: ("*" if it.dynamic else "") + str(it.address))
    )
    autonomous_system: int = _peer.column("           AS", "{:>13}", of=_peer(lambda it: it.settings.remote_as))
    received: int = _peer.column(
        " MsgRcvd",
        " {:>7}",
        "MsgRcvd :: Messages received from the neighbor.",
        _peer(lambda it: it.counts.total(received=True)),
    )
    sent: int = _peer.column(
        " MsgSent",
        " {:>7}",
        "MsgSent :: Messages sent to the neighbor.",
        _peer(lambda it: it.counts.total(received=False)),
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
        _peer(lambda it: _queued(it)),
    )
    up_down: str = _peer.column(
        " Up/Down ",
        " {:>8}",
        "Up/Down | Up | Down :: How long the neighbor has been in this state.",
        _peer.at(lambda it, beside: "never" if it.changed is None else age(beside[1] - it.changed)),
    )
    state: str = _peer.column(
        " State/PfxRcd",
        " {:>8}",
        "State/PfxRcd | PfxRcd :: The state of a neighbor, or how many prefixes came from it.",
        _peer(lambda it: str(it.accepted) if it.session is not None else it.state),
    )


def _queued(peer: Peer) -> int:
    from dmvpn.features.bgp.advertiser import queued  # as the machine: imported on first use

    return queued(peer)


@dataclass(frozen=True, slots=True)
class ShowSummary:
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
    machine = active(ctx)
    if machine is None:
        return ShowSummary()
    destinations = machine.routes.table.destinations.values()
    paths = [path for found in destinations for path in found.paths.values()]
    peers = [peer for _, peer in sorted(machine.peers.items())]
    return ShowSummary(
        str(machine.router_id or "0.0.0.0"),  # noqa: S104
        machine.config.local_as,
        machine.routes.table.version,
        len(destinations),
        len(paths),
        sum(bool(found.best) for found in destinations),
        len({path.attributes for path in paths}),
        tuple(_peer.row(NeighborEntry, peer, (machine.routes.table.version, ctx.now)) for peer in peers),
        sum(peer.dynamic for peer in peers),
        machine.config.listen_limit,
        tuple((one.group, str(one.prefix)) for one in machine.config.listen_ranges),
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
        yield from table(NeighborEntry, answer.neighbors)
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


COMMANDS: Final = spelled("summary", {}, query_summary, render_summary, join=render_summaries)
