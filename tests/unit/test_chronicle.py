"""The chronicle of a router: bounded, in order, and changes stay longer than messages."""

from __future__ import annotations

import copy
import importlib
import json
import pkgutil
from collections import Counter
from dataclasses import dataclass, field, is_dataclass, replace
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import pytest

from dmvpn.base import recording
from dmvpn.base.addresses import Prefix
from dmvpn.base.chronicle import ChronicleLine, LateLine, MessagePassed, Sign, StateChanged, Topic, Way
from dmvpn.base.effects import Effect, HistoryGrew, InstallSa, InVrf, NextHop, RouteKind, SetRoute
from dmvpn.base.errors import UserError
from dmvpn.base.events import EffectFailed, Event, SasCounted
from dmvpn.base.moments import Moment
from dmvpn.base.negotiation import ConnectionChanged, SaNegotiated
from dmvpn.base.notices import InterfaceChanged, InterfaceState, RouteChanged
from dmvpn.base.protection import EspCipher, EspHash, EspSa, EspTransform, SaCount
from dmvpn.base.recording import RecordedEvent, Recorder, load
from dmvpn.base.shell import NO_PLANE, NoPlane
from dmvpn.features.bfd import machine as bfd
from dmvpn.features.chronicle.machine import (
    LARGEST_CHANGES,
    LARGEST_MESSAGES,
    ChronicleMachine,
    make_machine,
)
from dmvpn.features.chronicle.show import EventLine, ShowEvents, changes, events, render_events
from dmvpn.features.interface import machine as interface
from dmvpn.features.nhrp import model as nhrp
from dmvpn.features.ospf import machine as ospf
from dmvpn.ios import Args, ConfigTree
from dmvpn.ios.shapes import hints_of
from dmvpn.tools import replaying
from dmvpn.tools.replaying import check_types, checks_of
from support.fakes import fake_ports
from support.protection import connection, negotiated
from support.routing import route, via
from support.texts import because, is_golden
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.ports import Ports
    from dmvpn.base.recording import Json
    from dmvpn.ios.feature import Feature

M = TypeVar("M")
MESSAGE = MessagePassed(
    protocol="NHRP", name="Purge Request", way=Way.SENT, interface="Tunnel1", peer=ip_address("192.0.2.1")
)
CHANGE = StateChanged(topic=Topic.MAPPING, sign=Sign.CAME, subject="10.4.4.0/24", about=(Prefix.parse("10.4.4.0/24"),))


def machine() -> ChronicleMachine:
    """One that remembers."""
    ports = fake_ports()
    ports.remembers = True
    return ChronicleMachine(ports)


def test_the_oldest_lines_go_and_messages_push_out_no_changes() -> None:
    chronicle = machine()
    chronicle.handle(CHANGE, 1.0)
    for number in range(LARGEST_MESSAGES + 100):
        assert chronicle.handle(MESSAGE, 2.0 + number) == [HistoryGrew()]
    lines = chronicle.after(0)
    assert len(lines) == LARGEST_MESSAGES + 1
    assert [line.what for line in lines[:2]] == [CHANGE, MESSAGE]
    assert [line.number for line in lines[:2]] == [1, 102]
    assert (chronicle.oldest_change, chronicle.oldest_message) == (1.0, 102.0)
    for number in range(LARGEST_CHANGES - 1):
        chronicle.handle(CHANGE, 5_000.0 + number)
    assert chronicle.oldest_change == 1.0  # it is full, and nothing was forgotten
    for number in range(LARGEST_CHANGES):
        chronicle.handle(CHANGE, 10_000.0 + number)
    assert len(chronicle.changes()) == LARGEST_CHANGES
    assert chronicle.oldest_change == 10_000.0
    assert len(chronicle.after(0)) == LARGEST_MESSAGES + LARGEST_CHANGES


def test_what_forgotten_changes_left_behind_is_kept_and_what_they_ended_is_not() -> None:
    chronicle = machine()
    stays, goes, moves = (replace(CHANGE, subject=name) for name in ("10.1.1.0/24", "10.2.2.0/24", "10.3.3.0/24"))
    route_change = replace(CHANGE, topic=Topic.ROUTE)
    moved = replace(moves, sign=Sign.CHANGED, text="= 192.0.2.9 (registered)")
    first = [stays, goes, moves, route_change, moved, replace(goes, sign=Sign.WENT)]
    for change in first:
        chronicle.handle(change, 1.0)
    for number in range(LARGEST_CHANGES):
        chronicle.handle(CHANGE, 5.0 + number)
    assert [line.what for line in chronicle.after(0, 3, settled=True)] == [stays, moved, CHANGE]
    assert [line.number for line in chronicle.after(0, 3, settled=True)] == [1, 5, len(first) + 1]
    assert [line.what for line in chronicle.after(1, 1, settled=True)] == [moved]
    assert len(chronicle.after(0)) == LARGEST_CHANGES


