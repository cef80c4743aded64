"""How fast packets go through an mGRE tunnel, in clear and in ESP: a plain veth and both engines, in one run.

    namespace A  10.99.0.1 ── veth, mtu 1500 ── 10.99.0.2  namespace B
      Tunnel0    10.88.0.1 ═══════ mGRE ══════ 10.88.0.2   Tunnel0, ip mtu 1476, protected 1420

    python, rust            GRE in clear
    python-esp, rust-esp    in ESP with AES-GCM-256, in UDP port 4500
    rust-in-10-vrfs, ...    ten tunnels over one source, apart by their keys, each in a VRF: the first is measured
    rust-of-ipv6, ...       IPv6 inside, through the same tunnel
    wireguard-go, ...       what `bench.wireguard` finds, mtu 1420; only where it is asked for

Each router is a process of its own, with the data plane of `dmvpn run` and no protocols; generator and sink run in
the same two namespaces, so all of them share this machine's processors. Other work on the machine disturbs: what is
measured takes turns (veth, python, rust, veth, ...), the median of the rounds counts, and the ratios to veth say more
than the figures. A veth hands buffers of 64 KiB across: it is the ceiling of what this machine does, not a wire.

    tcp    one stream, Gbit/s: iperf3, or a sender and a receiver in Python where it is not installed
    udp64  datagrams of 64 octets that arrive, thousands a second, while one process sends them as fast as it can;
           udp1400: of 1400 octets; few-lost: the most of 64 octets, offered evenly, of which 99 in a hundred arrive
    rtt    median of the round trips of single datagrams, microseconds

Run it with `make bench`, or `python -m bench.dataplane --out FILE.json` with src and tests on the path.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import math
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench import wireguard
from bench.loop import Loop
from bench.offered import datagrams, lossless, received
from dmvpn.base import effects
from dmvpn.base.protection import EspCipher, EspSa, EspTransform
from dmvpn.dataplane import netlink
from dmvpn.dataplane.engines import choose
from dmvpn.dataplane.userspace import UserspacePlane
from dmvpn.shells.lab.forked import Json, end_with, fork
from dmvpn.shells.lab.namespaces import inside_network, new_network, run_in_lab
from dmvpn.shells.lab.vrf_namespaces import Namespaces

if TYPE_CHECKING:
    from collections.abc import Iterator

UNDERLAY: Final = ("10.99.0.1", "10.99.0.2")
OVERLAY: Final = ("10.88.0.1", "10.88.0.2")
OVERLAY6: Final = ("2001:db8:88::1", "2001:db8:88::2")
CABLE: Final = "u0"
PORT: Final = 5201
ECHO_PORT: Final = 5202
MTU: Final = 1476
#: Octets of a GRE key.
GRE_KEY: Final = 4
#: What is left of 1500 octets behind IP, UDP, ESP with AES-GCM and GRE, a multiple of 4.
PROTECTED_MTU: Final = 1420
#: Of the name of a plane whose tunnel is protected, of one whose packets inside are IPv6, and of one with VRFs.
_PROTECTED: Final = "-esp"
_IPV6: Final = "-of-ipv6"
_VRFS: Final = re.compile(r"-in-(\d+)-vrfs$")
_ESP_PORT: Final = 4500
ROUND_TRIPS: Final = 400
#: What is measured, each after those before it; "few-lost" begins from what a flood delivered.
KINDS: Final = ("rtt", "tcp", "udp64", "udp1400", "few-lost")


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure. tcp, udp: seconds of one measurement."""

    rounds: int = 3
    tcp: float = 2.0
    udp: float = 1.0


def engines() -> list[str]:
    """Those that are installed here."""
    return ["python", *(["rust"] if importlib.util.find_spec("dmvpn_engine") is not None else [])]


def planes() -> list[str]:
    """What can be measured here."""
    ours = [*engines(), *(engine + _PROTECTED for engine in engines())]
    return ["veth", *(each for plane in ours for each in (plane, plane + _IPV6))]


def beside(plane: str) -> str:
    """The plane with IPv4 inside that one with IPv6 is compared with, "": it is none with IPv6."""
    return plane.removesuffix(_IPV6) if plane.endswith(_IPV6) else ""


def in_vrfs(plane: str, count: int) -> str:
    """The name of a plane with so many VRFs."""
    return f"{plane}-in-{count}-vrfs"


