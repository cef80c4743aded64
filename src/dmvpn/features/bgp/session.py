"""One connection to a peer, from its first octet to its last: RFC 4271 §8, and §6 for errors.

    StreamUp, StreamData ──> Session ──> OPEN, KEEPALIVE, NOTIFICATION ──> outbox
                                │
                                └──> updates and refreshes for the peer, once it is established

A session begins with our OPEN and the checks of the peer's; both support what both OPENs have. A peer may have two
sessions for a moment, each opened by one end; `Peer` closes one (§6.8). `MOVES` are the state transitions of a session
(§8.2.2). An invalid message is answered by the NOTIFICATION that the clause names, and the session ends; a damaged
UPDATE only costs its routes (RFC 7606), which `AdjRibIn` handles.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.context import Context, Timer
from dmvpn.base.streams import SEND_LIMIT, StreamClose, StreamPause, StreamSend, StreamSign, StreamUp
from dmvpn.base.values import Mutable, Value
from dmvpn.features.bgp import messages, packet
from dmvpn.features.bgp.attributes import check_known
from dmvpn.features.bgp.families import EXTENDED, IPV4, Family, parts
from dmvpn.features.bgp.model import ONE_PATH, Additional
from dmvpn.features.bgp.packet import (
    IPV4_KEY,
    VERSION,
    Capability,
    CapabilityValue,
    Cease,
    ErrorCode,
    MessageError,
    Notification,
    Open,
    OpenError,
    Restart,
    hard,
)

# ------------------------------------------------------------------------------------------------ states


class SessionState(enum.Enum):
    """RFC 4271 §8.2.2, in the words of `show ip bgp summary`. A peer without any session is Idle or Active."""

    IDLE = "Idle"
    CONNECT = "Connect"
    OPEN_SENT = "OpenSent"
    OPEN_CONFIRM = "OpenConfirm"
    ESTABLISHED = "Established"


class SessionMove(enum.Enum):
    """Events of a session."""

    CALLS = "we open a connection"
    CONNECTED = "there is a connection, opened by either end: our OPEN goes out"
    OPENED = "an acceptable OPEN came: a KEEPALIVE goes out"
    KEPT = "a KEEPALIVE came"
    TOLD = "an UPDATE or a ROUTE-REFRESH came"
    ENDED = "the connection is lost, a timer ran out, there was an error, or the session is ended on purpose"


_S, _M = SessionState, SessionMove
#: Every legal transition. A message that causes another one is answered by a state machine error NOTIFICATION.
MOVES: Final[dict[tuple[SessionState, SessionMove], SessionState]] = {
    (_S.IDLE, _M.CALLS): _S.CONNECT,
    (_S.IDLE, _M.CONNECTED): _S.OPEN_SENT,
    (_S.CONNECT, _M.CONNECTED): _S.OPEN_SENT,
    (_S.CONNECT, _M.ENDED): _S.IDLE,
    (_S.OPEN_SENT, _M.OPENED): _S.OPEN_CONFIRM,
    (_S.OPEN_SENT, _M.ENDED): _S.IDLE,
    (_S.OPEN_CONFIRM, _M.KEPT): _S.ESTABLISHED,
    (_S.OPEN_CONFIRM, _M.ENDED): _S.IDLE,
    (_S.ESTABLISHED, _M.KEPT): _S.ESTABLISHED,
    (_S.ESTABLISHED, _M.TOLD): _S.ESTABLISHED,
    (_S.ESTABLISHED, _M.ENDED): _S.IDLE,
}


# ------------------------------------------------------------------------------------------------ OPEN


class OpenParameters(Value, kw_only=True):
    """Parameters of our OPEN to one peer, and requirements for its OPEN. hold_time, keepalive: seconds.

    marks_refreshes: we support Enhanced Route Refresh (RFC 7313).
    least_hold_time: a smaller hold time of the peer is refused.
    restart: our graceful restart capability; None: not sent.
    families: the families that we offer, each with whether we receive and send several paths to a prefix.
    alternates: further AS numbers that the peer may be in.
    extended: we take next hops of IPv6 for routes of IPv4 (RFC 8950).
    """

    local_as: int
    remote_as: int
    router_id: IPv4Address
    hold_time: int
    keepalive: int
    marks_refreshes: bool = True
    least_hold_time: int = 0
    restart: Restart | None = None
    families: tuple[tuple[Family, Additional], ...] = ((IPV4, ONE_PATH),)
    alternates: tuple[int, ...] = ()
    extended: bool = False

    def open(self) -> Open:
        """Return our OPEN."""
        ways = b"".join(
            family.key + bytes((one.receives + 2 * one.sends,)) for family, one in self.families if one != ONE_PATH
        )
        return Open.with_capabilities(
            self.local_as,
            self.hold_time,
            self.router_id,
            (
                *(family.capability for family, _ in self.families),
                *((EXTENDED,) if self.extended else ()),
                CapabilityValue(Capability.OLD_ROUTE_REFRESH),
                CapabilityValue(Capability.ROUTE_REFRESH),
                CapabilityValue(Capability.FOUR_OCTET_AS, self.local_as.to_bytes(4, "big")),
                *((CapabilityValue(Capability.ADDITIONAL_PATHS, ways),) if ways else ()),
                *((CapabilityValue(Capability.ENHANCED_REFRESH),) if self.marks_refreshes else ()),
                *((self.restart.capability(),) if self.restart is not None else ()),
            ),
        )

    def check(self, message: Open) -> None:
        """Check the OPEN of the peer, RFC 4271 §6.2. Raises MessageError."""
        if message.version != VERSION:
            raise _refused("version", OpenError.UNSUPPORTED_VERSION, VERSION.to_bytes(2, "big"))
        remote_as = message.real_autonomous_system
        if remote_as not in (self.remote_as, *self.alternates):
            data = message.autonomous_system.to_bytes(2, "big")
            raise _refused("autonomous system", OpenError.BAD_PEER_AS, data)
        is_internal = remote_as == self.local_as
        if not int(message.identifier) or (is_internal and message.identifier == self.router_id):
            raise _refused("identifier", OpenError.BAD_IDENTIFIER, message.identifier.packed)
        if message.hold_time in (1, 2) or message.hold_time < self.least_hold_time:
            raise _refused("hold time", OpenError.UNACCEPTABLE_HOLD_TIME)
        if not agreed(self.families, message):
            wanted = b"".join(family.capability.serialize() for family, _ in self.families)
            raise _refused("address family", OpenError.UNSUPPORTED_CAPABILITY, wanted)


def agreed(own: tuple[tuple[Family, Additional], ...], received: Open) -> dict[bytes, Additional]:
    """Return the families of a session by key: what both ends offer, with the directions in which path
    identifiers are used: where one end sends them and the other receives them. An end that names no family has IPv4.
    """
    offered = [one for one in received.capabilities if one.code == Capability.MULTIPROTOCOL]
    ways = _additional_of(received)
    return {
        family.key: Additional(
            sends=mine.sends and ways.get(family.key) in (1, 3),
            receives=mine.receives and ways.get(family.key) in (2, 3),
        )
        for family, mine in own
        if (family.capability in offered if offered else family is IPV4)
    }


def _additional_of(received: Open) -> dict[bytes, int]:
    """Return the ADD-PATH support of an OPEN by family, RFC 7911 §4."""
    found = received.capability(Capability.ADDITIONAL_PATHS)
    if found is None or len(found.value) % 4:
        return {}
    return {found.value[at : at + 3]: found.value[at + 3] for at in range(0, len(found.value), 4)}


def _takes_extended(received: Open) -> bool:
    """Return whether an OPEN offers next hops of IPv6 for routes of IPv4 unicast, RFC 8950 §4."""
    found, size = received.capability(Capability.EXTENDED_NEXT_HOP), len(EXTENDED.value)
    values = found.value if found is not None else b""
    return EXTENDED.value in (values[at : at + size] for at in range(0, len(values), size))


def _refused(what: str, subcode: OpenError, data: bytes = b"") -> MessageError:
    return MessageError(
        f"OPEN with another {what}", code=ErrorCode.OPEN, subcode=subcode, clause="RFC 4271 §6.2", data=data
    )


# ------------------------------------------------------------------------------------------------ the session


#: Seconds to wait for the OPEN of a peer, RFC 4271 §8.2.2: "a large value".
OPEN_HOLD_TIME: Final = 240.0
#: Minimum seconds for which a peer may read nothing before its session ends: RFC 9687 §6. Twice the hold time, if that
#: is longer.
SEND_HOLD_TIME: Final = 480.0
#: Seconds to wait for an outgoing connection before it is tried again.
CALL_TIME: Final = 30.0
#: Reason for the end of a session whose peer may be restarting, in IOS's words.
RESTARTED: Final = "NSF peer closed the session"


class Ending(Value):
    """How a session ended. by: "sent" or "received": the direction of its NOTIFICATION; "stuck": ours could not be
    sent; "":
    there was none. reason: IOS's words after `Down`.

    is_lost: the connection was lost; we did not close it.
    """

    reason: str
    by: str = ""
    notification: Notification | None = None
    is_lost: bool = False


class MessageCounts(Mutable):
    """Messages by type, sent and received."""

    opens: list[int]
    updates: list[int]
    notifications: list[int]
    keepalives: list[int]
    refreshes: list[int]

    @classmethod
    def none(cls) -> MessageCounts:
        """Return counters that are all zero."""
        return cls([0, 0], [0, 0], [0, 0], [0, 0], [0, 0])

    def count(self, message: packet.Message, *, received: bool) -> None:
        """Count one message."""
        match message:
            case packet.Open():
                self.opens[received] += 1
            case packet.Update():
                self.updates[received] += 1
            case Notification():
                self.notifications[received] += 1
            case packet.Keepalive():
                self.keepalives[received] += 1
            case packet.RouteRefresh():
                self.refreshes[received] += 1

    def total(self, *, received: bool) -> int:
        """Return the sum of all messages."""
        kinds = (self.opens, self.updates, self.notifications, self.keepalives, self.refreshes)
        return sum(kind[received] for kind in kinds)


class Session:
    """One connection. `take` yields the messages that the peer has to handle.

    families: those of both ends, by key: whether path identifiers are used in routes that we send and that we receive.
    is_extended: next hops of IPv4 routes may be addresses of IPv6.
    is_paused: we read nothing of the peer for now, and it counts as heard.
    """

    def __init__(
        self,
        stream: int,
        identity: OpenParameters,
        peer: IPAddress,
        counts: MessageCounts,
        context: Context,
        ended: Callable[[Session], None],
    ) -> None:
        """ended: receives the session once, when it has ended."""
        self.stream = stream
        self.identity = identity
        self.state = SessionState.IDLE
        self.taken = False
        self.up: StreamUp | None = None
        self.peer_open: packet.Open | None = None
        self.families: dict[bytes, Additional] = {}
        self.is_extended = False
        self._numbered: dict[bytes, bool] = {}
        self._is_numbered = False  # of IPv4 unicast, which has fields of its own
        self.ending: Ending | None = None
        self.hold_time = 0
        self.keepalive = 0
        self.last_read = self.last_write = 0.0
        self._peer = peer
        self._counts = counts
        self._context = context
        self._ended = ended
        self._call_timer = Timer("give up a connection that the neighbor has not answered", self._give_up, peer)
        self._hold_timer = Timer("hold time, RFC 4271 §6.5", self._not_heard, peer)
        self._keepalive_timer = Timer("send the next KEEPALIVE", self._keep_alive, peer)
        self._send_hold_timer = Timer("end a session whose neighbor reads nothing, RFC 9687", self._not_read, peer)
        self.was_established = False
        self.is_paused = False
        self._buffer = bytearray()
        self._sent = 0

    # ---------------------------------------------------------------------------------------------------- facts

    def connect(self) -> None:
        """Note that we open the connection."""
        self._move(SessionMove.CALLS)
        self._context.start(self._call_timer, CALL_TIME)

    def connected(self, up: StreamUp) -> None:
        """Note that the connection is up, and send our OPEN."""
        self._move(SessionMove.CONNECTED)
        self.up, self.taken = up, up.taken
        self.last_read = self._context.now
        self._context.stop(self._call_timer)
        self._context.start(self._hold_timer, OPEN_HOLD_TIME)
        self._send(self.identity.open())

    def take(self, octets: bytes) -> Iterator[packet.Update | packet.RouteRefresh]:
        """Handle received octets. Yields the updates and refreshes of an established peer; `state` and `ending` show
        the rest.
        """
        if self.ending is not None:
            return
        self._buffer += octets
        try:
            for data in packet.split(self._buffer):
                message = packet.parse(data, numbered=self._is_numbered)
                self._counts.count(message, received=True)
                self._trace_message(message, "rcv")
                self.last_read = self._context.now
                taken = self._take(message)
                if taken is not None and self._numbered and isinstance(taken, packet.Update):
                    yield from parts(taken, self._numbered, extended=self.is_extended)
                elif taken is not None:
                    yield taken
                if self.ending is not None:
                    return
        except MessageError as error:
            self.fail(error)

    def writable(self) -> None:
        """Note that the peer has read everything."""
        self._sent = 0
        self._context.stop(self._send_hold_timer)

    def blocked(self) -> None:
        """Note that the peer reads nothing, or not everything.

        A session whose negotiated hold time is 0 has no send hold timer, RFC 9687 §3.3; before the OPEN of the peer
        nothing is negotiated.
        """
        if self.ending is None and (self.hold_time or self.peer_open is None):
            self._context.start(self._send_hold_timer, self.send_hold_time)

    @property
    def stuck_until(self) -> float | None:
        """When the session ends because the peer reads nothing, seconds monotonic; None: the peer reads."""
        return self._context.timers.when(self._send_hold_timer)

    # --------------------------------------------------------------------------------------------------- orders

    @property
    def is_established(self) -> bool:
        """Whether updates may be sent."""
        return self.state is SessionState.ESTABLISHED

    @property
    def send_hold_time(self) -> float:
        """Seconds for which the peer may read nothing, RFC 9687 §6."""
        return max(SEND_HOLD_TIME, 2.0 * self.hold_time)

    @property
    def room(self) -> int:
        """Octets of updates that may be sent now; some room is kept for keepalives."""
        return SEND_LIMIT - 4096 - self._sent

    @property
    def wide(self) -> bool:
        """Whether both ends support four-octet AS numbers."""
        return self.peer_open is not None and self.peer_open.capability(packet.Capability.FOUR_OCTET_AS) is not None

    @property
    def refreshes(self) -> bool:
        """Whether the peer supports route refresh."""
        return self.peer_open is not None and self.peer_open.capability(packet.Capability.ROUTE_REFRESH) is not None

    @property
    def marks_refreshes(self) -> bool:
        """Whether both ends mark the beginning and end of a refresh (RFC 7313)."""
        known = self.peer_open is not None and self.peer_open.capability(packet.Capability.ENHANCED_REFRESH) is not None
        return known and self.identity.marks_refreshes

    @property
    def restart(self) -> Restart | None:
        """The graceful restart capability of the peer (RFC 4724); None: one of the two ends does not send it."""
        if self.peer_open is None or self.identity.restart is None:
            return None
        return Restart.of(self.peer_open)

    def send(self, message: packet.RouteRefresh) -> None:
        """Send a request to an established peer."""
        self._send(message)

    def send_updates(self, octets: bytes, updates: int) -> None:
        """Send encoded UPDATEs to an established peer. updates: how many there are."""
        self._counts.updates[False] += updates
        self._sent += len(octets)
        self.last_write = self._context.now
        self._context.emit(StreamSend(self.stream, octets))

    def fail(self, error: MessageError) -> None:
        """End the session because the peer sent an invalid message."""
        notification = Notification(error.code, error.subcode, error.data)
        self.notify(notification, "BGP Notification sent")

    def notify(self, notification: Notification, reason: str) -> None:
        """End the session with a NOTIFICATION."""
        if self.up is not None:
            is_final = notification.code == ErrorCode.CEASE and self.is_established
            is_hard = is_final and self.restart is not None and self.restart.notifies
            self._send(hard(notification) if is_hard else notification)
        self._context.emit(StreamClose(self.stream, abort=self.up is None))
        self.end(Ending(reason, "sent" if self.up is not None else "", notification))

    def give_way(self) -> None:
        """Give way to a new connection of a peer that lost this one in its restart: RFC 4724 §4.2."""
        self._context.emit(StreamClose(self.stream, abort=True))
        self.end(Ending(RESTARTED, is_lost=True))

    def pause(self) -> None:
        """Read nothing of the peer for now: its KEEPALIVEs wait with the rest, so the hold time does not run."""
        self._context.stop(self._hold_timer)
        if not self.is_paused:
            self.is_paused = True
            self._context.emit(StreamPause(self.stream, paused=True))

    def go_on(self) -> None:
        """Read again, as if the peer had been heard just now."""
        self.is_paused = False
        self._context.emit(StreamPause(self.stream, paused=False))
        self._arm_hold()

    def sign(self, password: str) -> None:
        """Change the TCP MD5 password: the hold time expires for a peer that does not change it, too."""
        self._context.emit(StreamSign(self.stream, password))

    def end(self, ending: Ending) -> None:
        """End the session."""
        if self.ending is None:
            self._move(SessionMove.ENDED)
            self.ending = ending
            self._context.retire(self._call_timer, self._hold_timer, self._keepalive_timer, self._send_hold_timer)
            self._ended(self)

    # -------------------------------------------------------------------------------------------------- private

    def _take(self, message: packet.Message) -> packet.Update | packet.RouteRefresh | None:
        """Handle a message; return it if it carries or requests routes. Raises MessageError."""
        match message:
            case Notification():
                self._context.emit(StreamClose(self.stream))
                self.end(Ending("BGP Notification received", "received", message))
            case packet.Open():
                self._expect(SessionMove.OPENED)
                self._opened(message)
            case packet.Keepalive():
                self._expect(SessionMove.KEPT)
                self._move(SessionMove.KEPT)
                self._arm_hold()
            case packet.Update() | packet.RouteRefresh():
                self._expect(SessionMove.TOLD)
                self._move(SessionMove.TOLD)
                self._arm_hold()
                if isinstance(message, packet.Update):
                    check_known(message.attributes)
                return message
        return None

    def _opened(self, message: packet.Open) -> None:
        """Handle the OPEN of the peer. Raises MessageError."""
        self.identity.check(message)
        self.identity = replace(self.identity, remote_as=message.real_autonomous_system)
        self.peer_open, self.families = message, agreed(self.identity.families, message)
        ways = {key: one.receives for key, one in self.families.items()}
        self.is_extended = self.identity.extended and IPV4_KEY in ways and _takes_extended(message)
        self._is_numbered = ways.get(IPV4_KEY, False)
        self._numbered = ways if self.is_extended or [*ways] != [IPV4_KEY] else {}
        self.hold_time = min(message.hold_time, self.identity.hold_time)
        self.keepalive = min(self.identity.keepalive, self.hold_time // 3) if self.hold_time else 0
        self._move(SessionMove.OPENED)
        if not self.hold_time:
            self._context.stop(self._send_hold_timer)
        self._keep_alive()
        self._arm_hold()

    def _expect(self, move: SessionMove) -> None:
        """Check that this message is allowed in the present state: RFC 6608. Raises MessageError."""
        if (self.state, move) not in MOVES:
            subcodes = {SessionState.OPEN_SENT: 1, SessionState.OPEN_CONFIRM: 2, SessionState.ESTABLISHED: 3}
            raise MessageError(
                f"a message that does not belong into {self.state.value}",
                code=ErrorCode.STATE_MACHINE,
                subcode=subcodes.get(self.state, 0),
                clause="RFC 6608 §4",
            )

    def _move(self, move: SessionMove) -> None:
        before, self.state = self.state, MOVES[self.state, move]
        if before is not self.state and self._traces(messages.BGP):
            self._trace(f"went from {before.value} to {self.state.value}")
        self.was_established |= self.is_established

    def _send(self, message: packet.Message) -> None:
        octets = packet.serialize(message)
        self._trace_message(message, "send")
        self._counts.count(message, received=False)
        self._sent += len(octets)
        self.last_write = self._context.now
        self._context.emit(StreamSend(self.stream, octets))

    def _traces(self, flag: str) -> bool:
        return self._context.ports.debugging.on(flag, address=self._peer)

    def _trace(self, text: str) -> None:
        self._context.debug(f"BGP: {self._peer} {text}")

    def _trace_message(self, message: packet.Message, way: str) -> None:
        if not self._traces(messages.KEEPALIVES if isinstance(message, packet.Keepalive) else messages.BGP):
            return
        match message:
            case packet.Open():
                said = f"version {message.version}, my as: {message.real_autonomous_system}"
                self._trace(f"{way} OPEN, {said}, holdtime {message.hold_time} seconds")
            case packet.Keepalive():
                self._trace(f"{way} KEEPALIVE")
            case Notification():
                codes = f"{message.code}/{message.subcode}"
                self._trace(f"{way} NOTIFICATION {codes} ({messages.words_of(message)})")
            case packet.RouteRefresh():
                self._trace(f"{way} REFRESH_REQ for afi/safi: {message.family}/{message.subsequent}")

    # --------------------------------------------------------------------------------------------------- timers

    def _arm_hold(self) -> None:
        """Arm the hold timer. With hold time 0, only an established peer may be silent forever."""
        if self.hold_time:
            self._context.start(self._hold_timer, self.hold_time)
        elif self.is_established:
            self._context.stop(self._hold_timer)

    def _keep_alive(self) -> None:
        self._send(packet.Keepalive())
        if self.keepalive:
            self._context.start(self._keepalive_timer, self.keepalive)

    def _give_up(self) -> None:
        """Give up an outgoing connection that was not answered."""
        self._context.emit(StreamClose(self.stream, abort=True))
        self.end(Ending("no answer"))

    def _not_heard(self) -> None:
        """End the session because the hold time expired."""
        self.notify(Notification(ErrorCode.HOLD_TIME), "BGP Notification sent")

    def _not_read(self) -> None:
        """End the session because the peer has read nothing for too long, RFC 9687 §6."""
        self._context.emit(StreamClose(self.stream, abort=True))
        self.end(Ending("send hold time expired", "stuck", Notification(ErrorCode.SEND_HOLD_TIME)))


def cease(subcode: Cease) -> Notification:
    """Return a Cease NOTIFICATION, RFC 4486."""
    return Notification(ErrorCode.CEASE, subcode)
