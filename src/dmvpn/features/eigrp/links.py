"""Interfaces come, change and go: where a process runs, and what its neighbors there are told of other lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dmvpn.base.context import Timer
from dmvpn.base.effects import Listen, StopListening
from dmvpn.features.eigrp.connected import Connected
from dmvpn.features.eigrp.interface import EigrpInterface
from dmvpn.features.eigrp.sealing import Sealing, seal_of
from dmvpn.features.eigrp.sender import ALL_ROUTERS, PROTOCOL
from dmvpn.features.eigrp.states import DownReason
from dmvpn.features.eigrp.surroundings import Surroundings

if TYPE_CHECKING:
    from dmvpn.base.notices import InterfaceState
    from dmvpn.features.eigrp.adjacency import Adjacencies
    from dmvpn.features.eigrp.dual import Dual
    from dmvpn.features.eigrp.greetings import Greetings
    from dmvpn.features.eigrp.interface import Neighbor
    from dmvpn.features.eigrp.model import InterfaceSettings
    from dmvpn.features.eigrp.sender import Sender
    from dmvpn.features.eigrp.summary import Summaries
    from dmvpn.features.eigrp.teller import Teller


class Attached(Surroundings, Protocol):
    """A process, as far as it has interfaces."""

    sender: Sender
    dual: Dual
    greetings: Greetings
    adjacencies: Adjacencies
    teller: Teller
    summaries: Summaries

    def interface_changed(self, name: str, state: InterfaceState | None) -> None:
        """Note that an interface is like this now, or (None) gone."""

    def watch(self, neighbor: Neighbor, *, wanted: bool) -> None:
        """Let BFD watch a neighbor, or no longer."""


class Links:
    """The interfaces of one process, by name."""

    def __init__(self, process: Attached) -> None:
        self.interfaces: dict[str, EigrpInterface] = {}
        self._process = process
        self._context = process.context
        self.sealing = Sealing(process.context, process.sender, process.adjacencies, process.greetings, self._listen)
        self._connected = Connected(process.context, process.dual, process.settings.autonomous_system)

    # Configuration ---------------------------------------------------------------------------------------------

    def reconfigure(self, *, chains_changed: bool) -> None:
        """Apply other lines to all interfaces that there are. chains_changed: key chains are others, too."""
        present = (state.name for state in self._context.ports.interfaces.all())
        for name in dict.fromkeys((*self.interfaces, *present)):
            interface, settings = self.interfaces.get(name), self._process.settings.interface(name)
            if interface is not None and not settings.shutdown and interface.settings != settings:
                self._change(interface, settings)
            elif interface is not None and chains_changed and settings.authentication is not None:
                self.sealing.change(interface)
            elif interface is not None and settings.shutdown:
                self.stop(name, DownReason.SHUTDOWN, tell=True)
            self._process.interface_changed(name, self._context.ports.interfaces.get(name))
        self._configure_summaries()

    def _change(self, interface: EigrpInterface, settings: InterfaceSettings) -> None:
        process, adjacencies, old = self._process, self._process.adjacencies, interface.settings
        if settings.passive and not old.passive:
            adjacencies.drop_all(interface, DownReason.PASSIVE, tell=True)
        interface.configure(settings)
        if seal_of(settings) != seal_of(old):
            adjacencies.drop_all(interface, DownReason.AUTHENTICATION_CHANGED)
            self.sealing.change(interface)
        if settings.bfd != old.bfd:
            for neighbor in interface.up_neighbors():
                process.watch(neighbor, wanted=settings.bfd)
        for neighbor in list(interface.neighbors.values()):
            if settings.neighbors and neighbor.address not in settings.neighbors:
                adjacencies.drop(neighbor, DownReason.STATIC, tell=True)
        if settings.split_horizon != old.split_horizon:
            self.resync(interface, "split horizon changed")
        if settings.summaries != old.summaries:
            self.resync(interface, "summary configured")
        if (settings.next_hop_self, settings.ecmp_mode) != (old.next_hop_self, old.ecmp_mode):
            self.resync(interface, "next-hop-self changed")
        self._listen(interface)
        process.greetings.say(interface)

    def resync(self, interface: EigrpInterface, why: str) -> None:
        """Tell neighbors, which stay, what changes for them."""
        self._process.adjacencies.resync(interface, why)
        self._process.teller.tell_again(interface)

    def _configure_summaries(self) -> None:
        """Configure the summaries of the interfaces that we run on; elsewhere nobody could be told."""
        self._process.summaries.configure(
            (summary for interface in self.interfaces.values() for summary in interface.settings.summaries),
            self._process.settings.summary_metrics,
        )

    # What the interfaces are -----------------------------------------------------------------------------------

    def changed(self, name: str, state: InterfaceState | None) -> None:
        """Note that an interface is like this now, or (None) gone."""
        settings, interface = self._process.settings, self.interfaces.get(name)
        runs = state is not None and state.line and self._covers(state) and not settings.interface(name).shutdown
        if interface is not None and (not runs or state is None or state.address != interface.address):
            configured = state is not None and state.line
            reason = DownReason.ROUTE_CONFIGURATION if configured else DownReason.INTERFACE_DOWN
            self.stop(name, reason, tell=configured)
            interface = None
        if state is None or not runs:
            return
        if interface is None:
            self._start(state)
        elif interface.update(state):
            for neighbor in interface.neighbors.values():
                self._process.dual.relink(neighbor.source, interface.link, self._context.now)
        self._connected.refresh(state, settings.networks)

    def _covers(self, state: InterfaceState) -> bool:
        networks = self._process.settings.networks
        return any(network.matches(address) for address, _ in state.addresses for network in networks)

    def _start(self, state: InterfaceState) -> None:
        process = self._process
        interface = EigrpInterface(
            name=state.name,
            state=state,
            scale=process.settings.scale,
            settings=process.settings.interface(state.name),
            hello_timer=Timer(lambda: process.greetings.say(interface)),
            flow_timer=Timer(lambda: process.teller.flow_timeout(interface)),
            key_timer=Timer(lambda: self.sealing.roll_over(interface)),
            pacing_timer=Timer(lambda: process.teller.resume(interface)),
        )
        self.interfaces[state.name] = interface
        self._configure_summaries()
        self.sealing.check(interface)
        self._listen(interface)
        process.greetings.introduce(interface)

    def stop(self, name: str, reason: DownReason, *, tell: bool) -> None:
        """Run on an interface no more. tell: its neighbors."""
        interface = self.interfaces[name]
        self._process.adjacencies.drop_all(interface, reason, tell=tell)
        del self.interfaces[name]
        self._process.adjacencies.leave(interface)
        for timer in (interface.flow_timer, interface.key_timer, interface.pacing_timer):
            self._context.stop(timer)
        if interface.listening:
            self._context.out.append(StopListening(name, PROTOCOL, ALL_ROUTERS))
        self._connected.forget(name)
        self._configure_summaries()

    def _listen(self, interface: EigrpInterface) -> None:
        """Hear the group where we speak, and only there."""
        if interface.listen():
            order = Listen if interface.speaks else StopListening
            self._context.out.append(order(interface.name, PROTOCOL, ALL_ROUTERS))
        if not interface.speaks:
            self._context.stop(interface.hello_timer)

    def listen_again(self) -> None:
        """Listen again: the shell may have forgotten."""
        for interface in self.interfaces.values():
            if interface.listening:
                self._context.out.append(Listen(interface.name, PROTOCOL, ALL_ROUTERS))
