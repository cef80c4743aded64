"""Outstanding Resolution Requests, the bindings in replies, and next hops that do not exist.

`Questions` are the Resolution Requests that are out, by identifier and by address; one for each address of a tunnel.
Answered requests are remembered for a while, so that a late or duplicate reply does not look unsolicited.

A `Binding` is the content of a message about another station, before it is trusted (RFC 2332 §5.2.2 and Cisco's NAT
extension). Its NBMA address may be in three places: in the entry itself (as the station knows it), in the NAT extension
(the translated address), and in the outer header, if the reply came straight from the station. On a protected tunnel
the outer header says where its connection is, whatever address servers see. None of these may be an impossible address.

`HoldDowns` are next hops that do not exist: unreachable for a while, so that senders get an answer instead of a
timeout. The first time for 4 s, then 8 ... 64 s, as long as no station answers for the next hop in between.
"""

from __future__ import annotations

import enum

from dmvpn.base.addresses import IPAddress, is_one_station
from dmvpn.base.context import Timer
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Mutable, Value
from dmvpn.features.nhrp.cache import NO_FLAGS, Entry, Flag, NbmaPeer, RouteState
from dmvpn.features.nhrp.forwarding import Forwarding, OfferedRoutes
from dmvpn.features.nhrp.instance import Instance
from dmvpn.features.nhrp.packet import ResolutionReply
from dmvpn.features.nhrp.parts import ClientInfo, Extensions, NatAddress, ReverseTransitRecord, find
from dmvpn.features.nhrp.reasons import NhrpReason
from dmvpn.features.nhrp.tunnel import Tunnel
from dmvpn.features.nhrp.vendor import mapped_ports

#: Entries that lead to one station; Resolution Requests and Replies do not add more.
LARGEST_RESOLVED = 1024
#: Answered requests that are remembered.
LARGEST_ANSWERED = 256
FIRST_RETRY = 1.0
LONGEST_RETRY = 64.0


class Purpose(enum.Enum):
    """The reason for a request."""

    SHORTCUT = "a redirect"
    NEXT_HOP = "a next hop of the data plane"
    REFRESH = "an entry in use expires"
    GREETING = "a peer is to learn which connection is ours"


class Pending(Mutable):
    """A request that is out.

    repeat: the timer that sends it again.
    retry: seconds until the next try.
    """

    request_id: int
    tunnel: str
    destination: IPAddress
    purpose: Purpose
    repeat: Timer
    tries: int = 0
    retry: float = FIRST_RETRY

    def sent(self) -> float:
        """Record that the request is sent (again). Returns the seconds to wait for the reply."""
        self.tries += 1
        wait, self.retry = self.retry, min(2 * self.retry, LONGEST_RETRY)
        return wait

    @property
    def is_of_known(self) -> bool:
        """Whether there is an entry already, which stays if no reply comes."""
        return self.purpose in (Purpose.REFRESH, Purpose.GREETING)


class Questions:
    """See the module's docstring."""

    def __init__(self) -> None:
        self._pending: dict[int, Pending] = {}
        self._asking: dict[tuple[str, IPAddress], Pending] = {}
        self._answered: dict[int, IPAddress] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, pending: Pending, request_id: int) -> None:
        """Add a request with this identifier."""
        pending.request_id = request_id
        self._pending[pending.request_id] = self._asking[pending.tunnel, pending.destination] = pending

    def get(self, request_id: int) -> Pending | None:
        """Return the request with this identifier, if it is out."""
        return self._pending.get(request_id)

    def about(self, tunnel: str, destination: IPAddress) -> Pending | None:
        """Return the outstanding request for this address."""
        return self._asking.get((tunnel, destination))

    def was_answered(self, request_id: int, destination: IPAddress) -> bool:
        """Return whether this request was sent, and is finished."""
        return self._answered.get(request_id) == destination

    def finish(self, pending: Pending) -> None:
        """Finish a request: it was answered, or its answer is not needed any more."""
        if self._pending.pop(pending.request_id, None) is not None:
            self._answered[pending.request_id] = pending.destination
            if len(self._answered) > LARGEST_ANSWERED:
                del self._answered[next(iter(self._answered))]
        self._asking.pop((pending.tunnel, pending.destination), None)


class Binding(Value, kw_only=True):
    """A mapping from a message about a peer.

    nbma: where packets go.
    claimed: the NBMA address in the peer's own packet, if a translator changed it.
    direct: the message came straight from the peer.
    connection: the connection of a direct message.
    flags: further ones for its host entry.
    port: the UDP port at which a server hears the peer, behind its NAT; 0: not in the message.
    """

    next_hop: IPAddress
    nbma: IPAddress
    connection: int = 0
    claimed: IPAddress | None = None
    holding_time: int
    mtu: int = 0
    direct: bool = False
    flags: Flag = NO_FLAGS
    port: int = 0


def whereabouts(entry: Entry | None, binding: Binding) -> NbmaPeer:
    """Return where the peer is. Only a message from the peer itself names its connection."""
    at = NbmaPeer(binding.nbma, binding.connection if binding.direct else 0)
    if not at.connection and entry is not None and entry.nbma == binding.nbma:
        return NbmaPeer(binding.nbma, entry.connection)
    return at


