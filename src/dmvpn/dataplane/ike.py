"""IKE's two UDP ports, and the event for a datagram that came to one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.events import IpReceived
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.net.udp import UdpDatagram

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

IKE: Final = 500
#: ESP uses this port too (RFC 3948).
IKE_BEHIND_NAT: Final = 4500
#: Before IKE on port 4500 (RFC 3948 §2.2): no SPI is zero.
NON_ESP_MARKER: Final = bytes(4)


def ike_received(
    source: IPAddress, source_port: int, local: IPAddress, local_port: int, octets: bytes, tos: int, vrf: str = ""
) -> IpReceived:
    """Return the event of a datagram for IKE, UDP header first. Its interface is "", because it came to an address.

    vrf: the VRF of that address.
    """
    udp = UdpDatagram(source_port=source_port, destination_port=local_port, payload=octets)
    return IpReceived(
        interface="",
        source=source,
        destination=local,
        protocol=IpProtocol.UDP,
        payload=udp.serialize(source, local),
        tos=tos,
        vrf=vrf,
    )
