"""Hosts of a real lab whose addresses a DHCP server leases: process 1 of the lab runs the client of each.

A lease becomes the host's entry in `Wiring.hosts`, so a host that is plugged in again gets its address again.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from dmvpn.base.context import earliest
from dmvpn.base.errors import WireError
from dmvpn.features.dhcp.client import Client, ClientMessage, host_client
from dmvpn.features.dhcp.client6 import AGENTS, CLIENT_PORT6, SERVER_PORT6, Client6
from dmvpn.features.dhcp.packet import BROADCAST, CLIENT_PORT, SERVER_PORT, datagram
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.shells.lab.namespaces import inside_network
from dmvpn.shells.lab.wiring import Wiring, address_host
from dmvpn.shells.runtime.entropy import SystemEntropy

_ETHERTYPE_IPV4 = 0x0800
#: Messages read in one turn, and their size.
_TURN, _LARGEST = 16, 4096
#: A host, and a version of IP.
_Key = tuple[str, int]


class LeasedHosts:
    """The DHCP clients of a lab's hosts."""

    def __init__(self, wiring: Wiring, selector: selectors.BaseSelector) -> None:
        self._wiring = wiring
        self._given = {name: host for name, host in wiring.hosts.items() if host.leased}
        self._clients: dict[_Key, Client | Client6] = {}
        self._sockets: dict[_Key, socket.socket] = {}
        for key in ((name, version) for name, host in self._given.items() for version in host.leased):
            family, port = (socket.AF_INET, CLIENT_PORT) if key[1] == 4 else (socket.AF_INET6, CLIENT_PORT6)
            with inside_network(wiring.namespaces[key[0]]):
                opened = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                opened.bind(("", port))
            make = host_client if key[1] == 4 else Client6
            client = self._clients[key] = make(key[0], SystemEntropy())
            client.due, self._sockets[key] = time.monotonic(), opened
            selector.register(opened, selectors.EVENT_READ, self._reader(key))

    def next_deadline(self) -> float | None:
        """Return when `act` is due, seconds monotonic."""
        return earliest(*(client.due for client in self._clients.values()))

    def act(self) -> None:
        """Let the clients act whose time has come."""
        now = time.monotonic()
        for key, client in self._clients.items():
            if client.due is not None and client.due <= now:
                self._follow(key, client.fire(now))

    def _reader(self, key: _Key) -> Callable[[], None]:
        def read() -> None:
            for _ in range(_TURN):
                try:
                    octets, (source, *_) = self._sockets[key].recvfrom(_LARGEST)
                except OSError:
                    return
                with contextlib.suppress(WireError):
                    self._follow(key, self._clients[key].take(octets, ip_address(source), time.monotonic()))

        return read

    def _follow(self, key: _Key, out: Sequence[ClientMessage | bytes]) -> None:
        """Send the messages of a client, and follow its lease."""
        name = key[0]
        with inside_network(self._wiring.namespaces[name]), contextlib.suppress(OSError):
            for each in out:
                self._send(self._sockets[key], each)
        spec = self._given[name].with_leases(one.station for key, one in self._clients.items() if key[0] == name)
        if spec != self._wiring.hosts[name]:
            self._wiring.hosts[name] = spec
            with inside_network(self._wiring.namespaces[name]):
                address_host(spec)

    @staticmethod
    def _send(way: socket.socket, one: ClientMessage | bytes) -> None:
        """Send by a unicast as usual. Before there is an address the kernel would not send from 0.0.0.0."""
        if isinstance(one, bytes):
            way.sendto(one[8:], (str(AGENTS), SERVER_PORT6, 0, socket.if_nametoindex("eth0")))
            return
        if one.destination != BROADCAST:
            way.sendto(one.message.serialize(), (str(one.destination), SERVER_PORT))
            return
        source = one.message.ciaddr
        payload = datagram(one.message, source, BROADCAST, (CLIENT_PORT, SERVER_PORT))
        packet = Ipv4Packet(source=source, destination=BROADCAST, protocol=IpProtocol.UDP, payload=payload, ttl=64)
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as opened:
            opened.sendto(packet.serialize(), ("eth0", _ETHERTYPE_IPV4, 0, 0, b"\xff" * 6))
