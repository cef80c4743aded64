"""A simulated host whose address a DHCP server leases: it runs the client of the routers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import ClearRoute, Listen, SendIp
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import Event, IpReceived
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.simulated.chassis import Transmit
from dmvpn.features.dhcp.client import ClientMessage, host_client
from dmvpn.features.dhcp.packet import BROADCAST, CLIENT_PORT, SERVER_PORT, datagram, received
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.shells.facts import HostLease
from dmvpn.shells.simulator.node import HostAddress, HostNode


class LeasedHost(HostNode):
    """A host with a DHCP client, and perhaps with addresses of its own."""

    def __init__(
        self, name: str, addresses: Sequence[HostAddress], transmit: Transmit, *, makes_address: bool = False
    ) -> None:
        super().__init__(name, addresses, transmit, makes_address=makes_address)
        self._given = self._all = list(addresses)
        self._client = host_client(name, SeededEntropy(name))
        self._client.due = 0.0
        self.plane.execute(Listen("eth0", IpProtocol.UDP, None, CLIENT_PORT))

    @property
    def lease(self) -> HostLease | None:
        """The leased address, and the gateway."""
        return self._client.lease.station if self._client.lease is not None else None

    def wake(self, now: float) -> None:
        """Let the client act, if it is time."""
        if self._client.due is not None and self._client.due <= now:
            self.plane.now = now
            self._follow(self._client.fire(now))

    def next_deadline(self) -> float | None:
        """Return when the client acts."""
        return self._client.due

    def _take(self, event: Event) -> None:
        if not isinstance(event, IpReceived) or int.from_bytes(event.payload[2:4], "big") != CLIENT_PORT:
            super()._take(event)
        elif (message := received(event)) is not None:
            self._follow(self._client.hear(message, self.plane.now))

    def _follow(self, out: Sequence[ClientMessage]) -> None:
        """Send the messages of the client, and follow its lease."""
        for each in out:
            source, to = each.message.ciaddr, each.destination
            payload = datagram(each.message, source, to, (CLIENT_PORT, SERVER_PORT))
            with suppress(EffectError):
                self.plane.execute(SendIp("eth0" if to == BROADCAST else None, source, to, IpProtocol.UDP, payload))
        own: list[HostAddress] = [*([self.lease] if self.lease is not None else []), *self._given]
        if own != self._all:
            self._all = own
            self.plane.execute(ClearRoute(Prefix.of(BROADCAST, 0)))
            self.address(own)
