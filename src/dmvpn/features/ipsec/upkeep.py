"""What the plane's counters say about SAs: which connections are idle, what was replayed, what the plane lost.

Counters are asked for while there are SAs, every five seconds, and more seldom if there are thousands; shows ask for
themselves (`base.counting`). An answer names every SA that the plane has. If one of ours is missing, it was lost (the
plane restarted, or forgot it); one that we do not know is removed.

A connection is idle, and deleted, when neither a tunnel nor NHRP wants it and nothing has passed for long.
A wanted connection is kept, however silent it is: a plane does not report the packet that would have to bring it back,
and IOS would negotiate again with that packet. So `set security-association idle-time` shortens the wait for what
nobody wants: NHRP lets a shortcut go when its entry ends, and with it the SAs. Of several connections between the same
addresses (peers behind one NAT) nobody can say which one is wanted: the silent ones are asked whether they live.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer
from dmvpn.base.effects import PollSas, RemoveSa
from dmvpn.base.negotiation import ConnectionSilent, ConnectionUnwanted, SaRenewalWanted
from dmvpn.base.reasons import Reason
from dmvpn.base.retries import Retries
from dmvpn.features.ipsec import messages
from dmvpn.features.ipsec.associations import SaStanding
from dmvpn.features.ipsec.reasons import IpsecReason

if TYPE_CHECKING:
    from dmvpn.base.context import Context
    from dmvpn.base.events import SasCounted
    from dmvpn.base.protection import SaCount
    from dmvpn.features.ipsec.associations import Association, Associations

#: Seconds between two counts, and SAs for each of which counts get further apart.
POLL: Final = 5.0
SAS_A_SECOND: Final = 400
#: Seconds that an answer may have been on its way: it does not include the SAs of that time.
IN_FLIGHT: Final = 2.0
#: Connections whose refused SAs are replaced in one event.
_RENEWALS: Final = 32
#: Seconds of silence where nothing is configured. A client that was refused tries again every 64 s (NHRP).
UNWANTED_IDLE: Final = 120.0


class Upkeep:
    """Looks after the SAs of one table."""

    def __init__(self, context: Context, associations: Associations) -> None:
        self._context = context
        self._associations = associations
        self._poll = Timer("ask the plane for its counters", self.poll)
        #: By connection.
        self._renewals: Retries[int] = Retries(context, "replace a lost SA", self._renew, most=_RENEWALS)
        self._idleness = Idleness()
        self._unwanted: set[int] = set()

    def poll(self) -> None:
        """Ask for the counters, if there is anything to count."""
        if not len(self._associations):
            self._context.stop(self._poll)
            return
        self._context.start(self._poll, max(POLL, len(self._associations) / SAS_A_SECOND))
        self._context.emit(PollSas())

    def _renew(self, connection: int) -> None:
        """Ask again for what was refused."""
        refused = [a.spi for a in self._associations.of(connection) if a.standing is SaStanding.REFUSED]
        if refused:
            self._context.emit(SaRenewalWanted(refused[-1]))

    # ------------------------------------------------------------------------------------------------ SAs come and go

    def installed(self, association: Association) -> None:
        """Watch a new pair of SAs."""
        self._idleness.used(association.connection, self._context.now)
        if not self._context.is_running(self._poll):
            self._context.start(self._poll, POLL)

    def refused(self, association: Association, text: str) -> None:
        """Have an SA replaced that the plane does not have, soon at first and then more seldom."""
        reason = Reason(IpsecReason.SA_REFUSED, (text,))
        self._renewals.failed(association.connection, reason)

    def gone(self, connection: int) -> None:
        """Forget a connection that is gone."""
        self._idleness.forget(connection)
        self._renewals.forget(connection)
        self._unwanted.discard(connection)

    # ------------------------------------------------------------------------------------------------ counters

    def missing(self, event: SasCounted) -> list[Association]:
        """Return the SAs that should be in the plane and are not."""
        there = {count.spi_in for count in event.counts}
        return [
            association
            for association in self._associations
            if association.standing is not SaStanding.REFUSED
            and association.spi not in there
            and self._context.now - association.since > IN_FLIGHT
        ]

    def count(self, event: SasCounted) -> None:
        """Take the counters in."""
        for count in event.counts:
            association = self._associations.get(count.spi_in)
            if association is None:
                self._context.emit(RemoveSa(count.spi_in))
                continue
            before = self._associations.count(association, count)
            if passed(before, count):
                self._idleness.used(association.connection, self._context.now)
            if association.standing is SaStanding.ACTIVE:
                self._renewals.forget(association.connection)
            self._complain(association, before, count)

    def _complain(self, association: Association, before: SaCount | None, count: SaCount) -> None:
        """Write one line for each kind of bad packets, however many there were since the last count."""
        connection = self._associations.known(association.connection)
        replayed = count.replayed - (before.replayed if before is not None else 0)
        broken = count.broken - (before.broken if before is not None else 0)
        if connection is not None and replayed > 0:
            self._context.emit(messages.ReplayError.of(connection, count, replayed))
        if connection is not None and broken > 0:
            self._context.emit(messages.MacError.of(connection, count, broken))

    def idle(self, connection: int, wanted: bool, limit: int, *, alone: bool = True) -> None:
        """Act on what a connection has been used for, after a count.

        limit: seconds, 0: nothing is configured.
        alone: no other connection is there between its addresses. Else another one may be what is wanted, and the peer
            of this one may be gone: it is asked.
        """
        now = self._context.now
        silence = now - self._idleness.since(connection, now)
        if wanted:
            self._unwanted.discard(connection)
            is_silent = not alone and silence >= UNWANTED_IDLE
            if alone or is_silent:
                self._idleness.used(connection, now)
            if is_silent:
                self._context.emit(ConnectionSilent(connection))
        elif connection not in self._unwanted and silence >= (limit or UNWANTED_IDLE):
            self._unwanted.add(connection)
            self._context.emit(ConnectionUnwanted(connection, "nobody wants it, and nothing has passed for long"))


class Idleness:
    """By connection: when something passed last, as far as the counters show, or since when it has been of no use."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}

    def used(self, connection: int, now: float) -> None:
        """Begin the time again: something passed, or somebody wants the connection."""
        self._since[connection] = now

    def since(self, connection: int, now: float) -> float:
        """Return since when it has been idle."""
        return self._since.setdefault(connection, now)

    def forget(self, connection: int) -> None:
        """Forget a connection that is gone."""
        self._since.pop(connection, None)


def passed(before: SaCount | None, count: SaCount) -> bool:
    """Return whether anything passed between two counts."""
    return (count.sent, count.received) != ((before.sent, before.received) if before is not None else (0, 0))
