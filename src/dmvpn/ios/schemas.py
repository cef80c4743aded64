"""The JSON schema of what a show command returns: it walks over types as `filters.to_plain` walks over values.

    schema_of(command)     the schema of `show ... | json`, JSON Schema draft 2020-12

The types come from the annotations of the query and of the dataclasses. Names that a module imports only for its types
(`if TYPE_CHECKING:`) are found in its source. A query that wraps another query (`vrf NAME` behind its first words)
returns a type variable where the answer of the inner query is, or `object` where that may be missing; the schema has
the inner type there.

Nothing here is imported by a router that runs: programs that describe the interface, and tests, ask for it.
"""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import sys
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast

from dmvpn.base.reasons import Reason
from dmvpn.ios.filters import to_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.ios.filters import Plain
    from dmvpn.ios.grammar import ExecCommand

Schema = dict[str, "Plain"]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Final[Schema] = {"type": "string"}
_SCALARS: Final[dict[object, str]] = {None: "null", type(None): "null", bool: "boolean", float: "number", str: "string"}
#: Queries that wrap another one have it in a variable of this name.
_INNER: Final = "query"


class UntypedShowError(TypeError):
    """A show without a type: the text names the show."""


def schema_of(command: ExecCommand) -> Schema:
    """Return the schema of the value of a show command. Raises UntypedShowError."""
    if command.query is None:
        raise UntypedShowError(f"{command.syntax} shows nothing")
    walk = _Walk()
    root = walk.returned(command.query)
    if not root:
        raise UntypedShowError(f"{command.syntax}: its query has no return type")
    named: Schema = {"$schema": DIALECT, **root, "title": command.syntax}
    return {**named, "$defs": dict(walk.definitions)} if walk.definitions else named


class _Walk:
    """One walk from the type that a query returns. definitions: of the dataclasses on the way, by name."""

    def __init__(self) -> None:
        self.definitions: dict[str, Plain] = {}
        self._inner: list[Callable[..., object] | None] = []

    def returned(self, query: Callable[..., object]) -> Schema:
        """Return the schema of what a query returns; {} if it does not declare that."""
        annotation = query.__annotations__.get("return")
        if annotation is None:
            return {}
        inner = _inner_of(query)
        self._inner.append(inner)
        try:
            return self._of(_evaluated(annotation, query.__module__), {})
        finally:
            self._inner.pop()

    def _of(self, kind: object, bound: Mapping[object, object]) -> Schema:
        """Return the schema of a type. bound: the arguments of type variables."""
        kind = bound.get(kind, kind) if isinstance(kind, typing.TypeVar) else kind
        if isinstance(kind, typing.TypeVar):
            return self._of_inner()
        if kind is object:
            return _any_of([self._of_inner(), {"type": "null"}])
        if isinstance(kind, typing.NewType):
            return self._of(kind.__supertype__, bound)
        origin = typing.get_origin(kind)
        if origin is not None:
            return self._of_generic(kind, origin, bound)
        if not isinstance(kind, type) and kind is not None:
            raise UntypedShowError(f"no schema for {kind!r}")
        return self._of_class(kind)

    def _of_inner(self) -> Schema:
        """Return the schema of what the inner query returns; without one, anything."""
        inner = self._inner[-1]
        return self.returned(inner) if inner is not None else {}

    def _of_generic(self, kind: object, origin: object, bound: Mapping[object, object]) -> Schema:
        given = tuple(bound.get(one, one) for one in typing.get_args(kind))
        if origin in (typing.Union, types.UnionType):
            return _any_of([self._of(one, bound) for one in given])
        if origin is typing.Literal:
            return {"enum": [to_plain(one) for one in given]}
        if origin in (typing.Annotated, typing.Final):
            return self._of(given[0], bound)
        if origin is tuple and not (len(given) == 2 and given[1] is Ellipsis):
            return _fixed([self._of(one, bound) for one in given])
        if is_dataclass(origin) and isinstance(origin, type):
            return self._of_dataclass(origin, dict(zip(origin.__parameters__, given, strict=True)))  # type: ignore[attr-defined]
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self._of(given[1], bound)}
        if isinstance(origin, type) and issubclass(origin, (Sequence, AbstractSet, Iterable)):
            return {"type": "array", "items": self._of(given[0], bound)}
        raise UntypedShowError(f"no schema for {kind!r}")

    def _of_class(self, kind: type | None) -> Schema:
        if kind in _SCALARS:
            return {"type": _SCALARS[kind]}
        if kind is None or issubclass(kind, bytes | bytearray | memoryview):
            return _TEXT
        if issubclass(kind, enum.Enum):
            return _of_enum(kind)
        if issubclass(kind, int):
            return {"type": "integer"}
        if issubclass(kind, str | float):
            return {"type": "string" if issubclass(kind, str) else "number"}
        if issubclass(kind, Reason):
            return self._of_reason()
        if issubclass(kind, tuple):
            return self._of_named_tuple(kind) if kind.__str__ is object.__str__ else _TEXT
        if is_dataclass(kind):
            return self._of_dataclass(kind, {})
        if getattr(kind, "_is_protocol", False):
            return {}
        return _TEXT

    def _of_dataclass(self, kind: type, bound: Mapping[object, object]) -> Schema:
        """Return a reference to the definition of a dataclass; definitions of generic ones are written in place."""
        is_own = not bound and not _holds_an_answer(kind)
        name = f"{kind.__module__.removeprefix('dmvpn.')}.{kind.__qualname__}"
        if is_own and name in self.definitions:
            return {"$ref": f"#/$defs/{name}"}
        if is_own:
            self.definitions[name] = {}  # a class that holds itself ends here
        properties = {each: self._of(hint, bound) for each, hint in _hints(kind)}
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

    def _of_named_tuple(self, kind: type) -> Schema:
        return _fixed([self._of(hint, {}) for _, hint in _hints(kind)])

    @staticmethod
    def _of_reason() -> Schema:
        texts: dict[str, Plain] = {name: dict(_TEXT) for name in ("what", "evidence", "clause")}
        properties: dict[str, Plain] = {**texts, "since": {"type": "number"}}
        return {"title": "Reason", "type": "object", "properties": properties, "required": list(properties)}


