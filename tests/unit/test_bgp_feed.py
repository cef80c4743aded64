"""What waits for a neighbor of BGP that does not read: it costs nothing, is bounded, and comes to the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.features.bgp import groups
from dmvpn.features.bgp.attributes import Attributes
from dmvpn.features.bgp.batches import Batch, Mark, Told
from dmvpn.features.bgp.feeds import Feed
from dmvpn.features.bgp.groups import UpdateGroup
from dmvpn.features.bgp.model import NeighborLines
from dmvpn.features.bgp.outbound import Audience
from dmvpn.features.bgp.packet import RouteRefresh, Update, parse, serialize, split
from support.routing import a, p

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.bgp.batches import RouteToSend
    from dmvpn.features.bgp.nlri import Nlri

LOCAL, PEER, SOURCE = a("10.0.0.1"), a("10.0.0.2"), a("10.0.0.3")
BEGIN, END = (Mark(serialize(RouteRefresh(subtype=subtype))) for subtype in (1, 2))


class Reader:
    """The neighbor: what it knows, after RFC 7313 §4.1. least: the fewest prefixes that it ever knew."""

    room = 1 << 20

    def __init__(self, *known: str) -> None:
        self.known: dict[Nlri, None] = dict.fromkeys(map(p, known))
        self.least = len(known)
        self.heard = 0
        self._stale: list[Nlri] = []

    def send_updates(self, octets: bytes, updates: int) -> None:
        for message in map(parse, split(bytearray(octets))):
            if isinstance(message, RouteRefresh) and message.subtype == 1:
                self._stale = list(self.known)
            elif isinstance(message, RouteRefresh):
                self.known = {prefix: None for prefix in self.known if prefix not in self._stale}
            elif isinstance(message, Update):
                self._stale = [prefix for prefix in self._stale if prefix not in message.announced]
                self.heard += len(message.announced) + len(message.withdrawn)
                self.known.update(dict.fromkeys(message.announced))
                for prefix in message.withdrawn:
                    self.known.pop(prefix, None)
            self.least = min(self.least, len(self.known))


def told(hop: str = "10.0.0.3") -> Told:
    return Told(Attributes(next_hop=a(hop)), SOURCE)


class Net:
    """A group whose table the test sets."""

    def __init__(self) -> None:
        lines = NeighborLines(peer=UNSPECIFIED)
        self.group = UpdateGroup(
            1,
            Audience(
                internal=True,
                local_as=1,
                real_as=1,
                overridden=0,
                lines=lines,
                interval=0.0,
                local=LOCAL,
                router_id=LOCAL,
                cluster_id=LOCAL,
                shared=None,
            ),
        )
        self.table: dict[Prefix, Told] = {}

    def set(self, *prefixes: str, hop: str = "10.0.0.3") -> None:
        self.table.update({p(prefix): told(hop) for prefix in prefixes})
        self.look(prefixes)

    def take_away(self, *prefixes: str) -> None:
        for prefix in prefixes:
            del self.table[p(prefix)]
        self.look(prefixes)

    def look(self, prefixes: Iterable[str]) -> None:
        self.group.touch(map(p, prefixes))
        while self.group.pending:
            self.group.look(self._judge, 0.0)

    def _judge(self, prefix: Prefix) -> dict[Nlri, Told]:
        return {prefix: self.table[prefix]} if prefix in self.table else {}

    def reads(self, feed: Feed, reader: Reader, most: int = 100_000) -> None:
        feed.pour(reader, most, self.group.next_slice)  # type: ignore[arg-type]


def lans(first: int, count: int) -> list[str]:
    return [f"20.{one >> 8}.{one & 255}.0/24" for one in range(first, first + count)]


@pytest.mark.conforms("bgp:7313-marks")
@pytest.mark.parametrize("read", [0, 1, 2])
@pytest.mark.parametrize("refreshes", [1, 2, 3])
def test_refreshes_that_wait_become_one_after_which_the_neighbor_knows_everything(refreshes: int, read: int) -> None:
    """read: pieces of the first refresh that it has read before."""
    table = ("10.1.0.0/16", "10.2.0.0/16")
    net, feed, reader = Net(), Feed(PEER), Reader(*table)
    net.set(*table)
    net.group.join(feed)
    net.reads(feed, reader)
    for _ in range(refreshes):
        net.group.repeat(feed, (BEGIN,), (END,))
    for _ in range(read):
        net.reads(feed, reader, 1)
    feed.fall_behind(2)
    net.group.repeat(feed, (BEGIN,), (END,))
    net.reads(feed, reader)
    assert feed.is_empty
    assert (list(reader.known), reader.least) == (list(map(p, table)), 2)


@pytest.mark.lengthy
def test_a_thousand_that_do_not_read_cost_no_more_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The changes of each were put together again for it alone, and kept for it alone."""
    monkeypatch.setattr(groups, "BESIDES", 100)
    costs = []
    for count in (1, 1000):
        made = 0

        class Counted(Batch):
            def __init__(
                self, changes: Sequence[RouteToSend], local: IPv4Address, *, wide: bool, since: int = 0
            ) -> None:
                nonlocal made
                made += len(changes)
                super().__init__(changes, local, wide=wide, since=since)

        monkeypatch.setattr(groups, "Batch", Counted)
        net = Net()
        feeds = [Feed(a("10.0.1.0") + number) for number in range(count)]
        net.set(*lans(0, 200))
        for feed in feeds:
            net.group.join(feed)
        for number in range(20):
            net.set(*lans(0, 200), hop=f"10.0.0.{100 + number}")
        net.take_away(*lans(100, 100))
        assert all(feed.behind is not None and not feed.length for feed in feeds)
        readers = [Reader(*lans(0, 200)) for _ in feeds]
        for feed, reader in zip(feeds, readers, strict=True):
            net.reads(feed, reader)
            assert feed.is_empty
        assert all(list(reader.known) == list(map(p, lans(0, 100))) for reader in readers)
        costs.append(made)
    assert costs[0] == costs[1]


