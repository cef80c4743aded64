"""What neighbors send: packets are checked, databases exchanged, updates judged.

    Receiver   whether a packet is of our area, of a neighbor on the link, authentic: RFC 2328 §8.2
    Exchange   master or slave, descriptions of a neighbor, requests: RFC 2328 §10.6 to §10.9
    Updates    each LSA is judged, taken and acknowledged, or answered: RFC 2328 §13, §13.7
    LsaLimit   `max-lsa`: a limit for LSAs of other routers, not of the RFC but IOS's

    below the threshold -> near: a log line -> over: a log line, and a minute to become less
    -> ignoring: no neighbors, nothing is kept, for `ignore-time` -> it begins again

A process that exceeds its limit too often ignores LSAs until an administrator clears the process; after `reset-time`
without, the times are counted from the start.
"""

from __future__ import annotations

from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.context import Timer
from dmvpn.base.errors import WireError
from dmvpn.base.events import IpReceived
from dmvpn.base.reasons import Reason
from dmvpn.features.ospf import messages, version3
from dmvpn.features.ospf.adjacency import Adjacencies, Hellos, Helper
from dmvpn.features.ospf.flooding import Flooding, Origination
from dmvpn.features.ospf.interface import Neighbor, OspfInterface
from dmvpn.features.ospf.lsa import MAX_AGE, NOT_KEPT, OPAQUE, DatabaseEntry, Lsa, LsaHeader, LsaType, size_of
from dmvpn.features.ospf.messages import (
    duplicate_router,
    lsa_limit_ignoring,
    lsa_limit_passed,
    lsa_threshold,
    mtus_differ,
)
from dmvpn.features.ospf.model import NetworkType, ProcessSettings
from dmvpn.features.ospf.neighbor import InterfaceState, NeighborMove, NeighborState
from dmvpn.features.ospf.output import Complaints, Descriptions, Retransmission, Sender, parse
from dmvpn.features.ospf.packet import Acknowledgment, Description, Hello, LinkStateRequest, LinkStateUpdate, OspfPacket
from dmvpn.features.ospf.reasons import OspfReason
from dmvpn.features.ospf.spf import RunningArea
from dmvpn.features.ospf.state import State

# ------------------------------------------------------------------------------------------------ `max-lsa`


#: Seconds for which there may be too many before the process gives up.
_PATIENCE: Final = 60.0
_MINUTE: Final = 60.0


class LsaLimit:
    """That of one process. ignored: how often it has ignored since this was last counted from the start.

    ignore, resume: halt the process, and start it again; they call `ignore` and `resume` here.
    """

    def __init__(self, state: State, ignore: Timer, resume: Timer) -> None:
        self.ignored = 0
        self.is_ignoring = False
        self._state = state
        self._context = state.context
        self._near = self._over = False
        self._patience = ignore
        self._end = resume
        self._reset = Timer("forget how often neighbors were ignored", self._forgive)

    @property
    def count(self) -> int:
        """The number of LSAs from other routers."""
        own = int(self._state.router_id)
        return sum(len(each.entries) - each.by_router.get(own, 0) for _, each in self._state.scopes())

    @property
    def until(self) -> float | None:
        """When the process begins again, monotonic seconds; None: it does not ignore, or for good."""
        return self._context.timers.when(self._end)

    def check(self) -> None:
        """Check the number of LSAs; called at the end of each event."""
        limit = self._state.settings.lsa_limit
        if limit is None or self.is_ignoring:
            return
        number, count = self._state.settings.number, self.count
        was_near, was_over = self._near, self._over
        self._near, self._over = count * 100 > limit.maximum * limit.threshold, count > limit.maximum
        if self._near and not was_near:
            self._context.emit(lsa_threshold(number, count))
        if self._over and not was_over:
            self._context.emit(lsa_limit_passed(number, count))
            if not limit.warning_only:
                self._context.start(self._patience, _PATIENCE)
        if not self._over:
            self._context.stop(self._patience)

    def configure(self, old: ProcessSettings) -> bool:
        """Obey another line: Apply another line, and clear the state of the previous one. Returns whether the process
        begins again.
        """
        if old.lsa_limit == self._state.settings.lsa_limit:
            return False
        was_ignoring = self.is_ignoring
        self.clear()
        return was_ignoring

    def clear(self) -> None:
        """Begin as if there had never been too many."""
        for timer in (self._patience, self._end, self._reset):
            self._context.stop(timer)
        self._near = self._over = self.is_ignoring = False
        self.ignored = 0

    def ignore(self) -> bool:
        """Ignore all neighbors, because there were too many for too long. Returns whether the process halts."""
        limit = self._state.settings.lsa_limit
        if limit is None or limit.warning_only:
            return False
        self.ignored += 1
        self._context.stop(self._reset)
        self._near = self._over = False
        is_for_good = self.ignored > limit.ignore_count
        if not is_for_good:
            self._context.start(self._end, limit.ignore_minutes * _MINUTE)
        minutes = None if is_for_good else limit.ignore_minutes
        self._context.emit(lsa_limit_ignoring(self._state.settings.number, self.count, minutes))
        self.is_ignoring = True
        return True

    def resume(self) -> None:
        """Accept the neighbors again: the time is over."""
        limit = self._state.settings.lsa_limit
        self.is_ignoring = False
        if limit is not None:
            self._context.start(self._reset, limit.reset_minutes * _MINUTE)

    def _forgive(self) -> None:
        self.ignored = 0


