"""Checks of OSPF over the tunnels: does it run at both ends, on the same terms, and does everybody get routes?"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.features.ospf.reasons import OspfReason
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor import own
from dmvpn.tools.doctor.learnt import lacks
from dmvpn.tools.doctor.proofs import chain_lines, chain_of
from dmvpn.tools.doctor.scene import lines_of
from dmvpn.tools.doctor.settling import not_before
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import NeighborFacts, ReasonFacts
    from dmvpn.features.ospf.facts import OspfFacts, OspfInterfaceFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

    _Running = tuple[OspfFacts, OspfInterfaceFacts]

_STEP = Step.ROUTING
#: Types of networks that elect a designated router.
_ELECT: Final = ("broadcast", "non-broadcast")
#: Seconds: what was lost once is sent again meanwhile.
_EXCHANGE: Final = 10
#: What two ends must agree on, by why one does not take the other's Hellos.
_TERMS: Final = {
    OspfReason.DEAD_INTERVAL: ("ip ospf dead-interval", "ip ospf hello-interval", "ip ospf network"),
    OspfReason.HELLO_INTERVAL: ("ip ospf hello-interval", "ip ospf dead-interval", "ip ospf network"),
}


def identities(scene: Scene) -> Iterator[Verdict]:
    """Check that no two routers that are in one OSPF have one router identifier: each would take the other's words for
    its own.
    """
    first: dict[object, str] = {}
    for name, facts in scene.alive():
        by_tunnel = (found[0] for tunnel in facts.tunnels if (found := running_on(facts, tunnel)) is not None)
        for process in dict.fromkeys(by_tunnel):
            other = first.setdefault(process.router_id, name)
            if other == name:
                continue
            wrong, right = _impostor(scene, (name, other), process.router_id)
            free = next(own.addresses(scene, wrong), "ADDRESS")
            yield Finding(
                step=_STEP,
                cause=Cause.OSPF_TERMS,
                router=wrong,
                what=f"OSPF of {wrong} and {right} has one router identifier, {process.router_id}",
                evidence=(f"{right} has it, too",),
                fix=(f"router ospf {_number(scene, wrong, process.router_id)}", f"router-id {free}"),
                order=f"and then at {wrong}: clear ip ospf process",
                others=(right,),
            )


def _number(scene: Scene, name: str, identifier: object) -> int:
    facts = scene.of(name)
    found = (one.process for one in (facts.ospf if facts is not None else ()) if one.router_id == identifier)
    return next(found, 0)


def _impostor(scene: Scene, names: tuple[str, str], identifier: IPv4Address) -> tuple[str, str]:
    """Return of two with one identifier the one that is to change, and the other: who has that address keeps it."""
    one, other = names
    return (other, one) if identifier in own.addresses(scene, one) else (one, other)


def running_on(facts: RouterFacts, tunnel: TunnelFacts) -> _Running | None:
    """Return the process that runs on a tunnel, and there."""
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
        if found[1].blocked:
            fix = chain_lines(facts, hub if name == client.name else client.facts)
            what = f"OSPF of {name} cannot prove itself on {tunnel.name}, and keeps silent: {found[1].blocked}"
            yield Finding(step=_STEP, cause=Cause.OSPF_AUTHENTICATION, router=name, what=what, fix=fix)
            return
        if not found[1].speaks:
            fix = (f"router ospf {found[0].process}", f"no passive-interface {tunnel.name}")
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
            fix=(f"interface {wrong[1].name}", f"ip ospf network {right[1].network}"),
            others=(client.name, client.hub),
        )
        return
    yield from _undesignated(scene, client, there, hub)
    if is_up(client):
        yield Fine(_STEP, f"{client.name} and {client.hub} are OSPF neighbors")
        return
    yield from _why_not(client, name, (hub, there), (wrong, right))


def _not_running(name: str, facts: RouterFacts, tunnel: TunnelFacts, other: _Running) -> Finding:
    number = facts.ospf[0].process
    return Finding(
        step=_STEP,
        cause=Cause.NETWORK_STATEMENT,
        router=name,
        what=f"OSPF of {name} does not run on {tunnel.name}, and at the other end it does",
        evidence=(f"{name}: OSPF runs on {', '.join(one.name for one in facts.ospf[0].interfaces) or 'nothing'}",),
        fix=(f"interface {tunnel.name}", f"ip ospf {number} area {other[1].area}"),
    )


def _odd(scene: Scene, client: Client) -> str:
    """Return the hub, if it is a neighbor of none of its clients; else the client."""
    others = [one for one in scene.fellows(client) if running_on(one.facts, one.tunnel) is not None]
    return client.hub if others and not any(map(_is_well, others)) else client.name


def _is_well(client: Client) -> bool:
    there, hub = client.there, client.hub_facts
    ends = (running_on(client.facts, client.tunnel), running_on(hub, there) if hub and there else None)
    if ends[0] is None or ends[1] is None or not is_up(client):
        return False
    return (ends[0][1].network in _ELECT) is (ends[1][1].network in _ELECT)


def _undesignated(scene: Scene, client: Client, there: TunnelFacts, hub: RouterFacts) -> Iterator[Verdict]:
    """Check that somebody at the hub's end may be elected."""
    found = running_on(hub, there)
    barred = list(lines_of(hub, f"interface {there.name}", "ip ospf priority 0"))
    if found is None or found[1].network not in _ELECT or not barred:
        return
    yield Finding(
        step=_STEP,
        cause=Cause.OSPF_NETWORK_TYPE,
        router=client.hub,
        what=f"{client.hub} may not become designated router, and all others hear of each other by it alone",
        evidence=(f"{client.hub}: {barred[0]}",),
        fix=(f"interface {there.name}", "no ip ospf priority 0"),
    )


