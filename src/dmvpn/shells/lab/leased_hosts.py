"""Hosts of a real lab whose addresses a DHCP server leases: process 1 of the lab runs the client of each.

A lease becomes the host's entry in `Wiring.hosts`, so a host that is plugged in again gets its address again.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections.abc import Callable, Sequence

from dmvpn.base.context import earliest
from dmvpn.base.errors import WireError
from dmvpn.features.dhcp.client import Client, ClientMessage, host_client
from dmvpn.features.dhcp.packet import BROADCAST, CLIENT_PORT, SERVER_PORT, Message, datagram
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.shells.facts import HostLease
from dmvpn.shells.lab.namespaces import inside_network
from dmvpn.shells.lab.wiring import Wiring, address_host
from dmvpn.shells.lab_model import HostSpec
from dmvpn.shells.runtime.entropy import SystemEntropy

_ETHERTYPE_IPV4 = 0x0800
#: Messages read in one turn, and their size.
_TURN, _LARGEST = 16, 4096


class LeasedHosts:
    """The DHCP clients of a lab's hosts."""

    def __init__(self, wiring: Wiring, selector: selectors.BaseSelector) -> None:
        self._wiring = wiring
        self._given = {name: host for name, host in wiring.hosts.items() if host.is_leased}
        self._clients: dict[str, Client] = {}
        self._sockets: dict[str, socket.socket] = {}
        for name in self._given:
            with inside_network(wiring.namespaces[name]):
                opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                opened.bind(("", CLIENT_PORT))
            client = self._clients[name] = host_client(name, SystemEntropy())
            client.due, self._sockets[name] = time.monotonic(), opened
            selector.register(opened, selectors.EVENT_READ, self._reader(name))

    @property
    def leases(self) -> dict[str, HostLease]:
        """The leased addresses and their gateways, by host."""
        return {name: one.lease.station for name, one in self._clients.items() if one.lease is not None}

    def next_deadline(self) -> float | None:
        """Return when `act` is due, seconds monotonic."""
        return earliest(*(client.due for client in self._clients.values()))

    def act(self) -> None:
        """Let the clients act whose time has come."""
        now = time.monotonic()
        for name, client in self._clients.items():
            if client.due is not None and client.due <= now:
                self._follow(name, client.fire(now))

    def _reader(self, name: str) -> Callable[[], None]:
        def read() -> None:
            for _ in range(_TURN):
                try:
                    octets = self._sockets[name].recv(_LARGEST)
                except OSError:
                    return
                with contextlib.suppress(WireError):
                    self._follow(name, self._clients[name].hear(Message.parse(octets), time.monotonic()))

        return read

    def _follow(self, name: str, out: Sequence[ClientMessage]) -> None:
        """Send the messages of a client, and follow its lease."""
        client, given = self._clients[name], self._given[name]
        with inside_network(self._wiring.namespaces[name]), contextlib.suppress(OSError):
            for each in out:
                self._send(name, each)
        address, gateway = client.lease.station if client.lease is not None else (given.address, None)
        spec = HostSpec.model_validate(given.model_dump() | {"address": str(address), "gateway": gateway})
        if spec != self._wiring.hosts[name]:
            self._wiring.hosts[name] = spec
            with inside_network(self._wiring.namespaces[name]):
                address_host(spec)

    def _send(self, name: str, one: ClientMessage) -> None:
        """Send by a unicast as usual. Before there is an address the kernel would not send from 0.0.0.0."""
        if one.destination != BROADCAST:
            self._sockets[name].sendto(one.message.serialize(), (str(one.destination), SERVER_PORT))
            return
        source = one.message.ciaddr
        payload = datagram(one.message, source, BROADCAST, (CLIENT_PORT, SERVER_PORT))
        packet = Ipv4Packet(source=source, destination=BROADCAST, protocol=IpProtocol.UDP, payload=payload, ttl=64)
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as opened:
            opened.sendto(packet.serialize(), ("eth0", _ETHERTYPE_IPV4, 0, 0, b"\xff" * 6))
