"""Log and debug lines: their stamps, who gets them, the buffer, and what debugs are on."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, TypeVar

import pytest

from dmvpn.base.effects import ConsoleLine, JobDone, JobOutput, SendIp
from dmvpn.base.events import ClockSet, ConfigurationEntered, Tick
from dmvpn.base.notices import Configured, DebugOutput, Log, LogKind
from dmvpn.base.streams import (
    SEND_LIMIT,
    StreamClose,
    StreamDown,
    StreamEnd,
    StreamOpen,
    StreamSend,
    StreamUp,
    StreamWritable,
    TcpState,
)
from dmvpn.features.system import FEATURE, events
from dmvpn.features.system.clock import StampStyle, Timestamps, TimeZone
from dmvpn.features.system.config import model
from dmvpn.features.system.machine import SystemMachine
from dmvpn.features.system.messages import log_host_failed, log_host_started
from dmvpn.features.system.model import SystemConfig
from dmvpn.features.system.syslog import QUEUE_LIMIT, RETRY, LoggingConfig, LogHost
from dmvpn.ios.common import INTERFACE, INTERFACE_MODE
from dmvpn.ios.configurator import Configurator
from dmvpn.ios.tree import ConfigTree
from support.fakes import fake_ports, log, up

if TYPE_CHECKING:
    from collections.abc import Iterable

#: 2026-11-20 06:00:00 UTC, seconds since 1970.
SIX_O_CLOCK = 1795154400.0
UPDOWN = log("LINEPROTO-5-UPDOWN", "Line protocol on Interface Tunnel0, changed state to up")
NHRP = ("NHRP", "NHRP", "nhrp", "NHRP protocol")
PACKETS = ("NHRP", "NHRP packet", "nhrp packet", "NHRP packet")


def machine(config: LoggingConfig | None = None, zone: TimeZone | None = None) -> SystemMachine:
    """A machine at six o'clock that has this configuration."""
    made = SystemMachine(fake_ports(up("Loopback0", "10.255.0.11", 32)))
    made.handle(ClockSet(SIX_O_CLOCK), 0.0)
    model = SystemConfig(logging=config or LoggingConfig(), zone=zone or TimeZone())
    made.handle(Configured("system", model), 0.0)
    return made


def test_a_log_line_has_the_stamp_of_a_clock_that_nobody_set() -> None:
    assert machine().handle(UPDOWN, 69.123) == [
        ConsoleLine(
            "*Nov 20 06:01:09.123: %LINEPROTO-5-UPDOWN: Line protocol on Interface Tunnel0, changed state to up", 5
        )
    ]


def test_a_debug_line_has_a_stamp_and_no_percent_sign() -> None:
    effects = machine().handle(DebugOutput(("NHRP: Receive", " (F) afn: AF_IP(1)")), 0.676)
    assert effects == [
        ConsoleLine("*Nov 20 06:00:00.676: NHRP: Receive", 7),
        ConsoleLine("*Nov 20 06:00:00.676:  (F) afn: AF_IP(1)", 7),
    ]


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        (Timestamps(style=StampStyle.NONE), ""),
        (Timestamps(style=StampStyle.UPTIME), "00:17:48: "),
        (Timestamps(msec=False), "*Nov 20 06:17:48: "),
        (Timestamps(year=True), "*Nov 20 2026 06:17:48.500: "),
        (Timestamps(show_timezone=True), "*Nov 20 06:17:48.500 UTC: "),
        (Timestamps(localtime=True, show_timezone=True), "*Nov 20 07:17:48.500 CET: "),
    ],
)
def test_each_form_of_service_timestamps(stamps: Timestamps, expected: str) -> None:
    router = machine(LoggingConfig(log_stamps=stamps), TimeZone("CET", 60))
    (line,) = router.handle(UPDOWN, 1068.5)
    assert isinstance(line, ConsoleLine)
    assert line.text.partition("%")[0] == expected


@pytest.fixture
def router() -> SystemMachine:
    return machine()


def test_an_authoritative_clock_has_no_star_and_days_are_padded_with_a_blank(router: SystemMachine) -> None:
    router.handle(ClockSet(SIX_O_CLOCK - 15 * 86400, authoritative=True), 1.0)
    (line,) = router.handle(UPDOWN, 1.0)
    assert isinstance(line, ConsoleLine)
    assert line.text.startswith("Nov  5 06:00:01.000: %LINEPROTO")


