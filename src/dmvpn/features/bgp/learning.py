"""From Adj-RIB-In to paths: inbound filters and their changes, in slices, because a neighbor may send thousands of
routes.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from dmvpn.base.routemaps import UNCHANGED, HopWord
from dmvpn.features.bgp.attributes import prepended
from dmvpn.features.bgp.model import FilterDirection
from dmvpn.features.bgp.output import leaving
from dmvpn.features.bgp.packet import number_of, prefix_of
from dmvpn.features.bgp.paths import DEFAULT_LOCAL_PREF, EXTERNAL, INTERNAL, Path, PathOrigin, changed, verdict

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.ports import Ports
    from dmvpn.base.routemaps import Changes
    from dmvpn.features.bgp.attributes import Attributes
    from dmvpn.features.bgp.neighbor import Peer
    from dmvpn.features.bgp.packet import Nlri
    from dmvpn.features.bgp.paths import LocRib

    #: A route of a neighbor: its address, and the prefix with its path identifier.
    Key = tuple[IPv4Address, Nlri]


class Learning:
    """Received routes that have not been filtered yet. Only this class writes the paths of neighbors. waiting: how
    many.

    damped: routes that dampening suppresses.
    """

    def __init__(self, ports: Ports, damped: Container[Key]) -> None:
        self._ports = ports
        self._damped = damped
        self._waiting: dict[IPv4Address, tuple[Peer, dict[Nlri, None]]] = {}
        self.waiting = 0
        self.default_pref = DEFAULT_LOCAL_PREF

    def add(self, peer: Peer, told: Iterable[Nlri]) -> None:
        """Queue routes that a neighbor changed, or that its filters may treat differently now. The neighbor may be
        gone.
        """
        _, waiting = self._waiting.get(peer.address, (peer, {}))
        before = len(waiting)
        if waiting:
            waiting.update(dict.fromkeys(told))
        else:
            waiting = dict.fromkeys(told)  # one copy, without visiting each of 100,000 prefixes
        self.waiting += len(waiting) - before
        if waiting:
            self._waiting[peer.address] = peer, waiting

    def clear(self) -> None:
        """Drop the queue because the process ends."""
        self._waiting.clear()
        self.waiting = 0

    def prefixes(self) -> Iterator[Prefix]:
        """Yield the queued prefixes."""
        return (prefix_of(one) for _, waiting in self._waiting.values() for one in waiting)

    def take(self, table: LocRib, most: int, now: float) -> tuple[list[Nlri], list[Peer]]:
        """Process up to `most` routes; returns them, and the neighbors whose routes are all processed."""
        found: list[Nlri] = []
        done: list[Peer] = []
        while self._waiting and len(found) < most:
            address, (peer, waiting) = next(iter(self._waiting.items()))
            some = list(islice(waiting, most - len(found)))
            self._learn(table, peer, some, now)
            found += some
            self.waiting -= len(some)
            if len(some) == len(waiting):
                del self._waiting[address]
                done.append(peer)
                continue
            for one in some:
                del waiting[one]
        return found, done

    def _learn(self, table: LocRib, peer: Peer, told: Iterable[Nlri], now: float) -> None:
        policies = self._ports.policies.of_routes()
        lines = peer.settings.lines
        kinds = INTERNAL if peer.settings.internal or peer.settings.confederate else EXTERNAL
        has_filters = any(filter_.direction is FilterDirection.IN for filter_ in lines.filters)
        last: tuple[Attributes, Changes, Path] | None = None  # prefixes of one UPDATE share their path
        for one in told:
            prefix, number = prefix_of(one), number_of(one)
            source = PathOrigin.PEER, peer.address, number
            attributes = peer.received.get(one)
            changes = (
                verdict(policies, lines, FilterDirection.IN, prefix, attributes, kinds)
                if has_filters and attributes is not None
                else UNCHANGED
            )
            peer.filter(one, is_refused=attributes is not None and changes is None)
            if attributes is None or changes is None:
                table.take_away(prefix, source)
                continue
            its_own = number, (peer.address, one) in self._damped
            is_known = last is not None and last[0] is attributes and last[1] is changes
            if last is None or not is_known or (last[2].number, last[2].damped) != its_own:
                path = _path(peer, attributes, changes, self.default_pref, now)
                is_usual = its_own == (None, False)
                last = attributes, changes, path if is_usual else replace(path, number=number, damped=its_own[1])
            if table.known(prefix, source) != last[2]:
                table.put(prefix, last[2])


def _path(peer: Peer, attributes: Attributes, changes: Changes, default_pref: int, now: float) -> Path:
    settings, lines = peer.settings, peer.settings.lines
    if settings.local_as != settings.real_as and not settings.internal and lines.local_as_prepends:
        attributes = replace(attributes, path=prepended(attributes.path, settings.local_as))
    attributes = changed(attributes, changes, {HopWord.PEER: peer.address})
    if settings.is_leaving:
        attributes = leaving(attributes, lines.shutdown_preference)
    return Path(
        origin=PathOrigin.PEER,
        attributes=attributes,
        peer=peer.address,
        identifier=peer.identifier,
        internal=settings.internal,
        confederate=settings.confederate,
        client=lines.route_reflector_client,
        default_pref=default_pref,
        weight=(lines.weight or 0) if changes.weight is None else changes.weight,
        since=now,
    )
