"""How soon spokes talk directly, and what gets lost: a stream from host H3 to host H4 of the lab notes-phase3.

    H3 ── R31 ─────────────┐                      through the hub H4 sees a TTL of 61,
             └── R11 (hub) ─┴─ R41 ── H4          directly one of 62

A datagram every millisecond, numbered; the first makes the hub send its redirect, R31 resolves, proves the path and
switches. `first packet to direct path` is the time between sending the first datagram and sending the first one that
came directly, so it is exact to a millisecond. Each run has another destination address (the hub tells of a pair only
every eight seconds), and forgets the shortcut first (`clear ip nhrp` on both spokes).

The yardstick is a datagram's round trip H3 - R31 - R11 - H1 and back, in the same lab: redirect, resolution, reply and
proof cannot be had in less than three of them.

The same is measured with every tunnel protected (IKEv2 with smart defaults and a shared key, AES-GCM-256). There each
run clears what the spokes have with each other, too, so the path also waits for a whole handshake.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import socket
import statistics
import struct
import tempfile
import time
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.dataplane import engines
from bench.figures import Figure
from bench.labs import lab, need_namespaces
from dmvpn.dataplane import netlink
from dmvpn.dataplane.sockets import IP_RECVTTL
from dmvpn.shells.exercises import BUILT_IN
from dmvpn.shells.lab import control, namespaces
from dmvpn.shells.lab.forked import run_forked

if TYPE_CHECKING:
    from bench.labs import Lab
    from dmvpn.shells.lab.forked import Json

SCENARIO: Final = "notes-phase3"
PORT: Final = 5203
#: Addresses that H4 gets, one for each run.
FIRST_ADDRESS: Final = IPv4Address("10.4.4.101")
HUB_HOST: Final = "10.1.1.100"
FAR_NBMA: Final = "172.16.41.1"
PROTECTION: Final = """\
crypto ikev2 keyring DMVPN
 peer ANY
  address 0.0.0.0 0.0.0.0
  pre-shared-key Demo-Key-1
 !
!
crypto ikev2 profile DMVPN
 match identity remote address 0.0.0.0
 authentication local pre-share
 authentication remote pre-share
 keyring local DMVPN
!
crypto ipsec transform-set DMVPN esp-gcm 256
 mode transport
!
crypto ipsec profile DMVPN
 set transform-set DMVPN
 set ikev2-profile DMVPN
!
"""
RATE: Final = 1000
PACKETS: Final = 600
#: Seconds after the last datagram in which the others may still arrive.
AFTERWARDS: Final = 0.3
ROUND_TRIPS: Final = 200
DIRECT_TTL: Final = 62
_STAMP: Final = struct.Struct("!Id")


def measure(*, quick: bool) -> list[Figure]:
    """Let the stream begin 20 times, with each engine there is, in clear and protected. Raises Skipped."""
    need_namespaces()
    runs = 5 if quick else 20
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="dmvpn-bench-") as folder:
        protected = str(_protected_copy(Path(folder)))
        for engine in engines():
            with lab(SCENARIO, "--engine", engine) as running:
                kind = _Kind(f"direct path, {engine}", goal=3, floor=4, is_judged=engine == engines()[-1])
                figures += _with_engine(running, kind, runs)
            with lab(protected, "--engine", engine) as running:
                kind = _Kind(
                    f"direct encrypted path, {engine}",
                    goal=7,
                    floor=9,
                    is_judged=engine == engines()[-1],
                    protected=True,
                )
                figures += _with_engine(running, kind, runs)
    return figures


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is measured. goal, floor: milliseconds. is_judged: the floor is for this engine."""

    name: str
    goal: float
    floor: float
    is_judged: bool
    protected: bool = False


def _protected_copy(folder: Path) -> Path:
    """The scenario with a profile on every tunnel; its path."""
    copy = folder / f"{SCENARIO}-protected"
    shutil.copytree(BUILT_IN / SCENARIO, copy)
    for path in copy.glob("R*.cfg"):
        path.write_text(protected(path.read_text(), tunnel=100, key=100))
    return copy


def protected(text: str, *, tunnel: int, key: int) -> str:
    """Return a configuration whose tunnel is protected by `PROTECTION`."""
    text = text.replace(f"\ninterface Tunnel{tunnel}\n", f"\n{PROTECTION}interface Tunnel{tunnel}\n")
    return text.replace(f" tunnel key {key}\n", f" tunnel key {key}\n tunnel protection ipsec profile DMVPN\n")


def _with_engine(running: Lab, kind: _Kind, runs: int) -> list[Figure]:
    supervisor, spaces = _spaces(running)
    try:
        run_forked(lambda: _give_addresses(supervisor, spaces["H4"], runs))
        trips = run_forked(lambda: _round_trips(supervisor, spaces))
        assert isinstance(trips, list)
        streams = [_one_run(running, supervisor, spaces, number, protected=kind.protected) for number in range(runs)]
    finally:
        for space in spaces.values():
            os.close(space)
    round_trips = tuple(float(trip) for trip in trips if isinstance(trip, float))
    times, lost, overtaken = zip(*streams, strict=True)
    against = f"a round trip to the hub's LAN ({statistics.median(round_trips):.2f} ms)"
    inside = f"to the {kind.name}"
    return [
        Figure(
            name=f"first packet {inside}",
            unit="ms",
            values=times,
            goal=kind.goal,
            floor=kind.floor if kind.is_judged else None,
            baseline=round_trips,
            against=against,
        ),
        Figure(
            name=f"lost of {runs * PACKETS:,} packets over {runs} switches {inside}",
            unit="",
            values=(sum(lost),),
            goal=0,
            floor=0 if kind.is_judged else None,
        ),
        Figure(name=f"overtaken by one that took the {kind.name}", unit="", values=(sum(overtaken),)),
    ]


