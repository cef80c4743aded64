"""The types that annotations mean: of the fields of a dataclass, and of what a query returns.

Names that a module imports only for its types (`if TYPE_CHECKING:`) are found in its source. Nothing here is imported
by a router that runs.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
import typing
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Iterator, Mapping

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


def inner_of(query: Callable[..., object]) -> Callable[..., object] | None:
    """Return the query that a query wraps: a variable of the enclosing function, which an inner function may use."""
    used = inspect.getclosurevars(query).nonlocals if inspect.isfunction(query) else {}
    if callable(found := used.get(_INNER)):
        return cast("Callable[..., object]", found)
    inner = [inner_of(each) for each in used.values() if inspect.isfunction(each)]
    return next((each for each in inner if each is not None), None)
