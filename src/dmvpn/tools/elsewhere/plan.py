"""A lab as other programs see it: nodes with numbered ports, and cables with two ends each.

    plan(scenario, configurations, kind)  -> Plan

A wire with more than two ends becomes a switch. A translator becomes a router with NAT overload. A port whose name the
kind of node does not have gets another one, in the configuration too. `Plan.notes` names what differs from the lab.
Raises UserError for a router with more wires than the kind has ports.

Kinds of nodes of other programs that run the routers of a lab, and the names of their ports.

A kind numbers its ports; a number stands for the adapter of the node, "eth3" of a container. `PortNames` relates it to
IOS's name. Sources: containerlab's manual of each kind, CML's node definitions, GNS3's appliances.

Providers are above sites on a drawing area, their hosts at the bottom.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.ios import interface_sort_key
from dmvpn.shells.lab_model import INSIDE, OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dmvpn.shells.lab_model import GatewaySpec, HostSpec, LinkSpec
    from dmvpn.shells.scenario import Scenario


# ------------------------------------------------------------------------------------------------ kinds of nodes


Format = Literal["containerlab", "cml", "gns3"]
FORMATS: Final[tuple[Format, ...]] = ("containerlab", "cml", "gns3")


@dataclass(frozen=True, slots=True)
class PortNames:
    """Names of the ports of a kind: `prefix` and the number, or the number in slots of `slot` ports.

    first: the number of the first port that a wire may have; those before it are for management.
    last: of the last one.
    offset: the number in the name of port 0.
    """

    prefix: str
    first: int = 0
    last: int = 15
    slot: int = 0
    offset: int = 0

    def name(self, number: int) -> str:
        """Return IOS's name of a port."""
        return self.prefix + (f"{number // self.slot}/{number % self.slot}" if self.slot else str(number + self.offset))

    def number(self, name: str) -> int | None:
        """Return the number of a port, None if no wire may have a port of that name."""
        return next((number for number in range(self.first, self.last + 1) if self.name(number) == name), None)


@dataclass(frozen=True, slots=True)
class NodeKind:
    """A kind of node.

    name: the word behind `--node`.
    called: what the program calls it.
    image: of the program if `--image` names no other one; "" where the program knows it itself.
    any_names: it is our own container, whose ports may have all names of IOS.
    """

    name: str
    called: str
    ports: PortNames
    image: str = ""
    any_names: bool = False


_OUR_IMAGE: Final = "dmvpn:latest"
_GIGABIT: Final = "GigabitEthernet0/"

KINDS: Final[dict[Format, tuple[NodeKind, ...]]] = {
    "containerlab": (
        NodeKind("dmvpn", "linux", PortNames(_GIGABIT, first=1, last=99), _OUR_IMAGE, any_names=True),
        NodeKind("vios", "cisco_vios", PortNames(_GIGABIT, first=1), "vrnetlab/cisco_vios:159-3.M10"),
        NodeKind("iol", "cisco_iol", PortNames("Ethernet", first=1, slot=4), "vrnetlab/cisco_iol:17.12.01"),
        NodeKind(
            "c8000v", "cisco_c8000v", PortNames("GigabitEthernet", first=1, offset=1), "vrnetlab/vr-c8000v:17.11.01a"
        ),
    ),
    "cml": (
        NodeKind("iosv", "iosv", PortNames(_GIGABIT)),
        NodeKind("iol", "iol-xe", PortNames("Ethernet", slot=4)),
        NodeKind("cat8000v", "cat8000v", PortNames("GigabitEthernet", offset=1)),
    ),
    "gns3": (
        NodeKind("dmvpn", "docker", PortNames(_GIGABIT, last=98), _OUR_IMAGE, any_names=True),
        NodeKind("iosv", "qemu", PortNames(_GIGABIT), "vios-adventerprisek9-m.spa.159-3.m10.qcow2"),
        NodeKind("iol", "iou", PortNames("Ethernet", slot=4), "x86_64_crb_linux-adventerprisek9-ms.iol"),
    ),
}


def kind_named(program: Format, name: str | None) -> NodeKind:
    """Return a kind of a program; without a name its first one. Raises UserError."""
    kinds = KINDS[program]
    found = next((kind for kind in kinds if name in (None, kind.name, kind.called)), None)
    if found is None:
        raise UserError(f"{program} has no node {name!r} here; there are {', '.join(kind.name for kind in kinds)}")
    return found


def renamed(text: str, names: dict[str, str]) -> str:
    """Return a running configuration with other names of ports, those of their subinterfaces included."""
    if not names:
        return text
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, sorted(names, key=len, reverse=True)))})(?![\d/:])")
    return pattern.sub(lambda found: names[found[1]], text)


# ------------------------------------------------------------------------------------------------ the plan


#: A node and the number of one of its ports.
End = tuple[str, int]
#: Ports of the router that stands for a translator.
_GATEWAY_PORTS: Final = {OUTSIDE: "GigabitEthernet0/1", INSIDE: "GigabitEthernet0/2"}


@dataclass(frozen=True, slots=True)
class RouterNode:
    """A router. ports: IOS's names by number. role: of the scenario, for the picture."""

    name: str
    text: str
    ports: Mapping[int, str]
    role: str


@dataclass(frozen=True, slots=True)
class HostNode:
    """A computer with a single port, number 0."""

    name: str
    spec: HostSpec


