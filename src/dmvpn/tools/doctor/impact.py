"""The impact of a finding: the sites whose packets it affects.

A check compares lines, states and tables; whether traffic suffers is another question. So packets of the affected sites
are traced (`tools.walk`). If all of them arrive, on paths that are no longer and with sizes that are no smaller than
those of other sites, nothing is broken: the finding becomes advice, and says when it takes effect. A trace shows
neither silent drops nor intermittent faults, so such findings remain, and so do findings that the next registration
decides.

Findings that may be intended: a site that is shut down or switched off, a filter of routes, a tunnel with a smaller
MTU, a spoke with fewer servers.

The same lines are a mistake in one network and a plan in another, and no packet shows the difference. As long as no
other site loses connectivity, such a finding only counts as likely: it asks whether the state is intended, and the
network does not count as broken.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

from dmvpn.base.errors import UserError
from dmvpn.base.facts import Address, Network
from dmvpn.base.findings import Cause
from dmvpn.router.facts import TunnelFacts
from dmvpn.shells.facts import LabFacts
from dmvpn.tools.doctor.scene import Client, Scene
from dmvpn.tools.doctor.verdicts import Finding, Step, Verdict
from dmvpn.tools.lint.rules.tunnels import HEADERS
from dmvpn.tools.walk import Act, WalkedPath, WalkOutcome, walk, without_shortcuts

# ------------------------------------------------------------------------------------- the sites that a finding affects


_ROUTE: Final = "other routes lead there, until they are gone"
_SERVER: Final = "other servers serve it, until they are dead"
_REQUESTS: Final = "the server takes requests without a password, until a client needs its replies"
_BY_HAND: Final = "other routers reach it by static maps, until its address changes"
_SERVES: Final = "it is a server, and needs no server itself"
_TUNNEL: Final = "packets take another tunnel, until that is down"
#: When a finding takes effect that no trace shows: by step, and by cause.
_OF_STEP: Final[dict[Step, str]] = {
    Step.REGISTRATION: _SERVER,
    Step.MULTICAST: _ROUTE,
    Step.ROUTING: _ROUTE,
    Step.REDIRECT: "the shortcuts that are there are used, until they expire",
    Step.SHORTCUT: "it sends to those whom it knows, until it is to ask where another one is",
}
_OF_CAUSE: Final[dict[Cause, str]] = {
    Cause.MISSING_ROUTE: _ROUTE,
    Cause.WRONG_NEXT_HOP: _ROUTE,
    Cause.TUNNEL_SHUTDOWN: _TUNNEL,
    Cause.INTERFACE_SHUTDOWN: "packets take another port, until that is down",
    Cause.TUNNEL_DOWN: _TUNNEL,
    Cause.NETWORK_ID: _TUNNEL,
    Cause.TRANSFORM: "the SAs in use are older, and the next rekeying fails",
    Cause.PFS: "each rekeying fails, and IKE has to begin again",
    Cause.MODE: "sealed packets are 20 octets longer, and there is room for them",
    Cause.MSS: "the other ends clamp what passes, until one of them does not, either",
    Cause.NHS_ROUTE: "hosts reach each other, and packets of the router itself are lost",
    Cause.NHS_NBMA: _SERVER,
    Cause.WRONG_MASK: "packets arrive, until a host or router has an address that only one of the two masks covers",
}
#: Faults that come and go, or are in two places: a trace at one moment does not show them.
_FLEETING: Final = (
    Cause.HOLDING_TIME,
    Cause.EIGRP_TIMERS,
    Cause.RIP_TIMERS,
    Cause.CLOCK,
    Cause.ADDRESS_CONFLICT,
    Cause.STALE_UNIQUE,
    Cause.LAN_OVERLAP,
    Cause.RECURSION,
)
#: Sites whose paths are compared, and traces of one examination: beyond that, a finding counts as a fault.
_LIKE, MOST_TRACES = 2, 600
#: LANs of a router with a host to trace, of each version of IP.
_LANS: Final = 4
#: Routers on the path between two sites without a router, or with one hub, between them.
_DIRECT, _BY_A_HUB = 2, 3


class _Row(NamedTuple):
    """The results for packets of one site to another.

    hops: routers with tunnels on the path. at_last: after redirects have taken effect. whole: octets of the largest
        packet. fits: it carries TCP's negotiated segments.
    """

    arrives: bool
    hops: int
    at_last: int
    whole: int
    fits: bool


#: Unknown: it counts as if the packet did not arrive.
_NO_ROW: Final = _Row(arrives=False, hops=0, at_last=0, whole=0, fits=False)
_UNKNOWN: Final = {4: _NO_ROW, 6: _NO_ROW}


def _together(rows: Sequence[_Row]) -> _Row:
    """Return the worst of the results."""
    return _Row(
        arrives=all(row.arrives for row in rows),
        hops=max(row.hops for row in rows),
        at_last=max(row.at_last for row in rows),
        whole=min(row.whole for row in rows),
        fits=all(row.fits for row in rows),
    )


class Rows:
    """The results between the sites of a scene, traced on demand: with its shortcuts, and as if all of them had
    expired.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._known: dict[tuple[str, str, bool], dict[int, _Row]] = {}

    @cached_property
    def _lasting(self) -> LabFacts:
        return without_shortcuts(self.scene.unfiltered)

    @cached_property
    def sites(self) -> dict[str, tuple[Address, ...]]:
        """Addresses behind each router that packets leave from: a host's of each LAN, else the router's own.

        Of each version of IP inside its tunnels: hosts may have the other one, too.
        """
        lab = self.scene.lab
        lans: dict[str, dict[Network, Address]] = {}
        for host in lab.hosts.values():
            for own in host.addresses if host.router not in lab.providers else ():
                lans.setdefault(host.router, {}).setdefault(own.network, own.ip)
        found = {}
        for name, facts in self.scene.alive():
            known = list(lans.get(name, {}).values())
            if not known and facts.tunnels and name not in lab.providers:
                known = [site[1] for one in (4, 6) if (site := self.scene.site_of(name, facts, one)) is not None]
            inside = {own.version for tunnel in facts.tunnels for own in tunnel.addresses if not own.is_link_local}
            known = [address for address in known if address.version in inside] or known
            found[name] = tuple(
                own for one in (4, 6) for own in [each for each in known if each.version == one][:_LANS]
            )
        return {name: known for name, known in found.items() if known}

    def cost(self, names: int) -> int:
        """Return the largest number of traces from so many sites to all."""
        return names * sum(map(len, self.sites.values()))

    def role(self, name: str) -> tuple[bool, bool]:
        """Return whether it has servers, and whether it is one."""
        clients = self.scene.clients()
        return any(one.name == name for one in clients), any(one.hub == name for one in clients)

    def rows(self, here: str, there: str, *, lasting: bool) -> Mapping[int, _Row]:
        """Return the results for packets from one site to another, and for the replies, by the version of IP.

        lasting: without shortcuts.
        """
        key = (here, there, lasting)
        if key not in self._known:
            if len(self._known) >= MOST_TRACES:
                return _UNKNOWN
            lab, found = self._lasting if lasting else self.scene.unfiltered, {}
            for version in (4, 6):
                near, far = (
                    [address for address in self.sites[end] if address.version == version] for end in (here, there)
                )
                if near and far:
                    pairs = [(near[n % len(near)], far[n % len(far)]) for n in range(max(len(near), len(far)))]
                    found[version] = _together([self._walked(lab, str(one), str(other)) for one, other in pairs])
            self._known[key] = found or _UNKNOWN
        return self._known[key]

    def _walked(self, lab: LabFacts, source: str, destination: str) -> _Row:
        try:
            found = walk(lab, source, destination)
        except UserError:
            return _NO_ROW
        both = [path for path in (found.forth, found.back) if path is not None]
        # Routers with tunnels; providers may have one, too.
        ways = [
            (path, [name for name in path.nodes if self.tunnels(name) and name not in self.scene.lab.providers])
            for path in both
        ]
        at_last = [len(way) - self._detours(path, way) for path, way in ways]
        sizes = [one.whole or 0 for one in (found.budget, found.back_budget) if one is not None]
        whole = min(sizes, default=0)
        fits = (found.budget.mss or 0) + HEADERS[found.forth.question.source.version] <= whole
        arrives = len(both) > 1 and all(path.end.outcome is WalkOutcome.DELIVERED for path in both)
        hops = max(len(way) for _, way in ways)
        return _Row(arrives=arrives, hops=hops, at_last=max(at_last), whole=whole, fits=fits)

    def _detours(self, path: WalkedPath, way: list[str]) -> int:
        """Return the number of routers on the path that are avoided once redirects have taken effect."""
        redirecting = {step.where for step in path.steps if step.act is Act.REDIRECT}
        return sum(
            there in redirecting
            and any(tunnel.redirects for tunnel in self.tunnels(there))
            and any(tunnel.shortcuts for tunnel in self.tunnels(here))
            for here, there in pairwise(way)
        )

    def tunnels(self, name: str) -> tuple[TunnelFacts, ...]:
        """Return the tunnels of a router that runs."""
        facts = self.scene.facts(name)
        return facts.tunnels if facts is not None else ()


