"""All interfaces of a router: their states, and the orders that make the host have them.

An interface exists because it is configured, because the host reported its link, or both. Whatever changes one of its
sources (`InterfaceSources`) leads to `_refresh`, the only place that compares the old state with the new one and says
what follows: logs, the order to the shell, the notice to the other features.

Traffic of interfaces: the data plane is asked every ten seconds, and by shows for themselves (`base.shell`).

Rates are exponential averages over five minutes, as IOS has them: a stream that begins shows 63 percent of itself
after that time. A counter that falls belongs to an interface that was made again, and counts from zero again.

The host's own counters are never touched: `clear counters` stores their values.
"""

from __future__ import annotations

from dataclasses import fields, replace
from math import exp
from typing import TYPE_CHECKING, ClassVar, Final

from dmvpn.base import events, notices
from dmvpn.base.context import Context, Machine, Retries, Timer
from dmvpn.base.effects import PollInterfaces, SetInterface, SetIpv6Forwarding
from dmvpn.base.entropy import made_hardware
from dmvpn.base.events import Event, InterfaceCount, PacketCounts
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value
from dmvpn.features.interface import messages
from dmvpn.features.interface.model import Advertising, InterfaceConfig, InterfaceSettings
from dmvpn.features.interface.port import NO_IPV6, InterfaceSources, Status, kind_name, kind_of, sort_key
from dmvpn.features.interface.reasons import InterfaceReason
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.ports import Ports
    from dmvpn.features.interface.advertising import Advertisers
    from dmvpn.features.interface.autoconfiguration import Autoconfiguration

#: Seconds between two polls.
POLL = 10.0
#: Seconds of the average.
AVERAGE = 300.0


class DirectionCounters(Value):
    """One direction of an interface.

    seen_at: when it was last seen to have grown (seconds), or None.
    packet_rate, bit_rate: per second.
    """

    packets: int = 0
    octets: int = 0
    seen_at: float | None = None
    packet_rate: float = 0.0
    bit_rate: float = 0.0

    def after(self, packets: int, octets: int, seconds: float, now: float) -> DirectionCounters:
        """Return the value after these counters, `seconds` after the last ones."""
        if (packets, octets) == (self.packets, self.octets) and not (self.packet_rate or self.bit_rate):
            return self  # idle
        is_new = packets < self.packets
        more = packets if is_new else packets - self.packets
        more_octets = octets if is_new else octets - self.octets
        kept = exp(-seconds / AVERAGE)
        return DirectionCounters(
            packets,
            octets,
            now if more else self.seen_at,
            self.packet_rate * kept + more / seconds * (1 - kept),
            self.bit_rate * kept + more_octets * 8 / seconds * (1 - kept),
        )


_IDLE: Final = DirectionCounters()


class InterfaceTraffic(Value):
    """Both directions of an interface, and the last whole answer about it.

    cleared: the answer at the time of the last `clear counters`, and cleared_at that time (seconds), if there was one.
    """

    count: InterfaceCount
    counted_at: float
    received: DirectionCounters
    sent: DirectionCounters
    cleared: InterfaceCount | None = None
    cleared_at: float | None = None

    @classmethod
    def first(cls, count: InterfaceCount, now: float) -> InterfaceTraffic:
        """Return the counters after the plane's first answer."""
        received, sent = (_IDLE.after(*figures, POLL, now) for figures in _directions(count))
        return cls(count, now, received, sent)

    def after(self, count: InterfaceCount, now: float) -> InterfaceTraffic:
        """Return the counters after one more answer."""
        seconds = max(now - self.counted_at, 1e-3)
        received, sent = _directions(count)
        is_new = count.received < self.count.received or count.sent < self.count.sent
        return InterfaceTraffic(
            count,
            now,
            self.received.after(*received, seconds, now),
            self.sent.after(*sent, seconds, now),
            None if is_new else self.cleared,
            self.cleared_at,
        )

    def clear(self, now: float) -> InterfaceTraffic:
        """Return the same, counted from now on."""
        return replace(self, cleared=self.count, cleared_at=now)

    @property
    def shown(self) -> InterfaceCount:
        """The counters since they were cleared."""
        if self.cleared is None:
            return self.count
        names = [field.name for field in fields(PacketCounts)]
        return replace(self.count, **{name: getattr(self.count, name) - getattr(self.cleared, name) for name in names})


def _directions(count: InterfaceCount) -> tuple[tuple[int, int], tuple[int, int]]:
    return (count.received, count.received_octets), (count.sent, count.sent_octets)


class ClearInterfaceCounters(Event, Value):
    """`clear counters [INTERFACE]`: the counters of `show interfaces` for one interface, or for all, restart."""

    interface: str | None = None


#: Refused orders that are given again in one event.
_MOST_ORDERS: Final = 64


