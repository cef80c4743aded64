"""CML's topology file (schema 0.1.0): configurations in it, unmanaged switches, and Alpine as the hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import yaml

from dmvpn.tools.elsewhere.plan import places

if TYPE_CHECKING:
    from dmvpn.shells.lab_model import HostSpec
    from dmvpn.tools.elsewhere.plan import Cable, NodeKind, Plan

_HOST: Final = "alpine"
_SWITCH: Final = "unmanaged_switch"

Value = str | int | float | bool | list["Value"] | dict[str, "Value"]


def write(plan: Plan, kind: NodeKind, image: str) -> dict[str, str]:
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
