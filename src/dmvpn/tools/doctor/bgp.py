"""Checks of BGP over the tunnels: configuration at both ends, the session, and the advertised routes."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_network
from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.placeholder import SECRET, Blank
from dmvpn.base.terms import Likeness
from dmvpn.features.bgp.config import processes as bgp_lines
from dmvpn.ios.hidden_secrets import compare, question
from dmvpn.tools.doctor import addressing
from dmvpn.tools.doctor.bgp_passwords import password_of, password_place
from dmvpn.tools.doctor.configuration import device, texts
from dmvpn.tools.doctor.convergence import not_before
from dmvpn.tools.doctor.openings import bgp_family, bgp_neighbors
from dmvpn.tools.doctor.scene import interface_of
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
    """Check BGP at both ends of a tunnel: each configures the other, with matching parameters."""
    there, hub = client.there, client.hub_facts
    if there is None or hub is None or not client.facts.bgp.local_as or not hub.bgp.local_as:
        return
    ends = ((client.name, client.facts, client.tunnel, there), (client.hub, hub, there, client.tunnel))
    wanted = [_wants(facts, other) for _, facts, _, other in ends]
    if not any(_calls(facts, other) for _, facts, _, other in ends):
        if _all_call(scene, client, there):  # two ranges alone open no session
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
    """Return whether it configures the router of this tunnel, by more than a range, and makes it a peer."""
    peer = peer_of(facts, tunnel)
    return peer is not None and peer.address in facts.bgp.called


def _all_call(scene: Scene, client: Client, there: TunnelFacts) -> bool:
    """Return whether all other clients that run BGP configure the server.

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
    """Return a router's neighbor settings for the router of this tunnel."""
    return next((one for one in facts.bgp.peers if one.address in other.addresses), None)


def _no_line(name: str, end: tuple[RouterFacts, TunnelFacts], other: TunnelFacts, theirs: RouterFacts) -> Finding:
    facts, tunnel = end
    address = next((one for one in other.addresses if isinstance(one, IPv4Address)), None)
    ranges = _ranges(facts, tunnel)
    if ranges is not None:
        return Finding(
            step=_STEP,
            cause=Cause.BGP_NEIGHBOR,
            router=name,
            what=f"the range that BGP of {name} listens to does not cover its clients, such as {theirs.hostname}",
            evidence=(f"{theirs.hostname}: {address}", f"{name}: {ranges[0]}"),
            fix=(*bgp_neighbors(facts), f"no {ranges[0]}", ranges[1]),
        )
    if any(one.peer == address and one.remote_as is not None for one in device(facts).bgp.neighbors):
        return Finding(
            step=_STEP,
            cause=Cause.BGP_NEIGHBOR,
            router=name,
            what=f"BGP of {name} has lines for {address} ({theirs.hostname}), and it is not activated for IPv4",
            fix=(*bgp_family(facts), bgp_lines.FAMILY_ACTIVATE.of(peer=address)),
        )
    known = Blank("address") if address is None else address
    waits = "has one for it" if _calls(theirs, tunnel) else "waits for its call"
    return Finding(
        step=_STEP,
        cause=Cause.BGP_NEIGHBOR,
        router=name,
        what=f"BGP of {name} has no line for {address} ({theirs.hostname}), which {waits}",
        evidence=(f"{name}: neighbors are {', '.join(str(one.address) for one in facts.bgp.peers) or 'none'}",),
        fix=(*bgp_neighbors(facts), bgp_lines.NEIGHBOR.of(peer=known, remote_as=_system_of(theirs, facts))),
    )


def _ranges(facts: RouterFacts, tunnel: TunnelFacts) -> tuple[str, str] | None:
    """Return the line of a range that covers a part of a tunnel's network, and the line that covers all of it."""
    port = interface_of(facts, tunnel.name)
    networks = [one.network for one in (port.addresses if port is not None else ()) if one.version == 4]
    for one in device(facts).bgp.listen_ranges:
        prefix = ip_network(str(one.prefix))
        if any(network != prefix and network.overlaps(prefix) for network in networks):
            line = bgp_lines.LISTEN_RANGE
            return line.of(prefix=one.prefix, group=one.group), line.of(prefix=str(networks[0]), group=one.group)
    return None


_End = tuple[str, "RouterFacts", "TunnelFacts", "RouterFacts", "TunnelFacts"]


def _why_not(scene: Scene, client: Client, hub: RouterFacts, there: TunnelFacts) -> Finding:
    """Return the first fault that prevents a configured session."""
    ends: tuple[_End, _End] = (
        (client.name, client.facts, there, hub, client.tunnel),
        (client.hub, hub, client.tunnel, client.facts, there),
    )
    mine, back = peer_of(client.facts, there), peer_of(hub, client.tunnel)
    password = _other_password(client, hub, mine, back)
    return (
        _not_expected(ends[0])
        or _not_expected(ends[1])
        or (password if password is not None and password.certain else None)
        or _other_address(scene, client, hub, ends[0])
        or _other_address(scene, client, hub, ends[1])
        or (_too_many(client, hub) if back is None else None)
        or password
        or Finding(
            step=_STEP,
            cause=Cause.UNDECIDED,
            router=client.name,
            what=f"{client.name} and {client.hub} have lines for each other in BGP, and no session",
            decide=not_before(client, _RETRY),
        )
    )


def _system_of(theirs: RouterFacts, ours: RouterFacts) -> int:
    """Return the AS number of a router as another one sees it: outside of its confederation, the confederation's."""
    is_inside = ours.bgp.local_as in (theirs.bgp.local_as, *theirs.bgp.members)
    return theirs.bgp.local_as if is_inside or not theirs.bgp.outer_as else theirs.bgp.outer_as


