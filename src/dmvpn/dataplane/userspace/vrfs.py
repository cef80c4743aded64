"""The parts of a plane: of the global table, and of each VRF; and in which of them each interface of the host is.

A port moves with its order (`SetInterface.vrf`). It arrives down and without addresses, and is adopted there: the
reports about it go on. It is looked for in all parts, because an earlier life of the router may have left it in one. A
cable that is plugged in again appears in the global table's namespace, and is moved after its interface. Ports leave a
VRF before its namespace is removed, because cables end with it.

A part has the kernel's tables in one VRF, and the sockets of the router itself. It is made, and called, in the backend
of its VRF (`vrf_devices`). Tunnels and the engine are the plane's, for all VRFs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from dmvpn.base import effects
from dmvpn.base.errors import UserError
from dmvpn.base.events import EffectFailed, Event, HostRouteChanged, IpReceived
from dmvpn.base.streams import StreamClose, StreamListen, StreamOpen, StreamPause, StreamSend, StreamSign, StreamUp
from dmvpn.dataplane import netlink
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.host import Setting
from dmvpn.dataplane.userspace.control import ControlSockets, IkePorts
from dmvpn.dataplane.userspace.differences import Difference
from dmvpn.dataplane.userspace.engine import Loop, PacketEngine
from dmvpn.dataplane.userspace.kernel import Kernel
from dmvpn.dataplane.userspace.links import Domain, InterfaceNames, made_here
from dmvpn.dataplane.userspace.streams import KernelStreams, StreamNumber
from dmvpn.dataplane.userspace.vrf_devices import Places, VrfBackends

# ---------------------------------------------------------------------------------------------------- part


class Part:
    """The part of a plane in one VRF."""

    def __init__(
        self,
        vrf: str,
        names: InterfaceNames,
        report: Callable[[Event], None],
        loop: Loop,
        engine: PacketEngine,
        taken: StreamNumber,
        domain: Domain,
        make_kernel: Callable[[Callable[[Event], None]], Kernel],
    ) -> None:
        """taken: numbers of streams that peers open. make_kernel: with the way of its reports."""
        self.vrf = vrf
        self._report_out = report
        self._watch = loop
        self.kernel = make_kernel(self._report)
        self._domain = domain
        self.control = ControlSockets(names.linux, self.kernel.interface_name, self._report, loop)
        self._ike = IkePorts(engine, self._report, loop, vrf)
        self.streams = KernelStreams(self._report, loop, taken)

    def start(self) -> list[Setting]:
        """Prepare the tables; returns refused settings."""
        if self.vrf and not self._domain.device:
            with netlink.NetlinkSocket() as kernel:
                kernel.call(netlink.set_up("lo"))
        refused = self.kernel.start()
        self._watch.add(self.kernel.fileno(), self.kernel.read_notifications)
        return refused

    def execute(self, effect: effects.Effect) -> None:
        """Carry out an effect that is about this VRF. Raises EffectError, OSError, UserError."""
        match effect:
            case effects.SendIp() if self._ike.carries(effect):
                self._ike.send(effect)
            case effects.SendIp():
                self.control.send(effect)
            case effects.SetRoute() | effects.ClearRoute():
                for _, error in self.kernel.routes.carry_out([effect]):
                    raise error
            case effects.SetTranslation():
                self.kernel.translation.set(effect)
            case effects.ForgetTranslations():
                self.kernel.translation.clear_flows(effect.meant)
            case effects.ServeIpsec():
                self._serve_ipsec(effect)
            case effects.Listen():
                self.control.listen(effect)
            case effects.StopListening():
                self.control.stop(effect)
            case StreamListen():
                self.streams.listen(effect)
            case StreamOpen():
                self.streams.open(effect)
            case StreamSend():
                self.streams.send(effect)
            case StreamSign():
                self.streams.sign(effect)
            case StreamPause():
                self.streams.pause(effect)
            case StreamClose():
                self.streams.close_stream(effect)
            case _:
                pass

    def execute_routes(self, orders: Sequence[effects.SetRoute | effects.ClearRoute]) -> list[EffectError]:
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

    def close_sockets(self) -> None:
        """Close the sockets of the router itself, before the engine ends."""
        self._watch.remove(self.kernel.fileno())
        self.control.close()
        self.streams.close()
        self._ike.close()

    def _serve_ipsec(self, effect: effects.ServeIpsec) -> None:
        problems = self._ike.serve(effect.locals)
        if problems:
            first = next(iter(problems.values()))
            number = first.errno or 0 if isinstance(first, OSError) else 0
            texts = dict.fromkeys(getattr(problem, "strerror", None) or str(problem) for problem in problems.values())
            raise EffectError(effects.ServeIpsec(tuple(problems)), number, "; ".join(texts))

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

    def _named(self, effect: effects.Effect) -> effects.Effect:
        return effects.in_table(self.vrf, effect)


# ---------------------------------------------------------------------------------------------------- vrfs


class VrfParts:
    """The parts of one plane, by VRF; "": of the global table."""

    def __init__(
        self, make: Callable[[str], Part], names: InterfaceNames, places: Places, backends: VrfBackends
    ) -> None:
        """make: the part of a VRF, called in its backend."""
        self._make = make
        self._names = names
        self._places = places
        self._backends = backends
        self._parts: dict[str, Part] = {"": make("")}
        self._where: dict[str, str] = {}
        #: VRFs with ports, of an earlier life, that were not ordered since.
        self._left: dict[str, None] = {}

    def __iter__(self) -> Iterator[Part]:
        return iter(self._parts.values())

    @property
    def names(self) -> list[str]:
        """The VRFs besides the global table."""
        return [vrf for vrf in self._parts if vrf]

    def part(self, vrf: str) -> Part:
        """Return the part of a VRF. Raises UserError if there is none."""
        found = self._parts.get(vrf)
        if found is None:
            raise UserError(f"there is no VRF {vrf}")
        return found

    def vrf_of(self, port: str) -> str:
        """Return the VRF of an interface of the host."""
        return self._where.get(port, "")

    def add(self, vrf: str) -> None:
        """Make a VRF. Raises UserError, OSError, and then leaves no partial one."""
        with self._places.at(""):
            self._places.set(vrf, self._backends.make(vrf))
            if self._backends.settings and not self.names:
                self._parts[""].kernel.change_settings(self._backends.settings)
        try:
            with self._places.at(vrf):
                part = self._make(vrf)
                part.start()
        except BaseException:
            self._let_go(vrf)
            raise
        self._places.backend(vrf).held_by(part.kernel)
        self._parts[vrf] = part

    def ordered(self, vrfs: Collection[str]) -> None:
        """Take in that these VRFs are ordered: those of an earlier life among them stay."""
        self._left = {vrf: None for vrf in self._left if vrf not in vrfs}

    def remove(self, vrf: str, *, adopt: bool = True) -> None:
        """Remove a VRF, after its ports have returned to the global table. adopt: the router goes on with them."""
        part = self._parts.pop(vrf)
        self._left.pop(vrf, None)
        for port in [port for port, there in self._where.items() if there == vrf]:
            del self._where[port]
            part.kernel.give(port, self._places.backend("").arrival)
            if adopt:
                with suppress(UserError), self._places.at(""):  # it was unplugged
                    self._parts[""].kernel.adopt(port)
        with self._places.at(vrf):
            part.close_sockets()
            part.kernel.close()
            self._return_ports()
        self._let_go(vrf)

    def without_device(self) -> list[str]:
        """Return the VRFs whose VRF devices are gone."""
        devices = {vrf: self._places.backend(vrf).domain.device for vrf in self.names}
        with netlink.NetlinkSocket() as kernel:
            there = frozenset(link.index for link in kernel.links())
        return [vrf for vrf, device in devices.items() if device and device not in there]

    def remake(self, vrf: str, leave: Callable[[Part], None]) -> None:
        """Make a VRF again whose device is gone. Raises UserError, OSError.

        leave: ends sockets, tunnels and streams of the old device; its part is passed.
        """
        ports = [port for port, there in self._where.items() if there == vrf]
        with self._places.at(""):
            backend = self._backends.make(vrf)
            for port in ports:  # first: the kernel has put them into the global table
                self._parts[""].kernel.give(port, backend.arrival)
        part = self._parts.pop(vrf)
        with self._places.at(vrf):
            leave(part)
            part.streams.reset()
            part.close_sockets()
            part.kernel.close()
        self._places.set(vrf, backend)
        with self._places.at(vrf):
            part = self._parts[vrf] = self._make(vrf)
            part.start()
            for port in ports:
                with suppress(UserError):  # it was unplugged
                    part.kernel.adopt(port)

    def is_device(self, index: int) -> bool:
        """Return whether an index is that of the VRF device of one of the VRFs."""
        return any(self._places.backend(vrf).domain.device == index for vrf in self.names)

    def move(self, port: str, vrf: str) -> None:
        """Let an interface of the host be in this VRF from now on. Call it in the backend of the VRF."""
        known = self._where.get(port)
        if known == vrf or (known is None and not vrf and len(self._parts) == 1):
            return
        before = self._holder(port, known or "")
        if vrf:
            self._where[port] = vrf
        else:
            self._where.pop(port, None)
        if before is not None and before.vrf != vrf:
            before.control.forget_interface(port)
            before.kernel.give(port, self._places.backend(vrf).arrival)
            self._parts[vrf].kernel.adopt(port)
            if before.vrf in self._left and before.vrf not in self._where.values():
                self.remove(before.vrf)

    def appeared(self, port: str) -> bool:
        """Take in that a port is new in the global table's namespace. False: it was moved to its VRF."""
        vrf = self._where.get(port, "")
        if not vrf:
            return True
        if not self._parts[vrf].kernel.has(port):  # a VRF device has it already, in the same namespace
            try:
                self._parts[""].kernel.give(port, self._places.backend(vrf).arrival)
            except OSError:  # the device is gone, too: the port follows when it is made again (`vrf_devices`)
                if not self._places.has_devices:
                    raise
        return False

    def adopt(self, ports: Iterable[str]) -> None:
        """Adopt ports, each in its VRF; those in VRFs of an earlier life return first. Raises UserError."""
        for vrf in self._backends.left():
            self.add(vrf)
            # In VRF devices they stay until they are ordered elsewhere: nothing may leak meanwhile.
            there = [port for port in ports if self._parts[vrf].kernel.has(port)]
            if there and self._places.has_devices:
                self._where |= dict.fromkeys(there, vrf)
                self._left[vrf] = None
            else:
                self.remove(vrf)
        by_vrf: dict[str, list[str]] = {}
        for port in ports:
            by_vrf.setdefault(self.vrf_of(port), []).append(port)
        for vrf, some in by_vrf.items():
            with self._places.at(vrf):
                self._parts[vrf].kernel.adopt(*some)

    def close(self) -> None:
        """Remove all VRFs, and close the global table's part."""
        for vrf in self.names:
            self.remove(vrf, adopt=False)
        self._parts[""].kernel.close()

    def _holder(self, port: str, likely: str) -> Part | None:
        """Return the part in which a port is now; None: it is unplugged."""
        parts = [self._parts[likely], *(part for vrf, part in self._parts.items() if vrf != likely)]
        return next((part for part in parts if part.kernel.has(port)), None)

    def _return_ports(self) -> None:
        """Return the interfaces here that are the host's, known or not: an earlier life may have left them."""
        home, device = self._places.backend("").arrival, self._places.backend(self._places.here).domain.device
        with netlink.NetlinkSocket() as kernel:
            for link in kernel.links():
                name = self._names.ios(link.name)
                if name is not None and not made_here(name) and link.master == device:
                    kernel.execute([netlink.set_link(link.index, home)])

    def _let_go(self, vrf: str) -> None:
        self._places.forget_vrf(vrf)
        self._backends.remove(vrf)
