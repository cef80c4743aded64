"""Ports, addresses and the forwarding table of the simulated plane."""

from __future__ import annotations

from dataclasses import dataclass

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import NextHop, RouteKind, SetInterface, SetRoute
from dmvpn.base.lpm import PrefixTable
from dmvpn.net.ipv4 import peek_flow


@dataclass(slots=True)
class Port:
    """An interface. carrier: a wire is plugged in (a tunnel: its line protocol). mtu: octets of an IP packet.

    received, sent: packets, and in what follows their octets.
    """

    name: str
    up: bool = True
    carrier: bool = True
    mtu: int = 1500
    addresses: tuple[tuple[IPAddress, int], ...] = ()
    mss: int | None = None
    received: int = 0
    received_octets: int = 0
    multicasts: int = 0
    sent: int = 0
    sent_octets: int = 0

    def count_received(self, octets: int, *, multicast: bool = False) -> None:
        """A packet came in."""
        self.received += 1
        self.received_octets += octets
        self.multicasts += multicast

    def count_sent(self, octets: int) -> None:
        """A packet went out."""
        self.sent += 1
        self.sent_octets += octets

    @property
    def running(self) -> bool:
        """It can carry packets."""
        return self.up and self.carrier

    @property
    def address(self) -> IPAddress | None:
        """The primary address."""
        return self.addresses[0][0] if self.addresses else None

    def is_broadcast(self, destination: IPAddress) -> bool:
        """True for the broadcast address of one of its networks, and for 255.255.255.255."""
        return int(destination) == 0xFFFFFFFF or any(
            length < 31 and Prefix.of(address, length).broadcast == destination for address, length in self.addresses
        )


class ForwardingTable:
    """Where packets go: connected prefixes (they come first, as in Linux) and routes, in one longest-match table."""

    def __init__(self) -> None:
        self.ports: dict[str, Port] = {}
        self.own: dict[IPAddress, str] = {}
        self._routes: dict[Prefix, SetRoute] = {}
        self._table: PrefixTable[tuple[NextHop, ...] | RouteKind] = PrefixTable()

    def port(self, name: str) -> Port:
        """The port of this name; it is made when first named."""
        port = self.ports.get(name)
        if port is None:
            port = self.ports[name] = Port(name)
        return port

    def set_interface(self, order: SetInterface) -> None:
        """Give a port its state and addresses."""
        port = self.port(order.interface)
        affected = {Prefix.of(*address): None for address in (*port.addresses, *order.addresses)}
        port.up, port.addresses = order.up, order.addresses
        self._note_own_addresses()
        for prefix in affected:
            self._refresh(prefix)

    def remove_port(self, name: str) -> None:
        """Forget a port with its addresses; routes through it stay, and lead nowhere."""
        port = self.ports.pop(name, None)
        self._note_own_addresses()
        for address, length in port.addresses if port else ():
            self._refresh(Prefix.of(address, length))

    def set_route(self, route: SetRoute) -> None:
        """Put in or replace one route."""
        self._routes[route.prefix] = route
        self._refresh(route.prefix)

    def clear_route(self, prefix: Prefix) -> None:
        """Take a route out."""
        self._routes.pop(prefix, None)
        self._refresh(prefix)

    def next_hops(self, destination: IPAddress) -> tuple[NextHop, ...] | RouteKind:
        """All equal next hops for a destination, or how its packets are dropped."""
        found = self._table.lookup(destination)
        return found[1] if found else RouteKind.UNREACHABLE

    def choose(self, destination: IPAddress, data: bytes) -> NextHop | RouteKind:
        """The next hop of one packet: those of one conversation keep to one of several equal ways."""
        hops = self.next_hops(destination)
        if isinstance(hops, RouteKind):
            return hops
        return hops[0] if len(hops) == 1 else hops[_spread(data) % len(hops)]

    def _note_own_addresses(self) -> None:
        self.own = {address: name for name, port in self.ports.items() if port.up for address, _ in port.addresses}

    def _refresh(self, prefix: Prefix) -> None:
        for port in self.ports.values():
            if port.up and any(Prefix.of(address, length) == prefix for address, length in port.addresses):
                self._table[prefix] = (NextHop(port.name),)
                return
        route = self._routes.get(prefix)
        if route is None:
            self._table.pop(prefix)
        else:
            self._table[prefix] = route.next_hops if route.kind is RouteKind.FORWARD else route.kind


def _spread(data: bytes) -> int:
    flow = peek_flow(data)
    return int(flow.source) ^ int(flow.destination) ^ flow.protocol ^ flow.source_port ^ flow.destination_port
