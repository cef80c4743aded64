"""Interfaces come up, change and go down: where a process runs, and what changes for neighbors by configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.context import Timer
from dmvpn.features.eigrp.interface import EigrpInterface
from dmvpn.features.eigrp.sealing import seal_of
from dmvpn.features.eigrp.states import DownReason

if TYPE_CHECKING:
    from dmvpn.base.notices import InterfaceState
    from dmvpn.features.eigrp.adjacency import Membership, Teardown
    from dmvpn.features.eigrp.advertiser import Advertiser
    from dmvpn.features.eigrp.dual import Connected
    from dmvpn.features.eigrp.identity import RouterIdChoice
    from dmvpn.features.eigrp.model import InterfaceSettings
    from dmvpn.features.eigrp.output import Greetings
    from dmvpn.features.eigrp.sealing import Sealing
    from dmvpn.features.eigrp.state import State


class Links:
    """The interfaces of one process, by name."""

    def __init__(
        self,
        state: State,
        *,
        identity: RouterIdChoice,
        connected: Connected,
        membership: Membership,
        teardown: Teardown,
        sealing: Sealing,
        greetings: Greetings,
        advertiser: Advertiser,
    ) -> None:
        self._state = state
        self._context = state.context
        self._identity = identity
        self._connected = connected
        self._membership = membership
        self._teardown = teardown
        self._sealing = sealing
        self._greetings = greetings
        self._advertiser = advertiser

    # Configuration ---------------------------------------------------------------------------------------------

    def reconfigure(self, *, chains_changed: bool) -> None:
        """Apply changed settings to all interfaces. chains_changed: key chains changed as well."""
        present = (state.name for state in self._context.ports.interfaces.all())
        for name in dict.fromkeys((*self._state.interfaces, *present)):
            interface, settings = self._state.interfaces.get(name), self._state.settings.interface(name)
            if interface is not None and not settings.shutdown and interface.settings != settings:
                self._change(interface, settings)
            elif interface is not None and chains_changed and settings.authentication is not None:
                self._sealing.change(interface)
            elif interface is not None and settings.shutdown:
                self.stop(name, DownReason.SHUTDOWN, tell=True)
            self.changed(name, self._context.ports.interfaces.get(name))
        self._connected.summarize()

    def _change(self, interface: EigrpInterface, settings: InterfaceSettings) -> None:
        old = interface.settings
        if settings.passive and not old.passive:
            self._teardown.drop_all(interface, DownReason.PASSIVE, tell=True)
        interface.configure(settings)
        if seal_of(settings) != seal_of(old):
            self._teardown.drop_all(interface, DownReason.AUTHENTICATION_CHANGED)
            self._sealing.change(interface)
        if settings.bfd != old.bfd:
            for neighbor in interface.up_neighbors():
                self._membership.watch(neighbor, wanted=settings.bfd)
        for neighbor in list(interface.neighbors.values()):
            if settings.neighbors and neighbor.address not in settings.neighbors:
                self._teardown.drop(neighbor, DownReason.STATIC, tell=True)
        if settings.split_horizon != old.split_horizon:
            self._membership.resync(interface, "split horizon changed")
        if settings.summaries != old.summaries:
            self._membership.resync(interface, "summary configured")
        if (settings.next_hop_self, settings.ecmp_mode) != (old.next_hop_self, old.ecmp_mode):
            self._membership.resync(interface, "next-hop-self changed")
        self._greetings.listen(interface)
        self._greetings.say(interface)

    # What the interfaces are -----------------------------------------------------------------------------------

    def changed(self, name: str, state: InterfaceState | None) -> None:
        """Apply the state of an interface; None: it is gone."""
        if self._state.settings.router_id is None:
            self._identity.choose()
        settings, interface = self._state.settings, self._state.interfaces.get(name)
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
            self._connected.relink(interface)
        self._connected.refresh(state)

    def _covers(self, state: InterfaceState) -> bool:
        networks = self._state.settings.networks
        matches = (network.matches(address) for address, _ in state.addresses for network in networks)
        return any(matches)

    def _start(self, state: InterfaceState) -> None:
        interface = EigrpInterface(
            name=state.name,
            state=state,
            scale=self._state.settings.scale,
            settings=self._state.settings.interface(state.name),
            hello_timer=Timer("Hello", lambda: self._greetings.say(interface), state.name),
            flow_timer=Timer("Multicast flow", lambda: self._advertiser.flow_timeout(interface), state.name),
            key_timer=Timer("Key roll-over", lambda: self._sealing.roll_over(interface), state.name),
            pacing_timer=Timer("Pacing", lambda: self._advertiser.resume(interface), state.name),
        )
        self._state.interfaces[state.name] = interface
        self._connected.summarize()
        self._sealing.check(interface)
        self._greetings.listen(interface)
        self._greetings.introduce(interface)

    def stop(self, name: str, reason: DownReason, *, tell: bool) -> None:
        """Stop running on an interface. `tell`: notify its neighbors."""
        interface = self._state.interfaces[name]
        self._teardown.drop_all(interface, reason, tell=tell)
        del self._state.interfaces[name]
        self._teardown.leave(interface)
        self._context.retire(interface.flow_timer, interface.key_timer, interface.pacing_timer)
        self._greetings.stop_listening(interface)
        self._connected.forget(name)
        self._connected.summarize()
