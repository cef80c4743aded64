"""Our dataclasses behave as those of the standard library do; each check is made of both."""

from __future__ import annotations

import copy
import dataclasses
import enum
import functools
import inspect
import pickle
import sys
from dataclasses import FrozenInstanceError, field, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import pytest

from dmvpn.base import rows, values
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop
from dmvpn.base.notices import Route, RouteSource
from dmvpn.base.values import Value, copier

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
BOTH = pytest.mark.parametrize("dataclass", [dataclasses.dataclass, values.dataclass])


def shapes(dataclass: Callable[..., Any]) -> dict[str, Any]:
    """Make the same classes."""

    @dataclass(frozen=True, slots=True)
    class Point:
        """A point."""

        kind: ClassVar[str] = "point"
        x: int
        y: int = 2
        seen: list[int] = field(default_factory=list, compare=False, repr=False)
        name: str = field(default="p", kw_only=True)

        @property
        def sum(self) -> int:
            return self.x + self.y

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Named(Point):
        label: str = "none"
        made: int = field(default=7, init=False)

    @dataclass(slots=True)
    class Counter:
        count: int = 0
        twice: int = field(init=False)

        def __post_init__(self) -> None:
            self.twice = self.count * 2

    @dataclass(frozen=True, slots=True, eq=False)
    class Thing(Generic[T]):
        what: T

    @dataclass(frozen=True, slots=True)
    class Empty:
        pass

    @dataclass(frozen=True, slots=True)
    class Alone:
        it: float

    @dataclass(frozen=True, slots=True)
    class Own:
        x: int
        y: int = 0

        def __hash__(self) -> int:
            return 5

        def __repr__(self) -> str:
            return "own"

    class Below(Alone):
        __slots__ = ()

        def __init__(self, half: float) -> None:
            super().__init__(2 * half)

    return {each.__name__: each for each in (Point, Named, Counter, Thing, Empty, Alone, Own, Below)}


