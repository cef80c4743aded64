"""The lines of VLANs and switch ports, and the `Box` that they make.

A switch does not show `switchport`, which is its default. So a port without an address is a switch port if a line of
layer 2 says so, or if the box is a switch, by any such line or a `no switchport` on another port.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from dmvpn.base.switching import (
    ALL_VLANS,
    DEFAULT_VLAN,
    LAST_VLAN,
    PRIMARY,
    SECONDARY,
    UNTAGGED,
    Box,
    EthernetPort,
    PortMode,
    Ranges,
    within,
)
from dmvpn.base.values import Value
from dmvpn.ios import Args, ConfigLine, ConfigTree, Mode, Section, ValueType, register_type
from dmvpn.ios.common import ENCAPSULATION, INTERFACE, SHUTDOWN
from dmvpn.ios.interfaces import find_kind, interface_sort_key
from dmvpn.ios.section import Statement
from dmvpn.ios.vrfs import vrf_of
from dmvpn.ios.writing import write

#: What may be a list of VLANs; lines check whether it is one.
VLANS: Final = register_type(
    ValueType("vlans", "WORD", lambda word: (word, word) if word.strip("0123456789,-") == "" else None)
)
_RANGE: Final = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?", re.ASCII)


def ranges_of(text: str) -> Ranges | None:
    """Return the VLANs of "10,20,30-40", or None for any other text."""
    parts = [_RANGE.fullmatch(part) for part in text.split(",")]
    found = tuple((int(part[1]), int(part[2] or part[1])) for part in parts if part is not None)
    return found if len(found) == len(parts) and all(1 <= one <= two <= LAST_VLAN for one, two in found) else None


def _check_vlans(args: Args, _: Section) -> str | None:
    return None if ranges_of(args.text("vlans", "1")) else "% Bad VLAN list: VLANs are 1 to 4094, as in 10,20,30-40"


_HELP: Final = {
    "native": "The VLAN of frames without a tag",
    "vlan": "A VLAN",
    "vlans": "VLANs, as in 10,20,30-40",
    "switchport": "A port of layer 2",
    "access": "It has one VLAN",
    "voice": "VLAN of a telephone",
    "trunk": "It carries VLANs with tags",
    "dynamic": "The other end decides",
    "auto": "A trunk if the other end asks for it",
    "desirable": "Ask the other end for a trunk",
    "mode": "How it works",
    "nonegotiate": "Do not ask the other end",
    "negotiate": "Ask the other end",
    "allowed": "VLANs that the trunk carries",
    "all": "All VLANs",
    "none": "No VLAN",
    "add": "These, too",
    "remove": "All that are allowed now but these",
    "except": "All but these",
    "isl": "Cisco's own, which is not spoken here",
    "channel-group": "One port of several",
    "group": "Number of the Port-channel",
    **dict.fromkeys(("on", "active", "passive", "non-silent"), "How the bundle is agreed on; here it always is"),
    "spanning-tree": "Trees of VLANs",
    "priority": "Of the bridge: the lowest becomes the root",
    "number": "A multiple of 4096",
    "root": "Become the root",
    "primary": "First choice",
    "secondary": "Second choice",
    **dict.fromkeys(("pvst", "rapid-pvst", "mst"), "The protocol's name; the trees are computed"),
    "name": "Name of the VLAN",
}


def spelled(vlans: Ranges) -> str:
    """Return VLANs as IOS writes them: "1,10-12"."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in vlans)


def as_ranges(vlans: Iterable[int]) -> Ranges:
    """Return VLANs in order as ranges."""
    found: list[tuple[int, int]] = []
    for vlan in sorted(vlans):
        if found and vlan <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(vlan, found[-1][1])
        else:
            found.append((vlan, vlan))
    return tuple(found)


def _allowed(args: Args | None) -> Ranges:
    """Return the VLANs of `switchport trunk allowed vlan`."""
    if args is None or "all" in args:
        return ALL_VLANS
    if "except" in args:
        others = ranges_of(args.text("excluded")) or ()
        return as_ranges(vlan for vlan in range(1, LAST_VLAN + 1) if not within(vlan, others))
    return ranges_of(args.text("vlans", "")) or ()


