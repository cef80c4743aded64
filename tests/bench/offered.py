"""The greatest rate of small datagrams that arrive with less than one in a hundred lost, found by halving.

A flood shows what a tunnel delivers while it drops most of what it is given; this shows what it carries.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.shells.lab.forked import end_with, fork
from dmvpn.shells.lab.namespaces import inside_network

if TYPE_CHECKING:
    from collections.abc import Callable

#: Where halving ends: the greatest rate that passed and the smallest that failed differ by no more.
_PRECISION: Final = 1.05
_LOSS: Final = 0.01
#: A rate fails when it failed so often: one burst of other work on the machine proves nothing.
_TRIES: Final = 2
#: Datagrams that a sender which is late sends at once, at most.
_BURST: Final = 64


#: The counters of what UDP got.
_GOT: Final = ("InDatagrams", "RcvbufErrors")


def lossless(spaces: tuple[int, int], target: str, port: int, octets: int, seconds: float, *, most: float) -> float:
    """Thousands of datagrams a second. most: what a flood delivers, thousands; seconds: of one try."""

    def passes(rate: float) -> bool:
        return any(_loss(spaces, target, port, octets, rate, seconds) < _LOSS for _ in range(_TRIES))

    return bisected(passes, most * 1e3 * 1.5) / 1e3


def bisected(passes: Callable[[float], bool], ceiling: float) -> float:
    """The greatest rate that passes, to `_PRECISION`; 0 if not even a hundredth of the ceiling does."""
    low, high = 0.0, ceiling
    rate = ceiling / 2
    while rate > ceiling / 100 and (low == 0.0 or high / low > _PRECISION):
        if passes(rate):
            low = rate
        else:
            high = rate
        rate = (low + high) / 2
    return low


def _loss(spaces: tuple[int, int], target: str, port: int, octets: int, rate: float, seconds: float) -> float:
    """The part that does not arrive; 1 if the sender cannot keep the rate up."""
    with inside_network(spaces[1]):
        far = datagrams(target)
        far.bind((target, port))
        before = received()
        reader, writer = os.pipe()
        child = fork()
        if child == 0:
            end_with(lambda: _send(spaces[0], (target, port), bytes(octets), rate, seconds, writer))
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            sent = int(pipe.read() or b"0")
        os.waitpid(child, 0)
        time.sleep(0.05)
        arrived = received() - before
        far.close()
    if sent < rate * seconds * 0.97:
        return 1.0
    return 1 - arrived / sent


def _send(space: int, to: tuple[str, int], datagram: bytes, rate: float, seconds: float, report: int) -> None:
    with inside_network(space):
        near = datagrams(to[0])
        near.connect(to)
    send, clock = near.send, time.perf_counter
    sent, begun = 0, clock()
    while (passed := clock() - begun) < seconds:
        for _ in range(min(int(passed * rate) - sent, _BURST)):
            send(datagram)
            sent += 1
    os.write(report, str(sent).encode())


def datagrams(target: str) -> socket.socket:
    """A socket of the version of an address."""
    return socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET, socket.SOCK_DGRAM)


def received() -> int:
    """What the UDP of this namespace got in both versions: read by a socket, or dropped because its buffer was full."""
    names, values = (
        line.split() for line in Path("/proc/thread-self/net/snmp").read_text().splitlines() if line.startswith("Udp:")
    )
    counters = dict(zip(names, values, strict=True))
    ipv6 = dict(line.split() for line in Path("/proc/thread-self/net/snmp6").read_text().splitlines())
    both = (int(of[before + name]) for of, before in ((counters, ""), (ipv6, "Udp6")) for name in _GOT)
    return sum(both)
