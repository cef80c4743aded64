"""`dataclass(slots=True)` as the standard library has it, at a sixth of the price.

`dataclasses.dataclass` compiles six functions for each class: for the thousand classes that a router imports, a third
of its start and 8 MB of its memory. Here five of them are shared by all classes, and `__init__` is compiled when the
first object is made. It also makes a frozen object in two thirds of the time.

`fields`, `replace`, `asdict` and the others of `dataclasses` take these classes like their own, and each kind may
derive from the other. Classes without slots and rare options (`order`) are left to the standard library; `InitVar` is
not for these classes.

`project` makes a value of the fields that it shares with another one: a line of a show, or a fact, of the view that its
owner publishes.

`copier` copies frozen objects with other values in some fields, for paths where there are hundreds of thousands:
`dataclasses.replace` asks the class for its fields each time and calls `__init__`, which takes four times as long.

`fields` and the others go by two attributes that the standard library keeps for itself. So the first import makes a
class and an object; where these are not as they should be, as with a newer Python that keeps other attributes, the
standard library makes all classes, and a router works as before and starts more slowly.

`Value` among its bases makes a class such a dataclass, frozen, in place of a decorator with its options; `Mutable`
makes dataclasses whose objects change. Neither is a base of the class that it makes: a class pattern that does not
match takes three times as long where the class has a metaclass, and each event meets dozens of them. So a class below a
value names `Value` again.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import MISSING, Field, FrozenInstanceError, field, fields
from inspect import get_annotations
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, dataclass_transform

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: type | None = None, /, **options: bool) -> object:
        """Return the class with the methods of a dataclass, or what does so with a class."""

        def made(cls: type) -> type:
            is_ours = WORKS and options.get("slots") and options.keys() <= {"slots", "frozen", "eq", "kw_only"}
            return _dataclass(cls, **options) if is_ours else dataclasses.dataclass(cls, **options)

        return made if cls is None else made(cls)


_FIELDS: Final = "__dataclass_fields__"
_PARAMS: Final = "__dataclass_params__"
#: Stands for what a factory makes, where a caller gives nothing.
_FACTORY: Final = object()
#: Words of annotations that do not declare a plain field.
_STRANGE: Final = ("ClassVar", "InitVar", "KW_ONLY")


@dataclasses.dataclass(frozen=True)
class _Frozen:
    it: object


@dataclasses.dataclass
class _Changing:
    it: object


#: What the standard library notes on each field, which is that it is one, and on each class.
_KIND: Final = "_field_type"
_ORDINARY: Final = getattr(fields(_Frozen)[0], _KIND, None)
_NOTED: Final = {True: getattr(_Frozen, _PARAMS, None), False: getattr(_Changing, _PARAMS, None)}


def _dataclass(cls: type, *, slots: bool, frozen: bool = False, eq: bool = True, kw_only: bool = False) -> type:
    space = {name: value for name, value in cls.__dict__.items() if name not in ("__dict__", "__weakref__")}
    _declare(cls, space, is_frozen=frozen, kw_only=kw_only)
    every = [each for each in space[_FIELDS].values() if getattr(each, _KIND) is _ORDINARY]
    inherited = {name for base in cls.__mro__[1:] for name in base.__dict__.get("__slots__", ())}
    for each in every:
        space.pop(each.name, None)  # a default, which `__init__` knows
    space["__slots__"] = tuple(each.name for each in every if each.name not in inherited)
    space.setdefault("__match_args__", tuple(each.name for each in every if each.init and not each.kw_only))
    space.setdefault("__repr__", _repr)
    if eq:
        values = _values([each.name for each in every if each.compare])
        if space.get("__hash__") is None:
            space["__hash__"] = _hash(values) if frozen else None
        space.setdefault("__eq__", _equality(values))
    if frozen:
        space |= {"__setattr__": _set, "__delattr__": _delete, "__getstate__": _state, "__setstate__": _take_state}
    made = type(cls)(cls.__name__, cls.__bases__, space)
    made.__qualname__ = cls.__qualname__
    if "__init__" not in space:
        type.__setattr__(made, "__init__", _Init(made, is_frozen=frozen))
    return made


class _Init:
    """Stands for the `__init__` of a class until the first object is made.

    It is compiled then: a process makes objects of a third of the classes that it imports.
    """

    __slots__ = ("_cls", "_is_frozen")

    def __init__(self, cls: type, *, is_frozen: bool) -> None:
        self._cls, self._is_frozen = cls, is_frozen

    def __get__(self, instance: object, owner: type) -> object:
        made = _init(self._cls, fields(self._cls), is_frozen=self._is_frozen)
        type.__setattr__(self._cls, "__init__", made)
        return made.__get__(instance, owner)


def _declare(cls: type, space: dict[str, object], *, is_frozen: bool, kw_only: bool) -> None:
    """Add what makes it a dataclass."""
    known: dict[str, object] = {}
    for base in reversed(cls.__mro__[1:]):
        known |= base.__dict__.get(_FIELDS, {})
    own = get_annotations(cls)
    space |= {_FIELDS: known | _own_fields(cls, own, space, kw_only=kw_only), _PARAMS: _NOTED[is_frozen]}


def _own_fields(
    cls: type, own: dict[str, object], space: dict[str, object], *, kw_only: bool
) -> dict[str, Field[object]]:
    if not all(isinstance(kind, str) and not any(word in kind for word in _STRANGE) for kind in own.values()):
        return _judged_fields(cls, own, space, kw_only=kw_only)
    found: dict[str, Field[object]] = {}
    for name, kind in own.items():
        default = space.get(name, MISSING)
        each = default if isinstance(default, Field) else cast("Field[object]", field(default=default))
        if type(each.default).__hash__ is None:
            raise ValueError(f"mutable default {type(each.default)} for field {name} is not allowed")
        each.name, each.type = name, cast("type", kind)
        if each.kw_only is MISSING:
            each.kw_only = kw_only
        setattr(each, _KIND, _ORDINARY)
        found[name] = each
    return found


def _judged_fields(
    cls: type, own: dict[str, object], space: dict[str, object], *, kw_only: bool
) -> dict[str, Field[object]]:
    """Ask the standard library which annotations are fields, of a class of these alone."""
    said = {name: space[name] for name in own if name in space} | {"__annotations__": own}
    twin = type(cls.__name__, (), {"__module__": cls.__module__, "__doc__": cls.__name__, **said})
    dataclasses.dataclass(init=False, repr=False, eq=False, match_args=False, kw_only=kw_only)(twin)
    return cast("dict[str, Field[object]]", twin.__dict__[_FIELDS])


def _init(cls: type, every: Sequence[Field[object]], *, is_frozen: bool) -> Callable[..., None]:
    """Return its `__init__`. The slots of a frozen object are filled by their descriptors."""
    scope: dict[str, object] = {"_FACTORY": _FACTORY}
    parameters, by_name, body = ["self"], list[str](), list[str]()
    for each in every:
        name, value, default = each.name, each.name, ""
        if each.default_factory is not MISSING:
            scope[f"_of_{name}"], default = each.default_factory, "=_FACTORY"
            value = f"_of_{name}() if {name} is _FACTORY else {name}" if each.init else f"_of_{name}()"
        elif each.default is not MISSING:
            scope[f"_of_{name}"], default = each.default, f"=_of_{name}"
            value = name if each.init else f"_of_{name}"
        elif not each.init:
            continue
        if each.init:
            (by_name if each.kw_only else parameters).append(name + default)
        if is_frozen:
            scope[f"_set_{name}"] = getattr(cls, name).__set__
            body.append(f"_set_{name}(self, {value})")
        else:
            body.append(f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    arguments = ", ".join([*parameters, *(["*", *by_name] if by_name else ())])
    text = f"def make({', '.join(scope)}):\n def __init__({arguments}):\n  " + "\n  ".join(body or ["pass"])
    space: dict[str, Callable[..., Callable[..., None]]] = {}
    exec(f"{text}\n return __init__", {"__name__": cls.__module__}, space)  # noqa: S102
    made = space["make"](**scope)
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _values(names: Sequence[str]) -> Callable[[object], tuple[object, ...]]:
    """Return what picks these attributes of an object."""
    if len(names) > 1:
        return cast("Callable[[object], tuple[object, ...]]", attrgetter(*names))
    return lambda of: tuple(getattr(of, name) for name in names)


def _equality(values: Callable[[object], tuple[object, ...]]) -> Callable[[object, object], bool]:
    def __eq__(self: object, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return __eq__


def _hash(values: Callable[[object], tuple[object, ...]]) -> Callable[[object], int]:
    def __hash__(self: object) -> int:
        return hash(values(self))

    return __hash__


@recursive_repr()
def _repr(self: object) -> str:
    said = (f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)  # type: ignore[arg-type]
    return f"{type(self).__qualname__}({', '.join(said)})"


def _set(self: object, name: str, value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delete(self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: object) -> list[object]:
    return [getattr(self, each.name) for each in fields(self)]  # type: ignore[arg-type]


def _take_state(self: object, state: Sequence[object]) -> None:
    for each, value in zip(fields(self), state, strict=True):  # type: ignore[arg-type]
        object.__setattr__(self, each.name, value)


def _works() -> bool:
    """Return whether a class of ours is a dataclass to this Python."""
    space = {"__module__": __name__, "__annotations__": {"it": "int", "other": "int"}, "other": 2}
    try:
        made: Any = _dataclass(type("Made", (), space), slots=True, frozen=True)
        one = made(1)
        named = [each.name for each in fields(made)]
        return (
            (repr(one), named, made.__match_args__) == ("Made(it=1, other=2)", ["it", "other"], ("it", "other"))
            and one == made(1, 2) != dataclasses.replace(one, other=3)
            and hash(one) == hash((1, 2))
        )
    except (AttributeError, TypeError, ValueError):
        return False


T = TypeVar("T")
#: Compiled, by the two classes and the names of the other fields.
_PROJECTIONS: Final[dict[tuple[object, ...], Callable[..., Any]]] = {}


def project(kind: Callable[..., T], view: object, /, **computed: object) -> T:
    """Return a value of a class whose fields are the attributes of a view that have their names.

    computed: fields that the view does not have, or has otherwise. Raises TypeError if a field is in neither.
    """
    key = (kind, view.__class__, *computed)
    try:
        made: Callable[..., T] = _PROJECTIONS[key]
    except KeyError:
        known = getattr(kind, "model_fields", None) or getattr(kind, _FIELDS)
        shared = [f"{name}=view.{name}" for name in known if name not in computed and hasattr(view, name)]
        made = _PROJECTIONS[key] = eval(f"lambda view, computed: kind({', '.join(shared)}, **computed)", {"kind": kind})  # noqa: S307
    return made(view, computed)


def copier(kind: type[T], *changed: str) -> Callable[..., T]:
    """Return a function that copies a value of this class, which has slots and no `__post_init__`, with other values in
    these fields: `copier(Route, "prefix")(route, prefix)`.

    The copy is an object of a class with the same slots, which is not frozen, until all of them are filled: to fill
    those of a frozen object takes three times as long.
    """
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    free = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    filled = type(kind.__name__, kind.__bases__, {"__slots__": kind.__dict__["__slots__"], **free})
    body = [f"made.{name} = {name if name in changed else f'value.{name}'}" for name in names]
    text = "\n  ".join(
        [f"def copy(value, {', '.join(changed)}):", "made = new(filled)", *body, "made.__class__ = kind", "return made"]
    )
    space: dict[str, Callable[..., Callable[..., T]]] = {}
    exec(f"def make(new, filled, kind):\n {text}\n return copy", {}, space)  # noqa: S102
    return space["make"](object.__new__, filled, kind)


def collected(kind: type[T], names: Mapping[str, object]) -> tuple[T, ...]:
    """Return the values of a class among the names of a module (`vars()`), in the order of their definition: each is
    written once there, and none is forgotten. Imported values count as well.
    """
    return tuple(value for value in names.values() if isinstance(value, kind))


def rows(text: str) -> tuple[str, ...]:
    """Return the rows of a text: each begins at the margin of the first one, and its further lines are indented."""
    margin = re.escape(text[: -len(text.lstrip())].lstrip("\n"))
    return tuple(re.sub(r"\n\s+", " ", row) for row in re.split(rf"\n+{margin}(?=\S)", text.strip()))


#: Whether `dataclass` makes classes of ours. False: the standard library keeps other attributes, and makes them all.
WORKS: Final = None not in (_ORDINARY, *_NOTED.values()) and _works()


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class _Valued(type):
    """Makes `Value`, and in place of a class below it a dataclass without it."""

    is_frozen = True

    def __new__(
        cls, name: str, bases: tuple[type, ...], space: dict[str, object], *, eq: bool = True, kw_only: bool = False
    ) -> _Valued:
        if not bases:
            return super().__new__(cls, name, bases, space)
        bare = type(name, tuple(base for base in bases if not isinstance(base, cls)), space)
        return cast("_Valued", dataclass(frozen=cls.is_frozen, slots=True, eq=eq, kw_only=kw_only)(bare))


@dataclass_transform(field_specifiers=(field,))
class _Changed(_Valued):
    """The same with `Mutable`."""

    is_frozen = False


class Value(metaclass=_Valued):
    """Belongs to the bases of a frozen dataclass with slots; `kw_only=True` and `eq=False` follow the bases."""

    __slots__ = ()


class Mutable(metaclass=_Changed):
    """Belongs to the bases of a dataclass with slots whose objects change; options as those of `Value`."""

    __slots__ = ()
