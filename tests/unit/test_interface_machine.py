"""Interfaces: what configuration and host make of them, what is logged, what the shell is told."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base import events
from dmvpn.base.effects import PollInterfaces, SetInterface
from dmvpn.base.notices import InterfaceChanged, LineProtocolDecided
from dmvpn.base.shell import NO_PLANE, EthernetStation, NoPlane
from dmvpn.features.interface import FEATURE
from dmvpn.features.interface.machine import POLL, ClearInterfaceCounters
from dmvpn.ios import (
    Confirm,
    ExecParser,
    Match,
    age,
    interface_sort_key,
    is_logical,
    normalize_interface,
    short_interface,
    uptime,
)
from dmvpn.ios.interfaces import KINDS, split_interface
from support.texts import because, is_golden
from support.workbench import Workbench, of_type

if TYPE_CHECKING:
    from dmvpn.base.switching import LearnedStation

ETHERNET = "interface GigabitEthernet0/1\n ip address 172.16.11.1 255.255.255.252\n no shutdown\n"
UP = events.LinkChanged("GigabitEthernet0/1", up=True)


def make(text: str = ETHERNET) -> Workbench:
    bench = Workbench(FEATURE)
    bench.configure(text)
    return bench


def test_an_interface_without_a_link_is_down_and_says_why() -> None:
    state = make().ports.interfaces.get("GigabitEthernet0/1")
    assert state is not None
    assert not state.line
    assert str(state.reason) == "this system has no such interface"


def test_a_link_brings_the_interface_up_with_logs_as_ios_has_them() -> None:
    bench = make()
    bench.handle(UP)
    state = bench.ports.interfaces.get("GigabitEthernet0/1")
    assert state is not None
    assert state.line
    assert bench.logs == [
        "%LINK-3-UPDOWN: Interface GigabitEthernet0/1, changed state to up",
        "%LINEPROTO-5-UPDOWN: Line protocol on Interface GigabitEthernet0/1, changed state to up",
    ]


def test_the_shell_is_told_addresses_once() -> None:
    bench = Workbench(FEATURE)
    order = SetInterface("GigabitEthernet0/1", up=True, addresses=((IPv4Address("172.16.11.1"), 30),))
    assert bench.configure(ETHERNET) == [order]
    assert order not in bench.configure(ETHERNET)
    assert bench.handle(events.Resync()) == [order]


def test_shutdown_and_no_shutdown_log_what_ios_logs() -> None:
    bench = make()
    bench.handle(UP)
    bench.logs.clear()
    bench.configure("interface Gi0/1\n shutdown\n")
    bench.configure("interface Gi0/1\n no shutdown\n")
    is_golden(bench.logs, "interface_machine/shutdown_and_no_shutdown_log_what_ios_logs")


@pytest.mark.parametrize(
    ("name", "bandwidth", "delay", "mtu"),
    [
        ("GigabitEthernet0/1", 1_000_000, 10, 1500),
        ("FastEthernet0/1", 100_000, 100, 1500),
        ("Ethernet0/1", 10_000, 1000, 1500),
        ("Loopback0", 8_000_000, 5000, 1514),
        ("Tunnel0", 100, 50_000, 9976),
    ],
)
def test_every_kind_has_the_defaults_of_ios(name: str, bandwidth: int, delay: int, mtu: int) -> None:
    state = make(f"interface {name}\n").ports.interfaces.get(name)
    assert state is not None
    assert (state.bandwidth, state.delay, state.mtu) == (bandwidth, delay, mtu)


def test_delay_is_typed_in_tens_of_microseconds() -> None:
    state = make("interface Gi0/2\n delay 100\n bandwidth 4000\n").ports.interfaces.get("GigabitEthernet0/2")
    assert state is not None
    assert (state.delay, state.bandwidth) == (1000, 4000)


def test_a_loopback_is_up_at_once() -> None:
    bench = make("interface Loopback0\n ip address 10.255.0.11 255.255.255.255\n")
    state = bench.ports.interfaces.owner(IPv4Address("10.255.0.11"))
    assert state is not None
    assert state.line
    assert bench.logs == ["%LINEPROTO-5-UPDOWN: Line protocol on Interface Loopback0, changed state to up"]


def test_a_loopback_that_is_removed_is_gone() -> None:
    bench = make("interface Loopback0\n ip address 10.255.0.11 255.255.255.255\n")
    assert bench.configure("no interface Loopback0\n") == [SetInterface("Loopback0", up=False, addresses=())]
    assert bench.ports.interfaces.get("Loopback0") is None
    assert bench.ports.interfaces.owner(IPv4Address("10.255.0.11")) is None


def test_the_owner_of_a_tunnel_decides_its_line_protocol() -> None:
    bench = make("interface Tunnel0\n ip address 10.0.0.1 255.255.255.0\n")
    assert bench.handle(LineProtocolDecided("Tunnel0", up=True, mtu=1472)) == [
        SetInterface("Tunnel0", up=True, addresses=((IPv4Address("10.0.0.1"), 24),))
    ]
    state = bench.ports.interfaces.get("Tunnel0")
    assert state is not None
    assert (state.line, state.ip_mtu) == (True, 1472)
    assert bench.handle(LineProtocolDecided("Tunnel0", up=False, reason=because("no route to destination"))) == []


def test_a_tunnel_that_comes_back_gets_its_addresses_again_because_it_may_be_a_new_one() -> None:
    bench = make("interface Tunnel0\n ip address 10.0.0.1 255.255.255.0\n")
    first = bench.handle(LineProtocolDecided("Tunnel0", up=True))
    bench.handle(LineProtocolDecided("Tunnel0", up=False, reason=because("x")))
    assert bench.handle(LineProtocolDecided("Tunnel0", up=True)) == first


def test_an_address_by_dhcp_is_the_one_that_the_host_got() -> None:
    bench = make("interface Gi0/1\n ip address dhcp\n")
    bench.handle(UP)
    effects = bench.handle(events.AddressAssigned("GigabitEthernet0/1", IPv4Address("192.0.2.7"), 24))
    assert of_type(effects, SetInterface)[0].addresses == ((IPv4Address("192.0.2.7"), 24),)
    assert bench.ports.interfaces.owner(IPv4Address("192.0.2.7")) is not None
    bench.handle(events.AddressAssigned("GigabitEthernet0/1", None))
    assert bench.ports.interfaces.owner(IPv4Address("192.0.2.7")) is None


def test_an_address_that_the_host_names_before_the_link_is_not_forgotten() -> None:
    bench = Workbench(FEATURE)
    bench.handle(events.AddressAssigned("GigabitEthernet0/1", IPv4Address("192.0.2.7"), 24))
    assert bench.ports.interfaces.all() == ()
    bench.handle(UP)
    assert bench.ports.interfaces.owner(IPv4Address("192.0.2.7")) is not None


def test_a_configured_address_that_the_host_does_not_have_is_reported() -> None:
    bench = make()
    bench.handle(UP, events.AddressAssigned("GigabitEthernet0/1", IPv4Address("172.16.11.9"), 30))
    state = bench.ports.interfaces.get("GigabitEthernet0/1")
    assert state is not None
    assert state.address == IPv4Address("172.16.11.1")
    assert "the host has 172.16.11.9/30" in str(state.reason)


def test_an_address_that_moves_to_another_interface_has_the_new_owner() -> None:
    bench = make()
    bench.configure("interface Gi0/1\n no ip address\ninterface Gi0/2\n ip address 172.16.11.1 255.255.255.252\n")
    owner = bench.ports.interfaces.owner(IPv4Address("172.16.11.1"))
    assert owner is not None
    assert owner.name == "GigabitEthernet0/2"


def test_a_refused_order_is_tried_again_after_1_2_4_seconds() -> None:
    bench = make()
    (order,) = bench.handle(events.Resync())
    times = []
    for _ in range(3):
        bench.handle(events.EffectFailed(order, 16, "busy"))
        before = bench.now
        while order not in bench.advance(0.5):
            pass
        times.append(bench.now - before)
    assert times == [1.0, 2.0, 4.0]


def test_a_refused_order_and_the_counters_that_are_due_at_the_same_moment_leave_together() -> None:
    bench = make()
    (order,) = bench.handle(events.Resync())
    bench.advance(POLL - 1.0)
    bench.handle(events.EffectFailed(order, 16, "busy"))
    assert bench.advance(0.9) == []
    bench.now = POLL
    assert sorted(map(repr, bench.handle(events.Tick()))) == sorted(map(repr, (order, PollInterfaces())))
    assert bench.next_deadline() == POLL + POLL


def test_interfaces_are_sorted_by_kind_and_number() -> None:
    bench = make("".join(f"interface {name}\n" for name in ("Tunnel10", "Tunnel9", "Gi0/10", "Gi0/9", "Loopback0")))
    names = [state.name for state in bench.ports.interfaces.all()]
    assert names == ["GigabitEthernet0/9", "GigabitEthernet0/10", "Loopback0", "Tunnel9", "Tunnel10"]


def test_every_change_is_one_notice_with_the_state_before_and_after() -> None:
    bench = make()
    bench.notices.clear()
    bench.handle(UP)
    changes = [notice for notice in bench.notices if isinstance(notice, InterfaceChanged)]
    assert [(change.old and change.old.line, change.new and change.new.line) for change in changes] == [(False, True)]
    bench.handle(UP)
    assert len([notice for notice in bench.notices if isinstance(notice, InterfaceChanged)]) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ip address 172.16.11.2 255.255.255.0", "% 172.16.11.0 overlaps with GigabitEthernet0/1"),
        ("ip address 10.0.0.0 255.255.255.0", "Bad mask /24 for address 10.0.0.0"),
        ("ip address 10.0.0.255 255.255.255.0", "Bad mask /24 for address 10.0.0.255"),
    ],
)
def test_impossible_addresses_are_refused_in_the_words_of_ios(line: str, message: str) -> None:
    assert make().problems(f"interface Gi0/2\n {line}\n") == [message]


def test_the_running_configuration_has_the_lines_in_the_order_of_ios() -> None:
    lines = [
        "interface Loopback0",
        " ip address 10.255.0.1 255.255.255.255",
        "!",
        "interface Tunnel0",
        " description overlay",
        " bandwidth 4000",
        " ip address 10.0.0.1 255.255.255.0",
        " ip address 10.0.1.1 255.255.255.0 secondary",
        " no ip redirects",
        " ip mtu 1400",
        " ip tcp adjust-mss 1360",
        " shutdown",
        "!",
        "interface GigabitEthernet0/1",
        " delay 100",
        " ip address dhcp",
        "!",
    ]
    assert make("\n".join(lines)).running_lines() == lines


def test_show_ip_interface_brief_is_aligned_as_on_ios() -> None:
    bench = make(
        f"{ETHERNET}interface Gi0/2\n shutdown\ninterface Loopback0\n ip address 10.255.0.11 255.255.255.255\n"
    )
    bench.handle(UP)
    is_golden(bench.show("show ip int brief"), "interface_machine/show_ip_interface_brief_is_aligned_as_on_ios")


def test_show_interfaces_of_an_ethernet_has_the_lines_that_tools_read() -> None:
    bench = make(ETHERNET + " description uplink\n")
    bench.handle(events.LinkChanged("GigabitEthernet0/1", up=True, hardware_address=bytes.fromhex("005056ad77ff")))
    is_golden(
        bench.show("show interface gi0/1")[:8],
        "interface_machine/show_interfaces_of_an_ethernet_has_the_lines_that_tools_read",
    )


def test_show_ip_interface_lists_secondary_addresses() -> None:
    bench = make(ETHERNET + " ip address 10.9.9.1 255.255.255.0 secondary\n")
    lines = bench.show("show ip interface GigabitEthernet0/1")
    assert lines[0] == "GigabitEthernet0/1 is down, line protocol is down"
    assert lines[1] == "  Internet address is 172.16.11.1/30"
    assert "  Secondary address 10.9.9.1/24" in lines


def count(received: int, sent: int, size: int = 100) -> events.InterfacesCounted:
    """The plane's answer about one interface."""
    return events.InterfacesCounted(
        (
            events.InterfaceCount(
                interface="GigabitEthernet0/1",
                received=received,
                sent=sent,
                received_octets=received * size,
                sent_octets=sent * size,
            ),
        ),
        events.GreDrops(),
    )