def measure(effort: Effort, wanted: list[str], kinds: tuple[str, ...] = KINDS) -> dict[str, Json]:
    """Measure them all, in a lab of its own. Raises NamespaceProblem."""
    measured = run_in_lab(lambda: _measure(effort, wanted, kinds))
    assert isinstance(measured, dict)
    return measured


def table(measured: dict[str, Json]) -> str:
    """The medians, each with its ratio to veth."""
    results = measured["planes"]
    assert isinstance(results, dict)
    lines = ["plane         tcp Gbit/s   x veth   udp64 kpps   x veth udp1400 kpps   x veth   rtt us"]
    for name in results:
        tcp, small, large, rtt = (_median(measured, name, what) for what in ("tcp", "udp64", "udp1400", "rtt"))
        tcp_ratio, small_ratio, large_ratio = (
            f"{_median(measured, name, what) / _median(measured, 'veth', what):>9.3f}"
            for what in ("tcp", "udp64", "udp1400")
        )
        lines.append(
            f"{name:<12}{tcp:>12.2f}{tcp_ratio}{small:>13.0f}{small_ratio}{large:>13.0f}{large_ratio}{rtt:>9.0f}"
        )
    return "\n".join(lines)


def _median(measured: dict[str, Json], plane: str, what: str) -> float:
    results = measured["planes"]
    assert isinstance(results, dict)
    of_plane = results[plane]
    assert isinstance(of_plane, dict)
    rounds = of_plane[what]
    assert isinstance(rounds, list)
    numbers = [number for number in rounds if isinstance(number, float) and not math.isnan(number)]
    return statistics.median(numbers) if numbers else float("nan")


# ---------------------------------------------------------------------------------------------------- the network


@dataclass(frozen=True, slots=True)
class _Spaces:
    """The namespaces of the two routers: where the cable is, and the first VRF of each."""

    cable: tuple[int, int]
    vrf: tuple[int, int]


def _measure(effort: Effort, wanted: list[str], kinds: tuple[str, ...]) -> Json:
    spaces = _Spaces((new_network(), new_network()), (new_network(), new_network()))
    with netlink.NetlinkSocket() as here:
        ends = [netlink.VethEnd(name=CABLE, namespace=space) for space in spaces.cable]
        here.call(netlink.create_veth(ends[0], ends[1]))
    for space, address in zip(spaces.cable, UNDERLAY, strict=True):
        with inside_network(space), netlink.NetlinkSocket() as kernel:
            link = kernel.find_link(CABLE)
            assert link is not None
            own = netlink.InterfaceAddress(link.index, IPv4Address(address), 30)
            kernel.call(netlink.add_address(own), netlink.set_up(CABLE))
    results: dict[str, dict[str, list[Json]]] = {name: {kind: [] for kind in kinds} for name in wanted}
    for _ in range(effort.rounds):
        for name in wanted:
            with _routers(name, spaces):
                target = UNDERLAY[1] if name == "veth" else OVERLAY6[1] if beside(name) else OVERLAY[1]
                _take_turns(spaces.vrf if _VRFS.search(name) else spaces.cable, target, effort, results[name])
    return {
        "machine": {
            "system": platform.platform(),
            "processors": os.cpu_count(),
            "tool": "iperf3" if shutil.which("iperf3") else "python",
        },
        "effort": {"rounds": effort.rounds, "tcp": effort.tcp, "udp": effort.udp},
        "planes": {name: {what: list(rounds) for what, rounds in result.items()} for name, result in results.items()},
    }


def _take_turns(spaces: tuple[int, int], target: str, effort: Effort, results: dict[str, list[Json]]) -> None:
    """One measurement of each kind that is wanted."""
    flood = math.nan
    for kind, runs in results.items():
        match kind:
            case "rtt":
                runs.append(_round_trip(spaces, target))
            case "tcp":
                runs.append(tcp(spaces, target, effort.tcp))
            case "udp64":
                flood = udp(spaces, target, effort.udp, 64)
                runs.append(flood)
            case "udp1400":
                runs.append(udp(spaces, target, effort.udp, 1400))
            case "few-lost":
                runs.append(lossless(spaces, target, PORT, 64, effort.udp / 2, most=flood))


