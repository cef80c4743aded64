"""A walk over the type of what a show returns: it takes types apart as `filters.to_plain` takes values apart.

    Shapes          the walk; its subclasses choose the shape that each type gets
    `schemas`       makes a JSON schema of a type
    `from_plain`    makes a reader, which turns JSON back into values of the type

A query that wraps another query (`vrf NAME` behind its first words) returns a type variable where the answer of the
inner query is, or `object` where that may be missing; the walk has the inner type there.
"""

from __future__ import annotations

import enum
import types
import typing
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from dmvpn.base.reasons import Reason
from dmvpn.ios.annotations import UntypedShowError, evaluated, hints_of, inner_of
from dmvpn.ios.filters import to_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.ios.filters import Plain
    from dmvpn.ios.grammar import ExecCommand

#: The shape of a type.
T = TypeVar("T")
#: The arguments of the type variables of a generic class.
Bound = Mapping[object, object]
_SCALARS = (bool, float, str, type(None))


class Shapes(ABC, Generic[T]):
    """One walk from the type that a query returns."""

    def __init__(self) -> None:
        self._inner: list[Callable[..., object] | None] = []

    def of_command(self, command: ExecCommand) -> T:
        """Return the shape of the value of a show command. Raises UntypedShowError."""
        if command.query is None:
            raise UntypedShowError(f"{command.syntax} shows nothing")
        made = self._returned(command.query)
        if made is None:
            raise UntypedShowError(f"{command.syntax}: its query has no return type")
        return made

    def of(self, kind: object, bound: Bound) -> T:
        """Return the shape of a type."""
        kind = bound.get(kind, kind) if isinstance(kind, TypeVar) else kind
        if isinstance(kind, TypeVar):
            return self._of_inner()
        if kind is object:
            return self.union([self._of_inner(), self.scalar(type(None))])
        if isinstance(kind, typing.NewType):
            return self.of(kind.__supertype__, bound)
        origin = typing.get_origin(kind)
        if origin is not None:
            return self._of_generic(kind, origin, bound)
        kind = type(None) if kind is None else kind
        if not isinstance(kind, type):
            raise UntypedShowError(f"no schema for {kind!r}")
        return self._of_class(kind)

    def members(self, kind: type, bound: Bound) -> Iterator[tuple[str, T]]:
        """Yield the fields of a dataclass, or the items of a named tuple, each with the shape of its type."""
        for name, hint in hints_of(kind):
            yield name, self.of(hint, bound)

    # ------------------------------------------------------------------------------------------ the shapes

    @abstractmethod
    def anything(self) -> T:
        """Return the shape of a value about which nothing is known."""

    @abstractmethod
    def scalar(self, kind: type) -> T:
        """Return the shape of NoneType, bool, int, float or str."""

    @abstractmethod
    def text(self, kind: type) -> T:
        """Return the shape of a class whose values are written as text: addresses, prefixes, octets, dates."""

    @abstractmethod
    def choice(self, values: Mapping[Plain, object]) -> T:
        """Return the shape of some values, by how they are written."""

    @abstractmethod
    def flags(self, kind: type[enum.Flag]) -> T:
        """Return the shape of a set of flags, which is written as a number."""

    @abstractmethod
    def union(self, members: list[T]) -> T:
        """Return the shape of a union."""

    @abstractmethod
    def fixed(self, items: list[T], kind: type) -> T:
        """Return the shape of a tuple of a fixed length, or of a named tuple."""

    @abstractmethod
    def array(self, item: T, kind: type) -> T:
        """Return the shape of a sequence or a set."""

    @abstractmethod
    def mapping(self, key: T, value: T) -> T:
        """Return the shape of a mapping."""

    @abstractmethod
    def record(self, kind: type, bound: Bound) -> T:
        """Return the shape of a dataclass."""

    @abstractmethod
    def reason(self) -> T:
        """Return the shape of a reason."""

    # ------------------------------------------------------------------------------------------ the walk

    def _returned(self, query: Callable[..., object]) -> T | None:
        """Return the shape of the type that a query returns; None if the query declares no type."""
        annotation = query.__annotations__.get("return")
        if annotation is None:
            return None
        self._inner.append(inner_of(query))
        try:
            return self.of(evaluated(annotation, query.__module__), {})
        finally:
            self._inner.pop()

    def _of_inner(self) -> T:
        """Return the shape of the answer of the inner query; without an inner query, of anything."""
        inner = self._inner[-1] if self._inner else None
        made = self._returned(inner) if inner is not None else None
        return self.anything() if made is None else made

    def _of_generic(self, kind: object, origin: object, bound: Bound) -> T:
        given = tuple(bound.get(one, one) for one in typing.get_args(kind))
        if origin in (typing.Union, types.UnionType):
            return self.union([self.of(one, bound) for one in given])
        if origin is typing.Literal:
            return self.choice({_scalar(to_plain(one)): one for one in given})
        if origin in (typing.Annotated, typing.Final):
            return self.of(given[0], bound)
        if origin is tuple and not (len(given) == 2 and given[1] is Ellipsis):
            return self.fixed([self.of(one, bound) for one in given], tuple)
        if is_dataclass(origin) and isinstance(origin, type):
            return self.record(origin, dict(zip(origin.__parameters__, given, strict=True)))  # type: ignore[attr-defined]
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return self.mapping(self.of(given[0], bound), self.of(given[1], bound))
        if isinstance(origin, type) and issubclass(origin, (Sequence, AbstractSet, Iterable)):
            return self.array(self.of(given[0], bound), origin)
        raise UntypedShowError(f"no schema for {kind!r}")

    def _of_class(self, kind: type) -> T:
        if kind in _SCALARS:
            return self.scalar(kind)
        if issubclass(kind, bytes | bytearray | memoryview):
            return self.text(kind)
        if issubclass(kind, enum.Flag):
            return self.flags(kind)
        if issubclass(kind, enum.Enum):
            return self._of_enum(kind)
        for scalar in (int, str, float):
            if issubclass(kind, scalar):
                return self.scalar(scalar)
        if issubclass(kind, Reason):
            return self.reason()
        if issubclass(kind, tuple):
            is_named = kind.__str__ is object.__str__
            return self.fixed([made for _, made in self.members(kind, {})], kind) if is_named else self.text(kind)
        if is_dataclass(kind):
            return self.record(kind, {})
        return self.anything() if getattr(kind, "_is_protocol", False) else self.text(kind)

    def _of_enum(self, kind: type[enum.Enum]) -> T:
        """Return the shape of an enum, whose members are written as `to_plain` writes them."""
        members = kind.__members__.values()
        return self.choice({_scalar(to_plain(each)): each for each in members})


def _scalar(plain: Plain) -> Plain:
    """Return plain data that can be the key of a choice. Raises UntypedShowError."""
    if isinstance(plain, dict | list):
        raise UntypedShowError(f"no schema for {plain!r}")
    return plain


def holds_an_answer(kind: type) -> bool:
    """Return whether a field of a dataclass is the answer of an inner query, so that it differs each time."""
    return any(_is_open(hint) for _, hint in hints_of(kind))


def _is_open(hint: object) -> bool:
    if hint is object or isinstance(hint, TypeVar):
        return True
    if is_dataclass(hint) and isinstance(hint, type):
        return any(inner is object for _, inner in hints_of(hint))
    return any(map(_is_open, typing.get_args(hint)))
