"""The router ID of a process, which marks the routes that it originates."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.addresses import UNSPECIFIED

if TYPE_CHECKING:
    from dmvpn.features.eigrp.adjacency import Neighborhood
    from dmvpn.features.eigrp.advertiser import Advertiser
    from dmvpn.features.eigrp.rib import Redistributor
    from dmvpn.features.eigrp.state import State


class RouterIdChoice:
    """Chooses the router ID of one process."""

    def __init__(
        self, state: State, neighborhood: Neighborhood, redistributor: Redistributor, advertiser: Advertiser
    ) -> None:
        self._state = state
        self._neighborhood = neighborhood
        self._redistributor = redistributor
        self._advertiser = advertiser

    def choose(self) -> None:
        """Choose the configured router ID, or the highest loopback address, or the highest address of any interface.

        A chosen address is kept while there are neighbors.
        """
        state, chosen = self._state, self._state.settings.router_id
        if chosen is None:
            if state.router_id != UNSPECIFIED and self._neighborhood.up:
                return
            chosen = self._highest()
        if chosen != state.router_id:
            state.router_id = chosen
            self._redistributor.refresh_all()
            for interface in state.interfaces.values():
                self._advertiser.tell_again(interface)

    def _highest(self) -> IPv4Address:
        states = [state for state in self._state.context.ports.interfaces.all() if state.enabled]
        addressed = [(state.name, state.address) for state in states if isinstance(state.address, IPv4Address)]
        loopbacks = [address for name, address in addressed if name.startswith("Loopback")]
        addresses = loopbacks or [address for _, address in addressed]
        return max(addresses, default=UNSPECIFIED)
