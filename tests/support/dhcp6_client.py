"""A host of a simulated lab that leases an address of IPv6 (RFC 8415 §18.2), from SOLICIT to the end of its lifetime.

It owns no clock and no socket: each call returns the messages to send to `AGENTS`, and `due` is when to call `fire`.
"""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Interface
from typing import TYPE_CHECKING

from dmvpn.base.effects import Listen, SendIp
from dmvpn.base.entropy import Entropy, SeededEntropy, fraction, made_hardware
from dmvpn.base.events import IpReceived
from dmvpn.features.dhcp.model import AGENTS, SERVER_PORT6
from dmvpn.features.dhcp.packet6 import CLIENT_PORT, Code, Kind, Message6, leased, serialize
from dmvpn.net.ip import UdpDatagram, without_checksum
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.shells.simulator.node import HostNode

if TYPE_CHECKING:
    from support.world import World

#: Seconds between two messages at first and at most: the server may be behind routers that still find their routes.
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 8.0


class Client6:
    """One client. address: the leased one. name: of the host, from which its DUID is made."""

    def __init__(self, name: str, entropy: Entropy) -> None:
        self.address: IPv6Address | None = None
        self.due = 0.0
        self._duid = b"\0\3\0\1" + made_hardware(f"{name} eth0")
        self._entropy = entropy
        self._kind, self._xid, self._tries, self._server, self._offer = Kind.SOLICIT, b"", 0, b"", b""
        self._rebinding = self._end = 0.0

    def fire(self, now: float) -> Message6:
        """Return the message whose time has come."""
        if self.address is not None and now < self._end:
            return self._ask(Kind.REBIND if now >= self._rebinding else Kind.RENEW, now)
        self.address = None
        return self._ask(Kind.REQUEST if self._kind is Kind.REQUEST and self._tries < 4 else Kind.SOLICIT, now)

    def hear(self, message: Message6, now: float) -> Message6 | None:
        """Take a message; returns the answer."""
        server, association = message.get(Code.SERVER), message.get(Code.IA_NA)
        if message.head != self._xid or message.get(Code.CLIENT) != self._duid or not server:
            return None
        offer = next((one for one in leased(association) if one[20:24] != bytes(4)), b"") if association else b""
        is_station = bool(offer) and IPv6Address(offer[:16]).is_global | IPv6Address(offer[:16]).is_private
        if message.kind is Kind.ADVERTISE and self._kind is Kind.SOLICIT and is_station:
            self._server, self._offer = server, offer
            return self._ask(Kind.REQUEST, now)
        if message.kind is not Kind.REPLY or self._kind is Kind.SOLICIT:
            return None
        if not is_station:  # it is not known there any more
            self.address = None
            return self._ask(Kind.SOLICIT, now)
        renewal, rebinding = (int.from_bytes(association[at : at + 4], "big") for at in (4, 8))
        preferred, valid = (int.from_bytes(offer[at : at + 4], "big") for at in (16, 20))
        self.address, self._server, self._offer, self._kind = IPv6Address(offer[:16]), server, offer, Kind.REPLY
        self.due = now + max(min(renewal or preferred // 2, valid), 1)
        self._rebinding, self._end = now + (rebinding or preferred * 4 // 5), now + valid
        return None

    def _ask(self, kind: Kind, now: float) -> Message6:
        if kind is not self._kind or not self._xid:
            self._kind, self._tries, self._xid = kind, 0, self._entropy.octets(3)
        self.due = now + min(_FIRST_WAIT * 2**self._tries, _LONGEST_WAIT) * (0.9 + 0.2 * fraction(self._entropy))
        self._tries = min(self._tries + 1, 8)
        asked = () if kind is Kind.SOLICIT else ((Code.ADDRESS.value, self._offer),)
        association = (Code.IA_NA.value, bytes((0, 0, 0, 1)) + bytes(8) + serialize(asked))
        named = ((Code.SERVER.value, self._server),) if kind in (Kind.REQUEST, Kind.RENEW) else ()
        return Message6(kind, self._xid, ((Code.CLIENT, self._duid), association, *named, (8, bytes(2))))


class Host6(HostNode):
    """A host that leases its address, and takes its gateway from advertisements."""

    client: Client6

    @classmethod
    def at(cls, world: World, name: str) -> Host6:
        """Put the client on a host of a lab that has `address6: slaac`."""
        host = world.sim.hosts[name]
        host.__class__ = cls
        assert isinstance(host, cls)
        host.client = Client6(name, SeededEntropy(name))
        host.plane.execute(Listen("eth0", IpProtocol.UDP, None, CLIENT_PORT))
        host.take = host.hear
        world.sim.schedule(host)
        return host

    @property
    def leased(self) -> str:
        """The address, "": none."""
        return str(self.client.address or "")

    def wake(self, now: float) -> None:
        """Let the client act, if it is time."""
        self.plane.now = now
        if self.client.due <= now:
            self._follow(self.client.fire(now))

    def next_deadline(self) -> float | None:
        """Return when it acts."""
        return self.client.due

    def hear(self, event: IpReceived) -> None:
        """Take a packet: a message of a server, or any other."""
        if event.payload[2:4] == CLIENT_PORT.to_bytes(2, "big"):
            udp = UdpDatagram.parse(event.payload, event.source, event.destination)
            self._follow(self.client.hear(Message6.parse(udp.payload), self.plane.now))
        else:
            self.received.append(event)

    def _follow(self, out: Message6 | None) -> None:
        assert self._slaac is not None
        if out is not None:
            octets = without_checksum(CLIENT_PORT, SERVER_PORT6, out.serialize())
            self.plane.execute(SendIp("eth0", self._slaac.link_local, AGENTS, IpProtocol.UDP, octets))
        self.address([(IPv6Interface((self.client.address, 128)), None)] if self.client.address is not None else [])
