"""The metrics of a router: the tables of all its features and of its process. What `Count` of `metrics` wants.

A table is sent as `Counts` of at most `LARGEST_BATCH` rows; the first of them says what its numbers mean. A table
without rows is not sent. Tables of features of which each VRF has machines of its own begin with the label `vrf`.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from dmvpn.base.breath import aside
from dmvpn.base.metrics import MOST_ENTRIES, Bound
from dmvpn.face import values
from dmvpn.face.counted import batches
from dmvpn.face.messages import Counts
from dmvpn.ios import Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.base.metrics import MetricRow
    from dmvpn.face.context import RouterHandle
    from dmvpn.ios import Measured, ShowContext


def measured(handle: RouterHandle, peers: int) -> Iterator[Counts]:
    """Yield all tables; it breathes between two rows. peers: rows of tables with a row for each peer."""
    context = handle.context(0)
    values.be_observed()
    for measure in values.METRICS:
        yield from _table(context, measure, peers, None)
    for measure in _measures(context, Scope.ROUTER):
        yield from _table(context, measure, peers, None)
    for vrf in sorted(context.ports.tables):
        view = context.in_vrf(vrf) if vrf else context
        if view is not None:
            for measure in _measures(view, Scope.VRF):
                yield from _table(view, measure, peers, vrf)


def _measures(context: ShowContext, scope: Scope) -> list[Measured]:
    """Return what the features count whose machines are there. Their modules are imported while the router goes on."""
    awake = [feature for feature in context.awake if feature.scope is scope]
    return aside(lambda: [measure for feature in awake for measure in feature.metrics])


def _table(context: ShowContext, measure: Measured, peers: int, vrf: str | None) -> Iterator[Counts]:
    table = measure.table
    most = {Bound.PEERS: peers, Bound.ENTRIES: MOST_ENTRIES, Bound.FEW: None}[table.bound]
    if most == 0:
        return
    now = context.ports.clock.wall(context.now).timestamp()
    rows = iter(measure.rows(context))
    labels = table.labels if vrf is None else ("vrf", *table.labels)
    columns = (*labels, *(family.name for family in table.families))
    meanings = tuple((family.kind.value, family.meaning) for family in table.families)
    some: Iterable[MetricRow] = rows if most is None else islice(rows, most)
    if vrf is not None:
        some = ((vrf, *row) for row in some)
    last: Counts | None = None
    for batch in batches(some):
        if last is not None:
            yield last
        last = Counts(table.name, now, len(labels), columns, batch, meanings)
        meanings = ()
    if last is not None:
        cut = most is not None and next(rows, None) is not None
        yield replace(last, cut=cut)
