"""What an ISAKMP SA wants of the others with the same peer: `IsakmpSas` does it, and nothing above hears of it."""

from __future__ import annotations

from dmvpn.base.values import dataclass
from dmvpn.features.ike.session import SaAct


@dataclass(frozen=True, slots=True)
class Withdrawn(SaAct):
    """The peer has deleted SAs of this protocol. They may belong to another ISAKMP SA with the same peer."""

    protocol: int
    spis: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Unconfirmed(SaAct):
    """The peer has not confirmed a child, which another ISAKMP SA with the same peer has by now."""

    spi_in: bytes


@dataclass(frozen=True, slots=True)
class RekeyWanted(SaAct):
    """Another ISAKMP SA must take its place: a second main mode (RFC 2409 has no other way)."""
