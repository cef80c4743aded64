"""Packets in a neighbor's name that the neighbor never sent: purges of everything, and NHRP that breaks the rules.

They are made as the imitated router would make them (its addresses, the tunnel's key and password) and arrive at the
victim's port as if the provider had brought them.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.entropy import Entropy, below
from dmvpn.base.values import dataclass
from dmvpn.features.nhrp import packet
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.nhrp.parts import Authentication, ClientInfo
from dmvpn.net.gre import GreHeader, ProtocolType
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet, checksum

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.nhrp.tunnel import Tunnel
    from dmvpn.shells.simulator.node import RouterNode

#: Unused overlay addresses: the subjects of a storm besides real ones.
_NOWHERE = int(IPv4Address("10.250.0.0"))
#: Octet offsets of the fixed header, RFC 2332 §5.1.
_CHECKSUM_AT, _TYPE_AT = 12, 17


@dataclass(frozen=True, slots=True)
class Forger:
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
            address, length = self._subject(number)
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

    def _subject(self, number: int) -> tuple[IPAddress, int]:
        if self.known and number % 2 == 0:
            return self.known[below(self.entropy, len(self.known))]
        return IPv4Address(_NOWHERE + below(self.entropy, 0x10000)), 32

    def _spoilt(self, pair: tuple[Tunnel, Tunnel]) -> bytes:
        address, nbma = pair[1].own
        somewhere = IPv4Address(_NOWHERE + below(self.entropy, 0x10000))
        if below(self.entropy, 2):
            good = packet.ResolutionRequest(
                source_nbma=nbma,
                source_protocol=address,
                destination_protocol=somewhere,
                flags=packet.ResolutionFlag.ROUTER,
                request_id=1,
                cies=(ClientInfo(prefix_length=32, holding_time=600),),
                extensions=_authentication(pair[1]),
            ).serialize()
        else:
            good = packet.RegistrationRequest(
                source_nbma=nbma,
                source_protocol=address,
                destination_protocol=pair[0].own[0],
                flags=packet.RegistrationFlag.UNIQUE,
                request_id=1,
                cies=(ClientInfo(prefix_length=33, holding_time=0xFFFF),),
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
