"""The state of the tunnels in the data plane and the RIB: adjacencies, multicast receivers, routes of NHRP.

`Forwarding` alone writes `adjacencies`, `ordered`, `gleaned`, `registered_multicast` and `multicast` of a `Tunnel`. So
every change there, and only a change, reaches the data plane:

    adjacencies   where packets for a next hop go
    ordered       next hops whose adjacency the data plane has: a tunnel that is down gets none until it comes up
    gleaned       next hops whose packets go through a server, because no reply for the next hop came yet, or it expired
    multicast     receivers of copies: configured addresses, servers, and the clients that registered

Orders that the host refused are sent again after 1, 2, 4 ... seconds, if they are still valid then. An order that was
replaced meanwhile (by another adjacency, another list) is dropped: the newer order has gone out.

`OfferedRoutes` offers the RIB routes of our own (`H`, T1) and next-hop overrides (`%` NHO, T2). A prefix that another
protocol routes too gets an override: the route stays that protocol's, and packets take our next hop. When that route
goes away (the hubs are dead), the override becomes a route of our own, and an override again when it returns. A next
hop that a server reported as unknown is unreachable for a while.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.addresses import IPAddress, is_link_local, spelled
from dmvpn.base.context import Retries
from dmvpn.base.effects import ClearAdjacency, Effect, NextHop, RouteKind, SetAdjacency, SetHairpin, SetMulticast, Store
from dmvpn.base.events import EffectFailed
from dmvpn.base.notices import MulticastReached, OverrideOffered, Route, RouteOffered, RouteRetracted, RouteSource
from dmvpn.base.reasons import Reason
from dmvpn.features.nhrp.cache import Entry, NbmaPeer, RouteState
from dmvpn.features.nhrp.client import NhsState
from dmvpn.features.nhrp.instance import Instance
from dmvpn.features.nhrp.reasons import NhrpReason
from dmvpn.features.nhrp.shared import REQUEST_IDS
from dmvpn.features.nhrp.tunnel import Happening, Tunnel

#: Seconds between two multicast lists of one tunnel if the list is long: when all clients of a large hub return, it
#: updates the data plane in batches. A short list costs little, and a client that waits for it misses the Hello that
#: answers its own.
MULTICAST_INTERVAL = 0.1
LONG_MULTICAST = 16
#: Next hops of one tunnel whose packets go through the hub because no reply for them has come yet.
LARGEST_GLEANED = 256
#: Orders that are sent again in one event.
_AT_ONCE: Final = 64


class Forwarding:
    """See the module's docstring."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._context = instance.context
        self._refused: Retries[Effect] = Retries(self._context, "order again", self._order_again, most=_AT_ONCE)

    # -------------------------------------------------------------------------------------------- adjacencies

    def lead(self, tunnel: Tunnel, next_hop: IPAddress, to: NbmaPeer) -> None:
        """Send packets for the next hop there from now on."""
        tunnel.gleaned.pop(next_hop, None)
        self._set(tunnel, next_hop, to)

    def clear(self, tunnel: Tunnel, next_hop: IPAddress) -> None:
        """Remove the adjacency of the next hop; the data plane reports packets for it with `Unresolved`."""
        tunnel.gleaned.pop(next_hop, None)
        self._clear(tunnel, next_hop)

    def lost(self, tunnel: Tunnel, next_hop: IPAddress) -> None:
        """Forget an adjacency that the data plane does not have."""
        tunnel.adjacencies.pop(next_hop, None)
        tunnel.ordered.pop(next_hop, None)

    def lost_all(self, tunnel: Tunnel) -> None:
        """Note that the data plane has removed the tunnel, and all of its adjacencies with it."""
        tunnel.ordered.clear()

    def glean(self, tunnel: Tunnel, next_hop: IPAddress) -> bool:
        """Send packets for the next hop through a server. Returns False if there is no server."""
        server = tunnel.server()
        if server is None or server.nbma is None or server.nhs == next_hop:
            self._clear(tunnel, next_hop)
            return False
        tunnel.gleaned.pop(next_hop, None)
        tunnel.gleaned[next_hop] = self._context.now
        if len(tunnel.gleaned) > LARGEST_GLEANED:
            self.clear(tunnel, next(iter(tunnel.gleaned)))
        self._set(tunnel, next_hop, NbmaPeer(server.nbma))
        return True

    def unbridge(self, tunnel: Tunnel, next_hop: IPAddress) -> None:
        """Remove the adjacency of a next hop that was just forgotten: if packets still go to it, `Unresolved` requests
        it again.
        """
        if next_hop in tunnel.gleaned:
            self.clear(tunnel, next_hop)

    def server_changed(self, tunnel: Tunnel) -> None:
        """Send all traffic that goes through a server through the best one."""
        server = tunnel.server()
        for next_hop in list(tunnel.gleaned):
            if server is not None and server.nbma is not None:
                self._set(tunnel, next_hop, NbmaPeer(server.nbma))
            else:
                self.clear(tunnel, next_hop)

    def forget_gleaned(self, tunnel: Tunnel) -> None:
        """Remove all adjacencies that go through a server because no reply for them has come."""
        for next_hop in list(tunnel.gleaned):
            self.clear(tunnel, next_hop)

    def _set(self, tunnel: Tunnel, next_hop: IPAddress, to: NbmaPeer) -> None:
        if not tunnel.multipoint or tunnel.adjacencies.get(next_hop) == to:
            return
        tunnel.adjacencies[next_hop] = to
        tunnel.counters.count(Happening.END_POINT_ADDED)
        self._order(tunnel, next_hop, to)

    def _order(self, tunnel: Tunnel, next_hop: IPAddress, to: NbmaPeer) -> None:
        if tunnel.running:
            tunnel.ordered[next_hop] = None
            self._context.emit(SetAdjacency(tunnel.name, next_hop, to.nbma, to.connection))

    def _clear(self, tunnel: Tunnel, next_hop: IPAddress) -> None:
        if tunnel.adjacencies.pop(next_hop, None) is None:
            return
        tunnel.counters.count(Happening.END_POINT_DELETED)
        was_ordered = next_hop in tunnel.ordered
        tunnel.ordered.pop(next_hop, None)
        if was_ordered and tunnel.nbma is not None and tunnel.is_carried:
            self._context.emit(ClearAdjacency(tunnel.name, next_hop))

    # -------------------------------------------------------------------------------------------- copies, reports

    def admit(self, tunnel: Tunnel, client: NbmaPeer, address: IPAddress | None) -> None:
        """Take in a further entry of a client.

        address: packets for it go to the client; None: the entry is a prefix.
        """
        if address is not None:
            self.lead(tunnel, address, client)
        self.count_receiver(tunnel, client, 1)

    def count_receiver(self, tunnel: Tunnel, client: NbmaPeer | None, more: int) -> None:
        """Add `more` to the number of a client's entries. As long as it has any, it gets copies of multicasts."""
        if client is None:
            return
        entries = tunnel.registered_multicast.get(client, 0) + more
        if entries > 0:
            tunnel.registered_multicast[client] = entries
        else:
            tunnel.registered_multicast.pop(client, None)
        self.update_multicast(tunnel)

    def update_multicast(self, tunnel: Tunnel) -> None:
        """Update the multicast receivers in the data plane, now or after the interval."""
        if self._instance.tunnels.get(tunnel.name) is not tunnel:
            return  # it is no longer configured, and its entries are being dropped
        now, last = self._context.now, tunnel.multicast_set_at
        is_long = len(tunnel.multicast) >= LONG_MULTICAST
        if is_long and last is not None and now < last + MULTICAST_INTERVAL:
            self._context.arm(tunnel.timers.multicast, last + MULTICAST_INTERVAL)
            return
        receivers, before = multicast_receivers(tunnel), tunnel.multicast
        if receivers != before and tunnel.multipoint:
            tunnel.multicast = receivers
            tunnel.multicast_set_at = now
            if tunnel.running:
                self._context.emit(_multicast_order(tunnel))
                same = set(map(id, before))
                new = {to for to in receivers if id(to) not in same}
                if new and not new <= set(before):
                    self._context.emit(MulticastReached(tunnel.name))

    def restore(self, tunnel: Tunnel) -> None:
        """Send all orders again: the data plane has lost them, or never had them."""
        if tunnel.multipoint:
            self._context.work(self._restoring(tunnel, list(tunnel.adjacencies)))
            tunnel.multicast = multicast_receivers(tunnel)
            self._context.emit(_multicast_order(tunnel))
        self.report(tunnel)

    def _restoring(self, tunnel: Tunnel, next_hops: list[IPAddress]) -> Iterator[None]:
        for next_hop in next_hops:
            to = tunnel.adjacencies.get(next_hop)
            if to is not None:
                self._order(tunnel, next_hop, to)
            yield

    def report(self, tunnel: Tunnel) -> None:
        """Set which packets of the tunnel the data plane reports, for redirects."""
        config = tunnel.config
        self._context.emit(
            SetHairpin(
                tunnel.name,
                config.network_id,
                report=config.redirect,
                interval=float(config.redirect_interval),
                version=tunnel.version,
            )
        )

    def withdraw(self, tunnel: Tunnel) -> None:
        """Withdraw all orders of NHRP for this tunnel."""
        if tunnel.running:
            version = tunnel.version
            self._context.emit(
                SetMulticast(tunnel.name, (), version), SetHairpin(tunnel.name, None, report=False, version=version)
            )

    # -------------------------------------------------------------------------------------------- refused orders

    def failed(self, event: EffectFailed) -> None:
        """Take in an order that the host could not carry out."""
        effect = event.effect
        if isinstance(effect, SetAdjacency | ClearAdjacency | SetMulticast | SetHairpin) or (
            isinstance(effect, Store) and effect.name == REQUEST_IDS
        ):
            reason = Reason(NhrpReason.ORDER_REFUSED, (event.text,), self._context.now)
            self._refused.failed(effect, reason)
        tunnel = (
            self._instance.tunnels.get(effect.tunnel) if isinstance(effect, SetAdjacency | ClearAdjacency) else None
        )
        if tunnel is not None:
            added = isinstance(effect, SetAdjacency)
            tunnel.counters.count_failed(Happening.END_POINT_ADDED if added else Happening.END_POINT_DELETED)

    def _order_again(self, effect: Effect) -> None:
        if self._still_holds(effect):
            if isinstance(effect, SetAdjacency):
                self._instance.tunnels[effect.tunnel].ordered[effect.next_hop] = None
            self._context.emit(effect)
        else:
            self._refused.forget_order(effect)

    def _still_holds(self, effect: Effect) -> bool:
        if isinstance(effect, Store):
            return effect == self._instance.request_ids.stored
        if not isinstance(effect, SetAdjacency | ClearAdjacency | SetMulticast | SetHairpin):
            return False
        tunnel = self._instance.tunnels.get(effect.tunnel)
        if tunnel is None or not tunnel.running:
            return False
        match effect:
            case SetAdjacency(next_hop=next_hop):
                return tunnel.adjacencies.get(next_hop) == NbmaPeer(effect.nbma, effect.connection)
            case ClearAdjacency(next_hop=next_hop):
                return next_hop not in tunnel.adjacencies
            case SetMulticast():
                return _multicast_order(tunnel) == effect
            case SetHairpin():
                return tunnel.network_id == effect.network


