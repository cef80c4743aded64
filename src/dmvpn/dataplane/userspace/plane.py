"""The userspace data plane of a Linux router: a TAP for each tunnel, GRE in raw sockets, the kernel routes.

    effects -> UserspacePlane.execute -> Taps          (interfaces made here: tunnels, loopbacks)
                                      -> Part           (of each VRF, and of the global table)
                                           Kernel         links, addresses, routes, neighbors: netlink
                                           ControlSockets routing protocols, ICMP; IkePorts: IKE; KernelStreams: TCP
                                      -> PacketEngine   (TAP <-> GRE, ESP; in Python or Rust; one for all VRFs)
    events  <- kernel notifications, control packets, packets that the engine hands up

Packets of a protected tunnel leave only encrypted: engines never send them otherwise, and its TAP stays when the
process dies (`cleanup`).

Each packet filter is in the network namespace of the VRF of its port. It is ordered by the name of the port, which may
come later, or move: its lists are put where the port arrives before it does, and removed where it was afterwards. VRF
devices are all in one namespace, with one table.
"""

from __future__ import annotations

import errno
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base import effects
from dmvpn.base.addresses import IPAddress, is_link_local
from dmvpn.base.effects import SendIp, SetFilters, SetInterface
from dmvpn.base.errors import UserError
from dmvpn.base.events import EffectFailed, Event, InterfacesCounted, PlaneAnnounced, SasCounted, UsageReported
from dmvpn.base.filters import FilterCount, PortFilters
from dmvpn.dataplane import packets
from dmvpn.dataplane.contract import DataPlane, EffectError
from dmvpn.dataplane.netlink.nfsocket import BaseChain, forward_drops
from dmvpn.dataplane.packets import too_big
from dmvpn.dataplane.userspace import statistics
from dmvpn.dataplane.userspace.engine import Loop, PacketEngine, TooBig, Watch
from dmvpn.dataplane.userspace.kernel import Kernel
from dmvpn.dataplane.userspace.leaks import RouteLeaks, VrfTranslation
from dmvpn.dataplane.userspace.links import MAIN, InterfaceNames, has_ipv6, made_here
from dmvpn.dataplane.userspace.records import Records
from dmvpn.dataplane.userspace.tables import RecordsInside
from dmvpn.dataplane.userspace.taps import Taps
from dmvpn.dataplane.userspace.vrf_devices import NoBackends, Places, VrfBackends, VrfLoop, VrfLosses
from dmvpn.dataplane.userspace.vrfs import Part, VrfParts
from dmvpn.net import ip
from dmvpn.net.gre import keepalive
from dmvpn.net.icmp import UnreachableCode
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL

if TYPE_CHECKING:
    from dmvpn.base.events import PeerUsage
    from dmvpn.base.shell import EthernetStation
    from dmvpn.base.switching import LearnedStation
    from dmvpn.base.translation import Translations
    from dmvpn.dataplane.host import Setting
    from dmvpn.dataplane.userspace.differences import Difference
    from dmvpn.dataplane.userspace.filtering import Filtering


# ---------------------------------------------------------------------------------------------- packet filters of ports


_QUOTED = 8
#: The first octet of a packet of IPv6 is at least this.
_IPV6: Final = 0x60
#: A port, and the version of IP whose packets are filtered.
_Port = tuple[str, int]


