"""Topologies in YAML: those of CML (Cisco Modeling Labs) and of containerlab."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import yaml

from dmvpn.shells.topologies.model import End, Node, Topology, port_named, within

_CML: Final = re.compile(r"^nodes:\s*$.*^\s+(?:- )?node_definition:", re.MULTILINE | re.DOTALL)
_CONTAINERLAB: Final = re.compile(r"^topology:\s*$.*^\s+nodes:\s*$", re.MULTILINE | re.DOTALL)
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: The port of a node's `eth1`, by the kind of the node: the first part of its name, and the number of `eth1`.
_PORTS: Final = {
    "linux": ("GigabitEthernet0/", 1),
    "cisco_vios": ("GigabitEthernet0/", 1),
    "linux_vios": ("GigabitEthernet0/", 1),
    "vr-vios": ("GigabitEthernet0/", 1),
    "cisco_csr1000v": ("GigabitEthernet", 2),
    "vr-csr": ("GigabitEthernet", 2),
    "cisco_c8000v": ("GigabitEthernet", 2),
    "vr-c8000v": ("GigabitEthernet", 2),
    "cisco_c8000": ("GigabitEthernet", 2),
}
#: A kind whose ports are in slots of so many.
_SLOTS: Final = {"cisco_iol": ("Ethernet", 4)}
#: In the environment of a container of ours, its ports: "GigabitEthernet0/1=eth1 ...".
_OUR_PORTS: Final = "DMVPN_PORTS"
_DEEPEST: Final = 32
_ETH: Final = re.compile(r"eth(\d{1,3})$")


def read(path: Path, text: str) -> Topology | None:
    """Return the topology of either program, or None. Raises ValueError, RecursionError."""
    is_cml = _CML.search(text) is not None
    if not is_cml and _CONTAINERLAB.search(text) is None:
        return None
    try:
        # Raise ValueError for a text that is deeper than any topology: the library would recurse until it crashes
        depth = 0
        for event in yaml.parse(text, Loader=_LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise ValueError("too deep for a topology")
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    top = dict(_pairs(root))
    return _cml(top) if is_cml else _containerlab(path.parent, dict(_pairs(top.get("topology"))))


# ------------------------------------------------------------------------------------------------ CML


def _cml(top: dict[str, yaml.Node]) -> Topology:
    nodes: list[Node] = []
    labels: dict[str, str] = {}
    ports: dict[tuple[str, str], str] = {}
    for each in _items(top.get("nodes")):
        node = dict(_pairs(each))
        identity, label = _word(node.get("id")), _word(node.get("label"))
        labels[identity] = label
        nodes.append(Node(label, _configuration(node.get("configuration"))))
        for interface in _items(node.get("interfaces")):
            known = dict(_pairs(interface))
            ports[identity, _word(known.get("id"))] = port_named(_word(known.get("label")))
    cables: list[tuple[End, ...]] = []
    for each in _items(top.get("links")):
        link = dict(_pairs(each))
        ends = ((_word(link.get(node)), _word(link.get(port))) for node, port in (("n1", "i1"), ("n2", "i2")))
        cables.append(tuple((labels[end[0]], ports[end]) for end in ends if end in ports))
    return Topology("CML", tuple(nodes), tuple(cables))


def _configuration(node: yaml.Node | None) -> str:
    """Return the text, or that of the first of several files."""
    for each in _items(node):
        return _configuration(dict(_pairs(each)).get("content"))
    if not isinstance(node, yaml.ScalarNode):
        return ""
    first = node.start_mark.line + (node.style in ("|", ">"))
    return "\n" * first + str(node.value)


# ------------------------------------------------------------------------------------------------ containerlab


def _containerlab(folder: Path, top: dict[str, yaml.Node]) -> Topology:
    defaults = dict(_pairs(top.get("defaults")))
    kinds = {name: dict(_pairs(kind)) for name, kind in _pairs(top.get("kinds"))}
    nodes: list[Node] = []
    kind_of: dict[str, str] = {}
    ports: dict[End, str] = {}
    for name, each in _pairs(top.get("nodes")):
        node = {**defaults, **dict(_pairs(each))}
        kind_of[name] = _word(node.get("kind"))
        node = {**kinds.get(kind_of[name], {}), **node}
        for pair in _word(dict(_pairs(node.get("env"))).get(_OUR_PORTS)).split():
            port, _, eth = pair.partition("=")
            ports[name, eth] = port_named(port)
        file = _word(node.get("startup-config")).replace("__clabNodeName__", name)
        nodes.append(Node(name, file=within(folder, file) if file and "\n" not in file else None))
    cables = [_ends(dict(_pairs(link)).get("endpoints"), kind_of, ports) for link in _items(top.get("links"))]
    return Topology("containerlab", tuple(nodes), tuple(cables))


def _ends(node: yaml.Node | None, kind_of: dict[str, str], ports: dict[End, str]) -> tuple[End, ...]:
    """Read `["R1:eth1", "R2:Ethernet0/1"]`, or a mapping for each end. ports: of ports whose names are in the file."""
    found: list[End] = []
    for each in _items(node):
        known = dict(_pairs(each))
        name, _, port = _word(each).partition(":")
        name, port = (_word(known.get("node")), _word(known.get("interface"))) if known else (name, port)
        found.append((name, ports.get((name, port)) or _port(port, kind_of.get(name, ""))))
    return tuple(found)


def _port(name: str, kind: str) -> str:
    eth, known, slots = _ETH.match(name), _PORTS.get(kind), _SLOTS.get(kind)
    if eth and slots:
        return f"{slots[0]}{int(eth[1]) // slots[1]}/{int(eth[1]) % slots[1]}"
    return f"{known[0]}{int(eth[1]) + known[1] - 1}" if eth and known else port_named(name)


# ------------------------------------------------------------------------------------------------ YAML


def _pairs(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from ((_word(key), value) for key, value in node.value)


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _word(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""
