"""What many verdicts on the doctor come to."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.labs.proofs.case import Harm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.labs.proofs.judging import Judged


@dataclass(slots=True)
class Measure:
    """Verdicts on networks with a fault, and on networks that are well."""

    faults: list[Judged] = field(default_factory=list)
    healthy: list[Judged] = field(default_factory=list)

    @property
    def now(self) -> list[Judged]:
        """The verdicts on faults that harm now."""
        return [one for one in self.faults if one.harm is Harm.NOW]

    def lines(self) -> Iterator[str]:
        """Yield the table."""
        now, harmless, slight, latent = (
            [one for one in self.faults if one.harm is harm] for harm in (Harm.NOW, Harm.NONE, Harm.SLIGHT, Harm.LATENT)
        )
        entered = [one for one in now if one.left is not None]
        when = f"{len(now)} harm now, {len(slight)} a little, {len(latent)} later, {len(harmless)} never"
        yield f"{len(self.faults)} faults: {when}"
        yield _share("cause named first", sum(one.rank == 1 for one in now), len(now))
        yield _share("cause among the first three", sum(one.rank > 0 for one in now), len(now))
        yield _share("wrong cause as certain", sum(bool(one.wrong) for one in now), len(now))
        yield _share("called well", sum(one.nothing for one in now), len(now))
        if entered:
            yield _share("lines restore everything", sum(not one.left for one in entered), len(entered))
        yield _share("slight loss: named first", sum(one.rank == 1 for one in slight), len(slight))
        yield _share("well networks accused", sum(one.accused for one in self.healthy), len(self.healthy))
        yield _share("harmless faults accused", sum(one.accused for one in harmless), len(harmless))

    def mechanisms(self) -> Iterator[str]:
        """Yield a table with a row for each mechanism that harms now."""
        names = sorted({one.mechanism for one in self.now})
        width = max(map(len, ("mechanism", *names)))
        yield f"{'mechanism':<{width}}  harm now  first  among three"
        for name in names:
            mine = [one for one in self.now if one.mechanism == name]
            first, three = sum(one.rank == 1 for one in mine), sum(one.rank > 0 for one in mine)
            yield f"{name:<{width}}  {len(mine):>8}  {first:>5}  {three:>11}"


def _share(name: str, count: int, of: int) -> str:
    return f"{name:<28}{count:>5} of {of:<5}{count / max(1, of):>7.1%}"
