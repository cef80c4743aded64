"""Hands events to operations and objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dmvpn.base.context import Context
from dmvpn.base.events import Event, IpReceived, Packets
from dmvpn.base.machine import Machine
from dmvpn.base.notices import Configured, InterfaceChanged, Notice, RouteChanged, TrackChanged, TrackFollowed
from dmvpn.features.track.echoes import Echoes
from dmvpn.features.track.model import TrackConfig
from dmvpn.features.track.objects import Objects
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from dmvpn.base.ports import Ports


class TrackMachine(Machine):
    """Operations of IP SLA, and the objects that follow them, interfaces and routes."""

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = (
        InterfaceChanged,
        RouteChanged,
        TrackFollowed,
        Packets(IpProtocol.ICMP),
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self.config = TrackConfig()
        #: Objects that static routes follow, by the VRF of the routes.
        self._followed: dict[str, tuple[int, ...]] = {}
        self.echoes = Echoes(self._context, self._echo_changed)
        self.objects = Objects(self._context, self.echoes)

    def dispatch(self, event: Event | Notice) -> None:
        """Hand an event to the operations or the objects."""
        match event:
            case IpReceived():
                self.echoes.receive(event)
            case TrackFollowed():
                self._follow(event)
            case InterfaceChanged():
                self.objects.look()
            case RouteChanged():
                self.objects.route_changed(event.vrf, event.prefix)
            case Configured(model=model):
                self.config = model if isinstance(model, TrackConfig) else TrackConfig()
                self.echoes.configure(self.config.operations)
                self.objects.configure(self.config.objects)

    def is_followed(self, number: int) -> bool:
        """Return whether static routes follow this object."""
        return any(number in numbers for numbers in self._followed.values())

    def _follow(self, event: TrackFollowed) -> None:
        """Note the objects that the static routes of a VRF follow, and report to a new VRF which are up already."""
        before = dict.fromkeys(self._followed.pop(event.vrf, ()))
        if event.numbers:
            self._followed[event.vrf] = event.numbers
        new = (self.objects.all.get(number) for number in event.numbers if number not in before)
        self._context.emit(
            *(TrackChanged(one.settings.number, up=True) for one in new if one is not None and one.is_up)
        )

    def _echo_changed(self, number: int) -> None:
        self.objects.look()
