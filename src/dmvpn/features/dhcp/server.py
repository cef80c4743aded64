"""The server: pools, bindings and conflicts (RFC 2131 §4.3).

    DISCOVER -> pool of the link -> address: bound before, asked for, or the next free one -> pings -> OFFER
    REQUEST  -> of this client? -> ACK, else NAK where the address cannot be right; without a record: silence

The link is that of the relay agent's address, or the port that the message came by; of a client that renews its lease
by a unicast it is the client's own. An address is offered for `OFFERED` seconds. Nothing waits for the
pings: the offer leaves when the last one was not answered. Each port has a share of the offers that are not taken yet,
so a flood of strangers on one port leaves the addresses of other ports alone.
"""

from __future__ import annotations

import enum
import json
from collections import Counter
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import UNSPECIFIED, Prefix
from dmvpn.base.context import Timer, TimerQueue
from dmvpn.base.effects import Store
from dmvpn.base.errors import surely
from dmvpn.base.limits import Limiter
from dmvpn.base.values import dataclass
from dmvpn.features.dhcp import messages
from dmvpn.features.dhcp.model import DhcpConfig
from dmvpn.features.dhcp.packet import FOREVER, Code, Message, MessageType, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dmvpn.base.context import Context
    from dmvpn.features.dhcp.model import Pool

#: Seconds for which an address is kept for a client that got an offer.
OFFERED: Final = 60.0
#: Offers of one port that are not taken yet, and bindings of a router.
MOST_OFFERS: Final = 256
MOST_BINDINGS: Final = 65_536
#: The file of bindings, in the router's storage.
STORED: Final = "dhcp-bindings"

_Place = tuple[str, IPv4Address]


class BindingState(enum.Enum):
    """As `show ip dhcp binding` says it."""

    SELECTING = "Selecting"
    ACTIVE = "Active"


