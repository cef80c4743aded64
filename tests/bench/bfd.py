"""BFD: how soon a dead neighbor is missed, whether anybody is missed who is there, and what many sessions cost.

In the simulator the seed and the moment of death spread over an interval. Detection is from the moment when the wire is
cut until the log says that the session is down. An outage is that of pings to a server behind the hub that dies (and
whose carrier behind it goes), as in `failover`. The hub with many sessions is one machine that takes a packet of each
neighbor every second, and is timed with what it answers; garbage is collected as in a router that runs.
"""

from __future__ import annotations

import time
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from bench.figures import Figure
from bench.loop import collecting
from dmvpn.base.events import IpReceived, Tick
from dmvpn.base.notices import Client, Configured, InterfaceState, WatchWanted
from dmvpn.features.bfd.machine import BfdMachine
from dmvpn.features.bfd.model import BfdConfig, Parameters
from dmvpn.features.bfd.packet import BfdState, ControlPacket
from dmvpn.net.ip import UdpDatagram
from support.fakes import fake_ports
from support.phases_page import FORMING, Case, configured
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

#: Virtual seconds for which nobody may be missed, and sessions of the large hub.
QUIET: Final = 600
SESSIONS: Final = 1000
_FAST: Final = "bfd interval 50 min_rx 50 multiplier 3"
_COMMON: Final = "bfd interval 250 min_rx 250 multiplier 3"


