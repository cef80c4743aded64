"""Registrations at FRR's nhrpd and at our hub, both in one User-mode Linux: processor time of the hub for each.

nhrpd takes interfaces of the kernel's type GRE alone, and reads the NBMA address from its link layer, which the
kernels of most machines lack. One sender on the hub's wire is all clients, each with an NBMA and a tunnel address of
its own: all of them register, then they do so again until the hub has worked for ten seconds. It sends further requests
as answers come, so none is lost. What a hub's processes take is counted, their system calls included: nhrpd with zebra,
through which it gives the kernel its neighbors, and our router with its data plane. The scenario is
interop/uml/scen/registrations.sh.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.bgp import processor_time
from bench.figures import Figure, Skipped
from dmvpn.features.nhrp import parts
from dmvpn.features.nhrp.packet import RegistrationFlag, RegistrationRequest
from dmvpn.net.gre import GreHeader, ProtocolType
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BED: Final = Path(__file__).parents[1] / "interop/uml"
_SCENARIO: Final = "registrations"
_ROOT: Final = Path(__file__).parents[2]
#: Seconds after which a boot is ended.
_LATEST: Final = 540
_KEY: Final = 100
_HUB: Final = (IPv4Address("192.0.2.2"), IPv4Address("10.0.0.1"))
#: Of the first client.
_NBMA, _TUNNEL = IPv4Address("198.18.0.1"), IPv4Address("10.1.0.1")
#: Requests that wait for an answer at one time.
_WINDOW: Final = 32
_PATIENCE: Final = 10.0
_ETHERNET: Final = struct.Struct("!6s6sH")
#: Where a frame has its protocol, and behind the GRE header with a key the type of its NHRP packet and the code of the
#: first entry.
_PROTOCOL_AT, _TYPE_AT, _CODE_AT = 14 + 9, 14 + 20 + 8 + 17, 14 + 20 + 8 + 40
_REPLY: Final = 4


def measure(*, quick: bool) -> list[Figure]:
    """Both hubs. Raises Skipped."""
    for program in ("linux.uml", "/usr/lib/frr/nhrpd"):
        if shutil.which(program) is None:
            raise Skipped(f"{program} is missing. Run: scripts/debian-packages interop")
    clients, seconds = (500, 1) if quick else (5_000, 10)
    with tempfile.TemporaryDirectory(prefix="dmvpn-uml-", dir="/var/tmp") as folder:
        settings = {
            "OURS_DIR": str(_ROOT),
            "OURS_PYTHON": sys.executable,
            "REFLAB_OUT": folder,
            "REFLAB_TIMEOUT": str(_LATEST),
            "REFLAB_MEM": "1G",
            "REFLAB_CLIENTS": str(clients),
            "REFLAB_SECONDS": str(seconds),
        }
        boot = [str(_BED / "reflab.sh"), _SCENARIO]
        done = subprocess.run(
            boot, env={**os.environ, **settings}, capture_output=True, text=True, check=False, timeout=_LATEST + 30
        )
        left = Path(folder) / _SCENARIO
        if done.returncode or "rc=0" not in done.stdout:
            said = [(left / name).read_text("utf-8", "replace")[-1500:] for name in ("run.log", "console.log")]
            raise RuntimeError("\n".join((done.stdout, *said)))
        ours, frr = (json.loads((left / f"{hub}.json").read_text()) for hub in ("ours", "frr"))
    return [
        Figure(
            name=f"{what} registrations, {clients:,} clients: processor time of the hub for each",
            unit="µs",
            values=(ours[what],),
            baseline=(frr[what],),
            against="FRR's nhrpd and zebra in the same Linux",
        )
        for what in ("first", "refreshed")
    ]


# ------------------------------------------------------------------------------------------------------ the clients


def _requests(count: int, ends: bytes) -> Iterator[bytes]:
    """Yield the frame of each client's registration. ends: the addresses of Ethernet."""
    nbma, tunnel = _HUB
    server = parts.ClientInfo(prefix_length=32, mtu=17912, preference=255, nbma=nbma, protocol=tunnel)
    for number in range(count):
        request = RegistrationRequest(
            source_nbma=_NBMA + number,
            source_protocol=_TUNNEL + number,
            destination_protocol=tunnel,
            flags=RegistrationFlag.NAT,
            request_id=number,
            cies=(parts.ClientInfo(prefix_length=32, mtu=17912, holding_time=600, preference=255),),
            extensions=(
                parts.ResponderAddress(),
                parts.ForwardTransitRecord(),
                parts.ReverseTransitRecord(),
                parts.NatAddress(entries=(server,)),
            ),
        )
        gre = GreHeader(protocol_type=ProtocolType.NHRP, key=_KEY).serialize(request.serialize())
        packet = Ipv4Packet(protocol=IpProtocol.GRE, source=_NBMA + number, destination=nbma, payload=gre)
        yield ends + packet.serialize()


def _register(wire: socket.socket, frames: Sequence[bytes]) -> None:
    """Send these, a few ahead of the answers. Raises TimeoutError, and RuntimeError if the hub refuses."""
    answered = 0
    for number, frame in enumerate(frames):
        while number - answered >= _WINDOW:
            answered += _answers(wire)
        wire.send(frame)
    while answered < len(frames):
        answered += _answers(wire)


def _answers(wire: socket.socket) -> int:
    """Return whether the next frame is an answer."""
    frame, place = wire.recvfrom(2048)
    if place[2] == socket.PACKET_OUTGOING or len(frame) <= _CODE_AT or frame[_PROTOCOL_AT] != IpProtocol.GRE:
        return 0
    if frame[_TYPE_AT] != _REPLY or frame[_CODE_AT]:
        raise RuntimeError(f"no answer to a registration: {frame.hex()}")
    return 1


def main(clients: int, seconds: int, *processes: int) -> dict[str, float]:
    """Register, and register again. Returns microseconds of the hub's processes for each registration."""
    address = Path("/sys/class/net/eth0/address").read_text()
    neighbor = subprocess.run(["ip", "neigh", "show", str(_HUB[0])], capture_output=True, text=True, check=True)
    ends = [bytes.fromhex(one.replace(":", "")) for one in (neighbor.stdout.split()[4], address.strip())]
    frames = list(_requests(clients, _ETHERNET.pack(*ends, 0x0800)))

    def worked() -> float:
        return sum(map(processor_time, processes))

    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003)) as wire:
        wire.bind(("eth0", 0x0003))
        wire.settimeout(_PATIENCE)
        begun = worked()
        _register(wire, frames)
        first = (worked() - begun) / clients
        begun, count, end = worked(), 0, time.monotonic() + 20 * seconds
        while worked() - begun < seconds and time.monotonic() < end:
            _register(wire, frames)
            count += clients
        return {"first": 1e6 * first, "refreshed": 1e6 * (worked() - begun) / count, "count": count}


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:]))))
