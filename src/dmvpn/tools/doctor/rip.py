"""Checks of RIP over the tunnels: does it run at both ends, do they hear each other, and does everybody get routes?"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix, classful_length
from dmvpn.features.rip.reasons import RipReason
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor import filters
from dmvpn.tools.doctor.learnt import lacks, others_told
from dmvpn.tools.doctor.proofs import chain_lines, chain_of
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
    """Return RIP on a tunnel."""
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
    """Check RIP at both ends of a tunnel."""
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
        far = (hub if facts is client.facts else client.facts, other)
        found = _silent(name, facts, tunnel, far, state)
        if found is not None:
            yield found
            return
    slow = _too_slow(scene, client, hub, state)
    if slow is not None:
        yield slow
        return
    if all(_hears(facts, tunnel, other) for _, facts, tunnel, other in ends):
        yield Fine(_STEP, f"{client.name} and {client.hub} hear each other's RIP")
        return
    disbelief = _disbelief(scene, client, hub, state)
    if disbelief is not None:
        yield disbelief
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


def _too_slow(scene: Scene, client: Client, hub: RouterFacts, state: tuple[str, ...]) -> Finding | None:
    """Return the finding that one end forgets what it was told before it is told again: whoever has other times
    than most is wrong.
    """
    mine, theirs = client.facts.rip, hub.rip
    if mine is None or theirs is None:
        return None
    times = [
        (one.facts.rip.update, one.facts.rip.invalid) for one in scene.fellows(client) if one.facts.rip is not None
    ]
    hub_odd = bool(times) and all(one == (mine.update, mine.invalid) for one in times)
    ends = (client.name, client.facts, hub) if not hub_odd else (client.hub, hub, client.facts)
    for teller, hearer, who, whom in ((mine, theirs, client.name, client.hub), (theirs, mine, client.hub, client.name)):
        if hearer.invalid > teller.update:
            continue
        words = f"{whom} believes what it was told for {hearer.invalid} s, and {who} tells it every {teller.update} s"
        odd, wrong, right = ends
        lines = list(lines_of(right, PROCESS, "timers basic "))
        lines = lines or [f"no {line}" for line in lines_of(wrong, PROCESS, "timers basic ")]
        return Finding(
            step=_STEP,
            cause=Cause.RIP_TIMERS,
            router=odd,
            what=f"RIP: {words}",
            evidence=state,
            fix=(PROCESS, *lines),
            others=(client.name, client.hub),
        )
    return None


def _disbelief(scene: Scene, client: Client, hub: RouterFacts, state: tuple[str, ...]) -> Finding | None:
    """Return the finding that both send, and one of them does not take it: passwords differ, or only one end has
    some.
    """
    there = client.there
    near, far = rip_on(client.facts, client.tunnel), rip_on(hub, there) if there is not None else None
    if there is None or near is None or far is None:
        return None
    modes = tuple(one.authentication or "no authentication" for one in (near, far))
    differ = modes[0] != modes[1]
    if not differ and not any(one.authentication and one.ignored for one in (near, far)):
        return None
    others = [one for one in scene.fellows(client) if one.there is not None and one.facts.rip is not None]
    heard = any(_hears(hub, one.there, one.tunnel) for one in others if one.there is not None)
    odd = client.hub if others and not heard else client.name
    mine, theirs = (client.facts, hub) if odd == client.name else (hub, client.facts)
    tunnel, other = (client.tunnel, there) if odd == client.name else (there, client.tunnel)
    right = list(lines_of(theirs, f"interface {other.name}", "ip rip authentication "))
    own = [f"no {line}" for line in lines_of(mine, f"interface {tunnel.name}", "ip rip authentication ")]
    fix = (f"interface {tunnel.name}", *(right or own)) if differ else chain_lines(mine, theirs)
    how = f"{client.name} has {modes[0]}, {client.hub} {modes[1]}" if differ else "their keys differ"
    return Finding(
        step=_STEP,
        cause=Cause.RIP_AUTHENTICATION,
        router=odd,
        what=f"RIP of {client.name} and of {client.hub} do not believe each other: {how}",
        evidence=(*state, *(f"{one.ignored} packets of RIP not taken" for one in (near, far) if one.ignored)),
        fix=fix,
    )


def _silent(
    name: str,
    facts: RouterFacts,
    tunnel: TunnelFacts,
    far: tuple[RouterFacts, TunnelFacts],
    state: tuple[str, ...],
) -> Finding | None:
    """Return why an end says nothing, if it is meant to be so, or cannot."""
    found, (theirs, other) = rip_on(facts, tunnel), far
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
    section = f"interface {tunnel.name}"
    if found.blocked and not found.blocked.is_one(RipReason.VERSION, RipReason.OWN_VERSION):
        off = tuple(f"no {line}" for line in lines_of(facts, section, "ip rip authentication "))
        return Finding(
            step=_STEP,
            cause=Cause.RIP_AUTHENTICATION,
            router=name,
            what=f"RIP of {name} cannot prove itself on {tunnel.name}, and keeps silent: {found.blocked}",
            evidence=state,
            fix=chain_lines(facts, theirs) if chain_of(theirs) else (section, *off),
        )
    if found.blocked:
        of_interface = found.blocked.is_one(RipReason.OWN_VERSION)
        return Finding(
            step=_STEP,
            cause=Cause.RIP_BLOCKED,
            router=name,
            what=f"RIP of {name} keeps silent on {tunnel.name}: {found.blocked}",
            evidence=state,
            fix=(section, "ip rip send version 2") if of_interface else (PROCESS, "version 2"),
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
    """Check that the server knows the client's LAN, and the client those of the others."""
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
    """Return the finding that nobody hears of a LAN. evidence: who suffers."""
    return Finding(
        step=_STEP,
        cause=Cause.NETWORK_STATEMENT,
        router=name,
        what=f"RIP of {name} does not announce its LAN ({interface}, {address})",
        evidence=evidence,
        fix=(PROCESS, network_line(address)),
    )
