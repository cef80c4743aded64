"""Our registration with one next hop server (NHS), RFC 2332 §5.2.3.

    DOWN          the tunnel cannot send
    WAITING       not wanted: other servers of its cluster suffice ("W" in shows)
    BARE          on a protected tunnel: nothing protects packets to the server (yet), so none is sent or missed ("E")
    EXPECTING     a request is out, and was never answered, or not lately ("E")
    RESPONDING    registered ("RE")

`NhsClient` takes events (`RegistrationMove`), and returns the actions to carry out (`RegistrationOutput`). It keeps one
deadline and handles no packets. The first requests go at 0, 0.25, 0.75 and 1.75 s, because the usual reason for silence
is a hub that starts a moment later than its spokes; then IOS's 1, 2, 4 ... 64 s follow. A registered client renews
after a third of its holding time.
"""

from __future__ import annotations

import enum
from dataclasses import field

from dmvpn.base.addresses import IPAddress
from dmvpn.base.context import Timer
from dmvpn.base.entropy import Entropy, jittered
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Mutable
from dmvpn.features.nhrp.cache import NbmaPeer
from dmvpn.features.nhrp.reasons import NhrpReason, Suspicion


class NhsState(enum.Enum):
    """See the module's docstring."""

    DOWN = "down"
    WAITING = "waiting"
    BARE = "bare"
    EXPECTING = "expecting"
    RESPONDING = "responding"


class RegistrationMove(enum.Enum):
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


class RegistrationOutput(enum.Enum):
    """Actions that the caller carries out."""

    REQUEST = "send a new Registration Request"
    REPEAT = "send the last one again, with its request id"
    UP = "the server answers"
    DOWN = "the server answers no more"


_S = NhsState

#: Every legal move. A missing pair (KeyError) is our bug, never the peer's.
MOVES: dict[tuple[NhsState, RegistrationMove], NhsState] = {
    **{(state, RegistrationMove.START): _S.EXPECTING for state in NhsState},
    **{(state, RegistrationMove.HOLD): _S.WAITING for state in NhsState},
    **{(state, RegistrationMove.BARED): _S.BARE for state in NhsState},
    **{(state, RegistrationMove.STOP): _S.DOWN for state in NhsState},
    (_S.BARE, RegistrationMove.DUE): _S.BARE,
    (_S.EXPECTING, RegistrationMove.DUE): _S.EXPECTING,
    (_S.EXPECTING, RegistrationMove.SILENCE): _S.EXPECTING,
    (_S.EXPECTING, RegistrationMove.ACCEPTED): _S.RESPONDING,
    (_S.EXPECTING, RegistrationMove.REFUSED): _S.EXPECTING,
    (_S.RESPONDING, RegistrationMove.DUE): _S.RESPONDING,
    (_S.RESPONDING, RegistrationMove.SILENCE): _S.RESPONDING,
    (_S.RESPONDING, RegistrationMove.ACCEPTED): _S.RESPONDING,
    (_S.RESPONDING, RegistrationMove.REFUSED): _S.EXPECTING,
    (_S.RESPONDING, RegistrationMove.LOST): _S.EXPECTING,
}

FIRST_RETRIES = (0.25, 0.5, 1.0)
#: After silence recovery must be fast: with two polls of the counters, three seconds apart, a dead server is noticed
#: within ten seconds of traffic to it.
SILENCE_RETRIES = (0.3, 0.4, 0.5)
SHORTEST_RETRY = 1
LONGEST_RETRY = 64
#: Unanswered requests after which a server that did answer counts as down: 1 + 2 + 4 seconds.
LOST_AFTER = 3
#: Seconds that IKE has to reach a server before another server of the cluster is used. That is enough for a cleared
#: session to return, and for a distant hub.
PATIENCE = 3.0
JITTER = 0.1


