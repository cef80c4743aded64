"""Flooding: new LSAs go to all neighbors, and are sent again until each acknowledges them. RFC 2328 §13.3 to 13.5.

The LSAs of one event are collected on the interfaces and sent together at its end (`settle`): a hub that receives a
hundred LSAs floods them in a few packets. Received updates are handled in `updates`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.ospf.lsa import OPAQUE, newer
from dmvpn.features.ospf.messages import FLOOD, GENERATION, generated_line, installed_line
from dmvpn.features.ospf.neighbor import InterfaceState, NeighborState
from dmvpn.features.ospf.packet import Acknowledgment

if TYPE_CHECKING:
    from dmvpn.features.ospf.interface import Neighbor, OspfInterface
    from dmvpn.features.ospf.lsa import Database, Lsa, LsaHeader, LsaKey
    from dmvpn.features.ospf.output import Retransmission, Sender
    from dmvpn.features.ospf.spf import RunningArea
    from dmvpn.features.ospf.state import State

#: Seconds that acknowledgments wait for company; less than the retransmit interval.
_ACKNOWLEDGE_DELAY: Final = 1.0


class Flooding:
    """Installs LSAs and floods them, for one process."""

    def __init__(self, state: State, sender: Sender, retransmission: Retransmission) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self._retransmission = retransmission
        #: For advertisements at MAX_AGE, one neighbor that has not acknowledged them: the first to be asked again.
        self._awaited: dict[LsaKey, Neighbor] = {}
        self._supplied: list[Neighbor] = []
        self._changed: list[tuple[RunningArea, Lsa]] = []

    def originate(self, area: RunningArea, lsa: Lsa) -> None:
        """Flood an LSA of our own, or an LSA that has become too old here, to all neighbors."""
        if self._context.ports.debugging.on(GENERATION):
            self._context.debug(generated_line(self._state.number, lsa.header))
        changed = self._install(area, lsa)
        self._queue_everywhere(area, lsa, None)
        if changed:
            self.note_change(area, lsa)

    def spread(self, area: RunningArea, lsa: Lsa, origin: Neighbor) -> tuple[bool, bool]:
        """Install an LSA and flood it, RFC 2328 §13.3. origin: the neighbor that sent it.

        Returns whether it is sent on the interface on which it came, and whether the contents of the database changed
        (`note_change`).
        """
        changed = self._install(area, lsa)
        return self._queue_everywhere(area, lsa, origin), changed

    def note_change(self, area: RunningArea, lsa: Lsa) -> None:
        """Note that the database says another thing: the routes have to be calculated again."""
        self._state.history.changed(self._context.now, lsa.header)
        self._changed.append((area, lsa))
        if self._context.ports.debugging.on(FLOOD):
            self._context.debug(installed_line(self._state.number, lsa.header))
        self._state.request_calculation()

    def take_changed(self) -> list[tuple[RunningArea, Lsa]]:
        """Return the changes of databases since the last call, with the areas that they came by."""
        changed, self._changed = self._changed, []
        return changed

    def take_supplied(self) -> list[Neighbor]:
        """Return neighbors from which an LSA was requested that has arrived from another neighbor since the last
        call.
        """
        supplied, self._supplied = self._supplied, []
        return supplied

    # ------------------------------------------------------------------------------------------------ out

    def _install(self, area: RunningArea, lsa: Lsa) -> bool:
        self._awaited.pop(lsa.key, None)  # the neighbor kept for the old instance may be lost before the new one ends
        return self._state.database(area, lsa.header.type).install(lsa, self._state.arrival)

    def _queue_everywhere(self, area: RunningArea, lsa: Lsa, origin: Neighbor | None) -> bool:
        """Queue the LSA on each interface where it is new. True: by the interface that it came in by, too."""
        back = False
        for interface in self._state.flooded(area, lsa.header.type):
            if self._queue(interface, lsa, origin) and origin is not None and interface is origin.interface:
                back = True
        return back

    def _queue(self, interface: OspfInterface, lsa: Lsa, origin: Neighbor | None) -> bool:
        """Note the neighbors on this interface to which it is new. True: it is to be sent here."""
        key, wanted = lsa.key, False
        for neighbor in interface.told:
            neighbor.waiting.forgive(key)
            if neighbor.state is not NeighborState.FULL and not self._is_news(neighbor, lsa.header):
                continue
            if neighbor is origin or interface.settings.filter_database:
                continue
            if key.type in OPAQUE and not neighbor.takes_opaque:
                continue
            self._retransmission.owe(neighbor, lsa)
            wanted = True
        if not wanted:
            return False
        if origin is not None and interface is origin.interface:
            heard_by_all = origin.is_designated or origin.is_backup
            if heard_by_all or interface.phase is InterfaceState.BACKUP:
                return False
        interface.flood(lsa)
        return True

    def _is_news(self, neighbor: Neighbor, header: LsaHeader) -> bool:
        """Return whether the neighbor still describes its database: does it lack this instance? RFC 2328 §13.3 (1b)."""
        known = neighbor.talk.requests.get(header.key)
        if known is None:
            return True
        verdict = newer(header, known)
        if verdict >= 0 and neighbor.got(header.key):
            self._supplied.append(neighbor)
        return verdict > 0

    def settle(self) -> list[tuple[RunningArea | None, LsaKey]]:
        """Settle the event, which is over: send the collected LSAs, and remove flushed LSAs that all have acknowledged.

        Returns the LSAs that were removed from the databases.
        """
        for interface in self._state.interfaces.values():
            if interface.to_flood:
                fresh = [self._state.outgoing(lsa, interface) for lsa in interface.take_flood()]
                for part in self._sender.portions(interface, fresh):
                    self._sender.everywhere(interface, part)
        if not any(database.dying for _, database in self._state.scopes()) or self._state.is_exchanging:
            return []
        return [
            (area, key)
            for area, database in self._state.scopes()
            for key in list(database.dying)
            if self._is_buried(database, key)
        ]

    def _is_buried(self, database: Database, key: LsaKey) -> bool:
        """Remove an LSA at MAX_AGE once no neighbor awaits it. RFC 2328 §14."""
        awaited = self._awaited.pop(key, None)
        if awaited is None or key not in awaited.waiting:
            awaited = next((one for one in self._state.neighbors() if key in one.waiting), None)
        if awaited is not None:
            self._awaited[key] = awaited
            return False
        database.remove(key)
        return True

    # ------------------------------------------------------------------------------------------------ acknowledgments

    def acknowledge_soon(self, interface: OspfInterface, header: LsaHeader) -> None:
        """Queue an acknowledgment, which leaves soon together with others of its kind."""
        interface.acknowledge(header)
        if not self._context.is_running(interface.acknowledge_timer):
            self._context.start(interface.acknowledge_timer, _ACKNOWLEDGE_DELAY)

    def acknowledge(self, interface: OspfInterface) -> None:
        """Send the acknowledgments that waited, since their time has come."""
        for part in self._sender.batches(interface, interface.take_acknowledgments()):
            self._sender.everywhere(interface, Acknowledgment(part))