class InterfaceMachine(Machine):
    """Owns every `InterfaceState`; answers `ports.Interfaces`."""

    subscriptions: ClassVar[tuple[type[events.Event] | type[notices.Notice] | events.Packets, ...]] = (
        events.LinkChanged,
        events.AddressAssigned,
        notices.AddressLeased,
        notices.LineProtocolDecided,
        notices.TunnelChanged,
        events.PlaneAnnounced,
        events.InterfacesCounted,
        events.EffectFailed,
        events.Packets(IpProtocol.ICMPV6),
        events.Resync,
        ClearInterfaceCounters,
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self._interfaces: dict[str, InterfaceSources] = {}
        self._states: dict[str, notices.InterfaceState] = {}
        self._status: dict[str, Status] = {}
        self._orders: dict[str, SetInterface] = {}
        self._owners: dict[tuple[str, IPAddress], str] = {}
        self._sorted: tuple[notices.InterfaceState, ...] | None = None
        self._retries = Retries[str](self._context, "order interfaces again", self._order_again, most=_MOST_ORDERS)
        self._poll = Timer("request the counters of the data plane", self._poll_counters)
        self._traffic: dict[str, InterfaceTraffic] = {}
        self._clearing: list[str | None] = []
        self._advertisers: Advertisers | None = None
        self.autoconfiguration: Autoconfiguration | None = None
        self._borrowers: dict[str, dict[str, None]] = {}  # by the interface whose address stands for them
        self._config = InterfaceConfig()
        self._plane = NO_IPV6

    # -------------------------------------------------------------------------------------------- ports.Interfaces

    def get(self, name: str) -> notices.InterfaceState | None:
        """Return the interface, or None."""
        return self._states.get(name)

    def all(self) -> tuple[notices.InterfaceState, ...]:
        """Return all interfaces, by kind, then number."""
        if self._sorted is None:
            self._sorted = tuple(self._states[name] for name in sorted(self._states, key=sort_key))
        return self._sorted

    def owner(self, address: IPAddress, vrf: str = "") -> notices.InterfaceState | None:
        """Return the interface of a VRF that has this address, or None. If two claim it, the first owner keeps it."""
        name = self._owners.get((vrf, address))
        return self._states[name] if name is not None else None

    def hardware(self, name: str) -> bytes:
        """Return the hardware address of an interface; one made of names where there is none."""
        port = self._interfaces.get(name)
        link = port.link if port is not None else None
        own = link.hardware_address if link is not None else b""
        return own if len(own) == 6 else made_hardware(f"{self._config.hostname} {name}")

    # -------------------------------------------------------------------------------------------------- for shows

    def port(self, name: str) -> InterfaceSources | None:
        """Return all that is known of an interface."""
        return self._interfaces.get(name)

    @property
    def forwards_ipv6(self) -> bool:
        """Whether this router forwards IPv6 packets."""
        return self._config.forwards_ipv6

    def advertises(self, name: str) -> Advertising | None:
        """Return what a port's lines say of router advertisements; None: it is no port with hosts."""
        port = self._interfaces.get(name)
        settings = port.settings.ipv6 if port is not None and not kind_of(name).logical else None
        return settings.nd if settings is not None and self._config.forwards_ipv6 else None

    def traffic(self, name: str) -> InterfaceTraffic | None:
        """Return its counters, as of the last poll."""
        return self._traffic.get(name)

    def traffic_with(self, counted: events.InterfacesCounted | None, now: float) -> dict[str, InterfaceTraffic]:
        """Return what all carried, with an answer of the plane that shows alone have seen."""
        traffic = dict(self._traffic)
        for count in counted.counts if counted is not None else ():
            old = self._traffic.get(count.interface)
            traffic[count.interface] = old.after(count, now) if old else InterfaceTraffic.first(count, now)
        return traffic

    def failure(self, name: str) -> Reason | None:
        """Return why the host does not have the interface as it should be, or None."""
        return self._retries.reason(name)

    # ---------------------------------------------------------------------------------------------------- machine

    def dispatch(self, event: events.Event | notices.Notice) -> None:
        """Take what configuration, host, data plane or the owner of a line protocol says."""
        match event:
            case events.LinkChanged():
                self._port(event.interface).linked(event)
                self._refresh((event.interface,))
            case events.AddressAssigned() | notices.AddressLeased():
                leased = isinstance(event, notices.AddressLeased)
                self._port(event.interface).assign(event.address, event.prefix_length, leased=leased)
                self._refresh((event.interface,))
            case notices.LineProtocolDecided():
                self._decided(event)
            case notices.TunnelChanged(name=name, new=tunnel):
                port = self._interfaces.get(name)
                if port is not None and port.lead_over(tunnel.source if tunnel else None):
                    self._refresh((name,))
            case events.PlaneAnnounced():
                self._plane = event
                for port in self._interfaces.values():
                    port.announced(event)
                self._refresh(list(self._interfaces))
            case events.InterfacesCounted():
                self._count(event)
            case events.IpReceived():
                for part in (self._advertisers, self.autoconfiguration):
                    if part is not None:
                        part.take(event)
            case ClearInterfaceCounters(interface=name):
                self._clear(name)
                self._clearing.append(name)  # what passed since the last poll does not count either
                self._context.emit(PollInterfaces())
            case notices.Configured(model=InterfaceConfig() as config):
                self._configure(config)
            case events.EffectFailed(effect=SetInterface() as order):
                now = self._context.now
                self._retries.failed(order.interface, Reason(InterfaceReason.REFUSED, (event.text,), now))
            case events.EffectFailed(effect=PollInterfaces()):
                self._clearing.clear()
            case events.Resync():
                orders = [order for name, order in self._orders.items() if kind_name(name) != "Tunnel"]
                self._context.emit(*orders, *([SetIpv6Forwarding(True)] if self._config.forwards_ipv6 else []))

    def _order_again(self, name: str) -> None:
        if name in self._orders:
            self._context.emit(self._orders[name])

    def _poll_counters(self) -> None:
        self._context.start(self._poll, POLL)
        self._context.emit(PollInterfaces())

    def _count(self, event: events.InterfacesCounted) -> None:
        self._traffic = self.traffic_with(event, self._context.now)
        clearing, self._clearing = self._clearing, []
        for name in clearing:
            self._clear(name)

    def _clear(self, name: str | None) -> None:
        """Count an interface, or (None) all, from here on."""
        for known, traffic in self._traffic.items():
            if name in (None, known):
                self._traffic[known] = traffic.clear(self._context.now)

    def _decided(self, event: notices.LineProtocolDecided) -> None:
        """Apply the owner's decision.

        The same words again mean that the shell may have lost the interface with its addresses.
        """
        port = self._interfaces.get(event.interface)
        if port is None:
            return
        is_repeated = port.decide(event)
        order = self._orders.get(event.interface)
        if is_repeated and order is not None:
            self._context.emit(order)
        else:
            self._refresh((event.interface,))

    def _configure(self, config: InterfaceConfig) -> None:
        old, self._config = self._config, config
        if old.forwards_ipv6 != config.forwards_ipv6:
            self._context.emit(SetIpv6Forwarding(config.forwards_ipv6))
        if not self._context.is_running(self._poll):
            self._context.start(self._poll, POLL)
        gone, came = config.interfaces.changes(old.interfaces)
        wanted = {settings.name: settings for settings in came.values()}
        removed = sorted((one.name for one in gone.values() if one.name not in wanted), key=sort_key)
        for name in removed:
            self._interfaces[name].unconfigure()
        made_of = [(one.hostname, one.forwards_ipv6) for one in (old, config)]
        if made_of[0] != made_of[1]:  # of which link-local addresses are made
            wanted = {settings.name: settings for settings in config.interfaces}
        changed = [
            name for name in sorted(wanted, key=sort_key) if self._port(name).configure(wanted[name], config.hostname)
        ]
        self._refresh([*removed, *changed])
        if old.forwards_ipv6 != config.forwards_ipv6:
            for name, state in self._states.items():
                self._advertise(self._interfaces[name], state)

    def _port(self, name: str) -> InterfaceSources:
        port = self._interfaces.get(name)
        if port is None:
            port = self._interfaces[name] = InterfaceSources(InterfaceSettings(name=name), plane=self._plane)
        return port

    def _refresh(self, names: Iterable[str]) -> None:
        """Bring the states of these interfaces up to date and say what follows."""
        for name in names:
            port = self._interfaces[name]
            old = self._states.get(name)
            is_port = "." not in name and not name.startswith(("Vlan", "Port-channel"))
            is_there = port.link is not None and (port.link.up or is_port) and not kind_of(name).logical
            if not (port.configured or is_there):
                self._remove(port, old)
                continue
            new = port.state(old, self._context.now)
            self._log(name, old, port.status, new)
            self._states[name], self._status[name] = new, port.status
            order = port.order(new)
            came_up = new.line and not (old is not None and old.line)
            if order is None:
                self._orders.pop(port.name, None)
            elif came_up or order != self._orders.get(port.name):
                self._orders[port.name] = order
                self._retries.forget_order(port.name)
                self._context.emit(order)
            self._advertise(port, new)
            if new != old:
                self._sorted = None
                self._own(name, old, new)
                self._context.emit(notices.InterfaceChanged(name, old, new))
                if name in self._borrowers:
                    self._refresh([one for one in self._borrowers[name] if one in self._states])
            ipv6 = port.settings.ipv6
            wishes = ipv6 is not None and (ipv6.autoconfig is not None or bool(ipv6.unnumbered))
            if wishes or self.autoconfiguration is not None:
                self._follow_others(port, new)

    def _remove(self, port: InterfaceSources, old: notices.InterfaceState | None) -> None:
        """Remove an interface that is neither configured nor there. What the host said of its address is remembered."""
        name = port.name
        if port.assigned is None:
            del self._interfaces[name]
        for part in (self._advertisers, self.autoconfiguration):
            if part is not None:
                part.follow(name, None, None, b"")
        if old is None:
            return
        del self._states[name], self._status[name]
        self._traffic.pop(name, None)
        self._sorted = None
        self._own(name, old, None)
        self._retries.forget_order(name)
        if self._orders.pop(name, None) is not None:
            self._context.emit(SetInterface(name, up=False, addresses=()))
        self._context.emit(notices.InterfaceChanged(name, old, None))
        borrowers = [one for one in self._borrowers.get(name, ()) if one in self._states]
        self._refresh([one for one in borrowers if self._interfaces[one].configured])  # the others are removed, too

    def _advertise(self, port: InterfaceSources, state: notices.InterfaceState) -> None:
        """Let a port with hosts say what this router is to them."""
        if self._advertisers is None:
            if not self._config.forwards_ipv6:
                return
            from dmvpn.features.interface.advertising import Advertisers  # most routers have no hosts of IPv6

            self._advertisers = Advertisers(self._context)
        settings, ipv6 = port.settings.ipv6, state.ipv6
        if kind_of(port.name).logical:
            return
        runs = state.line and ipv6 is not None and ipv6.reason is None
        hardware = port.link.hardware_address if port.link is not None else b""
        wanted = settings if self._config.forwards_ipv6 else None
        self._advertisers.follow(port.name, wanted, ipv6 if runs else None, hardware)

    def _follow_others(self, port: InterfaceSources, state: notices.InterfaceState) -> None:
        """Let a port take addresses from another router, or from another interface, as its lines say."""
        ipv6, name, default = port.settings.ipv6, port.name, None
        if ipv6 is not None and ipv6.unnumbered:
            self._borrowers.setdefault(ipv6.unnumbered, {})[name] = None
            lender = self._states.get(ipv6.unnumbered)
            own = lender.routed(6) if lender is not None and lender.vrf == state.vrf else ()
            if port.borrow(own[0][0] if own else None):
                self._refresh((name,))
        if ipv6 is not None and self._context.ports.manages and not kind_of(name).logical:
            default = ipv6.autoconfig  # where ports are not ours the host's kernel does it
        if self.autoconfiguration is None:
            if default is None:
                return
            from dmvpn.features.interface.autoconfiguration import Autoconfiguration  # most routers have none

            self.autoconfiguration = Autoconfiguration(self._context, self._learn)
        self.autoconfiguration.follow(name, default, state if state.runs(6) else None, self.hardware(name))

    def _learn(self, name: str, prefixes: tuple[Prefix, ...]) -> None:
        port = self._interfaces.get(name)
        if port is not None and port.learn(prefixes):
            self._refresh((name,))

    def _own(self, name: str, old: notices.InterfaceState | None, new: notices.InterfaceState | None) -> None:
        """Note the owner of each address of a VRF. Link-local ones are not here: several links may have the same."""
        mine = _known_elsewhere(new)
        for place in _known_elsewhere(old):
            if place not in mine and self._owners.get(place) == name:
                del self._owners[place]
                for other in self.all():
                    if other.name != name and place in _known_elsewhere(other):
                        self._owners.setdefault(place, other.name)
        for place in mine:
            self._owners.setdefault(place, name)

    def _log(self, name: str, old: notices.InterfaceState | None, status: Status, new: notices.InterfaceState) -> None:
        emit, before = self._context.emit, self._status.get(name)
        if status is not before:
            if status is Status.SHUT:
                emit(*([messages.link_changed(name)] if before is not None else []))
            elif before is not None or (status is Status.UP and not kind_of(name).logical):
                emit(messages.link_up_down(name, up=status is Status.UP))
        if new.line != (old is not None and old.line):
            emit(messages.line_protocol_up_down(name, up=new.line))
        reason = new.ipv6.reason if new.ipv6 is not None else None
        if reason is not None and (old is None or old.ipv6 is None or old.ipv6.reason is None):
            emit(messages.ipv6_down(name, reason))


def _known_elsewhere(state: notices.InterfaceState | None) -> list[tuple[str, IPAddress]]:
    """Return the addresses that mean this interface on every link of its VRF."""
    if state is None:
        return []
    return [(state.vrf, address) for address in state.known_addresses]
