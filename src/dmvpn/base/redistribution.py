"""Which `redistribute` line of a protocol brings a route of the routing table in.

As on IOS, and unlike FRR, a line brings in the routes of its protocol, and the connected networks of the interfaces on
which that protocol runs: its neighbors there know these as connected networks, and routers behind the other protocol
need them too. `redistribute connected` says something about these networks in particular, so it decides where there is
one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from dmvpn.base.notices import NetworksRun, RouteSource
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import Notice, Route


@dataclass(frozen=True, slots=True, kw_only=True)
class RedistributionLine:
    """A `redistribute` line, as `line_for` compares it with routes.

    process: "": any.
    route_map: its name, "" without one.
    kinds: which subtypes of OSPF's routes come in (`match`); (): all.
    """

    source: RouteSource
    process: str = ""
    route_map: str = ""
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Redistribution(RedistributionLine):
    """A line of a protocol whose metric is a number. metric: None: the default metric."""

    metric: int | None = None


Line = TypeVar("Line", bound=RedistributionLine)


def line_for(lines: Iterable[Line], route: Route) -> Line | None:
    """Return the line that is about this route, None: it does not come in."""
    lines = () if route.stays else tuple(lines)
    for owner in ((route.source, route.process), *route.run_by):
        for line in lines:
            if (line.source, line.process) in (owner, (owner[0], "")) and _is_meant(line, route):
                return line
    return None


def _is_meant(line: RedistributionLine, route: Route) -> bool:
    """Return whether the line is about this kind of OSPF's routes; the networks that it runs on are internal."""
    return not line.kinds or line.source is not RouteSource.OSPF or route.subtype in line.kinds


class Covered:
    """The networks on which one process runs, as reported to the RIB."""

    def __init__(self, source: RouteSource, process: str) -> None:
        self._source = source
        self._process = process
        self._networks: dict[str, tuple[Prefix, ...]] = {}

    def tell(self, interface: str, prefixes: tuple[Prefix, ...]) -> list[Effect | Notice]:
        """Report the networks of an interface on which the protocol runs now; (): on none of them."""
        if self._networks.get(interface, ()) == prefixes:
            return []
        if prefixes:
            self._networks[interface] = prefixes
        else:
            del self._networks[interface]
        return [NetworksRun(self._source, self._process, interface, prefixes)]
