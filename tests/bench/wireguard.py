"""WireGuard in user space, measured beside our own by `bench.dataplane`: wireguard-go, gotatun, boringtun.

Whoever is found in $PERF_TOOLS/bin (build/peers/bin, where `make bench-peers` puts current ones) or on the path is
measured; Debian's wireguard-go is of 2022, before it moved packets in trains, and proves nothing.

All three are told keys and addresses over the socket that they open (the text protocol of wireguard's cross-platform
interface), so that no `wg` is needed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from dmvpn.dataplane import netlink
from dmvpn.shells.lab.namespaces import inside_network

if TYPE_CHECKING:
    from collections.abc import Iterator

#: By the name of the peer: the programs that it may go by, the best first, and how they stay in the foreground.
_PROGRAMS: Final = {
    "wireguard-go": (("wireguard-go-new", "wireguard-go"), ("--foreground",)),
    "gotatun": (("gotatun",), ("--foreground", "--disable-drop-privileges")),
    "boringtun": (("boringtun-cli",), ("--foreground", "--disable-drop-privileges")),
}
_BUILT: Final = Path(__file__).parents[2] / "build" / "peers"
_SOCKETS: Final = Path("/var/run/wireguard")
_PORT: Final = 5000
_MTU: Final = 1420
#: Seconds in which such a program opens its socket.
_PATIENCE: Final = 5.0


def peers() -> list[str]:
    """Those that are there."""
    return [name for name in _PROGRAMS if _program(name) is not None]


def _program(name: str) -> str | None:
    built = Path(os.environ.get("PERF_TOOLS") or _BUILT) / "bin"
    programs, _ = _PROGRAMS[name]
    found = (shutil.which(program, path=f"{built}:{os.environ.get('PATH', '')}") for program in programs)
    return next((program for program in found if program is not None), None)


@contextlib.contextmanager
def tunnel(name: str, spaces: tuple[int, int], underlay: tuple[str, str], overlay: tuple[str, str]) -> Iterator[None]:
    """A tunnel between two namespaces while the context lasts. Raises OSError where the program does not come up."""
    program = _program(name)
    assert program is not None
    keys = [X25519PrivateKey.generate() for _ in spaces]
    _SOCKETS.mkdir(parents=True, exist_ok=True)
    running: list[subprocess.Popen[bytes]] = []
    try:
        for number, space in enumerate(spaces):
            with inside_network(space):
                running.append(_start(program, _PROGRAMS[name][1], _device(number)))
            theirs = keys[1 - number].public_key().public_bytes_raw()
            lines = (
                "set=1",
                f"private_key={keys[number].private_bytes_raw().hex()}",
                f"listen_port={_PORT}",
                f"public_key={theirs.hex()}",
                f"endpoint={underlay[1 - number]}:{_PORT}",
                "allowed_ip=0.0.0.0/0",
            )
            with _connected(_device(number)) as control:
                control.sendall(("\n".join(lines) + "\n\n").encode())
                answer = control.recv(4096)
            if not answer.startswith(b"errno=0"):
                raise OSError(f"{_device(number)} does not take its keys: {answer!r}")
            with inside_network(space), netlink.NetlinkSocket() as kernel:
                link = kernel.find_link(_device(number))
                assert link is not None
                own = netlink.InterfaceAddress(link.index, IPv4Address(overlay[number]), 24)
                kernel.call(netlink.set_link(link.index, netlink.LinkSettings(mtu=_MTU)))
                kernel.call(netlink.add_address(own), netlink.set_up(_device(number)))
        yield
    finally:
        for process in running:
            process.terminate()
            process.wait()
        for number in range(len(running)):
            (_SOCKETS / f"{_device(number)}.sock").unlink(missing_ok=True)


def _device(number: int) -> str:
    return f"wgbench{number}"


def _start(program: str, options: tuple[str, ...], device: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"WG_PROCESS_FOREGROUND": "1", "LOG_LEVEL": "error"}
    return subprocess.Popen(
        [program, *options, device], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )


def _connected(device: str) -> socket.socket:
    until = time.monotonic() + _PATIENCE
    while True:
        control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            control.connect(str(_SOCKETS / f"{device}.sock"))
        except OSError:
            control.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return control
