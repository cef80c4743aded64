"""One router as facts: interfaces, routes, neighbors, SAs, counters, and what its log says."""

from __future__ import annotations

from dataclasses import asdict, astuple
from ipaddress import IPv4Address, ip_interface
from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import RouteKind
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.features.eigrp.interface import NeighborState
from dmvpn.features.eigrp.machine import EigrpMachine
from dmvpn.features.eigrp.tlv import StubFlag
from dmvpn.features.ikev2.machine import Ikev2Machine
from dmvpn.features.interface.machine import InterfaceMachine
from dmvpn.features.nat.machine import NatMachine
from dmvpn.features.ospf.machine import OspfMachine
from dmvpn.features.rib.machine import RibMachine
from dmvpn.features.rip.machine import RipMachine
from dmvpn.features.system.machine import SystemMachine
from dmvpn.features.tunnel.machine import TunnelMachine
from dmvpn.shells.facts.reasons import reason_facts
from dmvpn.shells.facts.tunnels import network, tunnel_facts
from dmvpn.shells.facts.values import (
    DropFacts,
    EigrpFacts,
    EigrpInterfaceFacts,
    HopFacts,
    IkeFacts,
    InterfaceFacts,
    KernelFacts,
    LogFacts,
    NeighborFacts,
    OfferFacts,
    OspfFacts,
    OspfInterfaceFacts,
    PeerFacts,
    RipFacts,
    RipInterfaceFacts,
    RouteFacts,
    RouterFacts,
    SaFacts,
    TranslationFacts,
    log_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.base.effects import NextHop
    from dmvpn.base.notices import InterfaceState
    from dmvpn.base.protection import SaView
    from dmvpn.dataplane.userspace.things import Difference
    from dmvpn.features.eigrp.process import Process
    from dmvpn.features.ospf.process import Process as OspfProcess
    from dmvpn.features.rib.offers import Node
    from dmvpn.router.router import Router

#: Lines of the log that go with the facts.
LOG_LINES: Final = 100
#: What `eigrp stub` calls what a stub tells of.
_STUB_WORDS: Final = {
    StubFlag.CONNECTED: "connected",
    StubFlag.STATIC: "static",
    StubFlag.SUMMARY: "summary",
    StubFlag.REDISTRIBUTED: "redistributed",
}


def router_facts(router: Router, now: float, kernel: Iterable[Difference] = ()) -> RouterFacts:
    """What there is to say about one router at `now`, its monotonic clock. kernel: what its data plane found there."""
    log = router.machine(SystemMachine).syslog.told[-LOG_LINES:]
    return RouterFacts(
        hostname=router.hostname,
        now=now,
        configuration=tuple(router.running.render_for_others()),
        interfaces=tuple(_interface(router, state) for state in router.ports.interfaces.all()),
        routes=tuple(_routes(router, now)),
        neighbors=(*_neighbors(router, now), *_bgp_neighbors(router, now)),
        rip=_rip(router.machine(RipMachine), now),
        eigrp=tuple(_eigrp(process) for process in router.machine(EigrpMachine).processes.values()),
        ospf=tuple(_ospf(process) for process in router.machine(OspfMachine).processes.values()),
        tunnels=tuple(tunnel_facts(router, state, now) for state in router.ports.tunnels.all()),
        sas=tuple(_sa(view, now) for view in router.ports.protection.sas()),
        ike=tuple(
            IkeFacts(
                local=sa.local,
                local_port=sa.local_port,
                remote=sa.remote,
                remote_port=sa.remote_port,
                phase=sa.phase.value,
                age=now - sa.since,
            )
            for sa in router.ports.ike.sas()
        ),
        drops=DropFacts(**asdict(router.machine(TunnelMachine).drops)),
        refused=tuple(
            PeerFacts(nbma=peer, reason=reason_facts(why)) for peer, why in router.machine(Ikev2Machine).refused.items()
        ),
        log=tuple(LogFacts(message=log_name(line.message) if line.message else "", text=line.text) for line in log),
        translation=_translation(router.machine(NatMachine)),
        kernel=tuple(KernelFacts(what=one.what, there=one.there, unordered=one.unordered) for one in kernel),
    )


def _translation(machine: NatMachine) -> TranslationFacts | None:
    order = machine.ordered
    return TranslationFacts(inside=order.inside, overloads=order.overloads) if order.overloads else None


def _interface(router: Router, state: InterfaceState) -> InterfaceFacts:
    traffic = router.machine(InterfaceMachine).traffic(state.name)
    port = router.machine(InterfaceMachine).port(state.name)
    settings = port.settings if port is not None else None
    return InterfaceFacts(
        name=state.name,
        enabled=state.enabled,
        line=state.line,
        addresses=tuple(
            ip_interface((address, length)) for version in (4, 6) for address, length in state.routed(version)
        ),
        mtu=state.mtu,
        ip_mtu=state.ip_mtu,
        ip6_mtu=state.ipv6.mtu if state.ipv6 is not None else state.ip_mtu,
        mss=settings.mss if settings is not None else None,
        mss6=settings.ipv6.mss if settings is not None and settings.ipv6 is not None else None,
        reason=reason_facts(state.reason),
        received=traffic.count.received if traffic is not None else 0,
        sent=traffic.count.sent if traffic is not None else 0,
    )


def _routes(router: Router, now: float) -> Iterator[RouteFacts]:
    rib = router.machine(RibMachine)
    for prefix, node in rib.nodes.items():
        route = node.shown
        if route is None:
            continue
        yield RouteFacts(
            prefix=network(prefix),
            source=route.source.value,
            process=route.process,
            distance=route.distance,
            metric=route.metric,
            next_hops=tuple(_hop(hop) for hop in route.next_hops),
            override=_hop(node.override) if node.override is not None and rib.overridden(node) else None,
            drops=route.kind is not RouteKind.FORWARD,
            silently=route.kind is RouteKind.DISCARD,
            beaten=tuple(_beaten(node)),
            age=now - route.since,
        )


def _beaten(node: Node) -> Iterator[OfferFacts]:
    for offer in node.offers.values():
        if offer is not node.best:
            yield OfferFacts(
                source=offer.route.source.value,
                process=offer.route.process,
                distance=offer.route.distance,
                metric=offer.route.metric,
                usable=offer.usable,
            )


def _hop(hop: NextHop) -> HopFacts:
    return HopFacts(address=hop.address, interface=hop.interface)


def _neighbors(router: Router, now: float) -> Iterator[NeighborFacts]:
    yield from _eigrp_neighbors(router, now)
    for process in router.machine(OspfMachine).processes.values():
        yield from _ospf_neighbors(process, now)


def _eigrp_neighbors(router: Router, now: float) -> Iterator[NeighborFacts]:
    for number, process in router.machine(EigrpMachine).processes.items():
        for neighbor in process.neighbors():
            yield NeighborFacts(
                protocol=f"eigrp {number}",
                interface=neighbor.interface.name,
                address=neighbor.address,
                up=neighbor.state is NeighborState.UP,
                age=now - neighbor.since,
                reason=reason_facts(neighbor.refusal),
                stub=neighbor.stub is not None,
            )


def _ospf_neighbors(process: OspfProcess, now: float) -> Iterator[NeighborFacts]:
    """Those that are known, and those whose Hellos are not taken."""
    for interface in process.interfaces.values():
        for neighbor in interface.neighbors.values():
            yield NeighborFacts(
                protocol=f"ospf {process.number}",
                interface=interface.name,
                address=neighbor.address,
                up=neighbor.is_full or (neighbor.is_two_way and not neighbor.wants_adjacency),
                age=now - neighbor.since,
                reason=reason_facts(neighbor.refusal),
            )
        for address, reason in interface.refusals.items():
            if address not in interface.neighbors:
                yield NeighborFacts(
                    protocol=f"ospf {process.number}",
                    interface=interface.name,
                    address=address,
                    up=False,
                    age=now - reason.since,
                    reason=reason_facts(reason),
                )


def _ospf(process: OspfProcess) -> OspfFacts:
    return OspfFacts(
        process=process.number,
        router_id=process.router_id,
        interfaces=tuple(
            OspfInterfaceFacts(
                name=interface.name,
                area=interface.area.number,
                network=interface.settings.network.value,
                cost=interface.cost,
                speaks=interface.speaks,
            )
            for interface in process.interfaces.values()
        ),
    )


def _bgp_neighbors(router: Router, now: float) -> Iterator[NeighborFacts]:
    machine = router.machine(BgpMachine)
    for address, peer in machine.peers.items():
        session = peer.session
        state = router.ports.interfaces.owner(session.up.local) if session is not None and session.up else None
        yield NeighborFacts(
            protocol=f"bgp {machine.config.local_as}",
            interface=state.name if state is not None else "",
            address=address,
            up=session is not None,
            age=now - (peer.changed or 0.0),
            reason=reason_facts(peer.reason),
        )


def _eigrp(process: Process) -> EigrpFacts:
    settings = process.settings
    return EigrpFacts(
        autonomous_system=settings.autonomous_system,
        name=settings.name,
        weights=astuple(settings.scale.weights),
        stub=_stub(settings.stub),
        networks=tuple((network.address, network.wildcard) for network in settings.networks),
        redistributes=tuple(one.source.value for one in settings.redistributions),
        interfaces=tuple(
            EigrpInterfaceFacts(
                name=name,
                passive=interface.settings.passive,
                hello_interval=interface.settings.hello_interval,
                hold_time=interface.settings.hold_time,
                split_horizon=interface.settings.split_horizon,
                next_hop_self=interface.settings.next_hop_self,
                authentication=interface.settings.authentication.value if interface.settings.authentication else "",
                blocked=reason_facts(interface.blocked),
            )
            for name, interface in process.interfaces.items()
        ),
        dropped=dict(process.sender.traffic.dropped),
    )


def _stub(flags: StubFlag | None) -> tuple[str, ...] | None:
    return None if flags is None else tuple(word for flag, word in _STUB_WORDS.items() if flag in flags)


def _rip(machine: RipMachine, now: float) -> RipFacts | None:
    config = machine.config
    if not config.enabled:
        return None
    fresh = [who for who, when in machine.gateways.items() if now - when <= config.timers.invalid]
    speaking = [
        RipInterfaceFacts(
            name=name,
            passive=circuit.passive,
            split_horizon=config.interface(name).split_horizon,
            heard=tuple(who for who in fresh if isinstance(who, IPv4Address) and circuit.holds(who)),
        )
        for name, circuit in machine.circuits.items()
    ]
    silent = [RipInterfaceFacts(name=name, blocked=reason_facts(reason)) for name, reason in machine.silent.items()]
    return RipFacts(
        neighbors=config.neighbors,
        announces=tuple(network(prefix) for prefix in machine.own),
        interfaces=(*speaking, *silent),
    )


def _sa(view: SaView, now: float) -> SaFacts:
    connection, transform, count = view.connection, view.transform, view.count
    cipher = f"{transform.cipher.value} {transform.bits}"
    return SaFacts(
        connection=connection.number,
        local=connection.local,
        remote=connection.remote,
        local_port=connection.local_port,
        remote_port=connection.remote_port,
        spi_in=view.spi_in,
        spi_out=view.spi_out,
        transform=cipher if transform.hash is None else f"{cipher} {transform.hash.value}",
        transport=view.transport,
        used=view.used,
        age=now - view.since,
        expires_in=view.expires - now,
        sent=count.sent if count else 0,
        received=count.received if count else 0,
        broken=count.broken if count else 0,
        replayed=count.replayed if count else 0,
    )
