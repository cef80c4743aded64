"""`show ip bgp paths` and `cluster-ids`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.bgp.attributes import path_text
from dmvpn.features.bgp.show.common import NOT_ACTIVE, active, spelled
from dmvpn.features.bgp.show.table import ORIGINS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.bgp.attributes import Attributes
    from dmvpn.ios import Args, ShowContext


@dataclass(frozen=True, slots=True)
class AttributesLine:
    """A set of attributes: the number of paths that share it, its MED, and its AS path with the origin."""

    used: int
    metric: int
    path: str


@dataclass(frozen=True, slots=True)
class ShowPaths:
    """All sets of attributes."""

    is_active: bool = True
    paths: tuple[AttributesLine, ...] = ()


@dataclass(frozen=True, slots=True)
class ShowClusters:
    """cluster: our cluster ID; configured: 0.0.0.0: it is the router ID. clients: number of our reflector clients."""

    cluster: str = ""
    configured: str = ""
    clients: int = 0


def query_paths(ctx: ShowContext, args: Args) -> ShowPaths:
    """Return the sets of attributes; equal ones count once."""
    machine = active(ctx)
    if machine is None:
        return ShowPaths(is_active=False)
    used: dict[Attributes, int] = {}
    for _, found in sorted(machine.routes.table.destinations.items()):
        for path in found.paths.values():
            used[path.attributes] = used.get(path.attributes, 0) + 1
    return ShowPaths(
        paths=tuple(
            AttributesLine(count, one.med or 0, f"{path_text(one.path)} {ORIGINS[one.origin]}".strip())
            for one, count in used.items()
        )
    )


def query_clusters(ctx: ShowContext, args: Args) -> ShowClusters:
    """Return our cluster ID, and the number of our reflector clients."""
    machine = active(ctx)
    if machine is None:
        return ShowClusters()
    configured = machine.config.cluster_id
    clients = sum(peer.settings.lines.route_reflector_client for peer in machine.peers.values())
    unset = "0.0.0.0"  # noqa: S104
    return ShowClusters(str(configured or machine.router_id or unset), str(configured or unset), clients)


def render_paths(answer: ShowPaths) -> Iterator[str]:
    """Yield a line for each set, with a number and 0 in place of the addresses and hash buckets of IOS."""
    yield "Address    Hash Refcount Metric Path"
    for number, one in enumerate(answer.paths, 1):
        yield f"0x{number:<8X}{0:>5}{one.used:>9}{one.metric:>7} {one.path}"


def render_clusters(answer: ShowClusters) -> Iterator[str]:
    """Yield the lines in the format of IOS."""
    if not answer.cluster:
        yield NOT_ACTIVE
        return
    yield f"Global cluster-id: {answer.cluster} (configured: {answer.configured})"
    yield "BGP client-to-client reflection:         Configured    Used"
    yield "  all (inter-cluster and intra-cluster): ENABLED"
    yield "  intra-cluster:                         ENABLED       ENABLED"
    yield ""
    yield "List of cluster-ids:"
    yield "Cluster-id     #-neighbors C2C-rfl-CFG C2C-rfl-USE"
    if answer.clients:
        yield f"{answer.cluster:<15}{answer.clients:>11} ENABLED     ENABLED"


COMMANDS: Final = (
    *spelled("paths", {"paths": "Sets of attributes, and how many paths have them"}, query_paths, render_paths),
    *spelled("cluster-ids", {"cluster-ids": "Clusters of route reflection"}, query_clusters, render_clusters),
)
