"""Those who are at the door and have not logged in yet: so many from one address, and so many in all."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

MOST_FROM_ONE: Final = 10
MOST: Final = 64


class Visitors:
    """Connections before their login, over all gates of a process. A machine may come to itself at will."""

    def __init__(self) -> None:
        self._waiting: dict[str, int] = {}

    def admit(self, location: str) -> bool:
        """Return whether one more who comes from there may wait. Then `leave` must follow."""
        own = self._waiting.get(location, 0)
        if sum(self._waiting.values()) >= MOST or (own >= MOST_FROM_ONE and not ip_address(location).is_loopback):
            return False
        self._waiting[location] = own + 1
        return True

    def leave(self, location: str) -> None:
        """Note that one of them has logged in, or gone."""
        self._waiting[location] -= 1
        if not self._waiting[location]:
            del self._waiting[location]
