"""The examination: all checks in their order, for a router or a whole lab.

A check of a pair is skipped if an earlier step of that pair is broken: later faults are consequences. A fault of large
packets alone, or of the next rekeying, breaks no later step: the checks go on, and it is reported after faults that do.
Of the remaining findings, the earliest step comes first, and of one cause the place that affects most routers.

Evidence against a finding about a tunnel: packets pass all the same.

A finding about a tunnel and its server rests on the configuration of both ends. A fault that stops a tunnel has
symptoms: no registration, no security association, pings without reply. If the server replies and pings of this visit
passed, the finding stays, because the different lines will matter one day. But it only counts as likely: it names the
observation that decides, comes after findings with symptoms, and hides no later step.

Results that are not known yet are expressed in the same way, by the time of the router's next request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from dmvpn.base.breath import breathing
from dmvpn.base.facts import Address
from dmvpn.base.findings import Cause
from dmvpn.features.system.messages import configured
from dmvpn.features.tunnel.reasons import TunnelReason
from dmvpn.tools.doctor import (
    access_lists,
    addressing,
    host,
    host_reachability,
    impact,
    ipsec,
    leases,
    missing_routes,
    protocols,
    registration,
    shortcuts,
    tables,
    tunnels,
    underlay,
    underlay_path,
)
from dmvpn.tools.doctor.scene import Client, Scene
from dmvpn.tools.doctor.underlay_path import tunnel_passes
from dmvpn.tools.doctor.verdicts import Diagnosis, Finding, Fine, Step, Verdict, View, permitted

_OfAll: TypeAlias = Callable[[Scene], Iterator[Verdict]]
_OfPair: TypeAlias = Callable[[Scene, Client], Iterator[Verdict]]


# ------------------------------------------------------------------------------------------- evidence against a finding


#: Causes that let nothing pass while they last. The server's identity is not among them: another router may forward.
_LETS_NOTHING_PASS: Final = (
    Cause.MISSING_ROUTE,
    Cause.WRONG_NEXT_HOP,
    Cause.GRE_BLOCKED,
    Cause.ESP_BLOCKED,
    Cause.IKE_BLOCKED,
    Cause.NAT_T_BLOCKED,
    Cause.NO_TUNNEL_THERE,
    Cause.UNPROTECTED,
    Cause.PROFILE,
    Cause.PSK_MISSING,
    Cause.PSK,
    Cause.CERTIFICATE,
    Cause.IKE_PROPOSAL,
    Cause.IKE_IDENTITY,
    Cause.TRANSFORM,
    Cause.KEY,
    Cause.NETWORK_ID,
    Cause.AUTHENTICATION,
)
#: Causes that rest on the server's last answer, since passwords cannot be compared, nor the server's lost state seen.
_AS_SAID: Final = (Cause.AUTHENTICATION, Cause.REFUSED, Cause.STALE_UNIQUE)

#: Causes with a question about secrets that are not shown, which counter-evidence precedes.
_HIDDEN: Final = (Cause.AUTHENTICATION, Cause.PSK)


def with_counter_evidence(scene: Scene, client: Client, verdict: Verdict) -> Verdict:
    """Return the verdict on a pair, with its degree of certainty."""
    if not isinstance(verdict, Finding) or verdict.advice or (verdict.decide and verdict.cause not in _HIDDEN):
        return verdict
    if not verdict.named:
        again = _asks_again(client)
        return replace(verdict, decide=again) if again else verdict
    if verdict.cause in _AS_SAID and (again := _changed_since(client)):
        return replace(verdict, decide=again)
    if verdict.cause not in _LETS_NOTHING_PASS or not verdict.stops or not _passes(scene, client):
        return verdict
    passes = f"packets pass between {client.name} and {client.hub} all the same"
    return replace(verdict, decide=f"{passes}: do they after {_next(client, verdict)}?", stops=False)


def _next(client: Client, finding: Finding) -> str:
    """Return the event that brings the two ends into agreement again, with its time, if known."""
    server = client.server
    if finding.step in (Step.IKE, Step.SA):
        return "the next rekeying"
    if finding.step is Step.REGISTRATION and server is not None and server.asks_in is not None:
        return f"the next registration, in {server.asks_in:.0f} s"
    return "the next restart"


def _passes(scene: Scene, client: Client) -> bool:
    """Return whether the client is registered, pings through the tunnel were answered, and no request was refused."""
    server = client.server
    if server is None or not server.responding or not server.secured:
        return False
    if any(one.kind == "incomplete" and one.reason for one in client.tunnel.mappings):
        return False
    return tunnel_passes(scene, client)


def _changed_since(client: Client) -> str:
    """Return the time of the next request, if either end was configured after the server's last answer."""
    server = client.server
    if server is None or server.responding or not server.reason or server.asks_in is None:
        return ""
    for name, facts in ((client.name, client.facts), (client.hub, client.hub_facts)):
        typed = [line.age for line in facts.log if line.is_one(configured)] if facts is not None else []
        if typed and min(typed) < server.reason_age:
            return f"{name} was configured since then, so {_asks_again(client)}"
    return ""