def multicast_receivers(tunnel: Tunnel) -> tuple[NbmaPeer, ...]:
    """Return the receivers of copies: configured addresses, servers, clients (each once)."""
    config = tunnel.config
    receivers = dict.fromkeys(map(NbmaPeer, config.multicast))
    for client in tunnel.clients.values():
        # A server in reserve does not know us: its routing protocols would answer in vain.
        if client.multicast and client.nbma is not None and client.state is not NhsState.WAITING:
            receivers[NbmaPeer(client.nbma)] = None
    if not config.multicast_dynamic:
        return tuple(receivers)
    # A client that is also a server of ours gets its copies already. To hash ten thousand addresses takes milliseconds.
    known, registered = {to.nbma for to in receivers}, tunnel.registered_multicast
    return (*receivers, *([to for to in registered if to.nbma not in known] if known else registered))


def _multicast_order(tunnel: Tunnel) -> SetMulticast:
    """Return the list of receivers in the data plane's form."""
    anybody = tuple(to.nbma for to in tunnel.multicast if not to.connection)
    bound = tuple((to.nbma, to.connection) for to in tunnel.multicast if to.connection)
    return SetMulticast(tunnel.name, anybody, tunnel.version, bound)


#: IOS's numbers for NHRP routes (17.x).
DISTANCE = 250
METRIC = 255


