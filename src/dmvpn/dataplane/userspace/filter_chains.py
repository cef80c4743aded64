"""The chains and sets of one list of a port, before packets pass them."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.dataplane.netlink.nftables import chain, rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.dataplane.netlink.nftables import Part


@dataclass(slots=True)
class Rules:
    """The parts that make chains and sets that no packet passes yet, and their names."""

    table: str
    name: str
    parts: list[Part] = field(default_factory=list)
    chains: list[str] = field(default_factory=list)
    sets: list[str] = field(default_factory=list)

    def chain(self, end: str = "") -> str:
        """Make a chain; returns its name."""
        name = f"{self.name}{end}"
        self.chains.append(name)
        self.parts.append(chain(self.table, name))
        return name

    def rule(self, name: str, *expressions: bytes, mark: int | None = None) -> None:
        """Append a rule to a chain."""
        self.parts.append(rule(self.table, name, *expressions, mark=mark))

    def set(self, end: str, make: Callable[[str, str, int], Part]) -> str:
        """Make a set; returns its name."""
        name = f"{self.name}{end}"
        self.sets.append(name)
        self.parts.append(make(self.table, name, len(self.sets)))
        return name
