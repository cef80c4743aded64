"""NAT: which lines say what, what is refused, and what the data plane is told."""

from __future__ import annotations

import errno
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.config import check_scenario
from dmvpn.base.effects import ForgetTranslations, SetTranslation
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import UserError
from dmvpn.base.events import ConfigurationEntered, EffectFailed, EnteredLine, LinesEntered, LinkChanged, Tick
from dmvpn.base.recording import RecordedEvent, Recorder, load
from dmvpn.base.shell import NoPlane
from dmvpn.base.translation import (
    ESP,
    GRE,
    ICMP,
    TCP,
    UDP,
    FlowFilter,
    PacketFlow,
    TranslatedFlow,
    Translations,
    port_range,
)
from dmvpn.dataplane.host import HostProblem
from dmvpn.dataplane.netlink import netfilter
from dmvpn.dataplane.netlink.nfsocket import Family, NetfilterSocket, forward_drops
from dmvpn.dataplane.netlink.wire import parse_messages
from dmvpn.face.language import exec_parser
from dmvpn.features.nat.machine import ClearNatStatistics, ClearTranslations
from dmvpn.ios import Fate, Match
from dmvpn.labs.unsupported_lines import not_built, refuse_left_out
from dmvpn.router.entered_text import take_in
from dmvpn.router.features import FEATURES
from dmvpn.router.router import Router
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.lint import lint
from support.texts import is_golden

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import Log

INTERFACES = """
interface GigabitEthernet1
 ip address 203.0.113.2 255.255.255.252
 ip nat outside
interface GigabitEthernet2
 ip address 10.1.1.1 255.255.255.0
 ip nat inside
"""
RULE = "ip nat inside source list LAN interface GigabitEthernet1 overload\n"


def standard(*entries: str) -> str:
    return INTERFACES + RULE + "ip access-list standard LAN\n" + "".join(f" {entry}\n" for entry in entries)


def extended(*entries: str) -> str:
    return INTERFACES + RULE + "ip access-list extended LAN\n" + "".join(f" {entry}\n" for entry in entries)


def flow(
    source: str = "10.1.1.10", destination: str = "198.51.100.80", protocol: int = UDP, ports: tuple[int, int] = (0, 0)
) -> PacketFlow:
    return PacketFlow(protocol, IPv4Address(source), IPv4Address(destination), *ports)


class Life:
    """A router and what it did."""

    def __init__(self, text: str) -> None:
        self.router = Router(SeededEntropy(1))
        self.logs: list[str] = []
        self.router.logged = self._hear
        self.effects: list[Effect] = []
        self.enter(text)
        for number in (1, 2):
            self.handle(LinkChanged(f"GigabitEthernet{number}", up=True), 1.0)

    def _hear(self, log: Log) -> None:
        self.logs.append(f"%{log.kind.name}: {log.text}")

    def handle(self, event: object, now: float) -> list[Effect]:
        self.effects = self.router.handle(event, now)  # type: ignore[arg-type]
        return self.effects

    def enter(self, text: str) -> SetTranslation:
        self.handle(ConfigurationEntered(text), 0.0)
        return self.order()

    def order(self) -> SetTranslation:
        found = [effect for effect in self.effects if isinstance(effect, SetTranslation)]
        return found[-1] if found else SetTranslation()

    def shown(self, line: str) -> list[str]:
        match = exec_parser(FEATURES).match(line)
        assert isinstance(match, Match), match
        return list(match.lines(self.router.context(2.0)))


def ordered(text: str) -> SetTranslation:
    router = Router(SeededEntropy(1))
    effects = router.handle(ConfigurationEntered(text), 0.0)
    return next((effect for effect in effects if isinstance(effect, SetTranslation)), SetTranslation())


def translates(text: str, packet: PacketFlow) -> bool:
    order = ordered(text)
    assert order.inside == ("GigabitEthernet2",)
    return order.rules[0].translates(packet)


@pytest.mark.parametrize(
    "text",
    [
        standard("10 permit 10.1.1.0 0.0.0.255"),
        extended("10 deny ip 10.1.1.0 0.0.0.255 10.0.0.0 0.255.255.255", "20 permit udp any any eq 53"),
        INTERFACES + "ip nat inside source route-map OUT interface GigabitEthernet1 overload\n",
        INTERFACES + "ip nat inside source list 7 interface GigabitEthernet1 overload\naccess-list 7 permit any\n",
        INTERFACES
        + "ip nat pool INET 203.0.113.1 203.0.113.2 netmask 255.255.255.252\naccess-list 7 permit any\n"
        + "ip nat inside source list 7 pool INET mapping-id 10 overload\n",  # of stateful NAT
    ],
)
def test_the_lines_are_shown_back_as_they_were_typed_and_read_again(text: str) -> None:
    tree = take_in(text).tree
    shown = "\n".join(tree.render())
    assert {line.strip() for line in shown.splitlines()} - {"!"} == {line.strip() for line in text.split("\n")} - {""}
    assert take_in(shown).tree == tree