class PortFilterOrders:
    """Carries out `SetFilters` for a plane."""

    def __init__(
        self,
        parts: VrfParts,
        places: Places,
        vrf_of: Callable[[str], str],
        address: Callable[[str, int], IPAddress | None],
        report: Callable[[Event], None],
    ) -> None:
        """vrf_of, address: of an interface; the address of a version of IP."""
        self._parts = parts
        self._places = places
        self._vrf_of = vrf_of
        self._address = address
        self._report = report
        #: By port and version of IP.
        self._orders: dict[_Port, SetFilters] = {}
        #: The VRF in whose table the filters of a port are.
        self._where: dict[_Port, str] = {}
        #: Ports that move, and where their former filters are.
        self._gone: list[tuple[_Port, str]] = []

    def set(self, order: SetFilters) -> None:
        """Filter the packets of a port. Raises UserError, OSError."""
        vrf = self._where.get((order.interface, order.version))
        if vrf is None:
            vrf = self._home(self._vrf_of(order.interface))
        self._note(order, vrf)
        self._put(order, vrf)

    def arrives(self, name: str, vrf: str) -> None:
        """Filter the packets of a port where it is about to be. Raises UserError, OSError: nothing filters them."""
        home = self._home(vrf)
        for version, filtering in self._filtering(home).items():
            order = self._orders.get((name, version))
            if order is None:
                filtering.leave_inherited(name)
            elif self._where.get((name, version)) != home:
                self._move(order, home)
            elif not filtering.holds(name):
                self._put(order, home)

    def _move(self, order: SetFilters, home: str) -> None:
        """Filter the packets of a port in another place. Raises UserError, OSError: nothing filters them."""
        name, version = port = order.interface, order.version
        filtering, before = self._filtering(home)[version], self._where.get(port)
        self._note(order, home)
        try:
            self._put(order, home)
        except (UserError, OSError) as error:
            if not filtering.holds(name):
                raise
            self._report(EffectFailed(order, 0, str(error)))
        if before is not None:
            with suppress(UserError, OSError):
                filtering.carry_over(name, self._filtering(before)[version])
            self._gone.append((port, before))

    def arrived(self, name: str) -> None:
        """Remove the filters of a port where it was before."""
        for (port, version), vrf in self._gone:
            if port == name:
                with suppress(UserError, OSError):
                    self._put(SetFilters(name, PortFilters(), version), vrf)
        self._gone = [one for one in self._gone if one[0][0] != name]

    def leave(self, vrf: str) -> None:
        """Let the ports of a VRF that is removed be filtered in the global table, where they return to."""
        for port, there in list(self._where.items()):
            if there == vrf:
                self.arrives(port[0], "")
                self._gone = [one for one in self._gone if one[0] != port]

    def guarded(self, order: SetInterface) -> SetInterface:
        """Return the order for an interface: it stays down while its packets cannot be filtered nor dropped."""
        name = order.interface
        ports = [port for port in ((name, 4), (name, 6)) if port in self._orders]
        if all(self._filtering(self._where[port])[port[1]].holds(name) for port in ports):
            return order
        return replace(order, up=False)

    def counts(self) -> tuple[FilterCount, ...]:
        """Return the counters of the lists of all ports."""
        every = (filters for part in self._parts for filters in part.kernel.filters.values())
        return tuple(count for filters in every for count in filters.counts())

    def answer(self, interface: str, index: int, data: bytes) -> None:
        """Answer a denied packet: administratively prohibited, RFC 1812 §5.2.7.1, RFC 4443 §3.1.

        interface, index: by which it came; "": it is not of the global table. data: its first octets.
        """
        if not interface and self._places.has_devices:
            interface = next((name for part in self._parts if (name := part.kernel.interface_name(index))), "")
        if not packets.has_header(data):
            return
        source, version = ip.peek_addresses(data)[0], 4 if data[0] < _IPV6 else 6
        quoted = data if version == 6 else data[: (data[0] & 0x0F) * 4 + _QUOTED]
        own = self._address(interface, version)
        if own is None or not packets.may_answer(data):
            return
        prohibited = packets.unreachable(UnreachableCode.ADMINISTRATIVELY_PROHIBITED)(quoted)
        link = interface if is_link_local(source) else None
        order = SendIp(link, own, source, ip.ICMP[version], ip.serialize_icmp(prohibited, version))
        vrf = self._vrf_of(interface)
        with suppress(OSError, UserError), self._places.at(vrf):
            self._parts.part(vrf).control.send(order)

    def _home(self, vrf: str) -> str:
        return "" if not vrf or self._places.backend(vrf).domain.device else vrf

    def _filtering(self, vrf: str) -> Mapping[int, Filtering]:
        return self._parts.part(vrf).kernel.filters

    def _note(self, order: SetFilters, vrf: str) -> None:
        port = order.interface, order.version
        if order.filters == PortFilters():
            self._orders.pop(port, None)
            self._where.pop(port, None)
        else:
            self._orders[port] = order
            self._where[port] = vrf

    def _put(self, order: SetFilters, vrf: str) -> None:
        path = order.filters.reverse_path
        refused = ""
        if path is not None and not path.allow_default and self._places.has_devices:
            refused = "a check of senders without allow-default is not possible on a host with VRF devices"
        with self._places.at(vrf):
            self._filtering(vrf)[order.version].set(order, refused=refused)


