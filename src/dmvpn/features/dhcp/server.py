"""The server: pools, bindings and conflicts (RFC 2131 §4.3).

    DISCOVER -> pool of the link -> address: bound before, asked for, or the next free one -> pings -> OFFER
    REQUEST  -> of this client? -> ACK, else NAK where the address cannot be right; without a record: silence

The link is that of the relay agent's address, or the port that the message came by; of a client that renews its lease
by a unicast it is the client's own. An address is kept for `OFFERED` seconds after a DISCOVER. Nothing waits for the
pings: the offer leaves when the last one was not answered. Ports, hardware addresses and pools have shares (`MOST`), so
a flood of strangers on one port leaves the addresses of other ports alone. A search takes no longer for a full pool: it
looks at each address once, and then only at addresses that became free.
"""

from __future__ import annotations

import enum
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED, Prefix
from dmvpn.base.context import Context, Timer, TimerQueue
from dmvpn.base.effects import Store
from dmvpn.base.errors import surely
from dmvpn.base.limits import Budgets, Limiter
from dmvpn.base.values import dataclass
from dmvpn.features.dhcp import messages
from dmvpn.features.dhcp.model import DhcpConfig, Drop, Pool
from dmvpn.features.dhcp.packet import FOREVER, Code, Message, MessageType, seconds

#: Seconds for which an address is kept for a client that got an offer.
OFFERED: Final = 60.0
#: Conflicts of a router.
MOST_CONFLICTS: Final = 65_536
#: Offers of a pool on one port that are not taken yet, addresses of one hardware address, bindings of all pools.
MOST: Final = {Drop.OFFERS: 256, Drop.CLIENT: 16, Drop.POOL: 65_536}
#: Conflicts that clients of one port may report, in a second and at once: the others free the address.
_DECLINES: Final = (1 / 60, 16.0)
#: The file of bindings, in the router's storage.
STORED: Final = "dhcp-bindings"

_Place = tuple[str, IPv4Address]


class BindingState(enum.Enum):
    """As `show ip dhcp binding` says it."""

    SELECTING = "Selecting"
    ACTIVE = "Active"


@dataclass(slots=True)
class Binding:
    """An address of a client. ends: seconds monotonic, None: never. interface: the port that the client came by.

    hardware: of the client, b"": not known.
    """

    address: IPv4Address
    vrf: str
    pool: str
    identity: bytes
    interface: str
    ends: float | None
    state: BindingState = BindingState.SELECTING
    manual: bool = False
    hardware: bytes = b""

    @property
    def shares(self) -> tuple[tuple[Drop, str | bytes], ...]:
        """The shares that the binding takes a part of."""
        lasting = ((Drop.POOL, self.pool), (Drop.CLIENT, self.hardware))
        return (
            lasting if self.state is BindingState.ACTIVE else (*lasting, (Drop.OFFERS, f"{self.pool} {self.interface}"))
        )


