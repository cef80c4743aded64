"""Why the routing table does not use the route of a protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dmvpn.base.barriers import Barrier, RouteReason
from dmvpn.base.reasons import Reason
from dmvpn.features.rib.offers import UNUSABLE_DISTANCE

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.base.barriers import Side
    from dmvpn.features.rib.machine import RibMachine


def barrier(side: Side, prefix: Prefix, protocol: str) -> Barrier | None:
    """Return why the route that a protocol offers is not in use, None: it is, or there is none."""
    node = cast("RibMachine", side.machines["rib"]).nodes.get(prefix)
    for (source, _), offer in node.offers.items() if node is not None else ():
        if node is None or source.value != protocol or offer is node.plain:
            continue
        if offer.route.distance >= UNUSABLE_DISTANCE:
            reason = Reason(RouteReason.NEVER)
        elif not offer.usable:
            hop = next(iter(offer.route.next_hops), None)
            reason = Reason(RouteReason.NEXT_HOP, (hop.address if hop is not None else "",))
        else:
            reason = Reason(RouteReason.HIDDEN, (node.plain.route.source.value if node.plain is not None else "",))
        return Barrier(protocol=protocol, reason=reason, at_sender=False)
    return None