def test_sequence_numbers_stand_in_front() -> None:
    router = machine(LoggingConfig(sequence_numbers=True))
    router.handle(UPDOWN, 0.0)
    (line,) = router.handle(UPDOWN, 0.0)
    assert isinstance(line, ConsoleLine)
    assert line.text.startswith("000002: *Nov 20")


def test_the_buffer_holds_its_octets_and_loses_the_oldest_lines() -> None:
    router = machine(LoggingConfig(buffer_size=300))
    for number in range(10):
        router.handle(replace(UPDOWN, text=str(number)), 0.0)
    assert [line[-1] for line in router.syslog.lines] == ["4", "5", "6", "7", "8", "9"]
    assert sum(len(line) + 1 for line in router.syslog.lines) <= 300
    router.handle(events.ClearLogging(), 0.0)
    assert router.syslog.lines == ()


def test_a_smaller_buffer_drops_lines_at_once(router: SystemMachine) -> None:
    for _ in range(10):
        router.handle(UPDOWN, 0.0)
    router.handle(Configured("system", SystemConfig(logging=LoggingConfig(buffer_size=250))), 0.0)
    assert len(router.syslog.lines) == 2


@pytest.mark.parametrize(
    ("config", "shown", "kept"),
    [
        (LoggingConfig(), True, True),
        (LoggingConfig(console=None, monitor=None), False, True),
        (LoggingConfig(console=4, monitor=None), False, True),
        (LoggingConfig(console=None, monitor=5), True, True),
        (LoggingConfig(buffered=4), True, False),
        (LoggingConfig(buffered=None), True, False),
        (LoggingConfig(enabled=False), True, False),
        (LoggingConfig(enabled=False, console=None), False, False),
    ],
)
def test_a_destination_takes_what_its_level_allows(config: LoggingConfig, shown: bool, kept: bool) -> None:
    router = machine(config)
    assert bool(router.handle(UPDOWN, 0.0)) is shown
    assert bool(router.syslog.lines) is kept


def test_a_log_host_gets_a_datagram_as_rfc_3164_has_it() -> None:
    host = IPv4Address("192.0.2.9")
    router = machine(
        LoggingConfig(console=None, monitor=None, hosts=(LogHost(host),), source_interfaces=(("", "Loopback0"),))
    )
    (sent,) = router.handle(UPDOWN, 0.0)
    assert isinstance(sent, SendIp)
    assert (sent.destination, sent.protocol, sent.source) == (host, 17, IPv4Address("10.255.0.11"))
    assert sent.payload[:4].hex() == "02020202"
    assert sent.payload[8:].startswith(b"<189>1: *Nov 20 06:00:00.000: %LINEPROTO-5-UPDOWN: Line")


def test_debug_lines_do_not_travel_to_log_hosts_by_default() -> None:
    router = machine(LoggingConfig(console=None, monitor=None, hosts=(LogHost(IPv4Address("192.0.2.9")),)))
    assert router.handle(DebugOutput(("NHRP: x",)), 0.0) == []


def test_leaving_configuration_mode_is_logged_with_who_and_where(router: SystemMachine) -> None:
    (line,) = router.handle(events.ConfigurationLeft("console", "console"), 0.0)
    assert isinstance(line, Log)
    assert line.text == "Configured from console by console"
    (line,) = router.handle(events.ConfigurationLeft("admin", "vty0 (10.0.0.5)"), 0.0)
    assert isinstance(line, Log)
    assert (line.kind.name, line.kind.severity) == ("SYS-5-CONFIG_I", 5)
    assert line.text == "Configured from console by admin on vty0 (10.0.0.5)"


def test_the_first_configuration_is_a_restart_and_no_later_one(router: SystemMachine) -> None:
    (line,) = router.handle(ConfigurationEntered("hostname R1", by="startup"), 1.0)
    assert isinstance(line, Log)
    assert (line.kind.name, line.text) == ("SYS-5-RESTART", "System restarted --")
    assert router.handle(ConfigurationEntered("hostname R2", by="admin"), 2.0) == []
    assert router.last_change is not None
    assert (router.last_change.when, router.last_change.by) == (2.0, "admin")


# ------------------------------------------------------------------------------------------------ debugs


