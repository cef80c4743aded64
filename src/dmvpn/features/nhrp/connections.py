"""Protected peers: which peers a tunnel needs protected, and over which connection each peer is reached.

A message from a peer names its connection, and binds its entry to it for as long as the connection exists. An entry
without such a message is reached by address: over the newest connection with it. Behind a translator that may be
another spoke's connection. That spoke would forward the packets through the hub, echoes too, so that the wrong path
would look proved. There the connection must be known: by a message that came over it, because a server reports the
peer's UDP port, or because it is the only connection from that address without a peer.

A peer is wanted as long as anything on the tunnel leads to its address: a configured server or mapping, a registered
client, another spoke. Peers behind one NAT are wanted each by its port. Only `ipsec` stores which feature wants which
peer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import NamedTuple

from dmvpn.base.addresses import IPAddress, is_link_local
from dmvpn.base.negotiation import ProtectionWanted
from dmvpn.base.ports import Protection
from dmvpn.base.protection import Connection, ProtectionPhase, Proved
from dmvpn.base.reasons import Reason
from dmvpn.features.nhrp.cache import Entry, EntryType, NbmaPeer
from dmvpn.features.nhrp.reasons import NhrpReason
from dmvpn.features.nhrp.tunnel import Tunnel


class Wants:
    """Computes the peers that each tunnel wants for one IP version, as sets.

    Changed addresses are examined once, at the end of the event: if an entry is replaced by another one with the same
    address, its peer must keep the SAs.
    """

    def __init__(self, version: int) -> None:
        self._by = f"nhrp{version}"
        self._spoken_of: dict[str, None] = {}

    def are_known_of(self, tunnel: str) -> bool:
        """Return whether a set was ever reported for this tunnel."""
        return tunnel in self._spoken_of

    def settle(
        self, touched: Iterable[tuple[str, IPAddress | None]], tunnels: Mapping[str, Tunnel], protection: Protection
    ) -> list[ProtectionWanted]:
        """Return the sets of wanted peers of changed tunnels and addresses, in this order.

        touched: tunnels and NBMA addresses whose entries changed; None: all addresses.
        """
        wants: list[ProtectionWanted] = []
        for name, at in touched:
            tunnel = tunnels.get(name)
            if tunnel is None or not tunnel.protected or not tunnel.running:
                peers: tuple[tuple[IPAddress, int], ...] = ()
            else:
                known = (at,) if at is not None else _known(tunnel)
                servers = _servers(tunnel)
                peers = tuple(
                    (nbma, port)
                    for nbma in known
                    if nbma != tunnel.nbma
                    for port in ports_of(
                        protection, tunnel, nbma, configured=nbma in servers or bool(tunnel.copied.group(nbma))
                    )
                )
            wants.append(ProtectionWanted(name, self._by, peers, at))
            self._spoken_of[name] = None
            if tunnel is None:
                del self._spoken_of[name]
        return wants


def _known(tunnel: Tunnel) -> dict[IPAddress, None]:
    return dict.fromkeys([*tunnel.cache.nbmas(), *tunnel.config.multicast, *_servers(tunnel)])


def _servers(tunnel: Tunnel) -> dict[IPAddress, None]:
    """Return the servers of a tunnel; a `dynamic` server has no cache entry before it has answered."""
    return {client.nbma: None for client in tunnel.clients.values() if client.nbma is not None}


def secured(protection: Protection, tunnel: Tunnel, to: NbmaPeer) -> NbmaPeer | None:
    """Return where packets go now, and over which connection. None: nothing protects them, so none may go."""
    if not tunnel.protected:
        return to
    if to.connection:
        return to if protection.connection(to.connection) is not None else None
    found = protection.between(tunnel.name, to.nbma)
    return NbmaPeer(to.nbma, found.connection) if found.phase is ProtectionPhase.SECURED else None


def account_of(protection: Protection, sender: NbmaPeer) -> IPAddress | Proved:
    """Return the account of a station: its proved identity, else its NBMA address.

    A station whose key was found by address may claim any name. If names counted, it could use the limits of one
    station many times over, or exhaust those of another one.
    """
    connection = protection.connection(sender.connection) if sender.connection else None
    if connection is None or connection.unproved or connection.proved is None:
        return sender.nbma
    return connection.proved


class SenderStanding(NamedTuple):
    """How far a sender is trusted, and who pays for its work.

    account: see `account_of`.
    worker: the account of its work: its proved identity, else its connection, else its NBMA address. Of two stations
        behind one translator, one whose key proves no name must not use up the budget of the other.
    is_server: the sender is a configured server.
    """

    account: IPAddress | Proved
    worker: IPAddress | Proved | int
    is_server: bool


def standing_of(protection: Protection, tunnel: Tunnel, sender: NbmaPeer, known: Iterable[Entry]) -> SenderStanding:
    """Return how far this sender is trusted. known: the entries that lead to its address."""
    account = account_of(protection, sender) if sender.connection else sender.nbma
    worker = (sender.connection or account) if account is sender.nbma else account
    return tuple.__new__(SenderStanding, (account, worker, is_configured(protection, tunnel, sender, known)))


def is_configured(protection: Protection, tunnel: Tunnel, sender: NbmaPeer, known: Iterable[Entry]) -> bool:
    """Return whether the sender is a configured server (`nhs`, `map`), and not only a station at the same address.

    known: the entries that lead to its address.
    """
    clients = [client for client in tunnel.clients.values() if client.nbma == sender.nbma] if tunnel.clients else ()
    if not clients:
        for entry in known:  # noqa: SIM110 - asked about each packet
            if entry.type is EntryType.STATIC:
                return True
        return False
    numbers = (client.connection for client in clients)
    return any(
        not number or not sender.connection or number == sender.connection or protection.connection(number) is None
        for number in numbers
    )


def way_to(protection: Protection, tunnel: Tunnel, entry: Entry) -> NbmaPeer | None:
    """Return where the peer of this entry is, and over which connection. None: nothing protects packets to it."""
    if entry.nbma is None:
        return None
    bound = protection.connection(entry.connection) if entry.connection else None
    if bound is not None:
        return NbmaPeer(bound.remote, bound.number)
    if entry.claimed is None:
        return secured(protection, tunnel, NbmaPeer(entry.nbma))
    if protection.between(tunnel.name, entry.nbma).phase is ProtectionPhase.INTF:
        return None  # connections with this address belong to a tunnel with another profile
    return _by_port(protection, tunnel, entry) or _only_one_left(protection, tunnel, entry, entry.nbma)


def why_not(protection: Protection, tunnel: Tunnel, nbma: IPAddress) -> Reason | None:
    """Return why nothing protects packets to this address, if that is known."""
    return protection.between(tunnel.name, nbma).reason


def why_bare(protection: Protection, tunnel: Tunnel, entry: Entry) -> Reason | None:
    """Return why nothing protects packets to this peer. IKE does not know which of the two is behind NAT."""
    if entry.nbma is None:
        return None
    reason = protection.between(tunnel.name, entry.nbma, entry.port).reason
    if entry.claimed is None:
        return reason
    evidence = replace(reason, since=0.0) if reason is not None else f"{entry.nbma} stands for {entry.claimed}"
    if tunnel.public_nbma is None:
        return Reason(NhrpReason.PEER_BEGINS, (evidence,))
    where = "the hub does not say at which UDP port"
    if entry.port:
        where = f"the hub hears it at UDP port {entry.port}, a symmetric NAT would show us another one"
    if entry.nbma == tunnel.public_nbma:
        return Reason(NhrpReason.SAME_NAT, (evidence, where))
    return Reason(NhrpReason.BOTH_BEHIND_NAT, (evidence, where))


def ports_of(protection: Protection, tunnel: Tunnel, nbma: IPAddress, *, configured: bool) -> tuple[int, ...]:
    """Return the UDP ports at which the peers at an NBMA address are wanted; 0: any port, as for configured addresses.

    A station that registered with us is reached however its request came. A peer behind NAT is wanted at the port of
    its connection, and at the port that a server reports, unless its connection works: a translator that restarted
    assigns new ports.
    """
    ports: dict[int, None] = {0: None} if configured else {}
    for known in tunnel.cache.at(nbma):
        entry = tunnel.cache.host(known.next_hop) or known  # prefixes behind a peer are reached as the peer itself
        if entry.binds or entry.claimed is None:
            ports[0] = None
            continue
        bound = protection.connection(entry.connection) if entry.connection else None
        path = tunnel.paths.get(entry.next_hop)
        here = bound.remote_port if bound is not None and bound.behind_nat else 0
        claimed = 0 if bound is not None and path is not None and path.usable else entry.port
        ports.update(dict.fromkeys(port for port in (here, claimed) if port))
        if not here and not claimed:
            ports[0] = None
    return tuple(ports)


def is_same_station(one: Entry, other: Entry) -> bool:
    """Return whether two next hops are one station. An IPv6 station has a link-local address besides its own."""
    if one.next_hop == other.next_hop:
        return True
    on_link = is_link_local(one.next_hop) or is_link_local(other.next_hop)
    return on_link and (one.nbma, one.claimed) == (other.nbma, other.claimed)


def _by_port(protection: Protection, tunnel: Tunnel, entry: Entry) -> NbmaPeer | None:
    """Return the connection from the very port that a server reports for the peer, if no other peer is bound to it.

    A translator may show one station to us and to the server in different ways, so the identity that IKE proved must
    not contradict the entry; and if both are behind NAT, each sends the other a greeting, which settles it.
    """
    if not entry.port or entry.nbma is None:
        return None
    for found in protection.connections(tunnel.outer, entry.nbma):
        if found.remote_port == entry.port and _may_be(found, entry):
            others = (other for other in tunnel.cache.over(found.number) if not is_same_station(entry, other))
            return NbmaPeer(entry.nbma, found.number) if next(others, None) is None else None
    return None


def _may_be(connection: Connection, entry: Entry) -> bool:
    """Return whether this peer may be at the far end: a station proves the address that it believes it has."""
    try:
        proved = ip_address(connection.identity)
    except ValueError:
        return True
    return proved == entry.claimed


def _only_one_left(protection: Protection, tunnel: Tunnel, entry: Entry, nbma: IPAddress) -> NbmaPeer | None:
    """Return the connection from behind a translator that is younger than the peer's entry, if no other peer may have
    it.
    """
    taken: list[int] = []
    for other in tunnel.cache.at(nbma):
        bound = other.connection if protection.connection(other.connection) is not None else 0
        if is_same_station(entry, other):
            if bound:
                return NbmaPeer(nbma, bound)
        elif other.is_next_hop:
            taken.append(bound)
    if 0 in taken:
        return None
    connections = protection.connections(tunnel.outer, nbma)
    free = [it.number for it in connections if it.number not in taken and it.since >= entry.created]
    return NbmaPeer(nbma, free[0]) if len(free) == 1 else None