def test_the_plane_is_asked_for_counters_every_ten_seconds() -> None:
    bench = make()
    assert of_type(bench.advance(31), PollInterfaces) == [PollInterfaces()] * 3


def test_show_interfaces_has_packets_octets_ages_and_average_rates() -> None:
    bench = make()
    bench.handle(UP)
    bench.advance(5)
    bench.handle(count(0, 0))
    for second in range(60):
        bench.advance(5)
        bench.handle(count(50 * (second + 1), 0))
    bench.advance(2)
    lines = bench.show("show interfaces GigabitEthernet0/1")
    assert "  Last input 00:00:02, output never, output hang never" in lines
    assert "  5 minute input rate 5057 bits/sec, 6 packets/sec" in lines  # 63 percent of 8000 and 10
    assert "  5 minute output rate 0 bits/sec, 0 packets/sec" in lines
    assert "     3000 packets input, 300000 bytes, 0 no buffer" in lines


def test_counters_that_begin_again_do_not_make_a_negative_rate() -> None:
    bench = make()
    bench.handle(UP, count(1000, 1000))
    bench.advance(5)
    bench.handle(count(10, 10))
    lines = bench.show("show interfaces GigabitEthernet0/1")
    assert "     10 packets input, 1000 bytes, 0 no buffer" in lines
    assert not any("-" in line for line in lines if "rate" in line)