def _change_allowed(args: Args, section: Section) -> bool:
    """Add VLANs to those of the trunk, or remove some."""
    changed = ranges_of(args.text("vlans")) or ()
    have = _allowed(section.get(ALLOWED))
    whole = [vlan for vlan in range(1, LAST_VLAN + 1) if within(vlan, have)]
    after = as_ranges(
        [*whole, *(vlan for first, last in changed for vlan in range(first, last + 1))]
        if "add" in args
        else [vlan for vlan in whole if not within(vlan, changed)]
    )
    values: dict[str, Hashable] = {"vlans": spelled(after)} if after else {"none": True}
    return section.put(Statement(ALLOWED, write(ALLOWED.syntax, values)))


def _end(args: Args, section: Section) -> str | None:
    """Take VLANs away, from longer lines, too. Returns None if no line had them."""
    gone, changed = ranges_of(args.text("vlans")) or (), None
    for entry in section.entries(VLAN):
        left = [vlan for vlan in _each(entry.args) if not within(vlan, gone)]
        if len(left) < len(_each(entry.args)):
            section.drop(entry)
            rest, changed = write(VLAN.syntax, {"vlans": spelled(as_ranges(left))}) if left else None, ""
            if rest is not None and section.find(VLAN, rest) is None:
                section.put(replace(entry, args=rest))
    return changed


MODES: Final = (Mode("vlan", "config-vlan"),)
SWITCHPORT: Final = ConfigLine("interface", "switchport", _HELP, order=12, keep_no=True)
ACCESS: Final = ConfigLine("interface", "switchport access vlan {vlan:1-4094}", _HELP, order=12)
TRUNK_ENCAPSULATION: Final = ConfigLine(
    "interface", "switchport trunk encapsulation ( dot1q | isl | negotiate )", _HELP, order=12
)
NATIVE: Final = ConfigLine("interface", "switchport trunk native vlan {vlan:1-4094}", _HELP, order=12)
ALLOWED: Final = ConfigLine(
    "interface",
    "switchport trunk allowed vlan ( all | none | except {excluded:vlans} | {vlans:vlans} )",
    {**_HELP, "excluded": "VLANs, as in 10,20,30-40"},
    order=12,
    check=_check_vlans,
)
MODE: Final = ConfigLine(
    "interface", "switchport mode ( access | trunk | dynamic ( auto | desirable ) )", _HELP, order=12
)
NONEGOTIATE: Final = ConfigLine("interface", "switchport nonegotiate", _HELP, order=12)
VOICE: Final = ConfigLine("interface", "switchport voice vlan {vlan:1-4094}", _HELP, order=12)
CHANGE_ALLOWED: Final = ConfigLine(
    "interface",
    "switchport trunk allowed vlan ( add | remove ) {vlans:vlans}",
    _HELP,
    order=12,
    check=_check_vlans,
    acts=_change_allowed,
)
CHANNEL_GROUP: Final = ConfigLine(
    "interface",
    "channel-group {group:1-256} mode ( on | active | passive | auto [ non-silent ] | desirable [ non-silent ] )",
    _HELP,
    order=150,
)
VLAN: Final = ConfigLine("global", "vlan {vlans:vlans}", _HELP, order=71, opens="vlan", check=_check_vlans, ends=_end)
NAME: Final = ConfigLine("vlan", "name {name:word}", _HELP, order=5)
TREE_MODE: Final = ConfigLine("global", "spanning-tree mode ( pvst | rapid-pvst | mst )", _HELP, order=71)
TREE_PRIORITY: Final = ConfigLine(
    "global",
    "spanning-tree vlan {vlans:vlans} priority {number:0-61440}",
    _HELP,
    key=("vlans",),
    order=71,
    check=lambda args, section: (
        _check_vlans(args, section)
        or ("% Bridge Priority must be in increments of 4096" if args.integer("number") % 4096 else None)
    ),
)
TREE_ROOT: Final = ConfigLine(
    "global",
    "spanning-tree vlan {vlans:vlans} root ( primary | secondary ) [ diameter {hops:2-7} ]",
    {**_HELP, "diameter": "Switches between any two stations", "hops": "Their number"},
    key=("vlans",),
    order=71,
    check=_check_vlans,
)
LINES: Final = (
    TREE_MODE,
    TREE_PRIORITY,
    TREE_ROOT,
    VLAN,
    NAME,
    SWITCHPORT,
    ACCESS,
    TRUNK_ENCAPSULATION,
    NATIVE,
    ALLOWED,
    CHANGE_ALLOWED,
    MODE,
    NONEGOTIATE,
    VOICE,
    CHANNEL_GROUP,
    ENCAPSULATION,
)
#: Lines of a section that concern this feature, and those that make a port one of layer 2.
_OF_LAYER_2: Final = frozenset((SWITCHPORT, ACCESS, TRUNK_ENCAPSULATION, NATIVE, ALLOWED, MODE, NONEGOTIATE, VOICE))
_OF_PORTS: Final = _OF_LAYER_2 | {CHANNEL_GROUP, ENCAPSULATION}
#: How a bundle is agreed on, by the words of its line.
_AGREED: Final = {"on": "-", "active": "LACP", "passive": "LACP", "auto": "PAgP", "desirable": "PAgP"}
#: Beginnings of lines of a port that routes.
_ROUTED: Final = ("ip address", "ipv6 address", "ip unnumbered", "pppoe")
_INTERFACE: Final = "Vlan"
_BUNDLE: Final = "Port-channel"


