"""Events about certificates, besides the configuration."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.events import Event
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.features.pki.keypairs import KeyPair


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialsImported(Event):
    """A user imported credentials that no configuration shows.

    key: PKCS #8 in DER, b"": as before.
    lists: all revocation lists that count from now on, in DER; none: as before.
    """

    trustpoint: str
    key: bytes = field(default=b"", repr=False)
    lists: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyForgotten(Event):
    """`crypto key zeroize NAME`: delete the private key of this trustpoint."""

    trustpoint: str


@dataclass(frozen=True, slots=True)
class KeyPairMade(Event):
    """`crypto key generate`: a pair of keys is to be kept."""

    pair: KeyPair


@dataclass(frozen=True, slots=True)
class KeyPairForgotten(Event):
    """`crypto key zeroize rsa`: delete a pair."""

    kind: str
    name: str
