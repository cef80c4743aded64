"""The doctor's measure of packet filters: every mechanism of `LISTS` in clouds that have lists at some of their ports.

Run `python -m support.list_faults` in the folder tests: it prints each case, and the table. What lists do to TCP and to
ICMP is measured besides the rows (`dmvpn.labs.proofs.case`), which are of UDP: `Services`.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field, replace
from functools import cache
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import SendIp
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.filtered import packet_of
from dmvpn.labs.proofs.breaking import ill, near_of
from dmvpn.labs.proofs.case import HEALED
from dmvpn.labs.proofs.networks import drawn
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.diff.rows import worse
from dmvpn.tools.doctor import visit
from dmvpn.tools.doctor.packet_flows import PLAIN, Kind
from dmvpn.tools.troubles import LISTS, Fault, Lists, Plan, Stage, Vrfs, fault
from support.diagnoses import PLAIN as CLOUD
from support.diagnoses import follow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.filters import Packet
    from dmvpn.labs.proofs.case import Case
    from dmvpn.tools.doctor.verdicts import Finding

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
    what = CLOUDS[name]
    return Scenario.load(what) if isinstance(what, str) else drawn(what)


def cases() -> Iterator[tuple[str, Fault]]:
    """Yield every mechanism in every cloud that it fits."""
    for name in CLOUDS:
        stage = Stage.of(cloud(name))
        for known in LISTS:
            found = fault(known, stage)
            if found is not None:
                yield name, found


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
        return {what for what, packet in sent if _at_end(packet) in came}

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


def _at_end(packet: Packet) -> Packet:
    return replace(packet, ttl=0, service=0)


def _bare(data: bytes) -> Packet | None:
    found = packet_of(data)
    # A packet on its first wire has the TTL that its host gave it.
    return None if found is None or found.ttl == 64 else replace(found, ttl=0, service=0)


@dataclass(slots=True)
class Seen:
    """What became of a case. first: the first finding, None: there is none. lost: what did not arrive any more."""

    chosen: Fault
    first: Finding | None
    lost: tuple[str, ...]
    left: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    fixes: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def named(self) -> bool:
        """Is it named first, at its place?"""
        return self.first is not None and self.chosen.is_named(self.first.cause, self.first.router)

    @property
    def healed(self) -> bool:
        """Does everything arrive as before, and nothing else?"""
        return not self.left

    def __str__(self) -> str:
        said = "nothing" if self.first is None else f"{self.first.cause.value}, {self.first.router}: {self.first.what}"
        verdict = f"{'named' if self.named else 'NOT NAMED'}, {'healed' if self.healed else 'NOT HEALED'}"
        more = f" OPENED {self.extra[:3]}" if self.extra else ""
        return f"{self.chosen.id} [{len(self.lost)} lost]: {verdict}{more}: {said} {self.fixes} ({self.seconds:.1f} s)"


def treated(name: str, chosen: Fault) -> Seen:
    """Return what the doctor says of a cloud with a fault, and what its lines do."""
    begin = time.perf_counter()
    well_case, _ = ill(cloud(name), near=near_of(chosen))
    usual = Services(well_case).arriving()
    case, well = ill(cloud(name), chosen, near=near_of(chosen))
    services = Services(case)
    now = services.arriving()
    lost = (*worse(case.rows(), well), *map(str, sorted(usual - now)))
    findings = visit(case.patient).findings
    seen = Seen(chosen, next((one for one in findings if not one.advice), None), lost)
    seen.fixes += [(one.router, one.fix) for one in follow(case, findings)]
    case.wait(HEALED)
    case.rows()
    after = services.arriving()
    seen.left = (*worse(case.rows(), well), *map(str, sorted(usual - after)))
    seen.extra = tuple(map(str, sorted(after - usual)))
    seen.seconds = time.perf_counter() - begin
    return seen


def main() -> None:
    """Print all of them, and the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", action="append", default=[], help="a mechanism, or a cloud")
    arguments = parser.parse_args()
    found: list[Seen] = []
    for name, chosen in cases():
        if not arguments.only or {name, chosen.trouble.id, f"{name}/{chosen.trouble.id}"} & set(arguments.only):
            found.append(treated(name, chosen))
            print(f"{name}: {found[-1]}", flush=True)
    print(f"{len(found)} cases: {sum(one.named for one in found)} named, {sum(one.healed for one in found)} healed")


if __name__ == "__main__":
    main()
