"""The station, as RFC 2332 calls a router: what all parts of NHRP share, and the only door by which effects leave.

It holds the tunnels, the timers, the request identifiers, and the effects of the event that is being handled. Parts
append to these with the verbs below, so that every packet that leaves is counted, limited and shown to debugs.
"""

from __future__ import annotations

import enum
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.addresses import spelled
from dmvpn.base.chores import PAUSE, Chores
from dmvpn.base.deadlines import Deadlines
from dmvpn.base.effects import GRE_NHRP, Effect, SendGre
from dmvpn.base.entropy import fraction
from dmvpn.base.notices import DebugOutput, Log, Notice
from dmvpn.features.nhrp import debug, messages
from dmvpn.features.nhrp.connections import Wants, account_of, secured
from dmvpn.features.nhrp.debug import CONTAINING, Direction
from dmvpn.features.nhrp.model import NhrpConfig
from dmvpn.features.nhrp.packet import NhrpPacket, RegistrationReply
from dmvpn.features.nhrp.parts import Authentication, ClientInfo, ForwardTransitRecord, ReverseTransitRecord
from dmvpn.features.nhrp.past import told
from dmvpn.features.nhrp.reasons import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.ports import Ports
    from dmvpn.features.nhrp.cache import Entry, Neighbor
    from dmvpn.features.nhrp.shared import Shared
    from dmvpn.features.nhrp.tunnel import Tunnel

#: Seconds between two log lines about refused packets of one tunnel, unless `logging dmvpn rate-limit` says more.
REFUSAL_LOG_INTERVAL = 10.0
#: Kinds of messages whose last time is remembered. Some are about one peer, and there may be ever new peers.
LARGEST_LOGGED = 1024
#: Seconds between two looks at the traffic counters of a tunnel. Direct paths are watched closely, since nobody else
#: does it: a dead path is left within three seconds, echoes included, whether it was in use when it died or is taken
#: into use later. A dead server is noticed within ten seconds of traffic to it, within five if there is more traffic
#: than a routing protocol makes. The counters of clients are for the `used` flag.
POLL_PATHS = 1.0
POLL_IDLE_PATHS = 2.0
POLL_SERVERS = 3.0
POLL_BUSY_SERVERS = 1.0
POLL_CLIENTS = 10.0
#: Octets of IP and GRE header around a packet, for the debug line.
_ENCAPSULATION = 28
#: Entries, or adjacencies, that long work sees to in one event.
_STEPS: Final = 64


class TimerKind(enum.Enum):
    """What a timer is for; the subject of a `Timer` says whom it is about."""

    REGISTER = "an NHS client wants to act"
    EXPIRY = "an entry's holding time is over"
    REFRESH = "an entry is to be asked for again if it is used"
    RETRY = "a Resolution Request went unanswered"
    PURGE = "a Purge Request went unanswered"
    PROBE = "a path wants to act"
    POLL = "time to look at the traffic counters"
    MULTICAST = "the multicast list changed lately"
    NAME = "a host name is to be asked for again"
    RETURN = "a server that was silent has answered for a while"
    REPLY = "the direct way that a reply waits for did not come up"
    CHORES = "long work goes on"


class Timer(NamedTuple):
    """The name of a timer.

    subject: an address, a prefix, a request id or a host name.
    """

    kind: TimerKind
    tunnel: str
    subject: IPAddress | Prefix | int | str | None = None


#: Seconds in which a router that takes its leave says nothing more for itself. If it stays after all, it goes on then.
LEAVING: Final = 2.0


