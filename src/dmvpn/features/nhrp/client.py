"""Our registration with one next hop server (NHS), RFC 2332 §5.2.3.

    DOWN          the tunnel cannot send
    WAITING       not wanted: other servers of its cluster suffice ("W" in shows)
    BARE          on a protected tunnel: nothing protects packets to it (yet), so none is sent and none is missed ("E")
    EXPECTING     a request is out, and was never answered, or not lately ("E")
    RESPONDING    registered ("RE")

`NhsClient` is told facts (`Move`), and answers with what must be done (`Act`). It keeps one deadline and knows no
packet. The first requests go at 0, 0.25, 0.75 and 1.75 s, because the usual reason for silence is a hub that starts a
moment later than its spokes; then IOS's 1, 2, 4 ... 64 s follow. A registered client renews after a third of its
holding time.
"""

from __future__ import annotations

import enum
from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.entropy import Entropy, jittered
from dmvpn.base.reasons import Reason
from dmvpn.base.values import dataclass
from dmvpn.features.nhrp.cache import Neighbor
from dmvpn.features.nhrp.reasons import NhrpReason

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.nhrp.reasons import Suspicion


class NhsState(enum.Enum):
    """See the module's docstring."""

    DOWN = "down"
    WAITING = "waiting"
    BARE = "bare"
    EXPECTING = "expecting"
    RESPONDING = "responding"


class Move(enum.Enum):
    """What can happen to a registration."""

    START = "the tunnel can send and the server is wanted"
    HOLD = "the tunnel can send, but other servers suffice"
    BARED = "nothing protects packets to it"
    STOP = "the tunnel cannot send any more"
    DUE = "time to ask (again)"
    SILENCE = "packets were sent to the server, none came back"
    ACCEPTED = "a reply without error"
    REFUSED = "a reply with an error"
    LOST = "several requests of a registered client went unanswered"


class Act(enum.Enum):
    """What must be done."""

    REQUEST = "send a new Registration Request"
    REPEAT = "send the last one again, with its request id"
    UP = "the server answers"
    DOWN = "the server answers no more"


_S = NhsState

#: Every legal move. A missing pair (KeyError) is our bug, never the peer's.
MOVES: dict[tuple[NhsState, Move], NhsState] = {
    **{(state, Move.START): _S.EXPECTING for state in NhsState},
    **{(state, Move.HOLD): _S.WAITING for state in NhsState},
    **{(state, Move.BARED): _S.BARE for state in NhsState},
    **{(state, Move.STOP): _S.DOWN for state in NhsState},
    (_S.BARE, Move.DUE): _S.BARE,
    (_S.EXPECTING, Move.DUE): _S.EXPECTING,
    (_S.EXPECTING, Move.SILENCE): _S.EXPECTING,
    (_S.EXPECTING, Move.ACCEPTED): _S.RESPONDING,
    (_S.EXPECTING, Move.REFUSED): _S.EXPECTING,
    (_S.RESPONDING, Move.DUE): _S.RESPONDING,
    (_S.RESPONDING, Move.SILENCE): _S.RESPONDING,
    (_S.RESPONDING, Move.ACCEPTED): _S.RESPONDING,
    (_S.RESPONDING, Move.REFUSED): _S.EXPECTING,
    (_S.RESPONDING, Move.LOST): _S.EXPECTING,
}

FIRST_RETRIES = (0.25, 0.5, 1.0)
#: After silence things must go fast: with two looks at the counters, three seconds apart, a dead server is noticed
#: within ten seconds of traffic to it.
SILENCE_RETRIES = (0.3, 0.4, 0.5)
SHORTEST_RETRY = 1
LONGEST_RETRY = 64
#: Requests without answer after which a server that did answer counts as down: 1 + 2 + 4 seconds.
LOST_AFTER = 3
#: Seconds that IKE has for a server until another one of the cluster is wanted. By then a session that was cleared is
#: back, and so is a hub that is only far away.
PATIENCE = 3.0
JITTER = 0.1