def test_each_line_has_its_no_form() -> None:
    life = Life(standard("permit any"))
    assert life.router.running.render()
    taken = "\n".join(
        (
            standard("permit any"),
            f"no {RULE}",
            "interface GigabitEthernet1\n no ip nat outside\ninterface GigabitEthernet2\n no ip nat inside\n",
        )
    )
    assert ordered(taken) == SetTranslation()
    assert not [line for line in take_in(taken).tree.render() if "nat" in line]


@pytest.mark.parametrize(
    ("text", "packet", "expected"),
    [
        (standard("permit 10.1.1.0 0.0.0.255"), flow(), True),
        (standard("permit 10.1.1.0 0.0.0.255"), flow("10.1.2.10"), False),
        (standard("deny host 10.1.1.10", "permit any"), flow(), False),
        (standard("deny host 10.1.1.10", "permit any"), flow("10.1.1.11"), True),
        (standard("20 permit any", "10 deny host 10.1.1.10"), flow(), False),
        (standard("remark everybody", "permit any"), flow(protocol=ICMP), True),
        (extended("permit tcp any any"), flow(protocol=UDP), False),
        (extended("permit tcp any any eq www"), flow(protocol=TCP, ports=(2000, 80)), True),
        (extended("permit tcp any any eq www"), flow(protocol=TCP, ports=(2000, 81)), False),
        (extended("permit udp any range 2000 3000 any"), flow(ports=(2000, 53)), True),
        (extended("permit udp any range 2000 3000 any"), flow(ports=(3001, 53)), False),
        (extended("deny ip any 198.51.100.0 0.0.0.255", "permit ip any any"), flow(), False),
        (extended("permit icmp any any"), flow(protocol=ICMP), True),
        (extended("permit udp any any eq isakmp non500-isakmp ntp"), flow(ports=(2000, 4500)), True),
        (extended("permit udp any any eq isakmp non500-isakmp ntp"), flow(ports=(2000, 124)), False),
        (extended("permit udp any any neq 53"), flow(ports=(2000, 54)), True),
        (extended("permit udp any any neq 53"), flow(ports=(2000, 53)), False),
        (extended("permit udp any any neq 500 501"), flow(ports=(2000, 501)), False),
        (extended("permit udp any eq 67 68 any eq 67 68"), flow(ports=(68, 67)), True),
        (extended("permit udp any eq 67 68 any eq 67 68"), flow(ports=(68, 69)), False),
        (extended("permit udp any any lt 0"), flow(ports=(2000, 0)), False),
        (extended("permit ip any any log-input"), flow(), True),
    ],
)
def test_an_access_list_says_what_is_translated(text: str, packet: PacketFlow, expected: bool) -> None:
    assert translates(text, packet) is expected


def test_numbered_lists_are_lists() -> None:
    rule = "ip nat inside source list {} interface GigabitEthernet1 overload\n"
    plain = INTERFACES + rule.format(1) + "access-list 1 permit 10.1.1.0 0.0.0.255\n"
    assert translates(plain, flow())
    assert not translates(plain, flow("10.9.9.9"))
    wide = (
        INTERFACES
        + rule.format(101)
        + "access-list 101 deny ip any host 192.0.2.1\naccess-list 101 permit ip any any\n"
    )
    assert translates(wide, flow())
    assert not translates(wide, flow(destination="192.0.2.1"))


MAP = INTERFACES + "ip nat inside source route-map OUT interface GigabitEthernet1 overload\n"
LISTS = "access-list 1 permit 10.1.1.10\naccess-list 2 permit 10.1.1.0 0.0.0.255\n"


@pytest.mark.parametrize(
    ("entries", "source", "expected"),
    [
        ("route-map OUT permit 10\n match ip address 2\n", "10.1.1.20", True),
        ("route-map OUT permit 10\n match ip address 1\n", "10.1.1.20", False),
        ("route-map OUT permit 10\n match ip address 1 2\n", "10.1.1.20", True),
        (
            "route-map OUT deny 10\n match ip address 1\nroute-map OUT permit 20\n match ip address 2\n",
            "10.1.1.10",
            False,
        ),
        (
            "route-map OUT deny 10\n match ip address 1\nroute-map OUT permit 20\n match ip address 2\n",
            "10.1.1.20",
            True,
        ),
        ("route-map OUT permit 10\n match interface GigabitEthernet1\n", "10.7.7.7", True),
        ("route-map OUT permit 10\n match ip address 2\n match interface GigabitEthernet1\n", "10.1.1.20", True),
        ("route-map OUT permit 10\n", "10.1.1.20", True),
    ],
)
def test_a_route_map_says_what_is_translated(entries: str, source: str, expected: bool) -> None:
    assert translates(MAP + LISTS + entries, flow(source)) is expected


