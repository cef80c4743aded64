"""DHCP for IPv6 (RFC 8415): the server and the relay agent of a router.

    from a client, or in RELAY-FORW ──> where `ipv6 dhcp server` is: pool of the link -> address -> ADVERTISE, REPLY
                                        where `ipv6 dhcp relay destination` is: in RELAY-FORW to each destination
    RELAY-REPL ──> out of the port that it names, if that one relays

A client's own message comes from a link-local address to the group of all agents: what comes otherwise is dropped.
Bindings, their shares and their file are those of IPv4 (`Leases`). An address is drawn in the prefix, so that a scan
finds no hosts by counting; where it is taken, the next free one follows.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import IPv6Address
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local, is_one_station
from dmvpn.base.context import Context
from dmvpn.base.effects import SendIp, Store, in_table
from dmvpn.base.entropy import below
from dmvpn.base.errors import WireError
from dmvpn.base.events import IpReceived
from dmvpn.base.limits import Budgets
from dmvpn.base.notices import InterfaceState
from dmvpn.base.ports import interface_in
from dmvpn.features.dhcp import packet6
from dmvpn.features.dhcp.leases import DECLINES, OFFERED, Binding, BindingState, Leases
from dmvpn.features.dhcp.model import AGENTS, CLIENT_PORT6, SERVER_PORT6, DhcpConfig, Drop, Pool6, PortSettings
from dmvpn.features.dhcp.packet6 import Code, Kind, Message6, leased, serialize
from dmvpn.features.dhcp.relay import Relay
from dmvpn.net.ip import UdpDatagram, without_checksum
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.net.ipv6 import INFINITE

#: The file of bindings, in the router's storage.
STORED: Final = "dhcp6-bindings"
_IDENTITY: Final = "dhcp6-duid"
#: Relay agents that a message may have passed (RFC 8415 §7.6), and associations of one message that are answered.
_MOST_HOPS, _MOST_ASSOCIATIONS = 8, 4
#: Addresses that are looked at for one client: more would be work for strangers to cause.
_MOST_TRIES: Final = 512
_NOWHERE: Final = IPv6Address(0)
#: Messages that must name this server, and that must name none (§16).
_TO_ONE: Final = (Kind.REQUEST, Kind.RENEW, Kind.RELEASE, Kind.DECLINE)
_TO_ALL: Final = (Kind.SOLICIT, Kind.CONFIRM, Kind.REBIND)


class Version6:
    """Server and relay agent. drop: called for messages without an answer. relay: counts, and has shares of ports."""

    def __init__(self, context: Context, drop: Callable[[Drop], None], counts: dict[str, int], relay: Relay) -> None:
        self.config = DhcpConfig()
        self.leases = Leases(context, STORED, lambda _: None)
        self._context, self._drop, self._counts = context, drop, counts
        self._relay, self._forwarded = relay, relay.forwarded
        self._ports: dict[str, PortSettings] = {}
        self._has_relays = False
        self._declines: Budgets[str] = Budgets(*DECLINES)
        kept = context.ports.kept.get(_IDENTITY, b"")
        self.duid = kept if len(kept) == 18 else b"\0\4" + context.ports.entropy.octets(16)  # §11.5: of no port
        context.emit(Store(_IDENTITY, self.duid))

    def configure(self, config: DhcpConfig) -> None:
        """Apply other lines: bindings whose pool no longer has their address end."""
        is_first, self.config = not self.config.pools6, config
        self._ports = {one.interface: one for one in config.ports}
        self._has_relays = any(one.relays6 for one in config.ports)
        self.leases.keep(config.write_delay, restores=is_first and bool(config.pools6))
        pools = {pool.name: pool.prefix for pool in config.pools6}
        for place, binding in list(self.leases.bindings.items()):
            prefix = pools.get(binding.pool)
            if prefix is None or Prefix.host(binding.address) not in prefix:
                self.leases.forget(place)

    def hears(self, port: InterfaceState) -> bool:
        """Return whether messages may come by a port; where something is relayed, servers' replies by all ports."""
        settings = self._ports.get(port.name)
        serves = settings is not None and bool(settings.serves6)
        return (serves or self._has_relays) and port.runs(6) and not port.name.startswith(("Loopback", "Null"))

    # ------------------------------------------------------------------------------------------ packets

    def hear(self, event: IpReceived, port: InterfaceState) -> None:
        """Take a packet to the server's port."""
        settings, source, to = self._ports.get(port.name), event.source, event.destination
        try:
            message = Message6.parse(UdpDatagram.parse(event.payload, source, to).payload)
            is_agent = message.kind is Kind.RELAY_FORW
            if message.kind is Kind.RELAY_REPL:
                self._to_client(message, port, source)
            elif message.kind in (Kind.ADVERTISE, Kind.REPLY, Kind.RECONFIGURE) or settings is None:
                self._drop(Drop.IGNORED)
            elif not (is_one_station(source) if is_agent else is_link_local(source) and to == AGENTS):
                self._drop(Drop.UNTRUSTED)
            elif settings.serves6:
                self._serve(message, event, port, settings.serves6)
            elif settings.relays6:
                self._forward(message, source, port, settings)
        except WireError:
            self._drop(Drop.MALFORMED)

    def _send(self, port: str, vrf: str, source: IPAddress | None, to: IPAddress, message: Message6, far: int) -> None:
        """Send to a UDP port. port: to an address of its link, "": as routed."""
        state = self._context.ports.interfaces.get(port) if is_link_local(to) or to.is_multicast else None
        own = state.ipv6.link_local if state is not None and state.ipv6 is not None else source
        payload = without_checksum(SERVER_PORT6, far, message.serialize())
        order = SendIp(port if state is not None else None, own, to, IpProtocol.UDP, payload)
        self._context.emit(in_table("" if state is not None else vrf, order))

    def _forward(self, message: Message6, source: IPAddress, port: InterfaceState, settings: PortSettings) -> None:
        """Pass a message on, in the name of the port that it came by (§19.1)."""
        own = next((one for one, _ in port.routed(6)), _NOWHERE)
        hops = message.head[0] + 1 if message.kind is Kind.RELAY_FORW else 0
        if hops > _MOST_HOPS:
            self._drop(Drop.HOPS)
        elif self._relay.may(port.name):
            options = ((Code.RELAYED.value, message.serialize()), (Code.INTERFACE.value, port.name.encode()))
            relayed = Message6(
                Kind.RELAY_FORW,
                bytes((hops,)) + (own if is_link_local(source) else _NOWHERE).packed + source.packed,
                options,
            )
            self._forwarded[message.kind.name] += 1
            for to, interface in settings.relays6:
                self._send(interface, port.vrf, own if own != _NOWHERE else None, to, relayed, SERVER_PORT6)

    def _to_client(self, message: Message6, came: InterfaceState, source: IPAddress) -> None:
        """Pass a server's reply on (§19.2), if it is from where messages of that port go."""
        name, peer = message.get(Code.INTERFACE).decode(errors="replace"), message.address(17)
        reply, port = Message6.parse(message.get(Code.RELAYED)), self._context.ports.interfaces.get(name)
        is_far = reply.kind is Kind.RELAY_REPL  # for another relay agent
        servers = self._ports[name].relays6 if name in self._ports else ()
        knows = any(to == source or (to.is_multicast and via in ("", came.name)) for to, via in servers)
        is_right = is_one_station(peer) if is_far else is_link_local(peer)
        if not (knows and is_right) or port is None or port.vrf != came.vrf:
            self._drop(Drop.UNTRUSTED)
            return
        self._forwarded[reply.kind.name] += 1
        self._send(name, port.vrf, None, peer, reply, SERVER_PORT6 if is_far else CLIENT_PORT6)

    # ------------------------------------------------------------------------------------------ the server

    def _serve(self, message: Message6, event: IpReceived, port: InterfaceState, name: str) -> None:
        path: list[Message6] = []
        while message.kind is Kind.RELAY_FORW and len(path) <= _MOST_HOPS:
            path.append(message)
            message = Message6.parse(message.get(Code.RELAYED))
        pool = next((one for one in self.config.pools6 if one.name == name), Pool6(name))
        links, client = [Prefix.of(*own) for own in port.routed(6)], event.source
        if path:
            client = path[-1].address(17)
            said = next((one.address(1) for one in reversed(path) if one.address(1) != _NOWHERE), event.source)
            link, links = Prefix.host(said), []
            if interface_in(self._context.ports.interfaces, link, port.vrf, but=port.name):
                self._drop(Drop.UNTRUSTED)  # else a stranger on this port could take the addresses of that one
                return
            of_link = (one for one in self.config.pools6 if one.prefix is not None and link in one.prefix)
            pool = next((one for one in of_link if self._is_for(one, port.vrf)), replace(pool, prefix=None))
        made = Binding(_NOWHERE, port.vrf, pool.name, b"", port.name, None, source=client)
        reply = self._reply(message, pool, links, replace(made, hardware=message.get(Code.CLIENT)))
        if reply is None:
            self._drop(Drop.IGNORED)
            return
        self._counts[message.kind.name] += 1
        self._counts[reply.kind.name] += 1
        for one in reversed(path):
            named = tuple((Code.INTERFACE.value, octets) for octets in one.all(Code.INTERFACE)[:1])
            reply = Message6(Kind.RELAY_REPL, one.head, (*named, (Code.RELAYED, reply.serialize())))
        own = None if event.destination.is_multicast else event.destination
        self._send(port.name, port.vrf, own, event.source, reply, SERVER_PORT6 if path else CLIENT_PORT6)

    def _is_for(self, pool: Pool6, vrf: str) -> bool:
        """Return whether a pool is for relay agents of a VRF: it is none that ports of other VRFs alone serve."""
        ports = self._context.ports.interfaces.all()
        vrfs = [port.vrf for port in ports if port.name in self._ports and self._ports[port.name].serves6 == pool.name]
        return not vrfs or vrf in vrfs

    def _reply(self, message: Message6, pool: Pool6, links: Sequence[Prefix], client: Binding) -> Message6 | None:
        """Return the answer to a client's message, or None (§16, §18.3). client: its binding, without an address.

        links: the subnets that the router knows to be those of the client.
        """
        kind, own, server = message.kind, self.duid, message.get(Code.SERVER)
        associations = message.all(Code.IA_NA)[:_MOST_ASSOCIATIONS]
        if kind is Kind.INFORMATION_REQUEST:
            may_ask = server in (b"", own) and not associations
        else:
            may_ask = bool(client.hardware) and (not server if kind in _TO_ALL else kind in _TO_ONE and server == own)
        if not may_ask:
            return None
        options = [(Code.SERVER.value, own), *((Code.CLIENT.value, one) for one in message.all(Code.CLIENT)[:1])]
        status = None
        if kind is Kind.SOLICIT and message.all(Code.RAPID) and self._ports[client.interface].commits6:  # §18.3.1
            kind = Kind.REQUEST
            options.append((Code.RAPID.value, b""))
        if kind is Kind.CONFIRM:
            asked = [IPv6Address(one[:16]) for each in associations for one in leased(each)]
            here = [*links, *([pool.prefix] if pool.prefix is not None else [])]
            if not asked or not here:
                return None
            fits = all(any(Prefix.host(one) in link for link in here) for one in asked)
            status = packet6.SUCCESS if fits else packet6.NOT_ON_LINK
        elif kind in (Kind.RELEASE, Kind.DECLINE):
            options += [(Code.IA_NA, self._give_back(kind, one, pool, client)) for one in associations]
            status = packet6.SUCCESS
        else:
            options += [(Code.IA_NA, self._lease(kind, one, pool, client)) for one in associations]
        if status is not None:
            options.append((Code.STATUS, status.to_bytes(2, "big")))
        return Message6(Kind.ADVERTISE if kind is Kind.SOLICIT else Kind.REPLY, message.head, (*options, *pool.options))

    def _lease(self, kind: Kind, association: bytes, pool: Pool6, client: Binding) -> bytes:
        """Return an IA_NA with an address for a client, or why there is none."""
        asked = [IPv6Address(one[:16]) for one in leased(association)][:_MOST_ASSOCIATIONS]
        identity = client.hardware + association[:4]
        binding = self.leases.of_client.get((client.vrf, pool.name, identity))
        if binding is None:
            is_known = kind in (Kind.RENEW, Kind.REBIND)
            address = self._choose(pool, client, () if kind is Kind.SOLICIT else asked, must=is_known)
            if address is None:
                return association[:4] + packet6.no_address(packet6.NO_BINDING if is_known else packet6.NO_ADDRESSES)
            binding = replace(client, address=address, identity=identity, ends=self._context.now + OFFERED)
            self.leases.add(binding)
        if kind is not Kind.SOLICIT:
            seconds = pool.valid if pool.valid != INFINITE else None
            self.leases.bind(binding, client.interface, seconds, client.source)
        octets = [one.to_bytes(4, "big") for one in pool.times]
        given = [(Code.ADDRESS.value, binding.address.packed + octets[2] + octets[3])]
        if kind in (Kind.RENEW, Kind.REBIND):  # the others are not its own any more (§18.3.4)
            given += [(Code.ADDRESS, one.packed + bytes(8)) for one in asked if one != binding.address]
        return association[:4] + octets[0] + octets[1] + serialize(tuple(given))

    def _choose(self, pool: Pool6, client: Binding, asked: Sequence[IPv6Address], *, must: bool) -> IPv6Address | None:
        """Return a free address of a pool, or None. asked: addresses the client prefers; must: only these will do."""
        if pool.prefix is None:
            return None
        exhausted = self.leases.exhausted(client, len(self.config.pools6))
        if exhausted is not None:
            self._drop(exhausted)
            return None
        skipped = int(pool.prefix.size > 1)  # the address of all its routers
        first, count = pool.prefix.number + skipped, pool.prefix.size - skipped
        start, most = below(self._context.ports.entropy, count), 0 if must else _MOST_TRIES
        drawn = (IPv6Address(first + (start + step) % count) for step in range(min(most, count)))
        for address in itertools.chain((one for one in asked if 0 <= int(one) - first < count), drawn):
            owner = self._context.ports.interfaces.owner(address, client.vrf)
            if owner is None and (client.vrf, address) not in self.leases.bindings:
                return address
        self._drop(Drop.POOL)
        return None

    def _give_back(self, kind: Kind, association: bytes, pool: Pool6, client: Binding) -> bytes:
        """Return an IA_NA that says whether the address was the client's. A declined one is not leased."""
        binding = self.leases.of_client.get((client.vrf, pool.name, client.hardware + association[:4]))
        if binding is None or binding.address.packed not in [one[:16] for one in leased(association)]:
            return association[:4] + packet6.no_address(packet6.NO_BINDING)
        self.leases.forget((binding.vrf, binding.address))
        if kind is Kind.DECLINE and self._declines.admit(client.interface, 1.0, self._context.now):
            ends, state = self._context.now + pool.valid, BindingState.DECLINED
            no_client = bytes(135) + binding.address.packed  # longer than what a client has
            self.leases.add(replace(binding, identity=no_client, hardware=b"", state=state, ends=ends))
        return association[:4] + bytes(8)