def _asks_again(client: Client) -> str:
    """Return the time of the next try of an unanswered registration: corrections since then take effect only then."""
    server = client.server
    if server is None or server.responding or server.asks_in is None:
        return ""
    return f"not known before the next registration of {client.name}, in {server.asks_in:.0f} s"


# ------------------------------------------------------------------------------------------------ the examination


#: Checks that run once.
OF_ALL: Final[tuple[_OfAll, ...]] = (
    underlay.dead_routers,
    host.tables,
    host.filters,
    host.unfiltered,
    access_lists.filters,
    underlay.cut_wires,
    access_lists.cut_leases,
    underlay.interfaces,
    addressing.masks,
    addressing.gateways,
    addressing.branch,
    leases.hosts_without_lease,
    addressing.silent_hosts,
    addressing.duplicate_addresses,
    underlay.conflicts,
    underlay.taken,
    access_lists.cut_tunnels,
    tunnels.tunnels,
    tunnels.addresses,
    tunnels.keepalives,
    tables.insides,
    tables.clouds,
    registration.without_nhrp,
    registration.missing_servers,
    shortcuts.static_maps,
    protocols.of_ospf,
    missing_routes.black_holes,
    missing_routes.next_hops,
    missing_routes.exchanges,
)
#: Checks of each tunnel and its server, until a fault is found.
OF_PAIR: Final[tuple[_OfPair, ...]] = (
    registration.server_address,
    underlay.underlay_advertised,
    underlay.routes,
    registration.shared_translator,
    underlay_path.outer_ttl,
    ipsec.unused_sas,
    underlay_path.losses,
    tunnels.subnets,
    ipsec.protection,
    tables.identities,
    ipsec.ike,
    ipsec.sas,
    ipsec.agreements,
    registration.keys,
    registration.point_to_point,
    underlay_path.fragments,
    underlay_path.tunnel_mtu,
    shortcuts.small,
    shortcuts.clamped,
    registration.servers,
    tunnels.tunnel_routes,
    registration.holding_times,
    tunnels.unexplained_loss,
    tunnels.multicast,
    protocols.one_sided,
    protocols.eigrp,
    protocols.rip,
    protocols.ospf,
    missing_routes.routes,
    protocols.bgp,
    shortcuts.redirects,
    shortcuts.next_hops,
    shortcuts.takers,
    shortcuts.askers,
)


