"""A plan as an SVG document: light or dark as its viewer likes, with colors that color-blind people distinguish.

Nothing outside of the document is needed. The colors are those of Okabe and Ito; clouds also differ by their dashes.
What the mouse points at says more (`title`). Every text is escaped, and characters that XML cannot have are replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from dmvpn.tools.picture.lines import number, tunnels_of, wires_of
from dmvpn.tools.picture.model import Tunnel, TunnelState
from dmvpn.tools.picture.plan import HEAD, LINE, MARGIN, SMALL, Box, host_text, plan_of, port_text, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.picture.lines import Line
    from dmvpn.tools.picture.model import Cloud, Node, Picture
    from dmvpn.tools.picture.plan import Card, Chip, Plan

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


def as_svg(picture: Picture) -> str:
    """Return the document, lines with their ends."""
    return _Writer(plan_of(picture)).document()


def text_of(text: str) -> str:
    """Return text that is nothing but text in XML."""
    return escape("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text))


class _Writer:
    """One document while it is written."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.picture = plan.picture

    def document(self) -> str:
        """Return the whole."""
        legend = [*self._legend()]
        width, height = self.plan.width, self.plan.bottom + _LEGEND_ROW * len(legend) + MARGIN
        size = f"{number(width)} {number(height)}"
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{number(width)}"'
            f' height="{number(height)}" role="img" aria-labelledby="title desc">',
            f'<title id="title">{text_of(self.picture.title)}</title>',
            f'<desc id="desc">{text_of(self._description())}</desc>',
            f"<style>\n{_STYLE}{''.join(self._cloud_styles())}</style>",
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="9" markerHeight="9"'
            ' markerUnits="userSpaceOnUse" orient="auto-start-reverse">'
            '<path class="arrow" d="M0 0L8 4L0 8z"/></marker></defs>',
            '<rect class="paper" width="100%" height="100%"/>',
            self._text(MARGIN, 34, shown(self.picture.title, 100), "title"),
            self._text(MARGIN, 54, f"{self.picture.caption}{self._omitted()}", "soft"),
            *self._regions(),
            *self._bands(),
            *(self._wire(line) for line in wires_of(self.plan)),
            *(self._tunnel(line) for line in tunnels_of(self.plan)),
            *(self._nat(node, box) for node, box, _ in self.plan.nats.values()),
            *(self._card(card) for card in self.plan.cards.values()),
        ]
        for row, items in enumerate(legend):
            lines.append(
                f'<g transform="translate(0 {number(self.plan.bottom + _LEGEND_ROW * (row + 0.7))})">{items}</g>'
            )
        return "\n".join([*lines, "</svg>\n"])

    def _description(self) -> str:
        """Return the picture in words, for a screen reader."""
        said = [f"{self.picture.caption}."]
        said += [f"{self._tunnel_title(tunnel)}." for tunnel in self.picture.tunnels]
        return " ".join(said)

    def _omitted(self) -> str:
        return f" ({self.plan.omitted} hosts are not drawn)" if self.plan.omitted else ""

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
        return f'<g class="{self._classes(tunnel)}">{said}{self._curve(line.path, tunnel, line.middle)}</g>'

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
            (self._sample(number_, TunnelState.UP), f"tunnels {_cloud_text(cloud)}")
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


def _cloud_text(cloud: Cloud) -> str:
    return ", ".join((cloud.name, *cloud.details))


def _about(node: Node) -> str:
    """Return all about a node: its name and all its addresses."""
    ports = ", ".join(f"{port.name} {port.address}".strip() for port in node.ports)
    return f"{node.name} ({node.kind.value if node.runs else 'does not run'}){': ' if ports else ''}{ports}"
