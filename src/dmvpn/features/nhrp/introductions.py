"""What a Registration Reply says besides yes: who the server is, and what our own address looks like from there.

a `dynamic` server     tells its tunnel address, RFC 2332 §5.2.4
one of an IPv6 network adds its link-local address, by which routing protocols speak to it
behind a translator    we learn our translated NBMA address (Cisco's NAT extension)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix, is_link_local, is_one_station
from dmvpn.features.nhrp.cache import EntryType
from dmvpn.features.nhrp.extensions import Extensions, NatAddress, ResponderAddress, find

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.nhrp.client import NhsClient
    from dmvpn.features.nhrp.packet import RegistrationReply
    from dmvpn.features.nhrp.peers import Peers
    from dmvpn.features.nhrp.station import Station
    from dmvpn.features.nhrp.tunnel import Tunnel


class Introductions:
    """Takes them in. It owns nothing."""

    def __init__(self, station: Station, peers: Peers) -> None:
        self._station = station
        self._peers = peers

    def take(self, tunnel: Tunnel, client: NhsClient, packet: RegistrationReply) -> None:
        """The server of this client has accepted our registration. The client may have another `nhs` by it."""
        self._server(tunnel, client, packet)
        self._link_local(tunnel, client, packet)
        tunnel.public_nbma = _translated(packet.extensions, packet.source_protocol, tunnel.nbma)

    def _server(self, tunnel: Tunnel, client: NhsClient, packet: RegistrationReply) -> None:
        """A `dynamic` server told us its tunnel address, in the destination or as the responder."""
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
            self._replace_static(tunnel, client.nhs, address, client.nbma)
            client.nhs = address

    def _link_local(self, tunnel: Tunnel, client: NhsClient, packet: RegistrationReply) -> None:
        """A server of an IPv6 network adds its own link-local address to what we registered."""
        if client.nbma is None or tunnel.link_local is None:
            return
        for cie in packet.cies:
            address = cie.protocol
            if address is None or not is_link_local(address) or address in (tunnel.link_local, client.link_local):
                continue
            self._replace_static(tunnel, client.link_local, address, client.nbma)
            client.link_local = address

    def _replace_static(self, tunnel: Tunnel, old: IPAddress | None, new: IPAddress, nbma: IPAddress) -> None:
        """A server calls itself by another address than before. What the configuration maps is not touched."""
        mapped = dict(tunnel.config.maps)
        entry = tunnel.cache.host(old) if old is not None else None
        if entry is not None and entry.type is EntryType.STATIC and entry.target not in mapped:
            self._station.remove_entry(tunnel, entry)
            self._station.clear_adjacency(tunnel, entry.target.address)
        entry = tunnel.cache.host(new)
        if entry is None or not (entry.type is EntryType.STATIC or entry.is_registered):
            if entry is not None:
                self._peers.supersede(tunnel, entry)
            tunnel.gleaned.pop(new, None)
            self._station.add_static(tunnel, Prefix.host(new), nbma)


def _translated(extensions: Extensions, address: IPAddress, nbma: IPAddress | None) -> IPAddress | None:
    """Our NBMA address as the server sees it, if a translator stands between us (Cisco's NAT extension)."""
    nat = find(extensions, NatAddress)
    for entry in nat.entries if nat else ():
        if entry.protocol == address and entry.nbma not in (None, nbma):
            return entry.nbma
    return None
