"""Which tables of a simulated network are of one customer (`network/overlay`)."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from dmvpn.network.overlay import TunnelSeat, customers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dmvpn.network.overlay import Table
    from dmvpn.shells.simulator.simulator import Simulator


def customers_of(world: Simulator, sites: Iterable[str]) -> Mapping[Table, str]:
    """Return the customer of each table of these routers."""
    tables: list[Table] = []
    tunnels: list[TunnelSeat] = []
    for name in sites:
        ports = world.routers[name].router.ports
        tables += [(name, state.vrf) for state in ports.interfaces.all()]
        for tunnel in ports.tunnels.all():
            state = ports.interfaces.get(tunnel.name)
            if state is not None and state.prefix is not None:
                network = ip_network(str(state.prefix))
                tunnels.append(TunnelSeat((name, state.vrf), network, tunnel.key))
    return customers(tables, tunnels)