def test_lines_that_are_spelled_late_are_kept_and_forgotten_as_others() -> None:
    chronicle = machine()
    stays, goes = ((Topic.MAPPING, "Tunnel1", name) for name in ("one", "two"))
    for late in (LateLine(lambda: CHANGE, stays), LateLine(lambda: CHANGE, goes), LateLine(lambda: MESSAGE)):
        assert chronicle.handle(late, 1.0) == [HistoryGrew()]
    chronicle.handle(LateLine(lambda: CHANGE, goes, exists=False), 2.0)
    assert [line.what for line in chronicle.after(0)] == [CHANGE, CHANGE, MESSAGE, CHANGE]
    for number in range(LARGEST_CHANGES):
        chronicle.handle(LateLine(lambda: CHANGE, (Topic.MAPPING, "Tunnel2", "other")), 5.0 + number)
    assert [line.number for line in chronicle.after(0, 2, settled=True)] == [1, 3]
    assert (chronicle.oldest_change, chronicle.oldest_message) == (5.0, 1.0)
    for _ in range(LARGEST_MESSAGES):
        chronicle.handle(LateLine(lambda: MESSAGE), 9.0)
    assert chronicle.oldest_message == 9.0


def test_what_is_new_is_what_has_a_higher_number() -> None:
    chronicle = machine()
    for what in (MESSAGE, CHANGE, MESSAGE, CHANGE):
        chronicle.handle(what, 1.0)
    assert [line.number for line in chronicle.after(2)] == [3, 4]
    assert chronicle.after(chronicle.last) == []


def test_a_client_that_takes_few_lines_at_a_time_takes_the_oldest_first() -> None:
    chronicle = machine()
    for what in (MESSAGE, CHANGE, CHANGE, MESSAGE):
        chronicle.handle(what, 1.0)
    assert [line.number for line in chronicle.after(0, 3)] == [1, 2, 3]
    assert [line.number for line in chronicle.after(3, 3)] == [4]


@pytest.mark.parametrize(
    ("address", "concerned"), [("10.4.4.1", True), ("10.4.5.1", False), ("192.0.2.1", False), ("2001:db8::1", False)]
)
def test_a_change_concerns_the_addresses_in_its_prefix(address: str, concerned: bool) -> None:
    assert ChronicleLine(1, 1.0, CHANGE).concerns(ip_address(address)) is concerned


def test_a_message_concerns_its_peer() -> None:
    assert ChronicleLine(1, 1.0, MESSAGE).concerns(ip_address("192.0.2.1"))


def test_a_router_that_remembers_nothing_subscribes_to_nothing() -> None:
    assert make_machine(fake_ports()).subscriptions == ()
    assert machine().subscriptions


def said(event: RouteChanged | InterfaceChanged | ConnectionChanged | SaNegotiated) -> tuple[str, str, str] | None:
    """Sign, subject and text of the line about it, as a router remembers it."""
    chronicle = machine()
    chronicle.handle(event, 1.0)
    changes = [line.what for line in chronicle.after(0) if isinstance(line.what, StateChanged)]
    return (changes[0].sign.value, changes[0].subject, changes[0].text) if changes else None


def test_routes_are_told_when_packets_go_elsewhere_and_not_when_a_metric_changes() -> None:
    first, second = route("10.4.4.0/24", via("172.16.31.1")), route("10.4.4.0/24", via("172.16.31.2"))
    prefix = first.prefix
    assert said(RouteChanged(prefix, None, first)) == ("+", "10.4.4.0/24", "eigrp 100 via 172.16.31.1")
    assert said(RouteChanged(prefix, first, replace(first, metric=7))) is None
    changed = said(RouteChanged(prefix, first, second))
    assert changed == ("~", "10.4.4.0/24", "eigrp 100 via 172.16.31.2, was eigrp 100 via 172.16.31.1")
    assert said(RouteChanged(prefix, second, None)) == ("-", "10.4.4.0/24", "eigrp 100 via 172.16.31.2")
    direct = replace(first, next_hops=(NextHop("Tunnel1"),))
    assert said(RouteChanged(prefix, None, direct)) == ("+", "10.4.4.0/24", "eigrp 100 on Tunnel1")