@pytest.mark.parametrize(("source", "expected"), [("10.1.1.7", True), ("10.3.9.9", True), ("10.4.0.1", False)])
def test_a_group_of_networks_in_the_list_of_a_rule_is_its_members(source: str, expected: bool) -> None:
    """A router with its inside networks in an object group translated nothing."""
    text = "object-group network INNER\n 10.2.0.0 255.255.0.0\n 10.3.0.0 255.255.0.0\n"
    text += "object-group network LANS\n host 10.1.1.7\n group-object INNER\n" + extended(
        "permit ip object-group LANS any"
    )
    assert translates(text, flow(source)) is expected


def test_a_route_map_about_another_interface_translates_nothing() -> None:
    assert ordered(MAP + LISTS + "route-map OUT permit 10\n match interface GigabitEthernet3\n") == SetTranslation()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (extended("10 permit gre any any"), "access list LAN: entry 10 names protocol 47"),
        (extended("permit ip any any", "deny ospf any any"), "access list LAN: entry 20 names protocol 89"),
        (extended("permit tcp any any established"), "access list LAN: entry 10 asks for established"),
        (extended("permit icmp any any echo"), "access list LAN: entry 10 asks for echo"),
        (extended("deny ip any any dscp ef", "permit ip any any"), "access list LAN: entry 10 asks for dscp ef"),
        (extended("permit ip any object-group G"), "access list LAN: entry 10 asks for object-group G"),
        (
            "object-group network MANY\n"
            + "".join(f" host 10.0.0.{number}\n" for number in range(1, 66))
            + extended("permit ip object-group MANY object-group MANY"),
            "access list LAN: entry 10 asks for object-group MANY",
        ),
        (
            MAP + "route-map OUT permit 10\n match ip address prefix-list P\n",
            "route map OUT: entry 10 has lines other than match ip address and interface",
        ),
    ],
)
def test_a_rule_that_cannot_be_obeyed_to_the_letter_is_not_obeyed_and_says_why(text: str, why: str) -> None:
    life = Life(text)
    assert life.router.running.render()
    assert ordered(text) == SetTranslation()
    (line,) = [line for line in life.logs if "RULE_REFUSED" in line]
    assert why in line
    assert any(why in line for line in life.shown("show ip nat statistics"))
    assert [one.rule for one in lint({"R1.cfg": text}) if one.rule == "nat-rule-refused"] == ["nat-rule-refused"]


def test_without_inside_or_outside_nothing_is_translated_and_lint_says_which_is_missing() -> None:
    whole = standard("permit 10.1.1.0 0.0.0.255")
    for missing, rule in ((" ip nat outside\n", "nat-without-outside"), (" ip nat inside\n", "nat-without-inside")):
        text = whole.replace(missing, "")
        assert ordered(text) == SetTranslation()
        assert rule in [one.rule for one in lint({"R1.cfg": text})]
    assert not [one.rule for one in lint({"R1.cfg": whole}) if one.rule.startswith("nat-")]


def test_lint_names_a_list_and_a_route_map_that_do_not_exist() -> None:
    found = [one.rule for one in lint({"R1.cfg": INTERFACES + RULE})]
    assert "list-undefined" in found
    assert "route-map-undefined" in [one.rule for one in lint({"R1.cfg": MAP})]


def test_a_list_that_also_permits_what_a_tunnel_carries_is_no_mistake() -> None:
    tunnel = "interface Tunnel0\n ip address 10.0.0.2 255.255.255.0\n tunnel source GigabitEthernet1\n"
    found = [one.rule for one in lint({"R1.cfg": standard("permit 10.0.0.0 0.255.255.255") + tunnel})]
    assert not [rule for rule in found if rule.startswith("nat-")]


@pytest.mark.parametrize("source", ["GigabitEthernet1", "203.0.113.2"])
def test_gre_and_esp_from_inside_are_refused_where_the_router_has_its_own(source: str) -> None:
    text = standard("permit any")
    assert ordered(text).rules[0].refused == ()
    tunnel = f"interface Tunnel0\n ip address 10.0.0.2 255.255.255.0\n tunnel source {source}\n"
    router = Router(SeededEntropy(1))
    effects = router.handle(ConfigurationEntered(text + tunnel), 0.0)
    effects += router.handle(LinkChanged("GigabitEthernet1", up=True), 1.0)
    last = [effect for effect in effects if isinstance(effect, SetTranslation)][-1]
    assert last.rules[0].refused == (GRE, ESP)


@pytest.mark.parametrize("port", [0, 1, 53, 500, 1023, 4500, 5000, 65535])
def test_no_station_inside_speaks_from_a_port_of_the_routers_ike(port: int) -> None:
    first, last = port_range(port)
    assert 1024 <= first <= last <= 65535
    assert not {500, 4500} & {*range(first, last + 1)}


