"""Topologies of programs with a drawing area: EVE-NG (XML) and GNS3 (JSON)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from dmvpn.ios.transcript import decode
from dmvpn.shells.topologies.model import End, Node, Topology, port_named, within

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

_ENTITIES: Final = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)

# ------------------------------------------------------------------------------------------------ EVE-NG


def eve(path: Path, text: str) -> Topology | None:
    """Return a `.unl` file. Raises ValueError."""
    if _ENTITIES.search(text) is not None:
        raise ValueError("a topology has no entities")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  # a text with entities has been refused
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from error
    texts = {config.get("id", ""): _opened(config.text or "") for config in root.iter("config")}
    names = {node.get("id", ""): node.get("name", "") for node in root.iter("node")}
    nodes = [Node(name, texts.get(number, "")) for number, name in names.items()]
    return Topology("EVE-NG", tuple(nodes), tuple(_networks(root, names)))


def _networks(root: ElementTree.Element, names: dict[str, str]) -> Iterator[tuple[End, ...]]:
    """Yield Ethernet ports by their network; serial ones name the node at the other end."""
    networks: dict[str, list[End]] = {}
    for node in root.iter("node"):
        for interface in node.iter("interface"):
            end = names[node.get("id", "")], port_named(interface.get("name", ""))
            if (network := interface.get("network_id")) is not None:
                networks.setdefault(network, []).append(end)
            elif (remote := names.get(interface.get("remote_id", ""))) is not None:
                yield end, (remote, _serial(root, interface))
    yield from map(tuple, networks.values())


def _serial(root: ElementTree.Element, interface: ElementTree.Element) -> str:
    """Return the port at the other end of a serial line, by its number there."""
    for node in root.iter("node"):
        if node.get("id") == interface.get("remote_id"):
            for other in node.iter("interface"):
                if other.get("id") == interface.get("remote_if"):
                    return port_named(other.get("name", ""))
    return ""


def _opened(text: str) -> str:
    try:
        return decode(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError):
        return ""


# ------------------------------------------------------------------------------------------------ GNS3

#: Names of ports by the kind of a node, with its adapter and the port of that.
_PORTS: Final = {"dynamips": "FastEthernet{}/{}", "iou": "Ethernet{}/{}", "qemu": "GigabitEthernet0/{}"}


def gns3(path: Path, text: str) -> Topology | None:
    """Return a `.gns3` file. Raises ValueError, RecursionError."""
    top = _of(json.loads(text), "topology")
    nodes = {_text(node, "node_id"): node for node in _list(_of(top, "nodes"))}
    names = {number: _text(node, "name") for number, node in nodes.items()}
    found = [Node(names[number], file=_file(path.parent, number, node)) for number, node in nodes.items()]
    cables = [
        tuple(
            (names[number], _port(end, _text(nodes[number], "node_type")))
            for end in _list(_of(link, "nodes"))
            if (number := _text(end, "node_id")) in nodes
        )
        for link in _list(_of(top, "links"))
    ]
    return Topology("GNS3", tuple(found), tuple(cables))


def _file(folder: Path, number: str, node: Json) -> Path | None:
    """Return the file of a node's configuration: from its properties, beside the project or in the node's own
    folder.
    """
    properties = _of(node, "properties")
    name, kind = _text(node, "name"), _text(node, "node_type")
    usual = {"dynamips": f"configs/i{_of(properties, 'dynamips_id')}_startup-config.cfg", "vpcs": "startup.vpc"}
    said = _text(properties, "startup_config") or usual.get(kind, "startup-config.cfg")
    own = f"project-files/{kind}/{number}"
    places = (f"{own}/{said}", f"{own}/etc/dmvpn/{said}", said, said.rpartition("/")[2])
    named = (f"{name}_startup-config.cfg", f"{name}.cfg", f"configs/{name}.cfg", f"configs/{name}_startup-config.cfg")
    found = (within(folder, place) for place in (*places, *named))
    return next((path for path in found if path is not None), None)


def _port(end: Json, kind: str) -> str:
    label = port_named(_text(_of(end, "label"), "text"))
    if label[:1].isupper():
        return label
    adapter, port = _of(end, "adapter_number"), _of(end, "port_number")
    return _PORTS.get(kind, "{}/{}").format(adapter, port)


def _of(value: Json, key: str) -> Json:
    return value.get(key) if isinstance(value, dict) else None


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _text(value: Json, key: str) -> str:
    found = _of(value, key)
    return found if isinstance(found, str) else ""
