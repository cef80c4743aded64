"""The types of what shows return, for programs that describe the interface; no router that runs imports this.

    Shapes                a walk over a type, which it takes apart as `filters.to_plain` takes values apart; subclasses
                          choose the shape that each type gets
    schema_of(command)    the schema of `show ... | json`, JSON Schema draft 2020-12
    `from_plain`          makes a reader, which turns JSON back into values of the type

A query that wraps another query (`vrf NAME` behind its first words) returns a type variable where the answer of the
inner query is, or `object` where that may be missing; the walk has the inner type there.

The types come from the annotations of the query and of the fields of dataclasses. Names that a module imports only for
its types (`if TYPE_CHECKING:`) are found in its source.
"""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import sys
import types
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Final, Generic, TypeVar, cast

from dmvpn.base.reasons import Reason
from dmvpn.ios.filters import Plain, to_plain
from dmvpn.ios.grammar import ExecCommand

# ------------------------------------------------------------------------------------------------ annotations


#: Queries that wrap another one have it in a variable of this name.
_INNER: Final = "query"


class UntypedShowError(TypeError):
    """A show without a type: the text names the show."""


@lru_cache(maxsize=4096)
def hints_of(kind: type) -> tuple[tuple[str, object], ...]:
    """Return the fields of a dataclass, or the items of a named tuple, each with its type."""
    names = [each.name for each in fields(kind)] if is_dataclass(kind) else list(getattr(kind, "_fields", ()))
    found = []
    for name in names:
        owner = next(one for one in kind.__mro__ if name in inspect.get_annotations(one))
        annotation = inspect.get_annotations(owner)[name]
        found.append((name, evaluated(annotation, owner.__module__)))
    return tuple(found)


def evaluated(annotation: object, module: str) -> object:
    """Return the type that an annotation of a module means. Raises UntypedShowError."""
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    if not isinstance(annotation, str):
        return annotation
    names = vars(sys.modules[module])
    try:
        return eval(annotation, dict(names), _ForTypes(module))  # noqa: S307 - an annotation of our own source
    except (NameError, AttributeError) as error:
        raise UntypedShowError(f"{module}: {annotation}: {error}") from error


class _ForTypes(dict[str, object]):
    """The names that a module imports only for its types, imported when they are first asked for."""

    def __init__(self, module: str) -> None:
        super().__init__()
        self._sources = _imports_for_types(module)

    def __missing__(self, name: str) -> object:
        if name not in self._sources:
            raise KeyError(name)
        module, attribute = self._sources[name]
        if not attribute:
            return importlib.import_module(module)
        holder = importlib.import_module(module)
        if hasattr(holder, attribute):
            return getattr(holder, attribute)
        return importlib.import_module(f"{module}.{attribute}")


@lru_cache(maxsize=1024)
def _imports_for_types(module: str) -> Mapping[str, tuple[str, str]]:
    """Return the names that a module imports under `if TYPE_CHECKING:`, each with its module and its name there."""
    found: dict[str, tuple[str, str]] = {}
    for node in ast.parse(inspect.getsource(sys.modules[module])).body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for each, alias in _imported(node.body):
                if isinstance(each, ast.ImportFrom) and each.module is not None:
                    found[alias.asname or alias.name] = (each.module, alias.name)
                elif isinstance(each, ast.Import):
                    found[alias.asname or alias.name] = (alias.name, "")
    return found


def _imported(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, ast.alias]]:
    for each in body:
        if isinstance(each, ast.ImportFrom | ast.Import):
            yield from ((each, alias) for alias in each.names)


def inner_of(query: Callable[..., object]) -> Callable[..., object] | None:
    """Return the query that a query wraps: a variable of the enclosing function, which an inner function may use."""
    used = inspect.getclosurevars(query).nonlocals if inspect.isfunction(query) else {}
    if callable(found := used.get(_INNER)):
        return cast("Callable[..., object]", found)
    inner = [inner_of(each) for each in used.values() if inspect.isfunction(each)]
    return next((each for each in inner if each is not None), None)


