"""Remaining causes where a user complains and this router sees no fault: pings of the address decide.

lost            a router on the path, or the far end, does not reply: nothing here shows which
roundabout      they take a detour through another site's router
they come back  hosts, sizes, and comparisons of two routers
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor.scene import lan_ports
from dmvpn.tools.doctor.suspicions.observations import maybe, mild

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.router.facts import RouterFacts
    from dmvpn.tools.doctor.scene import Scene
    from dmvpn.tools.doctor.verdicts import Hypothesis


def remote_faults(scene: Scene, name: str, address: Address) -> Iterator[Hypothesis]:
    """Yield hypotheses about faults outside of this router's view."""
    facts = scene.of(name)
    if facts is None or not facts.tunnels:
        return
    found = [outcome for probe, outcome in scene.answers.items() if probe.router == name and probe.target == address]
    lost = next((one for one in found if one.marks and "!" not in one.marks), None)
    if lost is not None:
        yield from _lost(facts, address, f"pings to {address}: {lost}, though a route leads there")
        return
    path = next((one.path for one in found if len(one.path) > 2), ())
    if path:
        why = f"packets to {address} go {' -> '.join(path)}"
        yield mild(Cause.NEXT_HOP_SELF, why, "phase 2: 'no next-hop-self' on the server's tunnel?")
        yield mild(Cause.SHORTCUT, why, "phase 3: 'ip nhrp shortcut' at both spokes?")
        yield mild(Cause.REDIRECT, why, "phase 3: 'ip nhrp redirect' on the server's tunnel?")
    yield from _back(facts, address)


def _lost(facts: RouterFacts, address: Address, why: str) -> Iterator[Hypothesis]:
    own = next(iter(_lans(facts)), None)
    back = (
        f"'show ip route {own.partition('/')[0]}' at the server and at the router of {address}" if own else "its route"
    )
    yield maybe(Cause.BLACK_HOLE, f"{why}: a router on the way may drop them", back)
    yield maybe(Cause.ROUTE_FILTERED, f"{why}: others may not hear of {own or 'this LAN'}", back)
    yield maybe(Cause.LAN_OVERLAP, f"{why}: another site may have one of these networks", back)
    yield maybe(Cause.WRONG_MAP, f"{why}: a router may map a tunnel address elsewhere", "'show ip nhrp static' there")
    yield maybe(Cause.HOST_GATEWAY, f"{why}: the host may look for another gateway", f"its router: 'ping {address}'")


def _odd_masks(facts: RouterFacts) -> Iterator[Hypothesis]:
    """Yield LANs whose masks differ from those of all other sites, judged by their routes."""
    tunnels = {one.name for one in facts.tunnels}
    others = [
        one.prefix.prefixlen
        for one in facts.routes
        if one.prefix.prefixlen < one.prefix.max_prefixlen and any(hop.interface in tunnels for hop in one.next_hops)
        if one.source not in ("connected", "static", "nhrp")
    ]
    usual = set(others)
    for own in _lans(facts) if len(others) > 1 and len(usual) == 1 else ():
        length = int(own.partition("/")[2])
        if length not in usual:
            why = f"{own} of this LAN has another length than the networks of all other sites, /{others[0]}"
            yield mild(Cause.WRONG_MASK, why, "the mask of the hosts")


def _back(facts: RouterFacts, address: Address) -> Iterator[Hypothesis]:
    yield from _odd_masks(facts)
    why = f"nothing is wrong with the way to {address}, as far as it is seen from here"
    own = " or ".join(list(_lans(facts))[:2])
    if own:
        yield mild(Cause.HOST_GATEWAY, f"{why}: hosts may not look for {own}", "address, mask and gateway of the hosts")
    tunnel = facts.tunnels[0]
    sizes = f"'ip mtu' and 'ip tcp adjust-mss' at the other routers, as here: {tunnel.ip_mtu}, {tunnel.mss or 'none'}"
    yield mild(Cause.MTU, f"{why}: large packets may not fit elsewhere", sizes)
    for one in tunnel.addresses[:1]:
        ask = f"'show ip nhrp {one}' at the server: whose NBMA address?"
        yield mild(Cause.ADDRESS_CONFLICT, f"{why}: another router may have {one}, too", ask)
    ask = f"'show ip route {address}' at the server: whose is it?"
    yield mild(Cause.LAN_OVERLAP, f"{why}: another site may have that network, too", ask)


def _lans(facts: RouterFacts) -> Iterator[str]:
    """Yield the addresses of the LANs, with their lengths."""
    return (str(one) for port in lan_ports(facts) for one in port.addresses if one.version == 4)