def test_cleared_counters_count_from_then_on() -> None:
    bench = make()
    bench.handle(UP, count(3000, 1000))
    assert '  Last clearing of "show interface" counters never' in bench.show("show interfaces")
    bench.handle(ClearInterfaceCounters("Tunnel1"))
    assert "     3000 packets input, 300000 bytes, 0 no buffer" in bench.show("show interfaces")
    assert PollInterfaces() in bench.handle(ClearInterfaceCounters())
    bench.handle(count(3005, 1000))  # what passed since the last poll does not count either
    bench.advance(5)
    bench.handle(count(3015, 1001))
    lines = bench.show("show interfaces")
    assert '  Last clearing of "show interface" counters 00:00:05' in lines
    assert "     10 packets input, 1000 bytes, 0 no buffer" in lines
    assert "     1 packets output, 100 bytes, 0 underruns" in lines
    bench.handle(count(7, 3))  # the host made the interface again
    assert "     7 packets input, 700 bytes, 0 no buffer" in bench.show("show interfaces")


@pytest.mark.parametrize(
    ("line", "question", "event"),
    [
        ("clear counters", 'Clear "show interface" counters on all interfaces [confirm]', ClearInterfaceCounters()),
        (
            "clear cou tu100",
            'Clear "show interface" counters on this interface [confirm]',
            ClearInterfaceCounters("Tunnel100"),
        ),
    ],
)
def test_clear_counters_is_asked_for_first(line: str, question: str, event: ClearInterfaceCounters) -> None:
    match = ExecParser(FEATURE.commands).match(line)
    assert isinstance(match, Match)
    assert match.command.action is not None
    assert match.command.action(None, match.args) == Confirm(question, event)


