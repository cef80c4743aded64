"""One draw of a proof, for any process of any machine: a task, and its result as a line of a file.

A seed has two draws: a network with a fault, and a network that is well. A result has no times of a clock, so the same
seeds give the same lines, in whatever order the workers end.
"""

from __future__ import annotations

import enum
import hashlib
import json
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.json_values import as_object, read_line
from dmvpn.base.values import dataclass
from dmvpn.ios.from_plain import read_as
from dmvpn.judge.campaigns import check_version
from dmvpn.labs.proofs.case import LeakError
from dmvpn.labs.proofs.judging import Judged, healthy, judge
from dmvpn.labs.proofs.linting import Linted, lint_broken, lint_well
from dmvpn.labs.proofs.networks import FEW
from dmvpn.tools.pool.results import Form

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Digits of the hash of all draws.
_DIGITS: Final = 16
Verdict = Judged | Linted


class Proven(enum.Enum):
    """What a proof is of."""

    DOCTOR = "doctor"
    LINT = "lint"


class Kind(enum.Enum):
    """The two draws of a seed."""

    FAULT = "fault"
    WELL = "well"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """A task. version: of the program that must carry it out, see `judge.work.version`."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
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
        kind: type[Verdict] = Judged if draw.proven is Proven.DOCTOR else Linted
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
