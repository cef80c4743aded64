"""Pairs of SAs, the connections that they belong to, and their counters. Keys go to the plane and are gone.

    SaNegotiated          SaClosed(lingers)          SaClosed
    ------------> ACTIVE ------------------> LINGERING -----> (forgotten)
                    |  the plane did not take it, or lost it
                    +-----------------------> REFUSED  -----> (forgotten, when IKE has replaced it)

A connection secures its pair of addresses while one of its SAs is ACTIVE. Of the SAs of a connection one is *used*:
we send on it. A plane may switch by itself to a newer SA on which the peer sends (RFC 7296 §2.8); its counters show it.

Counters are requested every five seconds while there are SAs, less often if there are thousands; show commands request
their own (`base.shell`). A report lists every SA of the plane. If one of ours is missing, the plane lost it (it
restarted, or removed the SA); an unknown SA is removed.

A connection is idle, and deleted, when neither a tunnel nor NHRP wants it and no packet has passed for long.
A wanted connection is kept without traffic: IOS would negotiate again with the next packet, but a plane does not report
that packet. So `set security-association idle-time` shortens the wait for unwanted connections: NHRP releases a
shortcut when its entry ends, and with it the SAs. Several connections between the same addresses (peers behind one NAT)
do not show which one is wanted: the silent peers are probed.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from dmvpn.base.addresses import Ends, IPAddress, OuterAddress
from dmvpn.base.context import Context, Retries, Timer
from dmvpn.base.effects import PollSas, RemoveSa
from dmvpn.base.events import SasCounted
from dmvpn.base.negotiation import ConnectionSilent, ConnectionUnwanted, SaNegotiated, SaRenewalWanted
from dmvpn.base.protection import Connection, SaCount, SaView
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Mutable
from dmvpn.features.ipsec import messages
from dmvpn.features.ipsec.reasons import IpsecReason

# ------------------------------------------------------------------------------------------------ SAs and connections


class SaStanding(enum.Enum):
    """What an SA may be used for."""

    ACTIVE = "active"
    LINGERING = "lingering"
    REFUSED = "refused"


class Association(Mutable):
    """One pair of SAs.

    since: when it was given to the plane, seconds monotonic.
    """

    spi: int
    connection: int
    view: SaView
    since: float
    standing: SaStanding = SaStanding.ACTIVE
    used: bool = False
    count: SaCount | None = None

    @property
    def is_lingering(self) -> bool:
        """Whether it only waits for late packets."""
        return self.standing is SaStanding.LINGERING

    def ends(self, standing: SaStanding) -> bool:
        """Set how the SA ends: it carries nothing more that we send. Returns whether it carried what we sent."""
        self.standing = standing
        was_used, self.used = self.used, False
        return was_used


class Associations:
    """All SAs by their inbound SPI, and all connections by number, both in the order in which they came."""

    def __init__(self) -> None:
        self._sas: dict[int, Association] = {}
        self._connections: dict[int, Connection] = {}
        self._of_connection: dict[int, dict[int, None]] = {}
        self._of_pair: dict[Ends, dict[int, None]] = {}
        #: By connection: what its former SAs counted, less what had been counted when a user cleared the counters.
        self._carried: dict[int, SaCount] = {}

    def __len__(self) -> int:
        return len(self._sas)

    def __iter__(self) -> Iterator[Association]:
        return iter(tuple(self._sas.values()))

    def get(self, spi: int) -> Association | None:
        """Return the SA to which the peer sends with this SPI."""
        return self._sas.get(spi)

    def has(self, spi: int, front: str) -> bool:
        """Return whether there is such an SA in a front door. In another one than its own it does not exist."""
        association = self._sas.get(spi)
        return association is not None and association.view.connection.front == front

    # ------------------------------------------------------------------------------------------------ connections

    def connection(self, number: int) -> Connection | None:
        """Return a connection that secures something."""
        return self._connections.get(number) if any(self._active(number)) else None

    def known(self, number: int) -> Connection | None:
        """Return a connection, whether it has SAs or not."""
        return self._connections.get(number)

    def connections(self, outer: OuterAddress | None = None, remote: IPAddress | None = None) -> tuple[Connection, ...]:
        """Return the connections that secure something (between these addresses), the newest first."""
        if outer is not None and remote is not None:
            found = [c for n in self._of_pair.get((outer, remote), ()) if (c := self.connection(n))]
        else:
            found = [c for n in self._connections if (c := self.connection(n)) and outer in (None, c.ends[0])]
            found = [connection for connection in found if remote in (None, connection.remote)]
        if len(found) > 1:
            found.sort(key=lambda connection: (-connection.since, -connection.number))
        return tuple(found)

    def everything(self) -> tuple[Connection, ...]:
        """Return all connections, also those of which only SAs that linger are left, the oldest first."""
        return tuple(self._connections.values())

    def carried(self, number: int) -> SaCount | None:
        """Return what former SAs of a connection counted, less what had been counted when a user cleared that."""
        return self._carried.get(number)

    def are_alone(self, ends: Ends) -> bool:
        """Return whether there is no more than one connection between these addresses."""
        return len(self._of_pair.get(ends, ())) < 2

    def place(self, connection: Connection) -> Connection | None:
        """Take in a connection as it is now. Returns how it was before."""
        before = self._connections.get(connection.number)
        if before is not None:
            self._unpair(before)
        self._connections[connection.number] = connection
        self._of_pair.setdefault(connection.ends, {})[connection.number] = None
        return before

    def drop(self, number: int) -> list[int]:
        """Drop a connection that has ended. Returns the SPIs that were still open."""
        left = [association.spi for association in self._active(number)]
        for spi in left:
            self.remove(spi)
        self._carried.pop(number, None)
        connection = self._connections.pop(number, None)
        if connection is not None:
            self._unpair(connection)
        return left

    def _unpair(self, connection: Connection) -> None:
        pair = connection.ends
        numbers = self._of_pair.get(pair, {})
        numbers.pop(connection.number, None)
        if not numbers:
            self._of_pair.pop(pair, None)

    # ------------------------------------------------------------------------------------------------ SAs

    def install(self, notice: SaNegotiated, now: float) -> Association:
        """Add a new pair of SAs. It is used at once if it is eager, or if there is nothing else."""
        spi, number = notice.sa.spi_in, notice.connection.number
        self.place(notice.connection)
        association = self._sas[spi] = Association(spi, number, notice.view, now)
        self._of_connection.setdefault(number, {})[spi] = None
        if notice.eager or not any(other.used for other in self._active(number)):
            self.use(association)
        return association

    def use(self, association: Association) -> None:
        """Send on this one from now on."""
        for other in self.connection_sas(association.connection):
            other.used = other is association

    def may_be_used(self, association: Association) -> bool:
        """Return whether packets may go on this one: the plane takes a pair behind the used one when the peer does."""
        found = [other for other in self._active(association.connection) if other.used or other is association]
        return bool(found) and found[-1] is association

    def newest(self, number: int) -> Association | None:
        """Return the newest SA of a connection, on which it sends when the SA that it used is closed."""
        return max(self._active(number), key=lambda association: association.since, default=None)

    def remove(self, spi: int) -> None:
        """Remove an SA altogether."""
        association = self._sas.pop(spi, None)
        if association is None:
            return
        if association.count is not None and association.connection in self._connections:
            before = self._carried.get(association.connection)
            self._carried[association.connection] = _sum(before, association.count)
        of_connection = self._of_connection.get(association.connection, {})
        of_connection.pop(spi, None)
        if not of_connection:
            self._of_connection.pop(association.connection, None)

    def connection_sas(self, number: int) -> Iterator[Association]:
        """Return the SAs of a connection, the oldest first."""
        return iter([self._sas[spi] for spi in self._of_connection.get(number, ())])

    def _active(self, number: int) -> Iterator[Association]:
        return (association for association in self.connection_sas(number) if association.standing is SaStanding.ACTIVE)

    # ------------------------------------------------------------------------------------------------ counters, shows

    def clear_counts(self, number: int) -> None:
        """Show the counters of a connection from here on as if they began at 0; those of the SAs themselves stay."""
        cleared: SaCount | None = None
        for association in self.connection_sas(number):
            if association.count is not None:
                cleared = _sum(cleared, association.count, times=-1)
        if cleared is None:
            self._carried.pop(number, None)
        else:
            self._carried[number] = cleared

    def count(self, association: Association, count: SaCount) -> SaCount | None:
        """Note what the plane counted, and return its count before. The pair that sends more than before is in use."""
        before, association.count = association.count, count
        sent_before = before.sent if before is not None else 0
        if count.sent > sent_before and association.standing is SaStanding.ACTIVE and not association.used:
            newer = [
                other
                for other in self.connection_sas(association.connection)
                if other.used and other.since > association.since
            ]
            if not newer:
                self.use(association)
        return before

    def views(self) -> Iterator[SaView]:
        """Yield all that still receive, for shows, the oldest first."""
        for association in self:
            if association.standing is SaStanding.REFUSED:
                continue
            connection = self._connections.get(association.connection, association.view.connection)
            used = association.used and association.standing is SaStanding.ACTIVE
            before = self._carried.get(association.connection)
            yield replace(association.view, connection=connection, used=used, count=association.count, before=before)


def _sum(before: SaCount | None, count: SaCount, *, times: int = 1) -> SaCount:
    """Add up what two pairs of SAs carried, under the name of the later one. times: -1 takes its counts away."""
    first = before or SaCount(spi_in=count.spi_in)
    return SaCount(
        spi_in=count.spi_in,
        sent=first.sent + times * count.sent,
        sent_octets=first.sent_octets + times * count.sent_octets,
        received=first.received + times * count.received,
        received_octets=first.received_octets + times * count.received_octets,
        replayed=first.replayed + times * count.replayed,
        broken=first.broken + times * count.broken,
        unsent=first.unsent + times * count.unsent,
    )


# ------------------------------------------------------------------------------------------------ counters


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
        """Request a successor of the latest SA that the plane refused."""
        refused = [a.spi for a in self._associations.connection_sas(connection) if a.standing is SaStanding.REFUSED]
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
        self._idleness.forget_connection(connection)
        self._renewals.forget_order(connection)
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
                self._renewals.forget_order(association.connection)
            # Write one line for each kind of bad packets, however many there were since the last count.
            connection = self._associations.known(association.connection)
            replayed = count.replayed - (before.replayed if before is not None else 0)
            broken = count.broken - (before.broken if before is not None else 0)
            if connection is not None and replayed > 0:
                self._context.emit(messages.replay_error(connection, count, replayed))
            if connection is not None and broken > 0:
                self._context.emit(messages.mac_error(connection, count, broken))

    def idle(self, connection: int, wanted: bool, limit: int, *, alone: bool = True) -> None:
        """Delete or probe an idle connection, after a count.

        limit: seconds, 0: nothing is configured.
        alone: it is the only connection between its addresses. Otherwise the wanted connection may be another one, and
            the peer of this one may be gone: it is probed.
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
            self._context.emit(ConnectionUnwanted(connection, "it is not needed, and no packet has passed for long"))


class Idleness:
    """By connection: when a packet passed last, as far as the counters show, or since when it has been unused."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}

    def used(self, connection: int, now: float) -> None:
        """Restart the idle time: a packet passed, or the connection is wanted."""
        self._since[connection] = now

    def since(self, connection: int, now: float) -> float:
        """Return since when it has been idle."""
        return self._since.setdefault(connection, now)

    def forget_connection(self, connection: int) -> None:
        """Forget a connection that is gone."""
        self._since.pop(connection, None)


def passed(before: SaCount | None, count: SaCount) -> bool:
    """Return whether anything passed between two counts."""
    return (count.sent, count.received) != ((before.sent, before.received) if before is not None else (0, 0))