# ------------------------------------------------------------------------------------------------ the plane


#: Effects about a tunnel that must exist.
_OF_A_TUNNEL: Final = (
    effects.SendGre,
    effects.SendKeepalive,
    effects.SetAdjacency,
    effects.ClearAdjacency,
    effects.SetMulticast,
    effects.SetHairpin,
    effects.SetCarrier,
    effects.PollUsage,
)

_OF_ROUTES: Final = (effects.SetRoute, effects.ClearRoute)
_OF_SAS: Final = (effects.InstallSa, effects.UseSa, effects.RemoveSa, effects.MoveConnection, effects.PollSas)

MakeEngine = Callable[[Callable[[Event], None], Watch], PacketEngine]


class UserspacePlane(DataPlane):
    """Carries out effects in the network namespace in which it was made, and those of VRFs in their backends."""

    def __init__(
        self,
        report: Callable[[Event], None],
        watch: Loop,
        make_engine: MakeEngine,
        *,
        names: Mapping[str, str] | None = None,
        manage: bool = False,
        vnet_hdr: bool = True,
        records: Records | None = None,
        backends: VrfBackends | None = None,
    ) -> None:
        """names: Linux interface names by IOS names. manage: set up interfaces that we did not make, too.

        records: of the host's settings; None: those of this namespace. backends: of VRFs; None: there can be none.
        """
        self._names = InterfaceNames(names)
        self._report_out = report
        of_vrfs: VrfBackends = NoBackends() if backends is None else backends
        self._places = Places(of_vrfs)
        self._loop = VrfLoop(watch, self._places)
        self._engine = make_engine(self._heard, self._loop)
        self._taken = itertools.count(1, 2)
        self._manage, self._records = manage, records
        self._leaks = RouteLeaks(lambda vrf: self._vrfs.part(vrf), self._places, self._vrf_of_interface, self._report)
        self._vrfs = VrfParts(self._make_part, self._names, self._places, of_vrfs)
        self._taps = Taps(self._names, self._engine, self._places, self._report, vnet_hdr=vnet_hdr)
        self._translation = VrfTranslation(
            self._vrfs, self._places, self._leaks, self._names, self._vrf_of_interface, self._report
        )
        self._filters = PortFilterOrders(
            self._vrfs, self._places, self._vrf_of_interface, self._taps.address, self._report
        )
        self._losses = VrfLosses(self._loop, self._report, self._remake_vrf)
        self._forwards_ipv6 = False
        #: Of the bridges of a lab, which are not in the namespace of the router.
        self.stations_learned: Callable[[], tuple[LearnedStation, ...]] = tuple
        self._closed = False

    def start(self) -> list[Setting]:
        """Prepare the namespace; returns refused settings."""
        return self._vrfs.part("").start()

    def announced(self) -> PlaneAnnounced:
        """Return what it carries besides IPv4."""
        if not self._engine.carries_ipv6:
            return PlaneAnnounced(ipv6=False)
        lacks = self._vrfs.part("").kernel.lacks_ipv6()
        return PlaneAnnounced(ipv6=not lacks, lacks=lacks)

    def adopt(self, *interfaces: str) -> None:
        """Adopt interfaces that we did not make: their carrier is reported from now on. Raises UserError."""
        self._vrfs.adopt(interfaces)

    def execute(self, effect: effects.Effect) -> None:
        """Carry out one effect; effects for other modules are ignored. Raises EffectError."""
        vrf, inner = (
            (effect.vrf, effect.effect) if isinstance(effect, effects.InVrf) else (self._vrf_of(effect), effect)
        )
        try:
            with self._places.at(vrf):
                part = self._vrfs.part(vrf)
                part.kernel.age()
                self._execute(inner, part)
        except EffectError as error:
            if inner is effect:
                raise
            raise EffectError(effects.InVrf(vrf, error.effect), error.errno, error.text) from error
        except OSError as error:
            raise EffectError(effect, error.errno or 0, error.strerror or str(error)) from error
        except UserError as error:
            raise EffectError(effect, 0, str(error)) from error

    def together(self) -> AbstractContextManager[None]:
        """Return a context for the effects of one event: interfaces that go are removed at its end, all at once."""
        return self._taps.together()

    def execute_routes(self, orders: Sequence[effects.Effect]) -> list[EffectError]:
        """Carry out consecutive orders about routes, `SetRoute`, `ClearRoute` or these in VRFs, those of each VRF
        together; returns the failed ones.
        """
        by_vrf: dict[str, list[effects.SetRoute | effects.ClearRoute]] = {}
        for order in orders:
            vrf, inner = (order.vrf, order.effect) if type(order) is effects.InVrf else ("", order)
            if isinstance(inner, _OF_ROUTES):
                by_vrf.setdefault(vrf, []).append(inner)
        failed: list[EffectError] = []
        for vrf, some in by_vrf.items():
            try:
                with self._places.at(vrf):
                    failed += self._vrfs.part(vrf).execute_routes(some)
            except UserError as error:
                failed += [EffectError(effects.InVrf(vrf, order), 0, str(error)) for order in some]
        return failed

    def differences(self) -> list[Difference]:
        """Return the differences between the kernel and our orders."""
        return [one for part in self._vrfs for one in part.differences()]

    def forward_drops(self) -> list[BaseChain]:
        """Return the chains of the host's packet filter that drop forwarded packets by default."""
        return forward_drops()

    def close(self) -> None:
        """Release all resources; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._losses.ordered(())
        self._vrfs.part("").close_sockets()
        self._engine.close()
        self._taps.close()
        self._leaks.close()
        self._vrfs.close()

    def interfaces_counted(self) -> InterfacesCounted | None:
        """Return the counters of all interfaces, and of dropped packets; None: the kernel does not report them."""
        try:
            return self._interfaces_counted()
        except (OSError, UserError):
            return None

    def sas_counted(self) -> SasCounted:
        """Return the counters of all pairs of SAs."""
        return SasCounted(self._engine.sa_counts())

    def usage(self, tunnel: str) -> tuple[PeerUsage, ...]:
        """Return the packets of every peer of a tunnel; none if there is no such tunnel."""
        return self._engine.usage(tunnel) if tunnel in self._taps else ()

    def translations(self) -> Translations:
        """Return the translated flows, and the counters."""
        return self._translation.translations()

    def statistics(self, version: int) -> dict[str, int]:
        """Return what the kernel counts by version of IP, in all VRFs together; empty if it cannot be read."""
        found: Counter[str] = Counter()
        for part in self._vrfs:
            with suppress(OSError, UserError), self._places.at(part.vrf):
                if not part.vrf or not self._places.backend(part.vrf).domain.device:  # devices share the namespace
                    found.update(statistics.count(version))
        return dict(found)

    def filtered(self) -> tuple[FilterCount, ...]:
        """Return the counters of the lists of all ports."""
        return self._filters.counts()

    def stations(self) -> tuple[EthernetStation, ...]:
        """Return the kernel's neighbors on Ethernets; none if it does not report them."""
        try:
            return tuple(station for part in self._vrfs for station in part.kernel.stations())
        except OSError:
            return ()

    @contextmanager
    def on_backend_of(self, interface: str) -> Iterator[None]:
        """Be where an interface is, to open a socket there. Raises UserError, OSError."""
        with self._places.at(self._vrf_of_interface(interface)):
            yield

    def _interfaces_counted(self) -> InterfacesCounted:
        return InterfacesCounted(
            tuple(count for part in self._vrfs for count in part.kernel.counts()), self._engine.dropped()
        )

    # ------------------------------------------------------------------------------------------------ VRFs

    def _make_part(self, vrf: str) -> Part:
        domain = self._places.backend(vrf).domain if vrf else MAIN
        records = self._records
        if vrf:  # of a device the settings are the global table's
            records = Records(None) if domain.device else RecordsInside()

        def kernel(report: Callable[[Event], None]) -> Kernel:
            return Kernel(
                self._names,
                report,
                manage=self._manage,
                watch=self._loop,
                later=self._loop.later,
                vanished=self._vanished,
                appeared=(lambda port: self._vrfs.appeared(port)) if not vrf else None,
                records=records,
                domain=domain,
                elsewhere=(lambda index: self._vrfs.is_device(index)) if not vrf else None,
                deleted=self._lose_vrfs if not vrf else None,
                leaks=self._leaks.in_vrf(vrf),
                prohibited=lambda interface, index, data: self._filters.answer(interface, index, data),
            )

        return Part(vrf, self._names, self._report, self._loop, self._engine, self._taken, domain, kernel)

    def _set_vrfs(self, names: tuple[str, ...]) -> None:
        self._vrfs.ordered(names)
        self._losses.ordered(names)
        removed = [vrf for vrf in self._vrfs.names if vrf not in names]
        with self._taps.together():
            for vrf in removed:
                self._leaks.leave(vrf)
                self._filters.leave(vrf)
                with self._places.at(vrf):
                    self._taps.leave(self._vrfs.part(vrf))
        for vrf in removed:
            self._vrfs.remove(vrf)
        refused = self._add_vrfs(vrf for vrf in names if vrf not in self._vrfs.names)
        self._losses.make_up()
        if removed:
            self._leaks.settle()
            self._translation.left(removed)
        if refused is not None:
            raise refused

    def _add_vrfs(self, names: Iterable[str]) -> EffectError | None:
        """Make VRFs. Returns an error about all refused ones, with the first reason; None: no VRF is refused."""
        refused: dict[str, tuple[int, str]] = {}
        for vrf in names:
            try:
                self._vrfs.add(vrf)
                if self._forwards_ipv6:
                    self._forward_ipv6(self._vrfs.part(vrf))
            except UserError as error:
                refused[vrf] = 0, str(error)
            except OSError as error:
                refused[vrf] = error.errno or 0, error.strerror or str(error)
        first = next(iter(refused.values()), None)
        return None if first is None else EffectError(effects.SetVrfs(tuple(refused)), *first)

    def _lose_vrfs(self) -> None:
        """Make VRFs again whose devices another program deleted."""
        for vrf in self._vrfs.without_device():
            self._losses.lose(vrf)

    def _remake_vrf(self, vrf: str) -> None:
        """Make a VRF again, without the tunnels in it and those whose front door it is."""

        def bound(part: Part) -> None:
            with self._taps.together():
                self._taps.leave_front_door(vrf)
                self._taps.leave(part)

        self._vrfs.remake(vrf, bound)

    def _vrf_of(self, effect: effects.Effect) -> str:
        """Return the VRF in which an effect is carried out that names none."""
        match effect:
            case effects.SetInterface():
                return effect.vrf
            case effects.SetTunnel():
                return effect.spec.vrf
            case effects.RemoveTunnel() | effects.SetAdjacency() | effects.ClearAdjacency() | effects.SetCarrier():
                return self._taps.vrf_of(effect.tunnel)
            case effects.Listen() | effects.StopListening():
                return self._vrf_of_interface(effect.interface)
            case effects.SendIp() if effect.interface is not None:
                return self._vrf_of_interface(effect.interface)
            case _:
                return ""

    def _vrf_of_interface(self, name: str) -> str:
        return self._taps.vrf_of(name) if made_here(name) else self._vrfs.vrf_of(name)

    def _report(self, event: Event) -> None:
        """Report an event in the backend of the global table: what the router does next is not of this VRF."""
        with self._places.at(""):
            self._report_out(event)

    # ------------------------------------------------------------------------------------------------ effects

    def _execute(self, effect: effects.Effect, part: Part) -> None:
        if isinstance(effect, _OF_A_TUNNEL):
            if effect.tunnel not in self._taps:
                raise EffectError(effect, errno.ENODEV, f"no tunnel {effect.tunnel}")  # its creation failed
            self._execute_on_tunnel(effect)
            return
        if isinstance(effect, _OF_SAS):
            self._execute_on_sas(effect)
            return
        match effect:
            case effects.SetVrfs():
                self._set_vrfs(effect.vrfs)
            case effects.SetInterface():
                self._set_interface(effect, part)
            case effects.SetFilters():
                self._filters.set(effect)
            case effects.SetTranslation():
                self._translation.set(effect)
            case effects.ForgetTranslations():
                self._translation.clear_flows(effect.meant)
            case effects.SetTunnel():
                self._filters.arrives(effect.spec.name, part.vrf)
                self._taps.set_tunnel(effect.spec, part)
                self._filters.arrived(effect.spec.name)
                self._leaks.refresh(effect.spec.name)
            case effects.RemoveTunnel():
                self._taps.remove_tunnel(effect.tunnel)
                self._leaks.refresh(effect.tunnel)
            case effects.PollInterfaces():
                self._report(self._interfaces_counted())
            case effects.SetIpv6Forwarding(enabled):
                self._forwards_ipv6 = enabled
                for each in self._vrfs:
                    self._forward_ipv6(each)
            case _:
                part.execute(effect)

    def _forward_ipv6(self, part: Part) -> None:
        with self._places.at(part.vrf):
            part.kernel.forward_ipv6(enabled=self._forwards_ipv6)

    def _set_interface(self, effect: effects.SetInterface, part: Part) -> None:
        name, problem = effect.interface, None
        moves = self._vrf_of_interface(name) != part.vrf
        try:
            self._filters.arrives(name, part.vrf)
        except (UserError, OSError) as error:
            problem = error
        if not made_here(name):
            self._vrfs.move(name, part.vrf)
        if has_ipv6(effect):
            part.control.serve_ipv6()
        self._taps.set_interface(self._filters.guarded(effect), part)
        self._filters.arrived(name)
        self._leaks.refresh(name)
        if moves:
            self._translation.refresh()
        if problem is not None and effect.up:
            raise problem

    def _execute_on_tunnel(self, effect: effects.Effect) -> None:
        match effect:
            case effects.SendGre():
                tunnel, nbma, connection = effect.tunnel, effect.nbma, effect.connection
                with self._places.at(self._taps.spec(tunnel).front):
                    self._engine.send(tunnel, nbma, effect.protocol, effect.payload, effect.tos, connection=connection)
            case effects.SendKeepalive():
                self._send_keepalive(effect)
            case effects.SetAdjacency():
                self._taps.set_adjacency(effect)
            case effects.ClearAdjacency():
                self._taps.clear_adjacency(effect)
            case effects.SetMulticast():
                self._engine.set_multicast(effect.tunnel, effect.nbmas, effect.bound, version=effect.version)
            case effects.SetHairpin():
                self._engine.set_hairpin(effect)
            case effects.SetCarrier():
                self._taps.set_carrier(effect)
            case effects.PollUsage():
                self._report(UsageReported(effect.tunnel, self._engine.usage(effect.tunnel)))
            case _:
                pass

    def _execute_on_sas(self, effect: effects.Effect) -> None:
        match effect:
            case effects.InstallSa():
                self._engine.install_sa(effect.sa, eager=effect.eager)
            case effects.UseSa():
                self._engine.use_sa(effect.spi_in)
            case effects.RemoveSa():
                self._engine.remove_sa(effect.spi_in)
            case effects.MoveConnection():
                self._engine.move_connection(effect.connection, effect.remote, effect.remote_port)
            case effects.PollSas():
                self._report(self.sas_counted())
            case _:
                pass

    def _heard(self, event: Event) -> None:
        if isinstance(event, TooBig):
            self._refuse(event)
        else:
            self._report(event)

    def _refuse(self, big: TooBig) -> None:
        """Send the sender of a packet the MTU, RFC 1191 §4, RFC 4443 §3.2."""
        source, _ = ip.peek_addresses(big.quoted)
        own = self._taps.address(big.tunnel, source.version)
        if own is not None:
            message = ip.serialize_icmp(too_big(big.mtu)(big.quoted), source.version)
            with suppress(OSError):  # an unreachable neighbor goes on as before
                control = self._vrfs.part(self._taps.vrf_of(big.tunnel)).control
                control.send(effects.SendIp(None, own, source, ip.ICMP[source.version], message))

    def _vanished(self, name: str) -> None:
        self._taps.vanished(name)

    # ------------------------------------------------------------------------------------------------ sending

    def _send_keepalive(self, effect: effects.SendKeepalive) -> None:
        spec = self._taps.spec(effect.tunnel)
        if spec.destination is None or spec.source.version != 4 or spec.destination.version != 4:
            raise EffectError(effect, 97, "keepalives are for point-to-point tunnels over IPv4")
        # The engine adds the outer GRE header: its payload is the packet that is to come back.
        message = keepalive(spec.source, spec.destination, key=spec.key)
        header = 4 if spec.key is None else 8
        payload = message[header:]
        with self._places.at(spec.front):
            self._engine.send(effect.tunnel, spec.destination, effects.GRE_IPV4, payload, TOS_INTERNETWORK_CONTROL)
