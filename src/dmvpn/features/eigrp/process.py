"""One EIGRP process: an autonomous system, its interfaces, and the way of an event through its parts.

    packet      -> receiver (authentic?) -> adjacency (who) -> rtp (new, in order?) -> dual (what follows)
    interface   -> connected destinations, neighbors lost, links that cost something else -> dual
    settle()       takes what DUAL wants done: tell (teller -> rtp -> sender), offer routes (offers), watch (sia)

`settle` ends every event: however much changed, each destination is then told once.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.addresses import UNSPECIFIED, Prefix
from dmvpn.base.liveness import Client, WatchWanted
from dmvpn.features.eigrp import messages
from dmvpn.features.eigrp.adjacency import Adjacencies
from dmvpn.features.eigrp.dual import Dual
from dmvpn.features.eigrp.eventlog import EventKind, EventLog
from dmvpn.features.eigrp.greetings import Greetings
from dmvpn.features.eigrp.intake import Intake
from dmvpn.features.eigrp.limits import Limits
from dmvpn.features.eigrp.links import Links
from dmvpn.features.eigrp.messages import StuckInActive
from dmvpn.features.eigrp.offers import Offers
from dmvpn.features.eigrp.policy import Policy
from dmvpn.features.eigrp.redistribute import Redistributor
from dmvpn.features.eigrp.rtp import Transport
from dmvpn.features.eigrp.sender import Sender
from dmvpn.features.eigrp.sia import StuckWatch
from dmvpn.features.eigrp.states import DownReason
from dmvpn.features.eigrp.summary import Summaries
from dmvpn.features.eigrp.teller import Teller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dmvpn.base.context import Context
    from dmvpn.base.notices import InterfaceState, RouteChanged
    from dmvpn.features.eigrp.dual import Outcome
    from dmvpn.features.eigrp.interface import EigrpInterface, Neighbor
    from dmvpn.features.eigrp.metric import Vector
    from dmvpn.features.eigrp.model import EigrpConfig, ProcessSettings
    from dmvpn.features.eigrp.topology import Source


class Process:
    """One autonomous system. A change of metric weights, mode or name makes a new process of it (`machine.py`)."""

    def __init__(
        self, settings: ProcessSettings, config: EigrpConfig, context: Context, siblings: Mapping[int, Process]
    ) -> None:
        """Make a process. siblings: all of this router, by number."""
        self._siblings = siblings
        self.settings = settings
        self.config = config
        self.context = context
        self.router_id: IPv4Address = UNSPECIFIED
        self.trace: Callable[[str], None] | None = None
        self.log = EventLog(context, settings.event_log_size)
        self.policy = Policy(self)
        self.sender = Sender(self)
        self.dual = Dual(settings.scale, self)
        self.intake = Intake(self, self.dual)
        self.greetings = Greetings(self, self.sender)
        self.transport = Transport(self.sender, context, hello=self.greetings.tlvs, on_failure=self._neighbor_failed)
        self.adjacencies = Adjacencies(self, self.sender, self.transport, self.greetings, self)
        self.teller = Teller(context, self.dual, self.policy, self.sender, self.transport)
        self.summaries = Summaries(context, self.dual)
        self.offers = Offers(self, self.dual, self.summaries)
        self.redistributor = Redistributor(self, self.dual, lambda: self.limits.bars_redistribution)
        self.limits: Limits = Limits(self, self.dual, self.redistributor)
        self.stuck = StuckWatch(self, self.dual, ask=self._ask_if_stuck, give_up=self._give_up_stuck)
        self._neighbors: dict[Source, Neighbor] = {}
        self._is_over = False
        self._leaving: dict[Source, Neighbor] = {}  # were up, and what they said is still to be forgotten
        self.links = Links(self)
        self.interfaces: dict[str, EigrpInterface] = self.links.interfaces

    def metric_in(self, process: str, prefix: Prefix) -> Vector | None:
        """Return the metric that another process of this router has for a prefix."""
        sibling = self._siblings.get(int(process))
        destination = sibling.dual.table.get(prefix) if sibling is not None else None
        return destination.current.metric if destination is not None and destination.current is not None else None

    @property
    def autonomous_system(self) -> int:
        """Its number."""
        return self.settings.autonomous_system

    @property
    def maximum_hops(self) -> int:
        """How far away a destination may be (dual.Neighborhood)."""
        return self.settings.maximum_hops

    def neighbors(self) -> list[Neighbor]:
        """Return the neighbors on all interfaces, in order of their handles."""
        found = [neighbor for interface in self.interfaces.values() for neighbor in interface.neighbors.values()]
        return sorted(found, key=lambda neighbor: neighbor.handle)

    # Configuration ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin on all interfaces that there are."""
        self._choose_router_id()
        for state in self.context.ports.interfaces.all():
            self.interface_changed(state.name, state)
        self.redistributor.refresh_all()

    def reconfigure(self, settings: ProcessSettings, config: EigrpConfig) -> None:
        """Apply other settings for which neighbors need not be given up all together."""
        old, self.settings = self.settings, settings
        chains_changed = self.config.key_chains != config.key_chains
        self.config = config
        self.limits.configure(old)
        self.log.resize(settings.event_log_size)
        if (old.stub, old.stub_leaks) != (settings.stub, settings.stub_leaks):
            for interface in self.interfaces.values():
                self.adjacencies.drop_all(interface, DownReason.PEER_INFO, tell=True)
                interface.forget_hello()
                self.greetings.say(interface)
        self._choose_router_id()
        self.links.reconfigure(chains_changed=chains_changed)
        if old.distribution != settings.distribution:
            self.intake.configure(old.distribution, list(self._neighbors))
            for interface in self.interfaces.values():
                self.links.resync(interface, "intf route configuration changed")
        self.redistributor.refresh_all()
        self.offers.refresh_all()

    def policies_changed(self) -> None:
        """Apply other lists or route maps."""
        self.redistributor.policies_changed()
        distribution = self.settings.distribution
        self.intake.judge_again(list(self._neighbors))
        for interface in self.interfaces.values():
            if distribution.says(inwards=False) or self.policy.leaks(interface):
                self.teller.tell_again(interface)
        if distribution.distances:
            self.offers.refresh_all()

    def close(self, reason: DownReason) -> None:
        """End the process: neighbors are told, routes taken back."""
        self._is_over = True
        for interface in self.interfaces.values():
            self.adjacencies.drop_all(interface, reason, tell=True)
        for name in list(self.interfaces):
            self.links.stop(name, reason, tell=False)
        self.stuck.close()
        self.limits.close()
        self.offers.retract_all()

    def _choose_router_id(self) -> None:
        """Choose the configured identifier, or the highest address of a loopback, or of any interface.

        Neighbors keep it as it is.
        """
        chosen = self.settings.router_id
        if chosen is None:
            if self.router_id != UNSPECIFIED and self._neighbors:
                return
            states = [state for state in self.context.ports.interfaces.all() if state.enabled]
            addressed = [(state.name, state.address) for state in states if isinstance(state.address, IPv4Address)]
            loopbacks = [address for name, address in addressed if name.startswith("Loopback")]
            addresses = loopbacks or [address for _, address in addressed]
            chosen = max(addresses, default=UNSPECIFIED)
        if chosen != self.router_id:
            self.router_id = chosen
            self.redistributor.refresh_all()
            for interface in self.interfaces.values():
                self.teller.tell_again(interface)

    # Interfaces ------------------------------------------------------------------------------------------------

    def interface_changed(self, name: str, state: InterfaceState | None) -> None:
        """Note that an interface is like this now, or (None) gone."""
        if self.settings.router_id is None:
            self._choose_router_id()
        self.links.changed(name, state)

    def route_changed(self, change: RouteChanged) -> None:
        """Note that the routing table has another best route."""
        self.redistributor.route_changed(change)

    # Neighbors (adjacency.Listener, dual.Neighborhood) ----------------------------------------------------------

    def neighbor_up(self, neighbor: Neighbor) -> None:
        """Tell it everything."""
        self._neighbors[neighbor.source] = neighbor
        self.log.note(EventKind.NEIGHBOR_UP, neighbor.address, neighbor.interface.name)
        if neighbor.interface.settings.bfd:
            self.watch(neighbor, wanted=True)
        self.teller.tell_table(neighbor)

    def neighbors_leave(self, neighbors: Iterable[Neighbor]) -> None:
        """Ask none of them any more: none of them is to be asked what the others knew."""
        for neighbor in neighbors:
            if self._neighbors.pop(neighbor.source, None) is not None:
                self._leaving[neighbor.source] = neighbor

    def neighbors_down(self, neighbors: Iterable[Neighbor]) -> None:
        """Forget what they said."""
        for neighbor in neighbors:
            was_up = self._leaving.pop(neighbor.source, None) is not None
            if was_up:
                self.log.note(EventKind.NEIGHBOR_DOWN, neighbor.address, neighbor.interface.name)
            if was_up and neighbor.interface.settings.bfd:
                self.watch(neighbor, wanted=False)
            self.teller.forget(neighbor)
            self.intake.forget(neighbor.source)
        for neighbor in neighbors if not self._is_over else ():
            self.dual.forget(neighbor.source, self.context.now)

    def watch(self, neighbor: Neighbor, *, wanted: bool) -> None:
        """Let BFD watch a neighbor, or no longer."""
        number, name = self.autonomous_system, neighbor.interface.name
        self.context.out.append(WatchWanted(Client.EIGRP, number, name, neighbor.address, wanted))

    def audience(self, prefix: Prefix, told_by: Source | None) -> list[Source]:
        """Return the neighbors that DUAL may ask.

        Split horizon spares those that surely know that the path is not through us.
        """
        spared = self.interfaces.get(told_by.interface) if told_by else None
        if spared is not None and (not spared.settings.split_horizon or prefix in spared.group.told):
            spared = None
        return [
            source
            for source, neighbor in self._neighbors.items()
            if not neighbor.is_stub and not (neighbor.interface is spared and neighbor.is_idle)
        ]

    def clear_neighbors(
        self, interface_name: str | None = None, address: IPv4Address | None = None, *, soft: bool = False
    ) -> None:
        """Clear neighbors (`clear ip eigrp neighbors`): all, those of an interface, or one."""
        if soft:
            for interface in self.interfaces.values():
                concerned = address is None or int(address) in interface.neighbors
                if interface_name in (None, interface.name) and concerned:
                    self.links.resync(interface, DownReason.CLEARED.value)
            return
        if interface_name is None:
            self.limits.clear(address)
        chosen = (
            neighbor
            for neighbor in self.neighbors()
            if interface_name in (None, neighbor.interface.name) and address in (None, neighbor.address)
        )
        self.adjacencies.drop_some(chosen, DownReason.CLEARED, tell=True)

    def _neighbor_failed(self, neighbor: Neighbor) -> None:
        self.adjacencies.drop(neighbor, DownReason.RETRY_LIMIT, tell=True)

    # What DUAL wants done --------------------------------------------------------------------------------------

    def settle(self) -> None:
        """End an event: do what DUAL wants done, and send what waits."""
        self.trace = self._trace if self.context.ports.debugging.on("eigrp fsm") else None
        self.limits.check(self._neighbors, self.adjacencies)
        while self.dual.outcome:
            self._carry_out(self.dual.take_outcome())
        self.teller.settle()
        self.transport.settle()

    def _carry_out(self, outcome: Outcome) -> None:
        active = self.dual.active
        for prefix in outcome.changed:
            self._note(prefix)
            if prefix not in active:
                self.stuck.end(prefix)
        for prefix in outcome.queried:
            if prefix in active:
                self._query(prefix)
        listening = [interface for interface in self.interfaces.values() if interface.neighbors]
        for interface in listening:
            for prefix in outcome.changed:
                self.teller.note_changed(interface, prefix)
        for source, prefix in outcome.replies:
            neighbor = self._neighbors.get(source)
            if neighbor is not None:
                self.teller.reply(neighbor, prefix)
        for prefix in outcome.routes if not self._is_over else ():
            self.offers.refresh(prefix)
        self.summaries.note_changed(outcome.changed)

    def forget_events(self) -> None:
        """Forget the last events (`clear ip eigrp events`)."""
        self.log.clear()

    def _note(self, prefix: Prefix) -> None:
        """Note what became of a destination."""
        destination = self.dual.table.get(prefix)
        if destination is None:
            self.log.note(EventKind.GONE, prefix)
        else:
            self.log.note(EventKind.METRIC, prefix, destination.distance)

    def _query(self, prefix: Prefix) -> None:
        self.log.note(EventKind.ACTIVE, prefix, len(self.dual.active[prefix].awaiting))
        self.stuck.begin(prefix)
        asked: dict[EigrpInterface, list[Neighbor]] = {}
        for source in self.dual.active[prefix].awaiting:
            neighbor = self._neighbors.get(source)
            if neighbor is not None:  # it may have left meanwhile, and what it said will be forgotten in a moment
                asked.setdefault(neighbor.interface, []).append(neighbor)
        for interface, neighbors in asked.items():
            self.teller.ask(interface, prefix, neighbors)

    def _ask_if_stuck(self, source: Source, prefix: Prefix) -> None:
        neighbor = self._neighbors.get(source)
        if neighbor is not None:
            self.teller.ask_if_stuck(neighbor, prefix)

    def _give_up_stuck(self, source: Source, prefix: Prefix) -> None:
        neighbor = self._neighbors.get(source)
        if neighbor is not None:
            self.log.note(EventKind.STUCK, prefix, neighbor.address)
            self.context.out.append(StuckInActive.of(self.autonomous_system, prefix))
            self.adjacencies.drop(neighbor, DownReason.STUCK_IN_ACTIVE, tell=True)

    def _trace(self, text: str) -> None:
        self.context.debug(messages.fsm_line(text))
