"""BGP as facts: who is to be its neighbor, and who is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.facts import Address, Fact, NeighborFacts, Network, network, reason_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.ports import Interfaces
    from dmvpn.features.bgp.machine import BgpMachine


class BgpFacts(Fact):
    """What is wanted of BGP. called: the neighbors that have lines of their own; ranges: others may call from there."""

    called: tuple[Address, ...] = ()
    ranges: tuple[Network, ...] = ()


def facts(machine: BgpMachine) -> BgpFacts:
    """What there is to say about its configuration."""
    config = machine.config
    return BgpFacts(called=config.called, ranges=tuple(network(one.prefix) for one in config.listen_ranges))


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