# ------------------------------------------------------------------------------------------------ the walk


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

    def shape(self, kind: object, bound: Bound) -> T:
        """Return the shape of a type."""
        kind = bound.get(kind, kind) if isinstance(kind, TypeVar) else kind
        if isinstance(kind, TypeVar):
            return self._of_inner()
        if kind is object:
            return self.union([self._of_inner(), self.scalar(type(None))])
        if isinstance(kind, typing.NewType):
            return self.shape(kind.__supertype__, bound)
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
            yield name, self.shape(hint, bound)

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
            return self.shape(evaluated(annotation, query.__module__), {})
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
            return self.union([self.shape(one, bound) for one in given])
        if origin is typing.Literal:
            return self.choice({_scalar(to_plain(one)): one for one in given})
        if origin in (typing.Annotated, typing.Final):
            return self.shape(given[0], bound)
        if origin is tuple and not (len(given) == 2 and given[1] is Ellipsis):
            return self.fixed([self.shape(one, bound) for one in given], tuple)
        if is_dataclass(origin) and isinstance(origin, type):
            return self.record(origin, dict(zip(origin.__parameters__, given, strict=True)))  # type: ignore[attr-defined]
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return self.mapping(self.shape(given[0], bound), self.shape(given[1], bound))
        if isinstance(origin, type) and issubclass(origin, (Sequence, AbstractSet, Iterable)):
            return self.array(self.shape(given[0], bound), origin)
        raise UntypedShowError(f"no schema for {kind!r}")

    def _of_class(self, kind: type) -> T:
        if kind in _SCALARS:
            return self.scalar(kind)
        if issubclass(kind, bytes | bytearray | memoryview):
            return self.text(kind)
        if issubclass(kind, enum.Flag):
            return self.flags(kind)
        if issubclass(kind, enum.Enum):
            # The shape of an enum, whose members are written as `to_plain` writes them.
            members = kind.__members__.values()
            return self.choice({_scalar(to_plain(each)): each for each in members})
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


# ------------------------------------------------------------------------------------------------ JSON schemas


__all__ = ["Schema", "UntypedShowError", "schema_of"]

Schema = dict[str, "Plain"]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Final[Schema] = {"type": "string"}
_JSON_TYPES: Final = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string"}


def schema_of(command: ExecCommand) -> Schema:
    """Return the schema of the value of a show command. Raises UntypedShowError."""
    walk = _Schemas()
    root = walk.of_command(command)
    if not root:
        raise UntypedShowError(f"{command.syntax}: its query returns anything")
    named: Schema = {"$schema": DIALECT, **root, "title": command.syntax}
    return {**named, "$defs": dict(walk.definitions)} if walk.definitions else named


class _Schemas(Shapes[Schema]):
    """Makes schemas. definitions: of the dataclasses on the way, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.definitions: dict[str, Plain] = {}

    def anything(self) -> Schema:
        """Allow everything."""
        return {}

    def scalar(self, kind: type) -> Schema:
        """Allow one type of JSON."""
        return {"type": _JSON_TYPES[kind]}

    def text(self, kind: type) -> Schema:
        """Allow text."""
        return _TEXT

    def choice(self, values: Mapping[Plain, object]) -> Schema:
        """Allow these values."""
        return {"enum": [*values]}

    def flags(self, kind: type[enum.Flag]) -> Schema:
        """Allow a number."""
        return {"type": "integer"}

    def union(self, members: list[Schema]) -> Schema:
        """Allow each of some; a member that allows anything makes the union allow anything."""
        if not all(members):
            return {}
        distinct = [one for place, one in enumerate(members) if one not in members[:place]]
        return distinct[0] if len(distinct) == 1 else {"anyOf": [*distinct]}

    def fixed(self, items: list[Schema], kind: type) -> Schema:
        """Allow an array of a fixed length."""
        if not items:
            return {"type": "array", "maxItems": 0}
        return {"type": "array", "prefixItems": [*items], "minItems": len(items), "maxItems": len(items)}

    def array(self, item: Schema, kind: type) -> Schema:
        """Allow an array."""
        return {"type": "array", "items": item}

    def mapping(self, key: Schema, value: Schema) -> Schema:
        """Allow an object with any names."""
        return {"type": "object", "additionalProperties": value}

    def record(self, kind: type, bound: Bound) -> Schema:
        """Return a reference to the definition of a dataclass; definitions of generic ones are written in place."""
        is_own = not bound and not holds_an_answer(kind)
        name = f"{kind.__module__.removeprefix('dmvpn.')}.{kind.__qualname__}"
        if is_own and name in self.definitions:
            return {"$ref": f"#/$defs/{name}"}
        if is_own:
            self.definitions[name] = {}  # a class that holds itself ends here
        properties = dict(self.members(kind, bound))
        made: Schema = {
            "title": kind.__name__,
            "description": inspect.getdoc(kind) or "",
            "type": "object",
            "properties": dict(properties),
            "required": list(properties),
            "additionalProperties": False,
        }
        if not is_own:
            return made
        self.definitions[name] = made
        return {"$ref": f"#/$defs/{name}"}

    def reason(self) -> Schema:
        """Allow the parts of a reason."""
        texts: dict[str, Plain] = {name: dict(_TEXT) for name in ("what", "evidence", "clause")}
        properties: dict[str, Plain] = {**texts, "since": {"type": "number"}}
        return {"title": "Reason", "type": "object", "properties": properties, "required": list(properties)}