def test_what_the_host_refuses_is_logged_once_and_tried_again_and_logged_again_after_it_was_well() -> None:
    life = Life(standard("permit any"))
    order = life.router.handle(ConfigurationEntered(standard("permit 10.1.1.0 0.0.0.255")), 2.0)[-1]
    assert isinstance(order, SetTranslation)
    life.handle(EffectFailed(order, 95, "Operation not supported"), 2.0)
    assert sum("NOT_TRANSLATING" in line for line in life.logs) == 1
    assert "Not translating: Operation not supported" in life.shown("show ip nat statistics")
    due = life.router.next_deadline()
    assert due is not None
    assert order in life.handle(Tick(), 3.0)
    life.handle(EffectFailed(order, 95, "Operation not supported"), 3.0)
    assert sum("NOT_TRANSLATING" in line for line in life.logs) == 1
    for second in (5.0, 310.0):  # the host takes it at last
        life.handle(Tick(), second)
    life.handle(EffectFailed(order, 95, "Operation not supported"), 311.0)
    assert sum("NOT_TRANSLATING" in line for line in life.logs) == 2


def test_a_refused_order_can_be_recorded_and_lived_again() -> None:
    event = EffectFailed(ordered(extended("permit tcp any any eq www")), 95, "Operation not supported")
    written: list[str] = []
    Recorder("R1", written.append).event(event, 1.0)
    assert load(written[0]) == RecordedEvent(1.0, "R1", event)


def test_run_refuses_a_rule_that_would_translate_nothing_and_names_the_reason() -> None:
    text = extended("10 permit gre any any")
    result = take_in(text).result
    with pytest.raises(UserError, match="access list LAN: entry 10 names protocol 47") as refusal:
        refuse_left_out("R1.cfg", result, ())
    assert "\n" not in str(refusal.value)
    refuse_left_out("R1.cfg", result, [RULE.strip()])
    refuse_left_out("R1.cfg", take_in(standard("permit any")).result, ())
    assert any("entry 10 names protocol 47" in line for line in not_built(take_in(text).tree))


def test_a_lab_goes_on_and_says_so_and_a_strict_one_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    whole = Scenario.load("nat-overload")
    text = whole.configurations["R31"].replace("list LAN interface", "list 150 interface")
    text = text.replace("\nend", "\naccess-list 150 permit gre any any\nend")
    scenario = Scenario(whole.name, whole.lab, {"R31": text})
    check_scenario(scenario)
    said = capsys.readouterr().err
    assert "R31: ip nat inside source list 150 interface GigabitEthernet0/1 overload: it translates nothing" in said
    with pytest.raises(UserError, match="entry 10 names protocol 47"):
        check_scenario(scenario, strict=True)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("ip nat pool P 203.0.113.5 203.0.113.9 netmask 255.255.255.0 type rotary", "NAT of other kinds"),
        ("ip nat inside source static 10.1.1.5 203.0.113.5 route-map OUT", "NAT of other kinds"),
        ("ip nat inside source static esp 10.1.1.5 interface GigabitEthernet1", "NAT of other kinds"),
        ("ip nat inside destination list 7 pool P", "NAT of the outside"),
        ("ip nat outside source static 10.9.9.9 10.1.1.9", "NAT of the outside"),
    ],
)
def test_other_nat_is_left_out_and_named(line: str, name: str) -> None:
    """It was kept like an option of a protocol, and `dmvpn run` started without the translation."""
    intake = take_in(f"{INTERFACES}{line}\n")
    (entry,) = [entry for entry in intake.result.entries if entry.group is not None]
    assert (entry.fate, entry.group.name if entry.group else "") == (Fate.LEFT_OUT, name)
    assert line not in intake.tree.render()


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("*", None),
        ("* forced", None),
        (
            "inside 203.0.113.5 10.1.1.5",
            FlowFilter(None, (IPv4Address("203.0.113.5"), 0), (IPv4Address("10.1.1.5"), 0)),
        ),
        (
            "inside 203.0.113.5 10.1.1.5 outside 198.51.100.80 198.51.100.80",
            FlowFilter(
                None, (IPv4Address("203.0.113.5"), 0), (IPv4Address("10.1.1.5"), 0), (IPv4Address("198.51.100.80"), 0)
            ),
        ),
        (
            "outside 198.51.100.80 198.51.100.80 forced",
            FlowFilter(None, None, None, (IPv4Address("198.51.100.80"), 0)),
        ),
        ("vrf GUESTS *", FlowFilter(vrf="GUESTS")),
        (
            "tcp inside 203.0.113.5 8080 10.1.1.5 80 outside 198.51.100.80 3000 198.51.100.80 3000 forced",
            FlowFilter(
                TCP,
                (IPv4Address("203.0.113.5"), 8080),
                (IPv4Address("10.1.1.5"), 80),
                (IPv4Address("198.51.100.80"), 3000),
            ),
        ),
    ],
)
def test_clear_forgets_the_flows_that_it_names(words: str, meant: FlowFilter | None) -> None:
    life = Life(standard("permit any"))
    match = exec_parser(FEATURES).match(f"clear ip nat translation {words}")
    assert isinstance(match, Match)
    assert match.command.action is not None
    event = match.command.action(life.router.context(2.0), match.args)
    assert event == ClearTranslations(meant)
    assert life.handle(event, 3.0) == [ForgetTranslations(meant)]
    written: list[str] = []
    Recorder("R1", written.append).event(ClearTranslations(meant), 1.0)
    assert load(written[0]) == RecordedEvent(1.0, "R1", ClearTranslations(meant))


