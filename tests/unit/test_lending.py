"""Answers of a router to its supervisor arrive whole, however large they are."""

from __future__ import annotations

import socket

import pytest

from dmvpn.shells.lab.lending import borrow, lend


@pytest.fixture
def pipe() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


@pytest.mark.parametrize("length", [0, 1, 300_000, 5_000_000])
def test_what_is_lent_arrives_whole(pipe: tuple[socket.socket, socket.socket], length: int) -> None:
    """The facts of a hub with hundreds of spokes did not fit into a packet of the pipe."""
    ours, theirs = pipe
    with ours, theirs:
        theirs.setblocking(False)
        octets = bytes(range(256)) * (length // 256) + bytes(length % 256)
        lend(theirs, octets)
        assert borrow(ours) == octets


def test_a_packet_without_octets_is_no_answer(pipe: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pipe
    with ours, theirs:
        theirs.send(b"[]")
        with pytest.raises(ValueError, match="without its octets"):
            borrow(ours)
