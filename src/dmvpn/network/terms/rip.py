"""The table of RIP: what two ends of a tunnel must agree on, and have for each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.rip import terms as of_rip
from dmvpn.features.rip.model import LAST_KEY
from dmvpn.features.rip.terms import RipEnd
from dmvpn.network.routing import Protocol
from dmvpn.network.terms.table import Table

if TYPE_CHECKING:
    from dmvpn.network.overlay import EndPair, TunnelEnd


def _rip_end(end: TunnelEnd, _: EndPair) -> RipEnd | None:
    """Return an end as RIP has it; None: it sends no updates there."""
    if not any(one.protocol is Protocol.RIP for one in end.running):
        return None
    config = end.device.rip
    settings = config.interface(end.name)
    chain = config.key_chain(settings.key_chain)
    keys = tuple(key for key in chain.keys if key.number <= LAST_KEY) if chain is not None else ()
    return RipEnd(end.device.hostname, config, settings, keys, end.device.vrf)


RIP: Final = Table(_rip_end, of_rip.TERMS, of_rip.DUTIES)
