"""Rows of shows: a field says beside its type where its value comes from, and how it is printed: a column is one line.

    _neighbor: Final[Source[Neighbor, float]] = Source()

    @dataclass(frozen=True, slots=True, kw_only=True)
    class NeighborEntry:
        router: str = _neighbor.column("Neighbor ID     ", "{:<16}", "Neighbor ID :: The neighbor's identifier.")
        area: str = _neighbor(lambda it: it.interface.area.title)
        adjacent: str = _neighbor.at(lambda it, now: age(now - it.since))

    entry = _neighbor.row(NeighborEntry, neighbor, now)

A field without a reader has the attribute of the view that has its name. If the field is text, it has the text of the
attribute: "" for None, the value of an enum. `table` prints the columns, and `column_words` returns their explanations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import Field, field, fields
from enum import Enum
from importlib import import_module
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar, cast

T = TypeVar("T")
#: The view, and a value beside it: the time, a process.
V = TypeVar("V")
B = TypeVar("B")
#: Keys of the metadata of a field. A column: its heading with the blanks up to the next one, the template of a cell,
#: its row of explanations, and what returns the text of a cell, if that differs from the value of the field.
_READ: Final = "read"
_READ_BESIDE: Final = "read beside"
_COLUMN: Final = "column"
#: Compiled, by the class of the row.
_ROWS: Final[dict[type, Callable[..., Any]]] = {}


class Source(Generic[V, B]):
    """The view that the fields of a row are read from, and a value beside it."""

    __slots__ = ()

    def __call__(self, read: Callable[[V], T]) -> T:
        """Return a field whose value is computed from the view."""
        return cast("T", field(metadata={_READ: read}))

    def at(self, read: Callable[[V, B], T]) -> T:
        """Return a field whose value depends on the value beside the view, too."""
        return cast("T", field(metadata={_READ_BESIDE: read}))

    def column(
        self,
        heading: str,
        template: str,
        words: str = "",
        of: T | None = None,
        *,
        cell: Callable[[Any], object] | None = None,
    ) -> T:
        """Return a field that is a column. words: its row of explanations (`explanations.words`). of: the field with
        its reader. cell: returns the text of a cell, if that differs from the value.
        """
        metadata = of.metadata if isinstance(of, Field) else {}
        return cast("T", field(metadata={**metadata, _COLUMN: (heading, template, words, cell)}))

    def row(self, kind: type[T], view: V, beside: B) -> T:
        """Return the row of a view. Raises AttributeError for a field that neither has a reader nor is in the view."""
        try:
            made = _ROWS[kind]
        except KeyError:
            made = _ROWS[kind] = _compiled(kind)
        return cast("T", made(view, beside))


def _compiled(kind: type) -> Callable[..., Any]:
    scope: dict[str, object] = {"kind": kind, "text": _text}
    values = []
    for each in fields(kind):
        name, metadata = each.name, each.metadata
        if _READ in metadata:
            scope[f"_{name}"], value = metadata[_READ], f"_{name}(view)"
        elif _READ_BESIDE in metadata:
            scope[f"_{name}"], value = metadata[_READ_BESIDE], f"_{name}(view, beside)"
        else:
            value = f"text(view.{name})" if each.type == "str" else f"view.{name}"
        values.append(f"{name}={value}")
    return cast("Callable[..., Any]", eval(f"lambda view, beside: kind({', '.join(values)})", scope))  # noqa: S307


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Enum):
        return str(value.value)
    return "" if value is None else str(value)


def _columns(kind: type) -> Iterator[tuple[str, str, str, Callable[[Any], object]]]:
    for each in fields(kind):
        if _COLUMN in each.metadata:
            heading, template, explained, cell = each.metadata[_COLUMN]
            yield heading, template, explained, cell or attrgetter(each.name)


def table(kind: type[T], rows: Iterable[T]) -> Iterator[str]:
    """Yield the headings of the columns of a class of rows, and a line for each row."""
    cells = tuple(_columns(kind))
    yield "".join(heading for heading, *_ in cells).rstrip()
    for row in rows:
        yield "".join(template.format(cell(row)) for _, template, _, cell in cells).rstrip()


def column_words(where: str) -> str:
    """Return the rows of explanations of a class of rows, as the end of a table: "dmvpn.features.rip.show:Row"."""
    module, _, name = where.partition(":")
    kind = getattr(import_module(module), name)
    return "".join(f"    {explained}\n" for _, _, explained, _ in _columns(kind) if explained)
