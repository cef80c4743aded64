"""The route to a peer: our end of its session, or why no session is possible."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.notices import RouteSource
from dmvpn.features.bgp.reasons import BgpReason

if TYPE_CHECKING:
    from dmvpn.base.notices import Route
    from dmvpn.base.ports import Ports
    from dmvpn.features.bgp.settings import PeerSettings


def local_end(ports: Ports, settings: PeerSettings) -> tuple[IPv4Address | None, BgpReason | None]:
    """Return our address for the session, or why no session is possible."""
    route = ports.rib.lookup_without_nhrp(settings.address)
    if route is None or not route.next_hops or leads_past_its_tunnel(ports, settings.address, route):
        return None, BgpReason.NO_ROUTE
    state = ports.interfaces.get(route.next_hops[0].interface)
    is_near = route.source is RouteSource.CONNECTED
    if settings.must_be_connected and not is_near:
        return None, BgpReason.NOT_CONNECTED
    if settings.lines.update_source:
        state = ports.interfaces.get(settings.lines.update_source)
    address = state.address if state is not None and state.line else None
    if not isinstance(address, IPv4Address):
        return None, BgpReason.NO_ADDRESS
    return address, None


def leads_past_its_tunnel(ports: Ports, address: IPv4Address, route: Route) -> bool:
    """Return whether the route to a peer in a tunnel's network leaves through another interface: its packets would be
    unencrypted, and another host might answer.
    """
    tunnels = ports.tunnels
    states = [ports.interfaces.get(tunnel.name) for tunnel in tunnels.all()]
    inside = any(address in prefix for state in states if state is not None and (prefix := state.prefix) is not None)
    return inside and tunnels.get(route.next_hops[0].interface) is None
