"""What one router observes of a server, and the suspicions about the path to it (route, pings, and the subnet of the
tunnel) and about far routers.

Where a user complains and this router sees no fault, pings of the address decide:

    lost            a router on the path, or the far end, does not reply: nothing here shows which
    roundabout      they take a detour through another site's router
    they come back  hosts, sizes, and comparisons of two routers
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.facts import Address
from dmvpn.base.findings import Cause
from dmvpn.base.placeholder import Blank
from dmvpn.base.values import Value
from dmvpn.features.eigrp.facts import EigrpFacts
from dmvpn.features.interface.facts import InterfaceFacts
from dmvpn.features.tunnel.config import TTL
from dmvpn.features.tunnel.messages import recursive_routing
from dmvpn.ios import INTERFACE
from dmvpn.router.facts import RouterFacts
from dmvpn.tools.doctor.configuration import lines_from
from dmvpn.tools.doctor.scene import Client, ProbePurpose, ProbeResult, Scene, interface_of, lan_ports
from dmvpn.tools.doctor.underlay_path import best_route, probe_result
from dmvpn.tools.doctor.verdicts import Hypothesis

# ------------------------------------------------------------------------------------------------ observations


_HERE: Final = "nothing more: it is here"


class ServerView(Value):
    """A router's view of one server. scene: has this router alone. address: the requested destination, if any."""

    scene: Scene
    client: Client
    address: Address | None = None

    @property
    def peer(self) -> str:
        """The far end, for people."""
        return str(self.client.nbma or "the far end")

    @property
    def wan(self) -> InterfaceFacts | None:
        """The source interface of the tunnel."""
        return interface_of(self.client.facts, self.client.tunnel.source_interface)

    def ping(self, kind: ProbePurpose) -> ProbeResult | None:
        """Return the result of a probe."""
        server = self.client.server
        inside = server.address if server is not None else None
        target = inside if kind in (ProbePurpose.TUNNEL, ProbePurpose.TUNNEL_FULL) else self.client.nbma
        return probe_result(self.scene, kind, self.client.name, target)

    @property
    def gateway(self) -> ProbeResult | None:
        """The result of a ping to the next router."""
        return probe_result(self.scene, ProbePurpose.GATEWAY, self.client.name)

    @property
    def lans(self) -> list[InterfaceFacts]:
        """Interfaces that are neither tunnels nor their sources."""
        return [port for port in lan_ports(self.client.facts) if port.addresses]

    @property
    def reaches(self) -> bool:
        """Whether the server's NBMA address answers pings."""
        found = self.ping(ProbePurpose.UNDERLAY)
        return found is not None and "!" in found.marks

    @property
    def eigrp(self) -> EigrpFacts | None:
        """The process that runs here."""
        return next(iter(self.client.facts.eigrp), None)


def here(cause: Cause, why: str, fix: tuple[str, ...] = ()) -> Hypothesis:
    lines = f"; to fix: {' / '.join(fix)}" if fix else ""
    return Hypothesis(cause=cause, why=why, decide=_HERE + lines)


def maybe(cause: Cause, why: str, decide: str) -> Hypothesis:
    return Hypothesis(cause=cause, why=why, decide=decide)


def mild(cause: Cause, why: str, decide: str) -> Hypothesis:
    return Hypothesis(cause=cause, why=why, decide=decide, mild=True)


# ------------------------------------------------------------------------------------------------ what others say


def remote_faults(scene: Scene, name: str, address: Address) -> Iterator[Hypothesis]:
    """Yield hypotheses about faults outside of this router's view."""
    facts = scene.facts(name)
    if facts is None or not facts.tunnels:
        return
    found = [outcome for probe, outcome in scene.answers.items() if probe.router == name and probe.target == address]
    lost = next((one for one in found if one.marks and "!" not in one.marks), None)
    if lost is not None:
        why, own = f"pings to {address}: {lost}, though a route leads there", next(iter(_lans(facts)), None)
        at = f"at the server and at the router of {address}"
        back = f"'show ip route {own.partition('/')[0]}' {at}" if own else "its route"
        yield maybe(Cause.BLACK_HOLE, f"{why}: a router on the way may drop them", back)
        yield maybe(Cause.ROUTE_FILTERED, f"{why}: others may not hear of {own or 'this LAN'}", back)
        yield maybe(Cause.LAN_OVERLAP, f"{why}: another site may have one of these networks", back)
        static, ask = "'show ip nhrp static' there", f"its router: 'ping {address}'"
        yield maybe(Cause.WRONG_MAP, f"{why}: a router may map a tunnel address elsewhere", static)
        yield maybe(Cause.HOST_GATEWAY, f"{why}: the host may look for another gateway", ask)
        return
    path = next((one.path for one in found if len(one.path) > 2), ())
    if path:
        why = f"packets to {address} go {' -> '.join(path)}"
        yield mild(Cause.NEXT_HOP_SELF, why, "phase 2: 'no next-hop-self' on the server's tunnel?")
        yield mild(Cause.SHORTCUT, why, "phase 3: 'ip nhrp shortcut' at both spokes?")
        yield mild(Cause.REDIRECT, why, "phase 3: 'ip nhrp redirect' on the server's tunnel?")
    yield from _back(facts, address)


