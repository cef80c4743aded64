"""Tables of interfaces.

show ip interface [brief], show ipv6 interface [brief], show interfaces description
show ipv6 routers  what a port with `ipv6 address autoconfig` hears
show arp           link-layer addresses on Ethernets, ours and those of stations that the host knows
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix, dotted, spelled
from dmvpn.base.breath import breathing
from dmvpn.base.filters import UNREACHABLE_SENDER
from dmvpn.base.notices import InterfaceState
from dmvpn.base.values import Value, project
from dmvpn.features.interface.machine import InterfaceMachine
from dmvpn.features.interface.model import Advertising, Ipv6Settings
from dmvpn.features.interface.port import Status, kind_of
from dmvpn.ios import Args, Change, ExecCommand, ShowContext, short_interface
from dmvpn.ios.common import ACCESS_GROUP, INTERFACE, TRAFFIC_FILTER, UNREACHABLES, VERIFY_SOURCE, lists_of
from dmvpn.net.discovery import RouterAdvertisement
from dmvpn.net.ipv6 import INFINITE

# ------------------------------------------------------------------------------------------------ interfaces


class FilterRow(Value):
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


class InterfaceRow(InterfaceState, Value, kw_only=True):
    """One interface, as all these tables need it. nd: router advertisements; None: it does not advertise.

    ipv6_settings: its lines of IPv6. lifetimes: of its addresses by advertisements, how long they are valid and
        preferred, seconds, `INFINITE`: without end.
    """

    method: str
    status: str
    description: str
    redirects: bool
    filters: FilterRow
    filters6: FilterRow
    nd: Advertising | None
    ipv6_settings: Ipv6Settings | None
    lifetimes: tuple[tuple[Prefix, int, int], ...]


class InterfaceRows(Value):
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
                filters6=_filters6(ctx, state.name),
                nd=machine.advertises(state.name),
                ipv6_settings=port.settings.ipv6,
                lifetimes=tuple(_lifetimes(machine, state.name, ctx.now)) if port.learned else (),
            )
        )
    return InterfaceRows(tuple(rows))


def _lifetimes(machine: InterfaceMachine, name: str, now: float) -> Iterator[tuple[Prefix, int, int]]:
    found = machine.autoconfiguration
    for prefix, ends in found.heard(name)[1].items() if found is not None else ():
        valid, preferred = (INFINITE if end == float("inf") else max(0, int(end - now)) for end in ends)
        yield prefix, valid, preferred


def _filters(ctx: ShowContext, name: str) -> FilterRow:
    section = ctx.running.section(INTERFACE, name=name)
    if section is None:
        return FilterRow()
    groups = lists_of(section, ACCESS_GROUP)
    verify = section.get(VERIFY_SOURCE)
    words, drops = "", 0
    if verify is not None:
        place = (name, True, UNREACHABLE_SENDER)
        counts = ctx.counting.filtered()
        drops = sum(one.packets for one in counts if (one.interface, one.inward, one.sequence) == place)
        words = f"{'ANY' if 'any' in verify else 'RX'}{', allow default' if 'allow-default' in verify else ''}"
    failure = str(ctx.ports.filters.failure(name) or "")
    return FilterRow(*groups, section.flag(UNREACHABLES), words, drops, failure)


def _filters6(ctx: ShowContext, name: str) -> FilterRow:
    section = ctx.running.section(INTERFACE, name=name)
    if section is None:
        return FilterRow()
    return FilterRow(*lists_of(section, TRAFFIC_FILTER), failure=str(ctx.ports.filters.failure(name, 6) or ""))


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


_HELP: Final = {
    "interface": "IP state of interfaces",
    "brief": "One line each",
    "description": "Descriptions of all interfaces",
}
BRIEF = ExecCommand("show ip interface brief [ {interface:interface} ]", _HELP, query=query_rows, render=render_brief)
IP_INTERFACE = ExecCommand("show ip interface [ {interface:interface} ]", _HELP, query=query_rows, render=render_ip)
DESCRIPTION = ExecCommand("show interfaces description", _HELP, query=query_rows, render=render_description)


# ------------------------------------------------------------------------------------------------ ARP


class ArpLine(Value):
    """An address on an Ethernet.

    hardware: octets, empty while unknown.
    own: is it ours?
    """

    address: IPAddress
    hardware: bytes
    interface: str
    own: bool


class ShowArp(Value):
    """The answer to `show arp`. unknown: the VRF that was asked for, which does not exist."""

    lines: tuple[ArpLine, ...]
    unknown: str = ""


def query_arp(ctx: ShowContext, args: Args) -> ShowArp:
    """Return all in the global table or in a VRF, of one interface, or of one address: of IPv4, or IPv6's neighbors.

    A simulated wire has no link-layer addresses.
    """
    version, vrf = args.version, args.text("vrf", "")
    if ctx.ports.interfaces_of(vrf) is None:
        return ShowArp((), unknown=vrf)
    wanted, address = args.interface("interface", None), args.any_address("address", None)
    machine, lines = ctx.machine(InterfaceMachine), []
    names: list[str] = []
    for state in breathing(_interfaces(ctx, vrf, wanted)):
        port = machine.port(state.name)
        if kind_of(state.name).logical or port is None:
            continue
        names.append(state.name)
        hardware = port.link.hardware_address if port.link is not None else b""
        own = (state.address, *(other for other, _ in state.secondary)) if version == 4 else ()
        lines += [ArpLine(ours, hardware, state.name, own=True) for ours in own if ours is not None]
    taken = {line.address for line in lines}
    for station in breathing(ctx.counting.stations()):
        if station.interface in names and station.address.version == version and station.address not in taken:
            lines.append(ArpLine(station.address, station.hardware, station.interface, own=False))
    lines = [line for line in lines if wanted in (None, line.interface) and address in (None, line.address)]
    return ShowArp(tuple(sorted(lines, key=lambda line: line.address.packed)))


def _interfaces(ctx: ShowContext, vrf: str, wanted: str | None) -> tuple[InterfaceState, ...]:
    """Return one interface, or those of a table."""
    if wanted is not None:
        state = ctx.ports.interfaces.get(wanted)
        return () if state is None else (state,)
    interfaces = ctx.ports.interfaces_of(vrf)
    return () if interfaces is None else interfaces.all()


def render_arp(answer: ShowArp) -> Iterator[str]:
    """Yield one line each.

    A station that the host knows was heard of by it just now or before: its age is not known.
    """
    if answer.unknown:
        yield f"% VRF {answer.unknown} does not exist"
        return
    yield "Protocol  Address          Age (min)  Hardware Addr   Type   Interface"
    for line in answer.lines:
        hardware, age = dotted(line.hardware) or "Incomplete", "-" if line.own else "0"
        yield f"Internet  {line.address!s:<15} {age:>10}   {hardware:<14}  ARPA   {line.interface}"


def render_neighbors(answer: ShowArp) -> Iterator[str]:
    """Yield one line for each station of IPv6 on an Ethernet: their age is not known."""
    if answer.unknown:
        yield f"% VRF {answer.unknown} does not exist"
        return
    yield "IPv6 Address                              Age Link-layer Addr State Interface"
    for line in answer.lines:
        hardware, port = dotted(line.hardware) or "-", short_interface(line.interface)
        yield f"{spelled(line.address):<39} {0:>5} {hardware:<15} REACH {port}"


_ARP_HELP: Final = {
    "arp": "Addresses on Ethernets, with their link-layer addresses",
    "interface": "Of one interface",
    "address": "One address",
    "vrf": "In a VRF",
}


def clear(_: ShowContext, __: Args) -> Change:
    """Explain where ARP entries are kept (`clear arp-cache`): the host learns them and asks again by itself."""
    return Change(
        said=(
            "% The host keeps these addresses and asks for them again; to forget one there: ip neigh flush to ADDRESS",
        ),
        failed=True,
    )


ARP_COMMANDS: Final = (
    *(
        ExecCommand(
            f"show {words} [ vrf {{vrf:word}} ] [ {{interface:interface}} | {{address:address}} ]",
            _ARP_HELP,
            query=query_arp,
            render=render_arp,
        )
        for words in ("arp", "ip arp")
    ),
    ExecCommand(
        "show ipv6 neighbors [ vrf {vrf:word} ] [ {interface:interface} | {address:address6} ]",
        {**_ARP_HELP, "ipv6": "Internet Protocol, version 6", "neighbors": "Stations on Ethernets"},
        query=query_arp,
        render=render_neighbors,
    ),
    ExecCommand(
        "clear arp-cache [ {interface:interface} | {address:address} ]",
        {**_ARP_HELP, "arp-cache": "Addresses of stations on Ethernets"},
        action=clear,
        privilege=15,
    ),
)


# ------------------------------------------------------------------------------------------------ IPv6


def query_enabled(ctx: ShowContext, args: Args) -> InterfaceRows:
    """Return those with IPv6, of the interfaces that are asked for."""
    return InterfaceRows(tuple(row for row in query_rows(ctx, args).interfaces if row.ipv6 is not None))


def render_ipv6_brief(answer: InterfaceRows) -> Iterator[str]:
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


def _advertising(nd: Advertising) -> Iterator[str]:
    if not nd.periodic:
        yield f"  ND RAs are suppressed ({'all' if nd.is_silent else 'periodic'})"
    else:
        yield f"  ND router advertisements are sent every {nd.interval[1]:.0f} seconds"
    yield f"  ND router advertisements live for {nd.lifetime} seconds"
    yield f"  ND advertised default router preference is {nd.preference.name.capitalize()}"
    if nd.managed:
        yield "  Hosts use DHCP to obtain routable addresses."
    else:
        yield "  Hosts use stateless autoconfig for addresses."
    if nd.other:
        yield "  Hosts use DHCP to obtain other configuration."


def render_interface(answer: InterfaceRows) -> Iterator[str]:
    """Yield the lines of `show ipv6 interface`."""
    for row in answer.interfaces:
        ipv6, settings = row.ipv6, row.ipv6_settings
        if ipv6 is None or settings is None:
            continue
        yield f"{row.name} is {row.status}, line protocol is {line_protocol(row)}"
        runs = row.line and ipv6.reason is None
        yield f"  IPv6 is {'enabled' if runs else 'stalled'}, link-local address is {spelled(ipv6.link_local)} "
        if ipv6.reason is not None:
            yield f"  Not running: {ipv6.reason}"
        yield "  No Virtual link-local address(es):"
        if row.description:
            yield f"  Description: {row.description}"
        if settings.autoconfig is not None:
            yield "  Stateless address autoconfig enabled"
        if settings.unnumbered:
            yield f"  Interface is unnumbered. Using address of {settings.unnumbered}"
        if ipv6.addresses:
            yield "  Global unicast address(es):"
        else:
            yield "  No global unicast address is configured"
        lifetimes = {prefix: ends for prefix, *ends in row.lifetimes}
        for address, length in ipv6.addresses:
            prefix = Prefix.of(address, length)
            if prefix in lifetimes and (address, length) not in settings.addresses:
                valid, preferred = lifetimes[prefix]
                yield f"    {spelled(address)}, subnet is {spelled(prefix)} [EUI/CAL/PRE]"
                yield f"      valid lifetime {valid} preferred lifetime {preferred}"
            else:
                mark = "[ANY]" if address in settings.anycast else ""
                yield f"    {spelled(address)}, subnet is {spelled(prefix)} {mark}"
        yield f"  MTU is {ipv6.mtu} bytes"
        if row.vrf:
            yield f'  VPN Routing/Forwarding "{row.vrf}"'
        for way, place, name in (
            ("Input", "Inbound", row.filters6.inward),
            ("Output", "Outgoing", row.filters6.outward),
        ):
            if name:
                yield f"  {way} features: Access List"
                yield f"  {place} access list {name}"
        if row.filters6.failure:
            yield f"  Access lists: {row.filters6.failure}"
        if row.nd is not None and runs:
            yield from _advertising(row.nd)


_IPV6_HELP = {
    "ipv6": "Internet Protocol, version 6",
    "interface": "IPv6 state of interfaces",
    "brief": "Addresses only",
}
IPV6_BRIEF = ExecCommand(
    "show ipv6 interface brief [ {interface:interface} ]", _IPV6_HELP, query=query_rows, render=render_ipv6_brief
)
IPV6_INTERFACE = ExecCommand(
    "show ipv6 interface [ {interface:interface} ]", _IPV6_HELP, query=query_enabled, render=render_interface
)


# ------------------------------------------------------------------------------------------------ routers of a link


class RouterRow(Value):
    """One router of a link. said: its last advertisement. age: how long ago that came, seconds."""

    address: IPAddress
    interface: str
    said: RouterAdvertisement
    age: float


class ShowIpv6Routers(Value):
    """The answer, by interface."""

    routers: tuple[RouterRow, ...]


def query_routers(ctx: ShowContext, args: Args) -> ShowIpv6Routers:
    """Return the routers of one port, or of all."""
    found, wanted = ctx.machine(InterfaceMachine).autoconfiguration, args.interface("interface", None)
    if found is None:
        return ShowIpv6Routers(())
    names = [state.name for state in ctx.ports.interfaces.all() if wanted in (None, state.name)]
    routers = ((name, *each) for name in names for each in found.heard(name)[0].items())
    rows = (RouterRow(address, name, one.said, ctx.now - one.heard_at) for name, address, one in routers)
    return ShowIpv6Routers(tuple(rows))


def render_routers(answer: ShowIpv6Routers) -> Iterator[str]:
    """Yield what each router said last."""
    for row in answer.routers:
        said = row.said
        yield f"Router {spelled(row.address)} on {row.interface}, last update {int(row.age // 60)} min"
        flags = f"AddrFlag={int(said.managed)}, OtherFlag={int(said.other)}, MTU={said.mtu or 0}"
        yield f"  Hops {said.hop_limit}, Lifetime {said.lifetime} sec, {flags}"
        yield f"  HomeAgentFlag=0, Preference={said.preference.name.capitalize()}"
        times = (f"{ms} msec" if ms else "0 (unspecified)" for ms in (said.reachable, said.retransmit))
        yield "  Reachable time {}, Retransmit time {}".format(*times)
        for one in said.prefixes:
            words = " onlink" * one.on_link + " autoconfig" * one.autonomous
            yield f"  Prefix {spelled(one.prefix)}{words}"
            valid, preferred = (-1 if seconds == INFINITE else seconds for seconds in (one.valid, one.preferred))
            yield f"    Valid lifetime {valid}, preferred lifetime {preferred}"


ROUTERS: Final = ExecCommand(
    "show ipv6 routers [ {interface:interface} ]",
    {**_IPV6_HELP, "routers": "Routers whose advertisements are followed", "interface": "Of one interface"},
    query=query_routers,
    render=render_routers,
)