def test_show_arp_has_our_addresses_and_the_stations_that_the_host_knows() -> None:
    bench = make()
    link = replace(UP, hardware_address=bytes.fromhex("005056ad77ff"))
    bench.handle(link)
    station = EthernetStation("GigabitEthernet0/1", IPv4Address("172.16.11.2"), bytes.fromhex("020000000001"))
    silent = EthernetStation("GigabitEthernet0/1", IPv4Address("172.16.11.3"), b"")
    elsewhere = EthernetStation("Tunnel100", IPv4Address("192.168.100.31"), bytes(6))
    bench.counting = Plane((silent, station, elsewhere))
    is_golden(
        bench.show("show arp")[:4], "interface_machine/show_arp_has_our_addresses_and_the_stations_that_the_host_knows"
    )
    assert len(bench.show("show ip arp 172.16.11.2")) == 2


def test_traffic_is_shown_by_version_and_what_nobody_counts_is_left_out() -> None:
    bench = make()
    bench.counting = Plane(())
    shown = bench.show("show ipv6 traffic")
    assert shown[:2] == ["IPv6 statistics:", "  Rcvd:  7 total, 5 local destination"]
    assert "        0 router solicit, 2 router advert" in shown
    assert not [line for line in shown if "reassembl" in line or "UDP" in line], "not counted"
    assert bench.show("show ip traffic")[1] == "  Rcvd:  70 total, 5 local destination"
    bench.counting = NO_PLANE
    assert bench.show("show ipv6 traffic") == []


