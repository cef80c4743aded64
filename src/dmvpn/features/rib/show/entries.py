"""The output of the route commands, as values: queries on the machine, without a word of layout; and `show ipv6 route`.

`show ipv6 route [protocol | X:X:X:X::X] [at TIME]` has the entries of IPv4 in the layout of IOS for IPv6: the prefix
on a line, its next hops below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix, classful_length, spelled
from dmvpn.base.breath import breathing
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.notices import OwnWay, RouteSource
from dmvpn.base.values import Value, project
from dmvpn.features.rib.machine import Record, RibMachine, RouteHistory
from dmvpn.features.rib.offers import Node, Offer
from dmvpn.ios import Args, ExecCommand, ShowContext, Unknown, age, answered, moment_of

_LETTERS = {
    RouteSource.CONNECTED: "C",
    RouteSource.LOCAL: "L",
    RouteSource.STATIC: "S",
    RouteSource.RIP: "R",
    RouteSource.EIGRP: "D",
    RouteSource.OSPF: "O",
    RouteSource.BGP: "B",
    RouteSource.NHRP: "H",
    RouteSource.ND: "ND",
    RouteSource.HOST: "U",  # IOS's for static routes that are not of the configuration; parsers know no letter of ours
}

#: Sources whose process has a name that people know ("eigrp 100").
_NUMBERED = (RouteSource.EIGRP, RouteSource.OSPF, RouteSource.BGP)


class RouteEntry(Value, kw_only=True):
    """One prefix of the table.

    letter, subcode: as in the legend.
    external: learned by redistribution into the protocol, or from another AS.
    age, override_age: seconds.
    next_hops: the usable next hops, as the protocol gave them; a static route may have no interface.
    told_by: the router that advertised each next hop, as pairs; () if each next hop advertised itself.
    ways: what the ways by next hops are, where they differ.
    override: NHRP's next hop, if it is used.
    failure: why the host does not have the route, or "".
    imported: the VRF that BGP imported the route from, or "".
    """

    prefix: Prefix
    letter: str
    subcode: str
    source: str
    process: str
    distance: int
    metric: int
    tag: int
    external: bool
    discard: bool
    next_hops: tuple[NextHop, ...]
    told_by: tuple[tuple[IPAddress, IPAddress], ...]
    age: float
    override: NextHop | None
    override_age: float
    details: tuple[str, ...]
    ways: tuple[tuple[NextHop, OwnWay], ...]
    failure: str
    imported: str = ""

    def teller(self, hop: IPAddress) -> IPAddress:
        """Return the router that advertised a next hop."""
        return dict(self.told_by).get(hop, hop)

    def way(self, hop: NextHop) -> OwnWay:
        """Return what the way by a next hop costs."""
        return dict(self.ways).get(hop) or OwnWay(self.metric, self.details)

    @property
    def of_vrf(self) -> str:
        """The VRF of the next hops, as it is printed behind each of them: " (A)"; "": they are in this table."""
        return f" ({self.imported})" if self.imported else ""

    @property
    def known_via(self) -> str:
        """The protocol, with its process where it has one: "eigrp 100"."""
        return f"{self.source} {self.process}" if self.process else self.source


class Gateway(Value):
    """The gateway of last resort."""

    next_hop: IPAddress | None
    network: Prefix


class Major(Value):
    """How IOS groups routes: a classful network with the number of its subnets and of their different masks.

    subnet_length: the length of all subnets if there is only one.
    lone: nothing but the network itself is known.
    """

    network: Prefix
    subnets: int
    masks: int
    subnet_length: int
    lone: bool


def all_entries(ctx: ShowContext, version: int = 4) -> list[RouteEntry]:
    """Return every best route of an IP version, sorted by prefix."""
    machine = ctx.machine(RibMachine)
    nodes = [node for prefix, node in breathing(machine.nodes.items()) if prefix.version == version]
    return [make_entry(machine, node, node.best, ctx.now) for node in breathing(nodes) if node.best is not None]


def make_entry(machine: RibMachine, node: Node, offer: Offer, now: float) -> RouteEntry:
    """Return the entry of one prefix."""
    return entry_of(machine.record(node, offer), now)


def holding(ctx: ShowContext, address: IPAddress) -> list[RouteEntry]:
    """Return the best routes whose prefix contains an address, the longest one first."""
    machine = ctx.machine(RibMachine)
    nodes = [node for _, node in machine.nodes.matches(address)]
    return [make_entry(machine, node, node.best, ctx.now) for node in nodes if node.best is not None]


def history_of(ctx: ShowContext, args: Args) -> tuple[RouteHistory, float] | Unknown:
    """Return the memory, and the moment that the words name."""
    history = ctx.machine(RibMachine).history
    time = moment_of(ctx, args, history.oldest if history is not None else None)
    if history is None or isinstance(time, Unknown):
        return time if isinstance(time, Unknown) else Unknown(f"{ctx.hostname} keeps no past")
    return history, time


def past_entries(history: RouteHistory, time: float, version: int = 4) -> list[RouteEntry]:
    """Return every best route of an earlier moment, sorted by prefix, with its age at that moment."""
    return [entry_of(record, time) for record in breathing(history.at(time)) if record.route.prefix.version == version]


def past_holding(entries: list[RouteEntry], address: IPAddress) -> list[RouteEntry]:
    """Return what `holding` says of an earlier moment's entries."""
    return sorted((entry for entry in entries if address in entry.prefix), key=lambda entry: -entry.prefix.length)


