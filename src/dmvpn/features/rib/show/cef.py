"""`show ip cef`: the forwarding table, with NHRP's next hops in the place of the routes' own.

`show ip cef exact-route` names the path of a conversation. Of several equal paths only the data plane knows which one
it takes: so all are named.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import IPAddress, Prefix, mask_length
from dmvpn.base.breath import breathing, in_order
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.notices import RouteSource
from dmvpn.base.values import dataclass
from dmvpn.features.rib.machine import RibMachine
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.features.rib.offers import Node

#: What every router does with these, whatever its routes are.
_FIXED = (
    ("0.0.0.0/8", "drop"),
    ("0.0.0.0/32", "receive"),
    ("127.0.0.0/8", "drop"),
    ("224.0.0.0/4", "drop"),
    ("224.0.0.0/24", "receive"),
    ("240.0.0.0/4", "drop"),
    ("255.255.255.255/32", "receive"),
)


@dataclass(frozen=True, slots=True)
class CefEntry:
    """One prefix. action: "attached", "receive", "drop", "no route", or "" where next hops say it."""

    prefix: Prefix
    action: str
    next_hops: tuple[NextHop, ...] = ()
    connected: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """What kind of entry it is, in IOS's words."""
        if self.connected:
            return ("receive", "local") if self.action == "receive" else ("attached", "connected")
        if self.prefix.is_default:
            return ("default route handler", "default route") if self.action == "no route" else ("default route",)
        return ("receive",) if self.action == "receive" else ()


@dataclass(frozen=True, slots=True)
class ShowIpCefSummary:
    """How many prefixes there are, and how many of them packets are forwarded by."""

    prefixes: int
    forwarding: int


@dataclass(frozen=True, slots=True)
class ShowIpCef:
    """The table, or a part of it. table: how large the whole of it is, where particulars are wanted."""

    entries: tuple[CefEntry, ...]
    table: ShowIpCefSummary | None


@dataclass(frozen=True, slots=True)
class ShowIpCefPrefix:
    """One entry, or None."""

    entry: CefEntry | None
    detail: bool


@dataclass(frozen=True, slots=True)
class ShowExactRoute:
    """The paths that packets of a conversation may take. entry: that of the destination, None: there is none."""

    source: IPv4Address
    destination: IPv4Address
    entry: CefEntry | None
    tunnels: tuple[str, ...]


def query_summary(ctx: ShowContext, args: Args) -> ShowIpCefSummary:
    """Count the entries of the forwarding table, and the forwarding ones."""
    return _count(_all(ctx))


def _count(entries: tuple[CefEntry, ...]) -> ShowIpCefSummary:
    return ShowIpCefSummary(len(entries), sum(entry.action not in ("drop", "no route") for entry in entries))


def render_summary(answer: ShowIpCefSummary) -> Iterator[str]:
    """Yield the counts."""
    yield "IPv4 CEF is enabled and running"
    yield "VRF Default"
    yield f" {answer.prefixes} prefixes ({answer.forwarding}/{answer.prefixes - answer.forwarding} fwd/non-fwd)"
    yield " Table id 0x0"
    yield f" Database epoch:        0 ({answer.prefixes} entries at this epoch)"


def query_table(ctx: ShowContext, args: Args) -> ShowIpCef:
    """Return the forwarding table, or the part of it that is asked for, sorted by prefix."""
    entries, fits = _all(ctx), _asked_for(args)
    chosen = tuple(entry for entry in breathing(entries) if fits(entry))
    return ShowIpCef(chosen, _count(entries) if "detail" in args else None)


def _asked_for(args: Args) -> Callable[[CefEntry], bool]:
    if "longer-prefixes" in args:
        within = _wanted(args)
        return lambda entry: entry.prefix in within
    if "interface" in args:
        name, address = args.interface("interface"), args.address("address", None)
        return lambda entry: any(hop.interface == name and address in (None, hop.address) for hop in entry.next_hops)
    # A route whose next hop is not resolved is not in the table.
    return lambda entry: "unresolved" not in args


def _wanted(args: Args) -> Prefix:
    if "network" in args:
        return Prefix.of(args.address("network"), mask_length(args.address("mask")) or 0)
    return args.prefix("prefix")


def _all(ctx: ShowContext) -> tuple[CefEntry, ...]:
    entries = {Prefix.parse(text): CefEntry(Prefix.parse(text), action) for text, action in _FIXED}
    default = Prefix.of(IPv4Address(0), 0)
    entries[default] = CefEntry(default, "no route")
    machine = ctx.machine(RibMachine)
    for prefix, node in breathing(machine.nodes.items()):
        entry = _entry(machine, node)
        if entry is None or prefix.version != 4:
            continue
        entries[prefix] = entry
        if entry.action == "attached" and prefix.length < 31 and _is_connected(node):
            for end in (prefix.address, prefix.broadcast):
                entries[Prefix.host(end)] = CefEntry(Prefix.host(end), "receive", entry.next_hops, connected=True)
    return tuple(entries[prefix] for prefix in breathing(in_order(entries)))