@dataclass(slots=True, kw_only=True)
class NhsClient:
    """One registration.

    nhs: the server's tunnel address; that of a `dynamic` server is unspecified until it answers.
    nbma: None while nobody says it.
    refresh: seconds from a reply to the next request.
    multicast: it gets copies.
    request_id: of the request that is out, None when none is.
    deadline: when it wants `due`.
    since: when the state last changed.
    retry: seconds to the next try (`Ret` in shows).
    suspicions: why a server that does not answer may be silent.
    link_local: what the server also calls itself; IPv4 has none.
    connection: by which we registered, or try to.
    """

    entropy: Entropy
    nhs: IPAddress
    nbma: IPAddress | None
    refresh: float
    multicast: bool = False
    link_local: IPAddress | None = None
    connection: int = 0
    dynamic: bool = False
    priority: int = 0
    cluster: int = 0
    state: NhsState = NhsState.DOWN
    since: float = 0.0
    deadline: float | None = None
    request_id: int | None = None
    last_request_id: int = 0
    retry: int = SHORTEST_RETRY
    reason: Reason | None = None
    suspicions: tuple[Suspicion, ...] = ()
    requests_sent: int = 0
    requests_failed: int = 0
    replies_received: int = 0
    last_reply: float | None = None
    _unanswered: int = 0
    _waited: int = 0
    _refusals: int = 0
    _objection_ends: int | None = None  # so many unanswered requests end what an objection says
    _first_retries: list[float] = field(default_factory=list)
    _hurried: float | None = None

    @property
    def at(self) -> Neighbor | None:
        """Where it is, if that is known: by its address alone, whatever connection leads there now."""
        return Neighbor(self.nbma) if self.nbma is not None else None

    @property
    def is_responding(self) -> bool:
        """Whether we are registered."""
        return self.state is NhsState.RESPONDING

    @property
    def is_silent(self) -> bool:
        """Whether so many requests went unanswered that it counts as down."""
        return not self.is_responding and self._unanswered >= LOST_AFTER

    @property
    def is_failing(self) -> bool:
        """Whether another server of the cluster is wanted: it does not answer, or refuses, or IKE does not reach it."""
        if self.state is NhsState.BARE:
            return self._waited > 0
        return self.is_silent or (not self.is_responding and self._refusals > 0)

    @property
    def is_refused(self) -> bool:
        """Whether the last word about our request is a refusal, with a reason."""
        refused = self._refusals > 0 and not self._unanswered
        return not self.is_responding and (refused or self._objection_ends is not None)

    def configure(self, refresh: float, *, multicast: bool, priority: int, cluster: int) -> None:
        """Take over what the configuration says of it, apart from where it is."""
        self.refresh, self.multicast, self.priority, self.cluster = refresh, multicast, priority, cluster

    def named(self, nhs: IPAddress | None = None, link_local: IPAddress | None = None) -> None:
        """Take over what the server calls itself: its tunnel address, or its link-local one."""
        self.nhs = nhs if nhs is not None else self.nhs
        self.link_local = link_local if link_local is not None else self.link_local

    def bind(self, connection: int) -> None:
        """Send requests over this connection from now on."""
        self.connection = connection

    def numbered(self, request_id: int) -> None:
        """Give the request that is wanted its identifier."""
        self.request_id = self.last_request_id = request_id

    def sent(self) -> None:
        """Count a request that went out."""
        self.requests_sent += 1

    def suspect(self, suspicions: tuple[Suspicion, ...]) -> None:
        """Note why it may be silent."""
        self.suspicions = suspicions

    def clear_counters(self) -> None:
        """Count from the beginning."""
        self.requests_sent = self.requests_failed = self.replies_received = 0

    def start(self, now: float) -> list[Act]:
        """Register from the beginning: the tunnel can send, or sends from another address now."""
        acts = self._move(Move.START, now)
        self._first_retries = list(FIRST_RETRIES)
        self.retry = SHORTEST_RETRY
        self._unanswered = self._refusals = 0
        self._objection_ends = None
        self.suspicions = ()
        self.reason = Reason(NhrpReason.NO_REPLY_YET, since=now)
        return [*acts, *self._ask(now)]

    def renew(self, now: float) -> list[Act]:
        """Tell the server at once that what we register has changed, without losing what it has."""
        if self.state in (NhsState.DOWN, NhsState.WAITING, NhsState.BARE):
            return []
        self._move(Move.DUE, now)
        return self._ask(now)

    def hold(self, now: float) -> list[Act]:
        """Rest: it is not wanted at present."""
        self._rest()
        return self._move(Move.HOLD, now)

    def bare(self, now: float, reason: Reason | None) -> list[Act]:
        """Rest until `start`: nothing protects packets to it."""
        if self.state is not NhsState.BARE:
            self._rest()
            self._waited = self._unanswered = self._refusals = 0
            self.connection = 0
            self.deadline = now + PATIENCE
        self.reason = reason or Reason(NhrpReason.BARE, since=now)
        return self._move(Move.BARED, now)

    def stop(self, now: float, reason: Reason) -> list[Act]:
        """Rest: the tunnel cannot send any more."""
        self._rest()
        acts = self._move(Move.STOP, now)
        self.reason = reason
        return acts

    def due(self, now: float) -> list[Act]:
        """Act on the deadline: renew, or ask again."""
        if self.state is NhsState.BARE:
            self._waited += 1
            self.deadline = now + LONGEST_RETRY
            return self._move(Move.DUE, now)
        if self.request_id is None:
            self._move(Move.DUE, now)
            return self._ask(now)
        self._unanswered += 1
        if self.is_responding and self._unanswered >= LOST_AFTER:
            acts = self._move(Move.LOST, now)
        else:
            acts = self._move(Move.DUE, now)
        if self._objection_ends is None or self._unanswered >= self._objection_ends:
            self._objection_ends = None
            self.reason = Reason(
                NhrpReason.NO_REPLY, (self._unanswered,), since=self.reason.since if self.reason else now
            )
        self._arm(now)
        return [*acts, Act.REPEAT]

    def heard(self, now: float) -> list[Act]:
        """Ask a server that does not answer, now that something else comes from it: perhaps only the way was cut.

        But not each time: a server that keeps sending, and never answers, is asked ever more rarely all the same.
        """
        is_early = self._hurried is not None and now < self._hurried + LONGEST_RETRY
        if not self.is_silent or self.is_refused or is_early:
            return []
        self._hurried = now
        return self.due(now)

    def objected(self, reason: Reason) -> None:
        """Note why there is no reply, as somebody says: until the next request stays without any word, too."""
        self.reason = reason
        self.suspicions = ()
        self._objection_ends = self._unanswered + 2

    def silence(self, now: float) -> list[Act]:
        """Ask whether a silent server is there, without waiting for the refresh: nothing comes back from it."""
        if not self.is_responding or self.request_id is not None:
            return []
        self._move(Move.SILENCE, now)
        self._first_retries = list(SILENCE_RETRIES)
        return self._ask(now)

    def accepted(self, now: float) -> list[Act]:
        """Take in a reply to our request without an error."""
        self._answered(now)
        acts = self._move(Move.ACCEPTED, now)
        self._refusals = 0
        self.reason = None
        self.deadline = now + self.refresh
        return acts

    def refused(self, now: float, reason: Reason) -> list[Act]:
        """Take in a reply with an error. A server that refuses us may take us later: it is asked ever more rarely."""
        self._answered(now)
        self.requests_failed += 1
        acts = self._move(Move.REFUSED, now)
        self.reason = reason
        self.deadline = now + jittered(self.entropy, min(SHORTEST_RETRY << self._refusals, LONGEST_RETRY), JITTER)
        self._refusals = min(self._refusals + 1, 6)
        return acts

    def _ask(self, now: float) -> list[Act]:
        self.request_id = 0  # whoever carries out the act puts the real number here
        self._arm(now)
        return [Act.REQUEST]

    def _arm(self, now: float) -> None:
        if self._first_retries:
            delay = self._first_retries.pop(0)
        else:
            delay = self.retry
            self.retry = min(2 * self.retry, LONGEST_RETRY)
        self.deadline = now + jittered(self.entropy, delay, JITTER)

    def _answered(self, now: float) -> None:
        self.replies_received += 1
        self.last_reply = now
        self.request_id = None
        self.retry = SHORTEST_RETRY
        self._unanswered = 0
        self._objection_ends = None
        self.suspicions = ()
        self._first_retries.clear()

    def _rest(self) -> None:
        self.deadline = None
        self.request_id = None
        self._objection_ends = None
        self.suspicions = ()

    def _move(self, move: Move, now: float) -> list[Act]:
        old, self.state = self.state, MOVES[self.state, move]
        if old is self.state:
            return []
        self.since = now
        if self.state is NhsState.RESPONDING:
            return [Act.UP]
        return [Act.DOWN] if old is NhsState.RESPONDING else []
