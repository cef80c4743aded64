"""The asking side of resolution, RFC 2332 §5.2.1 and §5.2.2: from a question to the entries that answer it.

    redirected   a Traffic Indication: is there a shorter way to this host? (phase 3, `ip nhrp shortcut`)
    unresolved   the data plane has no adjacency for a next hop (phase 2, pings between spokes). It gets the hub's at
                 once, so nothing waits; the peer's own takes its place when it is known and proved
    refresh      an entry that is in use will expire before long
    greet        a peer is to learn which of the connections from behind our translator is ours
    follow       the route that a shortcut goes beside leads out of another tunnel now: there may be a shortcut there

A request is repeated with its id after 1, 2, 4 ... seconds. While it is out, and for a while after a refusal, an
incomplete entry stands for it, so that the next redirect does not ask again. Entries are bounded; the oldest makes
way.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.reasons import Reason
from dmvpn.features.nhrp.cache import Entry, EntryType, Flag
from dmvpn.features.nhrp.packet import ResolutionFlag, ResolutionReply, ResolutionRequest
from dmvpn.features.nhrp.parts import CieCode, ClientInfo, NatAddress, ResponderAddress
from dmvpn.features.nhrp.path import PathState
from dmvpn.features.nhrp.questions import (
    FIRST_RETRY,
    LARGEST_RESOLVED,
    HoldDowns,
    Pending,
    Purpose,
    Questions,
    binding_of,
    whereabouts,
)
from dmvpn.features.nhrp.reasons import Nak, NhrpReason, Refusal
from dmvpn.features.nhrp.station import Station, Timer, TimerKind
from dmvpn.features.nhrp.vendor import MappedPorts
from dmvpn.features.nhrp.ways import Here, Onward, find_way, may_be_beyond

if TYPE_CHECKING:
    from dmvpn.features.nhrp.cache import Neighbor
    from dmvpn.features.nhrp.peers import Peers
    from dmvpn.features.nhrp.plane import Plane, Routes
    from dmvpn.features.nhrp.questions import Binding
    from dmvpn.features.nhrp.tunnel import Tunnel

#: Seconds that an incomplete entry stays without an answer, or after a refusal (IOS's).
NEGATIVE_TIME = 180.0
#: Incomplete entries of one tunnel.
LARGEST_INCOMPLETE = 256
#: On a protected tunnel the reply may have waited for the direct way (`responder.DIRECT_WITHIN`).
FIRST_RETRY_PROTECTED = 1.5
#: Tries of a refresh; after these the entry is left to expire.
REFRESH_TRIES = 4
#: An entry in use is asked for again when so many seconds of its holding time remain, or a third of it if it is short.
REFRESH_BEFORE = 120.0
SHORTEST_REFRESH = 5.0
#: Seconds until a peer behind NAT that IKE does not reach is asked for again, at first: its port may be another one.
PORT_AGAIN = 60.0

_FLAGS = (
    ResolutionFlag.ROUTER | ResolutionFlag.AUTHORITATIVE | ResolutionFlag.SOURCE_STABLE | ResolutionFlag.NAT
)  # 0xC802, as IOS and FRR have it


class Resolver:
    """Sends Resolution Requests and takes in the replies."""

    def __init__(self, station: Station, plane: Plane, peers: Peers, routes: Routes) -> None:
        self._station = station
        self._plane = plane
        self._peers = peers
        self._hold_downs = HoldDowns(station, plane, routes)
        self._questions = Questions()

    # -------------------------------------------------------------------------------------------- causes

    def redirected(self, tunnel: Tunnel, destination: IPAddress) -> None:
        """Look for the shorter way to this host that a server announces."""
        tunnel = self._leaves_by(tunnel, destination)
        if not _makes_shortcuts(tunnel) or destination.is_multicast:
            tunnel.counters.count_refused(Refusal.IGNORED)
            return
        entry = tunnel.cache.lookup(destination)
        if entry is not None:
            entry.asked_for()  # it is asked already, or refused, or known: then the redirect is late
            return
        self._ask(tunnel, destination, Purpose.SHORTCUT)

    def unresolved(self, tunnel: Tunnel, next_hop: IPAddress) -> None:
        """Answer the data plane at once: a packet waits there."""
        self._plane.lost(tunnel, next_hop)
        to = self._peers.way_of(tunnel, next_hop)
        if to is not None:
            self._plane.lead(tunnel, next_hop, to)
            return
        by_hub = self._plane.glean(tunnel, next_hop)
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

    def refresh(self, timer: Timer) -> None:
        """Ask again: an entry expires before long, or a lost path is tried again."""
        tunnel = self._station.tunnels.get(timer.tunnel)
        entry = tunnel.cache.get(timer.subject) if tunnel and isinstance(timer.subject, Prefix) else None
        if tunnel is not None and entry is None and isinstance(timer.subject, Prefix):
            self._plane.unbridge(tunnel, timer.subject.address)
        if tunnel is None or entry is None or entry.expires is None or not tunnel.running:
            return
        now = self._station.now
        # Answers about what is behind a peer renew the peer's own entry, too.
        covered = entry.is_next_hop and len(tunnel.cache.behind(entry.next_hop)) > 1
        if entry.flags & Flag.TEMPORARY or (tunnel.used(entry, now) and not covered):
            self.follow(tunnel, entry)
            self._ask(tunnel, entry.asked or entry.next_hop, Purpose.REFRESH)
        remaining = entry.expires - now
        if remaining > SHORTEST_REFRESH:
            self._station.deadlines.set(timer, now + remaining / 2)

    def greet(self, tunnel: Tunnel, peer: IPAddress) -> None:
        """Ask a peer for itself, straight: we are behind NAT, and have a connection with it.

        The peer may see several connections from our address; a message over ours tells which one that is.
        """
        if tunnel.config.asks:
            self._ask(tunnel, peer, Purpose.GREETING)

    def follow(self, tunnel: Tunnel, entry: Entry) -> bool:
        """Ask on another tunnel if the route to an entry's target leads out of that one now. Returns whether it does.

        What is in use stays until the answer has proved itself: there may be none, if the other hub is dead, too.
        """
        destination = entry.asked or entry.next_hop
        leaves_by = self._leaves_by(tunnel, destination)
        if leaves_by is tunnel:
            return False
        self._ask(leaves_by, destination, Purpose.REFRESH)
        return True

    def _leaves_by(self, tunnel: Tunnel, destination: IPAddress) -> Tunnel:
        """Return the tunnel that a shortcut to the destination belongs to: by which its route leaves, else `tunnel`."""
        route = self._station.ports.rib.lookup_without_nhrp(destination)
        names = [hop.interface for hop in route.next_hops] if route is not None else []
        if tunnel.name in names:
            return tunnel
        others = (self._station.tunnels.get(name) for name in names)
        return next((other for other in others if other is not None and _makes_shortcuts(other)), tunnel)

    # -------------------------------------------------------------------------------------------- answers

    def reply(self, tunnel: Tunnel, packet: ResolutionReply, sender: Neighbor) -> bool:
        """Take in a Resolution Reply for us, by whatever way it came: the request id shows what it answers.

        Returns False if we never asked that (RFC 2332 §5.2.2). A late or doubled reply is dropped without a word.
        """
        pending = self._questions.get(packet.request_id)
        if pending is None or pending.destination != packet.destination_protocol:
            if not self._questions.was_answered(packet.request_id, packet.destination_protocol):
                return False
            self._station.refuse(tunnel, Refusal.UNSOLICITED, sender.nbma)
            return True
        asked_on = self._station.same_network(tunnel, pending.tunnel)
        if asked_on is None:
            return False
        self._take(asked_on, packet, sender, pending)
        return True

    def _take(self, asked_on: Tunnel, packet: ResolutionReply, sender: Neighbor, pending: Pending) -> None:
        """Take in the answer to a request that is out: a binding, or a refusal."""
        cie = next((cie for cie in packet.cies if cie.code == CieCode.SUCCESS and cie.holding_time), None)
        if cie is None:
            nak = packet.cies[0] if packet.cies else ClientInfo(code=CieCode.NO_BINDING)
            reason = Reason(NhrpReason.UNRESOLVED, (Nak(nak.code),), self._station.now)
            self._refused(asked_on, pending, reason, nobody=nak.is_no_binding)
            return
        binding = binding_of(asked_on, packet, cie, sender)
        if binding is None or not may_be_beyond(self._station, asked_on, binding.next_hop):
            self._station.refuse(asked_on, Refusal.FORGED, sender.nbma)
            return
        full = asked_on.cache.is_full or asked_on.cache.led_to(whereabouts(None, binding)) >= LARGEST_RESOLVED
        if full and not pending.is_of_known:
            self._station.refuse(asked_on, Refusal.NO_ROOM, sender.nbma)
            return
        if not self._station.believes(asked_on, sender, binding.nbma, asked=True):
            return
        self._finish(pending)
        self._hold_downs.forget(pending.tunnel, pending.destination)
        self._install(asked_on, pending.destination, cie, binding)

    def failed(self, request_id: int, destination: IPAddress | None, reason: Reason, *, nobody: bool) -> None:
        """Take in an Error Indication about a request of ours.

        nobody: it says that there is no way to the address. Any other error is kept as the reason why there is no
            answer yet; the request is repeated.
        """
        pending = self._questions.get(request_id)
        tunnel = self._station.tunnels.get(pending.tunnel) if pending else None
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

        nobody: the address does not exist; otherwise its owner can only be reached by the hub. A server that refuses a
            refresh may have lost the peer, so the peer is asked. What the peer does not renew expires in time.
        """
        if _may_ask_the_peer(pending) and self._peers.direct_way(tunnel, pending.destination) is not None:
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
            entry.lasts(self._station.now + NEGATIVE_TIME, reason)
            self._station.time_entry(tunnel, entry)

    def due(self, timer: Timer) -> None:
        """Repeat a request that went unanswered, unless its entry is gone."""
        pending = self._questions.get(timer.subject) if isinstance(timer.subject, int) else None
        tunnel = self._station.tunnels.get(timer.tunnel)
        if pending is None:
            return
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

    def forget(self, tunnel: Tunnel, entry: Entry) -> None:
        """Forget the question of an incomplete entry: nobody waits for its answer any more."""
        pending = self._questions.about(tunnel.name, entry.target.address)
        if pending is not None:
            self._finish(pending)

    # -------------------------------------------------------------------------------------------- asking

    def _ask(self, tunnel: Tunnel, destination: IPAddress, purpose: Purpose) -> None:
        if self._questions.about(tunnel.name, destination) is not None:
            return
        retry = FIRST_RETRY_PROTECTED if tunnel.protected else FIRST_RETRY
        pending = Pending(0, tunnel.name, destination, purpose, retry=retry)
        if self._way(tunnel, pending) is None:
            tunnel.counters.count_refused(Refusal.NO_WAY)
            return
        if not pending.is_of_known:
            self._incomplete(tunnel, destination)
        self._questions.add(pending, self._station.next_request_id())
        self._send(tunnel, pending)

    def _incomplete(self, tunnel: Tunnel, destination: IPAddress) -> Entry:
        if len(tunnel.cache.incomplete) >= LARGEST_INCOMPLETE:
            oldest = next(iter(tunnel.cache.incomplete.values()))
            self.forget(tunnel, oldest)
            self._peers.drop(tunnel, oldest)
        now = self._station.now
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
        self._station.add_entry(tunnel, entry)
        return entry

    def _send(self, tunnel: Tunnel, pending: Pending) -> None:
        timer = Timer(TimerKind.RETRY, tunnel.name, pending.request_id)
        self._station.deadlines.set(timer, self._station.now + pending.sent())
        way = self._way(tunnel, pending)
        if way is not None:
            self._station.send(way.tunnel, way.neighbor, self._request(way.tunnel, pending))

    def _way(self, tunnel: Tunnel, pending: Pending) -> Onward | None:
        """Return where a request goes. A refresh that the network does not answer, or refuses, goes to the peer.

        So does a request that would go to a doubtful server, or to the one that stands in for it: that one may have
        lost the peer, too, and offers its own way through the dead server until routes have followed. The peer knows
        what it has.

        A shortcut is only asked for on its own tunnel: the address that another cloud knows is of no use in this one.
        """
        if pending.purpose is Purpose.GREETING:
            path = tunnel.paths.get(pending.destination)
            return Onward(tunnel, path.peer, path.neighbor) if path is not None else None
        way = find_way(self._station, tunnel, pending.destination)
        onward = way if isinstance(way, Onward) else None
        if onward is not None and onward.tunnel is not tunnel and pending.purpose is not Purpose.NEXT_HOP:
            onward = None
        if pending.purpose is Purpose.REFRESH and (pending.tries > 1 or onward is None or _is_in_doubt(onward)):
            direct = self._peers.direct_way(tunnel, pending.destination)
            if direct is not None:
                return direct
        return onward

    def _request(self, tunnel: Tunnel, pending: Pending) -> ResolutionRequest:
        address, nbma = tunnel.own
        own = self._station.own_entry(tunnel)
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
                *self._station.records(tunnel),
                *self._station.authentication(tunnel),
                NatAddress(entries=public),
                *((MappedPorts().extension,) if tunnel.protected else ()),
            ),
        )

    def _finish(self, pending: Pending) -> None:
        self._questions.finish(pending)
        self._station.deadlines.cancel(Timer(TimerKind.RETRY, pending.tunnel, pending.request_id))

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
        """Return how much of the answer is taken: no more than our own route to the host covers.

        No NBMA address may be in it, the peer's or a server's: the tunnel's own packets would follow the shortcut into
        the tunnel. None: our route does not lead into the network (any more), or leads to that very station anyway.
        """
        length = cie.host_or_prefix_length(asked.max_prefixlen)
        way = find_way(self._station, tunnel, asked)
        route = self._station.ports.rib.lookup_without_nhrp(asked)
        if isinstance(way, Here) or route is None:
            return self._peers.standing_in(tunnel, asked, binding.next_hop)
        if isinstance(way, Onward) and way.next_hop == binding.next_hop and tunnel.is_server(binding.next_hop):
            return None
        target = Prefix.of(asked, max(length, route.prefix.length))
        servers = (client.nbma for client in tunnel.clients.values() if client.nbma is not None)
        return Prefix.host(asked) if any(nbma in target for nbma in (binding.nbma, *servers)) else target

    def _arm_refresh(self, tunnel: Tunnel, target: Prefix, binding: Binding) -> None:
        now = self._station.now
        wait = binding.holding_time - min(REFRESH_BEFORE, binding.holding_time / 3)
        path = tunnel.paths.get(binding.next_hop)
        if binding.port and path is not None and path.state is PathState.BARE and target.is_host:
            wait = min(wait, max(PORT_AGAIN, now - path.since))  # its translator may show another port by then
        self._station.deadlines.set(Timer(TimerKind.REFRESH, tunnel.name, target), now + wait)


def _makes_shortcuts(tunnel: Tunnel) -> bool:
    """Return whether this router may look for shorter ways on the tunnel."""
    return tunnel.running and tunnel.multipoint and tunnel.config.shortcut and tunnel.config.asks


def _is_in_doubt(way: Onward) -> bool:
    """Return whether a way begins at a silent server, or at one that has just returned and may know few clients."""
    return way.next_hop in way.tunnel.doubted


def _may_ask_the_peer(pending: Pending) -> bool:
    """Return whether what was refused is a refresh that only the network has been asked."""
    return pending.purpose is Purpose.REFRESH and pending.tries == 1
