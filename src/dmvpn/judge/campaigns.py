"""Many runs: which networks and seeds, lists of faults that are kept as files, and runs as text for other processes.

A campaign goes round all networks that can be judged (built-in scenarios with hosts, and their variants), each with a
seed of its own, until so many router-hours are planned. What it plans depends on nothing but its numbers.

`shrink` finds the shortest list of faults with which a run still fails in the same way: delta debugging (Zeller's
ddmin). Two things make it quick: runs end at the violation, and the first attempt removes the time long before it, by
moving the remaining faults to the start.

A `Task` is a run that any process of any machine can carry out: network, variants, seed, virtual hours, and the version
of the program, which must be the same (`check_version`). Its `Result` has the verdict and, if it failed, the shortest
list of faults that fails likewise. Both are lines of JSON.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path
from typing import Final

import dmvpn
from dmvpn.base.errors import UserError
from dmvpn.base.json_values import as_list, as_object, read_line
from dmvpn.base.values import Value
from dmvpn.ios.from_plain import read_as
from dmvpn.judge.campaign import NEVER_SETTLED, Plan, RunVerdict, run
from dmvpn.judge.faults import Fault, dumps, from_json, to_json
from dmvpn.judge.variants import fitting, vary
from dmvpn.shells.documents import read_text
from dmvpn.shells.exercises import built_in_names
from dmvpn.shells.scenario import Scenario

# ------------------------------------------------------------------------------------------ the shortest list of faults


#: Seconds that a run goes on behind the violation it is looking for.
BEHIND = 30.0
#: Seconds before the violation that are tried alone.
HISTORIES = (120.0, 400.0, 1200.0)
#: When the first fault of a moved list begins, and the runs that a search may cost.
FIRST = 5.0
MOST_RUNS = 120


class Shrunk(Value):
    """A short plan that fails, its verdict, and how many runs it took to find it."""

    plan: Plan
    verdict: RunVerdict
    runs: int


def shrink(plan: Plan, failed: RunVerdict, runner: Callable[[Plan], RunVerdict] = run) -> Shrunk:
    """Find a short list of faults with which `plan` still breaks the rule that it broke in `failed`."""
    return _Search(plan, failed, runner).search()


class _Search:
    def __init__(self, plan: Plan, failed: RunVerdict, runner: Callable[[Plan], RunVerdict]) -> None:
        self._rule = failed.violations[0].rule
        self._runner = runner
        self._runs = 0
        self._best = replace(plan, faults=failed.faults)
        self._verdict = failed

    def search(self) -> Shrunk:
        """See `shrink`."""
        # The faults after the violation cannot have caused it.
        time = self._verdict.violations[0].time
        earlier = tuple(fault for fault in self._faults if fault.at <= time + 1.0)
        if len(earlier) < len(self._faults):
            self._try(earlier, time)
        for history in HISTORIES:
            time = self._verdict.violations[0].time
            recent = tuple(fault for fault in self._faults if fault.end > time - history)
            if recent and self._try_moved(recent):
                break
        self._halve()
        first = self._faults[0].at if self._faults else 0.0
        if first > 2 * FIRST:
            self._try_moved(self._faults)
        return Shrunk(self._best, self._verdict, self._runs)

    @property
    def _faults(self) -> tuple[Fault, ...]:
        return self._best.faults or ()

    def _halve(self) -> None:
        """Halve (ddmin): leave out ever smaller parts as long as it still fails."""
        parts = 2
        while len(self._faults) > 1 and self._runs < MOST_RUNS:
            faults = self._faults
            size = max(1, len(faults) // parts)
            for begin in range(0, len(faults), size):
                rest = faults[:begin] + faults[begin + size :]
                if rest and self._try(rest, self._verdict.violations[0].time):
                    parts = max(2, parts - 1)
                    break
            else:
                if size == 1:
                    return
                parts = min(len(faults), 2 * parts)

    def _try_moved(self, faults: tuple[Fault, ...]) -> bool:
        """Try the same faults, beginning at once."""
        shift = faults[0].at - FIRST
        moved = tuple(replace(fault, at=round(fault.at - shift, 3)) for fault in faults)
        return self._try(moved, self._verdict.violations[0].time - shift)

    def _try(self, faults: tuple[Fault, ...], time: float) -> bool:
        """Return whether a run still fails. time: when it should; a run that never settles gets its full time."""
        if self._runs >= MOST_RUNS:
            return False
        self._runs += 1
        end = round(max((fault.end for fault in faults), default=0.0) + 1.0, 3)
        seconds = end if self._rule == NEVER_SETTLED else max(end, round(time + BEHIND, 3))
        plan = replace(self._best, faults=faults, seconds=seconds)
        verdict = self._runner(plan)
        if not verdict.violations or verdict.violations[0].rule != self._rule:
            return False
        self._best, self._verdict = plan, verdict
        return True


# ------------------------------------------------------------------------------------------------ which runs


#: Variants that are tried together, too: spokes that move, and entries that do not live long.
COMBINED = ("no-unique", "short")
#: A scenario in which somebody cannot be reached by design. Its own tests look at it.
NOT_JUDGED = frozenset({"two-spokes-one-nat"})


class Order(Value, kw_only=True):
    """A run as it is written down. scenario: a name or folder. faults: None: those of the seed. why: for people."""

    scenario: str
    variants: tuple[str, ...] = ()
    seed: int
    seconds: float
    faults: tuple[Fault, ...] | None = None
    why: str = ""

    @property
    def name(self) -> str:
        """Scenario and variants, as people say it."""
        return "+".join((self.scenario, *self.variants))

    def plan(self) -> Plan:
        """Return the plan of the run. Raises UserError."""
        scenario = vary(Scenario.load(self.scenario), self.variants)
        return Plan(scenario=scenario, seed=self.seed, seconds=self.seconds, faults=self.faults)

    def to_json(self) -> str:
        """Return a text that `from_json` reads."""
        head = {"scenario": self.scenario, "variants": list(self.variants), "seed": self.seed, "seconds": self.seconds}
        text = json.dumps({"why": self.why, **head} if self.why else head, indent=2)
        return text if self.faults is None else f'{text[:-2]},\n  "faults": {dumps(self.faults)}\n}}'

    @classmethod
    def from_json(cls, text: str) -> Order:
        """Read one. Raises UserError."""
        try:
            raw = json.loads(text)
            return cls(
                scenario=str(raw["scenario"]),
                variants=tuple(str(name) for name in raw.get("variants", ())),
                seed=int(raw["seed"]),
                seconds=float(raw["seconds"]),
                faults=tuple(from_json(fault) for fault in raw["faults"]),
                why=str(raw.get("why", "")),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"not a list of faults: {error!r}") from error


class OrderOutcome(Value):
    """What became of an order. short: the shortest order that fails likewise, if it failed and that was wanted."""

    order: Order
    verdict: RunVerdict
    short: Order | None = None


def load(path: Path) -> Order:
    """Read a kept fault list. Raises UserError."""
    text = read_text(path)
    try:
        return Order.from_json(text)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def carry_out(order: Order, *, shorten: bool = True) -> OrderOutcome:
    """Run one order; if it fails, look for the shortest list of faults that fails in the same way."""
    plan = order.plan()
    verdict = run(plan)
    if verdict.ok or not shorten or not verdict.faults:
        return OrderOutcome(order, verdict)
    found = shrink(plan, verdict)
    why = str(found.verdict.violations[0])
    short = replace(order, seconds=found.plan.seconds, faults=found.plan.faults, why=why)
    return OrderOutcome(order, verdict, short)


def networks() -> list[tuple[str, tuple[str, ...]]]:
    """Return every network that can be judged, scenario and variants: all as they are first, then variant by
    variant.
    """
    plain: list[tuple[str, tuple[str, ...]]] = []
    varied: list[tuple[str, tuple[str, ...]]] = []
    for name in built_in_names():
        scenario = Scenario.load(name)
        if scenario.lacks or name in NOT_JUDGED or not scenario.lab.hosts:
            continue
        plain.append((name, ()))
        variants = fitting(scenario)
        varied += [(name, (variant,)) for variant in variants]
        if set(COMBINED) <= set(variants):
            varied.append((name, COMBINED))
    return [*plain, *sorted(varied, key=lambda network: network[1])]


def orders(router_hours: float, hours: float, seed: int) -> list[Order]:
    """Return runs of `hours` each, with seeds from `seed` on, until they make up so many router-hours."""
    chosen: list[Order] = []
    names = networks()
    scenarios = {name: Scenario.load(name) for name, _ in names}
    sizes = {
        name: sum(one.role(router) != "provider" for router in one.configurations) for name, one in scenarios.items()
    }
    planned = 0.0
    while planned < router_hours:
        name, variants = names[len(chosen) % len(names)]
        chosen.append(Order(scenario=name, variants=variants, seed=seed + len(chosen), seconds=hours * 3600.0))
        planned += hours * sizes[name]
    return chosen


# ------------------------------------------------------------------------------------------------ a run as a task


_SECONDS: Final = 3600.0
#: Digits of the fingerprint of the program's files.
_DIGITS: Final = 10
#: Files of scenarios that are no Python.
_READ: Final = (".cfg", ".yaml")


@cache
def version() -> str:
    """Return the version of this program: its number, and a fingerprint of the files that a run depends on."""
    root = Path(dmvpn.__file__).parent
    fingerprint = hashlib.sha256()
    files = [*root.rglob("*.py"), *(path for path in (root / "scenarios").rglob("*") if path.suffix in _READ)]
    for path in sorted(files):
        octets = path.read_bytes()
        fingerprint.update(f"{path.relative_to(root).as_posix()} {len(octets)}\n".encode())
        fingerprint.update(octets)
    return f"{dmvpn.__version__}+{fingerprint.hexdigest()[:_DIGITS]}"


class Task(Value, kw_only=True):
    """One run. network: a built-in scenario. variant: its changes. hours: of faults. version: see `version`."""

    network: str
    variant: tuple[str, ...] = ()
    seed: int
    hours: float
    version: str

    @property
    def order(self) -> Order:
        """The run as an order, with the faults of the seed."""
        return Order(scenario=self.network, variants=self.variant, seed=self.seed, seconds=self.hours * _SECONDS)

    @property
    def name(self) -> str:
        """Network and variants, as people say it."""
        return self.order.name

    def plain(self) -> dict[str, object]:
        """Return the task as a JSON object."""
        return asdict(self) | {"variant": list(self.variant)}

    def to_json(self) -> str:
        """Return a line that `from_json` reads."""
        return json.dumps(self.plain())

    @classmethod
    def from_json(cls, text: str) -> Task:
        """Read a line. Raises UserError."""
        return read_line(text, partial(read_as, cls), "a task of a campaign")


class Result(Value):
    """What a task came to. short: the shortest order that fails likewise, if it failed."""

    task: Task
    verdict: RunVerdict
    short: Order | None = None

    @property
    def outcome(self) -> OrderOutcome:
        """The same, of an order."""
        return OrderOutcome(self.task.order, self.verdict, self.short)

    def to_json(self) -> str:
        """Return a line that `from_json` reads, without an end of line. It begins with the task."""
        short = {} if self.short is None else {"short": json.loads(self.short.to_json())}
        verdict = asdict(self.verdict) | {"faults": [to_json(fault) for fault in self.verdict.faults]}
        return json.dumps({"task": self.task.plain(), "verdict": verdict, **short})

    @classmethod
    def from_plain(cls, raw: object) -> Result:
        """Read a JSON object. Raises ValueError or UserError."""
        fields = as_object(raw, "a result")
        short = fields.get("short")
        return cls(
            read_as(Task, as_object(fields.get("task"), "a task")),
            _verdict(as_object(fields.get("verdict"), "verdict")),
            None if short is None else Order.from_json(json.dumps(short)),
        )

    @classmethod
    def from_json(cls, text: str) -> Result:
        """Read a line. Raises UserError."""
        return read_line(text, cls.from_plain, "a result of a campaign")


def check_version(wanted: str) -> None:
    """Raise UserError, with both versions, unless a task is for this version of the program."""
    if wanted != version():
        raise UserError(
            f"this task is for dmvpn {wanted}, and the worker has dmvpn {version()}: install the same on both"
        )


def run_task(task: Task) -> Result:
    """Carry a task out. Raises UserError if it is of another version of the program."""
    check_version(task.version)
    outcome = carry_out(task.order)
    return Result(task, outcome.verdict, outcome.short)


def run_text(line: str) -> str:
    """Carry out a task that is a line, and return its result as one. Raises UserError."""
    return run_task(Task.from_json(line)).to_json()


def _verdict(fields: dict[str, object]) -> RunVerdict:
    """Read a verdict. Raises ValueError or UserError."""
    faults = tuple(from_json(each) for each in as_list(fields.get("faults"), "faults"))
    return replace(read_as(RunVerdict, {**fields, "faults": []}), faults=faults)
