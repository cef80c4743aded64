"""The seeded streams of a simulation, by purpose."""

from __future__ import annotations

from dmvpn.base.entropy import SeededEntropy


def router_entropy(seed: int, name: str, life: int = 0) -> SeededEntropy:
    """Return the stream of a router; a killed and restarted one has another life and draws other numbers."""
    return SeededEntropy(f"{seed}/{name}/{life}" if life else f"{seed}/{name}")


def secrets_entropy(seed: int) -> SeededEntropy:
    """Return the stream for salts of passwords that a file has in plain text.

    It is the same for each password, so equal passwords have equal hashes.
    """
    return SeededEntropy(f"{seed}/secrets")


def plane_entropy(seed: int, name: str, life: int = 0) -> SeededEntropy:
    """Return the stream of a router's data plane (initialization vectors), separate and not in recordings."""
    return SeededEntropy(f"{seed}/{name}/{life}/plane")
