"""`show interfaces`: queries, and the block that each interface prints; `clear counters` for its counters;
`show interfaces summary`: one line for each interface, with rates.

The tables (`show ip interface brief` ...) are in `tables.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.addresses import IPAddress, dotted
from dmvpn.base.breath import breathing
from dmvpn.base.notices import GreTunnel, InterfaceState, TunnelState
from dmvpn.base.values import Value, project
from dmvpn.features.interface.machine import ClearInterfaceCounters, InterfaceMachine, InterfaceTraffic
from dmvpn.features.interface.port import Status, kind_name, kind_of
from dmvpn.ios import Args, Confirm, ExecCommand, ShowContext, age
from dmvpn.ios.common import ENCAPSULATION, INTERFACE

_ENCAPSULATIONS = {"Tunnel": "TUNNEL", "Loopback": "LOOPBACK", "Null": "ARPA"}


class TunnelBlock(GreTunnel, Value, kw_only=True):
    """The lines of `show interfaces` about a tunnel. siblings: tunnels with the same source, this one included."""

    source: IPAddress | None
    protection: str
    linestate: str
    transport_mtu: int
    siblings: int


class CounterBlock(Value, kw_only=True):
    """The traffic of an interface, as of the last count.

    input_age, output_age: seconds since a packet, None: never.
    cleared_age: seconds since the counters were set to zero, None: never. Rates are per second.
    """

    cleared_age: float | None = None
    input_age: float | None = None
    output_age: float | None = None
    received: int = 0
    received_octets: int = 0
    multicasts: int = 0
    input_errors: int = 0
    input_drops: int = 0
    input_bit_rate: int = 0
    input_packet_rate: int = 0
    sent: int = 0
    sent_octets: int = 0
    output_errors: int = 0
    output_drops: int = 0
    output_bit_rate: int = 0
    output_packet_rate: int = 0


class InterfaceBlock(Value, kw_only=True):
    """The content of `show interfaces` about one interface.

    vlan: of its frames (802.1Q), 0: they have no tag.
    bandwidth: kbit/s.
    delay: microseconds.
    method: where the address comes from, as in `show ip interface brief`.
    """

    name: str
    status: str
    line: bool
    hardware: str
    hardware_address: str
    vlan: int
    description: str
    address: IPAddress | None
    prefix_length: int
    method: str
    mtu: int
    bandwidth: int
    delay: int
    counters: CounterBlock
    reason: str
    tunnel: TunnelBlock | None


class ShowInterfaces(Value):
    """The answer to `show interfaces`."""

    interfaces: tuple[InterfaceBlock, ...]


def query_interfaces(ctx: ShowContext, args: Args) -> ShowInterfaces:
    """Return one interface, or all."""
    wanted = args.interface("interface", None)
    states = [state for state in ctx.ports.interfaces.all() if wanted in (None, state.name)]
    traffic = ctx.machine(InterfaceMachine).traffic_with(ctx.counting.interfaces_counted(), ctx.now)
    return ShowInterfaces(tuple(_block(ctx, state, traffic.get(state.name)) for state in breathing(states)))


def _block(ctx: ShowContext, state: InterfaceState, traffic: InterfaceTraffic | None) -> InterfaceBlock:
    machine = ctx.machine(InterfaceMachine)
    port = machine.port(state.name)
    tunnel = ctx.ports.tunnels.get(state.name) if kind_name(state.name) == "Tunnel" else None
    hardware_address = port.link.hardware_address if port and port.link else b""
    failure = machine.failure(state.name) or state.reason
    section = ctx.running.section(INTERFACE, name=state.name) if "." in state.name else None
    return project(
        InterfaceBlock,
        state,
        status=(port.status if port else Status.DOWN).value,
        hardware=kind_of(state.name).hardware,
        hardware_address=dotted(hardware_address),
        vlan=0 if section is None else section.args(ENCAPSULATION).integer("vlan", 0),
        description=port.settings.description if port else "",
        method=port.method if port else "unset",
        mtu=state.mtu - (_options(tunnel) if tunnel is not None else 0),
        counters=_counter_block(traffic, ctx.now),
        reason=str(failure) if failure else "",
        tunnel=_tunnel_block(ctx, state, tunnel) if tunnel else None,
    )


def _options(tunnel: TunnelState) -> int:
    """Return the octets of GRE headers beyond the first four."""
    return 4 * ((tunnel.key is not None) + tunnel.checksum + tunnel.sequence)


def _counter_block(traffic: InterfaceTraffic | None, now: float) -> CounterBlock:
    if traffic is None:
        return CounterBlock()
    count, received, sent = traffic.shown, traffic.received, traffic.sent
    return project(
        CounterBlock,
        count,
        cleared_age=None if traffic.cleared_at is None else now - traffic.cleared_at,
        input_age=None if received.seen_at is None else now - received.seen_at,
        output_age=None if sent.seen_at is None else now - sent.seen_at,
        input_errors=count.receive_errors,
        input_drops=count.receive_drops,
        input_bit_rate=round(received.bit_rate),
        input_packet_rate=round(received.packet_rate),
        output_errors=count.send_errors,
        output_drops=count.send_drops,
        output_bit_rate=round(sent.bit_rate),
        output_packet_rate=round(sent.packet_rate),
    )


def _tunnel_block(ctx: ShowContext, state: InterfaceState, tunnel: TunnelState) -> TunnelBlock:
    others = ctx.ports.tunnels.all()
    return project(
        TunnelBlock,
        tunnel,
        linestate="up" if state.line or state.reason is None else f"down - {state.reason.what}",
        transport_mtu=tunnel.ip_mtu + tunnel.sealing,
        siblings=sum(other.source_interface == tunnel.source_interface for other in others),
    )


def render_interfaces(answer: ShowInterfaces) -> Iterator[str]:
    """Yield the blocks, one after the other."""
    for block in answer.interfaces:
        yield f"{block.name} is {block.status}, line protocol is {'up' if block.line else 'down'} "
        address = block.hardware_address
        yield f"  Hardware is {block.hardware}" + (f", address is {address} (bia {address})" if address else "")
        if block.description:
            yield f"  Description: {block.description}"
        if block.address is not None:
            yield f"  Internet address is {block.address}/{block.prefix_length}"
        elif block.method == "DHCP":
            yield "  Internet address will be negotiated using DHCP"
        yield f"  MTU {block.mtu} bytes, BW {block.bandwidth} Kbit/sec, DLY {block.delay} usec, "
        yield "     reliability 255/255, txload 1/255, rxload 1/255"
        if block.vlan:
            yield f"  Encapsulation 802.1Q Virtual LAN, Vlan ID  {block.vlan}."
        else:
            yield f"  Encapsulation {_ENCAPSULATIONS.get(kind_name(block.name), 'ARPA')}, loopback not set"
        yield from _tunnel_lines(block.name, block.tunnel) if block.tunnel else _link_lines(block)
        yield from _counter_lines(block)


def _link_lines(block: InterfaceBlock) -> Iterator[str]:
    yield "  Keepalive set (10 sec)"
    if kind_of(block.name).logical:
        return
    yield f"  Full Duplex, {kind_of(block.name).bandwidth // 1000}Mbps, link type is auto, media type is Virtual"
    yield "  output flow-control is unsupported, input flow-control is unsupported"
    yield "  ARP type: ARPA, ARP Timeout 04:00:00"


def _switched(on: bool) -> str:
    return "enabled" if on else "disabled"


def _tunnel_lines(name: str, tunnel: TunnelBlock) -> Iterator[str]:
    if tunnel.keepalive is None:
        yield "  Keepalive not set"
    else:
        period, retries = tunnel.keepalive
        yield f"  Keepalive set ({period} sec), retries {retries}"
    yield f"  Tunnel linestate evaluation {tunnel.linestate}"
    source = f"{tunnel.source or 'UNKNOWN'}" + (f" ({tunnel.source_interface})" if tunnel.source_interface else "")
    destination = "" if tunnel.multipoint else f", destination {tunnel.destination or 'UNKNOWN'}"
    yield f"  Tunnel source {source}{destination}"
    if tunnel.source_interface:
        members = f"{tunnel.siblings} member{'' if tunnel.siblings == 1 else 's'} (includes iterators)"
        yield "   Tunnel Subblocks:"
        yield "      src-track:"
        yield f"         {name} source tracking subblock associated with {tunnel.source_interface}"
        yield f"          Set of tunnels with source {tunnel.source_interface}, {members}, on interface <OK>"
    yield f"  Tunnel protocol/transport {'multi-GRE/IP' if tunnel.multipoint else 'GRE/IP'}"
    yield f"    Key {'disabled' if tunnel.key is None else f'{tunnel.key:#x}'}, sequencing {_switched(tunnel.sequence)}"
    yield f"    Checksumming of packets {_switched(tunnel.checksum)}"
    yield f"  Tunnel TTL {tunnel.ttl}, Fast tunneling enabled"
    if tunnel.front:
        yield f'  Tunnel transport VRF "{tunnel.front}"'
    if tunnel.path_mtu_discovery:
        yield "  Path MTU Discovery, ager 10 mins, min MTU 92"
    yield f"  Tunnel transport MTU {tunnel.transport_mtu} bytes"
    yield f"  Tunnel transmit bandwidth {tunnel.transmit_bandwidth} (kbps)"
    yield f"  Tunnel receive bandwidth {tunnel.receive_bandwidth} (kbps)"
    if tunnel.protection:
        yield f'  Tunnel protection via IPSec (profile "{tunnel.protection}")'


def _counter_lines(block: InterfaceBlock) -> Iterator[str]:
    """Yield the counters; counters that no data plane has are zero, because IOS prints them all, and tools expect
    them.
    """
    count = block.counters
    yield f"  Last input {age(count.input_age)}, output {age(count.output_age)}, output hang never"
    yield f'  Last clearing of "show interface" counters {age(count.cleared_age)}'
    yield (
        f"  Input queue: 0/375/{count.input_drops}/0 (size/max/drops/flushes); Total output drops: {count.output_drops}"
    )
    yield "  Queueing strategy: fifo"
    yield f"  Output queue: 0/{0 if kind_of(block.name).logical else 40} (size/max)"
    yield f"  5 minute input rate {count.input_bit_rate} bits/sec, {count.input_packet_rate} packets/sec"
    yield f"  5 minute output rate {count.output_bit_rate} bits/sec, {count.output_packet_rate} packets/sec"
    yield f"     {count.received} packets input, {count.received_octets} bytes, 0 no buffer"
    yield f"     Received 0 broadcasts ({count.multicasts} IP multicasts)"
    yield "     0 runts, 0 giants, 0 throttles "
    yield f"     {count.input_errors} input errors, 0 CRC, 0 frame, 0 overrun, 0 ignored, 0 abort"
    yield f"     {count.sent} packets output, {count.sent_octets} bytes, 0 underruns"
    yield "     Output 0 broadcasts (0 IP multicasts)"
    yield f"     {count.output_errors} output errors, 0 collisions, 0 interface resets"
    yield "     0 unknown protocol drops"
    yield "     0 output buffer failures, 0 output buffers swapped out"


def clear_counters(_: ShowContext, args: Args) -> Confirm:
    """Clear the counters (`clear counters [INTERFACE]`)."""
    interface = args.interface("interface", None)
    which = "this interface" if interface else "all interfaces"
    return Confirm(f'Clear "show interface" counters on {which} [confirm]', ClearInterfaceCounters(interface))


CLEAR = ExecCommand(
    "clear counters [ {interface:interface} ]",
    {"counters": "Reset the counters of `show interfaces`", "interface": "Of one interface"},
    action=clear_counters,
    privilege=15,
)
INTERFACES = ExecCommand(
    "show interfaces [ {interface:interface} ]",
    {"interfaces": "State, addresses and counters of interfaces", "interface": "One interface"},
    query=query_interfaces,
    render=render_interfaces,
)


_COLUMNS: Final = ("IHQ", "IQD", "OHQ", "OQD", "RXBS", "RXPS", "TXBS", "TXPS", "TRTL")
_LEGEND: Final = (
    " *: interface is up",
    " IHQ: pkts in input hold queue     IQD: pkts dropped from input queue",
    " OHQ: pkts in output hold queue    OQD: pkts dropped from output queue",
    " RXBS: rx rate (bits/sec)          RXPS: rx rate (pkts/sec)",
    " TXBS: tx rate (bits/sec)          TXPS: tx rate (pkts/sec)",
    " TRTL: throttle count",
)


def render_summary(answer: ShowInterfaces) -> Iterator[str]:
    """Yield the legend, and a row for each interface. Queues are the kernel's, and none of them is counted here."""
    yield ""
    yield from _LEGEND
    yield ""
    yield f"  {'Interface':<22}" + "".join(f"{column:>10}" for column in _COLUMNS)
    yield "-" * (24 + 10 * len(_COLUMNS))
    for block in answer.interfaces:
        found = block.counters
        rates = (found.input_bit_rate, found.input_packet_rate, found.output_bit_rate, found.output_packet_rate)
        numbers = (0, found.input_drops, 0, found.output_drops, *rates, 0)
        yield f"{'*' if block.line else ' '} {block.name:<22}" + "".join(f"{number:>10}" for number in numbers)


SUMMARY: Final = ExecCommand(
    "show interfaces summary", {"summary": "One line each, with rates"}, query=query_interfaces, render=render_summary
)
