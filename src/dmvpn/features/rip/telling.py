"""Updates that are being told, one after the other and in slices: between two slices the router does other work.

A job is a generator. Where it yields, a slice ends, and what it yields is sent; what it returns goes last. Small tables
are told within the event that asked for it. Jobs wait for each other, so nobody hears older news behind newer ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.features.rip.circuit import PORT
from dmvpn.features.rip.output import in_order, packets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import Notice
    from dmvpn.features.rip.circuit import Circuit
    from dmvpn.features.rip.output import Announced, Summaries
    from dmvpn.features.rip.packet import RipEntry
    from dmvpn.features.rip.speaker import Speaker

Results = list["Effect | Notice"]
Job = Generator[Results, None, Results]
View = Generator[Results, None, "dict[Prefix, RipEntry]"]

#: Routes that are looked at in one slice: some milliseconds.
SLICE: Final = 256
#: Seconds between two slices: with none the next one would follow within the same event.
PAUSE: Final = 0.001
#: Questions that wait for an answer: senders can be forged.
_MOST_WAITING: Final = 64


class Told(Protocol):
    """Routes, as far as they are told."""

    def prefixes(self) -> list[Prefix]:
        """Return all that a full update speaks of."""

    def look(self, prefixes: Iterable[Prefix]) -> Iterator[Announced]:
        """Look at what is told of prefixes now."""


class Telling:
    """What is to be told of a table."""

    def __init__(self, speaker: Speaker, table: Told) -> None:
        self._speaker = speaker
        self._table = table
        self._jobs: deque[Job] = deque()

    @property
    def is_busy(self) -> bool:
        """Is there more to tell?"""
        return bool(self._jobs)

    def add(self, job: Job) -> None:
        """Do this when everything before it is done."""
        self._jobs.append(job)

    def answer(self, circuit: Circuit, destination: IPAddress, port: int) -> None:
        """Tell one who asked, unless too many wait already."""
        if len(self._jobs) < _MOST_WAITING:
            self.add(self._answer(circuit, destination, port))

    def go_on(self) -> Results:
        """Return what is sent next."""
        results: Results = []
        while self._jobs:
            try:
                results += next(self._jobs[0])
            except StopIteration as end:
                results += end.value
                self._jobs.popleft()
            else:
                return results
        return results

    def stop(self) -> None:
        """Tell nothing more."""
        self._jobs.clear()

    # ------------------------------------------------------------------------------------------------------- jobs

    def tell(self, circuits: Iterable[Circuit], changed: Sequence[Prefix] | None = None) -> Job:
        """Tell all on each circuit of what has changed; None: of everything."""
        circuits = tuple(circuits)
        routes = yield from self.routes(changed if changed is not None else self._table.prefixes())
        results: Results = []
        for circuit in circuits:
            summaries = self._speaker.summaries(circuit)
            if changed is None:
                chosen = yield from self.entries(circuit, routes)
                circuit.begin_table()
                touched = [prefix for prefix in chosen if summaries.of(prefix) == prefix]
            else:
                touched = [each for each in dict.fromkeys(summaries.of(prefix) for prefix in changed) if each]
                parts = yield from self._other_parts(changed, touched, summaries)
                chosen = yield from self.entries(circuit, [*routes, *parts])
            for summary in touched:
                entry = chosen.get(summary)
                if not circuit.is_news(summary, entry.metric if entry is not None else None):
                    chosen.pop(summary, None)
            for target in self._speaker.destinations(circuit):
                results = yield from self._send(circuit, in_order(chosen), target, PORT, results)
        return results

    def _answer(self, circuit: Circuit, destination: IPAddress, port: int) -> Job:
        """Tell one who asked everything."""
        chosen = yield from self.entries(circuit, (yield from self.routes(self._table.prefixes())))
        return (yield from self._send(circuit, in_order(chosen), destination, port, []))

    def _send(self, circuit: Circuit, entries: list[RipEntry], target: IPAddress, port: int, results: Results) -> Job:
        """Send entries after what is to be sent before them."""
        room = self._speaker.room(circuit)
        results += self._speaker.head(circuit, entries, target)
        for number, packet in enumerate(packets(entries, room), 1):
            results += self._speaker.send(circuit, packet, target, port) if not circuit.is_over else []
            if number * room % SLICE < room:
                yield results
                results = []
        return results

    def _other_parts(
        self, changed: Sequence[Prefix], touched: Sequence[Prefix], summaries: Summaries
    ) -> Generator[Results, None, list[Announced]]:
        """Look at the other routes that these summaries represent: a summary has the best metric of them all."""
        if not touched:
            return []
        known, wanted = frozenset(changed), frozenset(touched)
        prefixes = self._table.prefixes()
        parts: list[Prefix] = []
        for start in range(0, len(prefixes), SLICE):
            if start:
                yield []
            found = (prefix for prefix in prefixes[start : start + SLICE] if prefix not in known)
            parts += [prefix for prefix in found if summaries.of(prefix) in wanted]
        return (yield from self.routes(parts))

    def routes(self, prefixes: Sequence[Prefix]) -> Generator[Results, None, list[Announced]]:
        """Look at what is told of prefixes."""
        found: list[Announced] = []
        for start in range(0, len(prefixes), SLICE):
            if start:
                yield []
            found += self._table.look(prefixes[start : start + SLICE])
        return found

    def entries(self, circuit: Circuit, routes: Sequence[Announced]) -> View:
        """Return what is told of routes on a circuit."""
        chosen: dict[Prefix, RipEntry] = {}
        for start in range(0, len(routes), SLICE):
            if start:
                yield []
            self._speaker.gather(chosen, circuit, routes[start : start + SLICE])
        return chosen
