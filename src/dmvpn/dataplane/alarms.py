"""Rate limit for reports that a stranger can cause: ESP with an unknown SPI, GRE in clear, packets too big.

Reports about the same addresses are sent once a second, so that reports about one peer do not crowd out those about
others that lost their SAs; and there is a limit to all of them together, because an address costs a forger nothing.
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
        self._told: dict[Hashable, None] = {}  # empty it has a third of the octets of a set

    def may_tell(self, what: Hashable, now: float) -> bool:
        """Return whether to send this report. now: seconds."""
        if not self._since <= now < self._since + 1.0:
            self._since = now
            self._told.clear()
        if what in self._told or len(self._told) >= ALARMS_PER_SECOND:
            return False
        self._told[what] = None
        return True
