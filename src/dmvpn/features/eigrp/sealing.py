"""Consequences of changed keys on an interface, by configuration or by their lifetimes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.eigrp.messages import AuthenticationImpossible
from dmvpn.features.eigrp.states import DownReason

if TYPE_CHECKING:
    from dmvpn.features.eigrp.adjacency import Teardown
    from dmvpn.features.eigrp.auth import Seals
    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.model import InterfaceSettings
    from dmvpn.features.eigrp.output import Greetings
    from dmvpn.features.eigrp.state import State


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
            number, why = self._state.autonomous_system, interface.blocked.what
            self._context.emit(AuthenticationImpossible.of(number, interface.name, why))
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