class NhsClient(Mutable, kw_only=True):
    """One registration.

    timer: for the deadline.
    nhs: the server's tunnel address; that of a `dynamic` server is unspecified until it answers.
    nbma: None while it is unknown.
    refresh: seconds from a reply to the next request.
    multicast: the server gets copies of multicasts.
    request_id: of the request that is out, None when none is.
    deadline: when `due` must be called, None: never.
    since: when the state last changed. previous: the state before that.
    retry: seconds to the next try (`Ret` in shows).
    suspicions: why a server that does not answer may be silent.
    link_local: the server's link-local address; IPv4 has none.
    connection: the connection that the registration uses.
    """

    entropy: Entropy
    timer: Timer
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
    previous: NhsState = NhsState.DOWN
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
    _objection_ends: int | None = None  # so many unanswered requests clear the objection
    _first_retries: list[float] = field(default_factory=list)
    _hurried: float | None = None

    @property
    def at(self) -> NbmaPeer | None:
        """Where the server is, if known: its address alone, whatever connection leads there now."""
        return NbmaPeer(self.nbma) if self.nbma is not None else None

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
        """Whether another server of the cluster is wanted: this one does not answer, or refuses, or IKE does not reach
        it.
        """
        if self.state is NhsState.BARE:
            return self._waited > 0
        return self.is_silent or (not self.is_responding and self._refusals > 0)

    @property
    def is_refused(self) -> bool:
        """Whether the last answer to our request is a refusal, with a reason."""
        refused = self._refusals > 0 and not self._unanswered
        return not self.is_responding and (refused or self._objection_ends is not None)

    def configure(self, refresh: float, *, multicast: bool, priority: int, cluster: int) -> None:
        """Take over the settings of the server, apart from where it is."""
        self.refresh, self.multicast, self.priority, self.cluster = refresh, multicast, priority, cluster

    def named(self, nhs: IPAddress | None = None, link_local: IPAddress | None = None) -> None:
        """Take over the server's own tunnel address, or its link-local address."""
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
        """Store possible reasons for its silence."""
        self.suspicions = suspicions

    def clear_counters(self) -> None:
        """Reset the counters."""
        self.requests_sent = self.requests_failed = self.replies_received = 0

    def start(self, now: float) -> list[RegistrationOutput]:
        """Register from the beginning: the tunnel has come up, or has a new source address."""
        outputs = self._move(RegistrationMove.START, now)
        self._first_retries = list(FIRST_RETRIES)
        self.retry = SHORTEST_RETRY
        self._unanswered = self._refusals = 0
        self._objection_ends = None
        self.suspicions = ()
        self.reason = Reason(NhrpReason.NO_REPLY_YET, since=now)
        return [*outputs, *self._ask(now)]

    def renew(self, now: float) -> list[RegistrationOutput]:
        """Register again at once, because what we register has changed; the registration stays valid meanwhile."""
        if self.state in (NhsState.DOWN, NhsState.WAITING, NhsState.BARE):
            return []
        self._move(RegistrationMove.DUE, now)
        return self._ask(now)

    def hold(self, now: float) -> list[RegistrationOutput]:
        """Rest: the server is not wanted at present."""
        self._rest()
        return self._move(RegistrationMove.HOLD, now)

    def bare(self, now: float, reason: Reason | None) -> list[RegistrationOutput]:
        """Rest until `start`: nothing protects packets to it."""
        if self.state is not NhsState.BARE:
            self._rest()
            self._waited = self._unanswered = self._refusals = 0
            self.connection = 0
            self.deadline = now + PATIENCE
        self.reason = reason or Reason(NhrpReason.BARE, since=now)
        return self._move(RegistrationMove.BARED, now)

    def stop(self, now: float, reason: Reason) -> list[RegistrationOutput]:
        """Rest: the tunnel cannot send any more."""
        self._rest()
        outputs = self._move(RegistrationMove.STOP, now)
        self.reason = reason
        return outputs

    def due(self, now: float) -> list[RegistrationOutput]:
        """Act on the deadline: renew, or repeat the request."""
        if self.state is NhsState.BARE:
            self._waited += 1
            self.deadline = now + LONGEST_RETRY
            return self._move(RegistrationMove.DUE, now)
        if self.request_id is None:
            self._move(RegistrationMove.DUE, now)
            return self._ask(now)
        self._unanswered += 1
        if self.is_responding and self._unanswered >= LOST_AFTER:
            outputs = self._move(RegistrationMove.LOST, now)
        else:
            outputs = self._move(RegistrationMove.DUE, now)
        if self._objection_ends is None or self._unanswered >= self._objection_ends:
            self._objection_ends = None
            self.reason = Reason(
                NhrpReason.NO_REPLY, (self._unanswered,), since=self.reason.since if self.reason else now
            )
        self._arm(now)
        return [*outputs, RegistrationOutput.REPEAT]

    def heard(self, now: float) -> list[RegistrationOutput]:
        """Send a request to a server that does not answer when other packets arrive from it: the path may have
        returned.

        The interval grows all the same, for a server that keeps sending and never answers.
        """
        is_early = self._hurried is not None and now < self._hurried + LONGEST_RETRY
        if not self.is_silent or self.is_refused or is_early:
            return []
        self._hurried = now
        return self.due(now)

    def objected(self, reason: Reason) -> None:
        """Store why there is no reply, as an Error Indication says; it holds until the next request, too, goes
        unanswered.
        """
        self.reason = reason
        self.suspicions = ()
        self._objection_ends = self._unanswered + 2

    def silence(self, now: float) -> list[RegistrationOutput]:
        """Check a silent server at once, without waiting for the refresh: we send to it and nothing comes back."""
        if not self.is_responding or self.request_id is not None:
            return []
        self._move(RegistrationMove.SILENCE, now)
        self._first_retries = list(SILENCE_RETRIES)
        return self._ask(now)

    def accepted(self, now: float) -> list[RegistrationOutput]:
        """Take in a reply to our request without an error."""
        self._answered(now)
        outputs = self._move(RegistrationMove.ACCEPTED, now)
        self._refusals = 0
        self.reason = None
        self.deadline = now + self.refresh
        return outputs

    def refused(self, now: float, reason: Reason) -> list[RegistrationOutput]:
        """Take in a reply with an error.

        A server that refuses us may accept us later, so requests continue at growing intervals.
        """
        self._answered(now)
        self.requests_failed += 1
        outputs = self._move(RegistrationMove.REFUSED, now)
        self.reason = reason
        self.deadline = now + jittered(self.entropy, min(SHORTEST_RETRY << self._refusals, LONGEST_RETRY), JITTER)
        self._refusals = min(self._refusals + 1, 6)
        return outputs

    def _ask(self, now: float) -> list[RegistrationOutput]:
        self.request_id = 0  # the caller of `RegistrationOutput.REQUEST` puts the real number here
        self._arm(now)
        return [RegistrationOutput.REQUEST]

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

    def _move(self, move: RegistrationMove, now: float) -> list[RegistrationOutput]:
        old, self.state = self.state, MOVES[self.state, move]
        if old is self.state:
            return []
        self.previous, self.since = old, now
        if self.state is NhsState.RESPONDING:
            return [RegistrationOutput.UP]
        return [RegistrationOutput.DOWN] if old is NhsState.RESPONDING else []
