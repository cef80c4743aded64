"""The security associations of a data plane: selects the connection of a packet, and the pair of SAs in it.

    SaTable   all of them: by number of the connection, by (local, remote), by inbound SPI
    EspLink   a connection: where its peer is, its pairs, and the one used for sending
    SaPair    the SAs of both directions under one set of keys (RFC 4301 §4.4.2), with its limits

A rekey loses no packets: a pair that is not installed `eager` is *pending*, that is, only received on, until a packet
of the peer arrives on it; then it is used for sending, and older pending pairs are no longer used. Addresses are
packed, for dicts; ours is a number (`local`).
"""

from __future__ import annotations

import os
from bisect import insort
from dataclasses import field
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.protection import SaCount
from dmvpn.base.values import dataclass
from dmvpn.dataplane.contract import Doors
from dmvpn.dataplane.esp.association import EspError, Exhausted, Inbound, Outbound
from dmvpn.dataplane.esp.replay import ReplayWindow
from dmvpn.dataplane.esp.silence import Silence
from dmvpn.dataplane.esp.suite import EspSuite
from dmvpn.dataplane.fragmentation import Reassembler
from dmvpn.net.ipv4 import HEADER_LENGTH
from dmvpn.net.udp import HEADER_LENGTH as UDP_HEADER_LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.protection import EspSa
    from dmvpn.dataplane.contract import Door

#: Packets after which a pair without extended sequence numbers needs a rekey: three quarters of them.
WORN_PACKETS: Final = 3 << 30


class PeerPlace(NamedTuple):
    """Where a peer is.

    address: packed.
    port: of UDP, 0: protocol 50.
    """

    address: bytes
    port: int


@dataclass(slots=True, eq=False)
class SaPair:
    """The SAs of both directions under one set of keys.

    order: of installation.
    soft, hard: octets, 0: no limit.
    inner: source and destination of the IP header inside ESP as we write it, None in transport mode.
    pending: it is used for sending when a packet arrives on it.
    unsent: packets that were refused.
    """

    spi_in: int
    connection: int
    order: int
    outbound: Outbound
    inbound: Inbound
    esn: bool
    soft: int
    hard: int
    inner: tuple[bytes, bytes] | None
    pending: bool = False
    worn: bool = False
    unsent: int = 0

    def seal(self, payload: bytes, next_header: int) -> bytes | None:
        """Return the ESP packet of a payload, or None: this pair must not send any more."""
        if self.hard and self.outbound.octets + len(payload) > self.hard:
            self.unsent += 1
            return None
        try:
            return self.outbound.seal(payload, next_header)
        except Exhausted:
            self.unsent += 1
            return None

    def open(self, packet: bytes) -> tuple[bytes, int] | None:
        """Return payload and next header of an ESP packet, or None.

        None: it fails authentication, is a replay, or comes after the pair's hard limit.
        """
        if self.hard and self.inbound.octets >= self.hard:
            self.inbound.broken += 1
            return None
        try:
            return self.inbound.open(packet)
        except EspError:
            return None

    def wears_out(self) -> bool:
        """Return whether it has reached its soft limit. True once."""
        if self.worn:
            return False
        sent, received = self.outbound, self.inbound
        self.worn = (bool(self.soft) and max(sent.octets, received.octets) >= self.soft) or (
            not self.esn and max(sent.packets, received.window.top) >= WORN_PACKETS
        )
        return self.worn

    def count(self) -> SaCount:
        """Return its counters."""
        return SaCount(
            spi_in=self.spi_in,
            sent=self.outbound.packets,
            sent_octets=self.outbound.octets,
            received=self.inbound.packets,
            received_octets=self.inbound.octets,
            replayed=self.inbound.replayed,
            broken=self.inbound.broken,
            unsent=self.unsent,
        )


@dataclass(slots=True, eq=False)
class EspLink:
    """A connection.

    latest: the order of the newest pair that packets of the peer arrived on.
    elsewhere: the new place of the peer that was reported last, from the source of good packets.
    fragments: of inner packets in tunnel mode; kept by connection, so that one peer cannot exhaust the others' room.
    silence: whether the peer answers.
    """

    number: int
    local: Door
    place: PeerPlace
    current: SaPair
    pairs: dict[int, SaPair] = field(default_factory=dict)
    latest: int = 0
    elsewhere: PeerPlace | None = None
    fragments: Reassembler = field(default_factory=Reassembler)
    silence: Silence = field(default_factory=Silence)

    def use(self, pair: SaPair) -> None:
        """Send on this pair from now on: older pairs are no longer used for that, newer ones are still pending."""
        self.current = pair
        for known in self.pairs.values():
            known.pending = False
            if known is pair:
                return

    def room(self, mtu: int) -> int:
        """Return octets of the largest GRE packet that leaves on the current pair in an IPv4 packet of `mtu` octets."""
        outside = HEADER_LENGTH + (UDP_HEADER_LENGTH if self.place.port else 0)
        inside = HEADER_LENGTH if self.current.inner is not None else 0
        return self.current.outbound.suite.largest(mtu - outside) - inside

    def heard(self, pair: SaPair, source: PeerPlace) -> bool:
        """Record the source of a good packet, the newest of this pair, and return whether to report a move of the peer.

        Packets on a pair from before the peer's last rekey do not show where the peer is now.
        """
        if pair.order < self.latest:
            return False
        self.latest = pair.order
        if source == self.place:
            self.elsewhere = None
            return False
        told, self.elsewhere = self.elsewhere, source
        return told != source


