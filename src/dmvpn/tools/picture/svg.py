"""A plan as an SVG document: light or dark as its viewer likes, with colors that color-blind people distinguish.

Nothing outside of the document is needed. The colors are those of Okabe and Ito; clouds also differ by their dashes.
What the mouse points at says more (`title`). Every text is escaped, and characters that XML cannot have are replaced.

Wires are straight and have corners; tunnels are curves through the bands. In a side of one row both end at the edges of
the cards, the wire at the left. In a side of several rows they run in the strips beside the columns: wires in the left
one, tunnels in the right one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Final
from xml.sax.saxutils import escape

from dmvpn.base.values import Value
from dmvpn.tools.picture.model import Node, Picture, Tunnel, TunnelState, Wire
from dmvpn.tools.picture.plan import (
    HEAD,
    LANE,
    LINE,
    MARGIN,
    SMALL,
    Box,
    Card,
    Chip,
    Plan,
    host_text,
    plan_of,
    port_text,
    shown,
)

Point = tuple[float, float]


# ------------------------------------------------------------------------------------------------ wires and tunnels


#: Places at a card: of its wires, the first and the next; of its tunnels, from its left and right; beside it.
_WIRE: Final = 18
_NEXT: Final = 10
_TUNNELS: Final = (40, 16)
_BESIDE: Final = 7
_CLOUDS_BESIDE: Final = 4
_INNER: Final = 8
#: How deep the arc of a tunnel between two routers of one side is: at least, for each pixel, and at most.
_ARC: Final = (20, 0.09, 46)


class Line(Value, kw_only=True):
    """A wire or a tunnel.

    path: in the syntax of SVG.
    tunnel: None for a wire.
    wire: None for a tunnel.
    middle: for a mark.
    label_at: where the network of a wire is written, None: there is no room for it.
    ends: points at which a wire meets a band.
    """

    path: str
    middle: Point
    tunnel: Tunnel | None = None
    wire: Wire | None = None
    label_at: Point | None = None
    ends: tuple[Point, ...] = ()


def number(value: float) -> str:
    """Return a length with one decimal at most, as short as possible."""
    return f"{value:.1f}".removesuffix(".0")


def wires_of(plan: Plan) -> Iterator[Line]:
    """Yield the wires."""
    counts: dict[str, int] = {}
    for link in plan.underlay.uplinks:
        order = counts[link.node] = counts.get(link.node, -1) + 1
        band = plan.bands[link.band].box
        if link.node in plan.nats:
            _, box, is_above = plan.nats[link.node]
            y = _met(band, is_above)
            points = [(box.x + _WIRE, box.y if not is_above else box.bottom), (box.x + _WIRE, y)]
        elif link.node in plan.cards:
            points = [*_start(plan.cards[link.node], order, link.band)]
            points.append((points[-1][0], _met(band, plan.cards[link.node].is_above)))
        else:
            continue
        yield _straight(points, link.wire, ends=(points[-1],))
    yield from _behind(plan)
    for order, (first, second, wire) in enumerate(plan.underlay.between):
        left = MARGIN + 5 + (order % 2) * 4
        points = [(left, plan.bands[each].box.middle[1]) for each in (first, second)]
        yield _straight(points, wire, ends=tuple(points))
    yield from _inner(plan)
    of_hosts = {host: wire for host, _, wire in plan.underlay.hosts}
    for card in plan.cards.values():
        edge = card.box.y if card.is_above else card.box.bottom
        for chip in card.chips:
            x, y = card.box.x + 12, chip.box.middle[1]
            yield _straight([(x, edge), (x, y), (chip.box.x, y)], of_hosts[chip.node.name])


def tunnels_of(plan: Plan) -> Iterator[Line]:
    """Yield the tunnels; tunnels that NHRP made come last, so they are drawn above all."""
    anchors = _anchors(plan)
    tunnels = [each for each in plan.picture.tunnels if each.here in plan.cards and each.there in plan.cards]
    for tunnel in sorted(tunnels, key=lambda each: each.state is TunnelState.DIRECT):
        here, there = plan.cards[tunnel.here], plan.cards[tunnel.there]
        yield _tunnel(plan, tunnel, (here, anchors[tunnel, here.node.name]), (there, anchors[tunnel, there.node.name]))


# --- wires ------------------------------------------------------------------------------------------------------------


def _met(band: Box, is_above: bool) -> float:
    """Return the y at which wires from one side end in a band; they are apart from those of the other side."""
    return band.y + 11 if is_above else band.bottom - 11


def _start(card: Card, order: int, lane: int) -> Iterator[Point]:
    """Yield the first points of a wire towards the bands. order: of the wires of this card."""
    if card.is_alone:
        yield card.box.x + _WIRE + order * _NEXT, card.edge
        return
    x, y = card.gutter + _BESIDE + (lane % 3) * 5, card.box.y + 13 + order * 6
    yield card.box.x, y
    yield x, y


def _behind(plan: Plan) -> Iterator[Line]:
    """Yield the wires between NAT boxes and their routers."""
    for router, nat, wire in plan.underlay.behind:
        if router not in plan.cards or nat not in plan.nats:
            continue
        _, box, is_above = plan.nats[nat]
        x, edge = box.x + _WIRE, box.y if is_above else box.bottom
        points = [*_start(plan.cards[router], 0, 0)]
        bus = edge - 10 if is_above else edge + 10
        yield _straight([*points, (points[-1][0], bus), (x, bus), (x, edge)], wire)


def _inner(plan: Plan) -> Iterator[Line]:
    """Yield the wires between routers of one side, each in a lane of its own, and those from one side to the other."""
    lanes = {True: 0, False: 0}
    beside: dict[str, int] = {}
    for first, second, wire in plan.underlay.inner:
        if first not in plan.cards or second not in plan.cards:
            continue
        here, there = plan.cards[first], plan.cards[second]
        if here.is_above is not there.is_above:
            yield _straight([here.box.middle, there.box.middle], wire)
            continue
        away = lanes[here.is_above] * LANE
        lanes[here.is_above] += 1
        y = plan.lanes[here.is_above] + (-away if here.is_above else away)
        for name in (first, second):
            beside[name] = beside.get(name, -1) + 1
        start, end = [*_to_lane(here, y, beside[first])], [*_to_lane(there, y, beside[second])]
        label_at = (start if there.row is None else end)[-1][0] + 5, y + 13 if here.is_above else y - 5
        yield _straight([*start, *reversed(end)], wire, label_at=label_at)


def _to_lane(card: Card, y: float, order: int) -> Iterator[Point]:
    """Yield the points from a card to a lane. order: of the inner wires of this card."""
    if card.row is None:
        x = card.box.middle[0] + order * _INNER
        yield x, card.edge
    else:
        x = card.box.x - _INNER - order * 4
        height = card.box.bottom - 12 - order * 5
        yield card.box.x, height
        yield x, height
    yield x, y


def _straight(
    points: Sequence[Point],
    wire: Wire,
    *,
    label_at: Point | None = None,
    ends: tuple[Point, ...] = (),
) -> Line:
    path = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)
    (x, y), (to_x, to_y) = points[-2], points[-1]
    return Line(path=path, middle=((x + to_x) / 2, (y + to_y) / 2), wire=wire, label_at=label_at, ends=ends)


# --- tunnels ----------------------------------------------------------------------------------------------------------


def _anchors(plan: Plan) -> dict[tuple[Tunnel, str], float]:
    """Return where each tunnel meets each of its cards: tunnels to the left are at the left."""
    meeting: dict[str, list[tuple[float, int, Tunnel]]] = {}
    for position, tunnel in enumerate(plan.picture.tunnels):
        for name, other in ((tunnel.here, tunnel.there), (tunnel.there, tunnel.here)):
            if name in plan.cards and other in plan.cards:
                meeting.setdefault(name, []).append((plan.cards[other].box.middle[0], position, tunnel))
    found: dict[tuple[Tunnel, str], float] = {}
    for name, tunnels in meeting.items():
        card = plan.cards[name]
        left, right = card.box.x + _TUNNELS[0], card.box.right - _TUNNELS[1]
        for order, (_, _, tunnel) in enumerate(sorted(tunnels, key=lambda each: each[:2])):
            beside = card.box.right + _BESIDE + (tunnel.cloud % _CLOUDS_BESIDE) * 4
            found[tunnel, name] = left + (right - left) * (order + 0.5) / len(tunnels) if card.is_alone else beside
    return found


def _tunnel(plan: Plan, tunnel: Tunnel, here: tuple[Card, float], there: tuple[Card, float]) -> Line:
    """Return the curve between two cards. here, there: with the x at which the tunnel leaves the card."""
    starts, ends = _approach(plan, *here), _approach(plan, *there)
    (x, y), (to_x, to_y) = starts[-1], ends[-1]
    if here[0].is_above is there[0].is_above:
        least, each, most = _ARC
        depth = min(most, least + each * abs(to_x - x)) * 4 / 3
        near = (min(y, to_y) - depth) if not here[0].is_above else (max(y, to_y) + depth)
        controls = ((x, near), (to_x, near))
    else:
        controls = ((x, (y + to_y) / 2), (to_x, (y + to_y) / 2))
    middle = tuple((a + 3 * b + 3 * c + d) / 8 for a, b, c, d in zip((x, y), *controls, (to_x, to_y), strict=True))
    curve = " ".join(f"{number(a)} {number(b)}" for a, b in (*controls, (to_x, to_y)))
    path = "M" + "L".join(f"{number(a)} {number(b)}" for a, b in starts) + f"C{curve}"
    path += "".join(f"L{number(a)} {number(b)}" for a, b in reversed(ends[:-1]))
    return Line(path=path, middle=(middle[0], middle[1]), tunnel=tunnel)


def _approach(plan: Plan, card: Card, x: float) -> list[Point]:
    """Return the points from a card to where its tunnel's curve begins."""
    if card.is_alone:
        return [(x, card.edge)]
    first = min((one.box.y for one in plan.cards.values() if not one.is_above and one.row == 0), default=card.box.y)
    last = max(
        (one.box.bottom for one in plan.cards.values() if one.is_above and one.row == 0), default=card.box.bottom
    )
    y = card.box.y + 13
    return [(card.box.right, y), (x, y), (x, last if card.is_above else first)]


