"""RIP's database under any sequence of announcements and pauses."""

from __future__ import annotations

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.events import IpReceived, LinkChanged
from dmvpn.base.notices import RouteSource
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.rib import FEATURE as RIB
from dmvpn.features.rip import FEATURE as RIP
from dmvpn.features.rip.database import MOVES, Announcement, Database, LearnedFrom
from dmvpn.features.rip.interface import GROUP
from dmvpn.features.rip.machine import RipMachine
from dmvpn.features.rip.model import RipTimers
from dmvpn.net.udp import UdpDatagram
from support.workbench import Workbench

TIMERS = RipTimers()
gateways = st.integers(2, 4).map(lambda host: IPv4Address(0x0A000000 + host))


@st.composite
def announcements(draw: st.DrawFn) -> Announcement:
    gateway = draw(gateways)
    return Announcement(
        prefix=Prefix.of(IPv4Address(0x0A090000 + (draw(st.integers(0, 2)) << 8)), 24),
        metric=draw(st.sampled_from([1, 2, 15, 16])),
        tag=0,
        gateway=gateway,
        next_hop=gateway,
        interface=draw(st.sampled_from(["Gi1", "Gi2"])),
    )


steps = st.lists(st.one_of(announcements(), st.sampled_from([1.0, 29.0, 100.0, 180.0]), st.just("Gi1")), max_size=40)


@given(steps)
def test_paths_of_a_route_agree_and_every_route_has_a_timer(said: list[Announcement | float | str]) -> None:
    database, now = Database(), 0.0
    for step in said:
        match step:
            case Announcement():
                database.learn(step, TIMERS, 4, now)
            case float():
                now += step
                database.expire(TIMERS, now, 1000)
            case _:
                database.lose(list(database.routes), LearnedFrom(step), TIMERS, now, now)
        for route in database.routes.values():
            metrics = {path.metric for path in route.announcements}
            assert len(metrics) == (1 if route.reachable else 0)
            assert route.metric <= 16
            assert route.reachable == (route.metric < 16)
        assert (database.next_deadline() is not None) == bool(database.routes)


@given(steps)
def test_a_route_moves_as_the_table_says(said: list[Announcement | float | str]) -> None:
    database, now = Database(), 0.0
    legal = {(before, after) for (before, _), after in MOVES.items()}
    for step in said:
        known = [*database.routes, *([step.prefix] if isinstance(step, Announcement) else [])]
        before = {prefix: database.state(prefix) for prefix in known}
        match step:
            case Announcement():
                database.learn(step, TIMERS, 4, now)
            case float():
                now += step
                database.expire(TIMERS, now, 1000)
            case _:
                database.lose(list(database.routes), LearnedFrom(step), TIMERS, now, now)
        moved = {(state, database.state(prefix)) for prefix, state in before.items()}
        assert {move for move in moved if move[0] is not move[1]} <= legal


@given(steps)
def test_silence_ends_with_an_empty_database(said: list[Announcement | float | str]) -> None:
    database, now = Database(), 0.0
    for step in said:
        if isinstance(step, Announcement):
            database.learn(step, TIMERS, 4, now)
        elif isinstance(step, float):
            now += step
            database.expire(TIMERS, now, 1000)
    end = now + TIMERS.flush + TIMERS.invalid
    while (due := database.next_deadline()) is not None:
        assert due <= end
        database.expire(TIMERS, max(due, now), 1000)
    assert not database.routes


@given(st.lists(st.binary(max_size=120), max_size=5), st.integers(1, 65535))
def test_whatever_a_neighbor_sends_the_table_stays_sound(payloads: list[bytes], port: int) -> None:
    bench = Workbench(INTERFACE, RIB, RIP)
    bench.configure("interface Gi0/1\n ip address 10.0.0.1 255.255.255.0\nrouter rip\n version 2\n network 10.0.0.0\n")
    bench.handle(LinkChanged("GigabitEthernet0/1", up=True))
    source = IPv4Address("10.0.0.2")
    for payload in payloads:
        for body in (payload, b"\x02\x02\x00\x00" + payload):
            datagram = UdpDatagram(source_port=port, destination_port=520, payload=body).serialize(source, GROUP)
            bench.handle(IpReceived("GigabitEthernet0/1", source, GROUP, 17, datagram, 2, 0))
            bench.handle(IpReceived("GigabitEthernet0/1", source, GROUP, 17, body, 2, 0))
    learned = bench.machine(RipMachine).table.database.routes
    shown = [route for route in bench.ports.rib.routes() if route.source is RouteSource.RIP]
    assert all(route.prefix in learned and 1 <= route.metric <= 15 for route in shown)
