"""What waits for a neighbor of BGP that does not read: it becomes shorter, and comes to the same."""

from __future__ import annotations

import pytest

from dmvpn.features.bgp.attributes import Attributes
from dmvpn.features.bgp.batches import Batch, Change, Mark, Told
from dmvpn.features.bgp.groups import Feed
from dmvpn.features.bgp.packet import RouteRefresh, Update, parse, serialize, split
from support.routing import a, p

LOCAL, PEER, SOURCE = a("10.0.0.1"), a("10.0.0.2"), a("10.0.0.3")
BEGIN, END = (Mark(serialize(RouteRefresh(subtype=subtype))) for subtype in (1, 2))


class Reader:
    """The neighbor: what it knows, after RFC 7313 §4.1. least: the fewest prefixes that it ever knew."""

    room = 1 << 20

    def __init__(self, *known: str) -> None:
        self.known = dict.fromkeys(map(p, known))
        self.least = len(known)
        self._stale: list[object] = []

    def send_updates(self, octets: bytes, updates: int, now: float) -> None:
        for message in map(parse, split(bytearray(octets))):
            if isinstance(message, RouteRefresh) and message.subtype == 1:
                self._stale = list(self.known)
            elif isinstance(message, RouteRefresh):
                self.known = {prefix: None for prefix in self.known if prefix not in self._stale}
            elif isinstance(message, Update):
                self._stale = [prefix for prefix in self._stale if prefix not in message.announced]
                self.known.update(dict.fromkeys(message.announced))
                for prefix in message.withdrawn:
                    self.known.pop(prefix, None)
            self.least = min(self.least, len(self.known))


def batch(*prefixes: str) -> Batch:
    told = Told(Attributes(next_hop=SOURCE), SOURCE)
    return Batch([Change(p(prefix), None, told) for prefix in prefixes], LOCAL, wide=True)


def reads(feed: Feed, reader: Reader, most: int = 1000) -> None:
    feed.pour(reader, most, 0.0)  # type: ignore[arg-type]


@pytest.mark.conforms("bgp:7313-marks")
@pytest.mark.parametrize("read", [0, 1, 2])
@pytest.mark.parametrize("refreshes", [1, 2, 3])
def test_refreshes_that_wait_become_one_after_which_the_neighbor_knows_everything(refreshes: int, read: int) -> None:
    """read: pieces of the first refresh that it has read before."""
    table = ("10.1.0.0/16", "10.2.0.0/16")
    feed, reader = Feed(PEER), Reader(*table)
    for _ in range(refreshes):
        feed.add((BEGIN, *map(batch, table), END))
    for _ in range(read):
        reads(feed, reader, 1)
    feed.shorten(LOCAL, lambda changes: [Batch(list(changes), LOCAL, wide=True)])
    reads(feed, reader)
    assert feed.is_empty
    assert (list(reader.known), reader.least) == (list(map(p, table)), 2)
