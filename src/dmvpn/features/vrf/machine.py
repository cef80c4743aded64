"""Which VRFs the host should have: one order to the plane, whenever that changes; and what crosses between VRFs.

The order leaves before anything in a new VRF does: this machine has its place before all that use VRFs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, cast

from dmvpn.base.context import Context
from dmvpn.base.effects import SetVrfs
from dmvpn.base.events import EffectFailed, Resync, VrfLost
from dmvpn.base.exports import PathsExported, PathsWanted
from dmvpn.base.machine import Machine
from dmvpn.base.notices import Configured, InterfaceChanged, LeaksFollowed, Notice, RouteChanged, VrfsChanged
from dmvpn.base.reasons import Reason
from dmvpn.base.retries import Retries
from dmvpn.features.vrf import messages
from dmvpn.features.vrf.leaks import Leaks
from dmvpn.features.vrf.model import VrfConfig
from dmvpn.features.vrf.reasons import VrfReason
from dmvpn.features.vrf.targets import Exchange

if TYPE_CHECKING:
    from dmvpn.base.events import Event, Packets
    from dmvpn.base.ports import Ports

_ORDER: Final = "vrfs"


class VrfMachine(Machine):
    """Keeps the plane in step with the VRFs of the configuration."""

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = (
        EffectFailed,
        VrfLost,
        Resync,
        LeaksFollowed,
        RouteChanged,
        InterfaceChanged,
        PathsExported,
        PathsWanted,
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self.config = VrfConfig()
        self._retries = Retries[str](
            self._context, "order the VRFs again that the data plane refused", self._order_again, most=1
        )
        self._refused: tuple[str, ...] = ()
        self._leaks = Leaks(self._context)
        self._exchange = Exchange(self._context)

    def failure(self, vrf: str) -> Reason | None:
        """Return why the host does not have a VRF, or None."""
        return self._retries.reason(_ORDER) if vrf in self._refused else None

    def dispatch(self, event: Event | Notice) -> None:
        """Handle a configuration, or an answer of the plane."""
        match event:
            case Configured():
                self._configure(cast("VrfConfig | None", event.model) or VrfConfig())
            case EffectFailed(effect=SetVrfs(vrfs=names), text=text) if all(one in self.config.names for one in names):
                self._fail(names, text)
            case LeaksFollowed():
                self._leaks.follow(event)
            case RouteChanged(vrf=""):
                self._leaks.route_changed(event.prefix)
            case InterfaceChanged():
                self._leaks.interface_changed(event.name)
            case PathsExported():
                self._exchange.export(event)
            case PathsWanted():
                self._exchange.want(event)
            case VrfLost() if event.name in self.config.names:
                self._context.emit(messages.DeviceLost.of(event.name, event.delay))
            case Resync() if self.config.names:
                self._order_again(_ORDER)

    def _configure(self, config: VrfConfig) -> None:
        before, self.config = self.config.names, config
        if config.names != before:
            self._retries.forget(_ORDER)
            self._context.emit(SetVrfs(config.names), VrfsChanged(config.names))

    def _fail(self, names: tuple[str, ...], text: str) -> None:
        is_new = self._retries.failed(_ORDER, Reason(VrfReason.REFUSED, (text,), self._context.now))
        before, self._refused = self._refused, names
        if is_new or before != names:
            self._context.emit(messages.NotSeparated.of(names, text))

    def _order_again(self, _: str) -> None:
        self._context.emit(SetVrfs(self.config.names))
