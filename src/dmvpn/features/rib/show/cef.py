"""`show ip cef` and `show ipv6 cef`: the forwarding table, with NHRP's next hops in the place of the routes' own.

`show ip cef exact-route` names the path of a conversation. Of several equal paths only the data plane knows which one
it takes: so all are named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED_OF, IPAddress, Prefix, spelled
from dmvpn.base.breath import breathing, in_order
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.notices import RouteSource
from dmvpn.base.values import Value
from dmvpn.features.rib.machine import RibMachine
from dmvpn.features.rib.offers import Node
from dmvpn.ios import Args, ExecCommand, ShowContext

#: What every router does with these, whatever its routes are.
_FIXED: Final[dict[int, tuple[tuple[str, ...], ...]]] = {
    4: (
        ("0.0.0.0/8", "drop"),
        ("0.0.0.0/32", "receive"),
        ("127.0.0.0/8", "drop"),
        ("224.0.0.0/4", "drop"),
        ("224.0.0.0/24", "receive"),
        ("240.0.0.0/4", "drop"),
        ("255.255.255.255/32", "receive"),
    ),
    6: (("::/127", "discard"), ("FE80::/10", "receive", "Null0"), ("FF00::/8", "multicast")),
}


class CefEntry(Value):
    """One prefix. action: "attached", "receive", "multicast", "drop", "discard", "no route", or "": by next hops."""

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


class ShowIpCefSummary(Value):
    """How many prefixes there are, and how many of them packets are forwarded by."""

    prefixes: int
    forwarding: int
    version: int = 4


class ShowIpCef(Value):
    """The table, or a part of it. table: how large the whole of it is, where particulars are wanted."""

    entries: tuple[CefEntry, ...]
    table: ShowIpCefSummary | None
    version: int = 4


class ShowIpCefPrefix(Value):
    """One entry, or None."""

    entry: CefEntry | None
    detail: bool


class ShowExactRoute(Value):
    """The paths that packets of a conversation may take. entry: that of the destination, None: there is none."""

    source: IPAddress
    destination: IPAddress
    entry: CefEntry | None
    tunnels: tuple[str, ...]


def query_summary(ctx: ShowContext, args: Args) -> ShowIpCefSummary:
    """Count the entries of the forwarding table, and the forwarding ones."""
    return _count(_all(ctx, args.version), args.version)


def _count(entries: tuple[CefEntry, ...], version: int) -> ShowIpCefSummary:
    forwarding = sum(entry.action not in ("drop", "discard", "no route") for entry in entries)
    return ShowIpCefSummary(len(entries), forwarding, version)


def render_summary(answer: ShowIpCefSummary) -> Iterator[str]:
    """Yield the counts."""
    yield f"IPv{answer.version} CEF is enabled and running"
    yield "VRF Default"
    yield f" {answer.prefixes} prefixes ({answer.forwarding}/{answer.prefixes - answer.forwarding} fwd/non-fwd)"
    yield f" Table id {'0x1E000000' if answer.version == 6 else '0x0'}"
    yield f" Database epoch:        0 ({answer.prefixes} entries at this epoch)"


def query_table(ctx: ShowContext, args: Args) -> ShowIpCef:
    """Return the forwarding table, or the part of it that is asked for, sorted by prefix."""
    version = args.version
    entries, fits = _all(ctx, version), _asked_for(args)
    chosen = tuple(entry for entry in breathing(entries) if fits(entry))
    return ShowIpCef(chosen, _count(entries, version) if "detail" in args else None, version)


def _asked_for(args: Args) -> Callable[[CefEntry], bool]:
    if "longer-prefixes" in args:
        within = args.any_prefix()
        return lambda entry: entry.prefix in within
    if "interface" in args:
        name, address = args.interface("interface"), args.any_address("address", None)
        return lambda entry: any(hop.interface == name and address in (None, hop.address) for hop in entry.next_hops)
    # A route whose next hop is not resolved is not in the table.
    return lambda entry: "unresolved" not in args


def _all(ctx: ShowContext, version: int) -> tuple[CefEntry, ...]:
    fixed = ((Prefix.parse(text), action, names) for text, action, *names in _FIXED[version])
    entries = {prefix: CefEntry(prefix, action, tuple(map(NextHop, names))) for prefix, action, names in fixed}
    default = Prefix.of(UNSPECIFIED_OF[version], 0)
    entries[default] = CefEntry(default, "no route")
    machine = ctx.machine(RibMachine)
    for prefix, node in breathing(machine.nodes.items()):
        entry = _entry(machine, node)
        if entry is None or prefix.version != version:
            continue
        entries[prefix] = entry
        if version == 4 and entry.action == "attached" and prefix.length < 31 and _is_connected(node):
            for end in (prefix.address, prefix.broadcast):
                entries[Prefix.host(end)] = CefEntry(Prefix.host(end), "receive", entry.next_hops, connected=True)
    return tuple(entries[prefix] for prefix in breathing(in_order(entries)))


def query_prefix(ctx: ShowContext, args: Args) -> ShowIpCefPrefix:
    """Query one entry: with a mask that of exactly this prefix, otherwise the longest match."""
    prefix, machine = args.any_prefix(), ctx.machine(RibMachine)
    if "network" in args or not prefix.is_host:
        node = machine.nodes.get(prefix)
        return ShowIpCefPrefix(_entry(machine, node) if node else None, "detail" in args)
    return ShowIpCefPrefix(_longest(machine, prefix.address), "detail" in args)


def query_exact(ctx: ShowContext, args: Args) -> ShowExactRoute:
    """Query the paths of a conversation."""
    destination = args.any_address("destination")
    entry = _longest(ctx.machine(RibMachine), destination)
    tunnels = tuple(tunnel.name for tunnel in ctx.ports.tunnels.all())
    return ShowExactRoute(args.any_address("source"), destination, entry, tunnels)


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
    """Yield one line for each next hop, or each entry with lines of its own, its particulars below the table's size."""
    if answer.table is not None:
        yield from render_summary(answer.table)
        yield ""
    if answer.table is not None or answer.version == 6:
        for entry in answer.entries:
            yield from _entry_lines(entry, detail=answer.table is not None)
        return
    yield "Prefix               Next Hop             Interface"
    for entry in answer.entries:
        first = str(entry.prefix)
        for hop in entry.next_hops or (NextHop(""),):
            way = entry.action or (spelled(hop.address) if hop.address else "attached")
            yield f"{first:<20} {way:<20} {hop.interface}".rstrip()
            first = ""