def test_interfaces_are_told_with_the_reason_why_they_are_down() -> None:
    up = InterfaceState(name="Tunnel1", enabled=True, line=True, address=ip_address("10.0.0.1"))
    down = replace(up, line=False, reason=because("no next hop server answers"))
    assert said(InterfaceChanged("Tunnel1", up, down)) == ("~", "Tunnel1", "down: no next hop server answers")
    assert said(InterfaceChanged("Tunnel1", down, up)) == ("~", "Tunnel1", "up")
    moved = replace(up, address=ip_address("10.0.0.2"))
    assert said(InterfaceChanged("Tunnel1", up, moved)) == ("~", "Tunnel1", "address 10.0.0.2, was 10.0.0.1")
    assert said(InterfaceChanged("Tunnel1", up, replace(up, mtu=1400))) is None
    assert said(InterfaceChanged("Tunnel1", up, None)) == ("-", "Tunnel1", "removed")


def test_protection_is_told_when_it_comes_moves_is_renewed_and_goes() -> None:
    peer = connection(7, "192.0.2.1", "198.51.100.7")
    moved = replace(peer, remote=ip_address("203.0.113.9"), remote_port=4500)
    assert said(ConnectionChanged(None, peer)) == ("+", "198.51.100.7", "SAs with 198.51.100.7")
    assert said(ConnectionChanged(peer, moved)) == ("~", "203.0.113.9", "moved here from 198.51.100.7")
    assert said(ConnectionChanged(peer, replace(peer, since=5.0))) is None
    assert said(ConnectionChanged(peer, None, "dead peer")) == ("-", "198.51.100.7", "dead peer")
    assert said(ConnectionChanged(peer, None)) == ("-", "198.51.100.7", "no SAs any more")
    assert said(negotiated(peer, 0x2000)) is None
    renewed = said(negotiated(peer, 0x2000, replaces=0x1000))
    assert renewed == ("~", "198.51.100.7", "SA 0x1000 replaced by 0x2000")


def test_a_screen_of_events_has_its_columns() -> None:
    time = "2026-11-20T06:00:05.250+00:00"
    lines = (
        EventLine(
            time=time,
            mark="->",
            kind="NHRP",
            what="Resolution Request",
            text="10.4.4.1?",
            peer=ip_address("172.16.11.1"),
            interface="Tunnel100",
        ),
        EventLine(time=time, mark="~", kind="interface", what="Tunnel100", text="up", interface="Tunnel100"),
        EventLine(time=time, mark="-", kind="mapping", what="10.4.4.0/24", text="= 1.2.3.4 (x)", interface="Tunnel100"),
    )
    is_golden(list(render_events(ShowEvents(lines, messages=True))), "chronicle/a_screen_of_events_has_its_columns")
    is_golden(
        list(render_events(ShowEvents((), messages=False, since="Nov 20 06:00:00.000"))),
        "chronicle/a_screen_of_events_has_its_columns-2",
    )


@dataclass
class Asking:
    """The `ShowContext` of a router of which only the chronicle is asked."""

    chronicle: ChronicleMachine
    now: float
    ports: Ports
    hostname: str = "R1"
    running: ConfigTree = field(default_factory=ConfigTree)
    session: int = 0
    hides: bool = False
    features: tuple[Feature, ...] = ()
    awake: tuple[Feature, ...] = ()
    counting: NoPlane = NO_PLANE

    def in_vrf(self, vrf: str) -> Asking | None:
        return None

    def machine(self, kind: type[M]) -> M:
        assert isinstance(self.chronicle, kind)
        return self.chronicle


def asked(chronicle: ChronicleMachine, now: float, when: Moment | None = None) -> ShowEvents:
    """What the commands answer."""
    ports = fake_ports()
    ports.remembers = True
    ctx = Asking(chronicle, now, ports)
    answer = events(ctx, Args({})) if when is None else changes(ctx, Args({"when": when}))
    assert isinstance(answer, ShowEvents)
    return answer


@pytest.mark.lengthy
def test_events_say_how_much_is_forgotten() -> None:
    """Seen: of 3000 messages 952 were not there, and nobody said so."""
    chronicle = machine()
    chronicle.handle(CHANGE, 1.0)
    assert (asked(chronicle, 1.0).since, asked(chronicle, 1.0).messages_since) == ("", "")
    for number in range(LARGEST_MESSAGES):
        chronicle.handle(MESSAGE, 2.0 + number)
    assert asked(chronicle, 4000.0).messages_since == ""
    for number in range(952):
        chronicle.handle(MESSAGE, 3000.0 + number)
    answer = asked(chronicle, 4000.0)
    assert (len(answer.lines), answer.since, answer.messages_since) == (2049, "", "Nov 20 06:15:54.000")
    assert list(render_events(answer))[1] == "Nothing is remembered of messages before Nov 20 06:15:54.000"
    for number in range(LARGEST_CHANGES):
        chronicle.handle(CHANGE, 4000.0 + number)
    assert list(render_events(asked(chronicle, 9000.0)))[1:3] == [
        "Nothing is remembered of messages before Nov 20 06:15:54.000",
        "Nothing is remembered of changes before Nov 20 07:06:40.000",
    ]
    assert asked(chronicle, 9000.0, Moment(ago=9000)).since == "Nov 20 07:06:40.000"
    assert asked(chronicle, 9000.0, Moment(ago=1000)).since == ""


