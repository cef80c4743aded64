"""The table of EIGRP: what two neighbors over a tunnel must agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.eigrp import terms as of_eigrp
from dmvpn.features.eigrp.terms import EigrpEnd
from dmvpn.network.routing import Protocol
from dmvpn.network.terms.table import Table

if TYPE_CHECKING:
    from dmvpn.network.overlay import EndPair, TunnelEnd


def eigrp_end(end: TunnelEnd, pair: EndPair) -> EigrpEnd | None:
    """Return an end as EIGRP has it: with the process of the peer's number, or else the first; None: without Hellos."""
    own = _numbers(end)
    theirs = _numbers(pair.there if end is pair.here else pair.here) if len(own) > 1 else []
    number = next((one for one in own if one in theirs), next(iter(own), None))
    process = next((one for one in end.device.eigrp.processes if one.autonomous_system == number), None)
    if process is None:
        return None
    settings = process.interface(end.name)
    chain = end.device.eigrp.key_chain(settings.key_chain)
    return EigrpEnd(end.name, process, settings, tuple(chain.keys) if chain is not None else (), end.device.tree)


def _numbers(end: TunnelEnd) -> list[int]:
    return [one.number for one in end.running if one.protocol is Protocol.EIGRP]


EIGRP: Final = Table(eigrp_end, of_eigrp.TERMS)
