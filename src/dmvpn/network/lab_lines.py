"""What a lab changes in files that would not work here as they are.

A lab uses IPsec profiles instead of a crypto map that protects GRE tunnels:

    crypto map M 10 ipsec-isakmp        crypto ipsec profile M-10
     set peer 198.51.100.2        ->     set transform-set T
     set transform-set T                interface Tunnel1
     match address GRE                   tunnel protection ipsec profile M-10
    interface Ethernet0/0
     crypto map M

An entry protects a tunnel between its two ends if one of its peers is the tunnel's destination, its map is on the
interface that the tunnel leaves by, and its access list permits GRE between the two. Its other lines stay in the
profile.

A spoke with two multipoint tunnels on one source cannot distinguish the packets of clouds without keys. Each cloud is a
subnet of tunnel addresses. If a router has tunnels of two clouds on one source, and no tunnel of these clouds has a
key, every tunnel there gets the key of its subnet, so that both ends have the same key.

A hub may rely on a hidden default of newer releases, and its file name no release:

    interface GigabitEthernet2      no port of IOS has this name: this is IOS XE
    (no line `version`)             of some release
    (no `ip nhrp map multicast`)    spokes send the hub multicasts, and it would send none

Since 16.3 such a hub answers the spokes by default (`ios/releases.py`), and most of these files are of later releases.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.values import Value
from dmvpn.features.tunnel.model import TunnelSettings
from dmvpn.ios import is_logical
from dmvpn.ios.tree import MARK
from dmvpn.network.device import Device
from dmvpn.network.lines import BEFORE, Lines
from dmvpn.network.routing import running

# ------------------------------------------------------------------------------------------------ clouds without keys


class _Tunnel(Value):
    file: str
    name: str
    source: str
    cloud: Prefix
    multipoint: bool
    has_key: bool


def cloud_keys(read: Mapping[str, Device]) -> dict[str, dict[str, int]]:
    """Return the key for each tunnel: by file and name of the tunnel. read: by file."""
    every = [tunnel for file, device in read.items() for tunnel in _tunnels(file, device)]
    keyed = [tunnel.cloud for tunnel in every if tunnel.has_key]
    seats = Counter((tunnel.file, tunnel.source) for tunnel in every if tunnel.multipoint and not tunnel.has_key)
    crowded = [t.cloud for t in every if t.multipoint and not t.has_key and seats[t.file, t.source] > 1]
    numbers = {cloud: key for key, cloud in enumerate(dict.fromkeys(crowded), 1) if cloud not in keyed}
    found: dict[str, dict[str, int]] = {}
    for tunnel in every:
        if tunnel.cloud in numbers:
            found.setdefault(tunnel.file, {})[tunnel.name] = numbers[tunnel.cloud]
    return found


def _tunnels(file: str, device: Device) -> Iterator[_Tunnel]:
    for tunnel in device.tunnels.tunnels:
        interface = device.interface(tunnel.name)
        source = device.source(tunnel) or tunnel.source_interface
        if interface is not None and interface.address is not None and source:
            cloud = Prefix.of(*interface.address)
            yield _Tunnel(file, tunnel.name, str(source), cloud, tunnel.multipoint, tunnel.key is not None)


# ------------------------------------------------------------------------------------------- files that name no release


#: What such a file is taken for: the first release that has the defaults.
RELEASE: Final = "16.3"
#: A virtual router's port, and one with a slot, a bay and a number.
_XE: Final = re.compile(r"[A-Za-z]*GigabitEthernet([1-9]\d*|\d+/\d+/\d+)(\.\d+)?")


def unnamed_releases(read: Mapping[str, Device]) -> list[str]:
    """Return the files that a lab takes for ones of `RELEASE`. read: by file."""
    unnamed = [file for file, device in read.items() if device.release is None and _is_of_xe(device)]
    return unnamed if any(file in unnamed for file, _ in silent_hubs(read)) else []


def silent_hubs(read: Mapping[str, Device]) -> Iterator[tuple[str, str]]:
    """Yield the file and tunnel of each hub that sends no multicasts, although its spokes send it some and no release
    is named that would have `ip nhrp map multicast dynamic` on unseen. read: by file.
    """
    greeted: list[IPAddress] = []  # the tunnel addresses of servers that routers send multicasts to
    for nhrp in (each for device in read.values() for each in device.nhrp.tunnels):
        targets = [target.address for target, nbma in nhrp.maps if nbma in nhrp.multicast]
        greeted += [
            one.address for one in nhrp.nhs if one.address is not None and (one.multicast or one.address in targets)
        ]
    for file, device in read.items():
        if device.release is None:
            yield from ((file, name) for name, address in _silent(device) if address in greeted)


def _is_of_xe(device: Device) -> bool:
    ports = [name for name in device.interface_names if not is_logical(name)]
    return bool(ports) and all(_XE.fullmatch(name) for name in ports) and MARK not in device.text


def _silent(device: Device) -> Iterator[tuple[str, IPAddress]]:
    """Yield multipoint tunnels and their addresses that send no multicasts, although a routing protocol needs them."""
    multipoint = [tunnel.name for tunnel in device.tunnels.tunnels if tunnel.multipoint]
    for nhrp in device.nhrp.tunnels:
        own = device.interface(nhrp.name)
        if nhrp.name not in multipoint or own is None or own.address is None:
            continue
        address = own.address[0]
        is_silent = not (nhrp.multicast or nhrp.multicast_dynamic or any(server.multicast for server in nhrp.nhs))
        if is_silent and any(not each.passive for each in running(device, nhrp.name, address)):
            yield nhrp.name, address


# ------------------------------------------------------------------------------------------------ crypto maps


_MAP: Final = "crypto map "
_APPLIED: Final = re.compile(rf"{BEFORE}cry\w*\s+map\s+(?P<name>\S+)\s*$")
_MENTIONED: Final = re.compile(r"(?i)\bcry\w*\s+map\s")
#: What a map's entry may say that a profile says in the same words.
_SHARED: Final = (
    "set transform-set ",
    "set pfs",
    "set ikev2-profile ",
    "set isakmp-profile ",
    "set security-association",
)
_PROTOCOLS: Final = ("gre", "ip", "47")
_ENDS: Final = 2


class MapOfTunnel(Value):
    """A map, a tunnel that it protects, the profile for it, and the lines that define both."""

    name: str
    tunnel: str
    profile: str
    lines: tuple[str, ...]


def replace_maps(lines: list[str], device: Device) -> Iterator[str]:
    """Protect tunnels by profiles, and take the maps off the interfaces; each change in words.

    lines: of the file. They are changed in place, and new lines are appended.
    """
    applied = dict(_applied(device))
    found = [one for name, ports in applied.items() for one in _protected(device, name, ports)]
    # A tunnel without protection that leaves by the same ports would be in clear: then no map is replaced.
    done = [one.tunnel for one in found]
    ports = [port for each in applied.values() for port in each]
    bare = [one.name for one in device.tunnels.tunnels if not one.protection and _leaves_by(device, one, ports)]
    if not all(name in done for name in bare):
        return
    names = [one.name for one in found]
    for number, line in enumerate(lines):
        match = _APPLIED.match(line) if names else None
        if match is not None and match["name"] in names:
            lines[number] = "!"
    for one in found:
        lines += one.lines
        yield f"crypto map {one.name} protects {one.tunnel}: the lab uses the IPsec profile {one.profile} in its place"


def _applied(device: Device) -> Iterator[tuple[str, list[str]]]:
    """Yield of each map the interfaces that it is on. A lab leaves these lines out, so the text is read again."""
    if _MENTIONED.search(device.text) is None:
        return
    ports: dict[str, list[str]] = {}
    lines = type(device).read(device.name, device.text).lines
    for name in device.interface_names:
        own = lines.section(f"interface {name}").value(_MAP)
        if own:
            ports.setdefault(own.split()[0], []).append(name)
    yield from ports.items()


def _protected(device: Device, name: str, ports: Sequence[str]) -> Iterator[MapOfTunnel]:
    for header in device.lines.headers(f"{_MAP}{name} "):
        words = header.split()
        entry = device.lines.section(header)
        if len(words) < _ENDS + 3 or not words[3].isdigit() or words[4] != "ipsec-isakmp":
            continue
        peers = [line.split()[2] for line in entry.headers("set peer ")]
        for tunnel in device.tunnels.tunnels:
            source = device.source(tunnel)
            if tunnel.multipoint or tunnel.protection or not isinstance(source, IPv4Address):
                continue
            far = tunnel.destination
            if not isinstance(far, IPv4Address) or str(far) not in peers or not _leaves_by(device, tunnel, ports):
                continue
            if _permits_gre(device.lines, entry.value("match address "), source, far):
                profile = f"{name}-{words[3]}"
                said = [f" {line}" for line in entry.lines if line.startswith(_SHARED)]
                lines = (f"crypto ipsec profile {profile}", *said, f"interface {tunnel.name}")
                yield MapOfTunnel(name, tunnel.name, profile, (*lines, f" tunnel protection ipsec profile {profile}"))


def _leaves_by(device: Device, tunnel: TunnelSettings, ports: Sequence[str]) -> bool:
    """Return whether its source is one of these interfaces, or the local address of their map."""
    if tunnel.name in ports or tunnel.source_interface in ports:
        return True
    own = [settings.address[0] for port in ports if (settings := device.interface(port)) and settings.address]
    local = [header.split()[-1] for header in device.lines.headers(_MAP) if " local-address " in header]
    return device.source(tunnel) in own or tunnel.source_interface in local


def _permits_gre(lines: Lines, name: str, source: IPv4Address, far: IPv4Address) -> bool:
    """Return whether an extended access list permits GRE between these two. The first line that is about it decides."""
    named = lines.section(f"ip access-list extended {name}").lines
    numbered = [line.removeprefix(f"access-list {name} ") for line in lines.headers(f"access-list {name} ")]
    for line in (*named, *numbered):
        words = line.split()
        words = words[1:] if words[:1] and words[0].isdigit() else words
        if words[1:2] and words[1] in _PROTOCOLS:
            ends = list(_ends(words[2:]))
            if len(ends) == _ENDS and all(
                not (int(one) ^ end[0]) & ~end[1] & 0xFFFFFFFF for end, one in zip(ends, (source, far), strict=True)
            ):
                return words[0] == "permit"
    return False


def _ends(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield addresses and wildcards, as numbers."""
    rest = list(words)
    while rest:
        first = rest.pop(0)
        if first == "any":
            yield 0, 0xFFFFFFFF
        elif first == "host" and rest:
            yield int(IPv4Address(rest.pop(0))), 0
        elif first.count(".") == 3 and rest and rest[0].count(".") == 3:
            yield int(IPv4Address(first)), int(IPv4Address(rest.pop(0)))
        else:
            return
