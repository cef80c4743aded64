"""One draw of a proof, for any process of any machine: a task, and its result as a line of a file.

A seed has two draws: a network with a fault, and a network that is well. A result has no times of a clock, so the same
seeds give the same lines, in whatever order the workers end.

Many verdicts come to a table of shares, and a table with a row for each mechanism.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from typing import Final, Generic, TypeVar

from dmvpn.base.errors import UserError
from dmvpn.base.json_values import as_object, read_line
from dmvpn.base.values import Mutable, Value
from dmvpn.ios.from_plain import read_as
from dmvpn.judge.campaigns import check_version
from dmvpn.labs.proofs.linting import Linted, lint_broken, lint_well
from dmvpn.labs.proofs.networks import FEW, Harm, LeakError
from dmvpn.labs.proofs.verdicts import DoctorVerdict, healthy, judge
from dmvpn.tools.pool.results import Form

V = TypeVar("V", bound=DoctorVerdict | Linted)

#: Digits of the hash of all draws.
_DIGITS: Final = 16
Verdict = DoctorVerdict | Linted


# ------------------------------------------------------------------------------------------- what many verdicts come to


class _Verdicts(Mutable, Generic[V]):
    """Verdicts on networks with a fault, and on networks that are well."""

    faults: list[V] = field(default_factory=list)
    healthy: list[V] = field(default_factory=list)

    @property
    def now(self) -> list[V]:
        """The verdicts on faults that harm now."""
        return self._with(Harm.NOW)

    def _with(self, harm: Harm) -> list[V]:
        return [one for one in self.faults if one.harm is harm]

    def _when(self) -> str:
        """Return when the faults harm."""
        counts = {harm: len(self._with(harm)) for harm in Harm}
        return (
            f"{len(self.faults)} faults: {counts[Harm.NOW]} harm now, {counts[Harm.SLIGHT]} a little, "
            f"{counts[Harm.LATENT]} later, {counts[Harm.NONE]} never"
        )

    def _accused(self) -> Iterator[str]:
        """Yield the shares of networks that were accused and work."""
        yield _share("well networks accused", self.healthy, lambda one: one.accused)
        yield _share("harmless faults accused", self._with(Harm.NONE), lambda one: one.accused)

    def _by_mechanism(self, columns: dict[str, Callable[[V], bool]]) -> Iterator[str]:
        """Yield a table with a row for each mechanism that harms now. columns: how many of its verdicts are so."""
        names = sorted({one.mechanism for one in self.now})
        width = max(map(len, ("mechanism", *names)))
        yield "  ".join([f"{'mechanism':<{width}}", "harm now", *columns])
        for name in names:
            mine = [one for one in self.now if one.mechanism == name]
            counts = (f"{sum(map(holds, mine)):>{len(head)}}" for head, holds in columns.items())
            yield "  ".join([f"{name:<{width}}", f"{len(mine):>8}", *counts])


class Measure(_Verdicts[DoctorVerdict]):
    """Verdicts on the doctor."""

    def lines(self) -> Iterator[str]:
        """Yield the table."""
        now, slight = self.now, self._with(Harm.SLIGHT)
        entered = [one for one in now if one.left is not None]
        yield self._when()
        yield _share("cause named first", now, lambda one: one.rank == 1)
        yield _share("cause among the first three", now, lambda one: one.rank > 0)
        yield _share("wrong cause as certain", now, lambda one: bool(one.wrong))
        yield _share("called well", now, lambda one: one.nothing)
        if entered:
            yield _share("lines restore everything", entered, lambda one: not one.left)
        yield _share("slight loss: named first", slight, lambda one: one.rank == 1)
        yield from self._accused()

    def mechanisms(self) -> Iterator[str]:
        """Yield a table with a row for each mechanism that harms now."""
        return self._by_mechanism({"first": lambda one: one.rank == 1, "among three": lambda one: one.rank > 0})


class LintMeasure(_Verdicts[Linted]):
    """Verdicts on lint."""

    def lines(self) -> Iterator[str]:
        """Yield the table."""
        yield self._when()
        yield _share("found", self.now, lambda one: bool(one.found))
        yield _share("found at its router", self.now, lambda one: one.named)
        yield _share("harm later: found", self._with(Harm.LATENT), lambda one: bool(one.found))
        yield from self._accused()

    def mechanisms(self) -> Iterator[str]:
        """Yield a table with a row for each mechanism that harms now."""
        return self._by_mechanism({"found": lambda one: bool(one.found), "at its router": lambda one: one.named})


def _share(name: str, verdicts: Iterable[V], holds: Callable[[V], bool]) -> str:
    held = [holds(one) for one in verdicts]
    return f"{name:<28}{sum(held):>5} of {len(held):<5}{sum(held) / max(1, len(held)):>7.1%}"


# ------------------------------------------------------------------------------------------------ a draw


class Proven(enum.Enum):
    """What a proof is of."""

    DOCTOR = "doctor"
    LINT = "lint"


class Kind(enum.Enum):
    """The two draws of a seed."""

    FAULT = "fault"
    WELL = "well"


class Draw(Value, kw_only=True):
    """A task. version: of the program that must carry it out, see `judge.campaigns.version`."""

    proven: Proven
    seed: int
    kind: Kind
    version: str

    @property
    def name(self) -> str:
        """The name from which network and fault follow."""
        well = "well/" if self.kind is Kind.WELL else ""
        return f"{self.proven.value}/{well}{self.seed}"

    def plain(self) -> dict[str, object]:
        """Return the task as a JSON object."""
        return {"proof": self.proven.value, "seed": self.seed, "kind": self.kind.value, "version": self.version}


class Proof(Value, kw_only=True):
    """A result. judged: the verdict. failure: why there is none, else ""."""

    draw: Draw
    judged: Verdict | None
    failure: str = ""

    @property
    def failed(self) -> bool:
        """Whether the doctor, lint or the program was wrong."""
        return self.judged is None or self.judged.missed

    def to_json(self) -> str:
        """Return a line that `from_json` reads, without an end of line. It begins with the task."""
        judged = {} if self.judged is None else {"judged": self.judged.plain()}
        return json.dumps({"task": self.draw.plain(), **judged, "failure": self.failure})

    @classmethod
    def from_plain(cls, raw: object) -> Proof:
        """Read a JSON object. Raises ValueError."""
        fields = as_object(raw, "a result")
        task = as_object(fields.get("task"), "a task")
        draw, failure = read_as(Draw, {**task, "proven": task.get("proof")}), read_as(str, fields.get("failure"))
        if "judged" not in fields:
            if not failure:
                raise ValueError("neither a verdict nor a failure")
            return cls(draw=draw, judged=None, failure=failure)
        kind: type[Verdict] = DoctorVerdict if draw.proven is Proven.DOCTOR else Linted
        judged = read_as(kind, fields["judged"])
        if judged.name != draw.name:
            raise ValueError(f"the verdict of {draw.name} is about {judged.name}")
        return cls(draw=draw, judged=judged, failure=failure)

    @classmethod
    def from_json(cls, text: str) -> Proof:
        """Read a line. Raises UserError."""
        return read_line(text, cls.from_plain, FORM.what)


FORM: Final = Form[Draw, Proof](
    what="a result of a proof",
    begin=b'{"task": {"proof": "',
    read=Proof.from_json,
    write=Proof.to_json,
    task_of=lambda proof: proof.draw,
    version_of=lambda draw: draw.version,
    said=lambda draw: f"draw {draw.name}",
    foreign=lambda draw: f"draw {draw.name} is not of this proof and these seeds",
)


def prove(draw: Draw) -> Proof:
    """Carry a draw out. Raises UserError if it is for another version of the program."""
    check_version(draw.version)
    try:
        return Proof(draw=draw, judged=_verdict(draw))
    except LeakError as error:
        return Proof(draw=draw, judged=None, failure=f"in clear: {error}")
    except UserError as error:
        return Proof(draw=draw, judged=None, failure=str(error))


def _verdict(draw: Draw) -> Verdict:
    match draw.proven, draw.kind:
        case Proven.DOCTOR, Kind.FAULT:
            return judge(draw.name, FEW, heals=True)
        case Proven.DOCTOR, Kind.WELL:
            return healthy(draw.name, FEW)
        case Proven.LINT, Kind.FAULT:
            return lint_broken(draw.name, FEW)
        case _:
            return lint_well(draw.name, FEW)


def digest(proofs: Iterable[Proof]) -> str:
    """Return the hash of results, in the order of their seeds."""
    lines = sorted((proof.draw.seed, proof.draw.kind.value, proof.to_json()) for proof in proofs)
    return hashlib.sha256("".join(f"{line}\n" for _, _, line in lines).encode()).hexdigest()[:_DIGITS]
