"""Holds what trustpoints have, answers `ports.pki`, keeps keys and lists over restarts, and watches the dates.

    Configured                  certificates, as the configuration shows them
    CredentialsImported         a private key, a revocation list: kept with `Store`, never shown
    KeyPairMade                 a pair of keys, in the same way
    Remembered                  both again, in the next life

A key is not bound to a certificate: of all that are known for a trustpoint the one counts that fits. So the new pair
may come in any order, and a configuration with old certificates does not take the key away. Pairs of keys that `crypto
key generate` makes are kept outside of the configuration, as on IOS.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, ClassVar, Final

from dmvpn.base.context import Context, Machine, Timer
from dmvpn.base.effects import Store
from dmvpn.base.events import ClockSet, EffectFailed, Event, Packets, Remembered
from dmvpn.base.negotiation import RevocationsChanged
from dmvpn.base.notices import Configured, Notice
from dmvpn.base.values import Value
from dmvpn.features.pki import messages
from dmvpn.features.pki.model import PkiConfig

if TYPE_CHECKING:
    from dmvpn.base.ports import Ports
    from dmvpn.base.protection import Credentials
    from dmvpn.features.pki.trustpoints import Holdings

RSA, EC = "RSA", "EC"
#: Of one router.
MOST: Final = 32
_STORED: Final = re.compile(rb"(RSA|EC) (\d{1,12}) ([^\n]{1,256})\n(.+)", re.DOTALL)
_KEYPAIR: Final = re.compile(r"keypair-[0-9a-f]{2,512}\Z")


class KeyPair(Value):
    """A pair.

    kind: RSA or EC.
    made: seconds since 1970.
    private: PKCS #8 in DER.
    """

    name: str
    kind: str
    made: int
    private: bytes = field(repr=False)

    @property
    def stored_as(self) -> str:
        """The name under which the router keeps it."""
        return f"keypair-{f'{self.kind} {self.name}'.encode().hex()}"

    @property
    def stored(self) -> bytes:
        """What the router keeps."""
        return f"{self.kind} {self.made} {self.name}\n".encode() + self.private

    @property
    def public(self) -> bytes:
        """The public half: SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7)."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

        public = load_der_private_key(self.private, None).public_key()
        return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def is_keypair(name: str) -> bool:
    """Return whether a pair is kept under this name."""
    return _KEYPAIR.match(name) is not None


def remembered(name: str, octets: bytes) -> KeyPair | None:
    """Return the pair that a router kept under this name; None: the name is not a key pair's, or the pair is damaged,
    or was removed.
    """
    found = _STORED.fullmatch(octets) if is_keypair(name) else None
    if found is None:
        return None
    kind, made, label, private = found.groups()
    pair = KeyPair(label.decode("utf-8", "replace"), kind.decode(), int(made), private)
    try:
        return pair if pair.stored_as == name and pair.public else None
    except (ValueError, TypeError):
        return None


def generated(name: str, kind: str, bits: int, made: int) -> KeyPair:
    """Generate a new pair; it takes up to seconds, so a session calls this in a thread."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    curves = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}
    key = rsa.generate_private_key(65537, bits) if kind == RSA else ec.generate_private_key(curves[bits])
    return KeyPair(name, kind, made, key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


KEY, LIST = "key", "crl"
#: Octets of all revocation lists of a trustpoint: longer values would not survive a restart.
LARGEST: Final = 1 << 16
_LONG: Final = 0x80
_NAME: Final = re.compile(r"pki-(.+)\.(key|crl)\Z")
_ODD: Final = re.compile(r"[^A-Za-z0-9_-]")
_QUOTED: Final = re.compile(r"%([0-9a-f]+)%")


def name_of(trustpoint: str, kind: str) -> str:
    """Return the name under which it is kept: of a file, so of letters that no file system minds."""
    return f"pki-{_ODD.sub(lambda match: f'%{ord(match[0]):x}%', trustpoint)}.{kind}"


def meaning_of(name: str) -> tuple[str, str] | None:
    """Return the trustpoint and the kind of a stored value, by its name; None: the name is not of this feature."""
    match = _NAME.match(name)
    return None if match is None else (_QUOTED.sub(lambda quoted: chr(int(quoted[1], 16)), match[1]), match[2])


def is_ours(name: str) -> bool:
    """Return whether this feature keeps something under this name."""
    return meaning_of(name) is not None or is_keypair(name)


def joined(values: tuple[bytes, ...]) -> bytes:
    """Join several DER values to one."""
    return b"".join(values)


def parted(octets: bytes) -> tuple[bytes, ...]:
    """Return the DER values that follow each other; damaged octets are the last one."""
    found: list[bytes] = []
    while octets:
        end = _end(octets)
        found.append(octets[:end])
        octets = octets[end:]
    return tuple(found)


def _end(octets: bytes) -> int:
    """Return where the first DER value ends (X.690 §8.1.3)."""
    if len(octets) < 2 or not octets[1] & _LONG:
        return 2 + octets[1] if len(octets) > 1 else len(octets)
    width = octets[1] & ~_LONG
    return min(len(octets), 2 + width + int.from_bytes(octets[2 : 2 + width], "big"))


class CredentialsImported(Event, Value, kw_only=True):
    """A user imported credentials that no configuration shows.

    key: PKCS #8 in DER, b"": as before.
    lists: all revocation lists that count from now on, in DER; none: as before.
    """

    trustpoint: str
    key: bytes = field(default=b"", repr=False)
    lists: tuple[bytes, ...] = ()


class KeyForgotten(Event, Value):
    """`crypto key zeroize NAME`: delete the private key of this trustpoint."""

    trustpoint: str


class KeyPairMade(Event, Value):
    """`crypto key generate`: a pair of keys is to be kept under this name."""

    name: str
    octets: bytes = field(repr=False)


class KeyPairForgotten(Event, Value):
    """`crypto key zeroize rsa`: delete a pair."""

    kind: str
    name: str


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
            case KeyPairMade(name, octets):
                self._remember(name, octets)
                self._context.emit(Store(name, octets))
            case KeyPairForgotten(kind, name) if (kind, name) in self.keypairs:
                self._context.emit(Store(self.keypairs.pop((kind, name)).stored_as, b""))
            case Remembered(name, octets):
                self._remember(name, octets)
            case EffectFailed(effect=Store(name=name), text=text) if is_ours(name):
                self._context.emit(messages.not_kept(name, text))
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
