"""`show ip ospf database database-summary`: how many advertisements of each type there are."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.ospf.lsa import MAX_AGE, LsaType
from dmvpn.features.ospf.show.common import HELP, OSPF, processes
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ospf.lsa import Database

#: Rows of an area, and of the whole process, in IOS's words.
_OF_AREA: Final = (
    (LsaType.ROUTER, "Router"),
    (LsaType.NETWORK, "Network"),
    (LsaType.SUMMARY, "Summary Net"),
    (LsaType.BORDER_SUMMARY, "Summary ASBR"),
    (LsaType.NSSA_EXTERNAL, "Type-7 Ext"),
    (LsaType.OPAQUE_AREA, "Opaque Area"),
)
_OF_PROCESS: Final = (*_OF_AREA, (LsaType.EXTERNAL, "Type-5 Ext"), (LsaType.OPAQUE_AS, "Opaque AS"))


@dataclass(frozen=True, slots=True)
class Amount:
    """One LSA type. deleted: number of LSAs being flushed; expired: number of LSAs that reached MaxAge on their own."""

    name: str
    count: int
    deleted: int
    expired: int


@dataclass(frozen=True, slots=True)
class AreaAmounts:
    """The types of one area; "": of the whole process."""

    area: str
    rows: tuple[Amount, ...]


@dataclass(frozen=True, slots=True)
class ProcessAmounts:
    """One process, its areas first."""

    router: str
    process: int
    areas: tuple[AreaAmounts, ...]


@dataclass(frozen=True, slots=True)
class ShowAmounts:
    """The answer."""

    processes: tuple[ProcessAmounts, ...]


class _Counts:
    """Advertisements by their type."""

    def __init__(self) -> None:
        self.all: Counter[int] = Counter()
        self.deleted: Counter[int] = Counter()
        self.expired: Counter[int] = Counter()

    def count(self, database: Database, now: float) -> None:
        """Count those of a database."""
        for key, entry in database.entries.items():
            self.all[key.type] += 1
            if entry.lsa.header.age >= MAX_AGE:
                self.deleted[key.type] += 1
            elif entry.age(now) >= MAX_AGE:
                self.expired[key.type] += 1

    def add(self, other: _Counts) -> None:
        """Add the counts of another database."""
        self.all += other.all
        self.deleted += other.deleted
        self.expired += other.expired


def query_amounts(ctx: ShowContext, args: Args) -> ShowAmounts:
    """Count the LSAs of every process."""
    found = []
    for process in processes(ctx, args):
        areas, total = [], _Counts()
        for area, database in process.state.scopes():
            counted = _Counts()
            counted.count(database, ctx.now)
            total.add(counted)
            if area is not None:
                areas.append(AreaAmounts(area.title, _rows(_OF_AREA, counted)))
        areas.append(AreaAmounts("", _rows(_OF_PROCESS, total)))
        found.append(ProcessAmounts(str(process.router_id), process.number, tuple(areas)))
    return ShowAmounts(tuple(found))


def _rows(kinds: tuple[tuple[LsaType, str], ...], counted: _Counts) -> tuple[Amount, ...]:
    return tuple(Amount(name, counted.all[kind], counted.deleted[kind], counted.expired[kind]) for kind, name in kinds)


def render_amounts(answer: ShowAmounts) -> Iterator[str]:
    """Yield a table for each area, and one for the process."""
    for one in answer.processes:
        yield ""
        yield f"            OSPF Router with ID ({one.router}) (Process ID {one.process})"
        for part in one.areas:
            yield ""
            what = f"Area {part.area}" if part.area else f"Process {one.process}"
            yield f"{what} database summary"
            yield "  LSA Type      Count    Delete   Maxage"
            yield from (_row(row) for row in part.rows)
            yield _row(
                Amount(
                    "Subtotal" if part.area else "Total",
                    sum(row.count for row in part.rows),
                    sum(row.deleted for row in part.rows),
                    sum(row.expired for row in part.rows),
                )
            )


def _row(row: Amount) -> str:
    return f"  {row.name:<13} {row.count:<8} {row.deleted:<8} {row.expired}"


AMOUNTS: Final = ExecCommand(
    f"{OSPF} database database-summary",
    {**HELP, "database": "What each router says", "database-summary": "How many of each type"},
    query=query_amounts,
    render=render_amounts,
)