def _not_expected(end: _End) -> Finding | None:
    """Return why this end would refuse the other as a peer: no neighbor line, or another AS."""
    name, facts, other, theirs, tunnel = end
    peer = peer_of(facts, other)
    if peer is None:
        return None
    if peer.shutdown:
        what = f"the session of {name} with {peer.address} is shut down"
        return _finding(Cause.BGP_NEIGHBOR, name, what, facts, bgp_lines.NEIGHBOR.no(peer=peer.address, shutdown=True))
    back = peer_of(theirs, tunnel)
    real = back.local_as if back is not None else _system_of(theirs, facts)
    if peer.remote_as != real:
        what = f"{name} expects AS {peer.remote_as} of {peer.address}, which is in AS {real}"
        return _finding(Cause.BGP_SYSTEM, name, what, facts, bgp_lines.NEIGHBOR.of(peer=peer.address, remote_as=real))
    return None


def _other_password(
    client: Client, hub: RouterFacts, mine: BgpPeerFacts | None, back: BgpPeerFacts | None
) -> Finding | None:
    """Return the finding that passwords differ; where both ends have one and neither is shown, that they may differ."""
    if mine is None:
        return None
    passwords = password_of(client.facts, mine.address), password_of(hub, _seen(client, back))
    likeness = compare(*passwords)
    if likeness is Likeness.SAME:
        return None
    name, facts, peer = _odd(client, hub, mine, back)
    has = "has a password for" if peer.secured else "has no password for"
    what = f"{name} {has} {peer.address}, and the other end does not have the same"
    if likeness is Likeness.UNKNOWN:
        what = f"{client.name} and {client.hub} have passwords for each other in BGP, and no session"
    keep = not peer.secured or back is None or (mine.secured and back.secured)
    line = (
        bgp_lines.NEIGHBOR.of(peer=peer.address, password=SECRET)
        if keep
        else bgp_lines.NEIGHBOR.no(peer=peer.address, password=True)
    )
    places = (client.name, client.facts, mine.address), (client.hub, hub, _seen(client, back))
    decide = question(*(password_place(*one) for one in places)) if likeness is Likeness.UNKNOWN else ""
    return replace(_finding(Cause.BGP_PASSWORD, name, what, facts, line), decide=decide)


def _seen(client: Client, back: BgpPeerFacts | None) -> Address | None:
    """Return the address under which the server knows a client."""
    own = (one for one in client.tunnel.addresses if one.version == 4)
    return back.address if back is not None else next(own, None)


def _other_address(scene: Scene, client: Client, hub: RouterFacts, end: _End) -> Finding | None:
    """Return a property of this end that the other refuses: its address, or a router ID that both have."""
    name, facts, other, theirs, _ = end
    lines = next((one for one in device(facts).bgp.neighbors if one.peer in other.addresses), None)
    source = lines.update_source if lines is not None else ""
    if lines is not None and source and source not in {tunnel.name for tunnel in facts.tunnels}:
        what = f"BGP of {name} calls {client.hub if facts is client.facts else client.name} from {source}"
        line = bgp_lines.NEIGHBOR.no(peer=lines.peer, interface=source)
        return _finding(Cause.BGP_NEIGHBOR, name, f"{what}, and its tunnel has another address", facts, line)
    identifier = facts.bgp.router_id
    if identifier is not None and identifier == theirs.bgp.router_id:
        name = _impostor(scene, client, identifier)
        facts = client.facts if name == client.name else hub
        what = f"BGP of {client.name} and {client.hub} has one router identifier, {identifier}"
        address = next(addressing.unique_addresses(scene, name), Blank("address"))
        line = bgp_lines.ROUTER_ID.of(address=address)
        return _finding(Cause.BGP_NEIGHBOR, name, what, facts, line)
    return None


def _too_many(client: Client, hub: RouterFacts) -> Finding | None:
    """Return the finding that the hub's limit of dynamic neighbors is reached, if so."""
    callers = [one for one in hub.bgp.peers if one.address not in hub.bgp.called]
    lines = texts(device(hub).tree.section(bgp_lines.ROUTER), bgp_lines.LISTEN_LIMIT)
    if not lines or len(callers) < hub.bgp.listen_limit:
        return None
    what = f"{client.hub} takes no more callers than {len(callers)}: {client.name} is one too many"
    return _finding(Cause.BGP_NEIGHBOR, client.hub, what, hub, f"no {lines[0]}")


def _impostor(scene: Scene, client: Client, identifier: Address) -> str:
    """Return of two routers with one router ID the one to change: not the owner of this address."""
    return client.hub if scene.owner(identifier) == client.name else client.name


def _odd(
    client: Client, hub: RouterFacts, mine: BgpPeerFacts, back: BgpPeerFacts | None
) -> tuple[str, RouterFacts, BgpPeerFacts]:
    """Return the end to change: the hub, if the client has no password and not all other sessions of the hub have one;
    else the client.
    """
    others = [one.secured for one in hub.bgp.peers if one is not back]
    if not mine.secured and back is not None and not (others and all(others)):
        return client.hub, hub, back
    return client.name, client.facts, mine


def _finding(cause: Cause, name: str, what: str, facts: RouterFacts, line: str) -> Finding:
    state = tuple(f"{name}: {one.address} is no neighbor: {one.reason}" for one in facts.neighbors if one.reason)
    return Finding(
        step=_STEP, cause=cause, router=name, what=what, evidence=state[:2], fix=(*bgp_neighbors(facts), line)
    )
