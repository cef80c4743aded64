"""`show ip cef`: the forwarding table, with NHRP's next hops in the place of the routes' own."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix, mask_length
from dmvpn.base.breath import breathing, in_order
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.notices import RouteSource
from dmvpn.base.values import dataclass
from dmvpn.features.rib.machine import RibMachine
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@dataclass(frozen=True, slots=True)
class ShowIpCef:
    """The table."""

    entries: tuple[CefEntry, ...]


@dataclass(frozen=True, slots=True)
class ShowIpCefPrefix:
    """One entry, or None."""

    entry: CefEntry | None
    detail: bool


@dataclass(frozen=True, slots=True)
class ShowIpCefSummary:
    """How many prefixes there are, and how many of them packets are forwarded by."""

    prefixes: int
    forwarding: int


def query_summary(ctx: ShowContext, args: Args) -> ShowIpCefSummary:
    """Count the entries of the forwarding table, and those that forward."""
    entries = query_table(ctx, args).entries
    return ShowIpCefSummary(len(entries), sum(entry.action not in ("drop", "no route") for entry in entries))


def render_summary(answer: ShowIpCefSummary) -> Iterator[str]:
    """Yield the counts."""
    yield "IPv4 CEF is enabled and running"
    yield "VRF Default"
    yield f" {answer.prefixes} prefixes ({answer.forwarding}/{answer.prefixes - answer.forwarding} fwd/non-fwd)"
    yield " Table id 0x0"
    yield f" Database epoch:        0 ({answer.prefixes} entries at this epoch)"


def query_interface(ctx: ShowContext, args: Args) -> ShowIpCef:
    """Return the entries that lead over an interface."""
    name = args.interface("interface")
    entries = query_table(ctx, args).entries
    return ShowIpCef(tuple(entry for entry in entries if any(hop.interface == name for hop in entry.next_hops)))


def query_table(ctx: ShowContext, args: Args) -> ShowIpCef:
    """Return the whole forwarding table, sorted by prefix."""
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
                entries[Prefix.host(end)] = CefEntry(Prefix.host(end), "receive", entry.next_hops)
    return ShowIpCef(tuple(entries[prefix] for prefix in breathing(in_order(entries))))


def query_prefix(ctx: ShowContext, args: Args) -> ShowIpCefPrefix:
    """Query one entry: with a mask that of exactly this prefix, otherwise the longest match."""
    prefix, mask = args.prefix("prefix"), args.address("mask", None)
    machine = ctx.machine(RibMachine)
    if mask is not None or not prefix.is_host:
        exact = prefix if mask is None else Prefix.of(prefix.address, mask_length(mask) or 0)
        node = machine.nodes.get(exact)
        return ShowIpCefPrefix(_entry(machine, node) if node else None, "detail" in args)
    found = (_entry(machine, node) for _, node in machine.nodes.matches(prefix.address))
    return ShowIpCefPrefix(next((entry for entry in found if entry is not None), None), "detail" in args)


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
        return CefEntry(node.prefix, "receive", hops)
    return CefEntry(node.prefix, "attached" if all(hop.address is None for hop in hops) else "", hops)


def _is_connected(node: Node) -> bool:
    return node.best is not None and node.best.route.source is RouteSource.CONNECTED


def render_table(answer: ShowIpCef) -> Iterator[str]:
    """Yield one line for each next hop."""
    yield "Prefix               Next Hop             Interface"
    for entry in answer.entries:
        first = str(entry.prefix)
        for hop in entry.next_hops or (NextHop(""),):
            yield f"{first:<20} {entry.action or str(hop.address or 'attached'):<20} {hop.interface}".rstrip()
            first = ""


def render_prefix(answer: ShowIpCefPrefix) -> Iterator[str]:
    """Yield the entry with its next hops."""
    entry = answer.entry
    if entry is None:
        yield "%Prefix not found"
        return
    yield f"{entry.prefix}" + (", epoch 0" if answer.detail else "")
    for hop in entry.next_hops:
        if entry.action == "attached" or (not entry.action and hop.address is None):
            yield f"  attached to {hop.interface}"
        elif entry.action:
            yield f"  {entry.action} for {hop.interface}" if entry.action == "receive" else f"  {entry.action}"
        else:
            yield f"  nexthop {hop.address} {hop.interface}"


TABLE = ExecCommand("show ip cef", {"cef": "The forwarding table"}, query=query_table, render=render_table)
SUMMARY = ExecCommand(
    "show ip cef summary",
    {"cef": "The forwarding table", "summary": "How many prefixes"},
    query=query_summary,
    render=render_summary,
)
INTERFACE = ExecCommand(
    "show ip cef {interface:interface}",
    {"cef": "The forwarding table", "interface": "What leads over an interface"},
    query=query_interface,
    render=render_table,
)
PREFIX = ExecCommand(
    "show ip cef {prefix:prefix} [ {mask:mask} ] [ detail ]",
    {"prefix": "An address, or a prefix", "mask": "Its mask: exactly this prefix", "detail": "With all particulars"},
    query=query_prefix,
    render=render_prefix,
)