POOL = "ip nat pool INET 203.0.113.4 203.0.113.6 netmask 255.255.255.0\n"
WIDE = INTERFACES.replace("203.0.113.2 255.255.255.252", "203.0.113.2 255.255.255.0")


def test_public_lines_become_an_order_and_are_shown_back() -> None:
    lines = [
        POOL.strip(),
        "ip nat inside source route-map NONAT pool INET overload",
        "ip nat inside source static 10.1.1.11 203.0.113.9 extendable no-alias",
        "ip nat inside source static tcp 10.1.1.10 80 interface GigabitEthernet1 8080",
        "ip nat inside source static udp 10.1.1.10 53 203.0.113.10 53 extendable",
        "ip nat inside source static network 10.1.2.0 203.0.113.128 /25 no-payload",
        "route-map NONAT permit 10",
        "access-list 110 deny ip 10.1.1.0 0.0.0.255 10.2.0.0 0.0.255.255",
        "access-list 110 permit ip 10.1.1.0 0.0.0.255 any",
    ]
    text = WIDE + "\n".join(lines).replace("permit 10\n", "permit 10\n match ip address 110\n") + "\n"
    life = Life(text)
    shown = life.router.running.render()
    assert [line for line in lines if line not in shown] == []
    order = ordered(text)
    assert order.outside == ("GigabitEthernet1",)
    (rule,) = order.rules
    assert (rule.pool, rule.overload) == (((IPv4Address("203.0.113.4"), IPv4Address("203.0.113.6")),), True)
    assert [rule.translates(flow(destination=to)) for to in ("198.51.100.1", "10.2.3.4")] == [True, False]
    found = {(str(one.local), str(one.public), one.length, one.local_port, one.public_port) for one in order.statics}
    assert found == {
        ("10.1.1.11", "203.0.113.9", 32, 0, 0),
        ("10.1.1.10", "203.0.113.2", 32, 80, 8080),
        ("10.1.1.10", "203.0.113.10", 32, 53, 53),
        ("10.1.2.0", "203.0.113.128", 25, 0, 0),
    }
    aliases = " ".join(map(str, order.aliases))
    assert aliases == "203.0.113.10/32 203.0.113.128/25 203.0.113.4/31 203.0.113.6/32"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("ip nat pool P 203.0.113.9 203.0.113.5 prefix-length 24", "%End address less than start address"),
        ("ip nat pool P 203.0.113.9 203.0.114.5 prefix-length 24", "%Start and end addresses on different subnets"),
        ("ip nat pool P 224.0.0.5 224.0.0.9 prefix-length 24", "% Invalid address: no station has 224.0.0.5"),
        ("ip nat pool P 0.0.0.5 0.0.0.9 prefix-length 24", "% Invalid address: no station has 0.0.0.5"),
        ("ip nat inside source static tcp 10.1.1.5 80 127.0.0.1 80", "% Invalid address: no station has 127.0.0.1"),
        ("ip nat inside source static network 10.1.1.0 203.0.113.0 /33", "% Invalid network mask"),
        ("ip nat inside source static network 10.1.1.1 203.0.113.0 /24", "% Inconsistent address and mask"),
    ],
)
def test_an_impossible_line_is_refused_with_one_answer(line: str, answer: str) -> None:
    (problem,) = take_in(WIDE + line + "\n").result.problems
    assert answer in problem.message_lines


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("static 10.1.1.5 interface GigabitEthernet1", "GigabitEthernet1 is the source of a tunnel"),
        ("static 10.1.1.5 203.0.113.2", "GigabitEthernet1 is the source of a tunnel"),
        ("static udp 10.1.1.5 500 interface GigabitEthernet1 500", "UDP port 500 of GigabitEthernet1"),
        ("static udp 10.1.1.5 68 interface GigabitEthernet1 68", "UDP port 68 of GigabitEthernet1"),
        ("static udp 10.1.1.5 99 203.0.113.2 4500", "UDP port 4500 of GigabitEthernet1"),
        ("static tcp 10.1.1.5 22 interface GigabitEthernet1 22", "TCP port 22 of GigabitEthernet1"),
        ("static tcp 10.1.1.5 80 interface GigabitEthernet1 179", "TCP port 179 of GigabitEthernet1"),
        ("list 7 pool NONE overload", "pool NONE does not exist"),
        ("list 7 pool OWN", "pool OWN has no address"),
    ],
)
def test_what_the_router_needs_for_itself_no_station_gets(line: str, why: str) -> None:
    tunnel = "interface Tunnel0\n ip address 10.0.0.2 255.255.255.0\n tunnel source GigabitEthernet1\n"
    own = "ip nat pool OWN 203.0.113.2 203.0.113.2 prefix-length 24\n"
    life = Life(WIDE + tunnel + own + f"ip nat inside source {line}\naccess-list 7 permit any\n")
    assert any("RULE_REFUSED" in one and why in one for one in life.logs), life.logs
    assert life.order() == SetTranslation()
    assert any(why in one for one in life.shown("show ip nat statistics"))


