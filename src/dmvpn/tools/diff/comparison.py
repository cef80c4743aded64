"""A comparison for people and for programs: deterioration first, unchanged results last.

Changes that are alike are one line with all their subjects; of many subjects the first are named.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.tools.diff.behavior import ChangeVerdict, NetworkChange, Topic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.tools.diff.behavior import Behavior, LanPair, Migration, Outage, Talk

#: Subjects that a line names.
NAMED: Final = 3
_TITLES = {ChangeVerdict.WORSE: "Worse", ChangeVerdict.BETTER: "Better", ChangeVerdict.CHANGED: "Changed"}
#: For a pair that cannot talk in the new network, and that kept working for the whole watch during the change.
_LIVES_ON: Final = "served by what was learned before, until that ends"
_WIDTH: Final = max(len(topic.value) for topic in Topic)
Json = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that `dmvpn diff` found. sampled: a sentence, if not all pairs were tried."""

    before: Behavior
    after: Behavior
    changes: tuple[NetworkChange, ...]
    migration: Migration | None
    sampled: str = ""

    @property
    def is_worse(self) -> bool:
        """True if anything gets worse."""
        return any(change.verdict is ChangeVerdict.WORSE for change in self.changes)

    @property
    def lives_on(self) -> tuple[LanPair, ...]:
        """Pairs that cannot talk in the new network, and that kept talking while it was entered.

        Learned entries outlive a change of the configuration until they expire. So these pairs may fail later, although
        no outage was seen.
        """
        if self.migration is None:
            return ()
        gone = {outage.pair for outage in self.migration.outages if not outage.back}
        after = self.after.talks
        return tuple(
            pair for pair in self.migration.watched if pair in after and not after[pair].arrives and pair not in gone
        )


def as_text(comparison: Comparison) -> Iterator[str]:
    """Yield the lines."""
    for verdict in ChangeVerdict:
        lines = _grouped([change for change in comparison.changes if change.verdict is verdict])
        if lines:
            yield f"{_TITLES[verdict]}:"
            yield from lines
    if comparison.migration is not None:
        yield from _migration(comparison.migration, comparison.lives_on)
    same = list(_same(comparison))
    if same:
        yield "As before:"
        yield from same
    if comparison.sampled:
        yield comparison.sampled
    yield _verdict(comparison)


def as_json(comparison: Comparison) -> Json:
    """Return the same for programs; pairs are "A to B"."""
    migration = comparison.migration
    return {
        "worse": comparison.is_worse,
        "sampled": comparison.sampled,
        "changes": [
            {**asdict(change), "topic": change.topic.value, "verdict": change.verdict.value}
            for change in comparison.changes
        ],
        "migration": None
        if migration is None
        else {
            "how": migration.how,
            "untried": migration.untried,
            "outages": [_outage(one) for one in migration.outages],
            "lives_on": [str(pair) for pair in comparison.lives_on],
        },
        "before": _behavior(comparison.before),
        "after": _behavior(comparison.after),
    }


def _behavior(behavior: Behavior) -> Json:
    return {
        **asdict(behavior),
        "talks": {str(pair): {**asdict(talk), "path": talk.path} for pair, talk in behavior.talks.items()},
        "deaths": {hub: [_outage(one) for one in outages] for hub, outages in behavior.deaths.items()},
    }


def _outage(outage: Outage) -> Json:
    return {**asdict(outage), "pair": str(outage.pair)}


# ------------------------------------------------------------------------------------------------ text


def _grouped(changes: Sequence[NetworkChange]) -> list[str]:
    groups: dict[tuple[Topic, str, str], list[str]] = {}
    for change in changes:
        groups.setdefault((change.topic, change.before, change.after), []).append(change.subject)
    return [
        f"  {topic.value:<{_WIDTH}}  {_subjects(subjects)}: {_transition(before, after)}"
        for (topic, before, after), subjects in groups.items()
    ]


def _subjects(subjects: Sequence[str]) -> str:
    if len(subjects) <= NAMED + 1:
        return ", ".join(subjects)
    return f"{', '.join(subjects[:NAMED])} and {len(subjects) - NAMED} more"


def _transition(before: str, after: str) -> str:
    if before and after:
        return f"{before} -> {after}"
    return f"new: {after}" if after else f"gone: {before}"