class OfferedRoutes:
    """Offers the RIB a route or an override for each entry."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._context = instance.context

    def install(self, tunnel: Tunnel, entry: Entry) -> None:
        """Route packets for the entry's target to its next hop, whatever the routing protocols say."""
        target, vrf = entry.target, tunnel.config.vrf
        hop = NextHop(tunnel.name, None if entry.is_next_hop else entry.next_hop)  # a peer's own is on the link itself
        if is_link_local(target.address):
            return  # it is only a next hop, and no destination of a routing table
        other = self._instance.rib(tunnel).exact(target)
        wanted = RouteState.INSTALLED if other is None else RouteState.OVERRIDE
        if entry.route is wanted:
            return
        before = self._take_over(tunnel, entry)
        if wanted is RouteState.INSTALLED:
            self._context.emit(RouteOffered(self._route(entry, hop), vrf))
            if before is RouteState.OVERRIDE:
                self._context.emit(OverrideOffered(target, None, vrf))
        else:
            self._context.emit(OverrideOffered(target, hop, vrf))
            if before in (RouteState.INSTALLED, RouteState.UNREACHABLE):
                self._context.emit(RouteRetracted(RouteSource.NHRP, "", target, vrf))
        entry.routed(wanted)
        installed = wanted is RouteState.INSTALLED
        tunnel.counters.count(Happening.ROUTE_ADDED if installed else Happening.OVERRIDE_ADDED)
        self._debug(tunnel, entry, "installed as " + wanted.value)

    def refuse(self, tunnel: Tunnel, entry: Entry) -> None:
        """Make the target unreachable, so that senders get an answer instead of a timeout: no station has the
        address.
        """
        self.withdraw(tunnel, entry)
        if is_link_local(entry.target.address):
            return
        self._context.emit(RouteOffered(self._route(entry, None), tunnel.config.vrf))
        entry.routed(RouteState.UNREACHABLE)
        tunnel.counters.count(Happening.ROUTE_ADDED)

    def withdraw(self, tunnel: Tunnel, entry: Entry) -> None:
        """Route packets for the entry's target as the routing protocols say."""
        match entry.route:
            case RouteState.INSTALLED | RouteState.UNREACHABLE:
                self._context.emit(RouteRetracted(RouteSource.NHRP, "", entry.target, tunnel.config.vrf))
            case RouteState.OVERRIDE:
                self._context.emit(OverrideOffered(entry.target, None, tunnel.config.vrf))
            case RouteState.NONE:
                return
        _release(tunnel, entry)
        self._debug(tunnel, entry, "taken back")

    def _take_over(self, tunnel: Tunnel, entry: Entry) -> RouteState:
        """Return how NHRP routed the target so far.

        A target has one route in a VRF, so another tunnel's route for it is withdrawn.
        """
        before = _release(tunnel, entry)
        for other in self._instance.tunnels.values():
            if other is tunnel or other.config.vrf != tunnel.config.vrf:
                continue
            rival = other.cache.get(entry.target)
            if rival is None or rival.route is RouteState.NONE:
                continue
            before = _release(other, rival)
            if not rival.is_next_hop:
                self._instance.remove_entry(other, rival)
        return before

    def _route(self, entry: Entry, hop: NextHop | None) -> Route:
        return Route(
            prefix=entry.target,
            source=RouteSource.NHRP,
            distance=DISTANCE,
            metric=METRIC,
            next_hops=(hop,) if hop else (),
            kind=RouteKind.FORWARD if hop else RouteKind.UNREACHABLE,
            since=self._context.now,
        )

    def _debug(self, tunnel: Tunnel, entry: Entry, what: str) -> None:
        self._instance.debug(
            "nhrp routing",
            tunnel,
            lambda: f"NHRP-RT: {tunnel.name}: {spelled(entry.target)} {what}",
            entry.nbma,
            address=entry.next_hop,
        )


def _release(tunnel: Tunnel, entry: Entry) -> RouteState:
    """Record that the entry has no route any more, because it goes or becomes another one.

    Returns how it was routed.
    """
    before = entry.routed(RouteState.NONE)
    match before:
        case RouteState.INSTALLED | RouteState.UNREACHABLE:
            tunnel.counters.count(Happening.ROUTE_DELETED)
        case RouteState.OVERRIDE:
            tunnel.counters.count(Happening.OVERRIDE_DELETED)
        case RouteState.NONE:
            pass
    return before
