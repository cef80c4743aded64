"""Nothing in clear: every packet that a router sends is compared with the protection that its configuration requires.

A GRE packet with the key of a tunnel that has `tunnel protection` must never be seen, whatever else has gone wrong.
Only the configurations decide, never the state of a router.
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

    A judge builds the same network again and again, so the last results are cached.
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
        """True if any tunnel is protected."""
        return bool(self._keys)

    def complaint(self, sender: str, packet: bytes) -> str | None:
        """Return the violation in a packet that this station sends; None if there is none."""
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
