"""Nothing in clear: every packet that a router sends is compared with the protection that its configuration requires.

A GRE packet with the key of a tunnel that has `tunnel protection` must never be seen, whatever else has gone wrong,
unless it leaves by a port in the front door of another tunnel with this key, which is in clear. Only the configurations
decide, never the state of a router.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.net import ip
from dmvpn.net.gre import GreHeader
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.network.device import Device

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class _Duty:
    """What the configuration of a router says about its tunnels.

    protected: the GRE keys of tunnels with protection, None: without a key.
    clear: front doors and keys of other tunnels, where no tunnel with protection has this key.
    vrfs: of the ports; the rest is in the global table.
    """

    protected: tuple[int | None, ...]
    clear: tuple[tuple[str, int | None], ...]
    vrfs: Mapping[str, str]


@lru_cache(maxsize=256)
def _duty(configuration: str) -> _Duty:
    """Read a configuration. A judge builds the same network again and again, so the last results are cached."""
    device = Device.read("", configuration)
    tunnels = device.tunnels.tunnels
    protected = dict.fromkeys((tunnel.front, tunnel.key) for tunnel in tunnels if tunnel.protection)
    clear = dict.fromkeys((tunnel.front, tunnel.key) for tunnel in tunnels if not tunnel.protection)
    vrfs = {name: vrf for name in device.interface_names if (vrf := device.vrf_of(name))}
    keys = tuple(dict.fromkeys(key for _, key in protected))
    return _Duty(keys, tuple(one for one in clear if one not in protected), vrfs)


def protected_keys(configuration: str) -> tuple[int | None, ...]:
    """Return the GRE keys of the tunnels that a configuration protects; None: a tunnel without a key."""
    return _duty(configuration).protected


class ClearWatch:
    """Looks at packets as they leave their routers."""

    def __init__(self, configurations: Mapping[str, str]) -> None:
        duties = {name: _duty(text) for name, text in configurations.items()}
        self._duties = {name: duty for name, duty in duties.items() if duty.protected}

    @property
    def any(self) -> bool:
        """True if any tunnel is protected."""
        return bool(self._duties)

    def complaint(self, sender: str, port: str, packet: bytes) -> str | None:
        """Return the violation in a packet that this station sends by a port; None if there is none."""
        duty = self._duties.get(sender)
        if duty is None:
            return None
        protocol, start = ip.peek_payload(packet)
        if protocol != IpProtocol.GRE:
            return None
        try:
            header, _ = GreHeader.parse(packet[start:])
        except WireError:
            return None
        if header.key not in duty.protected or (duty.vrfs.get(port, ""), header.key) in duty.clear:
            return None
        source, destination = ip.peek_addresses(packet)
        return f"{sender} sent GRE in clear from {source} to {destination}, type {header.protocol_type:#06x}"
