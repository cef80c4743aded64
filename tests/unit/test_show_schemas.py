"""What a program may rely on in `show ... | json`: its JSON schema, and that it becomes the same value again."""

from __future__ import annotations

import enum
import json
import os
import re
import time
from dataclasses import replace
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar, cast

import pytest
from jsonschema import Draft202012Validator
from ntc_templates.parse import parse_output

from dmvpn.base.addresses import Prefix
from dmvpn.base.breath import BREATH
from dmvpn.base.reasons import Reason, ReasonCode
from dmvpn.base.values import dataclass
from dmvpn.face.calling import MAX_LINE
from dmvpn.face.context import new_session
from dmvpn.face.interpreter import Interpreter
from dmvpn.face.language import exec_parser
from dmvpn.face.messages import Answer
from dmvpn.face.protocol import encode
from dmvpn.face.shows import Look, Looks
from dmvpn.face.values import PIECE, Asking
from dmvpn.ios import Args, ExecCommand, Feature, ShowContext, json_lines, json_text
from dmvpn.ios.filters import to_plain
from dmvpn.ios.from_plain import MisfitError, reader_of, reader_of_type
from dmvpn.ios.shapes import UntypedShowError, schema_of
from dmvpn.ios.vrfs import OfVrf, by_vrf
from dmvpn.router.features import FEATURES
from support.fake_router import FakeRouter
from support.parse_check import Ntc, check_one, load
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dmvpn.ios.filters import Plain
    from dmvpn.ios.shapes import Schema

SHOWS = [command for command in exec_parser(FEATURES).commands if command.query is not None]


class State(enum.Enum):
    """Members with a word, and with more than a word."""

    UP = "up"
    DOWN = ("down", 1)


class Level(enum.IntEnum):
    """Numbers."""

    LOW = 1


class Why(ReasonCode):
    """Reasons."""

    LOST = "no answer from <peer>"


