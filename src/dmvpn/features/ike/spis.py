"""SPIs of ESP: which numbers are reserved, and which this router has chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmvpn.base.entropy import Entropy


def is_reserved(spi: bytes) -> bool:
    """Return whether this is no SPI of ESP, which has 4 octets; 0 to 255 are reserved (RFC 4303 §2.1)."""
    return len(spi) != 4 or int.from_bytes(spi, "big") <= 255


class EspSpis:
    """The inbound SPIs of a router: no two of its pairs of SAs may have the same one, even with different peers.

    32 random bits alone are not enough: among 10,000 pairs that live an hour, two would be equal every other day.
    """

    __slots__ = ("_taken",)

    def __init__(self) -> None:
        self._taken: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._taken)

    def __contains__(self, spi: bytes) -> bool:
        return spi in self._taken

    def fresh(self, entropy: Entropy) -> bytes:
        """Return 4 octets that no pair has."""
        while is_reserved(spi := entropy.octets(4)) or spi in self._taken:
            pass
        return spi

    def take(self, spi: bytes) -> None:
        """Note that a pair has it now."""
        self._taken.add(spi)

    def free(self, spi: bytes) -> None:
        """Free it: nothing can come for it any more."""
        self._taken.discard(spi)