def examine(scene: Scene, router: str | None = None, address: Address | None = None) -> Diagnosis:
    """Return the faults of the whole lab, or of one router (on its path to an address), with the whole lab in view."""
    verdicts: list[Verdict] = []
    rows = impact.Rows(scene)
    for check in breathing(OF_ALL):
        verdicts += breathing(_weighed(rows, check(scene)))
    servers: dict[Verdict, str] = {}
    for client in breathing(scene.clients()):
        found = _of_pair(rows, client, verdicts)
        servers |= dict.fromkeys(found, client.hub)
        verdicts += found
    broken = {one.router for one in verdicts if isinstance(one, Finding) and one.blocks}
    verdicts += shortcuts.pairs(scene, broken)
    verdicts += shortcuts.symmetric_translators(scene)
    if not any(map(_blocks, verdicts)):
        verdicts += host_reachability.hosts(scene)
    verdicts = _gathered(scene, verdicts, servers)
    places = {one.place for one in verdicts if isinstance(one, Finding)}
    verdicts += [one for one in host.wrong_clocks(scene) if one.place not in places]
    verdicts += host_reachability.site_pings(scene, router)
    concerned = host_reachability.affecting_routers(scene, router, address) if router is not None else None
    if router is not None and address is not None:
        verdicts += host_reachability.path_to(scene, router, address)
    findings = [
        permitted(one)
        for one in verdicts
        if isinstance(one, Finding) and (concerned is None or one.router in concerned or router in one.others)
    ]
    fine = [one for one in verdicts if isinstance(one, Fine) and (router is None or router in one.what.split())]
    return Diagnosis(
        view=View.WHOLE,
        routers=(router,) if router is not None else tuple(scene.lab.routers),
        address=str(address or ""),
        findings=tuple(_sorted(findings)),
        fine=tuple(sorted(dict.fromkeys(fine), key=lambda one: one.step.rank)),
        probes=tuple(f"{probe.router}: {probe.command}: {outcome}" for probe, outcome in scene.answers.items()),
    )


