"""One connection to a peer, from its first octet to its last: RFC 4271 §8, and §6 for what goes wrong.

    StreamUp, StreamData ──> Session ──> OPEN, KEEPALIVE, NOTIFICATION ──> outbox
                                │
                                └──> updates and refreshes for the peer, once it is established

A peer may have two of these for a moment, one that each end opened; `Peer` lets one go (§6.8). `MOVES` is the life of
one of them. What a peer sends wrongly is answered by the NOTIFICATION that the clause names, and the session is over;
of a damaged UPDATE only its routes are lost (RFC 7606), and that is the peer's business.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.deadlines import Deadlines
from dmvpn.base.streams import SEND_LIMIT, StreamClose, StreamSend, StreamSign
from dmvpn.base.values import dataclass
from dmvpn.features.bgp import messages
from dmvpn.features.bgp.codes import Cease, ErrorCode, MessageError
from dmvpn.features.bgp.model import ONE_PATH
from dmvpn.features.bgp.opening import agreed
from dmvpn.features.bgp.packet import (
    Capability,
    Keepalive,
    Message,
    Notification,
    Open,
    RouteRefresh,
    Update,
    parse,
    serialize,
    split,
)
from dmvpn.features.bgp.restart import Restart, hard
from dmvpn.features.bgp.states import MOVES, SessionMove, SessionState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.effects import Effect
    from dmvpn.base.streams import StreamUp
    from dmvpn.features.bgp.opening import Identity

#: Seconds that a peer has for its OPEN, RFC 4271 §8.2.2: "a large value".
OPEN_HOLD_TIME: Final = 240.0
#: Seconds for which a peer may take nothing of what is sent, at least: RFC 9687 §6. Twice the hold time, if
#: that is longer.
SEND_HOLD_TIME: Final = 480.0
#: Seconds that a call may take: then it is begun again.
CALL_TIME: Final = 30.0
#: Why a session is over whose peer may be back soon, in IOS's words.
RESTARTED: Final = "NSF peer closed the session"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session ended. by: whose NOTIFICATION it was, "stuck": ours, which could not be sent, "" without one.
    reason: IOS's words after `Down`.

    is_lost: the connection went, and nobody of ours wanted that.
    """

    reason: str
    by: str = ""
    notification: Notification | None = None
    is_lost: bool = False


@dataclass(slots=True)
class Counts:
    """Messages by kind, sent and received."""

    opens: list[int]
    updates: list[int]
    notifications: list[int]
    keepalives: list[int]
    refreshes: list[int]

    @classmethod
    def none(cls) -> Counts:
        """Return counters that are all zero."""
        return cls([0, 0], [0, 0], [0, 0], [0, 0], [0, 0])

    def count(self, message: Message, *, received: bool) -> None:
        """Count one message."""
        match message:
            case Open():
                self.opens[received] += 1
            case Update():
                self.updates[received] += 1
            case Notification():
                self.notifications[received] += 1
            case Keepalive():
                self.keepalives[received] += 1
            case RouteRefresh():
                self.refreshes[received] += 1

    def total(self, *, received: bool) -> int:
        """Return the sum of all messages."""
        kinds = (self.opens, self.updates, self.notifications, self.keepalives, self.refreshes)
        return sum(kind[received] for kind in kinds)


