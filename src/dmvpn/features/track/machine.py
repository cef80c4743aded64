"""Hands events to operations and objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Context
from dmvpn.base.events import Event, IpReceived, Packets, Tick
from dmvpn.base.notices import Configured, InterfaceChanged, Notice, RouteChanged, TrackFollowed
from dmvpn.features.track.echoes import Echoes
from dmvpn.features.track.model import TrackConfig
from dmvpn.features.track.objects import Objects
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.ports import Ports


#: Timers that fire in one step: requests to many destinations may be due together.
_AT_ONCE: Final = 32


class TrackMachine:
    """Operations of IP SLA, and the objects that follow them, interfaces and routes."""

    subscriptions: tuple[type[Event] | type[Notice] | Packets, ...] = (
        InterfaceChanged,
        RouteChanged,
        TrackFollowed,
        Packets(IpProtocol.ICMP),
    )

    def __init__(self, ports: Ports) -> None:
        self._context = Context(ports)
        self.config = TrackConfig()
        #: Objects that static routes follow.
        self.followed: tuple[int, ...] = ()
        self.echoes = Echoes(self._context, self._echo_changed)
        self.objects = Objects(self._context, self.echoes)

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event."""
        self._context.begin(now)
        match event:
            case IpReceived():
                self.echoes.receive(event)
            case Tick():
                self._context.fire(_AT_ONCE)
            case TrackFollowed():
                self.followed = event.numbers
            case InterfaceChanged():
                self.objects.look()
            case RouteChanged():
                self.objects.route_changed(event.prefix)
            case Configured(model=model):
                self.config = model if isinstance(model, TrackConfig) else TrackConfig()
                self.echoes.configure(self.config.operations)
                self.objects.configure(self.config.objects)
        return self._context.take()

    def next_deadline(self) -> float | None:
        """Return when a request is due, or an answer late, or a delay over."""
        return self._context.next_deadline()

    def _echo_changed(self, number: int) -> None:
        self.objects.look()
