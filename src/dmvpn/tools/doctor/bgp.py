"""Checks of BGP over the tunnels: do both ends want a session, is there one, and who tells whom what?"""

from __future__ import annotations

from ipaddress import IPv4Address, ip_network
from typing import TYPE_CHECKING, Final

from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor import own
from dmvpn.tools.doctor.learnt import lacks, others_told
from dmvpn.tools.doctor.scene import interface_of, lines_of
from dmvpn.tools.doctor.settling import not_before
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.features.bgp.facts import BgpPeerFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

#: Seconds between two attempts to connect, at most.
_RETRY: Final = 60
_STEP = Step.ROUTING


def neighbors(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check BGP at both ends of a tunnel: each has lines for the other, and these fit."""
    there, hub = client.there, client.hub_facts
    if there is None or hub is None or not client.facts.bgp.local_as or not hub.bgp.local_as:
        return
    ends = ((client.name, client.facts, client.tunnel, there), (client.hub, hub, there, client.tunnel))
    wanted = [_wants(facts, other) for _, facts, _, other in ends]
    if not any(_calls(facts, other) for _, facts, _, other in ends):
        if _all_call(scene, client, there):  # ranges on their own begin nothing
            yield _no_line(client.name, (client.facts, client.tunnel), there, hub)
        return
    for (name, facts, tunnel, other), wants in zip(ends, wanted, strict=True):
        if not wants:
            yield _no_line(name, (facts, tunnel), other, hub if facts is client.facts else client.facts)
            return
    if is_up(client):
        yield Fine(_STEP, f"{client.name} and {client.hub} have a BGP session")
        return
    yield _why_not(scene, client, hub, there)


def _calls(facts: RouterFacts, tunnel: TunnelFacts) -> bool:
    """Return whether it has lines for the router with this tunnel, not a range alone, and among them the one that makes
    it a peer.
    """
    peer = peer_of(facts, tunnel)
    return peer is not None and peer.address in facts.bgp.called


def _all_call(scene: Scene, client: Client, there: TunnelFacts) -> bool:
    """Return whether all other clients that run BGP have lines for the server.

    Then its range is meant for this one, too.
    """
    others = [one.facts for one in scene.fellows(client) if one.facts.bgp.local_as]
    return bool(others) and all(_calls(facts, there) for facts in others)


def _wants(facts: RouterFacts, other: TunnelFacts) -> bool:
    ranges = facts.bgp.ranges
    return _calls(facts, other) or any(address in one for address in other.addresses for one in ranges)


def _session(facts: RouterFacts, other: TunnelFacts) -> bool:
    found = (one for one in facts.neighbors if one.protocol.startswith("bgp ") and one.address in other.addresses)
    return any(one.up for one in found)


def is_up(client: Client) -> bool:
    """Return whether there is a session between the two ends."""
    there, hub = client.there, client.hub_facts
    return there is not None and hub is not None and _session(client.facts, there) and _session(hub, client.tunnel)


def peer_of(facts: RouterFacts, other: TunnelFacts) -> BgpPeerFacts | None:
    """Return what a router has for the one with this tunnel."""
    return next((one for one in facts.bgp.peers if one.address in other.addresses), None)


def process(facts: RouterFacts) -> str:
    """Return the line that opens its section."""
    return f"router bgp {facts.bgp.local_as}"


def _no_line(name: str, end: tuple[RouterFacts, TunnelFacts], other: TunnelFacts, theirs: RouterFacts) -> Finding:
    facts, tunnel = end
    address = next((one for one in other.addresses if isinstance(one, IPv4Address)), None)
    ranges = _range_lines(facts, tunnel)
    if ranges:
        return Finding(
            step=_STEP,
            cause=Cause.BGP_NEIGHBOR,
            router=name,
            what=f"the range that BGP of {name} listens to does not cover its clients, such as {theirs.hostname}",
            evidence=(f"{theirs.hostname}: {address}", f"{name}: {ranges[0].removeprefix('no ')}"),
            fix=(process(facts), *ranges),
        )
    if any(lines_of(facts, process(facts), f"neighbor {address} remote-as ")):
        return Finding(
            step=_STEP,
            cause=Cause.BGP_NEIGHBOR,
            router=name,
            what=f"BGP of {name} has lines for {address} ({theirs.hostname}), and it is not activated for IPv4",
            fix=(process(facts), "address-family ipv4", f"neighbor {address} activate"),
        )
    waits = "has one for it" if _calls(theirs, tunnel) else "waits for its call"
    return Finding(
        step=_STEP,
        cause=Cause.BGP_NEIGHBOR,
        router=name,
        what=f"BGP of {name} has no line for {address} ({theirs.hostname}), which {waits}",
        evidence=(f"{name}: neighbors are {', '.join(str(one.address) for one in facts.bgp.peers) or 'none'}",),
        fix=(process(facts), f"neighbor {address} remote-as {_system_of(theirs, facts)}"),
    )


def _range_lines(facts: RouterFacts, tunnel: TunnelFacts) -> tuple[str, ...]:
    """Return the lines by which a router listens to all of a tunnel's network instead of a part; (): it has none."""
    port = interface_of(facts, tunnel.name)
    networks = [one.network for one in (port.addresses if port is not None else ()) if one.version == 4]
    for line in lines_of(facts, process(facts), "bgp listen range "):
        words = line.split()
        if any(str(network) != words[3] and network.overlaps(ip_network(words[3])) for network in networks):
            return (f"no {line}", " ".join([*words[:3], str(networks[0]), *words[4:]]))
    return ()


_End = tuple[str, "RouterFacts", "TunnelFacts", "RouterFacts", "TunnelFacts"]


def _why_not(scene: Scene, client: Client, hub: RouterFacts, there: TunnelFacts) -> Finding:
    """Return the first thing that keeps two that want a session from having it."""
    ends: tuple[_End, _End] = (
        (client.name, client.facts, there, hub, client.tunnel),
        (client.hub, hub, client.tunnel, client.facts, there),
    )
    mine, back = peer_of(client.facts, there), peer_of(hub, client.tunnel)
    return (
        _not_expected(ends[0])
        or _not_expected(ends[1])
        or _other_password(client, hub, mine, back)
        or _other_address(scene, client, hub, ends[0])
        or _other_address(scene, client, hub, ends[1])
        or (_too_many(client, hub) if back is None else None)
        or Finding(
            step=_STEP,
            cause=Cause.UNDECIDED,
            router=client.name,
            what=f"{client.name} and {client.hub} have lines for each other in BGP, and no session",
            decide=not_before(client, _RETRY),
        )
    )


def _system_of(theirs: RouterFacts, ours: RouterFacts) -> int:
    """Return the number by which a router is known to another one: those outside its confederation hear that of all."""
    is_inside = ours.bgp.local_as in (theirs.bgp.local_as, *theirs.bgp.members)
    return theirs.bgp.local_as if is_inside or not theirs.bgp.outer_as else theirs.bgp.outer_as


def _not_expected(end: _End) -> Finding | None:
    """Return why this end would not take the other for its peer, were it called: no session, or one with another AS."""
    name, facts, other, theirs, tunnel = end
    peer = peer_of(facts, other)
    if peer is None:
        return None
    line = f"neighbor {peer.address}"
    if peer.shutdown:
        what = f"the session of {name} with {peer.address} is shut down"
        return _finding(Cause.BGP_NEIGHBOR, name, what, facts, f"no {line} shutdown")
    back = peer_of(theirs, tunnel)
    real = back.local_as if back is not None else _system_of(theirs, facts)
    if peer.remote_as != real:
        what = f"{name} expects AS {peer.remote_as} of {peer.address}, which is in AS {real}"
        return _finding(Cause.BGP_SYSTEM, name, what, facts, f"{line} remote-as {real}")
    return None


def _other_password(
    client: Client, hub: RouterFacts, mine: BgpPeerFacts | None, back: BgpPeerFacts | None
) -> Finding | None:
    if mine is None or not (mine.secured or (back is not None and back.secured)):
        return None
    name, facts, peer = _odd(client, hub, mine, back)
    has = "has a password for" if peer.secured else "has no password for"
    what = f"{name} {has} {peer.address}, and the other end does not have the same"
    keep = not peer.secured or back is None or (mine.secured and back.secured)
    line = f"neighbor {peer.address} password PASSWORD" if keep else f"no neighbor {peer.address} password"
    return _finding(Cause.BGP_PASSWORD, name, what, facts, line)


def _other_address(scene: Scene, client: Client, hub: RouterFacts, end: _End) -> Finding | None:
    """Return what this end says of itself that the other cannot take: its address, or an identifier that both have."""
    name, facts, other, theirs, _ = end
    line = next((line for one in other.addresses for line in lines_of(facts, process(facts), _source(one))), "")
    if line and line.split()[-1] not in {tunnel.name for tunnel in facts.tunnels}:
        what = f"BGP of {name} calls {client.hub if facts is client.facts else client.name} from {line.split()[-1]}"
        return _finding(Cause.BGP_NEIGHBOR, name, f"{what}, and its tunnel has another address", facts, f"no {line}")
    identifier = facts.bgp.router_id
    if identifier is not None and identifier == theirs.bgp.router_id:
        name = _impostor(scene, client, identifier)
        facts = client.facts if name == client.name else hub
        what = f"BGP of {client.name} and {client.hub} has one router identifier, {identifier}"
        line = f"bgp router-id {next(own.addresses(scene, name), 'ADDRESS')}"
        return _finding(Cause.BGP_NEIGHBOR, name, what, facts, line)
    return None


def _too_many(client: Client, hub: RouterFacts) -> Finding | None:
    """Return that the hub takes no more callers, if so."""
    callers = [one for one in hub.bgp.peers if one.address not in hub.bgp.called]
    line = next(iter(lines_of(hub, process(hub), "bgp listen limit ")), "")
    if not line or len(callers) < hub.bgp.listen_limit:
        return None
    what = f"{client.hub} takes no more callers than {len(callers)}: {client.name} is one too many"
    return _finding(Cause.BGP_NEIGHBOR, client.hub, what, hub, f"no {line}")


def _source(address: Address) -> str:
    return f"neighbor {address} update-source "


def _impostor(scene: Scene, client: Client, identifier: Address) -> str:
    """Return of two with one identifier who is to change: not the one that has this address."""
    return client.hub if scene.owner(identifier) == client.name else client.name


def _odd(
    client: Client, hub: RouterFacts, mine: BgpPeerFacts, back: BgpPeerFacts | None
) -> tuple[str, RouterFacts, BgpPeerFacts]:
    """Return the end whose password nobody else has, or the client: so it is if a hub has one for all others, too."""
    others = [one.secured for one in hub.bgp.peers if one is not back]
    if not mine.secured and back is not None and not (others and all(others)):
        return client.hub, hub, back
    return client.name, client.facts, mine


def _finding(cause: Cause, name: str, what: str, facts: RouterFacts, line: str) -> Finding:
    state = tuple(f"{name}: {one.address} is no neighbor: {one.reason}" for one in facts.neighbors if one.reason)
    return Finding(step=_STEP, cause=cause, router=name, what=what, evidence=state[:2], fix=(process(facts), line))


def sites(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the server knows the client's LAN, and the client those of the others."""
    there, hub = client.there, client.hub_facts
    if there is None or hub is None or not is_up(client):
        return
    site = scene.site_of(client.name, client.facts)
    if site is not None and not announced(client.facts, site[1]) and lacks(hub, there, site[1]):
        yield not_announced(client.name, client.facts, site, (f"{client.hub}: no route to {site[1]} by the tunnel",))
        return
    for other, target in others_told(scene, client, there, hub, "bgp"):
        mine, theirs = peer_of(hub, client.tunnel), peer_of(hub, other.tunnel)
        if mine is None or theirs is None or not is_up(other):
            continue
        internal = {mine.local_as == mine.remote_as, theirs.local_as == theirs.remote_as} == {True}
        if internal and not mine.reflected and not theirs.reflected:
            line = f"neighbor {_written_as(hub, mine.address)} route-reflector-client"
            what = f"{client.hub} reflects no routes: {client.name} never hears of {target} ({other.name})"
            yield _finding(Cause.REFLECTION, client.hub, what, hub, line)
            return


def _written_as(facts: RouterFacts, address: Address) -> str:
    """Return what a router calls a neighbor: one that calls from a range has the lines of its group."""
    if address in facts.bgp.called:
        return str(address)
    for line in lines_of(facts, process(facts), "bgp listen range "):
        words = line.split()
        if address in ip_network(words[3]):
            return words[-1]
    return str(address)


def announced(facts: RouterFacts, address: Address) -> bool:
    """Return whether BGP tells of the network of this address."""
    return any(address in network and network.prefixlen for network in facts.bgp.announces)


def not_announced(name: str, facts: RouterFacts, lan: tuple[str, Address], evidence: tuple[str, ...]) -> Finding:
    """Return the finding that nobody hears of a LAN. evidence: who suffers."""
    port, address = lan
    owned = (one.network for it in facts.interfaces if it.name == port for one in it.addresses)
    network = next((one for one in owned if address in one), None)
    line = f"network {network.network_address} mask {network.netmask}" if network is not None else "network NETWORK"
    return Finding(
        step=_STEP,
        cause=Cause.NETWORK_STATEMENT,
        router=name,
        what=f"BGP of {name} does not announce its LAN {network} ({port})",
        evidence=evidence,
        fix=(process(facts), line),
    )
