"""Items that a router still lacks until it is ready: registrations, routes. For `lab up`, and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.features.nhrp.client import NhsState
from dmvpn.features.nhrp.machine import NhrpMachine

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from dmvpn.base.notices import TunnelState
    from dmvpn.router.router import Router


def missing(router: Router, routes: Iterable[str]) -> list[str]:
    """Return sentences about missing items; none: ready. routes: "[vrf NAME] PREFIX [via NEXT HOP]", in the RIB.

    Tunnels that are shut down on purpose need nothing.
    """
    lacks = [
        f"{tunnel.name} is down: {tunnel.reason or 'no reason known'}"
        for tunnel in router.ports.tunnels.all()
        if tunnel.enabled and not tunnel.up and not _is_unused(router, tunnel)
    ]
    lacks += _unregistered(router)
    lacks += [f"no route to {text}" for text in routes if not _has_route(router, text)]
    return lacks


def _unregistered(router: Router) -> list[str]:
    """Return sentences about servers without a reply, also where nothing protects a registration yet."""
    return [
        f"{tunnel.name} is not registered with {client.nhs}: {client.reason or 'no reply yet'}"
        for tunnel in router.machine(NhrpMachine).tunnels
        if tunnel.is_carried and tunnel.state is not None and tunnel.state.enabled
        for client in tunnel.clients.values()
        if client.state in (NhsState.EXPECTING, NhsState.DOWN, NhsState.BARE)
    ]


def _is_unused(router: Router, tunnel: TunnelState) -> bool:
    interface = router.ports.interfaces.get(tunnel.name)
    addresses = [*interface.routed(4), *interface.routed(6)] if interface is not None else []
    return is_unused(tunnel.source or tunnel.source_interface, addresses)


def is_unused(source: IPAddress | str | None, addresses: Collection[object]) -> bool:
    """Return whether a tunnel has neither source nor address, as `interface Tunnel0` leaves it: it need not come up."""
    return not source and not addresses


def _has_route(router: Router, text: str) -> bool:
    vrf, prefix, next_hop = wanted_route(text)
    rib = router.ports.rib_of(vrf)
    route = rib.exact(Prefix.parse(prefix)) if rib is not None else None
    return route is not None and (not next_hop or next_hop in {str(hop.address) for hop in route.next_hops})


def wanted_route(text: str) -> tuple[str, str, str]:
    """Return VRF, prefix and next hop of "[vrf NAME] PREFIX [via NEXT HOP]"; "": the global table, any next hop."""
    route, _, next_hop = text.partition(" via ")
    table, _, prefix = route.rpartition(" ")
    return table.removeprefix("vrf "), prefix, next_hop
