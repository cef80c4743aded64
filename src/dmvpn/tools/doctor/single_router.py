"""Diagnosis of one router on its own: possible causes, the most likely first, each with a command that decides.

The steps are those of the whole examination, and the first step with a symptom ends it. A state that may be intended is
no symptom, and comes last. The evidence decides the order of the causes: first faults of the router itself, then causes
that its packets, its counters and messages of peers support, then the rest. A cause that needs a comparison of two
routers stays a hypothesis here, however likely it is.

Commands for other routers that check what one router cannot see: the far end of each tunnel, pairs of spokes, and
other sites.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor import access_lists, host, registration, tunnels
from dmvpn.tools.doctor import underlay as whole_underlay
from dmvpn.tools.doctor.scene import ProbePurpose, addresses_of, lan_ports, rip_on
from dmvpn.tools.doctor.suspicions import routing, underlay
from dmvpn.tools.doctor.suspicions import tunnels as of_tunnels
from dmvpn.tools.doctor.suspicions.underlay import ServerView, here, mild
from dmvpn.tools.doctor.verdicts import Diagnosis, Finding, Fine, Hypothesis, Step, Unseen, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.facts import Address
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene


# ------------------------------------------------------------------------------------------- what one router cannot see


#: Other sites that are named one by one.
_MOST_PEERS: Final = 5


def unseen_ends(scene: Scene, name: str, address: Address | None) -> tuple[Unseen, ...]:
    """Return all of them, each router once. address: the requested destination, if any."""
    facts = scene.of(name)
    if facts is None:
        return ()
    clients = scene.clients(name)
    found = [*(_server(one) for one in clients), *_peers(name, facts)]
    if address is not None and scene.owner(address) != name:
        found.append(_site(facts, address))
    if not clients:
        found += _clients(name, facts)
    return tuple({one.whom: one for one in reversed(found)}.values())[::-1]


def _server(client: Client) -> Unseen:
    """Return the router that this one registers with, or has a tunnel to."""
    tunnel, nbma = client.tunnel, client.nbma
    inside = client.server.address if client.server is not None else None
    whom = " at ".join(str(one) for one in (inside, nbma) if one is not None) or "the server"
    return Unseen(whom=whom, about=f"the pair {client.name} and its server", ask=_pair(client.facts, tunnel))


def _pair(facts: RouterFacts, tunnel: TunnelFacts) -> tuple[str, ...]:
    """Return the commands for the other end of a tunnel."""
    own = next(iter(tunnel.addresses), None)
    ask = ["show running-config | section interface Tunnel"]
    if own is not None:
        ask.append(f"show ip nhrp {own}" if own.version == 4 else f"show ipv6 nhrp {own}")
    if tunnel.protection:
        ask += ["show crypto session detail", "show logging | include IKEV2"]
    if tunnel.source is not None:
        ask.append(f"ping {tunnel.source}")
    return (*ask, *_routes(facts))


def _routes(facts: RouterFacts) -> list[str]:
    """Return the commands for the way back to the LANs of this router."""
    networks = [own.network for port in lan_ports(facts) for own in port.addresses if own.version == 4]
    return [f"show ip route {one.network_address}" for one in networks if one.prefixlen < 32]


def _peers(name: str, facts: RouterFacts) -> Iterator[Unseen]:
    """Yield other sites that NHRP knows: only one half of such a pair is visible from here."""
    for tunnel in facts.tunnels:
        known = {*tunnel.addresses, *(server.address for server in tunnel.servers)}
        found = [one for one in tunnel.mappings if one.kind == "dynamic" and one.next_hop not in known]
        own = next(iter(tunnel.addresses), None)
        for hop in list(dict.fromkeys(one.next_hop for one in found))[:_MOST_PEERS]:
            ask = (*([f"show ip nhrp {own}"] if own is not None else []), *_routes(facts))
            yield Unseen(whom=str(hop), about=f"the pair {name} and {hop}", ask=ask)


def _clients(name: str, facts: RouterFacts) -> Iterator[Unseen]:
    """Yield clients that are configured for this server and never registered."""
    for tunnel in facts.tunnels:
        if tunnel.multipoint:
            network = next((own.network for own in addresses_of(facts, tunnel.name)), tunnel.name)
            ask = ("show ip nhrp nhs detail", "show running-config | section interface Tunnel")
            yield Unseen(whom=f"each spoke of {network}", about=f"spokes that never came to {name}", ask=ask)


def _site(facts: RouterFacts, address: Address) -> Unseen:
    """Return the site of the address."""
    ask = (f"ping {address}", f"show ip route {address}", "show ip interface brief", *_routes(facts))
    return Unseen(whom=f"the router of {address}", about=f"the end behind which {address} is", ask=ask)


# ------------------------------------------------------------------------------------------------ what it can


def suspect(scene: Scene, name: str, address: Address | None = None) -> Diagnosis:
    """Return possible faults in this router's view, optionally on the path to an address. scene: with this router
    alone.
    """
    if scene.of(name) is None:
        dead = Hypothesis(
            cause=Cause.ROUTER_DEAD, why=f"{name} does not answer", decide=f"its console; dmvpn lab start {name}"
        )
        return _diagnosis(scene, name, [dead], [])
    found: dict[Cause, Hypothesis] = {}
    fine: list[Fine] = []
    for one in _own(scene):
        found.setdefault(one.cause, one)
    for one in _of_servers(scene, name, address, fine):
        found.setdefault(one.cause, one)
    if address is not None and all(one.mild for one in found.values()):
        for one in underlay.remote_faults(scene, name, address):
            found.setdefault(one.cause, one)
    return _diagnosis(scene, name, list(found.values()), fine, address)


def _of_servers(scene: Scene, name: str, address: Address | None, fine: list[Fine]) -> Iterator[Hypothesis]:
    """Yield suspicions about the paths to all servers, those of the earliest step first.

    Missing routes follow from a silent server. fine: gets the steps that work.
    """
    found: list[tuple[int, Hypothesis]] = []
    for client in scene.clients(name):
        view = ServerView(scene, client, address)
        for number, (step, look) in enumerate(STEPS):
            suspicions = list(look(view))
            found += [(number, one) for one in suspicions]
            if any(not one.mild for one in suspicions):
                break
            fine += [Fine(step, what) for what in _good(step, view)]
    yield from (one for _, one in sorted(found, key=lambda one: one[0]))


def _diagnosis(
    scene: Scene, name: str, found: list[Hypothesis], fine: list[Fine], address: Address | None = None
) -> Diagnosis:
    return Diagnosis(
        view=View.ONE_END,
        routers=(name,),
        address=str(address or ""),
        hypotheses=tuple(sorted(found, key=lambda one: one.mild)),
        fine=tuple(dict.fromkeys(fine)),
        unseen=unseen_ends(scene, name, address),
        probes=tuple(f"{probe.router}: {probe.command}: {outcome}" for probe, outcome in scene.answers.items()),
    )


#: Checks of the whole examination that need no other router.
_LOCAL: Final = (
    host.tables,
    host.filters,
    host.unfiltered,
    whole_underlay.interfaces,
    tunnels.tunnels,
    registration.without_nhrp,
    access_lists.cut_tunnels,
)


def _own(scene: Scene) -> Iterator[Hypothesis]:
    """Yield defects that the router's own state shows."""
    findings = [one for check in _LOCAL for one in check(scene) if isinstance(one, Finding)]
    findings.sort(key=lambda one: one.step.rank)
    for one in findings:
        if one.cause in (Cause.HOST_FILTER, Cause.NOT_FILTERED):
            yield mild(one.cause, one.what, one.order) if one.advice else here(one.cause, one.what, (one.order,))
        elif one.cause is not Cause.UNDECIDED and not one.advice:
            yield here(one.cause, one.what, one.fix)
    for name, facts in scene.alive():
        under = {tunnel.source_interface for tunnel in facts.tunnels} | {tunnel.name for tunnel in facts.tunnels}
        for port in facts.interfaces:
            if not port.enabled and port.addresses and port.name not in under:
                why = f"{port.name} of {name} has an address, and is shut down"
                yield mild(Cause.INTERFACE_SHUTDOWN, why, "is it meant so?")


