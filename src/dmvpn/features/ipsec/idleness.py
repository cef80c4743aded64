"""Connections that nobody uses: deleted when neither a tunnel nor NHRP wants them and nothing has passed for long.

A wanted connection is kept, however silent it is: a plane does not report the packet that would have to bring it back,
and IOS would negotiate again with that packet. So `set security-association idle-time` shortens the wait for what
nobody wants: NHRP lets a shortcut go when its entry ends, and with it the SAs. Of several connections between the same
addresses (peers behind one NAT) nobody can say which one is wanted: the silent ones are asked whether they live.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dmvpn.base.protection import SaCount

#: Seconds of silence where nothing is configured. A client that was refused tries again every 64 s (NHRP).
UNWANTED_IDLE: Final = 120.0


class Idleness:
    """By connection: when something passed last, as far as the counters show, or since when it has been of no use."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}

    def used(self, connection: int, now: float) -> None:
        """Begin the time again: something passed, or somebody wants the connection."""
        self._since[connection] = now

    def since(self, connection: int, now: float) -> float:
        """Return since when it has been idle."""
        return self._since.setdefault(connection, now)

    def forget(self, connection: int) -> None:
        """Forget a connection that is gone."""
        self._since.pop(connection, None)


def passed(before: SaCount | None, count: SaCount) -> bool:
    """Return whether anything passed between two counts."""
    return (count.sent, count.received) != ((before.sent, before.received) if before is not None else (0, 0))
