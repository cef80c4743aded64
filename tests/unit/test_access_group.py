"""Access lists on an interface: which lines say so, and what the data plane is told."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import IPv4Address

import pytest

from dmvpn.base import events
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import Effect, SetFilters, SetInterface
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.filters import ESTABLISHED, Condition, Packet, PortFilters, ReversePath
from dmvpn.face.language import exec_parser
from dmvpn.features.policy.config import policies
from dmvpn.ios import ConfigSession, ConfigTree, Match
from dmvpn.router.entered_text import take_in
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.router.router import Router
from support.texts import is_golden

PORT = "hostname A\naccess-list 101 deny gre any any\ninterface {}\n ip address 10.0.0.1 255.255.255.0\n {}\n"
NAME = "GigabitEthernet0/1"


def ordered(text: str, router: Router | None = None, now: float = 0.0) -> list[Effect]:
    """Return what the plane is told when a router gets this configuration."""
    return (router or Router(SeededEntropy(1))).handle(events.ConfigurationEntered(text), now)


def filters(effects: list[Effect]) -> list[SetFilters]:
    """Return the orders about filters among these."""
    return [effect for effect in effects if isinstance(effect, SetFilters)]


def condition(entry: str) -> Condition:
    """Return what an entry of an extended list asks for."""
    text = f"ip access-list extended L\n 10 permit {entry}\ninterface {NAME}\n ip access-group L in\n"
    (order,) = filters(ordered(text))
    assert order.filters.inward is not None
    (found,) = order.filters.inward.entries
    return found.condition


@pytest.mark.parametrize("interface", [NAME, "Tunnel0", "Loopback0"])
@pytest.mark.parametrize(
    "line",
    [
        "ip access-group 101 in",
        "ip access-group WAN-IN out",
        "ip verify unicast source reachable-via any",
        "ip verify unicast source reachable-via rx allow-default",
        "ip verify unicast reverse-path",
        "no ip unreachables",
    ],
)
def test_a_filter_on_an_interface_is_kept_and_shown_as_typed(interface: str, line: str) -> None:
    result = configurator(FEATURES).parse_text(PORT.format(interface, line))
    assert (result.problems, result.entries) == ((), ())
    assert f" {line}" in list(result.tree.render())


def test_a_port_has_one_list_for_each_direction() -> None:
    port = PORT.format(NAME, "ip access-group A in\n ip access-group B out\n ip access-group C in")
    shown = list(configurator(FEATURES).parse_text(port).tree.render())
    assert [line for line in shown if "access-group" in line] == [" ip access-group C in", " ip access-group B out"]


def test_a_port_filters_before_it_is_up() -> None:
    effects = ordered(PORT.format(NAME, "ip access-group 101 in\n no shutdown"))
    kinds = [type(effect) for effect in effects if isinstance(effect, SetFilters | SetInterface)]
    assert kinds == [SetFilters, SetInterface]


def entered(router: Router, *lines: tuple[str, str]) -> list[Effect]:
    """Return what the plane is told when lines come in one commit, each with the line that opens its mode."""
    typed = tuple(events.EnteredLine((mode,) if mode else (), line) for mode, line in lines)
    return router.handle(events.LinesEntered(typed), 1.0)


def order_of(effects: list[Effect]) -> list[tuple[type[Effect], bool]]:
    """Return the orders for the port: whether it has a list, or is up."""
    found: list[tuple[type[Effect], bool]] = []
    for effect in effects:
        if isinstance(effect, SetFilters) and effect.interface == NAME:
            found.append((SetFilters, effect.filters.inward is not None))
        elif isinstance(effect, SetInterface) and effect.interface == NAME:
            found.append((SetInterface, effect.up))
    return found


PORT_MODE = f"interface {NAME}"
DENIED = ("ip access-list extended L", "10 deny gre any any")


@pytest.mark.parametrize(
    ("before", "lines"),
    [
        ("shutdown", [("", "ip access-list extended L"), DENIED, (PORT_MODE, "ip access-group L in")]),
        ("shutdown\n ip access-group L in", [("", "ip access-list extended L"), DENIED]),
    ],
)
def test_a_port_that_comes_up_and_gets_its_list_by_one_commit_lets_nothing_pass_before_it_has_the_list(
    before: str, lines: list[tuple[str, str]]
) -> None:
    """A list that an interface named already was entered together with `no shutdown`: the port was up without it."""
    router = Router(SeededEntropy(1))
    ordered(PORT.format(NAME, before), router)
    assert order_of(entered(router, *lines, (PORT_MODE, "no shutdown"))) == [(SetFilters, True), (SetInterface, True)]
    assert order_of(entered(router, (PORT_MODE, "shutdown"), (PORT_MODE, "no ip access-group L in"))) == [
        (SetInterface, False),
        (SetFilters, False),
    ]


def test_the_order_for_a_tunnel_names_its_subnets_and_follows_them() -> None:
    router = Router(SeededEntropy(1))
    text = (
        "access-list 101 permit eigrp any any\n"
        f"interface {NAME}\n ip address 192.0.2.1 255.255.255.0\n no shutdown\n"
        "interface Tunnel0\n ip address 10.0.0.1 255.255.255.0\n ip address 10.1.0.1 255.255.0.0 secondary\n"
        f" tunnel source {NAME}\n tunnel mode gre multipoint\n ip access-group 101 in\n"
    )
    order = filters(ordered(text, router))[-1]
    assert [(str(one.address), str(one.wildcard)) for one in order.filters.echo_subnets] == [
        ("10.0.0.1", "0.0.0.255"),
        ("10.1.0.1", "0.0.255.255"),
    ]
    (order,) = filters(entered(router, ("interface Tunnel0", "ip address 10.0.1.1 255.255.255.0")))
    assert [str(one.address) for one in order.filters.echo_subnets] == ["10.0.1.1", "10.1.0.1"]
    (order,) = filters(entered(router, ("interface Tunnel0", "no ip access-group 101 in")))
    assert order.filters == PortFilters()


def test_the_order_for_a_port_that_is_no_tunnel_names_no_subnet() -> None:
    (order,) = filters(ordered(PORT.format(NAME, "ip access-group 101 in")))
    assert order.filters.echo_subnets == ()


def test_a_list_that_does_not_exist_filters_nothing_and_one_that_comes_does() -> None:
    router = Router(SeededEntropy(1))
    text = f"interface {NAME}\n ip access-group L in\n"
    assert filters(ordered(text, router)) == []
    (order,) = filters(ordered(f"ip access-list standard L\n permit host 10.0.0.9\n{text}", router, 1.0))
    assert order.filters.inward is not None
    assert order.filters.inward.is_standard
    (order,) = filters(ordered(f"interface {NAME}\n", router, 2.0))
    assert order.filters == PortFilters()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (0, f"%FILTER-3-PORT_SHUT: {NAME} lets no packet pass its access lists: no nf_tables here"),
        (93, f"%FILTER-3-NOT_FILTERED: {NAME} is not filtered as its lines say: no nf_tables here"),
    ],
)
def test_a_refused_order_is_logged_once_and_given_again(code: int, said: str) -> None:
    """Without nf_tables every packet passed, and the log said that none did."""
    router = Router(SeededEntropy(1))
    logs: list[str] = []
    router.logged = lambda log: logs.append(f"%{log.kind.name}: {log.text}")
    (order,) = filters(ordered(PORT.format(NAME, "ip access-group 101 in"), router))
    for now in (1.0, 10.0):
        router.handle(events.EffectFailed(order, code, "no nf_tables here"), now)
        assert router.ports.filters.failure(NAME) is not None
        assert filters(router.handle(events.Tick(), now + 5.0)) == [order]
    assert [log for log in logs if "FILTER" in log] == [said]
    assert filters(router.handle(events.Resync(), 30.0)) == [order]


def test_senders_are_looked_up_as_the_line_says() -> None:
    (order,) = filters(ordered(f"interface {NAME}\n ip verify unicast source reachable-via any allow-default\n"))
    assert order.filters.reverse_path == ReversePath(strict=False, allow_default=True)


@pytest.mark.parametrize(
    ("entry", "field", "expected"),
    [
        ("tcp any any established", "flags", ESTABLISHED),
        ("icmp any any echo", "icmp", (8, None)),
        ("icmp any any packet-too-big", "icmp", (3, 4)),
        ("icmp any any 3 13", "icmp", (3, 13)),
        ("ip any any dscp ef", "service", (184, 252)),
        ("ip any any precedence critical", "service", (160, 224)),
        ("ip any any tos min-delay", "service", (16, 30)),
        ("ip any any ttl lt 5", "ttl", ((0, 4),)),
        ("ip any any option any-options", "option", -1),
        ("ip any any option record-route", "option", 7),
        ("ip any any fragments", "fragments", True),
        ("udp any range 1 5 any", "source_ports", ((1, 5),)),
        ("tcp any any neq www", "destination_ports", ((0, 79), (81, 65535))),
    ],
)
def test_each_word_of_an_entry_is_a_condition(entry: str, field: str, expected: object) -> None:
    assert getattr(condition(entry), field) == expected


def test_what_no_filter_can_look_at_lets_nothing_pass() -> None:
    text = (
        "ip access-list extended L\n permit igmp any any host-query\n deny igmp any any pim\n"
        f" permit ip any object-group NONE\ninterface {NAME}\n ip access-group L in\n"
    )
    (order,) = filters(ordered(text))
    assert order.filters.inward is not None
    (entry,) = order.filters.inward.entries
    assert (entry.sequence, entry.permit, entry.condition.protocol) == (20, False, 2)


def test_an_entry_counts_only_in_its_time_range() -> None:
    router = Router(SeededEntropy(1))
    router.handle(events.ClockSet(datetime(2026, 11, 23, 7, 59, 30, tzinfo=UTC).timestamp()), 0.0)  # a Monday
    text = (
        "time-range WORK\n periodic weekdays 8:00 to 8:01\n"
        "ip access-list extended L\n 10 permit tcp any any time-range WORK\n 20 permit udp any any\n"
        f"interface {NAME}\n ip access-group L in\n"
    )
    orders = filters(ordered(text, router))
    for now in (30.0, 90.0, 150.0):
        orders += filters(router.handle(events.Tick(), now))
    lists = [order.filters.inward for order in orders]
    assert [[entry.sequence for entry in one.entries] for one in lists if one is not None] == [[20], [10, 20], [20]]


def test_an_entry_begins_to_count_when_its_minute_begins() -> None:
    """Up to a second later, packets passed that it denies."""
    router = Router(SeededEntropy(1))
    router.handle(events.ClockSet(datetime(2026, 11, 23, 7, 59, 59, 250_000, tzinfo=UTC).timestamp()), 0.0)
    text = (
        "time-range WORK\n periodic weekdays 8:00 to 8:01\n"
        "ip access-list extended L\n 10 deny tcp any any time-range WORK\n 20 permit ip any any\n"
        f"interface {NAME}\n ip access-group L in\n"
    )
    ordered(text, router)
    (order,) = filters(router.handle(events.Tick(), 0.75))
    assert order.filters.inward is not None
    assert [entry.sequence for entry in order.filters.inward.entries] == [10, 20]


@pytest.mark.parametrize(
    ("days", "counts"),
    [
        ("daily 22:00 to 6:00", [True, True, False, True]),
        ("Sunday 22:00 to 6:00", [True, True, False, False]),
        ("weekdays 22:00 to 6:00", [False, False, False, True]),
        ("Sunday 22:00 to Monday 6:00", [True, True, False, False]),
        ("Monday 22:00 to Monday 6:00", [True, True, False, True]),
    ],
)
def test_an_entry_for_the_night_does_not_count_by_day(days: str, counts: list[bool]) -> None:
    router = Router(SeededEntropy(1))
    text = (
        f"time-range NIGHT\n periodic {days}\n"
        "ip access-list extended L\n 10 permit ip any any time-range NIGHT\n"
        f"interface {NAME}\n ip access-group L in\n"
    )
    found: list[bool] = []
    orders = filters(ordered(text, router))
    # Sunday 23:00, Monday 5:30, 12:00 and 22:00
    for day, hour, minute in ((22, 23, 0), (23, 5, 30), (23, 12, 0), (23, 22, 0)):
        clock = events.ClockSet(datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp())
        orders += filters(router.handle(clock, float(len(found) + 1)))
        inward = orders[-1].filters.inward
        assert inward is not None
        found.append(bool(inward.entries))
    assert found == counts


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        ("time-range T\n periodic someday 8:00 to 9:00\n", "% Days are daily"),
        ("time-range T\n periodic Monday Tuesday 8:00 to Friday 9:00\n", "% Days are daily"),
        ("time-range T\n absolute start 25:00 1 May 2026\n", "% Times are"),
        ("time-range T\n absolute start 8:00 2 May 2026 end 8:00 1 May 2026\n", "% Times are"),
        ("time-range T\n absolute start 8:00 99999999999999999999 May 2026\n", "% Times are"),
        ("object-group network G\n range 10.0.0.9 10.0.0.1\n", "% The range ends"),
    ],
)
def test_times_and_ranges_that_cannot_be_are_refused(lines: str, refusal: str) -> None:
    (problem,) = configurator(FEATURES).parse_text(lines).problems
    assert problem.message_lines[0].startswith(refusal)


def test_a_group_in_a_group_means_its_members_and_a_circle_ends() -> None:
    text = (
        "object-group network A\n host 10.0.0.1\n group-object B\n"
        "object-group network B\n 10.1.0.0 255.255.0.0\n group-object A\n"
        "object-group service S\n tcp eq www\n udp source eq domain range 5 6\n esp\n"
        "ip access-list extended L\n 10 permit object-group S object-group A any\n"
        f"interface {NAME}\n ip access-group L in\n"
    )
    (order,) = filters(ordered(text))
    assert order.filters.inward is not None
    found = [entry.condition for entry in order.filters.inward.entries]
    assert [str(one.source.address) for one in found] == ["10.0.0.1", "10.1.0.0"] * 3
    assert [one.protocol for one in found[::2]] == [6, 17, 50]
    assert (found[2].source_ports, found[2].destination_ports) == (((53, 53),), ((5, 6),))


def test_a_flow_is_logged_at_once_and_then_every_five_minutes() -> None:
    router = Router(SeededEntropy(1))
    logs: list[str] = []
    router.logged = lambda log: logs.append(f"%{log.kind.name}: {log.text}")
    text = f"ip access-list extended L\n 10 deny tcp any any log\ninterface {NAME}\n ip access-group L in\n"
    ordered(text, router)
    logs.clear()
    packet = Packet(
        protocol=6,
        source=IPv4Address("192.0.2.1"),
        destination=IPv4Address("192.0.2.2"),
        source_port=1000,
        destination_port=22,
    )
    for now in (1.0, 2.0, 3.0):
        router.handle(events.PacketsFiltered(NAME, inward=True, sequence=10, packet=packet), now)
    router.handle(events.Tick(), 301.0)
    router.handle(events.Tick(), 601.0)
    flow = "%SEC-6-IPACCESSLOGP: list L denied tcp 192.0.2.1(1000) -> 192.0.2.2(22), "
    assert logs == [f"{flow}1 packet", f"{flow}2 packets"]


def test_a_list_that_is_pasted_is_ordered_at_its_first_line_and_when_the_paste_rests() -> None:
    """10,000 typed entries left a router deaf for ten minutes: the whole list was ordered with every few lines."""
    router = Router(SeededEntropy(1))
    ordered(f"interface {NAME}\n ip access-group L in\n", router)
    head, orders = ("ip access-list extended L",), []
    for first in range(1, 1000, 8):
        lines = (
            events.EnteredLine(head, f"{10 * (first + n)} permit ip host 10.0.{first >> 8}.{first & 255} any")
            for n in range(8)
        )
        orders.append(filters(router.handle(events.LinesEntered(tuple(lines)), 1.0 + first / 20_000)))
    assert [len(found) for found in orders] == [1, *[0] * 124]
    due = router.next_deadline()
    assert due is not None
    assert due - 1.0 == pytest.approx(0.1, abs=0.01)
    (whole,) = filters(router.handle(events.Tick(), due))
    assert whole.filters.inward is not None
    assert len(whole.filters.inward.entries) == 1000
    one = events.LinesEntered((events.EnteredLine(head, "20000 deny ip any any"),))
    assert filters(router.handle(one, due + 0.1)) == []
    up = events.LinesEntered((events.EnteredLine((f"interface {NAME}",), "ip address 10.9.9.1 255.255.255.0"),))
    (last,) = filters(router.handle(up, due + 0.11))
    assert last.filters.inward is not None
    assert len(last.filters.inward.entries) == 1001
    assert filters(router.handle(events.LinesEntered((events.EnteredLine(head, "no 20000"),)), due + 9.0)) != []


# Entries of extended access lists that ask more of a packet than its addresses, its protocol and its ports.

SAME = (
    "permit icmp any any echo",
    "permit icmp any any echo-reply",
    "permit icmp any host 10.1.1.1 unreachable",
    "permit icmp 10.0.0.0 0.0.0.255 any packet-too-big",
    "deny icmp any any administratively-prohibited log",
    "permit icmp any any time-exceeded",
    "permit icmp any any ttl-exceeded",
    "permit icmp any any port-unreachable",
    "permit icmp any any 8 0",
    "permit icmp any any 200",
    "permit tcp any any established",
    "permit tcp any any eq www syn",
    "permit tcp any any match-all +ack -syn",
    "permit tcp any eq 22 any gt 1023 match-any +ack +rst log",
    "permit tcp any any eq 22 80 443 log",
    "deny ip any any fragments",
    "permit ip any any log-input",
    "permit ip any any dscp ef",
    "permit ip any any dscp 46",
    "permit ip any any precedence critical",
    "permit ip any any precedence 5 tos min-delay",
    "permit ip any any time-range WORK",
    "permit udp any any eq isakmp",
    "permit udp any any eq isakmp non500-isakmp",
    "permit udp any eq bootpc any eq bootps",
    "permit udp any any eq ntp snmp snmptrap syslog",
    "permit igmp any any host-report",
    "permit ahp any any",
    "permit nos any any",
    "permit ipinip any any",
    "permit pim any any",
    "permit tcp any object-group SERVERS eq 443",
)


@pytest.mark.parametrize("line", SAME)
@pytest.mark.parametrize("head", ["ip access-list extended L\n {}\n", "access-list 110 {}\n"])
def test_an_entry_is_shown_back_as_it_was_typed(head: str, line: str) -> None:
    """An entry with a type of ICMP was a caret at the prompt, and in a file it lost its place and its number."""
    taken = take_in(head.format(line))
    assert not taken.result.entries
    shown = "\n".join(taken.tree.render())
    assert line in shown
    assert take_in(shown).tree == taken.tree


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("permit icmp any any 8", "permit icmp any any echo"),
        ("permit icmp any any 3 4", "permit icmp any any packet-too-big"),
        ("permit icmp any any 3 13 log", "permit icmp any any administratively-prohibited log"),
        ("permit icmp any any adm", "permit icmp any any administratively-prohibited"),
        ("permit icmp any any 003", "permit icmp any any unreachable"),
        ("permit tcp any any eq WWW", "permit tcp any any eq www"),
        ("permit ip any any DSCP EF LOG", "permit ip any any dscp ef log"),
    ],
)
def test_messages_of_icmp_have_their_names_as_on_ios(typed: str, kept: str) -> None:
    shown = list(take_in(f"ip access-list extended L\n {typed}\n").tree.render())
    assert f" 10 {kept}" in shown


@pytest.mark.parametrize(
    "line",
    [
        "permit icmp any any 256",
        "permit icmp any any ech",
        "permit udp any any echo",
        "permit tcp any any match-all syn",
        "permit udp any any syn",
        "permit ip any any dscp 64",
        "permit ip any any dscp af",
        "permit ip any any precedence 8",
        "permit udp any any eq 65536",
        "permit udp any any range 1",
        "permit udp any any lt 5 6",
        "permit tcp any any eq 1 2 3 4 5 6 7 8 9 10 11",
    ],
)
def test_what_is_no_condition_is_refused_at_the_prompt(line: str) -> None:
    session = ConfigSession(configurator(FEATURES), ConfigTree())
    assert not session.enter("ip access-list extended L").refused
    result = session.enter(line)
    assert result.refused
    assert any("^" in shown or "% " in shown for shown in result.output_lines)


@pytest.mark.parametrize(
    "line", ["permit icmp any any ech", "permit icmp any any ech log", "permit ip any any dscp af"]
)
def test_a_word_that_fits_several_names_is_ambiguous(line: str) -> None:
    session = ConfigSession(configurator(FEATURES), ConfigTree())
    assert not session.enter("ip access-list extended L").refused
    assert session.enter(line).output_lines[0] == f'% Ambiguous command:  "{line}"'


def test_entries_keep_their_order_and_the_show_has_them() -> None:
    text = "access-list 110 deny icmp any any echo\naccess-list 110 permit ip any any log-input\n" + (
        "ip access-list extended L\n permit tcp any object-group G eq 22 443 established log\n"
        " 15 permit udp any neq 500 any\n"
    )
    router = Router(SeededEntropy(1))
    router.handle(events.ConfigurationEntered(text), 1.0)
    match = exec_parser(FEATURES).match("show ip access-lists")
    assert isinstance(match, Match)
    is_golden(list(match.lines(router.context(2.0))), "access_group/entries_keep_their_order_and_the_show_has_them")


@pytest.mark.parametrize(
    "first", ["deny ip any any dscp ef", "permit ip any any fragments", "deny ip object-group G any"]
)
def test_an_entry_that_needs_a_packet_chooses_no_route(first: str) -> None:
    found = policies(take_in(f"access-list 110 {first}\naccess-list 110 permit ip host 10.1.0.0 any\n").tree)
    assert found.access_list_permits("110", Prefix.parse("10.1.0.0/16"))
    assert not found.access_list_permits("110", Prefix.parse("10.2.0.0/16"))


def test_a_list_is_numbered_again_with_its_remarks() -> None:
    text = "ip access-list standard S\n remark one\n 10 permit host 1.1.1.1\n 15 deny host 3.3.3.3\n"
    shown = take_in(f"{text}ip access-list resequence S 100 7\n").tree.render()
    place = shown.index("ip access-list standard S")
    assert shown[place + 1 : place + 4] == [" 100 remark one", " 100 permit host 1.1.1.1", " 107 deny host 3.3.3.3"]


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ("permit ip any any dscp ef precedence routine", "% An entry asks for dscp, or for precedence and tos"),
        ("permit ip any any tos 4 dscp ef", "% An entry asks for dscp, or for precedence and tos"),
        ("deny tcp any any eq 80 fragments", "% Fragments have no ports, flags or types"),
        ("deny tcp any any fragments established", "% Fragments have no ports, flags or types"),
        ("deny tcp any any fragments match-all +syn", "% Fragments have no ports, flags or types"),
        ("deny icmp any any echo fragments", "% Fragments have no ports, flags or types"),
    ],
)
@pytest.mark.parametrize(
    "lines", [("ip access-list extended L", "{}"), ("access-list 101 {}",)], ids=["named", "numbered"]
)
def test_an_entry_that_asks_for_what_no_packet_has_is_refused(lines: tuple[str, ...], entry: str, error: str) -> None:
    session = ConfigSession(configurator(FEATURES), ConfigTree())
    results = [session.enter(line.format(entry)) for line in lines]
    assert results[-1].refused
    assert results[-1].output_lines[0].startswith(error)