def why_wait(tunnel: Tunnel, binding: Binding, now: float) -> Reason | None:
    """Return why the peer has to begin, if so: a stray packet of ours must not block its flow at its translator.

    Linux, for one, would then drop the peer's packets to us. If we are behind NAT ourselves, both have to begin.
    """
    if binding.claimed is None or binding.direct or tunnel.public_nbma is not None:
        return None
    return Reason(NhrpReason.NOT_HEARD, (binding.nbma, binding.claimed), now)


def fill(entry: Entry, binding: Binding, now: float) -> None:
    """Update an entry from the message."""
    entry.resolved(binding.flags, binding.claimed, binding.port, binding.mtu)
    entry.holds(binding.holding_time, now)


def binding_of(tunnel: Tunnel, reply: ResolutionReply, cie: ClientInfo, sender: NbmaPeer) -> Binding | None:
    """Return the mapping in one entry of the reply, with translated addresses applied.

    None: the address is impossible.
    """
    next_hop = cie.protocol if cie.protocol is not None else reply.destination_protocol
    direct = _is_direct(tunnel, reply, sender.nbma)
    by_itself = direct and sender.connection and find(reply.extensions, ReverseTransitRecord) is not None
    translated = None if by_itself else _translated(reply, next_hop)
    nbma = translated or (sender.nbma if direct else cie.nbma)
    if cie.nbma is None or nbma is None or tunnel.is_ours(next_hop):
        return None
    if nbma == tunnel.nbma:
        return None  # the claimed address may be ours, too: two home routers may give out the same one
    if not all(is_one_station(it) for it in (next_hop, nbma, cie.nbma)):
        return None
    return Binding(
        next_hop=next_hop,
        nbma=nbma,
        claimed=cie.nbma if nbma != cie.nbma else None,
        holding_time=cie.holding_time,
        mtu=cie.mtu,
        direct=direct and nbma == sender.nbma,
        connection=sender.connection,
        port=reported_port(tunnel, reply.extensions, sender, (next_hop, nbma)),
    )


def reported_port(tunnel: Tunnel, extensions: Extensions, sender: NbmaPeer, peer: tuple[IPAddress, IPAddress]) -> int:
    """Return the UDP port at which a peer (tunnel and NBMA address) is heard; 0: not reported by our server."""
    if not tunnel.protected or all(client.nbma != sender.nbma for client in tunnel.clients.values()):
        return 0
    ports = mapped_ports(extensions)
    return ports.port_of(*peer) if ports is not None else 0


def _is_direct(tunnel: Tunnel, reply: ResolutionReply, outer_source: IPAddress) -> bool:
    """Return whether the reply came straight from its author: the transit record is empty, and no server sent it."""
    reverse = find(reply.extensions, ReverseTransitRecord)
    return not (reverse and reverse.entries) and all(c.nbma != outer_source for c in tunnel.clients.values())


def _translated(reply: ResolutionReply, next_hop: IPAddress) -> IPAddress | None:
    """Return the station's translated address, if it is behind NAT and it or a server on the way reports that."""
    nat = find(reply.extensions, NatAddress)
    return next((e.nbma for e in nat.entries if e.protocol == next_hop and e.nbma), None) if nat else None


#: Seconds that a next hop stays unreachable: at first, and at most.
FIRST_HOLD_DOWN = 4.0
LONGEST_HOLD_DOWN = 64.0
#: Next hops of all tunnels for which the last time is remembered.
LARGEST_HOLD_DOWNS = 256


class HoldDowns:
    """Owns the last hold-down time of each next hop."""

    def __init__(self, instance: Instance, forwarding: Forwarding, routes: OfferedRoutes) -> None:
        self._instance = instance
        self._context = instance.context
        self._forwarding = forwarding
        self._routes = routes
        self._next: dict[tuple[str, IPAddress], float] = {}

    def begin(self, tunnel: Tunnel, entry: Entry, why: str) -> None:
        """Make the next hop of an incomplete entry unreachable, so that senders get an answer: no station has it."""
        key = (tunnel.name, entry.next_hop)
        seconds = self._next.get(key, FIRST_HOLD_DOWN)
        if len(self._next) >= LARGEST_HOLD_DOWNS and key not in self._next:
            del self._next[next(iter(self._next))]
        self._next[key] = min(2 * seconds, LONGEST_HOLD_DOWN)
        now = self._context.now
        entry.lasts(now + seconds, Reason(NhrpReason.NO_STATION, (why,), now))
        self._instance.time_entry(tunnel, entry)
        if entry.route is not RouteState.UNREACHABLE:
            self._routes.refuse(tunnel, entry)
        self._forwarding.clear(tunnel, entry.next_hop)

    def reset_next_hop(self, tunnel: str, next_hop: IPAddress) -> None:
        """Reset the time of a next hop for which a station has answered."""
        self._next.pop((tunnel, next_hop), None)
