"""How bad a wire is: what `lab impair` orders, for real and for simulated labs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.shells.lab.control import Json

#: Milliseconds; no wire is slower, and the frames on their way must fit into memory.
LONGEST_DELAY = 10_000.0
_KNOWN = ("delay", "loss", "rate", "cut")


@dataclass(frozen=True, slots=True)
class Badness:
    """delay: ms one way. loss: percent. rate: kbit/s, 0 = unlimited. cut: nothing passes."""

    delay: float = 0.0
    loss: float = 0.0
    rate: float = 0.0
    cut: float = 0.0

    @classmethod
    def read(cls, request: Mapping[str, Json]) -> Badness:
        """What an order says, besides what to `do` and with which `link`. Raises UserError."""
        settings = {name: value for name, value in request.items() if name not in ("do", "link")}
        if any(name not in _KNOWN for name in settings):
            raise UserError("impair knows delay (ms), loss (percent), rate (kbit/s) and cut")
        try:
            badness = cls(**{name: float(str(value)) for name, value in settings.items()})
        except ValueError as error:
            raise UserError("impair takes numbers") from error
        # Written so that what is no number ("nan") is refused, too.
        if not (0 <= badness.delay <= LONGEST_DELAY and 0 <= badness.loss <= 100):
            raise UserError(f"delay is 0 to {LONGEST_DELAY:.0f} ms, loss 0 to 100 percent")
        if not (badness.rate == 0 or 1 <= badness.rate < float("inf")):
            raise UserError("rate is at least 1 kbit/s, or 0 for a wire without limit")
        return badness

    @property
    def harmless(self) -> bool:
        """Nothing is wrong with the wire."""
        return self == Badness()
