"""Dropped packets, by reason: the counters of `GreDrops`."""

from __future__ import annotations

from dmvpn.base.values import dataclass


@dataclass(slots=True)
class Dropped:
    """Dropped packets.

    in_clear, no_sa: of protected tunnels.
    no_spi: ESP with an SPI that is not ours.
    """

    malformed: int = 0
    no_tunnel: int = 0
    no_peer: int = 0
    not_ipv4: int = 0
    unsent: int = 0
    in_clear: int = 0
    no_sa: int = 0
    no_spi: int = 0

    def count(self, why: str) -> None:
        """Count a dropped packet."""
        setattr(self, why, getattr(self, why) + 1)
