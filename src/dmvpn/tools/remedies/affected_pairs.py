"""The pairs of a network that a fault affects, by comparison with similar pairs or with configurations that were good.

A pair is two LANs and a direction. Pairs are of one kind if their ends are configured alike: the same tunnels, a
translator in front of the same end, and both ends in one cloud or in different ones. A pair is affected if

- it is cut off or takes a detour, and another pair of its kind does not;
- its packets may not be as large as those of most pairs of its kind;
- it takes a detour although both ends take shortcuts and a common server sends redirects.

A user may ask about one pair instead: do packets from a router reach an address there? If a copy of the configurations
loses them as well, the configurations are to blame, and the packet's path says where.

A copy needs all routers of a small network; of a large one servers, providers and sites in question.

Of the difference to the last configurations that were good a part has to be taken back:

    hunks        the difference of two networks, line by line: what came is removed, what went comes back
    in_order     lists whose entries are in another order than before: they are typed again
    taken_back   the configurations with some of these hunks
    harmed       the pairs of LANs that do worse now than in a copy of the earlier network

Secrets of the earlier configurations are entered in copies, and are in no line that is shown.
"""

from __future__ import annotations

import enum
import re
from collections import Counter
from dataclasses import field, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from dmvpn.base.errors import UserError
from dmvpn.base.findings import Cause
from dmvpn.base.translation import TCP, UDP
from dmvpn.base.values import Value
from dmvpn.ios.differences import Difference, differences
from dmvpn.network.lines import Lines, lines_after, tree_of
from dmvpn.shells.lab_model import INSIDE
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.diff.behavior import LanPair, Talk
from dmvpn.tools.doctor.scene import Scene, interface_of
from dmvpn.tools.doctor.verdicts import Copied, Diagnosis, Finding, Step
from dmvpn.tools.remedies.changes import ChangedLine, RouterChange, command_of, leaves
from dmvpn.tools.walk import WalkedPath, WalkOutcome, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dmvpn.base.facts import Network
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.shells.facts import LabFacts
    from dmvpn.tools.diff.probing import Lan


# ------------------------------------------------------------------------------------------------ pairs


#: The configuration of an end: for each tunnel whether it is multipoint, takes shortcuts, sends redirects and has a
#: server; and the kind of the translator in front of the router, "" for none.
_End: TypeAlias = tuple[tuple[tuple[bool, bool, bool, bool], ...], str]
_Kind: TypeAlias = tuple[_End, _End, bool]
_Sizes: TypeAlias = tuple[int, int]
_NO_TRANSLATOR: Final = ""
#: An echo, UDP and TCP: where a list denies all of them, it keeps two LANs apart.
_SERVICES: Final = (None, (UDP, 7), (TCP, 80))


class Harm(enum.Enum):
    """The harm of a pair, the worst first."""

    CUT_OFF = "cut off"
    DETOUR = "not direct"
    SMALL = "for small packets alone"


class AffectedPairs(Value):
    """The affected pairs, each with its harm.

    sizes: for a pair with small packets the largest packet (octets) and the MSS of most pairs of its kind. denied:
    pairs that are not affected, because access lists deny their packets. alone: LANs that no other site reaches, and
    which are perhaps not advertised on purpose: without hosts, beside another LAN that works.
    """

    pairs: Mapping[LanPair, Harm]
    sizes: Mapping[LanPair, _Sizes] = field(default_factory=dict)
    denied: tuple[LanPair, ...] = ()
    alone: tuple[str, ...] = ()


