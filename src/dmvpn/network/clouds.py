"""Clouds without keys: a spoke with two multipoint tunnels on one source cannot distinguish their packets.

Each cloud is a subnet of tunnel addresses. If a router has tunnels of two clouds on one source, and no tunnel of these
clouds has a key, every tunnel there gets the key of its subnet, so that both ends have the same key.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dmvpn.network.device import Device


@dataclass(frozen=True, slots=True)
class _Tunnel:
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
