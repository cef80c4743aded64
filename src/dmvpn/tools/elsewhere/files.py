"""GNS3's project file (revision 9), and the files of its nodes below `project-files`."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Final

from dmvpn.tools.elsewhere.plan import places

if TYPE_CHECKING:
    from dmvpn.shells.lab_model import HostSpec, LinkSpec
    from dmvpn.tools.elsewhere.plan import End, NodeKind, Plan, RouterNode, SwitchNode

_REVISION: Final = 9
_VERSION: Final = "2.2.0"
_SPACE: Final = uuid.UUID("6d0b1d5c-3b52-5d6e-9d07-3f4f6b1c2a90")
#: The file in a node's own folder that the program reads at its start.
_STARTUPS: Final = {"docker": "etc/dmvpn/startup-config.cfg", "iou": "startup-config.cfg"}

Value = str | int | float | bool | list["Value"] | dict[str, "Value"]


def write(plan: Plan, kind: NodeKind, image: str) -> dict[str, str]:
    """Return the files of a lab by their names in its folder."""
    where = places(plan)
    files: dict[str, str] = {}
    nodes: list[Value] = [
        _node(plan, router.name, kind.called, where, _router(router, kind, image), _drawn(kind))
        for router in plan.routers
    ]
    for router in plan.routers:
        startup = _STARTUPS.get(kind.called)
        inside = f"project-files/{kind.called}/{_identity(plan, router.name)}/{startup}"
        files[inside if startup else f"configs/{router.name}.cfg"] = router.text
    nodes += [_node(plan, host.name, "vpcs", where, {}, {"console_type": "telnet"}) for host in plan.hosts]
    nodes += [_node(plan, switch.name, "ethernet_switch", where, _switch(switch), {}) for switch in plan.switches]
    for host in plan.hosts:
        files[f"project-files/vpcs/{_identity(plan, host.name)}/startup.vpc"] = _script(host.name, host.spec)
    routers = {router.name: router for router in plan.routers}
    links: list[Value] = [
        {
            "link_id": _identity(plan, f"link {number}"),
            "nodes": [_end(plan, end, routers, kind) for end in cable.ends],
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


def _node(
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


def _router(router: RouterNode, kind: NodeKind, image: str) -> dict[str, Value]:
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


def _end(plan: Plan, end: End, routers: dict[str, RouterNode], kind: NodeKind) -> Value:
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


def _script(name: str, spec: HostSpec) -> str:
    """Return the script of a virtual PC; the gateway of IPv6 comes from the router's advertisements."""
    gateway = f" {spec.gateway}" if spec.gateway is not None and spec.gateway.version == 4 else ""
    lines = [f"set pcname {name}", f"ip {spec.interface}{gateway}"]
    lines += [f"ip {spec.interface6}"] if spec.interface6 is not None else []
    return "\n".join(lines) + "\n"
