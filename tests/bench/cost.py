"""What this tree costs, in counts: function calls, octets kept, modules imported. Prints named figures as JSON.

Seconds vary from run to run; counts do not, on any machine and under any load. Each group of figures is measured in a
process of its own, in which everything happens before it is counted, so that imports and caches are not counted. The
profiler is blind to compiled code: it counts a function of C or Rust as one call, whatever that does.

`python -m bench.cost [GROUPS]` with PYTHONHASHSEED=0. `support/cost.py` compares figures of two trees, each measured
by its own copy of this file: whoever renames what is imported here changes it here, and figures keep their names.
"""

from __future__ import annotations

import cProfile
import gc
import json
import os
import subprocess
import sys
import tempfile
import tracemalloc
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.events import Event
    from support.ike_machines import MachineNet, Node

    Figures = dict[str, float]

ROOT: Final = Path(__file__).parents[2]
#: What is printed beside the figures, as a group of them.
_PRINTED: Final = "printed"
_LAB: Final = "notes-phase3"
#: A command as its start script runs it; the last line says how many modules came with it.
_COMMAND: Final = """
import sys
before = len(sys.modules)
from dmvpn.app.start import main
status = main()
print("modules", len(sys.modules) - before, status)
"""
#: A router whose configuration has nothing but a port, a tunnel of NHRP and a static route.
_PLAIN: Final = """hostname PLAIN
interface GigabitEthernet0/1
 ip address 198.51.100.1 255.255.255.0
interface Tunnel0
 ip address 10.0.0.1 255.255.255.0
 ip nhrp network-id 1
 tunnel source GigabitEthernet0/1
 tunnel mode gre multipoint
ip route 0.0.0.0 0.0.0.0 198.51.100.254
"""


def calls(act: Callable[[], object]) -> float:
    """Return how many functions are called, those of C included."""
    gc.collect()
    gc.disable()  # a collection at another place calls what is registered with it, and counts
    profile = cProfile.Profile()
    profile.enable()
    act()
    profile.disable()
    gc.enable()
    # Not by `pstats`: of functions with the same name and line, as generated ones are, that has one alone.
    return float(sum(entry.callcount for entry in profile.getstats()))


class _Kept:
    """Octets that are allocated and kept since the last look."""

    def __init__(self) -> None:
        tracemalloc.start()
        self._before = self._now()

    def _now(self) -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    def look(self) -> float:
        before, self._before = self._before, self._now()
        return float(self._before - before)


# ------------------------------------------------------------------------------------------------ the groups


def nhrp() -> Figures:
    """A hub and clients that register, register again and ask."""
    from bench.hub import make_hub, question, registration
    from dmvpn.features.nhrp.packet import parse

    count = 200
    requests = [registration(number) for number in range(1, count + 1)]
    questions = [question(number, count) for number in range(1, count + 1)]

    def all_of(hub_takes: Callable[[Event, float], object], events: list[Event], now: float) -> Callable[[], object]:
        return lambda: [hub_takes(event, now) for event in events]

    for _ in range(2):
        hub = make_hub()
        for now, events in ((1.0, requests), (2.0, requests), (3.0, questions)):
            all_of(hub.handle, list(events), now)()
    hub = make_hub()
    found = {
        "calls of the packet alone": calls(lambda: [parse(event.data).serialize() for event in requests]) / count,
        "calls of a first registration": calls(all_of(hub.handle, list(requests), 1.0)) / count,
        "calls of a refreshed registration": calls(all_of(hub.handle, list(requests), 2.0)) / count,
        "calls of a resolution passed on": calls(all_of(hub.handle, list(questions), 3.0)) / count,
    }
    del hub
    kept = _Kept()
    hub = make_hub()
    hub.handle(requests[0], 1.0)
    kept.look()
    all_of(hub.handle, list(requests[1:]), 1.0)()
    return {**found, "octets of a client": kept.look() / (count - 1)}


