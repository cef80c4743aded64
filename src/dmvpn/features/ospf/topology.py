"""Our place in the topology: our router and network LSAs are originated again when they may have changed. `contents`
makes their content. RFC 2328 §12.4.1, §12.4.2.

`contents` says what they say. RFC 2328 §12.4.1, §12.4.2.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dmvpn.features.ospf.contents import network_body, router_body
from dmvpn.features.ospf.lsa import LsaKey, LsaType
from dmvpn.features.ospf.neighbor import InterfaceState

if TYPE_CHECKING:
    from dmvpn.features.ospf.externals import Externals
    from dmvpn.features.ospf.flooding import Origination
    from dmvpn.features.ospf.interface import Neighbor, OspfInterface
    from dmvpn.features.ospf.spf import RunningArea
    from dmvpn.features.ospf.state import State


class Topology:
    """Requests router and network advertisements of one process."""

    def __init__(self, state: State, origination: Origination, externals: Externals) -> None:
        self._state = state
        self._origination = origination
        self._externals = externals

    def describe(self, area: RunningArea) -> None:
        """Originate our router LSA of an area again."""
        key = LsaKey(LsaType.ROUTER, self._state.router_id, self._state.router_id)
        self._origination.request(area, key, partial(router_body, self._state, area))

    def describe_all(self) -> None:
        """Describe the same in all areas."""
        for area in self._state.areas.values():
            self.describe(area)

    def adjacency_changed(self, neighbor: Neighbor) -> None:
        """Note that a neighbor became, or stopped being, full."""
        state, name = neighbor.state.value, neighbor.interface.name
        self._state.history.note(self._state.context.now, f"Neighbor {neighbor.router} on {name} is {state}")
        self.network_changed(neighbor.interface)
        if neighbor.interface.far_end is not None:
            self.describe_all()  # we are a border router by it, and its area a transit area
            self._externals.refresh_all()
            self._state.request_calculation()

    def network_changed(self, interface: OspfInterface) -> None:
        """Describe this interface again: its LSA content may have changed."""
        self.describe(interface.area)
        self._externals.retell(interface.area)
        key = LsaKey(LsaType.NETWORK, interface.address, self._state.router_id)
        if interface.phase is InterfaceState.DESIGNATED:
            self._origination.request(interface.area, key, partial(network_body, self._state, interface))
        else:
            self._origination.withdraw(interface.area, key)
