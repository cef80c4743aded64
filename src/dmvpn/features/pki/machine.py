"""Holds what trustpoints have, answers `ports.pki`, keeps keys and lists over restarts, and watches the dates.

    Configured                  certificates, as the configuration shows them
    CredentialsImported         a private key, a revocation list: kept with `Store`, never shown
    KeyPairMade                 a pair of keys, in the same way
    Remembered                  both again, in the next life

A key is not bound to a certificate: of all that are known for a trustpoint the one counts that fits. So the new pair
may come in any order, and a configuration with old certificates does not take the key away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from dmvpn.base.context import Context, Timer
from dmvpn.base.effects import Store
from dmvpn.base.events import ClockSet, EffectFailed, Remembered
from dmvpn.base.machine import Machine
from dmvpn.base.negotiation import RevocationsChanged
from dmvpn.base.notices import Configured
from dmvpn.features.pki import messages
from dmvpn.features.pki.events import CredentialsImported, KeyForgotten, KeyPairForgotten, KeyPairMade
from dmvpn.features.pki.keypairs import KeyPair, remembered
from dmvpn.features.pki.model import PkiConfig
from dmvpn.features.pki.store import KEY, LIST, is_ours, joined, meaning_of, name_of, parted

if TYPE_CHECKING:
    from dmvpn.base.events import Event, Packets
    from dmvpn.base.notices import Notice
    from dmvpn.base.ports import Ports
    from dmvpn.base.protection import Credentials
    from dmvpn.features.pki.trustpoints import Holdings

#: Seconds between two looks at the dates, at least (a certificate is good through its last second) and at most.
SHORTEST: Final = 1.0
LONGEST: Final = 86_400.0


class PkiMachine(Machine):
    """The router's trustpoints."""

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = (
        ClockSet,
        CredentialsImported,
        EffectFailed,
        KeyForgotten,
        KeyPairForgotten,
        KeyPairMade,
        Remembered,
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self._config = PkiConfig()
        self._keys: dict[str, tuple[bytes, ...]] = {}  # by trustpoint: PKCS #8
        self._lists: dict[str, tuple[bytes, ...]] = {}
        self.keypairs: dict[tuple[str, str], KeyPair] = {}  # by kind and name
        self._holdings: dict[str, Holdings] | None = None
        self._said: dict[str, str] = {}  # by what it is about: the state that was spoken of last
        self._dates = Timer("look at the dates of the certificates", self._look_at_dates)

    # ------------------------------------------------------------------------------------------------ what others ask

    def credentials(self, trustpoint: str) -> Credentials | None:
        """Return the credentials of this trustpoint; the same object until something changes."""
        held = self.holdings.get(trustpoint)
        return held.credentials if held is not None and held.counts else None

    def trustpoints(self) -> tuple[str, ...]:
        """Return trustpoints that are not empty, in the order of the configuration."""
        return tuple(name for name, held in self.holdings.items() if held.counts)

    def fits(self, name: str, certificate: bytes) -> bool:
        """Return whether a `crypto pki certificate map` of this name means the certificate (DER)."""
        entries = [entry for entry in self._config.maps if entry.name == name]
        if not entries:
            return False
        from dmvpn.features.pki.trustpoints import is_meant

        return is_meant(entries, certificate)

    @property
    def holdings(self) -> dict[str, Holdings]:
        """The content of each trustpoint, by its name."""
        if self._holdings is None:
            self._holdings = self._gather()
        return self._holdings

    def _gather(self) -> dict[str, Holdings]:
        if not self._config.trustpoints:
            return {}
        # X.509 takes longer to import than a router without certificates takes to start.
        from dmvpn.features.pki.trustpoints import gather

        return {
            trustpoint.name: gather(
                trustpoint, self._keys.get(trustpoint.name, ()), self._lists.get(trustpoint.name, ())
            )
            for trustpoint in self._config.trustpoints
        }

    # ------------------------------------------------------------------------------------------------ what happens

    def dispatch(self, event: Event | Notice) -> None:
        """Handle a configuration, imported or generated credentials, and credentials stored before a restart."""
        match event:
            case Configured(model=model):
                self._config = model if isinstance(model, PkiConfig) else PkiConfig()
                self._changed()
            case CredentialsImported():
                self._import(event)
            case KeyForgotten(trustpoint):
                self._keys.pop(trustpoint, None)
                self._context.emit(Store(name_of(trustpoint, KEY), b""))
                self._changed()
            case KeyPairMade(pair):
                self.keypairs[pair.kind, pair.name] = pair
                self._context.emit(Store(pair.stored_as, pair.stored))
            case KeyPairForgotten(kind, name) if (kind, name) in self.keypairs:
                self._context.emit(Store(self.keypairs.pop((kind, name)).stored_as, b""))
            case Remembered(name, octets):
                self._remember(name, octets)
            case EffectFailed(effect=Store(name=name), text=text) if is_ours(name):
                self._context.emit(messages.NotKept.of(name, text))
            case ClockSet():
                self._look_at_dates()

    def _changed(self) -> None:
        self._holdings = None
        self._look_at_dates()

    def _import(self, event: CredentialsImported) -> None:
        if event.key:
            # The previous key stays: its certificate is in the startup configuration until the new one is saved.
            old = tuple(key for key in self._keys.get(event.trustpoint, ()) if key != event.key)
            self._keys[event.trustpoint] = (*old[-1:], event.key)
            self._context.emit(Store(name_of(event.trustpoint, KEY), joined(self._keys[event.trustpoint])))
        if event.lists:
            self._lists[event.trustpoint] = event.lists
            self._context.emit(Store(name_of(event.trustpoint, LIST), joined(event.lists)))
        self._changed()
        if event.lists:
            self._context.emit(RevocationsChanged())

    def _remember(self, name: str, octets: bytes) -> None:
        pair = remembered(name, octets)
        if pair is not None:
            self.keypairs[pair.kind, pair.name] = pair
        meaning = meaning_of(name)
        if meaning is None or not octets:
            return
        trustpoint, kind = meaning
        kept = self._keys if kind == KEY else self._lists
        kept[trustpoint] = tuple(dict.fromkeys((*kept.get(trustpoint, ()), *parted(octets))))
        self._holdings = None

    # ------------------------------------------------------------------------------------------------ dates

    def _look_at_dates(self) -> None:
        """Log problems and problems to come; each once, and again after it was solved in between."""
        held = [one for one in self.holdings.values() if one.concerns_us]
        if not held:
            self._context.stop(self._dates)
            self._said.clear()
            return
        from dmvpn.features.pki.trustpoints import findings, next_change

        wall = self._context.ports.clock.wall(self._context.now)
        changes = (next_change(one, wall) for one in held)
        due = min(((change - wall).total_seconds() for change in changes if change is not None), default=LONGEST)
        self._context.start(self._dates, min(LONGEST, due + SHORTEST))
        found = [finding for one in held for finding in findings(one, wall)]
        self._context.emit(*(finding.log for finding in found if self._said.get(finding.about) != finding.state))
        self._said = {finding.about: finding.state for finding in found}