@dataclass(frozen=True, slots=True)
class Conflict:
    """An address that another station has. method: in IOS's words. at: seconds monotonic."""

    method: str
    at: float


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a message came. addresses: of the port, with prefix lengths. server: our address for the client.

    unicast: it was for this router alone.
    """

    interface: str
    vrf: str
    addresses: tuple[tuple[IPv4Address, int], ...]
    server: IPv4Address
    unicast: bool = False


@dataclass(slots=True)
class _Trial:
    """An address that is pinged before it is offered. left: echo requests to send."""

    message: Message
    arrival: Arrival
    pool: Pool
    left: int


class Server:
    """All pools of a router.

    drop: called with each message without an answer.
    send: called with each reply, the message that it answers, and how that came.
    ping: called with a VRF and an address.
    """

    def __init__(
        self,
        context: Context,
        drop: Callable[[Drop, Message], None],
        send: Callable[[Message, Message, Arrival], None],
        ping: Callable[[str, IPv4Address], None],
    ) -> None:
        self.config = DhcpConfig()
        self.bindings: dict[_Place, Binding] = {}
        self.conflicts: dict[_Place, Conflict] = {}
        self.counts: Counter[str] = Counter()
        self._context, self._drop, self._send, self._ping = context, drop, send, ping
        self._of_client: dict[tuple[str, bytes], Binding] = {}
        self._trials: dict[_Place, _Trial] = {}
        self._shares: Counter[tuple[Drop, str | bytes]] = Counter()
        self._by_hand: dict[_Place, None] = {}
        #: Of pools by name: the first address that no search has seen, and those that became free behind it.
        self._next: dict[str, int] = {}
        self._freed: dict[str, dict[IPv4Address, None]] = {}
        self._ends: TimerQueue[_Place] = TimerQueue(context, "a lease is over", self._end, most=64)
        self._pings: TimerQueue[_Place] = TimerQueue(context, "no answer to a ping", self._unanswered, most=64)
        self._write = Timer("write the bindings", self._store)
        self._complaints: Limiter[str] = Limiter(60.0, 16)
        self._declines: Budgets[str] = Budgets(*_DECLINES)

    # ------------------------------------------------------------------------------------------ configuration

    def configure(self, config: DhcpConfig) -> None:
        """Apply other lines: bindings whose pool no longer has their address end."""
        pools = {pool.name: pool for pool in config.pools}
        is_first, self.config = not self.config.pools, config
        self._by_hand = {(pool.vrf, pool.host[0]): None for pool in config.pools if pool.host is not None}
        self._next.clear()
        self._freed.clear()
        if is_first and config.pools and config.write_delay is not None:
            self._restore()
        for place, binding in list(self.bindings.items()):
            pool = pools.get(binding.pool)
            is_other = pool is None or pool.vrf != binding.vrf or not _holds(pool, binding.address)
            if is_other or binding.manual != (place in self._by_hand):
                self.forget(place)

    def clear(self, address: IPv4Address | None, vrf: str | None, *, conflicts: bool) -> None:
        """Forget bindings or conflicts: of one address or all, of one VRF or (None) all."""
        for place in list(self.conflicts if conflicts else self.bindings):
            if address in (None, place[1]) and vrf in (None, place[0]):
                if conflicts:
                    del self.conflicts[place]
                    self._freed.clear()
                    self._next.clear()
                else:
                    self.forget(place)

    def current(self, pool: Pool) -> IPv4Address | None:
        """Return the address of a pool that is tried next, 0.0.0.0: none is known to be free."""
        if pool.network is None:
            return None
        at, freed = self._next.get(pool.name, pool.network.number + 1), self._freed.get(pool.name, {})
        return IPv4Address(at) if at < pool.network.number + pool.network.size - 1 else next(iter(freed), UNSPECIFIED)

    def leased(self, pool: Pool) -> int:
        """Return how many addresses of a pool are bound, or offered."""
        return self._shares[Drop.POOL, pool.name]

    # ------------------------------------------------------------------------------------------ messages

    def hear(self, message: Message, arrival: Arrival) -> bool:
        """Take a message of a client, or of its relay agent; False: no pool is for its link."""
        kind, found = message.type, self._pool_of(message, arrival)
        if found is None:
            return False
        self.counts[message.name] += 1
        pool, manual = found
        match kind:
            case MessageType.DISCOVER:
                self._discover(message, arrival, pool, manual)
            case MessageType.REQUEST:
                self._request(message, arrival, pool, manual)
            case MessageType.DECLINE | MessageType.RELEASE:
                self._give_back(kind, message, arrival)
            case MessageType.INFORM:
                self._reply(MessageType.ACK, message, arrival, pool, UNSPECIFIED)
        return True

    def answered(self, vrf: str, address: IPv4Address) -> None:
        """Note that a station answered a ping."""
        trial, place = self._trials.get((vrf, address)), (vrf, address)
        if trial is None:
            return
        self.forget(place)
        self._conflict(place, "Ping")
        if place in self.conflicts:  # else the client asks again, and another address is next
            self._discover(trial.message, trial.arrival, trial.pool, None)

    def _pool_of(self, message: Message, arrival: Arrival) -> tuple[Pool, IPv4Address | None] | None:
        """Return the pool for a client, and the address if it is bound by hand; None: there is no pool for its link."""
        ends = tuple(address for address, _ in arrival.addresses)
        if message.giaddr != UNSPECIFIED:
            ends = (message.giaddr,)
        elif arrival.unicast and message.ciaddr != UNSPECIFIED:
            ends = (message.ciaddr,)
        hardware = bytes((message.hardware_type,)) + message.hardware
        pools = [pool for pool in self.config.pools if pool.vrf == arrival.vrf]
        for pool in pools:
            if pool.host is not None and (message.identity in pool.identities or hardware in pool.identities):
                subnet = Prefix.of(*pool.host)
                if any(Prefix.host(end) in subnet for end in ends):
                    return pool, pool.host[0]
        for pool in pools:
            network = pool.network
            if network is not None and any(Prefix.host(end) in network for end in ends):
                return pool, None
        return None

    def _discover(self, message: Message, arrival: Arrival, pool: Pool, manual: IPv4Address | None) -> None:
        binding = self._of_client.get((pool.name, message.identity))
        if binding is None:
            address = manual or self._choose(message, arrival, pool)
            if address is None:
                return
            binding, place = self._keep(address, message, arrival, pool, manual), (pool.vrf, address)
            if manual is None and self.config.ping_packets:
                self._trials[place] = _Trial(message, arrival, pool, self.config.ping_packets)
                self._unanswered(place)
        if (binding.vrf, binding.address) not in self._trials:  # else the offer follows
            self._reply(MessageType.OFFER, message, arrival, pool, binding.address)

    def _unanswered(self, place: _Place) -> None:
        trial = self._trials[place]
        if trial.left:
            trial.left -= 1
            self._ping(*place)
            self._pings.set(place, self._context.now + self.config.ping_timeout)
        else:
            del self._trials[place]
            self._reply(MessageType.OFFER, trial.message, trial.arrival, trial.pool, place[1])

    def _keep(
        self, address: IPv4Address, message: Message, arrival: Arrival, pool: Pool, manual: IPv4Address | None
    ) -> Binding:
        """Keep an address for a client for a while."""
        place = pool.vrf, address
        until = self._context.now + OFFERED + self.config.ping_packets * self.config.ping_timeout
        self.forget(place)  # of a `host` pool with two clients
        binding = Binding(address, pool.vrf, pool.name, message.identity, arrival.interface, until)
        binding.manual, binding.hardware = manual is not None, message.hardware
        self._add(binding)
        return binding

    def _add(self, binding: Binding) -> None:
        place = (binding.vrf, binding.address)
        self.bindings[place] = self._of_client[binding.pool, binding.identity] = binding
        self._count(binding, 1)
        if binding.ends is None:
            self._ends.cancel(place)
        else:
            self._ends.set(place, binding.ends)

    def _count(self, binding: Binding, by: int) -> None:
        for share in binding.shares:
            self._shares[share] += by
            if not self._shares[share]:
                del self._shares[share]

    def _request(self, message: Message, arrival: Arrival, pool: Pool, manual: IPv4Address | None) -> None:
        chosen, binding = message.address(Code.SERVER), self._of_client.get((pool.name, message.identity))
        if chosen is not None and chosen != arrival.server:
            if binding is not None and binding.state is BindingState.SELECTING:
                self.forget((binding.vrf, binding.address))  # it took the offer of another server
            return
        wanted = message.address(Code.REQUESTED_ADDRESS) or message.ciaddr
        if manual is not None and binding is None and wanted == manual:
            binding = self._keep(manual, message, arrival, pool, manual)
        if binding is not None and binding.address == wanted:
            self._bind(binding, pool, arrival.interface)
            self._reply(MessageType.ACK, message, arrival, pool, wanted)
        elif chosen is not None or arrival.unicast or binding is not None or not _holds(pool, wanted):
            self._reply(MessageType.NAK, message, arrival, pool, UNSPECIFIED)

    def _bind(self, binding: Binding, pool: Pool, interface: str) -> None:
        self._count(binding, -1)
        binding.state, binding.interface = BindingState.ACTIVE, interface
        binding.ends = self._context.now + pool.lease if pool.lease is not None and not binding.manual else None
        self._add(binding)
        self._changed()

    def _give_back(self, kind: MessageType, message: Message, arrival: Arrival) -> None:
        declined = kind is MessageType.DECLINE
        wanted = message.address(Code.REQUESTED_ADDRESS) if declined else message.ciaddr
        if wanted is None or (binding := self.bindings.get((arrival.vrf, wanted))) is None:
            return
        if binding.identity == message.identity:
            self.forget((binding.vrf, wanted))
            if declined and self._declines.admit(arrival.interface, 1.0, self._context.now):
                self._conflict((binding.vrf, wanted), "Gratuitous ARP")

    def _conflict(self, place: _Place, method: str) -> None:
        self._context.emit(messages.Conflicting.of(place[1], method))
        if self.config.logs_conflicts and len(self.conflicts) < MOST_CONFLICTS:
            self.conflicts[place] = Conflict(method, self._context.now)

    # ------------------------------------------------------------------------------------------ addresses

    def _choose(self, message: Message, arrival: Arrival, pool: Pool) -> IPv4Address | None:
        """Return the address to offer to a client without one; None: all are taken, or a share is."""
        made = Binding(UNSPECIFIED, pool.vrf, pool.name, message.identity, arrival.interface, None)
        made.hardware = message.hardware
        for kind, name in made.shares:
            if name and self._shares[kind, name] >= MOST[kind] // (len(self.config.pools) if kind is Drop.POOL else 1):
                self._drop(kind, message)
                return None
        own = {address: None for address, _ in arrival.addresses}
        wanted = message.address(Code.REQUESTED_ADDRESS)
        if wanted is not None and _holds(pool, wanted) and self._is_free(pool, wanted, own):
            return wanted
        for address in self._untried(pool):
            if self._is_free(pool, address, own):
                return address
        self._drop(Drop.POOL, message)
        if self._complaints.permits(pool.name, self._context.now):
            self._context.emit(messages.PoolExhausted.of(pool.name))
        return None

    def _untried(self, pool: Pool) -> Iterator[IPv4Address]:
        """Yield the addresses of a pool that may be free: new ones in order, then addresses that became free."""
        network = pool.network
        if network is not None:
            last = network.number + network.size - 2
            while (at := self._next.get(pool.name, network.number + 1)) <= last:
                beyond = self._beyond(pool, at)
                self._next[pool.name] = max(beyond, at + 1)
                if beyond == at:
                    yield IPv4Address(at)
            freed = self._freed.get(pool.name, {})
            while freed:
                address = next(iter(freed))
                del freed[address]
                yield address

    def _is_free(self, pool: Pool, address: IPv4Address, own: Mapping[IPv4Address, None]) -> bool:
        place = (pool.vrf, address)
        is_taken = place in self.bindings or place in self.conflicts or place in self._by_hand or address in own
        return not is_taken and self._beyond(pool, int(address)) == int(address)

    def _beyond(self, pool: Pool, number: int) -> int:
        """Return the first address from here on that no line excludes."""
        for one in self.config.excluded:
            if one.vrf == pool.vrf and int(one.first) <= number <= int(one.last):
                return int(one.last) + 1
        return number

    def forget(self, place: _Place) -> None:
        """Forget a binding, and the pings of its address."""
        binding = self.bindings.pop(place, None)
        if binding is None:
            return
        self._of_client.pop((binding.pool, binding.identity), None)
        self._count(binding, -1)
        if self._trials.pop(place, None) is not None:
            self._pings.cancel(place)
        self._ends.cancel(place)
        freed = self._freed.setdefault(binding.pool, {})
        if len(freed) < MOST[Drop.POOL]:
            freed[place[1]] = None
        else:  # look at all of them again
            freed.clear()
            self._next.pop(binding.pool, None)
        self._changed()

    def _end(self, place: _Place) -> None:
        self.counts["expired"] += self.bindings[place].state is BindingState.ACTIVE
        self.forget(place)

    # ------------------------------------------------------------------------------------------ replies

    def _reply(self, kind: MessageType, message: Message, arrival: Arrival, pool: Pool, address: IPv4Address) -> None:
        every: dict[int, bytes] = {Code.MESSAGE_TYPE: bytes((kind,)), Code.SERVER: arrival.server.packed}
        for code in (Code.CLIENT, Code.RELAY_INFORMATION):  # RFC 6842, RFC 3046 §2.2
            if code in message.options:
                every[code] = message.options[code]
        if kind is not MessageType.NAK:
            subnet = Prefix.of(*pool.host) if pool.host is not None else surely(pool.network)
            asked = message.options.get(Code.PARAMETERS)
            given = {code: octets for code, octets in pool.options if asked is None or code in asked}
            every = {Code.SUBNET_MASK: subnet.netmask.packed, **given, **every}
        if address != UNSPECIFIED:
            lease = FOREVER if pool.lease is None else pool.lease
            every |= {
                Code.LEASE_TIME: seconds(lease),
                Code.RENEWAL_TIME: seconds(lease if lease == FOREVER else lease * 0.5),
                Code.REBINDING_TIME: seconds(lease if lease == FOREVER else lease * 0.875),
            }
        self.counts[f"DHCP{kind.name}"] += 1
        reply = Message(
            is_reply=True,
            xid=message.xid,
            hardware=message.hardware,
            hardware_type=message.hardware_type,
            broadcast=message.broadcast or (kind is MessageType.NAK and message.giaddr != UNSPECIFIED),
            ciaddr=message.ciaddr if kind is MessageType.ACK else UNSPECIFIED,
            yiaddr=address,
            siaddr=pool.next_server,
            giaddr=message.giaddr,
            file=pool.file,
            options=every,
        )
        self._send(reply, message, arrival)

    # ------------------------------------------------------------------------------------------ database

    def _changed(self) -> None:
        delay = self.config.write_delay
        if delay is not None and not self._context.is_running(self._write):
            self._context.start(self._write, delay)

    def _store(self) -> None:
        wall = self._context.ports.clock.wall(self._context.now).timestamp() - self._context.now
        kept = [
            [str(one.address), one.vrf, one.pool, one.identity.hex(), one.interface, one.ends and one.ends + wall]
            for one in self.bindings.values()
            if one.state is BindingState.ACTIVE and not one.manual
        ]
        self._context.emit(Store(STORED, json.dumps(kept).encode()))

    def _restore(self) -> None:
        now = self._context.now
        wall = self._context.ports.clock.wall(now).timestamp() - now
        for binding in _restored(self._context.ports.kept.get(STORED, b"[]"), wall):
            place = (binding.vrf, binding.address)
            if (binding.ends is None or binding.ends > now) and place not in self.bindings:
                self._add(binding)


def _restored(octets: bytes, wall: float) -> Iterator[Binding]:
    """Yield the bindings of a file; none if it is damaged."""
    try:
        for address, vrf, pool, identity, interface, ends in json.loads(octets):
            until = None if ends is None else float(ends) - wall
            place = (IPv4Address(address), str(vrf), str(pool), bytes.fromhex(identity), str(interface))
            yield Binding(*place, until, BindingState.ACTIVE)
    except (ValueError, TypeError):
        return


def _holds(pool: Pool, address: IPv4Address) -> bool:
    if pool.host is not None and pool.host[0] == address:
        return True
    network = pool.network
    return network is not None and 0 < int(address) - network.number < network.size - 1
