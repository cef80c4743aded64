"""What a router is told of certificates, besides its configuration."""

from __future__ import annotations

from dataclasses import dataclass, field

from dmvpn.base.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialsImported(Event):
    """Somebody imported what no configuration shows.

    key: PKCS #8 in DER, b"": as before.
    lists: all revocation lists that count from now on, in DER; none: as before.
    """

    trustpoint: str
    key: bytes = field(default=b"", repr=False)
    lists: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyForgotten(Event):
    """`crypto key zeroize`: the private key of this trustpoint is to be no more."""

    trustpoint: str
