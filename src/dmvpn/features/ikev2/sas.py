"""All IKE SAs of a router: which one a datagram is for, who may begin one, and which of two stays.

Datagrams come without the non-ESP marker. A message that belongs to no SA is a stranger's first one, or it is nothing:
RFC 7296 §2.21.4 lets us say INVALID_IKE_SPI in clear, which whoever hears it must not believe; we say it seldom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import WireError
from dmvpn.features.ikev2.acts import Act, Begun, Ended, Established, Replaced, Reply, TurnedAway
from dmvpn.features.ikev2.exchanges.informational import DeleteIke
from dmvpn.features.ikev2.exchanges.init import Init
from dmvpn.features.ikev2.responder import Cookies, Stranger, plain_answer
from dmvpn.features.ikev2.sa import IkeSa, SaState
from dmvpn.features.ikev2.wire.message import NO_SPI, Message, UnsupportedVersion, parse_header
from dmvpn.features.ikev2.wire.numbers import ExchangeType, NotifyType
from dmvpn.features.ikev2.wire.payloads import Notify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.entropy import Entropy
    from dmvpn.features.ikev2.terms import Book, Path, Terms

#: Half-open SAs from which on strangers are asked for a cookie, if the configuration says nothing.
COOKIES_FROM: Final = 100
#: Half-open SAs that are kept at most; with cookies, each of them has shown an address that it receives at.
LARGEST_HALF_OPEN: Final = 1000
#: Seconds between two INVALID_IKE_SPI, whoever they are for.
_COMPLAINT_INTERVAL: Final = 1.0


class IkeSas:
    """All IKE SAs. cookies_from: half-open SAs from which on strangers need a cookie."""

    def __init__(self, book: Book, entropy: Entropy, *, cookies_from: int = COOKIES_FROM) -> None:
        self.book, self.entropy, self.cookies_from = book, entropy, cookies_from
        self._by_spi: dict[bytes, IkeSa] = {}
        self._half_open: dict[tuple[bytes, Path], IkeSa] = {}
        self._cookies = Cookies(entropy)
        self._complained = float("-inf")

    def __iter__(self) -> Iterator[IkeSa]:
        return iter(tuple(self._by_spi.values()))

    def __len__(self) -> int:
        return len(self._by_spi)

    @property
    def half_open(self) -> int:
        """Peers that began and have not proved themselves."""
        return len(self._half_open)

    # ------------------------------------------------------------------------------------------------ our own

    def initiate(self, path: Path, terms: Terms, now: float) -> tuple[IkeSa, list[Act]]:
        """Begin an IKE SA with its first child."""
        sa = IkeSa(book=self.book, entropy=self.entropy, path=path, is_initiator=True, now=now)
        sa.terms = terms
        self._by_spi[sa.own_spi] = sa
        return sa, self._followed(sa.begin(Init(sa), now), now)

    def close(self, sa: IkeSa, reason: str, now: float) -> list[Act]:
        """End an IKE SA and tell the peer, if it is one that the peer believes in."""
        if sa.state is SaState.ESTABLISHED:
            return self._followed(sa.begin(DeleteIke(sa, reason), now, urgent=True), now)
        sa.end(reason)
        return self._followed(sa.tick(now), now)

    # ------------------------------------------------------------------------------------------------ what arrives

    def handle(self, octets: bytes, path: Path, now: float) -> list[Act]:
        """A datagram. Never raises for what anybody may send."""
        try:
            header, _ = parse_header(octets)
            message = Message.parse(octets)
        except UnsupportedVersion as error:
            return self._complain(octets, path, NotifyType.INVALID_MAJOR_VERSION, str(error), now)
        except WireError as error:
            return [TurnedAway(path, str(error))]
        if header.exchange == ExchangeType.IKE_SA_INIT and not header.is_response:
            return self._followed(self._stranger(message, octets, path, now), now)
        sa = self._by_spi.get(header.spi_r if header.from_initiator else header.spi_i)
        if sa is None or (NO_SPI not in (sa.spi_r, header.spi_r) and sa.spis != header.spi_i + header.spi_r):
            if header.is_response:
                return []
            return self._complain(octets, path, NotifyType.INVALID_IKE_SPI, "a message for an IKE SA that is not", now)
        return self._followed(sa.handle(message, octets, path, now), now)

    def _stranger(self, message: Message, octets: bytes, path: Path, now: float) -> list[Act]:
        known = self._half_open.get((message.header.spi_i, path))
        if known is not None and known.init_request == octets:
            return [Reply(path, known.init_response)]
        stranger = Stranger(message, octets, path)
        if not stranger.is_complete:
            return [TurnedAway(path, "an IKE_SA_INIT that lacks what it must have")]
        busy = self.half_open >= self.cookies_from
        if busy and not self._cookies.is_good(message, stranger.nonce_octets, path):
            return [Reply(path, stranger.ask_for_cookie(self._cookies, now))]
        if self.half_open >= LARGEST_HALF_OPEN:
            return [TurnedAway(path, "too many peers begin at once")]
        sa, answer, why = stranger.welcome(self.book, self.entropy, now)
        acts: list[Act] = [Reply(path, answer)]
        if why:
            acts.append(TurnedAway(path, why))
        if sa is not None:
            self._by_spi[sa.own_spi] = sa
            self._half_open[message.header.spi_i, path] = sa
        return acts

    def _complain(self, octets: bytes, path: Path, kind: NotifyType, why: str, now: float) -> list[Act]:
        """In clear and not to be believed, so seldom: it must not serve anybody as an amplifier."""
        if now < self._complained + _COMPLAINT_INTERVAL:
            return [TurnedAway(path, why)]
        self._complained = now
        return [Reply(path, plain_answer(octets, (Notify(kind),))), TurnedAway(path, why)]

    # ------------------------------------------------------------------------------------------------ time

    def next_deadline(self) -> float | None:
        """When `tick` is to be called."""
        deadlines = [deadline for sa in self if (deadline := sa.next_deadline()) is not None]
        return min(deadlines, default=None)

    def tick(self, now: float) -> list[Act]:
        """Time has passed."""
        acts: list[Act] = []
        for sa in self:
            deadline = sa.next_deadline()
            if deadline is not None and deadline <= now:
                acts += self._followed(sa.tick(now), now)
        return acts

    # ------------------------------------------------------------------------------------------------ who stays

    def _followed(self, acts: list[Act], now: float) -> list[Act]:
        """Keep the tables in step with what the SAs did."""
        followed: list[Act] = []
        for act in acts:
            followed.append(act)
            match act:
                case Begun(sa=successor) | Replaced(successor=successor):
                    self._by_spi[successor.own_spi] = successor
                case Established(sa=sa):
                    self._no_longer_half_open(sa)
                    if sa.initial_contact:
                        followed += self._first_contact(sa)
                case Ended(sa=sa):
                    self._no_longer_half_open(sa)
                    self._by_spi.pop(sa.own_spi, None)
        return followed

    def _no_longer_half_open(self, sa: IkeSa) -> None:
        if not sa.is_initiator:
            for key in [key for key, half in self._half_open.items() if half is sa]:
                del self._half_open[key]

    def _first_contact(self, new: IkeSa) -> list[Act]:
        """The peer has forgotten all it had with us: so do we, by its proved identity and never by its address (§2.4).

        An SA that began while this one did is no old one: both ends may have begun at the same moment.
        """
        acts: list[Act] = []
        for sa in self:
            is_old = sa.is_usable and sa.since < new.begun
            if sa is not new and is_old and sa.theirs == new.theirs:
                sa.end("the peer has started anew")
                acts += sa.tick(new.now)
                self._by_spi.pop(sa.own_spi, None)
        return acts