def _spaces(running: Lab) -> tuple[int, dict[str, int]]:
    """The pid of the supervisor, and the network namespaces of the hosts."""
    lent = {host: control.borrow_namespace(running.folder.control, host) for host in ("H1", "H3", "H4")}
    return lent["H3"][1], {host: descriptor for host, (descriptor, _) in lent.items()}


def _give_addresses(supervisor: int, space: int, count: int) -> None:
    """In a child: H4 answers to further addresses."""
    namespaces.enter_process(supervisor)
    namespaces.enter_network(space)
    with netlink.NetlinkSocket() as kernel:
        link = kernel.find_link("eth0")
        assert link is not None
        for number in range(count):
            kernel.call(netlink.add_address(netlink.InterfaceAddress(link.index, FIRST_ADDRESS + number, 24)))


def _sockets(supervisor: int, near: int, far: int) -> tuple[socket.socket, socket.socket]:
    """In a child: a sender in one namespace and a receiver, that is told the TTL, in the other."""
    namespaces.enter_process(supervisor)
    namespaces.enter_network(near)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    namespaces.enter_network(far)
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    receiver.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    receiver.bind(("", PORT))
    return sender, receiver


# ------------------------------------------------------------------------------------------------ one stream


def _one_run(
    running: Lab, supervisor: int, spaces: dict[str, int], number: int, *, protected: bool
) -> tuple[float, float, float]:
    """Milliseconds until packets leave directly; packets lost; packets that came after one sent later."""
    for spoke in ("R31", "R41"):
        running.do(spoke, "clear ip nhrp")
    if protected:
        running.do("R31", f"clear crypto session remote {FAR_NBMA}")
    end = time.monotonic() + 5.0
    while not running.is_ready() and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.2)
    result = run_forked(lambda: _stream(supervisor, spaces, str(FIRST_ADDRESS + number)))
    assert isinstance(result, list)
    switched, lost, overtaken = result
    assert isinstance(switched, float), "no packet came directly"
    assert isinstance(lost, int)
    assert isinstance(overtaken, int)
    return switched * 1e3, float(lost), float(overtaken)


def _stream(supervisor: int, spaces: dict[str, int], destination: str) -> Json:
    """In a child: send and receive. Seconds until the switch (None: there was none), lost, overtaken."""
    sender, receiver = _sockets(supervisor, spaces["H3"], spaces["H4"])
    sender.connect((destination, PORT))
    arrivals: list[tuple[int, float, int]] = []
    selector = selectors.DefaultSelector()
    selector.register(receiver, selectors.EVENT_READ)
    start = time.monotonic()
    first = start
    for sequence in range(PACKETS):
        due = start + sequence / RATE
        while (left := due - time.monotonic()) > 0:
            selector.select(left)
            arrivals += _arrived(receiver)
        now = time.monotonic()
        first = now if sequence == 0 else first
        sender.send(_STAMP.pack(sequence, now))
    end = time.monotonic() + AFTERWARDS
    while (left := end - time.monotonic()) > 0:
        selector.select(left)
        arrivals += _arrived(receiver)
    direct = [sent for _, sent, ttl in arrivals if ttl == DIRECT_TTL]
    switched = min(direct) - first if direct else None
    return [switched, PACKETS - len({sequence for sequence, _, _ in arrivals}), _overtaken(arrivals)]


def _arrived(receiver: socket.socket) -> list[tuple[int, float, int]]:
    """Sequence number, when it was sent, and TTL of the datagrams that are there."""
    found: list[tuple[int, float, int]] = []
    with contextlib.suppress(BlockingIOError):
        while True:
            octets, ancillary, _, _ = receiver.recvmsg(64, 64)
            sequence, sent = _STAMP.unpack(octets)
            (ttl,) = (int.from_bytes(data[:4], "little") for _, kind, data in ancillary if kind == socket.IP_TTL)
            found.append((sequence, sent, ttl))
    return found


def _overtaken(arrivals: list[tuple[int, float, int]]) -> int:
    highest, late = -1, 0
    for sequence, _, _ in arrivals:
        late += sequence < highest
        highest = max(highest, sequence)
    return late


def _round_trips(supervisor: int, spaces: dict[str, int]) -> Json:
    """In a child: round trips between H3 and H1, milliseconds."""
    sender, receiver = _sockets(supervisor, spaces["H3"], spaces["H1"])
    sender.connect((HUB_HOST, PORT))
    trips: list[Json] = []
    for _ in range(ROUND_TRIPS):
        begun = time.monotonic()
        sender.send(b"there")
        if not _wait(receiver):
            continue
        receiver.sendto(b"back", receiver.recvfrom(64)[1])
        if _wait(sender):
            sender.recv(64)
            trips.append((time.monotonic() - begun) * 1e3)
        time.sleep(0.001)
    return trips


def _wait(opened: socket.socket) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(opened, selectors.EVENT_READ)
        return bool(selector.select(0.5))
