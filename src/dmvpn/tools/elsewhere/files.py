"""A lab as other programs see it (nodes with numbered ports, and cables with two ends each), and the files of it.

    plan(scenario, configurations, kind)  -> Plan
    containerlab    a topology file: routers as containers with a startup configuration, hosts and switches of Linux
    CML             a topology file (schema 0.1.0): configurations in it, unmanaged switches, and Alpine as the hosts
    GNS3            a project file (revision 9), and the files of its nodes below `project-files`

A wire with more than two ends becomes a switch. A translator becomes a router with NAT overload. A port whose name the
kind of node does not have gets another one, in the configuration too. `Plan.notes` names what differs from the lab.
Raises UserError for a router with more wires than the kind has ports.

A kind of node numbers its ports; a number stands for the adapter of the node, "eth3" of a container. `PortNames`
relates it to IOS's name. Sources: containerlab's manual of each kind, CML's node definitions, GNS3's appliances.

Providers are above sites on a drawing area, their hosts at the bottom.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Final, Literal

import yaml

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.ios import interface_sort_key
from dmvpn.shells.lab_model import INSIDE, OUTSIDE, GatewaySpec, HostSpec, LinkSpec
from dmvpn.shells.scenario import Scenario

# ------------------------------------------------------------------------------------------------ kinds of nodes


Format = Literal["containerlab", "cml", "gns3"]
FORMATS: Final[tuple[Format, ...]] = ("containerlab", "cml", "gns3")


class PortNames(Value):
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


class NodeKind(Value):
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


class RouterNode(Value):
    """A router. ports: IOS's names by number. role: of the scenario, for the picture."""

    name: str
    text: str
    ports: Mapping[int, str]
    role: str


class HostNode(Value):
    """A computer with a single port, number 0."""

    name: str
    spec: HostSpec


class SwitchNode(Value):
    """A switch with so many ports, counted from 0."""

    name: str
    ports: int


class Cable(Value):
    """Two ends. spec: how bad it is."""

    ends: tuple[End, End]
    spec: LinkSpec


class Plan(Value):
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
        for public, station in gateway.inward.items():
            notes.append(f"{name}: enter `ip nat inside source static {station} {public}` there, where it can do that")
    wires = list(_wires(scenario))
    routers: list[RouterNode] = []
    numbers = {(name, "eth0"): 0 for name in scenario.lab.hosts}
    for name, text in texts.items():
        wired = dict.fromkeys(port for ends, _ in wires for node, port in ends if node == name)
        if len(wired) > kind.ports.last + 1 - kind.ports.first:
            raise UserError(f"{name} has {len(wired)} wires, more than {kind.name} has ports: choose another --node")
        # A number for each port of a router: its own where the kind has that name, otherwise a free one
        fixed = {port: number for port in wired if (number := kind.ports.number(port)) is not None}
        free = (number for number in range(kind.ports.first, kind.ports.last + 1) if number not in fixed.values())
        known = {port: fixed[port] if port in fixed else next(free) for port in sorted(wired, key=interface_sort_key)}
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
        taken = {*texts, *scenario.lab.hosts, *(switch.name for switch in switches)}
        name = next(name for number in count(1) if (name := f"SW{number}") not in taken)
        switches.append(SwitchNode(name, len(plugs)))
        cables += [Cable((plug, (name, number)), spec) for number, plug in enumerate(plugs)]
    return Plan(scenario.name, tuple(routers), hosts, tuple(switches), tuple(cables), tuple(notes))


def _wires(scenario: Scenario) -> Iterator[tuple[list[tuple[str, str]], LinkSpec]]:
    """Yield each wire with its ends, a port for its subinterfaces and the router's port for that of a translator."""
    for ends, spec in scenario.segments():
        plain = [(node, _GATEWAY_PORTS.get(port, port.partition(".")[0])) for node, port in ends]
        yield list(dict.fromkeys(plain)), spec


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


# ------------------------------------------------------------------------------------------------ containerlab


_HOST_IMAGE: Final = "alpine:3"
#: Where our container looks for its configuration (`contrib/container`).
STARTUP: Final = "/etc/dmvpn/startup-config.cfg"