class SaTable:
    """All connections and their pairs of SAs."""

    def __init__(self, random: Callable[[int], bytes] = os.urandom, doors: Doors | None = None) -> None:
        """random: initialization vectors of AES-CBC. doors: shared with the owner of the sockets."""
        self.doors = Doors() if doors is None else doors
        self._random = random
        self._links: dict[int, EspLink] = {}
        self._between: dict[tuple[Door, bytes], list[int]] = {}
        self._pairs: dict[int, SaPair] = {}
        self._installed = 0

    def install(self, sa: EspSa, *, eager: bool) -> None:
        """Receive on a pair, and send on it if `eager`, or if its connection has no other. Raises UserError.

        An existing pair is left unchanged: restarting under its keys would repeat nonces, and accept replays.
        """
        suite = EspSuite.of(sa.transform)
        if sa.spi_in in self._pairs:
            return
        self._installed += 1
        pair = SaPair(
            spi_in=sa.spi_in,
            connection=sa.connection,
            order=self._installed,
            outbound=Outbound(suite, _spi(sa.spi_out), sa.key_out, sa.hash_key_out, esn=sa.esn, random=self._random),
            inbound=Inbound(
                suite, _spi(sa.spi_in), sa.key_in, sa.hash_key_in, window=ReplayWindow(sa.window), esn=sa.esn
            ),
            esn=sa.esn,
            soft=sa.soft_octets,
            hard=sa.hard_octets,
            inner=((sa.inner_local or sa.local).packed, (sa.inner_remote or sa.remote).packed)
            if sa.tunnel_mode
            else None,
        )
        local, place = self.doors.number(sa.local, sa.front), PeerPlace(sa.remote.packed, sa.remote_port)
        link = self._links.get(sa.connection)
        if link is None:
            link = self._links[sa.connection] = EspLink(sa.connection, local, place, pair)
            self._enter(link)
        else:
            self._put(link, local, place)
        self._pairs[sa.spi_in] = link.pairs[sa.spi_in] = pair
        if eager:
            link.use(pair)
        else:
            pair.pending = link.current is not pair

    def use(self, spi_in: int) -> None:
        """Send on this pair from now on."""
        pair = self._pairs.get(spi_in)
        if pair is not None:
            self._links[pair.connection].use(pair)

    def remove(self, spi_in: int) -> None:
        """Remove a pair; a connection without any is removed, too."""
        pair = self._pairs.pop(spi_in, None)
        if pair is None:
            return
        link = self._links[pair.connection]
        del link.pairs[spi_in]
        if not link.pairs:
            del self._links[link.number]
            self._leave(link)
        elif link.current is pair:
            link.use(next(reversed(link.pairs.values())))

    def move(self, number: int, place: PeerPlace) -> None:
        """Set the place of the peer of a connection."""
        link = self._links.get(number)
        if link is not None:
            self._put(link, link.local, place)

    def link(self, number: int) -> EspLink | None:
        """Return a connection by its number."""
        return self._links.get(number)

    def between(self, local: Door, remote: bytes) -> EspLink | None:
        """Return the newest connection between these addresses: the one of the highest number."""
        there = self._between.get((local, remote))
        return self._links[there[-1]] if there else None

    def find(self, spi_in: int) -> tuple[EspLink, SaPair] | None:
        """Return the connection and the pair of an inbound SPI."""
        pair = self._pairs.get(spi_in)
        return (self._links[pair.connection], pair) if pair is not None else None

    def pairs(self) -> Iterator[SaPair]:
        """Return all pairs, the oldest first."""
        return iter(self._pairs.values())

    def _put(self, link: EspLink, local: Door, place: PeerPlace) -> None:
        if (link.local, link.place) != (local, place):
            self._leave(link)
            link.local, link.place, link.elsewhere = local, place, None
            link.silence.ended()
            self._enter(link)

    def _enter(self, link: EspLink) -> None:
        insort(self._between.setdefault((link.local, link.place.address), []), link.number)

    def _leave(self, link: EspLink) -> None:
        ends = link.local, link.place.address
        self._between[ends].remove(link.number)
        if not self._between[ends]:
            del self._between[ends]


def _spi(number: int) -> bytes:
    return number.to_bytes(4, "big")
