"""What a Registration Reply says besides yes.

a `dynamic` server       tells its tunnel address, RFC 2332 §5.2.4
one of an IPv6 network   adds its link-local address, by which routing protocols speak to it
behind a translator      we learn our translated NBMA address (Cisco's NAT extension)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local, is_one_station
from dmvpn.features.nhrp.cache import EntryType
from dmvpn.features.nhrp.parts import NatAddress, ResponderAddress, find

if TYPE_CHECKING:
    from dmvpn.features.nhrp.client import NhsClient
    from dmvpn.features.nhrp.packet import RegistrationReply
    from dmvpn.features.nhrp.parts import Extensions
    from dmvpn.features.nhrp.peers import Peers
    from dmvpn.features.nhrp.tunnel import Tunnel


def introduced(peers: Peers, tunnel: Tunnel, client: NhsClient, packet: RegistrationReply) -> IPAddress | None:
    """Take in what the server of this client says with its yes: the client may have another `nhs` afterwards.

    Returns our translated NBMA address, None if no translator is between us and the server.
    """
    _take_server(peers, tunnel, client, packet)
    _take_link_local(peers, tunnel, client, packet)
    return _translated(packet.extensions, packet.source_protocol, tunnel.nbma)


def _take_server(peers: Peers, tunnel: Tunnel, client: NhsClient, packet: RegistrationReply) -> None:
    """Take over the tunnel address of a `dynamic` server, from the destination or the responder."""
    if not client.dynamic:
        return
    responder = find(packet.extensions, ResponderAddress)
    entry = responder.entries[0] if responder and responder.entries else None
    # A server may name itself by another interface (`ip nhrp responder`): that address is nobody's next hop.
    named = entry.protocol if entry is not None else None
    beside_us = named is not None and tunnel.subnet is not None and named in tunnel.subnet
    address = packet.destination_protocol
    if named is not None and (beside_us or address == tunnel.address):
        address = named
    believable = is_one_station(address) and address.version == tunnel.version and not tunnel.is_ours(address)
    if believable and address != client.nhs and client.nbma is not None:
        _replace_static(peers, tunnel, client.nhs, address, client.nbma)
        client.named(nhs=address)


def _take_link_local(peers: Peers, tunnel: Tunnel, client: NhsClient, packet: RegistrationReply) -> None:
    """Take over the link-local address that a server of an IPv6 network adds to what we registered."""
    if client.nbma is None or tunnel.link_local is None:
        return
    for cie in packet.cies:
        address = cie.protocol
        if address is None or not is_link_local(address) or address in (tunnel.link_local, client.link_local):
            continue
        _replace_static(peers, tunnel, client.link_local, address, client.nbma)
        client.named(link_local=address)


def _replace_static(peers: Peers, tunnel: Tunnel, old: IPAddress | None, new: IPAddress, nbma: IPAddress) -> None:
    """Map the address that a server calls itself now, instead of the old one. What is configured is not touched."""
    entry = tunnel.cache.host(old) if old is not None else None
    if entry is not None and entry.type is EntryType.STATIC and tunnel.nbma_of(entry.target) is None:
        peers.drop_static(tunnel, entry)
    entry = tunnel.cache.host(new)
    if entry is None or not (entry.type is EntryType.STATIC or entry.is_registered):
        if entry is not None:
            peers.supersede(tunnel, entry)
        peers.add_static(tunnel, Prefix.host(new), nbma)


def _translated(extensions: Extensions, address: IPAddress, nbma: IPAddress | None) -> IPAddress | None:
    """Return our NBMA address as the server sees it, if a translator is between us (Cisco's NAT extension)."""
    nat = find(extensions, NatAddress)
    for entry in nat.entries if nat else ():
        if entry.protocol == address and entry.nbma not in (None, nbma):
            return entry.nbma
    return None