def entry_of(record: Record, now: float) -> RouteEntry:
    """Return a record as it is shown at `now`."""
    route = record.route
    return project(
        RouteEntry,
        route,
        letter=_LETTERS[route.source],
        subcode="EX" if route.source is RouteSource.EIGRP and route.external else route.subtype,
        source=route.source.value,
        process=route.process if route.source in _NUMBERED else "",
        discard=route.kind is not RouteKind.FORWARD,
        next_hops=route.next_hops if route.kind is not RouteKind.FORWARD else record.leading,
        told_by=tuple(
            (hop.address, teller)
            for hop, teller in zip(route.next_hops, route.told_by, strict=False)
            if hop.address is not None
        ),
        age=max(0.0, now - record.since),
        override=record.override,
        override_age=max(0.0, now - record.override_since) if record.override is not None else 0.0,
        ways=tuple(zip(route.next_hops, route.ways, strict=False)),
        failure=str(record.failure) if record.failure else "",
    )


def find_gateway(entries: Iterable[RouteEntry]) -> Gateway | None:
    """Return the default route's next hop, if there is a default route."""
    for entry in breathing(entries):
        if entry.prefix.is_default:
            hop = entry.next_hops[0].address if entry.next_hops and not entry.discard else None
            return Gateway(hop, entry.prefix)
    return None


def major_of(prefix: Prefix) -> Prefix | None:
    """Return the classful network that a prefix belongs to; None for the default route and supernets."""
    length = classful_length(IPv4Address(prefix.number)) if prefix.version == 4 else 0
    return Prefix.of(prefix.address, length) if 0 < length <= prefix.length and not prefix.is_default else None


def majors(entries: Iterable[RouteEntry]) -> dict[Prefix, Major]:
    """Return the classful networks of these entries."""
    lengths: dict[Prefix, list[int]] = {}
    for entry in breathing(entries):
        network = major_of(entry.prefix)
        if network is not None:
            lengths.setdefault(network, []).append(entry.prefix.length)
    return {
        network: Major(network, len(known), len(set(known)), known[0], lone=known == [network.length])
        for network, known in breathing(lengths.items())
    }


LEGEND: Final = (
    "Codes: C - Connected, L - Local, S - Static, U - Per-user Static route",
    "       B - BGP, R - RIP, H - NHRP, D - EIGRP, EX - EIGRP external",
    "       O - OSPF Intra, OI - OSPF Inter, OE1 - OSPF ext 1, OE2 - OSPF ext 2",
    "       ND - ND Default, % - next hop override",
)
_SELECTIONS = {"connected": "C", "local": "L", "static": "S", "nhrp": "H", "eigrp": "D", "ospf": "O", "bgp": "B"}


class ShowIpv6Route(Value):
    """The table.

    total: entries of all sources.
    vrf: the VRF of the table, "": the global table.
    multicast: the route of every IPv6 router for multicasts is shown.
    """

    total: int
    entries: tuple[RouteEntry, ...]
    multicast: bool
    vrf: str = ""


class ShowIpv6RoutePrefix(Value):
    """One entry, or None."""

    prefix: Prefix
    entry: RouteEntry | None


def query_routes(ctx: ShowContext, args: Args) -> ShowIpv6Route:
    """Return the whole table, or the routes of one source."""
    receives = any(state.runs(6) for state in ctx.ports.interfaces.all())
    return replace(_selected(all_entries(ctx, 6), args, receives=receives), vrf=ctx.ports.vrf)


def query_past_routes(ctx: ShowContext, args: Args) -> ShowIpv6Route | Unknown:
    """Query the routes of an earlier moment."""
    found = history_of(ctx, args)
    if isinstance(found, Unknown):
        return found
    history, time = found
    return replace(_selected(past_entries(history, time, 6), args, receives=history.ran_ipv6(time)), vrf=ctx.ports.vrf)


