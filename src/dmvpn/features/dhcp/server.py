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

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix
from dmvpn.base.context import Context, TimerQueue
from dmvpn.base.errors import surely
from dmvpn.base.limits import Budgets, Limiter
from dmvpn.base.values import Mutable, Value
from dmvpn.features.dhcp import messages
from dmvpn.features.dhcp.leases import DECLINES, MOST, MOST_CONFLICTS, OFFERED, Binding, BindingState, Leases, Place
from dmvpn.features.dhcp.model import DhcpConfig, Drop, Pool
from dmvpn.features.dhcp.packet import FOREVER, Code, Message, MessageType, seconds

#: The file of bindings, in the router's storage.
STORED: Final = "dhcp-bindings"

_Place = tuple[str, IPv4Address]


class Conflict(Value):
    """An address that another station has. method: in IOS's words. at: seconds monotonic."""

    method: str
    at: float


class Arrival(Value):
    """How a message came. addresses: of the port, with prefix lengths. server: our address for the client.

    unicast: it was for this router alone.
    """

    interface: str
    vrf: str
    addresses: tuple[tuple[IPv4Address, int], ...]
    server: IPv4Address
    unicast: bool = False


class _Trial(Mutable):
    """An address that is pinged before it is offered. left: echo requests to send.

    token: in them, so that only a station that hears them can answer.
    """

    message: Message
    arrival: Arrival
    pool: Pool
    left: int
    token: bytes