def _back(facts: RouterFacts, address: Address) -> Iterator[Hypothesis]:
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


# ------------------------------------------------------------------------------------------------ the underlay


def route(view: ServerView) -> Iterator[Hypothesis]:
    """Check the route to the server's NBMA address."""
    client, nbma = view.client, view.client.nbma
    if nbma is None:
        yield here(Cause.NHS_NBMA, "the NBMA address of the next hop server is not configured")
        return
    troubled = not client.works or not view.reaches
    for line in [line for line in client.facts.log if line.is_one(recursive_routing) and troubled][-1:]:
        why = f"the log says: {line.text}"
        yield maybe(Cause.RECURSION, why, f"'show ip route {nbma}' when it happens again: which router advertises it?")
    earlier = view.scene.earlier.routers.get(client.name) if view.scene.earlier is not None else None
    was = best_route(earlier, nbma, client.tunnel.front) if earlier is not None else None
    if troubled and was is not None and any(hop.interface == client.tunnel.name for hop in was.next_hops):
        why = f"a moment ago {nbma} was reached by {client.tunnel.name} itself ({was.prefix}, {was.source})"
        yield maybe(Cause.RECURSION, why, "which router advertises that network on the tunnel?")
    if view.wan is not None and view.wan.enabled and not view.wan.line:
        why = f"{view.wan.name} has no carrier"
        yield maybe(Cause.LINK_CUT, why, "the cable, and the port at its other end")
        yield maybe(Cause.INTERFACE_SHUTDOWN, f"{why}: the provider's port may be shut down", "the provider")
        return
    route = best_route(client.facts, nbma, client.tunnel.front)
    if route is None:
        statics = lines_from(client.facts, IPv4Address(0))
        if statics:
            why = f"'{statics[0]}' is configured and not used: its gateway is on no network of this router"
            yield maybe(Cause.WRONG_MASK, why, "the mask that the provider gave for this port")
            yield maybe(Cause.WRONG_NEXT_HOP, why, "the gateway's address that the provider gave")
        why = f"there is no route to {nbma}"
        yield here(Cause.MISSING_ROUTE, why, (f"ip route 0.0.0.0 0.0.0.0 {Blank('next-hop')}",))
        return
    hop = next(iter(route.next_hops), None)
    if route.drops or hop is None:
        yield here(Cause.BLACK_HOLE, f"{route.prefix}, which leads to {nbma}, goes to Null0")
    elif hop.interface == client.tunnel.name:
        yield here(Cause.RECURSION, f"the route to {nbma} ({route.prefix}) leads through {client.tunnel.name} itself")
    elif hop.interface and hop.interface != client.tunnel.source_interface and not client.works:
        leaves = interface_of(client.facts, hop.interface)
        if leaves is None or not leaves.line:
            return
        source = client.tunnel.source_interface
        why = f"{client.tunnel.name} leaves from {source}, and packets to {nbma} by {hop.interface}"
        yield maybe(Cause.WRONG_SOURCE, why, f"ping {nbma} source {client.tunnel.source_interface}")
        yield maybe(Cause.WRONG_NEXT_HOP, f"the route to {nbma} leaves by {hop.interface}", "who the gateway is")


