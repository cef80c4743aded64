"""The place of each part: the provider is a band across the middle, hubs are above it, spokes below.

    title
    inner routers                CORE
    hosts, hubs              H1        SERVER
                             R11
    bands                [ TRANSPORT ================= ]
    NAT boxes                NAT1
    spokes, in rows          R31       R41
    hosts                    H3        H4
    legend

Both sides are planned alike, by distances from the band. Parts are rectangles and the texts in them, which are as wide
as those of a fixed-width font, so that the same plan fits every viewer. Lengths are in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from math import ceil
from typing import Final

from dmvpn.base.values import Mutable, Value
from dmvpn.tools.picture.model import Kind, Node, Picture, Port, Underlay, Wire, underlay_of

# ------------------------------------------------------------------------------------------------ rectangles and texts


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


class Box(Value):
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


class Chip(Value, kw_only=True):
    """A host. network: of its wire."""

    node: Node
    box: Box
    network: str


class Card(Value, kw_only=True):
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


class Band(Value, kw_only=True):
    """A provider or a wire that all sites are on. chips: the hosts of a provider."""

    name: str
    node: Node | None
    box: Box
    chips: tuple[Chip, ...] = ()


class Plan(Mutable, kw_only=True):
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


# ------------------------------------------------------------------------------------------------ their places


#: Of a band, and between two; of the title.
_BAND: Final = 36
_BETWEEN: Final = 8
_TITLE: Final = 86
#: Beside each column; from the bands to the cards above and below; more for a NAT box; of a host with its wire.
_GUTTER: Final = 26
_ABOVE: Final = 64
_BELOW: Final = 78
_NAT: Final = 62
_HOST: Final = 42
_INDENT: Final = 26
_ROW_GAP: Final = 26
#: From the cards of a side to the first lane, and between two lanes, which are for wires between routers of one side.
_TO_LANE: Final = 24
LANE: Final = 18
#: Spokes in one row; more are drawn in several rows. More routers than `_MANY` have no hosts and fewer addresses.
_ONE_ROW: Final = 6
_MANY: Final = 24
#: The width of a picture with several rows, in heights.
_SHAPE: Final = 1.6


def plan_of(picture: Picture) -> Plan:
    """Return the plan of a picture."""
    return _Planner(picture).plan()


class _Column(Mutable, kw_only=True):
    """Routers above each other, that next to the bands first."""

    names: list[str]
    width: float = 0.0
    x: float = 0.0


class _Planner:
    """One picture while it is planned. above: the two sides are numbered by it."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.nodes = {node.name: node for node in picture.nodes}
        self.underlay = underlay_of(picture)
        self.made = Plan(picture=picture, underlay=self.underlay)
        routers = [node for node in picture.nodes if node.kind in (Kind.HUB, Kind.SPOKE, Kind.ROUTER)]
        self.is_crowd = len(routers) > _MANY
        attached = [node.name for node in routers if node.name in self.underlay.attached]
        hubs = [name for name in attached if self.nodes[name].kind is Kind.HUB] or attached[:1]
        self.outer = {True: hubs, False: [name for name in attached if name not in hubs]}
        self.inner: dict[bool, list[str]] = {True: [], False: []}
        for node in routers:
            if node.name not in attached:
                self.inner[self._is_above(node.name)].append(node.name)
        self.hosts: dict[str, list[tuple[Node, Wire]]] = {}
        for host, owner, wire in self.underlay.hosts:
            self.hosts.setdefault(owner, []).append((self.nodes[host], wire))
        if self.is_crowd:
            self.made.omitted = sum(len(hosts) for owner, hosts in self.hosts.items() if owner in self.outer_names)
            self.hosts = {owner: hosts for owner, hosts in self.hosts.items() if owner not in self.outer_names}

    @property
    def outer_names(self) -> set[str]:
        """The routers that are wired to a band; it is only looked up."""
        return {name for names in (*self.outer.values(), *self.inner.values()) for name in names}

    def plan(self) -> Plan:
        """Return the plan."""
        columns = {above: self._columns(above) for above in (True, False)}
        left = MARGIN + max((len(shown(name)) * NAME + 40 for name in self.underlay.bands), default=0)
        right = self._place_columns(columns, left)
        heights = {above: self._height(columns[above], above) for above in (True, False)}
        top = _TITLE + heights[True]
        below = top + len(self.underlay.bands) * (_BAND + _BETWEEN) - (_BETWEEN if self.underlay.bands else 0)
        extra = max((self._chips_width(name) for name in self.underlay.bands), default=0)
        title = len(shown(self.picture.title, 100)) * TITLE_LETTER
        widest = max(title, len(self.picture.caption) * SMALL, 600)
        self.made.width = max(right + extra + MARGIN, widest + 2 * MARGIN)
        spare = (self.made.width - right - extra - MARGIN) / 2
        for column in (each for side in columns.values() for group in side.values() for each in group):
            column.x += spare
        self._place_bands(top)
        for above, edge in ((True, top), (False, below)):
            self._place_side(columns[above], edge, above=above)
        self.made.bottom = below + heights[False] + 18
        self._place_regions()
        return self.made

    # --- who is where -------------------------------------------------------------------------------------------------

    def _is_above(self, name: str) -> bool:
        """Return whether an inner router belongs above the bands: behind a router that is there."""
        seen, waiting = {name}, [name]
        for each in waiting:
            for neighbor in self.underlay.neighbors(each):
                if neighbor in self.outer[True] or neighbor in self.outer[False]:
                    return neighbor in self.outer[True]
                if neighbor not in seen:
                    seen.add(neighbor)
                    waiting.append(neighbor)
        return False

    def _groups(self) -> list[int | None]:
        """Return the groups of columns: regions, and in their middle the routers of none."""
        regions: list[int | None] = list(range(len(self.picture.regions)))
        half = len(regions) // 2
        return [*regions[:half], None, *regions[half:]]

    def _columns(self, above: bool) -> dict[int | None, list[_Column]]:
        """Return the columns of one side, by group."""
        rows = self._rows(self.outer[above])
        found: dict[int | None, list[_Column]] = {}
        for group in self._groups():
            names = self._in_order([name for name in self.outer[above] if self.nodes[name].region == group])
            count = ceil(len(names) / rows)
            columns = [_Column(names=names[number::count]) for number in range(count)]
            for column in columns:
                column.width = max(self._block(name)[0] for name in column.names)
            found[group] = columns
        return found

    def _in_order(self, names: list[str]) -> list[str]:
        """Return routers so that those behind one NAT box are beside each other."""
        box = {router: nat for router, nat, _ in self.underlay.behind}
        places = {name: position for position, name in enumerate(names)}
        first: dict[str, int] = {}
        for name in names:
            first.setdefault(box.get(name) or name, places[name])
        return sorted(names, key=lambda name: (first[box.get(name) or name], places[name]))

    def _rows(self, names: Sequence[str]) -> int:
        """Return the number of rows for which the picture is about as wide as a page."""
        if len(names) <= _ONE_ROW:
            return 1
        width = max(self._block(name)[0] for name in names) + 2 * _GUTTER
        height = max(self._block(name)[1] for name in names) + _ROW_GAP
        return min(
            range(1, len(names) + 1),
            key=lambda rows: abs(ceil(len(names) / rows) * width - _SHAPE * (rows * height + 400)),
        )

    # --- how large ----------------------------------------------------------------------------------------------------

    def _ports(self, node: Node) -> tuple[Port, ...]:
        if not self.is_crowd:
            return node.ports
        tunnels = [port for port in node.ports if port.cloud is not None]
        sources = [port for port in node.ports if port.is_source]
        return (*tunnels[:1], *sources[:1])

    def _card(self, name: str) -> tuple[float, float]:
        node = self.nodes[name]
        ports = self._ports(node)
        head = len(shown(node.name)) * NAME + len(node.kind.value) * SMALL + 40
        width = max(head, *(len(port_text(port)) * SMALL + 34 for port in ports), 140)
        return width, HEAD + len(ports) * LINE + 8

    def _block(self, name: str) -> tuple[float, float]:
        """Return the size of a router with its hosts."""
        width, height = self._card(name)
        hosts = self.hosts.get(name, [])
        widest = max((_INDENT + len(host_text(host)) * SMALL + 16 for host, _ in hosts), default=0)
        return max(width, widest), height + _HOST * len(hosts)

    def _chips_width(self, name: str) -> float:
        return sum(len(host_text(host)) * SMALL + 28 for host, _ in self.hosts.get(name, []))

    def _gap(self, columns: dict[int | None, list[_Column]], above: bool) -> float:
        """Return the distance between the bands and the cards, with NAT boxes in it."""
        nats = self._nats(above)
        every = (column for group in columns.values() for column in group)
        most = max((sum(len(nats.get(name, ())) for name in column.names) for column in every), default=0)
        return (_ABOVE if above else _BELOW) + (_NAT + (CHIP + 6) * (most - 1) if most else 0)

    def _nats(self, above: bool) -> dict[str, list[str]]:
        """Return the NAT boxes of one side, by the first router behind each."""
        first: dict[str, str] = {}
        for router, nat, _ in self.underlay.behind:
            first.setdefault(nat, router)
        found: dict[str, list[str]] = {}
        for nat, router in first.items():
            if router in self.outer[above]:
                found.setdefault(router, []).append(nat)
        return found

    def _lanes(self, above: bool) -> float:
        """Return the height of the strip for wires between routers of one side."""
        here = {*self.outer[above], *self.inner[above]}
        wires = sum(first in here or second in here for first, second, _ in self.underlay.inner)
        return 2 * _TO_LANE + wires * LANE if wires or self.inner[above] else 0

    def _row_heights(self, columns: dict[int | None, list[_Column]]) -> list[float]:
        every = [column for group in columns.values() for column in group]
        deepest = max((len(column.names) for column in every), default=0)
        return [
            max(self._block(column.names[row])[1] for column in every if row < len(column.names))
            for row in range(deepest)
        ]

    def _height(self, columns: dict[int | None, list[_Column]], above: bool) -> float:
        rows = self._row_heights(columns)
        inner = max((self._block(name)[1] for name in self.inner[above]), default=0)
        gaps = _ROW_GAP * max(0, len(rows) - 1)
        return (self._gap(columns, above) if rows else 0) + sum(rows) + gaps + self._lanes(above) + inner

    # --- where --------------------------------------------------------------------------------------------------------

    def _place_columns(self, columns: dict[bool, dict[int | None, list[_Column]]], left: float) -> float:
        """Give each column its x, and return where they end."""
        x = left
        for group in self._groups():
            widths = {above: sum(one.width + 2 * _GUTTER for one in columns[above][group]) for above in (True, False)}
            widest = max(widths.values())
            for above in (True, False):
                at = x + (widest - widths[above]) / 2
                for column in columns[above][group]:
                    column.x = at + _GUTTER
                    at += column.width + 2 * _GUTTER
            x += widest + (_GUTTER if widest else 0)
        inner = max(
            (sum(self._block(name)[0] + 2 * _GUTTER for name in names) for names in self.inner.values()), default=0
        )
        return max(x, left + inner)

    def _place_bands(self, top: float) -> None:
        for number, name in enumerate(self.underlay.bands):
            box = Box(MARGIN, top + number * (_BAND + _BETWEEN), self.made.width - 2 * MARGIN, _BAND)
            chips, x = [], box.right - self._chips_width(name)
            for host, wire in self.hosts.get(name, []):
                width = len(host_text(host)) * SMALL + 16
                chips.append(Chip(node=host, box=Box(x, box.y + 7, width, CHIP), network=wire.network))
                x += width + 12
            self.made.bands.append(Band(name=name, node=self.nodes.get(name), box=box, chips=tuple(chips)))

    def _place_side(self, columns: dict[int | None, list[_Column]], edge: float, *, above: bool) -> None:
        heights = self._row_heights(columns)
        nats = self._nats(above)
        for column in (each for group in columns.values() for each in group):
            away = self._gap(columns, above)
            for row, name in enumerate(column.names):
                self._place_card(name, column.x, edge, away, row=row, is_alone=len(heights) == 1, above=above)
                away += heights[row] + _ROW_GAP
            stacked = [nat for name in column.names for nat in nats.get(name, ())]
            for number, nat in enumerate(stacked):
                node, away = self.nodes[nat], 34 + number * (CHIP + 6)
                y = edge - away - CHIP if above else edge + away
                box = Box(column.x, y, len(host_text(node)) * SMALL + 16, CHIP)
                self.made.nats[nat] = (node, box, above)
        end = (self._gap(columns, above) if heights else 0) + sum(heights) + _ROW_GAP * max(0, len(heights) - 1)
        self.made.lanes[above] = edge - end - _TO_LANE if above else edge + end + _TO_LANE
        self._place_inner(edge, end + self._lanes(above), above=above)

    def _place_card(
        self, name: str, x: float, edge: float, away: float, *, row: int | None, is_alone: bool, above: bool
    ) -> None:
        """Place a router, with its hosts behind it. away: its distance from the bands."""
        width, height = self._card(name)
        box = Box(x, edge - away - height if above else edge + away, width, height)
        chips = []
        for number, (host, wire) in enumerate(self.hosts.get(name, [])):
            below = box.bottom + number * _HOST + _HOST - CHIP
            y = box.y - (number + 1) * _HOST if above else below
            chip = Box(x + _INDENT, y, len(host_text(host)) * SMALL + 16, CHIP)
            chips.append(Chip(node=host, box=chip, network=wire.network))
        self.made.cards[name] = Card(
            node=self.nodes[name],
            box=box,
            ports=self._ports(self.nodes[name]),
            is_above=above,
            row=row,
            is_alone=is_alone,
            gutter=x - _GUTTER,
            chips=tuple(chips),
        )

    def _place_inner(self, edge: float, away: float, *, above: bool) -> None:
        """Place inner routers, each as near as possible to the middle of its neighbors."""
        wanted = []
        for position, name in enumerate(self.inner[above]):
            near = [self.made.cards[each].box for each in self.underlay.neighbors(name) if each in self.made.cards]
            middle = sum(box.middle[0] for box in near) / len(near) if near else self.made.width / 2
            wanted.append((middle - self._block(name)[0] / 2, position, name))
        free: float = MARGIN + _GUTTER
        for x, _, name in sorted(wanted):
            at = max(x, free)
            self._place_card(name, at, edge, away, row=None, is_alone=True, above=above)
            free = at + self._block(name)[0] + 2 * _GUTTER
        self.made.width = max(self.made.width, free)

    def _place_regions(self) -> None:
        for index, name in enumerate(self.picture.regions):
            cards = [card for card in self.made.cards.values() if card.node.region == index]
            boxes = [box for card in cards for box in (card.box, *(chip.box for chip in card.chips))]
            if not boxes:
                continue
            x, right = min(box.x for box in boxes) - _GUTTER, max(box.right for box in boxes) + _GUTTER
            y, bottom = min(box.y for box in boxes) - 28, max(box.bottom for box in boxes) + 10
            self.made.regions.append((name, Box(x, y, right - x, bottom - y)))
