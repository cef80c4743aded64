"""Checks of RIP over the tunnels: it runs at both ends, they receive each other's updates, and every router gets
routes.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.base.placeholder import Blank
from dmvpn.features.rip import config as rip_lines
from dmvpn.network.terms.rip import RIP
from dmvpn.tools.doctor import missing_routes
from dmvpn.tools.doctor.terms import differences, failed
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import ReasonFacts
    from dmvpn.features.rip.facts import RipInterfaceFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

_STEP = Step.ROUTING
PROCESS = rip_lines.ROUTER.of()


def rip_on(facts: RouterFacts, tunnel: TunnelFacts) -> RipInterfaceFacts | None:
    """Return RIP on a tunnel."""
    interfaces = facts.rip.interfaces if facts.rip is not None else ()
    return next((one for one in interfaces if one.name == tunnel.name), None)


def _receives(facts: RouterFacts, tunnel: TunnelFacts, other: TunnelFacts) -> bool:
    found = rip_on(facts, tunnel)
    return found is not None and any(address in other.addresses for address in found.heard)


def _works(client: Client) -> bool:
    there, hub = client.there, client.hub_facts
    if there is None or hub is None:
        return False
    return _receives(client.facts, client.tunnel, there) and _receives(hub, there, client.tunnel)


def _on_both(client: Client) -> list[RipInterfaceFacts]:
    """Return RIP on both tunnels."""
    ends = [(client.facts, client.tunnel), (client.hub_facts, client.there)]
    found = [rip_on(facts, tunnel) for facts, tunnel in ends if facts is not None and tunnel is not None]
    return [one for one in found if one is not None]


def _state(client: Client) -> tuple[bool, tuple[ReasonFacts, ...]]:
    return _works(client), tuple(one.blocked for one in _on_both(client))


def neighbors(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check RIP at both ends of a tunnel."""
    there, hub, pair = client.there, client.hub_facts, client.pair
    if there is None or hub is None or pair is None or client.facts.rip is None or hub.rip is None:
        return
    ends = ((client.name, client.facts, client.tunnel, there), (client.hub, hub, there, client.tunnel))
    running = _on_both(client)
    if not running:
        return
    evidence = tuple(
        f"{name}: {'hears' if _receives(facts, tunnel, other) else 'hears nothing of'} {whom}"
        for (name, facts, tunnel, other), whom in zip(ends, (client.hub, client.name), strict=True)
    )
    ignored = tuple(f"{one.ignored} packets of RIP not taken" for one in running if one.ignored)
    silent = [one for end in ends if (one := _silent(*end, evidence)) is not None][:1]
    silent = silent or [failed(client, one, _STEP, evidence) for one in RIP.failures(pair)][:1]
    found = silent or list(differences(scene, client, RIP, _STEP, _state, (*evidence, *ignored), doubts=bool(ignored)))
    yield from found
    if found:
        return
    if _works(client):
        yield Fine(_STEP, f"{client.name} and {client.hub} hear each other's RIP")
        return
    for (name, _, tunnel, _), on_tunnel in zip(ends, running, strict=True):
        if on_tunnel.blocked:
            what = f"RIP of {name} cannot prove itself on {tunnel.name}, and keeps silent: {on_tunnel.blocked}"
            yield Finding(step=_STEP, cause=Cause.RIP_AUTHENTICATION, router=name, what=what, evidence=evidence)
            return
    kept = list(missing_routes.routes(scene, client))
    yield from kept
    if kept:
        return  # a router that only advertises its LAN, and has it filtered, sends nothing
    yield Finding(
        step=_STEP,
        cause=Cause.UNDECIDED,
        router=client.name,
        what=f"{client.name} and {client.hub} run RIP, and do not hear each other",
        evidence=evidence,
    )


def _silent(
    name: str, facts: RouterFacts, tunnel: TunnelFacts, other: TunnelFacts, evidence: tuple[str, ...]
) -> Finding | None:
    """Return why an end sends nothing, by its process."""
    found, process = rip_on(facts, tunnel), rip_lines.process(facts.vrf)
    if found is None:
        own = next((one for one in tunnel.addresses if isinstance(one, IPv4Address)), None)
        what = f"RIP of {name} does not run on {tunnel.name}: no network line covers {own}"
        fix, cause = (*process, network_line(own)), Cause.NETWORK_STATEMENT
    elif found.passive and facts.rip is not None and not set(facts.rip.neighbors) & set(other.addresses):
        what = f"{tunnel.name} is a passive interface of RIP at {name}"
        fix, cause = (*process, rip_lines.PASSIVE.no(interface=tunnel.name)), Cause.PASSIVE_INTERFACE
    else:
        return None
    return Finding(step=_STEP, cause=cause, router=name, what=what, evidence=evidence, fix=fix)


def network_line(address: object) -> str:
    """Return the `network` line for an address: RIP uses classful networks."""
    if not isinstance(address, IPv4Address):
        return rip_lines.NETWORK.of(network=Blank("network"))
    return rip_lines.NETWORK.of(network=str(address))


def announced(facts: RouterFacts, address: IPv4Address) -> bool:
    """Return whether RIP advertises the network of this address."""
    return facts.rip is not None and any(
        address in network and network.prefixlen for network in facts.rip.announces if network.version == 4
    )
