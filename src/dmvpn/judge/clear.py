"""Nothing in clear: every packet that a router puts on a wire, held against what its configuration promises.

A GRE packet with the key of a tunnel that has `tunnel protection` must never be seen, whatever else has gone wrong. No
router is asked what it believes of its tunnels: their configurations count.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from dmvpn.base.errors import WireError
from dmvpn.net import ip
from dmvpn.net.gre import GreHeader
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.network.device import Device

if TYPE_CHECKING:
    from collections.abc import Mapping


@lru_cache(maxsize=256)
def protected_keys(configuration: str) -> tuple[int | None, ...]:
    """Return the GRE keys of the tunnels that a configuration protects; None: a tunnel without a key.

    Whoever judges a network builds it again and again, so what was read last is kept.
    """
    tunnels = Device.read("", configuration).tunnels.tunnels
    return tuple(dict.fromkeys(tunnel.key for tunnel in tunnels if tunnel.protection))


class ClearWatch:
    """Looks at packets as they leave their routers."""

    def __init__(self, configurations: Mapping[str, str]) -> None:
        keys = {name: protected_keys(text) for name, text in configurations.items()}
        self._keys = {name: found for name, found in keys.items() if found}

    @property
    def any(self) -> bool:
        """Is there anything to watch?"""
        return bool(self._keys)

    def complaint(self, sender: str, packet: bytes) -> str | None:
        """Return what is wrong with a packet that this station sends; None: nothing."""
        keys = self._keys.get(sender)
        if keys is None:
            return None
        protocol, start = ip.peek_payload(packet)
        if protocol != IpProtocol.GRE:
            return None
        try:
            header, _ = GreHeader.parse(packet[start:])
        except WireError:
            return None
        if header.key not in keys:
            return None
        source, destination = ip.peek_addresses(packet)
        return f"{sender} sent GRE in clear from {source} to {destination}, type {header.protocol_type:#06x}"