class Hop(NamedTuple):
    """A row without names."""

    address: IPv4Address
    time: float


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer. inner: peers behind it."""

    name: str
    inner: tuple[Peer, ...] = ()


@dataclass(frozen=True, slots=True)
class Positive:
    """A value that its class checks."""

    number: int

    def __post_init__(self) -> None:
        if self.number <= 0:
            raise ValueError("too small")


@dataclass(frozen=True, slots=True)
class Everything:
    """One field of each kind."""

    state: State
    level: Level
    reason: Reason | None
    hop: Hop
    prefix: Prefix
    address: IPv4Address
    octets: bytes
    counts: dict[str, int]
    pair: tuple[int, str]
    names: frozenset[str]
    word: Literal["a", "b"]
    number: int | float
    since: datetime | None
    peers: tuple[Peer, ...]
    is_up: bool


EVERYTHING = Everything(
    state=State.DOWN,
    level=Level.LOW,
    reason=Reason(Why.LOST, ("R31",)),
    hop=Hop(IPv4Address("10.0.0.1"), 0.5),
    prefix=Prefix.of(ip_address("10.4.4.0"), 24),
    address=IPv4Address("10.0.0.1"),
    octets=b"\x00\xff",
    counts={"a": 1},
    pair=(1, "a"),
    names=frozenset(("b", "a")),
    word="a",
    number=1.5,
    since=None,
    peers=(Peer("R31", (Peer("R41"),)),),
    is_up=True,
)


def everything(_: object, __: Args) -> Everything:
    """Return it."""
    return EVERYTHING


def command(query: Callable[[object, Args], object], syntax: str = "show it") -> ExecCommand:
    """A show with this query."""
    return ExecCommand(syntax, "It", query=query)


def errors(schema: Schema, value: object) -> list[str]:
    """What is wrong about a value."""
    return [error.json_path for error in Draft202012Validator(schema).iter_errors(value)]


@pytest.mark.lengthy
def test_every_show_has_a_schema() -> None:
    schemas = [schema_of(show) for show in SHOWS]
    definitions: dict[str, Plain] = {}
    for schema in schemas:
        assert schema.keys() & {"$ref", "anyOf", "properties"}, f"{schema['title']} allows everything"
        own = schema.get("$defs", {})
        assert isinstance(own, dict)
        definitions.update(own)
    assert [schema["title"] for schema in schemas] == [show.syntax for show in SHOWS]
    Draft202012Validator.check_schema({"$defs": definitions, "anyOf": [{**one, "$defs": {}} for one in schemas]})


def test_a_value_of_every_kind_fits_its_schema() -> None:
    assert errors(schema_of(command(everything)), to_plain(EVERYTHING)) == []


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("state", "up and down"),
        ("level", 2),
        ("reason", {"what": "no answer"}),
        ("hop", ["10.0.0.1"]),
        ("prefix", 10),
        ("octets", [0, 255]),
        ("counts", {"a": "many"}),
        ("pair", [1, 2]),
        ("names", "a"),
        ("word", "c"),
        ("number", "1"),
        ("peers", [{"name": "R31"}]),
        ("peers", [{"name": "R31", "inner": [], "more": 1}]),
        ("is_up", 1),
    ],
)
def test_a_value_of_another_kind_does_not_fit(field: str, wrong: object) -> None:
    plain = to_plain(EVERYTHING)
    assert isinstance(plain, dict)
    (path,) = errors(schema_of(command(everything)), {**plain, field: wrong})
    assert path.startswith(f"$.{field}")
    if wrong != [{"name": "R31", "inner": [], "more": 1}]:
        with pytest.raises(MisfitError, match=field) as caught:
            reader_of(command(everything))({**plain, field: cast("Plain", wrong)})
        assert caught.value.path.startswith(field)
        assert str(caught.value).count("\n") == 0


def test_a_value_without_a_field_does_not_fit() -> None:
    plain = to_plain(EVERYTHING)
    assert isinstance(plain, dict)
    del plain["is_up"]
    assert errors(schema_of(command(everything)), plain) == ["$"]
    with pytest.raises(MisfitError, match="Everything needs is_up"):
        reader_of(command(everything))(plain)


def test_a_value_of_every_kind_becomes_the_same_value_again() -> None:
    again = reader_of(command(everything))(to_plain(EVERYTHING))
    assert isinstance(again, Everything)
    assert again.reason is not None
    assert (again.reason.what, str(again.reason)) == ("no answer from R31", "no answer from R31")
    assert replace(again, reason=EVERYTHING.reason) == EVERYTHING


def test_fields_that_only_a_newer_router_has_are_left_out() -> None:
    newer = {"name": "R31", "inner": [{"name": "R41", "inner": [], "color": "red"}], "color": "red"}
    assert reader_of_type(Peer)(cast("Plain", newer)) == Peer("R31", (Peer("R41"),))


def test_a_value_that_its_class_refuses_is_a_misfit() -> None:
    with pytest.raises(MisfitError, match="no Positive: ValueError: too small"):
        reader_of_type(Positive)({"number": 0})


def test_a_wrong_value_is_cut_and_nesting_without_an_end_is_one_error() -> None:
    with pytest.raises(MisfitError) as caught:
        reader_of_type(Peer)({"name": ["x" * 100_000], "inner": []})
    assert len(str(caught.value)) < 200
    deep: Plain = {"name": "", "inner": []}
    for _ in range(5000):
        deep = {"name": "", "inner": [deep]}
    with pytest.raises(MisfitError, match="nested too deeply"):
        reader_of_type(Peer)(deep)
    with pytest.raises(MisfitError, match="usual size"):
        reader_of_type(float)(10**400)


def test_a_show_about_a_vrf_has_the_answer_of_the_show_inside_it() -> None:
    schema = schema_of(by_vrf(command(everything, "show it"), "show"))
    answer = to_plain(EVERYTHING)
    assert errors(schema, {"vrf": "BLUE", "answer": answer}) == []
    assert errors(schema, {"vrf": "BLUE", "answer": None}) == []
    assert errors(schema, {"vrf": "BLUE", "answer": {"else": 1}}) == ["$"]
    read = reader_of(by_vrf(command(everything, "show it"), "show"))
    again = read({"vrf": "BLUE", "answer": answer})
    assert isinstance(again, OfVrf)
    assert to_plain(again.answer) == answer
    assert read({"vrf": "BLUE", "answer": None}) == OfVrf("BLUE", None)
    with pytest.raises(MisfitError, match="Everything needs"):
        read({"vrf": "BLUE", "answer": {"else": 1}})


def test_a_show_without_a_type_is_named() -> None:
    def query(_, __):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        return 1

    with pytest.raises(UntypedShowError, match="show it: its query has no return type"):
        schema_of(command(query))


def test_a_type_that_nobody_can_find_is_named() -> None:
    def query(_: object, __: Args) -> Nowhere:  # type: ignore[name-defined]  # noqa: F821
        return 1

    with pytest.raises(UntypedShowError, match="Nowhere"):
        schema_of(command(query))


def test_an_action_has_no_schema() -> None:
    with pytest.raises(UntypedShowError, match="shows nothing"):
        schema_of(ExecCommand("clear it", "It", action=everything))


# The value of a show in pieces: the same JSON as `| json`, and the router goes on between two rows.

T = TypeVar("T")
ROWS = 5000


@dataclass(frozen=True, slots=True)
class Row:
    """A row with a text that JSON has to escape."""

    number: int
    text: str
    inner: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A long table."""

    rows: tuple[Row, ...]


