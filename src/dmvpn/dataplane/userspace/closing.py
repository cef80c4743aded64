"""TAPs that go: several at a time.

The kernel takes about 20 ms to remove an interface, and nearly all of it waits for other processors. Removals in many
threads wait together: a hundred interfaces that go with their VRFs take as long as a few. So TAPs that go with the
effects of one event stay until its end, down and without orders, and are closed together.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.dataplane.tap import Tap

#: Removals at a time. With more of them, requests of all programs to the kernel wait longer.
_AT_A_TIME: Final = 16


class Closing:
    """The TAPs that go."""

    def __init__(self) -> None:
        self._together = 0
        self._going: dict[str, Tap] = {}

    @contextmanager
    def together(self) -> Iterator[None]:
        """Postpone the removal of TAPs to the end, and remove them all at once."""
        self._together += 1
        try:
            yield
        finally:
            self._together -= 1
            if not self._together:
                self._close(list(self._going.values()))
                self._going.clear()

    def close(self, tap: Tap) -> None:
        """Close a TAP: now, or at the end of `together`."""
        if self._together:
            self._going[tap.name] = tap
        else:
            tap.close()

    def make_way(self, name: str) -> None:
        """Close the TAP of this name, if it is still there: another one is to be made."""
        tap = self._going.pop(name, None)
        if tap is not None:
            tap.close()

    @staticmethod
    def _close(taps: list[Tap]) -> None:
        if len(taps) < 2:
            for tap in taps:
                tap.close()
            return
        with ThreadPoolExecutor(min(len(taps), _AT_A_TIME)) as pool:
            for closed in [pool.submit(tap.close) for tap in taps]:
                closed.result()
