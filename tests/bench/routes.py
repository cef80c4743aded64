"""100,000 routes that BGP learns, put into the kernel, beside FRR's bgpd and zebra.

The hub is a router in a namespace, which two internal neighbors in another one call. The first tells 100,000 prefixes
with 100 different attributes; then the second tells the same ones, so that each route has two next hops
(`maximum-paths ibgp 2`); then the first goes, and the second. Measured is, from the first octet of an UPDATE or the end
of a session, until the kernel's table has all routes, or two next hops for each, or none; and the hub's processor time.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.bgp import memory, processor_time, spans, timed
from bench.figures import Figure, Skipped
from dmvpn.base.addresses import Prefix
from dmvpn.features.bgp.attributes import Attributes, write
from dmvpn.features.bgp.packet import IPV4_UNICAST, Capability, CapabilityValue, Keepalive, Open, Update, serialize
from support.daemons import Wire, missing

if TYPE_CHECKING:
    from collections.abc import Callable

_AS: Final = 65000
_NEIGHBORS: Final = ("10.9.0.2", "10.9.0.3")
_OURS: Final = f"""router bgp {_AS}
 bgp router-id 10.9.0.1
 no bgp log-neighbor-changes
 maximum-paths ibgp 2
 neighbor 10.9.0.2 remote-as {_AS}
 neighbor 10.9.0.2 transport connection-mode passive
 neighbor 10.9.0.3 remote-as {_AS}
 neighbor 10.9.0.3 transport connection-mode passive
"""
_FRR: Final = f"""router bgp {_AS}
 bgp router-id 10.9.0.1
 neighbor 10.9.0.2 remote-as {_AS}
 neighbor 10.9.0.2 passive
 neighbor 10.9.0.3 remote-as {_AS}
 neighbor 10.9.0.3 passive
 address-family ipv4 unicast
  maximum-paths ibgp 2
 exit-address-family
"""
#: Prefixes of one set of attributes, and of one UPDATE.
_ALIKE: Final = 1000
_EACH: Final = 500
_LATEST: Final = 180.0


def measure(*, quick: bool) -> list[Figure]:
    """Ours, then FRR's. Raises Skipped."""
    if missing():
        raise Skipped(missing())
    count = 10_000 if quick else 100_000
    ours = _run(count, ("dmvpn",), lambda wire: wire.start_ours("hub", _OURS, program=timed(wire)))
    frr = _run(count, ("bgpd", "zebra"), lambda wire: wire.start_frr("hub", "bgpd", _FRR))

    def figure(name: str, key: str, unit: str, *, is_judged: bool = False, more: bool = False) -> Figure:
        values, baseline = (ours[key],), (frr[key],)
        return Figure(
            name=f"{count:,} routes {name}",
            unit=unit,
            values=values,
            goal=0.7 if is_judged else None,
            floor=0.4 if is_judged else None,
            more=more,
            relative=True,
            baseline=baseline,
            against="FRR's bgpd and zebra",
        )

    return [
        figure("learned and put into the kernel", "learned", "/s", is_judged=True, more=True),
        figure("with a second next hop", "doubled", "/s", more=True),
        figure("with one again, because a neighbor goes", "halved", "/s", more=True),
        figure("gone with the last neighbor", "gone", "/s", more=True),
        figure("all of it: processor time of the hub", "processor", "s"),
        figure("memory of the hub", "memory", "MB"),
        Figure(name=f"{count:,} routes: the longest event", unit="ms", values=(ours["longest"],), goal=20),
        Figure(name=f"{count:,} routes: the longest that others waited", unit="ms", values=(ours["held"],)),
    ]


def _run(count: int, programs: tuple[str, ...], start: Callable[[Wire], None]) -> dict[str, float]:
    with Wire(hub=(), spokes=()) as wire:
        wire.ip("spokes", "addr", "add", f"{_NEIGHBORS[1]}/24", "dev", "wire")
        start(wire)
        pids = [wire.process("hub", program) for program in programs]
        words = [sys.executable, "-m", "bench.routes", str(count), str(pids[0])]
        done = subprocess.run(
            wire.inside("spokes", *words), capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1]
        )
        if done.returncode:
            raise RuntimeError(f"{programs[0]}: {done.stderr[-2000:]}")
        found: dict[str, float] = json.loads(done.stdout)
        found |= {"memory": sum(map(memory, pids)), "processor": sum(map(processor_time, pids))}
        wire.stop("hub", programs[0])
        return found | (spans(wire) if programs[0] == "dmvpn" else {})


# ------------------------------------------------------------------------------------------------------ the neighbors


def _neighbor(address: str) -> socket.socket:
    """An established session; nothing that comes later is read, and it need not be."""
    sock = socket.create_connection(("10.9.0.1", 179), source_address=(address, 0), timeout=30)
    capabilities = [
        CapabilityValue(Capability.MULTIPROTOCOL, IPV4_UNICAST),
        CapabilityValue(Capability.FOUR_OCTET_AS, _AS.to_bytes(4, "big")),
    ]
    opening = Open.with_capabilities(_AS, 240, IPv4Address(address), capabilities)
    sock.sendall(serialize(opening) + serialize(Keepalive()))
    heard = b""
    while serialize(Keepalive()) not in heard:
        heard += sock.recv(4096)
    return sock


def _updates(address: str, count: int) -> bytes:
    found = bytearray()
    for first in range(0, count, _EACH):
        attributes = Attributes(next_hop=IPv4Address(address), local_pref=100, med=first // _ALIKE)
        prefixes = tuple(Prefix.of(IPv4Address(0x14000000 + 256 * one), 24) for one in range(first, first + _EACH))
        found += serialize(Update(attributes=write(attributes, wide=True), announced=prefixes))
    return bytes(found)


def _routes(pid: int) -> int:
    """Return how many routes the namespace of this process has."""
    statistics = Path(f"/proc/{pid}/net/fib_triestat").read_text()
    return max(map(int, re.findall(r"Prefixes:\s+(\d+)", statistics)))


def _doubled(pid: int) -> int:
    """Return how many of them have two next hops."""
    shown = subprocess.run(
        ["nsenter", "-t", str(pid), "-n", "ip", "route", "show"], capture_output=True, text=True, check=True
    )
    return shown.stdout.count("nexthop via") // 2


def _rate(count: int, act: Callable[[], object], done: Callable[[], bool], pause: float = 0.05) -> float:
    """Return how many a second it were until it is done, with what goes before it. Raises TimeoutError.

    pause: between two looks, seconds.
    """
    begun = time.monotonic()
    act()
    while not done():
        time.sleep(pause)
        if time.monotonic() - begun > _LATEST:
            raise TimeoutError
    return count / (time.monotonic() - begun)


def main(count: int, pid: int) -> dict[str, float]:
    """Tell everything, tell it again, and go."""
    empty = _routes(pid)
    once, twice = (_updates(address, count) for address in _NEIGHBORS)
    first, second = map(_neighbor, _NEIGHBORS)
    return {
        "learned": _rate(count, lambda: first.sendall(once), lambda: _routes(pid) >= empty + count),
        "doubled": _rate(count, lambda: second.sendall(twice), lambda: _doubled(pid) >= count, 1.0),
        "halved": _rate(count, first.close, lambda: not _doubled(pid), 1.0),
        "gone": _rate(count, second.close, lambda: _routes(pid) <= empty),
    }


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:]))))
