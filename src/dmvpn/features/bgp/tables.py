"""One address family of the process, whole: its neighbors, their routes, its table and its update groups.

Nothing here depends on which family it is: what differs is in its `Family`. The shows look at one of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.context import Timer
from dmvpn.features.bgp.advertiser import Advertiser
from dmvpn.features.bgp.families import Family
from dmvpn.features.bgp.groups import UpdateGroup
from dmvpn.features.bgp.input import AdjRibIn, Flaps, Key, Learning, Limits, Restarts
from dmvpn.features.bgp.model import BgpConfig
from dmvpn.features.bgp.neighbor import FamilyState, Neighbor, Peer, State
from dmvpn.features.bgp.origination import Imports
from dmvpn.features.bgp.packet import Nlri, named
from dmvpn.features.bgp.paths import Path
from dmvpn.features.bgp.routes import Exports, Routes
from dmvpn.features.bgp.settings import PeerSettings

#: Cost of filtering the routes of a neighbor again, from the budget for one event.
_SELECT_COST = 16


class Table:
    """The parts of one family. routes, exports, flaps, restarts ...: see their classes."""

    def __init__(self, process: State, family: Family) -> None:
        self.process = process
        self.family = family
        self._state = state = FamilyState(process, family)
        process.add_family(state)
        ports, damped = process.ports, dict["Key", None]()
        self.adj_rib_in = AdjRibIn(process.context.emit)
        self.learning = Learning(ports, damped)
        self.imports = Imports(ports)
        self.routes = Routes(ports, family, self.learning, self.imports)
        self.exports = Exports(state, self.routes)
        self.advertiser = Advertiser(state, self.routes)
        self.flaps = Flaps(state, self.learning, damped)
        self.restarts = Restarts(state, self.adj_rib_in, self.learning)
        self.limits = Limits(state, self.adj_rib_in, self.restarts)

    # ---------------------------------------------------------------------------------------------------- shows

    @property
    def config(self) -> BgpConfig:
        """The configuration, with the lines of this family."""
        return self._state.config

    @property
    def vrf(self) -> str:
        """The VRF of the process, "": the global table."""
        return self.process.ports.vrf

    @property
    def router_id(self) -> IPv4Address | None:
        """The router ID; None: no address can serve as one so far."""
        return self.process.router_id

    @property
    def peers(self) -> Mapping[IPAddress, Peer]:
        """The neighbors in this family, by address."""
        return self._state.peers

    @property
    def groups(self) -> list[UpdateGroup]:
        """The update groups, by number."""
        return sorted(self.advertiser.groups.values(), key=lambda group: group.number)

    def is_stale(self, prefix: Prefix, path: Path) -> bool:
        """Return whether a path is kept only because the neighbor that sent it is restarting."""
        peer = self.peers.get(path.peer)
        is_stale = peer is not None and named(prefix, path.number) in peer.stale
        return is_stale and peer is not None and self.restarts.deadline(peer) is not None

    # ---------------------------------------------------------------------------------------------------- verbs

    def configure(self, config: BgpConfig) -> BgpConfig:
        """Take over the lines of the family. Returns the old ones."""
        return self._state.configure(config)

    def join(self, neighbor: Neighbor, settings: PeerSettings) -> None:
        """Add a neighbor that is active in the family."""
        restart = Timer("restart time, RFC 4724 §4.2", lambda: self.restarts.not_back(peer), neighbor.address)
        again = Timer(
            "filter the routes again", lambda: self.learn(peer, peer.received), neighbor.address, _SELECT_COST
        )
        peer = Peer(neighbor, settings, restart, again)
        self._state.join(peer)

    def leave(self, peer: Peer) -> None:
        """Remove a neighbor that is no longer active in the family; it has no session."""
        self._state.leave(peer)
        self.restarts.give_up(peer)

    def learn(self, peer: Peer, routes: Iterable[Nlri]) -> None:
        """Queue routes of a neighbor that changed, or that its filters may treat differently now."""
        self.learning.add(peer, routes)

    def stop(self) -> None:
        """Withdraw all routes, because the process ends or has the family no more; no neighbor is left."""
        self.flaps.clear_flaps()
        self.exports.stop()
        self.process.context.emit(*self.routes.stop())
        self.advertiser.begin_again()

    def look_again(self) -> None:
        """Apply changed lists and maps to our own routes, and to those of other VRFs."""
        self.routes.policies_changed()
        self.imports.look_again()
        self.exports.look_again()

    def routes_changed(self, changes: Sequence[tuple[Prefix, bool]], now: float) -> None:
        """Look at prefixes whose routes in the routing table changed, and whether BGP makes, and made, the route."""
        own = self.routes.table.own
        for prefix, is_ours in changes:
            if not is_ours or prefix in own:
                self.routes.route_changed(prefix, now)
        self.exports.changed(prefix for prefix, _ in changes)
        self.advertiser.default_may_change()
