"""The terms and duties of a protocol, and pairs judged by them: each fault, its end, and the lines that fix it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from dmvpn.base.terms import Duty, Likeness, NoValue, Odd, Term, odd
from dmvpn.base.values import Value
from dmvpn.network.overlay import EndPair, TunnelEnd

#: What is known of a pair besides values that do not decide: whether it works, or one end refuses the other.
Witness: TypeAlias = Callable[[Term[Any, Any], EndPair], Likeness]

E = TypeVar("E")


def _nobody(_term: Term[Any, Any], _pair: EndPair) -> Likeness:
    return Likeness.UNKNOWN


class Table(Value, Generic[E], eq=False):
    """The terms and duties of a protocol. view: an end as the protocol has it, None: it does not run there.

    names_peer: the lines of an end name the other end.
    """

    view: Callable[[TunnelEnd, EndPair], E | None]
    terms: tuple[Term[E, Any], ...]
    duties: tuple[Duty[E], ...] = ()
    names_peer: bool = False

    def views(self, pair: EndPair) -> tuple[E | None, E | None]:
        """Return both ends as the protocol has them."""
        return self.view(pair.here, pair), self.view(pair.there, pair)

    def differing(self, pair: EndPair, witness: Witness = _nobody) -> list[Term[E, Any]]:
        """Return the terms that differ, but for a difference that an earlier one explains."""
        found: list[Term[E, Any]] = []
        here, there = self.views(pair)
        if here is None or there is None:
            return found
        for term in self.terms:
            is_different = _compared(term, here, there, pair, witness) is Likeness.DIFFERENT
            if is_different and not any(first in found for first in term.waits):
                found.append(term)
        return found

    def failures(self, pair: EndPair) -> Iterator[Failure[E]]:
        """Yield what an end of a pair must have for the other one, and has not."""
        here, there = self.views(pair)
        if here is None or there is None:
            return
        for duty in self.duties:
            for mine, theirs, of_server in ((here, there, False), (there, here, True)):
                if what := duty.fails(mine, theirs):
                    yield Failure(pair, of_server, duty, what, mine, theirs)

    def odd(self, term: Term[E, Any], pairs: Iterable[EndPair], witness: Witness = _nobody) -> Odd:
        """Return which end differs. pairs: all of one server."""
        found: list[Likeness] = []
        for pair in pairs:
            here, there = self.views(pair)
            if here is not None and there is not None and NoValue.ABSENT not in (term.see(here), term.see(there)):
                found.append(_compared(term, here, there, pair, witness))
        return odd([one for one in found if one is not Likeness.UNKNOWN], lambda one: one is Likeness.SAME)


def _compared(term: Term[E, Any], here: E, there: E, pair: EndPair, witness: Witness) -> Likeness:
    """Compare two ends by one term; the witness knows what their values do not show."""
    found = term.compare(here, there)
    return witness(term, pair) if found is Likeness.UNKNOWN else found


class _Fault(Value, eq=False):
    """A fault of one end of a pair. of_server: the server is to change, else the client."""

    pair: EndPair
    of_server: bool

    @property
    def odd(self) -> TunnelEnd:
        """The end to change."""
        return self.pair.there if self.of_server else self.pair.here

    @property
    def right(self) -> TunnelEnd:
        """The other end."""
        return self.pair.here if self.of_server else self.pair.there


class Disagreement(_Fault, Value, Generic[E], eq=False):
    """A term that differs. decided: other clients show which end is to change."""

    table: Table[E]
    term: Term[E, Any]
    decided: bool

    @classmethod
    def of(cls, table: Table[E], term: Term[E, Any], pair: EndPair, verdict: Odd) -> Disagreement[E]:
        """Return the disagreement of a pair. If nothing decides, the client changes, or the end without protection."""
        here, there = table.views(pair)
        of_server = verdict is Odd.SERVER
        if here is not None and there is not None:
            if verdict is Odd.UNDECIDED:
                of_server = term.is_weaker(there, here)
            elif term.is_kept and term.is_weaker(here, there):
                of_server = False
        return cls(pair, of_server, table, term, verdict is not Odd.UNDECIDED)

    @property
    def _views(self) -> tuple[E | None, E | None]:
        """The odd end, and the other one."""
        here, there = self.table.views(self.pair)
        return (there, here) if self.of_server else (here, there)

    @property
    def at(self) -> tuple[str, ...]:
        """The line of the odd end, by its words."""
        view, _ = self._views
        return self.term.place(view) if view is not None else self.odd.at

    @property
    def related(self) -> tuple[str, ...]:
        """The line of the other end."""
        _, view = self._views
        return self.term.place(view) if view is not None else self.right.at

    @property
    def fix(self) -> tuple[str, ...]:
        """The lines that give the odd end the value of the other one."""
        odd, right = self._views
        return self.term.fix(odd, right) if odd is not None and right is not None else ()

    @property
    def stops(self) -> bool:
        """Whether nothing passes between the two."""
        odd, right = self._views
        return odd is not None and right is not None and self.term.stops(odd, right)

    def sentence(self, odd: str, right: str) -> str:
        """Return the difference in words. odd, right: the names of the two ends."""
        values = [self.term.see(view) for view in self._views if view is not None]
        words = [self.term.words(value) for value in values if not isinstance(value, NoValue)]
        effect = f": {self.term.effect}" if self.term.effect else ""
        if len(words) < 2 or words[0] == words[1]:
            return f"{odd} and {right} have different {self.term.name}s{effect}"
        return f"{odd} has {words[0]}, and {right} has {words[1]}{effect}"


class Failure(_Fault, Value, Generic[E], eq=False):
    """A duty of one end that fails. here: this end; there: the other one."""

    duty: Duty[E]
    what: str
    here: E
    there: E

    @property
    def at(self) -> tuple[str, ...]:
        """The line of this end, by its words."""
        return self.duty.place(self.here)

    @property
    def related(self) -> tuple[str, ...]:
        """The line of the other end."""
        return self.duty.place(self.there)

    @property
    def fix(self) -> tuple[str, ...]:
        """The lines that make it hold."""
        return self.duty.lines(self.here, self.there)

    @property
    def is_mild(self) -> bool:
        """Whether it harms nothing now."""
        return self.duty.is_mild(self.here, self.there)


def disagreements(pairs: Sequence[EndPair], table: Table[E]) -> Iterator[Disagreement[E]]:
    """Yield what differs in configurations: each term once at each end, a server that differs from all clients once."""
    of_server: dict[TunnelEnd, list[EndPair]] = {}
    for pair in pairs:
        of_server.setdefault(pair.there, []).append(pair)
    verdicts: dict[tuple[Term[E, Any], TunnelEnd], Odd] = {}
    reported: set[tuple[Term[E, Any], TunnelEnd]] = set()  # looked up, never iterated
    for pair in pairs:
        for term in table.differing(pair):
            key = term, pair.there
            if key not in verdicts:
                verdicts[key] = table.odd(term, of_server[pair.there])
            found = Disagreement.of(table, term, pair, verdicts[key])
            if (term, found.odd) not in reported:
                reported.add((term, found.odd))
                yield found
