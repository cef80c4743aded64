"""DMVPN phases 1, 2 and 3: the lines that make one of another, and why a network cannot have one.

phase 1     spokes have point-to-point tunnels to the hub; everything goes through it
phase 2     spokes are multipoint, the hub keeps next hops as they are: spokes resolve each other
phase 3     spokes are multipoint, the hub redirects, spokes take shortcuts; next hops do not matter
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.tools.troubles.orders import process_header

if TYPE_CHECKING:
    from dmvpn.tools.troubles import Actor, Stage

_MULTIPOINT: Final = "tunnel mode gre multipoint"


def phase_lines(stage: Stage, phase: int) -> dict[str, tuple[str, ...]]:
    """What is to be typed at which router, hubs first; nothing where all is as it should be. Raises UserError."""
    hubs = [stage.actors[name] for name in stage.hubs]
    spokes = [stage.actors[name] for name in stage.spokes]
    why_not = _obstacle(stage, hubs, spokes, phase)
    if why_not:
        raise UserError(f"{stage.scenario.name} cannot be a phase {phase} network: {why_not}")
    lines = {hub.name: _hub(hub, phase) for hub in hubs} | {spoke.name: _spoke(stage, spoke, phase) for spoke in spokes}
    return {name: typed for name, typed in lines.items() if typed}


def _obstacle(stage: Stage, hubs: list[Actor], spokes: list[Actor], phase: int) -> str:
    """Why the network cannot be of this phase; "": it can."""
    for actor in (*hubs, *spokes):
        tunnels = [line for line in actor.lines.headers("interface Tunnel") if actor.lines.section(line).lines]
        if len(tunnels) > 1:
            return f"{actor.name} has {len(tunnels)} tunnels, and which of them is meant is not clear"
        if any(line.startswith("ipv6 nhrp") for line in actor.tunnel_lines.lines):
            return f"{actor.name} has IPv6 on its tunnel; this command knows IPv4 alone"
    for hub in hubs:
        if not hub.tunnel_lines.has(_MULTIPOINT):
            return f"{hub.name} is no multipoint hub"
        if hub.tunnel_lines.headers("ip nhrp nhs "):
            return f"{hub.name} is a hub with a hub of its own; lines for one level would break the other"
        if not hub.eigrp:
            return f"{hub.name} runs no EIGRP, whose next hops and split horizon make the difference"
    for spoke in spokes:
        servers = _servers(stage, spoke)
        if phase == 1 and len(servers) != 1:
            return f"{spoke.name} has {len(servers)} next hop servers, and a point-to-point tunnel leads to one"
        if not servers and not spoke.tunnel_lines.value("tunnel destination "):
            return f"{spoke.name} has no next hop server"
    return ""


def _servers(stage: Stage, spoke: Actor) -> list[tuple[str, str]]:
    """Tunnel and NBMA addresses of its servers, by NHS lines and static maps."""
    lines = spoke.tunnel_lines
    mapped = [line.split()[3:5] for line in lines.headers("ip nhrp map ") if "multicast" not in line]
    known = {words[0]: words[1] for words in mapped if len(words) == 2}
    found = []
    for line in lines.headers("ip nhrp nhs "):
        words = line.split()
        nbma = words[words.index("nbma") + 1] if "nbma" in words else known.get(words[3], "")
        found.append((words[3], nbma or lines.value("tunnel destination ")))
    return [(address, nbma) for address, nbma in found if nbma]


def _hub(hub: Actor, phase: int) -> tuple[str, ...]:
    tunnel = _wanted(hub, "ip nhrp redirect", wanted=phase == 3)
    return (*([f"interface {hub.tunnel}", *tunnel] if tunnel else []), *_hub_eigrp(hub, phase))


def _hub_eigrp(hub: Actor, phase: int) -> tuple[str, ...]:
    """Split horizon is off in all phases; next hops are kept in phase 2, where a summary would hide them, too."""
    if hub.is_named:
        here, process = hub.eigrp_lines.section(f"af-interface {hub.tunnel}"), ""
        summaries = here.headers("summary-address ")
        header = (*process_header(hub), f"af-interface {hub.tunnel}")
    else:
        here, process = hub.tunnel_lines, f" eigrp {hub.number}"
        summaries = here.headers(f"ip summary-address eigrp {hub.number} ")
        header = (f"interface {hub.tunnel}",)
    ip = "" if hub.is_named else "ip "
    lines: list[str] = []
    if not here.has(f"no {ip}split-horizon{process}"):
        lines.append(f"no {ip}split-horizon{process}")
    keeps = here.has(f"no {ip}next-hop-self{process}")
    if keeps != (phase == 2):
        lines.append(f"{'' if keeps else 'no '}{ip}next-hop-self{process}")
    if phase == 2:
        lines += [f"no {line}" for line in summaries]
    return (*header, *lines) if lines else ()


def _spoke(stage: Stage, spoke: Actor, phase: int) -> tuple[str, ...]:
    shortcut = _wanted(spoke, "ip nhrp shortcut", wanted=phase == 3)
    servers = _servers(stage, spoke)
    destination = spoke.tunnel_lines.value("tunnel destination ")
    lines = [*shortcut]
    if phase == 1 and spoke.tunnel_lines.has(_MULTIPOINT):
        lines += [f"no {_MULTIPOINT}", f"tunnel destination {servers[0][1]}"]
    elif phase != 1 and destination:
        lines += [*_maps(spoke, servers), f"no tunnel destination {destination}", _MULTIPOINT]
    return (f"interface {spoke.tunnel}", *lines) if lines else ()


def _maps(spoke: Actor, servers: list[tuple[str, str]]) -> list[str]:
    """What a point-to-point tunnel did not need: where the servers are, and that they want multicast."""
    here = spoke.tunnel_lines
    lines = []
    for address, nbma in servers:
        (line,) = (line for line in here.headers("ip nhrp nhs ") if line.split()[3] == address)
        if "nbma" not in line.split() and not here.has(f"ip nhrp map {address} {nbma}"):
            lines.append(f"ip nhrp map {address} {nbma}")
        if "multicast" not in line.split() and not here.has(f"ip nhrp map multicast {nbma}"):
            lines.append(f"ip nhrp map multicast {nbma}")
    return lines


def _wanted(actor: Actor, line: str, *, wanted: bool) -> list[str]:
    if actor.tunnel_lines.has(line) == wanted:
        return []
    return [line if wanted else f"no {line}"]
