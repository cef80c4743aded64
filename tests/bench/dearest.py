"""The dearest packets that a member, a neighbor or a stranger may send, and how much of a core a flood of them takes.

A whole router with all features takes the packets, in virtual time; effects are dropped. One packet: processor time
from the packet to its effects, and of the timers of the next tenth of a second, each packet so much later than the one
before that nothing is held back. A flood: a packet in each millisecond for four seconds (BGP: in each hundredth of a
second). The share of a core is the processor time of all that, divided by the four seconds; the longest step is what
others wait for.
"""

from __future__ import annotations

import gc
import sys
import time
from importlib.util import find_spec
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple

from bench.events import BGP, EIGRP, PORTS, RIP, Hub, Watch, bgp_calls
from bench.figures import Figure
from bench.hub import TUNNEL, make_hub, registration
from dmvpn.base.addresses import Prefix
from dmvpn.base.events import IpReceived, NhrpReceived
from dmvpn.base.protection import EspCipher, EspSa, EspTransform
from dmvpn.base.streams import StreamData
from dmvpn.dataplane.esp.suite import EspSuite
from dmvpn.dataplane.esp.table import Outbound
from dmvpn.features.bgp.attributes import Attributes, write
from dmvpn.features.bgp.packet import Update, serialize
from dmvpn.features.eigrp.metric import Vector
from dmvpn.features.eigrp.output import PROTOCOL
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode
from dmvpn.features.eigrp.tlv import Encoded
from dmvpn.features.eigrp.topology import Advert, to_tlv
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint
from dmvpn.features.nhrp.packet import (
    PurgeFlag,
    PurgeRequest,
    RegistrationFlag,
    RegistrationRequest,
    ResolutionFlag,
    ResolutionRequest,
)
from dmvpn.features.nhrp.parts import ClientInfo
from dmvpn.features.ospf.lsa import ExternalBody, LsaKey, LsaType
from dmvpn.features.ospf.lsa import Lsa as OspfLsa
from dmvpn.features.ospf.machine import OspfMachine
from dmvpn.features.ospf.packet import LinkStateUpdate as OspfUpdate
from dmvpn.features.ospf.packet import OspfPacket
from dmvpn.features.rip.packet import Command, RipEntry, RipPacket
from dmvpn.net.ip import UdpDatagram
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.shells.simulator.multiply import multiply
from dmvpn.shells.simulator.topologies import nbma, tunnel
from support import traffic
from support.eigrp_net import Crowd
from support.ike_net import IkeNet, Settings, Site, begins

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.events import Event

    Make = Callable[[int], Event]

#: A tenth of a core, in percent, and what others may wait for, milliseconds.
_SHARE: Final = 10.0
_WAIT: Final = 50.0
_FLOOD: Final = 4.0


class Dear(NamedTuple):
    """name: of the packet. octets: of it. one: milliseconds. share: percent of a core under a flood; longest: ms."""

    name: str
    octets: int
    one: float
    share: float
    longest: float

    @property
    def holds(self) -> float:
        """Mbit/s at which it would hold a core if nothing bounded it."""
        return 8 * self.octets / self.one / 1e3


def _spend(hub: Hub | _World, *events: Event, seconds: float) -> tuple[float, float]:
    """Return processor seconds of events and the time behind them, and of the longest step."""
    costs = hub.watch.costs
    costs.clear()
    hub.handle(*events)
    hub.run(seconds)
    return sum(cost for cost, _ in costs), max((cost for cost, _ in costs), default=0.0)


