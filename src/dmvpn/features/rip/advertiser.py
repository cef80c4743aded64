"""Updates and answers sent in slices, so that other events are handled in between.

Each is long work of the context: a small table leaves within the event that requested it. They are sent one after the
other, so no gateway receives an older state after a newer one.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Final

from dmvpn.features.rip.interface import PORT
from dmvpn.features.rip.output import in_order, packets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.features.rip.interface import RipInterface
    from dmvpn.features.rip.output import Announced, Summaries
    from dmvpn.features.rip.packet import RipEntry
    from dmvpn.features.rip.sender import Sender
    from dmvpn.features.rip.state import State
    from dmvpn.features.rip.table import Table

View = Generator[None, None, "dict[Prefix, RipEntry]"]

#: Routes processed in one slice: some milliseconds.
SLICE: Final = 256
#: Requests that may wait for an answer: senders can be forged.
_MOST_WAITING: Final = 64


class Advertiser:
    """Announces the routes of a table."""

    def __init__(self, state: State, sender: Sender, table: Table) -> None:
        self._context = state.context
        self._sender = sender
        self._table = table

    def announce(self, circuits: Iterable[RipInterface], changed: Sequence[Prefix] | None = None) -> None:
        """Send an update with these prefixes out of each circuit; None: with the whole table."""
        self._context.work(self._announce(tuple(circuits), changed))

    def answer(self, circuit: RipInterface, destination: IPAddress, port: int) -> None:
        """Send the whole table to a gateway that requested it, unless too many requests wait already."""
        if self._context.waiting < _MOST_WAITING:
            self._context.work(self._answer(circuit, destination, port))

    def view(self, circuit: RipInterface) -> View:
        """Compute the entries of the whole table on a circuit, by prefix."""
        return (yield from self._entries(circuit, (yield from self._routes(self._table.prefixes()))))

    # ------------------------------------------------------------------------------------------------- long work

    def _announce(self, circuits: Sequence[RipInterface], changed: Sequence[Prefix] | None) -> Iterator[None]:
        routes = yield from self._routes(changed if changed is not None else self._table.prefixes())
        for circuit in circuits:
            summaries = self._sender.summaries(circuit)
            if changed is None:
                chosen = yield from self._entries(circuit, routes)
                circuit.begin_table()
                touched = [prefix for prefix in chosen if summaries.of(prefix) == prefix]
            else:
                touched = [each for each in dict.fromkeys(summaries.of(prefix) for prefix in changed) if each]
                parts = yield from self._other_parts(changed, touched, summaries)
                chosen = yield from self._entries(circuit, [*routes, *parts])
            for summary in touched:
                entry = chosen.get(summary)
                if not circuit.is_news(summary, entry.metric if entry is not None else None):
                    chosen.pop(summary, None)
            for target in self._sender.destinations(circuit):
                yield from self._send(circuit, in_order(chosen), target, PORT)

    def _answer(self, circuit: RipInterface, destination: IPAddress, port: int) -> Iterator[None]:
        chosen = yield from self.view(circuit)
        yield from self._send(circuit, in_order(chosen), destination, port)

    def _send(self, circuit: RipInterface, entries: list[RipEntry], target: IPAddress, port: int) -> Iterator[None]:
        room = self._sender.room(circuit)
        self._sender.head(circuit, entries, target)
        for number, packet in enumerate(packets(entries, room), 1):
            if not circuit.is_over:
                self._sender.send(circuit, packet, target, port)
            if number * room % SLICE < room:
                yield

    def _other_parts(
        self, changed: Sequence[Prefix], touched: Sequence[Prefix], summaries: Summaries
    ) -> Generator[None, None, list[Announced]]:
        """Collect the other routes that these summaries cover: a summary has the best metric of all of them."""
        if not touched:
            return []
        known, wanted = frozenset(changed), frozenset(touched)
        prefixes = self._table.prefixes()
        parts: list[Prefix] = []
        for start in range(0, len(prefixes), SLICE):
            if start:
                yield
            found = (prefix for prefix in prefixes[start : start + SLICE] if prefix not in known)
            parts += [prefix for prefix in found if summaries.of(prefix) in wanted]
        return (yield from self._routes(parts))

    def _routes(self, prefixes: Sequence[Prefix]) -> Generator[None, None, list[Announced]]:
        """Collect the routes to announce for these prefixes."""
        found: list[Announced] = []
        for start in range(0, len(prefixes), SLICE):
            if start:
                yield
            found += self._table.look(prefixes[start : start + SLICE])
        return found

    def _entries(self, circuit: RipInterface, routes: Sequence[Announced]) -> View:
        """Compute the entries of routes on a circuit."""
        chosen: dict[Prefix, RipEntry] = {}
        for start in range(0, len(routes), SLICE):
            if start:
                yield
            self._sender.gather(chosen, circuit, routes[start : start + SLICE])
        return chosen