def pings(view: ServerView) -> Iterator[Hypothesis]:
    """Check whether pings reach the server's NBMA address, and where they end."""
    first, many, peer = view.ping(ProbePurpose.UNDERLAY), view.ping(ProbePurpose.LOSS), view.peer
    if first is None or not first.tried:
        return
    elsewhere = [
        outcome
        for probe, outcome in view.scene.answers.items()
        if probe.kind in (ProbePurpose.GATEWAY, ProbePurpose.UNDERLAY, ProbePurpose.LOSS) and "!" in outcome.marks
    ]
    partly = next((outcome for outcome in elsewhere if outcome.lost * 4 > len(outcome.marks)), None)
    if "!" not in first.marks and partly is not None:
        why = f"pings to {peer}: {first}; others from the same port: {partly}"
        yield maybe(Cause.LOSSY_LINK, why, "the same ping of the gateway, and from the server's end")
    if "!" in first.marks:
        lost = many if many is not None else first
        if lost.lost * 10 > len(lost.marks):
            why = f"pings to {peer}: {lost}"
            yield maybe(Cause.LOSSY_LINK, why, "the same ping of the gateway, and from the server's end")
        return
    through = view.ping(ProbePurpose.TUNNEL)
    if view.client.works and through is not None and through.passed:
        return  # pings are filtered somewhere, and there is no other fault
    why = f"pings to {peer}: {first}"
    if first.refused:
        yield maybe(
            Cause.INTERFACE_SHUTDOWN, f"{why}: a router on the way has no way", "the port of the server's router"
        )
        yield maybe(
            Cause.NHS_NBMA, f"{why}: perhaps it is no router's address", f"is {peer} the server's NBMA address?"
        )
        yield maybe(Cause.ROUTER_DEAD, why, "the console of the server")
        return
    if view.gateway is not None and "!" not in view.gateway.marks:
        near = f"the gateway does not answer, either: {view.gateway}"
        earlier = view.scene.earlier.routers.get(view.client.name) if view.scene.earlier is not None else None
        before = interface_of(earlier, view.client.tunnel.source_interface) if earlier is not None else None
        if before is not None and view.wan is not None and view.wan.received > before.received:
            yield maybe(Cause.WRONG_NEXT_HOP, f"{near}; but packets come in", "the gateway's address")
        yield maybe(Cause.LINK_CUT, near, "counters of the provider's port: what does it send and receive?")
        yield maybe(Cause.ONE_WAY_LOSS, near, "the same counters, of one direction and the other")
        yield maybe(Cause.INTERFACE_SHUTDOWN, f"{near}: the provider's port may be shut down", "the provider")
        return
    far = f"{why}, though the gateway answers"
    yield maybe(Cause.ROUTER_DEAD, f"{far}: the server may be dead", "does any other router reach it?")
    yield maybe(Cause.MISSING_ROUTE, f"{far}: the server may have no route back", "'show ip route' at the server")
    yield maybe(Cause.INTERFACE_SHUTDOWN, f"{far}: its port may be down", "'show ip interface brief' at the server")
    yield maybe(Cause.NHS_NBMA, far, f"is {peer} the server's NBMA address?")


def lifetime(view: ServerView) -> Iterator[Hypothesis]:
    """Check the TTL of the tunnel's packets: a TTL of 1 allows no router, and not each server is a neighbor."""
    client, nbma = view.client, view.client.nbma
    tunnel, passes = client.tunnel, view.ping(ProbePurpose.TUNNEL)
    route = best_route(client.facts, nbma, tunnel.front) if nbma is not None else None
    lines = (INTERFACE.line(name=tunnel.name), TTL.line(ttl=255))
    if tunnel.ttl == 1 and route is not None and route.source not in ("connected", "local"):
        yield here(Cause.TTL, f"packets of {tunnel.name} have a TTL of 1, and {nbma} is behind other routers", lines)
    elif 0 < tunnel.ttl < 255 and (not client.works or (passes is not None and passes.silent)):
        why = f"packets of {tunnel.name} have a TTL of {tunnel.ttl}"
        yield mild(Cause.TTL, why, f"traceroute {nbma}: how many routers are on the way?")


def subnet(view: ServerView) -> Iterator[Hypothesis]:
    """Check whether the server's tunnel address is on the tunnel's own network."""
    client, server = view.client, view.client.server
    mine = interface_of(client.facts, client.tunnel.name)
    if server is None or server.address is None or mine is None:
        return
    own = [address for address in mine.addresses if address.version == server.address.version]
    if own and all(server.address not in address.network for address in own):
        why = f"{client.tunnel.name} has {own[0]}, and the server {server.address} is not in that network"
        yield here(Cause.TUNNEL_MASK, why)
        yield maybe(Cause.NHS_ADDRESS, why, "the server's tunnel address")
        yield maybe(Cause.ADDRESS_CONFLICT, why, f"whose address is {own[0].ip}? 'show ip nhrp {own[0].ip}' elsewhere")
