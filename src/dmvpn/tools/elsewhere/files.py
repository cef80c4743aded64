"""The files of other programs.

containerlab    a topology file: routers as containers with a startup configuration, hosts and switches of Linux
CML             a topology file (schema 0.1.0): configurations in it, unmanaged switches, and Alpine as the hosts
GNS3            a project file (revision 9), and the files of its nodes below `project-files`
"""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Final

import yaml

from dmvpn.tools.elsewhere.plan import places

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dmvpn.shells.lab_model import HostSpec, LinkSpec
    from dmvpn.tools.elsewhere.plan import Cable, End, NodeKind, Plan, RouterNode, SwitchNode


# ------------------------------------------------------------------------------------------------ containerlab


_HOST_IMAGE: Final = "alpine:3"
#: Where our container looks for its configuration (`contrib/container`).
STARTUP: Final = "/etc/dmvpn/startup-config.cfg"

Node = dict[str, str | list[str] | dict[str, str]]


def containerlab(plan: Plan, kind: NodeKind, image: str) -> dict[str, str]:
    """Return the files of a lab by their names in its folder."""
    files = {f"configs/{router.name}.cfg": router.text for router in plan.routers}
    nodes: dict[str, Node] = {router.name: _router(router, kind, image) for router in plan.routers}
    nodes |= {host.name: _linux(_host_commands(host.spec)) for host in plan.hosts}
    nodes |= {switch.name: _linux(_switch_commands(switch)) for switch in plan.switches}
    first = dict.fromkeys(nodes, 1) | {router.name: 0 for router in plan.routers}
    links = [{"endpoints": [_end(end, first) for end in cable.ends]} for cable in plan.cables]
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


def _end(end: End, first: Mapping[str, int]) -> str:
    node, number = end
    return f"{node}:eth{number + first[node]}"


def _router(router: RouterNode, kind: NodeKind, image: str) -> Node:
    file = f"configs/{router.name}.cfg"
    node: Node = {"kind": kind.called, "image": image, "startup-config": file}
    if kind.any_names:
        node["binds"] = [f"{file}:{STARTUP}"]
        if any(kind.ports.name(number) != port for number, port in router.ports.items()):
            node["env"] = {"DMVPN_PORTS": " ".join(f"{port}=eth{number}" for number, port in router.ports.items())}
    return node


def _linux(commands: list[str]) -> Node:
    return {"kind": "linux", "image": _HOST_IMAGE, "exec": commands}


def _host_commands(spec: HostSpec) -> list[str]:
    """Return the commands for the addresses of a host; its default route takes the place of the management's."""
    pairs = [(spec.interface, spec.gateway), (spec.interface6, spec.gateway6)]
    commands: list[str] = []
    for interface, gateway in pairs:
        if interface is None:
            continue
        ip = "ip" if interface.version == 4 else "ip -6"
        commands.append(f"{ip} address add {interface} dev eth1")
        if gateway is not None:
            commands.append(f"{ip} route replace default via {gateway} dev eth1")
    return commands


def _switch_commands(switch: SwitchNode) -> list[str]:
    ports = [f"ip link set eth{number + 1} master br0" for number in range(switch.ports)]
    return ["ip link add br0 type bridge", *ports, "ip link set br0 up"]


# ------------------------------------------------------------------------------------------------ CML


_HOST: Final = "alpine"
_SWITCH: Final = "unmanaged_switch"

Value = str | int | float | bool | list["Value"] | dict[str, "Value"]


def cml(plan: Plan, kind: NodeKind, image: str) -> dict[str, str]:
    """Return the file of a lab by its name. image: an image definition; "": CML's own choice."""
    where = places(plan)
    nodes: list[Value] = []
    for router in plan.routers:
        ports = {number: kind.ports.name(number) for number in range(max(router.ports, default=0) + 1)}
        nodes.append(_node(len(nodes), router.name, kind.called, ports, where, router.text, image))
    for host in plan.hosts:
        nodes.append(_node(len(nodes), host.name, _HOST, {0: "eth0"}, where, _script(host.spec)))
    for switch in plan.switches:
        ports = {number: f"port{number}" for number in range(switch.ports)}
        nodes.append(_node(len(nodes), switch.name, _SWITCH, ports, where))
    names = [node.name for row in (plan.routers, plan.hosts, plan.switches) for node in row]
    identities = {name: f"n{number}" for number, name in enumerate(names)}
    links: list[Value] = [_link(number, cable, identities) for number, cable in enumerate(plan.cables)]
    lab: Value = {"title": plan.name, "description": "", "notes": "", "version": "0.1.0"}
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
) -> Value:
    x, y = where[name]
    interfaces: list[Value] = [
        {"id": f"i{slot}", "slot": slot, "label": label, "type": "physical"} for slot, label in ports.items()
    ]
    node: dict[str, Value] = {"id": f"n{number}", "label": name, "node_definition": definition, "x": x, "y": y}
    if image:
        node["image_definition"] = image
    return node | {"configuration": text, "interfaces": interfaces}


