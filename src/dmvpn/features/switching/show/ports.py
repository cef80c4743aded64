"""The shows of VLANs and switch ports, in IOS's layout.

show vlan [brief], show vlans (of subinterfaces), show interfaces trunk, show interfaces switchport,
show interfaces status, show vtp status, show mac address-table, show etherchannel summary
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from dmvpn.base.addresses import IPAddress, dotted
from dmvpn.base.events import SwitchingComputed
from dmvpn.base.switching import Box, EthernetPort, LearnedStation, PortMode, PortRole, within
from dmvpn.base.values import Value
from dmvpn.features.switching.config import as_ranges, is_ethernet, spelled
from dmvpn.features.switching.machine import SwitchingMachine
from dmvpn.ios import Args, ExecCommand, ShowContext, short_interface
from dmvpn.ios.common import DESCRIPTION, INTERFACE
from dmvpn.ios.config_line import known_command

#: What a router without ports of layer 2 says, as IOS does: tools learn from it that this is no switch.
_NO_SWITCH: Final = "% Invalid input detected at '^' marker."


class VlanRow(Value):
    """A VLAN, and the ports that are access ports in it."""

    vlan: int
    name: str
    ports: tuple[str, ...]


class ShowVlan(Value):
    """The answer to `show vlan`. brief: without the second table."""

    vlans: tuple[VlanRow, ...]
    is_switch: bool
    brief: bool


def name_of(box: Box, vlan: int) -> str:
    """Return the name of a VLAN."""
    return dict(box.vlans).get(vlan) or ("default" if vlan == 1 else f"VLAN{vlan:04}")


def _logical(ports: Iterable[EthernetPort]) -> list[EthernetPort]:
    """Return the ports of layer 2, one of each bundle."""
    found = {port.logical: port for port in ports if port.switched}
    return list(found.values())


def query_vlans(ctx: ShowContext, args: Args) -> ShowVlan:
    """Return all VLANs."""
    machine = ctx.machine(SwitchingMachine)
    box, trunks = machine.box, machine.computed.trunks
    rows = [
        VlanRow(
            vlan,
            name_of(box, vlan),
            tuple(
                port.logical
                for port in _logical(box.ports)
                if port.logical not in trunks and port.mode is not PortMode.TRUNK and vlan in (port.access, port.voice)
            ),
        )
        for vlan in box.known
    ]
    return ShowVlan(tuple(rows), box.bridges, "brief" in args)


def render_vlans(answer: ShowVlan) -> Iterator[str]:
    """Yield the table of VLANs, and that of their types."""
    if not answer.is_switch:
        yield _NO_SWITCH
        return
    yield ""
    yield "VLAN Name                             Status    Ports"
    yield "---- -------------------------------- --------- -------------------------------"
    for row in answer.vlans:
        first, *more = textwrap.wrap(", ".join(map(short_interface, row.ports)), 31) or [""]
        yield f"{row.vlan:<4} {row.name:<32} {'active':<9} {first}".rstrip()
        yield from (f"{'':48}{line}" for line in more)
    if answer.brief:
        return
    yield ""
    yield "VLAN Type  SAID       MTU   Parent RingNo BridgeNo Stp  BrdgMode Trans1 Trans2"
    yield "---- ----- ---------- ----- ------ ------ -------- ---- -------- ------ ------"
    for row in answer.vlans:
        yield f"{row.vlan:<4} enet  {100000 + row.vlan:<10} 1500  -      -      -        -    -        0      0"


class TaggedInterface(Value):
    """A subinterface with its VLAN. received, sent: packets."""

    vlan: int
    native: bool
    interface: str
    address: IPAddress | None
    received: int
    sent: int


class ShowVlans(Value):
    """The answer to `show vlans`."""

    interfaces: tuple[TaggedInterface, ...]


def query_tagged(ctx: ShowContext, _: Args) -> ShowVlans:
    """Return the subinterfaces with tags."""
    counted = ctx.counting.interfaces_counted()
    counts = {count.interface: count for count in counted.counts} if counted is not None else {}
    found = []
    for port in ctx.machine(SwitchingMachine).box.ports:
        for vlan, name in port.layers:
            state, count = ctx.ports.interfaces.get(name), counts.get(name)
            if vlan or "." in name:
                received, sent = (count.received, count.sent) if count is not None else (0, 0)
                found.append(
                    TaggedInterface(
                        vlan or port.native, not vlan, name, state.address if state else None, received, sent
                    )
                )
    return ShowVlans(tuple(sorted(found, key=lambda one: one.vlan)))


def render_tagged(answer: ShowVlans) -> Iterator[str]:
    """Yield a block for each."""
    if not answer.interfaces:
        yield "No Virtual LANs configured."
    for one in answer.interfaces:
        yield f"Virtual LAN ID:  {one.vlan} (IEEE 802.1Q Encapsulation)"
        yield ""
        yield f"   vLAN Trunk Interface:   {one.interface}"
        if one.native:
            port = one.interface.partition(".")[0]
            yield f" This is configured as native Vlan for the following interface(s) : {port}"
        yield ""
        yield "   Protocols Configured:   Address:              Received:        Transmitted:"
        yield f"           IP              {one.address or 'unassigned'!s:<21} {one.received:>8} {one.sent:>20}"
        yield ""


# ------------------------------------------------------------------------------------------------ ports


class SwitchPort(Value):
    """A port of layer 2.

    mode: as configured. operates: "trunk", "static access", "down".
    native, access, voice: VLANs with their names. allowed: as configured.
    active: the allowed VLANs that are here. forwarding: those in which it forwards.
    """

    name: str
    mode: str
    operates: str
    negotiates: bool
    access: str
    native: str
    voice: str
    allowed: str
    active: str
    forwarding: str


class SwitchPorts(Value):
    """The answer to `show interfaces switchport`, `show interfaces trunk`."""

    ports: tuple[SwitchPort, ...]
    is_switch: bool


def _switch_port(box: Box, port: EthernetPort, computed: SwitchingComputed) -> SwitchPort:
    name = port.logical
    operates = "trunk" if name in computed.trunks else "static access" if port.name in computed.up else "down"
    active = [vlan for vlan in box.known if within(vlan, port.allowed)]
    forwarding = [
        tree.vlan
        for tree in computed.trees
        for one in tree.ports
        if one.name == name and one.role is not PortRole.ALTERNATE
    ]
    return SwitchPort(
        name=name,
        mode=port.mode.value,
        operates=operates,
        negotiates=port.negotiates and port.mode is not PortMode.ACCESS,
        access=f"{port.access} ({name_of(box, port.access)})",
        native=f"{port.native} ({name_of(box, port.native)})",
        voice=f"{port.voice} ({name_of(box, port.voice)})" if port.voice else "none",
        allowed=spelled(port.allowed) or "none",
        active=spelled(as_ranges(active)) or "none",
        forwarding=spelled(as_ranges(forwarding)) or "none",
    )


def query_ports(ctx: ShowContext, args: Args) -> SwitchPorts:
    """Return one port, or all: of a bundle the bundle, unless one of its ports is asked for."""
    machine, wanted = ctx.machine(SwitchingMachine), args.interface("interface", "")
    asked = machine.box.port(wanted)
    name = asked.logical if asked is not None else wanted
    ports = [_switch_port(machine.box, port, machine.computed) for port in _logical(machine.box.ports)]
    found = [port for port in ports if name in ("", port.name)]
    if asked is not None and asked.bundle:
        member = f" (member of bundle {short_interface(name)})"
        found = [replace(port, name=wanted, operates=port.operates + member) for port in found]
    return SwitchPorts(tuple(found), machine.box.bridges)


def _is_trunk(port: SwitchPort) -> bool:
    return port.operates.startswith("trunk")


def query_trunks(ctx: ShowContext, args: Args) -> SwitchPorts:
    """Return the ports that are trunks now, or the named port, whatever it is."""
    answer = query_ports(ctx, args)
    found = [_with_vlans(port) for port in answer.ports if "interface" in args or _is_trunk(port)]
    return SwitchPorts(tuple(found), answer.is_switch)


def _with_vlans(port: SwitchPort) -> SwitchPort:
    """Return a port with its VLANs in the lists of a trunk: of an access port its only one."""
    vlan = port.access.partition(" ")[0]
    return port if _is_trunk(port) else replace(port, allowed=vlan, active=vlan)


_TRUNK_MODES: Final = {"trunk": "on", "dynamic auto": "auto", "dynamic desirable": "desirable", "static access": "off"}


def render_trunks(answer: SwitchPorts) -> Iterator[str]:
    """Yield the four tables."""
    if not answer.ports:
        yield "" if answer.is_switch else _NO_SWITCH
        return
    yield ""
    yield "Port        Mode             Encapsulation  Status        Native vlan"
    for port in answer.ports:
        native, status = port.native.partition(" ")[0], "trunking" if _is_trunk(port) else "not-trunking"
        yield f"{short_interface(port.name):<11} {_TRUNK_MODES[port.mode]:<16} {'802.1q':<14} {status:<13} {native}"
    for title, lists in (
        ("Vlans allowed on trunk", [port.allowed for port in answer.ports]),
        ("Vlans allowed and active in management domain", [port.active for port in answer.ports]),
        ("Vlans in spanning tree forwarding state and not pruned", [port.forwarding for port in answer.ports]),
    ):
        yield ""
        yield f"Port        {title}"
        for port, vlans in zip(answer.ports, lists, strict=True):
            yield f"{short_interface(port.name):<11} {vlans}"


def render_ports(answer: SwitchPorts) -> Iterator[str]:
    """Yield a block for each port."""
    if not answer.is_switch:
        yield _NO_SWITCH
    for port in answer.ports:
        yield f"Name: {short_interface(port.name)}"
        yield "Switchport: Enabled"
        yield f"Administrative Mode: {port.mode}"
        yield f"Operational Mode: {port.operates}"
        yield "Administrative Trunking Encapsulation: dot1q"
        if port.operates != "down":
            yield f"Operational Trunking Encapsulation: {'dot1q' if _is_trunk(port) else 'native'}"
        yield f"Negotiation of Trunking: {'On' if port.negotiates else 'Off'}"
        yield f"Access Mode VLAN: {port.access}"
        yield f"Trunking Native Mode VLAN: {port.native}"
        yield f"Voice VLAN: {port.voice}"
        yield f"Trunking VLANs Enabled: {'ALL' if port.allowed == '1-4094' else port.allowed}"
        yield ""


class PortStatus(Value):
    """A port of a switch. description: of its lines. vlan: its number, "trunk" or "routed"."""

    name: str
    description: str
    status: str
    vlan: str


class ShowStatus(Value):
    """The answer to `show interfaces status`."""

    ports: tuple[PortStatus, ...]
    is_switch: bool


def query_status(ctx: ShowContext, _: Args) -> ShowStatus:
    """Return all ports and bundles."""
    machine = ctx.machine(SwitchingMachine)
    ports = {port.name: port for port in machine.box.ports}
    ports |= {port.bundle: port for port in machine.box.ports if port.bundle}
    found = []
    for state in ctx.ports.interfaces.all():
        port, section = ports.get(state.name), ctx.running.section(INTERFACE, name=state.name)
        if section is None or (port is None and ("." in state.name or not is_ethernet(state.name))):
            continue
        status = "connected" if state.line else "notconnect" if state.enabled else "disabled"
        vlan = "routed" if port is None or not port.switched else str(port.access)
        if port is not None and port.logical in machine.computed.trunks:
            vlan = "trunk"
        found.append(PortStatus(state.name, section.args(DESCRIPTION).text("text", ""), status, vlan))
    return ShowStatus(tuple(found), machine.box.bridges)


def render_status(answer: ShowStatus) -> Iterator[str]:
    """Yield the table."""
    yield "" if answer.is_switch else _NO_SWITCH
    if answer.is_switch:
        yield "Port      Name               Status       Vlan       Duplex  Speed Type"
        for port in answer.ports:
            name, duplex = short_interface(port.name), "a-full" if port.status == "connected" else "auto"
            kind = "RJ45" if not name.startswith("Po") else ""
            yield f"{name:<9} {port.description:<18.18} {port.status:<12} {port.vlan:<10} {duplex:>6}   auto {kind}"


#: What the lines of VTP say, and what is so without them.
_SAID_OF_VTP: Final = (("mode", "off"), ("domain", ""), ("version", "1"))


class ShowVtp(Value):
    """The answer to `show vtp status`: what the lines of VTP say, of which nothing is spoken. vlans: how many."""

    mode: str
    domain: str
    version: str
    vlans: int
    is_switch: bool


def query_vtp(ctx: ShowContext, _: Args) -> ShowVtp:
    """Return what the lines say."""
    box = ctx.machine(SwitchingMachine).box
    lines = ctx.running.all(known_command("global", "vtp ("))
    mode, domain, version = (
        next((args.text("what", "") for args in lines if word in args), default) for word, default in _SAID_OF_VTP
    )
    return ShowVtp(mode.capitalize(), domain, version, len(box.known), box.bridges)


def render_vtp(answer: ShowVtp) -> Iterator[str]:
    """Yield the two parts."""
    if not answer.is_switch:
        yield _NO_SWITCH
        return
    yield "VTP Version capable             : 1 to 3"
    yield f"VTP version running             : {answer.version}"
    yield f"VTP Domain Name                 : {answer.domain}"
    yield "VTP Pruning Mode                : Disabled"
    yield "VTP Traps Generation            : Disabled"
    yield ""
    yield "Feature VLAN:"
    yield "--------------"
    yield f"VTP Operating Mode                : {answer.mode}"
    yield "Maximum VLANs supported locally   : 1005"
    yield f"Number of existing VLANs          : {answer.vlans}"
    yield "Configuration Revision            : 0"


# ------------------------------------------------------------------------------------------------ bridges


class ShowStations(Value):
    """The answer to `show mac address-table`."""

    stations: tuple[LearnedStation, ...]


def query_stations(ctx: ShowContext, args: Args) -> ShowStations:
    """Return what the bridges have learned, of one VLAN or of all."""
    wanted = args.integer("vlan", 0)
    found = [one for one in ctx.counting.stations_learned() if wanted in (0, one.vlan)]
    return ShowStations(tuple(sorted(found, key=lambda one: (one.vlan, one.hardware))))


def render_stations(answer: ShowStations) -> Iterator[str]:
    """Yield the table."""
    yield "          Mac Address Table"
    yield "-------------------------------------------"
    yield ""
    yield "Vlan    Mac Address       Type        Ports"
    yield "----    -----------       --------    -----"
    for one in answer.stations:
        yield f"{one.vlan:>4}    {dotted(one.hardware)}    DYNAMIC     {short_interface(one.port)}"
    yield f"Total Mac Addresses for this criterion: {len(answer.stations)}"


class BundleRow(Value):
    """A Port-channel and its ports. layer: 2 or 3. up: of the ports, those with a carrier."""

    name: str
    layer: int
    protocol: str
    ports: tuple[str, ...]
    up: tuple[str, ...]


class ShowBundles(Value):
    """The answer to `show etherchannel summary`."""

    bundles: tuple[BundleRow, ...]


def query_bundles(ctx: ShowContext, _: Args) -> ShowBundles:
    """Return all Port-channels."""
    machine = ctx.machine(SwitchingMachine)
    found: dict[str, list[EthernetPort]] = {}
    for port in machine.box.ports:
        if port.bundle:
            found.setdefault(port.bundle, []).append(port)

    def is_up(port: EthernetPort) -> bool:
        state = ctx.ports.interfaces.get(port.name)
        return state is not None and state.line

    return ShowBundles(
        tuple(
            BundleRow(
                name,
                2 if ports[0].switched else 3,
                ports[0].bundled_by,
                tuple(port.name for port in ports),
                tuple(port.name for port in ports if is_up(port)),
            )
            for name, ports in found.items()
        )
    )


_FLAGS: Final = """\
Flags:  D - down        P - bundled in port-channel
        R - Layer3      S - Layer2
        U - in use
