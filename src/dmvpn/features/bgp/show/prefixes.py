"""`show ip bgp A.B.C.D [MASK] | A.B.C.D/L | detail`: prefixes with all their paths.

Flapping routes: `show ip bgp dampening parameters | dampened-paths | flap-statistics`.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix, spelled
from dmvpn.base.breath import breathing, in_order
from dmvpn.base.communities import communities_text, extended_text, large_text
from dmvpn.base.values import Value, project
from dmvpn.features.bgp.attributes import Community, Origin, path_text
from dmvpn.features.bgp.packet import NumberedPrefix, named, prefix_of
from dmvpn.features.bgp.paths import Destination, Merit, Path, PathOrigin, path_metric
from dmvpn.features.bgp.show.common import NOT_ACTIVE, active, spellings
from dmvpn.features.bgp.show.table import CODES, ORIGINS, merits_of, sorted_paths, spelled_prefix, wanted_prefix
from dmvpn.ios import Args, ShowContext, age

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.bgp.tables import Table

NOT_THERE: Final = "% Network not in table"
#: Words for the restrictions of well-known communities.
_KEPT: Final = {
    Community.NO_ADVERTISE: "not advertised to any peer",
    Community.NO_EXPORT: "not advertised to EBGP peer",
    Community.NO_EXPORT_SUBCONFED: "not advertised outside local AS",
}
_MERITS: Final = {
    Merit.BACKUP: "backup/repair",
    Merit.SECOND: "best2",
    Merit.THIRD: "best3",
    Merit.GROUP_BEST: "group-best",
    Merit.ANY: "all",
}


class PathDetail(Value):
    """A path of one prefix. sender, identifier: the neighbor that sent it. marks: "internal", "best" ...

    remarks: the words after its AS path. groups: update groups that receive it, by number; None: one path per prefix.
    heard_as, told_as: its path identifier as received and as sent, in the format of IOS.
    damping: its flap history.
    vrf: whose routing table has its next hop; "": the global one.
    """

    path: str
    next_hop: str
    metric: int | None
    sender: str
    identifier: str
    origin: str
    med: int | None
    local_pref: int
    weight: int
    marks: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    communities: tuple[str, ...] = ()
    originator: str = ""
    clusters: tuple[str, ...] = ()
    extended: str = ""
    large: str = ""
    groups: tuple[int, ...] | None = None
    heard_as: str = "0"
    told_as: str = "0"
    damping: str = ""
    vrf: str = ""


class ShowPrefix(Value):
    """The answer about one prefix; prefix None: it is not in the table. total: number of paths, shown or not.

    notes: why it is not advertised, or not in the routing table. groups: update groups that receive it, by number.
    vrf, rd: of a VRF, its name and its route distinguisher.
    """

    prefix: Prefix | None = None
    version: int = 0
    best: int = 0
    paths: tuple[PathDetail, ...] = ()
    is_active: bool = True
    total: int = 0
    notes: tuple[str, ...] = ()
    groups: tuple[int, ...] = ()
    vrf: str = ""
    rd: str = ""


class ShowDetails(Value):
    """All prefixes."""

    prefixes: tuple[ShowPrefix, ...] = ()
    is_active: bool = True


def query_prefix(ctx: ShowContext, args: Args) -> ShowPrefix:
    """Return the requested prefix, or the longest prefix with the address."""
    machine = active(ctx, args)
    if machine is None:
        return ShowPrefix(is_active=False)
    destinations = machine.routes.table.destinations
    wanted = wanted_prefix(args)
    if wanted is None:
        address = args.any_address("destination")
        holding = [prefix for prefix in breathing(tuple(destinations)) if address in prefix]
        wanted = max(holding, key=lambda prefix: prefix.length, default=None)
    found = destinations.get(wanted) if wanted is not None else None
    if wanted is None or found is None:
        return ShowPrefix()
    return _of_prefix(machine, wanted, found, args, ctx.now)


def query_details(ctx: ShowContext, args: Args) -> ShowDetails:
    """Return every prefix with all details."""
    machine = active(ctx, args)
    if machine is None:
        return ShowDetails(is_active=False)
    found = in_order(machine.routes.table.destinations.items())
    return ShowDetails(
        prefixes=tuple(
            _of_prefix(machine, prefix, destination, args, ctx.now) for prefix, destination in breathing(found)
        )
    )


def _of_prefix(machine: Table, prefix: Prefix, found: Destination, args: Args, now: float) -> ShowPrefix:
    paths = sorted_paths(found)
    best = next((number for number, path in enumerate(paths, 1) if path is found.chosen), 0)
    if "bestpath" in args:
        paths = [path for path in paths if path is found.chosen]
    elif "multipaths" in args:
        paths = [path for path in paths if path in found.best]
    return ShowPrefix(
        prefix,
        found.version,
        best,
        tuple(_detail(machine, prefix, found, path, now) for path in paths),
        total=len(found.paths),
        notes=tuple(_notes(machine, prefix, found)),
        groups=tuple(group.number for group in machine.groups if group.advertised_of(prefix)),
        vrf=machine.vrf,
        rd=machine.config.vpn.rd,
    )


def _notes(machine: Table, prefix: Prefix, found: Destination) -> Iterator[str]:
    """Yield why a prefix is not advertised, or not in the routing table."""
    said = () if found.chosen is None else found.chosen.attributes.communities
    yield from (words for community, words in _KEPT.items() if community in said)
    if prefix in machine.routes.suppressed:
        yield "Advertisements suppressed by an aggregate."
    if found.chosen is not None and not found.chosen.own and machine.routes.instead(prefix) is not None:
        yield "RIB-failure(17)"


def render_prefix(answer: ShowPrefix) -> Iterator[str]:
    """Yield every path of a prefix with all details."""
    if answer.prefix is None:
        yield NOT_THERE
        return
    rd = f"{answer.rd}:" if answer.rd else ""
    yield f"BGP routing table entry for {rd}{spelled(answer.prefix)}, version {answer.version}"
    best = f"best #{answer.best}" if answer.best else "no best path"
    table = f"table {answer.vrf or 'default'}"
    yield f"Paths: ({answer.total} available, {', '.join((best, table, *answer.notes))})"
    is_each = any(one.groups is not None for one in answer.paths)
    if not is_each:
        yield "  Advertised to update-groups:" if answer.groups else "  Not advertised to any peer"
        yield from _numbers(answer.groups)
    for one in answer.paths:
        if is_each:
            yield "  Path advertised to update-groups:" if one.groups else "  Path not advertised to any peer"
            yield from _numbers(one.groups or ())
        yield "  Refresh Epoch 1"
        yield "  " + ", ".join((one.path or "Local", *one.remarks))
        way = "inaccessible" if one.metric is None else f"metric {one.metric}"
        where = f"{one.next_hop} ({way})" if one.metric != 0 else one.next_hop
        if one.vrf:
            where += f" (via vrf {one.vrf})"
        yield f"    {where} from {one.sender} ({one.identifier})"
        metric = f", metric {one.med}" if one.med is not None else ""
        weight = f", weight {one.weight}" if one.weight else ""
        yield f"      Origin {one.origin}{metric}, localpref {one.local_pref}{weight}, {', '.join(one.marks)}"
        if one.communities:
            yield f"      Community: {' '.join(one.communities)}"
        if one.extended:
            yield f"      Extended Community: {one.extended}"
        if one.large:
            yield f"      Large Community: {one.large}"
        if one.originator:
            yield f"      Originator: {one.originator}, Cluster list: {', '.join(one.clusters)}"
        if one.damping:
            yield f"      Dampinfo: {one.damping}"
        yield f"      rx pathid: {one.heard_as}, tx pathid: {one.told_as}"


def render_prefixes(answers: tuple[ShowPrefix, ...]) -> Iterator[str]:
    """Yield a prefix in all VRFs that have it."""
    found = [answer for answer in answers if answer.prefix is not None]
    yield from (line for answer in found for line in render_prefix(answer))
    if not found:
        yield NOT_THERE


def _numbers(groups: tuple[int, ...]) -> Iterator[str]:
    if groups:
        yield f"     {' '.join(f'{number:<10}' for number in groups)}"


def render_details(answer: ShowDetails) -> Iterator[str]:
    """Yield the lines of all prefixes."""
    for one in answer.prefixes:
        yield from render_prefix(one)


def _remarks(machine: Table, prefix: Prefix, path: Path) -> Iterator[str]:
    """Yield the aggregator of a path, and remarks about the neighbor that sent it."""
    if path.imported is not None:
        yield f"imported path from {path.imported.rd}:{prefix} ({path.imported.vrf})"
    made = path.attributes.aggregator
    if made is not None:
        yield f"(aggregated by {made.autonomous_system} {made.address})"
    if path.client:
        yield "(Received from a RR-client)"
    if path.damped:
        yield "(suppressed due to dampening)"
    peer = machine.peers.get(path.peer)
    if peer is None or not peer.settings.lines.soft_reconfiguration:
        return
    if peer.received.get(named(prefix, path.number)) == path.attributes:
        yield "(received & used)"


def _detail(machine: Table, prefix: Prefix, found: Destination, path: Path, now: float) -> PathDetail:
    attributes = path.attributes
    kind = _kind(path)
    marks = (
        ["sourced", "local"] if path.own and path.origin is PathOrigin.NETWORK else ["sourced" if path.own else kind]
    )
    if path.origin is PathOrigin.AGGREGATE:
        marks = ["aggregated", "local"]
    if attributes.atomic:
        marks.append("atomic-aggregate")
    metric = path_metric(path, machine.routes.table.metric_to)
    if metric is not None:
        marks.insert(0, "valid")
    if path is found.chosen:
        marks.append("best")
    elif path in found.best:
        marks.append("multipath")
    marks += [words for merit, words in _MERITS.items() if merit in merits_of(found, path)]
    own, is_ours = str(machine.router_id), path.own or (path.imported is not None and path.imported.is_own)
    return PathDetail(
        path_text(attributes.path),
        spelled(attributes.next_hop),
        metric,
        spelled(path.teller),
        own if is_ours else str(path.identifier),
        attributes.origin.name if attributes.origin is not Origin.INCOMPLETE else "incomplete",
        attributes.med,
        path.local_pref,
        path.weight,
        tuple(marks),
        tuple(_remarks(machine, prefix, path)),
        tuple(communities_text([one]) for one in sorted(attributes.communities)),
        str(attributes.originator or ""),
        tuple(map(str, attributes.clusters)),
        extended_text(dict.fromkeys((*attributes.extended_numbers, *machine.exports.targets_of(prefix, path)))),
        large_text(attributes.large_numbers),
        _groups_of(machine, prefix, found, path),
        "0" if path.number is None else f"{path.number:#x}",
        _told_as(found, path),
        _damping(machine, prefix, path, now),
        machine.vrf if path.imported is None else path.imported.vrf,
    )


def _damping(machine: Table, prefix: Prefix, path: Path, now: float) -> str:
    """Return the flap history of a path; "": it has none."""
    nlri = named(prefix, path.number)
    flap = machine.flaps.history(path.peer, nlri)
    if flap is None:
        return ""
    reuse = machine.flaps.reuse_in(path.peer, nlri, now)
    when = f", reuse in {age(reuse)}" if reuse is not None else ""
    penalty = round(machine.flaps.penalty(flap, now))
    return f"penalty {penalty}, flapped {flap.count} times in {age(now - flap.since)}{when}"


def _kind(path: Path) -> str:
    """Return the kind of the neighbor that sent a path; paths through our confederation have names of their own."""
    if path.confederate:
        return "confed-external"
    if path.internal and any(part.is_inside for part in path.attributes.path):
        return "confed-internal"
    return "internal" if path.internal else "external"


def _told_as(found: Destination, path: Path) -> str:
    """Return the path identifier that we send; without additional paths, only the best path has one."""
    number = next((one.number for one in found.candidates if one.path is path), None)
    if number is None:
        return "0x0" if path is found.chosen and not found.candidates else "0"
    return f"{number:#x}"


def _groups_of(machine: Table, prefix: Prefix, found: Destination, path: Path) -> tuple[int, ...] | None:
    """Return the update groups that receive a path; None: no additional paths are selected."""
    if not found.candidates:
        return None
    number = next((one.number for one in found.candidates if one.path is path), None)
    return tuple(
        group.number
        for group in machine.groups
        if (
            number is not None and NumberedPrefix(prefix, number) in group.adj_rib_out
            if group.audience.numbered
            else path is found.chosen and prefix in group.adj_rib_out
        )
    )


_NOT_ENABLED: Final = "% dampening not enabled for base"


class ShowParameters(Value):
    """The dampening parameters. half_life, decay, longest: seconds. highest: maximum penalty. is_default: not
    configured.
    """

    is_active: bool = True
    is_enabled: bool = False
    is_default: bool = True
    half_life: int = 0
    decay: int = 0
    longest: int = 0
    highest: int = 0
    suppress: int = 0
    reuse: int = 0


class FlapLine(Value):
    """A route. status: the codes before it. flaps: in `duration`. reuse: time until it is used again; "":
    it is in use.
    """

    status: str
    prefix: Prefix
    sender: str
    flaps: int
    duration: str
    reuse: str
    path: str


class ShowFlaps(Value):
    """Routes with a flap history. version 0: BGP is not configured."""

    version: int = 0
    router_id: str = ""
    is_enabled: bool = False
    lines: tuple[FlapLine, ...] = ()


def query_parameters(ctx: ShowContext, args: Args) -> ShowParameters:
    """Return the configured parameters."""
    machine = active(ctx, args)
    if machine is None:
        return ShowParameters(is_active=False)
    limits = machine.config.dampening
    if limits is None:
        return ShowParameters()
    return project(
        ShowParameters,
        limits,
        is_enabled=True,
        is_default=limits == type(limits)(),
        decay=int(limits.half_life * log2(max(limits.highest / limits.suppress, 1))) // 10 * 10,
        highest=int(limits.highest),
    )


def query_damped(ctx: ShowContext, args: Args) -> ShowFlaps:
    """Return the suppressed routes."""
    return _flaps(ctx, args, only_damped=True)


def query_flaps(ctx: ShowContext, args: Args) -> ShowFlaps:
    """Return all routes with a flap history."""
    return _flaps(ctx, args, only_damped=False)


def _flaps(ctx: ShowContext, args: Args, *, only_damped: bool) -> ShowFlaps:
    machine = active(ctx, args)
    if machine is None:
        return ShowFlaps()
    return ShowFlaps(
        version=machine.routes.table.version,
        router_id=str(machine.router_id),
        is_enabled=machine.config.dampening is not None,
        lines=tuple(_lines(machine, ctx.now, only_damped=only_damped)),
    )


def _lines(machine: Table, now: float, *, only_damped: bool) -> Iterator[FlapLine]:
    flaps = machine.flaps
    for (address, nlri), flap in flaps.all():
        peer = machine.peers.get(address)
        received = peer.received.get(nlri) if peer is not None else None
        reuse = flaps.reuse_in(address, nlri, now)
        if only_damped and (reuse is None or received is None):
            continue
        path = path_text(flap.path if received is None else received.path)
        origin = f" {ORIGINS[received.origin]}" if received is not None else ""
        yield FlapLine(
            " h " if received is None else "*d " if reuse is not None else "*  ",
            prefix_of(nlri),
            spelled(address),
            flap.count,
            age(now - flap.since),
            age(reuse) if reuse is not None else "",
            f"{path}{origin}",
        )


def render_parameters(answer: ShowParameters) -> Iterator[str]:
    """Yield the lines in the format of IOS."""
    if not answer.is_active or not answer.is_enabled:
        yield _NOT_ENABLED if answer.is_active else NOT_ACTIVE
        return
    minutes = answer.half_life // 60, answer.longest // 60
    mark = " (DEFAULT)" if answer.is_default else ""
    yield f" dampening {minutes[0]} {answer.reuse} {answer.suppress} {minutes[1]}{mark}"
    yield f"  Half-life time      : {f'{minutes[0]} mins':<14}Decay Time       : {answer.decay} secs"
    yield f"  Max suppress penalty: {answer.highest:>5}         Max suppress time: {minutes[1]} mins"
    yield f"  Suppress penalty    : {answer.suppress:>5}         Reuse penalty    : {answer.reuse}"
    yield ""


def render_damped(answer: ShowFlaps) -> Iterator[str]:
    """Yield a line for each route."""
    yield from _head(answer, "   Network          From             Reuse    Path")
    for one in answer.lines:
        yield f"{one.status}{spelled_prefix(one.prefix):<17}{one.sender:<16} {one.reuse:<8} {one.path}"


def render_flaps(answer: ShowFlaps) -> Iterator[str]:
    """Yield a line for each route."""
    yield from _head(answer, "   Network          From            Flaps Duration Reuse    Path")
    for one in answer.lines:
        name = spelled_prefix(one.prefix)
        yield f"{one.status}{name:<17}{one.sender:<16}{one.flaps:<5} {one.duration:<8} {one.reuse:<8} {one.path}"


def _head(answer: ShowFlaps, columns: str) -> Iterator[str]:
    if not answer.version or not answer.is_enabled:
        yield _NOT_ENABLED if answer.version else NOT_ACTIVE
        return
    if answer.lines:
        yield f"BGP table version is {answer.version}, local router ID is {answer.router_id}"
        yield from CODES
        yield ""
        yield columns


_HELP: Final = {
    "dampening": "Routes that come and go",
    "parameters": "What holds for them",
    "dampened-paths": "Those that wait",
    "flap-statistics": "How often they went",
}


COMMANDS: Final = (
    *spellings("detail", {"detail": "Every prefix with all its paths"}, query_details, render_details, gap=True),
    *spellings(
        "( {destination:family} ) [ bestpath | multipaths ]",
        {
            "prefix": "Exactly this one",
            "destination": "The way to this address",
            "mask": "Exactly the prefix with this mask",
            "bestpath": "Its best path",
            "multipaths": "Its paths in use",
        },
        query_prefix,
        render_prefix,
        join=render_prefixes,
    ),
    *spellings("dampening parameters", _HELP, query_parameters, render_parameters, gap=True),
    *spellings("( dampening dampened-paths | dampened-paths )", _HELP, query_damped, render_damped, gap=True),
    *spellings("( dampening flap-statistics | flap-statistics )", _HELP, query_flaps, render_flaps, gap=True),
)
