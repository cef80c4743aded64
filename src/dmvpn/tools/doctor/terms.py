"""What two ends must agree on, and what one end must have: the same tables and rules as in lint, on running routers.

Where values of terms do not decide, because a secret is hidden, the routers do: the pair works, or one end refuses the
other because of this term. Where they do not decide either, the user is asked whether two secrets are the same.

A rule of lint with a cause is a check here, too, with lint's sentence and lines, unless lint itself has a doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final, TypeAlias, cast

from dmvpn.base.breath import breathing
from dmvpn.base.facts import ReasonFacts
from dmvpn.base.findings import Cause, Rule
from dmvpn.base.placeholder import SECRET
from dmvpn.base.terms import Likeness, Term
from dmvpn.dataplane.translator import NatKind
from dmvpn.features.eigrp import lint as eigrp
from dmvpn.features.nat import lint as nat
from dmvpn.features.nhrp import lint as nhrp
from dmvpn.ios.hidden_secrets import SecretPlace, question
from dmvpn.network import references
from dmvpn.network.device import Device
from dmvpn.network.overlay import EndPair, Network
from dmvpn.network.sites import Site
from dmvpn.network.terms.table import Disagreement, Failure, Table
from dmvpn.network.underlay import placed
from dmvpn.tools.doctor.configuration import read
from dmvpn.tools.doctor.scene import Client, Mistake, Scene
from dmvpn.tools.doctor.verdicts import Finding, Step
from dmvpn.tools.lint.found import NetworkConcern
from dmvpn.tools.lint.rules import (
    branch,
    cut_tunnels,
    neighbors,
    phases,
    registration,
    tunnels,
    underlay,
    vlans,
    vrfs,
)

#: Whether a client and its server work together, and the reasons of both why not.
State: TypeAlias = Callable[[Client], tuple[bool, tuple[ReasonFacts, ...]]]


# ------------------------------------------------------------------------------------------------ terms


def registration_state(client: Client) -> tuple[bool, tuple[ReasonFacts, ...]]:
    """Return whether a client is registered, and why not."""
    return client.works, (client.server.reason,) if client.server is not None else ()


def failed(client: Client, one: Failure[Any], step: Step, evidence: tuple[str, ...] = ()) -> Finding:
    """Return a duty that fails at a client or its server."""
    router = client.hub if one.of_server else client.name
    return Finding(step=step, cause=one.duty.cause, router=router, what=one.what, evidence=evidence, fix=one.fix)


def differences(
    scene: Scene,
    client: Client,
    table: Table[Any],
    step: Step,
    state: State = lambda _: (False, ()),
    evidence: tuple[str, ...] = (),
    *,
    doubts: bool = False,
    counted: bool = True,
) -> Iterator[Finding]:
    """Yield the terms of a table on which a client and its server do not agree, and the duties that fail.

    state: for terms with secrets. doubts: packets were not believed, so hidden secrets of two ends that do not work
    together differ; the user is asked whether they do, where no other client shows it. counted: a counter shows that
    packets were not believed; without one the user is asked whatever other clients show.
    """
    mine = client.pair
    if mine is None:
        return
    clients = {mine: client}

    def refuses(term: Term[Any, Any], one: Client) -> bool:
        return term.refuses is not None and any(map(term.refuses, state(one)[1]))

    def witness(term: Term[Any, Any], pair: EndPair) -> Likeness:
        one = clients[pair]
        if state(one)[0]:
            return Likeness.SAME
        return Likeness.DIFFERENT if refuses(term, one) or doubts else Likeness.UNKNOWN

    for term in table.differing(mine, witness):
        if (key := (term, mine.there)) not in scene.verdicts:
            clients |= {pair: one for one in scene.fellows(client) if (pair := one.pair) is not None}
            scene.verdicts[key] = table.odd(term, clients, witness)
        found = Disagreement.of(table, term, mine, scene.verdicts[key])
        names = (client.hub, client.name) if found.of_server else (client.name, client.hub)
        decide = "" if (found.decided and counted) or not doubts or refuses(term, client) else _question(found, names)
        yield Finding(
            step=step,
            cause=term.cause,
            router=names[0],
            what=f"{' and '.join(names)} may have different {term.name}s" if decide else found.sentence(*names),
            evidence=evidence,
            fix=found.fix,
            others=() if found.decided else (names[1],),
            decide=decide,
        )
    yield from (failed(client, one, step, evidence) for one in table.failures(mine))


def _question(found: Disagreement[Any], names: tuple[str, str]) -> str:
    """Return the question whether the secrets of two ends are the same; "": they are no hidden secrets."""
    views = found.table.views(found.pair)
    here, there = reversed(views) if found.of_server else views
    if here is None or there is None or found.term.compare(here, there) is not Likeness.UNKNOWN:
        return ""
    ends = zip(names, (found.fix, found.term.fix(there, here)), strict=True)
    places = [
        SecretPlace(name, " / ".join(lines[:at]), line)
        for name, lines in ends
        for at, line in enumerate(lines)
        if SECRET in line
    ]
    return question(*places) if len(places) == len(names) else ""


# ------------------------------------------------------------------------------------------------ duties


#: Rules that have causes among them.
_CHECKS: Final = (
    tunnels.check,
    registration.check,
    neighbors.check,
    phases.check,
    neighbors.check_ospf,
    cut_tunnels.check,
    cut_tunnels.check_leases,
    tunnels.check_sizes,
    underlay.check_routes,
    vrfs.check_front_doors,
    vrfs.check,
    branch.check,
    vlans.check,
)
#: Of what a branch has around its tunnels.
BRANCH: Final = tuple(one for one in (*nat.RULES, *branch.RULES, *vlans.RULES) if one.cause)


def of_pair(step: Step, *rules: Rule) -> Callable[[Scene, Client], Iterator[Finding]]:
    """Return a check of a client and its server by these rules."""

    def check(scene: Scene, client: Client) -> Iterator[Finding]:
        for one in _mistakes(scene):
            if one.concern.rule in rules and _is_of(client, one):
                yield _of_mistake(step, one)

    return check


def _is_of(client: Client, one: Mistake) -> bool:
    """Return whether a mistake is at one of two ends, and not about another server; or about this server."""
    ends = [(client.name, client.tunnel.name)]
    ends += [(client.hub, client.there.name)] if client.there is not None else []
    address = str(client.server.address).upper() if client.server is not None else ""

    def server_at(at: tuple[str, ...]) -> str:
        """Return the server that a line is about; "": none."""
        words = at[-1].upper().split()
        return words[3].split("/")[0] if words[1:3] in (["NHRP", "NHS"], ["NHRP", "MAP"]) and words[3:] else ""

    if any((one.router, line.partition("interface ")[2]) in ends for line in one.concern.at):
        return server_at(one.concern.at) in ("", "DYNAMIC", "MULTICAST", address)
    mine = (client.name, f"interface {client.tunnel.name}")
    for router, at in one.related:
        is_own = router == one.router and (router, at[0].partition("interface ")[2]) in ends
        if is_own or ((router, at[0]) == mine and server_at(at) == address):
            return True
    return False


def of_all(step: Step, *rules: Rule, stops: bool = True) -> Callable[[Scene], Iterator[Finding]]:
    """Return a check of all routers by these rules. stops: see `Finding`."""

    def check(scene: Scene) -> Iterator[Finding]:
        return (replace(_of_mistake(step, one), stops=stops) for one in _mistakes(scene) if one.concern.rule in rules)

    return check


def _mistakes(scene: Scene) -> tuple[Mistake, ...]:
    """Return the mistakes with a cause; they are sought once."""
    known = scene.mistakes
    if not known:
        read_now = [
            (_with_site(scene, name, read(facts.hostname, facts.configuration, table.vrf)), name)
            for name, facts in breathing(scene.alive())
            for table in facts.tables
        ]
        behind = placed([device for device, _ in read_now])
        names = {device: name for device, (_, name) in zip(behind, read_now, strict=True)}
        network = Network([one for one in names if not one.vrf])
        found = [NetworkConcern(one, concern) for one in network.devices for concern in nhrp.check(one.nhrp)]
        for one in breathing(names):
            of_ports = () if one.vrf else (references.ACCESS_GROUP,)
            dangling = (bad.concern for bad in references.dangling(one, eigrp.KEY_CHAIN, *of_ports))
            found += [NetworkConcern(one, concern) for concern in (*eigrp.check(one.eigrp), *dangling)]
        for check in breathing(_CHECKS):
            found += check(network)
        found = [one for one in found if one.concern.rule.cause is not None and one.concern.severity is None]
        known.append(
            tuple(
                Mistake(names[one.device], one.concern, tuple((names[other], at) for other, at in one.related))
                for one in found
            )
        )
    return known[0]


def _with_site(scene: Scene, name: str, device: Device) -> Device:
    """Return a router with what its lines do not show: its cables, where there are VLANs, and the NAT before it."""
    pairs = [cable.ends for cable in scene.lab.cables if len(cable.ends) == 2]
    both = ((own, far) for one, other in pairs for own, far in ((one, other), (other, one)))
    beside = tuple((own[1], *far) for own, far in both if own[0] == name)
    for interface in device.interface_names:
        gateway = scene.lab.gateways.get(scene.gateway_of(name, interface) or "")
        if gateway is not None:
            inward = tuple(gateway.inward.items())
            kind = cast("NatKind", gateway.kind)
            site = Site(nat=kind, public=gateway.public, interface=interface, inward=inward, beside=beside)
            return replace(device, site=site)
    return replace(device, site=Site(beside=beside)) if beside else device


def _of_mistake(step: Step, one: Mistake) -> Finding:
    return Finding(
        step=step,
        cause=one.concern.cause or one.concern.rule.cause or Cause.UNDECIDED,
        router=one.router,
        what=f"{one.router}: {one.concern.what}",
        evidence=tuple(f"{router}: {at[-1]}" for router, at in one.related),
        fix=one.concern.typed,
    )