class Kinds(Value):
    """The kinds of the pairs of a network.

    lans: by name. ends, clouds: by router, what its tunnels are configured for, and their networks.
    """

    scene: Scene
    lans: Mapping[str, Lan]
    ends: Mapping[str, _End]
    clouds: Mapping[str, tuple[Network, ...]]

    @classmethod
    def of(cls, lab: LabFacts, lans: Mapping[str, Lan]) -> Kinds:
        """Read the kinds from the facts of a lab."""
        scene = Scene(lab)
        sites = {lan.site: scene.facts(lan.site) for lan in lans.values()}
        known = {name: facts for name, facts in sites.items() if facts is not None}
        ends = {name: _end(scene, name, facts) for name, facts in known.items()}
        clouds = {name: tuple(_clouds(facts)) for name, facts in known.items()}
        return cls(scene, lans, ends, clouds)

    def kind(self, pair: LanPair) -> _Kind | None:
        """Return the kind of a pair, None if one of the routers does not run.

        The order of the ends counts: a router that takes no shortcuts sends through the hub, and the answer may come
        directly.
        """
        one, other = (self.ends.get(self.lans[name].site) for name in pair)
        if one is None or other is None:
            return None
        return one, other, self._share(pair)

    def _share(self, pair: LanPair) -> bool:
        one, other = (self.clouds.get(self.lans[name].site, ()) for name in pair)
        return any(network in other for network in one)

    def is_meant_direct(self, pair: LanPair) -> bool:
        """Return whether both ends take shortcuts in one cloud, and a common server sends redirects."""
        ends = [self.ends.get(self.lans[name].site, ((), _NO_TRANSLATOR)) for name in pair]
        if any(gateway for _, gateway in ends) or not self._share(pair):
            return False
        takes = all(any(multipoint and shortcuts for multipoint, shortcuts, *_ in tunnels) for tunnels, _ in ends)
        servers = [{one.hub: one.there for one in self.scene.clients(self.lans[name].site)} for name in pair]
        common = (there for name, there in servers[0].items() if name in servers[1])
        return takes and any(there is not None and there.redirects for there in common)


def affected_pairs(talks: Mapping[LanPair, Talk], kinds: Kinds, *, strict: bool) -> AffectedPairs:
    """Return the affected pairs. Two LANs are not if lists deny the packets of one direction: that may be meant.

    strict: a pair that is cut off counts only if another pair of its kind is not cut off.
    """
    alike: dict[_Kind | None, list[Talk]] = {}
    for pair, talk in talks.items():
        alike.setdefault(kinds.kind(pair), []).append(talk)
    found: dict[LanPair, Harm] = {}
    sizes: dict[LanPair, _Sizes] = {}
    denied = tuple(pair for pair, talk in talks.items() if talk.is_denied)
    apart = {end for pair in denied for end in (pair, LanPair(pair.destination, pair.source))}
    alone = tuple(_alone(talks, kinds)) if strict else ()
    for pair, talk in talks.items():
        kind = kinds.kind(pair)
        fellows = alike[kind] if kind is not None else []
        others = {harm for fellow in fellows for harm in escapes(fellow)}
        usual = _usual(fellows)
        if not talk.arrives:
            if pair not in apart and not {*pair} & {*alone} and (not strict or Harm.CUT_OFF in others):
                found[pair] = Harm.CUT_OFF
        elif talk.hubs and (Harm.DETOUR in others or kinds.is_meant_direct(pair)):
            found[pair] = Harm.DETOUR
        elif usual is not None and is_smaller(talk, usual):
            found[pair], sizes[pair] = Harm.SMALL, usual
    return AffectedPairs(found, sizes, denied, alone)


def _alone(talks: Mapping[LanPair, Talk], kinds: Kinds) -> Iterator[str]:
    """Yield the LANs without hosts that no other site reaches, at routers with another LAN that is reached."""
    sites = {name: lan.site for name, lan in kinds.lans.items()}
    reached = {
        pair.destination
        for pair, talk in talks.items()
        if talk.arrives and sites[pair.source] != sites[pair.destination]
    }
    for name, lan in kinds.lans.items():
        fellows = any(other != name and sites[other] == lan.site for other in reached)
        if name not in reached and fellows and lan.host not in kinds.scene.lab.hosts:
            yield name


class KeptApart(NamedTuple):
    """Pairs whose packets of every kind an access list denies. why: the port, the list and its entry."""

    router: str
    why: str
    pairs: tuple[LanPair, ...]