def measure(*, quick: bool) -> list[Figure]:
    """Detection, false alarms, a large hub, outages."""
    runs = 5 if quick else 40
    found = []
    for seed in range(runs):
        world = World("notes-phase3", seed=seed, change=_watched(_FAST)).converge()
        world.run_for(10 + seed * 0.0137)
        world.cut("R11", "GigabitEthernet0/1")
        cut = world.now
        while world.now < cut + 5 and not any("BFD_SESS_DOWN" in line for line in world.messages("R31")):
            world.run_for(0.001)
        found.append(1000 * (world.now - cut))
    detected = sorted(found)
    alarms = sum(_false_alarms(seed) for seed in range(1 if quick else 3))
    outages = {name: _outages(change, 1 if quick else 5) for name, change in _DESIGNS.items()}
    return [
        Figure(name="50 ms x 3: a dead neighbor is missed, p50", unit="ms", values=tuple(detected), goal=150),
        Figure(
            name="50 ms x 3: the same, p99",
            unit="ms",
            values=(detected[min(len(detected) - 1, len(detected) * 99 // 100)],),
            goal=180,
        ),
        Figure(name=f"50 ms x 3: missed in {QUIET} s that was there", unit="", values=(float(alarms),), goal=0),
        Figure(
            name=f"{SESSIONS:,} sessions at 1 s: processor time of a second",
            unit="ms",
            values=tuple(_large_hub(2 if quick else 10)),
            goal=200,
        ),
        *(
            Figure(name=f"a hub dies: outage by it, EIGRP, {name}", unit="s", values=values, goal=_GOALS[name])
            for name, values in outages.items()
        ),
        *(
            Figure(name=f"a hub dies: outage by it, {protocol}, {name}", unit="s", values=values, goal=goal)
            for protocol, (timers, _) in _PROTOCOLS.items()
            for name, values, goal in (
                ("its own timers", _deaths(protocol, 1 if quick else 3, watched=False), timers),
                ("BFD at 250 ms x 3", _deaths(protocol, 1 if quick else 3, watched=True), 1.0),
            )
        ),
    ]


def _watched(line: str) -> Callable[[str, str], str]:
    """A change that gives tunnels this line, and lets EIGRP of named mode ask for BFD there."""

    def change(_router: str, text: str) -> str:
        text = text.replace(" ip nhrp network-id", f" {line}\n ip nhrp network-id")
        family = "autonomous-system 100\n  !\n"
        return text.replace(family, f"{family}  af-interface default\n   bfd\n  exit-af-interface\n  !\n")

    return change


def _false_alarms(seed: int) -> int:
    world = World("notes-phase3", seed=seed, change=_watched(_FAST)).converge()
    world.run_for(QUIET)
    return sum("BFD_SESS_DOWN" in line for router in ("R11", "R31", "R41") for line in world.messages(router))


def _watching(_router: str, text: str) -> str:
    return (
        text.replace(" ip nhrp shortcut", " ip nhrp watch-servers\n ip nhrp shortcut") if "nhrp nhs" in text else text
    )


_DESIGNS: Final[dict[str, Callable[[str, str], str]]] = {
    "its own timers": lambda _router, text: text,
    "BFD at 250 ms x 3": _watched(_COMMON),
    "the spokes watch their servers by NHRP": _watching,
}
_GOALS: Final = {"its own timers": 15.0, "BFD at 250 ms x 3": 1.0, "the spokes watch their servers by NHRP": 3.0}


def _outages(change: Callable[[str, str], str], runs: int) -> tuple[float, ...]:
    found = []
    for seed in range(1, runs + 1):
        world = World("dual-hub", seed=seed, change=change).converge()
        world.stream("H1", "10.1.10.100", seconds=5 + seed * 0.77, rate=50)
        world.sim.hosts["H1"].received.clear()
        world.sim.kill("HUB1")
        world.configure("CORE", "interface GigabitEthernet0/1", "shutdown")  # no carrier from a router without power
        sent = world.stream("H1", "10.1.10.100", seconds=20, rate=50)
        found.append((sent - len(set(world.replies("H1")))) / 50)
    return tuple(found)


_HUBS: Final = ("10.255.0.1", "10.255.0.2")
_SPOKES: Final = ("10.255.0.11", "10.255.0.12")


def _bgp_watches(router: str) -> tuple[str, ...]:
    others = _SPOKES if router.startswith("HUB") else _HUBS
    return ("router bgp 65000", *(f"neighbor {other} fall-over bfd" for other in others))


#: Other protocols of the page of phases: the longest outage by their own timers, and how BFD is asked for.
_PROTOCOLS: Final[dict[str, tuple[float, Callable[[str], tuple[str, ...]]]]] = {
    "OSPF point-to-multipoint": (56.0, lambda _router: ("router ospf 1", "bfd all-interfaces")),
    "iBGP": (31.0, _bgp_watches),
    "RIP": (270.0, lambda _router: ("router rip", "bfd all-interfaces")),
}


def _deaths(protocol: str, runs: int, *, watched: bool) -> tuple[float, ...]:
    """Return seconds of pings to the server that were lost by the death of the hub through which they go."""
    case = Case(protocol, 3, summary=False, hubs=2)
    found = []
    for seed in range(1, runs + 1):
        world = World("dual-hub", seed=seed, change=lambda router, text: configured(case, router, text))
        world.run_for(FORMING)
        for router in ("HUB1", "HUB2", "SPOKE1", "SPOKE2") if watched else ():
            world.configure(router, "interface Tunnel0", _COMMON, *_PROTOCOLS[protocol][1](router))
        world.run_for(40 + seed * 0.77)  # a gateway of RIP is watched from its next update on
        world.sim.kill("HUB1")
        world.configure("CORE", "interface GigabitEthernet0/1", "shutdown")
        seconds, rate = (5.0, 50) if watched else (300.0, 5)
        world.sim.hosts["H1"].received.clear()
        sent = world.stream("H1", "10.1.10.100", seconds=seconds, rate=rate)
        found.append((sent - len(set(world.replies("H1")))) / rate)
    return tuple(found)


@collecting
def _large_hub(seconds: int) -> list[float]:
    """Milliseconds of the processor for each second: a packet of each neighbor, and one to each."""
    own, name = IPv4Address("10.0.0.1"), "Tunnel0"
    ports = fake_ports(InterfaceState(name=name, enabled=True, line=True, address=own, prefix_length=16))
    machine, now = BfdMachine(ports), 0.0
    machine.handle(Configured("bfd", BfdConfig(((name, Parameters(1000, 1000, 3)),))), now)
    peers = [IPv4Address(0x0A000100 + number) for number in range(SESSIONS)]
    for peer in peers:
        machine.handle(WatchWanted(Client.EIGRP, 100, name, peer, wanted=True), now)
    mine = {session.address: session.discriminator for session in machine.sessions.values()}
    for state in (BfdState.DOWN, BfdState.UP, BfdState.UP):
        arrivals = [_packet(name, peer, own, mine[peer], state) for peer in peers]
        for event in arrivals:
            machine.handle(event, now)
    spent = []
    for _ in range(seconds):
        begin = time.process_time()
        for event in arrivals:
            now += 1.0 / SESSIONS
            while (due := machine.next_deadline()) is not None and due <= now:
                machine.handle(Tick(), now)
            machine.handle(event, now)
        spent.append(1000 * (time.process_time() - begin))
    if not all(session.is_up for session in machine.sessions.values()):
        raise AssertionError("a session is down")
    return spent


def _packet(name: str, peer: IPv4Address, own: IPv4Address, yours: int, state: BfdState) -> IpReceived:
    packet = ControlPacket(
        state=state,
        multiplier=3,
        mine=int(peer),
        yours=yours if state is BfdState.UP else 0,
        desired_tx=1_000_000,
        required_rx=1_000_000,
    )
    datagram = UdpDatagram(source_port=49152, destination_port=3784, payload=packet.serialize())
    return IpReceived(name, peer, own, 17, datagram.serialize(peer, own), ttl=255)
