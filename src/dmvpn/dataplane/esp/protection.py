"""ESP processing of each packet of a protected tunnel, as a value: GRE in, `Sealed` out; ESP in, `Opened` out.

    seal(link, GRE, tos, now)     -> its current pair -> `sealed`, to be sent by protocol 50 or UDP port 4500
    open(local, source, ESP, ...) -> the pair of its SPI -> window, key, mode -> GRE and the connection it came by

Modes: transport mode carries GRE (next header 47), tunnel mode an IPv4 header of its own before it (4), which may be of
a fragment (RFC 4303 §3.3.4): fragments are reassembled here. An SA carries only its negotiated traffic; dummy packets
(59, §2.6) are accepted and dropped.

The outer header gets the TOS of the inner packet (RFC 4301 §5.1.2.1); ECN marks of routers on the way come out with the
packet (`Opened.tos`). Where the outer DF bit is clear, packets that are too big for the path are fragmented by the
kernel and reassembled by the receiver's, and the tunnel's `ip mtu` keeps that rare. UDP datagrams of port 4500 are
distinguished by their first octets: RFC 3948 §2.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from dmvpn.base.addresses import IPAddress
from dmvpn.base.errors import WireError
from dmvpn.base.events import ClearReceived, ConnectionHeard, ConnectionUnheard, Event, SaWorn, UnknownSpi
from dmvpn.dataplane.contract import Alarms, Door, Doors
from dmvpn.dataplane.esp.table import EspLink, PeerPlace, SaPair, SaTable
from dmvpn.dataplane.packets import IKE_BEHIND_NAT, NON_ESP_MARKER, ike_received
from dmvpn.net.gre import merged
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol, Ipv4Packet, checksum, ipv4_address

_IPV4_IN_ESP = 4
_NOTHING = 59
_TTL = 255
_INNER = struct.Struct("!BBHHHBBH4s4s")
_KEEPALIVE_LENGTH = 1
#: SPI, sequence number.
_ESP_HEADER = 8
_IN_PIECES = 0x3FFF
_MAX_PACKET = 0xFFFF


class Sealed(NamedTuple):
    """An ESP packet to send from our address to the peer's.

    local: where it leaves (`dataplane.local`).
    port: of UDP there (ours is 4500), 0: protocol 50.
    spi_in: identifies the pair of SAs.
    inside: the payload in clear.
    """

    local: Door
    remote: bytes
    port: int
    tos: int
    packet: bytes
    spi_in: int
    inside: bytes
    df: bool = False


class Opened(NamedTuple):
    """A GRE packet that came out of ESP.

    nbma: where the peer of its connection is.
    tos: outer TOS, for ECN.
    """

    connection: int
    nbma: bytes
    tos: int
    gre: bytes


class Protection:
    """All SAs of one router. Results collect in `sealed` and `events` until the owner takes them."""

    __slots__ = ("_drop", "alarms", "events", "sealed", "table")

    def __init__(
        self, drop: Callable[[str], None], random: Callable[[int], bytes] = os.urandom, doors: Doors | None = None
    ) -> None:
        """drop: counts a packet that is no ESP, has no SA of ours, or does not match its SA (`GreDrops`).

        doors: of the core.
        """
        self.table = SaTable(random, doors)
        self.sealed: list[Sealed] = []
        self.events: list[Event] = []
        self.alarms = Alarms()
        self._drop = drop

    # ------------------------------------------------------------------------------------------------ out

    def seal(self, link: EspLink, gre: bytes, tos: int, now: float, *, df: bool = False) -> bool:
        """Send GRE over a connection. False: its limits are reached, or the packet is too long.

        now: seconds, for a silent peer.
        """
        pair, inside = link.current, gre
        if pair.inner is not None:
            length = HEADER_LENGTH + len(gre)
            if length > _MAX_PACKET:
                self._drop("malformed")
                return False
            # The inner header, RFC 4301 §5.1.2.1. Its identification is that of the ESP sequence number: the peer may
            # fragment the packet further on.
            fields = (0x45, tos, length, (pair.outbound.packets + 1) & 0xFFFF, 0, _TTL, IpProtocol.GRE)
            header = _INNER.pack(*fields, 0, *pair.inner)
            inside = _INNER.pack(*fields, checksum(header), *pair.inner) + gre
        packet = pair.seal(inside, IpProtocol.GRE if pair.inner is None else _IPV4_IN_ESP)
        if packet is None:
            return False
        place = link.place
        self.sealed.append(Sealed(link.local, place.address, place.port, tos, packet, pair.spi_in, inside, df))
        self._look_at_wear(pair)
        if link.silence.sent(now):
            self.events.append(ConnectionUnheard(link.number))
        return True

    def refused(self, sealed: Sealed) -> None:
        """Count a packet that the host did not take."""
        self._drop("unsent")
        found = self.table.find(sealed.spi_in)
        if found is not None:
            found[1].unsent += 1

    # ------------------------------------------------------------------------------------------------ in

    def receive_udp(self, local: Door, source: PeerPlace, tos: int, datagram: bytes, now: float) -> Opened | None:
        """Process the payload of a UDP datagram to our port 4500: a keepalive, IKE behind the marker, or ESP."""
        if datagram[:4] == NON_ESP_MARKER:
            theirs, (ours, front) = ipv4_address(source.address), self._place(local)
            self.events.append(ike_received(theirs, source.port, ours, IKE_BEHIND_NAT, datagram, tos, front))
            return None
        if len(datagram) == _KEEPALIVE_LENGTH:
            return None
        return self.open(local, source, tos, datagram, now)

    def open(self, local: Door, source: PeerPlace, tos: int, packet: bytes, now: float) -> Opened | None:
        """Decrypt an ESP packet, from its SPI on. now: seconds, for the rate of `UnknownSpi`, and for fragments."""
        if len(packet) < _ESP_HEADER:
            self._drop("malformed")
            return None
        spi = int.from_bytes(packet[:4], "big")
        found = self.table.find(spi)
        if found is None or found[0].local != local:
            self._drop("no_spi")
            if self.alarms.may_tell(("spi", local, source), now):
                theirs, (ours, front) = ipv4_address(source.address), self._place(local)
                self.events.append(UnknownSpi(ours, theirs, source.port, spi, front))
            return None
        link, pair = found
        before = pair.inbound.window.top
        opened = pair.open(packet)
        if opened is None:
            return None
        link.silence.ended()
        link.fragments.forget_old(now)
        if pair.pending:
            link.use(pair)
        if pair.inbound.window.top > before and link.heard(pair, source):
            self.events.append(ConnectionHeard(link.number, ipv4_address(source.address), source.port))
        self._look_at_wear(pair)
        payload, next_header = opened
        if next_header == _NOTHING:
            return None
        if pair.inner is None and next_header == IpProtocol.GRE:
            return Opened(link.number, link.place.address, tos, payload)
        if pair.inner is not None and next_header == _IPV4_IN_ESP:
            inside = self._without_inner_header(link, pair.inner, tos, payload, now)
            return None if inside is None else Opened(link.number, link.place.address, *inside)
        self._drop("malformed")
        return None

    def refuse_clear(self, local: Door, nbma: bytes, now: float) -> None:
        """Drop GRE that came in clear for a protected tunnel. now: seconds, for the rate of `ClearReceived`."""
        self._drop("in_clear")
        if self.alarms.may_tell(("clear", local, nbma), now):
            ours, front = self._place(local)
            self.events.append(ClearReceived(ours, ipv4_address(nbma), front))

    def _without_inner_header(
        self, link: EspLink, addresses: tuple[bytes, bytes], outer_tos: int, packet: bytes, now: float
    ) -> tuple[int, bytes] | None:
        """Return TOS and GRE of a packet in tunnel mode; None: it does not match this SA, or fragments are missing."""
        start, end = _place_of_gre(addresses, packet)
        tos = merged(outer_tos, packet[1]) if end else None
        if tos is None:
            self._drop("malformed")
        elif not int.from_bytes(packet[6:8], "big") & _IN_PIECES:
            return tos, packet[start:end]
        else:
            try:
                whole = link.fragments.add(replace(Ipv4Packet.parse(packet), tos=tos), now)
            except WireError:
                self._drop("malformed")
                return None
            if whole is not None:
                return whole.tos, whole.payload
        return None

    def _place(self, local: Door) -> tuple[IPAddress, str]:
        doors = self.table.doors
        return doors.address(local), doors.front(local)

    def _look_at_wear(self, pair: SaPair) -> None:
        if pair.wears_out():
            self.events.append(SaWorn(pair.spi_in))


def _place_of_gre(addresses: tuple[bytes, bytes], packet: bytes) -> tuple[int, int]:
    """Return offset and end of GRE, or of a fragment of it, in a packet in tunnel mode (RFC 4301 §5.2, step 4).

    0, 0: the packet does not match its SA.
    """
    if len(packet) < HEADER_LENGTH or packet[0] >> 4 != 4:
        return 0, 0
    start, end = (packet[0] & 0x0F) << 2, int.from_bytes(packet[2:4], "big")
    ours, theirs = addresses
    agreed = packet[9] == IpProtocol.GRE and (packet[12:16], packet[16:20]) == (theirs, ours)
    return (start, end) if agreed and HEADER_LENGTH <= start <= end <= len(packet) else (0, 0)
