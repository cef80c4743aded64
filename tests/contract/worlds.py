"""Three routers around a provider, each with a LAN and a host: once simulated, once in network namespaces.

    HA -- A --+            A 10.0.1.1, B 10.0.2.1, C 10.0.3.1 (the provider has .2 on each)
    HB -- B --+-- P        LANs 192.168.1.0/24, 192.168.2.0/24, 192.168.3.0/24: router .1, host .100
    HC -- C --+

The routers are data planes without a router: the test gives the orders. Both worlds look the same to it.
"""

from __future__ import annotations

import contextlib
import functools
import heapq
import itertools
import selectors
import socket
import time
from abc import ABC, abstractmethod
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, TypeVar

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import Effect, NextHop, SendIp, SetCarrier, SetInterface, SetIpv6Forwarding, SetRoute
from dmvpn.base.events import Event
from dmvpn.dataplane import netlink
from dmvpn.dataplane.host import put_all
from dmvpn.dataplane.python import PythonEngine
from dmvpn.dataplane.simulated import SimulatedPlane
from dmvpn.dataplane.userspace import UserspacePlane
from dmvpn.net import ip
from dmvpn.net.ipv4 import Ipv4Packet
from dmvpn.net.ipv6 import Ipv6Packet, is_of_the_link
from dmvpn.shells.lab.namespaces import inside_network, new_network
from dmvpn.shells.lab.vrf_namespaces import Namespaces
from support.namespaces import killed_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.events import InterfacesCounted, PeerUsage, SasCounted
    from dmvpn.base.filters import FilterCount
    from dmvpn.base.shell import Counting, EthernetStation
    from dmvpn.base.switching import LearnedStation
    from dmvpn.base.translation import Translations
    from dmvpn.dataplane.userspace.plane import MakeEngine
    from dmvpn.net.ip import IpPacket

ROUTERS = ("A", "B", "C")
UNDERLAY = "GigabitEthernet0/1"
LAN = "GigabitEthernet0/2"
DEFAULT = Prefix(IPv4Address(0), 0)
E = TypeVar("E", bound=Event)


def nbma(router: str) -> IPv4Address:
    """The underlay address of a router."""
    return IPv4Address(f"10.0.{ROUTERS.index(router) + 1}.1")


def host(router: str) -> IPv4Address:
    """The address of the host behind a router."""
    return IPv4Address(f"192.168.{ROUTERS.index(router) + 1}.100")


def host6(router: str) -> IPv6Address:
    """The IPv6 address of the host behind a router, once `set_up_ipv6` was called."""
    return IPv6Address(f"2001:db8:{ROUTERS.index(router) + 1}::100")


class World(ABC):
    """What a contract test may do."""

    def __init__(self) -> None:
        self.events: dict[str, list[Event]] = {name: [] for name in ROUTERS}
        #: IP packets that reached each host, by the router that it is behind.
        self.received: dict[str, list[Ipv4Packet]] = {name: [] for name in ROUTERS}
        #: The same of IPv6; Neighbor Discovery is left out.
        self.received6: dict[str, list[Ipv6Packet]] = {name: [] for name in ROUTERS}
        #: What the provider got from the routers.
        self.wire: list[Ipv4Packet] = []
        #: What a router does with an event before the plane goes on, as a runtime does.
        self.reactions: dict[str, Callable[[Event], None]] = {}

    @abstractmethod
    def execute(self, router: str, *effects: Effect) -> None:
        """Give a plane orders."""

    @abstractmethod
    def counting(self, router: str) -> Counting:
        """A plane as shows ask it."""

    @abstractmethod
    def send(self, router: str, packet: IpPacket) -> None:
        """Let the host behind a router send a packet."""

    def host_gets(self, router: str, packet: IpPacket) -> None:
        """A packet has reached a host."""
        if isinstance(packet, Ipv4Packet):
            self.received[router].append(packet)
        elif not is_of_the_link(packet.serialize()):
            self.received6[router].append(packet)

    @abstractmethod
    def inject(self, router: str, packet: Ipv4Packet) -> None:
        """Let a packet come to a router from the provider, whoever it says it is from."""

    @abstractmethod
    def narrow(self, router: str, mtu: int) -> None:
        """Let the provider's cable to a router take no larger packets than this."""

    @abstractmethod
    def run(self, seconds: float) -> None:
        """Let time pass."""

    def until(self, condition: Callable[[], bool], seconds: float = 3.0) -> None:
        """Let time pass until the condition holds. Fails if that takes too long."""
        for _ in range(int(seconds / 0.02)):
            if condition():
                return
            self.run(0.02)
        assert condition(), f"nothing came: {self.events}"

    def report(self, router: str, event: Event) -> None:
        """A plane has an event."""
        if router in self.events:
            self.events[router].append(event)
        if router in self.reactions:
            self.reactions[router](event)

    def of(self, router: str, kind: type[E]) -> list[E]:
        """The events of a kind that a plane reported."""
        return [event for event in self.events[router] if isinstance(event, kind)]

    def set_up(self) -> None:
        """Give every router its addresses and a default route to the provider."""
        for number, name in enumerate(ROUTERS, 1):
            self.execute(
                name,
                SetInterface(UNDERLAY, True, ((nbma(name), 24),)),
                SetInterface(LAN, True, ((IPv4Address(f"192.168.{number}.1"), 24),)),
                SetRoute(DEFAULT, (NextHop(UNDERLAY, IPv4Address(f"10.0.{number}.2")),)),
            )

    def set_up_ipv6(self) -> None:
        """Let every router forward IPv6, and have an address in its LAN."""
        for number, name in enumerate(ROUTERS, 1):
            lan = (IPv4Address(f"192.168.{number}.1"), 24), (IPv6Address(f"2001:db8:{number}::1"), 64)
            local = (IPv6Address(f"fe80::{number}"), 64)
            self.execute(name, SetIpv6Forwarding(True), SetInterface(LAN, True, (*lan, local), mtu6=1500))


