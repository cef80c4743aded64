"""containerlab's topology file: routers as containers with a startup configuration, hosts and switches of Linux."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dmvpn.shells.lab_model import HostSpec
    from dmvpn.tools.elsewhere.plan import End, NodeKind, Plan, RouterNode, SwitchNode

_HOST_IMAGE: Final = "alpine:3"
#: Where our container looks for its configuration (`contrib/container`).
STARTUP: Final = "/etc/dmvpn/startup-config.cfg"

Node = dict[str, str | list[str] | dict[str, str]]


def write(plan: Plan, kind: NodeKind, image: str) -> dict[str, str]:
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
