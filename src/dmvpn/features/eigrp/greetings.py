"""Our Hellos: every few seconds, and out of turn to routers that are new. RFC 7868 §5.3.1.

Hellos out of turn are paid for: an interface has credit for six at once, and gets one more each second. So a hub that
meets a thousand spokes at the same moment greets them all, and not a thousand times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import fraction
from dmvpn.features.eigrp.farewells import Farewells
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode
from dmvpn.features.eigrp.sender import ALL_ROUTERS, Sender
from dmvpn.features.eigrp.tlv import Parameters, SoftwareVersion, Stub, Tlv

if TYPE_CHECKING:
    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.surroundings import Surroundings

#: What we call ourselves: the dialect's version, and TLV version 2.0 (wide metrics), which we read in classic mode too.
VERSION: Final = SoftwareVersion(os_major=17, os_minor=9, tlv_major=2, tlv_minor=0)
#: A Hello comes up to this part of the interval early, so that routers do not send in step.
_JITTER = 0.1
#: Seconds between two Hellos that a new listener brings forward, and how much chance delays one, so that the routers
#: which a hub meets at the same moment do not all speak at the same moment.
_GREETING_INTERVAL = 1.0
#: Seconds' worth of such Hellos that may follow the first one at once. With five more no route of `notes-phase3` came
#: later than 0.9 s after registration, over 200 starts; with four one did, with three seven.
_GREETING_CREDIT = 5.0
_GREETING_SPREAD = 0.05


class Greetings:
    """Says hello on the interfaces of one process."""

    def __init__(self, process: Surroundings, sender: Sender) -> None:
        self._process = process
        self._context = process.context
        self._sender = sender
        self.farewells = Farewells(process.context, sender, self.tlvs)

    def tlvs(self, interface: EigrpInterface) -> tuple[Tlv, ...]:
        """Return what a Hello says here."""
        weights, stub = self._process.settings.scale.weights, self._process.settings.stub
        parameters = Parameters(
            k1=weights.k1,
            k2=weights.k2,
            k3=weights.k3,
            k4=weights.k4,
            k5=weights.k5,
            k6=weights.k6,
            hold_time=interface.settings.hold_time,
        )
        return (parameters, VERSION) if stub is None else (parameters, VERSION, Stub(flags=stub))

    def introduce(self, interface: EigrpInterface) -> None:
        """Send the first Hello on an interface. On a tunnel, routers that know us from before a restart should greet us
        again.

        To him our Hello is nothing new, so we would meet him with his next one: an interval without routes, and a hub
        has many spokes that start again. A goodbye makes him answer at once, and is true: we have no neighbor here.
        """
        if interface.speaks and self._context.ports.tunnels.get(interface.name) is not None:
            self.farewells.to_all(interface)
        self.say(interface)

    def say(self, interface: EigrpInterface) -> None:
        """Multicast a Hello, and again after the interval."""
        if not interface.speaks:
            return
        hello = interface.hello
        if hello is None:
            hello = self._sender.send(interface, ALL_ROUTERS, self._hello(self.tlvs(interface)))
        else:
            self._sender.repeat(interface, hello)
        interface.said(hello)
        early = _JITTER * fraction(self._context.ports.entropy)
        self._context.start(interface.hello_timer, interface.settings.hello_interval * (1 - early))

    def hasten(self, interface: EigrpInterface) -> None:
        """Greet somebody new who hears us soon, not after the interval; if many are new, at most once a second."""
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
        """Greet a new router, and by multicast: a router that our multicast does not reach is no neighbor of
        ours.

        So nothing comes up on a hub without `ip nhrp map multicast dynamic`, as on IOS.
        """
        now = self._context.now
        interface.count_answer()
        if interface.greetings_paid - _GREETING_CREDIT > now:
            self.hasten(interface)
            return
        interface.pay_greeting(now, _GREETING_INTERVAL)
        self.say(interface)

    def say_goodbye(self, interface: EigrpInterface) -> None:
        """Tell everybody on the interface that we go, RFC 7868 §6.7.7."""
        if interface.speaks and interface.neighbors:
            self.farewells.to_all(interface)

    def _hello(self, tlvs: tuple[Tlv, ...]) -> EigrpPacket:
        return EigrpPacket(opcode=Opcode.HELLO, autonomous_system=self._sender.autonomous_system, tlvs=tlvs)
