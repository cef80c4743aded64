"""GRE tunnels that a crypto map protects: the equivalent IPsec profiles, which a lab uses instead of the map.

    crypto map M 10 ipsec-isakmp        crypto ipsec profile M-10
     set peer 198.51.100.2        ->     set transform-set T
     set transform-set T                interface Tunnel1
     match address GRE                   tunnel protection ipsec profile M-10
    interface Ethernet0/0
     crypto map M

An entry protects a tunnel between its two ends if its peer is the tunnel's destination, its map is on the interface
that the tunnel leaves by, and its access list permits GRE between the two. Its other lines stay in the profile.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.network.lines import BEFORE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.features.tunnel.model import TunnelSettings
    from dmvpn.network.device import Device
    from dmvpn.network.lines import Lines

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


@dataclass(frozen=True, slots=True)
class MapOfTunnel:
    """A map, a tunnel that it protects, the profile for it, and the lines that define both."""

    name: str
    tunnel: str
    profile: str
    lines: tuple[str, ...]


def replace_maps(lines: list[str], device: Device) -> Iterator[str]:
    """Protect tunnels by profiles, and take the maps off the interfaces; each change in words.

    lines: of the file. They are changed in place, and new lines are appended.
    """
    found = maps_of_tunnels(device)
    names = [one.name for one in found]
    for number, line in enumerate(lines):
        match = _APPLIED.match(line) if names else None
        if match is not None and match["name"] in names:
            lines[number] = "!"
    for one in found:
        lines += one.lines
        yield f"crypto map {one.name} protects {one.tunnel}: the lab uses the IPsec profile {one.profile} in its place"


def maps_of_tunnels(device: Device) -> list[MapOfTunnel]:
    """Return the maps that protect tunnels and nothing else that leaves in clear; none, if one tunnel is left over."""
    applied = dict(_applied(device))
    found = [one for name, ports in applied.items() for one in _protected(device, name, ports)]
    done = [one.tunnel for one in found]
    ports = [port for each in applied.values() for port in each]
    bare = [
        tunnel.name for tunnel in device.tunnels.tunnels if not tunnel.protection and _leaves_by(device, tunnel, ports)
    ]
    return found if all(name in done for name in bare) else []


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
            if not isinstance(far, IPv4Address) or peers != [str(far)] or not _leaves_by(device, tunnel, ports):
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
            if len(ends) == _ENDS and all(_holds(end, one) for end, one in zip(ends, (source, far), strict=True)):
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


def _holds(end: tuple[int, int], address: IPv4Address) -> bool:
    return not (int(address) ^ end[0]) & ~end[1] & 0xFFFFFFFF