def _migration(migration: Migration, lives_on: Sequence[LanPair]) -> Iterator[str]:
    if migration.untried:
        yield f"The change itself was not tried: {migration.untried}."
        return
    yield f"While it is entered ({migration.how}):"
    groups: dict[str, list[str]] = {}
    for outage in migration.outages:
        said = f"{outage.seconds:g} s without service" if outage.back else "cut off from then on"
        if outage.pair in lives_on:
            said += f", then {_LIVES_ON}"
        groups.setdefault(said, []).append(str(outage.pair))
    lost = {outage.pair for outage in migration.outages}
    if unharmed := [str(pair) for pair in lives_on if pair not in lost]:
        groups[_LIVES_ON] = unharmed
    if not groups:
        yield "  no pair loses a packet"
    for said, pairs in groups.items():
        yield f"  {_subjects(pairs)}: {said}"


def _same(comparison: Comparison) -> Iterator[str]:
    """Yield a line for each topic that nothing changed in."""
    changed = {change.topic for change in comparison.changes}
    after = comparison.after
    talks = [talk for pair, talk in after.talks.items() if pair in comparison.before.talks]
    working = [talk for talk in talks if talk.arrives]
    facts: list[tuple[Topic, str]] = [
        (Topic.REACHABILITY, _reachability(talks)),
        (Topic.WAY, _ways(working)),
        (Topic.MTU, _range([talk.mtu for talk in working], "octets, whole")),
        (Topic.MSS, _range([talk.mss for talk in working], "octets")),
        (Topic.REGISTRATION, "never complete" if after.registered is None else f"all after {after.registered:g} s"),
        (Topic.CONVERGENCE, "" if after.routed is None else f"the last way after {after.routed:g} s"),
        (Topic.DEATH, _deaths(after) if working else ""),
        (Topic.LINT, _findings(after)),
    ]
    for topic, text in facts:
        if topic not in changed and text:
            yield f"  {topic.value:<{_WIDTH}}  {text}"


def _reachability(talks: Sequence[Talk]) -> str:
    if not talks:
        return "not tried: no two LANs"
    denied = sum(talk.is_denied for talk in talks)
    said = f"; access lists deny the measured packets (UDP) of {denied}" if denied else ""
    return f"{sum(talk.arrives for talk in talks)} of {len(talks)} pairs of LANs{said}"


def _ways(talks: Sequence[Talk]) -> str:
    direct = sum(not talk.hubs for talk in talks)
    by_hub = len(talks) - direct
    return " and ".join(
        text for text, count in ((f"{direct} direct", direct), (f"{by_hub} by a router between", by_hub)) if count
    )


def _range(values: Sequence[int | None], unit: str) -> str:
    known = sorted({value for value in values if value is not None})
    if not known:
        return ""
    return f"{known[0]} {unit}" if len(known) == 1 else f"{known[0]} to {known[-1]} {unit}"


def _deaths(behavior: Behavior) -> str:
    worst = [f"{hub} {_worst(outages)}" for hub, outages in behavior.deaths.items()]
    return ", ".join(worst)


def _worst(outages: Sequence[Outage]) -> str:
    if not outages:
        return "costs nothing"
    gone = sum(not outage.back for outage in outages)
    if gone:
        return f"cuts {gone} pairs off"
    return f"costs {max(outage.seconds for outage in outages):g} s at most"


def _findings(behavior: Behavior) -> str:
    counts = {
        severity: sum(finding.severity == severity for finding in behavior.findings)
        for severity in ("error", "warning", "advice")
    }
    said = [f"{count} {_plural(severity, count)}" for severity, count in counts.items()]
    return ", ".join(said) if behavior.findings else "no findings"


def _plural(word: str, count: int) -> str:
    return word if count == 1 or word == "advice" else f"{word}s"


def _verdict(comparison: Comparison) -> str:
    worse = sum(change.verdict is ChangeVerdict.WORSE for change in comparison.changes)
    if worse:
        return f"{worse} thing{'s' if worse != 1 else ''} get{'s' if worse == 1 else ''} worse."
    return "Nothing gets worse." if comparison.changes else "Nothing changes."