@contextlib.contextmanager
def _routers(name: str, spaces: _Spaces) -> Iterator[None]:
    """Two routers with a tunnel between them, or one in each VRF, each router a process; for veth nobody."""
    if name == "veth":
        yield
        return
    if name in wireguard.peers():
        with wireguard.tunnel(name, spaces.cable, UNDERLAY, OVERLAY):
            yield
        return
    children = [_router(name, spaces, number) for number in (0, 1)]
    try:
        for _, ready in children:
            with os.fdopen(ready, "rb") as pipe:
                assert pipe.read(1), "a router did not start"
        yield
    finally:
        for child, _ in children:
            os.kill(child, 9)
            os.waitpid(child, 0)
        for space in (*spaces.cable, *spaces.vrf):
            with inside_network(space), netlink.NetlinkSocket() as kernel:
                left = kernel.find_link("Tunnel0")
                if left is not None:
                    kernel.call(netlink.delete_link(left.index))


def _router(name: str, spaces: _Spaces, number: int) -> tuple[int, int]:
    reader, writer = os.pipe()
    child = fork()
    if child == 0:
        end_with(lambda: _run_router(name, spaces, number, writer))
    os.close(writer)
    return child, reader


def _run_router(name: str, spaces: _Spaces, number: int, ready: int) -> None:
    loop = Loop()
    with inside_network(spaces.cable[number]):
        found = _VRFS.search(name)
        vrfs = tuple(f"V{place}" for place in range(int(found[1]))) if found else ()
        single = _VRFS.sub("", beside(name) or name)
        protected, engine = single.endswith(_PROTECTED), single.removesuffix(_PROTECTED)
        backends = Namespaces({"V0": os.dup(spaces.vrf[number])}) if vrfs else None
        plane = UserspacePlane(lambda event: None, loop, choose(engine), manage=True, backends=backends)
        plane.start()
        if beside(name):
            plane.execute(effects.SetIpv6Forwarding(True))
        own, other = (IPv4Address(UNDERLAY[place]) for place in (number, 1 - number))
        if protected:
            plane.execute(effects.ServeIpsec((own,)))
            plane.execute(effects.InstallSa(_sa(own, other, number), eager=True))
        if vrfs:
            plane.execute(effects.SetVrfs(vrfs))
        for place, vrf in enumerate(vrfs or ("",)):
            _make_tunnel(plane, f"Tunnel{place}", vrf, number, protected=protected)
        loop.run(1.0 if vrfs else 0.1)  # until the carriers count, and namespaces are quiet
        os.write(ready, b".")
        loop.run()


def _make_tunnel(plane: UserspacePlane, tunnel: str, vrf: str, number: int, *, protected: bool) -> None:
    """An mGRE tunnel to the other router, with a key of its own if it is in a VRF."""
    own, other = (IPv4Address(UNDERLAY[place]) for place in (number, 1 - number))
    key = int(tunnel.removeprefix("Tunnel")) + 1 if vrf else None
    mtu = PROTECTED_MTU if protected else MTU - (GRE_KEY if vrf else 0)
    spec = effects.TunnelSpec(name=tunnel, source=own, destination=None, key=key, mtu=mtu, protected=protected, vrf=vrf)
    plane.execute(effects.SetTunnel(spec))
    addresses = ((IPv4Address(OVERLAY[number]), 24), (IPv6Address(OVERLAY6[number]), 64))
    plane.execute(effects.SetInterface(tunnel, True, addresses, mtu6=mtu, vrf=vrf))
    plane.execute(effects.SetCarrier(tunnel, True))
    for far in (IPv4Address(OVERLAY[1 - number]), IPv6Address(OVERLAY6[1 - number])):
        plane.execute(effects.SetAdjacency(tunnel, far, other))


def _sa(own: IPv4Address, other: IPv4Address, number: int) -> EspSa:
    """What IKE would negotiate. The key of what a router sends has its number."""
    transform = EspTransform(EspCipher.AES_GCM, 256)
    key_out, key_in = (bytes((place,)) * 36 for place in (number, 1 - number))
    return EspSa(
        connection=1,
        spi_in=0x1000 + number,
        spi_out=0x1001 - number,
        transform=transform,
        key_in=key_in,
        key_out=key_out,
        local=own,
        remote=other,
        local_port=_ESP_PORT,
        remote_port=_ESP_PORT,
    )


# ---------------------------------------------------------------------------------------------------- measurements


