"""Both sides measured, linted and compared, and the change tried; the result for people and for programs.

The report has deterioration first, unchanged results last. Changes that are alike are one line with all their
subjects; of many subjects the first are named.

Parts run in processes of their own. Each computes a world by itself, so the answer is the same:

    with Beside(3, stage) as processes:
        first = processes.begin(part)       a function that another process can import
        processes.finish()
    first.result()

Of many candidates against one network each comparison is a task of a pool, and its result is a row of a table. A task
has both networks as octets beside the version of the program that made them: another version refuses the task before it
reads them. The same candidates give the same rows on any number of workers. A result is a line of a file
(`tools/pool/results.py`) with the name of the candidate, the row, and a fingerprint of all that the row follows from:
the contents of both networks, seed, order and the permitted outage.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import time
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, field, replace
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final, Protocol, Self, TypeVar, cast

from dmvpn.base.errors import UserError
from dmvpn.base.json_values import as_object, read_line
from dmvpn.base.values import Value
from dmvpn.ios.from_plain import read_as
from dmvpn.judge.campaigns import check_version, version
from dmvpn.tools.diff.behavior import (
    Behavior,
    ChangeVerdict,
    LinterFinding,
    NetworkChange,
    Topic,
    compare,
    judge_migration,
)
from dmvpn.tools.diff.flows import flow_changes
from dmvpn.tools.diff.measuring import Subject, choose_pairs, measure
from dmvpn.tools.diff.migration import migrate
from dmvpn.tools.diff.probing import name_alike
from dmvpn.tools.lint import lint, sites_of
from dmvpn.tools.pool.results import Form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.queues import SimpleQueue

    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.diff.behavior import LanPair, Migration, Outage, Talk
    from dmvpn.tools.diff.probing import Lan

    Tell = Callable[[str], None]


# ------------------------------------------------------------------------------------------------ processes


T = TypeVar("T")
R = TypeVar("R", covariant=True)


class RemoteTask(Protocol[R]):
    """Something to carry out that another process can import."""

    def __call__(self, *, tell: Tell) -> R:
        """Carry it out. The argument is called with the progress."""


#: Seconds between two looks at how far the parts are, and between two messages of one about that.
_LOOK: Final = 0.25


class Beside:
    """Up to `most` processes. stage: called with the progress of one of them."""

    def __init__(self, most: int, stage: Tell) -> None:
        context = get_context("spawn")
        self._said: SimpleQueue[str] = context.SimpleQueue()
        self._pool = ProcessPoolExecutor(most, mp_context=context, initializer=_begin, initargs=(self._said,))
        self._stage = stage
        self._running: list[Future[object]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def begin(self, part: RemoteTask[T]) -> Future[T]:
        """Let a process carry out a part that it can import."""
        running = self._pool.submit(_carry_out, part)
        self._running.append(running)  # type: ignore[arg-type] # a future only gives its value
        return running

    def finish(self) -> None:
        """Wait until all parts have ended. Raises UserError if a process has died."""
        while wait(self._running, timeout=_LOOK).not_done:
            while not self._said.empty():
                self._stage(self._said.get())
        if any(isinstance(part.exception(), BrokenProcessPool) for part in self._running):
            raise UserError("a process of this comparison was killed, by hand or for lack of memory")


#: Of a process: where it says how far it is.
_said: list[SimpleQueue[str]] = []


def _begin(said: SimpleQueue[str]) -> None:
    _said.append(said)


def _carry_out(part: RemoteTask[T]) -> T:
    last = 0.0

    def tell(how_far: str) -> None:
        nonlocal last
        if time.monotonic() >= last + _LOOK:
            last = time.monotonic()
            _said[0].put(how_far)

    return part(tell=tell)


# ------------------------------------------------------------------------------------------------ the report


#: Subjects that a line names.
NAMED: Final = 3
_TITLES = {ChangeVerdict.WORSE: "Worse", ChangeVerdict.BETTER: "Better", ChangeVerdict.CHANGED: "Changed"}
#: For a pair that cannot talk in the new network, and that kept working for the whole watch during the change.
_LIVES_ON: Final = "served by entries learned before, until they expire"
_WIDTH: Final = max(len(topic.value) for topic in Topic)
Json = dict[str, object]


class Comparison(Value, kw_only=True):
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
        groups: dict[tuple[Topic, str, str], list[str]] = {}
        for change in comparison.changes:
            if change.verdict is verdict:
                groups.setdefault((change.topic, change.before, change.after), []).append(change.subject)
        if groups:
            yield f"{_TITLES[verdict]}:"
        for (topic, before, after), subjects in groups.items():
            gone = f"new: {after}" if after else f"gone: {before}"
            said = f"{before} -> {after}" if before and after else gone
            yield f"  {topic.value:<{_WIDTH}}  {_subjects(subjects)}: {said}"
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


def _subjects(subjects: Sequence[str]) -> str:
    if len(subjects) <= NAMED + 1:
        return ", ".join(subjects)
    return f"{', '.join(subjects[:NAMED])} and {len(subjects) - NAMED} more"


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
    deaths = after.deaths.items() if working else ()
    counts = {
        severity: sum(finding.severity == severity for finding in after.findings)
        for severity in ("error", "warning", "advice")
    }
    said = [
        f"{count} {severity}{'' if count == 1 or severity == 'advice' else 's'}" for severity, count in counts.items()
    ]
    facts: list[tuple[Topic, str]] = [
        (Topic.REACHABILITY, _reachability(talks)),
        (Topic.WAY, _ways(working)),
        (Topic.MTU, _range([talk.mtu for talk in working], "octets, whole")),
        (Topic.MSS, _range([talk.mss for talk in working], "octets")),
        (Topic.REGISTRATION, "never complete" if after.registered is None else f"all after {after.registered:g} s"),
        (Topic.CONVERGENCE, "" if after.routed is None else f"the last way after {after.routed:g} s"),
        (Topic.DEATH, ", ".join(f"{hub} {_worst(outages)}" for hub, outages in deaths)),
        (Topic.LINT, ", ".join(said) if after.findings else "no findings"),
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


def _worst(outages: Sequence[Outage]) -> str:
    if not outages:
        return "costs nothing"
    gone = sum(not outage.back for outage in outages)
    if gone:
        return f"cuts {gone} pairs off"
    return f"costs {max(outage.seconds for outage in outages):g} s at most"


def _verdict(comparison: Comparison) -> str:
    worse = sum(change.verdict is ChangeVerdict.WORSE for change in comparison.changes)
    if worse:
        return f"{worse} thing{'s' if worse != 1 else ''} get{'s' if worse == 1 else ''} worse."
    return "Nothing gets worse." if comparison.changes else "Nothing changes."


# ------------------------------------------------------------------------------------------------ the comparison


#: How the progress line begins.
_AS_IT_IS: Final = "the network as it is"
_AS_IT_WOULD_BE: Final = "the network as it would be"
_CHANGE: Final = "the change on the network that runs"


def compare_networks(
    before: Scenario,
    after: Scenario,
    *,
    seed: int = 1,
    order: str | None = "together",
    max_outage: float | None = None,
    stage: Tell = lambda _text: None,
    beside: bool = False,
) -> Comparison:
    """Return the comparison. order: of entering the change (`ORDERS`), None: it is not entered. max_outage: seconds of
    an outage that are permitted.

    stage: called with the progress. beside: the three worlds are computed at the same time, in processes of their own.
    Raises UserError if one of these dies.
    """
    old, new = Subject.of(before, seed), Subject.of(after, seed)
    name_alike(old.lans, new.lans)
    pairs = choose_pairs({name: lan for name, lan in old.lans.items() if name in new.lans}, seed)
    fresh = choose_pairs(new.lans, seed, about=[name for name in new.lans if name not in old.lans])
    if beside:
        with Beside(3, stage) as processes:
            first = processes.begin(partial(_measured_beside, _AS_IT_IS, before, seed, old.lans, pairs))
            second = processes.begin(partial(_measured_beside, _AS_IT_WOULD_BE, after, seed, new.lans, pairs, fresh))
            third = processes.begin(partial(_migrated, before, after, seed, order))
            processes.finish()
        was, will_be, migration = first.result(), second.result(), third.result()
    else:
        was = _measured(_AS_IT_IS, stage, old, pairs)
        will_be = _measured(_AS_IT_WOULD_BE, stage, new, pairs, fresh)
        migration = _migrated(before, after, seed, order, tell=stage)
    was, will_be = _linted(before, was), _linted(after, will_be)
    flows = flow_changes(old, new, was.talks, will_be.talks)
    changes = [*compare(was, will_be), *flows, *(judge_migration(migration, max_outage) if migration else ())]
    tried, possible = len(pairs) + len(fresh), len(new.lans) * (len(new.lans) - 1)
    sampled = f"{tried} of {possible} pairs of LANs were tried." if tried < possible else ""
    return Comparison(before=was, after=will_be, changes=tuple(changes), migration=migration, sampled=sampled)


def _measured(
    what: str, tell: Tell, subject: Subject, pairs: Sequence[LanPair], fresh: Sequence[LanPair] = ()
) -> Behavior:
    subject.tell = lambda how_far: tell(f"{what}: {how_far}")
    return measure(subject, pairs, fresh)


def _measured_beside(
    what: str,
    scenario: Scenario,
    seed: int,
    lans: dict[str, Lan],
    pairs: Sequence[LanPair],
    fresh: Sequence[LanPair] = (),
    *,
    tell: Tell,
) -> Behavior:
    """Measure in another process: the world is built there. lans: as this comparison names them."""
    subject = Subject.of(scenario, seed)
    subject.lans.clear()
    subject.lans.update(lans)
    return _measured(what, tell, subject, pairs, fresh)


def _migrated(before: Scenario, after: Scenario, seed: int, order: str | None, *, tell: Tell) -> Migration | None:
    if order is None:
        return None
    return migrate(before, after, seed, order, lambda how_far: tell(f"{_CHANGE}: {how_far}"))


def _linted(scenario: Scenario, behavior: Behavior) -> Behavior:
    found = lint(scenario.configurations, sites_of(scenario))
    findings = tuple(
        LinterFinding(severity=one.severity.value, rule=one.rule, where=one.file, text=one.what) for one in found
    )
    return replace(behavior, findings=findings)


# ------------------------------------------------------------------------------------------------ many candidates


#: Letters of the last column of a row; an error is longer.
_LONGEST: Final = 70
#: Digits of the fingerprint of the inputs.
_DIGITS: Final = 16


class CandidateTask(Value, kw_only=True):
    """One comparison. inputs: a fingerprint of all that its result follows from.

    octets: the networks before and after, seed, order and longest outage that is permitted; b"" in a result.
    """

    name: str
    inputs: str
    version: str
    octets: bytes = field(default=b"", compare=False, repr=False)


class CandidateRow(Value, kw_only=True):
    """What a candidate does. worse, better, changed: numbers of changes. why: of the verdict, if it is not the best.

    outage: the longest one while the change is entered, seconds; None: that was not tried. untried: there is no
    comparison, or no proof of the longest outage.
    """

    name: str
    worse: int = 0
    better: int = 0
    changed: int = 0
    outage: float | None = None
    why: str = ""
    untried: bool = False

    @property
    def verdict(self) -> str:
        """The verdict in a word or two."""
        return "not tried" if self.untried else "worse" if self.worse else "ok"


class CandidateResult(Value):
    """A comparison that has ended."""

    task: CandidateTask
    row: CandidateRow

    def to_json(self) -> str:
        """Return a line that `from_json` reads, without an end of line. It begins with the task."""
        task = {"candidate": self.task.name, "inputs": self.task.inputs, "version": self.task.version}
        row = asdict(self.row)
        del row["name"]
        return json.dumps({"task": task, "row": row})

    @classmethod
    def from_plain(cls, raw: object) -> CandidateResult:
        """Read a JSON object. Raises ValueError."""
        fields = as_object(raw, "a result")
        given, row = as_object(fields.get("task"), "a task"), as_object(fields.get("row"), "a row")
        task = read_as(CandidateTask, {**given, "name": given.get("candidate"), "octets": ""})
        return cls(task, read_as(CandidateRow, {**row, "name": task.name}))

    @classmethod
    def from_json(cls, text: str) -> CandidateResult:
        """Read a line. Raises UserError."""
        return read_line(text, cls.from_plain, FORM.what)


FORM: Final = Form[CandidateTask, CandidateResult](
    what="a result of diff --each",
    begin=b'{"task": {"candidate": "',
    read=CandidateResult.from_json,
    write=CandidateResult.to_json,
    task_of=lambda result: result.task,
    version_of=lambda task: task.version,
    said=lambda task: f"candidate {task.name}",
    foreign=lambda task: (
        f"candidate {task.name} is not here, or it, --before, --seed, --order, --max-outage or --spokes was another one"
    ),
)


def candidate_task(
    name: str, before: Scenario, after: Scenario, *, seed: int, order: str | None, max_outage: float | None
) -> CandidateTask:
    """Return the task of one candidate."""
    settings = (seed, order, max_outage)
    inputs = json.dumps([_contents(before), _contents(after), *settings])
    return CandidateTask(
        name=name,
        inputs=hashlib.sha256(inputs.encode()).hexdigest()[:_DIGITS],
        version=version(),
        octets=pickle.dumps((before, after, *settings)),
    )


def _contents(scenario: Scenario) -> list[object]:
    """Return the contents of a network, wherever its files are."""
    return [scenario.lab.model_dump_json(), list(scenario.configurations.items()), repr(scenario.certificates)]


def try_candidate(task: CandidateTask) -> CandidateResult:
    """Compare. Raises UserError if the task is of another version of the program."""
    check_version(task.version)
    given = pickle.loads(task.octets)  # noqa: S301 # a pool's task is code anyway
    before, after, seed, order, longest = cast("tuple[Scenario, Scenario, int, str | None, float | None]", given)
    try:
        comparison = compare_networks(before, after, seed=seed, order=order, max_outage=longest)
    except UserError as error:
        row = CandidateRow(name=task.name, why=str(error), untried=True)
    else:
        row = _row(task.name, comparison, longest)
    return CandidateResult(replace(task, octets=b""), row)


def _row(name: str, comparison: Comparison, longest: float | None) -> CandidateRow:
    found = {verdict: [each for each in comparison.changes if each.verdict is verdict] for verdict in ChangeVerdict}
    migration = comparison.migration
    untried = migration.untried if migration is not None else ""
    outage = None if migration is None or untried else max([0.0, *(each.seconds for each in migration.outages)])
    worst = found[ChangeVerdict.WORSE]
    why = f"{worst[0].topic.value}: {worst[0].subject}: {worst[0].after or 'gone'}" if worst else ""
    is_untried = longest is not None and bool(untried)
    return CandidateRow(
        name=name,
        worse=len(worst),
        better=len(found[ChangeVerdict.BETTER]),
        changed=len(found[ChangeVerdict.CHANGED]),
        outage=outage,
        why=f"--max-outage is not proved: {untried}" if is_untried else why,
        untried=is_untried,
    )


def rows_as_text(rows: Sequence[CandidateRow]) -> Iterator[str]:
    """Yield a table, by the name of the candidate."""
    width = max(len("candidate"), *(len(row.name) for row in rows))
    yield f"{'candidate':<{width}}  verdict    worse  better  changed   outage  why"
    for row in sorted(rows, key=lambda row: row.name):
        outage = "-" if row.outage is None else f"{row.outage:.1f} s"
        why = row.why if row.untried or len(row.why) <= _LONGEST else f"{row.why[: _LONGEST - 3]}..."
        numbers = f"{row.worse:>5}  {row.better:>6}  {row.changed:>7}  {outage:>7}"
        yield f"{row.name:<{width}}  {row.verdict:<9}  {numbers}  {why}".rstrip()
