"""One interface that OSPF runs on and its neighbors: their states, and what is under way. RFC 2328 §9, §10."""

from __future__ import annotations

from dataclasses import field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import UNSPECIFIED, Prefix
from dmvpn.base.values import dataclass
from dmvpn.features.ospf.states import (
    INTERFACE_MOVES,
    NEIGHBOR_MOVES,
    InterfaceMove,
    InterfaceState,
    NeighborMove,
    NeighborState,
)
from dmvpn.net.octets import ipv4_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.context import Timer
    from dmvpn.base.effects import NextHop
    from dmvpn.base.notices import InterfaceState as IpInterface
    from dmvpn.base.notices import Log
    from dmvpn.base.reasons import Reason
    from dmvpn.features.ospf.area import RunningArea
    from dmvpn.features.ospf.lsa import Lsa, LsaHeader, LsaKey
    from dmvpn.features.ospf.packet import Description
    from dmvpn.features.ospf.settings import Settings

ALL_ROUTERS: Final = IPv4Address("224.0.0.5")
ALL_DESIGNATED: Final = IPv4Address("224.0.0.6")
#: Senders whose refused Hellos are remembered.
_MOST_REFUSALS: Final = 32


@dataclass(frozen=True, slots=True)
class FarEnd:
    """The other end of a virtual link. area: that it leads through. hops: of the way there. RFC 2328 §15."""

    router: IPv4Address
    address: IPv4Address
    area: int
    hops: tuple[NextHop, ...]


@dataclass(slots=True, eq=False)
class OspfInterface:
    """An interface. address: ours. cost: of the way out. neighbors: by address.

    designated, backup: addresses of the elected routers. to_flood: what is to leave in the breath of this event.
    to_acknowledge: what is acknowledged soon. refusals: why Hellos of these senders were not taken. listening: to
    groups. greeted: when a Hello went out out of turn. costs: of the ways to configured neighbors. sequence: of the
    last packet with a digest. changes: of the state. far_end: of a virtual link, None of all others.
    key_trouble: what the log was told of the keys.
    """

    name: str
    state: IpInterface
    settings: Settings
    area: RunningArea
    address: IPv4Address
    cost: int
    hello_timer: Timer
    wait_timer: Timer
    acknowledge_timer: Timer
    phase: InterfaceState = InterfaceState.DOWN
    designated: IPv4Address = UNSPECIFIED
    backup: IPv4Address = UNSPECIFIED
    neighbors: dict[IPv4Address, Neighbor] = field(default_factory=dict)
    to_flood: dict[LsaKey, Lsa] = field(default_factory=dict)
    to_acknowledge: dict[LsaKey, LsaHeader] = field(default_factory=dict)
    refusals: dict[IPv4Address, Reason] = field(default_factory=dict)
    listening: tuple[IPv4Address, ...] = ()
    greeted: float = float("-inf")
    costs: dict[IPv4Address, int] = field(default_factory=dict)
    sequence: int = 0
    changes: int = 0
    far_end: FarEnd | None = None
    key_trouble: Log | None = None

    @property
    def prefix(self) -> Prefix:
        """The subnet."""
        return Prefix.of(self.address, self.state.prefix_length)

    @property
    def mask(self) -> IPv4Address:
        """Its mask, as Hellos tell it: of a virtual link none, RFC 2328 §9.5."""
        if self.far_end is not None:
            return UNSPECIFIED
        return ipv4_address(self.prefix.netmask.packed)

    @property
    def is_loopback(self) -> bool:
        """Is it no link?"""
        return self.phase is InterfaceState.LOOPBACK

    @property
    def speaks(self) -> bool:
        """May there be neighbors?"""
        silent = self.settings.passive or self.settings.obstacle or self.is_loopback
        return self.phase is not InterfaceState.DOWN and not silent

    @property
    def leads(self) -> bool:
        """Are we the designated router or its backup?"""
        return self.phase in (InterfaceState.DESIGNATED, InterfaceState.BACKUP)

    @property
    def full(self) -> list[Neighbor]:
        """Neighbors with the same database."""
        return [neighbor for neighbor in self.neighbors.values() if neighbor.is_full]

    @property
    def with_old_keys(self) -> list[Neighbor]:
        """Neighbors whose last packet was sealed with another key of ours than the youngest."""
        keys = self.settings.authentication.keys
        old = {key.number for key in keys[:-1]}
        return [neighbor for neighbor in self.neighbors.values() if neighbor.key in old] if old else []

    @property
    def told(self) -> Iterator[Neighbor]:
        """Neighbors that are told of what is new."""
        return (neighbor for neighbor in self.neighbors.values() if neighbor.exchanges)

    def refuse(self, sender: IPv4Address, reason: Reason) -> None:
        """Remember why this sender's Hellos are not taken."""
        if sender in self.refusals or len(self.refusals) < _MOST_REFUSALS:
            self.refusals[sender] = reason

    def move(self, move: InterfaceMove) -> bool:
        """Take the move. True: the state is another one now."""
        old, self.phase = self.phase, INTERFACE_MOVES[self.phase, move]
        self.changes += self.phase is not old
        return self.phase is not old

    def router_of(self, address: IPv4Address, own: IPv4Address) -> IPv4Address:
        """Return the identifier of the router that has this address here; 0.0.0.0: nobody. own: our identifier."""
        if address == self.address:
            return own
        neighbor = self.neighbors.get(address)
        return neighbor.router if neighbor is not None else UNSPECIFIED

    def cost_to(self, address: IPv4Address) -> int:
        """Return the cost of the way to one neighbor: what its `neighbor ... cost` says, else that of the interface."""
        return self.costs.get(address, self.cost)


