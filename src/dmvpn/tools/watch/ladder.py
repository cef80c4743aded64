"""The ladder (time on the left, a column for each router, a line for each step), and the story: a document in Markdown.

    wide      10:42:07.123     │────────── resolution 10.4.4.1? ──────────▶│
    narrow    10:42:07.123     │──────▶│       │   resolution 10.4.4.1?

If the columns are wide enough the text is on the arrow; else behind the last column. A router without a column (not
chosen, or not watched) is named in the text, and its arrow is short. Every line fits the width, if there is one: in a
file the text is never cut, and follows the last column, however long it is.

A story has diagrams that many viewers draw: steps as a sequence diagram for Mermaid. Participants get names of our own
(p1, p2 ...), so that whatever a router is called cannot be taken for syntax; in texts what ends a statement, or means
something in a page, is written as a character code (`#59;`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Final

from dmvpn.base.chronicle import Sign
from dmvpn.base.values import Value
from dmvpn.tools.watch.steps import Arrow, Note, Step, label, sentence

# ------------------------------------------------------------------------------------------------ the ladder


#: Columns of the time and the blanks behind it.
_TIME: Final = 13
#: Between two columns: at least, and from where on words are on the arrows.
_NARROWEST: Final = 6
_WIDE: Final = 34
#: For the words behind the last column, at least; and what they would like to have.
_WORDS: Final = 30
_MANY_WORDS: Final = 48
_RESET: Final = "\x1b[0m"
_DIM: Final = "\x1b[2m"
_BOLD: Final = "\x1b[1m"
_COLORS: Final = {
    "Registration Request": "\x1b[34m",
    "Registration Reply": "\x1b[34m",
    "Resolution Request": "\x1b[36m",
    "Resolution Reply": "\x1b[36m",
    "Traffic Indication": "\x1b[33m",
    "Purge Request": "\x1b[31m",
    "Purge Reply": "\x1b[31m",
    "Error Indication": "\x1b[31m",
    "IKEv2": "\x1b[35m",
    Sign.CAME: "\x1b[32m",
    Sign.CHANGED: "\x1b[33m",
    Sign.WENT: "\x1b[31m",
}


class Look(Value):
    """width: columns of the terminal, None where it is none.

    color: escape sequences are welcome. unicode: so are lines and arrow heads.
    """

    width: int | None = 100
    color: bool = False
    unicode: bool = True
    zone: tzinfo = UTC


class _Glyphs(Value):
    life: str
    shaft: str
    passed: str
    right: str
    left: str
    lost: str
    more: str


_UNICODE: Final = _Glyphs("│", "─", "═", "▶", "◀", "\N{BOX DRAWINGS LIGHT DIAGONAL CROSS}", "…")
_ASCII: Final = _Glyphs("|", "-", "=", ">", "<", "x", "~")


#: The width of a terminal by default, which also applies to files.
_USUAL: Final = 80


def room_for(width: int, longest: int) -> int:
    """Return how many routers with names of this length at most fit a width."""
    return max(0, (width - _TIME - _WORDS) // max(_NARROWEST, longest + 2))


class Ladder:
    """The ladder of some routers."""

    def __init__(self, routers: Sequence[str], look: Look) -> None:
        self._look = look
        self._glyphs = _UNICODE if look.unicode else _ASCII
        longest = max((len(router) for router in routers), default=1)
        least = max(_NARROWEST, longest + 2)
        self._width = look.width or max(_USUAL, _TIME + _WORDS + least * len(routers))
        free = self._width - _TIME
        spread = (free - longest) // max(1, len(routers) - 1) if len(routers) > 1 else 0
        self._wide = look.width is not None and spread >= _WIDE
        step = spread if self._wide else max(least, min(12, (free - _MANY_WORDS) // max(1, len(routers))))
        first = _TIME + longest // 2
        self._places = {router: first + number * step for number, router in enumerate(routers)}
        self._words_at = self._width if self._wide else max(self._places.values(), default=_TIME) + longest // 2 + 3

    def legend(self) -> list[str]:
        """Return the legend."""
        glyphs = self._glyphs
        arrows = f"{glyphs.shaft}{glyphs.right} sent   {glyphs.passed}{glyphs.right} forwarded"
        lost = f"{glyphs.shaft}{glyphs.lost} not seen to arrive"
        return [self._paint(_DIM, self._cut(f"{arrows}   {lost}   + came   ~ changed   - went"))]

    def header(self) -> str:
        """Return the names over their columns."""
        cells = [" "] * self._width
        for router, place in self._places.items():
            self._put(cells, place - len(router) // 2, router)
        return self._paint(_BOLD, "".join(cells).rstrip())

    def line(self, step: Step) -> str | None:
        """Return one step; None: none of the routers is in it."""
        if isinstance(step, Note):
            return self._note(step) if step.router in self._places else None
        if step.sender in self._places or step.receiver in self._places:
            return self._arrow(step)
        return None

    # ------------------------------------------------------------------------------------------------- inside

    def _arrow(self, arrow: Arrow) -> str:
        start, end = self._places.get(arrow.sender), self._places.get(arrow.receiver)
        color = _COLORS.get(arrow.name) or _COLORS.get(arrow.protocol, "")
        if start is None or end is None or start == end:
            return self._stub(arrow, color)
        cells, text = self._lives(), label(arrow)
        low, high = min(start, end) + 1, max(start, end) - 1
        self._put(cells, low, self._shaft(arrow, high - low + 1, rightwards=end > start))
        if not self._wide:
            return self._assemble(arrow.time, cells, (low, high + 1), color, text)
        text = f" {self._cut(text, high - low - 3)} "
        self._put(cells, low + 1 + max(0, (high - low - 1 - len(text)) // 2), text)
        return self._assemble(arrow.time, cells, (low, high + 1), color, "")

    def _shaft(self, arrow: Arrow, length: int, *, rightwards: bool) -> str:
        shaft = (self._glyphs.passed if arrow.forwarded else self._glyphs.shaft) * (length - 1)
        if not arrow.arrived:
            return shaft + self._glyphs.lost if rightwards else self._glyphs.lost + shaft
        return shaft + self._glyphs.right if rightwards else self._glyphs.left + shaft

    def _stub(self, arrow: Arrow, color: str) -> str:
        """Return an arrow to or from an end without a column: beside its router, on the side with more room."""
        leaves = arrow.sender in self._places
        place = self._places[arrow.sender if leaves else arrow.receiver]
        text = f"{label(arrow)} ({f'to {arrow.receiver}' if leaves else f'from {arrow.sender}'})"
        cells = self._lives()
        if not self._wide:
            length = min(3, self._words_at - place - 2)  # a blank stays before the words
            self._put(cells, place + 1, self._shaft(arrow, length, rightwards=leaves))
            return self._assemble(arrow.time, cells, (place + 1, place + 1 + length), color, text)
        right, left = self._width - place - 5, place - _TIME - 4
        if right >= left:
            text = f"{self._shaft(arrow, 3, rightwards=leaves)} {self._cut(text, right)}"
            low = place + 1
        else:
            text = f"{self._cut(text, left)} {self._shaft(arrow, 3, rightwards=not leaves)}"
            low = place - len(text)
        self._put(cells, low, text)
        return self._assemble(arrow.time, cells, (low, low + len(text)), color, "")

    def _note(self, note: Note) -> str:
        cells, place = self._lives(), self._places[note.router]
        color = _COLORS[note.sign]
        self._put(cells, place, note.sign.value)
        if not self._wide:
            return self._assemble(note.time, cells, (place, place + 1), color, label(note))
        text = label(note)
        right, left = self._width - place - 2, place - _TIME - 1
        if len(text) <= right or right >= left:
            text = self._cut(text, right)
            self._put(cells, place + 1, f" {text} ")
            return self._assemble(note.time, cells, (place, place + 2 + len(text)), color, "")
        text = self._cut(text, left)
        self._put(cells, place - len(text) - 1, f"{text} ")
        return self._assemble(note.time, cells, (place - len(text) - 1, place + 1), color, "")

    def _lives(self) -> list[str]:
        cells = [" "] * self._width
        for place in self._places.values():
            self._put(cells, place, self._glyphs.life)
        return cells

    def _assemble(self, time: float, cells: list[str], part: tuple[int, int], color: str, words: str) -> str:
        """Return the line of its cells, a part of which has a color, with words behind the columns."""
        low, high = max(_TIME, part[0]), min(part[1], len(cells))
        before, inside = "".join(cells[_TIME:low]), "".join(cells[low:high])
        behind = "".join(cells[high : self._words_at]) if words else "".join(cells[high:]).rstrip()
        words = self._cut(words, self._width - self._words_at) if words else ""
        moment = f"{datetime.fromtimestamp(time, self._look.zone):%H:%M:%S.%f}"[:12]
        return (
            self._paint(_DIM, moment)
            + " " * (_TIME - 12)
            + before
            + self._paint(color, inside)
            + behind
            + self._paint(color, words)
        ).rstrip()

    def _put(self, cells: list[str], start: int, text: str) -> None:
        for place, letter in enumerate(text, start):
            if _TIME <= place < len(cells):
                cells[place] = letter

    def _cut(self, text: str, room: int | None = None) -> str:
        room = self._width if room is None else max(1, room)
        return text if self._look.width is None or len(text) <= room else text[: room - 1] + self._glyphs.more

    def _paint(self, color: str, text: str) -> str:
        return f"{color}{text}{_RESET}" if self._look.color and color and text else text


# ------------------------------------------------------------------------------------------------ the sequence diagram


#: Characters to escape: they separate statements, begin an entity or a comment, or are markup in a viewer.
_SPECIAL: Final = frozenset("#;%<>&\"'`{}[]\\|")


def diagram(routers: Sequence[str], steps: Sequence[Step]) -> str:
    """Return the diagram, lines with their ends. Routers are in their order, others that take part behind them."""
    ends = [end for step in steps if isinstance(step, Arrow) for end in (step.sender, step.receiver)]
    names = {name: f"p{number}" for number, name in enumerate(dict.fromkeys((*routers, *ends)), 1)}
    lines = ["sequenceDiagram"]
    lines += [f"    participant {name} as {escaped(router)}" for router, name in names.items()]
    lines += [f"    {line}" for step in steps for line in _statements(step, names)]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Return text that is nothing but text."""
    return "".join(
        f"#{ord(letter)};" if letter in _SPECIAL else letter if letter.isprintable() else "." for letter in text
    )