class Station:
    """See the module's docstring.

    now: the time of the event that is being handled, seconds.
    """

    def __init__(self, ports: Ports, shared: Shared, version: int) -> None:
        """Make a station.

        version: the IP version that it resolves.
        shared: what it has in common with the station of the other version.
        """
        self.ports = ports
        self.shared = shared
        self.version = version
        self.config = NhrpConfig()
        self.now = 0.0
        self.tunnels: dict[str, Tunnel] = {}
        self.deadlines: Deadlines[Timer] = Deadlines()
        self._chores = Chores(_STEPS)
        self._out: list[Effect | Notice] = []
        self.request_ids = shared.request_ids
        self._wants = Wants(version)
        self._touched: dict[tuple[str, IPAddress | None], None] = {}
        self._logged: dict[tuple[str, str], float] = {}
        self._leaves_until = 0.0

    # -------------------------------------------------------------------------------------------- the event at hand

    def begin(self, now: float) -> None:
        """Begin to handle an event."""
        self.now = now
        self._out = []

    def end(self) -> list[Effect | Notice]:
        """Return what must be done now that the event was handled."""
        if self._touched:
            touched, self._touched = self._touched, {}
            self._out += self._wants.settle(touched, self.tunnels, self.ports.protection)
        return self._out

    def touch(self, tunnel: Tunnel, *nbmas: IPAddress | None) -> None:
        """Note that something that leads to these addresses came or went: perhaps they are wanted now, or no more."""
        if tunnel.protected:
            self._touched.update(((tunnel.name, nbma), None) for nbma in nbmas if nbma is not None)

    def touch_all(self, tunnel: Tunnel) -> None:
        """Note that the tunnel came up, went down, or is configured differently."""
        if tunnel.protected or self._wants.are_known_of(tunnel.name):
            self._touched[tunnel.name, None] = None

    def emit(self, *results: Effect | Notice) -> None:
        """Have these things done, in this order."""
        self._out.extend(results)

    def work(self, work: Iterator[None]) -> None:
        """Do long work: some of it now, the rest in later events."""
        self._chores.begin(work)
        self._go_on_later()

    def go_on(self) -> None:
        """Do some more of the long work."""
        self._chores.go_on()
        self._go_on_later()

    def finish_work(self) -> None:
        """Do all of the long work that is left."""
        self._chores.finish()

    def _go_on_later(self) -> None:
        if self._chores.is_busy:
            self.deadlines.set(Timer(TimerKind.CHORES, ""), self.now + PAUSE)

    def leave(self) -> None:
        """Say nothing more for a moment: the router takes back what it has told, and news would outlive it."""
        self._leaves_until = self.now + LEAVING

    @property
    def is_leaving(self) -> bool:
        """Return whether the router may be gone in a moment. Then it neither registers nor answers for itself."""
        return self.now < self._leaves_until

    def next_request_id(self) -> int:
        """Return a new request identifier, RFC 2332 §5.2.0.1. An order to store it goes out before the request."""
        identifier, store = self.request_ids.next()
        if store is not None:
            self.emit(store)
        return identifier

    # -------------------------------------------------------------------------------------------- look-ups

    def network(self, tunnel: Tunnel) -> Iterator[Tunnel]:
        """Yield the running tunnels of the same NHRP network, `tunnel` first."""
        yield tunnel
        for other in self.tunnels.values():
            if other is not tunnel and other.running and other.network_id == tunnel.network_id:
                yield other

    def owns(self, address: IPAddress) -> bool:
        """Return whether it is an address of this router."""
        return self.ports.interfaces.owner(address) is not None

    def same_network(self, tunnel: Tunnel, interface: str) -> Tunnel | None:
        """Return the running tunnel of this name, if it belongs to the same NHRP network."""
        other = self.tunnels.get(interface)
        return other if other is not None and other.running and other.network_id == tunnel.network_id else None

    def own_entry(self, tunnel: Tunnel, prefix_length: int | None = None) -> ClientInfo:
        """Make a CIE that names this station: for records, as responder, as answer for a prefix of `prefix_length`."""
        address, nbma = tunnel.own
        return ClientInfo(
            prefix_length=address.max_prefixlen if prefix_length is None else prefix_length,
            mtu=tunnel.mtu,
            holding_time=tunnel.config.holdtime,
            preference=255,
            nbma=nbma,
            protocol=address,
        )

    def responder(self, tunnel: Tunnel) -> ClientInfo:
        """Make a CIE that names this station as responder, by the address of `ip nhrp responder` if that has one."""
        own, interface = self.own_entry(tunnel), self.ports.interfaces.get(tunnel.config.responder)
        address = interface.primary(self.version) if interface is not None else None
        if address is None:
            return own
        return replace(own, prefix_length=address.max_prefixlen, protocol=address)

    def records(self, tunnel: Tunnel) -> tuple[ForwardTransitRecord | ReverseTransitRecord, ...]:
        """Return the records in which servers on the way name themselves; none with `no ip nhrp record`."""
        return (ForwardTransitRecord(), ReverseTransitRecord()) if tunnel.config.record else ()

    def authentication(self, tunnel: Tunnel) -> tuple[Authentication, ...]:
        """Return the extension that every packet out of this tunnel carries, if a password is configured."""
        password = tunnel.config.password
        return (Authentication(data=password),) if password else ()

    # -------------------------------------------------------------------------------------------- packets

    def secured(self, tunnel: Tunnel, to: Neighbor) -> Neighbor | None:
        """Return where packets go now, and over which connection. None: nothing protects them, so none may go."""
        return secured(self.ports.protection, tunnel, to) if tunnel.protected else to

    def send(self, tunnel: Tunnel, to: Neighbor, packet: NhrpPacket, *, forwarded: bool = False) -> bool:
        """Send a packet straight to a station. Returns False if nothing protects it, or `max-send` forbids it."""
        counters, nbma = tunnel.counters, to.nbma
        way = secured(self.ports.protection, tunnel, to) if tunnel.protected else to
        if way is None:
            counters.count_refused(Refusal.UNPROTECTED)
            self.debug("nhrp error", tunnel, lambda: debug.unprotected_line(packet, tunnel.name), nbma)
            return False
        if not isinstance(packet, RegistrationReply) and not tunnel.limit.take(self.now):
            counters.count_refused(Refusal.SEND_LIMIT)
            self.debug("nhrp rate", tunnel, lambda: debug.over_limit_line(packet, tunnel.name), nbma)
            return False
        octets = packet.serialize()
        if forwarded:
            counters.count_forwarded(packet.TYPE)
        else:
            counters.count_sent(packet.TYPE)
        tunnel.count_own(way)
        self.show(Direction.FORWARD if forwarded else Direction.SEND, tunnel, nbma, packet, len(octets))
        self.emit(SendGre(tunnel.name, nbma, GRE_NHRP, octets, connection=way.connection))
        return True

    def show(self, direction: Direction, tunnel: Tunnel, nbma: IPAddress, packet: NhrpPacket, size: int) -> None:
        """Tell the chronicle and the debugs about a packet.

        size: its octets.
        """
        if self.ports.remembers:
            self.emit(told(direction, packet, tunnel.name, nbma))
        if not self.ports.debugging.anything:
            return
        to_us = packet.source_protocol != tunnel.address
        peer = packet.source_protocol if to_us else packet.destination_protocol
        general, parts, extensions = (
            self.debugs(flag, tunnel, nbma, address=peer) for flag in ("nhrp", "nhrp packet", "nhrp extension")
        )
        if not (general or parts or extensions):
            return
        lines = [debug.packet_line(direction, packet, tunnel.name, size)]
        if parts:
            lines += debug.packet_lines(packet, size)
        elif direction is not Direction.RECEIVE or self.debugs("nhrp detail", tunnel, nbma, address=peer):
            lines.append(debug.addresses_line(packet))
        if extensions:
            lines += debug.extension_lines(packet)
        if direction is not Direction.RECEIVE:
            lines += debug.sent_lines(tunnel.name, nbma, size + _ENCAPSULATION)
        self.emit(DebugOutput(tuple(lines)))

    def debugs(
        self, flag: str, tunnel: Tunnel, nbma: IPAddress | None = None, *, address: IPAddress | None = None
    ) -> bool:
        """Return whether this debug, or one that contains it, is on for this tunnel and peer (NBMA, tunnel address)."""
        if not self.ports.debugging.anything:
            return False
        on, name = self.ports.debugging.on, tunnel.name
        return any(on(each, nbma, address=address, interface=name) for each in (flag, *CONTAINING.get(flag, ())))

    def debug(
        self,
        flag: str,
        tunnel: Tunnel,
        line: Callable[[], str],
        nbma: IPAddress | None = None,
        *,
        address: IPAddress | None = None,
    ) -> None:
        """Write one line of a debug, which is made only if somebody wants it."""
        if self.debugs(flag, tunnel, nbma, address=address):
            self.emit(DebugOutput((line(),)))

    def believes(self, tunnel: Tunnel, sender: Neighbor, nbma: IPAddress, *, asked: bool = False) -> bool:
        """Return whether this station's word may lead IKE to the address.

        asked: it answers a question of ours.
        """
        known = nbma == sender.nbma or self.ports.protection.is_wanted(tunnel.name, nbma)
        account = account_of(self.ports.protection, sender)
        if self.shared.hearsay.believes(tunnel, account, nbma, now=self.now, asked=asked, known=known):
            return True
        self.debug("nhrp error", tunnel, lambda: debug.held_back_line(tunnel.name, nbma, sender.nbma), nbma)
        return False

    # -------------------------------------------------------------------------------------------- logs

    def log(self, message: Log, *, about: str = "", interval: float = 0.0) -> None:
        """Write a message, unless one of its kind came less than `interval` seconds ago.

        about: tells kinds apart that share a name.
        """
        if interval:
            kind = (message.name, about)
            last = self._logged.get(kind)
            if last is not None and self.now - last < interval:
                return
            self._logged.pop(kind, None)
            self._logged[kind] = self.now
            if len(self._logged) > LARGEST_LOGGED:
                del self._logged[next(iter(self._logged))]
        self.emit(message)

    def log_dmvpn(self, message: Log, *, about: str = "", interval: float = 0.0) -> None:
        """Write a `%DMVPN-` message if `logging dmvpn` is configured."""
        if self.config.logging:
            self.log(message, about=about, interval=max(interval, float(self.config.rate_limit)))

    def refuse(self, tunnel: Tunnel, why: Refusal, nbma: IPAddress, detail: str = "") -> None:
        """Count a packet from this address that is dropped without an answer; write one log line for many."""
        tunnel.counters.count_refused(why)
        text = f"{why.value} ({detail})" if detail else why.value
        message = messages.PacketRefused.of(tunnel.name, nbma, text)
        self.log_dmvpn(message, about=f"{tunnel.name} {why.name}", interval=REFUSAL_LOG_INTERVAL)
        self.debug("nhrp error", tunnel, lambda: f"NHRP: {tunnel.name}: packet from {nbma} refused: {text}", nbma)

    # -------------------------------------------------------------------------------------------- traffic

    def watch_traffic(self, tunnel: Tunnel, *, again: bool = False) -> None:
        """Look at the traffic counters of the tunnel before long, as often as its peers need.

        The first look comes at any time within the interval. Otherwise spokes that started together would all notice at
        one moment that their hub is gone, and would all ask it at once when it is back.

        again: it was looked at just now.
        """
        timer = Timer(TimerKind.POLL, tunnel.name)
        if tunnel.paths:
            interval = POLL_PATHS if self._paths_in_use(tunnel) else POLL_IDLE_PATHS
        elif tunnel.clients:
            hurries = tunnel.config.watch_servers or tunnel.server_is_busy(self.now)
            interval = POLL_BUSY_SERVERS if hurries else POLL_SERVERS
        else:
            interval = POLL_CLIENTS
        due = self.deadlines.when(timer)
        if tunnel.running and len(tunnel.cache) and (due is None or due > self.now + interval):
            first = due is None and not again
            self.deadlines.set(timer, self.now + interval * (fraction(self.ports.entropy) if first else 1.0))

    def _paths_in_use(self, tunnel: Tunnel) -> bool:
        return any(path.waits or tunnel.carries(path.neighbor, self.now) for path in tunnel.paths.values())

    # -------------------------------------------------------------------------------------------- entries

    def add_entry(self, tunnel: Tunnel, entry: Entry) -> None:
        """Put an entry into the cache and let its time run."""
        tunnel.cache.add(entry)
        self.touch(tunnel, entry.nbma)
        self.time_entry(tunnel, entry)
        self.watch_traffic(tunnel)
        self.debug(
            "nhrp cache",
            tunnel,
            lambda: _changed(tunnel, "add", entry),
            entry.nbma,
            address=entry.next_hop,
        )

    def move_entry(self, tunnel: Tunnel, entry: Entry, to: Neighbor) -> None:
        """Let the peer of an entry be elsewhere, or be reached over another connection."""
        self.touch(tunnel, entry.nbma, to.nbma)
        tunnel.cache.move(entry, to)

    def time_entry(self, tunnel: Tunnel, entry: Entry) -> None:
        """Let the time of an entry run (again)."""
        timer = Timer(TimerKind.EXPIRY, tunnel.name, entry.target)
        if entry.expires is None:
            self.deadlines.cancel(timer)
        else:
            self.deadlines.set(timer, entry.expires)

    def remove_entry(self, tunnel: Tunnel, entry: Entry) -> None:
        """Take an entry out of the cache, and its timers."""
        tunnel.cache.remove(entry.target)
        self.touch(tunnel, entry.nbma)
        self.deadlines.cancel(Timer(TimerKind.EXPIRY, tunnel.name, entry.target))
        self.deadlines.cancel(Timer(TimerKind.REFRESH, tunnel.name, entry.target))
        self.debug(
            "nhrp cache",
            tunnel,
            lambda: _changed(tunnel, "delete", entry),
            entry.nbma,
            address=entry.next_hop,
        )


def _changed(tunnel: Tunnel, how: str, entry: Entry) -> str:
    target, next_hop = spelled(entry.target), spelled(entry.next_hop)
    return f"NHRP: {tunnel.name}: Cache {how} for target {target} next-hop {next_hop}"
