"""What a lab looks like from outside, as values: who is plugged in where, what each router wants and what it has.

Both kinds of labs answer the order `facts` with a `LabFacts`; programs above (tools) decide from it what one router
alone can only suspect. Nothing secret is in it.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict

from dmvpn.base.protection import ProtectionPhase
from dmvpn.features.nhrp.client import NhsState
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.system.machine import SystemMachine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dmvpn.base.notices import InterfaceState, TunnelState
    from dmvpn.features.nhrp.client import NhsClient
    from dmvpn.router.router import Router
    from dmvpn.shells.scenario import Scenario

Address = IPv4Address | IPv6Address

_NEGOTIATION_ABORTED: Final = re.compile(r"%IKEV2-3-NEG_ABORT: .*? ERROR: (?P<why>.*) \(peer (?P<peer>\S+):\d+\)$")


class _Fact(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerFacts(_Fact):
    """A next hop server that a router is to register with. address: its tunnel address, None: not known yet.

    wanted: others of its cluster do not suffice. refused: it answers, and says no. reason: what the router says itself;
    suspicions: what it thinks of a silent one. secured: packets to it may go; on a protected tunnel IPsec says so.
    """

    address: Address | None
    nbma: Address | None
    wanted: bool
    responding: bool
    refused: bool
    secured: bool = True
    reason: str = ""
    suspicions: tuple[str, ...] = ()


class PeerFacts(_Fact):
    """An NBMA address that a protected tunnel has no SAs with. reason: what IKE says of it, "" if it says nothing."""

    nbma: Address
    reason: str = ""


class TunnelFacts(_Fact):
    """A tunnel interface. addresses: of either IP version. source: its NBMA address; destination: None if multipoint.

    nhrp: it has a network-id, of either version. servers: those of both. unsecured: whom it is to protect and does not.
    """

    name: str
    up: bool
    reason: str = ""
    addresses: tuple[Address, ...]
    source: Address | None
    source_interface: str
    destination: Address | None
    key: int | None
    protection: str = ""
    nhrp: bool
    servers: tuple[ServerFacts, ...] = ()
    unsecured: tuple[PeerFacts, ...] = ()


class RouterFacts(_Fact):
    """A router that runs. addresses: of all its interfaces, by name.

    refused: who came to no agreement with it, whoever began, as its log says; of each the last word.
    """

    addresses: dict[str, tuple[Address, ...]]
    tunnels: tuple[TunnelFacts, ...]
    refused: tuple[PeerFacts, ...] = ()


class GreFlow(_Fact):
    """GRE through a translator: who inside speaks to whom outside."""

    inside: IPv4Address
    remote: IPv4Address


class GatewayFacts(_Fact):
    """A translator. flows: the GRE that it lets through now; None: nobody can say."""

    private: IPv4Network
    public: IPv4Address
    flows: tuple[GreFlow, ...] | None


class LinkFacts(_Fact):
    """A wire. ends: "R31:GigabitEthernet0/1", "NAT1:inside"."""

    name: str
    ends: tuple[tuple[str, str], ...]
    cut: bool


class LabFacts(_Fact):
    """A whole lab. routers: None for one that does not run."""

    routers: dict[str, RouterFacts | None]
    gateways: dict[str, GatewayFacts]
    links: tuple[LinkFacts, ...]


def router_facts(router: Router) -> RouterFacts:
    """What there is to say about one router."""
    states = router.ports.interfaces.all()
    return RouterFacts(
        addresses={state.name: found for state in states if (found := _addresses(state))},
        tunnels=tuple(_tunnel(router, state) for state in router.ports.tunnels.all()),
        refused=_refused(router.machine(SystemMachine).syslog.lines),
    )


def lab_facts(
    scenario: Scenario,
    routers: Mapping[str, RouterFacts | None],
    gateways: Mapping[str, GatewayFacts],
    cut: Iterable[tuple[str, str]],
) -> LabFacts:
    """The whole. cut: the ends of all wires that nothing passes."""
    severed = set(cut)
    links = [
        LinkFacts(
            name=" -- ".join(f"{node}:{port}" for node, port in ends),
            ends=tuple(ends),
            cut=not severed.isdisjoint(ends),
        )
        for ends, _ in scenario.segments()
    ]
    return LabFacts(routers=dict(routers), gateways=dict(gateways), links=tuple(links))


def _refused(log: Iterable[str]) -> tuple[PeerFacts, ...]:
    """A router keeps no list of strangers, and tells them the least that it may: only its log knows."""
    found = (_NEGOTIATION_ABORTED.search(line) for line in log)
    said = {match["peer"]: match["why"] for match in found if match is not None}
    return tuple(PeerFacts(nbma=ip_address(peer), reason=why) for peer, why in said.items())


def _tunnel(router: Router, state: TunnelState) -> TunnelFacts:
    known = [tunnel for tunnel in router.machine(NhrpMachine).tunnels if tunnel.name == state.name]
    interface = router.ports.interfaces.get(state.name)
    return TunnelFacts(
        name=state.name,
        up=state.up,
        reason=str(state.reason) if state.reason else "",
        addresses=_addresses(interface) if interface is not None else (),
        source=state.source,
        source_interface=state.source_interface,
        destination=state.destination,
        key=state.key,
        protection=state.protection,
        nhrp=any(tunnel.network_id is not None for tunnel in known),
        servers=tuple(_server(router, state, client) for tunnel in known for client in tunnel.clients.values()),
        unsecured=tuple(
            PeerFacts(nbma=pair.remote, reason=str(pair.state.reason) if pair.state.reason else "")
            for pair in (router.ports.protection.pairs() if state.protection else ())
            if pair.tunnel == state.name and pair.state.phase is not ProtectionPhase.SECURED
        ),
    )


def _addresses(state: InterfaceState) -> tuple[Address, ...]:
    """Those that other links may know, of either IP version."""
    return tuple(address for version in (4, 6) for address, _ in state.routed(version))


def _server(router: Router, tunnel: TunnelState, client: NhsClient) -> ServerFacts:
    protection = router.ports.protection.between(tunnel.name, client.nbma) if client.nbma is not None else None
    return ServerFacts(
        address=None if client.nhs.is_unspecified else client.nhs,
        nbma=client.nbma,
        wanted=client.state is not NhsState.WAITING,
        responding=client.is_responding,
        refused=client.is_refused,
        secured=protection is None or protection.phase is ProtectionPhase.SECURED,
        reason=str(client.reason) if client.reason else "",
        suspicions=tuple(suspicion.value for suspicion in client.suspicions),
    )
