"""Why the routing table does not use the route of a protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dmvpn.base.barriers import Barrier, RouteReason, Side, barred
from dmvpn.features.rib.offers import UNUSABLE_DISTANCE

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.features.rib.machine import RibMachine


def barrier(side: Side, prefix: Prefix, protocol: str) -> Barrier | None:
    """Return why the route that a protocol offers is not in use; None if it is in use, or no route is offered."""
    node = cast("RibMachine", side.machines["rib"]).nodes.get(prefix)
    for (source, _), offer in node.offers.items() if node is not None else ():
        if node is None or source.value != protocol or offer is node.plain:
            continue
        if offer.route.distance >= UNUSABLE_DISTANCE:
            return barred(protocol, RouteReason.NEVER, at_sender=False)
        if not offer.usable:
            hop = next(iter(offer.route.next_hops), None)
            return barred(protocol, RouteReason.NEXT_HOP, hop.address if hop is not None else "", at_sender=False)
        hidden_by = node.plain.route.source.value if node.plain is not None else ""
        return barred(protocol, RouteReason.HIDDEN, hidden_by, at_sender=False)
    return None
