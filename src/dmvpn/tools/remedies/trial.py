"""A trial: whether a copy of the network shows the same finding, and whether the lines of the diagnosis fix it there.

    copy unchanged       no finding: the configurations are not the cause, and nothing is tried
                         another finding: lines that help all the same have the cause right
    with the lines       rows better and none worse: the lines work. Any row worse: the lines are never shown
    undo another's       lines take back lines that helped: they are never shown
    then gone as well    another finding had the same cause: its own lines are not shown
    the rest together    two faults may hide each other, so that no remedy alone helps
    still broken         a fault that another one hides in the network: `hidden`
    one witness          a check of lines is one; it is certain if packets or routers say so, too, or a copy is healed

Rows are the measurements of `dmvpn diff` between the LANs. No line is entered into a router of the network itself.

Rows that became better are clauses for people: "R31 and R41 reach each other directly". Remedies become a change for
review: the changed configurations, and a unified diff of them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Final, Protocol, TypeAlias

from dmvpn.base.errors import UserError
from dmvpn.base.findings import Cause
from dmvpn.base.values import Value
from dmvpn.network.lines import Lines, after, indented, removal, with_lines
from dmvpn.tools.diff.behavior import ChangeVerdict, LanPair, Topic
from dmvpn.tools.diff.measuring import Rows, Subject, changes, choose_pairs, converge, warm_up, worse
from dmvpn.tools.doctor.verdicts import Copied, Diagnosis, Finding, Trial
from dmvpn.tools.doctor.visit import ExaminedLab, visit

# ------------------------------------------------------------------------------------------------ rows as clauses


#: The improvements of a pair, the most important first.
_TOPICS = (Topic.REACHABILITY, Topic.WAY, Topic.LOSS, Topic.MTU, Topic.MSS)


def clauses(before: Rows, after: Rows, better: list[tuple[str, Topic]]) -> tuple[str, ...]:
    """Return the improvements, one clause for each pair: its most important topic. better: pairs and topics."""
    of_pair: dict[LanPair, Topic] = {}
    for topic in _TOPICS:
        for pair in (one for one in after.talks if (str(one), topic) in better):
            of_pair.setdefault(pair, topic)
    for pair in after.full:
        if pair in before.talks and pair not in before.full:
            of_pair.setdefault(pair, Topic.MTU)
    return tuple(_said(of_pair, after))


def _said(of_pair: dict[LanPair, Topic], after: Rows) -> Iterator[str]:
    done: set[LanPair] = set()
    for pair, topic in of_pair.items():
        if pair in done:
            continue
        back = LanPair(pair.destination, pair.source)
        is_mutual = of_pair.get(back) is topic and after.talks[back].path == after.talks[pair].path
        done |= {pair, back} if is_mutual else {pair}
        yield _clause(pair, topic, after, is_mutual=is_mutual)


def _clause(pair: LanPair, topic: Topic, after: Rows, *, is_mutual: bool) -> str:
    talk = after.talks[pair]
    path = "directly" if talk.path == "direct" else talk.path
    ends = f"between {pair.source} and {pair.destination}" if is_mutual else f"from {pair}"
    match topic:
        case Topic.LOSS:
            return f"packets {ends} no longer get lost"
        case Topic.MTU:
            return f"large packets {ends} arrive"
        case Topic.MSS:
            return f"TCP {ends} sends segments that fit"
        case _ if is_mutual:
            return f"{pair.source} and {pair.destination} reach each other {path}"
        case _:
            return f"{pair.source} reaches {pair.destination} {path}"


# ------------------------------------------------------------------------------------------------ the trial


#: A line of a configuration, after the lines that open its section.
_Line: TypeAlias = tuple[str, ...]
#: Remedies that are tried at most, and pairs of LANs that talk at least, if there are so many.
MOST_REMEDIES, PAIRS = 4, 30
#: How it is known of what the network hides.
_IN_A_COPY: Final = "so it is in a copy of these configurations in the simulator, once the findings above are fixed"
#: Virtual seconds until the timers of a copy have acted, and until it has recovered after lines were entered.
SETTLED, HEALED = 60.0, 130.0
#: What wires do and routers remember is in no copy: packets, or a router's own words, are the evidence.
_OF_WIRES: Final = (
    *(Cause.LINK_CUT, Cause.LOSSY_LINK, Cause.ONE_WAY_LOSS),
    *(Cause.GRE_BLOCKED, Cause.ESP_BLOCKED, Cause.IKE_BLOCKED, Cause.NAT_T_BLOCKED),
    *(Cause.FRAGMENTS_BLOCKED, Cause.PATH_MTU),
)
NOT_COPIED: Final = (
    *(Cause.KERNEL_TABLES, Cause.HOST_FILTER, Cause.NOT_FILTERED, Cause.STALE_UNIQUE, Cause.NAT_KIND),
    *_OF_WIRES,
)
#: Which packet sizes pass depends on the wires: a copy with better wires proves nothing about them.
_SIZES: Final = (Cause.MTU, Cause.MSS, Cause.MODE)

#: What decides on a finding whose lines were not tried, by the state of the copy without them.
_DOUBTS: Final[dict[Copied | None, str]] = {
    Copied.WELL: "a copy with these configurations is well: is it there after a restart?",
    Copied.OTHERWISE: "a copy with these configurations shows something else: is it there after a restart?",
    Copied.ALIKE: "its lines were not tried: is it still there when the findings above are fixed?",
}

#: Rows are made of UDP, and lists may drop other packets, or none.
_OF_LISTS: Final = (Cause.PACKET_FILTER, Cause.REVERSE_PATH, Cause.LIST_MISSING)
#: Causes that interrupt traffic only now and then, so that a measurement of a minute seldom sees it, or traffic that is
#: not measured; and the text for a copy where the finding disappeared.
_COMES_AND_GOES: Final = (Cause.HOLDING_TIME, Cause.EIGRP_TIMERS, *_OF_LISTS)
_GONE: Final = "nothing of it is found any more"


class Copy(ExaminedLab, Protocol):
    """A network in virtual time that may be changed, just built."""

    subject: Subject

    def configure(self, router: str, lines: Sequence[str]) -> None:
        """Enter lines. Raises UserError if the router refuses a line."""

    def running(self, router: str) -> str:
        """Return the running configuration."""

    def replace(self, router: str, text: str) -> None:
        """Replace the running configuration by this one."""


def attempt(diagnosis: Diagnosis, copy: Copy) -> Diagnosis:
    """Return the diagnosis with the trial of each remedy; remedies that make a row worse lose their lines."""
    found = _tried(diagnosis, copy)
    doubt = _DOUBTS.get(found.copied)
    if not doubt:
        return found
    # A finding is certain by two witnesses: its check, and a copy that its lines heal, or packets and what routers say.
    untried = [one for one in found.findings if one.trial is None and one.cause not in NOT_COPIED and not one.advice]
    doubted = [one for one in untried if one.certain and one.is_complete]
    findings = tuple(replace(one, decide=doubt) if one in doubted else one for one in found.findings)
    return replace(found, findings=findings)


def _tried(diagnosis: Diagnosis, copy: Copy) -> Diagnosis:
    broken = [one for one in diagnosis.findings if not one.advice]
    if not broken:
        return diagnosis
    tried_copy = _TriedCopy(copy, diagnosis)
    same = [one for one in broken if one.place in tried_copy.places]
    if not same:
        if tried_copy.places:
            return _of_two_faces(diagnosis, tried_copy)
        return replace(diagnosis, copied=Copied.WELL)
    # The routers whose wires lose or limit packets in the network and not in the copy.
    of_wires = [one for one in diagnosis.findings if one.cause in _OF_WIRES and one.place not in tried_copy.places]
    worse_wires = {name for one in of_wires for name in (one.router, *one.others)}
    wanted = [one for one in same if one.is_complete and not (one.cause in _SIZES and _is_near(one, worse_wires))]
    outcomes = _outcomes(tried_copy, wanted[:MOST_REMEDIES])
    findings = tuple(
        _with(one, outcomes.get(one.key), doubted=_is_near(one, worse_wires)) for one in diagnosis.findings
    )
    helped = any(one.works for one in outcomes.values())
    return _with_hidden(replace(diagnosis, findings=findings, copied=Copied.ALIKE), tried_copy if helped else None)


def _of_two_faces(diagnosis: Diagnosis, tried_copy: _TriedCopy) -> Diagnosis:
    """Return the diagnosis where the copy shows something else: two addresses that were exchanged are taken twice
    while a server remembers them, and belong to the wrong neighbors in a copy that remembers nothing.

    Lines that help there have the cause right. Lines that do not help prove nothing.
    """
    wanted = [one for one in diagnosis.findings if not one.advice and one.is_complete][:MOST_REMEDIES]
    trial = tried_copy.enter(wanted, forget=True) if wanted else None
    if trial is None or not trial.works:
        return _with_hidden(replace(diagnosis, copied=Copied.OTHERWISE), tried_copy)
    outcomes = {one.key: replace(trial, besides=_others(one, wanted)) for one in wanted}
    findings = tuple(_with(one, outcomes.get(one.key), doubted=True) for one in diagnosis.findings)
    return _with_hidden(replace(diagnosis, findings=findings, copied=Copied.ALIKE), tried_copy)


def _with_hidden(diagnosis: Diagnosis, tried_copy: _TriedCopy | None) -> Diagnosis:
    """Return the diagnosis with the faults that appear only in the copy, once the findings of the network are fixed."""
    known = {one.place for one in diagnosis.findings}
    broken = [one for one in diagnosis.findings if not one.advice]
    found = [
        one
        for one in (tried_copy.again() if tried_copy is not None else ())
        if one.certain and one.place not in known and {one.router, *one.others} & {*diagnosis.routers}
    ]
    wanted = [one for one in found if one.is_complete][: max(0, MOST_REMEDIES - len(broken))]
    outcomes = _outcomes(tried_copy, wanted) if tried_copy is not None and wanted else {}
    hidden = [_hidden(one, outcomes.get(one.key)) for one in found]
    advice = [one for one in diagnosis.findings if one.advice]
    return replace(diagnosis, findings=(*broken, *hidden, *advice))


def _hidden(finding: Finding, trial: Trial | None) -> Finding:
    """Return a finding that only the copy shows, with the result of its lines there."""
    return replace(
        finding,
        evidence=(*finding.evidence, _IN_A_COPY),
        fix=() if trial is not None and trial.worse else finding.fix,
        trial=trial,
        decide="does it remain when the findings above are fixed?",
        stops=False,
    )


def _is_near(finding: Finding, names: set[str]) -> bool:
    return bool(names & {finding.router, *finding.others})


def _with(finding: Finding, trial: Trial | None, *, doubted: bool) -> Finding:
    """Return what the trial says for it, or against it: it could have changed nothing.

    doubted: the copy has better wires, so that it makes nothing certain.
    """
    if trial is None or finding.advice:
        return finding
    if finding.mild:  # lines that change something prove nothing about the intention
        return replace(finding, trial=trial, fix=() if trial.worse or trial.gone_with else finding.fix)
    if trial.gone_with:
        return replace(finding, trial=trial, fix=(), decide=f"is it still there with the lines on {trial.gone_with}?")
    decide = "" if trial.works and not doubted else finding.decide
    if trial.changes_nothing and not trial.besides and finding.certain and finding.stops:
        decide = "its lines changed nothing in the copy: does any user notice it?"
    return replace(finding, trial=trial, fix=() if trial.worse else finding.fix, decide=decide)


def _outcomes(tried_copy: _TriedCopy, wanted: Sequence[Finding]) -> dict[object, Trial]:
    """Return the trial of each remedy, by the key of its finding.

    A remedy that helps stays in the copy while the next one is tried, unless the copy has no finding left. The rest are
    taken back.
    """
    outcomes: dict[object, Trial] = {}
    helped: list[Finding] = []
    for one in wanted:
        if helped and not tried_copy.again():
            outcomes[one.key] = Trial(gone_with=helped[-1].router)
            continue
        found = tried_copy.enter([one])
        if found is not None:
            outcomes[one.key] = found
        if found is not None and found.works:
            helped.append(one)
    left = [one for one in wanted if one.key in outcomes and outcomes[one.key].changes_nothing]
    if len(left) + len(helped) > 1 and left:
        together = tried_copy.enter(left)
        if together is not None and together.works:
            for one in left:
                outcomes[one.key] = replace(together, besides=_others(one, (*helped, *left)))
    return outcomes


def _others(finding: Finding, tried: Sequence[Finding]) -> tuple[str, ...]:
    """Return the other routers whose lines were entered."""
    return tuple(dict.fromkeys(one.router for one in tried if one.router != finding.router))


def settle(copy: Copy, diagnosis: Diagnosis | None = None) -> tuple[LanPair, ...]:
    """Bring a copy up, as far as it comes, and let its LANs talk. diagnosis: the sites in question; who talked."""
    asked = _asked(copy.subject, diagnosis) if diagnosis is not None and diagnosis.address else ()
    others = _pairs(copy.subject, diagnosis.concerned if diagnosis is not None else ())
    pairs = tuple(dict.fromkeys((*asked, *others)))
    converge(copy.subject, pairs)
    copy.wait(SETTLED)
    warm_up(copy.subject, pairs)
    return pairs


class _Edit(Value):
    """The lines of a router that a remedy added and removed, each after the lines that open its section."""

    router: str
    added: frozenset[_Line]
    removed: frozenset[_Line]

    @classmethod
    def of(cls, router: str, before: str, now: str) -> _Edit:
        """Compare two running configurations."""
        old, new = _lines_of(before), _lines_of(now)
        return cls(router, frozenset(new) - frozenset(old), frozenset(old) - frozenset(new))

    def undone_in(self, running: str) -> list[str]:
        """Return the lines that another remedy took back: two remedies may give one line two values, and sessions that
        are up hide it from the rows.
        """
        now = dict.fromkeys(_lines_of(running))
        lost = [line for line in sorted(self.added) if line not in now]
        return [line[-1] for line in lost] + [removal(line[-1]) for line in sorted(self.removed) if line in now]


def _lines_of(text: str) -> list[_Line]:
    """Return the lines of a configuration, each after the lines that open its section."""
    found: list[_Line] = []
    for line in text.splitlines():
        words = line.strip()
        depth = len(line) - len(line.lstrip())
        if words.strip("!"):
            found.append((*(found[-1][:depth] if found else ()), words))
    return found


class _TriedCopy:
    """The copy, brought up, with the rows that it has now."""

    def __init__(self, copy: Copy, diagnosis: Diagnosis) -> None:
        self._copy = copy
        self._pairs = settle(copy, diagnosis)
        self._rows = Rows.of(copy.subject, self._pairs)
        self._found: tuple[Finding, ...] | None = None
        self._helpful: list[_Edit] = []
        self.places = {one.place for one in self.again()}

    def again(self) -> tuple[Finding, ...]:
        """Return the findings in the copy now, kept until the next change."""
        if self._found is None:
            self._found = tuple(one for one in visit(self._copy).findings if not one.advice)
        return self._found

    def enter(self, remedies: Sequence[Finding], *, forget: bool = False) -> Trial | None:
        """Return what these lines change; None if a router refuses them. Lines that do not help are taken back.

        forget: end what NHRP learned in the copy, which the network did not learn.
        """
        before = {one.router: self._copy.running(one.router) for one in remedies}
        self._found = None
        try:
            for one in remedies:
                self._copy.configure(one.router, one.fix)
        except UserError:
            self._take_back(before)
            return None
        undone = [line for one in self._helpful for line in one.undone_in(self._copy.running(one.router))]
        if undone:
            self._take_back(before)
            return Trial(worse=tuple(f"'{line}', which helped, is undone" for line in undone))
        if forget:
            self._copy.ask([(name, "clear ip nhrp") for name in self._copy.subject.anatomy.sites])
        self._copy.wait(HEALED)
        warm_up(self._copy.subject, self._pairs)  # paths are the final ones after all pairs exchanged packets
        now = Rows.of(self._copy.subject, self._pairs)
        lost = _lost(now, self._rows, remedies)
        better = [(one.subject, one.topic) for one in changes(self._rows, now, ChangeVerdict.BETTER)]
        said = clauses(self._rows, now, better)
        if not said and not lost and all(one.cause in _COMES_AND_GOES for one in remedies):
            left = {one.place for one in self.again()}
            said = () if left & {one.place for one in remedies} else (_GONE,)
        trial = Trial(better=said, worse=lost)
        if trial.works:
            self._rows = now
            self._helpful += [_Edit.of(name, text, self._copy.running(name)) for name, text in before.items()]
        else:
            self._take_back(before)
        return trial

    def _take_back(self, before: dict[str, str]) -> None:
        for router, text in before.items():
            self._copy.replace(router, text)
        self._copy.wait(HEALED)


def _lost(now: Rows, before: Rows, remedies: Sequence[Finding]) -> tuple[str, ...]:
    """Return the rows that are worse. Where a wire drops large packets, the lines make packets smaller on
    purpose, so the MTU does not count."""
    rows = worse(now, before)
    if not all(one.cause in (Cause.FRAGMENTS_BLOCKED, Cause.PATH_MTU) for one in remedies):
        return rows
    return tuple(row for row in rows if not row.endswith(Topic.MTU.value))


def _asked(subject: Subject, diagnosis: Diagnosis) -> Iterator[LanPair]:
    """Yield both directions between the LANs of a router and the LAN with the address that its users want to reach."""
    wanted = ip_address(diagnosis.address)
    there = [name for name, lan in subject.lans.items() if wanted in ip_network(str(lan.prefix))]
    for here in (name for name, lan in subject.lans.items() if lan.site in diagnosis.routers):
        for other in (name for name in there if name != here):
            yield LanPair(here, other)
            yield LanPair(other, here)


def _pairs(subject: Subject, named: Sequence[str]) -> tuple[LanPair, ...]:
    """Return the pairs of LANs to test, those of the named routers first: at least `PAIRS`, if there are."""
    about = [name for name, lan in subject.lans.items() if lan.site in named]
    most = max(PAIRS, len(subject.lans))
    near = choose_pairs(subject.lans, 1, 2 * most // 3, about=about) if about else ()
    others = choose_pairs(subject.lans, 1, 2 * most)
    one_way = others if len(others) <= most else others[::2]
    return tuple(dict.fromkeys((*near, *one_way)))[:most]


# -------------------------------------------------------------------------------------- remedies as a change for review


#: The file of the diff, beside the configurations.
PATCH: Final = "remedies.diff"


def changed(diagnosis: Diagnosis, configurations: Mapping[str, str]) -> dict[str, str]:
    """Return by router its configuration with the lines that were tried and work; routers without any are not there.

    Raises UserError for a line that a router would refuse.
    """
    now: dict[str, str] = {}
    for one in diagnosis.findings:
        if one.trial is not None and one.trial.works and one.is_complete:
            text = now.get(one.router, configurations[one.router])
            # In the order of a running configuration, if the text has that; else at its end: the rest stays as it is.
            entered, has_order = after(text, one.fix), _words(text.splitlines()) == _words(Lines.of(text).lines)
            now[one.router] = entered if has_order else with_lines(text, ("!", *indented(one.fix)))
    return now


def _words(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if line.strip(" !") and line != "end"]


def patch(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Yield the changes as `patch -p1` takes them, in a folder of configurations."""
    for router, text in now.items():
        ends = (f"a/{router}.cfg", f"b/{router}.cfg")
        yield from difflib.unified_diff(before[router].splitlines(), text.splitlines(), *ends, lineterm="")
