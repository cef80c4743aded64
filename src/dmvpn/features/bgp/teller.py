"""Who is told what, and when: which update group a neighbor is in, and when each group is looked at and sent.

What changes is told after a moment, so that changes which come together travel together. Work is cut into slices:
between two of them everybody else is heard.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import UNSPECIFIED, Prefix
from dmvpn.base.deadlines import earliest
from dmvpn.base.errors import surely
from dmvpn.base.routemaps import UNCHANGED
from dmvpn.features.bgp import messages
from dmvpn.features.bgp.additional import is_told
from dmvpn.features.bgp.batches import Mark, Told, fits
from dmvpn.features.bgp.codes import Cease
from dmvpn.features.bgp.groups import SLICE, Group
from dmvpn.features.bgp.model import Direction
from dmvpn.features.bgp.nlri import NumberedPrefix, named, prefix_of
from dmvpn.features.bgp.outbound import Audience, default_route, told
from dmvpn.features.bgp.packet import RouteRefresh, serialize
from dmvpn.features.bgp.policy import candidate, kinds_of, verdict
from dmvpn.features.bgp.restart import END_OF_TABLE_OCTETS
from dmvpn.features.bgp.session import cease

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from ipaddress import IPv4Address

    from dmvpn.base.routemaps import Changes
    from dmvpn.features.bgp.attributes import Attributes
    from dmvpn.features.bgp.batches import Change
    from dmvpn.features.bgp.nlri import Nlri
    from dmvpn.features.bgp.paths import Path
    from dmvpn.features.bgp.peer import Peer
    from dmvpn.features.bgp.process import Process
    from dmvpn.features.bgp.routes import Routes
    from dmvpn.features.bgp.session import Session

DEFAULT: Final = Prefix.of(UNSPECIFIED, 0)
#: Seconds after which changes are told.
SETTLING: Final = 0.05
#: Seconds between two times that a peer hears everything, however often it asks for it.
REFRESH_PAUSE: Final = 5.0
#: Seconds until the next slice.
BREATH: Final = 0.001
#: What a slice may cost, in prefixes that are put into octets, and how much of it one neighbor may before others.
_MOST: Final = SLICE
_TURN: Final = 8
#: Neighbors that are fed everything again in one event.
_AT_ONCE: Final = 32
_BEGIN, _END = (Mark(serialize(RouteRefresh(subtype=subtype))) for subtype in (1, 2))
_END_OF_TABLE: Final = Mark(END_OF_TABLE_OCTETS, ends_table=True)


class Teller:
    """groups: by their audience. Each established neighbor is in one."""

    def __init__(self, process: Process, routes: Routes) -> None:
        self._process = process
        self._routes = routes
        self._numbers = count(1)
        self._by_number: dict[int, Group] = {}
        self._asking: dict[int, dict[IPv4Address, None]] = {}
        self._members: dict[IPv4Address, Peer] = {}
        self._beginners: dict[IPv4Address, Peer] = {}
        self.groups: dict[Audience, Group] = {}

    # ---------------------------------------------------------------------------------------------------- members

    def join(self, peer: Peer, session: Session, now: float) -> None:
        """Let a neighbor that is established hear everything."""
        self._members[peer.address] = peer
        peer.group = self._group(self._audience(peer, session))
        peer.group.join(peer.feed)
        if session.restart is not None:
            self._beginners[peer.address] = peer
        self._soon(peer.group, now)

    def regroup(self, peer: Peer, now: float) -> None:
        """Look at what holds for a neighbor: it may hear something else."""
        if peer.session is None or peer.group is None:
            return
        audience = self._audience(peer, peer.session)
        if audience == peer.group.audience:
            return
        old = peer.group
        was_told = old.leave(peer.address)
        peer.group = self._group(audience)
        peer.group.move(peer.feed, was_told, now)
        asking = self._asking.get(old.number, {})
        if peer.address in asking:
            del asking[peer.address]
            self.repeat(peer, now)
        self._soon(peer.group, now)
        self._drop_if_empty(old)

    def leave(self, peer: Peer) -> None:
        """Forget a neighbor whose session is over."""
        group, peer.group = peer.group, None
        self._members.pop(peer.address, None)
        self._beginners.pop(peer.address, None)
        peer.feed.clear()
        if group is not None:
            group.leave(peer.address)
            self._asking.get(group.number, {}).pop(peer.address, None)
            self._drop_if_empty(group)

    def _audience(self, peer: Peer, session: Session) -> Audience:
        local, process = surely(session.up).local, self._process
        state = process.ports.interfaces.owner(local)
        prefix = state.prefix if state is not None else None
        return Audience.of(
            peer.settings,
            local=local,
            router_id=session.identity.router_id,
            cluster_id=process.config.cluster_id or session.identity.router_id,
            shared=prefix if prefix is not None and peer.address in prefix else None,
            wide=session.wide,
            numbered=session.additional.sends,
        )

    def _group(self, audience: Audience) -> Group:
        group = self.groups.get(audience)
        if group is None:
            group = self.groups[audience] = Group(next(self._numbers), audience)
            self._by_number[group.number] = group
            self._touch_all(group)
        return group

    def _drop_if_empty(self, group: Group) -> None:
        if group.is_empty:
            del self.groups[group.audience], self._by_number[group.number]
            self._asking.pop(group.number, None)
            self._process.timers.cancel(("tell", group.number))

    # ---------------------------------------------------------------------------------------------------- changes

    def changed(self, prefixes: Iterable[Prefix], now: float) -> None:
        """Note that other paths were chosen."""
        for group in self.groups.values():
            group.touch(prefixes)
            self._soon(group, now)

    def default_may_change(self, now: float) -> None:
        """Look at those that hear of a default route while a map permits some route: they may hear something else."""
        for group in self.groups.values():
            if group.audience.lines.originate_map:
                group.touch((DEFAULT,))
                self._soon(group, now)

    def preference_changed(self, now: float) -> None:
        """Tell default routes that we originate with another local preference."""
        for group in self.groups.values():
            if group.audience.lines.default_originate:
                group.touch((DEFAULT,))
                self._soon(group, now)

    def policies_changed(self, now: float) -> None:
        """Tell the difference that other lists or maps make."""
        for group in self.groups.values():
            if group.audience.is_filtered:
                self._touch_all(group)
                self._soon(group, now)

    @property
    def is_filtered(self) -> bool:
        """Do lists or maps decide what somebody hears?"""
        return any(group.audience.is_filtered for group in self.groups.values())

    def judge_again(self, peer: Peer, judged: dict[int, None], now: float) -> None:
        """Tell a neighbor everything by the lists that there are now, because somebody wants it.

        judged: the groups that are looked at for others already.
        """
        if peer.group is None:
            return
        if peer.group.number not in judged:
            judged[peer.group.number] = None
            self._touch_all(peer.group)
            peer.group.announce_at = now
        self.repeat(peer, now)

    def repeat(self, peer: Peer, now: float) -> None:
        """Let a neighbor hear everything again."""
        if peer.group is not None:
            self._asking.setdefault(peer.group.number, {})[peer.address] = None
            self._soon(peer.group, now)

    def _touch_all(self, group: Group) -> None:
        group.touch((*self._routes.table.destinations, *map(prefix_of, group.told)))
        if group.audience.lines.default_originate:
            group.touch((DEFAULT,))

    # ----------------------------------------------------------------------------------------------------- slices

    def writable(self, peer: Peer, now: float) -> None:
        """Note that a neighbor reads again."""
        if peer.group is not None and not peer.feed.is_empty:
            peer.group.hungry[peer.address] = peer.feed
            self._set(peer.group, now)

    def step(self, number: int, now: float) -> None:
        """Do a slice of what a group has to do."""
        group = self._by_number.get(number)
        if group is None:
            return
        if (group.pending or group.waiting) and not group.waits_for_readers:
            group.look(self._judge(group.audience), now, lambda changes: self._trace(group, changes))
            self._give_up(group, now)
        asked = None
        if not group.pending:
            self._mark_ends(group)
            asked = self._answer(group, now)
        self._pour(group, now)
        if group.pending or group.hungry:
            self._set(group, now + BREATH)
        else:
            later = earliest(group.announce_at if group.waiting else None, asked)
            if later is not None:
                self._set(group, max(later, now + BREATH))

    def _give_up(self, group: Group, now: float) -> None:
        """End the sessions of those who did not read for so long that nobody knows any more what they must hear."""
        lost, group.lost = group.lost, []
        for address in lost:
            session = self._members[address].session
            if session is not None:
                session.notify(cease(Cease.OUT_OF_RESOURCES), "Peer does not read", now)

    def _trace(self, group: Group, changes: list[Change]) -> None:
        """Debug lines about the first neighbor of the group, and that the others hear the same."""
        process = self._process
        first = next(iter(group.feeds), None)
        if first is None or not process.traces(first, messages.UPDATES, messages.UPDATES_OUT):
            return
        process.debug(
            messages.sent_line(first, one.nlri, one.after.attributes if one.after else None) for one in changes
        )
        if len(group.feeds) > 1:
            process.debug(
                [f"BGP(0): updgrp {group.number} - {first} updates replicated to {len(group.feeds) - 1} others"]
            )

    def _soon(self, group: Group, now: float) -> None:
        due = self._process.timers.when(("tell", group.number))
        if due is None or due > now + SETTLING:  # withdrawals do not wait for the interval of announcements
            self._set(group, now + SETTLING)

    def _set(self, group: Group, when: float) -> None:
        self._process.timers.set(("tell", group.number), when)

    def _answer(self, group: Group, now: float) -> float | None:
        """Feed some of those that asked for everything; returns when the next of them may be."""
        asking = self._asking.get(group.number, {})
        due = {address: self._members[address].feed.refreshed + REFRESH_PAUSE for address in asking}
        for address in [address for address, when in due.items() if now >= when][:_AT_ONCE]:
            del asking[address], due[address]
            peer = self._members[address]
            peer.feed.refreshed = now
            marks = peer.session is not None and peer.session.marks_refreshes
            group.repeat(peer.feed, (_BEGIN,) if marks else (), (_END,) if marks else ())
        return min(due.values(), default=None)

    def _mark_ends(self, group: Group) -> None:
        """Tell those that joined, and wait for the end of the table, that everything was looked at."""
        for peer in [one for one in self._beginners.values() if one.group is group and one.address in group.feeds]:
            del self._beginners[peer.address]
            group.feed(peer.feed, (_END_OF_TABLE,))

    def _pour(self, group: Group, now: float) -> None:
        """Send what feeds have, in turns. One whose session has no room waits until it is writable."""
        left = _MOST
        while group.hungry and left > 0:
            address, feed = next(iter(group.hungry.items()))
            del group.hungry[address]
            session = self._members[address].session
            if session is None:
                continue
            left -= feed.pour(session, _TURN, now, group.next_slice) or 1
            if not feed.is_empty and not feed.is_blocked:
                group.hungry[address] = feed

    def _judge(self, audience: Audience) -> Callable[[Prefix], Mapping[Nlri, Told]]:
        """Return what such peers are told of a prefix as of now. Most prefixes share their paths with others."""
        policies = self._process.ports.policies.of_routes()
        lines, routes = audience.lines, self._routes
        known: dict[int, tuple[Path, Told | None]] = {}

        def is_unsuppressed(prefix: Prefix, path: Path) -> bool:
            name = lines.unsuppress_map
            route = candidate(prefix, path.attributes, kinds_of(path))
            return bool(name) and policies.mapped(name, route) is not None

        def judge_path(prefix: Prefix, path: Path) -> Told | None:
            if prefix in routes.suppressed and not is_unsuppressed(prefix, path):
                return None
            changes = (
                verdict(policies, lines, Direction.OUT, prefix, path.attributes, kinds_of(path))
                if lines.filters
                else UNCHANGED
            )
            if changes is not UNCHANGED:
                return _told(path, audience, changes) if changes is not None else None
            if id(path) not in known:
                known[id(path)] = path, _told(path, audience, UNCHANGED)
            return known[id(path)][1]

        def judge(prefix: Prefix) -> Mapping[Nlri, Told]:
            found: dict[Nlri, Told] = {}
            for nlri, path in self._offers(prefix, audience):
                one = judge_path(prefix, path)
                if one is not None:
                    found[nlri] = one
            if not found and prefix == DEFAULT and lines.default_originate:
                changes = routes.condition(lines.originate_map)
                if changes is not None:
                    own = default_route(audience, changes, self._process.config.local_preference)
                    found[named(prefix, 0 if audience.numbered else None)] = Told(own, UNSPECIFIED)
            return found

        return judge

    def _offers(self, prefix: Prefix, audience: Audience) -> Iterable[tuple[Nlri, Path]]:
        """Return the paths of which such peers may hear, as what they hear them: the best one, or several."""
        if audience.numbered:
            return [
                (NumberedPrefix(prefix, one.number), one.path)
                for one in self._routes.table.candidates(prefix)
                if is_told(one.merits, audience.advertised)
            ]
        best = self._routes.table.best(prefix)
        return ((prefix, best),) if best is not None else ()


def _told(path: Path, audience: Audience, changes: Changes) -> Told | None:
    """Return what is too long to be told is told no more: the way that led there is none any more."""
    attributes = told(path, audience, changes)
    if attributes is None or not fits(attributes, wide=audience.wide):
        return None
    return Told(attributes, path.peer)


def advertised(peer: Peer) -> Iterator[tuple[Nlri, Attributes]]:
    """Return what a neighbor is told (Adj-RIB-Out)."""
    return peer.group.advertised(peer.address) if peer.group is not None else iter(())


def queued(peer: Peer) -> int:
    """Return how many prefixes it is still to hear of."""
    return peer.feed.length + (len(peer.group.pending) + len(peer.group.waiting) if peer.group is not None else 0)