Node = dict[str, str | list[str] | dict[str, str]]


def containerlab(plan: Plan, kind: NodeKind, image: str) -> dict[str, str]:
    """Return the files of a lab by their names in its folder."""
    files = {f"configs/{router.name}.cfg": router.text for router in plan.routers}
    nodes: dict[str, Node] = {router.name: _router(router, kind, image) for router in plan.routers}
    # The default route of a host takes the place of the management's.
    nodes |= {host.name: _linux(_commands(host.spec, "eth1", "replace default via {} dev eth1")) for host in plan.hosts}
    for switch in plan.switches:
        ports = [f"ip link set eth{number + 1} master br0" for number in range(switch.ports)]
        nodes[switch.name] = _linux(["ip link add br0 type bridge", *ports, "ip link set br0 up"])
    first = dict.fromkeys(nodes, 1) | {router.name: 0 for router in plan.routers}
    links = [
        {"endpoints": [f"{node}:eth{number + first[node]}" for node, number in cable.ends]} for cable in plan.cables
    ]
    topology = {"name": _name(plan), "topology": {"nodes": nodes, "links": links}}
    text = yaml.safe_dump(topology, sort_keys=False, allow_unicode=True, width=120)
    return {f"{_name(plan)}.clab.yml": text, **files}


def impairments(plan: Plan) -> Iterator[str]:
    """Yield a note for each bad cable: containerlab has a command for that, and no line of the file."""
    first = dict.fromkeys((router.name for router in plan.routers), 0)
    for cable in plan.cables:
        spec = cable.spec
        words = [("delay", f"{spec.delay:g}ms", spec.delay), ("loss", f"{spec.loss:g}", spec.loss)]
        words.append(("rate", str(spec.rate), spec.rate))
        options = " ".join(f"--{word} {text}" for word, text, amount in words if amount)
        for node, number in cable.ends if options else ():
            port = f"eth{number + first.get(node, 1)}"
            yield (
                f"how bad the cable of {node} is; when it runs: containerlab tools netem set "
                f"-n clab-{_name(plan)}-{node} -i {port} {options}"
            )


def _name(plan: Plan) -> str:
    return re.sub(r"[^a-zA-Z0-9-]+", "-", plan.name).strip("-") or "lab"


def _router(router: RouterNode, kind: NodeKind, image: str) -> Node:
    file = f"configs/{router.name}.cfg"
    node: Node = {"kind": kind.called, "image": image, "startup-config": file}
    if kind.any_names:
        node["binds"] = [f"{file}:{STARTUP}"]
        if any(kind.ports.name(number) != port for number, port in router.ports.items()):
            node["env"] = {"DMVPN_PORTS": " ".join(f"{port}=eth{number}" for number, port in router.ports.items())}
    return node


def _commands(spec: HostSpec, port: str, route: str) -> list[str]:
    """Return the commands for the addresses of a host of Linux. route: that of a gateway, behind `ip route`."""
    commands: list[str] = []
    for interface, gateway in ((spec.interface, spec.gateway), (spec.interface6, spec.gateway6)):
        if interface is not None:
            ip = "ip" if interface.version == 4 else "ip -6"
            commands.append(f"{ip} address add {interface} dev {port}")
            commands += [f"{ip} route {route.format(gateway)}"] if gateway is not None else []
    return commands


def _linux(commands: list[str]) -> Node:
    return {"kind": "linux", "image": _HOST_IMAGE, "exec": commands}


# ------------------------------------------------------------------------------------------------ CML


_HOST: Final = "alpine"
_SWITCH: Final = "unmanaged_switch"

Json = str | int | float | bool | list["Json"] | dict[str, "Json"]