# ------------------------------------------------------------------------------------------------ the model


class _Lines(Value):
    """What a section says. switched: None if it does not say. tag: VLAN of a subinterface, and whether it is native."""

    port: EthernetPort
    switched: bool | None
    tag: tuple[int, bool] | None


def model(tree: ConfigTree) -> Box | None:
    """Return what the configuration says of VLANs; None: nothing."""
    spoken = {one.port.name: one for one in tree.made(INTERFACE, _spoken)}
    vlans = tree.sections(VLAN)
    if not spoken and not vlans and tree.get(TREE_MODE) is None:
        return None
    plain = {port.name: port for port in tree.made(INTERFACE, _plain)}
    routes = any(port.mode is PortMode.ROUTED for port in plain.values()) or any(one.tag for one in spoken.values())
    is_switch = tree.get(TREE_MODE) is not None or any(one.switched is False for one in spoken.values())
    is_switch = is_switch or (not routes and any(one.switched for one in spoken.values()))
    ports = _ports(spoken, plain, is_switch=is_switch)
    named = {
        vlan: inner.args(NAME).text("name", "") or f"VLAN{vlan:04}" for args, inner in vlans for vlan in _each(args)
    }
    priorities = {
        **{vlan: args.integer("number") for args in tree.all(TREE_PRIORITY) for vlan in _each(args)},
        **{vlan: PRIMARY if "primary" in args else SECONDARY for args in tree.all(TREE_ROOT) for vlan in _each(args)},
    }
    return Box(
        ports=tuple(sorted(ports, key=lambda port: interface_sort_key(port.name))),
        vlans=tuple(sorted(named.items())),
        interfaces=tuple(sorted(int(name.removeprefix(_INTERFACE)) for name in spoken if name.startswith(_INTERFACE))),
        priorities=tuple(sorted(priorities.items())),
        rapid="rapid-pvst" in tree.args(TREE_MODE),
    )


def _each(args: Args) -> list[int]:
    return [vlan for first, last in ranges_of(args.text("vlans")) or () for vlan in range(first, last + 1)]


