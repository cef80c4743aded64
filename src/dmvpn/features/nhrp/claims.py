"""What a Registration Request says, RFC 2332 §5.2.3: its entries, completed from its header and from where it came."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local
from dmvpn.features.nhrp.extensions import Extensions, ForwardTransitRecord, VendorPrivate, find
from dmvpn.features.nhrp.neighbor import Neighbor
from dmvpn.features.nhrp.packet import RegistrationFlag, RegistrationRequest

if TYPE_CHECKING:
    from dmvpn.features.nhrp.cie import ClientInfo


@dataclass(frozen=True, slots=True)
class Claim:
    """What a client says in one CIE, completed from the common header.

    at: where its packets really come from; speaker: the tunnel address that it calls its own.
    """

    target: Prefix
    next_hop: IPAddress
    at: Neighbor
    claimed: IPAddress | None
    unique: bool
    cie: ClientInfo
    speaker: IPAddress


def real_place(packet: RegistrationRequest, sender: Neighbor, *, trusted: bool) -> Neighbor:
    """Where the client is. trusted: who sends its request may pass on what others say, and then it may be elsewhere."""
    record = find(packet.extensions, ForwardTransitRecord)
    return Neighbor(packet.source_nbma) if trusted and record is not None and record.entries else sender


def claims_of(packet: RegistrationRequest, cie: ClientInfo, at: Neighbor) -> list[Claim]:
    """The bindings that a CIE asks for. One that names a link-local address stands for that of the header, too."""
    claim = _claim(packet, cie, at)
    return [_claim(packet, replace(cie, nbma=None, protocol=None), at), claim] if is_on_link(cie) else [claim]


def is_on_link(cie: ClientInfo) -> bool:
    """Does it name a link-local address?"""
    return cie.protocol is not None and is_link_local(cie.protocol)


def group_of(extensions: Extensions) -> str:
    """The NHRP group of the client, for per-tunnel QoS."""
    for extension in extensions:
        if isinstance(extension, VendorPrivate) and extension.group is not None:
            return extension.group
    return ""


def _claim(packet: RegistrationRequest, cie: ClientInfo, at: Neighbor) -> Claim:
    """Zero-length client addresses mean those of the common header, RFC 2332 §5.2.3."""
    address = cie.protocol if cie.protocol is not None else packet.source_protocol
    claimed = packet.source_nbma if packet.source_nbma != at.nbma else None
    if cie.nbma is not None and cie.nbma not in (packet.source_nbma, at.nbma):
        at, claimed = Neighbor(cie.nbma), None  # a client may register another station's binding
    length = cie.host_or_prefix_length(address.max_prefixlen)
    target = Prefix.of(address, length)
    next_hop = address if target.is_host and not is_link_local(address) else packet.source_protocol
    unique = RegistrationFlag.UNIQUE in packet.flags
    return Claim(target, next_hop, at, claimed, unique, cie, packet.source_protocol)
