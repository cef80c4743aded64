"""Addresses of servers: from DNS, and from the Registration Replies of the servers.

`Names` are servers by host name: `ip nhrp nhs ... nbma NAME`. A name in `ip host` needs no look-up. Any other name is
looked up when it is first needed, again after 1, 2, 4 ... 64 seconds while it has no address, and once a minute while
the server behind it does not answer: it may have another address now. `ip domain lookup` concerns names that users
type; a server's name is looked up in any case.

A reply carries more than the confirmation (`introduced`):

    a `dynamic` server       gives its tunnel address, RFC 2332 §5.2.4
    one of an IPv6 network   adds its link-local address, which routing protocols use
    behind a translator      we learn our translated NBMA address (Cisco's NAT extension)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local, is_one_station
from dmvpn.base.context import Timer
from dmvpn.base.effects import Resolve
from dmvpn.base.pages import Groups
from dmvpn.base.values import dataclass
from dmvpn.features.nhrp.cache import EntryType
from dmvpn.features.nhrp.parts import NatAddress, ResponderAddress, find

if TYPE_CHECKING:
    from dmvpn.base.events import NameResolved
    from dmvpn.features.nhrp.client import NhsClient
    from dmvpn.features.nhrp.instance import Instance
    from dmvpn.features.nhrp.model import NhrpConfig
    from dmvpn.features.nhrp.packet import RegistrationReply
    from dmvpn.features.nhrp.peers import Peers
    from dmvpn.features.nhrp.tunnel import Tunnel

#: Seconds between two look-ups of a name without an address.
FIRST_RETRY = 1.0
LONGEST_RETRY = 64.0
#: Seconds between two look-ups of a name whose server does not answer.
DOUBT_INTERVAL = 60.0


@dataclass(slots=True)
class _Name:
    again: Timer
    address: IPAddress | None = None
    retry: float = FIRST_RETRY
    asked_at: float = 0.0


class Names:
    """The host names in the configuration, and their addresses."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._context = instance.context
        self._hosts: Groups[str, tuple[str, IPAddress]] = Groups(lambda host: host[0].lower())
        self._vrf_hosts: Groups[tuple[str, str], tuple[str, str, IPAddress]] = Groups(
            lambda host: (host[0], host[1].lower())
        )
        self._domain = ""
        self._names: dict[str, _Name] = {}

    def configure(self, config: NhrpConfig) -> None:
        """Take over the table of `ip host`, the domain for names without a dot, and the names in use."""
        self._hosts.show(config.hosts)
        self._vrf_hosts.show(config.vrf_hosts)
        self._domain = config.domain
        mentioned = {self._qualified(nhs.name) for tunnel in config.tunnels for nhs in tunnel.nhs if nhs.name}
        for name in [name for name in self._names if name not in mentioned]:
            # If it is used again, it must get the address that it has then.
            self._context.stop(self._names.pop(name).again)

    def address(self, name: str, tunnel: str) -> IPAddress | None:
        """Return the NBMA address that a name has for a tunnel, if it is known; otherwise look it up."""
        if (address := self._in_table(name, tunnel)) is not None:
            return address
        known = self._names.get(self._qualified(name))
        if known is None:
            self._ask(self._qualified(name))
            return None
        return known.address

    def doubt(self, name: str, tunnel: str) -> None:
        """Look up the name again, because its server does not answer."""
        known = self._names.get(self._qualified(name)) if self._in_table(name, tunnel) is None else None
        if known is not None and known.address is not None and self._context.now - known.asked_at >= DOUBT_INTERVAL:
            self._ask(self._qualified(name))

    def resolved(self, event: NameResolved) -> bool:
        """Take in the answer of the name service. Returns True if it changes an address."""
        known = self._names.get(event.name)
        if known is None:
            return False
        # The underlay is GRE over IPv4: a name may have other addresses as well, but needs one of IPv4.
        usable = [address for address in event.addresses if address.version == 4]
        if not usable:
            self._context.start(known.again, known.retry)
            known.retry = min(2 * known.retry, LONGEST_RETRY)
            return False
        known.retry = FIRST_RETRY
        if known.address in event.addresses:
            return False
        known.address = usable[0]
        return True

    def _in_table(self, name: str, tunnel: str) -> IPAddress | None:
        """Return the address of a name by `ip host`, first by the lines for the tunnel's front door."""
        state = self._context.ports.tunnels.get(tunnel)
        front = state.front if state is not None else ""
        for spelled in (name.lower(), f"{name}.{self._domain}".lower()) if front else ():
            if found := self._vrf_hosts.group((front, spelled)):
                return list(found.values())[-1][2]
        lines = self._hosts.group(name.lower()) or self._hosts.group(f"{name}.{self._domain}".lower())
        return list(lines.values())[-1][1] if lines else None

    def _qualified(self, name: str) -> str:
        """Return the full name for the name service."""
        return f"{name}.{self._domain}" if self._domain and "." not in name else name

    def _ask(self, name: str) -> None:
        known = self._names.get(name)
        if known is None:
            known = self._names[name] = _Name(Timer("ask for a host name again", lambda: self._ask(name), name))
        known.asked_at = self._context.now
        self._context.emit(Resolve(name))


def introduced(peers: Peers, tunnel: Tunnel, client: NhsClient, packet: RegistrationReply) -> IPAddress | None:
    """Take in the further contents of a server's positive reply: the client may have another `nhs` afterwards.

    Returns our translated NBMA address, None if no translator is between us and the server.
    """
    _take_server(peers, tunnel, client, packet)
    _take_link_local(peers, tunnel, client, packet)
    nat = find(packet.extensions, NatAddress)
    for entry in nat.entries if nat else ():
        if entry.protocol == packet.source_protocol and entry.nbma not in (None, tunnel.nbma):
            return entry.nbma
    return None


def _take_server(peers: Peers, tunnel: Tunnel, client: NhsClient, packet: RegistrationReply) -> None:
    """Take over the tunnel address of a `dynamic` server, from the destination or the responder."""
    if not client.dynamic:
        return
    responder = find(packet.extensions, ResponderAddress)
    entry = responder.entries[0] if responder and responder.entries else None
    # A server may identify itself by another interface (`ip nhrp responder`): that address is no next hop.
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
    """Map the address that a server uses now, instead of the old one. Configured mappings stay."""
    entry = tunnel.cache.host(old) if old is not None else None
    if entry is not None and entry.type is EntryType.STATIC and tunnel.nbma_of(entry.target) is None:
        peers.drop_static(tunnel, entry)
    entry = tunnel.cache.host(new)
    if entry is None or not (entry.type is EntryType.STATIC or entry.is_registered):
        if entry is not None:
            peers.supersede(tunnel, entry)
        peers.add_static(tunnel, Prefix.host(new), nbma)