def simulator() -> Figures:
    """A simulated network of one hub: each figure is that of one spoke."""
    from dmvpn.shells.simulator import Simulator
    from dmvpn.shells.simulator.topologies import phase3

    for _ in range(2):
        Simulator.of(phase3(2)).run_for(30.0)
    spokes, worlds, scenario = 10, [], phase3(10)
    found = {
        "calls of a spoke's boot": calls(lambda: worlds.append(Simulator.of(scenario))) / spokes,
        "calls of a spoke's convergence": calls(lambda: worlds[0].run_for(5.0)) / spokes,
    }
    worlds[0].run_for(20.0)
    found["calls of a spoke's quiet second"] = calls(lambda: worlds[0].run_for(60.0)) / spokes / 60
    worlds.clear()
    spokes, scenario = 20, phase3(20)
    Simulator.of(scenario).run_for(25.0)
    kept = _Kept()
    worlds.append(Simulator.of(scenario))
    worlds[0].run_for(25.0)
    return {**found, "octets of a spoke": kept.look() / spokes}


def routing() -> Figures:
    """What a hub takes from a neighbor of a routing protocol, with all that follows in the next seconds."""
    from bench.events import BGP, Hub, bgp_calls
    from bench.micro import TUNNEL
    from dmvpn.base.addresses import Prefix
    from dmvpn.base.events import IpReceived
    from dmvpn.base.streams import StreamData
    from dmvpn.features.bgp.attributes import Attributes, write
    from dmvpn.features.bgp.packet import Update, serialize
    from dmvpn.features.eigrp.machine import EigrpMachine
    from dmvpn.features.eigrp.model import IPV4
    from dmvpn.features.eigrp.output import PROTOCOL
    from dmvpn.features.ospf.lsa import ExternalBody, Lsa, LsaKey, LsaType
    from dmvpn.features.ospf.machine import OspfMachine
    from dmvpn.features.ospf.packet import LinkStateUpdate, OspfPacket
    from dmvpn.shells.scenario import Scenario
    from dmvpn.shells.simulator import Simulator
    from dmvpn.shells.simulator.multiply import multiply
    from dmvpn.shells.simulator.topologies import phase3

    world = Simulator.of(phase3(10))
    world.run_for(10.0)
    hub, now = world.routers["HUB"].router, world.now
    (eigrp,) = hub.machine(EigrpMachine).processes.values()
    hellos = [
        IpReceived(TUNNEL, neighbor.address, IPV4.group, PROTOCOL, neighbor.hello, ttl=2)
        for neighbor in eigrp.neighbors()
    ]
    for _ in range(2):
        [hub.handle(hello, now) for hello in hellos]
    found = {"calls of a Hello of EIGRP": calls(lambda: [hub.handle(hello, now) for hello in hellos]) / len(hellos)}

    (scenario,) = multiply([Scenario.load("ospf-phase3")], 8)
    for name, text in scenario.configurations.items():
        scenario.configurations[name] = "\n".join(line for line in text.splitlines() if "digest" not in line)
    world = Simulator.of(scenario)
    world.run_for(60.0)
    alone = Hub(world.routers["HUB"].router, "", world.now)
    (ospf,) = alone.router.machine(OspfMachine).processes.values()
    interface = ospf.interfaces[TUNNEL]
    me = next(iter(interface.neighbors.values()))

    def lsas(first: int) -> IpReceived:
        """Ten networks that the neighbor has found elsewhere."""
        made = tuple(
            Lsa.make(
                LsaKey(LsaType.EXTERNAL, IPv4Address(0x14000000 + 256 * (first + number)), IPv4Address("7.7.7.7")),
                ExternalBody(mask=IPv4Address("255.255.255.0"), metric=20),
                sequence=1,
                options=2,
                age=1,
            )
            for number in range(10)
        )
        packet = OspfPacket(router=me.router, area=IPv4Address(0), content=LinkStateUpdate(made))
        return IpReceived(TUNNEL, me.address, interface.address, 89, packet.serialize(), 1)

    def happens(hub: Hub, event: Event) -> None:
        hub.handle(event)
        hub.run(3.0)

    for number in range(2):
        happens(alone, lsas(10 * number))
    found["calls of an LSA of OSPF"] = calls(partial(happens, alone, lsas(20))) / 10

    reflector = Hub.of(BGP, "")
    reflector.handle(*bgp_calls(10, 1))
    reflector.run(30.0)

    def update(first: int) -> StreamData:
        attributes = write(Attributes(next_hop=IPv4Address("10.32.0.1"), local_pref=100), wide=True)
        prefixes = tuple(Prefix.of(IPv4Address(0x14000000 + 256 * (first + number)), 24) for number in range(100))
        return StreamData(1, serialize(Update(attributes=attributes, announced=prefixes)))

    for number in range(2):
        happens(reflector, update(100 * number))
    found["calls of an UPDATE of BGP with 100 prefixes"] = calls(partial(happens, reflector, update(200)))
    return found


