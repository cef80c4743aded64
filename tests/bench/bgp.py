"""A hub of BGP with 2,000 dynamic neighbors and 20,000 prefixes, beside FRR's bgpd with the same neighbors.

The hub is a router of ours in a namespace, with a kernel's TCP and routing table; then FRR's bgpd and zebra are it. The
neighbors (`bgp_spokes`) are clients of a route reflector, in one process in another namespace. Each tells 10 prefixes
and hears those of all others. Measured is from the first call to the last UPDATE at any of them, the hub's processor
time until then, and the most memory that it had. Of our own hub, `bench.timed` says how long it took for its longest
event, and how long others had to wait at most while it handled events and carried out what followed; processor time.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.figures import Figure, Skipped
from bench.timed import longest
from support.daemons import Wire, missing

if TYPE_CHECKING:
    from collections.abc import Callable

_AS: Final = 65000
_RANGE: Final = "10.32.0.0/16"
_HUB: Final = "10.32.255.1"
_OURS: Final = f"""interface GigabitEthernet0/1
 ip address {_HUB} 255.255.0.0 secondary
router bgp {_AS}
 bgp router-id 10.9.0.1
 bgp listen limit 5000
 bgp listen range {_RANGE} peer-group SPOKES
 no bgp log-neighbor-changes
 neighbor SPOKES peer-group
 neighbor SPOKES remote-as {_AS}
 neighbor SPOKES route-reflector-client
"""
_FRR: Final = f"""router bgp {_AS}
 bgp router-id 10.9.0.1
 bgp listen limit 5000
 neighbor SPOKES peer-group
 neighbor SPOKES remote-as {_AS}
 neighbor SPOKES advertisement-interval 0
 bgp listen range {_RANGE} peer-group SPOKES
 address-family ipv4 unicast
  neighbor SPOKES route-reflector-client
 exit-address-family
"""


def measure(*, quick: bool) -> list[Figure]:
    """Ours, then FRR's. Raises Skipped."""
    if missing():
        raise Skipped(missing())
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, 16384), max(hard, 16384)))
    count = 200 if quick else 2000
    ours = _run(count, "dmvpn", lambda wire: wire.start_ours("hub", _OURS, program=timed(wire)))
    frr = _run(count, "bgpd", lambda wire: wire.start_frr("hub", "bgpd", _FRR))
    title, against = f"{count:,} neighbors, {10 * count:,} prefixes", "FRR's bgpd"

    def figure(
        name: str,
        unit: str,
        key: str,
        goal: float | None = None,
        floor: float | None = None,
        *,
        relative: bool = False,
    ) -> Figure:
        return Figure(
            name=f"{title}: {name}",
            unit=unit,
            values=(ours[key],),
            goal=goal,
            floor=floor,
            relative=relative,
            baseline=(frr[key],),
            against=against,
        )

    return [
        figure("until all sessions are up", "s", "up"),
        figure("until everybody was told everything", "s", "told", 0.7, 0.8, relative=True),
        figure("processor time of the hub", "s", "processor"),
        figure("memory of the hub", "MB", "memory", 2000, 2000),
        figure("octets that neighbors read", "MB", "octets"),
        Figure(name=f"{title}: the longest event", unit="ms", values=(ours["longest"],), goal=20),
        Figure(name=f"{title}: the longest that others waited", unit="ms", values=(ours["held"],)),
    ]


def _run(count: int, program: str, start: Callable[[Wire], None]) -> dict[str, float]:
    with Wire(hub=(), spokes=()) as wire:
        # Both ends on one network. The hub knows everybody's hardware address: a kernel asks for no more than 1,024
        wire.ip("spokes", "route", "add", "local", _RANGE, "dev", "lo")
        wire.ip("spokes", "route", "add", _HUB, "dev", "wire")
        wire.ip("hub", "addr", "add", f"{_HUB}/16", "dev", "wire")
        (link,) = json.loads(wire.ip("spokes", "-j", "link", "show", "wire"))
        batch = wire.folder / "neighbors"
        batch.write_text(
            "".join(
                f"neigh add {IPv4Address('10.32.0.1') + number} lladdr {link['address']} dev wire nud permanent\n"
                for number in range(count)
            )
        )
        wire.ip("hub", "-batch", str(batch))
        start(wire)
        words = [sys.executable, "-m", "bench.bgp_spokes", _HUB, str(_AS), str(count), "10"]
        done = subprocess.run(
            wire.inside("spokes", *words), capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1]
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr[-2000:]}")
        pid = wire.process("hub", program)
        found: dict[str, float] = json.loads(done.stdout)
        found["octets"] /= 1e6
        found |= {"memory": memory(pid), "processor": processor_time(pid)}
        wire.stop("hub", program)
        return found | (spans(wire) if program == "dmvpn" else {})


def timed(wire: Wire) -> list[str]:
    """Return the words of a router that says at its end how long it took for its events."""
    program = Path(__file__).with_name("timed.py")
    return [sys.executable, "-P", str(program), str(wire.folder / "timed")]


def spans(wire: Wire) -> dict[str, float]:
    """Return what it said, milliseconds: of the longest event, and the longest that its loop was held."""
    return dict(zip(("longest", "held"), (1e3 * one for one in longest(wire.folder / "timed")), strict=True))


def memory(pid: int) -> float:
    """The most that a process had, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def processor_time(pid: int) -> float:
    """Seconds so far, those of its kernel included."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
