"""`dataclass(slots=True)` as the standard library has it, at a third of the price.

`dataclasses.dataclass` compiles six functions for each class: for the thousand classes that a router imports, a third
of its start and 8 MB of its memory. Here only `__init__` is compiled, and the other five are shared by all classes. It
also makes a frozen object in two thirds of the time.

`fields`, `replace`, `asdict` and the others of `dataclasses` take these classes like their own, and each kind may
derive from the other. Classes without slots and rare options (`order`) are left to the standard library; `InitVar` is
not for these classes.
"""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from inspect import get_annotations
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: type | None = None, /, **options: bool) -> object:
        """Return the class with the methods of a dataclass, or what does so with a class."""

        def made(cls: type) -> type:
            is_ours = options.get("slots") and options.keys() <= {"slots", "frozen", "eq", "kw_only"}
            return _dataclass(cls, **options) if is_ours else dataclasses.dataclass(cls, **options)

        return made if cls is None else made(cls)


_FIELDS: Final = "__dataclass_fields__"
_PARAMS: Final = "__dataclass_params__"
#: Stands for what a factory makes, where a caller gives nothing.
_FACTORY: Final = object()


def _dataclass(cls: type, *, slots: bool, frozen: bool = False, eq: bool = True, kw_only: bool = False) -> type:
    space = {name: value for name, value in cls.__dict__.items() if name not in ("__dict__", "__weakref__")}
    _declare(cls, space, is_frozen=frozen, kw_only=kw_only)
    every = fields(type("", (), {_FIELDS: space[_FIELDS]}))
    inherited = {name for base in cls.__mro__[1:] for name in base.__dict__.get("__slots__", ())}
    for each in every:
        space.pop(each.name, None)  # a default, which `__init__` knows
    space["__slots__"] = tuple(each.name for each in every if each.name not in inherited)
    space.setdefault("__match_args__", tuple(each.name for each in every if each.init and not each.kw_only))
    space.setdefault("__repr__", _repr)
    if eq:
        compared = [each.name for each in every if each.compare]
        if space.get("__hash__") is None:
            space["__hash__"] = _hash(compared) if frozen else None
        space.setdefault("__eq__", _equality(compared))
    if frozen:
        space |= {"__setattr__": _set, "__delattr__": _delete, "__getstate__": _state, "__setstate__": _take_state}
    made = type(cls)(cls.__name__, cls.__bases__, space)
    made.__qualname__ = cls.__qualname__
    if "__init__" not in space:
        type.__setattr__(made, "__init__", _init(made, every, is_frozen=frozen))
    return made


def _declare(cls: type, space: dict[str, object], *, is_frozen: bool, kw_only: bool) -> None:
    """Add what makes it a dataclass. Which annotations are fields, the standard library says of a class of these
    alone.
    """
    own = get_annotations(cls)
    said = {name: space[name] for name in own if name in space} | {"__annotations__": own}
    twin = type(cls.__name__, (), {"__module__": cls.__module__, "__doc__": cls.__name__, **said})
    dataclasses.dataclass(init=False, repr=False, eq=False, match_args=False, kw_only=kw_only)(twin)
    known: dict[str, object] = {}
    for base in reversed(cls.__mro__[1:]):
        known |= base.__dict__.get(_FIELDS, {})
    params = twin.__dict__[_PARAMS]
    params.frozen = is_frozen
    space |= {_FIELDS: known | twin.__dict__[_FIELDS], _PARAMS: params}


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


def _equality(names: Sequence[str]) -> Callable[[object, object], bool]:
    values = _values(names)

    def __eq__(self: object, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return __eq__


def _hash(names: Sequence[str]) -> Callable[[object], int]:
    values = _values(names)

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
