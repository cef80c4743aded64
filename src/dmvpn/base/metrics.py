"""What a router counts, as tables for programs that watch it: names, units and meanings in the manner of Prometheus.

A `Table` has columns of text, the labels, and columns of numbers; each column of numbers is a `Family` of metrics. A
feature declares its tables and yields their rows (`ios.Measured`); `face/values.py` sends them.

Names end in their unit, which is always a base unit (`_bytes`, `_seconds`), and counters in `_total`.
"""

from __future__ import annotations

import enum
from typing import Final

from dmvpn.base.values import Value, rows

#: A row: the labels first, then the numbers.
MetricRow = tuple[str | int | float, ...]


class Kind(enum.Enum):
    """What a metric may do; the value is its name in OpenMetrics.

    COUNTER: it grows, until the router starts again or a user clears it. GAUGE: it goes up and down. INFO: it is 1, and
    its labels say something.
    """

    COUNTER = "counter"
    GAUGE = "gauge"
    INFO = "info"


class Bound(enum.Enum):
    """How many rows a table may have. FEW: as many as the configuration makes. PEERS: as many as the reader asks for,
    because there is a row for each peer. ENTRIES: `MOST_ENTRIES`.
    """

    FEW = "few"
    PEERS = "peers"
    ENTRIES = "entries"


#: Rows of a table of configured entries, such as those of access lists.
MOST_ENTRIES: Final = 2000


class Family(Value):
    """A metric. name: as in queries, with its unit and `_total`. meaning: one sentence for people."""

    name: str
    kind: Kind
    meaning: str


class Table(Value, kw_only=True):
    """Metrics with the same labels. name: unique, except where several features fill one table."""

    name: str
    labels: tuple[str, ...]
    families: tuple[Family, ...]
    bound: Bound = Bound.FEW


def families(metrics: str) -> tuple[Family, ...]:
    """Return the metrics of a text (`base.values.rows`), each a row: KIND NAME :: MEANING.

    Raises ValueError for a row of another form.
    """
    return tuple(_family(row) for row in rows(metrics))


def _family(row: str) -> Family:
    head, meaning = row.split(" :: ", 1)
    kind, name = head.split()
    return Family(name, Kind(kind), meaning)


#: Filled by each routing protocol, and by BFD.
NEIGHBORS: Final = Table(
    name="neighbors",
    labels=("protocol", "process", "interface", "state"),
    families=families("""
    gauge dmvpn_neighbors :: Neighbors by protocol and state, as the protocol's own show names it.
    """),
)
#: Filled by each routing protocol.
ROUTING_PACKETS: Final = Table(
    name="routing_packets",
    labels=("protocol", "process", "type"),
    families=families("""
    counter dmvpn_routing_sent_packets_total :: Packets or messages of a routing protocol that were sent.
    counter dmvpn_routing_received_packets_total :: Packets or messages of a routing protocol that were taken.
    """),
)
#: Filled by each routing protocol, and by BFD.
ROUTING_DROPS: Final = Table(
    name="routing_drops",
    labels=("protocol", "process", "reason"),
    families=families("""
    counter dmvpn_routing_dropped_packets_total :: Packets of a routing protocol, or of BFD, that were dropped.
    """),
)