@dataclass(slots=True)
class Binding:
    """An address of a client. ends: seconds monotonic, None: never. interface: the port that the client came by."""

    address: IPv4Address
    vrf: str
    pool: str
    identity: bytes
    interface: str
    ends: float | None
    state: BindingState = BindingState.SELECTING
    manual: bool = False


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

    send: called with each reply, the message that it answers, and how that came.
    ping: called with a VRF and an address.
    """

    def __init__(
        self,
        context: Context,
        send: Callable[[Message, Message, Arrival], None],
        ping: Callable[[str, IPv4Address], None],
    ) -> None:
        self.config = DhcpConfig()
        self.bindings: dict[_Place, Binding] = {}
        self.conflicts: dict[_Place, Conflict] = {}
        self.counts: Counter[str] = Counter()
        self._context, self._send, self._ping = context, send, ping
        self._of_client: dict[tuple[str, bytes], Binding] = {}
        self._trials: dict[_Place, _Trial] = {}
        #: Addresses that are pinged or offered, and the ports of the clients.
        self._waiting: dict[_Place, str] = {}
        self._next: dict[str, int] = {}
        self._ends: TimerQueue[_Place] = TimerQueue(context, "a lease is over", self._end, most=64)
        self._pings: TimerQueue[_Place] = TimerQueue(context, "no answer to a ping", self._unanswered, most=64)
        self._write = Timer("write the bindings", self._store)
        self._complaints: Limiter[str] = Limiter(60.0, 16)

    # ------------------------------------------------------------------------------------------ configuration

    def configure(self, config: DhcpConfig) -> None:
        """Apply other lines: bindings whose pool no longer has their address end."""
        pools = {pool.name: pool for pool in config.pools}
        is_first, self.config = not self.config.pools, config
        if is_first and config.pools and config.write_delay is not None:
            self._restore()
        for place, binding in list(self.bindings.items()):
            pool = pools.get(binding.pool)
            if pool is None or pool.vrf != binding.vrf or not _holds(pool, binding.address):
                self.forget(place)

    def clear(self, address: IPv4Address | None, vrf: str | None, *, conflicts: bool) -> None:
        """Forget bindings or conflicts: of one address or all, of one VRF or (None) all."""
        for place in list(self.conflicts if conflicts else self.bindings):
            if address in (None, place[1]) and vrf in (None, place[0]):
                if conflicts:
                    del self.conflicts[place]
                else:
                    self.forget(place)

    def current(self, pool: Pool) -> IPv4Address | None:
        """Return the address of a pool that is tried next."""
        network = pool.network
        return IPv4Address(self._next.get(pool.name, network.number + 1)) if network is not None else None

    # ------------------------------------------------------------------------------------------ messages

    def hear(self, message: Message, arrival: Arrival) -> bool:
        """Take a message of a client, or of its relay agent; False: no pool is for its link."""
        kind, found = message.type, self._pool_of(message, arrival)
        if found is None:
            return False
        self.counts[f"DHCP{kind.name}" if kind is not None else "BOOTREQUEST"] += 1
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
        trial = self._trials.pop((vrf, address), None)
        if trial is None:
            return
        self._pings.cancel((vrf, address))
        del self._waiting[vrf, address]
        self._conflict((vrf, address), "Ping")
        if (vrf, address) in self.conflicts:  # else the client asks again, and another address is next
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
        identity = message.identity
        known = self._of_client.get((pool.name, identity))
        if known is None and sum(port == arrival.interface for port in self._waiting.values()) >= MOST_OFFERS:
            return
        if any(trial.message.identity == identity and trial.pool is pool for trial in self._trials.values()):
            return  # the offer follows
        if known is not None or manual is not None:
            self._offer(known.address if known is not None else manual or UNSPECIFIED, message, arrival, pool, manual)
            return
        address = self._choose(message, arrival, pool)
        if address is None:
            if self._complaints.permits(pool.name, self._context.now):
                self._context.emit(messages.PoolExhausted.of(pool.name))
        elif self.config.ping_packets:
            self._trials[pool.vrf, address] = _Trial(message, arrival, pool, self.config.ping_packets)
            self._waiting[pool.vrf, address] = arrival.interface
            self._unanswered((pool.vrf, address))
        else:
            self._offer(address, message, arrival, pool, None)

    def _unanswered(self, place: _Place) -> None:
        trial = self._trials[place]
        if trial.left:
            trial.left -= 1
            self._ping(*place)
            self._pings.set(place, self._context.now + self.config.ping_timeout)
        else:
            del self._trials[place], self._waiting[place]
            if trial.pool in self.config.pools and place not in self.bindings:
                self._offer(place[1], trial.message, trial.arrival, trial.pool, None)

    def _offer(
        self, address: IPv4Address, message: Message, arrival: Arrival, pool: Pool, manual: IPv4Address | None
    ) -> None:
        self._kept(address, message, arrival, pool, manual)
        self._reply(MessageType.OFFER, message, arrival, pool, address)

    def _kept(
        self, address: IPv4Address, message: Message, arrival: Arrival, pool: Pool, manual: IPv4Address | None
    ) -> Binding:
        """Return the binding of an address, which is kept for this client for a while if it was free."""
        place = (pool.vrf, address)
        if place not in self.bindings:
            until = self._context.now + OFFERED
            binding = Binding(address, pool.vrf, pool.name, message.identity, arrival.interface, until)
            binding.manual = manual is not None
            self.bindings[place] = self._of_client[pool.name, message.identity] = binding
            self._waiting[place] = arrival.interface
            self._ends.set(place, until)
        return self.bindings[place]

    def _request(self, message: Message, arrival: Arrival, pool: Pool, manual: IPv4Address | None) -> None:
        chosen, binding = message.address(Code.SERVER), self._of_client.get((pool.name, message.identity))
        if chosen is not None and chosen != arrival.server:
            if binding is not None and binding.state is BindingState.SELECTING:
                self.forget((binding.vrf, binding.address))  # it took the offer of another server
            return
        wanted = message.address(Code.REQUESTED_ADDRESS) or message.ciaddr
        if manual is not None and binding is None and wanted == manual:
            binding = self._kept(manual, message, arrival, pool, manual)
        if binding is not None and binding.address == wanted:
            self._bind(binding, pool, arrival.interface)
            self._reply(MessageType.ACK, message, arrival, pool, wanted)
        elif chosen is not None or arrival.unicast or binding is not None or not _holds(pool, wanted):
            self._reply(MessageType.NAK, message, arrival, pool, UNSPECIFIED)

    def _bind(self, binding: Binding, pool: Pool, interface: str) -> None:
        place = (binding.vrf, binding.address)
        self._waiting.pop(place, None)
        binding.state, binding.interface = BindingState.ACTIVE, interface
        binding.ends = self._context.now + pool.lease if pool.lease is not None and not binding.manual else None
        if binding.ends is None:
            self._ends.cancel(place)
        else:
            self._ends.set(place, binding.ends)
        self._changed()

    def _give_back(self, kind: MessageType, message: Message, arrival: Arrival) -> None:
        declined = kind is MessageType.DECLINE
        wanted = message.address(Code.REQUESTED_ADDRESS) if declined else message.ciaddr
        if wanted is None or (binding := self.bindings.get((arrival.vrf, wanted))) is None:
            return
        if binding.identity == message.identity:
            self.forget((binding.vrf, wanted))
            if declined:
                self._conflict((binding.vrf, wanted), "Gratuitous ARP")

    def _conflict(self, place: _Place, method: str) -> None:
        self._context.emit(messages.Conflicting.of(place[1], method))
        if self.config.logs_conflicts and len(self.conflicts) < MOST_BINDINGS:
            self.conflicts[place] = Conflict(method, self._context.now)

    # ------------------------------------------------------------------------------------------ addresses

    def _choose(self, message: Message, arrival: Arrival, pool: Pool) -> IPv4Address | None:
        """Return the address to offer to a client without one; None: all are taken."""
        network = pool.network
        if network is None or len(self.bindings) + len(self._trials) >= MOST_BINDINGS:
            return None
        own = {address: None for address, _ in arrival.addresses}
        wanted = message.address(Code.REQUESTED_ADDRESS)
        if wanted is not None and _holds(pool, wanted) and self._is_free(pool, wanted, own):
            return wanted
        first, last = network.number + 1, network.number + network.size - 2
        start = min(max(self._next.get(pool.name, first), first), last)
        for low, high in ((start, last), (first, start - 1)):
            at = low
            while at <= high:
                beyond = self._beyond(pool, at)
                if beyond == at and self._is_free(pool, IPv4Address(at), own):
                    self._next[pool.name] = at + 1 if at < last else first
                    return IPv4Address(at)
                at = max(beyond, at + 1)
        return None

    def _is_free(self, pool: Pool, address: IPv4Address, own: Mapping[IPv4Address, None]) -> bool:
        place = (pool.vrf, address)
        is_taken = place in self.bindings or place in self._trials or place in self.conflicts or address in own
        by_hand = any(other.host is not None and other.host[0] == address for other in self.config.pools)
        return not (is_taken or by_hand or self._beyond(pool, int(address)) != int(address))

    def _beyond(self, pool: Pool, number: int) -> int:
        """Return the first address from here on that no line excludes."""
        for one in self.config.excluded:
            if one.vrf == pool.vrf and int(one.first) <= number <= int(one.last):
                return int(one.last) + 1
        return number

    def forget(self, place: _Place) -> None:
        """Forget a binding."""
        binding = self.bindings.pop(place, None)
        if binding is not None:
            self._of_client.pop((binding.pool, binding.identity), None)
            self._waiting.pop(place, None)
            self._ends.cancel(place)
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
                self.bindings[place] = self._of_client[binding.pool, binding.identity] = binding
                if binding.ends is not None:
                    self._ends.set(place, binding.ends)


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
