"""BGP as facts: who is to be its neighbor, and who is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.facts import Address, Fact, NeighborFacts, Network, network, reason_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.ports import Interfaces
    from dmvpn.features.bgp.machine import BgpMachine
    from dmvpn.features.bgp.peer import Peer


class BgpPeerFacts(Fact):
    """A neighbor, and what holds for it.

    local_as: the number that it knows us by; it may differ from that of the process.
    secured: it has a password.
    reflected: it is a client of this route reflector.
    """

    address: Address
    local_as: int
    remote_as: int
    shutdown: bool = False
    passive: bool = False
    secured: bool = False
    reflected: bool = False


class BgpFacts(Fact):
    """What is wanted of BGP.

    local_as: 0: it does not run. outer_as: for those outside its confederation, which has these members besides.
    router_id: as configured.
    called: the neighbors that have lines of their own; ranges: others may call from there, listen_limit of them.
    announces: what is told of its own accord.
    """

    local_as: int = 0
    outer_as: int = 0
    members: tuple[int, ...] = ()
    router_id: Address | None = None
    called: tuple[Address, ...] = ()
    ranges: tuple[Network, ...] = ()
    listen_limit: int = 0
    peers: tuple[BgpPeerFacts, ...] = ()
    announces: tuple[Network, ...] = ()


def facts(machine: BgpMachine) -> BgpFacts:
    """Return what there is to say about its configuration."""
    config = machine.config
    if not config.local_as:
        return BgpFacts()
    return BgpFacts(
        local_as=config.local_as,
        outer_as=config.outer_as,
        members=config.confederation.members,
        router_id=config.router_id,
        called=config.called,
        ranges=tuple(network(one.prefix) for one in config.listen_ranges),
        listen_limit=config.listen_limit,
        peers=tuple(map(_peer, machine.peers.values())),
        announces=tuple(network(prefix) for prefix in machine.routes.own),
    )


def _peer(peer: Peer) -> BgpPeerFacts:
    settings = peer.settings
    return BgpPeerFacts(
        address=peer.address,
        local_as=settings.local_as,
        remote_as=settings.remote_as,
        shutdown=settings.lines.shutdown,
        passive=settings.lines.passive,
        secured=bool(settings.lines.password),
        reflected=settings.lines.route_reflector_client,
    )


def neighbors(machine: BgpMachine, interfaces: Interfaces, now: float) -> Iterator[NeighborFacts]:
    """Yield those with a session, and those that have none yet."""
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