def test_dates_have_their_year_where_not_all_are_of_this_one() -> None:
    """Seen: what happened a year ago looked like what happens today."""
    chronicle = machine()
    chronicle.handle(CHANGE, 1.0)
    chronicle.handle(MESSAGE, 60 * 86400.0)
    lines = list(render_events(asked(chronicle, 60 * 86400.0)))
    assert lines[2].startswith("Nov 20 2026 06:00:01.000 +  mapping ")
    assert lines[3].startswith("Jan 19 2027 06:00:00.000 -> NHRP ")
    assert "Nov 20 2026 06:00:01.000 +" in "\n".join(render_events(asked(chronicle, 60 * 86400.0, Moment(ago=5184000))))
    assert "Nov 20 06:00:01.000 +" in "\n".join(render_events(asked(chronicle, 5.0, Moment(ago=5))))


# A recording whose fields have wrong types is refused with its line; it was a traceback.

#: Values of every type that JSON has, and of the objects that stand for others.
WRONG: Any = (
    *(None, True, -1, 1e300, float("nan"), 10**400, "", "\ud800", [], [1], {}, {"$": 1}),
    *(
        {"$ip": "x"},
        {"$ip": "::1"},
        {"$hex": "zz"},
        {"$hex": "00"},
        {"$prefix": "1.1.1.1/99"},
        {"$prefix": "::/0"},
        {"$tuple": [None]},
        {"$tuple": 1},
    ),
    *({"$enum": "Flag.NONE"}, {"$enum": "Enum.x"}, {"$Tick": {}}, {"$Tick": 1}, {"$EnteredLine": {"text": 1}}),
    *({"$Event": {}, "$Tick": {}}, {"$tuple": [{"$tuple": [[]]}]}),
)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """One line for each kind of event in the life of a network, and the two other kinds of lines."""
    found: dict[str, str] = {}
    for name in ("isakmp-phase3", "nat-overload"):
        written: list[str] = []
        world = World(name, seed=3, record=written.append).converge()
        world.configure(next(iter(world.scenario.configurations)), "ip nhrp holdtime 600", "end")
        for line in "".join(written).splitlines():
            loaded = load(line)
            if isinstance(loaded, RecordedEvent):
                check_types(loaded.event)  # every line of a real recording has its types
            found.setdefault(json.loads(line).get("event", type(loaded).__name__), line)
    assert len(found) > 10
    return list(found.values())


def mutants(value: Json) -> Iterator[Json]:
    """Every value with one thing in it replaced by something else, or taken away."""
    yield from WRONG
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {other: one for other, one in value.items() if other != key}
            yield {("x" if other == key else other): one for other, one in value.items()}
            for mutant in mutants(inner):
                yield {**value, key: mutant}
    elif isinstance(value, list):
        for place, inner in enumerate(value[:3]):
            yield value[:place] + value[place + 1 :]
            for mutant in mutants(inner):
                changed = copy.copy(value)
                changed[place] = mutant
                yield changed


@pytest.mark.lengthy
def test_nothing_but_an_error_with_its_line_leaves_the_decoder(lines: list[str]) -> None:
    refused: list[str] = []
    for line in lines:
        for mutant in mutants(json.loads(line)):
            try:
                replaying.loaded(json.dumps(mutant), "FILE:7")
            except UserError as error:
                refused.append(str(error))
    assert len(refused) > 1000
    assert all(text.startswith("FILE:7: ") and "\n" not in text for text in refused)


def test_a_field_of_a_wrong_type_is_named_with_its_line(lines: list[str]) -> None:
    chosen = next(json.loads(line) for line in lines if '"IpReceived"' in line)
    chosen["fields"]["ttl"] = "64"
    text = [json.dumps({"router": chosen["router"], "begins": True}), json.dumps(chosen)]
    with pytest.raises(UserError, match=r"^file:2: IpReceived: ttl cannot be '64'$"):
        replaying.live_again(text, name="file")


