"""`show ip ospf database`: the LSAs of each router by type, a line for each; how many of each type; those of one type
in full.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import mask_length
from dmvpn.base.breath import breathing, in_order
from dmvpn.base.values import Value, project
from dmvpn.features.ospf import lsa
from dmvpn.features.ospf.lsa import MAX_AGE, OPAQUE, ExternalBody, LsaType, RouterBody, opaque_of
from dmvpn.features.ospf.show.common import (
    AUTHOR,
    AUTHOR_HELP,
    HELP,
    OSPF,
    TITLES,
    author,
    heading,
    processes,
    version_of,
)
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.features.ospf.lsa import Database, DatabaseEntry
    from dmvpn.features.ospf.machine import Process
    from dmvpn.features.ospf.spf import RunningArea


# ------------------------------------------------------------------------------------------------ show ip ospf database


class LsaLine(Value, kw_only=True):
    """One advertisement. age: seconds. more: the links of a router, the tag of an external network, the identifier of
    an opaque one.
    """

    id: str
    router: str
    age: int
    sequence: int
    checksum: int
    more: int | None


class DatabaseSection(Value):
    """Advertisements of one type in one area ("": in none)."""

    type: LsaType
    area: str
    lines: tuple[LsaLine, ...]


class ShowDatabase(Value):
    """The database of one process."""

    router: str
    process: int
    parts: tuple[DatabaseSection, ...]


class ShowDatabases(Value):
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


_HELP: Final = {
    **HELP,
    **AUTHOR_HELP,
    "database": "What each router says",
    "database-summary": "How many of each type",
    "router": "Type 1: routers and their links",
    "network": "Type 2: networks with a designated router",
    "summary": "Type 3: networks of other areas",
    "asbr-summary": "Type 4: border routers of other areas",
    "nssa-external": "Type 7: external networks in an NSSA",
    "external": "Type 5: networks outside",
    "opaque-link": "Type 9: of a link; none is kept",
    "opaque-area": "Type 10: something for the routers of an area",
    "opaque-as": "Type 11: something for all routers",
    "id": "Only those of this name",
}
DATABASE: Final = ExecCommand(f"{OSPF} database [ {AUTHOR} ]", _HELP, query=query_database, render=render_database)


# ------------------------------------------------------------------------------------------------ database-summary


#: Rows of an area, and of the whole process, in IOS's words.
_OF_AREA: Final = (
    (LsaType.ROUTER, "Router"),
    (LsaType.NETWORK, "Network"),
    (LsaType.SUMMARY, "Summary Net"),
    (LsaType.BORDER_SUMMARY, "Summary ASBR"),
    (LsaType.NSSA_EXTERNAL, "Type-7 Ext"),
    (LsaType.OPAQUE_AREA, "Opaque Area"),
)
#: The types of version 3.
_OF_AREA3: Final = (
    *_OF_AREA[:2],
    (LsaType.SUMMARY, "Inter-area Prefix"),
    (LsaType.BORDER_SUMMARY, "Inter-area Router"),
    (LsaType.NSSA_EXTERNAL, "Type-7 External"),
    (LsaType.LINK, "Link"),
    (LsaType.PREFIXES, "Prefix"),
)
_KINDS: Final = {
    4: (_OF_AREA, (*_OF_AREA, (LsaType.EXTERNAL, "Type-5 Ext"), (LsaType.OPAQUE_AS, "Opaque AS"))),
    6: (_OF_AREA3, (*_OF_AREA3, (LsaType.EXTERNAL, "Type-5 Ext"))),
}


class Amount(Value):
    """One LSA type. deleted: number of LSAs being flushed; expired: number of LSAs that reached MaxAge on their own."""

    name: str
    count: int
    deleted: int
    expired: int


class AreaAmounts(Value):
    """The types of one area; "": of the whole process."""

    area: str
    rows: tuple[Amount, ...]


class ProcessAmounts(Value):
    """One process, its areas first."""

    router: str
    process: int
    areas: tuple[AreaAmounts, ...]


class ShowAmounts(Value):
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
        counts: dict[str, _Counts] = {}
        total, (of_area, of_process) = _Counts(), _KINDS[version_of(args)]
        for area, database in process.state.scopes():
            counted = counts.setdefault(area.title, _Counts()) if area is not None else total
            counted.count(database, ctx.now)
        for counted in counts.values():
            total.add(counted)
        areas = [AreaAmounts(title, _rows(of_area, counted)) for title, counted in counts.items()]
        areas.append(AreaAmounts("", _rows(of_process, total)))
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
            width = max(13, *(len(row.name) + 2 for row in part.rows))
            total = Amount(
                "Subtotal" if part.area else "Total",
                sum(row.count for row in part.rows),
                sum(row.deleted for row in part.rows),
                sum(row.expired for row in part.rows),
            )
            for row in (*part.rows, total):
                yield f"  {row.name:<{width}} {row.count:<8} {row.deleted:<8} {row.expired}"


AMOUNTS: Final = ExecCommand(f"{OSPF} database database-summary", _HELP, query=query_amounts, render=render_amounts)


# ------------------------------------------------------------------------------------------------ one type in full


_WHICH: Final = {
    "router": lsa.LsaType.ROUTER,
    "network": lsa.LsaType.NETWORK,
    "summary": lsa.LsaType.SUMMARY,
    "asbr-summary": lsa.LsaType.BORDER_SUMMARY,
    "nssa-external": lsa.LsaType.NSSA_EXTERNAL,
    "external": lsa.LsaType.EXTERNAL,
    "opaque-link": lsa.LsaType.OPAQUE_LINK,
    "opaque-area": lsa.LsaType.OPAQUE_AREA,
    "opaque-as": lsa.LsaType.OPAQUE_AS,
}
_NAMES: Final = {
    lsa.LsaType.ROUTER: "Router Links",
    lsa.LsaType.NETWORK: "Network Links",
    lsa.LsaType.SUMMARY: "Summary Links(Network)",
    lsa.LsaType.BORDER_SUMMARY: "Summary Links(AS Boundary Router)",
    lsa.LsaType.NSSA_EXTERNAL: "AS External Link",
    lsa.LsaType.EXTERNAL: "AS External Link",
    lsa.LsaType.OPAQUE_AREA: "Opaque Area Link",
    lsa.LsaType.OPAQUE_AS: "Opaque AS Link",
}
_MEANINGS: Final = {
    lsa.LsaType.NETWORK: " (address of Designated Router)",
    lsa.LsaType.SUMMARY: " (summary Network Number)",
    lsa.LsaType.BORDER_SUMMARY: " (AS Boundary Router address)",
    lsa.LsaType.NSSA_EXTERNAL: " (External Network Number )",
    lsa.LsaType.EXTERNAL: " (External Network Number )",
}
_LINKS: Final[dict[int, tuple[str, str, str]]] = {
    lsa.LinkType.POINT_TO_POINT: (
        "another Router (point-to-point)",
        "Neighboring Router ID",
        "Router Interface address",
    ),
    lsa.LinkType.TRANSIT: ("a Transit Network", "Designated Router address", "Router Interface address"),
    lsa.LinkType.STUB: ("a Stub Network", "Network/subnet number", "Network Mask"),
    lsa.LinkType.VIRTUAL: ("a Virtual Link", "Neighboring Router ID", "Router Interface address"),
}


class Advertisement(Value, kw_only=True):
    """One advertisement. age: seconds. body: its content."""

    type: lsa.LsaType
    age: int
    options: int
    id: str
    router: str
    sequence: int
    checksum: int
    length: int
    body: lsa.Body


class Shelf(Value):
    """Advertisements of one type in one area ("": in none) of one process. interface: that they are of, or ""."""

    process: int
    own: str
    type: lsa.LsaType
    area: str
    advertisements: tuple[Advertisement, ...]
    interface: str = ""


class ShowAdvertisements(Value):
    """The answer to `show ip ospf database TYPE`."""

    shelves: tuple[Shelf, ...]


def query_advertisements(ctx: ShowContext, args: Args) -> ShowAdvertisements:
    """Return all of one type, or one."""
    kind = next(_WHICH[word] for word in _WHICH if word in args)
    return ShowAdvertisements(
        tuple(
            shelf
            for process in processes(ctx, args)
            for shelf in shelves_of(process, process.state.scopes(), (kind,), ctx.now, args)
        )
    )


def shelves_of(
    process: Process,
    scopes: Iterable[tuple[RunningArea | None, Database]],
    kinds: Iterable[lsa.LsaType],
    now: float,
    args: Args,
) -> Iterator[Shelf]:
    """Yield the advertisements that a command selects, of these types in these areas and links."""
    router, only = author(process, args), args.address("id", None)
    links = {id(each.link): each.name for each in process.interfaces.values() if each.link is not None}
    for scope, database in scopes:
        for kind in kinds:
            found = [database.entries[key] for key in sorted(database.entries) if key.type == kind]
            shown = tuple(
                _advertisement(kind, each, now)
                for each in breathing(found)
                if only in (None, each.lsa.header.id) and router in (None, each.lsa.header.router)
            )
            if shown:
                title = scope.title if scope is not None else ""
                yield Shelf(process.number, str(process.router_id), kind, title, shown, links.get(id(scope), ""))


def _advertisement(kind: lsa.LsaType, entry: DatabaseEntry, now: float) -> Advertisement:
    header = entry.lsa.header
    return project(
        Advertisement,
        header,
        type=kind,
        age=entry.age(now),
        id=str(header.id),
        router=str(header.router),
        sequence=header.sequence & 0xFFFFFFFF,
        body=entry.lsa.body,
    )


def render_advertisements(answer: ShowAdvertisements) -> Iterator[str]:
    """Yield a paragraph for each."""
    for shelf in answer.shelves:
        yield from heading(shelf.own, shelf.process)
        yield f"\t\t{TITLES[shelf.type]}" + (f" (Area {shelf.area})" if shelf.area else "")
        for each in shelf.advertisements:
            yield ""
            yield from _paragraph(each)


def _paragraph(each: Advertisement) -> Iterator[str]:
    yield f"  LS age: {each.age}"
    yield f"  Options: ({_options(each)})"
    yield f"  LS Type: {_NAMES[each.type]}"
    yield f"  Link State ID: {each.id}{_MEANINGS.get(each.type, '')}"
    if each.type in lsa.OPAQUE:
        kind, number = lsa.opaque_of(IPv4Address(each.id))
        yield f"  Opaque Type: {kind}"
        yield f"  Opaque ID: {number}"
    yield f"  Advertising Router: {each.router}"
    yield f"  LS Seq Number: {each.sequence:08X}"
    yield f"  Checksum: 0x{each.checksum:X}"
    yield f"  Length: {each.length}"
    match each.body:
        case lsa.RouterBody() as router:
            if router.flags & lsa.RouterFlag.BORDER:
                yield "  Area Border Router"
            if router.flags & lsa.RouterFlag.EXTERNAL:
                yield "  AS Boundary Router"
            yield f"  Number of Links: {len(router.links)}"
            for link in router.links:
                yield ""
                unknown = f"something of type {link.type}", "Link ID", "Link Data"
                what, id_is, data_is = _LINKS.get(link.type, unknown)
                yield f"    Link connected to: {what}"
                yield f"     (Link ID) {id_is}: {link.id}"
                yield f"     (Link Data) {data_is}: {link.data}"
                yield "      Number of MTID metrics: 0"
                yield f"       TOS 0 Metrics: {link.metric}"
            yield ""
        case lsa.NetworkBody() as network:
            yield f"  Network Mask: /{mask_length(network.mask)}"
            yield from (f"\tAttached Router: {router}" for router in network.routers)
        case lsa.SummaryBody() as summary:
            yield f"  Network Mask: /{mask_length(summary.mask)}"
            yield f"\tMTID: 0 \tMetric: {summary.metric} "
        case lsa.ExternalBody() as external:
            yield from _external(external)
        case lsa.UnknownBody(octets=octets):
            yield from (f"    {octets[at : at + 16].hex(' ', 4)}" for at in range(0, len(octets), 16))


def _options(each: Advertisement) -> str:
    words = ["No TOS-capability"]
    if each.type is lsa.LsaType.NSSA_EXTERNAL:
        words.append("Type 7/5 translation" if each.options & lsa.Options.NSSA else "No Type 7/5 translation")
    words.append("DC" if each.options & lsa.Options.DEMAND else "No DC")
    if each.options & lsa.Options.DOWN:
        words.append("Downward")
    return ", ".join(words)


def _external(body: lsa.ExternalBody) -> Iterator[str]:
    larger = "2 (Larger than any link state path)" if body.is_type_2 else "1 (Comparable directly to link state metric)"
    yield f"  Network Mask: /{mask_length(body.mask)}"
    yield f"\tMetric Type: {larger}"
    yield "\tMTID: 0 "
    yield f"\tMetric: {body.metric} "
    yield f"\tForward Address: {body.forwarding}"
    yield f"\tExternal Route Tag: {body.tag}"


DETAILS: Final = ExecCommand(
    f"{OSPF} database ( {' | '.join(_WHICH)} ) [ {{id:address}} ] [ {AUTHOR} ]",
    _HELP,
    query=query_advertisements,
    render=render_advertisements,
)