def table(_: ShowContext, __: Args) -> Table:
    """Return it."""
    return Table(tuple(Row(number, '"\\ä' * 20) for number in range(ROWS)))


TABLES = Feature(name="tables", commands=(ExecCommand("show table", "A long table", query=table),))


class Counter:
    """A breath that counts."""

    def __init__(self) -> None:
        self.pauses = 0

    def pause(self) -> None:
        self.pauses += 1

    def aside(self, work: Callable[[], T]) -> T:
        return work()

    def at_home(self, work: Callable[[], T]) -> T:
        return work()


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        1.5,
        'a\n"b',
        [],
        {},
        (),
        ((),),
        {"a": {"b": []}},
        Row(1, "ä"),
        Row(1, "", (1, 2)),
        Table((Row(1, "a"), Row(2, "b", (3,)))),
        Table(()),
        {Prefix.parse("10.0.0.0/8"): (b"\x00", {1, 2})},
    ],
)
def test_it_is_the_json_of_the_show(value: object) -> None:
    assert json.loads("".join(json_text(value))) == json.loads("\n".join(json_lines(value)))


def test_a_long_table_comes_in_pieces_that_fit_a_message() -> None:
    router = FakeRouter()
    router.features = (*router.features, TABLES)
    asking = Asking(lambda: Interpreter(router, new_session()).ask("show table"))
    pieces = list(iter(asking.step, ""))
    assert len(json.loads("".join(pieces))["rows"]) == ROWS
    assert len(pieces) > 1
    assert max(map(len, pieces)) < 2 * PIECE
    assert all(len(encode(Answer(piece))) < MAX_LINE for piece in pieces)
    assert asking.step() == ""


def test_the_router_goes_on_between_two_rows() -> None:
    router = FakeRouter()
    router.features = (*router.features, TABLES)
    asking = Asking(lambda: Interpreter(router, new_session()).ask("show table"))
    breath = Counter()
    token = BREATH.set(breath)
    try:
        for _ in iter(asking.step, ""):
            pass
    finally:
        BREATH.reset(token)
    assert breath.pauses >= ROWS


# What tools ask of every router: answered, in the words that they read.


@pytest.fixture(scope="module")
def world() -> World:
    found = World("notes-phase3")
    found.run_for(2)
    return found


@pytest.mark.parametrize(
    "command",
    [
        *("show version", "show hosts", "show ip interface brief", "show interfaces", "show ip interface"),
        *("show ipv6 interface", "show startup-config", "show running-config all", "show vrf", "show vrf detail"),
        *("show arp", "show interfaces summary", "show processes cpu", "show memory statistics", "show inventory"),
        *("show lldp", "show cdp", "show lldp neighbors detail", "show cdp neighbors", "show privilege", "show users"),
        *("show archive", "dir", "show flash:", "show access-lists", "show ip access-lists", "show configuration"),
    ],
)
def test_a_command_that_tools_send_is_answered_also_as_json(world: World, command: str) -> None:
    assert "% Invalid" not in world.do("R31", command)
    json.loads(world.do("R31", f"{command} | json"))


