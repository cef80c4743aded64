"""Flooding: what is new goes on to everybody, and is sent again until each has acknowledged it. RFC 2328 §13.

What an event makes us tell is gathered on the interfaces and leaves together at its end (`settle`): a hub that hears of
a hundred advertisements tells them in a few packets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.features.ospf.database import size_of
from dmvpn.features.ospf.lsa import MAX_AGE, OPAQUE, Lsa, LsaHeader, LsaType, newer
from dmvpn.features.ospf.messages import GENERATION, generated_line
from dmvpn.features.ospf.packet import Acknowledgment
from dmvpn.features.ospf.states import InterfaceState, NeighborState
from dmvpn.features.ospf.surroundings import Surroundings

if TYPE_CHECKING:
    from dmvpn.features.ospf.adjacency import Adjacencies
    from dmvpn.features.ospf.area import RunningArea
    from dmvpn.features.ospf.database import Database, Entry
    from dmvpn.features.ospf.exchange import Exchange
    from dmvpn.features.ospf.graceful import Helper
    from dmvpn.features.ospf.interface import Neighbor, OspfInterface
    from dmvpn.features.ospf.lsa import LsaKey
    from dmvpn.features.ospf.packet import Update

#: Seconds that acknowledgments wait for company; less than the retransmit interval.
_ACKNOWLEDGE_DELAY: Final = 1.0
#: Octets of all databases of a process, with something for each advertisement: some 90,000 external routes.
LARGEST_DATABASES: Final = 1 << 23
#: Octets of an advertisement that fits into an IP packet with all that may be around it.
_LONGEST: Final = 0xFFFF - 200


class Making(Protocol):
    """The part that makes advertisements of ours."""

    def contested(self, area: RunningArea, lsa: Lsa) -> None:
        """Contest an instance of one of ours that somebody told us, newer than we know."""

    def buried(self, area: RunningArea | None, key: LsaKey) -> None:
        """Note that an instance has gone from the database."""


class Telling(Surroundings, Protocol):
    """A process, as far as it floods."""

    @property
    def adjacencies(self) -> Adjacencies:
        """Moves neighbors."""
        ...

    @property
    def exchange(self) -> Exchange:
        """Exchanges databases."""
        ...

    @property
    def helper(self) -> Helper:
        """Helps neighbors that restart."""
        ...

    @property
    def origination(self) -> Making:
        """Makes our advertisements."""
        ...


class Flooding:
    """Takes updates and tells them on, for one process."""

    def __init__(self, process: Telling) -> None:
        self._process = process
        self._context = process.context
        #: For advertisements at MAX_AGE, one neighbor that has not acknowledged them: the first to be asked again.
        self._awaited: dict[LsaKey, Neighbor] = {}

    # ------------------------------------------------------------------------------------------------ in

    def receive(self, neighbor: Neighbor, update: Update) -> None:
        """Take an update that came from a neighbor."""
        if not neighbor.exchanges:
            return
        at_once: list[LsaHeader] = []
        for lsa in update.lsas:
            if not self._receive(neighbor, lsa, at_once):
                break
        for headers in self._process.sender.batches(neighbor.interface, at_once):
            self._process.sender.to(neighbor, Acknowledgment(headers))

    def _receive(self, neighbor: Neighbor, lsa: Lsa, at_once: list[LsaHeader]) -> bool:
        """Take one advertisement. at_once: what is to be acknowledged without delay. False: the rest is void."""
        area, header, now = neighbor.interface.area, lsa.header, self._context.now
        if not lsa.is_sound or not area.admits(header.type) or header.length > _LONGEST:
            self._process.sender.drop("LSA that may not be")
            return True
        if header.type == LsaType.OPAQUE_LINK:
            # Nobody needs them but the neighbors that heard them, too: they are neither kept nor told on.
            self._process.exchange.got(neighbor, header)
            at_once.append(header)
            self._process.helper.take(neighbor.interface, lsa)
            return True
        database = self._process.database(area, header.type)
        entry = database.get(lsa.key)
        if header.age >= MAX_AGE and entry is None and not self._process.is_exchanging:
            self._process.exchange.got(neighbor, header)
            at_once.append(header)
            return True
        verdict = database.compare(header)
        if verdict > 0 and self._is_too_much(lsa, entry):
            # Acknowledged all the same, or it comes again forever; the neighbor stays, and so does what is known.
            self._process.exchange.got(neighbor, header)
            at_once.append(header)
            self._process.complaints.refuse(
                neighbor.interface, neighbor.address, "LSA too many", "more link states than there is room for"
            )
            return True
        if verdict > 0:
            if entry is not None and not entry.may_be_replaced(now, database.arrival()) and not self._is_own(lsa):
                return True
            self._accept(neighbor, area, lsa)
            return True
        if lsa.key in neighbor.talk.requests:
            self._process.adjacencies.restart(neighbor, "BadLSReq")
            return False
        if verdict == 0:
            self._same_again(neighbor, header, at_once)
        elif entry is not None:
            self._tell_newer(neighbor, entry)
        return True

    def _is_too_much(self, lsa: Lsa, entry: Entry | None) -> bool:
        """Return whether the databases would become larger than they may by what others tell."""
        more = size_of(lsa) - (size_of(entry.lsa) if entry is not None else 0)
        if more <= 0 or (entry is not None and self._is_own(lsa)):
            return False
        return more + sum(database.size for _, database in self._process.scopes()) > LARGEST_DATABASES

    def _accept(self, neighbor: Neighbor, area: RunningArea, lsa: Lsa) -> None:
        interface = neighbor.interface
        sent_back = self._install_and_flood(area, lsa, neighbor)
        is_backup = interface.phase is InterfaceState.BACKUP
        if not sent_back and (not is_backup or neighbor.is_designated):
            self._acknowledge_soon(interface, lsa.header)
        if self._is_own(lsa):
            self._process.origination.contested(area, lsa)

    def _same_again(self, neighbor: Neighbor, header: LsaHeader, at_once: list[LsaHeader]) -> None:
        """Take the instance that we have as an acknowledgment, if the neighbor owes us one.

        RFC 2328 §13 (7), table 19.
        """
        if self._process.retransmission.settle(neighbor, header):
            if neighbor.interface.phase is InterfaceState.BACKUP and neighbor.is_designated:
                self._acknowledge_soon(neighbor.interface, header)
        else:
            at_once.append(header)

    def _tell_newer(self, neighbor: Neighbor, entry: Entry) -> None:
        """Send ours to a neighbor that has an old instance. RFC 2328 §13 (8)."""
        if self._context.now - entry.arrived >= self._process.externals.arrival():
            self._process.sender.tell(
                neighbor, [entry.outgoing(self._context.now, neighbor.interface.settings.transmit_delay)]
            )

    def _is_own(self, lsa: Lsa) -> bool:
        """Return whether we seem to have made it. RFC 2328 §13.4."""
        if lsa.header.router == self._process.router_id:
            return True
        return lsa.header.type == LsaType.NETWORK and self._process.has_address(lsa.header.id)

    def acknowledged(self, neighbor: Neighbor, acknowledgment: Acknowledgment) -> None:
        """Take an acknowledgment that came. RFC 2328 §13.7."""
        if neighbor.exchanges:
            for header in acknowledgment.headers:
                self._process.retransmission.settle(neighbor, header)

    # ------------------------------------------------------------------------------------------------ out

    def originate(self, area: RunningArea, lsa: Lsa) -> None:
        """Flood one of our own, or one that has grown too old here: everybody is to know it."""
        if self._context.ports.debugging.on(GENERATION):
            self._context.debug(generated_line(self._process.number, lsa.header))
        self._install_and_flood(area, lsa, None)

    def _install_and_flood(self, area: RunningArea, lsa: Lsa, origin: Neighbor | None) -> bool:
        """Install an advertisement and flood it, RFC 2328 §13.3. origin: who told us.

        True: it leaves by the interface that it came in by.
        """
        database = self._process.database(area, lsa.header.type)
        changed = database.install(lsa)
        back = False
        for interface in self._process.flooded(area, lsa.header.type):
            if self._queue(interface, lsa, origin) and origin is not None and interface is origin.interface:
                back = True
        if changed:
            self._process.database_changed(area, lsa)
        return back

    def _queue(self, interface: OspfInterface, lsa: Lsa, origin: Neighbor | None) -> bool:
        """Note for whom on this interface it is news. True: it is to be sent here."""
        key, wanted = lsa.key, False
        for neighbor in interface.told:
            neighbor.forgive(key)
            if neighbor.state is not NeighborState.FULL and not self._is_news(neighbor, lsa.header):
                continue
            if neighbor is origin or interface.settings.filter_database:
                continue
            if key.type in OPAQUE and not neighbor.takes_opaque:
                continue
            self._process.retransmission.owe(neighbor, lsa)
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
        if verdict >= 0:
            self._process.exchange.got(neighbor, header)
        return verdict > 0

    def settle(self) -> None:
        """Settle the event, which is over: send what was gathered, forget what everybody knows to be gone."""
        for interface in self._process.interfaces.values():
            if interface.to_flood:
                fresh = [self.on_the_way(lsa, interface) for lsa in interface.take_flood()]
                for part in self._process.sender.portions(interface, fresh):
                    self._process.sender.everywhere(interface, part)
        if any(database.dying for _, database in self._process.scopes()) and not self._process.is_exchanging:
            for area, database in self._process.scopes():
                for key in list(database.dying):
                    self._bury(area, database, key)

    def _bury(self, area: RunningArea | None, database: Database, key: LsaKey) -> None:
        """Bury an advertisement at MAX_AGE once nobody has to hear of it any more. RFC 2328 §14."""
        awaited = self._awaited.pop(key, None)
        if awaited is None or key not in awaited.waiting:
            awaited = next((one for one in self._process.neighbors() if key in one.waiting), None)
        if awaited is not None:
            self._awaited[key] = awaited
        else:
            database.remove(key)
            self._process.origination.buried(area, key)

    def on_the_way(self, lsa: Lsa, interface: OspfInterface) -> Lsa:
        """Make of an advertisement what leaves by an interface: as old as it is now, if it still holds."""
        database = self._process.database(interface.area, lsa.header.type)
        entry = database.get(lsa.key)
        if entry is not None and entry.lsa is lsa:
            return entry.outgoing(self._context.now, interface.settings.transmit_delay)
        return lsa

    # ------------------------------------------------------------------------------------------------ acknowledgments

    def _acknowledge_soon(self, interface: OspfInterface, header: LsaHeader) -> None:
        interface.acknowledge(header)
        if not self._context.is_running(interface.acknowledge_timer):
            self._context.start(interface.acknowledge_timer, _ACKNOWLEDGE_DELAY)

    def acknowledge(self, interface: OspfInterface) -> None:
        """Send the acknowledgments that waited, since their time has come."""
        for part in self._process.sender.batches(interface, interface.take_acknowledgments()):
            self._process.sender.everywhere(interface, Acknowledgment(part))
