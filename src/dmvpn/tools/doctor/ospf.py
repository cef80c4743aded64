"""Checks of OSPF over the tunnels: it runs at both ends, with matching parameters, and every router gets routes."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.placeholder import Blank
from dmvpn.base.values import dataclass
from dmvpn.features.ospf.config import interfaces as port_lines
from dmvpn.features.ospf.config import processes as process_lines
from dmvpn.features.ospf.model import NetworkType
from dmvpn.features.ospf.reasons import OspfReason
from dmvpn.tools.doctor import addressing
from dmvpn.tools.doctor.authentication import ChainEnd, chain_lines
from dmvpn.tools.doctor.configuration import device, statements, texts
from dmvpn.tools.doctor.convergence import not_before
from dmvpn.tools.doctor.openings import ospf_process
from dmvpn.tools.doctor.ospf_authentication import OspfEnd, opening, proof, settings
from dmvpn.tools.doctor.packet_sizes import mtu_line
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.base.facts import NeighborFacts, ReasonFacts
    from dmvpn.features.ospf.facts import OspfFacts, OspfInterfaceFacts
    from dmvpn.ios import ConfigLine
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

    _Running = tuple[OspfFacts, OspfInterfaceFacts]

_STEP = Step.ROUTING
#: The wildcard of one address.
_HOST: Final = IPv4Address(0)
#: Types of networks that a line can set.
_TYPES: Final = frozenset(kind.value for kind in NetworkType)
#: Types of networks that elect a designated router.
_ELECT: Final = ("broadcast", "non-broadcast")
#: Seconds: a lost packet is sent again within this time.
_EXCHANGE: Final = 10
#: Parameters on which two ends must agree, by the reason for refusing a Hello.
_TERMS: Final = {
    OspfReason.DEAD_INTERVAL: (port_lines.DEAD_INTERVAL, port_lines.HELLO_INTERVAL, port_lines.NETWORK),
    OspfReason.HELLO_INTERVAL: (port_lines.HELLO_INTERVAL, port_lines.DEAD_INTERVAL, port_lines.NETWORK),
}


@dataclass(frozen=True, slots=True)
class _Term:
    """A parameter on which two ends disagree. fix: lines that give one end the other's. decide: "": it is certain."""

    cause: Cause
    fix: tuple[str, ...]
    decide: str = ""


def identities(scene: Scene) -> Iterator[Verdict]:
    """Check that no two routers in one OSPF domain have one router ID: each would take the other's LSAs for its own."""
    first: dict[tuple[str, IPv4Address], tuple[str, OspfFacts]] = {}
    for name, facts in scene.alive():
        views = [(facts.seen_from(tunnel.name), tunnel) for tunnel in facts.tunnels]
        by_tunnel = (found[0] for view, tunnel in views if (found := running_on(view, tunnel)) is not None)
        for process in dict.fromkeys(by_tunnel):
            other, its = first.setdefault((process.vrf, process.router_id), (name, process))
            if other == name:
                continue
            own = {name: process, other: its}
            wrong, right = _impostor(scene, (name, other), process.router_id)
            free = next(addressing.unique_addresses(scene, wrong), Blank("address"))
            yield Finding(
                step=_STEP,
                cause=Cause.OSPF_TERMS,
                router=wrong,
                what=f"OSPF of {wrong} and {right} has one router identifier, {process.router_id}",
                evidence=(f"{right} has it, too",),
                fix=(ospf_process(own[wrong]), process_lines.ROUTER_ID.of(address=free)),
                order=f"and then at {wrong}: clear ip ospf process",
                others=(right,),
            )


def _impostor(scene: Scene, names: tuple[str, str], identifier: IPv4Address) -> tuple[str, str]:
    """Return of two routers with one router ID the one to change, and the other: the owner of that address keeps it."""
    one, other = names
    return (other, one) if identifier in addressing.unique_addresses(scene, one) else (one, other)


def running_on(facts: RouterFacts, tunnel: TunnelFacts) -> _Running | None:
    """Return the process and the interface of OSPF on a tunnel."""
    for process in facts.ospf:
        for interface in process.interfaces:
            if interface.name == tunnel.name:
                return process, interface
    return None


def greets_by_multicast(facts: RouterFacts, tunnel: TunnelFacts) -> bool:
    """Return whether OSPF of a router sends its Hellos on a tunnel by multicast (RFC 2328 §9.5)."""
    found = running_on(facts, tunnel)
    return found is not None and found[1].speaks and not found[1].network.endswith("non-broadcast")


def _with(facts: RouterFacts, tunnel: TunnelFacts, other: TunnelFacts) -> NeighborFacts | None:
    for one in facts.neighbors:
        if one.protocol.startswith("ospf ") and one.interface == tunnel.name and one.address in other.addresses:
            return one
    return None