def _link(number: int, cable: Cable, identities: dict[str, str]) -> Value:
    (one, first), (other, second) = cable.ends
    link: dict[str, Value] = {
        "id": f"l{number}",
        "n1": identities[one],
        "i1": f"i{first}",
        "n2": identities[other],
        "i2": f"i{second}",
    }
    spec = cable.spec
    amounts: dict[str, Value] = {"latency": round(spec.delay), "loss": spec.loss, "bandwidth": spec.rate}
    bad = {name: amount for name, amount in amounts.items() if amount}
    return link | ({"conditioning": {"enabled": True, **bad}} if bad else {})


def _script(spec: HostSpec) -> str:
    """Return the shell script that Alpine reads when it starts."""
    lines = ["# addresses of the lab's host, read when it starts"]
    for interface, gateway in ((spec.interface, spec.gateway), (spec.interface6, spec.gateway6)):
        if interface is not None:
            ip = "ip" if interface.version == 4 else "ip -6"
            lines.append(f"{ip} address add {interface} dev eth0")
            lines += [f"{ip} route add default via {gateway}"] if gateway is not None else []
    return "\n".join(lines) + "\n"


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
    nodes: list[Value] = [
        _gns3_node(plan, router.name, kind.called, where, _gns3_router(router, kind, image), _drawn(kind))
        for router in plan.routers
    ]
    for router in plan.routers:
        startup = _STARTUPS.get(kind.called)
        inside = f"project-files/{kind.called}/{_identity(plan, router.name)}/{startup}"
        files[inside if startup else f"configs/{router.name}.cfg"] = router.text
    nodes += [_gns3_node(plan, host.name, "vpcs", where, {}, {"console_type": "telnet"}) for host in plan.hosts]
    nodes += [_gns3_node(plan, switch.name, "ethernet_switch", where, _switch(switch), {}) for switch in plan.switches]
    for host in plan.hosts:
        files[f"project-files/vpcs/{_identity(plan, host.name)}/startup.vpc"] = _gns3_script(host.name, host.spec)
    routers = {router.name: router for router in plan.routers}
    links: list[Value] = [
        {
            "link_id": _identity(plan, f"link {number}"),
            "nodes": [_gns3_end(plan, end, routers, kind) for end in cable.ends],
            "filters": _filters(cable.spec),
        }
        for number, cable in enumerate(plan.cables)
    ]
    drawn: Value = {"computes": [], "drawings": [], "links": links, "nodes": nodes}
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
    properties: dict[str, Value],
    more: dict[str, Value],
) -> Value:
    x, y = where[name]
    node: dict[str, Value] = {
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


def _gns3_router(router: RouterNode, kind: NodeKind, image: str) -> dict[str, Value]:
    adapters = max(router.ports, default=0) + 1
    if kind.called == "docker":
        environment = ""
        if any(kind.ports.name(number) != port for number, port in router.ports.items()):
            environment = f"DMVPN_PORTS={' '.join(f'{port}=eth{number}' for number, port in router.ports.items())}"
        return {"image": image, "adapters": adapters, "environment": environment, "extra_volumes": ["/etc/dmvpn"]}
    if kind.called == "iou":
        return {"path": image, "ethernet_adapters": (adapters + 3) // 4, "serial_adapters": 0}
    return {"hda_disk_image": image, "platform": "x86_64", "ram": 768, "adapters": adapters, "adapter_type": "e1000"}


def _drawn(kind: NodeKind) -> dict[str, Value]:
    """Return how GNS3 names the ports of a node."""
    telnet: dict[str, Value] = {"console_type": "telnet", "symbol": ":/symbols/router.svg"}
    return telnet | ({"port_name_format": "GigabitEthernet0/{0}"} if kind.called == "qemu" else {})


def _switch(switch: SwitchNode) -> dict[str, Value]:
    ports: list[Value] = [
        {"name": f"Ethernet{number}", "port_number": number, "type": "access", "vlan": 1}
        for number in range(max(switch.ports, 8))
    ]
    return {"ports_mapping": ports}


def _gns3_end(plan: Plan, end: End, routers: dict[str, RouterNode], kind: NodeKind) -> Value:
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


def _filters(spec: LinkSpec) -> Value:
    """Return GNS3's packet filters; a rate is none of them."""
    filters: dict[str, Value] = {}
    if spec.delay:
        filters["delay"] = [round(spec.delay), 0]
    if spec.loss:
        filters["packet_loss"] = [round(spec.loss)]
    return filters


def _gns3_script(name: str, spec: HostSpec) -> str:
    """Return the script of a virtual PC; the gateway of IPv6 comes from the router's advertisements."""
    gateway = f" {spec.gateway}" if spec.gateway is not None and spec.gateway.version == 4 else ""
    lines = [f"set pcname {name}", f"ip {spec.interface}{gateway}"]
    lines += [f"ip {spec.interface6}"] if spec.interface6 is not None else []
    return "\n".join(lines) + "\n"
