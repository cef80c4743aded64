"""IKE in UDP: ports 500 and 4500, the non-ESP marker and the NAT keepalive; NAT detection; acts about datagrams.

RFC 7296 §2, §2.23 and §3.1, RFC 3948. Both sides say which addresses they think they use, as a hash.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import SendIp
from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.features.ikev2.terms import IKE_PORT, NAT_PORT, DatagramPath, Endpoint
from dmvpn.features.ikev2.wire.numbers import NotifyType
from dmvpn.features.ikev2.wire.payloads import Notify
from dmvpn.net.udp import UdpDatagram

if TYPE_CHECKING:
    from dmvpn.base.events import IpReceived
    from dmvpn.base.reasons import Reason
    from dmvpn.features.ikev2.wire import Chain

PROTOCOL: Final = 17
#: Before a message on port 4500: no SA has this SPI.
MARKER: Final = bytes(4)
#: Keeps a translation alive, and means nothing else (RFC 3948 §2.3).
KEEPALIVE: Final = b"\xff"
#: Internetwork control, as IOS marks its negotiations.
_TOS: Final = 0xC0


@dataclass(frozen=True, slots=True)
class Act:
    """The base of all acts."""


@dataclass(frozen=True, slots=True)
class Reply(Act):
    """Send a datagram that belongs to no IKE SA."""

    path: DatagramPath
    datagram: bytes


@dataclass(frozen=True, slots=True)
class TurnedAway(Act):
    """Somebody could not be understood, or not be served.

    why: for people.
    logged: worth a line in the log.
    """

    path: DatagramPath
    why: Reason
    logged: bool = False


@dataclass(frozen=True, slots=True)
class Hinted(Act):
    """Somebody says, outside of any IKE SA, that it does not know the SA of ESP with this SPI: a hint, no proof."""

    path: DatagramPath
    spi: int


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
    return DatagramPath(local, Endpoint(packet.source, datagram.source_port)), octets


def send(path: DatagramPath, octets: bytes) -> SendIp:
    """Send a message of ours."""
    return _send(path, MARKER + octets if path.local.port == NAT_PORT else octets)


def keep_alive(path: DatagramPath) -> SendIp:
    """Send one octet for the sake of the NAT."""
    return _send(path, KEEPALIVE)


def _send(path: DatagramPath, payload: bytes) -> SendIp:
    local, remote = path.local, path.remote
    datagram = UdpDatagram(source_port=local.port, destination_port=remote.port, payload=payload)
    octets = datagram.serialize(local.address, remote.address)
    return SendIp(None, local.address, remote.address, PROTOCOL, octets, tos=_TOS)


# ---------------------------------------------------------------------------------------- NAT detection, RFC 7296 §2.23


@dataclass(frozen=True, slots=True)
class Nat:
    """What NAT detection found, RFC 7296 §2.23.

    supported: the peer said something about it at all.
    """

    local: bool = False
    remote: bool = False
    supported: bool = False

    @property
    def found(self) -> bool:
        """Whether somebody translates addresses between us."""
        return self.local or self.remote


def detection_hash(spis: bytes, end: Endpoint) -> bytes:
    """Return SHA-1 of SPIi | SPIr | address | port. It is no secret: everybody on the path knows all of it."""
    octets = spis + end.address.packed + end.port.to_bytes(2, "big")
    return hashlib.sha1(octets, usedforsecurity=False).digest()


def detection(spis: bytes, path: DatagramPath, *, force: bool = False) -> tuple[Notify, Notify]:
    """Make our two notifies.

    force: pretend that our address is translated, so that both sides use port 4500.
    """
    source = bytes(20) if force else detection_hash(spis, path.local)
    return (
        Notify(NotifyType.NAT_DETECTION_SOURCE_IP, source),
        Notify(NotifyType.NAT_DETECTION_DESTINATION_IP, detection_hash(spis, path.remote)),
    )


def detect(message: Chain, spis: bytes, path: DatagramPath, *, forces: bool) -> Nat:
    """Compare the peer's hashes with the addresses of the datagram.

    spis: as they were in its header.
    forces: we pretend to be translated, and behave so.
    """
    notifies = message.all(Notify)
    theirs = [notify.data for notify in notifies if notify.kind == NotifyType.NAT_DETECTION_SOURCE_IP]
    ours = [notify.data for notify in notifies if notify.kind == NotifyType.NAT_DETECTION_DESTINATION_IP]
    if not (theirs and ours):
        return Nat()
    return Nat(  # several sources: of a peer with several addresses, one of which must fit
        remote=detection_hash(spis, path.remote) not in theirs,
        local=forces or detection_hash(spis, path.local) not in ours,
        supported=True,
    )