def is_up(client: Client) -> bool:
    """Return whether the two ends are neighbors."""
    there, hub = client.there, client.hub_facts
    if there is None or hub is None:
        return False
    ends = (_with(client.facts, client.tunnel, there), _with(hub, there, client.tunnel))
    return all(one is not None and one.up for one in ends)


def neighbors(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check OSPF at both ends of a tunnel."""
    there, hub = client.there, client.hub_facts
    if there is None or hub is None or not client.facts.ospf or not hub.ospf:
        return
    ends = ((client.name, client.facts, client.tunnel), (client.hub, hub, there))
    running = [running_on(facts, tunnel) for _, facts, tunnel in ends]
    if not any(running):
        return
    for (name, facts, tunnel), found in zip(ends, running, strict=True):
        if found is None:
            yield _not_running(name, facts, tunnel, next(one for one in running if one is not None))
            return
        if found[1].blocked:
            fix = chain_lines(*_chains(ends, name))
            what = f"OSPF of {name} cannot prove itself on {tunnel.name}, and keeps silent: {found[1].blocked}"
            yield Finding(step=_STEP, cause=Cause.OSPF_AUTHENTICATION, router=name, what=what, fix=fix)
            return
        if not found[1].speaks:
            fix = (ospf_process(found[0]), process_lines.PASSIVE.no(name=tunnel.name))
            what = f"{tunnel.name} is a passive interface of OSPF at {name}"
            yield Finding(step=_STEP, cause=Cause.PASSIVE_INTERFACE, router=name, what=what, fix=fix)
            return
    here, far = running
    if here is None or far is None:
        return
    name = _odd(scene, client)
    wrong, right = (here, far) if name == client.name else (far, here)
    is_apart = (here[1].network in _ELECT) is not (far[1].network in _ELECT)
    if is_apart or (here[1].network != far[1].network and not is_up(client)):  # a point-to-point one takes one neighbor
        yield Finding(
            step=_STEP,
            cause=Cause.OSPF_NETWORK_TYPE,
            router=name,
            what=f"OSPF: the tunnel is {here[1].network} at {client.name}, and {far[1].network} at {client.hub}",
            fix=_network_lines(wrong[1].name, right[1].network),
            others=(client.name, client.hub),
        )
        return
    yield from _undesignated(scene, client, there, hub)
    if is_up(client):
        yield Fine(_STEP, f"{client.name} and {client.hub} are OSPF neighbors")
        return
    near, there_ = OspfEnd(client.name, client.facts, here), OspfEnd(client.hub, hub, far)
    yield from _why_not(scene, client, (near, there_) if name == client.name else (there_, near))


def _chains(ends: Iterable[tuple[str, RouterFacts, TunnelFacts]], name: str) -> tuple[ChainEnd, ChainEnd]:
    """Return the key chains of two ends, that of the router of this name first."""
    first, second = (
        ChainEnd(router, facts, settings(facts, tunnel.name).key_chain)
        for router, facts, tunnel in sorted(ends, key=lambda end: end[0] != name)
    )
    return first, second


def _network_lines(name: str, network: str) -> tuple[str, ...]:
    """Return the lines that set the network type of an interface; none for a type of a later release."""
    if network not in _TYPES:
        return ()
    return (opening(name), port_lines.NETWORK.of(**dict.fromkeys(network.split(), True)))


def _not_running(name: str, facts: RouterFacts, tunnel: TunnelFacts, other: _Running) -> Finding:
    number = facts.ospf[0].process
    return Finding(
        step=_STEP,
        cause=Cause.NETWORK_STATEMENT,
        router=name,
        what=f"OSPF of {name} does not run on {tunnel.name}, and at the other end it does",
        evidence=(f"{name}: OSPF runs on {', '.join(one.name for one in facts.ospf[0].interfaces) or 'nothing'}",),
        fix=(opening(tunnel.name), port_lines.PROCESS.of(process=number, area=other[1].area)),
    )


def _odd(scene: Scene, client: Client) -> str:
    """Return the hub, if none of its clients is its neighbor; else the client."""
    others = [one for one in scene.fellows(client) if running_on(one.facts, one.tunnel) is not None]
    return client.hub if others and not any(map(_is_well, others)) else client.name


def _is_well(client: Client) -> bool:
    there, hub = client.there, client.hub_facts
    ends = (running_on(client.facts, client.tunnel), running_on(hub, there) if hub and there else None)
    if ends[0] is None or ends[1] is None or not is_up(client):
        return False
    return (ends[0][1].network in _ELECT) is (ends[1][1].network in _ELECT)


def _undesignated(scene: Scene, client: Client, there: TunnelFacts, hub: RouterFacts) -> Iterator[Verdict]:
    """Check that the hub may become designated router."""
    found = running_on(hub, there)
    if found is None or found[1].network not in _ELECT or settings(hub, there.name).priority:
        return
    yield Finding(
        step=_STEP,
        cause=Cause.OSPF_NETWORK_TYPE,
        router=client.hub,
        what=f"{client.hub} may not become designated router, and all other routers learn routes only from it",
        evidence=(f"{client.hub}: {port_lines.PRIORITY.of(priority=0)}",),
        fix=(opening(there.name), port_lines.PRIORITY.no(priority=0)),
    )


def _why_not(scene: Scene, client: Client, ends: tuple[OspfEnd, OspfEnd]) -> Iterator[Verdict]:
    """Yield why two ends are no neighbors. ends: first the one to change."""
    there, hub = client.there, client.hub_facts
    if there is None or hub is None:
        return
    found = [one for one in (_with(client.facts, client.tunnel, there), _with(hub, there, client.tunnel)) if one]
    reasons = [one.reason for one in found if one.reason]
    state = tuple(f"{client.name if one is found[0] else client.hub}: {one.reason}" for one in found if one.reason)
    wanted = there.ip_mtu if ends[0].name == client.name else client.tunnel.ip_mtu
    for reason in reasons:
        disagreed = _term(reason, *ends, wanted)
        if disagreed is not None:
            witnesses = any(running_on(one.facts, one.tunnel) is not None for one in scene.fellows(client))
            yield _disagree(disagreed, client, ends[0].name, state, certain=witnesses)
            return
    yield Finding(
        step=_STEP,
        cause=Cause.UNDECIDED,
        router=client.name,
        what=f"{client.name} and {client.hub} run OSPF, and are no neighbors",
        evidence=state,
        decide=not_before(client, max(map(_patience, ends))),
    )


def _term(reason: ReasonFacts, wrong: OspfEnd, right: OspfEnd, ip_mtu: int) -> _Term | None:
    """Return the parameter on which two ends disagree for this reason, with lines that make one end like the other.

    ip_mtu: of the other end, octets.
    """
    process, area = wrong.running[0].process, right.running[1].area
    if reason.is_one(OspfReason.AREA, OspfReason.KIND) or wrong.running[1].area != area:
        return _Term(Cause.OSPF_TERMS, (wrong.opening, port_lines.PROCESS.of(process=process, area=area)))
    if reason.is_one(OspfReason.MTU):
        return _Term(Cause.MTU, (wrong.opening, mtu_line(ip_mtu)))
    if reason.is_one(OspfReason.NOT_AUTHENTIC):
        return _Term(Cause.OSPF_AUTHENTICATION, *proof(wrong, right))
    for code, lines in _TERMS.items():
        if reason.is_one(code):
            return _Term(Cause.OSPF_TERMS, (wrong.opening, *_alike(wrong, right, lines)))
    if reason.is_one(OspfReason.TTL):
        checks = [
            *statements(wrong.section, port_lines.TTL_SECURITY),
            *statements(
                device(wrong.facts).tree.section(process_lines.ROUTER, number=process), process_lines.TTL_SECURITY
            ),
        ]
        return _Term(Cause.OSPF_TERMS, (wrong.opening, port_lines.TTL_SECURITY.of(disable=bool(checks))))
    if reason.is_one(OspfReason.MASK):
        return _Term(Cause.OSPF_TERMS, (wrong.opening, addressing.address_line()))
    return None


def _patience(end: OspfEnd) -> int:
    """Return the seconds after which two matching ends are neighbors: a Hello, the wait for an election, an
    exchange.
    """
    network = end.running[1].network
    hello = end.port.hello_interval or (10 if network in ("broadcast", "point-to-point") else 30)
    return hello * (5 if network in _ELECT else 1) + _EXCHANGE


def _alike(wrong: OspfEnd, right: OspfEnd, lines: tuple[ConfigLine, ...]) -> Iterator[str]:
    """Yield the lines that give one end the other's settings."""
    for line in lines:
        here, there = texts(wrong.section, line), texts(right.section, line)
        if here != there:
            yield from there or [f"no {one}" for one in here]


def _disagree(term: _Term, client: Client, name: str, state: tuple[str, ...], *, certain: bool) -> Finding:
    """Return the finding of a term. certain: other clients of the server show which end has the wrong secret."""
    return Finding(
        step=_STEP,
        cause=term.cause,
        router=name,
        what=f"OSPF of {client.name} and {client.hub} does not agree: {state[0].partition(': ')[2]}",
        evidence=state,
        fix=term.fix,
        others=(client.name, client.hub),
        decide="" if certain else term.decide,
    )
