"""Topology files of other programs: the routers whose configurations are in one, and the wires between them.

    CML              `nodes:` with a configuration each, `links:` between their interfaces (YAML)
    EVE-NG           `.unl`: nodes, the network of each of their interfaces, configurations in base64 (XML)
    GNS3             `.gns3`: nodes and links (JSON); configurations in files beside it
    containerlab     `topology: nodes:` with the file of a startup configuration each, `links:` (YAML)

    topology_in(path)               -> Topology, or None: the file is none of these
    segments_of(topology, routers)  -> which ports of the routers are on one wire, through all other devices

A file comes from a stranger: it is bounded, no file outside of its folder is read for it, and ports that no router has
are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from pathlib import Path
from typing import Final

from dmvpn.shells.files import read_octets
from dmvpn.shells.topologies.model import End, Node, Topology

__all__ = ("SUFFIXES", "Node", "Topology", "segments_of", "topology_in")

SUFFIXES: Final = (".unl", ".gns3", ".yaml", ".yml")
#: Octets; the limit of a stranger's configuration.
_LARGEST: Final = 4 << 20


def topology_in(path: Path) -> Topology | None:
    """Return the contents of a topology file; None for any other file, and for an unreadable one."""
    suffix = path.suffix.lower()
    try:
        octets = read_octets(path, _LARGEST) if suffix in SUFFIXES else b""
        if not octets or len(octets) > _LARGEST:
            return None
        return _reader(suffix)(path, octets.decode("utf-8", "replace"))
    except (OSError, ValueError, RecursionError):
        return None


def _reader(suffix: str) -> Callable[[Path, str], Topology | None]:
    if suffix in (".yaml", ".yml"):
        from dmvpn.shells.topologies import described  # only here, as below: it imports YAML

        return described.read
    from dmvpn.shells.topologies import drawn  # it imports XML, which each router of a lab would keep

    return drawn.eve if suffix == ".unl" else drawn.gns3


def segments_of(topology: Topology, routers: Container[str]) -> dict[End, int]:
    """Return for each port of a router a number, equal for ports on one wire.

    routers: names of nodes, in small letters. Other devices (a switch, a cloud) join everything plugged into them;
        their subnets follow from the addresses.
    """
    leader: dict[object, object] = {}

    def find(one: object) -> object:
        while (above := leader.setdefault(one, one)) != one:
            leader[one] = one = leader[above]
        return one

    for number, cable in enumerate(topology.cables):
        for node, port in cable:
            end: object = (node, port) if node.lower() in routers else node
            leader[find(end)] = find(number)
    numbers: dict[object, int] = {}
    return {
        end: numbers.setdefault(find(end), len(numbers))
        for cable in topology.cables
        for end in cable
        if end[0].lower() in routers
    }
