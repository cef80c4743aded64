"""Checks of RIP over the tunnels: it runs at both ends, they receive each other's updates, and every router gets
routes.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.base.placeholder import Blank
from dmvpn.base.terms import Likeness
from dmvpn.features.rip import config as rip_lines
from dmvpn.features.rip.reasons import RipReason
from dmvpn.ios import INTERFACE
from dmvpn.tools.doctor import missing_routes
from dmvpn.tools.doctor.authentication import ChainEnd, chain_lines, chain_question, compare_chains
from dmvpn.tools.doctor.configuration import device, texts
from dmvpn.tools.doctor.openings import rip_process
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.rip.facts import RipInterfaceFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

_STEP = Step.ROUTING
PROCESS = rip_lines.ROUTER.of()
_AUTHENTICATION = (rip_lines.AUTHENTICATION_MODE, rip_lines.AUTHENTICATION_KEYS)
_SEND_VERSION = rip_lines.SEND_VERSION.of(**{"2": True})


def rip_on(facts: RouterFacts, tunnel: TunnelFacts) -> RipInterfaceFacts | None:
    """Return RIP on a tunnel."""
    interfaces = facts.rip.interfaces if facts.rip is not None else ()
    return next((one for one in interfaces if one.name == tunnel.name), None)


def _receives(facts: RouterFacts, tunnel: TunnelFacts, other: TunnelFacts) -> bool:
    found = rip_on(facts, tunnel)
    return found is not None and any(address in other.addresses for address in found.heard)


def neighbors(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check RIP at both ends of a tunnel."""
    there, hub = client.there, client.hub_facts
    if there is None or hub is None or client.facts.rip is None or hub.rip is None:
        return
    ends = ((client.name, client.facts, client.tunnel, there), (client.hub, hub, there, client.tunnel))
    if all(rip_on(facts, tunnel) is None for _, facts, tunnel, _ in ends):
        return
    state = tuple(
        f"{name}: {'hears' if _receives(facts, tunnel, other) else 'hears nothing of'} {whom}"
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
    if all(_receives(facts, tunnel, other) for _, facts, tunnel, other in ends):
        yield Fine(_STEP, f"{client.name} and {client.hub} hear each other's RIP")
        return
    disbelief = _disbelief(scene, client, hub, state)
    if disbelief is not None:
        yield disbelief
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
        evidence=state,
    )


def _too_slow(scene: Scene, client: Client, hub: RouterFacts, state: tuple[str, ...]) -> Finding | None:
    """Return the finding that routes time out between updates: the end with unusual timers is wrong."""
    mine, theirs = client.facts.rip, hub.rip
    if mine is None or theirs is None:
        return None
    times = [
        (one.facts.rip.update, one.facts.rip.invalid) for one in scene.fellows(client) if one.facts.rip is not None
    ]
    hub_odd = bool(times) and all(one == (mine.update, mine.invalid) for one in times)
    ends = (client.name, client.facts, hub) if not hub_odd else (client.hub, hub, client.facts)
    for sender, receiver, who, whom in (
        (mine, theirs, client.name, client.hub),
        (theirs, mine, client.hub, client.name),
    ):
        if receiver.invalid > sender.update:
            continue
        words = f"{whom} keeps routes for {receiver.invalid} s, and {who} advertises them every {sender.update} s"
        odd, wrong, right = ends
        lines = _timers(right) or [f"no {line}" for line in _timers(wrong)]
        return Finding(
            step=_STEP,
            cause=Cause.RIP_TIMERS,
            router=odd,
            what=f"RIP: {words}",
            evidence=state,
            fix=(*rip_process(client.facts.vrf if odd == client.name else hub.vrf), *lines),
            others=(client.name, client.hub),
        )
    return None


