"""NHRP packets that a test hands to a member of an overlay, as if they came out of GRE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.events import NhrpReceived
from dmvpn.features.nhrp.packet import NhrpPacket, ResolutionFlag, ResolutionRequest
from dmvpn.features.nhrp.parts import (
    ClientInfo,
    ForwardTransitRecord,
    NatAddress,
    ResponderAddress,
    ReverseTransitRecord,
)
from support.overlay import TUNNEL, Overlay, address

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

R31, R41, HUB_NBMA = address("172.16.31.1"), address("172.16.41.1"), address("172.16.11.1")
HUB_CIE = ClientInfo(
    prefix_length=32, mtu=17912, holding_time=7200, preference=255, nbma=HUB_NBMA, protocol=address("192.168.100.11")
)
#: R31 asks for a host behind R41, as IOS does.
REQUEST = ResolutionRequest(
    source_nbma=R31,
    source_protocol=address("192.168.100.31"),
    destination_protocol=address("10.4.4.1"),
    flags=ResolutionFlag(0xC802),
    request_id=900,
    cies=(ClientInfo(prefix_length=32, mtu=17912, holding_time=7200, preference=255),),
    extensions=(ResponderAddress(), ForwardTransitRecord(), ReverseTransitRecord(), NatAddress()),
)


def receive(overlay: Overlay, name: str, packet: NhrpPacket | bytes, source: IPAddress = R31) -> None:
    """A member receives a packet, or octets, from an NBMA address."""
    octets = packet if isinstance(packet, bytes) else packet.serialize()
    overlay.handle(name, NhrpReceived(TUNNEL, source, octets))
