"""Why something is not as it should be: kept with every state, rendered by shows and logs, matched by the doctor.

    ReasonCode   what can be wrong in one feature: an enum of sentences, with places for what differs each time
    Reason       one of them, with what belongs into its places; another reason may be among that

Sentences are never parsed. Code compares `Reason.code`; the sentence, which is the value of the code, is for people,
and the feature's `explain` explains it by the code.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from typing import Final, Self

from dmvpn.base.values import Value

_PLACE: Final = re.compile(r"<[^<>]*>")


class ReasonCode(enum.Enum):
    """The base of each feature's enum of reasons.

    value: the sentence, "no address for <name> yet".
    evidence: what it rests on, if that is said, with places as well.
    clause: "RFC 2332 §5.2.3", or "" where no standard speaks.
    """

    evidence: str
    clause: str
    _said: tuple[str, ...]
    _proved: tuple[str, ...]

    def __new__(cls, sentence: str, evidence: str = "", clause: str = "") -> Self:
        """A member: its sentence, its evidence, its clause."""
        code = object.__new__(cls)
        code._value_ = sentence
        code.evidence, code.clause = evidence, clause
        code._said, code._proved = tuple(_PLACE.split(sentence)), tuple(_PLACE.split(evidence))
        return code

    @property
    def id(self) -> str:
        """The code as text, for consumers outside Python: "NhrpReason.NO_REPLY"."""
        return f"{type(self).__name__}.{self.name}"

    @property
    def places(self) -> int:
        """How many fields it needs."""
        return len(self._said) + len(self._proved) - 2

    def say(self, fields: tuple[object, ...]) -> str:
        """Return the sentence with the first of these fields in its places."""
        return _filled(self._said, fields)

    def prove(self, fields: tuple[object, ...]) -> str:
        """Return the evidence with the last of these fields in its places."""
        return _filled(self._proved, fields[len(self._said) - 1 :])


def _filled(parts: tuple[str, ...], fields: tuple[object, ...]) -> str:
    return parts[0] + "".join(f"{field!s}{part}" for field, part in zip(fields, parts[1:], strict=False))


class Reason(Value):
    """Why something is not as it should be.

    fields: one for each place of the code.
    since: seconds, monotonic.

    Raises ValueError if there are more or fewer fields than places.
    """

    code: ReasonCode
    fields: tuple[object, ...] = ()
    since: float = 0.0

    def __post_init__(self) -> None:
        if len(self.fields) != self.code.places:
            raise ValueError(f"{self.code.id} has {self.code.places} places, and there are {len(self.fields)} fields")

    @property
    def what(self) -> str:
        """One clause for people: "no reply from the next hop server"."""
        return self.code.say(self.fields)

    @property
    def evidence(self) -> str:
        """What it rests on: "4 registration requests unanswered", or "" if there is nothing to say."""
        return self.code.prove(self.fields)

    @property
    def clause(self) -> str:
        """The clause of the standard that speaks of it, or ""."""
        return self.code.clause

    def says_the_same(self, other: Reason | None) -> bool:
        """Return whether the other one is this reason at another time."""
        return other is not None and self.code is other.code and str(self) == str(other)

    def parts(self) -> Iterator[Reason]:
        """Yield this reason, and those among its fields, to any depth."""
        yield self
        for field in self.fields:
            if isinstance(field, Reason):
                yield from field.parts()

    def __str__(self) -> str:
        return f"{self.what} ({evidence})" if (evidence := self.evidence) else self.what