def test_one_that_is_behind_and_reads_now_and_then_is_told_what_changed_since_and_is_in_step_again() -> None:
    net, feed, reader = Net(), Feed(PEER), Reader()
    net.set(*lans(0, 1000))
    net.group.join(feed)
    net.reads(feed, reader)
    assert len(reader.known) == 1000
    net.set(*lans(0, 10), hop="10.0.0.9")
    feed.fall_behind(1010)
    net.set(*lans(500, 10), hop="10.0.0.9")
    net.take_away(*lans(990, 10))
    before = reader.heard
    net.reads(feed, reader, 1)
    net.set(*lans(5, 10), hop="10.0.0.8")
    net.reads(feed, reader)
    assert feed.behind is None
    assert feed.is_empty
    assert len(reader.known) == 990
    assert reader.heard - before <= 10 + 10 + 10 + 10


def test_what_was_withdrawn_is_kept_for_nobody_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A neighbor that never reads, while others tell ever new prefixes and take them back, is given up."""
    monkeypatch.setattr(groups, "BESIDES", 100)
    net, stuck, reading, reader = Net(), Feed(PEER), Feed(a("10.0.0.4")), Reader()
    net.set(*lans(0, 50))
    net.group.join(stuck)
    net.group.join(reading)
    lost: list[IPv4Address] = []
    for number in range(1, 40):
        net.set(*lans(50 * number, 50))
        net.take_away(*lans(50 * number, 50))
        net.reads(reading, reader)
        lost += net.group.lost
        assert net.group.remembered <= 2 * 50 + 2 * 100 + 100
    assert dict.fromkeys(lost) == {PEER: None}
    assert list(reader.known) == list(map(p, lans(0, 50)))
