"""Where the lines of a configuration stand in the text they came from.

The tree knows what is configured and not where that was typed. Whoever wants to point at a line has the configurator
note each of them while it reads (`Configurator.parse_text(..., places=Places())`), and finds it again by its words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Place:
    """One line. number: from 1. path: the lines that opened the sections around it. text: as IOS shows it.

    Keys and passwords are left out.
    """

    number: int
    path: tuple[str, ...]
    text: str

    @property
    def whole(self) -> tuple[str, ...]:
        """The path with the line itself: the path of what it opens."""
        return (*self.path, self.text)


class Places:
    """The lines of one text, in its order."""

    __slots__ = ("_places",)

    def __init__(self) -> None:
        self._places: list[Place] = []

    def note(self, place: Place) -> None:
        """One more line was understood."""
        self._places.append(place)

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places)

    def find(self, words: Sequence[str]) -> Place | None:
        """The last line that begins with the last of `words`, in sections that begin with the others."""
        matching = [place for place in self._places if _begins(place.whole, words)]
        return matching[-1] if matching else None

    def line(self, words: Sequence[str]) -> int:
        """Its number. If there is no such line, that of the section; at last 1."""
        for length in range(len(words), 0, -1):
            place = self.find(words[:length])
            if place is not None:
                return place.number
        return 1


def _begins(whole: Sequence[str], words: Sequence[str]) -> bool:
    return len(whole) == len(words) and all(
        text == wanted or text.startswith(wanted + " ") for text, wanted in zip(whole, words, strict=True)
    )
