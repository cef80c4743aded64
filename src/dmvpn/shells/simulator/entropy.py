"""The seeded streams of a simulation, by what they are for."""

from __future__ import annotations

from dmvpn.base.entropy import SeededEntropy


def router_entropy(seed: int, name: str, life: int = 0) -> SeededEntropy:
    """Return what a router draws from; a killed and restarted one has another life and draws other numbers."""
    return SeededEntropy(f"{seed}/{name}/{life}" if life else f"{seed}/{name}")


def secrets_entropy(seed: int) -> SeededEntropy:
    """Return what the salts of passwords are drawn from that a file has in plain text: of one password all have one
    hash.
    """
    return SeededEntropy(f"{seed}/secrets")


def plane_entropy(seed: int, name: str, life: int = 0) -> SeededEntropy:
    """Return what a router's data plane draws from (initialization vectors): a stream of its own, no part of a
    recording.
    """
    return SeededEntropy(f"{seed}/{name}/{life}/plane")