class SimulatedWorld(World):
    """In virtual time."""

    def __init__(self) -> None:
        super().__init__()
        self._queue: list[tuple[SimulatedPlane, str, bytes]] = []
        self._now = 0.0
        self._planes = {name: self._plane(name) for name in (*ROUTERS, "P")}
        for number in range(1, len(ROUTERS) + 1):
            provider = SetInterface(f"GigabitEthernet0/{number}", True, ((IPv4Address(f"10.0.{number}.2"), 24),))
            self._planes["P"].execute(provider)
        self.set_up()

    def execute(self, router: str, *effects: Effect) -> None:
        self._planes[router].now = self._now
        for effect in effects:
            self._planes[router].execute(effect)

    def counting(self, router: str) -> Counting:
        return self._planes[router]

    def send(self, router: str, packet: IpPacket) -> None:
        self._queue.append((self._planes[router], LAN, packet.serialize()))

    def inject(self, router: str, packet: Ipv4Packet) -> None:
        self._queue.append((self._planes[router], UNDERLAY, packet.serialize()))

    def narrow(self, router: str, mtu: int) -> None:
        number = ROUTERS.index(router) + 1
        address = IPv4Address(f"10.0.{number}.2")
        self._planes["P"].execute(SetInterface(f"GigabitEthernet0/{number}", True, ((address, 24),), mtu=mtu))

    def run(self, seconds: float) -> None:
        self._now += seconds
        for plane in self._planes.values():
            plane.now = self._now
            due = plane.next_deadline()
            if due is not None and due <= self._now:
                plane.tick()
        while self._queue:
            plane, interface, packet = self._queue.pop(0)
            plane.receive(interface, packet)

    def _plane(self, name: str) -> SimulatedPlane:
        def transmit(interface: str, next_hop: IPAddress, packet: bytes) -> bool:
            if name == "P":
                router = ROUTERS[int(interface[-1]) - 1]
                answered = [one for one, _ in self._planes[router].addresses_of(UNDERLAY)]
                if next_hop in answered:  # nobody else is on that cable
                    self._queue.append((self._planes[router], UNDERLAY, packet))
            elif interface == UNDERLAY:
                self.wire.append(Ipv4Packet.parse(packet))
                self._queue.append((self._planes["P"], f"GigabitEthernet0/{ROUTERS.index(name) + 1}", packet))
            elif next_hop in (host(name), host6(name)):
                self.host_gets(name, ip.parse(packet))
            else:
                return False
            return True

        return SimulatedPlane(functools.partial(self.report, name), transmit)


