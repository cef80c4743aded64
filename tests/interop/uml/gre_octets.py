#!/usr/bin/env python3
"""One TCP connection inside user-mode Linux.

`take ADDRESS` prints how many octets came and their digest, `send ADDRESS` sends as many as fill some hundred packets
and prints the same of them.
"""

from __future__ import annotations

import hashlib
import socket
import sys
import time

PORT = 5201
OCTETS = b"".join(number.to_bytes(4, "big") for number in range(100_000))


def told(octets: bytes) -> str:
    """What both ends print."""
    return f"{len(octets)} {hashlib.sha256(octets).hexdigest()}"


def take(address: str) -> bytes:
    """Everything that one connection brings."""
    with socket.create_server((address, PORT)) as listening:
        listening.settimeout(60)
        connection, _ = listening.accept()
        with connection:
            return b"".join(iter(lambda: connection.recv(65536), b""))


def send(address: str) -> bytes:
    """Send, as soon as somebody listens there."""
    end = time.monotonic() + 20
    while True:
        try:
            connection = socket.create_connection((address, PORT), timeout=20)
            break
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
    with connection:
        connection.sendall(OCTETS)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)  # the other end has read it all
    return OCTETS


if __name__ == "__main__":
    print(told(take(sys.argv[2]) if sys.argv[1] == "take" else send(sys.argv[2])))