@dataclass(frozen=True, slots=True)
class SwitchNode:
    """A switch with so many ports, counted from 0."""

    name: str
    ports: int


@dataclass(frozen=True, slots=True)
class Cable:
    """Two ends. spec: how bad it is."""

    ends: tuple[End, End]
    spec: LinkSpec


@dataclass(frozen=True, slots=True)
class Plan:
    """name: of the lab. notes: sentences about differences from the lab."""

    name: str
    routers: tuple[RouterNode, ...]
    hosts: tuple[HostNode, ...]
    switches: tuple[SwitchNode, ...]
    cables: tuple[Cable, ...]
    notes: tuple[str, ...]


def plan(scenario: Scenario, configurations: Mapping[str, str], kind: NodeKind) -> Plan:
    """Return a lab for a kind of node. configurations: of its routers."""
    texts = dict(configurations)
    notes: list[str] = []
    for name, gateway in scenario.lab.gateways.items():
        texts[name] = _translator(name, gateway)
        notes.append(f"{name}: it is a router with NAT overload there, not a {gateway.kind} translator")
    wires = list(_wires(scenario))
    routers: list[RouterNode] = []
    numbers = {(name, "eth0"): 0 for name in scenario.lab.hosts}
    for name, text in texts.items():
        wired = dict.fromkeys(port for ends, _ in wires for node, port in ends if node == name)
        if len(wired) > kind.ports.last + 1 - kind.ports.first:
            raise UserError(f"{name} has {len(wired)} wires, more than {kind.name} has ports: choose another --node")
        known = _numbers(wired, kind.ports)
        names = {port: port if kind.any_names else kind.ports.name(number) for port, number in known.items()}
        new = {port: there for port, there in names.items() if there != port}
        ports = {number: names[port] for port, number in known.items()}
        routers.append(RouterNode(name, renamed(text, new), ports, scenario.role(name)))
        numbers |= {(name, port): number for port, number in known.items()}
        notes += [f"{name}: {port} is {there} there" for port, there in new.items()]
    hosts = tuple(HostNode(name, spec) for name, spec in scenario.lab.hosts.items())
    switches: list[SwitchNode] = []
    cables: list[Cable] = []
    for ends, spec in wires:
        plugs = [(node, numbers[node, port]) for node, port in ends]
        if len(plugs) == 2:
            cables.append(Cable((plugs[0], plugs[1]), spec))
            continue
        name = _free_name({*texts, *scenario.lab.hosts, *(switch.name for switch in switches)})
        switches.append(SwitchNode(name, len(plugs)))
        cables += [Cable((plug, (name, number)), spec) for number, plug in enumerate(plugs)]
    return Plan(scenario.name, tuple(routers), hosts, tuple(switches), tuple(cables), tuple(notes))


def _wires(scenario: Scenario) -> Iterator[tuple[list[tuple[str, str]], LinkSpec]]:
    """Yield each wire with its ends, a port for its subinterfaces and the router's port for that of a translator."""
    for ends, spec in scenario.segments():
        plain = [(node, _GATEWAY_PORTS.get(port, port.partition(".")[0])) for node, port in ends]
        yield list(dict.fromkeys(plain)), spec


def _numbers(ports: Iterable[str], names: PortNames) -> dict[str, int]:
    """Return a number for each port of a router: its own where the kind has that name, otherwise a free one."""
    fixed = {port: number for port in ports if (number := names.number(port)) is not None}
    free = (number for number in range(names.first, names.last + 1) if number not in fixed.values())
    return {port: fixed[port] if port in fixed else next(free) for port in sorted(ports, key=interface_sort_key)}


def _translator(name: str, gateway: GatewaySpec) -> str:
    """Return the configuration of a router that stands for a translator."""
    outside, inside = gateway.public, gateway.private
    return f"""hostname {name}
!
interface {_GATEWAY_PORTS[OUTSIDE]}
 ip address {outside.ip} {outside.netmask}
 ip nat outside
 no shutdown
!
interface {_GATEWAY_PORTS[INSIDE]}
 ip address {inside.ip} {inside.netmask}
 ip nat inside
 no shutdown
!
ip nat inside source list INSIDE interface {_GATEWAY_PORTS[OUTSIDE]} overload
ip route 0.0.0.0 0.0.0.0 {gateway.gateway}
!
ip access-list standard INSIDE
 permit {inside.network.network_address} {inside.network.hostmask}
!
end
"""


def _free_name(taken: set[str]) -> str:
    return next(name for number in range(1, len(taken) + 2) if (name := f"SW{number}") not in taken)


# --------------------------------------------------------------------------------------------- places on a drawing area


_STEP: Final = 180
_ROW: Final = 160


def places(plan: Plan) -> dict[str, tuple[int, int]]:
    """Return x and y of each node."""
    rows = [
        [router.name for router in plan.routers if router.role == "provider"],
        [switch.name for switch in plan.switches],
        [router.name for router in plan.routers if router.role != "provider"],
        [host.name for host in plan.hosts],
    ]
    rows = [row for row in rows if row]
    return {
        name: (round((column - (len(row) - 1) / 2) * _STEP), number * _ROW - _ROW * len(rows) // 2)
        for number, row in enumerate(rows)
        for column, name in enumerate(row)
    }
