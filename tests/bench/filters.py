"""What packet filters cost: a router between two hosts, without a list, with a short one and with long ones.

    namespace A  10.98.1.2 ── router 10.98.1.1, 10.98.2.1 ── 10.98.2.2  namespace B

The kernel routes, as in `dmvpn run`, and the list is asked about what comes from A; its last entry permits the
packets. The entries of one of the lists alternate: sources, services of hosts, established TCP; the entries of another
list are ranges of ports. What is measured takes turns (without a list, short, long, alternating, ranges, without a
list, ...), and figures are those of one round: with a list beside without one. Change: from the order for another list
of 10,000 entries until the plane has carried it out; then every packet is decided by the new one. Simulated: packets of
a station to another site, with a list on the port of its LAN; processor time, a list and none by turns.
"""

from __future__ import annotations

import time
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from bench import dataplane
from bench.figures import Figure
from bench.labs import need_namespaces
from bench.loop import Loop
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import SendIp, SetFilters, SetInterface
from dmvpn.base.filters import ESTABLISHED, Condition, FilterEntry, FilterList, PortFilters
from dmvpn.base.translation import TCP, UDP, Addresses
from dmvpn.dataplane import netlink
from dmvpn.dataplane.python import PythonEngine
from dmvpn.dataplane.userspace import UserspacePlane
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.network.lines import after
from dmvpn.shells.lab.namespaces import inside_network, new_network, run_in_lab
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.simulator import Simulator

if TYPE_CHECKING:
    from dmvpn.shells.lab.forked import Json

SHORT, LONG, LONGEST = 10, 1_000, 10_000
_PLAIN, _ALTERNATING, _RANGES = "", " that alternate", " about ranges of ports"
_GOALS: Final = {
    (SHORT, _PLAIN): 0.90,
    (LONG, _PLAIN): 0.85,
    (LONG, _ALTERNATING): 0.85,
    (LONG, _RANGES): 0.85,
}
_PORT: Final = "GigabitEthernet0/1"
_OTHER_PORT: Final = "GigabitEthernet0/2"
_KINDS: Final = {"tcp": "TCP, one stream", "udp64": "UDP, 64 octets"}
_SIMULATED: Final = 0.9
#: To H4 of `notes-phase3`.
_UDP: Final = bytes((0, 7, 0, 7, 0, 72, 0, 0)) + bytes(64)
_DATAGRAM: Final = SendIp(None, None, IPv4Address("10.4.4.100"), IpProtocol.UDP, _UDP)
_ANY: Final = Addresses(IPv4Address(0), IPv4Address("255.255.255.255"))


def measure(*, quick: bool) -> list[Figure]:
    """Packets with lists beside packets without, and the change of the longest. Raises Skipped."""
    need_namespaces()
    rounds, seconds = (2, 0.5) if quick else (9, 1.0)
    measured = run_in_lab(lambda: _measure(rounds, seconds))
    assert isinstance(measured, dict)
    figures = []
    for kind, what in _KINDS.items():
        for (entries, how), goal in _GOALS.items():
            ratios = runs(measured, f"{kind}-{entries}{how}")
            name = f"{what}: with {entries:,} entries{how} for each without a list, round by round"
            figures.append(Figure(name=name, unit="", values=ratios, goal=goal, more=True))
    for how in (_PLAIN, _ALTERNATING):
        name = f"a list of {LONGEST:,} entries{how} changed"
        figures.append(Figure(name=name, unit="s", values=runs(measured, f"change{how}"), goal=1.0))
    return [*figures, *_simulated(rounds, quick=quick)]


def _simulated(rounds: int, *, quick: bool) -> list[Figure]:
    """Packets through lists in the simulator beside packets without."""
    packets = 500 if quick else 5_000
    worlds = {entries: _world(entries) for entries in (0, SHORT, LONG)}
    seconds: dict[int, list[float]] = {entries: [] for entries in worlds}
    for _ in range(rounds):
        for entries, world in worlds.items():
            begun = time.process_time()
            for _ in range(packets):
                world.hosts["H3"].send(_DATAGRAM, world.now)
                world.run_until(world.now + 0.001)
            seconds[entries].append(time.process_time() - begun)
    return [
        Figure(
            name=f"simulator: with {entries:,} entries for each without a list, round by round",
            unit="",
            values=tuple(bare / some for bare, some in zip(seconds[0], seconds[entries], strict=True)),
            goal=_SIMULATED,
            more=True,
        )
        for entries in (SHORT, LONG)
    ]


def _world(entries: int) -> Simulator:
    """A network whose stations know each other's direct path. entries: of the list on the LAN of R31, 0: none."""
    scenario = Scenario.load("notes-phase3")
    texts = dict(scenario.configurations)
    if entries:
        denied = [f" deny udp any host 172.20.{place // 250}.{place % 250}" for place in range(entries - 1)]
        lines = ["ip access-list extended LAN", *denied, " permit ip any any"]
        texts["R31"] = after(texts["R31"], [*lines, "interface GigabitEthernet0/2", " ip access-group LAN in"])
    world = Simulator.of(Scenario(scenario.name, scenario.lab, texts))
    world.run_until(60.0)
    world.hosts["H3"].send(_DATAGRAM, world.now)
    world.run_until(world.now + 30.0)
    return world


def runs(measured: dict[str, Json], name: str) -> tuple[float, ...]:
    values = measured[name]
    assert isinstance(values, list)
    return tuple(float(str(value)) for value in values)


