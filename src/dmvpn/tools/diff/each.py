"""Many candidates against one network: each comparison is a task of a pool, and its result is a row of a table.

A task has both networks as octets beside the version of the program that made them: another version refuses the task
before it reads them. The same candidates give the same rows on any number of workers.

A result is a line of a file (`tools/pool/results.py`) with the name of the candidate, the row, and a fingerprint of all
that the row follows from: the contents of both networks, seed, order and the permitted outage.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import asdict, field, replace
from typing import TYPE_CHECKING, Final, cast

from dmvpn.base.errors import UserError
from dmvpn.base.json_values import as_object, read_line
from dmvpn.base.values import dataclass
from dmvpn.ios.from_plain import read_as
from dmvpn.judge.campaigns import check_version, version
from dmvpn.tools.diff.behavior import ChangeVerdict
from dmvpn.tools.diff.comparison import compare_networks
from dmvpn.tools.pool.results import Form

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.diff.comparison import Comparison

#: Letters of the last column of a row; an error is longer.
_LONGEST: Final = 70
#: Digits of the fingerprint of the inputs.
_DIGITS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateTask:
    """One comparison. inputs: a fingerprint of all that its result follows from.

    octets: the networks before and after, seed, order and longest outage that is permitted; b"" in a result.
    """

    name: str
    inputs: str
    version: str
    octets: bytes = field(default=b"", compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRow:
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


@dataclass(frozen=True, slots=True)
class CandidateResult:
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
