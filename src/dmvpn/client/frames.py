"""Values as rows of a table or as a DataFrame of pandas, and the text of metrics (Prometheus, 0.0.4) as values.

    rows(shown, "tunnels.peers")    a dictionary for each row
    frame(shown, "tunnels.peers")   the same as a DataFrame

A table is a field that has a sequence of dataclasses; the tables of its rows have names with a dot. Columns are the
fields of a row, and those of the rows around it with the name of their table: `name`, `tunnels.name`. A field with a
dataclass becomes a column for each of its fields. Cells are what `| json` has. Columns come from the types, so an empty
table has them, too.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Final

from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value
from dmvpn.client.values import AnswerError, UsageError
from dmvpn.ios.filters import Plain, to_plain
from dmvpn.ios.shapes import hints_of

if TYPE_CHECKING:
    import pandas


Row = dict[str, "Plain"]

_NAME: Final = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL: Final = re.compile(rf'({_NAME})="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')
_LINE: Final = re.compile(rf'({_NAME})(?:\{{((?:[^"}}]|"(?:[^"\\]|\\.)*")*)\}})? +(\S+)')
_ESCAPED: Final = re.compile(r"\\(.)")
_UNESCAPED: Final = {"n": "\n"}


# ------------------------------------------------------------------------------------------------ rows


def tables(kind: type) -> dict[str, type]:
    """Return the tables of a dataclass by name, each with the dataclass of its rows."""
    return dict(_tables(kind, "", ()))


def rows(value: object, table: str = "") -> list[Row]:
    """Return the rows of a table of a value; of a value that has one table, or is one, without its name.

    Raises UsageError.
    """
    return _rows_and_columns(value, table)[0]


def frame(value: object, table: str = "") -> pandas.DataFrame:
    """Return the same as a DataFrame. Raises UsageError, also without pandas."""
    return frame_of(*_rows_and_columns(value, table))


def frame_of(made: list[Row] | list[dict[str, object]], columns: Sequence[str]) -> pandas.DataFrame:
    """Return rows as a DataFrame. Raises UsageError without pandas."""
    try:
        import pandas
    except ImportError as error:
        raise UsageError("a frame needs pandas: pip install pandas") from error
    return pandas.DataFrame(made, columns=list(columns))


def _rows_and_columns(value: object, table: str) -> tuple[list[Row], list[str]]:
    if isinstance(value, Sequence) and not isinstance(value, str | bytes) and not table:
        found = [one for one in _flat(value) if is_dataclass(one)]
        made = [_cells(one, "") for one in found]
        return made, list(dict.fromkeys(name for row in made for name in row))
    kind = type(value)
    known = tables(kind) if is_dataclass(kind) else {}
    if not table and len(known) == 1:
        (table,) = known
    if table not in known:
        raise UsageError(f"name a table of {kind.__name__}: {', '.join(known) or 'it has none'}")
    steps = table.split(".")
    columns: list[str] = []
    for place in range(1, len(steps) + 1):
        name = ".".join(steps[:place])
        columns += columns_of(known[name], "" if name == table else f"{name}.")
    return list(_rows(value, steps, "", {})), columns


def _tables(kind: type, prefix: str, around: tuple[type, ...]) -> Iterator[tuple[str, type]]:
    for name, hint in hints_of(kind):
        inner = _row_type(hint)
        if inner is not None and inner not in around:  # a row may have rows of its own kind, without an end
            yield f"{prefix}{name}", inner
            yield from _tables(inner, f"{prefix}{name}.", (*around, inner))


def _row_type(hint: object) -> type | None:
    """Return the dataclass of the rows, None: the type is no table."""
    origin, given = typing.get_origin(hint), typing.get_args(hint)
    if not (isinstance(origin, type) and issubclass(origin, Sequence) and given):
        return None
    inner = given[0]
    if isinstance(inner, type) and is_dataclass(inner) and not issubclass(inner, Reason):
        return inner if len(given) == 1 or given[1] is Ellipsis else None
    return _row_type(inner)


def _rows(value: object, steps: Sequence[str], prefix: str, around: Row) -> Iterator[Row]:
    name, *further = steps
    for one in _flat(getattr(value, name)):
        if further:
            yield from _rows(one, further, f"{prefix}{name}.", {**around, **_cells(one, f"{prefix}{name}.")})
        else:
            yield {**around, **_cells(one, "")}


def _flat(value: object) -> Iterator[object]:
    """Yield the items of a sequence, and of the sequences in it: groups of rows."""
    for one in value if isinstance(value, Sequence) else ():
        if isinstance(one, list | tuple):
            yield from _flat(one)
        else:
            yield one


def _cells(row: object, prefix: str) -> Row:
    made: Row = {}
    kind: type = type(row)
    for name, hint in hints_of(kind):
        value = getattr(row, name)
        if _only(hint) is not None:
            made |= {} if value is None else _cells(value, f"{prefix}{name}.")
        elif _row_type(hint) is None:
            made[f"{prefix}{name}"] = str(value) if isinstance(value, Reason) else to_plain(value)
    return made


def columns_of(kind: type, prefix: str = "") -> Iterator[str]:
    """Yield the columns of a row, each behind a prefix."""
    for name, hint in hints_of(kind):
        inner = _only(hint)
        if inner is not None:
            yield from columns_of(inner, f"{prefix}{name}.")
        elif _row_type(hint) is None:
            yield f"{prefix}{name}"


def _only(hint: object) -> type | None:
    """Return the dataclass of a field that has one, or may have one; None: the field is a cell."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        known = [one for one in typing.get_args(hint) if one is not type(None)]
        hint = known[0] if len(known) == 1 else None
    return hint if isinstance(hint, type) and is_dataclass(hint) and not issubclass(hint, Reason) else None


