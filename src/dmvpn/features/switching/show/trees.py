"""The shows of spanning trees, in IOS's layout.

show spanning-tree [vlan N] [detail], show spanning-tree interface X [detail], show spanning-tree summary,
show spanning-tree root, show spanning-tree blockedports
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from dmvpn.base.addresses import dotted
from dmvpn.base.moments import clock
from dmvpn.base.switching import PortRole, TreePort, VlanTree
from dmvpn.base.values import Value
from dmvpn.features.switching.config import as_ranges
from dmvpn.features.switching.machine import SwitchingMachine
from dmvpn.ios import Args, ExecCommand, ShowContext, short_interface


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


_HELP: Final = {
    "vlan": "VLANs of this switch",
    "interface": "One port",
    "spanning-tree": "The trees, which the lab computes",
    "blockedports": "Ports that do not forward",
    "detail": "With the ports of each VLAN",
    "root": "The root of each tree, and the way there",
    "summary": "A line each",
}
COMMANDS: Final = (
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
)