def kept_apart(kinds: Kinds, denied: Iterable[LanPair]) -> Iterator[KeptApart]:
    """Yield the pairs that a list keeps apart, by router and entry. denied: those whose UDP is denied."""
    found: dict[tuple[str, str], list[LanPair]] = {}
    for pair in denied:
        source, destination = (kinds.lans[name] for name in pair)
        ends = (str(source.address), str(destination.address))
        walks = [walk(kinds.scene.lab, *ends, start=source.site, service=service).forth.end for service in _SERVICES]
        if all(one.outcome is WalkOutcome.DROPPED and one.where == walks[0].where for one in walks):
            found.setdefault((walks[0].where, walks[0].why), []).append(pair)
    for (router, why), pairs in found.items():
        yield KeptApart(router, why, tuple(pairs))


def left(before: AffectedPairs, talks: Mapping[LanPair, Talk]) -> AffectedPairs:
    """Return the pairs that are still affected."""
    found: dict[LanPair, Harm] = {}
    for pair, harm in before.pairs.items():
        talk = talks.get(pair)
        if talk is None:
            continue
        is_small = harm is Harm.SMALL and (not talk.arrives or is_smaller(talk, before.sizes[pair]))
        if is_small or (harm is not Harm.SMALL and harm not in escapes(talk)):
            found[pair] = harm
    return AffectedPairs(found, before.sizes)


def _usual(fellows: Iterable[Talk]) -> _Sizes | None:
    """Return the sizes that most pairs of a kind have; None if there are none."""
    known = [(talk.mtu, talk.mss) for talk in fellows if talk.mtu is not None and talk.mss is not None]
    ((sizes, count),) = Counter(known).most_common(1) or [((0, 0), 0)]
    return sizes if 2 * count > len(known) else None


def is_smaller(talk: Talk, usual: _Sizes) -> bool:
    return talk.mtu is not None and talk.mss is not None and (talk.mtu < usual[0] or talk.mss < usual[1])


def escapes(talk: Talk) -> Iterable[Harm]:
    """Return the harms that a pair does not have."""
    if not talk.arrives:
        return ()
    return (Harm.CUT_OFF,) if talk.hubs else (Harm.CUT_OFF, Harm.DETOUR)


def _end(scene: Scene, name: str, facts: RouterFacts) -> _End:
    tunnels = [one for one in facts.tunnels if one.nhrp]
    gateways = (scene.gateway_of(name, one.source_interface) for one in tunnels)
    gateway = next((one for one in gateways if one is not None), None)
    kind = (scene.lab.gateways[gateway].kind or "translator") if gateway is not None else _NO_TRANSLATOR
    return tuple(sorted(map(_configured, tunnels))), kind


def _configured(tunnel: TunnelFacts) -> tuple[bool, bool, bool, bool]:
    return tunnel.multipoint, tunnel.shortcuts, tunnel.redirects, bool(tunnel.servers)


def _clouds(facts: RouterFacts) -> Iterator[Network]:
    """Yield the networks of its tunnels."""
    for tunnel in facts.tunnels:
        own = interface_of(facts, tunnel.name)
        yield from (one.network for one in (own.addresses if own is not None else ()))


# ----------------------------------------------------------------------------------------------- the question of a user


#: Findings that say no more than that packets do not arrive.
_SYMPTOMS: Final = (Cause.UNDECIDED, Cause.NO_ROUTE_THERE)


def asked(diagnosis: Diagnosis, lab: LabFacts) -> Diagnosis:
    """Return the diagnosis of a path, with the place where a copy loses its packets. lab: the facts of the copy."""
    path = _lost(lab, diagnosis.routers[0], diagnosis.address)
    if path is None:
        return diagnosis
    findings = (_finding(path), *(one for one in diagnosis.findings if one.advice or one.cause not in _SYMPTOMS))
    return replace(diagnosis, findings=findings, copied=Copied.ALIKE)


