"""Checks of the router's own packet filters: packets that a list drops though the network needs them, or the list does.

What a tunnel, IKE or a routing protocol sends must pass. What hosts send need not: a list may keep them apart on
purpose. So a list that drops it is a mistake only where something says so:

    answers         what begins a conversation passes, and its answer does not
    never reached   a later entry permits the packet, and an earlier one takes all packets that it is about: an entry
                    that permits much more than the denied packets, such as `permit ip any any`, is no mistake
    repaired        an entry that no packet fits would permit it, with its mask inverted or its ports swapped
    the others      lists of other routers, at ports of the same role, permit such packets

The lines to change are those of `list_remedies`, which open least.

Ports that verify senders (`ip verify unicast source`), and drop packets of the network.

A check by the default route alone needs `allow-default`. A strict one fails where answers take another way than the
packets that come: then only the loose one can be meant. The lines keep as much of the check as lets the packets pass,
and drop no other sender's: `allow-default` stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from dmvpn.base.filters import ReversePath
from dmvpn.base.findings import Cause
from dmvpn.ios import INTERFACE
from dmvpn.network.access_entries import entries_of
from dmvpn.network.references import ACCESS_GROUP
from dmvpn.router.facts import RouterFacts
from dmvpn.tools.doctor import terms
from dmvpn.tools.doctor.list_remedies import Remedies, matching
from dmvpn.tools.doctor.packet_flows import MOST_NAMED, PLAIN, STRANGER, Decisions, Denial
from dmvpn.tools.doctor.scene import Scene
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step, Verdict
from dmvpn.tools.lint.rules.cut_tunnels import CUT, CUT_LEASE
from dmvpn.tools.walk.values import Place
from dmvpn.tools.walk.view import unreachable

# -------------------------------------------------------------------------------------------- ports that verify senders


#: From the strictest on.
_CHECKS: Final = tuple(
    ReversePath(strict, allow_default) for strict in (True, False) for allow_default in (False, True)
)


def unreachable_senders(decisions: Decisions, place: Place, denials: Sequence[Denial]) -> Iterator[Finding]:
    """Yield the finding that a port drops these packets because of their senders."""
    router, port, _ = place
    facts = decisions.scene.facts(router)
    first = denials[0].demand.packet
    asked = decisions.ports[router, port].reverse_path
    if facts is None or asked is None:
        return
    wanted = next((one for one in _CHECKS if _passes(facts, port, one, asked, denials)), None)
    drops = f"drops {denials[0].kind} from {first.source}: {unreachable(facts, port, first.source, asked)}"
    what, evidence = f"{port} of {router} verifies senders, and {drops}", [one.packet for one in denials[:MOST_NAMED]]
    fix = (INTERFACE.line(name=port), line_of(wanted)) if wanted is not None else ()
    others = decisions.concerned(denials, router)
    yield Finding(Step.FILTER, Cause.REVERSE_PATH, router, what, tuple(evidence), fix, others=others)


def _passes(facts: RouterFacts, port: str, check: ReversePath, asked: ReversePath, denials: Sequence[Denial]) -> bool:
    """Return whether a check is no stricter than the present check, and lets all of these packets in."""
    is_stricter = (check.strict and not asked.strict) or (asked.allow_default and not check.allow_default)
    return not is_stricter and not any(unreachable(facts, port, one.demand.packet.source, check) for one in denials)


def line_of(check: ReversePath) -> str:
    """Return the line of a port."""
    how = "rx" if check.strict else "any"
    return f"ip verify unicast source reachable-via {how}{' allow-default' if check.allow_default else ''}"


# ------------------------------------------------------------------------------------------------ lists


_STEP: Final = Step.FILTER
#: Lists that keep out what a tunnel needs: by the lines alone, which know peers outside of the lab, too.
cut_tunnels: Final = terms.of_all(Step.IKE, CUT)
cut_leases: Final = terms.of_all(Step.UNDERLAY, CUT_LEASE)
_missing: Final = terms.of_all(_STEP, ACCESS_GROUP, stops=False)


def filters(scene: Scene) -> Iterator[Verdict]:
    """Check the lists of all routers, and how they verify senders."""
    yield from _missing(scene)
    for version in (4, 6):
        if any(one.version == version for _, facts in scene.alive() for one in facts.packet_filters):
            yield from _of_version(Decisions(scene, version))


def _of_version(decisions: Decisions) -> Iterator[Verdict]:
    """Check the lists of one version of IP."""
    reasons = {one: _reason(decisions, one) for one in decisions.denials}
    mistakes = {one: reason for one, reason in reasons.items() if reason}
    remedies = Remedies(decisions, tuple(mistakes))
    by_place: dict[Place, list[Denial]] = {}
    for one in sorted(decisions.denials, key=lambda one: (not one.demand.of, one.demand.answer)):
        by_place.setdefault(one.place, []).append(one)
    found = [
        one for place, denials in by_place.items() for one in _of_place(decisions, remedies, place, denials, mistakes)
    ]
    yield from found
    checked = len(decisions.hosts) + len(decisions.network)
    if checked and not found:
        which = "access lists" if decisions.version == 4 else "access lists of IPv6"
        yield Fine(_STEP, f"{which} drop nothing that the network needs: {checked} packets tried")


def _of_place(
    decisions: Decisions,
    remedies: Remedies,
    place: Place,
    denials: Sequence[Denial],
    mistakes: Mapping[Denial, str],
) -> Iterator[Finding]:
    unverified = [one for one in denials if one.listed is None]
    if unverified:
        yield from unreachable_senders(decisions, place, unverified)
    wrong = [one for one in denials if one in mistakes]
    if wrong:
        yield _mistake(decisions, remedies, place, wrong, mistakes[wrong[0]])
    else:
        yield from _apart(decisions, place, [one for one in denials if one.listed is not None])


# ------------------------------------------------------------------------------------------------ is it a mistake?


def _reason(decisions: Decisions, denial: Denial) -> str:
    """Return why the network, or the list, needs this packet to pass; "": nothing says so."""
    demand, listed = denial.demand, denial.listed
    facts = decisions.scene.facts(demand.place[0])
    if listed is None or facts is None:
        return ""
    if demand.of:
        return f"{demand.of} needs it"
    late = _never_reached(decisions, denial)
    if late:
        return late
    permitting, denying = decisions.others(demand)
    if decisions.is_usual(demand):
        return f"lists of {' and '.join(permitting[:MOST_NAMED])} let it pass at such a port"
    is_plain = demand.answer and demand.kind in PLAIN and demand.kind.name != "UDP"
    if is_plain and not denying and not _are_apart(decisions, denial):
        return "it is an answer to a packet that is permitted"
    return _repaired(decisions, denial) if decisions.is_usual(demand) is None else ""


def _are_apart(decisions: Decisions, denial: Denial) -> bool:
    """Return whether the list lets the sender of an answer begin no conversation with its receiver, either."""
    ends = denial.demand.ends[::-1]
    alike = (one.demand for one in decisions.denials if one.place == denial.place and one.demand.ends == ends)
    return {one.kind for one in alike if not one.answer} >= {*PLAIN}


def _never_reached(decisions: Decisions, denial: Denial) -> str:
    """Return that a later entry permits the packet and never decides on any, "": none does."""
    listed = denial.listed
    if listed is None or denial.entry is None:
        return ""
    later = listed.entries[listed.entries.index(denial.entry) + 1 :]
    packet = denial.demand.packet
    elsewhere = replace(packet, destination=STRANGER[packet.source.version])
    wanted = [entry for entry in later if entry.permit and entry.fits(packet)]
    if not denial.entry.fits(elsewhere):
        wanted = [entry for entry in wanted if not entry.fits(elsewhere)]
    used = {entry.sequence for _, entry in decisions.decided(denial.place) if entry is not None}
    idle = next((entry for entry in wanted if entry.sequence not in used), None)
    if idle is None:
        return ""
    return f"entry {idle.sequence} permits it, and no packet comes so far: entry {denial.entry.sequence} is before it"


def _repaired(decisions: Decisions, denial: Denial) -> str:
    """Return that an entry which no packet fits is meant to permit it."""
    router, _, _ = denial.place
    facts = decisions.scene.facts(router)
    if denial.listed is None or facts is None:
        return ""
    packets = [demand.packet for demand, _ in decisions.decided(denial.place)]
    fitted = {entry.sequence for entry in denial.listed.entries if any(map(entry.fits, packets))}
    for entry in entries_of(facts.configuration, denial.listed.name):
        is_behind = denial.entry is not None and denial.entry.sequence < entry.sequence
        if not entry.permit or entry.sequence in fitted or is_behind:
            continue
        for changed in entry.repaired(()):
            if matching(facts, changed, denial.demand.packet):
                return f"no packet fits entry {entry.sequence}, which may be meant as `{changed.text}`"
    return ""


# ------------------------------------------------------------------------------------------------ saying it


def _mistake(decisions: Decisions, remedies: Remedies, place: Place, denials: Sequence[Denial], reason: str) -> Finding:
    router, port, inward = place
    first = denials[0]
    name = first.listed.name if first.listed is not None else ""
    side = "in" if inward else "out"
    what = f"list {name} ({side}, {port}) of {router} drops {_named(denials)}: {_entry(decisions, first)}; {reason}"
    cause = Cause.LIST_CUTS_TUNNEL if all(one.demand.is_outer for one in denials) else Cause.PACKET_FILTER
    evidence, fix = tuple(one.packet for one in denials[:MOST_NAMED]), remedies.lines(place, denials)
    others, stops = decisions.concerned(denials, router), any(not one.demand.kind.is_fragment for one in denials)
    return Finding(_STEP, cause, router, what, evidence, fix, others=others, stops=stops)


def _named(denials: Sequence[Denial]) -> str:
    """Return the dropped packets, and their ends: "UDP from H1 to H2"."""
    kinds = tuple(dict.fromkeys(one.kind for one in sorted(denials, key=lambda one: one.demand.answer)))
    said = ", ".join(kinds[:MOST_NAMED]) + (" and more" if len(kinds) > MOST_NAMED else "")
    source, destination = denials[0].demand.ends
    if denials[0].demand.answer:
        source, destination = destination, source
    several = " and elsewhere" if len({one.demand.ends for one in denials}) > 1 else ""
    return f"{said} from {source} to {destination}{several}"


def _entry(decisions: Decisions, denial: Denial) -> str:
    """Return the entry that drops it, as the configuration has it."""
    router, listed, entry = denial.place[0], denial.listed, denial.entry
    facts = decisions.scene.facts(router)
    if listed is None or entry is None or facts is None:
        return "no entry permits it, and so its end denies it"
    known = entries_of(facts.configuration, listed.name)
    text = next((one.text for one in known if one.sequence == entry.sequence), str(entry.sequence))
    return f"entry `{text}` denies it"


def _apart(decisions: Decisions, place: Place, denials: Sequence[Denial]) -> Iterator[Finding]:
    """Yield that a list lets nothing pass between two sites: it may be meant so."""
    router, port, inward = place
    dropped: dict[tuple[str, str], set[str]] = {}
    for one in denials:
        if not one.demand.answer:
            dropped.setdefault(one.demand.ends, set()).add(one.demand.kind.name)
    apart = [ends for ends, kinds in dropped.items() if kinds >= {kind.name for kind in PLAIN}]
    first = next((one for one in denials if one.demand.ends in apart), None)
    if first is None or first.listed is None:
        return
    source, destination = first.demand.ends
    what = (
        f"list {first.listed.name} ({'in' if inward else 'out'}, {port}) of {router} lets nothing pass from "
        f"{source} to {destination}: {_entry(decisions, first)}"
    )
    found = Finding(_STEP, Cause.PACKET_FILTER, router, what, (first.packet,), stops=False)
    yield replace(found, decide=f"are {source} and {destination} to be kept apart?", mild=True, apart=True)