def told(act: Callable[[], object]) -> str:
    """Say what comes of it, without the place where the class was made."""
    try:
        return repr(act())
    except (TypeError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"


LINES: dict[str, Callable[[dict[str, Any]], object]] = {
    "positions": lambda of: of["Point"](1, 3),
    "names": lambda of: of["Point"](x=1, name="q"),
    "missing": lambda of: of["Point"](),
    "unknown": lambda of: of["Point"](1, z=3),
    "keyword only": lambda of: of["Point"](1, 2, [], "n"),
    "inherited": lambda of: of["Named"](1, label="a"),
    "own by name": lambda of: of["Named"](1, 2, [], "a"),
    "not by callers": lambda of: of["Named"](1, made=3),
    "behind init": lambda of: of["Counter"](4),
    "generic": lambda of: of["Thing"](4),
    "nothing": lambda of: of["Empty"](),
    "own repr": lambda of: of["Own"](4),
    "own hash": lambda of: hash(of["Own"](4)),
    "equal": lambda of: of["Point"](1, 2, [9]) == of["Point"](1),
    "not equal": lambda of: of["Point"](1, 2, name="o") == of["Point"](1),
    "of another class": lambda of: of["Named"](1) == of["Point"](1),
    "another thing": lambda of: of["Point"](1) == 1,
    "one field": lambda of: (of["Alone"](1) == of["Alone"](1), of["Alone"](1) == of["Alone"](2)),
    "empty ones": lambda of: (of["Empty"]() == of["Empty"](), hash(of["Empty"]())),
    "by identity": lambda of: of["Thing"](1) == of["Thing"](1),
    "hash": lambda of: (hash(of["Point"](1)), hash(of["Alone"](1)), hash(of["Named"](1))),
    "no hash": lambda of: hash(of["Counter"]()),
    "each a list": lambda of: of["Point"](1).seen is of["Point"](1).seen,
    "set": lambda of: setattr(of["Point"](1), "x", 2),
    "set what may be": lambda of: setattr(of["Counter"](), "count", 2),
    "set no field": lambda of: setattr(of["Counter"](), "other", 2),
    "delete": lambda of: delattr(of["Point"](1), "x"),
    "no dictionary": lambda of: vars(of["Named"](1)),
    "replaced": lambda of: dataclasses.replace(of["Point"](1), y=5),
    "as dictionary": lambda of: dataclasses.asdict(of["Named"](1)),
    "as tuple": lambda of: dataclasses.astuple(of["Counter"](1)),
    "fields": lambda of: [(each.name, each.type, each.kw_only) for each in dataclasses.fields(of["Named"])],
    "match": lambda of: [of[name].__match_args__ for name in of],
    "slots": lambda of: [of[name].__slots__ for name in of],
    "documented": lambda of: of["Point"].__doc__,
    "class attribute": lambda of: (of["Point"].kind, of["Point"](1).sum),
    "copied": lambda of: copy.deepcopy(of["Point"](1, 2, [3])),
    "signature": lambda of: list(inspect.signature(of["Own"]).parameters),
    "called from below": lambda of: of["Below"](3),
    "called by a class": lambda of: of["Point"].__init__.__name__,
}


@pytest.mark.parametrize("line", LINES)
def test_ours_does_what_the_one_of_the_standard_library_does(line: str) -> None:
    theirs, ours = shapes(dataclasses.dataclass), shapes(values.dataclass)
    assert told(lambda: LINES[line](ours)) == told(lambda: LINES[line](theirs))


@BOTH
def test_nobody_changes_a_frozen_object(dataclass: Callable[..., Any]) -> None:
    point = shapes(dataclass)["Point"](1)
    with pytest.raises(FrozenInstanceError):
        point.x = 2
    with pytest.raises(FrozenInstanceError):
        del point.x


def test_each_kind_derives_from_the_other() -> None:
    for base, derived in (
        (dataclasses.dataclass, values.dataclass),
        (values.dataclass, dataclasses.dataclass),
    ):
        above = shapes(base)["Point"]
        bare = type("Below", (above,), {"__annotations__": {"z": "int"}, "z": 9})
        below: Any = derived(frozen=True, slots=True)(bare)
        assert repr(below(1)) == "Below(x=1, y=2, name='p', z=9)"
        assert below(1) == below(1) != below(1, z=8)


@values.dataclass(frozen=True, slots=True)
class Sent:
    """What goes from one process to another."""

    what: int


def test_they_travel() -> None:
    assert pickle.loads(pickle.dumps(Sent(3))) == Sent(3)  # noqa: S301


class Place(values.Value):
    """A class below `Value`."""

    x: int
    y: int = 2


class Labeled(Place, values.Value, Generic[T], kw_only=True):
    """One below that, with an option."""

    label: T


def test_a_class_below_value_is_a_frozen_dataclass_with_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    class Thing(values.Value, eq=False):
        what: int

    monkeypatch.setattr(values, "WORKS", False)  # where the standard library makes all classes

    class Elsewhere(values.Value):
        what: int = 3

    assert (repr(Place(1)), Place(1), hash(Place(1))) == ("Place(x=1, y=2)", Place(1, 2), hash(Place(1, 2)))
    assert (Labeled(1, label="a").label, Elsewhere()) == ("a", Elsewhere(3))
    assert Thing(1) != Thing(1)
    for each, name in ((Place(1), "x"), (Labeled(1, label="a"), "label"), (Elsewhere(), "what")):
        with pytest.raises(FrozenInstanceError):
            setattr(each, name, 2)
        assert not hasattr(each, "__dict__")
    assert pickle.loads(pickle.dumps(Labeled(1, label=2))) == Labeled(1, label=2)  # noqa: S301


class Count(values.Mutable):
    """A class below `Mutable`."""

    count: int = 0
    seen: list[int] = field(default_factory=list)


class NamedCount(Count, values.Mutable, kw_only=True):
    """One below that, with an option."""

    label: str


def test_a_class_below_mutable_is_a_dataclass_with_slots_whose_objects_change(monkeypatch: pytest.MonkeyPatch) -> None:
    class Thing(values.Mutable, eq=False):
        what: int

    monkeypatch.setattr(values, "WORKS", False)  # where the standard library makes all classes

    class Elsewhere(values.Mutable):
        count: int = 3

    one, named, elsewhere = Count(), NamedCount(1, label="a"), Elsewhere()
    one.count, named.label, elsewhere.count = 2, "b", 4
    assert (repr(one), one, named) == ("Count(count=2, seen=[])", Count(2), NamedCount(1, label="b"))
    assert elsewhere == Elsewhere(4) != Elsewhere()
    assert Count().seen is not Count().seen
    assert Thing(1) != Thing(1)
    assert isinstance(named, Count)
    assert not isinstance(one, values.Mutable)
    for each in (one, named, elsewhere):
        assert not hasattr(each, "__dict__")
        with pytest.raises(TypeError, match="unhashable"):
            hash(each)
        with pytest.raises(AttributeError):
            each.other = 2
    assert pickle.loads(pickle.dumps(NamedCount(1, label="c"))) == NamedCount(1, label="c")  # noqa: S301


def loaded(attribute: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return the decorator as a Python has it that calls this attribute of its dataclasses otherwise."""
    text = Path(values.__file__).read_text()
    assert text.count(f'"{attribute}"') == 1
    module = ModuleType("values_elsewhere")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(text.replace(f'"{attribute}"', '"_of_a_newer_python"'), module.__dict__)  # noqa: S102
    made: Callable[..., Any] = module.__dict__["dataclass"]
    return made


def answers(dataclass: Callable[..., Any]) -> list[str]:
    """All that comes of the classes that it makes."""
    of = shapes(dataclass)
    return [told(functools.partial(act, of)) for act in LINES.values()]


def is_of_library(dataclass: Callable[..., Any]) -> bool:
    """Whether each class has methods of its own, which the standard library compiles for it."""
    of = shapes(dataclass)
    return of["Point"].__repr__ is not of["Alone"].__repr__


def test_this_python_has_ours() -> None:
    assert not is_of_library(values.dataclass)


@pytest.mark.parametrize("attribute", ["_field_type", "__dataclass_params__", "__dataclass_fields__"])
def test_where_a_newer_python_keeps_something_else_its_own_dataclasses_are_taken(
    attribute: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataclass = loaded(attribute, monkeypatch)
    assert is_of_library(dataclass)
    assert answers(dataclass) == answers(dataclasses.dataclass)


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """What is published."""

    name: str
    since: float

    @property
    def is_old(self) -> bool:
        """Whether it began long ago."""
        return self.since < 0


@values.dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is shown. note: nobody has it."""

    name: str
    is_old: bool
    age: float
    note: str = "none"


def test_a_line_takes_what_its_view_has_under_the_same_name() -> None:
    assert values.project(Line, Seen("a", -5.0), age=15.0) == Line(name="a", is_old=True, age=15.0)
    assert values.project(Line, Seen("a", 5.0), age=5.0, name="b").name == "b"


def test_a_line_is_not_made_without_a_field_that_its_view_does_not_have() -> None:
    with pytest.raises(TypeError, match="age"):
        values.project(Line, Seen("a", 0.0))


class Mood(enum.Enum):
    """An enum, whose value is text."""

    WELL = "well"


class Walker:
    """What a row is read from."""

    name, mood, steps, reason = "Ann", Mood.WELL, 7, None


WALKER: rows.Source[Walker, float] = rows.Source()


@values.dataclass(frozen=True, slots=True, kw_only=True)
class WalkerRow:
    """A row of a show."""

    name: str = WALKER.column("Name  ", "{:<6}", "Name :: Its name. [RFC 1 §2]")
    mood: str
    reason: str
    pace: float = WALKER.column("Pace", "{}", of=WALKER.at(lambda it, time: it.steps / time), cell=lambda row: row.pace)


def test_a_row_takes_its_fields_from_its_view_and_a_column_has_heading_cell_and_explanation() -> None:
    row = WALKER.row(WalkerRow, Walker(), 2.0)
    assert row == WalkerRow(name="Ann", mood="well", reason="", pace=3.5)
    assert list(rows.table(WalkerRow, [row])) == ["Name  Pace", "Ann   3.5"]
    assert rows.column_words(f"{__name__}:WalkerRow") == "    Name :: Its name. [RFC 1 §2]\n"


# Quick copies of values: the same as `dataclasses.replace` makes.

ROUTE = Route(prefix=Prefix.parse("10.1.0.0/16"), source=RouteSource.BGP, distance=200, process="65000", since=3.0)


def test_a_copy_of_a_class_below_another_frozen_one_has_everything_and_is_frozen() -> None:
    class Above(Value):
        x: int

    class Below(Above, Value):
        y: int

    copy = copier(Below, "x", "y")(Below(1, 2), 3, 4)
    assert copy == Below(3, 4)
    with pytest.raises(FrozenInstanceError):
        copy.x = 5  # type: ignore[misc]


def test_a_copy_has_what_is_given_and_the_rest_of_the_original() -> None:
    hops = (NextHop("Tunnel0"),)
    copy = copier(Route, "next_hops", "metric")(ROUTE, hops, 7)
    assert copy == replace(ROUTE, next_hops=hops, metric=7)
    assert copy.since == ROUTE.since  # which does not count when routes are compared
    assert hash(copy) == hash(replace(ROUTE, next_hops=hops, metric=7))