def render_prefix(answer: ShowIpCefPrefix) -> Iterator[str]:
    """Yield the entry with its next hops."""
    if answer.entry is None:
        yield "%Prefix not found"
    else:
        yield from _entry_lines(answer.entry, detail=answer.detail)


def _entry_lines(entry: CefEntry, *, detail: bool) -> Iterator[str]:
    flags = f", flags [{', '.join(entry.flags)}]" if entry.flags else ""
    yield spelled(entry.prefix) + (f", epoch 0{flags}" if detail else "")
    if not entry.next_hops:
        yield f"  {entry.action}"
    for hop in entry.next_hops:
        if entry.action == "attached" or (not entry.action and hop.address is None):
            yield f"  attached to {hop.interface}"
        elif entry.action:
            yield f"  {entry.action} for {hop.interface}" if entry.action == "receive" else f"  {entry.action}"
        else:
            yield f"  nexthop {spelled(hop.address) if hop.address else ''} {hop.interface}"


def render_exact(answer: ShowExactRoute) -> Iterator[str]:
    """Yield a line for each path."""
    ends = f"{spelled(answer.source)} -> {spelled(answer.destination)} =>"
    entry = answer.entry
    if entry is None or entry.action in ("drop", "no route", "receive"):
        yield f"{ends}{entry.action if entry is not None else 'no route'}"
        return
    for hop in entry.next_hops:
        if hop.interface == "Null0":
            yield f"{ends}drop"
        else:
            kind = "midchain" if hop.interface in answer.tunnels else "adj"
            word = "IPV6" if answer.destination.version == 6 else "IP"
            yield f"{ends}{word} {kind} out of {hop.interface}, addr {spelled(hop.address or answer.destination)}"


_HELP: Final = {
    "ipv6": "Internet Protocol, version 6",
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


def _commands(show: str, prefix: str, address: str) -> tuple[ExecCommand, ...]:
    """Return the commands of one version. prefix, address: what the grammar calls its prefixes and addresses."""
    hop = f"{{interface:interface}} {{address:{address}}}"
    return (
        ExecCommand(f"{show} [ detail ]", _HELP, query=query_table, render=render_table),
        ExecCommand(f"{show} unresolved [ detail ]", _HELP, query=query_table, render=render_table),
        ExecCommand(f"{show} {{interface:interface}} [ detail ]", _HELP, query=query_table, render=render_table),
        ExecCommand(f"{show} adjacency {hop} [ detail ]", _HELP, query=query_table, render=render_table),
        ExecCommand(f"{show} {prefix} longer-prefixes [ detail ]", _HELP, query=query_table, render=render_table),
        ExecCommand(f"{show} summary", _HELP, query=query_summary, render=render_summary),
        ExecCommand(f"{show} {prefix} [ detail ]", _HELP, query=query_prefix, render=render_prefix),
        ExecCommand(
            f"{show} exact-route {{source:{address}}} {{destination:{address}}}",
            _HELP,
            query=query_exact,
            render=render_exact,
        ),
    )


COMMANDS: Final = _commands("show ip cef", "( {prefix:prefix} | {network:address} {mask:mask} )", "address")
IPV6_COMMANDS: Final = _commands("show ipv6 cef", "{prefix:prefix6}", "address6")
