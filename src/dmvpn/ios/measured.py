"""Decorators of the functions that yield the rows of a feature's metrics: each names its table and its metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from dmvpn.base.metrics import Bound, MetricRow, Table, families
from dmvpn.ios.feature import Measured, ShowContext

Rows = Callable[[ShowContext], Iterable[MetricRow]]


def measured(name: str, *labels: str, bound: Bound = Bound.FEW) -> Callable[[str], Callable[[Rows], Measured]]:
    """Return what makes the decorator for a table of its metrics, as `families` reads them."""
    return lambda metrics: filling(Table(name=name, labels=labels, families=families(metrics), bound=bound))


def filling(table: Table) -> Callable[[Rows], Measured]:
    """Return the decorator for a table that several features fill."""
    return partial(Measured, table)
