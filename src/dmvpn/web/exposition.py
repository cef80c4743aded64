"""Metrics as text: the format of Prometheus (0.0.4) and OpenMetrics (1.0.0). One pass over the rows of each table.

The formats differ in little: OpenMetrics names a counter without its `_total` where it says what it is, knows units and
`info`, and ends in `# EOF`. All numbers of one name must be together, so lines are kept by name until the end.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Final

from dmvpn.base.metrics import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.metrics import Family
    from dmvpn.face.messages import Counts

_TOTAL, _INFO = "_total", "_info"
_UNITS: Final = ("bytes", "seconds")
#: In values of labels; no other character that cannot be printed is passed on.
_ESCAPES: Final = {"\\": r"\\", '"': r"\"", "\n": r"\n"}
_UNKNOWN: Final = "\ufffd"
_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*").fullmatch


class Format(enum.Enum):
    """The two formats; the value is the media type of each."""

    PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    @classmethod
    def accepted(cls, accept: str) -> Format:
        """Return what a client wants, by its `Accept` (RFC 9110 §12.5.1); without a wish that of Prometheus."""
        weights = dict.fromkeys(cls, 0.0)
        for wish in accept.lower().split(","):
            kind, *parameters = (part.strip() for part in wish.split(";"))
            found = {"application/openmetrics-text": cls.OPENMETRICS, "text/plain": cls.PROMETHEUS}.get(kind)
            if found is not None:
                weights[found] = max(weights[found], _weight(parameters))
        return cls.OPENMETRICS if weights[cls.OPENMETRICS] > weights[cls.PROMETHEUS] else cls.PROMETHEUS


def _weight(parameters: list[str]) -> float:
    """Return the quality of a media type; it is 1 if it is not given, and 0 if it cannot be read."""
    given = next((word[2:] for word in parameters if word.startswith("q=")), "1")
    try:
        return min(max(float(given), 0.0), 1.0)
    except ValueError:
        return 0.0


class Exposition:
    """The text, while tables are put in."""

    def __init__(self, form: Format) -> None:
        self._form = form
        self._heads: dict[str, str] = {}
        self._lines: dict[str, list[str]] = {}

    def put(self, table: Counts, common: str) -> None:
        """Put in rows. common: labels of all of them, as `labels_of` writes them.

        Raises ValueError for names that no metric or label may have: the router may be another program's.
        """
        names, metrics = table.columns[: table.labels], table.columns[table.labels :]
        if not all(map(_NAME, (*names, *metrics))):
            raise ValueError(f"the table {table.topic} has an impossible name")
        for name, (kind, meaning) in zip(metrics, table.families, strict=False):
            self._declare(name, kind, meaning)
        form = ",".join([*([common] if common else []), *(f'{name}="%s"' for name in names)]) + "} "
        many = table.labels
        texts: list[tuple[str, ...]] = [row[:many] for row in table.rows]  # type: ignore[misc]
        joined = "".join(map("".join, texts))
        if not joined.isprintable() or "\\" in joined or '"' in joined:
            texts = [tuple(map(escaped, each)) for each in texts]
        labels = [form % each for each in texts]
        for place, name in enumerate(metrics, many):
            head = f"{name}{{"
            self._lines.setdefault(name, []).extend(
                [f"{head}{text}{row[place]}\n" for text, row in zip(labels, table.rows, strict=True)]
            )

    def put_one(self, family: Family, common: str, number: float) -> None:
        """Put in one number."""
        self._declare(family.name, family.kind.value, family.meaning)
        self._lines.setdefault(family.name, []).append(f"{family.name}{{{common.replace('%%', '%')}}} {number}\n")

    def add(self, other: Exposition) -> None:
        """Put in all that another text of the same format has."""
        for name, head in other._heads.items():
            self._heads.setdefault(name, head)
        for name, lines in other._lines.items():
            self._lines.setdefault(name, []).extend(lines)

    def text(self) -> str:
        """Return the whole text."""
        return "".join(self._parts())

    def _parts(self) -> Iterator[str]:
        for name, lines in self._lines.items():
            yield self._heads.get(name, "")
            yield from lines
        if self._form is Format.OPENMETRICS:
            yield "# EOF\n"

    def _declare(self, name: str, kind: str, meaning: str) -> None:
        if name in self._heads:
            return
        kind = Kind(kind).value
        meaning = meaning.replace("\\", r"\\").replace("\n", r"\n")
        if self._form is Format.PROMETHEUS:
            kind = Kind.GAUGE.value if kind == Kind.INFO.value else kind
            self._heads[name] = f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n"
            return
        family = name.removesuffix({Kind.COUNTER.value: _TOTAL, Kind.INFO.value: _INFO}.get(kind, "\0"))
        unit = next((f"# UNIT {family} {unit}\n" for unit in _UNITS if family.endswith(f"_{unit}")), "")
        meaning = meaning.replace('"', r"\"")
        self._heads[name] = f"# TYPE {family} {kind}\n{unit}# HELP {family} {meaning}\n"


def labels_of(**labels: str) -> str:
    """Return labels for `Exposition.put`, where `%` is written twice."""
    return ",".join(f'{name}="{escaped(text)}"' for name, text in labels.items()).replace("%", "%%")


def escaped(text: str) -> str:
    """Return the value of a label as both formats write it."""
    return "".join(_ESCAPES.get(one) or (one if one.isprintable() else _UNKNOWN) for one in text)
