"""Next hop servers by host name: `ip nhrp nhs ... nbma NAME`.

A name that `ip host` gives an address needs nobody else. Any other is asked for when it is first needed, again after
1, 2, 4 ... 64 seconds while nobody knows it, and once a minute while the server behind it does not answer: it may have
got another address. `ip domain lookup` is about names that people type; who names a server wants it looked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.base.effects import Resolve
from dmvpn.features.nhrp.station import Station, Timer, TimerKind

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import NameResolved
    from dmvpn.features.nhrp.model import NhrpConfig

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
        self._hosts: dict[str, IPAddress] = {}
        self._domain = ""
        self._names: dict[str, _Name] = {}

    def configure(self, config: NhrpConfig) -> None:
        """The table of `ip host`, the domain of names without a dot; and which names are mentioned at all."""
        self._hosts = {name.lower(): address for name, address in config.hosts}
        self._domain = config.domain
        mentioned = {self._qualified(nhs.name) for tunnel in config.tunnels for nhs in tunnel.nhs if nhs.name}
        for name in [name for name in self._names if name not in mentioned]:
            # Whoever mentions it again wants the address that it has then.
            del self._names[name]
            self._station.deadlines.cancel(Timer(TimerKind.NAME, "", name))

    def address(self, name: str) -> IPAddress | None:
        """The NBMA address behind a name, if it is known already; if not it is asked for."""
        if (address := self._in_table(name)) is not None:
            return address
        known = self._names.get(self._qualified(name))
        if known is None:
            self._ask(self._qualified(name))
            return None
        return known.address

    def doubt(self, name: str) -> None:
        """The server behind the name does not answer."""
        known = self._names.get(self._qualified(name)) if self._in_table(name) is None else None
        if known is not None and known.address is not None and self._station.now - known.asked_at >= DOUBT_INTERVAL:
            self._ask(self._qualified(name))

    def resolved(self, event: NameResolved) -> bool:
        """The name service answered. True if that changes an address."""
        known = self._names.get(event.name)
        if known is None:
            return False
        # GRE over IPv4 is what there is: a name may have other addresses besides, but not alone.
        usable = [address for address in event.addresses if address.version == 4]
        if not usable:
            self._station.deadlines.set(Timer(TimerKind.NAME, "", event.name), self._station.now + known.retry)
            known.retry = min(2 * known.retry, LONGEST_RETRY)
            return False
        known.retry = FIRST_RETRY
        if known.address in event.addresses:
            return False
        known.address = usable[0]
        return True

    def due(self, timer: Timer) -> None:
        """Ask again."""
        if isinstance(timer.subject, str):
            self._ask(timer.subject)

    def _in_table(self, name: str) -> IPAddress | None:
        return self._hosts.get(name.lower()) or self._hosts.get(f"{name}.{self._domain}".lower())

    def _qualified(self, name: str) -> str:
        """What to ask the name service for."""
        return f"{name}.{self._domain}" if self._domain and "." not in name else name

    def _ask(self, name: str) -> None:
        known = self._names.setdefault(name, _Name())
        known.asked_at = self._station.now
        self._station.emit(Resolve(name))
