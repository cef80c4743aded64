"""A prefix list of thousands of entries, found by prefix: the first entry that fits, without a look at all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.lpm import PrefixTable
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.addresses import Prefix


@dataclass(frozen=True, slots=True)
class PrefixRule:
    """One entry of a prefix list: prefixes inside of `prefix`, with a length between these two."""

    permit: bool
    prefix: Prefix
    shortest: int
    longest: int
    sequence: int = 0

    def fits(self, prefix: Prefix) -> bool:
        """Return whether it is about this prefix."""
        return self.shortest <= prefix.length <= self.longest and prefix in self.prefix


class PrefixIndex:
    """The entries of one list, by their prefixes. A route is inside of those alone that hold its address."""

    __slots__ = ("_table",)

    def __init__(self, rules: Iterable[PrefixRule]) -> None:
        self._table: PrefixTable[list[tuple[int, PrefixRule]]] = PrefixTable()
        for place, rule in enumerate(rules):
            alike = self._table.get(rule.prefix)
            if alike is None:
                alike = self._table[rule.prefix] = []
            alike.append((place, rule))

    def first(self, prefix: Prefix) -> PrefixRule | None:
        """Return the first entry that fits, None: none does."""
        found: tuple[int, PrefixRule] | None = None
        for _, rules in self._table.matches(prefix.address):
            for place, rule in rules:
                if found is not None and found[0] < place:
                    break
                if rule.fits(prefix):
                    found = place, rule
                    break
        return found[1] if found is not None else None
