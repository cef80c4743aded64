"""BFD, asynchronous mode over one hop: RFC 5880, RFC 5881.

    WatchWanted ──> a session, if the interface has parameters ──> packets to UDP port 3784, TTL 255
    IpReceived  ──> is it a packet of a session? ──> its state ──> PathLost to its clients, PathWatched

Sessions are made for protocols of ours alone, never by a packet. The detection timer is not moved by each packet: when
it fires, the machine checks the time of the last packet and waits for the remaining time. A timer that fires late means
that the router did not read packets either, so packets waiting in the socket are read before the session is declared
down.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import ClassVar, Final

from dmvpn.base import notices
from dmvpn.base.addresses import IPAddress, is_link_local
from dmvpn.base.chronicle import Sign
from dmvpn.base.context import Context, Machine, Timer
from dmvpn.base.effects import Listen, SendIp, StopListening
from dmvpn.base.entropy import below, fraction
from dmvpn.base.errors import WireError
from dmvpn.base.events import Event, IpReceived, Packets, Resync
from dmvpn.base.limits import Limiter
from dmvpn.base.ports import Ports
from dmvpn.base.values import Value
from dmvpn.features.bfd import messages
from dmvpn.features.bfd.model import BfdConfig
from dmvpn.features.bfd.packet import ENDS, PEACEFUL, BfdState, ControlPacket, Drop, Dropped, SessionMove
from dmvpn.features.bfd.session import Seals, Session
from dmvpn.net.discovery import ALL_NODES
from dmvpn.net.ip import UdpDatagram


class ClearBfdCounters(Event, Value):
    """`clear bfd counters`."""


UDP: Final = 17
#: RFC 5881 §4: the port of packets, and the lowest source port.
PORT: Final = 3784
FIRST_SOURCE: Final = 49152
_SOURCES: Final = 0x10000 - FIRST_SOURCE
#: RFC 5881 §5: packets come from a neighbor, or are not taken.
TTL: Final = 255
TOS: Final = 0xC0
#: Packets come up to this part of their interval early, RFC 5880 §6.8.7.
_JITTER: Final = 0.25
#: Sessions of one router.
MOST_SESSIONS: Final = 10_000
_COMPLAINT_PAUSE: Final = 60.0

_Key = tuple[str, int]
#: By the version of IP, the group that says which one is heard: that of all nodes needs no joining.
_GROUPS: Final = {4: None, 6: ALL_NODES}


def _own(state: notices.InterfaceState | None, neighbor: IPAddress) -> IPAddress | None:
    """Return the address of an interface that a neighbor on its link hears from, RFC 5881 §4."""
    if state is None:
        return None
    return state.link_local(neighbor.version) if is_link_local(neighbor) else state.primary(neighbor.version)


class BfdMachine(Machine):
    """All sessions of a router."""

    subscriptions: ClassVar[tuple[type[Event] | type[notices.Notice] | Packets, ...]] = (
        Packets(UDP),
        notices.WatchWanted,
        notices.InterfaceChanged,
        Resync,
        ClearBfdCounters,
    )
    budget: ClassVar[int] = 64

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self.config = BfdConfig()
        self.sessions: dict[_Key, Session] = {}
        self.drops: Counter[Drop] = Counter()
        self.seals = Seals(ports, ())
        self._by_discriminator: dict[int, Session] = {}
        #: Watches on interfaces that have no address yet.
        self._waiting: dict[notices.WatchWanted, None] = {}
        self._handles = 0
        self._complaints: Limiter[str] = Limiter(_COMPLAINT_PAUSE, 1)

    def dispatch(self, event: Event | notices.Notice) -> None:
        """Hand an event to the sessions that it concerns."""
        match event:
            case IpReceived():
                self._receive(event)
            case notices.WatchWanted():
                self._want(event)
            case notices.InterfaceChanged():
                self._refresh(event.name)
                for watch in [one for one in self._waiting if one.interface == event.name]:
                    self._want(watch)
            case notices.Configured(model=BfdConfig() as config):
                self.config = config
                self.seals = Seals(self._context.ports, config.key_chains)
                for name in self._interfaces():
                    self._refresh(name)
            case ClearBfdCounters():
                self.drops.clear()
                for session in self.sessions.values():
                    session.clear_counters()
            case Resync():
                for name in self._interfaces():
                    self._listen(name)

    # ---------------------------------------------------------------------------------------------------- sessions

    def _want(self, watch: notices.WatchWanted) -> None:
        key = (watch.interface, int(watch.address))
        session = self.sessions.get(key)
        client = (watch.client, watch.process)
        self._waiting.pop(replace(watch, wanted=True), None)
        if not watch.wanted:
            if session is not None and session.leave(client):
                self._disable(session, watch.client.value)
            return
        session = session or self._create(watch)
        if session is None:
            self._waiting[watch] = None
            return
        if session.is_up:
            self._context.emit(notices.PathWatched(session.interface, session.address, up=True))
        if session.join(client):
            name = watch.client.value
            self._context.emit(messages.session_created(session.address, name, session.interface, session.handle))
            if session.state is BfdState.ADMIN_DOWN:
                session.move(SessionMove.ENABLED, self._context.now)
            self._refresh_session(session, self._state_of(session.interface))

    def _create(self, watch: notices.WatchWanted) -> Session | None:
        state = self._state_of(watch.interface)
        local = _own(state, watch.address)
        if local is None:
            return None
        now = self._context.now
        if len(self.sessions) >= MOST_SESSIONS:
            if self._complaints.permits(watch.interface, now):
                self._context.emit(messages.too_many_sessions(watch.address, watch.interface, MOST_SESSIONS))
            return None
        if watch.address.version not in self._versions(watch.interface):
            self._context.emit(Listen(watch.interface, UDP, _GROUPS[watch.address.version], PORT))
        self._handles += 1
        session = Session(
            interface=watch.interface,
            address=watch.address,
            local=local,
            handle=self._handles,
            discriminator=self._new_discriminator(),
            transmit_timer=Timer("send the next packet", lambda: self._transmit_due(session), watch.address),
            detect_timer=Timer("detection time, RFC 5880 §6.8.4", lambda: self._detect_due(session), watch.address),
            since=now,
        )
        self.sessions[watch.interface, int(watch.address)] = session
        self._by_discriminator[session.discriminator] = session
        return session

    def _listen(self, interface: str) -> None:
        """Receive packets of the versions of IP that its sessions have."""
        for version in self._versions(interface):
            self._context.emit(Listen(interface, UDP, _GROUPS[version], PORT))

    def _versions(self, interface: str) -> dict[int, None]:
        return dict.fromkeys(one.address.version for one in self.sessions.values() if one.interface == interface)

    def _new_discriminator(self) -> int:
        """Return an unpredictable discriminator, RFC 5880 §6.8.1."""
        while True:
            drawn = 1 + below(self._context.ports.entropy, 0xFFFFFFFF)
            if drawn not in self._by_discriminator:
                return drawn

    def _disable(self, session: Session, protocol: str) -> None:
        """Disable a session without clients: send AdminDown for as long as the far end could take silence for a failure
        (§6.8.16).
        """
        log = messages.session_destroyed(session.discriminator, session.address, protocol, session.handle)
        self._context.emit(log)
        if session.state not in (BfdState.INIT, BfdState.UP) or session.parameters is None:
            self._remove(session)
            return
        self._move(session, SessionMove.DISABLED)
        slowest = max(session.desired_tx, session.heard.required_rx if session.heard is not None else 0)
        self._context.start(session.detect_timer, session.multiplier * slowest / 1e6)

    def _remove(self, session: Session) -> None:
        del self.sessions[session.interface, int(session.address)]
        del self._by_discriminator[session.discriminator]
        self._context.retire(session.transmit_timer, session.detect_timer)
        if session.address.version not in self._versions(session.interface):
            self._context.emit(StopListening(session.interface, UDP, _GROUPS[session.address.version], PORT))
            self._listen(session.interface)  # to the other version, for which the port may be the same listener

    def _interfaces(self) -> dict[str, None]:
        """Return those with sessions, in order, each once."""
        return dict.fromkeys(session.interface for session in self.sessions.values())

    def _state_of(self, interface: str) -> notices.InterfaceState | None:
        return self._context.ports.interfaces.get(interface)

    def _refresh(self, interface: str) -> None:
        """Look at the interface again: its state or its configuration may be different."""
        state = self._state_of(interface)
        for session in [one for one in self.sessions.values() if one.interface == interface]:
            self._refresh_session(session, state)

    def _refresh_session(self, session: Session, state: notices.InterfaceState | None) -> None:
        local = _own(state, session.address) if state is not None and state.line else None
        parameters = self.config.parameters(session.interface) if local is not None else None
        if local is not None and parameters is None and session.is_up:
            session.configure(session.parameters, local)
            self._move(session, SessionMove.DISABLED)  # the far end must not take our silence for a failure
            session.move(SessionMove.ENABLED, self._context.now)
        session.configure(parameters, local)
        if parameters is None:
            if session.state is BfdState.ADMIN_DOWN:
                self._remove(session)
                return
            self._move(session, SessionMove.INTERRUPTED)
            session.forget_far_end()
            self._context.stop(session.transmit_timer)
            self._context.stop(session.detect_timer)
            return
        self._set_intervals(session)
        if not self._context.is_running(session.transmit_timer):
            self._context.start(session.transmit_timer, fraction(self._context.ports.entropy) * _JITTER)

    def _set_intervals(self, session: Session) -> None:
        """Send slowly until the session is up, RFC 5880 §6.8.3."""
        if session.parameters is None:
            return
        desired = session.parameters.interval
        if not session.is_up:
            desired = max(desired, self.config.slow_timer)
        session.set_intervals(desired * 1000, session.parameters.min_rx * 1000)

    # ----------------------------------------------------------------------------------------------------- packets

    def _receive(self, event: IpReceived) -> None:
        session = self.sessions.get((event.interface, int(event.source)))
        if int.from_bytes(event.payload[2:4], "big") != PORT:
            return
        if session is not None and event.ttl == TTL and session.octets == event.payload[8:] and session.octets:
            session.received.note(self._context.now)  # nothing new: by far the most frequent packet
            return
        try:
            self._take(self._parsed(event, session), event, session)
        except WireError as error:
            self.drops[error.drop if isinstance(error, Dropped) else Drop.HEADER] += 1
            if session is not None:
                session.refuse()
            if self._context.ports.debugging.on(messages.PACKET):
                said = messages.packet_line("Rx", event.source, event.interface, f"not taken: {error}")
                self._context.debug(said)

    def _parsed(self, event: IpReceived, session: Session | None) -> ControlPacket:
        """Return the packet, if this session may take it. Raises WireError."""
        if event.ttl != TTL:
            raise Dropped(Drop.TTL, f"TTL {event.ttl}", offset=0, clause="RFC 5881 §5")
        datagram = UdpDatagram.parse(event.payload, event.source, event.destination)
        packet = ControlPacket.parse(datagram.payload)
        if session is None or session.parameters is None:
            raise Dropped(Drop.SESSION, "a packet of no session", offset=0, clause="RFC 5880 §6.8.6")
        length = event.payload[8 + 3]
        self.seals.check(packet, bytes(datagram.payload[:length]), session, self._context.now)
        if packet.yours not in (0, session.discriminator):
            raise Dropped(Drop.DISCRIMINATOR, f"your discriminator {packet.yours}", offset=8, clause="RFC 5880 §6.8.6")
        return packet

    def _take(self, packet: ControlPacket, event: IpReceived, session: Session | None) -> None:
        if session is None:
            return
        now = self._context.now
        if self._context.ports.debugging.on(messages.PACKET):
            self._context.debug(messages.packet_line("Rx", event.source, event.interface, packet))
        before = session.transmit_interval
        move = session.hear(packet, event.payload[8:], now)
        if move is not None:
            self._move(session, move)
            patience, planned = session.detection_time, self._context.timers.when(session.detect_timer)
            if patience is not None and (planned is None or planned > now + patience):
                self._context.start(session.detect_timer, patience)  # so that silence is noticed
        if packet.poll and session.may_speak(now):
            self._send(session, final=True)
        if session.transmit_interval != before:
            self._hasten(session)

    def _hasten(self, session: Session) -> None:
        """Send the next packet not later than by the interval that holds now."""
        interval = session.transmit_interval
        if interval is None:
            self._context.stop(session.transmit_timer)
            return
        planned = self._context.timers.when(session.transmit_timer)
        due = self._paced(interval)
        if planned is None or planned > self._context.now + due:
            self._context.start(session.transmit_timer, due)

    def _paced(self, interval: float) -> float:
        return interval * (1.0 - _JITTER * fraction(self._context.ports.entropy))

    def _transmit_due(self, session: Session) -> None:
        interval = session.transmit_interval
        if interval is not None:
            self._context.start(session.transmit_timer, self._paced(interval))
            self._send(session)

    def _detect_due(self, session: Session) -> None:
        if session.state is BfdState.ADMIN_DOWN:
            self._remove(session)
        elif session.detection_time is not None:
            granted = session.expire(self._context.now)
            if granted is None:
                self._move(session, SessionMove.SILENT)
                self._hasten(session)  # what it last said may have been that it can receive nothing
            else:
                self._context.start(session.detect_timer, granted)

    def _send(self, session: Session, *, final: bool = False) -> None:
        packet = session.packet(final=final)
        octets = self.seals.sealed(packet, session, self._context.now)
        if octets is None:
            return
        source = FIRST_SOURCE + session.handle % _SOURCES
        datagram = UdpDatagram(source_port=source, destination_port=PORT, payload=octets)
        payload = datagram.serialize(session.local, session.address)
        order = SendIp(session.interface, session.local, session.address, UDP, payload, ttl=TTL, tos=TOS)
        self._context.emit(order)
        session.sent.note(self._context.now)
        if self._context.ports.debugging.on(messages.PACKET):
            self._context.debug(messages.packet_line("Tx", session.address, session.interface, packet))

    # ------------------------------------------------------------------------------------------------------- moves

    def _move(self, session: Session, move: SessionMove) -> None:
        """Make the move, and what follows from it."""
        old = session.move(move, self._context.now)
        new = session.state
        if new is old:
            return
        if self._context.ports.debugging.on(messages.EVENT):
            text = f"{old.word} -> {new.word}"
            self._context.debug(messages.event_line(session.address, session.interface, text))
        if BfdState.UP in (old, new) and (move is SessionMove.INTERRUPTED or move not in PEACEFUL):
            self._context.emit(notices.PathWatched(session.interface, session.address, up=session.is_up))
        if new is BfdState.UP:
            self._context.emit(messages.session_up(session.discriminator, session.handle))
            self._context.tell_of_neighbor(Sign.CAME, session.address, session.interface, "BFD: up")
        elif old is BfdState.UP:
            _, why = ENDS[move]
            self._context.emit(messages.session_down(session.discriminator, session.handle, why))
            self._context.tell_of_neighbor(Sign.WENT, session.address, session.interface, f"BFD: {why}")
            if move not in PEACEFUL:
                clients = tuple(session.clients)
                self._context.emit(notices.PathLost(notices.Witness.BFD, session.interface, session.address, clients))
        self._set_intervals(session)
        if session.parameters is not None and session.may_speak(self._context.now):
            self._send(session)
            self._hasten(session)
