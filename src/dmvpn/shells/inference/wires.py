"""Assignment of ports to wires: ports in each other's subnet are on one wire, two or more.

    Port, Wire    a physical interface with an address; the ports on one wire
    InferredNetwork  the configurations of all routers, their wires, and the decisions on the way

Raises UserError for configurations that are no network at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Interface
from itertools import count
from operator import itemgetter
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.errors import UserError
from dmvpn.base.switching import DEFAULT_VLAN, PortMode, within
from dmvpn.base.values import Mutable, Value
from dmvpn.ios import short_interface
from dmvpn.network.device import Device
from dmvpn.network.switching import Bridge, End, Layer2, PluggedWire, Vertex, layer2
from dmvpn.network.underlay import Seat, describes, pairs, spoken
from dmvpn.shells.inference.cables import UPLINK, access_ports, access_switch, drawn_cables, guessed_cables
from dmvpn.shells.stations import is_of_host

#: Interfaces without a wire.
VIRTUAL: Final = ("Tunnel", "Loopback", "Null", "BVI", "Virtual-", "NVI", "LISP", "nve", "CTunnel", "vmi")
#: Prefixes of at least this length are links for two.
_LINK: Final = 30
#: A bundle is on the wire of its ports; in a lab it is one port.
_BUNDLE: Final = "Port-channel"
_VLAN: Final = "Vlan"


def spelled_end(router: str, port: str) -> str:
    """Return a port as in `lab.yaml`, where a Port-channel has no dash."""
    return f"{router}:{short_interface(port) if '-' in port else port}"


class Port(Value):
    """A physical interface with an address."""

    router: str
    name: str
    address: IPv4Interface

    @property
    def end(self) -> str:
        """As in `lab.yaml`."""
        return spelled_end(self.router, self.name)

    def __str__(self) -> str:
        return f"{self.router} {self.name} {self.address}"


class Wire(Mutable):
    """Ports on one wire.

    provider: the gateway on it that none of them has.
    loose: it is ambiguous whether it leads out.
    computers: of a VLAN: the switch ports for them. It has cables of its own, and no link.
    """

    ports: list[Port]
    provider: IPv4Interface | None = None
    loose: bool = False
    computers: list[tuple[str, str]] | None = None


class _Near:
    """Finds the wires whose subnet overlaps that of a port: a look at each wire takes minutes with thousands."""

    def __init__(self, ports: Iterable[Port]) -> None:
        self._lengths = sorted({port.address.network.prefixlen for port in ports})
        self._count = 0
        #: By a subnet that some port may have: the wires in it, and those of just this subnet, with their numbers.
        self._inside: dict[IPv4Network, list[tuple[int, Wire]]] = {}
        self._exact: dict[IPv4Network, list[tuple[int, Wire]]] = {}

    def add(self, wire: Wire) -> None:
        """Take a wire, whose subnet is that of its first port."""
        network = wire.ports[0].address.network
        entry = self._count, wire
        self._count += 1
        self._exact.setdefault(network, []).append(entry)
        for length in self._lengths:
            if length <= network.prefixlen:
                self._inside.setdefault(network.supernet(new_prefix=length), []).append(entry)

    def wires(self, port: Port) -> list[Wire]:
        """Return the wires that overlap the subnet of a port, in the order in which they were added."""
        network = port.address.network
        wider = (network.supernet(new_prefix=length) for length in range(network.prefixlen))
        found = [entry for each in wider for entry in self._exact.get(each, ())]
        return [wire for _, wire in sorted([*found, *self._inside.get(network, ())], key=itemgetter(0))]


class InferredNetwork(Mutable):
    """The known network.

    wires: inferred from the lines.
    notes: a sentence for each decision.
    segments: of ports (router, name) with a drawn wire: different numbers are different wires.
    cables: of ports with VLANs.
    added: switches that the lab adds, with their configurations.
    spoken: the routing protocols on ports, as far as they were asked for.
    """

    devices: dict[str, Device]
    notes: list[str] = field(default_factory=list)
    segments: Mapping[tuple[str, str], int] = field(default_factory=dict)
    wires: list[Wire] = field(default_factory=list)
    cables: list[list[tuple[str, str]]] = field(default_factory=list)
    added: dict[str, str] = field(default_factory=dict)
    spoken: dict[Port, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ports = [port for router, device in self.devices.items() for port in ports_of(router, device)]
        if not ports:
            raise UserError("no physical interface with an IPv4 address in these configurations: there are no wires")
        switched = self._switch(ports) if any(device.box.bridges for device in self.devices.values()) else {}
        plugged = {port.router for port in ports} | {router for cable in self.cables for router, _ in cable}
        for router, device in self.devices.items():
            self.notes += _peculiar(router, device, switched)
        loose = [router for router in self.devices if router not in plugged]
        if loose:
            have = f"{', '.join(loose)} {'has' if len(loose) == 1 else 'have'}"
            self.notes.append(f"{have} no physical interface with an IPv4 address: nothing is plugged in")
        self._wire_up([port for port in ports if (port.router, port.name) not in switched])

    def addresses(self, port: Port) -> list[IPAddress]:
        """Return the addresses of a port in its subnet, its own one first."""
        settings = self.devices[port.router].interface(port.name) if port.router in self.devices else None
        others = settings.secondary if settings is not None else ()
        return [port.address.ip, *(address for address, _ in others if address in port.address.network)]

    def wires6(self) -> list[dict[tuple[str, str], IPv6Interface]]:
        """Return the ports (router, name) of each wire without addresses of IPv4, each with its first one of IPv6."""
        found: dict[object, dict[tuple[str, str], IPv6Interface]] = {}
        cabled = {end for cable in self.cables for end in cable}  # asked, never iterated
        for router, device in self.devices.items():
            for settings in device.interfaces.interfaces:
                end, own = (router, settings.name), settings.addresses_of(6)
                is_plain = settings.address is None and not device.uses_dhcp(settings.name) and end not in cabled
                if own and is_plain and not settings.name.startswith((*VIRTUAL, _VLAN)):
                    address = IPv6Interface((int(own[0][0]), own[0][1]))
                    found.setdefault(self.segments.get(end, address.network), {})[end] = address
        return [*found.values()]

    def _switch(self, ports: list[Port]) -> dict[tuple[str, str], Wire]:
        """Make the wires of VLANs. Returns these by their ports."""
        make = drawn_cables(self.devices, self.segments) if self.segments else guessed_cables(self.devices, self.notes)
        self.cables += make
        if not self.segments:
            self._add_switches()
        graph = self._graph()
        roomy = sorted(ports, key=self._room, reverse=True)
        for port in ports:
            is_vlan = port.name.startswith(_VLAN)  # a drawing has the cables between switches
            is_drawn = bool(self.segments) if is_vlan else self._segment(port) is not None
            is_plugged = not is_vlan and End(port.router, port.name) in graph.links
            outlets = [] if is_drawn or is_plugged else self._outlets(port, roomy, graph)
            if outlets:
                self.cables.append([end for end, _ in outlets])
                graph.join(outlets[0][1], outlets[1][1], "")  # the whole graph would take long for each cable
        graph = self._graph()
        found: dict[tuple[str, str], Wire] = {}
        for port in ports:
            end = (port.router, port.name)
            if End(*end) in graph.links and end not in found:
                domain = graph.ways_to(End(*end))
                here = [one for one in ports if End(one.router, one.name) in domain]
                computers = [one for one, bridge in self._access() if bridge in domain]
                wire = Wire(here, computers=computers)
                found |= {(one.router, one.name): wire for one in here}
                self.wires.append(wire)
        return found

    def _add_switches(self) -> None:
        """Plug switches in where a pool leases addresses in VLANs without computers: the files of these are missing."""
        pools = [pool.network for device in self.devices.values() for pool in device.dhcp.pools]
        leased = {str(network) for network in pools if network is not None}  # asked, never iterated
        if not leased:
            return
        known = dict.fromkeys(vlan for device in self.devices.values() for vlan in device.box.known)
        graph, served = self._graph(), self._served()
        for mode in (PortMode.TRUNK, PortMode.AUTO):  # a port without lines is a trunk, if the other end asks
            for router, device in [*self.devices.items()]:
                own = device.box.has_of(known)
                vlans = [vlan for vlan in own if self._lacks(Bridge(router, vlan), graph, leased, served)]
                for port in device.box.ports if vlans else ():
                    taken = port.shutdown or port.bundle or any((router, port.name) in cable for cable in self.cables)
                    here = [vlan for vlan in vlans if within(vlan, port.allowed)]
                    if here and not taken and port.mode is mode and port.access == DEFAULT_VLAN:
                        name = next(one for one in map("ACCESS-{}".format, count(1)) if one not in self.devices)
                        self.added[name] = access_switch(name, port.native, here)
                        self.devices[name] = device.read(name, self.added[name])
                        self.cables.append([(router, port.name), (name, UPLINK)])
                        what = f"no file has a switch with computers in VLAN {', '.join(map(str, here))}"
                        self.notes.append(f"{what}: the lab adds {name} at {router} {port.name}")
                        vlans = [vlan for vlan in vlans if vlan not in here]
                        graph, served = self._graph(), self._served()

    def _served(self) -> set[Bridge]:
        """Return the VLANs of switches with ports for computers; asked, never iterated."""
        return {bridge for _, bridge in self._access()}

    def _lacks(self, bridge: Bridge, graph: Layer2, leased: Container[str], served: Container[Bridge]) -> bool:
        """Return whether a pool leases addresses in a VLAN without a port for computers. leased: networks of pools."""
        domain = graph.ways_to(bridge)
        if any(one in served for one in domain):
            return False
        ends = [End(bridge.box, f"{_VLAN}{bridge.vlan}"), *(one for one in domain if isinstance(one, End))]
        ports = [self.devices[end.node].ports.get(end.interface) for end in ends if end.node in self.devices]
        return any(port is not None and str(port.network) in leased for port in ports)

    def _graph(self) -> Layer2:
        wires = [*self.cables, *([end, ("", f"{end}")] for end, _ in self._access())]
        boxes = {router: device.box for router, device in self.devices.items() if device.box.ports}
        return layer2([PluggedWire(tuple(ends)) for ends in wires], boxes)

    def _access(self) -> list[tuple[tuple[str, str], Bridge]]:
        """Return the ports for computers: of each switch the first of each VLAN, that is not plugged in."""
        taken = {end for cable in self.cables for end in cable}  # asked, never iterated
        found: dict[Bridge, tuple[str, str]] = {}
        for router, device in self.devices.items():
            has_plain = f"{_VLAN}{DEFAULT_VLAN}" in device.ports
            for port in access_ports(device.box) or access_ports(device.box, plain=has_plain):
                if (router, port.name) not in taken:
                    found.setdefault(Bridge(router, port.access), (router, port.name))
        return [(end, bridge) for bridge, end in found.items()]

    def _outlets(self, port: Port, ports: list[Port], graph: Layer2) -> list[tuple[tuple[str, str], Vertex]]:
        """Return the ends of a cable for a port that is in the subnet of a VLAN and not connected with it: itself, or
        of `interface Vlan` an access port, and an access port of a switch in that VLAN; each with its vertex.

        ports: those of switches with many access ports first: a switch may be there to join the rest.
        """
        domain = graph.ways_to(own) if (own := End(port.router, port.name)) in graph.links else {}
        for other in ports:
            end = End(other.router, other.name)
            is_near = other.address.network == port.address.network and other.address.ip != port.address.ip
            if is_near and end in graph.links and end not in domain and other.router != port.router:
                far, free = graph.ways_to(end), self._access()
                mine: list[tuple[tuple[str, str], Vertex]] = [(own, own)]
                if port.name.startswith(_VLAN):
                    mine = [one for one in free if one[1] in domain]
                theirs = [one for one in free if one[1] in far]
                if any(one.address == port.address and End(one.router, one.name) in far for one in ports):
                    return []  # a copy of another router's lines: it is elsewhere
                return [mine[0], theirs[0]] if mine and theirs else []
        return []

    def _room(self, port: Port) -> int:
        """Return how many ports for computers are in the VLAN of an interface."""
        return sum(f"{_VLAN}{one.access}" == port.name for one in access_ports(self.devices[port.router].box))

    def _wire_up(self, ports: list[Port]) -> None:
        """Put every port on the wire whose ports share its subnet, both ways. The widest subnets come last.

        Ports with one address at several sites are first: each has a wire of its own, among which others choose.
        """
        paired = self._pair_up(ports)
        taken = set(paired)
        ports = [port for port in ports if port not in taken]
        near = _Near(ports)
        for pair in self.wires:
            near.add(pair)
        owners = Counter(port.address for port in ports)
        alike: dict[IPv4Network, list[Port]] = {}
        for port in ports:
            alike.setdefault(port.address.network, []).append(port)
        for port in sorted(ports, key=lambda port: (-port.address.network.prefixlen, owners[port.address] == 1)):
            wires = sorted(near.wires(port), key=lambda wire: self._distance(port, wire))
            wire = next((wire for wire in wires if self._belongs(port, wire, alike[port.address.network])), None)
            if wire is None:
                self.wires.append(Wire([port]))
                near.add(self.wires[-1])
                continue
            first = wire.ports[0]
            if first.address.network != port.address.network:
                self.notes.append(f"{first} and {port} have different masks: taken for one wire")
            wire.ports.append(port)

    def _pair_up(self, ports: list[Port]) -> list[Port]:
        """Make the wires of links for two whose addresses several sites use. Returns the ports on them."""
        links: dict[IPv4Network, list[Port]] = {}
        for port in ports:
            if port.address.network.prefixlen >= _LINK and self._segment(port) is None:
                links.setdefault(port.address.network, []).append(port)
        paired: list[Port] = []
        for network, there in links.items():
            if len({port.address.ip for port in there}) == len(there):
                continue
            seats = [Seat(port.router, self.devices[port.router], port.name, port.address.ip) for port in there]
            wires = [[there[number], there[other]] for number, other in pairs(seats)]
            self.wires += [Wire(wire) for wire in wires]
            paired += [port for wire in wires for port in wire]
            if wires:
                joined = ", ".join(f"{first.router} and {second.router}" for first, second in wires)
                self.notes.append(f"{network} is the subnet of several links: taken for wires between {joined}")
        return paired

    def _distance(self, port: Port, wire: Wire) -> tuple[bool, bool, int]:
        """Return how little speaks for a wire, if several sites have its subnet: another mask, no description that
        names a router at the other end, and many ports.
        """
        is_said = any(
            describes(self.devices[one.router], one.name, other.router)
            for far in wire.ports
            for one, other in ((port, far), (far, port))
        )
        return wire.ports[0].address.network != port.address.network, not is_said, len(wire.ports)

    def _belongs(self, port: Port, wire: Wire, alike: Sequence[Port]) -> bool:
        """Return whether a port is on this wire. alike: all ports in its subnet."""
        other = wire.ports[0].address
        drawn = [known for each in (port, *wire.ports) if (known := self._segment(each)) is not None]
        if any(number != drawn[0] for number in drawn) or not port.address.network.overlaps(other.network):
            return False
        same = [there for there in wire.ports if there.address.ip == port.address.ip]
        if same:
            self.notes.append(f"{same[0]} and {port} have the same address: taken for two wires")
            return False
        if self._is_of_another_site(port, wire.ports[0], alike):
            self.notes.append(f"{wire.ports[0]} and {port} run different routing protocols: taken for two wires")
            return False
        if _sees(port.address, other.ip) and _sees(other, port.address.ip):
            return True
        self.notes.append(f"{wire.ports[0]} and {port} overlap, but do not see each other: taken for two wires")
        return False

    def _is_of_another_site(self, port: Port, other: Port, alike: Sequence[Port]) -> bool:
        """Return whether two ports have no routing protocol in common, and each has one with another port."""
        mine, theirs = self._spoken(port), self._spoken(other)
        if not mine or not theirs or mine & theirs:
            return False
        rest = [self._spoken(one) for one in alike if one not in (port, other)]
        return any(mine & one for one in rest) and any(theirs & one for one in rest)

    def _spoken(self, port: Port) -> frozenset[str]:
        if port not in self.spoken:
            seat = Seat(port.router, self.devices[port.router], port.name, port.address.ip)
            self.spoken[port] = frozenset(spoken(seat))
        return self.spoken[port]

    def _segment(self, port: Port) -> int | None:
        """Return the drawn segment of a port; a subinterface has that of its port, and a bundle that of its
        first port.
        """
        name = port.name.partition(".")[0]
        device, group = self.devices[port.router], f"channel-group {name.removeprefix(_BUNDLE)}"
        ports = [name]
        if name.startswith(_BUNDLE):
            ports = [one for one in device.interface_names if device.lines.section(f"interface {one}").has(group)]
        return next((self.segments[port.router, one] for one in ports if (port.router, one) in self.segments), None)


def _sees(own: IPv4Interface, address: IPv4Address) -> bool:
    """Return whether an address is one of a station in a port's subnet."""
    return address in own.network and is_of_host(address, own.network)


def _peculiar(router: str, device: Device, switched: Container[tuple[str, str]]) -> Iterator[str]:
    """Yield a sentence about each feature of this router that labs do not have."""
    for interface in device.interfaces.interfaces:
        name = interface.name
        own = device.ports.get(name)
        if own is not None and any(address not in own.network for address, _ in interface.secondary):
            yield f"{router} {name} has more than one address: only the first determines its link"
        if device.uses_dhcp(name):
            yield f"{router} {name} gets its address by DHCP, so no line says where it is plugged in"
    vlans = [name for name in device.ports if "." in name and (router, name) not in switched]
    if len(vlans) == 1:
        yield f"{router} {vlans[0]} is a subinterface: taken for a port of its own, without VLANs"
    elif vlans:
        yield f"{router} {', '.join(vlans)} are subinterfaces: taken for ports of their own, without VLANs"


def ports_of(router: str, device: Device) -> list[Port]:
    """Return the physical interfaces of a router that have an address."""
    return [Port(router, name, address) for name, address in device.ports.items() if not name.startswith(VIRTUAL)]
