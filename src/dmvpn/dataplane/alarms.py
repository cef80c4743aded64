"""How often the router is told what others can make happen: ESP that nobody knows, GRE in clear, packets too big.

The same addresses are told once a second, so that one peer that lost its SAs is heard beside others; and there is a
limit to all of them together, because an address costs a forger nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.dataplane.contract import ALARMS_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Hashable


class Alarms:
    """Senders that were reported within the current second."""

    __slots__ = ("_since", "_told")

    def __init__(self) -> None:
        self._since = 0.0
        self._told: set[Hashable] = set()

    def may_tell(self, what: Hashable, now: float) -> bool:
        """Return whether this is to be told. now: seconds."""
        if not self._since <= now < self._since + 1.0:
            self._since = now
            self._told.clear()
        if what in self._told or len(self._told) >= ALARMS_PER_SECOND:
            return False
        self._told.add(what)
        return True
