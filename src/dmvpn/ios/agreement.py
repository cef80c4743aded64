"""Which entries of one command have a value: `no ip route 10.1.0.0 ...` must not look at all of a long file's routes.

An index of one section's entries, built at the first query of a long section; from then on it is kept up to date.
Features have further indexes (`Section.index`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Hashable

    from dmvpn.ios.grammar import Args

#: So few entries are looked at one by one.
FEW: Final = 32


class Index(Protocol):
    """An index of the entries of one command in one section. Made without arguments."""

    def add(self, key: Hashable, args: Args) -> None:
        """Add an entry, the last one so far."""

    def remove(self, key: Hashable, args: Args) -> None:
        """Remove an entry that is gone."""


class Agreement:
    """Keys of entries by name and value of their arguments."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: dict[tuple[str, Hashable], dict[Hashable, None]] = {}

    def add(self, key: Hashable, args: Args) -> None:
        """Add an entry."""
        for item in args.values_given.items():
            self._keys.setdefault(item, {})[key] = None

    def remove(self, key: Hashable, args: Args) -> None:
        """Remove an entry that is gone."""
        for item in args.values_given.items():
            keys = self._keys.get(item)
            if keys is not None:
                keys.pop(key, None)
                if not keys:
                    del self._keys[item]

    def candidates(self, args: Args) -> list[Hashable] | None:
        """Return the keys of the entries that may agree, those with the rarest of the values; None: it may be any."""
        rarest: dict[Hashable, None] | None = None
        for item in args.values_given.items():
            keys = self._keys.get(item, {})
            if rarest is None or len(keys) < len(rarest):
                rarest = keys
        return None if rarest is None else list(rarest)
