"""Interfaces come up, change and go down: where a process runs, and what changes for neighbors by configuration.

With them come the router ID of a process, which marks the routes that it originates, and changed keys, by configuration
or by their lifetimes (`Sealing`).
"""

from __future__ import annotations

from ipaddress import IPv4Address

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.context import Timer
from dmvpn.base.notices import InterfaceState
from dmvpn.features.eigrp.adjacency import Membership, Teardown
from dmvpn.features.eigrp.advertiser import Advertiser
from dmvpn.features.eigrp.auth import Seals
from dmvpn.features.eigrp.dual import Connected
from dmvpn.features.eigrp.interface import EigrpInterface
from dmvpn.features.eigrp.messages import authentication_impossible
from dmvpn.features.eigrp.model import InterfaceSettings
from dmvpn.features.eigrp.output import Greetings
from dmvpn.features.eigrp.reasons import DownReason
from dmvpn.features.eigrp.rib import Redistributor
from dmvpn.features.eigrp.state import Neighborhood, State

# ------------------------------------------------------------------------------------------------ the router ID


class RouterIdChoice:
    """Chooses the router ID of one process."""

    def __init__(
        self, state: State, neighborhood: Neighborhood, redistributor: Redistributor, advertiser: Advertiser
    ) -> None:
        self._state = state
        self._neighborhood = neighborhood
        self._redistributor = redistributor
        self._advertiser = advertiser

    def choose(self) -> bool:
        """Choose the configured router ID, or the highest loopback address, or the highest address of any interface.

        A chosen address is kept while there are neighbors. Returns whether a process for IPv6 may run from now on that
        might not before, or the other way round: it needs a router ID.
        """
        state, chosen = self._state, self._state.settings.router_id
        if chosen is None:
            if state.router_id != UNSPECIFIED and self._neighborhood.up:
                return False
            states = [each for each in state.context.ports.interfaces.all() if each.enabled]
            addressed = [(each.name, each.address) for each in states if isinstance(each.address, IPv4Address)]
            loopbacks = [address for name, address in addressed if name.startswith("Loopback")]
            addresses = loopbacks or [address for _, address in addressed]
            chosen = max(addresses, default=UNSPECIFIED)
        before = state.router_id
        if chosen == before:
            return False
        state.router_id = chosen
        self._redistributor.refresh_all()
        for interface in state.interfaces.values():
            self._advertiser.tell_again(interface)
        return state.settings.family.version == 6 and UNSPECIFIED in (before, chosen)


# ------------------------------------------------------------------------------------------------ changed keys


class Sealing:
    """Handles authentication changes of one process."""

    def __init__(self, state: State, seals: Seals, greetings: Greetings, teardown: Teardown) -> None:
        self._state = state
        self._context = state.context
        self._seals = seals
        self._greetings = greetings
        self._teardown = teardown

    def check(self, interface: EigrpInterface) -> None:
        """Check that packets can be authenticated here; if not, nothing is sent. Schedule the next check for when keys
        change.
        """
        before, seals = interface.blocked, self._seals
        interface.seal(seals.obstacle(interface))
        if interface.blocked is not None and not interface.blocked.says_the_same(before):
            process, why = self._state.title, interface.blocked.what
            self._context.emit(authentication_impossible(process, interface.name, why))
        left = seals.changes_in(interface)
        if left is None:
            self._context.stop(interface.key_timer)
        else:
            self._context.start(interface.key_timer, left)

    def hasten(self, interface: EigrpInterface) -> None:
        """Check the key lifetimes as soon as the clock change has reached all features."""
        if interface.settings.key_chain:
            self._context.start(interface.key_timer, 0.0)

    def change(self, interface: EigrpInterface) -> None:
        """Apply changed keys or another mode: neighbors without them are no longer heard."""
        self.check(interface)
        if interface.blocked is not None:
            self._teardown.drop_all(interface, DownReason.AUTHENTICATION)
        self._greetings.listen(interface)
        self._greetings.say(interface)

    def roll_over(self, interface: EigrpInterface) -> None:
        """Handle the begin or end of a key's lifetime: the stored Hello of a neighbor, with the old key, proves nothing
        now.
        """
        for neighbor in interface.neighbors.values():
            neighbor.distrust()
        self.change(interface)


def seal_of(settings: InterfaceSettings) -> tuple[object, ...]:
    """Return the authentication settings, which must be equal at both ends."""
    return settings.authentication, settings.key_chain, settings.password


# ------------------------------------------------------------------------------------------------ interfaces


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
        if self._state.settings.router_id is None and self._identity.choose():
            for each in self._context.ports.interfaces.all():  # a process for IPv6 begins, or ends
                self._apply(each.name, each)
        self._apply(name, state)

    def _apply(self, name: str, state: InterfaceState | None) -> None:
        settings, interface = self._state.settings, self._state.interfaces.get(name)
        runs = state is not None and state.line and self._covers(state) and not settings.interface(name).shutdown
        if interface is not None and (
            not runs or state is None or self._state.settings.family.address(state) != interface.address
        ):
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
        if self._state.settings.family.version == 6:
            return state.runs(6) and self._state.router_id != UNSPECIFIED
        return any(self._state.settings.covers(address) for address, _ in state.addresses)

    def _start(self, state: InterfaceState) -> None:
        interface = EigrpInterface(
            name=state.name,
            family=self._state.settings.family,
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
        """Stop running on an interface. tell: notify its neighbors."""
        interface = self._state.interfaces[name]
        self._teardown.drop_all(interface, reason, tell=tell)
        del self._state.interfaces[name]
        self._teardown.leave(interface)
        self._context.retire(interface.flow_timer, interface.key_timer, interface.pacing_timer)
        self._greetings.stop_listening(interface)
        self._connected.forget_interface(name)
        self._connected.summarize()
