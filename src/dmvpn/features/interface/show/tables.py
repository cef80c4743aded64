"""`show ip interface [brief]` and `show interfaces description`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.breath import breathing
from dmvpn.base.filters import UNREACHABLE_SENDER
from dmvpn.base.notices import InterfaceState
from dmvpn.base.values import dataclass, project
from dmvpn.features.interface.machine import InterfaceMachine
from dmvpn.features.interface.port import Status
from dmvpn.ios import Args, ExecCommand, ShowContext, short_interface
from dmvpn.ios.common import ACCESS_GROUP, INTERFACE, UNREACHABLES, VERIFY_SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class FilterRow:
    """What filters packets at an interface. inward, outward: names of lists, "": none.

    verify: how senders are looked up ("RX, allow default"), "": not at all. drops: packets whose sender was not found.
    failure: why the host does not filter so, "": it does.
    """

    inward: str = ""
    outward: str = ""
    unreachables: bool = True
    verify: str = ""
    drops: int = 0
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceRow(InterfaceState):
    """One interface, as all these tables need it."""

    method: str
    status: str
    description: str
    redirects: bool
    filters: FilterRow


@dataclass(frozen=True, slots=True)
class InterfaceRows:
    """The rows of a table."""

    interfaces: tuple[InterfaceRow, ...]


def query_rows(ctx: ShowContext, args: Args) -> InterfaceRows:
    """Return one interface, or all."""
    machine = ctx.machine(InterfaceMachine)
    wanted = args.interface("interface", None)
    rows = []
    for state in breathing(tuple(ctx.ports.interfaces.all())):
        port = machine.port(state.name)
        if wanted not in (None, state.name) or port is None:
            continue
        rows.append(
            project(
                InterfaceRow,
                state,
                method=port.method,
                status=port.status.value,
                description=port.settings.description,
                redirects=port.settings.redirects,
                filters=_filters(ctx, state.name),
            )
        )
    return InterfaceRows(tuple(rows))


def _filters(ctx: ShowContext, name: str) -> FilterRow:
    section = ctx.running.section(INTERFACE, name=name)
    if section is None:
        return FilterRow()
    groups = {"in" in line: line.text("name") for line in section.all(ACCESS_GROUP)}
    verify = section.get(VERIFY_SOURCE)
    words, drops = "", 0
    if verify is not None:
        place = (name, True, UNREACHABLE_SENDER)
        counts = ctx.counting.filtered()
        drops = sum(one.packets for one in counts if (one.interface, one.inward, one.sequence) == place)
        words = f"{'ANY' if 'any' in verify else 'RX'}{', allow default' if 'allow-default' in verify else ''}"
    failure = str(ctx.ports.filters.failure(name) or "")
    return FilterRow(groups.get(True, ""), groups.get(False, ""), section.flag(UNREACHABLES), words, drops, failure)


def line_protocol(row: InterfaceRow) -> str:
    """Return the second state of an interface, in IOS's words."""
    return "up" if row.line else "down"


def render_brief(answer: InterfaceRows) -> Iterator[str]:
    """Yield the lines of `show ip interface brief`."""
    yield "Interface              IP-Address      OK? Method Status                Protocol"
    for row in answer.interfaces:
        address = str(row.address or "unassigned")
        yield f"{row.name:<22} {address:<15} YES {row.method:<6} {row.status:<21} {line_protocol(row):<8}"


def render_description(answer: InterfaceRows) -> Iterator[str]:
    """Yield the lines of `show interfaces description`."""
    yield "Interface                      Status         Protocol Description"
    for row in answer.interfaces:
        status = "admin down" if row.status == Status.SHUT.value else row.status
        yield f"{short_interface(row.name):<30} {status:<14} {line_protocol(row):<8} {row.description}".rstrip()


def render_ip(answer: InterfaceRows) -> Iterator[str]:
    """Yield the lines of `show ip interface`."""
    for row in answer.interfaces:
        yield f"{row.name} is {row.status}, line protocol is {line_protocol(row)}"
        if row.address is None:
            if row.method == "DHCP":
                yield "  Internet address will be negotiated using DHCP"
            else:
                yield "  Internet protocol processing disabled"
            continue
        yield f"  Internet address is {row.address}/{row.prefix_length}"
        yield "  Broadcast address is 255.255.255.255"
        yield f"  Address determined by {'DHCP' if row.method == 'DHCP' else 'setup command'}"
        yield f"  MTU is {row.ip_mtu} bytes"
        yield "  Helper address is not set"
        yield "  Directed broadcast forwarding is disabled"
        for address, length in row.secondary:
            yield f"  Secondary address {address}/{length}"
        yield f"  Outgoing access list is {row.filters.outward or 'not set'}"
        yield f"  Inbound  access list is {row.filters.inward or 'not set'}"
        yield "  Proxy ARP is disabled"
        yield f"  ICMP redirects are {'always' if row.redirects else 'never'} sent"
        yield f"  ICMP unreachables are {'always' if row.filters.unreachables else 'never'} sent"
        yield "  ICMP mask replies are never sent"
        if row.filters.verify:
            yield f"  IP verify source reachable-via {row.filters.verify}"
            yield f"   {row.filters.drops} verification drops"
            yield "   0 suppressed verification drops"
        if row.filters.failure:
            yield f"  Access lists: {row.filters.failure}"
        if row.vrf:
            yield f'  VPN Routing/Forwarding "{row.vrf}"'


BRIEF = ExecCommand(
    "show ip interface brief [ {interface:interface} ]",
    {"interface": "IP state of interfaces", "brief": "One line each"},
    query=query_rows,
    render=render_brief,
)
IP_INTERFACE = ExecCommand(
    "show ip interface [ {interface:interface} ]",
    {"interface": "IP state of interfaces"},
    query=query_rows,
    render=render_ip,
)
DESCRIPTION = ExecCommand(
    "show interfaces description",
    {"description": "Descriptions of all interfaces"},
    query=query_rows,
    render=render_description,
)
