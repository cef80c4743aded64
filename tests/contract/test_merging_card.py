"""A network card that merges TCP segments inside GRE, as every Ethernet card does (generic receive offload).

What a user saw: ping and DNS went through the tunnel, TCP crawled or stopped. A raw socket gets the merged packet,
up to 64 KiB long, and its inner TCP checksum is not finished.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import socket
import struct
from pathlib import Path

import pytest

from contract.test_planes import NO_ENGINE, hub_and_spokes
from contract.worlds import RealWorld, host
from dmvpn.dataplane.engines import choose
from dmvpn.shells.lab.namespaces import run_in_lab
from dmvpn.shells.lab.syscalls import mount

SIOCETHTOOL, ETHTOOL_STSO, ETHTOOL_SGRO = 0x8946, 0x1F, 0x2C
PORT = 5001
OCTETS = 1 << 20


def set_offload(device: str, command: int, value: int) -> None:
    """What `ethtool -K` does, ethtool(8)."""
    order = array.array("I", (command, value))
    request = struct.pack("@16sP16x", device.encode(), order.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SIOCETHTOOL, request)


def transfer(world: RealWorld) -> tuple[int, int]:
    """Send a stream from host B to host A. Octets that arrive; the length of the longest GRE packet that A received."""
    with world.inside("A"):
        listener = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_GRE)
    with world.inside("HA"):
        server = socket.create_server((str(host("A")), PORT))
    with world.inside("HB"):
        client = socket.socket()
    for sock in (listener, server, client):
        sock.setblocking(False)
    client.connect_ex((str(host("A")), PORT))
    longest, unsent, arrived = 0, bytes(OCTETS), 0
    accepted: socket.socket | None = None
    for _ in range(5000):
        world.run(0.001)
        with contextlib.suppress(BlockingIOError):
            while True:
                longest = max(longest, len(listener.recv(65536)))
        with contextlib.suppress(BlockingIOError):
            if accepted is None:
                accepted, _address = server.accept()
                accepted.setblocking(False)
            unsent = unsent[client.send(unsent) :] if unsent else unsent
        with contextlib.suppress(BlockingIOError):
            while accepted is not None and (octets := accepted.recv(1 << 20)):
                arrived += len(octets)
        if arrived == OCTETS:
            break
    return arrived, longest


@pytest.mark.lab
@pytest.mark.skipif(os.geteuid() != 0, reason="only the machine's root may tell a card to wait")
@pytest.mark.parametrize(
    "plane",
    ["python", pytest.param("rust", marks=pytest.mark.skipif(NO_ENGINE, reason="dmvpn-engine is not installed"))],
)
def test_tcp_passes_a_card_that_merges_segments_inside_gre(plane: str) -> None:
    def real() -> None:
        world = RealWorld(choose(plane))
        try:
            hub_and_spokes(world)
            # What A receives from the provider is merged: waiting a moment for more is what cards do with their
            # interrupts
            with world.inside("P"):
                set_offload(
                    "p1", ETHTOOL_STSO, 0
                )  # else the cable itself carries whole buffers, and nothing is left to merge
            with world.inside("A"):
                set_offload("Gi0-1", ETHTOOL_SGRO, 1)
                mount("sysfs", "/sys", "sysfs", 0)  # shows the interfaces of this namespace, to this lab alone
                card = Path("/sys/class/net/Gi0-1")
                (card / "gro_flush_timeout").write_text("200000")
                (card / "napi_defer_hard_irqs").write_text("5")
            arrived, longest = transfer(world)
            assert arrived == OCTETS
            assert longest > 1500, "nothing was merged: the test proves nothing"
        finally:
            world.close()

    run_in_lab(real)
