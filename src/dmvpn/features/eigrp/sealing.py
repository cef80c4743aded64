"""What follows when the keys of an interface change, by configuration or because their time has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.eigrp.messages import AuthenticationImpossible
from dmvpn.features.eigrp.states import DownReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.context import Context
    from dmvpn.features.eigrp.adjacency import Adjacencies
    from dmvpn.features.eigrp.greetings import Greetings
    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.model import InterfaceSettings
    from dmvpn.features.eigrp.sender import Sender


class Sealing:
    """Looks after the seals of one process."""

    def __init__(
        self,
        context: Context,
        sender: Sender,
        adjacencies: Adjacencies,
        greetings: Greetings,
        listen: Callable[[EigrpInterface], None],
    ) -> None:
        """listen: hears the group where we speak, and only there."""
        self._context = context
        self._sender = sender
        self._adjacencies = adjacencies
        self._greetings = greetings
        self._listen = listen

    def check(self, interface: EigrpInterface) -> None:
        """Check that packets can be sealed here. If not, nothing is sent. Look again when other keys are valid."""
        before, seals = interface.blocked, self._sender.seals
        interface.seal(seals.obstacle(interface))
        if interface.blocked is not None and not interface.blocked.says_the_same(before):
            number, why = self._sender.autonomous_system, interface.blocked.what
            self._context.out.append(AuthenticationImpossible.of(number, interface.name, why))
        left = seals.changes_in(interface)
        if left is None:
            self._context.stop(interface.key_timer)
        else:
            self._context.start(interface.key_timer, left)

    def hasten(self, interface: EigrpInterface) -> None:
        """Look at the lifetimes of keys as soon as all have heard that somebody set the clock."""
        if interface.settings.key_chain:
            self._context.start(interface.key_timer, 0.0)

    def change(self, interface: EigrpInterface) -> None:
        """Apply other keys, or another way to use them: neighbors that have not got them will fall silent for us."""
        self.check(interface)
        if interface.blocked is not None:
            self._adjacencies.drop_all(interface, DownReason.AUTHENTICATION)
        self._listen(interface)
        self._greetings.say(interface)

    def roll_over(self, interface: EigrpInterface) -> None:
        """Roll over when the time of a key has come or is over: the last Hello of a neighbor, with the old one, proves
        nothing now.
        """
        for neighbor in interface.neighbors.values():
            neighbor.distrust()
        self.change(interface)


def seal_of(settings: InterfaceSettings) -> tuple[object, ...]:
    """Return the settings of authentication, which must be equal at both ends."""
    return settings.authentication, settings.key_chain, settings.password
