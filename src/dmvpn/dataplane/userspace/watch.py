"""The event loop as a plane needs it: calls when a descriptor is readable, or after some time."""

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
        """Call `call` once, after so many seconds."""
        ...
