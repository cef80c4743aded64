"""Findings of `dmvpn lint` in configurations, and the rules that it applies.

    Rule        what lint looks for, why it matters, an example: the reference page is made of these
    Concern     what a rule says about one router's configuration; it points at a line by the words of the line
    LintFinding a concern in its file: what people and programs get

A feature's `lint.py` has rules about its own model and answers with concerns; it knows neither files nor line numbers.
`tools/lint` has the rules that look at several features or several routers, and makes findings of all of them.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.causes import Cause


class Severity(enum.Enum):
    """How bad a finding is. The values are for people and programs."""

    ERROR = "error"  # something that is configured will not work
    WARNING = "warning"  # it works, but not as the author of these lines wanted
    ADVICE = "advice"  # it works; there is a better way, or a risk to know about

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that lint looks for.

    id: as in `! lint: allow ID REASON`.
    severity: that of the worst case.
    title: the problem, in one line.
    why: the consequence, and the evidence for it.
    bad, fix: an example, configuration lines.
    cause: the fault of a running network for which the doctor takes it, None: there is none.
    """

    id: str
    severity: Severity
    title: str
    why: str
    bad: str
    fix: str
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """What a rule says about one configuration.

    at: the line, by its words: the lines of the enclosing sections, then its own, as many words as distinguish it from
        its neighbors ("interface Tunnel0", "tunnel key"). If there is none, it is about the section.
    fix: lines to enter, "" if that cannot be said in lines.
    severity, cause: None: the rule's.
    """

    rule: Rule
    at: tuple[str, ...]
    what: str
    fix: str = ""
    severity: Severity | None = None
    cause: Cause | None = None

    @property
    def typed(self) -> tuple[str, ...]:
        """The lines of the fix, as they are typed."""
        return tuple(line.strip() for line in self.fix.splitlines())


@dataclass(frozen=True, slots=True)
class Location:
    """A line of a file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LintFinding:
    """A concern in its file.

    rule: its identifier.
    file: as the caller named the configuration.
    line: from 1.
    router: its host name.
    what: a sentence with its evidence.
    why: the rule's.
    fix: lines to enter on that router, or "".
    related: other lines that have to do with it. No key or password is in any of this.
    """

    rule: str
    severity: Severity
    file: str
    line: int
    router: str
    what: str
    why: str
    fix: str = ""
    related: tuple[Location, ...] = ()
