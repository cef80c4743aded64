"""The ways of wires and tunnels through a plan.

Wires are straight and have corners; tunnels are curves through the bands. In a side of one row both end at the edges of
the cards, the wire at the left. In a side of several rows they run in the strips beside the columns: wires in the left
one, tunnels in the right one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.tools.picture.model import TunnelState
from dmvpn.tools.picture.plan import LANE, MARGIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.tools.picture.model import Tunnel, Wire
    from dmvpn.tools.picture.plan import Box, Card, Plan

    Point = tuple[float, float]

#: Places at a card: of its wires, the first and the next; of its tunnels, from its left and right; beside it.
_WIRE: Final = 18
_NEXT: Final = 10
_TUNNELS: Final = (40, 16)
_BESIDE: Final = 7
_CLOUDS_BESIDE: Final = 4
_INNER: Final = 8
#: How deep the arc of a tunnel between two routers of one side is: at least, for each pixel, and at most.
_ARC: Final = (20, 0.09, 46)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
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
    yield from _between(plan)
    yield from _inner(plan)
    yield from _hosts(plan)


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


def _between(plan: Plan) -> Iterator[Line]:
    for order, (first, second, wire) in enumerate(plan.underlay.between):
        x = MARGIN + 5 + (order % 2) * 4
        points = [(x, plan.bands[band].box.middle[1]) for band in (first, second)]
        yield _straight(points, wire, ends=tuple(points))


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


def _hosts(plan: Plan) -> Iterator[Line]:
    wires = {host: wire for host, _, wire in plan.underlay.hosts}
    for card in plan.cards.values():
        edge = card.box.y if card.is_above else card.box.bottom
        for chip in card.chips:
            x, y = card.box.x + 12, chip.box.middle[1]
            yield _straight([(x, edge), (x, y), (chip.box.x, y)], wires[chip.node.name])


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