class Plane(NoPlane):
    """Knows some stations, and has counted a little."""

    def statistics(self, version: int) -> dict[str, int]:
        received = {4: 70, 6: 7}[version]
        return {"IpInReceives": received, "IpInDelivers": 5, "IcmpInMsgs": 2, "IcmpInType134": 2}

    def __init__(self, known: tuple[EthernetStation, ...]) -> None:
        self._known = known

    def stations_learned(self) -> tuple[LearnedStation, ...]:
        return ()

    def stations(self) -> tuple[EthernetStation, ...]:
        return self._known


# Interface names, long, short, typed and sorted; ages and uptimes.


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Gi0/1", "GigabitEthernet0/1"),
        ("gi 0/1", "GigabitEthernet0/1"),
        ("g0/0/0", "GigabitEthernet0/0/0"),
        ("GigabitEthernet1", "GigabitEthernet1"),
        ("gig0/1.100", "GigabitEthernet0/1.100"),
        ("tunnel 100", "Tunnel100"),
        ("tu007", "Tunnel7"),
        ("t0", "Tunnel0"),
        ("lo0", "Loopback0"),
        ("te1/1/1", "TenGigabitEthernet1/1/1"),
        ("e0/0", "Ethernet0/0"),
        ("null0", "Null0"),
        ("Po1", "Port-channel1"),
        ("port-channel 1", "Port-channel1"),
        ("se0/0/0:15", "Serial0/0/0:15"),
    ],
)
def test_every_spelling_names_one_interface(typed: str, name: str) -> None:
    assert normalize_interface(typed) == name


@pytest.mark.parametrize("typed", ["", "tunnel", "0", "100", "eth0x", "xyz1", "gi0/", "gi/1", "tu-1", "tu 1 2", "tu٣"])
def test_what_is_no_interface_is_none(typed: str) -> None:
    assert normalize_interface(typed) is None


def test_names_become_short_and_long_again() -> None:
    for kind in KINDS:
        assert short_interface(f"{kind.name}0/1") == f"{kind.short}0/1"
        assert normalize_interface(f"{kind.name}7") == f"{kind.name}7"
    assert short_interface("strange0") == "strange0"
    assert split_interface("GigabitEthernet0/1") == ("GigabitEthernet", "0/1")


def test_interfaces_sort_by_kind_and_by_number() -> None:
    names = ["GigabitEthernet0/10", "odd0", "GigabitEthernet0/2", "Tunnel10", "Tunnel9", "Loopback0"]
    assert sorted(names, key=interface_sort_key) == [
        "Loopback0", "Tunnel9", "Tunnel10", "GigabitEthernet0/2", "GigabitEthernet0/10", "odd0",
    ]  # fmt: skip


def test_tunnels_are_logical_and_ethernets_are_not() -> None:
    assert is_logical("Tunnel0")
    assert not is_logical("GigabitEthernet0/1")
    assert not is_logical("odd0")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "never"),
        (0, "00:00:00"),
        (104.9, "00:01:44"),
        (86_399, "23:59:59"),
        (86_400, "1d00h"),
        (97_200, "1d03h"),
        (604_799, "6d23h"),
        (604_800 + 2 * 86_400, "1w2d"),
        (365 * 86_400 + 8 * 604_800, "1y08w"),
    ],
)
def test_ages_fit_eight_characters(seconds: float | None, text: str) -> None:
    assert age(seconds) == text
    assert len(text) <= 8


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 minutes"),
        (61, "1 minute"),
        (604_800 + 2 * 86_400 + 3 * 3_600 + 4 * 60, "1 week, 2 days, 3 hours, 4 minutes"),
        (365 * 86_400, "1 year, 0 minutes"),
    ],
)
def test_uptime_is_told_in_words(seconds: float, text: str) -> None:
    assert uptime(seconds) == text
