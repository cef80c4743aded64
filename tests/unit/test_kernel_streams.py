"""Byte streams on the kernel's TCP, over the loopback: what a neighbor that never reads can keep of them."""

from __future__ import annotations

import os
import select
import socket
import time
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.base.streams import StreamBlocked, StreamClose, StreamOpen, StreamSend, StreamUp, StreamWritable
from dmvpn.dataplane.userspace import streams as kernel_streams
from dmvpn.dataplane.userspace.streams import KernelStreams

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from dmvpn.base.events import Event

#: Seconds until a test gives up: a busy machine is slow.
PATIENCE = 60.0
HERE = IPv4Address("127.0.0.1")


class Turns:
    """Watches descriptors, a turn at a time."""

    def __init__(self) -> None:
        self.ready: dict[int, Callable[[], object]] = {}

    def add(self, descriptor: int, ready: Callable[[], object]) -> None:
        self.ready[descriptor] = ready

    def remove(self, descriptor: int) -> None:
        del self.ready[descriptor]

    def turn(self) -> None:
        for descriptor in select.select(list(self.ready), [], [], 0.005)[0]:
            self.ready[descriptor]()


def sockets() -> set[str]:
    """The sockets that this process has."""
    folder = Path("/proc/self/fd")
    links = [os.readlink(each) for each in folder.iterdir() if each.exists() or each.is_symlink()]
    return {link for link in links if link.startswith("socket:")}


def test_a_stream_that_ends_does_not_wait_for_ever_for_a_neighbor_that_never_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kernel_streams, "LINGERING", 200)
    events: list[Event] = []
    turns = Turns()
    streams = KernelStreams(events.append, turns)
    deadline = time.monotonic() + PATIENCE
    with socket.create_server((str(HERE), 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        before = sockets()
        streams.open(StreamOpen(2, HERE, HERE, server.getsockname()[1], ttl=64))
        (ours,) = sockets() - before
        neighbor, _ = server.accept()
        with neighbor:
            while not any(isinstance(event, StreamUp) for event in events):
                assert time.monotonic() < deadline
                turns.turn()
            while True:  # until the kernel takes no more
                events.clear()
                streams.send(StreamSend(2, bytes(1 << 17)))
                turns.turn()
                if not any(isinstance(event, StreamWritable) for event in events):
                    break
            streams.close_stream(StreamClose(2))
            assert ours in sockets(), "it ends after what was sent"
            while ours in sockets():
                assert time.monotonic() < deadline
                turns.turn()
    streams.close()


def test_a_neighbor_that_does_not_read_is_told_of_and_again_each_time_it_reads_some() -> None:
    events: list[Event] = []
    turns = Turns()
    streams = KernelStreams(events.append, turns)
    deadline = time.monotonic() + PATIENCE
    taken = sent = 0

    def count(kind: type[Event]) -> int:
        assert time.monotonic() < deadline
        return sum(isinstance(event, kind) for event in events)

    with socket.create_server((str(HERE), 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
        streams.open(StreamOpen(2, HERE, HERE, server.getsockname()[1], ttl=64))
        neighbor, _ = server.accept()
        with neighbor:
            while not count(StreamUp):
                turns.turn()
            while not count(StreamBlocked):
                streams.send(StreamSend(2, bytes(1 << 17)))
                sent += 1 << 17
                turns.turn()
            before = count(StreamBlocked), count(StreamWritable)
            while taken < sent:
                taken += len(neighbor.recv(1 << 16))
                turns.turn()
            while count(StreamWritable) == before[1]:
                turns.turn()
            assert isinstance(events[-1], StreamWritable)
    streams.close()
