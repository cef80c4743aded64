"""Orders that the host refused: given again after 1, 2, 4 ... seconds, if they still hold then.

What has been replaced meanwhile (by another adjacency, another list) is not given again: the newer order has gone out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.effects import ClearAdjacency, Effect, SetAdjacency, SetHairpin, SetMulticast, Store
from dmvpn.base.reasons import Reason
from dmvpn.base.retries import Retries
from dmvpn.features.nhrp import request_ids
from dmvpn.features.nhrp.counters import Happening
from dmvpn.features.nhrp.neighbor import Neighbor
from dmvpn.features.nhrp.reasons import NhrpReason

if TYPE_CHECKING:
    from dmvpn.base.events import EffectFailed
    from dmvpn.features.nhrp.station import Station
    from dmvpn.features.nhrp.tunnel import Tunnel


class RefusedOrders:
    """Owns the orders that are to be given again."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._retries: Retries[Effect] = Retries()

    def next_deadline(self) -> float | None:
        """When the next one is to be given again."""
        return self._retries.next()

    def failed(self, event: EffectFailed) -> None:
        """The host could not do it."""
        effect = event.effect
        if isinstance(effect, SetAdjacency | ClearAdjacency | SetMulticast | SetHairpin) or (
            isinstance(effect, Store) and effect.name == request_ids.NAME
        ):
            reason = Reason(NhrpReason.ORDER_REFUSED, (event.text,), self._station.now)
            self._retries.failed(effect, reason, self._station.now)
        tunnel = self._station.tunnels.get(effect.tunnel) if isinstance(effect, SetAdjacency | ClearAdjacency) else None
        if tunnel is not None:
            added = isinstance(effect, SetAdjacency)
            tunnel.counters.count_failed(Happening.END_POINT_ADDED if added else Happening.END_POINT_DELETED)

    def due(self) -> None:
        """Give again what is due."""
        for effect in self._retries.pop_due(self._station.now):
            if self._still_holds(effect):
                self._station.emit(effect)
            else:
                self._retries.forget(effect)

    def _still_holds(self, effect: Effect) -> bool:
        match effect:
            case SetAdjacency(name, next_hop):
                tunnel = self._running(name)
                order = Neighbor(effect.nbma, effect.connection)
                return tunnel is not None and tunnel.adjacencies.get(next_hop) == order
            case ClearAdjacency(name, next_hop):
                tunnel = self._running(name)
                return tunnel is not None and next_hop not in tunnel.adjacencies
            case SetMulticast(name):
                tunnel = self._running(name)
                return tunnel is not None and self._station.multicast_order(tunnel) == effect
            case SetHairpin(name):
                tunnel = self._running(name)
                return tunnel is not None and tunnel.network_id == effect.network
            case Store():
                return effect == self._station.request_ids.stored
            case _:
                return False

    def _running(self, name: str) -> Tunnel | None:
        tunnel = self._station.tunnels.get(name)
        return tunnel if tunnel is not None and tunnel.running else None
