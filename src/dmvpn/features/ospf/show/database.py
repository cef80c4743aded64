"""`show ip ospf database`: the LSAs of each router, by type, a line for each."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathing, in_order
from dmvpn.base.values import dataclass
from dmvpn.features.ospf.lsa import OPAQUE, ExternalBody, LsaType, RouterBody, opaque_of
from dmvpn.features.ospf.show.common import AUTHOR, AUTHOR_HELP, HELP, OSPF, TITLES, author, processes
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.features.ospf.lsa import Database, DatabaseEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class LsaLine:
    """One advertisement. age: seconds. more: the links of a router, the tag of an external network, the identifier of
    an opaque one.
    """

    id: str
    router: str
    age: int
    sequence: int
    checksum: int
    more: int | None


@dataclass(frozen=True, slots=True)
class DatabaseSection:
    """Advertisements of one type in one area ("": in none)."""

    type: LsaType
    area: str
    lines: tuple[LsaLine, ...]


@dataclass(frozen=True, slots=True)
class ShowDatabase:
    """The database of one process."""

    router: str
    process: int
    parts: tuple[DatabaseSection, ...]


@dataclass(frozen=True, slots=True)
class ShowDatabases:
    """The answer to `show ip ospf database`."""

    databases: tuple[ShowDatabase, ...]


def query_database(ctx: ShowContext, args: Args) -> ShowDatabases:
    """Return all that every process knows."""
    return ShowDatabases(
        tuple(
            ShowDatabase(
                str(process.router_id),
                process.number,
                tuple(
                    part
                    for area, database in process.state.scopes()
                    for part in _parts(database, area.title if area is not None else "", ctx.now, author(process, args))
                ),
            )
            for process in processes(ctx, args)
        )
    )


def _parts(database: Database, area: str, now: float, router: IPv4Address | None) -> Iterator[DatabaseSection]:
    for kind in TITLES:
        chosen = (one for one in database.entries.items() if one[0].type == kind and router in (None, one[0].router))
        entries = in_order(chosen, key=itemgetter(0))
        if entries:
            yield DatabaseSection(kind, area, tuple(_line(entry, now) for _, entry in breathing(entries)))


def _line(entry: DatabaseEntry, now: float) -> LsaLine:
    header, body = entry.lsa.header, entry.lsa.body
    more: int | None = None
    match body:
        case RouterBody(links=links):
            more = len(links)
        case ExternalBody(tag=tag):
            more = tag
        case _ if header.type in OPAQUE:
            more = opaque_of(header.id)[1]
    return LsaLine(
        id=str(header.id),
        router=str(header.router),
        age=entry.age(now),
        sequence=header.sequence & 0xFFFFFFFF,
        checksum=header.checksum,
        more=more,
    )


def render_database(answer: ShowDatabases) -> Iterator[str]:
    """Type by type."""
    for database in answer.databases:
        yield ""
        yield f"            OSPF Router with ID ({database.router}) (Process ID {database.process})"
        for part in database.parts:
            area = f" (Area {part.area})" if part.area else ""
            yield ""
            yield f"\t\t{TITLES[part.type]}{area}"
            yield ""
            yield "Link ID         ADV Router      Age         Seq#       Checksum" + _last_column(part.type)
            for line in part.lines:
                more = "" if line.more is None else f" {line.more}"
                yield (f"{line.id:<16}{line.router:<16}{line.age:<12}0x{line.sequence:08X} 0x{line.checksum:06X}{more}")


def _last_column(kind: LsaType) -> str:
    if kind is LsaType.ROUTER:
        return " Link count"
    if kind in OPAQUE:
        return " Opaque ID"
    return " Tag" if kind in (LsaType.EXTERNAL, LsaType.NSSA_EXTERNAL) else ""


DATABASE: Final = ExecCommand(
    f"{OSPF} database [ {AUTHOR} ]",
    {**HELP, **AUTHOR_HELP, "database": "What each router says"},
    query=query_database,
    render=render_database,
)