def test_a_port_of_an_interface_follows_its_address() -> None:
    text = WIDE + "ip nat inside source static tcp 10.1.1.10 80 interface GigabitEthernet1 8080\n"
    life = Life(text)
    assert life.enter(text.replace("203.0.113.2 ", "203.0.113.7 ")).statics[0].public == IPv4Address("203.0.113.7")


def test_an_address_of_the_router_is_left_out_of_a_pool_and_alone_it_is_its_interface() -> None:
    rule = "ip nat inside source list 7 pool INET overload\naccess-list 7 permit any\n"
    whole = ordered(WIDE + POOL.replace("113.4", "113.1") + rule)
    first, last = (IPv4Address(f"203.0.113.{number}") for number in (3, 6))
    assert whole.rules[0].pool == ((IPv4Address("203.0.113.1"), IPv4Address("203.0.113.1")), (first, last))
    alone = ordered(WIDE + POOL.replace("113.4", "113.2").replace("113.6", "113.2") + rule)
    assert (alone.rules[0].pool, alone.rules[0].outside, alone.aliases) == ((), "GigabitEthernet1", ())
    assert alone.rules[0].address is None
    second = WIDE.replace(" ip nat outside", " ip address 198.51.100.9 255.255.255.0 secondary\n ip nat outside")
    shared = ordered(second + POOL.replace("203.0.113.4", "198.51.100.9").replace("203.0.113.6", "198.51.100.9") + rule)
    assert (shared.rules[0].pool, shared.rules[0].address, shared.aliases) == ((), IPv4Address("198.51.100.9"), ())


def test_the_address_of_a_loopback_is_that_of_all_stations_whichever_way_out_they_take() -> None:
    """As public files have it. Packets left with their own address, and lint asked for ip nat outside there."""
    second = "interface GigabitEthernet3\n ip address 192.0.2.1 255.255.255.252\n ip nat outside\n"
    rule = "ip nat inside source list 7 interface Loopback5 overload\naccess-list 7 permit 10.1.1.0 0.0.0.255\n"
    loopback = "interface Loopback5\n ip address 198.51.100.7 255.255.255.255\n"
    order = ordered(WIDE + second + loopback + rule)
    assert [(one.outside, str(one.address)) for one in order.rules] == [
        ("GigabitEthernet1", "198.51.100.7"),
        ("GigabitEthernet3", "198.51.100.7"),
    ]
    assert order.aliases == ()
    assert ordered(WIDE + second + rule) == SetTranslation(), "without an address nobody leaves with another one"


def test_the_address_of_a_loopback_that_changes_or_goes_is_followed() -> None:
    """Stations went on with the old address, and with none where the loopback had got its address last."""
    rule = "ip nat inside source list 7 interface Loopback5 overload\naccess-list 7 permit any\n"
    loopback = "interface Loopback5\n ip address 198.51.100.7 255.255.255.255\n"
    life = Life(WIDE + loopback + rule)
    moved = life.enter(WIDE + loopback.replace("100.7", "100.8") + rule)
    assert [str(one.address) for one in moved.rules] == ["198.51.100.8"]
    assert not any("RULE_REFUSED" in one for one in life.logs)
    assert life.enter(WIDE + rule) == SetTranslation()
    assert any("RULE_REFUSED" in one and "Loopback5 has no address" in one for one in life.logs)
    assert any(one.rule == "nat-without-outside" for one in lint({"R1.cfg": WIDE + rule}))
    assert [str(one.address) for one in life.enter(WIDE + loopback + rule).rules] == ["198.51.100.7"]


