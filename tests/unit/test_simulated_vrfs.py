"""VRFs of the simulated data plane: addresses may overlap, a tunnel has a front door, ports move, VRFs are removed."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, TypeVar

import pytest

from contract.peers import pair_of_sas
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import (
    ClearRoute,
    InstallSa,
    InVrf,
    Listen,
    NextHop,
    SendIp,
    ServeIpsec,
    SetAdjacency,
    SetCarrier,
    SetHairpin,
    SetInterface,
    SetRoute,
    SetTunnel,
    SetVrfs,
    StopListening,
    TunnelSpec,
)
from dmvpn.base.events import ClearReceived, Hairpin, IpReceived, UnknownSpi
from dmvpn.base.streams import StreamDown, StreamEnd, StreamListen, StreamOpen, StreamPeer, StreamUp
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.netlink import LinkSettings
from dmvpn.dataplane.simulated import SimulatedPlane
from dmvpn.dataplane.userspace.links import MAIN, Domain
from dmvpn.dataplane.userspace.vrf_devices import NoBackends, Places, VrfLoop
from dmvpn.net import icmp, ip
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event
    from dmvpn.dataplane.userspace.vrf_devices import Descriptor, VrfBackend

E = TypeVar("E")
A = IPv4Address
WAN, LAN, OTHER_LAN = "GigabitEthernet1", "GigabitEthernet2", "GigabitEthernet3"
HERE, THERE = A("10.0.0.1"), A("10.0.0.2")
DEFAULT = Prefix.parse("0.0.0.0/0")


class Cable:
    """Two routers, whose ports of the same name are connected. sent: every packet on a wire, with router and port."""

    def __init__(self) -> None:
        self.events: dict[str, list[Event]] = {"R1": [], "R2": []}
        self.sent: list[tuple[str, str, bytes]] = []
        self._queue: deque[tuple[str, str, bytes]] = deque()
        self.planes = {name: SimulatedPlane(self.events[name].append, self._wire(name)) for name in self.events}

    def _wire(self, name: str) -> Callable[[str, IPAddress, bytes], bool]:
        other = "R2" if name == "R1" else "R1"

        def transmit(interface: str, next_hop: IPAddress, data: bytes) -> bool:
            self.sent.append((name, interface, data))
            stations = [address for address, _ in self.planes[other].addresses_of(interface)]
            if next_hop.is_multicast or next_hop in stations:
                self._queue.append((other, interface, data))
            return True

        return transmit

    def do(self, name: str, *effects: Effect) -> None:
        """Let a router carry out effects, and let the packets arrive."""
        for effect in effects:
            self.planes[name].execute(effect)
            while self._queue:
                router, interface, data = self._queue.popleft()
                self.planes[router].receive(interface, data)

    def both(self, make: Callable[[int], list[Effect]]) -> None:
        """Let R1 and R2 carry out what `make` returns for 1 and 2."""
        for number in (1, 2):
            self.do(f"R{number}", *make(number))

    def arrive(self, name: str, interface: str, data: bytes) -> None:
        """Let a packet arrive from the wire, and its answers."""
        self.planes[name].receive(interface, data)
        self.do(name)

    def of(self, name: str, kind: type[E]) -> list[E]:
        """Return the events of a kind."""
        return [event for event in self.events[name] if isinstance(event, kind)]

    def packets(self, name: str, interface: str) -> list[ip.IpPacket]:
        """Return what a router sent out of a port."""
        return [ip.parse(data) for router, port, data in self.sent if (router, port) == (name, interface)]

    def pings(self, vrf: str, destination: IPv4Address, *, of: str = "R1") -> list[str]:
        """Ping from a VRF. Return the VRFs that answers came to."""
        before = len(self.of(of, IpReceived))
        self.do(of, InVrf(vrf, echo(destination)) if vrf else echo(destination))
        return [event.vrf for event in self.of(of, IpReceived)[before:] if event.payload[:1] == b"\x00"]


def echo(destination: IPv4Address, source: IPv4Address | None = None) -> SendIp:
    payload = icmp.EchoRequest(identifier=7, sequence=1, payload=bytes(8)).serialize()
    return SendIp(None, source, destination, IpProtocol.ICMP, payload)


def port(name: str, address: str, vrf: str = "", length: int = 24) -> SetInterface:
    return SetInterface(name, True, ((A(address), length),), vrf=vrf)


def datagram(source: str, destination: str, ttl: int = 64) -> bytes:
    payload = bytes.fromhex("c000829a00080000")
    return ip.build(source=A(source), destination=A(destination), protocol=17, payload=payload, ttl=ttl)


def overlapping(number: int) -> list[Effect]:
    """Two VRFs and the global table, all with the same addresses."""
    ports = [port(name, f"10.0.0.{number}", vrf) for name, vrf in ((WAN, ""), (LAN, "A"), (OTHER_LAN, "B"))]
    return [SetVrfs(("A", "B")), *ports]


def behind_front_door(number: int, *, key: int | None = None, name: str = "Tunnel0", front: str = "F") -> list[Effect]:
    """A tunnel of the global table over a port in a VRF, which has the same networks as the overlay."""
    spec = TunnelSpec(name=name, source=A(f"10.0.0.{number}"), destination=None, key=key, mtu=1400, front=front)
    peer = 3 - number
    return [
        SetVrfs(("F", "G")),
        port(WAN, f"10.0.0.{number}", "F"),
        port(LAN, f"10.0.0.{number}", "G"),
        SetTunnel(spec),
        port(name, f"10.0.0.{number}"),
        SetCarrier(name, True),
        SetAdjacency(name, A(f"10.0.0.{peer}"), A(f"10.0.0.{peer}")),
    ]


def protected(effects: list[Effect], number: int, *, front: str = "F") -> list[Effect]:
    """The same with its tunnel in ESP."""
    one, other = pair_of_sas("A", "B")
    sa = replace(
        one if number == 1 else other, local=A(f"10.0.0.{number}"), remote=A(f"10.0.0.{3 - number}"), front=front
    )
    sealed = [
        SetTunnel(replace(effect.spec, protected=True)) if isinstance(effect, SetTunnel) else effect
        for effect in effects
    ]
    return [*sealed, InVrf(front, ServeIpsec((sa.local,))), InstallSa(sa, eager=True)]


@pytest.fixture
def cable() -> Cable:
    """Two routers with nothing configured."""
    return Cable()


# ---------------------------------------------------------------------------------------------------- overlapping


def test_vrfs_may_have_the_same_addresses(cable: Cable) -> None:
    cable.both(overlapping)
    for vrf in ("", "A", "B"):
        assert cable.pings(vrf, THERE) == [vrf]
    assert [(router, interface) for router, interface, _ in cable.sent] == [
        (router, interface) for interface in (WAN, LAN, OTHER_LAN) for router in ("R1", "R2")
    ]


def test_routes_of_a_vrf_forward_its_packets_only(cable: Cable) -> None:
    cable.both(overlapping)
    away = SetRoute(Prefix.parse("192.168.0.0/16"), (NextHop(LAN, THERE),))
    cable.do("R1", InVrf("A", away))
    assert cable.planes["R1"].route(A("192.168.1.1"), "A") == away.next_hops
    assert cable.planes["R1"].route(A("192.168.1.1")) == ()
    with pytest.raises(EffectError, match="no route"):
        cable.do("R1", InVrf("B", echo(A("192.168.1.1"))))
    cable.do("R1", InVrf("A", ClearRoute(away.prefix)))
    assert cable.planes["R1"].route(A("192.168.1.1"), "A") == ()


def test_an_effect_with_an_interface_finds_its_vrf_by_itself(cable: Cable) -> None:
    cable.both(overlapping)
    cable.do("R2", Listen(LAN, IpProtocol.OSPF))
    cable.do("R1", SendIp(LAN, None, A("224.0.0.5"), IpProtocol.OSPF, b"hello", ttl=1))
    (heard,) = cable.of("R2", IpReceived)
    assert (heard.interface, heard.vrf, heard.source) == (LAN, "A", HERE)


def test_counters_and_addresses_are_those_of_all_vrfs(cable: Cable) -> None:
    cable.both(overlapping)
    cable.pings("B", THERE)
    counted = {count.interface: count.sent for count in cable.planes["R1"].interfaces_counted().counts}
    assert counted == {WAN: 0, LAN: 0, OTHER_LAN: 1}
    assert cable.planes["R1"].addresses_of(OTHER_LAN) == ((HERE, 24),)


def test_streams_of_a_vrf_meet_no_listener_of_another(cable: Cable) -> None:
    cable.both(overlapping)
    cable.do("R2", InVrf("A", StreamListen(179, (StreamPeer(Prefix.parse("10.0.0.0/24")),))))
    cable.do("R1", InVrf("B", StreamOpen(2, HERE, THERE, 179)), InVrf("A", StreamOpen(4, HERE, THERE, 179)))
    assert cable.of("R1", StreamDown) == [StreamDown(2, StreamEnd.REFUSED)]
    assert [(up.stream, up.vrf) for up in cable.of("R1", StreamUp)] == [(4, "A")]
    assert [(up.remote, up.vrf) for up in cable.of("R2", StreamUp)] == [(HERE, "A")]


def test_a_stream_over_ipv6_is_there_where_somebody_listens_who_has_the_same_password(cable: Cable) -> None:
    here, there = IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2")
    for name, address in (("R1", here), ("R2", there)):
        cable.do(name, SetInterface(WAN, True, ((address, 64),)))
    cable.do("R2", StreamListen(179, (StreamPeer(Prefix.parse("2001:db8::/64"), "sesame"),)))
    for stream, service, password in ((2, 179, "simsim"), (4, 179, "sesame"), (6, 180, "")):
        cable.do("R1", StreamOpen(stream, here, there, service, password=password))
    assert [(up.stream, up.remote) for up in cable.of("R1", StreamUp)] == [(4, there)]
    assert [up.remote for up in cable.of("R2", StreamUp)] == [here]
    assert cable.of("R1", StreamDown) == [StreamDown(6, StreamEnd.REFUSED)]


# ---------------------------------------------------------------------------------------------------- ports that move


def test_a_port_that_moves_takes_its_counters_along_and_only_the_addresses_of_the_order(cable: Cable) -> None:
    cable.both(overlapping)
    cable.pings("A", THERE)
    cable.do("R1", port(LAN, "172.16.0.1", "B"))
    assert cable.planes["R1"].addresses_of(LAN) == ((A("172.16.0.1"), 24),)
    assert {count.interface: count.sent for count in cable.planes["R1"].interfaces_counted().counts}[LAN] == 1
    with pytest.raises(EffectError, match="no route"):
        cable.do("R1", InVrf("A", echo(THERE)))
    assert cable.planes["R1"].route(A("172.16.0.9"), "B") == (NextHop(LAN),)


def test_a_port_without_carrier_has_none_after_its_move(cable: Cable) -> None:
    cable.both(overlapping)
    cable.planes["R1"].set_carrier(LAN, False)
    cable.do("R1", port(LAN, "172.16.0.1", "B"))
    with pytest.raises(EffectError, match="is down"):
        cable.do("R1", InVrf("B", echo(A("172.16.0.2"))))


def test_the_machine_of_a_ports_next_vrf_may_listen_before_that_of_its_last_one_stops(cable: Cable) -> None:
    cable.both(overlapping)
    listen, stop = Listen(LAN, IpProtocol.OSPF), StopListening(LAN, IpProtocol.OSPF)
    cable.do("R2", InVrf("A", listen), port(LAN, "10.0.0.2", "B"), InVrf("B", listen), InVrf("A", stop))
    cable.do("R1", SendIp(LAN, None, A("224.0.0.5"), IpProtocol.OSPF, b"hello", ttl=1))
    assert [heard.vrf for heard in cable.of("R2", IpReceived)] == ["B"]


def test_a_removed_vrf_leaves_its_ports_without_addresses_and_no_routes(cable: Cable) -> None:
    cable.both(overlapping)
    cable.do("R2", InVrf("A", StreamListen(179, (StreamPeer(Prefix.parse("10.0.0.0/24")),))))
    cable.do("R1", InVrf("A", SetRoute(DEFAULT, (NextHop(LAN, THERE),))), InVrf("A", StreamOpen(2, HERE, THERE, 179)))
    cable.do("R1", SetVrfs(("B",)))
    assert cable.of("R1", StreamDown) == [StreamDown(2, StreamEnd.UNREACHABLE)]
    assert cable.planes["R1"].addresses_of(LAN) == ()
    assert cable.pings("", THERE) == [""]
    cable.do("R1", SetVrfs(("A", "B")))
    assert cable.planes["R1"].route(A("192.168.1.1"), "A") == ()
    cable.do("R1", port(LAN, "10.0.0.1", "A"))
    assert cable.pings("A", THERE) == ["A"]


# ---------------------------------------------------------------------------------------------------- front door


def test_gre_of_a_tunnel_leaves_by_its_front_door_and_its_packets_stay_inside(cable: Cable) -> None:
    cable.both(behind_front_door)
    assert cable.pings("", THERE) == [""]
    assert {interface for _, interface, _ in cable.sent} == {WAN}
    assert {packet.protocol for packet in cable.packets("R1", WAN)} == {IpProtocol.GRE}


def test_a_tunnel_inside_a_vrf_answers_there(cable: Cable) -> None:
    def effects(number: int) -> list[Effect]:
        return [
            SetTunnel(replace(effect.spec, vrf="G"))
            if isinstance(effect, SetTunnel)
            else replace(effect, vrf="G")
            if isinstance(effect, SetInterface) and effect.interface == "Tunnel0"
            else effect
            for effect in behind_front_door(number)
            if not (isinstance(effect, SetInterface) and effect.interface == LAN)
        ]

    cable.both(effects)
    assert cable.pings("G", THERE) == ["G"]
    assert {interface for _, interface, _ in cable.sent} == {WAN}
    assert cable.planes["R1"].route(THERE) == ()


def test_gre_that_came_by_another_vrf_reaches_no_tunnel(cable: Cable) -> None:
    cable.both(behind_front_door)
    cable.do("R2", SetInterface(WAN, True, ()), port(WAN, "10.0.0.2", "G"), port(LAN, "10.0.0.2", "F"))
    assert cable.pings("", THERE) == []
    assert cable.planes["R2"].interfaces_counted().drops.no_tunnel == 1


def test_tunnels_of_one_address_and_key_in_two_front_doors_are_two(cable: Cable) -> None:
    def effects(number: int) -> list[Effect]:
        second = behind_front_door(number, name="Tunnel1", front="G")
        inside = [
            replace(effect, addresses=((A(f"10.1.0.{number}"), 24),))
            if isinstance(effect, SetInterface) and effect.interface == "Tunnel1"
            else replace(effect, next_hop=A(f"10.1.0.{3 - number}"))
            if isinstance(effect, SetAdjacency)
            else effect
            for effect in second
        ]
        return [*behind_front_door(number), *inside]

    cable.both(effects)
    assert cable.pings("", THERE) == [""]
    assert {interface for _, interface, _ in cable.sent} == {WAN}
    cable.sent.clear()
    assert cable.pings("", A("10.1.0.2")) == [""]
    assert {interface for _, interface, _ in cable.sent} == {LAN}


def test_esp_of_a_tunnel_leaves_by_its_front_door(cable: Cable) -> None:
    cable.both(lambda number: protected(behind_front_door(number), number))
    assert cable.pings("", THERE) == [""]
    assert {(interface, ip.parse(data).protocol) for _, interface, data in cable.sent} == {(WAN, IpProtocol.ESP)}


def test_esp_that_came_by_another_vrf_is_unknown_there(cable: Cable) -> None:
    cable.both(lambda number: protected(behind_front_door(number), number))
    cable.do("R2", InVrf("G", ServeIpsec((THERE,))))
    cable.do("R2", SetInterface(WAN, True, ()), port(WAN, "10.0.0.2", "G"), port(LAN, "10.0.0.2", "F"))
    assert cable.pings("", THERE) == []
    (unknown,) = cable.of("R2", UnknownSpi)
    assert (unknown.local, unknown.remote, unknown.vrf) == (THERE, HERE, "G")


def test_clear_gre_for_a_protected_tunnel_is_reported_with_its_front_door(cable: Cable) -> None:
    cable.do("R1", *behind_front_door(1))
    cable.do("R2", *protected(behind_front_door(2), 2))
    assert cable.pings("", THERE) == []
    assert cable.of("R2", ClearReceived) == [ClearReceived(THERE, HERE, "F")]


def test_ike_is_received_with_its_front_door(cable: Cable) -> None:
    cable.both(behind_front_door)
    cable.do("R2", InVrf("F", ServeIpsec((THERE,))))
    request = bytes.fromhex("01f401f4000c0000") + b"ike!"
    cable.do("R1", InVrf("F", SendIp(None, HERE, THERE, IpProtocol.UDP, request)))
    (received,) = cable.of("R2", IpReceived)
    assert (received.payload, received.vrf) == (request, "F")


def test_a_tunnel_whose_front_door_does_not_exist_sends_nothing(cable: Cable) -> None:
    cable.both(behind_front_door)
    cable.do("R1", SetVrfs(("G",)))
    assert cable.pings("", THERE) == []
    assert cable.sent == []


def test_packets_between_tunnels_of_two_vrfs_are_no_detour(cable: Cable) -> None:
    cable.do("R1", *behind_front_door(1), *behind_front_door(1, name="Tunnel1", key=5), SetVrfs(("A", "F", "G")))
    cable.do("R1", port("Tunnel1", "10.1.0.1", "A"), SetAdjacency("Tunnel1", A("10.1.0.2"), A("10.0.0.3")))
    cable.do("R1", *(SetHairpin(name, 1, report=True) for name in ("Tunnel0", "Tunnel1")))
    cable.do("R1", SetRoute(Prefix.parse("192.168.0.0/16"), (NextHop("Tunnel1", A("10.1.0.2")),)))
    cable.do("R2", *behind_front_door(2), SetRoute(DEFAULT, (NextHop("Tunnel0", HERE),)))
    cable.do("R2", echo(A("192.168.1.1")))
    assert len(cable.packets("R1", WAN)) == 1
    assert cable.of("R1", Hairpin) == []


# ---------------------------------------------------------------------------------------------------- leaks


def test_a_route_may_leave_by_an_interface_of_another_vrf_without_another_hop(cable: Cable) -> None:
    cable.both(overlapping)
    cable.do("R1", InVrf("A", SetRoute(Prefix.parse("192.168.0.0/16"), (NextHop(WAN, THERE),))))
    cable.arrive("R1", LAN, datagram("10.0.0.9", "192.168.1.1"))
    assert [packet.ttl for packet in cable.packets("R1", WAN)] == [63]


def test_a_route_may_be_looked_up_again_in_another_table(cable: Cable) -> None:
    cable.both(overlapping)
    cable.do(
        "R1",
        InVrf("A", SetRoute(Prefix.parse("192.168.0.0/16"), (NextHop("", A("172.16.0.1"), vrf="B"),))),
        InVrf("B", SetRoute(Prefix.parse("172.16.0.0/24"), (NextHop(OTHER_LAN, THERE),))),
    )
    cable.arrive("R1", LAN, datagram("10.0.0.9", "192.168.1.1"))
    assert [packet.ttl for packet in cable.packets("R1", OTHER_LAN)] == [63]


def test_leaks_in_a_circle_end_and_the_sender_gets_host_unreachable(cable: Cable) -> None:
    cable.both(overlapping)
    cable.do("R1", *(InVrf(vrf, SetRoute(DEFAULT, (NextHop("", vrf=to),))) for vrf, to in (("A", "B"), ("B", "A"))))
    cable.arrive("R1", LAN, datagram("10.0.0.9", "192.168.1.1"))
    (answer,) = cable.packets("R1", LAN)
    assert isinstance(icmp.parse(answer.payload), icmp.DestinationUnreachable)


def test_a_leak_reaches_the_addresses_of_the_router_in_the_other_vrf(cable: Cable) -> None:
    cable.do("R1", SetVrfs(("A",)), port(LAN, "10.0.0.1", "A"), port(WAN, "172.16.0.1"))
    cable.do("R1", InVrf("A", SetRoute(Prefix.parse("172.16.0.0/24"), (NextHop(WAN),))))
    cable.do("R1", SetRoute(Prefix.parse("10.0.0.0/24"), (NextHop(LAN),)))
    payload = icmp.EchoRequest(identifier=7, sequence=1, payload=b"").serialize()
    request = ip.build(source=A("10.0.0.9"), destination=A("172.16.0.1"), protocol=IpProtocol.ICMP, payload=payload)
    cable.arrive("R1", LAN, request)
    (answer,) = cable.packets("R1", LAN)
    assert (str(answer.source), str(answer.destination)) == ("172.16.0.1", "10.0.0.9")


def test_a_leak_into_a_vrf_that_is_gone_drops_its_packets(cable: Cable) -> None:
    cable.both(overlapping)
    cable.do("R1", SetRoute(Prefix.parse("192.168.0.0/16"), (NextHop("", vrf="Z"),)))
    with pytest.raises(EffectError, match="no route"):
        cable.do("R1", echo(A("192.168.1.1")))
    assert cable.planes["R1"].route(A("192.168.1.1"), "Z") == ()


# Backends of VRFs: which callbacks come back, and where.


class Nowhere:
    """A backend that is entered without a namespace."""

    def enter(self) -> None:
        """Do nothing."""

    @property
    def arrival(self) -> LinkSettings:
        """Nothing moves there."""
        return LinkSettings()

    @property
    def domain(self) -> Domain:
        """The main table."""
        return MAIN

    def held_by(self, holder: Descriptor) -> None:
        """Do nothing."""


class Home(NoBackends):
    """Backends with a home."""

    @property
    def home(self) -> VrfBackend:
        """The backend of the global table."""
        return Nowhere()


class Asked:
    """A loop that keeps what it was asked to call."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def add(self, descriptor: int, ready: Callable[[], None]) -> None:
        """Keep it."""
        self.calls.append(ready)

    def remove(self, descriptor: int) -> None:
        """Do nothing."""

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Keep it."""
        self.calls.append(call)


def asked_in(places: Places, heard: list[str]) -> Callable[[], None]:
    """Return a callback that was asked for in RED."""
    asked = Asked()
    with places.at("RED"):
        VrfLoop(asked, places).later(1.0, lambda: heard.append(places.here))
    return asked.calls[0]


def test_a_callback_comes_back_to_the_vrf_that_asked_for_it() -> None:
    places, heard = Places(Home()), list[str]()
    places.set("RED", Nowhere())
    asked_in(places, heard)()
    assert (heard, places.here) == (["RED"], "")


def test_a_callback_of_a_removed_vrf_does_not_reach_the_next_one_of_that_name() -> None:
    places, heard = Places(Home()), list[str]()
    places.set("RED", Nowhere())
    called = asked_in(places, heard)
    places.forget_vrf("RED")
    called()
    places.set("RED", Nowhere())
    called()
    assert heard == []
