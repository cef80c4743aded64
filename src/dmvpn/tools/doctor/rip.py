"""Checks of RIP over the tunnels: does it run at both ends, do they hear each other, and does everybody get routes?"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix, classful_length
from dmvpn.features.rip.reasons import RipReason
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor import filters
from dmvpn.tools.doctor.learnt import lacks, others_told
from dmvpn.tools.doctor.scene import lines_of
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.rip.facts import RipInterfaceFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

_STEP = Step.ROUTING
PROCESS = "router rip"


def rip_on(facts: RouterFacts, tunnel: TunnelFacts) -> RipInterfaceFacts | None:
    """RIP on a tunnel."""
    interfaces = facts.rip.interfaces if facts.rip is not None else ()
    return next((one for one in interfaces if one.name == tunnel.name), None)


def _hears(facts: RouterFacts, tunnel: TunnelFacts, other: TunnelFacts) -> bool:
    found = rip_on(facts, tunnel)
    return found is not None and any(address in other.addresses for address in found.heard)


def tells_by_multicast(facts: RouterFacts, tunnel: TunnelFacts, other: TunnelFacts) -> bool:
    """Return whether RIP of a router needs multicast to reach the other end."""
    found = rip_on(facts, tunnel)
    return (
        facts.rip is not None
        and found is not None
        and not found.passive
        and not found.blocked
        and not set(facts.rip.neighbors) & set(other.addresses)
    )


def neighbors(scene: Scene, client: Client) -> Iterator[Verdict]:
    """RIP at both ends of a tunnel."""
    there, hub = client.there, client.hub_facts
    if there is None or hub is None or client.facts.rip is None or hub.rip is None:
        return
    ends = ((client.name, client.facts, client.tunnel, there), (client.hub, hub, there, client.tunnel))
    if all(rip_on(facts, tunnel) is None for _, facts, tunnel, _ in ends):
        return
    state = tuple(
        f"{name}: {'hears' if _hears(facts, tunnel, other) else 'hears nothing of'} {whom}"
        for (name, facts, tunnel, other), whom in zip(ends, (client.hub, client.name), strict=True)
    )
    for name, facts, tunnel, other in ends:
        found = _silent(name, facts, tunnel, other, state)
        if found is not None:
            yield found
            return
    if all(_hears(facts, tunnel, other) for _, facts, tunnel, other in ends):
        yield Fine(_STEP, f"{client.name} and {client.hub} hear each other's RIP")
        return
    kept = list(filters.between(scene, client))
    yield from kept
    if kept:
        return  # a router that tells of its LAN alone, and may not, tells nothing
    yield Finding(
        step=_STEP,
        cause=Cause.UNDECIDED,
        router=client.name,
        what=f"{client.name} and {client.hub} run RIP, and do not hear each other",
        evidence=state,
    )


def _silent(
    name: str, facts: RouterFacts, tunnel: TunnelFacts, other: TunnelFacts, state: tuple[str, ...]
) -> Finding | None:
    """Return why an end says nothing, if it is meant to be so, or cannot."""
    found = rip_on(facts, tunnel)
    if found is None:
        own = next((one for one in tunnel.addresses if isinstance(one, IPv4Address)), None)
        return Finding(
            step=_STEP,
            cause=Cause.NETWORK_STATEMENT,
            router=name,
            what=f"RIP of {name} does not run on {tunnel.name}: no network line covers {own}",
            evidence=state,
            fix=(PROCESS, network_line(own)),
        )
    if found.blocked:
        section = f"interface {tunnel.name}"
        keys = tuple(f"no {line}" for line in lines_of(facts, section, "ip rip authentication "))
        return Finding(
            step=_STEP,
            cause=Cause.RIP_BLOCKED,
            router=name,
            what=f"RIP of {name} keeps silent on {tunnel.name}: {found.blocked}",
            evidence=state,
            fix=(PROCESS, "version 2") if found.blocked.is_one(RipReason.VERSION) else (section, *keys),
        )
    if found.passive and facts.rip is not None and not set(facts.rip.neighbors) & set(other.addresses):
        return Finding(
            step=_STEP,
            cause=Cause.PASSIVE_INTERFACE,
            router=name,
            what=f"{tunnel.name} is a passive interface of RIP at {name}",
            evidence=state,
            fix=(PROCESS, f"no passive-interface {tunnel.name}"),
        )
    return None


def network_line(address: object) -> str:
    """Return the line that covers an address: RIP takes whole classes."""
    if not isinstance(address, IPv4Address):
        return "network NETWORK"
    return f"network {Prefix.of(address, classful_length(address)).address}"


def sites(scene: Scene, client: Client) -> Iterator[Verdict]:
    """The server knows the client's LAN, and the client those of the others."""
    there, hub = client.there, client.hub_facts
    if there is None or hub is None or not _is_up(client):
        return
    site = scene.site_of(client.name, client.facts)
    own = site[1] if site is not None and isinstance(site[1], IPv4Address) else None
    if site is not None and own is not None and not announced(client.facts, own) and lacks(hub, there, own):
        yield not_announced(client.name, site[0], own, (f"{client.hub}: no route to {own} by the tunnel",))
        return
    on_hub = rip_on(hub, there)
    if on_hub is None or not on_hub.split_horizon:
        return
    for other, target in others_told(scene, client, there, hub, "rip"):
        if _is_up(other):
            yield Finding(
                step=_STEP,
                cause=Cause.SPLIT_HORIZON,
                router=client.hub,
                what=f"split horizon at {client.hub}: what it learnt by {there.name} it does not tell by {there.name}",
                evidence=(f"{client.hub} has a route to {target} ({other.name})", f"{client.name} has none"),
                fix=(f"interface {there.name}", "no ip split-horizon"),
            )
            return


def _is_up(client: Client) -> bool:
    """Return whether both ends hear each other."""
    there, hub = client.there, client.hub_facts
    if there is None or hub is None:
        return False
    return _hears(client.facts, client.tunnel, there) and _hears(hub, there, client.tunnel)


def announced(facts: RouterFacts, address: IPv4Address) -> bool:
    """Return whether RIP tells of the network of this address."""
    return facts.rip is not None and any(
        address in network and network.prefixlen for network in facts.rip.announces if network.version == 4
    )


def not_announced(name: str, interface: str, address: IPv4Address, evidence: tuple[str, ...]) -> Finding:
    """Nobody hears of a LAN. evidence: who suffers."""
    return Finding(
        step=_STEP,
        cause=Cause.NETWORK_STATEMENT,
        router=name,
        what=f"RIP of {name} does not announce its LAN ({interface}, {address})",
        evidence=evidence,
        fix=(PROCESS, network_line(address)),
    )
