"""A lab as other programs see it: nodes with numbered ports, and cables with two ends each.

    plan(scenario, configurations, kind)  -> Plan

A wire with more than two ends becomes a switch. A translator becomes a router with NAT overload. A port whose name the
kind of node does not have gets another one, in the configuration too. `Plan.notes` names what differs from the lab.
Raises UserError for a router with more wires than the kind has ports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.ios import interface_sort_key
from dmvpn.shells.lab_model import INSIDE, OUTSIDE
from dmvpn.tools.elsewhere.kinds import renamed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dmvpn.shells.lab_model import GatewaySpec, HostSpec, LinkSpec
    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.elsewhere.kinds import NodeKind, PortNames

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
