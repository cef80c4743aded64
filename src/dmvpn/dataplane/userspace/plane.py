"""The userspace data plane of a Linux network namespace: a TAP for each tunnel, GRE in raw sockets, the kernel routes.

    effects -> UserspacePlane.execute -> Taps          (interfaces made here: tunnels, loopbacks)
                                      -> Kernel        (links, addresses, routes, neighbors: netlink)
                                      -> ControlSockets (routing protocols, ICMP), IkePorts (IKE)
                                      -> PacketEngine   (TAP <-> GRE, ESP; in Python or Rust)
    events  <- kernel notifications, control packets, packets that the engine hands up

Packets of a protected tunnel leave only encrypted: engines never send them otherwise, and its TAP stays when the
process dies (`leftovers`).
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from dmvpn.base.effects import (
    GRE_IPV4,
    ClearAdjacency,
    ClearRoute,
    Effect,
    ForgetTranslations,
    InstallSa,
    Listen,
    MoveConnection,
    PollInterfaces,
    PollSas,
    PollUsage,
    RemoveSa,
    RemoveTunnel,
    SendGre,
    SendIp,
    SendKeepalive,
    ServeIpsec,
    SetAdjacency,
    SetCarrier,
    SetHairpin,
    SetInterface,
    SetMulticast,
    SetRoute,
    SetTranslation,
    SetTunnel,
    StopListening,
    UseSa,
)
from dmvpn.base.errors import UserError
from dmvpn.base.events import Event, InterfacesCounted, SasCounted, UsageReported
from dmvpn.base.streams import StreamClose, StreamListen, StreamOpen, StreamSend, StreamSign
from dmvpn.dataplane.contract import DataPlane, EffectError
from dmvpn.dataplane.netlink.chains import forward_drops
from dmvpn.dataplane.refusals import too_big
from dmvpn.dataplane.userspace.control import ControlSockets
from dmvpn.dataplane.userspace.engine import PacketEngine, TooBig
from dmvpn.dataplane.userspace.ike import IkePorts
from dmvpn.dataplane.userspace.kernel import Kernel
from dmvpn.dataplane.userspace.names import InterfaceNames
from dmvpn.dataplane.userspace.streams import KernelStreams
from dmvpn.dataplane.userspace.taps import Taps
from dmvpn.dataplane.userspace.watch import Loop, Watch
from dmvpn.net.gre import keepalive
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL, IpProtocol
from dmvpn.net.octets import ipv4_address

if TYPE_CHECKING:
    from dmvpn.base.counting import EthernetStation
    from dmvpn.base.translation import Translations
    from dmvpn.dataplane.netlink.chains import BaseChain
    from dmvpn.dataplane.sysctl import Setting
    from dmvpn.dataplane.userspace.records import Records
    from dmvpn.dataplane.userspace.things import Difference

#: Effects about a tunnel that must exist.
_OF_A_TUNNEL = (
    SendGre,
    SendKeepalive,
    SetAdjacency,
    ClearAdjacency,
    SetMulticast,
    SetHairpin,
    SetCarrier,
    PollUsage,
)

_OF_STREAMS = (StreamListen, StreamOpen, StreamSend, StreamSign, StreamClose)
_OF_IPSEC = (ServeIpsec, InstallSa, UseSa, RemoveSa, MoveConnection, PollSas)

MakeEngine = Callable[[Callable[[Event], None], Watch], PacketEngine]


class UserspacePlane(DataPlane):
    """Carries out effects in the network namespace in which it was made."""

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
    ) -> None:
        """names: Linux interface names by IOS names. manage: set up interfaces that we did not make, too.

        records: of the host's settings; None: those of this namespace.
        """
        self._names = InterfaceNames(names)
        self._report = report
        self._watch = watch
        self._kernel = Kernel(
            self._names,
            report,
            manage=manage,
            watch=watch,
            later=watch.later,
            vanished=self._vanished,
            records=records,
        )
        self._control = ControlSockets(self._names.linux, self._kernel.interface_name, report, watch)
        self._engine = make_engine(self._heard, watch)
        self._ike = IkePorts(self._engine, report, watch)
        self._streams = KernelStreams(report, watch)
        self._taps = Taps(self._names, self._kernel, self._engine, self._control, report, vnet_hdr=vnet_hdr)
        self._closed = False

    def start(self) -> list[Setting]:
        """Prepare the namespace; returns refused settings."""
        refused = self._kernel.start()
        self._watch.add(self._kernel.fileno(), self._kernel.read)
        return refused

    def adopt(self, *interfaces: str) -> None:
        """Adopt interfaces that we did not make: their carrier is reported from now on. Raises UserError."""
        self._kernel.adopt(*interfaces)

    def execute(self, effect: Effect) -> None:
        """Carry out one effect; effects for other modules are ignored. Raises EffectError."""
        self._kernel.age()
        try:
            self._execute(effect)
        except OSError as error:
            raise EffectError(effect, error.errno or 0, error.strerror or str(error)) from error
        except UserError as error:
            raise EffectError(effect, 0, str(error)) from error

    def execute_routes(self, orders: Sequence[SetRoute | ClearRoute]) -> list[EffectError]:
        """Carry out consecutive orders about routes; returns the failed ones."""
        self._kernel.age()
        try:
            refused = self._kernel.routes.carry_out(orders)
        except OSError as error:  # the socket itself: it is unknown how many were carried out
            refused = [(order, error) for order in orders]
        return [EffectError(order, error.errno or 0, error.strerror or str(error)) for order, error in refused]

    def differences(self) -> list[Difference]:
        """Return the differences between the kernel and our orders."""
        return self._kernel.differences()

    def forward_drops(self) -> list[BaseChain]:
        """Return the chains of the host's packet filter that drop forwarded packets by default."""
        return forward_drops()

    def close(self) -> None:
        """Release all resources; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._watch.remove(self._kernel.fileno())
        self._control.close()
        self._streams.close()
        self._ike.close()
        self._engine.close()
        self._taps.close()
        self._kernel.close()

    def interfaces_counted(self) -> InterfacesCounted | None:
        """Return the counters of all interfaces, and of dropped packets; None: the kernel does not report them."""
        try:
            return self._interfaces_counted()
        except (OSError, UserError):
            return None

    def sas_counted(self) -> SasCounted:
        """Return the counters of all pairs of SAs."""
        return SasCounted(self._engine.sa_counts())

    def translations(self) -> Translations:
        """Return the translated flows, and the counters."""
        return self._kernel.translation.translations()

    def stations(self) -> tuple[EthernetStation, ...]:
        """Return the kernel's neighbors on Ethernets; none if it does not report them."""
        try:
            return self._kernel.stations()
        except OSError:
            return ()

    def _interfaces_counted(self) -> InterfacesCounted:
        return InterfacesCounted(self._kernel.counts(), self._engine.dropped())

    def _execute(self, effect: Effect) -> None:
        if isinstance(effect, _OF_A_TUNNEL):
            if effect.tunnel not in self._taps:
                raise EffectError(effect, errno.ENODEV, f"no tunnel {effect.tunnel}")  # its creation failed
            self._execute_on_tunnel(effect)
            return
        if isinstance(effect, _OF_IPSEC):
            self._execute_ipsec(effect)
            return
        if isinstance(effect, _OF_STREAMS):
            self._execute_stream(effect)
            return
        match effect:
            case SendIp() if self._ike.carries(effect):
                self._ike.send(effect)
            case SendIp():
                self._control.send(effect)
            case SetRoute() | ClearRoute():
                for _, error in self._kernel.routes.carry_out([effect]):
                    raise error
            case SetInterface():
                self._taps.set_interface(effect)
            case SetTranslation():
                self._kernel.translation.set(effect)
            case ForgetTranslations():
                self._kernel.translation.forget()
            case SetTunnel():
                self._taps.set_tunnel(effect.spec)
            case RemoveTunnel():
                self._taps.remove_tunnel(effect.tunnel)
            case PollInterfaces():
                self._report(self._interfaces_counted())
            case Listen():
                self._control.listen(effect)
            case StopListening():
                self._control.stop(effect)
            case _:
                pass

    def _execute_on_tunnel(self, effect: Effect) -> None:
        match effect:
            case SendGre():
                self._send_gre(effect)
            case SendKeepalive():
                self._send_keepalive(effect)
            case SetAdjacency():
                self._taps.set_adjacency(effect)
            case ClearAdjacency():
                self._taps.clear_adjacency(effect)
            case SetMulticast():
                self._engine.set_multicast(effect.tunnel, effect.nbmas, effect.bound)
            case SetHairpin():
                self._engine.set_hairpin(effect)
            case SetCarrier():
                self._taps.set_carrier(effect)
            case PollUsage():
                self._report(UsageReported(effect.tunnel, self._engine.usage(effect.tunnel)))
            case _:
                pass

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
            case StreamClose():
                self._streams.close_stream(effect)
            case _:
                pass

    def _execute_ipsec(self, effect: Effect) -> None:
        match effect:
            case ServeIpsec():
                self._serve_ipsec(effect)
            case InstallSa():
                self._engine.install_sa(effect.sa, eager=effect.eager)
            case UseSa():
                self._engine.use_sa(effect.spi_in)
            case RemoveSa():
                self._engine.remove_sa(effect.spi_in)
            case MoveConnection():
                self._engine.move_connection(effect.connection, effect.remote, effect.remote_port)
            case PollSas():
                self._report(self.sas_counted())
            case _:
                pass

    def _serve_ipsec(self, effect: ServeIpsec) -> None:
        problems = self._ike.serve(effect.locals)
        if problems:
            first = next(iter(problems.values()))
            number = first.errno or 0 if isinstance(first, OSError) else 0
            texts = dict.fromkeys(getattr(problem, "strerror", None) or str(problem) for problem in problems.values())
            raise EffectError(ServeIpsec(tuple(problems)), number, "; ".join(texts))

    def _heard(self, event: Event) -> None:
        if isinstance(event, TooBig):
            self._refuse(event)
        else:
            self._report(event)

    def _refuse(self, big: TooBig) -> None:
        """Send the sender of a packet the MTU, RFC 1191 §4."""
        own = self._taps.address(big.tunnel)
        if own is not None:
            message, source = too_big(big.mtu)(big.quoted).serialize(), ipv4_address(big.quoted[12:16])
            with suppress(OSError):  # an unreachable neighbor goes on as before
                self._control.send(SendIp(None, own, source, IpProtocol.ICMP, message))

    def _vanished(self, name: str) -> None:
        self._taps.vanished(name)

    # ------------------------------------------------------------------------------------------------ sending

    def _send_gre(self, effect: SendGre) -> None:
        tunnel, nbma, connection = effect.tunnel, effect.nbma, effect.connection
        self._engine.send(tunnel, nbma, effect.protocol, effect.payload, effect.tos, connection=connection)

    def _send_keepalive(self, effect: SendKeepalive) -> None:
        spec = self._taps.spec(effect.tunnel)
        if spec.destination is None or spec.source.version != 4 or spec.destination.version != 4:
            raise EffectError(effect, 97, "keepalives are for point-to-point tunnels over IPv4")
        # The engine adds the outer GRE header: its payload is the packet that is to come back.
        message = keepalive(spec.source, spec.destination, key=spec.key)
        header = 4 if spec.key is None else 8
        payload = message[header:]
        self._engine.send(effect.tunnel, spec.destination, GRE_IPV4, payload, TOS_INTERNETWORK_CONTROL)