def _any_of(schemas: list[Schema]) -> Schema:
    """Return the schema of a union; a member that allows anything makes the union allow anything."""
    if not all(schemas):
        return {}
    distinct = [one for place, one in enumerate(schemas) if one not in schemas[:place]]
    return distinct[0] if len(distinct) == 1 else {"anyOf": [*distinct]}


def _fixed(items: list[Schema]) -> Schema:
    """Return the schema of a tuple of a fixed length."""
    if not items:
        return {"type": "array", "maxItems": 0}
    return {"type": "array", "prefixItems": [*items], "minItems": len(items), "maxItems": len(items)}


def _of_enum(kind: type[enum.Enum]) -> Schema:
    """Return the schema of an enum, whose members are written as `to_plain` writes them."""
    if issubclass(kind, enum.Flag):
        return {"type": "integer"}
    values: list[Plain] = [
        each.value if isinstance(each.value, str | int) else each.name.lower() for each in kind.__members__.values()
    ]
    return {"enum": list(dict.fromkeys(values))} if all(isinstance(one, str | int) for one in values) else {}


def _holds_an_answer(kind: type) -> bool:
    """Return whether a field of a dataclass is the answer of an inner query, so that its schema differs each time."""
    return any(_is_open(hint) for _, hint in _hints(kind))


def _is_open(hint: object) -> bool:
    if hint is object or isinstance(hint, typing.TypeVar):
        return True
    if is_dataclass(hint) and isinstance(hint, type):
        return any(inner is object for _, inner in _hints(hint))
    return any(map(_is_open, typing.get_args(hint)))


# ------------------------------------------------------------------------------------------------ annotations


@lru_cache(maxsize=4096)
def _hints(kind: type) -> tuple[tuple[str, object], ...]:
    """Return the fields of a dataclass, or the items of a named tuple, each with its type."""
    names = [each.name for each in fields(kind)] if is_dataclass(kind) else list(getattr(kind, "_fields", ()))
    found = []
    for name in names:
        owner = next(one for one in kind.__mro__ if name in inspect.get_annotations(one))
        annotation = inspect.get_annotations(owner)[name]
        found.append((name, _evaluated(annotation, owner.__module__)))
    return tuple(found)


def _evaluated(annotation: object, module: str) -> object:
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
        return getattr(holder, attribute) if hasattr(holder, attribute) else _submodule(module, attribute)


def _submodule(module: str, name: str) -> types.ModuleType:
    return importlib.import_module(f"{module}.{name}")


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


def _inner_of(query: Callable[..., object]) -> Callable[..., object] | None:
    """Return the query that a query wraps: a variable of the enclosing function, which an inner function may use."""
    used = inspect.getclosurevars(query).nonlocals if inspect.isfunction(query) else {}
    if callable(found := used.get(_INNER)):
        return cast("Callable[..., object]", found)
    inner = [_inner_of(each) for each in used.values() if inspect.isfunction(each)]
    return next((each for each in inner if each is not None), None)
