"""Ethernet switching as values: the ports of a box and their VLANs (IEEE 802.1Q), and the spanning tree of each VLAN.

A router is a box without switch ports; a multilayer switch is a router with some. The configuration makes one `Box`.
No box speaks spanning tree here: the lab, which knows all boxes and wires, computes the trees (`network/switching.py`)
and gives each box its part (`SwitchingComputed`), as 802.1D would have it decide.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final

from dmvpn.base.values import Value

#: The VLAN of untagged frames unless another one is configured, and the last one.
DEFAULT_VLAN, LAST_VLAN = 1, 4094
#: The first VLAN that a switch never keeps in a file of its own alone.
_EXTENDED: Final = 1006
#: Stands for "without a tag" where a VLAN is expected.
UNTAGGED = 0
#: Bridge priority unless another one is configured, and what `root primary` and `root secondary` make of it.
PRIORITY, PRIMARY, SECONDARY = 32768, 24576, 28672

Ranges = tuple[tuple[int, int], ...]
ALL_VLANS: Ranges = ((1, LAST_VLAN),)


def within(vlan: int, ranges: Ranges) -> bool:
    """Return whether a VLAN is in one of these ranges, first and last included."""
    return any(first <= vlan <= last for first, last in ranges)


class PortMode(enum.Enum):
    """What a port does with frames. The values are IOS's words."""

    ROUTED = "routed"
    ACCESS = "static access"
    TRUNK = "trunk"
    AUTO = "dynamic auto"
    DESIRABLE = "dynamic desirable"


class EthernetPort(Value, kw_only=True):
    """A port with its VLANs.

    access, native: VLAN of untagged frames as an access port, as a trunk.
    voice: VLAN of a telephone at an access port, 0: none.
    allowed: VLANs that a trunk carries.
    negotiates: whether it speaks DTP.
    bundle: its Port-channel, "": none. bundled_by: "LACP", "PAgP" or "-", as its line says.
    layers: of a routed port its interfaces by VLAN, `UNTAGGED` included.
    """

    name: str
    mode: PortMode
    access: int = DEFAULT_VLAN
    native: int = DEFAULT_VLAN
    voice: int = 0
    allowed: Ranges = ALL_VLANS
    negotiates: bool = True
    bundle: str = ""
    bundled_by: str = ""
    shutdown: bool = False
    layers: tuple[tuple[int, str], ...] = ()

    @property
    def logical(self) -> str:
        """Its Port-channel, or its own name: VLANs and trees know no other."""
        return self.bundle or self.name

    @property
    def switched(self) -> bool:
        """Whether it is a port of layer 2."""
        return self.mode is not PortMode.ROUTED


class Box(Value, kw_only=True):
    """The ports of a router or switch that take part in VLANs; ports that are not here carry untagged frames only.

    vlans: names of the VLANs that its lines make.
    interfaces: VLANs with an `interface Vlan`.
    priorities: of its bridges, where VLANs have another one than `PRIORITY`.
    rapid: `spanning-tree mode rapid-pvst`.
    """

    ports: tuple[EthernetPort, ...] = ()
    vlans: tuple[tuple[int, str], ...] = ()
    interfaces: tuple[int, ...] = ()
    priorities: tuple[tuple[int, int], ...] = ()
    rapid: bool = False

    def port(self, name: str) -> EthernetPort | None:
        """Return the port of this name."""
        return next((port for port in self.ports if port.name == name), None)

    def priority(self, vlan: int) -> int:
        """Return the priority of its bridge of a VLAN, with the VLAN in its low bits (802.1t)."""
        return dict(self.priorities).get(vlan, PRIORITY) + vlan

    @property
    def known(self) -> tuple[int, ...]:
        """The VLANs that it has, in order: those of its lines, and of access ports, which make theirs."""
        of_ports = [vlan for port in self.ports if port.switched for vlan in (port.access, port.voice) if vlan]
        used = (*self.interfaces, *(port.native for port in self.ports if port.switched))
        of_file = (vlan for vlan in used if vlan in self._unsaid)
        return tuple(sorted({DEFAULT_VLAN, *dict(self.vlans), *of_ports, *of_file}))

    def has_of(self, network: Iterable[int]) -> tuple[int, ...]:
        """Return which VLANs of the network it has."""
        own, unsaid = self.known, self._unsaid
        return tuple(vlan for vlan in network if vlan in own or vlan in unsaid)

    @property
    def _unsaid(self) -> range:
        """VLANs that may be in a file of the switch, since no line makes one of them."""
        below = any(vlan < _EXTENDED for vlan, _ in self.vlans)
        return range(0 if below else _EXTENDED if self.vlans else LAST_VLAN + 1)

    @property
    def bridges(self) -> bool:
        """Whether it has ports of layer 2."""
        return any(port.switched for port in self.ports)


NOTHING = Box()


class PortRole(enum.Enum):
    """The role of a port in a tree, in the words of `show spanning-tree`."""

    ROOT = "Root"
    DESIGNATED = "Desg"
    ALTERNATE = "Altn"


class Designated(Value):
    """The port by which a wire reaches the root. cost: of the path from there. bridge: priority and address."""

    cost: int
    bridge: tuple[int, bytes]
    number: int


class TreePort(Value):
    """A port of a bridge in the tree of a VLAN. number: its place among the ports of the box, from 1.

    designated: the port of the same wire that is nearest to the root.
    """

    name: str
    role: PortRole
    cost: int
    number: int
    designated: Designated = Designated(0, (0, bytes(6)), 0)  # as in a recording of the first releases with switches


class VlanTree(Value):
    """The tree of a VLAN as one of its bridges sees it.

    root, bridge: priority and address. cost: of the path to the root, and by which port ("": this is the root).
    """

    vlan: int
    root: tuple[int, bytes]
    bridge: tuple[int, bytes]
    cost: int
    port: str
    ports: tuple[TreePort, ...]


class LearnedStation(Value):
    """A link-layer address in the table of a bridge, and the port behind which it is."""

    vlan: int
    hardware: bytes
    port: str