def _lost(lab: LabFacts, router: str, address: str) -> WalkedPath | None:
    """Return the direction in which packets between the site of a router and an address do not arrive."""
    scene = Scene(lab)
    facts = scene.facts(router)
    site = scene.site_of(router, facts, ip_address(address).version) if facts is not None else None
    host = next((name for name, one in lab.hosts.items() if one.router == router), "")
    if site is None:
        return None
    try:
        found = walk(lab, host or str(site[1]), address)
    except UserError:
        return None
    both = [path for path in (found.forth, found.back) if path is not None]
    return next((path for path in both if path.end.outcome in (WalkOutcome.DROPPED, WalkOutcome.LOOP)), None)


def _finding(path: WalkedPath) -> Finding:
    """Return why the packet does not arrive: lists and VRFs may be meant."""
    end, question = path.end, path.question
    may_be_meant = end.listed or bool(end.apart)
    return Finding(
        step=Step.FILTER if end.listed else Step.ROUTING,
        cause=Cause.PACKET_FILTER if end.listed else Cause.NO_ROUTE_THERE,
        router=end.where,
        what=f"{question.source} does not reach {question.destination}: {end.why or end.outcome.value}",
        evidence=(f"a copy of these configurations loses the packet at {end.where}, too",),
        decide=f"are {question.source} and {question.destination} to be kept apart?" if may_be_meant else "",
        order=f"a VRF of {end.where} imports a route-target that VRF {end.apart} exports" if end.apart else "",
        mild=may_be_meant,
        apart=may_be_meant,
    )


# ---------------------------------------------------------------------------------------- the routers that a copy needs


#: Routers of a copy, those of providers not counted, up to which it has all.
MOST: Final = 50
#: Of a larger network: sites in question, and others that these talk with.
_SITES, _OTHERS = 8, 2


def reduced(scenario: Scenario, facts: LabFacts, named: Iterable[str]) -> Scenario:
    """Return the scenario, reduced to the routers that the copy needs. facts: of the network, to find the servers.

    named: the routers in question.
    """
    overlay = [name for name in scenario.configurations if scenario.role(name) != "provider"]
    if len(overlay) <= MOST:
        return scenario
    sites = [name for name in dict.fromkeys(named) if name in overlay][:_SITES]
    servers = {name for name, _ in Scene(facts).servers()}
    others = [name for name in overlay if name not in servers and name not in sites][:_OTHERS]
    providers = [name for name in scenario.configurations if name not in overlay]
    return without_others(scenario, {*providers, *servers, *sites, *others})


def without_others(scenario: Scenario, kept: Iterable[str]) -> Scenario:
    """Return the scenario with these routers alone, and with the hosts and translators on their wires."""
    lab, routers = scenario.lab, set(kept)
    hosts = {name: host for name, host in lab.hosts.items() if scenario.end(host.link)[0] in routers}
    inside = {
        node
        for link in lab.links
        for node, port in map(scenario.end, link.ends)
        if port == INSIDE and any(scenario.end(end)[0] in routers for end in link.ends)
    }
    stays = {*routers, *hosts, *(name for name in lab.gateways if name in inside)}
    links = []
    for link in lab.links:
        ends = [end for end in link.ends if scenario.end(end)[0] in stays]
        if len(ends) > 1 or (len(link.ends) == 1 and ends):
            links.append(link.model_copy(update={"ends": ends}))
    update = {
        "links": links,
        "hosts": hosts,
        "gateways": {name: spec for name, spec in lab.gateways.items() if name in stays},
        "routers": {name: spec for name, spec in lab.routers.items() if name in routers},
    }
    texts = {name: text for name, text in scenario.configurations.items() if name in routers}
    certificates = {name: one for name, one in scenario.certificates.items() if name in routers}
    return Scenario(scenario.name, lab.model_copy(update=update), texts, certificates)


# -------------------------------------------------------------------------------- the difference to good configurations


#: Splits an entry of a list behind its name.
_ENTRY: Final = re.compile(r" (?=(?:permit|deny)\b)")


