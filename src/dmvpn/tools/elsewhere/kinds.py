"""Kinds of nodes of other programs that run the routers of a lab, and the names of their ports.

A kind numbers its ports; a number stands for the adapter of the node, "eth3" of a container. `PortNames` relates it to
IOS's name. Sources: containerlab's manual of each kind, CML's node definitions, GNS3's appliances.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass

Format = Literal["containerlab", "cml", "gns3"]
FORMATS: Final[tuple[Format, ...]] = ("containerlab", "cml", "gns3")


@dataclass(frozen=True, slots=True)
class PortNames:
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


@dataclass(frozen=True, slots=True)
class NodeKind:
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
