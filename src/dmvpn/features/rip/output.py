"""Sending: destinations of requests, updates and answers, their authentication and debug lines; and refused packets.

Updates and answers sent in slices, so that other events are handled in between.

Each is long work of the context: a small table leaves within the event that requested it. They are sent one after the
other, so no gateway receives an older state after a newer one.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.limits import Limiter
from dmvpn.features.rip import messages
from dmvpn.features.rip.auth import Mismatch, Seals
from dmvpn.features.rip.interface import GROUP, PORT
from dmvpn.features.rip.packet import INFINITY, MAXIMUM_ENTRIES, RipPacket
from dmvpn.features.rip.table import Summaries, gather, in_order, packets, told_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.errors import WireError
    from dmvpn.features.rip.interface import RipInterface
    from dmvpn.features.rip.packet import RipEntry
    from dmvpn.features.rip.table import Announced, State, Table


# ------------------------------------------------------------------------------------------------ packets


#: Seconds between two log messages about the same sender, and most messages about all senders in that time.
_COMPLAINT_INTERVAL: Final = 60.0
_COMPLAINT_BURST: Final = 1024


class Sender:
    """Sends for the process."""

    def __init__(self, state: State) -> None:
        self.seals = Seals(state.ports)
        self._state = state
        self._context = state.context
        self._complaints: Limiter[tuple[str, IPAddress]] = Limiter(_COMPLAINT_INTERVAL, _COMPLAINT_BURST)

    def send(self, circuit: RipInterface, packet: RipPacket, destination: IPAddress, port: int = PORT) -> None:
        """Send one packet, unless it cannot be authenticated as configured."""
        config = self._state.config
        octets = self.seals.seal(packet, config, config.interface(circuit.name), self._context.now)
        if octets is not None:
            self._context.emit(circuit.send(octets, destination, port))

    def request(self, circuit: RipInterface) -> None:
        """Request the tables of all gateways on the circuit."""
        for destination in self.destinations(circuit):
            self.debug([messages.sending("request", destination, circuit.name, circuit.address)])
            self.send(circuit, RipPacket.whole_table_request(), destination)

    def end(self, circuit: RipInterface, routes: Sequence[Announced]) -> None:
        """Announce on the circuit that these routes are unreachable."""
        chosen: dict[Prefix, RipEntry] = {}
        self.gather(chosen, circuit, routes)
        entries = [replace(entry, metric=INFINITY) for entry in in_order(chosen)]
        for target in self.destinations(circuit):
            self.head(circuit, entries, target)
            for packet in packets(entries, self.room(circuit)):
                self.send(circuit, packet, target)

    def gather(self, chosen: dict[Prefix, RipEntry], circuit: RipInterface, routes: Sequence[Announced]) -> None:
        """Add the entries for these routes on a circuit to an update."""
        told = told_on(circuit.name, routes, self._state.config, self._state.ports)
        settings = self._state.config.interface(circuit.name)
        gather(chosen, circuit.state, told, self.summaries(circuit), split_horizon=settings.split_horizon)

    def summaries(self, circuit: RipInterface) -> Summaries:
        """Return the summaries on a circuit."""
        config = self._state.config
        return Summaries.on(circuit.state, config.interface(circuit.name), auto_summary=config.auto_summary)

    def head(self, circuit: RipInterface, entries: list[RipEntry], target: IPAddress) -> None:
        """Print the debug lines of an update."""
        if not entries or not self._state.ports.debugging.anything:
            return
        first = messages.sending("update", target, circuit.name, circuit.address)
        self.debug([first, *messages.built(entries)], len(entries))

    def room(self, circuit: RipInterface) -> int:
        """Return the routes that fit in a packet on a circuit; authentication takes the first entry."""
        return MAXIMUM_ENTRIES - (self._state.config.interface(circuit.name).authentication is not None)

    def destinations(self, circuit: RipInterface) -> list[IPAddress]:
        """Return the destinations: the group, unless the interface is passive, and the configured neighbors."""
        group: list[IPAddress] = [] if circuit.passive else [GROUP]
        return group + [neighbor for neighbor in self._state.config.neighbors if circuit.holds(neighbor)]

    def refuse(self, circuit: RipInterface, source: IPAddress, error: WireError) -> None:
        """Count and debug a packet that is not accepted; a wrong authentication is logged as well."""
        self.ignore(circuit, source, str(error))
        if isinstance(error, Mismatch) and self._complaints.permits((circuit.name, source), self._context.now):
            self._context.emit(messages.AuthenticationMismatch.of(source, circuit.name, error.theirs, error.ours))

    def ignore(self, circuit: RipInterface, source: IPAddress, why: str) -> None:
        """Count and debug a packet that is not accepted."""
        circuit.ignore(f"{source}: {why}")
        self.debug([messages.ignored(source, circuit.name, why)])

    def debug(self, lines: list[str], routes: int | None = None, *, is_triggered: bool = False) -> None:
        """Print debug lines if enabled: all, or the first one and how many routes follow. is_triggered: they are about
        triggered RIP.
        """
        on = self._state.ports.debugging.on
        if lines and (on(messages.RIP) or (is_triggered and on(messages.TRIGGER))):
            self._context.debug(*lines)
        elif lines and on(messages.EVENTS):
            self._context.debug(lines[0], *(() if routes is None else (messages.contains(routes),)))


# ------------------------------------------------------------------------------------------------ updates in slices


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
