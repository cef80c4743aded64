"""SPIs that we choose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.ikev2.wire.message import NO_SPI

if TYPE_CHECKING:
    from dmvpn.base.entropy import Entropy


def fresh_spi(entropy: Entropy) -> bytes:
    """8 octets that are not all zero (RFC 7296 §3.1)."""
    while (spi := entropy.octets(8)) == NO_SPI:
        pass
    return spi


def is_reserved(spi: bytes) -> bool:
    """Is this no SPI of ESP? 4 octets; 0 to 255 are reserved (RFC 4303 §2.1)."""
    return len(spi) != 4 or int.from_bytes(spi, "big") <= 255


class EspSpis:
    """The inbound SPIs of a router: no two of its pairs of SAs may have the same, whoever their peers are.

    32 bits by chance alone are not enough: among 10,000 pairs that live an hour, two would meet every other day.
    """

    __slots__ = ("_taken",)

    def __init__(self) -> None:
        self._taken: set[bytes] = set()

    def fresh(self, entropy: Entropy) -> bytes:
        """4 octets that no pair has."""
        while is_reserved(spi := entropy.octets(4)) or spi in self._taken:
            pass
        return spi

    def take(self, spi: bytes) -> None:
        """A pair has it now."""
        self._taken.add(spi)

    def free(self, spi: bytes) -> None:
        """Nothing can come for it any more."""
        self._taken.discard(spi)
