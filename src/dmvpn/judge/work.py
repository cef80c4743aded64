"""A run of a campaign that any process of any machine can carry out: a task goes out as text, a result comes back.

    Task      network, variants, seed, virtual hours, and the version of the program that must carry it out
    Result    the task, the verdict and, if it failed, the shortest list of faults that fails likewise
    run       carries a task out; another version of the program refuses (`check_version`)

Task and result are lines of JSON, the same for every process that carries the task out.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path
from typing import Final

import dmvpn
from dmvpn.base.errors import UserError
from dmvpn.base.json_values import as_list, as_object, read_line
from dmvpn.base.values import dataclass
from dmvpn.ios.from_plain import read_as
from dmvpn.judge.campaign import RunVerdict
from dmvpn.judge.campaigns import Order, OrderOutcome, carry_out
from dmvpn.judge.faults import from_json, to_json

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
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


@dataclass(frozen=True, slots=True)
class Result:
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


def run(task: Task) -> Result:
    """Carry a task out. Raises UserError if it is of another version of the program."""
    check_version(task.version)
    outcome = carry_out(task.order)
    return Result(task, outcome.verdict, outcome.short)


def run_text(line: str) -> str:
    """Carry out a task that is a line, and return its result as one. Raises UserError."""
    return run(Task.from_json(line)).to_json()


def _verdict(fields: dict[str, object]) -> RunVerdict:
    """Read a verdict. Raises ValueError or UserError."""
    faults = tuple(from_json(each) for each in as_list(fields.get("faults"), "faults"))
    return replace(read_as(RunVerdict, {**fields, "faults": []}), faults=faults)