def test_switching_a_debug_says_so_and_ends_the_job(router: SystemMachine) -> None:
    assert not router.switches.on("nhrp packet")
    assert router.handle(events.SetDebug(4, (PACKETS,), on=True), 0.0) == [
        JobOutput(4, "NHRP packet debugging is on\n"),
        JobDone(4),
    ]
    assert router.switches.on("nhrp packet")
    assert not router.switches.on("nhrp")
    assert router.handle(events.SetDebug(4, (PACKETS,), on=False), 0.0)[0] == JobOutput(
        4, "NHRP packet debugging is off\n"
    )
    assert not router.switches.on("nhrp packet")


def test_undebug_all_turns_everything_off_and_forgets_conditions(router: SystemMachine) -> None:
    router.handle(events.SetDebug(4, (NHRP, PACKETS), on=True), 0.0)
    router.handle(events.SetDebugCondition(4, "nhrp", events.ConditionKind.INTERFACE, "Tunnel0", on=True), 0.0)
    assert router.handle(events.ClearDebug(4), 0.0) == [
        JobOutput(4, "All possible debugging has been turned off\n"),
        JobDone(4),
    ]
    assert (router.switches.active, router.switches.conditions) == ((), ())


def test_a_condition_lets_only_its_peer_through(router: SystemMachine) -> None:
    wanted, other = IPv4Address("198.51.100.2"), IPv4Address("198.51.100.3")
    router.handle(events.SetDebug(4, (NHRP,), on=True), 0.0)
    condition = (events.ConditionKind.NBMA, "198.51.100.2")
    assert router.handle(events.SetDebugCondition(4, "nhrp", *condition, on=True), 0.0)[0] == JobOutput(
        4, "Condition 1 set\n"
    )
    assert router.switches.on("nhrp", wanted)
    assert not router.switches.on("nhrp", other)
    assert not router.switches.on("nhrp")
    assert not router.switches.on("nhrp packet", wanted)


def test_conditions_of_different_kinds_are_alternatives(router: SystemMachine) -> None:
    router.handle(events.SetDebug(4, (NHRP,), on=True), 0.0)
    for kind, value in ((events.ConditionKind.ADDRESS, "10.0.0.12"), (events.ConditionKind.INTERFACE, "Tunnel0")):
        router.handle(events.SetDebugCondition(4, "nhrp", kind, value, on=True), 0.0)
    assert router.switches.on("nhrp", address=IPv4Address("10.0.0.12"), interface="Tunnel1")
    assert router.switches.on("nhrp", address=IPv4Address("10.0.0.13"), interface="Tunnel0")
    assert not router.switches.on("nhrp", address=IPv4Address("10.0.0.13"), interface="Tunnel1")


def test_a_condition_taken_back_no_longer_holds(router: SystemMachine) -> None:
    condition = (events.ConditionKind.NBMA, "198.51.100.2")
    router.handle(events.SetDebug(4, (NHRP,), on=True), 0.0)
    router.handle(events.SetDebugCondition(4, "nhrp", *condition, on=True), 0.0)
    assert router.handle(events.SetDebugCondition(4, "nhrp", *condition, on=False), 0.0) == [JobDone(4)]
    assert router.switches.on("nhrp")
    assert router.handle(events.SetDebugCondition(4, "nhrp", *condition, on=False), 0.0)[0] == JobOutput(
        4, "% Condition was not set\n"
    )


def test_a_family_without_conditions_is_not_narrowed_by_another(router: SystemMachine) -> None:
    router.handle(events.SetDebug(4, (("EIGRP", "EIGRP Packet", "eigrp packets", ""),), on=True), 0.0)
    router.handle(events.SetDebugCondition(4, "nhrp", events.ConditionKind.INTERFACE, "Tunnel0", on=True), 0.0)
    assert router.switches.on("eigrp packets")


def test_all_conditions_of_a_family_go_at_once(router: SystemMachine) -> None:
    router.handle(events.SetDebug(4, (NHRP,), on=True), 0.0)
    router.handle(events.SetDebugCondition(4, "nhrp", events.ConditionKind.INTERFACE, "Tunnel0", on=True), 0.0)
    assert not router.switches.on("nhrp")
    assert router.handle(events.SetDebugCondition(4, "nhrp", None, "", on=False), 0.0) == [JobDone(4)]
    assert router.switches.on("nhrp")


def test_the_second_line_of_a_message_stands_for_itself() -> None:
    effects = machine().handle(log("SYS-5-TEST", "first\nsecond"), 0.0)
    assert effects == [ConsoleLine("*Nov 20 06:00:00.000: %SYS-5-TEST: first", 5), ConsoleLine("second", 5)]


# Log hosts over UDP and TCP: what travels, when a connection is tried, and what is lost without one.