def with_impact(rows: Rows, verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
    """Yield the same verdicts; findings without effect become advice."""
    for one in verdicts:
        later = _later(rows.scene, one) if isinstance(one, Finding) and not one.advice else ""
        if isinstance(one, Finding) and later and not _has_effect(rows, one):
            yield replace(one, what=f"{one.what}. No user notices it now: {later}", advice=True)
        else:
            yield one


def _later(scene: Scene, finding: Finding) -> str:
    """Return when the finding takes effect, if it has none now; "": a trace cannot show it, or it will soon be
    obvious.
    """
    is_due = finding.step is Step.REGISTRATION and not finding.stops and finding.cause is not Cause.NHS_MISSING
    if finding.cause in _FLEETING or (is_due and finding.decide):
        return ""
    later = _OF_CAUSE.get(finding.cause) or _OF_STEP.get(finding.step, "")
    return later if later != _SERVER else _served_all_the_same(scene, finding)


def _has_effect(rows: Rows, finding: Finding) -> bool:
    """Return whether any affected site has worse results than other sites, or cannot be traced."""
    clients = rows.scene.clients()
    at_provider = finding.router in rows.scene.lab.providers
    mine = [finding.router] if not at_provider else list(finding.others)
    if len(rows.sites) < _LIKE or not mine or any(name not in rows.sites for name in mine):
        return True
    concerned = list(dict.fromkeys(name for one in mine for name in dependent_routers(clients, one)))
    of_servers = finding.step is Step.REGISTRATION or finding.cause is Cause.NHS_NBMA
    if of_servers and not all(_is_served(rows.scene, finding, one) for one in concerned):
        return True
    if finding.route is not None and _is_met(rows, finding.router, finding.route):
        return True
    others = (site for site in rows.sites if site != finding.router)
    if finding.cause is Cause.MSS and any(tunnel.mss is None for site in others for tunnel in rows.tunnels(site)):
        return True  # another site does not clamp TCP: on a shortcut between the two, no router would clamp
    concerned = [name for name in concerned if name in rows.sites]
    if rows.cost(len(concerned) + _LIKE) > MOST_TRACES:
        return True
    if finding.step is Step.SHORTCUT:  # its shortcuts serve the router's own packets, whoever its clients are
        concerned = [finding.router]
    if finding.step in (Step.SHORTCUT, Step.REDIRECT) or finding.cause is Cause.WRONG_MAP:
        versions = [6 if "ipv6 " in line else 4 for line in finding.fix if " nhrp " in line] or (4, 6)
        return any(not _is_direct(rows, name, versions) for name in concerned)
    sizes = finding.step in (Step.SA, Step.GRE)
    direct = _OF_CAUSE.get(finding.cause) == _TUNNEL
    return any(_is_worse(rows, name, sizes=sizes, direct=direct) for name in concerned)


def _is_met(rows: Rows, name: str, route: Network) -> bool:
    """Return whether packets for another site take this route, and no redirect moves them to that site later
    (phase 2).
    """
    if not any(tunnel.multipoint and not tunnel.shortcuts for tunnel in rows.tunnels(name)):
        return False
    others = (address for there, known in rows.sites.items() if there != name for address in known)
    return any(address.version == route.version and address in route for address in others)


def dependent_routers(clients: Iterable[Client], name: str) -> list[str]:
    """Return a router, its clients, and the clients of these."""
    found = [name]
    for hub in found:
        found += dict.fromkeys(one.name for one in clients if one.hub == hub and one.name not in found)
    return found


def has_server(clients: Sequence[Client], name: str) -> bool:
    """Return whether one of the servers of this router answers, if it has any, of each version of IP inside its
    tunnels. Otherwise it will soon be unknown to all.

    A router that serves other routers needs no server, and no router is a server of its own.
    """
    wanted = [client for client in clients if client.name == name and client.server is not None]
    others = [client for client in wanted if client.hub != name]
    if not others and any(client.hub == name != client.name for client in clients):
        return True
    working, used = {one.version for one in others if one.works}, {one.version for one in clients}
    needed = {address.version for one in others for address in one.tunnel.addresses}
    return (bool(working) and needed & used <= working) or not wanted


def _is_served(scene: Scene, finding: Finding, name: str) -> bool:
    """Return whether other routers know this router, and will know it, in spite of the finding."""
    by_requests = False
    if finding.cause is Cause.AUTHENTICATION:
        # Servers without a password register this router, which refuses only their replies, and whose point-to-point
        # tunnels ask for no other router.
        mine = [one for one in scene.clients() if one.name == name and one.server is not None]
        by_requests = bool(mine) and all(
            one.works or (not one.tunnel.multipoint and _takes_requests_alone(scene, one)) for one in mine
        )
    return by_requests or has_server(scene.clients(), name) or _is_known_by_hand(scene, name)


def _takes_requests_alone(scene: Scene, client: Client) -> bool:
    """Return whether the server registers the client, which refuses the replies: only the client has a password.

    RFC 2332 §5.3.4: the receiver checks the password. A router without one checks nothing.
    """
    there, server = client.there, client.server
    if there is None or server is None or there.authenticated or not client.tunnel.authenticated or client.works:
        return False
    versions = {server.address.version} if server.address is not None else {4, 6}
    own = [address for address in client.tunnel.addresses if address.version in versions]
    known = {(one.next_hop, one.nbma) for one in there.mappings if one.kind == "dynamic"}
    return any((address, scene.seen_as(client)) in known for address in own)


def _served_all_the_same(scene: Scene, finding: Finding) -> str:
    """Return why a router works although one of its servers does not answer."""
    clients, name = scene.clients(), finding.router
    near = [one for one in clients if name in (one.name, one.hub)]
    if finding.cause is Cause.AUTHENTICATION and any(_takes_requests_alone(scene, one) for one in near):
        return _REQUESTS
    if any(one.name == name and one.hub != name and one.works for one in clients if one.server is not None):
        return _SERVER
    return _SERVES if any(one.hub == name != one.name for one in clients) else _BY_HAND


def _is_known_by_hand(scene: Scene, name: str) -> bool:
    """Return whether another router has a correct static map for each tunnel of this one."""
    facts = scene.facts(name)
    maps = {
        (one.next_hop, one.nbma)
        for other, there in scene.alive()
        if other != name
        for tunnel in there.tunnels
        for one in tunnel.mappings
        if one.kind == "static"
    }
    tunnels = [tunnel for tunnel in (facts.tunnels if facts is not None else ()) if tunnel.nhrp]
    return bool(tunnels) and all(
        (own, scene.public(name, tunnel)) in maps for tunnel in tunnels for own in tunnel.addresses
    )


def _is_direct(rows: Rows, name: str, versions: Collection[int]) -> bool:
    """Return whether this site reaches every site that it can meet without a router in between, in these versions of
    IP: each has shortcuts of its own, and only those of paths with traffic.
    """
    met = [there for there in rows.sites if there != name and _can_meet(rows, name, there)]
    known = (rows.rows(name, there, lasting=False).get(one) for there in met for one in versions)
    return all(row is None or (row.arrives and row.hops <= _DIRECT) for row in known)


def _can_meet(rows: Rows, name: str, there: str) -> bool:
    """Return whether translators let two ends meet: behind a symmetric one the port for other peers is unknown."""
    kinds = [kind for kind in (_translator(rows, name), _translator(rows, there)) if kind]
    return len(kinds) < _DIRECT or "symmetric" not in kinds or "cone" in kinds


def _translator(rows: Rows, name: str) -> str:
    """Return the kind of the translator before a router's first tunnel; "": none, or unknown."""
    found = (rows.scene.gateway_of(name, tunnel.source_interface) for tunnel in rows.tunnels(name))
    return next((rows.scene.lab.gateways[gateway].kind for gateway in found if gateway is not None), "")


def _servers(scene: Scene, name: str) -> Iterator[str]:
    """Yield the servers of a router: the routers with the configured NBMA addresses, and with the tunnel addresses."""
    for client in scene.clients():
        if client.name == name:
            yield client.hub
            owner = scene.tunnel_owner(client.server.address) if client.server is not None else None
            if owner is not None:
                yield owner[0]


def _is_worse(rows: Rows, name: str, *, sizes: bool, direct: bool = False) -> bool:
    """Return whether this site reaches another one worse than similar sites do, or not at all.

    Redirects count as if they had taken effect. sizes: it concerns packet sizes, and not the path. direct: a tunnel is
    missing, and by another one only sites of that cloud are reached directly.
    """
    alike = [one for one in rows.sites if one != name and rows.role(one) == rows.role(name)]
    servers = list(_servers(rows.scene, name))
    for there in [one for one in rows.sites if one != name]:
        mine = rows.rows(name, there, lasting=True)
        if not all(row.arrives and row.fits for row in mine.values()):
            return True
        others = [rows.rows(one, there, lasting=True) for one in [one for one in alike if one != there][:_LIKE]]
        meets = direct and all(any(one.shortcuts for one in rows.tunnels(end)) for end in (name, there))
        least = _DIRECT if there in servers or meets else _BY_A_HUB
        for version, row in mine.items():
            usual = [one[version] for one in others if version in one and one[version].arrives]
            longer = not sizes and row.at_last > min((one.at_last for one in usual), default=least)
            if longer or row.whole < min((one.whole for one in usual), default=0):
                return True
    return False


# ------------------------------------------------------------------------------------------------ what may be intended


#: Only people type `shutdown`.
_SHUT: Final = (Cause.TUNNEL_SHUTDOWN, Cause.INTERFACE_SHUTDOWN)
#: They cut something off.
_CUTS_OFF: Final = (Cause.ROUTE_FILTERED, Cause.ROUTER_DEAD)
#: Packets arrive, but are smaller or take a longer path than those of other sites.
_LESS: Final = {
    Cause.MTU: "is {} meant to take smaller packets?",
    Cause.SPOKE_POINT_TO_POINT: "is {} meant to send everything by its hub?",
    Cause.NHS_MISSING: "is {} meant to have fewer servers than others?",
}


def with_questions(rows: Rows, verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
    """Yield the same verdicts; findings that may be intended ask about it."""
    for one in verdicts:
        question = _question(rows, one) if isinstance(one, Finding) and not one.advice else ""
        if isinstance(one, Finding) and question:
            one = replace(one, decide=question, mild=True, apart=one.apart or one.cause in _CUTS_OFF)
        yield one


def _question(rows: Rows, finding: Finding) -> str:
    """Return the question that separates a plan from a mistake; "": it is a mistake."""
    if finding.cause in _SHUT:
        name = _who_is_shut(rows.scene, finding)
        return f"is {name} shut down on purpose?" if name and _is_spared(rows, name) else ""
    if finding.cause is Cause.ROUTER_DEAD:
        # The other sites have what they need if all their servers run, and all of them reach each other.
        sites = list(rows.sites)
        is_of_all = finding.router in rows.scene.lab.providers or any(not one.hub for one in rows.scene.clients())
        is_branch = not is_of_all and rows.cost(len(sites)) <= MOST_TRACES and _all_arrive(rows, sites)
        return f"is {finding.router} switched off on purpose?" if is_branch else ""
    if finding.cause is Cause.ROUTE_FILTERED:
        return "is that route to be kept away?" if finding.fix and not finding.decide else ""
    question = _LESS.get(finding.cause, "")
    names = [name for name in dependent_routers(rows.scene.clients(), finding.router) if name in rows.sites]
    if not question or finding.stops or not names or rows.cost(len(names)) > MOST_TRACES:
        return ""
    serves = finding.cause is not Cause.NHS_MISSING or has_server(rows.scene.clients(), finding.router)
    return question.format(finding.router) if serves and _all_arrive(rows, names) else ""


def _who_is_shut(scene: Scene, finding: Finding) -> str:
    """Return the site that is cut off: behind a provider's port that is shut, the site at the other end, if also shut.

    "": a provider has shut a port towards a site that is not shut.
    """
    if finding.router not in scene.lab.providers:
        return finding.router
    port = next((line.split()[1] for line in finding.fix if line.startswith("interface ")), "")
    link = scene.link((finding.router, port))
    ends = [end for end in (link.ends if link is not None else ()) if end[0] != finding.router]
    return next((node for node, _ in ends if _is_shut(scene, node)), "")


def _is_shut(scene: Scene, name: str) -> bool:
    facts = scene.facts(name)
    return any(not tunnel.enabled for tunnel in (facts.tunnels if facts is not None else ())) or any(
        not port.enabled for port in scene.underlay_wires(name)
    )


def _is_spared(rows: Rows, name: str) -> bool:
    """Return whether all other sites reach each other without this router: they do not need it, or have another
    server.
    """
    clients = rows.scene.clients()
    mine = [one for one in dependent_routers(clients, name)[1:] if one in rows.sites]
    if not mine:
        return not any(one.hub == name for one in clients)
    others = [one for one in mine if one != name]
    if rows.cost(len(others)) > MOST_TRACES or not all(has_server(clients, one) for one in others):
        return False
    return _all_arrive(rows, others)


def _all_arrive(rows: Rows, names: Sequence[str]) -> bool:
    """Return whether packets between these sites and all other sites arrive, except sites that are shut down."""
    there = [name for name in rows.sites if not _is_shut(rows.scene, name)]
    return all(
        row.arrives
        for here in names
        for other in there
        if here != other and here in there
        for row in rows.rows(here, other, lasting=True).values()
    )
