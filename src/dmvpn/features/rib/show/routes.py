"""`show ip route [protocol | A.B.C.D | summary]`, the table in IOS's columns, and `show ip protocols [summary]`.

Column 0 holds the letter of the source, 1 the `*` of the default route, 2 and 3 the subcode, 4 the `%` of a next-hop
override. A subnet's prefix starts at column 9, that of a classful network, a supernet or the default route at column 6.
A line that would be longer than the terminal is broken behind the prefix.

Every routing protocol says its own block of `show ip protocols`, and its name (`Feature.protocol_blocks`,
`protocol_names`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED, Prefix, mask_length, spelled
from dmvpn.base.breath import breathing
from dmvpn.base.values import Value
from dmvpn.features.rib.machine import ClearRoutes
from dmvpn.features.rib.show.entries import (
    Gateway,
    Major,
    RouteEntry,
    all_entries,
    find_gateway,
    history_of,
    holding,
    major_of,
    majors,
    past_entries,
    past_holding,
)
from dmvpn.ios import Args, ExecCommand, ShowContext, Unknown, age, answered

# ------------------------------------------------------------------------------------------------ show ip route


WIDTH = 80

LEGEND: Final = (
    "Codes: L - local, C - connected, S - static, R - RIP, M - mobile, B - BGP",
    "       D - EIGRP, EX - EIGRP external, O - OSPF, IA - OSPF inter area ",
    "       N1 - OSPF NSSA external type 1, N2 - OSPF NSSA external type 2",
    "       E1 - OSPF external type 1, E2 - OSPF external type 2, m - OMP",
    "       n - NAT, Ni - NAT inside, No - NAT outside, Nd - NAT DIA",
    "       i - IS-IS, su - IS-IS summary, L1 - IS-IS level-1, L2 - IS-IS level-2",
    "       ia - IS-IS inter area, * - candidate default, U - per-user static route",
    "       H - NHRP, G - NHRP registered, g - NHRP registration summary",
    "       o - ODR, P - periodic downloaded static route, l - LISP",
    "       a - application route",
    "       + - replicated route, % - next hop override, p - overrides from PfR",
    "       & - replicated local route overrides by connected",
    "",
)

#: The words of the command that choose routes, with the letters that they choose.
_SELECTIONS = {
    **{"connected": "CL", "local": "L", "static": "S", "rip": "R", "eigrp": "D", "ospf": "O", "bgp": "B"},
    **{"nhrp": "H", "isis": "i", "mobile": "M", "odr": "o"},
}


class ShowIpRoute(Value):
    """The answer: entries in order, and how they are grouped. overrides: the NHO lines are wanted."""

    gateway: Gateway | None
    entries: tuple[RouteEntry, ...]
    majors: dict[Prefix, Major]
    overrides: bool


def query_routes(ctx: ShowContext, args: Args) -> ShowIpRoute:
    """Return the whole table, or the routes of one source, with one tag, or that an access list permits."""
    if "list" not in args:
        return _selected(all_entries(ctx), args)
    policies, name = ctx.ports.policies.of_routes(), args.text("name")
    return _selected(all_entries(ctx), args, lambda prefix: policies.access_list_permits(name, prefix))


def query_past_routes(ctx: ShowContext, args: Args) -> ShowIpRoute | Unknown:
    """Query the routes of an earlier moment."""
    found = history_of(ctx, args)
    return found if isinstance(found, Unknown) else _selected(past_entries(*found), args)


def _selected(entries: list[RouteEntry], args: Args, listed: Callable[[Prefix], bool] | None = None) -> ShowIpRoute:
    within, only_supernets = _within(args), "supernets-only" in args
    tag, process = args.integer("tag", None), args.integer("process", None)
    letters = next((letters for word, letters in _SELECTIONS.items() if word in args), None)
    selected = tuple(
        entry
        for entry in breathing(entries)
        if (letters is None or entry.letter in letters)
        and (within is None or entry.prefix in within)
        and (not only_supernets or (not entry.prefix.is_default and major_of(entry.prefix) is None))
        and tag in (None, entry.tag)
        and (process is None or entry.process == str(process))
        and (listed is None or listed(entry.prefix))
    )
    return ShowIpRoute(find_gateway(entries), selected, majors(entries), "next-hop-override" in args)


def _within(args: Args) -> Prefix | None:
    """Return the prefix in which routes are wanted; None: everywhere."""
    return args.any_prefix() if "longer-prefixes" in args else None


def render_routes(answer: ShowIpRoute) -> Iterator[str]:
    """Yield legend, gateway of last resort, routes under the headings of their networks."""
    yield from LEGEND
    yield gateway_line(answer.gateway)
    yield ""
    heading: Prefix | None = None
    for entry in answer.entries:
        network = major_of(entry.prefix)
        major = answer.majors.get(network) if network is not None else None
        if network != heading and major is not None and not major.lone:
            yield heading_line(major)
        heading = network
        yield from route_lines(
            entry,
            subnet=major is not None and not major.lone,
            length=major is None or major.lone or major.masks > 1,
            overrides=answer.overrides,
        )


def gateway_line(gateway: Gateway | None) -> str:
    """Return where packets without a better route go."""
    if gateway is None:
        return "Gateway of last resort is not set"
    return f"Gateway of last resort is {spelled(gateway.next_hop or UNSPECIFIED)} to network {gateway.network.address}"


def heading_line(major: Major) -> str:
    """Return the line above the subnets of a classful network."""
    count = f"{major.subnets} subnets"
    if major.masks > 1:
        return f"      {major.network} is variably subnetted, {count}, {major.masks} masks"
    return f"      {major.network.address}/{major.subnet_length} is subnetted, {count}"


def route_lines(entry: RouteEntry, *, subnet: bool, length: bool = True, overrides: bool = False) -> Iterator[str]:
    """Yield the lines of one route: the first next hop behind the prefix, the others under it.

    length: that of the prefix is not in the heading.
    """
    star = "*" if entry.prefix.is_default else " "
    percent = "%" if entry.override else " "
    prefix = entry.prefix if length else entry.prefix.address
    code = f"{entry.letter}{star}{entry.subcode:<2}{percent} {'   ' if subnet else ''}{prefix}"
    hops = list(_hop_texts(entry))
    if len(f"{code} {hops[0]}") > WIDTH:
        yield code
        indent = " " * 11
        yield indent + hops[0]
    else:
        indent = " " * (len(code) + 1)
        yield f"{code} {hops[0]}"
    for text in hops[1:]:
        yield indent + text
    if overrides and entry.override is not None:
        # Of a host the next hop is the host itself: the override names the interface alone.
        hop = f"[NHO][{entry.distance}/255] via {entry.override.address or entry.prefix.address}"
        yield f"{indent}{hop}, {age(entry.override_age)}, {entry.override.interface}"


def _hop_texts(entry: RouteEntry) -> Iterator[str]:
    if entry.discard and entry.letter == "B":
        yield f"[{entry.distance}/0] via {UNSPECIFIED}, {age(entry.age)}, Null0"
        return
    if entry.discard and entry.letter != "S":
        yield f"is a summary, {age(entry.age)}, Null0"
        return
    for hop in entry.next_hops:
        aged = "" if entry.letter in "CLSU" else f", {age(entry.age)}"
        if hop.address is None and hop.interface:
            yield f"is directly connected{entry.of_vrf}{aged}, {hop.interface}"
        elif hop.address is None:  # an aggregate of another VRF, whose table its packets are looked up in
            yield f"[{entry.distance}/{entry.way(hop).metric}] via {UNSPECIFIED}{entry.of_vrf}{aged}, Null0"
        else:
            interface = f", {hop.interface}" if hop.interface else ""
            metric = entry.way(hop).metric
            yield f"[{entry.distance}/{metric}] via {spelled(hop.address)}{entry.of_vrf}{aged}{interface}"


_NUMBER = "{process:1-65535}"
_SELECTION = (
    f"[ connected | local | static | rip | eigrp [ {_NUMBER} ] | ospf [ {_NUMBER} ] | bgp [ {{process:1-4294967295}} ] "
    "| nhrp | next-hop-override | tag {tag:0-4294967295} | isis | mobile | odr ]"
)
_HELP = {
    "route": "The routing table",
    "connected": "Connected routes",
    "local": "Our own addresses",
    "static": "Static routes",
    "rip": "Routes of RIP",
    "eigrp": "Routes of EIGRP",
    "ospf": "Routes of OSPF",
    "bgp": "Routes of BGP",
    "isis": "Routes of IS-IS, which does not run here",
    "mobile": "Routes of Mobile IP, which does not run here",
    "odr": "Routes of On Demand Routing, which does not run here",
    "tag": "Routes with a tag",
    "list": "Routes that an access list permits",
    "name": "Name or number of the list",
    "process": "Autonomous system, or number of the process",
    "nhrp": "Routes of NHRP",
    "next-hop-override": "With the next hops that NHRP put in",
    "at": "As it was at an earlier moment",
    "when": "A time, perhaps with its date; or how long ago",
}
ROUTES = ExecCommand(f"show ip route {_SELECTION}", _HELP, query=query_routes, render=render_routes)
PARTS = ExecCommand(
    "show ip route ( supernets-only | ( {prefix:prefix} | {network:address} {mask:mask} ) longer-prefixes )",
    {
        **_HELP,
        "supernets-only": "Prefixes shorter than those of their class",
        "prefix": "A prefix",
        "network": "A prefix",
        "mask": "Its mask",
        "longer-prefixes": "And all in it",
    },
    query=query_routes,
    render=render_routes,
)
LISTED = ExecCommand("show ip route list {name:word}", _HELP, query=query_routes, render=render_routes)
PAST = ExecCommand(
    f"show ip route {_SELECTION} at {{when:moment}}", _HELP, query=query_past_routes, render=answered(render_routes)
)


#: What the codes of OSPF's routes are called.
_OSPF_TYPES = {
    "IA": "inter area",
    "E1": "extern 1",
    "E2": "extern 2",
    "N1": "NSSA extern 1",
    "N2": "NSSA extern 2",
}


class ShowIpRoutePrefix(Value):
    """The answer: one entry; or a classful network with its entries; or neither, and why."""

    entry: RouteEntry | None
    network: Major | None = None
    subnets: tuple[RouteEntry, ...] = ()
    missing: str = ""


def query_prefix(ctx: ShowContext, args: Args) -> ShowIpRoutePrefix:
    """Query with a mask exactly that prefix; otherwise the longest match, for which the default route does not
    count.
    """
    prefix, exact = _wanted(args)
    return _chosen(prefix, holding(ctx, prefix.address), exact=exact) or _missing(prefix, all_entries(ctx))


def query_past_prefix(ctx: ShowContext, args: Args) -> ShowIpRoutePrefix | Unknown:
    """Query the route of an earlier moment."""
    found = history_of(ctx, args)
    if isinstance(found, Unknown):
        return found
    entries = past_entries(*found)
    prefix, exact = _wanted(args)
    return _chosen(prefix, past_holding(entries, prefix.address), exact=exact) or _missing(prefix, entries)


def _wanted(args: Args) -> tuple[Prefix, bool]:
    """Return the requested prefix; True: an exact match."""
    prefix, mask = args.prefix("prefix"), args.address("mask", None)
    if mask is not None:
        return Prefix.of(prefix.address, mask_length(mask) or 0), True
    return prefix, not prefix.is_host


def _chosen(prefix: Prefix, entries: list[RouteEntry], *, exact: bool) -> ShowIpRoutePrefix | None:
    """Choose of the entries that hold the address, the longest one first."""
    wants_default = prefix.number == 0
    for entry in entries:
        if entry.prefix == prefix if exact else wants_default or not entry.prefix.is_default:
            return ShowIpRoutePrefix(entry)
    return None


def _missing(prefix: Prefix, entries: list[RouteEntry]) -> ShowIpRoutePrefix:
    """Return the answer where no entry fits; a classful network is answered with what lies in it."""
    network = major_of(prefix)
    major = majors(entries).get(network) if network is not None else None
    if network is not None and major is not None and prefix.address == network.address:
        inside = tuple(entry for entry in entries if entry.prefix in network)
        return ShowIpRoutePrefix(None, major, inside)
    return ShowIpRoutePrefix(None, missing="Subnet" if major is not None else "Network")


def render_prefix(answer: ShowIpRoutePrefix) -> Iterator[str]:
    """Yield the particulars of one route."""
    if answer.network is not None:
        major = answer.network
        length = major.network.length if major.masks > 1 else major.subnet_length
        yield f"Routing entry for {major.network.address}/{length}, {major.subnets} known subnets"
        if major.masks > 1:
            yield f"  Variably subnetted with {major.masks} masks"
        for entry in answer.subnets:
            yield from route_lines(entry, subnet=True, length=major.masks > 1)
    elif answer.entry is None:
        yield f"% {answer.missing} not in table"
    else:
        yield from _entry_lines(answer.entry)


def _entry_lines(entry: RouteEntry) -> Iterator[str]:
    supernet = ", supernet" if major_of(entry.prefix) is None and not entry.prefix.is_default else ""
    yield f"Routing entry for {entry.prefix}{supernet}"
    kind = _type(entry)
    yield f"  {_known_via(entry)}{'' if entry.tag else kind}"
    if entry.tag:
        yield f"  Tag {entry.tag}{kind}"
    if entry.source in ("eigrp", "rip"):
        yield f"  Redistributing via {entry.known_via}"
    is_dynamic = entry.letter not in "CLSU"
    first = entry.next_hops[0] if entry.next_hops else None
    if is_dynamic and first is not None and first.address is not None:
        where = f" on {first.interface}," if first.interface else ""
        yield f"  Last update from {spelled(first.address)}{where} {age(entry.age)} ago"
    if entry.failure:
        yield f"  Not in the forwarding table: {entry.failure}"
    yield "  Routing Descriptor Blocks:"
    yield from _descriptor_blocks(entry)


def _known_via(entry: RouteEntry) -> str:
    via = f'Known via "{entry.known_via}", distance {entry.distance}, metric {entry.metric}'
    if entry.letter == "C":
        return f"{via} (connected, via interface)"
    if entry.letter == "L":
        return f'Known via "connected", distance {entry.distance}, metric {entry.metric} (connected)'
    if entry.letter == "S" and entry.next_hops and entry.next_hops[0].address is None:
        via += " (connected)"
    if entry.prefix.is_default:
        via += ", candidate default path"
    return via


def _type(entry: RouteEntry) -> str:
    """Return what kind of route of its protocol it is; behind the tag, if there is one."""
    match entry.source:
        case "eigrp":
            return f", type {'external' if entry.subcode else 'internal'}"
        case "ospf":
            return f", type {_OSPF_TYPES.get(entry.subcode, 'intra area')}"
        case "bgp" if not entry.discard:
            return f", type {'external' if entry.external else 'internal'}"
        case _:
            return ""


def _descriptor_blocks(entry: RouteEntry) -> Iterator[str]:
    if entry.discard:
        yield "  * directly connected, via Null0"
        yield f"      Route metric is {entry.metric}, traffic share count is 1"
        return
    for number, hop in enumerate(entry.next_hops):
        mark = "*" if number == 0 else " "
        if hop.address is None:
            yield f"  {mark} directly connected{entry.of_vrf}, via {hop.interface or 'Null0'}"
        elif entry.letter in "SU":
            yield f"  {mark} {hop.address}" + (f", via {hop.interface}" if hop.interface else "")
        else:
            line = (
                f"{spelled(hop.address)}{entry.of_vrf}, from {spelled(entry.teller(hop.address))}, {age(entry.age)} ago"
            )
            yield f"  {mark} {line}" + (f", via {hop.interface}" if hop.interface else "")
        way = entry.way(hop)
        yield f"      Route metric is {way.metric}, traffic share count is {hop.weight}"
        yield from way.details
    if entry.override is not None:
        hop, aged = entry.override, age(entry.override_age)
        address = hop.address or entry.prefix.address
        yield f"    [NHO]{address}, from {address}, {aged} ago, via {hop.interface}"
        yield "      Route metric is 255, traffic share count is 1"


class SourceCount(Value):
    """How many routes of one source the table has: classful networks, and subnets."""

    source: str
    networks: int
    subnets: int


class RouteSummary(Value):
    """The answer to `show ip route summary`, or to that of IPv6, where every prefix is a network.

    vrf: "", of the global table. lengths: of IPv6 how many prefixes each length has.
    number: of the table, as `show vrf detail` has it; 0 for the global table.
    """

    sources: tuple[SourceCount, ...]
    vrf: str = ""
    number: int = 0
    lengths: tuple[tuple[int, int], ...] = ()
    version: int = 4


def query_summary(ctx: ShowContext, args: Args) -> RouteSummary:
    """Count the table."""
    version = args.version
    counts: dict[str, tuple[int, int]] = {"connected": (0, 0), "static": (0, 0)}
    entries = all_entries(ctx, version)
    for entry in entries:
        source = ("connected" if version == 4 else "local") if entry.letter == "L" else entry.known_via
        networks, subnets = counts.get(source, (0, 0))
        network = major_of(entry.prefix)
        is_subnet = network is not None and network != entry.prefix
        counts[source] = (networks, subnets + 1) if is_subnet else (networks + 1, subnets)
    vrf = ctx.ports.vrf
    number = sum(name < vrf for name in ctx.ports.tables)  # the global table has the name "" and the number 0
    lengths = Counter(entry.prefix.length for entry in entries if version == 6)
    if version == 6 and any(state.runs(6) for state in ctx.ports.interfaces.all()):  # and so has FF00::/8
        counts["local"], lengths[8] = (counts.get("local", (0, 0))[0] + 1, 0), lengths[8] + 1
    sources = tuple(SourceCount(source, *count) for source, count in counts.items())
    return RouteSummary(sources, vrf, number, tuple(sorted(lengths.items())), version)


#: Octets that IOS counts for a route: descriptor, and entry. They give the last two columns their usual size.
_OVERHEAD, _MEMORY = 96, 312


def render_summary(answer: RouteSummary) -> Iterator[str]:
    """Yield the table of counts; of IPv6 also those by length."""
    total = SourceCount(
        "Total", sum(one.networks for one in answer.sources), sum(one.subnets for one in answer.sources)
    )
    name, columns = answer.vrf or "default", "Overhead    Memory (bytes)"
    if answer.version == 6:
        yield f"IPv6 routing table name is {name}({answer.number}) global scope - {total.networks} entries"
        yield "IPv6 routing table default maximum-paths is 16"
        yield f"Route Source    Networks    {columns}"
    else:
        yield f"IP routing table name is {name} (0x{answer.number:X})"
        yield "IP routing table maximum-paths is 32"
        yield f"Route Source    Networks    Subnets     Replicates  {columns}"
    for one in (*answer.sources, total):
        routes = one.networks + one.subnets
        counts = (one.networks,) if answer.version == 6 else (one.networks, one.subnets, 0)
        cells = (*counts, routes * _OVERHEAD, routes * _MEMORY)
        yield f"{one.source:<16}" + "".join(f"{cell:<12}" for cell in cells).rstrip()
    if answer.lengths:
        yield ""
        yield "  Number of prefixes:"
        yield f"    {', '.join(f'/{length}: {number}' for length, number in answer.lengths)}"


_PREFIX_HELP = {
    "prefix": "An address, or a prefix",
    "mask": "Its mask: exactly this prefix",
    "at": "As it was at an earlier moment",
    "when": "A time, perhaps with its date; or how long ago",
}
PREFIX = ExecCommand(
    "show ip route {prefix:prefix} [ {mask:mask} ]", _PREFIX_HELP, query=query_prefix, render=render_prefix
)
PAST_PREFIX = ExecCommand(
    "show ip route {prefix:prefix} [ {mask:mask} ] at {when:moment}",
    _PREFIX_HELP,
    query=query_past_prefix,
    render=answered(render_prefix),
)
SUMMARY, IPV6_SUMMARY = (
    ExecCommand(f"show {ip} route summary", {"summary": "How many routes"}, query=query_summary, render=render_summary)
    for ip in ("ip", "ipv6")
)


# ------------------------------------------------------------------------------------------------ show ip protocols


class ShowIpProtocols(Value):
    """The blocks, in the order of the features."""

    blocks: tuple[tuple[str, ...], ...]


def query_protocols(ctx: ShowContext, args: Args) -> ShowIpProtocols:
    """Ask every feature that routes."""
    answers = [feature.protocol_blocks(ctx) for feature in ctx.awake if feature.protocol_blocks is not None]
    return ShowIpProtocols(tuple(tuple(lines) for lines in answers if lines))


def query_ipv6_protocols(ctx: ShowContext, args: Args) -> ShowIpProtocols:
    """Ask every feature that routes IPv6; first what every router has, as on IOS."""
    answers = [feature.ipv6_blocks(ctx) for feature in ctx.awake if feature.ipv6_blocks is not None]
    own = [[f'IPv6 Routing Protocol is "{name}"'] for name in ("connected", "ND", "static")]
    return ShowIpProtocols(tuple(tuple(lines) for lines in (*own, *answers) if lines))


def render_ipv6_protocols(answer: ShowIpProtocols) -> Iterator[str]:
    """Yield the blocks."""
    for block in answer.blocks:
        yield from block


def render_protocols(answer: ShowIpProtocols) -> Iterator[str]:
    """Yield the blocks with an empty line behind each."""
    yield "*** IP Routing is NSF aware ***"
    yield ""
    for block in answer.blocks:
        yield from block
        yield ""


class ShowIpProtocolsSummary(Value):
    """What brings routes in, in the order of IOS: connected networks, static routes, then the processes."""

    processes: tuple[str, ...]


def query_protocols_summary(ctx: ShowContext, args: Args) -> ShowIpProtocolsSummary:
    """Ask every feature that routes for the names of its processes."""
    names = [name for feature in ctx.awake if feature.protocol_names for name in feature.protocol_names(ctx)]
    return ShowIpProtocolsSummary(("connected", "static", *names))


def render_protocols_summary(answer: ShowIpProtocolsSummary) -> Iterator[str]:
    """Yield a line each, numbered."""
    yield "Index Process Name"
    yield from (f"{number:<6}{name}" for number, name in enumerate(answer.processes))
    yield "*** IP Routing is NSF aware ***"
    yield ""


def clear_routes(ctx: ShowContext, args: Args) -> ClearRoutes:
    """Clear routes (`clear ip route`)."""
    return ClearRoutes(args.any_prefix(None), ctx.ports.vrf)


IPV6_PROTOCOLS = ExecCommand(
    "show ipv6 protocols",
    {"ipv6": "Internet Protocol, version 6", "protocols": "Routing protocols"},
    query=query_ipv6_protocols,
    render=render_ipv6_protocols,
)
PROTOCOLS = ExecCommand(
    "show ip protocols", {"protocols": "Routing protocols"}, query=query_protocols, render=render_protocols
)
PROTOCOLS_SUMMARY = ExecCommand(
    "show ip protocols summary",
    {"protocols": "Routing protocols", "summary": "Their names"},
    query=query_protocols_summary,
    render=render_protocols_summary,
)
CLEAR = ExecCommand(
    "clear ip route ( * | {prefix:prefix} | {network:address} {mask:mask} )",
    {"route": "Routes", "*": "All of them", "prefix": "One prefix", "network": "One prefix", "mask": "Its mask"},
    action=clear_routes,
    privilege=15,
)