def _why_not(
    client: Client, name: str, far: tuple[RouterFacts, TunnelFacts], ends: tuple[_Running, _Running]
) -> Iterator[Verdict]:
    (hub, there), (wrong, right) = far, ends
    found = [one for one in (_with(client.facts, client.tunnel, there), _with(hub, there, client.tunnel)) if one]
    reasons = [one.reason for one in found if one.reason]
    state = tuple(f"{client.name if one is found[0] else client.hub}: {one.reason}" for one in found if one.reason)
    mine, theirs = (client.facts, hub) if name == client.name else (hub, client.facts)
    wanted = there.ip_mtu if name == client.name else client.tunnel.ip_mtu
    for reason in reasons:
        disagreed = _term(reason, (mine, wrong), (theirs, right), wanted)
        if disagreed is not None:
            cause, fix = disagreed
            yield _disagree(cause, client, name, state, fix)
            return
    yield Finding(
        step=_STEP,
        cause=Cause.UNDECIDED,
        router=client.name,
        what=f"{client.name} and {client.hub} run OSPF, and are no neighbors",
        evidence=state,
        decide=not_before(client, max(_patience(mine, wrong[1]), _patience(theirs, right[1]))),
    )


def _term(
    reason: ReasonFacts, here: tuple[RouterFacts, _Running], there: tuple[RouterFacts, _Running], ip_mtu: int
) -> tuple[Cause, tuple[str, ...]] | None:
    """Return on what two ends do not agree, if it is this reason, and the lines that make one end like the other.

    ip_mtu: of the other end, octets.
    """
    (mine, wrong), (theirs, right) = here, there
    section, other = f"interface {wrong[1].name}", f"interface {right[1].name}"
    if reason.is_one(OspfReason.AREA, OspfReason.KIND) or wrong[1].area != right[1].area:
        return Cause.OSPF_TERMS, (section, f"ip ospf {wrong[0].process} area {right[1].area}")
    if reason.is_one(OspfReason.MTU):
        return Cause.MTU, (section, f"ip mtu {ip_mtu}")
    if reason.is_one(OspfReason.NOT_AUTHENTIC):
        return Cause.OSPF_AUTHENTICATION, _proof(mine, section, theirs, other)
    for code, words in _TERMS.items():
        if reason.is_one(code):
            return Cause.OSPF_TERMS, (section, *_alike(mine, section, theirs, other, words))
    if reason.is_one(OspfReason.TTL):
        checks = [*lines_of(mine, section, "ip ospf ttl-security"), *lines_of(mine, _process(wrong), "ttl-security")]
        return Cause.OSPF_TERMS, (section, "ip ospf ttl-security disable" if checks else "ip ospf ttl-security")
    if reason.is_one(OspfReason.MASK):
        return Cause.OSPF_TERMS, (section, "ip address ADDRESS MASK")
    return None


