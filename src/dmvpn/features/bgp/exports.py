"""Paths that this VRF exports to other VRFs of this router, with the route targets of its configuration (RFC 4364).

Only the best path to a prefix is exported, as on IOS, and no path that was imported itself. Its next hops are those of
the routing table here: where that table has no route to the prefix, no path is exported. Changes wait for a moment, so
that changes that come together leave together.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.exports import ExportedPath, PathsExported, PathsWanted
from dmvpn.base.notices import RouteSource
from dmvpn.features.bgp.model import NO_VPN
from dmvpn.features.bgp.paths import candidate, kinds_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.notices import Route
    from dmvpn.features.bgp.model import Vpn
    from dmvpn.features.bgp.paths import Path
    from dmvpn.features.bgp.routes import Routes
    from dmvpn.features.bgp.state import State

#: Seconds until changes are exported.
SETTLING: Final = 0.05
#: Prefixes processed at once.
SLICE: Final = 64
_COST: Final = 16


class Exports:
    """The paths that this VRF has announced to the other VRFs."""

    def __init__(self, state: State, routes: Routes) -> None:
        self._context = state.context
        self._routes = routes
        self._vpn = NO_VPN
        self._announced: dict[Prefix, ExportedPath] = {}
        self._due: dict[Prefix, None] = {}
        self._timer = Timer("export paths to other VRFs", self._export, cost=_COST)

    @property
    def vpn(self) -> Vpn:
        """The configuration."""
        return self._vpn

    def configure(self, vpn: Vpn) -> None:
        """Apply changed lines."""
        old, self._vpn = self._vpn, vpn
        if old.imports != vpn.imports:
            self._context.emit(PathsWanted(vpn.imports, self._context.ports.vrf))
        if (old.rd, old.exports, old.export_map) != (vpn.rd, vpn.exports, vpn.export_map):
            self.look_again()

    def look_again(self) -> None:
        """Queue all prefixes, because lines, maps or lists changed."""
        self.changed((*self._announced, *self._routes.table.destinations))

    def changed(self, prefixes: Iterable[Prefix]) -> None:
        """Queue prefixes whose best path, or whose route in the routing table, changed."""
        if not self._may_export and not self._announced:
            return
        self._due.update(dict.fromkeys(prefixes))
        if self._due and not self._context.is_running(self._timer):
            self._context.start(self._timer, SETTLING)

    def stop(self) -> None:
        """Take everything back, because the process ends."""
        vrf, gone = self._context.ports.vrf, tuple(self._announced)
        if self._vpn.imports:
            self._context.emit(PathsWanted((), vrf))
        if gone:
            self._context.emit(PathsExported((), gone, vrf))
        self._vpn = NO_VPN
        self._announced.clear()
        self._due.clear()
        self._context.stop(self._timer)

    def targets_of(self, prefix: Prefix, path: Path) -> tuple[int, ...]:
        """Return the route targets of a path: those of its map, or else those of the VRF; (): it is not exported.

        As on IOS, a route that `export map` denies keeps the targets of the VRF.
        """
        if path.imported is not None or not self._may_export:
            return ()
        change = None
        if self._vpn.export_map:
            route = candidate(prefix, path.attributes, kinds_of(path))
            changes = self._context.ports.policies.of_routes().mapped(self._vpn.export_map, route)
            change = changes.extended if changes is not None else None
        return self._vpn.exports if change is None else change.applied(self._vpn.exports)

    @property
    def _may_export(self) -> bool:
        return bool(self._vpn.exports or self._vpn.export_map)

    def _export(self) -> None:
        """Announce what changed, a slice of it."""
        paths, gone = [], []
        for prefix in list(islice(self._due, SLICE)):
            del self._due[prefix]
            before, after = self._announced.get(prefix), self._path(prefix)
            if after == before:
                continue
            if after is not None:
                self._announced[prefix] = after
                paths.append(after)
            else:
                del self._announced[prefix]
                gone.append(prefix)
        if paths or gone:
            self._context.emit(PathsExported(tuple(paths), tuple(gone), self._context.ports.vrf))
        if self._due:
            self._context.arm(self._timer, self._context.now)

    def _path(self, prefix: Prefix) -> ExportedPath | None:
        """Return the path to a prefix that is exported, or None."""
        ports, path = self._context.ports, self._routes.table.best(prefix)
        if path is None or prefix in self._routes.suppressed:
            return None
        targets, next_hops = self.targets_of(prefix, path), _next_hops(ports.rib.exact(prefix), ports.vrf)
        if not targets or not next_hops:
            return None
        metric = 0 if path.own else self._routes.table.metric_to(path.attributes.next_hop)
        return ExportedPath(
            prefix=prefix,
            vrf=ports.vrf,
            rd=self._vpn.rd,
            targets=targets,
            path=path,
            metric=metric or 0,
            next_hops=next_hops,
        )


def _next_hops(route: Route | None, vrf: str) -> tuple[NextHop, ...]:
    """Return where a route of this table leads, for packets of another table; (): nowhere.

    An aggregate leads back into this table, which has the routes that the aggregate stands for.
    """
    if route is None or route.source is RouteSource.HOST or route.imported:
        return ()
    if route.kind is not RouteKind.FORWARD:
        return (NextHop("", vrf=vrf),)
    return route.next_hops
