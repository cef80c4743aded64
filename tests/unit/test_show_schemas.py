"""What a program may rely on in `show ... | json`: its JSON schema, and that it becomes the same value again."""

from __future__ import annotations

import enum
from dataclasses import replace
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import pytest
from jsonschema import Draft202012Validator

from dmvpn.base.addresses import Prefix
from dmvpn.base.reasons import Reason, ReasonCode
from dmvpn.base.values import dataclass
from dmvpn.face.language import exec_parser
from dmvpn.ios import Args, ExecCommand
from dmvpn.ios.filters import to_plain
from dmvpn.ios.from_plain import MisfitError, reader_of, reader_of_type
from dmvpn.ios.shapes import UntypedShowError, schema_of
from dmvpn.ios.vrfs import OfVrf, by_vrf
from dmvpn.router.features import FEATURES

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
