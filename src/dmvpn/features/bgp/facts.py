"""BGP as facts: its neighbors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.facts import NeighborFacts, reason_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.ports import Interfaces
    from dmvpn.features.bgp.machine import BgpMachine


def neighbors(machine: BgpMachine, interfaces: Interfaces, now: float) -> Iterator[NeighborFacts]:
    """Those with a session, and those that have none yet."""
    for address, peer in machine.peers.items():
        session = peer.session
        state = interfaces.owner(session.up.local) if session is not None and session.up else None
        yield NeighborFacts(
            protocol=f"bgp {machine.config.local_as}",
            interface=state.name if state is not None else "",
            address=address,
            up=session is not None,
            age=now - (peer.changed or 0.0),
            reason=reason_facts(peer.reason),
        )
