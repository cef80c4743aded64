"""One interface that OSPF runs on and its neighbors: their states, and pending packets. RFC 2328 §9, §10.

Only their own methods change both: other files report events by these methods, and get the consequences.

Who speaks for a network, the designated router and its backup, is elected by `elect`: RFC 2328 §9.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field, replace
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix
from dmvpn.base.context import Timer
from dmvpn.base.effects import NextHop
from dmvpn.base.notices import InterfaceState as IpInterface
from dmvpn.base.notices import Log
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Mutable, Value
from dmvpn.features.ospf.lsa import Lsa, LsaHeader, LsaKey, LsaType, Options
from dmvpn.features.ospf.neighbor import (
    INTERFACE_MOVES,
    NEIGHBOR_MOVES,
    InterfaceMove,
    InterfaceState,
    NeighborMove,
    NeighborState,
    Talk,
    Unacknowledged,
)
from dmvpn.features.ospf.packet import Description, Hello
from dmvpn.features.ospf.settings import Settings
from dmvpn.features.ospf.spf import RunningArea, Slices
from dmvpn.net.ipv4 import ipv4_address

# ------------------------------------------------------------------------------------------------ the election


class Candidate(NamedTuple):
    """A router on the network. address: its name there. designated, backup: the routers that it considers elected."""

    priority: int
    router: IPv4Address
    address: IPv4Address
    designated: IPv4Address
    backup: IPv4Address

    @property
    def rank(self) -> tuple[int, IPv4Address]:
        """The higher one wins."""
        return self.priority, self.router


class Elected(NamedTuple):
    """Addresses; 0.0.0.0: nobody."""

    designated: IPv4Address
    backup: IPv4Address


def elect(own: Candidate, others: Iterable[Candidate]) -> Elected:
    """Return the result of the election from our point of view. `others` are the neighbors that have heard us."""
    rivals = [other for other in others if other.priority]
    first = _count(own, rivals)
    was = (own.address == own.designated, own.address == own.backup)
    now = (own.address == first.designated, own.address == first.backup)
    if was == now:
        return first
    # Step 4: what we have become, or are not any more, is known to us; so it is counted once more.
    designated = own.address if now[0] else first.designated if was[0] else own.designated
    backup = own.address if now[1] else first.backup if was[1] else own.backup
    return _count(own._replace(designated=designated, backup=backup), rivals)


def _count(own: Candidate, rivals: list[Candidate]) -> Elected:
    eligible = [own, *rivals] if own.priority else rivals
    willing = [one for one in eligible if one.designated != one.address]
    declared = [one for one in willing if one.backup == one.address]
    backup = max(declared or willing, key=lambda one: one.rank, default=None)
    leading = [one for one in eligible if one.designated == one.address]
    designated = max(leading, key=lambda one: one.rank, default=backup)
    return Elected(
        designated.address if designated is not None else UNSPECIFIED,
        backup.address if backup is not None else UNSPECIFIED,
    )


# ------------------------------------------------------------------------------------------------ interfaces


#: Senders whose refused Hellos are remembered.
_MOST_REFUSALS: Final = 32


class FarEnd(Value):
    """The other end of a virtual link. area: that it leads through. hops: of the way there. RFC 2328 §15."""

    router: IPv4Address
    address: IPv4Address
    area: int
    hops: tuple[NextHop, ...]


class OspfInterface(Mutable, eq=False):
    """An interface. address: ours. cost: of sending. neighbors: by address.

    designated, backup: addresses of the elected routers. to_flood: LSAs to send at the end of this event.
    to_acknowledge: LSAs to acknowledge soon. refusals: why Hellos of these senders were refused. listening: to
    groups. greeted: when a Hello was sent out of turn. costs: of the paths to configured neighbors. sequence: of the
    last packet with a digest. changes: of the state. far_end: of a virtual link, otherwise None.
    key_trouble: the last log message about the keys. calls: Hellos to each neighbor alone.
    mtu: octets of the largest packet. identity: our name in elections, number: that of this end in our router LSA: both
    the address in version 2, and in version 3 our identifier and the number of the interface. link: the scope of
    advertisements for this link alone; None in version 2, which keeps none.
    """

    name: str
    state: IpInterface
    settings: Settings
    area: RunningArea
    address: IPAddress
    identity: IPv4Address
    number: IPv4Address
    mtu: int
    cost: int
    hello_timer: Timer
    wait_timer: Timer
    acknowledge_timer: Timer
    calls: Slices
    phase: InterfaceState = InterfaceState.DOWN
    designated: IPv4Address = UNSPECIFIED
    backup: IPv4Address = UNSPECIFIED
    neighbors: dict[IPAddress, Neighbor] = field(default_factory=dict)
    to_flood: dict[LsaKey, Lsa] = field(default_factory=dict)
    to_acknowledge: dict[LsaKey, LsaHeader] = field(default_factory=dict)
    refusals: dict[IPAddress, Reason] = field(default_factory=dict)
    listening: tuple[IPAddress, ...] = ()
    greeted: float = float("-inf")
    costs: dict[IPAddress, int] = field(default_factory=dict)
    sequence: int = 0
    changes: int = 0
    far_end: FarEnd | None = None
    key_trouble: Log | None = None
    link: RunningArea | None = None

    def covers(self, address: IPAddress) -> bool:
        """Return whether an address is in one of the subnets that count here: in version 2 the primary one."""
        if address.version == 4:
            return address in self.prefix
        return any(address in Prefix.of(own, length) for own, length in self.state.routed(6))

    def scope(self, kind: int) -> RunningArea:
        """Return where advertisements of a type belong that come by this interface: the area, or this link."""
        return self.link if self.link is not None and kind == LsaType.LINK else self.area

    @property
    def prefix(self) -> Prefix:
        """The subnet, in version 2."""
        return Prefix.of(self.address, self.state.prefix_length)

    @property
    def mask(self) -> IPv4Address:
        """Its mask, as in Hellos: 0.0.0.0 for a virtual link, RFC 2328 §9.5, and in version 3."""
        if self.far_end is not None or self.link is not None:
            return UNSPECIFIED
        return ipv4_address(self.prefix.netmask.packed)

    @property
    def is_loopback(self) -> bool:
        """Whether the interface is no link."""
        return self.phase is InterfaceState.LOOPBACK

    @property
    def speaks(self) -> bool:
        """Whether the interface may have neighbors."""
        silent = self.settings.passive or self.settings.obstacle or self.is_loopback
        return self.phase is not InterfaceState.DOWN and not silent

    @property
    def leads(self) -> bool:
        """Whether this router is the designated router or its backup."""
        return self.phase in (InterfaceState.DESIGNATED, InterfaceState.BACKUP)

    @property
    def is_undecided(self) -> bool:
        """Whether neighbors are heard, and none of them and not this router is elected yet."""
        return self.phase is InterfaceState.WAITING and bool(self.neighbors)

    @property
    def full(self) -> list[Neighbor]:
        """Neighbors with the same database, and neighbors that restart gracefully."""
        return [neighbor for neighbor in self.neighbors.values() if neighbor.counts_as_full]

    @property
    def with_old_keys(self) -> list[Neighbor]:
        """Neighbors whose last packet was sealed with an older key than our newest."""
        old = {key.number for key in self.settings.authentication.keys[:-1]}
        return [neighbor for neighbor in self.neighbors.values() if neighbor.key in old] if old else []

    @property
    def lsa_receivers(self) -> Iterator[Neighbor]:
        """Neighbors that receive new LSAs."""
        return (neighbor for neighbor in self.neighbors.values() if neighbor.exchanges)

    def adjust(self, state: IpInterface, settings: Settings, cost: int, costs: dict[IPAddress, int]) -> None:
        """Note that the interface, or its lines, changed, without need to drop neighbors."""
        self.state, self.settings, self.cost, self.costs = state, settings, cost, costs
        self.mtu = self.area.family.mtu(state)

    def lead_by(self, state: IpInterface, address: IPv4Address, far_end: FarEnd, cost: int) -> bool:
        """Move to another path to the far end of a virtual link, which stays the same neighbor, RFC 2328 §15. Returns
        whether our description of the link changes.

        Returns whether what we say of the link is another thing.
        """
        before = (self.address, self.cost)
        self.state, self.address, self.far_end, self.cost = state, address, far_end, cost
        self.identity, self.number, self.mtu = address, address, state.ip_mtu
        for neighbor in self.neighbors.values():
            neighbor.address = neighbor.identity = far_end.address
        self.neighbors = {neighbor.address: neighbor for neighbor in self.neighbors.values()}
        return before != (address, cost)

    def enter(self, neighbor: Neighbor) -> None:
        """Note a new neighbor."""
        self.neighbors[neighbor.address] = neighbor

    def leave(self, neighbor: Neighbor) -> None:
        """Forget a neighbor that is lost, unless another one has its address by now."""
        if self.neighbors.get(neighbor.address) is neighbor:
            del self.neighbors[neighbor.address]

    def join(self, groups: tuple[IPAddress, ...]) -> tuple[IPAddress, ...]:
        """Listen to these groups from now on; returns the previous groups."""
        before, self.listening = self.listening, groups
        return before

    def refuse(self, sender: IPAddress, reason: Reason) -> None:
        """Remember why this sender's Hellos are not taken."""
        if sender in self.refusals or len(self.refusals) < _MOST_REFUSALS:
            self.refusals[sender] = reason

    def accept(self, sender: IPAddress) -> None:
        """Forget why, because they are taken."""
        self.refusals.pop(sender, None)

    def greet(self, due: float) -> None:
        """Note when a Hello is sent out of turn."""
        self.greeted = due

    def elect(self, designated: IPv4Address, backup: IPv4Address) -> tuple[bool, bool]:
        """Take the result of an election, RFC 2328 §9.4; returns whether our state, and whether anything, is new."""
        before = (self.designated, self.backup)
        self.designated, self.backup = designated, backup
        if designated == self.identity:
            moved = self.move(InterfaceMove.ELECTED)
        elif backup == self.identity:
            moved = self.move(InterfaceMove.ELECTED_BACKUP)
        else:
            moved = self.move(InterfaceMove.NOT_ELECTED)
        return moved, moved or before != (designated, backup)

    def flood(self, lsa: Lsa) -> None:
        """Let an advertisement leave in the breath of this event."""
        self.to_flood[lsa.key] = lsa

    def take_flood(self) -> list[Lsa]:
        """Return the LSAs to send now."""
        lsas, self.to_flood = list(self.to_flood.values()), {}
        return lsas

    def acknowledge(self, header: LsaHeader) -> None:
        """Queue an acknowledgment, which leaves soon together with others of its kind."""
        self.to_acknowledge[header.key] = header

    def take_acknowledgments(self) -> list[LsaHeader]:
        """Return the acknowledgments that leave now."""
        headers, self.to_acknowledge = list(self.to_acknowledge.values()), {}
        return headers

    def next_sequence(self, wall: int) -> int:
        """Return the number of the next packet with a digest, never smaller than before. wall: the clock.

        In version 3 it is always larger, after a restart, too: its first word is the clock (RFC 7166 §4.1.1).
        """
        self.sequence = max(self.sequence, wall) if self.link is None else max(self.sequence + 1, wall << 32)
        return self.sequence

    def suffer(self, trouble: Log | None) -> bool:
        """Note a problem with the keys; returns whether it still has to be logged."""
        is_news = trouble is not None and trouble != self.key_trouble
        self.key_trouble = trouble
        return is_news

    def move(self, move: InterfaceMove) -> bool:
        """Take the move. True: the state has changed."""
        old, self.phase = self.phase, INTERFACE_MOVES[self.phase, move]
        self.changes += self.phase is not old
        return self.phase is not old

    @property
    def described_mtu(self) -> int:
        """The MTU in descriptions: octets of the largest packet here, 0 on a virtual link. RFC 2328 §10.8."""
        return self.mtu if self.far_end is None else 0

    def cost_to(self, address: IPAddress) -> int:
        """Return the cost of the path to one neighbor: what its `neighbor ... cost` says, else that of the
        interface.
        """
        return self.costs.get(address, self.cost)


