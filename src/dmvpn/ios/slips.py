"""Misspellings: a word that is one edit away from a word of ours is not treated as an unknown word."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Shorter words are too near to each other.
_SHORTEST: Final = 4
_LONGEST: Final = 40


@lru_cache(maxsize=4_096)
def slip_of(word: str, known: frozenset[str]) -> bool:
    """Return whether one letter more, less or other, or two that change places, would make a word of `known`."""
    if not _SHORTEST <= len(word) <= _LONGEST or word in known or not _may_be(word, known):
        return False
    own = frozenset(_without_one(word))
    if word in _one_less(known) or not own.isdisjoint(known):
        return True
    if not own.isdisjoint(_one_less(known)):
        return any(_is_near(word, other) for other in sorted(known) if len(other) == len(word))
    return False


def _may_be(word: str, known: frozenset[str]) -> bool:
    """Return whether the first letters, or the last, are those of a known word. One edit leaves one half as it was."""
    half = len(word) // 2 - 1
    beginnings, ends = _halves(known)
    return word[:half] in beginnings or word[-half:] in ends


@lru_cache(maxsize=64)
def _halves(known: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    beginnings = frozenset(word[:end] for word in known for end in range(1, len(word) + 1))
    return beginnings, frozenset(word[start:] for word in known for start in range(len(word)))


@lru_cache(maxsize=64)
def _one_less(known: frozenset[str]) -> frozenset[str]:
    return frozenset(shorter for word in known if len(word) >= _SHORTEST for shorter in _without_one(word))


def _without_one(word: str) -> Iterator[str]:
    for index in range(len(word)):
        yield word[:index] + word[index + 1 :]


def _is_near(word: str, other: str) -> bool:
    """Return whether of two words of one length one letter is another, or two neighbors changed places."""
    differing = [index for index in range(len(word)) if word[index] != other[index]]
    if len(differing) == 1:
        return True
    if len(differing) != 2 or differing[1] != differing[0] + 1:
        return False
    first, second = differing
    return word[first] == other[second] and word[second] == other[first]