def _disbelief(scene: Scene, client: Client, hub: RouterFacts, state: tuple[str, ...]) -> Finding | None:
    """Return the finding that both send, and one of them drops the updates: passwords differ, or one is missing."""
    there = client.there
    near, far = rip_on(client.facts, client.tunnel), rip_on(hub, there) if there is not None else None
    if there is None or near is None or far is None:
        return None
    modes = tuple(one.authentication or "no authentication" for one in (near, far))
    differ = modes[0] != modes[1]
    if not differ and not any(one.authentication and one.ignored for one in (near, far)):
        return None
    others = [one for one in scene.fellows(client) if one.there is not None and one.facts.rip is not None]
    heard = any(_receives(hub, one.there, one.tunnel) for one in others if one.there is not None)
    odd = client.hub if others and not heard else client.name
    mine, theirs = (client.facts, hub) if odd == client.name else (hub, client.facts)
    tunnel, other = (client.tunnel, there) if odd == client.name else (there, client.tunnel)
    right = texts(device(theirs).section(other.name), *_AUTHENTICATION)
    own = [f"no {line}" for line in texts(device(mine).section(tunnel.name), *_AUTHENTICATION)]
    whom = client.hub if odd == client.name else client.name
    chains = (_chain(odd, mine, tunnel), _chain(whom, theirs, other))
    unknown = not differ and not others and compare_chains(*chains) is Likeness.UNKNOWN
    fix = (INTERFACE.of(name=tunnel.name), *(right or own)) if differ else chain_lines(*chains)
    how = "perhaps their keys differ" if unknown else "their keys differ"
    how = f"{client.name} has {modes[0]}, {client.hub} {modes[1]}" if differ else how
    return Finding(
        step=_STEP,
        cause=Cause.RIP_AUTHENTICATION,
        router=odd,
        what=f"RIP of {client.name} and of {client.hub} do not believe each other: {how}",
        evidence=(*state, *(f"{one.ignored} packets of RIP not taken" for one in (near, far) if one.ignored)),
        fix=fix,
        decide=chain_question(*chains) if unknown else "",
    )


def _timers(facts: RouterFacts) -> tuple[str, ...]:
    section = device(facts).tree.section(rip_lines.ROUTER)
    if facts.vrf and section is not None:
        return texts(section.section(rip_lines.FAMILY, vrf=facts.vrf), rip_lines.OF_VRF.timers)
    return texts(section, rip_lines.TIMERS)


def _chain(name: str, facts: RouterFacts, tunnel: TunnelFacts) -> ChainEnd:
    """Return the key chain of RIP on a tunnel."""
    return ChainEnd(name, facts, device(facts).rip.interface(tunnel.name).key_chain)


def _silent(
    name: str,
    facts: RouterFacts,
    tunnel: TunnelFacts,
    far: tuple[RouterFacts, TunnelFacts],
    state: tuple[str, ...],
) -> Finding | None:
    """Return why an end sends nothing, by configuration or by a fault."""
    found, (theirs, other), process = rip_on(facts, tunnel), far, rip_process(facts.vrf)
    if found is None:
        own = next((one for one in tunnel.addresses if isinstance(one, IPv4Address)), None)
        return Finding(
            step=_STEP,
            cause=Cause.NETWORK_STATEMENT,
            router=name,
            what=f"RIP of {name} does not run on {tunnel.name}: no network line covers {own}",
            evidence=state,
            fix=(*process, network_line(own)),
        )
    section = INTERFACE.of(name=tunnel.name)
    if found.blocked and not found.blocked.is_one(RipReason.VERSION, RipReason.OWN_VERSION):
        off = tuple(f"no {line}" for line in texts(device(facts).section(tunnel.name), *_AUTHENTICATION))
        chains = (_chain(name, facts, tunnel), _chain(theirs.hostname, theirs, other))
        return Finding(
            step=_STEP,
            cause=Cause.RIP_AUTHENTICATION,
            router=name,
            what=f"RIP of {name} cannot prove itself on {tunnel.name}, and keeps silent: {found.blocked}",
            evidence=state,
            fix=chain_lines(*chains) if chains[1].chain else (section, *off),
        )
    if found.blocked:
        of_interface = found.blocked.is_one(RipReason.OWN_VERSION)
        return Finding(
            step=_STEP,
            cause=Cause.RIP_BLOCKED,
            router=name,
            what=f"RIP of {name} keeps silent on {tunnel.name}: {found.blocked}",
            evidence=state,
            fix=(section, _SEND_VERSION) if of_interface else (*process, rip_lines.VERSION.of(version=2)),
        )
    if found.passive and facts.rip is not None and not set(facts.rip.neighbors) & set(other.addresses):
        return Finding(
            step=_STEP,
            cause=Cause.PASSIVE_INTERFACE,
            router=name,
            what=f"{tunnel.name} is a passive interface of RIP at {name}",
            evidence=state,
            fix=(*process, rip_lines.PASSIVE.no(interface=tunnel.name)),
        )
    return None


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
