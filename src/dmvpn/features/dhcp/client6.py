"""The client of a lab's host that leases an address of IPv6 (RFC 8415 §18.2), from SOLICIT to the end of its lifetime.

    SOLICIT ─ADVERTISE─> REQUEST ─REPLY─> has an address ─T1─> RENEW ─T2─> REBIND ─end─> SOLICIT

It owns no clock and no socket: each call returns UDP datagrams for `AGENTS`, and `due` is when to call `fire`.
The router is not in a lease: a host takes it from advertisements. For judges it is the station that answered.
"""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Interface
from typing import Final

from dmvpn.base.addresses import IPAddress, is_link_local, is_one_station
from dmvpn.base.entropy import Entropy, fraction, made_hardware
from dmvpn.features.dhcp.client import HOSTS_WAIT
from dmvpn.features.dhcp.model import AGENTS, CLIENT_PORT6, SERVER_PORT6
from dmvpn.features.dhcp.packet6 import Code, Kind, Message6, leased, serialize
from dmvpn.net.ip import without_checksum

__all__ = ("AGENTS", "CLIENT_PORT6", "SERVER_PORT6", "Client6")
#: Requests without an answer before the client begins again.
_REQUESTS: Final = 4


class Client6:
    """One client. station: its address, and who answered. name: of the host, of which its DUID is made."""

    def __init__(self, name: str, entropy: Entropy) -> None:
        self.station: tuple[IPv6Interface, IPAddress] | None = None
        self.due = 0.0
        self._duid = b"\0\3\0\1" + made_hardware(f"{name} eth0")
        self._entropy = entropy
        self._kind, self._xid, self._tries, self._server, self._offer = Kind.SOLICIT, b"", 0, b"", b""
        self._rebinding = self._end = 0.0

    def fire(self, now: float) -> list[bytes]:
        """Act on the time that has come."""
        if self.station is not None and now < self._end:
            return self._ask(Kind.REBIND if now >= self._rebinding else Kind.RENEW, now)
        self.station = None
        return self._ask(Kind.REQUEST if self._kind is Kind.REQUEST and self._tries < _REQUESTS else Kind.SOLICIT, now)

    def take(self, octets: bytes, source: IPAddress, now: float) -> list[bytes]:
        """Take a message. An answer with an address that cannot be a station's has none. Raises WireError."""
        message = Message6.parse(octets)
        server, associations = message.get(Code.SERVER), message.all(Code.IA_NA)[:1]
        if message.head != self._xid or message.get(Code.CLIENT) != self._duid or not server:
            return []
        offers = (one for each in associations for one in leased(each) if one[20:24] != bytes(4))
        offer = next((one for one in offers if _is_station(IPv6Address(one[:16]))), b"")
        if message.kind is Kind.ADVERTISE and self._kind is Kind.SOLICIT and offer:
            self._server, self._offer = server, offer
            return self._ask(Kind.REQUEST, now)
        if message.kind is not Kind.REPLY or self._kind not in (Kind.REQUEST, Kind.RENEW, Kind.REBIND):
            return []
        if not offer:  # it is not known there any more
            self.station = None
            return self._ask(Kind.SOLICIT, now)
        renewal, rebinding = (int.from_bytes(associations[0][at : at + 4], "big") for at in (4, 8))
        preferred, valid = (int.from_bytes(offer[at : at + 4], "big") for at in (16, 20))
        self.station, self._server, self._offer = (IPv6Interface(IPv6Address(offer[:16])), source), server, offer
        self._kind, self.due = Kind.REPLY, now + max(min(renewal or preferred // 2, valid), 1)
        self._rebinding, self._end = now + (rebinding or preferred * 4 // 5), now + valid
        return []

    def _ask(self, kind: Kind, now: float) -> list[bytes]:
        if kind is not self._kind or not self._xid:
            self._kind, self._tries, self._xid = kind, 0, self._entropy.octets(3)
        again = now + min(2.0**self._tries, HOSTS_WAIT) * (0.9 + 0.2 * fraction(self._entropy))
        self.due = again if self.station is None else min(again, self._end)
        self._tries = min(self._tries + 1, 8)
        asked = () if kind is Kind.SOLICIT else ((Code.ADDRESS.value, self._offer),)
        association = (Code.IA_NA.value, bytes((0, 0, 0, 1)) + bytes(8) + serialize(asked))
        named = ((Code.SERVER.value, self._server),) if kind in (Kind.REQUEST, Kind.RENEW) else ()
        options = ((Code.CLIENT.value, self._duid), association, *named, (Code.ELAPSED.value, bytes(2)))
        return [without_checksum(CLIENT_PORT6, SERVER_PORT6, Message6(kind, self._xid, options).serialize())]


def _is_station(address: IPv6Address) -> bool:
    return is_one_station(address) and not is_link_local(address)
