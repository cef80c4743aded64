"""Advertising: the update group of each neighbor, and when each group is processed and sent to.

Changes are advertised after a moment, so that changes that come together are sent together. Work is done in slices, so
that other events are handled in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.context import PAUSE, Timer, earliest
from dmvpn.base.errors import surely
from dmvpn.features.bgp import messages
from dmvpn.features.bgp.attributes import Attributes
from dmvpn.features.bgp.families import IPV4
from dmvpn.features.bgp.groups import SLICE, UpdateGroup
from dmvpn.features.bgp.neighbor import FamilyState, Peer, network_of, own_hop
from dmvpn.features.bgp.output import Audience
from dmvpn.features.bgp.packet import Cease, Nlri, prefix_of
from dmvpn.features.bgp.routes import Routes
from dmvpn.features.bgp.selection import RouteSelection
from dmvpn.features.bgp.session import Session, cease
from dmvpn.features.bgp.updates import Mark

#: Seconds until changes are advertised.
SETTLING: Final = 0.05
#: Minimum seconds between two refreshes for a peer, however often it requests one.
REFRESH_PAUSE: Final = 5.0
#: Cost limit of a slice, in prefixes to encode, and the share of one neighbor before it is the turn of the next.
_MOST: Final = SLICE
_TURN: Final = 8
#: Cost of a slice, from the budget for one event.
_COST: Final = 16
#: Neighbors that get their refresh in one event.
_AT_ONCE: Final = 32


class Advertiser:
    """Assigns neighbors to update groups and sends to these. groups: by audience; each established neighbor
    is in one.
    """

    def __init__(self, state: FamilyState, routes: Routes) -> None:
        self._state = state
        self._context = state.context
        self._routes = routes
        self._numbers = count(1)
        #: By group number: sends the next slice.
        self._timers: dict[int, Timer] = {}
        self._asking: dict[int, dict[IPAddress, None]] = {}
        self._members: dict[IPAddress, Peer] = {}
        self._beginners: dict[IPAddress, Peer] = {}
        self.groups: dict[Audience, UpdateGroup] = {}

    def begin_again(self) -> None:
        """Number groups from 1 again after the process ended; no group exists now."""
        self._numbers = count(1)

    @property
    def is_busy(self) -> bool:
        """Whether routes wait until they may be announced to a neighbor that can use them: it sent none of them, and
        its AS is not in their path.
        """
        return any(not inside for inside in self._news())

    @property
    def is_busy_inside(self) -> bool:
        """Whether routes wait for a neighbor whose AS is in their path: it may take them with `allowas-in`."""
        return any(self._news())

    def _news(self) -> Iterator[bool]:
        """Yield for each route that waits for a neighbor whether its AS is in the path."""
        for group in self.groups.values():
            for prefix in group.waiting:
                best = self._routes.table.best(prefix)
                for peer in (self._members[address] for address in group.queues):
                    if best is None or best.peer != peer.address:
                        systems = best.attributes.systems if best is not None and not group.audience.overridden else ()
                        yield peer.settings.remote_as in systems

    # ---------------------------------------------------------------------------------------------------- members

    def join(self, peer: Peer, session: Session) -> None:
        """Advertise the whole table to a neighbor that is established."""
        self._members[peer.address] = peer
        peer.group = self._group(self._audience(peer, session))
        peer.group.join(peer.queue)
        if session.restart is not None:
            self._beginners[peer.address] = peer
        self._soon(peer.group)

    def regroup(self, peer: Peer) -> None:
        """Move a neighbor to another update group if its audience changed."""
        if peer.session is None or peer.group is None:
            return
        audience = self._audience(peer, peer.session)
        if audience == peer.group.audience:
            return
        old = peer.group
        advertised = old.leave(peer.address)
        peer.group = self._group(audience)
        peer.group.move(peer.queue, advertised, self._context.now)
        asking = self._asking.get(old.number, {})
        if peer.address in asking:
            del asking[peer.address]
            self.repeat(peer)
        self._soon(peer.group)
        self._drop_if_empty(old)

    def leave(self, peer: Peer) -> None:
        """Forget a neighbor whose session is over."""
        group, peer.group = peer.group, None
        self._members.pop(peer.address, None)
        self._beginners.pop(peer.address, None)
        peer.queue.clear()
        if group is not None:
            group.leave(peer.address)
            self._asking.get(group.number, {}).pop(peer.address, None)
            self._drop_if_empty(group)

    def _audience(self, peer: Peer, session: Session) -> Audience:
        end, family = surely(session.up).local, self._state.family
        extended = session.is_extended and family is IPV4
        version = 6 if extended else family.version
        owner = self._state.ports.interfaces.owner(end)
        near = network_of(owner, end.version) if owner is not None else None
        beside = owner if near is not None and peer.address in near else None
        return Audience.of(
            peer.settings,
            family=family,
            local=own_hop(version, end, owner, session.identity.router_id),
            link_local=beside.link_local(version) if beside is not None else None,
            router_id=session.identity.router_id,
            cluster_id=self._state.config.cluster_id or session.identity.router_id,
            shared=network_of(beside, version) if beside is not None else None,
            wide=session.wide,
            numbered=session.families[family.key].sends,
            extended=extended,
        )

    def _group(self, audience: Audience) -> UpdateGroup:
        group = self.groups.get(audience)
        if group is None:
            group = self.groups[audience] = UpdateGroup(next(self._numbers), audience)
            self._timers[group.number] = Timer(
                "send the next slice", lambda: self._step(group), f"update-group {group.number}", _COST
            )
            self._touch_all(group)
        return group

    def _drop_if_empty(self, group: UpdateGroup) -> None:
        if group.is_empty:
            del self.groups[group.audience]
            self._asking.pop(group.number, None)
            self._context.stop(self._timers.pop(group.number))

    # ---------------------------------------------------------------------------------------------------- changes

    def changed(self, prefixes: Iterable[Prefix]) -> None:
        """Process prefixes whose chosen paths changed."""
        for group in self.groups.values():
            group.touch(prefixes)
            self._soon(group)

    def default_may_change(self) -> None:
        """Process the default route again in groups where a route map is its condition."""
        for group in self.groups.values():
            if group.audience.lines.originate_map:
                group.touch((self._state.family.default,))
                self._soon(group)

    def preference_changed(self) -> None:
        """Advertise originated default routes with the changed local preference."""
        for group in self.groups.values():
            if group.audience.lines.default_originate:
                group.touch((self._state.family.default,))
                self._soon(group)

    def policies_changed(self) -> None:
        """Advertise the differences that changed lists or maps make."""
        for group in self.groups.values():
            if group.audience.is_filtered:
                self._touch_all(group)
                self._soon(group)

    @property
    def is_filtered(self) -> bool:
        """Whether lists or maps affect any advertisement."""
        return any(group.audience.is_filtered for group in self.groups.values())

    def select_again(self, peer: Peer, selected: dict[int, None]) -> None:
        """Advertise everything to a neighbor by the present lists, because of a soft clear.

        selected: groups that are already being processed for this command.
        """
        if peer.group is None:
            return
        if peer.group.number not in selected:
            selected[peer.group.number] = None
            self._touch_all(peer.group)
            peer.group.announce_at = self._context.now
        self.repeat(peer)

    def repeat(self, peer: Peer) -> bool:
        """Repeat the table to a neighbor. Returns False if nothing is to be done, or was to be done already."""
        if peer.group is None:
            return False
        asking = self._asking.setdefault(peer.group.number, {})
        is_new = peer.address not in asking
        asking[peer.address] = None
        self._soon(peer.group)
        return is_new

    def _touch_all(self, group: UpdateGroup) -> None:
        group.touch((*self._routes.table.destinations, *map(prefix_of, group.adj_rib_out)))
        if group.audience.lines.default_originate:
            group.touch((self._state.family.default,))

    # ----------------------------------------------------------------------------------------------------- slices

    def writable(self, peer: Peer) -> None:
        """Note that a neighbor reads again."""
        if peer.group is not None and not peer.queue.is_empty:
            peer.group.sending[peer.address] = peer.queue
            self._context.start(self._timers[peer.group.number], 0.0)

    def _step(self, group: UpdateGroup) -> None:
        """Process the next slice of a group."""
        if (group.pending or group.waiting) and not group.waits_for_readers:
            self._look(group)
            # Members that did not read for so long that the changes they need are no longer known.
            lost, group.lost = group.lost, []
            for address in lost:
                session = self._members[address].session
                if session is not None:
                    session.notify(cease(Cease.OUT_OF_RESOURCES), "Peer does not read")
        asked = None
        if not group.pending:
            # The End-of-RIB marker, for new members that wait for it.
            for peer in [one for one in self._beginners.values() if one.group is group and one.address in group.queues]:
                del self._beginners[peer.address]
                group.enqueue(peer.queue, (Mark(self._state.family.end_of_table),))
            asked = self._answer(group)
        self._pour(group)
        timer = self._timers[group.number]
        if group.pending or group.sending:
            self._context.start(timer, PAUSE)
        else:
            later = earliest(group.announce_at if group.waiting else None, asked)
            if later is not None:
                self._context.arm(timer, max(later, self._context.now + PAUSE))

    def _look(self, group: UpdateGroup) -> None:
        state, first, members = self._state, next(iter(group.queues), None), len(group.queues)
        selection = RouteSelection(group.audience, self._routes, state.ports, state.config.local_preference)
        changes = group.look(selection.routes, self._context.now)
        if first is not None and changes and state.process.traces(first, messages.UPDATES, messages.UPDATES_OUT):
            self._context.debug(
                *(
                    messages.sent_line(
                        state.family.number, first, one.nlri, one.after.attributes if one.after else None
                    )
                    for one in changes
                )
            )
            if members > 1:
                self._context.debug(
                    f"BGP({state.family.number}): updgrp {group.number} - {first} updates replicated to "
                    f"{members - 1} others"
                )

    def _soon(self, group: UpdateGroup) -> None:
        timer = self._timers[group.number]
        if self._context.is_running(timer):
            self._context.hasten(timer, SETTLING)  # withdrawals do not wait for the interval of announcements
        else:
            self._context.start(timer, SETTLING)

    def _answer(self, group: UpdateGroup) -> float | None:
        """Queue the refresh for some of the neighbors that requested one; returns when the next of them is due."""
        asking, now = self._asking.get(group.number, {}), self._context.now
        due = {address: self._members[address].queue.refreshed + REFRESH_PAUSE for address in asking}
        for address in [address for address, when in due.items() if now >= when][:_AT_ONCE]:
            del asking[address], due[address]
            peer = self._members[address]
            peer.queue.refreshed = now
            marks = peer.session is not None and peer.session.marks_refreshes
            begin, end = ([Mark(self._state.family.mark(subtype))] if marks else () for subtype in (1, 2))
            group.repeat(peer.queue, begin, end)
        return min(due.values(), default=None)

    def _pour(self, group: UpdateGroup) -> None:
        """Send from the queues in turns. A queue whose session has no room waits until that is writable."""
        left = _MOST
        while group.sending and left > 0:
            address, queue = group.sending.popitem(last=False)
            session = self._members[address].session
            if session is None:
                continue
            left -= queue.send(session, _TURN, group.next_slice) or 1
            if not queue.is_empty and not queue.is_blocked:
                group.sending[address] = queue


def advertised(peer: Peer) -> Iterator[tuple[Nlri, Attributes]]:
    """Return the routes advertised to a neighbor (Adj-RIB-Out)."""
    return peer.group.advertised(peer.address) if peer.group is not None else iter(())
