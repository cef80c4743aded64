"""`show ip ospf`, `border-routers` (the paths to them) and `summary-address` (of external prefixes), the block of each
process in `show ip protocols`; and `clear ip ospf process`.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import spelled
from dmvpn.base.values import Value
from dmvpn.features.ospf.lsa import RouterFlag
from dmvpn.features.ospf.model import AreaKind, AreaRange, Redistribution
from dmvpn.features.ospf.show.common import HELP, OSPF, count_of_kinds, heading, own_processes, processes, version_of
from dmvpn.ios import Args, Ask, ExecCommand, ShowContext, age, interface_sort_key
from dmvpn.ios.routing import filter_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ospf.machine import Process
    from dmvpn.features.ospf.spf import Reached, RunningArea


# ------------------------------------------------------------------------------------------------ processes


_KINDS: Final = {AreaKind.NORMAL: "", AreaKind.STUB: "stub", AreaKind.NSSA: "NSSA"}


class AreaEntry(Value, kw_only=True):
    """One area. ago: since the last calculation. stubby: no LSAs of other areas. translates: its type 7."""

    title: str
    kind: str
    stubby: bool
    translates: bool
    ranges: tuple[str, ...]
    filters: tuple[str, ...]
    interfaces: int
    calculations: int
    ago: str
    advertisements: int
    checksums: int


class ProcessEntry(Value, kw_only=True):
    """One process.

    spf, lsa: milliseconds of their throttles. roles: the borders that it is at. sources: redistributed sources. kinds:
    how many areas are normal, stub, NSSA. vrf: "" for the global table. domain: its identifier (RFC 4577
    §4.2.4) if it is a provider's router in the VRF, else "".
    """

    number: int
    router: str
    roles: tuple[str, ...]
    sources: tuple[str, ...]
    kinds: tuple[int, int, int]
    spf: tuple[int, int, int]
    lsa: tuple[int, int, int]
    arrival: int
    resort: bool
    externals: int
    checksums: int
    reference: int
    vrf: str = ""
    domain: str = ""
    helps: bool
    helps_strictly: bool
    limit: tuple[str, ...]
    areas: tuple[AreaEntry, ...]


class ShowProcesses(Value):
    """The answer to `show ip ospf`."""

    processes: tuple[ProcessEntry, ...]


def query_processes(ctx: ShowContext, args: Args) -> ShowProcesses:
    """Return all processes."""
    return ShowProcesses(tuple(_entry(process, ctx.now) for process in processes(ctx, args)))


def _entry(process: Process, now: float) -> ProcessEntry:
    outside = ("autonomous system boundary",) if process.state.is_boundary else ()
    return ProcessEntry(
        number=process.number,
        router=str(process.router_id),
        roles=(*(("area border",) if process.state.is_border else ()), *outside),
        sources=tuple(_source(one) for one in process.settings.redistributions),
        kinds=count_of_kinds(process),
        spf=process.settings.spf_throttle,
        lsa=process.settings.lsa_throttle,
        arrival=process.settings.lsa_arrival,
        resort=process.state.last_resort is not None,
        externals=len(process.externals.entries),
        checksums=process.externals.checksum_sum(),
        reference=process.settings.reference_bandwidth,
        helps=process.settings.helps,
        helps_strictly=process.settings.helps_strictly,
        limit=_limit(process, now),
        areas=tuple(_area(process, area, now) for area in process.areas.values()),
        vrf=process.state.context.ports.vrf,
        domain=str(IPv4Address(process.number)) if process.state.is_provider_edge else "",
    )


def _limit(process: Process, now: float) -> tuple[str, ...]:
    """Return the limit of `max-lsa`, and the current count."""
    limit, state = process.settings.lsa_limit, process.limit
    if limit is None:
        return ()
    lines = (
        f"Maximum number of non self-generated LSA allowed {limit.maximum}",
        f"    Current number of non self-generated LSA {state.count}",
        f"    Threshold for warning message {limit.threshold}%",
    )
    if limit.warning_only:
        return lines
    times = f"    Ignore-time {limit.ignore_minutes} minutes, reset-time {limit.reset_minutes} minutes"
    counts = f"    Ignore-count allowed {limit.ignore_count}, current ignore-count {state.ignored}"
    if not state.is_ignoring:
        return (*lines, times, counts)
    left = "until it is cleared" if state.until is None else f"for {age(state.until - now)}"
    return (*lines, times, counts, f"    All packets are ignored, {left}")


def _source(one: Redistribution) -> str:
    """Return a redistribution source as its configuration line names it."""
    name = f"{one.source.value} {one.process}".rstrip()
    return name if one.metric is None else f"{name} with metric mapped to {one.metric}"


def _area(process: Process, area: RunningArea, now: float) -> AreaEntry:
    return AreaEntry(
        title="BACKBONE(0)" if area.number == 0 else area.title,
        kind=_KINDS[area.settings.kind],
        stubby=area.settings.no_summary and process.state.is_border,
        translates=process.state.is_border and area.translates(process.router_id),
        ranges=tuple(_range(process, area, each) for each in area.settings.ranges),
        filters=tuple(
            f"{name} {way}"
            for way, name in (("in", area.settings.filter_in), ("out", area.settings.filter_out))
            if name
        ),
        interfaces=sum(interface.area is area for interface in process.interfaces.values()),
        calculations=area.calculations,
        ago=age(now - area.calculated) if area.tree is not None else "never",
        advertisements=len(area.database.entries),
        checksums=area.database.checksum_sum(),
    )


def _range(process: Process, area: RunningArea, each: AreaRange) -> str:
    active = process.state.found.active.get((area.number, each.prefix))
    state = f"Active({active.cost})" if active is not None else "Passive"
    return f"{each.prefix} {state} {'Advertise' if each.advertise else 'DoNotAdvertise'}"


def render_processes(answer: ShowProcesses) -> Iterator[str]:
    """Yield a paragraph for each process, and in it one for each area."""
    for process in answer.processes:
        start, hold, most = process.spf
        yield f' Routing Process "ospf {process.number}" with ID {process.router}'
        if process.domain:
            yield f"   Domain ID type 0x0005, value {process.domain}"
            yield f" Connected to MPLS VPN Superbackbone, VRF {process.vrf}"
        if process.roles:
            yield f" It is an {' and '.join(process.roles)} router"
        if process.sources:
            yield " Redistributing External Routes from,"
            yield from (f"    {source}" for source in process.sources)
        yield f" Initial SPF schedule delay {start} msecs"
        yield f" Minimum hold time between two consecutive SPFs {hold} msecs"
        yield f" Maximum wait time between two consecutive SPFs {most} msecs"
        start, hold, most = process.lsa
        yield f" Initial LSA throttle delay {start} msecs"
        yield f" Minimum hold time for LSA throttle {hold} msecs"
        yield f" Maximum wait time for LSA throttle {most} msecs"
        yield f" Minimum LSA arrival {process.arrival} msecs"
        yield from (f" {line}" for line in process.limit)
        if process.resort:
            yield " Originating router-LSAs with maximum metric"
        yield f" Number of external LSA {process.externals}. Checksum Sum 0x{process.checksums:06X}"
        normal, stub, nssa = process.kinds
        areas = f"{normal} normal {stub} stub {nssa} nssa"
        yield f" Number of areas in this router is {len(process.areas)}. {areas}"
        strictly = ", until the network changes" if process.helps_strictly else ""
        yield f" IETF NSF helper support {'enabled' if process.helps else 'disabled'}{strictly}"
        yield f" Reference bandwidth unit is {process.reference} mbps"
        for area in process.areas:
            yield f"    Area {area.title}"
            if area.kind:
                yield f"        It is a {area.kind} area" + (", no summary LSA in this area" if area.stubby else "")
            if area.translates:
                yield "        Perform type-7/type-5 LSA translation"
            for line in area.ranges:
                yield f"        Area range {line}"
            for line in area.filters:
                yield f"        Area-filter {line}"
            yield f"        Number of interfaces in this area is {area.interfaces}"
            yield f"        SPF algorithm last executed {area.ago} ago"
            yield f"        SPF algorithm executed {area.calculations} times"
            yield f"        Number of LSA {area.advertisements}. Checksum Sum 0x{area.checksums:06X}"


def clear_process(ctx: ShowContext, args: Args) -> Ask:
    """Clear the process (`clear ip ospf process`): asks first, as IOS does."""
    number, version = args.integer("number", None), version_of(args)

    def then(answer: str) -> object:
        from dmvpn.features.ospf.machine import ClearProcess

        return ClearProcess(number, version) if answer.strip().lower() in ("y", "yes") else None

    if number is None:
        return Ask(then=then, prompt="Reset ALL OSPF processes? [no]: ")
    return Ask(then=then, prompt=f"Reset OSPF process {number}? [no]: ")


PROCESS: Final = ExecCommand(OSPF, HELP, query=query_processes, render=render_processes)
CLEAR: Final = ExecCommand(
    "clear ip ospf [ {number:1-65535} ] process",
    {**HELP, "number": "Number of the process", "process": "Reset neighbors, and learn all routes again"},
    action=clear_process,
    privilege=15,
)


# ------------------------------------------------------------------------------------------------ border routers


_ROLES: Final = {
    RouterFlag.BORDER: "ABR",
    RouterFlag.EXTERNAL: "ASBR",
    RouterFlag.BORDER | RouterFlag.EXTERNAL: "ABR/ASBR",
}


class BorderRouter(Value, kw_only=True):
    """One path to a border router. inside: within an area. hops: addresses and interfaces. spf: calculations so far."""

    router: str
    inside: bool
    cost: int
    hops: tuple[tuple[str, str], ...]
    kind: str
    area: int
    spf: int


class BorderRouters(Value):
    """Those of one process."""

    own: str
    process: int
    routers: tuple[BorderRouter, ...]


class ShowBorderRouters(Value):
    """The answer to `show ip ospf border-routers`."""

    processes: tuple[BorderRouters, ...]


def query_border_routers(ctx: ShowContext, args: Args) -> ShowBorderRouters:
    """Return all processes."""
    return ShowBorderRouters(
        tuple(BorderRouters(str(each.router_id), each.number, tuple(_routers(each))) for each in processes(ctx, args))
    )


def _routers(process: Process) -> Iterator[BorderRouter]:
    found: list[tuple[IPv4Address, int, bool, Reached]] = []
    near: dict[IPv4Address, None] = {}
    for area in process.areas.values():
        for router, reached in area.tree.routers.items() if area.tree is not None else ():
            if _kind(reached) and router != process.router_id:
                found.append((router, area.number, True, reached))
                near[router] = None
    far = {
        router: each for router, each in process.state.found.borders.items() if router not in (process.router_id, *near)
    }
    found += [(router, number, False, reached) for router, (number, reached) in far.items()]
    for router, number, inside, reached in sorted(found, key=lambda each: each[:2]):
        yield BorderRouter(
            router=str(router),
            inside=inside,
            cost=reached.cost,
            hops=tuple((spelled(hop.address), hop.interface) for hop in reached.hops),
            kind=_kind(reached),
            area=number,
            spf=process.areas[number].calculations,
        )


def _kind(reached: Reached) -> str:
    return _ROLES.get(RouterFlag(reached.flags) & (RouterFlag.BORDER | RouterFlag.EXTERNAL), "")


def render_border_routers(answer: ShowBorderRouters) -> Iterator[str]:
    """Yield a line for each path."""
    for process in answer.processes:
        yield from heading(process.own, process.process)
        yield ""
        yield "\t\tBase Topology (MTID 0)"
        yield ""
        yield "Internal Router Routing Table"
        yield "Codes: i - Intra-area route, I - Inter-area route"
        yield ""
        for each in process.routers:
            code = "i" if each.inside else "I"
            for address, interface in each.hops:
                yield (
                    f"{code} {each.router} [{each.cost}] via {address}, {interface}, {each.kind}, Area {each.area}, "
                    f"SPF {each.spf}"
                )


BORDERS: Final = ExecCommand(
    f"{OSPF} border-routers",
    {**HELP, "border-routers": "Paths to area border routers and AS boundary routers"},
    query=query_border_routers,
    render=render_border_routers,
)


# ------------------------------------------------------------------------------------------------ summary addresses


class SummaryAddress(Value):
    """One `summary-address`. metric: -1, and kind: 0, while it contains no route; else kind 1 or 2."""

    address: str
    mask: str
    metric: int
    kind: int
    tag: int


class ProcessSummaries(Value):
    """Those of one process, as configured. router: its identifier."""

    process: int
    router: str
    summaries: tuple[SummaryAddress, ...]


class ShowSummaryAddresses(Value):
    """The answer to `show ip ospf summary-address`."""

    processes: tuple[ProcessSummaries, ...]


def query_summary_addresses(ctx: ShowContext, args: Args) -> ShowSummaryAddresses:
    """Return each `summary-address` with its metric, type and tag."""
    found = []
    for process in processes(ctx, args):
        summaries = tuple(
            SummaryAddress(
                address=spelled(each.prefix.address),
                mask=str(each.prefix.netmask),
                metric=body.metric if body is not None else -1,
                kind=0 if body is None else 1 + body.is_type_2,
                tag=each.tag,
            )
            for each, body in process.redistributor.summed_up()
        )
        found.append(ProcessSummaries(process.number, str(process.router_id), summaries))
    return ShowSummaryAddresses(tuple(found))


def render_summary_addresses(answer: ShowSummaryAddresses) -> Iterator[str]:
    """Yield a list for each process."""
    for process in answer.processes:
        yield f"OSPF Process {process.process}, Summary-address"
        yield ""
        for each in process.summaries:
            yield f"{each.address}/{each.mask} Metric {each.metric}, Type {each.kind}, Tag {each.tag}"


SUMMARY_ADDRESSES: Final = ExecCommand(
    f"{OSPF} summary-address",
    {**HELP, "summary-address": "Summary prefixes of external routes"},
    query=query_summary_addresses,
    render=render_summary_addresses,
)


# ------------------------------------------------------------------------------------------------ show ip protocols


def ip_protocols(ctx: ShowContext) -> list[str]:
    """Return the lines of all processes, an empty one between two blocks."""
    lines: list[str] = []
    for process in own_processes(ctx):
        if lines:
            lines.append("")
        lines += _block(process, ctx.now)
    return lines


def protocol_names(ctx: ShowContext) -> list[str]:
    """Return the processes that run."""
    return [f"ospf {process.number}" for process in own_processes(ctx)]


def _block(process: Process, now: float) -> Iterator[str]:
    settings = process.settings
    normal, stub, nssa = count_of_kinds(process)
    yield f'Routing Protocol is "ospf {process.number}"'
    yield from filter_lines(settings.distribution)
    yield f"  Router ID {process.router_id}"
    yield f"  Number of areas in this router is {len(process.areas)}. {normal} normal {stub} stub {nssa} nssa"
    yield f"  Maximum path: {settings.maximum_paths}"
    yield "  Routing for Networks:"
    for network in settings.networks:
        yield f"    {network.address} {network.wildcard} area {network.area}"
    attached = [name for name in process.interfaces if process.state.own_of(name).process is not None]
    if attached:
        yield "  Routing on Interfaces Configured Explicitly:"
        yield from (f"    {name}" for name in sorted(attached, key=interface_sort_key))
    passive = [name for name, interface in process.interfaces.items() if interface.settings.passive]
    if passive:
        yield "  Passive Interface(s):"
        yield from (f"    {name}" for name in sorted(passive, key=interface_sort_key))
    yield "  Routing Information Sources:"
    yield "    Gateway         Distance      Last Update"
    for gateway, (distance, since) in sorted(_gateways(process).items()):
        yield f"    {gateway!s:<16}{distance:>8}      {age(now - since)}"
    intra, inter, external = settings.distances
    if intra == inter == external:
        yield f"  Distance: (default is {intra})"
    else:
        yield f"  Distance: intra-area {intra} inter-area {inter} external {external}"


def _gateways(process: Process) -> dict[IPv4Address, tuple[int, float]]:
    """Return the routers that originated installed routes, with the distance and the time of the latest change."""
    found: dict[IPv4Address, tuple[int, float]] = {}
    for prefix, route in process.offers.offered.items():
        if prefix not in process.state.found.routes:
            continue
        origin = process.state.found.routes[prefix].origin
        _, since = found.get(origin, (0, float("-inf")))
        found[origin] = (route.distance, max(since, route.since))
    return found