HOST, OURS = IPv4Address("192.0.2.9"), IPv4Address("10.255.0.11")
LANGUAGE = Configurator([*FEATURE.config, INTERFACE], [*FEATURE.modes, INTERFACE_MODE])
T = TypeVar("T")


def configured(*lines: str, machine: SystemMachine | None = None, now: float = 0.0) -> SystemMachine:
    """A router with these lines, at six o'clock."""
    if machine is None:
        machine = SystemMachine(fake_ports(up("Loopback0", str(OURS), 32)))
        machine.handle(ClockSet(SIX_O_CLOCK), 0.0)
    parsed = LANGUAGE.parse_text("\n".join(("hostname R31", "no logging console", "no logging monitor", *lines)))
    assert not parsed.problems
    machine.handle(Configured("system", model(parsed.tree)), now)
    return machine


def logged(kind: LogKind, effects: Iterable[object]) -> list[str]:
    """Return the texts of these messages."""
    return [each.text for each in effects if isinstance(each, Log) and each.kind is kind]


def of(kind: type[T], effects: Iterable[object]) -> list[T]:
    return [effect for effect in effects if isinstance(effect, kind)]


def told(machine: SystemMachine, now: float = 0.0, message: Log = UPDOWN) -> list[object]:
    return list(machine.handle(message, now))


def connected(machine: SystemMachine, now: float = 0.0) -> int:
    """The stream that the router opens now; the host takes it."""
    (order,) = of(StreamOpen, machine.handle(Tick(), now))
    machine.handle(StreamUp(order.stream, OURS, 40000, HOST, order.port), now)
    return order.stream


TCP = ("logging source-interface lo0", f"logging host {HOST} transport tcp port 1514")


@pytest.mark.parametrize(
    ("line", "port"),
    [
        (f"logging host {HOST}", 514),
        (f"logging {HOST}", 514),
        (f"logging host {HOST} transport udp", 514),
        (f"logging host {HOST} transport udp port 5514", 5514),
    ],
)
def test_a_datagram_goes_to_the_port_that_the_line_names(line: str, port: int) -> None:
    (sent,) = of(SendIp, told(configured(line)))
    assert sent.destination == HOST
    assert int.from_bytes(sent.payload[2:4], "big") == port


def test_two_lines_for_one_host_and_port_send_once_and_other_ports_besides() -> None:
    router = configured(f"logging {HOST}", f"logging host {HOST}", f"logging host {HOST} transport udp port 5514")
    assert len(of(SendIp, told(router))) == 2


def test_the_facility_and_the_origin_are_as_configured() -> None:
    router = configured(f"logging host {HOST}", "logging facility local1", "logging origin-id hostname")
    (sent,) = of(SendIp, told(router))
    assert sent.payload[8:].startswith(b"<141>1: R31: *Nov 20 06:00:00.000: %LINEPROTO-5-UPDOWN: Line")
    router = configured(f"logging host {HOST}", "logging origin-id string branch 31")
    (sent,) = of(SendIp, told(router))
    assert b">1: branch 31: *Nov" in sent.payload


def test_the_form_of_rfc_5424_has_time_name_and_mnemonic_in_places_of_their_own() -> None:
    router = configured(f"logging host {HOST}", "logging format rfc5424", "logging trap debugging")
    (sent,) = of(SendIp, told(router, 0.25))
    assert sent.payload[8:] == (
        b"<189>1 2026-11-20T06:00:00.250Z R31 dmvpn - LINEPROTO-5-UPDOWN - "
        b"Line protocol on Interface Tunnel0, changed state to up"
    )
    (sent,) = of(SendIp, router.handle(DebugOutput(("NHRP: x",)), 1.0))
    assert sent.payload[8:] == b"<191>1 2026-11-20T06:00:01.000Z R31 dmvpn - - - NHRP: x"


def test_lines_wait_for_the_connection_and_go_in_order() -> None:
    router = configured(*TCP)
    assert router.next_deadline() == 0.0
    assert of(StreamSend, told(router)) == []
    (order,) = of(StreamOpen, router.handle(Tick(), 0.0))
    assert (order.local, order.remote, order.port) == (OURS, HOST, 1514)
    told(router, 1.0)
    effects = list(router.handle(StreamUp(order.stream, OURS, 40000, HOST, 1514), 2.0))
    sent = b"".join(one.octets for one in of(StreamSend, effects))
    assert [line[:7] for line in sent.splitlines()] == [b"<189>1:", b"<189>2:"]
    assert sent.endswith(b"changed state to up\n")