def query_prefix(ctx: ShowContext, args: Args) -> ShowIpCefPrefix:
    """Query one entry: with a mask that of exactly this prefix, otherwise the longest match."""
    prefix, machine = _wanted(args), ctx.machine(RibMachine)
    if "network" in args or not prefix.is_host:
        node = machine.nodes.get(prefix)
        return ShowIpCefPrefix(_entry(machine, node) if node else None, "detail" in args)
    return ShowIpCefPrefix(_longest(machine, prefix.address), "detail" in args)


def query_exact(ctx: ShowContext, args: Args) -> ShowExactRoute:
    """Query the paths of a conversation."""
    destination = args.address("destination")
    entry = _longest(ctx.machine(RibMachine), destination)
    tunnels = tuple(tunnel.name for tunnel in ctx.ports.tunnels.all())
    return ShowExactRoute(args.address("source"), destination, entry, tunnels)


def _longest(machine: RibMachine, address: IPAddress) -> CefEntry | None:
    found = (_entry(machine, node) for _, node in machine.nodes.matches(address))
    return next((entry for entry in found if entry is not None), None)


def _entry(machine: RibMachine, node: Node) -> CefEntry | None:
    if node.best is None:
        return None
    route = node.best.route
    if route.kind is not RouteKind.FORWARD:
        return CefEntry(node.prefix, "attached" if route.kind is RouteKind.DISCARD else "drop", (NextHop("Null0"),))
    if machine.overridden(node) and node.override is not None:
        return CefEntry(node.prefix, "", (node.override,))
    hops = node.best.hops
    if route.source is RouteSource.LOCAL or (_is_connected(node) and node.prefix.is_host):
        return CefEntry(node.prefix, "receive", hops, connected=True)
    attached = all(hop.address is None for hop in hops)
    return CefEntry(node.prefix, "attached" if attached else "", hops, connected=_is_connected(node))


def _is_connected(node: Node) -> bool:
    return node.best is not None and node.best.route.source is RouteSource.CONNECTED


def render_table(answer: ShowIpCef) -> Iterator[str]:
    """Yield one line for each next hop, or the particulars of each entry under the size of the table."""
    if answer.table is not None:
        yield from render_summary(answer.table)
        yield ""
        for entry in answer.entries:
            yield from _entry_lines(entry, detail=True)
        return
    yield "Prefix               Next Hop             Interface"
    for entry in answer.entries:
        first = str(entry.prefix)
        for hop in entry.next_hops or (NextHop(""),):
            yield f"{first:<20} {entry.action or str(hop.address or 'attached'):<20} {hop.interface}".rstrip()
            first = ""


def render_prefix(answer: ShowIpCefPrefix) -> Iterator[str]:
    """Yield the entry with its next hops."""
    if answer.entry is None:
        yield "%Prefix not found"
    else:
        yield from _entry_lines(answer.entry, detail=answer.detail)


def _entry_lines(entry: CefEntry, *, detail: bool) -> Iterator[str]:
    flags = f", flags [{', '.join(entry.flags)}]" if entry.flags else ""
    yield f"{entry.prefix}" + (f", epoch 0{flags}" if detail else "")
    if not entry.next_hops:
        yield f"  {entry.action}"
    for hop in entry.next_hops:
        if entry.action == "attached" or (not entry.action and hop.address is None):
            yield f"  attached to {hop.interface}"
        elif entry.action:
            yield f"  {entry.action} for {hop.interface}" if entry.action == "receive" else f"  {entry.action}"
        else:
            yield f"  nexthop {hop.address} {hop.interface}"


def render_exact(answer: ShowExactRoute) -> Iterator[str]:
    """Yield a line for each path."""
    ends = f"{answer.source} -> {answer.destination} =>"
    entry = answer.entry
    if entry is None or entry.action in ("drop", "no route", "receive"):
        yield f"{ends}{entry.action if entry is not None else 'no route'}"
        return
    for hop in entry.next_hops:
        if hop.interface == "Null0":
            yield f"{ends}drop"
        else:
            kind = "midchain" if hop.interface in answer.tunnels else "adj"
            yield f"{ends}IP {kind} out of {hop.interface}, addr {hop.address or answer.destination}"


_HELP: Final = {
    "cef": "The forwarding table",
    "detail": "With all particulars",
    "summary": "How many prefixes",
    "unresolved": "Of which the next hop is not resolved",
    "adjacency": "What leads over a next hop",
    "interface": "What leads over an interface",
    "address": "The next hop",
    "prefix": "An address, or a prefix",
    "network": "A prefix",
    "mask": "Its mask: exactly this prefix",
    "longer-prefixes": "And all in it",
    "exact-route": "Path of a flow",
    "source": "Who sends",
    "destination": "To whom",
}
_PREFIX: Final = "( {prefix:prefix} | {network:address} {mask:mask} )"
COMMANDS: Final = (
    *(
        ExecCommand(f"show ip cef {words} [ detail ]".replace("  ", " "), _HELP, query=query_table, render=render_table)
        for words in (
            "",
            "unresolved",
            "{interface:interface}",
            "adjacency {interface:interface} {address:address}",
            f"{_PREFIX} longer-prefixes",
        )
    ),
    ExecCommand("show ip cef summary", _HELP, query=query_summary, render=render_summary),
    ExecCommand(f"show ip cef {_PREFIX} [ detail ]", _HELP, query=query_prefix, render=render_prefix),
    ExecCommand(
        "show ip cef exact-route {source:address} {destination:address}", _HELP, query=query_exact, render=render_exact
    ),
)
