"""Static routes of a configuration, and the lines that have them or remove them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.placeholder import Blank, Placeholder
from dmvpn.features.static import config
from dmvpn.features.static.config import ROUTE
from dmvpn.tools.doctor.configuration import device

if TYPE_CHECKING:
    from dmvpn.base.facts import Address, Network
    from dmvpn.features.static.model import StaticRoute
    from dmvpn.router.facts import RouterFacts

NULL: Final = "Null0"


def static_routes(facts: RouterFacts | None) -> list[tuple[StaticRoute, str]]:
    """Return the static routes of IPv4, each with its line."""
    if facts is None:
        return []
    lines = (ROUTE.text(args) for args in device(facts).tree.all(ROUTE))
    return list(zip(device(facts).static.ipv4, lines, strict=True))


def routes_to(facts: RouterFacts | None, prefix: Network) -> list[tuple[StaticRoute, str]]:
    """Return those to a prefix."""
    wanted = Prefix.of(prefix.network_address, prefix.prefixlen)
    return [one for one in static_routes(facts) if one[0].prefix == wanted]


def static_lines(facts: RouterFacts | None, prefix: Network, interface: str = "") -> tuple[str, ...]:
    """Return the lines of static routes to a prefix. interface: only routes that name it."""
    return tuple(line for route, line in routes_to(facts, prefix) if interface in ("", route.interface))


def removal_lines(facts: RouterFacts | None, prefix: Network, interface: str = "") -> tuple[str, ...]:
    """Return the lines that remove them."""
    return tuple(f"no {line}" for line in static_lines(facts, prefix, interface))


def route_line(prefix: Network, hop: Address | Placeholder) -> str:
    """Return the line of a static route; a next hop of the other version of IP is left to the reader."""
    if not isinstance(hop, str) and hop.version != prefix.version:
        hop = Blank("next-hop")
    return config.route_line(Prefix.of(prefix.network_address, prefix.prefixlen), next_hop=hop)


def lines_from(facts: RouterFacts, network: Address) -> tuple[str, ...]:
    """Return the lines of static routes whose prefix begins with this address, whatever its length."""
    return tuple(line for route, line in static_routes(facts) if route.prefix.address == network)


def is_next_hop(facts: RouterFacts, address: Address) -> bool:
    """Return whether static routes have this next hop."""
    return any(route.next_hop == address for route, _ in static_routes(facts))
