"""Outages by kind of fault as an SVG document: a row of bars for each kind, all on one scale of seconds.

The columns double from half a second on, because some faults cost a packet and others a holding time. The height of a
bar is its share of the runs of its row. The document needs nothing outside of itself and suits light and dark viewers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.tools.picture.svg import number, text_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from dmvpn.tools.campaign.summary import Summary

#: The upper ends of the columns, in seconds; what is longer has a column of its own.
EDGES: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
_LEFT: Final = 170
_COLUMN: Final = 54
_GAP: Final = 6
_ROW: Final = 64
_BAR: Final = 44
_TOP: Final = 78
_RIGHT: Final = 100
_TENTHS: Final = 10
_STYLE: Final = """\
:root{--paper:#fff;--ink:#1b1f24;--soft:#57606a;--edge:#d0d7de;--bar:#0072b2}
@media (prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;--soft:#9da7b1;--edge:#30363d;--bar:#56b4e9}}
.paper{fill:var(--paper)}
text{fill:var(--ink);font:11px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
.title{font:600 18px system-ui,"DejaVu Sans",sans-serif}
.soft{fill:var(--soft)}
.bar{fill:var(--bar)}
line{stroke:var(--edge)}
"""


def as_svg(summary: Summary, title: str) -> str:
    """Return the document, lines with their ends."""
    width = _LEFT + _COLUMN * (len(EDGES) + 1) + _RIGHT
    height = _TOP + _ROW * max(1, len(summary.outages)) + 40
    size = f"{width} {height}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{width}" height="{height}" role="img"'
        ' aria-labelledby="title desc">',
        f'<title id="title">{text_of(title)}</title>',
        f'<desc id="desc">{text_of(_words(summary))}</desc>',
        f"<style>\n{_STYLE}</style>",
        '<rect class="paper" width="100%" height="100%"/>',
        f'<text class="title" x="24" y="34">{text_of(title)}</text>',
        '<text class="soft" x="24" y="54">the longest outage of each run after each kind of fault; the height is the'
        " share of the runs</text>",
        *_scale(height),
    ]
    for row, why in enumerate(sorted(summary.outages)):
        lines += _row(why, summary.outages[why], _TOP + _ROW * row, width)
    return "\n".join([*lines, "</svg>\n"])


def columns(counts: Counter[int]) -> list[int]:
    """Return how many runs each column has; runs longer than every edge are the last number."""
    found = [0] * (len(EDGES) + 1)
    for tenths, runs in counts.items():
        found[sum(tenths > edge * _TENTHS for edge in EDGES)] += runs
    return found


def _labels() -> list[str]:
    return [*(f"{edge:g}" for edge in EDGES), f"> {EDGES[-1]:g}"]


def _scale(height: int) -> Iterator[str]:
    """Yield the ends of the columns, below all rows."""
    for place, label in enumerate(_labels()):
        middle = _LEFT + _COLUMN * (place + 0.5)
        yield f'<text class="soft" x="{number(middle)}" y="{height - 22}" text-anchor="middle">{text_of(label)}</text>'
    yield f'<text class="soft" x="{_LEFT - 12}" y="{height - 22}" text-anchor="end">up to seconds</text>'


def _row(why: str, counts: Counter[int], top: int, width: int) -> Iterator[str]:
    """Yield the bars of one kind of fault."""
    bottom, runs = top + _BAR + 8, counts.total()
    yield f'<line x1="{_LEFT}" y1="{bottom}" x2="{width - _RIGHT}" y2="{bottom}"/>'
    yield f'<text x="{_LEFT - 12}" y="{bottom - 4}" text-anchor="end">{text_of(why)}</text>'
    yield f'<text class="soft" x="{width - _RIGHT + 12}" y="{bottom - 4}">{runs} runs</text>'
    for place, (label, count) in enumerate(zip(_labels(), columns(counts), strict=True)):
        if not count:
            continue
        tall = max(1.0, _BAR * count / runs)
        x = _LEFT + _COLUMN * place + _GAP / 2
        yield (
            f'<rect class="bar" x="{number(x)}" y="{number(bottom - tall)}" width="{_COLUMN - _GAP}"'
            f' height="{number(tall)}"><title>{text_of(f"{why}, {label} s: {count} of {runs} runs")}</title></rect>'
        )


def _words(summary: Summary) -> str:
    """Return the picture in words, for a screen reader."""
    said = [
        f"{why}: {summary.outages[why].total()} runs, longest {summary.longest[why]:.1f} s"
        for why in sorted(summary.outages)
    ]
    return "; ".join(said) or "no fault cost a packet"
