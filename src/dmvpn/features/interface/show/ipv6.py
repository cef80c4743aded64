"""`show ipv6 interface [brief]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix, spelled
from dmvpn.base.values import collected
from dmvpn.features.interface.show.tables import InterfaceRows, line_protocol, query_rows
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator


def query_enabled(ctx: ShowContext, args: Args) -> InterfaceRows:
    """Return those with IPv6, of the interfaces that are asked for."""
    return InterfaceRows(tuple(row for row in query_rows(ctx, args).interfaces if row.ipv6 is not None))


def render_brief(answer: InterfaceRows) -> Iterator[str]:
    """Yield the lines of `show ipv6 interface brief`."""
    for row in answer.interfaces:
        yield f"{row.name:<22} [{row.status}/{line_protocol(row)}]"
        if row.ipv6 is None:
            yield "    unassigned"
            continue
        yield f"    {spelled(row.ipv6.link_local)}"
        for address, _ in row.ipv6.addresses:
            yield f"    {spelled(address)}"
        if row.ipv6.reason is not None:
            yield f"    not running: {row.ipv6.reason}"


def render_interface(answer: InterfaceRows) -> Iterator[str]:
    """Yield the lines of `show ipv6 interface`."""
    for row in answer.interfaces:
        ipv6 = row.ipv6
        if ipv6 is None:
            continue
        yield f"{row.name} is {row.status}, line protocol is {line_protocol(row)}"
        runs = row.line and ipv6.reason is None
        yield f"  IPv6 is {'enabled' if runs else 'stalled'}, link-local address is {spelled(ipv6.link_local)} "
        if ipv6.reason is not None:
            yield f"  Not running: {ipv6.reason}"
        yield "  No Virtual link-local address(es):"
        if row.description:
            yield f"  Description: {row.description}"
        if ipv6.addresses:
            yield "  Global unicast address(es):"
        else:
            yield "  No global unicast address is configured"
        for address, length in ipv6.addresses:
            yield f"    {spelled(address)}, subnet is {spelled(Prefix.of(address, length))} "
        yield f"  MTU is {ipv6.mtu} bytes"


_HELP = {"ipv6": "Internet Protocol, version 6", "interface": "IPv6 state of interfaces", "brief": "Addresses only"}
BRIEF = ExecCommand("show ipv6 interface brief [ {interface:interface} ]", _HELP, query=query_rows, render=render_brief)
INTERFACE = ExecCommand(
    "show ipv6 interface [ {interface:interface} ]", _HELP, query=query_enabled, render=render_interface
)
COMMANDS = collected(ExecCommand, vars())
