"""What two ends of a link must agree on, and which of two ends is the odd one.

    Term       one thing on which two ends must agree: how it is seen, compared, said and changed
    Duty       one thing that an end must have for the other one
    Likeness   the result of a comparison
    odd        which of a client and its server is to change

Of one term come the finding of lint, that of the doctor, the lines that fix it, and a fault that labs inject. A router
that only runs loads none of it.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dmvpn.base.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dmvpn.base.facts import ReasonFacts
    from dmvpn.base.findings import Cause, Rule

E = TypeVar("E")
V = TypeVar("V")
T = TypeVar("T")


class Likeness(enum.Enum):
    """The result of a comparison. UNKNOWN: a secret is hidden, or a value is a mistake of its own."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, same: bool) -> Likeness:
        """Return the result for values that are shown."""
        return cls.SAME if same else cls.DIFFERENT


class NoValue(enum.Enum):
    """In the place of a value. ABSENT: the term does not arise at this end. UNKNOWN: it fits every value."""

    ABSENT = "absent"
    UNKNOWN = "unknown"


class Term(Value, Generic[E, V], eq=False, kw_only=True):
    """One thing on which two ends must agree.

    name: "tunnel key". effect: what follows from a difference, a clause.
    see: the value of an end. words: a value, behind "has": "tunnel key 7".
    fits: how two values compare; None: by equality. shown: the value in lines for users: a blank for a secret.
    place: the line of an end that has the value, by its words, as `Concern.at`.
    lines: to enter at an end for a value, with the line that opens their section; () if only a person knows them.
    protects: whether a value protects. Without a witness for either end, the unprotected one is to change.
    is_kept: whether an end keeps its protection even if it alone has it.
    refuses: whether an end refuses the other because of this term, by its reason. waits: terms that come first: their
        difference explains this one.
    other: a value that no network has, for a fault.
    stops: whether nothing passes between two ends that differ: an error, whatever the severity of the rule.
    """

    rule: Rule
    cause: Cause
    name: str
    see: Callable[[E], V | NoValue]
    words: Callable[[V], str]
    place: Callable[[E], tuple[str, ...]]
    lines: Callable[[E, V], tuple[str, ...]]
    effect: str = ""
    fits: Callable[[V, V], Likeness] | None = None
    shown: Callable[[V], V] | None = None
    protects: Callable[[V], bool] | None = None
    is_kept: bool = False
    refuses: Callable[[ReasonFacts], bool] | None = None
    waits: tuple[Term[E, Any], ...] = ()
    other: V | None = None
    stops: Callable[[E, E], bool] = lambda here, there: False

    def compare(self, here: E, there: E) -> Likeness:
        """Compare two ends."""
        mine, theirs = self.see(here), self.see(there)
        if isinstance(mine, NoValue) or isinstance(theirs, NoValue):
            return Likeness.of(True) if NoValue.ABSENT in (mine, theirs) else Likeness.UNKNOWN
        return self.fits(mine, theirs) if self.fits is not None else Likeness.of(mine == theirs)

    def fix(self, end: E, right: E) -> tuple[str, ...]:
        """Return the lines that give an end the value of the other one."""
        value = self.see(right)
        if isinstance(value, NoValue) or (self.is_kept and self.is_weaker(right, end)):
            return ()
        return self.lines(end, self.shown(value) if self.shown is not None else value)

    def is_weaker(self, here: E, there: E) -> bool:
        """Return whether only the second end protects."""
        mine, theirs = self.see(here), self.see(there)
        if self.protects is None or isinstance(mine, NoValue) or isinstance(theirs, NoValue):
            return False
        return self.protects(theirs) and not self.protects(mine)


class Duty(Value, Generic[E], eq=False, kw_only=True):
    """One thing that an end must have for the other one.

    fails: the fault of the first end, a sentence without a full stop; "": nothing.
    place: as of a term. lines: to enter at the first end; () if only a person knows them.
    is_mild: whether it harms nothing now.
    """

    rule: Rule
    cause: Cause
    fails: Callable[[E, E], str]
    place: Callable[[E], tuple[str, ...]]
    lines: Callable[[E, E], tuple[str, ...]]
    is_mild: Callable[[E, E], bool] = lambda here, there: False


class Odd(enum.Enum):
    """Which of a client and its server is to change. UNDECIDED: there is no other client that would show it."""

    CLIENT = "client"
    SERVER = "server"
    UNDECIDED = "undecided"


def odd(clients: Iterable[T], agrees: Callable[[T], bool]) -> Odd:
    """Return which of two ends that disagree is to change.

    clients: all clients of the server whose values are known, among them the client that disagrees.
    """
    count = 0
    for client in clients:
        if agrees(client):
            return Odd.CLIENT
        count += 1
    return Odd.SERVER if count > 1 else Odd.UNDECIDED
