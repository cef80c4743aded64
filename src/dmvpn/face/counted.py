"""The counters of the data plane as rows of numbers: what `Count` wants. Nothing is kept between two questions."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathing
from dmvpn.base.counting import by_address
from dmvpn.base.events import GreDrops, PacketCounts
from dmvpn.base.protection import SaCount
from dmvpn.face.messages import Counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.base.counting import Counting
    from dmvpn.face.context import RouterHandle
    from dmvpn.ios import ShowContext

#: Rows of one message.
LARGEST_BATCH: Final = 256
_Row = tuple[str | int | float, ...]

#: The numbers of each topic, in the order of their columns.
_OF_INTERFACE: Final = tuple(each.name for each in fields(PacketCounts))
_OF_DROPS: Final = tuple(each.name for each in fields(GreDrops))
_OF_SA: Final = tuple(each.name for each in fields(SaCount) if each.name != "spi_in")
#: Of each topic: its labels, and its numbers.
COLUMNS: Final = {
    "interfaces": (("interface",), _OF_INTERFACE),
    "drops": ((), _OF_DROPS),
    "sas": (("peer", "spi_in"), _OF_SA),
    "peers": (("interface", "nbma"), ("packets_out", "packets_in", "octets_out", "octets_in")),
}


def counted(handle: RouterHandle, topic: str) -> Iterator[Counts]:
    """Yield the counters of a topic, `LARGEST_BATCH` rows at a time; it breathes between two rows."""
    context = handle.context(0)
    labels, numbers = COLUMNS[topic]
    now = context.ports.clock.wall(context.now).timestamp()
    for batch in batches(breathing(_rows(context, topic))):
        yield Counts(topic, now, len(labels), (*labels, *numbers), batch)


def batches(rows: Iterable[_Row]) -> Iterator[tuple[_Row, ...]]:
    """Yield rows, `LARGEST_BATCH` at a time. What makes the rows breathes."""
    batch: list[_Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == LARGEST_BATCH:
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)


def _rows(context: ShowContext, topic: str) -> Iterator[_Row]:
    if topic == "sas":
        yield from _sas(context)
        return
    if topic == "peers":
        yield from rows_of_peers(context.counting)
        return
    found = context.counting.interfaces_counted()
    if found is None:
        return
    if topic == "drops":
        yield _numbers(found.drops, _OF_DROPS)
        return
    for count in found.counts:
        yield (count.interface, *_numbers(count, _OF_INTERFACE))


def _sas(context: ShowContext) -> Iterator[_Row]:
    """Yield a row for each pair of SAs that the plane counts, with the NBMA address of its peer."""
    found = context.counting.sas_counted()
    if found is None:
        return
    peers = {view.spi_in: view.connection.remote for view in breathing(context.ports.protection.sas())}
    for count in found.counts:
        peer = peers.get(count.spi_in)
        if peer is not None:  # the pair has been replaced since
            yield (str(peer), f"0x{count.spi_in:08X}", *_numbers(count, _OF_SA))


def rows_of_peers(counting: Counting) -> Iterator[_Row]:
    """Yield the rows of `peers`: one for each tunnel and NBMA address. Peers behind one address share a row."""
    found = counting.interfaces_counted()
    for interface in () if found is None else tuple(count.interface for count in found.counts):
        usage = counting.usage(interface)  # empty for an interface that is no tunnel
        for peer in by_address(breathing(usage)).values():
            yield (interface, str(peer.nbma), peer.sent, peer.received, peer.sent_octets, peer.received_octets)


def _numbers(count: object, names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(getattr(count, name) for name in names)
