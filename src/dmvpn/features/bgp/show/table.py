"""`show ip bgp`: the table, one line per path; its parts, by AS path, community, list, map or length; routes that the
routing table did not accept; `show ip bgp paths` and `cluster-ids`.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix, classful_length, mask_length, spelled
from dmvpn.base.breath import breathing, in_order
from dmvpn.base.communities import COMMUNITIES, CommunityKind, CommunityMatch
from dmvpn.base.values import Value
from dmvpn.features.bgp.attributes import Attributes, Origin, path_text
from dmvpn.features.bgp.paths import Destination, Merit, Path
from dmvpn.features.bgp.policy import candidate
from dmvpn.features.bgp.show.common import NOT_ACTIVE, active, by_version, spellings
from dmvpn.ios.filters import Pattern, PatternError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dmvpn.base.routemaps import RoutePolicies
    from dmvpn.features.bgp.tables import Table
    from dmvpn.ios import Args, ShowContext

    Chooser = Callable[[Prefix, Path], bool]

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


class PathLine(Value):
    """A path. status: the codes before the prefix, four columns. med, local_pref: None if absent."""

    prefix: Prefix
    status: str
    next_hop: str
    med: int | None
    local_pref: int | None
    weight: int
    path: str
    origin: str


class ShowTable(Value):
    """The answer; version 0: BGP is not configured. vrf, rd: of a VRF, its name and its route distinguisher."""

    version: int = 0
    router_id: str = ""
    paths: tuple[PathLine, ...] = ()
    vrf: str = ""
    rd: str = ""


EMPTY: Final = ShowTable()


def query_table(ctx: ShowContext, args: Args) -> ShowTable:
    """Return all paths by prefix, best first."""
    machine = active(ctx, args)
    if machine is None:
        return ShowTable()
    return chosen_table(machine, lambda _prefix, _path: True)


def chosen_table(machine: Table, wanted: Callable[[Prefix, Path], bool]) -> ShowTable:
    """Return the wanted paths by prefix, best first."""

    def lines() -> Iterator[PathLine]:
        for prefix, destination in breathing(in_order(machine.routes.table.destinations.items())):
            for path in sorted_paths(destination):
                if wanted(prefix, path):
                    yield path_line(prefix, path, status(machine, prefix, path))

    return table_of(machine, lines())


def table_of(machine: Table, lines: Iterable[PathLine]) -> ShowTable:
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
        last: Prefix | None = None
        for one in answer.paths:
            name = "" if one.prefix == last else spelled_prefix(one.prefix)
            last = one.prefix
            head = f" {one.status:<4} {name:<16} "
            if len(name) > 16:
                yield f" {one.status:<4} {name}"
                head = " " * 23
            med = "" if one.med is None else str(one.med)
            local_pref = "" if one.local_pref is None else str(one.local_pref)
            way = " ".join(word for word in (one.path, one.origin) if word)
            if len(one.next_hop) > 15:
                yield f"{head}{one.next_hop}"
                head = " " * 38
            else:
                head += f"{one.next_hop:<15}"
            yield f"{head}{med:>11} {local_pref:>6} {one.weight:>6} {way}"


def path_line(prefix: Prefix, path: Path, status: str) -> PathLine:
    """Return a path as one line."""
    attributes = path.attributes
    return PathLine(
        prefix,
        status,
        spelled(attributes.next_hop),
        attributes.med,
        attributes.local_pref,
        path.weight,
        path_text(attributes.path),
        ORIGINS[attributes.origin],
    )


def status(machine: Table, prefix: Prefix, path: Path) -> str:
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
    used = ">" if is_best else "m" if is_used else "b" if Merit.BACKUP in merits else " "
    second = "d" if path.damped else used
    return f"{first}{second}{'i' if path.internal else ' '}{'a' if merits & ADDITIONAL else ''}"


def merits_of(found: Destination | None, path: Path) -> Merit:
    """Return why a path may be advertised, or is kept as a backup."""
    candidates = found.candidates if found is not None else ()
    return next((one.merits for one in candidates if one.path is path), Merit(0))


def sorted_paths(found: Destination) -> list[Path]:
    """Return the paths, best first."""
    return sorted(
        found.paths.values(), key=lambda path: (path not in found.best, path is not found.chosen, by_version(path.peer))
    )


def spelled_prefix(prefix: Prefix) -> str:
    """Return the prefix as on IOS: without its length if that is the classful one; the default route as its address."""
    if prefix.version != 4:
        return spelled(prefix)
    if prefix.is_default or prefix.length == classful_length(IPv4Address(prefix.number)):
        return str(prefix.address)
    return str(prefix)


#: Digits of a community as one number of 32 bits.
_DIGITS: Final = 10


class ShowSelection(Value):
    """A part of the table; problem: the error, if there is none."""

    table: ShowTable = EMPTY
    problem: str = ""


class Failure(Value):
    """A path that the routing table did not accept."""

    prefix: Prefix
    next_hop: str
    why: str


class ShowFailures(Value):
    """`show ip bgp rib-failure`."""

    is_active: bool = True
    failures: tuple[Failure, ...] = ()


def query_selection(ctx: ShowContext, args: Args) -> ShowSelection:
    """Return the selected paths."""
    machine = active(ctx, args)
    if machine is None:
        return ShowSelection()
    try:
        wanted = _chooser(args, ctx.ports.policies.of_routes(), machine)
    except PatternError:
        return ShowSelection(problem="% Failed to compile regular expression.")
    return ShowSelection(chosen_table(machine, wanted))


def _chooser(args: Args, policies: RoutePolicies, machine: Table) -> Chooser:
    """Return the function that selects the paths of these arguments."""
    if "pattern" in args:
        pattern = Pattern(args.text("pattern").strip('"'))
        known: dict[int, bool] = {}  # prefixes of one UPDATE share their path

        def fits(_: Prefix, path: Path) -> bool:
            systems = path.attributes.path
            if id(systems) not in known:
                known[id(systems)] = pattern.search(path_text(systems))
            return known[id(systems)]

        return fits
    if "community" in args:
        numbers = {_number(word) for word in args.text("communities", "").split() if word != "exact-match"}
        if "exact-match" in args.text("communities", "").split():
            return lambda _, path: {*path.attributes.communities} == numbers
        return lambda _, path: bool(path.attributes.communities) and numbers <= {*path.attributes.communities}
    for kind in CommunityKind:
        if kind.listed in args:
            match = CommunityMatch(args.text("list"), exactly="exact-match" in args, kind=kind)
            return lambda prefix, path: policies.community_permits(
                match, candidate(prefix, path.attributes).of_kind(match.kind)
            )
    if "large-community" in args:
        return lambda _, path: bool(path.attributes.large)
    if "prefix-list" in args:
        return lambda prefix, _: policies.prefix_list_permits(args.text("list"), prefix)
    if "filter-list" in args:
        return lambda _, path: policies.as_path_permits(str(args["list"]), path_text(path.attributes.path))
    if "route-map" in args:
        return lambda prefix, path: policies.mapped(args.text("list"), candidate(prefix, path.attributes)) is not None
    if "cidr-only" in args:
        return lambda prefix, _: prefix.version != 4 or prefix.length != classful_length(IPv4Address(prefix.number))
    if "inconsistent-as" in args:
        return lambda prefix, _: _has_several_origins(machine, prefix)
    whole = wanted_prefix(args)
    return lambda prefix, _: whole is not None and prefix in whole


def query_failures(ctx: ShowContext, args: Args) -> ShowFailures:
    """Return the prefixes for which the routing table has another route."""
    machine = active(ctx, args)
    if machine is None:
        return ShowFailures(is_active=False)
    return ShowFailures(
        failures=tuple(
            Failure(prefix, spelled(path.attributes.next_hop), "Higher admin distance")
            for prefix, found in sorted(machine.routes.table.destinations.items())
            for path in found.best[:1]
            if machine.routes.instead(prefix) is not None
        )
    )


def render_selection(answer: ShowSelection) -> Iterator[str]:
    """Yield the lines in the format of the whole table."""
    if answer.problem:
        yield answer.problem
        return
    yield from render_table(answer.table)


def render_failures(answer: ShowFailures) -> Iterator[str]:
    """Yield a line for each path."""
    yield "  Network            Next Hop                      RIB-failure   RIB-NH Matches"
    for one in answer.failures:
        yield f"{spelled(one.prefix):<18} {one.next_hop:<19} {one.why:>21} {'n/a':>16}"


def _number(word: str) -> int:
    """Return a community by name, as two numbers or as one; -1 if invalid, which matches no route."""
    if word in COMMUNITIES:
        return COMMUNITIES[word]
    high, colon, low = word.partition(":")
    if not all(part.isascii() and part.isdigit() and len(part) <= _DIGITS for part in (high, low if colon else high)):
        return -1
    return int(high) << 16 | int(low) if colon else int(high)


def _has_several_origins(machine: Table, prefix: Prefix) -> bool:
    paths = machine.routes.table.destinations[prefix].paths.values()
    return len({path.attributes.systems[-1:] for path in paths}) > 1


class AttributesLine(Value):
    """A set of attributes: the number of paths that share it, its MED, and its AS path with the origin."""

    used: int
    metric: int
    path: str


class ShowPaths(Value):
    """All sets of attributes."""

    is_active: bool = True
    paths: tuple[AttributesLine, ...] = ()


class ShowClusters(Value):
    """cluster: our cluster ID; configured: 0.0.0.0: it is the router ID. clients: number of our reflector clients."""

    cluster: str = ""
    configured: str = ""
    clients: int = 0


def query_paths(ctx: ShowContext, args: Args) -> ShowPaths:
    """Return the sets of attributes; equal ones count once."""
    machine = active(ctx, args)
    if machine is None:
        return ShowPaths(is_active=False)
    used: dict[Attributes, int] = {}
    for _, found in sorted(machine.routes.table.destinations.items()):
        for path in found.paths.values():
            used[path.attributes] = used.get(path.attributes, 0) + 1
    return ShowPaths(
        paths=tuple(
            AttributesLine(count, one.med or 0, f"{path_text(one.path)} {ORIGINS[one.origin]}".strip())
            for one, count in used.items()
        )
    )


def query_clusters(ctx: ShowContext, args: Args) -> ShowClusters:
    """Return our cluster ID, and the number of our reflector clients."""
    machine = active(ctx, args)
    if machine is None:
        return ShowClusters()
    configured = machine.config.cluster_id
    clients = sum(peer.settings.lines.route_reflector_client for peer in machine.peers.values())
    unset = "0.0.0.0"  # noqa: S104
    return ShowClusters(str(configured or machine.router_id or unset), str(configured or unset), clients)


def render_paths(answer: ShowPaths) -> Iterator[str]:
    """Yield a line for each set, with a number and 0 in place of the addresses and hash buckets of IOS."""
    yield "Address    Hash Refcount Metric Path"
    for number, one in enumerate(answer.paths, 1):
        yield f"0x{number:<8X}{0:>5}{one.used:>9}{one.metric:>7} {one.path}"


def render_clusters(answer: ShowClusters) -> Iterator[str]:
    """Yield the lines in the format of IOS."""
    if not answer.cluster:
        yield NOT_ACTIVE
        return
    yield f"Global cluster-id: {answer.cluster} (configured: {answer.configured})"
    yield "BGP client-to-client reflection:         Configured    Used"
    yield "  all (inter-cluster and intra-cluster): ENABLED"
    yield "  intra-cluster:                         ENABLED       ENABLED"
    yield ""
    yield "List of cluster-ids:"
    yield "Cluster-id     #-neighbors C2C-rfl-CFG C2C-rfl-USE"
    if answer.clients:
        yield f"{answer.cluster:<15}{answer.clients:>11} ENABLED     ENABLED"


COMMANDS: Final = (
    *spellings("", {}, query_table, render_table, gap=True, join=render_tables),
    *spellings(
        "( regexp | quote-regexp ) {pattern:line}",
        {"regexp": "By AS path", "quote-regexp": "By AS path, in quotes", "pattern": "A regular expression of IOS"},
        query_selection,
        render_selection,
        gap=True,
    ),
    *spellings(
        "community [ {communities:line} ]",
        {"community": "With communities", "communities": "Communities that are required; exact-match: exactly these"},
        query_selection,
        render_selection,
        gap=True,
    ),
    *spellings(
        "( community-list {list:word} [ exact-match ] | large-community-list {list:word} [ exact-match ] "
        "| extcommunity-list {list:word} | large-community | prefix-list {list:word} | filter-list {list:1-500} "
        "| route-map {list:word} | cidr-only | inconsistent-as )",
        {
            "community-list": "What a community list permits",
            "large-community-list": "What a list of large communities permits",
            "extcommunity-list": "What a list of extended communities permits",
            "large-community": "With large communities",
            "exact-match": "With these communities and no others",
            "prefix-list": "What a prefix list permits",
            "filter-list": "What an AS path list permits",
            "route-map": "What a route map permits",
            "list": "Name, or number",
            "cidr-only": "Of another length than that of its class",
            "inconsistent-as": "Prefixes that several systems say are theirs",
        },
        query_selection,
        render_selection,
        gap=True,
    ),
    *spellings(
        "( {prefix:family} ) ( longer-prefixes | subnets )",
        {
            "prefix": "A prefix",
            "destination": "A prefix",
            "mask": "Its mask",
            "longer-prefixes": "And all in it",
            "subnets": "And all in it",
        },
        query_selection,
        render_selection,
        gap=True,
    ),
    *spellings(
        "rib-failure",
        {"rib-failure": "Prefixes for which the routing table has another route"},
        query_failures,
        render_failures,
        gap=True,
    ),
    *spellings("paths", {"paths": "Sets of attributes, and how many paths have them"}, query_paths, render_paths),
    *spellings("cluster-ids", {"cluster-ids": "Clusters of route reflection"}, query_clusters, render_clusters),
)
