"""The parts of a plan: rectangles for bands, routers, hosts and NAT boxes, and the texts in them.

Texts are as wide as those of a fixed-width font, so that the same plan fits every viewer. Lengths are in pixels.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.tools.picture.model import Kind

if TYPE_CHECKING:
    from dmvpn.tools.picture.model import Node, Picture, Port, Underlay

#: The width of a letter in a small text, in a name and in the title; the height of a line of a card, of its head, and
#: of a host; the free space around everything; the longest text, in letters.
SMALL: Final = 6.7
NAME: Final = 8.4
TITLE_LETTER: Final = 11.8
LINE: Final = 16
HEAD: Final = 26
CHIP: Final = 22
MARGIN: Final = 24
_LONGEST: Final = 40


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A host. network: of its wire."""

    node: Node
    box: Box
    network: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A router. ports: with which it is drawn.

    is_above: it is above the bands.
    row: of its side, 0 next to the bands; None: it is an inner router.
    is_alone: it is the only one in its column.
    gutter: the x of the free strip at its left.
    """

    node: Node
    box: Box
    ports: tuple[Port, ...]
    is_above: bool
    row: int | None
    is_alone: bool
    gutter: float
    chips: tuple[Chip, ...] = ()

    @property
    def edge(self) -> float:
        """The y of its side towards the bands."""
        return self.box.bottom if self.is_above else self.box.y


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A provider or a wire that all sites are on. chips: the hosts of a provider."""

    name: str
    node: Node | None
    box: Box
    chips: tuple[Chip, ...] = ()


@dataclass(slots=True, kw_only=True)
class Plan:
    """A picture with the places of its parts.

    regions: name and rectangle.
    nats: NAT boxes.
    lanes: above and below, the y where the strip for wires between routers of one side begins; it grows away from the
        bands.
    omitted: number of hosts that are not drawn.
    bottom: where the drawing ends and the legend begins.
    """

    picture: Picture
    underlay: Underlay
    width: float = 0.0
    bottom: float = 0.0
    bands: list[Band] = field(default_factory=list)
    cards: dict[str, Card] = field(default_factory=dict)
    nats: dict[str, tuple[Node, Box, bool]] = field(default_factory=dict)
    regions: list[tuple[str, Box]] = field(default_factory=list)
    lanes: dict[bool, float] = field(default_factory=dict)
    omitted: int = 0


def shown(text: str, most: int = _LONGEST) -> str:
    """Return a text that is no longer than its place."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def port_text(port: Port) -> str:
    """Return the line of a port in its card."""
    return shown(f"{port.name} {port.address}".strip())


def host_text(host: Node) -> str:
    """Return the text of a host, or of a NAT box with its outside address."""
    kind = [] if host.kind is Kind.HOST or host.name.startswith(host.kind.value) else [host.kind.value]
    return shown(" ".join((*kind, host.name, *(port.address for port in host.ports[:1]))))