def _spoken(args: Args, section: Section) -> _Lines | None:
    """Return what a section says of VLANs; None: nothing."""
    name = args.interface("name")
    if not (name.startswith(_INTERFACE) or section.mentions(_OF_PORTS)):
        return None
    mode, group = section.args(MODE), section.get(CHANNEL_GROUP)
    words = {"access": PortMode.ACCESS, "trunk": PortMode.TRUNK, "desirable": PortMode.DESIRABLE}
    port = EthernetPort(
        name=name,
        mode=next((kind for word, kind in words.items() if word in mode), PortMode.AUTO),
        access=section.args(ACCESS).integer("vlan", DEFAULT_VLAN),
        native=section.args(NATIVE).integer("vlan", DEFAULT_VLAN),
        voice=section.args(VOICE).integer("vlan", 0),
        allowed=_allowed(section.get(ALLOWED)),
        negotiates=not section.flag(NONEGOTIATE),
        bundle=f"{_BUNDLE}{group.integer('group')}" if group is not None else "",
        bundled_by=next((name for word, name in _AGREED.items() if group is not None and word in group), ""),
    )
    tag = section.get(ENCAPSULATION)
    says = False if section.negated(SWITCHPORT) else True if section.mentions(_OF_LAYER_2) else None
    return _Lines(port, says, (tag.integer("vlan"), "native" in tag) if tag is not None else None)


def is_ethernet(name: str) -> bool:
    """Return whether an interface can be a switch port."""
    kind = find_kind(name.rstrip("0123456789/.:"))
    return kind is not None and ("Ethernet" in kind.name or "Gig" in kind.name or kind.name == _BUNDLE)


def _plain(args: Args, section: Section) -> EthernetPort | None:
    """Return an Ethernet without its lines of layer 2: routed if it has an address, or is in a VRF."""
    name = args.interface("name")
    if not is_ethernet(name):
        return None
    routed = bool(vrf_of(section)) or any(one.text.startswith(_ROUTED) for one in section.statements())
    mode = PortMode.ROUTED if routed else PortMode.AUTO
    return EthernetPort(name=name, mode=mode, shutdown=section.flag(SHUTDOWN))


def _ports(
    spoken: Mapping[str, _Lines], plain: Mapping[str, EthernetPort], *, is_switch: bool
) -> Iterator[EthernetPort]:
    """Yield the ports of layer 2, those with subinterfaces, and those in bundles."""
    layers: dict[str, dict[int, str]] = {}
    for name, one in spoken.items():
        if one.tag is not None and not (name in plain and plain[name].shutdown):
            vlan, is_native = one.tag
            layers.setdefault(name.partition(".")[0], {})[UNTAGGED if is_native else vlan] = name
    bundles = {one.port.bundle for one in spoken.values()}  # looked up, never iterated
    implied = {name: EthernetPort(name=name, mode=PortMode.ROUTED) for name in layers if name not in plain}
    for name, port in {**plain, **implied}.items():
        if "." in name or name in bundles:
            continue
        bundle = spoken[name].port.bundle if name in spoken else ""
        owner = bundle if bundle in spoken and spoken[bundle].switched is not None else name
        lines = spoken.get(owner)
        says = lines.switched if lines is not None else None
        is_shut = port.shutdown or (bundle in plain and plain[bundle].shutdown)
        if says or (says is None and is_switch and port.mode is not PortMode.ROUTED and name not in layers):
            of_lines = lines.port if lines is not None else port
            yield replace(
                of_lines,
                name=name,
                bundle=bundle,
                bundled_by=spoken[name].port.bundled_by if bundle else "",
                shutdown=is_shut,
            )
        elif bundle or name in layers:
            owner = bundle or name
            below = {UNTAGGED: owner, **layers.get(owner, {})}
            own = spoken.get(below[UNTAGGED])
            yield EthernetPort(
                name=name,
                mode=PortMode.ROUTED,
                bundle=bundle,
                bundled_by=spoken[name].port.bundled_by if bundle else "",
                shutdown=is_shut,
                layers=tuple(below.items()),
                native=own.tag[0] if own is not None and own.tag is not None else DEFAULT_VLAN,
            )
