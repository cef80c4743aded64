"""Next hop servers by host name: `ip nhrp nhs ... nbma NAME`.

A name is asked for when it is first needed, again after 1, 2, 4 ... 64 seconds while nobody knows it, and once a minute
while the server behind it does not answer: it may have got another address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.base.effects import Resolve
from dmvpn.features.nhrp.station import Station, Timer, TimerKind

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import NameResolved

FIRST_RETRY = 1.0
LONGEST_RETRY = 64.0
#: Seconds between two questions for a name whose server does not answer.
DOUBT_INTERVAL = 60.0


@dataclass(slots=True)
class _Name:
    address: IPAddress | None = None
    retry: float = FIRST_RETRY
    asked_at: float = 0.0


class Names:
    """The host names that the configuration mentions, and their addresses."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._names: dict[str, _Name] = {}

    def address(self, name: str) -> IPAddress | None:
        """The NBMA address behind a name, if it is known already; if not it is asked for."""
        known = self._names.get(name)
        if known is None:
            self._ask(name)
            return None
        return known.address

    def doubt(self, name: str) -> None:
        """The server behind the name does not answer."""
        known = self._names.get(name)
        if known is not None and known.address is not None and self._station.now - known.asked_at >= DOUBT_INTERVAL:
            self._ask(name)

    def resolved(self, event: NameResolved) -> bool:
        """The name service answered. True if that changes an address."""
        known = self._names.get(event.name)
        if known is None:
            return False
        if not event.addresses:
            self._station.deadlines.set(Timer(TimerKind.NAME, "", event.name), self._station.now + known.retry)
            known.retry = min(2 * known.retry, LONGEST_RETRY)
            return False
        known.retry = FIRST_RETRY
        if known.address in event.addresses:
            return False
        known.address = event.addresses[0]
        return True

    def due(self, timer: Timer) -> None:
        """Ask again."""
        if isinstance(timer.subject, str):
            self._ask(timer.subject)

    def _ask(self, name: str) -> None:
        known = self._names.setdefault(name, _Name())
        known.asked_at = self._station.now
        self._station.emit(Resolve(name))