class RealWorld(World):
    """In network namespaces of process 1 of a lab: real packets, real time. Run it inside `run_in_lab`."""

    def __init__(self, make_engine: MakeEngine = PythonEngine) -> None:
        super().__init__()
        self._selector = selectors.DefaultSelector()
        self._numbers = itertools.count()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._where = ""
        self._listeners: list[socket.socket] = []
        self._spaces = {name: new_network() for name in (*ROUTERS, *(f"H{name}" for name in ROUTERS), "P")}
        self._wire_up()
        self._make_engine = make_engine
        self.planes = {name: self._plane(name) for name in ROUTERS}
        self._taps = {name: self._host(name) for name in ROUTERS}
        self._taps["P"] = self._tap("P", None, self._provider_gets)
        self.set_up()
        self._wait_for_carriers(*self._spaces.values())

    # A `Loop` for the planes.

    def add(self, descriptor: int, ready: Callable[[], None]) -> None:
        where = self._where

        def ready_there() -> None:
            with self.inside(where):  # a plane lives in one namespace, and may open a socket at any time
                ready()

        self._selector.register(descriptor, selectors.EVENT_READ, ready_there if where else ready)

    def remove(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), call))

    @contextlib.contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Be in the namespace of a router, of a host ("HA") or of the provider ("P")."""
        before, self._where = self._where, name
        try:
            with inside_network(self._spaces[name]):
                yield
        finally:
            self._where = before

    def execute(self, router: str, *effects: Effect) -> None:
        with self.inside(router):
            for effect in effects:
                self.planes[router].execute(effect)
        if any(isinstance(effect, SetCarrier) and effect.up for effect in effects):
            self._wait_for_carriers(self._spaces[router])

    def plane(self, router: str) -> UserspacePlane:
        """The plane of a router."""
        return self.planes[router]

    def counting(self, router: str) -> Counting:
        return _Inside(self, router)

    def send(self, router: str, packet: IpPacket) -> None:
        family = socket.AF_INET if isinstance(packet, Ipv4Packet) else socket.AF_INET6
        with (
            inside_network(self._spaces[f"H{router}"]),
            socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw,
        ):
            raw.sendto(packet.serialize(), (str(packet.destination), 0))

    def set_up_ipv6(self) -> None:
        super().set_up_ipv6()
        for number, name in enumerate(ROUTERS, 1):
            with inside_network(self._spaces[f"H{name}"]), netlink.NetlinkSocket() as kernel:
                put_all({"net/ipv6/conf/eth0/accept_dad": 0, "net/ipv6/conf/all/accept_dad": 0})
                link = kernel.find_link("eth0")
                assert link is not None
                flags, gateway = netlink.AddressFlag.NODAD, IPv6Address(f"2001:db8:{number}::1")
                hops = (netlink.KernelNextHop(link.index, gateway),)
                kernel.call(
                    netlink.add_address(netlink.InterfaceAddress(link.index, host6(name), 64, flags)),
                    netlink.add_address(netlink.InterfaceAddress(link.index, IPv6Address("fe80::100"), 64, flags)),
                    netlink.add_route(netlink.KernelRoute(Prefix(IPv6Address(0), 0), hops)),
                )
            with self.inside(f"H{name}"):
                self._listeners.append(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
                self._listeners[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                self._listeners[-1].bind(("::", 5000))
            self._taps[f"{name}6"] = self._tap(f"H{name}", "eth0", functools.partial(self.host_gets, name), kind=0x86DD)

    def inject(self, router: str, packet: Ipv4Packet) -> None:
        with self.inside("P"), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            raw.sendto(packet.serialize(), (str(nbma(router)), 0))

    def be_provider(self, router: str, address: IPv4Address) -> None:
        """Let the host of a router have an address of a provider, too."""
        with self._configured(f"H{router}", "eth0", str(address)):
            pass

    def narrow(self, router: str, mtu: int) -> None:
        with self.inside("P"), netlink.NetlinkSocket() as kernel:
            kernel.call(netlink.set_link(f"p{ROUTERS.index(router) + 1}", netlink.LinkSettings(mtu=mtu)))

    def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            due = min(end, self._timers[0][0]) if self._timers else end
            for key, _ in self._selector.select(max(0.0, due - now)):
                if self._selector.get_map().get(key.fd) is key:  # else what came before it has closed it
                    key.data()
            while self._timers and self._timers[0][0] <= time.monotonic():
                heapq.heappop(self._timers)[2]()

    def close(self) -> None:
        for plane in self.planes.values():
            plane.close()

    def die_after(self, router: str, *effects: Effect) -> None:
        """The router's process carries out these orders and is killed."""
        self.planes[router].close()

        def work() -> None:
            self._selector = selectors.DefaultSelector()  # the other one is the parent's, too
            self.planes[router] = self._plane(router)
            self.execute(router, *effects)

        killed_after(work)

    def live_again(self, router: str) -> None:
        """The next life of a router that died."""
        self.planes[router] = self._plane(router)

    def _plane(self, name: str) -> UserspacePlane:
        with self.inside(name):
            report = functools.partial(self.report, name)
            plane = UserspacePlane(report, self, self._make_engine, manage=True, backends=Namespaces())
            plane.start()
            plane.adopt(UNDERLAY)
            plane.adopt(LAN)
        return plane

    def _wire_up(self) -> None:
        with netlink.NetlinkSocket() as here:
            for number, name in enumerate(ROUTERS, 1):
                router, provider, behind = (self._spaces[space] for space in (name, "P", f"H{name}"))
                here.call(
                    netlink.create_veth(
                        netlink.VethEnd(name="Gi0-1", namespace=router),
                        netlink.VethEnd(name=f"p{number}", namespace=provider),
                    ),
                    netlink.create_veth(
                        netlink.VethEnd(name="Gi0-2", namespace=router), netlink.VethEnd(name="eth0", namespace=behind)
                    ),
                )
        for number, name in enumerate(ROUTERS, 1):
            with self._configured("P", f"p{number}", f"10.0.{number}.2") as kernel:
                forward = netlink.LinkSettings(inet=netlink.InetConf(forwarding=1, rp_filter=0))
                kernel.call(netlink.set_link(f"p{number}", forward))
            with self._configured(f"H{name}", "eth0", str(host(name))) as kernel:
                link = kernel.find_link("eth0")
                assert link is not None
                hop = netlink.KernelNextHop(link.index, IPv4Address(f"192.168.{number}.1"))
                kernel.call(netlink.add_route(netlink.KernelRoute(DEFAULT, (hop,))))

    def _wait_for_carriers(self, *spaces: int) -> None:
        """A cable that was just plugged in drops packets for up to a second (the kernel's linkwatch), or until somebody
        asks for this one interface (since Linux 6.8).
        """
        for space in spaces:
            with inside_network(space), netlink.NetlinkSocket() as kernel:
                for _ in range(200):
                    asked = [kernel.find_link(link.index) for link in kernel.links()]
                    links = [link for link in asked if link is not None and (link.carrier or link.kind == "veth")]
                    if all(netlink.LinkFlag.RUNNING in link.flags for link in links):
                        break
                    self.run(0.01)
        self.run(0.01)  # it says so shortly before it is so

    @contextlib.contextmanager
    def _configured(self, space: str, name: str, address: str) -> Iterator[netlink.NetlinkSocket]:
        with inside_network(self._spaces[space]), netlink.NetlinkSocket() as kernel:
            link = kernel.find_link(name)
            assert link is not None
            kernel.call(
                netlink.add_address(netlink.InterfaceAddress(link.index, IPv4Address(address), 24)),
                netlink.set_link(name, netlink.LinkSettings(silent_ipv6=True)),
                netlink.set_up(name),
            )
            yield kernel

    def _host(self, name: str) -> socket.socket:
        with inside_network(self._spaces[f"H{name}"]):
            self._listeners.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            self._listeners[-1].bind(("", 5000))  # somebody must want the packets, or the kernel refuses them
        return self._tap(f"H{name}", "eth0", functools.partial(self.host_gets, name))

    def _provider_gets(self, packet: IpPacket) -> None:
        if isinstance(packet, Ipv4Packet):
            self.wire.append(packet)

    def _tap(
        self, space: str, interface: str | None, heard: Callable[[IpPacket], None], *, kind: int = 0x0800
    ) -> socket.socket:
        """Note what comes in there; interface: None: by all of them."""
        with self.inside(space):
            tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(kind))
            if interface is not None:
                tap.bind((interface, kind))
        tap.setblocking(False)

        def read() -> None:
            with contextlib.suppress(BlockingIOError):
                while True:
                    data, where = tap.recvfrom(65536)
                    if where[2] != socket.PACKET_OUTGOING:
                        heard(ip.parse(data))

        self.add(tap.fileno(), read)
        return tap


