"""IKE in UDP: ports 500 and 4500, the non-ESP marker and the NAT keepalive; NAT detection; outputs about datagrams.

RFC 7296 §2, §2.23 and §3.1, RFC 3948. Both sides say which addresses they think they use, as a hash.

When a message is sent again, in both versions: RFC 7296 §2.1, RFC 2408 §5.1.
"""

from __future__ import annotations

import hashlib
from typing import Final

from dmvpn.base.effects import Effect, SendIp, in_table
from dmvpn.base.errors import WireError
from dmvpn.base.events import IpReceived
from dmvpn.base.values import Value
from dmvpn.features.ike.peer_settings import IKE_PORT, NAT_PORT, DatagramPath, Endpoint
from dmvpn.net.ip import UdpDatagram

PROTOCOL: Final = 17
#: Before a message on port 4500: no SA has this SPI.
MARKER: Final = bytes(4)
#: Keeps a translation alive, and means nothing else (RFC 3948 §2.3).
KEEPALIVE: Final = b"\xff"
#: A vendor identifier of our own: its sender takes IKE and ESP by UDP port 4500 even where nobody translates, and goes
#: back to port 500 and protocol 50 if nothing comes through. MD5 of "dmvpn: UDP port 4500 preferred".
PREFERS_UDP: Final = bytes.fromhex("b39cf42a827b28d34bd75dce2fff7c3d")
#: How often a message goes to port 4500 where nobody translates, before it goes to port 500 instead.
TRIES_BY_NAT_PORT: Final = 3
#: Internetwork control, as IOS marks its negotiations.
_TOS: Final = 0xC0


def received(packet: IpReceived) -> tuple[DatagramPath, bytes] | None:
    """Return a message for IKE without its marker, and its path, seen from here; None: it is not for IKE."""
    try:
        datagram = UdpDatagram.parse(packet.payload, packet.source, packet.destination)
    except WireError:
        return None
    octets = datagram.payload
    if datagram.destination_port == NAT_PORT:
        if octets[: len(MARKER)] != MARKER:
            return None
        octets = octets[len(MARKER) :]
    elif datagram.destination_port != IKE_PORT:
        return None
    local = Endpoint(packet.destination, datagram.destination_port)
    return DatagramPath(local, Endpoint(packet.source, datagram.source_port), packet.vrf), octets


def send(path: DatagramPath, octets: bytes) -> Effect:
    """Send a message of ours, in the front door of its path."""
    return _send(path, MARKER + octets if path.local.port == NAT_PORT else octets)


def keep_alive(path: DatagramPath) -> Effect:
    """Send one octet for the sake of the NAT."""
    return _send(path, KEEPALIVE)


def _send(path: DatagramPath, payload: bytes) -> Effect:
    local, remote = path.local, path.remote
    datagram = UdpDatagram(source_port=local.port, destination_port=remote.port, payload=payload)
    octets = datagram.serialize(local.address, remote.address)
    return in_table(path.front, SendIp(None, local.address, remote.address, PROTOCOL, octets, tos=_TOS))


def endpoint_hash(spis: bytes, end: Endpoint, name: str) -> bytes:
    """Return the hash of both SPIs or cookies, address and port. RFC 3947 §3.2, RFC 7296 §2.23.

    name: of the hash.
    """
    octets = spis + end.address.packed + end.port.to_bytes(2, "big")
    return bytes(getattr(hashlib, name)(octets, usedforsecurity=False).digest())


class Nat(Value):
    """What NAT detection found, RFC 7296 §2.23.

    supported: the peer said something about it at all.
    """

    local: bool = False
    remote: bool = False
    supported: bool = False

    @property
    def found(self) -> bool:
        """Whether a NAT translates addresses between us."""
        return self.local or self.remote


# ----------------------------------------------------------------------------------------- when a message is sent again


#: Seconds after which a request is repeated, and after the last one until the peer counts as dead: half a minute.
INTERVALS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0)
#: The same where a peer may be gone, as another session of it says: five seconds.
SHORT_INTERVALS: Final = (0.5, 1.0, 1.5, 2.0)
#: How often a request is answered again, in how many seconds: an attacker can repeat it as often as it likes.
MOST_REPETITIONS: Final = 8
REPETITION_TIME: Final = 30.0
#: Seconds in which a peer that began a session must prove itself.
HALF_OPEN: Final = 30.0


def mark_of(octets: bytes) -> bytes:
    """Return the mark by which a message is known when the same octets come again."""
    return hashlib.sha256(octets).digest()


class Repetitions:
    """How often the same message was answered again."""

    __slots__ = ("_times",)

    def __init__(self) -> None:
        self._times: tuple[float, ...] = ()

    def may(self, now: float) -> bool:
        """Return whether it is answered once more, and count that. now: seconds monotonic."""
        if len(self._times) == MOST_REPETITIONS and now - self._times[0] < REPETITION_TIME:
            return False
        self._times = (*self._times, now)[-MOST_REPETITIONS:]
        return True

    def clear(self) -> None:
        """Begin with another message."""
        self._times = ()