def _measure(
    name: str,
    hub: Hub | _World,
    make: Make,
    octets: int,
    *,
    alive: Callable[[], None] | None = None,
    apart: float = 0.001,
    before: int = 0,
) -> Dear:
    costs = []
    for number in range(15):
        costs.append(_spend(hub, make(number), seconds=0.1)[0])
        if alive is not None:
            alive()
        hub.run(2.0)
    gc.collect()
    for number in range(before):  # what it may cause at once is used up
        _spend(hub, make(number), seconds=apart)
    spent = longest = 0.0
    for number in range(int(_FLOOD / apart)):
        some, most = _spend(hub, make(number), seconds=apart)
        spent, longest = spent + some, max(longest, most)
    one = 1e3 * sorted(costs)[len(costs) // 2]
    found = Dear(name, octets, one, 100 * spent / _FLOOD, 1e3 * longest)
    print(
        f"{name:60} {octets:6,} octets {one:7.3f} ms, holds a core at {found.holds:7.2f} Mbit/s;"
        f" a flood takes {found.share:5.1f} % and {found.longest:6.2f} ms at once",
        flush=True,
    )
    return found


# ------------------------------------------------------------------------------------------------ NHRP


def _guests(count: int) -> tuple[ClientInfo, ...]:
    first = IPv4Address("10.99.0.0")
    return tuple(ClientInfo(prefix_length=32, holding_time=600, protocol=first + number) for number in range(count))


def _always(event: Event) -> Make:
    return lambda number: event


def _registration(cies: tuple[ClientInfo, ...]) -> RegistrationRequest:
    return RegistrationRequest(
        source_nbma=nbma(1),
        source_protocol=tunnel(1),
        destination_protocol=tunnel(0),
        flags=RegistrationFlag.NAT,
        request_id=1,
        cies=cies,
    )


def nhrp() -> list[Dear]:
    """A member of a hub with 2,000 clients."""
    hub = Hub(make_hub(), "NHRP")
    hub.handle(*(registration(number) for number in range(1, 2001)))
    hub.run(5.0)
    cases = (
        ("NHRP: a registration of one entry", _registration(())),
        ("NHRP: a registration of 550 entries", _registration(_guests(550))),
        (
            "NHRP: a purge of 550 entries",
            PurgeRequest(
                source_nbma=nbma(1),
                source_protocol=tunnel(1),
                destination_protocol=tunnel(0),
                flags=PurgeFlag.NAT,
                request_id=1,
                cies=_guests(550),
            ),
        ),
        (
            "NHRP: a question that is passed on",
            ResolutionRequest(
                source_nbma=nbma(1),
                source_protocol=tunnel(1),
                destination_protocol=tunnel(1500),
                flags=ResolutionFlag.ROUTER | ResolutionFlag.NAT,
                request_id=1,
                cies=(ClientInfo(prefix_length=32, holding_time=600),),
            ),
        ),
    )
    found = []
    for name, packet in cases:
        event = NhrpReceived(TUNNEL, nbma(1), packet.serialize())
        found.append(_measure(name, hub, _always(event), len(event.data)))
    return found


# ------------------------------------------------------------------------------------------------ EIGRP, OSPF, RIP, BGP


def eigrp() -> list[Dear]:
    """A neighbor of a hub with 200 others: each packet gives thirty routes other metrics."""
    hub = Hub.of(EIGRP, "EIGRP")
    crowd = Crowd(200, hub.router)
    crowd.now = hub.now
    crowd.run(20.0)
    hub.now = crowd.now
    me = crowd.spokes[0].address
    networks = [Prefix.of(IPv4Address(0x14000000 + 256 * number), 24) for number in range(30)]

    def octets(number: int) -> bytes:
        metric = Vector(delay=10_000_000 + 1000 * (number % 7), bandwidth=1_000_000, mtu=1400)
        told = b"".join(to_tlv(prefix, Advert(metric), wide=True).serialize() for prefix in networks)
        update = EigrpPacket(
            opcode=Opcode.UPDATE, autonomous_system=100, sequence=9000 + number, tlvs=(Encoded(octets=told),)
        )
        return update.serialize()

    def alive() -> None:
        crowd.now = hub.now
        crowd.run(0.0)

    def make(number: int) -> Event:
        return IpReceived("Tunnel100", me, IPv4Address("172.16.0.1"), PROTOCOL, octets(number), 2)

    return [_measure("EIGRP: an update of 30 routes that change", hub, make, len(octets(0)), alive=alive)]


def rip() -> list[Dear]:
    """A gateway: each packet gives 25 routes other metrics."""
    hub = Hub.of(RIP, "RIP")
    source, group, mask = IPv4Address("192.0.2.2"), IPv4Address("224.0.0.9"), IPv4Address("255.255.255.0")

    def make(number: int) -> IpReceived:
        entries = tuple(
            RipEntry(address=IPv4Address(0x14000000 + 256 * one), mask=mask, metric=1 + number % 2) for one in range(25)
        )
        octets = RipPacket(command=Command.RESPONSE, entries=entries).serialize()
        datagram = UdpDatagram(source_port=520, destination_port=520, payload=octets).serialize(source, group)
        return IpReceived(PORTS[0], source, group, 17, datagram, ttl=1)

    return [_measure("RIP: a response of 25 routes that change", hub, make, len(make(0).payload))]


class _World:
    """A hub in a simulated network, with what `Hub` offers."""

    def __init__(self, spokes: int) -> None:
        (scenario,) = multiply([Scenario.load("ospf-phase3")], spokes)
        for name, text in scenario.configurations.items():
            scenario.configurations[name] = "\n".join(line for line in text.splitlines() if "digest" not in line)
        self.world = Simulator.of(scenario)
        self.world.run_for(60.0)
        self.watch = Watch(self.world.routers["HUB"].router, "OSPF")

    def handle(self, *events: Event) -> None:
        for event in events:
            self.world.post("HUB", event)

    def run(self, seconds: float) -> None:
        self.world.run_for(seconds)


def ospf() -> list[Dear]:
    """A neighbor of a hub with seven others: each packet has other instances of 40 external routes."""
    hub = _World(8)
    router = hub.world.routers["HUB"].router
    (process,) = router.machine(OspfMachine).processes.values()
    interface = process.interfaces["Tunnel0"]
    me = next(iter(interface.neighbors.values()))
    nobody, mask = IPv4Address("7.7.7.7"), IPv4Address("255.255.255.0")

    def make(number: int) -> IpReceived:
        lsas = tuple(
            OspfLsa.make(
                LsaKey(LsaType.EXTERNAL, IPv4Address(0x14000000 + 256 * (40 * (number % 50) + one)), nobody),
                ExternalBody(mask=mask, metric=20 + number % 2),
                sequence=next(sequences),
                options=2,
                age=1,
            )
            for one in range(40)
        )
        packet = OspfPacket(router=me.router, area=IPv4Address(0), content=OspfUpdate(lsas))
        return IpReceived("Tunnel0", me.address, interface.address, 89, packet.serialize(), 1)

    sequences = iter(range(1, 1 << 30))
    return [_measure("OSPF: an update of 40 new external LSAs", hub, make, len(make(0).payload))]


def bgp() -> list[Dear]:
    """A neighbor beside fifty others: each message gives a thousand routes another preference."""
    hub = Hub.of(BGP, "BGP")
    hub.handle(*bgp_calls(50, 1))
    hub.run(30.0)
    prefixes = tuple(Prefix.of(IPv4Address(0x14000000 + 256 * number), 24) for number in range(1000))

    def make(number: int) -> StreamData:
        attributes = write(Attributes(next_hop=IPv4Address("10.32.0.1"), local_pref=100 + number % 2), wide=True)
        return StreamData(1, serialize(Update(attributes=attributes, announced=prefixes)))

    return [
        _measure("BGP: an UPDATE of 1,000 routes that change", hub, make, len(make(0).octets), apart=0.01, before=300)
    ]


def ike() -> list[Dear]:
    """A stranger that is really where it says it is, and a stranger anywhere, to a responder that asks for cookies."""
    found = []
    for name, cookies_from in (("IKE: a beginning, with its cookie", 1 << 30), ("IKE: a beginning, without one", 0)):
        net = IkeNet()
        site = net.site("192.0.2.2", Settings(cookies_from=cookies_from))
        path = DatagramPath(Endpoint(site.address, 500), Endpoint(IPv4Address("203.0.113.66"), 500))

        def take(number: int, site: Site = site, path: DatagramPath = path) -> float:
            octets, now = begins(number), number / 1000
            begun = time.thread_time()
            site.sas.handle(octets, path, now)
            site.sas.tick(now)
            return time.thread_time() - begun

        costs = [take(number) for number in range(100)]
        flood = [take(number) for number in range(100, 100 + int(_FLOOD * 1000))]
        found.append(_noted(name, len(begins(1)), 1e3 * sorted(costs)[50], flood))
    return found


def esp() -> list[Dear]:
    """What a stranger on the path, or anywhere, sends to the data planes: no bound but its cost. Needs the engine."""
    found: list[Dear] = []
    if find_spec("dmvpn_engine") is None:
        return found
    for name in ("replayed", "with a wrong ICV", "of an unknown SPI"):
        found += [_esp(f"ESP of 1,400 octets {name}: {engine}", name, engine) for engine in ("Python", "Rust")]
    return found


def _esp(title: str, name: str, engine: str) -> Dear:
    sa = EspSa(
        connection=1,
        spi_in=0x1001,
        spi_out=0x2001,
        transform=EspTransform(EspCipher.AES_GCM, 256),
        key_in=bytes(36),
        key_out=bytes(36),
        local=IPv4Address(traffic.OURS[0]),
        remote=IPv4Address(traffic.THEIRS[0]),
    )
    from support.both_cores import Both  # only where the engine is

    both = Both([])
    both.install(sa, eager=True)
    sealed = Outbound(EspSuite.of(sa.transform), sa.spi_in.to_bytes(4, "big"), sa.key_in).seal(bytes(1360), 47)
    if name == "with a wrong ICV":
        sealed = sealed[:-1] + bytes((sealed[-1] ^ 1,))
    if name == "of an unknown SPI":
        sealed = bytes((0, 0, 9, 9)) + sealed[4:]
    packet = bytes.fromhex("45000000000000004032") + bytes(2) + traffic.THEIRS[0] + traffic.OURS[0] + sealed
    core, door = both.python if engine == "Python" else both.rust, both.door(traffic.OURS[0])
    core.inbound_esp(door, packet, 0.0)
    flood = []
    for number in range(int(_FLOOD * 1000)):
        begun = time.perf_counter()
        core.inbound_esp(door, packet, number / 1000)
        flood.append(time.perf_counter() - begun)
    return _noted(title, len(packet), 1e3 * sorted(flood)[len(flood) // 2], flood)


def _noted(name: str, octets: int, one: float, flood: list[float]) -> Dear:
    found = Dear(name, octets, one, 100 * sum(flood) / _FLOOD, 1e3 * max(flood))
    print(found, f"holds a core at {found.holds:.2f} Mbit/s", flush=True)
    return found


CASES: Final[dict[str, Callable[[], list[Dear]]]] = {
    "nhrp": nhrp,
    "eigrp": eigrp,
    "ospf": ospf,
    "rip": rip,
    "bgp": bgp,
    "ike": ike,
    "esp": esp,
}


def measure(*, quick: bool) -> list[Figure]:
    """One packet of each kind, and a flood of it."""
    gc.disable()
    try:
        found = [one for name, case in CASES.items() for one in case() if not quick or name != "ospf"]
    finally:
        gc.enable()
    figures = []
    usual = found[0].one
    for one in found:
        figures.append(
            Figure(
                name=one.name, unit="ms", values=(one.one,), baseline=(usual,), against="a registration of one entry"
            )
        )
        figures.append(Figure(name=f"{one.name}: Mbit/s that would hold a core", unit="Mbit/s", values=(one.holds,)))
        figures.append(Figure(name=f"{one.name}: share of a core", unit="%", values=(one.share,), goal=_SHARE))
        figures.append(Figure(name=f"{one.name}: at once", unit="ms", values=(one.longest,), goal=_WAIT))
    return figures


if __name__ == "__main__":
    gc.disable()
    for chosen in sys.argv[1:] or CASES:
        CASES[chosen]()
