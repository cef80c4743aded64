"""A router's tunnels as facts: what NHRP and IPsec have come to on each of them."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from dmvpn.base.effects import DfBit
from dmvpn.base.protection import ProtectionPhase
from dmvpn.features.nhrp.cache import RouteState
from dmvpn.features.nhrp.client import NhsState
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.nhrp.model import DEFAULT_HOLDTIME
from dmvpn.features.nhrp.show.entries import effective_flags, flag_names
from dmvpn.features.tunnel.machine import TunnelMachine
from dmvpn.shells.facts.reasons import reason_facts
from dmvpn.shells.facts.values import Address, MappingFacts, PeerFacts, ServerFacts, TunnelFacts

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.notices import InterfaceState, TunnelState
    from dmvpn.features.nhrp.cache import Entry
    from dmvpn.features.nhrp.client import NhsClient
    from dmvpn.features.nhrp.tunnel import Tunnel
    from dmvpn.router.router import Router

_ROUTES = {RouteState.INSTALLED: "T1", RouteState.OVERRIDE: "T2"}


def tunnel_facts(router: Router, state: TunnelState, now: float) -> TunnelFacts:
    """What there is to say about one tunnel."""
    known = [tunnel for tunnel in router.machine(NhrpMachine).tunnels if tunnel.name == state.name]
    interface = router.ports.interfaces.get(state.name)
    return TunnelFacts(
        name=state.name,
        up=state.up,
        enabled=state.enabled,
        reason=reason_facts(state.reason),
        addresses=_addresses(interface) if interface is not None else (),
        multipoint=state.multipoint,
        source=state.source,
        source_interface=state.source_interface,
        destination=state.destination,
        key=state.key,
        protection=state.protection,
        ip_mtu=interface.ip_mtu if interface is not None else state.ip_mtu,
        room=state.ip_mtu,
        mss=state.mss,
        nhrp=any(tunnel.network_id is not None for tunnel in known),
        network_id=next((tunnel.network_id for tunnel in known if tunnel.network_id is not None), None),
        keepalive=state.keepalive,
        authenticated=any(bool(tunnel.config.authentication) for tunnel in known),
        holding_time=next((tunnel.config.holdtime for tunnel in known), DEFAULT_HOLDTIME),
        registration_interval=next((tunnel.config.refresh for tunnel in known), DEFAULT_HOLDTIME / 3),
        multicast_dynamic=any(tunnel.config.multicast_dynamic for tunnel in known),
        redirects=any(tunnel.config.redirect for tunnel in known),
        df=_df(router, state.name),
        ttl=state.ttl,
        checksum=state.checksum,
        sequence=state.sequence,
        shortcuts=any(tunnel.config.shortcut for tunnel in known),
        servers=tuple(_server(router, state, client) for tunnel in known for client in tunnel.clients.values()),
        unsecured=_unsecured(router, state),
        mappings=tuple(_mapping(tunnel, entry, now) for tunnel in known for entry in tunnel.cache.entries()),
        multicast=tuple(dict.fromkeys(neighbor.nbma for tunnel in known for neighbor in tunnel.multicast)),
        adjacencies=tuple(
            (next_hop, neighbor.nbma, neighbor.connection)
            for tunnel in known
            for next_hop, neighbor in tunnel.adjacencies.items()
        ),
        by_server=tuple(next_hop for tunnel in known for next_hop in tunnel.gleaned),
        refusals=_refusals(known),
    )


def _df(router: Router, tunnel: str) -> str:
    spec = router.machine(TunnelMachine).spec(tunnel)
    return spec.df.value if spec is not None else DfBit.CLEAR.value


def _refusals(known: list[Tunnel]) -> dict[str, int]:
    """Of both IP versions together."""
    counted: dict[str, int] = {}
    for tunnel in known:
        for why, count in tunnel.counters.refused.items():
            counted[why.value] = counted.get(why.value, 0) + count
    return counted


def _addresses(state: InterfaceState) -> tuple[Address, ...]:
    """Those that other links may know, of either IP version."""
    return tuple(address for version in (4, 6) for address, _ in state.routed(version))


def network(prefix: Prefix) -> IPv4Network | IPv6Network:
    """The prefix as the standard library has it."""
    return ip_network((prefix.address, prefix.length))


def _mapping(tunnel: Tunnel, entry: Entry, now: float) -> MappingFacts:
    return MappingFacts(
        target=network(entry.target),
        next_hop=entry.next_hop,
        nbma=entry.nbma,
        claimed=entry.claimed,
        kind=entry.type.value,
        flags=flag_names(effective_flags(tunnel, entry, now)),
        route=_ROUTES.get(entry.route, ""),
        connection=entry.connection,
        age=now - entry.created,
        expires_in=None if entry.expires is None else entry.expires - now,
        reason=reason_facts(entry.reason),
    )


def _unsecured(router: Router, tunnel: TunnelState) -> tuple[PeerFacts, ...]:
    return tuple(
        PeerFacts(nbma=pair.remote, reason=reason_facts(pair.state.reason))
        for pair in (router.ports.protection.pairs() if tunnel.protection else ())
        if pair.tunnel == tunnel.name and pair.state.phase is not ProtectionPhase.SECURED
    )


def _server(router: Router, tunnel: TunnelState, client: NhsClient) -> ServerFacts:
    protection = router.ports.protection.between(tunnel.name, client.nbma) if client.nbma is not None else None
    return ServerFacts(
        address=None if client.nhs.is_unspecified else client.nhs,
        nbma=client.nbma,
        wanted=client.state is not NhsState.WAITING,
        responding=client.is_responding,
        refused=client.is_refused,
        secured=protection is None or protection.phase is ProtectionPhase.SECURED,
        reason=reason_facts(client.reason),
        suspicions=client.suspicions,
    )
