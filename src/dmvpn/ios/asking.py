"""Which lines are asked for while something is made of a configuration, so that nobody has to declare it.

What was made is still right as long as none of these lines changed, whether they were configured or not.
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
    """Return what is being noted; None: nobody wants to know."""
    return _READING.get()


@contextmanager
def noting(reading: AskedLines) -> Iterator[None]:
    """Note there what is asked for meanwhile."""
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
