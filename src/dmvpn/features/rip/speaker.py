"""What RIP sends: requests, updates, answers; to whom, sealed, and with debug lines; and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.base.limits import Limiter
from dmvpn.base.notices import DebugOutput
from dmvpn.features.rip import messages
from dmvpn.features.rip.circuit import GROUP, PORT
from dmvpn.features.rip.lists import told_on
from dmvpn.features.rip.output import Summaries, gather, in_order, packets
from dmvpn.features.rip.packet import INFINITY, MAXIMUM_ENTRIES, RipPacket
from dmvpn.features.rip.seals import Mismatch, Seals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.effects import Effect
    from dmvpn.base.errors import WireError
    from dmvpn.base.notices import Notice
    from dmvpn.base.ports import Ports
    from dmvpn.features.rip.circuit import Circuit
    from dmvpn.features.rip.model import RipConfig
    from dmvpn.features.rip.output import Announced
    from dmvpn.features.rip.packet import RipEntry

Results = list["Effect | Notice"]

#: Seconds between two log messages about the same sender, and most messages about all senders in that time.
_COMPLAINT_INTERVAL: Final = 60.0
_COMPLAINT_BURST: Final = 1024


class Speaking(Protocol):
    """A process, as far as it sends. now: seconds, monotonic."""

    config: RipConfig
    now: float


class Speaker:
    """Sends for the process."""

    def __init__(self, ports: Ports, process: Speaking) -> None:
        self.process = process
        self.seals = Seals(ports)
        self._ports = ports
        self._complaints: Limiter[tuple[str, IPAddress]] = Limiter(_COMPLAINT_INTERVAL, _COMPLAINT_BURST)

    def send(self, circuit: Circuit, packet: RipPacket, destination: IPAddress, port: int = PORT) -> Results:
        """Send one packet; none that must be sealed and cannot be."""
        config, now = self.process.config, self.process.now
        octets = self.seals.seal(packet, config, config.interface(circuit.name), now)
        return [circuit.send(octets, destination, port)] if octets is not None else []

    def request(self, circuit: Circuit) -> Results:
        """Ask everybody on the circuit for everything."""
        results: Results = []
        for destination in self.destinations(circuit):
            results += self.debug([messages.sending("request", destination, circuit.name, circuit.address)])
            results += self.send(circuit, RipPacket.whole_table_request(), destination)
        return results

    def end(self, circuit: Circuit, routes: Sequence[Announced]) -> Results:
        """Tell everybody on the circuit that these routes end."""
        chosen: dict[Prefix, RipEntry] = {}
        self.gather(chosen, circuit, routes)
        entries = [replace(entry, metric=INFINITY) for entry in in_order(chosen)]
        results: Results = []
        for target in self.destinations(circuit):
            results += self.head(circuit, entries, target)
            for packet in packets(entries, self.room(circuit)):
                results += self.send(circuit, packet, target)
        return results

    def gather(self, chosen: dict[Prefix, RipEntry], circuit: Circuit, routes: Sequence[Announced]) -> None:
        """Add what is said of these routes on a circuit to the entries of an update."""
        told = told_on(circuit.name, routes, self.process.config, self._ports)
        settings = self.process.config.interface(circuit.name)
        gather(chosen, circuit.state, told, self.summaries(circuit), split_horizon=settings.split_horizon)

    def summaries(self, circuit: Circuit) -> Summaries:
        """Return what represents prefixes on a circuit."""
        config = self.process.config
        return Summaries.on(circuit.state, config.interface(circuit.name), auto_summary=config.auto_summary)

    def head(self, circuit: Circuit, entries: list[RipEntry], target: IPAddress) -> Results:
        """Return the debug lines of an update."""
        if not entries or not self._ports.debugging.anything:
            return []
        first = messages.sending("update", target, circuit.name, circuit.address)
        return self.debug([first, *messages.built(entries)], len(entries))

    def room(self, circuit: Circuit) -> int:
        """Return how many entries a packet on a circuit has room for: if it is sealed, its first one tells how."""
        return MAXIMUM_ENTRIES - (self.process.config.interface(circuit.name).authentication is not None)

    def destinations(self, circuit: Circuit) -> list[IPAddress]:
        """Return the receivers: the group, unless the interface is passive, and the configured neighbors."""
        group: list[IPAddress] = [] if circuit.passive else [GROUP]
        return group + [neighbor for neighbor in self.process.config.neighbors if circuit.holds(neighbor)]

    def refuse(self, circuit: Circuit, source: IPAddress, error: WireError) -> Results:
        """Count a packet that is not taken, and say why: of one that is sealed otherwise in the log too."""
        results = self.ignore(circuit, source, str(error))
        if isinstance(error, Mismatch) and self._complaints.permits((circuit.name, source), self.process.now):
            results.append(messages.AuthenticationMismatch.of(source, circuit.name, error.theirs, error.ours))
        return results

    def ignore(self, circuit: Circuit, source: IPAddress, why: str) -> Results:
        """Count a packet that is not taken."""
        circuit.ignore(f"{source}: {why}")
        return self.debug([messages.ignored(source, circuit.name, why)])

    def debug(self, lines: list[str], routes: int | None = None, *, is_triggered: bool = False) -> Results:
        """Print lines, if somebody wants them: all, or the first one and how many routes follow. is_triggered: they are
        about triggered RIP.
        """
        on = self._ports.debugging.on
        if lines and (on(messages.RIP) or (is_triggered and on(messages.TRIGGER))):
            return [DebugOutput(tuple(lines))]
        if lines and on(messages.EVENTS):
            return [DebugOutput((lines[0], *(() if routes is None else (messages.contains(routes),))))]
        return []
