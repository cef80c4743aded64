"""Files of IOS XE that name no release, and a hub among them that relies on a hidden default of newer releases.

    interface GigabitEthernet2      no port of IOS has this name: this is IOS XE
    (no line `version`)             of some release
    (no `ip nhrp map multicast`)    spokes send the hub multicasts, and it would send none

Since 16.3 such a hub answers the spokes by default (`ios/releases.py`), and most of these files are of later releases.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dmvpn.ios import is_logical
from dmvpn.ios.tree import MARK
from dmvpn.network.routing import running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dmvpn.base.addresses import IPAddress
    from dmvpn.network.device import Device

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
    greeted = [server for device in read.values() for server in _greeted(device)]
    for file, device in read.items():
        if device.release is None:
            yield from ((file, name) for name, address in _silent(device) if address in greeted)


def _is_of_xe(device: Device) -> bool:
    ports = [name for name in device.interface_names if not is_logical(name)]
    return bool(ports) and all(_XE.fullmatch(name) for name in ports) and MARK not in device.text


def _greeted(device: Device) -> Iterator[IPAddress]:
    """Yield the tunnel addresses of servers that a router sends multicasts to."""
    for nhrp in device.nhrp.tunnels:
        targets = [target.address for target, nbma in nhrp.maps if nbma in nhrp.multicast]
        servers = [server.address for server in nhrp.nhs if server.address is not None]
        yield from (server.address for server in nhrp.nhs if server.multicast and server.address is not None)
        yield from (target for target in targets if target in servers)


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
