"""`aggregate-address`: each aggregate, its contributing routes, and the routes that it suppresses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.features.bgp.origination import aggregate_path
from dmvpn.features.bgp.paths import PathOrigin, candidate, changed, kinds_of, own_source

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.ports import Ports
    from dmvpn.features.bgp.model import Aggregate, BgpConfig
    from dmvpn.features.bgp.paths import LocRib, Path


class Aggregates:
    """suppressed: prefixes that are not advertised, with the aggregates that suppress them."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._parts: dict[Prefix, dict[Prefix, Path]] = {}
        self.suppressed: dict[Prefix, tuple[Prefix, ...]] = {}

    def clear(self) -> list[Prefix]:
        """Forget all aggregates because the configuration changed; the caller must process all contributing routes
        again.

        Returns the prefixes that are no longer suppressed.
        """
        told_again = list(self.suppressed)
        self.suppressed.clear()
        self._parts.clear()
        return told_again

    def follow(
        self, config: BgpConfig, router_id: IPv4Address, table: LocRib, prefixes: Iterable[Prefix], now: float
    ) -> dict[Prefix, None]:
        """Update the aggregates that contain these prefixes, whose best paths may have changed.

        Returns the prefixes whose advertisement changes because of that.
        """
        news: dict[Prefix, None] = {}
        for aggregate in config.aggregates:
            inside = [prefix for prefix in prefixes if prefix != aggregate.prefix and prefix in aggregate.prefix]
            if inside:
                self._keep_parts(aggregate.prefix, table, inside)
                news.update(self._make(aggregate, config, router_id, table, inside, now))
        return news

    def _keep_parts(self, prefix: Prefix, table: LocRib, inside: Iterable[Prefix]) -> None:
        parts = self._parts.setdefault(prefix, {})
        for inner in inside:
            best = table.best(inner)
            if best is None:
                parts.pop(inner, None)
            else:
                parts[inner] = best

    def _make(
        self,
        aggregate: Aggregate,
        config: BgpConfig,
        router_id: IPv4Address,
        table: LocRib,
        inside: Iterable[Prefix],
        now: float,
    ) -> dict[Prefix, None]:
        """Rebuild an aggregate. Returns the prefixes that changed, contributing routes that it suppresses or releases
        included.
        """
        prefix, source = aggregate.prefix, own_source(PathOrigin.AGGREGATE)
        parts = self._parts[prefix]
        existed = table.known(prefix, source) is not None
        made_of = [part for inner, part in parts.items() if self._makes(aggregate, inner, part)]
        path = self._with_map(aggregate_path(aggregate, made_of, config, router_id, now), aggregate, prefix)
        if path is None:
            table.take_away(prefix, source)
        else:
            table.put(prefix, path)
        news = dict.fromkeys(table.choose([prefix]))
        concerned = inside if existed and path is not None else {**dict.fromkeys(inside), **parts}
        for inner in concerned:
            part = parts.get(inner)
            is_quiet = path is not None and part is not None and self._is_quiet(aggregate, inner, part)
            if self._suppress(inner, prefix, is_quiet=is_quiet):
                news[inner] = None
        return news

    def _suppress(self, prefix: Prefix, aggregate: Prefix, *, is_quiet: bool) -> bool:
        """Record whether an aggregate suppresses a prefix. Returns whether the prefix became suppressed or was
        released.
        """
        before = self.suppressed.get(prefix, ())
        after = (*(one for one in before if one != aggregate), *((aggregate,) if is_quiet else ()))
        if after:
            self.suppressed[prefix] = after
        else:
            self.suppressed.pop(prefix, None)
        return bool(before) is not bool(after)

    def _is_quiet(self, aggregate: Aggregate, prefix: Prefix, part: Path) -> bool:
        """Return whether the aggregate suppresses this contributing route."""
        if aggregate.summary_only or not aggregate.suppress_map:
            return aggregate.summary_only
        route = candidate(prefix, part.attributes, kinds_of(part))
        return self._ports.policies.of_routes().mapped(aggregate.suppress_map, route) is not None

    def _makes(self, aggregate: Aggregate, prefix: Prefix, part: Path) -> bool:
        """Return whether a route contributes to the aggregate (`advertise-map`)."""
        if not aggregate.advertise_map:
            return True
        route = candidate(prefix, part.attributes, kinds_of(part))
        return self._ports.policies.of_routes().mapped(aggregate.advertise_map, route) is not None

    def _with_map(self, path: Path | None, aggregate: Aggregate, prefix: Prefix) -> Path | None:
        """Return the aggregate with what its `attribute-map` sets; a map that denies it changes nothing."""
        if path is None or not aggregate.attribute_map:
            return path
        route = candidate(prefix, path.attributes)
        changes = self._ports.policies.of_routes().mapped(aggregate.attribute_map, route)
        return path if changes is None else replace(path, attributes=changed(path.attributes, changes))
