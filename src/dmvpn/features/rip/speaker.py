"""What RIP sends: requests, updates, answers; to whom, sealed, and with debug lines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.notices import DebugOutput
from dmvpn.features.rip import messages
from dmvpn.features.rip.circuit import GROUP, PORT
from dmvpn.features.rip.lists import told_on
from dmvpn.features.rip.model import RipConfig
from dmvpn.features.rip.output import entries_for, packets
from dmvpn.features.rip.packet import INFINITY, RipPacket
from dmvpn.features.rip.seals import Seals

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import Notice
    from dmvpn.base.ports import Ports
    from dmvpn.features.rip.circuit import Circuit
    from dmvpn.features.rip.output import Announced

Results = list["Effect | Notice"]


class Speaker:
    """Sends for the process. config, now: those of the machine, which puts them here."""

    def __init__(self, ports: Ports) -> None:
        self.config = RipConfig()
        self.now = 0.0
        self.seals = Seals(ports)
        self._ports = ports

    def send(self, circuit: Circuit, packet: RipPacket, destination: IPAddress, port: int = PORT) -> Results:
        """Send one packet; none that must be sealed and cannot be."""
        octets = self.seals.seal(packet, self.config, self.config.interface(circuit.name), self.now)
        return [circuit.send(octets, destination, port)] if octets is not None else []

    def request(self, circuit: Circuit) -> Results:
        """Ask everybody on the circuit for everything."""
        results: Results = []
        for destination in self.destinations(circuit):
            results += self.debug([messages.sending("request", destination, circuit.name, circuit.address)])
            results += self.send(circuit, RipPacket.whole_table_request(), destination)
        return results

    def tell(
        self,
        circuit: Circuit,
        routes: list[Announced],
        destination: IPAddress | None = None,
        port: int = PORT,
        *,
        poisoned: bool = False,
    ) -> Results:
        """Return updates about these routes: to the group and the neighbors of the circuit, or to one who asked.
        poisoned: say that they end.
        """
        settings = self.config.interface(circuit.name)
        told = told_on(circuit.name, routes, self.config, self._ports)
        entries = entries_for(circuit.state, settings, told, auto_summary=self.config.auto_summary)
        if poisoned:
            entries = [replace(entry, metric=INFINITY) for entry in entries]
        results: Results = []
        for target in self.destinations(circuit) if destination is None else [destination]:
            if entries:
                head = messages.sending("update", target, circuit.name, circuit.address)
                results += self.debug([head, *messages.built(entries)])
            for packet in packets(entries, sealed=settings.authentication is not None):
                results += self.send(circuit, packet, target, port)
        return results

    def destinations(self, circuit: Circuit) -> list[IPAddress]:
        """Return the receivers: the group, unless the interface is passive, and the configured neighbors."""
        group: list[IPAddress] = [] if circuit.passive else [GROUP]
        return group + [neighbor for neighbor in self.config.neighbors if circuit.holds(neighbor)]

    def debug(self, lines: list[str]) -> Results:
        """Print lines, if somebody wants them."""
        if not lines or not self._ports.debugging.on(messages.RIP):
            return []
        return [DebugOutput(tuple(lines))]
