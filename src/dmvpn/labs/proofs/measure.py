"""What many verdicts on the doctor come to."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.labs.proofs.case import Harm
from dmvpn.labs.proofs.judging import Judged

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Measure:
    """What came of all of it."""

    faults: list[Judged] = field(default_factory=list)
    healthy: list[Judged] = field(default_factory=list)

    @property
    def now(self) -> list[Judged]:
        """Those that harm now."""
        return [one for one in self.faults if one.harm is Harm.NOW]

    def lines(self) -> Iterator[str]:
        """Yield the table."""
        now = self.now or [Judged(name="", network="", what="", harm=Harm.NOW)]
        total = len(now)
        harmless = [one for one in self.faults if one.harm is Harm.NONE]

        def share(name: str, count: int, of: int) -> str:
            return f"{name:<28}{count:>5} of {of:<5}{count / max(1, of):>7.1%}"

        latent = sum(one.harm is Harm.LATENT for one in self.faults)
        slight = [one for one in self.faults if one.harm is Harm.SLIGHT]
        when = f"{len(self.now)} harm now, {len(slight)} a little, {latent} later"
        yield f"{len(self.faults)} faults: {when}, the rest nobody"
        yield share("first", sum(one.rank == 1 for one in now), total)
        yield share("among three", sum(one.rank > 0 for one in now), total)
        yield share("wrong as certain", sum(bool(one.wrong) for one in now), total)
        yield share("nothing is broken", sum(one.nothing for one in now), total)
        yield share("a little loss, and first", sum(one.rank == 1 for one in slight), len(slight))
        yield share("healthy accused", sum(one.accused for one in self.healthy), len(self.healthy))
        yield share("harmless called broken", sum(one.accused for one in harmless), len(harmless))
