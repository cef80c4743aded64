"""A visit of the doctor: facts, probes, facts again, and the diagnosis. Only this file makes time pass.

facts -> probes (pings) -> facts: healthy? -> that is it
                                  else     -> some seconds, so that all counters are read -> facts -> diagnosis

The pings are chosen from the facts of a lab: for one router, for a path, or for all routers.

`suspect` is the diagnosis of one router on its own: possible causes, the most likely first, each with a command that
decides. The steps are those of the whole examination, and the first step with a symptom ends it. A state that may be
intended is no symptom, and comes last. The evidence decides the order of the causes: first faults of the router itself,
then causes that its packets, its counters and messages of peers support, then the rest. A cause that needs a comparison
of two routers stays a hypothesis here, however likely it is. For what one router cannot see (the far end of each
tunnel, pairs of spokes, other sites) there are commands for other routers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Final, Protocol

from dmvpn.base.barriers import Barrier, Gap
from dmvpn.base.errors import UserError
from dmvpn.base.facts import Address
from dmvpn.base.findings import Cause
from dmvpn.router.facts import RouterFacts
from dmvpn.shells.facts import LabFacts
from dmvpn.tools.doctor import access_lists, host, registration, tunnels
from dmvpn.tools.doctor import underlay as whole_underlay
from dmvpn.tools.doctor.examine import examine
from dmvpn.tools.doctor.scene import (
    FEW,
    Client,
    Probe,
    ProbePurpose,
    ProbeResult,
    Scene,
    addresses_of,
    carry_out,
    interface_of,
    lan_ports,
    rip_on,
)
from dmvpn.tools.doctor.suspicions import routing, underlay
from dmvpn.tools.doctor.suspicions import tunnels as of_tunnels
from dmvpn.tools.doctor.suspicions.underlay import ServerView, here, mild
from dmvpn.tools.doctor.underlay_path import best_route
from dmvpn.tools.doctor.verdicts import Diagnosis, Finding, Fine, Hypothesis, Step, Unseen, View

# ------------------------------------------------------------------------------------------- what one router cannot see


#: Other sites that are named one by one.
_MOST_PEERS: Final = 5


def unseen_ends(scene: Scene, name: str, address: Address | None) -> tuple[Unseen, ...]:
    """Return all of them, each router once. address: the requested destination, if any."""
    facts = scene.facts(name)
    if facts is None:
        return ()
    clients = scene.clients(name)
    found = [*(_server(one) for one in clients), *_peers(name, facts)]
    if address is not None and scene.owner(address) != name:
        ask = (f"ping {address}", f"show ip route {address}", "show ip interface brief", *_routes(facts))
        whom, about = f"the router of {address}", f"the end behind which {address} is"
        found.append(Unseen(whom=whom, about=about, ask=ask))
    if not clients:
        found += _clients(name, facts)
    return tuple({one.whom: one for one in reversed(found)}.values())[::-1]


def _server(client: Client) -> Unseen:
    """Return the router that this one registers with, or has a tunnel to."""
    tunnel, nbma = client.tunnel, client.nbma
    inside = client.server.address if client.server is not None else None
    whom = " at ".join(str(one) for one in (inside, nbma) if one is not None) or "the server"
    own = next(iter(tunnel.addresses), None)
    ask = ["show running-config | section interface Tunnel"]
    if own is not None:
        ask.append(f"show ip nhrp {own}" if own.version == 4 else f"show ipv6 nhrp {own}")
    if tunnel.protection:
        ask += ["show crypto session detail", "show logging | include IKEV2"]
    if tunnel.source is not None:
        ask.append(f"ping {tunnel.source}")
    about = f"the pair {client.name} and its server"
    return Unseen(whom=whom, about=about, ask=(*ask, *_routes(client.facts)))


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


# ------------------------------------------------------------------------------------------------ what it can


def suspect(scene: Scene, name: str, address: Address | None = None) -> Diagnosis:
    """Return possible faults in this router's view, optionally on the path to an address. scene: with this router
    alone.
    """
    if scene.facts(name) is None:
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


# ------------------------------------------------------------------------------------------------ the pings to run


#: Pairs of tunnel ends, and of spokes, to probe; failing ones come first.
MOST_PAIRS: Final = 8
#: A share of lost packets at a wire that is suspicious, although losses from the start of the routers count, too.
_LOST: Final = 0.05
#: With many routers: those that get all probes, and those that get a short check.
_FEW_PAIRS, _GLANCES = 4, 14
#: Remote networks that one router probes.
_MOST_SITES: Final = 4
#: Hosts that are asked by their routers.
_MOST_HOSTS: Final = 12
#: Octets of pings that find the largest packet on a path.
_SIZES: Final = (1440, 1400, 1360, 1300, 1200, 1000, 800, 576)
#: Octets of a ping that an Ethernet must fragment.
_PIECES: Final = 2000


def initial_probes(scene: Scene, router: str | None = None, address: Address | None = None) -> Iterator[Probe]:
    """Yield the probes for one router (and towards an address), or for the whole lab."""
    ours = [client for client in scene.clients() if router in (None, client.name, client.hub)]
    # First failing pairs, then those whose wires have lost many packets, and each router once before any again.
    met: Counter[str] = Counter()
    order: list[tuple[bool, bool, int, Client]] = []
    for client in ours:
        order.append((client.works, not _has_lost(scene, client), met[client.name], client))
        met[client.name] += 1
    chosen = [client for *_, client in sorted(order, key=lambda one: one[:3])]
    are_many = len({client.name for client in chosen}) > MOST_PAIRS
    whole = chosen[: _FEW_PAIRS if are_many else MOST_PAIRS]
    for client in whole:
        yield from tunnel_probes(client)
    if address is None or router is None:
        yield from _between_sites(scene, router)
    else:
        yield from path_probes(scene, router, address)
    if are_many:
        yield from _glances(chosen, {client.name for client in whole})
    yield from islice((probe for probe in _to_hosts(scene) if router in (None, probe.router)), _MOST_HOSTS)


def in_vrfs(scene: Scene, probes: Iterable[Probe]) -> Iterator[Probe]:
    """Yield the probes, each in the VRF of its source."""
    for probe in probes:
        first = next(in_vrfs(scene, [probe.only_if])) if probe.only_if is not None else None
        yield replace(probe, vrf=scene.vrf_of((probe.router, probe.source)), only_if=first)


def _to_hosts(scene: Scene) -> Iterator[Probe]:
    """Yield a probe to the first host of each LAN that its router reaches there, unless a list at the port may drop the
    answer.
    """
    asked: set[tuple[str, str, int]] = set()
    for one, wanted in ((each, own) for each in scene.lab.hosts.values() for own in each.addresses):
        facts = scene.facts(one.router)
        filtered = {each.interface for each in facts.packet_filters} if facts is not None else set()
        for lan in scene.lans(one.router, facts) if facts is not None else ():
            port = lan.port
            route = best_route(facts, wanted.ip, port.vrf) if facts is not None else None
            is_there = lan.address.network == wanted.network and route is not None and route.prefix == wanted.network
            seat = (one.router, port.name, wanted.version)
            if is_there and port.name not in filtered and seat not in asked:
                asked.add(seat)
                yield Probe(kind=ProbePurpose.LAN, router=one.router, target=wanted.ip, source=port.name, repeat=FEW)


def _glances(clients: Sequence[Client], known: set[str]) -> Iterator[Probe]:
    """Yield a short check for each remaining router: a few small pings, then full-size ones."""
    first = {client.name: client for client in reversed(clients) if client.name not in known}
    for client in list(first.values())[::-1][:_GLANCES]:
        for probe in tunnel_probes(client):
            if probe.kind is ProbePurpose.UNDERLAY:
                small = replace(probe, repeat=FEW)
                yield small
            elif probe.kind is ProbePurpose.UNDERLAY_FULL:
                yield replace(probe, only_if=small)


def _has_lost(scene: Scene, client: Client) -> bool:
    """Return whether packets were lost by the counters of the two ends of its wire, since they started."""
    near = (client.name, client.tunnel.source_interface)
    link = scene.link(near)
    far = [end for end in link.ends if end != near] if link is not None else []
    facts = scene.facts(far[0][0]) if len(far) == 1 else None
    here = interface_of(client.facts, near[1])
    there = interface_of(facts, far[0][1]) if facts is not None else None
    if here is None or there is None:
        return False
    return any(
        sent - received > _LOST * sent for sent, received in ((here.sent, there.received), (there.sent, here.received))
    )


def path_probes(scene: Scene, router: str, address: Address) -> Iterator[Probe]:
    """Yield probes from a router's site to an address, and between the NBMA addresses of the two ends."""
    facts = scene.facts(router)
    site = scene.site_of(router, facts, address.version) if facts is not None else None
    if site is None:
        return
    yield Probe(kind=ProbePurpose.SITES, router=router, target=address, source=site[0], repeat=5)
    yield Probe(kind=ProbePurpose.TRACE, router=router, target=address, source=site[0])


