"""BGP as facts for the doctor: configured neighbors, and the sessions that exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.facts import Address, Fact, NeighborFacts, Network, network, reason_facts
from dmvpn.base.values import project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.ports import Interfaces
    from dmvpn.features.bgp.machine import BgpMachine
    from dmvpn.features.bgp.neighbor import Neighbor


class BgpPeerFacts(Fact):
    """A neighbor, and its effective settings.

    local_as: the AS number that we present to it; it may differ from that of the process.
    secured: a password is configured.
    reflected: it is our route reflector client.
    allows_own_as: how often our AS may be in its paths.
    """

    address: Address
    local_as: int
    remote_as: int
    shutdown: bool = False
    passive: bool = False
    secured: bool = False
    reflected: bool = False
    allows_own_as: int = 0


class BgpFacts(Fact):
    """The configuration of BGP.

    local_as: 0: BGP does not run. outer_as: our AS number outside the confederation; members: its other member ASes.
    router_id: as configured.
    called: neighbors that are configured by address. ranges: neighbors may also connect from these, at most
    listen_limit.
    announces: prefixes of `network` and `redistribute` that are in the table.
    busy: news wait until they may be announced to a neighbor: its advertisement interval has not passed. busy_inside:
    such news has the neighbor's AS in its path, so it takes it with `allowas-in` alone.
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
    busy: bool = False
    busy_inside: bool = False


def facts(machine: BgpMachine) -> BgpFacts:
    """Return the facts about the configuration."""
    config = machine.config
    if not config.local_as:
        return BgpFacts()
    return project(
        BgpFacts,
        config,
        members=config.confederation.members,
        ranges=tuple(network(one.prefix) for one in config.listen_ranges),
        peers=tuple(map(_peer, machine.neighbors.values())),
        announces=tuple(network(prefix) for table in machine.tables.values() for prefix in table.routes.own),
        busy=any(table.advertiser.is_busy for table in machine.tables.values()),
        busy_inside=any(table.advertiser.is_busy_inside for table in machine.tables.values()),
    )


def _peer(peer: Neighbor) -> BgpPeerFacts:
    settings = peer.settings
    return BgpPeerFacts(
        address=peer.address,
        local_as=settings.local_as,
        remote_as=settings.remote_as,
        shutdown=settings.lines.shutdown,
        passive=settings.lines.passive,
        secured=bool(settings.lines.password),
        reflected=settings.lines.route_reflector_client,
        allows_own_as=settings.lines.allow_own_as,
    )


def neighbors(machine: BgpMachine, interfaces: Interfaces, now: float) -> Iterator[NeighborFacts]:
    """Yield every neighbor, with and without a session."""
    for address, peer in machine.neighbors.items():
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
