"""The health of a network, as its users would notice it, and its deterioration.

A `Health` holds the results of `examination`: a number for each check. Each check that passed in the healthy network
has to pass again; the student may fix the wrong line or find another way. Protection is checked, too, so a network that
works because its protection was removed is not fixed.
"""

from __future__ import annotations

import enum
import json
from dataclasses import field
from typing import Final, Self

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass


class Check(enum.Enum):
    """The kinds of checks. A subject and a value form a sentence."""

    RUNNING = "runs"
    REGISTRATION = "is registered"
    ADJACENCY = "is a routing neighbor"
    REACH = "is reached"
    LARGE = "is reached with 1500 octets"
    PATH = "is reached by the short way"
    TCP = "tells TCP how much it carries"
    PROTECTION = "is configured"


#: A thing that is looked at: what, and of whom ("R31: 10.4.4.100 (H4)").
Subject = tuple[Check, str]

#: Bad: 0. Good: 1, or the number of hops.
BAD: Final = 0


@dataclass(frozen=True, slots=True)
class Health:
    """The results of checks. found: 0 for a failure; 1 for a success, for paths the number of hops."""

    found: dict[Subject, int] = field(default_factory=dict)

    def dumps(self) -> str:
        """Return the health as JSON."""
        return json.dumps([[check.name, subject, value] for (check, subject), value in self.found.items()])

    @classmethod
    def loads(cls, text: str) -> Self:
        """Return the inverse of `dumps`. Raises UserError."""
        try:
            return cls({(Check[check], str(subject)): int(value) for check, subject, value in json.loads(text)})
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"what was noted of the healthy lab cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class GradedCheck:
    """One check of a grade. was, now: numbers as in `Health`."""

    check: Check
    subject: str
    was: int
    now: int

    @property
    def is_good(self) -> bool:
        """As good as it was, or better."""
        if self.check is Check.PATH:
            return BAD < self.now <= self.was
        return self.now >= self.was

    def __str__(self) -> str:
        text = f"{self.subject} {self.check.value}"
        if self.check is Check.PATH and not self.is_good:
            return f"{text}: {self.now or 'no'} hops, and it was {self.was}"
        return text


def grade(healthy: Health, now: Health) -> tuple[GradedCheck, ...]:
    """Return everything that was good, and what it is now."""
    return tuple(
        GradedCheck(check, subject, was, now.found.get((check, subject), BAD))
        for (check, subject), was in healthy.found.items()
        if was != BAD
    )