# ------------------------------------------------------------------------------------------------ the document


#: Dashes of clouds; colors and dashes repeat after so many.
_DASHES: Final = ("none", "14 4", "9 4 2 4", "5 3")
_SAMPLE: Final = 46
_LEGEND_ROW: Final = 24
_STYLE: Final = """\
:root{--paper:#fff;--ink:#1b1f24;--soft:#57606a;--wire:#6e7781;--card:#fff;--edge:#8c959f;--band:#eef1f4;--region:#f2f6ea;
--chip:#f6f8fa;--hub:#dbeafb;--spoke:#fff3d6;--router:#eceff2;--nat:#fbe4f0;--bad:#b3261e;--direct:#d55e00;
--c0:#0072b2;--c1:#00795a;--c2:#a8487f;--c3:#6b5b00}
@media (prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;--soft:#9da7b1;--wire:#8b949e;--card:#161b22;
--edge:#6e7681;--band:#21262d;--region:#172017;--chip:#1c2128;--hub:#12304d;--spoke:#3d3110;--router:#2a3038;
--nat:#40213a;--bad:#ff8f85;--direct:#ff9e4a;--c0:#56b4e9;--c1:#2fc79a;--c2:#e59cc6;--c3:#f0e442}}
.paper{fill:var(--paper)}
text{fill:var(--ink);font:11px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
.title{font:600 18px system-ui,"DejaVu Sans",sans-serif}
.soft{fill:var(--soft)}
.name{font-weight:700;font-size:13px}
.band rect{fill:var(--band);stroke:var(--edge);stroke-dasharray:2 3}
.region rect{fill:var(--region);stroke:var(--edge);stroke-dasharray:1 4}
.card rect{fill:var(--card);stroke:var(--edge)}
.card .head{stroke:none}
.hub .head{fill:var(--hub)}.spoke .head{fill:var(--spoke)}.router .head{fill:var(--router)}
.dead{opacity:.55}.dead>rect:first-of-type{stroke:var(--bad);stroke-dasharray:4 3}
.nat rect{fill:var(--nat);stroke:var(--edge)}
.host rect{fill:var(--chip);stroke:var(--edge)}
.halo{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
path{fill:none}
.wire path{stroke:var(--wire);stroke-width:1.4}
.wire circle{fill:var(--wire)}
.bad path{stroke:var(--bad);stroke-dasharray:3 3}.bad text{fill:var(--bad);font-weight:700}
.tunnel path{stroke-width:2.4}
.tunnel .pipe{stroke-width:9;opacity:.22}
.down path{stroke-width:1.6;opacity:.75}.down .cross{stroke:var(--bad);stroke-width:2.4;opacity:1}
.direct path{stroke:var(--direct);stroke-width:3;stroke-dasharray:1 6;stroke-linecap:round}
.direct .pipe{stroke-dasharray:none;stroke-width:9;stroke-linecap:butt}
.arrow{fill:var(--direct)}
"""


