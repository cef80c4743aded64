"""Updates that are being told, one after the other and in slices: between two slices the router does other work.

A job is a generator. Where it yields, a slice ends, and what it yields is sent; what it returns goes last. Small tables
are told within the event that asked for it. Jobs wait for each other, so nobody hears older news behind newer ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import TYPE_CHECKING, Final

from dmvpn.features.rip.circuit import PORT
from dmvpn.features.rip.output import in_order, packets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import Notice
    from dmvpn.features.rip.circuit import Circuit
    from dmvpn.features.rip.output import Announced
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


class Telling:
    """What is to be told. look: says what is told of prefixes now."""

    def __init__(self, speaker: Speaker, look: Callable[[Iterable[Prefix]], Iterator[Announced]]) -> None:
        self._speaker = speaker
        self._look = look
        self._jobs: deque[Job] = deque()

    @property
    def is_busy(self) -> bool:
        """Is there more to tell?"""
        return bool(self._jobs)

    def add(self, job: Job) -> None:
        """Do this when everything before it is done."""
        self._jobs.append(job)

    def answer(self, prefixes: Sequence[Prefix], circuit: Circuit, destination: IPAddress, port: int) -> None:
        """Tell one who asked, unless too many wait already."""
        if len(self._jobs) < _MOST_WAITING:
            self.add(self.tell(prefixes, (circuit,), destination, port))

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

    def tell(
        self,
        prefixes: Sequence[Prefix],
        circuits: Iterable[Circuit],
        destination: IPAddress | None = None,
        port: int = PORT,
    ) -> Job:
        """Tell of these prefixes: to all on each circuit, or to one who asked."""
        circuits = tuple(circuits)
        routes = yield from self.routes(prefixes)
        results: Results = []
        for circuit in circuits:
            entries = in_order((yield from self.entries(circuit, routes)))
            room = self._speaker.room(circuit)
            targets = self._speaker.destinations(circuit) if destination is None else [destination]
            for target in targets:
                results += self._speaker.head(circuit, entries, target)
                for number, packet in enumerate(packets(entries, room), 1):
                    results += self._speaker.send(circuit, packet, target, port) if not circuit.is_over else []
                    if number * room % SLICE < room:
                        yield results
                        results = []
        return results

    def routes(self, prefixes: Sequence[Prefix]) -> Generator[Results, None, list[Announced]]:
        """Look at what is told of prefixes."""
        found: list[Announced] = []
        for start in range(0, len(prefixes), SLICE):
            if start:
                yield []
            found += self._look(prefixes[start : start + SLICE])
        return found

    def entries(self, circuit: Circuit, routes: Sequence[Announced]) -> View:
        """Return what is told of routes on a circuit."""
        chosen: dict[Prefix, RipEntry] = {}
        for start in range(0, len(routes), SLICE):
            if start:
                yield []
            self._speaker.gather(chosen, circuit, routes[start : start + SLICE])
        return chosen
