"""One area as this router has it: its database, and the result of the last calculation."""

from __future__ import annotations

from dataclasses import field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.ospf.lsa import EVERYWHERE, LsaType, Options, RouterFlag
from dmvpn.features.ospf.model import AreaKind

if TYPE_CHECKING:
    from dmvpn.features.ospf.lsa import Database
    from dmvpn.features.ospf.model import Area
    from dmvpn.features.ospf.spf import Graph, Tree, Ways

_KNOWN: Final = frozenset(int(kind) for kind in LsaType)


@dataclass(slots=True, eq=False)
class RunningArea:
    """An area. tree: the shortest-path tree, None before the first calculation. calculations: how many.

    basis: the input of the tree. is_transit: virtual links lead through it (TransitCapability, RFC 2328 §6).
    """

    number: int
    settings: Area
    database: Database
    tree: Tree | None = None
    basis: tuple[Graph, Ways] | None = None
    is_transit: bool = False
    calculations: int = 0
    calculated: float = field(default=float("-inf"))

    def configure(self, settings: Area) -> None:
        """Obey other lines."""
        self.settings = settings

    def tree_of(self, graph: Graph, ways: Ways) -> Tree | None:
        """Return the tree of this graph if the last calculation already found it; None: it must be calculated."""
        if self.basis is None or self.basis[1] != ways or not graph.has_tree_of(self.basis[0]):
            return None
        return self.tree

    @property
    def ways(self) -> Ways | None:
        """The next hops of our own links at the last calculation; None before the first one."""
        return None if self.basis is None else self.basis[1]

    def take(self, tree: Tree, basis: tuple[Graph, Ways], now: float) -> None:
        """Store the result of a calculation."""
        self.tree, self.basis = tree, basis
        self.is_transit = any(each.flags & RouterFlag.VIRTUAL for each in tree.routers.values())
        self.calculated = now
        self.calculations += 1

    @property
    def id(self) -> IPv4Address:
        """Its number as packets have it."""
        return IPv4Address(self.number)

    @property
    def takes_externals(self) -> bool:
        """Whether type 5 LSAs are flooded into this area."""
        return self.settings.kind is AreaKind.NORMAL

    def admits(self, kind: int) -> bool:
        """Return whether an advertisement of this type may be here.

        Types 5 and 11 come into normal areas, type 7 into NSSAs alone.
        """
        if kind in EVERYWHERE:
            return self.takes_externals
        return kind in _KNOWN and (kind != LsaType.NSSA_EXTERNAL or self.settings.kind is AreaKind.NSSA)

    @property
    def options(self) -> Options:
        """Our capabilities in this area, as in Hellos."""
        if self.settings.kind is AreaKind.NSSA:
            return Options.NSSA
        return Options.EXTERNAL if self.takes_externals else Options(0)

    @property
    def title(self) -> str:
        """As shows call it."""
        return str(self.number)