class Neighbor(Mutable, eq=False):
    """One neighbor on one interface. Times are seconds, monotonic.

    router: its identifier, 0.0.0.0 until it was heard. priority, options, designated, backup: of its last Hello.
    since: of the state. key: of its last packet with a digest.
    crypto_sequences: of its last packet of each type with a digest.
    waiting: LSAs that it has not acknowledged. refusal: why its last packet was not taken.
    changes: of state. called: when a Hello went to it alone. retransmissions: retransmit intervals in which something
    was sent to it again. unanswered: intervals since it answered last, also those in which it did not go on with the
    exchange that it leads. counted: when the last of them began.
    takes_opaque: it takes opaque advertisements. helped_until: of a restart; None: it does not restart gracefully.
    grace_timer: ends the help; None: it was never helped. identity: its name in elections: its address, in version 3
    its identifier. number: that of its interface, in version 3.
    """

    interface: OspfInterface
    address: IPAddress
    identity: IPv4Address
    since: float
    inactivity_timer: Timer
    retransmit_timer: Timer
    router: IPv4Address = UNSPECIFIED
    priority: int = 0
    options: int = 0
    designated: IPv4Address = UNSPECIFIED
    backup: IPv4Address = UNSPECIFIED
    state: NeighborState = NeighborState.DOWN
    last_heard: float = float("-inf")
    called: float = float("-inf")
    crypto_sequences: dict[int, int] = field(default_factory=dict)
    key: int = -1
    talk: Talk = field(default_factory=Talk)
    waiting: Unacknowledged = field(default_factory=Unacknowledged)
    refusal: Reason | None = None
    changes: int = 0
    retransmissions: int = 0
    unanswered: int = 0
    counted: float = float("-inf")
    takes_opaque: bool = False
    helped_until: float | None = None
    grace_timer: Timer | None = None
    number: IPv4Address = UNSPECIFIED

    @property
    def is_full(self) -> bool:
        """Whether the databases are the same."""
        return self.state is NeighborState.FULL

    @property
    def is_helped(self) -> bool:
        """Whether the neighbor restarts gracefully."""
        return self.helped_until is not None

    @property
    def counts_as_full(self) -> bool:
        """Whether our LSAs list the neighbor as full, RFC 3623 §3."""
        return self.is_full or self.is_helped

    @property
    def exchanges(self) -> bool:
        """Whether the neighbor receives new LSAs: the exchange of databases has begun or is complete."""
        return self.state.rank >= NeighborState.EXCHANGE.rank

    @property
    def is_two_way(self) -> bool:
        """Whether both ends receive each other's Hellos."""
        return self.state.rank >= NeighborState.TWO_WAY.rank

    @property
    def wants_adjacency(self) -> bool:
        """Whether to exchange databases with it, RFC 2328 §10.4: after an election, only the elected routers do."""
        interface = self.interface
        return not interface.settings.elects or interface.leads or self.is_designated or self.is_backup

    @property
    def is_designated(self) -> bool:
        """Whether this router takes it for the designated router."""
        return self.interface.designated == self.identity

    @property
    def is_backup(self) -> bool:
        """Whether this router takes it for the backup."""
        return self.interface.backup == self.identity

    def move(self, move: NeighborMove, now: float) -> NeighborState:
        """Take the move; returns the state before."""
        old, self.state = self.state, NEIGHBOR_MOVES[self.state, move]
        if self.state is not old:
            self.since = now
            self.changes += 1
        return old

    def call(self, now: float) -> None:
        """Note that a Hello goes to it alone."""
        self.called = now

    def hear(self, hello: Hello, router: IPv4Address, now: float) -> None:
        """Store the content of its Hello, and its router ID, RFC 2328 §10.5."""
        self.router, self.last_heard = router, now
        self.priority, self.options = hello.priority, hello.options
        self.designated, self.backup = hello.designated, hello.backup
        if self.interface.link is not None:
            self.identity, self.number = router, hello.number

    def is_replay(self, kind: int, sequence: int, key: int) -> bool:
        """Return whether a digest's number is smaller than the last number in a packet of this type, or in version 3
        the same; otherwise note it. RFC 2328 §D.3, but by type as in RFC 7474 and RFC 7166 §4.6: Hellos are read before
        other packets, which may wait.
        """
        if sequence < self.crypto_sequences.get(kind, -1) + (self.interface.link is not None):
            return True
        self.crypto_sequences[kind], self.key = sequence, key
        return False

    # ------------------------------------------------------------------------------------------------ the exchange

    @property
    def description(self) -> Description | None:
        """Our last description, as it leaves again: with the MTU of now, which may have changed."""
        sent = self.talk.sent
        return replace(sent, mtu=self.interface.described_mtu) if sent is not None else None

    def describe(self, description: Description) -> None:
        """Store the capabilities in its description, RFC 5250 §3.1."""
        self.takes_opaque = bool(description.options & Options.OPAQUE)

    def help(self, until: float, timer: Timer) -> None:
        """Note for how long it is helped to restart. timer: ends the help."""
        self.helped_until, self.grace_timer = until, timer

    def help_no_longer(self) -> None:
        """Note that it is helped to restart no longer."""
        self.helped_until = None

    def got(self, key: LsaKey) -> bool:
        """Note that an instance has come which may have been missing; returns whether it was: so it answers."""
        if not self.talk.got(key):
            return False
        self.answer()
        return True

    def begin_talk(self, sequence: int) -> None:
        """Begin to exchange databases."""
        self.talk = Talk(sequence)

    def end_talk(self) -> None:
        """End the exchange; LSAs without acknowledgment are not sent to the neighbor again."""
        self.talk = Talk()
        self.waiting.clear()

    def refuse(self, reason: Reason | None) -> None:
        """Note why its last description was not taken; None: it was."""
        self.refusal = reason

    def answer(self) -> None:
        """Note that it answers."""
        self.unanswered = 0

    @property
    def must_go_on(self) -> bool:
        """Whether this neighbor leads an exchange, and owes the next description."""
        return self.state is NeighborState.EXCHANGE and not self.talk.leads

    def wait(self, now: float, interval: float, *, repeated: bool) -> None:
        """Count an interval in which it did not answer. repeated: something was sent to it again."""
        if now - self.counted >= interval:
            self.counted = now
            self.retransmissions += repeated
            self.unanswered += 1
