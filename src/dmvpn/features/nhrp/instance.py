"""NHRP of one IP version on this router: what all its parts share, and the only door by which packets leave.

It holds the tunnels, the timers of their entries, the request identifiers, and the context of the current event. Parts
send through the methods below, so that every packet that leaves is counted, limited and shown to debugs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix, spelled
from dmvpn.base.chronicle import LateLine
from dmvpn.base.context import Context, TimerQueue
from dmvpn.base.effects import GRE_NHRP, Effect, PollUsage, SendGre
from dmvpn.base.entropy import fraction
from dmvpn.base.notices import DebugOutput, InterfaceState, Log, Notice
from dmvpn.base.ports import NO_ROUTES, Rib
from dmvpn.features.nhrp import debug, messages
from dmvpn.features.nhrp.cache import Entry, NbmaPeer
from dmvpn.features.nhrp.connections import SenderStanding, Wants, account_of, secured
from dmvpn.features.nhrp.debug import CONTAINING, Processing
from dmvpn.features.nhrp.history import message_line, spell_octets
from dmvpn.features.nhrp.model import NhrpConfig
from dmvpn.features.nhrp.packet import NhrpPacket, PacketType, RegistrationReply
from dmvpn.features.nhrp.parts import Authentication, ClientInfo, ForwardTransitRecord, ReverseTransitRecord
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.features.nhrp.shared import OF_SERVERS, Shared
from dmvpn.features.nhrp.tunnel import Tunnel

EntryCallback = Callable[[tuple[str, Prefix]], None]

#: Seconds between two log lines about refused packets of one tunnel, unless `logging dmvpn rate-limit` says more.
REFUSAL_LOG_INTERVAL = 10.0
#: Kinds of messages whose last time is stored. Some concern one peer, and the number of peers has no limit.
LARGEST_LOGGED = 1024
#: Seconds between two polls of the traffic counters of a tunnel. Direct paths are watched closely, since no routing
#: protocol does it: a dead path is left within three seconds, echoes included, whether it was in use when it died or is
#: taken into use later. A dead server is noticed within ten seconds of traffic to it, within five if there is more
#: traffic than a routing protocol makes. The counters of clients are for the `used` flag.
POLL_PATHS = 1.0
POLL_IDLE_PATHS = 2.0
POLL_SERVERS = 3.0
POLL_BUSY_SERVERS = 1.0
POLL_CLIENTS = 10.0
#: Octets of IP and GRE header around a packet, for the debug line.
_ENCAPSULATION = 28
#: Entries that expire, or are requested again, in one event.
_AT_ONCE: Final = 64


#: Seconds in which a router that leaves sends nothing more for itself. If it stays after all, it continues then.
LEAVING: Final = 2.0


class Instance:
    """See the module's docstring."""

    def __init__(
        self, context: Context, shared: Shared, version: int, expire: EntryCallback, refresh: EntryCallback
    ) -> None:
        """Make an instance.

        version: the IP version that it resolves.
        shared: the state in common with the station of the other version.
        expire: called with tunnel and target when the holding time of an entry may be over.
        refresh: called with them when an entry is to be requested again.
        """
        self.context = context
        self.ports = context.ports
        self.shared = shared
        self.version = version
        self.config = NhrpConfig()
        self.tunnels: dict[str, Tunnel] = {}
        self._expiry = TimerQueue(context, "let an entry go whose holding time is over", expire, most=_AT_ONCE)
        self._refresh = TimerQueue(context, "ask again for an entry that is used", refresh, most=_AT_ONCE)
        self.request_ids = shared.request_ids
        self._wants = Wants(version)
        self._touched: dict[tuple[str, IPAddress | None], None] = {}
        self._logged: dict[tuple[str, str], float] = {}
        self._leaves_until = 0.0

    # -------------------------------------------------------------------------------------------- the current event

    def settle(self) -> None:
        """Complete an event: report changes of the wanted peers to IPsec."""
        if self._touched:
            touched, self._touched = self._touched, {}
            self.context.emit(*self._wants.settle(touched, self.tunnels, self.ports.protection))

    def touch(self, tunnel: Tunnel, *nbmas: IPAddress | None) -> None:
        """Record that an entry that leads to these addresses came or went: they may have become wanted or unwanted."""
        if tunnel.protected:
            self._touched.update(((tunnel.name, nbma), None) for nbma in nbmas if nbma is not None)

    def touch_all(self, tunnel: Tunnel) -> None:
        """Record that the tunnel came up, went down, or is configured differently."""
        if tunnel.protected or self._wants.are_known_of(tunnel.name):
            self._touched[tunnel.name, None] = None

    def leave(self) -> None:
        """Send nothing of our own for a moment: the router withdraws its bindings, and new ones would outlive it."""
        self._leaves_until = self.context.now + LEAVING

    @property
    def is_leaving(self) -> bool:
        """Return whether the router is about to stop. Then it neither registers nor answers for itself."""
        return self.context.now < self._leaves_until

    def next_request_id(self) -> int:
        """Return a new request identifier, RFC 2332 §5.2.0.1.

        The order to store the ceiling goes out before the request.
        """
        identifier, store = self.request_ids.next()
        if store is not None:
            self.context.emit(store)
        return identifier

    # -------------------------------------------------------------------------------------------- look-ups

    def network(self, tunnel: Tunnel) -> Iterator[Tunnel]:
        """Yield the running tunnels of the same NHRP network, `tunnel` first. A network is in one VRF."""
        yield tunnel
        for other in self.tunnels.values():
            if other is not tunnel and other.running and other.network == tunnel.network:
                yield other

    def owner(self, tunnel: Tunnel, address: IPAddress) -> InterfaceState | None:
        """Return the interface of this router that has the address in the VRF of the packets inside."""
        return self.ports.interfaces.owner(address, tunnel.config.vrf)

    def owns(self, tunnel: Tunnel, address: IPAddress) -> bool:
        """Return whether the address belongs to this router, in the VRF of the packets inside."""
        return self.owner(tunnel, address) is not None

    def rib(self, tunnel: Tunnel) -> Rib:
        """Return the routing table of the packets inside."""
        return self.ports.rib_of(tunnel.config.vrf) or NO_ROUTES

    def same_network(self, tunnel: Tunnel, interface: str) -> Tunnel | None:
        """Return the running tunnel of this name, if it belongs to the same NHRP network."""
        other = self.tunnels.get(interface)
        return other if other is not None and other.running and other.network == tunnel.network else None

    def own_entry(self, tunnel: Tunnel, prefix_length: int | None = None) -> ClientInfo:
        """Make a CIE that identifies this station: for records, as responder, as answer for a prefix of
        `prefix_length`.
        """
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
        """Make a CIE that identifies this station as responder, by the address of `ip nhrp responder` if there
        is one.
        """
        own, interface = self.own_entry(tunnel), self.ports.interfaces.get(tunnel.config.responder)
        address = interface.primary(self.version) if interface is not None else None
        if address is None:
            return own
        return replace(own, prefix_length=address.max_prefixlen, protocol=address)

    def records(self, tunnel: Tunnel) -> tuple[ForwardTransitRecord | ReverseTransitRecord, ...]:
        """Return the records to which servers on the way add themselves; none with `no ip nhrp record`."""
        return (ForwardTransitRecord(), ReverseTransitRecord()) if tunnel.config.record else ()

    def authentication(self, tunnel: Tunnel) -> tuple[Authentication, ...]:
        """Return the extension that every packet out of this tunnel carries, if a password is configured."""
        password = tunnel.config.password
        return (Authentication(data=password),) if password else ()

    # -------------------------------------------------------------------------------------------- packets

    def secured(self, tunnel: Tunnel, to: NbmaPeer) -> NbmaPeer | None:
        """Return where packets go now, and over which connection. None: nothing protects them, so none may go."""
        return secured(self.ports.protection, tunnel, to) if tunnel.protected else to

    def send(self, tunnel: Tunnel, to: NbmaPeer, packet: NhrpPacket, *, forwarded: bytes = b"") -> bool:
        """Send a packet straight to a station. Returns False if nothing protects it, or `max-send` forbids it.

        forwarded: the octets of a packet that came from another station.
        """
        counters, nbma = tunnel.counters, to.nbma
        way = secured(self.ports.protection, tunnel, to) if tunnel.protected else to
        if way is None:
            counters.count_refused(Refusal.UNPROTECTED)
            self.debug("nhrp error", tunnel, lambda: debug.unprotected_line(packet, tunnel.name), nbma)
            return False
        if type(packet) is not RegistrationReply and not tunnel.limit.take(self.context.now):
            counters.count_refused(Refusal.SEND_LIMIT)
            self.debug("nhrp rate", tunnel, lambda: debug.over_limit_line(packet, tunnel.name), nbma)
            return False
        octets = forwarded or packet.serialize()
        if forwarded:
            counters.count_forwarded(packet.TYPE)
        else:
            counters.count_sent(packet.TYPE)
        tunnel.count_own(way)
        self.show(Processing.FORWARD if forwarded else Processing.SEND, tunnel, nbma, packet, octets)
        self.context.emit(SendGre(tunnel.name, nbma, GRE_NHRP, octets, connection=way.connection))
        return True

    def answer_registration(self, tunnel: Tunnel, to: NbmaPeer, reply: bytes, *, again: bytes = b"") -> None:
        """Send a reply to a registration that was made of another one. No debug is on.

        again: the request, if it repeats the client's last one, so that nothing was done with it yet.
        """
        name, nbma = tunnel.name, to.nbma
        if again:
            tunnel.counters.count_received(PacketType.REGISTRATION_REQUEST)
        tunnel.counters.count_sent(PacketType.REGISTRATION_REPLY)
        tunnel.count_own(to)
        out: list[Effect | Notice] = []
        if self.ports.remembers:
            if again:
                out.append(LateLine(spell_octets, values=(Processing.RECEIVE, name, nbma, again)))
            out.append(LateLine(spell_octets, values=(Processing.SEND, name, nbma, reply)))
        self.context.emit(*out, SendGre(name, nbma, GRE_NHRP, reply, connection=to.connection))

    def show(self, direction: Processing, tunnel: Tunnel, nbma: IPAddress, packet: NhrpPacket, octets: bytes) -> None:
        """Pass a packet to the chronicle and the debugs."""
        if self.ports.remembers:
            self.context.emit(message_line(direction, packet, tunnel.name, nbma, octets))
        if not self.ports.debugging.anything:
            return
        size = len(octets)
        to_us = packet.source_protocol != tunnel.address
        peer = packet.source_protocol if to_us else packet.destination_protocol
        general, parts, extensions = (
            self.debugs(flag, tunnel, nbma, address=peer) for flag in ("nhrp", "nhrp packet", "nhrp extension")
        )
        if not (general or parts or extensions):
            return
        lines = [debug.packet_line(direction, packet, tunnel.name, size, tunnel.config.vrf)]
        if parts:
            lines += debug.packet_lines(packet, size)
        elif direction is not Processing.RECEIVE or self.debugs("nhrp detail", tunnel, nbma, address=peer):
            lines.append(debug.addresses_line(packet))
        if extensions:
            lines += debug.extension_lines(packet)
        if direction is not Processing.RECEIVE:
            lines += debug.sent_lines(tunnel.name, nbma, size + _ENCAPSULATION)
        self.context.emit(DebugOutput(tuple(lines)))

    def debugs(
        self, flag: str, tunnel: Tunnel, nbma: IPAddress | None = None, *, address: IPAddress | None = None
    ) -> bool:
        """Return whether this debug, or a debug that contains it, is on for this tunnel and peer (NBMA, tunnel
        address).
        """
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
        """Write one line of a debug. The line is only formatted if the debug is on."""
        if self.debugs(flag, tunnel, nbma, address=address):
            self.context.emit(DebugOutput((line(),)))

    def admit(self, sender: SenderStanding, octets: int) -> bool:
        """Charge the octets of a packet to its station; False: the station's work budget is exhausted."""
        work = octets / OF_SERVERS if sender.is_server else octets
        return self.shared.work.admit(sender.worker, work, self.context.now)

    def charge(self, sender: SenderStanding, octets: int) -> None:
        """Charge work to the station that caused it, in octets."""
        self.shared.work.charge(sender.worker, octets / OF_SERVERS if sender.is_server else octets, self.context.now)

    def believes(self, tunnel: Tunnel, sender: NbmaPeer, nbma: IPAddress, *, asked: bool = False) -> bool:
        """Return whether this station's message may make IKE contact the address.

        asked: it answers a request of ours.
        """
        known = nbma == sender.nbma or self.ports.protection.is_wanted(tunnel.name, nbma)
        account = account_of(self.ports.protection, sender)
        if self.shared.hearsay.believes(tunnel, account, nbma, now=self.context.now, asked=asked, known=known):
            return True
        self.debug("nhrp error", tunnel, lambda: debug.held_back_line(tunnel.name, nbma, sender.nbma), nbma)
        return False

    # -------------------------------------------------------------------------------------------- logs

    def log(self, message: Log, *, about: str = "", interval: float = 0.0) -> None:
        """Write a message, unless one of its kind came less than `interval` seconds ago.

        about: separates kinds that share a name.
        """
        if interval:
            kind = (message.kind.name, about)
            last = self._logged.get(kind)
            if last is not None and self.context.now - last < interval:
                return
            self._logged.pop(kind, None)
            self._logged[kind] = self.context.now
            if len(self._logged) > LARGEST_LOGGED:
                del self._logged[next(iter(self._logged))]
        self.context.emit(message)

    def log_dmvpn(self, message: Log, *, about: str = "", interval: float = 0.0) -> None:
        """Write a `%DMVPN-` message if `logging dmvpn` is configured."""
        if self.config.logging:
            self.log(message, about=about, interval=max(interval, float(self.config.rate_limit)))

    def refuse(self, tunnel: Tunnel, why: Refusal, nbma: IPAddress, detail: str = "") -> None:
        """Count a packet from this address that is dropped without an answer; log one line for many."""
        tunnel.counters.count_refused(why)
        text = f"{why.value} ({detail})" if detail else why.value
        message = messages.packet_refused(tunnel.name, nbma, text)
        self.log_dmvpn(message, about=f"{tunnel.name} {why.name}", interval=REFUSAL_LOG_INTERVAL)
        self.debug("nhrp error", tunnel, lambda: f"NHRP: {tunnel.name}: packet from {nbma} refused: {text}", nbma)

    # -------------------------------------------------------------------------------------------- traffic

    def watch_traffic(self, tunnel: Tunnel, *, again: bool = False) -> None:
        """Schedule the next poll of the tunnel's traffic counters, as often as its peers need.

        The first poll comes at any time within the interval. Otherwise spokes that started together would all notice
        the loss of their hub at one moment, and would all send requests at once when it is back.

        again: the counters were polled just now.
        """
        timer = tunnel.timers.poll
        due = self.context.timers.when(timer)
        if due is not None and due <= self.context.now + POLL_PATHS:
            return  # no peer needs it sooner, and checking which of many paths is in use takes a poll of all of them
        if tunnel.paths:
            now, paths = self.context.now, tunnel.paths.values()
            in_use = any(path.waits or tunnel.carries(path.neighbor, now) for path in paths)
            interval = POLL_PATHS if in_use else POLL_IDLE_PATHS
        elif tunnel.clients:
            hurries = tunnel.config.watch_servers or tunnel.server_is_busy(self.context.now)
            interval = POLL_BUSY_SERVERS if hurries else POLL_SERVERS
        else:
            interval = POLL_CLIENTS
        if tunnel.running and len(tunnel.cache) and (due is None or due > self.context.now + interval):
            first = due is None and not again
            self.context.start(timer, interval * (fraction(self.ports.entropy) if first else 1.0))

    def poll(self, tunnel: Tunnel) -> None:
        """Poll the traffic counters now, and schedule the next poll."""
        if tunnel.running:
            self.context.emit(PollUsage(tunnel.name))
            self.watch_traffic(tunnel, again=True)

    # -------------------------------------------------------------------------------------------- entries

    def add_entry(self, tunnel: Tunnel, entry: Entry) -> None:
        """Add an entry to the cache and start its timers."""
        tunnel.cache.add(entry)
        self.touch(tunnel, entry.nbma)
        self.time_entry(tunnel, entry)
        self.watch_traffic(tunnel)
        self.debug("nhrp cache", tunnel, lambda: _changed(tunnel, "add", entry), entry.nbma, address=entry.next_hop)

    def move_entry(self, tunnel: Tunnel, entry: Entry, to: NbmaPeer) -> None:
        """Give the peer of an entry another address, or another connection."""
        self.touch(tunnel, entry.nbma, to.nbma)
        tunnel.cache.move(entry, to)

    def time_entry(self, tunnel: Tunnel, entry: Entry) -> None:
        """Start the expiry timer of an entry (again)."""
        if entry.expires is None:
            self._expiry.cancel((tunnel.name, entry.target))
        else:
            self._expiry.set((tunnel.name, entry.target), entry.expires)

    def refresh_after(self, tunnel: Tunnel, target: Prefix, seconds: float) -> None:
        """Request an entry again after so many seconds, if it is in use then."""
        self._refresh.set((tunnel.name, target), self.context.now + seconds)

    def stop_refresh(self, tunnel: Tunnel, target: Prefix) -> None:
        """Cancel the refresh of an entry."""
        self._refresh.cancel((tunnel.name, target))

    def remove_entry(self, tunnel: Tunnel, entry: Entry) -> None:
        """Remove an entry from the cache, with its timers."""
        tunnel.cache.remove(entry.target)
        self.touch(tunnel, entry.nbma)
        self._expiry.cancel((tunnel.name, entry.target))
        self._refresh.cancel((tunnel.name, entry.target))
        self.debug("nhrp cache", tunnel, lambda: _changed(tunnel, "delete", entry), entry.nbma, address=entry.next_hop)


def _changed(tunnel: Tunnel, how: str, entry: Entry) -> str:
    target, next_hop = spelled(entry.target), spelled(entry.next_hop)
    return f"NHRP: {tunnel.name}: Cache {how} for target {target} next-hop {next_hop}"