__all__ = ["LAN", "ROUTERS", "UNDERLAY", "RealWorld", "SendIp", "SimulatedWorld", "World", "host", "host6", "nbma"]


class _Inside:
    """A plane that is asked from inside its namespace."""

    def __init__(self, world: RealWorld, router: str) -> None:
        self._world = world
        self._router = router

    def interfaces_counted(self) -> InterfacesCounted | None:
        with self._world.inside(self._router):
            return self._world.plane(self._router).interfaces_counted()

    def sas_counted(self) -> SasCounted | None:
        with self._world.inside(self._router):
            return self._world.plane(self._router).sas_counted()

    def usage(self, tunnel: str) -> tuple[PeerUsage, ...]:
        with self._world.inside(self._router):
            return self._world.plane(self._router).usage(tunnel)

    def filtered(self) -> tuple[FilterCount, ...]:
        with self._world.inside(self._router):
            return self._world.plane(self._router).filtered()

    def statistics(self, version: int) -> dict[str, int]:
        with self._world.inside(self._router):
            return self._world.plane(self._router).statistics(version)

    def stations_learned(self) -> tuple[LearnedStation, ...]:
        return ()

    def stations(self) -> tuple[EthernetStation, ...]:
        with self._world.inside(self._router):
            return self._world.plane(self._router).stations()

    def translations(self) -> Translations:
        with self._world.inside(self._router):
            return self._world.plane(self._router).translations()