class Motion(Value, kw_only=True):
    """The motion of a picture (`moving.py`).

    rules: of the style sheet. marks: drawn above all. styles: attributes of tunnels. room: height below the plan.
    """

    rules: str = ""
    marks: Sequence[str] = ()
    styles: Mapping[Tunnel, str] = field(default_factory=dict)
    room: float = 0


_STILL: Final = Motion()


def as_svg(picture: Picture) -> str:
    """Return the document, lines with their ends."""
    return SvgWriter(plan_of(picture)).document()


def text_of(text: str) -> str:
    """Return text that is nothing but text in XML."""
    return escape("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text))


class SvgWriter:
    """One document while it is written."""

    def __init__(self, plan: Plan, motion: Motion = _STILL) -> None:
        self.plan = plan
        self.motion = motion
        self.picture = plan.picture

    def document(self) -> str:
        """Return the whole."""
        legend = [*self._legend()]
        bottom = self.plan.bottom + self.motion.room
        width, height = self.plan.width, bottom + _LEGEND_ROW * len(legend) + MARGIN
        size = f"{number(width)} {number(height)}"
        omitted = f" ({self.plan.omitted} hosts are not drawn)" if self.plan.omitted else ""
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{number(width)}"'
            f' height="{number(height)}" role="img" aria-labelledby="title desc">',
            f'<title id="title">{text_of(self.picture.title)}</title>',
            f'<desc id="desc">{text_of(self._description())}</desc>',
            f"<style>\n{_STYLE}{''.join(self._cloud_styles())}{self.motion.rules}</style>",
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="9" markerHeight="9"'
            ' markerUnits="userSpaceOnUse" orient="auto-start-reverse">'
            '<path class="arrow" d="M0 0L8 4L0 8z"/></marker></defs>',
            '<rect class="paper" width="100%" height="100%"/>',
            self._text(MARGIN, 34, shown(self.picture.title, 100), "title"),
            self._text(MARGIN, 54, f"{self.picture.caption}{omitted}", "soft"),
            *self._regions(),
            *self._bands(),
            *(self._wire(line) for line in wires_of(self.plan)),
            *(self._tunnel(line) for line in tunnels_of(self.plan)),
            *(self._nat(node, box) for node, box, _ in self.plan.nats.values()),
            *(self._card(card) for card in self.plan.cards.values()),
            *self.motion.marks,
        ]
        for row, items in enumerate(legend):
            lines.append(f'<g transform="translate(0 {number(bottom + _LEGEND_ROW * (row + 0.7))})">{items}</g>')
        return "\n".join([*lines, "</svg>\n"])

    def _description(self) -> str:
        """Return the picture in words, for a screen reader."""
        said = [f"{self.picture.caption}."]
        said += [f"{self._tunnel_title(tunnel)}." for tunnel in self.picture.tunnels]
        return " ".join(said)

    def _text(self, x: float, y: float, text: str, classes: str = "", anchor: str = "") -> str:
        attributes = (f' class="{classes}"' if classes else "") + (f' text-anchor="{anchor}"' if anchor else "")
        return f'<text x="{number(x)}" y="{number(y)}"{attributes}>{text_of(text)}</text>'

    def _box(self, box: Box, corners: int = 6, classes: str = "") -> str:
        named = f' class="{classes}"' if classes else ""
        return (
            f'<rect x="{number(box.x)}" y="{number(box.y)}" width="{number(box.width)}"'
            f' height="{number(box.height)}" rx="{corners}"{named}/>'
        )

    # --- the parts ----------------------------------------------------------------------------------------------------

    def _regions(self) -> Iterator[str]:
        for name, box in self.plan.regions:
            label = self._text(box.x + 10, box.y + 18, shown(f"region of {name}"), "soft")
            yield f'<g class="region">{self._box(box)}{label}</g>'

    def _bands(self) -> Iterator[str]:
        for band in self.plan.bands:
            y = band.box.middle[1] + 4
            label = self._text(band.box.x + 16, y, shown(band.name), "name")
            said = self._title(_about(band.node)) if band.node is not None else ""
            chips = "".join(self._chip(chip, labeled=False) for chip in band.chips)
            yield f'<g class="band">{said}{self._box(band.box)}{label}</g>{chips}'

    def _title(self, text: str) -> str:
        return f"<title>{text_of(text)}</title>"

    def _wire(self, line: Line) -> str:
        wire = line.wire
        if wire is None:
            return ""
        ends = " - ".join(f"{node} {port}".strip() for node, port in wire.ends)
        more = (wire.network, *wire.problems)
        said = self._title(", ".join((ends, *(each for each in more if each))))
        dots = "".join(f'<circle cx="{number(x)}" cy="{number(y)}" r="3"/>' for x, y in line.ends)
        x, y = line.middle
        label = self._text(*line.label_at, shown(wire.network), "soft halo") if line.label_at is not None else ""
        mark = self._text(x, y + 4, "✕", "halo", "middle") if wire.problems else ""
        classes = "wire bad" if wire.problems else "wire"
        return f'<g class="{classes}">{said}<path d="{line.path}"/>{dots}{label}{mark}</g>'

    def _tunnel(self, line: Line) -> str:
        tunnel = line.tunnel
        if tunnel is None:
            return ""
        said = self._title(self._tunnel_title(tunnel))
        attributes = f'class="{self._classes(tunnel)}"{self.motion.styles.get(tunnel, "")}'
        return f"<g {attributes}>{said}{self._curve(line.path, tunnel, line.middle)}</g>"

    def _classes(self, tunnel: Tunnel) -> str:
        cloud = "" if tunnel.state is TunnelState.DIRECT else f" cloud{tunnel.cloud % len(_DASHES)}"
        known = tunnel.state.value if tunnel.state in (TunnelState.DOWN, TunnelState.DIRECT) else ""
        return f"tunnel{cloud} {known}".rstrip()

    def _curve(self, path: str, tunnel: Tunnel, middle: tuple[float, float]) -> str:
        is_direct, is_down = tunnel.state is TunnelState.DIRECT, tunnel.state is TunnelState.DOWN
        has_pipe = self.picture.clouds[tunnel.cloud].protected and not is_down
        pipe = f'<path class="pipe" d="{path}"/>' if has_pipe else ""
        arrows = ' marker-start="url(#arrow)" marker-end="url(#arrow)"' if is_direct else ""
        x, y = (number(each) for each in middle)
        cross = f'<path class="cross" transform="translate({x} {y})" d="M-5 -5L5 5M5 -5L-5 5"/>' if is_down else ""
        return f'{pipe}<path d="{path}"{arrows}/>{cross}'

    def _tunnel_title(self, tunnel: Tunnel) -> str:
        cloud = self.picture.clouds[tunnel.cloud]
        state = "direct tunnel" if tunnel.state is TunnelState.DIRECT else f"tunnel, {tunnel.state.value}"
        note = f" ({tunnel.note})" if tunnel.note else ""
        return f"{tunnel.here} to {tunnel.there}: {state}, {cloud.name}{note}"

    def _nat(self, node: Node, box: Box) -> str:
        label = self._text(box.x + 8, box.y + 15, host_text(node))
        return f'<g class="nat">{self._title(_about(node))}{self._box(box, 11)}{label}</g>'

    def _card(self, card: Card) -> str:
        node, box = card.node, card.box
        classes = f"card {node.kind.value}{'' if node.runs else ' dead'}"
        head = Box(box.x + 1, box.y + 1, box.width - 2, HEAD - 4)
        role = node.kind.value if node.runs else "does not run"
        parts = [
            self._title(_about(node)),
            self._box(box),
            self._box(head, 5, "head"),
            self._text(box.x + 10, box.y + 17, shown(node.name), "name"),
            self._text(box.right - 10, box.y + 17, role, "soft", "end"),
        ]
        for row, port in enumerate(card.ports):
            y = box.y + HEAD + LINE * row + 11
            color = f"cloud{port.cloud % len(_DASHES)}" if port.cloud is not None else ""
            mark = "tunnel" if color else "wire" if port.is_source else ""
            if mark:
                parts.append(f'<g class="{mark} {color}"><path d="M{number(box.x + 8)} {number(y - 4)}h10"/></g>')
            parts.append(self._text(box.x + 24, y, port_text(port)))
        chips = "".join(self._chip(chip) for chip in card.chips)
        return f'<g class="{classes}">{"".join(parts)}</g>{chips}'

    def _chip(self, chip: Chip, *, labeled: bool = True) -> str:
        label = self._text(chip.box.x + 8, chip.box.y + 15, host_text(chip.node))
        network = self._text(chip.box.x - 8, chip.box.y - 5, shown(chip.network), "soft halo") if labeled else ""
        return f'<g class="host">{self._title(_about(chip.node))}{self._box(chip.box, 3)}{label}{network}</g>'

    # --- the legend ---------------------------------------------------------------------------------------------------

    def _legend(self) -> Iterator[str]:
        """Yield the rows of the legend: each cloud, and what else there is in the picture."""
        states = {tunnel.state for tunnel in self.picture.tunnels}
        used = {tunnel.cloud for tunnel in self.picture.tunnels}
        items = [
            (self._sample(number_, TunnelState.UP), f"tunnels {', '.join((cloud.name, *cloud.details))}")
            for number_, cloud in enumerate(self.picture.clouds)
            if number_ in used
        ]
        if TunnelState.DIRECT in states:
            items.append((self._sample(0, TunnelState.DIRECT), "direct tunnel, made by NHRP"))
        if TunnelState.DOWN in states:
            items.append((self._sample(0, TunnelState.DOWN), "tunnel that is down"))
        items.append((f'<g class="wire"><path d="M0 -4h{_SAMPLE - 8}"/></g>', "wire"))
        if any(wire.problems for wire in self.picture.wires):
            items.append((f'<g class="bad"><path d="M0 -4h{_SAMPLE - 8}"/></g>', "wire that is cut or impaired"))
        x, row = float(MARGIN), ""
        for sample, text in items:
            width = _SAMPLE + len(text) * SMALL + 30
            if row and x + width > self.plan.width:
                yield row
                x, row = float(MARGIN), ""
            row += f'<g transform="translate({number(x)} 0)">{sample}{self._text(_SAMPLE, 0, text)}</g>'
            x += width
        yield row

    def _sample(self, cloud: int, state: TunnelState) -> str:
        tunnel = Tunnel(here="", there="", cloud=cloud, state=state)
        path = f"M0 -4h{_SAMPLE - 8}"
        return f'<g class="{self._classes(tunnel)}">{self._curve(path, tunnel, ((_SAMPLE - 8) / 2, -4))}</g>'

    def _cloud_styles(self) -> Iterator[str]:
        for index, dashes in enumerate(_DASHES):
            yield f".cloud{index} path{{stroke:var(--c{index});stroke-dasharray:{dashes}}}\n"
            yield f".cloud{index} .pipe{{stroke-dasharray:none}}\n"


def _about(node: Node) -> str:
    """Return all about a node: its name and all its addresses."""
    ports = ", ".join(" ".join((port.name, *port.addresses)).strip() for port in node.ports)
    return f"{node.name} ({node.kind.value if node.runs else 'does not run'}){': ' if ports else ''}{ports}"
