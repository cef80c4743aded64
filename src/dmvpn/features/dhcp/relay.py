"""The relay agent: broadcasts of UDP services go on to servers (RFC 1542, RFC 3046), with a share for each port."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.context import Context
from dmvpn.base.effects import SendIp, in_table
from dmvpn.base.events import IpReceived
from dmvpn.base.limits import Budgets
from dmvpn.base.notices import InterfaceState
from dmvpn.features.dhcp.model import DhcpConfig, Drop, PortSettings
from dmvpn.features.dhcp.packet import SERVER_PORT, Code, Message
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol

#: The UDP services of `ip forward-protocol` besides DHCP: time, TACACS, DNS, TFTP, NetBIOS names and datagrams.
SERVICES: Final = (37, 49, 53, 69, 137, 138)
#: Relay agents that a request may have passed (RFC 1542 §4.1.1).
MOST_HOPS: Final = 16
#: Messages a second that a port may send to each server, and at once.
_RATE, _CREDIT = 100.0, 400.0
#: Transactions of a port whose replies may come.
_MOST_BEGUN: Final = 1024
_CIRCUIT, _REMOTE = 1, 2


class Relay:
    """The relay agent of a router. drop: called with each message that stays here. forwarded: of DHCP, by type."""

    def __init__(self, context: Context, drop: Callable[[Drop, Message | None], None]) -> None:
        self.forwarded: Counter[str] = Counter()
        self._context, self._drop = context, drop
        self._shares: Budgets[str] = Budgets(_RATE, _CREDIT)
        #: By port, the latest last.
        self._begun: dict[str, dict[int, None]] = {}

    def forward(self, message: Message, port: InterfaceState, settings: PortSettings, config: DhcpConfig) -> None:
        """Pass a client's request on, in the name of the port that it came by."""
        own = port.address
        is_first = message.giaddr == UNSPECIFIED
        interfaces = self._context.ports.interfaces
        if message.hops >= MOST_HOPS or not isinstance(own, IPv4Address):
            self._drop(Drop.HOPS, message)
        elif (is_first and Code.RELAY_INFORMATION in message.options) or (
            not is_first and interfaces.owner(message.giaddr, port.vrf) is not None
        ):
            self._drop(Drop.UNTRUSTED, message)  # RFC 3046 §2.1.1, and what we relayed ourselves
        elif self.may(port.name, message):
            giaddr, options = own if is_first else message.giaddr, message.options
            if is_first and config.adds_information:
                hardware, circuit = interfaces.hardware(port.name), port.name.encode()
                added = bytes((_CIRCUIT, len(circuit))) + circuit + bytes((_REMOTE, len(hardware))) + hardware
                options = {**options, Code.RELAY_INFORMATION: added}
            relayed = replace(message, hops=message.hops + 1, giaddr=giaddr, options=options).serialize()
            self.forwarded[message.name] += 1
            begun = self._begun.setdefault(port.name, {})
            begun.pop(message.xid, None)
            begun[message.xid] = None
            if len(begun) > _MOST_BEGUN:
                del begun[next(iter(begun))]
            for vrf, helper in settings.helpers:
                self._send(vrf, own, helper, (SERVER_PORT, SERVER_PORT), relayed)

    def forward_service(self, event: IpReceived, datagram: UdpDatagram, settings: PortSettings) -> None:
        """Pass a broadcast of another service on, in the name of its sender."""
        source = event.source
        if isinstance(source, IPv4Address) and source != UNSPECIFIED and event.ttl > 1 and self.may(event.interface):
            for vrf, helper in settings.helpers:
                ports = datagram.source_port, datagram.destination_port
                self._send(vrf, source, helper, ports, datagram.payload, event.ttl - 1)

    def reply(self, message: Message, interface: str) -> Message | None:
        """Return a server's reply as the client on a port gets it; None: no client there asked through us."""
        if message.xid not in self._begun.get(interface, {}):
            self._drop(Drop.IGNORED, message)
            return None
        self.forwarded[message.name] += 1
        options = {code: octets for code, octets in message.options.items() if code != Code.RELAY_INFORMATION}
        return replace(message, options=options)

    def may(self, interface: str, message: Message | None = None) -> bool:
        """Count a message of a port. Returns whether it may be passed on: the share of the port is not used up."""
        admitted = self._shares.admit(interface, 1.0, self._context.now)
        if not admitted:
            self._drop(Drop.BUSY, message)
        return admitted

    def _send(
        self, vrf: str, source: IPv4Address, to: IPv4Address, ports: tuple[int, int], payload: bytes, ttl: int = 255
    ) -> None:
        datagram = UdpDatagram(source_port=ports[0], destination_port=ports[1], payload=payload)
        order = SendIp(None, source, to, IpProtocol.UDP, datagram.serialize(source, to), ttl=ttl)
        self._context.emit(in_table(vrf, order))