def _statements(step: Step, names: dict[str, str]) -> Iterator[str]:
    if isinstance(step, Arrow):
        head = "-x" if not step.arrived else "-->>" if step.forwarded else "->>"
        yield f"{names[step.sender]}{head}{names[step.receiver]}: {escaped(label(step))}"
    elif step.router in names:
        yield f"Note over {names[step.router]}: {escaped(f'{step.sign.value} {label(step)}')}"


# ------------------------------------------------------------------------------------------------ the document


#: Steps of one diagram: viewers refuse texts that are too long, and so do people.
LARGEST_DIAGRAM: Final = 120


class StoryNetwork(Value, kw_only=True):
    """The network of the story. routers: with a part in it. hosts: addresses by name. links: as in the lab file."""

    lab: str
    kind: str
    routers: tuple[str, ...]
    hosts: dict[str, str]
    links: tuple[str, ...]


def story(network: StoryNetwork, steps: Sequence[Step], zone: tzinfo = UTC, missed: int = 0, omitted: int = 0) -> str:
    """Return the document. missed: lines that came too fast to be taken. omitted: the number of later steps."""
    return "\n".join(_lines(network, steps, zone, missed, omitted)) + "\n"


def _lines(network: StoryNetwork, steps: Sequence[Step], zone: tzinfo, missed: int, omitted: int) -> Iterator[str]:
    yield f"# What happened in lab {_plain(network.lab)}"
    yield ""
    span = "Nothing happened."
    if steps:
        first, last = _moment(steps[0].time, zone), _moment(steps[-1].time, zone)
        span = f"On {first:%Y-%m-%d} from {first:%H:%M:%S} to {last:%H:%M:%S}, {len(steps)} steps."
    yield f"{span} The lab is {_plain(network.kind)}."
    if missed:
        yield f"{missed} lines were lost: more happened than could be written down."
    if omitted:
        yield f"{omitted} more steps came after these and are left out: a story has no more than {len(steps)}."
    yield ""
    yield "## The network"
    yield ""
    yield f"Routers: {', '.join(map(_plain, network.routers))}."
    yield ""
    for name, address in network.hosts.items():
        yield f"- host {_plain(name)}: {_plain(address)}"
    for link in network.links:
        yield f"- link {_plain(link)}"
    yield ""
    parts = [steps[start : start + LARGEST_DIAGRAM] for start in range(0, len(steps), LARGEST_DIAGRAM)] or [()]
    for number, part in enumerate(parts, 1):
        yield "## The ladder" + (f", part {number} of {len(parts)}" if len(parts) > 1 else "")
        yield ""
        yield "```mermaid"
        named: set[str] = set()  # a column without steps is useless
        for step in part:
            named.update((step.sender, step.receiver) if isinstance(step, Arrow) else (step.router,))
        yield from diagram([router for router in network.routers if router in named], part).splitlines()
        yield "```"
        yield ""
    yield "## In words"
    yield ""
    for number, step in enumerate(steps, 1):
        time = f"{_moment(step.time, zone):%H:%M:%S.%f}"[:12]
        yield f"{number}. {time} {_plain(sentence(step))}"


def _moment(time: float, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(time, zone)


def _plain(text: str) -> str:
    """Return text that is no markup where it is put."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>&#|!" else letter for letter in text if letter.isprintable())
