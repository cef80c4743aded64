"""What a Resolution Reply says of the station that answers, RFC 2332 §5.2.2 and Cisco's NAT extension.

Its NBMA address may stand in three places: in the entry itself (as the station knows it), in the NAT extension (as
others see it), and in the outer header, if the reply came straight from there. On a protected tunnel that is where its
connection is, whatever others see. None of it may be what cannot be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import is_one_station
from dmvpn.features.nhrp.binding import Binding
from dmvpn.features.nhrp.extensions import NatAddress, ReverseTransitRecord, find
from dmvpn.features.nhrp.mapped_ports import mapped_ports

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.nhrp.cie import ClientInfo
    from dmvpn.features.nhrp.extensions import Extensions
    from dmvpn.features.nhrp.neighbor import Neighbor
    from dmvpn.features.nhrp.packet import ResolutionReply
    from dmvpn.features.nhrp.tunnel import Tunnel


def binding_of(tunnel: Tunnel, reply: ResolutionReply, cie: ClientInfo, sender: Neighbor) -> Binding | None:
    """The mapping in one entry of the reply, translated addresses considered. None: it cannot be."""
    next_hop = cie.protocol if cie.protocol is not None else reply.destination_protocol
    direct = _is_direct(tunnel, reply, sender.nbma)
    by_itself = direct and sender.connection and find(reply.extensions, ReverseTransitRecord) is not None
    translated = None if by_itself else _translated(reply, next_hop)
    nbma = translated or (sender.nbma if direct else cie.nbma)
    if cie.nbma is None or nbma is None or tunnel.is_ours(next_hop):
        return None
    if tunnel.nbma in (nbma, cie.nbma):
        return None
    if not all(is_one_station(it) for it in (next_hop, nbma, cie.nbma)):
        return None
    return Binding(
        next_hop=next_hop,
        nbma=nbma,
        claimed=cie.nbma if nbma != cie.nbma else None,
        holding_time=cie.holding_time,
        mtu=cie.mtu,
        direct=direct and nbma == sender.nbma,
        connection=sender.connection,
        port=told_port(tunnel, reply.extensions, sender, (next_hop, nbma)),
    )


def told_port(tunnel: Tunnel, extensions: Extensions, sender: Neighbor, peer: tuple[IPAddress, IPAddress]) -> int:
    """The UDP port by which a peer (its tunnel and NBMA address) is heard, as a server of ours says; 0: it does not."""
    if not tunnel.protected or all(client.nbma != sender.nbma for client in tunnel.clients.values()):
        return 0
    ports = mapped_ports(extensions)
    return ports.port_of(*peer) if ports is not None else 0


def _is_direct(tunnel: Tunnel, reply: ResolutionReply, outer_source: IPAddress) -> bool:
    """Did it come straight from who wrote it? No server stands on its record, and none sent it."""
    reverse = find(reply.extensions, ReverseTransitRecord)
    return not (reverse and reverse.entries) and all(c.nbma != outer_source for c in tunnel.clients.values())


def _translated(reply: ResolutionReply, next_hop: IPAddress) -> IPAddress | None:
    """The address of the station as others see it, if it is behind NAT and knows, or a server on the way does."""
    nat = find(reply.extensions, NatAddress)
    return next((e.nbma for e in nat.entries if e.protocol == next_hop and e.nbma), None) if nat else None
