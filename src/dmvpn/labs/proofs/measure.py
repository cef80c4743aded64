"""What many verdicts of a proof come to: a table of shares, and a table with a row for each mechanism."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Generic, TypeVar

from dmvpn.base.values import dataclass
from dmvpn.labs.proofs.case import Harm
from dmvpn.labs.proofs.judging import Judged
from dmvpn.labs.proofs.linting import Linted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

V = TypeVar("V", bound=Judged | Linted)


@dataclass(slots=True)
class _Verdicts(Generic[V]):
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


class Measure(_Verdicts[Judged]):
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