def ike() -> Figures:
    """Handshakes with a pre-shared key, both ends, the first pair of SAs included."""
    from bench.ike import FIRST, ISAKMP, X25519, meet, network

    def begin(net: MachineNet, hub: Node, lines: str, spokes: list[IPv4Address]) -> None:
        for spoke in spokes:
            meet(net, hub, spoke, lines)

    found, spokes = {}, [FIRST + number for number in range(7)]
    for version, lines in (("IKEv2", X25519), ("IKEv1", ISAKMP.format(group=19))):
        net, hub = network(20, lines)
        begin(net, hub, lines, spokes[:2])
        found[f"calls of a handshake of {version}"] = calls(partial(begin, net, hub, lines, spokes[2:])) / 5
    return found


def prompt() -> Figures:
    """A show of 1,000 entries, and lint."""
    from bench.hub import make_hub, registration
    from dmvpn.face.session import ConsoleSession
    from dmvpn.shells.handle import Handle
    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.lint import lint

    hub, entries = make_hub(), 1000

    def post(event: Event) -> None:
        hub.handle(event, 1.0)

    for number in range(1, entries + 1):
        post(registration(number))
    terminal = ConsoleSession(Handle(lambda: hub, lambda: 1.0, post, lambda _name, _octets: None), 1)
    terminal.start()
    terminal.feed(b"terminal length 0\r")

    def show() -> None:
        terminal.feed(b"show dmvpn\r")
        assert terminal.take_output().count(b" UP ") == entries

    show()
    show()
    found = {"calls of a show of 1,000 entries": calls(show)}
    lint(Scenario.load("intro-phase3").configurations)
    lint(Scenario.load("isakmp-phase3").configurations)
    three = dict(list(Scenario.load(_LAB).configurations.items())[:3])
    assert len(three) == 3
    return {**found, "calls of lint of three files": calls(lambda: lint(three))}


def kernel() -> Figures:
    """Routes on their way into the kernel, as octets of netlink; no kernel takes them."""
    from dmvpn.base.addresses import Prefix
    from dmvpn.base.effects import NextHop, SetRoute
    from dmvpn.dataplane.netlink import NetlinkSocket
    from dmvpn.dataplane.userspace.cleanup import StaleObjects
    from dmvpn.dataplane.userspace.keeper import Keeper
    from dmvpn.dataplane.userspace.links import MAIN
    from dmvpn.dataplane.userspace.records import Ledger, Others
    from dmvpn.dataplane.userspace.routes import Guard, KernelRoutes
    from dmvpn.dataplane.userspace.tables import TableHost
    from dmvpn.dataplane.userspace.translation import Translation

    class Deaf(NetlinkSocket):
        """A socket whose requests are written, and never sent."""

        def __init__(self) -> None:
            self._sequence = self.written = 0

        def _exchange(self, batch, octets, first):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            self.written += len(octets)
            return []

    count = 200
    hops = tuple(NextHop("GigabitEthernet0/1", IPv4Address("198.51.100.1") + number) for number in range(4))

    def others() -> Others:
        return Others()

    def routes(net: int) -> list[SetRoute]:
        first = (net << 24) + 256
        return [SetRoute(Prefix.of(IPv4Address(first + 256 * n), 24), (hops[n % 4],)) for n in range(count)]

    def nothing(*_given: object) -> None:
        return None

    socket, ledger = Deaf(), Ledger(None)
    keeper = Keeper(socket, nothing)
    translation = Translation(TableHost(ledger, others, nothing), str, lambda _name: [], socket, keeper, MAIN.table)
    guard, left = Guard(socket, keeper, others), StaleObjects(socket, MAIN)
    table = KernelRoutes(socket, keeper, guard, ledger, left, translation, index=len)
    for net in (20, 21):
        assert table.carry_out(routes(net)) == []
    orders, before = routes(22), socket.written
    found = {"calls of a route to the kernel": calls(lambda: table.carry_out(orders)) / count}
    assert socket.written > before
    return found


