"""What many runs come to, in the same numbers whatever order their results come in, and a picture of it.

The results are lines of a file (`tools/pool/results.py`), with which an interrupted campaign continues.

An outage is the longest time after the beginning or the end of a fault at which a packet of the run was lost and the
fault excused it: how much of its bound the network needed. A run has one for each kind of fault that cost a packet.

The picture is an SVG document: a row of bars for each kind of fault, all on one scale of seconds. The columns double
from half a second on, because some faults cost a packet and others a holding time. The height of a bar is its share of
the runs of its row. The document needs nothing outside of itself and suits light and dark viewers.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import field
from typing import Final

from dmvpn.base.values import Mutable
from dmvpn.judge.campaigns import Result, Task
from dmvpn.tools.picture.svg import number, text_of
from dmvpn.tools.pool.results import Form

# ------------------------------------------------------------------------------------------------ lines of a file


def _said(task: Task) -> str:
    return f"{task.name} seed {task.seed} of {task.hours:g} h"


FORM: Final = Form[Task, Result](
    what="a result of a campaign",
    begin=b'{"task": {"network": "',
    read=Result.from_json,
    write=Result.to_json,
    task_of=lambda result: result.task,
    version_of=lambda task: task.version,
    said=_said,
    foreign=lambda task: f"{_said(task)} is not part of this campaign",
)


# ------------------------------------------------------------------------------------------------ the numbers


#: Outages are counted by tenths of a second.
_TENTHS: Final = 10
#: Digits of the hash of all runs.
_DIGITS: Final = 16


class NetworkTally(Mutable):
    """The runs of one network with one set of variants."""

    runs: int = 0
    failed: int = 0
    router_hours: float = 0.0
    faults: int = 0
    sent: int = 0
    demanded: int = 0
    longest: float = 0.0


class Summary(Mutable):
    """All results so far. outages: for each kind of fault how many runs had an outage of so many tenths of a second."""

    networks: dict[str, NetworkTally] = field(default_factory=dict)
    outages: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    longest: dict[str, float] = field(default_factory=dict)
    digests: dict[tuple[int, str], str] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        """Count one result."""
        task, verdict = result.task, result.verdict
        tally = self.networks.setdefault(task.name, NetworkTally())
        tally.runs += 1
        tally.failed += not verdict.ok
        tally.router_hours += verdict.router_hours
        tally.faults += len(verdict.faults)
        tally.sent += verdict.sent
        tally.demanded += verdict.demanded
        tally.longest = max([tally.longest, *verdict.longest.values()])
        for why, seconds in verdict.longest.items():
            self.outages[why][round(seconds * _TENTHS)] += 1
            self.longest[why] = max(self.longest.get(why, 0.0), seconds)
        self.digests[task.seed, task.name] = verdict.digest

    @property
    def digest(self) -> str:
        """The hash of all runs, in the order of their seeds."""
        lines = (f"{name} {seed} {digest}\n" for (seed, name), digest in sorted(self.digests.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:_DIGITS]

    @property
    def whole(self) -> NetworkTally:
        """All networks together."""
        rows = [self.networks[name] for name in sorted(self.networks)]
        return NetworkTally(
            runs=sum(row.runs for row in rows),
            failed=sum(row.failed for row in rows),
            router_hours=sum(row.router_hours for row in rows),
            faults=sum(row.faults for row in rows),
            sent=sum(row.sent for row in rows),
            demanded=sum(row.demanded for row in rows),
            longest=max((row.longest for row in rows), default=0.0),
        )

    def table(self) -> Iterator[str]:
        """Yield lines: a row for each network, and one for each kind of fault."""
        width = max(map(len, ("outage after", *self.networks, *self.outages)))
        yield f"{'network':<{width}}  runs  failed  router-hours  faults  judged  longest outage"
        for name in sorted(self.networks):
            row = self.networks[name]
            yield (
                f"{name:<{width}}  {row.runs:>4}  {row.failed:>6}  {row.router_hours:>12.1f}  {row.faults:>6}"
                f"  {share(row.demanded, row.sent):>6}  {row.longest:>12.1f} s"
            )
        if self.outages:
            yield ""
            yield f"{'outage after':<{width}}  runs    median      95 %   longest"
        for why in sorted(self.outages):
            counts = self.outages[why]
            seconds = (_quantile(counts, 0.5), _quantile(counts, 0.95), self.longest[why])
            yield f"{why:<{width}}  {counts.total():>4}" + "".join(f"  {each:>6.1f} s" for each in seconds)


def share(part: int, whole: int) -> str:
    """Return a share in percent, never rounded up."""
    return f"{100 * part // whole if whole else 0} %"


def _quantile(counts: Counter[int], part: float) -> float:
    """Return the outage, in seconds, that this part of the runs does not exceed."""
    left = part * counts.total()
    for tenths in sorted(counts):
        left -= counts[tenths]
        if left <= 0:
            return tenths / _TENTHS
    return 0.0


# ------------------------------------------------------------------------------------------------ the picture


#: The upper ends of the columns, in seconds; what is longer has a column of its own.
EDGES: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
_LEFT: Final = 170
_COLUMN: Final = 54
_GAP: Final = 6
_ROW: Final = 64
_BAR: Final = 44
_TOP: Final = 78
_RIGHT: Final = 100
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
        *(
            f'<text class="soft" x="{number(_LEFT + _COLUMN * (place + 0.5))}" y="{height - 22}" text-anchor="middle">'
            f"{text_of(label)}</text>"
            for place, label in enumerate(_labels())
        ),
        f'<text class="soft" x="{_LEFT - 12}" y="{height - 22}" text-anchor="end">up to seconds</text>',
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