def test_what_is_not_there_is_said_in_the_words_that_tools_read(world: World) -> None:
    assert world.do("R31", "show lldp") == "% LLDP is not enabled\n"
    assert world.do("R31", "show cdp neighbors") == "% CDP is not enabled\n"
    assert world.do("R31", "show vrf").split() == ["Name", "Default", "RD", "Protocols", "Interfaces"]


def test_the_summary_has_a_row_for_each_interface(world: World) -> None:
    rows = [line.split() for line in world.lines("R31", "interfaces summary") if line.startswith("* ")]
    assert [(row[1], len(row)) for row in rows] == [
        ("GigabitEthernet0/1", 11),
        ("GigabitEthernet0/2", 11),
        ("Tunnel100", 11),
    ]


def test_the_line_about_the_processor_is_the_one_that_napalm_reads(world: World) -> None:
    said = world.show("R31", "processes cpu")
    assert re.fullmatch(r"CPU utilization for five seconds: \d+%/0%; one minute: \d+%; five minutes: \d+%\n", said)


def test_a_router_that_is_a_fork_has_not_used_what_its_parent_used(world: World) -> None:
    """Routers of a lab are forks. Less than nothing was used, in words that NAPALM does not read."""
    begun = time.process_time()
    while time.process_time() < begun + 0.05:
        pass
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, world.show("R31", "processes cpu").encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with open(reader) as told:
        assert re.search(r"five seconds: \d+%/0%; one minute: \d+%; five minutes: \d+%", told.read())


def test_the_processor_is_as_busy_as_since_an_earlier_look() -> None:
    looks = Looks(Look(0.0, 0.0))
    assert looks.busy(Look(10.0, 5.0)) == (50, 50, 50)
    assert looks.busy(Look(20.0, 5.0)) == (0, 25, 25)
    assert looks.busy(Look(71.0, 5.0)) == (0, 0, 7)


# What commands print is read by the templates that network automation users run: the small ones, of ntc-templates.
#
# `make test-parsers` gives the same files to Genie too.

TESTS = Path(__file__).parents[1]
GOLDENS = TESTS / "goldens"


@pytest.mark.lengthy
@pytest.mark.parametrize("folder", ["goldens", "unit/goldens"])
def test_no_template_stumbles_over_a_line_of_ours(folder: str) -> None:
    entries = [check_one(output, [Ntc()], must_parse=False) for output in load(TESTS / folder)]
    assert {entry.status for entry in entries} >= {"PASS"}
    assert {entry.name: entry.verdicts["ntc"].error for entry in entries if entry.status == "FAIL"} == {}


def _parsed(command: str, *names: str) -> list[tuple[str, ...]]:
    """What ntc-templates finds in the show of the front door's lists, of fields with these names."""
    text = (GOLDENS / f"{command.replace(' ', '_')}__front-door_SPOKE1.txt").read_text()
    return [tuple(row[name] for name in names) for row in parse_output("cisco_ios", command, text)]


def test_programs_find_lists_entries_and_counts_in_the_shows_of_access_lists() -> None:
    found = _parsed("show ip access-lists", "acl_name", "line_num", "action", "protocol", "dst_port", "matches")
    assert ("WAN-IN", "20", "permit", "udp", "non500-isakmp", "102") in found
    assert ("LAN-IN", "20", "permit", "tcp", "", "") in found
    assert ("7", "30", "deny", "", "", "") in found
    found = _parsed("show access-lists", "name", "sn", "action", "protocol", "matches")
    assert ("7", "10", "permit", "", "51") in found
    assert ("WAN-IN", "10", "permit", "udp", "3") in found


def test_programs_find_the_lists_of_a_port() -> None:
    found = _parsed("show ip interface", "interface", "inbound_acl", "outgoing_acl")
    assert ("GigabitEthernet0/2", "LAN-IN", "7") in found
    assert ("GigabitEthernet0/1", "WAN-IN", "") in found
