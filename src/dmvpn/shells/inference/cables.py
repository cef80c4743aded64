"""Cables of switch ports. A drawing has them; without one they are guessed, and the notes say so.

    1  descriptions that name the device at the other end
    2  sites: boxes with VLAN interfaces in one subnet, and switches without any by their names and VLANs. In a site the
       box with the fewest free trunks is plugged in first, at boxes with many: so each access switch is plugged into
       each of the distribution switches, as most are
    3  ports that are trunks only if the other end asks for it take the rest

A port of an access VLAN is for a computer, the first of each VLAN. Where a router's port is in the subnet of a VLAN and
no cable leads there, both are on one wire with an access port of that VLAN.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Final, NamedTuple

from dmvpn.base.switching import DEFAULT_VLAN, UNTAGGED, Box, EthernetPort, PortMode, Ranges
from dmvpn.base.values import Value
from dmvpn.network.device import Device
from dmvpn.network.underlay import is_named

_INTERFACE: Final = "Vlan"
#: The trunk of a switch that the lab adds.
UPLINK: Final = "GigabitEthernet0/0"
_WORDS: Final = re.compile(r"[-_. ]")
_DIGITS: Final = re.compile(r"\D")
_EDGE: Final = "spanning-tree portfast trunk"
#: The length of the subnet of a link of two.
_LINK: Final = 30

#: A router or switch, and one of its ports.
End = tuple[str, str]


class _Trunk(Value):
    """A port that carries VLANs, or a bundle of some.

    native: the VLAN without tags; None: a router that has an address in none.
    asks: it is a trunk whatever the other end is.
    edge: no other switch is there, says a line of spanning tree.
    subnets: of the VLAN interfaces of its switch, or of its own subinterfaces, with their VLANs.
    """

    box: str
    name: str
    ports: tuple[str, ...]
    vlans: Ranges
    native: int | None
    bridged: bool
    asks: bool
    edge: bool
    said: str
    subnets: frozenset[tuple[int, IPv4Network]]

    @property
    def bundled(self) -> bool:
        """Whether it is a port channel: of its ports all but one may be shut down."""
        return self.ports[0] != self.name


class _Site(NamedTuple):
    """Boxes whose VLANs are the same; these with their subnets, and the boxes with addresses in them."""

    boxes: list[str]
    subnets: frozenset[tuple[int, IPv4Network]]
    gateways: list[str]

    @property
    def vlans(self) -> set[int]:
        """Return the VLANs with subnets; asked, never iterated."""
        return {vlan for vlan, _ in self.subnets}


def drawn_cables(devices: Mapping[str, Device], segments: Mapping[End, int]) -> list[list[End]]:
    """Return the drawn wires on which there is a port with VLANs."""
    wires: dict[int, list[End]] = {}
    for end, number in segments.items():
        wires.setdefault(number, []).append(end)
    return [
        ends
        for ends in wires.values()
        if len(ends) > 1 and any(devices[node].box.port(port) is not None for node, port in ends)
    ]


def guessed_cables(devices: Mapping[str, Device], notes: list[str]) -> list[list[End]]:
    """Return cables between ports with VLANs, and report the guessed ones."""
    trunks = [
        trunk for name, device in devices.items() for trunk in _trunks(name, device) if not _is_link(devices, trunk)
    ]
    found = _named(trunks, list(devices))
    taken = {trunk for pair in found for trunk in pair}  # asked, never iterated
    guessed = []
    for site in _sites(devices):
        free = [trunk for trunk in trunks if trunk not in taken and trunk.box in site.boxes]
        guessed += _paired(site, free, [pair for pair in found if {pair[0].box, pair[1].box} <= {*site.boxes}])
    if guessed:
        told = ", ".join(f"{one.box} {one.name} - {other.box} {other.name}" for one, other in guessed)
        notes.append(f"no drawing or description has the cables of these trunks, so they are guessed: {told}")
    wires: dict[End, list[End]] = {}
    for one, other in (*found, *guessed):
        for port, far in zip(one.ports, other.ports, strict=False):
            wires.setdefault((other.box, far), [(other.box, far)]).insert(0, (one.box, port))
    cables = [*wires.values()]
    _join_routers(devices, cables, notes)
    return cables


def _is_link(devices: Mapping[str, Device], trunk: _Trunk) -> bool:
    """Return whether a port is one end of a link of two routers, whatever subinterfaces it has."""
    own = devices[trunk.box].ports.get(trunk.name)
    others = (device for name, device in devices.items() if name != trunk.box)
    return (own is not None and own.network.prefixlen >= _LINK) and any(
        own.network == there.network for device in others for there in device.ports.values()
    )


def _join_routers(devices: Mapping[str, Device], cables: list[list[End]], notes: list[str]) -> None:
    """Make one wire of cables to routers of a site in one subnet that no switch joins, unless two have one address."""
    subnets: dict[IPv4Network, list[tuple[IPv4Address, End]]] = {}
    for router, device in devices.items():
        for port in device.box.ports:
            for own in (device.ports[name] for _, name in port.layers if name in device.ports):
                subnets.setdefault(own.network, []).append((own.ip, (router, port.name)))
    for there in subnets.values():
        wires = [cable for cable in cables if any(end in cable for _, end in there)]
        first = [_subnets(devices[box]) for wire in wires[:1] for _, (box, port) in there if (box, port) in wire]
        for cable in wires[1:] if len({address for address, _ in there}) == len(there) else ():
            near = [_subnets(devices[box]) for _, (box, port) in there if (box, port) in cable]
            is_site = any(_share(one, other) for one in first for other in near)
            if is_site and cable not in _reached(devices, wires[0], cables):
                wires[0].extend(cable)
                cables.remove(cable)
                told = ", ".join(f"{box} {port}" for box, port in wires[0])
                notes.append(f"no switch of the files joins the routers among {told}: taken for one wire")


def _reached(devices: Mapping[str, Device], cable: list[End], cables: Sequence[list[End]]) -> list[list[End]]:
    """Return the cables that switches join with this one."""
    found = [cable]
    for each in found:
        switches = [box for box, _ in each if devices[box].box.bridges]
        found += [one for one in cables if one not in found and any(box in switches for box, _ in one)]
    return found


def access_ports(box: Box, *, plain: bool = False) -> list[EthernetPort]:
    """Return the ports of access VLANs. plain: those without lines are in the VLAN of all ports."""
    return [
        port
        for port in box.ports
        if port.mode is PortMode.ACCESS or (port.mode is PortMode.AUTO and (plain or port.access != DEFAULT_VLAN))
        if not (port.shutdown or port.bundle)
    ]


def access_switch(name: str, native: int, vlans: Sequence[int]) -> str:
    """Return the configuration of a switch that the lab adds: `UPLINK`, and a port for a computer in each VLAN."""
    lines = [f"hostname {name}", f"vlan {','.join(map(str, (native, *vlans)))}", f"interface {UPLINK}"]
    lines += [" switchport mode trunk", f" switchport trunk native vlan {native}"]
    for number, vlan in enumerate(vlans):
        lines += [f"interface GigabitEthernet1/{number}", " switchport mode access", f" switchport access vlan {vlan}"]
    return "\n".join([*lines, "end", ""])


def _trunks(name: str, device: Device) -> Iterator[_Trunk]:
    bundles: dict[str, list[EthernetPort]] = {}
    for port in device.box.ports:
        if not port.shutdown and (port.switched or port.layers):
            bundles.setdefault(port.logical, []).append(port)
    access = [port.name for port in access_ports(device.box)]
    for logical, ports in bundles.items():
        first = ports[0]
        said = [device.interface(one) for one in dict.fromkeys((logical, *(port.name for port in ports)))]
        if first.name not in access and (first.switched or any(tag != UNTAGGED for tag, _ in first.layers)):
            yield _Trunk(
                name,
                logical,
                tuple(port.name for port in ports),
                first.allowed if first.switched else tuple((tag, tag) for tag, _ in first.layers if tag != UNTAGGED),
                first.native if first.switched or dict(first.layers).get(UNTAGGED) in device.ports else None,
                first.switched,
                not first.switched or first.mode is not PortMode.AUTO,
                device.lines.section(f"interface {first.name}").has(_EDGE),
                " ".join(settings.description for settings in said if settings is not None).strip(),
                _subnets(device, [] if first.switched else [first]),
            )


# ------------------------------------------------------------------------------------------------ descriptions


def _named(trunks: Sequence[_Trunk], names: Sequence[str]) -> list[tuple[_Trunk, _Trunk]]:
    """Return trunks whose descriptions name each other's box, and those of which one names the other's.

    A box of the same site may be named without the first word, which is the site's: R1 for HQ-R1. Several switches may
    name a box with one port for all: something that no file has is between them.
    """
    said = {trunk: [name for name in names if name != trunk.box and is_named(name, trunk.said)] for trunk in trunks}
    for trunk in trunks:
        site, *more = _WORDS.split(trunk.box, maxsplit=1)
        near = [name for name in names if name != trunk.box and name.startswith(site) and more]
        said[trunk] = said[trunk] or [name for name in near if is_named(name[len(site) + 1 :] or name, trunk.said)]
    far = {trunk: max(boxes, key=len) for trunk, boxes in said.items() if boxes}
    found: list[tuple[_Trunk, _Trunk]] = []
    free = dict.fromkeys(trunks)
    for trunk, box in far.items():
        others = [one for one in free if one.box == box and far.get(one, trunk.box) == trunk.box]
        if trunk in free and others:
            other = max(
                others, key=lambda one: (one in far, len(one.ports) == len(trunk.ports), one.vlans == trunk.vlans)
            )
            found.append((trunk, other))
            del free[trunk], free[other]
    for trunk in [trunk for trunk in far if trunk in free]:
        others = [one for one in trunks if one.box == far[trunk] and one not in (*far, *free) and _fits(trunk, one)]
        found += [(trunk, one) for one in others[:1]]
    return found


# ------------------------------------------------------------------------------------------------ guesses


def _sites(devices: Mapping[str, Device]) -> list[_Site]:
    """Return the boxes by site."""
    sites: list[_Site] = []
    plain: list[str] = []  # switches without addresses
    for name, device in devices.items():
        subnets = _subnets(device)
        if not subnets:
            plain += [name] if device.box.bridges else []
            continue
        near = [site for site in sites if _share(site.subnets, subnets)]
        sites = [*(site for site in sites if site not in near), _joined([*near, _Site([name], subnets, [name])])]
    for name in plain:
        best = max(sites, key=lambda site: _kinship(devices, name, site), default=None)
        if best is not None and any(_kinship(devices, name, best)[:-1]):
            best.boxes.append(name)
    return _with_routers(devices, sites)


def _joined(sites: Sequence[_Site]) -> _Site:
    return _Site(
        [box for site in sites for box in site.boxes],
        frozenset(pair for site in sites for pair in site.subnets),
        [box for site in sites for box in site.gateways],
    )


def _with_routers(devices: Mapping[str, Device], sites: list[_Site]) -> list[_Site]:
    """Join sites of routers alone to those of switches that have computers in their VLANs, and no subnet for them.

    Of several the nearest one in the order of the files counts.
    """
    names = [*devices]
    for site in sites if any(device.box.bridges for device in devices.values()) else []:
        if any(devices[box].box.bridges for box in site.boxes):
            continue
        of_switches = [
            (other, vlans, min(abs(names.index(box) - names.index(site.boxes[0])) for box in other.boxes))
            for other in sites
            if (vlans := {port.access for box in other.boxes for port in access_ports(devices[box].box)})
            and vlans & site.vlans
            and not other.vlans & site.vlans
        ]
        best = max(of_switches, key=lambda one: (len(one[1] & site.vlans), -one[2]), default=None)
        if best is not None:
            sites = [*(one for one in sites if one not in (site, best[0])), _joined([best[0], site])]
    return sites


def _share(one: frozenset[tuple[int, IPv4Network]], other: frozenset[tuple[int, IPv4Network]]) -> bool:
    """Return whether half of the subnets of one are the other's, and no VLAN has different ones.

    Sites may have one subnet alike: many a lab has the same one at each for management, or for frames without tags.
    """
    common = {subnet for _, subnet in one} & {subnet for _, subnet in other}
    return 0 < min(len(one), len(other)) <= 2 * len(common) and not (
        {vlan for vlan, _ in one} & {vlan for vlan, _ in other} - {vlan for vlan, _ in one & other}
    )


def _subnets(device: Device, ports: Sequence[EthernetPort] = ()) -> frozenset[tuple[int, IPv4Network]]:
    """Return the subnets of its VLAN interfaces and subinterfaces with their VLANs. ports: of these ports alone."""
    layers = [] if ports else [(f"{_INTERFACE}{vlan}", vlan) for vlan in device.box.interfaces]
    layers += [(name, vlan) for port in ports or device.box.ports for vlan, name in port.layers]
    return frozenset((vlan, device.ports[name].network) for name, vlan in layers if name in device.ports)


def _kinship(devices: Mapping[str, Device], name: str, site: _Site) -> tuple[int, ...]:
    """Return by what a switch belongs to a site: the first word of its name, its VLANs, the number in its name.

    Of several that are alike the one with the fewest switches counts.
    """
    mine = [port.access for port in access_ports(devices[name].box)]
    first, *more = _WORDS.split(name.lower())
    common = bool(more) and any(_WORDS.split(other.lower())[0] == first for other in site.boxes)
    vlans = len([vlan for vlan in dict.fromkeys((*mine, *dict(devices[name].box.vlans))) if vlan in site.vlans])
    number = _DIGITS.sub("", name)
    alike = any(_DIGITS.sub("", other) == number for other in site.boxes)
    return int(common), vlans, int(alike and number != ""), -len(site.boxes)


def _paired(site: _Site, free: list[_Trunk], known: Sequence[tuple[_Trunk, _Trunk]]) -> list[tuple[_Trunk, _Trunk]]:
    """Plug the trunks of a site in: of the box with the fewest first, at the box with the most.

    No boxes are cut off from those with addresses: two access switches are not plugged into each other alone.
    """
    found: list[tuple[_Trunk, _Trunk]] = []
    waiting = [trunk for trunk in free if trunk.asks]
    parts = {box: [box] for box in site.boxes}
    linked = [frozenset((one.box, other.box)) for one, other in known]
    counts = Counter(trunk.box for trunk in waiting)
    unused = counts.copy()

    def left(box: str) -> int:
        return len([one for one in waiting if one.box in parts[box]])

    def preference(trunk: _Trunk, other: _Trunk) -> tuple[int, ...]:
        leads_on = any(box in site.gateways for box in (*parts[trunk.box], *parts[other.box]))
        leads_on = leads_on or left(trunk.box) + left(other.box) > int(other.asks)
        alike = bool(trunk.subnets & other.subnets), _is_alike(trunk, other), trunk.bundled == other.bundled
        same = len(trunk.ports) == len(other.ports), unused[other.box], trunk.vlans == other.vlans
        return leads_on, -other.edge, other.asks, *alike, *same

    for link in linked:
        _join(parts, *link)
    while waiting:
        trunk = min(
            waiting, key=lambda one: (one.edge, not any(_is_alike(one, each) for each in free), counts[one.box])
        )
        waiting.remove(trunk)
        others = [
            one
            for one in free
            if one.box != trunk.box and _fits(trunk, one)
            # Different native VLANs would become one: that is better than no way at all.
            if _fit_untagged(trunk, one) or parts[one.box] is not parts[trunk.box]
        ]
        unlinked = [one for one in others if frozenset((trunk.box, one.box)) not in linked]
        if unlinked or (others and len(trunk.ports) > 1):
            other = max(unlinked or others, key=lambda one: preference(trunk, one))
            found.append((trunk, other))
            unused.subtract((trunk.box, other.box))
            linked.append(frozenset((trunk.box, other.box)))
            _join(parts, trunk.box, other.box)
            free = [one for one in free if one not in (trunk, other)]
            waiting = [one for one in waiting if one != other]
    return found


def _join(parts: dict[str, list[str]], one: str, other: str) -> None:
    if parts[one] is not parts[other]:
        parts[one].extend(parts[other])
        parts.update(dict.fromkeys(parts[other], parts[one]))


def _is_alike(one: _Trunk, other: _Trunk) -> bool:
    """Return whether two are trunks that may be the ends of a bundle, or of a single cable, with one native VLAN."""
    return (
        (one.box != other.box and one.asks and other.asks)
        and (len(one.ports) == len(other.ports) and _fit_untagged(one, other))
        and _fits(one, other)
    )


def _fit_untagged(one: _Trunk, other: _Trunk) -> bool:
    return one.native == other.native or None in (one.native, other.native)


def _fits(one: _Trunk, other: _Trunk) -> bool:
    """Return whether a cable between two would carry something: no two routers, and a VLAN that both have.

    A port becomes a trunk for a switch that asks for it, and not for a router.
    """
    return (
        (one.bridged or other.bridged)
        and (one.asks or (other.asks and other.bridged))
        and (other.asks or (one.asks and one.bridged))
        and any(first <= end and start <= last for first, last in one.vlans for start, end in other.vlans)
    )