def plain() -> Figures:
    """A router whose configuration has none of the newest features."""
    before = len(sys.modules)
    from dmvpn.base.entropy import SeededEntropy
    from dmvpn.base.events import ClockSet, ConfigurationEntered, LinkChanged, Tick
    from dmvpn.router.router import Router

    def live() -> Router:
        router = Router(SeededEntropy(1))
        start: tuple[Event, ...] = (ClockSet(1.8e9), ConfigurationEntered(_PLAIN, by="startup", saved=True))
        for event in (*start, LinkChanged("GigabitEthernet0/1", up=True)):
            router.handle(event, 0.0)
        while (due := router.next_deadline()) is not None and due <= 60.0:
            router.handle(Tick(), due)
        return router

    live()
    found = {"modules of a plain router": float(len(sys.modules) - before)}
    live()
    kept = _Kept()
    router = live()
    found["octets of a plain router"] = kept.look()
    del router
    return found


def commands() -> Figures:
    """Modules of commands, after the answer; a simulated lab is up."""
    with tempfile.TemporaryDirectory(prefix="cost-") as folder:
        os.environ |= {"XDG_RUNTIME_DIR": folder, "HOME": folder}
        _run("lab", "up", "--simulated", _LAB)
        try:
            return {
                "modules of `-r R31 show clock`": _run("-r", "R31", "show", "clock"),
                "modules of `lab list`": _run("lab", "list"),
                "modules of `explain NHRP`": _run("explain", "NHRP"),
                "modules of a Tab behind `lab up`": _run("--complete", "lab", "up", "intro"),
                "modules of `lint` of a scenario": _run("lint", _LAB),
            }
        finally:
            _run("lab", "down", _LAB)


def _run(*words: str) -> float:
    """Return how many modules a command of this tree needs. Raises RuntimeError if it fails."""
    done = subprocess.run([sys.executable, "-c", _COMMAND, *words], capture_output=True, text=True, check=False)
    said, _, last = done.stdout.rstrip().rpartition("\n")
    match last.split():
        case ["modules", number, "0"] if said:
            return float(number)
    raise RuntimeError(f"dmvpn {' '.join(words)}: {done.stdout}{done.stderr}")


GROUPS: Final[dict[str, Callable[[], Figures]]] = {
    "NHRP": nhrp,
    "simulator": simulator,
    "routing": routing,
    "IKE": ike,
    "prompt": prompt,
    "kernel": kernel,
    "plain router": plain,
    "commands": commands,
}


def printed() -> Figures:
    """Return what is worth a look and grows with the program: no figure to judge a change by."""
    before = len(sys.modules)
    import dmvpn.router.features  # noqa: F401

    lines = sum(path.read_bytes().count(b"\n") for path in (ROOT / "src").rglob("*.py"))
    return {"modules of all features": float(len(sys.modules) - before), "lines of src": float(lines)}


def main(groups: list[str]) -> None:
    """Print the figures of these groups, or of all and what is only printed. One group is measured here."""
    if len(groups) == 1:
        print(json.dumps(printed() if groups == [_PRINTED] else GROUPS[groups[0]]()))
        return
    found: dict[str, Figures] = {"judged": {}, "printed": {}}
    for group in groups or (*GROUPS, _PRINTED):
        words = [sys.executable, "-m", "bench.cost", group]
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
        for name, value in json.loads(done.stdout).items():
            if group == _PRINTED:
                found["printed"][name] = value
            else:
                found["judged"][f"{group}: {name}"] = value
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