def tunnel_probes(client: Client) -> Iterator[Probe]:
    """Yield probes between a tunnel and its server."""
    tunnel, nbma = client.tunnel, client.nbma
    source = interface_of(client.facts, tunnel.source_interface)
    if nbma is not None and source is not None and source.line:
        probe = partial(Probe, router=client.name, target=nbma, source=source.name)
        first = probe(kind=ProbePurpose.UNDERLAY, repeat=10)
        yield first
        yield probe(kind=ProbePurpose.LOSS, repeat=40, only_if=first)
        most = min(source.ip_mtu, tunnel.ip_mtu + source.ip_mtu - tunnel.room)
        yield probe(kind=ProbePurpose.UNDERLAY_FULL, size=most, df=True, repeat=3, only_if=first)
        theirs = client.there.ip_mtu if client.there is not None else 0
        if theirs > tunnel.ip_mtu:
            more = min(source.ip_mtu, theirs + source.ip_mtu - tunnel.room)
            yield probe(kind=ProbePurpose.UNDERLAY_OTHERS, size=more, df=True, repeat=3, only_if=first)
        yield probe(kind=ProbePurpose.UNDERLAY_PIECES, size=_PIECES, repeat=3, only_if=first)
    address = client.server.address if client.server is not None else None
    if tunnel.up and address is not None and any(own.version == address.version for own in tunnel.addresses):
        probe = partial(Probe, router=client.name, target=address, source=tunnel.name)
        first = probe(kind=ProbePurpose.TUNNEL)
        yield first
        yield probe(kind=ProbePurpose.TUNNEL_FULL, repeat=3, size=tunnel.ip_mtu, df=True, only_if=first)


