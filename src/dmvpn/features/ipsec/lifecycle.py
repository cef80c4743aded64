"""What happens to SAs and connections, and what follows: orders to the data plane, and pairs that differ now.

`InstallSa` is ordered before anybody hears that its pair is secured, so what others do because of that finds the SA in
the plane. A plane that refuses says so later (`EffectFailed`): then the SA does not count, and IKE has to replace it.
Nothing may be sent on an SA that was closed: the plane changes to the successor first, or loses it at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.effects import InstallSa, RemoveSa, UseSa
from dmvpn.base.negotiation import ConnectionUnwanted
from dmvpn.base.protection import ProtectionPhase
from dmvpn.base.reasons import Reason
from dmvpn.features.ipsec import messages
from dmvpn.features.ipsec.associations import Associations, SaStanding, Upkeep
from dmvpn.features.ipsec.reasons import IpsecReason

if TYPE_CHECKING:
    from dmvpn.base.addresses import Ends
    from dmvpn.base.context import Context
    from dmvpn.base.events import SasCounted
    from dmvpn.base.negotiation import ConnectionChanged, SaClosed, SaNegotiated
    from dmvpn.base.protection import Connection
    from dmvpn.features.ipsec.sockets import CryptoSockets, Negotiations, Pair


class Lifecycle:
    """The only writer of the table of SAs.

    Orders leave by the context. What is returned are the pairs between which the protection may be different now.
    """

    def __init__(self, context: Context, sockets: CryptoSockets, negotiations: Negotiations) -> None:
        self._context = context
        self._sockets = sockets
        self._negotiations = negotiations
        self.associations = Associations()
        self.upkeep = Upkeep(context, self.associations)

    # ------------------------------------------------------------------------------------------------ SAs

    def negotiated(self, notice: SaNegotiated) -> tuple[Ends, ...]:
        """Take in a pair of SAs from IKE."""
        before = self.associations.known(notice.connection.number)
        association = self.associations.install(notice, self._context.now)
        self.upkeep.installed(association)
        self._secured(notice.connection)
        self._context.emit(InstallSa(notice.sa, notice.eager))
        if self._debugs(notice.connection):
            self._context.debug(*messages.created(notice.view))
        return _pairs(before, notice.connection)

    def closed(self, notice: SaClosed) -> tuple[Ends, ...]:
        """Close a pair of SAs: nothing may be sent on it any more."""
        association = self.associations.get(notice.spi_in)
        if association is None:
            return ()
        was_there = association.standing is not SaStanding.REFUSED
        was_used = self.associations.may_be_used(association)
        association.ends(SaStanding.LINGERING)
        successor = self.associations.newest(association.connection)
        if successor is not None and was_used:
            self.associations.use(successor)
            self._context.emit(UseSa(successor.spi))
            if self._debugs(successor.view.connection):
                self._context.debug(*messages.switched(successor.view))
        if successor is None:  # packets must not go by a lingering SA instead
            for each in self.associations.of(association.connection):
                if each.is_lingering:
                    self._forget(each.spi, notice.reason)
        elif not notice.lingers or not was_there:
            self._forget(notice.spi_in, notice.reason)
        return self._lost(self.associations.known(association.connection), notice.reason)

    def refused(self, spi: int, why: str) -> tuple[Ends, ...]:
        """Note that the plane does not have an SA that IKE believes in."""
        association = self.associations.get(spi)
        if association is None or association.standing is not SaStanding.ACTIVE:
            return ()
        association.ends(SaStanding.REFUSED)
        self.upkeep.refused(association, why)
        before = self.associations.newest(association.connection)
        if before is not None:
            self.associations.use(before)  # the plane has changed nothing
        connection = self.associations.known(association.connection)
        if connection is None:
            return ()
        reason = Reason(IpsecReason.SA_REFUSED, (why,))
        for key in self._bare(connection):
            self._negotiations.hear(key, ProtectionPhase.IPSEC, reason, self._context.now)
        self._context.emit(messages.SaRefused.of(connection.remote, why))
        return (connection.ends,)

    def counted(self, event: SasCounted) -> tuple[Ends, ...]:
        """Take in the plane's counters: what the plane lost counts as refused."""
        pairs: list[Ends] = []
        for association in self.upkeep.missing(event):
            if association.standing is SaStanding.LINGERING:
                self.associations.remove(association.spi)
            pairs += self.refused(association.spi, "the host lost it")
        self.upkeep.count(event)
        return tuple(pairs)

    def _forget(self, spi: int, why: Reason | str) -> None:
        association = self.associations.get(spi)
        self.associations.remove(spi)
        if association is None:
            return
        self._context.emit(RemoveSa(spi))
        if self._debugs(association.view.connection):
            self._context.debug(*messages.deleted(association.view, str(why)))

    # ------------------------------------------------------------------------------------------------ connections

    def changed(self, notice: ConnectionChanged) -> tuple[Ends, ...]:
        """Follow a connection that came, moved or went."""
        old, new = notice.old, notice.new
        if new is not None:
            before = self.associations.place(new) or old
            if self.associations.connection(new.number) is None:
                return ()
            self._secured(new)
            return _pairs(before, new)
        if old is None:
            return ()
        left = self.associations.drop(old.number)
        self._context.emit(*(RemoveSa(spi) for spi in left))
        self.upkeep.gone(old.number)
        return self._lost(old, notice.reason) if left else ()

    def close(self, connection: Connection, why: str) -> tuple[Ends, ...]:
        """Close what we have with this peer: the plane loses it now, and IKE tells the peer."""
        for association in self.associations.of(connection.number):
            self._forget(association.spi, why)
        self._context.emit(ConnectionUnwanted(connection.number, why))
        return self._lost(connection, why)

    def _lost(self, connection: Connection | None, why: Reason | str) -> tuple[Ends, ...]:
        """Note that a connection has one SA less. If its pair has none now, a wanted pair knows why."""
        if connection is None:
            return ()
        for key in self._bare(connection):
            reason = Reason(IpsecReason.SA_GONE, (why,)) if self._sockets.is_asked(key) else None
            self._negotiations.lost(key, reason, self._context.now)
        return (connection.ends,)

    def _secured(self, connection: Connection) -> None:
        for port in dict.fromkeys((0, connection.remote_port)):
            self._negotiations.secured((*connection.ends, port), self._context.now)

    def _bare(self, connection: Connection) -> list[Pair]:
        """Return under what a connection may be wanted, and nothing secures it: its pair, and its peer alone."""
        pair, port = connection.ends, connection.remote_port
        left = self.associations.connections(*pair)
        bare = [(*pair, 0)] if not left else []
        if port and self._sockets.is_asked((*pair, port)) and all(each.remote_port != port for each in left):
            bare.append((*pair, port))
        return bare

    def _debugs(self, connection: Connection) -> bool:
        return self._context.ports.debugging.on(messages.IPSEC, connection.remote)


def _pairs(before: Connection | None, after: Connection) -> tuple[Ends, ...]:
    """Return where a connection is, and where it was."""
    return tuple(dict.fromkeys(((before or after).ends, after.ends)))
