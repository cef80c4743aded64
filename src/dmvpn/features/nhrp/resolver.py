"""The requesting side of resolution, RFC 2332 §5.2.1 and §5.2.2: from a request to the entries that its reply makes.

    redirected   a Traffic Indication: is there a shorter way to this host? (phase 3, `ip nhrp shortcut`)
    unresolved   the data plane has no adjacency for a next hop (phase 2, pings between spokes). It gets the hub's at
                 once, so nothing waits; the peer's own replaces it when it is known and proved
    refresh      an entry in use will expire before long
    greet        a peer must learn which of the connections from behind our translator is ours
    follow       the route that a shortcut overrides now leaves by another tunnel: there may be a shortcut there

A request is repeated with its id after 1, 2, 4 ... seconds. While it is out, and for a while after a refusal, an
incomplete entry represents it, so that the next redirect does not trigger another one. Incomplete entries are bounded;
the oldest makes way.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.context import Timer
from dmvpn.base.errors import surely
from dmvpn.base.reasons import Reason
from dmvpn.features.nhrp.cache import Entry, EntryType, Flag, NbmaPeer
from dmvpn.features.nhrp.forwarding import Forwarding, OfferedRoutes
from dmvpn.features.nhrp.instance import Instance
from dmvpn.features.nhrp.packet import ResolutionFlag, ResolutionReply, ResolutionRequest
from dmvpn.features.nhrp.parts import CieCode, ClientInfo, NatAddress, ResponderAddress
from dmvpn.features.nhrp.path import PathState
from dmvpn.features.nhrp.peers import Peers
from dmvpn.features.nhrp.questions import (
    FIRST_RETRY,
    LARGEST_RESOLVED,
    Binding,
    HoldDowns,
    Pending,
    Purpose,
    Questions,
    binding_of,
    whereabouts,
)
from dmvpn.features.nhrp.reasons import Nak, NhrpReason, Refusal
from dmvpn.features.nhrp.routing import Egress, NextStation, may_be_beyond, route_message
from dmvpn.features.nhrp.tunnel import Tunnel
from dmvpn.features.nhrp.vendor import MappedPorts

#: Seconds that an incomplete entry stays without an answer, or after a refusal (IOS's).
NEGATIVE_TIME = 180.0
#: Incomplete entries of one tunnel.
LARGEST_INCOMPLETE = 256
#: On a protected tunnel the reply may have waited for the direct way (`responder.DIRECT_WITHIN`).
FIRST_RETRY_PROTECTED = 1.5
#: Tries of a refresh; after these the entry expires.
REFRESH_TRIES = 4
#: An entry in use is requested again when so many seconds of its holding time remain, or a third of it if it is short.
REFRESH_BEFORE = 120.0
SHORTEST_REFRESH = 5.0
#: Seconds until a peer behind NAT that IKE does not reach is requested again, at first: its port may have changed.
PORT_AGAIN = 60.0

_FLAGS = (
    ResolutionFlag.ROUTER | ResolutionFlag.AUTHORITATIVE | ResolutionFlag.SOURCE_STABLE | ResolutionFlag.NAT
)  # 0xC802, as IOS and FRR have it


class Resolver:
    """Sends Resolution Requests and takes in the replies."""

    def __init__(self, instance: Instance, forwarding: Forwarding, peers: Peers, routes: OfferedRoutes) -> None:
        self._instance = instance
        self._context = instance.context
        self._forwarding = forwarding
        self._peers = peers
        self._hold_downs = HoldDowns(instance, forwarding, routes)
        self._questions = Questions()

    # -------------------------------------------------------------------------------------------- causes

    def redirected(self, tunnel: Tunnel, destination: IPAddress) -> None:
        """Look for the shorter path to this host that a server announces."""
        tunnel = self._leaves_by(tunnel, destination)
        if not _makes_shortcuts(tunnel) or destination.is_multicast:
            tunnel.counters.count_refused(Refusal.IGNORED)
            return
        entry = tunnel.cache.lookup(destination)
        if entry is not None:
            entry.asked_for()  # it is requested, refused or known already: then the redirect is late
            return
        self._ask(tunnel, destination, Purpose.SHORTCUT)

    def unresolved(self, tunnel: Tunnel, next_hop: IPAddress) -> None:
        """Answer the data plane at once: a packet waits there."""
        self._forwarding.lost(tunnel, next_hop)
        to = self._peers.way_of(tunnel, next_hop)
        if to is not None:
            self._forwarding.lead(tunnel, next_hop, to)
            return
        by_hub = self._forwarding.glean(tunnel, next_hop)
        entry = tunnel.cache.host(next_hop)
        if entry is not None:
            entry.asked_for()
            if entry.type is not EntryType.INCOMPLETE or by_hub:
                return
        if next_hop.is_multicast or next_hop.is_unspecified or tunnel.is_ours(next_hop):
            return
        if by_hub and tunnel.config.asks:
            self._ask(tunnel, next_hop, Purpose.NEXT_HOP)
        elif not by_hub:
            entry = entry or self._incomplete(tunnel, next_hop)
            self._hold_downs.begin(tunnel, entry, "it is not registered, and there is no next hop server to ask")

    def refresh(self, tunnel: Tunnel, target: Prefix) -> None:
        """Send another request: an entry expires before long, or a lost path is tried again."""
        self._instance.stop_refresh(tunnel, target)
        entry = tunnel.cache.get(target)
        if entry is None:
            self._forwarding.unbridge(tunnel, target.address)
        if entry is None or entry.expires is None or not tunnel.running:
            return
        now = self._context.now
        # Replies about prefixes behind a peer renew the peer's own entry, too.
        covered = entry.is_next_hop and len(tunnel.cache.behind(entry.next_hop)) > 1
        if entry.flags & Flag.TEMPORARY or (tunnel.used(entry, now) and not covered):
            self.follow(tunnel, entry)
            self._ask(tunnel, entry.asked or entry.next_hop, Purpose.REFRESH)
        remaining = entry.expires - now
        if remaining > SHORTEST_REFRESH:
            self._instance.refresh_after(tunnel, target, remaining / 2)

    def greet(self, tunnel: Tunnel, peer: IPAddress) -> None:
        """Send a request to the peer for its own address, straight: we are behind NAT, and have a connection with it.

        The peer may see several connections from our address; a message over ours identifies it.
        """
        if tunnel.config.asks:
            self._ask(tunnel, peer, Purpose.GREETING)

    def follow(self, tunnel: Tunnel, entry: Entry) -> bool:
        """Send a request on another tunnel if the route to an entry's target leaves by that one now. Returns whether it
        does.

        The entry in use stays until the path of the reply is proved: no reply may come, if the other hub is dead, too.
        """
        destination = entry.asked or entry.next_hop
        leaves_by = self._leaves_by(tunnel, destination)
        if leaves_by is tunnel:
            return False
        self._ask(leaves_by, destination, Purpose.REFRESH)
        return True

    def _leaves_by(self, tunnel: Tunnel, destination: IPAddress) -> Tunnel:
        """Return the tunnel that a shortcut to the destination belongs to: the one its route leaves by, else
        `tunnel`.
        """
        route = self._instance.rib(tunnel).lookup_without_nhrp(destination)
        names = [hop.interface for hop in route.next_hops] if route is not None else []
        if tunnel.name in names:
            return tunnel
        others = (self._instance.tunnels.get(name) for name in names)
        return next((other for other in others if other is not None and _makes_shortcuts(other)), tunnel)

    # -------------------------------------------------------------------------------------------- answers

    def reply(self, tunnel: Tunnel, packet: ResolutionReply, sender: NbmaPeer) -> bool:
        """Take in a Resolution Reply for us, by whatever way it came: the request id identifies the request.

        Returns False if we never sent that request (RFC 2332 §5.2.2). A late or duplicate reply is dropped silently.
        """
        pending = self._questions.get(packet.request_id)
        if pending is None or pending.destination != packet.destination_protocol:
            if not self._questions.was_answered(packet.request_id, packet.destination_protocol):
                return False
            self._instance.refuse(tunnel, Refusal.UNSOLICITED, sender.nbma)
            return True
        asked_on = self._instance.same_network(tunnel, pending.tunnel)
        if asked_on is None:
            return False
        self._take(asked_on, packet, sender, pending)
        return True

    def _take(self, asked_on: Tunnel, packet: ResolutionReply, sender: NbmaPeer, pending: Pending) -> None:
        """Take in the reply to an outstanding request: a binding, or a refusal."""
        cie = next((cie for cie in packet.cies if cie.code == CieCode.SUCCESS and cie.holding_time), None)
        if cie is None:
            nak = packet.cies[0] if packet.cies else ClientInfo(code=CieCode.NO_BINDING)
            reason = Reason(NhrpReason.UNRESOLVED, (Nak(nak.code),), self._context.now)
            self._refused(asked_on, pending, reason, nobody=nak.is_no_binding)
            return
        binding = binding_of(asked_on, packet, cie, sender)
        if binding is None or not may_be_beyond(self._instance, asked_on, binding.next_hop):
            self._instance.refuse(asked_on, Refusal.FORGED, sender.nbma)
            return
        full = asked_on.cache.is_full or asked_on.cache.led_to(whereabouts(None, binding)) >= LARGEST_RESOLVED
        if full and not pending.is_of_known:
            self._instance.refuse(asked_on, Refusal.NO_ROOM, sender.nbma)
            return
        if not self._instance.believes(asked_on, sender, binding.nbma, asked=True):
            return
        self._finish(pending)
        self._hold_downs.reset_next_hop(pending.tunnel, pending.destination)
        self._install(asked_on, pending.destination, cie, binding)

    def failed(self, request_id: int, destination: IPAddress | None, reason: Reason, *, nobody: bool) -> None:
        """Take in an Error Indication about a request of ours.

        nobody: the error says that no such address exists. Any other error is kept as the reason why there is no
            answer yet; the request is repeated.
        """
        pending = self._questions.get(request_id)
        tunnel = self._instance.tunnels.get(pending.tunnel) if pending else None
        if pending is None or tunnel is None or destination not in (None, pending.destination):
            return
        if nobody:
            self._refused(tunnel, pending, reason, nobody=True)
            return
        entry = tunnel.cache.host(pending.destination)
        if entry is not None and entry.type is EntryType.INCOMPLETE:
            entry.explain(reason)

    def _refused(self, tunnel: Tunnel, pending: Pending, reason: Reason, *, nobody: bool) -> None:
        """Take in a refusal.

        nobody: no such address exists; otherwise its owner can only be reached through the hub. A server that
            refuses a refresh may have lost the peer, so the request goes to the peer. Bindings that the peer does not
            renew expire in time.
        """
        if _may_ask_the_peer(pending) and self._peers.direct_hop(tunnel, pending.destination) is not None:
            self._send(tunnel, pending)
            return
        self._finish(pending)
        if pending.is_of_known:
            return
        entry = tunnel.cache.host(pending.destination)
        if entry is None or entry.type is not EntryType.INCOMPLETE:
            return
        if pending.purpose is Purpose.NEXT_HOP and nobody:
            self._hold_downs.begin(tunnel, entry, reason.what)
        else:
            entry.lasts(self._context.now + NEGATIVE_TIME, reason)
            self._instance.time_entry(tunnel, entry)

    def _repeat(self, name: str, destination: IPAddress) -> None:
        """Repeat a request that went unanswered, unless its entry is gone."""
        pending = surely(self._questions.about(name, destination))
        tunnel = self._instance.tunnels.get(name)
        entry = tunnel.cache.host(pending.destination) if tunnel else None
        waiting = entry is not None and entry.type is EntryType.INCOMPLETE
        if (
            tunnel is None
            or not tunnel.running
            or (pending.is_of_known and pending.tries >= REFRESH_TRIES)
            or (not pending.is_of_known and not waiting)
        ):
            self._finish(pending)
        else:
            self._send(tunnel, pending)

    def drop_request(self, tunnel: Tunnel, entry: Entry) -> None:
        """Drop the request of an incomplete entry: its reply is not needed any more."""
        pending = self._questions.about(tunnel.name, entry.target.address)
        if pending is not None:
            self._finish(pending)

    # -------------------------------------------------------------------------------------------- requests

    def _ask(self, tunnel: Tunnel, destination: IPAddress, purpose: Purpose) -> None:
        if self._questions.about(tunnel.name, destination) is not None:
            return
        retry = FIRST_RETRY_PROTECTED if tunnel.protected else FIRST_RETRY
        # It names the request: a timer that refers to it would make a circle of references with each question.
        repeat = Timer("repeat a Resolution Request", partial(self._repeat, tunnel.name, destination), destination)
        pending = Pending(0, tunnel.name, destination, purpose, repeat, retry=retry)
        if self._next_station(tunnel, pending) is None:
            tunnel.counters.count_refused(Refusal.NO_WAY)
            return
        if not pending.is_of_known:
            self._incomplete(tunnel, destination)
        self._questions.add(pending, self._instance.next_request_id())
        self._send(tunnel, pending)

    def _incomplete(self, tunnel: Tunnel, destination: IPAddress) -> Entry:
        if len(tunnel.cache.incomplete) >= LARGEST_INCOMPLETE:
            oldest = next(iter(tunnel.cache.incomplete.values()))
            self.drop_request(tunnel, oldest)
            self._peers.drop(tunnel, oldest)
        now = self._context.now
        entry = Entry(
            target=Prefix.host(destination),
            next_hop=destination,
            nbma=None,
            type=EntryType.INCOMPLETE,
            created=now,
            expires=now + NEGATIVE_TIME,
            flags=Flag.NEGATIVE,
            hits=1,
        )
        self._instance.add_entry(tunnel, entry)
        return entry

    def _send(self, tunnel: Tunnel, pending: Pending) -> None:
        self._context.start(pending.repeat, pending.sent())
        hop = self._next_station(tunnel, pending)
        if hop is not None:
            self._instance.send(hop.tunnel, hop.neighbor, self._request(hop.tunnel, pending))

    def _next_station(self, tunnel: Tunnel, pending: Pending) -> NextStation | None:
        """Return where a request goes. A refresh that servers do not answer, or refuse, goes to the peer.

        So does a refresh that would go to a doubted server, or to its standby: that one may have lost the peer, too,
        and offers its own way through the dead server until routes have followed. The peer knows its own prefixes.

        A shortcut is requested on its own tunnel alone: an NBMA address of another cloud is of no use in this one.
        """
        if pending.purpose is Purpose.GREETING:
            path = tunnel.paths.get(pending.destination)
            return NextStation(tunnel, path.peer, path.neighbor) if path is not None else None
        hop = route_message(self._instance, tunnel, pending.destination)
        station = hop if isinstance(hop, NextStation) else None
        if station is not None and station.tunnel is not tunnel and pending.purpose is not Purpose.NEXT_HOP:
            station = None
        if pending.purpose is Purpose.REFRESH and (pending.tries > 1 or station is None or _is_in_doubt(station)):
            direct = self._peers.direct_hop(tunnel, pending.destination)
            if direct is not None:
                return direct
        return station

    def _request(self, tunnel: Tunnel, pending: Pending) -> ResolutionRequest:
        address, nbma = tunnel.own
        own = self._instance.own_entry(tunnel)
        public = (replace(own, nbma=tunnel.public_nbma, holding_time=0),) if tunnel.public_nbma else ()
        return ResolutionRequest(
            source_nbma=nbma,
            source_protocol=address,
            destination_protocol=pending.destination,
            flags=_FLAGS,
            request_id=pending.request_id,
            cies=(replace(own, nbma=None, protocol=None),),
            extensions=(
                ResponderAddress(),
                *self._instance.records(tunnel),
                *self._instance.authentication(tunnel),
                NatAddress(entries=public),
                *((MappedPorts().extension,) if tunnel.protected else ()),
            ),
        )

    def _finish(self, pending: Pending) -> None:
        self._questions.finish(pending)
        self._context.stop(pending.repeat)

    # -------------------------------------------------------------------------------------------- results

    def _install(self, tunnel: Tunnel, asked: IPAddress, cie: ClientInfo, binding: Binding) -> None:
        incomplete = tunnel.cache.host(asked)
        target = self._target(tunnel, asked, cie, binding)
        if incomplete is not None and incomplete.type is EntryType.INCOMPLETE and asked != binding.next_hop:
            self._peers.drop(tunnel, incomplete)
        self._peers.learn(tunnel, binding)
        self._arm_refresh(tunnel, Prefix.host(binding.next_hop), binding)
        if target is not None and target != Prefix.host(binding.next_hop):
            self._peers.learn_prefix(tunnel, target, binding, asked)
            self._arm_refresh(tunnel, target, binding)

    def _target(self, tunnel: Tunnel, asked: IPAddress, cie: ClientInfo, binding: Binding) -> Prefix | None:
        """Return the part of the reply's prefix that we accept: no more than our own route to the host covers.

        It may contain no NBMA address, the peer's or a server's: the tunnel's own packets would follow the shortcut
        into the tunnel, unless they have a table of their own. None: our route does not lead into the network (any
        more), or leads to that very station anyway.
        """
        length = cie.host_or_prefix_length(asked.max_prefixlen)
        hop = route_message(self._instance, tunnel, asked)
        route = self._instance.rib(tunnel).lookup_without_nhrp(asked)
        if isinstance(hop, Egress) or route is None:
            return self._peers.standing_in(tunnel, asked, binding.next_hop)
        if isinstance(hop, NextStation) and hop.next_hop == binding.next_hop and tunnel.is_server(binding.next_hop):
            return None
        target = Prefix.of(asked, max(length, route.prefix.length))
        if tunnel.has_front_door:
            return target
        servers = (client.nbma for client in tunnel.clients.values() if client.nbma is not None)
        return Prefix.host(asked) if any(nbma in target for nbma in (binding.nbma, *servers)) else target

    def _arm_refresh(self, tunnel: Tunnel, target: Prefix, binding: Binding) -> None:
        now = self._context.now
        wait = binding.holding_time - min(REFRESH_BEFORE, binding.holding_time / 3)
        path = tunnel.paths.get(binding.next_hop)
        if binding.port and path is not None and path.state is PathState.BARE and target.is_host:
            wait = min(wait, max(PORT_AGAIN, now - path.since))  # its translator may map another port by then
        self._instance.refresh_after(tunnel, target, wait)


def _makes_shortcuts(tunnel: Tunnel) -> bool:
    """Return whether this router may look for shorter paths on the tunnel."""
    return tunnel.running and tunnel.multipoint and tunnel.config.shortcut and tunnel.config.asks


def _is_in_doubt(hop: NextStation) -> bool:
    """Return whether it is a silent server, or a server that has just returned and may know few clients."""
    return hop.next_hop in hop.tunnel.doubted


def _may_ask_the_peer(pending: Pending) -> bool:
    """Return whether the refused request is a refresh that has only been sent to the network so far."""
    return pending.purpose is Purpose.REFRESH and pending.tries == 1