def hunks(now: Mapping[str, str], good: Mapping[str, str]) -> list[RouterChange]:
    """Return the changes that make the earlier configurations of the present ones: of a router first the removals.

    A line that came in the place of another one of its command goes back with it: either alone may help by chance.
    """
    return [change for name, text in now.items() if name in good for change in _of_router(name, text, good[name])]


def _of_router(router: str, now: str, good: str) -> list[RouterChange]:
    before, after = tree_of(now), tree_of(good)
    both = zip(differences(before, after), differences(before, after, hide=True), strict=True)
    found: list[RouterChange] = []
    commands: dict[tuple[tuple[str, ...], str], int] = {}
    for real, bare in sorted(both, key=lambda one: one[0].came):
        if real.came or real.undone:
            lines, typed, shown = tuple(leaves(bare.lines, bare.within)), _typed(real), _typed(bare)
            command = (real.within, command_of(real.lines[0]))
            if not real.came:
                commands.setdefault(command, len(found))
                found.append(RouterChange(router, gone=lines, typed=typed, shown=shown))
            elif (number := commands.pop(command, None)) is not None:
                gone = found[number]
                inside = slice(len(real.within), None)  # the section is open already
                typed, shown = (*gone.typed, *typed[inside]), (*gone.shown, *shown[inside])
                found[number] = RouterChange(router, gone=gone.gone, new=lines, typed=typed, shown=shown)
            else:
                found.append(RouterChange(router, new=lines, typed=typed, shown=shown))
    return found


def _typed(one: Difference) -> tuple[str, ...]:
    return (*one.within, *((line.strip() for line in one.lines) if one.came else (one.undone,)))


def in_order(
    now: Mapping[str, str], good: Mapping[str, str], changes: Iterable[RouterChange]
) -> Iterator[RouterChange]:
    """Yield lists and sections whose lines are in another order than before, even with all changes, typed again.

    Entries without numbers come in the order in which they were typed.
    """
    for name, text in taken_back(now, changes).items():
        if name in good:
            there, ordered, wanted = map(_by_command, (now[name], text, good[name]))
            for command, lines in wanted.items():
                if lines != ordered.get(command) and not any(one.is_secret for one in lines):
                    change = RouterChange(name, gone=tuple(there.get(command, ())), new=tuple(lines))
                    yield replace(change, typed=change.lines, shown=change.lines)


def _by_command(text: str) -> dict[tuple[tuple[str, ...], str], list[ChangedLine]]:
    """Return the entries of lists, and the lines in sections, by section and command."""
    found: dict[tuple[tuple[str, ...], str], list[ChangedLine]] = {}
    for line in leaves(Lines.of(text).lines):
        command = _ENTRY.split(line.text)[0]
        if line.path or command != line.text:
            found.setdefault((line.path, command if command != line.text else line.text.split()[0]), []).append(line)
    return found


def taken_back(texts: Mapping[str, str], changes: Iterable[RouterChange]) -> dict[str, str]:
    """Return the configurations with these changes, as far as a router takes them."""
    now = dict(texts)
    for change in changes:
        try:
            now[change.router] = "\n".join([*lines_after(now[change.router], change.lines), "end", ""])
        except UserError:
            continue
    return now


def harmed(now: Mapping[LanPair, Talk], good: Mapping[LanPair, Talk]) -> AffectedPairs:
    """Return the pairs that do worse than before."""
    pairs: dict[LanPair, Harm] = {}
    sizes: dict[LanPair, tuple[int, int]] = {}
    for pair, talk in now.items():
        before = good.get(pair)
        lost = [harm for harm in escapes(before) if harm not in escapes(talk)] if before is not None else []
        if lost:
            pairs[pair] = lost[0]
        elif before is not None and before.mtu is not None and before.mss is not None:
            usual = (before.mtu, before.mss)
            if is_smaller(talk, usual):
                pairs[pair], sizes[pair] = Harm.SMALL, usual
    return AffectedPairs(pairs, sizes)
