"""The NAT of a simulated router.

NAT has one translator for each public address. Packets of the router itself that leave from such an address of its own
take a flow of it, too, as in Linux: so a reply to an echo of its own is never taken for a station's inside.

    outwards   a packet from inside to outside: static rules, then source rules
    inwards    a packet to a public address, from either side
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, summarize_address_range
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import SetTranslation
from dmvpn.base.entropy import Entropy
from dmvpn.base.translation import (
    FlowFilter,
    PacketFlow,
    SourceRule,
    StaticRule,
    TranslatedFlow,
    Translations,
    begins_as_station,
    port_range,
)
from dmvpn.base.values import Value
from dmvpn.dataplane.simulated.forwarding import SimulatedPort
from dmvpn.dataplane.translator import (
    Drop,
    Endpoint,
    FlowTable,
    NatFlow,
    OneStation,
    PublicPorts,
    Translator,
    sender_of,
)
from dmvpn.net import translate
from dmvpn.net.icmp import IcmpType
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.net.translate import Side

#: Seconds after the last packet of an answered flow, as IOS keeps one of UDP.
TIMEOUT: Final = 300.0
_WITH_NUMBER: Final = (IpProtocol.UDP, IpProtocol.TCP, IpProtocol.ICMP)
_ANYWHERE: Final = IPv4Address(0)


class _Statics(Value):
    """The static rules about one public address."""

    public: IPv4Address
    rules: tuple[StaticRule, ...]

    def station(self, protocol: int, port: int) -> tuple[Endpoint, str] | None:
        """Return the endpoint that a packet to this public port is for, and its VRF."""
        for rule in self.rules:
            found = rule.inside_of(protocol, self.public, port)
            if found is not None:
                return Endpoint(*found), rule.vrf
        return None

    def port(self, protocol: int, inside: Endpoint, vrf: str) -> int | None:
        """Return the public port of an endpoint, or None if no static rule gives it one."""
        found = (rule.outside_of(protocol, *inside) for rule in self.rules if rule.vrf == vrf)
        return next((one[1] for one in found if one is not None and one[0] == self.public), None)

    def keeps(self, protocol: int, port: int) -> bool:
        """Return whether a rule gives this port to a station."""
        return any(rule.protocol and rule.inside_of(protocol, self.public, port) for rule in self.rules)


class RouterTranslation:
    """Carries out `SetTranslation` for a router.

    ports: of all VRFs. A flow begins in one VRF, and its replies return there.
    """

    def __init__(self, ports: Mapping[str, SimulatedPort], entropy: Entropy) -> None:
        self._ports = ports
        self._entropy = entropy
        self._order = SetTranslation()
        #: By public address, and the VRF of the outside.
        self._translators: dict[tuple[IPv4Address, str], Translator] = {}
        #: Stations that have an address of a pool for themselves, with their VRF.
        self._held: dict[tuple[IPv4Address, str], IPv4Address] = {}
        #: Addresses that are translated and not of the router.
        self._claimed: tuple[Prefix, ...] = ()
        self._outside: frozenset[str] = frozenset()
        self._hits = self._misses = self._refused = 0

    def set(self, order: SetTranslation) -> None:
        """Apply this order from now on. Flows stay if their address is still used for them."""
        before, self._order = self._order, order
        self._outside = frozenset((*order.outside, *(rule.outside for rule in order.rules)))
        pools = (one for rule in order.rules for each in rule.pool for one in summarize_address_range(*each))
        listed = (Prefix.of(one.network_address, one.prefixlen) for one in pools)
        self._claimed = tuple(dict.fromkeys((*listed, *(one.published for one in order.statics), *order.aliases)))
        own = [rule.address or self._own_address(rule.outside) for rule in order.rules if not rule.pool]
        changed = {*before.statics} ^ {*order.statics}  # looked up, never iterated
        for key, one in list(self._translators.items()):
            statics = [rule for rule in before.statics if rule in changed and one.public in rule.published]
            if not statics and (self._claims(one.public) or one.public in own):
                refused = {number for rule in order.rules for number in rule.refused if one.public in own}  # likewise
                one.flows.remove_flows(lambda flow, refused=refused: flow.protocol in refused)  # type: ignore[misc]
                self._publish(one)
            else:
                del self._translators[key]
        if not order.rules and not order.statics:
            self._hits = self._misses = self._refused = 0

    def clear_flows(self, meant: FlowFilter | None = None) -> None:
        """Remove these flows, None: all."""
        for translator in self._translators.values():
            gone = [
                one
                for flow in translator.flows.living(0.0)
                for one in _seen(translator, flow, 0.0)
                if meant is None or meant.fits(one)
            ]
            inside = {(one.protocol, one.inside_local, one.vrf) for one in gone}  # looked up, never iterated
            translator.flows.remove_flows(
                lambda flow, inside=inside: meant is None or (flow.protocol, tuple(flow.inside), flow.vrf) in inside  # type: ignore[misc]
            )

    @property
    def aliases(self) -> tuple[Prefix, ...]:
        """The addresses that the router answers for beside its own."""
        return self._order.aliases

    def is_outside(self, interface: str) -> bool:
        """Return whether packets that come in there may be replies to a station inside."""
        return interface in self._outside

    def is_between(self, arrived: str, leaves: str) -> bool:
        """Return whether packets from one interface to the other are translated."""
        return leaves in self._outside and arrived in self._order.inside

    def claims(self, destination: IPAddress, interface: str) -> bool:
        """Return whether an address is translated, in packets that come in there, that may not be of the router."""
        if not self._claimed or not self._claims(destination):
            return False
        return interface in self._outside or self._is_static(destination)

    def answered(self, port: SimulatedPort) -> tuple[tuple[IPAddress, int], ...]:
        """Return the addresses beside its own that a port answers for on its wire."""
        links = [Prefix.of(*own) for own in port.addresses]
        there = (prefix for prefix in self._order.aliases if any(prefix in link for link in links))
        return tuple((IPv4Address(prefix.number + place), 32) for prefix in there for place in range(prefix.size))

    def outwards(self, leaves: str, data: bytes, now: float, vrf: str = "") -> bytes | Drop:
        """Return a whole packet that `is_between`, after translation; or why it is dropped.

        vrf: where it came from.
        """
        source, destination = sender_of(bytearray(data)), translate.address(data, Side.DESTINATION)
        ports = (0, 0)
        if data[9] in (IpProtocol.UDP, IpProtocol.TCP):
            ports = source.port, translate.port(data, Side.DESTINATION)
        flow = PacketFlow(data[9], source.address, destination, *ports)
        if translate.quoted(data) is not None:  # about a packet of a flow, or of none
            for translator in self._translators.values():
                moved = bytearray(data)
                if translator.outwards(moved, now, vrf) is None:
                    self._count(made=False)
                    return bytes(moved)
            return data
        found = self._translator_of(leaves, flow, now, vrf)
        moved, before = bytearray(data), found.flows.made if isinstance(found, Translator) else 0
        why = found.outwards(moved, now, vrf) if isinstance(found, Translator) else found
        if why is not None or not isinstance(found, Translator):
            self._refused += why is Drop.FULL
            return data if why is None else why
        self._count(made=found.flows.made != before)
        return bytes(moved)

    def own(self, leaves: str, data: bytes, now: float, vrf: str = "") -> bytes:
        """Return a packet of the router itself, of one of its VRFs, as it leaves there."""
        if data[0] >> 4 != 4 or data[9] not in _WITH_NUMBER or leaves not in self._outside:
            return data
        sender, moved = sender_of(bytearray(data)), bytearray(data)
        is_answer = data[9] == IpProtocol.ICMP and data[(data[0] & 0x0F) << 2] != IcmpType.ECHO_REQUEST
        if sender.address in self._order.own:
            begins = not is_answer and begins_as_station(data[9], sender.port)
            result = self.outwards(leaves, data, now, vrf) if begins else data
            return data if isinstance(result, Drop) else result
        known = self._own_address(leaves, translate.address(data, Side.DESTINATION))
        known = next((one.address for one in self._order.rules if one.address == sender.address), known)
        if known is None or sender.address != known or translate.quoted(data) is not None:
            return data
        return (
            data if is_answer or self._translator(leaves, known).outwards(moved, now, vrf) is not None else bytes(moved)
        )

    def inwards(self, interface: str, data: bytes, now: float) -> tuple[str, bytes] | None:
        """Return a whole packet for the router or for an address that it translates, translated for the station inside,
        and the VRF of that station; None: no rule and no flow takes it.

        A packet of a station inside to the address of another one gets that address as its source, so that the answer
        comes back here.
        """
        destination = translate.address(data, Side.DESTINATION)
        is_inside = interface in self._order.inside and self._is_static(destination)
        if data[0] >> 4 != 4 or not (is_inside or interface in self._outside):
            return None
        known = self._translators.get((destination, self._vrf_of(interface)))
        if known is None and self._is_static(destination):
            known = self._translator(interface, destination)
        moved = bytearray(data)
        flow = known.inwards(moved, now) if known is not None else None
        if known is None or flow is None:
            return None
        stays = is_inside and (interface not in self._outside or self._is_on(interface, flow.inside.address))
        if stays and known.outwards(moved, now, self._vrf_of(interface)) is not None:
            return None
        if flow.inside.address != known.public:
            self._count(made=False)
        return flow.vrf, bytes(moved)

    def translations(self, now: float) -> Translations:
        """Return the live flows."""
        tables = self._translators.values()
        found = (one for table in tables for flow in table.flows.living(now) for one in _seen(table, flow, now))
        return Translations(tuple(found), self._hits, self._misses, self._refused)

    # ------------------------------------------------------------------------------------------------ parts

    def _claims(self, address: IPAddress) -> bool:
        return any(address in prefix for prefix in self._claimed)

    def _vrf_of(self, interface: str) -> str:
        port = self._ports.get(interface)
        return port.vrf if port is not None else ""

    def _is_on(self, interface: str, address: IPv4Address) -> bool:
        """Return whether a station is on the wire of an interface."""
        port = self._ports.get(interface)
        return port is not None and any(address in Prefix.of(*own) for own in port.addresses)

    def _own_address(self, outside: str, towards: IPAddress = _ANYWHERE) -> IPv4Address | None:
        port = self._ports.get(outside)
        address = port.address_towards(towards) if port is not None else None
        return address if isinstance(address, IPv4Address) else None

    def _translator_of(self, leaves: str, flow: PacketFlow, now: float, vrf: str) -> Translator | Drop | None:
        """Return the translator of the first rule about a packet; None: there is no such rule."""
        for static in self._order.statics:
            found = static.outside_of(flow.protocol, flow.source, flow.source_port) if static.vrf == vrf else None
            if found is not None:
                return self._translator(leaves, found[0])
        for rule in self._order.rules:
            if (rule.outside, rule.vrf) == (leaves, vrf) and rule.translates(flow):
                if flow.protocol in rule.refused:
                    return Drop.REFUSED
                if rule.pool and not rule.overload:
                    return self._held_by(rule, (flow.source, vrf), now)
                shared = rule.pool[0][0] if rule.pool else rule.address
                address = shared or self._own_address(leaves, flow.destination)
                return self._translator(leaves, address) if address is not None else None
        return None

    def _held_by(self, rule: SourceRule, station: tuple[IPv4Address, str], now: float) -> Translator | Drop:
        """Return the translator of the address that a station has for itself, the first free one if it has none."""
        of = self._vrf_of(rule.outside)
        held = self._translators.get((self._held.get(station, _ANYWHERE), of))
        if held is not None and rule.gives(held.public) and held.flows.published == OneStation(*station):
            return held
        for first, last in rule.pool:
            for number in range(int(first), int(last) + 1):
                address = IPv4Address(number)
                known = self._translators.get((address, of))
                is_living = known is not None and next(known.flows.living(now), None) is not None
                if is_living or self._is_static(address):
                    continue
                translator = self._translator(rule.outside, address)
                if isinstance(translator.flows.published, OneStation):
                    former = translator.flows.published
                    self._held.pop((former.address, former.vrf), None)
                translator.flows.clear()
                translator.flows.published = OneStation(*station)
                self._held[station] = address
                return translator
        return Drop.FULL

    def _is_static(self, address: IPAddress) -> bool:
        return any(address in one.published for one in self._order.statics)

    def _translator(self, outside: str, address: IPv4Address) -> Translator:
        """Return the translator of a public address."""
        key = address, self._vrf_of(outside)
        known = self._translators.get(key)
        if known is None:
            own = self._own_address(outside)
            for other in [other for other in self._translators if other[1] == key[1] and address == own]:
                if not self._claims(other[0]) and not self._is_own(other[0]):
                    del self._translators[other]  # the interface had that address before

            def ports(inside: Endpoint) -> PublicPorts:
                first, last = port_range(inside.port)
                keeps = first <= inside.port <= last or inside.address == address
                return PublicPorts(first, last - first + 1, keeps)

            flows = FlowTable("port-restricted", TIMEOUT, self._entropy, ports)
            known = self._translators[key] = Translator(address, flows)
            self._publish(known)
        return known

    def _is_own(self, address: IPv4Address) -> bool:
        return any(port.has(address) for port in self._ports.values())

    def _publish(self, translator: Translator) -> None:
        """Let a translator know the static rules about its address."""
        rules = tuple(one for one in self._order.statics if translator.public in one.published)
        if rules or isinstance(translator.flows.published, _Statics):
            translator.flows.published = _Statics(translator.public, rules) if rules else None

    def _count(self, *, made: bool) -> None:
        self._misses += made
        self._hits += not made


def _seen(translator: Translator, flow: NatFlow, now: float) -> Iterator[TranslatedFlow]:
    """Yield what a flow of a station inside is with each remote."""
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
