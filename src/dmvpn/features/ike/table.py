"""The sessions of one version of IKE by our SPI, and what both versions do with theirs alike.

Peers of both versions that have begun and not proved themselves: one budget of octets for all that we keep of them.

A peer is counted with its session and with what it sent and we keep: an offer or a first request, and fragments. When
the budget is used up, the oldest goes, so that a peer which answers quickly gets through. Before message 3 of IKEv1
an address may be forged: peers that have not shown their address go first.

Initial contact: a peer says that it has no other session with us. RFC 7296 §2.4, RFC 2407 §4.6.3.3.

What we had with this identity at the same place is over. Elsewhere, behind another address or another port of a NAT, it
may be with another peer that has the same identity, so we ask, and only a silent session ends.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Generic, NamedTuple, TypeVar

from dmvpn.base.addresses import Ends
from dmvpn.base.context import Deadlines
from dmvpn.base.entropy import Entropy
from dmvpn.base.limits import Budgets
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.chain import NO_SPI
from dmvpn.features.ike.peer_settings import DatagramPath, PeerSettings
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.session import Output, Session

# ------------------------------------------------------------------------------------------------ half-open peers


#: Octets of all half-open peers, and of one session by itself: room for 6,000 peers whose first message is of usual
#: size. All spokes of a large hub begin at once when it restarts, and a spoke whose SA goes takes half a minute to
#: begin again.
LARGEST_OCTETS: Final = 32 << 20
EACH: Final = 5 << 10
_USUAL: Final = 512


_Drop = Callable[[Session, Reason, float], list[Output]]


class _Peer(NamedTuple):
    drop: _Drop
    session: Session
    octets: int
    ends: Ends


class HalfOpen:
    """All half-open peers, the oldest first."""

    def __init__(self) -> None:
        self._most = LARGEST_OCTETS
        self._octets = 0
        self._forgeable: dict[bytes, _Peer] = {}
        self._shown: dict[bytes, _Peer] = {}
        self._newest: dict[Ends, Session] = {}

    def newest(self, ends: Ends) -> Session | None:
        """Return the session that a peer began last between these addresses, or for which it showed last that its
        address is its own, if the peer has not proved itself yet.
        """
        return self._newest.get(ends)

    def permit(self, number: int) -> None:
        """Have room for so many peers, if a configuration wants more than the usual number."""
        self._most = max(LARGEST_OCTETS, number * (EACH + _USUAL))

    def note(self, drop: _Drop, session: Session, octets: int, now: float, *, is_shown: bool = True) -> list[Output]:
        """Note how many octets we keep of a half-open peer. Returns what follows from making room for it.

        drop: ends a session without a message. is_shown: it has shown that its address is its own.
        """
        peers = self._shown if is_shown else self._forgeable
        if (peer := peers.get(session.own_spi)) is not None:  # it keeps its place
            self._octets -= peer.octets
            ends = peer.ends
        else:
            self.remove(session)
            ends = session.path.ends
            self._newest[ends] = session
        peers[session.own_spi] = _Peer(drop, session, EACH + octets, ends)
        self._octets += EACH + octets
        outputs: list[Output] = []
        while self._octets > self._most:
            oldest = next(iter((self._forgeable or self._shown).values()))
            self.remove(oldest.session)
            outputs += oldest.drop(oldest.session, Reason(IkeReason.TOO_MANY_BEGIN), now)
        return outputs

    def remove(self, session: Session) -> None:
        """Forget a peer that has proved itself, or is gone."""
        for peers in (self._forgeable, self._shown):
            if (peer := peers.pop(session.own_spi, None)) is not None:
                self._octets -= peer.octets
                if self._newest.get(peer.ends) is session:
                    del self._newest[peer.ends]


# ------------------------------------------------------------------------------------------------ initial contact


#: Sessions that are asked because another one says that it is the only one of its peer.
MOST_ASKED: Final = 16


def is_older(old: Session, new: Session) -> bool:
    """Return whether a peer that says on `new` that it has no other session with us may mean `old`.

    A session that began while this one did is not old: both ends may have begun at the same moment. Nor is one with
    another address of ours: a peer with two uplinks has one name over both.
    """
    return old is not new and old.since < new.begun and old.path.outer == new.path.outer


def are_together(one: Session, other: Session) -> bool:
    """Return whether two peers are at one place: behind a NAT several peers share an address, and maybe a name."""
    here, there = one.path, other.path
    if here.ends != there.ends:
        return False
    return not (one.nat.remote or other.nat.remote) or here.remote.port == there.remote.port


def to_ask(older: Iterable[Session], new: Session) -> list[Session]:
    """Return which older sessions of an identity are asked whether they live, since it says that it has no other.

    These are elsewhere: of another peer with this identity, or of this very peer before it had another address or port.
    The latter more likely had the same address, and is silent, so of too many the likeliest are asked.
    """
    others = [sa for sa in older if sa.is_usable and not are_together(sa, new)]
    address = new.path.remote.address
    return sorted(others, key=lambda sa: (sa.path.remote.address != address, sa.heard))[:MOST_ASKED]


# ------------------------------------------------------------------------------------------ the sessions of a version


#: Messages that one session takes in, in a second and at once: each quick mode of IKEv1 may cost a Diffie-Hellman.
#: A peer sends again what is not answered. What is not authentic does not count: whoever sees the SPIs of a session can
#: write them.
MESSAGES: Final = (100, 200)

S = TypeVar("S", bound=Session)


class Table(ABC, Generic[S]):
    """All sessions of one version.

    largest_number, largest_half_open: as configured; newcomers beyond are refused; 0: nothing is configured.
    """

    _kind: type[S]

    def __init__(self, settings: PeerSettings, entropy: Entropy, room: HalfOpen | None = None) -> None:
        """room: of the half-open peers of all versions."""
        self.settings, self.entropy = settings, entropy
        self._room = room or HalfOpen()
        self.largest_number = self.largest_half_open = 0
        self._by_spi: dict[bytes, S] = {}
        self._timers: Deadlines[bytes] = Deadlines()
        #: Returns when `tick` must be called.
        self.next_deadline: Final = self._timers.next
        self._talk: Budgets[bytes] = Budgets(*MESSAGES)

    def __iter__(self) -> Iterator[S]:
        return iter(tuple(self._by_spi.values()))

    def __len__(self) -> int:
        return len(self._by_spi)

    def get(self, own_spi: bytes) -> S | None:
        """Return the session to which we gave this SPI or cookie."""
        return self._by_spi.get(own_spi)

    def knows(self, octets: bytes, path: DatagramPath) -> bool:
        """Return whether this is a message with an SPI of ours, and came in the front door of that session."""
        spis = octets[: len(NO_SPI)], octets[len(NO_SPI) : 2 * len(NO_SPI)]
        return any(self._at(path, spi) is not None for spi in spis)

    def _at(self, path: DatagramPath, own_spi: bytes) -> S | None:
        """Return the session with this SPI of ours. In another front door than its own it does not exist."""
        sa = self._by_spi.get(own_spi)
        return sa if sa is not None and sa.path.front == path.front else None

    def _mine(self, session: Session) -> S:
        """Return a session as what it is. Raises TypeError for one of another version, which is our bug."""
        if not isinstance(session, self._kind):
            raise TypeError(f"{type(session).__name__} is no {self._kind.__name__}")
        return session

    def _begin_event(self, session: Session, now: float) -> S:
        """Return a session of ours that something happens to now."""
        sa = self._mine(session)
        sa.at(now)
        return sa

    def move(self, session: Session, path: DatagramPath, now: float) -> list[Output]:
        """Reach the peer there, as packets of its children have proved."""
        sa = self._begin_event(session, now)
        sa.move(path)
        return self._followed(sa)

    def drop(self, session: Session, reason: Reason, now: float) -> list[Output]:
        """End a session without a message."""
        sa = self._begin_event(session, now)
        sa.end(reason)
        return self._followed(sa)

    def _forget(self, same: Iterable[S], new: Session) -> list[Output]:
        """Drop what we had with a peer that has forgotten us: by its proved identity, never by its address.

        same: the sessions with this identity.

        Another address or port may be that of another peer with this identity, so the peer there is asked (RFC 7296
        §2.4).
        """
        outputs: list[Output] = []
        older = [sa for sa in same if is_older(sa, new)]
        for sa in older:
            if are_together(sa, new):
                outputs += self.drop(sa, Reason(IkeReason.STARTED_AGAIN), new.now)
        for session in to_ask(older, new):
            outputs += self._examine(self._begin_event(session, new.now))
        return outputs

    def _arm(self, sessions: Iterable[S], deadline_of: Callable[[S], float | None]) -> None:
        """Let each of these sessions act at its deadline; None, or the session is gone: never."""
        for sa in sessions:
            deadline = deadline_of(sa)
            if deadline is None or sa.own_spi not in self._by_spi:
                self._timers.cancel(sa.own_spi)
            elif self._timers.when(sa.own_spi) != deadline:
                self._timers.set(sa.own_spi, deadline)

    @abstractmethod
    def _followed(self, subject: S) -> list[Output]:
        """Keep the tables in step with what sessions did, and return what others must do."""

    @abstractmethod
    def _examine(self, sa: S) -> list[Output]:
        """Ask a peer that is probably gone, and give it up in seconds."""
