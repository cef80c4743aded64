"""A simulated router's own NAT overload, in all VRFs: packets that pass its translators, and the counters.

There is one translator for each outside interface. Packets of the router itself that leave there take a flow of it,
too, as in Linux: so a reply to an echo of its own is never taken for a station's inside.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import SetTranslation
from dmvpn.base.translation import PacketFlow, TranslatedFlow, Translations, port_range
from dmvpn.dataplane.nat.flows import Drop, Endpoint, FlowTable, PublicPorts
from dmvpn.dataplane.nat.translator import Translator, sender_of
from dmvpn.net import translate
from dmvpn.net.icmp import IcmpType
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.net.translate import Side

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.entropy import Entropy
    from dmvpn.base.translation import Overload
    from dmvpn.dataplane.simulated.forwarding import SimulatedPort

#: Seconds after the last packet of an answered flow, as IOS keeps one of UDP.
TIMEOUT: Final = 300.0
_WITH_NUMBER: Final = (IpProtocol.UDP, IpProtocol.TCP, IpProtocol.ICMP)


class RouterTranslation:
    """Carries out `SetTranslation` for a router.

    ports: of all VRFs. A flow begins in one VRF, and its replies return there.
    """

    def __init__(self, ports: Mapping[str, SimulatedPort], entropy: Entropy) -> None:
        self._ports = ports
        self._entropy = entropy
        self._order = SetTranslation()
        self._translators: dict[str, Translator] = {}
        self._hits = 0
        self._misses = 0

    def set(self, order: SetTranslation) -> None:
        """Apply this order from now on. Flows stay if their interface still translates."""
        self._order = order
        outside = {overload.outside for overload in order.overloads}  # looked up, never iterated
        self._translators = {name: one for name, one in self._translators.items() if name in outside}
        for overload in order.overloads:
            if overload.outside in self._translators:
                self._translators[overload.outside].flows.forget(overload.refused)
        if not order.overloads:
            self._hits = self._misses = 0

    def forget(self) -> None:
        """Remove all flows."""
        for translator in self._translators.values():
            translator.flows.clear()

    def is_outside(self, interface: str) -> bool:
        """Return whether packets that come in there may be replies to a station inside."""
        return interface in self._translators

    def is_between(self, arrived: str, leaves: str) -> bool:
        """Return whether packets from one interface to the other are translated."""
        return bool(self._order.overloads) and arrived in self._order.inside and bool(self._of(leaves))

    def outwards(self, leaves: str, data: bytes, now: float, vrf: str = "") -> bytes | Drop:
        """Return a whole packet that `is_between`, after translation; or why it is dropped.

        vrf: where it came from.
        """
        flow = _flow_of(data)
        quoted = translate.quoted(data)
        rules = [one for one in self._of(leaves) if one.vrf == vrf]
        overload = next((one for one in rules if quoted is not None or one.translates(flow)), None)
        translator = self._translator(leaves, flow.destination)
        if overload is None or translator is None:
            return data
        if flow.protocol in overload.refused:
            return Drop.REFUSED
        moved = bytearray(data)
        before = translator.flows.made
        why = translator.outwards(moved, now, vrf)
        if why is Drop.UNSOLICITED:  # an error about a packet that was not translated
            return data
        if why is not None:
            return why
        self._count(made=translator.flows.made != before)
        return bytes(moved)

    def own(self, leaves: str, data: bytes, now: float, vrf: str = "") -> bytes:
        """Return a packet of the router itself, of one of its VRFs, as it leaves there."""
        if data[0] >> 4 != 4 or data[9] not in _WITH_NUMBER or not self._of(leaves):
            return data
        sender, moved = sender_of(bytearray(data)), bytearray(data)
        translator = self._translator(leaves, translate.address(data, Side.DESTINATION))
        if translator is None or sender.address != translator.public or translate.quoted(data) is not None:
            return data
        if data[9] == IpProtocol.ICMP and not _is_echo_request(data):
            return data
        return data if translator.outwards(moved, now, vrf) is not None else bytes(moved)

    def inwards(self, interface: str, data: bytes, now: float) -> tuple[str, bytes] | None:
        """Return a whole packet for the router, translated for the station inside, and the VRF of that station; None:
        the packet is for the router itself.
        """
        translator = self._translators.get(interface)
        if translator is None or data[0] >> 4 != 4 or translate.address(data, Side.DESTINATION) != translator.public:
            return None
        moved = bytearray(data)
        flow = translator.inwards(moved, now)
        if flow is None:
            return None
        if flow.inside.address != translator.public:
            self._count(made=False)
        return flow.vrf, bytes(moved)

    def translations(self, now: float) -> Translations:
        """Return the live flows."""
        found = [flow for translator in self._translators.values() for flow in _flows(translator, now)]
        return Translations(tuple(found), self._hits, self._misses)

    # ------------------------------------------------------------------------------------------------ parts

    def _of(self, outside: str) -> list[Overload]:
        return [overload for overload in self._order.overloads if overload.outside == outside]

    def _translator(self, outside: str, towards: IPAddress) -> Translator | None:
        """Return the translator of an interface, for its address; a new address starts a new one."""
        port = self._ports.get(outside)
        address = port.address_towards(towards) if port is not None else None
        if not isinstance(address, IPv4Address):
            return None
        known = self._translators.get(outside)
        if known is None or known.public != address:

            def ports(inside: Endpoint) -> PublicPorts:
                first, last = port_range(inside.port)
                own = first <= inside.port <= last or inside.address == address
                return PublicPorts(first, last - first + 1, own)

            flows = FlowTable("port-restricted", TIMEOUT, self._entropy, ports)
            known = self._translators[outside] = Translator(address, flows)
        return known

    def _count(self, *, made: bool) -> None:
        self._misses += made
        self._hits += not made


def _flows(translator: Translator, now: float) -> Iterator[TranslatedFlow]:
    """Yield the live flows that stations inside began."""
    for flow in translator.flows.living(now):
        for remote, state in flow.remotes.items():
            if flow.inside.address != translator.public and state.expires > now:
                port = flow.port if flow.protocol == IpProtocol.ICMP else remote.port
                yield TranslatedFlow(
                    protocol=flow.protocol,
                    inside_local=(flow.inside.address, flow.inside.port),
                    inside_global=(translator.public, flow.port),
                    outside=(remote.address, port),
                    expires=state.expires - now,
                    answered=state.answered,
                    vrf=flow.vrf,
                )


def _flow_of(data: bytes) -> PacketFlow:
    source, destination = sender_of(bytearray(data)), translate.address(data, Side.DESTINATION)
    ports = (0, 0)
    if data[9] in (IpProtocol.UDP, IpProtocol.TCP):
        ports = source.port, translate.port(data, Side.DESTINATION)
    return PacketFlow(data[9], source.address, destination, *ports)


def _is_echo_request(data: bytes) -> bool:
    return data[(data[0] & 0x0F) << 2] == IcmpType.ECHO_REQUEST
