"""Flooding: new LSAs go to all neighbors, and are sent again until each acknowledges them. RFC 2328 §13.3 to 13.5.

The LSAs of one event are collected on the interfaces and sent together at its end (`settle`): a hub that receives a
hundred LSAs floods them in a few packets. Received updates are handled in `events`.

`Origination` makes our own LSAs when their content changes, refreshes, defends and flushes them. RFC 2328 §12.4, §13.4,
§14. Each is registered with a function that returns its current body (None: the LSA ends). The throttle limits how
often the function is called, so a hundred changes make one instance. The functions of router and network LSAs make
these from the current interfaces and neighbors; the other functions are in `own_lsas`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.context import Timer
from dmvpn.base.values import Mutable
from dmvpn.features.ospf.interface import Neighbor, OspfInterface
from dmvpn.features.ospf.lsa import (
    FIRST_SEQUENCE,
    LAST_RESORT,
    LAST_SEQUENCE,
    MAX_AGE,
    OPAQUE,
    REFRESH_AGE,
    Body,
    Database,
    LinkType,
    Lsa,
    LsaHeader,
    LsaKey,
    LsaType,
    NetworkBody,
    RouterBody,
    RouterFlag,
    RouterLink,
    VertexId,
    newer,
)
from dmvpn.features.ospf.messages import FLOOD, GENERATION, duplicate_in_area, generated_line, installed_line
from dmvpn.features.ospf.model import AreaKind, NetworkType
from dmvpn.features.ospf.neighbor import InterfaceState, NeighborState
from dmvpn.features.ospf.output import Retransmission, Sender
from dmvpn.features.ospf.packet import Acknowledgment
from dmvpn.features.ospf.spf import RunningArea
from dmvpn.features.ospf.state import State, Throttle
from dmvpn.features.ospf.version3 import Lsa3
from dmvpn.net.ipv4 import ipv4_address

# ------------------------------------------------------------------------------------------------ flooding


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
        for neighbor in interface.lsa_receivers:
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


# ------------------------------------------------------------------------------- the content of router and network LSAs


_HOST: Final = IPv4Address("255.255.255.255")


def router_body(state: State, area: RunningArea) -> RouterBody:
    """Return the router LSA of an area; paths through us have the maximum cost while we are a last resort (RFC
    6987).
    """
    mine = [interface for interface in state.interfaces.values() if interface.area is area]
    links = [link for interface in mine for link in links_of(interface)]
    last_resort = state.last_resort
    if last_resort is not None:
        links = [
            RouterLink(link.type, link.id, link.data, LAST_RESORT, link.more)
            if link.type != LinkType.STUB or last_resort.stubs
            else link
            for link in links
        ]
    flags = RouterFlag(0)
    if state.is_boundary and area.settings.kind is not AreaKind.STUB:
        flags |= RouterFlag.EXTERNAL
    if any(end.area == area.number and interface.full for interface, end in state.virtual_links()):
        flags |= RouterFlag.VIRTUAL
    if state.is_border:
        flags |= RouterFlag.BORDER
        if area.settings.kind is AreaKind.NSSA and area.settings.nssa.always:
            flags |= RouterFlag.TRANSLATOR
    return RouterBody(int(flags), tuple(links))


def links_of(interface: OspfInterface) -> Iterator[RouterLink]:
    """Yield the links that one interface adds; in version 3 those to further vertices alone."""
    stubs = () if interface.link is not None else (stub(prefix, cost) for prefix, cost in stubs_of(interface))
    match interface.phase:
        case InterfaceState.POINT_TO_POINT if interface.far_end is not None:
            for neighbor in interface.full:
                yield RouterLink(LinkType.VIRTUAL, neighbor.router, interface.number, interface.cost)
        case InterfaceState.POINT_TO_POINT:
            yield from _to_neighbors(interface)
            yield from stubs
        case InterfaceState.POINT_TO_MULTIPOINT:
            yield from stubs
            yield from _to_neighbors(interface)
        case _:
            if is_transit(interface):
                yield RouterLink(LinkType.TRANSIT, _network_of(interface), interface.number, interface.cost)
            yield from stubs


def stubs_of(interface: OspfInterface) -> Iterator[tuple[Prefix, int]]:
    """Yield the networks that lead no further from an interface, with their costs."""
    cost, version, address = interface.cost, interface.area.family.version, interface.address
    match interface.phase:
        case InterfaceState.DOWN:
            return
        case InterfaceState.POINT_TO_POINT if interface.far_end is not None:
            return
        case InterfaceState.LOOPBACK:
            whole = interface.settings.network is NetworkType.POINT_TO_POINT  # `ip ospf network point-to-point`
            if version == 4:
                yield interface.prefix if whole else Prefix.of(address, 32), cost
                return
            for own, length in interface.state.routed(version):
                yield (Prefix.of(own, length), cost) if whole else (Prefix.host(own), 0)
        case InterfaceState.POINT_TO_MULTIPOINT:
            if not interface.settings.suppress_prefixes:
                own_addresses = [own for own, _ in interface.state.routed(version)] if version == 6 else [address]
                yield from ((Prefix.host(own), 0) for own in own_addresses)
        case _:
            # All prefixes of a transit network are those of the network in version 3, in version 2 the primary one.
            transit = interface.phase is not InterfaceState.POINT_TO_POINT and is_transit(interface)
            prefixes = _prefixes(interface)
            yield from ((prefix, cost) for prefix in ((prefixes[1:] if version == 4 else ()) if transit else prefixes))


def _network_of(interface: OspfInterface) -> VertexId:
    """Return the vertex of a transit network."""
    if interface.link is None:
        return interface.designated
    leader = next((each for each in interface.neighbors.values() if each.is_designated), None)
    return interface.designated, leader.number if leader is not None else interface.number


def is_transit(interface: OspfInterface) -> bool:
    """Return whether we are adjacent to the designated router, or we are the designated router and have a full
    neighbor.
    """
    if interface.phase is InterfaceState.DESIGNATED:
        return bool(interface.full)
    if interface.phase not in (InterfaceState.BACKUP, InterfaceState.DR_OTHER):
        return False
    if interface.link is not None:
        return any(each.is_designated and each.counts_as_full for each in interface.neighbors.values())
    leader = interface.neighbors.get(interface.designated)
    return leader is not None and leader.counts_as_full


def network_body(state: State, interface: OspfInterface) -> NetworkBody | None:
    """Return the network LSA of a network whose designated router we are; None: it needs none."""
    if interface.phase is not InterfaceState.DESIGNATED or not interface.full:
        return None
    routers = sorted((state.router_id, *(neighbor.router for neighbor in interface.full)))
    # RFC 6860 §3.2.1: a mask of a host, which routers that know of this take for no network.
    return NetworkBody(_HOST if interface.settings.suppress_prefixes else interface.mask, tuple(routers))


def stub(prefix: Prefix, cost: int) -> RouterLink:
    """Return a network that leads no further."""
    mask, address = ipv4_address(prefix.netmask.packed), ipv4_address(prefix.address.packed)
    return RouterLink(LinkType.STUB, address, mask, cost)


def _to_neighbors(interface: OspfInterface) -> Iterator[RouterLink]:
    for neighbor in sorted(interface.full, key=lambda neighbor: neighbor.router):
        cost, more = interface.cost_to(neighbor.address), b"" if interface.link is None else neighbor.number.packed
        yield RouterLink(LinkType.POINT_TO_POINT, neighbor.router, interface.number, cost, more)


def _prefixes(interface: OspfInterface) -> list[Prefix]:
    """Return the primary subnet, then the secondary ones; where prefixes are suppressed these alone (RFC 6860)."""
    first = 1 if interface.settings.suppress_prefixes and not is_transit(interface) else 0
    addresses = interface.state.addresses if interface.link is None else interface.state.routed(6)
    if interface.link is not None and interface.settings.suppress_prefixes:
        return []
    return [Prefix.of(address, length) for address, length in addresses[first:]]


# ----------------------------------------------------------------------------------------------- our own advertisements


#: So many foreign instances of our LSA within so many seconds prove a duplicate router ID.
_CONTESTS: Final = 4
_CONTEST_PERIOD: Final = 60.0
#: An area's number (0 for what belongs to none) and the key.
_Name = tuple[int, LsaKey]


class Own(Mutable, eq=False):
    """An LSA that this router originates. build: makes its body. refresh: when to originate it again without a change.

    again: even if it has not changed. contests: how often another router claimed to have originated it since `counted`.
    """

    area: RunningArea
    key: LsaKey
    build: Callable[[], Body | None]
    options: Callable[[], int]
    throttle: Throttle
    refresh: Timer
    again: bool = False
    contests: int = 0
    counted: float = float("-inf")


class Origination:
    """Makes the advertisements of one process."""

    def __init__(self, state: State, flooding: Flooding) -> None:
        self._state = state
        self._context = state.context
        self._flooding = flooding
        self._kind = Lsa if state.family.version == 4 else Lsa3
        self._own: dict[_Name, Own] = {}

    def request(
        self, area: RunningArea, key: LsaKey, build: Callable[[], Body | None], options: Callable[[], int] | None = None
    ) -> None:
        """Request a new instance soon, if the content has changed."""
        name = (area.number, key)
        own = self._own.get(name)
        if own is None:
            own = self._own[name] = Own(
                area,
                key,
                build,
                options or (lambda: int(area.options)),
                Throttle(self._context, Timer("originate a changed LSA", lambda: self._make_soon(name))),
                Timer("originate an LSA again", lambda: self._make(name, again=True), key),
            )
        else:
            own.build, own.options = build, options or own.options
        self._request(own)

    def _request(self, own: Own) -> None:
        own.throttle.request(self._state.settings.lsa_throttle)

    def withdraw(self, area: RunningArea, key: LsaKey) -> None:
        """Withdraw an LSA that is no longer valid; it need not exist."""
        name = (area.number, key)
        if name in self._own:
            self._forget(name)
            self._flush(area, key)

    def keys(self, area: RunningArea, *kinds: int) -> list[LsaKey]:
        """Return the LSAs that are registered in an area, of these types."""
        return [key for number, key in self._own if number == area.number and key.type in kinds]

    def waiting(self) -> list[tuple[LsaKey, float]]:
        """Return the LSAs to originate, and when: monotonic seconds."""
        found = ((key, own.throttle.due) for (_, key), own in self._own.items())
        return [(key, due) for key, due in found if due is not None]

    def contested(self, area: RunningArea, lsa: Lsa) -> None:
        """Contest a received instance of our own LSA that is newer than ours: from an earlier life of this
        router.

        RFC 2328 §13.4.
        """
        name = (area.number, lsa.key)
        own = self._own.get(name)
        if own is not None:
            # Not at once each time: two routers of one identifier would answer each other as fast as they can.
            own.again = True
            self._request(own)
            # A restarted router finds its old LSA once; a router that often finds it shares its router ID.
            now = self._context.now
            if now - own.counted > _CONTEST_PERIOD:
                own.contests, own.counted = 0, now
            own.contests += 1
            if own.contests == _CONTESTS and own.key.type == LsaType.ROUTER:
                self._context.emit(duplicate_in_area(own.key.router, own.area.number))
        elif lsa.header.age < MAX_AGE:
            self._flush(area, lsa.key)

    def buried(self, area: RunningArea | None, key: LsaKey) -> None:
        """Note that an instance has gone from the database; if it is to be there, it begins again."""
        for (number, known), own in self._own.items():
            if known == key and (area is None or area.number == number):
                self._request(own)

    def close(self, *, tell: bool) -> None:
        """Forget our LSAs, because the process ends. The flag asks to flush them, so that all neighbors remove them."""
        for number, key in list(self._own):
            own = self._own[number, key]
            self._forget((number, key))
            if tell:
                self._flush(own.area, key)

    def drop_area(self, area: RunningArea) -> None:
        """Drop an area that is gone from this router."""
        for name in [name for name in self._own if name[0] == area.number]:
            self._forget(name)

    def _forget(self, name: _Name) -> None:
        own = self._own.pop(name)
        own.throttle.stop()
        self._context.stop(own.refresh)

    def _make_soon(self, name: _Name) -> None:
        self._own[name].throttle.begin()
        self._make(name)

    def _make(self, name: _Name, *, again: bool = False) -> None:
        """Make it; again: even if it says the same."""
        own = self._own[name]
        again, own.again = again or own.again, False
        database = self._state.database(own.area, own.key.type)
        entry, body = database.get(own.key), own.build()
        if body is None:
            self._context.stop(own.refresh)
            self._flush(own.area, own.key)
            return
        options, sequence = own.options(), FIRST_SEQUENCE
        if entry is not None:
            old = entry.lsa
            holds = entry.age(self._context.now) < MAX_AGE
            if holds and not again and old.body == body and old.header.options == options:
                if not self._context.is_running(own.refresh):
                    self._context.start(own.refresh, max(0, REFRESH_AGE - entry.age(self._context.now)))
                if own.key.type == LsaType.ROUTER and own.area.first_hops not in (None, self._state.first_hops()):
                    # An adjacency was lost and is back before its advertisement was made: the routes may lack it.
                    self._state.request_calculation()
                return
            if old.header.sequence >= LAST_SEQUENCE:
                self._flush(own.area, own.key)  # and from the first number on when it is gone (`buried`)
                return
            sequence = old.header.sequence + 1
        self._context.start(own.refresh, REFRESH_AGE)
        self._flooding.originate(own.area, self._kind.make(own.key, body, sequence=sequence, options=options))

    def _flush(self, area: RunningArea, key: LsaKey) -> None:
        """Flush an instance from all routers: it is flooded once more, at MAX_AGE. RFC 2328 §14.1."""
        entry = self._state.database(area, key.type).get(key)
        if entry is not None and entry.lsa.header.age < MAX_AGE:
            self._flooding.originate(area, self._kind.parse(entry.lsa.at_age(MAX_AGE)))


def as_it_is(body: Body) -> Body:
    """Return the body that an advertisement was requested with: it is fixed until the next request."""
    return body
