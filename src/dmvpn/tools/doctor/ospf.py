"""Checks of OSPF over the tunnels: it runs at both ends, with matching parameters, and every router gets routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.placeholder import Blank
from dmvpn.base.terms import Odd, odd
from dmvpn.features.ospf.config import interfaces as port_lines
from dmvpn.features.ospf.config import processes as process_lines
from dmvpn.features.ospf.model import Interface
from dmvpn.features.ospf.reasons import OspfReason
from dmvpn.features.ospf.settings import ELECTING, timers
from dmvpn.ios import INTERFACE
from dmvpn.network.routing import ospf_interface
from dmvpn.network.terms.ospf import OSPF
from dmvpn.tools.doctor import addressing, duties
from dmvpn.tools.doctor.configuration import device
from dmvpn.tools.doctor.convergence import not_before
from dmvpn.tools.doctor.openings import ospf_process
from dmvpn.tools.doctor.packet_sizes import mtu_line
from dmvpn.tools.doctor.terms import differences
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step
from dmvpn.tools.lint.rules.ospf_ends import TYPE_DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.base.facts import NeighborFacts, ReasonFacts
    from dmvpn.features.ospf.facts import OspfFacts, OspfInterfaceFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

    _Running = tuple[OspfFacts, OspfInterfaceFacts]

_STEP = Step.ROUTING
#: Seconds: a lost packet is sent again within this time.
_EXCHANGE: Final = 10


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
        if not found[1].speaks and not found[1].blocked:
            fix = (ospf_process(found[0]), process_lines.PASSIVE.no(name=tunnel.name))
            what = f"{tunnel.name} is a passive interface of OSPF at {name}"
            yield Finding(step=_STEP, cause=Cause.PASSIVE_INTERFACE, router=name, what=what, fix=fix)
            return
    refusals = tuple(f"{name}: {reason}" for name, reason in _refusals(client))
    different = list(differences(scene, client, OSPF, _STEP, _state, refusals))
    yield from different
    if different:
        return
    for (name, _, tunnel), found in zip(ends, running, strict=True):
        if found is not None and found[1].blocked:
            what = f"OSPF of {name} cannot authenticate on {tunnel.name}, and keeps silent: {found[1].blocked}"
            yield Finding(step=_STEP, cause=Cause.OSPF_AUTHENTICATION, router=name, what=what)
            return
    yield from _undesignated(client, there, hub)
    if is_up(client):
        yield Fine(_STEP, f"{client.name} and {client.hub} are OSPF neighbors")
        return
    yield from list(_one_neighbor(scene, client)) or [_why_not(scene, client, there, hub, refusals)]


_one_neighbor: Final = duties.of_pair(_STEP, TYPE_DEFAULT)


def _refusals(client: Client) -> Iterator[tuple[str, ReasonFacts]]:
    """Yield why each end refuses the other one."""
    if client.there is None or client.hub_facts is None:
        return
    here = _with(client.facts, client.tunnel, client.there)
    there = _with(client.hub_facts, client.there, client.tunnel)
    for name, one in ((client.name, here), (client.hub, there)):
        if one is not None and one.reason:
            yield name, one.reason


def _state(client: Client) -> tuple[bool, tuple[ReasonFacts, ...]]:
    return is_up(client), tuple(reason for _, reason in _refusals(client))


def _not_running(name: str, facts: RouterFacts, tunnel: TunnelFacts, other: _Running) -> Finding:
    number = facts.ospf[0].process
    return Finding(
        step=_STEP,
        cause=Cause.NETWORK_STATEMENT,
        router=name,
        what=f"OSPF of {name} does not run on {tunnel.name}, and at the other end it does",
        evidence=(f"{name}: OSPF runs on {', '.join(one.name for one in facts.ospf[0].interfaces) or 'nothing'}",),
        fix=(INTERFACE.of(name=tunnel.name), port_lines.PROCESS.of(process=number, area=other[1].area)),
    )


def _undesignated(client: Client, there: TunnelFacts, hub: RouterFacts) -> Iterator[Verdict]:
    """Check that the hub may become designated router."""
    found = running_on(hub, there)
    if found is None or settings(hub, there.name).network not in ELECTING or settings(hub, there.name).priority:
        return
    yield Finding(
        step=_STEP,
        cause=Cause.OSPF_NETWORK_TYPE,
        router=client.hub,
        what=f"{client.hub} may not become designated router, and all other routers learn routes only from it",
        evidence=(f"{client.hub}: {port_lines.PRIORITY.of(priority=0)}",),
        fix=(INTERFACE.of(name=there.name), port_lines.PRIORITY.no(priority=0)),
    )


def _why_not(scene: Scene, client: Client, there: TunnelFacts, hub: RouterFacts, refusals: tuple[str, ...]) -> Finding:
    """Return why two ends that have the same terms are no neighbors."""
    clients = [one for one in (client, *scene.fellows(client)) if running_on(one.facts, one.tunnel) is not None]
    verdict = odd(clients, is_up)
    ends = [(client.name, client.facts, client.tunnel), (client.hub, hub, there)]
    (wrong, facts, tunnel), (right, _, other) = reversed(ends) if verdict is Odd.SERVER else ends
    opening = INTERFACE.of(name=tunnel.name)
    remedies: dict[OspfReason, tuple[Cause, tuple[str, ...]]] = {
        OspfReason.MTU: (Cause.MTU, (opening, mtu_line(other.ip_mtu))),
        OspfReason.TTL: (Cause.OSPF_TERMS, (opening, port_lines.TTL_SECURITY.of(disable=_checks_ttl(facts, tunnel)))),
        OspfReason.MASK: (Cause.OSPF_TERMS, (opening, addressing.address_line())),
        OspfReason.KIND: (Cause.OSPF_TERMS, ()),
    }
    for _, reason in _refusals(client):
        for code, (cause, fix) in remedies.items():
            if reason.is_one(code):
                what = f"OSPF of {client.name} and {client.hub} does not agree: {reason}"
                others = (right,) if verdict is Odd.UNDECIDED else ()
                return Finding(
                    step=_STEP, cause=cause, router=wrong, what=what, evidence=refusals, fix=fix, others=others
                )
    return Finding(
        step=_STEP,
        cause=Cause.UNDECIDED,
        router=client.name,
        what=f"{client.name} and {client.hub} run OSPF, and are no neighbors",
        evidence=refusals,
        decide=not_before(client, max(_patience(facts, tunnel) for _, facts, tunnel in ends)),
    )


def _checks_ttl(facts: RouterFacts, tunnel: TunnelFacts) -> bool:
    """Return whether an end takes packets of near routers alone."""
    checks = settings(facts, tunnel.name).checks_ttl
    return any(one.ttl_hops is not None for one in device(facts).ospf.processes) if checks is None else checks


def _patience(facts: RouterFacts, tunnel: TunnelFacts) -> int:
    """Return the seconds after which two matching ends are neighbors: a Hello, the wait for an election, an
    exchange.
    """
    port = settings(facts, tunnel.name)
    hello, _ = timers(port)
    return hello * (5 if port.network in ELECTING else 1) + _EXCHANGE


def settings(facts: RouterFacts, name: str) -> Interface:
    """Return the OSPF settings of an interface."""
    return ospf_interface(device(facts), name) or Interface(name=name)
