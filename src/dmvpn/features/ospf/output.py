"""The last steps of a packet out of the machine, and the first steps of one into it: groups, sealing, counting,
debug.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import Listen, SendIp, StopListening
from dmvpn.features.ospf import messages
from dmvpn.features.ospf.interface import ALL_DESIGNATED, ALL_ROUTERS, OspfInterface
from dmvpn.features.ospf.lsa import HEADER_LENGTH
from dmvpn.features.ospf.messages import LastKeyOver, NoValidKey
from dmvpn.features.ospf.model import AuthenticationType, NetworkType
from dmvpn.features.ospf.packet import CRYPTOGRAPHIC, PACKET_HEADER, Content, LinkStateUpdate, OspfPacket
from dmvpn.features.ospf.settings import key_of, sequence_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.notices import Log
    from dmvpn.features.ospf.interface import Neighbor
    from dmvpn.features.ospf.lsa import Lsa, LsaHeader
    from dmvpn.features.ospf.settings import DigestKey
    from dmvpn.features.ospf.state import State

PROTOCOL: Final = 89
_TTL: Final = 1
_SECURE_TTL: Final = 255  # no packet that came through a router has it, RFC 5082 §3
_FAR_TTL: Final = 64  # of packets that other routers forward to the end of a virtual link
_TOS: Final = 0xC0  # internetwork control, RFC 2328 §A.1
_IP_HEADER: Final = 20


@lru_cache(maxsize=64)
def parse(payload: bytes) -> OspfPacket:
    """Parse once for all recipients of the same multicast (`OspfPacket.parse`). Raises WireError."""
    return OspfPacket.parse(payload)


class Sender:
    """Seals and sends for one process. sent, received: packets by type. dropped: by reason."""

    def __init__(self, state: State) -> None:
        self.sent: Counter[int] = Counter()
        self.received: Counter[int] = Counter()
        self.dropped: Counter[str] = Counter()
        self._state = state
        self._context = state.context

    def listen(self, interface: OspfInterface) -> None:
        """Join the groups of an interface in its state, RFC 2328 §8.1."""
        wanted: tuple[IPv4Address, ...] = ()
        if interface.speaks and interface.far_end is None:
            wanted = (ALL_ROUTERS, ALL_DESIGNATED) if interface.leads else (ALL_ROUTERS,)
        before = interface.join(wanted)
        for group in wanted:
            if group not in before:
                self._context.emit(Listen(interface.name, PROTOCOL, group))
        for group in before:
            if group not in wanted:
                self._context.emit(StopListening(interface.name, PROTOCOL, group))

    def forget_counts(self) -> None:
        """Begin to count again."""
        for counter in (self.sent, self.received):
            counter.clear()
        self.dropped.clear()

    def send(self, interface: OspfInterface, destination: IPAddress, content: Content) -> None:
        """Send this, if the interface may."""
        if not interface.speaks:
            return
        packet = OspfPacket(router=self._state.router_id, area=interface.area.id, content=content)
        authentication = interface.settings.authentication
        if authentication.type is not AuthenticationType.CRYPTOGRAPHIC:
            self._order(interface, destination, packet, authentication.seal(packet, 0))
            return
        # Never smaller than before, after a restart neither: the clock, as IOS does.
        wall = int(self._context.ports.clock.wall(self._context.now).timestamp()) & 0xFFFFFFFF
        sequence = interface.next_sequence(wall)
        for key in self._keys(interface):
            self._order(interface, destination, packet, authentication.seal(packet, sequence, key))

    def _order(self, interface: OspfInterface, destination: IPAddress, packet: OspfPacket, payload: bytes) -> None:
        ttl = _SECURE_TTL if interface.settings.least_ttl else _TTL
        order = SendIp(interface.name, interface.address, destination, PROTOCOL, payload, ttl=ttl, tos=_TOS)
        if interface.far_end is not None:
            destination = interface.far_end.address
            order = SendIp(None, interface.address, destination, PROTOCOL, payload, ttl=_FAR_TTL, tos=_TOS)
        self._context.emit(order)
        self.sent[packet.content.TYPE] += 1
        debugging = self._context.ports.debugging
        if debugging.on(messages.PACKET, interface=interface.name):
            self._context.debug(messages.packet_line("sent", packet, interface.name, len(payload), destination))

    def _keys(self, interface: OspfInterface) -> tuple[DigestKey, ...]:
        """Return the keys of new packets: the youngest, and all while a neighbor still uses an older
        `message-digest-key`.

        So do neighbors roll keys over one after the other, as on IOS. Of a key chain one key seals at a time.
        """
        key, keys = self._key(interface), interface.settings.authentication.keys
        if key is None:
            return ()
        return keys if interface.with_old_keys and not interface.settings.authentication.chain else (key,)

    def _key(self, interface: OspfInterface) -> DigestKey | None:
        """Return the key of new packets; logs once that it has expired, or that none is valid yet, so that no packet is
        sent.
        """
        clock, now = self._context.ports.clock, self._context.now
        asked = interface.settings.authentication
        trouble: Log | None = None
        key = asked.sending(clock, now)
        if key is None:
            trouble = NoValidKey.of(self._state.number, interface.name, asked.chain)
        elif key.send is not None and key.send.is_over(clock, now):
            trouble = LastKeyOver.of(self._state.number, interface.name, asked.chain, key.number)
        if interface.suffer(trouble) and trouble is not None:
            self._context.emit(trouble)
        return key

    def everywhere(self, interface: OspfInterface, content: Content) -> None:
        """Send to all neighbors that are to know: by multicast, or to each alone where multicasts do not reach them."""
        if interface.settings.by_unicast:
            for neighbor in interface.told:
                self.send(interface, neighbor.address, content)
        else:
            elects, leads = interface.settings.elects, interface.leads
            self.send(interface, ALL_DESIGNATED if elects and not leads else ALL_ROUTERS, content)

    def to(self, neighbor: Neighbor, content: Content) -> None:
        """Send to one neighbor. Where there is only one, by multicast (RFC 2328 §8.1)."""
        interface = neighbor.interface
        alone = interface.settings.network is NetworkType.POINT_TO_POINT
        self.send(interface, ALL_ROUTERS if alone else neighbor.address, content)

    def tell(self, neighbor: Neighbor, lsas: list[Lsa]) -> None:
        """Send LSAs to one neighbor."""
        for part in self.portions(neighbor.interface, lsas):
            self.to(neighbor, part)

    def portions(self, interface: OspfInterface, lsas: list[Lsa]) -> Iterator[LinkStateUpdate]:
        """Yield as many updates as the advertisements need; an LSA that is too large for any packet is sent alone, in
        fragments.
        """
        room = self.room(interface) - 4
        portion: list[Lsa] = []
        used = 0
        for lsa in lsas:
            if portion and used + len(lsa.octets) > room:
                yield LinkStateUpdate(tuple(portion))
                portion, used = [], 0
            portion.append(lsa)
            used += len(lsa.octets)
        if portion:
            yield LinkStateUpdate(tuple(portion))

    def room(self, interface: OspfInterface) -> int:
        """Return octets of content that fit into one packet."""
        return interface.state.ip_mtu - _IP_HEADER - PACKET_HEADER - interface.settings.authentication.overhead

    def headers(self, interface: OspfInterface, reserved: int = 0) -> int:
        """Return how many LSA headers fit into one packet, after `reserved` octets."""
        return max(1, (self.room(interface) - reserved) // HEADER_LENGTH)

    def batches(self, interface: OspfInterface, headers: list[LsaHeader]) -> Iterator[tuple[LsaHeader, ...]]:
        """Yield headers in portions that fit."""
        step = self.headers(interface)
        for start in range(0, len(headers), step):
            yield tuple(headers[start : start + step])

    def note_received(self, packet: OspfPacket) -> None:
        """Count a packet that is taken."""
        self.received[packet.content.TYPE] += 1

    def drop(self, reason: str) -> None:
        """Count a packet that is not taken."""
        self.dropped[reason] += 1

    def is_replay(self, neighbor: Neighbor, packet: OspfPacket) -> bool:
        """Return whether the packet's sequence number is smaller than the last one; otherwise store it."""
        if packet.auth_type != CRYPTOGRAPHIC:
            return False
        return neighbor.is_replay(packet.content.TYPE, sequence_of(packet), key_of(packet))
