"""Faults that no rule explains, found by trial: when to search, and the result of a search as findings of the doctor.

A search is made if a finding names a symptom and not its cause, if the lines of all findings change nothing in a copy,
and if nothing is found at all: then the packets of a copy decide whether any pair suffers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Cause
from dmvpn.base.placeholder import SECRET
from dmvpn.ios.grammar import HIDDEN
from dmvpn.tools.diff.behavior import ChangeVerdict
from dmvpn.tools.diff.measuring import changes
from dmvpn.tools.doctor import verdicts
from dmvpn.tools.doctor.verdicts import Copied, Diagnosis, Finding, Step, Trial, View
from dmvpn.tools.remedies.affected_pairs import Harm, KeptApart
from dmvpn.tools.remedies.trial import NOT_COPIED, clauses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dmvpn.tools.remedies.changes import ChangedLine, RouterChange
    from dmvpn.tools.remedies.search import Search, SearchResult

#: Causes that say that packets do not arrive, and not why.
_FELT: Final = (Cause.UNDECIDED, Cause.IKE, Cause.NO_ROUTE_THERE, Cause.PEERS_APART)
_WITH_THESE: Final = "in a copy packets arrive without its lines: does it remain when the findings above are fixed?"
_COMPARE: Final = "compare the keys and passwords of both ends there; they are not shown"
#: Lines that configure the servers of a router.
_SERVERS: Final = ("ip nhrp nhs ", "ip nhrp map ")
_CAME: Final = "the last good configuration differs here: a copy with its line is well"
_IS_MEANT: Final = "the last good configuration did not have it: is it meant?"
_QUESTION: Final = "the last good configurations did not keep them apart"
#: Clauses of a sentence, at most.
_MOST: Final = 2


def is_unexplained(diagnosis: Diagnosis) -> bool:
    """Return whether packets of a copy should decide: nothing that was found is certain, or nothing says what helps."""
    return diagnosis.view is View.WHOLE and not any(_explains(one) for one in diagnosis.findings)


def _explains(finding: Finding) -> bool:
    is_tried = finding.trial is not None and (finding.trial.works or bool(finding.trial.gone_with))
    has_remedy = bool(finding.fix or finding.order) or finding.cause in NOT_COPIED
    # A copy cannot try a secret: the refusal of the other end is its proof. BGP refuses nothing: a session with a wrong
    # password is as silent as a path that loses all packets.
    has_secret = any(SECRET in line or HIDDEN in line for line in finding.fix)
    asks = has_secret and finding.cause is not Cause.BGP_PASSWORD
    explains = (finding.certain and has_remedy) or finding.mild or is_tried or asks
    return not finding.advice and finding.cause not in _FELT and explains


def searched(diagnosis: Diagnosis, search: Search) -> Diagnosis:
    """Return the diagnosis with the findings of the search first; unchanged if the search found nothing."""
    about = diagnosis.routers if len(diagnosis.routers) == 1 else ()
    strict = diagnosis.healthy or diagnosis.copied is Copied.WELL
    found = search.run(about, strict=strict, deep=is_unexplained(diagnosis))
    listed = {one.router for one in diagnosis.findings if one.cause in (Cause.PACKET_FILTER, Cause.LIST_CUTS_TUNNEL)}
    apart = tuple(_apart(one) for one in found.apart if one.router not in listed)
    alone = tuple(_alone(*search.lan(name)) for name in found.affected.alone)
    diagnosis = replace(diagnosis, findings=(*diagnosis.findings, *apart, *alone)) if apart or alone else diagnosis
    if not found.changes:
        return diagnosis
    if found.is_since:
        return _since(diagnosis, found)
    fresh = _findings(found, is_felt=not diagnosis.healthy)
    others = [one for one in diagnosis.findings if not found.restores or one.advice or one.cause not in _FELT]
    likely = [one if one.advice or one.decide else replace(one, decide=_WITH_THESE) for one in others]
    copied = Copied.ALIKE if diagnosis.copied is not None else None
    return replace(diagnosis, findings=(*fresh, *likely), copied=copied)


def _since(diagnosis: Diagnosis, found: SearchResult) -> Diagnosis:
    """Return the diagnosis where a part of the difference to the last good configurations restores the pairs.

    The finding of a rule comes first if it is about the same command of that router: it names the cause.
    """
    lists = {one.router for one in diagnosis.findings if one.apart and one.cause is Cause.PACKET_FILTER}
    if diagnosis.healthy and all("shutdown" in one.lines[-1] or one.router in lists for one in found.changes):
        return diagnosis  # only people type `shutdown`, and whether a list is meant is asked
    broken = [one for one in diagnosis.findings if not one.advice]
    named: list[Finding] = []
    fresh = _findings(found, is_felt=bool(broken))
    for one in fresh:
        mine = {*map(_command, verdicts.changing_lines(one.fix))}
        rules = [  # rules that name a command of the lines that were found
            each
            for each in broken
            if each.router == one.router and not mine.isdisjoint(map(_command, verdicts.changing_lines(each.fix)))
        ]
        for each in rules[:1]:
            decide = _IS_MEANT if each.mild else ""
            works = each.trial is not None and each.trial.works
            lines = one if one.is_complete or not works else each  # what was there is right; a secret is not shown
            cured = replace(each, fix=lines.fix, trial=lines.trial, mild=False, apart=False, decide=decide)
            named.append(replace(cured, evidence=(*each.evidence, _CAME)))
        named += [one] if not rules else []
    places = {one.place for one in named}
    others = [one for one in diagnosis.findings if one.place not in places]
    likely = [one if one.advice or one.decide else replace(one, decide=_WITH_THESE) for one in others]
    return replace(diagnosis, findings=(*named, *likely), copied=Copied.ALIKE)


def _command(line: str) -> str:
    """Return the beginning of a line, without its values."""
    return " ".join(line.removeprefix("no ").split()[:2])


def _apart(one: KeptApart) -> Finding:
    """Return the question whether an access list is to keep two LANs apart."""
    more = f" and {len(one.pairs) - _MOST} more" if len(one.pairs) > _MOST else ""
    return Finding(
        step=Step.FILTER,
        cause=Cause.PACKET_FILTER,
        router=one.router,
        what=f"nothing passes from {', '.join(map(str, one.pairs[:_MOST]))}{more}: {one.why}",
        decide="are they to be kept apart?",
        stops=False,
        mild=True,
        apart=True,
    )


def _alone(router: str, port: str) -> Finding:
    """Return the advice about a LAN that no other site reaches."""
    return Finding(
        step=Step.ROUTING,
        cause=Cause.NO_ROUTE_THERE,
        router=router,
        what=f"no other site reaches the LAN at {port} of {router}, which has no host here",
        order="advertise it, if it is for others",
        advice=True,
    )


def _findings(found: SearchResult, *, is_felt: bool) -> list[Finding]:
    """Return one finding for each router that is to change."""
    if found.before is None or found.after is None:
        return []
    better = [(one.subject, one.topic) for one in changes(found.before, found.after, ChangeVerdict.BETTER)]
    said = clauses(found.before, found.after, better)
    routers = list(dict.fromkeys(one.router for one in found.changes))
    return [_finding(found, router, routers, said, is_felt=is_felt) for router in routers]


def _finding(found: SearchResult, router: str, routers: list[str], said: tuple[str, ...], *, is_felt: bool) -> Finding:
    mine = [one for one in found.changes if one.router == router]
    lines = [line for change in mine for line in (*change.gone, *change.new)]
    hides = any(line.is_secret for line in lines)
    besides = tuple(name for name in routers if name != router)
    pair, harm = next(iter(found.affected.pairs.items()))
    decide = "" if is_felt else f"it is so in a copy: is {pair} {harm.value} here, too, when hosts send?"
    opens = any(change.opens for change in found.changes) and not found.is_since
    if any(change.opens for change in found.changes):
        decide = (
            f"are {pair.source} and {pair.destination} to be kept apart?{f' {_QUESTION}' if found.is_since else ''}"
        )
    elif not found.restores:
        left = "it does not restore all in a copy"
        decide = f"{left}: which fault is left then?"
    elif found.alternatives:
        decide = (
            f"'{'; '.join(each.summary for each in found.alternatives)}' restores as much: which of the two is right?"
        )
    how = "parts of the difference to the last good configurations" if found.is_since else "one change each"
    # Some pairs merely have a smaller MTU than the rest: that may be intended.
    is_about_sizes = all(one is Harm.SMALL for one in found.affected.pairs.values())
    one = Finding(
        step=_step(lines[0], found),
        cause=Cause.BY_TRIAL,
        router=router,
        what=f"{' and '.join(map(_described, mine))}, {' and '.join(said[:_MOST])}",
        evidence=(
            *(f"{router}: {' / '.join((*line.path, line.bare))}" for change in mine for line in change.gone),
            f"found by trial, in {found.tried} copies of the network with {how}",
            *_besides(found),
        ),
        fix=() if opens or (hides and not found.is_since) else _lines(mine),
        order=_COMPARE if hides and not (opens or found.is_since) else "",
        others=besides,
        trial=None if opens else Trial(better=said, besides=besides),
        decide=decide,
        mild=opens or (not is_felt and (_is_about_servers(found) or is_about_sizes)),
        apart=opens,
    )
    most = verdicts.MOST_MOVED if found.is_since else verdicts.MOST_LINES
    shown = verdicts.permitted(one, most)
    return shown if shown.fix else replace(shown, trial=None)


def _lines(changes: Iterable[RouterChange]) -> tuple[str, ...]:
    """Return the lines of one router to show, without secrets, each section opened once for all of its lines."""
    found, section = list[str](), tuple[str, ...]()
    for change in changes:
        lines, path = change.shown or change.lines, (*change.gone, *change.new)[0].path
        begins_there = lines[: len(path)] == path
        found += lines[len(path) :] if begins_there and path == section else lines
        section = path if begins_there and (*change.gone, *change.new)[-1].path == path else ()
    return tuple(found)


def _besides(found: SearchResult) -> Iterator[str]:
    """Yield the commands or restarts that running routers need besides the lines."""
    where = " and ".join(dict.fromkeys(one.router for one in found.changes))
    if found.again:
        yield f"typed into a copy that runs, the lines restore it after '{found.again}' on {where}"
    if found.restart:
        yield f"typed into a copy that runs, the lines do not restore it: they do after a restart of {where}"


def _is_about_servers(found: SearchResult) -> bool:
    """Return whether only some paths are longer, as routers differ in their servers: that may be intended."""
    lines = [line.text for change in found.changes for line in (*change.gone, *change.new)]
    are_longer = all(one is Harm.DETOUR for one in found.affected.pairs.values())
    return are_longer and all(text.removeprefix("no ").startswith(_SERVERS) for text in lines)


def _described(change: RouterChange) -> str:
    """Return a change as the beginning of a sentence."""
    gone, new = _quoted(change.gone), _quoted(change.new)
    if gone and new:
        return f"with {new} in the place of {gone} at {change.router}"
    return f"with {new} at {change.router}" if new else f"without {gone} at {change.router}"


def _quoted(lines: Sequence[ChangedLine]) -> str:
    """Return the first lines, and how many more there are."""
    more = f" and {len(lines) - _MOST} more lines" if len(lines) > _MOST + 1 else ""
    shown = lines[:_MOST] if more else lines
    return " and ".join(f"'{line.bare}'" for line in shown) + more


def _step(line: ChangedLine, found: SearchResult) -> Step:
    """Return the step of a packet's way that a line is about."""
    if line.text.startswith(("ip nhrp", "no ip nhrp")):
        is_far = all(harm is Harm.DETOUR for harm in found.affected.pairs.values())
        return Step.SHORTCUT if is_far else Step.REGISTRATION
    head = line.path[0] if line.path else line.text
    if head.startswith("crypto"):
        return Step.IKE
    is_port = head.startswith("interface ") and "ospf" not in line.text and "eigrp" not in line.text
    return Step.GRE if is_port else Step.ROUTING
