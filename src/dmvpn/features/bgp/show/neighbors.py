"""`show ip bgp neighbors [A.B.C.D [advertised-routes | received-routes | routes]]`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.bgp.packet import in_order, number_of, prefix_of
from dmvpn.features.bgp.paths import Path, PathOrigin
from dmvpn.features.bgp.show.common import active, spelled
from dmvpn.features.bgp.show.details import NeighborDetail, neighbor_detail, neighbor_lines
from dmvpn.features.bgp.show.table import EMPTY, PathLine, ShowTable, path_line, render_table, status, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.bgp.attributes import Attributes
    from dmvpn.features.bgp.machine import BgpMachine
    from dmvpn.features.bgp.neighbor import Peer
    from dmvpn.features.bgp.packet import Nlri
    from dmvpn.ios import Args, ShowContext


@dataclass(frozen=True, slots=True)
class ShowNeighbors:
    """The answer. is_active: BGP is configured. asked: the requested neighbor, if it does not exist."""

    is_active: bool = True
    asked: str = ""
    neighbors: tuple[NeighborDetail, ...] = ()


@dataclass(frozen=True, slots=True)
class ShowRoutes:
    """Routes of one neighbor. unkept: the neighbor, if it lacks `soft-reconfiguration inbound`."""

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
        neighbors=tuple(
            neighbor_detail(ctx, machine, peer, (best[peer.address], multiple[peer.address])) for peer in peers
        )
    )


def _used(machine: BgpMachine) -> tuple[Counter[IPv4Address], Counter[IPv4Address]]:
    """Return for each neighbor how many best paths it has, and how many paths used beside a better one."""
    best: Counter[IPv4Address] = Counter()
    multiple: Counter[IPv4Address] = Counter()
    for found in machine.routes.table.destinations.values():
        if found.best:
            best[found.best[0].peer] += 1
            multiple.update(path.peer for path in found.best[1:])
    return best, multiple


def query_routes(ctx: ShowContext, args: Args) -> ShowRoutes:
    """Return the routes received from a neighbor, or advertised to it."""
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
    from dmvpn.features.bgp.advertiser import advertised  # as the machine: imported on first use

    told = dict(advertised(peer)) if "advertised-routes" in args else peer.received
    mark = ">" if "advertised-routes" in args else " "
    names = sorted(told, key=in_order)
    return ShowRoutes(table=table_of(machine, [_route(peer, prefix_of(one), told[one], mark) for one in names]))


def _taken(machine: BgpMachine, peer: Peer, nlri: Nlri) -> Path | None:
    """Return the path made from a received route."""
    source = PathOrigin.PEER, peer.address, number_of(nlri)
    return machine.routes.table.known(prefix_of(nlri), source)


def render_neighbors(answer: ShowNeighbors) -> Iterator[str]:
    """Yield a block for each neighbor."""
    if answer.asked:
        yield f"% No such neighbor {answer.asked}"
    for one in answer.neighbors:
        yield from neighbor_lines(one)


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
    *spelled("neighbors [ {address:address} ]", {}, query_neighbors, render_neighbors),
    *spelled(
        "neighbors {address:address} ( advertised-routes | received-routes | routes )",
        {
            "advertised-routes": "Routes sent to it",
            "received-routes": "Routes from it, before filters",
            "routes": "Routes from it, after filters",
        },
        query_routes,
        render_routes,
    ),
)
