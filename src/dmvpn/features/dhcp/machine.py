"""DHCP of a router: which part gets each message, and the address and routes of a lease.

    IpReceived ── from a client ──> Server, where a pool is for its link, else Relay, where the port has a helper
               └─ from a server ──> Relay, if it is for one of our relay addresses, or the Client of the port
    Client ── a lease ──> AddressLeased (the interface has the address) and static routes of distance 254

Messages go out of the port that they are for, before there is an address with the hardware address of the client.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, ClassVar, Final

from dmvpn.base import notices
from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix, dotted
from dmvpn.base.context import Context, Machine, TimerQueue
from dmvpn.base.effects import Listen, NextHop, SendIp, StopListening, Store, in_table
from dmvpn.base.entropy import below
from dmvpn.base.errors import WireError
from dmvpn.base.events import EffectFailed, Event, IpReceived, Packets, Resync
from dmvpn.base.limits import Budgets, Limiter
from dmvpn.base.notices import InterfaceState, Notice
from dmvpn.base.ports import Ports, interface_in
from dmvpn.base.values import Value
from dmvpn.features.dhcp import messages
from dmvpn.features.dhcp.client import Client, ClientMessage, Lease
from dmvpn.features.dhcp.model import AGENTS, DISTANCE, SERVER_PORT6, DhcpConfig, Drop, PortSettings
from dmvpn.features.dhcp.packet import BROADCAST, CLIENT_PORT, ETHERNET, SERVER_PORT, Message, datagram
from dmvpn.features.dhcp.relay import SERVICES, Relay
from dmvpn.features.dhcp.server import Arrival, Server
from dmvpn.net import icmp
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from dmvpn.features.dhcp.version6 import Version6

#: The file of interfaces with leased addresses, in the router's storage.
_STORED: Final = "dhcp-leases"
#: UDP ports, each with its version of IP.
_WATCHED: Final = {**dict.fromkeys((SERVER_PORT, CLIENT_PORT, *SERVICES), 4), SERVER_PORT6: 6}
_GROUPS: Final = {SERVER_PORT6: AGENTS}
#: Messages a second that a port may bring to server and relay agent, and at once.
_RATE, _CREDIT = 500.0, 4000.0


class ClearDhcp(Event, Value):
    """`clear ip dhcp ( binding | conflict ) ( * | ADDRESS )`. address None: every address; vrf None: every VRF."""

    conflicts: bool
    address: IPAddress | None
    vrf: str | None
    version: int = 4


class ChangeLease(Event, Value):
    """`renew dhcp IF`, `release dhcp IF`."""

    interface: str
    release: bool


class DhcpMachine(Machine):
    """Server, relay agent and clients of a router.

    drops: messages without an answer. listened: interfaces and UDP ports.
    version6: server and relay agent of IPv6, made by the first line of theirs.
    """

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = (
        Packets(IpProtocol.UDP),
        Packets(IpProtocol.ICMP),
        notices.InterfaceChanged,
        notices.TunnelChanged,
        Resync,
        ClearDhcp,
        ChangeLease,
        EffectFailed,
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self.config = DhcpConfig()
        self.drops: Counter[Drop] = Counter()
        self.server = Server(self._context, self._drop, self._answer, self._ping)
        self.relay = Relay(self._context, self._drop)
        self.version6: Version6 | None = None
        self.clients: dict[str, Client] = {}
        self._ports: dict[str, PortSettings] = {}
        self.listened: dict[tuple[str, int], None] = {}
        self._shares: Budgets[str] = Budgets(_RATE, _CREDIT)
        self._complaints: Limiter[str] = Limiter(60.0, 16)
        self._routes: dict[str, tuple[tuple[str, notices.Route], ...]] = {}
        self._addressed: set[str] = set()  # interfaces whose address is from their client
        self._due: TimerQueue[str] = TimerQueue(self._context, "the next message of a client", self._fire, most=16)
        self._identifier = below(ports.entropy, 0x10000)

    def dispatch(self, event: Event | Notice) -> None:
        """Hand an event to the part that it concerns."""
        match event:
            case IpReceived(protocol=IpProtocol.ICMP):
                self._echoed(event)
            case IpReceived():
                to = int.from_bytes(event.payload[2:4], "big")
                if to in _WATCHED and event.source.version == _WATCHED[to]:
                    self._receive(event, to)
            case notices.TunnelChanged():
                for name in self.clients:
                    self._apply(name)
            case notices.InterfaceChanged(name=name, old=old, new=new):
                self._refresh(name, old, new)
            case notices.Configured(model=model):
                self._configure(model if isinstance(model, DhcpConfig) else DhcpConfig())
            case ClearDhcp(conflicts=True):
                self.server.clear_conflicts(event.address, event.vrf)
            case ClearDhcp():
                owner = self.version6 if event.version == 6 else self.server
                if owner is not None:
                    owner.leases.forget_those(event.address, event.vrf)
            case ChangeLease(interface=name):
                client = self.clients.get(name)
                if client is not None:
                    self._act(name, client.release() if event.release else client.renew(self._context.now))
            case EffectFailed(effect=Listen(interface=name, port=port)) if port == CLIENT_PORT and name in self.clients:
                self._context.emit(messages.another_client(name, event.text))
                self._end(name)
            case Resync():
                again = (Listen(name, IpProtocol.UDP, _GROUPS.get(port), port) for name, port in self.listened)
                self._context.emit(*again)

    # ------------------------------------------------------------------------------------------ configuration

    def _configure(self, config: DhcpConfig) -> None:
        self.config, before = config, self._ports
        self._ports = {one.interface: one for one in config.ports}
        self.server.configure(config)
        if self.version6 is None and any(one.serves6 or one.relays6 for one in config.ports):
            from dmvpn.features.dhcp.version6 import Version6  # few configurations have its lines

            self.version6 = Version6(self._context, self._drop, self.server.counts, self.relay)
        if self.version6 is not None:
            self.version6.configure(config)
        for name in [name for name in self.clients if self._ports.get(name) != before.get(name)]:
            self._end(name)
        for name in self._ports:
            if name in self.clients:
                self._apply(name)  # routes by leases may be others
            else:
                self._begin(name)
        self._listen()

    def _refresh(self, name: str, old: InterfaceState | None, new: InterfaceState | None) -> None:
        """Follow an interface: a client begins with its line, and ends with it, or where the host gives an address."""
        was_up, is_up = old is not None and old.line, new is not None and new.line
        is_moved = (old and old.vrf) != (new and new.vrf)
        if name in self.clients and (not is_up or is_moved or (new and self._is_of_host(new))):
            self._end(name)
        if is_up and name not in self.clients:
            self._begin(name)
        if was_up != is_up or (old and (old.addresses, old.ipv6)) != (new and (new.addresses, new.ipv6)):
            self._listen()

    def _listen(self) -> None:
        """Listen where messages may come: for a server and a relay agent on all ports."""
        wanted: dict[tuple[str, int], None] = {}
        relays = any(one.helpers for one in self.config.ports)
        serves = self.config.enabled and (relays or bool(self.config.pools))
        for state in self._context.ports.interfaces.all():
            if state.line and serves and state.address is not None and not state.name.startswith(("Loopback", "Null")):
                wanted[state.name, SERVER_PORT] = None
                if self._helped(state.name) is not None:
                    wanted |= dict.fromkeys((state.name, port) for port in SERVICES)
        wanted |= dict.fromkeys((name, CLIENT_PORT) for name in self.clients)
        if self.version6 is not None and self.config.enabled:
            ports = self._context.ports.interfaces.all()
            wanted |= dict.fromkeys((port.name, SERVER_PORT6) for port in ports if self.version6.hears(port))
        for name, port in [each for each in self.listened if each not in wanted]:
            self._context.emit(StopListening(name, IpProtocol.UDP, _GROUPS.get(port), port))
        for name, port in [each for each in wanted if each not in self.listened]:
            self._context.emit(Listen(name, IpProtocol.UDP, _GROUPS.get(port), port))
        self.listened = wanted

    def _helped(self, name: str) -> PortSettings | None:
        """Return the lines of an interface that has helper addresses."""
        found = self._ports.get(name)
        return found if found is not None and found.helpers else None

    # ------------------------------------------------------------------------------------------ packets

    def _receive(self, event: IpReceived, to: int) -> None:
        port = self._context.ports.interfaces.get(event.interface)
        if port is None:
            return
        if to != CLIENT_PORT and not self._shares.admit(port.name, 1.0, self._context.now):
            self._drop(Drop.BUSY)
            return
        if event.source.version == 6:
            if self.version6 is not None and (port.name, SERVER_PORT6) in self.listened:
                self.version6.hear(event, port)
            return
        try:
            udp = UdpDatagram.parse(event.payload, event.source, event.destination)
            if to in SERVICES:
                settings = self._helped(port.name)
                if settings is not None and self._is_broadcast(event, port):
                    self.relay.forward_service(event, udp, settings)
                return
            message = Message.parse(udp.payload)
        except WireError:
            self._drop(Drop.MALFORMED)
            return
        if to == CLIENT_PORT:
            self._hear(message, port)
        elif self.config.enabled and (port.name, SERVER_PORT) in self.listened:
            self._serve(message, event, port)

    def _drop(self, why: Drop, message: Message | None = None) -> None:
        self.drops[why] += 1
        if message is not None:
            self._debug(messages.SERVER, f"DHCPD: dropped {message.name} from", message, why.value)

    def _debug(self, flag: str, what: str, message: Message, more: object) -> None:
        if self._context.ports.debugging.on(flag):
            self._context.debug(f"{what} client {dotted(message.identity)}: {more}")

    def _serve(self, message: Message, event: IpReceived, port: InterfaceState) -> None:
        """Take a message to the server's port."""
        self._debug(messages.SERVER, f"DHCPD: {message.name} on {port.name} for", message, f"from {event.source}")
        interfaces = self._context.ports.interfaces
        owner = interfaces.owner(message.giaddr, port.vrf)
        if message.is_reply:
            if owner is not None and (reply := self.relay.reply(message, owner.name)) is not None:
                self._to_client(reply, owner.name, message.giaddr)
            return
        own = tuple((one, length) for one, length in port.addresses if isinstance(one, IPv4Address))
        said = message.giaddr if message.giaddr != UNSPECIFIED else message.ciaddr
        is_forged = said == message.ciaddr and event.source not in (UNSPECIFIED, said)
        is_here = said == UNSPECIFIED or any(Prefix.host(said) in Prefix.of(*one) for one in own)
        if is_forged or (not is_here and interface_in(interfaces, Prefix.host(said), port.vrf, but=port.name)):
            self._drop(Drop.UNTRUSTED, message)  # else a stranger on this port could take the addresses of that one
            return
        unicast = not self._is_broadcast(event, port) and isinstance(event.destination, IPv4Address)
        server = event.destination if unicast else own[0][0]
        if isinstance(server, IPv4Address):
            arrival = Arrival(port.name, port.vrf, own, server, unicast)
            settings = self._helped(port.name)
            if not self.server.hear(message, arrival) and settings is not None:
                self.relay.forward(message, port, settings, self.config)

    @staticmethod
    def _is_broadcast(event: IpReceived, port: InterfaceState) -> bool:
        everyone = [Prefix.of(*own).broadcast for own in port.addresses if own[1] < 31]
        return event.destination in (BROADCAST, *everyone)

    def _answer(self, reply: Message, request: Message, arrival: Arrival) -> None:
        """Send a reply of the server to a relay agent, or to a client that has an address or none (RFC 2131 §4.1)."""
        self._debug(messages.SERVER, f"DHCPD: Sending {reply.name} to", reply, reply.yiaddr)
        if reply.giaddr != UNSPECIFIED:
            self._send(arrival.vrf, None, arrival.server, reply.giaddr, (SERVER_PORT, SERVER_PORT), reply)
        elif request.ciaddr != UNSPECIFIED and not (reply.yiaddr == UNSPECIFIED and reply.ciaddr == UNSPECIFIED):
            self._send(arrival.vrf, None, arrival.server, request.ciaddr, (SERVER_PORT, CLIENT_PORT), reply)
        else:
            self._to_client(reply, arrival.interface, arrival.server)

    def _to_client(self, reply: Message, interface: str, source: IPv4Address) -> None:
        """Send a reply to a client on a port of ours that has no address yet."""
        is_known = reply.hardware_type == ETHERNET and len(reply.hardware) == 6 and reply.yiaddr != UNSPECIFIED
        by_hardware = is_known and not reply.broadcast
        to, hardware = (reply.yiaddr, reply.hardware) if by_hardware else (BROADCAST, b"")
        self._send("", interface, source, to, (SERVER_PORT, CLIENT_PORT), reply, hardware)

    def _send(
        self,
        vrf: str,
        interface: str | None,
        source: IPv4Address,
        to: IPv4Address,
        ports: tuple[int, int],
        message: Message,
        hardware: bytes = b"",
    ) -> None:
        payload = datagram(message, source, to, ports)
        self._context.emit(in_table(vrf, SendIp(interface, source, to, IpProtocol.UDP, payload, hardware=hardware)))

    # ------------------------------------------------------------------------------------------ pings

    def _ping(self, vrf: str, address: IPv4Address, token: bytes) -> None:
        request = icmp.EchoRequest(identifier=self._identifier, sequence=1, payload=token)
        self._context.emit(in_table(vrf, SendIp(None, None, address, IpProtocol.ICMP, request.serialize())))

    def _echoed(self, event: IpReceived) -> None:
        if event.payload[:1] != b"\0" or int.from_bytes(event.payload[4:6], "big") != self._identifier:
            return
        if isinstance(event.source, IPv4Address):
            self.server.answered(event.vrf, event.source, event.payload[8:])

    # ------------------------------------------------------------------------------------------ clients

    def _begin(self, name: str) -> None:
        """Begin the client of an interface, if it has one, its line is up, and we set its addresses."""
        settings, state = self._ports.get(name), self._context.ports.interfaces.get(name)
        if settings is None or not settings.leases or name.startswith("Tunnel"):
            return  # `ip dhcp support tunnel unicast` is not here
        if state is None or not state.line or not self._context.ports.manages or self._is_of_host(state):
            return
        hardware = self._context.ports.interfaces.hardware(name)
        hostname = settings.hostname or self.config.hostname
        client = Client(hardware, self._identifier_of(settings, hardware), hostname, self._context.ports.entropy)
        self.clients[name] = client
        self._act(name, client.begin(self._context.now))

    def _is_of_host(self, state: InterfaceState) -> bool:
        """Return whether the host gave the interface its address; the lease of an earlier life is ours."""
        if state.address is None or state.name in self._addressed:
            return False
        kept = self._context.ports.kept.get(_STORED, b"").decode(errors="replace")
        return f"{state.name} {state.address}" not in kept.splitlines()

    def _identifier_of(self, settings: PortSettings, hardware: bytes) -> bytes:
        if settings.identified_by:
            return bytes((ETHERNET,)) + self._context.ports.interfaces.hardware(settings.identified_by)
        text = hardware.hex()
        return b"\0" + f"cisco-{text[:4]}.{text[4:8]}.{text[8:]}-{settings.label}".encode()

    def _end(self, name: str) -> None:
        client = self.clients[name]
        state = self._context.ports.interfaces.get(name)
        self._act(name, client.release() if state is not None and state.line else [])
        client.stop()
        self._apply(name)
        del self.clients[name]
        self._due.cancel(name)

    def _fire(self, name: str) -> None:
        self._act(name, self.clients[name].fire(self._context.now))

    def _hear(self, message: Message, port: InterfaceState) -> None:
        client = self.clients.get(port.name)
        if client is not None:
            before, ignored = client.why, client.ignored
            self._act(port.name, client.hear(message, self._context.now, self._conflict(message, port)))
            self.drops[Drop.IGNORED] += client.ignored - ignored
            what = f"DHCP: Received {message.name} on {port.name} for"
            self._debug(messages.CLIENT, what, message, f"{message.yiaddr}, state {client.state.value}")
            if client.why and client.why != before and self._complaints.permits(port.name, self._context.now):
                self._context.emit(messages.lease_refused(port.name, client.why))

    def _conflict(self, message: Message, port: InterfaceState) -> str:
        """Return why a leased address cannot be that of a port: another port is on its subnet."""
        length = message.mask_length
        subnet = Prefix.of(message.yiaddr, length) if length is not None else None
        interfaces = self._context.ports.interfaces
        other = interface_in(interfaces, subnet, port.vrf, but=port.name) if subnet is not None else ""
        return f"{subnet} is the subnet of {other}" if other else ""

    def _act(self, name: str, out: list[ClientMessage]) -> None:
        """Send what a client wants to send, and do what follows from its lease."""
        client = self.clients[name]
        for each in out:
            self._debug(messages.CLIENT, f"DHCP: {each.message.name} on {name} of", each.message, each.destination)
            ciaddr = each.message.ciaddr
            interface = name if each.destination == BROADCAST else None
            state = self._context.ports.interfaces.get(name)
            vrf = state.vrf if state is not None and interface is None else ""
            ports = (CLIENT_PORT, SERVER_PORT)
            self._send(vrf, interface, ciaddr, each.destination, ports, each.message)
        if client.due is None:
            self._due.cancel(name)
        else:
            self._due.set(name, client.due)
        self._apply(name)

    def _apply(self, name: str) -> None:
        """Give an interface the address of its client's lease, and the table its routes."""
        lease, state = self.clients[name].lease, self._context.ports.interfaces.get(name)
        vrf = state.vrf if state is not None else ""
        routes = tuple(self._routes_of(name, vrf, lease)) if lease is not None else ()
        old = self._routes.pop(name, ())
        for old_vrf, route in old:
            if not any(old_vrf == vrf and route.prefix == one.prefix for vrf, one in routes):
                self._context.emit(notices.RouteRetracted(route.source, route.process, route.prefix, old_vrf))
        address = (lease.address, lease.length) if lease is not None and lease.length is not None else (None, 32)
        current = (state.address, state.prefix_length) if state is not None else (None, 32)
        if address != current and (lease is not None or name in self._addressed):
            (self._addressed.discard if lease is None else self._addressed.add)(name)
            self._context.emit(notices.AddressLeased(name, *address))
            held = (f"{name} {one.lease.address}\n" for name, one in self.clients.items() if one.lease is not None)
            self._context.emit(Store(_STORED, "".join(held).encode()))
            if lease is not None:
                hostname = self.clients[name].hostname
                self._context.emit(messages.address_assigned(name, lease.address, lease.mask, hostname))
                if lease.routes and self._is_guarded(vrf):
                    self._context.emit(messages.routes_left_out(name, len(lease.routes)))
        if routes:
            self._routes[name] = routes
        self._context.emit(*(notices.RouteOffered(route, vrf) for vrf, route in routes if (vrf, route) not in old))

    def _is_guarded(self, vrf: str) -> bool:
        """Return whether a protected tunnel takes packets of a VRF: a server outside may name no routes there."""
        return any(one.protection and one.vrf == vrf for one in self._context.ports.tunnels.all())

    def _routes_of(self, name: str, vrf: str, lease: Lease) -> list[tuple[str, notices.Route]]:
        taken = () if self._is_guarded(vrf) else lease.routes
        ways = [(prefix, hop, DISTANCE) for prefix, hop in taken]
        if (gateway := lease.gateway) is not None:
            ways.insert(0, (Prefix.of(UNSPECIFIED, 0), gateway, DISTANCE))
            mine = [one for one in self.config.routes if one.vrf == vrf and one.interface in ("", name)]
            ways += [(one.prefix, gateway, one.distance) for one in mine]
        return [(vrf, _route(prefix, distance, NextHop(name, hop))) for prefix, hop, distance in ways]


def _route(prefix: Prefix, distance: int, hop: NextHop) -> notices.Route:
    source, process = notices.RouteSource.STATIC, f"dhcp {hop.interface}"
    return notices.Route(prefix=prefix, source=source, distance=distance, next_hops=(hop,), process=process)
