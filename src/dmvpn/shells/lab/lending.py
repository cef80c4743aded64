"""Answers of any length over a SOCK_SEQPACKET pipe: the octets are in a file in memory, and its descriptor is sent.

A packet of such a pipe must fit into the sender's buffer, some 200 KB by default; the facts of a hub with hundreds of
spokes are larger.
"""

from __future__ import annotations

import os
import socket


def lend(pipe: socket.socket, octets: bytes) -> None:
    """Answer with these octets. Raises OSError."""
    descriptor = os.memfd_create("dmvpn-answer", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(octets)
        socket.send_fds(pipe, [str(len(octets)).encode()], [descriptor])
    finally:
        os.close(descriptor)


def borrow(pipe: socket.socket) -> bytes:
    """Return the octets of an answer. Raises TimeoutError, OSError, ValueError for an invalid answer."""
    said, descriptors, _, _ = socket.recv_fds(pipe, 64, 1)
    if not descriptors:
        raise ValueError(f"an answer without its octets: {said!r}")
    with os.fdopen(descriptors[0], "rb") as file:
        file.seek(0)
        octets = file.read()
    if said != str(len(octets)).encode():
        raise ValueError(f"an answer of {len(octets)} octets, where {said!r} were said")
    return octets
