"""Sources of unpredictable numbers. They are injected, so that a simulation with a seed and a replay draw the same
ones.

Real routers draw from the operating system; the simulator from a seeded stream; a recorder writes every draw down.
"""

from __future__ import annotations

import hashlib
from typing import Protocol


class Entropy(Protocol):
    """A source of octets. Machines ask for octets and derive the rest with the functions below."""

    def octets(self, count: int) -> bytes:
        """Return `count` unpredictable octets."""


class SeededEntropy:
    """A reproducible stream: SHA-256 in counter mode over a seed. For simulations and tests, never for keys."""

    __slots__ = ("_buffer", "_counter", "_seed")

    def __init__(self, seed: int | str | bytes) -> None:
        self._seed = seed if isinstance(seed, bytes) else str(seed).encode()
        self._counter = 0
        self._buffer = b""

    def octets(self, count: int) -> bytes:
        """Return the next `count` octets of the stream."""
        while len(self._buffer) < count:
            block = hashlib.sha256(self._seed + self._counter.to_bytes(8, "big")).digest()
            self._buffer += block
            self._counter += 1
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken


def below(entropy: Entropy, limit: int) -> int:
    """Draw a number from 0 to `limit` - 1. Eight octets a draw: the bias is under 2^-32 for any limit below 2^32."""
    return int.from_bytes(entropy.octets(8), "big") % limit


def fraction(entropy: Entropy) -> float:
    """Draw a number from 0.0 up to, not including, 1.0."""
    return int.from_bytes(entropy.octets(6), "big") / (1 << 48)


def jittered(entropy: Entropy, seconds: float, spread: float = 0.1) -> float:
    """Change `seconds` by up to ±`spread` of itself, so that many routers do not act in step."""
    return seconds * (1.0 - spread + 2.0 * spread * fraction(entropy))


def made_hardware(names: str) -> bytes:
    """Return the hardware address of a port that has none, as in the simulator: a local one (IEEE 802 §8.2.2).

    names: of its node and of itself.
    """
    return b"\x02" + SeededEntropy(names).octets(5)
