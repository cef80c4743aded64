"""Topology files of other programs: the routers whose configurations are in one, and what is plugged into what.

    CML              `nodes:` with a configuration each, `links:` between their interfaces (YAML)
    EVE-NG           `.unl`: nodes, the network that each of their interfaces is in, configurations in base64 (XML)
    GNS3             `.gns3`: nodes and links (JSON); configurations in files beside it
    containerlab     `topology: nodes:` with the file of a startup configuration each, `links:` (YAML)

    topology_in(path)               -> Topology, or None: the file is none of these
    segments_of(topology, routers)  -> which ports of the routers are on one wire, through all that is no router

A file is a stranger's: it is bounded, nothing outside of its folder is read for it, and what it says of a port that no
router has is nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.shells.topologies import described
from dmvpn.shells.topologies.model import Node, Topology

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from pathlib import Path

    from dmvpn.shells.topologies.model import End

__all__ = ("SUFFIXES", "Node", "Topology", "segments_of", "topology_in")

SUFFIXES: Final = (".unl", ".gns3", ".yaml", ".yml")
#: Octets; a configuration of a stranger may have as many.
_LARGEST: Final = 4 << 20


def topology_in(path: Path) -> Topology | None:
    """Return what a topology file says; None for anything else, and for one that cannot be read."""
    suffix = path.suffix.lower()
    try:
        if suffix not in SUFFIXES or not path.is_file() or path.stat().st_size > _LARGEST:
            return None
        return _reader(suffix)(path, path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError, RecursionError):
        return None


def _reader(suffix: str) -> Callable[[Path, str], Topology | None]:
    if suffix in (".yaml", ".yml"):
        return described.read
    from dmvpn.shells.topologies import drawn  # only here: it reads XML, which each router of a lab would keep

    return drawn.eve if suffix == ".unl" else drawn.gns3


def segments_of(topology: Topology, routers: Container[str]) -> dict[End, int]:
    """Return for each port of a router a number, equal for ports on one wire. routers: names of nodes, in small
    letters.

    What is no router (a switch, a cloud) joins all that is plugged into it: which of them are of one subnet is said by
    addresses.
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
