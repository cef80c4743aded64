"""Clouds for the mechanisms of `LISTS`, with lists at some of their ports.

What lists do to TCP and to ICMP is measured besides the rows (`dmvpn.labs.proofs.networks`), which are of UDP:
`Services`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import SendIp
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.packets import packet_of
from dmvpn.tools.doctor.packet_flows import PLAIN, Kind
from dmvpn.tools.troubles.setup import Lists, Vrfs
from support.diagnoses import PLAIN as CLOUD
from support.diagnoses import network

if TYPE_CHECKING:
    from dmvpn.base.filters import Packet
    from dmvpn.labs.proofs.networks import Case
    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.troubles.plans import Plan

_ALL: Final = Lists(lan=True, tunnel=True, wan=True, verifies=True)
#: Clouds by name: together they have every protocol, both versions of IKE, and lists at every place.
CLOUDS: Final[dict[str, Plan | str]] = {
    "eigrp": replace(CLOUD, lists=_ALL),
    "ikev2": replace(CLOUD, protection="ikev2", lists=_ALL),
    "ospf-ikev1": replace(CLOUD, routing="ospf", protection="ikev1", lists=_ALL),
    "rip": replace(CLOUD, phase=2, routing="rip", lists=_ALL),
    "ebgp": replace(CLOUD, routing="ebgp", lists=replace(_ALL, wan=False)),
    "static": replace(CLOUD, phase=2, routing="static", lists=replace(_ALL, groups=True)),
    "two-hubs": replace(CLOUD, hubs=2, lists=replace(_ALL, tunnel=False)),
    "front": replace(CLOUD, protection="ikev2", vrfs=Vrfs(front=True), lists=replace(_ALL, lan=False)),
    "bare": CLOUD,
    "dual-hub-two-clouds": "dual-hub-two-clouds",
}
_SERVICES: Final = (*PLAIN, Kind("HTTPS", 6, 443))


@cache
def cloud(name: str) -> Scenario:
    """Return the cloud of this name."""
    return network(CLOUDS[name])


class Services:
    """Packets between all hosts of a network, answers included: which of them arrive."""

    def __init__(self, case: Case) -> None:
        self._case = case
        hosts = case.subject.scenario.lab.hosts.items()
        self._hosts = {name: IPv4Address(str(host.interface.ip)) for name, host in hosts}

    def arriving(self) -> set[tuple[str, str, str]]:
        """Return source, destination and kind of packets that arrive."""
        sim = self._case.simulator
        came: dict[Packet, None] = {}
        sent: list[tuple[tuple[str, str, str], Packet]] = []
        for name in self._hosts:
            segment = sim.segment_of(name, "eth0")
            segment.watch = lambda data, heard=came: heard.update({_bare(data): None})
        for here, source in self._hosts.items():
            for there, destination in self._hosts.items():
                for kind in _SERVICES if here != there else ():
                    for answer in (False, True):
                        packet = kind.packet(source, destination, answer=answer)
                        said = f"{'answer of ' if answer else ''}{kind.name}"
                        sent.append(((here, there, said), packet))
                        self._send(here, packet)
        self._case.wait(3)
        return {what for what, packet in sent if replace(packet, ttl=0, service=0) in came}

    def _send(self, host: str, packet: Packet) -> None:
        octets = _octets(packet)
        order = SendIp(None, None, packet.destination, packet.protocol, octets, ttl=64)
        try:
            self._case.simulator.hosts[host].send(order, self._case.simulator.now)
        except EffectError:
            return


def _octets(packet: Packet) -> bytes:
    """Return what is behind the IP header."""
    if packet.protocol == 1:
        return bytes((packet.icmp[0], 0, 0, 0, 0, 7, 0, 7)) + bytes(8)
    ports = packet.source_port.to_bytes(2, "big") + packet.destination_port.to_bytes(2, "big")
    if packet.protocol == 17:
        return ports + (16).to_bytes(2, "big") + bytes(10)
    return ports + bytes(8) + bytes((0x50, packet.flags)) + bytes(6)


def _bare(data: bytes) -> Packet | None:
    found = packet_of(data)
    # A packet on its first wire has the TTL that its host gave it.
    return None if found is None or found.ttl == 64 else replace(found, ttl=0, service=0)