def _good(step: Step, view: ServerView) -> Iterator[str]:
    """Yield statements about a step without suspicion."""
    client = view.client
    ping = view.ping(ProbePurpose.UNDERLAY)
    if step is Step.UNDERLAY and ping is not None:
        yield f"pings to {view.peer}: {ping}"
    elif step is Step.REGISTRATION and client.server is not None and client.server.responding:
        yield f"registered with {client.server.address} ({view.peer})"
    elif step is Step.ROUTING:
        near = [one for one in client.facts.neighbors if one.interface == client.tunnel.name and one.up]
        if near:
            names = ", ".join(str(one.address) for one in near)
            yield f"{near[0].protocol} neighbors on {client.tunnel.name}: {names}"
        heard = rip_on(client.facts, client.tunnel)
        if heard is not None and heard.heard:
            yield f"RIP is heard on {client.tunnel.name}: {', '.join(map(str, heard.heard))}"


#: In the order of the path; the first one with a suspicion ends it.
STEPS: Final[tuple[tuple[Step, Callable[[ServerView], Iterator[Hypothesis]]], ...]] = (
    (Step.UNDERLAY, underlay.route),
    (Step.UNDERLAY, underlay.pings),
    (Step.LINE, underlay.subnet),
    (Step.GRE, underlay.lifetime),
    (Step.IKE, of_tunnels.ike),
    (Step.SA, of_tunnels.sas),
    (Step.REGISTRATION, of_tunnels.registration),
    (Step.GRE, of_tunnels.tunnel_pings),
    (Step.MULTICAST, of_tunnels.multicast),
    (Step.ROUTING, routing.neighbors),
    (Step.ROUTING, routing.rip_neighbors),
    (Step.ROUTING, routing.ospf),
    (Step.ROUTING, routing.bgp),
    (Step.ROUTING, routing.routes),
    (Step.ROUTING, routing.rip_routes),
    (Step.GRE, of_tunnels.sizes),
    (Step.SHORTCUT, of_tunnels.shortcuts),
)
