"""Dead peer detection on demand (`dpd ... on-demand`): only a peer that we send to, and hear nothing from, is asked.

What comes in ESP proves that the peer lives as well as a message of IKE does (RFC 7296 §2.4). The data plane counts it;
it is asked while there is an IKE SA that wants to know, and whatever else makes it count is taken, too. It is asked
also while a request goes unanswered: if ESP still comes, the way to the peer is dead and not the peer, and it is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.deadlines import earliest
from dmvpn.base.effects import PollSas
from dmvpn.features.ikev2.exchanges import Probe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.effects import Effect
    from dmvpn.base.events import SasCounted
    from dmvpn.features.ikev2.connections import Connections
    from dmvpn.features.ikev2.sa import IkeSa


#: Seconds between two counts for requests that go unanswered.
_PAUSE: Final = 1.0


class Traffic:
    """What went and came, by inbound SPI, when it was last counted."""

    def __init__(self) -> None:
        self._counted: dict[int, tuple[int, int]] = {}
        self._due: float | None = None
        self._asked: float | None = None
        self._last = float("-inf")

    def next_deadline(self) -> float | None:
        """When `tick` is to be called."""
        return earliest(self._due, self._asked)

    def ask(self, now: float) -> None:
        """Somebody does not answer. All the peers of a hub may fall silent at once: they are counted together."""
        self._asked = max(now, self._last + _PAUSE)

    def watch(self, sa: IkeSa, now: float) -> None:
        """An IKE SA was established; its peer may have to be watched."""
        if sa.terms is not None and sa.terms.dpd and sa.terms.on_demand:
            when = now + sa.terms.dpd
            self._due = when if self._due is None else min(self._due, when)

    def tick(self, sas: Iterable[IkeSa], now: float) -> list[Effect]:
        """Have the data plane count, if it is time and somebody wants to know."""
        is_asked = self._asked is not None and now >= self._asked
        if self._due is not None and now >= self._due:
            self._due = None
            for sa in sas:
                self.watch(sa, now)
            is_asked = is_asked or self._due is not None
        if not is_asked:
            return []
        self._asked, self._last = None, now
        return [PollSas()]

    def counted(self, event: SasCounted, connections: Connections, now: float) -> list[Probe]:
        """What the data plane says: who was heard, and whom to ask."""
        silent: dict[bytes, IkeSa] = {}
        before, self._counted = self._counted, {}
        for count in event.counts:
            sa = connections.owner(count.spi_in)
            sent, received = before.get(count.spi_in, (0, 0))
            self._counted[count.spi_in] = count.sent, count.received
            if sa is None:
                continue
            if count.received > received:
                sa.lives(now)
            elif count.sent > sent:
                silent[sa.own_spi] = sa
        return [Probe(sa) for sa in silent.values() if self._is_suspicious(sa, now)]

    @staticmethod
    def _is_suspicious(sa: IkeSa, now: float) -> bool:
        terms = sa.terms
        wants_to_know = terms is not None and terms.on_demand and 0 < terms.dpd <= now - sa.heard
        return wants_to_know and sa.is_usable and sa.outgoing.current is None