"""


def render_bundles(answer: ShowBundles) -> Iterator[str]:
    """Yield the flags and the table."""
    yield from _FLAGS.splitlines()
    yield ""
    yield f"Number of channel-groups in use: {len(answer.bundles)}"
    yield f"Number of aggregators:           {len(answer.bundles)}"
    yield ""
    yield "Group  Port-channel  Protocol    Ports"
    yield "------+-------------+-----------+-----------------------------------------------"
    for row in answer.bundles:
        state = ("S" if row.layer == 2 else "R") + ("U" if row.up else "D")
        ports = "    ".join(f"{short_interface(port)}({'P' if port in row.up else 'D'})" for port in row.ports)
        name = f"{short_interface(row.name)}({state})"
        yield f"{row.name.removeprefix('Port-channel'):<6} {name:<15} {row.protocol:<9} {ports}"


_HELP: Final = {
    "vlan": "VLANs of this switch",
    "brief": "Without their types",
    "vlans": "Subinterfaces with tags",
    "trunk": "Ports that carry VLANs with tags",
    "switchport": "Ports of layer 2",
    "status": "A line each",
    "vtp": "The protocol that spreads VLANs, which is not spoken",
    "interface": "One port",
    "mac": "Link-layer addresses",
    "address-table": "Where stations are",
    "dynamic": "Learned addresses: all are",
    "etherchannel": "Ports that are one port together",
    "summary": "A line each",
}
COMMANDS: Final = (
    ExecCommand("show vlan [ brief ]", _HELP, query=query_vlans, render=render_vlans),
    ExecCommand("show vlans", _HELP, query=query_tagged, render=render_tagged),
    ExecCommand("show interfaces [ {interface:interface} ] trunk", _HELP, query=query_trunks, render=render_trunks),
    ExecCommand("show interfaces status", _HELP, query=query_status, render=render_status),
    ExecCommand("show vtp status", _HELP, query=query_vtp, render=render_vtp),
    ExecCommand("show interfaces switchport", _HELP, query=query_ports, render=render_ports),
    ExecCommand("show interfaces {interface:interface} switchport", _HELP, query=query_ports, render=render_ports),
    ExecCommand(
        "show mac address-table [ dynamic ] [ vlan {vlan:1-4094} ]", _HELP, query=query_stations, render=render_stations
    ),
    ExecCommand("show etherchannel summary", _HELP, query=query_bundles, render=render_bundles),
)