def _selected(entries: list[RouteEntry], args: Args, *, receives: bool) -> ShowIpv6Route:
    letters = next((letters for word, letters in _SELECTIONS.items() if word in args), None)
    selected = tuple(entry for entry in entries if letters is None or entry.letter in letters)
    return ShowIpv6Route(len(entries) + receives, selected, receives and letters in (None, "L"))


def query_prefix(ctx: ShowContext, args: Args) -> ShowIpv6RoutePrefix:
    """Return an address: the longest match; a prefix: exactly that one."""
    prefix = args.prefix("prefix")
    return _chosen(prefix, holding(ctx, prefix.address))


def query_past_prefix(ctx: ShowContext, args: Args) -> ShowIpv6RoutePrefix | Unknown:
    """Query the route of an earlier moment."""
    found, prefix = history_of(ctx, args), args.prefix("prefix")
    if isinstance(found, Unknown):
        return found
    return _chosen(prefix, past_holding(past_entries(*found, 6), prefix.address))


def _chosen(prefix: Prefix, entries: list[RouteEntry]) -> ShowIpv6RoutePrefix:
    fits = (entry for entry in entries if prefix.is_host or entry.prefix == prefix)
    return ShowIpv6RoutePrefix(prefix, next(fits, None))


def render_routes(answer: ShowIpv6Route) -> Iterator[str]:
    """Yield legend, then two lines or more for each route."""
    yield f"IPv6 Routing Table - {answer.vrf or 'default'} - {answer.total} entries"
    yield from LEGEND
    for entry in answer.entries:
        subcode = "I" if entry.subcode == "IA" else entry.subcode
        letters = subcode if subcode == "EX" else entry.letter + subcode
        code = f"{letters}{'%' if entry.override else ''}"
        yield f"{code:<3} {spelled(entry.prefix)} [{entry.distance}/{entry.metric}]"
        for hop in _hops(entry):
            yield f"     via {_hop(entry, hop)}"
    if answer.multicast:
        yield "L   FF00::/8 [0/0]"
        yield "     via Null0, receive"


def render_prefix(answer: ShowIpv6RoutePrefix) -> Iterator[str]:
    """Yield the particulars of one route."""
    entry = answer.entry
    if entry is None:
        yield "% Route not found"
        return
    yield f"Routing entry for {spelled(entry.prefix)}"
    yield f'  Known via "{entry.known_via}", distance {entry.distance}, metric {entry.metric}'
    if entry.tag:
        yield f"  Tag {entry.tag}"
    if entry.failure:
        yield f"  Not in the forwarding table: {entry.failure}"
    hops = _hops(entry)
    yield f"  Route count is {len(hops)}/{len(hops)}, share count 0"
    yield "  Routing paths:"
    for hop in hops:
        yield f"    {_hop(entry, hop)}"
        since = entry.override_age if entry.override else entry.age
        yield f"      Last updated {age(since)} ago"


def _hops(entry: RouteEntry) -> tuple[NextHop, ...]:
    if entry.override is not None:
        return (entry.override,)
    return (NextHop("Null0"),) if entry.discard else entry.next_hops


def _hop(entry: RouteEntry, hop: NextHop) -> str:
    if hop.address is not None:
        return ", ".join(part for part in (spelled(hop.address), hop.interface) if part)
    words = {"L": "receive", "C": "receive" if entry.prefix.is_host else "directly connected"}
    return f"{hop.interface}, {words.get(entry.letter, 'directly connected')}"


_HELP: Final = {
    "ipv6": "Internet Protocol, version 6",
    "route": "The routing table",
    "prefix": "An address, or a prefix",
    "connected": "Connected routes",
    "local": "Our own addresses",
    "static": "Static routes",
    "nhrp": "Routes of NHRP",
    "eigrp": "Routes of EIGRP",
    "ospf": "Routes of OSPF",
    "bgp": "Routes of BGP",
    "at": "As it was at an earlier moment",
    "when": "A time, perhaps with its date; or how long ago",
}
_ROUTES: Final = "show ipv6 route [ connected | local | static | nhrp | eigrp | ospf | bgp ]"
_PREFIX: Final = "show ipv6 route {prefix:prefix6}"
_AT: Final = "at {when:moment}"
COMMANDS: Final = (
    ExecCommand(_ROUTES, _HELP, query=query_routes, render=render_routes),
    ExecCommand(f"{_ROUTES} {_AT}", _HELP, query=query_past_routes, render=answered(render_routes)),
    ExecCommand(_PREFIX, _HELP, query=query_prefix, render=render_prefix),
    ExecCommand(f"{_PREFIX} {_AT}", _HELP, query=query_past_prefix, render=answered(render_prefix)),
)