class Server:
    """All pools of a router.

    drop: called with each message without an answer.
    send: called with each reply, the message that it answers, and how that came.
    ping: called with a VRF, an address and what the echo request holds.
    """

    def __init__(
        self,
        context: Context,
        drop: Callable[[Drop, Message], None],
        send: Callable[[Message, Message, Arrival], None],
        ping: Callable[[str, IPv4Address, bytes], None],
    ) -> None:
        self.config = DhcpConfig()
        self.leases = Leases(context, STORED, self._freed_again)
        self.bindings = self.leases.bindings
        self.conflicts: dict[Place, Conflict] = {}
        self.counts: Counter[str] = Counter()
        self._context, self._drop, self._send, self._ping = context, drop, send, ping
        self._trials: dict[_Place, _Trial] = {}
        self._by_hand: dict[_Place, None] = {}
        #: Of pools by name: the first address that no search has seen, and those that became free behind it.
        self._next: dict[str, int] = {}
        self._freed: dict[str, dict[IPv4Address, None]] = {}
        self._pings: TimerQueue[_Place] = TimerQueue(context, "no answer to a ping", self._unanswered, most=64)
        self._complaints: Limiter[str] = Limiter(60.0, 16)
        self._declines: Budgets[str] = Budgets(*DECLINES)

    # ------------------------------------------------------------------------------------------ configuration

    def configure(self, config: DhcpConfig) -> None:
        """Apply other lines: bindings whose pool no longer has their address end."""
        pools = {pool.name: pool for pool in config.pools}
        is_first, self.config = not self.config.pools, config
        self._by_hand = {(pool.vrf, pool.host[0]): None for pool in config.pools if pool.host is not None}
        self._next.clear()
        self._freed.clear()
        self.leases.keep(config.write_delay, restores=is_first and bool(config.pools))
        for place, binding in list(self.bindings.items()):
            pool = pools.get(binding.pool)
            is_other = pool is None or pool.vrf != binding.vrf or not _holds(pool, binding.address)
            if is_other or binding.manual != (place in self._by_hand):
                self.leases.forget(place)

    def clear_conflicts(self, address: IPAddress | None, vrf: str | None) -> None:
        """Forget conflicts: of one address or all, of one VRF or (None) all."""
        for place in [one for one in self.conflicts if address in (None, one[1]) and vrf in (None, one[0])]:
            del self.conflicts[place]
            self._freed.clear()
            self._next.clear()

    def current(self, pool: Pool) -> IPv4Address | None:
        """Return the address of a pool that is tried next, 0.0.0.0: none is known to be free."""
        if pool.network is None:
            return None
        at, freed = self._next.get(pool.name, pool.network.number + 1), self._freed.get(pool.name, {})
        return IPv4Address(at) if at < pool.network.number + pool.network.size - 1 else next(iter(freed), UNSPECIFIED)

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

    def answered(self, vrf: str, address: IPv4Address, token: bytes) -> None:
        """Note that a station answered a ping."""
        trial, place = self._trials.get((vrf, address)), (vrf, address)
        if trial is None or trial.token != token:
            return
        self.leases.forget(place)
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
        binding = self.leases.of_client.get((pool.vrf, pool.name, message.identity))
        if binding is None:
            address = manual or self._choose(message, arrival, pool)
            if address is None:
                return
            binding, place = self._keep(address, message, arrival, pool, manual), (pool.vrf, address)
            if manual is None and self.config.ping_packets:
                token = self._context.ports.entropy.octets(32)
                self._trials[place] = _Trial(message, arrival, pool, self.config.ping_packets, token)
                self._unanswered(place)
        if (binding.vrf, binding.address) not in self._trials:  # else the offer follows
            self._reply(MessageType.OFFER, message, arrival, pool, binding.address)

    def _unanswered(self, place: _Place) -> None:
        trial = self._trials[place]
        if trial.left:
            trial.left -= 1
            self._ping(*place, trial.token)
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
        self.leases.forget(place)  # of a `host` pool with two clients
        known = (pool.vrf, pool.name, message.identity, arrival.interface, until)
        binding = Binding(address, *known, manual=manual is not None, hardware=_hardware(message))
        self.leases.add(binding)
        return binding

    def _request(self, message: Message, arrival: Arrival, pool: Pool, manual: IPv4Address | None) -> None:
        chosen = message.address(Code.SERVER)
        binding = self.leases.of_client.get((pool.vrf, pool.name, message.identity))
        if chosen is not None and chosen != arrival.server:
            if binding is not None and binding.state is BindingState.SELECTING:
                self.leases.forget((binding.vrf, binding.address))  # it took the offer of another server
            return
        wanted = message.address(Code.REQUESTED_ADDRESS) or message.ciaddr
        if manual is not None and binding is None and wanted == manual:
            binding = self._keep(manual, message, arrival, pool, manual)
        if binding is not None and binding.address == wanted:
            self.leases.bind(binding, arrival.interface, None if binding.manual else pool.lease)
            self._reply(MessageType.ACK, message, arrival, pool, wanted)
        elif chosen is not None or arrival.unicast or binding is not None or not _holds(pool, wanted):
            self._reply(MessageType.NAK, message, arrival, pool, UNSPECIFIED)

    def _give_back(self, kind: MessageType, message: Message, arrival: Arrival) -> None:
        declined = kind is MessageType.DECLINE
        wanted = message.address(Code.REQUESTED_ADDRESS) if declined else message.ciaddr
        if wanted is None or (binding := self.bindings.get((arrival.vrf, wanted))) is None:
            return
        if binding.identity == message.identity:
            self.leases.forget((binding.vrf, wanted))
            if declined and self._declines.admit(arrival.interface, 1.0, self._context.now):
                self._conflict((binding.vrf, wanted), "Gratuitous ARP")

    def _conflict(self, place: _Place, method: str) -> None:
        self._context.emit(messages.conflicting(place[1], method))
        if self.config.logs_conflicts and len(self.conflicts) < MOST_CONFLICTS:
            self.conflicts[place] = Conflict(method, self._context.now)

    # ------------------------------------------------------------------------------------------ addresses

    def _choose(self, message: Message, arrival: Arrival, pool: Pool) -> IPv4Address | None:
        """Return the address to offer to a client without one; None: all are taken, or a share is."""
        known = (pool.vrf, pool.name, message.identity, arrival.interface, None)
        made = Binding(UNSPECIFIED, *known, hardware=_hardware(message))
        exhausted = self.leases.exhausted(made, len(self.config.pools))
        if exhausted is not None:
            self._drop(exhausted, message)
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
            self._context.emit(messages.pool_exhausted(pool.name))
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

    def _freed_again(self, binding: Binding) -> None:
        """Stop the pings of an address that is bound no more, and lease it again."""
        address = binding.address
        if not isinstance(address, IPv4Address):
            return
        if self._trials.pop((binding.vrf, address), None) is not None:
            self._pings.cancel((binding.vrf, address))
        freed = self._freed.setdefault(binding.pool, {})
        if len(freed) < MOST[Drop.POOL]:
            freed[address] = None
        else:  # look at all of them again
            freed.clear()
            self._next.pop(binding.pool, None)

    # ------------------------------------------------------------------------------------------ replies

    def _reply(self, kind: MessageType, message: Message, arrival: Arrival, pool: Pool, address: IPAddress) -> None:
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
            yiaddr=IPv4Address(int(address)),
            siaddr=pool.next_server,
            giaddr=message.giaddr,
            file=pool.file,
            options=every,
        )
        self._send(reply, message, arrival)


def _holds(pool: Pool, address: IPAddress) -> bool:
    if pool.host is not None and pool.host[0] == address:
        return True
    network = pool.network
    return network is not None and address.version == 4 and 0 < int(address) - network.number < network.size - 1


def _hardware(message: Message) -> bytes:
    """Return whose share a client takes a part of: all that name no hardware address have one."""
    return message.hardware or b"\0"