def _proof(mine: RouterFacts, section: str, theirs: RouterFacts, other: str) -> tuple[str, ...]:
    """Return the lines by which one end proves itself as the other does."""
    lines, here = (
        [*lines_of(facts, port, "ip ospf authentication"), *lines_of(facts, port, "ip ospf message")]
        for facts, port in ((theirs, other), (mine, section))
    )
    if lines == here and chain_of(theirs):
        return chain_lines(mine, theirs)
    return (section, *lines) if lines else (section, *(f"no {line}" for line in here))


def _process(running: _Running) -> str:
    return f"router ospf {running[0].process}"


def _patience(facts: RouterFacts, interface: OspfInterfaceFacts) -> int:
    """Return the seconds after which two that fit are neighbors: a Hello, the wait for an election, an exchange."""
    default = 10 if interface.network in ("broadcast", "point-to-point") else 30
    line = next(iter(lines_of(facts, f"interface {interface.name}", "ip ospf hello-interval ")), f"{default}")
    return int(line.split()[-1]) * (5 if interface.network in _ELECT else 1) + _EXCHANGE


def _alike(mine: RouterFacts, section: str, theirs: RouterFacts, other: str, words: tuple[str, ...]) -> Iterator[str]:
    """Yield what makes one end say what the other one says."""
    for word in words:
        here, there = list(lines_of(mine, section, word)), list(lines_of(theirs, other, word))
        if here != there:
            yield from there or [f"no {line}" for line in here]


def _disagree(cause: Cause, client: Client, name: str, state: tuple[str, ...], fix: tuple[str, ...]) -> Finding:
    return Finding(
        step=_STEP,
        cause=cause,
        router=name,
        what=f"OSPF of {client.name} and {client.hub} does not agree: {state[0].partition(': ')[2]}",
        evidence=state,
        fix=fix,
        others=(client.name, client.hub),
    )


def sites(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the server knows the client's LAN, and takes what it hears."""
    there, hub = client.there, client.hub_facts
    running = running_on(client.facts, client.tunnel)
    if there is None or hub is None or running is None or not is_up(client):
        return
    site = scene.site_of(client.name, client.facts)
    if site is not None and not announced(client.facts, site[0]) and lacks(hub, there, site[1]):
        yield not_announced(client.name, running[0], site, (f"{client.hub}: no route to {site[1]} by the tunnel",))
        return


def announced(facts: RouterFacts, interface: str) -> bool:
    """Return whether OSPF tells of the networks of this interface."""
    named = any(one.name == interface for process in facts.ospf for one in process.interfaces)
    sections = (line for process in facts.ospf for line in lines_of(facts, f"router ospf {process.process}"))
    return named or any(line.startswith("redistribute connected") for line in sections)


def not_announced(name: str, process: OspfFacts, lan: tuple[str, object], evidence: tuple[str, ...]) -> Finding:
    """Return the finding that nobody hears of a LAN. evidence: who suffers."""
    port, address = lan
    known = address if isinstance(address, IPv4Address) else "ADDRESS"
    area = process.interfaces[0].area if process.interfaces else 0
    return Finding(
        step=_STEP,
        cause=Cause.NETWORK_STATEMENT,
        router=name,
        what=f"OSPF of {name} does not run on its LAN port {port} ({known}), so nobody hears of it",
        evidence=evidence,
        fix=(f"router ospf {process.process}", f"network {known} 0.0.0.0 area {area}"),
    )
