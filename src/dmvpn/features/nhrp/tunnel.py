"""The state of NHRP on one tunnel interface, and its counters. Values and look-ups; other modules change them.

Each field has one writer, which a test checks: `cache` is changed by `Instance`, for server, resolver, responder and
peers; `clients`, `config`, `limit`, `mapped` and `copied` by configuration; `adjacencies`, `ordered`, `gleaned`,
`multicast` and `registered_multicast` by forwarding; `paths` by peers; `server_paths` by echoes; `doubted` and
`redirects` by routing; `public_nbma` and `held` by registration; the state of the interface by the methods here.
Entries, clients, paths and accounts of traffic change only themselves.

`Counters` are for `show ip nhrp traffic` and `show nhrp stats`: every packet that is dropped is counted under a
`Refusal`, so that nothing disappears without a trace. `Usage` is a peer's traffic by the counters of the data plane.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from dataclasses import field
from operator import itemgetter
from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, OuterAddress, Prefix, is_link_local
from dmvpn.base.pages import Groups
from dmvpn.base.values import Mutable
from dmvpn.features.nhrp.cache import Cache, Entry, NbmaPeer

if TYPE_CHECKING:
    from dmvpn.base.context import Timer
    from dmvpn.base.limits import RateLimit
    from dmvpn.base.notices import InterfaceState, TunnelState
    from dmvpn.features.nhrp.client import NhsClient
    from dmvpn.features.nhrp.model import TunnelConfig
    from dmvpn.features.nhrp.packet import PacketType
    from dmvpn.features.nhrp.path import DirectPath
    from dmvpn.features.nhrp.reasons import Refusal

#: IOS's MTU field of its CIEs: the largest packet of a tunnel interface, less the key.
_LARGEST_MTU = 17916
_KEY_OCTETS = 4

#: A subnet of two addresses, or of one, has no network and no broadcast address (RFC 3021).
_SHORTEST_WITHOUT_EDGES = 31

#: Accounts of traffic that are kept.
LARGEST_USAGE = 100_000

#: Seconds for which an entry counts as used after a packet.
USED_FOR = 60.0
#: Seconds for which a path counts as in use after a packet, and is checked every second.
IN_USE = 10.0


class Happening(enum.Enum):
    """An order or event of a tunnel; the value is the name in `show nhrp stats`, [S]ent or [R]eceived."""

    __hash__ = object.__hash__  # that of an enumeration takes two calls

    UP = "[R]UP"
    DOWN = "[R]Down"
    ADDRESS_CHANGED = "[R]Addr Changed"
    END_POINT_ADDED = "[S]End Point Addition"
    END_POINT_DELETED = "[S]End Point Deletion"
    ROUTE_ADDED = "[S]Add Route"
    ROUTE_DELETED = "[S]Del Route"
    OVERRIDE_ADDED = "[S]Add NHO"
    OVERRIDE_DELETED = "[S]Del NHO"


class Counters(Mutable):
    """Packets of one tunnel by type, and refused packets.

    failed: orders that the host refused.
    heard: packets received, which are cleared with the happenings (`show nhrp stats` counts them, too).
    """

    sent: dict[PacketType, int] = field(default_factory=lambda: defaultdict(int))
    received: dict[PacketType, int] = field(default_factory=lambda: defaultdict(int))
    forwarded: dict[PacketType, int] = field(default_factory=lambda: defaultdict(int))
    refused: dict[Refusal, int] = field(default_factory=lambda: defaultdict(int))
    redirects_suppressed: int = 0
    heard: int = 0
    happened: dict[Happening, int] = field(default_factory=lambda: defaultdict(int))
    failed: dict[Happening, int] = field(default_factory=lambda: defaultdict(int))

    def clear_packets(self) -> None:
        """Reset the packet counters."""
        for counted in (self.sent, self.received, self.forwarded, self.refused):
            counted.clear()
        self.redirects_suppressed = 0

    def clear_happenings(self) -> None:
        """Reset all other counters."""
        self.happened.clear()
        self.failed.clear()
        self.heard = 0

    def count(self, what: Happening) -> None:
        """Count an event of the tunnel, or an order."""
        self.happened[what] += 1

    def count_failed(self, what: Happening) -> None:
        """Count an order that was refused."""
        self.failed[what] += 1

    def count_sent(self, kind: PacketType) -> None:
        """Count a packet that we made and sent."""
        self.sent[kind] += 1

    def count_received(self, kind: PacketType) -> None:
        """Count a received packet that could be parsed."""
        self.received[kind] += 1
        self.heard += 1

    def count_forwarded(self, kind: PacketType) -> None:
        """Count a packet of another station that was forwarded into this tunnel."""
        self.forwarded[kind] += 1

    def count_suppressed(self) -> None:
        """Count a redirect that was not sent."""
        self.redirects_suppressed += 1

    def count_refused(self, why: Refusal) -> None:
        """Count a packet that was dropped, or answered with an error or a NAK."""
        self.refused[why] += 1


#: Packets of NHRP's own that have not appeared in the counters yet.
LARGEST_CARRY = 4
#: More packets than this in one report are more than the Hellos of routing protocols; seconds for which they count.
BUSY_PACKETS = 3
BUSY_FOR = 10.0


class Usage(Mutable):
    """Traffic with one NBMA peer: counters of the last poll, and when they last grew (seconds).

    On a protected tunnel each connection has an account; that of an address shows when one of them grew.

    own: packets that NHRP itself sent there since the last poll; they do not count as use of an entry.
    busy_until: seconds.
    """

    sent: int = 0
    received: int = 0
    own: int = 0
    used_at: float | None = None
    heard_at: float | None = None
    busy_until: float = 0.0

    def reported(self, sent: int, received: int) -> tuple[int, int]:
        """Update the counters from a report. Returns the number of sent packets that are not NHRP's own, and of
        received ones.

        Packets of NHRP itself do not count: they would keep unused entries alive, and make us wait for answers that
        need not come.
        """
        # Counters that fell: the tunnel was made again.
        left = sent - self.sent if sent >= self.sent else sent
        came = received - self.received if received >= self.received else received
        # NHRP's latest packets may only appear in the next report.
        of_others, self.own = left - self.own, min(max(0, self.own - left), LARGEST_CARRY)
        self.sent, self.received = sent, received
        return of_others, came

    def passed(self, of_others: int, came: int, now: float) -> None:
        """Record when packets passed."""
        if of_others > 0:
            self.used_at = now
        if of_others >= BUSY_PACKETS:
            self.busy_until = now + BUSY_FOR
        if came:
            self.heard_at = now


class Suppressed(Mutable):
    """A redirect that was sent or held back, for `show ip nhrp redirect`."""

    nbma: IPAddress
    destination: IPAddress
    drops: int
    expires: float


class TunnelTimers(Mutable):
    """The timers of one tunnel.

    fallback: leave a server in reserve. poll: look at the traffic counters.
    multicast: give the data plane the receivers of multicasts that came or went lately.
    trust: trust a server again that was silent and has answered for a while.
    """

    fallback: Timer
    poll: Timer
    multicast: Timer
    trust: Timer


class Tunnel(Mutable):
    """One tunnel with NHRP on it.

    name: of the interface.
    state, interface: as their owners last reported them.
    running: whether NHRP can run: both addresses are known, and the tunnel can send.
    protected: whether its packets leave only in ESP.
    multipoint: whether its packets need adjacencies.
    address: of the interface, our address beyond this link.
    link_local: of the interface; IPv4 has none.
    addresses: of the interface, all of them.
    subnet: the prefix of the first address.
    edges: the network and broadcast addresses.
    paths: to other spokes.
    server_paths: to servers that answer.
    public_nbma: our translated address according to a server, if we are behind NAT.
    adjacencies: as in the data plane, by next hop, or as they will be there when the tunnel comes up.
    ordered: next hops whose adjacency was ordered from the data plane, and not cleared since.
    gleaned: next hops whose packets go through a server, and since when.
    registered_multicast: clients, with the number of their entries.
    held: `if-state nhrp` keeps the line protocol down.
    mapped, copied: the lines `map` and `map multicast` by target, and by NBMA address.
    doubted: tunnel addresses of servers that were silent; the time (seconds) until which other servers are preferred
        although they answer again, None while they do not.
    """

    name: str
    config: TunnelConfig
    limit: RateLimit
    timers: TunnelTimers
    state: TunnelState | None = None
    interface: InterfaceState | None = None
    running: bool = False
    protected: bool = False
    multipoint: bool = False
    address: IPAddress | None = None
    link_local: IPAddress | None = None
    addresses: tuple[IPAddress, ...] = ()
    edges: tuple[IPAddress, ...] = ()
    subnet: Prefix | None = None
    cache: Cache = field(default_factory=Cache)
    counters: Counters = field(default_factory=Counters)
    clients: dict[IPAddress, NhsClient] = field(default_factory=dict)
    paths: dict[IPAddress, DirectPath] = field(default_factory=dict)
    server_paths: dict[IPAddress, DirectPath] = field(default_factory=dict)
    adjacencies: dict[IPAddress, NbmaPeer] = field(default_factory=dict)
    ordered: dict[IPAddress, None] = field(default_factory=dict)
    gleaned: dict[IPAddress, float] = field(default_factory=dict)
    usage: dict[IPAddress | int, Usage] = field(default_factory=dict)
    registered_multicast: dict[NbmaPeer, int] = field(default_factory=dict)
    multicast: tuple[NbmaPeer, ...] = ()
    multicast_set_at: float | None = None
    public_nbma: IPAddress | None = None
    redirects: dict[tuple[IPAddress, IPAddress], Suppressed] = field(default_factory=dict)
    held: bool = False
    mapped: Groups[Prefix, tuple[Prefix, IPAddress]] = field(default_factory=lambda: Groups(itemgetter(0)))
    copied: Groups[IPAddress, IPAddress] = field(default_factory=lambda: Groups(lambda nbma: nbma))
    doubted: dict[IPAddress, float | None] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """The IP version that it carries."""
        return self.config.version

    @property
    def network_id(self) -> int | None:
        """Tunnels of one VRF with the same number are one network."""
        return self.config.network_id

    @property
    def network(self) -> tuple[str, int | None]:
        """The NHRP network, which is in one VRF: tunnels of two VRFs may have the same number."""
        return self.config.vrf, self.config.network_id

    @property
    def has_front_door(self) -> bool:
        """Whether outer packets are routed by another table than those inside."""
        return self.state is not None and self.state.front != self.config.vrf

    def stand(self, state: TunnelState | None) -> None:
        """Take over the state of the tunnel."""
        self.state = state
        self.protected = state is not None and bool(state.protection)
        self.multipoint = state is not None and state.multipoint
        self._judge()

    def _judge(self) -> None:
        state = self.state
        self.running = state is not None and state.up and state.source is not None and self.address is not None

    def follow(self, interface: InterfaceState | None) -> None:
        """Take over the state of the interface.

        Values derived from it are needed for each packet, so they are stored here.
        """
        version = self.config.version
        self.interface = interface
        self.address = interface.primary(version) if interface is not None else None
        self.link_local = interface.link_local(version) if interface is not None else None
        routed = interface.routed(version) if interface is not None else ()
        local = () if self.link_local is None else (self.link_local,)
        self.addresses = (*(address for address, _ in routed), *local)
        self.subnet = Prefix.of(*routed[0]) if routed else None
        subnets = [Prefix.of(*one) for one in routed if version == 4 and one[1] < _SHORTEST_WITHOUT_EDGES]
        self.edges = tuple(edge for subnet in subnets for edge in (subnet.address, subnet.broadcast))
        self._judge()

    def nbma_of(self, target: Prefix) -> IPAddress | None:
        """Return the NBMA address that a `map` line gives a target; of two lines the last counts."""
        lines = list(self.mapped.group(target).values())
        return lines[-1][1] if lines else None

    @property
    def own(self) -> tuple[IPAddress, IPAddress]:
        """Our tunnel address and NBMA address. Raises RuntimeError if the tunnel does not run."""
        if self.address is None or self.nbma is None:
            raise RuntimeError(f"{self.name} does not run")
        return self.address, self.nbma

    @property
    def identity(self) -> tuple[object, ...]:
        """What peers know of us: whether we run, addresses, protection, the far end of a point-to-point tunnel.

        A point-to-point tunnel needs no adjacencies; when it becomes multipoint, all of them are missing.
        """
        return self.running, self.nbma, self.address, self.link_local, self.protected, self.far_end

    @property
    def nbma(self) -> IPAddress | None:
        """Our NBMA address."""
        return self.state.source if self.state else None

    @property
    def outer(self) -> OuterAddress | None:
        """Our NBMA address in its front door."""
        return self.state.outer if self.state else None

    @property
    def far_end(self) -> IPAddress | None:
        """The NBMA address that a point-to-point tunnel leads to, whatever the next hop."""
        return self.state.destination if self.state is not None and not self.state.multipoint else None

    @property
    def is_carried(self) -> bool:
        """Whether the data plane has this tunnel for packets of this IP version, up or down."""
        return self.interface is not None and self.interface.carries(self.config.version)

    @property
    def mtu(self) -> int:
        """The MTU in our CIEs."""
        return _LARGEST_MTU - (_KEY_OCTETS if self.state is not None and self.state.key is not None else 0)

    def is_ours(self, address: IPAddress) -> bool:
        """Return whether this is an address of the tunnel interface itself."""
        return address in self.addresses

    def is_edge(self, address: IPAddress) -> bool:
        """Return whether this is the network or the broadcast address of a subnet of ours, which no station has."""
        return address in self.edges

    def is_guest(self, target: Prefix) -> bool:
        """Return whether the target is outside of the subnet, so that routing decides, too."""
        beside_us = self.subnet is not None and target in self.subnet
        return not beside_us and not is_link_local(target.address)

    def used(self, entry: Entry, now: float) -> bool:
        """Return whether the entry's adjacency carried a packet lately; of a prefix, the adjacency of its next hop."""
        neighbor = entry.neighbor
        if neighbor is None or not self.multipoint:  # a point-to-point tunnel has no adjacencies to look at
            return False
        usage = self.usage.get(neighbor.account)
        return usage is not None and usage.used_at is not None and now - usage.used_at <= USED_FOR

    def carries(self, neighbor: NbmaPeer, now: float) -> bool:
        """Return whether packets other than NHRP's own went there in the last seconds."""
        usage = self.usage.get(neighbor.account)
        return usage is not None and usage.used_at is not None and now - usage.used_at <= IN_USE

    def count_own(self, neighbor: NbmaPeer) -> None:
        """Count a packet of NHRP's own that goes there."""
        account = neighbor.connection or neighbor.nbma
        usage = self.usage.get(account)
        if usage is None:
            if len(self.usage) >= LARGEST_USAGE:
                return
            usage = self.usage[account] = Usage()
        usage.own += 1

    @property
    def has_server(self) -> bool:
        """Whether a server answers."""
        return any(client.is_responding for client in self.clients.values())

    def server_is_busy(self, now: float) -> bool:
        """Return whether there is data traffic to a server, and not only Hellos."""
        usages = (self.usage.get(client.nbma) for client in self.clients.values() if client.nbma is not None)
        return any(usage is not None and now < usage.busy_until for usage in usages)

    def is_server(self, address: IPAddress) -> bool:
        """Return whether this is the tunnel address of one of our servers."""
        return any(client.nhs == address for client in self.clients.values())

    def server(self, avoid: IPAddress | None = None) -> NhsClient | None:
        """Return the best server to send to.

        A responding server comes first, then a server that responded all along before a server that has just returned
        (`Standby`), then priority decides.

        avoid: an NBMA address that must not be chosen, because the packet came from there.
        """
        best: NhsClient | None = None
        for client in self.clients.values():
            if client.nbma != avoid and (best is None or self._rank(client) < self._rank(best)):
                best = client
        return best

    def _rank(self, client: NhsClient) -> tuple[bool, bool, int]:
        return (not client.is_responding, client.nhs in self.doubted, client.priority)
