"""What a plane has in one VRF, or in the global table: the kernel's tables there, and the sockets of the router itself.

It is made, and called, on the ground of its VRF (`ground`). Tunnels and the engine are the plane's, for all VRFs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import (
    ClearRoute,
    Effect,
    ForgetTranslations,
    Listen,
    SendIp,
    ServeIpsec,
    SetRoute,
    SetTranslation,
    StopListening,
    in_table,
)
from dmvpn.base.events import EffectFailed, Event, HostRouteChanged, IpReceived
from dmvpn.base.streams import StreamClose, StreamListen, StreamOpen, StreamPause, StreamSend, StreamSign, StreamUp
from dmvpn.dataplane import netlink
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.userspace.control import ControlSockets
from dmvpn.dataplane.userspace.domain import MAIN, Domain
from dmvpn.dataplane.userspace.ike import IkePorts
from dmvpn.dataplane.userspace.kernel import Kernel
from dmvpn.dataplane.userspace.streams import KernelStreams

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dmvpn.dataplane.sysctl import Setting
    from dmvpn.dataplane.userspace.engine import PacketEngine
    from dmvpn.dataplane.userspace.leak_ways import LeakWays
    from dmvpn.dataplane.userspace.names import InterfaceNames
    from dmvpn.dataplane.userspace.records import Records
    from dmvpn.dataplane.userspace.streams import StreamNumber
    from dmvpn.dataplane.userspace.things import Difference
    from dmvpn.dataplane.userspace.watch import Loop

_OF_STREAMS: Final = (StreamListen, StreamOpen, StreamSend, StreamSign, StreamPause, StreamClose)


class Part:
    """The part of a plane in one VRF."""

    def __init__(
        self,
        vrf: str,
        names: InterfaceNames,
        report: Callable[[Event], None],
        loop: Loop,
        engine: PacketEngine,
        *,
        manage: bool,
        vanished: Callable[[str], None],
        appeared: Callable[[str], bool] | None,
        taken: StreamNumber,
        records: Records | None = None,
        domain: Domain = MAIN,
        elsewhere: Callable[[int], bool] | None = None,
        deleted: Callable[[], None] | None = None,
        leaks: LeakWays | None = None,
        prohibited: Callable[[str, int, bytes], None] | None = None,
    ) -> None:
        """manage, vanished, appeared, records, domain, elsewhere, deleted, leaks, prohibited: see `Kernel`. taken:
        numbers of streams that peers open.
        """
        self.vrf = vrf
        self._report_out = report
        self._watch = loop
        self.kernel = Kernel(
            names,
            self._report,
            manage=manage,
            watch=loop,
            later=loop.later,
            vanished=vanished,
            appeared=appeared,
            records=records,
            domain=domain,
            elsewhere=elsewhere,
            deleted=deleted,
            leaks=leaks,
            prohibited=prohibited,
        )
        self._domain = domain
        self.control = ControlSockets(names.linux, self.kernel.interface_name, self._report, loop)
        self._ike = IkePorts(engine, self._report, loop, vrf)
        self._streams = KernelStreams(self._report, loop, taken)

    def start(self) -> list[Setting]:
        """Prepare the tables; returns refused settings."""
        if self.vrf and not self._domain.device:
            with netlink.NetlinkSocket() as kernel:
                kernel.call(netlink.set_up("lo"))
        refused = self.kernel.start()
        self._watch.add(self.kernel.fileno(), self.kernel.read)
        return refused

    def execute(self, effect: Effect) -> None:
        """Carry out an effect that is about this VRF. Raises EffectError, OSError, UserError."""
        if isinstance(effect, _OF_STREAMS):
            self._execute_stream(effect)
            return
        match effect:
            case SendIp() if self._ike.carries(effect):
                self._ike.send(effect)
            case SendIp():
                self.control.send(effect)
            case SetRoute() | ClearRoute():
                for _, error in self.kernel.routes.carry_out([effect]):
                    raise error
            case SetTranslation():
                self.kernel.translation.set(effect)
            case ForgetTranslations():
                self.kernel.translation.forget()
            case ServeIpsec():
                self._serve_ipsec(effect)
            case Listen():
                self.control.listen(effect)
            case StopListening():
                self.control.stop(effect)
            case _:
                pass

    def execute_routes(self, orders: Sequence[SetRoute | ClearRoute]) -> list[EffectError]:
        """Carry out orders about routes; returns the failed ones."""
        self.kernel.age()
        try:
            refused = self.kernel.routes.carry_out(orders)
        except OSError as error:  # the socket itself: it is unknown how many were carried out
            refused = [(order, error) for order in orders]
        return [
            EffectError(self._named(order), error.errno or 0, error.strerror or str(error)) for order, error in refused
        ]

    def differences(self) -> list[Difference]:
        """Return the differences between the kernel and our orders."""
        found = self.kernel.differences()
        return [replace(one, what=f"{one.what} in VRF {self.vrf}") for one in found] if self.vrf else found

    def reset_streams(self) -> None:
        """End all streams, and report it."""
        self._streams.reset()

    def close_sockets(self) -> None:
        """Close the sockets of the router itself, before the engine ends."""
        self._watch.remove(self.kernel.fileno())
        self.control.close()
        self._streams.close()
        self._ike.close()

    def _execute_stream(self, effect: Effect) -> None:
        match effect:
            case StreamListen():
                self._streams.listen(effect)
            case StreamOpen():
                self._streams.open(effect)
            case StreamSend():
                self._streams.send(effect)
            case StreamSign():
                self._streams.sign(effect)
            case StreamPause():
                self._streams.pause(effect)
            case StreamClose():
                self._streams.close_stream(effect)
            case _:
                pass

    def _serve_ipsec(self, effect: ServeIpsec) -> None:
        problems = self._ike.serve(effect.locals)
        if problems:
            first = next(iter(problems.values()))
            number = first.errno or 0 if isinstance(first, OSError) else 0
            texts = dict.fromkeys(getattr(problem, "strerror", None) or str(problem) for problem in problems.values())
            raise EffectError(ServeIpsec(tuple(problems)), number, "; ".join(texts))

    def _report(self, event: Event) -> None:
        """Report an event, with the name of the VRF."""
        if not self.vrf:
            self._report_out(event)
            return
        match event:
            case IpReceived() | StreamUp():
                self._report_out(replace(event, vrf=self.vrf))
            case EffectFailed():
                self._report_out(EffectFailed(self._named(event.effect), event.errno, event.text))
            case HostRouteChanged():
                pass  # a VRF has no routes of the host: its tables are ours alone
            case _:
                self._report_out(event)

    def _named(self, effect: Effect) -> Effect:
        return in_table(self.vrf, effect)