def tcp(spaces: tuple[int, int], target: str, seconds: float) -> float:
    """Gbit/s of one stream that arrive."""
    if not shutil.which("iperf3"):
        return _python_tcp(spaces, target, seconds)
    try:
        report = _iperf(spaces, target, "-t", str(seconds), "-O", "0.5")
    except subprocess.TimeoutExpired:
        return math.nan  # a peer that let the stream stand still
    return _number(report, "end", "sum_received", "bits_per_second") / 1e9


def udp(spaces: tuple[int, int], target: str, seconds: float, octets: int) -> float:
    """Thousands of datagrams a second that reach the far end's UDP, whether or not anybody reads them."""
    with inside_network(spaces[1]):
        far = datagrams(target)
        far.bind((target, PORT))
        child = fork()
        if child == 0:
            end_with(lambda: _send_datagrams(spaces[0], target, octets))
        try:
            before, begun = received(), time.monotonic()
            time.sleep(seconds)
            return (received() - before) / (time.monotonic() - begun) / 1e3
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)
            far.close()


def _send_datagrams(space: int, target: str, octets: int) -> None:
    with inside_network(space):
        near = datagrams(target)
        near.connect((target, PORT))
    send, datagram = near.send, bytes(octets)
    while True:
        send(datagram)


def _iperf(spaces: tuple[int, int], target: str, *options: str) -> Json:
    with inside_network(spaces[1]):
        server = subprocess.Popen(["iperf3", "-s", "-1", "-B", target], stdout=subprocess.DEVNULL)
    try:
        with inside_network(spaces[0]):
            for _ in range(50):
                run = subprocess.run(
                    ["iperf3", "-J", "-c", target, *options], capture_output=True, text=True, timeout=30
                )
                if "Connection refused" not in run.stdout:
                    break
                time.sleep(0.02)
        report: Json = json.loads(run.stdout)
        return report
    finally:
        server.kill()
        server.wait()


def _number(report: Json, *path: str) -> float:
    for name in path:
        assert isinstance(report, dict)
        assert name in report, report
        report = report[name]
    assert isinstance(report, int | float)
    return float(report)


def _python_tcp(spaces: tuple[int, int], target: str, seconds: float) -> float:
    """What iperf3 does, with sender and receiver in two processes."""
    with inside_network(spaces[1]):
        listener = socket.create_server((target, PORT), family=socket.AF_INET6 if ":" in target else socket.AF_INET)
    child = fork()
    if child == 0:
        end_with(lambda: _send_stream(spaces[0], target, seconds))
    connection, _ = listener.accept()
    buffer, octets, begun = bytearray(1 << 20), 0, time.monotonic()
    while received := connection.recv_into(buffer):
        octets += received
    took = time.monotonic() - begun
    os.waitpid(child, 0)
    connection.close()
    listener.close()
    return octets * 8 / took / 1e9


def _send_stream(space: int, target: str, seconds: float) -> None:
    with inside_network(space):
        connection = socket.create_connection((target, PORT))
    data, end = bytes(1 << 18), time.monotonic() + seconds
    while time.monotonic() < end:
        connection.sendall(data)
    connection.close()


def _round_trip(spaces: tuple[int, int], target: str) -> float:
    """Microseconds, the median."""
    with inside_network(spaces[1]):
        far = datagrams(target)
        far.bind((target, ECHO_PORT))
    with inside_network(spaces[0]):
        near = datagrams(target)
        near.settimeout(0.2)
        near.connect((target, ECHO_PORT))
    child = fork()
    if child == 0:
        end_with(lambda: _echo(far))
    try:
        times = []
        for _ in range(ROUND_TRIPS):
            begun = time.perf_counter()
            near.send(b"ping")
            with contextlib.suppress(TimeoutError):
                near.recv(16)
                times.append(time.perf_counter() - begun)
        return statistics.median(times or [math.nan]) * 1e6
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        far.close()
        near.close()


def _echo(far: socket.socket) -> None:
    while True:
        far.sendto(*far.recvfrom(16))


def main() -> int:
    """Measure, print the table, and write everything where it is wanted."""
    parser = argparse.ArgumentParser(description="measure the data planes")
    parser.add_argument("--rounds", type=int, default=Effort().rounds)
    parser.add_argument("--planes", default=",".join(planes()))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    measured = measure(Effort(rounds=arguments.rounds), arguments.planes.split(","))
    print(table(measured))
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(measured, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
