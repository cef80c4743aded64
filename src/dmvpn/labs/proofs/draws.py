"""One draw of the doctor's proof, for any process of any machine: a task, and its result as a line of a file.

A seed has two draws: a network with a fault, and a network that is well. A result has no times of a clock, so the same
seeds give the same lines, in whatever order the workers end.
"""

from __future__ import annotations

import enum
import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.json_values import as_flag, as_list, as_object, as_text, as_whole, read_line
from dmvpn.base.values import dataclass
from dmvpn.judge.work import check_version
from dmvpn.labs.proofs.case import Harm, LeakError
from dmvpn.labs.proofs.judging import Judged, healthy, judge
from dmvpn.labs.proofs.networks import FEW
from dmvpn.tools.pool.results import Form

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Digits of the hash of all draws.
_DIGITS: Final = 16
_PROOF: Final = "doctor"


class Kind(enum.Enum):
    """The two draws of a seed."""

    FAULT = "fault"
    WELL = "well"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """A task. version: of the program that must carry it out, see `judge.work.version`."""

    seed: int
    kind: Kind
    version: str

    @property
    def name(self) -> str:
        """The name from which network and fault follow."""
        return f"{_PROOF}/{self.seed}" if self.kind is Kind.FAULT else f"{_PROOF}/well/{self.seed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A result. judged: the verdict. failure: why there is none, else ""."""

    draw: Draw
    judged: Judged | None
    failure: str = ""

    @property
    def failed(self) -> bool:
        """Whether the doctor, or the program, was wrong."""
        return self.judged is None or self.judged.missed

    def to_json(self) -> str:
        """Return a line that `from_json` reads, without an end of line. It begins with the task."""
        draw = {"proof": _PROOF, **asdict(self.draw), "kind": self.draw.kind.value}
        judged = {} if self.judged is None else {"judged": asdict(self.judged) | {"harm": self.judged.harm.value}}
        return json.dumps({"task": draw, **judged, "failure": self.failure})

    @classmethod
    def from_plain(cls, raw: object) -> Proof:
        """Read a JSON object. Raises ValueError."""
        fields = as_object(raw, "a result")
        given = as_object(fields.get("task"), "a task")
        draw = Draw(
            seed=as_whole(given.get("seed"), "seed"),
            kind=Kind(as_text(given.get("kind"), "kind")),
            version=as_text(given.get("version"), "version"),
        )
        judged = fields.get("judged")
        return cls(
            draw=draw,
            judged=None if judged is None else _judged(as_object(judged, "judged")),
            failure=as_text(fields.get("failure"), "failure"),
        )

    @classmethod
    def from_json(cls, text: str) -> Proof:
        """Read a line. Raises UserError."""
        return read_line(text, cls.from_plain, FORM.what)


def _judged(fields: dict[str, object]) -> Judged:
    """Read a verdict. Raises ValueError."""

    def texts(name: str) -> tuple[str, ...]:
        return tuple(as_text(each, name) for each in as_list(fields.get(name), name))

    return Judged(
        name=as_text(fields.get("name"), "name"),
        network=as_text(fields.get("network"), "network"),
        what=as_text(fields.get("what"), "what"),
        harm=Harm(as_text(fields.get("harm"), "harm")),
        mechanism=as_text(fields.get("mechanism"), "mechanism"),
        traits=texts("traits"),
        bad=texts("bad"),
        rank=as_whole(fields.get("rank"), "rank"),
        wrong=as_text(fields.get("wrong"), "wrong"),
        nothing=as_flag(fields.get("nothing"), "nothing"),
        found=texts("found"),
        accused=as_flag(fields.get("accused"), "accused"),
        left=None if fields.get("left") is None else texts("left"),
    )


FORM: Final = Form[Draw, Proof](
    what="a result of the doctor's proof",
    begin=b'{"task": {"proof": "',
    read=Proof.from_json,
    write=Proof.to_json,
    task_of=lambda proof: proof.draw,
    version_of=lambda draw: draw.version,
    said=lambda draw: f"draw {draw.name}",
    foreign=lambda draw: f"draw {draw.name} is not of these seeds",
)


def prove(draw: Draw) -> Proof:
    """Carry a draw out. Raises UserError if it is for another version of the program."""
    check_version(draw.version)
    try:
        judged = judge(draw.name, FEW, heals=True) if draw.kind is Kind.FAULT else healthy(draw.name, FEW)
    except LeakError as error:
        return Proof(draw=draw, judged=None, failure=f"in clear: {error}")
    except UserError as error:
        return Proof(draw=draw, judged=None, failure=str(error))
    return Proof(draw=draw, judged=judged)


def digest(proofs: Iterable[Proof]) -> str:
    """Return the hash of results, in the order of their seeds."""
    lines = sorted((proof.draw.seed, proof.draw.kind.value, proof.to_json()) for proof in proofs)
    return hashlib.sha256("".join(f"{line}\n" for _, _, line in lines).encode()).hexdigest()[:_DIGITS]