def test_a_route_map_says_at_which_way_out_stations_get_the_address_of_a_loopback() -> None:
    text = (
        "interface GigabitEthernet3\n ip address 192.0.2.1 255.255.255.252\n ip nat outside\n"
        "interface Loopback5\n ip address 198.51.100.7 255.255.255.255\n"
        "ip nat inside source route-map OUT interface Loopback5 overload\n"
        "route-map OUT permit 10\n match interface GigabitEthernet3\n"
    )
    (rule,) = ordered(WIDE + text).rules
    assert (rule.outside, str(rule.address)) == ("GigabitEthernet3", "198.51.100.7")
    assert not [one.rule for one in lint({"R1.cfg": WIDE + text}) if one.rule.startswith("nat-")]
    refused = text + " match ip address 101\naccess-list 101 permit gre any any\n"
    assert any("protocol 47" in line for line in not_built(take_in(WIDE + refused).tree))


def test_an_interface_with_nat_enable_is_on_both_sides() -> None:
    text = WIDE.replace("nat outside", "nat enable").replace("nat inside", "nat enable")
    order = ordered(text + "ip nat source list 7 interface GigabitEthernet1 overload\naccess-list 7 permit any\n")
    assert order.inside == order.outside == ("GigabitEthernet1", "GigabitEthernet2")
    assert [one.outside for one in order.rules] == ["GigabitEthernet1"]


class Plane(NoPlane):
    """Says what a plane would say."""

    def translations(self) -> Translations:
        inside, own, web = (IPv4Address(text) for text in ("10.1.1.10", "203.0.113.2", "198.51.100.80"))
        flows = (
            TranslatedFlow(TCP, (inside, 3000), (own, 3000), (web, 80), expires=86399.0, answered=True),
            TranslatedFlow(ICMP, (inside, 7), (own, 7), (web, 7), expires=29.2),
        )
        return Translations(flows, hits=12, misses=2)


def test_flows_are_shown_as_ios_shows_them() -> None:
    life = Life(standard("permit any"))
    life.router.counting = Plane()
    is_golden(life.shown("show ip nat translations"), "nat_configuration/flows_are_shown_as_ios_shows_them")
    assert [line[:4] for line in life.shown("show ip nat translations icmp")[1:]] == ["icmp", "Tota"]
    named = {
        side: life.shown(f"show ip nat translations {side}")
        for side in ("inside local 10.1.1.10", "inside global 10.1.1.10", "tcp outside global 198.51.100.80")
    }
    assert [len(lines) - 2 for lines in named.values()] == [2, 0, 1]
    assert life.shown("show ip nat translations total") == ["Total number of translations: 2"]
    verbose = life.shown("show ip nat translations verbose")
    assert verbose[2] == "    left 23:59:59, Map-Id(In): 1, flags: extended"
    assert verbose[4] == "    left 00:00:29, Map-Id(In): 1, flags: extended, not answered"
    is_golden(life.shown("show ip nat statistics"), "nat_configuration/flows_are_shown_as_ios_shows_them-2")


def test_counters_begin_again_when_a_user_clears_them_and_when_the_plane_counts_anew() -> None:
    life, plane = Life(standard("permit any")), Plane()
    life.router.counting = plane
    match = exec_parser(FEATURES).match("clear ip nat statistics")
    assert isinstance(match, Match)
    assert match.command.privilege == 15
    assert match.command.action is not None
    event = match.command.action(life.router.context(2.0), match.args)
    assert event == ClearNatStatistics((12, 2, 0))
    written: list[str] = []
    Recorder("R1", written.append).event(event, 1.0)
    assert load(written[0]) == RecordedEvent(1.0, "R1", event)
    before = life.shown("show ip nat statistics")
    assert life.handle(event, 3.0) == []
    assert life.shown("show ip nat statistics") == [
        line.replace("Hits: 12  Misses: 2", "Hits: 0  Misses: 0") for line in before
    ], "the flows live on"
    plane.translations = lambda: Translations((), 15, 3, 4)  # type: ignore[method-assign]
    shown = life.shown("show ip nat statistics")
    assert "Hits: 3  Misses: 1" in shown
    assert " All Host Max allowed: 4096, missed 4" in shown
    life.enter(INTERFACES)
    life.enter(standard("permit any"))
    assert "Hits: 15  Misses: 3" in life.shown("show ip nat statistics"), "both planes forget with the last rule"


def test_static_rules_and_addresses_of_stations_are_shown_before_flows() -> None:
    rules = "ip nat inside source list 7 pool INET\nip nat inside source static tcp 10.1.1.9 80 203.0.113.9 8080\n"
    life = Life(WIDE + POOL.replace("113.4", "113.3") + rules + "access-list 7 permit 10.1.1.0 0.0.0.255\n")
    plane = Plane()
    inside, given, web = (IPv4Address(text) for text in ("10.1.1.10", "203.0.113.4", "198.51.100.80"))
    flows = tuple(TranslatedFlow(TCP, (inside, port), (given, port), (web, 80), expires=60.0) for port in (3000, 3001))
    plane.translations = lambda: Translations(flows, 5, 2)  # type: ignore[method-assign]
    life.router.counting = plane
    is_golden(
        [*life.shown("show ip nat translations verbose"), *life.shown("show ip nat statistics")],
        "nat_configuration/static_rules_and_addresses_of_stations_are_shown_before_flows",
    )