# -------------------------------------------------------------------------------------------- the exchange of databases


_UNDER_WAY: Final = (NeighborState.EX_START, NeighborState.EXCHANGE)
_REQUEST: Final = 12


class Exchange:
    """Holds the talks of one process with its neighbors."""

    def __init__(
        self,
        state: State,
        sender: Sender,
        complaints: Complaints,
        retransmission: Retransmission,
        descriptions: Descriptions,
        adjacencies: Adjacencies,
    ) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self._complaints = complaints
        self._retransmission = retransmission
        self._descriptions = descriptions
        self._adjacencies = adjacencies

    def receive(self, neighbor: Neighbor, description: Description) -> None:
        """Take a description that came."""
        if not self._fits(neighbor, description.mtu):
            return
        neighbor.refuse(None)
        neighbor.describe(description)
        self._adjacencies.heard_both_ways(neighbor)
        match neighbor.state:
            case NeighborState.EX_START:
                self._negotiate(neighbor, description)
            case NeighborState.EXCHANGE | NeighborState.LOADING | NeighborState.FULL:
                # The slave may receive the last description again after the exchange.
                if neighbor.talk.is_again(description):
                    self._descriptions.say_again(neighbor)
                elif neighbor.state is NeighborState.EXCHANGE and neighbor.talk.fits(description):
                    self._take(neighbor, description)
                else:
                    self._adjacencies.restart(neighbor, "SeqNumberMismatch")

    def _fits(self, neighbor: Neighbor, theirs: int) -> bool:
        """Return whether descriptions of a neighbor with this MTU may be taken, RFC 2328 §10.6.

        If the MTUs differ, both ends complain: one does not take descriptions, the other finds that its own are not
        taken. theirs: octets, 0 on a virtual link.
        """
        interface = neighbor.interface
        ours, is_under_way = interface.mtu, neighbor.state in _UNDER_WAY
        is_smaller = interface.described_mtu > theirs > 0 and is_under_way
        if interface.settings.ignore_mtu or not (theirs > ours or is_smaller):
            return True
        log = mtus_differ(self._state.number, neighbor.router, interface.name, theirs, ours)
        self._complaints.complain(interface, log)
        self._descriptions.debug(
            neighbor, f"Nbr {neighbor.router} has {'smaller' if is_smaller else 'larger'} interface MTU"
        )
        if is_smaller:
            return True
        neighbor.refuse(Reason(OspfReason.MTU, (theirs, ours), self._context.now))
        self._sender.drop("description with a larger MTU")
        return False

    def _negotiate(self, neighbor: Neighbor, description: Description) -> None:
        """Negotiate which router is the master: the one with the higher identifier."""
        talk = neighbor.talk
        if not talk.negotiate(description, they_are_higher=neighbor.router > self._state.router_id):
            return
        self._descriptions.debug(neighbor, f"NBR Negotiation Done. We are the {'MASTER' if talk.leads else 'SLAVE'}")
        self._summarize(neighbor)
        self._adjacencies.move(neighbor, NeighborMove.NEGOTIATED, "Negotiation Done")
        self._take(neighbor, description)

    def _summarize(self, neighbor: Neighbor) -> None:
        """Summarize our database for the neighbor. LSAs at MaxAge are sent in an update instead. RFC 2328 §10.3."""
        now = self._context.now
        if neighbor.interface.settings.filter_database:
            return
        for database in self._state.databases(neighbor.interface):
            for key in sorted(database.entries):
                if key.type in OPAQUE and not neighbor.takes_opaque:
                    continue
                entry = database.entries[key]
                if entry.age(now) >= MAX_AGE:
                    neighbor.waiting.owe(entry.lsa, now)
                else:
                    neighbor.talk.summarize(entry.header(now))

    def _take(self, neighbor: Neighbor, description: Description) -> None:
        """Process the next description: note which LSAs we lack, and answer."""
        talk = neighbor.talk
        talk.hear(description)
        neighbor.answer()
        for header in description.headers:
            if not neighbor.interface.area.admits(header.type):
                self._adjacencies.restart(neighbor, "SeqNumberMismatch")
                return
            database = self._state.database(neighbor.interface.scope(header.type), header.type)
            if header.type == LsaType.OPAQUE_LINK or header.type & NOT_KEPT or database.compare(header) > 0:
                talk.miss(header)
        is_over = talk.leads and talk.is_sent and talk.is_heard
        if not is_over:
            talk.turn()
            self._descriptions.describe_next(neighbor)
            is_over = not talk.leads and talk.is_sent and talk.is_heard
        if is_over and not talk.requests:
            self._adjacencies.move(neighbor, NeighborMove.COMPLETE, "Exchange Done")
            return
        if is_over:
            self._adjacencies.move(neighbor, NeighborMove.DESCRIBED, "Exchange Done")
        self._ask(neighbor)

    # ------------------------------------------------------------------------------------------------ requests

    def _ask(self, neighbor: Neighbor) -> None:
        """Request missing LSAs, as many as fit into a packet, unless a request is already outstanding."""
        keys = neighbor.talk.ask(max(1, self._sender.room(neighbor.interface) // _REQUEST))
        if keys:
            self._sender.to(neighbor, LinkStateRequest(keys))
            self._retransmission.await_answer(neighbor)

    def answer(self, neighbor: Neighbor, request: LinkStateRequest) -> None:
        """Answer a request. RFC 2328 §10.7."""
        if not neighbor.exchanges:
            return
        found: list[Lsa] = []
        for key in dict.fromkeys(request.keys):
            entry = self._state.database(neighbor.interface.scope(key.type), key.type).get(key)
            if entry is None:
                self._adjacencies.restart(neighbor, "BadLSReq")
                return
            found.append(entry.outgoing(self._context.now, neighbor.interface.settings.transmit_delay))
        self._sender.tell(neighbor, found)

    def got(self, neighbor: Neighbor, header: LsaHeader) -> None:
        """Note that an instance has arrived that is at least as new as the missing one."""
        if neighbor.got(header.key):
            self.go_on(neighbor)

    def go_on(self, neighbor: Neighbor) -> None:
        """Request the next missing instances; if there are none, end the exchange."""
        if neighbor.talk.requests:
            self._ask(neighbor)
        elif neighbor.state is NeighborState.LOADING:
            self._adjacencies.move(neighbor, NeighborMove.LOADED, "Loading Done")


# ------------------------------------------------------------------------------------------------ updates


#: Octets of all databases of a process, with something for each advertisement: some 90,000 external routes.
LARGEST_DATABASES: Final = 1 << 23
#: Octets of an advertisement that fits into an IP packet with all that may be around it.
_LONGEST: Final = 0xFFFF - 200


class Updates:
    """Takes updates and acknowledgments, for one process."""

    def __init__(
        self,
        state: State,
        sender: Sender,
        complaints: Complaints,
        retransmission: Retransmission,
        flooding: Flooding,
        origination: Origination,
        adjacencies: Adjacencies,
        exchange: Exchange,
        helper: Helper,
    ) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self._complaints = complaints
        self._retransmission = retransmission
        self._flooding = flooding
        self._origination = origination
        self._adjacencies = adjacencies
        self._exchange = exchange
        self._helper = helper

    def receive(self, neighbor: Neighbor, update: LinkStateUpdate) -> None:
        """Take an update that came from a neighbor."""
        if not neighbor.exchanges:
            return
        at_once: list[LsaHeader] = []
        for lsa in update.lsas:
            if not self._receive(neighbor, lsa, at_once):
                break
        for headers in self._sender.batches(neighbor.interface, at_once):
            self._sender.to(neighbor, Acknowledgment(headers))

    def _receive(self, neighbor: Neighbor, lsa: Lsa, at_once: list[LsaHeader]) -> bool:
        """Take one advertisement. at_once: headers to acknowledge without delay. False: the rest is void."""
        header, now = lsa.header, self._context.now
        area = neighbor.interface.area if header.type != LsaType.LINK else neighbor.interface.scope(header.type)
        if not lsa.is_sound or not area.admits(header.type) or header.length > _LONGEST:
            self._sender.drop("LSA that may not be")
            return True
        if header.type == LsaType.OPAQUE_LINK or header.type & NOT_KEPT:
            # All interested neighbors have received them, too: they are neither stored nor flooded.
            self._exchange.got(neighbor, header)
            at_once.append(header)
            self._helper.take(neighbor.interface, lsa)
            return True
        database = self._state.database(area, header.type)
        entry = database.get(lsa.key)
        if header.age >= MAX_AGE and entry is None and not self._state.is_exchanging:
            self._exchange.got(neighbor, header)
            at_once.append(header)
            return True
        verdict = database.compare(header)
        if verdict > 0 and self._is_too_much(lsa, entry):
            # Acknowledged all the same, or it comes again forever; the neighbor stays, and so does what is known.
            self._exchange.got(neighbor, header)
            at_once.append(header)
            self._complaints.refuse(
                neighbor.interface, neighbor.address, "LSA too many", "more link states than there is room for"
            )
            return True
        if verdict > 0:
            if entry is not None and not entry.may_be_replaced(now, self._state.arrival) and not self._is_own(lsa):
                return True
            self._accept(neighbor, area, lsa)
            return True
        if lsa.key in neighbor.talk.requests:
            self._adjacencies.restart(neighbor, "BadLSReq")
            return False
        if verdict == 0:
            # The instance that we have is an acknowledgment if the neighbor owes us one. RFC 2328 §13 (7), table 19.
            if self._retransmission.settle(neighbor, header):
                if neighbor.interface.phase is InterfaceState.BACKUP and neighbor.is_designated:
                    self._flooding.acknowledge_soon(neighbor.interface, header)
            else:
                at_once.append(header)
        elif entry is not None and now - entry.arrived >= self._state.arrival:  # RFC 2328 §13 (8)
            self._sender.tell(neighbor, [entry.outgoing(now, neighbor.interface.settings.transmit_delay)])
        return True

    def go_on(self) -> None:
        """Go on with exchanges in which something was missing that was flooded meanwhile."""
        for neighbor in self._flooding.take_supplied():
            self._exchange.go_on(neighbor)

    def _is_too_much(self, lsa: Lsa, entry: DatabaseEntry | None) -> bool:
        """Return whether advertisements of other routers would make the databases larger than they may be."""
        more = size_of(lsa) - (size_of(entry.lsa) if entry is not None else 0)
        if more <= 0 or (entry is not None and self._is_own(lsa)):
            return False
        return more + sum(database.size for _, database in self._state.scopes()) > LARGEST_DATABASES

    def _accept(self, neighbor: Neighbor, area: RunningArea, lsa: Lsa) -> None:
        interface = neighbor.interface
        sent_back, changed = self._flooding.spread(area, lsa, neighbor)
        self.go_on()
        if changed:
            self._flooding.note_change(area, lsa)
            if area is interface.link:
                self._adjacencies.described_link(interface)
            self._helper.changed(self._flooding.take_changed())
        is_backup = interface.phase is InterfaceState.BACKUP
        if not sent_back and (not is_backup or neighbor.is_designated):
            self._flooding.acknowledge_soon(interface, lsa.header)
        if self._is_own(lsa):
            self._origination.contested(area, lsa)

    def _is_own(self, lsa: Lsa) -> bool:
        """Return whether we seem to have made it. RFC 2328 §13.4."""
        if lsa.header.router == self._state.router_id:
            return True
        is_network = lsa.header.type == LsaType.NETWORK and self._state.family.version == 4
        return is_network and self._state.has_address(lsa.header.id)

    def acknowledged(self, neighbor: Neighbor, acknowledgment: Acknowledgment) -> None:
        """Take an acknowledgment that came. RFC 2328 §13.7."""
        if neighbor.exchanges:
            for header in acknowledgment.headers:
                self._retransmission.settle(neighbor, header)


# ------------------------------------------------------------------------------------------------ packets


class Receiver:
    """Judges packets of one process and hands them on."""

    def __init__(
        self, state: State, sender: Sender, complaints: Complaints, hellos: Hellos, exchange: Exchange, updates: Updates
    ) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self._complaints = complaints
        self._hellos = hellos
        self._exchange = exchange
        self._updates = updates

    def receive(self, interface: OspfInterface, event: IpReceived) -> bool:
        """Process a received packet. Returns False if it is malformed or not authentic: then it may not be from its
        sender.
        """
        source, is_ipv6 = event.source, interface.link is not None
        if source == interface.address or (not interface.speaks and not self._state.settings.virtual_links):
            return True
        try:
            packet = version3.parse(event.payload, source, event.destination) if is_ipv6 else parse(event.payload)
        except WireError as error:
            self._complaints.refuse(interface, source, "malformed", str(error))
            return False
        virtual = self._virtual(interface, packet)
        if virtual is not None and virtual.far_end is not None:
            interface, source = virtual, virtual.far_end.address
        if not interface.speaks or packet.instance != interface.settings.instance:
            return True
        if self._is_misplaced(interface, event, source, packet):
            return True
        asked, context = interface.settings.authentication, self._context
        accepted = asked.accepting(context.ports.clock, context.now) if asked.keys else None
        refusal = asked.refusal(packet, event.payload, accepted, event.source if is_ipv6 else None)
        if refusal:
            interface.refuse(source, Reason(OspfReason.NOT_AUTHENTIC, (refusal,), self._context.now))
            self._complaints.refuse(interface, source, "not authentic", f"Authentication: {refusal}")
            return False
        self._sender.note_received(packet)
        if self._context.ports.debugging.on(messages.PACKET, interface=interface.name):
            self._context.debug(messages.packet_line("rcv.", packet, interface.name, len(event.payload), source))
        if isinstance(packet.content, Hello):
            self._hellos.receive(interface, source, packet, packet.content)
            return True
        neighbor = interface.neighbors.get(source)
        if neighbor is None or neighbor.router != packet.router:
            self._sender.drop("of no neighbor")
            return True
        if self._sender.is_replay(neighbor, packet):
            self._sender.drop("old packet with a digest")
            return False
        match packet.content:
            case Description() as description:
                self._exchange.receive(neighbor, description)
            case LinkStateRequest() as request:
                self._exchange.answer(neighbor, request)
            case LinkStateUpdate() as update:
                self._updates.receive(neighbor, update)
            case Acknowledgment() as acknowledgment:
                self._updates.acknowledged(neighbor, acknowledgment)
        return True

    def _virtual(self, interface: OspfInterface, packet: OspfPacket) -> OspfInterface | None:
        """Return the virtual link that a packet is of: of the backbone, from a router that one leads to.

        RFC 2328 §8.2.
        """
        if int(packet.area) or not interface.area.number or not self._state.settings.virtual_links:
            return None
        return self._state.virtual_link_to(interface.area.number, packet.router)

    def _is_misplaced(self, interface: OspfInterface, event: IpReceived, source: IPAddress, packet: OspfPacket) -> bool:
        """Return whether the packet is misdirected: its destination, area or source is wrong, or it carries our router
        ID.
        """
        if event.destination == self._state.family.designated and not interface.leads:
            return True
        if packet.area != interface.area.id:
            areas = (packet.area, interface.area.id)
            interface.refuse(source, Reason(OspfReason.AREA, areas, self._context.now))
            self._complaints.refuse(interface, source, "another area", f"mismatched area ID {packet.area}")
            return True
        alone = interface.settings.network is NetworkType.POINT_TO_POINT
        if not (source.is_link_local if interface.link is not None else alone or source in interface.prefix):
            self._complaints.refuse(interface, source, "sender outside of the subnet", "sender outside of the subnet")
            return True
        least = interface.settings.least_ttl
        if event.ttl < least:
            interface.refuse(source, Reason(OspfReason.TTL, (event.ttl, least), self._context.now))
            self._complaints.refuse(interface, source, "a small TTL", f"TTL {event.ttl} is below {least}")
            return True
        if packet.router == self._state.router_id:
            self._sender.drop("our own router identifier")
            self._complaints.complain(interface, duplicate_router(packet.router, source, interface.name))
            return True
        return False
