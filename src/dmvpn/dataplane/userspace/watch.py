"""What a plane asks of its event loop: call me when this descriptor is readable, or in a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Watch(Protocol):
    """An event loop, seen from a plane (asyncio's `add_reader`; in tests a `selectors` loop)."""

    def add(self, descriptor: int, ready: Callable[[], None]) -> None:
        """Call `ready` whenever the descriptor is readable."""
        ...

    def remove(self, descriptor: int) -> None:
        """Stop watching."""
        ...


class Loop(Watch, Protocol):
    """An event loop that also has a clock."""

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call it once, after so many seconds."""
        ...
