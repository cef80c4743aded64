"""The order of effects about one port in one event: nothing passes a port that is not filtered yet, or no more.

Features give their effects in the order in which notices reach them: a port may come up by a line, and get its list by
a notice about lists that follows. An order for filters needs no other effect. So this order moves: before the effect
that opens its port, or behind the effect that shuts it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.effects import RemoveTunnel, SetCarrier, SetFilters, SetInterface, SetTunnel

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect


def filtered_first(effects: list[Effect]) -> list[Effect]:
    """Return the effects with the orders for filters of each port before it opens, and behind its end."""
    waiting: dict[str, list[Effect]] = {}
    for effect in effects:
        if isinstance(effect, SetFilters):
            waiting.setdefault(effect.interface, []).append(effect)
    if not waiting:
        return effects
    last = {port: place for place, effect in enumerate(effects) if (port := _changed(effect))}
    shut = {port: place for port, place in last.items() if not _opens(effects[place])}
    found: list[Effect] = []
    for place, effect in enumerate(effects):
        port = effect.interface if isinstance(effect, SetFilters) else _changed(effect)
        if shut.get(port, -1) < place:
            found += waiting.pop(port, [])
        if not isinstance(effect, SetFilters):
            found.append(effect)
        if shut.get(port) == place:
            found += waiting.pop(port, [])
    return found


def _changed(effect: Effect) -> str:
    """Return the port that this opens or shuts, "" for none."""
    match effect:
        case SetInterface(interface=port) | SetCarrier(tunnel=port) | RemoveTunnel(tunnel=port):
            return port
        case SetTunnel(spec=spec):
            return spec.name
    return ""


def _opens(effect: Effect) -> bool:
    return isinstance(effect, SetTunnel) or (isinstance(effect, SetInterface | SetCarrier) and effect.up)
