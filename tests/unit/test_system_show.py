"""What the system feature understands and shows: configuration lines, and golden texts of its shows."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING, TypeVar

import pytest

from dmvpn.base.credentials import SecretError, check_secret, is_right
from dmvpn.base.events import ClockSet, ConfigurationEntered, IpReceived
from dmvpn.base.notices import Configured
from dmvpn.features.system import FEATURE, HostDescribed, SystemMachine, events, show
from dmvpn.features.system.clock import StampStyle, Timestamps, TimeZone
from dmvpn.features.system.config import model
from dmvpn.features.system.model import LineConfig, SystemConfig
from dmvpn.features.system.show.switches import debug_commands
from dmvpn.features.system.syslog import LogHost
from dmvpn.ios.common import INTERFACE, INTERFACE_MODE
from dmvpn.ios.configurator import Configurator
from dmvpn.ios.exec_parser import ExecParser, Match
from dmvpn.ios.feature import Change, Confirm, DebugFlag, Feature
from dmvpn.ios.session import ConfigSession
from dmvpn.ios.tree import ConfigTree
from dmvpn.net import icmp, ip
from dmvpn.router.features import FEATURES
from support.fakes import fake_ports, log, up
from support.texts import is_golden

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.ports import Ports

SIX_O_CLOCK = 1795154400.0
FLAGS = (
    DebugFlag("nhrp", "nhrp", "NHRP", "NHRP", "NHRP protocol"),
    DebugFlag("nhrp packet", "nhrp packet", "NHRP packet", "NHRP"),
    DebugFlag("eigrp packets", "eigrp packets", "EIGRP Packet", "EIGRP"),
)
LANGUAGE = Configurator([*FEATURE.config, INTERFACE], [*FEATURE.modes, INTERFACE_MODE])
PARSER = ExecParser([*FEATURE.commands, *debug_commands(FLAGS)])
M = TypeVar("M")


def tree_of(text: str) -> ConfigTree:
    """The tree of a configuration without mistakes."""
    result = LANGUAGE.parse_text(text)
    assert result.problems == ()
    return result.tree


@dataclass
class Context:
    """The view of a show command on one system machine."""

    ports: Ports = field(default_factory=lambda: fake_ports(up("GigabitEthernet0/1", "172.16.31.1", 30)))
    now: float = 0.0
    text: str = "hostname R31-Spoke"
    session: int = 5
    hides: bool = False

    def __post_init__(self) -> None:
        self.running = tree_of(self.text)
        self.system = SystemMachine(self.ports)
        self.system.handle(ClockSet(SIX_O_CLOCK), 0.0)
        self.system.handle(Configured("system", model(self.running)), 0.0)

    @property
    def hostname(self) -> str:
        return self.running.hostname

    @property
    def features(self) -> tuple[Feature, ...]:
        return (FEATURE,)

    @property
    def awake(self) -> tuple[Feature, ...]:
        return self.features

    def in_vrf(self, vrf: str) -> Context | None:
        """The same for the VRF RED, the only one."""
        inside = copy(self)
        inside.ports = replace(self.ports, vrf=vrf)
        return inside if vrf == "RED" else None

    def machine(self, kind: type[M]) -> M:
        assert isinstance(self.system, kind)
        return self.system

    def show(self, line: str) -> str:
        match = PARSER.match(line)
        assert isinstance(match, Match), match
        return "\n".join(match.lines(self))

    def act(self, line: str) -> object:
        match = PARSER.match(line)
        assert isinstance(match, Match), match
        assert match.command.action is not None
        return match.command.action(self, match.args)


def model_of(*lines: str) -> SystemConfig:
    return model(tree_of("\n".join(lines)))


# ------------------------------------------------------------------------------------------------ configuration


def test_an_empty_configuration_is_the_default_model() -> None:
    assert model_of() == SystemConfig()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("no logging console", (None, 7, 7, 6)),
        ("logging console warnings", (4, 7, 7, 6)),
        ("logging console 3", (3, 7, 7, 6)),
        ("logging monitor informational", (7, 6, 7, 6)),
        ("no logging monitor", (7, None, 7, 6)),
        ("logging buffered errors", (7, 7, 3, 6)),
        ("no logging buffered", (7, 7, None, 6)),
        ("logging trap debugging", (7, 7, 7, 7)),
        ("no logging trap", (7, 7, 7, None)),
    ],
)
def test_levels_by_word_and_number(line: str, wanted: tuple[int | None, ...]) -> None:
    log = model_of(line).logging
    assert (log.console, log.monitor, log.buffered, log.trap) == wanted


def test_a_level_typed_as_a_number_is_shown_as_a_word() -> None:
    assert tree_of("logging buffered 8192 6").render() == ["logging buffered 8192 informational", "!"]
    assert model_of("logging buffered 8192 6").logging.buffer_size == 8192


@pytest.mark.parametrize(
    ("line", "stamps"),
    [
        ("service timestamps log datetime msec", Timestamps()),
        ("no service timestamps log", Timestamps(style=StampStyle.NONE)),
        ("service timestamps log uptime", Timestamps(style=StampStyle.UPTIME)),
        ("service timestamps log", Timestamps(style=StampStyle.UPTIME)),
        ("service timestamps log datetime", Timestamps(msec=False)),
        (
            "service timestamps log datetime msec localtime show-timezone year",
            Timestamps(localtime=True, show_timezone=True, year=True),
        ),
    ],
)
def test_service_timestamps(line: str, stamps: Timestamps) -> None:
    config = model_of(line).logging
    assert config.log_stamps == stamps
    assert config.debug_stamps == Timestamps()


def test_names_zone_hosts_and_log_servers() -> None:
    config = model_of(
        "ip domain name example.com",
        "ip domain lookup",
        "ip host hub 10.0.0.1",
        "clock timezone EST -5 30",
        "logging host 192.0.2.9",
        "logging host 192.0.2.10",
        "logging source-interface lo0",
        "no logging on",
        "service sequence-numbers",
    )
    assert config.names.known("HUB.example.com") is None
    assert config.names.known("hub") == IPv4Address("10.0.0.1")
    assert (config.names.lookup, config.names.domain) == (True, "example.com")
    assert config.zone == TimeZone("EST", -330)
    assert config.logging.hosts == (LogHost(IPv4Address("192.0.2.9")), LogHost(IPv4Address("192.0.2.10")))
    assert config.logging.source_interfaces == (("", "Loopback0"),)
    assert (config.logging.enabled, config.logging.sequence_numbers) == (False, True)


def test_a_zone_further_than_the_world_is_refused() -> None:
    (problem,) = LANGUAGE.parse_text("clock timezone XYZ 24").problems
    assert problem.message_lines == ("% The offset must be from -23 to 23 hours",)


def test_no_ip_domain_lookup_is_shown_as_typed_though_it_is_the_default() -> None:
    assert tree_of("no ip domain lookup").render() == ["no ip domain lookup", "!"]
    assert not model_of("no ip domain lookup").names.lookup


def test_terminal_lines() -> None:
    config = model_of(
        "line console 0",
        " exec-timeout 1 0",
        " logging synchronous",
        "line vty 0 4",
        " exec-timeout 5 30",
        " length 0",
        " width 511",
        " history size 50",
    )
    assert config.line("con") == LineConfig(kind="con", timeout=60, synchronous=True)
    assert config.line("vty", 3) == LineConfig(kind="vty", last=4, timeout=330, length=0, width=511, history=50)
    assert config.line("vty", 9) == LineConfig(kind="vty", first=9, last=9, timeout=600)
    assert [SystemConfig().line(kind).timeout for kind in ("con", "vty")] == [0, 600]


def test_the_configuration_loads_back_as_it_was_shown() -> None:
    text = (
        "hostname R1\nno service timestamps debug\nlogging buffered 10000\nno logging console\nenable secret 0 a b\n"
        "clock timezone CET 1 0\nip host hub 10.0.0.1\nline con 0\n exec-timeout 0 0\nline vty 0 4\n length 0"
    )
    shown = tree_of(text).render()
    assert tree_of("\n".join(shown)) == tree_of(text)
    is_golden([line for line in shown if line != "!"], "system_show/the_configuration_loads_back_as_it_was_shown")


# ------------------------------------------------------------------------------------------------ secrets


@pytest.mark.parametrize(
    ("kind", "secret", "word"),
    [
        (0, "cisco", "cisco"),
        (7, "094F471A1A0A", "cisco"),
        (7, "0822455D0A16", "cisco"),
        # hashcat's published examples of these types
        (4, "2btjjy78REtmYkkW0csHUbJZOstRXoWdX1mGrmmfeHI", "hashcat"),
        (5, "$1$28772684$iEwNOgGugqO9.bIz5sk8k/", "hashcat"),
        (8, "$8$TnGX/fE4KGHOVU$pEhnEvxrvaynpi8j4f.EMHr6M.FzU8xnZnBr/tJdFWk", "hashcat"),
        (9, "$9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6", "hashcat"),
    ],
)
def test_the_right_password_and_only_it_is_right(kind: int, secret: str, word: str) -> None:
    check_secret(kind, secret)
    assert is_right(kind, secret, word)
    assert not is_right(kind, secret, word + "x")
    assert not is_right(kind, secret, "")


@pytest.mark.parametrize(
    ("kind", "secret"), [(4, "short"), (5, "$1$mERr$x"), (6, "abc"), (7, "xy"), (8, "plain"), (9, "$9$a$b")]
)
def test_a_secret_that_nobody_could_type_right_is_refused(kind: int, secret: str) -> None:
    with pytest.raises(SecretError):
        check_secret(kind, secret)
    problems = LANGUAGE.parse_text(f"enable secret {kind} {secret}").problems
    if kind in (4, 5, 8, 9):
        assert problems[0].message_lines[0].startswith("% A secret of type ")


@pytest.mark.parametrize("line", ["enable secret 6 abc", "enable secret 7 094F471A1A0A", "username bob secret 3 abc"])
def test_a_type_that_a_secret_cannot_have_gets_the_caret(line: str) -> None:
    result = ConfigSession(LANGUAGE, ConfigTree()).enter(line)
    assert result.refused
    assert result.output_lines[0].index("^") == line.index(" ", line.index("secret")) + 1


# ------------------------------------------------------------------------------------------------ shows


def test_show_version_word_for_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(show, "__version__", "0.1.0")
    context = Context(now=94_440.0)
    context.system.handle(HostDescribed(board="8F3A11D27C", memory_kb=2074940, used_kb=3075, disk_kb=11526144), 0.0)
    is_golden(context.show("show version"), "system_show/show_version_word_for_word")


US, THERE, ROUTER = "2001:db8:3::1", "2001:db8:4::1", "2001:db8:100::11"


def too_big(octets: int, *, there: str = THERE, quoted: str = US, by: str = ROUTER, vrf: str = "") -> IpReceived:
    source, to, us = ip_address(by), ip_address(there), ip_address(US)
    packet = ip.build(source=ip_address(quoted), destination=to, protocol=17, payload=bytes(8))
    message = ip.serialize_icmp(icmp.DestinationUnreachable(code=4, next_hop_mtu=octets, quoted=packet), 6)
    octets_of_report = ip.build(source=source, destination=us, protocol=58, payload=message)[40:]
    return IpReceived("Tunnel100", source, us, 58, octets_of_report, vrf=vrf)


def test_show_ipv6_mtu_has_what_routers_report_of_our_own_packets_for_ten_minutes() -> None:
    """No report raises a path MTU while it counts, and none is below what every path of IPv6 takes, RFC 8201 §4."""
    context = Context()
    for when, report in enumerate(
        [
            too_big(1400),
            too_big(1420),
            too_big(1279, there="2001:db8:5::1"),
            too_big(1300, there="2001:db8:6::1", quoted="2001:db8:7::1"),
            too_big(1300, there="2001:db8:7::1", by=US),
            too_big(1280, there="2001:db8:2::1", vrf="RED"),
        ],
        100,
    ):
        context.system.handle(report, when)
    context.now = 361
    heading = "MTU     Since     Destination Address"
    assert context.show("show ipv6 mtu") == f"{heading}\n1400    00:04:21  2001:DB8:4::1"
    assert context.show("show ipv6 mtu vrf RED") == f"{heading}\n1280    00:04:16  2001:DB8:2::1"
    assert context.show("show ipv6 mtu vrf NONE") == "% IP routing table vrf NONE does not exist"
    context.now = 701
    assert context.show("show ipv6 mtu") == heading
    context.system.handle(too_big(1420), 701)
    assert "1420    00:00:00" in context.show("show ipv6 mtu")


def test_reports_of_path_mtus_for_ever_new_destinations_are_bounded() -> None:
    context = Context()
    for number in range(1000):
        context.system.handle(too_big(1300, there=f"2001:db8:4::{number:x}"), number / 10)
    assert len(context.show("show ipv6 mtu").splitlines()) == 257


def test_a_station_that_reports_ever_new_destinations_displaces_no_report_of_another_one() -> None:
    context = Context()
    context.system.handle(too_big(1400, there="2001:db8:7::1", by="2001:db8:100::12"), 0.0)
    for number in range(1000):
        context.system.handle(too_big(1300, there=f"2001:db8:4::{number:x}"), number / 10)
    shown = context.show("show ipv6 mtu").splitlines()
    assert [line for line in shown if line.startswith("1400")] == ["1400    00:00:00  2001:DB8:7::1"]
    assert (shown[1][18:], shown[-2][18:], len(shown)) == ("2001:DB8:4::2E9", "2001:DB8:4::3E7", 257)


def test_show_clock() -> None:
    context = Context(now=0.347)
    assert context.show("show clock") == "*06:00:00.347 UTC Fri Nov 20 2026"
    context = Context(now=0.347, text="clock timezone CET 1")
    context.system.handle(ClockSet(SIX_O_CLOCK, authoritative=True), 0.0)
    assert context.show("sh clock det") == "07:00:00.347 CET Fri Nov 20 2026\nTime source is the operating system"


def test_show_logging_word_for_word() -> None:
    context = Context()
    message = log("LINEPROTO-5-UPDOWN", "Line protocol on Interface Tunnel0, changed state to up")
    context.system.handle(message, 69.123)
    is_golden(context.show("show logging"), "system_show/show_logging_word_for_word")


def test_show_logging_with_destinations_switched_off() -> None:
    text = (
        "no logging console\nno logging buffered\nno logging trap\nlogging host 192.0.2.9\nlogging source-interface lo0"
    )
    shown = Context(text=text).show("show logging")
    assert "    Console logging: disabled\n" in shown
    assert "    Buffer logging:  disabled\n" in shown
    assert "    Trap logging: disabled\n        Logging to 192.0.2.9  (udp port 514" in shown
    assert shown.endswith("        Logging Source-Interface:       VRF Name:\n        Loopback0")


def test_show_debugging_lists_groups_and_conditions() -> None:
    context = Context()
    assert context.show("show debugging") == ""
    for line in (
        "debug nhrp",
        "debug eigrp packets",
        "debug nhrp packet",
        "debug nhrp condition peer nbma 198.51.100.2",
    ):
        event = context.act(line)
        assert isinstance(event, events.SetDebug | events.SetDebugCondition)
        context.system.handle(event, 0.0)
    assert context.show("show debugging") == (
        "EIGRP:\n  EIGRP Packet debugging is on\n\n"
        "NHRP:\n  NHRP protocol debugging is on\n  NHRP packet debugging is on\n\n"
        "Condition 1: peer nbma 198.51.100.2"
    )


def test_show_running_config_has_ios_head_and_end() -> None:
    context = Context(text="hostname R31\ninterface Tunnel0\nip host hub 10.0.0.1")
    context.system.handle(ConfigurationEntered("", by="admin"), 69.0)
    shown = context.show("show running-config")
    body = (
        "!\n! Last configuration change at 06:01:09 UTC Fri Nov 20 2026 by admin\n!\n"
        "! Written by dmvpn\nversion 17.9\n!\n"
        "hostname R31\n!\n"
        "ip host hub 10.0.0.1\n!\ninterface Tunnel0\n!\nend\n"
    )
    assert shown == f"Building configuration...\n\nCurrent configuration : {len(body)} bytes\n{body}"
    assert context.show("show run | include ^interface|host") == "hostname R31\nip host hub 10.0.0.1\ninterface Tunnel0"


def test_show_running_config_of_one_interface() -> None:
    context = Context(text="hostname R31\ninterface Tunnel0")
    assert context.show("show run interface tu0") == (
        "Building configuration...\n\nCurrent configuration : 24 bytes\n!\ninterface Tunnel0\nend\n"
    ).replace(": 24", f": {len('!' + chr(10) + 'interface Tunnel0' + chr(10) + 'end' + chr(10))}")
    assert context.show("show run int tu9") == "% Invalid interface: it is not configured"


def test_show_hosts_and_inventory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(show, "__version__", "0.1.0")
    context = Context(text="ip domain name example.com\nip host hub 10.0.0.1")
    context.system.handle(HostDescribed(board="8F3A11D27C"), 0.0)
    shown = context.show("show hosts").splitlines()
    assert shown[:2] == ["Default domain is example.com", "Name/address lookup uses static mappings"]
    assert shown[-1] == "hub                       None  (perm, OK)  0   IP    10.0.0.1"
    assert context.show("show inventory") == (
        'NAME: "Chassis", DESCR: "dmvpn router (software)"\nPID: DMVPN             , VID: 0.1.0, SN: 8F3A11D27C\n'
    )


def test_every_show_can_be_had_as_json() -> None:
    context = Context()
    for command in FEATURE.commands:
        if command.query is not None and "{" not in command.syntax:
            line = command.syntax.partition(" [")[0]
            assert context.show(f"{line} | json").startswith("{")


# ------------------------------------------------------------------------------------------------ actions


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("ping 10.4.4.1", events.StartPing(5, destination="10.4.4.1")),
        ("ping hub", events.StartPing(5, destination="hub")),
        ("ping ip hub", events.StartPing(5, destination="hub", version=4)),
        ("traceroute ipv6 hub", events.StartTraceroute(5, destination="hub", version=6)),
        (
            "ping 10.4.4.1 timeout 1 size 1400 repeat 100 df-bit source 10.3.3.1",
            events.StartPing(
                5, destination="10.4.4.1", source=IPv4Address("10.3.3.1"), repeat=100, size=1400, timeout=1, df=True
            ),
        ),
        (
            "ping 10.4.4.1 source gi 0/2 repeat 2",
            events.StartPing(5, destination="10.4.4.1", source="GigabitEthernet0/2", repeat=2),
        ),
        ("traceroute 10.4.4.1", events.StartTraceroute(5, destination="10.4.4.1")),
        (
            "traceroute 10.4.4.1 source 10.3.3.1 ttl 0 255 timeout 2",
            events.StartTraceroute(
                5, destination="10.4.4.1", source=IPv4Address("10.3.3.1"), timeout=2, first_ttl=0, last_ttl=255
            ),
        ),
        (
            "trace 10.4.4.1 numeric probe 1 port 40000",
            events.StartTraceroute(5, destination="10.4.4.1", probes=1, port=40000),
        ),
        ("undebug all", events.ClearDebug(5)),
        ("no debug all", events.ClearDebug(5)),
        ("clear logging", Confirm("Clear logging buffer [confirm]", events.ClearLogging())),
        ("clock set 12:00:00 1 January 2019", ClockSet(1546344000, authoritative=True)),
        ("clock set 12:00:00 jan 1 2019", ClockSet(1546344000, authoritative=True)),
        (
            "clock set 12:00:61 1 Jan 2019",
            Change(said=("% Not a valid time: hh:mm:ss, a day, and a month by its name",), failed=True),
        ),
        (
            "clock set 12:00:00 31 Feb 2019",
            Change(said=("% Not a valid date: that month has no such day",), failed=True),
        ),
        (
            "debug dmvpn condition interface tu0",
            events.SetDebugCondition(5, "nhrp", events.ConditionKind.INTERFACE, "Tunnel0", on=True),
        ),
        (
            "no debug nhrp condition peer tunnel 10.0.0.12",
            events.SetDebugCondition(5, "nhrp", events.ConditionKind.ADDRESS, "10.0.0.12", on=False),
        ),
        (
            "debug nhrp condition peer tunnel 2001:DB8::12",
            events.SetDebugCondition(5, "nhrp", events.ConditionKind.ADDRESS, "2001:db8::12", on=True),
        ),
        ("undebug nhrp condition", events.SetDebugCondition(5, "nhrp", None, "", on=False)),
    ],
)
def test_commands_make_events(line: str, event: object) -> None:
    assert Context().act(line) == event


@pytest.mark.parametrize("line", ["no debug nhrp packet", "undebug nhrp packet", "und nh pa"])
def test_a_debug_is_switched_off_in_three_ways(line: str) -> None:
    event = Context().act(line)
    assert isinstance(event, events.SetDebug)
    assert not event.on
    assert [name for _, _, name, _ in event.debugs] == ["nhrp packet"]


def test_flags_with_one_syntax_are_switched_together() -> None:
    flags = [DebugFlag("a", "dmvpn all", "A", "G"), DebugFlag("b", "dmvpn all", "B", "G")]
    match = ExecParser(debug_commands(flags)).match("debug dmvpn all")
    assert isinstance(match, Match)
    assert match.command.action is not None
    event = match.command.action(Context(), match.args)
    assert isinstance(event, events.SetDebug)
    assert [name for _, _, name, _ in event.debugs] == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("debug dmvpn error nhrp", ["nhrp error"]),
        ("debug dmvpn packet nhrp", ["nhrp extension", "nhrp packet"]),
        ("debug dmvpn detail tunnel", ["tunnel", "tunnel keepalive"]),
        ("debug dmvpn error all", ["crypto ikev2 error", "nhrp error"]),
        ("debug dmvpn all tunnel", ["tunnel", "tunnel keepalive"]),
        ("debug dmvpn packet crypto", ["crypto ikev2 packet"]),
        ("debug dmvpn detail crypto", ["crypto ikev2", "crypto ikev2 internal", "crypto ipsec", "crypto isakmp"]),
        ("debug dmvpn all socket", ["crypto socket"]),
        ("no debug dmvpn packet all", ["crypto ikev2 packet", "nhrp extension", "nhrp packet"]),
        ("debug dmvpn tunnel all", None),
    ],
)
def test_debug_dmvpn_switches_what_is_of_its_level_and_part(line: str, names: list[str] | None) -> None:
    flags = [flag for feature in FEATURES for flag in feature.debugs]
    match = ExecParser(debug_commands(flags)).match(line)
    if names is None:
        assert not isinstance(match, Match)
        return
    assert isinstance(match, Match)
    assert match.command.action is not None
    event = match.command.action(Context(), match.args)
    assert isinstance(event, events.SetDebug)
    assert (sorted(name for _, _, name, _ in event.debugs), event.on) == (names, line.startswith("debug"))


def test_debug_dmvpn_all_all_switches_every_debug_of_nhrp_tunnels_and_crypto() -> None:
    flags = [flag for feature in FEATURES for flag in feature.debugs]
    match = ExecParser(debug_commands(flags)).match("debug dmvpn all all")
    assert isinstance(match, Match)
    assert match.command.action is not None
    event = match.command.action(Context(), match.args)
    assert isinstance(event, events.SetDebug)
    wanted = [flag.name for flag in flags if flag.name.split()[0] in ("nhrp", "tunnel", "crypto")]
    assert sorted(name for _, _, name, _ in event.debugs) == sorted(wanted)


def test_help_texts_are_there_for_every_command() -> None:
    def rows(line: str) -> Iterable[str]:
        return PARSER.help_lines(line)

    for row in (*rows("show "), *rows("ping 10.4.4.1 "), *rows("debug nhrp ")):
        assert row == "  <cr>" or len(row.split(None, 1)) == 2, row
