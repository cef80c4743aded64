"""Where the lines of a configuration are in the text that they came from.

The tree stores the configuration and not where it was typed. Code that wants to point at a line makes the configurator
note each line while it reads (`Configurator.parse_text(..., places=Places())`), and finds the line again by its words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dmvpn.base.values import Value


class PlacedLine(Value):
    """One line.

    number: from 1.
    path: the lines that opened the sections around it.
    text: as IOS shows it.

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

    __slots__ = ("_exact", "_index", "_places")

    def __init__(self) -> None:
        self._places: list[PlacedLine] = []
        #: By how the outermost and the innermost line begin, and by depth; made when a line is sought.
        self._index: dict[tuple[str, str, int], list[PlacedLine]] = {}
        #: The same by the whole innermost line.
        self._exact: dict[tuple[str, str, int], list[PlacedLine]] = {}

    def note(self, place: PlacedLine) -> None:
        """Note that one more line was understood."""
        self._places.append(place)
        self._index.clear()

    def clear(self) -> None:
        """Forget all lines: the text is read again."""
        self._places.clear()
        self._index.clear()

    def __iter__(self) -> Iterator[PlacedLine]:
        return iter(self._places)

    def find(self, words: Sequence[str]) -> PlacedLine | None:
        """Return the last line that is the last of `words`, or begins with it, in sections that begin with the earlier
        words.
        """
        if not words:
            return None
        if not self._index:
            self._exact.clear()
            for place in self._places:
                whole = place.whole
                for outer in _beginnings(whole[0]):
                    self._exact.setdefault((outer, whole[-1], len(whole)), []).append(place)
                    for inner in _beginnings(whole[-1]):
                        self._index.setdefault((outer, inner, len(whole)), []).append(place)
        key = words[0], words[-1], len(words)
        candidates = (self._exact.get(key, ()), self._index.get(key, ()))
        return next((place for some in candidates for place in reversed(some) if _begins(place.whole, words)), None)

    def line(self, words: Sequence[str]) -> int:
        """Return its number. If there is no such line, that of the section; at last 1."""
        for length in range(len(words), 0, -1):
            place = self.find(words[:length])
            if place is not None:
                return place.number
        return 1


def _beginnings(text: str) -> Iterator[str]:
    """Yield the text itself, and the part before each of its spaces."""
    yield text
    for position, letter in enumerate(text):
        if letter == " ":
            yield text[:position]


def _begins(whole: Sequence[str], words: Sequence[str]) -> bool:
    return len(whole) == len(words) and all(
        text == wanted or text.startswith(wanted + " ") for text, wanted in zip(whole, words, strict=True)
    )