# ------------------------------------------------------------------------------------------------ metrics


class Sample(Value):
    """A number of a router."""

    name: str
    labels: Mapping[str, str]
    value: float


class Metrics(Value):
    """Numbers, in the order of the text. meanings: a sentence for each name."""

    samples: tuple[Sample, ...]
    meanings: Mapping[str, str]

    def select(self, name: str, **labels: str) -> tuple[Sample, ...]:
        """Return the numbers of a name that have these labels."""
        return tuple(one for one in self.samples if one.name == name and labels.items() <= one.labels.items())

    def value(self, name: str, **labels: str) -> float:
        """Return the only number that has this name and these labels. Raises LookupError."""
        found = self.select(name, **labels)
        if len(found) != 1:
            raise LookupError(f"{len(found)} numbers are {name} with {labels}")
        return found[0].value

    def frame(self, name: str) -> pandas.DataFrame:
        """Return the numbers of a name as a table with a column for each label. Raises UsageError without pandas."""
        found = self.select(name)
        columns = list(dict.fromkeys(label for one in found for label in one.labels))
        return frame_of([{**one.labels, "value": one.value} for one in found], [*columns, "value"])


def parse(text: str) -> Metrics:
    """Read the text. Raises AnswerError."""
    samples, meanings = [], {}
    for line in text.split("\n"):
        if line.startswith("# HELP "):
            name, _, meaning = line.removeprefix("# HELP ").partition(" ")
            meanings[name] = _plain(meaning)
        elif line and not line.startswith("#"):
            samples.append(_sample(line))
    return Metrics(tuple(samples), meanings)


def _sample(line: str) -> Sample:
    found = _LINE.fullmatch(line)
    if found is not None:
        inside = found[2] or ""
        labels = list(_LABEL.finditer(inside))
        try:
            if "".join(one[0] for one in labels) == inside:
                return Sample(found[1], {one[1]: _plain(one[2]) for one in labels}, float(found[3]))
        except ValueError:
            pass
    raise AnswerError(f"no line of metrics: {line[:100]!r}")


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda found: _UNESCAPED.get(found[1], found[1]), text) if "\\" in text else text