def test_the_connection_is_shown_with_its_ends() -> None:
    router = configured(*TCP)
    (order,) = of(StreamOpen, router.handle(Tick(), 0.0))
    (line,) = router.log_hosts.connections()
    assert (line.stream, line.remote, line.remote_port, line.state) == (order.stream, HOST, 1514, TcpState.CALLS)
    router.handle(StreamUp(order.stream, OURS, 40000, HOST, 1514), 2.0)
    (line,) = router.log_hosts.connections()
    assert (line.local, line.local_port, line.state) == (OURS, 40000, TcpState.ESTABLISHED)


def test_without_a_port_tcp_goes_to_601() -> None:
    router = configured("logging source-interface lo0", f"logging host {HOST} transport tcp")
    (order,) = of(StreamOpen, router.handle(Tick(), 0.0))
    assert order.port == 601


def test_a_host_that_refuses_is_tried_every_half_minute_and_said_once() -> None:
    router = configured(*TCP)
    said: list[str] = []
    for now in (0.0, RETRY, 2 * RETRY, 3 * RETRY):
        (order,) = of(StreamOpen, router.handle(Tick(), now))
        said += logged(log_host_failed, router.handle(StreamDown(order.stream, StreamEnd.REFUSED), now))
        assert router.next_deadline() == now + RETRY
        assert of(StreamOpen, router.handle(Tick(), now + RETRY - 1)) == []
    now = 4 * RETRY
    assert said == ["Logging to host 192.0.2.9 port 1514 failed"]
    (order,) = of(StreamOpen, router.handle(Tick(), now))
    back = logged(log_host_started, router.handle(StreamUp(order.stream, OURS, 1, HOST, 1514), now))
    assert back == ["Logging to host 192.0.2.9 port 1514 started - reconnection"]


def test_a_router_without_a_way_to_the_host_tries_again_later() -> None:
    router = configured(f"logging host {HOST} transport tcp")
    effects = list(router.handle(Tick(), 0.0))
    assert of(StreamOpen, effects) == []
    assert len(logged(log_host_failed, effects)) == 1
    assert router.next_deadline() == RETRY


def test_only_the_newest_lines_wait_for_a_host_that_is_away() -> None:
    router = configured(*TCP)
    for number in range(QUEUE_LIMIT + 50):
        told(router, message=log("SYS-5-TEST", f"line {number}"))
    (order,) = of(StreamOpen, router.handle(Tick(), 0.0))
    effects = list(router.handle(StreamUp(order.stream, OURS, 1, HOST, 1514), 0.0))
    lines = b"".join(one.octets for one in of(StreamSend, effects)).decode().splitlines()
    assert len(lines) == QUEUE_LIMIT
    assert (lines[0].rsplit(" ", 1)[1], lines[-1].rsplit(" ", 1)[1]) == ("50", str(QUEUE_LIMIT + 49))


def test_a_host_that_does_not_read_never_gets_more_than_a_stream_holds() -> None:
    router = configured(*TCP)
    stream = connected(router)
    long = log("SYS-5-TEST", "x" * 5000)
    sent = sum(len(one.octets) for _ in range(500) for one in of(StreamSend, told(router, message=long)))
    assert SEND_LIMIT - 6000 < sent <= SEND_LIMIT
    more = of(StreamSend, router.handle(StreamWritable(stream), 1.0))
    assert 0 < sum(len(one.octets) for one in more) <= SEND_LIMIT


def test_a_line_taken_back_closes_its_connection_and_one_kept_stays() -> None:
    router = configured(*TCP)
    stream = connected(router)
    parsed = LANGUAGE.parse_text("\n".join(TCP))
    assert router.handle(Configured("system", model(parsed.tree)), 1.0) == []
    assert router.handle(Configured("system", model(ConfigTree())), 2.0) == [StreamClose(stream)]
    assert router.handle(StreamUp(stream, OURS, 1, HOST, 1514), 3.0) == []
    assert router.next_deadline() is None


def test_streams_of_others_mean_nothing_here() -> None:
    router = configured(*TCP)
    connected(router)
    assert router.handle(StreamUp(99, OURS, 1, HOST, 179, taken=True), 1.0) == []
    assert router.handle(StreamWritable(99), 1.0) == []
    assert router.handle(StreamDown(99, StreamEnd.RESET), 1.0) == []