def follow_up_probes(scene: Scene, findings: Iterable[Finding]) -> Iterator[Probe]:
    """Yield probes that the first findings require: the largest packet that passes, and the end where larger ones are
    lost.
    """
    asked = {name for one in findings if one.cause is Cause.PATH_MTU for name in (one.router, *one.others)}
    done: set[str] = set()
    for client in [one for one in scene.clients() if one.name in asked and one.hub in asked][:_FEW_PAIRS]:
        source = interface_of(client.facts, client.tunnel.source_interface)
        if source is None or client.nbma is None:
            continue
        most = client.tunnel.ip_mtu + source.ip_mtu - client.tunnel.room
        probe = partial(Probe, df=True, repeat=FEW)
        at_end = partial(probe, router=client.name, target=client.nbma, source=source.name)
        yield from (at_end(kind=ProbePurpose.UNDERLAY_SIZE, size=size) for size in _SIZES if size < most)
        front = client.there.front if client.there is not None else ""
        ends = (
            (client.name, client.facts, client.nbma, client.tunnel.front),
            (client.hub, client.hub_facts, scene.seen_as(client), front),
        )
        for name, facts, far, vrf in ends:
            route = best_route(facts, far, vrf) if facts is not None and far is not None else None
            for hop in route.next_hops[:1] if route is not None and name not in done else ():
                done.add(name)
                if hop.address is not None:
                    full = partial(probe, kind=ProbePurpose.GATEWAY_FULL, size=most)
                    yield full(router=name, target=hop.address, source=hop.interface)


def single_router_probes(scene: Scene, router: str, address: Address | None = None) -> Iterator[Probe]:
    """Yield the probes that one router can run by itself."""
    for client in list(scene.clients(router))[:MOST_PAIRS]:
        route = best_route(client.facts, client.nbma, client.tunnel.front) if client.nbma is not None else None
        for hop in route.next_hops[:1] if route is not None else ():
            if hop.address is not None and all(hop.interface != tunnel.name for tunnel in client.facts.tunnels):
                yield Probe(kind=ProbePurpose.GATEWAY, router=router, target=hop.address, source=hop.interface)
        yield from tunnel_probes(client)
        if address is None:
            yield from _to_other_sites(scene, client)
    if address is not None:
        yield from path_probes(scene, router, address)


