"""Log and debug lines: their stamps, who gets them, the buffer, and what debugs are on."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dmvpn.base.effects import ConsoleLine, JobDone, JobOutput, SendIp
from dmvpn.base.events import ClockSet, ConfigurationEntered
from dmvpn.base.notices import Configured, DebugOutput, Log
from dmvpn.features.system.clock import StampStyle, Timestamps, TimeZone
from dmvpn.features.system.events import (
    ClearDebug,
    ClearLogging,
    ConditionKind,
    ConfigurationLeft,
    SetDebug,
    SetDebugCondition,
)
from dmvpn.features.system.log_hosts import LogHost
from dmvpn.features.system.machine import SystemMachine
from dmvpn.features.system.model import SystemConfig
from dmvpn.features.system.syslog import LoggingConfig
from support.fakes import fake_ports, log, up

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


def test_an_authoritative_clock_has_no_star_and_days_are_padded_with_a_blank() -> None:
    router = machine()
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
    router.handle(ClearLogging(), 0.0)
    assert router.syslog.lines == ()


def test_a_smaller_buffer_drops_lines_at_once() -> None:
    router = machine()
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


def test_leaving_configuration_mode_is_logged_with_who_and_where() -> None:
    router = machine()
    (line,) = router.handle(ConfigurationLeft("console", "console"), 0.0)
    assert isinstance(line, Log)
    assert line.text == "Configured from console by console"
    (line,) = router.handle(ConfigurationLeft("admin", "vty0 (10.0.0.5)"), 0.0)
    assert isinstance(line, Log)
    assert (line.name, line.severity) == ("SYS-5-CONFIG_I", 5)
    assert line.text == "Configured from console by admin on vty0 (10.0.0.5)"


def test_the_first_configuration_is_a_restart_and_no_later_one() -> None:
    router = machine()
    (line,) = router.handle(ConfigurationEntered("hostname R1", by="startup"), 1.0)
    assert isinstance(line, Log)
    assert (line.name, line.text) == ("SYS-5-RESTART", "System restarted --")
    assert router.handle(ConfigurationEntered("hostname R2", by="admin"), 2.0) == []
    assert router.last_change is not None
    assert (router.last_change.when, router.last_change.by) == (2.0, "admin")


# ------------------------------------------------------------------------------------------------ debugs


def test_switching_a_debug_says_so_and_ends_the_job() -> None:
    router = machine()
    assert not router.on("nhrp packet")
    assert router.handle(SetDebug(4, (PACKETS,), on=True), 0.0) == [
        JobOutput(4, "NHRP packet debugging is on\n"),
        JobDone(4),
    ]
    assert router.on("nhrp packet")
    assert not router.on("nhrp")
    assert router.handle(SetDebug(4, (PACKETS,), on=False), 0.0)[0] == JobOutput(4, "NHRP packet debugging is off\n")
    assert not router.on("nhrp packet")


def test_undebug_all_turns_everything_off_and_forgets_conditions() -> None:
    router = machine()
    router.handle(SetDebug(4, (NHRP, PACKETS), on=True), 0.0)
    router.handle(SetDebugCondition(4, "nhrp", ConditionKind.INTERFACE, "Tunnel0", on=True), 0.0)
    assert router.handle(ClearDebug(4), 0.0) == [
        JobOutput(4, "All possible debugging has been turned off\n"),
        JobDone(4),
    ]
    assert (router.switches.active, router.switches.conditions) == ((), ())


def test_a_condition_lets_only_its_peer_through() -> None:
    router = machine()
    wanted, other = IPv4Address("198.51.100.2"), IPv4Address("198.51.100.3")
    router.handle(SetDebug(4, (NHRP,), on=True), 0.0)
    condition = (ConditionKind.NBMA, "198.51.100.2")
    assert router.handle(SetDebugCondition(4, "nhrp", *condition, on=True), 0.0)[0] == JobOutput(4, "Condition 1 set\n")
    assert router.on("nhrp", wanted)
    assert not router.on("nhrp", other)
    assert not router.on("nhrp")
    assert not router.on("nhrp packet", wanted)


def test_conditions_of_different_kinds_are_alternatives() -> None:
    router = machine()
    router.handle(SetDebug(4, (NHRP,), on=True), 0.0)
    for kind, value in ((ConditionKind.ADDRESS, "10.0.0.12"), (ConditionKind.INTERFACE, "Tunnel0")):
        router.handle(SetDebugCondition(4, "nhrp", kind, value, on=True), 0.0)
    assert router.on("nhrp", address=IPv4Address("10.0.0.12"), interface="Tunnel1")
    assert router.on("nhrp", address=IPv4Address("10.0.0.13"), interface="Tunnel0")
    assert not router.on("nhrp", address=IPv4Address("10.0.0.13"), interface="Tunnel1")


def test_a_condition_taken_back_no_longer_holds() -> None:
    router = machine()
    condition = (ConditionKind.NBMA, "198.51.100.2")
    router.handle(SetDebug(4, (NHRP,), on=True), 0.0)
    router.handle(SetDebugCondition(4, "nhrp", *condition, on=True), 0.0)
    assert router.handle(SetDebugCondition(4, "nhrp", *condition, on=False), 0.0) == [JobDone(4)]
    assert router.on("nhrp")
    assert router.handle(SetDebugCondition(4, "nhrp", *condition, on=False), 0.0)[0] == JobOutput(
        4, "% Condition was not set\n"
    )


def test_a_family_without_conditions_is_not_narrowed_by_another() -> None:
    router = machine()
    router.handle(SetDebug(4, (("EIGRP", "EIGRP Packet", "eigrp packets", ""),), on=True), 0.0)
    router.handle(SetDebugCondition(4, "nhrp", ConditionKind.INTERFACE, "Tunnel0", on=True), 0.0)
    assert router.on("eigrp packets")


def test_all_conditions_of_a_family_go_at_once() -> None:
    router = machine()
    router.handle(SetDebug(4, (NHRP,), on=True), 0.0)
    router.handle(SetDebugCondition(4, "nhrp", ConditionKind.INTERFACE, "Tunnel0", on=True), 0.0)
    assert not router.on("nhrp")
    assert router.handle(SetDebugCondition(4, "nhrp", None, "", on=False), 0.0) == [JobDone(4)]
    assert router.on("nhrp")


def test_the_second_line_of_a_message_stands_for_itself() -> None:
    effects = machine().handle(log("SYS-5-TEST", "first\nsecond"), 0.0)
    assert effects == [ConsoleLine("*Nov 20 06:00:00.000: %SYS-5-TEST: first", 5), ConsoleLine("second", 5)]