def test_a_list_that_is_pasted_is_ordered_at_its_first_line_and_when_the_paste_rests() -> None:
    """The whole translation was ordered again with every few lines of a long list."""
    life = Life(INTERFACES + RULE)
    orders = []
    for number in range(1, 100):
        line = EnteredLine(("ip access-list standard LAN",), f"permit 10.1.{number}.0 0.0.0.255")
        orders += [one for one in life.handle(LinesEntered((line,)), 5.0) if isinstance(one, SetTranslation)]
    assert len(orders) == 1
    life.handle(Tick(), 5.09)
    assert not any(isinstance(one, SetTranslation) for one in life.effects)
    (whole,) = (one for one in life.handle(Tick(), 5.11) if isinstance(one, SetTranslation))
    assert len(whole.rules[0].clauses[0].lists[0]) >= 99


# What the kernel is told so that it translates, and what people are told where it cannot.

_NFTABLES = 10 << 8


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What would go to the kernel."""
    datagrams: list[bytes] = []
    monkeypatch.setattr(NetfilterSocket, "_ask", lambda self, octets, first, last: datagrams.append(octets))
    return datagrams


def test_the_ruleset_is_one_transaction(sent: list[bytes]) -> None:
    netfilter.install(netfilter.Masquerade("outside"))
    (datagram,) = sent
    kinds = [message.kind for message in parse_messages(memoryview(datagram))]
    assert kinds == [0x10, *(_NFTABLES | number for number in (0, 3, 3, 6, 6)), 0x11]


def test_a_station_with_a_public_address_of_its_own_has_a_rule_each_way(sent: list[bytes]) -> None:
    """`dnat to` in a chain of its own; for stations inside and outside `snat to`, before `masquerade`."""
    pair = (IPv4Address("172.16.11.3"), IPv4Address("192.168.11.10"))
    netfilter.install(netfilter.Masquerade("outside", inward=(pair,)))
    (datagram,) = sent
    kinds = [message.kind for message in parse_messages(memoryview(datagram))]
    assert kinds == [0x10, *(_NFTABLES | number for number in (0, 3, 3, 3, 6, 6, 6, 6, 6)), 0x11]
    assert datagram.count(b"nat\0") >= 4
    assert datagram.rindex(pair[0].packed) < datagram.index(b"masq\0")


def test_only_a_symmetric_translator_asks_for_random_ports(sent: list[bytes]) -> None:
    """The flags of `masquerade random,fully-random`, 4 and 16."""
    for random in (False, True):
        netfilter.install(netfilter.Masquerade("outside", random=random))
    plain, symmetric = sent
    assert b"masq\0" in plain
    assert len(symmetric) - len(plain) == 8
    assert bytes.fromhex("00000014") in symmetric[symmetric.index(b"masq\0") :]


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.ENOENT, errno.EPROTONOSUPPORT])
def test_a_kernel_without_it_is_named_in_one_line_with_what_helps(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(self: NetfilterSocket, octets: bytes, first: int, last: int) -> None:
        raise OSError(number, "refused")

    monkeypatch.setattr(NetfilterSocket, "_ask", refuse)
    with pytest.raises(HostProblem) as problem:
        netfilter.install(netfilter.Masquerade("outside"))
    text = str(problem.value)
    assert "\n" not in text
    assert text.startswith("this kernel cannot translate addresses")
    assert "sudo modprobe -a nf_tables" in text
    assert "--simulated" in text


@pytest.mark.parametrize("refusal", [errno.EPERM, errno.EINVAL, errno.EPROTONOSUPPORT])
def test_where_the_kernel_does_not_say_which_chains_there_are_nothing_is_told(
    monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    """Without the capability, or without nf_tables."""

    def refuse(self: NetfilterSocket, kind: int, body: bytes = b"", family: Family | None = None) -> None:
        raise OSError(refusal, "refused")

    monkeypatch.setattr(NetfilterSocket, "dump", refuse)
    assert forward_drops() == []


def test_the_routers_addresses_inside_are_those_that_its_interfaces_have_now() -> None:
    """A ping from them is translated: no list changes when an interface gets another address."""
    text = standard("10 permit any")
    assert ordered(text).own == (IPv4Address("10.1.1.1"),)
    assert Life(text).enter(text.replace("10.1.1.1 ", "10.1.2.1 ")).own == (IPv4Address("10.1.2.1"),)
