"""Carries faults out on a simulated world, and undoes them.

Configurations change with the world (`Renumber`): a restarted router has the configuration with which it died. A site's
wire to the provider, and the other end of that wire, are read from the world.

`Forger` makes packets in a neighbor's name that the neighbor never sent: purges of everything, and NHRP that breaks the
rules. They are made as the imitated router would make them (its addresses, the tunnel's key and password) and arrive at
the victim's port as if the provider had brought them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.entropy import Entropy, below
from dmvpn.base.events import ClockSet, ConfigurationEntered, Event, LinkChanged
from dmvpn.base.values import Value
from dmvpn.features.ipsec.machine import ClearCrypto
from dmvpn.features.nhrp import packet
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.nhrp.model import ClearCache, ClearSessions, Withdraw
from dmvpn.features.nhrp.parts import Authentication, ClientInfo
from dmvpn.features.nhrp.tunnel import Tunnel
from dmvpn.judge import faults
from dmvpn.judge.anatomy import Anatomy
from dmvpn.judge.faults import Abilities, Fault
from dmvpn.net.gre import GreHeader, ProtocolType
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet, checksum
from dmvpn.network.device import Device
from dmvpn.network.lines import after
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.network import Impairment, Segment
from dmvpn.shells.simulator.node import NatNode, RouterNode
from dmvpn.shells.simulator.simulator import Simulator

# ----------------------------------------------------------------------------------------- packets in a neighbor's name


#: Unused overlay addresses: the subjects of a storm besides real ones.
_NOWHERE: Final[Mapping[int, IPAddress]] = {4: IPv4Address("10.250.0.0"), 6: IPv6Address("2001:DB8:FA00::")}
#: Octet offsets of the fixed header, RFC 2332 §5.1.
_CHECKSUM_AT, _TYPE_AT = 12, 17


class Forger(Value):
    """Imitates `pretended` towards `victim`. known: overlay prefixes that both could have spoken about."""

    victim: RouterNode
    pretended: RouterNode
    known: tuple[tuple[IPAddress, int], ...]
    entropy: Entropy

    def purges(self, count: int) -> list[bytes]:
        """Purge Requests, each in its own packet."""
        pair = self._tunnels()
        if pair is None:
            return []
        packets = []
        for number in range(count):
            address, length = self._subject(number, pair[1])
            request = packet.PurgeRequest(
                source_nbma=pair[1].own[1],
                source_protocol=pair[1].own[0],
                destination_protocol=pair[0].own[0],
                flags=packet.PurgeFlag(0) if number % 2 else packet.PurgeFlag.NO_REPLY,
                request_id=0x40000000 + number,
                cies=(ClientInfo(prefix_length=length, protocol=address),),
                extensions=_authentication(pair[1]),
            )
            packets.append(self._wrapped(pair, request.serialize()))
        return packets

    def malformed(self, count: int) -> list[bytes]:
        """Return packets that no router may be impressed by."""
        pair = self._tunnels()
        if pair is None:
            return []
        return [self._wrapped(pair, self._spoilt(pair)) for _ in range(count)]

    def _tunnels(self) -> tuple[Tunnel, Tunnel] | None:
        """Return a running tunnel of each with the same key; dead routers have none."""
        for mine in self.victim.router.machine(NhrpMachine).tunnels:
            for theirs in self.pretended.router.machine(NhrpMachine).tunnels:
                alike = mine.state and theirs.state and mine.state.key == theirs.state.key
                if alike and mine.running and theirs.running and mine.subnet == theirs.subnet:
                    return mine, theirs
        return None

    def _subject(self, number: int, tunnel: Tunnel) -> tuple[IPAddress, int]:
        known = [one for one in self.known if one[0].version == tunnel.version]
        if known and number % 2 == 0:
            return known[below(self.entropy, len(known))]
        address = self._somewhere(tunnel)
        return address, address.max_prefixlen

    def _somewhere(self, tunnel: Tunnel) -> IPAddress:
        return _NOWHERE[tunnel.version] + below(self.entropy, 0x10000)

    def _spoilt(self, pair: tuple[Tunnel, Tunnel]) -> bytes:
        address, nbma = pair[1].own
        somewhere = self._somewhere(pair[1])
        if below(self.entropy, 2):
            good = packet.ResolutionRequest(
                source_nbma=nbma,
                source_protocol=address,
                destination_protocol=somewhere,
                flags=packet.ResolutionFlag.ROUTER,
                request_id=1,
                cies=(ClientInfo(prefix_length=somewhere.max_prefixlen, holding_time=600),),
                extensions=_authentication(pair[1]),
            ).serialize()
        else:
            good = packet.RegistrationRequest(
                source_nbma=nbma,
                source_protocol=address,
                destination_protocol=pair[0].own[0],
                flags=packet.RegistrationFlag.UNIQUE,
                request_id=1,
                cies=(ClientInfo(prefix_length=somewhere.max_prefixlen + 1, holding_time=0xFFFF),),
                extensions=_authentication(pair[1]),
            ).serialize()
        octets = bytearray(good)
        match below(self.entropy, 5):
            case 0:  # cut short, the length field with it or not
                del octets[1 + below(self.entropy, len(octets) - 1) :]
                return bytes(octets)
            case 1:  # a bit flipped on the way
                octets[below(self.entropy, len(octets))] ^= 1 << below(self.entropy, 8)
                return bytes(octets)
            case 2:  # a type that does not exist
                octets[_TYPE_AT] = 9 + below(self.entropy, 247)
            case 3:  # lengths that lead out of the packet
                octets[10:12] = below(self.entropy, 0x10000).to_bytes(2, "big")
            case _:  # extensions that begin anywhere
                octets[14:16] = below(self.entropy, 0x10000).to_bytes(2, "big")
        octets[_CHECKSUM_AT : _CHECKSUM_AT + 2] = bytes(2)
        octets[_CHECKSUM_AT : _CHECKSUM_AT + 2] = checksum(bytes(octets)).to_bytes(2, "big")
        return bytes(octets)

    def _wrapped(self, pair: tuple[Tunnel, Tunnel], message: bytes) -> bytes:
        mine, theirs = pair
        if mine.state is None:
            raise AssertionError("chosen for having a state")
        header = GreHeader(protocol_type=ProtocolType.NHRP, key=mine.state.key)
        return Ipv4Packet(
            source=_v4(theirs.own[1]),
            destination=_v4(mine.own[1]),
            protocol=IpProtocol.GRE,
            payload=header.serialize(message),
        ).serialize()


def _authentication(tunnel: Tunnel) -> tuple[Authentication, ...]:
    return (Authentication(data=tunnel.config.password),) if tunnel.config.password else ()


def _v4(address: IPAddress) -> IPv4Address:
    if not isinstance(address, IPv4Address):
        raise TypeError(f"{address}: the simulated underlay is IPv4")
    return address


# ------------------------------------------------------------------------------------------------ all faults


#: Networks of the provider for ports that are renumbered (RFC 2544's, which no site uses).
_RENUMBERED = "198.18.{}"
#: Seconds for which a renumbered site with a unique registration may be out in a random schedule.
LONGEST_WAIT = 300
_CLEARED: dict[str, Event] = {"nhrp": ClearCache(), "crypto": ClearCrypto()}
#: Seconds between two packets of a storm.
_STORM_PACE = 0.001


class Injector:
    """Applies and reverts faults. blocked: pairs of sites; packets from the first to the second are dropped."""

    def __init__(self, world: Simulator, scenario: Scenario, anatomy: Anatomy, entropy: Entropy) -> None:
        self._world = world
        self._anatomy = anatomy
        self._entropy = entropy
        self._texts = dict(scenario.configurations)
        self._good: dict[str, Impairment] = {}
        self._pulled: set[str] = set()
        self.blocked: dict[tuple[str, str], int] = {}
        self._lans = tuple(
            (host.interface.network.network_address, host.interface.network.prefixlen)
            for host in scenario.lab.hosts.values()
        )

    # -------------------------------------------------------------------------------------------- what can be done

    def abilities(self) -> Abilities:
        """Return the faults that are possible in this network."""
        sites = self._anatomy.sites
        # A unique registration keeps a site out until it expires: not for half of a run.
        bearable = not self._anatomy.unique or self._anatomy.holding_time <= LONGEST_WAIT
        movable = [
            name
            for name in self._anatomy.spokes
            if sites[name].sources == sites[name].wans and self._provider_end(name) and not self._named(name)
        ]
        wires = {name: self.wan(name) for name in sites}
        return Abilities(
            wires=tuple(name for name, segment in wires.items() if segment is not None and len(segment.ends) == 2),
            renumber=tuple(movable) if bearable else (),
            rebind=tuple(name for name in sites if self._gateway(name) is not None),
        )

    def wan(self, router: str) -> Segment | None:
        """Return the wire under a site's tunnels."""
        wans = self._anatomy.sites[router].wans
        return self._world.segment_of(router, wans[0]) if wans else None

    def wire_of(self, fault: Fault) -> Segment | None:
        """Return the wire that a fault is about; None: it is about something else."""
        match fault:
            case faults.LinkDown(router=router) | faults.Cut(router=router) | faults.Impair(router=router):
                return self.wan(router)
            case _:
                return None

    def passes(self, sender: str, packet: bytes) -> bool:
        """Return whether a packet that this site sends may pass into the provider's network."""
        if not self.blocked:
            return True
        destination = packet[16:20]
        return not any(one == sender and destination in self._public(other) for one, other in self.blocked)

    # -------------------------------------------------------------------------------------------- doing

    def begin(self, fault: Fault) -> None:
        """Apply a fault."""
        match fault:
            case faults.Kill(router=router):
                self._world.kill(router)
            case faults.Restart(router=router):
                self._post(router, Withdraw())
                self._world.kill(router)
            case faults.LinkDown(router=router):
                self._pulled.add(router)
                self._carriers(router, up=False)
            case faults.Cut(router=router):
                self._impair(router, cut=True)
            case faults.Impair(router=router, loss=loss, duplicate=duplicate, jitter=jitter):
                self._impair(router, loss=loss, duplicate=duplicate, jitter=jitter)
            case faults.Partition(one=one, other=other, one_way=one_way):
                self._block(one, other, 1)
                if not one_way:
                    self._block(other, one, 1)
            case _:
                self._strike(fault)

    def end(self, fault: Fault) -> None:
        """Undo it."""
        match fault:
            case faults.Kill(router=router) | faults.Restart(router=router):
                self._world.boot(router, self._texts[router])
                if router in self._pulled:
                    self._carriers(router, up=False)
            case faults.LinkDown(router=router):
                self._pulled.discard(router)
                self._carriers(router, up=True)
            case faults.Cut(router=router) | faults.Impair(router=router):
                segment = self.wan(router)
                if segment is not None:
                    segment.impairment = self._good.pop(segment.name, segment.impairment)
            case faults.Partition(one=one, other=other, one_way=one_way):
                self._block(one, other, -1)
                if not one_way:
                    self._block(other, one, -1)
            case _:
                pass  # a moment has no end

    def _strike(self, fault: Fault) -> None:
        """Carry out faults that last a moment."""
        match fault:
            case faults.Renumber(router=router, network=network):
                self._renumber(router, network)
            case faults.Rebind(router=router):
                gateway = self._gateway(router)
                if gateway is not None:
                    gateway.rebind()
            case faults.ClockStep(router=router, step=step):
                self._post(router, ClockSet(self._world.epoch + step))
            case faults.Clear(router=router, what=what):
                self._post(router, _CLEARED.get(what) or ClearSessions(static=what == "session static"))
            case faults.Purges(router=router, pretended=pretended, count=count):
                self._storm(router, self._forger(router, pretended).purges(count))
            case faults.Malformed(router=router, pretended=pretended, count=count):
                self._storm(router, self._forger(router, pretended).malformed(count))
            case _:
                raise AssertionError(f"unknown fault {fault}")

    def _post(self, router: str, event: Event) -> None:
        if self._world.routers[router].alive:
            self._world.post(router, event)

    # -------------------------------------------------------------------------------------------- wires

    def _impair(self, router: str, **wrong: float) -> None:
        segment = self.wan(router)
        if segment is not None:
            good = self._good.setdefault(segment.name, segment.impairment)
            segment.impairment = replace(good, **wrong)  # type: ignore[arg-type]  # cut is a bool, the others floats

    def _block(self, one: str, other: str, step: int) -> None:
        self.blocked[one, other] = self.blocked.get((one, other), 0) + step
        if not self.blocked[one, other]:
            del self.blocked[one, other]

    def _carriers(self, router: str, *, up: bool) -> None:
        """Plug a wire in or pull it out, at both ends: a switch keeps its other ports."""
        segment = self.wan(router)
        if segment is None:
            return
        ends = [(station.name, interface) for station, interface in segment.ends]
        for name, interface in ends if len(ends) == 2 else [end for end in ends if end[0] == router]:
            node = self._world.routers.get(name)
            if node is None or not node.alive:
                continue
            node.plane.set_carrier(interface, up)
            self._world.post(name, LinkChanged(interface, up))

    def _public(self, router: str) -> tuple[bytes, ...]:
        """Return the addresses by which others reach a site."""
        gateway, plane = self._gateway(router), self._world.routers[router].plane
        return tuple(
            (address if gateway is None else gateway.public_of(address)).packed
            for interface in self._anatomy.sites[router].sources
            for address, _ in plane.addresses_of(interface)
        )

    def _gateway(self, router: str) -> NatNode | None:
        segment = self.wan(router)
        names = [station.name for station, _ in segment.ends] if segment else []
        return next((self._world.gateways[name] for name in names if name in self._world.gateways), None)

    # -------------------------------------------------------------------------------------------- addresses

    def _provider_end(self, router: str) -> tuple[str, str] | None:
        """Return the provider and its port at the other end of a cable; None if it leads to no provider."""
        segment = self.wan(router)
        ends = [(station.name, interface) for station, interface in segment.ends] if segment else []
        others = [end for end in ends if end[0] != router]
        return others[0] if len(others) == 1 and others[0][0] in self._anatomy.providers else None

    def _named(self, router: str) -> bool:
        """Return whether the configuration of another router names its address, so that it cannot change alone."""
        wan = self._anatomy.sites[router].wans[0]
        address = _address_in(self._texts[router], wan)
        texts = [text for name, text in self._texts.items() if name != router]
        return address is not None and any(_word(address).search(text) for text in texts)

    def _renumber(self, router: str, network: int) -> None:
        provider = self._provider_end(router)
        if provider is None:
            return
        interface = self._anatomy.sites[router].wans[0]
        base = _RENUMBERED.format(network)
        old_gateway = _address_in(self._texts[provider[0]], provider[1])
        text = _readdressed(self._texts[router], interface, f"{base}.2")
        if old_gateway is not None:
            text = _word(old_gateway).sub(f"{base}.1", text)
        self._texts[router] = text
        self._texts[provider[0]] = _readdressed(self._texts[provider[0]], provider[1], f"{base}.1")
        for name in (provider[0], router):
            self._post(name, ConfigurationEntered(self._texts[name], saved=True))

    # -------------------------------------------------------------------------------------------- forged packets

    def _forger(self, router: str, pretended: str) -> Forger:
        tunnels: list[tuple[IPAddress, int]] = [
            (address, address.max_prefixlen) for site in self._anatomy.sites.values() for _, address in site.tunnels
        ]
        victim, imitated = self._world.routers[router], self._world.routers[pretended]
        return Forger(victim, imitated, (*tunnels, *self._lans), self._entropy)

    def _storm(self, router: str, packets: list[bytes]) -> None:
        """Let packets arrive by the site's wire, one after another."""
        wans = self._anatomy.sites[router].wans
        for number, octets in enumerate(packets):
            self._world.after(number * _STORM_PACE, partial(self._arrive, router, wans[0], octets))

    def _arrive(self, router: str, interface: str, packet: bytes) -> None:
        node = self._world.routers[router]
        node.arrive(interface, packet, self._world.now)
        self._world.schedule(node)


def _address_in(text: str, interface: str) -> IPv4Address | None:
    port = Device.read("", text).ports.get(interface)
    return None if port is None else port.ip


def _word(address: IPv4Address) -> re.Pattern[str]:
    """Return a pattern that finds an address in a line."""
    return re.compile(rf"(?<![\d.]){re.escape(str(address))}(?![\d.])")


def _readdressed(text: str, interface: str, address: str) -> str:
    return after(text, [f"interface {interface}", f"ip address {address} 255.255.255.252"])
