"""The shows of VLANs and switch ports, in IOS's layout.

show vlan [brief], show vlans (of subinterfaces), show interfaces trunk, show interfaces switchport,
show interfaces status, show vtp status, show mac address-table, show etherchannel summary,
show spanning-tree [vlan N] [detail], show spanning-tree summary, show spanning-tree root
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from dmvpn.base.addresses import IPAddress, dotted
from dmvpn.base.events import SwitchingComputed
from dmvpn.base.moments import clock
from dmvpn.base.switching import Box, EthernetPort, LearnedStation, PortMode, PortRole, TreePort, VlanTree, within
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


class ShowTrees(Value):
    """The answer to `show spanning-tree`. rapid: the protocol's name is rapid-pvst.

    changed: how often the tree of a VLAN became another one, and how long ago, seconds.
    """

    trees: tuple[VlanTree, ...]
    rapid: bool
    changed: Mapping[int, tuple[int, float]]


def query_trees(ctx: ShowContext, args: Args) -> ShowTrees:
    """Return the tree of one VLAN, or all; of an interface those of its VLANs, with it alone."""
    machine, wanted, name = ctx.machine(SwitchingMachine), args.integer("vlan", 0), args.interface("interface", "")
    trees = [tree for tree in machine.computed.trees if wanted in (0, tree.vlan)]
    if name:
        port = machine.box.port(name)
        name = port.logical if port is not None else name
        trees = [replace(tree, ports=tuple(one for one in tree.ports if one.name == name)) for tree in trees]
    found = tuple(tree for tree in trees if tree.ports or not name)
    changed = {tree.vlan: machine.changed[tree.vlan] for tree in found}
    return ShowTrees(found, machine.box.rapid, {vlan: (count, ctx.now - at) for vlan, (count, at) in changed.items()})


_NO_TREES: Final = "No spanning tree instances exist."
_TIMERS: Final = "             Hello Time   2 sec  Max Age 20 sec  Forward Delay 15 sec"


def render_trees(answer: ShowTrees) -> Iterator[str]:
    """Yield a block for each VLAN."""
    if not answer.trees:
        yield _NO_TREES
    for tree in answer.trees:
        priority, address = tree.bridge
        yield ""
        yield f"VLAN{tree.vlan:04}"
        yield f"  Spanning tree enabled protocol {_protocol(answer)}"
        yield f"  Root ID    Priority    {tree.root[0]}"
        yield f"             Address     {dotted(tree.root[1])}"
        if tree.port:
            yield f"             Cost        {tree.cost}"
            yield f"             Port        {_root_port(tree)} ({tree.port})"
        else:
            yield "             This bridge is the root"
        yield _TIMERS
        yield ""
        yield f"  Bridge ID  Priority    {priority}  (priority {priority - tree.vlan} sys-id-ext {tree.vlan})"
        yield f"             Address     {dotted(address)}"
        yield _TIMERS
        yield "             Aging Time  300 sec"
        yield ""
        yield from _ports_of_tree("Interface", ((short_interface(port.name), port) for port in tree.ports))


def _ports_of_tree(title: str, rows: Iterable[tuple[str, TreePort]]) -> Iterator[str]:
    yield f"{title:<19} Role Sts Cost      Prio.Nbr Type"
    yield "------------------- ---- --- --------- -------- --------------------------------"
    for name, port in rows:
        state = "BLK" if port.role is PortRole.ALTERNATE else "FWD"
        number_text = f"128.{port.number}"
        yield f"{name:<19} {port.role.value} {state} {port.cost:<9} {number_text:<8} P2p"


def render_port_trees(answer: ShowTrees) -> Iterator[str]:
    """Yield a line for each VLAN of the port."""
    if answer.trees:
        yield from _ports_of_tree(
            "Vlan", ((f"VLAN{tree.vlan:04}", port) for tree in answer.trees for port in tree.ports)
        )
    else:
        yield "no spanning tree info available"


def render_detail(answer: ShowTrees) -> Iterator[str]:
    """Yield a block for each VLAN, and one for each port of it."""
    if not answer.trees:
        yield _NO_TREES
    for tree in answer.trees:
        count, ago = answer.changed[tree.vlan]
        yield ""
        yield f" VLAN{tree.vlan:04} is executing the {_protocol(answer)} compatible Spanning Tree protocol"
        priority, address = tree.bridge
        said = f"priority {priority - tree.vlan}, sysid {tree.vlan}, address {dotted(address)}"
        yield f"  Bridge Identifier has {said}"
        yield "  Configured hello time 2, max age 20, forward delay 15, transmit hold-count 6"
        if tree.port:
            yield f"  Current root has priority {tree.root[0]}, address {dotted(tree.root[1])}"
            yield f"  Root port is {_root_port(tree)} ({tree.port}), cost of root path is {tree.cost}"
        else:
            yield "  We are the root of the spanning tree"
        yield "  Topology change flag not set, detected flag not set"
        yield f"  Number of topology changes {count} last change occurred {clock(ago)} ago"
        yield "  Times:  hold 1, topology change 35, notification 2"
        yield "          hello 2, max age 20, forward delay 15"
        yield "  Timers: hello 0, topology change 0, notification 0, aging 300"
        yield from _port_details(tree)


def render_port_detail(answer: ShowTrees) -> Iterator[str]:
    """Yield the block of the port for each of its VLANs."""
    if not answer.trees:
        yield "no spanning tree info available"
    for tree in answer.trees:
        yield from _port_details(tree)


_ROLES: Final = {
    PortRole.ROOT: "root forwarding",
    PortRole.DESIGNATED: "designated forwarding",
    PortRole.ALTERNATE: "alternate blocking",
}


def _port_details(tree: VlanTree) -> Iterator[str]:
    for port in tree.ports:
        nearest = port.designated
        yield ""
        yield f" Port {port.number} ({port.name}) of VLAN{tree.vlan:04} is {_ROLES[port.role]}"
        yield f"   Port path cost {port.cost}, Port priority 128, Port Identifier 128.{port.number}."
        yield f"   Designated root has priority {tree.root[0]}, address {dotted(tree.root[1])}"
        yield f"   Designated bridge has priority {nearest.bridge[0]}, address {dotted(nearest.bridge[1])}"
        yield f"   Designated port id is 128.{nearest.number}, designated path cost {nearest.cost}"
        yield "   Timers: message age 0, forward delay 0, hold 0"
        yield f"   Number of transitions to forwarding state: {int(port.role is not PortRole.ALTERNATE)}"
        yield "   Link type is point-to-point by default"
        yield "   BPDU: sent 0, received 0"


def _protocol(answer: ShowTrees) -> str:
    return "rstp" if answer.rapid else "ieee"


def _root_port(tree: VlanTree) -> int:
    return next((port.number for port in tree.ports if port.role is PortRole.ROOT), 0)


def _blocked(tree: VlanTree) -> list[str]:
    return [short_interface(port.name) for port in tree.ports if port.role is PortRole.ALTERNATE]


def render_blocked(answer: ShowTrees) -> Iterator[str]:
    """Yield the VLANs with blocked ports."""
    yield ""
    yield "Name                 Blocked Interfaces List"
    yield "-------------------- ------------------------------------"
    blocked = {tree.vlan: ports for tree in answer.trees if (ports := _blocked(tree))}
    yield from (f"VLAN{vlan:04}             {', '.join(ports)}" for vlan, ports in blocked.items())
    yield ""
    yield f"Number of blocked ports (segments) in the system : {sum(map(len, blocked.values()))}"


_SETTINGS: Final = (
    ("Extended system ID", True),
    ("Portfast Default", False),
    ("PortFast BPDU Guard Default", False),
    ("Portfast BPDU Filter Default", False),
    ("Loopguard Default", False),
    ("EtherChannel misconfig guard", False),
    ("UplinkFast", False),
    ("BackboneFast", False),
)
_STATES: Final = "---------------------- -------- --------- -------- ---------- ----------"


def render_summary(answer: ShowTrees) -> Iterator[str]:
    """Yield the mode, the settings, and how many ports of each VLAN block and forward."""
    yield f"Switch is in {'rapid-pvst' if answer.rapid else 'pvst'} mode"
    here = as_ranges(tree.vlan for tree in answer.trees if not tree.port)
    named = [f"VLAN{first:04}" + (f"-VLAN{last:04}" if last > first else "") for first, last in here]
    yield f"Root bridge for: {', '.join(named) or 'none'}"
    yield from (f"{name:<39} is {'enabled' if is_on else 'disabled'}" for name, is_on in _SETTINGS)
    yield "Configured Pathcost method used is short"
    yield ""
    if not answer.trees:
        return
    yield "Name                   Blocking Listening Learning Forwarding STP Active"
    yield _STATES
    rows = [(f"VLAN{tree.vlan:04}", len(_blocked(tree)), len(tree.ports)) for tree in answer.trees]
    yield from (_states(*row) for row in rows)
    yield _STATES
    title = f"{len(rows)} vlan{'s' if len(rows) > 1 else ''}"
    yield _states(title, sum(row[1] for row in rows), sum(row[2] for row in rows))


def _states(title: str, blocked: int, ports: int) -> str:
    return f"{title:<22} {blocked:>8} {0:>9} {0:>8} {ports - blocked:>10} {ports:>10}"


def render_roots(answer: ShowTrees) -> Iterator[str]:
    """Yield a line for each VLAN: its root, and the way there."""
    if not answer.trees:
        yield _NO_TREES
        return
    yield ""
    yield "                                        Root    Hello Max Fwd"
    yield "Vlan                   Root ID          Cost    Time  Age Dly  Root Port"
    yield "---------------- -------------------- --------- ----- --- ---  ------------"
    for tree in answer.trees:
        root, port = f"{tree.root[0]:>5} {dotted(tree.root[1])}", short_interface(tree.port) if tree.port else ""
        yield f"VLAN{tree.vlan:04}         {root:<20} {tree.cost:>9}    2   20  15  {port}".rstrip()


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
    "spanning-tree": "The trees, which the lab computes",
    "blockedports": "Ports that do not forward",
    "detail": "With the ports of each VLAN",
    "root": "The root of each tree, and the way there",
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
    ExecCommand("show spanning-tree [ vlan {vlan:1-4094} ]", _HELP, query=query_trees, render=render_trees),
    ExecCommand("show spanning-tree [ vlan {vlan:1-4094} ] detail", _HELP, query=query_trees, render=render_detail),
    ExecCommand(
        "show spanning-tree interface {interface:interface} detail",
        _HELP,
        query=query_trees,
        render=render_port_detail,
    ),
    ExecCommand("show spanning-tree summary", _HELP, query=query_trees, render=render_summary),
    ExecCommand("show spanning-tree root", _HELP, query=query_trees, render=render_roots),
    ExecCommand("show spanning-tree blockedports", _HELP, query=query_trees, render=render_blocked),
    ExecCommand(
        "show spanning-tree interface {interface:interface}", _HELP, query=query_trees, render=render_port_trees
    ),
    ExecCommand("show etherchannel summary", _HELP, query=query_bundles, render=render_bundles),
)
