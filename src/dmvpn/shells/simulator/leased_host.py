"""A simulated host to which DHCP servers lease addresses: it runs the client of the routers, and that of IPv6."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from dmvpn.base.addresses import Prefix
from dmvpn.base.context import earliest
from dmvpn.base.effects import ClearRoute, Listen, SendIp
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import WireError
from dmvpn.base.events import Event, IpReceived
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.simulated.chassis import Transmit
from dmvpn.features.dhcp.client import Client, ClientMessage, host_client
from dmvpn.features.dhcp.client6 import AGENTS, CLIENT_PORT6, Client6
from dmvpn.features.dhcp.packet import BROADCAST, CLIENT_PORT, SERVER_PORT, datagram
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.shells.lab_model import HostAddress, HostSpec
from dmvpn.shells.simulator.node import HostNode


class LeasedHost(HostNode):
    """A host with DHCP clients, and perhaps with addresses of its own. versions: of IP, each with a client."""

    def __init__(
        self,
        versions: Sequence[int],
        name: str,
        addresses: Sequence[HostAddress],
        transmit: Transmit,
        *,
        makes_address: bool = False,
    ) -> None:
        super().__init__(name, addresses, transmit, makes_address=makes_address)
        self._given = self._all = list(addresses)
        self._clients: dict[int, Client | Client6] = {}
        for version in versions:
            make, port = (host_client, CLIENT_PORT) if version == 4 else (Client6, CLIENT_PORT6)
            client = self._clients[port] = make(name, SeededEntropy(name))
            client.due = 0.0
            self.plane.execute(Listen("eth0", IpProtocol.UDP, None, port))

    def now(self, host: HostSpec) -> HostSpec:
        """Return what `lab.yaml` says of it, with its leases."""
        return host.with_leases(client.station for client in self._clients.values())

    def wake(self, now: float) -> None:
        """Let the clients act whose time has come."""
        for client in self._clients.values():
            if client.due is not None and client.due <= now:
                self.plane.now = now
                self._follow(client.fire(now))

    def next_deadline(self) -> float | None:
        """Return when a client acts."""
        return earliest(*(client.due for client in self._clients.values()))

    def _take(self, event: Event) -> None:
        if not isinstance(event, IpReceived) or event.protocol != IpProtocol.UDP:
            return super()._take(event)
        if (client := self._clients.get(int.from_bytes(event.payload[2:4], "big"))) is None:
            return super()._take(event)
        with suppress(WireError):
            udp = UdpDatagram.parse(event.payload, event.source, event.destination)
            self._follow(client.take(udp.payload, event.source, self.plane.now))

    def _follow(self, out: Sequence[ClientMessage | bytes]) -> None:
        """Send the messages of a client, and follow the leases."""
        for each in out:
            with suppress(EffectError):
                self.plane.execute(self._order(each))
        stations: list[HostAddress | None] = [client.station for client in self._clients.values()]
        own = [(one[0], one[1] if one[0].version == 4 else None) for one in stations if one]  # it hears its IPv6 router
        own += self._given
        if own != self._all:
            self._all = own
            self.plane.execute(ClearRoute(Prefix.of(BROADCAST, 0)))
            self.address(own)

    def _order(self, one: ClientMessage | bytes) -> SendIp:
        if isinstance(one, bytes):
            own = self._slaac.link_local if self._slaac is not None else None
            return SendIp("eth0", own, AGENTS, IpProtocol.UDP, one)
        source, to = one.message.ciaddr, one.destination
        payload = datagram(one.message, source, to, (CLIENT_PORT, SERVER_PORT))
        return SendIp("eth0" if to == BROADCAST else None, source, to, IpProtocol.UDP, payload)
