"""`show ip bgp`: the table, one line per path."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix, classful_length, mask_length
from dmvpn.base.breath import breathing, in_order
from dmvpn.base.values import dataclass
from dmvpn.features.bgp.attributes import Origin, path_text
from dmvpn.features.bgp.paths import Merit
from dmvpn.features.bgp.show.common import NOT_ACTIVE, active, spelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dmvpn.features.bgp.machine import BgpMachine
    from dmvpn.features.bgp.paths import Destination, Path
    from dmvpn.ios import Args, ShowContext

CODES: Final = (
    "Status codes: s suppressed, d damped, h history, * valid, > best, i - internal, ",
    "              r RIB-failure, S Stale, m multipath, b backup-path, f RT-Filter, ",
    "              x best-external, a additional-path, c RIB-compressed, ",
    "              t secondary path, L long-lived-stale,",
    "Origin codes: i - IGP, e - EGP, ? - incomplete",
    "RPKI validation codes: V valid, I invalid, N Not found",
)
_COLUMNS: Final = "     Network          Next Hop            Metric LocPrf Weight Path"
#: Merits that make a path an additional one, and the words for each.
ADDITIONAL: Final = Merit.SECOND | Merit.THIRD | Merit.GROUP_BEST | Merit.ANY
ORIGINS: Final = {Origin.IGP: "i", Origin.EGP: "e", Origin.INCOMPLETE: "?"}


@dataclass(frozen=True, slots=True)
class PathLine:
    """A path. status: the codes before the prefix, four columns. med, local_pref: None if absent."""

    prefix: Prefix
    status: str
    next_hop: str
    med: int | None
    local_pref: int | None
    weight: int
    path: str
    origin: str


@dataclass(frozen=True, slots=True)
class ShowTable:
    """The answer; version 0: BGP is not configured. vrf, rd: of a VRF, its name and its route distinguisher."""

    version: int = 0
    router_id: str = ""
    paths: tuple[PathLine, ...] = ()
    vrf: str = ""
    rd: str = ""


EMPTY: Final = ShowTable()


def query_table(ctx: ShowContext, args: Args) -> ShowTable:
    """Return all paths by prefix, best first."""
    machine = active(ctx)
    if machine is None:
        return ShowTable()
    return chosen_table(machine, lambda _prefix, _path: True)


def chosen_table(machine: BgpMachine, wanted: Callable[[Prefix, Path], bool]) -> ShowTable:
    """Return the wanted paths by prefix, best first."""

    def lines() -> Iterator[PathLine]:
        for prefix, destination in breathing(in_order(machine.routes.table.destinations.items())):
            for path in sorted_paths(destination):
                if wanted(prefix, path):
                    yield path_line(prefix, path, status(machine, prefix, path))

    return table_of(machine, lines())


def table_of(machine: BgpMachine, lines: Iterable[PathLine]) -> ShowTable:
    """Return these lines with the table version from before they were made."""
    version, router_id = machine.routes.table.version, str(machine.router_id)
    return ShowTable(version, router_id, tuple(lines), machine.vrf, machine.config.vpn.rd)


def wanted_prefix(args: Args) -> Prefix | None:
    """Return the requested prefix, in either notation; None: only an address was given."""
    if "prefix" in args:
        return args.prefix("prefix")
    mask = args.address("mask", None)
    return Prefix.of(args.address("destination"), mask_length(mask) or 0) if mask is not None else None


def render_table(answer: ShowTable) -> Iterator[str]:
    """Yield the columns in the format of IOS."""
    if not answer.version:
        yield NOT_ACTIVE
        return
    yield from render_tables((answer,))


def render_tables(answers: tuple[ShowTable, ...]) -> Iterator[str]:
    """Yield the tables of all VRFs under one head."""
    answers = tuple(answer for answer in answers if answer.paths)
    if not answers:
        return
    yield f"BGP table version is {answers[0].version}, local router ID is {answers[0].router_id}"
    yield from CODES
    yield ""
    yield _COLUMNS
    for answer in answers:
        if answer.rd:
            yield f"Route Distinguisher: {answer.rd} (default for vrf {answer.vrf})"
        yield from path_lines(answer.paths)


def path_lines(paths: Iterable[PathLine]) -> Iterator[str]:
    """Yield one line per path; only the first path of a prefix shows it."""
    last: Prefix | None = None
    for one in paths:
        name = "" if one.prefix == last else spelled_prefix(one.prefix)
        last = one.prefix
        head = f" {one.status:<4} {name:<16} "
        if len(name) > 16:
            yield f" {one.status:<4} {name}"
            head = " " * 23
        med = "" if one.med is None else str(one.med)
        local_pref = "" if one.local_pref is None else str(one.local_pref)
        way = " ".join(word for word in (one.path, one.origin) if word)
        yield f"{head}{one.next_hop:<15}{med:>11} {local_pref:>6} {one.weight:>6} {way}"


def path_line(prefix: Prefix, path: Path, status: str) -> PathLine:
    """Return a path as one line."""
    attributes = path.attributes
    return PathLine(
        prefix,
        status,
        str(attributes.next_hop),
        attributes.med,
        attributes.local_pref,
        path.weight,
        path_text(attributes.path),
        ORIGINS[attributes.origin],
    )


def status(machine: BgpMachine, prefix: Prefix, path: Path) -> str:
    """Return the status codes before a path of the table."""
    found = machine.routes.table.destinations.get(prefix)  # it may have been removed during a pause
    is_best, is_used = found is not None and path is found.chosen, found is not None and path in found.best
    reachable = machine.routes.table.reaches(path)
    first = "*" if reachable else " "
    if machine.is_stale(prefix, path):
        first = "S"
    elif prefix in machine.routes.suppressed:
        first = "s"
    elif is_used and machine.routes.instead(prefix) is not None:
        first = "r"
    merits = merits_of(found, path)
    second = "d" if path.damped else ">" if is_best else "b" if Merit.BACKUP in merits else " "
    last = "i" if path.internal else "m" if is_used and not is_best else " "
    return f"{first}{second}{last}{'a' if merits & ADDITIONAL else ''}"


def merits_of(found: Destination | None, path: Path) -> Merit:
    """Return why a path may be advertised, or is kept as a backup."""
    candidates = found.candidates if found is not None else ()
    return next((one.merits for one in candidates if one.path is path), Merit(0))


def sorted_paths(found: Destination) -> list[Path]:
    """Return the paths, best first."""
    return sorted(found.paths.values(), key=lambda path: (path not in found.best, path is not found.chosen, path.peer))


def spelled_prefix(prefix: Prefix) -> str:
    """Return the prefix as on IOS: without its length if that is the classful one; the default route as its address."""
    if prefix.is_default or prefix.length == classful_length(IPv4Address(prefix.number)):
        return str(prefix.address)
    return str(prefix)


COMMANDS: Final = (*spelled("", {}, query_table, render_table, gap=True, join=render_tables),)
