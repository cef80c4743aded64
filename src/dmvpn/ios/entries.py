"""What became of the lines of a text.

LineReport      a line that does not simply hold, and what became of it
Problem         what a router says of a line: a refusal, or a warning
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.ios.groups import UNKNOWN
from dmvpn.ios.redaction import without_keys

if TYPE_CHECKING:
    from dmvpn.ios.groups import LineGroup
    from dmvpn.ios.releases import PutIn, Release
    from dmvpn.ios.tree import ConfigTree


class Fate(enum.Enum):
    """What became of a line."""

    KEPT = "kept"
    LEFT_OUT = "left out"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class LineReport:
    """A line that does not simply hold.

    path: the sections around it, outermost first.
    is_stray: it is below a line that was refused, or outside of any tunnel, so the path does not apply to it.
    is_loss: nothing is wrong with it, but the lines behind it are missing.
    """

    number: int
    text: str
    mode: str
    path: tuple[str, ...]
    fate: Fate
    group: LineGroup | None = None
    message_lines: tuple[str, ...] = ()
    is_stray: bool = False
    is_loss: bool = False

    @property
    def shown(self) -> str:
        """The line without its key."""
        return without_keys(self.text, is_listed=self.group not in (None, UNKNOWN))


@dataclass(frozen=True, slots=True)
class Problem:
    """A line of a file that was refused, or taken with a warning."""

    line_number: int
    text: str
    mode: str
    message_lines: tuple[str, ...]
    is_warning: bool = False

    @property
    def shown(self) -> str:
        """The line without its key."""
        return without_keys(self.text)


@dataclass(frozen=True, slots=True)
class ConfigResult:
    """What a text made of a configuration.

    release: the one whose defaults hold for it, None: ours do.
    put_in: the lines that it has on without showing them.
    is_moved: definitions below their use were taken as if they were above it.
    """

    tree: ConfigTree
    problems: tuple[Problem, ...]
    entries: tuple[LineReport, ...] = ()
    release: Release | None = None
    put_in: tuple[PutIn, ...] = ()
    is_moved: bool = False
