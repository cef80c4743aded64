"""The examination: all checks in their order, for a router or a whole lab.

A check of a pair is not asked when an earlier step of that pair is broken: what comes later is a consequence. What
concerns large packets alone, or the next rekeying, breaks no later step: the checks go on, and it is said after what
does. Of what is left, the earliest step comes first, and of one cause the place that more routers suffer from.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

from dmvpn.features.tunnel.reasons import TunnelReason
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor import (
    absent,
    apart,
    bearing,
    bgp,
    clocks,
    doubt,
    fair,
    filters,
    ipsec,
    kernel,
    lans,
    learnt,
    line,
    ospf,
    overtold,
    passing,
    path,
    peers,
    redistribution,
    registration,
    rip,
    routing,
    sas,
    servers,
    shortcuts,
    there_and_back,
    translators,
    underlay,
    whereabouts,
    wires,
)
from dmvpn.tools.doctor.verdicts import Diagnosis, Finding, Fine, Step, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dmvpn.base.facts import Address
    from dmvpn.router.facts import TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

    _OfAll: TypeAlias = Callable[[Scene], Iterator[Verdict]]
    _OfPair: TypeAlias = Callable[[Scene, Client], Iterator[Verdict]]

#: What is asked once.
OF_ALL: Final[tuple[_OfAll, ...]] = (
    underlay.dead_routers,
    kernel.tables,
    kernel.filters,
    underlay.cut_wires,
    underlay.interfaces,
    underlay.masks,
    lans.ports,
    lans.taken,
    underlay.conflicts,
    underlay.taken,
    line.tunnels,
    line.addresses,
    line.keepalives,
    registration.without_nhrp,
    servers.missing,
    peers.maps,
    ospf.identities,
    learnt.black_holes,
    learnt.to_nobody,
    learnt.to_others,
)
#: What is asked of each tunnel and its server, until something is broken.
OF_PAIR: Final[tuple[_OfPair, ...]] = (
    whereabouts.server_address,
    registration.other_server,
    routing.underlay_told,
    overtold.underlay_told,
    there_and_back.ways,
    translators.same,
    wires.lifetimes,
    sas.barren,
    wires.losses,
    line.subnets,
    ipsec.protection,
    ipsec.ike,
    sas.sas,
    sas.agreements,
    registration.keys,
    registration.point_to_point,
    wires.pieces,
    wires.tunnel_mtu,
    shortcuts.small,
    shortcuts.clamped,
    registration.servers,
    passing.ends_routed,
    registration.holding_times,
    passing.silent,
    passing.multicast,
    routing.neighbors,
    rip.neighbors,
    ospf.neighbors,
    bgp.neighbors,
    absent.processes,
    redistribution.maps,
    filters.between,
    learnt.sites,
    rip.sites,
    ospf.sites,
    bgp.sites,
    shortcuts.redirects,
    shortcuts.next_hops,
    shortcuts.takers,
    shortcuts.askers,
)


def examine(scene: Scene, router: str | None = None, address: Address | None = None) -> Diagnosis:
    """Return what is broken in the whole lab, or for one router (on its way to an address), with the whole lab in
    view.
    """
    verdicts: list[Verdict] = []
    rows = bearing.Rows(scene)
    for check in OF_ALL:
        verdicts += bearing.weighed(rows, check(scene))
    felt: dict[Verdict, str] = {}
    for client in scene.clients():
        found = _of_pair(rows, client, verdicts)
        felt |= dict.fromkeys(found, client.hub)
        verdicts += found
    broken = {one.router for one in verdicts if isinstance(one, Finding) and one.blocks}
    verdicts += peers.pairs(scene, broken)
    if not any(map(_blocks, verdicts)):
        verdicts += apart.hosts(scene)
    verdicts = _gathered(scene, verdicts, felt)
    places = {one.place for one in verdicts if isinstance(one, Finding)}
    verdicts += [one for one in clocks.wrong(scene) if one.place not in places]
    verdicts += path.pings(scene, router)
    concerned = path.concerned(scene, router, address) if router is not None else None
    if router is not None and address is not None:
        verdicts += path.towards(scene, router, address)
    findings = [
        fair.within(one)
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


def _of_pair(rows: bearing.Rows, client: Client, known: Iterable[Verdict]) -> list[Verdict]:
    """Return the checks of a pair as far as they make sense: a tunnel that is down has been named already."""
    scene = rows.scene
    broken = {one.router: one.step.rank for one in known if isinstance(one, Finding) and one.blocks}
    mine = min((broken[name] for name in (client.name, client.hub) if name in broken), default=None)
    found: list[Verdict] = []
    for check in OF_PAIR:
        if check not in _WITHOUT_TUNNEL and any(map(_is_down, (client.tunnel, client.there))):
            break
        found_here = (clocks.blamed(scene, client, one) for one in check(scene, client))
        doubted = (doubt.checked(scene, client, one) for one in found_here)
        verdicts = list(bearing.weighed(rows, doubted))
        found += verdicts
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
    """Leave out loops that follow from a router which tells all others of the underlay: only that one is to stop."""
    loops = [one for one in verdicts if isinstance(one, Finding) and one.cause is Cause.RECURSION]
    if all(one.step is not Step.LINE for one in loops):
        return verdicts
    return [one for one in verdicts if one not in loops or one.step is Step.LINE]


def _gathered(scene: Scene, verdicts: Iterable[Verdict], felt: Mapping[Verdict, str]) -> list[Verdict]:
    """Return what all clients of a server suffer from on their ways to it, once: it is on the way of the server.

    felt: of what was found on the way of a pair, the server.
    """
    kept = _without_echoes(list(verdicts))
    of_hub: dict[str, set[str]] = {}
    for client in scene.clients():
        of_hub.setdefault(client.hub, set()).add(client.name)
    for hub, names in of_hub.items():
        for cause in _ON_THE_WAY if hub and len(names) > 1 else ():
            alike = [
                one
                for one in kept
                if isinstance(one, Finding) and one.cause is cause and one.router in names and felt.get(one) == hub
            ]
            if {one.router for one in alike} != names or any(one.advice or one.fix for one in alike):
                continue
            what = f"{hub}, on the ways to all of its clients: {alike[0].what}"
            found = replace(alike[0], router=hub, what=what, others=tuple(sorted(names)))
            kept = [one for one in kept if one not in alike] + [found]
    return kept


def _blocks(verdict: Verdict) -> bool:
    return isinstance(verdict, Finding) and verdict.blocks


def _is_down(tunnel: TunnelFacts | None) -> bool:
    """Return whether it is down for a reason of its own.

    Where keepalives come back no more, the reason is somewhere between the two ends.
    """
    return tunnel is not None and not tunnel.up and not tunnel.reason.is_one(TunnelReason.KEEPALIVE)


#: What a wire does to packets, and no line of a router undoes.
_ON_THE_WAY: Final = (
    Cause.GRE_BLOCKED,
    Cause.ESP_BLOCKED,
    Cause.IKE_BLOCKED,
    Cause.NAT_T_BLOCKED,
    Cause.PATH_MTU,
)
_WITHOUT_TUNNEL: Final = (
    whereabouts.server_address,
    routing.underlay_told,
    overtold.underlay_told,
    there_and_back.ways,
    wires.losses,
)
#: Where the way between two ends is broken, and both are who they should be: what their lines say can be compared.
_UNDERLAY: Final = (there_and_back.ways, wires.losses)
_TERMS: Final[tuple[_OfPair, ...]] = (line.subnets, ipsec.protection, registration.keys, registration.point_to_point)
#: What swallows large packets without a word may be felt in many ways: those of routing protocols may be large.
_FELT: Final = (Cause.FRAGMENTS_BLOCKED, Cause.PATH_MTU)
#: A router that is not where all others are has no routes for that: what is missing there follows from it.
_NO_REGISTRATION: Final = (Cause.NHS_MISSING, Cause.NHS_ROUTE, Cause.WRONG_MAP)


def _sorted(findings: list[Finding]) -> list[Finding]:
    """Return what stops packets first, of that the earliest step, on one step the earlier cause (`Cause` is in that
    order).
    """
    counted = Counter(finding.key for finding in findings)
    first: dict[object, Finding] = {}
    for finding in findings:
        first.setdefault(finding.key, finding)
    decided = [one for one in first.values() if one.named]
    explained = any(not one.advice and (one.stops or one.cause in _FELT) for one in decided)
    left = [] if explained else [one for one in first.values() if not one.named]
    causes = list(Cause)
    away = any(one.cause in _NO_REGISTRATION and not one.advice for one in decided)

    def order(one: Finding) -> tuple[bool, bool, int, int, int]:
        stops = one.stops and not (away and one.cause is Cause.NO_ROUTE_THERE)
        return one.advice, not stops, one.step.rank, causes.index(one.cause), -counted[one.key]

    return sorted([*decided, *left], key=order)
