"""Our Hellos: periodic ones, extra ones to new routers, RFC 7868 §5.3.1; and membership in the multicast group.

Extra Hellos are limited: an interface has credit for six at once, and gets one more each second. So a hub that meets a
thousand spokes at the same moment greets all of them, but not a thousand times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.effects import Listen, StopListening
from dmvpn.base.entropy import fraction
from dmvpn.features.eigrp.farewells import Farewells
from dmvpn.features.eigrp.hello import hello
from dmvpn.features.eigrp.sender import ALL_ROUTERS, PROTOCOL, Sender

if TYPE_CHECKING:
    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.state import State

#: Hellos come early by up to this part of the interval, so that routers do not synchronize.
_JITTER = 0.1
#: Seconds between two extra Hellos, and their maximum random delay, so that the routers that a hub meets at the same
#: moment do not all send at the same moment.
_GREETING_INTERVAL = 1.0
#: Seconds' worth of extra Hellos that may follow the first one at once. With five, no route of `notes-phase3` came
#: later than 0.9 s after registration, over 200 starts; with four one did, with three seven.
_GREETING_CREDIT = 5.0
_GREETING_SPREAD = 0.05


class Greetings:
    """Sends Hellos on the interfaces of one process."""

    def __init__(self, state: State, sender: Sender) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self.farewells = Farewells(state, sender)

    def introduce(self, interface: EigrpInterface) -> None:
        """Send the first Hello on an interface. On a tunnel, a goodbye precedes it, so that neighbors from before our
        restart greet us again.

        Without it, our Hello would be nothing new to such a neighbor, and we would only meet it at its next periodic
        Hello: an interval without routes, and a hub has many spokes that restart. The goodbye makes it answer at once,
        and is true: we have no neighbor here.
        """
        if interface.speaks and self._context.ports.tunnels.get(interface.name) is not None:
            self.farewells.to_all(interface)
        self.say(interface)

    def say(self, interface: EigrpInterface) -> None:
        """Multicast a Hello, and schedule the next one after the interval."""
        if not interface.speaks:
            return
        octets = interface.hello
        if octets is None:
            octets = self._sender.send(interface, ALL_ROUTERS, hello(self._state.settings, interface))
        else:
            self._sender.repeat(interface, octets)
        interface.said(octets)
        early = _JITTER * fraction(self._context.ports.entropy)
        self._context.start(interface.hello_timer, interface.settings.hello_interval * (1 - early))

    def hasten(self, interface: EigrpInterface) -> None:
        """Greet a new receiver soon instead of after the interval; with many new ones, at most once a second."""
        if not interface.speaks:
            return
        now = self._context.now
        soon = now + _GREETING_SPREAD * fraction(self._context.ports.entropy)
        due = max(soon, interface.greetings_paid - _GREETING_CREDIT)
        planned = self._context.timers.when(interface.hello_timer)
        if planned is None or due < planned:
            interface.pay_greeting(due, _GREETING_INTERVAL)
            self._context.start(interface.hello_timer, due - now)

    def answer(self, interface: EigrpInterface) -> None:
        """Greet a new router by multicast: a router that our multicast does not reach is no neighbor.

        So no adjacency comes up on a hub without `ip nhrp map multicast dynamic`, as on IOS.
        """
        now = self._context.now
        interface.count_answer()
        if interface.greetings_paid - _GREETING_CREDIT > now:
            self.hasten(interface)
            return
        interface.pay_greeting(now, _GREETING_INTERVAL)
        self.say(interface)

    def say_goodbye(self, interface: EigrpInterface) -> None:
        """Announce to all neighbors on the interface that we leave, RFC 7868 §6.7.7."""
        if interface.speaks and interface.neighbors:
            self.farewells.to_all(interface)

    def listen(self, interface: EigrpInterface) -> None:
        """Join the group on an interface where we send to it; leave it elsewhere."""
        if interface.listen():
            order = Listen if interface.listening else StopListening
            self._context.emit(order(interface.name, PROTOCOL, ALL_ROUTERS))
        if not interface.speaks:
            self._context.stop(interface.hello_timer)

    def stop_listening(self, interface: EigrpInterface) -> None:
        """Leave the group on an interface that EIGRP no longer runs on."""
        if interface.listening:
            self._context.emit(StopListening(interface.name, PROTOCOL, ALL_ROUTERS))

    def listen_again(self) -> None:
        """Listen again because the shell may have lost the orders (`Resync`)."""
        for interface in self._state.interfaces.values():
            if interface.listening:
                self._context.emit(Listen(interface.name, PROTOCOL, ALL_ROUTERS))