def _measure(rounds: int, seconds: float) -> Json:
    router, hosts = new_network(), (new_network(), new_network())
    plug_in(router, hosts)
    found: dict[str, list[Json]] = {f"{kind}-{entries}{how}": [] for kind in _KINDS for entries, how in _GOALS}
    with inside_network(router):
        plane = UserspacePlane(lambda event: None, Loop(), PythonEngine, manage=True)
        plane.start()
        plane.adopt(_PORT, _OTHER_PORT)
        for number, port in ((1, _PORT), (2, _OTHER_PORT)):
            plane.execute(SetInterface(port, True, ((IPv4Address(f"10.98.{number}.1"), 24),)))
        time.sleep(1)  # until the carriers count
        for _ in range(rounds):
            bare: dict[str, float] = {}
            for entries, how in ((0, _PLAIN), *_GOALS):
                listed = _LISTS[how](entries, 0) if entries else None
                plane.execute(SetFilters(_PORT, PortFilters(inward=listed)))
                tcp = dataplane.tcp(hosts, "10.98.2.2", seconds)
                for kind, value in (("tcp", tcp), ("udp64", dataplane.udp(hosts, "10.98.2.2", seconds, 64))):
                    if not entries:
                        bare[kind] = value
                    else:
                        found[f"{kind}-{entries}{how}"].append(value / bare[kind])
        for how in _LISTS:
            found[f"change{how}"] = [_changed(plane, how, number) for number in range(rounds)]
        plane.close()
    return dict(found)


def _changed(plane: UserspacePlane, how: str, number: int) -> float:
    order = SetFilters(_PORT, PortFilters(inward=_LISTS[how](LONGEST, number)))
    begun = time.monotonic()
    plane.execute(order)
    return time.monotonic() - begun


def _list(entries: int, which: int) -> FilterList:
    """A list as people write them: networks that are denied, established TCP, services of hosts, and all the rest."""
    denied = [
        Condition(source=Addresses(IPv4Address(0xC0000000 + (place << 8)), IPv4Address(255)), destination=_ANY)
        for place in range(which, which + entries // 4)
    ]
    found = [*denied, Condition(source=_ANY, destination=_ANY, protocol=TCP, flags=ESTABLISHED)]
    while len(found) < entries - 1:
        place = len(found)
        host = Addresses(IPv4Address(0xAC100000 + place), IPv4Address(0))
        protocol, port = (TCP, 443) if place % 2 else (UDP, 53)
        found.append(Condition(source=_ANY, destination=host, protocol=protocol, destination_ports=((port, port),)))
    last = FilterEntry(10 * entries, True, Condition(source=_ANY, destination=_ANY))
    numbered = (FilterEntry(10 * number, number > len(denied), one) for number, one in enumerate(found, 1))
    return FilterList("100", (*numbered, last))


def _alternating(entries: int, which: int) -> FilterList:
    """A list that was written over the years: what its entries ask for takes turns, and so do permit and deny."""
    found = []
    for place in range(which, which + entries - 1):
        source = Addresses(IPv4Address(0xC0000000 + place), IPv4Address(0))
        host = Addresses(IPv4Address(0xAC100000 + place), IPv4Address(0))
        found.append(
            (
                Condition(source=source, destination=_ANY),
                Condition(source=_ANY, destination=host, protocol=TCP, destination_ports=((443, 443),)),
                Condition(source=_ANY, destination=host, protocol=UDP, destination_ports=((53, 53),)),
                Condition(source=_ANY, destination=host, protocol=TCP, flags=ESTABLISHED),
            )[place % 4]
        )
    last = FilterEntry(10 * entries, True, Condition(source=_ANY, destination=_ANY))
    numbered = (FilterEntry(10 * number, number % 3 > 0, one) for number, one in enumerate(found, 1))
    return FilterList("101", (*numbered, last))


def _ranges(entries: int, which: int) -> FilterList:
    """A list of ranges of ports, each of another network."""
    found = (
        Condition(
            source=_ANY,
            destination=Addresses(IPv4Address(0xAC100000 + (place << 8)), IPv4Address(255)),
            protocol=UDP,
            destination_ports=((1000 + place % 500, 2000 + place % 300),),
        )
        for place in range(which, which + entries - 1)
    )
    last = FilterEntry(10 * entries, True, Condition(source=_ANY, destination=_ANY))
    return FilterList("102", (*(FilterEntry(10 * number, True, one) for number, one in enumerate(found, 1)), last))


_LISTS: Final = {_PLAIN: _list, _ALTERNATING: _alternating, _RANGES: _ranges}


def plug_in(router: int, hosts: tuple[int, int]) -> None:
    with netlink.NetlinkSocket() as here:
        for number, host in enumerate(hosts, 1):
            near, far = (
                netlink.VethEnd(name=f"Gi0-{number}", namespace=router),
                netlink.VethEnd(name="eth0", namespace=host),
            )
            here.call(netlink.create_veth(near, far))
    for number, host in enumerate(hosts, 1):
        with inside_network(host), netlink.NetlinkSocket() as kernel:
            link = kernel.find_link("eth0")
            assert link is not None
            own = netlink.InterfaceAddress(link.index, IPv4Address(f"10.98.{number}.2"), 24)
            kernel.call(netlink.add_address(own), netlink.set_up("eth0"), netlink.set_up("lo"))
            hop = netlink.KernelNextHop(link.index, IPv4Address(f"10.98.{number}.1"))
            kernel.call(netlink.add_route(netlink.KernelRoute(Prefix(IPv4Address(0), 0), (hop,))))
