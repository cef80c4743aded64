"""Records which lines are read while a value is made from a configuration, so that no dependency has to be declared.

The value stays valid as long as none of these lines changes, whether it was configured or not.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.ios.config_line import ConfigLine

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Stands for every line: something was read of a section that any line can change.
EVERYTHING: Final = ConfigLine("", "", "")


@dataclass(slots=True)
class AskedLines:
    """Which lines were asked for. within: nothing outside of this section may be asked; None: anything may."""

    lines: set[ConfigLine]
    within: object = None


_READING: ContextVar[AskedLines | None] = ContextVar("_READING", default=None)


def asked() -> AskedLines | None:
    """Return the lines recorded so far; None: nothing is recorded."""
    return _READING.get()


@contextmanager
def noting(reading: AskedLines) -> Iterator[None]:
    """Record the lines that are read meanwhile."""
    token = _READING.set(reading)
    try:
        yield
    finally:
        _READING.reset(token)


@contextmanager
def reading() -> Iterator[set[ConfigLine]]:
    """Note which lines are asked for meanwhile, of any section of any tree (`ConfigTree.take_touched`)."""
    lines: set[ConfigLine] = set()
    with noting(AskedLines(lines)):
        yield lines
