"""The last steps of a packet out of the machine, and the first steps of one into it: groups, sealing, counting, debug.

    Sender           every packet that leaves
    Complaints       refused packets: counters, and at most one log message a minute for each interface
    Descriptions     our side of an exchange: it begins, our descriptions leave, and it is forgotten; §10.6, §10.8
    Retransmission   unanswered descriptions, requests and LSAs; RFC 2328 §10.8, §10.9, §13.6

Of the LSAs that are overdue, as many as one packet holds leave at once, and the next packet follows after a short pause
(`timers pacing retransmission` of IOS, 66 ms): a neighbor that missed hundreds is not buried in packets, and no event
takes long.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.context import Context
from dmvpn.base.effects import Listen, SendIp, StopListening
from dmvpn.base.entropy import below
from dmvpn.base.limits import Limiter
from dmvpn.base.notices import Log
from dmvpn.features.ospf import messages, version3
from dmvpn.features.ospf.interface import Neighbor, OspfInterface
from dmvpn.features.ospf.lsa import HEADER_LENGTH, Lsa, LsaHeader, Options
from dmvpn.features.ospf.messages import RETRANSMISSION, bad_packet, last_key_over, no_valid_key, repeated_line
from dmvpn.features.ospf.model import TRAILER, AuthenticationType, NetworkType
from dmvpn.features.ospf.neighbor import NeighborState
from dmvpn.features.ospf.packet import (
    CRYPTOGRAPHIC,
    Content,
    Description,
    DescriptionFlag,
    LinkStateRequest,
    LinkStateUpdate,
    OspfPacket,
)
from dmvpn.features.ospf.settings import DigestKey, key_of, sequence_of
from dmvpn.features.ospf.state import State

# ------------------------------------------------------------------------------------------------ packets


PROTOCOL: Final = 89
_TTL: Final = 1
_SECURE_TTL: Final = 255  # no packet that came through a router has it, RFC 5082 §3
_FAR_TTL: Final = 64  # of packets that other routers forward to the end of a virtual link
_TOS: Final = 0xC0  # internetwork control, RFC 2328 §A.1


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
        wanted: tuple[IPAddress, ...] = ()
        if interface.speaks and interface.far_end is None:
            family = self._state.family
            wanted = (family.routers, family.designated) if interface.leads else (family.routers,)
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
        instance = interface.settings.instance
        packet = OspfPacket(router=self._state.router_id, area=interface.area.id, content=content, instance=instance)
        authentication = interface.settings.authentication
        seal = authentication.seal
        if interface.link is not None:
            own = interface.address
            seal = partial(seal, sender=own, serialize=partial(version3.serialize, source=own, destination=destination))
        if authentication.type is not AuthenticationType.CRYPTOGRAPHIC:
            self._order(interface, destination, packet, seal(packet, 0))
            return
        # Never smaller than before, after a restart neither: the clock, as IOS does.
        wall = int(self._context.ports.clock.wall(self._context.now).timestamp()) & 0xFFFFFFFF
        sequence = interface.next_sequence(wall)
        for key in self._keys(interface):
            self._order(interface, destination, packet, seal(packet, sequence, key))

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
            trouble = no_valid_key(self._state.number, interface.name, asked.chain)
        elif key.send is not None and key.send.is_over(clock, now):
            trouble = last_key_over(self._state.number, interface.name, asked.chain, key.number)
        if interface.suffer(trouble) and trouble is not None:
            self._context.emit(trouble)
        return key

    def everywhere(self, interface: OspfInterface, content: Content) -> None:
        """Send to all neighbors that are to know: by multicast, or to each alone where multicasts do not reach them."""
        if interface.settings.by_unicast:
            for neighbor in interface.lsa_receivers:
                self.send(interface, neighbor.address, content)
        else:
            elects, leads = interface.settings.elects, interface.leads
            family = self._state.family
            self.send(interface, family.designated if elects and not leads else family.routers, content)

    def to(self, neighbor: Neighbor, content: Content) -> None:
        """Send to one neighbor. Where there is only one, by multicast (RFC 2328 §8.1)."""
        interface = neighbor.interface
        alone = interface.settings.network is NetworkType.POINT_TO_POINT
        self.send(interface, self._state.family.routers if alone else neighbor.address, content)

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
        overhead = interface.settings.authentication.overhead
        if overhead and interface.link is not None:
            overhead += TRAILER.size
        return interface.mtu - self._state.family.header - overhead

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
        """Return whether the packet has an old sequence number; otherwise store it."""
        if packet.auth_type != CRYPTOGRAPHIC:
            return False
        return neighbor.is_replay(packet.content.TYPE, sequence_of(packet), key_of(packet))


# ------------------------------------------------------------------------------------------------ refused packets


#: Seconds between two log messages about bad packets of one interface, and how many there are in that time of all.
_COMPLAINT_PAUSE: Final = 60.0
_COMPLAINT_BURST: Final = 1024


class Complaints:
    """Complains for one process."""

    def __init__(self, context: Context, sender: Sender) -> None:
        self._context = context
        self._sender = sender
        self._complained: Limiter[str] = Limiter(_COMPLAINT_PAUSE, _COMPLAINT_BURST)

    def refuse(self, interface: OspfInterface, source: IPAddress, reason: str, what: str) -> None:
        """Count a refused packet, and log it at most once a minute."""
        self._sender.drop(reason)
        self.complain(interface, bad_packet(what, source, interface.name))

    def complain(self, interface: OspfInterface, log: Log) -> None:
        """Log this unless something was logged of the interface in the last minute."""
        if self._complained.permits(interface.name, self._context.now):
            self._context.emit(log)


# ----------------------------------------------------------------------------------------- descriptions of our database


_BEGIN: Final = int(DescriptionFlag.INIT | DescriptionFlag.MORE | DescriptionFlag.MASTER)
#: Octets of a description before its headers.
_FIXED: Final = 8


class Descriptions:
    """Describes our database to the neighbors of one process."""

    def __init__(self, state: State, sender: Sender) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender

    def begin(self, neighbor: Neighbor) -> None:
        """Begin in EXSTART: claim to lead. The first number is a new one each time, so that no old description fits."""
        neighbor.begin_talk(below(self._context.ports.entropy, 1 << 31))
        self._describe(neighbor, _BEGIN)
        self._context.start(neighbor.retransmit_timer, neighbor.interface.settings.retransmit_interval)

    def forget_neighbor(self, neighbor: Neighbor) -> None:
        """Forget the talk, which is over; its unacknowledged LSAs are dropped."""
        self._context.stop(neighbor.retransmit_timer)
        neighbor.end_talk()

    def describe_next(self, neighbor: Neighbor) -> None:
        """Describe the next part of our database, as much as a packet holds."""
        portion, flags = neighbor.talk.portion(self._sender.headers(neighbor.interface, _FIXED))
        self._describe(neighbor, int(flags), portion)

    def say_again(self, neighbor: Neighbor) -> None:
        """Say the last description again to a neighbor that leads: it has not received the description."""
        description = neighbor.description
        if not neighbor.talk.leads and description is not None:
            self._sender.to(neighbor, description)

    def debug(self, neighbor: Neighbor, text: str) -> None:
        """Print a line of `debug ip ospf adj` about the exchange."""
        name = neighbor.interface.name
        if self._context.ports.debugging.on(messages.ADJACENCY, interface=name):
            self._context.debug(messages.line(self._state.number, name, text))

    def _describe(self, neighbor: Neighbor, flags: int, headers: tuple[LsaHeader, ...] = ()) -> None:
        description = Description(
            mtu=neighbor.interface.described_mtu,
            options=int(neighbor.interface.area.options | Options.OPAQUE),
            flags=flags,
            sequence=neighbor.talk.sequence,
            headers=headers,
        )
        neighbor.talk.say(description)
        self._sender.to(neighbor, description)
        self.debug(
            neighbor, f"Send DBD to {neighbor.router} seq 0x{description.sequence:X} flag 0x{description.flags:X}"
        )


# ------------------------------------------------------------------------------------------------ unanswered packets


#: Intervals in which something is sent again to a neighbor that answers nothing; then it is given up, as by IOS.
_MOST_REPETITIONS: Final = 25
#: Seconds between two packets of retransmitted LSAs to one neighbor.
_PACING: Final = 0.066
_TALKING: Final = (NeighborState.EX_START, NeighborState.EXCHANGE, NeighborState.LOADING)


class Retransmission:
    """Repeats packets that the neighbors of one process have not answered."""

    def __init__(self, state: State, sender: Sender) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender

    def owe(self, neighbor: Neighbor, lsa: Lsa) -> None:
        """Note that this LSA was sent to the neighbor, which must acknowledge it."""
        neighbor.waiting.owe(lsa, self._context.now)
        self.await_answer(neighbor)

    def settle(self, neighbor: Neighbor, header: LsaHeader) -> bool:
        """Return whether this header acknowledges an LSA that awaits acknowledgment; then it is not retransmitted."""
        if not neighbor.waiting.acknowledge(header):
            return False
        neighbor.answer()
        if not neighbor.waiting and not _is_talking(neighbor):
            self._context.stop(neighbor.retransmit_timer)
        return True

    def await_answer(self, neighbor: Neighbor, seconds: float | None = None) -> None:
        """Check for outstanding answers after the retransmit interval, or after the given number of seconds."""
        if self._context.is_running(neighbor.retransmit_timer):
            return
        if neighbor.waiting or _is_talking(neighbor):
            interval = neighbor.interface.settings.retransmit_interval
            self._context.start(neighbor.retransmit_timer, interval if seconds is None else seconds)

    def repeat(self, neighbor: Neighbor) -> bool:
        """Retransmit packets that the neighbor has not answered for the retransmit interval.

        Returns False if the neighbor has not answered for so long that it is given up.
        """
        now, interval = self._context.now, neighbor.interface.settings.retransmit_interval
        # The last description and the last request, if they wait for an answer.
        talk, description = neighbor.talk, neighbor.description
        leads = neighbor.state is NeighborState.EXCHANGE and talk.leads
        describes = leads or neighbor.state is NeighborState.EX_START
        if describes and description is not None:
            self._sender.to(neighbor, description)
        if talk.asked:
            self._sender.to(neighbor, LinkStateRequest(tuple(talk.asked)))
        # One packet full of overdue LSAs.
        overdue = neighbor.waiting.overdue(now - interval, self._sender.room(neighbor.interface) - 4)
        for lsa in overdue:
            neighbor.waiting.owe(lsa, self._context.now)
        if overdue and self._context.ports.debugging.on(RETRANSMISSION):
            line = repeated_line(self._state.number, neighbor.router, neighbor.interface.name, len(overdue))
            self._context.debug(line)
        self._sender.tell(neighbor, [self._state.outgoing(lsa, neighbor.interface) for lsa in overdue])
        repeated = (describes and description is not None) or bool(talk.asked) or bool(overdue)
        if repeated or neighbor.must_go_on:
            neighbor.wait(now, interval, repeated=repeated)
        if neighbor.unanswered > _MOST_REPETITIONS:
            return False
        oldest = next((sent for _, sent in neighbor.waiting.values()), now)
        self.await_answer(neighbor, max(oldest + interval - now, _PACING))
        return True


def _is_talking(neighbor: Neighbor) -> bool:
    return bool(neighbor.talk.asked) or neighbor.state in _TALKING