def _to_other_sites(scene: Scene, client: Client) -> Iterator[Probe]:
    """Yield the first addresses of networks learned through the tunnel, because hosts are not known."""
    site = scene.site_of(client.name, client.facts, client.version)
    if site is None:
        return
    found = [
        route.prefix[1]
        for route in client.facts.routes
        if any(hop.interface == client.tunnel.name and hop.address is not None for hop in route.next_hops)
        and route.prefix.version == client.version
        and 8 <= route.prefix.prefixlen < route.prefix.max_prefixlen - 1
    ]
    for target in found[:_MOST_SITES]:
        yield Probe(kind=ProbePurpose.SITES, router=client.name, target=target, source=site[0], repeat=4)
        yield Probe(kind=ProbePurpose.TRACE, router=client.name, target=target, source=site[0])


def _between_sites(scene: Scene, router: str | None) -> Iterator[Probe]:
    """Yield probes between spokes that already send to each other directly: a probe builds no shortcut."""
    spokes: dict[tuple[str, int], tuple[Client, str, Address]] = {}
    for client in scene.clients():
        site = scene.site_of(client.name, client.facts, client.version)
        if site is not None and (client.name, client.version) not in spokes:
            spokes[client.name, client.version] = (client, *site)
    seen = {scene.seen_as(client): client.name for client, *_ in spokes.values()}
    direct = dict.fromkeys(
        (one, other)
        for one, (client, *_) in spokes.items()
        for entry in client.tunnel.mappings
        if (other := (seen.get(entry.nbma, client.name), client.version)) in spokes
        if entry.kind == "dynamic" and other != one
        if spokes[other][2] in entry.target and (router is None or router in (one[0], other[0]))
    )
    for one, other in list(direct)[:MOST_PAIRS]:
        yield Probe(kind=ProbePurpose.SITES, router=one[0], target=spokes[other][2], source=spokes[one][1], repeat=4)


# ------------------------------------------------------------------------------------------------ a visit


#: Seconds until every router has polled its counters again.
BETWEEN_COUNTS: Final = 6.0


class ExaminedLab(Protocol):
    """A network that can be observed and queried."""

    def facts(self) -> LabFacts:
        """Return the current facts."""

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        """Return the output of commands at routers' prompts; "" where one does not answer."""

    def wait(self, seconds: float) -> None:
        """Let time pass."""

    def why(self, gap: Gap) -> Barrier | None:
        """Return why a route does not pass from a router to its neighbor; None: it does, or it is not known."""


def visit(
    examined: ExaminedLab,
    router: str | None = None,
    address: Address | None = None,
    *,
    one_end: bool = False,
    probing: bool = True,
) -> Diagnosis:
    """Examine the whole lab, a router, or its path to an address; one_end: as if only the router were in view.

    probing: pings may be sent. Raises UserError for an unknown router.
    """
    before = examined.facts()
    if router is not None and router not in before.routers:
        raise UserError(f"there is no router {router} in this lab; it has {', '.join(before.routers)}")
    if router is not None and (one_end or len(before.routers) == 1):
        return _from_one_end(examined, before, router, address, probing=probing)
    scene = Scene(before)
    planned = initial_probes(scene, router, address) if probing else ()
    answers = carry_out(in_vrfs(scene, planned), examined.ask)
    first = examine(Scene(examined.facts(), before, answers, examined.why), router, address)
    if not probing or all(one.advice for one in first.findings):
        return first
    more = carry_out(in_vrfs(scene, follow_up_probes(scene, first.findings)), examined.ask)
    answers = {**answers, **more}
    examined.wait(BETWEEN_COUNTS)
    return examine(Scene(examined.facts(), before, answers, examined.why), router, address)


def _from_one_end(
    examined: ExaminedLab, lab: LabFacts, router: str, address: Address | None, *, probing: bool
) -> Diagnosis:
    before = alone(lab, router)
    answers: Mapping[Probe, ProbeResult] = {}
    if probing and before.routers[router] is not None:
        scene = Scene(before)
        answers = carry_out(in_vrfs(scene, single_router_probes(scene, router, address)), examined.ask)
    first = suspect(Scene(alone(examined.facts(), router), before, answers), router, address)
    if first.healthy or not probing:
        return first
    examined.wait(BETWEEN_COUNTS)
    return suspect(Scene(alone(examined.facts(), router), before, answers), router, address)


def alone(lab: LabFacts, router: str) -> LabFacts:
    """Return a lab as seen from one router."""
    return LabFacts(routers={router: lab.routers[router]}, gateways={}, links=())