class Session:
    """One connection. order: takes effects; `take` yields what the peer has to deal with.

    additional: whether prefixes have numbers, of what we send and of what we receive.
    """

    def __init__(
        self,
        stream: int,
        identity: Identity,
        counts: Counts,
        order: Callable[[Effect], None],
        ended: Callable[[Session], None],
        trace: Callable[[str, str], None] | None = None,
    ) -> None:
        """ended: is told once, when the session is over. trace: takes the name of a debug and what it may print."""
        self.stream = stream
        self.identity = identity
        self.state = SessionState.IDLE
        self.taken = False
        self.up: StreamUp | None = None
        self.heard: Open | None = None
        self.additional = ONE_PATH
        self.ending: Ending | None = None
        self.hold_time = 0
        self.keepalive = 0
        self.last_read = self.last_write = 0.0
        self.timers: Deadlines[str] = Deadlines()
        self._counts = counts
        self._order = order
        self._ended = ended
        self._trace = trace
        self.was_established = False
        self._buffer = bytearray()
        self._sent = 0

    # ---------------------------------------------------------------------------------------------------- facts

    def calls(self, now: float) -> None:
        """Note that we open the connection."""
        self._move(SessionMove.CALLS)
        self.timers.set("call", now + CALL_TIME)

    def connected(self, up: StreamUp, now: float) -> None:
        """Note that there is a connection."""
        self._move(SessionMove.CONNECTED)
        self.up, self.taken = up, up.taken
        self.last_read = now
        self.timers.cancel("call")
        self.timers.set("hold", now + OPEN_HOLD_TIME)
        self._send(self.identity.open(), now)

    def take(self, octets: bytes, now: float) -> Iterator[Update | RouteRefresh]:
        """Take octets that came. Yields what an established peer tells; `state` and `ending` say what else happened."""
        if self.ending is not None:
            return
        self._buffer += octets
        try:
            for data in split(self._buffer):
                message = parse(data, numbered=self.additional.receives)
                self._counts.count(message, received=True)
                self._trace_message(message, "rcv")
                self.last_read = now
                told = self._take(message, now)
                if told is not None:
                    yield told
                if self.ending is not None:
                    return
        except MessageError as error:
            self.fail(error, now)

    def expire(self, now: float) -> None:
        """Look at the timers."""
        for name in self.timers.pop_due(now):
            if self.ending is not None:
                return
            if name == "keepalive":
                self._send(Keepalive(), now)
                self._arm_keepalive(now)
            elif name == "send hold":
                self._order(StreamClose(self.stream, abort=True))
                self.end(Ending("send hold time expired", "stuck", Notification(ErrorCode.SEND_HOLD_TIME)))
            elif name == "hold":
                self.notify(Notification(ErrorCode.HOLD_TIME), "BGP Notification sent", now)
            else:
                self._order(StreamClose(self.stream, abort=True))
                self.end(Ending("no answer"))

    def writable(self) -> None:
        """Note that all that was sent has gone."""
        self._sent = 0
        self.timers.cancel("send hold")

    def blocked(self, now: float) -> None:
        """Note that the peer takes nothing for now, or only some of it."""
        if self.ending is None:
            self.timers.set("send hold", now + self.send_hold_time)

    # --------------------------------------------------------------------------------------------------- orders

    @property
    def is_established(self) -> bool:
        """May updates be sent?"""
        return self.state is SessionState.ESTABLISHED

    @property
    def send_hold_time(self) -> float:
        """Seconds for which the peer may take nothing, RFC 9687 §6."""
        return max(SEND_HOLD_TIME, 2.0 * self.hold_time)

    @property
    def room(self) -> int:
        """Octets of updates that may be sent now; something is kept for what keeps the session alive."""
        return SEND_LIMIT - 4096 - self._sent

    @property
    def wide(self) -> bool:
        """Do both ends know AS numbers of four octets?"""
        return self.heard is not None and self.heard.capability(Capability.FOUR_OCTET_AS) is not None

    @property
    def refreshes(self) -> bool:
        """Does the peer send everything again when it is asked?"""
        return self.heard is not None and self.heard.capability(Capability.ROUTE_REFRESH) is not None

    @property
    def marks_refreshes(self) -> bool:
        """Are the beginning and the end of a refresh told (RFC 7313)?"""
        known = self.heard is not None and self.heard.capability(Capability.ENHANCED_REFRESH) is not None
        return known and self.identity.marks_refreshes

    @property
    def restart(self) -> Restart | None:
        """What the peer says of its restarts (RFC 4724); None: one of both ends says nothing."""
        if self.heard is None or self.identity.restart is None:
            return None
        return Restart.of(self.heard)

    def send(self, message: RouteRefresh, now: float) -> None:
        """Ask an established peer for something."""
        self._send(message, now)

    def send_updates(self, octets: bytes, updates: int, now: float) -> None:
        """Tell an established peer what is in octets already. updates: how many there are."""
        self._counts.updates[False] += updates
        self._sent += len(octets)
        self.last_write = now
        self._order(StreamSend(self.stream, octets))

    def fail(self, error: MessageError, now: float) -> None:
        """End the session because the peer sent what must not be."""
        notification = Notification(error.code, error.subcode, error.data)
        self.notify(notification, "BGP Notification sent", now)

    def notify(self, notification: Notification, reason: str, now: float) -> None:
        """End the session with a NOTIFICATION."""
        if self.up is not None:
            is_final = notification.code == ErrorCode.CEASE and self.is_established
            is_hard = is_final and self.restart is not None and self.restart.notifies
            self._send(hard(notification) if is_hard else notification, now)
        self._order(StreamClose(self.stream, abort=self.up is None))
        self.end(Ending(reason, "sent" if self.up is not None else "", notification))

    def give_way(self) -> None:
        """Give way to another connection that the peer opened, for it lost this one and restarts: RFC 4724 §4.2."""
        self._order(StreamClose(self.stream, abort=True))
        self.end(Ending(RESTARTED, is_lost=True))

    def sign(self, password: str) -> None:
        """Go on with another password: a peer that does not get it, too, is lost when its hold time is over."""
        self._order(StreamSign(self.stream, password))

    def end(self, ending: Ending) -> None:
        """End the session."""
        if self.ending is None:
            self._move(SessionMove.ENDED)
            self.ending = ending
            self.timers = Deadlines()
            self._ended(self)

    # -------------------------------------------------------------------------------------------------- private

    def _take(self, message: Message, now: float) -> Update | RouteRefresh | None:
        match message:
            case Notification():
                self._order(StreamClose(self.stream))
                self.end(Ending("BGP Notification received", "received", message))
            case Open():
                self._expect(SessionMove.OPENED)
                self._opened(message, now)
            case Keepalive():
                self._expect(SessionMove.KEPT)
                self._move(SessionMove.KEPT)
                self._arm_hold(now)
            case Update() | RouteRefresh():
                self._expect(SessionMove.TOLD)
                self._move(SessionMove.TOLD)
                self._arm_hold(now)
                return message
        return None

    def _opened(self, message: Open, now: float) -> None:
        """Take the OPEN of the peer. Raises MessageError."""
        self.identity.check(message)
        self.identity = replace(self.identity, remote_as=message.real_autonomous_system)
        self.heard, self.additional = message, agreed(self.identity.additional, message)
        self.hold_time = min(message.hold_time, self.identity.hold_time)
        self.keepalive = min(self.identity.keepalive, self.hold_time // 3) if self.hold_time else 0
        self._move(SessionMove.OPENED)
        self._send(Keepalive(), now)
        self._arm_keepalive(now)
        self._arm_hold(now)

    def _expect(self, move: SessionMove) -> None:
        """Check that the move is one here: RFC 6608."""
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
        if self._trace is not None and before is not self.state:
            self._trace(messages.BGP, f"went from {before.value} to {self.state.value}")
        self.was_established |= self.is_established

    def _send(self, message: Message, now: float) -> None:
        octets = serialize(message)
        self._trace_message(message, "send")
        self._counts.count(message, received=False)
        self._sent += len(octets)
        self.last_write = now
        self._order(StreamSend(self.stream, octets))

    def _trace_message(self, message: Message, way: str) -> None:
        if self._trace is None:
            return
        match message:
            case Open():
                said = f"version {message.version}, my as: {message.real_autonomous_system}"
                self._trace(messages.BGP, f"{way} OPEN, {said}, holdtime {message.hold_time} seconds")
            case Keepalive():
                self._trace(messages.KEEPALIVES, f"{way} KEEPALIVE")
            case Notification():
                codes = f"{message.code}/{message.subcode}"
                self._trace(messages.BGP, f"{way} NOTIFICATION {codes} ({messages.words_of(message)})")
            case RouteRefresh():
                self._trace(messages.BGP, f"{way} REFRESH_REQ for afi/safi: {message.family}/{message.subsequent}")

    def _arm_hold(self, now: float) -> None:
        """Arm the timer of the hold time: without one an established peer may be silent forever; one that only began
        may not.
        """
        if self.hold_time:
            self.timers.set("hold", now + self.hold_time)
        elif self.is_established:
            self.timers.cancel("hold")

    def _arm_keepalive(self, now: float) -> None:
        if self.keepalive:
            self.timers.set("keepalive", now + self.keepalive)


def cease(subcode: Cease) -> Notification:
    """Return the notification to cease, RFC 4486."""
    return Notification(ErrorCode.CEASE, subcode)
