"""The UDP ports of IKE and of ESP in UDP, for `show udp`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.datagrams import UdpPort
from dmvpn.features.ipsec.machine import IpsecMachine

if TYPE_CHECKING:
    from dmvpn.ios import ShowContext

#: RFC 7296 §2 and RFC 3948 §2.
_PORTS: Final = (500, 4500)


def udp_ports(ctx: ShowContext) -> list[UdpPort]:
    """Return both ports at each address of ours that protects a tunnel."""
    return [UdpPort(port, outer.address) for outer in ctx.machine(IpsecMachine).served for port in _PORTS]
