"""NHRP as facts: its state on each tunnel, for both IP versions together."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from dmvpn.base.facts import NO_REASON, Address, Fact, Network, ReasonFacts, network, reason_facts
from dmvpn.base.ports import Protection
from dmvpn.base.protection import ProtectionPhase
from dmvpn.base.values import project
from dmvpn.features.nhrp.cache import RouteState
from dmvpn.features.nhrp.client import NhsClient, NhsState
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.nhrp.model import DEFAULT_HOLDTIME
from dmvpn.features.nhrp.reasons import Suspicion
from dmvpn.features.nhrp.show.entries import effective_flags, flag_names
from dmvpn.features.nhrp.tunnel import Tunnel

_ROUTES: Final = {RouteState.INSTALLED: "T1", RouteState.OVERRIDE: "T2"}


class ServerFacts(Fact):
    """A next hop server that a router is to register with.

    address: its tunnel address, None: not known yet.
    wanted: the other servers of its cluster do not suffice.
    refused: it answers with a NAK.
    reason: as the router shows it; reason_age: seconds since then.
    suspicions: possible causes if the server is silent.
    secured: packets to it may leave; on a protected tunnel, IPsec protects them.
    asks_in: seconds until the next request, None: none is scheduled.
    """

    address: Address | None
    nbma: Address | None
    wanted: bool
    responding: bool
    refused: bool
    secured: bool = True
    asks_in: float | None = None
    reason: ReasonFacts = NO_REASON
    reason_age: float = 0.0
    suspicions: tuple[Suspicion, ...] = ()


class MappingFacts(Fact):
    """An entry of the NHRP cache.

    kind: static, dynamic, incomplete.
    flags: as `show ip nhrp` prints them.
    route: its route in the RIB, "T1" (an NHRP route), "T2" (a next-hop override) or "".
    expires_in: seconds, None: never.
    """

    target: Network
    next_hop: Address
    nbma: Address | None
    claimed: Address | None = None
    kind: str
    flags: tuple[str, ...] = ()
    route: str = ""
    connection: int = 0
    age: float
    expires_in: float | None
    reason: ReasonFacts = NO_REASON


class OverlayFacts(Fact):
    """NHRP on a tunnel.

    nhrp: a network-id is configured, for either IP version.
    servers: of both IP versions.
    multicast: the NBMA addresses that get copies.
    adjacencies: where packets for a next hop go, (next hop, NBMA address, connection).
    by_server: next hops whose packets go through a server for now.
    redirects, shortcuts: `ip nhrp redirect`, `ip nhrp shortcut`.
    authenticated: `ip nhrp authentication`.
    holding_time, registration_interval: seconds.
    multicast_dynamic: clients that register get copies.
    refusals: count of refused NHRP packets, by reason.
    """

    nhrp: bool
    network_id: int | None = None
    authenticated: bool = False
    holding_time: int = 7200
    registration_interval: float = 2400.0
    multicast_dynamic: bool = False
    redirects: bool = False
    shortcuts: bool = False
    servers: tuple[ServerFacts, ...] = ()
    mappings: tuple[MappingFacts, ...] = ()
    multicast: tuple[Address, ...] = ()
    adjacencies: tuple[tuple[Address, Address, int], ...] = ()
    by_server: tuple[Address, ...] = ()
    refusals: dict[str, int] = Field(default_factory=dict)


def facts(machine: NhrpMachine, protection: Protection, name: str, now: float) -> OverlayFacts:
    """Return the facts of the tunnel of this name."""
    known = [tunnel for tunnel in machine.tunnels if tunnel.name == name]
    return OverlayFacts(
        nhrp=any(tunnel.network_id is not None for tunnel in known),
        network_id=next((tunnel.network_id for tunnel in known if tunnel.network_id is not None), None),
        authenticated=any(bool(tunnel.config.authentication) for tunnel in known),
        holding_time=next((tunnel.config.holdtime for tunnel in known), DEFAULT_HOLDTIME),
        registration_interval=next((tunnel.config.refresh for tunnel in known), DEFAULT_HOLDTIME / 3),
        multicast_dynamic=any(tunnel.config.multicast_dynamic for tunnel in known),
        redirects=any(tunnel.config.redirect for tunnel in known),
        shortcuts=any(tunnel.config.shortcut for tunnel in known),
        servers=tuple(_server(protection, name, client, now) for tunnel in known for client in tunnel.clients.values()),
        mappings=tuple(
            project(
                MappingFacts,
                entry,
                target=network(entry.target),
                kind=entry.type.value,
                flags=flag_names(effective_flags(tunnel, entry, now)),
                route=_ROUTES.get(entry.route, ""),
                age=now - entry.created,
                expires_in=None if entry.expires is None else entry.expires - now,
                reason=reason_facts(entry.reason),
            )
            for tunnel in known
            for entry in tunnel.cache.entries()
        ),
        multicast=tuple(dict.fromkeys(neighbor.nbma for tunnel in known for neighbor in tunnel.multicast)),
        by_server=tuple(next_hop for tunnel in known for next_hop in tunnel.gleaned),
        refusals=_refusals(known),
        adjacencies=tuple(
            (next_hop, neighbor.nbma, neighbor.connection)
            for tunnel in known
            for next_hop, neighbor in tunnel.adjacencies.items()
        ),
    )


def _refusals(known: list[Tunnel]) -> dict[str, int]:
    """Return the refusals of both IP versions together."""
    counted: dict[str, int] = {}
    for tunnel in known:
        for why, count in tunnel.counters.refused.items():
            counted[why.value] = counted.get(why.value, 0) + count
    return counted


def _server(port: Protection, tunnel: str, client: NhsClient, now: float) -> ServerFacts:
    protection = port.between(tunnel, client.nbma) if client.nbma is not None else None
    return ServerFacts(
        address=None if client.nhs.is_unspecified else client.nhs,
        nbma=client.nbma,
        wanted=client.state is not NhsState.WAITING,
        responding=client.is_responding,
        refused=client.is_refused,
        secured=protection is None or protection.phase is ProtectionPhase.SECURED,
        asks_in=None if client.deadline is None else max(0.0, client.deadline - now),
        reason=reason_facts(client.reason),
        reason_age=now - client.reason.since if client.reason is not None else 0.0,
        suspicions=client.suspicions,
    )