def cml(plan: Plan, kind: NodeKind, image: str) -> dict[str, str]:
    """Return the file of a lab by its name. image: an image definition; "": CML's own choice."""
    where = places(plan)
    nodes: list[Json] = []
    for router in plan.routers:
        ports = {number: kind.ports.name(number) for number in range(max(router.ports, default=0) + 1)}
        nodes.append(_node(len(nodes), router.name, kind.called, ports, where, router.text, image))
    for host in plan.hosts:
        commands = _commands(host.spec, "eth0", "add default via {}")
        script = "\n".join(["# addresses of the lab's host, read when it starts", *commands, ""])
        nodes.append(_node(len(nodes), host.name, _HOST, {0: "eth0"}, where, script))
    for switch in plan.switches:
        ports = {number: f"port{number}" for number in range(switch.ports)}
        nodes.append(_node(len(nodes), switch.name, _SWITCH, ports, where))
    names = [node.name for row in (plan.routers, plan.hosts, plan.switches) for node in row]
    identities = {name: f"n{number}" for number, name in enumerate(names)}
    links: list[Json] = [_link(number, cable, identities) for number, cable in enumerate(plan.cables)]
    lab: Json = {"title": plan.name, "description": "", "notes": "", "version": "0.1.0"}
    topology = {"lab": lab, "nodes": nodes, "links": links}
    return {f"{plan.name}.cml.yaml": yaml.dump(topology, Dumper=_Dumper, sort_keys=False, allow_unicode=True)}


def _node(
    number: int,
    name: str,
    definition: str,
    ports: dict[int, str],
    where: dict[str, tuple[int, int]],
    text: str = "",
    image: str = "",
) -> Json:
    x, y = where[name]
    interfaces: list[Json] = [
        {"id": f"i{slot}", "slot": slot, "label": label, "type": "physical"} for slot, label in ports.items()
    ]
    node: dict[str, Json] = {"id": f"n{number}", "label": name, "node_definition": definition, "x": x, "y": y}
    if image:
        node["image_definition"] = image
    return node | {"configuration": text, "interfaces": interfaces}


def _link(number: int, cable: Cable, identities: dict[str, str]) -> Json:
    (one, first), (other, second) = cable.ends
    link: dict[str, Json] = {
        "id": f"l{number}",
        "n1": identities[one],
        "i1": f"i{first}",
        "n2": identities[other],
        "i2": f"i{second}",
    }
    spec = cable.spec
    amounts: dict[str, Json] = {"latency": round(spec.delay), "loss": spec.loss, "bandwidth": spec.rate}
    bad = {name: amount for name, amount in amounts.items() if amount}
    return link | ({"conditioning": {"enabled": True, **bad}} if bad else {})


