"""What VRFs cost: packets through one of many, the start of one in a lab, and its memory.

Packets: `bench.dataplane` with a tunnel in each VRF, all over one source, apart by their keys, with the same addresses
inside; the first one carries the traffic. Figures are those of one round: many VRFs beside one. Start: a data plane
makes a hundred namespaces, on a processor without other work. Memory: what a whole router with EIGRP in each VRF grows
by, and what the process of a plane grows by; what the kernel needs for a namespace, 78 KiB on Linux 6.18, is not in it.
"""

from __future__ import annotations

import gc
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench import dataplane
from bench.figures import Figure
from bench.labs import need_namespaces
from bench.loop import Loop
from bench.throughput import runs_of
from dmvpn.base.effects import SetVrfs
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ClockSet, ConfigurationEntered, Tick
from dmvpn.dataplane.engines import choose
from dmvpn.dataplane.userspace import UserspacePlane
from dmvpn.router.router import Router
from dmvpn.shells.lab.namespaces import run_in_lab
from dmvpn.shells.lab.vrf_namespaces import Namespaces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.shells.lab.forked import Json

#: Of VRFs; the first is what the others are compared with.
COUNTS: Final = (1, 10, 100)
MANY: Final = COUNTS[-1]
_KINDS: Final = {"tcp": "TCP, one stream", "udp64": "UDP, 64 octets"}
_VRF: Final = """
vrf definition V{number}
 address-family ipv4
 exit-address-family
!
interface Loopback{number}
 vrf forwarding V{number}
 ip address 10.0.0.1 255.255.255.0
!
router eigrp 1
 address-family ipv4 vrf V{number} autonomous-system 1
  network 10.0.0.0
!
"""


def measure(*, quick: bool) -> list[Figure]:
    """Packets, start and memory. Raises Skipped."""
    need_namespaces()
    figures = [_router_memory()]
    starts = run_in_lab(lambda: [_start() for _ in range(2 if quick else 5)])
    assert isinstance(starts, list)
    figures += [
        Figure(name=f"start of a VRF's namespace, one of {MANY}", unit="ms", values=_column(starts, 0), goal=20),
        Figure(name="memory of a data plane for each VRF", unit="KiB", values=_column(starts, 1)),
    ]
    return [*_packets(quick=quick), *figures]


def _packets(*, quick: bool) -> list[Figure]:
    effort = dataplane.Effort(rounds=1, tcp=1.0, udp=0.5) if quick else dataplane.Effort(rounds=7)
    engines = dataplane.engines()
    names = [dataplane.in_vrfs(engine, count) for engine in engines for count in COUNTS]
    measured = dataplane.measure(effort, names, tuple(_KINDS))
    figures = []
    for kind, what in _KINDS.items():
        for engine in engines:
            one, *more = (runs_of(measured, dataplane.in_vrfs(engine, count), kind) for count in COUNTS)
            for count, runs in zip(COUNTS[1:], more, strict=True):
                ratios = tuple(many / single for many, single in zip(runs, one, strict=False))
                name = f"{what}, {engine}: in one of {count} VRFs for each in a single one, round by round"
                figures.append(Figure(name=name, unit="x", values=ratios, floor=0.7, goal=0.95, more=True))
    return figures


def _start() -> Json:
    """Milliseconds and KiB for each VRF of a plane."""
    plane = UserspacePlane(lambda event: None, Loop(), choose("python"), manage=True, backends=Namespaces())
    plane.start()
    before, begun = _resident(), time.monotonic()
    plane.execute(SetVrfs(tuple(f"V{number}" for number in range(MANY))))
    took = time.monotonic() - begun
    grown = _resident() - before
    plane.execute(SetVrfs(()))
    plane.close()
    return [took / MANY * 1e3, grown / MANY / 1024]


def _router_memory() -> Figure:
    """What a router with EIGRP in each VRF grows by."""
    grown = []
    for count in (1, MANY + 1):
        gc.collect()
        before = _resident()
        router = Router(SeededEntropy(1))
        text = "".join(_VRF.format(number=number) for number in range(count))
        for event in (ClockSet(1.8e9), ConfigurationEntered(text, by="startup", saved=True), Tick()):
            router.handle(event, 0.0)
        assert len(router.vrfs) == count
        grown.append(_resident() - before)
        del router
    return Figure(
        name="memory of a router for each VRF with EIGRP, lines included",
        unit="KiB",
        values=((grown[1] - grown[0]) / MANY / 1024,),
    )


def _column(rows: Sequence[Json], place: int) -> tuple[float, ...]:
    return tuple(row[place] for row in rows if isinstance(row, list) and isinstance(row[place], float))  # type: ignore[misc]


def _resident() -> int:
    """Octets of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