@dataclass(slots=True)
class Talk:
    """The exchange of databases, RFC 2328 §10.8. A new one begins whenever the neighbor enters EXSTART.

    leads: we are the master. sequence: of descriptions. summary: headers that are still to be told. sent, heard: the
    last description of each side. requests: what is missing here. asked: of these, those in the last request.
    """

    leads: bool = True
    sequence: int = 0
    summary: list[LsaHeader] = field(default_factory=list)
    sent: Description | None = None
    heard: Description | None = None
    requests: dict[LsaKey, LsaHeader] = field(default_factory=dict)
    asked: dict[LsaKey, None] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Neighbor:
    """One neighbor on one interface. Times are seconds, monotonic.

    router: its identifier, 0.0.0.0 until it was heard. priority, options, designated, backup: of its last Hello.
    hello: that Hello, octet for octet. since: of the state. crypto_sequence, key: of its last packet with a digest.
    waiting: what it has not acknowledged, and when that was sent to it. refusal: why its last packet was not taken.
    changes: of state. called: when a Hello went to it alone. retransmissions: retransmit intervals in which something
    was sent to it again. unanswered: of these, those since it answered last. counted: when the last of them began.
    """

    interface: OspfInterface
    address: IPv4Address
    since: float
    inactivity_timer: Timer
    retransmit_timer: Timer
    router: IPv4Address = UNSPECIFIED
    priority: int = 0
    options: int = 0
    designated: IPv4Address = UNSPECIFIED
    backup: IPv4Address = UNSPECIFIED
    hello: bytes = b""
    state: NeighborState = NeighborState.DOWN
    last_heard: float = float("-inf")
    called: float = float("-inf")
    crypto_sequence: int = -1
    key: int = -1
    talk: Talk = field(default_factory=Talk)
    waiting: dict[LsaKey, tuple[Lsa, float]] = field(default_factory=dict)
    refusal: Reason | None = None
    changes: int = 0
    retransmissions: int = 0
    unanswered: int = 0
    counted: float = float("-inf")

    @property
    def is_full(self) -> bool:
        """Are the databases the same?"""
        return self.state is NeighborState.FULL

    @property
    def exchanges(self) -> bool:
        """Is it told of what is new: do we exchange databases with it, or have we?"""
        return self.state.rank >= NeighborState.EXCHANGE.rank

    @property
    def is_two_way(self) -> bool:
        """Have both heard each other?"""
        return self.state.rank >= NeighborState.TWO_WAY.rank

    @property
    def wants_adjacency(self) -> bool:
        """Are databases to be exchanged with it? RFC 2328 §10.4: where a router is elected, only by way of that one."""
        interface = self.interface
        return not interface.settings.elects or interface.leads or self.is_designated or self.is_backup

    @property
    def is_designated(self) -> bool:
        """Is it the designated router, as we see it?"""
        return self.interface.designated == self.address

    @property
    def is_backup(self) -> bool:
        """Is it the backup, as we see it?"""
        return self.interface.backup == self.address

    def move(self, move: NeighborMove, now: float) -> NeighborState:
        """Take the move; returns the state before."""
        old, self.state = self.state, NEIGHBOR_MOVES[self.state, move]
        if self.state is not old:
            self.since = now
            self.changes += 1
        return old