class _Dumper(yaml.SafeDumper):
    """Writes configurations as blocks, as CML does."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _block)


# ------------------------------------------------------------------------------------------------ GNS3


_REVISION: Final = 9
_VERSION: Final = "2.2.0"
_SPACE: Final = uuid.UUID("6d0b1d5c-3b52-5d6e-9d07-3f4f6b1c2a90")
#: The file in a node's own folder that the program reads at its start.
_STARTUPS: Final = {"docker": "etc/dmvpn/startup-config.cfg", "iou": "startup-config.cfg"}


def gns3(plan: Plan, kind: NodeKind, image: str) -> dict[str, str]:
    """Return the files of a lab by their names in its folder."""
    where = places(plan)
    files: dict[str, str] = {}
    nodes: list[Json] = [
        _gns3_node(plan, router.name, kind.called, where, _gns3_router(router, kind, image), _drawn(kind))
        for router in plan.routers
    ]
    for router in plan.routers:
        startup = _STARTUPS.get(kind.called)
        inside = f"project-files/{kind.called}/{_identity(plan, router.name)}/{startup}"
        files[inside if startup else f"configs/{router.name}.cfg"] = router.text
    nodes += [_gns3_node(plan, host.name, "vpcs", where, {}, {"console_type": "telnet"}) for host in plan.hosts]
    nodes += [_gns3_node(plan, switch.name, "ethernet_switch", where, _switch(switch), {}) for switch in plan.switches]
    for host in plan.hosts:  # the gateway of IPv6 comes from the router's advertisements
        gateway = f" {host.spec.gateway}" if host.spec.gateway is not None and host.spec.gateway.version == 4 else ""
        lines = [f"set pcname {host.name}", f"ip {host.spec.interface}{gateway}"]
        lines += [f"ip {host.spec.interface6}"] if host.spec.interface6 is not None else []
        files[f"project-files/vpcs/{_identity(plan, host.name)}/startup.vpc"] = "\n".join(lines) + "\n"
    routers = {router.name: router for router in plan.routers}
    links: list[Json] = [
        {
            "link_id": _identity(plan, f"link {number}"),
            "nodes": [_gns3_end(plan, end, routers, kind) for end in cable.ends],
            "filters": _filters(cable.spec),
        }
        for number, cable in enumerate(plan.cables)
    ]
    drawn: Json = {"computes": [], "drawings": [], "links": links, "nodes": nodes}
    project = {
        "project_id": _identity(plan, "project"),
        "type": "topology",
        "name": plan.name,
        "revision": _REVISION,
        "version": _VERSION,
        "auto_close": True,
        "auto_open": False,
        "auto_start": False,
        "show_interface_labels": True,
        "topology": drawn,
    }
    return {f"{plan.name}.gns3": json.dumps(project, indent=4) + "\n", **files}


def _identity(plan: Plan, name: str) -> str:
    """Return the UUID of a part of a lab, always the same."""
    return str(uuid.uuid5(_SPACE, f"{plan.name}/{name}"))


def _gns3_node(
    plan: Plan,
    name: str,
    kind: str,
    where: dict[str, tuple[int, int]],
    properties: dict[str, Json],
    more: dict[str, Json],
) -> Json:
    x, y = where[name]
    node: dict[str, Json] = {
        "compute_id": "local",
        "node_id": _identity(plan, name),
        "node_type": kind,
        "name": name,
        "label": {"text": name},
        "x": x,
        "y": y,
        "properties": properties,
    }
    return node | more


def _gns3_router(router: RouterNode, kind: NodeKind, image: str) -> dict[str, Json]:
    adapters = max(router.ports, default=0) + 1
    if kind.called == "docker":
        environment = ""
        if any(kind.ports.name(number) != port for number, port in router.ports.items()):
            environment = f"DMVPN_PORTS={' '.join(f'{port}=eth{number}' for number, port in router.ports.items())}"
        return {"image": image, "adapters": adapters, "environment": environment, "extra_volumes": ["/etc/dmvpn"]}
    if kind.called == "iou":
        return {"path": image, "ethernet_adapters": (adapters + 3) // 4, "serial_adapters": 0}
    return {"hda_disk_image": image, "platform": "x86_64", "ram": 768, "adapters": adapters, "adapter_type": "e1000"}


def _drawn(kind: NodeKind) -> dict[str, Json]:
    """Return how GNS3 names the ports of a node."""
    telnet: dict[str, Json] = {"console_type": "telnet", "symbol": ":/symbols/router.svg"}
    return telnet | ({"port_name_format": "GigabitEthernet0/{0}"} if kind.called == "qemu" else {})


def _switch(switch: SwitchNode) -> dict[str, Json]:
    ports: list[Json] = [
        {"name": f"Ethernet{number}", "port_number": number, "type": "access", "vlan": 1}
        for number in range(max(switch.ports, 8))
    ]
    return {"ports_mapping": ports}


def _gns3_end(plan: Plan, end: End, routers: dict[str, RouterNode], kind: NodeKind) -> Json:
    name, number = end
    router = routers.get(name)
    in_slots = router is not None and kind.ports.slot
    adapter, port = divmod(number, kind.ports.slot) if in_slots else (number, 0) if router is not None else (0, number)
    label = router.ports[number] if router is not None else f"e{number}"
    return {
        "node_id": _identity(plan, name),
        "adapter_number": adapter,
        "port_number": port,
        "label": {"text": label},
    }


def _filters(spec: LinkSpec) -> Json:
    """Return GNS3's packet filters; a rate is none of them."""
    filters: dict[str, Json] = {}
    if spec.delay:
        filters["delay"] = [round(spec.delay), 0]
    if spec.loss:
        filters["packet_loss"] = [round(spec.loss)]
    return filters
