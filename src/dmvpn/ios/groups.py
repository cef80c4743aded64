"""What a line of IOS is about that this program takes and does not act upon."""

from __future__ import annotations

import enum

from dmvpn.base.values import dataclass


class LineStanding(enum.Enum):
    """What becomes of a line."""

    SILENT = "silent"
    """The router behaves so anyway, or the line does not matter."""
    KEPT = "kept"
    """It is kept and shown, and nothing acts on it."""
    RESTRICTS = "restricts"
    """It would keep packets back; without it they pass, so it is never taken in silence."""
    DIVERTS = "diverts"
    """It would send packets another way, or keep tables apart; the same."""
    APART = "apart"
    """It would keep tables apart. That of a file is in the configuration, and no less left out: half of it is done."""
    PROTECTS = "protects"
    """It is a part of what protects tunnels; without it they would be protected otherwise, so they stay down."""


@dataclass(frozen=True, slots=True)
class LineGroup:
    """Lines about one thing. meaning: what their absence means for a DMVPN."""

    name: str
    standing: LineStanding
    meaning: str = ""

    @property
    def is_left_out(self) -> bool:
        """Whether the configuration has another meaning without such a line."""
        return self.standing in (
            LineStanding.RESTRICTS,
            LineStanding.DIVERTS,
            LineStanding.APART,
            LineStanding.PROTECTS,
        )

    @property
    def protects(self) -> bool:
        """Whether tunnels would be protected differently without such a line. Then it is always refused."""
        return self.standing is LineStanding.PROTECTS


#: Lines that no table lists.
UNKNOWN = LineGroup("unknown lines", LineStanding.KEPT, "nobody here knows what they do")
