"""The text of metrics (Prometheus's format 0.0.4) as values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.client.errors import AnswerError
from dmvpn.client.frames import frame_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas

_NAME: Final = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL: Final = re.compile(rf'({_NAME})="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')
_LINE: Final = re.compile(rf'({_NAME})(?:\{{((?:[^"}}]|"(?:[^"\\]|\\.)*")*)\}})? +(\S+)')
_ESCAPED: Final = re.compile(r"\\(.)")
_UNESCAPED: Final = {"n": "\n"}


@dataclass(frozen=True, slots=True)
class Sample:
    """A number of a router."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Metrics:
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
