"""Static routes of a configuration, as models, and as the lines that remove them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.placeholder import Blank, Placeholder
from dmvpn.features.static import config
from dmvpn.features.static.config import ROUTE
from dmvpn.tools.doctor.configuration import device

if TYPE_CHECKING:
    from dmvpn.base.facts import Address, Network
    from dmvpn.ios import Args
    from dmvpn.router.facts import RouterFacts

NULL: Final = "Null0"


def static_lines(facts: RouterFacts | None, prefix: Network, interface: str = "") -> tuple[str, ...]:
    """Return the lines of static routes to a prefix. interface: only routes that name it."""
    return tuple(
        ROUTE.text(args)
        for args in _routes(facts)
        if _leads_to(args, prefix) and interface in ("", args.interface("interface", ""))
    )


def removal_lines(facts: RouterFacts | None, prefix: Network, interface: str = "") -> tuple[str, ...]:
    """Return the lines that remove them."""
    return tuple(f"no {line}" for line in static_lines(facts, prefix, interface))


def route_line(prefix: Network, hop: Address | Placeholder) -> str:
    """Return the line of a static route; a next hop of the other version of IP is left to the reader."""
    if not isinstance(hop, str) and hop.version != prefix.version:
        hop = Blank("next-hop")
    return config.route_line(Prefix.of(prefix.network_address, prefix.prefixlen), next_hop=hop)


def lines_by_hop(facts: RouterFacts | None, prefix: Network) -> tuple[tuple[str, Address | None], ...]:
    """Return the lines of static routes to a prefix, each with its next hop; None: it names an interface alone."""
    routes = device(facts).static.ipv4 if facts is not None else ()
    hops = ((one.next_hop, args) for one, args in zip(routes, _routes(facts), strict=True))
    return tuple((ROUTE.text(args), hop) for hop, args in hops if _leads_to(args, prefix))


def _leads_to(args: Args, prefix: Network) -> bool:
    return (args["network"], args["mask"]) == (prefix.network_address, prefix.netmask)


def lines_from(facts: RouterFacts, network: Address) -> tuple[str, ...]:
    """Return the lines of static routes whose prefix begins with this address, whatever its length."""
    return tuple(ROUTE.text(args) for args in _routes(facts) if args["network"] == network)


def default_gateways(facts: RouterFacts | None) -> tuple[Address, ...]:
    """Return the next hops of static default routes."""
    routes = device(facts).static.ipv4 if facts is not None else ()
    return tuple(one.next_hop for one in routes if one.prefix.is_default and one.next_hop is not None)


def is_next_hop(facts: RouterFacts, address: Address) -> bool:
    """Return whether static routes have this next hop."""
    return any(one.next_hop == address for one in device(facts).static.ipv4)


def tracked_line(facts: RouterFacts, prefix: Network, track: int) -> tuple[str, str]:
    """Return the line of a static route that follows a tracked object, and the same line without the object."""
    for args in _routes(facts):
        if _leads_to(args, prefix) and args.integer("track", 0) == track:
            values = {name: args[name] for name in args if name != "track"}
            return ROUTE.text(args), ROUTE.of(**values)
    raise AssertionError(f"no static route to {prefix} follows track {track}")


def _routes(facts: RouterFacts | None) -> list[Args]:
    return device(facts).tree.all(ROUTE) if facts is not None else []