@pytest.mark.parametrize("offset", ["1e300", "1e999", "9" * 400, "NaN"])
def test_no_clock_is_set_beyond_the_calendar(offset: str) -> None:
    """The film and the replay of such a recording ended in a traceback."""
    line = '{"router":"R1","t":1,"event":"ClockSet","fields":{"offset":OFFSET}}'.replace("OFFSET", offset)
    with pytest.raises(UserError, match="ClockSet: offset cannot be"):
        replaying.loaded(line, "FILE:7")


@pytest.mark.parametrize("kind", sorted(recording.named(Event).values(), key=str))
def test_the_fields_of_every_event_have_types_that_are_checked(kind: type) -> None:
    assert len(checks_of(kind)) == len(hints_of(kind))


@pytest.mark.parametrize("time", ["true", "NaN", '"1"', "1e999", "1e300", "9" * 400, "null"])
def test_a_time_is_a_number_of_seconds(time: str) -> None:
    with pytest.raises(UserError, match="not a line of a recording"):
        load('{"router":"R1","t":TIME,"event":"Tick","fields":{}}'.replace("TIME", time))


# A recording names events, effects and their values by their class alone.
#
# `clear ip ospf counters` was replayed as `clear bfd counters`, or refused as no line of a recording.

NULL0 = SetRoute(Prefix.parse("10.0.0.0/8"), (), kind=RouteKind.DISCARD)


@pytest.mark.parametrize(
    "event",
    [
        bfd.ClearBfdCounters(),
        interface.ClearInterfaceCounters("Tunnel1"),
        nhrp.ClearNhrpCounters(6, "Tunnel1"),
        ospf.ClearOspfCounters(1),
        EffectFailed(NULL0, 22, "no such route"),
    ],
)
def test_what_was_recorded_is_replayed_as_the_same_event(event: Event) -> None:
    lines: list[str] = []
    Recorder("R1", lines.append).event(event, 1.5)
    assert load(lines[0]) == RecordedEvent(1.5, "R1", event)


def dataclasses_in(hint: object) -> Iterator[type]:
    """The dataclasses from which a value of this type is made, itself included."""
    if isinstance(hint, type) and is_dataclass(hint) and hint is not Effect:
        yield hint
        for _, inside in hints_of(hint):
            yield from dataclasses_in(inside)
    for inside in get_args(hint):
        yield from dataclasses_in(inside)


@pytest.mark.parametrize("root", [Event, Effect])
def test_every_value_in_an_event_or_an_effect_can_be_read_back(root: type[object]) -> None:
    """A switch with real packets had no trees: the events between its process and the lab held a new class."""
    found = {part for kind in recording.named(root).values() if kind is not InVrf for part in dataclasses_in(kind)}
    assert len(found) > 50
    for part in found:
        with pytest.raises(TypeError, match="unexpected"):  # LookupError: its name is unknown
            recording.decode({f"${part.__name__}": {"no field": 0}})


@pytest.mark.parametrize("root", [Event, Effect])
def test_no_two_events_and_no_two_effects_have_one_name(root: type[object]) -> None:
    features = importlib.import_module("dmvpn.features")
    for info in pkgutil.walk_packages(features.__path__, "dmvpn.features."):
        importlib.import_module(info.name)
    ours = {(kind.__module__, kind.__name__) for kind in subclasses(root) if kind.__module__.startswith("dmvpn.")}
    names = Counter(name for _, name in ours)
    assert [name for name, count in names.items() if count > 1] == []


def subclasses(root: type[object]) -> set[type[object]]:
    """All classes below this one."""
    return {each for kind in root.__subclasses__() for each in (kind, *subclasses(kind))}


# What a plane says of SAs stands in recordings, and is read from them as it was.

SA = EspSa(
    connection=1,
    spi_in=2,
    spi_out=3,
    transform=EspTransform(EspCipher.AES_CBC, 128, EspHash.SHA256),
    key_in=bytes(16),
    key_out=bytes(16),
    local=IPv4Address("192.0.2.1"),
    remote=IPv4Address("198.51.100.1"),
)


@pytest.mark.parametrize(
    "event", [SasCounted((SaCount(spi_in=2, sent=5),)), EffectFailed(InstallSa(SA, True), 22, "no such cipher")]
)
def test_what_was_recorded_of_sas_can_be_replayed(event: Event) -> None:
    lines: list[str] = []
    Recorder("R1", lines.append).event(event, 1.5)
    assert load(lines[0]) == RecordedEvent(1.5, "R1", event)


def test_keys_do_not_stand_in_what_is_printed_of_an_order() -> None:
    order = InstallSa(replace(SA, key_in=b"in a secret place"), eager=True)
    assert "secret" not in f"{order} {EffectFailed(order, 22, 'no')}"
