"""DMVPN phases 1, 2 and 3: the lines that convert a network between phases, and the obstacles.

phase 1     spokes have point-to-point tunnels to the hub; everything goes through it
phase 2     spokes are multipoint, the hub does not change next hops: spokes resolve each other
phase 3     spokes are multipoint, the hub redirects, spokes take shortcuts; next hops do not matter
"""

from __future__ import annotations

from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.errors import UserError
from dmvpn.features.nhrp.model import NhsConfig
from dmvpn.tools.troubles.orders import process_header
from dmvpn.tools.troubles.stage import Actor, Stage

_MULTIPOINT: Final = "tunnel mode gre multipoint"


def phase_lines(stage: Stage, phase: int) -> dict[str, tuple[str, ...]]:
    """Return the lines to type, by router, hubs first; without routers that need no change.

    Raises UserError.
    """
    hubs = [stage.actors[name] for name in stage.hubs]
    spokes = [stage.actors[name] for name in stage.spokes]
    why_not = _obstacle(stage, hubs, spokes, phase)
    if why_not:
        raise UserError(f"{stage.scenario.name} cannot be a phase {phase} network: {why_not}")
    lines = {hub.name: _hub(hub, phase) for hub in hubs} | {spoke.name: _spoke(stage, spoke, phase) for spoke in spokes}
    return {name: typed for name, typed in lines.items() if typed}


def _obstacle(stage: Stage, hubs: list[Actor], spokes: list[Actor], phase: int) -> str:
    """Return why the network cannot run this phase, "" if it can."""
    for actor in (*hubs, *spokes):
        tunnels = [each for each in actor.device.tunnels.tunnels if actor.lines.section(f"interface {each.name}").lines]
        if len(tunnels) > 1:
            return f"{actor.name} has {len(tunnels)} tunnels, and which of them is meant is not clear"
        if any(each.version == 6 and each.name == actor.tunnel for each in actor.device.nhrp.tunnels):
            return f"{actor.name} has IPv6 on its tunnel; this command knows IPv4 alone"
    for hub in hubs:
        if not hub.multipoint:
            return f"{hub.name} is no multipoint hub"
        if hub.nhrp.nhs:
            return f"{hub.name} is a hub with a hub of its own; lines for one level would break the other"
        if not hub.eigrp:
            return f"{hub.name} runs no EIGRP, whose next hops and split horizon make the difference"
    for spoke in spokes:
        servers = _servers(spoke)
        if phase == 1 and len(servers) != 1:
            return f"{spoke.name} has {len(servers)} next hop servers, and a point-to-point tunnel leads to one"
        if not servers and _destination(spoke) is None:
            return f"{spoke.name} has no next hop server"
    return ""


def _destination(spoke: Actor) -> IPAddress | None:
    return spoke.settings.destination if spoke.settings is not None else None


def _servers(spoke: Actor) -> list[tuple[NhsConfig, IPAddress]]:
    """Return its servers with their NBMA addresses, by NHS lines and static maps."""
    mapped: dict[IPAddress | None, IPAddress] = {
        target.address: nbma for target, nbma in spoke.nhrp.maps if target.is_host
    }
    known = {**dict(spoke.device.nhrp.hosts), "": None}
    found = [
        (server, server.nbma or known.get(server.name) or mapped.get(server.address) or _destination(spoke))
        for server in spoke.nhrp.nhs
    ]
    return [(server, nbma) for server, nbma in found if nbma is not None]


def _hub(hub: Actor, phase: int) -> tuple[str, ...]:
    """Split horizon is off in all phases; next hops are kept in phase 2, where a summary would hide them, too."""
    redirect = _wanted("ip nhrp redirect", has=hub.nhrp.redirect, wanted=phase == 3)
    tunnel = (f"interface {hub.tunnel}", *redirect) if redirect else ()
    if hub.process is None:
        return tunnel
    here = hub.process.interface(hub.tunnel)
    if hub.is_named:
        ip, process, header = "", "", (*process_header(hub), f"af-interface {hub.tunnel}")
        section = hub.eigrp_lines.section(header[-1])
    else:
        ip, process, header = "ip ", f" eigrp {hub.number}", (f"interface {hub.tunnel}",)
        section = hub.lines.section(header[-1])
    lines = [f"no {ip}split-horizon{process}"] if here.split_horizon else []
    if here.next_hop_self == (phase == 2):
        lines.append(f"{'no ' if here.next_hop_self else ''}{ip}next-hop-self{process}")
    if phase == 2:
        lines += [f"no {line}" for line in section.headers(f"{ip}summary-address{process} ")]
    return (*tunnel, *header, *lines) if lines else tunnel


def _spoke(stage: Stage, spoke: Actor, phase: int) -> tuple[str, ...]:
    shortcut = _wanted("ip nhrp shortcut", has=spoke.nhrp.shortcut, wanted=phase == 3)
    servers = _servers(spoke)
    destination = _destination(spoke)
    lines = [*shortcut]
    if phase == 1 and spoke.multipoint:
        lines += [f"no {_MULTIPOINT}", f"tunnel destination {servers[0][1]}"]
    elif phase != 1 and destination is not None:
        lines += [*_maps(spoke, servers), f"no tunnel destination {destination}", _MULTIPOINT]
    return (f"interface {spoke.tunnel}", *lines) if lines else ()


def _maps(spoke: Actor, servers: list[tuple[NhsConfig, IPAddress]]) -> list[str]:
    """Return the maps that a point-to-point tunnel did not need: NBMA addresses of servers, and multicast to them."""
    lines = []
    for server, nbma in servers:
        if server.address is not None and server.nbma is None and not server.name:
            known = (Prefix.host(server.address), nbma) in spoke.nhrp.maps
            lines += [] if known else [f"ip nhrp map {server.address} {nbma}"]
        if not server.multicast and nbma not in spoke.nhrp.multicast:
            lines.append(f"ip nhrp map multicast {nbma}")
    return lines


def _wanted(line: str, *, has: bool, wanted: bool) -> list[str]:
    return [] if has == wanted else [line if wanted else f"no {line}"]