def _weighed(rows: impact.Rows, verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
    """Yield the same verdicts; findings without effect become advice, and possible intentions become questions."""
    return impact.with_questions(rows, impact.with_impact(rows, verdicts))


def _of_pair(rows: impact.Rows, client: Client, known: Iterable[Verdict]) -> list[Verdict]:
    """Run the checks of a pair as far as they make sense: a tunnel that is down has been reported already."""
    scene = rows.scene
    broken = {one.router: one.step.rank for one in known if isinstance(one, Finding) and one.blocks}
    mine = min((broken[name] for name in (client.name, client.hub) if name in broken), default=None)
    found: list[Verdict] = []
    down = [one.reason for one in (client.tunnel, client.there) if one is not None and not one.up]
    # Where keepalives are not returned, the reason is somewhere between the two ends.
    is_down = any(not reason.is_one(TunnelReason.KEEPALIVE) for reason in down)
    for check in breathing(OF_PAIR):
        if check not in _WITHOUT_TUNNEL and is_down:
            break
        found_here = (host.with_clock_cause(scene, client, one) for one in check(scene, client))
        doubted = (with_counter_evidence(scene, client, one) for one in found_here)
        verdicts = list(_weighed(rows, doubted))
        found += verdicts
        if client.hub == client.name:
            break  # later facts about the router as its server follow from that
        if any(map(_blocks, verdicts)):
            if check in _UNDERLAY:
                found += [one for term in _TERMS for one in term(scene, client) if isinstance(one, Finding)]
            break
    if mine is not None:
        return [
            one for one in found if isinstance(one, Fine) or one.step.rank <= mine or one.cause is not Cause.UNDECIDED
        ]
    return found


def _without_echoes(verdicts: list[Verdict]) -> list[Verdict]:
    """Leave out loops that follow from a router which advertises the underlay: only that router must change. Leave out
    what wires seem to block, where the list of a router does it. Of two findings that lists cut the tunnels of a router
    keep the one with an entry that opens least, unless it has no lines, or the other one puts another list into the
    place of a wrong one.
    """
    cuts = [one for one in verdicts if isinstance(one, Finding) and one.cause is Cause.LIST_CUTS_TUNNEL]
    of_packets = {one.router: one for one in cuts if one.step is Step.FILTER}
    gone: list[Finding] = []
    for one in cuts:
        if one.step is not Step.FILTER and one.router in of_packets:
            other = of_packets[one.router]
            applies = any(line.startswith("ip access-group ") for line in other.fix)
            gone.append(one if other.fix and (applies or not one.fix) else other)
    verdicts = [one for one in verdicts if one not in gone]
    lists = [one for one in verdicts if isinstance(one, Finding) and one.cause in _BY_LISTS and one.blocks]
    near = {name for one in lists for name in (one.router, *one.others)}
    blocked = [cause for causes in _ON_THE_WAY for cause in causes]
    verdicts = [
        one for one in verdicts if not (isinstance(one, Finding) and one.cause in blocked and one.router in near)
    ]
    loops = [one for one in verdicts if isinstance(one, Finding) and one.cause is Cause.RECURSION]
    if all(one.step is not Step.LINE for one in loops):
        return verdicts
    return [one for one in verdicts if one not in loops or one.step is Step.LINE]


def _gathered(scene: Scene, verdicts: Iterable[Verdict], servers: Mapping[Verdict, str]) -> list[Verdict]:
    """Report a fault on the paths of all clients of a server once, as the server's.

    servers: for each finding on the path of a pair, the server.
    """
    kept = _without_echoes(list(verdicts))
    of_hub: dict[str, set[str]] = {}
    for client in scene.clients():
        of_hub.setdefault(client.hub, set()).add(client.name)
    for hub, names in of_hub.items():
        for causes in _ON_THE_WAY if hub and len(names) > 1 else ():
            alike = [
                one
                for one in kept
                if isinstance(one, Finding) and one.cause in causes and one.router in names and servers.get(one) == hub
            ]
            if {one.router for one in alike} != names or any(one.advice or one.fix for one in alike):
                continue
            what = f"{hub}, on the ways to all of its clients: {alike[0].what}"
            found = replace(alike[0], router=hub, what=what, others=tuple(sorted(names)))
            kept = [one for one in kept if one not in alike] + [found]
    return kept


def _blocks(verdict: Verdict) -> bool:
    return isinstance(verdict, Finding) and verdict.blocks


#: Faults of a wire that no line of a router repairs. Behind a translator a filter of ESP is one of UDP.
_ON_THE_WAY: Final = (
    (Cause.GRE_BLOCKED,),
    (Cause.ESP_BLOCKED, Cause.NAT_T_BLOCKED),
    (Cause.IKE_BLOCKED,),
    (Cause.PATH_MTU,),
)
_BY_LISTS: Final = (Cause.PACKET_FILTER, Cause.REVERSE_PATH, Cause.LIST_CUTS_TUNNEL)
_WITHOUT_TUNNEL: Final = (
    registration.server_address,
    underlay.underlay_advertised,
    underlay.routes,
    underlay_path.losses,
)
#: Steps with a broken path between two ends that have the right addresses: their lines can be compared.
_UNDERLAY: Final = (underlay.routes, underlay_path.losses)
_TERMS: Final[tuple[_OfPair, ...]] = (
    tunnels.subnets,
    ipsec.protection,
    registration.keys,
    registration.point_to_point,
)
#: Silent drops of large packets have many effects: packets of routing protocols may be large.
_OF_LARGE_PACKETS: Final = (Cause.FRAGMENTS_BLOCKED, Cause.PATH_MTU)
#: A router that is on the wrong network lacks routes: missing routes follow from that.
_NO_REGISTRATION: Final = (Cause.NHS_MISSING, Cause.NHS_ROUTE, Cause.WRONG_MAP)


def _sorted(findings: list[Finding]) -> list[Finding]:
    """Sort findings: full failures first, of these the earliest step, then the earlier cause (`Cause` is in that
    order).
    """
    counted = Counter(finding.key for finding in findings)
    first: dict[object, Finding] = {}
    for finding in findings:
        first.setdefault(finding.key, finding)
    decided = [one for one in first.values() if one.named]
    explained = any(not one.advice and (one.stops or one.cause in _OF_LARGE_PACKETS) for one in decided)
    left = [] if explained else [one for one in first.values() if not one.named]
    causes = list(Cause)
    away = any(one.cause in _NO_REGISTRATION and not one.advice for one in decided)

    def order(one: Finding) -> tuple[bool, bool, int, int, int]:
        stops = one.stops and not (away and one.cause is Cause.NO_ROUTE_THERE)
        return one.advice, not stops, one.step.rank, causes.index(one.cause), -counted[one.key]

    return sorted([*decided, *left], key=order)
