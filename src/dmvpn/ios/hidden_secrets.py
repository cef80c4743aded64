"""Comparison of secrets that are not shown: a hidden secret is unknown, so it equals no other secret for certain.

compare     two secrets                 together     the result for all settings of two ends
question    what the reader must compare, since the doctor cannot see it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.placeholder import SECRET
from dmvpn.base.terms import Likeness
from dmvpn.base.values import dataclass
from dmvpn.ios.grammar import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """A line with a secret. section: the lines that open its section."""

    router: str
    section: str
    line: str

    def __str__(self) -> str:
        words = " ".join(word for word in self.line.split() if not is_hidden(word))
        of_section = f" of '{self.section}'" if self.section else ""
        return f"'{words}'{of_section} at {self.router}"


def is_hidden(secret: str) -> bool:
    """Return whether a secret was replaced, by the mark of a known line or by asterisks."""
    return HIDDEN in secret or SECRET in secret or (bool(secret) and not secret.strip("*"))


def compare(mine: str, theirs: str) -> Likeness:
    """Compare two secrets; "": there is none."""
    if mine and theirs and (is_hidden(mine) or is_hidden(theirs)):
        return Likeness.UNKNOWN
    return Likeness.of(mine == theirs)


def together(found: Iterable[Likeness]) -> Likeness:
    """Return the result for several comparisons: a difference that is shown decides."""
    results = set(found)
    return next((one for one in (Likeness.DIFFERENT, Likeness.UNKNOWN) if one in results), Likeness.SAME)


def question(mine: SecretPlace, theirs: SecretPlace) -> str:
    """Return the observation that decides."""
    return f"secrets are not shown here: is {mine} the same as {theirs}?"
