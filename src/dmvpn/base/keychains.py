"""Key chains: keys of routing protocols under one name. Every key is valid at all times (lifetimes are kept alone)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a key chain. algorithm: as `cryptographic-algorithm` has it, "" if nothing is said."""

    number: int
    text: str = field(repr=False)
    algorithm: str = ""


@dataclass(frozen=True, slots=True)
class KeyChain:
    """`key chain`. keys: those with a text, by their numbers; which one seals what is sent, each protocol says."""

    name: str
    keys: tuple[Key, ...]
